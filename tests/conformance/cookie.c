/*
 * Cookies: what a session stores and what its requests carry
 *
 * Rules: windows-behaviour.md section 10 (CO-1 to CO-12), behaviour-concepts.md section 1, security.md "Cookie scoping".
 * A test is a table of exchanges in one session: each answer may set cookies, each request must carry some. Every answer
 * closes its connection, so that nothing depends on reuse.
 */
#include <stdio.h>

#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define HEAD_SIZE 1024
#define ROWS_MAX  24

/* One request and its answer. */
struct row
{
    const WCHAR *path;
    const char *set;        /* of the answer: header lines, NULL for none */
    const char *sent;       /* what the request carries: the value of Cookie, "" for none */
    const char *also;       /* what another Windows sends */
};

#define SET( text ) "Set-Cookie:" text "\r\n"

/* The value of the only Cookie header of request n; "" if there is none, "(two)" if there are more. */
static const char *cookie_of( struct server *server, unsigned int n, char *value, size_t size )
{
    const char *request = server_request( server, n ), *found = strstr( request, "\r\nCookie:" );
    size_t len;

    *value = 0;
    if (!found) return value;
    if (strstr( found + 2, "\r\nCookie:" )) return "(two)";
    found += 9;
    found += strspn( found, " " );
    len = strcspn( found, "\r\n" );
    if (len >= size) return "(long)";
    memcpy( value, found, len );
    value[len] = 0;
    return value;
}

/* Answers the rows in order, and ends. */
static struct server *serve( const struct row *rows, unsigned int count, struct step *script, char (*heads)[HEAD_SIZE] )
{
    static const struct step accept_head[] = { ACCEPT, HEAD };
    unsigned int i;

    for (i = 0; i < count; i++)
    {
        struct step answer = SEND( heads[i] );

        snprintf( heads[i], HEAD_SIZE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n",
                  rows[i].set ? rows[i].set : "" );
        memcpy( script + 3 * i, accept_head, sizeof(accept_head) );
        script[3 * i + 2] = answer;
    }
    memset( script + 3 * count, 0, sizeof(*script) );       /* END */
    return server_start( script );
}

static void play_rows( const char *file, int line, const WCHAR *host, const struct row *rows, unsigned int count )
{
    static struct step script[3 * ROWS_MAX + 1];
    static char heads[ROWS_MAX][HEAD_SIZE];
    struct server *server;
    struct client client;
    char value[HEAD_SIZE];
    unsigned int i;

    if (!(server = serve( rows, count, script, heads ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", rows[0].path ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        client.connect = WinHttpConnect( client.session, host, server_port( server ), 0 );
        for (i = 0; i < count; i++)
        {
            const char *got;

            if (client.request) WinHttpCloseHandle( client.request );
            if (!client_reopen( &client, L"GET", rows[i].path ) || !client_get( &client )) break;
            got = cookie_of( server, i, value, sizeof(value) );
            ok_( file, line )( !strcmp( got, rows[i].sent ) || broken( rows[i].also && !strcmp( got, rows[i].also ) ),
                               "exchange %u, %ls: sent \"%s\", expected \"%s\"\n", i, rows[i].path, got, rows[i].sent );
        }
    }
    client_close( &client );
    server_stop_( file, line, server );
}

#define play( rows ) play_rows( __FILE__, __LINE__, L"127.0.0.1", rows, count_of( rows ) )
#define play_on( host, rows ) play_rows( __FILE__, __LINE__, host, rows, count_of( rows ) )

static void test_names_and_values(void)
{
    static const struct row rows[] =
    {
        { L"/", SET( " name = value " ), "", NULL },
        { L"/", SET( "NAME=value" ), "name=value", NULL },                                      /* CO-2 */
        { L"/", NULL, "NAME=value; name=value", "name=value; NAME=value" },      /* CO-3, CO-4 */
    };
    static const struct row several[] =
    {
        { L"/", SET( " a=1" ) SET( " b=2" ), "", NULL },
        { L"/", SET( " c=3" ), "b=2; a=1", "a=1; b=2" },                                        /* CO-4 */
        { L"/", SET( " a=4" ), "c=3; b=2; a=1", "a=1; b=2; c=3" },                              /* CO-4 */
        /* the same name, domain and path: replaced; that it is then the newest is a choice */
        { L"/", NULL, "a=4; c=3; b=2", "c=3; b=2; a=4" },
    };

    play( rows );
    play( several );
}

static void test_paths(void)
{
    static const struct row rows[] =
    {
        { L"/c", SET( " a=1" ), "", NULL },
        { L"/c2", NULL, "a=1", NULL },                                                          /* CO-5 */
        { L"/c3", NULL, "a=1", NULL },                                                          /* CO-5 */
    };
    static const struct row directory[] =
    {
        { L"/d/e?x=/y/", SET( " a=1" ), "", NULL },
        { L"/d/f", NULL, "a=1", NULL },                                                         /* CO-5 */
        { L"/d/f/g?h", NULL, "a=1", NULL },
        { L"/", NULL, "", NULL },
        { L"/e", NULL, "", NULL },
    };
    static const struct row given[] =
    {
        { L"/p4", SET( " a=1; Path=/p5" ), "", NULL },
        { L"/p5", NULL, "a=1", NULL },                                                          /* CO-9 */
        { L"/p5/sub?q", NULL, "a=1", NULL },
        { L"/p4", NULL, "", NULL },
        /* RFC 6265: whole segments; a plain prefix is what older implementations take */
        { L"/p55", NULL, "", "a=1" },
    };

    play( rows );
    play( directory );
    play( given );
}

static void test_lenient_attributes(void)
{
    static const struct row rows[] =
    {
        { L"/", SET( " a=1; path = /x" ), "", NULL },      /* CO-7: blanks around = */
        { L"/", SET( " b=2;path=/x" ), "", NULL },      /* CO-7: no blank after ; */
        { L"/", SET( " c=3; PATH=/x; " ), "", NULL },      /* CO-7: an empty one at the end */
        { L"/", SET( " d=4; path=/x; HttpOnly" ), "", NULL },      /* CO-7, CO-11 */
        { L"/", SET( "e=5;HttpOnly;path=/x;SameSite=Strict;what" ), "", NULL },                 /* CO-7 */
        { L"/x", NULL, "e=5; d=4; c=3; b=2; a=1", "a=1; b=2; c=3; d=4; e=5" },      /* CO-7, CO-11 */
        { L"/", NULL, "", NULL },
    };

    play( rows );
}

static void test_domains(void)
{
    static const struct row localhost[] =
    {
        { L"/", SET( " a=1; Domain = localhost" ), "", NULL },
        { L"/", NULL, "a=1", NULL },                                                            /* CO-8 */
    };
    static const struct row refused[] =
    {
        /* security.md "Cookie scoping": only what the host belongs to, on label boundaries, and no part of an address */
        { L"/", SET( " a=1; domain=example.com" ), "", NULL },
        { L"/", SET( " b=1; domain=0.0.1" ), "", "a=1" },
        { L"/", SET( " c=1; domain=.1" ), "", "b=1" },
        { L"/", SET( " d=1; domain=7.0.0.1" ), "", "c=1" },
        { L"/", SET( " e=1; domain=com" ), "", "d=1" },
        { L"/", NULL, "", "e=1" },
    };

    play_on( L"localhost", localhost );
    play( refused );
}

static void test_lifetime(void)
{
    static const struct row expires[] =
    {
        { L"/", SET( " a=1; expires=Thu, 01 Jan 2015 00:00:00 GMT" ), "", NULL },
        { L"/", SET( " b=2; Expires=Fri, 01-Jan-2100 00:00:00 GMT" ), "", NULL },      /* CO-10: the past */
        { L"/", SET( " b=; expires=Thu, 01 Jan 1970 00:00:00 GMT" ), "b=2", NULL },      /* CO-10: the future */
        { L"/", NULL, "", NULL },      /* CO-10: taken back */
    };
    /* RFC 6265; not pinned by any observation of Windows */
    static const struct row max_age[] =
    {
        { L"/", SET( " a=1; Max-Age=1000" ), "", NULL },
        { L"/", SET( " b=2; Max-Age=0" ), "a=1", NULL },
        { L"/", SET( " a=1; max-age=0; expires=Fri, 01 Jan 2100 00:00:00 GMT" ), "a=1", "b=2; a=1" },
        { L"/", NULL, "", "a=1" },
    };

    play( expires );
    play( max_age );
}

/* security.md: Secure only over TLS, and what a name promises must hold. That a Secure cookie cannot even be set without
 * TLS is a choice that no request shows. */
static void test_secure(void)
{
    static const struct row rows[] =
    {
        { L"/", SET( " a=1; secure" ), "", NULL },
        { L"/", SET( " __Secure-b=2" ), "", NULL },
        { L"/", SET( " __Host-c=3; path=/" ), "", "__Secure-b=2" },
        { L"/", NULL, "", "__Host-c=3; __Secure-b=2" },
    };

    play( rows );
}

/* Controls never come back, and what is no cookie is none. */
static void test_nonsense(void)
{
    static const struct row rows[] =
    {
        { L"/", SET( "" ), "", NULL },
        { L"/", SET( " ;" ), "", NULL },
        { L"/", SET( " =b" ), "", NULL },
        { L"/", SET( " good=1; expires=never; max-age=x; path=; domain=" ), "", "=b" },
        { L"/", NULL, "good=1", "good=1; =b" },
    };

    play( rows );
}

/* Opens a request on the connect handle, sends it with header text of the caller and receives. */
static BOOL get_with( struct client *client, const WCHAR *headers )
{
    if (client->request) WinHttpCloseHandle( client->request );
    return client_reopen( client, L"GET", L"/" )
        && (!headers || WinHttpAddRequestHeaders( client->request, headers, ~0u, WINHTTP_ADDREQ_FLAG_ADD ))
        && client_get( client );
}

static void check_cookie_( const char *file, int line, struct server *server, unsigned int n, const char *expected,
                           const char *also )
{
    char value[HEAD_SIZE];
    const char *got = cookie_of( server, n, value, sizeof(value) );

    ok_( file, line )( !strcmp( got, expected ) || broken( also && !strcmp( got, also ) ),
                       "request %u sent \"%s\", expected \"%s\"\n", n, got, expected );
}
#define check_cookie( server, n, expected, also ) check_cookie_( __FILE__, __LINE__, server, n, expected, also )

#define ANSWER( headers ) ACCEPT, HEAD, \
    SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n" headers "\r\n" )

/* Two connect handles share the jar, two sessions do not. */
static void test_the_jar_is_the_sessions(void)
{
    static const struct step script[] = { ANSWER( SET( " a=1" ) ), ANSWER( "" ), ANSWER( "" ), ANSWER( "" ), END };
    struct server *server = server_start( script );
    struct client client, other;
    HINTERNET connect;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && get_with( &client, NULL ))
    {
        connect = client.connect;
        client.connect = WinHttpConnect( client.session, L"127.0.0.1", server_port( server ), 0 );
        WinHttpCloseHandle( connect );
        get_with( &client, NULL );
        check_cookie( server, 1, "a=1", NULL );                                                 /* CO-1 */
        if (client_open( &other, server_port( server ), 0, L"GET", L"/" )) get_with( &other, NULL );
        check_cookie( server, 2, "", NULL );                                                    /* CO-1 */
        client_close( &other );
        get_with( &client, NULL );
        check_cookie( server, 3, "a=1", NULL );                                                 /* CO-1 */
    }
    client_close( &client );
    server_stop( server );
}

/* RFC 6265 section 8.5: a cookie belongs to a host, whatever the port. */
static void test_another_port_of_the_host(void)
{
    static const struct step script[] = { ANSWER( SET( " a=1" ) ), END };
    static const struct step second[] = { ANSWER( "" ), END };
    struct server *server = server_start( script ), *other = server_start( second );
    struct client client;

    if (!server || !other) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && get_with( &client, NULL ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        client.connect = WinHttpConnect( client.session, L"127.0.0.1", server_port( other ), 0 );
        get_with( &client, NULL );
        check_cookie( other, 0, "a=1", NULL );
    }
    client_close( &client );
    server_stop( other );
    server_stop( server );
}

static void test_cookies_of_the_application(void)
{
    static const struct step script[] =
    {
        ANSWER( SET( " name=value" ) SET( " NAME=value" ) ), ANSWER( "" ), ANSWER( "" ), ANSWER( "" ), ANSWER( "" ), END
    };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && get_with( &client, NULL ))
    {
        get_with( &client, L"Cookie: name=value2\r\n" );
        /* some Windows releases differ, in the order or by sending the caller's text alone */
        check_cookie( server, 1, "name=value2; NAME=value; name=value", "name=value2; name=value; NAME=value" ); /* CO-6 */

        /* headers of the send itself are no different */
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/" );
        ret = WinHttpSendRequest( client.request, L"Cookie: x=y", ~0u, NULL, 0, 0, 0 )
              && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_cookie( server, 2, "x=y; NAME=value; name=value", "x=y; name=value; NAME=value" );      /* CO-6 */

        /* a cookie added for one send is not for the next one on the same handle (documented) */
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 )
              && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_cookie( server, 3, "NAME=value; name=value", "x=y; NAME=value; name=value" );

        /* taken out again before the send */
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/" );
        ret = WinHttpAddRequestHeaders( client.request, L"Cookie: x=y", ~0u, WINHTTP_ADDREQ_FLAG_ADD )
              && WinHttpAddRequestHeaders( client.request, L"Cookie:", ~0u, WINHTTP_ADDREQ_FLAG_REPLACE );
        ok( ret, "WinHttpAddRequestHeaders failed with %lu\n", GetLastError() );
        client_get( &client );
        check_cookie( server, 4, "NAME=value; name=value", "name=value; NAME=value" );
    }
    client_close( &client );
    server_stop( server );
}

static void test_disabled_cookies(void)
{
    static const struct step script[] =
    {
        ANSWER( SET( " a=1" ) ), ANSWER( SET( " b=2" ) ), ANSWER( "" ), ANSWER( "" ), END
    };
    struct server *server = server_start( script );
    DWORD feature = WINHTTP_DISABLE_COOKIES;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && get_with( &client, NULL ))
    {
        SetLastError( STALE );
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_DISABLE_FEATURE, &feature, sizeof(feature) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "%d, %lu\n", ret, GetLastError() ); /* CO-12 */
        SetLastError( STALE );
        ret = WinHttpSetOption( client.connect, WINHTTP_OPTION_DISABLE_FEATURE, &feature, sizeof(feature) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "%d, %lu\n", ret, GetLastError() ); /* CO-12 */

        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/" );
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_DISABLE_FEATURE, &feature, sizeof(feature) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );                        /* CO-12 */
        client_get( &client );
        check_cookie( server, 1, "", NULL );      /* CO-12: none is sent */

        get_with( &client, NULL );
        check_cookie( server, 2, "a=1", NULL );      /* CO-12: none was stored */

        /* the application's own header is sent as it is */
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/" );
        WinHttpSetOption( client.request, WINHTTP_OPTION_DISABLE_FEATURE, &feature, sizeof(feature) );
        WinHttpAddRequestHeaders( client.request, L"Cookie: x=y", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        client_get( &client );
        check_cookie( server, 3, "x=y", NULL );
    }
    client_close( &client );
    server_stop( server );
}

/* What is stored does not change what the program reads: HttpOnly is about scripts, not about programs. */
static void test_set_cookie_can_be_read(void)
{
    static const struct step script[] = { ANSWER( SET( " a=1; HttpOnly" ) SET( " b=2" ) ), END };
    static const WCHAR * const expected[] = { L"a=1; HttpOnly", L"b=2" };
    struct server *server = server_start( script );
    struct client client;
    WCHAR value[64];
    DWORD size, index = 0, i;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        for (i = 0; i < 2; i++)
        {
            size = sizeof(value);
            ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_SET_COOKIE, NULL, value, &size, &index );
            ok( ret && !lstrcmpW( value, expected[i] ), "%lu: %d, error %lu\n", i, ret, GetLastError() );
        }
        size = sizeof(value);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_SET_COOKIE, NULL, value, &size, &index );
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "%d, %lu\n", ret, GetLastError() );
    }
    client_close( &client );
    server_stop( server );
}

#define MOVED( location, headers ) ACCEPT, HEAD, \
    SEND( "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: " location "\r\n" headers "\r\n" )

/* Each leg has the cookies of its own time and place, those that the redirect itself has set among them. */
static void test_redirects(void)
{
    static const struct step script[] =
    {
        MOVED( "/b/c", SET( " a=1; path=/" ) SET( " here=1; path=/a" ) ),
        MOVED( "/d", SET( " a=2; path=/" ) SET( " below=1" ) ),
        MOVED( "/e", SET( " a=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT" ) ), ANSWER( "" ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/a" ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        check_cookie( server, 0, "", NULL );
        check_cookie( server, 1, "a=1", NULL );
        check_cookie( server, 2, "a=2", NULL );
        check_cookie( server, 3, "", NULL );
    }
    client_close( &client );
    server_stop( server );
}

/* Two hosts, one server: what one has set the other does not see, and the leg that comes back does. */
static void test_redirects_between_hosts(void)
{
    char away[256], back[256];
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( away ), ACCEPT, HEAD, SEND( back ), ANSWER( "" ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    /* read when a request has come, which is later */
    snprintf( away, sizeof(away), "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nSet-Cookie: a=1\r\n"
              "Location: http://localhost:%u/\r\n\r\n", server_port( server ) );
    snprintf( back, sizeof(back), "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nSet-Cookie: b=2\r\n"
              "Location: http://127.0.0.1:%u/\r\n\r\n", server_port( server ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        check_cookie( server, 0, "", NULL );
        check_cookie( server, 1, "", NULL );                                                    /* CO-1 */
        check_cookie( server, 2, "a=1", NULL );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST( cookie )
{
    test_names_and_values();
    test_paths();
    test_lenient_attributes();
    test_domains();
    test_lifetime();
    test_secure();
    test_nonsense();
    test_the_jar_is_the_sessions();
    test_another_port_of_the_host();
    test_cookies_of_the_application();
    test_disabled_cookies();
    test_set_cookie_can_be_read();
    test_redirects();
    test_redirects_between_hosts();
}
