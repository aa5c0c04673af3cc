/*
 * What later connections need to resume a TLS session
 *
 * Process-wide, bounded, keyed by bytes that stand for the whole policy. Time is a parameter. Thread-safe.
 */

#ifndef WH_TLS_CACHE_H
#define WH_TLS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define TLS_CACHE_KEYS    256   /* the least recently used key goes first */
#define TLS_CACHE_TICKETS 4     /* per key; the oldest goes first */

struct tls_ticket
{
    uint8_t *data;
    size_t   len;
    uint64_t limit_ms;      /* as it was put in: no ticket that a session resumed by this one gets is good for longer */
};

/* Keeps a copy of `ticket` until expires_ms, or limit_ms if that is earlier. With `once` set (TLS 1.3) it is handed out once
 * as long as there are others; a ticket without it replaces all others of the key. Out of memory: it is not kept, which
 * costs a full handshake and nothing else. */
void tls_cache_put( const void *key, size_t key_len, const void *ticket, size_t ticket_len, int once,
                    uint64_t now_ms, uint64_t expires_ms, uint64_t limit_ms );

/* 1 and a ticket that has not expired, the newest first; the caller frees ticket->data with wh_free. 0 if there is
 * none (or no memory to copy it). The last one of a key stays, to be used again: a server that refuses it falls back
 * to a full handshake. */
int tls_cache_take( const void *key, size_t key_len, uint64_t now_ms, struct tls_ticket *ticket );

/* Tickets of this key that have not expired. */
unsigned int tls_cache_count( const void *key, size_t key_len, uint64_t now_ms );

/* Drops the key: what it held made a handshake fail. */
void tls_cache_forget( const void *key, size_t key_len );

/* Empties the cache. */
void tls_cache_clear( void );

#endif /* WH_TLS_CACHE_H */
