/*
 * All options, one row each: which handles they can be asked of and set on, sizes, defaults, inheritance
 *
 * Source: options.md section 2. What is measured there is demanded; where it has a question mark, or only documentation
 * that contradicts itself, the check accepts each of the answers and says so. An option that is newer than the Windows it
 * runs on answers 12009 to everything, which is accepted there, and nowhere else.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"

#define N 1
#define S 2
#define C 4
#define R 8
#define K 16

#define POINTER  sizeof(void *)
#define STRUCT   0xffff0000    /* a size in the low word, but no DWORD: not set by the tests of values */
#define VARIABLE 0             /* no fixed size */

enum trait
{
    STATE = 1,      /* a query needs more than a handle: a response, a connection, TLS */
    FLAG  = 2,      /* BOOL: 0 and 1 are values */
    OPEN  = 4,      /* which handles is an open question: no verdict on the others */
    MAYBE = 8,      /* undocumented: Windows may do anything with it */
    ONCE  = 16,     /* set elsewhere */
    NEWER = 32      /* older than Windows 11 it is 12009 */
};

static const struct row
{
    DWORD        option;
    const char  *name;
    unsigned int get, set;
    DWORD        size;
    unsigned int traits;
    DWORD        initial;     /* what a query of a session or request gives at first, if it is a DWORD */
    DWORD        value;       /* one that can be set */
} rows[] =
{
#define ROW( name, ... ) { WINHTTP_OPTION_##name, #name, __VA_ARGS__ }
    ROW( CALLBACK,                    S|C|R,   S|C|R, POINTER | STRUCT, OPEN, 0, 0 ),
    ROW( RESOLVE_TIMEOUT,             S|C|R,   S|R,   4,   0, 0, 10000 ),
    ROW( CONNECT_TIMEOUT,             S|C|R,   S|R,   4,   0, 60000, 10001 ),
    ROW( CONNECT_RETRIES,             S|R,     S|R,   4,   0, 5, 6 ),
    ROW( SEND_TIMEOUT,                S|C|R,   S|R,   4,   0, 30000, 10002 ),
    ROW( RECEIVE_TIMEOUT,             S|C|R,   S|R,   4,   0, 30000, 10003 ),
    ROW( RECEIVE_RESPONSE_TIMEOUT,    S|C|R,   S|R,   4,   0, 0xffffffff, 100000 ),    /* TI-9 */
    ROW( HANDLE_TYPE,                 S|C|R,   0,     4,   STATE, 0, 0 ),
    ROW( READ_BUFFER_SIZE,            R,       R,     4,   ONCE, 0, 0 ),
    ROW( WRITE_BUFFER_SIZE,           R,       R,     4,   ONCE, 0, 0 ),
    ROW( PARENT_HANDLE,               S|C|R,   0,     POINTER | STRUCT, OPEN, 0, 0 ),
    ROW( EXTENDED_ERROR,              N|S|R,   0,     4,   STATE | OPEN, 0, 0 ),
    ROW( SECURITY_FLAGS,              R,       R,     4,   0, 0, SECURITY_FLAG_IGNORE_UNKNOWN_CA ),    /* TL-4, O-21 */
    ROW( SECURITY_CERTIFICATE_STRUCT, R,       0,     sizeof(WINHTTP_CERTIFICATE_INFO) | STRUCT, STATE, 0, 0 ),
    ROW( URL,                         R,       0,     VARIABLE, 0, 0, 0 ),
    ROW( SECURITY_KEY_BITNESS,        R,       0,     4,   STATE, 0, 0 ),
    ROW( PROXY,                       N|S|R,   S|R,   sizeof(WINHTTP_PROXY_INFO) | STRUCT, 0, 0, 0 ),
    ROW( PROXY_RESULT_ENTRY,          0,       R,     sizeof(WINHTTP_PROXY_RESULT_ENTRY) | STRUCT, 0, 0, 0 ),
    ROW( USER_AGENT,                  S,       S,     VARIABLE, 0, 0, 0 ),
    ROW( CONTEXT_VALUE,               S|C|R,   S|C|R, POINTER | STRUCT, 0, 0, 0 ),
    ROW( CLIENT_CERT_CONTEXT,         0,       R,     VARIABLE, 0, 0, 0 ),    /* O-22 */
    ROW( REQUEST_PRIORITY,            R,       R,     4,   ONCE, 0, 0 ),
    ROW( HTTP_VERSION,                N|S|R,   N|S|R, 8 | STRUCT, OPEN, 0, 0 ),
    ROW( DISABLE_FEATURE,             0,       R,     4,   0, 0, 0 ),    /* O-12 */
    ROW( CODEPAGE,                    0,       S,     4,   0, 0, 65001 ),
    ROW( MAX_CONNS_PER_SERVER,        S,       S,     4,   0, 0xffffffff, 17 ),
    ROW( MAX_CONNS_PER_1_0_SERVER,    S,       S,     4,   0, 0xffffffff, 5 ),
    ROW( AUTOLOGON_POLICY,            0,       R,     4,   0, 0, 2 ),
    ROW( SERVER_CERT_CONTEXT,         R,       0,     POINTER | STRUCT, STATE, 0, 0 ),
    ROW( ENABLE_FEATURE,              0,       S|R,   4,   ONCE, 0, 0 ),    /* O-13 */
    ROW( WORKER_THREAD_COUNT,         S|C|R,   N,     4,   0, 0, 0 ),    /* O-11 */
    ROW( PASSPORT_COBRANDING_TEXT,    R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( PASSPORT_COBRANDING_URL,     R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( CONFIGURE_PASSPORT_AUTH,     0,       S,     4,   0, 0, 0x10000000 ),    /* O-26 */
    ROW( SECURE_PROTOCOLS,            0,       S,     4,   0, 0, WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 ),    /* O-20 */
    ROW( ENABLETRACING,               N,       N,     4,   0, 0, 0 ),
    ROW( PASSPORT_SIGN_OUT,           0,       S,     VARIABLE, 0, 0, 0 ),
    ROW( PASSPORT_RETURN_URL,         R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( REDIRECT_POLICY,             S|R,     S|R,   4,   0, 1, 2 ),    /* O-10 */
    ROW( MAX_HTTP_AUTOMATIC_REDIRECTS, S|R,    S|R,   4,   0, 10, 7 ),    /* O-27 */
    ROW( MAX_HTTP_STATUS_CONTINUE,    S|R,     S|R,   4,   0, 10, 3 ),
    ROW( MAX_RESPONSE_HEADER_SIZE,    S|R,     S|R,   4,   0, 65536, 131072 ),
    ROW( MAX_RESPONSE_DRAIN_SIZE,     S|R,     S|R,   4,   0, 1048576, 4096 ),
    ROW( CONNECTION_INFO,             R,       0,     sizeof(WINHTTP_CONNECTION_INFO) | STRUCT, STATE, 0, 0 ),    /* O-23 */
    ROW( CLIENT_CERT_ISSUER_LIST,     R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( SPN,                         0,       R,     4,   0, 0, 1 ),
    ROW( GLOBAL_PROXY_CREDS,          0,       N,     sizeof(WINHTTP_CREDS_EX) | STRUCT, 0, 0, 0 ),
    ROW( GLOBAL_SERVER_CREDS,         0,       N,     sizeof(WINHTTP_CREDS_EX) | STRUCT, 0, 0, 0 ),
    ROW( UNLOAD_NOTIFY_EVENT,         0,       S,     POINTER | STRUCT, 0, 0, 0 ),
    ROW( REJECT_USERPWD_IN_URL,       0,       R,     4,   FLAG, 0, 1 ),
    ROW( USE_GLOBAL_SERVER_CREDENTIALS, 0,     S|R,   4,   OPEN | ONCE, 0, 0 ),
    ROW( RECEIVE_PROXY_CONNECT_RESPONSE, 0,    S|R,   4,   FLAG, 0, 1 ),
    ROW( IS_PROXY_CONNECT_RESPONSE,   S|R,     0,     4,   FLAG | OPEN, 0, 0 ),
    ROW( NETWORK_INTERFACE_AFFINITY,  0,       R,     4,   OPEN | NEWER | ONCE, 0, 0 ),
    ROW( SERVER_SPN_USED,             R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( PROXY_SPN_USED,              R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( SERVER_CBT,                  R,       0,     VARIABLE, STATE, 0, 0 ),
    ROW( UNSAFE_HEADER_PARSING,       0,       R,     4,   ONCE, 0, 0 ),
    ROW( ASSURED_NON_BLOCKING_CALLBACKS, 0,    S,     4,   FLAG, 0, 1 ),
    ROW( UPGRADE_TO_WEB_SOCKET,       0,       R,     VARIABLE, 0, 0, 0 ),    /* O-29 */
    ROW( WEB_SOCKET_CLOSE_TIMEOUT,    0,       R|K,   4,   OPEN, 0, 5000 ),
    ROW( WEB_SOCKET_KEEPALIVE_INTERVAL, 0,     K,     4,   0, 0, 20000 ),    /* WS-21 */
    ROW( DECOMPRESSION,               0,       S|R,   4,   0, 0, 3 ),    /* O-15 */
    ROW( WEB_SOCKET_RECEIVE_BUFFER_SIZE, S|R,  S|R,   4,   0, 32768, 65535 ),    /* WS-20 */
    ROW( WEB_SOCKET_SEND_BUFFER_SIZE, S|R,     S|R,   4,   0, 32768, 1048576 ),    /* WS-20 */
    ROW( TCP_PRIORITY_HINT,           0,       S|R,   4,   OPEN | ONCE, 0, 0 ),
    ROW( CONNECTION_FILTER,           0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( ENABLE_HTTP_PROTOCOL,        0,       S|R,   4,   0, 0, WINHTTP_PROTOCOL_FLAG_HTTP2 ),
    ROW( HTTP_PROTOCOL_USED,          R,       0,     4,   STATE, 0, 0 ),
    ROW( KDC_PROXY_SETTINGS,          0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( PROXY_DISABLE_SERVICE_CALLS, 0,       S,     4,   OPEN | ONCE, 0, 0 ),
    ROW( ENCODE_EXTRA,                0,       S|R,   4,   FLAG, 0, 1 ),
    ROW( DISABLE_STREAM_QUEUE,        0,       S|R,   4,   FLAG, 0, 1 ),
    ROW( IPV6_FAST_FALLBACK,          0,       S,     4,   FLAG, 0, 1 ),
    ROW( CONNECTION_STATS_V0,         R,       0,     88 | STRUCT, STATE, 0, 0 ),
    ROW( REQUEST_TIMES,               R,       0,     sizeof(WINHTTP_REQUEST_TIMES) | STRUCT, STATE, 0, 0 ),
    ROW( EXPIRE_CONNECTION,           0,       R,     VARIABLE, 0, 0, 0 ),
    ROW( DISABLE_SECURE_PROTOCOL_FALLBACK, 0,  S,     4,   FLAG, 0, 1 ),
    ROW( HTTP_PROTOCOL_REQUIRED,      0,       S|R,   4,   FLAG, 0, 1 ),
    ROW( REQUEST_STATS,               R,       0,     sizeof(WINHTTP_REQUEST_STATS) | STRUCT, STATE, 0, 0 ),
    ROW( SERVER_CERT_CHAIN_CONTEXT,   R,       0,     POINTER | STRUCT, STATE, 0, 0 ),    /* O-25 */
    ROW( SERVER_CERT_CHAIN_BUILD_FLAGS, 0,     S|R,   4,   OPEN | NEWER, 0, 4 ),
    ROW( CONNECTION_STATS_V1,         R,       0,     136 | STRUCT, STATE | NEWER, 0, 0 ),
    ROW( SECURITY_INFO,               R,       0,     708 | STRUCT, STATE | NEWER, 0, 0 ),    /* O-24 */
    ROW( TCP_KEEPALIVE,               0,       S,     12 | STRUCT, NEWER, 0, 0 ),
    ROW( TCP_FAST_OPEN,               0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( TLS_FALSE_START,             0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( IGNORE_CERT_REVOCATION_OFFLINE, 0,    R,     4,   FLAG | NEWER, 0, 1 ),
    ROW( TLS_PROTOCOL_INSECURE_FALLBACK, 0,    S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( STREAM_ERROR_CODE,           R,       0,     4,   STATE | NEWER, 0, 0 ),
    ROW( REQUIRE_STREAM_END,          0,       S|R,   4,   FLAG | NEWER, 0, 1 ),
    ROW( ENABLE_HTTP2_PLUS_CLIENT_CERT, 0,     S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( FAILED_CONNECTION_RETRIES,   0,       S,     8 | STRUCT, NEWER, 0, 0 ),
    ROW( HTTP2_KEEPALIVE,             0,       S,     4,   NEWER, 0, 20000 ),
    ROW( RESOLUTION_HOSTNAME,         0,       R,     VARIABLE, NEWER, 0, 0 ),
    ROW( SET_TOKEN_BINDING,           0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( TOKEN_BINDING_PUBLIC_KEY,    0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( REFERER_TOKEN_BINDING_HOSTNAME, 0,    0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( HTTP2_PLUS_TRANSFER_ENCODING, 0,      S|R,   4,   FLAG | NEWER, 0, 1 ),
    ROW( RESOLVER_CACHE_CONFIG,       0,       S,     32 | STRUCT, NEWER, 0, 0 ),
    ROW( DISABLE_CERT_CHAIN_BUILDING, 0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( BACKGROUND_CONNECTIONS,      0,       S,     4,   NEWER, 0, 2 ),
    ROW( FIRST_AVAILABLE_CONNECTION,  0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( TCP_PRIORITY_STATUS,         R,       0,     4,   STATE | OPEN | NEWER, 0, 0 ),
    ROW( CONNECTION_GUID,             R,       R,     16 | STRUCT, STATE | NEWER, 0, 0 ),
    ROW( MATCH_CONNECTION_GUID,       0,       R,     24 | STRUCT, NEWER, 0, 0 ),
    ROW( HTTP2_RECEIVE_WINDOW,        0,       S|R,   8 | STRUCT, OPEN | NEWER, 0, 0 ),
    ROW( FEATURE_SUPPORTED,           N|S|C|R, 0,     VARIABLE, STATE | OPEN | NEWER, 0, 0 ),
    ROW( QUIC_STATS,                  R,       0,     VARIABLE, STATE | NEWER, 0, 0 ),
    ROW( HTTP3_KEEPALIVE,             0,       S,     4,   NEWER, 0, 20000 ),
    ROW( HTTP3_HANDSHAKE_TIMEOUT,     0,       S|R,   4,   OPEN | NEWER, 0, 10000 ),
    ROW( HTTP3_INITIAL_RTT,           0,       S|R,   4,   OPEN | NEWER, 0, 333 ),
    ROW( HTTP3_STREAM_ERROR_CODE,     R,       0,     VARIABLE, STATE | NEWER, 0, 0 ),
    ROW( REQUEST_ANNOTATION,          R,       R,     VARIABLE, STATE | OPEN | NEWER, 0, 0 ),
    ROW( DISABLE_PROXY_AUTH_SCHEMES,  0,       S,     4,   NEWER, 0, 0x101 ),
    ROW( REVERT_IMPERSONATION_SERVER_CERT, 0,  S|R,   4,   FLAG | OPEN | NEWER, 0, 1 ),
    ROW( DISABLE_GLOBAL_POOLING,      0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( USE_SESSION_SCH_CRED,        0,       S,     4,   FLAG | NEWER, 0, 1 ),
    ROW( SERVER_CERT_CHAIN_BUILD_CACHE_ONLY, 0, S|R,  4,   FLAG | OPEN | NEWER, 0, 1 ),
    ROW( QUIC_STATS_V2,               R,       0,     VARIABLE, STATE | NEWER, 0, 0 ),
    ROW( QUIC_STREAM_STATS,           R,       0,     VARIABLE, STATE | NEWER, 0, 0 ),
    ROW( USE_LOOKASIDE,               0,       S,     4,   FLAG | OPEN | NEWER, 0, 1 ),
    ROW( ERROR_LOG_GUID,              0,       R,     16 | STRUCT, OPEN | NEWER, 0, 0 ),
    ROW( ENABLE_FAST_FORWARDING,      0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( FAST_FORWARDING_RESPONSE_DATA, 0,     0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( UPGRADE_TO_PROTOCOL,         0,       0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( CONNECTION_STATS_V2,         R,       0,     VARIABLE, STATE | NEWER, 0, 0 ),
    ROW( FAST_FORWARDING_RESPONSE_STATUS, 0,   0,     VARIABLE, MAYBE, 0, 0 ),
    ROW( DSCP_TAG,                    0,       S|R,   4,   OPEN | NEWER | ONCE, 0, 0 ),
    ROW( HTTP11_DOWNGRADE_TTL,        0,       S,     4,   OPEN | NEWER | ONCE, 0, 0 ),
    ROW( SESSION_ERROR_LOG_GUID,      0,       S,     16 | STRUCT, OPEN | NEWER, 0, 0 ),
    ROW( USERNAME,                    R,       R,     VARIABLE, 0, 0, 0 ),
    ROW( PASSWORD,                    R,       R,     VARIABLE, 0, 0, 0 ),
    ROW( PROXY_USERNAME,              R,       R,     VARIABLE, 0, 0, 0 ),
    ROW( PROXY_PASSWORD,              R,       R,     VARIABLE, 0, 0, 0 ),
#undef ROW
};

#define NUMBER_OF_OPTIONS 135

/* A Windows that is older than the option. */
static BOOL is_unknown_there( const struct row *row )
{
    return broken( (row->traits & NEWER) && (GetLastError() == ERROR_WINHTTP_INVALID_OPTION ||
                                             GetLastError() == ERROR_INVALID_PARAMETER) );
}

static BOOL is_number( const struct row *row )
{
    return row->size == 4;
}

static HINTERNET handle_of( const struct client *client, unsigned int kind )
{
    return kind == S ? client->session : kind == C ? client->connect : client->request;
}

static void check_query_of_wrong_handles( const struct row *row, const struct client *client )
{
    static const unsigned int kinds[] = { S, C, R };
    char buffer[1024];
    unsigned int i;
    DWORD len;
    BOOL ret;

    for (i = 0; i < count_of( kinds ); i++)
    {
        if (row->get & kinds[i]) continue;
        if ((row->traits & OPEN) && row->get) continue;
        memset( buffer, 0x55, sizeof(buffer) );
        len = sizeof(buffer);
        SetLastError( STALE );
        ret = WinHttpQueryOption( handle_of( client, kinds[i] ), row->option, buffer, &len );
        if (is_unknown_there( row )) continue;
        ok( !ret, "query of handle kind %u succeeded\n", kinds[i] );
        if (!row->get)                                                                                   /* O-8 */
            ok( GetLastError() == ERROR_INVALID_PARAMETER, "query of a set-only option: error %lu\n", GetLastError() );
        else
            /* either: 12018 is measured for some, documentation says 87 */
            ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE || GetLastError() == ERROR_INVALID_PARAMETER,
                "query of handle kind %u: error %lu\n", kinds[i], GetLastError() );
        ok( buffer[0] == 0x55, "the buffer was touched\n" );
    }
}

static void check_set_of_wrong_handles( const struct row *row, const struct client *client )
{
    static const unsigned int kinds[] = { S, C, R };
    DWORD len = row->size & 0xffff, value = row->value;
    ULONGLONG room[128] = { 0 };
    unsigned int i;
    BOOL ret;

    memcpy( room, &value, sizeof(value) );
    if (!len) len = sizeof(value);
    for (i = 0; i < count_of( kinds ); i++)
    {
        if ((row->set & kinds[i]) || (row->traits & OPEN)) continue;
        SetLastError( STALE );
        ret = WinHttpSetOption( handle_of( client, kinds[i] ), row->option, room, len );
        if (is_unknown_there( row )) continue;
        ok( !ret, "set on handle kind %u succeeded\n", kinds[i] );
        if (!row->set)
            /* either: documentation contradicts itself */
            ok( GetLastError() == ERROR_WINHTTP_OPTION_NOT_SETTABLE || GetLastError() == ERROR_INVALID_PARAMETER,
                "set of a query-only option: error %lu\n", GetLastError() );
        else if (is_number( row ))                                                                       /* O-7 */
            ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE ||
                broken( GetLastError() == ERROR_INVALID_PARAMETER ),
                "set on handle kind %u: error %lu\n", kinds[i], GetLastError() );
        else
            /* either: the value is none, and the handle is none for it */
            ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE || GetLastError() == ERROR_INVALID_PARAMETER,
                "set on handle kind %u: error %lu\n", kinds[i], GetLastError() );
    }
}

/* The NULL handle is for the options of the process only, H-14. */
static void check_null_handle( const struct row *row )
{
    ULONGLONG room[128] = { 0 };
    DWORD len = sizeof(room);
    BOOL ret;

    if (row->traits & OPEN) return;
    if (!(row->get & N))
    {
        SetLastError( STALE );
        ret = WinHttpQueryOption( NULL, row->option, room, &len );
        /* either: 87 where the option can only be set, or is not known; 6 otherwise */
        ok( !ret && (GetLastError() == ERROR_INVALID_HANDLE || broken( GetLastError() == ERROR_INVALID_PARAMETER ) ||
                     broken( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE )),
            "query of NULL: got %d, error %lu\n", ret, GetLastError() );
    }
    if (!(row->set & N))
    {
        SetLastError( STALE );
        ret = WinHttpSetOption( NULL, row->option, room, row->size ? row->size & 0xffff : sizeof(DWORD) );
        ok( !ret && (GetLastError() == ERROR_INVALID_HANDLE || broken( GetLastError() != STALE )),
            "set on NULL: got %d, error %lu\n", ret, GetLastError() );
    }
}

static void check_sizes( const struct row *row, HINTERNET handle, unsigned int kind )
{
    DWORD size = row->size & 0xffff, len;
    char buffer[1024];
    BOOL ret;

    if (row->get & kind)
    {
        SetLastError( STALE );
        ret = WinHttpQueryOption( handle, row->option, buffer, NULL );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "no length: got %d, error %lu\n", ret,     /* O-1 */
            GetLastError() );
    }
    if ((row->get & kind) && size && !(row->traits & STATE))
    {
        len = 0xdeadbeef;
        SetLastError( STALE );
        ret = WinHttpQueryOption( handle, row->option, NULL, &len );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == size,                           /* O-2 */
            "no buffer: got %d, error %lu, length %lu\n", ret, GetLastError(), len );
        memset( buffer, 0x55, sizeof(buffer) );
        len = size - 1;
        SetLastError( STALE );
        ret = WinHttpQueryOption( handle, row->option, buffer, &len );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == size && buffer[0] == 0x55,      /* O-3 */
            "short buffer: got %d, error %lu, length %lu\n", ret, GetLastError(), len );
        len = size + 1;
        SetLastError( STALE );
        ret = WinHttpQueryOption( handle, row->option, buffer, &len );
        ok( ret && !GetLastError() && len == size && buffer[size] == 0x55,                                /* O-4 */
            "long buffer: got %d, error %lu, length %lu\n", ret, GetLastError(), len );
    }
    if ((row->set & kind) && is_number( row ) && !(row->traits & OPEN))
    {
        ULONGLONG room = row->value;

        SetLastError( STALE );
        ret = WinHttpSetOption( handle, row->option, NULL, size );
        if (is_unknown_there( row )) return;
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "set without a buffer: got %d, error %lu\n", ret,    /* O-5 */
            GetLastError() );
        for (len = size - 1; len <= size + 1; len += 2)
        {
            SetLastError( STALE );
            ret = WinHttpSetOption( handle, row->option, &room, len );
            /* either: 122 is measured for some options and 87 for others */
            ok( !ret && (GetLastError() == ERROR_INSUFFICIENT_BUFFER || GetLastError() == ERROR_INVALID_PARAMETER),
                "set of %lu bytes: got %d, error %lu\n", len, ret, GetLastError() );
        }
    }
}

static void test_handles_and_sizes(void)
{
    static const unsigned int kinds[] = { S, C, R };
    struct client client;
    unsigned int i, j;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( rows ); i++)
    {
        if (rows[i].traits & MAYBE) continue;
        winetest_push_context( "%s (%lu)", rows[i].name, rows[i].option );
        check_query_of_wrong_handles( &rows[i], &client );
        check_set_of_wrong_handles( &rows[i], &client );
        check_null_handle( &rows[i] );
        for (j = 0; j < count_of( kinds ); j++) check_sizes( &rows[i], handle_of( &client, kinds[j] ), kinds[j] );
        winetest_pop_context();
    }
done:
    client_close( &client );
}

/* What cannot be told before a connection is there says so, whatever the buffer. */
static void test_facts_need_a_state(void)
{
    struct client client;
    char buffer[1024];
    unsigned int i;
    DWORD len;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( rows ); i++)
    {
        if (!(rows[i].traits & STATE) || (rows[i].traits & (OPEN | MAYBE)) || !(rows[i].get & R)) continue;
        if (rows[i].option == WINHTTP_OPTION_HANDLE_TYPE) continue;             /* test_handle_type_and_parent */
        if (rows[i].option == WINHTTP_OPTION_HTTP_PROTOCOL_USED) continue;      /* 0 until then */
        if (rows[i].option == WINHTTP_OPTION_SECURITY_INFO) continue;           /* zeros until then, O-34 */
        winetest_push_context( "%s (%lu)", rows[i].name, rows[i].option );
        memset( buffer, 0, sizeof(buffer) );
        len = sizeof(buffer);
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, rows[i].option, buffer, &len );
        if (!is_unknown_there( &rows[i] ))                                                               /* O-30 */
            /* either: measured for CONNECTION_INFO; others may say empty, or that they are not available */
            ok( (!ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE) ||
                broken( ret || GetLastError() != STALE ), "got %d, error %lu\n", ret, GetLastError() );
        winetest_pop_context();
    }
done:
    client_close( &client );
}

static void test_initial_values(void)
{
    HINTERNET session, connect, request;
    unsigned int i;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
    request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    for (i = 0; i < count_of( rows ); i++)
    {
        if (!is_number( &rows[i] ) || (rows[i].traits & (STATE | ONCE | OPEN))) continue;
        winetest_push_context( "%s", rows[i].name );
        if (rows[i].get & S) check_dword( session, rows[i].option, rows[i].initial );
        if (rows[i].get & C) check_dword( connect, rows[i].option, rows[i].initial );
        if (rows[i].get & R) check_dword( request, rows[i].option, rows[i].initial );
        winetest_pop_context();
    }
    WinHttpCloseHandle( request );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

static void set_value( const struct row *row, HINTERNET handle, DWORD value )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetOption( handle, row->option, &value, sizeof(value) );
    if (!ret && (row->traits & OPEN) && broken( GetLastError() != STALE )) return;
    if (!ret && is_unknown_there( row )) return;
    ok( ret && !GetLastError(), "set %#lx: got %d, error %lu\n", value, ret, GetLastError() );
}

/* A value that is set reads back; a request has what the session had when it was opened, and goes its own way. */
static void test_values_and_inheritance(void)
{
    HINTERNET session, connect, early, late;
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct row *row = &rows[i];

        if (!is_number( row ) || (row->traits & ONCE) || !(row->set & (S | R))) continue;
        winetest_push_context( "%s", row->name );
        session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
        early = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        if (row->set & S) set_value( row, session, row->value );
        late = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        if (row->get & row->set & S)
        {
            check_dword( session, row->option, row->value );
            if (row->get & C) check_dword( connect, row->option, row->value );                           /* TI-7 */
            if (row->get & R)
            {
                check_dword( early, row->option, row->initial );                                         /* TI-8 */
                check_dword( late, row->option, row->value );                                            /* RD-8, TI-8 */
            }
        }
        if (row->set & R) set_value( row, early, row->value );
        if (row->get & row->set & R) check_dword( early, row->option, row->value );
        if ((row->set & S) && (row->traits & FLAG)) set_value( row, session, 0 );
        if ((row->set & R) && (row->traits & FLAG)) set_value( row, early, 0 );
        if ((row->get & row->set & R) && (row->set & row->get & S) && row->option != WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT)
        {
            set_value( row, early, row->initial );
            check_dword( session, row->option, row->value );                                             /* TI-8 */
        }
        WinHttpCloseHandle( late );
        WinHttpCloseHandle( early );
        WinHttpCloseHandle( connect );
        WinHttpCloseHandle( session );
        winetest_pop_context();
    }
}

static void test_values_out_of_range(void)
{
    static const struct { DWORD option, value; BOOL request, newer; } values[] =
    {
        { WINHTTP_OPTION_SECURITY_FLAGS, SECURITY_FLAG_SECURE, TRUE, FALSE },                            /* TL-6 */
        { WINHTTP_OPTION_SECURITY_FLAGS, SECURITY_FLAG_STRENGTH_STRONG, TRUE, FALSE },                   /* TL-6 */
        { WINHTTP_OPTION_SECURE_PROTOCOLS, 0x40000000, FALSE, FALSE },
        { WINHTTP_OPTION_ENABLE_FEATURE, 0, TRUE, FALSE },
        { WINHTTP_OPTION_ENABLE_FEATURE, STALE, FALSE, FALSE },
        { WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_LAST + 1, TRUE, FALSE },
        { WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_LAST + 1, FALSE, FALSE },
        { WINHTTP_OPTION_AUTOLOGON_POLICY, 4, TRUE, FALSE },
        { WINHTTP_OPTION_DECOMPRESSION, 4, TRUE, FALSE },
        { WINHTTP_OPTION_DECOMPRESSION, 4, FALSE, FALSE },
        { WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, 4, FALSE, FALSE },
        { WINHTTP_OPTION_HTTP2_KEEPALIVE, 4999, FALSE, TRUE },
        { 135, 4999, FALSE, TRUE },
    };
    struct client client;
    unsigned int i;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( values ); i++)
    {
        winetest_push_context( "option %lu, value %#lx", values[i].option, values[i].value );
        SetLastError( STALE );
        ret = WinHttpSetOption( values[i].request ? client.request : client.session, values[i].option,
                                (void *)&values[i].value, sizeof(values[i].value) );
        ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER ||
                     broken( values[i].newer && GetLastError() != STALE )), "got %d, error %lu\n", ret, GetLastError() );
        winetest_pop_context();
    }
done:
    client_close( &client );
}

/* Undocumented ones, and those of dead features: a choice, they are as unknown as to a Windows that is older. */
static void test_unsupported_options(void)
{
    struct client client;
    unsigned int i;
    DWORD len;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( rows ); i++)
    {
        DWORD value[64] = { 0 };

        if (!(rows[i].traits & MAYBE)) continue;
        winetest_push_context( "%s (%lu)", rows[i].name, rows[i].option );
        SetLastError( STALE );
        ret = WinHttpSetOption( client.request, rows[i].option, value, sizeof(DWORD) );
        ok( (!ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION) || broken( GetLastError() != STALE ),
            "set: got %d, error %lu\n", ret, GetLastError() );
        len = sizeof(value);
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, rows[i].option, value, &len );
        ok( (!ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION) || broken( GetLastError() != STALE ),
            "query: got %d, error %lu\n", ret, GetLastError() );
        winetest_pop_context();
    }
done:
    client_close( &client );
}

START_TEST(option_table)
{
    ok( count_of( rows ) == NUMBER_OF_OPTIONS, "%u options\n", (unsigned int)count_of( rows ) );
    test_handles_and_sizes();
    test_facts_need_a_state();
    test_initial_values();
    test_values_and_inheritance();
    test_values_out_of_range();
    test_unsupported_options();
}
