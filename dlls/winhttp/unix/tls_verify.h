/*
 * Is this the server we wanted? The trust list and the verdict on a peer's certificates
 */

#ifndef WH_TLS_VERIFY_H
#define WH_TLS_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "../unixlib.h"

/* Whom we wanted to talk to. */
struct tls_peer_name
{
    const char *name;        /* host name in ASCII, without a trailing dot; NULL if it is an address */
    uint8_t     address[16]; /* network order */
    uint32_t    address_len; /* 4 or 16; 0 if it is a name */
};

/* Judges the `count` DER certificates at `chain` (leaf first, as the peer sent them). WHE_OK with *bits == 0: the peer
 * is who it should be, as far as `ignore` (WH_TLS_IGNORE_*) leaves anything to check. WHE_CERT: *bits holds WH_CERT_*
 * for every reason found. WHE_NO_MEMORY. Thread-safe; the trust list must have been loaded. */
enum wh_error tls_verify_chain( const gnutls_datum_t *chain, unsigned int count, const struct tls_peer_name *peer,
                                uint32_t ignore, uint32_t *bits );

/* Certificates in the trust list. */
size_t tls_trust_count( void );

/* Frees the trust list; tls_trust_load may be called again. */
void tls_trust_free( void );

#endif /* WH_TLS_VERIFY_H */
