/*
 * Uploads in chunks: framed by the library (WINHTTP_FLAG_AUTOMATIC_CHUNKING) or by the application
 *
 * Rules: windows-behaviour.md HA-25; behaviour-concepts.md section 11. What the flag does to HTTP/1.1 is documented in a
 * few words only: that a chunked body with the same bytes arrives is checked, not where its chunks begin.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define LAST_CHUNK "0\r\n\r\n"

/* The client's request, with the flag. FALSE (and a skip) where the flag does not exist yet. */
static BOOL open_chunked( struct client *client, const WCHAR *verb )
{
    if (client->request) WinHttpCloseHandle( client->request );
    client->request = WinHttpOpenRequest( client->connect, verb, L"/", NULL, NULL, NULL, WINHTTP_FLAG_AUTOMATIC_CHUNKING );
    if (!client->request) win_skip( "WINHTTP_FLAG_AUTOMATIC_CHUNKING: %lu\n", GetLastError() );
    return client->request != NULL;
}

static void write_( int line, HINTERNET request, const void *data, DWORD len )
{
    DWORD count = STALE;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpWriteData( request, data, len, &count );
    ok_( __FILE__, line )( ret && count == len, "got %d, error %lu, %lu of %lu bytes\n", ret, GetLastError(), count, len );
}
#define write_data( request, data, len ) write_( __LINE__, request, data, len )

/* The head announces chunks and no length. */
static void check_head_( int line, const char *request )
{
    ok_( __FILE__, line )( strstr( request, "\r\nTransfer-Encoding: chunked\r\n" ) != NULL, "%s", request );
    ok_( __FILE__, line )( !strstr( request, "Content-Length" ), "%s", request );
}
#define check_head( request ) check_head_( __LINE__, request )

/* The chunks of a request hold these bytes and are well formed up to the last one. */
static void check_chunks_( int line, const char *request, const char *expected )
{
    const char *p = strstr( request, "\r\n\r\n" );
    char body[256];
    unsigned long size;
    unsigned int len = 0;
    char *end;

    if (!p)
    {
        ok_( __FILE__, line )( 0, "no body in %s", request );
        return;
    }
    for (p += 4;; p = end + size + 2)
    {
        size = strtoul( p, &end, 16 );
        if (end == p || strncmp( end, "\r\n", 2 )) break;
        end += 2;
        if (!size || size > strlen( end ) || len + size >= sizeof(body)) break;
        memcpy( body + len, end, size );
        len += size;
        if (strncmp( end + size, "\r\n", 2 )) break;
    }
    body[len] = 0;
    ok_( __FILE__, line )( !strcmp( p, LAST_CHUNK ), "the body ends in \"%s\"\n", p );
    ok_( __FILE__, line )( !strcmp( body, expected ), "the body is \"%s\"\n", body );
}
#define check_chunks( request, expected ) check_chunks_( __LINE__, request, expected )

/* ---- the library frames ---- */

static void test_body_is_framed( const WCHAR *verb, const char *optional, const char *expected )
{
    static const struct step script[] = { ACCEPT, HEAD, UNTIL( LAST_CHUNK ), SEND( GOOD ), END };
    DWORD len = optional ? (DWORD)strlen( optional ) : 0;
    struct server *server = server_start( script );
    struct client client;
    WCHAR text[32];
    DWORD size = sizeof(text);
    BOOL ret, opened = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, verb, L"/" ) && (opened = open_chunked( &client, verb )))
    {
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)optional, len, len, 0 );
        ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_TRANSFER_ENCODING | WINHTTP_QUERY_FLAG_REQUEST_HEADERS,
                                   NULL, text, &size, NULL );
        ok( ret && !lstrcmpiW( text, L"chunked" ), "got %d, error %lu\n", ret, GetLastError() );
        write_data( client.request, "Wiki", 4 );
        write_data( client.request, "pedia in chunks", 15 );
        write_data( client.request, NULL, 0 );       /* the end */
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "ok" );
        check_head( server_request( server, 0 ) );
        check_chunks( server_request( server, 0 ), expected );
    }
    client_close( &client );
    if (opened) server_stop( server );
    else server_abort( server );
}

/* Nothing was written: an empty body, and the connection is as good as before. */
static void test_empty_body(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, UNTIL( LAST_CHUNK ), SEND( GOOD ), HEAD, UNTIL( LAST_CHUNK ), SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret, opened = FALSE;
    unsigned int i;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ) && (opened = open_chunked( &client, L"POST" )))
    {
        for (i = 0; i < 2; i++)    /* the handle can be used again */
        {
            ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
            ok( ret, "%u: failed with %lu\n", i, GetLastError() );
            write_data( client.request, NULL, 0 );
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "%u: failed with %lu\n", i, GetLastError() );
            if (ret) client_check_body( client.request, "ok" );
            check_head( server_request( server, i ) );
            check_chunks( server_request( server, i ), "" );
        }
    }
    client_close( &client );
    if (opened) server_stop( server );
    else server_abort( server );
}

/* The end may also come after the response; the connection serves another request then. */
static void test_end_after_the_response(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, UNTIL( "first" ), SEND( GOOD ), UNTIL( LAST_CHUNK ), HEAD, SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret, opened = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ) && (opened = open_chunked( &client, L"POST" )))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        write_data( client.request, "first", 5 );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            write_data( client.request, "second", 6 );
            client_check_body( client.request, "ok" );
            write_data( client.request, "third", 5 );
            write_data( client.request, NULL, 0 );
            client_check_get( &client, "ok" );
            check_chunks( server_request( server, 0 ), "firstsecondthird" );
        }
    }
    client_close( &client );
    if (opened) server_stop( server );
    else server_abort( server );
}

/* After the end there is nothing more to write: which error is not documented. */
static void test_write_after_the_end(void)
{
    static const struct step script[] = { ACCEPT, HEAD, UNTIL( LAST_CHUNK ), SEND( GOOD ), HOLD, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD count = STALE;
    BOOL ret, opened = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ) && (opened = open_chunked( &client, L"POST" )))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        write_data( client.request, "all", 3 );
        write_data( client.request, NULL, 0 );
        ret = WinHttpWriteData( client.request, "more", 4, &count );
        ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE),
            "got %d, error %lu\n", ret, GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "ok" );
        check_chunks( server_request( server, 0 ), "all" );
    }
    server_go( server );
    client_close( &client );
    if (opened) server_stop( server );
    else server_abort( server );
}

static void test_asynchronous_chunks(void)
{
    static const struct step script[] = { ACCEPT, HEAD, UNTIL( LAST_CHUNK ), SEND( GOOD ), END };
    struct recorder *recorder = recorder_create();
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    struct event event;
    BOOL ret, opened = FALSE;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ) &&
        (opened = open_chunked( &client, L"POST" )))
    {
        recorder_reset( recorder );
        if (send_marked( recorder, &client, NULL, 0 ) &&
            recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
        {
            ret = WinHttpWriteData( client.request, "data", 4, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            if (recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event ))
                ok( event.value == 4, "%lu bytes written\n", event.value );
            ret = WinHttpWriteData( client.request, NULL, 0, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            if (recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event ))
                ok( event.value == 0, "%lu bytes written\n", event.value );
            if (receive_marked( recorder, &client ) && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL ))
                ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        }
        check_head( server_request( server, 0 ) );
        check_chunks( server_request( server, 0 ), "data" );
    }
    recorder_close( recorder, &client );
    if (opened) server_stop( server );
    else server_abort( server );
}

/* HTTP/1.0 has no chunks: that opening such a request fails, and with this code, is a choice. */
static void test_http_1_0_has_no_chunks(void)
{
    struct client client;
    HINTERNET request;

    if (client_open( &client, server_closed_port(), 0, L"POST", L"/" ) && open_chunked( &client, L"POST" ))
    {
        SetLastError( STALE );
        request = WinHttpOpenRequest( client.connect, L"POST", L"/", L"HTTP/1.0", NULL, NULL,
                                      WINHTTP_FLAG_AUTOMATIC_CHUNKING );
        ok( !request || broken( request != NULL ), "it was opened\n" );
        if (!request) ok( GetLastError() == ERROR_INVALID_PARAMETER, "got %lu\n", GetLastError() );
        else WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* ---- the application frames ---- */

/* HA-25: bytes of the optional data go out as they are, whatever they look like. */
static void test_optional_data_is_not_framed( const WCHAR *verb )
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( GOOD ), GONE, END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, verb, L"/" ))
    {
        ret = WinHttpSendRequest( client.request, L"Transfer-Encoding: chunked", ~0u, (void *)"post", 4, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "ok" );
        check_head( server_request( server, 0 ) );
        ok( strstr( server_request( server, 0 ), "\r\n\r\npost" ) != NULL, "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The documents: not both. */
static void test_chunks_with_a_length_are_refused(void)
{
    struct client client;
    BOOL ret;

    if (client_open( &client, server_closed_port(), 0, L"POST", L"/" ))
    {
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, L"Transfer-Encoding: chunked\r\nContent-Length: 4", ~0u, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

START_TEST(chunked)
{
    test_body_is_framed( L"POST", NULL, "Wikipedia in chunks" );
    test_body_is_framed( L"PUT", "The ", "The Wikipedia in chunks" );
    test_empty_body();
    test_end_after_the_response();
    test_write_after_the_end();
    test_asynchronous_chunks();
    test_http_1_0_has_no_chunks();
    test_optional_data_is_not_framed( L"POST" );
    test_optional_data_is_not_framed( L"PUT" );
    test_chunks_with_a_length_are_refused();
}
