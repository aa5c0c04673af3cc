/*
 * WINHTTP_AUTOPROXY_OPTIONS: every combination of sources, and what the user's settings are used for
 *
 * Source: windows-behaviour.md PX-30 to PX-40, structures.md. The network is expected to have no script; where it has
 * one, what is found is not compared.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"
#include "proxy_saved.h"

#define STALE  0xdeadbeef
#define SCRIPT "function FindProxyForURL(url, host) { return 'PROXY script:1'; }"

#define DETECT    WINHTTP_AUTOPROXY_AUTO_DETECT
#define CONFIG    WINHTTP_AUTOPROXY_CONFIG_URL
#define AUTOCONF  WINHTTP_AUTOPROXY_ALLOW_AUTOCONFIG
#define STATIC    WINHTTP_AUTOPROXY_ALLOW_STATIC

static BOOL network_has_script;

static DWORD ask( HINTERNET session, const WINHTTP_AUTOPROXY_OPTIONS *from, WINHTTP_PROXY_INFO *info )
{
    WINHTTP_AUTOPROXY_OPTIONS options = *from;

    memset( info, 0x55, sizeof(*info) );
    SetLastError( STALE );
    return WinHttpGetProxyForUrl( session, L"http://host.invalid/", &options, info ) ? 0 : GetLastError();
}

static void set_user( const WCHAR *proxy, const WCHAR *bypass, const WCHAR *script )
{
    const struct { const WCHAR *name, *text; } texts[] =
        { { L"ProxyServer", proxy }, { L"ProxyOverride", bypass }, { L"AutoConfigURL", script } };
    DWORD enabled = proxy != NULL, i;
    HKEY key;

    if (!RegOpenKeyExW( HKEY_CURRENT_USER, CONNECTIONS, 0, KEY_SET_VALUE, &key ))
    {
        RegDeleteValueW( key, L"DefaultConnectionSettings" );
        RegDeleteValueW( key, L"SavedLegacySettings" );
        RegCloseKey( key );
    }
    if (RegCreateKeyExW( HKEY_CURRENT_USER, INTERNET_SETTINGS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL )) return;
    RegSetValueExW( key, L"ProxyEnable", 0, REG_DWORD, (const BYTE *)&enabled, sizeof(enabled) );
    for (i = 0; i < count_of( texts ); i++)
    {
        if (!texts[i].text) RegDeleteValueW( key, texts[i].name );
        else RegSetValueExW( key, texts[i].name, 0, REG_SZ, (const BYTE *)texts[i].text, (lstrlenW( texts[i].text ) + 1) * 2 );
    }
    RegCloseKey( key );
}

/* Every combination of the flags for sources, of detection's flags and of a URL: which ones make no sense, and of the others
 * which source answers, without settings of the user's. */
static void test_combinations( HINTERNET session, const WCHAR *script )
{
    static const DWORD flags[] = { DETECT, CONFIG, AUTOCONF, STATIC, WINHTTP_AUTOPROXY_ALLOW_CM };
    WINHTTP_PROXY_INFO info;
    unsigned int i, j;
    DWORD err;

    for (i = 0; i < 1u << (count_of( flags ) + 2); i++)
    {
        WINHTTP_AUTOPROXY_OPTIONS options = { 0 };

        for (j = 0; j < count_of( flags ); j++) if (i >> j & 1) options.dwFlags |= flags[j];
        if (i >> j++ & 1) options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
        if (i >> j & 1) options.lpszAutoConfigUrl = script;
        err = ask( session, &options, &info );

        winetest_push_context( "flags %#lx, detection %lu, %s", options.dwFlags, options.dwAutoDetectFlags,
                               options.lpszAutoConfigUrl ? "a script" : "no script" );
        if (!(options.dwFlags & (DETECT | CONFIG)) ||
            ((options.dwFlags & DETECT) && !options.dwAutoDetectFlags) ||
            ((options.dwFlags & CONFIG) && !options.lpszAutoConfigUrl))
            ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );                                       /* PX-31 */
        else if (err == ERROR_INVALID_PARAMETER)
            ok( broken( options.dwFlags & (AUTOCONF | STATIC | WINHTTP_AUTOPROXY_ALLOW_CM) ), "error %lu\n", err );    /* PX-32, PX-40 */
        else if (network_has_script && (options.dwFlags & DETECT))
            ok( err != ERROR_WINHTTP_AUTODETECTION_FAILED, "error %lu\n", err );
        else if (options.dwFlags & CONFIG)
            ok( !err && info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY && !lstrcmpW( info.lpszProxy, L"script:1" ),
                "error %lu\n", err );                                                                       /* PX-32, PX-36 */
        else if (options.dwFlags & STATIC)
            ok( !err && info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY && !info.lpszProxy && !info.lpszProxyBypass,
                "error %lu\n", err );                                                                       /* PX-40 */
        else
            ok( err == ERROR_WINHTTP_AUTODETECTION_FAILED, "error %lu\n", err );
        if (!err) pac_free( &info );
        winetest_pop_context();
    }
}

/* These change nothing here: where a script runs, what is kept, and what stale members hold. */
static void test_flags_without_a_source( HINTERNET session, const WCHAR *script )
{
    static const DWORD flags[] =
    {
        WINHTTP_AUTOPROXY_HOST_KEEPCASE, WINHTTP_AUTOPROXY_HOST_LOWERCASE, WINHTTP_AUTOPROXY_RUN_INPROCESS,
        WINHTTP_AUTOPROXY_RUN_OUTPROCESS_ONLY, WINHTTP_AUTOPROXY_NO_DIRECTACCESS, WINHTTP_AUTOPROXY_NO_CACHE_CLIENT,
        WINHTTP_AUTOPROXY_NO_CACHE_SVC, WINHTTP_AUTOPROXY_SORT_RESULTS, WINHTTP_AUTOPROXY_USE_INTERFACE_CONFIG,
    };
    WINHTTP_AUTOPROXY_OPTIONS options = { 0 };
    WINHTTP_PROXY_INFO info;
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( flags ); i++)
    {
        options.dwFlags = flags[i];
        options.lpszAutoConfigUrl = NULL;
        err = ask( session, &options, &info );
        ok( err == ERROR_INVALID_PARAMETER, "%#lx: error %lu\n", flags[i], err );                           /* PX-31 */
        options.dwFlags |= CONFIG;
        options.lpszAutoConfigUrl = script;
        err = ask( session, &options, &info );
        /* older releases do not know all of them; where a script runs is nothing that every service lets choose */
        ok( (!err && !lstrcmpW( info.lpszProxy, L"script:1" )) || broken( err != 0 ), "%#lx: error %lu\n", flags[i], err );
        if (!err) pac_free( &info );
    }

    memset( &options, 0, sizeof(options) );
    options.dwFlags = CONFIG;
    options.dwAutoDetectFlags = ~0u;    /* without AUTO_DETECT nobody looks at them */
    options.lpszAutoConfigUrl = script;
    err = ask( session, &options, &info );
    ok( !err, "error %lu\n", err );
    if (!err) pac_free( &info );
    if (!network_has_script)
    {
        options.dwFlags = DETECT;
        options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DNS_A;
        err = ask( session, &options, &info );
        ok( err == ERROR_WINHTTP_AUTODETECTION_FAILED, "a URL that is not asked for: error %lu\n", err );
        if (!err) pac_free( &info );
    }

    /* The documents say that these are 0: whether that is checked, they do not. */
    memset( &options, 0, sizeof(options) );
    options.dwFlags = CONFIG;
    options.lpszAutoConfigUrl = script;
    options.lpvReserved = &options;
    options.dwReserved = 1;
    err = ask( session, &options, &info );
    ok( !err || err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    if (!err) pac_free( &info );
}

static void check_found_( int line, HINTERNET session, DWORD flags, const WCHAR *script, DWORD expected, const WCHAR *proxy,
                          const WCHAR *bypass )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = flags };
    WINHTTP_PROXY_INFO info;
    DWORD err;

    options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    options.lpszAutoConfigUrl = script;
    err = ask( session, &options, &info );
    /* releases that do not know the flags for the user's settings say 87, or what came of the other sources */
    ok_( __FILE__, line )( err == expected || broken( flags & (AUTOCONF | STATIC) ), "error %lu\n", err );
    if (err) return;
    ok_( __FILE__, line )( proxy ? info.lpszProxy && !lstrcmpW( info.lpszProxy, proxy ) : !info.lpszProxy, "proxy %ls\n",
                           info.lpszProxy ? info.lpszProxy : L"(none)" );
    ok_( __FILE__, line )( bypass ? info.lpszProxyBypass && !lstrcmpW( info.lpszProxyBypass, bypass ) : !info.lpszProxyBypass,
                           "bypass %ls\n", info.lpszProxyBypass ? info.lpszProxyBypass : L"(none)" );
    pac_free( &info );
}
#define check_found( session, flags, script, expected, proxy, bypass ) \
    check_found_( __LINE__, session, flags, script, expected, proxy, bypass )

static void test_the_users_settings( HINTERNET session, const WCHAR *script )
{
    WCHAR missing[64];

    if (network_has_script)
    {
        skip( "the network has a script: nothing is left for the user's settings\n" );
        return;
    }
    wsprintfW( missing, L"http://127.0.0.1:%u/proxy.pac", server_closed_port() );

    set_user( L"static:2", L"a;<local>", NULL );
    check_found( session, DETECT, NULL, ERROR_WINHTTP_AUTODETECTION_FAILED, NULL, NULL );
    check_found( session, DETECT | AUTOCONF, NULL, ERROR_WINHTTP_AUTODETECTION_FAILED, NULL, NULL );
    check_found( session, DETECT | STATIC, NULL, 0, L"static:2", L"a;<local>" );
    check_found( session, CONFIG | STATIC, missing, 0, L"static:2", L"a;<local>" );
    check_found( session, CONFIG | STATIC, script, 0, L"script:1", NULL );
    check_found( session, CONFIG, missing, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, NULL, NULL );

    set_user( L"static:2", NULL, script );
    check_found( session, DETECT | AUTOCONF, NULL, 0, L"script:1", NULL );
    check_found( session, DETECT | AUTOCONF | STATIC, NULL, 0, L"script:1", NULL );
    check_found( session, DETECT | STATIC, NULL, 0, L"static:2", NULL );
    check_found( session, CONFIG | AUTOCONF, missing, 0, L"script:1", NULL );

    set_user( L"static:2", NULL, missing );
    check_found( session, DETECT | AUTOCONF | STATIC, NULL, 0, L"static:2", NULL );
    /* what there was to fetch says more than that nothing was detected */
    check_found( session, DETECT | AUTOCONF, NULL, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, NULL, NULL );
}

START_TEST( pac_options )
{
    static const struct step steps[] = { HEAD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], *url;

    /* where the user has set nothing Wine's users have what the host's variables say */
    SetEnvironmentVariableW( L"http_proxy", NULL );
    SetEnvironmentVariableW( L"all_proxy", NULL );
    SetEnvironmentVariableW( L"https_proxy", NULL );
    network_has_script = WinHttpDetectAutoProxyConfigUrl( WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A, &url );
    if (network_has_script) GlobalFree( url );
    pac_make_url( server, script );
    save( user_values, count_of( user_values ) );
    set_user( NULL, NULL, NULL );

    test_combinations( session, script );
    test_flags_without_a_source( session, script );
    test_the_users_settings( session, script );

    restore( user_values, count_of( user_values ) );
    WinHttpCloseHandle( session );
    server_stop( server );
}
