/*
 * Trailers: what they are not
 *
 * That they can be queried, and when, is in query_ex.c; here: no trailer acts as a header, not even where it has a header's
 * name, and they belong to one response only. Rules: headers.md section 2 (TRAILERS). The API has no way to send trailers
 * with a request; a program that frames its own chunks may write them into the body (chunked.c).
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define TRAILERS WINHTTP_QUERY_FLAG_TRAILERS
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* "hello" */
#define GZIP_HELLO "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00"

/* A program compiled for an older Windows has no such flag, and an older Windows does not know it. */
static BOOL trailers_exist(void)
{
    return GetProcAddress( GetModuleHandleA( "winhttp.dll" ), "WinHttpQueryHeadersEx" ) != NULL;
}

static BOOL get_text( HINTERNET request, DWORD level, const WCHAR *name, WCHAR *text, DWORD size )
{
    SetLastError( STALE );
    return WinHttpQueryHeaders( request, level, name, text, &size, NULL );
}

/* The response has this trailer. Microsoft says both that trailers of HTTP/1.1 can be queried and that they are not
 * exposed. */
static void check_trailer_( int line, HINTERNET request, const WCHAR *name, const WCHAR *expected )
{
    WCHAR text[128];
    BOOL ret = get_text( request, WINHTTP_QUERY_CUSTOM | TRAILERS, name, text, sizeof(text) );

    ok_( __FILE__, line )( (ret && !lstrcmpW( text, expected )) || broken( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND ),
                           "got %d, error %lu\n", ret, GetLastError() );
}
#define check_trailer( request, name, expected ) check_trailer_( __LINE__, request, name, expected )

static void check_missing_( int line, HINTERNET request, DWORD level, const WCHAR *name )
{
    WCHAR text[128];
    BOOL ret = get_text( request, level, name, text, sizeof(text) );

    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
}
#define check_missing( request, level, name ) check_missing_( __LINE__, request, level, name )

/* RFC 9110 section 6.5.1: what frames a message, what it is about, and who may see it, is not for a trailer to say. */
static void test_no_trailer_acts_as_a_header(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD,
        SEND( CHUNKED "X-Both: head\r\n\r\n3\r\nabc\r\n0\r\n"
              "Set-Cookie: late=1\r\nContent-Length: 1\r\nTransfer-Encoding: identity\r\nConnection: close\r\n"
              "Content-Encoding: gzip\r\nLocation: /elsewhere\r\nX-Both: tail\r\nX-Sum: 1\r\n\r\n" ),
        HEAD, SEND( EMPTY ), END      /* on the same connection */
    };
    struct server *server = server_start( script );
    struct client client;
    WCHAR text[128];
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        client_check_body( client.request, "abc" );
        check_trailer( client.request, L"x-sum", L"1" );
        check_missing( client.request, WINHTTP_QUERY_SET_COOKIE, NULL );
        check_missing( client.request, WINHTTP_QUERY_CONTENT_LENGTH, NULL );
        check_missing( client.request, WINHTTP_QUERY_CONTENT_ENCODING, NULL );
        check_missing( client.request, WINHTTP_QUERY_LOCATION, NULL );
        check_missing( client.request, WINHTTP_QUERY_CONNECTION, NULL );
        check_missing( client.request, WINHTTP_QUERY_CUSTOM, L"X-Sum" );
        ret = get_text( client.request, WINHTTP_QUERY_TRANSFER_ENCODING, NULL, text, sizeof(text) );
        ok( ret && !lstrcmpW( text, L"chunked" ), "got %d, error %lu\n", ret, GetLastError() );
        ret = get_text( client.request, WINHTTP_QUERY_CUSTOM, L"X-Both", text, sizeof(text) );
        ok( ret && !lstrcmpW( text, L"head" ), "got %d, error %lu\n", ret, GetLastError() );
        ret = get_text( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, text, sizeof(text) );
        ok( ret && !wcsstr( text, L"X-Sum" ) && !wcsstr( text, L"tail" ), "got %d, error %lu\n", ret, GetLastError() );

        client_check_get( &client, "" );
        ok( !strstr( server_request( server, 1 ), "Cookie" ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Also of a body that was decoded, whatever arrives first. */
static void test_trailers_of_a_decoded_body(void)
{
    static const struct step whole[] =
        { ACCEPT, HEAD, SEND_BYTES( CHUNKED "Content-Encoding: gzip\r\n\r\n19\r\n" GZIP_HELLO "\r\n0\r\nX-Sum: 42\r\n\r\n" ), END };
    static const struct step split[] =
        { ACCEPT, HEAD, SEND( CHUNKED "Content-Encoding: gzip\r\n\r\n" ), SEND_BYTES( "19\r\n" GZIP_HELLO "\r\n" ), HOLD,
          DRIP( "0\r\nX-Sum: 42\r\n\r\n" ), END };
    static const struct step *const scripts[] = { whole, split };
    DWORD flags = WINHTTP_DECOMPRESSION_FLAG_ALL, count;
    struct client client;
    char buffer[16];
    unsigned int i;
    WCHAR text[64];
    BOOL ret;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );

        if (!server) return;
        winetest_push_context( "script %u", i );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) &&
            WinHttpSetOption( client.request, WINHTTP_OPTION_DECOMPRESSION, &flags, sizeof(flags) ) && client_get( &client ))
        {
            count = 0;
            ret = WinHttpReadData( client.request, buffer, 4, &count );
            ok( ret && count == 4 && !memcmp( buffer, "hell", 4 ), "got %d, error %lu, %lu bytes\n", ret, GetLastError(), count );
            ret = get_text( client.request, WINHTTP_QUERY_CUSTOM | TRAILERS, L"x-sum", text, sizeof(text) );
            /* before the end of the body: the code is a choice */
            ok( !ret && (GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE
                         || broken( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND )), "got %d, error %lu\n", ret, GetLastError() );
            if (i) server_go( server );
            client_check_body( client.request, "o" );
            check_trailer( client.request, L"x-sum", L"42" );
            check_missing( client.request, WINHTTP_QUERY_CONTENT_ENCODING | TRAILERS, NULL );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* They go with their response: neither a redirect nor another send leaves them behind. */
static void test_trailers_belong_to_one_response(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /there\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-First: 1\r\n\r\n" ),
        HEAD, SEND( CHUNKED "\r\n1\r\nx\r\n0\r\nX-Second: 2\r\n\r\n" ),
        HEAD, SEND( CHUNKED "\r\n1\r\nx\r\n0\r\n\r\n" ),
        HEAD, SEND( EMPTY ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        client_check_body( client.request, "x" );
        check_trailer( client.request, L"X-Second", L"2" );
        check_missing( client.request, WINHTTP_QUERY_CUSTOM | TRAILERS, L"X-First" );
        if (client_get( &client ))     /* the same handle again */
        {
            client_check_body( client.request, "x" );
            check_missing( client.request, WINHTTP_QUERY_CUSTOM | TRAILERS, L"X-Second" );
            check_missing( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | TRAILERS, NULL );
        }
        if (client_get( &client ))
        {
            client_check_body( client.request, "" );
            check_missing( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | TRAILERS, NULL );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(trailers)
{
    if (!trailers_exist())
    {
        win_skip( "there are no trailers\n" );
        return;
    }
    test_no_trailer_acts_as_a_header();
    test_trailers_of_a_decoded_body();
    test_trailers_belong_to_one_response();
}
