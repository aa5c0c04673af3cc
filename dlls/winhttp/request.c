/*
 * Requests: WinHttpOpenRequest, WinHttpSendRequest, WinHttpReceiveResponse
 *
 * Arguments and handles are checked here; what happens in which order is flow.c's. Source: functions.md sections 3 and
 * 4, windows-behaviour.md H-6 to H-8, HA-21 to HA-26.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth.h"
#include "client_cert.h"
#include "flow.h"
#include "head_out.h"
#include "leg.h"
#include "notify.h"
#include "option.h"
#include "request.h"
#include "route.h"
#include "transport.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- WinHttpOpenRequest --------------------------------------------------------------------------------------------*/

static void request_destroy( struct object *obj )
{
    struct request *request = request_from_object( obj );

    if (request->auth) head_strip( request );    /* overwrites its answers */
    headers_clear( &request->headers );
    headers_clear( &request->response );
    headers_clear( &request->trailers );
    request_options_free( &request->options );
    auth_free( request );
    proxy_plan_free( &request->proxies );
    if (request->moved) endpoint_free( request->moved );
    free( request->moved );
    free( request->drain );
    free( request->head_heap );
    free( request->object );
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

DWORD request_set_line( struct request *request, const WCHAR *verb, const WCHAR *object, const struct url_escape *escape )
{
    DWORD err, verb_cch = wcslen( verb ), target_cch, line_cch;
    WCHAR *target, *copy, *line;

    if (!verb_is_valid( verb )) return ERROR_INVALID_PARAMETER;
    if (escape) err = url_escape_target( object, escape, &target, &target_cch );
    else err = (target = wcsdup( object )) ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
    if (err) return err;
    if (!escape) target_cch = wcslen( target );

    line_cch = verb_cch + 1 + target_cch + 1 + wcslen( request->version );
    if (!(copy = malloc( (verb_cch + 1 + line_cch + 1) * sizeof(WCHAR) )))
    {
        free( target );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    memcpy( copy, verb, (verb_cch + 1) * sizeof(WCHAR) );
    line = copy + verb_cch + 1;
    memcpy( line, verb, verb_cch * sizeof(WCHAR) );
    line += verb_cch;
    *line++ = ' ';
    memcpy( line, target, target_cch * sizeof(WCHAR) );
    line += target_cch;
    *line++ = ' ';
    wcscpy( line, request->version );

    free( request->target );
    free( request->verb );
    request->target     = target;
    request->target_cch = target_cch;
    request->verb       = copy;
    request->line       = copy + verb_cch + 1;
    request->line_cch   = line_cch;
    return ERROR_SUCCESS;
}

static DWORD request_set_object( struct request *request, const WCHAR *verb, const WCHAR *object )
{
    struct url_escape escape = { request->escape_flags, request->session->codepage, request->options.encode_extra };

    return request_set_line( request, verb, object, &escape );
}

/* The option overrides two flags; without them it changes nothing. */
static DWORD request_keep_object( struct request *request, const WCHAR *object )
{
    if (!object || !(request->escape_flags & (WINHTTP_FLAG_ESCAPE_DISABLE | WINHTTP_FLAG_ESCAPE_DISABLE_QUERY)))
        return ERROR_SUCCESS;
    return (request->object = wcsdup( object )) ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

DWORD request_escape_again( struct request *request )
{
    if (!request->object) return ERROR_SUCCESS;
    if (request->flow != FLOW_IDLE && request->flow != FLOW_DONE && request->flow != FLOW_FAILED) return ERROR_SUCCESS;
    return request_set_object( request, request->verb, request->object );
}

WCHAR *request_url( const struct request *request, DWORD *cch )
{
    const struct endpoint *endpoint = request->endpoint;
    INTERNET_PORT normal = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    WCHAR *url, port[8] = L"";

    if (request->port != normal) swprintf( port, ARRAYSIZE( port ), L":%u", request->port );
    if (!(url = malloc( (8 + endpoint->host_cch + wcslen( port ) + request->target_cch + 1) * sizeof(WCHAR) )))
        return NULL;
    wcscpy( url, request->secure ? L"https://" : L"http://" );
    wcscat( url, endpoint->host );
    wcscat( url, port );
    wcscat( url, request->target );
    *cch = wcslen( url );
    return url;
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

static DWORD request_open( struct connect *connect, const WCHAR *verb, const WCHAR *object, const WCHAR *version,
                           const WCHAR *referrer, const WCHAR * const *types, DWORD flags, struct request **ret )
{
    struct request *request;
    DWORD err;

    version = version_text( version );
    /* HTTP/1.0 has no chunks, and nothing else could say where the body ends. */
    if ((flags & WINHTTP_FLAG_AUTOMATIC_CHUNKING) && !wcscmp( version, L"HTTP/1.0" )) return ERROR_INVALID_PARAMETER;
    if (!(request = calloc( 1, sizeof(*request) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &request->hdr, OBJECT_REQUEST, &request_ops, &connect->hdr );
    InitializeSRWLock( &request->lock );
    drive_init( &request->drive, &flow_drive_ops, &request->hdr, &request->lock, &request->exchange );
    operation_init( &request->sending, &request->hdr, EVENT_SEND_DONE );
    operation_init( &request->receiving, &request->hdr, EVENT_RECEIVE_DONE );
    headers_init( &request->headers );
    headers_init( &request->response );
    headers_init( &request->trailers );
    request->connect = connect;
    request->session = session_of( connect );
    request->endpoint = &connect->endpoint;
    request->secure  = (flags & WINHTTP_FLAG_SECURE) != 0;
    request->port    = connect->port;
    if (!request->port) request->port = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    request->version = version;
    request->auto_chunked = (flags & WINHTTP_FLAG_AUTOMATIC_CHUNKING) != 0;
    request_options_copy( &request->options, &request->session->defaults );
    request->escape_flags = flags;

    if ((err = request_keep_object( request, object )) ||
        (err = request_set_object( request, verb && *verb ? verb : L"GET", object )) ||
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

/* How long the body will be; WH_NO_LENGTH: it is chunked, by whomever. request->lock is held. The rules: functions.md
 * WinHttpSendRequest, HA-24 to HA-26. */
static DWORD request_measure( const struct request *request, DWORD optional_len, DWORD total_len, UINT64 *total )
{
    const struct field *field = headers_find( &request->headers, NAME( L"Content-Length" ), 0 );
    UINT64 length;

    *total = WH_NO_LENGTH;
    if (request->auto_chunked ||
        headers_have_token( &request->headers, NAME( L"Transfer-Encoding" ), NAME( L"chunked" ) ))
        return field ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS;
    *total = max( optional_len, total_len );
    if (!field) return ERROR_SUCCESS;
    if (!parse_length( field, &length )) return ERROR_INVALID_PARAMETER;
    /* A header of 4 GiB and more is the way to say so; a smaller one must agree with what was passed, unless
     * WINHTTP_IGNORE_REQUEST_TOTAL_LENGTH was. */
    if (length <= 0xffffffff && total_len && length != *total) return ERROR_INVALID_PARAMETER;
    if (length < optional_len) return ERROR_INVALID_PARAMETER;
    *total = length;
    return ERROR_SUCCESS;
}

/* The message of the next leg. request->lock is held. */
static void request_set_message( struct request *request, const void *body, DWORD body_len, UINT64 total )
{
    request->body     = body;
    request->body_len = body ? body_len : 0;    /* announced only, S-11 */
    request->written  = request->body_len;
    request->total    = total;
    request->chunked  = request->auto_chunked;
    request->ended    = FALSE;
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

DWORD request_check_target( const struct request *request )
{
    if (port_is_blocked( request->port )) return ERROR_WINHTTP_INVALID_URL;
    return route_check( request );
}

/* A WebSocket begins with a GET that has no body, RFC 6455 section 4.1 (the code is a choice); its frames are sent from a
 * buffer that must hold a frame's head, WS-23. request->lock is held. */
#define MIN_WEB_SOCKET_BUFFER 16

static DWORD request_check_upgrade( const struct request *request, UINT64 total )
{
    if (!request->options.upgrade) return ERROR_SUCCESS;
    if (total || wcscmp( request->verb, L"GET" )) return ERROR_INVALID_PARAMETER;
    return request->options.ws_send_buffer < MIN_WEB_SOCKET_BUFFER ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SUCCESS;
}

/* The send was claimed, and came to nothing. An asynchronous one that lacks memory says so by its callback, as on Windows
 * (windows-notifications.md section 8.1). */
static DWORD request_send_failed( struct request *request, DWORD err )
{
    struct operation *op = &request->sending;

    if (!request->hdr.async || err != ERROR_NOT_ENOUGH_MEMORY)
    {
        operation_drop( op );
        return err;
    }
    op->error = err;
    operation_complete( op, TRUE );
    return ERROR_SUCCESS;
}

static DWORD request_send( struct request *request, const WCHAR *headers, DWORD headers_cch, void *optional,
                           DWORD optional_len, DWORD total_len, DWORD_PTR context )
{
    struct operation *op = &request->sending;
    struct proxy_plan proxies = { NULL };
    BOOL later;
    UINT64 total;
    DWORD err;

    /* Length 0 with a text means terminated, HA-22. */
    if (headers && (!headers_cch || headers_cch == ~0u)) headers_cch = wcslen( headers );
    if (optional && optional_len && IsBadReadPtr( optional, optional_len )) return ERROR_INVALID_PARAMETER;
    AcquireSRWLockShared( &request->lock );
    err = request_check_target( request );
    ReleaseSRWLockShared( &request->lock );
    if (err || (err = client_cert_prepare( request ))) return err;
    later = request->hdr.async && proxy_plan_may_block( request );
    if (!later && (err = proxy_plan_make( request, &proxies ))) return err;
    if ((err = operation_claim( request, op, API_SEND_REQUEST, ~STATES( SENDING ) )))
    {
        proxy_plan_free( &proxies );
        return err;
    }

    AcquireSRWLockExclusive( &request->lock );
    proxy_plan_use( request, &proxies );
    request->plan_later   = later;
    request->drain_wanted = (request->flow == FLOW_READING && !leg_owes_body( request )) || auth_needs_drain( request );
    /* What earlier legs have added does not bind this send. */
    if (!(err = head_strip( request ))) head_forget_cookies( request );
    if (!err && headers && headers_cch)
        err = headers_add( &request->headers, headers, headers_cch,
                           WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
    /* The headers may have taken away what the protocol options ask for. */
    if (!err && !(err = request_measure( request, optional_len, total_len, &total )) && !(err = route_check( request )) &&
        !(err = request_check_upgrade( request, total )))
    {
        request_set_message( request, optional, optional_len, total );
        if (context) request->hdr.context = context;
    }
    ReleaseSRWLockExclusive( &request->lock );
    if (err) return request_send_failed( request, err );

    if (!request->hdr.async)
    {
        if (!flow_send( request )) flow_wait( request, SIDE_SEND );
        return operation_end( op );
    }
    /* SENDREQUEST_COMPLETE never comes inside this call. */
    if (flow_send( request )) operation_complete( op, TRUE );
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

    if (!request->hdr.async || err != ERROR_WINHTTP_INCORRECT_HANDLE_STATE || !notify_may_nest()) return err;
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, &result, sizeof(result) );
    return ERROR_SUCCESS;
}

DWORD request_receive( struct request *request )
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
    if (flow_receive( request )) operation_complete( op, FALSE );
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
