/*
 * WINHTTP_OPTION_PROXY and WINHTTP_OPTION_PROXY_RESULT_ENTRY
 *
 * Source: options.md section 3.6, windows-behaviour.md H-2. What goes over the wire to a proxy is not tested here.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"

static void set_proxy_( int line, HINTERNET handle, DWORD type, const WCHAR *proxy, const WCHAR *bypass, DWORD error )
{
    WINHTTP_PROXY_INFO info = { type, (WCHAR *)proxy, (WCHAR *)bypass };

    check_set_( __FILE__, line, handle, WINHTTP_OPTION_PROXY, &info, sizeof(info), error );
}
#define set_proxy( handle, type, proxy, bypass, error ) set_proxy_( __LINE__, handle, type, proxy, bypass, error )

static BOOL same_text( const WCHAR *text, const WCHAR *expected )
{
    return expected ? text && !lstrcmpW( text, expected ) : !text;
}

static void check_proxy_( int line, HINTERNET handle, DWORD type, const WCHAR *proxy, const WCHAR *bypass )
{
    WINHTTP_PROXY_INFO info;
    DWORD len = sizeof(info);
    BOOL ret;

    memset( &info, 0x55, sizeof(info) );
    SetLastError( STALE );
    ret = WinHttpQueryOption( handle, WINHTTP_OPTION_PROXY, &info, &len );
    ok_( __FILE__, line )( ret && !GetLastError() && len == sizeof(info), "got %d, error %lu, length %lu\n", ret,
                           GetLastError(), len );
    if (!ret) return;
    ok_( __FILE__, line )( info.dwAccessType == type, "access type %lu\n", info.dwAccessType );
    ok_( __FILE__, line )( same_text( info.lpszProxy, proxy ), "proxy %ls\n",
                           info.lpszProxy ? info.lpszProxy : L"(none)" );
    ok_( __FILE__, line )( same_text( info.lpszProxyBypass, bypass ), "bypass %ls\n",
                           info.lpszProxyBypass ? info.lpszProxyBypass : L"(none)" );
    /* each string is the caller's */
    if (info.lpszProxy) ok_( __FILE__, line )( !GlobalFree( info.lpszProxy ), "the proxy could not be freed\n" );
    if (info.lpszProxyBypass) ok_( __FILE__, line )( !GlobalFree( info.lpszProxyBypass ), "the bypass could not be freed\n" );
}
#define check_proxy( handle, type, proxy, bypass ) check_proxy_( __LINE__, handle, type, proxy, bypass )

static void test_open_is_what_the_option_shows(void)
{
    static const WCHAR proxyW[] = L"proxy.invalid:3128", bypassW[] = L"*.invalid;<local>";
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxyW, bypassW, 0 );

    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    check_proxy( session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxyW, bypassW );
    WinHttpCloseHandle( session );

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxyW, NULL, 0 );
    check_proxy( session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxyW, NULL );
    WinHttpCloseHandle( session );

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    check_proxy( session, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    WinHttpCloseHandle( session );

    SetLastError( STALE );
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL, 0 );
    ok( !session && GetLastError() == ERROR_INVALID_PARAMETER, "got %p, error %lu\n", session, GetLastError() );
}

static void test_default_is_never_reported(void)
{
    HINTERNET handles[2] = { NULL, NULL };
    unsigned int i;

    /* H-2: the strings are not taken for anything */
    handles[1] = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, L"a", L"b", 0 );
    for (i = 0; i < count_of( handles ); i++)    /* NULL: the machine's default */
    {
        WINHTTP_PROXY_INFO info;
        DWORD len = sizeof(info);
        BOOL ret;

        memset( &info, 0, sizeof(info) );
        ret = WinHttpQueryOption( handles[i], WINHTTP_OPTION_PROXY, &info, &len );
        ok( ret && len == sizeof(info), "handle %u: got %d, error %lu\n", i, ret, GetLastError() );
        if (!ret) continue;
        /* DEFAULT_PROXY is for setting only, by documentation */
        ok( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY || info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY ||
            broken( info.dwAccessType == WINHTTP_ACCESS_TYPE_DEFAULT_PROXY ), "handle %u: type %lu\n", i,
            info.dwAccessType );
        ok( !info.lpszProxy || lstrcmpW( info.lpszProxy, L"a" ), "the string of WinHttpOpen is the proxy\n" );
        if (info.lpszProxy) GlobalFree( info.lpszProxy );
        if (info.lpszProxyBypass) GlobalFree( info.lpszProxyBypass );
    }
    WinHttpCloseHandle( handles[1] );
}

static void test_set_and_query(void)
{
    struct client client;
    DWORD len;
    BOOL ret;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    set_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"one.invalid", L"<local>", 0 );
    check_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"one.invalid", L"<local>" );
    set_proxy( client.request, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"http=two.invalid:81", NULL, 0 );
    check_proxy( client.request, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"http=two.invalid:81", NULL );
    check_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"one.invalid", L"<local>" );
    set_proxy( client.request, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    check_proxy( client.request, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );

    set_proxy( client.connect, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );    /* O-7 */
    set_proxy( client.request, WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL, ERROR_INVALID_PARAMETER );
    set_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"", NULL, ERROR_INVALID_PARAMETER );
    set_proxy( client.session, 2, NULL, NULL, ERROR_INVALID_PARAMETER );
    set_proxy( client.session, 77, L"one.invalid", NULL, ERROR_INVALID_PARAMETER );
    check_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"one.invalid", L"<local>" );

    len = 0;
    SetLastError( STALE );
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_PROXY, NULL, &len );                         /* O-2 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len == sizeof(WINHTTP_PROXY_INFO),
        "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
done:
    client_close( &client );
}

/* A choice: a request takes the session's proxy when it is opened, as it does with the options that are measured. */
static void test_requests_inherit(void)
{
    struct client client;
    HINTERNET early;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    early = client.request;
    set_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"late.invalid", NULL, 0 );
    client.request = NULL;
    if (client_reopen( &client, NULL, NULL ))
        check_proxy( client.request, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"late.invalid", NULL );
    check_proxy( early, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    WinHttpCloseHandle( early );
done:
    client_close( &client );
}

static void test_result_entry(void)
{
    WINHTTP_PROXY_RESULT_ENTRY entry = { TRUE, FALSE, INTERNET_SCHEME_HTTP, (WCHAR *)L"entry.invalid", 8080 };
    struct client client;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    check_set( client.session, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &entry, sizeof(entry),
               ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                                                    /* O-7 */
    check_query_error( client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, ERROR_INVALID_PARAMETER );     /* O-8 */
    check_set( client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &entry, sizeof(entry), 0 );
    entry.fProxy = FALSE;
    entry.pwszProxy = NULL;
    check_set( client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &entry, sizeof(entry), 0 );
done:
    client_close( &client );
}

/* The session has a proxy where nobody is; what the request says counts. */
static void test_request_overrides_session(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), HEAD,
          SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    WINHTTP_PROXY_RESULT_ENTRY direct = { FALSE, FALSE, 0, NULL, 0 };
    struct server *server = server_start( script );
    struct client client;
    WCHAR proxy[32];
    DWORD err;

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u", server_closed_port() );
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    set_proxy( client.session, WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, NULL, 0 );

    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, NULL, NULL )) goto done;
    err = client_try( &client );
    ok( err != 0, "a request went round its proxy\n" );
    ok( !server_connection_count( server ), "the server was reached without the proxy\n" );

    set_proxy( client.request, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    err = client_try( &client );
    ok( !err, "the request that goes direct failed with %lu\n", err );

    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, NULL, NULL )) goto done;
    check_set( client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &direct, sizeof(direct), 0 );
    err = client_try( &client );
    ok( !err, "the request that goes direct failed with %lu\n", err );
done:
    client_close( &client );
    server_stop( server );
}

START_TEST(option_proxy)
{
    test_open_is_what_the_option_shows();
    test_default_is_never_reported();
    test_set_and_query();
    test_requests_inherit();
    test_result_entry();
    test_request_overrides_session();
}
