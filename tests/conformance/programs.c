/*
 * What well-known programs do with this API, call by call
 *
 * Each row of a table is a call that the program makes and that must not fail, in its order: one error, and the program
 * gives up its sign-in. Source: users.md; platform.md, what WinHttpHandler sets and asks.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

struct setting
{
    const char *name;
    DWORD       option, value;
};
#define SETTING( name, value ) { #name, WINHTTP_OPTION_##name, value }

static void apply( HINTERNET handle, const struct setting *settings, unsigned int count )
{
    unsigned int i;
    DWORD value;
    BOOL ret;

    for (i = 0; i < count; i++)
    {
        value = settings[i].value;
        SetLastError( STALE );
        ret = WinHttpSetOption( handle, settings[i].option, &value, sizeof(value) );
        ok( ret && !GetLastError(), "%s: got %d, error %lu\n", settings[i].name, ret, GetLastError() );
    }
}

/* ---- .NET's WinHttpHandler ---- */

#define ANSWER "HTTP/1.1 200 All Right\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 10\r\n\r\n0123456789"

static const struct setting handler_session[] =
{
    SETTING( ASSURED_NON_BLOCKING_CALLBACKS, TRUE ),
    SETTING( MAX_CONNS_PER_SERVER, 0x7fffffff ),
    SETTING( MAX_CONNS_PER_1_0_SERVER, 0x7fffffff ),
    SETTING( SECURE_PROTOCOLS, WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 ),
};

static const struct setting handler_request[] =
{
    SETTING( MAX_HTTP_AUTOMATIC_REDIRECTS, 50 ),
    SETTING( REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP ),
    SETTING( DISABLE_FEATURE, WINHTTP_DISABLE_COOKIES ),
    SETTING( AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH ),
    SETTING( MAX_RESPONSE_HEADER_SIZE, 64 * 1024 ),
    SETTING( MAX_RESPONSE_DRAIN_SIZE, 1024 * 1024 ),
    SETTING( ENABLE_HTTP_PROTOCOL, WINHTTP_PROTOCOL_FLAG_HTTP2 ),
};

static void check_text( HINTERNET request, DWORD info, const WCHAR *expected )
{
    DWORD size;
    WCHAR text[256];
    BOOL ret;

    /* it asks for the size first */
    size = 0;
    ret = WinHttpQueryHeaders( request, info, NULL, NULL, &size, NULL );
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "size of %lu: got %d, error %lu\n", info, ret, GetLastError() );
    ok( size >= (lstrlenW( expected ) + 1) * sizeof(WCHAR) && size <= sizeof(text), "size of %lu: %lu\n", info, size );
    ret = WinHttpQueryHeaders( request, info, NULL, text, &size, NULL );
    ok( ret && !lstrcmpW( text, expected ), "%lu: got %d, %ls, error %lu\n", info, ret, text, GetLastError() );
}

static void check_answer( HINTERNET request )
{
    DWORD index = 0, size, number, timeout = 0;
    WCHAR text[256];

    size = sizeof(text);
    ok( WinHttpQueryHeaders( request, WINHTTP_QUERY_SET_COOKIE, NULL, text, &size, &index ) && !lstrcmpW( text, L"a=1" ),
        "first cookie: error %lu\n", GetLastError() );
    size = sizeof(text);
    ok( WinHttpQueryHeaders( request, WINHTTP_QUERY_SET_COOKIE, NULL, text, &size, &index ) && !lstrcmpW( text, L"b=2" ),
        "second cookie: error %lu\n", GetLastError() );
    size = sizeof(text);
    ok( !WinHttpQueryHeaders( request, WINHTTP_QUERY_SET_COOKIE, NULL, text, &size, &index ) &&
        GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "third cookie: error %lu\n", GetLastError() );

    size = sizeof(number);
    ok( WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size, NULL ) &&
        number == 200, "status: error %lu\n", GetLastError() );
    ok( WinHttpSetOption( request, WINHTTP_OPTION_RECEIVE_TIMEOUT, &timeout, sizeof(timeout) ), "RECEIVE_TIMEOUT: error %lu\n",
        GetLastError() );
    check_text( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, L"HTTP/1.1 200 All Right\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                L"Content-Length: 10\r\n\r\n" );
    size = sizeof(number);
    ok( WinHttpQueryOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &number, &size ) && !number,
        "HTTP_PROTOCOL_USED: error %lu\n", GetLastError() );
    check_text( request, WINHTTP_QUERY_VERSION, L"HTTP/1.1" );
    check_text( request, WINHTTP_QUERY_STATUS_TEXT, L"All Right" );
}

static void test_dotnet_handler(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( ANSWER ), SIGNAL, HOLD, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[64];
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        apply( client.session, handler_session, count_of( handler_session ) );
        ok( WinHttpSetTimeouts( client.session, 0, 0, -1, -1 ), "SetTimeouts: error %lu\n", GetLastError() );
        apply( client.request, handler_request, count_of( handler_request ) );
        ret = WinHttpAddRequestHeaders( client.request, L"", 0, WINHTTP_ADDREQ_FLAG_ADD );
        ok( ret, "no headers: error %lu\n", GetLastError() );
        ret = WinHttpAddRequestHeaders( client.request, L"Accept: */*\r\nX-Test: 1\r\n\r\n", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        ok( ret, "headers with an empty line: error %lu\n", GetLastError() );
        if (recorder_get( recorder, &client, server, NULL ))
        {
            check_answer( client.request );
            query_marked( recorder, &client, &event );
            ok( event.value == 10, "%lu bytes are there\n", event.value );
            read_marked( recorder, &client, buffer, sizeof(buffer), &event );
            ok( event.info_len == 10 && !memcmp( buffer, "0123456789", 10 ), "%lu bytes\n", event.info_len );
            query_marked( recorder, &client, &event );
            ok( !event.value, "%lu bytes are left\n", event.value );
        }
    }
    server_go( server );
    recorder_finish( recorder, &client, server );
}

/* ---- libHttpClient ---- */

/* It goes on where SECURE_PROTOCOLS fails, since an older Windows has no TLS 1.3; everything else must be there. */
static void test_libhttpclient_request(void)
{
    static const struct setting settings[] = { SETTING( IPV6_FAST_FALLBACK, TRUE ) };
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), HOLD, END };
    DWORD protocols = WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3;
    WINHTTP_PROXY_INFO none = { WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        SetLastError( STALE );
        ok( WinHttpSetOption( client.session, WINHTTP_OPTION_SECURE_PROTOCOLS, &protocols, sizeof(protocols) ) ||
            broken( GetLastError() == ERROR_INVALID_PARAMETER ), "SECURE_PROTOCOLS: error %lu\n", GetLastError() );
        apply( client.session, settings, count_of( settings ) );
        ok( WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY, &none, sizeof(none) ), "PROXY: error %lu\n", GetLastError() );
        if (client_get( &client )) client_check_body( client.request, "ok" );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

static void test_libhttpclient_websocket(void)
{
    static const struct setting request_settings[] =
    {
        SETTING( WEB_SOCKET_RECEIVE_BUFFER_SIZE, 65536 ), SETTING( WEB_SOCKET_SEND_BUFFER_SIZE, 65536 ),
    };
    static const struct setting socket_settings[] = { SETTING( WEB_SOCKET_KEEPALIVE_INTERVAL, 30000 ) };
    static const struct step script[] = { OPENED, FRAME( FIN | OP_TEXT, "hello" ), SEND_BYTES( "\x81\x05world" ), GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/chat" ))
    {
        apply( client.request, request_settings, count_of( request_settings ) );
        ok( WinHttpAddRequestHeaders( client.request, L"Sec-WebSocket-Protocol: chat", ~0u, WINHTTP_ADDREQ_FLAG_ADD ),
            "Sec-WebSocket-Protocol: error %lu\n", GetLastError() );
        if ((socket = ws_upgrade( &client )))
        {
            apply( socket, socket_settings, count_of( socket_settings ) );
            ws_check_send( socket, TYPE( UTF8_MESSAGE ), "hello", 5, ERROR_SUCCESS );
            ws_check_receive( socket, 64, TYPE( UTF8_MESSAGE ), "world" );
            ws_check_close( socket, ERROR_SUCCESS );
        }
    }
    ws_finish( &client, socket, server );
}

/* ---- programs that set and ask ---- */

/* An online match was impossible because one of these could not be asked for what had just been set: they all go both ways. */
static void test_what_is_set_is_told(void)
{
    static const struct setting settings[] =
    {
        SETTING( MAX_RESPONSE_HEADER_SIZE, 100000 ), SETTING( MAX_RESPONSE_DRAIN_SIZE, 2000000 ),
        SETTING( MAX_HTTP_STATUS_CONTINUE, 5 ), SETTING( MAX_HTTP_AUTOMATIC_REDIRECTS, 3 ), SETTING( CONNECT_RETRIES, 2 ),
        SETTING( CONNECT_TIMEOUT, 1000 ), SETTING( SEND_TIMEOUT, 1000 ), SETTING( RECEIVE_TIMEOUT, 1000 ),
        SETTING( REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS ),
    };
    struct client client;
    DWORD value, size;
    unsigned int i;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        apply( client.request, settings, count_of( settings ) );
        for (i = 0; i < count_of( settings ); i++)
        {
            value = STALE;
            size = sizeof(value);
            ok( WinHttpQueryOption( client.request, settings[i].option, &value, &size ) && value == settings[i].value,
                "%s: got %lu, error %lu\n", settings[i].name, value, GetLastError() );
        }
    }
    client_close( &client );
}

/* An empty variable of the host is none. Windows does not look at it. */
static void test_empty_proxy_variable(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), HOLD, END };
    struct server *server = server_start( script );
    struct client client = { 0 };
    WCHAR old[256] = L"";

    if (!server) return;
    GetEnvironmentVariableW( L"http_proxy", old, count_of( old ) );
    SetEnvironmentVariableW( L"http_proxy", L"" );
    client.session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, NULL, NULL, 0 );
    ok( client.session != NULL, "WinHttpOpen: error %lu\n", GetLastError() );
    WinHttpSetTimeouts( client.session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    client.connect = WinHttpConnect( client.session, L"127.0.0.1", server_port( server ), 0 );
    client.request = WinHttpOpenRequest( client.connect, NULL, L"/", NULL, NULL, NULL, 0 );
    if (client_get( &client ))
    {
        client_check_body( client.request, "ok" );
        ok( !strncmp( server_request( server, 0 ), "GET / ", 6 ), "sent as to a proxy: %s\n", server_request( server, 0 ) );
    }
    SetEnvironmentVariableW( L"http_proxy", old[0] ? old : NULL );
    server_go( server );
    client_close( &client );
    server_stop( server );
}

START_TEST(programs)
{
    test_dotnet_handler();
    test_libhttpclient_request();
    test_libhttpclient_websocket();
    test_what_is_set_is_told();
    test_empty_proxy_variable();
}
