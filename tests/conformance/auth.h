/*
 * What the tests of authentication share
 */
#ifndef CONFORMANCE_AUTH_H
#define CONFORMANCE_AUTH_H

struct server;

#define AUTH_GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define AUTH_401( challenges ) "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n" challenges "\r\ndenied"

/* The value of a field of the n-th request, "" if there is none. In a static buffer: one at a time. */
const char *auth_value( struct server *server, unsigned int index, const char *name );

/* Last error 0 after success, which is what Windows 7 and later do. */
BOOL auth_set_( const char *file, int line, HINTERNET request, DWORD target, DWORD scheme, const WCHAR *user,
                const WCHAR *password );
#define auth_set( request, scheme, user, password ) \
    auth_set_( __FILE__, __LINE__, request, WINHTTP_AUTH_TARGET_SERVER, scheme, user, password )

/* A parameter of a Digest answer, without its quotes; "" if there is none. */
void auth_param( const char *answer, const char *name, char *value, unsigned int size );

/* The base64 of bytes, NUL-terminated. */
void auth_base64( const void *data, unsigned int len, char *text );

/* NTLM can be spoken; else the tests are skipped, and this says so. */
BOOL auth_has_ntlm(void);

/* The second message of a server that is none, in base64. */
const char *auth_ntlm_message2(void);

#endif /* CONFORMANCE_AUTH_H */
