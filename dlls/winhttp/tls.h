/*
 * What TLS knows about a request's connection, as options report it
 *
 * The transport judges certificates by itself; here its facts become Windows' structures. crypt32 is loaded when a
 * program asks for a certificate, never before.
 */

#ifndef WINHTTP_TLS_H
#define WINHTTP_TLS_H

#include "object.h"

/* Getters of option_request.c. All but tls_get_security_info fail with
 * ERROR_WINHTTP_INCORRECT_HANDLE_STATE while there is no TLS connection. Source: windows-behaviour.md TL-9 to TL-16. */
DWORD tls_get_key_bitness( struct object *obj, void *value );

/* WINHTTP_SECURITY_INFO; zeros without TLS, O-34. */
DWORD tls_get_security_info( struct object *obj, void *value );

/* PCCERT_CONTEXT, given: the caller frees it. Its store holds what else the server has sent. */
DWORD tls_get_cert_context( struct object *obj, void *value );

/* PCCERT_CHAIN_CONTEXT, given. Stores NULL on failure. */
DWORD tls_get_cert_chain( struct object *obj, void *value );

/* WINHTTP_CERTIFICATE_INFO; the caller frees its texts with LocalFree. */
DWORD tls_get_cert_info( struct object *obj, void *value );

/* A reference of our own on an application's CERT_CONTEXT, and its end. Returns 0, ERROR_NOT_ENOUGH_MEMORY (no crypt32) or
 * ERROR_INVALID_PARAMETER. */
DWORD tls_copy_cert( const void *cert, const void **copy );
void tls_free_cert( const void *cert );

#endif /* WINHTTP_TLS_H */
