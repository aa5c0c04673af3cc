/*
 * Proxies and stubs of IWinHttpRequestEvents
 *
 * Both ends of a call are in this module, in one process, so the message is ours: a number, the length of what follows, and
 * its bytes. A stub takes nothing for granted all the same. Documentation: IPSFactoryBuffer, IRpcProxyBuffer,
 * IRpcStubBuffer, IRpcChannelBuffer.
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <oleauto.h>

#include "wine/debug.h"
#include "com_proxy.h"
#include "httprequest.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define LOCAL_DATA   0x10          /* the byte order and character set of this machine, as NDR says it */
#define NO_TEXT      0xffffffff    /* message.len of a BSTR that is NULL */

/* Places in the interface's table of methods. */
enum method { METHOD_START = 3, METHOD_DATA, METHOD_FINISHED, METHOD_ERROR };

struct message
{
    LONG  number;     /* status, or error */
    DWORD len;        /* bytes that follow */
};

/*--- the proxy, in the apartment of whoever calls ------------------------------------------------------------------*/

struct proxy
{
    IRpcProxyBuffer       IRpcProxyBuffer_iface;
    IWinHttpRequestEvents IWinHttpRequestEvents_iface;    /* its references are the outer object's */
    LONG                  refs;
    IUnknown             *outer;                          /* borrowed: it holds the proxy */
    SRWLOCK               lock;
    IRpcChannelBuffer    *channel;                        /* under the lock; NULL: disconnected */
};

static struct proxy *impl_from_IRpcProxyBuffer( IRpcProxyBuffer *iface )
{
    return CONTAINING_RECORD( iface, struct proxy, IRpcProxyBuffer_iface );
}

static struct proxy *impl_from_IWinHttpRequestEvents( IWinHttpRequestEvents *iface )
{
    return CONTAINING_RECORD( iface, struct proxy, IWinHttpRequestEvents_iface );
}

static HRESULT WINAPI proxy_QueryInterface( IRpcProxyBuffer *iface, REFIID iid, void **obj )
{
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_IRpcProxyBuffer )) return E_NOINTERFACE;
    IRpcProxyBuffer_AddRef( iface );
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI proxy_AddRef( IRpcProxyBuffer *iface )
{
    return InterlockedIncrement( &impl_from_IRpcProxyBuffer( iface )->refs );
}

static void WINAPI proxy_Disconnect( IRpcProxyBuffer *iface )
{
    struct proxy *proxy = impl_from_IRpcProxyBuffer( iface );
    IRpcChannelBuffer *channel;

    AcquireSRWLockExclusive( &proxy->lock );
    channel = proxy->channel;
    proxy->channel = NULL;
    ReleaseSRWLockExclusive( &proxy->lock );
    if (channel) IRpcChannelBuffer_Release( channel );
}

static ULONG WINAPI proxy_Release( IRpcProxyBuffer *iface )
{
    struct proxy *proxy = impl_from_IRpcProxyBuffer( iface );
    ULONG refs = InterlockedDecrement( &proxy->refs );

    if (refs) return refs;
    proxy_Disconnect( iface );
    free( proxy );
    return 0;
}

static HRESULT WINAPI proxy_Connect( IRpcProxyBuffer *iface, IRpcChannelBuffer *channel )
{
    struct proxy *proxy = impl_from_IRpcProxyBuffer( iface );

    if (!channel) return E_INVALIDARG;
    proxy_Disconnect( iface );
    IRpcChannelBuffer_AddRef( channel );
    AcquireSRWLockExclusive( &proxy->lock );
    proxy->channel = channel;
    ReleaseSRWLockExclusive( &proxy->lock );
    return S_OK;
}

static const IRpcProxyBufferVtbl proxy_vtbl =
{
    proxy_QueryInterface,
    proxy_AddRef,
    proxy_Release,
    proxy_Connect,
    proxy_Disconnect,
};

/* One call, until the other side has returned. The methods return nothing: an error ends here. */
static void call( IWinHttpRequestEvents *iface, enum method method, const struct message *message, const void *data, DWORD len )
{
    struct proxy *proxy = impl_from_IWinHttpRequestEvents( iface );
    RPCOLEMESSAGE rpc = { .dataRepresentation = LOCAL_DATA, .cbBuffer = sizeof(*message) + len, .iMethod = method };
    IRpcChannelBuffer *channel;
    HRESULT hr = RPC_E_DISCONNECTED;
    ULONG status = 0;

    AcquireSRWLockShared( &proxy->lock );
    if ((channel = proxy->channel)) IRpcChannelBuffer_AddRef( channel );
    ReleaseSRWLockShared( &proxy->lock );
    if (channel)
    {
        if (SUCCEEDED( hr = IRpcChannelBuffer_GetBuffer( channel, &rpc, &IID_IWinHttpRequestEvents ) ))
        {
            memcpy( rpc.Buffer, message, sizeof(*message) );
            if (len) memcpy( (BYTE *)rpc.Buffer + sizeof(*message), data, len );
            if (SUCCEEDED( hr = IRpcChannelBuffer_SendReceive( channel, &rpc, &status ) ))
                IRpcChannelBuffer_FreeBuffer( channel, &rpc );
        }
        IRpcChannelBuffer_Release( channel );
    }
    if (FAILED( hr )) WARN( "an event did not reach its sink: %#lx, %lu\n", hr, status );
}

static void call_with_text( IWinHttpRequestEvents *iface, enum method method, LONG number, const WCHAR *text )
{
    DWORD len = text ? SysStringLen( (BSTR)text ) * sizeof(WCHAR) : 0;
    struct message message = { number, text ? len : NO_TEXT };

    call( iface, method, &message, text, len );
}

static HRESULT WINAPI events_QueryInterface( IWinHttpRequestEvents *iface, REFIID iid, void **obj )
{
    return IUnknown_QueryInterface( impl_from_IWinHttpRequestEvents( iface )->outer, iid, obj );
}

static ULONG WINAPI events_AddRef( IWinHttpRequestEvents *iface )
{
    return IUnknown_AddRef( impl_from_IWinHttpRequestEvents( iface )->outer );
}

static ULONG WINAPI events_Release( IWinHttpRequestEvents *iface )
{
    return IUnknown_Release( impl_from_IWinHttpRequestEvents( iface )->outer );
}

static void WINAPI events_OnResponseStart( IWinHttpRequestEvents *iface, LONG status, BSTR type )
{
    call_with_text( iface, METHOD_START, status, type );
}

static void WINAPI events_OnResponseDataAvailable( IWinHttpRequestEvents *iface, SAFEARRAY **data )
{
    struct message message = { 0, 0 };
    LONG lower = 0, upper = -1;
    void *bytes = NULL;

    if (!data || !*data || SafeArrayGetDim( *data ) != 1 || SafeArrayGetElemsize( *data ) != 1) return;
    SafeArrayGetLBound( *data, 1, &lower );
    SafeArrayGetUBound( *data, 1, &upper );
    if (upper < lower || FAILED( SafeArrayAccessData( *data, &bytes ) )) return;
    message.len = upper - lower + 1;
    call( iface, METHOD_DATA, &message, bytes, message.len );
    SafeArrayUnaccessData( *data );
}

static void WINAPI events_OnResponseFinished( IWinHttpRequestEvents *iface )
{
    struct message message = { 0, 0 };

    call( iface, METHOD_FINISHED, &message, NULL, 0 );
}

static void WINAPI events_OnError( IWinHttpRequestEvents *iface, LONG number, BSTR text )
{
    call_with_text( iface, METHOD_ERROR, number, text );
}

static const IWinHttpRequestEventsVtbl events_vtbl =
{
    events_QueryInterface,
    events_AddRef,
    events_Release,
    events_OnResponseStart,
    events_OnResponseDataAvailable,
    events_OnResponseFinished,
    events_OnError,
};

/*--- the stub, in the apartment of the sink ------------------------------------------------------------------------*/

struct stub
{
    IRpcStubBuffer         IRpcStubBuffer_iface;
    LONG                   refs;
    IWinHttpRequestEvents *server;    /* NULL: disconnected */
};

static struct stub *impl_from_IRpcStubBuffer( IRpcStubBuffer *iface )
{
    return CONTAINING_RECORD( iface, struct stub, IRpcStubBuffer_iface );
}

static HRESULT WINAPI stub_QueryInterface( IRpcStubBuffer *iface, REFIID iid, void **obj )
{
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_IRpcStubBuffer )) return E_NOINTERFACE;
    IRpcStubBuffer_AddRef( iface );
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI stub_AddRef( IRpcStubBuffer *iface )
{
    return InterlockedIncrement( &impl_from_IRpcStubBuffer( iface )->refs );
}

static void WINAPI stub_Disconnect( IRpcStubBuffer *iface )
{
    IWinHttpRequestEvents *server = InterlockedExchangePointer( (void **)&impl_from_IRpcStubBuffer( iface )->server, NULL );

    if (server) IWinHttpRequestEvents_Release( server );
}

static ULONG WINAPI stub_Release( IRpcStubBuffer *iface )
{
    ULONG refs = InterlockedDecrement( &impl_from_IRpcStubBuffer( iface )->refs );

    if (refs) return refs;
    stub_Disconnect( iface );
    free( impl_from_IRpcStubBuffer( iface ) );
    return 0;
}

static HRESULT WINAPI stub_Connect( IRpcStubBuffer *iface, IUnknown *server )
{
    IWinHttpRequestEvents *events;
    HRESULT hr;

    if (FAILED( hr = IUnknown_QueryInterface( server, &IID_IWinHttpRequestEvents, (void **)&events ) )) return hr;
    stub_Disconnect( iface );
    impl_from_IRpcStubBuffer( iface )->server = events;
    return S_OK;
}

static HRESULT take_text( IWinHttpRequestEvents *server, enum method method, const struct message *message, const BYTE *data )
{
    BSTR text = NULL;

    if (message->len != NO_TEXT && !(text = SysAllocStringLen( NULL, message->len / sizeof(WCHAR) ))) return E_OUTOFMEMORY;
    if (text) memcpy( text, data, message->len );
    if (method == METHOD_START) IWinHttpRequestEvents_OnResponseStart( server, message->number, text );
    else IWinHttpRequestEvents_OnError( server, message->number, text );
    SysFreeString( text );
    return S_OK;
}

static HRESULT take_bytes( IWinHttpRequestEvents *server, const struct message *message, const BYTE *data )
{
    SAFEARRAY *array = SafeArrayCreateVector( VT_UI1, 0, message->len ), *lent = array;

    if (!array) return E_OUTOFMEMORY;
    memcpy( array->pvData, data, message->len );
    IWinHttpRequestEvents_OnResponseDataAvailable( server, &lent );
    SafeArrayDestroy( array );
    return S_OK;
}

static HRESULT dispatch( IWinHttpRequestEvents *server, const RPCOLEMESSAGE *rpc )
{
    const BYTE *data = (const BYTE *)rpc->Buffer + sizeof(struct message);
    struct message message;
    DWORD len;

    if (rpc->cbBuffer < sizeof(message)) return RPC_E_INVALID_DATA;
    memcpy( &message, rpc->Buffer, sizeof(message) );
    len = rpc->cbBuffer - sizeof(message);    /* the channel may have made it longer */
    if (message.len > len && message.len != NO_TEXT) return RPC_E_INVALID_DATA;
    switch (rpc->iMethod)
    {
    case METHOD_START:
    case METHOD_ERROR:
        return take_text( server, rpc->iMethod, &message, data );
    case METHOD_DATA:
        return message.len == NO_TEXT ? RPC_E_INVALID_DATA : take_bytes( server, &message, data );
    case METHOD_FINISHED:
        IWinHttpRequestEvents_OnResponseFinished( server );
        return S_OK;
    }
    return RPC_E_INVALIDMETHOD;
}

static HRESULT WINAPI stub_Invoke( IRpcStubBuffer *iface, RPCOLEMESSAGE *rpc, IRpcChannelBuffer *channel )
{
    struct stub *stub = impl_from_IRpcStubBuffer( iface );
    IWinHttpRequestEvents *server = stub->server;
    HRESULT hr;

    if (!server) return CO_E_OBJNOTCONNECTED;
    IWinHttpRequestEvents_AddRef( server );    /* it may Unadvise in the event */
    hr = dispatch( server, rpc );
    IWinHttpRequestEvents_Release( server );
    if (FAILED( hr )) return hr;
    rpc->cbBuffer = 0;
    return IRpcChannelBuffer_GetBuffer( channel, rpc, &IID_IWinHttpRequestEvents );
}

static IRpcStubBuffer * WINAPI stub_IsIIDSupported( IRpcStubBuffer *iface, REFIID iid )
{
    return IsEqualGUID( iid, &IID_IWinHttpRequestEvents ) ? iface : NULL;
}

static ULONG WINAPI stub_CountRefs( IRpcStubBuffer *iface )
{
    return impl_from_IRpcStubBuffer( iface )->server != NULL;
}

static HRESULT WINAPI stub_DebugServerQueryInterface( IRpcStubBuffer *iface, void **server )
{
    *server = impl_from_IRpcStubBuffer( iface )->server;
    return *server ? S_OK : CO_E_OBJNOTCONNECTED;
}

static void WINAPI stub_DebugServerRelease( IRpcStubBuffer *iface UNUSED, void *server UNUSED )
{
}

static const IRpcStubBufferVtbl stub_vtbl =
{
    stub_QueryInterface,
    stub_AddRef,
    stub_Release,
    stub_Connect,
    stub_Disconnect,
    stub_Invoke,
    stub_IsIIDSupported,
    stub_CountRefs,
    stub_DebugServerQueryInterface,
    stub_DebugServerRelease,
};

/*--- the factory ---------------------------------------------------------------------------------------------------*/

static HRESULT WINAPI factory_QueryInterface( IPSFactoryBuffer *iface, REFIID iid, void **obj )
{
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_IPSFactoryBuffer )) return E_NOINTERFACE;
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI factory_AddRef( IPSFactoryBuffer *iface UNUSED )
{
    return 2;
}

static ULONG WINAPI factory_Release( IPSFactoryBuffer *iface UNUSED )
{
    return 1;
}

static HRESULT WINAPI factory_CreateProxy( IPSFactoryBuffer *iface UNUSED, IUnknown *outer, REFIID iid, IRpcProxyBuffer **ret,
                                           void **obj )
{
    struct proxy *proxy;

    *ret = NULL;
    *obj = NULL;
    if (!outer) return E_INVALIDARG;
    if (!IsEqualGUID( iid, &IID_IWinHttpRequestEvents )) return E_NOINTERFACE;
    if (!(proxy = calloc( 1, sizeof(*proxy) ))) return E_OUTOFMEMORY;
    proxy->IRpcProxyBuffer_iface.lpVtbl = (IRpcProxyBufferVtbl *)&proxy_vtbl;
    proxy->IWinHttpRequestEvents_iface.lpVtbl = (IWinHttpRequestEventsVtbl *)&events_vtbl;
    proxy->refs = 1;
    proxy->outer = outer;
    InitializeSRWLock( &proxy->lock );
    *ret = &proxy->IRpcProxyBuffer_iface;
    *obj = &proxy->IWinHttpRequestEvents_iface;
    IUnknown_AddRef( outer );
    return S_OK;
}

static HRESULT WINAPI factory_CreateStub( IPSFactoryBuffer *iface UNUSED, REFIID iid, IUnknown *server, IRpcStubBuffer **ret )
{
    struct stub *stub;
    HRESULT hr = S_OK;

    *ret = NULL;
    if (!IsEqualGUID( iid, &IID_IWinHttpRequestEvents )) return E_NOINTERFACE;
    if (!(stub = calloc( 1, sizeof(*stub) ))) return E_OUTOFMEMORY;
    stub->IRpcStubBuffer_iface.lpVtbl = (IRpcStubBufferVtbl *)&stub_vtbl;
    stub->refs = 1;
    if (server && FAILED( hr = stub_Connect( &stub->IRpcStubBuffer_iface, server ) )) free( stub );
    else *ret = &stub->IRpcStubBuffer_iface;
    return hr;
}

static const IPSFactoryBufferVtbl factory_vtbl =
{
    factory_QueryInterface,
    factory_AddRef,
    factory_Release,
    factory_CreateProxy,
    factory_CreateStub,
};

static IPSFactoryBuffer factory = { (IPSFactoryBufferVtbl *)&factory_vtbl };

IUnknown *com_proxy_factory( void )
{
    return (IUnknown *)&factory;
}

void com_proxy_register( void )
{
    static LONG done;
    HRESULT hr;

    if (done) return;
    if (FAILED( hr = CoRegisterPSClsid( &IID_IWinHttpRequestEvents, &CLSID_WinHttpRequest ) ))
        WARN( "sinks cannot be called from other apartments: %#lx\n", hr );
    else InterlockedExchange( &done, 1 );
}
