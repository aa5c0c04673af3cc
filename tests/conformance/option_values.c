/*
 * Options that do something: what they do, and when
 *
 * Source: options.md section 3. Timeouts: timeout.c; redirects, cookies and headers: their own tests.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

#define CONNECTION_IDLE_TIMEOUT 135    /* in no public header */

/* ---- the process ---- */

static void test_http_version(void)
{
    static const HTTP_VERSION_INFO old = { 1, 0 }, new = { 1, 1 }, bad = { 3, 7 };
    HTTP_VERSION_INFO info = { 7, 7 };
    DWORD len = sizeof(info);
    BOOL ret;

    ret = WinHttpQueryOption( NULL, WINHTTP_OPTION_HTTP_VERSION, &info, &len );
    ok( ret && info.dwMajorVersion == 1 && info.dwMinorVersion == 1, "got %d, %lu.%lu\n", ret, info.dwMajorVersion,
        info.dwMinorVersion );
    check_set( NULL, WINHTTP_OPTION_HTTP_VERSION, &old, sizeof(old), 0 );
    ret = WinHttpQueryOption( NULL, WINHTTP_OPTION_HTTP_VERSION, &info, &len );
    ok( ret && info.dwMajorVersion == 1 && !info.dwMinorVersion, "got %d, %lu.%lu\n", ret, info.dwMajorVersion,
        info.dwMinorVersion );
    ok( !WinHttpSetOption( NULL, WINHTTP_OPTION_HTTP_VERSION, (void *)&bad, sizeof(bad) ), "HTTP/3.7 was taken\n" );
    check_set( NULL, WINHTTP_OPTION_HTTP_VERSION, &new, sizeof(new), 0 );
}

static void test_tracing(void)
{
    BOOL value = 7;
    DWORD len = sizeof(value);
    BOOL ret;

    ret = WinHttpQueryOption( NULL, WINHTTP_OPTION_ENABLETRACING, &value, &len );
    ok( ret && !value, "got %d, %d, error %lu\n", ret, value, GetLastError() );
    value = FALSE;
    check_set( NULL, WINHTTP_OPTION_ENABLETRACING, &value, sizeof(value), 0 );
}

static void test_worker_threads_are_set_once(void)
{
    DWORD count = 2;
    BOOL ret;

    /* no asynchronous handle was used in this program yet */
    check_set( NULL, WINHTTP_OPTION_WORKER_THREAD_COUNT, &count, sizeof(count), 0 );
    count = 4;
    SetLastError( STALE );
    ret = WinHttpSetOption( NULL, WINHTTP_OPTION_WORKER_THREAD_COUNT, &count, sizeof(count) );
    /* once, by documentation; the code is a choice */
    ok( (!ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE) || broken( GetLastError() != STALE ),
        "got %d, error %lu\n", ret, GetLastError() );
}

/* The credentials of the process are for machines whose administrator allows it; the default does not. */
static void check_shared_credentials( DWORD error )
{
    WINHTTP_CREDS_EX creds = { (char *)"user", (char *)"password", (char *)"realm", WINHTTP_AUTH_SCHEME_BASIC,
                               (char *)"host.invalid", 80, (char *)"http://host.invalid/" };
    HINTERNET session;
    BOOL use = TRUE;

    check_set( NULL, WINHTTP_OPTION_GLOBAL_SERVER_CREDS, &creds, sizeof(creds), error );
    check_set( NULL, WINHTTP_OPTION_GLOBAL_PROXY_CREDS, &creds, sizeof(creds), error );
    creds.lpszRealm = creds.lpszUrl = NULL;    /* again, and with less */
    check_set( NULL, WINHTTP_OPTION_GLOBAL_SERVER_CREDS, &creds, sizeof(creds), error );
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    check_set( session, WINHTTP_OPTION_USE_GLOBAL_SERVER_CREDENTIALS, &use, sizeof(use), error );
    check_set( session, WINHTTP_OPTION_GLOBAL_SERVER_CREDS, &creds, sizeof(creds), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    WinHttpCloseHandle( session );
}

static void test_shared_credentials_need_permission(void)
{
    static const WCHAR key[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings";
    static const WCHAR name[] = L"ShareCredsWithWinHttp";
    DWORD allow = 1, len = sizeof(allow);
    HKEY hkey;

    if (RegOpenKeyExW( HKEY_LOCAL_MACHINE, key, 0, KEY_READ | KEY_WRITE, &hkey ))
    {
        skip( "the machine's settings cannot be changed\n" );
        return;
    }
    if (!RegQueryValueExW( hkey, name, NULL, NULL, (BYTE *)&allow, &len ))
        skip( "the machine has a setting of its own\n" );
    else
    {
        check_shared_credentials( ERROR_WINHTTP_INVALID_OPTION );
        allow = 1;
        RegSetValueExW( hkey, name, 0, REG_DWORD, (const BYTE *)&allow, sizeof(allow) );
        check_shared_credentials( 0 );
        RegDeleteValueW( hkey, name );
    }
    RegCloseKey( hkey );
}

/* How to ask is not published. A choice: the number goes in, TRUE comes out; what is not there fails. */
static void test_features(void)
{
    static const struct { DWORD id; BOOL there; } features[] =
    {
        { WINHTTP_FEATURE_READ_DATA_EX, TRUE },
        { WINHTTP_FEATURE_REQUEST_TIMES, TRUE },
        { WINHTTP_FEATURE_IS_FEATURE_SUPPORTED, TRUE },
        { WINHTTP_FEATURE_DISABLE_SECURE_PROTOCOL_FALLBACK, TRUE },
        { WINHTTP_FEATURE_TLS_FALSE_START, TRUE },
        { WINHTTP_FEATURE_IGNORE_CERT_REVOCATION_OFFLINE, TRUE },
        { WINHTTP_FEATURE_DISABLE_CERT_CHAIN_BUILDING, TRUE },
        { WINHTTP_FEATURE_DISABLE_PROXY_AUTH_SCHEMES, TRUE },
        { WINHTTP_FEATURE_GET_PROXY_SETTINGS_EX, TRUE },
        { WINHTTP_FEATURE_DISABLE_AIA_FLAG, TRUE },
        { WINHTTP_FEATURE_SET_TOKEN_BINDING, FALSE },
        { 0, FALSE },
        { 0xffff, FALSE },
    };
    unsigned int i;
    DWORD value, len;
    BOOL ret;

    for (i = 0; i < count_of( features ); i++)
    {
        value = features[i].id;
        len = sizeof(value);
        SetLastError( STALE );
        ret = WinHttpQueryOption( NULL, WINHTTP_OPTION_FEATURE_SUPPORTED, &value, &len );
        if (features[i].there)
            ok( (ret && value == TRUE && !GetLastError()) || broken( GetLastError() != STALE ),
                "feature %lu: got %d, %lu, error %lu\n", features[i].id, ret, value, GetLastError() );
        else
            ok( (!ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION) || broken( GetLastError() != STALE ),
                "feature %lu: got %d, %lu, error %lu\n", features[i].id, ret, value, GetLastError() );
    }
}

static void test_extended_error(void)
{
    struct client client;
    DWORD code = 0, len = sizeof(code), err;
    BOOL ret;

    if (!client_open( &client, server_closed_port(), 0, NULL, NULL )) goto done;
    err = client_try( &client );
    ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got %lu\n", err );                                          /* S-2 */
    ret = WinHttpQueryOption( NULL, WINHTTP_OPTION_EXTENDED_ERROR, &code, &len );
    /* either: the code of Winsock, as the text has it, or what it was mapped to, as the table has it */
    ok( ret && (code == WSAECONNREFUSED || code == ERROR_WINHTTP_CANNOT_CONNECT || broken( ret )),
        "got %d, code %lu, error %lu\n", ret, code, GetLastError() );
    code = 0;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_EXTENDED_ERROR, &code, &len );
    ok( ret && (code == WSAECONNREFUSED || code == ERROR_WINHTTP_CANNOT_CONNECT || broken( ret )),
        "got %d, code %lu, error %lu\n", ret, code, GetLastError() );
done:
    client_close( &client );
}

/* ---- sessions ---- */

static void test_secure_defaults_forbid_old_protocols(void)
{
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_SECURE_DEFAULTS );

    if (!session)
    {
        win_skip( "no WINHTTP_FLAG_SECURE_DEFAULTS: %lu\n", GetLastError() );
        return;
    }
    set_dword( session, WINHTTP_OPTION_SECURE_PROTOCOLS, WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1, ERROR_ACCESS_DENIED );
    set_dword( session, WINHTTP_OPTION_SECURE_PROTOCOLS, WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2, 0 );
    WinHttpCloseHandle( session );
}

static void test_no_connections_are_two(void)
{
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    set_dword( client.session, WINHTTP_OPTION_MAX_CONNS_PER_SERVER, 0, 0 );
    check_dword( client.session, WINHTTP_OPTION_MAX_CONNS_PER_SERVER, 2 );    /* by documentation */
done:
    client_close( &client );
}

/* Two options must be set before the session has a connect. */
static void test_before_children(void)
{
    struct { DWORD retries, conditions; } retries = { 3, 7 };
    HINTERNET session, connect;
    DWORD idle = 10000;
    BOOL ret;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    SetLastError( STALE );
    ret = WinHttpSetOption( session, CONNECTION_IDLE_TIMEOUT, &idle, sizeof(idle) );
    if (!ret && broken( GetLastError() != STALE ))
    {
        win_skip( "no idle timeout: %lu\n", GetLastError() );
        WinHttpCloseHandle( session );
        return;
    }
    ok( ret, "failed with %lu\n", GetLastError() );
    check_set( session, WINHTTP_OPTION_FAILED_CONNECTION_RETRIES, &retries, sizeof(retries), 0 );
    retries.conditions = 8;
    ok( !WinHttpSetOption( session, WINHTTP_OPTION_FAILED_CONNECTION_RETRIES, &retries, sizeof(retries) ),
        "an unknown condition was taken\n" );
    retries.conditions = 1;

    connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
    /* the codes are not documented */
    ok( !WinHttpSetOption( session, CONNECTION_IDLE_TIMEOUT, &idle, sizeof(idle) ), "set with a connect open\n" );
    ok( !WinHttpSetOption( session, WINHTTP_OPTION_FAILED_CONNECTION_RETRIES, &retries, sizeof(retries) ),
        "set with a connect open\n" );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

static void test_structures_of_sessions(void)
{
    WINHTTP_RESOLVER_CACHE_CONFIG resolver = { 10, 5, 1, 0, 600000000, WINHTTP_RESOLVER_CACHE_CONFIG_FLAG_BYPASS_CACHE };
    WINHTTP_HTTP2_RECEIVE_WINDOW window = { 1048576, 65536 };
    struct { ULONG onoff, time, interval; } keepalive = { 1, 30000, 1000 };
    GUID guid = { 1, 2, 3, { 4 } };
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    SetLastError( STALE );
    ret = WinHttpSetOption( client.session, WINHTTP_OPTION_TCP_KEEPALIVE, &keepalive, sizeof(keepalive) );
    if (!ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION ))
    {
        win_skip( "this Windows is older\n" );
        goto done;
    }
    ok( ret && !GetLastError(), "keepalive: got %d, error %lu\n", ret, GetLastError() );
    ok( !WinHttpSetOption( client.session, WINHTTP_OPTION_TCP_KEEPALIVE, &keepalive, sizeof(keepalive) - 4 ),
        "a short structure was taken\n" );
    ret = WinHttpSetOption( client.session, WINHTTP_OPTION_RESOLVER_CACHE_CONFIG, &resolver, sizeof(resolver) );
    ok( ret || broken( !ret ), "resolver: error %lu\n", GetLastError() );
    resolver.ullFlags = 0x100000000;
    ok( !WinHttpSetOption( client.session, WINHTTP_OPTION_RESOLVER_CACHE_CONFIG, &resolver, sizeof(resolver) ) ||
        broken( TRUE ), "an unknown flag was taken\n" );
    ret = WinHttpSetOption( client.session, WINHTTP_OPTION_HTTP2_RECEIVE_WINDOW, &window, sizeof(window) );
    ok( ret || broken( !ret ), "window: error %lu\n", GetLastError() );
    ret = WinHttpSetOption( client.session, WINHTTP_OPTION_SESSION_ERROR_LOG_GUID, &guid, sizeof(guid) );
    ok( ret || broken( !ret ), "session log: error %lu\n", GetLastError() );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_ERROR_LOG_GUID, &guid, sizeof(guid) );
    ok( ret || broken( !ret ), "request log: error %lu\n", GetLastError() );
done:
    client_close( &client );
}

/* ---- requests ---- */

static void test_security_flags(void)
{
    static const DWORD good[] = { 0, 0x200, 0x100 | 0x1000 | 0x2000, SECURITY_FLAG_IGNORE_ALL_CERT_ERRORS, 0x100, 0 };
    static const DWORD bad[] = { SECURITY_FLAG_SECURE, SECURITY_FLAG_STRENGTH_STRONG, SECURITY_FLAG_STRENGTH_WEAK };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 443, 0, NULL, NULL )) goto done;
    WinHttpCloseHandle( client.request );
    client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    check_dword( client.request, WINHTTP_OPTION_SECURITY_FLAGS, 0 );                                      /* TL-4, O-21 */
    for (i = 0; i < count_of( good ); i++)
    {
        set_dword( client.request, WINHTTP_OPTION_SECURITY_FLAGS, good[i], 0 );                           /* TL-5 */
        check_dword( client.request, WINHTTP_OPTION_SECURITY_FLAGS, good[i] );                            /* TL-7 */
    }
    for (i = 0; i < count_of( bad ); i++)
    {
        SetLastError( STALE );
        ok( !WinHttpSetOption( client.request, WINHTTP_OPTION_SECURITY_FLAGS, (void *)&bad[i], sizeof(DWORD) ) &&
            GetLastError() != STALE, "%#lx was taken\n", bad[i] );                                        /* TL-6 */
    }
done:
    client_close( &client );
}

/* Some certificate: any will do, since none is shown to anybody. NULL if the machine trusts nobody. */
static const CERT_CONTEXT *some_certificate( HMODULE crypt32 )
{
    HCERTSTORE (WINAPI *open_store)( HCRYPTPROV, const WCHAR * ) = (void *)GetProcAddress( crypt32, "CertOpenSystemStoreW" );
    BOOL (WINAPI *close_store)( HCERTSTORE, DWORD ) = (void *)GetProcAddress( crypt32, "CertCloseStore" );
    const CERT_CONTEXT *(WINAPI *enumerate)( HCERTSTORE, const CERT_CONTEXT * ) =
        (void *)GetProcAddress( crypt32, "CertEnumCertificatesInStore" );
    const CERT_CONTEXT *cert;
    HCERTSTORE store;

    if (!open_store || !close_store || !enumerate || !(store = open_store( 0, L"ROOT" ))) return NULL;
    cert = enumerate( store, NULL );
    close_store( store, 0 );
    return cert;
}

static void test_client_certificate_is_duplicated(void)
{
    HMODULE crypt32 = LoadLibraryA( "crypt32.dll" );
    BOOL (WINAPI *free_cert)( const CERT_CONTEXT * ) = (void *)GetProcAddress( crypt32, "CertFreeCertificateContext" );
    const CERT_CONTEXT *cert = some_certificate( crypt32 );
    struct client client;

    if (!cert)
    {
        skip( "no certificate on this machine\n" );
        return;
    }
    if (!client_open( &client, 443, 0, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, cert, sizeof(*cert),
               ERROR_WINHTTP_INCORRECT_HANDLE_STATE );                                                    /* TL-3 */
    WinHttpCloseHandle( client.request );
    client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, cert, sizeof(*cert), 0 );              /* TL-18, O-22 */
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, cert, sizeof(*cert), 0 );
    ok( free_cert( cert ), "freeing failed with %lu\n", GetLastError() );
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, NULL, 0, 0 );
done:
    client_close( &client );
}

static void test_client_certificate(void)
{
    static const BYTE no_certificate[1] = { 0 };
    struct client client;

    if (!client_open( &client, 443, 0, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, NULL, 0, ERROR_WINHTTP_INCORRECT_HANDLE_STATE );    /* TL-3, O-22 */
    check_query_error( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, ERROR_INVALID_PARAMETER );     /* O-8 */
    WinHttpCloseHandle( client.request );
    client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    check_set( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, NULL, 0, 0 );                          /* TL-3, O-22 */
    ok( !WinHttpSetOption( client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, (void *)no_certificate, 1 ),
        "one byte was taken for a certificate\n" );
done:
    client_close( &client );
}

static void test_web_socket_options(void)
{
    static const DWORD buffers[] = { WINHTTP_OPTION_WEB_SOCKET_RECEIVE_BUFFER_SIZE,
                                     WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0, 0 );                        /* WS-1, O-29 */
    for (i = 0; i < count_of( buffers ); i++)
    {
        check_dword( client.session, buffers[i], 32768 );                                                 /* WS-20 */
        set_dword( client.session, buffers[i], 65535, 0 );
        WinHttpCloseHandle( client.request );
        if (!client_reopen( &client, NULL, NULL )) goto done;
        check_dword( client.request, buffers[i], 65535 );
        set_dword( client.request, buffers[i], 1048576, 0 );
        check_dword( client.request, buffers[i], 1048576 );
        check_dword( client.session, buffers[i], 65535 );
        set_dword( client.request, buffers[i], 15, 0 );                                                   /* WS-23 */
        check_query_error( client.connect, buffers[i], ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );             /* WS-22 */
    }
    check_query_error( client.session, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, ERROR_INVALID_PARAMETER );    /* WS-21 */
    check_query_error( client.request, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, ERROR_INVALID_PARAMETER );
    set_dword( client.request, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, 20000,
               ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                                                     /* WS-21 */
done:
    client_close( &client );
}

static void test_decompression_is_set_only(void)
{
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    set_dword( client.session, WINHTTP_OPTION_DECOMPRESSION, WINHTTP_DECOMPRESSION_FLAG_ALL, 0 );         /* O-15 */
    set_dword( client.request, WINHTTP_OPTION_DECOMPRESSION, WINHTTP_DECOMPRESSION_FLAG_ALL, 0 );         /* O-15 */
    check_query_error( client.session, WINHTTP_OPTION_DECOMPRESSION, ERROR_INVALID_PARAMETER );           /* O-8 */
    check_query_error( client.request, WINHTTP_OPTION_DECOMPRESSION, ERROR_INVALID_PARAMETER );
done:
    client_close( &client );
}

/* Only the name that is looked up changes, not the one that is sent. */
static void test_resolution_host_name(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    static const WCHAR loopback[] = L"127.0.0.1";
    struct server *server = server_start( script );
    struct client client;
    char expected[64];
    DWORD err;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    WinHttpCloseHandle( client.request );
    WinHttpCloseHandle( client.connect );
    client.request = NULL;
    client.connect = WinHttpConnect( client.session, L"no-such-host.invalid", server_port( server ), 0 );
    if (!client_reopen( &client, NULL, NULL )) goto done;
    SetLastError( STALE );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, (void *)loopback, sizeof(loopback) );
    if (!ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION ))
    {
        win_skip( "this Windows is older\n" );
        server_abort( server );
        client_close( &client );
        return;
    }
    ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    err = client_try( &client );
    ok( !err, "the request failed with %lu\n", err );
    sprintf( expected, "Host: no-such-host.invalid:%u\r\n", server_port( server ) );
    if (!err) ok( strstr( server_request( server, 0 ), expected ) != NULL, "got %s\n", server_request( server, 0 ) );
done:
    client_close( &client );
    server_stop( server );
}

static void test_annotation(void)
{
    static const WCHAR text[] = L"what this request is for";
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    /* a choice: the structure is not published */
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_REQUEST_ANNOTATION, (void *)text, sizeof(text) );
    if (!ret && broken( TRUE )) goto done;
    ok( ret, "failed with %lu\n", GetLastError() );
    check_string( client.request, WINHTTP_OPTION_REQUEST_ANNOTATION, text );
done:
    client_close( &client );
}

/* The receive timeout counts for the reads that come after it was changed; other options at the next send. */
static void test_receive_timeout_between_head_and_body(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" ), GONE, END };
    struct server *server = server_start( script );
    struct client client;
    char buffer[16];
    ULONGLONG start;
    DWORD err;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    if (!client_get( &client )) goto done;
    set_dword( client.request, WINHTTP_OPTION_RECEIVE_TIMEOUT, 200, 0 );
    start = GetTickCount64();
    client_read( client.request, buffer, sizeof(buffer), &err );
    ok( err == ERROR_WINHTTP_TIMEOUT, "got %lu\n", err );
    ok( milliseconds_since( start ) < WAIT_MS, "the old timeout counted\n" );
done:
    client_close( &client );
    server_stop( server );
}

/* Protocols that cannot be had, when no other may be used: nothing is sent. */
static void test_required_protocol(void)
{
    static const struct step script[] = { UNHURRIED, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;
    BOOL ret, on = TRUE;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    set_dword( client.request, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, WINHTTP_PROTOCOL_FLAG_HTTP2, 0 );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, &on, sizeof(on) );
    ok( ret, "failed with %lu\n", GetLastError() );
    err = client_try( &client );    /* without TLS there is no HTTP/2 */
    ok( err == ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH || broken( err != 0 ), "got %lu\n", err );
    ok( !server_request_count( server ), "a request was sent\n" );
done:
    client_close( &client );
    server_abort( server );
}

/* ---- the connection ---- */

static const GUID tag = { 0x6f1d2a3b, 0x4c5d, 0x4e6f, { 0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7 } };

static BOOL is_newer_option( BOOL ret )
{
    return !ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION );
}

static void test_connection_guid(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    WINHTTP_MATCH_CONNECTION_GUID match = { tag, WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION };
    struct client client;
    GUID got = { 0 };
    DWORD len, err;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    SetLastError( STALE );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_CONNECTION_GUID, (void *)&tag, sizeof(tag) );
    if (is_newer_option( ret ))
    {
        win_skip( "this Windows is older\n" );
        client_close( &client );
        server_abort( server );
        return;
    }
    ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    len = sizeof(got);
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_GUID, &got, &len );
    ok( ret && len == sizeof(got) && !memcmp( &got, &tag, sizeof(tag) ), "got %d, error %lu\n", ret, GetLastError() );
    ok( WinHttpReceiveResponse( client.request, NULL ), "WinHttpReceiveResponse failed with %lu\n", GetLastError() );

    /* the script has one connection: another one ends it */
    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_MATCH_CONNECTION_GUID, &match, sizeof(match), 0 );
    err = client_try( &client );
    ok( !err, "the request on the marked connection failed with %lu\n", err );
    memset( &got, 0, sizeof(got) );
    len = sizeof(got);
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_GUID, &got, &len );
    ok( (ret && !memcmp( &got, &tag, sizeof(tag) )) || broken( !ret ), "got %d, error %lu\n", ret, GetLastError() );

    match.ullFlags = 2;
    ok( !WinHttpSetOption( client.request, WINHTTP_OPTION_MATCH_CONNECTION_GUID, &match, sizeof(match) ) ||
        broken( TRUE ), "an unknown flag was taken\n" );
done:
    client_close( &client );
    server_stop( server );
}

/* A choice: a tag that is set before the send is for the connection the request gets. */
static void test_connection_guid_before_send(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;
    GUID got = { 0 };
    DWORD len;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_CONNECTION_GUID, (void *)&tag, sizeof(tag) );
    ok( ret || broken( !ret ), "failed with %lu\n", GetLastError() );
    ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "WinHttpSendRequest failed with %lu\n", GetLastError() );
    len = sizeof(got);
    if (ret)
    {
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_GUID, &got, &len );
        ok( (ret && !memcmp( &got, &tag, sizeof(tag) )) || broken( !ret ), "got %d, error %lu\n", ret, GetLastError() );
    }
    WinHttpReceiveResponse( client.request, NULL );
done:
    client_close( &client );
    server_stop( server );
}

static void test_expire_connection(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" ), AWAIT_EOF,
        ACCEPT, HEAD, SEND( OK_EMPTY ), END
    };
    struct server *server = server_start( script );
    struct client client;
    DWORD value = 1;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    SetLastError( STALE );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_EXPIRE_CONNECTION, NULL, 0 );
    ok( (!ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE) || broken( GetLastError() != STALE ),
        "before the send: got %d, error %lu\n", ret, GetLastError() );
    if (!client_get( &client )) goto done;
    ok( !WinHttpSetOption( client.request, WINHTTP_OPTION_EXPIRE_CONNECTION, &value, sizeof(value) ) || broken( TRUE ),
        "a value was taken\n" );
    check_set( client.request, WINHTTP_OPTION_EXPIRE_CONNECTION, NULL, 0, 0 );
    client_check_body( client.request, "abc" );
    client_check_get( &client, "" );    /* over another connection: the script demands it */
done:
    client_close( &client );
    server_stop( server );
}

static void test_connection_statistics(void)
{
    static const struct { DWORD option, size; } versions[] =
        { { WINHTTP_OPTION_CONNECTION_STATS_V0, 88 }, { WINHTTP_OPTION_CONNECTION_STATS_V1, 136 } };
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" ), END };
    struct server *server = server_start( script );
    struct client client;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    if (!client_get( &client )) goto done;
    for (i = 0; i < count_of( versions ); i++)
    {
        ULONGLONG info[32];
        DWORD len = sizeof(info), state, mss;

        memset( info, 0x55, sizeof(info) );
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, versions[i].option, info, &len );
        if (is_newer_option( ret )) continue;
        ok( ret && !GetLastError() && len == versions[i].size, "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
        if (!ret) continue;
        memcpy( &state, info, sizeof(state) );
        memcpy( &mss, (char *)info + 4, sizeof(mss) );
        ok( state >= 3 && state <= 10, "state %lu\n", state );    /* established, or being closed */
        ok( mss > 0 && mss < 0x100000, "mss %lu\n", mss );
        ok( info[6] >= 60 && info[6] < 10000, "%lu bytes out\n", (DWORD)info[6] );
        ok( info[7] >= 43 && info[7] < 10000, "%lu bytes in\n", (DWORD)info[7] );
    }
    client_check_body( client.request, "hello" );
done:
    client_close( &client );
    server_stop( server );
}

static void test_request_times(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    WINHTTP_REQUEST_TIMES times;
    LARGE_INTEGER before, after;
    struct client client;
    DWORD len = sizeof(times);
    unsigned int i;
    BOOL ret;

    if (!server) return;
    QueryPerformanceCounter( &before );
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    if (!client_get( &client )) goto done;
    QueryPerformanceCounter( &after );
    memset( &times, 0x55, sizeof(times) );
    times.cTimes = WinHttpRequestTimeLast;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REQUEST_TIMES, &times, &len );
    ok( ret && len == sizeof(times), "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
    if (!ret) goto done;
    ok( times.cTimes == WinHttpRequestTimeLast, "%lu entries\n", times.cTimes );
    ok( times.rgullTimes[WinHttpSendRequestStart] != 0, "no start of the request\n" );
    ok( times.rgullTimes[WinHttpConnectionEstablishmentStart] <= times.rgullTimes[WinHttpConnectionEstablishmentEnd],
        "connected before it connects\n" );
    ok( times.rgullTimes[WinHttpConnectionAcquireStart] <= times.rgullTimes[WinHttpConnectionAcquireEnd],
        "acquired before it acquires\n" );
    ok( times.rgullTimes[WinHttpSendRequestStart] <= times.rgullTimes[WinHttpSendRequestEnd], "sent before it sends\n" );
    ok( times.rgullTimes[WinHttpSendRequestEnd] <= times.rgullTimes[WinHttpReceiveResponseHeadersEnd],
        "received before it is sent\n" );
    ok( !times.rgullTimes[WinHttpTlsHandshakeClientLeg1Start] && !times.rgullTimes[WinHttpProxyDetectionStart],
        "there was neither TLS nor a proxy\n" );
    for (i = 0; i < WinHttpRequestTimeLast; i++)
        /* the unit is not documented: a choice, the performance counter */
        ok( !times.rgullTimes[i] || (times.rgullTimes[i] >= (ULONGLONG)before.QuadPart &&
                                     times.rgullTimes[i] <= (ULONGLONG)after.QuadPart) || broken( TRUE ),
            "time %u is not of this test\n", i );

    /* no more than was asked for */
    memset( &times, 0x55, sizeof(times) );
    times.cTimes = 3;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REQUEST_TIMES, &times, &len );
    ok( ret && times.cTimes == 3, "got %d, %lu entries\n", ret, times.cTimes );
    ok( times.rgullTimes[WinHttpConnectionAcquireStart] != 0, "the third entry is missing\n" );
done:
    client_close( &client );
    server_stop( server );
}

static void test_request_statistics(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" ), HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    WINHTTP_REQUEST_STATS stats;
    struct client client;
    DWORD len = sizeof(stats);
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    for (i = 0; i < 2; i++)
    {
        if (i) client_check_get( &client, "" );
        else if (client_get( &client )) client_check_body( client.request, "hello" );
        memset( &stats, 0, sizeof(stats) );
        stats.cStats = WinHttpRequestStatLast;
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REQUEST_STATS, &stats, &len );
        ok( ret && len == sizeof(stats), "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
        if (!ret) continue;
        ok( stats.cStats == WinHttpRequestStatLast, "%lu entries\n", stats.cStats );
        ok( stats.ulIndex == i, "request %u has index %lu\n", i, stats.ulIndex );
        ok( !(stats.ullFlags & WINHTTP_REQUEST_STAT_FLAG_FIRST_REQUEST) == !!i, "request %u: flags %#lx\n", i,
            (DWORD)stats.ullFlags );
        ok( stats.rgullStats[WinHttpRequestHeadersSize] >= strlen( server_request( server, i ) ) ||
            broken( TRUE ), "%lu bytes of headers\n", (DWORD)stats.rgullStats[WinHttpRequestHeadersSize] );
        ok( stats.rgullStats[WinHttpResponseBodySize] == (i ? 0 : 5), "%lu bytes of body\n",
            (DWORD)stats.rgullStats[WinHttpResponseBodySize] );
        ok( !stats.rgullStats[WinHttpConnectFailureCount], "connections failed\n" );
    }
done:
    client_close( &client );
    server_stop( server );
}

START_TEST(option_values)
{
    test_worker_threads_are_set_once();    /* first: see there */
    test_http_version();
    test_tracing();
    test_shared_credentials_need_permission();
    test_features();
    test_extended_error();
    test_secure_defaults_forbid_old_protocols();
    test_no_connections_are_two();
    test_before_children();
    test_structures_of_sessions();
    test_security_flags();
    test_client_certificate();
    test_client_certificate_is_duplicated();
    test_web_socket_options();
    test_decompression_is_set_only();
    test_resolution_host_name();
    test_annotation();
    test_receive_timeout_between_head_and_body();
    test_required_protocol();
    test_connection_guid();
    test_connection_guid_before_send();
    test_expire_connection();
    test_connection_statistics();
    test_request_times();
    test_request_statistics();
}
