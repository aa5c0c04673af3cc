#if 0
#pragma makedep unix
#endif

/*
 * An HTTP/1.1 connection at work: one exchange at a time
 *
 * Sending is h1_send.c. Receiving finds the head, then moves body bytes: from the input buffer by intake.c, or, when that is
 * empty and the reader wants much, straight into the reader's buffer. Sending and receiving are independent: an answer may
 * come while the body is still going out.
 *
 * The connection is fit for another exchange only if the request went out whole, the response came whole, nothing in its
 * head could be read in two ways, both sides keep the connection, and no byte follows.
 */

#include "conn.h"
#include "exchange.h"
#include "h1_internal.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"
#include "ws.h"

#define LINGER_MAX  65536            /* bytes thrown away while the peer has not ended a WebSocket's connection yet */
#define NO_END      (~(uint64_t)0)   /* body bytes left until the connection ends */
#define DIRECT_MIN  16384            /* from so many bytes on, reading into place beats the copy from the buffer */
#define DIRECT_MAX  (256 * 1024)     /* one read's share; measured: 64 KiB costs half the rate of a 1 MiB read */

void h1_reset( struct h1 *h1 )
{
    buffer_release( &h1->in );
    memset( h1, 0, sizeof(*h1) );
}

/* More input behind what is there: > 0 bytes, 0 at the end of the stream, LAYER_AGAIN or LAYER_FAILED. */
ssize_t h1_input( struct conn *conn )
{
    struct h1 *h1 = &conn->h1;
    ssize_t count;

    if (buffer_room( &h1->in ))
    {
        conn->layer->error = WHE_NO_MEMORY;
        return LAYER_FAILED;
    }
    count = conn->layer->ops->read( conn->layer, h1->in.data + h1->in.end, h1->in.size - h1->in.end );
    if (count > 0)
    {
        LOG_BYTES( &conn->obj, '<', h1->in.data + h1->in.end, count );
        h1->in.end += count;
        h1->got_bytes = 1;
        conn->gather.came += count;
    }
    else if (!buffer_len( &h1->in )) buffer_release( &h1->in );
    return count;
}

enum h1_result h1_fail( struct conn *conn, struct exchange *exchange, enum wh_error error, uint32_t detail )
{
    if (error == WHE_RESET && exchange->reused && !conn->h1.got_bytes) error = WHE_STALE;
    exchange_fail( exchange, error, detail );
    conn_end_exchange( conn, exchange, CONN_CLOSE );
    return H1_OVER;
}

/* Receiving. */

/* The response is complete: the connection goes where it belongs, if the request is complete, too. */
static enum h1_result h1_response_done( struct conn *conn, struct exchange *exchange )
{
    struct h1 *h1 = &conn->h1;
    int keep;

    exchange->times.receive_end = engine_now_us();
    __atomic_store_n( &exchange->response_done, 1, __ATOMIC_RELEASE );    /* the trailers are there, too */
    if (!exchange->request_done && !h1->send_broken) return H1_WAIT;

    keep = (!conn->refused || h1->info.status == 407) &&    /* a refusal: only for whoever has an answer to it */
           exchange->request_done && !h1->send_broken && !h1->sent_bad && h1->info.keep_alive && !h1->info.ambiguous &&
           exchange_reuses( exchange ) && h1->info.status != 101 && !buffer_len( &h1->in ) &&
           !op_active( exchange, &exchange->send );    /* it has more than the message, or not all of it is out yet */
    if (exchange->flags & WHX_NO_REUSE) exchange_progress( exchange, WHK_CLOSING, NULL );
    conn_end_exchange( conn, exchange, keep ? CONN_KEEP : CONN_CLOSE );
    if (exchange->flags & WHX_NO_REUSE) exchange_progress( exchange, WHK_CLOSED, NULL );
    return H1_OVER;
}

static enum h1_result h1_head_taken( struct conn *conn, struct exchange *exchange, struct op *op )
{
    struct h1 *h1 = &conn->h1;
    enum h1_result result = H1_WAIT;

    if (h1->info.status < 200 && h1->info.status != 101)
    {
        op->flags = WHR_INTERIM;
        h1->head_len = 0;
        memset( &h1->scan, 0, sizeof(h1->scan) );
    }
    else
    {
        h1->head_done = 1;
        exchange->times.receive_head_end = engine_now_us();
        if (!conn->refused) origin_note_version( conn->origin, h1->info.minor );
        exchange->stats.response_head = op->done;
        h1->left = h1->info.body == HEAD_BODY_LENGTH ? h1->info.content_len : NO_END;
        if (!h1->info.keep_alive || h1->info.ambiguous) op->flags |= WHR_CLOSE;
        if (h1->info.body == HEAD_BODY_NONE || !h1->left)
        {
            op->flags |= WHR_END;
            result = h1_response_done( conn, exchange );
        }
        else if (intake_begin( exchange, &h1->info.codings, h1->info.status ))
        {
            op->flags |= WHR_DECODED;
            op->content_len = WH_NO_LENGTH;
        }
    }
    exchange_finish( exchange, op, WHE_OK, 0 );
    return result;
}

/* The final head is 101, and a WebSocket was asked for: what follows is not HTTP. */
static enum h1_result h1_upgrade( struct conn *conn, struct exchange *exchange, struct op *op )
{
    struct h1 *h1 = &conn->h1;
    enum wh_error error;

    if ((error = ws_open( exchange, buffer_head( &h1->in ), h1->head_len ))) return h1_fail( conn, exchange, error, 0 );
    memcpy( op->data, buffer_head( &h1->in ), h1->head_len );
    buffer_consume( &h1->in, h1->head_len );
    if ((error = ws_feed( exchange->ws, buffer_head( &h1->in ), buffer_len( &h1->in ) )))
        return h1_fail( conn, exchange, error, 0 );
    buffer_release( &h1->in );
    h1->head_done = 1;
    h1->left = NO_END;
    exchange->times.receive_head_end = engine_now_us();
    exchange->stats.response_head = op->done;
    op->flags |= WHR_CLOSE;
    exchange_finish( exchange, op, WHE_OK, 0 );
    return H1_WAIT;
}

/* A WebSocket needs its connection no more. The peer hears so at once: a program of synchronous calls may never come back to
 * close it. */
static enum conn_fate h1_leave_websocket( struct conn *conn, struct exchange *exchange )
{
    struct h1 *h1 = &conn->h1;

    if (!ws_lingers( exchange->ws )) return CONN_CLOSE;
    conn->layer->ops->goodbye( conn->layer );
    h1->drain_left = h1->drain_raw_left = LINGER_MAX;
    return CONN_DRAIN;
}

static enum h1_result h1_websocket( struct conn *conn, struct exchange *exchange, uint64_t now_ms )
{
    enum ws_result result;
    uint64_t deadline;

    if ((result = ws_run( exchange, conn->layer, now_ms, &deadline )) == WS_OVER)
    {
        conn_end_exchange( conn, exchange, h1_leave_websocket( conn, exchange ) );
        return H1_OVER;
    }
    engine_set_timer( &conn->timer, deadline );
    return result == WS_MORE ? H1_MORE : H1_WAIT;
}

static enum h1_result h1_broken( struct conn *conn, struct exchange *exchange )
{
    return h1_fail( conn, exchange, conn_layer_error( conn ), conn->layer->detail );
}

/* The answer is a proxy's own: it read the request, or would not make a tunnel. */
static int speaks_for_itself( const struct conn *conn )
{
    return conn->refused || ((conn->origin->proxy_kind == WH_PROXY_HTTP || conn->origin->proxy_kind == WH_PROXY_HTTPS) &&
                             !conn->origin->tunnel);
}

static enum h1_result h1_receive_head( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    struct h1 *h1 = &conn->h1;
    ssize_t count;

    if (h1->head_done)
    {
        exchange_finish( exchange, op, WHE_STATE, 0 );
        return H1_WAIT;
    }
    op_see( op, now_ms );
    while (!h1->head_len)
    {
        count = buffer_len( &h1->in ) ? head_scan( &h1->scan, buffer_head( &h1->in ), buffer_len( &h1->in ) ) : PARSE_MORE;
        if (count == PARSE_BAD) return h1_fail( conn, exchange, WHE_PROTOCOL, 0 );
        if (h1->head_total + (count > 0 ? (size_t)count : buffer_len( &h1->in )) > op->limit)
            return h1_fail( conn, exchange, WHE_HEAD_SIZE, 0 );
        if (count > 0)
        {
            if (head_parse( &h1->info, buffer_head( &h1->in ), count,
                            (exchange->flags & WHX_HEAD) && !conn->refused ) == PARSE_BAD)
                return h1_fail( conn, exchange, WHE_PROTOCOL, 0 );
            if (speaks_for_itself( conn )) h1->info.keep_alive = h1->info.proxy_keep_alive;
            h1->head_len = count;
            break;
        }
        switch ((count = h1_input( conn )))
        {
        case LAYER_AGAIN:
            if (now_ms < op_deadline( op )) return H1_WAIT;
            if (!(op->options & WHX_SOFT_TIMEOUT)) return h1_fail( conn, exchange, WHE_TIMEOUT, 0 );
            exchange_finish( exchange, op, WHE_TIMEOUT, 0 );
            return H1_WAIT;
        case LAYER_FAILED:
            return h1_broken( conn, exchange );
        case 0:
            return h1_fail( conn, exchange, WHE_RESET, 0 );
        default:
            op_moved( op, now_ms );
            break;
        }
    }

    if (!exchange->times.receive_start) exchange->times.receive_start = engine_now_us();
    op->status = h1->info.status;
    op->content_len = h1->info.content_len;
    op->done = h1->head_len;
    if (conn->refused) op->flags |= WHR_FROM_PROXY;
    if (op->size < h1->head_len)
    {
        op->flags |= WHR_TOO_SMALL;
        exchange_finish( exchange, op, WHE_OK, 0 );
        return H1_WAIT;
    }
    if (h1->info.status == 101 && (exchange->flags & WHX_WEBSOCKET)) return h1_upgrade( conn, exchange, op );
    memcpy( op->data, buffer_head( &h1->in ), h1->head_len );
    buffer_consume( &h1->in, h1->head_len );
    h1->head_total += h1->head_len;
    return h1_head_taken( conn, exchange, op );
}

static void collect_trailers( struct exchange *exchange, const char *data, size_t len )
{
    char *text;

    if (!exchange) return;
    if (!(text = wh_realloc( exchange->trailers, exchange->trailers_len + len ))) return;   /* then they are not there */
    memcpy( text + exchange->trailers_len, data, len );
    exchange->trailers = text;
    exchange->trailers_len += len;
}

/* A part of the empty line that ends them may have been collected, too. */
static void cut_trailers( struct exchange *exchange )
{
    while (exchange->trailers_len && exchange->trailers[exchange->trailers_len - 1] != '\n') exchange->trailers_len--;
}

enum frame_result { FRAME_DATA, FRAME_INPUT, FRAME_END, FRAME_BAD, FRAME_TOO_LONG };

/* What the front of the input is. DATA: *avail bytes of body are there (*left are sure to come); INPUT: more is needed
 * (*left as with DATA); framing bytes are taken out. Chunk headers are fed line by line, so that the decoder never sees
 * data and the bytes stay where they are. */
static enum frame_result h1_frame( struct conn *conn, struct exchange *exchange, size_t *avail, uint64_t *left )
{
    struct h1 *h1 = &conn->h1;

    *avail = 0;
    *left = 0;
    if (h1->body_ended) return FRAME_END;
    if (h1->info.body == HEAD_BODY_CHUNKED)
    {
        while (!chunk_data_left( &h1->chunk ))
        {
            const char *head = buffer_head( &h1->in ), *lf, *span;
            size_t len = buffer_len( &h1->in ), used, span_len;
            enum chunk_result result;
            int trailer;

            if (!len) return FRAME_INPUT;
            if ((lf = memchr( head, '\n', len ))) len = lf - head + 1;
            trailer = chunk_in_trailer( &h1->chunk );
            result = chunk_feed( &h1->chunk, head, len, &used, &span, &span_len );
            if (result == CHUNK_BAD || result == CHUNK_DATA) return FRAME_BAD;
            if (result == CHUNK_TOO_LONG) return FRAME_TOO_LONG;
            if (trailer && result != CHUNK_DONE) collect_trailers( exchange, head, used );
            buffer_consume( &h1->in, used );
            if (result == CHUNK_DONE)
            {
                if (exchange) cut_trailers( exchange );
                h1->body_ended = 1;
                return FRAME_END;
            }
        }
        *left = chunk_data_left( &h1->chunk );
    }
    else if (!(*left = h1->left)) return FRAME_END;

    *avail = buffer_len( &h1->in );
    if (*avail > *left) *avail = *left;
    return *avail ? FRAME_DATA : FRAME_INPUT;
}

/* Body bytes were taken out of the stream. */
static void h1_took( struct h1 *h1, size_t count )
{
    if (h1->info.body == HEAD_BODY_CHUNKED) chunk_skip( &h1->chunk, count );
    else if (h1->info.body == HEAD_BODY_LENGTH) h1->left -= count;
}

/* The stream ended where body was expected. */
static enum frame_result h1_body_eof( struct h1 *h1 )
{
    return h1->info.body == HEAD_BODY_CLOSE ? FRAME_END : FRAME_BAD;
}

/* Whether the next `want` bytes go straight into place. The small rest of a large read in the middle of a large body does,
 * too: through the buffer it would drag all later reads along, which would never again begin where a read begins. */
static int reads_direct( const struct op *op, uint64_t want, uint64_t left )
{
    return want >= DIRECT_MIN || (op->size >= DIRECT_MIN && left - want >= DIRECT_MIN);
}

static enum h1_result h1_receive_body( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    struct h1 *h1 = &conn->h1;
    enum intake_result intake;
    enum frame_result frame;
    enum h1_result result;
    uint64_t left, want;
    size_t avail, used, moved = 0;
    ssize_t count;
    int enough = 0;

    op_see( op, now_ms );
    for (;;)
    {
        frame = h1_frame( conn, exchange, &avail, &left );
        if (!enough && frame == FRAME_BAD) return h1_fail( conn, exchange, WHE_PROTOCOL, 0 );
        if (!enough && frame == FRAME_TOO_LONG) return h1_fail( conn, exchange, WHE_CHUNK_HEADER, 0 );
        intake = intake_take( exchange, op, buffer_head( &h1->in ), avail, frame == FRAME_END, &used );
        if (used)
        {
            buffer_consume( &h1->in, used );
            h1_took( h1, used );
            moved += used;
        }
        if (intake == INTAKE_END) break;
        if (intake == INTAKE_FAILED) return h1_fail( conn, exchange, exchange->intake.error, 0 );
        if (intake == INTAKE_BUSY) return H1_MORE;
        if (intake == INTAKE_ENOUGH)
        {
            /* The end of the body is often there already: taking it now sets the connection free with this read. */
            if ((enough = used != 0)) continue;
            exchange_finish( exchange, op, WHE_OK, 0 );
            return H1_WAIT;
        }
        if (avail) continue;
        if (moved >= RUN_MAX) return H1_MORE;

        want = op->size - op->done;
        if (want > left) want = left;
        if (reads_direct( op, want, left ) && !buffer_len( &h1->in ) && !h1->no_direct && !exchange->intake.coded)
        {
            if (want > DIRECT_MAX) want = DIRECT_MAX;
            if (conn->patient && op->done + want <= op->min)
                conn->layer->ops->ready( conn->layer, LAYER_PATIENT | LAYER_GREEDY, 0 );
            count = conn->layer->ops->read( conn->layer, op->data + op->done, want );
            if (count > 0)
            {
                if ((uint64_t)count < want) conn->patient = 0;    /* it is slow: then others may have the strand */
                LOG_BYTES( &conn->obj, '<', op->data + op->done, count );
                h1_took( h1, count );
                conn->gather.came += count;
                op->done += count;
                exchange->stats.response_body += count;
                exchange->stats.response_coded += count;
                moved += count;
            }
            else if (count == LAYER_FAILED && conn->layer->error == WHE_FAULT)
            {
                h1->no_direct = 1;    /* a store may work where the kernel's does not: write-watched memory */
                continue;
            }
        }
        else count = h1_input( conn );

        if (count > 0) op_moved( op, now_ms );
        else if (count == LAYER_AGAIN)
        {
            if (now_ms >= op_deadline( op )) return h1_fail( conn, exchange, WHE_TIMEOUT, 0 );
            conn->gather.want = left;
            return H1_WAIT;
        }
        else if (count == LAYER_FAILED) return h1_broken( conn, exchange );
        else if (h1_body_eof( h1 ) == FRAME_BAD) return h1_fail( conn, exchange, WHE_RESET, 0 );
        else h1->body_ended = 1;
    }

    op->flags |= WHR_END;
    result = h1_response_done( conn, exchange );
    exchange_finish( exchange, op, WHE_OK, 0 );
    return result;
}

int h1_drain( struct conn *conn )
{
    struct h1 *h1 = &conn->h1;
    uint64_t left;
    size_t avail;
    ssize_t count;

    for (;;)
    {
        switch (h1_frame( conn, NULL, &avail, &left ))
        {
        case FRAME_END:
            return buffer_len( &h1->in ) ? -1 : 1;
        case FRAME_DATA:
            if (avail > h1->drain_left) return -1;
            h1->drain_left -= avail;
            buffer_consume( &h1->in, avail );
            h1_took( h1, avail );
            continue;
        case FRAME_INPUT:
            break;
        default:
            return -1;
        }
        if (left != NO_END && left > h1->drain_left) return -1;
        count = h1_input( conn );
        if (count == LAYER_AGAIN) return 0;
        if (count <= 0 || (uint64_t)count > h1->drain_raw_left) return -1;
        h1->drain_raw_left -= count;
    }
}

/* The PE side gave the exchange up. */
static enum h1_result h1_close( struct conn *conn, struct exchange *exchange )
{
    struct h1 *h1 = &conn->h1;
    enum conn_fate fate = CONN_CLOSE;
    int under_way = op_active( exchange, &exchange->send ) || op_active( exchange, &exchange->read );

    exchange_finish( exchange, &exchange->send, WHE_CANCELLED, 0 );
    exchange_finish( exchange, &exchange->read, WHE_CANCELLED, 0 );
    if (exchange->ws)
    {
        ws_leave( exchange->ws, conn->layer );
        fate = h1_leave_websocket( conn, exchange );
    }
    else if ((!conn->refused || h1->info.status == 407) && !under_way && exchange->request_done && h1->head_done &&
        !h1->send_broken && !h1->sent_bad && h1->info.keep_alive && !h1->info.ambiguous && h1->info.body != HEAD_BODY_CLOSE &&
        exchange_reuses( exchange ) && exchange->drain_limit)
    {
        h1->drain_left = exchange->drain_limit;
        h1->drain_raw_left = 2 * (uint64_t)h1->drain_left + BUFFER_SIZE;    /* chunks of one byte are not worth it */
        conn->layer->ops->ready( conn->layer, LAYER_WANT_READ, 0 );
        switch (h1_drain( conn ))
        {
        case 1: fate = CONN_KEEP; break;
        case 0: fate = CONN_DRAIN; break;
        default: break;
        }
    }
    conn_end_exchange( conn, exchange, fate );
    return H1_OVER;
}

/* For a connection that was idle, before anything is written: whatever came meanwhile did not answer this request. */
static int h1_is_dead( struct conn *conn )
{
    ssize_t count;

    conn->layer->ops->ready( conn->layer, LAYER_WANT_READ, 0 );
    count = conn->unwanted ? 0 : h1_input( conn );
    if (count == LAYER_AGAIN) return 0;
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": %s while it was idle", OBJECT_ARG( &conn->obj ),
         count > 0 ? "bytes came" : "it ended" );
    return 1;
}

/* The connection is dead: the exchange goes back for another one. */
static void h1_move( struct conn *conn, struct exchange *exchange )
{
    conn_end_exchange( conn, exchange, CONN_CLOSE );
    if (exchange->pin) exchange_fail( exchange, WHE_STALE, 0 );
    else origin_request( exchange );
}

/* The first time on this connection. 0: go on. 1: the exchange has moved. */
static int h1_begin( struct conn *conn, struct exchange *exchange )
{
    struct h1 *h1 = &conn->h1;

    h1_reset( h1 );
    h1->exchange = exchange;
    exchange_attach( exchange, conn );
    exchange->reused = !conn->refused && (conn->served || conn->was_idle);
    exchange->stats.index = conn->served;
    exchange->stats.tls_resumed = conn->tls_resumed;
    exchange->stats.tls_false_start = conn->tls_false_start;
    exchange->stats.fast_open = conn->fast_open;
    if (!exchange->total_len)    /* done with the head; nothing is read before that is out */
        __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
    if (!exchange->reused || !h1_is_dead( conn )) return 0;
    h1_move( conn, exchange );
    return 1;
}

/* The program took its time with the answer to a pause, and the connection is as good as one that was idle. It has looked
 * at this one, so it is asked again about the next. 0: go on. 1: the exchange has moved. */
static int h1_resume( struct conn *conn, struct exchange *exchange )
{
    int again;

    if (!(exchange->flags & WHX_PAUSE_SENDING) || !exchange->reused || exchange->head_sent) return 0;
    pthread_mutex_lock( &exchange->lock );
    again = exchange->pause == PAUSE_RESUMED;
    pthread_mutex_unlock( &exchange->lock );
    if (!again || !h1_is_dead( conn )) return 0;
    pthread_mutex_lock( &exchange->lock );
    exchange->pause = PAUSE_NONE;
    pthread_mutex_unlock( &exchange->lock );
    h1_move( conn, exchange );
    return 1;
}

enum h1_result h1_run( struct conn *conn, struct exchange *exchange, uint64_t now_ms )
{
    struct h1 *h1 = &conn->h1;
    enum h1_result sent = H1_WAIT, received = H1_WAIT;
    enum wh_error stop;
    uint64_t deadline = TIMER_NEVER;
    int closing, send, read;

    if (h1->exchange != exchange && h1_begin( conn, exchange )) return H1_MOVED;

    pthread_mutex_lock( &exchange->lock );
    stop = exchange->stop;
    closing = exchange->closing;
    send = exchange->send.state == OP_ACTIVE;
    read = exchange->read.state == OP_ACTIVE;
    pthread_mutex_unlock( &exchange->lock );

    if (closing) return h1_close( conn, exchange );
    if (stop)
    {
        exchange_fail( exchange, stop, 0 );
        conn_end_exchange( conn, exchange, CONN_CLOSE );
        return H1_OVER;
    }

    if (exchange->ws) return h1_websocket( conn, exchange, now_ms );
    if (send && h1_resume( conn, exchange )) return H1_MOVED;
    if (send && (sent = h1_send( conn, exchange, &exchange->send, now_ms )) == H1_OVER) return H1_OVER;
    if (read && exchange->response_done) exchange_finish_over( exchange, &exchange->read );
    if (exchange->response_done && exchange->request_done)    /* the answer had come before the end of the body */
        return h1_response_done( conn, exchange );
    if (read && !exchange->response_done && (exchange->head_sent == exchange->head_len || h1->send_broken))
    {
        if (exchange->read.kind == WHK_HEAD_READ) received = h1_receive_head( conn, exchange, &exchange->read, now_ms );
        else if (h1->head_done) received = h1_receive_body( conn, exchange, &exchange->read, now_ms );
        else exchange_finish( exchange, &exchange->read, WHE_STATE, 0 );
        if (received == H1_OVER) return H1_OVER;
        if (exchange->ws) return h1_websocket( conn, exchange, now_ms );
    }

    if (op_active( exchange, &exchange->send ) && exchange->send.step_at) deadline = op_deadline( &exchange->send );
    if (op_active( exchange, &exchange->read ) && exchange->read.step_at && op_deadline( &exchange->read ) < deadline)
        deadline = op_deadline( &exchange->read );
    engine_set_timer( &conn->timer, deadline );
    if (h1->head_done && !exchange->response_done && !op_active( exchange, &exchange->read ))
        conn->gather.want = GATHER_NOBODY;
    return sent == H1_MORE || received == H1_MORE ? H1_MORE : H1_WAIT;
}
