/*
 * Proxy scripts on their way from the server: status, type, charset, redirects, size, time
 *
 * Source: behaviour-concepts.md section 4.6, errors.md, windows-behaviour.md PX-35. Which charset a script has, and which
 * types are no scripts, is not documented: what is taken here is a choice, and says so.
 */
#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <sspi.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"

#define SCRIPT "function FindProxyForURL(url, host) { return 'PROXY ' + host + ':1'; }"

/* ---- status and type ---- */

static void test_status(void)
{
    static const struct { const char *status; DWORD expected; } rows[] =
    {
        { "204 No Content",        ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "304 Not Modified",      ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "403 Forbidden",         ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "404 Not Found",         ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "410 Gone",              ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "500 Internal Error",    ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { "503 Service Unavailable", ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
    };
    WINHTTP_PROXY_INFO info;
    char response[256];
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        sprintf( response, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n%s", rows[i].status, i < 2 ? "" : SCRIPT );
        err = pac_run( response, L"http://host.invalid/", &info );
        ok( err == rows[i].expected, "%s: error %lu\n", rows[i].status, err );
        if (!err) pac_free( &info );
    }
}

static void test_types(void)
{
    static const struct { const char *type; DWORD expected; } rows[] =
    {
        { "application/x-ns-proxy-autoconfig", 0 },
        { "application/x-javascript-config",   0 },
        { "application/javascript",            0 },
        { "text/plain",                        0 },
        { "text/html; charset=utf-8",          0 },
        { "application/octet-stream",          0 },
        { "no type at all",                    0 },
        { "application/x-internet-signup",     ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE },    /* files of settings; a choice */
        { "text/vbscript",                     ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE },    /* the same */
    };
    WINHTTP_PROXY_INFO info;
    char response[512];
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        sprintf( response, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\n\r\n" SCRIPT, rows[i].type );
        err = pac_run( response, L"http://name/", &info );
        ok( err == rows[i].expected || broken( rows[i].expected != 0 ), "%s: error %lu\n", rows[i].type, err );
        if (err) continue;
        ok( !lstrcmpW( info.lpszProxy, L"name:1" ), "%s: %ls\n", rows[i].type, info.lpszProxy );
        pac_free( &info );
    }
}

/* ---- charsets ---- */

#define CODE "function FindProxyForURL(u, h) { return 'PROXY c' + '", "'.charCodeAt(0) + ':1'; }"

static unsigned int widen( char *to, const char *text, BOOL big )
{
    unsigned int len = 0;

    for (; *text; text++)
    {
        to[len + big]  = *text;
        to[len + !big] = 0;
        len += 2;
    }
    return len;
}

static void test_charsets(void)
{
    static const struct
    {
        const char *mark, *type, *character;
        unsigned int wide;            /* 1: UTF-16LE, 2: UTF-16BE */
        const WCHAR *expected;
    }
    rows[] =
    {
        { "",             "",                      "\xc3\xa9",     0, L"c233:1" },
        { "",             "",                      "\xe9",         0, L"c233:1" },     /* no UTF-8: Latin-1 */
        { "\xef\xbb\xbf", "",                      "\xd0\xb6",     0, L"c1078:1" },
        { "\xef\xbb\xbf", "charset=iso-8859-1",    "\xd0\xb6",     0, L"c1078:1" },    /* the mark goes first */
        { "",             "charset=utf-8",         "\xe2\x82\xac", 0, L"c8364:1" },
        { "",             "charset=windows-1251",  "\xe6",         0, L"c1078:1" },
        { "",             "charset=\"ISO-8859-1\"", "\xc3\xa9",    0, L"c195:1" },
        { "",             "charset=unheard-of",    "\xc3\xa9",     0, L"c233:1" },
        { "\xff\xfe",     "",                      "\x36\x04",     1, L"c1078:1" },
        { "\xfe\xff",     "",                      "\x04\x36",     2, L"c1078:1" },
        { "",             "charset=utf-16le",      "\x36\x04",     1, L"c1078:1" },
        { "",             "charset=utf-16be",      "\x04\x36",     2, L"c1078:1" },
    };
    static const char * const code[] = { CODE };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        char head[256], body[512];
        unsigned int len = strlen( rows[i].mark );
        struct step steps[] = { HEAD, SEND( head ), { STEP_SEND, body, 0, 0 }, END };
        HINTERNET session = pac_session();
        struct server *server;
        WCHAR script[64], text[64];
        DWORD err;

        sprintf( head, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; %s\r\n\r\n", rows[i].type );
        memcpy( body, rows[i].mark, len );
        if (rows[i].wide)
        {
            len += widen( body + len, code[0], rows[i].wide == 2 );
            memcpy( body + len, rows[i].character, 2 );
            len += 2;
            len += widen( body + len, code[1], rows[i].wide == 2 );
        }
        else len += sprintf( body + len, "%s%s%s", code[0], rows[i].character, code[1] );
        steps[2].len = len;

        server = server_start_each( steps );
        pac_make_url( server, script );
        err = pac_text( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
        /* a choice: Windows may know but one charset */
        ok( (!err && !lstrcmpW( text, rows[i].expected )) || broken( err || *text ), "%u: error %lu, %ls\n", i, err, text );
        WinHttpCloseHandle( session );
        server_stop( server );
    }
}

static void test_a_script_with_a_nul(void)
{
    static const struct step steps[] =
        { HEAD, SEND( PAC_200 ), SEND_BYTES( SCRIPT "\0 /* and more */" ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], text[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_text( session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
    /* A choice: it is no text. What stands in front of the NUL must not be all that counts without a word. */
    ok( err == ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE || broken( !err || pac_is_script_error( err ) ), "error %lu, %ls\n", err, text );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* ---- redirects ---- */

static void test_redirects_are_followed(void)
{
    static const struct step steps[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /there?x=1\r\nContent-Length: 0\r\n\r\n" ),
        HEAD, SEND( "HTTP/1.1 301 Moved\r\nLocation: /here\r\nContent-Length: 0\r\n\r\n" ),
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n" SCRIPT ), END
    };
    struct server *server = server_start( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], text[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_text( session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
    ok( !err && !lstrcmpW( text, L"name:1" ), "error %lu, %ls\n", err, text );
    ok( !strncmp( server_request( server, 1 ), "GET /there?x=1 ", 15 ), "%s\n", server_request( server, 1 ) );
    ok( !strncmp( server_request( server, 2 ), "GET /here ", 10 ), "%s\n", server_request( server, 2 ) );
    WinHttpCloseHandle( session );
    server_stop( server );
}

static void test_redirects_without_end(void)
{
    static const struct step steps[] =
        { HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], text[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_text( session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
    ok( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, "error %lu, %ls\n", err, text );
    ok( server_request_count( server ) <= 16, "%u requests\n", server_request_count( server ) );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* ---- credentials ---- */

static BOOL has_ntlm(void)
{
    HMODULE module = LoadLibraryA( "secur32.dll" );
    QUERY_SECURITY_PACKAGE_INFO_FN_W query = (void *)GetProcAddress( module, "QuerySecurityPackageInfoW" );
    SecPkgInfoW *info;

    return query && !query( (WCHAR *)L"NTLM", &info );
}

static DWORD get_with_logon( const WCHAR *script, BOOL logon )
{
    WINHTTP_AUTOPROXY_OPTIONS options =
        { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL | WINHTTP_AUTOPROXY_NO_CACHE_SVC, .fAutoLogonIfChallenged = logon };
    HINTERNET session = pac_session();
    WINHTTP_PROXY_INFO info;
    DWORD err = 0;

    options.lpszAutoConfigUrl = script;
    if (WinHttpGetProxyForUrl( session, L"http://host.invalid/", &options, &info )) pac_free( &info );
    else err = GetLastError();
    WinHttpCloseHandle( session );
    return err;
}

static BOOL any_request_has( struct server *server, const char *text )
{
    unsigned int i;

    for (i = 0; i < server_request_count( server ); i++) if (strstr( server_request( server, i ), text )) return TRUE;
    return FALSE;
}

#define ASK( challenge ) "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n" challenge "\r\n"

static void test_servers_that_ask_who_we_are(void)
{
    static const struct { const char *challenge; BOOL logon, answered; } rows[] =
    {
        { ASK( "WWW-Authenticate: NTLM\r\n" ),                     FALSE, FALSE },
        { ASK( "WWW-Authenticate: NTLM\r\n" ),                     TRUE,  TRUE },
        { ASK( "WWW-Authenticate: Basic realm=\"r\"\r\n" ),        TRUE,  FALSE },    /* nobody's password is known */
        { ASK( "WWW-Authenticate: Unheard of=\"this\"\r\n" ),      TRUE,  FALSE },
        { ASK( "" ),                                               TRUE,  FALSE },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step steps[] = { HEAD, SEND( rows[i].challenge ), END };
        struct server *server = server_start_each( steps );
        WCHAR script[64];
        DWORD err;

        pac_make_url( server, script );
        err = get_with_logon( script, rows[i].logon );
        ok( err == ERROR_WINHTTP_LOGIN_FAILURE, "%u: error %lu\n", i, err );
        if (!rows[i].answered) ok( !any_request_has( server, "\r\nAuthorization:" ), "%u: credentials were sent\n", i );
        else if (has_ntlm()) ok( any_request_has( server, "\r\nAuthorization: NTLM" ) ||
                                 broken( TRUE /* Windows' service, without a network logon */ ), "%u: no answer\n", i );
        server_stop( server );
    }
}

/* Who sends the fetch elsewhere must not get the user's credentials sent there. */
static void test_credentials_are_not_for_another_server(void)
{
    static const struct step asking[] = { HEAD, SEND( ASK( "WWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\n" ) ), END };
    char redirect[256];
    const struct step sending[] = { HEAD, SEND( redirect ), END };
    struct server *target = server_start_each( asking ), *server;
    WCHAR script[64];
    DWORD err;

    sprintf( redirect, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
             server_port( target ) );
    server = server_start_each( sending );
    pac_make_url( server, script );
    err = get_with_logon( script, TRUE );
    ok( err == ERROR_WINHTTP_LOGIN_FAILURE || broken( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT ), "error %lu\n", err );
    ok( server_request_count( target ) == 1, "%u requests\n", server_request_count( target ) );
    ok( !any_request_has( target, "\r\nAuthorization:" ), "credentials went elsewhere\n" );
    server_stop( server );
    server_stop( target );
}

/* ---- size and time ---- */

static void test_a_script_just_below_the_limit(void)
{
    static const struct step steps[] =
        { HEAD, SEND( PAC_200 SCRIPT "\n" ), REPEAT( TIMES_64( "// 52 bytes, so that twenty thousand are a megabyte\n" ), 300 ), END };
    struct server *server = server_start_each( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], text[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_text( session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
    ok( !err && !lstrcmpW( text, L"name:1" ), "error %lu, %ls\n", err, text );
    WinHttpCloseHandle( session );
    server_stop( server );
}

static void test_a_server_that_says_nothing(void)
{
    static const struct step steps[] = { ACCEPT, HEAD, GONE, END };
    struct server *server = server_start( steps );
    HINTERNET session = pac_session();
    WCHAR script[64], text[64];
    DWORD err;

    WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, 500 );
    pac_make_url( server, script );
    err = pac_text( session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, text, count_of( text ) );
    ok( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, "error %lu, %ls\n", err, text );
    WinHttpCloseHandle( session );
    server_stop( server );
}

struct slow_call { HINTERNET session; WCHAR script[64]; DWORD err; };

static DWORD CALLBACK call_slowly( void *arg )
{
    struct slow_call *call = arg;
    WCHAR text[64];

    call->err = pac_text( call->session, L"http://name/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, call->script, text, count_of( text ) );
    return 0;
}

#define BYTES 400

/* A byte now and then, each within the limit of a receive: the whole has a limit, too. */
static void test_a_server_that_dribbles(void)
{
    static struct step steps[3 + 2 * BYTES];
    struct slow_call call = { 0 };
    struct server *server;
    unsigned int i, given = 0;
    HANDLE thread;

    memset( steps, 0, sizeof(steps) );
    steps[0].op = STEP_HEAD;
    steps[1].op = STEP_SEND;
    steps[1].data = PAC_200;
    for (i = 0; i < BYTES; i++)
    {
        steps[2 + 2 * i].op = STEP_WAIT;
        steps[3 + 2 * i].op = STEP_SEND;
        steps[3 + 2 * i].data = "\n";
    }
    server = server_start_each( steps );
    call.session = pac_session();
    WinHttpSetTimeouts( call.session, 500, 500, 500, 500 );
    pac_make_url( server, call.script );
    thread = CreateThread( NULL, 0, call_slowly, &call, 0, NULL );
    while (given < BYTES && WaitForSingleObject( thread, 100 ) == WAIT_TIMEOUT)
    {
        server_go( server );
        given++;
    }
    WaitForSingleObject( thread, WAIT_MS );
    ok( given < BYTES, "it waited for all of %u bytes\n", given );
    ok( call.err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, "error %lu\n", call.err );
    CloseHandle( thread );
    WinHttpCloseHandle( call.session );
    server_abort( server );    /* it was left in the middle */
}

/* ---- where it is ---- */

static void test_urls_of_scripts(void)
{
    static const struct { const WCHAR *url; DWORD expected, either; } rows[] =
    {
        { L"ftp://127.0.0.1/proxy.pac",          ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"javascript:FindProxyForURL",         ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"file:///c:/windows/proxy.pac",       ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"c:\\windows\\proxy.pac",             ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"\\\\server\\share\\proxy.pac",       ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"",                                   ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_INVALID_PARAMETER },
        { L"http://",                            ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"http:///proxy.pac",                  ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"http://127.0.0.1:65536/proxy.pac",   ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT },
        { L"http://nothing.invalid/proxy.pac",   ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, 0 },
    };
    HINTERNET session = pac_session();
    WINHTTP_PROXY_INFO info;
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        err = pac_get( session, L"http://host.invalid/", 0, rows[i].url, &info );
        /* Windows' service may say of any of them that there was nothing to fetch */
        ok( err == rows[i].expected || broken( rows[i].either && err == rows[i].either ), "%ls: error %lu\n", rows[i].url, err );
        if (!err) pac_free( &info );
    }
    WinHttpCloseHandle( session );
}

static void test_https_with_a_server_that_does_not_speak_it(void)
{
    static const struct step steps[] = { ACCEPT, SEND( "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" ), GONE, END };
    struct server *server = server_start( steps );
    HINTERNET session = pac_session();
    WINHTTP_PROXY_INFO info;
    WCHAR script[64];
    DWORD err;

    wsprintfW( script, L"https://localhost:%u/proxy.pac", server_port( server ) );
    err = pac_get( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, script, &info );
    ok( err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, "error %lu\n", err );
    WinHttpCloseHandle( session );
    server_abort( server );    /* a client may try other versions of TLS on more connections */
}

START_TEST( pac_fetch )
{
    test_status();
    test_types();
    test_charsets();
    test_a_script_with_a_nul();
    test_redirects_are_followed();
    test_redirects_without_end();
    test_servers_that_ask_who_we_are();
    test_credentials_are_not_for_another_server();
    test_a_script_just_below_the_limit();
    test_a_server_that_says_nothing();
    test_a_server_that_dribbles();
    test_urls_of_scripts();
    test_https_with_a_server_that_does_not_speak_it();
}
