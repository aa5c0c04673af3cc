/*
 * Send and WaitForResponse of the scripting object
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

#include "com_body.h"
#include "com_error.h"
#include "com_events.h"
#include "com_exchange.h"
#include "com_open.h"
#include "com_request.h"
#include "com_response.h"
#include "com_send.h"

/* Text beyond ASCII says how it is encoded, in the Content-Type of this Send. */
static DWORD add_charset_field( struct com_request *request )
{
    struct com_header *header = com_open_find_header( request, L"Content-Type" );
    BSTR value = com_body_content_type( header ? header->value : NULL );
    DWORD err = value ? com_open_add_field( request->request, L"Content-Type", value ) : ERROR_NOT_ENOUGH_MEMORY;

    SysFreeString( value );
    return err;
}

/* A body is ignored for GET, as documented. */
static BOOL verb_takes_body( const WCHAR *verb )
{
    return _wcsicmp( verb, L"GET" ) && _wcsicmp( verb, L"HEAD" );
}

/* Makes the exchange of this Send, referenced for the caller. */
static HRESULT prepare_exchange( struct com_request *request, struct com_bytes *body, BOOL add_charset,
                                 struct com_exchange **ret )
{
    HINTERNET handle;
    HRESULT hr;
    DWORD err;

    if (!request->url) return HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN );
    if (request->exchange && com_exchange_query( request->exchange, &hr ) < EXCHANGE_DONE)
        return HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_AFTER_SEND );
    if ((err = com_open_renew( request ))) return HRESULT_FROM_WIN32( err );
    if (!verb_takes_body( request->verb )) com_bytes_free( body );
    else if (add_charset && (err = add_charset_field( request ))) return HRESULT_FROM_WIN32( err );

    handle = request->request;
    request->request = NULL;
    if (FAILED( hr = com_exchange_create( handle, body, request->settings.credentials, request->events, ret ) )) return hr;
    com_open_drop_exchange( request );
    request->exchange = *ret;
    com_exchange_addref( *ret );
    return S_OK;
}

HRESULT com_send( struct com_request *request, const VARIANT *body )
{
    struct com_bytes bytes = { NULL, 0, 0 };
    struct com_exchange *exchange;
    BOOL add_charset = FALSE, async;
    HRESULT hr;

    /* before a stream is read for nothing */
    if (!request->url) return HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN );
    if (FAILED( hr = com_body_from_variant( body, &bytes, &add_charset ) )) return hr;

    EnterCriticalSection( &request->lock );
    async = request->async;
    hr = prepare_exchange( request, &bytes, add_charset, &exchange );
    LeaveCriticalSection( &request->lock );

    if (SUCCEEDED( hr ))
    {
        hr = async ? com_exchange_start( exchange ) : com_exchange_run( exchange );
        com_exchange_release( exchange );
    }
    com_bytes_free( &bytes );
    return hr;
}

/* Seconds to milliseconds: INFINITE for -1, for a missing argument, and for what is longer than a DWORD of them. */
static HRESULT parse_timeout( const VARIANT *timeout, DWORD *ms )
{
    VARIANT copy;
    HRESULT hr;

    *ms = INFINITE;
    VariantInit( &copy );
    if (FAILED( VariantCopyInd( &copy, (VARIANT *)timeout ) )) return E_INVALIDARG;
    if (V_VT( &copy ) == VT_ERROR || V_VT( &copy ) == VT_EMPTY || V_VT( &copy ) == VT_NULL) return S_OK;
    hr = VariantChangeType( &copy, &copy, 0, VT_I4 );
    if (FAILED( hr ))
    {
        VariantClear( &copy );
        return E_INVALIDARG;
    }
    if (V_I4( &copy ) < -1) return E_INVALIDARG;
    if (V_I4( &copy ) >= 0 && V_I4( &copy ) < (LONG)(INFINITE / 1000)) *ms = V_I4( &copy ) * 1000;
    return S_OK;
}

/* In a single-threaded apartment messages go on being dispatched: events, and calls of other apartments. Events that run
 * on the exchange's own thread cannot wait for its end; what they can wait for has come. */
static HRESULT wait_pumping( struct com_exchange *exchange, DWORD timeout_ms )
{
    DWORD index;
    HRESULT hr;

    if (exchange->thread == GetCurrentThreadId())
        return com_exchange_query( exchange, &hr ) < EXCHANGE_DONE ? RPC_S_CALLPENDING : S_OK;

    hr = CoWaitForMultipleHandles( 0, timeout_ms, 1, &exchange->done, &index );
    if (hr != CO_E_NOTINITIALIZED) return hr;
    return WaitForSingleObject( exchange->done, timeout_ms ) == WAIT_OBJECT_0 ? S_OK : RPC_S_CALLPENDING;
}

HRESULT com_send_wait( struct com_request *request, const VARIANT *timeout, VARIANT_BOOL *succeeded )
{
    struct com_exchange *exchange;
    DWORD timeout_ms;
    HRESULT hr;

    if (FAILED( hr = com_response_exchange( request, EXCHANGE_SENDING, &exchange ) )) return hr;
    if (SUCCEEDED( hr = parse_timeout( timeout, &timeout_ms ) ))
    {
        hr = wait_pumping( exchange, timeout_ms );
        com_events_flush( request->events );
        if (hr == RPC_S_CALLPENDING) hr = S_OK;    /* the time is over: no failure, and not succeeded */
        else if (SUCCEEDED( hr ))
        {
            com_exchange_query( exchange, &hr );
            if (SUCCEEDED( hr )) *succeeded = VARIANT_TRUE;
        }
    }
    com_exchange_release( exchange );
    return hr;
}
