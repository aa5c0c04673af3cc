/*
 * Handles that are closed inside a callback: their own, its parents, others
 *
 * Each operation ends exactly once and HANDLE_CLOSING is the last callback of a handle, wherever the close comes from.
 * Rules: windows-notifications.md section 2; notifications.md section 7; windows-behaviour.md H-11, H-13, TH-3.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

struct closing
{
    DWORD status;
    unsigned int closed;
    BOOL ret;
    HANDLE done;                     /* set when `ret` is there */
    DWORD error;
    HINTERNET others[2];
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
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 103 Early Hints\r\n\r\n" REPLY( "2", "ok" ) ), UNHURRIED, END
    };
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
        if (WinHttpSendRequest( request, L"Connection: close", ~0u, NULL, 0, 1, 0 )) started++;
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
            recorder_check_last( recorder, request );                                       /* N-1i, N-2e */
        }
        else WinHttpCloseHandle( request );
        recorder->hook = NULL;
    }
    winetest_pop_context();
    recorder_close( recorder, &client );
    server_abort( server );   /* how far the script came depends on the stage */
}

/* The same in a synchronous session: the call under way fails with 12017, unless it has its result already, and the next
 * one meets no handle. */
static void test_sync_close_inside_each_callback( DWORD status )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 103 Early Hints\r\n\r\n" REPLY( "2", "ok" ) ), UNHURRIED, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    HINTERNET request;
    unsigned int i, failed = 0;
    char buffer[16];
    DWORD count;
    BOOL ret;

    if (!server) return;
    memset( &closing, 0, sizeof(closing) );
    closing.status = status;
    winetest_push_context( "%s", status_name( status ) );
    if (recorder_open( recorder, &client, server_port( server ), 0, L"POST", L"/" ))
    {
        request = client.request;
        client.request = NULL;
        recorder->hook_data = &closing;
        recorder->hook = closing_hook;
        for (i = 0; i < 4; i++)
        {
            BOOL closed = closing.closed != 0;

            SetLastError( STALE );
            switch (i)
            {
            case 0: ret = WinHttpSendRequest( request, L"Connection: close", ~0u, NULL, 0, 1, 0 ); break;
            case 1: ret = WinHttpWriteData( request, "x", 1, &count ); break;
            case 2: ret = WinHttpReceiveResponse( request, NULL ); break;
            default: ret = WinHttpReadData( request, buffer, sizeof(buffer), &count ); break;
            }
            if (!ret) failed++;
            if (closed) ok( !ret && GetLastError() == ERROR_INVALID_HANDLE, "call %u on no handle: %d, error %lu\n", i, ret,
                            GetLastError() );                                               /* H-13, LE-4 */
            else if (closing.closed) ok( ret || GetLastError() == ERROR_WINHTTP_OPERATION_CANCELLED,
                                         "call %u: error %lu\n", i, GetLastError() );
            else ok( ret, "call %u failed with %lu\n", i, GetLastError() );
        }
        ok( closing.closed == 1 && closing.ret, "the handle was not closed\n" );
        ok( failed > 0 || (status & (STATUS( CLOSING_CONNECTION ) | STATUS( CONNECTION_CLOSED ))), "no call has failed\n" );
        recorder_check_last( recorder, request );
        recorder->hook = NULL;
    }
    winetest_pop_context();
    recorder_close( recorder, &client );
    server_abort( server );
}

/* Synchronous: the blocked call returns FALSE with 12017 (notifications.md section 7). */
static void test_sync_close_inside_callback(void)
{
    static const struct step script[] = { ACCEPT, UNHURRIED, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing = { .status = STATUS( SENDING_REQUEST ) };
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

/* A program that closes the handle in the callback of the failure. */
static void test_close_inside_the_error(void)
{
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    HINTERNET request;

    memset( &closing, 0, sizeof(closing) );
    closing.status = STATUS( REQUEST_ERROR );
    closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
    if (recorder_open( recorder, &client, server_closed_port(), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        request = client.request;
        client.request = NULL;
        recorder->hook_data = &closing;
        recorder->hook = closing_hook;
        ok( WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        ok( recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL ), "the handle does not go\n" );
        WaitForSingleObject( closing.done, WAIT_MS );
        ok( closing.closed == 1 && closing.ret, "the handle was not closed\n" );
        ok( recorder_count( recorder, request, COMPLETIONS ) == 1, "%u completions\n",
            recorder_count( recorder, request, COMPLETIONS ) );
        recorder_check_last( recorder, request );
        recorder->hook = NULL;
    }
    recorder_close( recorder, &client );
}

/* While the name is looked up: one completion, whichever of the two ends is first. */
static void test_close_while_resolving( BOOL inside )
{
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    struct event event;
    HINTERNET request;

    memset( &closing, 0, sizeof(closing) );
    closing.status = STATUS( RESOLVING_NAME );
    closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
    if (recorder_open( recorder, &client, 80, WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.connect = WinHttpConnect( client.session, inside ? L"neither.exists.invalid" : L"nor.this.invalid", 80, 0 );
        client_reopen( &client, L"GET", L"/" );
        recorder_reset( recorder );
        request = client.request;
        client.request = NULL;
        recorder->hook_data = &closing;
        if (inside) recorder->hook = closing_hook;
        ok( WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        if (!inside) ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
        recorder_wait( recorder, STATUS( REQUEST_ERROR ), &event );
        ok( event.error == ERROR_WINHTTP_OPERATION_CANCELLED || event.error == ERROR_WINHTTP_NAME_NOT_RESOLVED,
            "error %lu\n", event.error );
        if (inside)
        {
            WaitForSingleObject( closing.done, WAIT_MS );
            ok( closing.closed == 1 && closing.ret, "the handle was not closed\n" );
        }
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        ok( recorder_count( recorder, request, COMPLETIONS ) == 1, "%u completions\n",
            recorder_count( recorder, request, COMPLETIONS ) );
        recorder_check_last( recorder, request );
        recorder->hook = NULL;
    }
    recorder_close( recorder, &client );
}

/* ---- other handles ---- */

static void close_others_hook( struct recorder *recorder, const struct event *event )
{
    struct closing *closing = recorder->hook_data;
    unsigned int i;

    if (event->status != closing->status || closing->closed++) return;
    closing->ret = TRUE;
    for (i = 0; i < count_of( closing->others ); i++)
        if (closing->others[i] && !WinHttpCloseHandle( closing->others[i] )) closing->ret = FALSE;
    if (closing->done) SetEvent( closing->done );
}

/* The callback of a request closes its parents: the exchange goes on to its end. */
static void test_parents_close_inside_callback( DWORD status )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    char buffer[8];

    if (!server) return;
    winetest_push_context( "%s", status_name( status ) );
    memset( &closing, 0, sizeof(closing) );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        closing.status = status;
        closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
        closing.others[0] = client.session;
        closing.others[1] = client.connect;
        client.session = client.connect = NULL;
        recorder->hook_data = &closing;
        recorder->hook = close_others_hook;
        if (recorder_get( recorder, &client, NULL, NULL ) && read_marked( recorder, &client, buffer, sizeof(buffer), NULL ))
            ok( !memcmp( buffer, "ok", 2 ), "wrong data\n" );
        /* the notifications after this one may come in another thread, before the hook has come that far */
        WaitForSingleObject( closing.done, WAIT_MS );
        ok( closing.closed == 1 && closing.ret, "the parents were not closed\n" );           /* H-11, TH-3 */
        CloseHandle( closing.done );
        recorder->hook = NULL;
        WinHttpCloseHandle( client.request );
        client.request = NULL;
        /* a parent may go with its last child only */
        while (recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) < 3)
            if (!recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL )) break;
        recorder_check_last( recorder, closing.others[0] );
        recorder_check_last( recorder, closing.others[1] );
    }
    winetest_pop_context();
    recorder_finish( recorder, &client, server );
}

/* The callback of one request closes another one, which waits. */
static void test_other_request_closes_inside_callback(void)
{
    static const struct step waiting_script[] = { ACCEPT, HEAD, BODY( 1 ), GONE, END };
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *waiting_server = server_start( waiting_script ), *server = server_start( script );
    struct recorder *waiting_recorder = recorder_create(), *recorder = recorder_create();
    struct client waiting, client;
    static struct closing closing;
    HINTERNET request;

    if (!waiting_server || !server) return;
    memset( &closing, 0, sizeof(closing) );
    memset( &client, 0, sizeof(client) );
    if (recorder_start_receive( waiting_recorder, &waiting, server_port( waiting_server ) ))
    {
        request = waiting.request;
        waiting.request = NULL;
        closing.status = STATUS( HEADERS_AVAILABLE );
        closing.others[0] = request;
        recorder->hook_data = &closing;
        recorder->hook = close_others_hook;
        if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
            && recorder_get( recorder, &client, NULL, NULL ))
        {
            recorder_failed( waiting_recorder, API_RECEIVE_RESPONSE, ERROR_WINHTTP_OPERATION_CANCELLED );
            recorder_wait( waiting_recorder, STATUS( HANDLE_CLOSING ), NULL );
            recorder_check_last( waiting_recorder, request );
        }
        recorder_close( recorder, &client );
        ok( closing.closed == 1 && closing.ret, "the other request was not closed\n" );
        recorder->hook = NULL;
    }
    server_stop( server );
    recorder_finish( waiting_recorder, &waiting, waiting_server );
}

static void created_closing_hook( struct recorder *recorder, const struct event *event )
{
    struct closing *closing = recorder->hook_data;

    if (event->status != STATUS( HANDLE_CREATED ) || closing->closed++) return;
    closing->ret = WinHttpCloseHandle( event->payload );
}

/* A handle may be gone before the call that makes it has returned it. */
static void test_close_inside_its_creation(void)
{
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    HINTERNET request;
    BOOL ret;

    memset( &closing, 0, sizeof(closing) );
    if (recorder_open( recorder, &client, 80, 0, L"GET", L"/" ))
    {
        recorder_reset( recorder );
        recorder->hook_data = &closing;
        recorder->hook = created_closing_hook;
        request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        recorder->hook = NULL;
        ok( request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
        ok( closing.closed == 1 && closing.ret, "the handle was not closed\n" );
        ok( recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ) == 1, "no HANDLE_CLOSING\n" );
        SetLastError( STALE );
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_INVALID_HANDLE, "got %d, error %lu\n", ret, GetLastError() );
    }
    recorder_close( recorder, &client );
}

/* ---- twice ---- */

static void twice_hook( struct recorder *recorder, const struct event *event )
{
    struct closing *closing = recorder->hook_data;

    if (event->status != closing->status) return;
    closing->closed++;
    SetLastError( STALE );
    closing->ret = WinHttpCloseHandle( event->handle );
    closing->error = GetLastError();
    SetEvent( closing->done );
}

/* In the callbacks that a close brings the handle is closed already. */
static void test_close_again_inside_callback( DWORD status )
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct closing closing;
    struct client client;
    HINTERNET request;

    if (!server) return;
    memset( &closing, 0, sizeof(closing) );
    closing.status = status;
    closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
    winetest_push_context( "%s", status_name( status ) );
    if (recorder_start_receive( recorder, &client, server_port( server ) ))
    {
        request = client.request;
        recorder->hook_data = &closing;
        recorder->hook_closing = TRUE;
        recorder->hook = twice_hook;
        client.request = NULL;
        ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
        ok( !WaitForSingleObject( closing.done, WAIT_MS ), "the callback does not come\n" );
        ok( !closing.ret && closing.error == ERROR_INVALID_HANDLE, "got %d, error %lu\n", closing.ret, closing.error );
        if (!recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ))
            recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        ok( closing.closed == 1, "%u callbacks\n", closing.closed );
        recorder_check_last( recorder, request );
        recorder->hook = NULL;
    }
    winetest_pop_context();
    recorder_finish( recorder, &client, server );
}

START_TEST(closing_callback)
{
    static const DWORD progress[] =
    {
        STATUS( CONNECTING_TO_SERVER ), STATUS( CONNECTED_TO_SERVER ), STATUS( SENDING_REQUEST ), STATUS( REQUEST_SENT ),
        STATUS( RECEIVING_RESPONSE ), STATUS( INTERMEDIATE_RESPONSE ), STATUS( RESPONSE_RECEIVED )
    };
    static const DWORD completions[] =
    {
        STATUS( SENDREQUEST_COMPLETE ), STATUS( WRITE_COMPLETE ), STATUS( HEADERS_AVAILABLE ), STATUS( DATA_AVAILABLE ),
        STATUS( CLOSING_CONNECTION ), STATUS( CONNECTION_CLOSED ), STATUS( READ_COMPLETE )
    };
    unsigned int i;

    for (i = 0; i < count_of( progress ); i++) test_close_inside_callback( progress[i] );
    for (i = 0; i < count_of( completions ); i++) test_close_inside_callback( completions[i] );
    for (i = 0; i < count_of( progress ); i++) test_sync_close_inside_each_callback( progress[i] );
    test_sync_close_inside_callback();
    test_close_inside_the_error();
    test_close_while_resolving( FALSE );
    test_close_while_resolving( TRUE );
    for (i = 2; i < count_of( progress ); i++)
        if (progress[i] != STATUS( INTERMEDIATE_RESPONSE )) test_parents_close_inside_callback( progress[i] );
    test_parents_close_inside_callback( STATUS( SENDREQUEST_COMPLETE ) );
    test_parents_close_inside_callback( STATUS( HEADERS_AVAILABLE ) );
    test_other_request_closes_inside_callback();
    test_close_inside_its_creation();
    test_close_again_inside_callback( STATUS( REQUEST_ERROR ) );
    test_close_again_inside_callback( STATUS( HANDLE_CLOSING ) );
}
