/*
 * Authentication: which schemes a challenge offers, and which credentials are taken
 *
 * Rules: windows-behaviour.md AU-1 to AU-7, AU-13, AU-14, O-48; functions.md WinHttpQueryAuthSchemes,
 * WinHttpSetCredentials.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define STALE 0xdeadbeef
#define CHALLENGE( target ) "HTTP/1.1 " target "\r\nContent-Length: 0\r\n"

const char *auth_value( struct server *server, unsigned int index, const char *name )
{
    static char value[8192];
    const char *text = server_request( server, index ), *end;
    size_t len = strlen( name );

    value[0] = 0;
    for (text = strstr( text, "\r\n" ); text; text = strstr( text + 2, "\r\n" ))
    {
        if (_strnicmp( text + 2, name, len ) || text[2 + len] != ':') continue;
        text += 2 + len + 1;
        while (*text == ' ') text++;
        if (!(end = strstr( text, "\r\n" )) || end - text >= (int)sizeof(value)) break;
        memcpy( value, text, end - text );
        value[end - text] = 0;
        break;
    }
    return value;
}

BOOL auth_set_( const char *file, int line, HINTERNET request, DWORD target, DWORD scheme, const WCHAR *user,
                const WCHAR *password )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetCredentials( request, target, scheme, user, password, NULL );
    ok_( file, line )( ret && (!GetLastError() || broken( GetLastError() == STALE )) /* before Windows 7 */,
                       "got %d, error %lu\n", ret, GetLastError() );
    return ret;
}

void auth_param( const char *answer, const char *name, char *value, unsigned int size )
{
    const char *text = answer;
    size_t len = strlen( name ), i = 0;
    BOOL quoted;

    value[0] = 0;
    while ((text = strstr( text, name )))
    {
        if ((text == answer || text[-1] == ' ' || text[-1] == ',') && text[len] == '=') break;
        text += len;
    }
    if (!text) return;
    text += len + 1;
    if ((quoted = *text == '"')) text++;
    for (; *text && i + 1 < size && (quoted ? *text != '"' : *text != ',' && *text != ' '); i++) value[i] = *text++;
    value[i] = 0;
}

void auth_base64( const void *data, unsigned int len, char *text )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BYTE *bytes = data;
    unsigned int i, bits;

    for (i = 0; i < len; i += 3)
    {
        bits = bytes[i] << 16 | (i + 1 < len ? bytes[i + 1] << 8 : 0) | (i + 2 < len ? bytes[i + 2] : 0);
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *text++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    *text = 0;
}

/* ---- schemes ---- */

static void test_schemes_before_a_response(void)
{
    DWORD supported = STALE, first = STALE, target = STALE, err;
    struct client client;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryAuthSchemes( NULL, NULL, NULL, NULL );
    ok( !ret && GetLastError() == ERROR_INVALID_HANDLE, "got %d, error %lu\n", ret, GetLastError() );
    if (client_open( &client, 1, 0, L"GET", L"/" ))
    {
        ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
        ok( !ret && GetLastError() == ERROR_INVALID_OPERATION, "got %d, error %lu\n", ret, GetLastError() );    /* AU-1 */
        ret = WinHttpQueryAuthSchemes( client.request, NULL, &first, &target );
        err = GetLastError();
        ok( !ret && (err == ERROR_INVALID_PARAMETER || err == ERROR_INVALID_OPERATION) /* either */, "got %d, error %lu\n",
            ret, err );                                                                                         /* AU-2 */
        ok( supported == STALE && first == STALE && target == STALE, "got %#lx, %#lx, %#lx\n", supported, first, target );
        ret = WinHttpQueryAuthSchemes( client.session, &supported, &first, &target );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

/* `supported` 0: it fails. */
static void check_schemes( const char *response, DWORD supported, DWORD first, DWORD target )
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    DWORD flags = STALE, one = STALE, where = STALE;
    struct server *server;
    struct client client;
    BOOL ret;

    script[2].data = response;
    if (!(server = server_start( script ))) return;
    winetest_push_context( "%.200s", response );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        SetLastError( STALE );
        ret = WinHttpQueryAuthSchemes( client.request, &flags, &one, &where );
        if (supported)
        {
            ok( ret && (!GetLastError() || broken( GetLastError() == STALE )), "got %d, error %lu\n", ret, GetLastError() );
            ok( flags == supported && one == first && where == target, "got %#lx, first %#lx, target %lu\n", flags, one,
                where );
            where = STALE;
            ret = WinHttpQueryAuthSchemes( client.request, &flags, NULL, &where );
            ok( !ret && where == STALE, "got %d, target %#lx\n", ret, where );
        }
        else
        {
            ok( !ret && GetLastError() == ERROR_INVALID_OPERATION, "got %d, error %lu\n", ret, GetLastError() );
            ok( flags == STALE && one == STALE && where == STALE, "got %#lx, %#lx, %#lx\n", flags, one, where );
        }
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

static void test_schemes_of_responses(void)
{
    const DWORD basic = WINHTTP_AUTH_SCHEME_BASIC, ntlm = WINHTTP_AUTH_SCHEME_NTLM, digest = WINHTTP_AUTH_SCHEME_DIGEST,
                negotiate = WINHTTP_AUTH_SCHEME_NEGOTIATE;

    check_schemes( AUTH_GOOD, 0, 0, 0 );                                                                        /* AU-3 */
    check_schemes( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\r\n", 0, 0, 0 );
    check_schemes( AUTH_401( "WWW-Authenticate: Basic realm=\"a\"\r\n" ), basic, basic, WINHTTP_AUTH_TARGET_SERVER );  /* AU-4 */
    check_schemes( AUTH_401( "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
                             "WWW-Authenticate: NTLM\r\n" ), basic | ntlm, basic, WINHTTP_AUTH_TARGET_SERVER );        /* AU-5 */
    check_schemes( AUTH_401( "WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"a\"\r\n" ), basic | ntlm, ntlm,
                   WINHTTP_AUTH_TARGET_SERVER );
    check_schemes( AUTH_401( "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\r\nWWW-Authenticate: Negotiate\r\n" ),
                   digest | negotiate, digest, WINHTTP_AUTH_TARGET_SERVER );
    check_schemes( AUTH_401( "WWW-Authenticate: Bearer realm=\"a\"\r\n" ), 0, 0, 0 );
    check_schemes( AUTH_401( "" ), 0, 0, 0 );
    /* 407 is about the proxy, whoever says it */
    check_schemes( CHALLENGE( "407 No" ) "Proxy-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\r\n", ntlm, ntlm,
                   WINHTTP_AUTH_TARGET_PROXY );
}

/* RFC 9110 allows several challenges in one field. No log of Windows shows that it takes them apart: a choice. */
static void test_schemes_in_one_field(void)
{
    if (!strcmp( winetest_platform, "wine" ))
        check_schemes( AUTH_401( "WWW-Authenticate: Bearer realm=\"a, NTLM\", Negotiate, Basic realm=\"b\"\r\n" ),
                       WINHTTP_AUTH_SCHEME_NEGOTIATE | WINHTTP_AUTH_SCHEME_BASIC, WINHTTP_AUTH_SCHEME_NEGOTIATE,
                       WINHTTP_AUTH_TARGET_SERVER );
}

/* ---- credentials ---- */

static void test_credentials_that_are_taken(void)
{
    static const struct { DWORD scheme; const WCHAR *user, *password; DWORD err; } rows[] =    /* AU-7 */
    {
        { WINHTTP_AUTH_SCHEME_NTLM,      NULL,    NULL,   0 },
        { WINHTTP_AUTH_SCHEME_PASSPORT,  NULL,    NULL,   0 },
        { WINHTTP_AUTH_SCHEME_NEGOTIATE, NULL,    NULL,   0 },
        { WINHTTP_AUTH_SCHEME_BASIC,     NULL,    NULL,   ERROR_INVALID_PARAMETER },
        { WINHTTP_AUTH_SCHEME_DIGEST,    NULL,    NULL,   ERROR_INVALID_PARAMETER },
        { WINHTTP_AUTH_SCHEME_BASIC,     L"user", NULL,   ERROR_INVALID_PARAMETER },
        { WINHTTP_AUTH_SCHEME_BASIC,     NULL,    L"pwd", ERROR_INVALID_PARAMETER },
        { WINHTTP_AUTH_SCHEME_BASIC,     L"user", L"pwd", 0 },
        { WINHTTP_AUTH_SCHEME_BASIC,     L"user", L"",    0 },
        { WINHTTP_AUTH_SCHEME_NTLM,      L"user", L"pwd", 0 },
    };
    struct client client;
    unsigned int i;
    BOOL ret;

    if (client_open( &client, 1, 0, L"GET", L"/" ))
    {
        for (i = 0; i < count_of( rows ); i++)
        {
            SetLastError( STALE );
            ret = WinHttpSetCredentials( client.request, WINHTTP_AUTH_TARGET_SERVER, rows[i].scheme, rows[i].user,
                                         rows[i].password, NULL );
            ok( ret == !rows[i].err && (GetLastError() == rows[i].err || broken( ret && GetLastError() == STALE )),
                "%u: got %d, error %lu\n", i, ret, GetLastError() );
        }
        ret = WinHttpSetCredentials( client.session, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_BASIC, L"u", L"p", NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
}

/* AU-11 */
static void test_credentials_do_not_show_in_the_options(void)
{
    static const DWORD options[] = { WINHTTP_OPTION_USERNAME, WINHTTP_OPTION_PASSWORD, WINHTTP_OPTION_PROXY_USERNAME,
                                     WINHTTP_OPTION_PROXY_PASSWORD };
    struct client client;
    unsigned int i;
    WCHAR text[16];
    DWORD size;
    BOOL ret;

    if (client_open( &client, 1, 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        for (i = 0; i < count_of( options ); i++)
        {
            size = sizeof(text);
            wcscpy( text, L"x" );
            ret = WinHttpQueryOption( client.request, options[i], text, &size );
            ok( ret && !text[0] && !size, "%u: got %d, \"%ls\", size %lu\n", i, ret, text, size );    /* O-48 */
        }
    }
    client_close( &client );
}

/* ---- Passport ---- */

#define PASSPORT_FIELDS "Content-Length: 0\r\nLocation: /\r\nWWW-Authenticate: Passport1.4\r\n\r\n"

/* AU-13: a status code that the server has not sent, and everything else as it has */
static void test_passport(void)
{
    static const WCHAR raw[] = L"HTTP/1.1 401 Found\r\nContent-Length: 0\r\nLocation: /\r\nWWW-Authenticate: Passport1.4\r\n\r\n";
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\n" PASSPORT_FIELDS ), END };
    DWORD option = WINHTTP_ENABLE_PASSPORT_AUTH, err, len, supported = 0, first, target;
    struct server *server = server_start( script );
    struct client client;
    WCHAR text[256];
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_CONFIGURE_PASSPORT_AUTH, &option, sizeof(option) );
        ok( ret, "failed with %lu\n", GetLastError() );
        err = client_try( &client );
        ok( !err || broken( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || err == ERROR_WINHTTP_LOGIN_FAILURE ),
            "failed with %lu\n", err );                                                                         /* AU-13 */
        if (!err)
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
            len = sizeof(text);
            ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_STATUS_TEXT, NULL, text, &len, NULL );
            ok( ret && (!wcscmp( text, L"Found" ) || broken( !wcscmp( text, L"Unauthorized" ) )), "got %d, \"%ls\"\n", ret,
                text );
            len = sizeof(text);
            ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, text, &len, NULL );
            ok( ret && !wcscmp( text, raw ), "got %d, \"%ls\"\n", ret, text );
            ok( len == sizeof(raw) - sizeof(WCHAR), "length %lu\n", len );
            ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
            ok( ret && supported == WINHTTP_AUTH_SCHEME_PASSPORT, "got %d, %#lx\n", ret, supported );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* Without the option it is a redirect like others. */
static void test_passport_that_was_not_enabled(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\n" PASSPORT_FIELDS ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(auth)
{
    test_schemes_before_a_response();
    test_schemes_of_responses();
    test_schemes_in_one_field();
    test_credentials_that_are_taken();
    test_credentials_do_not_show_in_the_options();
    test_passport();
    test_passport_that_was_not_enabled();
}
