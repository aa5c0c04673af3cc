/*
 * Client certificates: a chain and its private key, for the handshakes of a route
 *
 * An object with an id, as sessions are. Whoever uses it holds a reference, so that a connection outlives the id; with the
 * last reference the key is wiped.
 */

#ifndef WH_CREDS_H
#define WH_CREDS_H

#include <gnutls/abstract.h>

#include "../unixlib.h"

struct creds;

#define CREDS_PRINT 32           /* bytes of a fingerprint */
#define CREDS_CHAIN 16           /* certificates in a chain at most */

/* The calls of the boundary: see unixlib.h. */
uint32_t creds_open( struct wh_creds_open_params *params );
uint32_t creds_close( struct wh_creds_close_params *params );

/* With a reference; NULL if there is no such id. */
struct creds *creds_from_id( wh_id id );
struct creds *creds_ref( struct creds *creds );
void creds_release( struct creds *creds );

/* What stands for the certificate in a pool key: equal for equal chains, whatever the id. Borrowed from `creds`. Whoever
 * has an object has shown the key of its first certificate, so a connection of one may serve another. */
const uint8_t *creds_print( const struct creds *creds );

/* What GnuTLS' callback for certificates gives back; all of it borrowed from `creds`. */
void creds_lend( struct creds *creds, gnutls_pcert_st **chain, unsigned int *count, gnutls_privkey_t *key );

/* The algorithm of the key: GNUTLS_PK_*. */
gnutls_pk_algorithm_t creds_algorithm( const struct creds *creds );

#endif /* WH_CREDS_H */
