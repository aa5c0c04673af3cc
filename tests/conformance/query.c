/*
 * WinHttpQueryHeaders
 *
 * Rules: windows-behaviour.md section 5.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
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

/* Every attribute that is a header: by its number and by its name, in responses and in requests (headers.md section 1). */
static const struct { DWORD level; const WCHAR *name; } attribute_rows[] =
{
    { WINHTTP_QUERY_MIME_VERSION, L"Mime-Version" }, { WINHTTP_QUERY_CONTENT_TYPE, L"Content-Type" },
    { WINHTTP_QUERY_CONTENT_TRANSFER_ENCODING, L"Content-Transfer-Encoding" }, { WINHTTP_QUERY_CONTENT_ID, L"Content-Id" },
    { WINHTTP_QUERY_CONTENT_LANGUAGE, L"Content-Language" }, { WINHTTP_QUERY_ALLOW, L"Allow" },
    { WINHTTP_QUERY_PUBLIC, L"Public" }, { WINHTTP_QUERY_EXPIRES, L"Expires" },
    { WINHTTP_QUERY_LAST_MODIFIED, L"Last-Modified" }, { WINHTTP_QUERY_URI, L"URI" },
    { WINHTTP_QUERY_PRAGMA, L"Pragma" }, { WINHTTP_QUERY_ACCEPT, L"Accept" },
    { WINHTTP_QUERY_ACCEPT_CHARSET, L"Accept-Charset" }, { WINHTTP_QUERY_ACCEPT_ENCODING, L"Accept-Encoding" },
    { WINHTTP_QUERY_ACCEPT_LANGUAGE, L"Accept-Language" }, { WINHTTP_QUERY_CONTENT_ENCODING, L"Content-Encoding" },
    { WINHTTP_QUERY_FROM, L"From" }, { WINHTTP_QUERY_IF_MODIFIED_SINCE, L"If-Modified-Since" },
    { WINHTTP_QUERY_REFERER, L"Referer" }, { WINHTTP_QUERY_RETRY_AFTER, L"Retry-After" },
    { WINHTTP_QUERY_SERVER, L"Server" }, { WINHTTP_QUERY_USER_AGENT, L"User-Agent" },
    { WINHTTP_QUERY_ACCEPT_RANGES, L"Accept-Ranges" }, { WINHTTP_QUERY_AGE, L"Age" },
    { WINHTTP_QUERY_CACHE_CONTROL, L"Cache-Control" }, { WINHTTP_QUERY_CONTENT_BASE, L"Content-Base" },
    { WINHTTP_QUERY_CONTENT_LOCATION, L"Content-Location" }, { WINHTTP_QUERY_CONTENT_MD5, L"Content-MD5" },
    { WINHTTP_QUERY_CONTENT_RANGE, L"Content-Range" }, { WINHTTP_QUERY_ETAG, L"ETag" },
    { WINHTTP_QUERY_HOST, L"Host" }, { WINHTTP_QUERY_IF_MATCH, L"If-Match" },
    { WINHTTP_QUERY_IF_NONE_MATCH, L"If-None-Match" }, { WINHTTP_QUERY_IF_RANGE, L"If-Range" },
    { WINHTTP_QUERY_IF_UNMODIFIED_SINCE, L"If-Unmodified-Since" }, { WINHTTP_QUERY_MAX_FORWARDS, L"Max-Forwards" },
    { WINHTTP_QUERY_RANGE, L"Range" }, { WINHTTP_QUERY_VARY, L"Vary" }, { WINHTTP_QUERY_VIA, L"Via" },
    { WINHTTP_QUERY_WARNING, L"Warning" }, { WINHTTP_QUERY_PROXY_CONNECTION, L"Proxy-Connection" },
    { WINHTTP_QUERY_UNLESS_MODIFIED_SINCE, L"Unless-Modified-Since" }, { WINHTTP_QUERY_PROXY_SUPPORT, L"Proxy-Support" },
    { WINHTTP_QUERY_AUTHENTICATION_INFO, L"Authentication-Info" }, { WINHTTP_QUERY_PASSPORT_URLS, L"PassportURLs" },
    { WINHTTP_QUERY_PASSPORT_CONFIG, L"PassportConfig" }, { WINHTTP_QUERY_CONTENT_DISPOSITION, L"Content-Disposition" },
};

static void test_every_attribute(void)
{
    static char reply[4096];
    static struct step script[] = { ACCEPT, HEAD, SEND( reply ), END };
    struct server *server;
    struct client client;
    char line[128];
    WCHAR text[128], value[16];
    unsigned int i;

    lstrcpyA( reply, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" );
    for (i = 0; i < count_of( attribute_rows ); i++)
    {
        wsprintfA( line, "%S: v%u\r\n", attribute_rows[i].name, i );
        lstrcatA( reply, line );
    }
    lstrcatA( reply, "\r\n" );

    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/p" ))
    {
        for (i = 0; i < count_of( attribute_rows ); i++)
        {
            winetest_push_context( "%ls", attribute_rows[i].name );
            check_error( client.request, attribute_rows[i].level | OF_REQUEST, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );   /* */
            wsprintfW( text, L"%s: r%u", attribute_rows[i].name, i );
            ok( WinHttpAddRequestHeaders( client.request, text, ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "failed with %lu\n",
                GetLastError() );
            wsprintfW( value, L"r%u", i );
            check_text( client.request, attribute_rows[i].level | OF_REQUEST, NULL, value );
            check_text( client.request, CUSTOM | OF_REQUEST, attribute_rows[i].name, value );         /* */
            winetest_pop_context();
        }
        /* that was for the queries; what a server makes of some of them is not the point */
        for (i = 0; i < count_of( attribute_rows ); i++)
        {
            wsprintfW( text, L"%s:", attribute_rows[i].name );
            WinHttpAddRequestHeaders( client.request, text, ~0u, WINHTTP_ADDREQ_FLAG_REPLACE );
        }
        if (client_get( &client ))
        {
            for (i = 0; i < count_of( attribute_rows ); i++)
            {
                winetest_push_context( "%ls", attribute_rows[i].name );
                wsprintfW( value, L"v%u", i );
                check_text( client.request, attribute_rows[i].level, NULL, value );
                check_text( client.request, CUSTOM, attribute_rows[i].name, value );                  /* */
                winetest_pop_context();
            }
        }
    }
    client_close( &client );
    server_stop( server );
}

static void check_binary_( int line, HINTERNET request, DWORD level, const WCHAR *name, DWORD size )
{
    char room[32];
    DWORD len;
    BOOL ret;

    len = sizeof(room);
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, level, name, NULL, &len, NULL );
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == size, "NULL: got %d, error %lu, %lu bytes\n",
                           ret, GetLastError(), len );
    memset( room, 0x55, sizeof(room) );
    len = size - 1;
    ret = WinHttpQueryHeaders( request, level, name, room, &len, NULL );
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == size && room[0] == 0x55,
                           "small: got %d, error %lu, %lu bytes\n", ret, GetLastError(), len );
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, level, name, room, &len, NULL );
    ok_( __FILE__, line )( ret && !GetLastError() && len == size && room[size] == 0x55, "got %d, error %lu, %lu bytes\n", ret,
                           GetLastError(), len );
}
#define check_binary( request, level, name, size ) check_binary_( __LINE__, request, level, name, size )

/* Numbers and dates: sizes, and what does not fit in the form that is asked for. The codes of the latter are choices, as
 * Windows was not measured: what would be wrong is a success with a wrong value. */
static void test_forms_that_do_not_fit(void)
{
    struct server *server;
    struct client client;
    DWORD index = 0, number = 0x55555555, len = sizeof(number);
    SYSTEMTIME st;
    BOOL ret;

    if (open_answered( &server, &client ))
    {
        HINTERNET r = client.request;

        check_binary( r, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, 4 );
        check_binary( r, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, 4 );
        check_binary( r, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL, 8 );
        check_binary( r, WINHTTP_QUERY_DATE | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, 16 );
        check_error( r, WINHTTP_QUERY_AGE | WINHTTP_QUERY_FLAG_NUMBER, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );      /* */
        check_error( r, WINHTTP_QUERY_EXPIRES | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );

        SetLastError( STALE );
        ret = WinHttpQueryHeaders( r, CUSTOM | WINHTTP_QUERY_FLAG_NUMBER, L"Number", &number, &len, &index );    /* over 32 bits */
        ok( !ret && GetLastError() != STALE && GetLastError(), "got %d, %lu, error %lu\n", ret, number, GetLastError() );
        ok( !index, "index %lu\n", index );
        len = sizeof(st);
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( r, CUSTOM | WINHTTP_QUERY_FLAG_SYSTEMTIME, L"Number", &st, &len, &index );    /* no date */
        ok( !ret && GetLastError() != STALE && GetLastError(), "got %d, error %lu\n", ret, GetLastError() );

        len = sizeof(number);
        ret = WinHttpQueryHeaders( r, CUSTOM | WINHTTP_QUERY_FLAG_NUMBER, L"Content-Length", &number, &len, &index );
        ok( ret && index == 1, "got %d, index %lu\n", ret, index );                                   /* */
    }
    client_close( &client );
    server_stop( server );
}

/* A number is asked of a request in the same way. */
static void test_numbers_of_requests(void)
{
    struct client client;
    DWORD number = 0, len = sizeof(number);
    ULONGLONG number64 = 0;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    ok( WinHttpAddRequestHeaders( client.request, L"X-N: 17\r\nX-Big: 5000000000", ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "failed\n" );
    ret = WinHttpQueryHeaders( client.request, CUSTOM | OF_REQUEST | WINHTTP_QUERY_FLAG_NUMBER, L"X-N", &number, &len, NULL );
    ok( ret && number == 17, "got %d, %lu\n", ret, number );
    len = sizeof(number64);
    ret = WinHttpQueryHeaders( client.request, CUSTOM | OF_REQUEST | WINHTTP_QUERY_FLAG_NUMBER64, L"X-Big", &number64, &len,
                               NULL );
    ok( ret && number64 == 5000000000ull && len == 8, "got %d, length %lu\n", ret, len );
done:
    client_close( &client );
}

/* Handles of other kinds (WebSocket handles: websocket.c), closed ones and none. */
static void test_wrong_handles(void)
{
    struct client client;
    HINTERNET request;

    check_error( NULL, WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_INVALID_HANDLE );                         /* H-14 */
    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    check_error( client.session, WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    check_error( client.connect, WINHTTP_QUERY_REQUEST_METHOD, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    check_error( client.connect, CUSTOM | OF_REQUEST, L"a", ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    request = client.request;
    client.request = NULL;
    WinHttpCloseHandle( request );
    check_error( request, WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_INVALID_HANDLE );                      /* H-13 */
done:
    client_close( &client );
}

/* More headers than anybody sends. The documentation has an error for it and no number: accept the head, or refuse it
 * with that error. */
static void test_many_headers(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" ), REPEAT( "a: b\r\n", 8000 ), SEND( "\r\n" ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( !err || err == ERROR_WINHTTP_HEADER_COUNT_EXCEEDED, "got %lu\n", err );
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
    test_every_attribute();
    test_forms_that_do_not_fit();
    test_numbers_of_requests();
    test_wrong_handles();
    test_many_headers();
}
