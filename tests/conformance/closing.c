/*
 * Endings: asynchronous failures, and handles that are closed while something is under way
 *
 * Each operation ends exactly once, with its result or with 12017, and HANDLE_CLOSING is the last callback of a handle.
 * Rules: windows-notifications.md sections 2, 6 and 9; notifications.md section 7; windows-behaviour.md S-6.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

/* The end of every test: closes, checks that each handle went once and last, stops the server. */
static void finish( struct recorder *recorder, struct client *client, struct server *server )
{
    recorder_close( recorder, client );
    server_stop( server );
}

/* ---- failures ---- */

static void check_async_failure( struct recorder *recorder, DWORD_PTR api, DWORD error )
{
    struct event event;

    if (!recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event )) return;
    ok( event.result == api && event.error == error, "API %lu, error %lu\n", (DWORD)event.result, event.error );
    ok( event.info_len == sizeof(WINHTTP_ASYNC_RESULT), "length %lu\n", event.info_len );
}

/* Section 9: TRUE from the call, REQUEST_ERROR with the code. */
static void test_async_connect_failures(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;

    if (recorder_open( recorder, &client, server_closed_port(), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ))
    {
        check_async_failure( recorder, API_SEND_REQUEST, ERROR_WINHTTP_CANNOT_CONNECT );
        ok( recorder_count( recorder, NULL, COMPLETIONS ) == 1, "%u completions\n",
            recorder_count( recorder, NULL, COMPLETIONS ) );
    }
    recorder_close( recorder, &client );

    recorder = recorder_create();
    if (recorder_open( recorder, &client, 80, WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.connect = WinHttpConnect( client.session, L"does.not.exist.invalid", 80, 0 );
        client_reopen( &client, L"GET", L"/" );
        recorder_reset( recorder );
        if (send_marked( recorder, &client, NULL, 0 ))
            check_async_failure( recorder, API_SEND_REQUEST, ERROR_WINHTTP_NAME_NOT_RESOLVED );
    }
    recorder_close( recorder, &client );
}

/* Sends a POST that owes one byte, writes it, and has ReceiveResponse running: what the server does then is up to it. */
static BOOL start_receive( struct recorder *recorder, struct client *client, unsigned short port )
{
    struct event event;
    BOOL ret;

    if (!recorder_open( recorder, client, port, WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        || !send_marked( recorder, client, NULL, 1 )
        || !recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) return FALSE;
    recorder_call( recorder, CALL_WRITE );
    ret = WinHttpWriteData( client->request, "x", 1, NULL );
    recorder_return( recorder );
    ok( ret, "WinHttpWriteData failed with %lu\n", GetLastError() );
    if (!ret || !recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event )) return FALSE;
    ok( event.value == 1 && event.info_len == sizeof(DWORD), "%lu bytes written, length %lu\n", event.value, event.info_len );
    return receive_marked( recorder, client );
}

static void test_async_receive_failures(void)
{
    static const struct { const char *reply; enum step_op end; DWORD error; } rows[] =
    {
        { "", STEP_RESET, ERROR_WINHTTP_CONNECTION_ERROR },
        { "HTTP/1.1 what\r\n\r\n", STEP_CLOSE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, BODY( 1 ), HOLD, SEND( NULL ), CLOSE, END };
        struct recorder *recorder = recorder_create();
        struct server *server;
        struct client client;

        script[4].data = rows[i].reply;
        script[5].op = rows[i].end;
        if (!(server = server_start( script ))) return;
        if (start_receive( recorder, &client, server_port( server ) ))
        {
            server_go( server );
            check_async_failure( recorder, API_RECEIVE_RESPONSE, rows[i].error );
        }
        finish( recorder, &client, server );
    }
}

static void test_async_read_failures(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" ), HOLD, RESET, END };
    unsigned int i;

    for (i = 0; i < 2; i++)
    {
        struct server *server = server_start( script );
        struct recorder *recorder = recorder_create();
        struct client client;
        struct event event;
        char buffer[16];
        BOOL ret;

        if (!server) return;
        if (start_receive( recorder, &client, server_port( server ) )
            && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
        {
            if (i) server_go( server );
            ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
            if (!i) server_go( server );
            ok( ret, "WinHttpReadData failed with %lu\n", GetLastError() );
            if (ret) check_async_failure( recorder, API_READ_DATA, ERROR_WINHTTP_CONNECTION_ERROR );
        }
        finish( recorder, &client, server );
    }
}

/* One operation at a time: the second one is refused, inline or through REQUEST_ERROR, the first one goes on. */
static void test_second_operation_is_refused(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc" ), HOLD, SEND( "def" ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[6], other[6];
    BOOL ret;

    if (!server) return;
    if (start_receive( recorder, &client, server_port( server ) )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
        ok( ret, "WinHttpReadData failed with %lu\n", GetLastError() );
        SetLastError( STALE );
        ret = WinHttpReadData( client.request, other, sizeof(other), NULL );
        if (ret) check_async_failure( recorder, API_READ_DATA, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );
        else ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu\n", GetLastError() );
        server_go( server );
        if (recorder_complete( recorder, STATUS( READ_COMPLETE ), &event ))
            ok( event.info == buffer && event.info_len == 6, "%p, %lu bytes\n", event.info, event.info_len );
    }
    server_go( server );
    finish( recorder, &client, server );
}

static void test_async_surplus_write(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), HOLD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, 1 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event ))
    {
        ok( WinHttpWriteData( client.request, "x", 1, NULL ), "failed with %lu\n", GetLastError() );
        recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event );
        SetLastError( STALE );
        ret = WinHttpWriteData( client.request, "more", 4, NULL );           /* S-6; inline or not is not pinned */
        if (ret) check_async_failure( recorder, API_WRITE_DATA, ERROR_INVALID_PARAMETER );
        else ok( GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n", GetLastError() );
        server_go( server );
        if (receive_marked( recorder, &client )) recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event );
    }
    server_go( server );
    finish( recorder, &client, server );
}

/* ---- closing ---- */

/* Closes the request while an operation is pending: that operation ends exactly once, with 12017, then the handle does. */
static void close_pending( struct recorder *recorder, struct client *client, DWORD_PTR api )
{
    HINTERNET request = client->request;
    unsigned int before = recorder_count( recorder, NULL, COMPLETIONS );
    ULONGLONG start = GetTickCount64();
    struct event event;
    BOOL ret;

    ret = WinHttpCloseHandle( request );
    ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );
    client->request = NULL;
    if (recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event ))
        ok( milliseconds_since( start ) < PROMPT_MS, "HANDLE_CLOSING took %lu ms\n", (DWORD)milliseconds_since( start ) );
    ok( recorder_count( recorder, NULL, COMPLETIONS ) == before + 1, "%u completions\n",
        recorder_count( recorder, NULL, COMPLETIONS ) - before );
    if (recorder_count( recorder, NULL, COMPLETIONS ) == before + 1)
    {
        event = recorder->events[recorder_find( recorder, COMPLETIONS, before )];
        ok( event.status == STATUS( REQUEST_ERROR ) && event.result == api
            && event.error == ERROR_WINHTTP_OPERATION_CANCELLED, "got %s, API %lu, error %lu\n",
            status_name( event.status ), (DWORD)event.result, event.error );
    }
    recorder_check_last( recorder, request );
}

static void test_close_while_receiving(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (start_receive( recorder, &client, server_port( server ) ))
        close_pending( recorder, &client, API_RECEIVE_RESPONSE );
    finish( recorder, &client, server );
}

static void test_close_while_reading( BOOL query )
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static char buffer[16];   /* outlives the operation */
    struct client client;
    struct event event;
    BOOL ret;

    if (!server) return;
    if (start_receive( recorder, &client, server_port( server ) )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        SetLastError( STALE );
        if (query) ret = WinHttpQueryDataAvailable( client.request, NULL );
        else ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
        ok( ret && GetLastError() == ERROR_IO_PENDING, "got %d, error %lu\n", ret, GetLastError() );
        close_pending( recorder, &client, query ? API_QUERY_DATA_AVAILABLE : API_READ_DATA );
    }
    finish( recorder, &client, server );
}

static void test_close_while_writing(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, HOLD, GONE, END };
    static char block[64 << 20];   /* more than any socket takes */
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, sizeof(block) )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event ) && server_wait( server ))
    {
        ok( WinHttpWriteData( client.request, block, sizeof(block), NULL ), "failed with %lu\n", GetLastError() );
        close_pending( recorder, &client, API_WRITE_DATA );
    }
    server_go( server );
    finish( recorder, &client, server );
}

/* A TLS server that never says a word: the send is in the handshake. */
static void test_close_while_connecting(void)
{
    static const struct step script[] = { ACCEPT, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        recorder_reset( recorder );
        if (send_marked( recorder, &client, NULL, 0 ) && server_wait( server ))
            close_pending( recorder, &client, API_SEND_REQUEST );
    }
    finish( recorder, &client, server );
}

/* Whatever phase it is in: one completion, then the handle goes. */
static void test_close_right_after_the_send(void)
{
    unsigned int i;

    for (i = 0; i < 20; i++)
    {
        static const struct step script[] = { UNHURRIED, END };
        struct server *server = server_start( script );
        struct recorder *recorder = recorder_create();
        struct client client;
        HINTERNET request;

        if (!server) return;
        if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
            && send_marked( recorder, &client, NULL, 0 ))
        {
            request = client.request;
            ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
            client.request = NULL;
            if (!recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL )) i = 20;   /* it would be no better again */
            ok( recorder_count( recorder, request, COMPLETIONS ) == 1, "%u completions\n",
                recorder_count( recorder, request, COMPLETIONS ) );
            recorder_check_last( recorder, request );
        }
        recorder_close( recorder, &client );
        server_abort( server );
    }
}

struct closing
{
    DWORD status;
    unsigned int closed;
    BOOL ret;
    HANDLE done;                     /* set when `ret` is there */
};

static void closing_hook( struct recorder *recorder, const struct event *event )
{
    struct closing *closing = recorder->hook_data;

    if (event->status != closing->status || closing->closed++) return;
    closing->ret = WinHttpCloseHandle( event->handle );
    if (closing->done) SetEvent( closing->done );
}

/* Waits for the completion of an operation, and for the hook if it is that completion which it closes the handle in: an
 * event is recorded before its hook runs. */
static void closing_wait( struct recorder *recorder, struct closing *closing )
{
    struct event event;

    if (recorder_wait( recorder, COMPLETIONS, &event ) && (event.status == closing->status || closing->closed))
        WaitForSingleObject( closing->done, 20000 );
}

/* The callback closes the handle it is called for, at every stage of an exchange. */
static void test_close_inside_callback( DWORD status )
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), SEND( REPLY( "2", "ok" ) ), UNHURRIED, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing;   /* a callback that comes too late still finds it */
    struct client client;
    HINTERNET request;
    char buffer[16];

    if (!server) return;
    memset( &closing, 0, sizeof(closing) );
    closing.status = status;
    closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
    winetest_push_context( "%s", status_name( status ) );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ))
    {
        unsigned int started = 0, completions;

        request = client.request;
        client.request = NULL;
        recorder->hook_data = &closing;
        recorder->hook = closing_hook;
        if (WinHttpSendRequest( request, NULL, 0, NULL, 0, 1, 0 )) started++;
        closing_wait( recorder, &closing );
        if (!closing.closed && WinHttpWriteData( request, "x", 1, NULL ))
        {
            started++;
            closing_wait( recorder, &closing );
        }
        if (!closing.closed && WinHttpReceiveResponse( request, NULL ))
        {
            started++;
            closing_wait( recorder, &closing );
        }
        if (!closing.closed && WinHttpQueryDataAvailable( request, NULL ))
        {
            started++;
            closing_wait( recorder, &closing );
        }
        if (!closing.closed && WinHttpReadData( request, buffer, sizeof(buffer), NULL ))
        {
            started++;
            closing_wait( recorder, &closing );
        }
        ok( closing.closed && closing.ret, "the handle was not closed\n" );
        if (closing.closed)
        {
            if (!recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ))
                recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
            completions = recorder_count( recorder, request, COMPLETIONS );
            ok( completions == started, "%u completions for %u operations\n", completions, started );
            recorder_check_last( recorder, request );
        }
        else WinHttpCloseHandle( request );
        recorder->hook = NULL;
    }
    winetest_pop_context();
    recorder_close( recorder, &client );
    server_abort( server );   /* how far the script came depends on the stage */
}

/* Synchronous: the blocked call returns FALSE with 12017 (notifications.md section 7). */
static void test_sync_close_inside_callback(void)
{
    static const struct step script[] = { ACCEPT, UNHURRIED, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing = { STATUS( SENDING_REQUEST ), 0, FALSE, NULL };
    struct client client;
    HINTERNET request;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ))
    {
        request = client.request;
        client.request = NULL;
        recorder->hook_data = &closing;
        recorder->hook = closing_hook;
        SetLastError( STALE );
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_WINHTTP_OPERATION_CANCELLED, "got %d, error %lu\n", ret, GetLastError() );
        ok( closing.closed == 1 && closing.ret, "the handle was not closed\n" );
        recorder_check_last( recorder, request );
        recorder->hook = NULL;
    }
    recorder_close( recorder, &client );
    server_abort( server );
}

START_TEST(closing)
{
    static const DWORD stages[] =
    {
        STATUS( SENDING_REQUEST ), STATUS( REQUEST_SENT ), STATUS( SENDREQUEST_COMPLETE ), STATUS( WRITE_COMPLETE ),
        STATUS( RECEIVING_RESPONSE ), STATUS( RESPONSE_RECEIVED ), STATUS( HEADERS_AVAILABLE ),
        STATUS( DATA_AVAILABLE ), STATUS( READ_COMPLETE )
    };
    unsigned int i;

    test_async_connect_failures();
    test_async_receive_failures();
    test_async_read_failures();
    test_second_operation_is_refused();
    test_async_surplus_write();
    test_close_while_receiving();
    test_close_while_reading( FALSE );
    test_close_while_reading( TRUE );
    test_close_while_writing();
    test_close_while_connecting();
    test_close_right_after_the_send();
    for (i = 0; i < count_of( stages ); i++) test_close_inside_callback( stages[i] );
    test_sync_close_inside_callback();
}
