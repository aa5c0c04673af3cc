/*
 * WinHttpAddRequestHeaders(Ex) and WinHttpQueryHeaders(Ex): arguments, handles and the state of the request
 *
 * The rules of adding are in header_add.c, the forms of an answer in header_query.c. Source: functions.md section 4,
 * headers.md, windows-behaviour.md H-9, HA-1 to HA-20, Q-1 to Q-21.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "header_query.h"
#include "request.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_ADDED_BYTES 0x1000000    /* of a call of WinHttpAddRequestHeadersEx: no size in it leaves a DWORD */

static DWORD request_add_headers( struct request *request, const WCHAR *text, DWORD cch, DWORD flags )
{
    DWORD err;

    AcquireSRWLockExclusive( &request->lock );
    if (!(err = headers_add( &request->headers, text, cch, flags ))) request->headers_edited = TRUE;
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

BOOL WINAPI WinHttpAddRequestHeaders( HINTERNET handle, LPCWSTR headers, DWORD len, DWORD flags )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %#lx\n", handle, headers, len, flags );

    /* An empty string is nothing to add; length 0 with a text is refused, HA-2. */
    if (!headers || (!len && *headers)) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        if (len == ~0u) len = wcslen( headers );
        err = len ? request_add_headers( request_from_object( obj ), headers, len, flags ) : ERROR_SUCCESS;
        object_leave( obj );
    }
    SetLastError( err );
    return !err;
}

/* The fields of an array of name and value pairs. Wide strings are borrowed; bytes stay as they are and get their text
 * behind the fields. *ret is given. */
static DWORD wide_fields( const WINHTTP_EXTENDED_HEADER *headers, DWORD count, struct field **ret )
{
    struct field *fields;
    DWORD i;

    for (i = 0; i < count; i++) if (!headers[i].pwszName) return ERROR_INVALID_PARAMETER;
    if (!(fields = calloc( count, sizeof(*fields) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < count; i++)
    {
        fields[i].name      = headers[i].pwszName;
        fields[i].name_cch  = wcslen( fields[i].name );
        fields[i].value     = headers[i].pwszValue ? headers[i].pwszValue : L"";
        fields[i].value_cch = wcslen( fields[i].value );
    }
    *ret = fields;
    return ERROR_SUCCESS;
}

static BOOL bytes_are_ascii( const char *bytes, size_t len )
{
    while (len && !(bytes[len - 1] & 0x80)) len--;
    return !len;
}

static DWORD byte_fields( const WINHTTP_EXTENDED_HEADER *headers, DWORD count, struct field **ret )
{
    size_t i, name_len, value_len, cch = 0;
    struct field *fields;
    const char *value;
    WCHAR *text;

    for (i = 0; i < count; i++)
    {
        if (!headers[i].pszName) return ERROR_INVALID_PARAMETER;
        cch += strlen( headers[i].pszName ) + (headers[i].pszValue ? strlen( headers[i].pszValue ) : 0);
        if (cch > MAX_ADDED_BYTES || i == MAX_ADDED_BYTES) return ERROR_NOT_ENOUGH_MEMORY;
    }
    if (!(fields = calloc( 1, count * sizeof(*fields) + cch * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    text = (WCHAR *)(fields + count);
    for (i = 0; i < count; i++)
    {
        value     = headers[i].pszValue ? headers[i].pszValue : "";
        name_len  = strlen( headers[i].pszName );
        value_len = strlen( value );
        /* Text is never longer than its bytes. */
        fields[i].name      = text;
        fields[i].name_cch  = header_text_widen( headers[i].pszName, name_len, text, name_len );
        text += name_len;
        fields[i].value     = text;
        fields[i].value_cch = header_text_widen( value, value_len, text, value_len );
        text += value_len;
        if (bytes_are_ascii( value, value_len )) continue;
        fields[i].bytes     = value;
        fields[i].bytes_len = value_len;
    }
    *ret = fields;
    return ERROR_SUCCESS;
}

static DWORD request_add_extended( struct request *request, const WINHTTP_EXTENDED_HEADER *headers, DWORD count,
                                   BOOL wide, DWORD flags )
{
    struct field *fields;
    DWORD err;

    if ((err = wide ? wide_fields( headers, count, &fields ) : byte_fields( headers, count, &fields ))) return err;
    AcquireSRWLockExclusive( &request->lock );
    if (!(err = headers_add_fields( &request->headers, fields, count, flags ))) request->headers_edited = TRUE;
    ReleaseSRWLockExclusive( &request->lock );
    free( fields );
    return err;
}

DWORD WINAPI WinHttpAddRequestHeadersEx( HINTERNET handle, DWORD modifiers, ULONGLONG flags, ULONGLONG extra,
                                         DWORD count, WINHTTP_EXTENDED_HEADER *headers )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %#lx, %#I64x, %#I64x, %lu, %p\n", handle, modifiers, flags, extra, count, headers );

    if ((flags & ~(ULONGLONG)WINHTTP_EXTENDED_HEADER_FLAG_UNICODE) || extra || !count || !headers)
        return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(obj = object_enter( handle, OBJECT_REQUEST, &err ))) return err;
    err = request_add_extended( request_from_object( obj ), headers, count,
                                (flags & WINHTTP_EXTENDED_HEADER_FLAG_UNICODE) != 0, modifiers );
    object_leave( obj );
    return err;
}

/* Trailers are fetched when somebody asks for them; request->lock is held. */
static DWORD request_get_trailers( struct request *request )
{
    struct wh_exchange_query_params params = { 0 };
    char *text;
    DWORD err;

    if (request->flow != FLOW_DONE) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    if (request->have_trailers) return ERROR_SUCCESS;
    params.exchange = request->exchange;
    params.what     = WHQ_TRAILERS;
    wh_exchange_query( &params );
    if (!params.len) return ERROR_WINHTTP_HEADER_NOT_FOUND;
    if (!(text = malloc( params.len ))) return ERROR_NOT_ENOUGH_MEMORY;
    params.buffer = wh_from_ptr( text );
    params.size   = params.len;
    if (wh_exchange_query( &params ) != WH_DONE || params.error) err = ERROR_WINHTTP_HEADER_NOT_FOUND;
    else err = headers_parse( &request->trailers, NULL, text, params.len );
    free( text );
    request->have_trailers = !err;
    return err;
}

/* What a query looks at, and whether the request is in a state for it, Q-20; request->lock is held. */
static DWORD request_get_source( struct request *request, DWORD level, struct header_source *source )
{
    DWORD attr = level & ~0xff000000;
    DWORD err;

    source->verb    = request->verb;
    source->target  = request->target;
    source->version = request->version;
    source->list    = &request->headers;
    source->line    = NULL;
    source->is_request = (level & WINHTTP_QUERY_FLAG_REQUEST_HEADERS) || attr == WINHTTP_QUERY_REQUEST_METHOD;
    if (source->is_request) return ERROR_SUCCESS;

    if (attr > WINHTTP_QUERY_MAX && attr != WINHTTP_QUERY_CUSTOM) return ERROR_INVALID_PARAMETER;
    if (!request->have_response) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    source->list = &request->response;
    source->line = &request->status;
    if (!(level & WINHTTP_QUERY_FLAG_TRAILERS)) return ERROR_SUCCESS;
    if ((err = request_get_trailers( request ))) return err;
    source->list = &request->trailers;
    source->line = NULL;
    return ERROR_SUCCESS;
}

BOOL WINAPI WinHttpQueryHeaders( HINTERNET handle, DWORD level, LPCWSTR name, LPVOID buffer, LPDWORD size,
                                 LPDWORD index )
{
    struct header_source source;
    struct request *request;
    struct object *obj;
    DWORD err;

    TRACE( "%p, %#lx, %s, %p, %p, %p\n", handle, level, debugstr_w( name ), buffer, size, index );

    if (!size) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        request = request_from_object( obj );
        AcquireSRWLockExclusive( &request->lock );
        if (!(err = request_get_source( request, level, &source )))
            err = header_query( &source, level, name, buffer, size, index );
        ReleaseSRWLockExclusive( &request->lock );
        object_leave( obj );
    }
    SetLastError( err );
    return !err;
}

DWORD WINAPI WinHttpQueryHeadersEx( HINTERNET handle, DWORD level, ULONGLONG flags, UINT codepage, DWORD *index,
                                    WINHTTP_HEADER_NAME *name, void *buffer, DWORD *size,
                                    WINHTTP_EXTENDED_HEADER **headers, DWORD *count )
{
    struct header_source source;
    struct request *request;
    struct object *obj;
    DWORD err;

    TRACE( "%p, %#lx, %#I64x, %u, %p, %p, %p, %p, %p, %p\n", handle, level, flags, codepage, index, name, buffer, size,
           headers, count );

    if (flags || !size || !count) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(obj = object_enter( handle, OBJECT_REQUEST, &err ))) return err;
    request = request_from_object( obj );
    AcquireSRWLockExclusive( &request->lock );
    if (!(err = request_get_source( request, level, &source )))
        err = header_query_ex( &source, level, codepage, index, name, buffer, size, (void **)headers, count );
    ReleaseSRWLockExclusive( &request->lock );
    object_leave( obj );
    return err;
}
