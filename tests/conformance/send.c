/*
 * WinHttpSendRequest and WinHttpWriteData, synchronous
 *
 * Rules: windows-behaviour.md section 6 (S-1 to S-3, S-6, S-11), HA-24 to HA-26; functions.md WinHttpSendRequest and
 * WinHttpWriteData. The asynchronous side is in notification.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- no connection ---- */

static void test_refused_connection( const WCHAR *verb, const char *body )
{
    DWORD body_len = body ? (DWORD)strlen( body ) : 0;
    struct client client;
    ULONGLONG start;
    BOOL ret;

    if (client_open( &client, server_closed_port(), 0, verb, L"/" ))
    {
        start = GetTickCount64();
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)body, body_len, body_len, 0 );
        ok( !ret && GetLastError() == ERROR_WINHTTP_CANNOT_CONNECT, "got %d, error %lu\n", ret, GetLastError() );
        ok( milliseconds_since( start ) < PROMPT_MS, "took %lu ms\n", (DWORD)milliseconds_since( start ) );   /* S-2 */
        SetLastError( STALE );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

static void test_unresolvable_name(void)
{
    struct client client;
    BOOL ret;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        ret = WinHttpSetTimeouts( client.session, 10000, WAIT_MS, WAIT_MS, WAIT_MS );       /* S-3, TI-13 */
        ok( ret, "WinHttpSetTimeouts failed with %lu\n", GetLastError() );
        client.connect = WinHttpConnect( client.session, L"does.not.exist.invalid", 80, 0 );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_WINHTTP_NAME_NOT_RESOLVED, "got %d, error %lu\n", ret, GetLastError() );
        SetLastError( STALE );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

/* A request that failed can be sent again on the same handle. */
static void test_failed_request_can_be_repeated(void)
{
    static const struct step script[] = { ACCEPT, HEAD, RESET, ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CONNECTION_ERROR, "got %lu\n", err );
        if (client_get( &client )) client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- bodies ---- */

static void write_( int line, HINTERNET request, const void *data, DWORD len )
{
    DWORD count = STALE;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpWriteData( request, data, len, &count );
    ok_( __FILE__, line )( ret && !GetLastError() && count == len, "got %d, error %lu, %lu of %lu bytes\n", ret,
                           GetLastError(), count, len );
}
#define write_data( request, data, len ) write_( __LINE__, request, data, len )

static void receive_ok( struct client *client )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpReceiveResponse( client->request, NULL );
    ok( ret && !GetLastError(), "WinHttpReceiveResponse: %d, error %lu\n", ret, GetLastError() );
    if (!ret) return;
    ok( client_status( client->request ) == 200, "status %lu\n", client_status( client->request ) );
    client_check_body( client->request, "ok" );
}

static void check_wire_body( struct server *server, const char *expected )
{
    const char *request = server_request( server, 0 ), *body = strstr( request, "\r\n\r\n" );

    ok( body && !strcmp( body + 4, expected ), "the server got \"%s\"\n", body ? body + 4 : request );
}

static void test_body_in_one_piece(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 9 ), SEND( REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, L"Content-Type: text/plain", ~0u, (void *)"some data", 9, 9, 0 );
        ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
        if (ret) receive_ok( &client );
        check_wire_body( server, "some data" );
    }
    client_close( &client );
    server_stop( server );
}

static void test_body_in_pieces(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 12 ), SEND( REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"abc", 3, 12, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            write_data( client.request, "defg", 4 );
            write_data( client.request, "h", 1 );
            write_data( client.request, "ijkl", 4 );
            receive_ok( &client );
        }
        ok( strstr( server_request( server, 0 ), "\r\nContent-Length: 12\r\n" ) != NULL, "%s",
            server_request( server, 0 ) );
        check_wire_body( server, "abcdefghijkl" );
    }
    client_close( &client );
    server_stop( server );
}

/* S-6: bytes beyond the promise are refused and not sent. */
static void test_surplus_write_is_refused(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY ), HOLD, END };
    struct server *server = server_start( script );
    DWORD count = STALE;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"body", 4, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            SetLastError( STALE );
            ret = WinHttpWriteData( client.request, "more", 4, &count );
            ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
            ok( count == STALE, "count is %lu\n", count );
            receive_ok( &client );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* A write that would pass the end of the promise: nothing of it may make the message longer than announced. */
static void test_write_across_the_end_is_not_sent(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 2 ), SIGNAL, BODY( 2 ), SEND( REPLY ), HOLD, END };
    struct server *server = server_start( script );
    DWORD count = STALE;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"bo", 2, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            SetLastError( STALE );
            ret = WinHttpWriteData( client.request, "dyXX", 4, &count );
            ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
            write_data( client.request, "dy", 2 );
            receive_ok( &client );
            check_wire_body( server, "body" );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* HA-25: the application frames; the library adds nothing and asks for no total. */
static void test_chunked_body_goes_out_as_it_is(void)
{
    static const struct step script[] = { ACCEPT, HEAD, UNTIL( "0\r\n\r\n" ), SEND( REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, L"Transfer-Encoding: chunked", ~0u, NULL, 0, 0, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            write_data( client.request, "4\r\nWiki\r\n", 9 );
            write_data( client.request, "5\r\npedia", 8 );
            write_data( client.request, "\r\n0\r\n\r\n", 7 );
            receive_ok( &client );
        }
        check_wire_body( server, "4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n" );
        ok( !strstr( server_request( server, 0 ), "Content-Length" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Documented for uploads of 4 GiB and more: Content-Length by header, total 0. Only the head is looked at. */
static void test_length_over_4_gib_by_header(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 5 ), GONE, END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, L"Content-Length: 5000000000", ~0u, NULL, 0,
                                  WINHTTP_IGNORE_REQUEST_TOTAL_LENGTH, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) write_data( client.request, "start", 5 );
        ok( strstr( server_request( server, 0 ), "\r\nContent-Length: 5000000000\r\n" ) != NULL, "%s",
            server_request( server, 0 ) );
        ok( !strstr( server_request( server, 0 ), "Content-Length: 0" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Totals above 2 GiB are no negative numbers. */
static void test_length_over_2_gib_by_argument(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 5 ), GONE, END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 3000000000u, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) write_data( client.request, "start", 5 );
        ok( strstr( server_request( server, 0 ), "\r\nContent-Length: 3000000000\r\n" ) != NULL, "%s",
            server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

static void upload( const WCHAR *header, DWORD total, ULONGLONG size )
{
    static char block[1 << 20];
    struct step script[] = { ACCEPT, HEAD, DISCARD( 0 ), SEND( REPLY ), END };
    struct server *server;
    struct client client;
    ULONGLONG sent;
    BOOL ret;

    script[2].count = size;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, header, header ? ~0u : 0, NULL, 0, total, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        for (sent = 0; ret && sent < size;)
        {
            DWORD len = size - sent < sizeof(block) ? (DWORD)(size - sent) : sizeof(block), count = 0;

            ret = WinHttpWriteData( client.request, block, len, &count );
            ok( ret && count == len, "got %d, error %lu after %lu MiB\n", ret, GetLastError(), (DWORD)(sent >> 20) );
            sent += len;
        }
        if (ret) receive_ok( &client );
    }
    client_close( &client );
    server_stop( server );
}

static void test_large_uploads(void)
{
    upload( NULL, 64 << 20, 64 << 20 );
    if (GetEnvironmentVariableA( "WINHTTP_TEST_SLOW", NULL, 0 ))
        upload( L"Content-Length: 4294967301", WINHTTP_IGNORE_REQUEST_TOTAL_LENGTH, 4294967301ull );
    else skip( "more than 4 GiB are written only with WINHTTP_TEST_SLOW set\n" );
}

/* The documents: a header length below 4 GiB must agree with the argument. */
static void test_lengths_that_disagree_are_refused(void)
{
    struct client client;
    BOOL ret;

    if (client_open( &client, server_closed_port(), 0, L"POST", L"/" ))
    {
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, L"Content-Length: 5", ~0u, (void *)"1234", 4, 4, 0 );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

/* S-11 [unconfirmed]: no optional data, but a length for it: the head goes out, the bytes follow. */
static void test_optional_length_without_data(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 4, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            write_data( client.request, "body", 4 );
            receive_ok( &client );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- uploads that break ---- */

static void test_connection_lost_in_an_upload(void)
{
    static char block[1 << 16];
    static const struct step script[] = { ACCEPT, HEAD, DISCARD( 65536 ), RESET, END };
    struct server *server = server_start( script );
    DWORD count, err = 0;
    struct client client;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 256 << 20, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        for (i = 0; i < 4096 && ret; i++)
        {
            count = STALE;
            SetLastError( STALE );
            ret = WinHttpWriteData( client.request, block, sizeof(block), &count );
            err = GetLastError();
        }
        ok( !ret && err == ERROR_WINHTTP_CONNECTION_ERROR, "got %d, error %lu after %u writes\n", ret, err, i );
    }
    client_close( &client );
    server_stop( server );
}

/* A server that answers before the body is through and stops reading: the answer must not be lost. That the whole
 * body still fits into the socket is what makes this sure to work. */
static void test_early_answer_is_received(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig" ), SIGNAL,
          DISCARD( 1000 ), END };
    static char block[1000];
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, sizeof(block), 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret && server_wait( server ))
        {
            write_data( client.request, block, sizeof(block) );
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            ok( client_status( client.request ) == 413, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "big" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- arguments ---- */

static void test_bad_headers_fail_the_send(void)
{
    static const WCHAR *const bad[] = { L"novalue", L": value", L"na me: value" };
    struct client client;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( bad ); i++)
    {
        if (client_open( &client, server_closed_port(), 0, L"GET", L"/" ))
        {
            SetLastError( STALE );
            ret = WinHttpSendRequest( client.request, bad[i], ~0u, NULL, 0, 0, 0 );
            ok( !ret, "%ls was accepted\n", bad[i] );
            ok( GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_WINHTTP_INVALID_HEADER,
                "%ls: error %lu\n", bad[i], GetLastError() );
        }
        client_close( &client );
    }
}

START_TEST(send)
{
    test_refused_connection( L"GET", NULL );
    test_refused_connection( L"POST", "data" );
    test_unresolvable_name();
    test_failed_request_can_be_repeated();
    test_body_in_one_piece();
    test_body_in_pieces();
    test_surplus_write_is_refused();
    test_write_across_the_end_is_not_sent();
    test_chunked_body_goes_out_as_it_is();
    test_length_over_4_gib_by_header();
    test_length_over_2_gib_by_argument();
    test_large_uploads();
    test_lengths_that_disagree_are_refused();
    test_optional_length_without_data();
    test_connection_lost_in_an_upload();
    test_early_answer_is_received();
    test_bad_headers_fail_the_send();
}
