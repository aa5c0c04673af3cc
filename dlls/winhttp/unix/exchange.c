#if 0
#pragma makedep unix
#endif

/*
 * Exchanges: one request and its response, as the PE side sees them
 *
 * An operation goes IDLE -> ACTIVE (posted by a call) -> DONE (by the strand) -> IDLE. The posting call runs the strand
 * at once; if the operation is DONE by then, it answers WH_DONE, else it marks it `async` and answers WH_PENDING, and
 * whoever finishes it posts the note. If progress records are still in the queue a finished operation goes behind them.
 *
 * Notes are posted with the exchange's lock held, so that they are queued in the order in which the states changed; the
 * engine's lock comes after it. The GONE record is the last one: it is due when no connection works for the exchange and
 * no operation is ACTIVE, or DONE without its caller having decided how to hear of it.
 */

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"
#include "proxy.h"
#include "session.h"
#include "ws.h"

#define JOIN_MAX 16384       /* a body up to this size goes out with the head in one write */
#define WS_SENDS (WHX_WS_TEXT | WHX_WS_BINARY | WHX_WS_CLOSE | WHX_WS_MORE)
#define WS_AHEAD     (32 * 1024)             /* default of ws_ahead */
#define HEADS_UNASKED (256 * 1024)           /* default of head_limit */
#define WS_AHEAD_MAX (1024 * 1024 * 1024)    /* buffers of twice this size can still be counted */

/* A head may have credentials in it: they are not left in memory that is given away. */
static void free_head( char *head, size_t len )
{
    if (head) explicit_bzero( head, len );
    wh_free( head );
}

static void exchange_destroy( struct object *obj )
{
    struct exchange *exchange = exchange_from_object( obj );

    if (exchange->conn) object_release( &exchange->conn->obj );
    if (exchange->judged) object_release( &exchange->judged->obj );
    if (exchange->origin) origin_release( exchange->origin );
    proxy_words_release( exchange->plan.words );
    pthread_mutex_destroy( &exchange->lock );
    free_head( exchange->head, exchange->stats.request_head );
    wh_free( exchange->trailers );
    ws_free( exchange->ws );
    intake_release( &exchange->intake );
    if (!(exchange->flags & WHX_SYNC)) engine_count_async( -1 );
    wh_free( exchange );
}

struct exchange *exchange_from_id( wh_id id )
{
    struct object *obj = object_from_id( id, OBJECT_EXCHANGE );

    return obj ? exchange_from_object( obj ) : NULL;
}

struct conn *exchange_conn( struct exchange *exchange )
{
    struct conn *conn = NULL;

    pthread_mutex_lock( &exchange->lock );
    if (exchange->attached)
    {
        conn = exchange->conn;
        object_ref( &conn->obj );
    }
    pthread_mutex_unlock( &exchange->lock );
    return conn;
}

int exchange_is_on( struct exchange *exchange, const struct conn *conn )
{
    int on;

    pthread_mutex_lock( &exchange->lock );
    on = exchange->attached && exchange->conn == conn;
    pthread_mutex_unlock( &exchange->lock );
    return on;
}

int exchange_only_receives( struct exchange *exchange )
{
    int only;

    pthread_mutex_lock( &exchange->lock );
    only = exchange->attached && exchange->send.state == OP_IDLE && exchange->read.state == OP_ACTIVE &&
           !exchange->stop && !exchange->closing && __atomic_load_n( &exchange->request_done, __ATOMIC_RELAXED ) &&
           !exchange_ws( exchange );
    pthread_mutex_unlock( &exchange->lock );
    return only;
}

void exchange_kick( struct exchange *exchange )
{
    struct conn *conn = exchange_conn( exchange );

    if (!conn) return;
    if (conn->h2) conn_attend( conn, exchange );    /* it has others, too */
    strand_run( &conn->strand );
    object_release( &conn->obj );
}

/* Finishing. */

/* It may still have a record or an answer to come. */
static int op_open( const struct op *op )
{
    return op->state == OP_ACTIVE || (op->state == OP_DONE && !op->async);
}

/* The last record, once nothing else can come. Lock held. */
static void gone_if_due( struct exchange *exchange )
{
    if (!exchange->close_async || exchange->gone_posted || exchange->attached || op_open( &exchange->send ) ||
        op_open( &exchange->read )) return;
    exchange->gone_posted = 1;
    engine_post( &exchange->gone );
}

/* A closed synchronous exchange keeps its id for the thread that still has to hear of its operations. Lock held; returns
 * 1 when that is over, and the caller has to forget the exchange. */
static int id_is_due( struct exchange *exchange )
{
    if (!exchange->id_kept || exchange->send.state != OP_IDLE || exchange->read.state != OP_IDLE) return 0;
    exchange->id_kept = 0;
    return 1;
}

static void forget( struct exchange *exchange )
{
    object_remove( &exchange->obj );
    engine_discard_notes( exchange );
}

int op_active( struct exchange *exchange, struct op *op )
{
    int active;

    pthread_mutex_lock( &exchange->lock );
    active = op->state == OP_ACTIVE;
    pthread_mutex_unlock( &exchange->lock );
    return active;
}

void exchange_finish( struct exchange *exchange, struct op *op, enum wh_error error, uint32_t detail )
{
    pthread_mutex_lock( &exchange->lock );
    if (op->state == OP_ACTIVE)
    {
        op->error = error;
        op->detail = detail;
        op->state = OP_DONE;
        if (op->async) engine_post( &op->note );
        gone_if_due( exchange );
    }
    pthread_mutex_unlock( &exchange->lock );
}

void exchange_finish_over( struct exchange *exchange, struct op *op )
{
    struct ws *ws = exchange_ws( exchange );
    enum wh_error error = WHE_STATE;

    if (op->kind == WHK_BODY_READ && ws)
    {
        op->flags |= WHR_WS_CLOSE;
        ws_tell_close( ws );
        error = WHE_OK;
    }
    else if (op->kind == WHK_BODY_READ)
    {
        op->flags |= WHR_END;
        error = WHE_OK;
    }
    else if (op == &exchange->send && !ws)
    {
        if (!exchange->request_done) error = WHE_RESET;    /* the peer did not want the rest */
        else if (op->done == op->size) error = WHE_OK;
    }
    exchange_finish( exchange, op, error, 0 );
}

void exchange_settle( struct exchange *exchange )
{
    int send, read;

    pthread_mutex_lock( &exchange->lock );
    send = exchange->send.state == OP_ACTIVE;
    read = exchange->read.state == OP_ACTIVE;
    pthread_mutex_unlock( &exchange->lock );
    if (send) exchange_finish_over( exchange, &exchange->send );
    if (read) exchange_finish_over( exchange, &exchange->read );
}

enum wh_error exchange_ending( struct exchange *exchange )
{
    enum wh_error error;

    pthread_mutex_lock( &exchange->lock );
    error = exchange->stop ? exchange->stop : exchange->closing ? WHE_CANCELLED : WHE_OK;
    pthread_mutex_unlock( &exchange->lock );
    return error;
}

void exchange_fail( struct exchange *exchange, enum wh_error error, uint32_t detail )
{
    struct conn *judged;

    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": failed, %u (%u)", OBJECT_ARG( &exchange->obj ), error, detail );
    pthread_mutex_lock( &exchange->lock );
    if (!exchange->failed)
    {
        exchange->failed = error;
        exchange->failed_detail = detail;
    }
    judged = exchange->judged;
    exchange->judged = NULL;
    pthread_mutex_unlock( &exchange->lock );
    if (judged) object_release( &judged->obj );
    exchange_finish( exchange, &exchange->send, error, detail );
    exchange_finish( exchange, &exchange->read, error, detail );
}

void exchange_attach( struct exchange *exchange, struct conn *conn )
{
    struct conn *old, *judged;

    object_ref( &conn->obj );
    pthread_mutex_lock( &exchange->lock );
    old = exchange->conn;
    exchange->conn = conn;
    exchange->attached = 1;
    judged = exchange->judged;
    exchange->judged = NULL;
    pthread_mutex_unlock( &exchange->lock );
    if (old) object_release( &old->obj );
    if (judged) object_release( &judged->obj );
}

void exchange_detach( struct exchange *exchange )
{
    pthread_mutex_lock( &exchange->lock );
    exchange->attached = 0;
    gone_if_due( exchange );
    pthread_mutex_unlock( &exchange->lock );
}

/* Posting. */

enum post_result { POST_OK, POST_REFUSED, POST_FAILED };

/* What an operation gets when the exchange is over and did not fail. Lock held. */
static enum wh_error error_of_late( struct exchange *exchange, uint32_t kind )
{
    if (kind == WHK_BODY_READ && exchange->ws) ws_tell_close( exchange->ws );
    if (kind == WHK_BODY_READ) return WHE_OK;
    return kind == WHK_BODY_SENT && !exchange->request_done ? WHE_RESET : WHE_STATE;
}

/* An operation goes in. REFUSED: one is there already; FAILED: the exchange is over, *error says how. That may be WHE_OK,
 * for body bytes after their end. */
static enum post_result op_post( struct exchange *exchange, struct op *op, const struct op *init,
                                 uint32_t *error, uint32_t *detail )
{
    enum post_result result = POST_OK;
    struct note note;

    pthread_mutex_lock( &exchange->lock );
    if (op->state != OP_IDLE || exchange->closing) result = POST_REFUSED;
    else if (exchange->failed)
    {
        *error = exchange->failed;
        *detail = exchange->failed_detail;
        result = POST_FAILED;
    }
    else if (!exchange->attached && exchange->response_done)
    {
        *error = error_of_late( exchange, init->kind );
        result = POST_FAILED;
    }
    else if ((init->options & WS_SENDS) && !exchange_ws( exchange ))
    {
        *error = WHE_STATE;
        result = POST_FAILED;
    }
    else
    {
        note = op->note;    /* nobody is at it: it is in no queue */
        *op = *init;
        op->note = note;
        op->note.exchange = exchange;
        op->note.kind = init->kind;
        op->progress = exchange->progress;
        op->state = OP_ACTIVE;
    }
    pthread_mutex_unlock( &exchange->lock );
    return result;
}

/* Must the result of an operation be a record, behind those of progress? A record that was fetched need not have been
 * delivered: the thread that has it may wait for the one that is in our call. Lock held. */
static int comes_by_record( const struct exchange *exchange, const struct op *op )
{
    return exchange->unfetched || (!(exchange->flags & WHX_SYNC) && exchange->progress != op->progress);
}

/* After the strand had its chance: WH_DONE with the operation idle again and its results still in it, or WH_PENDING. */
static uint32_t op_outcome( struct exchange *exchange, struct op *op )
{
    uint32_t ret = WH_PENDING;
    int over;

    pthread_mutex_lock( &exchange->lock );
    if (op->state == OP_DONE && !comes_by_record( exchange, op ))
    {
        op->state = OP_IDLE;
        ret = WH_DONE;
    }
    else
    {
        op->async = 1;
        if (op->state == OP_DONE) engine_post( &op->note );
    }
    gone_if_due( exchange );
    over = id_is_due( exchange );
    pthread_mutex_unlock( &exchange->lock );
    if (over) forget( exchange );
    return ret;
}

/* Posts an operation, lets the strand at it, and tells how it stands. With WH_DONE its results are in *op, also those of
 * an exchange that is over; else *op is as it was. Takes over the caller's reference on the exchange. */
static uint32_t op_submit( struct exchange *exchange, struct op *slot, struct op *op )
{
    uint32_t ret = WH_DONE;

    switch (op_post( exchange, slot, op, &op->error, &op->detail ))
    {
    case POST_REFUSED:
        ret = WH_REFUSED;
        break;
    case POST_FAILED:
        if (!op->error) op->flags = exchange_ws( exchange ) ? WHR_WS_CLOSE : WHR_END;    /* there is nothing more to read */
        break;
    default:
        exchange_kick( exchange );
        if ((ret = op_outcome( exchange, slot )) == WH_DONE) *op = *slot;
        break;
    }
    object_release( &exchange->obj );
    return ret;
}

int exchange_fetch( struct note *note, struct wh_record *record )
{
    struct exchange *exchange = note->exchange;
    int over, owned = note->progress != NULL;    /* the note of an operation may be the next one's when this ends */
    struct op *op = NULL;

    if (record)
    {
        if (note->progress) *record = *note->progress;
        else
        {
            memset( record, 0, sizeof(*record) );
            record->time_us = engine_now_us();
        }
        record->exchange = exchange->obj.id;
        record->cookie = __atomic_load_n( &exchange->cookie, __ATOMIC_RELAXED );
        record->kind = note->kind;
    }
    pthread_mutex_lock( &exchange->lock );
    if (note->progress || note == &exchange->paused) exchange->unfetched--;
    else if (note == &exchange->ask)
    {
        exchange->unfetched--;
        exchange->asking = 0;
        if (record && exchange->judged)
        {
            record->bytes = exchange->judged->obj.id;
            record->detail = exchange->judged->bits;
            if (exchange->judged->stage == STAGE_PROXY_TLS) record->flags = WHR_FROM_PROXY;
        }
    }
    else if (note != &exchange->gone)
    {
        op = note == &exchange->send.note ? &exchange->send : &exchange->read;
        if (record)
        {
            record->bytes = op->done;
            record->content_len = op->content_len;
            record->error = op->error;
            record->detail = op->detail;
            record->flags = op->flags;
            record->status = op->status;
        }
        op->async = 0;
        op->state = OP_IDLE;
    }
    over = id_is_due( exchange );
    pthread_mutex_unlock( &exchange->lock );
    if (owned) wh_free( note );
    if (over) forget( exchange );
    object_release( &exchange->obj );
    return 1;
}

/* The calls. */

/* The head, and what goes out with it. */
static enum wh_error set_head( struct exchange *exchange, const char *head, uint32_t head_len, const struct iovec *parts,
                               unsigned int count )
{
    size_t len = head_len;
    unsigned int i;
    char *copy;

    for (i = 0; i < count; i++) len += parts[i].iov_len;
    if (!(copy = wh_malloc( len + 1 ))) return WHE_NO_MEMORY;
    memcpy( copy, head, head_len );
    for (i = 0, len = head_len; i < count; len += parts[i++].iov_len)
        memcpy( copy + len, parts[i].iov_base, parts[i].iov_len );
    free_head( exchange->head, exchange->stats.request_head );
    exchange->head = copy;
    exchange->head_len = len;
    exchange->stats.request_head = head_len;
    return WHE_OK;
}

/* Where it goes, and with which words for the proxy. What is no HTTP any more after its head cannot be the proxy's business:
 * a WebSocket gets a tunnel, as a browser's does. */
static enum wh_error set_route( struct exchange *exchange, const struct wh_route *given, uint32_t max_idle_ms )
{
    struct wh_route route = *given;
    enum wh_error error;

    if (exchange->flags & WHX_WEBSOCKET) route.flags |= WH_ROUTE_TUNNEL;
    if (route.scheme == WH_SCHEME_HTTPS || (route.proxy_kind != WH_PROXY_HTTP && route.proxy_kind != WH_PROXY_HTTPS))
        route.flags &= ~WH_ROUTE_TUNNEL;    /* it says nothing there, and shall separate nothing */
    if ((error = origin_get( &route, max_idle_ms, &exchange->origin )) || !exchange->origin->tunnel) return error;
    if ((error = proxy_words_create( &route, &exchange->plan.words ))) return error;
    if (route.proxy_auth_len) exchange->plan.identity = route.identity;
    return WHE_OK;
}

static struct exchange *exchange_create( const struct wh_exchange_start_params *params, enum wh_error *error )
{
    const struct wh_route *route = wh_to_ptr( params->route );
    struct exchange *exchange;
    uint32_t max_idle_ms;

    if (!(exchange = wh_calloc( 1, sizeof(*exchange) )))
    {
        *error = WHE_NO_MEMORY;
        return NULL;
    }
    object_init( &exchange->obj, OBJECT_EXCHANGE, exchange_destroy );
    pthread_mutex_init( &exchange->lock, NULL );
    exchange->cookie = params->cookie;
    exchange->flags = params->flags;
    if (!(exchange->flags & WHX_SYNC)) engine_count_async( 1 );
    exchange->event_mask = params->event_mask;
    exchange->pin = params->pin;
    exchange->plan.resolve_ms = params->resolve_ms;
    exchange->plan.connect_ms = params->connect_ms;
    exchange->plan.tunnel_ms = route->tunnel_ms;
    exchange->plan.connect_retries = route->connect_retries;
    exchange->plan.keepalive_ms = route->keepalive_ms;
    exchange->plan.keepalive_interval_ms = route->keepalive_interval_ms;
    exchange->plan.background = route->background;
    exchange->plan.flags = route->flags;
    exchange->plan.h2_window = route->h2_window;
    exchange->plan.h2_window_delta = route->h2_window_delta;
    exchange->plan.h2_keepalive_ms = route->h2_keepalive_ms;
    exchange->match_flags = route->match_flags;
    memcpy( exchange->match, route->match, sizeof(exchange->match) );
    exchange->identity = route->identity;
    exchange->total_len = params->total_len;
    exchange->head_limit = params->head_limit ? params->head_limit : HEADS_UNASKED;
    exchange->ws_ahead = params->ws_ahead ? params->ws_ahead : WS_AHEAD;
    if (exchange->ws_ahead > WS_AHEAD_MAX) exchange->ws_ahead = WS_AHEAD_MAX;
    exchange->notes.tail = &exchange->notes.head;
    exchange->gone.exchange = exchange;
    exchange->gone.kind = WHK_GONE;
    exchange->paused.exchange = exchange;
    exchange->paused.kind = WHK_PAUSE_SENDING;
    exchange->ask.exchange = exchange;
    exchange->ask.kind = WHK_PAUSE_TLS;
    exchange->times.started = engine_now_us();

    if (!(*error = session_idle_ms( params->session, &max_idle_ms )) &&
        !(*error = set_route( exchange, route, max_idle_ms )) &&
        !(*error = set_head( exchange, wh_to_ptr( params->head ), params->head_len, NULL, 0 )) &&
        !(*error = object_add( &exchange->obj )))
        return exchange;
    object_release( &exchange->obj );
    return NULL;
}

/* A small body goes with the head, so that one write carries both. */
static void join_body( struct exchange *exchange, struct op *op )
{
    struct iovec parts[CHUNK_OUT_PARTS] = { { op->data, op->size } };
    unsigned int i, count = op->size ? 1 : 0;

    if (exchange->head_len + op->size > JOIN_MAX) return;
    if (exchange_frames( exchange ))
    {
        if (origin_may_share( exchange->origin )) return;    /* HTTP/2 has frames of its own */
        chunk_out_begin( &exchange->framing, op->size, !!(op->options & WHX_END) );
        count = chunk_out_parts( &exchange->framing, op->data, parts );
    }
    if (!count || set_head( exchange, exchange->head, (uint32_t)exchange->head_len, parts, count )) return;
    if (exchange_frames( exchange ))
    {
        for (i = 0; i < count; i++) chunk_out_sent( &exchange->framing, parts[i].iov_len );
        op->framed = 1;
    }
    op->done = op->size;    /* it is in the head now; h1_send.c counts it when the head is out */
}

uint32_t exchange_start( struct wh_exchange_start_params *params )
{
    struct exchange *exchange;
    enum wh_error error;
    struct op op = { 0 };
    uint32_t ret;

    params->exchange = 0;
    params->error = params->detail = params->paused = params->reused = 0;
    if (!params->route || !params->head || !params->head_len || (params->body_len && !params->body)) return WH_REFUSED;
    if (!(exchange = exchange_create( params, &error )))
    {
        params->error = error;
        return WH_DONE;
    }
    params->exchange = exchange->obj.id;

    op.kind = WHK_HEAD_SENT;
    op.data = wh_to_ptr( params->body );
    op.size = params->body_len;
    op.step_ms = params->send_ms;
    op.options = params->flags & WHX_END;
    op_post( exchange, &exchange->send, &op, &params->error, &params->detail );
    join_body( exchange, &exchange->send );
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": start, %u bytes of head, %u of body", OBJECT_ARG( &exchange->obj ),
         params->head_len, params->body_len );

    origin_request( exchange );

    ret = op_outcome( exchange, &exchange->send );
    if (ret == WH_DONE)
    {
        params->error = exchange->send.error;
        params->detail = exchange->send.detail;
    }
    else
    {
        pthread_mutex_lock( &exchange->lock );
        if (exchange->pause == PAUSE_REACHED && !comes_by_record( exchange, &exchange->send ))
        {
            exchange->pause = PAUSE_ANSWERED;
            params->paused = 1;
        }
        pthread_mutex_unlock( &exchange->lock );
        if (!params->paused) exchange_kick( exchange );   /* a pause behind progress records becomes a record */
    }
    if (ret == WH_DONE || params->paused) params->reused = exchange->reused;
    object_release( &exchange->obj );
    return ret;
}

uint32_t exchange_send( struct wh_exchange_send_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    struct op op = { 0 };
    uint32_t ret;

    params->sent = 0;
    params->error = params->detail = 0;
    if (!exchange || (params->len && !params->data))
    {
        if (exchange) object_release( &exchange->obj );
        return WH_REFUSED;
    }
    op.kind = WHK_BODY_SENT;
    op.data = wh_to_ptr( params->data );
    op.size = params->len;
    op.step_ms = params->timeout_ms;
    op.options = params->flags & (WHX_END | WS_SENDS);
    ret = op_submit( exchange, &exchange->send, &op );
    params->sent = op.done;
    params->error = op.error;
    params->detail = op.detail;
    return ret;
}

uint32_t exchange_read_head( struct wh_exchange_read_head_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    struct op op = { 0 };
    uint32_t ret;

    params->error = params->detail = params->len = params->status = params->flags = 0;
    params->content_len = WH_NO_LENGTH;
    if (!exchange || (params->size && !params->buffer))
    {
        if (exchange) object_release( &exchange->obj );
        return WH_REFUSED;
    }
    op.kind = WHK_HEAD_READ;
    op.data = wh_to_ptr( params->buffer );
    op.size = params->size;
    op.limit = params->limit ? params->limit : 65536;
    op.total_ms = params->timeout_ms;
    op.step_ms = params->receive_ms;
    op.options = params->option;
    op.content_len = WH_NO_LENGTH;
    ret = op_submit( exchange, &exchange->read, &op );
    params->error = op.error;
    params->detail = op.detail;
    params->len = (uint32_t)op.done;
    params->status = op.status;
    params->flags = op.flags;
    params->content_len = op.content_len;
    return ret;
}

uint32_t exchange_read_body( struct wh_exchange_read_body_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    struct op op = { 0 };
    uint32_t ret;

    params->bytes = 0;
    params->error = params->detail = params->flags = 0;
    if (!exchange || (params->size && !params->buffer))
    {
        if (exchange) object_release( &exchange->obj );
        return WH_REFUSED;
    }
    op.kind = WHK_BODY_READ;
    op.data = wh_to_ptr( params->buffer );
    op.size = params->size;
    op.min = params->min ? params->min : 1;
    if (params->size && op.min > op.size) op.min = op.size;
    op.step_ms = params->timeout_ms;
    ret = op_submit( exchange, &exchange->read, &op );
    params->bytes = op.done;
    params->error = op.error;
    params->detail = op.detail;
    params->flags = op.flags;
    return ret;
}

/* A verdict. Takes over the caller's reference on the exchange. */
static uint32_t resume_judged( struct exchange *exchange, const struct wh_exchange_resume_params *params )
{
    struct conn *conn = NULL;
    uint32_t ret = WH_REFUSED;

    pthread_mutex_lock( &exchange->lock );
    if (exchange->judged && exchange->judged->obj.id == params->conn)
    {
        conn = exchange->judged;
        exchange->judged = NULL;
    }
    pthread_mutex_unlock( &exchange->lock );
    if (conn)
    {
        if (conn_verdict( conn, params->verdict, params->bits )) ret = WH_PENDING;
        object_release( &conn->obj );
    }
    object_release( &exchange->obj );
    return ret;
}

uint32_t exchange_resume( struct wh_exchange_resume_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    enum wh_error error = params->verdict;
    enum op_state state;
    struct iovec body;
    uint32_t ret;
    char *head = NULL;
    size_t head_len = 0;
    int paused;

    params->error = params->detail = 0;
    if (!exchange) return WH_REFUSED;
    if (params->head_len && !params->head)
    {
        object_release( &exchange->obj );
        return WH_REFUSED;
    }
    if (params->conn) return resume_judged( exchange, params );

    pthread_mutex_lock( &exchange->lock );
    paused = exchange->pause == PAUSE_ANSWERED || exchange->pause == PAUSE_RECORDED;
    if (paused) exchange->pause = PAUSE_RESUMING;
    pthread_mutex_unlock( &exchange->lock );
    if (!paused)
    {
        object_release( &exchange->obj );
        return WH_REFUSED;
    }

    /* The strand does not touch the head while the exchange is paused. */
    if (params->head_len && !error)
    {
        head = exchange->head;
        head_len = exchange->stats.request_head;
        exchange->head = NULL;
        body.iov_base = head + exchange->stats.request_head;
        body.iov_len = exchange->head_len - exchange->stats.request_head;
        error = set_head( exchange, wh_to_ptr( params->head ), params->head_len, &body, 1 );
        if (error) exchange->head = head;
        else free_head( head, head_len );
    }

    pthread_mutex_lock( &exchange->lock );
    exchange->pause = PAUSE_RESUMED;
    if (error && !exchange->stop) exchange->stop = error;
    state = exchange->send.state;
    if (state == OP_ACTIVE)
    {
        exchange->send.async = 0;    /* the answer to this call says again whether a record follows */
        exchange->send.progress = exchange->progress;    /* who answers the pause was told what came before it */
    }
    pthread_mutex_unlock( &exchange->lock );

    if (state == OP_DONE) ret = WH_PENDING;          /* it was cancelled meanwhile: the record is on its way */
    else if (state == OP_IDLE) ret = WH_REFUSED;     /* or was fetched already */
    else
    {
        exchange_kick( exchange );
        if ((ret = op_outcome( exchange, &exchange->send )) == WH_DONE)
        {
            params->error = exchange->send.error;
            params->detail = exchange->send.detail;
        }
        else exchange_kick( exchange );    /* a pause on another connection becomes a record */
    }
    object_release( &exchange->obj );
    return ret;
}

/* Ends what is under way, wherever it is. */
static void exchange_stop( struct exchange *exchange, enum wh_error error )
{
    pthread_mutex_lock( &exchange->lock );
    if (!exchange->stop) exchange->stop = error;
    pthread_mutex_unlock( &exchange->lock );
    if (origin_leave( exchange )) exchange_fail( exchange, error, 0 );
    else exchange_kick( exchange );
}

uint32_t exchange_cancel( struct wh_exchange_cancel_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );

    if (!exchange) return WH_REFUSED;
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": cancel", OBJECT_ARG( &exchange->obj ) );
    exchange_stop( exchange, params->error ? params->error : WHE_CANCELLED );
    object_release( &exchange->obj );
    return WH_DONE;
}

/* Its connection has something to do yet that nobody waits for. */
static int leaves_work( struct exchange *exchange )
{
    struct conn *conn;
    int ret;

    pthread_mutex_lock( &exchange->lock );
    ret = exchange->attached;
    if ((conn = exchange->conn)) object_ref( &conn->obj );
    pthread_mutex_unlock( &exchange->lock );
    if (!conn) return ret;
    if (!ret) ret = origin_conn_drains( conn );
    object_release( &conn->obj );
    return ret;
}

uint32_t exchange_close( struct wh_exchange_close_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    uint32_t ret = WH_DONE;
    int already, over = 1;

    params->attend = 0;
    if (!exchange) return WH_REFUSED;
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": close", OBJECT_ARG( &exchange->obj ) );
    pthread_mutex_lock( &exchange->lock );
    already = exchange->closing;
    exchange->closing = 1;
    exchange->drain_limit = params->drain_limit;
    pthread_mutex_unlock( &exchange->lock );
    if (already)
    {
        object_release( &exchange->obj );
        return WH_REFUSED;
    }
    if (origin_leave( exchange )) exchange_fail( exchange, WHE_CANCELLED, 0 );
    else exchange_kick( exchange );
    params->attend = leaves_work( exchange );

    pthread_mutex_lock( &exchange->lock );
    if (exchange->flags & WHX_SYNC)
    {
        exchange->id_kept = 1;
        over = id_is_due( exchange );
    }
    else if (exchange->attached || exchange->send.state != OP_IDLE || exchange->read.state != OP_IDLE ||
             exchange->unfetched)
    {
        exchange->close_async = 1;
        gone_if_due( exchange );
        ret = WH_PENDING;
    }
    pthread_mutex_unlock( &exchange->lock );
    if (over) object_remove( &exchange->obj );
    if (over && (exchange->flags & WHX_SYNC)) engine_discard_notes( exchange );
    object_release( &exchange->obj );
    return ret;
}
