/*
 * Redirects: what is followed, and where to
 *
 * Rules: windows-behaviour.md section 9 (RD-1 to RD-8), behaviour-concepts.md section 2, options.md 3.5. What goes along
 * is in redirect_carry.c, what callbacks see of it in redirect_callback.c, cookies are in cookie.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "redirect.h"

#define STALE 0xdeadbeef

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

static void check_second_leg( struct client *client, struct server *server, const char *start, BOOL body, BOOL head )
{
    const char *second = server_request( server, 1 );

    check_request( server, 1, start );                                      /* RD-5 */
    ok( server_body_len( server, 1 ) == (body ? 4 : 0), "%u body bytes\n", server_body_len( server, 1 ) );
    if (body) ok( strstr( second, "\r\nContent-Length: 4\r\n" ) && strstr( second, "\r\n\r\ndata" ), "%s", second );
    else ok( !strstr( second, "Content-Length: 4" ) && !strstr( second, "Transfer-Encoding" ), "%s", second );
    ok( strstr( second, "\r\nX-Mine: 1\r\n" ) != NULL, "the application's header is gone:\n%s", second );
    check_target( client, server, L"/target" );                             /* RD-3 */
    client_check_body( client->request, head ? "" : "done" );
}

static void redirect_verb( unsigned int code, unsigned int verb )
{
    const char *name = verbs[verb].text;
    BOOL head = !strcmp( name, "HEAD" ), stays = head || !strcmp( name, "GET" );
    BOOL gets = !stays && (codes[code].all_get || (codes[code].post_gets && !strcmp( name, "POST" )));
    BOOL body = verbs[verb].body && !gets;
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
    BOOL ret, followed = FALSE;

    if (!server) return;
    snprintf( answer, sizeof(answer), CLOSED( "%s", LOCATION( "/target" ), "0", "" ), codes[code].line );
    snprintf( start, sizeof(start), "%s /target HTTP/1.1\r\n", gets ? "GET" : name );
    if (client_open( &client, server_port( server ), 0, verbs[verb].verb, L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, L"X-Mine: 1\r\nContent-Type: a/b", ~0u, len ? data : NULL, len,
                                  len, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
        followed = client_status( client.request ) == 200;
        ok( followed, "status %lu\n", client_status( client.request ) );
        if (followed) check_second_leg( &client, server, start, body, head );
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
        check_target( &client, server, L"/start?a=b" );      /* RD-1, O-28 */
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
        { "/target",         "/target", NULL },      /* RD-3 */
        { "page?id=1",       "/dir/page?id=1", NULL },      /* RD-7 */
        { "./page",          "/dir/page", NULL },      /* RD-7 */
        { "../page",         "/page", NULL },      /* RD-7 */
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
                ok( !strncmp( request, "GET /a%20b%20c HTTP", 19 )
                    || broken( !strncmp( request, "GET /a%2520b%20c HTTP", 21 ) )
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
    static const char * const forms[] =
    {
        "http://127.0.0.1:%u/target", "HTTP://127.0.0.1:%u/target", "//127.0.0.1:%u/target"
    };
    unsigned int i;

    for (i = 0; i < count_of( forms ); i++)
    {
        char answer[TEXT_SIZE], host[64];
        const struct step script[] = { ANSWER( answer ), DONE };
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        found( answer, forms[i], server_port( server ) );
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
        const struct step script[] = { HEAD, SEND( answer ), END };
        struct server *server = server_start_each( script );
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
        server_abort( server );
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
    found( answer, "http://127.0.0.1:%u/x", port );
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
    found( answer, "https://127.0.0.1:%u/", port );
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
        ok( !lstrcmpW( target, L"/2" ) || broken( !lstrcmpW( target, L"/1" ) ), "URL has %ls\n", target ); /* RD-4, RD-6 */
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

static void set_number( HINTERNET handle, DWORD option, DWORD value )
{
    BOOL ret = WinHttpSetOption( handle, option, &value, sizeof(value) );

    ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
}

/* Whatever is asked for is elsewhere. */
static void test_redirects_that_are_not_wanted(void)
{
    static const struct step script[] = { HEAD, SEND( CLOSED( "302 Found", LOCATION( "/target" ), "5", "moved" ) ), END };
    static const struct step nowhere[] = { HEAD, SEND( CLOSED( "302 Found", "", "5", "moved" ) ), END };
    struct server *server = server_start_each( script );
    DWORD policy = ~0u, size = sizeof(policy);
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REDIRECT_POLICY, &policy, &size );
        ok( ret && policy == WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP, "%d, %lu\n", ret, policy ); /* O-10 */
        set_number( client.request, WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_NEVER );
        if (client_get( &client )) check_not_followed( &client, server );
        WinHttpCloseHandle( client.request );

        client_reopen( &client, L"GET", L"/start" );
        set_number( client.request, WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_DISABLE_REDIRECTS );    /* O-12 */
        if (client_get( &client )) check_not_followed( &client, server );
    }
    client_close( &client );
    server_abort( server );

    /* nor does a missing Location matter then */
    if (!(server = server_start_each( nowhere ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        set_number( client.request, WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_DISABLE_REDIRECTS );
        if (client_get( &client )) client_check_body( client.request, "moved" );
    }
    client_close( &client );
    server_abort( server );
}

/* The session's policy is taken over when a request is opened. */
static void test_policy_of_the_session(void)
{
    static const struct step script[] =
    {
        ANSWER( CLOSED( "302 Found", LOCATION( "/target" ), "5", "moved" ) ), FOUND( "/target" ), DONE
    };
    struct server *server = server_start( script );
    struct client client;
    BOOL followed;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        set_number( client.session, WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_NEVER );
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/start" );
        set_number( client.session, WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS );
        if (client_get( &client )) check_not_followed( &client, server );       /* RD-8: NEVER, from before */
        followed = client_status( client.request ) != 302;
        WinHttpCloseHandle( client.request );
        client_reopen( &client, L"GET", L"/start" );
        if (!followed && client_get( &client ))     /* else the script is over, and nobody would answer */
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) ); /* RD-8 */
            check_target( &client, server, L"/target" );
        }
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
    test_redirects_that_are_not_wanted();
    test_policy_of_the_session();
}
