/*
 * The certificate chains of servers, as programs ask for them: built once per connection
 */

#ifndef WINHTTP_PEER_CHAIN_H
#define WINHTTP_PEER_CHAIN_H

#include "crypt32.h"
#include "unixlib.h"

/* The chain that was built for a connection with these flags of CertGetCertificateChain. Given: CertFreeCertificateChain.
 * NULL: none was, or it is forgotten. crypt32 is loaded then, or there is none. */
const CERT_CHAIN_CONTEXT *peer_chain_find( wh_id conn, DWORD flags );

/* Builds it, and keeps it for the next request on that connection; conn 0 keeps nothing. Given, as above. Returns 0 or
 * crypt32's error. crypt32 is loaded. */
DWORD peer_chain_build( wh_id conn, DWORD flags, const CERT_CONTEXT *leaf, const CERT_CHAIN_CONTEXT **chain );

/* The module goes away. */
void peer_chain_free( void );

#endif /* WINHTTP_PEER_CHAIN_H */
