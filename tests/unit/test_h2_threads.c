/*
 * HTTP/2 with many threads: synchronous callers and workers at one connection, closing, cancelling and expiring meanwhile
 *
 * The server is nghttp2's in a thread per connection, over plain TCP with prior knowledge. What comes of each exchange is
 * checked; what the threads do to one another is for the thread sanitizer.
 */

#include <sched.h>

#include "faults.h"
#include "h2_server.h"

#define THREADS 6
#define ROUNDS  60
#define BODY    3000

static struct crowd crowd;
static const struct wh_route h2_route = { .alpn = WH_ALPN_H2 };

static void serve( struct crowd *guests, int fd )
{
    struct h2_server server = { .recv = h2_server_recv_fd, .send = h2_server_send_fd, .carrier = &fd, .streams = 4,
                                .body_len = BODY };

    (void)guests;
    h2_serve( &server );
}

/* ---- the client ---- */

/* Too many at once are refused by a server whose SETTINGS were not there yet: what the PE side would send again. */
static int is_fine( uint32_t error )
{
    return !error || error == WHE_UNPROCESSED || error == WHE_STALE;
}

static void *sync_thread( void *arg )
{
    unsigned int seed = (unsigned int)(uintptr_t)arg, i;
    static const char body[5000];
    struct client client;
    uint32_t error;

    for (i = 0; i < ROUNDS; i++)
    {
        struct request request = { .route = &h2_route, .flags = i % 7 == 0 ? WHX_NO_QUEUE : i % 11 == 5 ? WHX_NO_REUSE : 0 };
        struct wh_exchange_control_params expire = { .what = WHC_EXPIRE };

        if (i % 3 == 1)
        {
            request.head = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n";
            request.body = body;
            request.body_len = sizeof(body);
        }
        error = client_start( &client, &crowd.peer, &request );
        if (!error && (i + seed) % 13 == 0)
        {
            expire.exchange = client.id;
            expect( exchange_control( &expire ) == WH_DONE );
        }
        if (!error && (i + seed) % 5 != 4 && !(error = client_read_head( &client, WAIT_MS, 0, 0 )) && (i + seed) % 4)
        {
            error = client_read_all( &client, 1000, WAIT_MS );
            if (!error) expect( client.body_len == BODY );
        }
        expect( is_fine( error ) );
        client_close( &client );
    }
    return NULL;
}

static int pumping;

static void *pump_thread( void *arg )
{
    (void)arg;
    while (__atomic_load_n( &pumping, __ATOMIC_SEQ_CST )) async_pump( 20 );
    return NULL;
}

/* Starts, now and then reads, cancels or closes at once. */
static void *async_thread( void *arg )
{
    struct request request = { .route = &h2_route };
    struct async *asyncs = arg;
    unsigned int i;

    for (i = 0; i < ROUNDS; i++)
    {
        async_start( &asyncs[i], crowd.peer.port, &request );
        if (i % 3 == 0) async_read_head( &asyncs[i], 0 );
        if (i % 4 == 1) async_cancel( &asyncs[i] );
        async_close( &asyncs[i] );
    }
    return NULL;
}

static void test_many_threads( void )
{
    static struct async asyncs[2][ROUNDS];
    pthread_t threads[THREADS + 2], pumps[2];
    uint64_t until = engine_now_ms() + WAIT_MS;
    unsigned int i, j, gone;

    async_unordered = 1;
    __atomic_store_n( &pumping, 1, __ATOMIC_SEQ_CST );
    for (i = 0; i < 2; i++) if (pthread_create( &pumps[i], NULL, pump_thread, NULL )) abort();
    for (i = 0; i < THREADS; i++)
        if (pthread_create( &threads[i], NULL, sync_thread, (void *)(uintptr_t)i )) abort();
    for (i = 0; i < 2; i++) if (pthread_create( &threads[THREADS + i], NULL, async_thread, asyncs[i] )) abort();
    for (i = 0; i < THREADS + 2; i++) pthread_join( threads[i], NULL );
    do
        for (i = gone = 0; i < 2; i++)
            for (j = 0; j < ROUNDS; j++) gone += __atomic_load_n( &asyncs[i][j].gone, __ATOMIC_SEQ_CST );
    while (gone < 2 * ROUNDS && engine_now_ms() < until && !sched_yield());
    expect( gone == 2 * ROUNDS );
    __atomic_store_n( &pumping, 0, __ATOMIC_SEQ_CST );
    for (i = 0; i < 2; i++) pthread_join( pumps[i], NULL );
    async_unordered = 0;
    expect_clean();
    crowd_settle( &crowd );
}

int main( void )
{
    client_begin( 60000 );
    crowd_start( &crowd, serve );
    run( test_many_threads );
    crowd_stop( &crowd );
    client_end();
    return test_end( "h2_threads" );
}
