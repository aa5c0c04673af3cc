/*
 * Tunnels through proxies that others have written: squid, for https, WebSockets and HTTP/2, and over TLS to itself
 *
 * What a proxy is told and what the server behind it; whose tunnel is whose; answers to CONNECT that are none. Rules:
 * behaviour-concepts.md sections 3 and 4, options.md section 3.6, security.md, windows-behaviour.md section 11. Plain http is
 * in proxy_servers.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>

#include "wine/test.h"
#include "server.h"
#include "tls.h"
#include "websocket.h"
#include "peers.h"
#include "proxy_servers.h"

static const struct scheme
{
    const char *proxy;
    DWORD       flag;
}
schemes[] =
{
    { "squid-basic-relay",  WINHTTP_AUTH_SCHEME_BASIC },
    { "squid-digest-relay", WINHTTP_AUTH_SCHEME_DIGEST },
    { "squid-ntlm-relay",   WINHTTP_AUTH_SCHEME_NTLM },
};

static BOOL open_tunnel( struct via *via, const char *proxy, const WCHAR *host, DWORD open_flags )
{
    BOOL ret = via_open( via, proxy, L"", "squid-origin-tls", host, open_flags );

    via->flags = WINHTTP_FLAG_SECURE;
    return ret;
}

static BOOL is_connect_response( HINTERNET request )
{
    BOOL value = -1;
    DWORD size = sizeof(value);

    ok( WinHttpQueryOption( request, WINHTTP_OPTION_IS_PROXY_CONNECT_RESPONSE, &value, &size ), "failed with %lu\n", GetLastError() );
    return value;
}

/* ---- each scheme ---- */

static void check_challenge( const struct via *via, const struct scheme *scheme )
{
    DWORD supported = STALE, first = STALE, target = STALE;
    BOOL ret;

    via_check_status( via, 407 );                                                                               /* AU-14 */
    ok( via->body_len > 100 && strstr( via->body, "ERR_CACHE_ACCESS_DENIED" ), "%lu bytes: %.200s\n", (DWORD)via->body_len,
        via->body );                                                                                            /* AU-6 */
    ret = WinHttpQueryAuthSchemes( via->client.request, &supported, &first, &target );
    ok( ret && supported == scheme->flag && first == scheme->flag && target == WINHTTP_AUTH_TARGET_PROXY,
        "got %d, %#lx, %#lx, target %lu\n", ret, supported, first, target );                                    /* AU-5 */
    ok( is_connect_response( via->client.request ), "not the answer to CONNECT\n" );
}

/* By the server itself, which has seen nothing of the proxy. */
static void check_served( const struct via *via )
{
    via_check_status( via, 200 );
    ok( !strcmp( via_value( via, "proxy-authorization" ), "" ), "%s came out: %s\n", via->proxy.name, via->body );
    ok( !strcmp( via_value( via, "via" ), "" ), "somebody stands between: %s\n", via->body );
    ok( !is_connect_response( via->client.request ), "the answer to CONNECT\n" );
}

static void check_loop( struct via *via, const struct scheme *scheme )
{
    unsigned int from;

    if (!via_request( via, NULL, L"/loop" )) return;
    via_send( via );
    check_challenge( via, scheme );
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via );

    /* the tunnel is its user's, and stays */
    from = peer_record_len( &via->proxy );
    if (!via_request( via, NULL, L"/again" )) return;
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via );
    ok( !via_said( &via->proxy, from, "CONNECT " ), "another tunnel\n" );                                       /* C-1 */
}

static void check_wrong_password( const struct via *other, const struct scheme *scheme )
{
    struct via via;

    if (!via_open_again( &via, other )) return;
    if (via_request( &via, NULL, L"/password" ))
    {
        via_log_on( &via, scheme->flag, L"not this one" );
        via_send( &via );
        check_challenge( &via, scheme );
        via_log_on( &via, scheme->flag, NULL );
        via_send( &via );
        check_served( &via );
    }
    via_close( &via );
}

static void check_options( const struct via *other )
{
    struct via via;

    if (!via_open_again( &via, other )) return;
    if (via_request( &via, NULL, L"/options" ))
    {
        via_set_options( &via, NULL );
        via_send( &via );
        check_served( &via );
    }
    via_close( &via );
}

/* The proxy has its say before the body, so that one that is written need not be lost: either. */
static void check_bodies( const struct via *other, const struct scheme *scheme )
{
    struct via via;
    int i, again;

    for (i = 0; i < 2; i++)
    {
        if (!via_open_again( &via, other )) return;
        if (via_request( &via, L"POST", L"/body" ))
        {
            via_log_on( &via, scheme->flag, NULL );
            for (again = 0; again < 3; again++)
                if (via_post( &via, "through the tunnel", i ) || via.error != ERROR_WINHTTP_RESEND_REQUEST) break;
            check_served( &via );
            ok( i || !again, "sent again by the program\n" );
            ok( !strcmp( via_value( &via, "length" ), "18" ), "got %s\n", via.body );
        }
        via_close( &via );
    }
}

/* Each gets its own, and nobody the other's. */
static void check_both( const struct via *other, const struct scheme *scheme )
{
    DWORD supported = 0, first = 0, target = STALE;
    struct via via;

    if (!via_open_again( &via, other )) return;
    if (via_request( &via, NULL, L"/secret" ))
    {
        via_log_on( &via, scheme->flag, NULL );
        via_send( &via );
        via_check_status( &via, 401 );
        ok( WinHttpQueryAuthSchemes( via.client.request, &supported, &first, &target ) &&
            supported == WINHTTP_AUTH_SCHEME_BASIC && target == WINHTTP_AUTH_TARGET_SERVER, "%#lx, target %lu\n", supported,
            target );                                                                                           /* AU-4 */
        ok( !is_connect_response( via.client.request ), "the answer to CONNECT\n" );
        via_log_on( &via, scheme->flag, NULL );
        via_log_on_server( &via );
        via_send( &via );
        check_served( &via );
        ok( !strncmp( via_value( &via, "authorization" ), "Basic ", 6 ), "got %s\n", via.body );
    }
    via_close( &via );
    if (!via_open_again( &via, other )) return;
    if (via_request( &via, NULL, L"/secret" ))
    {
        via_log_on( &via, scheme->flag, NULL );
        via_log_on_server( &via );
        via_send( &via );
        check_served( &via );
    }
    via_close( &via );
}

static void test_schemes( DWORD open_flags )
{
    unsigned int i, from;
    struct via via;
    char line[128];

    for (i = 0; i < count_of( schemes ); i++)
    {
        winetest_push_context( "%s, %s", schemes[i].proxy, open_flags ? "asynchronous" : "synchronous" );
        if (open_tunnel( &via, schemes[i].proxy, NULL, open_flags ))
        {
            from = peer_record_len( &via.proxy );
            check_loop( &via, &schemes[i] );
            check_wrong_password( &via, &schemes[i] );
            check_options( &via );
            check_bodies( &via, &schemes[i] );
            check_both( &via, &schemes[i] );
            sprintf( line, "CONNECT www.peers.test:%u HTTP/1.1\r\n", via.server.port );
            ok( via_said( &via.proxy, from, line ), "no %s", line );
            ok( via_said( &via.proxy, from, "\r\nProxy-Authorization: " ), "the witness has seen no credentials\n" );
            ok( !via_said( &via.proxy, from, "\r\nAuthorization:" ), "the proxy was told the server's credentials\n" );
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* Who is logged on in a realm gets a tunnel without a word. */
static void test_default_credentials(void)
{
    struct via via;

    if (open_tunnel( &via, "squid-negotiate-relay", NULL, 0 ) && via_request( &via, NULL, L"/logged-on" ))
    {
        via_set_flag( via.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM );
        via_send( &via );
        check_served( &via );
        /* nobody else gets it */
        if (via_request( &via, NULL, L"/nobody" ))
        {
            via_send( &via );
            via_check_status( &via, 407 );
        }
    }
    via_close( &via );
}

/* ---- whose tunnel it is ---- */

/* A request without credentials, or with those of nobody, gets no tunnel that others have paid for: in its session, or in
 * another one. For Basic and Digest that is a choice: no document says whose a tunnel is. */
static void test_tunnel_is_its_users(void)
{
    struct via via, other;
    unsigned int i;

    for (i = 0; i < count_of( schemes ); i++)
    {
        winetest_push_context( "%s", schemes[i].proxy );
        if (open_tunnel( &via, schemes[i].proxy, NULL, 0 ) && via_request( &via, NULL, L"/mine" ))
        {
            via_log_on( &via, schemes[i].flag, NULL );
            via_send( &via );
            check_served( &via );
            if (via_request( &via, NULL, L"/wrong" ))
            {
                via_log_on( &via, schemes[i].flag, L"not this one" );
                via_send( &via );
                via_check_status( &via, 407 );
            }
            if (via_request( &via, NULL, L"/nobody" ))
            {
                via_send( &via );
                via_check_status( &via, 407 );
            }
            if (via_open_again( &other, &via ) && via_request( &other, NULL, L"/theirs" ))
            {
                via_send( &other );
                via_check_status( &other, 407 );
            }
            via_close( &other );
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* A tunnel leads to one server: another name of the same address is another one. */
static void test_tunnel_is_to_one_server(void)
{
    HINTERNET connect;
    unsigned int from;
    struct via via;
    char port[16];

    if (open_tunnel( &via, "squid-relay", L"one.peers.test", 0 ))
    {
        from = peer_record_len( &via.proxy );
        via_check_get( &via, L"/1" );
        lstrcpynA( port, via_value( &via, "port" ), sizeof(port) );
        via_check_get( &via, L"/2" );
        ok( port[0] && !strcmp( via_value( &via, "port" ), port ), "another tunnel: %s\n", via.body );          /* C-1 */
        ok( via_said( &via.proxy, from, "CONNECT " ) == 1, "%u tunnels\n", via_said( &via.proxy, from, "CONNECT " ) );
        connect = WinHttpConnect( via.client.session, L"two.peers.test", via.server.port, 0 );
        ok( connect != NULL, "failed with %lu\n", GetLastError() );
        if (connect)
        {
            WinHttpCloseHandle( via.client.connect );
            via.client.connect = connect;
            via_check_get( &via, L"/3" );
            ok( strcmp( via_value( &via, "port" ), port ), "the tunnel to another server\n" );
            ok( via_said( &via.proxy, from, "CONNECT two.peers.test:" ) == 1, "not asked for\n" );
        }
    }
    via_close( &via );
}

/* ---- answers that grant nothing ---- */

static void test_refused(void)
{
    static const WCHAR *const hosts[] = { L"refused.peers.test", NULL };
    struct via via;
    unsigned int i;

    for (i = 0; i < 2; i++)
    {
        if (!open_tunnel( &via, "squid", hosts[i], 0 )) return;
        if (!hosts[i])     /* the proxy cannot reach it */
        {
            WinHttpCloseHandle( via.client.connect );
            via.client.connect = WinHttpConnect( via.client.session, SERVER_NAME, server_closed_port(), 0 );
        }
        /* fails without the option; how is a choice: the server cannot be reached, and there is no error for proxies */
        if (via_request( &via, NULL, L"/" ))
        {
            via_send( &via );
            ok( via.error == ERROR_WINHTTP_CANNOT_CONNECT || broken( via.error == ERROR_WINHTTP_CONNECTION_ERROR ), "%u: error %lu\n",
                i, via.error );
        }
        if (via_request( &via, NULL, L"/" ))
        {
            via_set_flag( via.client.request, WINHTTP_OPTION_RECEIVE_PROXY_CONNECT_RESPONSE, TRUE );
            via_send( &via );
            if (hosts[i]) via_check_status( &via, 403 );
            else ok( !via.error && via.status >= 500, "error %lu, status %lu\n", via.error, via.status );
            ok( strstr( via.body, i ? "ERR_" : "ERR_ACCESS_DENIED" ) != NULL, "%u: body %.200s\n", i, via.body );
            ok( is_connect_response( via.client.request ), "%u: not the answer to CONNECT\n", i );
        }
        via_close( &via );
    }
}

/* ---- what else goes through a tunnel ---- */

static DWORD protocol_used( HINTERNET request )
{
    DWORD used = ~0u, size = sizeof(used);

    WinHttpQueryOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &used, &size );
    return used;
}

static void test_http2(void)
{
    DWORD enable = WINHTTP_PROTOCOL_FLAG_HTTP2;
    unsigned int i, from;
    struct via via;

    if (open_tunnel( &via, "squid-basic-relay", NULL, 0 ))
    {
        if (WinHttpSetOption( via.client.session, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, &enable, sizeof(enable) ))
        {
            from = peer_record_len( &via.proxy );
            for (i = 0; i < 3; i++)
            {
                if (!via_request( &via, NULL, L"/h2" )) break;
                via_log_on( &via, WINHTTP_AUTH_SCHEME_BASIC, NULL );
                via_send( &via );
                check_served( &via );
                ok( protocol_used( via.client.request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n",
                    protocol_used( via.client.request ) );                                                      /* MX-1 */
                ok( !strcmp( via_value( &via, "protocol" ), "HTTP/2.0" ), "got %s\n", via.body );
            }
            ok( via_said( &via.proxy, from, "CONNECT " ) <= 2, "a tunnel for each stream\n" );    /* 2: a 407 before */
        }
        else win_skip( "no HTTP/2\n" );
    }
    via_close( &via );
}

static void test_trailer(void)
{
    DWORD size;
    WCHAR text[32];
    struct via via;
    BOOL ret;

    if (open_tunnel( &via, "squid", NULL, 0 ))
    {
        via_check_get( &via, L"/trailer" );
        ok( !strcmp( via.body, "trailer\n" ), "body %s\n", via.body );
        size = sizeof(text);
        ret = WinHttpQueryHeaders( via.client.request, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_TRAILERS, L"X-End", text, &size, NULL );
        ok( (ret && !lstrcmpW( text, L"nginx" )) || broken( !ret ), "error %lu\n", GetLastError() );   /* Windows 10 2004 and later */
    }
    via_close( &via );
}

static void test_large_bodies(void)
{
    struct via via;

    if (open_tunnel( &via, "squid", NULL, 0 )) via_check_large( &via, L"/files/tunnel" );
    via_close( &via );
}

static void check_socket( struct via *via )
{
    static char text[] = "there and back";
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 0;
    HINTERNET socket;
    char data[64];
    DWORD err, count = 0;

    if (!client_get( &via->client )) return;
    ok( client_status( via->client.request ) == 101, "status %lu\n", client_status( via->client.request ) );    /* WS-5 */
    if (client_status( via->client.request ) != 101 || !(socket = ws_complete( &via->client ))) return;
    err = WinHttpWebSocketSend( socket, TYPE( UTF8_MESSAGE ), text, sizeof(text) - 1 );
    ok( !err, "error %lu\n", err );                                                                             /* WS-30 */
    err = WinHttpWebSocketReceive( socket, data, sizeof(data), &count, &type );
    ok( !err && count == sizeof(text) - 1 && type == TYPE( UTF8_MESSAGE ) && !memcmp( data, text, count ),
        "error %lu, %lu bytes, type %u\n", err, count, type );                                                  /* WS-32 */
    err = WinHttpWebSocketClose( socket, WINHTTP_WEB_SOCKET_SUCCESS_CLOSE_STATUS, NULL, 0 );
    ok( !err, "error %lu\n", err );                                                                             /* WS-40 */
    WinHttpCloseHandle( socket );
}

static void test_websockets(void)
{
    static const struct { const char *server; DWORD flags; } servers[] = { { "squid-ws", 0 }, { "squid-wss", WINHTTP_FLAG_SECURE } };
    static const struct { const char *proxy; DWORD scheme; } proxies[] =
    {
        { "squid-relay", 0 },
        { "squid-basic-relay",  WINHTTP_AUTH_SCHEME_BASIC },
        { "squid-digest-relay", WINHTTP_AUTH_SCHEME_DIGEST },
        { "squid-ntlm-relay",   WINHTTP_AUTH_SCHEME_NTLM },
    };
    unsigned int i, j;
    struct via via;

    for (i = 0; i < count_of( servers ); i++)
        for (j = 0; j < count_of( proxies ); j++)
        {
            winetest_push_context( "%s through %s", servers[i].server, proxies[j].proxy );
            if (via_open( &via, proxies[j].proxy, L"", servers[i].server, NULL, 0 ))
            {
                via.flags = servers[i].flags;
                if (via_request( &via, NULL, L"/chat" ))
                {
                    ws_ask( via.client.request );
                    if (proxies[j].scheme) via_log_on( &via, proxies[j].scheme, NULL );
                    check_socket( &via );
                }
            }
            via_close( &via );
            winetest_pop_context();
        }
}

/* ---- TLS to the proxy ---- */

static void test_tls_proxy(void)
{
    static const struct { const char *proxy, *server; DWORD scheme, flags; } rows[] =
    {
        { "squid-tls",       "squid-origin",     0, 0 },
        { "squid-tls",       "squid-origin-tls", 0, WINHTTP_FLAG_SECURE },
        { "squid-tls-basic", "squid-origin",     WINHTTP_AUTH_SCHEME_BASIC, 0 },
        { "squid-tls-basic", "squid-origin-tls", WINHTTP_AUTH_SCHEME_BASIC, WINHTTP_FLAG_SECURE },
    };
    struct via via;
    unsigned int i;
    DWORD port;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%s, %s", rows[i].proxy, rows[i].server );
        if (via_open( &via, rows[i].proxy, L"https://", rows[i].server, NULL, 0 ))
        {
            via.flags = rows[i].flags;
            if (via_request( &via, NULL, L"/1" ))
            {
                if (rows[i].scheme)
                {
                    via_send( &via );
                    via_check_status( &via, 407 );
                    via_log_on( &via, rows[i].scheme, NULL );
                }
                via_send( &via );
                via_check_status( &via, 200 );
                ok( !via_value( &via, "via" )[0] == !!rows[i].flags, "by %s\n", via_value( &via, "via" ) );
                port = via_port( via.client.request );
                if (via_request( &via, L"POST", L"/2" ))
                {
                    if (rows[i].scheme) via_log_on( &via, rows[i].scheme, NULL );
                    via_post( &via, "twice in TLS", FALSE );
                    via_check_status( &via, 200 );
                    ok( !port || via_port( via.client.request ) == port, "another connection\n" );              /* C-1 */
                }
            }
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* A proxy that is not who it should be hears nothing, and no flag of the program excuses it: those are about servers. That,
 * the error, which winhttp.h has for proxies, and the bits, which it has for servers, are choices. */
static void test_tls_proxy_that_is_not_trusted(void)
{
    static const struct { const char *proxy; DWORD bit; } rows[] =
    {
        { "squid-tls-untrusted", FAILURE( INVALID_CA ) },
        { "squid-tls-name",      FAILURE( CERT_CN_INVALID ) },
    };
    struct event event;
    unsigned int i, j;
    struct via via;

    for (i = 0; i < count_of( rows ); i++)
        for (j = 0; j < 4; j++)
        {
            winetest_push_context( "%s, %u", rows[i].proxy, j );
            if (via_open( &via, rows[i].proxy, L"https://", j & 1 ? "squid-origin-tls" : "squid-origin", NULL, WINHTTP_FLAG_ASYNC ))
            {
                via.flags = j & 1 ? WINHTTP_FLAG_SECURE : 0;
                if (via_request( &via, NULL, L"/" ))
                {
                    if (j == 3) via_set_flag( via.client.request, WINHTTP_OPTION_SECURITY_FLAGS, IGNORE_ALL );
                    via_log_on( &via, WINHTTP_AUTH_SCHEME_BASIC, NULL );
                    via_send( &via );
                    ok( via.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY || broken( via.error == ERROR_WINHTTP_SECURE_FAILURE ),
                        "error %lu, status %lu\n", via.error, via.status );
                    if (recorder_find( via.recorder, STATUS( SECURE_FAILURE ), 0 ) >= 0)
                    {
                        event = via.recorder->events[recorder_find( via.recorder, STATUS( SECURE_FAILURE ), 0 )];
                        ok( event.value & rows[i].bit, "bits %#lx\n", event.value );                            /* TL-7 */
                    }
                    else ok( strcmp( winetest_platform, "wine" ), "no SECURE_FAILURE\n" );
                }
            }
            via_close( &via );
            winetest_pop_context();
        }
}

START_TEST(proxy_tunnels)
{
    test_schemes( 0 );
    test_schemes( WINHTTP_FLAG_ASYNC );
    test_default_credentials();
    test_tunnel_is_its_users();
    test_tunnel_is_to_one_server();
    test_refused();
    test_http2();
    test_trailer();
    test_large_bodies();
    test_websockets();
    test_tls_proxy();
    test_tls_proxy_that_is_not_trusted();
}
