#if 0
#pragma makedep unix
#endif

/*
 * Origins: the table, and the key of a route
 */

#include <string.h>

#include "conn.h"
#include "creds.h"
#include "exchange.h"
#include "hooks.h"
#include "origin_internal.h"
#include "proxy.h"

#define KNOWN_SIZE 256

pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
struct origin *origin_table[ORIGIN_TABLE_SIZE];

/* What was found out about origins and shall not be lost with them, by their hash: one that speaks HTTP/1.0 closes its
 * connections, so that its origin is gone by the next request. A later one takes the place of an earlier one. Pool lock. */
static struct known
{
    uint64_t hash;
    uint32_t is_1_0;
    uint32_t speaks;
} known[KNOWN_SIZE];

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

/* A name, or none: at most 255 bytes, and nothing in it that could end a line, a target or a word where a proxy is told of
 * it. The PE side has looked at it before, by stricter rules. */
static int name_ok( wh_ptr name, uint32_t len )
{
    const char *text = wh_to_ptr( name );
    uint32_t i;

    if (len && !text) return 0;
    for (i = 0; i < len && i < 255; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr( "/\\?#@[]<>\"", text[i] )) return 0;
    return i == len;
}

static enum wh_error route_check( const struct wh_route *route )
{
    if (!route->host_len || !name_ok( route->host, route->host_len ) || !route->port || route->port > 65535 ||
        !name_ok( route->connect_host, route->connect_host_len ) || !name_ok( route->proxy_host, route->proxy_host_len ))
        return WHE_INVALID;
    if (route->scheme != WH_SCHEME_HTTP && route->scheme != WH_SCHEME_HTTPS) return WHE_INVALID;
    if (route->judge > WH_JUDGE_ALWAYS) return WHE_INVALID;
    if (route->proxy_kind == WH_PROXY_NONE) return WHE_OK;
    if (route->proxy_kind > WH_PROXY_SOCKS5 || !route->proxy_host_len || !route->proxy_port || route->proxy_port > 65535)
        return WHE_INVALID;
    return WHE_OK;
}

/* 1 if the proxy is not spoken to about requests, but makes a way through. */
static int needs_tunnel( const struct wh_route *route )
{
    if (route->proxy_kind == WH_PROXY_NONE) return 0;
    return route->scheme == WH_SCHEME_HTTPS || (route->flags & WH_ROUTE_TUNNEL) || route->proxy_kind == WH_PROXY_SOCKS4 ||
           route->proxy_kind == WH_PROXY_SOCKS5;
}

enum wh_error origin_way_error( const struct origin *origin, enum wh_error error )
{
    return origin->proxy_kind ? proxy_error( error ) : error;
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
    if (route->scheme == WH_SCHEME_HTTPS || route->proxy_kind == WH_PROXY_HTTPS)
    {
        fixed.tls_versions = route->tls_versions;
        fixed.tls_flags = route->tls_flags;
        fixed.judge = route->judge;
        memcpy( fixed.judge_key, route->judge_key, sizeof(fixed.judge_key) );
    }
    if (route->scheme == WH_SCHEME_HTTPS)
    {
        fixed.alpn = route->alpn;
        if (route->creds)
        {
            if (!(creds = creds_from_id( route->creds ))) return WHE_INVALID;
            memcpy( fixed.creds, creds_print( creds ), sizeof(fixed.creds) );
        }
    }
    else if (route->alpn == WH_ALPN_H2) fixed.alpn = WH_ALPN_H2;    /* prior knowledge; else it says nothing without TLS */
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
        origin->fast_open = !route->proxy_kind && (route->flags & WH_ROUTE_TCP_FAST_OPEN);
        origin->proxy_kind = route->proxy_kind;
        origin->tunnel = needs_tunnel( route );
        origin->tls = route->scheme == WH_SCHEME_HTTPS;
        origin->tls_versions = fixed.tls_versions;
        origin->tls_flags = fixed.tls_flags;
        origin->alpn = fixed.alpn;
        origin->judge = fixed.judge;
        origin->creds = creds;
        creds = NULL;
        if (known[hash % KNOWN_SIZE].hash == hash)
        {
            origin->is_1_0 = known[hash % KNOWN_SIZE].is_1_0;
            origin->speaks = known[hash % KNOWN_SIZE].speaks;
        }
        origin->stream_max = H2_STREAMS_ASSUMED;
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

/* Pool lock held. */
static void remember( const struct origin *origin )
{
    struct known *place = &known[origin->hash % KNOWN_SIZE];

    place->hash = origin->hash;
    place->is_1_0 = __atomic_load_n( &origin->is_1_0, __ATOMIC_RELAXED );
    place->speaks = __atomic_load_n( &origin->speaks, __ATOMIC_RELAXED );
}

void origin_note_protocol( struct origin *origin, uint32_t speaks )
{
    if (__atomic_load_n( &origin->speaks, __ATOMIC_RELAXED ) == speaks) return;
    __atomic_store_n( &origin->speaks, speaks, __ATOMIC_RELAXED );
    remember( origin );
}

int origin_note_minor( struct origin *origin, unsigned int minor )
{
    if (__atomic_load_n( &origin->is_1_0, __ATOMIC_RELAXED ) == !minor) return 0;
    __atomic_store_n( &origin->is_1_0, !minor, __ATOMIC_RELAXED );
    remember( origin );
    return 1;
}
