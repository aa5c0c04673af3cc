/*
 * HTTP/2 in the conformance tests
 *
 * The servers are those of the TLS tests (tls.h), in rows whose names begin with h2; what a path asks for is told in
 * tests/fixtures/tls/h2.c. Their answers say which connection and stream they came over. Names need no resolver.
 */
#ifndef CONFORMANCE_HTTP2_H
#define CONFORMANCE_HTTP2_H

#include "tls.h"

#ifndef WINHTTP_PROTOCOL_FLAG_HTTP2
#define WINHTTP_PROTOCOL_FLAG_HTTP2 0x1
#endif

/* TRUE if there are servers and HTTP/2 can be enabled; else the test is skipped, and this says so. */
BOOL http2_there(void);

/* A session that enables HTTP/2 and shares no connections with other sessions, and a connect handle; no request yet.
 * `recorder` may be NULL. Reports what fails; ends with client_close() or recorder_close() in any case. */
BOOL http2_open( struct client *client, const char *server, DWORD open_flags, struct recorder *recorder );
/* One more request; NULL, reported, if there is none. `flags` as for WinHttpOpenRequest, SECURE is added. */
HINTERNET http2_request( const struct client *client, const WCHAR *verb, const WCHAR *path, DWORD flags );
/* The same for a path that ends in a token that nobody has used before. */
HINTERNET http2_token_request( const struct client *client, const WCHAR *verb, const WCHAR *path, DWORD flags );

/* Synchronous: sends with this body, receives, reads all. 0 or the error of the call that failed. `body` (terminated) and
 * `got` are what could be read; both may be NULL. */
DWORD http2_exchange( HINTERNET request, const void *data, DWORD len, char *body, DWORD size, ULONGLONG *got );
/* A GET of its own, closed at the end. */
DWORD http2_get( const struct client *client, const WCHAR *path, char *body, DWORD size );

/* WINHTTP_OPTION_HTTP_PROTOCOL_USED, ~0 if it cannot be asked. */
DWORD http2_used( HINTERNET request );
/* The connection that the response came over: 1 is the first one that was seen since http2_open(), 0 none. By the head, or by
 * the line "connection=" of a body. */
DWORD http2_connection( HINTERNET request );
DWORD http2_connection_in( const char *body );
/* The number behind "name=" in a body. */
DWORD http2_number( const char *body, const char *name );
/* A field of the response or, with WINHTTP_QUERY_FLAG_TRAILERS in `flags`, of the trailers: 0 or the error. */
DWORD http2_field( HINTERNET request, DWORD flags, const WCHAR *name, WCHAR *value, DWORD cch );
/* Sets a DWORD or BOOL, which must succeed. */
void http2_set_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value );
#define http2_set( handle, option, value ) http2_set_( __FILE__, __LINE__, handle, option, value )

/* A request that is gone over by its server: the connection broke, or the answer makes no sense. Windows tells them apart in
 * its own way: behaviour-concepts.md section 9 names both. */
#define is_lost( err ) ((err) == ERROR_WINHTTP_CONNECTION_ERROR || (err) == ERROR_WINHTTP_INVALID_SERVER_RESPONSE)

#endif /* CONFORMANCE_HTTP2_H */
