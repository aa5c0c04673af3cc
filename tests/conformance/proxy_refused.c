/*
 * Tunnels that a proxy does not grant: what the program is told, and how a challenge is answered
 *
 * Without WINHTTP_OPTION_RECEIVE_PROXY_CONNECT_RESPONSE a refusal fails the send (notifications.md "Proxy"); with it, it is the
 * response. 407 is the response in any case, unless it can be answered. The error of a failed send, 12029, is a choice: no
 * document names it, and it is what programs are used to where there is no way to a server.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "auth.h"
#include "options.h"
#include "proxy_connect.h"
#include "tls.h"

#define BASIC_407 "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
#define REFUSED   "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"
#define OF_PROXY  "Basic cHJveHk6cHdk"    /* proxy:pwd */

static BOOL is_connect_response( HINTERNET request )
{
    DWORD len = sizeof(BOOL);
    BOOL is = 0xcc, ret;

    ret = WinHttpQueryOption( request, WINHTTP_OPTION_IS_PROXY_CONNECT_RESPONSE, &is, &len );
    ok( ret, "failed with %lu\n", GetLastError() );
    return ret && is;
}

static void set_for_proxy( HINTERNET request, const WCHAR *user )
{
    auth_set_( __FILE__, __LINE__, request, WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_BASIC, user, L"pwd" );
}

static void set_by_option( HINTERNET request, const WCHAR *user )
{
    WinHttpSetOption( request, WINHTTP_OPTION_PROXY_USERNAME, (void *)user, lstrlenW( user ) );
    WinHttpSetOption( request, WINHTTP_OPTION_PROXY_PASSWORD, (void *)L"pwd", 3 );
}

static const struct refusal
{
    const char *text, *body;
    DWORD       status;
    enum step_op then;
} refusals[] =
{
    { "HTTP/1.1 403 No\r\nContent-Length: 2\r\nX-Proxy: yes\r\n\r\nno", "no", 403, STEP_GONE },
    { "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\nX-Proxy: yes\r\n\r\n4\r\noops\r\n0\r\n\r\n", "oops", 502, STEP_GONE },
    { "HTTP/1.0 404 Not Found\r\nX-Proxy: yes\r\n\r\nto the end", "to the end", 404, STEP_CLOSE },
    { "HTTP/1.1 302 Found\r\nLocation: http://evil.invalid/\r\nSet-Cookie: a=b\r\nX-Proxy: yes\r\nContent-Length: 0\r\n\r\n", "", 302,
      STEP_GONE },
    { "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"x\"\r\nX-Proxy: yes\r\nContent-Length: 0\r\n\r\n", "", 401, STEP_GONE },
    { "HTTP/1.1 503 Later\r\nRetry-After: 1\r\nX-Proxy: yes\r\nContent-Length: 0\r\n\r\n", "", 503, STEP_GONE },
};

/* The proxy is no server: neither its page nor its redirect, cookie or challenge is one, and none of the credentials leave. */
static void test_a_refusal_fails_the_send(void)
{
    unsigned int i;

    for (i = 0; i < count_of( refusals ); i++)
    {
        const struct step script[] =
            { ACCEPT, HEAD, { STEP_SEND, refusals[i].text, 0, 0 }, UNHURRIED, { refusals[i].then, NULL, 0, 0 }, END };
        struct server *server = server_start( script );
        struct client client;
        enum call call;
        DWORD err;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
        {
            auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
            err = through_try( &client, &call );
            ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got error %lu\n", err );
            ok( call == CALL_SEND, "failed in call %u\n", call );
            ok( !client_status( client.request ), "status %lu\n", client_status( client.request ) );
        }
        client_close( &client );
        ok( server_request_count( server ) == 1, "asked %u times\n", server_request_count( server ) );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Asynchronous: the send is what fails, and nothing was sent before it failed. */
static void test_a_refusal_fails_the_asynchronous_send(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REFUSED ), UNHURRIED, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct through how = { .open_flags = WINHTTP_FLAG_ASYNC, .recorder = recorder };
    struct client client;

    if (!server) return;
    if (through_open( &client, server_port( server ), &how ))
    {
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        recorder_failed( recorder, API_SEND_REQUEST, ERROR_WINHTTP_CANNOT_CONNECT );
        ok( !recorder_count( recorder, client.request, STATUS( REQUEST_SENT ) ), "the request was sent\n" );
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

static void test_a_refusal_that_is_asked_for(void)
{
    unsigned int i;

    for (i = 0; i < count_of( refusals ); i++)
    {
        const struct step script[] =
            { ACCEPT, HEAD, { STEP_SEND, refusals[i].text, 0, 0 }, UNHURRIED, { refusals[i].then, NULL, 0, 0 }, END };
        struct server *server = server_start( script );
        struct client client;
        DWORD supported, first, target, size = sizeof(void *);
        void *cert = NULL;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ .answers = TRUE } ))
        {
            auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
            ok( !is_connect_response( client.request ), "before there is one\n" );
            if (client_get( &client ))
            {
                ok( client_status( client.request ) == refusals[i].status, "status %lu\n", client_status( client.request ) );
                ok( is_connect_response( client.request ), "it is the server's\n" );
                ok( WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CUSTOM, L"X-Proxy", NULL, &(DWORD){ 0 }, NULL ) ||
                    GetLastError() == ERROR_INSUFFICIENT_BUFFER, "no header, error %lu\n", GetLastError() );
                /* options.md 78: there is no TLS with the server */
                ok( !WinHttpQueryOption( client.request, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &cert, &size ) &&
                    GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu, certificate %p\n", GetLastError(), cert );
                ok( !WinHttpQueryAuthSchemes( client.request, &supported, &first, &target ) &&
                    GetLastError() == ERROR_INVALID_OPERATION, "got error %lu\n", GetLastError() );
                client_check_body( client.request, refusals[i].body );
            }
        }
        client_close( &client );
        ok( server_request_count( server ) == 1, "asked %u times\n", server_request_count( server ) );
        ok( !has_field( server_request( server, 0 ), "Authorization" ), "got %s\n", server_request( server, 0 ) );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- 407 ---- */

/* Nobody knows the answer: it is the program's, with or without the option. */
static void test_a_challenge_without_credentials(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( BASIC_407 "Content-Length: 6\r\n\r\ndenied" ), END };
    DWORD supported, first, target;
    struct client client;
    BOOL ret;
    int i;

    for (i = 0; i < 2; i++)
    {
        struct server *server = server_start( script );

        if (!server) return;
        if (through_open( &client, server_port( server ), &(struct through){ .answers = i } ) && client_get( &client ))
        {
            ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
            supported = first = target = 0;
            ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
            ok( ret && supported == WINHTTP_AUTH_SCHEME_BASIC && target == WINHTTP_AUTH_TARGET_PROXY, "got %d, %#lx, target %lu\n",
                ret, supported, target );                                                                      /* AU-4 */
            ok( is_connect_response( client.request ), "it is the server's\n" );
            client_check_body( client.request, "denied" );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* The answer goes over the connection of the challenge where that is kept, else over another one. */
static const struct { const char *challenge; BOOL kept; } challenges[] =
{
    { BASIC_407 "Content-Length: 6\r\n\r\ndenied", TRUE },
    { BASIC_407 "Transfer-Encoding: chunked\r\n\r\n6\r\ndenied\r\n0\r\n\r\n", TRUE },
    { BASIC_407 "Content-Length: 0\r\nProxy-Connection: Keep-Alive\r\n\r\n", TRUE },
    { "HTTP/1.0 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\nProxy-Connection: Keep-Alive\r\nContent-Length: 6\r\n\r\ndenied", TRUE },
    { BASIC_407 "Content-Length: 6\r\nConnection: close\r\n\r\ndenied", FALSE },
    { BASIC_407 "Content-Length: 6\r\nProxy-Connection: close\r\n\r\ndenied", FALSE },
    { "HTTP/1.0 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\ndenied", FALSE },
};

enum how_known { BY_LOOP, BY_OPTION, HOW_COUNT };

static void check_challenge( unsigned int row, enum how_known how )
{
    const struct step kept[] =
        { ACCEPT, HEAD, { STEP_SEND, challenges[row].challenge, 0, 0 }, HEAD, SEND( REFUSED ), UNHURRIED, GONE, END };
    const struct step anew[] =
        { ACCEPT, HEAD, { STEP_SEND, challenges[row].challenge, 0, 0 }, CLOSE, ACCEPT, HEAD, SEND( REFUSED ), UNHURRIED, GONE, END };
    struct server *server = server_start( challenges[row].kept ? kept : anew );
    struct client client;

    if (!server) return;
    winetest_push_context( "row %u, %s", row, how == BY_LOOP ? "loop" : "option" );
    if (through_open( &client, server_port( server ), &(struct through){ .answers = TRUE } ))
    {
        if (how == BY_OPTION) set_by_option( client.request, L"proxy" );
        if (how == BY_LOOP && client_get( &client ))
        {
            ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
            set_for_proxy( client.request, L"proxy" );
        }
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 502, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "oops" );
        }
        ok( !strcmp( auth_value( server, 0, "Proxy-Authorization" ), "" ), "got %s\n", server_request( server, 0 ) );
        ok( !strcmp( auth_value( server, 1, "Proxy-Authorization" ), OF_PROXY ), "got %s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

static void test_challenges_are_answered(void)
{
    unsigned int i, how;

    for (i = 0; i < count_of( challenges ); i++) for (how = 0; how < HOW_COUNT; how++) check_challenge( i, how );
}

/* Digest answers for the target that CONNECT names, however the program has written it. */
static void test_digest_is_about_the_target(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n"
                            "Content-Length: 0\r\n\r\n" ),
        HEAD, SEND( REFUSED ), END
    };
    static const WCHAR *const hosts[] = { L"origin.invalid", L"ORIGIN.Invalid", L"[2001:DB8::7]" };
    char target[128], uri[128];
    unsigned int i;

    for (i = 0; i < count_of( hosts ); i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "%ls", hosts[i] );
        if (through_open( &client, server_port( server ), &(struct through){ .host = hosts[i], .answers = TRUE } ))
        {
            set_by_option( client.request, L"proxy" );
            if (client_get( &client )) ok( client_status( client.request ) == 502, "status %lu\n", client_status( client.request ) );
            ok( sscanf( server_request( server, 1 ), "CONNECT %127s ", target ) == 1, "got %s\n", server_request( server, 1 ) );
            auth_param( auth_value( server, 1, "Proxy-Authorization" ), "uri", uri, sizeof(uri) );
            ok( !strcmp( target, uri ), "the answer is about %s, the target is %s\n", uri, target );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* To the end: what the proxy was told stays with it, and the tunnel is the user's who has opened it. */
static void test_a_tunnel_after_a_challenge(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( BASIC_407 "Content-Length: 6\r\n\r\ndenied" ), HEAD, SEND( GRANT ), UNHURRIED, RELAY,
        ACCEPT, HEAD, SEND( BASIC_407 "Content-Length: 6\r\n\r\ndenied" ), END
    };
    struct server *server;
    struct client client;
    HINTERNET first;

    if (!tls_there() || !(server = server_start( script ))) return;
    if (through_open_tls( &client, server_port( server ), "good", (struct through){ 0 } ))
    {
        set_by_option( client.request, L"proxy" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( !is_connect_response( client.request ), "it is the proxy's\n" );
            client_read( client.request, NULL, 0, &(DWORD){ 0 } );
        }
        /* security.md, pools: whoever else comes is asked again, even within the session (a choice) */
        server_go( server );
        first = client.request;
        client.request = WinHttpOpenRequest( client.connect, NULL, L"/close", NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        if (client_get( &client )) ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
        ok( !strcmp( auth_value( server, 2, "Proxy-Authorization" ), "" ), "got %s\n", server_request( server, 2 ) );
        WinHttpCloseHandle( first );
    }
    client_close( &client );
    server_stop( server );
}

/* Credentials that were refused are not tried for ever, and a proxy that goes on asking means no. */
static void test_challenges_without_end(void)
{
    static const char *const texts[] =
    {
        BASIC_407 "Content-Length: 0\r\n\r\n",
        "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"n\", stale=true, qop=\"auth\"\r\nContent-Length: 0\r\n\r\n",
        BASIC_407 "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", stale=true\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    };
    unsigned int i;

    for (i = 0; i < count_of( texts ); i++)
    {
        const struct step script[] = { HEAD, { STEP_SEND, texts[i], 0, 0 }, LOOP };
        struct server *server = server_start_each( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
        {
            set_by_option( client.request, L"proxy" );
            if (client_get( &client ))
                ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
        }
        client_close( &client );
        ok( server_request_count( server ) <= 20, "asked %u times\n", server_request_count( server ) );
        server_stop( server );
        winetest_pop_context();
    }
}

/* More challenges than anybody could mean: within the limit of a head they are read, and nothing worse happens. */
static void test_a_flood_of_challenges(void)
{
    static char text[65536];
    struct step script[] = { HEAD, SEND( text ), LOOP };
    struct server *server;
    struct client client;
    unsigned int i;
    char *p = text + sprintf( text, "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n" );

    for (i = 0; i < 500; i++)
        p += sprintf( p, "Proxy-Authenticate: Digest realm=\"%u\", nonce=\"%u\", algorithm=X%u, Basic realm=\"a\"\r\n", i, i, i );
    strcpy( p, "\r\n" );
    if (!(server = server_start_each( script ))) return;
    if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
    {
        set_by_option( client.request, L"proxy" );
        if (client_get( &client )) ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
    }
    client_close( &client );
    ok( server_request_count( server ) <= 20, "asked %u times\n", server_request_count( server ) );
    server_stop( server );
}

/* A challenge whose page has no end keeps nobody: what is beyond MAX_RESPONSE_DRAIN_SIZE stays unread. */
static void test_a_challenge_whose_body_never_ends(void)
{
    static const struct step script[] =
    {
        HEAD, SEND( BASIC_407 "Transfer-Encoding: chunked\r\n\r\n" ), UNHURRIED,
        FLOOD( "10\r\n0123456789abcdef\r\n", 256 << 20 ), END
    };
    struct server *server = server_start_each( script );
    DWORD drain = 4096;
    struct client client;
    enum call call;
    DWORD err;

    if (!server) return;
    if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
    {
        WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_RESPONSE_DRAIN_SIZE, &drain, sizeof(drain) );
        set_by_option( client.request, L"proxy" );
        err = through_try( &client, &call );
        ok( err == ERROR_WINHTTP_RESPONSE_DRAIN_OVERFLOW || (!err && client_status( client.request ) == 407),
            "got error %lu, status %lu\n", err, client_status( client.request ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The program's own field for the proxy goes to the proxy, and not through it (security.md, proxy auth leak). */
static void test_the_programs_own_field(void)
{
    static const struct step behind[] = { ACCEPT, HEAD, SWITCH, UNHURRIED, GONE, END };
    struct step front[] = { ACCEPT, HEAD, SEND( GRANT ), { STEP_RELAY, NULL, 0, 0 }, END };
    struct server *origin = server_start( behind ), *server;
    struct client client;
    HINTERNET socket;

    if (!origin) return;
    front[3].count = server_port( origin );
    if (!(server = server_start( front ))) return;
    if (through_open( &client, server_port( server ), &(struct through){ .plain = TRUE } ))
    {
        ok( WinHttpAddRequestHeaders( client.request, L"Proxy-Authorization: " L"Basic cHJveHk6cHdk\r\nX-Mine: 1", ~0u,
                                      WINHTTP_ADDREQ_FLAG_ADD ), "failed with %lu\n", GetLastError() );
        WinHttpSetOption( client.request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 );
        if (client_get( &client ))
        {
            socket = WinHttpWebSocketCompleteUpgrade( client.request, 0 );
            ok( !strcmp( auth_value( server, 0, "Proxy-Authorization" ), OF_PROXY ), "got %s\n", server_request( server, 0 ) );
            ok( !has_field( server_request( server, 0 ), "X-Mine" ), "got %s\n", server_request( server, 0 ) );
            ok( !has_field( server_request( origin, 0 ), "Proxy-Authorization" ), "got %s\n", server_request( origin, 0 ) );
            ok( has_line( server_request( origin, 0 ), "X-Mine: 1" ), "got %s\n", server_request( origin, 0 ) );
            WinHttpCloseHandle( socket );
        }
    }
    client_close( &client );
    server_stop( server );
    server_stop( origin );
}

/* A WebSocket's tunnel is asked for as any other. */
static void test_a_websocket_answers_a_challenge(void)
{
    static const struct step behind[] = { ACCEPT, HEAD, SWITCH, UNHURRIED, GONE, END };
    struct step front[] =
    {
        ACCEPT, HEAD, SEND( BASIC_407 "Content-Length: 0\r\nConnection: close\r\n\r\n" ), CLOSE, ACCEPT, HEAD, SEND( GRANT ),
        { STEP_RELAY, NULL, 0, 0 }, END
    };
    struct server *origin = server_start( behind ), *server;
    struct client client;
    HINTERNET socket;

    if (!origin) return;
    front[7].count = server_port( origin );
    if (!(server = server_start( front ))) return;
    if (through_open( &client, server_port( server ), &(struct through){ .plain = TRUE } ))
    {
        set_by_option( client.request, L"proxy" );
        WinHttpSetOption( client.request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );
            socket = WinHttpWebSocketCompleteUpgrade( client.request, 0 );
            ok( !strcmp( auth_value( server, 1, "Proxy-Authorization" ), OF_PROXY ), "got %s\n", server_request( server, 1 ) );
            ok( !has_field( server_request( origin, 0 ), "Proxy-Authorization" ), "got %s\n", server_request( origin, 0 ) );
            WinHttpCloseHandle( socket );
        }
    }
    client_close( &client );
    server_stop( server );
    server_stop( origin );
}

START_TEST(proxy_refused)
{
    test_a_refusal_fails_the_send();
    test_a_refusal_fails_the_asynchronous_send();
    test_a_refusal_that_is_asked_for();
    test_a_challenge_without_credentials();
    test_challenges_are_answered();
    test_digest_is_about_the_target();
    test_a_tunnel_after_a_challenge();
    test_challenges_without_end();
    test_a_flood_of_challenges();
    test_a_challenge_whose_body_never_ends();
    test_the_programs_own_field();
    test_a_websocket_answers_a_challenge();
}
