/*
 * The scripting object: its methods
 *
 * Each method of the table locks, checks in the order that windows-behaviour COM-10 fixes, does its work, and reports what
 * failed to the error object of the thread. Invoke calls them, too.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <winhttp.h>

#include "httprequest.h"

#include "wine/debug.h"
#include "com_body.h"
#include "com_class.h"
#include "com_error.h"
#include "com_events.h"
#include "com_exchange.h"
#include "com_marshal.h"
#include "com_open.h"
#include "com_request.h"
#include "com_response.h"
#include "com_send.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

/* The identity that the documentation's C++ samples have; the layout is the same. */
static const GUID old_IID_IWinHttpRequest =
    { 0x06f29373, 0x5c5a, 0x4b54, { 0xb0, 0x25, 0x6e, 0xf1, 0xbf, 0x8a, 0xbf, 0x0e } };

#define BEFORE_OPEN  HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN )
#define AFTER_SEND   HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_AFTER_SEND )

/*--- the table of methods ------------------------------------------------------------------------------------------*/

static HRESULT WINAPI request_QueryInterface( IWinHttpRequest *iface, REFIID iid, void **object )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );

    TRACE( "%p, %s, %p\n", iface, wine_dbgstr_guid( iid ), object );

    if (!object) return E_POINTER;
    if (IsEqualGUID( iid, &IID_IMarshal ))
        return com_marshal_query( &request->marshaler, (IUnknown *)iface, iid, object );
    if (IsEqualGUID( iid, &IID_IUnknown ) || IsEqualGUID( iid, &IID_IDispatch ) ||    /* COM-1, COM-2 */
        IsEqualGUID( iid, &IID_IWinHttpRequest ) || IsEqualGUID( iid, &old_IID_IWinHttpRequest )) *object = iface;
    else if (IsEqualGUID( iid, &IID_ISupportErrorInfo )) *object = &request->ISupportErrorInfo_iface;
    else if (IsEqualGUID( iid, &IID_IProvideClassInfo )) *object = &request->IProvideClassInfo_iface;
    else if (IsEqualGUID( iid, &IID_IConnectionPointContainer )) *object = com_events_container( request->events );
    else
    {
        *object = NULL;
        return E_NOINTERFACE;
    }
    IWinHttpRequest_AddRef( iface );
    return S_OK;
}

static ULONG WINAPI request_AddRef( IWinHttpRequest *iface )
{
    return InterlockedIncrement( &request_from_IWinHttpRequest( iface )->refs );
}

static void destroy( struct com_request *request )
{
    com_open_reset( request );
    com_events_close( request->events );
    if (request->session) WinHttpCloseHandle( request->session );
    com_settings_free( &request->settings );
    if (request->marshaler) IUnknown_Release( request->marshaler );
    DeleteCriticalSection( &request->lock );
    free( request );
}

static ULONG WINAPI request_Release( IWinHttpRequest *iface )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    ULONG refs = InterlockedDecrement( &request->refs );

    if (!refs)
    {
        TRACE( "%p\n", iface );
        destroy( request );
    }
    return refs;
}

static HRESULT WINAPI request_SetProxy( IWinHttpRequest *iface, HTTPREQUEST_PROXY_SETTING setting, VARIANT proxy,
                                        VARIANT bypass )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %ld, types %#x, %#x\n", iface, setting, V_VT( &proxy ), V_VT( &bypass ) );

    EnterCriticalSection( &request->lock );
    hr = com_settings_proxy( &request->settings, setting, &proxy, &bypass );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_SetCredentials( IWinHttpRequest *iface, BSTR user, BSTR password,
                                              HTTPREQUEST_SETCREDENTIALS_FLAGS target )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %p, %p, %ld\n", iface, user, password, target );

    EnterCriticalSection( &request->lock );
    hr = request->url ? com_settings_credentials( &request->settings, user, password, target ) : BEFORE_OPEN;
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_Open( IWinHttpRequest *iface, BSTR verb, BSTR url, VARIANT async )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    VARIANT flag;
    HRESULT hr;

    /* not the URL, which may hold a password */
    TRACE( "%p, %s, %p, type %#x\n", iface, wine_dbgstr_w( verb ), url, V_VT( &async ) );

    if (!verb || !url) return com_error_report( E_INVALIDARG );                               /* COM-11 */

    VariantInit( &flag );
    if (SUCCEEDED( hr = VariantCopyInd( &flag, &async ) ))
    {
        if (V_VT( &flag ) == VT_ERROR || V_VT( &flag ) == VT_NULL) V_VT( &flag ) = VT_EMPTY;  /* not given: COM-13 */
        if (FAILED( VariantChangeType( &flag, &flag, 0, VT_BOOL ) )) hr = E_INVALIDARG;
    }
    if (SUCCEEDED( hr ))
    {
        EnterCriticalSection( &request->lock );
        hr = com_open_url( request, verb, url, V_BOOL( &flag ) != VARIANT_FALSE );
        LeaveCriticalSection( &request->lock );
    }
    else VariantClear( &flag );
    return com_error_report( hr );
}

static HRESULT WINAPI request_SetRequestHeader( IWinHttpRequest *iface, BSTR name, BSTR value )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %s\n", iface, wine_dbgstr_w( name ) );

    EnterCriticalSection( &request->lock );
    if (!name) hr = E_INVALIDARG;
    else if (!request->url) hr = BEFORE_OPEN;
    else if (request->exchange || !request->request) hr = AFTER_SEND;
    else hr = com_open_set_header( request, name, value );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_GetResponseHeader( IWinHttpRequest *iface, BSTR name, BSTR *value )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    struct com_exchange *exchange;
    HRESULT hr;

    TRACE( "%p, %s, %p\n", iface, wine_dbgstr_w( name ), value );

    /* the state first: COM-10 */
    if (SUCCEEDED( hr = com_response_exchange( request, EXCHANGE_HEAD, &exchange ) ))
    {
        com_exchange_release( exchange );
        hr = name && value ? com_response_header( request, WINHTTP_QUERY_CUSTOM, name, value ) : E_INVALIDARG;
    }
    return com_error_report( hr );
}

static HRESULT WINAPI request_GetAllResponseHeaders( IWinHttpRequest *iface, BSTR *headers )
{
    TRACE( "%p, %p\n", iface, headers );

    return com_error_report( headers ? com_response_all_headers( request_from_IWinHttpRequest( iface ), headers ) : E_INVALIDARG );
}

static HRESULT WINAPI request_Send( IWinHttpRequest *iface, VARIANT body )
{
    HRESULT hr;

    TRACE( "%p, type %#x\n", iface, V_VT( &body ) );

    IWinHttpRequest_AddRef( iface );    /* a sink may release the last one in an event */
    hr = com_send( request_from_IWinHttpRequest( iface ), &body );
    IWinHttpRequest_Release( iface );
    return com_error_report( hr );
}

static HRESULT WINAPI request_get_Status( IWinHttpRequest *iface, LONG *status )
{
    TRACE( "%p, %p\n", iface, status );

    return com_error_report( status ? com_response_status( request_from_IWinHttpRequest( iface ), status ) : E_INVALIDARG );
}

static HRESULT WINAPI request_get_StatusText( IWinHttpRequest *iface, BSTR *text )
{
    TRACE( "%p, %p\n", iface, text );

    return com_error_report( text ? com_response_header( request_from_IWinHttpRequest( iface ), WINHTTP_QUERY_STATUS_TEXT, NULL,
                                                     text ) : E_INVALIDARG );
}

static HRESULT WINAPI request_get_ResponseText( IWinHttpRequest *iface, BSTR *text )
{
    TRACE( "%p, %p\n", iface, text );

    return com_error_report( text ? com_response_text( request_from_IWinHttpRequest( iface ), text ) : E_INVALIDARG );
}

static HRESULT WINAPI request_get_ResponseBody( IWinHttpRequest *iface, VARIANT *body )
{
    TRACE( "%p, %p\n", iface, body );

    return com_error_report( body ? com_response_body( request_from_IWinHttpRequest( iface ), com_body_array, body ) : E_INVALIDARG );
}

static HRESULT WINAPI request_get_ResponseStream( IWinHttpRequest *iface, VARIANT *stream )
{
    TRACE( "%p, %p\n", iface, stream );

    return com_error_report( stream ? com_response_body( request_from_IWinHttpRequest( iface ), com_body_stream, stream )
                                    : E_INVALIDARG );
}

static HRESULT WINAPI request_get_Option( IWinHttpRequest *iface, WinHttpRequestOption option, VARIANT *value )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %u, %p\n", iface, option, value );

    if (!value) return com_error_report( E_INVALIDARG );
    EnterCriticalSection( &request->lock );
    if (option == WinHttpRequestOption_URL)
    {
        VariantInit( value );
        hr = com_response_url( request, value );
    }
    else hr = com_option_get( &request->settings, option, value );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_put_Option( IWinHttpRequest *iface, WinHttpRequestOption option, VARIANT value )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %u, type %#x\n", iface, option, V_VT( &value ) );

    EnterCriticalSection( &request->lock );
    hr = com_option_put( &request->settings, option, &value );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_WaitForResponse( IWinHttpRequest *iface, VARIANT timeout, VARIANT_BOOL *succeeded )
{
    VARIANT_BOOL done = VARIANT_FALSE;
    HRESULT hr;

    TRACE( "%p, type %#x, %p\n", iface, V_VT( &timeout ), succeeded );

    IWinHttpRequest_AddRef( iface );    /* events run while it waits */
    hr = com_send_wait( request_from_IWinHttpRequest( iface ), &timeout, &done );
    if (succeeded) *succeeded = done;
    IWinHttpRequest_Release( iface );
    return com_error_report( hr );
}

static HRESULT WINAPI request_Abort( IWinHttpRequest *iface )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );

    TRACE( "%p\n", iface );

    EnterCriticalSection( &request->lock );
    com_open_reset( request );
    LeaveCriticalSection( &request->lock );
    return S_OK;
}

static HRESULT WINAPI request_SetTimeouts( IWinHttpRequest *iface, LONG resolve, LONG connect, LONG send, LONG receive )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %ld, %ld, %ld, %ld\n", iface, resolve, connect, send, receive );

    EnterCriticalSection( &request->lock );
    hr = com_settings_timeouts( &request->settings, resolve, connect, send, receive );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_SetClientCertificate( IWinHttpRequest *iface, BSTR certificate )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %s\n", iface, wine_dbgstr_w( certificate ) );

    EnterCriticalSection( &request->lock );
    hr = com_settings_certificate( &request->settings, certificate );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static HRESULT WINAPI request_SetAutoLogonPolicy( IWinHttpRequest *iface, WinHttpRequestAutoLogonPolicy policy )
{
    struct com_request *request = request_from_IWinHttpRequest( iface );
    HRESULT hr;

    TRACE( "%p, %u\n", iface, policy );

    EnterCriticalSection( &request->lock );
    hr = com_settings_logon_policy( &request->settings, policy );
    LeaveCriticalSection( &request->lock );
    return com_error_report( hr );
}

static const IWinHttpRequestVtbl request_vtbl =
{
    request_QueryInterface,
    request_AddRef,
    request_Release,
    com_dispatch_GetTypeInfoCount,
    com_dispatch_GetTypeInfo,
    com_dispatch_GetIDsOfNames,
    com_dispatch_Invoke,
    request_SetProxy,
    request_SetCredentials,
    request_Open,
    request_SetRequestHeader,
    request_GetResponseHeader,
    request_GetAllResponseHeaders,
    request_Send,
    request_get_Status,
    request_get_StatusText,
    request_get_ResponseText,
    request_get_ResponseBody,
    request_get_ResponseStream,
    request_get_Option,
    request_put_Option,
    request_WaitForResponse,
    request_Abort,
    request_SetTimeouts,
    request_SetClientCertificate,
    request_SetAutoLogonPolicy
};

/*--- the small interfaces ------------------------------------------------------------------------------------------*/

static struct com_request *request_from_ISupportErrorInfo( ISupportErrorInfo *iface )
{
    return CONTAINING_RECORD( iface, struct com_request, ISupportErrorInfo_iface );
}

static HRESULT WINAPI error_info_QueryInterface( ISupportErrorInfo *iface, REFIID iid, void **object )
{
    return IWinHttpRequest_QueryInterface( &request_from_ISupportErrorInfo( iface )->IWinHttpRequest_iface, iid, object );
}

static ULONG WINAPI error_info_AddRef( ISupportErrorInfo *iface )
{
    return IWinHttpRequest_AddRef( &request_from_ISupportErrorInfo( iface )->IWinHttpRequest_iface );
}

static ULONG WINAPI error_info_Release( ISupportErrorInfo *iface )
{
    return IWinHttpRequest_Release( &request_from_ISupportErrorInfo( iface )->IWinHttpRequest_iface );
}

static HRESULT WINAPI error_info_InterfaceSupportsErrorInfo( ISupportErrorInfo *iface UNUSED, REFIID iid )
{
    return IsEqualGUID( iid, &IID_IWinHttpRequest ) || IsEqualGUID( iid, &old_IID_IWinHttpRequest ) ? S_OK : S_FALSE;
}

static const ISupportErrorInfoVtbl error_info_vtbl =
{
    error_info_QueryInterface,
    error_info_AddRef,
    error_info_Release,
    error_info_InterfaceSupportsErrorInfo
};

static struct com_request *request_from_IProvideClassInfo( IProvideClassInfo *iface )
{
    return CONTAINING_RECORD( iface, struct com_request, IProvideClassInfo_iface );
}

static HRESULT WINAPI class_info_QueryInterface( IProvideClassInfo *iface, REFIID iid, void **object )
{
    return IWinHttpRequest_QueryInterface( &request_from_IProvideClassInfo( iface )->IWinHttpRequest_iface, iid, object );
}

static ULONG WINAPI class_info_AddRef( IProvideClassInfo *iface )
{
    return IWinHttpRequest_AddRef( &request_from_IProvideClassInfo( iface )->IWinHttpRequest_iface );
}

static ULONG WINAPI class_info_Release( IProvideClassInfo *iface )
{
    return IWinHttpRequest_Release( &request_from_IProvideClassInfo( iface )->IWinHttpRequest_iface );
}

static HRESULT WINAPI class_info_GetClassInfo( IProvideClassInfo *iface UNUSED, ITypeInfo **info )
{
    if (!info) return E_POINTER;
    *info = NULL;
    return com_type_info( &CLSID_WinHttpRequest, info );
}

static const IProvideClassInfoVtbl class_info_vtbl =
{
    class_info_QueryInterface,
    class_info_AddRef,
    class_info_Release,
    class_info_GetClassInfo
};

HRESULT com_request_create( REFIID iid, void **object )
{
    struct com_request *request = calloc( 1, sizeof(*request) );
    HRESULT hr;

    if (!request) return E_OUTOFMEMORY;
    request->IWinHttpRequest_iface.lpVtbl   = (IWinHttpRequestVtbl *)&request_vtbl;
    request->ISupportErrorInfo_iface.lpVtbl = (ISupportErrorInfoVtbl *)&error_info_vtbl;
    request->IProvideClassInfo_iface.lpVtbl = (IProvideClassInfoVtbl *)&class_info_vtbl;
    request->refs = 1;

    hr = com_settings_init( &request->settings );
    if (SUCCEEDED( hr ) && !(request->events = com_events_create( (IUnknown *)&request->IWinHttpRequest_iface )))
        hr = E_OUTOFMEMORY;
    if (FAILED( hr ))
    {
        com_settings_free( &request->settings );
        free( request );
        return hr;
    }
    InitializeCriticalSection( &request->lock );

    hr = IWinHttpRequest_QueryInterface( &request->IWinHttpRequest_iface, iid, object );
    IWinHttpRequest_Release( &request->IWinHttpRequest_iface );
    return hr;
}
