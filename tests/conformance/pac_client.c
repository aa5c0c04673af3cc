/*
 * What the tests of proxy scripts share
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"

#define STALE 0xdeadbeef

HINTERNET pac_session(void)
{
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );

    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    ok( WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS ), "error %lu\n", GetLastError() );
    return session;
}

void pac_make_url( const struct server *server, WCHAR *url )
{
    static LONG count;

    wsprintfW( url, L"http://localhost:%u/proxy.pac?%lu.%lu", server_port( server ), GetTickCount(),
               (DWORD)InterlockedIncrement( &count ) );
}

DWORD pac_get( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WINHTTP_PROXY_INFO *info )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL | flags };

    options.lpszAutoConfigUrl = script;
    memset( info, 0x55, sizeof(*info) );
    SetLastError( STALE );
    if (!WinHttpGetProxyForUrl( session, url, &options, info )) return GetLastError();
    ok( !GetLastError(), "last error %lu\n", GetLastError() );                                              /* LE-1 */
    return 0;
}

void pac_free( WINHTTP_PROXY_INFO *info )
{
    if (info->lpszProxy) ok( !GlobalFree( info->lpszProxy ), "the proxy could not be freed\n" );            /* PX-34 */
    if (info->lpszProxyBypass) ok( !GlobalFree( info->lpszProxyBypass ), "the bypass could not be freed\n" );
}

DWORD pac_run( const char *response, const WCHAR *url, WINHTTP_PROXY_INFO *info )
{
    const struct step steps[] = { HEAD, SEND( response ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WCHAR script[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_get( session, url, WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, info );
    WinHttpCloseHandle( session );
    server_stop( server );
    return err;
}

DWORD pac_text( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WCHAR *text, unsigned int cch )
{
    WINHTTP_PROXY_INFO info;
    DWORD err = pac_get( session, url, flags, script, &info );

    *text = 0;
    if (err) return err;
    if (info.lpszProxy) lstrcpynW( text, info.lpszProxy, cch );
    pac_free( &info );
    return 0;
}
