/*
 * The table of options: one row per WINHTTP_OPTION_*
 *
 * Columns: the option, the handles that can be asked, the handles that can be set (N is the NULL handle, K a WebSocket),
 * the bytes of a value, and where it is. Rows are sorted by id. Source: options.md section 2; where that has a question
 * mark the row is a choice: the wider set of handles, since a program that gets an error where Windows has none stops.
 * A row with no handle at all is an option that this module knows and does not support: ERROR_WINHTTP_INVALID_OPTION, as
 * from a Windows that is older than the option.
 */

#include <stdarg.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "client_cert.h"
#include "option.h"
#include "option_connection.h"
#include "option_process.h"
#include "option_request.h"
#include "option_session.h"
#include "option_websocket.h"
#include "proxy.h"
#include "request.h"
#include "session.h"
#include "tls.h"

#define N  ON_PROCESS
#define S  ON_SESSION
#define C  ON_CONNECT
#define R  ON_REQUEST
#define P  ON_RESOLVER
#define K  ON_WEBSOCKET

#define OPTION( name, get_kinds, set_kinds, bytes, ... ) \
    { .id = WINHTTP_OPTION_##name, .get_on = get_kinds, .set_on = set_kinds, .size = bytes, __VA_ARGS__ }
#define OBJ( field )        .base = BASE_OBJECT, .offset = FIELD_OFFSET( struct object, field )
#define OPT( field )        .base = BASE_OPTIONS, .offset = FIELD_OFFSET( struct request_options, field )
#define SES( field )        .base = BASE_SESSION, .offset = FIELD_OFFSET( struct session, field )
#define RANGE( from, to )   .lo = from, .hi = to
#define BITS( mask )        .bits = mask
#define FLAGS( options )    .flags = options
#define UNSUPPORTED( name ) OPTION( name, 0, 0, 0 )

#define NUMBER    sizeof(DWORD)
#define SWITCH    sizeof(BOOL)
#define STRING    0
#define VARIABLE  0
#define NOTHING   0
#define POINTER   sizeof(void *)

#define SECURITY_FLAG_IGNORE_WEAK_SIGNATURE 0x00010000    /* wininet.h's */
#define SECURITY_FLAGS_SETTABLE \
    (SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE | SECURITY_FLAG_IGNORE_CERT_CN_INVALID | \
     SECURITY_FLAG_IGNORE_CERT_DATE_INVALID | SECURITY_FLAG_IGNORE_WEAK_SIGNATURE)

#define WINHTTP_OPTION_CONNECTION_IDLE_TIMEOUT 135        /* in no public header */

#define PRIORITY_HINT_LAST      2             /* SocketPriorityHintNormal */
#define MIN_IDLE_MS             5000
#define MIN_HTTP2_KEEPALIVE_MS  5000
#define PASSPORT_FLAGS          0x70000000
#define CHAIN_FLAGS             0x80002004    /* WINHTTP_SERVER_CERT_CHAIN_* */
#define NO_PROXY_AUTH_FLAGS     0x0000011f    /* WINHTTP_PROXY_DISABLE_* */

C_ASSERT( sizeof(HANDLE) == POINTER );

const struct option option_table[] =
{
    OPTION( CALLBACK,                    S|C|R|K|P, S|C|R|K|P, POINTER, OBJ( callback ) ),
    OPTION( RESOLVE_TIMEOUT,             S|C|R,   S|R,   NUMBER,  OPT( timeouts.resolve ) ),
    OPTION( CONNECT_TIMEOUT,             S|C|R,   S|R,   NUMBER,  OPT( timeouts.connect ) ),
    OPTION( CONNECT_RETRIES,             S|R,     S|R,   NUMBER,  OPT( connect_retries ) ),
    OPTION( SEND_TIMEOUT,                S|C|R,   S|R,   NUMBER,  OPT( timeouts.send ) ),
    OPTION( RECEIVE_TIMEOUT,             S|C|R,   S|R,   NUMBER,  OPT( timeouts.receive ) ),
    OPTION( RECEIVE_RESPONSE_TIMEOUT,    S|C|R,   S|R,   NUMBER,  OPT( timeouts.response ), .set = option_set_response ),
    OPTION( HANDLE_TYPE,                 S|C|R|K|P, 0,     NUMBER,  OBJ( type ) ),
    OPTION( READ_BUFFER_SIZE,            R,       R,     NUMBER,  OPT( read_buffer ) ),
    OPTION( WRITE_BUFFER_SIZE,           R,       R,     NUMBER,  OPT( write_buffer ) ),
    OPTION( PARENT_HANDLE,               S|C|R|K|P, 0,     POINTER, .get = option_get_parent ),
    OPTION( EXTENDED_ERROR,              N|S|R,   0,     NUMBER,  .get = option_get_extended_error ),
    OPTION( SECURITY_FLAGS,              R,       R,     NUMBER,  OPT( security_flags ), BITS( SECURITY_FLAGS_SETTABLE ),
                                         .get = tls_get_security_flags ),
    OPTION( SECURITY_CERTIFICATE_STRUCT, R,       0,     sizeof(WINHTTP_CERTIFICATE_INFO), .get = tls_get_cert_info ),
    OPTION( URL,                         R,       0,     STRING,  .get_sized = option_get_url ),
    OPTION( SECURITY_KEY_BITNESS,        R,       0,     NUMBER,  .get = tls_get_key_bitness ),
    OPTION( PROXY,                       N|S|R,   S|R,   sizeof(WINHTTP_PROXY_INFO), .get = proxy_get, .set = proxy_set ),
    OPTION( PROXY_RESULT_ENTRY,          0,       R,     sizeof(WINHTTP_PROXY_RESULT_ENTRY), .set = proxy_set_entry ),
    OPTION( USER_AGENT,                  S,       S,     STRING,  SES( agent ), FLAGS( OPT_TEXT ) ),
    OPTION( CONTEXT_VALUE,               S|C|R|K|P, S|C|R|K|P, sizeof(DWORD_PTR), OBJ( context ) ),
    OPTION( CLIENT_CERT_CONTEXT,         0,       R,     VARIABLE, .set_sized = client_cert_set,
            FLAGS( OPT_NULL_OK ) ),
    OPTION( REQUEST_PRIORITY,            R,       R,     NUMBER,  OPT( priority ) ),
    OPTION( HTTP_VERSION,                N|S|R,   N|S|R, sizeof(HTTP_VERSION_INFO), .get = option_get_http_version,
            .set = option_set_http_version ),
    OPTION( DISABLE_FEATURE,             0,       R,     NUMBER,  .set = option_set_disabled ),
    OPTION( CODEPAGE,                    0,       S,     NUMBER,  SES( codepage ) ),
    OPTION( MAX_CONNS_PER_SERVER,        S,       S,     NUMBER,  SES( max_conns ), .set = option_set_max_conns ),
    OPTION( MAX_CONNS_PER_1_0_SERVER,    S,       S,     NUMBER,  SES( max_conns_1_0 ), .set = option_set_max_conns_1_0 ),
    OPTION( AUTOLOGON_POLICY,            0,       R,     NUMBER,  OPT( autologon ), RANGE( 0, 3 ) ),
    OPTION( SERVER_CERT_CONTEXT,         R,       0,     POINTER, .get = tls_get_cert_context ),
    OPTION( ENABLE_FEATURE,              0,       S|R,   NUMBER,  .set = option_set_enabled, FLAGS( OPT_SIZE_87 ) ),
    OPTION( WORKER_THREAD_COUNT,         S|C|R,   N,     NUMBER,  .get = option_get_thread_count,
            .set = option_set_thread_count ),
    OPTION( PASSPORT_COBRANDING_TEXT,    R,       0,     STRING,  .get_sized = option_get_passport ),
    OPTION( PASSPORT_COBRANDING_URL,     R,       0,     STRING,  .get_sized = option_get_passport ),
    OPTION( CONFIGURE_PASSPORT_AUTH,     0,       S,     NUMBER,  SES( passport ), BITS( PASSPORT_FLAGS ) ),
    OPTION( SECURE_PROTOCOLS,            0,       S,     NUMBER,  .set = option_set_secure_protocols ),
    OPTION( ENABLETRACING,               N,       N,     SWITCH,  .get = option_get_tracing, .set = option_set_tracing ),
    OPTION( PASSPORT_SIGN_OUT,           0,       S,     STRING,  SES( passport_return ), FLAGS( OPT_TEXT | OPT_BYTES ) ),
    OPTION( PASSPORT_RETURN_URL,         R,       0,     STRING,  .get_sized = option_get_passport ),
    OPTION( REDIRECT_POLICY,             S|R,     S|R,   NUMBER,  OPT( redirect_policy ),
            RANGE( 0, WINHTTP_OPTION_REDIRECT_POLICY_LAST ) ),
    OPTION( MAX_HTTP_AUTOMATIC_REDIRECTS, S|R,    S|R,   NUMBER,  OPT( max_redirects ), FLAGS( OPT_SIZE_87 ) ),
    OPTION( MAX_HTTP_STATUS_CONTINUE,    S|R,     S|R,   NUMBER,  OPT( max_continue ) ),
    OPTION( MAX_RESPONSE_HEADER_SIZE,    S|R,     S|R,   NUMBER,  OPT( max_head ) ),
    OPTION( MAX_RESPONSE_DRAIN_SIZE,     S|R,     S|R,   NUMBER,  OPT( max_drain ) ),
    OPTION( CONNECTION_INFO,             R,       0,     sizeof(WINHTTP_CONNECTION_INFO), .get = option_get_connection ),
    OPTION( CLIENT_CERT_ISSUER_LIST,     R,       0,     VARIABLE, .get_sized = client_cert_get_issuers ),
    OPTION( SPN,                         0,       R,     NUMBER,  OPT( spn ), RANGE( 0, 1 ) ),
    OPTION( GLOBAL_PROXY_CREDS,          0,       N,     sizeof(WINHTTP_CREDS_EX), .set = option_set_proxy_creds ),
    OPTION( GLOBAL_SERVER_CREDS,         0,       N,     sizeof(WINHTTP_CREDS_EX), .set = option_set_server_creds ),
    OPTION( UNLOAD_NOTIFY_EVENT,         0,       S,     POINTER, SES( unload_event ) ),
    OPTION( REJECT_USERPWD_IN_URL,       0,       R,     SWITCH,  OPT( reject_userpwd ) ),
    OPTION( USE_GLOBAL_SERVER_CREDENTIALS, 0,     S|R,   SWITCH,  .set = option_set_global_creds ),
    OPTION( RECEIVE_PROXY_CONNECT_RESPONSE, 0,    S|R,   SWITCH,  OPT( connect_response ) ),
    OPTION( IS_PROXY_CONNECT_RESPONSE,   S|R,     0,     SWITCH,  .get = option_get_is_connect_response ),
    OPTION( NETWORK_INTERFACE_AFFINITY,  0,       R,     NUMBER,  OPT( if_index ) ),
    OPTION( SERVER_SPN_USED,             R,       0,     STRING,  OPT( server_spn ), FLAGS( OPT_TEXT | OPT_STATE ) ),
    OPTION( PROXY_SPN_USED,              R,       0,     STRING,  OPT( proxy_spn ), FLAGS( OPT_TEXT | OPT_STATE ) ),
    OPTION( SERVER_CBT,                  R,       0,     VARIABLE, .get_sized = option_get_channel_binding ),
    OPTION( UNSAFE_HEADER_PARSING,       0,       R,     NUMBER,  OPT( unsafe_parsing ) ),
    OPTION( ASSURED_NON_BLOCKING_CALLBACKS, 0,    S,     SWITCH,  OBJ( non_blocking ) ),
    OPTION( UPGRADE_TO_WEB_SOCKET,       0,       R,     NOTHING, .set_sized = option_set_upgrade, FLAGS( OPT_NO_VALUE ) ),
    OPTION( WEB_SOCKET_CLOSE_TIMEOUT,    0,       R|K,   NUMBER,  .set = option_set_ws_close_timeout ),
    OPTION( WEB_SOCKET_KEEPALIVE_INTERVAL, 0,     K,     NUMBER,  .set = option_set_ws_keepalive, FLAGS( OPT_SIZE_87 ),
            RANGE( WINHTTP_WEB_SOCKET_MIN_KEEPALIVE_VALUE, ~0u ) ),
    OPTION( DECOMPRESSION,               0,       S|R,   NUMBER,  OPT( decompression ),
            BITS( WINHTTP_DECOMPRESSION_FLAG_ALL ) ),
    OPTION( WEB_SOCKET_RECEIVE_BUFFER_SIZE, S|R,  S|R,   NUMBER,  OPT( ws_receive_buffer ) ),
    OPTION( WEB_SOCKET_SEND_BUFFER_SIZE, S|R,     S|R,   NUMBER,  OPT( ws_send_buffer ) ),
    OPTION( TCP_PRIORITY_HINT,           0,       S|R,   NUMBER,  OPT( priority_hint ), RANGE( 0, PRIORITY_HINT_LAST ) ),
    UNSUPPORTED( CONNECTION_FILTER ),
    OPTION( ENABLE_HTTP_PROTOCOL,        0,       S|R,   NUMBER,  OPT( http_protocols ),
            BITS( WINHTTP_PROTOCOL_FLAG_HTTP2 | WINHTTP_PROTOCOL_FLAG_HTTP3 ), FLAGS( OPT_SIZE_87 ) ),
    OPTION( HTTP_PROTOCOL_USED,          R,       0,     NUMBER,  .get = option_get_protocol_used ),
    OPTION( CONNECTION_IDLE_TIMEOUT,     0,       S,     NUMBER,  RANGE( MIN_IDLE_MS, ~0u ), .set = option_set_idle ),
    UNSUPPORTED( KDC_PROXY_SETTINGS ),
    OPTION( PROXY_DISABLE_SERVICE_CALLS, 0,       S,     SWITCH,  SES( no_proxy_service ) ),
    OPTION( ENCODE_EXTRA,                0,       S|R,   SWITCH,  .set = option_set_encode_extra ),
    OPTION( DISABLE_STREAM_QUEUE,        0,       S|R,   SWITCH,  OPT( no_stream_queue ) ),
    OPTION( IPV6_FAST_FALLBACK,          0,       S,     SWITCH,  SES( ipv6_fallback ) ),
    OPTION( CONNECTION_STATS_V0,         R,       0,     TCP_INFO_V0_SIZE, .get = option_get_tcp_info_v0 ),
    OPTION( REQUEST_TIMES,               R,       0,     sizeof(WINHTTP_REQUEST_TIMES), .get = option_get_times ),
    OPTION( EXPIRE_CONNECTION,           0,       R,     NOTHING, .set_sized = option_set_expire, FLAGS( OPT_NO_VALUE ) ),
    OPTION( DISABLE_SECURE_PROTOCOL_FALLBACK, 0,  S,     SWITCH,  SES( no_secure_fallback ) ),
    OPTION( HTTP_PROTOCOL_REQUIRED,      0,       S|R,   SWITCH,  OPT( protocol_required ) ),
    OPTION( REQUEST_STATS,               R,       0,     sizeof(WINHTTP_REQUEST_STATS), .get = option_get_stats ),
    OPTION( SERVER_CERT_CHAIN_CONTEXT,   R,       0,     POINTER, .get = tls_get_cert_chain ),
    OPTION( SERVER_CERT_CHAIN_BUILD_FLAGS, 0,     S|R,   NUMBER,  OPT( chain_flags ), BITS( CHAIN_FLAGS ) ),
    OPTION( CONNECTION_STATS_V1,         R,       0,     TCP_INFO_V1_SIZE, .get = option_get_tcp_info_v1 ),
    OPTION( SECURITY_INFO,               R,       0,     708,     .get = tls_get_security_info ),
    OPTION( TCP_KEEPALIVE,               0,       S,     RTL_FIELD_SIZE( struct session, keepalive ), SES( keepalive ) ),
    OPTION( TCP_FAST_OPEN,               0,       S,     SWITCH,  SES( fast_open ) ),
    OPTION( TLS_FALSE_START,             0,       S,     SWITCH,  SES( false_start ) ),
    OPTION( IGNORE_CERT_REVOCATION_OFFLINE, 0,    R,     SWITCH,  OPT( revocation_offline_ok ) ),
    OPTION( TLS_PROTOCOL_INSECURE_FALLBACK, 0,    S,     SWITCH,  SES( insecure_fallback ) ),
    OPTION( STREAM_ERROR_CODE,           R,       0,     NUMBER,  .get = option_get_stream_error ),
    OPTION( REQUIRE_STREAM_END,          0,       S|R,   SWITCH,  OPT( require_stream_end ) ),
    OPTION( ENABLE_HTTP2_PLUS_CLIENT_CERT, 0,     S,     SWITCH,  SES( h2_client_cert ) ),
    OPTION( FAILED_CONNECTION_RETRIES,   0,       S,     sizeof(WINHTTP_FAILED_CONNECTION_RETRIES),
            .set = option_set_failed_retries ),
    OPTION( HTTP2_KEEPALIVE,             0,       S,     NUMBER,  SES( h2_keepalive_ms ),
            RANGE( MIN_HTTP2_KEEPALIVE_MS, ~0u ) ),
    OPTION( RESOLUTION_HOSTNAME,         0,       R,     STRING,  .set_sized = option_set_resolve_host ),
    UNSUPPORTED( SET_TOKEN_BINDING ),
    UNSUPPORTED( TOKEN_BINDING_PUBLIC_KEY ),
    UNSUPPORTED( REFERER_TOKEN_BINDING_HOSTNAME ),
    OPTION( HTTP2_PLUS_TRANSFER_ENCODING, 0,      S|R,   SWITCH,  OPT( h2_transfer_encoding ) ),
    OPTION( RESOLVER_CACHE_CONFIG,       0,       S,     sizeof(WINHTTP_RESOLVER_CACHE_CONFIG), .set = option_set_resolver ),
    OPTION( DISABLE_CERT_CHAIN_BUILDING, 0,       S,     SWITCH,  SES( no_chain_building ) ),
    OPTION( BACKGROUND_CONNECTIONS,      0,       S,     NUMBER,  SES( background ) ),
    OPTION( FIRST_AVAILABLE_CONNECTION,  0,       S,     SWITCH,  SES( first_available ) ),
    OPTION( TCP_PRIORITY_STATUS,         R,       0,     NUMBER,  .get = option_get_priority_status ),
    OPTION( CONNECTION_GUID,             R,       R,     sizeof(GUID), .get = option_get_tag, .set = option_set_tag ),
    OPTION( MATCH_CONNECTION_GUID,       0,       R,     sizeof(WINHTTP_MATCH_CONNECTION_GUID), .set = option_set_match ),
    OPTION( HTTP2_RECEIVE_WINDOW,        0,       S|R,   sizeof(WINHTTP_HTTP2_RECEIVE_WINDOW), OPT( h2_window ) ),
    OPTION( FEATURE_SUPPORTED,           N|S|C|R, 0,     NUMBER,  .get = option_get_feature ),
    OPTION( QUIC_STATS,                  R,       0,     VARIABLE, .get_sized = option_get_quic_stats ),
    OPTION( HTTP3_KEEPALIVE,             0,       S,     NUMBER,  SES( h3_keepalive_ms ) ),
    OPTION( HTTP3_HANDSHAKE_TIMEOUT,     0,       S|R,   NUMBER,  OPT( h3_handshake_ms ) ),
    OPTION( HTTP3_INITIAL_RTT,           0,       S|R,   NUMBER,  OPT( h3_initial_rtt_ms ) ),
    OPTION( HTTP3_STREAM_ERROR_CODE,     R,       0,     VARIABLE, .get_sized = option_get_quic_stats ),
    OPTION( REQUEST_ANNOTATION,          R,       R,     STRING,  OPT( annotation ), FLAGS( OPT_TEXT | OPT_BYTES ),
            RANGE( 0, WINHTTP_OPTION_REQUEST_ANNOTATION_MAX_LENGTH / sizeof(WCHAR) ) ),
    OPTION( DISABLE_PROXY_AUTH_SCHEMES,  0,       S,     NUMBER,  SES( no_proxy_auth ), BITS( NO_PROXY_AUTH_FLAGS ) ),
    OPTION( REVERT_IMPERSONATION_SERVER_CERT, 0,  S|R,   SWITCH,  OPT( revert_impersonation ) ),
    OPTION( DISABLE_GLOBAL_POOLING,      0,       S,     SWITCH,  .set = option_set_own_pool ),
    OPTION( USE_SESSION_SCH_CRED,        0,       S,     SWITCH,  SES( session_sch_cred ) ),
    OPTION( SERVER_CERT_CHAIN_BUILD_CACHE_ONLY, 0, S|R,  SWITCH,  OPT( chain_cache_only ) ),
    OPTION( QUIC_STATS_V2,               R,       0,     VARIABLE, .get_sized = option_get_quic_stats ),
    OPTION( QUIC_STREAM_STATS,           R,       0,     VARIABLE, .get_sized = option_get_quic_stats ),
    OPTION( USE_LOOKASIDE,               0,       S,     SWITCH,  SES( lookaside ) ),
    OPTION( ERROR_LOG_GUID,              0,       R,     sizeof(GUID), OPT( error_log ) ),
    UNSUPPORTED( ENABLE_FAST_FORWARDING ),
    UNSUPPORTED( FAST_FORWARDING_RESPONSE_DATA ),
    UNSUPPORTED( UPGRADE_TO_PROTOCOL ),
    OPTION( CONNECTION_STATS_V2,         R,       0,     TCP_INFO_V2_SIZE, .get = option_get_tcp_info_v2 ),
    UNSUPPORTED( FAST_FORWARDING_RESPONSE_STATUS ),
    OPTION( DSCP_TAG,                    0,       S|R,   NUMBER,  OPT( dscp ) ),
    OPTION( HTTP11_DOWNGRADE_TTL,        0,       S,     NUMBER,  SES( downgrade_ttl ) ),
    OPTION( SESSION_ERROR_LOG_GUID,      0,       S,     sizeof(GUID), SES( error_log ) ),
    OPTION( USERNAME,                    R,       R,     STRING,  OPT( user ), FLAGS( OPT_TEXT ) ),
    OPTION( PASSWORD,                    R,       R,     STRING,  OPT( password ), FLAGS( OPT_TEXT ) ),
    OPTION( PROXY_USERNAME,              R,       R,     STRING,  OPT( proxy_user ), FLAGS( OPT_TEXT ) ),
    OPTION( PROXY_PASSWORD,              R,       R,     STRING,  OPT( proxy_password ), FLAGS( OPT_TEXT ) ),
};

const unsigned int option_count = ARRAYSIZE( option_table );
