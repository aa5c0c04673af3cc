#if 0
#pragma makedep unix
#endif

/*
 * An HTTP/2 connection: the session, what comes in, what goes out
 *
 * Framing, HPACK, windows of the other side and the order of frames are nghttp2's; its rules about messages are switched
 * off (h2_head.c has them). A run reads what there is, lets every stream that something has happened to have its turn, and
 * writes what came of it in as few calls as possible. The session's callbacks only note what has come: exchanges are
 * finished after it has returned, so that nothing is taken away under its feet.
 *
 * Flow control: the connection's window is opened as bytes come, a stream's as its reader takes them. So one reader that
 * stalls holds nobody up, and what it may be owed is bounded by its window.
 */

#include "block.h"
#include "conn.h"
#include "h2_internal.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"

#define WINDOW_CONN      (32 * 1024 * 1024)    /* opens at once again, so it bounds nothing but what is on its way */
#define HEADER_LIST_MAX  (64 * 1024)           /* what the peer is told; what counts is the limit of the read */
#define SEND_HEAD_MAX    (1024 * 1024)         /* nghttp2's own limit of 64 KiB is less than HTTP/1.1 allows here */
#define FRAME_MAX        (9 + 16384 + 32)      /* room for the largest piece that the session gives at once */
#define RUN_MAX          (1024 * 1024)         /* bytes one run moves before others have their turn */
#define QUIET_MS         100                   /* a connection that is used, too, may have ended after so much silence */
#define PING_WAIT_MS     10000                 /* a peer that does not answer for so long is dead */

/* What a peer may send that means nothing before it counts as an attack (security.md: floods of PING, SETTINGS, RST_STREAM,
 * empty DATA, WINDOW_UPDATE): so much at once, and one per millisecond. Frames that mean something are paid for. */
#define PATIENCE         4096
#define WINDOW_STEP_MIN  1024                  /* Go's server gives back each 4 KiB that it has read, twice */

static struct h2 *h2_of( void *user_data ) { return ((struct conn *)user_data)->h2; }

void h2_touch( struct h2 *h2, struct stream *stream )
{
    if (stream->touched) return;
    stream->touched = 1;
    stream->touched_next = NULL;
    *h2->touched_tail = stream;
    h2->touched_tail = &stream->touched_next;
}

void h2_again( struct h2 *h2, struct stream *stream )
{
    if (stream->touched) return;
    stream->touched = 1;
    stream->touched_next = NULL;
    *h2->again_tail = stream;
    h2->again_tail = &stream->touched_next;
}

/* They have waited for long enough. */
static void touch_again( struct h2 *h2 )
{
    if (!h2->again) return;
    *h2->touched_tail = h2->again;
    h2->touched_tail = h2->again_tail;
    h2->again = NULL;
    h2->again_tail = &h2->again;
}

void h2_fail( struct h2 *h2, enum wh_error error, uint32_t detail )
{
    if (h2->dying) return;
    h2->dying = 1;
    h2->failed = error;
    h2->failed_detail = detail;
}

void h2_check( struct h2 *h2, int code )
{
    if (code == NGHTTP2_ERR_NOMEM) h2_fail( h2, WHE_NO_MEMORY, 0 );
}

int h2_takes( const struct h2 *h2 )
{
    return h2->session && !h2->dying && !h2->goaway_in && !h2->goaway_out && !h2->overrun;
}

void h2_leave( struct conn *conn )
{
    if (conn->h2->left) return;
    conn->h2->left = 1;
    origin_conn_leave( conn );
}

void h2_ready( struct h2 *h2 )
{
    h2->readable = 1;
}

void h2_time_path( struct h2 *h2 )
{
    if (h2->rtt_asked || h2->rtt_start_us || !h2->session) return;
    h2->rtt_asked = 1;
    if (nghttp2_submit_ping( h2->session, NGHTTP2_FLAG_NONE, NULL )) return;    /* then the windows stay as they are */
    h2->rtt_start_us = engine_now_us();
}

static void path_timed( struct h2 *h2 )
{
    uint64_t rtt;

    if (!h2->rtt_start_us) return;
    rtt = engine_now_us() - h2->rtt_start_us;
    h2->rtt_start_us = 0;
    if (rtt > 10000000) rtt = 10000000;
    if (!rtt) rtt = 1;
    if (!h2->rtt_us || rtt < h2->rtt_us) h2->rtt_us = (uint32_t)rtt;
}

/* ---- what comes in ---- */

static struct stream *stream_of( nghttp2_session *session, int32_t id )
{
    return id ? nghttp2_session_get_stream_user_data( session, id ) : NULL;
}

/* A frame that means nothing. */
static void note_noise( struct h2 *h2 )
{
    uint64_t earned = h2->now_ms - h2->patience_ms;

    if (h2->patience)
    {
        h2->patience--;
        return;
    }
    if (earned)
    {
        h2->patience_ms = h2->now_ms;
        h2->patience = earned < PATIENCE ? (unsigned int)earned - 1 : PATIENCE - 1;
        return;
    }
    if (h2->dying) return;
    /* Whatever the session still has to say would wait behind its answers to the flood. */
    nghttp2_session_terminate_session( h2->session, NGHTTP2_ENHANCE_YOUR_CALM );
    h2_fail( h2, WHE_PROTOCOL, NGHTTP2_ENHANCE_YOUR_CALM );
}

static void pay( struct h2 *h2, unsigned int frames )
{
    if ((h2->patience += frames) > PATIENCE) h2->patience = PATIENCE;
}

/* The header of each frame, those of CONTINUATION among them. */
static int on_begin_frame( nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data )
{
    struct h2 *h2 = h2_of( user_data );

    (void)session;
    h2->block_open = (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION) &&
                     !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
    if (!h2->block_open) h2->overrun = 0;
    return 0;
}

static int on_begin_headers( nghttp2_session *session, const nghttp2_frame *frame, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );

    if (stream) stream_head_begins( h2_of( user_data ), stream );
    return 0;
}

static int on_header( nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                      const uint8_t *value, size_t value_len, uint8_t flags, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );

    (void)flags;
    if (stream) stream_field( h2_of( user_data ), stream, (const char *)name, name_len, (const char *)value, value_len );
    return 0;
}

static int on_data_chunk( nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                          void *user_data )
{
    struct stream *stream = stream_of( session, id );

    (void)flags;
    if (nghttp2_session_consume_connection( session, len )) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (stream) stream_data( h2_of( user_data ), stream, (const char *)data, len );
    return 0;
}

static void frame_settings( struct h2 *h2, const nghttp2_frame *frame )
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK) path_timed( h2 );
    else h2->settings_in = h2->settings_new = 1;
    note_noise( h2 );
}

static void frame_ping( struct h2 *h2, const nghttp2_frame *frame )
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK) path_timed( h2 );
    note_noise( h2 );
}

static int on_frame_recv( nghttp2_session *session, const nghttp2_frame *frame, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );
    struct h2 *h2 = h2_of( user_data );

    switch (frame->hd.type)
    {
    case NGHTTP2_HEADERS:
        if (!stream) break;
        stream_head_ends( h2, stream, !!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) );
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) stream_end( h2, stream );
        break;
    case NGHTTP2_DATA:
        if (frame->hd.length > frame->data.padlen) pay( h2, 1 );
        else if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) note_noise( h2 );
        if (stream && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) stream_end( h2, stream );
        break;
    case NGHTTP2_RST_STREAM:
        if (stream) stream->rst_in = 1;
        note_noise( h2 );
        break;
    case NGHTTP2_SETTINGS:
        frame_settings( h2, frame );
        break;
    case NGHTTP2_PING:
        frame_ping( h2, frame );
        break;
    case NGHTTP2_GOAWAY:
        h2->goaway_in = 1;
        h2->goaway_code = frame->goaway.error_code;
        note_noise( h2 );
        break;
    case NGHTTP2_WINDOW_UPDATE:
        /* However often, if it opens something: a window has an end, so it cannot go on like that without our bytes. */
        if (frame->window_update.window_size_increment < WINDOW_STEP_MIN) note_noise( h2 );
        break;
    default:
        note_noise( h2 );
        break;
    }
    return 0;
}

static int on_stream_close( nghttp2_session *session, int32_t id, uint32_t code, void *user_data )
{
    struct stream *stream = stream_of( session, id );

    if (stream) stream_closed( h2_of( user_data ), stream, code );
    return 0;
}

/* What the session does not like, for a trace. */
static int on_error( nghttp2_session *session, int code, const char *text, size_t len, void *user_data )
{
    struct conn *conn = user_data;

    (void)session;
    LOG( LOG_WARN, "conn " OBJECT_FMT ": %.*s (%d)", OBJECT_ARG( &conn->obj ), (int)len, text, code );
    return 0;
}

/* ---- what goes out ---- */

static size_t out_room( const struct h2 *h2 )
{
    return BLOCK_SIZE - h2->out_end;
}

static void out_put( struct h2 *h2, const void *data, size_t len )
{
    memcpy( h2->out + h2->out_end, data, len );
    h2->out_end += len;
    h2->out_total += len;
}

ssize_t h2_read_body( nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size, uint32_t *flags,
                      nghttp2_data_source *source, void *user_data )
{
    struct stream *stream = stream_of( session, id );
    size_t len;
    int end;

    (void)buffer;
    (void)source;
    if (!stream || !stream->exchange) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (out_room( h2_of( user_data ) ) < size + 9) return NGHTTP2_ERR_PAUSE;
    if (!(len = stream_supply( stream, size, &end )) && !end)
    {
        stream->deferred = 1;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return len;
}

static int on_send_data( nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
                         nghttp2_data_source *source, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );
    struct h2 *h2 = h2_of( user_data );

    (void)source;
    if (!stream || !stream->exchange) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    out_put( h2, head, 9 );
    stream_take( h2, stream, h2->out + h2->out_end, len );
    h2->out_end += len;
    h2->out_total += len;
    pay( h2, 2 );    /* the peer may open both windows for it */
    return 0;
}

static int on_frame_send( nghttp2_session *session, const nghttp2_frame *frame, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );
    struct h2 *h2 = h2_of( user_data );
    int end = !!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);

    if (frame->hd.type == NGHTTP2_GOAWAY)
    {
        h2->goaway_out = 1;
        if (frame->goaway.error_code) h2_fail( h2, WHE_PROTOCOL, frame->goaway.error_code );
    }
    else if (!stream || !stream->exchange) return 0;
    else if (frame->hd.type == NGHTTP2_HEADERS) stream_framed( h2, stream, 1, end );
    else if (frame->hd.type == NGHTTP2_DATA) stream_framed( h2, stream, 0, end );
    return 0;
}

/* Of what was submitted only requests can be lost like this: the connection takes none any more, or it could not be
 * written. */
static int on_frame_not_send( nghttp2_session *session, const nghttp2_frame *frame, int code, void *user_data )
{
    struct stream *stream = stream_of( session, frame->hd.stream_id );
    struct h2 *h2 = h2_of( user_data );

    if (frame->hd.type != NGHTTP2_HEADERS || !stream || !stream->exchange) return 0;
    if (code == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED || code == NGHTTP2_ERR_SESSION_CLOSING ||
        code == NGHTTP2_ERR_STREAM_CLOSING) stream->moved = 1;
    else
    {
        stream->error = code == NGHTTP2_ERR_NOMEM ? WHE_NO_MEMORY : WHE_INVALID;
        stream->detail = -code;
    }
    stream->closed = 1;
    h2_touch( h2, stream );
    return 0;
}

/* ---- the session ---- */

static void *mem_malloc( size_t size, void *user_data ) { (void)user_data; return wh_malloc( size ); }
static void mem_free( void *ptr, void *user_data ) { (void)user_data; wh_free( ptr ); }
static void *mem_calloc( size_t count, size_t size, void *user_data ) { (void)user_data; return wh_calloc( count, size ); }
static void *mem_realloc( void *ptr, size_t size, void *user_data ) { (void)user_data; return wh_realloc( ptr, size ); }

static enum wh_error session_settings( struct h2 *h2 )
{
    const nghttp2_settings_entry settings[] =
    {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h2->window },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_MAX },
    };

    if (nghttp2_submit_settings( h2->session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]) ) ||
        nghttp2_session_set_local_window_size( h2->session, NGHTTP2_FLAG_NONE, 0, WINDOW_CONN )) return WHE_NO_MEMORY;
    return WHE_OK;
}

static enum wh_error session_open( struct conn *conn, struct h2 *h2 )
{
    nghttp2_mem mem = { NULL, mem_malloc, mem_free, mem_calloc, mem_realloc };
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    enum wh_error error = WHE_NO_MEMORY;

    if (nghttp2_session_callbacks_new( &callbacks )) return WHE_NO_MEMORY;
    nghttp2_session_callbacks_set_on_begin_frame_callback( callbacks, on_begin_frame );
    nghttp2_session_callbacks_set_on_begin_headers_callback( callbacks, on_begin_headers );
    nghttp2_session_callbacks_set_on_header_callback( callbacks, on_header );
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback( callbacks, on_data_chunk );
    nghttp2_session_callbacks_set_on_frame_recv_callback( callbacks, on_frame_recv );
    nghttp2_session_callbacks_set_on_stream_close_callback( callbacks, on_stream_close );
    nghttp2_session_callbacks_set_error_callback2( callbacks, on_error );
    nghttp2_session_callbacks_set_send_data_callback( callbacks, on_send_data );
    nghttp2_session_callbacks_set_on_frame_send_callback( callbacks, on_frame_send );
    nghttp2_session_callbacks_set_on_frame_not_send_callback( callbacks, on_frame_not_send );
    if (!nghttp2_option_new( &option ))
    {
        /* The limits of what a peer can make the session hold (answers to PING and SETTINGS, entries of SETTINGS,
         * CONTINUATION frames of a block) are the library's own: 1000, 32 and 8. */
        nghttp2_option_set_no_auto_window_update( option, 1 );
        nghttp2_option_set_no_http_messaging( option, 1 );
        nghttp2_option_set_no_closed_streams( option, 1 );
        nghttp2_option_set_peer_max_concurrent_streams( option, H2_STREAMS_ASSUMED );
        nghttp2_option_set_max_send_header_block_length( option, SEND_HEAD_MAX );
        if (!nghttp2_session_client_new3( &h2->session, callbacks, conn, option, &mem )) error = session_settings( h2 );
        nghttp2_option_del( option );
    }
    nghttp2_session_callbacks_del( callbacks );
    return error;
}

enum wh_error h2_open( struct conn *conn, const struct dial_plan *plan )
{
    struct h2 *h2 = wh_calloc( 1, sizeof(*h2) );
    enum wh_error error;

    if (!h2) return WHE_NO_MEMORY;
    h2->touched_tail = &h2->touched;
    h2->again_tail = &h2->again;
    h2->scan_ms = TIMER_NEVER;
    h2->window = plan->h2_window ? plan->h2_window : H2_WINDOW_STREAM;
    if (h2->window > INT32_MAX) h2->window = INT32_MAX;
    h2->keepalive_ms = plan->h2_keepalive_ms;
    h2->readable = 1;
    h2->patience = PATIENCE;
    h2->last_in_ms = h2->patience_ms = engine_now_ms();
    if ((error = session_open( conn, h2 )))
    {
        h2_free( h2 );
        return error;
    }
    h2->rtt_start_us = engine_now_us();    /* its SETTINGS go out with the first request */
    conn->h2 = h2;
    return WHE_OK;
}

void h2_stop( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    struct stream *stream, *next;

    if (!h2 || !h2->session) return;
    nghttp2_session_del( h2->session );
    h2->session = NULL;
    if (h2->out) block_put( h2->out );
    h2->out = NULL;
    h2->out_start = h2->out_end = 0;
    for (stream = h2->orphans; stream; stream = next)
    {
        next = stream->next;
        stream->closed = 1;
        stream_free( h2, stream );
    }
}

void h2_free( struct h2 *h2 )
{
    struct stream *stream;

    if (!h2) return;
    touch_again( h2 );
    while ((stream = h2->touched))    /* orphans whose end nobody has looked at */
    {
        h2->touched = stream->touched_next;
        stream->touched = 0;
        stream_free( h2, stream );
    }
    if (h2->session) nghttp2_session_del( h2->session );
    if (h2->out) block_put( h2->out );
    wh_free( h2->fields );
    wh_free( h2->names );
    wh_free( h2 );
}

/* ---- moving bytes ---- */

/* The session cannot go on, and would not tell the peer why. */
static void input_failed( struct h2 *h2, int code )
{
    if (code == NGHTTP2_ERR_NOMEM)
    {
        h2_fail( h2, WHE_NO_MEMORY, 0 );
        return;
    }
    /* What it does not say itself is about floods: of frames to be answered, of CONTINUATION. */
    nghttp2_session_terminate_session( h2->session, NGHTTP2_ENHANCE_YOUR_CALM );
    h2_fail( h2, WHE_PROTOCOL, NGHTTP2_ENHANCE_YOUR_CALM );
}

int h2_input( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    size_t moved = 0;
    ssize_t count, used;
    char *in;

    if (!h2->readable || h2->dying) return 0;
    if (!(in = block_get()))
    {
        h2_fail( h2, WHE_NO_MEMORY, 0 );
        return 0;
    }
    while (!h2->dying && moved < RUN_MAX)
    {
        count = conn->layer->ops->read( conn->layer, in, BLOCK_SIZE );
        if (count <= 0)
        {
            h2->readable = 0;
            if (!count) h2_fail( h2, WHE_RESET, 0 );
            else if (count == LAYER_FAILED) h2_fail( h2, conn->layer->error, conn->layer->detail );
            break;
        }
        LOG_BYTES( &conn->obj, '<', in, count );
        h2->last_in_ms = h2->now_ms;
        h2->ping_ms = 0;
        moved += count;
        conn->gather.came += count;
        if ((used = nghttp2_session_mem_recv( h2->session, (const uint8_t *)in, count )) < 0) input_failed( h2, (int)used );
    }
    block_put( in );
    return h2->readable && !h2->dying;
}

/* Fills the output. 0: the session has nothing more to say. */
static int out_fill( struct h2 *h2 )
{
    const uint8_t *data;
    ssize_t count;

    if (!h2->out && !(h2->out = block_get()))
    {
        h2_fail( h2, WHE_NO_MEMORY, 0 );
        return 0;
    }
    if (h2->out_start && out_room( h2 ) < FRAME_MAX)
    {
        memmove( h2->out, h2->out + h2->out_start, h2->out_end - h2->out_start );
        h2->out_end -= h2->out_start;
        h2->out_start = 0;
    }
    while (out_room( h2 ) >= FRAME_MAX)
    {
        count = nghttp2_session_mem_send( h2->session, &data );
        if (count > 0)
        {
            out_put( h2, data, count );
            continue;
        }
        if (count < 0) input_failed( h2, (int)count );
        if (!count && out_room( h2 ) < FRAME_MAX) break;    /* it waits for room */
        return 0;
    }
    return 1;
}

int h2_output( struct conn *conn )
{
    struct layer *layer = conn->layer;
    struct h2 *h2 = conn->h2;
    size_t moved = 0;
    ssize_t count;
    int more = 1;

    if (!nghttp2_session_want_write( h2->session ) && h2->out_sent == h2->out_total) return 0;
    while (more || h2->out_end)
    {
        if (moved >= RUN_MAX) return 1;
        if (more) more = out_fill( h2 );
        if (!h2->out || h2->out_start == h2->out_end) break;
        count = layer->ops->write( layer, h2->out + h2->out_start, h2->out_end - h2->out_start );
        if (count <= 0)
        {
            if (count != LAYER_AGAIN) h2_fail( h2, layer->error, layer->detail );
            return 0;
        }
        LOG_BYTES( &conn->obj, '>', h2->out + h2->out_start, count );
        moved += count;
        h2->out_start += count;
        if (h2->out_start == h2->out_end) h2->out_start = h2->out_end = 0;
    }
    if (h2->out) block_put( h2->out );
    h2->out = NULL;
    switch (layer->ops->flush( layer ))
    {
    case LAYER_OK: h2->out_sent = h2->out_total; break;
    case LAYER_AGAIN: break;
    default: h2_fail( h2, layer->error, layer->detail ); break;
    }
    return 0;
}

void h2_goodbye( struct conn *conn )
{
    struct h2 *h2 = conn->h2;

    if (!h2->session) return;
    nghttp2_session_terminate_session( h2->session, NGHTTP2_NO_ERROR );    /* errors: it is the end anyway */
    h2_output( conn );
    conn_goodbye( conn );
}

/* ---- a run ---- */

/* Those that were given to the connection, those whose programs want something, those that something has come for. 1: some
 * have had their turn and want another one. */
static int serve_all( struct conn *conn )
{
    struct exchange *exchange, *next;
    struct h2 *h2 = conn->h2;
    struct stream *stream;

    touch_again( h2 );
    for (;;)
    {
        for (exchange = origin_conn_arrivals( conn ); exchange; exchange = next)
        {
            next = exchange->wait_next;
            exchange->wait_next = NULL;
            stream_begin( conn, exchange );
        }
        for (exchange = conn_attention( conn ); exchange; exchange = next)
        {
            next = exchange->attend_next;
            __atomic_store_n( &exchange->attended, 0, __ATOMIC_SEQ_CST );
            if (!exchange_is_on( exchange, conn )) exchange_kick( exchange );    /* it has moved meanwhile */
            else if (exchange->stream) h2_touch( h2, exchange->stream );
            object_release( &exchange->obj );
        }
        if (!(stream = h2->touched)) break;
        if (!(h2->touched = stream->touched_next)) h2->touched_tail = &h2->touched;
        stream->touched = 0;
        if (stream->exchange) stream_serve( conn, stream );
        else if (stream->closed) stream_free( h2, stream );
    }
    return h2->again != NULL;
}

static void finish_sent( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    struct stream *stream;

    while ((stream = h2->flushing) && stream->mark <= h2->out_sent) stream_sent( conn, stream );
}

/* SETTINGS have come. */
static void take_settings( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    uint32_t max = nghttp2_session_get_remote_settings( h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS );
    struct stream *stream;

    h2->settings_new = 0;
    origin_conn_streams( conn, max );
    for (stream = h2->streams; stream; stream = stream->next)
    {
        if (stream->waits) h2_touch( h2, stream );
        /* It got here before that was known, and is not to queue. */
        if (stream->id && !stream->framed && !stream->closed && (stream->exchange->flags & WHX_NO_QUEUE))
        {
            h2_check( h2, nghttp2_submit_rst_stream( h2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL ) );
            nghttp2_session_set_stream_user_data( h2->session, stream->id, NULL );
            stream->closed = stream->moved = 1;
            h2_touch( h2, stream );
        }
    }
}

/* The end: the connection goes, its exchanges stay with what they have. */
static void h2_die( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    struct stream *stream;

    LOG( LOG_TRACE, "conn " OBJECT_FMT ": the session ends, error %u (%u)", OBJECT_ARG( &conn->obj ), h2->failed,
         h2->failed_detail );
    h2->left = 1;
    origin_conn_gone( conn );
    conn_goodbye( conn );
    conn_close( conn );
    for (stream = h2->streams; stream; stream = stream->next) stream_lost( h2, stream, h2->failed, h2->failed_detail );
}

static void check_time( struct conn *conn )
{
    struct h2 *h2 = conn->h2;
    struct stream *stream, *next;

    h2->scan_ms = TIMER_NEVER;
    for (stream = h2->streams; stream; stream = next)
    {
        next = stream->next;
        stream_check_time( conn, stream );
    }
    for (stream = h2->orphans; stream; stream = next)
    {
        next = stream->next;
        if (h2->now_ms < stream->deadline_ms) h2_scan_at( h2, stream->deadline_ms );
        else
        {
            h2_check( h2, nghttp2_submit_rst_stream( h2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL ) );
            nghttp2_session_set_stream_user_data( h2->session, stream->id, NULL );
            stream->closed = 1;
            stream_free( h2, stream );
        }
    }
}

/* When the next PING is due, or its answer overdue; TIMER_NEVER. */
static uint64_t check_alive( struct h2 *h2 )
{
    uint32_t wait_ms = h2->keepalive_ms < PING_WAIT_MS ? h2->keepalive_ms : PING_WAIT_MS;

    if (!h2->keepalive_ms) return TIMER_NEVER;
    if (h2->ping_ms)
    {
        if (h2->now_ms < h2->ping_ms + wait_ms) return h2->ping_ms + wait_ms;
        h2_fail( h2, WHE_RESET, 0 );
        return TIMER_NEVER;
    }
    if (h2->now_ms < h2->last_in_ms + h2->keepalive_ms) return h2->last_in_ms + h2->keepalive_ms;
    h2_check( h2, nghttp2_submit_ping( h2->session, NGHTTP2_FLAG_NONE, NULL ) );
    h2->ping_ms = h2->now_ms;
    return h2->ping_ms + wait_ms;
}

/* Nobody is on it. 1: it is closed. */
static int check_idle( struct conn *conn )
{
    struct h2 *h2 = conn->h2;

    if (!h2->left && !conn->unwanted && h2->now_ms < conn->deadline_ms) return 0;
    if (!origin_conn_retire( conn )) return 0;    /* in use again */
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": idle, its time is over", OBJECT_ARG( &conn->obj ) );
    conn_part( conn );
    return 1;
}

/* The session at the end of a run. */
static void check_session( struct conn *conn )
{
    struct h2 *h2 = conn->h2;

    if (h2->goaway_in || h2->goaway_out) h2_leave( conn );
    if (!h2->dying && !nghttp2_session_want_read( h2->session ) && !nghttp2_session_want_write( h2->session ))
        h2_fail( h2, WHE_RESET, 0 );
    if (h2->dying)
    {
        h2_output( conn );    /* the reason, if it can be told */
        h2_die( conn );
    }
}

/* The windows that were not told. */
static void tell_windows( struct h2 *h2 )
{
    struct stream *stream;

    h2->lazy = 0;
    if (!h2->owed) return;
    h2->owed = 0;
    for (stream = h2->streams; stream; stream = stream->next) stream_tell( h2, stream );
}

int h2_tell( struct conn *conn )
{
    struct h2 *h2 = conn->h2;

    if (!h2->owed || !h2->session) return 0;
    tell_windows( h2 );
    return h2_output( conn ) || h2->dying;
}

/* What will come of bodies that are being read, see gather.h. */
static uint64_t expected( const struct h2 *h2 )
{
    const struct stream *stream;
    uint64_t sum = 0;
    int readers = 0;

    for (stream = h2->streams; stream; stream = stream->next)
    {
        if (!stream->end_out || stream->pipe) return 0;    /* the peer may have to say something first */
        if (!stream->reader) continue;
        if (stream->reader->kind != WHK_BODY_READ) return 0;
        if (stream_left( stream ) < GATHER_LEAST) return 0;
        sum += stream_expected( stream );
        readers++;
    }
    return readers ? sum : GATHER_NOBODY;
}

int h2_run( struct conn *conn, uint64_t now_ms )
{
    struct h2 *h2 = conn->h2;
    uint64_t deadline = TIMER_NEVER;
    int more = 0, round = 0;

    h2->now_ms = now_ms;
    if (h2->session && h2->begun && (now_ms - h2->last_in_ms > QUIET_MS || (!h2->count && origin_conn_has_arrivals( conn ))))
    {
        conn->layer->ops->ready( conn->layer, LAYER_WANT_READ, 0 );    /* who knows what happened while nobody looked */
        h2->readable = 1;
    }
    if (h2->session) more = h2_input( conn );
    /* Programs that post reads while the connection waits for many bytes: one write for all their windows is enough. */
    h2->lazy = conn->gather.until_us && !conn->gather.came;
    if (!h2->lazy) tell_windows( h2 );
    if (h2->settings_new && h2->session) take_settings( conn );
    if (h2->session && (h2->goaway_in || h2->overrun)) h2_leave( conn );    /* before programs hear of it and go on */
    do
    {
        more |= serve_all( conn );
        if (now_ms >= h2->scan_ms && h2->session) check_time( conn );
        if (!h2->session) break;
        deadline = check_alive( h2 );
        if (!h2->dying) more |= h2_output( conn );
        finish_sent( conn );
        check_session( conn );
    }
    while ((h2->touched || origin_conn_has_arrivals( conn )) && ++round < 16);

    if (!h2->session)
    {
        more |= serve_all( conn );
        if (now_ms >= h2->scan_ms) check_time( conn );
        engine_set_timer( &conn->timer, h2->scan_ms );
        return more || h2->touched;
    }
    if (!h2->count && !origin_conn_has_arrivals( conn ))
    {
        if (check_idle( conn )) return 0;
        if (conn->deadline_ms < deadline) deadline = conn->deadline_ms;
    }
    engine_set_timer( &conn->timer, h2->scan_ms < deadline ? h2->scan_ms : deadline );
    if (gather_cares( &conn->gather )) conn->gather.want = expected( h2 );
    return more || h2->touched || origin_conn_has_arrivals( conn );
}
