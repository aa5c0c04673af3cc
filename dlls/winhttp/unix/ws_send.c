#if 0
#pragma makedep unix
#endif

/*
 * The sending half of a WebSocket
 *
 * An operation of known length is one frame, masked piece by piece into a borrowed block and written from there, header and
 * first piece together; a compressed one is a frame for each block. Control frames go in between frames, in front of what is
 * prepared next. Answers to pings are kept one by one as long as there is room, and only the latest beyond that: RFC 6455
 * section 5.5.3 allows it, and a flood of pings costs no memory.
 */

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>

#include "block.h"
#include "hooks.h"
#include "log.h"
#include "ws_internal.h"

#define BATCH         (4 * 16384)    /* prepared at a time: a write for each; over TLS, four full records */
#define CONTROL_ROOM  (WS_HEADER_MAX + WS_CONTROL_MAX)
#define CONTROLS_MAX  4096           /* bytes of answers to pings that may wait to be written, beside the latest */
#define DEFLATE_STEP  (64 * 1024)    /* fed to the compressor at a time */

_Static_assert( BATCH + CONTROL_ROOM <= BLOCK_SIZE, "an answer to a ping fits behind a full batch" );

#define KINDS (WHX_WS_TEXT | WHX_WS_BINARY | WHX_WS_CLOSE)

void ws_sender_release( struct ws_sender *sender )
{
    if (sender->data) block_put( sender->data );
    sender->data = NULL;
    sender->start = sender->end = sender->own_start = sender->own_end = 0;
}

void ws_send_broken( struct ws *ws, enum wh_error error, uint32_t detail )
{
    struct ws_sender *sender = &ws->sender;

    sender->broken = 1;
    sender->error = error;
    sender->detail = detail;
    ws_sender_release( sender );
}

/* Masks enough for one batch. They come from the operating system's generator by way of GnuTLS': a peer, or a proxy on the
 * way, cannot guess them (RFC 6455 section 10.3). 0, or -1. */
static int masks_ready( struct ws_sender *sender )
{
    if (sender->masks_left >= 4) return 0;
    if (gnutls_rnd( GNUTLS_RND_RANDOM, sender->masks, sizeof(sender->masks) ) < 0) return -1;
    sender->masks_left = WS_MASKS;
    return 0;
}

static const uint8_t *next_mask( struct ws_sender *sender )
{
    return sender->masks + WS_MASK_SIZE * --sender->masks_left;
}

static int borrow( struct ws_sender *sender )
{
    return sender->data || (sender->data = block_get()) ? 0 : -1;
}

/* A whole control frame behind what is prepared. */
static void put_control( struct ws *ws, unsigned int opcode, const void *payload, size_t len )
{
    struct ws_sender *sender = &ws->sender;
    const uint8_t *mask = next_mask( sender );

    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": frame >, opcode %u, %zu bytes", OBJECT_ARG( ws->obj ), opcode, len );
    sender->end += ws_frame_header( (uint8_t *)sender->data + sender->end, opcode | WS_FIN, len, mask );
    ws_mask( sender->data + sender->end, payload, len, mask, 0 );
    sender->end += len;
}

void ws_answer( struct ws *ws, const void *payload, unsigned int len )
{
    struct ws_sender *sender = &ws->sender;

    if (sender->close_sent || sender->close_code || sender->broken) return;
    if (!sender->inside && !sender->pong_due && sender->end <= CONTROLS_MAX && !borrow( sender ) && !masks_ready( sender ))
    {
        put_control( ws, WS_PONG, payload, len );
        return;
    }
    sender->pong_due = 1;
    sender->pong_len = len;
    if (len) memcpy( sender->pong, payload, len );
}

static int control_due( const struct ws_sender *sender )
{
    return !sender->inside && !sender->close_sent && (sender->close_code || sender->pong_due || sender->ping_due);
}

int ws_send_due( const struct ws *ws )
{
    const struct ws_sender *sender = &ws->sender;

    return !sender->broken && (sender->end > sender->start || sender->unflushed || control_due( sender ));
}

/* Between two frames. */
static void put_due( struct ws *ws )
{
    struct ws_sender *sender = &ws->sender;
    uint8_t code[2] = { (uint8_t)(sender->close_code >> 8), (uint8_t)sender->close_code };
    uint32_t number;

    if (sender->close_sent) return;
    if (sender->close_code)
    {
        put_control( ws, WS_CLOSE, code, sender->close_code == WS_CODE_NONE ? 0 : sizeof(code) );
        sender->close_sent = 1;
        return;
    }
    if (sender->pong_due) put_control( ws, WS_PONG, sender->pong, sender->pong_len );
    if (sender->ping_due)
    {
        number = ++ws->pings;
        put_control( ws, WS_PING, &number, sizeof(number) );
    }
    sender->pong_due = sender->ping_due = 0;
}

/* The operation's frames. */

static unsigned int op_kind( const struct op *op )
{
    return op->options & KINDS;
}

static unsigned int op_opcode( const struct ws_sender *sender, const struct op *op )
{
    if (op_kind( op ) == WHX_WS_CLOSE) return WS_CLOSE;
    if (sender->begun) return WS_CONTINUATION;
    return op_kind( op ) == WHX_WS_TEXT ? WS_TEXT : WS_BINARY;
}

/* What is wrong with an operation that has just been posted. */
static enum wh_error op_check( const struct ws *ws, const struct op *op )
{
    const struct ws_sender *sender = &ws->sender;
    unsigned int kind = op_kind( op );

    if (!kind || (kind & (kind - 1)) || (op->options & WHX_END)) return WHE_INVALID;
    if (sender->close_sent) return WHE_STATE;
    if (kind == WHX_WS_CLOSE)
        return op->size == 1 || op->size > WS_CONTROL_MAX || (op->options & WHX_WS_MORE) ? WHE_INVALID : WHE_OK;
    return sender->kind && sender->kind != kind ? WHE_INVALID : WHE_OK;
}

/* As one frame, or the next piece of it. */
static void put_plain( struct ws *ws, struct op *op )
{
    struct ws_sender *sender = &ws->sender;
    unsigned int opcode;
    size_t count;

    if (!sender->inside)
    {
        opcode = op_opcode( sender, op );
        LOG( LOG_TRACE, "exchange " OBJECT_FMT ": frame >, opcode %u, %llu bytes", OBJECT_ARG( ws->obj ), opcode,
             (unsigned long long)op->size );
        memcpy( sender->mask, next_mask( sender ), sizeof(sender->mask) );
        sender->end += ws_frame_header( (uint8_t *)sender->data + sender->end,
                                        opcode | (op->options & WHX_WS_MORE ? 0 : WS_FIN), op->size, sender->mask );
        sender->inside = 1;
        if (opcode == WS_CLOSE) sender->close_sent = 1;
        else sender->begun = 1;
    }
    count = BATCH - sender->end;
    if (count > op->size - sender->taken) count = op->size - sender->taken;
    if (count)
    {
        LOG_BYTES( ws->obj, '>', op->data + sender->taken, count );
        ws_mask( sender->data + sender->end, op->data + sender->taken, count, sender->mask, sender->taken );
    }
    sender->own_start = sender->end;
    sender->own_end = sender->end += count;
    sender->taken += count;
    if (sender->taken < op->size) return;
    sender->inside = 0;
    sender->whole = 1;
}

/* A frame of what the compressor has to say now. 0, or -1 without memory. */
static int put_deflated( struct ws *ws, struct op *op )
{
    struct ws_sender *sender = &ws->sender;
    size_t reserved = WS_HEADER_MAX - 6;                  /* a frame here is shorter than 64 KiB */
    size_t used = op->size - sender->taken, header_len;
    uint8_t *payload = (uint8_t *)sender->data + sender->end + reserved, header[WS_HEADER_MAX];
    enum ws_deflate_mode mode = op->options & WHX_WS_MORE ? WS_DEFLATE_FLUSH : WS_DEFLATE_END;
    unsigned int first;
    ssize_t count;
    int end;

    if (used > DEFLATE_STEP)
    {
        used = DEFLATE_STEP;
        mode = WS_DEFLATE_ON;
    }
    count = ws_deflate( &ws->codec, op->data + sender->taken, &used, mode, payload, BATCH - sender->end - reserved, &end );
    if (count < 0) return -1;
    if (used) LOG_BYTES( ws->obj, '>', op->data + sender->taken, used );
    sender->taken += used;
    if (end) sender->whole = 1;
    if (!count) return 0;                                 /* it keeps it for itself until there is more */

    first = op_opcode( sender, op ) | (sender->begun ? 0 : WS_RSV1) | (end && mode == WS_DEFLATE_END ? WS_FIN : 0);
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": frame >, opcode %u, %zd bytes, compressed", OBJECT_ARG( ws->obj ), first & 0xf,
         count );
    header_len = ws_frame_header( header, first, count, next_mask( sender ) );
    ws_mask( (uint8_t *)sender->data + sender->end + header_len, payload, count, header + header_len - WS_MASK_SIZE, 0 );
    memcpy( sender->data + sender->end, header, header_len );
    sender->end += header_len + count;
    sender->begun = 1;
    return 0;
}

static int op_deflates( const struct ws *ws, const struct op *op )
{
    return ws_deflates( &ws->codec ) && op_kind( op ) != WHX_WS_CLOSE;
}

/* Prepares what is next. WHE_OK, or what went wrong. */
static enum wh_error prepare( struct ws *ws, struct op *op )
{
    struct ws_sender *sender = &ws->sender;

    if (borrow( sender )) return WHE_NO_MEMORY;
    if (masks_ready( sender )) return WHE_INTERNAL;
    sender->start = sender->end = sender->own_start = sender->own_end = 0;
    if (!sender->inside) put_due( ws );
    if (!op || sender->whole || (sender->close_sent && !sender->inside)) return WHE_OK;
    if (!op_deflates( ws, op )) put_plain( ws, op );
    else if (put_deflated( ws, op )) return WHE_NO_MEMORY;
    return WHE_OK;
}

/* `count` bytes went out: how many of the operation's data are out now. */
static void op_count( struct ws_sender *sender, struct op *op )
{
    size_t from = sender->start > sender->own_start ? sender->start : sender->own_start;

    op->done = sender->taken - (from < sender->own_end ? sender->own_end - from : 0);
}

static void op_end( struct ws *ws, struct exchange *exchange, struct op *op )
{
    struct ws_sender *sender = &ws->sender;

    if (op_kind( op ) != WHX_WS_CLOSE)
    {
        sender->kind = op->options & WHX_WS_MORE ? op_kind( op ) : 0;
        if (!sender->kind) sender->begun = 0;
        exchange->stats.request_body += op->size;
    }
    op->done = op->size;
    exchange_finish( exchange, op, WHE_OK, 0 );
}

/* The stream takes no more. What the peer has sent before may be worth more than the error: receiving goes on. */
static enum ws_step stream_broken( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op )
{
    ws_send_broken( ws, stream->error, stream->detail );
    if (stream->error != WHE_RESET)
    {
        ws->error = stream->error;
        ws->detail = stream->detail;
        return WS_STEP_FAILED;
    }
    if (op) exchange_finish( exchange, op, WHE_RESET, stream->detail );
    return WS_STEP_WAIT;
}

/* An operation that nothing can be done for any more. Our answer to a close that the peer did not wait for is no error. */
static void op_refuse( struct ws *ws, struct exchange *exchange, struct op *op )
{
    if (ws->receiver.closed && op_kind( op ) == WHX_WS_CLOSE) exchange_finish( exchange, op, WHE_OK, 0 );
    else exchange_finish( exchange, op, ws->sender.error, ws->sender.detail );
}

static enum ws_step wait_for_room( struct ws *ws, struct op *op, uint64_t now_ms )
{
    if (!op || now_ms < op_deadline( op )) return WS_STEP_WAIT;
    ws->error = WHE_TIMEOUT;
    return WS_STEP_FAILED;
}

/* The first time for an operation. 0: it has ended. */
static int op_begin( struct ws *ws, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    struct ws_sender *sender = &ws->sender;
    enum wh_error error;

    if (op->framed) return 1;
    op_see( op, now_ms );
    op->framed = 1;
    sender->taken = 0;
    sender->whole = 0;
    if (!(error = op_check( ws, op ))) return 1;
    exchange_finish( exchange, op, error, 0 );
    return 0;
}

enum ws_step ws_send( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op, uint64_t now_ms )
{
    struct ws_sender *sender = &ws->sender;
    uint64_t moved = 0, taken;
    enum wh_error error;
    ssize_t count;

    if (op && !op_begin( ws, exchange, op, now_ms )) op = NULL;
    if (sender->broken)
    {
        if (op) op_refuse( ws, exchange, op );
        return WS_STEP_WAIT;
    }
    for (;;)
    {
        if (sender->end > sender->start)
        {
            count = stream->ops->write( stream, sender->data + sender->start, sender->end - sender->start );
            if (count == LAYER_AGAIN) return wait_for_room( ws, op, now_ms );
            if (count <= 0) return stream_broken( ws, exchange, stream, op );
            sender->unflushed = 1;
            sender->start += count;
            moved += count;
            if (!op) continue;
            op_count( sender, op );
            op_moved( op, now_ms );
            continue;
        }
        if (!control_due( sender ) && (!op || sender->whole)) break;
        if (moved >= WS_RUN_MAX) return WS_STEP_MORE;
        taken = sender->taken;
        if ((error = prepare( ws, op )))
        {
            ws->error = error;
            return WS_STEP_FAILED;
        }
        if (sender->end == sender->start) moved += sender->taken - taken;    /* the compressor's work counts, too */
        if (sender->close_sent && sender->end == sender->start) break;
    }
    ws_sender_release( sender );
    switch (sender->unflushed ? stream->ops->flush( stream ) : LAYER_OK)
    {
    case LAYER_OK: break;
    case LAYER_AGAIN: return wait_for_room( ws, op, now_ms );
    default: return stream_broken( ws, exchange, stream, op );
    }
    sender->unflushed = 0;
    if (op && sender->whole) op_end( ws, exchange, op );
    return WS_STEP_WAIT;
}
