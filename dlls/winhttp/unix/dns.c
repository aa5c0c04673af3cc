#if 0
#pragma makedep unix
#endif

/*
 * Names to addresses
 *
 * getaddrinfo gives no time to live, so an answer is kept for CACHE_MS only: long enough for the connections of one page,
 * short enough to follow a change. Failures are not kept.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "dns.h"
#include "engine.h"
#include "error.h"
#include "hooks.h"
#include "job.h"

#define CACHE_MS   30000
#define CACHE_SIZE 64

struct asker
{
    struct asker *next;
    wh_id         id;
    void        (*done)( wh_id id, struct addresses *addresses, enum wh_error error );
};

struct question
{
    struct job       job;
    struct question *next;          /* among those being asked */
    struct asker    *askers;
    uint32_t         family;
    char             host[];
};

struct cached
{
    struct addresses *addresses;    /* NULL: free */
    uint64_t          until_ms;
    uint32_t          family;
    char             *host;
};

static pthread_mutex_t dns_lock = PTHREAD_MUTEX_INITIALIZER;
static struct question *questions;
static struct cached cache[CACHE_SIZE];

struct addresses *addresses_ref( struct addresses *addresses )
{
    __atomic_add_fetch( &addresses->refs, 1, __ATOMIC_RELAXED );
    return addresses;
}

void addresses_release( struct addresses *addresses )
{
    if (addresses && !__atomic_sub_fetch( &addresses->refs, 1, __ATOMIC_ACQ_REL )) wh_free( addresses );
}

void address_text( const union address *address, char *text, size_t size )
{
    const void *bytes = address->any.sa_family == AF_INET6 ? (const void *)&address->v6.sin6_addr
                                                           : (const void *)&address->v4.sin_addr;

    if (!inet_ntop( address->any.sa_family, bytes, text, size )) snprintf( text, size, "?" );
}

/* getaddrinfo's list (sorted by RFC 6724) with the families interleaved, so that a broken one costs one stagger. */
static struct addresses *addresses_from_info( const struct addrinfo *info )
{
    const struct addrinfo *first = info, *second = info, **from;
    struct addresses *addresses;
    unsigned int count = 0;
    const struct addrinfo *next;
    int first_family = info->ai_family;

    for (next = info; next; next = next->ai_next) count++;
    if (count > DNS_MAX_ADDRESSES) count = DNS_MAX_ADDRESSES;
    if (!(addresses = wh_calloc( 1, sizeof(*addresses) + count * sizeof(addresses->list[0]) ))) return NULL;
    addresses->refs = 1;

    while (addresses->count < count)
    {
        while (first && first->ai_family != first_family) first = first->ai_next;
        while (second && second->ai_family == first_family) second = second->ai_next;
        if (!first && !second) break;
        from = first && (!second || !(addresses->count & 1)) ? &first : &second;
        if ((*from)->ai_addrlen <= sizeof(addresses->list[0]))
            memcpy( &addresses->list[addresses->count++], (*from)->ai_addr, (*from)->ai_addrlen );
        *from = (*from)->ai_next;
    }
    return addresses;
}

static enum wh_error look_up( const char *host, uint32_t family, int flags, struct addresses **addresses )
{
    struct addrinfo hints, *info = NULL;
    enum wh_error error = WHE_OK;
    int ret;

    memset( &hints, 0, sizeof(hints) );
    hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    *addresses = NULL;
    if ((ret = sys_getaddrinfo( host, NULL, &hints, &info ))) return error_from_eai( ret );
    if (!info) return WHE_NAME;
    if (!(*addresses = addresses_from_info( info ))) error = WHE_NO_MEMORY;
    else if (!(*addresses)->count)
    {
        addresses_release( *addresses );
        *addresses = NULL;
        error = WHE_NAME;
    }
    freeaddrinfo( info );
    return error;
}

static int is_literal( const char *host )
{
    return strchr( host, ':' ) || host[strspn( host, "0123456789." )] == 0;
}

/* Lock held. */
static struct cached *cache_find( const char *host, uint32_t family )
{
    uint64_t now = engine_now_ms();
    unsigned int i;

    for (i = 0; i < CACHE_SIZE; i++)
        if (cache[i].addresses && cache[i].family == family && cache[i].until_ms > now &&
            !strcasecmp( cache[i].host, host ))
            return &cache[i];
    return NULL;
}

/* Lock held. */
static void cache_store( const char *host, uint32_t family, struct addresses *addresses )
{
    struct cached *entry = &cache[0], *known;
    char *copy = wh_malloc( strlen( host ) + 1 );
    unsigned int i;

    if (!copy) return;
    strcpy( copy, host );
    if ((known = cache_find( host, family ))) entry = known;    /* somebody did not want to believe it */
    else for (i = 0; i < CACHE_SIZE; i++)                        /* a free one has until_ms 0 */
        if (cache[i].until_ms < entry->until_ms) entry = &cache[i];
    addresses_release( entry->addresses );
    wh_free( entry->host );
    entry->host = copy;
    entry->family = family;
    entry->addresses = addresses_ref( addresses );
    entry->until_ms = engine_now_ms() + CACHE_MS;
}

struct addresses *dns_known( const char *host, uint32_t family, int cached )
{
    struct addresses *addresses = NULL;
    struct cached *entry;

    if (is_literal( host ))
    {
        if (look_up( host, family, AI_NUMERICHOST, &addresses )) return NULL;
        return addresses;
    }
    if (!cached) return NULL;
    pthread_mutex_lock( &dns_lock );
    if ((entry = cache_find( host, family ))) addresses = addresses_ref( entry->addresses );
    pthread_mutex_unlock( &dns_lock );
    return addresses;
}

static void question_run( struct job *job )
{
    struct question *question = (struct question *)job, **link;
    struct addresses *addresses;
    struct asker *asker;
    enum wh_error error = look_up( question->host, question->family, AI_ADDRCONFIG, &addresses );

    /* A host without any configured address (a container with loopback only) resolves nothing under AI_ADDRCONFIG. */
    if (error == WHE_NAME) error = look_up( question->host, question->family, 0, &addresses );

    pthread_mutex_lock( &dns_lock );
    for (link = &questions; *link != question; link = &(*link)->next) ;
    *link = question->next;
    if (addresses) cache_store( question->host, question->family, addresses );
    pthread_mutex_unlock( &dns_lock );

    while ((asker = question->askers))
    {
        question->askers = asker->next;
        asker->done( asker->id, addresses, error );
        wh_free( asker );
    }
    addresses_release( addresses );
    wh_free( question );
}

enum wh_error dns_ask( const char *host, uint32_t family, wh_id id,
                       void (*done)( wh_id id, struct addresses *addresses, enum wh_error error ) )
{
    struct asker *asker = wh_malloc( sizeof(*asker) );
    struct question *question;
    enum wh_error error = WHE_OK;

    if (!asker) return WHE_NO_MEMORY;
    asker->id = id;
    asker->done = done;
    pthread_mutex_lock( &dns_lock );
    for (question = questions; question; question = question->next)
        if (question->family == family && !strcasecmp( question->host, host )) break;
    if (question)
    {
        asker->next = question->askers;
        question->askers = asker;
    }
    else if (!(question = wh_malloc( sizeof(*question) + strlen( host ) + 1 ))) error = WHE_NO_MEMORY;
    else
    {
        question->job.run = question_run;
        question->family = family;
        strcpy( question->host, host );
        asker->next = NULL;
        question->askers = asker;
        question->next = questions;
        questions = question;
        if ((error = job_submit( &question->job )))
        {
            questions = question->next;
            wh_free( question );
        }
    }
    pthread_mutex_unlock( &dns_lock );
    if (error) wh_free( asker );
    return error;
}

void dns_shutdown( void )
{
    unsigned int i;

    pthread_mutex_lock( &dns_lock );
    for (i = 0; i < CACHE_SIZE; i++)
    {
        addresses_release( cache[i].addresses );
        wh_free( cache[i].host );
        memset( &cache[i], 0, sizeof(cache[i]) );
    }
    pthread_mutex_unlock( &dns_lock );
}
