/*
 * Rules of the pool that a route names: the limit for HTTP/1.0, who takes which connection, tags, connections in the
 * background, what is told about all of them
 */

#include <errno.h>

#include "gate.h"

static const char answer_1_0[] = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";
static const uint8_t red[WH_TAG_SIZE] = { 1, 2, 3 }, blue[WH_TAG_SIZE] = { 9 };

/* The peer has accepted so many connections, and no more. What is up for us its thread may not have accepted yet. */
static int accepted( struct peer *peer, unsigned int count )
{
    uint64_t until = engine_now_ms() + WAIT_MS;

    while (peer_connections( peer ) < count && engine_now_ms() < until) async_pump( 5 );
    return peer_connections( peer ) == count;
}

static uint32_t control( wh_id exchange, uint32_t what, const uint8_t *tag )
{
    struct wh_exchange_control_params params = { .exchange = exchange, .what = what };

    if (tag) memcpy( params.tag, tag, sizeof(params.tag) );
    return exchange_control( &params ) == WH_DONE ? params.error : ~0u;
}

static int has_tag( wh_id exchange, const uint8_t *expected )
{
    uint8_t tag[WH_TAG_SIZE];
    struct wh_exchange_query_params params = { .exchange = exchange, .what = WHQ_TAG, .buffer = wh_from_ptr( tag ),
                                               .size = sizeof(tag) };

    return exchange_query( &params ) == WH_DONE && !params.error && params.len == sizeof(tag) &&
           !memcmp( tag, expected, sizeof(tag) );
}

/* A whole GET whose connection gets the tag. */
static void tagged_get( const struct peer *peer, const struct request *request, const uint8_t *tag )
{
    struct client client;

    expect( !client_start( &client, peer, request ) );
    expect( !control( client.id, WHC_TAG, tag ) );
    expect( has_tag( client.id, tag ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
    expect( has_tag( client.id, tag ) );
    client_close( &client );
}

/* A whole GET; whether its connection carries the tag. */
static int goes_over( const struct peer *peer, const struct request *request, const uint8_t *tag )
{
    struct client client;
    int has;

    expect( !client_start( &client, peer, request ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
    has = has_tag( client.id, tag );
    client_close( &client );
    return has;
}

/* Limits. */

static void test_the_limit_of_a_1_0_server_counts_after_its_first_answer( void )
{
    struct wh_route route = { .conn_limit = 3, .conn_limit_1_0 = 1 };
    struct request request = { .route = &route };
    struct async async[4];
    struct client client;
    struct peer peer;
    unsigned int i;

    gate_init();
    gate_answer = answer_1_0;
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 3; i++) async_start( &async[i], peer.port, &request );
    gate_await( 3 );    /* nothing is known: the ordinary limit */
    gate_permit( 3 );
    for (i = 0; i < 3; i++) finish( &async[i] );
    origin_shutdown();

    for (i = 0; i < 4; i++) async_start( &async[i], peer.port, &request );
    gate_await( 1 );
    expect( object_count( OBJECT_CONN ) + object_count( OBJECT_DIAL ) == 1 );
    gate_permit( 4 );
    for (i = 0; i < 4; i++) finish( &async[i] );
    expect( peer_connections( &peer ) == 4 );

    gate_answer = answer;    /* it was updated meanwhile */
    gate_permit( 1 );
    expect( !client_get( &client, &peer, &request ) );
    for (i = 0; i < 3; i++) async_start( &async[i], peer.port, &request );
    gate_await( 3 );
    gate_permit( 3 );
    for (i = 0; i < 3; i++) finish( &async[i] );
    expect_clean();
    gated_stop( &peer );
}

/* Who takes what is free. */

static int hold_connects;    /* atomic: the resolver does not answer for names */

static int slow_getaddrinfo( const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **info )
{
    if (hints->ai_flags & AI_NUMERICHOST) return getaddrinfo( host, service, hints, info );
    while (__atomic_load_n( &hold_connects, __ATOMIC_SEQ_CST )) sched_yield();
    return getaddrinfo( "127.0.0.1", service, hints, info );
}

/* One exchange holds a connection, another one waits for its own, which does not come; then the first is free. Returns
 * whether the second took that one. */
static int takes_the_free_one( uint32_t flags )
{
    struct wh_route route = { .flags = flags | WH_ROUTE_NO_DNS_CACHE };
    struct request request = { .host = "name.test", .route = &route };
    struct async first, second;
    struct peer peer;
    int taken;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &first, peer.port, &request );
    gate_await( 1 );
    __atomic_store_n( &hold_connects, 1, __ATOMIC_SEQ_CST );
    async_start( &second, peer.port, &request );
    gate_permit( 1 );
    finish( &first );
    taken = !origin_idle_count();
    __atomic_store_n( &hold_connects, 0, __ATOMIC_SEQ_CST );
    gate_permit( 1 );
    finish( &second );
    expect( !!(second.last[WHK_HEAD_SENT].flags & WHR_REUSED) == taken );
    expect_clean();    /* the dial that was not needed ended in the pool */
    expect( accepted( &peer, 2 ) );
    gated_stop( &peer );
    return taken;
}

static void test_who_takes_a_free_connection( void )
{
    wh_hooks.getaddrinfo = slow_getaddrinfo;
    expect( !takes_the_free_one( 0 ) );
    expect( takes_the_free_one( WH_ROUTE_FIRST_AVAILABLE ) );
}

/* What was left over by one is taken by the next, instead of another dial. */
static void test_a_spare_dial_is_taken_up( void )
{
    struct wh_route route = { .flags = WH_ROUTE_FIRST_AVAILABLE | WH_ROUTE_NO_DNS_CACHE };
    struct request request = { .host = "name.test", .route = &route };
    struct async first, second, third;
    struct peer peer;

    wh_hooks.getaddrinfo = slow_getaddrinfo;
    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &first, peer.port, &request );
    gate_await( 1 );
    __atomic_store_n( &hold_connects, 1, __ATOMIC_SEQ_CST );
    async_start( &second, peer.port, &request );
    gate_permit( 1 );
    finish( &first );    /* the second has its connection now, and its dial is nobody's */
    gate_await( 1 );
    expect( object_count( OBJECT_DIAL ) == 1 );
    async_start( &third, peer.port, &request );
    expect( object_count( OBJECT_DIAL ) == 1 );
    __atomic_store_n( &hold_connects, 0, __ATOMIC_SEQ_CST );
    gate_await( 2 );
    gate_permit( 2 );
    finish( &second );
    finish( &third );
    expect( peer_connections( &peer ) == 2 );
    expect_clean();
    gated_stop( &peer );
}

static void test_connections_in_the_background( void )
{
    static const struct { uint32_t background, limit; unsigned int conns; } cases[] =
        { { 0, 0, 1 }, { 1, 0, 1 }, { 4, 0, 4 }, { 4, 2, 2 } };
    uint64_t until;
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        struct wh_route route = { .background = cases[i].background, .conn_limit = cases[i].limit };
        struct request request = { .route = &route };
        struct client client;
        struct peer peer;

        gate_init();
        gate_open( 0 );
        peer_start( &peer, script_gated, NULL );
        expect( !client_get( &client, &peer, &request ) );
        for (until = engine_now_ms() + WAIT_MS; origin_idle_count() < cases[i].conns && expect( engine_now_ms() < until );)
            async_pump( 5 );
        expect( !client_get( &client, &peer, &request ) );    /* there are connections: no more of that */
        expect( !object_count( OBJECT_DIAL ) && origin_idle_count() == cases[i].conns );
        expect_clean();
        expect( accepted( &peer, cases[i].conns ) );
        gated_stop( &peer );
    }
}

static void test_background_without_memory_or_peer_is_harmless( void )
{
    struct wh_route route = { .background = 8 };
    struct request request = { .route = &route };
    struct async async;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    hooks_fail( HOOK_CONNECT, 1, 1, ECONNREFUSED );
    expect( async_get( &async, peer.port, &request ) == WHE_CONNECT );
    hooks_reset();
    expect_clean();
    gated_stop( &peer );
}

/* Tags. */

static void test_tags_choose_a_connection( void )
{
    struct wh_route match = { .match_flags = WH_MATCH_TAG }, only = { .match_flags = WH_MATCH_TAG | WH_MATCH_REQUIRED };
    struct request fresh = { .flags = WHX_FRESH }, matching = { .route = &match }, required = { .route = &only };
    struct client client;
    struct peer peer;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    memcpy( match.match, red, sizeof(red) );
    memcpy( only.match, red, sizeof(red) );

    tagged_get( &peer, &plain, red );
    tagged_get( &peer, &fresh, blue );    /* the one used last */
    expect( origin_idle_count() == 2 );

    expect( goes_over( &peer, &matching, red ) );
    expect( goes_over( &peer, &plain, red ) );    /* it is the one used last now */
    tagged_get( &peer, &plain, red );
    expect( goes_over( &peer, &required, red ) );
    expect( peer_connections( &peer ) == 2 );
    origin_shutdown();

    /* None carries it: without REQUIRED one without a tag will do, but nobody else's. */
    tagged_get( &peer, &plain, blue );
    expect( !client_get( &client, &peer, &matching ) );
    expect( peer_connections( &peer ) == 4 && origin_idle_count() == 2 );
    expect( !client_get( &client, &peer, &matching ) );
    expect( peer_connections( &peer ) == 4 );
    expect( !client_get( &client, &peer, &required ) );
    expect( peer_connections( &peer ) == 5 );
    expect_clean();
    gated_stop( &peer );
}

static void test_a_tag_may_come_before_the_connection( void )
{
    struct request limited = { .conn_limit = 1 };
    struct async holder, waiter;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &holder, peer.port, &limited );
    gate_await( 1 );
    async_start( &waiter, peer.port, &limited );
    expect( !control( waiter.id, WHC_TAG, red ) );
    gate_permit( 2 );
    finish( &holder );
    expect( !async_wait( &waiter, WHK_HEAD_SENT ) && has_tag( waiter.id, red ) );
    finish( &waiter );
    expect_clean();
    gated_stop( &peer );
}

/* A limit that an unsuitable idle connection uses up makes way. */
static void test_a_required_tag_evicts_up_to_the_limit( void )
{
    struct wh_route only = { .match_flags = WH_MATCH_TAG | WH_MATCH_REQUIRED, .conn_limit = 1 };
    struct request limited = { .conn_limit = 1 }, required = { .route = &only };
    struct client client;
    struct peer peer;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    memcpy( only.match, red, sizeof(red) );
    tagged_get( &peer, &limited, blue );
    expect( !client_get( &client, &peer, &required ) );
    expect( peer_connections( &peer ) == 2 && origin_idle_count() == 1 );
    expect_clean();
    gated_stop( &peer );
}

/* Expiring. */

static void test_an_expired_connection_is_closed_after_its_exchange( void )
{
    struct client client;
    struct peer peer;
    unsigned int i;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 3; i++)
    {
        expect( !client_start( &client, &peer, &plain ) );
        if (i == 0) expect( !control( client.id, WHC_EXPIRE, NULL ) );    /* at different moments */
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
        if (i == 1) expect( !control( client.id, WHC_EXPIRE, NULL ) );
        if (i < 2) expect( !client_read_all( &client, 100, WAIT_MS ) );
        else expect( !control( client.id, WHC_EXPIRE, NULL ) );           /* the body is not even read */
        if (i < 2) expect( control( client.id, WHC_EXPIRE, NULL ) == WHE_STATE );
        client_close( &client );
        expect( !origin_idle_count() );
    }
    expect( peer_connections( &peer ) == 3 );
    expect( control( client.id, WHC_EXPIRE, NULL ) == ~0u );    /* no such exchange */
    expect_clean();
    gated_stop( &peer );
}

static void test_controls_check_their_arguments( void )
{
    struct async async;
    struct peer peer;

    gate_init();
    peer_start( &peer, script_gated, NULL );
    async_start( &async, peer.port, &plain );
    gate_await( 1 );
    expect( control( async.id, 77, NULL ) == WHE_INVALID );
    async_cancel( &async );
    async_wait( &async, WHK_HEAD_SENT );
    async_close( &async );
    async_wait_gone( &async );
    expect( control( async.id, WHC_TAG, red ) == ~0u );
    expect_clean();
    gated_stop( &peer );
}

/* What is told. */

static unsigned int count_of( wh_u64 partition, const uint8_t *tag, struct wh_pool_entry *found )
{
    struct wh_pool_entry entries[8];
    struct wh_pool_query_params params = { .partition = partition, .entries = wh_from_ptr( entries ), .capacity = 8 };
    unsigned int i, count = 0;

    expect( origin_pool_query( &params ) == WH_DONE && params.count <= 8 );
    for (i = 0; i < params.count; i++)
    {
        if (tag && memcmp( entries[i].tag, tag, WH_TAG_SIZE )) continue;
        if (found) *found = entries[i];
        count += entries[i].count;
    }
    return count;
}

static void test_the_pool_is_counted_by_host_and_tag( void )
{
    static const uint8_t none[WH_TAG_SIZE];
    struct request fresh = { .flags = WHX_FRESH, .partition = 5 }, named = { .host = "localhost", .partition = 5 };
    struct wh_pool_query_params params = { .partition = 5 };
    struct wh_pool_entry entry;
    struct async async;
    struct client client;
    struct peer peer;

    gate_init();
    gate_permit( 4 );
    peer_start( &peer, script_gated, NULL );
    expect( !count_of( 5, NULL, NULL ) );
    expect( !client_get( &client, &peer, &fresh ) );
    tagged_get( &peer, &fresh, red );
    tagged_get( &peer, &fresh, red );
    expect( !client_get( &client, &peer, &named ) );
    expect( count_of( 5, NULL, NULL ) == 4 && count_of( 5, none, NULL ) == 2 && !count_of( 0, NULL, NULL ) );
    expect( count_of( 5, red, &entry ) == 2 );
    expect( !strcmp( entry.host, "127.0.0.1" ) && entry.port == peer.port && entry.scheme == WH_SCHEME_HTTP );

    async_start( &async, peer.port, &fresh );    /* busy ones count, too */
    gate_await( 1 );
    expect( count_of( 5, NULL, NULL ) == 5 );
    gate_permit( 1 );
    finish( &async );

    expect( origin_pool_query( &params ) == WH_DONE && params.count == 3 );    /* how many there are */
    params.capacity = 1;
    expect( origin_pool_query( &params ) == WH_REFUSED );                     /* without a place for them */
    expect_clean();
    expect( !count_of( 5, NULL, NULL ) );
    gated_stop( &peer );
}

static void test_a_session_takes_its_own_pool_along( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 0 };
    struct wh_session_close_params close = { .partition = 6 };
    struct request own = { .partition = 6 };
    wh_id other = session;
    struct client client;
    struct peer peer;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( !session_open( &open ) );
    session = close.session = open.session;
    expect( !client_get( &client, &peer, &own ) );
    expect( !client_get( &client, &peer, &plain ) );
    expect( origin_idle_count() == 2 );
    expect( !session_close( &close ) );
    session = other;
    expect( origin_idle_count() == 1 );    /* the process-wide pool outlives it */
    expect_clean();
    gated_stop( &peer );
}

static void test_facts_of_the_socket( void )
{
    struct wh_tcp_facts facts;
    struct wh_exchange_query_params query = { .what = WHQ_TCP, .buffer = wh_from_ptr( &facts ), .size = sizeof(facts) };
    struct request once = { .flags = WHX_NO_REUSE };
    struct client client;
    struct peer peer;
    unsigned int i;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < 2; i++)    /* also when the connection is gone */
    {
        expect( !client_start( &client, &peer, i ? &once : &plain ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
        query.exchange = client.id;
        expect( exchange_query( &query ) == WH_DONE && !query.error && query.len == sizeof(facts) );
        expect( facts.state == 4 );
        expect( facts.mss && facts.cwnd );
        expect( facts.rtt_us );
        expect( facts.receive_buffer );
        expect( facts.bytes_out >= sizeof(get_head) - 1 && facts.bytes_in >= strlen( answer ) );
        expect( facts.age_ms < 10 * WAIT_MS );
        client_close( &client );
        origin_shutdown();
    }
    expect_clean();
    gated_stop( &peer );
}

/* Whatever fails, all come to an end and nothing is left over. */
static void fault_scenario( void *arg )
{
    struct wh_route first = { .background = 3, .conn_limit = 4 };
    struct wh_route second = { .match_flags = WH_MATCH_TAG, .flags = WH_ROUTE_FIRST_AVAILABLE };
    struct request requests[] = { { .route = &first }, { .route = &second, .conn_limit = 4 } };
    const struct peer *peer = arg;
    static struct async async[4];
    unsigned int i;

    memcpy( second.match, red, sizeof(red) );
    for (i = 0; i < 4; i++)
    {
        async_start( &async[i], peer->port, &requests[i % 2] );
        if (async[i].id) control( async[i].id, i == 3 ? WHC_EXPIRE : WHC_TAG, red );
    }
    for (i = 0; i < 4; i++)
        if (!async_wait( &async[i], WHK_HEAD_SENT ) && async[i].id)
        {
            async_read_head( &async[i], 5000 );
            async_wait( &async[i], WHK_HEAD_READ );
        }
    count_of( 0, NULL, NULL );
    for (i = 0; i < 4; i++) async_close( &async[i] );
    for (i = 0; i < 4; i++) async_wait_gone( &async[i] );
    expect_clean();
}

static void test_every_failure_is_survived( void )
{
    static const struct { enum hook hook; int error; } hooks[] =
    {
        { HOOK_ALLOC, 0 }, { HOOK_SOCKET, EMFILE }, { HOOK_CONNECT, ECONNREFUSED }, { HOOK_RECV, ECONNRESET },
        { HOOK_SEND, EPIPE }, { HOOK_EPOLL, ENOMEM },
    };
    static struct peer peer;
    unsigned int i;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        hooks_each_failure( hooks[i].hook, hooks[i].error, fault_scenario, &peer );
    gated_stop( &peer );
}

int main( void )
{
    client_begin( 0 );
    run( test_the_limit_of_a_1_0_server_counts_after_its_first_answer );
    run( test_who_takes_a_free_connection );
    run( test_a_spare_dial_is_taken_up );
    run( test_connections_in_the_background );
    run( test_background_without_memory_or_peer_is_harmless );
    run( test_tags_choose_a_connection );
    run( test_a_tag_may_come_before_the_connection );
    run( test_a_required_tag_evicts_up_to_the_limit );
    run( test_an_expired_connection_is_closed_after_its_exchange );
    run( test_controls_check_their_arguments );
    run( test_the_pool_is_counted_by_host_and_tag );
    run( test_a_session_takes_its_own_pool_along );
    run( test_facts_of_the_socket );
    run( test_every_failure_is_survived );
    client_end();
    return test_end( "pool" );
}
