/*
 * Options of requests
 *
 * Ids, sizes and ranges: options.md section 2. Rows are sorted by id. What TLS knows comes from tls.c.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "wine/debug.h"
#include "option.h"
#include "request.h"
#include "tls.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define REQ( field )  .offset = FIELD_OFFSET( struct request, options.field )

#define SECURITY_FLAG_IGNORE_WEAK_SIGNATURE 0x00010000    /* wininet.h's; kept, weak signatures are judged as before */
#define SECURITY_FLAGS_SETTABLE \
    (SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE | SECURITY_FLAG_IGNORE_CERT_CN_INVALID | \
     SECURITY_FLAG_IGNORE_CERT_DATE_INVALID | SECURITY_FLAG_IGNORE_WEAK_SIGNATURE)

/* Never below the receive timeout, TI-11. */
static DWORD set_response_timeout( struct object *obj, const void *value )
{
    struct timeouts *timeouts = &request_from_object( obj )->options.timeouts;
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    timeouts->response = max( number, timeouts->receive );
    return ERROR_SUCCESS;
}

static DWORD set_security_flags( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    if (number & ~SECURITY_FLAGS_SETTABLE) return ERROR_INVALID_PARAMETER;
    request_from_object( obj )->options.security_flags = number;
    return ERROR_SUCCESS;
}

/* Bits add up over calls; unknown ones are accepted, O-12. */
static DWORD set_disable_feature( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    request_from_object( obj )->options.disabled |= number;
    return ERROR_SUCCESS;
}

static DWORD get_url( struct object *obj, void *buffer, DWORD *size )
{
    const struct request *request = request_from_object( obj );
    const struct endpoint *endpoint = request->endpoint;
    INTERNET_PORT normal = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    WCHAR *url, port[8] = L"";
    DWORD cch, err;

    if (request->port != normal) swprintf( port, ARRAYSIZE( port ), L":%u", request->port );
    cch = 8 + endpoint->host_cch + wcslen( port ) + request->target_cch;
    if (!(url = malloc( (cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    wcscpy( url, request->secure ? L"https://" : L"http://" );
    wcscat( url, endpoint->host );
    wcscat( url, port );
    wcscat( url, request->target );
    err = option_return_text( url, wcslen( url ), buffer, size );
    free( url );
    return err;
}

/* NULL says to go on without a certificate, which is what happens anyway. */
static DWORD set_client_cert( struct object *obj, const void *buffer, DWORD len __attribute__((unused)) )
{
    if (!request_from_object( obj )->secure) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    if (!buffer) return ERROR_SUCCESS;
    FIXME( "client certificates are not implemented\n" );
    return ERROR_NOT_SUPPORTED;
}

static DWORD query_exchange( struct request *request, enum wh_query what, void *buffer, DWORD size )
{
    struct wh_exchange_query_params params = { 0 };
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    params.buffer   = wh_from_ptr( buffer );
    params.what     = what;
    params.size     = size;
    if (!request->exchange || wh_exchange_query( &params ) != WH_DONE || params.error)
        err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

static DWORD get_connection_info( struct object *obj, void *value )
{
    struct wh_connection_facts facts;
    WINHTTP_CONNECTION_INFO info = { .cbSize = sizeof(info) };
    DWORD err;

    if ((err = query_exchange( request_from_object( obj ), WHQ_CONNECTION, &facts, sizeof(facts) ))) return err;
    memcpy( &info.LocalAddress, facts.local, sizeof(info.LocalAddress) );
    memcpy( &info.RemoteAddress, facts.remote, sizeof(info.RemoteAddress) );
    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

/* 1.x, unless the transport says otherwise. */
static DWORD get_protocol_used( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    DWORD used = 0;

    AcquireSRWLockShared( &request->lock );
    if (request->have_response && request->status.version_cch >= 6 && request->status.version[5] == '2')
        used = WINHTTP_PROTOCOL_FLAG_HTTP2;
    ReleaseSRWLockShared( &request->lock );
    memcpy( value, &used, sizeof(used) );
    return ERROR_SUCCESS;
}

/* Where WINHTTP_REQUEST_TIMES has what the transport measures. */
static const struct { BYTE index; DWORD offset; } times[] =
{
#define TIME( entry, field ) { WinHttp##entry, FIELD_OFFSET( struct wh_times, field ) }
    TIME( ConnectionAcquireStart,       started ),
    TIME( NameResolutionStart,          resolve_start ),
    TIME( NameResolutionEnd,            resolve_end ),
    TIME( ConnectionEstablishmentStart, connect_start ),
    TIME( ConnectionEstablishmentEnd,   connect_end ),
    TIME( TlsHandshakeClientLeg1Start,  tls_start ),
    TIME( TlsHandshakeClientLeg1End,    tls_end ),
    TIME( SendRequestStart,             send_start ),
    TIME( SendRequestHeadersEnd,        send_head_end ),
    TIME( SendRequestEnd,               send_end ),
    TIME( ReceiveResponseStart,         receive_start ),
    TIME( ReceiveResponseHeadersEnd,    receive_head_end ),
    TIME( ReceiveResponseEnd,           receive_end ),
#undef TIME
};

/* The structure says how many entries are wanted. Ticks of the performance counter, which is the monotonic clock. */
static DWORD get_request_times( struct object *obj, void *value )
{
    WINHTTP_REQUEST_TIMES *result = value;
    struct wh_times facts;
    LARGE_INTEGER frequency;
    ULONG count = min( result->cTimes, WinHttpRequestTimeLast );
    UINT64 us;
    DWORD err;
    unsigned int i;

    if ((err = query_exchange( request_from_object( obj ), WHQ_TIMES, &facts, sizeof(facts) ))) return err;
    /* A head that came in one piece has arrived when it was complete. */
    if (!facts.receive_start) facts.receive_start = facts.receive_head_end;
    QueryPerformanceFrequency( &frequency );
    memset( result->rgullTimes, 0, sizeof(result->rgullTimes) );
    for (i = 0; i < ARRAYSIZE( times ); i++)
    {
        if (times[i].index >= count) continue;
        memcpy( &us, (const char *)&facts + times[i].offset, sizeof(us) );
        result->rgullTimes[times[i].index] = us / 1000000 * frequency.QuadPart +
                                             us % 1000000 * frequency.QuadPart / 1000000;
    }
    result->cTimes = count;
    return ERROR_SUCCESS;
}

static DWORD get_request_stats( struct object *obj, void *value )
{
    WINHTTP_REQUEST_STATS *result = value;
    ULONGLONG stats[WinHttpRequestStatMax] = { 0 };
    struct wh_stats facts;
    ULONG count = min( result->cStats, WinHttpRequestStatLast );
    DWORD err;

    if ((err = query_exchange( request_from_object( obj ), WHQ_STATS, &facts, sizeof(facts) ))) return err;
    stats[WinHttpRequestHeadersSize]            = facts.request_head;
    stats[WinHttpRequestHeadersCompressedSize]  = facts.request_head;
    stats[WinHttpResponseHeadersSize]           = facts.response_head;
    stats[WinHttpResponseHeadersCompressedSize] = facts.response_head;
    stats[WinHttpResponseBodySize]              = facts.response_body;
    stats[WinHttpResponseBodyCompressedSize]    = facts.response_body;

    memset( result, 0, sizeof(*result) );
    memcpy( result->rgullStats, stats, count * sizeof(*stats) );
    result->cStats  = count;
    result->ulIndex = facts.index;
    if (facts.tls_resumed) result->ullFlags |= WINHTTP_REQUEST_STAT_FLAG_TLS_SESSION_RESUMPTION;
    if (!facts.index) result->ullFlags |= WINHTTP_REQUEST_STAT_FLAG_FIRST_REQUEST;
    return ERROR_SUCCESS;
}

static const struct option request_rows[] =
{
    OPTION( CALLBACK,                    RW, sizeof(void *), OBJ( callback ) ),
    OPTION( RESOLVE_TIMEOUT,             RW, sizeof(DWORD), REQ( timeouts.resolve ) ),
    OPTION( CONNECT_TIMEOUT,             RW, sizeof(DWORD), REQ( timeouts.connect ) ),
    OPTION( CONNECT_RETRIES,             RW, sizeof(DWORD), REQ( connect_retries ) ),
    OPTION( SEND_TIMEOUT,                RW, sizeof(DWORD), REQ( timeouts.send ) ),
    OPTION( RECEIVE_TIMEOUT,             RW, sizeof(DWORD), REQ( timeouts.receive ) ),
    OPTION( RECEIVE_RESPONSE_TIMEOUT,    RW, sizeof(DWORD), REQ( timeouts.response ),
            .set = set_response_timeout ),
    OPTION( HANDLE_TYPE,                 OPT_R, sizeof(DWORD), OBJ( type ) ),
    OPTION( READ_BUFFER_SIZE,            RW, sizeof(DWORD), REQ( read_buffer ) ),
    OPTION( WRITE_BUFFER_SIZE,           RW, sizeof(DWORD), REQ( write_buffer ) ),
    OPTION( PARENT_HANDLE,               OPT_R, sizeof(HINTERNET), .get = option_get_parent ),
    OPTION( SECURITY_FLAGS,              RW, sizeof(DWORD), REQ( security_flags ), .set = set_security_flags ),
    OPTION( SECURITY_CERTIFICATE_STRUCT, OPT_R, sizeof(WINHTTP_CERTIFICATE_INFO), .get = tls_get_cert_info ),
    OPTION( URL,                         OPT_R, 0, .get_sized = get_url ),
    OPTION( SECURITY_KEY_BITNESS,        OPT_R, sizeof(DWORD), .get = tls_get_key_bitness ),
    OPTION( CONTEXT_VALUE,               RW, sizeof(DWORD_PTR), OBJ( context ) ),
    OPTION( CLIENT_CERT_CONTEXT,         OPT_W | OPT_NULL_OK, 0, .set_sized = set_client_cert ),
    OPTION( REQUEST_PRIORITY,            RW, sizeof(DWORD), REQ( priority ) ),
    OPTION( DISABLE_FEATURE,             OPT_W, sizeof(DWORD), .set = set_disable_feature ),
    OPTION( AUTOLOGON_POLICY,            OPT_W, sizeof(DWORD), REQ( autologon ), RANGE( 0, 3 ) ),
    OPTION( SERVER_CERT_CONTEXT,         OPT_R, sizeof(void *), .get = tls_get_cert_context ),
    OPTION( ENABLE_FEATURE,              OPT_W | OPT_SIZE_87, sizeof(DWORD), REQ( enabled ),
            RANGE( WINHTTP_ENABLE_SSL_REVOCATION, WINHTTP_ENABLE_SSL_REVOCATION ) ),
    OPTION( WORKER_THREAD_COUNT,         OPT_R, sizeof(DWORD), .get = option_get_thread_count ),
    OPTION( REDIRECT_POLICY,             RW, sizeof(DWORD), REQ( redirect_policy ),
            RANGE( 0, WINHTTP_OPTION_REDIRECT_POLICY_LAST ) ),
    OPTION( MAX_HTTP_AUTOMATIC_REDIRECTS, RW | OPT_SIZE_87, sizeof(DWORD), REQ( max_redirects ) ),
    OPTION( MAX_HTTP_STATUS_CONTINUE,    RW, sizeof(DWORD), REQ( max_continue ) ),
    OPTION( MAX_RESPONSE_HEADER_SIZE,    RW, sizeof(DWORD), REQ( max_head ) ),
    OPTION( MAX_RESPONSE_DRAIN_SIZE,     RW, sizeof(DWORD), REQ( max_drain ) ),
    OPTION( CONNECTION_INFO,             OPT_R, sizeof(WINHTTP_CONNECTION_INFO), .get = get_connection_info ),
    OPTION( ENABLE_HTTP_PROTOCOL,        OPT_W | OPT_SIZE_87, sizeof(DWORD), REQ( http_protocols ),
            RANGE( 0, WINHTTP_PROTOCOL_FLAG_HTTP2 | WINHTTP_PROTOCOL_FLAG_HTTP3 ) ),
    OPTION( HTTP_PROTOCOL_USED,          OPT_R, sizeof(DWORD), .get = get_protocol_used ),
    OPTION( REQUEST_TIMES,               OPT_R, sizeof(WINHTTP_REQUEST_TIMES), .get = get_request_times ),
    OPTION( REQUEST_STATS,               OPT_R, sizeof(WINHTTP_REQUEST_STATS), .get = get_request_stats ),
    OPTION( SERVER_CERT_CHAIN_CONTEXT,   OPT_R, sizeof(void *), .get = tls_get_cert_chain ),
    OPTION( SECURITY_INFO,               OPT_R, 708, .get = tls_get_security_info ),
    OPTION( USERNAME,                    RW | OPT_TEXT, 0, REQ( user ) ),
    OPTION( PASSWORD,                    RW | OPT_TEXT, 0, REQ( password ) ),
    OPTION( PROXY_USERNAME,              RW | OPT_TEXT, 0, REQ( proxy_user ) ),
    OPTION( PROXY_PASSWORD,              RW | OPT_TEXT, 0, REQ( proxy_password ) ),
};

const struct option_table request_options = { request_rows, ARRAYSIZE( request_rows ) };
