/*
 * Revocation: OCSP and CRLs, fetched over our own engine, for requests with WINHTTP_ENABLE_SSL_REVOCATION
 *
 * The thread that judges fetches, by plain HTTP only, with a limit on size and time. Answers are kept until they say that
 * there will be newer ones.
 */

#ifndef WINHTTP_REVOCATION_H
#define WINHTTP_REVOCATION_H

#include "crypt32.h"

/* Every certificate of the chain but its root. `flags` are those of CertGetCertificateChain; CACHE_ONLY ones keep off the
 * network. `leaf_is_good`: the server has shown that its own certificate is not revoked. `offline_ok`: what cannot be
 * told is no error. Returns 0, WH_CERT_REVOKED, WH_CERT_REV_FAILED. crypt32 is loaded; chain may be NULL, which is
 * WH_CERT_REV_FAILED. */
DWORD revocation_bits( const CERT_CHAIN_CONTEXT *chain, DWORD flags, BOOL offline_ok, BOOL leaf_is_good );

void revocation_free( void );    /* module end */

#endif /* WINHTTP_REVOCATION_H */
