/*
 * Proxy scripts behind a login, and what is no script
 *
 * Rules: functions.md WinHttpGetProxyForUrl, errors.md 12015 and 12176, behaviour-concepts.md section 4.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define SCRIPT "function FindProxyForURL(url, host) { return 'PROXY script.invalid:1'; }"
#define HEAD_200( fields ) "HTTP/1.1 200 OK\r\nConnection: close\r\n" fields "\r\n"

/* What the function says about a URL, with the script at that server: 0 and the proxy, or the error. */
static DWORD ask( struct server *server, BOOL logon, WCHAR *proxy, DWORD cch )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL | WINHTTP_AUTOPROXY_NO_CACHE_SVC };
    HINTERNET session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];
    DWORD err = 0;

    proxy[0] = 0;
    WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    wsprintfW( script, L"http://127.0.0.1:%u/proxy.pac", server_port( server ) );
    options.lpszAutoConfigUrl      = script;
    options.fAutoLogonIfChallenged = logon;
    if (!WinHttpGetProxyForUrl( session, L"http://host.invalid/", &options, &info )) err = GetLastError();
    else
    {
        if (info.lpszProxy && (DWORD)lstrlenW( info.lpszProxy ) < cch) lstrcpyW( proxy, info.lpszProxy );
        GlobalFree( info.lpszProxy );
        GlobalFree( info.lpszProxyBypass );
    }
    WinHttpCloseHandle( session );
    return err;
}

/* Without fAutoLogonIfChallenged nobody is told who is logged on, and the program hears that a login is wanted. */
static void test_challenge_without_logon(void)
{
    static const struct step script[] = { HEAD, SEND( AUTH_401( "Connection: close\r\nWWW-Authenticate: NTLM\r\n" ) ), END };
    struct server *server = server_start_each( script );
    WCHAR proxy[64];
    DWORD err;

    if (!server) return;
    err = ask( server, FALSE, proxy, count_of( proxy ) );
    ok( err == ERROR_WINHTTP_LOGIN_FAILURE, "error %lu\n", err );
    ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
    server_stop( server );
}

/* With it the challenge is answered by whoever is logged on. 127.0.0.1 is no intranet host: here the flag is what counts. The
 * server is content with the first message, since Wine knows no password of whoever is logged on. */
static void test_challenge_with_logon(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( AUTH_401( "WWW-Authenticate: NTLM\r\n" ) ), HEAD, SEND( HEAD_200( "" ) SCRIPT ), CLOSE, END };
    struct server *server = server_start( script );
    WCHAR proxy[64];
    DWORD err;

    if (!server) return;
    err = ask( server, TRUE, proxy, count_of( proxy ) );
    ok( !err, "error %lu\n", err );
    ok( !lstrcmpW( proxy, L"script.invalid:1" ), "%ls\n", proxy );
    ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
    ok( !strncmp( auth_value( server, 1, "Authorization" ), "NTLM TlRMTVNTUAAB", 17 ), "%s", server_request( server, 1 ) );
    server_stop( server );
}

/* Credentials that are not taken are a login that has failed. */
static void test_logon_that_is_refused(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( AUTH_401( "WWW-Authenticate: NTLM\r\n" ) ), HEAD, SEND( AUTH_401( "WWW-Authenticate: NTLM\r\n" ) ), END };
    struct server *server = server_start( script );
    WCHAR proxy[64];
    DWORD err;

    if (!server) return;
    err = ask( server, TRUE, proxy, count_of( proxy ) );
    ok( err == ERROR_WINHTTP_LOGIN_FAILURE, "error %lu\n", err );
    server_stop( server );
}

/* Nor is Basic answered: nobody knows the password of whoever is logged on. */
static void test_logon_is_none_for_basic(void)
{
    static const struct step script[] =
        { HEAD, SEND( AUTH_401( "Connection: close\r\nWWW-Authenticate: Basic realm=\"a\"\r\n" ) ), END };
    struct server *server = server_start_each( script );
    WCHAR proxy[64];
    DWORD err;

    if (!server) return;
    err = ask( server, TRUE, proxy, count_of( proxy ) );
    ok( err == ERROR_WINHTTP_LOGIN_FAILURE, "error %lu\n", err );
    ok( server_request_count( server ) == 1, "%u requests\n", server_request_count( server ) );
    server_stop( server );
}

/* 12176. Which types are taken for something else is a choice; Windows may look at the text instead, which is no script. */
static void test_what_is_no_script(void)
{
    static const char * const responses[] =
    {
        HEAD_200( "Content-Type: application/x-internet-signup\r\n" ) "[Proxy]\r\nProxy_Enable=1\r\n",
        HEAD_200( "Content-Type: text/vbscript; charset=utf-8\r\n" ) "Function FindProxyForURL(url, host)\r\nEnd Function\r\n",
    };
    unsigned int i;

    for (i = 0; i < count_of( responses ); i++)
    {
        struct step script[] = { HEAD, SEND( NULL ), END };
        struct server *server;
        WCHAR proxy[64];
        DWORD err;

        script[1].data = responses[i];
        if (!(server = server_start_each( script ))) return;
        err = ask( server, FALSE, proxy, count_of( proxy ) );
        ok( err == ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE || broken( err == ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT ) ||
            broken( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT ), "%u: error %lu\n", i, err );
        server_stop( server );
    }
}

/* A server that says something vague about a script is taken at the script's word. */
static void test_types_that_say_nothing(void)
{
    static const char * const responses[] =
    {
        HEAD_200( "Content-Type: application/octet-stream\r\n" ) SCRIPT,
        HEAD_200( "Content-Type: text/plain\r\n" ) SCRIPT,
        HEAD_200( "Content-Type: application/x-ns-proxy-autoconfig\r\n" ) SCRIPT,
    };
    unsigned int i;

    for (i = 0; i < count_of( responses ); i++)
    {
        struct step script[] = { HEAD, SEND( NULL ), END };
        struct server *server;
        WCHAR proxy[64];
        DWORD err;

        script[1].data = responses[i];
        if (!(server = server_start_each( script ))) return;
        err = ask( server, FALSE, proxy, count_of( proxy ) );
        ok( !err && !lstrcmpW( proxy, L"script.invalid:1" ), "%u: error %lu, %ls\n", i, err, proxy );
        server_stop( server );
    }
}

START_TEST(auth_pac)
{
    test_challenge_without_logon();
    test_logon_is_none_for_basic();
    test_what_is_no_script();
    test_types_that_say_nothing();
    if (!auth_has_ntlm()) return;
    test_challenge_with_logon();
    test_logon_that_is_refused();
}
