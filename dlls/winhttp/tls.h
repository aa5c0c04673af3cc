/*
 * What TLS knows about a request's connection, as options report it
 *
 * The transport's facts become Windows' structures here. What is thought of a certificate is verdict.c's business.
 */

#ifndef WINHTTP_TLS_H
#define WINHTTP_TLS_H

#include "object.h"

struct request;

/* Getters of the option table. All but the first two fail with ERROR_WINHTTP_INCORRECT_HANDLE_STATE while there is no TLS
 * connection. Source: windows-behaviour.md TL-9 to TL-16. */

/* WINHTTP_OPTION_SECURITY_FLAGS: what was set, and, once there is a session, SECURE and the bit of its strength. */
DWORD tls_get_security_flags( struct object *obj, void *value );

/* WINHTTP_SECURITY_INFO; zeros without TLS, O-34. */
DWORD tls_get_security_info( struct object *obj, void *value );

DWORD tls_get_key_bitness( struct object *obj, void *value );

/* PCCERT_CONTEXT, given: the caller frees it. Its store holds what else the server has sent. */
DWORD tls_get_cert_context( struct object *obj, void *value );

/* PCCERT_CHAIN_CONTEXT, given. Stores NULL on failure. */
DWORD tls_get_cert_chain( struct object *obj, void *value );

/* WINHTTP_CERTIFICATE_INFO; the caller frees its texts with LocalFree. */
DWORD tls_get_cert_info( struct object *obj, void *value );

/* Certificates as the transport lists them: WHQ_PEER_CHAIN, WHQ_ANCHORS. Given: free. */
DWORD tls_query_certs( struct request *request, unsigned int what, BYTE **certs, DWORD *len );

#endif /* WINHTTP_TLS_H */
