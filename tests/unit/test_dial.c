/*
 * Dials: happy eyeballs, time limits, drops in every phase
 *
 * Addresses are 127.0.0.x with one port: 127.0.0.1 is the peer, one where nothing listens refuses, and one whose
 * listener is full does not answer at all.
 */

#include <errno.h>

#include "client.h"

#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

static const char *names;            /* atomic: what the resolver says for every name */
static int resolver_waits;           /* atomic: getaddrinfo does not return */

static int fake_getaddrinfo( const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **info )
{
    struct addrinfo numeric = *hints, **tail = info;
    char text[256], *address, *next;

    if (hints->ai_flags & AI_NUMERICHOST) return getaddrinfo( host, service, hints, info );
    while (__atomic_load_n( &resolver_waits, __ATOMIC_SEQ_CST )) sched_yield();
    *info = NULL;
    numeric.ai_flags = AI_NUMERICHOST;
    snprintf( text, sizeof(text), "%s", __atomic_load_n( &names, __ATOMIC_SEQ_CST ) );
    for (address = strtok_r( text, ",", &next ); address; address = strtok_r( NULL, ",", &next ))
    {
        if (getaddrinfo( address, NULL, &numeric, tail )) abort();
        while (*tail) tail = &(*tail)->ai_next;
    }
    return 0;
}

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const struct request named = { .host = "name.test", .event_mask = ~0u };

/* An address that swallows every SYN: a listener whose queue is full. */
struct hole { int listener, fill[8]; };

static void hole_open( struct hole *hole, const char *address, uint16_t port )
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons( port ) };
    unsigned int i;

    inet_pton( AF_INET, address, &addr.sin_addr );
    if ((hole->listener = socket( AF_INET, SOCK_STREAM, 0 )) == -1 ||
        bind( hole->listener, (struct sockaddr *)&addr, sizeof(addr) ) || listen( hole->listener, 0 )) abort();
    for (i = 0; i < 8; i++)
    {
        hole->fill[i] = socket( AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0 );
        connect( hole->fill[i], (struct sockaddr *)&addr, sizeof(addr) );
    }
}

static void hole_close( struct hole *hole )
{
    unsigned int i;

    for (i = 0; i < 8; i++) close( hole->fill[i] );
    close( hole->listener );
}

static void begin( const char *list )
{
    dns_shutdown();
    __atomic_store_n( &names, list, __ATOMIC_SEQ_CST );
}

/* How long a GET takes, in ms. */
static unsigned int timed_get( struct client *client, const struct peer *peer, const struct request *request,
                               uint32_t expected )
{
    uint64_t began = engine_now_us();

    if (!expect( client_get( client, peer, request ) == expected )) fprintf( stderr, "error %u\n", client->error );
    return (unsigned int)((engine_now_us() - began) / 1000);
}

static void test_a_refusal_is_followed_by_the_next_address_at_once( void )
{
    struct client client;
    struct peer peer;

    begin( "127.0.0.2,127.0.0.3,127.0.0.1" );
    peer_start( &peer, script_answer, answer );
    expect( timed_get( &client, &peer, &named, 0 ) < DIAL_STAGGER_MS );
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    peer_stop( &peer );
}

static void test_a_silent_address_costs_one_stagger( void )
{
    struct client client;
    struct hole hole;
    struct peer peer;
    unsigned int ms;

    begin( "127.0.0.2,127.0.0.1" );
    peer_start( &peer, script_answer, answer );
    hole_open( &hole, "127.0.0.2", peer.port );
    ms = timed_get( &client, &peer, &named, 0 );
    expect( ms >= DIAL_STAGGER_MS - 50 && ms < 4 * DIAL_STAGGER_MS );
    expect_clean();    /* the attempt that lost is closed, not left to time out */
    hole_close( &hole );
    peer_stop( &peer );
}

static void test_the_connect_limit_is_per_address( void )
{
    struct request limited = named;
    struct client client;
    struct hole hole;
    struct peer peer;

    begin( "127.0.0.2" );
    peer_start( &peer, script_answer, answer );
    hole_open( &hole, "127.0.0.2", peer.port );
    limited.connect_ms = 50;
    expect( timed_get( &client, &peer, &limited, WHE_TIMEOUT ) >= 40 );
    expect_clean();
    hole_close( &hole );
    peer_stop( &peer );
}

static void test_all_refused_is_a_connect_error( void )
{
    struct client client;
    struct peer peer;

    begin( "127.0.0.2,127.0.0.3" );
    peer_start( &peer, script_answer, answer );
    timed_get( &client, &peer, &named, WHE_CONNECT );
    expect_clean();
    peer_stop( &peer );
}

/* Drops: a close or a cancel in each phase leaves nothing, without anybody in the wait. */

static void expect_dropped( struct async *async, int cancel )
{
    if (cancel) async_cancel( async );
    async_close( async );
    expect( !object_count( OBJECT_CONN ) && !object_count( OBJECT_DIAL ) );
    expect( async_wait( async, WHK_HEAD_SENT ) == WHE_CANCELLED );
    async_wait_gone( async );
    expect_clean();
}

static void test_drop_while_resolving( void )
{
    struct async async;
    struct peer peer;
    int cancel;

    peer_start( &peer, script_answer, answer );
    for (cancel = 0; cancel < 2; cancel++)
    {
        begin( "127.0.0.1" );
        __atomic_store_n( &resolver_waits, 1, __ATOMIC_SEQ_CST );
        expect( async_start( &async, peer.port, &named ) == WH_PENDING );
        expect_dropped( &async, cancel );
        __atomic_store_n( &resolver_waits, 0, __ATOMIC_SEQ_CST );    /* the answer comes, for nobody */
    }
    peer_stop( &peer );
}

static void test_resolve_deadline( void )
{
    struct wh_route route = { .host = wh_from_ptr( "name.test" ), .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_exchange_start_params params = { .session = session, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( get_head ), .head_len = sizeof(get_head) - 1, .resolve_ms = 30, .flags = WHX_SYNC };
    struct client client = { .id = 0 };
    struct wh_record record;

    begin( "127.0.0.1" );
    __atomic_store_n( &resolver_waits, 1, __ATOMIC_SEQ_CST );
    expect( exchange_start( &params ) == WH_PENDING );
    client.id = params.exchange;
    expect( wait_for( &client, WHK_HEAD_SENT, &record ) == WHE_TIMEOUT );
    client_close( &client );
    __atomic_store_n( &resolver_waits, 0, __ATOMIC_SEQ_CST );
    expect_clean();
}

static void test_drop_while_connecting( void )
{
    struct async async;
    struct hole hole;
    struct peer peer;
    int cancel;

    peer_start( &peer, script_answer, answer );
    hole_open( &hole, "127.0.0.2", peer.port );
    for (cancel = 0; cancel < 2; cancel++)
    {
        begin( "127.0.0.2,127.0.0.3" );
        expect( async_start( &async, peer.port, &named ) == WH_PENDING );
        while (!(async.seen & (1u << WHK_CONNECTING)) && expect( async_pump( WAIT_MS ) )) ;
        expect_dropped( &async, cancel );
    }
    hole_close( &hole );
    peer_stop( &peer );
}

/* Takes what the client says first and never answers; counts the connections that ended. */
static void script_swallow( struct peer *peer, int fd, void *arg )
{
    char byte;

    if (recv( fd, &byte, 1, 0 ) == 1) __atomic_add_fetch( &peer->requests, 1, __ATOMIC_SEQ_CST );
    peer_wait_eof( fd );
    __atomic_add_fetch( (unsigned int *)arg, 1, __ATOMIC_SEQ_CST );
}

static void test_drop_during_the_tls_handshake_closes_the_socket( void )
{
    struct request secure = { .scheme = WH_SCHEME_HTTPS, .event_mask = ~0u };
    unsigned int ended = 0, i;
    struct async async;
    struct peer peer;
    uint64_t until;

    peer_start( &peer, script_swallow, &ended );
    for (i = 0; i < 2; i++)
    {
        expect( async_start( &async, peer.port, &secure ) == WH_PENDING );
        until = engine_now_ms() + WAIT_MS;
        while (__atomic_load_n( &peer.requests, __ATOMIC_SEQ_CST ) <= i && expect( engine_now_ms() < until ))
            async_pump( 5 );
        expect_dropped( &async, (int)i );
        until = engine_now_ms() + WAIT_MS;
        while (__atomic_load_n( &ended, __ATOMIC_SEQ_CST ) <= i && engine_now_ms() < until) sched_yield();
        expect( __atomic_load_n( &ended, __ATOMIC_SEQ_CST ) == i + 1 );    /* the peer sees the end, nobody waits here */
    }
    peer_stop( &peer );
}

static void test_handshake_deadline( void )
{
    struct request secure = { .scheme = WH_SCHEME_HTTPS, .connect_ms = 50 };
    unsigned int ended = 0;
    struct async async;
    struct peer peer;

    peer_start( &peer, script_swallow, &ended );
    expect( async_get( &async, peer.port, &secure ) == WHE_TIMEOUT );
    expect_clean();
    peer_stop( &peer );
}

static void test_a_dial_is_taken_over_by_the_oldest_waiter( void )
{
    struct request limited = { .host = "name.test", .conn_limit = 1, .event_mask = ~0u };
    struct async first, second;
    struct peer peer;

    begin( "127.0.0.1" );
    peer_start( &peer, script_answer, answer );
    __atomic_store_n( &resolver_waits, 1, __ATOMIC_SEQ_CST );
    expect( async_start( &first, peer.port, &limited ) == WH_PENDING );
    expect( async_start( &second, peer.port, &limited ) == WH_PENDING );
    async_close( &first );    /* its dial is the second's now */
    expect( object_count( OBJECT_DIAL ) == 1 );
    __atomic_store_n( &resolver_waits, 0, __ATOMIC_SEQ_CST );
    expect( !async_wait( &second, WHK_HEAD_SENT ) );
    expect( second.seen & (1u << WHK_CONNECTED) );
    async_read_head( &second, 0 );
    expect( !async_wait( &second, WHK_HEAD_READ ) );
    expect( first.last[WHK_HEAD_SENT].error == WHE_CANCELLED );
    async_close( &second );
    async_wait_gone( &first );
    async_wait_gone( &second );
    expect_clean();
    expect( peer_connections( &peer ) == 1 );
    peer_stop( &peer );
}

/* Plans. */

static struct addresses *addresses_of( const char *list )
{
    struct addresses *addresses = calloc( 1, sizeof(*addresses) + DNS_MAX_ADDRESSES * sizeof(addresses->list[0]) );

    for (; *list; list++)
        addresses->list[addresses->count++].any.sa_family = *list == '6' ? AF_INET6 : AF_INET;
    return addresses;
}

static void test_the_order_of_tries( void )
{
    static const struct { const char *list; uint32_t flags, retries; const char *order; } cases[] =
    {
        { "6464", 0, 0, "0123" },
        { "6464", 0, 2, "01" },
        { "6464", 0, 9, "0123" },
        { "6464", WH_ROUTE_IPV6_FALLBACK, 0, "01023" },
        { "4466", WH_ROUTE_IPV6_FALLBACK, 0, "20213" },     /* the first of each family, wherever it is */
        { "6464", WH_ROUTE_IPV6_FALLBACK, 3, "0102" },      /* three distinct ones */
        { "6464", WH_ROUTE_IPV6_FALLBACK, 1, "0" },
        { "444", WH_ROUTE_IPV6_FALLBACK, 0, "012" },
        { "66", WH_ROUTE_IPV6_FALLBACK, 0, "01" },
    };
    struct dial_step steps[DIAL_MAX_STEPS];
    struct dial_plan plan = { .connect_ms = 7000 };
    struct addresses *addresses;
    unsigned int i, j, count;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        addresses = addresses_of( cases[i].list );
        plan.flags = cases[i].flags;
        plan.connect_retries = cases[i].retries;
        count = dial_plan_steps( &plan, addresses, steps );
        if (!expect( count == strlen( cases[i].order ) )) fprintf( stderr, "case %u: %u steps\n", i, count );
        for (j = 0; j < count; j++) expect( steps[j].address == (unsigned int)(cases[i].order[j] - '0') );
        if (count == 5)    /* with fallback: little time at first */
        {
            expect( steps[0].limit_ms == DIAL_FALLBACK_MS && steps[0].stagger_ms == DIAL_FALLBACK_MS );
            for (j = 1; j < count; j++) expect( steps[j].limit_ms == 7000 );
        }
        free( addresses );
    }
    addresses = addresses_of( "64646464646464646464646464646464" );
    plan.flags = WH_ROUTE_IPV6_FALLBACK;
    plan.connect_retries = 0;
    plan.connect_ms = 100;
    expect( dial_plan_steps( &plan, addresses, steps ) == DIAL_MAX_STEPS );
    expect( steps[0].limit_ms == 100 );    /* never more than the program allows */
    free( addresses );
}

static uint32_t connect_failures( wh_id exchange )
{
    struct wh_stats stats;
    struct wh_exchange_query_params query = { .exchange = exchange, .what = WHQ_STATS, .buffer = wh_from_ptr( &stats ),
                                              .size = sizeof(stats) };

    expect( exchange_query( &query ) == WH_DONE && !query.error );
    return stats.connect_failures;
}

static void test_so_many_addresses_are_tried( void )
{
    struct wh_route route = { .connect_retries = 2 };
    struct request limited = { .host = "name.test", .route = &route };
    struct client client;
    struct peer peer;

    begin( "127.0.0.2,127.0.0.3,127.0.0.1" );
    peer_start( &peer, script_answer, answer );
    expect( client_start( &client, &peer, &limited ) == WHE_CONNECT );
    expect( connect_failures( client.id ) == 2 );
    client_close( &client );
    route.connect_retries = 3;
    expect( !client_start( &client, &peer, &limited ) );
    expect( connect_failures( client.id ) == 2 );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_another_name_is_resolved_in_its_place( void )
{
    struct wh_route route = { .connect_host = wh_from_ptr( "127.0.0.1" ), .connect_host_len = 9 };
    struct request other = { .host = "name.test", .route = &route };
    struct client client;
    struct peer peer;

    begin( "127.0.0.2" );    /* where nobody listens */
    peer_start( &peer, script_answer, answer );
    expect( !client_get( &client, &peer, &other ) );
    other.route = NULL;      /* and it is no connection for the name itself */
    expect( client_get( &client, &peer, &other ) == WHE_CONNECT );
    expect_clean();
    peer_stop( &peer );
}

static void test_the_cache_can_be_passed_by( void )
{
    struct wh_route route = { .flags = WH_ROUTE_NO_DNS_CACHE };
    struct request fresh = { .host = "name.test", .route = &route, .flags = WHX_FRESH };
    struct client client;
    struct peer peer;

    begin( "127.0.0.1" );
    peer_start( &peer, script_answer, answer );
    expect( !client_get( &client, &peer, &named ) );
    origin_shutdown();
    __atomic_store_n( &names, "127.0.0.2", __ATOMIC_SEQ_CST );
    expect( !client_get( &client, &peer, &named ) );
    expect( client_get( &client, &peer, &fresh ) == WHE_CONNECT );    /* the new answer */
    expect_clean();
    peer_stop( &peer );
}

/* Options of the socket. */

static struct { int level, name, value; } set[32];
static unsigned int set_count;
static int refused_name, refused_error;

static int fake_setsockopt( int fd, int level, int name, const void *value, socklen_t len )
{
    if (set_count < 32 && len >= sizeof(int))
    {
        set[set_count].level = level;
        set[set_count].name = name;
        memcpy( &set[set_count++].value, value, sizeof(int) );
    }
    if (name == refused_name && refused_error)
    {
        errno = refused_error;
        return -1;
    }
    return setsockopt( fd, level, name, value, len );
}

static int was_set( int level, int name, int value )
{
    unsigned int i;

    for (i = 0; i < set_count; i++)
        if (set[i].level == level && set[i].name == name) return set[i].value == value;
    return 0;
}

static void test_keep_alive_and_fast_open_reach_the_socket( void )
{
    int (*real)( int, int, int, const void *, socklen_t ) = wh_hooks.setsockopt;
    struct wh_route route = { .keepalive_ms = 1500, .keepalive_interval_ms = 3000 };
    struct request request = { .route = &route };
    struct client client;
    struct async async;
    struct peer peer;
    unsigned int ended = 0;
    uint64_t until;

    wh_hooks.setsockopt = fake_setsockopt;
    peer_start( &peer, script_answer, answer );
    set_count = 0;
    expect( !client_get( &client, &peer, &request ) );
    expect( was_set( SOL_SOCKET, SO_KEEPALIVE, 1 ) );
    expect( was_set( IPPROTO_TCP, TCP_KEEPIDLE, 2 ) && was_set( IPPROTO_TCP, TCP_KEEPINTVL, 3 ) );    /* whole seconds */
    expect_clean();

    /* A request in the clear is not sent with the SYN; a handshake may be. Without it the connection works the same. */
    set_count = 0;
    route.flags = WH_ROUTE_TCP_FAST_OPEN;
    expect( !client_get( &client, &peer, &request ) );
    expect( !was_set( IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1 ) );
    expect_clean();
    peer_stop( &peer );

    peer_start( &peer, script_swallow, &ended );
    request.scheme = WH_SCHEME_HTTPS;
    request.connect_ms = 200;
    for (refused_error = 0; refused_error <= EPERM; refused_error += EPERM)
    {
        set_count = 0;
        refused_name = TCP_FASTOPEN_CONNECT;
        expect( async_get( &async, peer.port, &request ) == WHE_TIMEOUT );    /* it connected, and nobody answers */
        expect( was_set( IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1 ) );
    }
    until = engine_now_ms() + WAIT_MS;
    while (peer_connections( &peer ) < 2 && engine_now_ms() < until) sched_yield();    /* nobody has heard from it yet */
    expect( peer_connections( &peer ) == 2 );
    refused_error = 0;
    expect_clean();
    peer_stop( &peer );
    wh_hooks.setsockopt = real;
}

/* The SYN waits for the first bytes even without a cookie of the peer. */
static int no_cookie_setsockopt( int fd, int level, int name, const void *value, socklen_t len )
{
    int on = 1;

    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT)
        setsockopt( fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof(on) );
    return setsockopt( fd, level, name, value, len );
}

/* An address that seems to connect at once, since nothing was sent yet, and refuses then: the same and the next one are
 * still tried. */
static void test_a_fast_open_that_comes_to_nothing( void )
{
    int (*real)( int, int, int, const void *, socklen_t ) = wh_hooks.setsockopt;
    struct wh_route route = { .flags = WH_ROUTE_TCP_FAST_OPEN };
    struct request request = { .host = "name.test", .scheme = WH_SCHEME_HTTPS, .route = &route, .connect_ms = 2000 };
    unsigned int ended = 0;
    struct async async;
    struct peer peer;
    uint64_t until;

    wh_hooks.setsockopt = no_cookie_setsockopt;
    peer_start( &peer, script_swallow, &ended );
    begin( "127.0.0.2" );
    expect( async_get( &async, peer.port, &request ) == WHE_CONNECT );
    begin( "127.0.0.2,127.0.0.1" );
    expect( async_start( &async, peer.port, &request ) == WH_PENDING );
    until = engine_now_ms() + WAIT_MS;
    while (!__atomic_load_n( &peer.requests, __ATOMIC_SEQ_CST ) && expect( engine_now_ms() < until )) async_pump( 5 );
    async_cancel( &async );
    expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CANCELLED );
    async_close( &async );
    async_wait_gone( &async );
    expect_clean();
    peer_stop( &peer );
    wh_hooks.setsockopt = real;
}

static void test_an_interface_is_obeyed_or_refused( void )
{
    static const struct { int refused; enum wh_error error; } cases[] =
        { { EPERM, WHE_UNSUPPORTED }, { ENOPROTOOPT, WHE_UNSUPPORTED }, { ENODEV, WHE_CONNECT } };
    int (*real)( int, int, int, const void *, socklen_t ) = wh_hooks.setsockopt;
    struct wh_route route = { .if_index = 1 };    /* the loopback device is the first of every network namespace */
    struct request request = { .route = &route };
    struct client client;
    struct peer peer;
    unsigned int i;
    uint32_t error;

    wh_hooks.setsockopt = fake_setsockopt;
    peer_start( &peer, script_answer, answer );
    set_count = 0;
    error = client_get( &client, &peer, &request );
    expect( !error || error == WHE_UNSUPPORTED );    /* a privilege before Linux 5.7 */
    expect( was_set( SOL_SOCKET, SO_BINDTOIFINDEX, 1 ) );
    origin_shutdown();
    refused_name = SO_BINDTOIFINDEX;
    for (i = 0; i < 3; i++)
    {
        refused_error = cases[i].refused;
        expect( client_get( &client, &peer, &request ) == cases[i].error );
    }
    refused_error = 0;
    expect_clean();
    peer_stop( &peer );
    wh_hooks.setsockopt = real;
}

static void test_each_limit_has_its_own_error( void )
{
    struct request request = { .host = "name.test", .resolve_ms = 30, .connect_ms = 50 };
    struct async async;
    struct hole hole;
    struct peer peer;

    peer_start( &peer, script_answer, answer );
    hole_open( &hole, "127.0.0.2", peer.port );
    begin( "127.0.0.2" );
    __atomic_store_n( &resolver_waits, 1, __ATOMIC_SEQ_CST );
    expect( async_get( &async, peer.port, &request ) == WHE_TIMEOUT );    /* resolving */
    __atomic_store_n( &resolver_waits, 0, __ATOMIC_SEQ_CST );
    request.resolve_ms = 0;
    expect( async_get( &async, peer.port, &request ) == WHE_TIMEOUT );    /* connecting */
    request.connect_ms = WAIT_MS;
    begin( "127.0.0.3" );
    expect( async_get( &async, peer.port, &request ) == WHE_CONNECT );    /* refused */
    request.host = "1.2.3.4.5";
    begin( "" );
    expect( async_get( &async, peer.port, &request ) == WHE_NAME );
    expect_clean();
    hole_close( &hole );
    peer_stop( &peer );
}

/* That this host has no way to one address (IPv6, mostly) says less than what became of the others. */
static void test_an_address_without_a_way_is_not_the_reason( void )
{
    struct request request = { .host = "name.test", .connect_ms = 50 };
    struct async async;
    struct hole hole;
    struct peer peer;

    peer_start( &peer, script_answer, answer );
    hole_open( &hole, "127.0.0.2", peer.port );
    begin( "127.0.0.3,127.0.0.2" );
    hooks_fail( HOOK_CONNECT, 1, 0, ENETUNREACH );
    expect( async_get( &async, peer.port, &request ) == WHE_TIMEOUT );
    request.connect_ms = WAIT_MS;
    hooks_fail( HOOK_CONNECT, 1, 1, ENETUNREACH );
    expect( async_get( &async, peer.port, &request ) == WHE_CONNECT );    /* there is no other */
    hooks_reset();
    expect_clean();
    hole_close( &hole );
    peer_stop( &peer );
}

int main( void )
{
    wh_hooks.getaddrinfo = fake_getaddrinfo;
    client_begin( 0 );
    run( test_a_refusal_is_followed_by_the_next_address_at_once );
    run( test_a_silent_address_costs_one_stagger );
    run( test_the_connect_limit_is_per_address );
    run( test_all_refused_is_a_connect_error );
    run( test_drop_while_resolving );
    run( test_resolve_deadline );
    run( test_drop_while_connecting );
    run( test_drop_during_the_tls_handshake_closes_the_socket );
    run( test_handshake_deadline );
    run( test_a_dial_is_taken_over_by_the_oldest_waiter );
    run( test_the_order_of_tries );
    run( test_so_many_addresses_are_tried );
    run( test_another_name_is_resolved_in_its_place );
    run( test_the_cache_can_be_passed_by );
    run( test_keep_alive_and_fast_open_reach_the_socket );
    run( test_a_fast_open_that_comes_to_nothing );
    run( test_an_interface_is_obeyed_or_refused );
    run( test_each_limit_has_its_own_error );
    run( test_an_address_without_a_way_is_not_the_reason );
    client_end();
    tls_shutdown();
    return test_end( "dial" );
}
