/*
 * Whatever fails: exchanges over HTTP/2 with every allocation and every system call failing in turn
 *
 * As test_faults.c. nghttp2's memory goes through the hooks as ours does.
 */

#include "faults.h"
#include "h2_robot.h"

#define HEAD( line ) line " HTTP/1.1\r\nHost: localhost\r\n"
#define GET( path ) HEAD( "GET " path ) "\r\n"

static const struct wh_route h2_route = { .alpn = WH_ALPN_H2 };
static unsigned int complaints;      /* atomic */

static void h2_serve( struct crowd *crowd, int fd )
{
    (void)crowd;
    __atomic_add_fetch( &complaints, h2_robot_serve( fd, 100 ), __ATOMIC_SEQ_CST );
}

/* One after the other on a connection. */
static unsigned int h2_gets( struct crowd *crowd )
{
    static const struct request requests[] =
    {
        { .head = GET( "/0" ), .route = &h2_route, .event_mask = ~0u },
        { .head = GET( "/5000" ), .route = &h2_route },
        { .head = GET( "/t" ), .route = &h2_route },
        { .head = HEAD( "POST /0" ) "Content-Length: 5\r\n\r\n", .body = "hello", .body_len = 5, .route = &h2_route },
        { .head = GET( "/i" ), .route = &h2_route, .flags = WHX_FRESH, .host = "localhost" },
    };
    static struct async async;
    unsigned int i, good = 0;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        good += async_get( &async, crowd->peer.port, &requests[i] ) ? 0 : 1;
    return good;
}

static int is_done( const struct async *async ) { return !(async->pending & (1u << WHK_HEAD_SENT)); }

/* Five at a time: good ones, one that is reset, one that is refused, one that is closed in the middle. */
static unsigned int h2_many( struct crowd *crowd )
{
    static const char *const paths[] = { GET( "/30000" ), GET( "/h" ), GET( "/r" ), GET( "/s" ), GET( "/t" ) };
    static struct async asyncs[5];
    unsigned int i, good = 0;

    for (i = 0; i < 5; i++)
    {
        const struct request request = { .head = paths[i], .route = &h2_route };

        async_start( &asyncs[i], crowd->peer.port, &request );
    }
    for (i = 0; i < 5; i++)
    {
        uint32_t error = asyncs[i].id ? async_wait( &asyncs[i], WHK_HEAD_SENT ) : (uint32_t)WHE_NO_MEMORY;

        expect( is_done( &asyncs[i] ) );
        if (!error)
        {
            async_read_head( &asyncs[i], 0 );
            if (i == 3)
            {
                async_close( &asyncs[i] );
                async_wait_gone( &asyncs[i] );
                continue;
            }
            error = async_wait( &asyncs[i], WHK_HEAD_READ );
        }
        while (!error && !(asyncs[i].last[WHK_HEAD_READ].flags & WHR_END))
        {
            async_read_body( &asyncs[i] );
            error = async_wait( &asyncs[i], WHK_BODY_READ );
            if ((asyncs[i].last[WHK_BODY_READ].flags & WHR_END) || !asyncs[i].last[WHK_BODY_READ].bytes) break;
        }
        good += error == (i == 1 ? WHE_STREAM : i == 2 ? WHE_UNPROCESSED : WHE_OK) ? 1u << i : 0;
        async_close( &asyncs[i] );
        async_wait_gone( &asyncs[i] );
    }
    return good;
}

/* A body in pieces, in both directions of time: sent while nothing is read, and a connection that goes away. */
static unsigned int h2_upload( struct crowd *crowd )
{
    static const struct request upload = { .head = HEAD( "POST /0" ) "\r\n", .route = &h2_route, .flags = WHX_CHUNKED,
                                           .total_len = WH_NO_LENGTH };
    static const struct request leaves = { .head = GET( "/x" ), .route = &h2_route };
    static const char data[50000];
    static struct async async;
    struct wh_exchange_send_params send = { .data = wh_from_ptr( data ), .len = sizeof(data) };
    unsigned int i, good = 0;
    uint32_t error, ret;

    async_start( &async, crowd->peer.port, &upload );
    error = async.id ? async_wait( &async, WHK_HEAD_SENT ) : (uint32_t)WHE_NO_MEMORY;
    for (i = 0; i < 3 && !error; i++)
    {
        send.exchange = async.id;
        send.flags = i == 2 ? WHX_END : 0;
        async.pending |= 1u << WHK_BODY_SENT;
        if ((ret = exchange_send( &send )) != WH_PENDING)
        {
            async.pending &= ~(1u << WHK_BODY_SENT);
            error = ret == WH_DONE ? send.error : (uint32_t)WHE_INVALID;
        }
        else error = async_wait( &async, WHK_BODY_SENT );
    }
    if (!error)
    {
        async_read_head( &async, 0 );
        good += !async_wait( &async, WHK_HEAD_READ );
    }
    async_close( &async );
    async_wait_gone( &async );
    error = async_get( &async, crowd->peer.port, &leaves );
    good += error == WHE_RESET || error == WHE_STALE ? 2 : 0;
    return good;
}

static struct crowd crowd;

static void test_gets_survive_every_failure( void )   { run_faults( "h2 gets", h2_gets, &crowd ); }
static void test_many_survive_every_failure( void )   { run_faults( "h2 many", h2_many, &crowd ); }
static void test_upload_survives_every_failure( void ) { run_faults( "h2 upload", h2_upload, &crowd ); }

int main( void )
{
    client_begin( 0 );
    crowd_start( &crowd, h2_serve );
    run( test_gets_survive_every_failure );
    run( test_many_survive_every_failure );
    run( test_upload_survives_every_failure );
    crowd_stop( &crowd );
    client_end();
    expect( !complaints );
    return test_end( "faults_h2" );
}
