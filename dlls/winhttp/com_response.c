/*
 * What programs ask about the response of the last Send
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
#include "com_exchange.h"
#include "com_request.h"
#include "com_response.h"

static HRESULT last_error( void )
{
    return HRESULT_FROM_WIN32( GetLastError() );
}

/* The exchange of the last Send, referenced, if it has come as far as `state`. BEFORE_SEND, E_PENDING, or the failure. */
HRESULT com_response_exchange( struct com_request *request, enum com_exchange_state state, struct com_exchange **ret )
{
    enum com_exchange_state reached;
    HRESULT hr = S_OK;

    EnterCriticalSection( &request->lock );
    if ((*ret = request->exchange)) com_exchange_addref( *ret );
    LeaveCriticalSection( &request->lock );
    if (!*ret) return HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_BEFORE_SEND );

    reached = com_exchange_query( *ret, &hr );
    if (reached != EXCHANGE_FAILED && reached < state) hr = E_PENDING;
    if (FAILED( hr ))
    {
        com_exchange_release( *ret );
        *ret = NULL;
    }
    return hr;
}

/* Given: SysFreeString. */
static DWORD query_text( HINTERNET request, DWORD info, const WCHAR *name, BSTR *ret )
{
    DWORD size = 0, err;

    if (WinHttpQueryHeaders( request, info, name, NULL, &size, NULL )) return ERROR_INVALID_PARAMETER;
    if ((err = GetLastError()) != ERROR_INSUFFICIENT_BUFFER) return err;
    if (!(*ret = SysAllocStringLen( NULL, size / sizeof(WCHAR) - 1 ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (WinHttpQueryHeaders( request, info, name, *ret, &size, NULL )) return ERROR_SUCCESS;
    err = GetLastError();
    SysFreeString( *ret );
    *ret = NULL;
    return err;
}

HRESULT com_response_header( struct com_request *request, DWORD info, const WCHAR *name, BSTR *ret )
{
    struct com_exchange *exchange;
    HRESULT hr;

    if (FAILED( hr = com_response_exchange( request, EXCHANGE_HEAD, &exchange ) )) return hr;
    hr = com_error_hresult( query_text( exchange->request, info, name, ret ) );
    com_exchange_release( exchange );
    return hr;
}

/* Without the status line. */
HRESULT com_response_all_headers( struct com_request *request, BSTR *ret )
{
    const WCHAR *line;
    HRESULT hr;
    BSTR text;

    if (FAILED( hr = com_response_header( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, &text ) )) return hr;
    line = wcsstr( text, L"\r\n" );
    hr = (*ret = SysAllocString( line ? line + 2 : text )) ? S_OK : E_OUTOFMEMORY;
    SysFreeString( text );
    return hr;
}

HRESULT com_response_status( struct com_request *request, LONG *status )
{
    DWORD number, size = sizeof(number);
    struct com_exchange *exchange;
    HRESULT hr;

    if (FAILED( hr = com_response_exchange( request, EXCHANGE_HEAD, &exchange ) )) return hr;
    if (WinHttpQueryHeaders( exchange->request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size,
                             NULL )) *status = (LONG)number;
    else hr = last_error();
    com_exchange_release( exchange );
    return hr;
}

HRESULT com_response_text( struct com_request *request, BSTR *text )
{
    struct com_exchange *exchange;
    HRESULT hr;

    if (FAILED( hr = com_response_exchange( request, EXCHANGE_DONE, &exchange ) )) return hr;
    hr = com_body_text( &exchange->received, exchange->content_type, text );
    com_exchange_release( exchange );
    return hr;
}

HRESULT com_response_body( struct com_request *request, HRESULT (*make)( const struct com_bytes *, VARIANT * ), VARIANT *body )
{
    struct com_exchange *exchange;
    HRESULT hr;

    if (FAILED( hr = com_response_exchange( request, EXCHANGE_DONE, &exchange ) )) return hr;
    hr = make( &exchange->received, body );
    com_exchange_release( exchange );
    return hr;
}

/* Where the request goes, or where redirects have led it. */
HRESULT com_response_url( struct com_request *request, VARIANT *value )
{
    HINTERNET handle = request->exchange ? request->exchange->request : request->request;
    DWORD size = 0;
    BSTR text;

    if (!request->url) return HRESULT_FROM_WIN32( ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN );
    if (WinHttpQueryOption( handle, WINHTTP_OPTION_URL, NULL, &size ) || GetLastError() != ERROR_INSUFFICIENT_BUFFER)
        return last_error();
    if (!(text = SysAllocStringLen( NULL, size / sizeof(WCHAR) - 1 ))) return E_OUTOFMEMORY;
    if (!WinHttpQueryOption( handle, WINHTTP_OPTION_URL, text, &size ))
    {
        SysFreeString( text );
        return last_error();
    }
    V_VT( value )   = VT_BSTR;
    V_BSTR( value ) = text;
    return S_OK;
}
