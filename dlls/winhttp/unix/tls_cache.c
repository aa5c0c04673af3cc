#if 0
#pragma makedep unix
#endif

/*
 * What later connections need to resume a TLS session
 *
 * A hash table of keys on one list in order of use, a few tickets each. tls.c puts tickets in as servers send them
 * and takes one for each new connection. The mutex is held for a look-up and a copy of some kilobytes at most, never
 * during cryptography.
 */

#include "tls_cache.h"
#include "hooks.h"

#define BUCKETS 256

struct kept
{
    uint8_t *data;
    size_t   len;
    uint64_t expires_ms, limit_ms;
    int      once;
};

struct entry
{
    struct entry *hash_next;
    struct entry *newer, *older;         /* by last use */
    uint64_t      hash;
    struct kept   kept[TLS_CACHE_TICKETS];   /* oldest first */
    unsigned int  count;
    size_t        key_len;
    uint8_t       key[];
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *buckets[BUCKETS];
static struct entry *newest, *oldest;
static unsigned int entry_count;

static uint64_t hash_bytes( const void *data, size_t len )   /* FNV-1a */
{
    const uint8_t *ptr = data, *end = ptr + len;
    uint64_t hash = 0xcbf29ce484222325ull;

    while (ptr < end) hash = (hash ^ *ptr++) * 0x100000001b3ull;
    return hash;
}

/* tickets hold the secret of a session */
static void kept_free( struct kept *kept )
{
    if (kept->data) explicit_bzero( kept->data, kept->len );
    wh_free( kept->data );
}

static void use_unlink( struct entry *entry )
{
    if (entry->newer) entry->newer->older = entry->older;
    else newest = entry->older;
    if (entry->older) entry->older->newer = entry->newer;
    else oldest = entry->newer;
}

static void use_first( struct entry *entry )
{
    entry->newer = NULL;
    entry->older = newest;
    if (newest) newest->newer = entry;
    else oldest = entry;
    newest = entry;
}

static struct entry *entry_find( const void *key, size_t key_len )
{
    uint64_t hash = hash_bytes( key, key_len );
    struct entry *entry;

    for (entry = buckets[hash % BUCKETS]; entry; entry = entry->hash_next)
        if (entry->hash == hash && entry->key_len == key_len && !memcmp( entry->key, key, key_len )) break;
    return entry;
}

static void entry_drop( struct entry *entry )
{
    struct entry **link = &buckets[entry->hash % BUCKETS];
    unsigned int i;

    while (*link != entry) link = &(*link)->hash_next;
    *link = entry->hash_next;
    use_unlink( entry );
    entry_count--;
    for (i = 0; i < entry->count; i++) kept_free( &entry->kept[i] );
    wh_free( entry );
}

static struct entry *entry_create( const void *key, size_t key_len )
{
    struct entry *entry = wh_malloc( sizeof(*entry) + key_len );

    if (!entry) return NULL;
    memset( entry, 0, sizeof(*entry) );
    memcpy( entry->key, key, key_len );
    entry->key_len = key_len;
    entry->hash = hash_bytes( key, key_len );
    entry->hash_next = buckets[entry->hash % BUCKETS];
    buckets[entry->hash % BUCKETS] = entry;
    use_first( entry );
    entry_count++;
    return entry;
}

static void entry_remove( struct entry *entry, unsigned int index )
{
    entry->count--;
    memmove( &entry->kept[index], &entry->kept[index + 1], (entry->count - index) * sizeof(entry->kept[0]) );
}

static void entry_expire( struct entry *entry, uint64_t now_ms )
{
    unsigned int i;

    for (i = entry->count; i--;)
    {
        if (entry->kept[i].expires_ms > now_ms) continue;
        kept_free( &entry->kept[i] );
        entry_remove( entry, i );
    }
}

void tls_cache_put( const void *key, size_t key_len, const void *ticket, size_t ticket_len, int once,
                    uint64_t now_ms, uint64_t expires_ms, uint64_t limit_ms )
{
    struct kept kept = { NULL, ticket_len, expires_ms < limit_ms ? expires_ms : limit_ms, limit_ms, once };
    struct entry *entry;

    if (kept.expires_ms <= now_ms || !ticket_len || !(kept.data = wh_malloc( ticket_len ))) return;
    memcpy( kept.data, ticket, ticket_len );

    pthread_mutex_lock( &cache_lock );
    if ((entry = entry_find( key, key_len )) || (entry = entry_create( key, key_len )))
    {
        entry_expire( entry, now_ms );
        while (entry->count && (!once || !entry->kept[0].once || entry->count == TLS_CACHE_TICKETS))
        {
            kept_free( &entry->kept[0] );
            entry_remove( entry, 0 );
        }
        entry->kept[entry->count++] = kept;
        kept.data = NULL;
        if (entry_count > TLS_CACHE_KEYS) entry_drop( oldest );
    }
    pthread_mutex_unlock( &cache_lock );
    kept_free( &kept );
}

int tls_cache_take( const void *key, size_t key_len, uint64_t now_ms, struct tls_ticket *ticket )
{
    struct entry *entry;
    struct kept *last;

    ticket->data = NULL;
    pthread_mutex_lock( &cache_lock );
    if ((entry = entry_find( key, key_len )))
    {
        entry_expire( entry, now_ms );
        if (!entry->count) entry_drop( entry );
        else
        {
            use_unlink( entry );
            use_first( entry );
            last = &entry->kept[entry->count - 1];
            ticket->len = last->len;
            ticket->limit_ms = last->limit_ms;
            if (last->once && entry->count > 1)
            {
                ticket->data = last->data;
                entry->count--;
            }
            else if ((ticket->data = wh_malloc( last->len ))) memcpy( ticket->data, last->data, last->len );
        }
    }
    pthread_mutex_unlock( &cache_lock );
    return ticket->data != NULL;
}

unsigned int tls_cache_count( const void *key, size_t key_len, uint64_t now_ms )
{
    struct entry *entry;
    unsigned int count = 0;

    pthread_mutex_lock( &cache_lock );
    if ((entry = entry_find( key, key_len )))
    {
        entry_expire( entry, now_ms );
        count = entry->count;
    }
    pthread_mutex_unlock( &cache_lock );
    return count;
}

void tls_cache_forget( const void *key, size_t key_len )
{
    struct entry *entry;

    pthread_mutex_lock( &cache_lock );
    if ((entry = entry_find( key, key_len ))) entry_drop( entry );
    pthread_mutex_unlock( &cache_lock );
}

void tls_cache_clear( void )
{
    pthread_mutex_lock( &cache_lock );
    while (oldest) entry_drop( oldest );
    pthread_mutex_unlock( &cache_lock );
}
