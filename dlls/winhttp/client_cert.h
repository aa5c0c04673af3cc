/*
 * Client certificates: WINHTTP_OPTION_CLIENT_CERT_CONTEXT and what servers want to see
 *
 * The private key goes to the transport, which signs with it, and is wiped there. So it must be one that can be exported:
 * CAPI and CNG keys that their providers give out. Of a key that is bound to its provider (imported without
 * CRYPT_EXPORTABLE, a smart card) Windows itself could make use; here that is
 * ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY.
 */

#ifndef WINHTTP_CLIENT_CERT_H
#define WINHTTP_CLIENT_CERT_H

#include "request.h"

/* Functions of the option table. The certificate is duplicated; NULL says to go on without one. Its key is looked at when
 * a request is sent, not before. */
DWORD client_cert_set( struct object *obj, const void *buffer, DWORD len );

/* SecPkgContext_IssuerListInfoEx, given (GlobalFree): a pointer to it is what the option returns. Only after a server has
 * asked for a certificate, else ERROR_WINHTTP_INCORRECT_HANDLE_STATE. */
DWORD client_cert_get_issuers( struct object *obj, void *buffer, DWORD *size );

/* Before a request is sent: hands certificate and key to the transport, unless it has them. Returns 0,
 * ERROR_WINHTTP_CLIENT_CERT_NO_PRIVATE_KEY, ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY, ERROR_NOT_ENOUGH_MEMORY. No
 * lock is held. */
DWORD client_cert_prepare( struct request *request );

/* The request goes on to another origin, to which the certificate was not meant: as if none had been set. */
void client_cert_forget( struct request_options *options );

/* Lets go of certificate and key. Nobody else uses the options any more. */
void client_cert_free( struct request_options *options );

#endif /* WINHTTP_CLIENT_CERT_H */
