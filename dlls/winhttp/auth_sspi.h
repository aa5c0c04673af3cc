/*
 * NTLM and Negotiate: handshakes through SSPI
 *
 * secur32 is loaded at its first use. Nothing here is called with a lock held: a package may start a process or ask a
 * server on the network.
 */

#ifndef WINHTTP_AUTH_SSPI_H
#define WINHTTP_AUTH_SSPI_H

struct auth_sspi;    /* one handshake */

/* Begins one. `scheme` is WINHTTP_AUTH_SCHEME_NTLM or _NEGOTIATE; user NULL is the user who is logged on, else it may be
 * "DOMAIN\user" or a principal name. The texts are borrowed; spn is copied. NULL: without memory, and where this system has
 * no such package, or it no credentials. */
struct auth_sspi *auth_sspi_begin( DWORD scheme, const WCHAR *user, const WCHAR *password, const WCHAR *spn );
void auth_sspi_free( struct auth_sspi *sspi );    /* NULL is fine */

/* One leg: the server's token (NULL for the first), ours in *answer, "scheme base64", given (wipe), NULL if there is none to
 * send. `binding` is the hash of tls-server-end-point, or NULL. FALSE: the handshake has failed. */
BOOL auth_sspi_step( struct auth_sspi *sspi, const BYTE *token, DWORD token_len, const BYTE *binding, DWORD binding_len,
                     char **answer );

/* The package needs no further token to be sure of itself; the server may still send one. */
BOOL auth_sspi_is_complete( const struct auth_sspi *sspi );

/* The answer that was made last is its first one: it does not depend on a connection. */
BOOL auth_sspi_is_first( const struct auth_sspi *sspi );

#endif /* WINHTTP_AUTH_SSPI_H */
