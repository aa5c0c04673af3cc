#if 0
#pragma makedep unix
#endif

/*
 * Exchanges: what programs ask about them, and what they say about their connections
 *
 * Facts of the connection are those of the one that is attached, or of the last one.
 */

#include "conn.h"
#include "exchange.h"
#include "hooks.h"
#include "origin.h"
#include "ws.h"

static enum wh_error store( const struct wh_exchange_query_params *params, const void *data, size_t len, size_t *ret )
{
    *ret = len;
    if (params->size < len) return WHE_INVALID;
    if (len) memcpy( wh_to_ptr( params->buffer ), data, len );
    return WHE_OK;
}

static enum wh_error query_close( struct exchange *exchange, const struct wh_exchange_query_params *params, size_t *len )
{
    struct ws *ws = exchange_ws( exchange );
    enum wh_error error;
    const void *data;

    if (!ws || (error = ws_peer_close( ws, &data, len ))) return WHE_STATE;
    return store( params, data, *len, len );
}

uint32_t exchange_query( struct wh_exchange_query_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    struct conn *conn = NULL;
    size_t len = 0;

    params->len = 0;
    if (!exchange) return WH_REFUSED;
    if (params->size && !params->buffer)
    {
        object_release( &exchange->obj );
        return WH_REFUSED;
    }
    pthread_mutex_lock( &exchange->lock );
    if ((conn = exchange->judged ? exchange->judged : exchange->conn)) object_ref( &conn->obj );
    pthread_mutex_unlock( &exchange->lock );

    switch (params->what)
    {
    case WHQ_TIMES:
        params->error = store( params, &exchange->times, sizeof(exchange->times), &len );
        break;
    case WHQ_STATS:
        params->error = store( params, &exchange->stats, sizeof(exchange->stats), &len );
        break;
    case WHQ_TRAILERS:
        if (!__atomic_load_n( &exchange->response_done, __ATOMIC_ACQUIRE )) params->error = WHE_STATE;
        else params->error = store( params, exchange->trailers, exchange->trailers_len, &len );
        break;
    case WHQ_PIN:
        if (!conn) params->error = WHE_STATE;
        else params->error = store( params, &conn->obj.id, sizeof(conn->obj.id), &len );
        break;
    case WHQ_PROTOCOL:
        if (!conn || !conn->protocol) params->error = WHE_STATE;
        else params->error = store( params, &conn->protocol, sizeof(conn->protocol), &len );
        break;
    case WHQ_STREAM_ERROR:
        if (!__atomic_load_n( &exchange->has_stream_error, __ATOMIC_ACQUIRE )) params->error = WHE_STATE;
        else params->error = store( params, &exchange->stream_error, sizeof(exchange->stream_error), &len );
        break;
    case WHQ_TAG:
        if (!conn) params->error = WHE_STATE;
        else
        {
            uint8_t tag[WH_TAG_SIZE];

            origin_conn_tag( conn, tag );
            params->error = store( params, tag, sizeof(tag), &len );
        }
        break;
    case WHQ_WS_CLOSE:
        params->error = query_close( exchange, params, &len );
        break;
    default:
        if (!conn) params->error = WHE_STATE;
        else params->error = conn_query( conn, params->what, wh_to_ptr( params->buffer ), params->size, &len );
        break;
    }
    params->len = (uint32_t)len;
    if (conn) object_release( &conn->obj );
    object_release( &exchange->obj );
    return WH_DONE;
}

/* WHC_WS_*: its connection's strand owns the WebSocket. */
static enum wh_error control_ws( struct exchange *exchange, uint32_t what, uint32_t number )
{
    struct ws *ws = exchange_ws( exchange );
    struct conn *conn = ws ? exchange_conn( exchange ) : NULL;

    if (!conn) return WHE_STATE;
    strand_enter( &conn->strand );
    if (what == WHC_WS_DISCARD) ws_discard( ws, exchange );
    else ws_set_keepalive( ws, number, engine_now_ms() );
    strand_leave( &conn->strand );
    exchange_kick( exchange );
    object_release( &conn->obj );
    return WHE_OK;
}

uint32_t exchange_control( struct wh_exchange_control_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    int over, closing;

    params->error = WHE_OK;
    if (!exchange) return WH_REFUSED;
    pthread_mutex_lock( &exchange->lock );
    closing = exchange->closing;
    over = exchange->failed || (!exchange->attached && exchange->response_done);
    pthread_mutex_unlock( &exchange->lock );
    if (closing || (over && params->what != WHC_COOKIE)) params->error = WHE_STATE;
    else switch (params->what)
    {
    case WHC_EXPIRE:
        __atomic_store_n( &exchange->expired, 1, __ATOMIC_SEQ_CST );
        origin_expire( exchange );
        break;
    case WHC_TAG:
        origin_tag( exchange, params->tag );
        break;
    case WHC_COOKIE:
        __atomic_store_n( &exchange->cookie, params->cookie, __ATOMIC_RELAXED );
        break;
    case WHC_WS_KEEPALIVE:
    case WHC_WS_DISCARD:
        params->error = control_ws( exchange, params->what, params->number );
        break;
    default:
        params->error = WHE_INVALID;
        break;
    }
    object_release( &exchange->obj );
    return WH_DONE;
}
