/*
 * The verdict of the Windows stores on a server's certificate
 *
 * The transport judges by the host's trust list. Where that cannot say yes, or must not have the last word, the handshake
 * stops (WHK_PAUSE_TLS), and the stores of the prefix decide here: ROOT and CA as crypt32 builds chains, TrustedPeople,
 * Disallowed, and revocation where the request wants it.
 *
 * Whoever vouches for the chain answers for the whole of it. If the host's list does, crypt32 is not asked about it, except
 * for what is disallowed; if only crypt32 does, all that it objects to counts. What the transport has found wrong beside
 * an unknown issuer stays wrong.
 */

#ifndef WINHTTP_VERDICT_H
#define WINHTTP_VERDICT_H

#include "request.h"

/* What the route of a request says: DOUBT, so that an ordinary good certificate never comes here; ALWAYS where something
 * is disallowed, or revocation is checked; HERE when the session has WINHTTP_OPTION_DISABLE_CERT_CHAIN_BUILDING and
 * nothing else stands against it. `key` gets wh_route.judge_key: what the verdict depends on beside the route's other fields,
 * so that no connection and no session goes to a request for which it would have been judged in another way.
 * request->lock is held. */
enum tls_judge verdict_judge( const struct request *request, uint32_t key[2] );

/* Answers a WHK_PAUSE_TLS record of the request's exchange: judges and resumes. May take as long as crypt32 takes to load
 * its stores (a second, once), or as revocation data takes to come. No lock is held. */
void verdict_give( struct request *request, const struct wh_record *record );

/* The flags that the session's and the request's options stand for, in CertGetCertificateChain. */
DWORD verdict_chain_flags( const struct request *request );

void verdict_free( void );    /* module end */

#endif /* WINHTTP_VERDICT_H */
