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

static enum wh_error store( const struct wh_exchange_query_params *params, const void *data, size_t len, size_t *ret )
{
    *ret = len;
    if (params->size < len) return WHE_INVALID;
    if (len) memcpy( wh_to_ptr( params->buffer ), data, len );
    return WHE_OK;
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
    case WHQ_TAG:
        if (!conn) params->error = WHE_STATE;
        else
        {
            uint8_t tag[WH_TAG_SIZE];

            origin_conn_tag( conn, tag );
            params->error = store( params, tag, sizeof(tag), &len );
        }
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

uint32_t exchange_control( struct wh_exchange_control_params *params )
{
    struct exchange *exchange = exchange_from_id( params->exchange );
    int over;

    params->error = WHE_OK;
    if (!exchange) return WH_REFUSED;
    pthread_mutex_lock( &exchange->lock );
    over = exchange->closing || exchange->failed || (!exchange->attached && exchange->response_done);
    pthread_mutex_unlock( &exchange->lock );
    if (over) params->error = WHE_STATE;
    else switch (params->what)
    {
    case WHC_EXPIRE:
        __atomic_store_n( &exchange->expired, 1, __ATOMIC_RELAXED );
        break;
    case WHC_TAG:
        origin_tag( exchange, params->tag );
        break;
    default:
        params->error = WHE_INVALID;
        break;
    }
    object_release( &exchange->obj );
    return WH_DONE;
}
