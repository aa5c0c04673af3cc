/*
 * Discovery of proxy scripts, on a network that may or may not have one
 *
 * Source: windows-behaviour.md sections 14.3 and 14.4. What a network with a script gives is for a test that makes one.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef

static void test_detection_arguments(void)
{
    WCHAR *url;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpDetectAutoProxyConfigUrl( 0, NULL );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );   /* PX-20 */
    SetLastError( STALE );
    ret = WinHttpDetectAutoProxyConfigUrl( 0, &url );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );   /* PX-20 */
    SetLastError( STALE );
    ret = WinHttpDetectAutoProxyConfigUrl( WINHTTP_AUTO_DETECT_TYPE_DNS_A, NULL );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );   /* PX-20 */
}

static void detect( DWORD flags )
{
    WCHAR *url = (WCHAR *)(ULONG_PTR)STALE;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpDetectAutoProxyConfigUrl( flags, &url );
    if (ret)
    {
        ok( !GetLastError(), "error %lu\n", GetLastError() );                                               /* PX-22 */
        ok( url && (!_wcsnicmp( url, L"http://", 7 ) || !_wcsnicmp( url, L"https://", 8 )), "no URL\n" );   /* PX-22 */
        trace( "%#lx: %ls\n", flags, url );
        ok( !GlobalFree( url ), "the URL could not be freed\n" );                                           /* PX-22 */
        return;
    }
    ok( GetLastError() == ERROR_WINHTTP_AUTODETECTION_FAILED, "%#lx: error %lu\n", flags, GetLastError() ); /* PX-21 */
    ok( !url || broken( url == (WCHAR *)(ULONG_PTR)STALE ), "%#lx: %p\n", flags, url );                     /* PX-21 */
}

static HINTERNET open_session(void)
{
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );

    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    return session;
}

static void free_info( WINHTTP_PROXY_INFO *info )
{
    if (info->lpszProxy) ok( !GlobalFree( info->lpszProxy ), "the proxy could not be freed\n" );            /* PX-34 */
    if (info->lpszProxyBypass) ok( !GlobalFree( info->lpszProxyBypass ), "the bypass could not be freed\n" );
}

static DWORD get_proxy( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WINHTTP_PROXY_INFO *info )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = flags, .lpszAutoConfigUrl = script };

    options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    memset( info, 0, sizeof(*info) );
    SetLastError( STALE );
    if (!WinHttpGetProxyForUrl( session, url, &options, info )) return GetLastError();
    ok( !GetLastError(), "error %lu\n", GetLastError() );                                                   /* PX-34 */
    return 0;
}

static BOOL network_has_script(void)
{
    WCHAR *url;
    BOOL ret = WinHttpDetectAutoProxyConfigUrl( WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A, &url );

    if (ret) GlobalFree( url );
    return ret;
}

static void test_proxy_by_detection(void)
{
    HINTERNET session = open_session();
    BOOL there = network_has_script();
    WINHTTP_PROXY_INFO info;
    DWORD err;

    err = get_proxy( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_AUTO_DETECT, NULL, &info );
    if (!err) free_info( &info );
    else ok( there || err == ERROR_WINHTTP_AUTODETECTION_FAILED, "error %lu\n", err );

    err = get_proxy( session, L"http:", WINHTTP_AUTOPROXY_AUTO_DETECT, NULL, &info );
    ok( err && err != STALE, "error %lu\n", err );                                                          /* PX-33 */

    err = get_proxy( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_AUTO_DETECT | WINHTTP_AUTOPROXY_ALLOW_STATIC, NULL,
                     &info );
    if (there) skip( "the network has a script: nothing is left for static settings\n" );
    else
    {
        /* Windows 10 up to 1607 does not know the flag */
        ok( !err || broken( err == ERROR_INVALID_PARAMETER ), "error %lu\n", err );                         /* PX-40 */
        if (!err && !info.lpszProxy)
        {
            ok( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY, "type %lu\n", info.dwAccessType );       /* PX-40 */
            ok( !info.lpszProxyBypass, "%ls\n", info.lpszProxyBypass );                                     /* PX-40 */
        }
    }
    if (!err) free_info( &info );
    WinHttpCloseHandle( session );
}

static void test_detection_before_the_program_s_script(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                                   "function FindProxyForURL(url, host) { return 'PROXY mine:1'; }";
    const struct step steps[] = { HEAD, SEND( response ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = open_session();
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];
    DWORD err;

    wsprintfW( script, L"http://localhost:%u/proxy.pac?%lu", server_port( server ), GetTickCount() );
    err = get_proxy( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_AUTO_DETECT | WINHTTP_AUTOPROXY_CONFIG_URL, script,
                     &info );
    ok( err != ERROR_INVALID_PARAMETER, "error %lu\n", err );                                               /* PX-32 */
    if (!network_has_script())
    {
        ok( !err && info.lpszProxy && !lstrcmpW( info.lpszProxy, L"mine:1" ), "error %lu, %ls\n", err,
            info.lpszProxy ? info.lpszProxy : L"(none)" );                                                  /* PX-32 */
    }
    else skip( "the network has a script: the program's was not needed\n" );
    if (!err) free_info( &info );
    WinHttpCloseHandle( session );
    server_stop( server );
}

START_TEST( wpad )
{
    test_detection_arguments();
    detect( WINHTTP_AUTO_DETECT_TYPE_DHCP );
    detect( WINHTTP_AUTO_DETECT_TYPE_DNS_A );
    detect( WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A );
    test_proxy_by_detection();
    test_detection_before_the_program_s_script();
}
