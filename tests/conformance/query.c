/*
 * WinHttpQueryHeaders
 *
 * Rules: windows-behaviour.md section 5.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "winhttp_compat.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define CUSTOM WINHTTP_QUERY_CUSTOM
#define OF_REQUEST WINHTTP_QUERY_FLAG_REQUEST_HEADERS

static const struct step reply_script[] =
{
    ACCEPT, HEAD,
    SEND( "HTTP/1.1 200 All is well\r\n"
          "Content-Length: 3\r\n"
          "Date: Tue, 14 Mar 2017 09:08:07 GMT\r\n"
          "Multi: first\r\n"
          "Name  :   value\r\n"
          "MULTI: second\r\n"
          "Trailing: x  \r\n"
          "Number: 12345678901\r\n"
          "\r\n"
          "abc" ),
    END
};

static BOOL open_answered( struct server **server, struct client *client )
{
    memset( client, 0, sizeof(*client) );
    if (!(*server = server_start( reply_script ))) return FALSE;
    if (client_open( client, server_port( *server ), 0, L"GET", L"/p" ) && client_get( client )) return TRUE;
    return FALSE;
}

static void check_text_( int line, HINTERNET request, DWORD level, const WCHAR *name, const WCHAR *expected )
{
    WCHAR buffer[512];
    DWORD len, needed = 0, chars = (DWORD)lstrlenW( expected );
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, level, name, NULL, &needed, NULL );                    /* */
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "NULL buffer: %d, error %lu\n", ret,
                           GetLastError() );
    ok_( __FILE__, line )( needed == (chars + 1) * sizeof(WCHAR), "needs %lu bytes for %lu characters\n", needed,
                           chars );

    len = sizeof(buffer);
    ret = WinHttpQueryHeaders( request, level, name, NULL, &len, NULL );                       /* */
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == needed,
                           "NULL buffer with a length: %d, error %lu, %lu bytes\n", ret, GetLastError(), len );

    memset( buffer, 0x55, sizeof(buffer) );
    len = chars * sizeof(WCHAR);
    ret = WinHttpQueryHeaders( request, level, name, buffer, &len, NULL );                     /* */
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "no room for the terminator: %d, "
                           "error %lu\n", ret, GetLastError() );
    ok_( __FILE__, line )( len == needed, "needs %lu bytes\n", len );
    ok_( __FILE__, line )( buffer[0] == 0x5555, "the buffer was touched\n" );

    len = needed;
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, level, name, buffer, &len, NULL );                     /* Q-1, LE-2 */
    ok_( __FILE__, line )( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    if (!ret) return;
    ok_( __FILE__, line )( len == chars * sizeof(WCHAR), "length %lu\n", len );
    ok_( __FILE__, line )( !lstrcmpW( buffer, expected ), "got \"%ls\"\n", buffer );
}
#define check_text( request, level, name, expected ) check_text_( __LINE__, request, level, name, expected )

static void check_error_( int line, HINTERNET request, DWORD level, const WCHAR *name, DWORD error )
{
    WCHAR buffer[64];
    DWORD len = sizeof(buffer);
    BOOL ret;

    memset( buffer, 0x55, sizeof(buffer) );
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, level, name, buffer, &len, NULL );
    ok_( __FILE__, line )( !ret && GetLastError() == error, "got %d, error %lu\n", ret, GetLastError() );
    ok_( __FILE__, line )( buffer[0] == 0x5555 && len == sizeof(buffer), "the outputs were touched\n" );   /* LE-6 */
}
#define check_error( request, level, name, error ) check_error_( __LINE__, request, level, name, error )

static void test_query_texts(void)
{
    struct server *server;
    struct client client;

    if (open_answered( &server, &client ))
    {
        HINTERNET r = client.request;

        check_text( r, WINHTTP_QUERY_STATUS_CODE, NULL, L"200" );
        check_text( r, WINHTTP_QUERY_STATUS_TEXT, NULL, L"All is well" );
        check_text( r, WINHTTP_QUERY_VERSION, NULL, L"HTTP/1.1" );                          /* */
        check_text( r, WINHTTP_QUERY_CONTENT_LENGTH, NULL, L"3" );
        check_text( r, CUSTOM, L"Content-Length", L"3" );                                    /* */
        check_text( r, CUSTOM, L"content-LENGTH", L"3" );
        check_text( r, CUSTOM, L"Name", L"value" );                                          /* */
        check_text( r, CUSTOM, L"Multi", L"first" );                                         /* */
        check_text( r, CUSTOM, L"Trailing", L"x" );
        check_text( r, WINHTTP_QUERY_REQUEST_METHOD, NULL, L"GET" );
        check_text( r, WINHTTP_QUERY_USER_AGENT | OF_REQUEST, NULL, L"conformance" );
        check_text( r, CUSTOM | OF_REQUEST, L"user-agent", L"conformance" );                 /* */
        check_text( r, WINHTTP_QUERY_RAW_HEADERS_CRLF, L"ignored",                           /* */
                    L"HTTP/1.1 200 All is well\r\nContent-Length: 3\r\nDate: Tue, 14 Mar 2017 09:08:07 GMT\r\n"
                    L"Multi: first\r\nName: value\r\nMULTI: second\r\nTrailing: x\r\n"
                    L"Number: 12345678901\r\n\r\n" );

        check_error( r, WINHTTP_QUERY_ORIG_URI, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );       /* */
        check_error( r, CUSTOM, L"Absent", ERROR_WINHTTP_HEADER_NOT_FOUND );
        check_error( r, WINHTTP_QUERY_MAX + 1, NULL, ERROR_INVALID_PARAMETER );               /* */
        check_error( r, 1000, NULL, ERROR_INVALID_PARAMETER );
        check_error( r, CUSTOM, NULL, ERROR_INVALID_PARAMETER );                              /* a choice */
    }
    client_close( &client );
    server_stop( server );
}

static void test_absent_header_comes_before_the_buffer_checks(void)
{
    struct server *server;
    struct client client;
    DWORD len = 0;
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_ORIG_URI, NULL, NULL, &len, NULL );   /* */
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
    server_stop( server );
}

static void test_index_walks_through_equal_names(void)
{
    struct server *server;
    struct client client;
    WCHAR buffer[16];
    DWORD len, index = 0;
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        len = 2;
        ret = WinHttpQueryHeaders( client.request, CUSTOM, L"multi", buffer, &len, &index );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && !index, "got %d, %lu, index %lu\n", ret,
            GetLastError(), index );                                                                /* */
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, CUSTOM, L"multi", buffer, &len, &index );
        ok( ret && index == 1 && !lstrcmpW( buffer, L"first" ), "got %d, index %lu\n", ret, index );    /* */
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, CUSTOM, L"multi", buffer, &len, &index );
        ok( ret && index == 2 && !lstrcmpW( buffer, L"second" ), "got %d, index %lu\n", ret, index );
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, CUSTOM, L"multi", buffer, &len, &index );
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND && index == 2, "got %d, %lu, index %lu\n", ret,
            GetLastError(), index );                                                                /* */
        index = ~0u;
        ret = WinHttpQueryHeaders( client.request, CUSTOM, L"multi", buffer, &len, &index );
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND && index == ~0u, "got %d, %lu, index %lu\n", ret,
            GetLastError(), index );
    }
    client_close( &client );
    server_stop( server );
}

static void test_raw_headers( BOOL of_request )
{
    struct server *server;
    struct client client;
    DWORD len, needed = 0, flag = of_request ? OF_REQUEST : 0, index = 0;
    WCHAR buffer[1024];
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS | flag, NULL, NULL, &needed, NULL );
        memset( buffer, 0x55, sizeof(buffer) );
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS | flag, NULL, buffer, &len, &index );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( !index, "index %lu\n", index );
        if (ret)                                                                                    /* */
        {
            ok( needed >= len + 2, "needs %lu, has %lu\n", needed, len );
            ok( !buffer[len / 2 - 1] && !buffer[len / 2] && buffer[len / 2 - 2], "wrong end of the list\n" );
            ok( !lstrcmpW( buffer, of_request ? L"GET /p HTTP/1.1" : L"HTTP/1.1 200 All is well" ), "got %ls\n",
                buffer );
        }

        needed = 0;
        WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | flag, NULL, NULL, &needed, NULL );
        len = sizeof(buffer);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF | flag, L"name", buffer, &len,
                                   &index );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( !index, "index %lu\n", index );
        if (ret)                                                                                    /* */
        {
            ok( needed >= len + 2, "needs %lu, has %lu\n", needed, len );
            ok( len == 2 * (DWORD)lstrlenW( buffer ), "length %lu\n", len );
            ok( len > 8 && !memcmp( buffer + len / 2 - 4, L"\r\n\r\n", 8 ), "no blank line at the end\n" );
            ok( !memcmp( buffer, of_request ? L"GET /p HTTP/1.1\r\n" : L"HTTP/1.1 200 All ", 17 * sizeof(WCHAR) ),
                "got %ls\n", buffer );
        }
    }
    client_close( &client );
    server_stop( server );
}

static void test_query_numbers_and_dates(void)
{
    struct server *server;
    struct client client;
    ULONGLONG number64;
    DWORD number, len;
    SYSTEMTIME st;
    char room[16];
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        number = 0;
        len = sizeof(number);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL,
                                   &number, &len, NULL );                                           /* */
        ok( ret && number == 200 && len == 4, "got %d, %lu, length %lu\n", ret, number, len );

        number = 0;
        len = sizeof(number);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL,
                                   &number, &len, NULL );                                           /* */
        ok( ret && number == 3, "got %d, %lu\n", ret, number );

        memset( room, 0x55, sizeof(room) );
        len = sizeof(room);
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER64, NULL,
                                   room, &len, NULL );                                              /* */
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_QUERY_REQUEST, "got %d, error %lu\n", ret,
            GetLastError() );
        ok( len == sizeof(room) && room[0] == 0x55, "the outputs were touched\n" );

        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL,
                                   room, &len, NULL );                                              /* */
        memcpy( &number64, room, sizeof(number64) );
        ok( ret && number64 == 3 && len == 8, "got %d, length %lu\n", ret, len );

        len = sizeof(room);
        ret = WinHttpQueryHeaders( client.request, CUSTOM | WINHTTP_QUERY_FLAG_NUMBER64, L"Number", room, &len,
                                   NULL );
        memcpy( &number64, room, sizeof(number64) );
        ok( ret && number64 == 12345678901ull, "got %d\n", ret );

        memset( &st, 0, sizeof(st) );
        len = sizeof(st);
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_DATE | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, &st,
                                   &len, NULL );
        ok( ret && len == sizeof(st), "got %d, length %lu\n", ret, len );
        ok( st.wYear == 2017 && st.wMonth == 3 && st.wDay == 14 && st.wHour == 9 && st.wMinute == 8
            && st.wSecond == 7, "got another date\n" );

        len = 2;
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL,
                                   &number, &len, NULL );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 4, "got %d, error %lu, length %lu\n", ret,
            GetLastError(), len );
    }
    client_close( &client );
    server_stop( server );
}

static void test_response_queries_need_a_response(void)
{
    struct server *server = server_start( reply_script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/p" ))
    {
        check_error( client.request, WINHTTP_QUERY_CONNECTION, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );   /* */
        check_error( client.request, WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );
        check_error( client.request, WINHTTP_QUERY_ORIG_URI | OF_REQUEST, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
        check_text( client.request, WINHTTP_QUERY_REQUEST_METHOD, NULL, L"POST" );                             /* H-9 */

        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        check_error( client.request, WINHTTP_QUERY_UPGRADE, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );      /* */
        if (ret) ret = WinHttpReceiveResponse( client.request, NULL );
        if (ret) check_text( client.request, WINHTTP_QUERY_STATUS_CODE, NULL, L"200" );
    }
    client_close( &client );
    server_stop( server );
}

static void test_missing_reason_is_empty(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200\r\nEmpty:\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))   /* */
    {
        check_text( client.request, WINHTTP_QUERY_STATUS_TEXT, NULL, L"" );                         /* */
        check_text( client.request, CUSTOM, L"Empty", L"" );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(query)
{
    test_query_texts();
    test_absent_header_comes_before_the_buffer_checks();
    test_index_walks_through_equal_names();
    test_raw_headers( FALSE );
    test_raw_headers( TRUE );
    test_query_numbers_and_dates();
    test_response_queries_need_a_response();
    test_missing_reason_is_empty();
}
