#if 0
#pragma makedep unix
#endif

/*
 * Origins: the process-wide pool, by route
 */

#include <pthread.h>

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"

#define TABLE_SIZE   1024
#define MAX_NESTED   8        /* connections that an exchange tries one inside the other */
#define MAX_PASSED   16       /* waiters looked at in search of one that takes a used connection */

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct origin *table[TABLE_SIZE];

/* The fixed part of a pool key: every field that a connection depends on. */
struct route_key
{
    uint64_t partition, creds;
    uint32_t port, scheme, proxy_kind, proxy_port;
    uint32_t tls_versions, tls_flags, alpn, family, flags, host_len, connect_host_len, proxy_host_len;
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
    if (route->creds) return WHE_UNSUPPORTED;
    if (route->proxy_kind == WH_PROXY_NONE) return WHE_OK;
    if (route->proxy_kind != WH_PROXY_HTTP || !route->proxy_host_len || !route->proxy_port || route->proxy_port > 65535)
        return WHE_INVALID;
    return route->scheme == WH_SCHEME_HTTP ? WHE_OK : WHE_UNSUPPORTED;    /* no CONNECT here */
}

enum wh_error origin_get( const struct wh_route *route, uint32_t max_idle_ms, struct origin **ret )
{
    char key[sizeof(struct route_key) + 3 * 256], *host, *connect_host, *proxy_host, *end;
    struct route_key fixed = { 0 };
    struct origin *origin;
    enum wh_error error;
    uint32_t len;
    uint64_t hash;

    if ((error = route_check( route ))) return error;
    fixed.partition = route->partition;
    fixed.creds = route->creds;
    fixed.port = route->port;
    fixed.scheme = route->scheme;
    fixed.proxy_kind = route->proxy_kind;
    fixed.family = route->family;
    fixed.flags = route->flags;
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
    }
    memcpy( key, &fixed, sizeof(fixed) );
    host = key + sizeof(fixed);
    connect_host = put_name( host, route->host, fixed.host_len );
    proxy_host = put_name( connect_host, route->connect_host, fixed.connect_host_len );
    end = put_name( proxy_host, route->proxy_host, fixed.proxy_host_len );
    len = (uint32_t)(end - key);
    hash = hash_bytes( key, len );

    pthread_mutex_lock( &pool_lock );
    for (origin = table[hash % TABLE_SIZE]; origin; origin = origin->next)
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
        origin->port = route->proxy_kind ? route->proxy_port : route->port;
        origin->family = route->family;
        origin->tls = route->scheme == WH_SCHEME_HTTPS;
        origin->tls_versions = route->tls_versions;
        origin->tls_flags = route->tls_flags;
        origin->alpn = route->alpn;
        origin->next = table[hash % TABLE_SIZE];
        table[hash % TABLE_SIZE] = origin;
    }
    else error = WHE_NO_MEMORY;
    if (origin)    /* the last word counts: these do not separate connections */
    {
        __atomic_store_n( &origin->max_idle_ms, max_idle_ms, __ATOMIC_RELAXED );
        origin->conn_limit = route->conn_limit;
        __atomic_store_n( &origin->connect_retries, route->connect_retries, __ATOMIC_RELAXED );
        __atomic_store_n( &origin->keepalive_ms, route->keepalive_ms, __ATOMIC_RELAXED );
        __atomic_store_n( &origin->keepalive_interval_ms, route->keepalive_interval_ms, __ATOMIC_RELAXED );
    }
    pthread_mutex_unlock( &pool_lock );
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
        for (link = &table[origin->hash % TABLE_SIZE]; *link != origin; link = &(*link)->next) ;
        *link = origin->next;
    }
    else origin = NULL;
    pthread_mutex_unlock( &pool_lock );
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

static void unlist( struct conn *conn )
{
    if (conn->idle) list_remove( &conn->origin->idle, conn );
    if (conn->draining) list_remove( &conn->origin->draining, conn );
    conn->idle = conn->draining = 0;
}

static void waiter_add( struct origin *origin, struct exchange *exchange )
{
    exchange->waiting = 1;
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
}

/* The oldest waiter without a dial gets this one, and the reference that comes with it. Those that have one are always
 * the older ones, so the next without is the next in the queue. */
static void sponsor( struct origin *origin, struct dial *dial )
{
    struct exchange *exchange = origin->first_undialed;

    exchange->dial = dial;
    dial->sponsor = exchange;
    origin->first_undialed = exchange->wait_next;
}

/* The connection is the exchange's: it holds a reference. */
static void link_exchange( struct conn *conn, struct exchange *exchange )
{
    unlist( conn );
    conn->exchange = exchange;
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
    if (!origin->first_undialed) return dial;
    sponsor( origin, dial );
    return NULL;
}

/* What has to be done for the waiters once the pool lock is free. References. */
struct work
{
    struct dial     *dial;        /* new: let it begin */
    struct exchange *starved;     /* there is no memory for its dial */
    struct conn     *evicted;     /* idle, but of no use to those who wait: its place is */
};

/* Looks for the oldest waiter without a dial. Pool lock held. */
static void work_find( struct origin *origin, struct work *work )
{
    struct exchange *exchange = origin->first_undialed;
    struct conn *conn = origin->idle;

    memset( work, 0, sizeof(*work) );
    if (!exchange) return;
    if (origin->conn_limit && origin->conns >= origin->conn_limit)
    {
        /* A waiter beside an idle connection wants none that was used before, or its time is over. */
        if (!conn) return;
        unlist( conn );
        object_ref( &conn->obj );
        work->evicted = conn;
    }
    else if ((work->dial = dial_create( origin, exchange->resolve_ms, exchange->connect_ms )))
    {
        origin->refs++;                      /* the dial's */
        object_ref( &work->dial->obj );      /* the creator's reference is the sponsor's now */
        sponsor( origin, work->dial );
        origin->conns++;
    }
    else
    {
        waiter_remove( origin, exchange );
        object_ref( &exchange->obj );
        work->starved = exchange;
    }
}

/* `here`: a dial may begin on this thread's stack; where dials fail one out of the other it has to go through the queue.
 * The caller holds a reference on the origin. */
static void work_do( struct origin *origin, struct work *work, int here )
{
    while (work->starved)
    {
        exchange_fail( work->starved, WHE_NO_MEMORY, 0 );
        object_release( &work->starved->obj );
        pthread_mutex_lock( &pool_lock );
        work_find( origin, work );
        pthread_mutex_unlock( &pool_lock );
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
}

static void drop( struct dial *dial )
{
    if (!dial) return;
    dial_drop( dial );
    object_release( &dial->obj );
}

static struct conn *find_pinned( struct origin *origin, wh_id pin )
{
    struct conn *conn;

    for (conn = origin->idle; conn; conn = conn->pool_next)
        if (conn->obj.id == pin) break;
    return conn;
}

/* The connection used last, unless its idle time is over: then they all are, and end when somebody looks at them. */
static struct conn *find_idle( struct origin *origin )
{
    struct conn *conn = origin->idle;

    return conn && engine_now_ms() < conn->deadline_ms ? conn : NULL;
}

void origin_request( struct exchange *exchange )
{
    struct origin *origin = exchange->origin;
    struct conn *conn = NULL, *draining = NULL;
    struct work work = { 0 };
    unsigned int nested = exchange->requests++;
    enum wh_error error;

    pthread_mutex_lock( &pool_lock );
    if (exchange->pin) conn = find_pinned( origin, exchange->pin );
    else if (!(exchange->flags & WHX_FRESH) && !(conn = find_idle( origin )) && (draining = origin->draining))
    {
        object_ref( &draining->obj );    /* its body may have come while nobody looked */
        pthread_mutex_unlock( &pool_lock );
        conn_force( draining );
        object_release( &draining->obj );
        pthread_mutex_lock( &pool_lock );
        conn = find_idle( origin );
    }
    if (conn)
    {
        object_ref( &conn->obj );
        link_exchange( conn, exchange );
    }
    else if (!exchange->pin)
    {
        waiter_add( origin, exchange );
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );

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

/* The oldest waiter that a connection suits. */
static struct exchange *waiter_for( struct conn *conn )
{
    struct exchange *exchange = conn->origin->first_waiter;
    unsigned int i;

    if (!conn->served && !conn->was_idle) return exchange;
    for (i = 0; exchange && (exchange->flags & WHX_FRESH); i++, exchange = exchange->wait_next)
        if (i == MAX_PASSED) return NULL;
    return exchange;
}

/* A connection that is fit: to this exchange, else to a waiter, else into the idle list. Pool lock held. Returns a dial
 * that is not needed now. */
static struct dial *place( struct conn *conn, struct exchange *exchange )
{
    struct origin *origin = conn->origin;

    if (!exchange) exchange = waiter_for( conn );
    if (exchange)
    {
        waiter_remove( origin, exchange );
        link_exchange( conn, exchange );
        return unsponsor( origin, exchange );
    }
    unlist( conn );
    conn->idle = 1;
    list_add( &origin->idle, conn );
    return NULL;
}

void origin_conn_up( struct conn *conn, struct dial *dial )
{
    struct exchange *exchange;
    struct dial *unneeded;

    object_remove( &dial->obj );
    pthread_mutex_lock( &pool_lock );
    conn->counted = 1;    /* the dial's place in origin->conns is the connection's now */
    conn->deadline_ms = engine_now_ms() + origin_idle_ms( conn->origin );
    if ((exchange = dial->sponsor))
    {
        exchange->dial = NULL;
        dial->sponsor = NULL;
        object_release( &dial->obj );    /* the sponsor's; the caller has another */
    }
    unneeded = place( conn, exchange );
    pthread_mutex_unlock( &pool_lock );
    if (unneeded) object_release( &unneeded->obj );    /* see origin_conn_free */
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
    /* A dial that its exchange needs no more is nearly there, mostly: let it end in the pool. */
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
        unlist( conn );
        if (conn->counted)
        {
            conn->counted = 0;
            origin->conns--;
        }
        work_find( origin, &work );
    }
    pthread_mutex_unlock( &pool_lock );
    work_do( origin, &work, 0 );
    return retired;
}

void origin_dial_failed( struct dial *dial, enum wh_error error, uint32_t detail )
{
    struct origin *origin = dial->origin;
    struct exchange *sponsor;
    struct work work;

    pthread_mutex_lock( &pool_lock );
    if ((sponsor = dial->sponsor))
    {
        waiter_remove( origin, sponsor );
        object_ref( &sponsor->obj );
        sponsor->dial = NULL;
        dial->sponsor = NULL;
    }
    origin->conns--;
    work_find( origin, &work );
    pthread_mutex_unlock( &pool_lock );

    if (sponsor)
    {
        exchange_fail( sponsor, error, detail );
        object_release( &sponsor->obj );
        object_release( &dial->obj );
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
    exchange = conn->exchange;
    conn->exchange = NULL;
    pthread_mutex_unlock( &pool_lock );
    if (exchange) object_release( &exchange->obj );
}

unsigned int origin_idle_count( void )
{
    unsigned int i, count = 0;
    struct origin *origin;
    struct conn *conn;

    pthread_mutex_lock( &pool_lock );
    for (i = 0; i < TABLE_SIZE; i++)
        for (origin = table[i]; origin; origin = origin->next)
            for (conn = origin->idle; conn; conn = conn->pool_next) count++;
    pthread_mutex_unlock( &pool_lock );
    return count;
}

void origin_shutdown( void )
{
    unsigned int i;
    struct origin *origin;
    struct conn *conn;

    for (i = 0; i < TABLE_SIZE; i++)
    {
        for (;;)
        {
            pthread_mutex_lock( &pool_lock );
            for (conn = NULL, origin = table[i]; origin && !conn; origin = origin->next)
                if ((conn = origin->idle ? origin->idle : origin->draining)) object_ref( &conn->obj );
            pthread_mutex_unlock( &pool_lock );
            if (!conn) break;
            strand_enter( &conn->strand );
            if (origin_conn_retire( conn )) conn_close( conn );
            strand_leave( &conn->strand );
            object_release( &conn->obj );
        }
    }
}

uint32_t origin_pool_query( struct wh_pool_query_params *params )
{
    params->count = 0;
    return WH_REFUSED;
}
