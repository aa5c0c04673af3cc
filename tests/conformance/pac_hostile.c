/*
 * Proxy scripts that mean harm, or make no sense: the program that asks must come to no harm, and get an error or an answer
 *
 * Source: security.md (PAC script), behaviour-concepts.md section 4.6. What a script that is at its limits is told, and
 * what an answer of another type than a string means, is not documented: the errors for scripts, or no proxy, are both
 * taken. After each, another script on the same session must work.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"

static void check_session_works_( int line, HINTERNET session )
{
    static const struct step steps[] =
        { HEAD, SEND( PAC_200 "function FindProxyForURL(url, host) { return 'PROXY ' + host + ':1'; }" ), END };
    struct server *server = server_start_each( steps );
    WCHAR script[64], text[64];
    DWORD err;

    pac_make_url( server, script );
    err = pac_text( session, L"http://well/", 0, script, text, count_of( text ) );
    ok_( __FILE__, line )( !err && !lstrcmpW( text, L"well:1" ), "afterwards: error %lu, %ls\n", err, text );
    server_stop( server );
}
#define check_session_works( session ) check_session_works_( __LINE__, session )

static BOOL is_harmless( DWORD err, const WINHTTP_PROXY_INFO *info )
{
    if (!err) return info->dwAccessType == WINHTTP_ACCESS_TYPE_NO_PROXY && !info->lpszProxy;
    return pac_is_script_error( err ) || err == ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
}

/* `script` may be followed by count times `more`, and then `end`. */
static void check_harmless_( int line, HINTERNET session, const char *script, const char *more, unsigned int count,
                             const char *end )
{
    const struct step steps[] = { HEAD, SEND( PAC_200 ), SEND( script ), REPEAT( more, count ), SEND( end ), END };
    struct server *server = server_start_each( steps );
    ULONGLONG begin = GetTickCount64();
    WINHTTP_PROXY_INFO info;
    WCHAR url[64];
    DWORD err;

    pac_make_url( server, url );
    err = pac_get( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, url, &info );
    if (milliseconds_since( begin ) > PROMPT_MS) trace( "%.70s: %lu ms\n", script, (DWORD)milliseconds_since( begin ) );
    /* Windows may make a string of what is none, or a server of what names none */
    ok_( __FILE__, line )( is_harmless( err, &info ) || broken( !err ), "%.70s: error %lu\n", script, err );
    if (!err) pac_free( &info );
    server_stop( server );
}
#define check_harmless( session, script, more, count, end ) check_harmless_( __LINE__, session, script, more, count, end )

static void test_answers_that_are_no_strings( HINTERNET session )
{
    static const char * const values[] =
    {
        "null", "undefined", "", "1", "-1.5", "NaN", "true", "{}", "[]", "['PROXY one:1']", "new Date()", "/PROXY one:1/",
        "FindProxyForURL", "{ toString: function() { return 'PROXY one:1'; } }", "{ toString: function() { throw 1; } }", "this",
        "''", "';;;'", "'   '", "'\\u0000PROXY one:1'", "'\\ud800'", "'proxy'", "'PROXY'", "'PROXY :1'", "'PROXY one:0'",
        "'PROXY one:65536'", "'PROXY one:1x'", "'PROXY one@two:1'", "'FTP one:1'", "'PROXY\\u00a0one:1'",
    };
    char script[256];
    unsigned int i;

    for (i = 0; i < count_of( values ); i++)
    {
        sprintf( script, "function FindProxyForURL(url, host) { return %s; }", values[i] );
        check_harmless( session, script, "", 0, "" );
    }
    check_session_works( session );
}

static void test_exceptions( HINTERNET session )
{
    static const char * const statements[] =
    {
        "throw 'up';", "throw null;", "throw undefined;", "throw {};", "throw new Error('text');", "throw this;",
        "throw { toString: function() { throw 'again'; } };", "nothing.at.all;", "null.x;", "(1)();", "new 1;",
        "eval('}');", "eval('throw 1');", "new Function('}')();", "decodeURIComponent('%');", "isInNet({ toString: function() { throw 1; } }, '', '');",
        "__winhttp();", "__winhttp.match();", "__winhttp.match(1, 2);", "new __winhttp.local();", "__winhttp.nothing();",
        "shExpMatch.call(null);", "new Array(-1);", "(1).toFixed(1000);",
    };
    char script[256];
    unsigned int i;

    for (i = 0; i < count_of( statements ); i++)
    {
        sprintf( script, "function FindProxyForURL(url, host) { %s }", statements[i] );
        check_harmless( session, script, "", 0, "" );
        check_harmless( session, statements[i], "", 0, "" );
    }
    check_session_works( session );
}

/* Deeper than any stack: it must be the script that ends. */
static void test_recursion( HINTERNET session )
{
    check_harmless( session, "function FindProxyForURL(url, host) { return FindProxyForURL(url, host); }", "", 0, "" );
    check_harmless( session, "function f() { f(); } f(); function FindProxyForURL(url, host) { return 'DIRECT'; }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var o = {}; o.toString = function() { return o + ''; };"
                    " return o + ''; }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var s = 'x'; for (var i = 0; i < 18; i++) s = s + s;"
                    " s = s.replace(/x/g, '('); eval(s + 1); return 'DIRECT'; }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var s = '!'; for (var i = 0; i < 18; i++) s = s + s;"
                    " eval('x=' + s + 1); return 'DIRECT'; }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var a = []; for (var i = 0; i < 3000; i++) a = [a];"
                    " return String(a); }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n x = ", TIMES_512( "(" ), 1000, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n x = ", TIMES_512( "!" ), 1000, "1;" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n x = 1", TIMES_512( "+1" ), 500, ";" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n", TIMES_512( "{" ), 1000, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n", TIMES_512( "if (1) " ), 250, ";" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; }\n x = /", TIMES_512( "(" ), 500, "/;" );
    check_session_works( session );
}

static void test_memory( HINTERNET session )
{
    check_harmless( session, "function FindProxyForURL(url, host) { var s = 'xxxxxxxxxxxxxxxx'; for (;;) s += s; }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var s = 'xxxxxxxxxxxxxxxx'; for (;;) { s += s; s.charAt(1); } }",
                    "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var a = []; for (var i = 0;; i++) a[i] = 'text' + i; }", "", 0,
                    "" );
    check_harmless( session, "function FindProxyForURL(url, host) { var s = 'PROXY '; for (var i = 0; i < 20; i++) s += s;"
                    " return s; }", "", 0, "" );
    check_session_works( session );
}

/* More servers than anybody tries: those at the front count, and no memory is written that is not there. */
static void test_an_answer_with_many_servers( HINTERNET session )
{
    static const struct step steps[] =
    {
        HEAD, SEND( PAC_200 "function FindProxyForURL(url, host) { var s = '';\n"
                    "for (var i = 0; i < 100000; i++) s += 'PROXY p' + i + ':' + (i % 65535 + 1) + ';'; return s; }" ), END
    };
    struct server *server = server_start_each( steps );
    WINHTTP_PROXY_INFO info;
    WCHAR url[64];
    DWORD err;

    pac_make_url( server, url );
    err = pac_get( session, L"http://host.invalid/", WINHTTP_AUTOPROXY_NO_CACHE_SVC, url, &info );
    ok( !err || pac_is_script_error( err ), "error %lu\n", err );
    if (!err)
    {
        ok( info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY && info.lpszProxy && !wcsncmp( info.lpszProxy, L"p0:1;p1:2;", 10 ),
            "type %lu\n", info.dwAccessType );
        pac_free( &info );
    }
    server_stop( server );
}

/* Nothing may be left of one question for the next but what the script keeps in its own variables. */
static void test_a_script_that_fails_now_and_then( HINTERNET session )
{
    static const struct step steps[] =
        { HEAD, SEND( PAC_200 "function FindProxyForURL(url, host) { if (host == 'bad') throw 1; return 'PROXY ' + host + ':1'; }" ),
          END };
    struct server *server = server_start_each( steps );
    WCHAR script[64], text[64];
    unsigned int i;
    DWORD err;

    pac_make_url( server, script );
    for (i = 0; i < 8; i++)
    {
        err = pac_text( session, i % 2 ? L"http://bad/" : L"http://good/", 0, script, text, count_of( text ) );
        if (i % 2) ok( pac_is_script_error( err ), "%u: error %lu\n", i, err );
        else ok( !err && !lstrcmpW( text, L"good:1" ), "%u: error %lu, %ls\n", i, err, text );
    }
    server_stop( server );
}

/* The limit is a minute: too long for every run. */
static void test_endless_scripts( HINTERNET session )
{
    char value[8];

    if (!GetEnvironmentVariableA( "WINHTTP_TEST_SLOW", value, sizeof(value) ))
    {
        skip( "endless scripts take a minute each, and are run with WINHTTP_TEST_SLOW=1\n" );
        return;
    }
    check_harmless( session, "function FindProxyForURL(url, host) { for (;;) try { for (;;); } catch (e) { } }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { return 'DIRECT'; } for (;;);", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { for (;;) dnsResolve('nothing.invalid'); }", "", 0, "" );
    check_harmless( session, "function FindProxyForURL(url, host) { return /(x+x+)+y/.test(new Array(64).join('x')); }", "", 0, "" );
    check_session_works( session );
}

START_TEST( pac_hostile )
{
    HINTERNET session = pac_session();

    test_answers_that_are_no_strings( session );
    test_exceptions( session );
    test_recursion( session );
    test_memory( session );
    test_an_answer_with_many_servers( session );
    test_a_script_that_fails_now_and_then( session );
    test_endless_scripts( session );
    WinHttpCloseHandle( session );
}
