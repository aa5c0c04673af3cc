/*
 * Options about the connection that serves a request
 *
 * The Unix side's facts in Windows' structures. Source: options.md sections 3.10 and 3.13.
 */

#include <stdarg.h>
#include <string.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "leg.h"
#include "option_connection.h"
#include "transport.h"

#define UNUSED __attribute__((unused))

static DWORD query_exchange( struct request *request, enum wh_query what, void *buffer, DWORD size, DWORD *len )
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
    if (len) *len = params.len;
    return err;
}

DWORD option_get_connection( struct object *obj, void *value )
{
    struct wh_connection_facts facts;
    WINHTTP_CONNECTION_INFO info = { .cbSize = sizeof(info) };
    DWORD err;

    if ((err = query_exchange( request_from_object( obj ), WHQ_CONNECTION, &facts, sizeof(facts), NULL ))) return err;
    memcpy( &info.LocalAddress, facts.local, sizeof(info.LocalAddress) );
    memcpy( &info.RemoteAddress, facts.remote, sizeof(info.RemoteAddress) );
    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

/* Of the response, or, before there is one, of the connection that the request goes over; 0 is also what is not known yet. */
DWORD option_get_protocol_used( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    DWORD used = 0;

    AcquireSRWLockExclusive( &request->lock );
    if (request->have_response ? (request->head_flags & WHR_H2) != 0 : leg_is_h2( request ))
        used = WINHTTP_PROTOCOL_FLAG_HTTP2;
    ReleaseSRWLockExclusive( &request->lock );
    memcpy( value, &used, sizeof(used) );
    return ERROR_SUCCESS;
}

/*--- times and counts ----------------------------------------------------------------------------------------------*/

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
    TIME( ReceiveResponseBodyDecompressionDelta, decoding ),
    TIME( ReceiveResponseEnd,           receive_end ),
    TIME( ProxyTunnelStart,             tunnel_start ),
    TIME( ProxyTunnelEnd,               tunnel_end ),
    TIME( ProxyTlsHandshakeClientLeg1Start, proxy_tls_start ),
    TIME( ProxyTlsHandshakeClientLeg1End, proxy_tls_end ),
#undef TIME
};

static UINT64 ticks( UINT64 us, const LARGE_INTEGER *frequency )
{
    return us / 1000000 * frequency->QuadPart + us % 1000000 * frequency->QuadPart / 1000000;
}

/* A pooled connection is there when the request begins to go out; a new one when it and its TLS session are up. Waiting
 * for a free place among the connections is over when a new one is begun, or one is there. */
static void acquire_times( const struct wh_times *facts, UINT64 *wait_end, UINT64 *end )
{
    *end = facts->tls_end ? facts->tls_end : facts->tunnel_end ? facts->tunnel_end :
           facts->connect_end ? facts->connect_end : facts->send_start;
    *wait_end = facts->resolve_start ? facts->resolve_start : facts->connect_start ? facts->connect_start : *end;
}

/* The structure says how many entries are wanted. Ticks of the performance counter, which is the monotonic clock. */
DWORD option_get_times( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    WINHTTP_REQUEST_TIMES result;
    ULONGLONG all[WinHttpRequestTimeLast] = { 0 };
    UINT64 us, wait_end, end;
    LARGE_INTEGER frequency;
    struct wh_times facts;
    unsigned int i;
    DWORD err;

    if ((err = query_exchange( request, WHQ_TIMES, &facts, sizeof(facts), NULL ))) return err;
    /* A head that came in one piece has arrived when it was complete. */
    if (!facts.receive_start) facts.receive_start = facts.receive_head_end;
    QueryPerformanceFrequency( &frequency );
    for (i = 0; i < ARRAYSIZE( times ); i++)
    {
        memcpy( &us, (const char *)&facts + times[i].offset, sizeof(us) );
        all[times[i].index] = ticks( us, &frequency );
    }
    acquire_times( &facts, &wait_end, &end );
    all[WinHttpConnectionAcquireWaitEnd] = ticks( wait_end, &frequency );
    all[WinHttpConnectionAcquireEnd]     = ticks( end, &frequency );
    AcquireSRWLockShared( &request->lock );
    all[WinHttpProxyDetectionStart] = request->proxies.start;
    all[WinHttpProxyDetectionEnd]   = request->proxies.end;
    ReleaseSRWLockShared( &request->lock );

    memcpy( &result, value, sizeof(result) );
    result.cTimes = min( result.cTimes, WinHttpRequestTimeLast );
    memset( result.rgullTimes, 0, sizeof(result.rgullTimes) );
    memcpy( result.rgullTimes, all, result.cTimes * sizeof(*all) );
    memcpy( value, &result, sizeof(result) );
    return ERROR_SUCCESS;
}

DWORD option_get_stats( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    WINHTTP_REQUEST_STATS result;
    ULONGLONG all[WinHttpRequestStatLast] = { 0 };
    struct wh_stats facts;
    ULONG count;
    DWORD err;

    if ((err = query_exchange( request, WHQ_STATS, &facts, sizeof(facts), NULL ))) return err;
    all[WinHttpConnectFailureCount]           = facts.connect_failures;
    AcquireSRWLockShared( &request->lock );
    all[WinHttpProxyFailureCount]             = request->proxies.failures;
    ReleaseSRWLockShared( &request->lock );
    all[WinHttpRequestHeadersSize]            = facts.request_head;
    all[WinHttpRequestHeadersCompressedSize]  = facts.request_head;
    all[WinHttpResponseHeadersSize]           = facts.response_head;
    all[WinHttpResponseHeadersCompressedSize] = facts.response_head;
    all[WinHttpResponseBodySize]              = facts.response_body;
    all[WinHttpResponseBodyCompressedSize]    = facts.response_coded;

    memcpy( &result, value, sizeof(result) );
    count = min( result.cStats, WinHttpRequestStatLast );
    memset( &result, 0, sizeof(result) );
    memcpy( result.rgullStats, all, count * sizeof(*all) );
    result.cStats  = count;
    result.ulIndex = facts.index;
    if (facts.fast_open) result.ullFlags |= WINHTTP_REQUEST_STAT_FLAG_TCP_FAST_OPEN;
    if (facts.tls_resumed) result.ullFlags |= WINHTTP_REQUEST_STAT_FLAG_TLS_SESSION_RESUMPTION;
    if (facts.tls_false_start) result.ullFlags |= WINHTTP_REQUEST_STAT_FLAG_TLS_FALSE_START;
    if (!facts.index) result.ullFlags |= WINHTTP_REQUEST_STAT_FLAG_FIRST_REQUEST;
    memcpy( value, &result, sizeof(result) );
    return ERROR_SUCCESS;
}

/*--- TCP -----------------------------------------------------------------------------------------------------------*/

/* TCP_INFO_v0 to v2 of mstcpip.h; each begins with the one before it. */
struct tcp_info
{
    ULONG   state;
    ULONG   mss;
    UINT64  connection_time_ms;
    BOOLEAN timestamps;
    ULONG   rtt_us;
    ULONG   min_rtt_us;
    ULONG   bytes_in_flight;
    ULONG   cwnd;
    ULONG   send_window;
    ULONG   receive_window;
    ULONG   receive_buffer;
    UINT64  bytes_out;
    UINT64  bytes_in;
    ULONG   bytes_reordered;
    ULONG   bytes_retransmitted;
    ULONG   fast_retransmits;
    ULONG   duplicate_acks;
    ULONG   timeouts;
    UCHAR   syn_retransmits;

    /* v1: what sending was limited by; Linux does not count it this way */
    struct { ULONG count, ms; UINT64 bytes; } by_receiver, by_congestion, by_sender;

    /* v2 */
    ULONG   out_of_order_packets;
    BOOLEAN ecn;
    ULONG   ece_acks;
    ULONG   probe_timeouts;
};
C_ASSERT( FIELD_OFFSET( struct tcp_info, by_receiver ) == TCP_INFO_V0_SIZE );
C_ASSERT( FIELD_OFFSET( struct tcp_info, out_of_order_packets ) == TCP_INFO_V1_SIZE );
C_ASSERT( sizeof(struct tcp_info) == TCP_INFO_V2_SIZE );

static ULONG clamp( UINT64 count )
{
    return min( count, ~0u );
}

static DWORD get_tcp_info( struct object *obj, void *value, size_t size )
{
    struct tcp_info info = { 0 };
    struct wh_tcp_facts facts;
    DWORD err;

    if ((err = query_exchange( request_from_object( obj ), WHQ_TCP, &facts, sizeof(facts), NULL ))) return err;
    info.state               = facts.state;
    info.mss                 = facts.mss;
    info.connection_time_ms  = facts.age_ms;
    info.timestamps          = facts.timestamps != 0;
    info.rtt_us              = facts.rtt_us;
    info.min_rtt_us          = facts.min_rtt_us;
    info.bytes_in_flight     = facts.bytes_in_flight;
    info.cwnd                = facts.cwnd;
    info.send_window         = facts.send_window;
    info.receive_window      = facts.receive_window;
    info.receive_buffer      = facts.receive_buffer;
    info.bytes_out           = facts.bytes_out;
    info.bytes_in            = facts.bytes_in;
    info.bytes_reordered     = clamp( facts.bytes_reordered );
    info.bytes_retransmitted = clamp( facts.bytes_retransmitted );
    info.fast_retransmits    = facts.fast_retransmits;
    info.duplicate_acks      = facts.duplicate_acks;
    info.timeouts            = facts.timeouts;
    info.syn_retransmits     = min( facts.syn_retransmits, 0xff );
    memcpy( value, &info, size );
    return ERROR_SUCCESS;
}

DWORD option_get_tcp_info_v0( struct object *obj, void *value )
{
    return get_tcp_info( obj, value, TCP_INFO_V0_SIZE );
}

DWORD option_get_tcp_info_v1( struct object *obj, void *value )
{
    return get_tcp_info( obj, value, TCP_INFO_V1_SIZE );
}

DWORD option_get_tcp_info_v2( struct object *obj, void *value )
{
    return get_tcp_info( obj, value, TCP_INFO_V2_SIZE );
}

/*--- TLS, HTTP/2, HTTP/3 -------------------------------------------------------------------------------------------*/

struct channel_binding       /* SecPkgContext_Bindings and what it points at */
{
    ULONG len;               /* from `initiator_type` on */
    void *bindings;
    ULONG initiator_type, initiator_len, initiator_offset;
    ULONG acceptor_type, acceptor_len, acceptor_offset;
    ULONG data_len, data_offset;
};

DWORD option_get_channel_binding( struct object *obj, void *buffer, DWORD *size )
{
    static const char prefix[] = "tls-server-end-point:";
    struct request *request = request_from_object( obj );
    const DWORD fixed = sizeof(struct channel_binding) - FIELD_OFFSET( struct channel_binding, initiator_type );
    struct channel_binding binding = { 0 };
    DWORD err, hash_len, needed;
    BYTE hash[64];

    if (!request->secure) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    if ((err = query_exchange( request, WHQ_CHANNEL_BINDING, hash, sizeof(hash), &hash_len ))) return err;

    binding.data_len    = sizeof(prefix) - 1 + hash_len;
    binding.data_offset = fixed;
    binding.len         = fixed + binding.data_len;
    binding.bindings    = (char *)buffer + FIELD_OFFSET( struct channel_binding, initiator_type );
    needed = sizeof(binding) + binding.data_len;
    if (!buffer || *size < needed)
    {
        *size = needed;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    memcpy( buffer, &binding, sizeof(binding) );
    memcpy( (char *)buffer + sizeof(binding), prefix, sizeof(prefix) - 1 );
    memcpy( (char *)buffer + sizeof(binding) + sizeof(prefix) - 1, hash, hash_len );
    *size = needed;
    return ERROR_SUCCESS;
}

/* There is no code before the server has reset the stream, and none in HTTP/1. */
DWORD option_get_stream_error( struct object *obj, void *value )
{
    uint32_t code;
    DWORD err;

    if ((err = query_exchange( request_from_object( obj ), WHQ_STREAM_ERROR, &code, sizeof(code), NULL ))) return err;
    memcpy( value, &code, sizeof(code) );
    return ERROR_SUCCESS;
}

/* No request goes over QUIC. */
DWORD option_get_quic_stats( struct object *obj UNUSED, void *buffer UNUSED, DWORD *size UNUSED )
{
    return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
}

/*--- control -------------------------------------------------------------------------------------------------------*/

/* request->lock is held. */
static DWORD control_exchange( struct request *request, enum wh_control what, const GUID *tag )
{
    struct wh_exchange_control_params params = { .exchange = request->exchange, .what = what };

    if (tag) memcpy( params.tag, tag, sizeof(params.tag) );
    if (!request->exchange || wh_exchange_control( &params ) != WH_DONE) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    return params.error == WHE_UNSUPPORTED ? ERROR_NOT_SUPPORTED :
           params.error ? ERROR_WINHTTP_INCORRECT_HANDLE_STATE : ERROR_SUCCESS;
}

DWORD option_get_tag( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    GUID tag;
    DWORD err;

    err = query_exchange( request, WHQ_TAG, &tag, sizeof(tag), NULL );
    if (err)
    {
        AcquireSRWLockShared( &request->lock );
        if (request->options.has_tag && !request->exchange)
        {
            tag = request->options.tag;
            err = ERROR_SUCCESS;
        }
        ReleaseSRWLockShared( &request->lock );
    }
    if (!err) memcpy( value, &tag, sizeof(tag) );
    return err;
}

/* A request that is sent again takes the tag along. */
DWORD option_set_tag( struct object *obj, const void *value )
{
    struct request *request = request_from_object( obj );
    GUID tag;
    DWORD err = ERROR_SUCCESS;

    memcpy( &tag, value, sizeof(tag) );
    AcquireSRWLockExclusive( &request->lock );
    if (request->exchange) err = control_exchange( request, WHC_TAG, &tag );
    if (!err)
    {
        request->options.tag     = tag;
        request->options.has_tag = TRUE;
    }
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

void connection_apply_tag( struct request *request )
{
    /* A connection that is gone already needs no name. */
    if (request->options.has_tag) control_exchange( request, WHC_TAG, &request->options.tag );
}

void connection_expire( struct request *request )
{
    /* One that is gone already serves nobody. */
    control_exchange( request, WHC_EXPIRE, NULL );
}

DWORD option_set_expire( struct object *obj, const void *buffer UNUSED, DWORD len UNUSED )
{
    struct request *request = request_from_object( obj );
    DWORD err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;

    AcquireSRWLockExclusive( &request->lock );
    if (request->flow != FLOW_IDLE && request->flow != FLOW_DONE && request->flow != FLOW_FAILED)
        err = control_exchange( request, WHC_EXPIRE, NULL );
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}
