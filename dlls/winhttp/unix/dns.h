/*
 * Names to addresses: literals, a small cache, getaddrinfo on job threads
 */

#ifndef WH_DNS_H
#define WH_DNS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "../unixlib.h"

#define DNS_MAX_ADDRESSES 32    /* a name with more is a load balancer's list; 32 tries are enough */

union address
{
    struct sockaddr     any;
    struct sockaddr_in  v4;
    struct sockaddr_in6 v6;
};

struct addresses
{
    int           refs;         /* atomic */
    unsigned int  count;
    union address list[];       /* in the order to be tried, families interleaved; port 0 */
};

/* What is known without asking: an address literal, or, with `cached`, a name in the cache. A new reference, or NULL.
 * family: 0 any, 4, 6. */
struct addresses *dns_known( const char *host, uint32_t family, int cached );

/* Asks. done( id, ... ) is called once, on a job thread, with a borrowed list or with error (then addresses is NULL); many
 * askers share one question. There is no cancel: an id that went away is the callback's business. */
enum wh_error dns_ask( const char *host, uint32_t family, wh_id id,
                       void (*done)( wh_id id, struct addresses *addresses, enum wh_error error ) );

struct addresses *addresses_ref( struct addresses *addresses );
void addresses_release( struct addresses *addresses );

static inline socklen_t address_len( const union address *address )
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

/* The address as text, without port. */
void address_text( const union address *address, char *text, size_t size );

/* Forgets the cache (tests). */
void dns_shutdown( void );

#endif /* WH_DNS_H */
