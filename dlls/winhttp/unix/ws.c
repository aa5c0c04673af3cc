#if 0
#pragma makedep unix
#endif

/*
 * WebSocket: messages over a byte stream that was HTTP until its 101
 *
 * How it ends. The answer to the peer's close is sent when the program says that it closes, too (WHX_WS_CLOSE), or
 * gives the exchange up: WinHTTP leaves the time, and the words, to the program. Once both close frames are out and
 * nothing waits for a reader, the stream is left; the peer is to end it (RFC 6455 section 7.1.1), and conn.c waits for
 * that in the background. A peer that broke the protocol gets a close frame that says so. A program that gives the
 * exchange up before anybody has said anything of closing cuts the stream, as closing a handle does on Windows.
 *
 * Keep-alive. After `keepalive_ms` without a byte from the peer a ping goes out; when the same time has passed again
 * without one, the exchange fails with TIMEOUT: Windows breaks the connection, too, but a program may want to know why.
 * While nothing is read because nobody takes the messages, silence says nothing, and the time begins anew.
 */

#include "hooks.h"
#include "log.h"
#include "ws_internal.h"

#define QUIET_MS 100      /* after so much silence the stream is asked, although it has not said that there is something */

enum wh_error ws_feed( struct ws *ws, const char *data, size_t len )
{
    struct buffer *in = &ws->receiver.in;
    size_t part;

    for (; len; len -= part, data += part)
    {
        if (buffer_room( in )) return WHE_NO_MEMORY;
        part = in->size - in->end < len ? in->size - in->end : len;
        memcpy( in->data + in->end, data, part );
        in->end += part;
    }
    return WHE_OK;
}

enum wh_error ws_peer_close( struct ws *ws, const void **data, size_t *len )
{
    if (!__atomic_load_n( &ws->told, __ATOMIC_ACQUIRE )) return WHE_STATE;
    *data = ws->peer_close;
    *len = ws->peer_close_len;
    return WHE_OK;
}

void ws_tell_close( struct ws *ws )
{
    __atomic_store_n( &ws->told, 1, __ATOMIC_RELEASE );
}

void ws_set_keepalive( struct ws *ws, uint32_t interval_ms, uint64_t now_ms )
{
    ws->keepalive_ms = interval_ms;
    ws->keepalive_at = interval_ms ? now_ms + interval_ms : TIMER_NEVER;
    ws->pinged = 0;
}

/* While a synchronous program does something else nobody waits for events, and what came meanwhile was not told. One that only
 * sends has to answer pings all the same, and before a peer is called dead its answer has to be looked for. */
static void look( struct ws *ws, struct layer *stream, uint64_t now_ms )
{
    if (now_ms < ws->keepalive_at && now_ms - ws->looked_ms < QUIET_MS) return;
    ws->looked_ms = now_ms;
    stream->ops->ready( stream, LAYER_WANT_READ, 0 );
}

/* 1: the peer is gone. */
static int keepalive_is_over( struct ws *ws, const struct op *read, uint64_t now_ms )
{
    const struct ws_receiver *receiver = &ws->receiver;

    if (now_ms < ws->keepalive_at) return 0;
    if (receiver->ended)
    {
        ws->keepalive_at = TIMER_NEVER;
        return 0;
    }
    ws->keepalive_at = now_ms + ws->keepalive_ms;
    if (!read && (receiver->checked >= receiver->ahead || receiver->stuck))
    {
        ws->pinged = 0;
        return 0;
    }
    if (ws->pinged) return 1;
    ws->pinged = ws->sender.ping_due = 1;
    return 0;
}

/* Our half is said: a close frame is out, or nothing can go out any more. */
static int has_closed( const struct ws *ws )
{
    return ws->sender.broken || (ws->sender.close_sent && !ws_send_due( ws ));
}

static void release( struct ws *ws )
{
    ws_receiver_release( &ws->receiver );
    ws_sender_release( &ws->sender );
}

static enum ws_result over( struct ws *ws, struct exchange *exchange, uint64_t *deadline )
{
    *deadline = TIMER_NEVER;
    release( ws );
    __atomic_store_n( &exchange->response_done, 1, __ATOMIC_RELEASE );
    return WS_OVER;
}

/* It ends with ws->error. The peer is told why in one attempt. */
static enum ws_result fail( struct ws *ws, struct exchange *exchange, struct layer *stream, uint64_t now_ms,
                            uint64_t *deadline )
{
    enum wh_error error = ws->error;
    uint32_t detail = ws->detail;

    if (error == WHE_PROTOCOL && ws_send_due( ws )) ws_send( ws, exchange, stream, NULL, now_ms );
    exchange_fail( exchange, error, detail );
    return over( ws, exchange, deadline );
}

static struct op *active( struct exchange *exchange, struct op *op )
{
    return op_active( exchange, op ) ? op : NULL;
}

static void earlier( uint64_t *deadline, uint64_t time )
{
    if (time < *deadline) *deadline = time;
}

enum ws_result ws_run( struct exchange *exchange, struct layer *stream, uint64_t now_ms, uint64_t *deadline )
{
    struct ws *ws = exchange->ws;
    enum ws_step sent, received;
    struct op *op;

    /* A peer that has ended its side while a reader still has something to take may listen; a stream that failed does not. */
    if ((op = active( exchange, &exchange->send )) && ws->error && ws->error != WHE_RESET)
    {
        exchange_finish( exchange, op, ws->error, ws->detail );
        op = NULL;
    }
    if ((sent = ws_send( ws, exchange, stream, op, now_ms )) == WS_STEP_FAILED)
        return fail( ws, exchange, stream, now_ms, deadline );

    look( ws, stream, now_ms );
    received = ws_receive( ws, exchange, stream, active( exchange, &exchange->read ), now_ms );
    if (received == WS_STEP_FAILED) return fail( ws, exchange, stream, now_ms, deadline );
    if (keepalive_is_over( ws, active( exchange, &exchange->read ), now_ms ))
    {
        ws->error = WHE_TIMEOUT;
        return fail( ws, exchange, stream, now_ms, deadline );
    }
    if (ws_send_due( ws ) && sent == WS_STEP_WAIT)
    {
        sent = ws_send( ws, exchange, stream, active( exchange, &exchange->send ), now_ms );
        if (sent == WS_STEP_FAILED) return fail( ws, exchange, stream, now_ms, deadline );
    }
    if (ws->receiver.closed && has_closed( ws ) && !ws_waiting( ws )) return over( ws, exchange, deadline );

    *deadline = TIMER_NEVER;
    earlier( deadline, ws->keepalive_at );
    earlier( deadline, ws->receiver.look_at );
    if ((op = active( exchange, &exchange->send )) && op->step_at) earlier( deadline, op_deadline( op ) );
    if ((op = active( exchange, &exchange->read )) && op->step_at) earlier( deadline, op_deadline( op ) );
    return sent == WS_STEP_MORE || received == WS_STEP_MORE ? WS_MORE : WS_WAIT;
}

void ws_leave( struct ws *ws, struct layer *stream )
{
    struct ws_sender *sender = &ws->sender;
    const uint8_t *close = ws->peer_close;

    if (ws->receiver.closed && !sender->close_sent && !sender->close_code)
        sender->close_code = (unsigned int)close[0] << 8 | close[1];
    if (ws_send_due( ws ) && !sender->inside) ws_send( ws, NULL, stream, NULL, 0 );
    release( ws );
}

int ws_lingers( const struct ws *ws )
{
    return ws->sender.close_sent && !ws->sender.broken && ws->error != WHE_RESET && ws->error != WHE_TIMEOUT;
}

void ws_free( struct ws *ws )
{
    if (!ws) return;
    release( ws );
    ws_deflate_free( &ws->codec );
    wh_free( ws );
}
