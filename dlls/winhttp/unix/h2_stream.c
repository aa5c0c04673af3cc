#if 0
#pragma makedep unix
#endif

/*
 * A stream of an HTTP/2 connection: one exchange
 *
 * Its life, and what goes out. What comes in is h2_receive.c's.
 */

#include "h2_internal.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"

#define ORPHAN_MS     2000                   /* a peer that has sent all of a body may take so long to say that it is over */
#define ORPHANS_MAX   32                     /* and so many at a time */

/* ---- life ---- */

static void list_add( struct stream **list, struct stream *stream )
{
    stream->prev = NULL;
    if ((stream->next = *list)) stream->next->prev = stream;
    *list = stream;
}

static void list_remove( struct stream **list, struct stream *stream )
{
    if (stream->next) stream->next->prev = stream->prev;
    if (stream->prev) stream->prev->next = stream->next;
    else *list = stream->next;
    stream->next = stream->prev = NULL;
}

static void flush_add( struct h2 *h2, struct stream *stream )
{
    stream->flushing = 1;
    stream->mark = h2->out_total;
    stream->flush_next = NULL;
    if ((stream->flush_prev = h2->flushing_last)) stream->flush_prev->flush_next = stream;
    else h2->flushing = stream;
    h2->flushing_last = stream;
}

static void flush_remove( struct h2 *h2, struct stream *stream )
{
    if (!stream->flushing) return;
    if (stream->flush_next) stream->flush_next->flush_prev = stream->flush_prev;
    else h2->flushing_last = stream->flush_prev;
    if (stream->flush_prev) stream->flush_prev->flush_next = stream->flush_next;
    else h2->flushing = stream->flush_next;
    stream->flushing = 0;
}

void stream_free( struct h2 *h2, struct stream *stream )
{
    if (stream->exchange) return;
    if (stream->deadline_ms)
    {
        list_remove( &h2->orphans, stream );
        h2->orphan_count--;
        stream->deadline_ms = 0;
    }
    pipe_free( stream );
    if (!stream->touched) wh_free( stream );
}

/* Ends the stream on the wire, if it has not ended by itself. All of a response has come but its end: that is on its way,
 * and peers count resets. */
static void cut( struct h2 *h2, struct stream *stream, uint32_t code )
{
    if (!stream->id || !h2->session) return;
    if (stream->closed)
    {
        nghttp2_session_set_stream_user_data( h2->session, stream->id, NULL );    /* mostly there is none any more */
        return;
    }
    if (!code && stream->end_out && h2->orphan_count < ORPHANS_MAX)
    {
        stream->deadline_ms = h2->now_ms + ORPHAN_MS;
        h2_scan_at( h2, stream->deadline_ms );
        list_add( &h2->orphans, stream );
        h2->orphan_count++;
        return;
    }
    h2_check( h2, nghttp2_submit_rst_stream( h2->session, NGHTTP2_FLAG_NONE, stream->id, code ? code : NGHTTP2_CANCEL ) );
    nghttp2_session_set_stream_user_data( h2->session, stream->id, NULL );
}

/* The exchange leaves its stream, and the connection. The caller holds a reference on it. */
static void part( struct conn *conn, struct stream *stream, uint32_t code )
{
    struct exchange *exchange = stream->exchange;
    struct h2 *h2 = conn->h2;
    int last;

    stream_drop_input( stream );
    flush_remove( h2, stream );
    list_remove( &h2->streams, stream );
    h2->count--;
    h2->submitted -= stream->id != 0;
    h2->promised -= stream->window;
    stream->window = 0;
    stream->sender = stream->reader = NULL;
    exchange->stream = NULL;
    stream->exchange = NULL;
    cut( h2, stream, code );
    if (!stream->deadline_ms)
    {
        stream->closed = 1;
        stream_free( h2, stream );
    }
    if ((last = origin_stream_free( conn, exchange ))) h2->left = 1;
    if (last && (exchange->flags & WHX_NO_REUSE)) exchange_progress( exchange, WHK_CLOSING, NULL );
    exchange_detach( exchange );
    if (last && (exchange->flags & WHX_NO_REUSE)) exchange_progress( exchange, WHK_CLOSED, NULL );
}

/* The exchange is over, and so is this operation of it (or NULL). */
void stream_finish( struct conn *conn, struct stream *stream, struct op *op, uint32_t code )
{
    struct exchange *exchange = stream->exchange;

    part( conn, stream, code );
    if (op) exchange_finish( exchange, op, WHE_OK, 0 );
    exchange_settle( exchange );
    object_release( &exchange->obj );    /* the link's */
}

void stream_fail( struct conn *conn, struct stream *stream, enum wh_error error, uint32_t detail, uint32_t code )
{
    struct exchange *exchange = stream->exchange;

    exchange_fail( exchange, error, detail );
    part( conn, stream, code );
    object_release( &exchange->obj );
}

/* Nothing of it has left: another connection does as well. */
static void move( struct conn *conn, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;
    int wait;

    pthread_mutex_lock( &exchange->lock );
    wait = exchange->pause == PAUSE_ANSWERED || exchange->pause == PAUSE_RECORDED || exchange->pause == PAUSE_RESUMING;
    if (!wait) exchange->pause = PAUSE_NONE;    /* the program has looked at this connection: it is asked again */
    pthread_mutex_unlock( &exchange->lock );
    if (wait) return;
    if (!h2_takes( conn->h2 )) h2_leave( conn );    /* or it would come back */
    part( conn, stream, NGHTTP2_CANCEL );
    if (exchange->pin) exchange_fail( exchange, WHE_STALE, 0 );
    else origin_request( exchange );
    object_release( &exchange->obj );
}

void stream_begin( struct conn *conn, struct exchange *exchange )
{
    struct h2 *h2 = conn->h2;
    struct stream *stream = wh_calloc( 1, sizeof(*stream) );

    exchange_attach( exchange, conn );
    exchange->reused = h2->begun || conn->was_idle;
    exchange->stats.index = h2->begun++;
    exchange->stats.tls_resumed = conn->tls_resumed;
    exchange->stats.tls_false_start = conn->tls_false_start;
    exchange->stats.fast_open = conn->fast_open;
    if (exchange->plan.h2_keepalive_ms)
    {
        h2->keepalive_ms = exchange->plan.h2_keepalive_ms;
        conn->kept_alive = 1;
    }
    if (!stream)
    {
        exchange_fail( exchange, WHE_NO_MEMORY, 0 );
        if (origin_stream_free( conn, exchange )) h2->left = 1;
        exchange_detach( exchange );
        object_release( &exchange->obj );
        return;
    }
    if (!exchange->total_len) __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
    stream->exchange = exchange;
    stream->content_len = WH_NO_LENGTH;
    stream->answers_tail = &stream->answers;
    exchange->stream = stream;
    list_add( &h2->streams, stream );
    h2->count++;
    h2_touch( h2, stream );
}

void stream_refuse( struct h2 *h2, struct stream *stream, enum wh_error error, uint32_t code )
{
    if (stream->error || stream->closed) return;
    stream->error = error;
    stream->detail = code;
    h2_check( h2, nghttp2_submit_rst_stream( h2->session, NGHTTP2_FLAG_NONE, stream->id, code ) );
    h2_touch( h2, stream );
}

void stream_lost( struct h2 *h2, struct stream *stream, enum wh_error error, uint32_t detail )
{
    if (!stream->closed && !stream->error && !stream_is_complete( stream ))
    {
        if (!stream->framed) stream->moved = 1;
        else
        {
            /* A GOAWAY has said that it was taken. */
            stream->error = error == WHE_RESET && stream->exchange->reused && !stream->head_total && !h2->goaway_in
                            ? WHE_STALE : error;
            stream->detail = detail;
        }
    }
    flush_remove( h2, stream );
    stream->closed = 1;
    h2_touch( h2, stream );
}

void stream_closed( struct h2 *h2, struct stream *stream, uint32_t code )
{
    stream->closed = 1;
    h2_touch( h2, stream );
    if (!stream->exchange || stream->error || stream->moved) return;
    if (stream->rst_in)
    {
        stream->exchange->stream_error = code;
        __atomic_store_n( &stream->exchange->has_stream_error, 1, __ATOMIC_RELEASE );
    }
    if (!code && stream->end_in && stream->end_out) return;
    if (stream_is_complete( stream )) return;
    stream->detail = code;
    if (!stream->framed) stream->moved = 1;
    else if (stream->rst_in && stream->head_total) stream->error = WHE_STREAM;    /* whatever it says: something was done */
    else if (code == NGHTTP2_HTTP_1_1_REQUIRED || (!stream->rst_in && h2->goaway_code == NGHTTP2_HTTP_1_1_REQUIRED))
        stream->error = WHE_DOWNGRADE;
    else if (code == NGHTTP2_REFUSED_STREAM) stream->error = WHE_UNPROCESSED;    /* also those above a GOAWAY */
    else stream->error = stream->rst_in ? WHE_STREAM : WHE_PROTOCOL;
}

/* ---- what goes out ---- */

/* 1 if the message ends with what the operation under way has. */
static int ends_here( const struct stream *stream, uint64_t len )
{
    const struct exchange *exchange = stream->exchange;

    if (stream->pipe) return 0;
    if (exchange->total_len != WH_NO_LENGTH) return exchange->body_sent + len >= exchange->total_len;
    return stream->sender && (stream->sender->options & WHX_END);
}

size_t stream_supply( const struct stream *stream, size_t room, int *end )
{
    const struct exchange *exchange = stream->exchange;
    uint64_t len = exchange->head_len - exchange->head_sent;

    if (stream->pipe) return pipe_supply( stream, room, end );
    if (stream->sender) len += stream->sender->size - stream->sender->done;
    if (exchange->total_len != WH_NO_LENGTH && len > exchange->total_len - exchange->body_sent)
        len = exchange->total_len - exchange->body_sent;
    *end = len <= room && ends_here( stream, len );
    return len < room ? len : room;
}

void stream_take( struct h2 *h2, struct stream *stream, char *to, size_t len )
{
    struct exchange *exchange = stream->exchange;
    size_t count = exchange->head_len - exchange->head_sent;

    if (stream->pipe)
    {
        pipe_take( stream, to, len );
        return;
    }
    if (count > len) count = len;
    memcpy( to, exchange->head + exchange->head_sent, count );
    exchange->head_sent += count;
    exchange->body_sent += len;
    exchange->stats.request_body += len;
    if (!stream->sender) return;
    op_moved( stream->sender, h2->now_ms );
    if (!(len -= count)) return;
    memcpy( to + count, stream->sender->data + stream->sender->done, len );
    stream->sender->done += len;
}

/* The window that its program has asked for, or ours. */
static void set_window( struct h2 *h2, struct stream *stream )
{
    const struct dial_plan *plan = &stream->exchange->plan;

    stream->fixed = plan->h2_window != 0;
    stream->window = plan->h2_window ? plan->h2_window : H2_WINDOW_STREAM;
    if (stream->window > INT32_MAX) stream->window = INT32_MAX;
    h2->promised += stream->window;
    stream->step = plan->h2_window && plan->h2_window_delta ? plan->h2_window_delta : stream->window / 2;
    if (stream->step > stream->window) stream->step = stream->window;
    if (!stream->step) stream->step = 1;
    if (stream->window != h2->window)
        h2_check( h2, nghttp2_session_set_local_window_size( h2->session, NGHTTP2_FLAG_NONE, stream->id,
                                                             (int32_t)stream->window ) );
}

void stream_framed( struct h2 *h2, struct stream *stream, int headers, int end )
{
    struct exchange *exchange = stream->exchange;
    struct op *op = stream->sender;

    if (headers)
    {
        stream->framed = 1;
        exchange->head_sent = exchange->stats.request_head;
        exchange->times.send_head_end = engine_now_us();
        stream->told_us = exchange->times.send_head_end;
        set_window( h2, stream );
        if (op) op_moved( op, h2->now_ms );
    }
    if (end)
    {
        stream->end_out = 1;
        __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
    }
    if (!headers && stream->pipe) pipe_framed( h2, stream );
    if (!op || stream->flushing || exchange->head_sent < exchange->head_len) return;
    if (op->done < op->size && !end) return;
    if (!end && ends_here( stream, 0 )) return;    /* END_STREAM is still to come */
    flush_add( h2, stream );
}

void stream_sent( struct conn *conn, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;
    struct op *op = stream->sender;

    flush_remove( conn->h2, stream );
    if (!op)
    {
        h2_touch( conn->h2, stream );
        return;
    }
    stream->sender = NULL;
    exchange->times.send_end = engine_now_us();
    if (exchange->reused && op->kind == WHK_HEAD_SENT) op->flags |= WHR_REUSED;
    if (op->done < op->size) exchange_finish( exchange, op, WHE_STATE, 0 );    /* it had more than the message */
    else if (exchange->response_done && stream->end_out) stream_finish( conn, stream, op, 0 );
    else exchange_finish( exchange, op, WHE_OK, 0 );
}

void stream_wait_flushed( struct h2 *h2, struct stream *stream )
{
    if (!stream->flushing) flush_add( h2, stream );
}

void stream_resume( struct h2 *h2, struct stream *stream )
{
    if (!stream->deferred || !h2->session) return;
    stream->deferred = 0;
    h2_check( h2, nghttp2_session_resume_data( h2->session, stream->id ) );
}

static enum wh_error make_fields( struct conn *conn, struct stream *stream, size_t *count )
{
    struct exchange *exchange = stream->exchange;
    struct h2 *h2 = conn->h2;
    size_t len = exchange->stats.request_head, room = h2_request_room( exchange->head, len );
    nghttp2_nv *fields;
    char *names;

    if (room > h2->field_room)
    {
        if (!(fields = wh_realloc( h2->fields, room * sizeof(*fields) ))) return WHE_NO_MEMORY;
        h2->fields = fields;
        h2->field_room = room;
    }
    if (len > h2->name_room)
    {
        if (!(names = wh_realloc( h2->names, len ))) return WHE_NO_MEMORY;
        h2->names = names;
        h2->name_room = len;
    }
    *count = h2_request_fields( exchange->head, len, conn->origin->tls ? "https" : "http", stream->pipe != NULL, h2->fields,
                                h2->names );
    return *count ? WHE_OK : WHE_INVALID;
}

/* Hands the request to the session. 0: it did not begin here, and the stream may be gone. */
static int submit( struct conn *conn, struct stream *stream, struct op *op )
{
    nghttp2_data_provider body = { { 0 }, h2_read_body };
    struct exchange *exchange = stream->exchange;
    struct h2 *h2 = conn->h2;
    enum wh_error error;
    size_t count;
    int32_t id;
    int empty;

    if ((exchange->flags & WHX_WEBSOCKET && (error = pipe_create( conn, stream ))) ||
        (error = make_fields( conn, stream, &count )))
    {
        stream_fail( conn, stream, error, 0, 0 );
        return 0;
    }
    empty = !stream->pipe && (!exchange->total_len || (exchange->total_len == WH_NO_LENGTH && (op->options & WHX_END) &&
                                     exchange->head_len == exchange->stats.request_head && op->done == op->size));
    id = nghttp2_submit_request( h2->session, NULL, h2->fields, count, empty ? NULL : &body, stream );
    if (id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE)
    {
        h2_leave( conn );
        stream->moved = 1;
        move( conn, stream );
        return 0;
    }
    if (id < 0)
    {
        stream_fail( conn, stream, WHE_NO_MEMORY, 0, 0 );
        return 0;
    }
    stream->id = id;
    h2->submitted++;
    exchange->times.send_start = engine_now_us();
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": stream %d of conn " OBJECT_FMT, OBJECT_ARG( &exchange->obj ), id,
         OBJECT_ARG( &conn->obj ) );
    return 1;
}

/* The program took its time with the answer to a pause: the connection may have ended meanwhile. */
static void look_again( struct conn *conn, struct stream *stream )
{
    if (!(stream->exchange->flags & WHX_PAUSE_SENDING) || !stream->exchange->reused) return;
    conn->layer->ops->ready( conn->layer, LAYER_WANT_READ, 0 );
    h2_ready( conn->h2 );
    h2_input( conn );
}

/* More were given to the connection than its peer turns out to allow: the others wait in the pool, where no time runs. Not
 * one whose program was asked already: it would be asked twice. */
static int is_full( const struct h2 *h2, struct exchange *exchange )
{
    uint32_t max = nghttp2_session_get_remote_settings( h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS );
    int asked;

    if (!h2->settings_in || !h2->submitted || h2->submitted < max) return 0;
    pthread_mutex_lock( &exchange->lock );
    asked = exchange->pause != PAUSE_NONE;
    pthread_mutex_unlock( &exchange->lock );
    return !asked;
}

/* A WebSocket is asked for only where the peer has said that it knows how (RFC 8441). 0: not now, or never here. */
static int may_ask( struct conn *conn, struct stream *stream, struct op *op )
{
    struct h2 *h2 = conn->h2;

    if (!(stream->exchange->flags & WHX_WEBSOCKET)) return 1;
    if ((stream->waits = !h2->settings_in))
    {
        op_see( op, h2->now_ms );
        stream->sender = op;
        h2_scan_at( h2, op_deadline( op ) );
        return 0;
    }
    if (nghttp2_session_get_remote_settings( h2->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL ) == 1) return 1;
    stream_fail( conn, stream, WHE_DOWNGRADE, 0, 0 );
    return 0;
}

/* 1 if the stream may be gone. */
static int serve_send( struct conn *conn, struct stream *stream, struct op *op )
{
    struct exchange *exchange = stream->exchange;
    struct h2 *h2 = conn->h2;

    if (stream->moved)
    {
        move( conn, stream );
        return 1;
    }
    if (op->kind == WHK_HEAD_SENT && !stream->id)
    {
        stream->sender = NULL;
        if (h2_takes( h2 ) && is_full( h2, exchange ))
        {
            stream->moved = 1;
            move( conn, stream );
            return 1;
        }
        if (h2_takes( h2 ) && !may_ask( conn, stream, op )) return 1;
        if (h2_takes( h2 ) && exchange_pauses( exchange )) return 0;
        if (h2_takes( h2 )) look_again( conn, stream );
        if (!h2_takes( h2 ))
        {
            stream->moved = 1;
            move( conn, stream );
            return 1;
        }
        if (!submit( conn, stream, op )) return 1;
    }
    if (stream->flushing) return 0;
    if ((stream->error || stream->closed) && (stream->sender || !stream->end_out))
    {
        stream->sender = NULL;
        if (op->kind == WHK_HEAD_SENT && (!stream->error || stream->answers)) exchange_finish( exchange, op, WHE_OK, 0 );
        else if (op->kind == WHK_HEAD_SENT) return 0;    /* the error goes to both operations below */
        else exchange_finish( exchange, op, stream->error ? stream->error : WHE_RESET, stream->detail );
        return 0;
    }
    if (stream->end_out)    /* there is no more message */
    {
        if (!stream->sender) exchange_finish( exchange, op, WHE_STATE, 0 );
        return 0;
    }
    op_see( op, h2->now_ms );
    stream->sender = op;
    h2_scan_at( h2, op_deadline( op ) );
    stream_resume( h2, stream );
    if (stream->framed && !op->size && !(op->options & WHX_END))    /* nothing to send: nothing to wait for */
        flush_add( h2, stream );
    return 0;
}

/* ---- a turn ---- */

void stream_serve( struct conn *conn, struct stream *stream )
{
    struct exchange *exchange = stream->exchange;
    int closing, send, read;
    enum wh_error stop;

    pthread_mutex_lock( &exchange->lock );
    stop = exchange->stop;
    closing = exchange->closing;
    send = exchange->send.state == OP_ACTIVE;
    read = exchange->read.state == OP_ACTIVE;
    pthread_mutex_unlock( &exchange->lock );

    if (closing)
    {
        exchange_finish( exchange, &exchange->send, WHE_CANCELLED, 0 );
        exchange_finish( exchange, &exchange->read, WHE_CANCELLED, 0 );
        if (exchange->ws)
        {
            websocket_leave( stream );
            stream_finish( conn, stream, NULL, websocket_end( stream ) );
        }
        else stream_finish( conn, stream, NULL, stream_is_complete( stream ) && stream->end_out ? 0 : NGHTTP2_CANCEL );
        return;
    }
    if (stop)
    {
        stream_fail( conn, stream, stop, 0, NGHTTP2_CANCEL );
        return;
    }
    if (exchange->ws)
    {
        if (websocket_run( stream )) stream_finish( conn, stream, NULL, websocket_end( stream ) );
        return;
    }
    if (send && serve_send( conn, stream, &exchange->send )) return;
    if (read && stream_serve_read( conn, stream, &exchange->read )) return;
    if (stream->error && !stream->answers && send && exchange->send.kind == WHK_HEAD_SENT && op_active( exchange, &exchange->send ))
        stream_fail( conn, stream, stream->error, stream->detail, 0 );
    else if (exchange->response_done && stream->closed && !stream->flushing) stream_finish( conn, stream, NULL, 0 );
}

/* A deadline has passed. 1: the stream is gone. */
static int late( struct conn *conn, struct stream *stream, struct op *op )
{
    if (op == stream->reader && op->kind == WHK_HEAD_READ && (op->options & WHX_SOFT_TIMEOUT))
    {
        stream->reader = NULL;
        exchange_finish( stream->exchange, op, WHE_TIMEOUT, 0 );
        return 0;
    }
    stream_fail( conn, stream, WHE_TIMEOUT, 0, NGHTTP2_CANCEL );
    return 1;
}

void stream_check_time( struct conn *conn, struct stream *stream )
{
    struct op *ops[2] = { stream->sender, stream->reader };
    struct h2 *h2 = conn->h2;
    unsigned int i;

    if (stream->exchange->ws)
    {
        websocket_check_time( stream );
        return;
    }
    for (i = 0; i < 2; i++)
    {
        if (!ops[i]) continue;
        if (h2->now_ms < op_deadline( ops[i] )) h2_scan_at( h2, op_deadline( ops[i] ) );
        else if (late( conn, stream, ops[i] )) return;
    }
}
