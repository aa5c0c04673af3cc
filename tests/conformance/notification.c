/*
 * Status callbacks: what may be done in them, and how they are set
 *
 * Rules: windows-notifications.md sections 2 and 6; windows-behaviour.md 6.1 (S-20 to S-25), H-16, TH-2; notifications.md
 * sections 1, 4 and 7. The order of notifications is in notification_order.c, what they carry in notification_payload.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

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

/* The same whether the program has promised that its callbacks do not block or not. */
static void test_chain_inside_callbacks( BOOL non_blocking )
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
        if (non_blocking)
        {
            ret = WinHttpSetOption( client.session, WINHTTP_OPTION_ASSURED_NON_BLOCKING_CALLBACKS, &non_blocking,
                                    sizeof(non_blocking) );
            ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
            WinHttpCloseHandle( client.request );    /* for a request that is opened after it */
            client_reopen( &client, L"POST", L"/" );
        }
        chain.request = client.request;
        recorder->hook_data = &chain;
        recorder->hook = chain_hook;
        previous = WinHttpSetStatusCallback( client.request, recorder_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
        ok( !previous, "previous callback %p, error %lu\n", previous, GetLastError() );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, (DWORD_PTR)recorder );      /* S-22, S-23 */
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        ok( !WaitForSingleObject( chain.done, WAIT_MS ), "the chain does not end\n" );               /* S-25 */
        ok( !chain.failed, "a call in the chain failed\n" );                                     /* S-20, S-24, TH-2 */
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
            ok( !when, "ReceiveResponse failed in the callback\n" );                            /* N-6c */
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        }
        recorder->hook = NULL;
    }
    winetest_pop_context();
    recorder_finish( recorder, &client, server );
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
        && receive_marked( recorder, &client )                               /* N-6a: TRUE, an error, no harm */
        && recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event ))
    {
        ok( event.result == API_RECEIVE_RESPONSE && event.error == ERROR_WINHTTP_INCORRECT_HANDLE_STATE,
            "API %lu, error %lu\n", (DWORD)event.result, event.error );
        if (send_marked( recorder, &client, NULL, 0 )
            && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
            && receive_marked( recorder, &client ))
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event );
    }
    recorder_finish( recorder, &client, server );
}

/* ---- nesting ---- */

/* Every read has outputs of its own: the callback of one may run on another thread while the call that started it has
 * not returned yet. */
struct nesting
{
    char bytes[256];
    DWORD counts[256], available[256];
    DWORD total, max_depth, bad_results, bad_data, bad_queries;
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

static void nesting_query( struct nesting *nesting, HINTERNET request, DWORD slot )
{
    DWORD err;
    BOOL ret;

    nesting->available[slot] = STALE;
    SetLastError( STALE );
    ret = WinHttpQueryDataAvailable( request, &nesting->available[slot] );
    err = GetLastError();
    if (!ret || (err && err != ERROR_IO_PENDING)) nesting->bad_results++;
    else if (slot < 200 && (!nesting->available[slot] || nesting->available[slot] > 200 - slot)) nesting->bad_queries++;
}

/* Reads one byte after the other, each from the callback of the query before, which is from that of the read before. */
static void nesting_hook( struct recorder *recorder, const struct event *event )
{
    struct nesting *nesting = recorder->hook_data;

    if (event->status != STATUS( READ_COMPLETE ) && event->status != STATUS( DATA_AVAILABLE )
        && event->status != STATUS( REQUEST_ERROR )) return;
    if (event->depth + 1 > nesting->max_depth) nesting->max_depth = event->depth + 1;
    if (event->status == STATUS( DATA_AVAILABLE ))
    {
        nesting_read( nesting, event->handle, nesting->total );
        return;
    }
    if (event->status == STATUS( REQUEST_ERROR ) || event->info_len != 1 || nesting->total >= 200)
    {
        nesting->total += event->info_len;
        SetEvent( nesting->done );
        return;
    }
    nesting->total++;
    nesting_query( nesting, event->handle, nesting->total );
}

static void test_nesting_of_reads_and_queries(void)
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
        ok( (nesting.max_depth >= 2 && nesting.max_depth <= 3) || broken( nesting.max_depth < 128 ) /* before 7 */,
            "depth %lu\n", nesting.max_depth );                                             /* N-6d, N-6e */
        ok( !nesting.bad_results, "%lu calls failed\n", nesting.bad_results );
        /* Windows 7 left the count alone when the callback came later */
        ok( !nesting.bad_queries || broken( nesting.bad_queries ), "%lu queries left their output unset\n",
            nesting.bad_queries );
        ok( !nesting.bad_data, "%lu reads left their outputs unset\n", nesting.bad_data );     /* N-6f */
        recorder->hook = NULL;
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
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
    ok( recorder->hook_data != NULL, "a new handle did not answer in its callback\n" );          /* N-2d */
    ok( recorder_count( recorder, NULL, STATUS( HANDLE_CREATED ) ) == 2, "not two HANDLE_CREATED\n" );
    recorder->hook = NULL;
    recorder_close( recorder, &client );
}

/* The context given to the send replaces the one before. */
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
        ok( recorder_count( new, request, STATUS( SENDING_REQUEST ) ) == 1, "the new context is not used\n" );   /* H-16 */
        recorder_check_last( new, request );
    }
    client_close( &client );
    server_stop( server );
}

/* Children take context and callback over when they are made, and keep them. */
static void test_context_is_inherited_once(void)
{
    DWORD_PTR values[] = { 1, 2, 3 }, value;
    HINTERNET handles[3];
    struct client client;
    unsigned int i;
    DWORD len;
    BOOL ret;

    memset( &client, 0, sizeof(client) );
    client.session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < count_of( values ); i++)
    {
        /* each child is made between two values of its parent */
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_CONTEXT_VALUE, &values[i], sizeof(values[i]) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (i == 0) client.connect = WinHttpConnect( client.session, L"127.0.0.1", 80, 0 );
        if (i == 1) client_reopen( &client, NULL, NULL );
    }
    handles[0] = client.session;
    handles[1] = client.connect;
    handles[2] = client.request;
    for (i = 0; i < count_of( handles ); i++)
    {
        len = sizeof(value);
        value = STALE;
        ret = WinHttpQueryOption( handles[i], WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );
        ok( ret && value == (i ? 1 : 3), "%u: got %d, context %lu\n", i, ret, (DWORD)value );   /* N-2d */
    }
    client_close( &client );
}

/* After its removal nothing comes, not even the end of the handle; the handle works on. */
static void test_removed_callback_is_silent(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HANDLE unloaded = CreateEventW( NULL, TRUE, FALSE, NULL );
    WINHTTP_STATUS_CALLBACK previous;
    struct client client;
    HINTERNET request;
    unsigned int count;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, 1 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
    {
        WinHttpSetOption( client.session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &unloaded, sizeof(unloaded) );
        request = client.request;
        SetLastError( STALE );
        previous = WinHttpSetStatusCallback( request, NULL, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS, 0 );
        ok( previous == recorder_callback && !GetLastError(), "got %p, error %lu\n", previous, GetLastError() );  /* N-2c */
        count = recorder_count( recorder, request, ~0u );
        ret = WinHttpWriteData( request, "x", 1, NULL );
        ok( ret, "WinHttpWriteData failed with %lu\n", GetLastError() );
        server_wait( server );
        ret = WinHttpReceiveResponse( request, NULL );
        ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
        client_close( &client );
        ok( !WaitForSingleObject( unloaded, WAIT_MS ), "the session does not end\n" );
        ok( recorder_count( recorder, request, ~0u ) == count, "%u notifications came\n",
            recorder_count( recorder, request, ~0u ) - count );
        ok( recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) == 2, "%u HANDLE_CLOSING of the parents\n",
            recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- callbacks that change while notifications come ---- */

static volatile LONG toggle_stop, toggle_count, wrong_a, wrong_b, seen_a, seen_b;

/* The one is set for HANDLE_CREATED only, the other for HANDLE_CLOSING. */
static void CALLBACK toggle_callback_a( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)handle; (void)context; (void)info; (void)len;
    InterlockedIncrement( status == STATUS( HANDLE_CREATED ) ? &seen_a : &wrong_a );
}

static void CALLBACK toggle_callback_b( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)handle; (void)context; (void)info; (void)len;
    InterlockedIncrement( status == STATUS( HANDLE_CLOSING ) ? &seen_b : &wrong_b );
}

/* Sets one after the other; what is returned must be the one that was set before. */
static DWORD WINAPI toggle_thread( void *connect )
{
    WINHTTP_STATUS_CALLBACK previous, last = NULL;
    DWORD wrong = 0;

    while (!toggle_stop)
    {
        previous = WinHttpSetStatusCallback( connect, toggle_callback_a, STATUS( HANDLE_CREATED ), 0 );
        if (previous != last) wrong++;
        previous = WinHttpSetStatusCallback( connect, toggle_callback_b, STATUS( HANDLE_CLOSING ), 0 );
        if (previous != toggle_callback_a) wrong++;
        last = toggle_callback_b;
        InterlockedIncrement( &toggle_count );
    }
    return wrong;
}

/* A callback never gets what is in the other one's mask only, nor does a child that inherits: the two are one. */
static void test_callback_and_mask_change_together(void)
{
    HINTERNET session, connect, request;
    unsigned int i;
    HANDLE thread;
    DWORD wrong;

    toggle_stop = 0;
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
    thread = CreateThread( NULL, 0, toggle_thread, connect, 0, NULL );
    for (i = 0; i < 100000; i++)
    {
        request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );
        if (!WinHttpCloseHandle( request )) break;
    }
    toggle_stop = 1;
    ok( i == 100000, "request %u failed with %lu\n", i, GetLastError() );
    ok( !WaitForSingleObject( thread, WAIT_MS ), "the thread hangs\n" );
    GetExitCodeThread( thread, &wrong );
    CloseHandle( thread );
    ok( !wrong, "%lu times another callback than the last one was returned\n", wrong );
    ok( !wrong_a && !wrong_b, "%ld and %ld notifications outside the mask of %ld and %ld\n", wrong_a, wrong_b, seen_a,
        seen_b );                                                                           /* S-21 */
    trace( "%ld changes, %ld and %ld notifications\n", toggle_count, seen_a, seen_b );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

/* ---- anything may be called ---- */

struct anything
{
    unsigned short port;             /* of another server */
    LONG gets, failed;
    DWORD seen;                      /* statuses */
    DWORD last_error;
    const char *last_call;
};

static void anything_failed( struct anything *anything, const char *call )
{
    anything->last_error = GetLastError();
    anything->last_call = call;
    InterlockedIncrement( &anything->failed );
}

/* A whole synchronous exchange with handles of its own. */
static void anything_get( struct anything *anything )
{
    HINTERNET session, connect, request;
    char buffer[16];
    DWORD count;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", anything->port, 0 );
    request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );
    if (!WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 )) anything_failed( anything, "SendRequest" );
    else if (!WinHttpReceiveResponse( request, NULL )) anything_failed( anything, "ReceiveResponse" );
    else if (!WinHttpReadData( request, buffer, sizeof(buffer), &count ) || count != 5 || memcmp( buffer, "inner", 5 ))
        anything_failed( anything, "ReadData" );
    else InterlockedIncrement( &anything->gets );
    if (!WinHttpCloseHandle( request ) || !WinHttpCloseHandle( connect ) || !WinHttpCloseHandle( session ))
        anything_failed( anything, "CloseHandle" );
}

static void anything_hook( struct recorder *recorder, const struct event *event )
{
    struct anything *anything = recorder->hook_data;
    DWORD timeout = WAIT_MS, len;
    DWORD_PTR context;
    WCHAR verb[8];

    if (event->status & (STATUS( HANDLE_CREATED ) | anything->seen)) return;
    anything->seen |= event->status;
    len = sizeof(context);
    if (!WinHttpQueryOption( event->handle, WINHTTP_OPTION_CONTEXT_VALUE, &context, &len )
        || context != (DWORD_PTR)recorder) anything_failed( anything, "QueryOption" );
    if (!WinHttpSetOption( event->handle, WINHTTP_OPTION_RECEIVE_TIMEOUT, &timeout, sizeof(timeout) ))
        anything_failed( anything, "SetOption" );
    if (!WinHttpSetTimeouts( event->handle, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS )) anything_failed( anything, "SetTimeouts" );
    len = sizeof(verb);
    if (!WinHttpQueryHeaders( event->handle, WINHTTP_QUERY_REQUEST_METHOD, NULL, verb, &len, NULL ))
        anything_failed( anything, "QueryHeaders" );
    if (WinHttpSetStatusCallback( event->handle, recorder_callback, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS, 0 )
        != recorder_callback) anything_failed( anything, "SetStatusCallback" );
    anything_get( anything );
}

static void test_any_function_may_be_called( DWORD open_flags )
{
    static const struct step inner_script[] = { HEAD, SEND( REPLY( "5", "inner" ) ), LOOP };
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 1 ), SEND( "HTTP/1.1 103 Early Hints\r\n\r\n" REPLY( "2", "ok" ) ), UNHURRIED, END
    };
    static const DWORD progress = STATUS( CONNECTING_TO_SERVER ) | STATUS( CONNECTED_TO_SERVER ) | STATUS( SENDING_REQUEST )
        | STATUS( REQUEST_SENT ) | STATUS( RECEIVING_RESPONSE ) | STATUS( INTERMEDIATE_RESPONSE )
        | STATUS( RESPONSE_RECEIVED );
    static const DWORD completions = STATUS( SENDREQUEST_COMPLETE ) | STATUS( WRITE_COMPLETE )
        | STATUS( HEADERS_AVAILABLE ) | STATUS( DATA_AVAILABLE ) | STATUS( READ_COMPLETE );
    struct server *server = server_start( script ), *inner = server_start_each( inner_script );
    struct recorder *recorder = recorder_create();
    static struct anything anything;
    DWORD expected = progress | (open_flags ? completions : 0), count;
    struct client client;
    struct event event;
    char buffer[16];
    BOOL good;

    if (!server || !inner) return;
    memset( &anything, 0, sizeof(anything) );
    anything.port = server_port( inner );
    recorder->hook_data = &anything;
    recorder->hook = anything_hook;
    good = recorder_open( recorder, &client, server_port( server ), open_flags, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, 1 );
    if (good && open_flags)
    {
        good = recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
            && WinHttpWriteData( client.request, "x", 1, NULL )
            && recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event )
            && receive_marked( recorder, &client )
            && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )
            && WinHttpQueryDataAvailable( client.request, NULL )
            && recorder_complete( recorder, STATUS( DATA_AVAILABLE ), &event )
            && WinHttpReadData( client.request, buffer, sizeof(buffer), NULL )
            && recorder_complete( recorder, STATUS( READ_COMPLETE ), &event );
        if (good) ok( event.info_len == 2, "%lu bytes\n", event.info_len );
    }
    else if (good)
    {
        good = WinHttpWriteData( client.request, "x", 1, &count ) && receive_marked( recorder, &client );
        client_check_body( client.request, "ok" );
    }
    ok( good, "the exchange failed\n" );
    recorder_close( recorder, &client );    /* HANDLE_CLOSING comes when the last hook has returned */
    recorder->hook = NULL;
    ok( (anything.seen & expected) == expected, "statuses %#lx, expected %#lx\n", anything.seen, expected );
    ok( !anything.failed, "%ld calls failed, the last one %s with %lu\n", anything.failed, anything.last_call,
        anything.last_error );                                                              /* TH-2 */
    server_abort( server );
    server_abort( inner );
}

/* ---- a whole new exchange from inside a completion ---- */

static void again_hook( struct recorder *recorder, const struct event *event )
{
    LONG *state = recorder->hook_data;

    if (event->status == STATUS( SENDREQUEST_COMPLETE ) && *state == 0)
    {
        *state = 1;
        if (!WinHttpReceiveResponse( event->handle, NULL )) *state = -1;
    }
    else if (event->status == STATUS( HEADERS_AVAILABLE ) && *state == 1)
    {
        *state = 2;
        /* the second call may come while the first one is under way, as from SENDING_REQUEST */
        if (!WinHttpSendRequest( event->handle, NULL, 0, NULL, 0, 0, 0 )
            || !WinHttpReceiveResponse( event->handle, NULL )) *state = -2;
    }
}

/* The completion of the first send is still on the stack when the second exchange begins. */
static void test_send_again_inside_the_completion(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "0", "" ) ), HEAD, SIGNAL, HOLD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static LONG state;
    struct client client;
    struct event event;

    if (!server) return;
    state = 0;
    recorder->hook_data = &state;
    recorder->hook = again_hook;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )
        && server_wait( server ))
    {
        server_go( server );
        if (recorder_wait( recorder, STATUS( HEADERS_AVAILABLE ) | STATUS( REQUEST_ERROR ), &event ))
            ok( event.status == STATUS( HEADERS_AVAILABLE ), "got %s, API %lu, error %lu\n", status_name( event.status ),
                (DWORD)event.result, event.error );                                         /* H-15, TH-2 */
    }
    server_go( server );
    recorder_close( recorder, &client );
    ok( state == 2, "state %ld\n", state );
    ok( recorder_count( recorder, NULL, COMPLETIONS ) == 4, "%u completions for 4 operations\n",
        recorder_count( recorder, NULL, COMPLETIONS ) );
    server_stop( server );
}

/* ---- where completions come ---- */

struct owed
{
    LONG calls, failed;
    DWORD caller;                    /* the thread that called ReceiveResponse */
};

static void owed_hook( struct recorder *recorder, const struct event *event )
{
    struct owed *owed = recorder->hook_data;
    BOOL ret = TRUE;

    if (event->status == STATUS( SENDREQUEST_COMPLETE )) ret = WinHttpWriteData( event->handle, "x", 1, NULL );
    else if (event->status == STATUS( WRITE_COMPLETE ))
    {
        owed->caller = GetCurrentThreadId();
        ret = WinHttpReceiveResponse( event->handle, NULL );
    }
    else return;
    InterlockedIncrement( &owed->calls );
    if (!ret) InterlockedIncrement( &owed->failed );
}

/* A GET that owes one byte: the send completes without a response. */
static void test_owed_body_is_written_inside_the_completion(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static struct owed owed;
    struct client client;
    struct event event;

    if (!server) return;
    memset( &owed, 0, sizeof(owed) );
    recorder->hook_data = &owed;
    recorder->hook = owed_hook;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 1 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
        && recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        event = recorder->events[recorder_find( recorder, STATUS( RECEIVING_RESPONSE ), 0 )];
        ok( event.thread == owed.caller, "RECEIVING_RESPONSE came on another thread than the call\n" );     /* N-6b */
    }
    recorder_close( recorder, &client );
    ok( owed.calls == 2 && !owed.failed, "%ld calls, %ld failed\n", owed.calls, owed.failed );
    server_stop( server );
}

/* Data that are not there yet: TRUE with 997, and the completion on another thread. */
static void test_read_that_waits_completes_elsewhere( BOOL query )
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" ), SIGNAL, HOLD, SEND( "late" ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[16];
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && recorder_get( recorder, &client, server, NULL ))
    {
        SetLastError( STALE );
        if (query) ret = WinHttpQueryDataAvailable( client.request, NULL );
        else ret = WinHttpReadData( client.request, buffer, sizeof(buffer), NULL );
        ok( ret && GetLastError() == ERROR_IO_PENDING, "got %d, error %lu\n", ret, GetLastError() );    /* N-6h, N-2b */
        ok( !recorder_count( recorder, NULL, STATUS( DATA_AVAILABLE ) | STATUS( READ_COMPLETE ) ), "it is complete\n" );
        server_go( server );
        if (recorder_complete( recorder, query ? STATUS( DATA_AVAILABLE ) : STATUS( READ_COMPLETE ), &event ))
        {
            ok( event.thread != GetCurrentThreadId(), "it came on the caller's thread\n" );
            ok( query ? event.value == 4 : event.info_len == 4, "%lu bytes\n", query ? event.value : event.info_len );
        }
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
}

START_TEST(notification)
{
    test_chain_inside_callbacks( FALSE );
    test_chain_inside_callbacks( TRUE );
    test_receive_inside_the_send( STATUS( SENDING_REQUEST ) );
    test_receive_inside_the_send( STATUS( REQUEST_SENT ) );
    test_receive_before_the_send();
    test_nesting_of_reads_and_queries();
    test_set_status_callback();
    test_mask_selects();
    test_created_handle_is_usable_inside();
    test_send_replaces_the_context();
    test_context_is_inherited_once();
    test_removed_callback_is_silent();
    test_callback_and_mask_change_together();
    test_any_function_may_be_called( 0 );
    test_any_function_may_be_called( WINHTTP_FLAG_ASYNC );
    test_send_again_inside_the_completion();
    test_owed_body_is_written_inside_the_completion();
    test_read_that_waits_completes_elsewhere( FALSE );
    test_read_that_waits_completes_elsewhere( TRUE );
}
