/*
 * Events of the scripting object: IConnectionPointContainer, IConnectionPoint, and the sink that the tests connect there
 *
 * See com_sink.h; the events themselves are in com_events.c. Rules: structures.md sections 5 and 6; documentation of the
 * connection point interfaces.
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

/*--- a sink --------------------------------------------------------------------------------------------------------*/

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

DWORD sink_sum( const char *bytes, unsigned int count )
{
    unsigned int i, j;
    DWORD sum = 0;

    for (i = 0; i < count; i++) for (j = 0; bytes[j]; j++) sum = sum * 31 + (BYTE)bytes[j];
    return sum;
}

void sink_init( struct sink *sink, DWORD thread )
{
    memset( sink, 0, sizeof(*sink) );
    sink->IWinHttpRequestEvents_iface.lpVtbl = (IWinHttpRequestEventsVtbl *)&sink_vtbl;
    sink->refs = 1;
    sink->thread = thread;
    sink->over = CreateEventW( NULL, TRUE, FALSE, NULL );
}

void sink_rearm( struct sink *sink )
{
    ResetEvent( sink->over );
    sink->last = SEEN_NONE;
    sink->starts = sink->datas = sink->finishes = sink->errors = 0;
    sink->bytes = sink->sum = 0;
}

void sink_end( struct sink *sink )
{
    ok( sink->refs == 1, "the sink has %ld references\n", sink->refs );
    ok( !sink->depth, "an event is in progress\n" );
    CloseHandle( sink->over );
}

IConnectionPoint *sink_point( IWinHttpRequest *request )
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

BOOL sink_advise( struct sink *sink, IWinHttpRequest *request )
{
    HRESULT hr;

    if (!(sink->point = sink_point( request ))) return FALSE;
    hr = IConnectionPoint_Advise( sink->point, (IUnknown *)&sink->IWinHttpRequestEvents_iface, &sink->cookie );
    ok( hr == S_OK && sink->cookie, "Advise: %#lx, cookie %lu\n", hr, sink->cookie );
    IConnectionPoint_Release( sink->point );
    sink->request = request;
    return SUCCEEDED(hr);
}

HRESULT sink_unadvise( struct sink *sink )
{
    IConnectionPoint *point = sink_point( sink->request );
    HRESULT hr = IConnectionPoint_Unadvise( point, sink->cookie );

    IConnectionPoint_Release( point );
    return hr;
}

BOOL pump_until( HANDLE object )
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

void pump_pending( void )
{
    MSG msg;

    while (PeekMessageW( &msg, NULL, 0, 0, PM_REMOVE )) DispatchMessageW( &msg );
}

IWinHttpRequest *sink_get( struct sink *sink, unsigned short port )
{
    IWinHttpRequest *request = com_create();
    HRESULT hr;

    sink_init( sink, GetCurrentThreadId() );
    if (!request) return NULL;
    if (!sink_advise( sink, request )) return NULL;
    hr = com_open( request, L"GET", port, L"/", TRUE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );                                                 /* COM-18 */
    return request;
}

void sink_check_hello_( const char *file, int line, const struct sink *sink )
{
    winetest_set_location( file, line );
    winetest_ok( sink->starts == 1 && sink->finishes == 1 && !sink->errors, "%ld starts, %ld finishes, %ld errors\n", sink->starts,
                 sink->finishes, sink->errors );
    winetest_ok( sink->status == 200, "status %ld\n", sink->status );
    winetest_ok( !lstrcmpW( sink->type, L"text/plain" ), "type %ls\n", sink->type );
    winetest_ok( sink->bytes == 12 && sink->sum == sink_sum( "Hello world!", 1 ), "%lu bytes\n", sink->bytes );
}

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
    IConnectionPoint *point = request ? sink_point( request ) : NULL;
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

/*--- from another apartment ----------------------------------------------------------------------------------------*/

struct elsewhere
{
    IStream       *stream;    /* the sink, marshaled */
    unsigned short port;
};

/* What connects is in the MTA and has a proxy of the sink; the sink is called in its own apartment. */
static DWORD WINAPI connect_elsewhere( void *param )
{
    struct elsewhere *elsewhere = param;
    IConnectionPoint *point;
    IWinHttpRequest *request;
    IUnknown *proxy = NULL;
    DWORD cookie = 0;
    HRESULT hr;

    CoInitializeEx( NULL, COINIT_MULTITHREADED );
    hr = CoGetInterfaceAndReleaseStream( elsewhere->stream, &IID_IUnknown, (void **)&proxy );
    ok( hr == S_OK, "the sink does not come through: %#lx\n", hr );
    if (proxy && (request = com_create()))
    {
        if ((point = sink_point( request )))
        {
            hr = IConnectionPoint_Advise( point, proxy, &cookie );
            ok( hr == S_OK, "Advise: %#lx\n", hr );
            hr = com_open( request, L"GET", elsewhere->port, L"/", TRUE );
            ok( hr == S_OK, "Open: %#lx\n", hr );
            hr = com_send( request );
            ok( hr == S_OK, "Send: %#lx\n", hr );
            ok( com_wait( request ), "WaitForResponse\n" );
            if (cookie) IConnectionPoint_Unadvise( point, cookie );
            IConnectionPoint_Release( point );
        }
        IWinHttpRequest_Release( request );
    }
    if (proxy) IUnknown_Release( proxy );
    CoUninitialize();
    return 0;
}

static void test_sink_of_another_apartment( void )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello world!" ), END
    };
    struct server *server = server_start( script );
    struct elsewhere elsewhere = { .stream = NULL };
    struct sink sink;
    HANDLE thread;
    HRESULT hr;

    if (!server) return;
    elsewhere.port = server_port( server );
    sink_init( &sink, GetCurrentThreadId() );
    hr = CoMarshalInterThreadInterfaceInStream( &IID_IUnknown, (IUnknown *)&sink.IWinHttpRequestEvents_iface, &elsewhere.stream );
    ok( hr == S_OK, "CoMarshalInterThreadInterfaceInStream: %#lx\n", hr );
    thread = CreateThread( NULL, 0, connect_elsewhere, &elsewhere, 0, NULL );
    ok( pump_until( thread ), "the thread hangs\n" );
    sink_check_hello( &sink );
    CloseHandle( thread );
    sink_end( &sink );
    server_stop( server );
}

START_TEST( com_sink )
{
    CoInitialize( NULL );
    test_container();
    test_advise();
    test_sink_of_another_apartment();
    CoUninitialize();
}
