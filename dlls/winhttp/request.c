/*
 * Requests: WinHttpOpenRequest, the head that goes out, WinHttpSendRequest, WinHttpReceiveResponse, header functions
 *
 * Arguments and handles are checked here; what happens in which order is flow.c's. Source: functions.md sections 3 and
 * 4, headers.md, windows-behaviour.md H-6 to H-9, HA-1 to HA-29, Q-20.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "wine/debug.h"
#include "flow.h"
#include "header_query.h"
#include "notify.h"
#include "option.h"
#include "request.h"
#include "transport.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- WinHttpOpenRequest --------------------------------------------------------------------------------------------*/

static void request_destroy( struct object *obj )
{
    struct request *request = request_from_object( obj );

    headers_clear( &request->headers );
    headers_clear( &request->response );
    headers_clear( &request->trailers );
    option_text_free( &request->options.user );
    option_text_free( &request->options.password );
    option_text_free( &request->options.proxy_user );
    option_text_free( &request->options.proxy_password );
    free( request->head_heap );
    free( request->target );
    free( request->verb );
    free( request );
}

static const struct object_ops request_ops =
{
    .cancel  = flow_cancel,
    .finish  = flow_finish,
    .destroy = request_destroy,
    .event   = flow_event,
};

/* Visible ASCII without separators that could end the method: what cannot break the request line. */
static BOOL verb_is_valid( const WCHAR *verb )
{
    for (; *verb; verb++) if (*verb <= ' ' || *verb >= 0x7f) return FALSE;
    return TRUE;
}

static const WCHAR *version_text( const WCHAR *version )
{
    if ((!version || !*version) && option_http_1_0()) return L"HTTP/1.0";
    if (version && !_wcsicmp( version, L"HTTP/1.0" )) return L"HTTP/1.0";
    if (version && *version && _wcsicmp( version, L"HTTP/1.1" )) WARN( "%s is sent as HTTP/1.1\n", debugstr_w( version ) );
    return L"HTTP/1.1";
}

/* verb, target and the request line. */
static DWORD request_set_line( struct request *request, const WCHAR *verb, const WCHAR *object, const WCHAR *version,
                               DWORD flags )
{
    DWORD err, verb_cch;
    WCHAR *line;

    if (!verb || !*verb) verb = L"GET";
    if (!verb_is_valid( verb )) return ERROR_INVALID_PARAMETER;
    if ((err = url_escape_target( object ? object : L"", flags, &request->target, &request->target_cch ))) return err;

    request->version  = version_text( version );
    request->line_cch = wcslen( verb ) + 1 + request->target_cch + 1 + wcslen( request->version );
    verb_cch = wcslen( verb );
    if (!(request->verb = malloc( (verb_cch + 1 + request->line_cch + 1) * sizeof(WCHAR) )))
        return ERROR_NOT_ENOUGH_MEMORY;

    memcpy( request->verb, verb, (verb_cch + 1) * sizeof(WCHAR) );
    request->line = line = request->verb + verb_cch + 1;
    memcpy( line, verb, verb_cch * sizeof(WCHAR) );
    line += verb_cch;
    *line++ = ' ';
    memcpy( line, request->target, request->target_cch * sizeof(WCHAR) );
    line += request->target_cch;
    *line++ = ' ';
    wcscpy( line, request->version );
    return ERROR_SUCCESS;
}

/* Accept: a, b */
static DWORD request_set_accept( struct request *request, const WCHAR * const *types )
{
    DWORD cch = 0, err;
    WCHAR *value, *p;
    unsigned int i;

    for (i = 0; types[i]; i++) cch += wcslen( types[i] ) + 2;
    if (!cch) return ERROR_SUCCESS;
    if (!(value = p = malloc( cch * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; types[i]; i++)
    {
        memcpy( p, types[i], wcslen( types[i] ) * sizeof(WCHAR) );
        p += wcslen( types[i] );
        *p++ = ',';
        *p++ = ' ';
    }
    err = headers_add_field( &request->headers, NAME( L"Accept" ), value, cch - 2, WINHTTP_ADDREQ_FLAG_ADD );
    free( value );
    return err;
}

static DWORD request_set_headers( struct request *request, const WCHAR *referrer, const WCHAR * const *types,
                                  DWORD flags )
{
    DWORD err = ERROR_SUCCESS;

    if (flags & WINHTTP_FLAG_REFRESH)
    {
        err = headers_add_field( &request->headers, NAME( L"Pragma" ), NAME( L"no-cache" ), WINHTTP_ADDREQ_FLAG_ADD );
        if (!err && !wcscmp( request->version, L"HTTP/1.1" ))
            err = headers_add_field( &request->headers, NAME( L"Cache-Control" ), NAME( L"no-cache" ),
                                     WINHTTP_ADDREQ_FLAG_ADD );
    }
    if (!err && referrer && *referrer)
        err = headers_add_field( &request->headers, NAME( L"Referer" ), referrer, wcslen( referrer ),
                                 WINHTTP_ADDREQ_FLAG_ADD );
    if (!err && types) err = request_set_accept( request, types );
    return err;
}

static void request_set_options( struct request *request, const struct defaults *defaults )
{
    struct request_options *options = &request->options;

    options->timeouts        = defaults->timeouts;
    options->connect_retries = defaults->connect_retries;
    options->redirect_policy = defaults->redirect_policy;
    options->max_redirects   = defaults->max_redirects;
    options->max_continue    = defaults->max_continue;
    options->max_head        = defaults->max_head;
    options->max_drain       = defaults->max_drain;
    options->http_protocols  = defaults->http_protocols;
}

static DWORD request_open( struct connect *connect, const WCHAR *verb, const WCHAR *object, const WCHAR *version,
                           const WCHAR *referrer, const WCHAR * const *types, DWORD flags, struct request **ret )
{
    struct request *request;
    DWORD err;

    if (flags & WINHTTP_FLAG_AUTOMATIC_CHUNKING)
    {
        FIXME( "WINHTTP_FLAG_AUTOMATIC_CHUNKING is refused, as by Windows versions before it\n" );
        return ERROR_INVALID_PARAMETER;
    }
    if (!(request = calloc( 1, sizeof(*request) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &request->hdr, OBJECT_REQUEST, &request_ops, &connect->hdr );
    InitializeSRWLock( &request->lock );
    headers_init( &request->headers );
    headers_init( &request->response );
    headers_init( &request->trailers );
    request->connect = connect;
    request->session = session_of( connect );
    request->endpoint = &connect->endpoint;
    request->secure  = (flags & WINHTTP_FLAG_SECURE) != 0;
    request->port    = connect->port;
    if (!request->port) request->port = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    request_set_options( request, &request->session->defaults );

    if ((err = request_set_line( request, verb, object, version, flags )) ||
        (err = request_set_headers( request, referrer, types, flags )) ||
        (err = object_open( &request->hdr )))
        object_release( &request->hdr );
    else
        *ret = request;
    return err;
}

HINTERNET WINAPI WinHttpOpenRequest( HINTERNET hconnect, LPCWSTR verb, LPCWSTR object, LPCWSTR version,
                                     LPCWSTR referrer, LPCWSTR *types, DWORD flags )
{
    struct request *request;
    struct object *connect;
    HINTERNET handle = NULL;
    DWORD err;

    TRACE( "%p, %s, %s, %s, %s, %p, %#lx\n", hconnect, debugstr_w( verb ), debugstr_w( object ), debugstr_w( version ),
           debugstr_w( referrer ), types, flags );

    if ((connect = object_enter( hconnect, OBJECT_CONNECT, &err )))
    {
        if (!(err = request_open( (struct connect *)connect, verb, object, version, referrer,
                                  (const WCHAR * const *)types, flags, &request )))
        {
            handle = request->hdr.handle;
            notify( connect, WINHTTP_CALLBACK_STATUS_HANDLE_CREATED, &handle, sizeof(handle) );
        }
        object_leave( connect );
    }
    TRACE( "-> %p (%lu)\n", handle, err );
    SetLastError( err );
    return handle;
}

/*--- the head ------------------------------------------------------------------------------------------------------*/

static DWORD format_number( UINT64 number, WCHAR *end )
{
    WCHAR *p = end;

    do *--p = '0' + number % 10; while (number /= 10);
    return end - p;
}

static DWORD add_if_absent( struct headers *list, const WCHAR *name, DWORD name_cch, const WCHAR *value, DWORD value_cch )
{
    if (headers_find( list, name, name_cch, 0 )) return ERROR_SUCCESS;
    return headers_add_field( list, name, name_cch, value, value_cch, WINHTTP_ADDREQ_FLAG_ADD );
}

static DWORD add_connection( struct request *request )
{
    struct headers *list = &request->headers;
    DWORD err;

    if (request->options.disabled & WINHTTP_DISABLE_KEEP_ALIVE)
        err = headers_add_field( list, NAME( L"Connection" ), NAME( L"close" ),
                                 WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
    else
        err = add_if_absent( list, NAME( L"Connection" ), NAME( L"Keep-Alive" ) );
    request->no_reuse = headers_have_token( list, NAME( L"Connection" ), NAME( L"close" ) );
    return err;
}

static DWORD add_agent( struct request *request )
{
    const struct option_text *agent = &request->session->agent;
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockShared( &option_text_lock );
    if (agent->text) err = add_if_absent( &request->headers, NAME( L"User-Agent" ), agent->text, agent->cch );
    ReleaseSRWLockShared( &option_text_lock );
    return err;
}

/* Bodies that are known to be empty are announced only where a body would be expected, HA-24. */
static DWORD add_length( struct request *request )
{
    WCHAR number[20];
    DWORD cch;

    if (request->total == WH_NO_LENGTH) return ERROR_SUCCESS;
    if (!request->total && wcscmp( request->verb, L"POST" ) && wcscmp( request->verb, L"PUT" )) return ERROR_SUCCESS;
    if (headers_find( &request->headers, NAME( L"Content-Length" ), 0 )) return ERROR_SUCCESS;
    cch = format_number( request->total, number + ARRAYSIZE( number ) );
    request->length_is_ours = TRUE;
    return headers_add_field( &request->headers, NAME( L"Content-Length" ), number + ARRAYSIZE( number ) - cch, cch,
                              WINHTTP_ADDREQ_FLAG_ADD );
}

static DWORD add_host( struct request *request )
{
    const struct endpoint *endpoint = request->endpoint;
    INTERNET_PORT normal = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    WCHAR value[sizeof(endpoint->ascii) + 10], number[8];
    DWORD cch = endpoint->host_cch, count;

    if (request->port == normal) return add_if_absent( &request->headers, NAME( L"Host" ), endpoint->host, cch );
    memcpy( value, endpoint->host, cch * sizeof(WCHAR) );
    value[cch++] = ':';
    count = format_number( request->port, number + ARRAYSIZE( number ) );
    memcpy( value + cch, number + ARRAYSIZE( number ) - count, count * sizeof(WCHAR) );
    return add_if_absent( &request->headers, NAME( L"Host" ), value, cch + count );
}

char *request_make_head( struct request *request, char *stack, DWORD size, DWORD *len )
{
    char *head = stack;

    if (add_connection( request ) || add_agent( request ) || add_length( request ) || add_host( request )) return NULL;
    request->headers_edited = FALSE;
    *len = headers_serialise( &request->headers, request->line, request->line_cch, stack, size );
    if (*len > size)
    {
        if (!(head = malloc( *len ))) return NULL;
        headers_serialise( &request->headers, request->line, request->line_cch, head, *len );
    }
    return head;
}

/*--- WinHttpSendRequest --------------------------------------------------------------------------------------------*/

/* Digits only, below 2^63. */
static BOOL parse_length( const struct field *field, UINT64 *ret )
{
    UINT64 value = 0;
    DWORD i;

    for (i = 0; i < field->value_cch; i++)
    {
        if (field->value[i] < '0' || field->value[i] > '9') return FALSE;
        value = value * 10 + (field->value[i] - '0');
        if (value >> 59 && i + 1 < field->value_cch) return FALSE;
    }
    *ret = value;
    return field->value_cch != 0;
}

/* How long the body is and who frames it; request->lock is held. The rules: functions.md WinHttpSendRequest, HA-24 to
 * HA-26. */
static DWORD request_measure( struct request *request, DWORD optional_len, DWORD total_len )
{
    const struct field *field;
    UINT64 length;

    /* What the last send has computed does not bind this one. */
    if (request->length_is_ours)
        headers_add_field( &request->headers, NAME( L"Content-Length" ), L"", 0, WINHTTP_ADDREQ_FLAG_REPLACE );
    request->length_is_ours = FALSE;

    field = headers_find( &request->headers, NAME( L"Content-Length" ), 0 );
    if (headers_have_token( &request->headers, NAME( L"Transfer-Encoding" ), NAME( L"chunked" ) ))
    {
        request->total = WH_NO_LENGTH;
        return field ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS;
    }
    request->total = max( optional_len, total_len );
    if (!field) return ERROR_SUCCESS;
    if (!parse_length( field, &length )) return ERROR_INVALID_PARAMETER;
    /* A header of 4 GiB and more is the way to say so; a smaller one must agree with what was passed, unless
     * WINHTTP_IGNORE_REQUEST_TOTAL_LENGTH was. */
    if (length <= 0xffffffff && total_len && length != request->total) return ERROR_INVALID_PARAMETER;
    if (length < optional_len) return ERROR_INVALID_PARAMETER;
    request->total = length;
    return ERROR_SUCCESS;
}

/* Ports of other protocols, to which a request could be made to speak. Source: functions.md WinHttpConnect. The code is
 * not documented: it is the URL that is refused, and nothing was tried (12029 would say that). */
static BOOL port_is_blocked( INTERNET_PORT port )
{
    static const INTERNET_PORT blocked[] = { 21, 25, 70, 110, 119, 143 };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( blocked ); i++) if (port == blocked[i]) return TRUE;
    return FALSE;
}

static DWORD request_check_target( const struct request *request )
{
    if (port_is_blocked( request->port )) return ERROR_WINHTTP_INVALID_URL;
    if (session_needs_proxy( request->session ))
    {
        FIXME( "proxies are not implemented; not going direct behind the user's back\n" );
        return ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
    }
    return ERROR_SUCCESS;
}

static DWORD request_send( struct request *request, const WCHAR *headers, DWORD headers_cch, void *optional,
                           DWORD optional_len, DWORD total_len, DWORD_PTR context )
{
    struct operation *op = &request->sending;
    DWORD err;

    /* Length 0 with a text means terminated, HA-22. */
    if (headers && (!headers_cch || headers_cch == ~0u)) headers_cch = wcslen( headers );
    if (optional && optional_len && IsBadReadPtr( optional, optional_len )) return ERROR_INVALID_PARAMETER;
    if ((err = request_check_target( request ))) return err;
    if ((err = operation_claim( request, op, API_SEND_REQUEST, ~STATES( SENDING ) ))) return err;

    AcquireSRWLockExclusive( &request->lock );
    if (headers && headers_cch)
        err = headers_add( &request->headers, headers, headers_cch,
                           WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
    if (!err && !(err = request_measure( request, optional_len, total_len )))
    {
        request->body     = optional;
        request->body_len = optional ? optional_len : 0;    /* announced only, S-11 */
        if (context) request->hdr.context = context;
    }
    ReleaseSRWLockExclusive( &request->lock );
    if (err)
    {
        operation_drop( request, op );
        return err;
    }

    if (!request->hdr.async)
    {
        if (!flow_send( request )) flow_wait( request, SIDE_SEND );
        return operation_end( op );
    }
    /* SENDREQUEST_COMPLETE never comes inside this call. */
    if (flow_send( request )) operation_complete( request, op, TRUE );
    return ERROR_SUCCESS;
}

BOOL WINAPI WinHttpSendRequest( HINTERNET handle, LPCWSTR headers, DWORD headers_len, void *optional,
                                DWORD optional_len, DWORD total_len, DWORD_PTR context )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %p, %lu, %lu, %#Ix\n", handle, headers, headers_len, optional, optional_len, total_len,
           context );

    if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = request_send( request_from_object( obj ), headers, headers_len, optional, optional_len, total_len,
                            context );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    SetLastError( err );
    return !err;
}

/*--- WinHttpReceiveResponse ----------------------------------------------------------------------------------------*/

/* An asynchronous handle reports calling in a wrong state by its callback, inside the call. Evidence:
 * windows-notifications.md section 5. */
static DWORD receive_state_error( struct request *request, DWORD err )
{
    WINHTTP_ASYNC_RESULT result = { API_RECEIVE_RESPONSE, err };

    if (!request->hdr.async || err != ERROR_WINHTTP_INCORRECT_HANDLE_STATE || !notify_nest()) return err;
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, &result, sizeof(result) );
    notify_unnest();
    return ERROR_SUCCESS;
}

static DWORD request_receive( struct request *request )
{
    struct operation *op = &request->receiving;
    unsigned int states = STATES( BODY ) | STATES( SENT );
    char buffer[4096];
    DWORD err;

    if (request->hdr.async) states |= STATES( SENDING );
    if ((err = operation_claim( request, op, API_RECEIVE_RESPONSE, states ))) return receive_state_error( request, err );

    if (!request->hdr.async)
    {
        request->head_buffer = buffer;
        request->head_size   = sizeof(buffer);
        if (!flow_receive( request )) flow_wait( request, SIDE_RECEIVE );
        return operation_end( op );
    }
    if (flow_receive( request )) operation_complete( request, op, FALSE );
    return ERROR_SUCCESS;
}

BOOL WINAPI WinHttpReceiveResponse( HINTERNET handle, LPVOID reserved )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p\n", handle, reserved );

    if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = request_receive( request_from_object( obj ) );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    SetLastError( err );
    return !err;
}

/*--- header functions ----------------------------------------------------------------------------------------------*/

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

/* Writes "name: value" CRLF and returns its length; with text NULL only the length. 0: a text that would end the line. */
static DWORD extended_line( const WINHTTP_EXTENDED_HEADER *header, BOOL wide, WCHAR *text )
{
    DWORD i, name_cch, value_cch, cch = 0;
    const WCHAR *start = text;

    if (!header->pwszName) return 0;
    if (wide)
    {
        name_cch  = wcslen( header->pwszName );
        value_cch = header->pwszValue ? wcslen( header->pwszValue ) : 0;
    }
    else
    {
        name_cch  = header_text_widen( header->pszName, strlen( header->pszName ), NULL, 0 );
        value_cch = header->pszValue ? header_text_widen( header->pszValue, strlen( header->pszValue ), NULL, 0 ) : 0;
    }
    cch = name_cch + 2 + value_cch + 2;
    if (!text) return cch;

    if (wide) memcpy( text, header->pwszName, name_cch * sizeof(WCHAR) );
    else header_text_widen( header->pszName, strlen( header->pszName ), text, name_cch );
    for (i = 0; i < name_cch; i++) if (text[i] == ':') return 0;
    text += name_cch;
    *text++ = ':';
    *text++ = ' ';
    if (wide) memcpy( text, header->pwszValue, value_cch * sizeof(WCHAR) );
    else if (value_cch) header_text_widen( header->pszValue, strlen( header->pszValue ), text, value_cch );
    text += value_cch;
    for (i = 0; i < (DWORD)(text - start); i++) if (start[i] == '\r' || start[i] == '\n') return 0;
    *text++ = '\r';
    *text++ = '\n';
    return cch;
}

static DWORD request_add_extended( struct request *request, const WINHTTP_EXTENDED_HEADER *headers, DWORD count,
                                   BOOL wide, DWORD flags )
{
    DWORD i, cch = 0, used = 0, line, err = ERROR_SUCCESS;
    WCHAR *text;

    for (i = 0; i < count; i++)
    {
        if (!(line = extended_line( &headers[i], wide, NULL ))) return ERROR_INVALID_PARAMETER;
        cch += line;
    }
    if (!(text = malloc( cch * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < count && !err; i++)
    {
        if (!(line = extended_line( &headers[i], wide, text + used ))) err = ERROR_INVALID_PARAMETER;
        used += line;
    }
    if (!err) err = request_add_headers( request, text, used, flags );
    free( text );
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
