/*
 * WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY: the user's settings, one proxy after the other, the host's settings
 *
 * The settings are written by WinHttpWriteProxySettings, which tells whoever keeps them, and put back at the end; where that
 * is not allowed, or not there, the tests are skipped. Source: behaviour-concepts.md sections 4.1 and 4.5.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"
#include "proxy_automatic.h"
#include "proxy_saved.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

typedef DWORD (WINAPI *read_fn)( HINTERNET, PCWSTR, BOOL, BOOL, DWORD *, BOOL *, WINHTTP_PROXY_SETTINGS * );
typedef DWORD (WINAPI *write_fn)( HINTERNET, BOOL, WINHTTP_PROXY_SETTINGS * );
typedef void (WINAPI *free_fn)( WINHTTP_PROXY_SETTINGS * );

static HINTERNET settings_session;
static read_fn read_settings;
static write_fn write_settings;
static free_fn free_settings;
static WINHTTP_PROXY_SETTINGS before;

static BOOL set_all( const WCHAR *proxy, const WCHAR *bypass, const WCHAR *url )
{
    WINHTTP_PROXY_SETTINGS settings;

    memset( &settings, 0, sizeof(settings) );
    settings.dwStructSize = sizeof(settings);
    settings.dwFlags = WINHTTP_PROXY_TYPE_DIRECT;
    if (proxy) settings.dwFlags |= WINHTTP_PROXY_TYPE_PROXY;
    if (url) settings.dwFlags |= WINHTTP_PROXY_TYPE_AUTO_PROXY_URL;
    settings.pwszProxy = (WCHAR *)proxy;
    settings.pwszProxyBypass = (WCHAR *)bypass;
    settings.pwszAutoconfigUrl = (WCHAR *)url;
    return !write_settings( settings_session, TRUE, &settings );
}

static BOOL set_user( const WCHAR *proxy, const WCHAR *bypass )
{
    return set_all( proxy, bypass, NULL );
}

BOOL automatic_open( struct client *client, const WCHAR *host, unsigned short port, const WCHAR *verb, DWORD open_flags )
{
    memset( client, 0, sizeof(*client) );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, NULL, NULL, open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    WinHttpSetTimeouts( client->session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    client->connect = WinHttpConnect( client->session, host, port, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    return client->connect && client_reopen( client, verb, L"/x" );
}

static BOOL open_automatic( struct client *client, const WCHAR *host, unsigned short port, const WCHAR *verb )
{
    return automatic_open( client, host, port, verb, 0 );
}

static BOOL has_line( const char *head, const char *line )
{
    const char *p = strstr( head, line );

    return p && (p == head || p[-1] == '\n') && p[strlen( line )] == '\r';
}

static void test_the_users_proxy(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR proxy[64];

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u", server_port( server ) );
    ok( set_user( proxy, L"a.invalid;<local>" ), "the settings could not be written\n" );
    if (open_automatic( &client, L"origin.invalid", 80, NULL ) && client_get( &client ))
        ok( has_line( server_request( server, 0 ), "GET http://origin.invalid/x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
    client_close( &client );
    server_stop( server );
}

static void test_the_users_bypass(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR proxy[64];

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u", server_closed_port() );
    ok( set_user( proxy, L"127.0.0.1" ), "the settings could not be written\n" );
    if (open_automatic( &client, L"127.0.0.1", server_port( server ), NULL ) && client_get( &client ))
        ok( has_line( server_request( server, 0 ), "GET /x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
    client_close( &client );
    server_stop( server );
}

/* The option shows what was chosen, not what is in force. */
static void test_the_option(void)
{
    WINHTTP_PROXY_INFO info;
    struct client client;
    DWORD size = sizeof(info);

    if (open_automatic( &client, L"origin.invalid", 80, NULL ))
    {
        memset( &info, 0x55, sizeof(info) );
        ok( WinHttpQueryOption( client.request, WINHTTP_OPTION_PROXY, &info, &size ), "failed with %lu\n", GetLastError() );
        ok( info.dwAccessType == WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY && !info.lpszProxy && !info.lpszProxyBypass, "type %lu, %p, %p\n",
            info.dwAccessType, info.lpszProxy, info.lpszProxyBypass );
    }
    client_close( &client );
}

/* A proxy that cannot be reached is followed by the next one, with the body. The next request does not ask it first, which
 * nothing here can see. */
static void test_the_next_proxy(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 4 ), SEND( OK_EMPTY ), HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    WINHTTP_REQUEST_STATS stats;
    struct client client;
    WCHAR proxy[64];
    DWORD size;
    BOOL ret;

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u;127.0.0.1:%u", server_closed_port(), server_port( server ) );
    ok( set_user( proxy, NULL ), "the settings could not be written\n" );
    if (open_automatic( &client, L"origin.invalid", 80, L"POST" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"body", 4, 4, 0 ) && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( has_line( server_request( server, 0 ), "POST http://origin.invalid/x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
        memset( &stats, 0, sizeof(stats) );
        stats.cStats = WinHttpRequestStatLast;
        size = sizeof(stats);
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REQUEST_STATS, &stats, &size );
        ok( ret || broken( !ret ), "failed with %lu\n", GetLastError() );    /* not before Windows 10 1903 */
        if (ret) ok( stats.rgullStats[WinHttpProxyFailureCount] == 1 || broken( !stats.rgullStats[WinHttpProxyFailureCount] ),
                     "%lu failures\n", (DWORD)stats.rgullStats[WinHttpProxyFailureCount] );
        WinHttpCloseHandle( client.request );
        if (client_reopen( &client, NULL, L"/y" ) && client_get( &client ))
            ok( has_line( server_request( server, 1 ), "GET http://origin.invalid/y HTTP/1.1" ), "got %s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

static const WCHAR *two_proxies( struct server *first, struct server *second )
{
    static WCHAR proxy[64];

    wsprintfW( proxy, L"127.0.0.1:%u;127.0.0.1:%u", first ? server_port( first ) : server_closed_port(), server_port( second ) );
    return proxy;
}

static DWORD try_secure( struct client *client )
{
    if (!open_automatic( client, L"origin.invalid", 443, NULL )) return ~0u;
    WinHttpCloseHandle( client->request );
    client->request = WinHttpOpenRequest( client->connect, NULL, L"/x", NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    ok( client->request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    return client->request ? client_try( client ) : ~0u;
}

/* One that cannot be reached, or that goes away when it is asked for a tunnel, is followed by the next one: nothing of the
 * request was sent. One that says no is not: it was reached, and may have its reasons. Both are choices. */
static void test_the_next_proxy_for_a_tunnel(void)
{
    static const struct step refuses[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" ), END };
    static const struct step leaves[] = { ACCEPT, HEAD, CLOSE, END };
    static const struct step idle[] = { END };
    struct server *first, *second;
    struct client client;
    DWORD err;
    int i;

    for (i = 0; i < 2; i++)
    {
        first = i ? server_start( leaves ) : NULL;
        if (!(second = server_start( refuses ))) return;
        ok( set_user( two_proxies( first, second ), NULL ), "the settings could not be written\n" );
        err = try_secure( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got %lu\n", err );
        ok( has_line( server_request( second, 0 ), "CONNECT origin.invalid:443 HTTP/1.1" ), "got %s\n", server_request( second, 0 ) );
        client_close( &client );
        if (first) server_stop( first );
        server_stop( second );
    }
    if (!(first = server_start( refuses )) || !(second = server_start( idle ))) return;
    ok( set_user( two_proxies( first, second ), NULL ), "the settings could not be written\n" );
    err = try_secure( &client );
    ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got %lu\n", err );
    client_close( &client );
    ok( !server_connection_count( second ), "the other one was asked, too\n" );
    server_stop( first );
    server_stop( second );
}

/* Settings that name proxies never mean direct. */
static void test_no_proxy_is_there(void)
{
    struct client client;
    WCHAR proxy[64];
    DWORD err;

    wsprintfW( proxy, L"127.0.0.1:%u;127.0.0.1:%u", server_closed_port(), server_closed_port() );
    ok( set_user( proxy, NULL ), "the settings could not be written\n" );
    if (open_automatic( &client, L"origin.invalid", 80, NULL ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT || broken( err == ERROR_WINHTTP_NAME_NOT_RESOLVED ), "got %lu\n", err );
    }
    client_close( &client );
}

/* Each send looks anew. */
static void test_settings_that_change(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *first = server_start( script ), *second = server_start( script );
    struct server *servers[] = { first, second };
    struct client client = { NULL, NULL, NULL };
    WCHAR proxy[64];
    unsigned int i;

    if (!first || !second) return;
    if (open_automatic( &client, L"origin.invalid", 80, NULL ))
        for (i = 0; i < 2; i++)
        {
            wsprintfW( proxy, L"127.0.0.1:%u", server_port( servers[i] ) );
            ok( set_user( proxy, NULL ), "the settings could not be written\n" );
            if (client_get( &client ))
                ok( has_line( server_request( servers[i], 0 ), "GET http://origin.invalid/x HTTP/1.1" ), "%u: got %s\n", i,
                    server_request( servers[i], 0 ) );
        }
    client_close( &client );
    server_stop( first );
    server_stop( second );
}

/* Where the user has set nothing Wine's users have their host's proxies; Windows knows nothing of these variables. */
static void test_the_hosts_settings(void)
{
    static const struct { const WCHAR *host; BOOL proxied; } rows[] =
    {
        { L"origin.invalid",       TRUE },
        { L"www.bypassed.invalid", FALSE },
        { L"bypassed.invalid",     FALSE },
    };
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    WCHAR url[64], old[2][512];
    struct client client;
    unsigned int i;
    DWORD err;

    if (!server) return;
    old[0][0] = old[1][0] = 0;
    GetEnvironmentVariableW( L"http_proxy", old[0], count_of( old[0] ) );
    GetEnvironmentVariableW( L"no_proxy", old[1], count_of( old[1] ) );
    wsprintfW( url, L"http://127.0.0.1:%u/", server_port( server ) );
    SetEnvironmentVariableW( L"http_proxy", url );
    SetEnvironmentVariableW( L"no_proxy", L"localhost,.bypassed.invalid" );
    ok( set_user( NULL, NULL ), "the settings could not be written\n" );
    for (i = 0; i < count_of( rows ); i++)
    {
        if (open_automatic( &client, rows[i].host, 80, NULL ))
        {
            err = client_try( &client );
            if (rows[i].proxied) ok( !err || broken( err == ERROR_WINHTTP_NAME_NOT_RESOLVED ), "row %u: got %lu\n", i, err );
            else ok( err == ERROR_WINHTTP_NAME_NOT_RESOLVED, "row %u: got %lu\n", i, err );
        }
        client_close( &client );
    }
    SetEnvironmentVariableW( L"http_proxy", old[0][0] ? old[0] : NULL );
    SetEnvironmentVariableW( L"no_proxy", old[1][0] ? old[1] : NULL );
    if (server_connection_count( server )) server_stop( server );
    else server_abort( server );
}

/*--- scripts -------------------------------------------------------------------------------------------------------*/

/* A server that hands out one script, once, and the settings that name it. */
struct server *automatic_script( const char *body )
{
    static unsigned int number;
    static char answer[1024];
    static struct step steps[] = { ACCEPT, HEAD, SEND( answer ), END };
    struct server *server;
    WCHAR url[128];

    wsprintfA( answer, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ns-proxy-autoconfig\r\nContent-Length: %u\r\n\r\n%s",
               (unsigned int)strlen( body ), body );
    if (!(server = server_start( steps ))) return NULL;
    wsprintfW( url, L"http://127.0.0.1:%u/proxy.pac?%lu.%u", server_port( server ), GetTickCount(), number++ );
    ok( set_all( NULL, NULL, url ), "the settings could not be written\n" );
    return server;
}

static void test_a_script(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script ), *pac;
    struct client client;
    char text[512];

    if (!server) return;
    wsprintfA( text, "function FindProxyForURL(url, host) { if (host == 'origin.invalid') return 'PROXY 127.0.0.1:%u';"
               " return 'PROXY nobody.invalid:1'; }", server_port( server ) );
    if (!(pac = automatic_script( text ))) return;
    if (open_automatic( &client, L"origin.invalid", 80, NULL ) && client_get( &client ))
        ok( has_line( server_request( server, 0 ), "GET http://origin.invalid/x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
    client_close( &client );
    server_stop( pac );
    server_stop( server );
}

/* The same, asynchronous: the send returns and completes later, the redirect finds another proxy. */
static void test_a_script_of_an_asynchronous_request(void)
{
    static const struct step first_steps[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: http://other.invalid/y\r\nContent-Length: 0\r\n\r\n" ), END };
    static const struct step second_steps[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *first = server_start( first_steps ), *second = server_start( second_steps ), *pac;
    struct recorder *recorder = recorder_create();
    struct client client;
    char text[512];

    if (!first || !second) return;
    wsprintfA( text, "function FindProxyForURL(url, host) { return 'PROXY 127.0.0.1:' + (host == 'other.invalid' ? %u : %u); }",
               server_port( second ), server_port( first ) );
    if (!(pac = automatic_script( text ))) return;
    if (automatic_open( &client, L"origin.invalid", 80, NULL, WINHTTP_FLAG_ASYNC ))
    {
        recorder_attach( recorder, client.request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
        if (recorder_get( recorder, &client, NULL, NULL ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( has_line( server_request( first, 0 ), "GET http://origin.invalid/x HTTP/1.1" ), "got %s\n", server_request( first, 0 ) );
            ok( has_line( server_request( second, 0 ), "GET http://other.invalid/y HTTP/1.1" ), "got %s\n", server_request( second, 0 ) );
        }
    }
    client_close( &client );
    server_stop( pac );
    server_stop( first );
    server_stop( second );
}

/* A script whose proxy is not there, and who allows the direct way: a name of this host that no proxy list bypasses. */
static void test_a_script_that_ends_with_direct(void)
{
    struct server *pac;
    struct client client;
    char text[512];
    DWORD err;

    wsprintfA( text, "function FindProxyForURL(url, host) { return 'PROXY 127.0.0.1:%u; DIRECT'; }", server_closed_port() );
    if (!(pac = automatic_script( text ))) return;
    if (open_automatic( &client, L"origin.invalid", 80, NULL ))
    {
        err = client_try( &client );
        /* direct is what fails last, and by the name */
        ok( err == ERROR_WINHTTP_NAME_NOT_RESOLVED, "got %lu\n", err );
    }
    client_close( &client );
    server_stop( pac );
}

/* A handle that is closed while its proxies are being found out: one end of the operation, and nothing after HANDLE_CLOSING. */
static void test_close_while_a_script_is_fetched(void)
{
    static const struct step steps[] = { ACCEPT, HEAD, SIGNAL, HOLD, END };
    struct server *pac = server_start( steps );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    WCHAR url[128];

    if (!pac) return;
    wsprintfW( url, L"http://127.0.0.1:%u/proxy.pac?%lu", server_port( pac ), GetTickCount() );
    ok( set_all( NULL, NULL, url ), "the settings could not be written\n" );
    if (automatic_open( &client, L"origin.invalid", 80, NULL, WINHTTP_FLAG_ASYNC ))
    {
        recorder_attach( recorder, client.request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        server_wait( pac );
        WinHttpCloseHandle( client.request );
        server_go( pac );
        if (recorder_wait( recorder, COMPLETIONS, &event ))
            ok( event.status == STATUS( REQUEST_ERROR ), "got %s\n", status_name( event.status ) );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
        ok( recorder_count( recorder, NULL, COMPLETIONS ) == 1, "%u completions\n", recorder_count( recorder, NULL, COMPLETIONS ) );
        recorder_check_last( recorder, client.request );
        client.request = NULL;
    }
    client_close( &client );
    server_stop( pac );
}

/*--- extended settings ---------------------------------------------------------------------------------------------*/

typedef DWORD (WINAPI *create_fn)( HINTERNET, HINTERNET * );
typedef DWORD (WINAPI *get_fn)( HINTERNET, WINHTTP_PROXY_SETTINGS_TYPE, WINHTTP_PROXY_SETTINGS_PARAM *, DWORD_PTR );
typedef DWORD (WINAPI *result_fn)( HINTERNET, void * );
typedef DWORD (WINAPI *free_ex_fn)( WINHTTP_PROXY_SETTINGS_TYPE, void * );

static BOOL same_text( const WCHAR *text, const WCHAR *expected )
{
    return expected ? text && !lstrcmpW( text, expected ) : !text;
}

/* Windows 11 answers these for its subsystems; what they hold without a proxy that works is not described, and so the texts
 * are this implementation's on Wine, and only looked at on Windows. */
static void test_extended_settings(void)
{
    HMODULE module = GetModuleHandleW( L"winhttp.dll" );
    create_fn create = (create_fn)(void *)GetProcAddress( module, "WinHttpCreateProxyResolver" );
    get_fn get = (get_fn)(void *)GetProcAddress( module, "WinHttpGetProxySettingsEx" );
    result_fn result = (result_fn)(void *)GetProcAddress( module, "WinHttpGetProxySettingsResultEx" );
    free_ex_fn free_ex = (free_ex_fn)(void *)GetProcAddress( module, "WinHttpFreeProxySettingsEx" );
    struct recorder *recorder = recorder_create();
    HINTERNET session, resolver = NULL;
    WINHTTP_PROXY_SETTINGS_EX settings;
    struct event event;
    DWORD err;

    if (!create || !get || !result || !free_ex)
    {
        skip( "no extended proxy settings\n" );
        return;
    }
    ok( set_user( L"http=a.invalid:81;https=b.invalid:82", L"c.invalid;<local>" ), "the settings could not be written\n" );
    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    recorder_attach( recorder, session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    err = create( session, &resolver );
    ok( !err && resolver, "got %lu, %p\n", err, resolver );

    err = result( resolver, &settings );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %lu\n", err );
    err = get( session, WinHttpProxySettingsTypeWsl, NULL, 0 );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %lu\n", err );
    err = get( resolver, WinHttpProxySettingsTypeUnknown, NULL, 0 );
    ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );

    err = get( resolver, WinHttpProxySettingsTypeWsl, NULL, (DWORD_PTR)recorder );
    ok( err == ERROR_IO_PENDING, "got %lu\n", err );
    if (err == ERROR_IO_PENDING &&
        recorder_wait( recorder, STATUS( GETPROXYSETTINGS_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
    {
        ok( event.status == STATUS( GETPROXYSETTINGS_COMPLETE ), "got %s, error %lu\n", status_name( event.status ), event.error );
        ok( event.handle == resolver && event.context == (DWORD_PTR)recorder, "handle %p, another context\n", event.handle );
        memset( &settings, 0x55, sizeof(settings) );
        err = result( resolver, &settings );
        ok( !err, "got %lu\n", err );
        if (!err)
        {
            ok( same_text( settings.pcwszProxy, L"a.invalid:81" ) || broken( TRUE ), "another proxy\n" );
            ok( same_text( settings.pcwszSecureProxy, L"b.invalid:82" ) || broken( TRUE ), "another proxy for https\n" );
            ok( !settings.pcwszAutoconfigUrl || broken( TRUE ), "a script\n" );
            ok( settings.cProxyBypasses == 2 || broken( TRUE ), "%lu exceptions\n", settings.cProxyBypasses );
            if (settings.cProxyBypasses == 2)
                ok( same_text( settings.rgpcwszProxyBypasses[0], L"c.invalid" ) &&
                    same_text( settings.rgpcwszProxyBypasses[1], L"<local>" ), "other exceptions\n" );
            free_ex( WinHttpProxySettingsTypeWsl, &settings );
        }
    }
    WinHttpCloseHandle( resolver );
    WinHttpCloseHandle( session );
}

BOOL automatic_begin(void)
{
    HMODULE module = GetModuleHandleW( L"winhttp.dll" );
    DWORD version;
    BOOL is_default;

    read_settings  = (read_fn)(void *)GetProcAddress( module, "WinHttpReadProxySettings" );
    write_settings = (write_fn)(void *)GetProcAddress( module, "WinHttpWriteProxySettings" );
    free_settings  = (free_fn)(void *)GetProcAddress( module, "WinHttpFreeProxySettings" );
    if (!read_settings || !write_settings || !free_settings)
    {
        skip( "no functions for proxy settings\n" );
        return FALSE;
    }
    save( user_values, count_of( user_values ) );
    settings_session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    if (read_settings( settings_session, NULL, TRUE, FALSE, &version, &is_default, &before ) || !set_user( NULL, NULL ))
    {
        skip( "the user's settings cannot be read and written\n" );
        WinHttpCloseHandle( settings_session );
        return FALSE;
    }
    return TRUE;
}

void automatic_end(void)
{
    write_settings( settings_session, TRUE, &before );
    restore( user_values, count_of( user_values ) );    /* to the byte */
    free_settings( &before );
    WinHttpCloseHandle( settings_session );
}

START_TEST(proxy_automatic)
{
    if (!automatic_begin()) return;

    test_the_users_proxy();
    test_the_users_bypass();
    test_the_option();
    test_the_next_proxy();
    test_the_next_proxy_for_a_tunnel();
    test_no_proxy_is_there();
    test_settings_that_change();
    test_the_hosts_settings();
    test_a_script();
    test_a_script_of_an_asynchronous_request();
    test_a_script_that_ends_with_direct();
    test_close_while_a_script_is_fetched();
    test_extended_settings();
    automatic_end();
}
