/*
 * What the tests of real proxies share: sessions through them, exchanges in both modes, what the proxies have seen
 *
 * The proxies and the servers behind them are those of tests/fixtures/peers/squid.sh. Needs server.h, client.h and peers.h.
 */
#ifndef CONFORMANCE_PROXY_SERVERS_H
#define CONFORMANCE_PROXY_SERVERS_H

#define SERVER_NAME L"www.peers.test"    /* only the proxies can resolve it: who reaches it went through one */

/* One program at work: handles, its mode, and what came of the last exchange. */
struct via
{
    struct peer      proxy, server;
    struct client    client;
    struct recorder *recorder;      /* NULL: synchronous */
    DWORD            flags;         /* of requests: WINHTTP_FLAG_SECURE or 0 */
    const WCHAR     *path;          /* of the present request, for messages */
    DWORD            error;         /* 0, or the one of the call that failed */
    DWORD            status;
    char             body[8192];    /* the beginning of it, terminated */
    ULONGLONG        body_len;
};

/* A session through the proxy alone, which shares no connections with others, and a connect handle to `host` (NULL:
 * SERVER_NAME) on the server's port. `prefix` stands in front of the proxy's name in the list: L"", L"https://". The flags
 * are those of WinHttpOpen. FALSE: there are no such peers, and what needs them is skipped, or it fails, which is reported.
 * Ends with via_close() in any case. */
BOOL via_open( struct via *via, const char *proxy, const WCHAR *prefix, const char *server, const WCHAR *host, DWORD open_flags );
/* Another session to the same peers. */
BOOL via_open_again( struct via *via, const struct via *other );
void via_close( struct via *via );

/* The next request, which nobody logs on to anything unasked (AUTOLOGON_POLICY high). */
BOOL via_request( struct via *via, const WCHAR *verb, const WCHAR *path );

/* Sends, receives and reads all; the body goes along, or is written with WinHttpWriteData. TRUE if that came to its end,
 * whatever the status. */
BOOL via_send( struct via *via );
BOOL via_post( struct via *via, const char *data, BOOL written );
/* via_request() for GET and via_send(), which must end with 200. */
void via_check_get_( const char *file, int line, struct via *via, const WCHAR *path );
#define via_check_get( via, path ) via_check_get_( __FILE__, __LINE__, via, path )
void via_check_status_( const char *file, int line, const struct via *via, DWORD status );
#define via_check_status( via, status ) via_check_status_( __FILE__, __LINE__, via, status )

/* A value of the server's text, "" if there is none; in a static buffer. */
const char *via_value( const struct via *via, const char *name );
/* The own port of the connection that the response came over, 0 if it cannot be told. */
DWORD via_port( HINTERNET request );

/* Credentials of the peer's own user for the proxy; `password` NULL: the right one. */
void via_log_on( const struct via *via, DWORD scheme, const WCHAR *password );
void via_log_on_server( const struct via *via );
/* The same by the options, for the proxy. */
void via_set_options( const struct via *via, const WCHAR *password );
void via_set_flag_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value );
#define via_set_flag( handle, option, value ) via_set_flag_( __FILE__, __LINE__, handle, option, value )

/* 64 MiB go to `path` (of /files/), come back, and are what they were; the file is removed. Synchronous. */
void via_check_large( struct via *via, const WCHAR *path );

/* How often a text is in what clients have sent to a relay since its record had `from` bytes. */
unsigned int via_said( const struct peer *relay, unsigned int from, const char *text );
/* Waits for a line with `text` (its end included: "GET http://... 200 user\n") in the proxy's list of requests. FALSE: there
 * is none. */
BOOL via_logged( const struct peer *proxy, const char *text );

#endif /* CONFORMANCE_PROXY_SERVERS_H */
