/*
 * Scripts and checks that the tests of redirects share
 *
 * Needs server.h and client.h. Functions are inline because not every test file uses all of them.
 */
#ifndef CONFORMANCE_REDIRECT_H
#define CONFORMANCE_REDIRECT_H

#include <stdio.h>

#define TEXT_SIZE 512

#define CLOSED( line, headers, len, body ) \
    "HTTP/1.1 " line "\r\nConnection: close\r\n" headers "Content-Length: " len "\r\n\r\n" body
#define KEPT( line, headers, len, body ) "HTTP/1.1 " line "\r\n" headers "Content-Length: " len "\r\n\r\n" body
#define LOCATION( url ) "Location: " url "\r\n"

/* One exchange on a connection of its own. */
#define ANSWER( text ) ACCEPT, HEAD, SEND( text )
#define FOUND( url ) ANSWER( CLOSED( "302 Found", LOCATION( url ), "0", "" ) )
#define DONE ANSWER( CLOSED( "200 OK", "", "4", "done" ) ), END

/* WINHTTP_OPTION_URL without scheme and authority; "" if that is not http://127.0.0.1:port. */
static inline const WCHAR *url_target( HINTERNET request, unsigned short port )
{
    static WCHAR url[1024];
    WCHAR prefix[64];
    DWORD size = sizeof(url), len;
    BOOL ret = WinHttpQueryOption( request, WINHTTP_OPTION_URL, url, &size );

    ok( ret, "WinHttpQueryOption failed with %lu\n", GetLastError() );
    wsprintfW( prefix, L"http://127.0.0.1:%u", port );
    len = lstrlenW( prefix );
    if (!ret || wcsncmp( url, prefix, len )) return L"";
    return url + len;
}

static inline void check_target_( const char *file, int line, struct client *client, struct server *server,
                           const WCHAR *expected )
{
    const WCHAR *target = url_target( client->request, server_port( server ) );

    ok_( file, line )( !lstrcmpW( target, expected ), "URL has %ls, expected %ls\n", target, expected );
}
#define check_target( client, server, expected ) check_target_( __FILE__, __LINE__, client, server, expected )

static inline void check_request_( const char *file, int line, struct server *server, unsigned int n, const char *start )
{
    const char *request = server_request( server, n );

    ok_( file, line )( !strncmp( request, start, strlen( start ) ), "request %u is \"%.60s\", expected \"%s\"\n", n,
                       request, start );
}
#define check_request( server, n, start ) check_request_( __FILE__, __LINE__, server, n, start )

/* The answer that leads to a URL with a port in it; `answer` has TEXT_SIZE bytes. */
static inline void found( char *answer, const char *form, unsigned short port )
{
    char url[128];

    snprintf( url, sizeof(url), form, port );
    snprintf( answer, TEXT_SIZE, CLOSED( "302 Found", LOCATION( "%s" ), "0", "" ), url );
}

#endif /* CONFORMANCE_REDIRECT_H */
