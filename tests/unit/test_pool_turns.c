/*
 * Turns in the pool: who is next at a limit, dials that change hands, and connections that nobody will ask for again
 */

#include <errno.h>

#include "gate.h"

static int hold_names;    /* atomic: the resolver does not answer for names */

static int slow_getaddrinfo( const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **info )
{
    if (hints->ai_flags & AI_NUMERICHOST) return getaddrinfo( host, service, hints, info );
    while (__atomic_load_n( &hold_names, __ATOMIC_SEQ_CST )) sched_yield();
    return getaddrinfo( "127.0.0.1", service, hints, info );
}

static void hold( int on )
{
    __atomic_store_n( &hold_names, on, __ATOMIC_SEQ_CST );
}

/* Pumps until there are so many idle connections. */
static void await_idle( unsigned int count )
{
    uint64_t until = engine_now_ms() + WAIT_MS;

    while (origin_idle_count() != count && expect( engine_now_ms() < until )) async_pump( 5 );
}

/* An exchange that wants no used connection has its turn at the limit even if others who would take one keep coming. */
static void test_later_waiters_do_not_pass_one_that_wants_a_fresh_connection( void )
{
    struct request request = { .conn_limit = 1 }, fresh = { .conn_limit = 1, .flags = WHX_FRESH };
    struct async holder, first, later[4];
    struct peer peer;
    unsigned int i;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    request.head = heads[0];
    async_start( &holder, peer.port, &request );
    gate_await( 1 );
    fresh.head = heads[1];
    async_start( &first, peer.port, &fresh );
    for (i = 0; i < 4; i++)
    {
        request.head = heads[2 + i];
        async_start( &later[i], peer.port, &request );
    }
    gate_open( 0 );
    finish( &holder );
    finish( &first );
    for (i = 0; i < 4; i++) finish( &later[i] );
    expect( gate.count == 6 && !memcmp( gate.order, "012345", 6 ) );
    expect( peer_connections( &peer ) == 2 );
    expect_clean();
    gated_stop( &peer );
}

/* So does one that requires a tag. */
static void test_later_waiters_do_not_pass_one_that_requires_a_tag( void )
{
    struct wh_route only = { .match_flags = WH_MATCH_TAG | WH_MATCH_REQUIRED, .match = { 7 }, .conn_limit = 1 };
    struct request request = { .conn_limit = 1 }, required = { .route = &only };
    struct async holder, first, later;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    request.head = heads[0];
    async_start( &holder, peer.port, &request );
    gate_await( 1 );
    required.head = heads[1];
    async_start( &first, peer.port, &required );
    request.head = heads[2];
    async_start( &later, peer.port, &request );
    gate_open( 0 );
    finish( &holder );
    finish( &first );
    finish( &later );
    expect( gate.count == 3 && !memcmp( gate.order, "012", 3 ) );
    expect( peer_connections( &peer ) == 2 );
    expect_clean();
    gated_stop( &peer );
}

/* What makes way is the connection used longest ago. */
static void test_the_one_used_longest_ago_makes_way( void )
{
    struct request limited = { .conn_limit = 3, .flags = WHX_FRESH };
    struct wh_exchange_query_params query = { .what = WHQ_PIN, .size = sizeof(wh_id) };
    struct client client;
    struct peer peer;
    wh_id pins[3];
    unsigned int i;
    struct object *obj;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 3; i++)
    {
        expect( !client_start( &client, &peer, &limited ) );
        query.exchange = client.id;
        query.buffer = wh_from_ptr( &pins[i] );
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
        client_close( &client );
    }
    expect( origin_idle_count() == 3 );
    expect( !client_get( &client, &peer, &limited ) );
    for (i = 0; i < 3; i++)
    {
        if ((obj = object_from_id( pins[i], OBJECT_CONN ))) object_release( obj );
        expect( !obj == !i );
    }
    expect_clean();
    gated_stop( &peer );
}

/* But none in the middle of a handshake, whose next leg finds it. */
static void test_a_handshake_makes_way_for_nobody( void )
{
    struct wh_route route = { .identity = 1 | WH_IDENTITY_HANDSHAKE };
    struct request handshake = { .conn_limit = 2, .route = &route }, other = { .conn_limit = 2, .flags = WHX_FRESH };
    struct wh_exchange_query_params query = { .what = WHQ_PIN, .size = sizeof(wh_id) };
    struct client client;
    struct peer peer;
    struct object *obj;
    wh_id pins[2];
    unsigned int i;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 2; i++)
    {
        expect( !client_start( &client, &peer, i ? &other : &handshake ) );
        query.exchange = client.id;
        query.buffer = wh_from_ptr( &pins[i] );
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
        client_close( &client );
    }
    expect( origin_idle_count() == 2 );
    expect( !client_get( &client, &peer, &other ) );    /* the handshake's was used longer ago */
    if ((obj = object_from_id( pins[1], OBJECT_CONN ))) object_release( obj );
    expect( !obj );
    handshake.pin = pins[0];
    expect( !client_get( &client, &peer, &handshake ) );
    expect( peer_connections( &peer ) == 3 );
    expect_clean();
    gated_stop( &peer );
}

/* A limit that is raised makes room for more than the exchange that raised it. */
static void test_a_raised_limit_is_used_at_once( void )
{
    struct request request = { .conn_limit = 1 };
    struct async async[6];
    struct peer peer;
    unsigned int i;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 6; i++)
    {
        if (i == 5) request.conn_limit = 4;
        async_start( &async[i], peer.port, &request );
    }
    gate_await( 4 );
    expect( peer_connections( &peer ) == 4 );
    gate_open( 0 );
    for (i = 0; i < 6; i++) finish( &async[i] );
    expect( peer_connections( &peer ) == 4 );
    expect_clean();
    gated_stop( &peer );
}

/* A dial without a limit of time is nothing for an exchange that has one. */
static void test_a_dial_is_not_inherited_with_other_limits( void )
{
    struct request patient = { .host = "name.test", .conn_limit = 1 }, hasty = patient;
    struct wh_route anew = { .flags = WH_ROUTE_NO_DNS_CACHE };
    struct async first, second;
    struct peer peer;

    gate_init();
    dns_shutdown();
    peer_start( &peer, script_gated, NULL );
    hold( 1 );
    patient.route = hasty.route = &anew;
    hasty.resolve_ms = 30;
    async_start( &first, peer.port, &patient );
    async_start( &second, peer.port, &hasty );
    async_close( &first );
    expect( async_wait( &second, WHK_HEAD_SENT ) == WHE_TIMEOUT );
    async_close( &second );
    async_wait_gone( &first );
    async_wait_gone( &second );
    hold( 0 );
    expect_clean();
    gated_stop( &peer );
}

/* Nor does a spare one, which has its place, stand in the way of such an exchange. */
static void test_a_spare_dial_with_other_limits_makes_way( void )
{
    struct wh_route taker = { .flags = WH_ROUTE_FIRST_AVAILABLE | WH_ROUTE_NO_DNS_CACHE, .conn_limit = 2 };
    struct wh_route route = { .flags = WH_ROUTE_NO_DNS_CACHE, .conn_limit = 2 };
    struct request request = { .host = "name.test", .route = &taker };
    struct request hasty = { .host = "name.test", .route = &route, .resolve_ms = 30 };
    struct async first, second, third;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &first, peer.port, &request );
    gate_await( 1 );
    hold( 1 );
    async_start( &second, peer.port, &request );
    gate_permit( 1 );
    finish( &first );      /* the second goes on with that connection, and its dial is nobody's */
    gate_await( 1 );
    expect( object_count( OBJECT_DIAL ) == 1 );
    async_start( &third, peer.port, &hasty );
    expect( async_wait( &third, WHK_HEAD_SENT ) == WHE_TIMEOUT );
    async_close( &third );
    async_wait_gone( &third );
    hold( 0 );
    gate_permit( 1 );
    finish( &second );
    expect_clean();
    gated_stop( &peer );
}

/* Who inherits a dial has its own time: what is left of somebody else's may be next to nothing. */
static void test_an_inherited_dial_does_not_cut_the_time_short( void )
{
    struct wh_route route = { .flags = WH_ROUTE_NO_DNS_CACHE };
    struct request request = { .host = "name.test", .conn_limit = 1, .resolve_ms = 200, .route = &route };
    struct async first, second;
    uint64_t begin = engine_now_us(), second_begin;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    hold( 1 );
    async_start( &first, peer.port, &request );
    while (engine_now_us() < begin + 100000) async_pump( 5 );    /* some of its time is over */
    second_begin = engine_now_us();
    async_start( &second, peer.port, &request );
    async_close( &first );
    expect( async_wait( &second, WHK_HEAD_SENT ) == WHE_TIMEOUT );
    expect( engine_now_us() >= second_begin + 180000 );          /* the clock of deadlines is coarse */
    async_close( &second );
    async_wait_gone( &first );
    async_wait_gone( &second );
    hold( 0 );
    expect_clean();
    gated_stop( &peer );
}

/* Whose own connection fails takes one that has become idle meanwhile. */
static void test_a_failing_dial_leaves_an_idle_connection( void )
{
    struct wh_route route = { .flags = WH_ROUTE_NO_DNS_CACHE };
    struct request request = { .host = "name.test", .route = &route }, fresh = request;
    struct async first, second, third;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &first, peer.port, &request );
    gate_await( 1 );
    hold( 1 );
    fresh.flags = WHX_FRESH;
    async_start( &second, peer.port, &request );
    async_start( &third, peer.port, &fresh );
    gate_permit( 1 );
    finish( &first );
    expect( origin_idle_count() == 1 );
    hooks_fail( HOOK_CONNECT, 1, 1, ECONNREFUSED );
    hold( 0 );
    gate_permit( 1 );
    expect( async_wait( &third, WHK_HEAD_SENT ) == WHE_CONNECT );    /* it wanted none that was used */
    async_close( &third );
    async_wait_gone( &third );
    finish( &second );
    expect( second.last[WHK_HEAD_SENT].flags & WHR_REUSED );
    hooks_reset();
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    gated_stop( &peer );
}

/* A connection that was in use when its session was closed goes when that use is over. */
static void test_nothing_stays_idle_in_a_closed_partition( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 0 };
    struct wh_session_close_params close = { .partition = 8 };
    struct request own = { .partition = 8 };
    wh_id other = session;
    struct async async;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    expect( !session_open( &open ) );
    session = close.session = open.session;
    async_start( &async, peer.port, &own );
    gate_await( 1 );
    expect( !session_close( &close ) );
    session = other;
    gate_permit( 1 );
    finish( &async );
    await_idle( 0 );
    expect( !object_count( OBJECT_CONN ) );
    expect_clean();
    gated_stop( &peer );
}

/* What a program may ask about its connection does not depend on how long the pool kept that. */
static void test_facts_outlive_a_pooled_connection( void )
{
    struct wh_connection_facts before, after;
    struct wh_tcp_facts tcp;
    struct wh_exchange_query_params query = { .what = WHQ_CONNECTION, .size = sizeof(before) };
    struct client client;
    struct peer peer;
    unsigned int i;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 2; i++)    /* the pool closes it; the peer does */
    {
        expect( !client_start( &client, &peer, &plain ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
        expect( origin_idle_count() == 1 );
        query.exchange = client.id;
        query.what = WHQ_CONNECTION;
        query.size = sizeof(before);
        query.buffer = wh_from_ptr( &before );
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        if (!i) origin_shutdown();
        else
        {
            gate_end_connections();
            await_idle( 0 );
        }
        query.buffer = wh_from_ptr( &after );
        expect( exchange_query( &query ) == WH_DONE && !query.error && !memcmp( &before, &after, sizeof(before) ) );
        query.what = WHQ_TCP;
        query.size = sizeof(tcp);
        query.buffer = wh_from_ptr( &tcp );
        expect( exchange_query( &query ) == WH_DONE && !query.error && tcp.mss );
        client_close( &client );
    }
    expect_clean();
    gated_stop( &peer );
}

int main( void )
{
    wh_hooks.getaddrinfo = slow_getaddrinfo;
    client_begin( 0 );
    run( test_later_waiters_do_not_pass_one_that_wants_a_fresh_connection );
    run( test_later_waiters_do_not_pass_one_that_requires_a_tag );
    run( test_the_one_used_longest_ago_makes_way );
    run( test_a_handshake_makes_way_for_nobody );
    run( test_a_raised_limit_is_used_at_once );
    run( test_a_dial_is_not_inherited_with_other_limits );
    run( test_a_spare_dial_with_other_limits_makes_way );
    run( test_an_inherited_dial_does_not_cut_the_time_short );
    run( test_a_failing_dial_leaves_an_idle_connection );
    run( test_nothing_stays_idle_in_a_closed_partition );
    run( test_facts_outlive_a_pooled_connection );
    client_end();
    return test_end( "pool_turns" );
}
