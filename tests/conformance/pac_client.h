/*
 * What the tests of proxy scripts share: asking for a proxy, scripts that a server hands out
 */
#ifndef CONFORMANCE_PAC_CLIENT_H
#define CONFORMANCE_PAC_CLIENT_H

struct server;

/* Neither type nor length: windows-behaviour.md PX-35. */
#define PAC_200 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/* Large scripts in few calls of send */
#define TIMES_8( text )   text text text text text text text text
#define TIMES_64( text )  TIMES_8( TIMES_8( text ) )
#define TIMES_512( text ) TIMES_8( TIMES_64( text ) )

/* Synchronous, and without a proxy of its own; timeouts are WAIT_MS. */
HINTERNET pac_session(void);

/* A URL of the server that was not used before: services keep scripts for all programs. At least 64 WCHARs. */
void pac_make_url( const struct server *server, WCHAR *url );

/* WinHttpGetProxyForUrl with CONFIG_URL: 0 and *info, or the error. */
DWORD pac_get( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WINHTTP_PROXY_INFO *info );
void pac_free( WINHTTP_PROXY_INFO *info );

/* A response that hands out a script, asked once about `url`. */
DWORD pac_run( const char *response, const WCHAR *url, WINHTTP_PROXY_INFO *info );

/* The error, or what it says: the proxy; "" for none. Success is 0. */
DWORD pac_text( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WCHAR *text, unsigned int cch );

/* The errors that the documentation has for a script that does not run, and does not tell apart. */
static inline BOOL pac_is_script_error( DWORD err )
{
    return err == ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT || err == ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR;
}

#endif /* CONFORMANCE_PAC_CLIENT_H */
