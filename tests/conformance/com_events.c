/*
 * Events of the scripting object: IWinHttpRequestEvents
 *
 * Rules: structures.md section 6, notifications.md section 9. Sinks in a single-threaded apartment are called on its thread,
 * while it waits or pumps messages. What a sink does is its hook's business; see com_sink.h.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <olectl.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"
#include "com_sink.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello world!"

/* 1000 bytes: the server sends them in one call. */
#define TEN( text ) text text text text text text text text text text
#define DIGITS TEN( TEN( "0123456789" ) )

/*--- in an STA -----------------------------------------------------------------------------------------------------*/

static void test_events_while_waiting( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        ok( com_wait( request ), "WaitForResponse\n" );                                   /* COM-18 */
        /* here all have come; either: those that were posted last come with the next messages */
        ok( pump_until( sink.over ), "no last event\n" );
        sink_check_hello( &sink );
        com_check_text( request, L"Hello world!" );
        ok( sink_unadvise( &sink ) == S_OK, "Unadvise\n" );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void test_events_in_a_message_loop( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        sink_check_hello( &sink );
        ok( com_status( request ) == 200, "status %ld\n", com_status( request ) );
        com_check_text( request, L"Hello world!" );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );          /* the object has let it go without Unadvise */
    server_stop( server );
}

static void test_two_sinks( void )
{
    static const struct step script[] = { ACCEPT, HEAD, HOLD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    IConnectionPoint *point;
    struct sink first, second;
    HRESULT hr;

    if (!server) return;
    sink_init( &second, GetCurrentThreadId() );
    if ((request = sink_get( &first, server_port( server ) )))
    {
        point = sink_point( request );
        hr = IConnectionPoint_Advise( point, (IUnknown *)&second.IWinHttpRequestEvents_iface, &second.cookie );
        ok( hr == S_OK || broken( hr == CONNECT_E_ADVISELIMIT ), "Advise: %#lx\n", hr );
        IConnectionPoint_Release( point );
        server_go( server );
        ok( pump_until( first.over ), "no last event\n" );
        sink_check_hello( &first );
        if (SUCCEEDED(hr))
        {
            ok( pump_until( second.over ), "no last event\n" );
            sink_check_hello( &second );
        }
        IWinHttpRequest_Release( request );
    }
    sink_end( &first );
    sink_end( &second );
    server_stop( server );
}

/* Data events carry each byte once. */
static void test_large_body( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" ), REPEAT( DIGITS, 1000 ), END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        ok( sink.starts == 1 && sink.finishes == 1 && sink.datas, "%ld starts, %ld finishes\n", sink.starts, sink.finishes );
        ok( !sink.type[0], "type %ls\n", sink.type );
        ok( sink.bytes == 1000000 && sink.sum == sink_sum( "0123456789", 100000 ), "%lu bytes\n", sink.bytes );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void test_no_body( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 204 Nothing\r\n\r\n" ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        ok( sink.starts == 1 && !sink.datas && sink.finishes == 1, "%ld starts, %ld datas, %ld finishes\n", sink.starts,
            sink.datas, sink.finishes );
        ok( sink.status == 204, "status %ld\n", sink.status );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void test_error( void )
{
    IWinHttpRequest *request;
    struct sink sink;

    if ((request = sink_get( &sink, server_closed_port() )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        ok( !sink.starts && !sink.finishes && sink.errors == 1, "%ld starts, %ld errors\n", sink.starts, sink.errors );
        /* the low 16 bits are the error */
        ok( (sink.error & 0xffff) == ERROR_WINHTTP_CANNOT_CONNECT, "error %#lx\n", sink.error );
        ok( sink.text[0], "no text\n" );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
}

/* The response ends too early: it has begun, and then there is an error. */
static void test_error_in_the_body( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello" ), RESET, END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        ok( sink.errors == 1 && !sink.finishes, "%ld errors, %ld finishes\n", sink.errors, sink.finishes );
        ok( (sink.error & 0xffff) == ERROR_WINHTTP_CONNECTION_ERROR ||
            broken( (sink.error & 0xffff) == ERROR_WINHTTP_INVALID_SERVER_RESPONSE ), "error %#lx\n", sink.error );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

/* Events belong to asynchronous requests; either: Abort's documentation speaks of events of synchronous ones, too. */
static void test_synchronous_request( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    sink_init( &sink, GetCurrentThreadId() );
    if ((request = com_create()))
    {
        sink_advise( &sink, request );
        com_open( request, L"GET", server_port( server ), L"/", FALSE );
        ok( com_send( request ) == S_OK, "Send\n" );
        pump_pending();
        if (sink.last != SEEN_NONE) sink_check_hello( &sink );
        com_check_text( request, L"Hello world!" );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

/* The same object and sink for several requests. */
static void test_object_is_used_again( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), HEAD, SEND( REPLY ), HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;
    HRESULT hr;
    int i;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        for (i = 0; i < 3; i++)
        {
            ok( pump_until( sink.over ), "no last event\n" );
            sink_check_hello( &sink );
            sink_rearm( &sink );
            if (i == 2) break;
            if (i) com_open( request, L"GET", server_port( server ), L"/", TRUE );
            hr = com_send( request );
            ok( hr == S_OK, "Send: %#lx\n", hr );
        }
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

/*--- what a sink may do --------------------------------------------------------------------------------------------*/

static void unadvise_in_start( struct sink *sink, enum seen_kind kind )
{
    HRESULT hr;

    ok( kind == SEEN_START, "event %u after Unadvise\n", kind );
    if (kind != SEEN_START) return;
    hr = sink_unadvise( sink );
    ok( hr == S_OK, "Unadvise: %#lx\n", hr );
}

static void test_unadvise_in_an_event( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        sink.hook = unadvise_in_start;
        ok( com_wait( request ), "WaitForResponse\n" );
        pump_pending();
        ok( sink.starts == 1, "%ld starts\n", sink.starts );
        ok( sink.refs == 1, "%ld references\n", sink.refs );
        com_check_text( request, L"Hello world!" );       /* the request itself goes on */
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void abort_in_start( struct sink *sink, enum seen_kind kind )
{
    HRESULT hr;

    ok( kind == SEEN_START, "event %u after Abort\n", kind );
    if (kind != SEEN_START) return;
    hr = IWinHttpRequest_Abort( sink->request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    SetEvent( sink->over );
}

static void test_abort_in_an_event( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nHello" ), HOLD, UNHURRIED,
        ACCEPT, HEAD, SEND( REPLY ), END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;
    HRESULT hr;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        sink.hook = abort_in_start;
        ok( pump_until( sink.over ), "no event\n" );
        pump_pending();
        ok( sink.starts == 1 && !sink.datas, "%ld starts, %ld datas\n", sink.starts, sink.datas );
        hr = com_send( request );
        ok( hr == E( ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN ), "Send: %#lx\n", hr );       /* COM-10 */

        sink_rearm( &sink );                                                              /* COM-14 */
        sink.hook = NULL;
        server_go( server );
        com_open( request, L"GET", server_port( server ), L"/", TRUE );
        ok( com_send( request ) == S_OK, "Send\n" );
        ok( pump_until( sink.over ), "no last event\n" );
        sink_check_hello( &sink );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

/* Outside of an event, with events that were never taken: none comes afterwards. */
static void test_no_event_after_abort( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHello" ), SIGNAL, HOLD, END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;
    HRESULT hr;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        server_wait( server );
        hr = IWinHttpRequest_Abort( request );
        ok( hr == S_OK, "Abort: %#lx\n", hr );
        sink.last = SEEN_FINISHED;          /* which nothing may follow: checked in enter() */
        hr = IWinHttpRequest_Abort( request );
        ok( hr == S_OK, "Abort: %#lx\n", hr );
        pump_pending();
        IWinHttpRequest_Release( request );
        pump_pending();
    }
    server_go( server );
    sink_end( &sink );
    server_stop( server );
}

static void release_in_start( struct sink *sink, enum seen_kind kind )
{
    ok( kind == SEEN_START, "event %u after the last Release\n", kind );
    if (kind != SEEN_START) return;
    IWinHttpRequest_Release( sink->request );
    SetEvent( sink->over );
}

static void test_release_in_an_event( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nHello" ), HOLD, END
    };
    struct server *server = server_start( script );
    struct sink sink;

    if (!server) return;
    if (sink_get( &sink, server_port( server ) ))
    {
        sink.hook = release_in_start;
        ok( pump_until( sink.over ), "no event\n" );
        pump_pending();
        ok( sink.starts == 1 && !sink.datas, "%ld starts, %ld datas\n", sink.starts, sink.datas );
        ok( sink.refs == 1, "%ld references\n", sink.refs );
    }
    server_go( server );
    sink_end( &sink );
    server_stop( server );
}

/* A program that has a message box, or a WaitForResponse of its own, in an event. */
static void wait_in_start( struct sink *sink, enum seen_kind kind )
{
    if (kind != SEEN_START) return;
    pump_pending();
    ok( com_wait( sink->request ), "WaitForResponse\n" );
    com_check_text( sink->request, L"Hello world!" );
}

static void test_wait_in_an_event( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        sink.hook = wait_in_start;
        ok( pump_until( sink.over ), "no last event\n" );
        sink_check_hello( &sink );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void send_in_finished( struct sink *sink, enum seen_kind kind )
{
    HRESULT hr;

    if (kind != SEEN_FINISHED || sink->hook != send_in_finished) return;
    sink_check_hello( sink );
    sink->hook = NULL;
    sink->last = SEEN_NONE;
    sink->starts = sink->finishes = 0;
    sink->bytes = sink->sum = 0;
    hr = com_send( sink->request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
}

static void test_send_in_an_event( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = sink_get( &sink, server_port( server ) )))
    {
        sink.hook = send_in_finished;
        ok( pump_until( sink.over ), "no last event\n" );
        ResetEvent( sink.over );
        ok( pump_until( sink.over ), "no last event of the second request\n" );
        sink_check_hello( &sink );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

/*--- in the MTA ----------------------------------------------------------------------------------------------------*/

static void mta_abort_in_start( struct sink *sink, enum seen_kind kind )
{
    if (kind == SEEN_START) abort_in_start( sink, kind );
}

/* Made in the MTA the object lives in an apartment of COM's, and is called through a proxy; so is the sink. */
static DWORD WINAPI mta_thread( void *param )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    static const struct step hanging[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nHello" ), HOLD, END
    };
    struct server *server;
    IWinHttpRequest *request;
    struct sink sink;
    int i;

    CoInitializeEx( NULL, COINIT_MULTITHREADED );
    for (i = 0; i < 2; i++)
    {
        if (!(server = server_start( i ? hanging : script ))) break;
        if ((request = sink_get( &sink, server_port( server ) )))
        {
            sink.thread = 0;
            if (i) sink.hook = mta_abort_in_start;
            ok( WaitForSingleObject( sink.over, WAIT_MS ) == WAIT_OBJECT_0, "no last event\n" );
            if (!i)
            {
                sink_check_hello( &sink );
                ok( com_wait( request ), "WaitForResponse\n" );
                com_check_text( request, L"Hello world!" );
            }
            else ok( sink.starts == 1 && !sink.datas, "%ld starts, %ld datas\n", sink.starts, sink.datas );
            ok( sink_unadvise( &sink ) == S_OK, "Unadvise\n" );
            IWinHttpRequest_Release( request );
        }
        if (i) server_go( server );
        server_stop( server );
        CloseHandle( sink.over );
    }
    CoUninitialize();
    SetEvent( param );
    return 0;
}

static void test_events_in_the_mta( void )
{
    HANDLE over = CreateEventW( NULL, TRUE, FALSE, NULL ), thread = CreateThread( NULL, 0, mta_thread, over, 0, NULL );

    ok( pump_until( over ), "the thread hangs\n" );
    ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "the thread does not end\n" );
    CloseHandle( thread );
    CloseHandle( over );
}

/*--- amounts -------------------------------------------------------------------------------------------------------*/

/* 10,000 events of ten requests an object, for two sinks, one of which leaves early every other time: a record, an array
 * or a window lost with some of them would show. */
static void test_no_memory_is_lost( void )
{
    static const struct step script[] =
    {
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" ), REPEAT( DIGITS, 4 ), LOOP
    };
    struct server *server = server_start_each( script );
    struct sink first, second;
    IWinHttpRequest *request;
    SIZE_T before = 0, after;
    unsigned int i, j = 0, events = 0;
    BOOL good = TRUE;

    if (!server) return;
    sink_init( &first, GetCurrentThreadId() );
    sink_init( &second, GetCurrentThreadId() );
    for (i = 0; events < 10000 && good; i++)
    {
        if (i == 20) before = private_bytes();
        if (!(request = com_create())) break;
        sink_advise( &first, request );
        sink_advise( &second, request );
        com_open( request, L"GET", server_port( server ), L"/", TRUE );
        for (j = 0; j < 10 && good; j++)
        {
            good = com_send( request ) == S_OK && pump_until( first.over ) && first.bytes == 4000;
            if (j < 9 || i % 2) good = good && pump_until( second.over ) && second.bytes == 4000;
            else sink_unadvise( &second );           /* perhaps with events that it has not taken yet */
            events += first.starts + first.datas + first.finishes + second.starts + second.datas + second.finishes;
            sink_rearm( &first );
            sink_rearm( &second );
        }
        IWinHttpRequest_Release( request );
    }
    after = private_bytes();
    ok( good && events >= 10000, "failed in request %u of object %u\n", j, i );
    ok( after < before + (4 << 20), "%lu KB more\n", (ULONG)((after - before) / 1024) );
    sink_end( &first );
    sink_end( &second );
    server_stop( server );
}

/* Without a connection point there is nothing to test; sink_point reports that. */
static BOOL events_are_there( void )
{
    IWinHttpRequest *request = com_create();
    IConnectionPoint *point = request ? sink_point( request ) : NULL;

    if (point) IConnectionPoint_Release( point );
    if (request) IWinHttpRequest_Release( request );
    return point != NULL;
}

START_TEST( com_events )
{
    CoInitialize( NULL );
    if (!events_are_there())
    {
        CoUninitialize();
        return;
    }
    test_events_while_waiting();
    test_events_in_a_message_loop();
    test_two_sinks();
    test_large_body();
    test_no_body();
    test_error();
    test_error_in_the_body();
    test_synchronous_request();
    test_object_is_used_again();
    test_unadvise_in_an_event();
    test_abort_in_an_event();
    test_no_event_after_abort();
    test_release_in_an_event();
    test_wait_in_an_event();
    test_send_in_an_event();
    test_events_in_the_mta();
    test_no_memory_is_lost();
    CoUninitialize();
}
