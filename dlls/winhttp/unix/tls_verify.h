/*
 * Is this the server we wanted? The verdict on a peer's certificates
 */

#ifndef WH_TLS_VERIFY_H
#define WH_TLS_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "../unixlib.h"
#include "tls_name.h"

/* Judges the `count` DER certificates at `der` (leaf first, as the peer sent them), with what came along as proof that they
 * were not revoked: `staples` is NULL or has as many OCSP responses, those of size 0 being none. `flags` are
 * wh_route.tls_flags. WHE_OK with *bits == 0: the peer is who it should be, as far as the flags leave anything to check.
 * WHE_CERT: *bits holds WH_CERT_* for every reason found. WHE_NO_MEMORY, also if the trust list could
 * not be read for that reason. Thread-safe; tls_trust_load must have ended. */
enum wh_error tls_verify_chain( const gnutls_datum_t *der, const gnutls_datum_t *staples, unsigned int count,
                                const struct tls_peer_name *peer, uint32_t flags, uint32_t *bits );

/* The boundary's call about links: see unixlib.h. Any thread; the trust list is not asked. */
uint32_t links_call( struct wh_links_params *params );

/* Of the trust list, the certificates that bear the name of one of these or of its issuer: at most TLS_ANCHORS of them,
 * borrowed until tls_trust_free. The trust list must have been loaded. */
#define TLS_ANCHORS 16
unsigned int tls_trust_anchors( const gnutls_datum_t *der, unsigned int count, gnutls_datum_t *found );

#endif /* WH_TLS_VERIFY_H */
