/*
 * Proxy settings of the machine and of the user: asking for them, setting them, being told of changes
 *
 * What is changed is put back as it was, value by value. An unprivileged caller is refused the machine's with 5, and skips
 * what needs them. Source: windows-behaviour.md PX-1 to PX-11, functions.md section 8, behaviour-concepts.md 4.4 and 4.5.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"
#include "proxy_saved.h"

static struct saved machine_values[] =
{
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, CONNECTIONS, L"WinHttpSettings", 0, 0, { 0 }, FALSE },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, CONNECTIONS, L"WinHttpSettings", 0, 0, { 0 }, FALSE },
};

static void set_value( HKEY root, REGSAM view, const WCHAR *name, const WCHAR *value, DWORD type, const void *data, DWORD size )
{
    LONG err;
    HKEY key;

    err = RegCreateKeyExW( root, name, 0, NULL, 0, KEY_SET_VALUE | view, NULL, &key, NULL );
    if (!err)
    {
        err = data ? RegSetValueExW( key, value, 0, type, data, size ) : RegDeleteValueW( key, value );
        RegCloseKey( key );
    }
    ok( !err || (!data && err == ERROR_FILE_NOT_FOUND), "%ls: error %ld\n", value, err );
}

/*--- the machine's default -----------------------------------------------------------------------------------------*/

static BOOL same_text( const WCHAR *text, const WCHAR *expected )
{
    return expected ? text && !lstrcmpW( text, expected ) : !text;
}

static void check_default_( int line, DWORD type, const WCHAR *proxy, const WCHAR *bypass )
{
    WINHTTP_PROXY_INFO info;
    BOOL ret;

    memset( &info, 0x55, sizeof(info) );
    SetLastError( STALE );
    ret = WinHttpGetDefaultProxyConfiguration( &info );
    ok_( __FILE__, line )( ret, "failed with %lu\n", GetLastError() );
    if (!ret) return;
    ok_( __FILE__, line )( !GetLastError() || broken( GetLastError() == STALE ), "last error %lu\n", GetLastError() );    /* PX-1 */
    /* PX-8: some releases say NO_PROXY beside a proxy */
    ok_( __FILE__, line )( info.dwAccessType == type || broken( info.dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY ), "type %lu\n",
                           info.dwAccessType );
    ok_( __FILE__, line )( same_text( info.lpszProxy, proxy ), "proxy %ls\n", info.lpszProxy ? info.lpszProxy : L"(none)" );
    ok_( __FILE__, line )( same_text( info.lpszProxyBypass, bypass ), "bypass %ls\n",
                           info.lpszProxyBypass ? info.lpszProxyBypass : L"(none)" );
    if (info.lpszProxy) ok_( __FILE__, line )( !GlobalFree( info.lpszProxy ), "the proxy could not be freed\n" );    /* PX-1 */
    if (info.lpszProxyBypass) ok_( __FILE__, line )( !GlobalFree( info.lpszProxyBypass ), "the bypass could not be freed\n" );
}
#define check_default( type, proxy, bypass ) check_default_( __LINE__, type, proxy, bypass )

static DWORD set_default( DWORD type, const WCHAR *proxy, const WCHAR *bypass )
{
    WINHTTP_PROXY_INFO info = { type, (WCHAR *)proxy, (WCHAR *)bypass };

    SetLastError( STALE );
    if (!WinHttpSetDefaultProxyConfiguration( &info )) return GetLastError();
    ok( !GetLastError(), "success with last error %lu\n", GetLastError() );                              /* PX-6 */
    return 0;
}

static void test_default_that_is_refused(void)
{
    DWORD err;

    err = set_default( 0xdeadbeef, L"proxy", NULL );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );                                              /* PX-3 */
    err = set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );                                              /* PX-4 */
    err = set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, L"bypass" );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );                                              /* PX-4 */
    err = set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"proxy\x20ac", NULL );
    ok( err == ERROR_INVALID_PARAMETER || err == ERROR_ACCESS_DENIED, "got %lu\n", err );                /* PX-5 */
}

/* TRUE: this caller may change it. */
static BOOL test_default_is_kept(void)
{
    DWORD err = set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"proxy.invalid:3128", L"a.invalid;<local>" );

    if (err == ERROR_ACCESS_DENIED)
    {
        skip( "not allowed to change the machine's settings\n" );                                        /* PX-6 */
        return FALSE;
    }
    ok( !err, "got %lu\n", err );
    check_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"proxy.invalid:3128", L"a.invalid;<local>" );

    err = set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"http=proxy.invalid", NULL );
    ok( !err, "got %lu\n", err );
    check_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"http=proxy.invalid", NULL );

    err = set_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    ok( !err, "got %lu\n", err );
    check_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    return TRUE;
}

static DWORD read_machine( REGSAM view, BYTE *data, DWORD size )
{
    HKEY key;

    memset( data, 0, size );
    if (RegOpenKeyExW( HKEY_LOCAL_MACHINE, CONNECTIONS, 0, KEY_QUERY_VALUE | view, &key )) return 0;
    if (RegQueryValueExW( key, L"WinHttpSettings", NULL, NULL, data, &size )) size = 0;
    RegCloseKey( key );
    return size;
}

/* What netsh and installers write and read. */
static void test_where_the_default_is(void)
{
    static const char text[] = "\x07\0\0\0" "p.x:808" "\x03\0\0\0" "b.x";
    static const REGSAM views[] = { KEY_WOW64_64KEY, KEY_WOW64_32KEY };
    BYTE data[256];
    unsigned int i;
    DWORD size;

    set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"p.x:808", L"b.x" );
    for (i = 0; i < count_of( views ); i++)
    {
        size = read_machine( views[i], data, sizeof(data) );                                             /* PX-7 */
        ok( size >= 12 + sizeof(text) - 1, "view %u: %lu bytes\n", i, size );
        ok( data[0] == 0x18 || data[0] == 0x28, "view %u: version %#x\n", i, data[0] );
        ok( data[8] & 2, "view %u: flags %#x\n", i, data[8] );
        ok( !memcmp( data + 12, text, sizeof(text) - 1 ), "view %u: other texts\n", i );
    }
}

static void set_machine( const void *data, DWORD size )
{
    set_value( HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, data, size );
    set_value( HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, data, size );
}

static void test_default_that_others_have_written(void)
{
    static const char classic[] = "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\7\0\0\0" "p.x:808" "\3\0\0\0" "b.x";
    static const char newer[] = "\x28\0\0\0" "\2\0\0\0" "\3\0\0\0" "\7\0\0\0" "q.x:808" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0";
    static const char untouched[] = "\x18\0\0\0" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0" "\0\0\0\0";
    static const char too_short[] = "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\x20\0\0\0" "p.x:808";

    set_machine( classic, sizeof(classic) - 1 );                                                         /* PX-7 */
    check_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"p.x:808", L"b.x" );
    set_machine( newer, sizeof(newer) - 1 );
    check_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"q.x:808", NULL );
    set_machine( untouched, sizeof(untouched) - 1 );
    check_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    set_machine( too_short, sizeof(too_short) - 1 );
    check_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
    set_machine( NULL, 0 );                                                                              /* PX-7 */
    check_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );
}

/* Sessions that are opened with DEFAULT_PROXY go through it. */
static void test_default_is_used(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    WCHAR proxy[64];

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u", server_port( server ) );
    set_default( WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, L"<local>" );
    client.session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, NULL, NULL, 0 );
    set_default( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL );    /* that is for later sessions */
    client.connect = WinHttpConnect( client.session, L"origin.invalid", 80, 0 );
    if (client_reopen( &client, NULL, L"/x" ) && client_get( &client ))
        ok( strstr( server_request( server, 0 ), "GET http://origin.invalid/x HTTP/1.1\r\n" ) != NULL, "got %s\n",
            server_request( server, 0 ) );
    client_close( &client );
    server_stop( server );
}

/*--- the user's ----------------------------------------------------------------------------------------------------*/

static void free_user( WINHTTP_CURRENT_USER_IE_PROXY_CONFIG *config )
{
    if (config->lpszAutoConfigUrl) ok( !GlobalFree( config->lpszAutoConfigUrl ), "the URL could not be freed\n" );    /* PX-11 */
    if (config->lpszProxy) ok( !GlobalFree( config->lpszProxy ), "the proxy could not be freed\n" );
    if (config->lpszProxyBypass) ok( !GlobalFree( config->lpszProxyBypass ), "the bypass could not be freed\n" );
}

static void check_user_( int line, BOOL detect, const WCHAR *url, const WCHAR *proxy, const WCHAR *bypass )
{
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG config;
    BOOL ret;

    memset( &config, 0x55, sizeof(config) );
    SetLastError( STALE );
    ret = WinHttpGetIEProxyConfigForCurrentUser( &config );
    ok_( __FILE__, line )( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );         /* PX-11 */
    if (!ret) return;
    ok_( __FILE__, line )( config.fAutoDetect == detect, "detection %d\n", config.fAutoDetect );
    ok_( __FILE__, line )( same_text( config.lpszAutoConfigUrl, url ), "URL %ls\n",
                           config.lpszAutoConfigUrl ? config.lpszAutoConfigUrl : L"(none)" );
    ok_( __FILE__, line )( same_text( config.lpszProxy, proxy ), "proxy %ls\n", config.lpszProxy ? config.lpszProxy : L"(none)" );
    ok_( __FILE__, line )( same_text( config.lpszProxyBypass, bypass ), "bypass %ls\n",
                           config.lpszProxyBypass ? config.lpszProxyBypass : L"(none)" );
    free_user( &config );
}
#define check_user( detect, url, proxy, bypass ) check_user_( __LINE__, detect, url, proxy, bypass )

static void set_user( const void *data, DWORD size )
{
    static const WCHAR *const plain[] = { L"ProxyEnable", L"ProxyServer", L"ProxyOverride", L"AutoConfigURL" };
    unsigned int i;

    for (i = 0; i < count_of( plain ); i++) set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, plain[i], REG_SZ, NULL, 0 );
    set_value( HKEY_CURRENT_USER, 0, CONNECTIONS, L"DefaultConnectionSettings", REG_BINARY, data, size );
}

static void test_user_without_a_structure(void)
{
    SetLastError( STALE );
    ok( !WinHttpGetIEProxyConfigForCurrentUser( NULL ) && GetLastError() == ERROR_INVALID_PARAMETER, "error %lu\n",    /* PX-10 */
        GetLastError() );
}

static void test_user_without_settings(void)
{
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG config;
    BOOL ret;

    set_user( NULL, 0 );
    memset( &config, 0x55, sizeof(config) );
    SetLastError( STALE );
    ret = WinHttpGetIEProxyConfigForCurrentUser( &config );
    ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );                            /* PX-11 */
    if (ret) free_user( &config );    /* what the host has is in it */
}

static void test_user_with_settings(void)
{
    static const char manual[] =
        "\x46\0\0\0" "\5\0\0\0" "\3\0\0\0" "\7\0\0\0" "p.x:808" "\7\0\0\0" "<local>" "\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const char all[] =
        "\x46\0\0\0" "\6\0\0\0" "\x0f\0\0\0" "\7\0\0\0" "p.x:808" "\3\0\0\0" "b.x" "\x0c\0\0\0" "http://a.b/c"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    char one[sizeof(all)];

    set_user( manual, sizeof(manual) - 1 );
    check_user( FALSE, NULL, L"p.x:808", L"<local>" );
    set_user( all, sizeof(all) - 1 );
    check_user( TRUE, L"http://a.b/c", L"p.x:808", L"b.x" );

    /* texts count with their flags only */
    memcpy( one, all, sizeof(one) );
    one[8] = 5;
    set_user( one, sizeof(all) - 1 );
    check_user( FALSE, L"http://a.b/c", NULL, NULL );
    one[8] = 9;
    set_user( one, sizeof(all) - 1 );
    check_user( TRUE, NULL, NULL, NULL );
}

/*--- the functions of WinINet --------------------------------------------------------------------------------------*/

/* These are in no documentation: present on Windows 10 and 11; what is tested is what each must do to be of any use. */
#define IMPORT( name ) name##_fn p##name = (name##_fn)(void *)GetProcAddress( GetModuleHandleW( L"winhttp.dll" ), #name )

typedef DWORD (WINAPI *WinHttpReadProxySettings_fn)( HINTERNET, PCWSTR, BOOL, BOOL, DWORD *, BOOL *, WINHTTP_PROXY_SETTINGS * );
typedef DWORD (WINAPI *WinHttpWriteProxySettings_fn)( HINTERNET, BOOL, WINHTTP_PROXY_SETTINGS * );
typedef void (WINAPI *WinHttpFreeProxySettings_fn)( WINHTTP_PROXY_SETTINGS * );
typedef DWORD (WINAPI *WinHttpGetProxySettingsVersion_fn)( HINTERNET, DWORD * );
typedef DWORD (WINAPI *WinHttpRegisterProxyChangeNotification_fn)( ULONGLONG, WINHTTP_PROXY_CHANGE_CALLBACK, void *,
                                                                   WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE * );
typedef DWORD (WINAPI *WinHttpUnregisterProxyChangeNotification_fn)( WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE );

static void test_read_and_write(void)
{
    IMPORT( WinHttpReadProxySettings );
    IMPORT( WinHttpWriteProxySettings );
    IMPORT( WinHttpFreeProxySettings );
    IMPORT( WinHttpGetProxySettingsVersion );
    WINHTTP_PROXY_SETTINGS settings;
    DWORD err, version, first = 0, second = 0;
    HINTERNET session;
    BOOL is_default;

    if (!pWinHttpReadProxySettings || !pWinHttpWriteProxySettings || !pWinHttpFreeProxySettings || !pWinHttpGetProxySettingsVersion)
    {
        skip( "no functions for proxy settings\n" );
        return;
    }
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    set_user( NULL, 0 );

    err = pWinHttpReadProxySettings( NULL, NULL, TRUE, FALSE, &version, &is_default, &settings );
    ok( err == ERROR_INVALID_HANDLE || broken( !err ), "got %lu\n", err );
    err = pWinHttpReadProxySettings( session, NULL, TRUE, FALSE, NULL, NULL, NULL );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );

    err = pWinHttpGetProxySettingsVersion( session, &first );
    ok( !err, "got %lu\n", err );
    memset( &settings, 0, sizeof(settings) );
    settings.dwStructSize      = sizeof(settings);
    settings.dwFlags           = WINHTTP_PROXY_TYPE_DIRECT | WINHTTP_PROXY_TYPE_PROXY | WINHTTP_PROXY_TYPE_AUTO_PROXY_URL;
    settings.pwszProxy         = (WCHAR *)L"w.x:1";
    settings.pwszProxyBypass   = (WCHAR *)L"v.x";
    settings.pwszAutoconfigUrl = (WCHAR *)L"http://u.x/";
    err = pWinHttpWriteProxySettings( session, TRUE, &settings );
    ok( !err || broken( err ), "got %lu\n", err );
    if (!err)
    {
        check_user( FALSE, L"http://u.x/", L"w.x:1", L"v.x" );
        err = pWinHttpGetProxySettingsVersion( session, &second );
        ok( !err && second != first, "got %lu, versions %lu, %lu\n", err, first, second );

        memset( &settings, 0x55, sizeof(settings) );
        err = pWinHttpReadProxySettings( session, NULL, TRUE, FALSE, &version, &is_default, &settings );
        ok( !err, "got %lu\n", err );
        if (!err)
        {
            ok( settings.dwStructSize == sizeof(settings), "size %lu\n", settings.dwStructSize );
            ok( (settings.dwFlags & 0xf) == 7, "flags %#lx\n", settings.dwFlags );
            ok( same_text( settings.pwszProxy, L"w.x:1" ) && same_text( settings.pwszProxyBypass, L"v.x" ) &&
                same_text( settings.pwszAutoconfigUrl, L"http://u.x/" ), "other texts\n" );
            pWinHttpFreeProxySettings( &settings );
            ok( !settings.pwszProxy, "freed settings have a proxy\n" );
        }
        err = pWinHttpReadProxySettings( session, L"winhttp test", FALSE, FALSE, &version, &is_default, &settings );
        ok( err != 0, "a connection that is not there has settings\n" );
        err = pWinHttpReadProxySettings( session, L"winhttp test", TRUE, FALSE, &version, &is_default, &settings );
        ok( !err && is_default && same_text( settings.pwszProxy, L"w.x:1" ), "got %lu, %d\n", err, is_default );
        if (!err) pWinHttpFreeProxySettings( &settings );
    }
    WinHttpCloseHandle( session );
}

/*--- changes -------------------------------------------------------------------------------------------------------*/

struct watch { HANDLE event; LONG count; ULONGLONG flags; };

static void CALLBACK changed( ULONGLONG flags, void *context )
{
    struct watch *watch = context;

    watch->flags = flags;
    InterlockedIncrement( &watch->count );
    SetEvent( watch->event );
}

static void test_changes_are_told(void)
{
    static const char manual[] =
        "\x46\0\0\0" "\7\0\0\0" "\3\0\0\0" "\7\0\0\0" "n.x:808" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    IMPORT( WinHttpRegisterProxyChangeNotification );
    IMPORT( WinHttpUnregisterProxyChangeNotification );
    struct watch watch = { CreateEventW( NULL, FALSE, FALSE, NULL ), 0, 0 };
    WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE handle = NULL;
    DWORD err, enabled = 1;
    LONG count;

    if (!pWinHttpRegisterProxyChangeNotification || !pWinHttpUnregisterProxyChangeNotification)
    {
        skip( "no notifications of proxy settings\n" );
        CloseHandle( watch.event );
        return;
    }
    err = pWinHttpRegisterProxyChangeNotification( WINHTTP_PROXY_NOTIFY_CHANGE, NULL, NULL, &handle );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );
    err = pWinHttpRegisterProxyChangeNotification( WINHTTP_PROXY_NOTIFY_CHANGE, changed, NULL, NULL );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );

    set_user( NULL, 0 );
    err = pWinHttpRegisterProxyChangeNotification( WINHTTP_PROXY_NOTIFY_CHANGE, changed, &watch, &handle );
    ok( !err && handle, "got %lu, %p\n", err, handle );
    if (err) goto done;

    set_user( manual, sizeof(manual) - 1 );
    set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyServer", REG_SZ, L"n.x:808", sizeof(L"n.x:808") );
    set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyEnable", REG_DWORD, &enabled, sizeof(enabled) );
    ok( WaitForSingleObject( watch.event, WAIT_MS ) == WAIT_OBJECT_0, "the change was not told\n" );
    ok( watch.flags == WINHTTP_PROXY_NOTIFY_CHANGE, "flags %#lx\n", (DWORD)watch.flags );

    err = pWinHttpUnregisterProxyChangeNotification( handle );
    ok( !err, "got %lu\n", err );
    count = watch.count;
    set_user( NULL, 0 );
    ok( watch.count == count, "told of a change after the end\n" );
done:
    CloseHandle( watch.event );
}

/* Registers another one, and ends itself, in the callback. */
struct nested
{
    WinHttpRegisterProxyChangeNotification_fn   reg;
    WinHttpUnregisterProxyChangeNotification_fn unreg;
    WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE    first, second;
    struct watch                                watch;
    DWORD                                       errors;
};

static void CALLBACK changed_nested( ULONGLONG flags, void *context )
{
    struct nested *nested = context;

    if (nested->reg( WINHTTP_PROXY_NOTIFY_CHANGE, changed, &nested->watch, &nested->second )) nested->errors++;
    if (nested->unreg( nested->first )) nested->errors++;
    changed( flags, &nested->watch );
}

static void test_callbacks_may_register_and_unregister(void)
{
    IMPORT( WinHttpRegisterProxyChangeNotification );
    IMPORT( WinHttpUnregisterProxyChangeNotification );
    struct nested nested;
    DWORD err, enabled = 1;

    memset( &nested, 0, sizeof(nested) );
    nested.reg   = pWinHttpRegisterProxyChangeNotification;
    nested.unreg = pWinHttpUnregisterProxyChangeNotification;
    if (!nested.reg || !nested.unreg) return;
    nested.watch.event = CreateEventW( NULL, FALSE, FALSE, NULL );
    err = nested.reg( WINHTTP_PROXY_NOTIFY_CHANGE, changed_nested, &nested, &nested.first );
    ok( !err, "got %lu\n", err );
    set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyServer", REG_SZ, L"o.x:808", sizeof(L"o.x:808") );
    set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyEnable", REG_DWORD, &enabled, sizeof(enabled) );
    ok( WaitForSingleObject( nested.watch.event, WAIT_MS ) == WAIT_OBJECT_0, "the first change was not told\n" );
    ok( !nested.errors && nested.second, "%lu errors\n", nested.errors );

    set_value( HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyServer", REG_SZ, L"q.x:808", sizeof(L"q.x:808") );
    ok( WaitForSingleObject( nested.watch.event, WAIT_MS ) == WAIT_OBJECT_0, "the second change was not told\n" );
    err = nested.unreg( nested.second );
    ok( !err, "got %lu\n", err );
    CloseHandle( nested.watch.event );
}

START_TEST(proxy_settings)
{
    save( machine_values, count_of( machine_values ) );
    save( user_values, count_of( user_values ) );

    test_default_that_is_refused();
    if (test_default_is_kept())
    {
        test_where_the_default_is();
        test_default_that_others_have_written();
        test_default_is_used();
    }
    test_user_without_a_structure();
    test_user_without_settings();
    test_user_with_settings();
    test_read_and_write();
    test_changes_are_told();
    test_callbacks_may_register_and_unregister();

    restore( machine_values, count_of( machine_values ) );
    restore( user_values, count_of( user_values ) );
}
