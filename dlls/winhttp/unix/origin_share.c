#if 0
#pragma makedep unix
#endif

/*
 * Origins: connections that carry many exchanges at a time
 *
 * Where HTTP/2 is possible, exchanges do not each dial: the first one does, the others hope. When its connection is up
 * and speaks HTTP/2, they all get streams of it, as many as the peer allows; the rest wait for a stream to become free. If
 * it speaks HTTP/1.1 only, all of them dial at once, and the origin remembers. If the last dial under way fails, its
 * exchange fails, and those who hoped for it dial at once, all in parallel: each hears of an error that is its own, with
 * its own limits of time, and none waits for the failures of the others one after the other.
 *
 * Who hopes for a stream of a connection that takes no more (GOAWAY, or it died) gets one of another, else one of them
 * dials and the others hope on.
 */

#include <string.h>

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "origin_internal.h"

int origin_may_share( const struct origin *origin )
{
    return (origin->alpn & WH_ALPN_H2) && __atomic_load_n( &origin->speaks, __ATOMIC_RELAXED ) != WH_ALPN_H1;
}

/* ---- those who hope ---- */

void hoping_add( struct origin *origin, struct exchange *exchange )
{
    exchange->waiting = WAITING_STREAM;
    exchange->wait_next = NULL;
    if ((exchange->wait_prev = origin->last_hoping)) exchange->wait_prev->wait_next = exchange;
    else origin->first_hoping = exchange;
    origin->last_hoping = exchange;
    origin->hoping++;
}

void hoping_remove( struct origin *origin, struct exchange *exchange )
{
    if (exchange->wait_next) exchange->wait_next->wait_prev = exchange->wait_prev;
    else origin->last_hoping = exchange->wait_prev;
    if (exchange->wait_prev) exchange->wait_prev->wait_next = exchange->wait_next;
    else origin->first_hoping = exchange->wait_next;
    exchange->wait_next = exchange->wait_prev = NULL;
    exchange->waiting = WAITING_NOT;
    origin->hoping--;
}

/* The same with `ahead` others before it, and so many dials under way. One that has to be new, or will be nobody else's
 * afterwards, is nothing to hope for. */
static int hopes( const struct origin *origin, const struct exchange *exchange, unsigned int ahead, unsigned int dials )
{
    const struct conn *conn;

    if (!origin_may_share( origin ) || exchange->flags & (WHX_FRESH | WHX_NO_REUSE) ||
        exchange->match_flags & WH_MATCH_REQUIRED) return 0;
    if (!(exchange->flags & WHX_NO_QUEUE))
        for (conn = origin->shared; conn; conn = conn->pool_next)
            if (conn->users && origin_suits( exchange, conn )) return 1;
    if (!dials || origin->doubt) return 0;
    return !(exchange->flags & WHX_NO_QUEUE) || ahead < (uint64_t)dials * origin->stream_max;
}

int share_hopes( const struct origin *origin, const struct exchange *exchange )
{
    return hopes( origin, exchange, origin->hoping, origin->conns - origin->up_count );
}

void share_review( struct origin *origin )
{
    unsigned int dials = origin->conns - origin->up_count, ahead = 0;
    struct exchange *exchange, *next;
    struct conn *conn;

    for (exchange = origin->first_hoping; exchange; exchange = next)
    {
        next = exchange->wait_next;
        if ((conn = share_find( origin, exchange )))
        {
            hoping_remove( origin, exchange );
            share_link( conn, exchange );
            strand_schedule( &conn->strand );
        }
        else if (hopes( origin, exchange, ahead, dials )) ahead++;
        else
        {
            hoping_remove( origin, exchange );
            waiter_add( origin, exchange );
            if (!origin->doubt) dials++;    /* its own, for those behind it */
        }
    }
}

/* ---- connections ---- */

/* 1 if the exchange may have one more stream of it. */
static int has_room( const struct conn *conn, const struct exchange *exchange )
{
    return conn->users < (exchange->flags & WHX_NO_QUEUE ? conn->stream_sure : conn->stream_max);
}

struct conn *share_find( const struct origin *origin, const struct exchange *exchange )
{
    struct conn *conn, *second = NULL;
    uint64_t now;

    if (!origin->shared) return NULL;
    now = engine_now_ms();
    for (conn = origin->shared; conn; conn = conn->pool_next)
    {
        if (!has_room( conn, exchange ) || (!conn->users && now >= conn->deadline_ms)) continue;
        if (!origin_suits( exchange, conn )) continue;
        if (!(exchange->match_flags & WH_MATCH_TAG) || origin_is_tagged( conn )) return conn;
        if (!second) second = conn;
    }
    return second;
}

struct conn *share_idle( const struct origin *origin )
{
    struct conn *conn;

    for (conn = origin->shared; conn && conn->users; conn = conn->pool_next) ;
    return conn;
}

void share_make_way( struct origin *origin, const struct exchange *exchange )
{
    struct conn *conn, *last = NULL;

    if (origin->leaving) return;
    for (conn = origin->shared; conn; last = conn, conn = conn->pool_next)
        if (origin_suits( exchange, conn )) return;    /* it has only to wait for a stream */
    if (!last) return;
    origin_unlist( last );
    last->leaving = origin->leaving = 1;
}

uint64_t share_idle_until( const struct conn *conn )
{
    uint32_t idle_ms = origin_idle_ms( conn->origin );

    return conn->kept_alive && idle_ms ? TIMER_NEVER : engine_now_ms() + idle_ms;
}

void share_link( struct conn *conn, struct exchange *exchange )
{
    conn->users++;
    conn->linked++;
    exchange->carrier = conn;
    if (exchange->tagged) memcpy( conn->tag, exchange->tag, sizeof(conn->tag) );
    object_ref( &exchange->obj );
    exchange->wait_next = NULL;
    *conn->arrivals_tail = exchange;
    __atomic_store_n( &conn->arrivals_tail, &exchange->wait_next, __ATOMIC_RELEASE );
    if (!exchange_reuses( exchange )) origin_unlist( conn );
}

int origin_conn_has_arrivals( const struct conn *conn )
{
    return __atomic_load_n( &conn->arrivals_tail, __ATOMIC_ACQUIRE ) != &conn->arrivals;
}

struct exchange *origin_conn_arrivals( struct conn *conn )
{
    struct exchange *list;

    if (!origin_conn_has_arrivals( conn )) return NULL;
    pthread_mutex_lock( &pool_lock );
    list = conn->arrivals;
    conn->arrivals = NULL;
    __atomic_store_n( &conn->arrivals_tail, &conn->arrivals, __ATOMIC_RELEASE );
    pthread_mutex_unlock( &pool_lock );
    return list;
}

/* 1 if one that waits may have a stream of this one. It would take away what the others need if it is nobody else's then. */
static int may_join( const struct exchange *exchange, const struct conn *conn )
{
    return conn->shared && has_room( conn, exchange ) && !(exchange->flags & WHX_NO_REUSE) &&
           origin_suits( exchange, conn );
}

struct dial *share_up( struct conn *conn, struct exchange *exchange )
{
    struct origin *origin = conn->origin;
    struct dial *dial, *list = NULL;
    struct exchange *next;

    conn->stream_max = H2_STREAMS_ASSUMED;
    conn->stream_sure = origin->stream_max ? origin->stream_max : 1;
    conn->shared = 1;
    conn->pool_prev = NULL;
    if ((conn->pool_next = origin->shared)) conn->pool_next->pool_prev = conn;
    origin->shared = conn;
    if (exchange)
    {
        waiter_remove( origin, exchange );
        share_link( conn, exchange );
    }
    else
    {
        conn->was_idle = 1;
        conn->deadline_ms = share_idle_until( conn );
    }
    for (exchange = origin->first_waiter; exchange; exchange = next)
    {
        next = exchange->wait_next;
        if (!may_join( exchange, conn )) continue;
        waiter_remove( origin, exchange );
        if ((dial = origin_unsponsor( origin, exchange )))
        {
            dial->spare_next = list;
            list = dial;
        }
        share_link( conn, exchange );
    }
    return list;
}

/* The next one for a stream that is free. */
static struct exchange *next_for( struct conn *conn )
{
    struct exchange *exchange = conn->origin->first_hoping;
    unsigned int i;

    if (!conn->shared) return NULL;
    for (i = 0; exchange && i < MAX_PASSED; i++, exchange = exchange->wait_next)
        if (has_room( conn, exchange ) && origin_suits( exchange, conn )) return exchange;
    exchange = waiter_for( conn );
    return exchange && has_room( conn, exchange ) ? exchange : NULL;
}

/* Gives a free stream to the next one that waits. 0: nobody wants one. *dial: one that is not needed now, or NULL. */
static int give_stream( struct conn *conn, struct dial **dial )
{
    struct exchange *exchange = next_for( conn );

    *dial = NULL;
    if (!exchange) return 0;
    if (exchange->waiting == WAITING_STREAM) hoping_remove( conn->origin, exchange );
    else
    {
        waiter_remove( conn->origin, exchange );
        *dial = origin_unsponsor( conn->origin, exchange );
    }
    share_link( conn, exchange );
    return 1;
}

int origin_stream_free( struct conn *conn, struct exchange *exchange )
{
    struct origin *origin = conn->origin;
    struct work work = { 0 };
    struct dial *dial;
    int last;

    pthread_mutex_lock( &pool_lock );
    exchange->carrier = NULL;
    conn->users--;
    if (!give_stream( conn, &dial ) && !conn->users)
    {
        conn->was_idle = 1;
        conn->deadline_ms = share_idle_until( conn );
        work_find( origin, &work );    /* somebody may want its place */
    }
    last = !conn->users && !conn->shared;
    pthread_mutex_unlock( &pool_lock );
    origin_drop( dial );
    work_do( origin, &work, 0 );
    return last;
}

void origin_conn_streams( struct conn *conn, uint32_t max )
{
    struct dial *dial, *list = NULL;
    struct origin *origin = conn->origin;
    struct work work = { 0 };

    if (max > INT32_MAX) max = INT32_MAX;
    pthread_mutex_lock( &pool_lock );
    origin->stream_max = max;
    if (conn->stream_max != max || conn->stream_sure != max)
    {
        conn->stream_max = conn->stream_sure = max;
        share_review( origin );
        while (give_stream( conn, &dial ))    /* those that a limit keeps from dialling */
        {
            if (!dial) continue;
            dial->spare_next = list;
            list = dial;
        }
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );
    origin_drop_list( list );
    work_do( origin, &work, 0 );
}

void origin_conn_leave( struct conn *conn )
{
    struct origin *origin = conn->origin;
    struct work work = { 0 };

    pthread_mutex_lock( &pool_lock );
    if (conn->shared)
    {
        origin_unlist( conn );
        share_review( origin );
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );
    work_do( origin, &work, 0 );
}

void origin_expire( struct exchange *exchange )
{
    struct conn *conn;

    pthread_mutex_lock( &pool_lock );
    if ((conn = exchange->carrier) && conn->h2) object_ref( &conn->obj );
    else conn = NULL;
    pthread_mutex_unlock( &pool_lock );
    if (!conn) return;
    origin_conn_leave( conn );
    object_release( &conn->obj );
}
