#if 0
#pragma makedep unix
#endif

/*
 * Origins: who waits, who is idle, who dials
 *
 * Connections that are shared, and those who wait for a stream of one, are origin_share.c's; what makes two routes one
 * origin is in origin_key.c.
 */

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "log.h"
#include "origin_internal.h"

#define MAX_NESTED   8        /* connections that an exchange tries one inside the other */

/* Lists. Pool lock held. */

static void list_add( struct conn **list, struct conn *conn )
{
    conn->pool_prev = NULL;
    if ((conn->pool_next = *list)) conn->pool_next->pool_prev = conn;
    *list = conn;
}

static void list_remove( struct conn **list, struct conn *conn )
{
    if (conn->pool_next) conn->pool_next->pool_prev = conn->pool_prev;
    if (conn->pool_prev) conn->pool_prev->pool_next = conn->pool_next;
    else *list = conn->pool_next;
    conn->pool_next = conn->pool_prev = NULL;
}

void origin_unlist( struct conn *conn )
{
    if (conn->idle) list_remove( &conn->origin->idle, conn );
    if (conn->draining) list_remove( &conn->origin->draining, conn );
    if (conn->shared) list_remove( &conn->origin->shared, conn );
    conn->idle = conn->draining = conn->shared = 0;
}

/* It is up, and its place in origin->conns is its own from now on. */
static void up_add( struct conn *conn )
{
    struct conn **list = &conn->origin->up;

    conn->counted = 1;
    conn->origin->up_count++;
    conn->up_prev = NULL;
    if ((conn->up_next = *list)) conn->up_next->up_prev = conn;
    *list = conn;
}

static void up_remove( struct conn *conn )
{
    if (conn->up_next) conn->up_next->up_prev = conn->up_prev;
    if (conn->up_prev) conn->up_prev->up_next = conn->up_next;
    else conn->origin->up = conn->up_next;
    conn->up_next = conn->up_prev = NULL;
    conn->counted = 0;
    conn->origin->up_count--;
    conn->origin->conns--;
}

static int takes_first( const struct exchange *exchange )
{
    return !!(exchange->plan.flags & WH_ROUTE_FIRST_AVAILABLE);
}

void waiter_add( struct origin *origin, struct exchange *exchange )
{
    exchange->waiting = WAITING_DIAL;
    origin->takers += takes_first( exchange );
    exchange->wait_next = NULL;
    if ((exchange->wait_prev = origin->last_waiter)) exchange->wait_prev->wait_next = exchange;
    else origin->first_waiter = exchange;
    origin->last_waiter = exchange;
    if (!origin->first_undialed) origin->first_undialed = exchange;
}

/* One that has its dial goes before all others: those without are at the end of the queue. */
static void waiter_add_first( struct origin *origin, struct exchange *exchange )
{
    exchange->waiting = WAITING_DIAL;
    origin->takers += takes_first( exchange );
    exchange->wait_prev = NULL;
    if ((exchange->wait_next = origin->first_waiter)) exchange->wait_next->wait_prev = exchange;
    else origin->last_waiter = exchange;
    origin->first_waiter = exchange;
}

void waiter_remove( struct origin *origin, struct exchange *exchange )
{
    if (origin->first_undialed == exchange) origin->first_undialed = exchange->wait_next;
    if (exchange->wait_next) exchange->wait_next->wait_prev = exchange->wait_prev;
    else origin->last_waiter = exchange->wait_prev;
    if (exchange->wait_prev) exchange->wait_prev->wait_next = exchange->wait_next;
    else origin->first_waiter = exchange->wait_next;
    exchange->wait_next = exchange->wait_prev = NULL;
    exchange->waiting = WAITING_NOT;
    origin->takers -= takes_first( exchange );
}

/* Dials that work for nobody: begun in the background, or no longer needed by their exchange, which mostly means that
 * they are nearly there. */

static void spare_add( struct origin *origin, struct dial *dial )
{
    dial->spare = 1;
    dial->spare_prev = NULL;
    if ((dial->spare_next = origin->spare)) dial->spare_next->spare_prev = dial;
    origin->spare = dial;
}

static void spare_remove( struct origin *origin, struct dial *dial )
{
    if (!dial->spare) return;
    if (dial->spare_next) dial->spare_next->spare_prev = dial->spare_prev;
    if (dial->spare_prev) dial->spare_prev->spare_next = dial->spare_next;
    else origin->spare = dial->spare_next;
    dial->spare_next = dial->spare_prev = NULL;
    dial->spare = 0;
}

/* The oldest waiter without a dial gets this one, and the reference that comes with it. Those that have one are always
 * the older ones, so the next without is the next in the queue. */
static void sponsor( struct origin *origin, struct dial *dial )
{
    struct exchange *exchange = origin->first_undialed;

    dial->inherited = dial->wanted;
    dial->wanted = 1;
    exchange->dial = dial;
    dial->sponsor = exchange;
    origin->first_undialed = exchange->wait_next;
    if (__atomic_load_n( &dial->judging, __ATOMIC_RELAXED )) dial_ask_again( dial );
}

/* The connection is the exchange's: it holds a reference. */
static void link_exchange( struct conn *conn, struct exchange *exchange )
{
    if (conn->h2)
    {
        share_link( conn, exchange );
        return;
    }
    origin_unlist( conn );
    conn->exchange = exchange;
    exchange->carrier = conn;
    if (exchange->tagged) memcpy( conn->tag, exchange->tag, sizeof(conn->tag) );
    if (exchange->identity) conn->identity = exchange->identity;
    object_ref( &exchange->obj );
}

struct dial *origin_unsponsor( struct origin *origin, struct exchange *exchange )
{
    struct dial *dial = exchange->dial;

    exchange->dial = NULL;
    if (!dial) return NULL;
    dial->sponsor = NULL;
    if (dial->pinned || !origin->first_undialed || !dial_fits( dial, &origin->first_undialed->plan )) return dial;
    sponsor( origin, dial );
    return NULL;
}

/* 1 if there may be no connection more. Pool lock held. */
static int is_full( const struct origin *origin )
{
    uint32_t limit = origin->is_1_0 ? origin->conn_limit_1_0 : origin->conn_limit;

    return limit && origin->conns >= limit;
}

/* A dial that has its place, with the creator's reference. Pool lock held. */
static struct dial *new_dial( struct origin *origin, const struct exchange *exchange )
{
    struct dial *dial = dial_create( origin, &exchange->plan );

    if (!dial) return NULL;
    origin->refs++;                          /* the dial's */
    origin->conns++;
    return dial;
}

/* A spare dial that may work for this exchange. Pool lock held. */
static struct dial *find_spare( const struct origin *origin, const struct exchange *exchange )
{
    struct dial *dial;

    for (dial = origin->spare; dial; dial = dial->spare_next)
        if (dial_fits( dial, &exchange->plan )) break;
    return dial;
}

/* The idle connection used longest ago, but for those in the middle of a handshake: who has begun one would have to begin
 * again, and with enough waiters never come to its end. */
static struct conn *find_evictable( const struct origin *origin )
{
    struct conn *conn, *found = NULL;

    for (conn = origin->idle; conn; conn = conn->pool_next) if (!(conn->identity & WH_IDENTITY_HANDSHAKE)) found = conn;
    return found;
}

int work_find( struct origin *origin, struct work *work )
{
    struct exchange *exchange;
    struct conn *conn;
    struct dial *dial;

    memset( work, 0, sizeof(*work) );
    while ((exchange = origin->first_undialed) && (dial = find_spare( origin, exchange )))
    {
        spare_remove( origin, dial );
        object_ref( &dial->obj );            /* the sponsor's */
        sponsor( origin, dial );
    }
    if (!exchange) return 0;
    if (is_full( origin ))
    {
        if ((dial = origin->spare))          /* its limits are not the waiter's */
        {
            spare_remove( origin, dial );
            object_ref( &dial->obj );
            work->misfit = dial;
            return 1;
        }
        /* A waiter beside an idle connection wants none that was used before, or another tag, or its time is over. */
        if (origin->evicting) return 0;
        if (!(conn = find_evictable( origin )) && !(conn = share_idle( origin )))
        {
            share_make_way( origin, exchange );
            return 0;
        }
        origin_unlist( conn );
        conn->evicted = origin->evicting = 1;
        object_ref( &conn->obj );
        work->evicted = conn;
    }
    else if ((work->dial = new_dial( origin, exchange )))
    {
        object_ref( &work->dial->obj );      /* the creator's reference is the sponsor's now */
        sponsor( origin, work->dial );
    }
    else
    {
        waiter_remove( origin, exchange );
        object_ref( &exchange->obj );
        work->starved = exchange;
    }
    return 1;
}

void origin_drop( struct dial *dial )
{
    if (!dial) return;
    dial_drop( dial );
    object_release( &dial->obj );
}

void origin_drop_list( struct dial *list )
{
    struct dial *dial;

    while ((dial = list))
    {
        list = dial->spare_next;
        dial->spare_next = NULL;
        origin_drop( dial );
    }
}

void work_do( struct origin *origin, struct work *work, int here )
{
    int more = work->dial || work->starved || work->evicted || work->misfit;

    while (more)
    {
        origin_drop( work->misfit );
        if (work->starved)
        {
            exchange_fail( work->starved, WHE_NO_MEMORY, 0 );
            object_release( &work->starved->obj );
        }
        if (work->evicted)
        {
            conn_evict( work->evicted );
            object_release( &work->evicted->obj );
        }
        if (work->dial)
        {
            if (here) strand_run( &work->dial->strand );
            else strand_schedule( &work->dial->strand );
            object_release( &work->dial->obj );
        }
        pthread_mutex_lock( &pool_lock );
        more = work_find( origin, work );
        pthread_mutex_unlock( &pool_lock );
    }
}

static struct conn *find_pinned( struct origin *origin, wh_id pin )
{
    struct conn *conn;

    for (conn = origin->idle; conn; conn = conn->pool_next)
        if (conn->obj.id == pin) return conn;
    for (conn = origin->shared; conn; conn = conn->pool_next)
        if (conn->obj.id == pin && conn->users < conn->stream_max) break;
    return conn;
}

int origin_is_tagged( const struct conn *conn )
{
    static const uint8_t none[WH_TAG_SIZE];

    return memcmp( conn->tag, none, sizeof(none) ) != 0;
}

int origin_suits( const struct exchange *exchange, const struct conn *conn )
{
    if (conn->refused || exchange->pin) return 0;    /* a pin has found its connection, or never will */
    if (conn->identity && conn->identity != exchange->identity) return 0;
    if (!(conn->h2 ? conn->linked : conn->served) && !conn->was_idle) return 1;
    if (exchange->flags & WHX_FRESH) return 0;
    if (!(exchange->match_flags & WH_MATCH_TAG) || !memcmp( exchange->match, conn->tag, WH_TAG_SIZE )) return 1;
    return !(exchange->match_flags & WH_MATCH_REQUIRED) && !origin_is_tagged( conn );
}

/* Whoever asks again on a connection that the proxy refused waits for it as for a new one: a dial of its own that has its
 * winner already. Pool lock held. Returns 0 without memory. */
static int revive( struct conn *conn, struct exchange *exchange )
{
    struct origin *origin = conn->origin;
    struct dial *dial;

    if (!(dial = new_dial( origin, exchange ))) return 0;
    origin_unlist( conn );
    up_remove( conn );    /* its place is the dial's now */
    dial->winner = conn;
    dial->winner_id = conn->obj.id;
    dial->pinned = dial->wanted = 1;
    dial->sponsor = exchange;
    exchange->dial = dial;                   /* the creator's reference is the sponsor's now */
    object_ref( &dial->obj );
    conn->revival = dial;
    waiter_add_first( origin, exchange );
    return 1;
}

struct dial *origin_conn_revival( struct conn *conn )
{
    struct dial *dial;

    pthread_mutex_lock( &pool_lock );
    dial = conn->revival;
    conn->revival = NULL;
    pthread_mutex_unlock( &pool_lock );
    return dial;
}

/* The connection used last that suits, unless its idle time is over: then the rest are over, too, and end when somebody
 * looks at them; those in the middle of a handshake have less time. One with the wanted tag goes before one without, one that
 * is the exchange's identity's before one that is nobody's. */
static struct conn *find_idle( const struct origin *origin, const struct exchange *exchange )
{
    struct conn *conn, *second = NULL;
    uint64_t now;

    if (!(conn = origin->idle) || (exchange->flags & WHX_FRESH)) return NULL;
    now = engine_now_ms();
    for (; conn; conn = conn->pool_next)
    {
        if (now >= conn->deadline_ms && !(conn->identity & WH_IDENTITY_HANDSHAKE)) break;
        if (now >= conn->deadline_ms || !origin_suits( exchange, conn )) continue;
        if (conn->identity == exchange->identity &&
            (!(exchange->match_flags & WH_MATCH_TAG) || origin_is_tagged( conn ))) return conn;
        if (!second) second = conn;
    }
    return second;
}

/* The first exchange of an origin opens several connections at once: those beside its own, up to the limit. Pool lock
 * held. Returns how many, referenced. */
static unsigned int begin_background( struct origin *origin, const struct exchange *exchange, struct dial **dials )
{
    unsigned int count = 0, wanted = exchange->plan.background;

    if (wanted > ORIGIN_BACKGROUND) wanted = ORIGIN_BACKGROUND;
    for (; wanted > 1 && !is_full( origin ); wanted--)
    {
        if (!(dials[count] = new_dial( origin, exchange ))) break;    /* without them it works, too */
        dials[count]->wanted = 1;
        spare_add( origin, dials[count++] );
    }
    return count;
}

void origin_request( struct exchange *exchange )
{
    struct origin *origin = exchange->origin;
    struct conn *conn = NULL, *draining = NULL;
    struct dial *dials[ORIGIN_BACKGROUND];
    struct work work = { 0 };
    unsigned int i, count = 0, nested = exchange->requests++;
    enum wh_error error, lost = WHE_STALE;
    int revived = 0;

    pthread_mutex_lock( &pool_lock );
    if (exchange->pin) conn = find_pinned( origin, exchange->pin );
    else if (!(conn = share_find( origin, exchange )) && !(conn = find_idle( origin, exchange )) &&
             !(exchange->flags & WHX_FRESH) && (draining = origin->draining))
    {
        object_ref( &draining->obj );    /* its body may have come while nobody looked */
        pthread_mutex_unlock( &pool_lock );
        conn_force( draining );
        object_release( &draining->obj );
        pthread_mutex_lock( &pool_lock );
        conn = find_idle( origin, exchange );
    }
    if (conn && conn->refused)
    {
        if ((revived = revive( conn, exchange ))) object_ref( &conn->obj );
        else
        {
            lost = WHE_NO_MEMORY;
            conn = NULL;
        }
    }
    else if (conn)
    {
        object_ref( &conn->obj );
        link_exchange( conn, exchange );
    }
    else if (!exchange->pin && share_hopes( origin, exchange )) hoping_add( origin, exchange );
    else if (!exchange->pin)
    {
        int first = !origin->conns;

        waiter_add( origin, exchange );
        work_find( origin, &work );
        if (first && exchange->plan.background > 1) count = begin_background( origin, exchange, dials );
    }
    pthread_mutex_unlock( &pool_lock );
    for (i = 0; i < count; i++)
    {
        strand_schedule( &dials[i]->strand );    /* the exchange's own goes first */
        object_release( &dials[i]->obj );
    }

    if (conn)
    {
        /* A whole pool may have died; that many strands would not fit on the stack. */
        if (nested < MAX_NESTED) conn_serve( conn );
        else strand_schedule( &conn->strand );
        object_release( &conn->obj );
    }
    else if (exchange->pin) exchange_fail( exchange, lost, 0 );
    if (revived || (!conn && !exchange->pin))
    {
        work_do( origin, &work, 1 );
        /* Whoever ended it while it was between a dead connection and the queue found it in neither. */
        if ((error = exchange_ending( exchange )) && origin_leave( exchange )) exchange_fail( exchange, error, 0 );
    }
}

int origin_leave( struct exchange *exchange )
{
    struct origin *origin = exchange->origin;
    struct dial *dial = NULL;
    int waiting;

    pthread_mutex_lock( &pool_lock );
    if ((waiting = exchange->waiting) == WAITING_STREAM) hoping_remove( origin, exchange );
    else if (waiting)
    {
        waiter_remove( origin, exchange );
        dial = origin_unsponsor( origin, exchange );
    }
    pthread_mutex_unlock( &pool_lock );
    origin_drop( dial );
    return waiting != WAITING_NOT;
}

/* The oldest waiter, if it suits it. Those whose own is being made leave it to the others, unless they said
 * that they take the first one. If it does not suit the oldest, nobody gets it: it makes way for one that does, or that
 * waiter would be passed for ever on a busy origin. */
struct exchange *waiter_for( const struct conn *conn )
{
    const struct origin *origin = conn->origin;
    struct exchange *exchange = origin->takers ? origin->first_waiter : origin->first_undialed;
    unsigned int i;

    for (i = 0; exchange && exchange != origin->first_undialed && i < MAX_PASSED; i++, exchange = exchange->wait_next)
        if (takes_first( exchange ) && origin_suits( exchange, conn )) return exchange;
    exchange = origin->first_undialed;
    return exchange && origin_suits( exchange, conn ) ? exchange : NULL;
}

/* A connection that is fit: to this exchange, else to a waiter, else into the idle list. Pool lock held. Returns a dial
 * that is not needed now. */
static struct dial *place( struct conn *conn, struct exchange *exchange )
{
    struct origin *origin = conn->origin;
    struct dial *unneeded;

    if (!exchange) exchange = waiter_for( conn );
    if (exchange)
    {
        waiter_remove( origin, exchange );
        link_exchange( conn, exchange );
        if ((unneeded = origin_unsponsor( origin, exchange ))) spare_add( origin, unneeded );
        return unneeded;
    }
    origin_unlist( conn );
    conn->idle = conn->was_idle = 1;
    list_add( &origin->idle, conn );
    return NULL;
}

void origin_conn_up( struct conn *conn, struct dial *dial )
{
    struct origin *origin = conn->origin;
    struct exchange *exchange;
    struct dial *unneeded = NULL, *list = NULL;
    struct work work;

    object_remove( &dial->obj );
    pthread_mutex_lock( &pool_lock );
    spare_remove( conn->origin, dial );
    up_add( conn );
    origin->doubt = 0;
    if ((origin->alpn & WH_ALPN_H2) && !conn->refused) origin_note_protocol( origin, conn->protocol );
    conn->deadline_ms = engine_now_ms() + origin_idle_ms( conn->origin );
    if ((exchange = dial->sponsor))
    {
        exchange->dial = NULL;
        dial->sponsor = NULL;
        object_release( &dial->obj );    /* the sponsor's; the caller has another */
    }
    if (conn->h2) list = share_up( conn, exchange );
    share_review( origin );
    if (!conn->h2) unneeded = place( conn, exchange );
    work_find( origin, &work );
    pthread_mutex_unlock( &pool_lock );
    if (unneeded) object_release( &unneeded->obj );    /* the sponsor's; it goes on as a spare one */
    origin_drop_list( list );
    work_do( origin, &work, 0 );
}

void origin_conn_free( struct conn *conn )
{
    struct origin *origin = conn->origin;
    struct dial *unneeded;
    struct work work;

    pthread_mutex_lock( &pool_lock );
    unneeded = place( conn, NULL );
    work_find( origin, &work );
    pthread_mutex_unlock( &pool_lock );
    if (unneeded) object_release( &unneeded->obj );
    work_do( origin, &work, 0 );
}

void origin_conn_draining( struct conn *conn )
{
    pthread_mutex_lock( &pool_lock );
    conn->draining = 1;
    list_add( &conn->origin->draining, conn );
    pthread_mutex_unlock( &pool_lock );
}

int origin_conn_drains( struct conn *conn )
{
    int drains;

    pthread_mutex_lock( &pool_lock );
    drains = conn->draining;
    pthread_mutex_unlock( &pool_lock );
    return drains;
}

/* `always`: also if it is used. */
static int conn_gone( struct conn *conn, int always )
{
    struct origin *origin = conn->origin;
    struct work work = { 0 };
    int gone;

    pthread_mutex_lock( &pool_lock );
    if ((gone = always || (!conn->exchange && !conn->users && !conn->revival)))
    {
        origin_unlist( conn );
        if (conn->counted) up_remove( conn );
        if (conn->evicted) origin->evicting = conn->evicted = 0;
        if (conn->leaving) origin->leaving = conn->leaving = 0;
        share_review( origin );
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );
    work_do( origin, &work, 0 );
    return gone;
}

int origin_conn_retire( struct conn *conn )
{
    return conn_gone( conn, 0 );
}

void origin_conn_gone( struct conn *conn )
{
    conn_gone( conn, 1 );
}

/* 1 if an idle connection is worth more than a dial's error: that says nothing about the peer's identity. */
static int idle_helps( enum wh_error error )
{
    return error == WHE_CONNECT || error == WHE_TIMEOUT || error == WHE_NAME || error == WHE_NO_MEMORY ||
           error == WHE_RESET || (error >= WHE_PROXY_NAME && error <= WHE_PROXY_RESET);
}

/* Another one in place of a dial that ran out of the time it had been given for somebody else. Pool lock held. Returns it
 * with a reference, or NULL without memory. */
static struct dial *replace_dial( struct dial *dial )
{
    struct exchange *sponsor = dial->sponsor;
    struct dial *fresh;

    if (!(fresh = new_dial( dial->origin, sponsor ))) return NULL;
    fresh->wanted = 1;
    fresh->sponsor = sponsor;
    sponsor->dial = fresh;
    dial->sponsor = NULL;
    object_ref( &fresh->obj );               /* the creator's reference is the sponsor's now */
    return fresh;
}

void origin_dial_failed( struct dial *dial, enum wh_error error, uint32_t detail )
{
    struct origin *origin = dial->origin;
    struct exchange *sponsor;
    struct conn *conn = NULL;
    struct dial *again = NULL;
    struct work work;

    pthread_mutex_lock( &pool_lock );
    spare_remove( origin, dial );
    if ((sponsor = dial->sponsor))
    {
        object_ref( &sponsor->obj );
        if (idle_helps( error ) && !(conn = share_find( origin, sponsor ))) conn = find_idle( origin, sponsor );
        if (conn || (error != WHE_TIMEOUT && error != WHE_PROXY_TIMEOUT) || !dial->inherited || !(again = replace_dial( dial )))
        {
            waiter_remove( origin, sponsor );
            sponsor->dial = NULL;
            dial->sponsor = NULL;
        }
        if (conn)
        {
            object_ref( &conn->obj );
            link_exchange( conn, sponsor );
        }
    }
    origin->conns--;
    if (origin->conns == origin->up_count) origin->doubt = 1;
    share_review( origin );
    work_find( origin, &work );
    pthread_mutex_unlock( &pool_lock );

    if (sponsor)
    {
        if (!again && !conn) exchange_fail( sponsor, error, detail );
        object_release( &sponsor->obj );
        object_release( &dial->obj );
    }
    if (conn)
    {
        strand_schedule( &conn->strand );
        object_release( &conn->obj );
    }
    if (again)
    {
        strand_schedule( &again->strand );
        object_release( &again->obj );
    }
    work_do( origin, &work, 0 );
}

struct exchange *origin_sponsor( struct dial *dial )
{
    struct exchange *sponsor;

    pthread_mutex_lock( &pool_lock );
    if ((sponsor = dial->sponsor)) object_ref( &sponsor->obj );
    pthread_mutex_unlock( &pool_lock );
    return sponsor;
}

struct exchange *origin_judge( struct dial *dial )
{
    __atomic_store_n( &dial->judging, 1, __ATOMIC_RELAXED );    /* the pool lock orders it */
    return origin_sponsor( dial );
}

struct exchange *origin_conn_exchange( struct conn *conn, int *draining )
{
    struct exchange *exchange;

    pthread_mutex_lock( &pool_lock );
    if ((exchange = conn->exchange)) object_ref( &exchange->obj );
    *draining = conn->draining;
    pthread_mutex_unlock( &pool_lock );
    return exchange;
}

int origin_conn_busy( struct conn *conn )
{
    int busy;

    pthread_mutex_lock( &pool_lock );
    busy = conn->exchange || conn->revival;
    pthread_mutex_unlock( &pool_lock );
    return busy;
}

void origin_conn_unlink( struct conn *conn )
{
    struct exchange *exchange;

    pthread_mutex_lock( &pool_lock );
    if ((exchange = conn->exchange)) exchange->carrier = NULL;
    conn->exchange = NULL;
    pthread_mutex_unlock( &pool_lock );
    if (exchange) object_release( &exchange->obj );
}

void origin_note_version( struct origin *origin, unsigned int minor )
{
    struct work work;

    if (__atomic_load_n( &origin->is_1_0, __ATOMIC_RELAXED ) == !minor) return;    /* nearly always */
    pthread_mutex_lock( &pool_lock );
    origin_note_minor( origin, minor );
    work_find( origin, &work );    /* the other limit may have room */
    pthread_mutex_unlock( &pool_lock );
    work_do( origin, &work, 0 );
}

void origin_tag( struct exchange *exchange, const uint8_t *tag )
{
    pthread_mutex_lock( &pool_lock );
    memcpy( exchange->tag, tag, WH_TAG_SIZE );
    exchange->tagged = 1;
    if (exchange->carrier) memcpy( exchange->carrier->tag, tag, WH_TAG_SIZE );
    pthread_mutex_unlock( &pool_lock );
}

void origin_conn_tag( struct conn *conn, uint8_t *tag )
{
    pthread_mutex_lock( &pool_lock );
    memcpy( tag, conn->tag, WH_TAG_SIZE );
    pthread_mutex_unlock( &pool_lock );
}
