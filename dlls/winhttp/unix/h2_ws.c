#if 0
#pragma makedep unix
#endif

/*
 * A WebSocket on a stream of HTTP/2 (RFC 8441)
 *
 * The stream looks like a layer to ws.c: what it reads comes out of the stream's pieces, what it writes waits here until
 * the session makes frames of it. END_STREAM is what the end of a connection is to a WebSocket of HTTP/1.1.
 */

#include "block.h"
#include "h2_internal.h"
#include "hooks.h"
#include "log.h"
#include "ws.h"

struct pipe
{
    struct layer   layer;
    struct conn   *conn;
    struct stream *stream;
    char           accept[WS_ACCEPT_SIZE];
    char          *out;            /* a block: bytes start..end are to be framed; NULL = none */
    size_t         start, end;
    uint64_t       mark;           /* position in the connection's output behind the last of them */
    uint64_t       deadline_ms;    /* when ws.c wants to run again */
    int            blocked;        /* it waits for room, or for what it wrote to leave */
    int            ending;         /* END_STREAM follows the bytes */
};

static struct pipe *pipe_from_layer( struct layer *layer ) { return (struct pipe *)layer; }

static int pipe_fail( struct pipe *pipe, enum wh_error error )
{
    pipe->layer.error = error;
    pipe->layer.detail = pipe->stream->detail;
    return LAYER_FAILED;
}

static int pipe_is_cut( const struct pipe *pipe )
{
    return pipe->stream->closed || pipe->stream->error || !pipe->conn->h2->session;
}

static int pipe_start( struct layer *layer )
{
    (void)layer;
    return LAYER_OK;
}

static ssize_t pipe_read( struct layer *layer, void *buffer, size_t size )
{
    struct pipe *pipe = pipe_from_layer( layer );
    struct stream *stream = pipe->stream;

    if (stream->pieces) return stream_read( pipe->conn->h2, stream, buffer, size );
    if (stream->end_in) return 0;
    if (stream->error) return pipe_fail( pipe, stream->error );
    return pipe_is_cut( pipe ) ? pipe_fail( pipe, WHE_RESET ) : LAYER_AGAIN;
}

static ssize_t pipe_write( struct layer *layer, const void *data, size_t size )
{
    struct pipe *pipe = pipe_from_layer( layer );

    if (pipe_is_cut( pipe ) || pipe->ending) return pipe_fail( pipe, WHE_RESET );
    if (!pipe->out)
    {
        if (!(pipe->out = block_get())) return pipe_fail( pipe, WHE_NO_MEMORY );
        pipe->start = pipe->end = 0;
    }
    if (size > BLOCK_SIZE - pipe->end) size = BLOCK_SIZE - pipe->end;
    if (!size)
    {
        pipe->blocked = 1;
        stream_resume( pipe->conn->h2, pipe->stream );
        return LAYER_AGAIN;
    }
    memcpy( pipe->out + pipe->end, data, size );
    pipe->end += size;
    return size;
}

static int pipe_flush( struct layer *layer )
{
    struct pipe *pipe = pipe_from_layer( layer );
    struct h2 *h2 = pipe->conn->h2;

    if (pipe_is_cut( pipe )) return pipe_fail( pipe, WHE_RESET );
    stream_resume( h2, pipe->stream );
    h2_output( pipe->conn );
    if (!pipe->out && h2->out_sent >= pipe->mark) return LAYER_OK;
    if (!pipe->out) stream_wait_flushed( h2, pipe->stream );
    pipe->blocked = 1;
    return LAYER_AGAIN;
}

static unsigned int pipe_wants( const struct layer *layer )
{
    const struct pipe *pipe = (const struct pipe *)layer;
    const struct stream *stream = pipe->stream;

    return (stream->pieces || stream->end_in || pipe_is_cut( pipe ) ? 0 : LAYER_WANT_READ) |
           (pipe->blocked ? LAYER_WANT_WRITE : 0);
}

static size_t pipe_pending( const struct layer *layer )
{
    return ((const struct pipe *)layer)->stream->queued;
}

static void pipe_goodbye( struct layer *layer )
{
    (void)layer;
}

static void pipe_close( struct layer *layer )
{
    (void)layer;    /* the stream's */
}

static void pipe_ready( struct layer *layer, unsigned int what, int hangup )
{
    (void)layer;
    (void)what;
    (void)hangup;
}

static enum wh_error pipe_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)layer;
    (void)what;
    (void)buffer;
    (void)size;
    *len = 0;
    return WHE_STATE;
}

static const struct layer_ops pipe_ops =
{
    .start   = pipe_start,
    .read    = pipe_read,
    .write   = pipe_write,
    .flush   = pipe_flush,
    .wants   = pipe_wants,
    .pending = pipe_pending,
    .goodbye = pipe_goodbye,
    .close   = pipe_close,
    .ready   = pipe_ready,
    .query   = pipe_query,
};

enum wh_error pipe_create( struct conn *conn, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;
    const char *key;
    size_t len;

    if (stream->pipe) return WHE_OK;
    if (!(key = h2_request_value( exchange->head, exchange->stats.request_head, "sec-websocket-key", &len )))
        return WHE_INVALID;
    if (!(stream->pipe = wh_calloc( 1, sizeof(*stream->pipe) ))) return WHE_NO_MEMORY;
    stream->pipe->layer.ops = &pipe_ops;
    stream->pipe->conn = conn;
    stream->pipe->stream = stream;
    stream->pipe->deadline_ms = TIMER_NEVER;
    if (!ws_accept_key( key, len, stream->pipe->accept )) return WHE_OK;
    pipe_free( stream );
    return WHE_UNSUPPORTED;
}

void pipe_free( struct stream *stream )
{
    if (!stream->pipe) return;
    if (stream->pipe->out) block_put( stream->pipe->out );
    wh_free( stream->pipe );
    stream->pipe = NULL;
}

const char *pipe_accept( const struct stream *stream )
{
    return stream->pipe->accept;
}

size_t pipe_supply( const struct stream *stream, size_t room, int *end )
{
    const struct pipe *pipe = stream->pipe;
    size_t len = pipe->out ? pipe->end - pipe->start : 0;

    *end = pipe->ending && len <= room;
    return len < room ? len : room;
}

void pipe_take( struct stream *stream, char *to, size_t len )
{
    struct pipe *pipe = stream->pipe;

    if (len) memcpy( to, pipe->out + pipe->start, len );
    pipe->start += len;
    if (pipe->out && pipe->start == pipe->end)
    {
        block_put( pipe->out );
        pipe->out = NULL;
    }
}

void pipe_framed( struct h2 *h2, struct stream *stream )
{
    struct pipe *pipe = stream->pipe;

    pipe->mark = h2->out_total;
    if (!pipe->blocked) return;
    if (pipe->out) h2_touch( h2, stream );
    else stream_wait_flushed( h2, stream );
}

void pipe_end( struct stream *stream )
{
    struct h2 *h2 = stream->pipe->conn->h2;

    if (stream->pipe->ending || pipe_is_cut( stream->pipe )) return;
    stream->pipe->ending = 1;
    stream_resume( h2, stream );
    h2_output( stream->pipe->conn );
}

int websocket_run( struct stream *stream )
{
    struct pipe *pipe = stream->pipe;
    struct h2 *h2 = pipe->conn->h2;
    enum ws_result result;

    pipe->blocked = 0;
    result = ws_run( stream->exchange, &pipe->layer, h2->now_ms, &pipe->deadline_ms );
    if (result == WS_OVER) return 1;
    h2_scan_at( h2, pipe->deadline_ms );
    if (result == WS_MORE) h2_again( h2, stream );
    return 0;
}

void websocket_check_time( struct stream *stream )
{
    struct h2 *h2 = stream->pipe->conn->h2;

    if (h2->now_ms >= stream->pipe->deadline_ms) h2_touch( h2, stream );
    else h2_scan_at( h2, stream->pipe->deadline_ms );
}

void websocket_leave( struct stream *stream )
{
    ws_leave( stream->exchange->ws, &stream->pipe->layer );
}

uint32_t websocket_end( struct stream *stream )
{
    if (!ws_lingers( stream->exchange->ws )) return NGHTTP2_CANCEL;
    pipe_end( stream );
    return stream->end_out ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;
}
