/*
 * Status callbacks: which, in which order, on which thread, with what
 *
 * Rules: windows-notifications.md sections 1 to 7 and 9; windows-behaviour.md 6.1 (S-20 to S-25), H-16; notifications.md
 * sections 1, 3, 4 and 7. The tables list what each call gives; CALLER means inside the call on its thread. A server
 * never waits here for something that a client may do only after the answer: whether SENDREQUEST_COMPLETE comes before
 * the response when the whole body went out with SendRequest is not pinned.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

/* a resolve and a connect, where there is no pooled connection; an address may be tried more than once */
#define CONNECT_ROWS( call, thread ) \
    { call, STATUS( RESOLVING_NAME ), OPT | thread }, \
    { call, STATUS( NAME_RESOLVED ), OPT | thread }, \
    { call, STATUS( CONNECTING_TO_SERVER ), MANY | thread }, \
    { call, STATUS( CONNECTED_TO_SERVER ), thread }

#define CLOSE_ROWS \
    { CALL_CLOSE_REQUEST, STATUS( HANDLE_CLOSING ), 0 }, \
    { CALL_CLOSE_CONNECT, STATUS( HANDLE_CLOSING ), 0 }, \
    { CALL_CLOSE_SESSION, STATUS( HANDLE_CLOSING ), 0 }

#define OPEN_ROWS \
    { CALL_CONNECT, STATUS( HANDLE_CREATED ), CALLER }, \
    { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER }

/* The end of every test: closes, checks that each handle went once and last, stops the server. */
static void finish( struct recorder *recorder, struct client *client, struct server *server )
{
    recorder_close( recorder, client );
    server_stop( server );
}

/* ---- synchronous ---- */

/* A name, first in the process: all of section 3.1's first round, with payloads. */
static void test_sync_payloads(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    static const struct expect table[] =
    {
        { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER },
        { CALL_SEND, STATUS( RESOLVING_NAME ), CALLER },
        { CALL_SEND, STATUS( NAME_RESOLVED ), CALLER },
        { CALL_SEND, STATUS( CONNECTING_TO_SERVER ), CALLER | MANY },
        { CALL_SEND, STATUS( CONNECTED_TO_SERVER ), CALLER },
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    const struct event *event;
    unsigned int i, len = 0;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ))
    {
        HINTERNET session = client.session, connect, request;

        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.connect = WinHttpConnect( client.session, L"localhost", server_port( server ), 0 );
        recorder_reset( recorder );
        recorder_call( recorder, CALL_OPEN );
        client_reopen( &client, L"GET", L"/" );
        recorder_return( recorder );
        connect = client.connect;
        request = client.request;
        if (send_marked( recorder, &client, NULL, 0 )) receive_marked( recorder, &client );
        server_request_bytes( server, 0, &len );
        recorder_close( recorder, &client );
        recorder_check( recorder, table );

        for (i = 0; i < recorder->count; i++)
        {
            event = &recorder->events[i];
            winetest_push_context( "%s", status_name( event->status ) );
            ok( event->context == (DWORD_PTR)recorder, "wrong context\n" );
            switch (event->status)
            {
            case STATUS( HANDLE_CREATED ):
                /* the documents say the parent; suites only pin that the handle answers, which both do */
                ok( event->handle == connect || event->handle == request, "reported on another handle\n" );
                ok( event->payload == request && event->info_len == sizeof(HINTERNET), "wrong payload\n" );
                break;
            case STATUS( HANDLE_CLOSING ):
                ok( event->payload == event->handle && event->info_len == sizeof(HINTERNET), "wrong payload\n" );
                ok( event->handle == request || event->handle == connect || event->handle == session, "wrong handle\n" );
                break;
            case STATUS( RESOLVING_NAME ):
                ok( !lstrcmpW( event->text, L"localhost" ), "name %ls\n", event->text );
                break;
            case STATUS( NAME_RESOLVED ):
                ok( event->text[0], "no text\n" );          /* the documents say the name, others give the address */
                break;
            case STATUS( CONNECTING_TO_SERVER ):
                ok( !lstrcmpW( event->text, L"127.0.0.1" ) || !lstrcmpW( event->text, L"::1" ), "address %ls\n",
                    event->text );
                break;
            case STATUS( CONNECTED_TO_SERVER ):
                ok( !lstrcmpW( event->text, L"127.0.0.1" ), "address %ls\n", event->text );
                break;
            case STATUS( SENDING_REQUEST ):
            case STATUS( RECEIVING_RESPONSE ):
                ok( !event->info && !event->info_len, "payload %p, %lu bytes\n", event->info, event->info_len );
                break;
            case STATUS( REQUEST_SENT ):
                ok( event->info_len == sizeof(DWORD) && event->value == len, "%lu bytes, length %lu, sent %u\n",
                    event->value, event->info_len, len );
                break;
            case STATUS( RESPONSE_RECEIVED ):
                ok( event->info_len == sizeof(DWORD) && event->value >= sizeof(REPLY( "2", "" )) - 1,
                    "%lu bytes, length %lu\n", event->value, event->info_len );
                break;
            }
            winetest_pop_context();
        }
    }
    server_stop( server );
}

/* Section 3.1: three rounds, the body is never read, the last round is in a new session. */
static void test_sync_sequence(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "one" ) ), HEAD, SEND( REPLY( "3", "two" ) ), HEAD, SEND( REPLY( "5", "three" ) ),
        END
    };
    static const struct expect first[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, CALLER ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_CLOSE_REQUEST, STATUS( HANDLE_CLOSING ), CALLER },
    };
    static const struct expect second[] =
    {
        { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER },
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    static const struct expect third[] =
    {
        OPEN_ROWS,
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    recorder_call( recorder, CALL_CLOSE_REQUEST );
    ret = WinHttpCloseHandle( client.request );
    recorder_return( recorder );
    ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );
    recorder_check( recorder, first );

    recorder_reset( recorder );
    recorder_call( recorder, CALL_OPEN );
    client_reopen( &client, L"GET", L"/" );
    recorder_return( recorder );
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, second );

    recorder_reset( recorder );
    if (!recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, third );
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* No completion is delivered in a synchronous session, whatever is called. */
static void test_sync_gets_no_completions(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY( "2", "ok" ) ), RESET, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    DWORD count = 0;
    char buffer[8];

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, 4 ))
    {
        ok( WinHttpWriteData( client.request, "body", 4, &count ), "WinHttpWriteData failed with %lu\n", GetLastError() );
        if (receive_marked( recorder, &client ))
        {
            WinHttpQueryDataAvailable( client.request, &count );
            WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
        }
        WinHttpReceiveResponse( client.request, NULL );
        ok( !recorder_count( recorder, NULL, COMPLETIONS ), "%u completions\n", recorder_count( recorder, NULL, COMPLETIONS ) );
    }
    finish( recorder, &client, server );
}

/* ---- asynchronous ---- */

/* Completed inside the call: last error 0 and on the caller's thread; else 997 and on another (section 5). */
static void check_place( const struct event *event, DWORD err )
{
    BOOL inside = event->thread == GetCurrentThreadId();

    ok( err == (inside ? ERROR_SUCCESS : ERROR_IO_PENDING), "%s came on %s thread with last error %lu\n",
        status_name( event->status ), inside ? "the caller's" : "another", err );
}

static void test_async_sequence(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "9", "some data" ) ), SIGNAL, HEAD, SEND( REPLY( "2", "ok" ) ), SIGNAL, END };
    static const struct expect first[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), OTHER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        { CALL_QUERY, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_QUERY, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_QUERY, STATUS( DATA_AVAILABLE ), 0 },
        { CALL_READ, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_READ, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_READ, STATUS( READ_COMPLETE ), 0 },
        CLOSE_ROWS
    };
    static const struct expect second[] =                                   /* section 7: the same TCP connection */
    {
        OPEN_ROWS,
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[1024];
    DWORD err;
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    /* the answer is in the socket: ReceiveResponse has nothing to wait for */
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    ok( !event.info && !event.info_len, "HEADERS_AVAILABLE has a payload\n" );
    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );

    recorder_call( recorder, CALL_QUERY );
    SetLastError( STALE );
    ret = WinHttpQueryDataAvailable( client.request, NULL );                /* S-24 */
    err = GetLastError();
    recorder_return( recorder );
    ok( ret, "WinHttpQueryDataAvailable failed with %lu\n", err );
    if (!ret || !recorder_complete( recorder, STATUS( DATA_AVAILABLE ), &event )) goto done;
    check_place( &event, err );
    ok( event.value == 9 && event.info_len == sizeof(DWORD), "%lu bytes, length %lu\n", event.value, event.info_len );

    recorder_call( recorder, CALL_READ );
    SetLastError( STALE );
    ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
    err = GetLastError();
    recorder_return( recorder );
    ok( ret, "WinHttpReadData failed with %lu\n", err );
    if (!ret || !recorder_complete( recorder, STATUS( READ_COMPLETE ), &event )) goto done;
    check_place( &event, err );
    ok( event.info == buffer && event.info_len == 9, "%p, %lu bytes\n", event.info, event.info_len );
    ok( !memcmp( buffer, "some data", 9 ), "wrong data\n" );
    recorder_close( recorder, &client );
    recorder_check( recorder, first );

    recorder_reset( recorder );
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, second );
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* Section 5: the request says close. */
static void test_async_connection_close_sequence(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "9", "some data" ) ), SIGNAL, GONE, END };
    static const struct expect table[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        { CALL_RECEIVE, STATUS( REQUEST_ERROR ), CALLER },
        { CALL_QUERY, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_QUERY, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_QUERY, STATUS( DATA_AVAILABLE ), 0 },
        { CALL_READ, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_READ, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_READ, STATUS( CLOSING_CONNECTION ), 0 },
        { CALL_READ, STATUS( CONNECTION_CLOSED ), 0 },
        { CALL_READ, STATUS( READ_COMPLETE ), 0 },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[1024];
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, L"Connection: close", 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;

    receive_marked( recorder, &client );                                     /* again: a state error in a callback */
    if (!recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event )) goto done;
    ok( event.result == API_RECEIVE_RESPONSE && event.error == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "API %lu, error %lu\n",
        (DWORD)event.result, event.error );
    ok( event.info_len == sizeof(WINHTTP_ASYNC_RESULT), "length %lu\n", event.info_len );

    recorder_call( recorder, CALL_QUERY );
    ret = WinHttpQueryDataAvailable( client.request, NULL );
    recorder_return( recorder );
    ok( ret, "WinHttpQueryDataAvailable failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( DATA_AVAILABLE ), &event )) goto done;
    recorder_call( recorder, CALL_READ );
    ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
    recorder_return( recorder );
    ok( ret, "WinHttpReadData failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( READ_COMPLETE ), &event )) goto done;
    ok( event.info_len == 9, "%lu bytes\n", event.info_len );
    recorder_close( recorder, &client );
    recorder_check( recorder, table );
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* A response that says close gives neither CLOSING_CONNECTION nor CONNECTION_CLOSED (section 2). */
static void test_async_response_close_is_silent(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" ), SIGNAL, GONE, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[16];

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
        && receive_marked( recorder, &client )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        ok( WinHttpReadData( client.request, buffer, sizeof(buffer), NULL ), "failed with %lu\n", GetLastError() );
        recorder_complete( recorder, STATUS( READ_COMPLETE ), &event );
        ok( !recorder_count( recorder, NULL, STATUS( CLOSING_CONNECTION ) | STATUS( CONNECTION_CLOSED ) ),
            "the end of the connection was reported\n" );
    }
    finish( recorder, &client, server );
}

/* ---- the next operation from inside the callback ---- */

struct chain
{
    HINTERNET request;
    char body[4], buffer[64];
    DWORD received, status;
    BOOL failed;
    HANDLE done;
};

static void chain_hook( struct recorder *recorder, const struct event *event )
{
    struct chain *chain = recorder->hook_data;
    BOOL ret = TRUE;

    switch (event->status)
    {
    case STATUS( SENDREQUEST_COMPLETE ):
        ret = WinHttpWriteData( chain->request, chain->body, sizeof(chain->body), NULL );
        break;
    case STATUS( WRITE_COMPLETE ):
        ret = WinHttpReceiveResponse( chain->request, NULL );
        break;
    case STATUS( HEADERS_AVAILABLE ):
        chain->status = client_status( chain->request );
        ret = WinHttpQueryDataAvailable( chain->request, NULL );
        break;
    case STATUS( DATA_AVAILABLE ):
        if (!event->value) SetEvent( chain->done );
        else ret = WinHttpReadData( chain->request, chain->buffer + chain->received,
                                    sizeof(chain->buffer) - chain->received, NULL );
        break;
    case STATUS( READ_COMPLETE ):
        chain->received += event->info_len;
        ret = WinHttpQueryDataAvailable( chain->request, NULL );
        break;
    case STATUS( REQUEST_ERROR ):
        ret = FALSE;
        break;
    }
    if (!ret)
    {
        chain->failed = TRUE;
        SetEvent( chain->done );
    }
}

/* S-20 to S-25. */
static void test_chain_inside_callbacks(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY( "12", "chained data" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    WINHTTP_STATUS_CALLBACK previous;
    struct client client;
    static struct chain chain;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    memset( &chain, 0, sizeof(chain) );
    memcpy( chain.body, "body", 4 );
    chain.done = CreateEventW( NULL, FALSE, FALSE, NULL );
    if (client_open( &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ))
    {
        chain.request = client.request;
        recorder->hook_data = &chain;
        recorder->hook = chain_hook;
        previous = WinHttpSetStatusCallback( client.request, recorder_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
        ok( !previous, "previous callback %p, error %lu\n", previous, GetLastError() );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, (DWORD_PTR)recorder );      /* S-22, S-23 */
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        ok( !WaitForSingleObject( chain.done, 10000 ), "the chain does not end\n" );               /* S-25 */
        ok( !chain.failed, "a call in the chain failed\n" );
        ok( chain.status == 200, "status %lu\n", chain.status );
        ok( chain.received == 12 && !memcmp( chain.buffer, "chained data", 12 ), "%lu bytes\n", chain.received );
        for (i = 0; i < recorder->count; i++)                                                      /* S-21 */
            ok( recorder->events[i].status & WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, "%s is not in the mask\n",
                status_name( recorder->events[i].status ) );
        ok( strstr( server_request( server, 0 ), "\r\nContent-Length: 4\r\n" ) != NULL, "%s", server_request( server, 0 ) );
    }
    /* the mask has no HANDLE_CLOSING: the recorder stays */
    client_close( &client );
    server_stop( server );
}

static void receive_hook( struct recorder *recorder, const struct event *event )
{
    DWORD *when = recorder->hook_data;

    if (event->status != *when) return;
    *when = 0;
    if (!WinHttpReceiveResponse( event->handle, NULL )) *when = ~0u;
}

/* Section 6: ReceiveResponse is called before the send is complete. */
static void test_receive_inside_the_send( DWORD status )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    static DWORD when;

    if (!server) return;
    when = status;
    winetest_push_context( "%s", status_name( status ) );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        recorder->hook_data = &when;
        recorder->hook = receive_hook;
        if (send_marked( recorder, &client, NULL, 0 )
            && recorder_wait( recorder, STATUS( HEADERS_AVAILABLE ) | STATUS( REQUEST_ERROR ), &event ))
        {
            ok( event.status == STATUS( HEADERS_AVAILABLE ), "got %s, error %lu\n", status_name( event.status ),
                event.error );
            ok( event.thread != GetCurrentThreadId(), "HEADERS_AVAILABLE came on the main thread\n" );
            ok( !when, "ReceiveResponse failed in the callback\n" );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        }
        recorder->hook = NULL;
    }
    winetest_pop_context();
    finish( recorder, &client, server );
}

static void test_receive_before_the_send(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && receive_marked( recorder, &client )                               /* section 6: TRUE, an error, no harm */
        && recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event ))
    {
        ok( event.result == API_RECEIVE_RESPONSE && event.error == ERROR_WINHTTP_INCORRECT_HANDLE_STATE,
            "API %lu, error %lu\n", (DWORD)event.result, event.error );
        if (send_marked( recorder, &client, NULL, 0 )
            && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
            && receive_marked( recorder, &client ))
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event );
    }
    finish( recorder, &client, server );
}

/* ---- nesting ---- */

/* Every read has outputs of its own: the callback of one may run on another thread while the call that started it has
 * not returned yet. */
struct nesting
{
    char bytes[256];
    DWORD counts[256];
    DWORD total, max_depth, bad_results, bad_data;
    HANDLE done;
};

/* Section 6: at the limit only the callback is queued, the data and the count are there on return in either case. */
static void nesting_read( struct nesting *nesting, HINTERNET request, DWORD slot )
{
    DWORD err;
    BOOL ret;

    nesting->counts[slot] = STALE;
    SetLastError( STALE );
    ret = WinHttpReadData( request, &nesting->bytes[slot], 1, &nesting->counts[slot] );
    err = GetLastError();
    if (!ret || (err && err != ERROR_IO_PENDING)) nesting->bad_results++;
    else if (slot < 200 && (nesting->counts[slot] != 1 || nesting->bytes[slot] != 'x')) nesting->bad_data++;
}

/* Reads one byte after the other, each from the callback of the one before. */
static void nesting_hook( struct recorder *recorder, const struct event *event )
{
    struct nesting *nesting = recorder->hook_data;

    if (event->status != STATUS( READ_COMPLETE ) && event->status != STATUS( REQUEST_ERROR )) return;
    if (event->depth + 1 > nesting->max_depth) nesting->max_depth = event->depth + 1;
    if (event->status == STATUS( REQUEST_ERROR ) || event->info_len != 1 || nesting->total >= 200)
    {
        nesting->total += event->info_len;
        SetEvent( nesting->done );
        return;
    }
    nesting->total++;
    nesting_read( nesting, event->handle, nesting->total );
}

static void test_nesting_of_reads(void)
{
    static char reply[600];
    static const struct step script[] = { ACCEPT, HEAD, SEND( reply ), SIGNAL, HOLD, END };
    struct server *server;
    struct recorder *recorder = recorder_create();
    static struct nesting nesting;
    struct client client;
    struct event event;

    strcpy( reply, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" );
    memset( reply + strlen( reply ), 'x', 200 );
    if (!(server = server_start( script ))) return;
    memset( &nesting, 0, sizeof(nesting) );
    nesting.done = CreateEventW( NULL, FALSE, FALSE, NULL );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
        && server_wait( server )
        && receive_marked( recorder, &client )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        recorder->hook_data = &nesting;
        recorder->hook = nesting_hook;
        nesting_read( &nesting, client.request, 0 );
        ok( !WaitForSingleObject( nesting.done, WAIT_MS ), "the loop does not end\n" );
        ok( nesting.total == 200, "%lu bytes\n", nesting.total );
        ok( nesting.max_depth >= 2 && nesting.max_depth < 128, "depth %lu\n", nesting.max_depth );
        ok( !nesting.bad_results, "%lu calls failed\n", nesting.bad_results );
        ok( !nesting.bad_data, "%lu reads left their outputs unset\n", nesting.bad_data );
        recorder->hook = NULL;
    }
    server_go( server );
    finish( recorder, &client, server );
}

/* ---- setting callbacks ---- */

static void CALLBACK first_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)handle; (void)context; (void)status; (void)info; (void)len;
}

static void test_set_status_callback(void)
{
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 ), connect;
    WINHTTP_STATUS_CALLBACK previous;

    SetLastError( STALE );
    previous = WinHttpSetStatusCallback( session, first_callback, WINHTTP_CALLBACK_FLAG_HANDLES, 0 );
    ok( !previous && !GetLastError(), "got %p, error %lu\n", previous, GetLastError() );
    connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
    previous = WinHttpSetStatusCallback( connect, NULL, 0, 0 );
    ok( previous == first_callback, "the callback was not inherited: %p\n", previous );
    previous = WinHttpSetStatusCallback( connect, first_callback, 0, 0 );
    ok( !previous, "the callback was not removed: %p\n", previous );
    previous = WinHttpSetStatusCallback( session, NULL, 0, 0 );
    ok( previous == first_callback, "the session lost its callback: %p\n", previous );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

/* The mask selects; nothing outside it is delivered. */
static void test_mask_selects(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    static const DWORD mask = WINHTTP_CALLBACK_FLAG_SEND_REQUEST | WINHTTP_CALLBACK_FLAG_HANDLES;
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    HINTERNET request;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        request = client.request;
        recorder_attach( recorder, request, mask );
        if (client_get( &client ))
        {
            ok( recorder_count( recorder, request, STATUS( SENDING_REQUEST ) ) == 1, "no SENDING_REQUEST\n" );
            ok( recorder_count( recorder, request, STATUS( REQUEST_SENT ) ) == 1, "no REQUEST_SENT\n" );
        }
        client_close( &client );
        ok( recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ) == 1, "no HANDLE_CLOSING\n" );
        ok( !recorder_count( recorder, NULL, ~mask ), "%u notifications outside the mask\n",
            recorder_count( recorder, NULL, ~mask ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The handle that HANDLE_CREATED is delivered for works inside the callback. */
static void created_hook( struct recorder *recorder, const struct event *event )
{
    DWORD_PTR context = 0;
    DWORD len = sizeof(context);

    if (event->status != STATUS( HANDLE_CREATED )) return;
    if (!WinHttpQueryOption( event->payload, WINHTTP_OPTION_CONTEXT_VALUE, &context, &len )
        || context != (DWORD_PTR)recorder) recorder->hook_data = NULL;
}

static void test_created_handle_is_usable_inside(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;

    recorder->hook_data = recorder;
    recorder->hook = created_hook;
    recorder_open( recorder, &client, 80, 0, L"GET", L"/" );
    ok( recorder->hook_data != NULL, "a new handle did not answer in its callback\n" );
    ok( recorder_count( recorder, NULL, STATUS( HANDLE_CREATED ) ) == 2, "not two HANDLE_CREATED\n" );
    recorder->hook = NULL;
    recorder_close( recorder, &client );
}

/* Section 2: the event is set after the session's HANDLE_CLOSING, not before. */
static void test_unload_event( DWORD open_flags )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HANDLE event = CreateEventW( NULL, FALSE, FALSE, NULL );
    struct client client;
    HINTERNET session;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), open_flags, L"GET", L"/" ))
    {
        session = client.session;
        ret = WinHttpSetOption( session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &event, sizeof(event) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (send_marked( recorder, &client, NULL, 0 ))
        {
            if (open_flags) recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL );
            if (receive_marked( recorder, &client ) && open_flags)
                recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL );
        }
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        ok( WaitForSingleObject( event, 0 ) == WAIT_TIMEOUT, "the event is set although the session is open\n" );
        WinHttpCloseHandle( session );
        if (ret) ok( !WaitForSingleObject( event, PROMPT_MS + 2000 ), "the event is not set\n" );
        ok( recorder_count( recorder, session, STATUS( HANDLE_CLOSING ) ) == 1, "no HANDLE_CLOSING of the session\n" );
        memset( &client, 0, sizeof(client) );
    }
    client_close( &client );
    CloseHandle( event );
    server_stop( server );
}

/* H-16: the context given to the send replaces the one before. */
static void test_send_replaces_the_context(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *old = recorder_create(), *new = recorder_create();
    struct client client;
    HINTERNET request;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        request = client.request;
        recorder_attach( old, request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, (DWORD_PTR)new );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        if (ret) WinHttpReceiveResponse( request, NULL );
        client_close( &client );
        ok( !recorder_count( old, NULL, ~0u ), "the old context is still used\n" );
        ok( recorder_count( new, request, STATUS( SENDING_REQUEST ) ) == 1, "the new context is not used\n" );
        recorder_check_last( new, request );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(notification)
{
    test_sync_payloads();   /* first: the name must not have been resolved before */
    test_sync_sequence();
    test_sync_gets_no_completions();
    test_async_sequence();
    test_async_connection_close_sequence();
    test_async_response_close_is_silent();
    test_chain_inside_callbacks();
    test_receive_inside_the_send( STATUS( SENDING_REQUEST ) );
    test_receive_inside_the_send( STATUS( REQUEST_SENT ) );
    test_receive_before_the_send();
    test_nesting_of_reads();
    test_set_status_callback();
    test_mask_selects();
    test_created_handle_is_usable_inside();
    test_unload_event( 0 );
    test_unload_event( WINHTTP_FLAG_ASYNC );
    test_send_replaces_the_context();
}
