/*
 * The trust list: the certificates that this host trusts
 *
 * tls_trust_load and tls_trust_loaded are in tls.h, for those who see to it that it is there.
 */

#ifndef WH_TLS_TRUST_H
#define WH_TLS_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "../unixlib.h"

/* The next of its certificates (DER) whose subject is `name`, from *pos on, which begins with 0. NULL: no more. Borrowed until
 * tls_trust_free; the same certificate is the same pointer. Any thread. */
const gnutls_datum_t *tls_trust_next( const gnutls_datum_t *name, size_t *pos );

/* Finds issuer and subject of a certificate, whole DER elements within it. 0 if it does not look like one. */
int tls_trust_names( const gnutls_datum_t *der, gnutls_datum_t *issuer, gnutls_datum_t *subject );

int tls_trust_same_name( const gnutls_datum_t *a, const gnutls_datum_t *b );

/* Certificates in the trust list. */
size_t tls_trust_count( void );

/* Frees the trust list; tls_trust_load may be called again. Nobody verifies meanwhile. */
void tls_trust_free( void );

#endif /* WH_TLS_TRUST_H */
