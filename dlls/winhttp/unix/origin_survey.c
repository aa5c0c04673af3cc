#if 0
#pragma makedep unix
#endif

/*
 * Origins, looked at from outside: what is in the pool, and emptying it
 */

#include "conn.h"
#include "hooks.h"
#include "origin_internal.h"

/* 1 if a connection before this one has the same tag: then it was counted there. Pool lock held. */
static int tag_was_seen( const struct origin *origin, const struct conn *conn )
{
    const struct conn *earlier;

    for (earlier = origin->up; earlier != conn; earlier = earlier->up_next)
        if (!memcmp( earlier->tag, conn->tag, WH_TAG_SIZE )) return 1;
    return 0;
}

/* The connections of an origin that carry the tag of `conn`, which is the first of them. Pool lock held. */
static void describe( const struct origin *origin, const struct conn *conn, struct wh_pool_entry *entry )
{
    memset( entry, 0, sizeof(*entry) );
    strcpy( entry->host, origin->host );    /* at most 255 bytes: origin_get checks */
    entry->port = origin->target_port;
    entry->scheme = origin->tls ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    entry->tls_flags = origin->tls_flags;
    memcpy( entry->tag, conn->tag, WH_TAG_SIZE );
    for (; conn; conn = conn->up_next)
        if (!memcmp( entry->tag, conn->tag, WH_TAG_SIZE )) entry->count++;
}

uint32_t origin_pool_query( struct wh_pool_query_params *params )
{
    struct wh_pool_entry *entries = wh_to_ptr( params->entries );
    struct origin *origin;
    struct conn *conn;
    unsigned int i;

    params->count = 0;
    if (params->capacity && !entries) return WH_REFUSED;
    pthread_mutex_lock( &pool_lock );
    for (i = 0; i < ORIGIN_TABLE_SIZE; i++)
        for (origin = origin_table[i]; origin; origin = origin->next)
        {
            if (origin->partition != params->partition) continue;
            for (conn = origin->up; conn; conn = conn->up_next)
            {
                if (tag_was_seen( origin, conn )) continue;
                if (params->count < params->capacity) describe( origin, conn, &entries[params->count] );
                params->count++;
            }
        }
    pthread_mutex_unlock( &pool_lock );
    return WH_DONE;
}

unsigned int origin_idle_count( void )
{
    unsigned int i, count = 0;
    struct origin *origin;
    struct conn *conn;

    pthread_mutex_lock( &pool_lock );
    for (i = 0; i < ORIGIN_TABLE_SIZE; i++)
        for (origin = origin_table[i]; origin; origin = origin->next)
        {
            for (conn = origin->idle; conn; conn = conn->pool_next) count++;
            for (conn = origin->shared; conn; conn = conn->pool_next) count += !conn->users;
        }
    pthread_mutex_unlock( &pool_lock );
    return count;
}

/* Something idle or draining in this row of the table, with a reference. */
static struct conn *find_unused( unsigned int row, int any, uint64_t partition )
{
    struct origin *origin;
    struct conn *conn = NULL;

    pthread_mutex_lock( &pool_lock );
    for (origin = origin_table[row]; origin && !conn; origin = origin->next)
    {
        if (!any && origin->partition != partition) continue;
        if ((conn = origin->idle) || (conn = origin->draining) || (conn = share_idle( origin ))) object_ref( &conn->obj );
    }
    pthread_mutex_unlock( &pool_lock );
    return conn;
}

/* With the reference of find_unused. */
static void close_conn( struct conn *conn )
{
    strand_enter( &conn->strand );
    if (origin_conn_retire( conn )) conn_part( conn );
    strand_leave( &conn->strand );
    object_release( &conn->obj );
}

static void close_unused( int any, uint64_t partition )
{
    struct conn *conn;
    unsigned int i;

    for (i = 0; i < ORIGIN_TABLE_SIZE; i++)
        while ((conn = find_unused( i, any, partition ))) close_conn( conn );
}

static struct conn *find_in( struct conn *conn, const uint32_t *identities, uint32_t count )
{
    uint32_t i;

    for (; conn; conn = conn->pool_next)
        for (i = 0; conn->identity && i < count; i++)
            if (conn->identity == identities[i]) return conn;
    return NULL;
}

/* The same as find_unused. */
static struct conn *find_identity( unsigned int row, const uint32_t *identities, uint32_t count )
{
    struct origin *origin;
    struct conn *conn = NULL;

    pthread_mutex_lock( &pool_lock );
    for (origin = origin_table[row]; origin && !conn; origin = origin->next)
        if ((conn = find_in( origin->idle, identities, count )) || (conn = find_in( origin->draining, identities, count )))
            object_ref( &conn->obj );
    pthread_mutex_unlock( &pool_lock );
    return conn;
}

void origin_close_identities( const uint32_t *identities, uint32_t count )
{
    struct conn *conn;
    unsigned int i;

    for (i = 0; i < ORIGIN_TABLE_SIZE; i++)
        while ((conn = find_identity( i, identities, count ))) close_conn( conn );
}

/* Those that are in use now shall not wait for another use. */
static void forget_idle_time( uint64_t partition )
{
    struct origin *origin;
    unsigned int i;

    pthread_mutex_lock( &pool_lock );
    for (i = 0; i < ORIGIN_TABLE_SIZE; i++)
        for (origin = origin_table[i]; origin; origin = origin->next)
            if (origin->partition == partition) __atomic_store_n( &origin->max_idle_ms, 0, __ATOMIC_RELAXED );
    pthread_mutex_unlock( &pool_lock );
}

void origin_close_partition( uint64_t partition )
{
    forget_idle_time( partition );
    close_unused( 0, partition );
}

void origin_shutdown( void )
{
    close_unused( 1, 0 );
}
