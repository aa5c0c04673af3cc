/*
 * WinHttpQueryHeadersEx, trailers and the wire encoding
 *
 * Source: headers.md sections 2 and 3, functions.md section 4. All came with Windows Server 2022 and Windows 11: the
 * function is looked up, and the two flags of WinHttpQueryHeaders are only used where it is there.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define ALL WINHTTP_QUERY_EX_ALL_HEADERS
#define CUSTOM WINHTTP_QUERY_CUSTOM
#define WIRE WINHTTP_QUERY_FLAG_WIRE_ENCODING
#define TRAILERS WINHTTP_QUERY_FLAG_TRAILERS
#define OF_REQUEST WINHTTP_QUERY_FLAG_REQUEST_HEADERS

static DWORD (WINAPI *query_ex)( HINTERNET, DWORD, ULONGLONG, UINT, PDWORD, PWINHTTP_HEADER_NAME, PVOID, PDWORD,
                                 PWINHTTP_EXTENDED_HEADER *, PDWORD );

static const struct step reply_script[] =
{
    ACCEPT, HEAD,
    SEND( "HTTP/1.1 200 All is well\r\n"
          "Content-Length: 3\r\n"
          "Multi: first\r\n"
          "Name  :   value\r\n"
          "MULTI: second\r\n"
          "Bytes: \xff\xfe caf\xc3\xa9\r\n"
          "\r\n"
          "abc" ),
    END
};

struct answer
{
    DWORD error, size, count, index;
    WINHTTP_EXTENDED_HEADER *headers;
    char buffer[1024] __attribute__((aligned(8)));
};

/* One query with enough room; -1 as index: none is passed. */
static void ask( struct answer *answer, HINTERNET request, DWORD level, UINT codepage, const void *name, DWORD index )
{
    WINHTTP_HEADER_NAME header_name;

    header_name.pwszName = name;
    memset( answer, 0x55, sizeof(*answer) );
    answer->headers = NULL;
    answer->size = sizeof(answer->buffer);
    answer->count = 99;
    answer->index = index;
    answer->error = query_ex( request, level, 0, codepage, index == ~0u ? NULL : &answer->index, name ? &header_name : NULL,
                              answer->buffer, &answer->size, &answer->headers, &answer->count );
}

static void check_failure_( int line, const struct answer *answer, DWORD error )
{
    ok_( __FILE__, line )( answer->error == error, "got %lu\n", answer->error );
    ok_( __FILE__, line )( answer->buffer[0] == 0x55 && answer->size == sizeof(answer->buffer), "the outputs were touched\n" );
}
#define check_failure( answer, error ) check_failure_( __LINE__, answer, error )

static BOOL inside( const struct answer *answer, const void *ptr )
{
    return (const char *)ptr >= answer->buffer && (const char *)ptr < answer->buffer + answer->size;
}

static void check_pair_( int line, const struct answer *answer, DWORD i, const WCHAR *name, const WCHAR *value )
{
    if (answer->error || i >= answer->count) return;
    ok_( __FILE__, line )( inside( answer, answer->headers[i].pwszName ) && inside( answer, answer->headers[i].pwszValue ),
                           "strings outside of the buffer\n" );
    ok_( __FILE__, line )( !lstrcmpW( answer->headers[i].pwszName, name ), "name %ls\n", answer->headers[i].pwszName );
    ok_( __FILE__, line )( !lstrcmpW( answer->headers[i].pwszValue, value ), "value %ls\n", answer->headers[i].pwszValue );
}
#define check_pair( answer, i, name, value ) check_pair_( __LINE__, answer, i, name, value )

static BOOL open_answered( struct server **server, struct client *client )
{
    memset( client, 0, sizeof(*client) );
    if (!(*server = server_start( reply_script ))) return FALSE;
    return client_open( client, server_port( *server ), 0, L"GET", L"/p" ) && client_get( client );
}

static void test_all_headers(void)
{
    struct server *server;
    struct client client;
    struct answer a;
    DWORD needed = 0, count = 99, err;
    WINHTTP_EXTENDED_HEADER *headers = NULL;

    if (open_answered( &server, &client ))
    {
        ask( &a, client.request, ALL, 0, NULL, ~0u );
        ok( !a.error, "got %lu\n", a.error );
        ok( a.count == 5 && (char *)a.headers == a.buffer, "%lu headers\n", a.count );
        check_pair( &a, 0, L"Content-Length", L"3" );
        check_pair( &a, 1, L"Multi", L"first" );
        check_pair( &a, 2, L"Name", L"value" );                                       /* */
        check_pair( &a, 3, L"MULTI", L"second" );

        err = query_ex( client.request, ALL, 0, 0, NULL, NULL, NULL, &needed, &headers, &count );
        ok( err == ERROR_INSUFFICIENT_BUFFER, "got %lu\n", err );
        ok( needed >= a.size, "needs %lu, has %lu\n", needed, a.size );
        needed = a.size - 1;
        err = query_ex( client.request, ALL, 0, 0, NULL, NULL, a.buffer, &needed, &headers, &count );
        ok( err == ERROR_INSUFFICIENT_BUFFER, "got %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

static void test_by_name_and_number(void)
{
    struct server *server;
    struct client client;
    struct answer a;

    if (open_answered( &server, &client ))
    {
        ask( &a, client.request, CUSTOM, 0, L"multi", ~0u );
        ok( !a.error && a.count >= 1, "got %lu, %lu headers\n", a.error, a.count );
        check_pair( &a, 0, L"Multi", L"first" );

        ask( &a, client.request, CUSTOM, 0, L"multi", 1 );
        ok( !a.error && a.count == 1 && a.index == 2, "got %lu, %lu headers, index %lu\n", a.error, a.count, a.index );
        check_pair( &a, 0, L"MULTI", L"second" );
        ask( &a, client.request, CUSTOM, 0, L"multi", 2 );
        check_failure( &a, ERROR_WINHTTP_HEADER_NOT_FOUND );
        ok( a.index == 2, "index %lu\n", a.index );

        ask( &a, client.request, WINHTTP_QUERY_CONTENT_LENGTH, 0, NULL, ~0u );
        ok( !a.error && a.count == 1, "got %lu, %lu headers\n", a.error, a.count );
        check_pair( &a, 0, L"Content-Length", L"3" );
        ask( &a, client.request, WINHTTP_QUERY_ETAG, 0, NULL, ~0u );
        check_failure( &a, ERROR_WINHTTP_HEADER_NOT_FOUND );
        ask( &a, client.request, CUSTOM, 0, L"absent", ~0u );
        check_failure( &a, ERROR_WINHTTP_HEADER_NOT_FOUND );
        ask( &a, client.request, CUSTOM | OF_REQUEST, 0, L"user-agent", ~0u );
        ok( !a.error, "got %lu\n", a.error );
        check_pair( &a, 0, L"User-Agent", L"conformance" );
    }
    client_close( &client );
    server_stop( server );
}

static void test_what_it_does_not_answer(void)
{
    static const DWORD levels[] =
    {
        WINHTTP_QUERY_VERSION, WINHTTP_QUERY_STATUS_CODE, WINHTTP_QUERY_STATUS_TEXT, WINHTTP_QUERY_RAW_HEADERS_CRLF,
        WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64,
        WINHTTP_QUERY_DATE | WINHTTP_QUERY_FLAG_SYSTEMTIME, WINHTTP_QUERY_MAX + 1,
    };
    struct server *server;
    struct client client;
    struct answer a;
    unsigned int i;

    if (open_answered( &server, &client ))
    {
        for (i = 0; i < count_of( levels ); i++)
        {
            winetest_push_context( "level %#lx", levels[i] );
            ask( &a, client.request, levels[i], 0, NULL, ~0u );
            check_failure( &a, ERROR_INVALID_PARAMETER );
            winetest_pop_context();
        }
        ask( &a, client.session, ALL, 0, NULL, ~0u );
        check_failure( &a, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
        ask( &a, client.connect, ALL, 0, NULL, ~0u );
        check_failure( &a, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
        ask( &a, NULL, ALL, 0, NULL, ~0u );
        check_failure( &a, ERROR_INVALID_HANDLE );
        client_reopen( &client, L"GET", L"/" );
        ask( &a, client.request, ALL, 0, NULL, ~0u );
        check_failure( &a, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );                        /* */
    }
    client_close( &client );
    server_stop( server );
}

static void test_wire_encoding(void)
{
    static const char raw[] = "HTTP/1.1 200 All is well\r\nContent-Length: 3\r\nMulti: first\r\nName: value\r\nMULTI: second\r\n"
                              "Bytes: \xff\xfe caf\xc3\xa9\r\n\r\n";
    struct server *server;
    struct client client;
    struct answer a;
    char buffer[512];
    DWORD len, needed = 0;
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        ask( &a, client.request, CUSTOM | WIRE, 0, "bytes", ~0u );      /* the name is narrow, too */
        ok( !a.error && a.count == 1, "got %lu, %lu headers\n", a.error, a.count );
        if (!a.error) ok( !strcmp( a.headers->pszName, "Bytes" ) && !strcmp( a.headers->pszValue, "\xff\xfe caf\xc3\xa9" ),
                          "got %s: %s\n", a.headers->pszName, a.headers->pszValue );
        ask( &a, client.request, ALL | WIRE, CP_UTF8, NULL, ~0u );      /* the code page does not matter */
        ok( !a.error && a.count == 5, "got %lu, %lu headers\n", a.error, a.count );
        if (!a.error) ok( !strcmp( a.headers[4].pszValue, "\xff\xfe caf\xc3\xa9" ), "got %s\n", a.headers[4].pszValue );

        SetLastError( STALE );
        ret = WinHttpQueryHeaders( client.request, CUSTOM | WIRE, L"Bytes", NULL, &needed, NULL );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );
        /* whether a terminator is counted is not known; clients cut at the length they get */
        ok( needed == 8 || needed == 9 || needed == 10, "needs %lu\n", needed );
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, CUSTOM | WIRE, L"Bytes", buffer, &len, NULL );
        ok( ret && len >= 8 && !memcmp( buffer, "\xff\xfe caf\xc3\xa9", 8 ), "got %d, length %lu\n", ret, len );

        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | WIRE, NULL, buffer, &len, NULL );
        ok( ret && len >= sizeof(raw) - 1 && !memcmp( buffer, raw, sizeof(raw) - 1 ), "got %d, length %lu\n", ret, len );
    }
    client_close( &client );
    server_stop( server );
}

/* The bytes of the response, read in the code page that is asked for. */
static void test_code_pages(void)
{
    struct server *server;
    struct client client;
    WCHAR expected[32];
    struct answer a;
    int len;

    if (open_answered( &server, &client ))
    {
        static const UINT pages[] = { CP_UTF8, 1252, CP_ACP };
        unsigned int i;

        for (i = 0; i < count_of( pages ); i++)
        {
            len = MultiByteToWideChar( pages[i], 0, "\xff\xfe caf\xc3\xa9", -1, expected, count_of( expected ) );
            if (!len) continue;
            ask( &a, client.request, CUSTOM, pages[i], L"bytes", ~0u );
            ok( !a.error, "page %u: got %lu\n", pages[i], a.error );
            check_pair( &a, 0, L"Bytes", expected );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- trailers ---- */

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"

static void check_trailers( HINTERNET request )
{
    WCHAR text[128];
    struct answer a;
    DWORD len = sizeof(text), number = 0, index = 0;
    BOOL ret;

    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF | TRAILERS, NULL, text, &len, NULL );
    /* Microsoft says both that trailers of HTTP/1.1 can be queried and that they are not exposed. */
    ok( ret || broken( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND ), "failed with %lu\n", GetLastError() );
    if (!ret) return;
    ok( !lstrcmpW( text, L"X-Sum: 42\r\nx-multi: a\r\nX-Multi: b\r\n\r\n" ), "got %ls\n", text );
    len = sizeof(number);
    ret = WinHttpQueryHeaders( request, CUSTOM | TRAILERS | WINHTTP_QUERY_FLAG_NUMBER, L"x-sum", &number, &len, NULL );
    ok( ret && number == 42, "got %d, %lu\n", ret, number );
    index = 1;
    len = sizeof(text);
    ret = WinHttpQueryHeaders( request, CUSTOM | TRAILERS, L"x-multi", text, &len, &index );
    ok( ret && !lstrcmpW( text, L"b" ) && index == 2, "got %d, index %lu\n", ret, index );
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_TRANSFER_ENCODING | TRAILERS, NULL, text, &len, NULL );
    ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, CUSTOM, L"x-sum", text, &len, NULL );      /* they are no headers */
    ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );

    ask( &a, request, ALL | TRAILERS, 0, NULL, ~0u );
    ok( !a.error && a.count == 3, "got %lu, %lu trailers\n", a.error, a.count );
    check_pair( &a, 0, L"X-Sum", L"42" );
    check_pair( &a, 2, L"X-Multi", L"b" );
}

static void test_trailers(void)
{
    static const struct step whole[] =
        { ACCEPT, HEAD, SEND( CHUNKED "3\r\nabc\r\n0\r\nX-Sum: 42\r\nx-multi: a\r\nX-Multi: b\r\n\r\n" ), END };
    static const struct step split[] =
        { ACCEPT, HEAD, SEND( CHUNKED ), DRIP( "3\r\nabc\r\n0\r\nX-Sum: 42\r\nx-multi: a\r\nX-Multi: b\r\n\r\n" ), END };
    static const struct step *const scripts[] = { whole, split };
    struct client client;
    unsigned int i;
    WCHAR text[64];
    DWORD len;
    BOOL ret;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );

        if (!server) return;
        winetest_push_context( "script %u", i );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
        {
            len = sizeof(text);
            SetLastError( STALE );
            ret = WinHttpQueryHeaders( client.request, CUSTOM | TRAILERS, L"x-sum", text, &len, NULL );
            /* before the end of the body: the code is a choice */
            ok( !ret && (GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE
                         || broken( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND )), "got %d, error %lu\n", ret, GetLastError() );
            client_check_body( client.request, "abc" );
            check_trailers( client.request );
            check_trailers( client.request );        /* and again */
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

static void test_no_trailers(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( CHUNKED "3\r\nabc\r\n0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR text[64];
    struct answer a;
    DWORD len = sizeof(text);
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        client_check_body( client.request, "abc" );
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | TRAILERS, NULL, text, &len, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
        ask( &a, client.request, ALL | TRAILERS, 0, NULL, ~0u );
        check_failure( &a, ERROR_WINHTTP_HEADER_NOT_FOUND );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(query_ex)
{
    query_ex = (void *)GetProcAddress( GetModuleHandleA( "winhttp.dll" ), "WinHttpQueryHeadersEx" );
    if (!query_ex)
    {
        win_skip( "WinHttpQueryHeadersEx is not there\n" );
        return;
    }
    test_all_headers();
    test_by_name_and_number();
    test_what_it_does_not_answer();
    test_wire_encoding();
    test_code_pages();
    test_trailers();
    test_no_trailers();
}
