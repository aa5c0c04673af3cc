/*
 * Events of the scripting object: IConnectionPointContainer, IConnectionPoint, IWinHttpRequestEvents
 *
 * Rules: structures.md sections 5 and 6, notifications.md section 9; documentation of the connection point interfaces.
 * Sinks in a single-threaded apartment are called on its thread, while it waits or pumps messages.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <ocidl.h>
#include <olectl.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello world!"

/* 1000 bytes: the server sends them in one call. */
#define TEN( text ) text text text text text text text text text text
#define DIGITS TEN( TEN( "0123456789" ) )

/*--- a sink --------------------------------------------------------------------------------------------------------*/

enum seen_kind { SEEN_NONE, SEEN_START, SEEN_DATA, SEEN_FINISHED, SEEN_ERROR };

struct sink
{
    IWinHttpRequestEvents IWinHttpRequestEvents_iface;
    LONG         refs;
    DWORD        thread;            /* that every event must come on, 0: any */
    IWinHttpRequest *request;       /* for the hook; what the hook does is its own business */
    IConnectionPoint *point;
    DWORD        cookie;
    void         (*hook)( struct sink *sink, enum seen_kind kind );
    HANDLE       over;              /* OnResponseFinished or OnError has come */

    LONG         depth;             /* events in progress */
    LONG         starts, datas, finishes, errors;
    enum seen_kind last;
    LONG         status, error;
    WCHAR        type[64], text[256];
    ULONG        bytes;
    DWORD        sum;               /* of the bytes */
};

static struct sink *impl_from_IWinHttpRequestEvents( IWinHttpRequestEvents *iface )
{
    return CONTAINING_RECORD( iface, struct sink, IWinHttpRequestEvents_iface );
}

static HRESULT WINAPI sink_QueryInterface( IWinHttpRequestEvents *iface, REFIID iid, void **obj )
{
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_IWinHttpRequestEvents )) return E_NOINTERFACE;
    IWinHttpRequestEvents_AddRef( iface );
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI sink_AddRef( IWinHttpRequestEvents *iface )
{
    return InterlockedIncrement( &impl_from_IWinHttpRequestEvents( iface )->refs );
}

static ULONG WINAPI sink_Release( IWinHttpRequestEvents *iface )
{
    return InterlockedDecrement( &impl_from_IWinHttpRequestEvents( iface )->refs );
}

static void enter( struct sink *sink, enum seen_kind kind )
{
    static const struct { enum seen_kind kind, after[3]; } order[] =
    {
        { SEEN_START,    { SEEN_NONE } },
        { SEEN_DATA,     { SEEN_START, SEEN_DATA } },
        { SEEN_FINISHED, { SEEN_START, SEEN_DATA } },
        { SEEN_ERROR,    { SEEN_NONE, SEEN_START, SEEN_DATA } },
    };
    unsigned int i, j;
    BOOL good = FALSE;

    ok( InterlockedIncrement( &sink->depth ) == 1, "event %u inside of another one\n", kind );
    ok( !sink->thread || sink->thread == GetCurrentThreadId(), "event %u on thread %04lx\n", kind, GetCurrentThreadId() );
    for (i = 0; i < ARRAYSIZE( order ); i++)
        for (j = 0; order[i].kind == kind && j < 3; j++) if (order[i].after[j] == sink->last) good = TRUE;
    ok( good, "event %u after %u\n", kind, sink->last );
    sink->last = kind;
}

static void leave( struct sink *sink, enum seen_kind kind )
{
    if (sink->hook) sink->hook( sink, kind );
    InterlockedDecrement( &sink->depth );
    if (kind == SEEN_FINISHED || kind == SEEN_ERROR) SetEvent( sink->over );
}

static void WINAPI sink_OnResponseStart( IWinHttpRequestEvents *iface, LONG status, BSTR type )
{
    struct sink *sink = impl_from_IWinHttpRequestEvents( iface );

    enter( sink, SEEN_START );
    sink->starts++;
    sink->status = status;
    lstrcpynW( sink->type, type ? type : L"", ARRAYSIZE( sink->type ) );
    leave( sink, SEEN_START );
}

static void WINAPI sink_OnResponseDataAvailable( IWinHttpRequestEvents *iface, SAFEARRAY **data )
{
    struct sink *sink = impl_from_IWinHttpRequestEvents( iface );
    LONG i, lower = -1, upper = -1;
    VARTYPE type = 0;
    BYTE *bytes;

    enter( sink, SEEN_DATA );
    sink->datas++;
    ok( data && *data && SafeArrayGetDim( *data ) == 1, "no array of one dimension\n" );
    SafeArrayGetVartype( *data, &type );
    SafeArrayGetLBound( *data, 1, &lower );
    SafeArrayGetUBound( *data, 1, &upper );
    ok( type == VT_UI1, "elements %u\n", type );
    ok( !lower && upper >= 0, "from %ld to %ld\n", lower, upper );
    if (SUCCEEDED(SafeArrayAccessData( *data, (void **)&bytes )))
    {
        for (i = 0; i <= upper; i++) sink->sum = sink->sum * 31 + bytes[i];
        SafeArrayUnaccessData( *data );
    }
    sink->bytes += upper + 1;
    leave( sink, SEEN_DATA );
}

static void WINAPI sink_OnResponseFinished( IWinHttpRequestEvents *iface )
{
    struct sink *sink = impl_from_IWinHttpRequestEvents( iface );

    enter( sink, SEEN_FINISHED );
    sink->finishes++;
    leave( sink, SEEN_FINISHED );
}

static void WINAPI sink_OnError( IWinHttpRequestEvents *iface, LONG number, BSTR text )
{
    struct sink *sink = impl_from_IWinHttpRequestEvents( iface );

    enter( sink, SEEN_ERROR );
    sink->errors++;
    sink->error = number;
    lstrcpynW( sink->text, text ? text : L"", ARRAYSIZE( sink->text ) );
    leave( sink, SEEN_ERROR );
}

static const IWinHttpRequestEventsVtbl sink_vtbl =
{
    sink_QueryInterface, sink_AddRef, sink_Release, sink_OnResponseStart, sink_OnResponseDataAvailable,
    sink_OnResponseFinished, sink_OnError,
};

static DWORD sum_of( const char *bytes, unsigned int count )
{
    unsigned int i, j;
    DWORD sum = 0;

    for (i = 0; i < count; i++) for (j = 0; bytes[j]; j++) sum = sum * 31 + (BYTE)bytes[j];
    return sum;
}

static void sink_init( struct sink *sink, DWORD thread )
{
    memset( sink, 0, sizeof(*sink) );
    sink->IWinHttpRequestEvents_iface.lpVtbl = (IWinHttpRequestEventsVtbl *)&sink_vtbl;
    sink->refs = 1;
    sink->thread = thread;
    sink->over = CreateEventW( NULL, TRUE, FALSE, NULL );
}

/* For a next Send with the same sink. */
static void sink_rearm( struct sink *sink )
{
    ResetEvent( sink->over );
    sink->last = SEEN_NONE;
    sink->starts = sink->datas = sink->finishes = sink->errors = 0;
    sink->bytes = sink->sum = 0;
}

static void sink_end( struct sink *sink )
{
    ok( sink->refs == 1, "the sink has %ld references\n", sink->refs );
    ok( !sink->depth, "an event is in progress\n" );
    CloseHandle( sink->over );
}

static IConnectionPoint *get_point( IWinHttpRequest *request )
{
    IConnectionPointContainer *container;
    IConnectionPoint *point = NULL;
    HRESULT hr;

    hr = IWinHttpRequest_QueryInterface( request, &IID_IConnectionPointContainer, (void **)&container );
    ok( hr == S_OK, "IConnectionPointContainer: %#lx\n", hr );
    if (FAILED(hr)) return NULL;
    hr = IConnectionPointContainer_FindConnectionPoint( container, &IID_IWinHttpRequestEvents, &point );
    ok( hr == S_OK, "FindConnectionPoint: %#lx\n", hr );
    IConnectionPointContainer_Release( container );
    return point;
}

/* Connects the sink to the request; the sink remembers both, without references. */
static BOOL advise( struct sink *sink, IWinHttpRequest *request )
{
    HRESULT hr;

    if (!(sink->point = get_point( request ))) return FALSE;
    hr = IConnectionPoint_Advise( sink->point, (IUnknown *)&sink->IWinHttpRequestEvents_iface, &sink->cookie );
    ok( hr == S_OK && sink->cookie, "Advise: %#lx, cookie %lu\n", hr, sink->cookie );
    IConnectionPoint_Release( sink->point );
    sink->request = request;
    return SUCCEEDED(hr);
}

static HRESULT unadvise( struct sink *sink )
{
    IConnectionPoint *point = get_point( sink->request );
    HRESULT hr = IConnectionPoint_Unadvise( point, sink->cookie );

    IConnectionPoint_Release( point );
    return hr;
}

/* Runs messages until the object is signalled, as the loop of any program with windows does. */
static BOOL pump_until( HANDLE object )
{
    ULONGLONG end = GetTickCount64() + WAIT_MS, now;
    MSG msg;

    while ((now = GetTickCount64()) < end)
    {
        if (MsgWaitForMultipleObjects( 1, &object, FALSE, end - now, QS_ALLINPUT ) == WAIT_OBJECT_0) return TRUE;
        while (PeekMessageW( &msg, NULL, 0, 0, PM_REMOVE )) DispatchMessageW( &msg );
    }
    return FALSE;
}

static void pump_pending( void )
{
    MSG msg;

    while (PeekMessageW( &msg, NULL, 0, 0, PM_REMOVE )) DispatchMessageW( &msg );
}

/* An asynchronous GET under way, with a sink of this thread. NULL, reported, if something failed. */
static IWinHttpRequest *start_get( struct sink *sink, unsigned short port )
{
    IWinHttpRequest *request = com_create();
    HRESULT hr;

    sink_init( sink, GetCurrentThreadId() );
    if (!request) return NULL;
    if (!advise( sink, request )) return NULL;
    hr = com_open( request, L"GET", port, L"/", TRUE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );                                                 /* COM-18 */
    return request;
}

static void check_hello_( int line, const struct sink *sink )
{
    winetest_set_location( __FILE__, line );
    winetest_ok( sink->starts == 1 && sink->finishes == 1 && !sink->errors, "%ld starts, %ld finishes, %ld errors\n", sink->starts,
                 sink->finishes, sink->errors );
    winetest_ok( sink->status == 200, "status %ld\n", sink->status );
    winetest_ok( !lstrcmpW( sink->type, L"text/plain" ), "type %ls\n", sink->type );
    winetest_ok( sink->bytes == 12 && sink->sum == sum_of( "Hello world!", 1 ), "%lu bytes\n", sink->bytes );
}
#define check_hello( sink ) check_hello_( __LINE__, sink )

/*--- the interfaces ------------------------------------------------------------------------------------------------*/

static void test_container( void )
{
    IWinHttpRequest *request = com_create();
    IConnectionPointContainer *container, *same;
    IEnumConnectionPoints *points;
    IConnectionPoint *point, *found;
    IUnknown *unknown, *identity;
    ULONG count;
    HRESULT hr;
    IID iid;

    if (!request) return;
    hr = IWinHttpRequest_QueryInterface( request, &IID_IConnectionPointContainer, (void **)&container );
    ok( hr == S_OK, "IConnectionPointContainer: %#lx\n", hr );
    IWinHttpRequest_QueryInterface( request, &IID_IUnknown, (void **)&identity );
    hr = IConnectionPointContainer_QueryInterface( container, &IID_IUnknown, (void **)&unknown );
    ok( hr == S_OK && unknown == identity, "not the same object\n" );
    IUnknown_Release( unknown );
    IUnknown_Release( identity );

    point = (void *)container;
    hr = IConnectionPointContainer_FindConnectionPoint( container, &IID_IDispatch, &point );
    ok( hr == CONNECT_E_NOCONNECTION && !point, "another interface: %#lx, %p\n", hr, point );
    hr = IConnectionPointContainer_FindConnectionPoint( container, &IID_IWinHttpRequestEvents, NULL );
    ok( hr == E_POINTER || broken( hr == E_INVALIDARG ), "without a place: %#lx\n", hr );
    hr = IConnectionPointContainer_FindConnectionPoint( container, &IID_IWinHttpRequestEvents, &point );
    ok( hr == S_OK, "FindConnectionPoint: %#lx\n", hr );
    hr = IConnectionPoint_GetConnectionInterface( point, &iid );
    ok( hr == S_OK && IsEqualGUID( &iid, &IID_IWinHttpRequestEvents ), "GetConnectionInterface: %#lx\n", hr );
    hr = IConnectionPoint_GetConnectionPointContainer( point, &same );
    ok( hr == S_OK && same == container, "GetConnectionPointContainer: %#lx\n", hr );
    if (SUCCEEDED(hr)) IConnectionPointContainer_Release( same );

    hr = IConnectionPointContainer_EnumConnectionPoints( container, &points );
    ok( hr == S_OK || broken( hr == E_NOTIMPL ), "EnumConnectionPoints: %#lx\n", hr );
    if (SUCCEEDED(hr))
    {
        hr = IEnumConnectionPoints_Next( points, 1, &found, &count );
        ok( hr == S_OK && count == 1 && found == point, "Next: %#lx, %lu\n", hr, count );
        if (SUCCEEDED(hr)) IConnectionPoint_Release( found );
        hr = IEnumConnectionPoints_Next( points, 1, &found, &count );
        ok( hr == S_FALSE && !count, "Next: %#lx, %lu\n", hr, count );
        hr = IEnumConnectionPoints_Reset( points );
        ok( hr == S_OK, "Reset: %#lx\n", hr );
        hr = IEnumConnectionPoints_Skip( points, 1 );
        ok( hr == S_OK, "Skip: %#lx\n", hr );
        hr = IEnumConnectionPoints_Skip( points, 1 );
        ok( hr == S_FALSE, "Skip: %#lx\n", hr );
        IEnumConnectionPoints_Release( points );
    }
    /* the point keeps the object */
    IConnectionPointContainer_Release( container );
    IWinHttpRequest_Release( request );
    hr = IConnectionPoint_GetConnectionInterface( point, &iid );
    ok( hr == S_OK, "GetConnectionInterface: %#lx\n", hr );
    IConnectionPoint_Release( point );
}

static void test_advise( void )
{
    IWinHttpRequest *request = com_create();
    IConnectionPoint *point = request ? get_point( request ) : NULL;
    IEnumConnections *connections;
    CONNECTDATA data[3];
    struct sink sink, other;
    DWORD cookie, second;
    ULONG i, count;
    HRESULT hr;

    if (!point) return;
    sink_init( &sink, 0 );
    sink_init( &other, 0 );
    hr = IConnectionPoint_Advise( point, NULL, &cookie );
    ok( hr == E_POINTER || broken( hr == E_INVALIDARG ), "no sink: %#lx\n", hr );
    hr = IConnectionPoint_Advise( point, (IUnknown *)&sink.IWinHttpRequestEvents_iface, NULL );
    ok( hr == E_POINTER || broken( hr == E_INVALIDARG ), "no cookie: %#lx\n", hr );
    ok( sink.refs == 1, "%ld references\n", sink.refs );
    hr = IConnectionPoint_Advise( point, (IUnknown *)point, &cookie );
    ok( hr == CONNECT_E_CANNOTCONNECT || broken( hr == E_NOINTERFACE ), "no events: %#lx\n", hr );
    hr = IConnectionPoint_Unadvise( point, 12345 );
    ok( hr == CONNECT_E_NOCONNECTION, "no such cookie: %#lx\n", hr );

    hr = IConnectionPoint_Advise( point, (IUnknown *)&sink.IWinHttpRequestEvents_iface, &cookie );
    ok( hr == S_OK && cookie, "Advise: %#lx\n", hr );
    ok( sink.refs > 1, "%ld references\n", sink.refs );
    hr = IConnectionPoint_Advise( point, (IUnknown *)&other.IWinHttpRequestEvents_iface, &second );
    ok( hr == S_OK || broken( hr == CONNECT_E_ADVISELIMIT ), "Advise: %#lx\n", hr );
    if (FAILED(hr)) second = 0;
    ok( second != cookie, "the same cookie\n" );

    hr = IConnectionPoint_EnumConnections( point, &connections );
    ok( hr == S_OK || broken( hr == E_NOTIMPL ), "EnumConnections: %#lx\n", hr );
    if (SUCCEEDED(hr))
    {
        hr = IEnumConnections_Next( connections, 3, data, &count );
        ok( hr == S_FALSE && count == (second ? 2u : 1u), "Next: %#lx, %lu\n", hr, count );
        ok( !count || data[0].dwCookie == cookie, "cookie %lu\n", data[0].dwCookie );
        for (i = 0; i < count; i++) IUnknown_Release( data[i].pUnk );
        IEnumConnections_Release( connections );
    }

    hr = IConnectionPoint_Unadvise( point, cookie );
    ok( hr == S_OK, "Unadvise: %#lx\n", hr );
    ok( sink.refs == 1, "%ld references\n", sink.refs );
    hr = IConnectionPoint_Unadvise( point, cookie );
    ok( hr == CONNECT_E_NOCONNECTION, "once more: %#lx\n", hr );
    /* what is left goes with the object */
    IConnectionPoint_Release( point );
    ok( !IWinHttpRequest_Release( request ), "still held\n" );
    sink_end( &sink );
    sink_end( &other );
}

/*--- in an STA -----------------------------------------------------------------------------------------------------*/

static void test_events_while_waiting( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = start_get( &sink, server_port( server ) )))
    {
        ok( com_wait( request ), "WaitForResponse\n" );                                   /* COM-18 */
        /* here all have come; either: those that were posted last come with the next messages */
        ok( pump_until( sink.over ), "no last event\n" );
        check_hello( &sink );
        com_check_text( request, L"Hello world!" );
        ok( unadvise( &sink ) == S_OK, "Unadvise\n" );
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
    if ((request = start_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        check_hello( &sink );
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
    if ((request = start_get( &first, server_port( server ) )))
    {
        point = get_point( request );
        hr = IConnectionPoint_Advise( point, (IUnknown *)&second.IWinHttpRequestEvents_iface, &second.cookie );
        ok( hr == S_OK || broken( hr == CONNECT_E_ADVISELIMIT ), "Advise: %#lx\n", hr );
        IConnectionPoint_Release( point );
        server_go( server );
        ok( pump_until( first.over ), "no last event\n" );
        check_hello( &first );
        if (SUCCEEDED(hr))
        {
            ok( pump_until( second.over ), "no last event\n" );
            check_hello( &second );
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
    if ((request = start_get( &sink, server_port( server ) )))
    {
        ok( pump_until( sink.over ), "no last event\n" );
        ok( sink.starts == 1 && sink.finishes == 1 && sink.datas, "%ld starts, %ld finishes\n", sink.starts, sink.finishes );
        ok( !sink.type[0], "type %ls\n", sink.type );
        ok( sink.bytes == 1000000 && sink.sum == sum_of( "0123456789", 100000 ), "%lu bytes\n", sink.bytes );
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
    if ((request = start_get( &sink, server_port( server ) )))
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

    if ((request = start_get( &sink, server_closed_port() )))
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
    if ((request = start_get( &sink, server_port( server ) )))
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
        advise( &sink, request );
        com_open( request, L"GET", server_port( server ), L"/", FALSE );
        ok( com_send( request ) == S_OK, "Send\n" );
        pump_pending();
        if (sink.last != SEEN_NONE) check_hello( &sink );
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
    if ((request = start_get( &sink, server_port( server ) )))
    {
        for (i = 0; i < 3; i++)
        {
            ok( pump_until( sink.over ), "no last event\n" );
            check_hello( &sink );
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
    hr = unadvise( sink );
    ok( hr == S_OK, "Unadvise: %#lx\n", hr );
}

static void test_unadvise_in_an_event( void )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    struct sink sink;

    if (!server) return;
    if ((request = start_get( &sink, server_port( server ) )))
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
    if ((request = start_get( &sink, server_port( server ) )))
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
        check_hello( &sink );
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
    if ((request = start_get( &sink, server_port( server ) )))
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
    if (start_get( &sink, server_port( server ) ))
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
    if ((request = start_get( &sink, server_port( server ) )))
    {
        sink.hook = wait_in_start;
        ok( pump_until( sink.over ), "no last event\n" );
        check_hello( &sink );
        IWinHttpRequest_Release( request );
    }
    sink_end( &sink );
    server_stop( server );
}

static void send_in_finished( struct sink *sink, enum seen_kind kind )
{
    HRESULT hr;

    if (kind != SEEN_FINISHED || sink->hook != send_in_finished) return;
    check_hello( sink );
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
    if ((request = start_get( &sink, server_port( server ) )))
    {
        sink.hook = send_in_finished;
        ok( pump_until( sink.over ), "no last event\n" );
        ResetEvent( sink.over );
        ok( pump_until( sink.over ), "no last event of the second request\n" );
        check_hello( &sink );
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
        if ((request = start_get( &sink, server_port( server ) )))
        {
            sink.thread = 0;
            if (i) sink.hook = mta_abort_in_start;
            ok( WaitForSingleObject( sink.over, WAIT_MS ) == WAIT_OBJECT_0, "no last event\n" );
            if (!i)
            {
                check_hello( &sink );
                ok( com_wait( request ), "WaitForResponse\n" );
                com_check_text( request, L"Hello world!" );
            }
            else ok( sink.starts == 1 && !sink.datas, "%ld starts, %ld datas\n", sink.starts, sink.datas );
            ok( unadvise( &sink ) == S_OK, "Unadvise\n" );
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
        advise( &first, request );
        advise( &second, request );
        com_open( request, L"GET", server_port( server ), L"/", TRUE );
        for (j = 0; j < 10 && good; j++)
        {
            good = com_send( request ) == S_OK && pump_until( first.over ) && first.bytes == 4000;
            if (j < 9 || i % 2) good = good && pump_until( second.over ) && second.bytes == 4000;
            else unadvise( &second );           /* perhaps with events that it has not taken yet */
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

START_TEST( com_events )
{
    CoInitialize( NULL );
    test_container();
    test_advise();
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
