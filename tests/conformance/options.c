/*
 * WinHttpQueryOption, WinHttpSetOption
 *
 * The general protocol and the options with rules of their own: windows-behaviour.md section 3 (O-1 to O-49), H-16, RD-1.
 * All options one by one: option_table.c; what they do: option_values.c, option_proxy.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"

/* ---- checks that the option tests share, options.h ---- */

void check_set_( const char *file, int line, HINTERNET handle, DWORD option, const void *value, DWORD len, DWORD error )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetOption( handle, option, (void *)value, len );
    ok_( file, line )( ret == !error && GetLastError() == error, "set %lu: got %d, error %lu, expected %lu\n",
                       option, ret, GetLastError(), error );
}

void set_dword_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value, DWORD error )
{
    check_set_( file, line, handle, option, &value, sizeof(value), error );
}

void check_dword_( const char *file, int line, HINTERNET handle, DWORD option, DWORD expected )
{
    DWORD value = STALE, len = sizeof(value);
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryOption( handle, option, &value, &len );
    ok_( file, line )( ret && !GetLastError(), "query %lu: got %d, error %lu\n", option, ret, GetLastError() );
    ok_( file, line )( len == sizeof(value), "query %lu: length %lu\n", option, len );
    ok_( file, line )( value == expected, "query %lu: value %#lx\n", option, value );
}

void check_query_error_( const char *file, int line, HINTERNET handle, DWORD option, DWORD error )
{
    char buffer[1024];
    DWORD len = sizeof(buffer);
    BOOL ret;

    memset( buffer, 0x55, sizeof(buffer) );
    SetLastError( STALE );
    ret = WinHttpQueryOption( handle, option, buffer, &len );
    ok_( file, line )( !ret && GetLastError() == error, "query %lu: got %d, error %lu\n", option, ret, GetLastError() );
    ok_( file, line )( buffer[0] == 0x55, "query %lu: the buffer was touched\n", option );
}

void check_string_( const char *file, int line, HINTERNET request, DWORD option, const WCHAR *expected )
{
    DWORD len, chars = (DWORD)lstrlenW( expected );
    WCHAR buffer[256];
    BOOL ret;

    len = 0;
    SetLastError( STALE );
    ret = WinHttpQueryOption( request, option, NULL, &len );                                              /* O-46 */
    ok_( file, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 2 * (chars + 1),
                           "NULL buffer: %d, error %lu, length %lu\n", ret, GetLastError(), len );
    memset( buffer, 0x55, sizeof(buffer) );
    len = 2 * chars;
    SetLastError( STALE );
    ret = WinHttpQueryOption( request, option, buffer, &len );                                            /* O-45 */
    ok_( file, line )( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 2 * (chars + 1),
                           "no terminator: %d, error %lu, length %lu\n", ret, GetLastError(), len );
    ok_( file, line )( buffer[0] == 0x5555, "the buffer was touched\n" );
    len = 2 * (chars + 1);
    ret = WinHttpQueryOption( request, option, buffer, &len );                                            /* O-44 */
    ok_( file, line )( ret && len == 2 * chars && !lstrcmpW( buffer, expected ), "got %d, length %lu\n", ret, len );
    len = sizeof(buffer);
    SetLastError( STALE );
    ret = WinHttpQueryOption( request, option, buffer, &len );                                            /* O-43 */
    ok_( file, line )( ret && !GetLastError() && len == 2 * chars && !lstrcmpW( buffer, expected ),
                           "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
}

static void test_query_protocol(void)
{
    struct client client;
    DWORD value[2], len;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;

    SetLastError( STALE );
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, value, NULL );              /* O-1 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );

    len = 0;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, NULL, &len );               /* O-2 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 4, "got %d, error %lu, length %lu\n", ret,
        GetLastError(), len );
    len = 0xdeadbeef;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, NULL, &len );               /* O-2 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 4, "got %d, error %lu, length %lu\n", ret,
        GetLastError(), len );

    value[0] = STALE;
    len = 3;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, value, &len );              /* O-3 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 4, "got %d, error %lu, length %lu\n", ret,
        GetLastError(), len );
    ok( value[0] == STALE, "the buffer was touched\n" );

    len = 5;
    value[1] = STALE;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, value, &len );              /* O-4 */
    ok( ret && !GetLastError() && len == 4, "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
    ok( value[0] == WINHTTP_OPTION_REDIRECT_POLICY_DEFAULT && value[1] == STALE, "value %lu\n", value[0] );  /* O-10 */
    len = 0xdeadbeef;
    ret = WinHttpQueryOption( client.session, WINHTTP_OPTION_REDIRECT_POLICY, value, &len );              /* O-4 */
    ok( ret && len == 4, "got %d, length %lu\n", ret, len );
done:
    client_close( &client );
}

static void test_set_protocol(void)
{
    static const DWORD never = WINHTTP_OPTION_REDIRECT_POLICY_NEVER;
    ULONGLONG room = never;
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_set( client.session, WINHTTP_OPTION_REDIRECT_POLICY, NULL, sizeof(DWORD), ERROR_INVALID_PARAMETER );   /* O-5 */
    check_set( client.session, WINHTTP_OPTION_REDIRECT_POLICY, &room, 3, ERROR_INSUFFICIENT_BUFFER );
    check_set( client.session, WINHTTP_OPTION_REDIRECT_POLICY, &room, 5, ERROR_INSUFFICIENT_BUFFER );
    check_dword( client.session, WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_DEFAULT );
    set_dword( client.session, WINHTTP_OPTION_REDIRECT_POLICY, never, 0 );
    check_dword( client.session, WINHTTP_OPTION_REDIRECT_POLICY, never );                                        /* O-10 */
done:
    client_close( &client );
}

static void test_unknown_options(void)
{
    /* 0 is a rule (O-6); the others are holes in the published numbers or past the end */
    static const DWORD unknown[] = { 0, 8, 10, 95, 500, 0x0fff, 0x1004, 0x7fffffff, 0xffffffff };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( unknown ); i++)
    {
        set_dword( client.session, unknown[i], 1, ERROR_WINHTTP_INVALID_OPTION );
        set_dword( client.connect, unknown[i], 1, ERROR_WINHTTP_INVALID_OPTION );
        set_dword( client.request, unknown[i], 1, ERROR_WINHTTP_INVALID_OPTION );
        check_query_error( client.session, unknown[i], ERROR_INVALID_PARAMETER );
        check_query_error( client.connect, unknown[i], ERROR_INVALID_PARAMETER );
        check_query_error( client.request, unknown[i], ERROR_INVALID_PARAMETER );
    }
done:
    client_close( &client );
}

static void test_set_only_options(void)
{
    static const DWORD options[] = { WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_OPTION_ENABLE_FEATURE };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( options ); i++)                                                            /* O-8 */
    {
        DWORD len = 0;
        BOOL ret;

        check_query_error( client.request, options[i], ERROR_INVALID_PARAMETER );
        check_query_error( client.session, options[i], ERROR_INVALID_PARAMETER );
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, options[i], NULL, &len );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    }
done:
    client_close( &client );
}

static void test_features(void)
{
    static const DWORD values[] = { 0, ~0u, WINHTTP_DISABLE_COOKIES, WINHTTP_DISABLE_REDIRECTS,
                                    WINHTTP_DISABLE_AUTHENTICATION, WINHTTP_DISABLE_KEEP_ALIVE };
    DWORD flag = WINHTTP_ENABLE_SSL_REVOCATION;
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( values ); i++)                                                             /* O-12 */
    {
        set_dword( client.request, WINHTTP_OPTION_DISABLE_FEATURE, values[i], 0 );
        set_dword( client.session, WINHTTP_OPTION_DISABLE_FEATURE, values[i], ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
        set_dword( client.connect, WINHTTP_OPTION_DISABLE_FEATURE, values[i], ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    }
    check_set( client.request, WINHTTP_OPTION_ENABLE_FEATURE, NULL, sizeof(flag), ERROR_INVALID_PARAMETER );   /* O-16 */
    check_set( client.request, WINHTTP_OPTION_ENABLE_FEATURE, &flag, 0, ERROR_INVALID_PARAMETER );
    set_dword( client.request, WINHTTP_OPTION_ENABLE_FEATURE, STALE, ERROR_INVALID_PARAMETER );
    set_dword( client.request, WINHTTP_OPTION_ENABLE_FEATURE, flag, 0 );
done:
    client_close( &client );
}

static void test_worker_thread_count_reads_zero(void)
{
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_dword( client.session, WINHTTP_OPTION_WORKER_THREAD_COUNT, 0 );                                /* O-11 */
    check_dword( client.connect, WINHTTP_OPTION_WORKER_THREAD_COUNT, 0 );
    check_dword( client.request, WINHTTP_OPTION_WORKER_THREAD_COUNT, 0 );
done:
    client_close( &client );
}

/* What programs set must read back: a game that asked for option 91 lost its online play. */
static void test_pairs_round_trip(void)
{
    static const struct { DWORD option; BOOL session, request; DWORD value; } rows[] =
    {
        { WINHTTP_OPTION_REDIRECT_POLICY, TRUE, TRUE, WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS },   /* O-10 */
        { WINHTTP_OPTION_CONNECT_RETRIES, FALSE, TRUE, 6 },                                      /* O-14 */
        { WINHTTP_OPTION_MAX_CONNS_PER_SERVER, TRUE, FALSE, 17 },
        { WINHTTP_OPTION_MAX_CONNS_PER_1_0_SERVER, TRUE, FALSE, 5 },
        { WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, TRUE, TRUE, 7 },                          /* O-27 */
        { WINHTTP_OPTION_MAX_HTTP_STATUS_CONTINUE, TRUE, TRUE, 3 },
        { WINHTTP_OPTION_MAX_RESPONSE_HEADER_SIZE, TRUE, TRUE, 131072 },
        { WINHTTP_OPTION_MAX_RESPONSE_DRAIN_SIZE, TRUE, TRUE, 4096 },
        { WINHTTP_OPTION_RESOLVE_TIMEOUT, TRUE, TRUE, 10000 },                                   /* O-17 */
        { WINHTTP_OPTION_CONNECT_TIMEOUT, TRUE, TRUE, 10001 },
        { WINHTTP_OPTION_SEND_TIMEOUT, TRUE, TRUE, 10002 },
        { WINHTTP_OPTION_RECEIVE_TIMEOUT, TRUE, TRUE, 10003 },
    };
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "option %lu", rows[i].option );
        if (rows[i].session)
        {
            set_dword( client.session, rows[i].option, rows[i].value, 0 );
            check_dword( client.session, rows[i].option, rows[i].value );
        }
        if (rows[i].request)
        {
            set_dword( client.request, rows[i].option, rows[i].value, 0 );
            check_dword( client.request, rows[i].option, rows[i].value );
        }
        winetest_pop_context();
    }
done:
    client_close( &client );
}

static void test_defaults(void)
{
    static const struct { DWORD option, value; } rows[] =
    {
        { WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_DEFAULT },
        { WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, 10 },
        { WINHTTP_OPTION_MAX_HTTP_STATUS_CONTINUE, 10 },
        { WINHTTP_OPTION_MAX_RESPONSE_HEADER_SIZE, 65536 },
        { WINHTTP_OPTION_MAX_RESPONSE_DRAIN_SIZE, 1048576 },
        { WINHTTP_OPTION_CONNECT_TIMEOUT, 60000 },
        { WINHTTP_OPTION_SEND_TIMEOUT, 30000 },
        { WINHTTP_OPTION_RECEIVE_TIMEOUT, 30000 },
    };
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++) check_dword( session, rows[i].option, rows[i].value );
    WinHttpCloseHandle( session );
}

static void test_handle_type_and_parent(void)
{
    struct client client;
    HINTERNET parent = NULL;
    DWORD len = sizeof(parent);
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_dword( client.session, WINHTTP_OPTION_HANDLE_TYPE, WINHTTP_HANDLE_TYPE_SESSION );
    check_dword( client.connect, WINHTTP_OPTION_HANDLE_TYPE, WINHTTP_HANDLE_TYPE_CONNECT );
    check_dword( client.request, WINHTTP_OPTION_HANDLE_TYPE, WINHTTP_HANDLE_TYPE_REQUEST );

    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_PARENT_HANDLE, &parent, &len );
    ok( ret && parent == client.connect && len == sizeof(parent), "got %d, %p\n", ret, parent );
    len = sizeof(parent);
    ret = WinHttpQueryOption( client.connect, WINHTTP_OPTION_PARENT_HANDLE, &parent, &len );
    ok( ret && parent == client.session, "got %d, %p\n", ret, parent );
done:
    client_close( &client );
}

static void test_wrong_handle_kind(void)
{
    DWORD protocols = WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2;
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    set_dword( client.session, WINHTTP_OPTION_SECURE_PROTOCOLS, protocols, 0 );                          /* O-20 */
    set_dword( client.connect, WINHTTP_OPTION_SECURE_PROTOCOLS, protocols,
               ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                                                    /* O-7 */
    check_query_error( client.session, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT,
                       ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                                            /* O-25 */
done:
    client_close( &client );
}

static void test_context_value(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD_PTR value = 0x1234;
    DWORD len = sizeof(value);
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_CONTEXT_VALUE, &value, sizeof(value), 0 );                 /* H-16, O-19 */
    value = 0;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );
    ok( ret && value == 0x1234 && len == sizeof(value), "got %d, %#lx\n", ret, (DWORD)value );

    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0x1235 );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    value = 0;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );
    ok( ret && value == 0x1235, "got %d, %#lx\n", ret, (DWORD)value );
    WinHttpReceiveResponse( client.request, NULL );
done:
    client_close( &client );
    server_stop( server );
}

static void test_children_inherit_the_context(void)
{
    DWORD_PTR value = 0x77;
    DWORD len = sizeof(value);
    HINTERNET session, connect;
    BOOL ret;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    check_set( session, WINHTTP_OPTION_CONTEXT_VALUE, &value, sizeof(value), 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
    value = 0;
    ret = WinHttpQueryOption( connect, WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );
    ok( ret && value == 0x77, "got %d, %#lx\n", ret, (DWORD)value );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

/* ---- strings ---- */

static void test_credential_strings(void)
{
    static const DWORD options[] = { WINHTTP_OPTION_USERNAME, WINHTTP_OPTION_PASSWORD,
                                     WINHTTP_OPTION_PROXY_USERNAME, WINHTTP_OPTION_PROXY_PASSWORD };
    static const WCHAR *const texts[] = { L"user", L"secret", L"proxyuser", L"proxysecret" };
    struct client client;
    unsigned int i;
    DWORD len;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( options ); i++)
    {
        check_string( client.request, options[i], L"" );                                                  /* O-40 */
        len = 4;
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, options[i], NULL, &len );                               /* O-41 */
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == 2, "got %d, error %lu, length %lu\n", ret,
            GetLastError(), len );
    }
    for (i = 0; i < count_of( options ); i++)                                                             /* O-42 */
        check_set( client.request, options[i], texts[i], (DWORD)lstrlenW( texts[i] ), 0 );
    for (i = 0; i < count_of( options ); i++) check_string( client.request, options[i], texts[i] );       /* O-47 */
done:
    client_close( &client );
}

static void test_set_credentials_is_not_visible(void)
{
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    ret = WinHttpSetCredentials( client.request, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_BASIC, L"user",
                                 L"secret", NULL );
    if (!ret)
    {
        /* its own rules are the business of the authentication tests */
        skip( "WinHttpSetCredentials failed with %lu\n", GetLastError() );
        goto done;
    }
    check_string( client.request, WINHTTP_OPTION_USERNAME, L"" );                                         /* O-48 */
    check_string( client.request, WINHTTP_OPTION_PASSWORD, L"" );
done:
    client_close( &client );
}

static void test_url(void)
{
    static const struct { INTERNET_PORT port; DWORD flags; const WCHAR *path, *url; } rows[] =
    {
        { 0, 0, L"/p?q", L"http://127.0.0.1/p?q" },                                                       /* RD-1, H-5 */
        { 80, 0, NULL, L"http://127.0.0.1/" },
        { 8080, 0, L"a/b", L"http://127.0.0.1:8080/a/b" },                                                /* H-8 */
        { 443, 0, L"/", L"http://127.0.0.1:443/" },
        { 0, WINHTTP_FLAG_SECURE, L"/", L"https://127.0.0.1/" },                                          /* H-5 */
        { 80, WINHTTP_FLAG_SECURE, L"/", L"https://127.0.0.1:80/" },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct client client;

        winetest_push_context( "row %u", i );
        if (client_open( &client, rows[i].port, 0, NULL, NULL ))
        {
            WinHttpCloseHandle( client.request );
            client.request = WinHttpOpenRequest( client.connect, NULL, rows[i].path, NULL, NULL, NULL, rows[i].flags );
            check_string( client.request, WINHTTP_OPTION_URL, rows[i].url );                              /* O-28, O-49 */
        }
        client_close( &client );
        winetest_pop_context();
    }
}

static void test_user_agent(void)
{
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_string( client.session, WINHTTP_OPTION_USER_AGENT, L"conformance" );
    check_set( client.session, WINHTTP_OPTION_USER_AGENT, L"other", 5, 0 );
    check_string( client.session, WINHTTP_OPTION_USER_AGENT, L"other" );
done:
    client_close( &client );
}

/* ---- information ---- */

static void test_connection_info(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    WINHTTP_CONNECTION_INFO info;
    struct client client;
    DWORD len = sizeof(info);
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    memset( &info, 0, sizeof(info) );
    info.cbSize = sizeof(info);
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_INFO, &info, &len );              /* O-30 */
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );

    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    if (!ret) goto done;
    len = 0;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_INFO, &info, &len );              /* O-31 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );

    for (i = 0; i < 2; i++)                                                                               /* O-32, O-33 */
    {
        const struct sockaddr_in *remote = (const struct sockaddr_in *)&info.RemoteAddress;
        const struct sockaddr_in *local = (const struct sockaddr_in *)&info.LocalAddress;

        memset( &info, 0, sizeof(info) );
        info.cbSize = sizeof(info);
        len = sizeof(info);
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_INFO, &info, &len );
        ok( ret && info.cbSize == sizeof(info), "got %d, error %lu, size %lu\n", ret, GetLastError(), info.cbSize );
        ok( remote->sin_family == AF_INET && ntohs( remote->sin_port ) == server_port( server ), "wrong remote port\n" );
        ok( remote->sin_addr.s_addr == htonl( INADDR_LOOPBACK ), "wrong remote address\n" );
        ok( local->sin_family == AF_INET && local->sin_port, "no local port\n" );
        if (!i) WinHttpReceiveResponse( client.request, NULL );
    }
done:
    client_close( &client );
    server_stop( server );
}

static void test_security_info_without_tls(void)
{
    DWORD info[1024 / sizeof(DWORD)], len = sizeof(info);
    struct client client;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    memset( info, 0x55, sizeof(info) );
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_SECURITY_INFO, info, &len );                 /* O-34 */
    ok( ret, "failed with %lu\n", GetLastError() );
    if (ret) ok( !info[0] && !info[2], "protocol %lu, strength %lu\n", info[0], info[2] );
done:
    client_close( &client );
}

START_TEST(options)
{
    test_query_protocol();
    test_set_protocol();
    test_unknown_options();
    test_set_only_options();
    test_features();
    test_worker_thread_count_reads_zero();
    test_pairs_round_trip();
    test_defaults();
    test_handle_type_and_parent();
    test_wrong_handle_kind();
    test_context_value();
    test_children_inherit_the_context();
    test_credential_strings();
    test_set_credentials_is_not_visible();
    test_url();
    test_user_agent();
    test_connection_info();
    test_security_info_without_tls();
}
