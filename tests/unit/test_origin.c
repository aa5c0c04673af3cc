/*
 * The pool: what is shared, limits and their queue, idle times, what happens when all of it fails
 *
 * Idle times are real time here: the engine's clock cannot be moved from outside.
 */

#include <errno.h>

#include "gate.h"

static void test_the_limit_is_kept_and_waiters_come_in_order( void )
{
    struct request request = { .conn_limit = 1 };
    struct async async[6];
    struct peer peer;
    unsigned int i;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 6; i++)
    {
        request.head = heads[i];
        expect( async_start( &async[i], peer.port, &request ) == WH_PENDING );
    }
    gate_await( 1 );
    gate_permit( 1 );
    finish( &async[0] );
    async_close( &async[2] );    /* leaves the queue */
    async_wait_gone( &async[2] );
    gate_permit( 4 );
    for (i = 1; i < 6; i++) if (i != 2) finish( &async[i] );
    expect( gate.count == 5 && !memcmp( gate.order, "01345", 5 ) );
    expect( peer_connections( &peer ) == 1 );
    expect( async[2].last[WHK_HEAD_SENT].error == WHE_CANCELLED );
    expect_clean();
    gated_stop( &peer );
}

static void test_a_cancelled_holder_makes_room( void )
{
    struct request request = { .conn_limit = 2 };
    struct async async[4];
    struct peer peer;
    unsigned int i;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 4; i++) async_start( &async[i], peer.port, &request );
    gate_await( 2 );
    expect( object_count( OBJECT_CONN ) == 2 );
    for (i = 0; i < 2; i++) async_cancel( &async[i] );    /* closes both connections; the others dial */
    gate_await( 4 );
    gate_permit( 4 );
    for (i = 2; i < 4; i++) finish( &async[i] );
    for (i = 0; i < 2; i++)
    {
        async_close( &async[i] );
        async_wait_gone( &async[i] );
    }
    expect_clean();
    gated_stop( &peer );
}

static void test_a_fresh_exchange_gets_a_new_connection( void )
{
    struct request request = { .conn_limit = 1 }, fresh = { .conn_limit = 1, .flags = WHX_FRESH };
    struct async holder, waiter;
    struct client client;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );

    /* The limit is used up by an idle connection: that one has to go. */
    gate_permit( 2 );
    expect( !client_get( &client, &peer, &request ) );
    expect( origin_idle_count() == 1 );
    expect( !client_get( &client, &peer, &fresh ) );
    expect( peer_connections( &peer ) == 2 && origin_idle_count() == 1 );

    /* The limit is used up by a busy one: it is not handed over, either. */
    async_start( &holder, peer.port, &request );
    gate_await( 1 );
    async_start( &waiter, peer.port, &fresh );
    gate_permit( 2 );
    finish( &holder );
    finish( &waiter );
    expect( peer_connections( &peer ) == 3 );
    expect( !(waiter.last[WHK_HEAD_SENT].flags & WHR_REUSED) );
    expect_clean();
    gated_stop( &peer );
}

static void test_routes_that_differ_share_nothing( void )
{
    struct request other = { .partition = 7 }, name = { .host = "localhost" };
    struct client client;
    struct peer peer;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( !client_get( &client, &peer, &plain ) );
    expect( !client_get( &client, &peer, &other ) );
    expect( !client_get( &client, &peer, &name ) );
    expect( peer_connections( &peer ) == 3 && origin_idle_count() == 3 );
    name.host = "LOCALHOST";
    expect( !client_get( &client, &peer, &name ) );
    expect( !client_get( &client, &peer, &plain ) );
    expect( peer_connections( &peer ) == 3 );
    expect_clean();
    gated_stop( &peer );
}

static void test_bad_routes_are_refused( void )
{
    static const struct wh_route base = { .host_len = 1, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_route routes[10];
    struct origin *origin = NULL;
    unsigned int i;

    for (i = 0; i < 10; i++)
    {
        routes[i] = base;
        routes[i].host = wh_from_ptr( "x" );
    }
    routes[0].host_len = 0;
    routes[1].host_len = 256;
    routes[2].host = wh_from_ptr( "\0" );
    routes[3].port = 0;
    routes[4].port = 65536;
    routes[5].connect_host_len = 3;                     /* without the name */
    routes[6].connect_host = wh_from_ptr( "a\0b" );
    routes[6].connect_host_len = 3;
    routes[7].proxy_kind = WH_PROXY_HTTP;
    routes[7].proxy_port = 8080;
    routes[8] = routes[7];
    routes[8].proxy_host = wh_from_ptr( "a\0b" );
    routes[8].proxy_host_len = 3;
    routes[9].host = 0;
    for (i = 0; i < 10; i++) expect( origin_get( &routes[i], 1000, &origin ) == WHE_INVALID );
}

static void test_idle_connections_expire( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 30 };
    struct wh_session_close_params close = { .partition = 0 };
    wh_id long_session = session;
    struct client client;
    struct peer peer;
    uint64_t until;

    expect( !session_open( &open ) );
    session = open.session;
    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( !client_get( &client, &peer, &plain ) );
    expect( origin_idle_count() == 1 );
    for (until = engine_now_ms() + WAIT_MS; origin_idle_count() && expect( engine_now_ms() < until );) async_pump( 5 );
    expect( !object_count( OBJECT_CONN ) );

    /* Nobody waits: the time is looked at when a connection is taken. */
    expect( !client_get( &client, &peer, &plain ) );
    for (until = engine_now_ms() + 40; engine_now_ms() < until;) sched_yield();
    expect( origin_idle_count() == 1 );
    expect( !client_get( &client, &peer, &plain ) );
    expect( peer_connections( &peer ) == 3 );
    close.session = session;
    expect( !session_close( &close ) );
    session = long_session;
    expect_clean();
    gated_stop( &peer );
}

/* Up to a limit: also connections that nobody ever used expire. */
static void test_an_expired_connection_does_not_hold_its_place( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 30 };
    struct request limited = { .conn_limit = 1 };
    struct wh_session_close_params close = { .partition = 0 };
    wh_id long_session = session;
    struct client client;
    struct peer peer;
    uint64_t until;

    expect( !session_open( &open ) );
    session = open.session;
    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( !client_get( &client, &peer, &limited ) );
    for (until = engine_now_ms() + 40; engine_now_ms() < until;) sched_yield();
    expect( !client_get( &client, &peer, &limited ) );
    expect( peer_connections( &peer ) == 2 );
    close.session = session;
    expect( !session_close( &close ) );
    session = long_session;
    expect_clean();
    gated_stop( &peer );
}

/* Failures of many: on a small stack, as the callers of the Unix side have. */

#define CROWD 2000    /* at least POOL */

static struct async crowd[CROWD];
static struct peer crowd_peer;
static struct request crowd_request;

static void *crowd_fail_thread( void *arg )
{
    unsigned int i;

    for (i = 0; i < CROWD; i++) async_start( &crowd[i], crowd_peer.port, &crowd_request );
    hooks_fail( HOOK_CONNECT, 1, 1, ECONNREFUSED );
    gate_open( 1 );                                  /* the one connection ends, and all dials fail at once from now on */
    async_read_head( &crowd[0], 0 );
    for (i = 1; i < CROWD; i++)
    {
        expect( async_wait( &crowd[i], WHK_HEAD_SENT ) == WHE_CONNECT );
        async_close( &crowd[i] );
    }
    hooks_reset();
    (void)arg;
    return NULL;
}

static void on_small_stack( void *(*function)( void * ) )
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init( &attr );
    pthread_attr_setstacksize( &attr, 256 * 1024 );
    if (pthread_create( &thread, &attr, function, NULL )) abort();
    pthread_join( thread, NULL );
    pthread_attr_destroy( &attr );
}

static void test_many_failing_dials_need_no_deep_stack( void )
{
    unsigned int i;

    gate_init();
    memset( &crowd_request, 0, sizeof(crowd_request) );
    crowd_request.conn_limit = 1;
    peer_start( &crowd_peer, script_gated, NULL );
    on_small_stack( crowd_fail_thread );
    async_close( &crowd[0] );
    for (i = 0; i < CROWD; i++) async_wait_gone( &crowd[i] );
    expect_clean();
    gated_stop( &crowd_peer );
}

static void *dead_pool_thread( void *arg )
{
    (void)arg;
    expect( !async_get( &crowd[0], crowd_peer.port, &plain ) );
    return NULL;
}

static void test_a_dead_pool_needs_no_deep_stack( void )
{
    unsigned int i;

    gate_init();
    peer_start( &crowd_peer, script_gated, NULL );
    for (i = 0; i < POOL; i++) async_start( &crowd[i], crowd_peer.port, &plain );
    gate_await( POOL );
    gate_permit( POOL );
    for (i = 0; i < POOL; i++) finish( &crowd[i] );
    expect( origin_idle_count() == POOL );

    gate_end_connections();    /* while nobody looks at them */
    gate_open( 0 );
    on_small_stack( dead_pool_thread );
    expect( peer_connections( &crowd_peer ) == POOL + 1 );
    expect_clean();
    gated_stop( &crowd_peer );
}

/* Without memory for a dial nobody is left waiting for ever. */

static void test_without_memory_waiters_fail( void )
{
    struct request limited = { .conn_limit = 1 };
    struct async async[3];
    struct peer peer;
    unsigned int i;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 3; i++) async_start( &async[i], peer.port, &limited );
    gate_await( 1 );
    hooks_fail( HOOK_ALLOC, 1, 1, 0 );
    async_cancel( &async[0] );    /* its connection closes, the next dial cannot be made */
    for (i = 1; i < 3; i++) expect( async_wait( &async[i], WHK_HEAD_SENT ) == WHE_NO_MEMORY );
    hooks_reset();
    for (i = 0; i < 3; i++)
    {
        async_close( &async[i] );
        async_wait_gone( &async[i] );
    }
    gate_open( 0 );
    expect_clean();
    gated_stop( &peer );
}

/* A close from another thread just as the exchange changes its dead connection for the queue. */

static struct async racer;

static void *close_racer( void *arg )
{
    (void)arg;
    async_close( &racer );
    return NULL;
}

static void test_close_while_a_dead_connection_is_replaced( void )
{
    struct client client;
    struct peer peer;
    pthread_t thread;
    unsigned int i;

    async_unordered = 1;    /* what was fetched here may be looked at after the close there has returned */
    for (i = 0; i < 100; i++)
    {
        peer_start( &peer, script_answer_and_end, answer );
        expect( !client_get( &client, &peer, &plain ) );
        peer_stop( &peer );    /* the pooled connection is dead, and nobody listens */
        if (async_start( &racer, peer.port, &plain ) == WH_PENDING)
        {
            pthread_create( &thread, NULL, close_racer, NULL );
            async_wait( &racer, WHK_HEAD_SENT );
            pthread_join( thread, NULL );
        }
        else async_close( &racer );
        async_wait_gone( &racer );
        expect_clean();
    }
    async_unordered = 0;
}

int main( void )
{
    client_begin( 0 );
    run( test_the_limit_is_kept_and_waiters_come_in_order );
    run( test_a_cancelled_holder_makes_room );
    run( test_a_fresh_exchange_gets_a_new_connection );
    run( test_routes_that_differ_share_nothing );
    run( test_bad_routes_are_refused );
    run( test_idle_connections_expire );
    run( test_an_expired_connection_does_not_hold_its_place );
    run( test_many_failing_dials_need_no_deep_stack );
    run( test_a_dead_pool_needs_no_deep_stack );
    run( test_without_memory_waiters_fail );
    run( test_close_while_a_dead_connection_is_replaced );
    client_end();
    return test_end( "origin" );
}
