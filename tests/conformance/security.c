/*
 * What an attacker on either side must not achieve
 *
 * Rules: security.md, second table, as far as HTTP/1.1 goes. Bad heads are in receive.c, bad chunks in body.c, poisoned
 * connections in connection.c; here is what a caller's strings can do to the wire, and ambiguous framing.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static unsigned int count_of_text( const char *text, const char *part )
{
    unsigned int count = 0;

    while ((text = strstr( text, part )))
    {
        count++;
        text += strlen( part );
    }
    return count;
}

/* A verb or version that would break the request line: refused when opened or when sent, never on the wire. */
static void test_request_line_injection(void)
{
    static const struct { const WCHAR *verb, *version; } rows[] =
    {
        { L"GET / HTTP/1.1\r\nInjected: yes\r\n\r\nGET", NULL },
        { L"GET\r\nInjected: yes", NULL },
        { L"GET\nInjected: yes", NULL },
        { L"GET\r", NULL },
        { L"GE T", NULL },
        { L"G\tT", NULL },
        { L"G\x0454T", NULL },
        { L"GET", L"HTTP/1.1\r\nInjected: yes" },
    };
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), UNHURRIED, END };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct server *server = server_start( script );
        struct client client;
        DWORD err = 0;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (client_open( &client, server_port( server ), 0, NULL, NULL ))
        {
            WinHttpCloseHandle( client.request );
            SetLastError( STALE );
            client.request = WinHttpOpenRequest( client.connect, rows[i].verb, L"/", rows[i].version, NULL, NULL, 0 );
            if (!client.request) err = GetLastError();
            else if ((err = client_try( &client )) == 0)
            {
                /* dropping the offending part is as safe as refusing it */
                const char *request = server_request( server, 0 );

                ok( !strstr( request, "\nInjected" ), "row %u reached the wire:\n%s", i, request );
                ok( count_of_text( request, " HTTP/1.1\r\n" ) == 1, "not one request line:\n%s", request );
                ok( !rows[i].version || !strncmp( request, "GET / HTTP/1.", 13 ), "%s", request );
                ok( strcspn( request, " " ) < strcspn( request, "\r\n" ), "no verb:\n%s", request );
            }
            if (err) ok( err == ERROR_INVALID_PARAMETER || err == ERROR_WINHTTP_INVALID_HEADER
                         || err == ERROR_WINHTTP_INVALID_URL, "got %lu\n", err );
            if (rows[i].verb[0] != 'G' || lstrcmpW( rows[i].verb, L"GET" ))
                ok( err != 0, "a verb that is no token was sent\n" );
        }
        client_close( &client );
        server_abort( server );
        winetest_pop_context();
    }
}

/* The same in the target, the referer, the accept types, the agent and the host. */
static void test_no_string_starts_a_header(void)
{
    static const WCHAR evilW[] = L"x\r\nInjected: yes";
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), UNHURRIED, END };
    static const DWORD flags[] = { 0, WINHTTP_FLAG_ESCAPE_DISABLE, WINHTTP_FLAG_ESCAPE_DISABLE_QUERY,
                                   WINHTTP_FLAG_ESCAPE_PERCENT };
    const WCHAR *types[] = { evilW, NULL };
    unsigned int i;

    for (i = 0; i < 8; i++)
    {
        struct server *server = server_start( script );
        struct client client = { NULL, NULL, NULL };
        DWORD err = 0;

        if (!server) return;
        winetest_push_context( "place %u", i );
        client.session = WinHttpOpen( i == 6 ? evilW : L"agent", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        if (client.session)
        {
            WinHttpSetTimeouts( client.session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
            client.connect = WinHttpConnect( client.session, i == 7 ? L"127.0.0.1\r\nInjected: yes" : L"127.0.0.1",
                                             server_port( server ), 0 );
        }
        if (client.connect)
            client.request = WinHttpOpenRequest( client.connect, NULL, i < 4 ? L"/a\r\nInjected: yes\r\n\r\n?b\nInjected: q" : L"/",
                                                 NULL, i == 4 ? evilW : NULL, i == 5 ? types : NULL,
                                                 i < 4 ? flags[i] : 0 );
        if (client.request) err = client_try( &client );
        if (client.request && !err)
        {
            const char *request = server_request( server, 0 );

            ok( !strstr( request, "\nInjected" ) && !strstr( request, "\rInjected" ), "it reached the wire:\n%s", request );
        }
        else ok( !server_request_count( server ), "the request was sent although the call failed\n" );
        client_close( &client );
        server_abort( server );
        winetest_pop_context();
    }
}

/* Header text: whole valid lines may be many, a bad character is refused. */
static void test_header_characters(void)
{
    static const WCHAR nulW[] = L"A: b\0Injected: yes";
    static const struct { const WCHAR *text; DWORD len; } bad[] =
    {
        { nulW, count_of( nulW ) - 1 },
        { L"Na\x01me: b", ~0u },
        { L"Na\x7fme: b", ~0u },
        { L"Na(me: b", ~0u },
        { L"Na\tme: b", ~0u },
        { L"N\x0105me: b", ~0u },
        { L"A: b\r\nbroken line\r\nC: d", ~0u },
    };
    struct client client;
    unsigned int i;

    for (i = 0; i < count_of( bad ); i++)
    {
        if (client_open( &client, server_closed_port(), 0, NULL, NULL ))
        {
            BOOL ret;
            DWORD len = 0;

            SetLastError( STALE );
            ret = WinHttpAddRequestHeaders( client.request, bad[i].text, bad[i].len, WINHTTP_ADDREQ_FLAG_ADD );
            ok( !ret, "%u was accepted\n", i );
            ok( GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_WINHTTP_INVALID_HEADER, "%u: error %lu\n",
                i, GetLastError() );
            WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, L"Injected",
                                 NULL, &len, NULL );
            ok( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "%u: the text behind the NUL is a header\n", i );
        }
        client_close( &client );
    }
}

/* RFC 9112 section 6.3: Transfer-Encoding wins, and the connection is at its end; the surplus is nobody's response. */
static void test_length_and_chunked(void)
{
    static const char *const replies[] =
    {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    };
    unsigned int i;

    for (i = 0; i < count_of( replies ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), ACCEPT, HEAD, SEND( REPLY ), END };
        struct server *server;
        struct client client;
        DWORD err;

        script[2].data = replies[i];
        if (!(server = server_start( script ))) return;
        winetest_push_context( "reply %u", i );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            err = client_try( &client );
            ok( !err || err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "got %lu\n", err );   /* refusing is allowed */
            if (!err) client_check_body( client.request, "abc" );
            client_check_get( &client, "ok" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* A body behind a response that cannot have one is not the next response. */
static void test_body_where_none_belongs(void)
{
    static const struct { const WCHAR *verb; const char *reply; } rows[] =
    {
        { L"GET", "HTTP/1.1 204 No Content\r\n\r\n" REPLY },
        { L"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 38\r\n\r\n" REPLY },
        { L"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n" REPLY },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] =
            { ACCEPT, HEAD, SEND( NULL ), SIGNAL, ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" ), END };
        struct server *server;
        struct client client;

        script[2].data = rows[i].reply;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "row %u", i );
        if (client_open( &client, server_port( server ), 0, rows[i].verb, L"/" ) && client_get( &client )
            && server_wait( server ))
        {
            client_check_body( client.request, "" );
            client_check_get( &client, "good" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Documented since Windows XP SP2: ports of other protocols are refused; where and with which code is not. */
static void test_restricted_ports(void)
{
    static const INTERNET_PORT ports[] = { 21, 25, 70, 110, 119, 143 };
    unsigned int i;

    for (i = 0; i < count_of( ports ); i++)
    {
        struct client client = { NULL, NULL, NULL };
        DWORD err = 0;

        client.session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        client.connect = WinHttpConnect( client.session, L"127.0.0.1", ports[i], 0 );
        if (client.connect) client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        if (!client.connect || !client.request) err = GetLastError();
        else err = client_try( &client );
        /* 12029 would mean that it was tried, if nobody listens there */
        ok( err && err != ERROR_WINHTTP_CANNOT_CONNECT, "port %u: got %lu\n", ports[i], err );
        client_close( &client );
    }
}

/* Application memory: a buffer that cannot be written is an error of the call, and the library goes on. */
static void test_bad_buffers_do_no_harm(void)
{
    static const struct step script[] =
        { HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef" ), LOOP };
    static const DWORD protections[] = { PAGE_NOACCESS, PAGE_READONLY };
    struct server *server = server_start_each( script );
    struct client client;
    unsigned int i;

    if (!server) return;
    for (i = 0; i < count_of( protections ); i++)
    {
        char *page = VirtualAlloc( NULL, 4096, MEM_COMMIT | MEM_RESERVE, protections[i] );

        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
        {
            DWORD count = 0;
            BOOL ret;

            SetLastError( STALE );
            ret = WinHttpReadData( client.request, page, 4096, &count );
            ok( !ret && GetLastError() != STALE, "%u: got %d, error %lu\n", i, ret, GetLastError() );
            client_check_get( &client, "abcdef" );
        }
        client_close( &client );
        VirtualFree( page, 0, MEM_RELEASE );
    }
    server_stop( server );
}

START_TEST(security)
{
    test_request_line_injection();
    test_no_string_starts_a_header();
    test_header_characters();
    test_length_and_chunked();
    test_body_where_none_belongs();
    test_restricted_ports();
    test_bad_buffers_do_no_harm();
}
