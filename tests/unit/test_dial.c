/*
 * Dials: happy eyeballs, time limits, drops in every phase
 *
 * Addresses are 127.0.0.x with one port: 127.0.0.1 is the peer, one where nothing listens refuses, and one whose
 * listener is full does not answer at all.
 */

#include "client.h"

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
    client_end();
    tls_shutdown();
    return test_end( "dial" );
}
