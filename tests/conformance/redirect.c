/*
 * Redirects: what is followed, where to, and what goes along
 *
 * Rules: windows-behaviour.md section 9 (RD-1 to RD-8), behaviour-concepts.md section 2, options.md 3.5, security.md
 * "Redirect credential leak". What callbacks see of it is in redirect_callback.c, cookies are in cookie.c.
 */
#include <stdio.h>

#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
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
static const WCHAR *url_target( HINTERNET request, unsigned short port )
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

static void check_target_( const char *file, int line, struct client *client, struct server *server, const WCHAR *expected )
{
    const WCHAR *target = url_target( client->request, server_port( server ) );

    ok_( file, line )( !lstrcmpW( target, expected ), "URL has %ls, expected %ls\n", target, expected );
}
#define check_target( client, server, expected ) check_target_( __FILE__, __LINE__, client, server, expected )

static void check_request_( const char *file, int line, struct server *server, unsigned int n, const char *start )
{
    const char *request = server_request( server, n );

    ok_( file, line )( !strncmp( request, start, strlen( start ) ), "request %u is \"%.60s\", expected \"%s\"\n", n, request,
                       start );
}
#define check_request( server, n, start ) check_request_( __FILE__, __LINE__, server, n, start )

/* ---- statuses and verbs ---- */

static const struct { const char *line; BOOL post_gets, all_get; } codes[] =
{
    { "300 Multiple Choices",   TRUE, FALSE },
    { "301 Moved Permanently",  TRUE, FALSE },
    { "302 Found",              TRUE, FALSE },
    { "303 See Other",          TRUE, TRUE },
    { "307 Temporary Redirect", FALSE, FALSE },
    { "308 Permanent Redirect", FALSE, FALSE },
};

static const struct { const WCHAR *verb; const char *text; BOOL body; } verbs[] =
{
    { L"GET",     "GET",     FALSE }, { L"HEAD",  "HEAD",  FALSE }, { L"POST",  "POST",  TRUE },
    { L"PUT",     "PUT",     TRUE },  { L"DELETE", "DELETE", FALSE }, { L"OPTIONS", "OPTIONS", FALSE },
    { L"PATCH",   "PATCH",   TRUE },  { L"CUSTOM", "CUSTOM", TRUE },
};

static void redirect_verb( unsigned int code, unsigned int verb )
{
    BOOL is_post = !strcmp( verbs[verb].text, "POST" ), stays = !strcmp( verbs[verb].text, "GET" ) || !strcmp( verbs[verb].text, "HEAD" );
    BOOL gets = !stays && (codes[code].all_get || (is_post && codes[code].post_gets));
    BOOL body = verbs[verb].body && !gets;
    BOOL head = !strcmp( verbs[verb].text, "HEAD" );
    DWORD len = verbs[verb].body ? 4 : 0;
    char answer[TEXT_SIZE], start[64], data[] = "data";
    const struct step script[] =
    {
        ACCEPT, HEAD, BODY( len ), SEND( answer ),
        ACCEPT, HEAD, BODY( body ? 4 : 0 ),
        SEND( head ? CLOSED( "200 OK", "", "4", "" ) : CLOSED( "200 OK", "", "4", "done" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;
    const char *second;
    BOOL ret, followed = FALSE;

    if (!server) return;
    snprintf( answer, sizeof(answer), CLOSED( "%s", LOCATION( "/target" ), "0", "" ), codes[code].line );
    snprintf( start, sizeof(start), "%s /target HTTP/1.1\r\n", gets ? "GET" : verbs[verb].text );
    if (client_open( &client, server_port( server ), 0, verbs[verb].verb, L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, L"X-Mine: 1\r\nContent-Type: a/b", ~0u, len ? data : NULL, len, len, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        check_request( server, 1, start );                                                      /* RD-5 */
        second = server_request( server, 1 );
        ok( server_body_len( server, 1 ) == (body ? 4 : 0), "%u body bytes\n", server_body_len( server, 1 ) );
        if (body) ok( strstr( second, "\r\nContent-Length: 4\r\n" ) && strstr( second, "\r\n\r\ndata" ), "%s", second );    /* RD-5 */
        else ok( !strstr( second, "Content-Length: 4" ) && !strstr( second, "Transfer-Encoding" ), "%s", second );
        ok( strstr( second, "\r\nX-Mine: 1\r\n" ) != NULL, "the application's header is gone:\n%s", second );
        check_target( &client, server, L"/target" );                                            /* RD-3 */
        client_check_body( client.request, head ? "" : "done" );
        followed = client_status( client.request ) == 200;
    }
    client_close( &client );
    if (followed) server_stop( server );
    else server_abort( server );        /* it still waits, and the test has failed already */
}

static void test_verbs(void)
{
    unsigned int code, verb;

    for (code = 0; code < count_of( codes ); code++)
        for (verb = 0; verb < count_of( verbs ); verb++)
        {
            winetest_push_context( "%s of %s", codes[code].line, verbs[verb].text );
            redirect_verb( code, verb );
            winetest_pop_context();
        }
}

/* Others are the application's, Location or not. */
static void test_other_statuses(void)
{
    static const struct { const char *answer; DWORD status; } rows[] =
    {
        { CLOSED( "200 OK", LOCATION( "/target" ), "0", "" ), 200 },
        { CLOSED( "201 Created", LOCATION( "/target" ), "0", "" ), 201 },
        { "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nLocation: /target\r\n\r\n", 304 },
        { CLOSED( "305 Use Proxy", LOCATION( "http://127.0.0.1/" ), "0", "" ), 305 },
        { CLOSED( "306 Unused", LOCATION( "/target" ), "0", "" ), 306 },
        { CLOSED( "399 Whatever", LOCATION( "/target" ), "0", "" ), 399 },
        { CLOSED( "404 Not Found", LOCATION( "/target" ), "0", "" ), 404 },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] = { ANSWER( rows[i].answer ), END };
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "status %lu", rows[i].status );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ) && client_get( &client ))
        {
            ok( client_status( client.request ) == rows[i].status, "status %lu\n", client_status( client.request ) );
            check_target( &client, server, L"/start" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- where to ---- */

static void test_url(void)
{
    static const struct step script[] = { FOUND( "/target?q=1" ), DONE };
    struct server *server = server_start( script );
    struct client client;
    WCHAR url[256];
    DWORD size = sizeof(url);
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"start?a=b" ))
    {
        check_target( &client, server, L"/start?a=b" );                                         /* RD-1, O-28 */
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        check_target( &client, server, L"/start?a=b" );                                         /* RD-2 */
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
        check_target( &client, server, L"/target?q=1" );                                        /* RD-3 */
        client_check_body( client.request, "done" );
        check_target( &client, server, L"/target?q=1" );
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );

        /* the default port is not shown */
        client.connect = WinHttpConnect( client.session, L"host.example", INTERNET_DEFAULT_PORT, 0 );
        client_reopen( &client, L"GET", L"x" );
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_URL, url, &size );
        ok( ret && !lstrcmpW( url, L"http://host.example/x" ), "%d, %ls\n", ret, url );         /* RD-1 */
    }
    client_close( &client );
    server_stop( server );
}

/* RFC 3986, as far as a path goes; all of its examples are in the unit test. */
static void test_relative_locations(void)
{
    static const struct { const char *location; const char *target, *other; } rows[] =
    {
        { "/target",         "/target", NULL },                                                       /* RD-3 */
        { "page?id=1",       "/dir/page?id=1", NULL },                                                /* RD-7 */
        { "./page",          "/dir/page", NULL },                                                     /* RD-7 */
        { "../page",         "/page", NULL },                                                         /* RD-7 */
        { "../../page",      "/page", NULL },
        { "?id=2",           "/dir/start?id=2", "/dir/?id=2" },
        { "sub/./a/../b",    "/dir/sub/b", NULL },
        { ".",               "/dir/", NULL },
        { "/a?b=/../c",      "/a?b=/../c", NULL },
        /* a fragment is no part of a request */
        { "/target#part",    "/target", "/target%23part" },
        /* what cannot stand in a request line is escaped, what was escaped is not escaped again */
        { "/a b",            "/a%20b", NULL },
        { "/a%20b%zz",       "/a%20b%zz", NULL },
        { "/a\"<>",          "/a%22%3C%3E", NULL },
        /* bytes are escaped as they came: a choice */
        { "/\xc3\xa9",       "/%C3%A9", "/\xc3\xa9" },
        /* a backslash does not lead to another host: a choice how */
        { "/\\127.0.0.1:1/", "/%5C127.0.0.1:1/", "/\\127.0.0.1:1/" },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        char answer[TEXT_SIZE], start[64], other[64];
        const struct step script[] = { ANSWER( answer ), DONE };
        struct server *server = server_start( script );
        struct client client;
        const char *request;

        if (!server) return;
        winetest_push_context( "Location: %s", rows[i].location );
        snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "%s" ), "0", "" ), rows[i].location );
        snprintf( start, sizeof(start), "GET %s HTTP/1.1\r\n", rows[i].target );
        snprintf( other, sizeof(other), "GET %s HTTP/1.1\r\n", rows[i].other ? rows[i].other : rows[i].target );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/dir/start?id=0" ) && client_get( &client ))
        {
            request = server_request( server, 1 );
            ok( !strncmp( request, start, strlen( start ) ) || broken( !strncmp( request, other, strlen( other ) ) ),
                "asked for %.60s\n", request );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* The flags of WinHttpOpenRequest are about the object name, not about what a server says: a choice. */
static void test_escape_flags_are_for_the_object_name(void)
{
    static const struct step script[] = { FOUND( "/a%20b c" ), DONE };
    static const DWORD flags[] = { WINHTTP_FLAG_ESCAPE_PERCENT, WINHTTP_FLAG_ESCAPE_DISABLE };
    unsigned int i;

    for (i = 0; i < count_of( flags ); i++)
    {
        struct server *server = server_start( script );
        struct client client;
        const char *request;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            WinHttpCloseHandle( client.request );
            client.request = WinHttpOpenRequest( client.connect, NULL, L"/", NULL, NULL, NULL, flags[i] );
            if (client_get( &client ))
            {
                request = server_request( server, 1 );
                ok( !strncmp( request, "GET /a%20b%20c HTTP", 19 ) || broken( !strncmp( request, "GET /a%2520b%20c HTTP", 21 ) )
                    || broken( !strncmp( request, "GET /a%20b c HTTP", 17 ) ), "flags %#lx: %.60s\n", flags[i], request );
            }
        }
        client_close( &client );
        server_stop( server );
    }
}

/* An absolute URL of the same server, and the Host of the second request. */
static void test_absolute_location(void)
{
    static const char * const forms[] = { "http://127.0.0.1:%u/target", "HTTP://127.0.0.1:%u/target", "//127.0.0.1:%u/target" };
    unsigned int i;

    for (i = 0; i < count_of( forms ); i++)
    {
        char url[64], answer[TEXT_SIZE], host[64];
        const struct step script[] = { ANSWER( answer ), DONE };
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        snprintf( url, sizeof(url), forms[i], server_port( server ) );
        snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "%s" ), "0", "" ), url );
        snprintf( host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", server_port( server ) );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
        {
            check_target( &client, server, L"/target" );                                        /* RD-3 */
            ok( strstr( server_request( server, 1 ), host ) != NULL, "%s", server_request( server, 1 ) );
            client_check_body( client.request, "done" );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* A Location without use: the call fails, the response does not come to the application, nothing more is sent. */
static void test_useless_locations(void)
{
    static const struct { const char *header; DWORD err, other; } rows[] =
    {
        { "",                                ERROR_WINHTTP_HEADER_NOT_FOUND, 0 },
        /* that it fails is pinned, which error is not */
        { "Location: ftp://127.0.0.1/\r\n",     ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_REDIRECT_FAILED },
        { "Location: file:///c:/x\r\n",         ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_REDIRECT_FAILED },
        { "Location: gopher://127.0.0.1/\r\n",  ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_REDIRECT_FAILED },
        { "Location: telnet://127.0.0.1/\r\n",  ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_REDIRECT_FAILED },
        { "Location: http://\r\n",              ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_REDIRECT_FAILED },
        { "Location: http://a@b@127.0.0.1/\r\n", ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_NAME_NOT_RESOLVED },
        /* security.md: restricted ports, here too */
        { "Location: http://127.0.0.1:25/\r\n", ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_CANNOT_CONNECT },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        char answer[TEXT_SIZE];
        const struct step script[] = { ANSWER( answer ), UNHURRIED, END };
        struct server *server = server_start( script );
        struct client client;
        DWORD err;

        if (!server) return;
        winetest_push_context( "row %u", i );
        snprintf( answer, sizeof(answer), CLOSED( "302 Found", "%s", "0", "" ), rows[i].header );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
        {
            err = client_try( &client );
            ok( err == rows[i].err || broken( err == rows[i].other ), "error %lu, expected %lu\n", err, rows[i].err );
            ok( server_request_count( server ) == 1, "%u requests\n", server_request_count( server ) );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* The new place cannot be reached: the error is the connection's, and the URL can be asked for. */
static void test_unreachable_target(void)
{
    unsigned short port = server_closed_port();
    char answer[TEXT_SIZE];
    const struct step script[] = { ANSWER( answer ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR url[256], expected[64];
    DWORD size = sizeof(url), err;
    BOOL ret;

    if (!server) return;
    snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "http://127.0.0.1:%u/x" ), "0", "" ), port );
    wsprintfW( expected, L"http://127.0.0.1:%u/x", port );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "error %lu\n", err );
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_URL, url, &size );
        ok( ret && !lstrcmpW( url, expected ), "%d, %ls\n", ret, url );                         /* RD-4 */
    }
    client_close( &client );
    server_stop( server );
}

/* From http to https is allowed by default: it gets as far as a connection. */
static void test_http_to_https_is_tried(void)
{
    unsigned short port = server_closed_port();
    char answer[TEXT_SIZE];
    const struct step script[] = { ANSWER( answer ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "https://127.0.0.1:%u/" ), "0", "" ), port );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "error %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- limits and policies ---- */

static void test_limit(void)
{
    static const struct step script[] = { FOUND( "/1" ), FOUND( "/2" ), FOUND( "/3" ), UNHURRIED, END };
    struct server *server = server_start( script );
    DWORD limit = 2, err;
    struct client client;
    const WCHAR *target;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/0" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, &limit, sizeof(limit) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );                        /* O-27 */
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );                      /* RD-6 */
        SetLastError( STALE );
        ret = WinHttpReceiveResponse( client.request, NULL );
        err = GetLastError();
        ok( !ret && err == ERROR_WINHTTP_REDIRECT_FAILED, "%d, error %lu\n", ret, err );        /* RD-6 */
        target = url_target( client.request, server_port( server ) );
        /* older Windows (10 before 1809): one less */
        ok( !lstrcmpW( target, L"/2" ) || broken( !lstrcmpW( target, L"/1" ) ), "URL has %ls\n", target );      /* RD-4, RD-6 */
        ok( server_request_count( server ) == 3 || broken( server_request_count( server ) == 2 ), "%u requests\n",
            server_request_count( server ) );
    }
    client_close( &client );
    server_abort( server );
}

/* Without the option the limit is 10; as many are followed. */
static void test_default_limit(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( KEPT( "302 Found", LOCATION( "/again" ), "0", "" ) ), LOOP };
    struct server *server = server_start_each( script + 1 );
    struct client client;
    DWORD err, limit = 0, size = sizeof(limit);
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, &limit, &size );
        ok( ret && limit == 10, "%d, limit %lu\n", ret, limit );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_REDIRECT_FAILED, "error %lu\n", err );                         /* RD-6 */
        ok( server_request_count( server ) == 11 || broken( server_request_count( server ) == 10 ), "%u requests\n",
            server_request_count( server ) );
        WinHttpCloseHandle( client.request );

        limit = 0;      /* none at all: a choice */
        client_reopen( &client, L"GET", L"/" );
        WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, &limit, sizeof(limit) );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_REDIRECT_FAILED, "error %lu\n", err );
    }
    client_close( &client );
    server_abort( server );
}

/* The count begins anew with each send. */
static void test_limit_counts_per_send(void)
{
    static const struct step script[] = { FOUND( "/1" ), ANSWER( CLOSED( "200 OK", "", "0", "" ) ), FOUND( "/2" ), DONE };
    struct server *server = server_start( script );
    DWORD limit = 1, i;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/0" ))
    {
        WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, &limit, sizeof(limit) );
        for (i = 0; i < 2; i++) if (!client_get( &client )) break;
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        check_target( &client, server, L"/2" );
    }
    client_close( &client );
    server_stop( server );
}

/* The 3xx comes to the application, with its body. */
static void check_not_followed( struct client *client, struct server *server )
{
    WCHAR location[64];
    DWORD size = sizeof(location);
    BOOL ret;

    ok( client_status( client->request ) == 302, "status %lu\n", client_status( client->request ) );
    ret = WinHttpQueryHeaders( client->request, WINHTTP_QUERY_LOCATION, NULL, location, &size, NULL );
    ok( ret && !lstrcmpW( location, L"/target" ), "%d, error %lu\n", ret, GetLastError() );
    check_target( client, server, L"/start" );
    client_check_body( client->request, "moved" );
}

static void test_policy_and_feature(void)
{
    static const char moved[] = CLOSED( "302 Found", LOCATION( "/target" ), "5", "moved" );
    static const struct step script[] =
    {
        ANSWER( moved ), ANSWER( moved ), ANSWER( CLOSED( "302 Found", "", "5", "moved" ) ), ANSWER( moved ), ANSWER( moved ), DONE
    };
    DWORD policy, never = WINHTTP_OPTION_REDIRECT_POLICY_NEVER, always = WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS;
    DWORD feature = WINHTTP_DISABLE_REDIRECTS, size = sizeof(policy);
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REDIRECT_POLICY, &policy, &size );
        ok( ret && policy == WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP, "%d, %lu\n", ret, policy );     /* RD-8 */
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_REDIRECT_POLICY, &never, sizeof(never) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client )) check_not_followed( &client, server );
        WinHttpCloseHandle( client.request );

        client_reopen( &client, L"GET", L"/start" );
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_DISABLE_FEATURE, &feature, sizeof(feature) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );                        /* O-12 */
        if (client_get( &client )) check_not_followed( &client, server );
        /* nor does a missing Location matter then */
        ok( !client_try( &client ) && client_status( client.request ) == 302, "status %lu\n", client_status( client.request ) );
        WinHttpCloseHandle( client.request );

        /* the session's policy is taken over when a request is opened */
        client_reopen( &client, L"GET", L"/start" );
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, &never, sizeof(never) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );                        /* O-10 */
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/start" );
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, &always, sizeof(always) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client )) check_not_followed( &client, server );                       /* RD-8: NEVER, from before */
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/start" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );          /* RD-8 */
            check_target( &client, server, L"/target" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- bodies ---- */

/* The first server answers without reading the body and closes; the optional data go out again. */
static void test_optional_data_are_sent_again(void)
{
    static const char page[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct step last[] =
    {
        ACCEPT, HEAD, BODY( 9 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n" ), SEND( page ), END
    };
    unsigned int code;

    for (code = 4; code < count_of( codes ); code++)
    {
        char answer[TEXT_SIZE], data[] = "some data", buffer[256];
        const struct step first[] = { ANSWER( answer ), GONE, END };
        struct server *server = server_start( first ), *target = server_start( last );
        DWORD available = 0, count = 0;
        struct client client;
        BOOL ret;

        if (!server || !target) return;
        snprintf( answer, sizeof(answer), CLOSED( "%s", LOCATION( "http://127.0.0.1:%u/target" ), "0", "" ), codes[code].line,
                  server_port( target ) );
        if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
        {
            ret = WinHttpSendRequest( client.request, NULL, 0, data, 9, 9, 0 );
            ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );              /* RD-5 */
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );      /* RD-5 */
            check_request( target, 0, "POST /target HTTP/1.1\r\n" );                            /* RD-5 */
            ok( strstr( server_request( target, 0 ), "\r\n\r\nsome data" ) != NULL, "%s", server_request( target, 0 ) );
            check_target( &client, target, L"/target" );
            ret = WinHttpQueryDataAvailable( client.request, &available );
            ok( ret && available == 128, "%d, %lu available\n", ret, available );               /* RD-5 */
            ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
            ok( ret && count == 128 && !memcmp( buffer, page, 128 ), "%d, %lu read\n", ret, count );            /* RD-5 */
        }
        client_close( &client );
        server_stop( server );
        server_stop( target );
    }
}

/* What the application wrote piece by piece cannot be repeated, and is not needed when the verb becomes GET. */
static void test_written_data(void)
{
    static const struct step repeat[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "307 Temporary Redirect", LOCATION( "/target" ), "0", "" ) ),
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "200 OK", "", "4", "done" ) ), END
    };
    static const struct step forget[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "303 See Other", LOCATION( "/target" ), "0", "" ) ), DONE
    };
    struct server *server;
    struct client client;
    const char *request;
    DWORD i, count, err;
    BOOL ret;

    if (!(server = server_start( repeat ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        for (i = 0; i < 2; i++)
        {
            ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, 0 );
            ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
            ret = WinHttpWriteData( client.request, "data", 4, &count );
            ok( ret && count == 4, "%d, error %lu\n", ret, GetLastError() );
            SetLastError( STALE );
            ret = WinHttpReceiveResponse( client.request, NULL );
            err = GetLastError();
            if (!i) ok( !ret && err == ERROR_WINHTTP_RESEND_REQUEST, "%d, error %lu\n", ret, err );
            else ok( ret, "WinHttpReceiveResponse failed with %lu\n", err );
        }
        /* at the new place: documented is only that the program sends again on this handle */
        request = server_request( server, 1 );
        ok( !strncmp( request, "POST /target HTTP", 17 ) || broken( !strncmp( request, "POST /start HTTP", 16 ) ), "%s", request );
        ok( strstr( request, "\r\n\r\ndata" ) != NULL, "%s", request );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );

    if (!(server = server_start( forget ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, 0 )
              && WinHttpWriteData( client.request, "data", 4, &count )
              && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_request( server, 1, "GET /target HTTP/1.1\r\n" );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );
}

/* The body of the 3xx is read and thrown away, so that the connection serves again. */
static void test_body_of_the_redirect_is_drained(void)
{
    static const struct step length[] =
    {
        ACCEPT, HEAD, SEND( KEPT( "302 Found", LOCATION( "/target" ), "40000", "" ) ), REPEAT( "0123456789", 4000 ),
        HEAD, SEND( KEPT( "200 OK", "", "4", "done" ) ), END
    };
    static const struct step chunks[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /target\r\nTransfer-Encoding: chunked\r\n\r\n" ),
        REPEAT( "a\r\n0123456789\r\n", 400 ), SEND( "0\r\n\r\n" ),
        HEAD, SEND( KEPT( "200 OK", "", "4", "done" ) ), END
    };
    const struct step * const scripts[] = { length, chunks };
    unsigned int i;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );
        struct client client;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ) && client_get( &client ))
        {
            check_request( server, 1, "GET /target HTTP/1.1\r\n" );
            client_check_body( client.request, "done" );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* Beyond the limit of the drain the connection is given up instead. */
static void test_large_body_is_not_drained(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( KEPT( "302 Found", LOCATION( "/target" ), "1000000", "0123456789" ) ), UNHURRIED, DONE
    };
    struct server *server = server_start( script );
    DWORD limit = 1000;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_RESPONSE_DRAIN_SIZE, &limit, sizeof(limit) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client ))
        {
            client_check_body( client.request, "done" );
            ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- what must not go along ---- */

/* "\r\nName:" among the headers of request n. */
static BOOL has_header( struct server *server, unsigned int n, const char *name )
{
    char text[64];

    snprintf( text, sizeof(text), "\r\n%s:", name );
    return strstr( server_request( server, n ), text ) != NULL;
}

static const WCHAR secrets[] = L"Authorization: Basic dTpw\r\nCookie: a=b\r\nProxy-Authorization: Basic dTpw\r\nX-Mine: 1";

/* Windows documents that what the application added travels on to any place, as a hazard that it should mind; that it is
 * dropped when scheme, host or port change is our choice (security.md). */
static void check_secrets( struct server *server, unsigned int n, BOOL expected )
{
    static const char * const names[] = { "Authorization", "Cookie", "Proxy-Authorization" };
    unsigned int i;

    for (i = 0; i < count_of( names ); i++)
    {
        BOOL has = has_header( server, n, names[i] );

        ok( has == expected || broken( has ) || broken( i == 2 ), "%s %s\n", names[i], has ? "was sent" : "is missing" );
    }
    ok( has_header( server, n, "X-Mine" ), "the other header is missing:\n%s", server_request( server, n ) );
}

static void test_credentials_stay_with_their_origin(void)
{
    char name[TEXT_SIZE], port[TEXT_SIZE], host[64];
    const struct step other[] = { DONE };
    const struct step script[] = { FOUND( "/same" ), ANSWER( name ), ANSWER( port ), END };
    struct server *target = server_start( other ), *server = server_start( script );
    struct client client;

    if (!server || !target) return;
    snprintf( name, sizeof(name), CLOSED( "302 Found", LOCATION( "http://localhost:%u/name" ), "0", "" ), server_port( server ) );
    snprintf( port, sizeof(port), CLOSED( "302 Found", LOCATION( "http://localhost:%u/port" ), "0", "" ), server_port( target ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpAddRequestHeaders( client.request, secrets, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        if (client_get( &client ))
        {
            check_secrets( server, 0, TRUE );
            check_secrets( server, 1, TRUE );       /* the same origin */
            check_secrets( server, 2, FALSE );      /* another host */
            check_secrets( target, 0, FALSE );      /* another port, once gone it stays away */
            snprintf( host, sizeof(host), "\r\nHost: localhost:%u\r\n", server_port( target ) );
            ok( strstr( server_request( target, 0 ), host ) != NULL, "%s", server_request( target, 0 ) );
            client_check_body( client.request, "done" );
        }
    }
    client_close( &client );
    server_stop( server );
    server_stop( target );
}

static void test_another_port_is_another_origin(void)
{
    char answer[TEXT_SIZE];
    const struct step other[] = { DONE };
    const struct step script[] = { ANSWER( answer ), END };
    struct server *target = server_start( other ), *server = server_start( script );
    struct client client;

    if (!server || !target) return;
    snprintf( answer, sizeof(answer), CLOSED( "307 Temporary Redirect", LOCATION( "http://127.0.0.1:%u/" ), "0", "" ),
              server_port( target ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpAddRequestHeaders( client.request, secrets, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        if (client_get( &client )) check_secrets( target, 0, FALSE );
    }
    client_close( &client );
    server_stop( server );
    server_stop( target );
}

/* User and password in a Location: not shown to the server as part of the host, nor used (a choice), nor accepted when
 * the application has said so. */
static void test_credentials_in_a_location(void)
{
    char answer[TEXT_SIZE];
    const struct step script[] = { ANSWER( answer ), DONE };
    const struct step refused[] = { ANSWER( answer ), UNHURRIED, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD on = 1, err;
    BOOL ret;

    if (!server) return;
    snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "http://u:pw@127.0.0.1:%u/x" ), "0", "" ), server_port( server ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        check_request( server, 1, "GET /x HTTP/1.1\r\n" );
        ok( !strstr( server_request( server, 1 ), "pw@" ), "%s", server_request( server, 1 ) );
        ok( !has_header( server, 1, "Authorization" ) || broken( 1 ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );

    if (!(server = server_start( refused ))) return;
    snprintf( answer, sizeof(answer), CLOSED( "302 Found", LOCATION( "http://u:pw@127.0.0.1:%u/x" ), "0", "" ), server_port( server ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_REJECT_USERPWD_IN_URL, &on, sizeof(on) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_INVALID_URL || broken( err ), "error %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

/* The handle keeps the verb and place of the last leg; a new send starts from there. */
static void test_sending_again(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "302 Found", LOCATION( "/target" ), "0", "" ) ),
        ANSWER( CLOSED( "200 OK", "", "0", "" ) ), DONE
    };
    struct server *server = server_start( script );
    struct client client;
    char data[] = "data";
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, data, 4, 4, 0 ) && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_request( server, 1, "GET /target HTTP/1.1\r\n" );
        ret = client_get( &client );
        if (ret) ok( !strncmp( server_request( server, 2 ), "GET /target HTTP", 16 )            /* a choice */
                     || broken( !strncmp( server_request( server, 2 ), "POST /", 6 ) ), "%s", server_request( server, 2 ) );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST( redirect )
{
    test_verbs();
    test_other_statuses();
    test_url();
    test_relative_locations();
    test_escape_flags_are_for_the_object_name();
    test_absolute_location();
    test_useless_locations();
    test_unreachable_target();
    test_http_to_https_is_tried();
    test_limit();
    test_default_limit();
    test_limit_counts_per_send();
    test_policy_and_feature();
    test_optional_data_are_sent_again();
    test_written_data();
    test_body_of_the_redirect_is_drained();
    test_large_body_is_not_drained();
    test_credentials_stay_with_their_origin();
    test_another_port_is_another_origin();
    test_credentials_in_a_location();
    test_sending_again();
}
