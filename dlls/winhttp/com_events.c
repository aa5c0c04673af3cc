/*
 * Events of the scripting object: connection points and the way to the sinks
 *
 * The container and the one connection point live in the object: their references are the object's. struct com_events
 * itself is counted on its own, because threads that fire, and windows of sinks, may outlive the object.
 * Errors of the interfaces: documentation of IConnectionPointContainer and IConnectionPoint.
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <ocidl.h>
#include <olectl.h>

#include "wine/debug.h"
#include "com_events.h"
#include "com_events_enum.h"
#include "com_events_sink.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define SINKS_MAX 64        /* for a program that forgets to Unadvise before it advises again */

struct com_events
{
    struct sink_hub           hub;          /* its lock covers the list, too */
    IConnectionPointContainer IConnectionPointContainer_iface;
    IConnectionPoint          IConnectionPoint_iface;
    LONG                      refs;
    IUnknown                 *owner;
    struct sink              *sinks;        /* in the order of Advise; the list has a reference on each */
    ULONG                     count;
    DWORD                     last_cookie;
};

static struct com_events *impl_from_hub( struct sink_hub *hub )
{
    return CONTAINING_RECORD( hub, struct com_events, hub );
}

static struct com_events *impl_from_IConnectionPointContainer( IConnectionPointContainer *iface )
{
    return CONTAINING_RECORD( iface, struct com_events, IConnectionPointContainer_iface );
}

static struct com_events *impl_from_IConnectionPoint( IConnectionPoint *iface )
{
    return CONTAINING_RECORD( iface, struct com_events, IConnectionPoint_iface );
}

/*--- the list of sinks ---------------------------------------------------------------------------------------------*/

/* Takes a sink out of the list and gives the list's reference to the caller. NULL if there is no such cookie. */
static struct sink *unlink_sink( struct com_events *events, DWORD cookie )
{
    struct sink **pos, *sink;

    EnterCriticalSection( &events->hub.lock );
    for (pos = &events->sinks; (sink = *pos) && sink->cookie != cookie; pos = &sink->next) { }
    if (sink)
    {
        *pos = sink->next;
        events->count--;
    }
    LeaveCriticalSection( &events->hub.lock );
    return sink;
}

/* The sinks as they are now, a reference on each; at most SINKS_MAX. */
static ULONG snapshot( struct com_events *events, struct sink **sinks )
{
    struct sink *sink;
    ULONG count = 0;

    EnterCriticalSection( &events->hub.lock );
    for (sink = events->sinks; sink; sink = sink->next)
    {
        sink_addref( sink );
        sinks[count++] = sink;
    }
    LeaveCriticalSection( &events->hub.lock );
    return count;
}

static HRESULT add_sink( struct com_events *events, struct sink *sink )
{
    struct sink **pos;
    HRESULT hr = S_OK;

    EnterCriticalSection( &events->hub.lock );
    if (events->count == SINKS_MAX) hr = CONNECT_E_ADVISELIMIT;
    else
    {
        for (pos = &events->sinks; *pos; pos = &(*pos)->next) { }
        *pos = sink;
        events->count++;
        sink->cookie = ++events->last_cookie;
    }
    LeaveCriticalSection( &events->hub.lock );
    return hr;
}

/*--- IConnectionPointContainer -------------------------------------------------------------------------------------*/

static HRESULT WINAPI container_QueryInterface( IConnectionPointContainer *iface, REFIID iid, void **obj )
{
    return IUnknown_QueryInterface( impl_from_IConnectionPointContainer( iface )->owner, iid, obj );
}

static ULONG WINAPI container_AddRef( IConnectionPointContainer *iface )
{
    return IUnknown_AddRef( impl_from_IConnectionPointContainer( iface )->owner );
}

static ULONG WINAPI container_Release( IConnectionPointContainer *iface )
{
    return IUnknown_Release( impl_from_IConnectionPointContainer( iface )->owner );
}

static HRESULT WINAPI container_EnumConnectionPoints( IConnectionPointContainer *iface, IEnumConnectionPoints **points )
{
    if (!points) return E_POINTER;
    return enum_points_create( &impl_from_IConnectionPointContainer( iface )->IConnectionPoint_iface, points );
}

static HRESULT WINAPI container_FindConnectionPoint( IConnectionPointContainer *iface, REFIID iid, IConnectionPoint **point )
{
    struct com_events *events = impl_from_IConnectionPointContainer( iface );

    if (!point) return E_POINTER;
    *point = NULL;
    if (!iid) return E_POINTER;
    if (!IsEqualGUID( iid, &IID_IWinHttpRequestEvents )) return CONNECT_E_NOCONNECTION;
    *point = &events->IConnectionPoint_iface;
    IConnectionPoint_AddRef( *point );
    return S_OK;
}

static const IConnectionPointContainerVtbl container_vtbl =
{
    container_QueryInterface,
    container_AddRef,
    container_Release,
    container_EnumConnectionPoints,
    container_FindConnectionPoint,
};

/*--- IConnectionPoint ----------------------------------------------------------------------------------------------*/

/* An object of its own, although it counts the owner's references: the container is asked for, not queried for. */
static HRESULT WINAPI point_QueryInterface( IConnectionPoint *iface, REFIID iid, void **obj )
{
    if (!obj) return E_POINTER;
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_IConnectionPoint )) return E_NOINTERFACE;
    IConnectionPoint_AddRef( iface );
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI point_AddRef( IConnectionPoint *iface )
{
    return IUnknown_AddRef( impl_from_IConnectionPoint( iface )->owner );
}

static ULONG WINAPI point_Release( IConnectionPoint *iface )
{
    return IUnknown_Release( impl_from_IConnectionPoint( iface )->owner );
}

static HRESULT WINAPI point_GetConnectionInterface( IConnectionPoint *iface, IID *iid )
{
    (void)iface;
    if (!iid) return E_POINTER;
    *iid = IID_IWinHttpRequestEvents;
    return S_OK;
}

static HRESULT WINAPI point_GetConnectionPointContainer( IConnectionPoint *iface, IConnectionPointContainer **container )
{
    if (!container) return E_POINTER;
    *container = &impl_from_IConnectionPoint( iface )->IConnectionPointContainer_iface;
    IConnectionPointContainer_AddRef( *container );
    return S_OK;
}

static HRESULT WINAPI point_Advise( IConnectionPoint *iface, IUnknown *object, DWORD *cookie )
{
    struct com_events *events = impl_from_IConnectionPoint( iface );
    IWinHttpRequestEvents *sink_iface;
    struct sink *sink;
    HRESULT hr;

    TRACE( "%p, %p, %p\n", iface, object, cookie );
    if (cookie) *cookie = 0;
    if (!object || !cookie) return E_POINTER;
    if (FAILED(IUnknown_QueryInterface( object, &IID_IWinHttpRequestEvents, (void **)&sink_iface )))
        return CONNECT_E_CANNOTCONNECT;

    if (SUCCEEDED(hr = sink_create( &events->hub, sink_iface, &sink )))
    {
        com_events_addref( events );        /* until the sink is gone: release_hub */
        if (SUCCEEDED(hr = add_sink( events, sink ))) *cookie = sink->cookie;
        else
        {
            sink_disconnect( sink );
            sink_release( sink );
        }
    }
    IWinHttpRequestEvents_Release( sink_iface );
    return hr;
}

static HRESULT WINAPI point_Unadvise( IConnectionPoint *iface, DWORD cookie )
{
    struct sink *sink = unlink_sink( impl_from_IConnectionPoint( iface ), cookie );

    TRACE( "%p, %lu\n", iface, cookie );
    if (!sink) return CONNECT_E_NOCONNECTION;
    sink_disconnect( sink );
    sink_release( sink );
    return S_OK;
}

static HRESULT WINAPI point_EnumConnections( IConnectionPoint *iface, IEnumConnections **connections )
{
    struct com_events *events = impl_from_IConnectionPoint( iface );
    CONNECTDATA *items;
    struct sink *sink;
    ULONG count = 0;

    if (!connections) return E_POINTER;
    *connections = NULL;
    if (!(items = malloc( SINKS_MAX * sizeof(*items) ))) return E_OUTOFMEMORY;
    EnterCriticalSection( &events->hub.lock );
    for (sink = events->sinks; sink; sink = sink->next)
    {
        if (!sink->iface) continue;
        items[count].pUnk = (IUnknown *)sink->iface;
        items[count].dwCookie = sink->cookie;
        IUnknown_AddRef( items[count].pUnk );
        count++;
    }
    LeaveCriticalSection( &events->hub.lock );
    return enum_connections_create( items, count, connections );
}

static const IConnectionPointVtbl point_vtbl =
{
    point_QueryInterface,
    point_AddRef,
    point_Release,
    point_GetConnectionInterface,
    point_GetConnectionPointContainer,
    point_Advise,
    point_Unadvise,
    point_EnumConnections,
};

/*--- life ----------------------------------------------------------------------------------------------------------*/

static void release_hub( struct sink_hub *hub )
{
    com_events_release( impl_from_hub( hub ) );
}

struct com_events *com_events_create( IUnknown *owner )
{
    struct com_events *events;

    if (!(events = calloc( 1, sizeof(*events) ))) return NULL;
    InitializeCriticalSection( &events->hub.lock );
    events->hub.release = release_hub;
    events->IConnectionPointContainer_iface.lpVtbl = (IConnectionPointContainerVtbl *)&container_vtbl;
    events->IConnectionPoint_iface.lpVtbl = (IConnectionPointVtbl *)&point_vtbl;
    events->refs = 1;
    events->owner = owner;
    return events;
}

void com_events_addref( struct com_events *events )
{
    InterlockedIncrement( &events->refs );
}

void com_events_release( struct com_events *events )
{
    if (InterlockedDecrement( &events->refs )) return;
    DeleteCriticalSection( &events->hub.lock );
    free( events );
}

void com_events_close( struct com_events *events )
{
    struct sink *sink;

    com_events_cancel( events );
    /* a sink that goes may reach into the program, so one at a time */
    while (events->sinks && (sink = unlink_sink( events, events->sinks->cookie )))
    {
        sink_disconnect( sink );
        sink_release( sink );
    }
}

IConnectionPointContainer *com_events_container( struct com_events *events )
{
    return &events->IConnectionPointContainer_iface;
}

/*--- firing --------------------------------------------------------------------------------------------------------*/

LONG com_events_begin( struct com_events *events )
{
    struct sink *sink;
    LONG send;

    EnterCriticalSection( &events->hub.lock );
    send = ++events->hub.send;
    for (sink = events->sinks; sink; sink = sink->next) sink_clear( sink );
    LeaveCriticalSection( &events->hub.lock );
    return send;
}

void com_events_cancel( struct com_events *events )
{
    com_events_begin( events );     /* a number that nobody knows */
}

static HRESULT fire( struct com_events *events, enum event_kind kind, LONG send, LONG number, const void *data, SIZE_T len )
{
    struct sink *sinks[SINKS_MAX];
    HRESULT hr = S_OK, sink_hr;
    struct event *event = NULL;
    ULONG i, count = snapshot( events, sinks );

    if (count && !(event = event_create( kind, send, number, data, len ))) hr = E_OUTOFMEMORY;
    for (i = 0; i < count; i++)
    {
        if (event && FAILED(sink_hr = sink_fire( sinks[i], event ))) hr = sink_hr;
        sink_release( sinks[i] );
    }
    if (event) event_release( event );
    return hr;
}

HRESULT com_events_fire_start( struct com_events *events, LONG send, LONG status, const WCHAR *content_type )
{
    if (!content_type) content_type = L"";
    return fire( events, EVENT_START, send, status, content_type, (wcslen( content_type ) + 1) * sizeof(WCHAR) );
}

HRESULT com_events_fire_data( struct com_events *events, LONG send, const void *data, DWORD len )
{
    return fire( events, EVENT_DATA, send, 0, data, len );
}

HRESULT com_events_fire_finished( struct com_events *events, LONG send )
{
    return fire( events, EVENT_FINISHED, send, 0, NULL, 0 );
}

HRESULT com_events_fire_error( struct com_events *events, LONG send, HRESULT error, const WCHAR *text )
{
    if (!text) text = L"";
    return fire( events, EVENT_ERROR, send, error, text, (wcslen( text ) + 1) * sizeof(WCHAR) );
}

void com_events_flush( struct com_events *events )
{
    struct sink *sinks[SINKS_MAX];
    ULONG i, count = snapshot( events, sinks );

    for (i = 0; i < count; i++)
    {
        if (sinks[i]->thread == GetCurrentThreadId()) sink_deliver( sinks[i] );
        sink_release( sinks[i] );
    }
}
