/*
 * Unit test of HTTP/2 through tunnels: one tunnel for many exchanges, refusals for each of them
 */

#include "proxy_peer.h"
#include "h2_server.h"

#define CROWD 8
#define REFUSAL "HTTP/1.1 407 No\r\nContent-Length: 6\r\n\r\nno way"

static ssize_t carry_in( void *carrier, void *data, size_t size ) { return wire_recv( carrier, data, size ); }

static ssize_t carry_out( void *carrier, const void *data, size_t size )
{
    return wire_send( carrier, data, size ) ? (ssize_t)size : -1;
}

static void serve_h2( struct wire *wire )
{
    struct h2_server server = { .recv = carry_in, .send = carry_out, .carrier = wire, .body_len = 2 };

    h2_serve( &server );
}

static uint32_t protocol_of( const struct client *client )
{
    uint32_t protocol = 0;
    struct wh_exchange_query_params query = { .exchange = client->id, .what = WHQ_PROTOCOL, .buffer = wh_from_ptr( &protocol ),
                                              .size = sizeof(protocol) };

    expect( exchange_query( &query ) == WH_DONE && !query.error );
    return protocol;
}

static void test_exchanges_share_a_tunnel( void )
{
    static const enum proxy_way ways[] = { WAY_HTTP, WAY_HTTPS, WAY_SOCKS4, WAY_SOCKS5 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };
    unsigned int i, j;

    for (i = 0; i < 4; i++)
    {
        struct proxy_script script = { .way = ways[i], .answers = { GRANT }, .tls = 1, .serve_h2 = serve_h2 };

        proxy_begin( &script );
        route = proxy_route( NULL );
        route.alpn = WH_ALPN_H1 | WH_ALPN_H2;
        for (j = 0; j < 3; j++)
        {
            expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && client.status == 200 && client.body_len == 2 );
            expect( protocol_of( &client ) == WH_ALPN_H2 );
            client_close( &client );
        }
        expect( peer_connections( &proxy.peer ) == 1 );
        proxy_end();
    }
}

static void test_the_second_leg_may_end_in_http2( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL, GRANT }, .tls = 1, .serve_h2 = serve_h2 };
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.alpn = WH_ALPN_H1 | WH_ALPN_H2;
    expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && client.status == 407 );
    expect( protocol_of( &client ) == WH_ALPN_H1 && (client.flags & WHR_FROM_PROXY) && !(client.flags & WHR_H2) );
    ask.pin = pin_of( &client );
    client_close( &client );
    route.proxy_auth = wh_from_ptr( "Basic eA==" );
    route.proxy_auth_len = 10;
    route.identity = 7;
    expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && client.status == 200 );
    expect( protocol_of( &client ) == WH_ALPN_H2 );
    client_close( &client );
    ask.pin = 0;
    expect( !ask_get( &client, &ask ) && peer_connections( &proxy.peer ) == 1 );

    route.identity = 0;                  /* the proxy does not know this one: the tunnel is not its */
    route.proxy_auth_len = 0;
    expect( !ask_get( &client, &ask ) && client.status == 407 && peer_connections( &proxy.peer ) == 2 );
    proxy_end();
}

/* Who hoped for a stream of a connection that was refused hears of it on its own account. */
static void test_each_of_a_burst_gets_its_refusal( void )
{
    static const struct proxy_script script = { .answers = { REFUSAL }, .tls = 1, .serve_h2 = serve_h2 };
    static struct async async[CROWD];
    struct wh_exchange_start_params params;
    struct wh_route route;
    struct ask ask = { .route = &route };
    struct wh_route wanted;
    unsigned int i;

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.alpn = WH_ALPN_H1 | WH_ALPN_H2;
    for (i = 0; i < CROWD; i++)
    {
        memset( &async[i], 0, sizeof(async[i]) );
        ask_params( &ask, &wanted, &params );
        params.cookie = wh_from_ptr( &async[i] );
        async[i].pending = 1u << WHK_HEAD_SENT;
        expect( exchange_start( &params ) == WH_PENDING );
        async[i].id = params.exchange;
    }
    for (i = 0; i < CROWD; i++)
    {
        expect( !async_wait( &async[i], WHK_HEAD_SENT ) );
        async_read_head( &async[i], 0 );
        expect( !async_wait( &async[i], WHK_HEAD_READ ) && async[i].last[WHK_HEAD_READ].status == 407 );
        expect( async[i].last[WHK_HEAD_READ].flags & WHR_FROM_PROXY );
        async_close( &async[i] );
        async_wait_gone( &async[i] );
    }
    proxy_end();
}

int main(void)
{
    make_certificates();
    client_begin( 60000 );
    run( test_exchanges_share_a_tunnel );
    run( test_the_second_leg_may_end_in_http2 );
    run( test_each_of_a_burst_gets_its_refusal );
    client_end();
    remove_certificates();
    return test_end( "test_proxy_h2" );
}
