/*
 * WinHttpRegisterProxyChangeNotification: every place in which somebody may write settings, by the registry alone
 *
 * What other programs write (installers, netsh, group policy) they write without a call of WinHTTP. Windows 11's service
 * reads most of it later, or when it is told: there a change that is not told is no failure. Source: functions.md section 8,
 * behaviour-concepts.md sections 4.4 and 4.5, windows-behaviour.md PX-7.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "client.h"
#include "proxy_saved.h"

#define POLICIES L"Software\\Policies\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"

typedef DWORD (WINAPI *register_fn)( ULONGLONG, WINHTTP_PROXY_CHANGE_CALLBACK, void *, WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE * );
typedef DWORD (WINAPI *unregister_fn)( WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE );
typedef DWORD (WINAPI *version_fn)( HINTERNET, DWORD * );

static struct saved machine_values[] =
{
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, CONNECTIONS, L"WinHttpSettings", 0, 0, { 0 }, FALSE },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, CONNECTIONS, L"WinHttpSettings", 0, 0, { 0 }, FALSE },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, POLICIES, L"ProxySettingsPerUser", 0, 0, { 0 }, FALSE },
};

static const char user_blob[] = "\x46\0\0\0" "\7\0\0\0" "\3\0\0\0" "\5\0\0\0" "b.x:1" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0"
                                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
static const char machine_blob[] = "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\5\0\0\0" "m.x:1" "\0\0\0";
static const DWORD zero = 0, one = 1;

/* In order: each is a change of what is in force when those before it were made. */
static const struct change
{
    HKEY         root;
    REGSAM       view;
    const WCHAR *key, *value;
    DWORD        type;
    const void  *data;      /* NULL: the value is deleted */
    DWORD        size;
}
changes[] =
{
#define TEXT_VALUE( text ) REG_SZ, text, sizeof(text)
    { HKEY_CURRENT_USER,  0, CONNECTIONS,       L"DefaultConnectionSettings", REG_BINARY, user_blob, sizeof(user_blob) - 1 },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"ProxyEnable",    REG_DWORD, &zero, sizeof(zero) },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"AutoConfigURL",  TEXT_VALUE( L"http://a.x/s" ) },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"AutoConfigURL",  REG_SZ, NULL, 0 },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"ProxyEnable",    REG_DWORD, &one, sizeof(one) },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"ProxyServer",    TEXT_VALUE( L"p.x:1" ) },
    { HKEY_CURRENT_USER,  0, INTERNET_SETTINGS, L"ProxyOverride",  TEXT_VALUE( L"o.x;<local>" ) },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, machine_blob, sizeof(machine_blob) },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, NULL, 0 },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, machine_blob, sizeof(machine_blob) },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, CONNECTIONS, L"WinHttpSettings", REG_BINARY, NULL, 0 },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, POLICIES,    L"ProxySettingsPerUser", REG_DWORD, &zero, sizeof(zero) },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, POLICIES,    L"ProxySettingsPerUser", REG_DWORD, NULL, 0 },
};

/* FALSE: not allowed. */
static BOOL make_change( const struct change *change )
{
    LONG err;
    HKEY key;

    if (RegCreateKeyExW( change->root, change->key, 0, NULL, 0, KEY_SET_VALUE | change->view, NULL, &key, NULL )) return FALSE;
    if (change->data) err = RegSetValueExW( key, change->value, 0, change->type, change->data, change->size );
    else err = RegDeleteValueW( key, change->value );
    RegCloseKey( key );
    ok( !err, "%ls: error %ld\n", change->value, err );
    return !err;
}

static void delete_values( const struct saved *values, unsigned int count )
{
    unsigned int i;
    HKEY key;

    for (i = 0; i < count; i++)
    {
        if (RegOpenKeyExW( values[i].root, values[i].key, 0, KEY_SET_VALUE | values[i].view, &key )) continue;
        RegDeleteValueW( key, values[i].value );
        RegCloseKey( key );
    }
}

static void CALLBACK changed( ULONGLONG flags, void *context )
{
    ok( flags == WINHTTP_PROXY_NOTIFY_CHANGE, "flags %#lx\n", (DWORD)flags );
    SetEvent( context );
}

static BOOL policy_exists(void)
{
    HKEY key;

    if (RegOpenKeyExW( HKEY_LOCAL_MACHINE, POLICIES, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key )) return FALSE;
    RegCloseKey( key );
    return TRUE;
}

/* The key of the policy comes and goes with it: most machines have none. */
static void delete_policy_key(void)
{
    RegDeleteKeyExW( HKEY_LOCAL_MACHINE, POLICIES, KEY_WOW64_64KEY, 0 );
}

START_TEST( proxy_watch )
{
    HMODULE module = GetModuleHandleW( L"winhttp.dll" );
    register_fn reg = (register_fn)(void *)GetProcAddress( module, "WinHttpRegisterProxyChangeNotification" );
    unregister_fn unreg = (unregister_fn)(void *)GetProcAddress( module, "WinHttpUnregisterProxyChangeNotification" );
    version_fn get_version = (version_fn)(void *)GetProcAddress( module, "WinHttpGetProxySettingsVersion" );
    HANDLE event = CreateEventW( NULL, FALSE, FALSE, NULL );
    WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE handle = NULL;
    BOOL had_policies = policy_exists(), told;
    DWORD err, before = 0, after = 0;
    HINTERNET session;
    unsigned int i;

    if (!reg || !unreg || !get_version)
    {
        skip( "no notifications of proxy settings\n" );
        return;
    }
    /* where the user has set nothing Wine's users have what the host's variables say */
    SetEnvironmentVariableW( L"http_proxy", NULL );
    SetEnvironmentVariableW( L"https_proxy", NULL );
    SetEnvironmentVariableW( L"all_proxy", NULL );
    save( user_values, count_of( user_values ) );
    save( machine_values, count_of( machine_values ) );
    delete_values( user_values, count_of( user_values ) );
    delete_values( machine_values, count_of( machine_values ) );
    if (!had_policies) delete_policy_key();
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    err = reg( WINHTTP_PROXY_NOTIFY_CHANGE, changed, event, &handle );
    ok( !err && handle, "error %lu\n", err );

    for (i = 0; i < count_of( changes ); i++)
    {
        ok( !get_version( session, &before ) || broken( TRUE ), "%u: no version\n", i );
        if (!make_change( &changes[i] ))
        {
            skip( "%u: %ls may not be written\n", i, changes[i].value );
            continue;
        }
        told = WaitForSingleObject( event, WAIT_MS ) == WAIT_OBJECT_0;
        ok( told || broken( !told ), "%u: the change of %ls was not told\n", i, changes[i].value );
        ok( !get_version( session, &after ) || broken( TRUE ), "%u: no version\n", i );
        ok( after != before || broken( after == before ), "%u: the same version\n", i );
        if (!told) break;    /* nor will be the others */
    }

    err = unreg( handle );
    ok( !err, "error %lu\n", err );
    if (!had_policies) delete_policy_key();
    restore( user_values, count_of( user_values ) );
    restore( machine_values, count_of( machine_values ) );
    WinHttpCloseHandle( session );
    CloseHandle( event );
}
