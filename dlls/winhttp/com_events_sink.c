/*
 * One sink of the scripting object's events: the events that wait for it, and the call in its apartment
 *
 * A sink in an STA must be called on that STA's thread. A message-only window in that thread takes the calls there: it
 * needs no proxy and no registered type library, and an event is posted, never sent, so the thread that fires does not
 * wait for one that does not pump. Marshalling through COM would block it there, in the middle of the response.
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winuser.h>
#include <objbase.h>
#include <oleauto.h>

#include "wine/debug.h"
#include "com_events_sink.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define WM_DELIVER  (WM_USER + 1)       /* there are events in the queue */
#define WM_GONE     (WM_USER + 2)       /* the sink is disconnected: the window is not needed any more */

#define DELIVER_MAX 16      /* events for one message: the program's own messages have their turn in between */

static const WCHAR window_class[] = L"WinHttpRequestEvents";

struct queued
{
    struct queued *next;
    struct event  *event;
};

/*--- events --------------------------------------------------------------------------------------------------------*/

struct event *event_create( enum event_kind kind, LONG send, LONG number, const void *data, SIZE_T len )
{
    struct event *event;

    if (len > MAXLONG || !(event = malloc( sizeof(*event) + len ))) return NULL;
    event->refs = 1;
    event->send = send;
    event->kind = kind;
    event->number = number;
    event->len = len;
    if (len) memcpy( event->data, data, len );
    return event;
}

void event_release( struct event *event )
{
    if (!InterlockedDecrement( &event->refs )) free( event );
}

static HRESULT call_start( IWinHttpRequestEvents *iface, const struct event *event )
{
    BSTR type = SysAllocString( (const WCHAR *)event->data );

    if (!type) return E_OUTOFMEMORY;
    IWinHttpRequestEvents_OnResponseStart( iface, event->number, type );
    SysFreeString( type );
    return S_OK;
}

static HRESULT call_data( IWinHttpRequestEvents *iface, const struct event *event )
{
    SAFEARRAY *array = SafeArrayCreateVector( VT_UI1, 0, event->len ), *data = array;

    if (!array) return E_OUTOFMEMORY;
    memcpy( array->pvData, event->data, event->len );
    IWinHttpRequestEvents_OnResponseDataAvailable( iface, &data );
    SafeArrayDestroy( array );
    return S_OK;
}

static HRESULT call_finished( IWinHttpRequestEvents *iface, const struct event *event UNUSED )
{
    IWinHttpRequestEvents_OnResponseFinished( iface );
    return S_OK;
}

static HRESULT call_error( IWinHttpRequestEvents *iface, const struct event *event )
{
    BSTR text = SysAllocString( (const WCHAR *)event->data );

    if (!text) return E_OUTOFMEMORY;
    IWinHttpRequestEvents_OnError( iface, event->number, text );
    SysFreeString( text );
    return S_OK;
}

static const struct
{
    const char *name;
    HRESULT     (*call)( IWinHttpRequestEvents *iface, const struct event *event );
}
kinds[EVENT_KIND_COUNT] =
{
    [EVENT_START]    = { "OnResponseStart", call_start },
    [EVENT_DATA]     = { "OnResponseDataAvailable", call_data },
    [EVENT_FINISHED] = { "OnResponseFinished", call_finished },
    [EVENT_ERROR]    = { "OnError", call_error },
};

/* Calls the sink, if it is still to be called. The right thread, no lock held. */
static HRESULT call_sink( struct sink *sink, const struct event *event )
{
    IWinHttpRequestEvents *iface = NULL;
    HRESULT hr;

    EnterCriticalSection( &sink->hub->lock );
    if (sink->iface && event->send == sink->hub->send)
    {
        iface = sink->iface;
        IWinHttpRequestEvents_AddRef( iface );
    }
    LeaveCriticalSection( &sink->hub->lock );
    if (!iface) return S_OK;

    TRACE( "sink %p: %s, %ld, <%Iu bytes>\n", sink, kinds[event->kind].name, event->number, event->len );
    hr = kinds[event->kind].call( iface, event );
    IWinHttpRequestEvents_Release( iface );
    return hr;
}

/*--- the queue -----------------------------------------------------------------------------------------------------*/

static struct event *dequeue( struct sink *sink )
{
    struct queued *queued = sink->first;
    struct event *event;

    if (!queued) return NULL;
    if (!(sink->first = queued->next)) sink->last = &sink->first;
    event = queued->event;
    free( queued );
    return event;
}

void sink_clear( struct sink *sink )
{
    struct event *event;

    while ((event = dequeue( sink ))) event_release( event );
}

/* Under the hub's lock. A full message queue refuses the message; the next event, or a flush, tries again. Where the
 * thread has ended, and its windows with it, nobody will ever take the events. */
static void kick( struct sink *sink )
{
    if (!sink->first || sink->kicked) return;
    if (sink->window && PostMessageW( sink->window, WM_DELIVER, 0, 0 )) sink->kicked = TRUE;
    else if (!sink->window || GetLastError() == ERROR_INVALID_WINDOW_HANDLE) sink_clear( sink );
}

/* At most `max` of the queued events, in order. One that comes while the sink pumps in an event waits. */
static void deliver( struct sink *sink, unsigned int max )
{
    struct event *event;

    EnterCriticalSection( &sink->hub->lock );
    if (!sink->delivering)
    {
        sink->delivering = TRUE;
        while (max-- && (event = dequeue( sink )))
        {
            LeaveCriticalSection( &sink->hub->lock );
            if (call_sink( sink, event )) WARN( "sink %p: no memory for an event, it is lost\n", sink );
            event_release( event );
            EnterCriticalSection( &sink->hub->lock );
        }
        sink->delivering = FALSE;
        kick( sink );
    }
    LeaveCriticalSection( &sink->hub->lock );
}

void sink_deliver( struct sink *sink )
{
    deliver( sink, ~0u );
}

static HRESULT enqueue( struct sink *sink, struct event *event )
{
    struct queued *queued = malloc( sizeof(*queued) );

    if (!queued) return E_OUTOFMEMORY;
    InterlockedIncrement( &event->refs );
    queued->next = NULL;
    queued->event = event;
    EnterCriticalSection( &sink->hub->lock );
    *sink->last = queued;
    sink->last = &queued->next;
    if (!sink->iface) sink_clear( sink );       /* disconnected meanwhile */
    kick( sink );
    LeaveCriticalSection( &sink->hub->lock );
    return S_OK;
}

HRESULT sink_fire( struct sink *sink, struct event *event )
{
    HRESULT hr, init;

    if (sink->thread)
    {
        hr = enqueue( sink, event );
        if (sink->thread == GetCurrentThreadId()) sink_deliver( sink );
        return hr;
    }
    /* the caller should have entered the MTA for good; where it is in an STA of its own there is nothing to do */
    init = CoInitializeEx( NULL, COINIT_MULTITHREADED );
    hr = call_sink( sink, event );
    if (SUCCEEDED(init)) CoUninitialize();
    return hr;
}

/*--- the window ----------------------------------------------------------------------------------------------------*/

/* The window is going: its reference, too. */
static void forget_window( struct sink *sink )
{
    BOOL had;

    EnterCriticalSection( &sink->hub->lock );
    had = sink->window != NULL;
    sink->window = NULL;
    LeaveCriticalSection( &sink->hub->lock );
    if (had) sink_release( sink );
}

static LRESULT CALLBACK window_proc( HWND window, UINT msg, WPARAM wparam, LPARAM lparam )
{
    struct sink *sink = (struct sink *)GetWindowLongPtrW( window, GWLP_USERDATA );

    if (!sink) return DefWindowProcW( window, msg, wparam, lparam );
    switch (msg)
    {
    case WM_DELIVER:
        sink_addref( sink );
        EnterCriticalSection( &sink->hub->lock );
        sink->kicked = FALSE;
        LeaveCriticalSection( &sink->hub->lock );
        deliver( sink, DELIVER_MAX );
        sink_release( sink );
        return 0;
    case WM_GONE:
        DestroyWindow( window );
        return 0;
    case WM_NCDESTROY:
        SetWindowLongPtrW( window, GWLP_USERDATA, 0 );
        forget_window( sink );
        break;
    }
    return DefWindowProcW( window, msg, wparam, lparam );
}

/* The module stays: its windows are in threads that do not know of it. */
static BOOL WINAPI register_class( INIT_ONCE *once UNUSED, void *param UNUSED, void **context )
{
    WNDCLASSW class = { 0 };
    HMODULE module;

    if (!GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                             (const WCHAR *)window_proc, &module ))
        return FALSE;
    class.lpfnWndProc = window_proc;
    class.hInstance = module;
    class.lpszClassName = window_class;
    *context = module;
    return RegisterClassW( &class ) != 0;
}

static HRESULT create_window( struct sink *sink )
{
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
    void *module;

    if (!InitOnceExecuteOnce( &once, register_class, NULL, &module )) return E_OUTOFMEMORY;
    if (!(sink->window = CreateWindowExW( 0, window_class, NULL, 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, module, NULL )))
    {
        WARN( "no window for a sink: %lu\n", GetLastError() );
        return E_OUTOFMEMORY;
    }
    sink_addref( sink );
    SetWindowLongPtrW( sink->window, GWLP_USERDATA, (LONG_PTR)sink );
    return S_OK;
}

static void destroy_window( struct sink *sink )
{
    HWND window;

    EnterCriticalSection( &sink->hub->lock );
    window = sink->window;
    LeaveCriticalSection( &sink->hub->lock );
    if (!window) return;
    if (sink->thread == GetCurrentThreadId()) DestroyWindow( window );
    /* a thread that has ended took its windows along, without a word to them */
    else if (!PostMessageW( window, WM_GONE, 0, 0 ) && GetLastError() == ERROR_INVALID_WINDOW_HANDLE)
        forget_window( sink );
}

/*--- life ----------------------------------------------------------------------------------------------------------*/

static DWORD sta_thread( void )
{
    APTTYPEQUALIFIER qualifier;
    APTTYPE type;

    if (FAILED(CoGetApartmentType( &type, &qualifier ))) return 0;
    return type == APTTYPE_STA || type == APTTYPE_MAINSTA ? GetCurrentThreadId() : 0;
}

HRESULT sink_create( struct sink_hub *hub, IWinHttpRequestEvents *iface, struct sink **ret )
{
    struct sink *sink;
    HRESULT hr;

    if (!(sink = calloc( 1, sizeof(*sink) ))) return E_OUTOFMEMORY;
    sink->refs = 1;
    sink->hub = hub;
    sink->last = &sink->first;
    sink->thread = sta_thread();
    if (sink->thread && FAILED(hr = create_window( sink )))
    {
        free( sink );
        return hr;
    }
    sink->iface = iface;
    IWinHttpRequestEvents_AddRef( iface );
    TRACE( "sink %p: thread %04lx\n", sink, sink->thread );
    *ret = sink;
    return S_OK;
}

void sink_addref( struct sink *sink )
{
    InterlockedIncrement( &sink->refs );
}

void sink_release( struct sink *sink )
{
    struct sink_hub *hub = sink->hub;

    if (InterlockedDecrement( &sink->refs )) return;
    sink_clear( sink );         /* nobody else knows of it: no lock is needed */
    free( sink );
    hub->release( hub );
}

void sink_disconnect( struct sink *sink )
{
    IWinHttpRequestEvents *iface;

    EnterCriticalSection( &sink->hub->lock );
    iface = sink->iface;
    sink->iface = NULL;
    sink_clear( sink );
    LeaveCriticalSection( &sink->hub->lock );
    destroy_window( sink );
    if (iface) IWinHttpRequestEvents_Release( iface );
}
