/*
 * Proxy scripts: WinHttpGetProxyForUrl with a script from our server
 *
 * Source: windows-behaviour.md section 14.4, behaviour-concepts.md sections 4.6 and 4.7. Each test's script has a URL of its
 * own, since Windows keeps scripts in a service, for all programs.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define HEAD_200 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"    /* neither type nor length, PX-35 */

static HINTERNET open_session(void)
{
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );

    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    ok( WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS ), "error %lu\n", GetLastError() );
    return session;
}

/* A URL of the server that was not used before. */
static void make_url( const struct server *server, WCHAR *url )
{
    static unsigned int count;

    wsprintfW( url, L"http://localhost:%u/proxy.pac?%lu.%u", server_port( server ), GetTickCount(), count++ );
}

static DWORD get_proxy( HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, WINHTTP_PROXY_INFO *info )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL | flags };
    BOOL ret;

    options.lpszAutoConfigUrl = script;
    memset( info, 0x55, sizeof(*info) );
    SetLastError( STALE );
    ret = WinHttpGetProxyForUrl( session, url, &options, info );
    if (!ret) return GetLastError();
    ok( !GetLastError(), "last error %lu\n", GetLastError() );                                              /* LE-1 */
    return 0;
}

static void free_info( WINHTTP_PROXY_INFO *info )
{
    if (info->lpszProxy) ok( !GlobalFree( info->lpszProxy ), "the proxy could not be freed\n" );            /* PX-34 */
    if (info->lpszProxyBypass) ok( !GlobalFree( info->lpszProxyBypass ), "the bypass could not be freed\n" );
}

/* `expected` NULL: no proxy. */
static void check_proxy_( int line, HINTERNET session, const WCHAR *url, DWORD flags, const WCHAR *script, const WCHAR *expected )
{
    WINHTTP_PROXY_INFO info;
    DWORD err = get_proxy( session, url, flags, script, &info );

    ok_( __FILE__, line )( !err, "%ls: error %lu\n", url, err );
    if (err) return;
    if (expected)
    {
        ok_( __FILE__, line )( info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY, "%ls: type %lu\n", url,
                               info.dwAccessType );                                                         /* PX-36 */
        ok_( __FILE__, line )( info.lpszProxy && !lstrcmpW( info.lpszProxy, expected ), "%ls: %ls\n", url,
                               info.lpszProxy ? info.lpszProxy : L"(none)" );                               /* PX-36 */
    }
    else
    {
        ok_( __FILE__, line )( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY, "%ls: type %lu\n", url, info.dwAccessType );
        ok_( __FILE__, line )( !info.lpszProxy, "%ls: %ls\n", url, info.lpszProxy ? info.lpszProxy : L"(none)" );
    }
    ok_( __FILE__, line )( !info.lpszProxyBypass, "%ls: there is a bypass list\n", url );                   /* PX-36 */
    free_info( &info );
}
#define check_proxy( session, url, flags, script, expected ) check_proxy_( __LINE__, session, url, flags, script, expected )

/* A fresh script at a fresh URL, asked once: the error, and *info on success. */
static DWORD run_script( const char *response, const WCHAR *url, WINHTTP_PROXY_INFO *info )
{
    const struct step steps[] = { HEAD, SEND( response ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = open_session();
    WCHAR script[64];
    DWORD err;

    make_url( server, script );
    err = get_proxy( session, url, WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, info );
    WinHttpCloseHandle( session );
    server_stop( server );
    return err;
}

static void check_answer_( int line, const char *answer, const WCHAR *expected )
{
    char response[1024];
    WINHTTP_PROXY_INFO info;
    DWORD err;

    sprintf( response, HEAD_200 "function FindProxyForURL(url, host) { return %s; }", answer );
    err = run_script( response, L"http://host.invalid/", &info );
    ok_( __FILE__, line )( !err, "%s: error %lu\n", answer, err );
    if (err) return;
    if (expected) ok_( __FILE__, line )( info.lpszProxy && !lstrcmpW( info.lpszProxy, expected ), "%s: %ls\n", answer,
                                         info.lpszProxy ? info.lpszProxy : L"(none)" );
    else ok_( __FILE__, line )( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY && !info.lpszProxy, "%s: type %lu, %ls\n",
                                answer, info.dwAccessType, info.lpszProxy ? info.lpszProxy : L"(none)" );
    free_info( &info );
}
#define check_answer( answer, expected ) check_answer_( __LINE__, answer, expected )

/* ---- arguments ---- */

static void check_arguments_( int line, HINTERNET session, const WCHAR *url, DWORD flags, DWORD detect, const WCHAR *script,
                              DWORD expected )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = flags, .dwAutoDetectFlags = detect };
    WINHTTP_PROXY_INFO info;
    BOOL ret;

    options.lpszAutoConfigUrl = script;
    SetLastError( STALE );
    ret = WinHttpGetProxyForUrl( session, url, &options, &info );
    ok_( __FILE__, line )( !ret && GetLastError() == expected, "got %d, error %lu\n", ret, GetLastError() );
}
#define check_arguments( session, url, flags, detect, script, expected ) \
    check_arguments_( __LINE__, session, url, flags, detect, script, expected )

static void test_arguments_that_make_no_sense(void)
{
    static const WCHAR url[] = L"http://host.invalid/", script[] = L"http://127.0.0.1:1/proxy.pac";
    const DWORD detect = WINHTTP_AUTOPROXY_AUTO_DETECT, config = WINHTTP_AUTOPROXY_CONFIG_URL;
    const DWORD dns = WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    HINTERNET session = open_session(), connect = WinHttpConnect( session, L"127.0.0.1", 1, 0 );
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = detect, .dwAutoDetectFlags = dns };
    WINHTTP_PROXY_INFO info;

    SetLastError( STALE );
    ok( !WinHttpGetProxyForUrl( NULL, NULL, NULL, NULL ) && GetLastError() == ERROR_INVALID_HANDLE,
        "error %lu\n", GetLastError() );                                                                    /* PX-30 */
    check_arguments( NULL, url, config, 0, script, ERROR_INVALID_HANDLE );                                  /* PX-30 */
    check_arguments( session, NULL, config, 0, script, ERROR_INVALID_PARAMETER );                           /* PX-30 */
    check_arguments( session, L"", config, 0, script, ERROR_INVALID_PARAMETER );                            /* PX-30 */
    SetLastError( STALE );
    ok( !WinHttpGetProxyForUrl( session, url, NULL, &info ) && GetLastError() == ERROR_INVALID_PARAMETER,
        "error %lu\n", GetLastError() );                                                                    /* PX-30 */
    SetLastError( STALE );
    ok( !WinHttpGetProxyForUrl( session, url, &options, NULL ) && GetLastError() == ERROR_INVALID_PARAMETER,
        "error %lu\n", GetLastError() );                                                                    /* PX-30 */
    check_arguments( session, url, 0, 0, NULL, ERROR_INVALID_PARAMETER );                                   /* PX-31 */
    check_arguments( session, url, detect, 0, NULL, ERROR_INVALID_PARAMETER );                              /* PX-31 */
    check_arguments( session, url, config, 0, NULL, ERROR_INVALID_PARAMETER );                              /* PX-31 */
    check_arguments( session, url, detect | config, dns, NULL, ERROR_INVALID_PARAMETER );                   /* PX-31 */
    check_arguments( connect, url, config, 0, script, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                /* LE-5 */
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

static void test_urls_that_are_none(void)
{
    WINHTTP_PROXY_INFO info;
    DWORD err;

    err = run_script( HEAD_200 "function FindProxyForURL(url, host) { return 'DIRECT'; }", L"http:", &info );
    ok( err && err != STALE, "error %lu\n", err );
    err = run_script( HEAD_200 "function FindProxyForURL(url, host) { return 'DIRECT'; }", L"no url", &info );
    ok( err && err != STALE, "error %lu\n", err );
}

static void test_scripts_from_elsewhere_are_refused(void)
{
    HINTERNET session = open_session();
    WINHTTP_PROXY_INFO info;
    DWORD err;

    err = get_proxy( session, L"http://host.invalid/", 0, L"ftp://127.0.0.1/proxy.pac", &info );
    ok( err == ERROR_WINHTTP_UNRECOGNIZED_SCHEME, "error %lu\n", err );
    err = get_proxy( session, L"http://host.invalid/", 0, L"file://c:/proxy.pac", &info );
    /* Windows took files before version 10, and its service may say that there was nothing to fetch */
    ok( err == ERROR_WINHTTP_UNRECOGNIZED_SCHEME || broken( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT ), "error %lu\n", err );
    WinHttpCloseHandle( session );
}

/* ---- what the script sees ---- */

static const char echo[] =
    HEAD_200 "function FindProxyForURL(url, host)\r\n"
    "{\r\n"
    "    url = url.replace(/[:\\/@?=#&]/g, '_');\r\n"                                                       /* PX-41 */
    "    return 'PROXY ' + url + '.' + host + ':8080';\r\n"
    "}\r\n";

static void test_url_and_host_as_the_script_sees_them(void)
{
    static const struct { const WCHAR *url; DWORD flags; const WCHAR *expected; } rows[] =
    {
        /* PX-37 */
        { L"http://host.tld/path?query", 0, L"http___host.tld_path_query.host.tld:8080" },
        { L"HTTP://HOST.TLD/Path", 0, L"http___HOST.TLD_Path.HOST.TLD:8080" },
        /* PX-38 */
        { L"HTTP://HOST.TLD/Path", WINHTTP_AUTOPROXY_HOST_LOWERCASE, L"http___host.tld_Path.host.tld:8080" },
        /* PX-39 */
        { L"HTTP://HOST.TLD/Path", WINHTTP_AUTOPROXY_HOST_LOWERCASE | WINHTTP_AUTOPROXY_HOST_KEEPCASE,
          L"http___HOST.TLD_Path.HOST.TLD:8080" },
    };
    const struct step steps[] = { HEAD, SEND( echo ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = open_session();
    WCHAR script[64];
    unsigned int i;

    make_url( server, script );
    for (i = 0; i < count_of( rows ); i++)
        check_proxy( session, rows[i].url, rows[i].flags | WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, rows[i].expected );
    WinHttpCloseHandle( session );
    ok( !strncmp( server_request( server, 0 ), "GET /proxy.pac?", 15 ), "%s\n", server_request( server, 0 ) );   /* PX-35 */
    server_stop( server );
}

static void test_https_urls_without_path_and_query(void)
{
    static const char secrets[] = HEAD_200 "function FindProxyForURL(url, host) {\n"
        "return 'PROXY ' + (/secret|path|user|word/.test(url) ? 'seen' : 'hidden') + '.' + host + ':1'; }";
    WINHTTP_PROXY_INFO info;
    DWORD err = run_script( secrets, L"https://host.tld/path?secret", &info );

    ok( !err, "error %lu\n", err );
    if (err) return;
    /* Windows before the update of 2016 showed everything */
    ok( !lstrcmpW( info.lpszProxy, L"hidden.host.tld:1" ) || broken( !lstrcmpW( info.lpszProxy, L"seen.host.tld:1" ) ),
        "%ls\n", info.lpszProxy );
    free_info( &info );
}

/* ---- answers ---- */

static void test_answers(void)
{
    check_answer( "'PROXY one:1'", L"one:1" );                                                              /* PX-36 */
    check_answer( "'PROXY one:1; PROXY two:2'", L"one:1;two:2" );
    check_answer( "'PROXY one:1; DIRECT'", L"one:1" );
    check_answer( "'PROXY one:1; DIRECT; PROXY two:2'", L"one:1" );
    check_answer( "'DIRECT'", NULL );
    check_answer( "'DIRECT; PROXY one:1'", NULL );
    check_answer( "'SOCKS sock:1; PROXY one:1'", L"one:1" );
}

/* ---- helper functions ---- */

static const struct { const char *expression; const WCHAR *expected; } helpers[] =
{
    { "isPlainHostName('www')", L"true" },
    { "isPlainHostName('www.tld')", L"false" },
    { "dnsDomainIs('www.tld', '.tld')", L"true" },
    { "dnsDomainIs('www.other', '.tld')", L"false" },
    { "dnsDomainIs('tld', '.longer.tld')", L"false" },
    { "localHostOrDomainIs('www.name.tld', 'www.name.tld')", L"true" },
    { "localHostOrDomainIs('www', 'www.name.tld')", L"true" },
    { "localHostOrDomainIs('www.other.tld', 'www.name.tld')", L"false" },
    { "localHostOrDomainIs('ww', 'www.name.tld')", L"false" },
    { "dnsDomainLevels('www')", L"0" },
    { "dnsDomainLevels('www.name.tld')", L"2" },
    { "shExpMatch('http://a/one/two', '*/one/*')", L"true" },
    { "shExpMatch('http://a/one/two', '*/three/*')", L"false" },
    { "shExpMatch('a.b', 'a?b')", L"true" },
    { "shExpMatch('acb', 'a.b')", L"false" },
    { "shExpMatch('a+b(c)', 'a+b(*)')", L"true" },
    { "shExpMatch('', '*')", L"true" },
    { "isResolvable('localhost')", L"true" },
    { "isResolvable('nothing.invalid')", L"false" },
    { "dnsResolve('127.0.0.1')", L"127.0.0.1" },
    { "dnsResolve('localhost')", L"127.0.0.1" },
    { "dnsResolve('nothing.invalid') ? 'something' : 'nothing'", L"nothing" },
    { "isInNet('127.0.0.1', '127.0.0.0', '255.0.0.0')", L"true" },
    { "isInNet('127.1.2.3', '127.1.2.3', '255.255.255.255')", L"true" },
    { "isInNet('127.1.2.4', '127.1.2.3', '255.255.255.255')", L"false" },
    { "isInNet('localhost', '127.0.0.0', '255.0.0.0')", L"true" },
    { "isInNet('nothing.invalid', '127.0.0.0', '255.0.0.0')", L"false" },
    { "/^\\d+[.]\\d+[.]\\d+[.]\\d+$/.test(myIpAddress())", L"true" },
    { "weekdayRange('SUN', 'SAT')", L"true" },
    { "weekdayRange('SUN', 'SAT', 'GMT')", L"true" },
    { "weekdayRange(day(0)) || weekdayRange(day(1))", L"true" },     /* midnight may pass */
    { "weekdayRange(day(2), day(4))", L"false" },
    { "weekdayRange(day(-1), day(2))", L"true" },                    /* over Sunday on some days of the week */
    { "dateRange('JAN', 'DEC')", L"true" },
    { "dateRange(1, 31)", L"true" },
    { "dateRange(1990, 2090)", L"true" },
    { "dateRange(1990, 1999)", L"false" },
    { "dateRange(1990)", L"false" },
    { "dateRange(1, 'JAN', 31, 'DEC')", L"true" },
    { "dateRange(1, 'JAN', 1990, 31, 'DEC', 2090)", L"true" },
    { "dateRange(1, 'JAN', 1990, 31, 'DEC', 1999, 'GMT')", L"false" },
    { "dateRange('JAN', 1990, 'DEC', 2090)", L"true" },
    { "timeRange(0, 23)", L"true" },
    { "timeRange(0, 0, 23, 59)", L"true" },
    { "timeRange(0, 0, 0, 23, 59, 59)", L"true" },
    { "timeRange(0, 0, 0, 23, 59, 59, 'GMT')", L"true" },
    { "timeRange(hour(3), hour(5))", L"false" },
    { "timeRange(hour(-1), hour(2))", L"true" },                     /* over midnight at some hours */
    { "alert('text') || 'said'", L"said" },
};

static const struct { const char *expression; const WCHAR *expected; } ex_helpers[] =
{
    { "isResolvableEx('localhost')", L"true" },
    { "isResolvableEx('nothing.invalid')", L"false" },
    { "(';' + dnsResolveEx('localhost') + ';').indexOf(';127.0.0.1;') >= 0 || dnsResolveEx('localhost') == '::1'", L"true" },
    { "dnsResolveEx('nothing.invalid') == ''", L"true" },
    { "isInNetEx('198.95.249.79', '198.95.0.0/16')", L"true" },
    { "isInNetEx('198.96.249.79', '198.95.0.0/16')", L"false" },
    { "isInNetEx('3ffe:8311:ffff:abcd:1234:5678:0:1', '3ffe:8311:ffff::/48')", L"true" },
    { "isInNetEx('3ffe:8311:fffe::1', '3ffe:8311:ffff::/48')", L"false" },
    { "isInNetEx('198.95.249.79', '3ffe:8311:ffff::/48')", L"false" },
    { "isInNetEx('198.95.249.79', '198.95.0.0')", L"false" },
    { "sortIpAddressList('10.2.3.9;2001:4898:28:3:201:2ff:feea:fc14;::1;127.0.0.1;::9')",
      L"--1---9-2001-4898-28-3-201-2ff-feea-fc14-10.2.3.9-127.0.0.1" },
    { "sortIpAddressList('') == ''", L"true" },
    { "sortIpAddressList('10.2.3.9;not an address') == ''", L"true" },
    { "getClientVersion()", L"1.0" },
    { "typeof myIpAddressEx()", L"string" },
};

/* A script with a function per expression; the host's name says which one is asked for. What it gives comes back as a name. */
static void make_helper_script( char *script, const char *entry )
{
    sprintf( script, HEAD_200
             "function day(n) { return ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'][(new Date().getDay() + n + 7) %% 7]; }\n"
             "function hour(n) { return (new Date().getHours() + n + 24) %% 24; }\n"
             "function %s(url, host) {\n"
             "    var result;\n"
             "    try { result = String(checks[host.substring(5)]()); } catch (e) { result = 'exception'; }\n"
             "    return 'PROXY ' + result.replace(/[^a-z0-9.]/gi, '-') + ':1';\n"
             "}\n"
             "var checks = {};\n", entry );
}

static void add_check( char *script, unsigned int index, const char *expression )
{
    sprintf( script + strlen( script ), "checks[%u] = function() { return %s; };\n", index, expression );
}

static void check_helper( HINTERNET session, const WCHAR *script, unsigned int index, const char *expression,
                          const WCHAR *expected )
{
    WINHTTP_PROXY_INFO info;
    WCHAR url[64], proxy[128];
    DWORD err;

    wsprintfW( url, L"http://check%u/", index );
    wsprintfW( proxy, L"%s:1", expected );
    err = get_proxy( session, url, 0, script, &info );
    ok( !err, "%s: error %lu\n", expression, err );
    if (err) return;
    ok( info.lpszProxy && !lstrcmpW( info.lpszProxy, proxy ), "%s: %ls\n", expression,
        info.lpszProxy ? info.lpszProxy : L"(none)" );
    free_info( &info );
}

static void test_helper_functions( BOOL ex )
{
    static char text[16384];
    const struct step steps[] = { HEAD, SEND( text ), END };
    unsigned int i, count = ex ? count_of( ex_helpers ) : count_of( helpers );
    HINTERNET session = open_session();
    struct server *server;
    WCHAR script[64];

    make_helper_script( text, ex ? "FindProxyForURLEx" : "FindProxyForURL" );
    for (i = 0; i < count; i++) add_check( text, i, ex ? ex_helpers[i].expression : helpers[i].expression );
    server = server_start_each( steps );
    make_url( server, script );
    for (i = 0; i < count; i++)
        check_helper( session, script, i, ex ? ex_helpers[i].expression : helpers[i].expression,
                      ex ? ex_helpers[i].expected : helpers[i].expected );
    WinHttpCloseHandle( session );
    server_stop( server );
}

static void test_the_ex_entry_is_preferred(void)
{
    WINHTTP_PROXY_INFO info;
    DWORD err = run_script( HEAD_200 "function FindProxyForURL(url, host) { return 'PROXY classic:1'; }\n"
                            "function FindProxyForURLEx(url, host) { return 'PROXY ex:1'; }", L"http://host.invalid/", &info );

    ok( !err, "error %lu\n", err );
    if (err) return;
    ok( !lstrcmpW( info.lpszProxy, L"ex:1" ), "%ls\n", info.lpszProxy );
    free_info( &info );
}

/* ---- what a script may not do ---- */

static void test_scripts_are_confined(void)
{
    static const struct { const char *expression; const WCHAR *expected; } attempts[] =
    {
        { "new ActiveXObject('Scripting.FileSystemObject').GetTempName()", L"exception" },
        { "new this.ActiveXObject('WScript.Shell')", L"exception" },
        { "new (eval('ActiveXObject'))('WScript.Shell')", L"exception" },
        { "new (new Function('return ActiveXObject')())('WScript.Shell')", L"exception" },
        { "(delete ActiveXObject, new ActiveXObject('WinHttp.WinHttpRequest.5.1'))", L"exception" },
        { "GetObject('winmgmts:')", L"exception" },
        { "WScript.Echo('x')", L"exception" },
        { "window.open('x')", L"exception" },
    };
    static char text[4096];
    const struct step steps[] = { HEAD, SEND( text ), END };
    HINTERNET session = open_session();
    struct server *server;
    WCHAR script[64];
    unsigned int i;

    make_helper_script( text, "FindProxyForURL" );
    for (i = 0; i < count_of( attempts ); i++) add_check( text, i, attempts[i].expression );
    server = server_start_each( steps );
    make_url( server, script );
    for (i = 0; i < count_of( attempts ); i++) check_helper( session, script, i, attempts[i].expression, attempts[i].expected );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* ---- failures ---- */

static void check_failure_( int line, const char *response, DWORD expected, DWORD either )
{
    WINHTTP_PROXY_INFO info;
    DWORD err = run_script( response, L"http://host.invalid/", &info );

    ok_( __FILE__, line )( err == expected || (either && err == either), "error %lu\n", err );
    if (!err) free_info( &info );
}
#define check_failure( response, expected, either ) check_failure_( __LINE__, response, expected, either )

/* The documentation has two errors for a script that does not run, and does not tell them apart: either will do. */
static void test_scripts_that_fail(void)
{
    check_failure( HEAD_200 "function FindProxyForURL(url, host { return 'DIRECT'; }",
                   ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT, ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR );
    check_failure( HEAD_200 "function FindSomething(url, host) { return 'DIRECT'; }",
                   ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT, ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR );
    check_failure( HEAD_200 "function FindProxyForURL(url, host) { return nothing.of.this; }",
                   ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR, ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT );
    check_failure( HEAD_200 "function FindProxyForURL(url, host) { throw 'up'; }",
                   ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR, ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT );
    check_failure( HEAD_200 "<html><body>No script here</body></html>",
                   ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT, ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR );
}

static void test_scripts_that_cannot_be_had(void)
{
    HINTERNET session = open_session();
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];
    DWORD err;

    check_failure( "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
                   ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, 0 );
    check_failure( "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\ncut off",
                   ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, 0 );
    check_failure( "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Basic realm=\"r\"\r\n"
                   "Content-Length: 0\r\n\r\n", ERROR_WINHTTP_LOGIN_FAILURE, 0 );

    wsprintfW( script, L"http://127.0.0.1:%u/proxy.pac", server_closed_port() );
    err = get_proxy( session, L"http://host.invalid/", 0, script, &info );
    ok( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, "error %lu\n", err );
    WinHttpCloseHandle( session );
}

static void test_scripts_over_the_limit(void)
{
    const struct step steps[] = { HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) { return 'DIRECT'; }\n" ),
                                  REPEAT( "// no more than a mebibyte of this\n", 40000 ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = open_session();
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];
    DWORD err;

    make_url( server, script );
    err = get_proxy( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, &info );
    ok( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT || err == ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT, "error %lu\n", err );
    WinHttpCloseHandle( session );
    server_abort( server );    /* it was left in the middle */
}

/* ---- text ---- */

/* The name of the proxy says what became of the character in the script; which charset Latin-1 is, is a choice. */
static void test_charsets(void)
{
    static const struct { const char *head, *text; const WCHAR *expected; } rows[] =
    {
        { "", "\xef\xbb\xbf" "function FindProxyForURL(u, h) { return 'PROXY c' + '\xc3\xa9'.charCodeAt(0) + ':1'; }", L"c233:1" },
        { "", "function FindProxyForURL(u, h) { return 'PROXY c' + '\xe9'.charCodeAt(0) + ':1'; }", L"c233:1" },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        WINHTTP_PROXY_INFO info;
        char response[512];
        DWORD err;

        sprintf( response, "HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\n%s", rows[i].head, rows[i].text );
        err = run_script( response, L"http://host.invalid/", &info );
        ok( !err, "%u: error %lu\n", i, err );
        if (err) continue;
        ok( !lstrcmpW( info.lpszProxy, rows[i].expected ), "%u: %ls\n", i, info.lpszProxy );
        free_info( &info );
    }
}

/* ---- keeping ---- */

static void test_scripts_are_kept_until_reset(void)
{
    static const char response[] = HEAD_200 "function FindProxyForURL(url, host) { return 'PROXY ' + host + ':1'; }";
    const struct step steps[] = { HEAD, SEND( response ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = open_session();
    WCHAR script[64];
    DWORD err;

    make_url( server, script );
    check_proxy( session, L"http://one.invalid/", 0, script, L"one.invalid:1" );
    check_proxy( session, L"http://two.invalid/", 0, script, L"two.invalid:1" );
    check_proxy( session, L"http://one.invalid/", 0, script, L"one.invalid:1" );
    ok( server_request_count( server ) == 1, "%u requests\n", server_request_count( server ) );

    err = WinHttpResetAutoProxy( session, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
    ok( !err, "error %lu\n", err );
    check_proxy( session, L"http://one.invalid/", 0, script, L"one.invalid:1" );
    /* Windows does nothing where there was another reset in the last half minute */
    ok( server_request_count( server ) == 2 || broken( server_request_count( server ) == 1 ), "%u requests\n",
        server_request_count( server ) );
    WinHttpCloseHandle( session );
    server_stop( server );
}

static void test_reset_arguments(void)
{
    HINTERNET session = open_session(), connect = WinHttpConnect( session, L"127.0.0.1", 1, 0 );
    DWORD err;

    err = WinHttpResetAutoProxy( NULL, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
    ok( err == ERROR_INVALID_HANDLE, "error %lu\n", err );
    err = WinHttpResetAutoProxy( connect, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "error %lu\n", err );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

START_TEST( pac )
{
    test_arguments_that_make_no_sense();
    test_urls_that_are_none();
    test_scripts_from_elsewhere_are_refused();
    test_url_and_host_as_the_script_sees_them();
    test_https_urls_without_path_and_query();
    test_answers();
    test_helper_functions( FALSE );
    test_helper_functions( TRUE );
    test_the_ex_entry_is_preferred();
    test_scripts_are_confined();
    test_scripts_that_fail();
    test_scripts_that_cannot_be_had();
    test_scripts_over_the_limit();
    test_charsets();
    test_scripts_are_kept_until_reset();
    test_reset_arguments();
}
