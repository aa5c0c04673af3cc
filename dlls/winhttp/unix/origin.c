#if 0
#pragma makedep unix
#endif

/*
 * Origins: the process-wide pool, by route
 */

#include "conn.h"
#include "creds.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "log.h"
#include "origin_internal.h"

#define KNOWN_1_0    256
#define MAX_NESTED   8        /* connections that an exchange tries one inside the other */
#define MAX_PASSED   16       /* waiters looked at in search of one that takes any connection */

pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
struct origin *origin_table[ORIGIN_TABLE_SIZE];

/* Hashes of origins that answered with HTTP/1.0 last. Such a server closes its connections, so that its origin is gone
 * by the next request; what was found out shall not be. A later one takes the place of an earlier one. */
static uint64_t known_1_0[KNOWN_1_0];

/* The fixed part of a pool key: every field that a connection depends on. */
struct route_key
{
    uint64_t partition;
    uint8_t  creds[CREDS_PRINT];
    uint32_t port, scheme, proxy_kind, proxy_port;
    uint32_t tls_versions, tls_flags, alpn, family, if_index, flags, host_len, connect_host_len, proxy_host_len, judge;
    uint32_t judge_key[2];
};

static uint64_t hash_bytes( const char *bytes, size_t len )
{
    uint64_t hash = 0xcbf29ce484222325;    /* FNV-1a */

    while (len--) hash = (hash ^ (unsigned char)*bytes++) * 0x100000001b3;
    return hash;
}

static char *put_name( char *key, wh_ptr name, uint32_t len )
{
    const char *from = wh_to_ptr( name );
    uint32_t i;

    for (i = 0; i < len; i++) key[i] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i];
    key[len] = 0;
    return key + len + 1;
}

/* A name, or none: at most 255 bytes, which getaddrinfo has to see to their end. */
static int name_ok( wh_ptr name, uint32_t len )
{
    return !len || (name && len <= 255 && !memchr( wh_to_ptr( name ), 0, len ));
}

static enum wh_error route_check( const struct wh_route *route )
{
    if (!route->host_len || !name_ok( route->host, route->host_len ) || !route->port || route->port > 65535 ||
        !name_ok( route->connect_host, route->connect_host_len ) || !name_ok( route->proxy_host, route->proxy_host_len ))
        return WHE_INVALID;
    if (route->scheme != WH_SCHEME_HTTP && route->scheme != WH_SCHEME_HTTPS) return WHE_INVALID;
    if (route->judge > WH_JUDGE_ALWAYS) return WHE_INVALID;
    if (route->proxy_kind == WH_PROXY_NONE) return WHE_OK;
    if (route->proxy_kind != WH_PROXY_HTTP || !route->proxy_host_len || !route->proxy_port || route->proxy_port > 65535)
        return WHE_INVALID;
    return route->scheme == WH_SCHEME_HTTP ? WHE_OK : WHE_UNSUPPORTED;    /* no CONNECT here */
}

enum wh_error origin_get( const struct wh_route *route, uint32_t max_idle_ms, struct origin **ret )
{
    char key[sizeof(struct route_key) + 3 * 256], *host, *connect_host, *proxy_host, *end;
    struct route_key fixed = { 0 };
    struct creds *creds = NULL;
    struct origin *origin;
    enum wh_error error;
    uint32_t len;
    uint64_t hash;

    if ((error = route_check( route ))) return error;
    fixed.partition = route->partition;
    fixed.port = route->port;
    fixed.scheme = route->scheme;
    fixed.proxy_kind = route->proxy_kind;
    fixed.family = route->family;
    fixed.if_index = route->if_index;
    fixed.flags = route->flags & WH_ROUTE_KEY_FLAGS;
    fixed.host_len = route->host_len;
    fixed.connect_host_len = route->connect_host_len;
    if (route->proxy_kind)
    {
        fixed.proxy_port = route->proxy_port;
        fixed.proxy_host_len = route->proxy_host_len;
    }
    if (route->scheme == WH_SCHEME_HTTPS)
    {
        fixed.tls_versions = route->tls_versions;
        fixed.tls_flags = route->tls_flags;
        fixed.alpn = route->alpn;
        fixed.judge = route->judge;
        memcpy( fixed.judge_key, route->judge_key, sizeof(fixed.judge_key) );
        if (route->creds)
        {
            if (!(creds = creds_from_id( route->creds ))) return WHE_INVALID;
            memcpy( fixed.creds, creds_print( creds ), sizeof(fixed.creds) );
        }
    }
    memcpy( key, &fixed, sizeof(fixed) );
    host = key + sizeof(fixed);
    connect_host = put_name( host, route->host, fixed.host_len );
    proxy_host = put_name( connect_host, route->connect_host, fixed.connect_host_len );
    end = put_name( proxy_host, route->proxy_host, fixed.proxy_host_len );
    len = (uint32_t)(end - key);
    hash = hash_bytes( key, len );

    pthread_mutex_lock( &pool_lock );
    for (origin = origin_table[hash % ORIGIN_TABLE_SIZE]; origin; origin = origin->next)
        if (origin->hash == hash && origin->key_len == len && !memcmp( origin->key, key, len )) break;
    if (origin) origin->refs++;
    else if ((origin = wh_calloc( 1, sizeof(*origin) + len )))
    {
        memcpy( origin->key, key, len );
        origin->key_len = len;
        origin->hash = hash;
        origin->refs = 1;
        origin->host = origin->key + (host - key);
        if (route->proxy_kind) origin->connect_host = origin->key + (proxy_host - key);
        else if (route->connect_host_len) origin->connect_host = origin->key + (connect_host - key);
        else origin->connect_host = origin->host;
        origin->partition = route->partition;
        origin->target_port = route->port;
        origin->port = route->proxy_kind ? route->proxy_port : route->port;
        origin->family = route->family;
        origin->if_index = route->if_index;
        origin->fast_open = !!(route->flags & WH_ROUTE_TCP_FAST_OPEN);
        origin->tls = route->scheme == WH_SCHEME_HTTPS;
        origin->tls_versions = fixed.tls_versions;
        origin->tls_flags = fixed.tls_flags;
        origin->alpn = fixed.alpn;
        origin->judge = fixed.judge;
        origin->creds = creds;
        creds = NULL;
        origin->is_1_0 = known_1_0[hash % KNOWN_1_0] == hash;
        origin->next = origin_table[hash % ORIGIN_TABLE_SIZE];
        origin_table[hash % ORIGIN_TABLE_SIZE] = origin;
    }
    else error = WHE_NO_MEMORY;
    if (origin)    /* the last word counts: these do not separate connections */
    {
        __atomic_store_n( &origin->max_idle_ms, max_idle_ms, __ATOMIC_RELAXED );
        origin->conn_limit = route->conn_limit;
        origin->conn_limit_1_0 = route->conn_limit_1_0;
    }
    pthread_mutex_unlock( &pool_lock );
    if (creds) creds_release( creds );
    *ret = origin;
    return error;
}

struct origin *origin_ref( struct origin *origin )
{
    pthread_mutex_lock( &pool_lock );
    origin->refs++;
    pthread_mutex_unlock( &pool_lock );
    return origin;
}

uint32_t origin_idle_ms( const struct origin *origin )
{
    return __atomic_load_n( &origin->max_idle_ms, __ATOMIC_RELAXED );
}

void origin_release( struct origin *origin )
{
    struct origin **link;

    pthread_mutex_lock( &pool_lock );
    if (!--origin->refs)
    {
        for (link = &origin_table[origin->hash % ORIGIN_TABLE_SIZE]; *link != origin; link = &(*link)->next) ;
        *link = origin->next;
    }
    else origin = NULL;
    pthread_mutex_unlock( &pool_lock );
    if (origin && origin->creds) creds_release( origin->creds );
    wh_free( origin );
}

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
    conn->idle = conn->draining = 0;
}

/* It is up, and its place in origin->conns is its own from now on. */
static void up_add( struct conn *conn )
{
    struct conn **list = &conn->origin->up;

    conn->counted = 1;
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
    conn->origin->conns--;
}

static int takes_first( const struct exchange *exchange )
{
    return !!(exchange->plan.flags & WH_ROUTE_FIRST_AVAILABLE);
}

static void waiter_add( struct origin *origin, struct exchange *exchange )
{
    exchange->waiting = 1;
    origin->takers += takes_first( exchange );
    exchange->wait_next = NULL;
    if ((exchange->wait_prev = origin->last_waiter)) exchange->wait_prev->wait_next = exchange;
    else origin->first_waiter = exchange;
    origin->last_waiter = exchange;
    if (!origin->first_undialed) origin->first_undialed = exchange;
}

static void waiter_remove( struct origin *origin, struct exchange *exchange )
{
    if (origin->first_undialed == exchange) origin->first_undialed = exchange->wait_next;
    if (exchange->wait_next) exchange->wait_next->wait_prev = exchange->wait_prev;
    else origin->last_waiter = exchange->wait_prev;
    if (exchange->wait_prev) exchange->wait_prev->wait_next = exchange->wait_next;
    else origin->first_waiter = exchange->wait_next;
    exchange->wait_next = exchange->wait_prev = NULL;
    exchange->waiting = 0;
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
    origin_unlist( conn );
    conn->exchange = exchange;
    exchange->carrier = conn;
    if (exchange->tagged) memcpy( conn->tag, exchange->tag, sizeof(conn->tag) );
    object_ref( &exchange->obj );
}

/* Takes the dial from an exchange that needs it no more. Somebody else's now, or returned to be dropped. The reference
 * that the exchange held goes along. */
static struct dial *unsponsor( struct origin *origin, struct exchange *exchange )
{
    struct dial *dial = exchange->dial;

    exchange->dial = NULL;
    if (!dial) return NULL;
    dial->sponsor = NULL;
    if (!origin->first_undialed || !dial_fits( dial, &origin->first_undialed->plan )) return dial;
    sponsor( origin, dial );
    return NULL;
}

/* What has to be done for the waiters once the pool lock is free. References. */
struct work
{
    struct dial     *dial;        /* new: let it begin */
    struct exchange *starved;     /* there is no memory for its dial */
    struct conn     *evicted;     /* idle, but of no use to those who wait: its place is */
    struct dial     *misfit;      /* the same of a spare dial */
};

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

/* Looks for the oldest waiter without a dial. Pool lock held. Returns 1 if there is something to do. */
static int work_find( struct origin *origin, struct work *work )
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
        if (!(conn = origin->idle) || origin->evicting) return 0;
        while (conn->pool_next) conn = conn->pool_next;    /* the one used longest ago */
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

static void drop( struct dial *dial )
{
    if (!dial) return;
    dial_drop( dial );
    object_release( &dial->obj );
}

/* Does it, and what else there is to do then: several places may be free at once. `here`: a dial may begin on this
 * thread's stack; where dials fail one out of the other it has to go through the queue. The caller holds a reference on
 * the origin. */
static void work_do( struct origin *origin, struct work *work, int here )
{
    int more = work->dial || work->starved || work->evicted || work->misfit;

    while (more)
    {
        drop( work->misfit );
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
        if (conn->obj.id == pin) break;
    return conn;
}

static int is_tagged( const struct conn *conn )
{
    static const uint8_t none[WH_TAG_SIZE];

    return memcmp( conn->tag, none, sizeof(none) ) != 0;
}

/* 1 if the exchange may have this connection: one that was used before, or was idle, is not for everybody. */
static int suits( const struct exchange *exchange, const struct conn *conn )
{
    if (!conn->served && !conn->was_idle) return 1;
    if (exchange->flags & WHX_FRESH) return 0;
    if (!(exchange->match_flags & WH_MATCH_TAG) || !memcmp( exchange->match, conn->tag, WH_TAG_SIZE )) return 1;
    return !(exchange->match_flags & WH_MATCH_REQUIRED) && !is_tagged( conn );
}

/* The connection used last that suits, unless its idle time is over: then the rest are over, too, and end when somebody
 * looks at them. One with the wanted tag goes before one without. */
static struct conn *find_idle( const struct origin *origin, const struct exchange *exchange )
{
    struct conn *conn, *second = NULL;
    uint64_t now;

    if (!(conn = origin->idle) || (exchange->flags & WHX_FRESH)) return NULL;
    now = engine_now_ms();
    for (; conn && now < conn->deadline_ms; conn = conn->pool_next)
    {
        if (!suits( exchange, conn )) continue;
        if (!(exchange->match_flags & WH_MATCH_TAG) || is_tagged( conn )) return conn;
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
    enum wh_error error;

    pthread_mutex_lock( &pool_lock );
    if (exchange->pin) conn = find_pinned( origin, exchange->pin );
    else if (!(conn = find_idle( origin, exchange )) && !(exchange->flags & WHX_FRESH) && (draining = origin->draining))
    {
        object_ref( &draining->obj );    /* its body may have come while nobody looked */
        pthread_mutex_unlock( &pool_lock );
        conn_force( draining );
        object_release( &draining->obj );
        pthread_mutex_lock( &pool_lock );
        conn = find_idle( origin, exchange );
    }
    if (conn)
    {
        object_ref( &conn->obj );
        link_exchange( conn, exchange );
    }
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
    else if (exchange->pin) exchange_fail( exchange, WHE_STALE, 0 );
    else
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
    if ((waiting = exchange->waiting))
    {
        waiter_remove( origin, exchange );
        dial = unsponsor( origin, exchange );
    }
    pthread_mutex_unlock( &pool_lock );
    drop( dial );
    return waiting;
}

/* The oldest waiter, if the connection suits it. Those whose own is being made leave it to the others, unless they said
 * that they take the first one. If it does not suit the oldest, nobody gets it: it makes way for one that does, or that
 * waiter would be passed for ever on a busy origin. */
static struct exchange *waiter_for( const struct conn *conn )
{
    const struct origin *origin = conn->origin;
    struct exchange *exchange = origin->takers ? origin->first_waiter : origin->first_undialed;
    unsigned int i;

    for (i = 0; exchange && exchange != origin->first_undialed && i < MAX_PASSED; i++, exchange = exchange->wait_next)
        if (takes_first( exchange ) && suits( exchange, conn )) return exchange;
    exchange = origin->first_undialed;
    return exchange && suits( exchange, conn ) ? exchange : NULL;
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
        if ((unneeded = unsponsor( origin, exchange ))) spare_add( origin, unneeded );
        return unneeded;
    }
    origin_unlist( conn );
    conn->idle = conn->was_idle = 1;
    list_add( &origin->idle, conn );
    return NULL;
}

void origin_conn_up( struct conn *conn, struct dial *dial )
{
    struct exchange *exchange;
    struct dial *unneeded;
    struct work work;

    object_remove( &dial->obj );
    pthread_mutex_lock( &pool_lock );
    spare_remove( conn->origin, dial );
    up_add( conn );
    conn->deadline_ms = engine_now_ms() + origin_idle_ms( conn->origin );
    if ((exchange = dial->sponsor))
    {
        exchange->dial = NULL;
        dial->sponsor = NULL;
        object_release( &dial->obj );    /* the sponsor's; the caller has another */
    }
    unneeded = place( conn, exchange );
    work_find( conn->origin, &work );
    pthread_mutex_unlock( &pool_lock );
    if (unneeded) object_release( &unneeded->obj );    /* the sponsor's; it goes on as a spare one */
    work_do( conn->origin, &work, 0 );
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

int origin_conn_retire( struct conn *conn )
{
    struct origin *origin = conn->origin;
    struct work work = { 0 };
    int retired;

    pthread_mutex_lock( &pool_lock );
    if ((retired = !conn->exchange))
    {
        origin_unlist( conn );
        if (conn->counted) up_remove( conn );
        if (conn->evicted) origin->evicting = conn->evicted = 0;
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );
    work_do( origin, &work, 0 );
    return retired;
}

/* 1 if an idle connection is worth more than a dial's error: that says nothing about the peer's identity. */
static int idle_helps( enum wh_error error )
{
    return error == WHE_CONNECT || error == WHE_TIMEOUT || error == WHE_NAME || error == WHE_NO_MEMORY ||
           error == WHE_RESET;
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
        if (idle_helps( error )) conn = find_idle( origin, sponsor );
        if (conn || error != WHE_TIMEOUT || !dial->inherited || !(again = replace_dial( dial )))
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
    busy = conn->exchange != NULL;
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
    uint64_t *known = &known_1_0[origin->hash % KNOWN_1_0];
    struct work work;

    if (__atomic_load_n( &origin->is_1_0, __ATOMIC_RELAXED ) == !minor) return;    /* nearly always */
    pthread_mutex_lock( &pool_lock );
    __atomic_store_n( &origin->is_1_0, !minor, __ATOMIC_RELAXED );
    if (!minor) *known = origin->hash;
    else if (*known == origin->hash) *known = 0;
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
