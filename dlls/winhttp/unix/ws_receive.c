#if 0
#pragma makedep unix
#endif

/*
 * The receiving half of a WebSocket
 *
 * Two walks over the same bytes. The first (check) looks at what has come, answers pings, takes note of a close, and
 * leaves data frames where they are: it needs no reader, so that a peer's pings are answered while a program is busy.
 * The second (deliver) takes data frames off the front for a reader: it inflates and checks UTF-8, so that neither is
 * done for what nobody reads, and what is inflated never has to be kept. Payload of a large frame goes from the stream
 * into the reader's memory at once.
 */

#include "hooks.h"
#include "log.h"
#include "ws_internal.h"

#define DIRECT_MIN  16384            /* from so many bytes on, reading into place beats the copy from the buffer */
#define DIRECT_MAX  (256 * 1024)     /* one read's share */

/* A reader that has just been served comes back for more: nothing is read in advance for so long, since what is read straight
 * into its memory is not copied. Pings behind unread data wait as long at most. */
#define LOOK_MS     20

void ws_receiver_release( struct ws_receiver *receiver )
{
    buffer_release( &receiver->in );
    receiver->checked = 0;
}

/* What waits for a reader has nobody to go to. */
static void drop_waiting( struct ws *ws )
{
    struct ws_receiver *receiver = &ws->receiver;

    if (receiver->checked) buffer_consume( &receiver->in, receiver->checked );
    receiver->checked = 0;
    receiver->taking = 0;
    receiver->kind = 0;
    ws->codec.peeked = 0;
}

/* The data that the reader was about to get are wrong: there is no reading on. */
static void fail_data( struct ws *ws, enum wh_error error )
{
    drop_waiting( ws );
    ws->receiver.ended = ws->receiver.bad = 1;
    ws->receiver.closed = 0;
    if (error == WHE_PROTOCOL) ws_violation( ws, WS_CODE_DATA );
    else ws->error = error;
}

void ws_discard( struct ws *ws, struct exchange *exchange )
{
    drop_waiting( ws );
    ws->receiver.discard = 1;
    exchange_finish( exchange, &exchange->read, WHE_CANCELLED, 0 );
}

void ws_violation( struct ws *ws, unsigned int code )
{
    LOG( LOG_WARN, "exchange " OBJECT_FMT ": the peer broke the WebSocket protocol, %u", OBJECT_ARG( ws->obj ), code );
    ws->error = WHE_PROTOCOL;
    ws->detail = code;
    ws->receiver.ended = 1;
    if (!ws->sender.close_sent) ws->sender.close_code = code;
}

/* The first walk. */

static void take_close( struct ws *ws, const char *payload, size_t len )
{
    static const uint8_t none[2] = { WS_CODE_NONE >> 8, WS_CODE_NONE & 0xff };
    unsigned int wrong = ws_close_check( payload, len );

    if (wrong)
    {
        ws_violation( ws, wrong );
        return;
    }
    ws->peer_close_len = len ? (unsigned int)len : sizeof(none);
    memcpy( ws->peer_close, len ? (const void *)payload : none, ws->peer_close_len );
    ws->receiver.closed = ws->receiver.ended = 1;
}

static void take_control( struct ws *ws, const struct ws_frame *frame, const char *payload )
{
    switch (frame->opcode)
    {
    case WS_CLOSE: take_close( ws, payload, frame->len ); break;
    case WS_PING: ws_answer( ws, payload, (unsigned int)frame->len ); break;
    default: break;    /* a pong says no more than that the peer lives, as every byte does */
    }
}

/* May this frame be here? */
static int frame_fits( const struct ws *ws, const struct ws_frame *frame )
{
    unsigned int rsv = frame->bits & WS_RSV;

    if (ws_is_control( frame->opcode )) return !rsv;
    if ((frame->opcode == WS_CONTINUATION) != ws->receiver.open) return 0;
    return !rsv || (rsv == WS_RSV1 && frame->opcode != WS_CONTINUATION && ws->codec.params.present);
}

/* A part of a data frame that is looked at: it stays for the reader, or goes. `at` is where it lies, *kept the end of what
 * stays. */
static void keep( struct ws_receiver *receiver, char *base, size_t at, size_t len, size_t *kept )
{
    if (receiver->discard) return;
    if (*kept != at) memmove( base + *kept, base + at, len );
    *kept += len;
}

/* A frame that may not be is left for the time when the reader has what came before it: then the program's answers to that
 * still go out. */
static void check( struct ws *ws )
{
    struct ws_receiver *receiver = &ws->receiver;
    size_t at = receiver->checked, kept = at, len = buffer_len( &receiver->in ), part;
    char *base = buffer_head( &receiver->in );
    struct ws_frame frame;
    ssize_t used;

    while (at < len && !receiver->ended)
    {
        if (receiver->frame_left)
        {
            part = receiver->frame_left < len - at ? (size_t)receiver->frame_left : len - at;
            keep( receiver, base, at, part, &kept );
            receiver->frame_left -= part;
            at += part;
            continue;
        }
        if ((used = ws_frame_parse( &frame, base + at, len - at )) == PARSE_MORE) break;
        if (used == PARSE_BAD || !frame_fits( ws, &frame ))
        {
            if ((receiver->stuck = kept || ws->codec.peeked)) break;
            ws_violation( ws, WS_CODE_PROTOCOL );
            break;
        }
        part = used + (ws_is_control( frame.opcode ) ? (size_t)frame.len : 0);
        if (len - at < part) break;
        if (frame.opcode == WS_CLOSE && ws_close_check( base + at + used, frame.len ) &&
            (receiver->stuck = kept || ws->codec.peeked)) break;
        LOG( LOG_TRACE, "exchange " OBJECT_FMT ": frame <, opcode %u%s, %llu bytes", OBJECT_ARG( ws->obj ), frame.opcode,
             frame.bits & WS_FIN ? "" : ", goes on", (unsigned long long)frame.len );
        if (ws_is_control( frame.opcode )) take_control( ws, &frame, base + at + used );
        else
        {
            keep( receiver, base, at, part, &kept );
            receiver->frame_left = frame.len;
            receiver->open = !(frame.bits & WS_FIN);
        }
        at += part;
    }

    if (receiver->ended) len = at;    /* what follows a close, or the first thing wrong, is nobody's */
    if (len && kept != at) memmove( base + kept, base + at, len - at );
    receiver->in.end -= at - kept + (buffer_len( &receiver->in ) - len);
    receiver->checked = kept;
    if (!buffer_len( &receiver->in )) buffer_release( &receiver->in );
}

/* The second walk. */

/* The read ends with what it has. */
static void finish_read( struct ws *ws, struct exchange *exchange, struct op *op, unsigned int flags )
{
    op->flags |= ws->receiver.kind | flags;
    if (!flags) ws->receiver.kind = 0;
    exchange_finish( exchange, op, WHE_OK, 0 );
}

/* Bytes were stored for the reader. 0: they are no text. */
static int stored( struct ws *ws, struct exchange *exchange, struct op *op, size_t len )
{
    char *data = op->data + op->done;

    LOG_BYTES( ws->obj, '<', data, len );
    op->done += len;
    exchange->stats.response_body += len;
    if (!(ws->receiver.kind & WHR_WS_TEXT) || utf8_feed( &ws->receiver.utf8, data, len )) return 1;
    fail_data( ws, WHE_PROTOCOL );
    return 0;
}

static void take_header( struct ws_receiver *receiver )
{
    static const struct utf8 fresh = UTF8_INIT;
    struct ws_frame frame;

    buffer_consume( &receiver->in, ws_frame_parse( &frame, buffer_head( &receiver->in ), receiver->checked ) );
    receiver->checked -= frame.len < 126 ? 2 : frame.len <= UINT16_MAX ? 4 : 10;
    receiver->taking = 1;
    receiver->take_left = frame.len;
    receiver->take_fin = frame.bits & WS_FIN;
    if (frame.opcode == WS_CONTINUATION) return;
    receiver->kind = frame.opcode == WS_TEXT ? WHR_WS_TEXT : WHR_WS_BINARY;
    receiver->compressed = frame.bits & WS_RSV1;
    receiver->utf8 = fresh;
}

static void took( struct ws_receiver *receiver, size_t count )
{
    buffer_consume( &receiver->in, count );
    receiver->checked -= count;
    receiver->take_left -= count;
}

enum deliver_result
{
    DELIVER_INPUT,     /* all that has come is delivered */
    DELIVER_FRAME,     /* the frame is, and the message goes on */
    DELIVER_FULL,      /* the reader has no room for what is there */
    DELIVER_END,       /* the message is complete */
    DELIVER_BAD,       /* ws->error */
};

/* Payload of the frame at the front, as it is. */
static enum deliver_result deliver_plain( struct ws *ws, struct exchange *exchange, struct op *op )
{
    struct ws_receiver *receiver = &ws->receiver;
    uint64_t count = op->size - op->done;

    if (count > receiver->checked) count = receiver->checked;
    if (count > receiver->take_left) count = receiver->take_left;
    if (count)
    {
        memcpy( op->data + op->done, buffer_head( &receiver->in ), count );
        took( receiver, count );
        if (!stored( ws, exchange, op, count )) return DELIVER_BAD;
    }
    if (!receiver->take_left) return receiver->take_fin ? DELIVER_END : DELIVER_FRAME;
    return receiver->checked ? DELIVER_FULL : DELIVER_INPUT;
}

/* The same, inflated. */
static enum deliver_result deliver_inflated( struct ws *ws, struct exchange *exchange, struct op *op )
{
    struct ws_receiver *receiver = &ws->receiver;
    size_t used;
    ssize_t count;
    int last, end;

    do
    {
        used = receiver->checked < receiver->take_left ? receiver->checked : (size_t)receiver->take_left;
        last = receiver->take_fin && used == receiver->take_left;
        count = ws_inflate( &ws->codec, buffer_head( &receiver->in ), &used, last, op->data + op->done, op->size - op->done,
                            &end );
        if (count < 0)
        {
            fail_data( ws, count == WS_INFLATE_NOMEM ? WHE_NO_MEMORY : WHE_PROTOCOL );
            return DELIVER_BAD;
        }
        if (used) took( receiver, used );
        if (count && !stored( ws, exchange, op, count )) return DELIVER_BAD;
        if (end) return DELIVER_END;
        if (ws->codec.peeked) return DELIVER_FULL;
    } while (receiver->checked && receiver->take_left && (used || count));
    return receiver->take_left || receiver->take_fin ? DELIVER_INPUT : DELIVER_FRAME;
}

/* Gives the reader what is there of one message. 1: the read has ended. */
static int deliver( struct ws *ws, struct exchange *exchange, struct op *op )
{
    struct ws_receiver *receiver = &ws->receiver;

    if (receiver->bad) return 0;
    for (;;)
    {
        if (!receiver->taking && receiver->checked) take_header( receiver );
        if (!receiver->taking) break;
        switch (receiver->compressed ? deliver_inflated( ws, exchange, op ) : deliver_plain( ws, exchange, op ))
        {
        case DELIVER_FRAME:
            receiver->taking = 0;
            continue;
        case DELIVER_FULL:
            finish_read( ws, exchange, op, WHR_WS_MORE );
            return 1;
        case DELIVER_END:
            receiver->taking = 0;
            if ((receiver->kind & WHR_WS_TEXT) && !utf8_whole( &receiver->utf8 ))
            {
                fail_data( ws, WHE_PROTOCOL );
                return 0;
            }
            finish_read( ws, exchange, op, 0 );
            return 1;
        case DELIVER_BAD:
            return 0;
        default:
            break;
        }
        break;
    }
    if (op->size && op->done == op->size)    /* full, and nobody knows what comes */
    {
        finish_read( ws, exchange, op, WHR_WS_MORE );
        return 1;
    }
    if (!receiver->closed || op->done || ws_waiting( ws )) return 0;
    op->flags |= WHR_WS_CLOSE;
    ws_tell_close( ws );
    exchange_finish( exchange, op, WHE_OK, 0 );
    return 1;
}

/* Input. */

/* Whether the next bytes go straight into the reader's memory. The small rest of a large read in the middle of a large frame
 * does, too: through the buffer it would drag all later reads along. */
static uint64_t direct_size( const struct ws *ws, const struct op *op )
{
    const struct ws_receiver *receiver = &ws->receiver;
    uint64_t want = op->size - op->done, left = receiver->take_left;

    if (!receiver->taking || receiver->compressed || receiver->no_direct || buffer_len( &receiver->in )) return 0;
    if (want > left) want = left;
    if (want < DIRECT_MIN && (op->size < DIRECT_MIN || left - want < DIRECT_MIN)) return 0;
    return want < DIRECT_MAX ? want : DIRECT_MAX;
}

/* More bytes. > 0, 0 at the end of the stream, LAYER_AGAIN or LAYER_FAILED with ws->error. */
static ssize_t input( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op )
{
    struct ws_receiver *receiver = &ws->receiver;
    struct buffer *in = &receiver->in;
    size_t want;
    ssize_t count;

    if (op && (want = direct_size( ws, op )))
    {
        count = stream->ops->read( stream, op->data + op->done, want );
        if (count > 0)
        {
            receiver->frame_left -= count;
            receiver->take_left -= count;
            stored( ws, exchange, op, count );
            return count;
        }
        if (count != LAYER_FAILED || stream->error != WHE_FAULT) goto done;
        receiver->no_direct = 1;    /* a store may work where the kernel's does not: write-watched memory */
    }
    if (buffer_room( in ))
    {
        ws->error = WHE_NO_MEMORY;
        return LAYER_FAILED;
    }
    want = in->size - in->end;
    if (!op && !receiver->discard && want > receiver->ahead - receiver->checked) want = receiver->ahead - receiver->checked;
    count = stream->ops->read( stream, in->data + in->end, want );
    if (count > 0) in->end += count;
    else if (!buffer_len( in )) buffer_release( in );

done:
    if (count == LAYER_FAILED)
    {
        ws->error = stream->error;
        ws->detail = stream->detail;
    }
    return count;
}

/* The stream has ended, with or without an error that is noted already. What was waiting to go out has nobody to go to. */
static void input_ended( struct ws *ws )
{
    ws->receiver.ended = 1;
    if (!ws->error) ws->error = WHE_RESET;
}

/* Whether the stream may have something that it will not report. */
static int may_have_more( struct layer *stream )
{
    return !(stream->ops->wants( stream ) & LAYER_WANT_READ) || stream->ops->pending( stream );
}

enum ws_step ws_receive( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op, uint64_t now_ms )
{
    struct ws_receiver *receiver = &ws->receiver;
    uint64_t moved = 0, before;
    int served = 0;
    ssize_t count;

    receiver->look_at = TIMER_NEVER;
    if (op && op->kind != WHK_BODY_READ)
    {
        exchange_finish( exchange, op, WHE_STATE, 0 );
        op = NULL;
    }
    if (op) op_see( op, now_ms );
    for (;;)
    {
        check( ws );
        before = op ? op->done : 0;
        if (op && deliver( ws, exchange, op ))
        {
            op = NULL;
            served = 1;
        }
        if (op) moved += op->done - before;
        if (receiver->ended) break;
        if (!op && served)
        {
            if (receiver->stuck || may_have_more( stream )) receiver->look_at = now_ms + LOOK_MS;
            return WS_STEP_WAIT;
        }
        if (!op && (receiver->checked >= receiver->ahead || (receiver->stuck && ws_waiting( ws )))) return WS_STEP_WAIT;
        if (receiver->stuck) continue;
        if (moved >= WS_RUN_MAX)
        {
            if (!op || !receiver->discard || now_ms < op_deadline( op )) return WS_STEP_MORE;
            ws->error = WHE_TIMEOUT;
            return WS_STEP_FAILED;
        }
        if ((count = input( ws, exchange, stream, op )) > 0)
        {
            moved += count;
            ws->pinged = 0;
            if (ws->keepalive_ms) ws->keepalive_at = now_ms + ws->keepalive_ms;
            if (op && !receiver->discard) op_moved( op, now_ms );    /* what is thrown away is no progress */
        }
        else if (count == LAYER_AGAIN)
        {
            if (!op) return WS_STEP_WAIT;
            if (op->done) finish_read( ws, exchange, op, WHR_WS_MORE );
            else if (now_ms >= op_deadline( op ))
            {
                ws->error = WHE_TIMEOUT;
                return WS_STEP_FAILED;
            }
            return WS_STEP_WAIT;
        }
        else input_ended( ws );
    }
    if (op && op->done && !receiver->bad)
    {
        finish_read( ws, exchange, op, WHR_WS_MORE );
        served = 1;
    }
    if (!ws->error || ws_waiting( ws )) return WS_STEP_WAIT;
    if (!served) return WS_STEP_FAILED;
    receiver->look_at = now_ms + LOOK_MS;     /* the program may answer what it has just got */
    return WS_STEP_WAIT;
}
