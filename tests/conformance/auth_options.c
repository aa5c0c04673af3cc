/*
 * Options that decide who answers a challenge: the logon policy, credentials of the process, switches
 *
 * The legs are NTLM's, so that what is answered can be told from what is not by the first message. Rules: behaviour-concepts.md
 * section 3, options.md section 3.7 and DISABLE_PROXY_AUTH_SCHEMES.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define NTLM_401  AUTH_401( "WWW-Authenticate: NTLM\r\n" )
#define BASIC_401 AUTH_401( "WWW-Authenticate: Basic realm=\"a\"\r\n" )
#define NTLM_407  "HTTP/1.1 407 Who?\r\nContent-Length: 6\r\nProxy-Authenticate: NTLM\r\n\r\ndenied"
#define BASIC_407 "HTTP/1.1 407 Who?\r\nContent-Length: 6\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\r\ndenied"
#define USER_PWD  "Basic dXNlcjpwd2Q="    /* user:pwd */

static BOOL is_wine(void)
{
    return !strcmp( winetest_platform, "wine" );
}

/* As client_open(), by this name. */
static BOOL open_host( struct client *client, const WCHAR *host, struct server *server )
{
    if (!client_open( client, server_port( server ), 0, L"GET", L"/" )) return FALSE;
    WinHttpCloseHandle( client->request );
    WinHttpCloseHandle( client->connect );
    client->request = NULL;
    client->connect = WinHttpConnect( client->session, host, server_port( server ), 0 );
    ok( client->connect != NULL, "failed with %lu\n", GetLastError() );
    return client->connect && client_reopen( client, L"GET", L"/" );
}

/* For http://server.test/ through the scripted proxy. */
static BOOL open_by_proxy( struct client *client, struct server *server )
{
    WCHAR name[64];
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, name, NULL };
    BOOL ret;

    if (!open_host( client, L"server.test", server )) return FALSE;
    swprintf( name, count_of( name ), L"127.0.0.1:%u", server_port( server ) );
    ret = WinHttpSetOption( client->request, WINHTTP_OPTION_PROXY, &info, sizeof(info) );
    ok( ret, "failed with %lu\n", GetLastError() );
    return ret;
}

static void set_number( HINTERNET handle, DWORD option, DWORD value )
{
    BOOL ret = WinHttpSetOption( handle, option, &value, sizeof(value) );

    ok( ret, "option %lu: failed with %lu\n", option, GetLastError() );
}

/* ---- who is logged on ---- */

/* Whoever is logged on is told to servers of the intranet, or to those that the policy names. */
static void test_policy_for_servers(void)
{
    static const struct { const WCHAR *host, *bypass; DWORD policy; BOOL told, either; } rows[] =
    {
        { L"127.0.0.1", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,        TRUE,  FALSE },
        { L"127.0.0.1", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,     FALSE, FALSE },
        { L"127.0.0.1", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, FALSE, FALSE },
        /* documented to count for servers that are named by name only, which is not known of this one */
        { L"127.0.0.1", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,       FALSE, TRUE },
        { L"localhost", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,        TRUE,  FALSE },
        { L"localhost", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,     TRUE,  FALSE },
        { L"localhost", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, FALSE, FALSE },
        { L"localhost", NULL,           WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,       FALSE, TRUE },
        { L"127.0.0.1", L"127.0.0.1",   WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,     TRUE,  FALSE },
        { L"127.0.0.1", L"127.0.0.1",   WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,       FALSE, TRUE },
        { L"127.0.0.1", L"*",           WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,     TRUE,  FALSE },
    };
    const struct step answered[] = { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( AUTH_GOOD ), END };
    const struct step silent[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, (WCHAR *)L"127.0.0.1:1", (WCHAR *)rows[i].bypass };
        struct server *server;
        struct client client;

        if (rows[i].either && !is_wine()) continue;
        if (!(server = server_start( rows[i].told ? answered : silent ))) return;
        winetest_push_context( "%ls, policy %lu, bypass %ls", rows[i].host, rows[i].policy, rows[i].bypass ? rows[i].bypass : L"none" );
        if (open_host( &client, rows[i].host, server ))
        {
            if (rows[i].bypass)
                ok( WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "failed with %lu\n", GetLastError() );
            set_number( client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, rows[i].policy );
            if (client_get( &client ))
                ok( client_status( client.request ) == (rows[i].told ? 200 : 401), "status %lu\n", client_status( client.request ) );
            ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
            if (rows[i].told)
                ok( !strncmp( auth_value( server, 1, "Authorization" ), "NTLM ", 5 ), "%s", server_request( server, 1 ) );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* A program that asks for whoever is logged on does not thereby widen the policy: a choice. Others have found on Windows that
 * they have to lower it. */
static void test_policy_holds_for_set_credentials(void)
{
    static const DWORD policies[] = { WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW };
    const struct step answered[] = { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( AUTH_GOOD ), END };
    const struct step silent[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    unsigned int i;

    if (!is_wine()) return;
    for (i = 0; i < count_of( policies ); i++)
    {
        struct server *server = server_start( i ? answered : silent );
        struct client client;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, NULL, NULL );
            set_number( client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, policies[i] );
            if (client_get( &client ))
                ok( client_status( client.request ) == (i ? 200 : 401), "%u: status %lu\n", i, client_status( client.request ) );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* Proxies are told under every policy but HIGH. */
static void test_policy_for_proxies(void)
{
    static const struct { DWORD policy, disabled; BOOL told; } rows[] =
    {
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,        0, TRUE },
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,     0, TRUE },
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, 0, TRUE },
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,       0, FALSE },
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, WINHTTP_PROXY_DISABLE_SCHEME_NTLM,          FALSE },
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, WINHTTP_PROXY_DISABLE_SCHEME_BASIC,         TRUE },
        /* on Windows the machine's account answers */
        { WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, WINHTTP_PROXY_DISABLE_AUTH_LOCAL_SERVICE,   FALSE },
    };
    const struct step answered[] = { ACCEPT, HEAD, SEND( NTLM_407 ), HEAD, SEND( AUTH_GOOD ), END };
    const struct step silent[] = { ACCEPT, HEAD, SEND( NTLM_407 ), END };
    WCHAR text[64], expected[64];
    unsigned int i;
    DWORD size;
    BOOL ret;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct server *server;
        struct client client;

        if (rows[i].disabled && !is_wine()) continue;    /* Windows 11 only, and not of this session's making */
        if (!(server = server_start( rows[i].told ? answered : silent ))) return;
        winetest_push_context( "policy %lu, disabled %#lx", rows[i].policy, rows[i].disabled );
        if (open_by_proxy( &client, server ))
        {
            set_number( client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, rows[i].policy );
            if (rows[i].disabled) set_number( client.session, WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES, rows[i].disabled );
            if (client_get( &client ))
                ok( client_status( client.request ) == (rows[i].told ? 200 : 407), "status %lu\n", client_status( client.request ) );
            if (rows[i].told)
            {
                ok( !strncmp( auth_value( server, 1, "Proxy-Authorization" ), "NTLM ", 5 ), "%s", server_request( server, 1 ) );
                ok( !*auth_value( server, 1, "Authorization" ), "%s", server_request( server, 1 ) );
                size = sizeof(text);
                ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_PROXY_SPN_USED, text, &size );
                swprintf( expected, count_of( expected ), L"HTTP/127.0.0.1" );
                ok( ret && !wcscmp( text, expected ), "got %d, %ls\n", ret, ret ? text : L"" );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- switches ---- */

/* A scheme that is switched off is not sent ahead either. */
static void test_disabled_scheme_is_not_sent_ahead(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_407 ), END };
    DWORD flags = WINHTTP_PROXY_DISABLE_SCHEME_BASIC;
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_by_proxy( &client, server ))
    {
        if (!WinHttpSetOption( client.session, WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES, &flags, sizeof(flags) ))
        {
            win_skip( "no DISABLE_PROXY_AUTH_SCHEMES: error %lu\n", GetLastError() );
            client_close( &client );
            server_abort( server );
            return;
        }
        auth_set_( __FILE__, __LINE__, client.request, WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client ))
            ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
        ok( !*auth_value( server, 0, "Proxy-Authorization" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* With DISABLE_AUTHENTICATION a program goes the documented loop by itself. */
static void test_loop_with_authentication_disabled(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_number( client.request, WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_DISABLE_AUTHENTICATION );
        set_number( client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "denied" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- credentials of the process ---- */

static const WCHAR settings_key[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings";
static const WCHAR share_value[] = L"ShareCredsWithWinHttp";

static BOOL share( DWORD value )
{
    HKEY key;
    LONG err = RegOpenKeyExW( HKEY_LOCAL_MACHINE, settings_key, 0, KEY_SET_VALUE, &key );

    if (err) return FALSE;
    if (value) err = RegSetValueExW( key, share_value, 0, REG_DWORD, (BYTE *)&value, sizeof(value) );
    else RegDeleteValueW( key, share_value );
    RegCloseKey( key );
    return !err;
}

static void set_creds( DWORD option, const char *user, const char *host, DWORD port )
{
    WINHTTP_CREDS_EX creds = { (char *)user, (char *)"pwd", NULL, WINHTTP_AUTH_SCHEME_BASIC, (char *)host, port, NULL };
    BOOL ret = WinHttpSetOption( NULL, option, &creds, sizeof(creds) );

    ok( ret, "failed with %lu\n", GetLastError() );
}

/* Machines that do not share them have no such options. */
static void test_credentials_that_are_not_shared(void)
{
    WINHTTP_CREDS_EX creds = { (char *)"user", (char *)"pwd", NULL, WINHTTP_AUTH_SCHEME_BASIC, NULL, 0, NULL };
    HINTERNET session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    BOOL use = TRUE, ret;
    DWORD value, size = sizeof(value);

    if (!RegGetValueW( HKEY_LOCAL_MACHINE, settings_key, share_value, RRF_RT_REG_DWORD, NULL, &value, &size ) && value)
        skip( "this machine shares credentials\n" );
    else
    {
        ret = WinHttpSetOption( NULL, WINHTTP_OPTION_GLOBAL_SERVER_CREDS, &creds, sizeof(creds) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION, "got %d, error %lu\n", ret, GetLastError() );
        ret = WinHttpSetOption( NULL, WINHTTP_OPTION_GLOBAL_PROXY_CREDS, &creds, sizeof(creds) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION, "got %d, error %lu\n", ret, GetLastError() );
        ret = WinHttpSetOption( session, WINHTTP_OPTION_USE_GLOBAL_SERVER_CREDENTIALS, &use, sizeof(use) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_OPTION, "got %d, error %lu\n", ret, GetLastError() );
    }
    WinHttpCloseHandle( session );
}

/* Only sessions that ask for it use them, only for the server that they are for, and nobody does who has others. localhost is
 * of the intranet, but whoever is logged on cannot answer Basic. */
static void check_global( const WCHAR *host, BOOL use, const char *of_host, const WCHAR *own, const char *expected )
{
    const struct step answered[] = { ACCEPT, HEAD, SEND( BASIC_401 ), HEAD, SEND( AUTH_GOOD ), END };
    const struct step silent[] = { ACCEPT, HEAD, SEND( BASIC_401 ), END };
    struct server *server = server_start( expected ? answered : silent );
    struct client client;
    BOOL ret;

    if (!server) return;
    winetest_push_context( "%ls, use %d, for %s, own %ls", host, use, of_host ? of_host : "all", own ? own : L"none" );
    set_creds( WINHTTP_OPTION_GLOBAL_SERVER_CREDS, "user", of_host, of_host ? server_port( server ) : 0 );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        if (use)
        {
            ret = WinHttpSetOption( client.session, WINHTTP_OPTION_USE_GLOBAL_SERVER_CREDENTIALS, &use, sizeof(use) );
            ok( ret, "failed with %lu\n", GetLastError() );
        }
        client.connect = WinHttpConnect( client.session, host, server_port( server ), 0 );
        if (client_reopen( &client, L"GET", L"/" ))
        {
            if (own)
            {
                WinHttpSetOption( client.request, WINHTTP_OPTION_USERNAME, (void *)own, wcslen( own ) );
                WinHttpSetOption( client.request, WINHTTP_OPTION_PASSWORD, (void *)L"pwd", 3 );
            }
            if (client_get( &client ))
                ok( client_status( client.request ) == (expected ? 200 : 401), "status %lu\n", client_status( client.request ) );
            ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
            if (expected) ok( !strcmp( auth_value( server, 1, "Authorization" ), expected ), "%s", server_request( server, 1 ) );
        }
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

static void check_global_for_proxy(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_407 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    set_creds( WINHTTP_OPTION_GLOBAL_PROXY_CREDS, "user", NULL, 0 );
    if (open_by_proxy( &client, server ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( !strcmp( auth_value( server, 1, "Proxy-Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
        ok( !*auth_value( server, 1, "Authorization" ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A machine has to be told to share, which a test does not do to a Windows machine. */
static void test_credentials_of_the_process(void)
{
    if (!is_wine()) return;
    if (!share( 1 ))
    {
        skip( "the registry cannot be written\n" );
        return;
    }
    check_global( L"127.0.0.1", TRUE, NULL, NULL, USER_PWD );
    check_global( L"localhost", TRUE, NULL, NULL, USER_PWD );
    check_global( L"127.0.0.1", FALSE, NULL, NULL, NULL );
    check_global( L"127.0.0.1", TRUE, "127.0.0.1", NULL, USER_PWD );
    check_global( L"127.0.0.1", TRUE, "elsewhere.test", NULL, NULL );
    check_global( L"127.0.0.1", TRUE, NULL, L"me", "Basic bWU6cHdk" );
    check_global_for_proxy();
    set_creds( WINHTTP_OPTION_GLOBAL_SERVER_CREDS, "nobody", "nowhere.invalid", 1 );    /* they cannot be taken back */
    set_creds( WINHTTP_OPTION_GLOBAL_PROXY_CREDS, "nobody", NULL, 0 );
    share( 0 );
}

START_TEST(auth_options)
{
    test_credentials_that_are_not_shared();
    test_credentials_of_the_process();
    test_disabled_scheme_is_not_sent_ahead();
    test_loop_with_authentication_disabled();
    if (!auth_has_ntlm()) return;
    test_policy_for_servers();
    test_policy_holds_for_set_credentials();
    test_policy_for_proxies();
}
