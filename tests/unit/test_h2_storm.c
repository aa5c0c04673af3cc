/*
 * HTTP/2 when everything goes wrong at once: connections that die under dozens of streams while threads start, read, cancel,
 * expire and close
 *
 * What comes of an exchange is left open; that each of its operations ends once, that nothing is left, and that the client
 * keeps to the protocol is not.
 */

#include <sched.h>

#include "faults.h"
#include "h2_robot.h"

#define STARTERS 3
#define SYNCS    3
#define ROUNDS   150
#define AT_ONCE  24

#define GET( path ) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static const char *const heads[] =
{
    GET( "/3000" ), GET( "/200000" ), GET( "/x" ), GET( "/0" ), GET( "/s" ), GET( "/3000" ), GET( "/t" ), GET( "/h" ),
    GET( "/20000" ), GET( "/r" ), GET( "/g" ), GET( "/3000" ), GET( "/i" ), GET( "/3000" ), GET( "/60000" ), GET( "/s" ),
};

static struct crowd crowd;
static const struct wh_route h2_route = { .alpn = WH_ALPN_H2 };
static unsigned int complaints, running;    /* atomic */
static struct async asyncs[STARTERS][ROUNDS];
static wh_id ids[STARTERS][ROUNDS];         /* atomic: for the thread that cancels */

static void serve( struct crowd *guests, int fd )
{
    (void)guests;
    __atomic_add_fetch( &complaints, h2_robot_serve( fd, 40 ), __ATOMIC_SEQ_CST );
}

static unsigned int next( unsigned int *seed )
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void *pump( void *arg )
{
    (void)arg;
    while (__atomic_load_n( &running, __ATOMIC_SEQ_CST )) async_pump( 20 );
    return NULL;
}

static void *cancel( void *arg )
{
    struct wh_exchange_cancel_params params = { 0 };
    struct wh_exchange_control_params expire = { .what = WHC_EXPIRE };
    unsigned int seed = 1;

    (void)arg;
    while (__atomic_load_n( &running, __ATOMIC_SEQ_CST ))
    {
        params.exchange = __atomic_load_n( &ids[next( &seed ) % STARTERS][next( &seed ) % ROUNDS], __ATOMIC_SEQ_CST );
        if (!params.exchange) sched_yield();
        else if (next( &seed ) % 8) exchange_cancel( &params );    /* refused, if it is gone by now */
        else
        {
            expire.exchange = params.exchange;
            exchange_control( &expire );
        }
        usleep( 300 );
    }
    return NULL;
}

static void *start( void *arg )
{
    unsigned int which = (unsigned int)(uintptr_t)arg, seed = which + 10, i;
    struct request request = { .route = &h2_route };

    for (i = 0; i < ROUNDS + AT_ONCE; i++)
    {
        if (i < ROUNDS)
        {
            request.head = heads[next( &seed ) % 16];
            request.flags = next( &seed ) % 16 ? 0 : WHX_FRESH;
            async_start( &asyncs[which][i], crowd.peer.port, &request );
            __atomic_store_n( &ids[which][i], asyncs[which][i].id, __ATOMIC_SEQ_CST );
            if (next( &seed ) % 3) async_read_head( &asyncs[which][i], 0 );
        }
        if (i >= AT_ONCE / 2 && i - AT_ONCE / 2 < ROUNDS) async_read_body( &asyncs[which][i - AT_ONCE / 2] );
        if (i >= AT_ONCE) async_close( &asyncs[which][i - AT_ONCE] );
        if (next( &seed ) % 4 == 0) usleep( 200 );
    }
    return NULL;
}

static void *synchronous( void *arg )
{
    unsigned int seed = (unsigned int)(uintptr_t)arg + 100, i;
    struct request request = { .route = &h2_route };
    struct client client;

    for (i = 0; i < ROUNDS; i++)
    {
        request.head = heads[next( &seed ) % 16];
        if (!client_start( &client, &crowd.peer, &request ) && !client_read_head( &client, 30, 0, 0 ) &&
            next( &seed ) % 4) client_read_all( &client, 5000, WAIT_MS );
        expect( client.error != WHE_INTERNAL );    /* what a wait says that has run out of time */
        client_close( &client );
    }
    return NULL;
}

static void test_a_storm( void )
{
    pthread_t threads[STARTERS + SYNCS], helpers[3];
    uint64_t until = engine_now_ms() + WAIT_MS;
    unsigned int i, j, gone;

    async_unordered = 1;
    __atomic_store_n( &running, 1, __ATOMIC_SEQ_CST );
    for (i = 0; i < 3; i++) if (pthread_create( &helpers[i], NULL, i ? pump : cancel, NULL )) abort();
    for (i = 0; i < STARTERS; i++) if (pthread_create( &threads[i], NULL, start, (void *)(uintptr_t)i )) abort();
    for (; i < STARTERS + SYNCS; i++) if (pthread_create( &threads[i], NULL, synchronous, (void *)(uintptr_t)i )) abort();
    for (i = 0; i < STARTERS + SYNCS; i++) pthread_join( threads[i], NULL );
    do
        for (i = gone = 0; i < STARTERS; i++)
            for (j = 0; j < ROUNDS; j++) gone += __atomic_load_n( &asyncs[i][j].gone, __ATOMIC_SEQ_CST );
    while (gone < STARTERS * ROUNDS && engine_now_ms() < until && !sched_yield());
    expect( gone == STARTERS * ROUNDS );
    __atomic_store_n( &running, 0, __ATOMIC_SEQ_CST );
    for (i = 0; i < 3; i++) pthread_join( helpers[i], NULL );
    for (i = 0; i < STARTERS; i++) for (j = 0; j < ROUNDS; j++) expect( !asyncs[i][j].pending );
    async_unordered = 0;
    expect_clean();
    crowd_settle( &crowd );
    expect( !__atomic_load_n( &complaints, __ATOMIC_SEQ_CST ) );
}

int main( void )
{
    client_begin( 60000 );
    crowd_start( &crowd, serve );
    run( test_a_storm );
    crowd_stop( &crowd );
    client_end();
    return test_end( "h2_storm" );
}
