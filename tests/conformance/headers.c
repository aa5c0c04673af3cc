/*
 * WinHttpAddRequestHeaders, the header argument of WinHttpSendRequest, and what goes out on the wire
 *
 * Rules: windows-behaviour.md section 4 (HA-1 to HA-29, ES-1 to ES-6). The wire tests compare with the bytes that the
 * server recorded.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define ADD         WINHTTP_ADDREQ_FLAG_ADD
#define IF_NEW      WINHTTP_ADDREQ_FLAG_ADD_IF_NEW
#define REPLACE     WINHTTP_ADDREQ_FLAG_REPLACE
#define COALESCE    WINHTTP_ADDREQ_FLAG_COALESCE
#define SEMICOLON   WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON

#define PLAIN_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* The value of the request header at an index, "(none)" if there is none; *index is moved as the API moves it. */
static const WCHAR *value_at( HINTERNET request, const WCHAR *name, DWORD index )
{
    static WCHAR buffer[256];
    DWORD len = sizeof(buffer), at = index;

    if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, name, buffer, &len,
                              &at )) return L"(none)";
    if (at != index + 1) return L"(index did not move)";
    return buffer;
}

static void check_values_( int line, HINTERNET request, const WCHAR *name, const WCHAR *first, const WCHAR *second )
{
    ok_( __FILE__, line )( !lstrcmpW( value_at( request, name, 0 ), first ), "first is %ls\n",
                           value_at( request, name, 0 ) );
    ok_( __FILE__, line )( !lstrcmpW( value_at( request, name, 1 ), second ), "second is %ls\n",
                           value_at( request, name, 1 ) );
    ok_( __FILE__, line )( !lstrcmpW( value_at( request, name, 2 ), L"(none)" ), "there is a third\n" );
}
#define check_values( request, name, first, second ) check_values_( __LINE__, request, name, first, second )

static void add_( int line, HINTERNET request, const WCHAR *text, DWORD flags, DWORD error )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpAddRequestHeaders( request, text, ~0u, flags );
    if (error) ok_( __FILE__, line )( !ret && GetLastError() == error, "%ls: got %d, error %lu\n", text, ret,
                                      GetLastError() );
    else ok_( __FILE__, line )( ret && !GetLastError(), "%ls: got %d, error %lu\n", text, ret, GetLastError() );
}
#define add( request, text, flags, error ) add_( __LINE__, request, text, flags, error )

static void test_add_modifiers(void)
{
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;

    add( client.request, L"test: v1", ADD, 0 );                             /* HA-1 */
    check_values( client.request, L"test", L"v1", L"(none)" );
    add( client.request, L"test: v2", ADD, 0 );                             /* HA-3 */
    check_values( client.request, L"test", L"v1", L"v2" );
    check_values( client.request, L"TEST", L"v1", L"v2" );                  /* names are case-insensitive */

    SetLastError( STALE );
    ret = WinHttpAddRequestHeaders( client.request, L"test: v9", ~0u, IF_NEW );   /* HA-5: the code is not pinned */
    ok( !ret && GetLastError() != STALE && GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    check_values( client.request, L"test", L"v1", L"v2" );

    add( client.request, L"test: v3", REPLACE, 0 );                         /* HA-4: in place since Windows 7 */
    check_values( client.request, L"test", L"v3", L"v2" );
    add( client.request, L"test: v4", COALESCE, 0 );                        /* HA-6 */
    check_values( client.request, L"test", L"v3, v4", L"v2" );
    add( client.request, L"test: v5", COALESCE, 0 );                        /* HA-7 */
    check_values( client.request, L"test", L"v3, v4, v5", L"v2" );
    add( client.request, L"test: v6", SEMICOLON, 0 );                       /* HA-8 */
    check_values( client.request, L"test", L"v3, v4, v5; v6", L"v2" );
    add( client.request, L"test: v7", ADD | REPLACE, 0 );                   /* HA-9 */
    check_values( client.request, L"test", L"v7", L"v2" );

    add( client.request, L"fresh: a", ADD | REPLACE, 0 );                   /* HA-10 */
    check_values( client.request, L"fresh", L"a", L"(none)" );
    add( client.request, L"absent: a", REPLACE, ERROR_WINHTTP_HEADER_NOT_FOUND );   /* HA-11 */
    check_values( client.request, L"absent", L"(none)", L"(none)" );
    add( client.request, L"fresh:", REPLACE, 0 );                           /* HA-12 */
    check_values( client.request, L"fresh", L"(none)", L"(none)" );
    add( client.request, L"plain: a", 0, 0 );                               /* HA-13 */
    check_values( client.request, L"plain", L"a", L"(none)" );
    add( client.request, L"empty:", ADD, 0 );                               /* HA-14 */
    check_values( client.request, L"empty", L"", L"(none)" );
    add( client.request, L"ifnew: a", IF_NEW, 0 );
    check_values( client.request, L"ifnew", L"a", L"(none)" );

done:
    client_close( &client );
}

static void test_add_rejects_malformed_lines(void)
{
    static const WCHAR *const bad[] = { L":", L":value", L"novalue", L" e :f", L"g : value" };   /* HA-15 */
    struct client client;
    unsigned int i;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    for (i = 0; i < count_of( bad ); i++)
    {
        SetLastError( STALE );
        ret = WinHttpAddRequestHeaders( client.request, bad[i], ~0u, ADD );
        ok( !ret, "%ls was accepted\n", bad[i] );
        ok( GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_WINHTTP_INVALID_HEADER,
            "%ls: error %lu\n", bad[i], GetLastError() );
    }
    SetLastError( STALE );
    ret = WinHttpAddRequestHeaders( client.request, L"name: value", 0, ADD );                    /* HA-2 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpAddRequestHeaders( client.request, NULL, 0, ADD );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpAddRequestHeaders( client.request, NULL, ~0u, ADD );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
done:
    client_close( &client );
}

static void test_add_takes_an_empty_string(void)
{
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    /* WinHttpHandler of .NET Core calls it so for every request without headers, and Windows returns TRUE */
    ret = WinHttpAddRequestHeaders( client.request, L"", 0, ADD );
    ok( ret, "failed with %lu\n", GetLastError() );
done:
    client_close( &client );
}

static void test_add_splits_lines(void)
{
    static const WCHAR linesW[] = L"a: 1\n\rb: 2\nc: 3\n\n\nd: 4\r\r\re: 5\r\n\r\nf: 6\rg: 7";   /* HA-18 */
    static const WCHAR *const names[] = { L"a", L"b", L"c", L"d", L"e", L"f", L"g" };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    add( client.request, linesW, ADD, 0 );
    for (i = 0; i < count_of( names ); i++)
    {
        const WCHAR value[] = { (WCHAR)('1' + i), 0 };

        check_values( client.request, names[i], value, L"(none)" );
    }
    add( client.request, L"Range: bytes=0-99\r\n", ADD, 0 );                                     /* HA-17 */
    check_values( client.request, L"Range", L"bytes=0-99", L"(none)" );
    add( client.request, L"field: value ", ADD, 0 );                                             /* HA-16 */
    ok( !lstrcmpW( value_at( client.request, L"field", 0 ), L"value" )
        || !lstrcmpW( value_at( client.request, L"field", 0 ), L"value " ), "got \"%ls\"\n",
        value_at( client.request, L"field", 0 ) );
done:
    client_close( &client );
}

static void test_add_honours_the_given_length(void)
{
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    ret = WinHttpAddRequestHeaders( client.request, L"short: 1234\r\nother: 1", 9, ADD );
    ok( ret, "failed with %lu\n", GetLastError() );
    check_values( client.request, L"short", L"12", L"(none)" );
    check_values( client.request, L"other", L"(none)", L"(none)" );
done:
    client_close( &client );
}

/* The fault table of the security notes: header lines over 1459 bytes were cut, many cost quadratic time. */
static void test_long_and_many_headers_go_out_whole(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR *longW = malloc( 40100 * sizeof(WCHAR) ), line[32];
    const char *request, *at;
    unsigned int i;

    if (!server || !longW) goto done;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/" )) goto close;
    lstrcpyW( longW, L"Long: " );
    for (i = 0; i < 40000; i++) longW[6 + i] = 'a' + i % 26;
    longW[6 + i] = 0;
    add( client.request, longW, ADD, 0 );
    for (i = 0; i < 1000; i++)
    {
        wsprintfW( line, L"X-%u: %u", i, i * 7 );
        if (!WinHttpAddRequestHeaders( client.request, line, ~0u, ADD )) break;
    }
    ok( i == 1000, "header %u failed with %lu\n", i, GetLastError() );
    if (client_get( &client ))
    {
        request = server_request( server, 0 );
        at = strstr( request, "\r\nLong: " );
        ok( at != NULL && strchr( at + 8, '\r' ) == at + 8 + 40000, "the long header was cut\n" );
        ok( strstr( request, "\r\nX-999: 6993\r\n" ) != NULL, "the last header is missing\n" );
        ok( strstr( request, "\r\nX-500: 3500\r\n" ) != NULL, "a header is missing\n" );
    }
close:
    client_close( &client );
    server_stop( server );
done:
    free( longW );
}

/* ---- on the wire ---- */

struct wire_row
{
    const WCHAR *verb, *path;
    DWORD flags;
    const WCHAR *headers;               /* for WinHttpSendRequest */
    DWORD headers_len;
    const char *body;
    const char *expected[4];            /* each must occur */
    const char *forbidden[4];           /* none may occur */
};

static const struct wire_row wire_rows[] =
{
    /* H-6 */
    { NULL, NULL, 0, NULL, 0, NULL, { "GET / HTTP/1.1\r\n", "\r\nHost: 127.0.0.1:" },
      { "Content-Length", "Accept", "Cache-Control", "Transfer-Encoding" } },
    /* H-7 */
    { L"", L"", 0, NULL, 0, NULL, { "GET / HTTP/1.1\r\n" }, { NULL } },
    /* H-8 */
    { L"GET", L"a/b.php", 0, NULL, 0, NULL, { "GET /a/b.php HTTP/1.1\r\n" }, { NULL } },
    /* the verb is sent as given */
    { L"fOo", L"/", 0, NULL, 0, NULL, { "fOo / HTTP/1.1\r\n" }, { NULL } },
    /* HA-24 */
    { L"PUT", L"/", 0, NULL, 0, NULL, { "PUT / HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n" }, { NULL } },
    { L"POST", L"/", 0, NULL, 0, NULL, { "POST / HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n" }, { NULL } },
    /* HA-25 */
    { L"POST", L"/", 0, L"Transfer-Encoding: chunked", ~0u, "wxyz",
      { "\r\nTransfer-Encoding: chunked\r\n", "\r\n\r\nwxyz" }, { "Content-Length", "\r\n4\r\n" } },
    { L"PUT", L"/", 0, L"Transfer-Encoding: chunked\r\n", ~0u, "wxyz",
      { "\r\nTransfer-Encoding: chunked\r\n", "\r\n\r\nwxyz" }, { "Content-Length", "\r\n4\r\n" } },
    /* HA-26 */
    { L"POST", L"/", 0, NULL, 0, "wxyz", { "\r\nContent-Length: 4\r\n", "\r\n\r\nwxyz" }, { NULL } },
    /* HA-21, HA-19: one space after the colon, one line each */
    { L"GET", L"/", 0, L"A:1\rB:   2", ~0u, NULL, { "\r\nA: 1\r\n", "\r\nB: 2\r\n" }, { "\r\n\r\n\r\n" } },
    /* HA-22 */
    { L"GET", L"/", 0, L"A: 1", 0, NULL, { "\r\nA: 1\r\n" }, { NULL } },
    /* HA-23 */
    { L"GET", L"/", 0, L"", 0, NULL, { "GET / HTTP/1.1\r\n" }, { NULL } },
    /* HA-20 */
    { L"GET", L"/", 0, L"Cookie: a=b", ~0u, NULL, { "\r\nCookie: a=b\r\n" }, { NULL } },
    /* HA-28 */
    { L"GET", L"/", 0, L"Connection: close", ~0u, NULL, { "\r\nConnection: close\r\n" }, { "Keep-Alive" } },
    { L"GET", L"/", 0, NULL, 0, NULL, { "\r\nConnection: Keep-Alive\r\n" }, { NULL } },
    { L"GET", L"/", 0, NULL, 0, NULL, { "\r\nUser-Agent: conformance\r\n" }, { NULL } },
    /* what the caller sets wins */
    { L"GET", L"/", 0, L"User-Agent: mine", ~0u, NULL, { "\r\nUser-Agent: mine\r\n" }, { "conformance" } },
    { L"GET", L"/", 0, L"Host: other.example", ~0u, NULL, { "\r\nHost: other.example\r\n" }, { "127.0.0.1" } },
    /* documented for WINHTTP_FLAG_REFRESH */
    { L"GET", L"/", WINHTTP_FLAG_REFRESH, NULL, 0, NULL,
      { "\r\nPragma: no-cache\r\n", "\r\nCache-Control: no-cache\r\n" }, { NULL } },
};

/* All rows use one server and one connection: each reply has a length. */
static void test_requests_on_the_wire(void)
{
    static const struct step script[] = { HEAD, SEND( PLAIN_REPLY ), LOOP };
    static const struct step body_script[] = { HEAD, BODY( 4 ), SEND( PLAIN_REPLY ), LOOP };
    unsigned int i, j;

    for (i = 0; i < count_of( wire_rows ); i++)
    {
        const struct wire_row *row = &wire_rows[i];
        DWORD body_len = row->body ? (DWORD)strlen( row->body ) : 0;
        struct server *server = server_start_each( row->body ? body_script : script );
        struct client client = { NULL, NULL, NULL };
        const char *request;
        BOOL ret;

        if (!server) return;
        winetest_push_context( "row %u", i );
        client.session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        client.connect = WinHttpConnect( client.session, L"127.0.0.1", server_port( server ), 0 );
        client.request = WinHttpOpenRequest( client.connect, row->verb, row->path, NULL, NULL, NULL, row->flags );
        ok( client.request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, row->headers, row->headers_len, (void *)row->body, body_len,
                                  body_len, 0 );
        ok( ret && !GetLastError(), "WinHttpSendRequest: %d, error %lu\n", ret, GetLastError() );   /* S-1 */
        SetLastError( STALE );
        if (ret)
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret && !GetLastError(), "WinHttpReceiveResponse: %d, error %lu\n", ret, GetLastError() );   /* S-4 */
        }
        if (ret)
        {
            request = server_request( server, 0 );
            for (j = 0; j < 4 && row->expected[j]; j++)
                ok( strstr( request, row->expected[j] ) != NULL, "\"%s\" is missing in:\n%s", row->expected[j],
                    request );
            for (j = 0; j < 4 && row->forbidden[j]; j++)
                ok( !strstr( request, row->forbidden[j] ), "\"%s\" is in:\n%s", row->forbidden[j], request );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

static void test_accept_types_and_referer(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    const WCHAR *types[] = { L"text/html", L"image/*", NULL };
    struct server *server = server_start( script );
    struct client client;
    const char *request;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, L"http://from.example/", types, 0 );
        if (client_get( &client ))
        {
            request = server_request( server, 0 );
            ok( strstr( request, "\r\nReferer: http://from.example/\r\n" ) != NULL, "no Referer in:\n%s", request );
            ok( strstr( request, "\r\nAccept: text/html, image/*\r\n" ) != NULL, "no Accept in:\n%s", request );
        }
    }
    client_close( &client );
    server_stop( server );
}

static void test_agent_null_sends_no_user_agent(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };

    if (!server) return;
    client.session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    ok( client.session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    client.connect = WinHttpConnect( client.session, L"127.0.0.1", server_port( server ), 0 );
    client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
    if (client_get( &client ))
        ok( !strstr( server_request( server, 0 ), "User-Agent" ), "%s", server_request( server, 0 ) );
    client_close( &client );
    server_stop( server );
}

/* HA-27: the automatic headers are few. */
static void test_automatic_headers_are_few(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    unsigned int i, len = 0;
    BOOL ret;

    if (!server) return;
    client.session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    client.connect = WinHttpConnect( client.session, L"localhost", server_port( server ), 0 );
    client.request = WinHttpOpenRequest( client.connect, L"POST", L"/12345678901", NULL, NULL, NULL, 0 );
    for (i = 0; i < 8; i++)
    {
        WCHAR line[] = L"X0: 1234567890";   /* with its CRLF 16 bytes on the wire, 128 for all */

        line[1] += (WCHAR)i;
        ret = WinHttpAddRequestHeaders( client.request, line, ~0u, ADD );
        ok( ret, "failed with %lu\n", GetLastError() );
    }
    if (client_get( &client ))
    {
        const char *request = server_request_bytes( server, 0, &len );

        ok( len <= 255 + 1, "the head has %u bytes:\n%s", len, request );   /* the port may have five digits */
    }
    client_close( &client );
    server_stop( server );
}

/* After a send the automatic headers can be queried. */
static void test_sent_headers_are_visible(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR host[32];

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        wsprintfW( host, L"127.0.0.1:%u", server_port( server ) );
        ok( !lstrcmpW( value_at( client.request, L"Host", 0 ), host ), "Host is %ls\n",
            value_at( client.request, L"Host", 0 ) );
        ok( !lstrcmpW( value_at( client.request, L"User-Agent", 0 ), L"conformance" ), "User-Agent is %ls\n",
            value_at( client.request, L"User-Agent", 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- escaping of the target ---- */

static const struct
{
    const WCHAR *path;
    DWORD flags;
    const char *line;
}
escape_rows[] =
{
    /* ES-1 */
    { L"/x\r\n\x1f\x7f< %one?\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n", 0,
      "GET /x%0D%0A%1F%7F%3C%20%one?%1F%7F%20!%22%23$%&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D~%0D%0A "
      "HTTP/1.1\r\n" },
    /* ES-2 */
    { L"/x\r\n\x1f\x7f< %one?\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n", WINHTTP_FLAG_ESCAPE_PERCENT,
      "GET /x%0D%0A%1F%7F%3C%20%25one?%1F%7F%20!%22%23$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D~%0D%0A "
      "HTTP/1.1\r\n" },
    /* ES-3 */
    { L"/x\x1f\x7f< %one?\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n", WINHTTP_FLAG_ESCAPE_DISABLE,
      "GET /x\x1f\x7f<%20%one?\x1f\x7f%20!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\r\n" },
    /* ES-3: a line break inside is dropped */
    { L"/a\r\nb", WINHTTP_FLAG_ESCAPE_DISABLE, "GET /ab HTTP/1.1\r\n" },
    /* ES-4 */
    { L"/x\r\n\x1f\x7f< %one?\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n", WINHTTP_FLAG_ESCAPE_DISABLE_QUERY,
      "GET /x%0D%0A%1F%7F%3C%20%one?\x1f\x7f%20!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\r\n" },
    /* ES-5 */
    { L"/\x80\x541b\x306e\x540d\x306f", 0, "GET /%C2%80%E5%90%9B%E3%81%AE%E5%90%8D%E3%81%AF HTTP/1.1\r\n" },
    { L"/\x80\x541b\x306e\x540d\x306f", WINHTTP_FLAG_ESCAPE_DISABLE,
      "GET /%C2%80%E5%90%9B%E3%81%AE%E5%90%8D%E3%81%AF HTTP/1.1\r\n" },
    { L"/?\x541b", WINHTTP_FLAG_ESCAPE_DISABLE_QUERY, "GET /?%E5%90%9B HTTP/1.1\r\n" },
    { L"/\x7f\x80", 0, "GET /%7F%C2%80 HTTP/1.1\r\n" },
    { L"/\x7f\x80", WINHTTP_FLAG_ESCAPE_DISABLE, "GET /\x7f%C2%80 HTTP/1.1\r\n" },
    /* ES-6 */
    { L"/a#b", 0, "GET /a%23b HTTP/1.1\r\n" },
    { L"/a#b", WINHTTP_FLAG_ESCAPE_DISABLE, "GET /a#b HTTP/1.1\r\n" },
    /* a surrogate pair is one character */
    { L"/\xd83d\xde00", 0, "GET /%F0%9F%98%80 HTTP/1.1\r\n" },
};

static void test_targets_on_the_wire(void)
{
    static const struct step script[] = { HEAD, SEND( PLAIN_REPLY ), LOOP };
    unsigned int i;

    for (i = 0; i < count_of( escape_rows ); i++)
    {
        struct server *server = server_start_each( script );
        struct client client;
        const char *request;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (client_open( &client, server_port( server ), 0, NULL, NULL ))
        {
            WinHttpCloseHandle( client.request );
            client.request = WinHttpOpenRequest( client.connect, L"GET", escape_rows[i].path, NULL, NULL, NULL,
                                                 escape_rows[i].flags );
            if (client_get( &client ))
            {
                request = server_request( server, 0 );
                ok( !strncmp( request, escape_rows[i].line, strlen( escape_rows[i].line ) ), "got %.*s\n",
                    (int)strcspn( request, "\r\n" ), request );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Options that say how a target is escaped: what Windows does with them is documented in a sentence each, so this is a
 * choice. */
static void test_targets_by_options(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server;
    struct client client;
    const char *request;
    DWORD value;
    BOOL ret;

    /* CODEPAGE is about the query only */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        value = 1252;
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_CODEPAGE, &value, sizeof(value) );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (client_reopen( &client, L"GET", L"/\xe9?q=\xe9" ) && client_get( &client ))
        {
            request = server_request( server, 0 );
            ok( !strncmp( request, "GET /%C3%A9?q=%E9 HTTP/1.1\r\n", 28 ) || !strncmp( request, "GET /%C3%A9?q=\xe9 HTTP/1.1\r\n", 26 ),
                "got %.*s\n", (int)strcspn( request, "\r\n" ), request );
        }
    }
    client_close( &client );
    server_stop( server );

    /* ENCODE_EXTRA: path and query are percent-encoded */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        value = TRUE;
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_ENCODE_EXTRA, &value, sizeof(value) );
        ok( ret || broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION ) /* before Windows 10 1803 */, "failed with %lu\n",
            GetLastError() );
        if (ret && client_reopen( &client, L"GET", L"/a<b?c>d e" ) && client_get( &client ))
        {
            request = server_request( server, 0 );
            ok( !strncmp( request, "GET /a%3Cb?c%3Ed%20e HTTP/1.1\r\n", 31 ), "got %.*s\n", (int)strcspn( request, "\r\n" ),
                request );
        }
        else
        {
            server_abort( server );
            server = NULL;
        }
    }
    client_close( &client );
    if (server) server_stop( server );
}

/* WINHTTP_FLAG_NULL_CODEPAGE is obsolete since Windows 7: the target is escaped as without it. */
static void test_null_codepage_flag(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    const char *request;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, L"GET", L"/a b", NULL, NULL, NULL, WINHTTP_FLAG_NULL_CODEPAGE );
        if (client_get( &client ))
        {
            request = server_request( server, 0 );
            ok( !strncmp( request, "GET /a%20b HTTP/1.1\r\n", 21 ), "got %.*s\n", (int)strcspn( request, "\r\n" ), request );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A name beyond ASCII is taken as it is, and goes out in its ASCII form. The documentation of WinHttpConnect says that IDNs
 * are not converted, its remarks that they are since Windows 7: that they are is a choice, and the check only made where
 * the name can be given an address of its own. */
static void test_host_beyond_ascii(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PLAIN_REPLY ), END };
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    static WCHAR addressW[] = L"127.0.0.1";
    char expected[64];
    BOOL ret;

    if (!server) return;
    client.session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    client.connect = WinHttpConnect( client.session, L"b\xfc" L"cher.example", server_port( server ), 0 );   /* H-4 */
    ok( client.connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, addressW, sizeof(addressW) );
    if (ret && client_get( &client ))
    {
        wsprintfA( expected, "\r\nHost: xn--bcher-kva.example:%u\r\n", server_port( server ) );
        ok( strstr( server_request( server, 0 ), expected ) != NULL, "got:\n%s", server_request( server, 0 ) );
        client_close( &client );
        server_stop( server );
        return;
    }
    if (!ret) win_skip( "the name to resolve cannot be set\n" );
    client_close( &client );
    server_abort( server );
}

START_TEST(headers)
{
    test_add_modifiers();
    test_add_rejects_malformed_lines();
    test_add_takes_an_empty_string();
    test_add_splits_lines();
    test_add_honours_the_given_length();
    test_long_and_many_headers_go_out_whole();
    test_requests_on_the_wire();
    test_accept_types_and_referer();
    test_agent_null_sends_no_user_agent();
    test_automatic_headers_are_few();
    test_sent_headers_are_visible();
    test_targets_on_the_wire();
    test_targets_by_options();
    test_null_codepage_flag();
    test_host_beyond_ascii();
}
