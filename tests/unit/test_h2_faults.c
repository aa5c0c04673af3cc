/*
 * Whatever fails: exchanges over HTTP/2 with every allocation and every system call failing in turn
 *
 * The scenarios only act and count what went well; what must hold is checked by the driver in faults.h and by client.h,
 * which sees that each operation ends exactly once and in time.
 */

#include "faults.h"
#include "h2_server.h"

static const struct wh_route h2_route = { .alpn = WH_ALPN_H2 };
static struct client client;    /* too large for a stack */

static void serve( struct crowd *guests, int fd )
{
    struct h2_server server = { .recv = h2_server_recv_fd, .send = h2_server_send_fd, .carrier = &fd, .body_len = 9000,
                                .trailers = 1 };

    (void)guests;
    h2_serve( &server );
}

/* One after the other over one connection: a GET, an upload in pieces of unknown sum, one that is left in the middle. */
static unsigned int sync_exchanges( struct crowd *crowd )
{
    static const struct request get = { .route = &h2_route, .event_mask = ~0u };
    static const struct request post = { .route = &h2_route, .head = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                         .flags = WHX_CHUNKED, .total_len = WH_NO_LENGTH };
    static const char body[20000];
    unsigned int good = 0;

    good += !client_get( &client, &crowd->peer, &get );
    if (!client_start( &client, &crowd->peer, &post ) && !client_send( &client, body, sizeof(body), 0 ) &&
        !client_send( &client, "", 0, WHX_END ) && !client_read_head( &client, WAIT_MS, 0, 0 ))
        good += !client_read_all( &client, 1000, WAIT_MS );
    client_close( &client );
    if (!client_start( &client, &crowd->peer, &get )) good += !client_read_head( &client, WAIT_MS, 0, 0 );
    client_close( &client );
    return good;
}

/* Several at a time. */
static unsigned int async_exchanges( struct crowd *crowd )
{
    static const struct request get = { .route = &h2_route };
    static struct async asyncs[4];
    unsigned int good = 0, i;

    for (i = 0; i < 4; i++) async_start( &asyncs[i], crowd->peer.port, &get );
    for (i = 0; i < 4; i++)
    {
        if (async_wait( &asyncs[i], WHK_HEAD_SENT )) continue;
        async_read_head( &asyncs[i], 0 );
        if (async_wait( &asyncs[i], WHK_HEAD_READ )) continue;
        async_read_body( &asyncs[i] );
        good += !async_wait( &asyncs[i], WHK_BODY_READ );
    }
    for (i = 0; i < 4; i++) async_close( &asyncs[i] );
    for (i = 0; i < 4; i++) async_wait_gone( &asyncs[i] );
    return good;
}

static struct crowd crowd;

static void test_synchronous( void ) { run_faults( "sync_exchanges", sync_exchanges, &crowd ); }
static void test_asynchronous( void ) { run_faults( "async_exchanges", async_exchanges, &crowd ); }

int main( void )
{
    client_begin( 60000 );
    crowd_start( &crowd, serve );
    run( test_synchronous );
    run( test_asynchronous );
    crowd_stop( &crowd );
    client_end();
    return test_end( "h2_faults" );
}
