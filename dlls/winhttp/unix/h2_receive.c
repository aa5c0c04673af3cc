#if 0
#pragma makedep unix
#endif

/*
 * The receiving half of a stream of HTTP/2
 *
 * What comes is noted by the session's callbacks and given to the program's reads afterwards, in order: heads, bytes, and
 * only then an error. Bytes go straight into the buffer of a read that waits for them, else into pieces, of which there
 * are at most as many as the stream's window allows.
 *
 * The window grows with the path: where half a window comes and is taken within a round trip, the peer had to wait for us,
 * so it gets twice as much. What a connection may have to hold for readers that stall is the sum of its windows: beyond
 * PROMISED_MAX none grows, and those whose readers take bytes give half of theirs back, down to WINDOW_LEAST. So the sum
 * is at most that, or what so many streams begin with (H2_WINDOW_STREAM each), and no stream is ever without a window.
 */

#include "block.h"
#include "h2_internal.h"
#include "hooks.h"
#include "ws.h"

#define PIECE_FIRST   4096                   /* most bodies that come before their reader are small */
#define WINDOW_MAX    (16 * 1024 * 1024)
#define WINDOW_LEAST  (64 * 1024)
#define PROMISED_MAX  (64 * 1024 * 1024)     /* all windows; beside so much none grows, and those that are read shrink */

static void piece_free( struct piece *piece )
{
    if (piece->size == PIECE_FIRST) wh_free( piece );
    else block_put( piece );
}

static void drop_answers( struct stream *stream )
{
    struct answer *answer;

    while ((answer = stream->answers))
    {
        stream->answers = answer->next;
        wh_free( answer->text );
        wh_free( answer );
    }
    stream->answers_tail = &stream->answers;
}

/* What came and is not wanted any more. */
void stream_drop_input( struct stream *stream )
{
    struct piece *piece;

    drop_answers( stream );
    while ((piece = stream->pieces))
    {
        stream->pieces = piece->next;
        piece_free( piece );
    }
    stream->last_piece = NULL;
    stream->queued = 0;
    h2_block_free( &stream->block );
}

/* 1 if the response has come to its end, as far as its program wants it. */
int stream_is_complete( const struct stream *stream )
{
    if (stream->end_in) return 1;
    if (!stream->final || stream->exchange->flags & WHX_STREAM_END) return 0;
    return stream->bodyless || stream->body_in == stream->content_len;
}

uint64_t stream_left( const struct stream *stream )
{
    if (stream->end_in || stream->closed) return 0;
    return stream->content_len == WH_NO_LENGTH ? WH_NO_LENGTH : stream->content_len - stream->body_in;
}

uint64_t stream_expected( const struct stream *stream )
{
    uint64_t used = stream->queued + (uint64_t)stream->taken, left = stream_left( stream );

    if (used >= stream->window) return 0;
    return left < stream->window - used ? left : stream->window - used;
}

/* ---- what comes ---- */

void stream_head_begins( struct h2 *h2, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;
    size_t limit;

    (void)h2;
    if (!exchange || stream->error) return;
    limit = exchange->head_limit;
    if (!exchange->times.receive_start) exchange->times.receive_start = engine_now_us();
    if (stream->reader && stream->reader->kind == WHK_HEAD_READ) limit = stream->reader->limit;
    limit = stream->head_total < limit ? limit - stream->head_total : 0;
    h2_block_free( &stream->block );
    h2_block_begin( &stream->block, stream->final, exchange->flags & WHX_TE_OK, limit );
    if (stream->pipe) stream->block.accept = pipe_accept( stream );
    stream->receiving = 1;
}

static void note_result( struct h2 *h2, struct stream *stream, enum h2_block_result result )
{
    switch (result)
    {
    case H2_BLOCK_OK:
        break;
    case H2_BLOCK_BAD:
        stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
        break;
    case H2_BLOCK_LARGE:
        h2->overrun = h2->block_open;
        stream_refuse( h2, stream, WHE_HEAD_SIZE, NGHTTP2_CANCEL );
        break;
    case H2_BLOCK_NO_MEMORY:
        stream_refuse( h2, stream, WHE_NO_MEMORY, NGHTTP2_CANCEL );
        break;
    }
}

void stream_field( struct h2 *h2, struct stream *stream, const char *name, size_t name_len, const char *value,
                   size_t value_len )
{
    if (!stream->receiving || stream->error || !stream->exchange) return;
    note_result( h2, stream, h2_block_field( &stream->block, name, name_len, value, value_len ) );
}

/* Trailers have come; there can be only one block of them. */
static void take_trailers( struct h2 *h2, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;

    if (exchange->response_done) return;    /* the program may be at them: there were none */
    if (exchange->trailers) return stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
    exchange->trailers = stream->block.text;
    exchange->trailers_len = stream->block.len;
    memset( &stream->block, 0, sizeof(stream->block) );
}

/* The head is read as one of HTTP/1.1 would be, for its length; a transfer coding, where it is allowed, means nothing. */
static void take_head( struct h2 *h2, struct stream *stream )
{
    struct answer *answer;

    if (!(answer = wh_malloc( sizeof(*answer) )))
        return stream_refuse( h2, stream, WHE_NO_MEMORY, NGHTTP2_CANCEL );
    answer->next = NULL;
    answer->text = stream->block.text;
    answer->len = stream->block.len;
    memset( &stream->block, 0, sizeof(stream->block) );
    *stream->answers_tail = answer;
    stream->answers_tail = &answer->next;
    if (head_parse( &answer->info, answer->text, answer->len, !!(stream->exchange->flags & WHX_HEAD) ) == PARSE_BAD)
    {
        drop_answers( stream );
        return stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
    }
    if (answer->info.status < 200 && answer->info.status != 101) return;
    stream->final = 1;
    if (answer->info.status == 101) return;    /* what follows is not HTTP */
    stream->content_len = answer->info.content_len;
    stream->bodyless = answer->info.body == HEAD_BODY_NONE;
}

void stream_head_ends( struct h2 *h2, struct stream *stream, int end )
{
    if (!stream->receiving || !stream->exchange) return;
    stream->receiving = 0;
    if (stream->error) return;
    note_result( h2, stream, h2_block_end( &stream->block ) );
    if (stream->error) return;
    stream->head_total += stream->block.len;
    if (stream->reader) op_moved( stream->reader, h2->now_ms );
    if (stream->block.trailers && !end) stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
    else if (stream->block.trailers) take_trailers( h2, stream );
    else take_head( h2, stream );
    h2_touch( h2, stream );
}

/* Room for at least one byte behind what is queued. */
static struct piece *piece_room( struct stream *stream )
{
    struct piece *piece = stream->last_piece;

    if (piece && piece->end < piece->size) return piece;
    if (!stream->pieces && (piece = wh_malloc( sizeof(*piece) + PIECE_FIRST ))) piece->size = PIECE_FIRST;
    else if ((piece = block_get())) piece->size = BLOCK_SIZE - sizeof(*piece);
    if (!piece) return NULL;
    piece->next = NULL;
    piece->start = piece->end = 0;
    if (stream->last_piece) stream->last_piece->next = piece;
    else stream->pieces = piece;
    stream->last_piece = piece;
    return piece;
}

/* The window is another one from now on. Nothing is told. */
static void resize( struct h2 *h2, struct stream *stream, uint32_t window )
{
    h2->promised = h2->promised - stream->window + window;
    stream->window = window;
    stream->step = window / 2;
}

/* A window of ours is about to be told: how many bytes more, or less, than were taken. */
static int32_t adapt( struct h2 *h2, struct stream *stream )
{
    uint64_t now_us = engine_now_us();
    uint32_t window = stream->window;

    h2_time_path( h2 );
    if (h2->promised > PROMISED_MAX && window > WINDOW_LEAST)
        resize( h2, stream, window / 2 > WINDOW_LEAST ? window / 2 : WINDOW_LEAST );
    else if (now_us - stream->told_us < h2->rtt_us && stream->body_in - stream->told_in >= stream->step &&
             window < WINDOW_MAX && h2->promised + window <= PROMISED_MAX)
        resize( h2, stream, window * 2 );
    stream->told_us = now_us;
    stream->told_in = stream->body_in;
    return (int32_t)stream->window - (int32_t)window;
}

void stream_tell( struct h2 *h2, struct stream *stream )
{
    int32_t more;

    if (stream->taken < stream->step || stream->end_in || stream->closed || !h2->session) return;
    more = (int32_t)stream->taken;
    stream->taken = 0;
    if (!stream->fixed) more += adapt( h2, stream );
    if (more <= 0) return;    /* all of it is what the window is smaller now */
    h2_check( h2, nghttp2_submit_window_update( h2->session, NGHTTP2_FLAG_NONE, stream->id, more ) );
}

/* Bytes were taken out of the stream: the peer may send as many more, once it is worth telling. */
static void stream_took( struct h2 *h2, struct stream *stream, size_t count )
{
    if (!count) return;
    stream->taken += count;
    if (stream->taken < stream->step) return;
    if (h2->lazy) h2->owed = 1;
    else stream_tell( h2, stream );
}

void stream_data( struct h2 *h2, struct stream *stream, const char *data, size_t len )
{
    struct exchange *exchange = stream->exchange;
    struct piece *piece;
    size_t count;

    if (!exchange || stream->error) return;
    stream->body_in += len;
    if (!stream->final || stream->bodyless || (stream->content_len != WH_NO_LENGTH && stream->body_in > stream->content_len))
        return stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
    h2_touch( h2, stream );
    if (stream->reader && !exchange->ws)
    {
        op_moved( stream->reader, h2->now_ms );
        if (stream->reader->kind == WHK_BODY_READ && stream->reader->size && !stream->pieces)
        {
            intake_take( exchange, stream->reader, data, len, 0, &count );    /* what it says is seen in the next turn */
            stream_took( h2, stream, count );
            data += count;
            len -= count;
        }
    }
    for (; len; data += count, len -= count)
    {
        if (!(piece = piece_room( stream ))) return stream_refuse( h2, stream, WHE_NO_MEMORY, NGHTTP2_CANCEL );
        count = piece->size - piece->end;
        if (count > len) count = len;
        memcpy( piece->data + piece->end, data, count );
        piece->end += count;
        stream->queued += count;
    }
}

void stream_end( struct h2 *h2, struct stream *stream )
{
    if (stream->end_in) return;
    stream->end_in = 1;
    h2_touch( h2, stream );
    if (!stream->exchange || stream->error) return;
    if (!stream->final ||
        (!stream->bodyless && stream->content_len != WH_NO_LENGTH && stream->body_in != stream->content_len))
    {
        stream->end_in = 0;    /* that was none */
        stream_refuse( h2, stream, WHE_PROTOCOL, NGHTTP2_PROTOCOL_ERROR );
    }
}

/* ---- reads ---- */

/* All of the response was taken. 1: the stream is gone. */
static int response_done( struct conn *conn, struct stream *stream, struct op *op )
{
    struct exchange *exchange = stream->exchange;

    exchange->times.receive_end = engine_now_us();
    __atomic_store_n( &exchange->response_done, 1, __ATOMIC_RELEASE );    /* the trailers are there, too */
    if (stream->closed || (stream->end_out && !stream->sender))
    {
        stream_finish( conn, stream, op, 0 );
        return 1;
    }
    exchange_finish( exchange, op, WHE_OK, 0 );
    return 0;
}

static int deliver_head( struct conn *conn, struct stream *stream, struct op *op )
{
    struct exchange *exchange = stream->exchange;
    struct answer *answer = stream->answers;
    enum wh_error error;

    op->status = answer->info.status;
    op->content_len = answer->info.content_len;
    op->done = answer->len;
    if (op->size < answer->len)
    {
        op->flags = WHR_TOO_SMALL;
        exchange_finish( exchange, op, WHE_OK, 0 );
        return 0;
    }
    if (answer->info.status == 101 && (error = ws_open( exchange, answer->text, answer->len )))
    {
        stream_fail( conn, stream, error, 0, NGHTTP2_CANCEL );
        return 1;
    }
    memcpy( op->data, answer->text, answer->len );
    op->flags = WHR_H2;
    if (!(stream->answers = answer->next)) stream->answers_tail = &stream->answers;
    if (answer->info.status < 200 && answer->info.status != 101)
    {
        op->flags |= WHR_INTERIM;
        wh_free( answer->text );
        wh_free( answer );
        exchange_finish( exchange, op, WHE_OK, 0 );
        return 0;
    }
    stream->head_taken = 1;
    exchange->times.receive_head_end = engine_now_us();
    exchange->stats.response_head = op->done;
    if (!stream->bodyless && !(stream_is_complete( stream ) && !stream->body_in) &&
        intake_begin( exchange, &answer->info.codings, answer->info.status ))
    {
        op->flags |= WHR_DECODED;
        op->content_len = WH_NO_LENGTH;
    }
    wh_free( answer->text );
    wh_free( answer );
    if (stream->pipe && !exchange->ws) pipe_end( stream );    /* it is a request like another, and complete */
    if (exchange->ws) h2_touch( conn->h2, stream );
    else if (stream_is_complete( stream ) && !stream->body_in)
    {
        op->flags |= WHR_END;
        return response_done( conn, stream, op );
    }
    exchange_finish( exchange, op, WHE_OK, 0 );
    return 0;
}

/* Nothing is left to deliver: it fails, or goes on waiting. 1: the stream is gone. */
static int wait_or_fail( struct conn *conn, struct stream *stream, struct op *op )
{
    struct h2 *h2 = conn->h2;

    if (stream->error)
    {
        stream_fail( conn, stream, stream->error, stream->detail, 0 );
        return 1;
    }
    stream->reader = op;
    h2_scan_at( h2, op_deadline( op ) );
    return 0;
}

static int serve_head( struct conn *conn, struct stream *stream, struct op *op )
{
    struct answer *answer;
    size_t total;

    if (stream->head_taken)
    {
        exchange_finish( stream->exchange, op, WHE_STATE, 0 );
        return 0;
    }
    op_see( op, conn->h2->now_ms );
    if (!stream->answers) return wait_or_fail( conn, stream, op );
    for (answer = stream->answers, total = stream->head_total; answer->next; answer = answer->next) total -= answer->next->len;
    if (total > op->limit)    /* it came before anybody had said how large it may be */
    {
        stream_fail( conn, stream, WHE_HEAD_SIZE, 0, NGHTTP2_CANCEL );
        return 1;
    }
    return deliver_head( conn, stream, op );
}

static void piece_took( struct h2 *h2, struct stream *stream, size_t count )
{
    struct piece *piece = stream->pieces;

    piece->start += count;
    stream->queued -= count;
    if (piece->start == piece->end)
    {
        if (!(stream->pieces = piece->next)) stream->last_piece = NULL;
        piece_free( piece );
    }
    stream_took( h2, stream, count );
}

size_t stream_read( struct h2 *h2, struct stream *stream, char *buffer, size_t size )
{
    struct piece *piece = stream->pieces;
    size_t count = piece->end - piece->start;

    if (count > size) count = size;
    memcpy( buffer, piece->data + piece->start, count );
    piece_took( h2, stream, count );
    return count;
}

static int serve_body( struct conn *conn, struct stream *stream, struct op *op )
{
    struct exchange *exchange = stream->exchange;
    struct h2 *h2 = conn->h2;
    enum intake_result result;
    struct piece *piece;
    size_t len, used;
    int enough = 0;

    op_see( op, h2->now_ms );
    for (;;)
    {
        piece = stream->pieces;
        len = piece ? piece->end - piece->start : 0;
        result = intake_take( exchange, op, piece ? piece->data + piece->start : NULL, len,
                              stream_is_complete( stream ) && (!piece || !piece->next), &used );
        if (used) piece_took( h2, stream, used );
        switch (result)
        {
        case INTAKE_MORE:
            if (len) continue;
            return wait_or_fail( conn, stream, op );
        case INTAKE_BUSY:
            stream->reader = op;
            h2_again( h2, stream );
            return 0;
        case INTAKE_ENOUGH:
            /* The end of the body is often there already: taking it now sets the stream free with this read. */
            if (used && !enough)
            {
                enough = 1;
                continue;
            }
            exchange_finish( exchange, op, WHE_OK, 0 );
            return 0;
        case INTAKE_END:
            op->flags |= WHR_END;
            return response_done( conn, stream, op );
        case INTAKE_FAILED:
            stream_fail( conn, stream, exchange->intake.error, 0, NGHTTP2_CANCEL );
            return 1;
        }
    }
}

int stream_serve_read( struct conn *conn, struct stream *stream, struct op *op )
{
    struct exchange *exchange = stream->exchange;

    stream->reader = NULL;
    if (exchange->response_done) exchange_finish_over( exchange, op );
    else if (!stream->id) return 0;    /* first the request has to leave */
    else if (op->kind == WHK_HEAD_READ) return serve_head( conn, stream, op );
    else if (stream->head_taken) return serve_body( conn, stream, op );
    else exchange_finish( exchange, op, WHE_STATE, 0 );
    return 0;
}
