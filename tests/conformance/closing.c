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

/* ---- failures ---- */

/* Section 9: TRUE from the call, REQUEST_ERROR with the code. */
static void test_async_connect_failures(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;

    if (recorder_open( recorder, &client, server_closed_port(), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ))
    {
        recorder_failed( recorder, API_SEND_REQUEST, ERROR_WINHTTP_CANNOT_CONNECT );
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
            recorder_failed( recorder, API_SEND_REQUEST, ERROR_WINHTTP_NAME_NOT_RESOLVED );
    }
    recorder_close( recorder, &client );
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
        if (recorder_start_receive( recorder, &client, server_port( server ) ))
        {
            server_go( server );
            recorder_failed( recorder, API_RECEIVE_RESPONSE, rows[i].error );
        }
        recorder_finish( recorder, &client, server );
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
        if (recorder_start_receive( recorder, &client, server_port( server ) )
            && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
        {
            if (i) server_go( server );
            ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
            if (!i) server_go( server );
            ok( ret, "WinHttpReadData failed with %lu\n", GetLastError() );
            if (ret) recorder_failed( recorder, API_READ_DATA, ERROR_WINHTTP_CONNECTION_ERROR );
        }
        recorder_finish( recorder, &client, server );
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
    if (recorder_start_receive( recorder, &client, server_port( server ) )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
        ok( ret, "WinHttpReadData failed with %lu\n", GetLastError() );
        SetLastError( STALE );
        ret = WinHttpReadData( client.request, other, sizeof(other), NULL );
        if (ret) recorder_failed( recorder, API_READ_DATA, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );
        else ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu\n", GetLastError() );
        server_go( server );
        if (recorder_complete( recorder, STATUS( READ_COMPLETE ), &event ))
            ok( event.info == buffer && event.info_len == 6, "%p, %lu bytes\n", event.info, event.info_len );
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
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
        if (ret) recorder_failed( recorder, API_WRITE_DATA, ERROR_INVALID_PARAMETER );
        else ok( GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n", GetLastError() );
        server_go( server );
        if (receive_marked( recorder, &client )) recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event );
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
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
    if (recorder_start_receive( recorder, &client, server_port( server ) ))
        close_pending( recorder, &client, API_RECEIVE_RESPONSE );
    recorder_finish( recorder, &client, server );
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
    if (recorder_start_receive( recorder, &client, server_port( server ) )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        SetLastError( STALE );
        if (query) ret = WinHttpQueryDataAvailable( client.request, NULL );
        else ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
        ok( ret && GetLastError() == ERROR_IO_PENDING, "got %d, error %lu\n", ret, GetLastError() );
        close_pending( recorder, &client, query ? API_QUERY_DATA_AVAILABLE : API_READ_DATA );
    }
    recorder_finish( recorder, &client, server );
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
    recorder_finish( recorder, &client, server );
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
    recorder_finish( recorder, &client, server );
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

/* ---- more than one operation ---- */

static void receive_in_sending( struct recorder *recorder, const struct event *event )
{
    LONG *failed = recorder->hook_data;

    if (event->status == STATUS( SENDING_REQUEST ) && !WinHttpReceiveResponse( event->handle, NULL )) ++*failed;
}

/* ReceiveResponse waits behind the send; the handle is closed before the server answers: both end, each once. */
static void test_close_with_a_waiting_receive(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static LONG failed;
    unsigned int i, sends = 0, receives = 0;
    struct client client;
    HINTERNET request;

    if (!server) return;
    failed = 0;
    recorder->hook_data = &failed;
    recorder->hook = receive_in_sending;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ) && server_wait( server ))
    {
        request = client.request;
        client.request = NULL;
        ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        ok( !failed, "ReceiveResponse failed in the callback\n" );
        for (i = 0; i < recorder->count; i++)
        {
            const struct event *event = &recorder->events[i];

            if (event->status == STATUS( SENDREQUEST_COMPLETE )) sends++;     /* it may have been complete */
            if (event->status != STATUS( REQUEST_ERROR )) continue;
            ok( event->error == ERROR_WINHTTP_OPERATION_CANCELLED, "API %lu, error %lu\n", (DWORD)event->result,
                event->error );
            if (event->result == API_SEND_REQUEST) sends++;
            if (event->result == API_RECEIVE_RESPONSE) receives++;
        }
        ok( sends == 1 && receives == 1, "%u sends and %u receives ended\n", sends, receives );
        recorder_check_last( recorder, request );
    }
    recorder_finish( recorder, &client, server );
}

static void test_close_while_writing_and_receiving(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, HOLD, GONE, END };
    static char block[64 << 20];   /* more than any socket takes */
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    unsigned int i, writes = 0, receives = 0;
    struct client client;
    HINTERNET request;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, sizeof(block) )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ) && server_wait( server ))
    {
        request = client.request;
        client.request = NULL;
        ok( WinHttpWriteData( request, block, sizeof(block), NULL ), "failed with %lu\n", GetLastError() );
        ok( WinHttpReceiveResponse( request, NULL ), "failed with %lu\n", GetLastError() );
        ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        for (i = 0; i < recorder->count; i++)
        {
            if (recorder->events[i].status != STATUS( REQUEST_ERROR )) continue;
            if (recorder->events[i].result == API_WRITE_DATA) writes++;
            if (recorder->events[i].result == API_RECEIVE_RESPONSE) receives++;
        }
        ok( writes == 1 && receives == 1, "%u writes and %u receives ended\n", writes, receives );
        recorder_check_last( recorder, request );
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
}

/* ---- twice, and at the same time ---- */

static LONG race_gate, race_good;

static DWORD WINAPI race_thread( void *handle )
{
    InterlockedIncrement( &race_gate );
    while (*(volatile LONG *)&race_gate < 2) SwitchToThread();
    if (WinHttpCloseHandle( handle )) InterlockedIncrement( &race_good );
    return 0;
}

/* Two threads close one handle: one of them succeeds, and HANDLE_CLOSING comes once. */
static void test_two_threads_close_one_handle(void)
{
    struct recorder *recorder = recorder_create();
    unsigned int i, wrong = 0;

    for (i = 0; i < 100; i++)
    {
        HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        HANDLE thread;

        recorder_attach( recorder, session, WINHTTP_CALLBACK_FLAG_HANDLES );
        race_gate = race_good = 0;
        thread = CreateThread( NULL, 0, race_thread, session, 0, NULL );
        race_thread( session );
        WaitForSingleObject( thread, WAIT_MS );
        CloseHandle( thread );
        if (race_good != 1) wrong++;
    }
    ok( !wrong, "%u times not one close has succeeded\n", wrong );
    ok( recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) == 100, "%u HANDLE_CLOSING\n",
        recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) );                       /* N-2e */
}

struct held
{
    HANDLE inside, release;
    BOOL ret;
    DWORD error;
};

static void held_hook( struct recorder *recorder, const struct event *event )
{
    struct held *held = recorder->hook_data;
    DWORD_PTR context;
    DWORD len = sizeof(context);

    if (event->status != STATUS( SENDREQUEST_COMPLETE )) return;
    SetEvent( held->inside );
    WaitForSingleObject( held->release, WAIT_MS );
    SetLastError( STALE );
    held->ret = WinHttpQueryOption( event->handle, WINHTTP_OPTION_CONTEXT_VALUE, &context, &len );
    held->error = GetLastError();
}

/* Another thread closes the handle while its callback runs: HANDLE_CLOSING waits for that callback, which meets a handle
 * that is gone. */
static void test_close_while_the_callback_runs(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), UNHURRIED, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct held held;
    struct client client;
    HINTERNET request;

    if (!server) return;
    memset( &held, 0, sizeof(held) );
    held.inside  = CreateEventW( NULL, TRUE, FALSE, NULL );
    held.release = CreateEventW( NULL, TRUE, FALSE, NULL );
    recorder->hook_data = &held;
    recorder->hook = held_hook;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ))
    {
        ok( !WaitForSingleObject( held.inside, WAIT_MS ), "the callback does not come\n" );
        request = client.request;
        client.request = NULL;
        ok( WinHttpCloseHandle( request ), "failed with %lu\n", GetLastError() );
        ok( !recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ), "HANDLE_CLOSING overtook a callback\n" );
        SetEvent( held.release );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        ok( !held.ret && held.error == ERROR_INVALID_HANDLE, "got %d, error %lu\n", held.ret, held.error );
        recorder_check_last( recorder, request );
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

START_TEST(closing)
{
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
    test_close_with_a_waiting_receive();
    test_close_while_writing_and_receiving();
    test_two_threads_close_one_handle();
    test_close_while_the_callback_runs();
}
