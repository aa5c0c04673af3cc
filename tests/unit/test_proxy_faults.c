/*
 * Unit test: every system call and allocation on the way through a proxy failing once, and for good
 */

#include "proxy_peer.h"

/* A refusal, its answer on the same connection, and a request more; whatever fails, everything is closed. */
static unsigned int story_407( struct crowd *crowd )
{
    struct wh_route route = proxy_route( "Basic eA==" );
    struct ask ask = { .route = &route, .host = "127.0.0.1" };
    struct client client;
    unsigned int well = 0;
    wh_id pin = 0;

    (void)crowd;
    route.proxy_host = wh_from_ptr( "127.0.0.1" );
    if (!ask_start( &client, &ask ) && !ask_finish( &client ) && client.status == 407)
    {
        struct wh_exchange_query_params query = { .exchange = client.id, .what = WHQ_PIN, .buffer = wh_from_ptr( &pin ),
                                                  .size = sizeof(pin) };

        exchange_query( &query );
        well++;
    }
    client_close( &client );
    ask.pin = pin;
    if (!ask_get( &client, &ask ) && client.status == 200) well++;
    ask.pin = 0;
    if (!ask_get( &client, &ask ) && client.status == 200) well++;
    return well;
}

/* A way through, and once more by it. */
static unsigned int story_through( struct crowd *crowd )
{
    struct wh_route route = proxy_route( "user:pass" );
    struct ask ask = { .route = &route, .host = "127.0.0.1" };
    struct client client;
    unsigned int well = 0;

    (void)crowd;
    ask.scheme = proxy_script.tls ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    route.proxy_host = wh_from_ptr( "127.0.0.1" );
    if (!ask_get( &client, &ask ) && client.status == 200) well++;
    if (!ask_get( &client, &ask ) && client.status == 200) well++;
    return well;
}

#define REFUSAL "HTTP/1.1 407 No\r\nContent-Length: 6\r\n\r\nno way"

int main(void)
{
    static const struct { const char *name; scenario story; struct proxy_script script; } rows[] =
    {
        { "CONNECT after 407", story_407, { .answers = { REFUSAL, GRANT, NULL }, .tls = 1 } },
        { "within TLS",        story_through, { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1 } },
        { "SOCKS 4",           story_through, { .way = WAY_SOCKS4 } },
        { "SOCKS 5",           story_through, { .way = WAY_SOCKS5, .login = "user:pass" } },
    };
    unsigned int i;

    make_certificates();
    client_begin( 60000 );
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        proxy_begin( &rows[i].script );
        test_count++;
        run_faults( rows[i].name, rows[i].story, &proxy );
        hooks_reset();
        proxy_end();
    }
    client_end();
    remove_certificates();
    return test_end( "test_proxy_faults" );
}
