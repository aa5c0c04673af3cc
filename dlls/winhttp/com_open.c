/*
 * What the scripting object has open: URL, headers, the request handle of the next Send
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

#include "com_error.h"
#include "com_events.h"
#include "com_exchange.h"
#include "com_open.h"
#include "com_request.h"

/*--- what is opened ------------------------------------------------------------------------------------------------*/

static void free_headers( struct com_request *request )
{
    unsigned int i;

    for (i = 0; i < request->header_count; i++)
    {
        SysFreeString( request->headers[i].name );
        SysFreeString( request->headers[i].value );
    }
    free( request->headers );
    request->headers = NULL;
    request->header_count = 0;
}

static void close_request( struct com_request *request )
{
    if (request->request) WinHttpCloseHandle( request->request );
    request->request = NULL;
}

/* Ends the Send of before; its response is gone. */
void com_open_drop_exchange( struct com_request *request )
{
    struct com_exchange *exchange = request->exchange;

    request->exchange = NULL;
    if (!exchange) return;
    com_exchange_cancel( exchange );
    com_exchange_release( exchange );
}

/* Back to fresh; the settings and the session stay. */
void com_open_reset( struct com_request *request )
{
    com_events_cancel( request->events );
    com_open_drop_exchange( request );
    close_request( request );
    free_headers( request );
    SysFreeString( request->verb );
    SysFreeString( request->url );
    request->verb = request->url = NULL;
}

/* A name and a value as one field; given: free. */
static WCHAR *field_text( const WCHAR *name, const WCHAR *value, DWORD *cch )
{
    size_t name_cch = wcslen( name ), value_cch = wcslen( value );
    WCHAR *text = malloc( (name_cch + value_cch + 3) * sizeof(*text) );

    if (!text) return NULL;
    memcpy( text, name, name_cch * sizeof(*text) );
    memcpy( text + name_cch, L": ", 2 * sizeof(*text) );
    memcpy( text + name_cch + 2, value, (value_cch + 1) * sizeof(*text) );
    *cch = (DWORD)(name_cch + value_cch + 2);
    return text;
}

DWORD com_open_add_field( HINTERNET handle, const WCHAR *name, const WCHAR *value )
{
    DWORD cch, err = ERROR_SUCCESS;
    WCHAR *text = field_text( name, value, &cch );

    if (!text) return ERROR_NOT_ENOUGH_MEMORY;
    if (!WinHttpAddRequestHeaders( handle, text, cch, WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE ))
        err = GetLastError();
    free( text );
    return err;
}

/* No value: the field goes; that it was not there is no failure. */
static DWORD remove_field( HINTERNET handle, const WCHAR *name )
{
    DWORD cch, err = ERROR_SUCCESS;
    WCHAR *text = field_text( name, L"", &cch );

    if (!text) return ERROR_NOT_ENOUGH_MEMORY;
    if (!WinHttpAddRequestHeaders( handle, text, cch, WINHTTP_ADDREQ_FLAG_REPLACE ) &&
        (err = GetLastError()) == ERROR_WINHTTP_HEADER_NOT_FOUND) err = ERROR_SUCCESS;
    free( text );
    return err;
}

/* The session, made at the first Open, with the settings of now. */
static DWORD open_session( struct com_request *request )
{
    if (!request->session && !(request->session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, NULL, NULL, 0 )))
        return GetLastError();
    return com_settings_to_session( &request->settings, request->session );
}

/* User and password of a URL are credentials for the server, unless the program has set others: a choice. */
static DWORD set_url_credentials( struct com_request *request, const URL_COMPONENTS *url )
{
    BSTR user, password;
    HRESULT hr;

    if (!url->dwUserNameLength || request->settings.credentials[HTTPREQUEST_SETCREDENTIALS_FOR_SERVER].user)
        return ERROR_SUCCESS;
    user     = SysAllocStringLen( url->lpszUserName, url->dwUserNameLength );
    password = SysAllocStringLen( url->lpszPassword, url->dwPasswordLength );
    hr = user && password ? com_settings_credentials( &request->settings, user, password,
                                                      HTTPREQUEST_SETCREDENTIALS_FOR_SERVER ) : E_OUTOFMEMORY;
    SysFreeString( user );
    SysFreeString( password );
    return SUCCEEDED( hr ) ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

/* A request handle for a URL in pieces. */
static DWORD open_cracked( struct com_request *request, const WCHAR *verb, const URL_COMPONENTS *url, BSTR host, BSTR object,
                           HINTERNET *ret )
{
    static const WCHAR *accept[] = { L"*/*", NULL };
    const WCHAR *version = request->settings.numbers[WinHttpRequestOption_EnableHttp1_1] ? NULL : L"HTTP/1.0";
    DWORD flags = com_settings_open_flags( &request->settings ), err;
    HINTERNET connect;

    if ((err = open_session( request ))) return err;
    if (!(connect = WinHttpConnect( request->session, host, url->nPort, 0 ))) return GetLastError();
    if (url->nScheme == INTERNET_SCHEME_HTTPS) flags |= WINHTTP_FLAG_SECURE;
    *ret = WinHttpOpenRequest( connect, verb, object, version, NULL, accept, flags );
    if (!*ret) err = GetLastError();
    WinHttpCloseHandle( connect );    /* the request keeps what it needs */
    return err;
}

/* A request handle for verb and URL; *secure is its scheme. 0 or an error. */
static DWORD open_handle( struct com_request *request, const WCHAR *verb, const WCHAR *url, HINTERNET *ret, BOOL *secure )
{
    URL_COMPONENTS parts;
    BSTR host, object;
    DWORD err;

    memset( &parts, 0, sizeof(parts) );
    parts.dwStructSize = sizeof(parts);
    parts.dwSchemeLength = parts.dwHostNameLength = parts.dwUrlPathLength = parts.dwExtraInfoLength = (DWORD)-1;
    parts.dwUserNameLength = parts.dwPasswordLength = (DWORD)-1;
    if (!WinHttpCrackUrl( url, 0, request->settings.numbers[WinHttpRequestOption_RejectUserpwd] ? ICU_REJECT_USERPWD : 0,
                          &parts )) return GetLastError();
    *secure = parts.nScheme == INTERNET_SCHEME_HTTPS;

    host   = SysAllocStringLen( parts.lpszHostName, parts.dwHostNameLength );
    object = SysAllocStringLen( parts.lpszUrlPath, parts.dwUrlPathLength + parts.dwExtraInfoLength );
    err = host && object ? set_url_credentials( request, &parts ) : ERROR_NOT_ENOUGH_MEMORY;
    if (!err) err = open_cracked( request, verb, &parts, host, object, ret );
    SysFreeString( host );
    SysFreeString( object );
    return err;
}

/* A handle for the next Send: with the settings of now, and the headers that the program has set. */
DWORD com_open_renew( struct com_request *request )
{
    HINTERNET handle;
    DWORD err;
    unsigned int i;

    if ((err = open_handle( request, request->verb, request->url, &handle, &request->secure ))) return err;
    for (i = 0; !err && i < request->header_count; i++)
        err = com_open_add_field( handle, request->headers[i].name, request->headers[i].value );
    if (!err) err = com_settings_to_request( &request->settings, handle, request->secure );
    if (err)
    {
        WinHttpCloseHandle( handle );
        return err;
    }
    close_request( request );
    request->request = handle;
    return ERROR_SUCCESS;
}

HRESULT com_open_url( struct com_request *request, BSTR verb, BSTR url, BOOL async )
{
    BSTR verb_copy = SysAllocString( verb ), url_copy = SysAllocString( url );
    DWORD err = verb_copy && url_copy ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    HINTERNET handle;
    BOOL secure;

    if (!err) err = open_handle( request, verb_copy, url_copy, &handle, &secure );
    if (err)
    {
        SysFreeString( verb_copy );
        SysFreeString( url_copy );
        return HRESULT_FROM_WIN32( err );
    }
    com_open_reset( request );
    request->verb    = verb_copy;
    request->url     = url_copy;
    request->request = handle;
    request->secure  = secure;
    request->async   = async;
    return S_OK;
}

/*--- headers of the program ----------------------------------------------------------------------------------------*/

struct com_header *com_open_find_header( struct com_request *request, const WCHAR *name )
{
    unsigned int i;

    for (i = 0; i < request->header_count; i++)
        if (!_wcsicmp( request->headers[i].name, name )) return &request->headers[i];
    return NULL;
}

static void drop_header( struct com_request *request, const WCHAR *name )
{
    struct com_header *header = com_open_find_header( request, name );

    if (!header) return;
    SysFreeString( header->name );
    SysFreeString( header->value );
    *header = request->headers[--request->header_count];
}

/* Keeps it for the Sends to come: each has a handle of its own. */
static HRESULT keep_header( struct com_request *request, const WCHAR *name, const WCHAR *value )
{
    struct com_header *headers, header = { SysAllocString( name ), SysAllocString( value ) };

    if (header.name && header.value &&
        (headers = realloc( request->headers, (request->header_count + 1) * sizeof(*headers) )))
    {
        request->headers = headers;
        drop_header( request, name );
        request->headers[request->header_count++] = header;
        return S_OK;
    }
    SysFreeString( header.name );
    SysFreeString( header.value );
    return E_OUTOFMEMORY;
}

/* A line break, or a NUL in the middle, would make it another message than the program means. */
static BOOL is_one_line( BSTR text )
{
    return !text || (wcslen( text ) == SysStringLen( text ) && !wcspbrk( text, L"\r\n" ));
}

HRESULT com_open_set_header( struct com_request *request, BSTR name, BSTR value )
{
    DWORD err;

    if (!*name || wcschr( name, ':' ) || !is_one_line( name ) || !is_one_line( value )) return E_INVALIDARG;
    if (!SysStringLen( value ))
    {
        drop_header( request, name );
        return com_error_hresult( remove_field( request->request, name ) );
    }
    if ((err = com_open_add_field( request->request, name, value ))) return HRESULT_FROM_WIN32( err );
    return keep_header( request, name, value );
}
