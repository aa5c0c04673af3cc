/*
 * Unit test of CONNECT: tunnels through HTTP proxies, in the clear and within TLS
 *
 * Source: behaviour-concepts.md section 4, security.md (rows on CONNECT, proxies and pools), RFC 9110 section 9.3.6.
 */

#include "proxy_peer.h"
#include "tunnel.h"

#define REFUSAL "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 6\r\n\r\nno way"
#define PAGE    "GET / HTTP/1.1"

static const struct ask https;
static const struct ask ws = { .scheme = WH_SCHEME_HTTP, .flags = WHX_WEBSOCKET };

/* ---- tunnels that are granted ---- */

static void test_https_goes_through_a_tunnel( void )
{
    static const struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    static const char user_agent[] = "User-Agent: tester/1\r\nX-For-Proxy: y\r\n";
    static const char secret[] = "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=b\r\n\r\n";
    struct wh_times times = { 0 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route, .head = secret };
    struct wh_exchange_query_params query = { .what = WHQ_TIMES, .buffer = wh_from_ptr( &times ), .size = sizeof(times) };

    proxy_begin( &script );
    route = proxy_route( "Basic dXNlcg==" );
    route.proxy_head = wh_from_ptr( user_agent );
    route.proxy_head_len = sizeof(user_agent) - 1;
    expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && is_page( &client, PAGE ) );
    expect( !(client.flags & WHR_FROM_PROXY) );
    query.exchange = client.id;
    expect( !exchange_query( &query ) && !query.error );
    expect( times.connect_end && times.connect_end <= times.tunnel_start && times.tunnel_start <= times.tunnel_end &&
            times.tunnel_end <= times.tls_start && times.tls_start <= times.tls_end && !times.proxy_tls_start );
    client_close( &client );

    expect( !strcmp( proxy_log, "CONNECT localhost:4433 HTTP/1.1\r\nHost: localhost:4433\r\nProxy-Connection: Keep-Alive\r\n"
                                "User-Agent: tester/1\r\nX-For-Proxy: y\r\nProxy-Authorization: Basic dXNlcg==\r\n\r\n" ) );
    expect( in_log( server_log, "c2VjcmV0" ) && !in_log( server_log, "dXNlcg==" ) && !in_log( server_log, "tester/1" ) );
    proxy_end();
}

/* The same tunnel serves the same place again, and no other. */
static void test_a_tunnel_serves_one_target( void )
{
    static const struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    struct ask other_port = { .port = 4434 }, other_name = { .host = "127.0.0.1" };
    struct wh_route direct = { .port = 0 };
    struct client client;
    struct ask around = { .route = &direct };

    proxy_begin( &script );
    expect( !ask_get( &client, &https ) && is_page( &client, PAGE ) );
    expect( !ask_get( &client, &https ) && is_page( &client, PAGE ) );
    expect( peer_connections( &proxy.peer ) == 1 );
    expect( !ask_get( &client, &other_port ) && peer_connections( &proxy.peer ) == 2 );
    expect( !ask_get( &client, &other_name ) && peer_connections( &proxy.peer ) == 3 );
    expect( in_log( proxy_log, "CONNECT localhost:4434 " ) && in_log( proxy_log, "CONNECT 127.0.0.1:4433 " ) );
    expect( ask_get( &client, &around ) == WHE_CONNECT );     /* nobody listens there, and no tunnel is taken */
    proxy_end();
}

static void test_an_ipv6_target_has_brackets( void )
{
    static const struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    struct ask ask = { .host = "::1" };
    struct client client;

    proxy_begin( &script );
    expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) );
    expect( in_log( proxy_log, "CONNECT [::1]:4433 HTTP/1.1\r\nHost: [::1]:4433\r\n" ) );
    proxy_end();
}

static void test_answers_arrive_in_any_pieces( void )
{
    struct proxy_script script = { .answers = { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n" }, .tls = 1 };
    size_t len = strlen( script.answers[0] );
    struct client client;

    for (script.split = 0; script.split < len; script.split++)
    {
        proxy_begin( &script );
        expect( !ask_get( &client, &https ) && is_page( &client, PAGE ) );
        proxy_end();
    }
    script.bytewise = 1;
    proxy_begin( &script );
    expect( !ask_get( &client, &https ) && is_page( &client, PAGE ) );
    proxy_end();
}

/* RFC 9110 section 9.3.6: framing fields of a 2xx are ignored, what follows is the tunnel's. */
static void test_a_granting_answer_has_no_body( void )
{
    static const char *const answers[] =
    {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    };
    struct proxy_script script = { .tls = 1 };
    struct client client;
    unsigned int i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
    {
        script.answers[0] = answers[i];
        proxy_begin( &script );
        expect( !ask_get( &client, &https ) && is_page( &client, PAGE ) );
        proxy_end();
    }
}

/* A server that speaks first: its bytes come with the proxy's head. */
static void test_bytes_behind_the_head_are_the_tunnels( void )
{
    static const struct proxy_script script =
        { .answers = { GRANT "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly" } };
    struct client client;

    proxy_begin( &script );
    expect( !ask_start( &client, &ws ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
    expect( client.status == 200 && !(client.flags & WHR_FROM_PROXY) );
    client_read_all( &client, 100, WAIT_MS );
    expect( has_body( &client, "early" ) );
    client_close( &client );
    proxy_end();
}

/* Plain http goes to the proxy itself, a WebSocket through it; neither gets the other's connection. */
static void test_websockets_have_a_tunnel_of_their_own( void )
{
    static const struct proxy_script script = { .answers = { GRANT } };
    static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct ask ask = ws;
    struct client client;

    proxy_begin( &script );
    ask.head = upgrade;
    expect( !ask_get( &client, &ask ) && is_page( &client, "GET /ws HTTP/1.1" ) );
    expect( in_log( proxy_log, "CONNECT localhost:4433 HTTP/1.1\r\n" ) && !in_log( proxy_log, "/ws" ) );
    expect( peer_connections( &proxy.peer ) == 1 && origin_idle_count() == 1 );
    ask.flags = 0;
    ask.head = "GET http://localhost:4433/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
    expect( !ask_get( &client, &ask ) && is_page( &client, "GET http://localhost:4433/ HTTP/1.1" ) );
    expect( peer_connections( &proxy.peer ) == 2 && in_log( proxy_log, "GET http://localhost:4433/ " ) );
    proxy_end();
}

/* ---- refusals ---- */

static void test_a_refusal_is_the_response( void )
{
    static const struct
    {
        const char *answer, *body;
        uint32_t    status;
        int         ends, kept;
    } rows[] =
    {
        { REFUSAL, "no way", 407, 0, 1 },
        { "HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc", 407, 0, 1 },
        { "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "", 407, 0, 1 },
        { "HTTP/1.1 407 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhm", "hm", 407, 0, 0 },
        { "HTTP/1.1 407 No\r\n\r\nto the end", "to the end", 407, 1, 0 },
        { "HTTP/1.1 103 Early\r\n\r\n" REFUSAL, "no way", 407, 0, 1 },
        { "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "no", 403, 0, 0 },
        { "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno", "no", 502, 0, 0 },
        { "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", "", 302, 0, 0 },
        { "HTTP/1.0 407 No\r\nContent-Length: 2\r\n\r\nno", "no", 407, 1, 0 },
    };
    struct proxy_script script = { .tls = 1 };
    struct ask head = { .flags = WHX_HEAD, .head = "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" };
    struct client client;
    unsigned int i, j;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        script.answers[0] = rows[i].answer;
        script.ends = rows[i].ends;
        for (j = 0; j < 4; j++)
        {
            script.bytewise = j == 2;
            proxy_begin( &script );
            expect( !ask_start( &client, j == 1 ? &head : j == 3 ? &ws : &https ) );
            expect( !ask_finish( &client ) && client.status == rows[i].status && (client.flags & WHR_FROM_PROXY) );
            expect( has_body( &client, rows[i].body ) );
            expect( fact_error( &client, WHQ_PEER_CHAIN ) == WHE_STATE );
            client_close( &client );
            expect( origin_idle_count() == (unsigned int)rows[i].kept );
            expect( !server_log_len );
            proxy_end();
        }
    }
}

/* Whoever closes without reading it: a 407 is drained, so that it can be answered; nothing else can. */
static void test_an_unread_refusal( void )
{
    struct proxy_script script = { .answers = { REFUSAL, GRANT }, .tls = 1 };
    struct ask ask = { .pin = 0 };
    struct client client;
    uint64_t until = engine_now_ms() + WAIT_MS;

    proxy_begin( &script );
    expect( !ask_start( &client, &https ) && !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 407 );
    ask.pin = pin_of( &client );
    client_close( &client );
    while (!origin_idle_count() && expect( engine_now_ms() < until )) async_pump( 1 );
    expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) && peer_connections( &proxy.peer ) == 1 );
    proxy_end();

    script.answers[0] = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    proxy_begin( &script );
    expect( !ask_start( &client, &https ) && !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 403 );
    client_close( &client );
    expect( !origin_idle_count() && !object_count( OBJECT_CONN ) );
    proxy_end();
}

/* The request's body is nobody's: it is taken, and goes nowhere. */
static void test_a_body_after_a_refusal_is_thrown_away( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL } };
    struct ask ask = { .head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n", .body = "hello", .total_len = 11 };
    struct client client;

    proxy_begin( &script );
    expect( !ask_start( &client, &ask ) );
    expect( !client_send( &client, " world", 6, 0 ) );
    expect( !ask_finish( &client ) && client.status == 407 && has_body( &client, "no way" ) );
    client_close( &client );
    expect( !in_log( proxy_log, "hello" ) && !in_log( proxy_log, "world" ) && !in_log( proxy_log, "POST" ) );
    proxy_end();
}

static void test_an_answer_to_407_goes_over_the_same_connection( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL, REFUSAL, GRANT }, .tls = 1 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };
    unsigned int i;

    proxy_begin( &script );
    for (i = 0; i < 3; i++)
    {
        char auth[32];
        uint32_t error;

        snprintf( auth, sizeof(auth), "NTLM leg%u", i );
        route = proxy_route( auth );
        error = ask_start( &client, &ask );
        expect( !error && !ask_finish( &client ) );
        expect( client.status == (i < 2 ? 407u : 200u) && !(client.flags & WHR_FROM_PROXY) == (i == 2) );
        ask.pin = pin_of( &client );
        client_close( &client );
        expect( in_log( proxy_log, auth ) );
    }
    expect( is_page( &client, PAGE ) && peer_connections( &proxy.peer ) == 1 );
    expect( in_log( server_log, "GET / " ) && !in_log( server_log, "NTLM" ) );

    ask.pin = 0;                  /* from now on it is a connection like any other */
    route = proxy_route( NULL );
    expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) && peer_connections( &proxy.peer ) == 1 );
    proxy_end();
}

/* Only the exchange that names it gets a refused connection. */
static void test_a_refused_connection_serves_no_other( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL, GRANT }, .tls = 1 };
    struct client client;
    struct ask ask = { .pin = 0 };

    proxy_begin( &script );
    expect( !ask_get( &client, &https ) && client.status == 407 );
    expect( !ask_start( &client, &https ) && !ask_finish( &client ) && client.status == 407 );
    expect( peer_connections( &proxy.peer ) == 2 );
    ask.pin = pin_of( &client );
    client_close( &client );
    expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) && peer_connections( &proxy.peer ) == 2 );
    expect( ask_get( &client, &ask ) == WHE_OK && peer_connections( &proxy.peer ) == 2 );      /* a tunnel by now */
    ask.pin += 1;
    expect( ask_get( &client, &ask ) == WHE_STALE );
    proxy_end();
}

/* With room for one connection the refused one makes way. */
static void test_a_refused_connection_makes_way( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL } };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.conn_limit = 1;
    expect( !ask_get( &client, &ask ) && client.status == 407 && origin_idle_count() == 1 );
    expect( !ask_get( &client, &ask ) && client.status == 407 && peer_connections( &proxy.peer ) == 2 );
    proxy_end();
}

/* The proxy has ended the connection meanwhile, or ends it when it is asked again. */
static void test_a_dead_refused_connection_is_stale( void )
{
    struct proxy_script script = { .answers = { REFUSAL }, .ends = 1 };
    struct client client;
    struct ask ask = { .pin = 0 };

    proxy_begin( &script );
    expect( !ask_start( &client, &https ) && !ask_finish( &client ) && client.status == 407 );
    ask.pin = pin_of( &client );
    client_close( &client );
    crowd_settle( &proxy );                   /* it has ended */
    expect( ask_get( &client, &ask ) == WHE_STALE );
    proxy_end();

    script.ends = 0;
    script.answers[1] = "";                   /* reads the second CONNECT, and ends or breaks */
    for (script.resets = 0; script.resets < 2; script.resets++)
    {
        script.ends = 1;
        proxy_begin( &script );
        expect( !ask_start( &client, &https ) && !ask_finish( &client ) && client.status == 407 );
        ask.pin = pin_of( &client );
        client_close( &client );
        expect( ask_get( &client, &ask ) == WHE_STALE );
        proxy_end();
    }
}

/* ---- proxies that fail ---- */

static void test_a_proxy_out_of_reach_has_errors_of_its_own( void )
{
    static const struct proxy_script script = { .answers = { GRANT } };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };
    uint32_t schemes[2] = { WH_SCHEME_HTTP, WH_SCHEME_HTTPS }, i;
    int fd;

    proxy_begin( &script );
    for (i = 0; i < 2; i++)
    {
        struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl( INADDR_LOOPBACK ) } };
        socklen_t len = sizeof(addr);

        ask.scheme = schemes[i];
        route = proxy_route( NULL );
        fd = socket( AF_INET, SOCK_STREAM, 0 );    /* a port where nobody listens, and nobody else will */
        expect( !bind( fd, (struct sockaddr *)&addr, sizeof(addr) ) && !getsockname( fd, (struct sockaddr *)&addr, &len ) );
        route.proxy_port = ntohs( addr.sin_port );
        expect( ask_get( &client, &ask ) == WHE_PROXY_CONNECT && client.detail == ECONNREFUSED );
        close( fd );
        route.proxy_host = wh_from_ptr( "no.such.name.invalid" );
        route.proxy_host_len = 20;
        expect( ask_get( &client, &ask ) == WHE_PROXY_NAME );
    }
    proxy_end();
}

static void test_what_is_no_answer_fails( void )
{
    static char huge[70000 + 40];
    static const struct { const char *answer; int ends, resets; uint32_t error; } rows[] =
    {
        { "SSH-2.0-x\r\n", 0, 0, WHE_PROTOCOL },
        { "HTTP/1.1 2x0 OK\r\n\r\n", 0, 0, WHE_PROTOCOL },
        { "HTTP/1.1 101 Switching\r\n\r\n", 0, 0, WHE_PROTOCOL },
        { "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", 0, 0, WHE_PROTOCOL },
        { "HTTP/1.1 200 O", 1, 0, WHE_PROXY_RESET },
        { "", 1, 0, WHE_PROXY_RESET },
        { "", 0, 1, WHE_PROXY_RESET },
        { huge, 0, 0, WHE_HEAD_SIZE },
    };
    struct proxy_script script = { .ends = 0 };
    struct client client;
    unsigned int i, j;

    memset( huge, 'x', sizeof(huge) - 1 );
    memcpy( huge, "HTTP/1.1 200 OK\r\nX: ", 20 );
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        script.answers[0] = rows[i].answer;
        script.ends = rows[i].ends;
        script.resets = rows[i].resets;
        for (j = 0; j < 2; j++)
        {
            proxy_begin( &script );
            expect( ask_get( &client, j ? &ws : &https ) == rows[i].error );
            proxy_end();
        }
    }
}

/* Informational heads: ten are few, more are a flood, and large ones count as one head does. */
static void test_informational_heads_have_a_limit( void )
{
    static const struct { unsigned int count, size; uint32_t error; } rows[] =
        { { 10, 0, WHE_OK }, { 11, 0, WHE_PROTOCOL }, { 9, TUNNEL_HEAD_MAX / 8, WHE_HEAD_SIZE } };
    static char flood[TUNNEL_HEAD_MAX + 20000];
    struct proxy_script script = { .answers = { flood }, .tls = 1 };
    struct client client;
    unsigned int i, k;
    size_t len;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        for (k = 0, len = 0; k < rows[i].count; k++)
            len += snprintf( flood + len, sizeof(flood) - len, "HTTP/1.1 103 Early Hints\r\nX: %0*u\r\n\r\n",
                             (int)(rows[i].size & 0xffff) + 1, k );
        strcpy( flood + len, GRANT );
        proxy_begin( &script );
        expect( ask_get( &client, &https ) == rows[i].error );
        proxy_end();
    }
}

static void test_silence_ends_with_the_connect_timeout( void )
{
    struct proxy_script script = { .answers = { "HTTP/1.1 200 O" } };
    struct ask ask = { .connect_ms = 50 };
    struct client client;

    proxy_begin( &script );
    expect( ask_get( &client, &ask ) == WHE_PROXY_TIMEOUT );
    proxy_end();
}

/* The answer to CONNECT may be given less time than the rest of the way. */
static void test_a_tunnel_has_a_limit_of_its_own( void )
{
    struct proxy_script script = { .answers = { "HTTP/1.1 200 O" } };
    struct wh_route route;
    struct ask ask = { .route = &route, .connect_ms = 10 * WAIT_MS };
    struct client client;

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.tunnel_ms = 50;
    expect( ask_get( &client, &ask ) == WHE_PROXY_TIMEOUT );
    proxy_end();
}

/* What would end a line, a target or a word where a proxy is told of it is no name, neither of a server nor of a proxy. */
static void test_names_are_checked( void )
{
    static const char *const names[] =
    {
        "a\r\nX: y", "a b", "a\tb", "a/b", "a?b", "a#b", "a@b", "a\\b", "[::1]", "a<b", "a\"b", "a\177b", "a\303\244b", "\1",
    };
    static const enum proxy_way ways[] = { WAY_HTTP, WAY_SOCKS4, WAY_SOCKS5 };
    struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    struct wh_route route;
    struct ask ask = { 0 };
    struct client client;
    unsigned int i, k;

    for (k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
    {
        script.way = ways[k];
        proxy_begin( &script );
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        {
            ask.route = NULL;
            ask.host = names[i];
            expect( ask_get( &client, &ask ) == WHE_INVALID );
            route = proxy_route( NULL );
            route.proxy_host = wh_from_ptr( names[i] );
            route.proxy_host_len = strlen( names[i] );
            ask.route = &route;
            ask.host = NULL;
            expect( ask_get( &client, &ask ) == WHE_INVALID );
        }
        expect( !peer_connections( &proxy.peer ) );
        proxy_end();
    }
}

static uint32_t refusal_of( const struct client *client )
{
    uint32_t status = 0;
    struct wh_exchange_query_params query = { .exchange = client->id, .what = WHQ_REFUSAL, .buffer = wh_from_ptr( &status ),
                                              .size = sizeof(status) };

    expect( exchange_query( &query ) == WH_DONE );
    return query.error ? 0 : status;
}

/* Before its head is read: whoever wants no such answer need not. */
static void test_a_refusal_has_a_status( void )
{
    static const struct { const char *answer; uint32_t status; } rows[] =
    {
        { "HTTP/1.1 300 x\r\nContent-Length: 0\r\n\r\n", 300 },
        { REFUSAL, 407 },
        { "HTTP/1.1 999 x\r\n\r\n", 999 },
        { GRANT, 0 },
        { "HTTP/1.1 299 x\r\n\r\n", 0 },
    };
    struct proxy_script script = { .tls = 1 };
    struct client client;
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        script.answers[0] = rows[i].answer;
        proxy_begin( &script );
        expect( !ask_start( &client, &https ) && refusal_of( &client ) == rows[i].status );
        client_close( &client );
        proxy_end();
    }
}

/* A tunnel that stands is the server's business. */
static void test_errors_beyond_the_tunnel_are_the_servers( void )
{
    struct proxy_script script = { .answers = { GRANT }, .tls = 1, .server_cert = "wrongname" };
    struct ask slow = { .connect_ms = 1000 };    /* the tunnel has to stand by then */
    struct client client;

    proxy_begin( &script );
    expect( ask_start( &client, &https ) == WHE_CERT && client.detail == WH_CERT_NAME );
    expect( !fact_error( &client, WHQ_PEER_CHAIN ) );
    client_close( &client );
    proxy_end();

    script.server_cert = NULL;
    script.tls = 0;
    proxy_begin( &script );
    expect( ask_get( &client, &slow ) == WHE_TIMEOUT );      /* it waits for a head, we for a handshake */
    proxy_end();
}

static void test_words_for_the_proxy_are_checked( void )
{
    static const char *const heads[] =
    {
        "X: y", "X: y\n", "\r\n", "X: y\r\n\r\nGET / HTTP/1.1\r\n", "X : y\r\n", ": y\r\n", "no colon\r\n", "X: a\rb\r\n",
        "Authorization: Basic x\r\n", "cookie: a=b\r\n", "Host: x\r\n", "Content-Length: 5\r\n",
    };
    static const struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };
    unsigned int i;

    proxy_begin( &script );
    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
    {
        route = proxy_route( NULL );
        route.proxy_head = wh_from_ptr( heads[i] );
        route.proxy_head_len = strlen( heads[i] );
        expect( ask_get( &client, &ask ) == WHE_INVALID );
    }
    route = proxy_route( "Basic x\r\nX: y" );
    expect( ask_get( &client, &ask ) == WHE_INVALID );
    expect( !peer_connections( &proxy.peer ) );
    proxy_end();
}

/* ---- TLS with the proxy ---- */

static void test_tls_within_tls( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .answers = { REFUSAL, GRANT }, .tls = 1 };
    struct wh_times times = { 0 };
    struct wh_exchange_query_params query = { .what = WHQ_TIMES, .buffer = wh_from_ptr( &times ), .size = sizeof(times) };
    struct ask ask = { .pin = 0 };
    struct client client;

    proxy_begin( &script );
    expect( !ask_start( &client, &https ) && !ask_finish( &client ) && client.status == 407 && has_body( &client, "no way" ) );
    expect( client.flags & WHR_FROM_PROXY );
    expect( fact_error( &client, WHQ_PEER_CHAIN ) == WHE_STATE && fact_error( &client, WHQ_TLS ) == WHE_STATE );
    expect( !fact_error( &client, WHQ_CONNECTION ) && !fact_error( &client, WHQ_TCP ) );
    query.exchange = client.id;
    expect( !exchange_query( &query ) && times.proxy_tls_start && times.proxy_tls_end <= times.tunnel_start );
    ask.pin = pin_of( &client );
    client_close( &client );
    expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && is_page( &client, PAGE ) );
    expect( !fact_error( &client, WHQ_PEER_CHAIN ) && !fact_error( &client, WHQ_TLS ) );
    expect( fact_error( &client, WHQ_OCSP_STAPLE ) == WHE_STATE );
    client_close( &client );
    expect( peer_connections( &proxy.peer ) == 1 );
    proxy_end();
}

/* Requests of http go to the proxy within its TLS, which says nothing about any server. */
static void test_plain_http_within_tls( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS };
    struct ask ask = { .scheme = WH_SCHEME_HTTP, .head = "GET http://localhost:4433/x HTTP/1.1\r\nHost: localhost\r\n\r\n" };
    struct client client;
    unsigned int i;

    proxy_begin( &script );
    for (i = 0; i < 2; i++)
    {
        expect( !ask_start( &client, &ask ) && !ask_finish( &client ) );
        expect( is_page( &client, "GET http://localhost:4433/x HTTP/1.1" ) );
        expect( fact_error( &client, WHQ_PEER_CHAIN ) == WHE_STATE && fact_error( &client, WHQ_TLS ) == WHE_STATE );
        client_close( &client );
    }
    expect( peer_connections( &proxy.peer ) == 1 );
    proxy_end();
}

static void test_the_proxys_certificate_is_judged_for_its_name( void )
{
    static const struct { const char *cert; uint32_t flags, error, detail; } rows[] =
    {
        { "wrongname", 0, WHE_PROXY_CERT, WH_CERT_NAME },
        { "expired", 0, WHE_PROXY_CERT, WH_CERT_DATE },
        { "selfsigned", 0, WHE_PROXY_CERT, WH_CERT_UNKNOWN_CA },
        { "wrongname", WH_TLS_IGNORE_ANY, WHE_PROXY_CERT, WH_CERT_NAME },    /* what is ignored is the server's */
        { "good", 0, WHE_OK, 0 },
    };
    struct proxy_script script = { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        script.proxy_cert = rows[i].cert;
        proxy_begin( &script );
        route = proxy_route( "Basic c2VjcmV0" );
        route.tls_flags = rows[i].flags;
        expect( ask_start( &client, &ask ) == rows[i].error && client.detail == rows[i].detail );
        if (rows[i].error)
        {
            expect( fact_error( &client, WHQ_PEER_CHAIN ) == WHE_STATE );    /* it is not the server's */
            expect( !proxy_log_len );                                        /* nor is it told anything */
        }
        client_close( &client );
        proxy_end();
    }
}

static void test_a_proxy_that_wants_a_certificate_gets_none( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1, .wants_cert = 1 };
    static const struct proxy_script no_tls = { .way = WAY_HTTP, .answers = { "nonsense" } };
    struct ask plain_http = { .scheme = WH_SCHEME_HTTP };
    struct client client;
    uint32_t error;

    proxy_begin( &script );
    error = ask_get( &client, &https );
    expect( error == WHE_PROXY_CERT_NEEDED );    /* TLS 1.3: its alert comes when our CONNECT is out */
    plain_http.head = "GET http://localhost:4433/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    expect( ask_get( &client, &plain_http ) == WHE_PROXY_CERT_NEEDED );
    proxy_end();

    proxy_begin( &no_tls );
    proxy_script.way = WAY_HTTPS;
    {
        struct wh_route route = proxy_route( NULL );
        struct ask ask = { .route = &route };

        proxy_script.way = WAY_HTTP;
        ask.connect_ms = 200;
        error = ask_get( &client, &ask );
        expect( error == WHE_PROXY_TLS || error == WHE_PROXY_TIMEOUT );    /* it waits for a line end that may not be there */
    }
    proxy_end();
}

/* ---- any moment ---- */

static void test_cancel_at_any_stage( void )
{
    static const struct proxy_script scripts[] =
    {
        { .answers = { "" } },
        { .answers = { "HTTP/1.1 200" } },
        { .answers = { REFUSAL, "" } },
        { .answers = { GRANT } },
        { .way = WAY_HTTPS, .answers = { "" } },
    };
    unsigned int i, j;

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
    {
        for (j = 0; j < 2; j++)
        {
            struct wh_exchange_start_params params;
            struct wh_route route;
            struct async async = { 0 };
            struct client first;
            struct ask ask = { .pin = 0 };

            proxy_begin( &scripts[i] );
            if (i == 2)    /* the second leg is cancelled */
            {
                expect( !ask_start( &first, &https ) && !ask_finish( &first ) );
                ask.pin = pin_of( &first );
                client_close( &first );
            }
            ask_params( &ask, &route, &params );
            params.cookie = wh_from_ptr( &async );
            async.pending = 1u << WHK_HEAD_SENT;
            expect( exchange_start( &params ) == WH_PENDING );
            async.id = params.exchange;
            while (!in_log( proxy_log, "CONNECT" ) && expect( async.pending )) async_pump( 5 );
            if (j) async_cancel( &async );
            async_close( &async );
            async_wait_gone( &async );
            expect( async.last[WHK_HEAD_SENT].error == WHE_CANCELLED );
            proxy_end();
        }
    }
}

/* ---- whose tunnel ---- */

static void test_a_tunnel_belongs_to_whom_the_proxy_knows( void )
{
    static const struct proxy_script script = { .answers = { GRANT }, .tls = 1 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( "Basic b25l" );
    route.identity = 1;
    expect( !ask_get( &client, &ask ) && !ask_get( &client, &ask ) && peer_connections( &proxy.peer ) == 1 );
    route = proxy_route( "Basic dHdv" );
    route.identity = 2;
    expect( !ask_get( &client, &ask ) && peer_connections( &proxy.peer ) == 2 );
    expect( in_log( proxy_log, "Basic dHdv" ) );
    route = proxy_route( NULL );
    expect( !ask_get( &client, &ask ) && peer_connections( &proxy.peer ) == 3 );
    proxy_end();
}

int main(void)
{
    make_certificates();
    client_begin( 60000 );
    run( test_https_goes_through_a_tunnel );
    run( test_a_tunnel_serves_one_target );
    run( test_an_ipv6_target_has_brackets );
    run( test_answers_arrive_in_any_pieces );
    run( test_a_granting_answer_has_no_body );
    run( test_bytes_behind_the_head_are_the_tunnels );
    run( test_websockets_have_a_tunnel_of_their_own );
    run( test_a_refusal_is_the_response );
    run( test_an_unread_refusal );
    run( test_a_body_after_a_refusal_is_thrown_away );
    run( test_an_answer_to_407_goes_over_the_same_connection );
    run( test_a_refused_connection_serves_no_other );
    run( test_a_refused_connection_makes_way );
    run( test_a_dead_refused_connection_is_stale );
    run( test_a_proxy_out_of_reach_has_errors_of_its_own );
    run( test_what_is_no_answer_fails );
    run( test_informational_heads_have_a_limit );
    run( test_silence_ends_with_the_connect_timeout );
    run( test_a_tunnel_has_a_limit_of_its_own );
    run( test_names_are_checked );
    run( test_a_refusal_has_a_status );
    run( test_errors_beyond_the_tunnel_are_the_servers );
    run( test_words_for_the_proxy_are_checked );
    run( test_tls_within_tls );
    run( test_plain_http_within_tls );
    run( test_the_proxys_certificate_is_judged_for_its_name );
    run( test_a_proxy_that_wants_a_certificate_gets_none );
    run( test_cancel_at_any_stage );
    run( test_a_tunnel_belongs_to_whom_the_proxy_knows );
    client_end();
    remove_certificates();
    return test_end( "test_proxy" );
}
