/*
 * Discovery of proxy scripts on a network that has one: tests/fixtures/wpad.sh makes it, and sets WINHTTP_TEST_WPAD
 *
 * The machine is in deep.office.example; DNS knows wpad.office.example, DHCP's option 252 names another URL. Source:
 * windows-behaviour.md sections 14.3 and 14.4, behaviour-concepts.md section 4.6, security.md (WPAD name collision).
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

#define STALE    0xdeadbeef
#define DNS_URL  L"http://wpad.office.example/wpad.dat"
#define DHCP_URL L"http://wpad.office.example/dhcp.dat"
#define PROXY    L"10.77.0.1:3128"
#define ORIGIN   L"http://origin.office.example/x"

#define DHCP WINHTTP_AUTO_DETECT_TYPE_DHCP
#define DNS  WINHTTP_AUTO_DETECT_TYPE_DNS_A

/* Wine has DHCP's answers only where its host's network manager hands them out: there is none in this network. */
static BOOL dhcp_answers;

static void check_detection_( int line, DWORD flags, const WCHAR *expected )
{
    WCHAR *url = (WCHAR *)(ULONG_PTR)STALE;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpDetectAutoProxyConfigUrl( flags, &url );
    if (!expected)
    {
        ok_( __FILE__, line )( !ret && GetLastError() == ERROR_WINHTTP_AUTODETECTION_FAILED, "got %d, error %lu\n", ret,
                               GetLastError() );                                                            /* PX-21 */
        ok_( __FILE__, line )( ret || !url || broken( url == (WCHAR *)(ULONG_PTR)STALE ), "%p\n", url );    /* PX-21 */
    }
    else
    {
        ok_( __FILE__, line )( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );        /* PX-22 */
        if (ret) ok_( __FILE__, line )( !lstrcmpW( url, expected ), "%ls\n", url );
    }
    if (ret) ok_( __FILE__, line )( !GlobalFree( url ), "the URL could not be freed\n" );                   /* PX-22 */
}
#define check_detection( flags, expected ) check_detection_( __LINE__, flags, expected )

static void test_detection(void)
{
    WCHAR *url;

    dhcp_answers = WinHttpDetectAutoProxyConfigUrl( DHCP, &url );
    if (dhcp_answers)
    {
        ok( !lstrcmpW( url, DHCP_URL ), "%ls\n", url );
        GlobalFree( url );
    }
    else
    {
        trace( "nobody tells what DHCP has said\n" );
        check_detection( DHCP, NULL );
    }
    check_detection( DNS, DNS_URL );
    check_detection( DHCP | DNS, dhcp_answers ? DHCP_URL : DNS_URL );    /* DHCP first */
    check_detection( 4, NULL );
}

static void check_proxy_( int line, HINTERNET session, const WCHAR *url, DWORD detect, const WCHAR *expected )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT, .dwAutoDetectFlags = detect };
    WINHTTP_PROXY_INFO info;
    BOOL ret;

    memset( &info, 0x55, sizeof(info) );
    SetLastError( STALE );
    ret = WinHttpGetProxyForUrl( session, url, &options, &info );
    ok_( __FILE__, line )( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );            /* PX-34 */
    if (!ret) return;
    if (expected) ok_( __FILE__, line )( info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY && info.lpszProxy &&
                                         !lstrcmpW( info.lpszProxy, expected ), "type %lu, %ls\n", info.dwAccessType,
                                         info.lpszProxy ? info.lpszProxy : L"(none)" );
    else ok_( __FILE__, line )( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY && !info.lpszProxy, "type %lu\n",
                                info.dwAccessType );
    pac_free( &info );
}
#define check_proxy( session, url, detect, expected ) check_proxy_( __LINE__, session, url, detect, expected )

static void test_proxies_by_detection(void)
{
    HINTERNET session = pac_session();
    unsigned int i;
    DWORD err;

    for (i = 0; i < 2; i++)
    {
        check_proxy( session, ORIGIN, DNS, PROXY );
        check_proxy( session, ORIGIN, DHCP | DNS, PROXY );
        check_proxy( session, L"http://near.office.example/", DNS, NULL );
        check_proxy( session, L"http://elsewhere.example/", DNS, NULL );
        err = WinHttpResetAutoProxy( session, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
        ok( !err, "error %lu\n", err );
    }
    WinHttpCloseHandle( session );
}

/* Detection's script goes before the program's, which is not even fetched. */
static void test_detection_goes_first(void)
{
    static const struct step steps[] = { HEAD, SEND( PAC_200 "function FindProxyForURL(url, host) { return 'PROXY mine:1'; }" ), END };
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT | WINHTTP_AUTOPROXY_CONFIG_URL };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];

    pac_make_url( server, script );
    options.dwAutoDetectFlags = DNS;
    options.lpszAutoConfigUrl = script;
    if (WinHttpGetProxyForUrl( session, ORIGIN, &options, &info ))
    {
        ok( info.lpszProxy && !lstrcmpW( info.lpszProxy, PROXY ), "%ls\n", info.lpszProxy ? info.lpszProxy : L"(none)" );   /* PX-32 */
        pac_free( &info );
    }
    else ok( FALSE, "error %lu\n", GetLastError() );
    ok( !server_request_count( server ), "the program's script was fetched\n" );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* A whole request, as the proxy saw it. */
static void check_get_( int line, HINTERNET session )
{
    struct client client = { session, NULL, NULL };
    char body[256];
    ULONGLONG len;
    DWORD err = 0;

    client.connect = WinHttpConnect( session, L"origin.office.example", 80, 0 );
    ok_( __FILE__, line )( client.connect && client_reopen( &client, NULL, L"/x" ), "error %lu\n", GetLastError() );
    err = client_try( &client );
    ok_( __FILE__, line )( !err, "error %lu\n", err );
    if (!err)
    {
        len = client_read( client.request, body, sizeof(body) - 1, &err );
        body[min( len, sizeof(body) - 1 )] = 0;
        ok_( __FILE__, line )( !err && !strcmp( body, "proxied GET http://origin.office.example/x HTTP/1.1" ), "error %lu, %s\n",
                               err, body );
    }
    client.session = NULL;
    client_close( &client );
}
#define check_get( session ) check_get_( __LINE__, session )

static void test_a_request_through_the_proxy_that_was_found(void)
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT, .dwAutoDetectFlags = DNS };
    HINTERNET session = pac_session();
    WINHTTP_PROXY_INFO info;

    if (WinHttpGetProxyForUrl( session, ORIGIN, &options, &info ))
    {
        ok( WinHttpSetOption( session, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "error %lu\n", GetLastError() );
        check_get( session );
        pac_free( &info );
    }
    else ok( FALSE, "error %lu\n", GetLastError() );
    WinHttpCloseHandle( session );
}

/* The user's settings say no more than "detect". */
static void test_a_request_with_automatic_settings(void)
{
    static const BYTE detect[60] = { 0x46, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0 };
    HINTERNET session;
    HKEY key;
    LONG err;

    err = RegCreateKeyExW( HKEY_CURRENT_USER, CONNECTIONS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL );
    if (!err)
    {
        err = RegSetValueExW( key, L"DefaultConnectionSettings", 0, REG_BINARY, detect, sizeof(detect) );
        RegCloseKey( key );
    }
    ok( !err, "error %ld\n", err );
    session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, NULL, NULL, 0 );
    ok( session != NULL, "error %lu\n", GetLastError() );
    check_get( session );
    WinHttpCloseHandle( session );
}

static void test_a_resolver(void)
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT, .dwAutoDetectFlags = DNS };
    struct recorder *recorder = recorder_create();
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC ), resolver;
    WINHTTP_PROXY_RESULT result;
    struct event event;
    DWORD err;

    recorder_attach( recorder, session, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) );
    err = WinHttpCreateProxyResolver( session, &resolver );
    ok( !err, "error %lu\n", err );
    err = WinHttpGetProxyForUrlEx( resolver, ORIGIN, &options, (DWORD_PTR)recorder );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    if (recorder_wait( recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
    {
        ok( event.status == STATUS( GETPROXYFORURL_COMPLETE ), "error %lu\n", event.error );
        err = WinHttpGetProxyResult( resolver, &result );
        ok( !err && result.cEntries == 2, "error %lu\n", err );
        if (!err && result.cEntries == 2)
        {
            ok( result.pEntries[0].fProxy && !lstrcmpW( result.pEntries[0].pwszProxy, L"10.77.0.1" ) &&
                result.pEntries[0].ProxyPort == 3128, "%ls\n", result.pEntries[0].pwszProxy );
            ok( !result.pEntries[1].fProxy, "another proxy\n" );
        }
        if (!err) WinHttpFreeProxyResult( &result );
    }
    WinHttpCloseHandle( resolver );
    WinHttpCloseHandle( session );
}

/* A name server that does not answer takes the resolver its time, and detection no longer than it is told to wait. */
static void test_nobody_answers_for_names(void)
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT, .dwAutoDetectFlags = DNS };
    struct recorder *recorder = recorder_create();
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC ), resolver;
    WINHTTP_PROXY_INFO info;
    struct event event;
    DWORD err;

    /* given up while it asks */
    recorder_attach( recorder, session, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) | STATUS( HANDLE_CLOSING ) );
    err = WinHttpCreateProxyResolver( session, &resolver );
    ok( !err, "error %lu\n", err );
    err = WinHttpGetProxyForUrlEx( resolver, ORIGIN, &options, (DWORD_PTR)recorder );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    ok( WinHttpCloseHandle( resolver ), "error %lu\n", GetLastError() );
    recorder_failed( recorder, API_GET_PROXY_FOR_URL, ERROR_WINHTTP_OPERATION_CANCELLED );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
    recorder_check_last( recorder, resolver );

    check_detection( DNS, NULL );
    check_detection( DHCP | DNS, NULL );
    SetLastError( STALE );
    ok( !WinHttpGetProxyForUrl( session, ORIGIN, &options, &info ) && GetLastError() == ERROR_WINHTTP_AUTODETECTION_FAILED,
        "error %lu\n", GetLastError() );                                                                    /* PX-21 */
    WinHttpCloseHandle( session );
}

START_TEST( wpad_network )
{
    char value[16];

    if (!GetEnvironmentVariableA( "WINHTTP_TEST_WPAD", value, sizeof(value) ))
    {
        skip( "not in the network of tests/fixtures/wpad.sh\n" );
        return;
    }
    if (!strcmp( value, "silent" ))
    {
        test_nobody_answers_for_names();
        return;
    }
    save( user_values, count_of( user_values ) );
    test_detection();
    test_proxies_by_detection();
    test_detection_goes_first();
    test_a_request_through_the_proxy_that_was_found();
    test_a_request_with_automatic_settings();
    test_a_resolver();
    restore( user_values, count_of( user_values ) );
}
