/*
 * The pool over HTTP/2: who shares a connection, who waits for a stream, who gets a connection of his own
 *
 * Both sides are played here (h2_client.h): peers[0] has the first connection to the port, peers[1] the second.
 */

#include "h2_client.h"

static const uint8_t red[WH_TAG_SIZE] = { 1, 2, 3 };

static void done( unsigned int index, uint32_t error )
{
    until( fetches[index].state == FETCH_DONE );
    if (!expect( fetches[index].error == error ))
        fprintf( stderr, "    fetch %u: error %u, not %u\n", index, fetches[index].error, error );
}

/* The peer has had a turn after everything the client has sent. */
static void settle( struct h2_peer *peer )
{
    uint32_t acked = peer->pings_acked;

    h2_send_frame( peer, H2_PING, 0, 0, "settled!", 8 );
    until( peer->pings_acked > acked || peer->eof || peer->reset );
}

/* A first connection that is up and idle; its peer has answered one request. */
static void warm_up( void )
{
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    settle( &peers[0] );
}

static uint32_t control( struct fetch *fetch, uint32_t what, const uint8_t *tag )
{
    struct wh_exchange_control_params params = { .exchange = fetch->async.id, .what = what };

    if (tag) memcpy( params.tag, tag, sizeof(params.tag) );
    return exchange_control( &params ) == WH_DONE ? params.error : ~0u;
}

static struct async *start_pinned( struct async *async, uint16_t port, wh_id pin )
{
    struct wh_route route = request_route( &h2_plain, port );
    struct wh_exchange_start_params params = { .session = session, .cookie = wh_from_ptr( async ), .pin = pin,
        .route = wh_from_ptr( &route ), .head = wh_from_ptr( get_head ), .head_len = sizeof(get_head) - 1 };
    uint32_t ret;

    memset( async, 0, sizeof(*async) );
    async->pending = 1u << WHK_HEAD_SENT;
    if ((ret = exchange_start( &params )) != WH_PENDING) async->pending = 0;
    expect( ret != WH_REFUSED );
    async->id = params.exchange;
    async->last[WHK_HEAD_SENT].error = params.error;
    return async;
}

/* ---- streams ---- */

/* What the peer does not allow at once goes in the order in which it was asked for, over the same connection. */
static void test_streams_above_the_limit_wait( void )
{
    unsigned int i;

    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 2 );
    until( peers[0].settings_acked == 1 );
    for (i = 1; i < 6; i++)
    {
        struct request request = { .route = &h2_route, .head = target_heads[i] };

        fetch_start( &fetches[i], peers[0].port, &request );
    }
    settle( &peers[0] );
    expect( peers[0].last_id == 3 );
    for (i = 0; i < 6; i++)
    {
        until( peers[0].last_id >= 2 * i + 1 );
        expect( !strcmp( peers[0].streams[i].path, targets[i] ) );
        h2_answer( &peers[0], 2 * i + 1, "ok" );
        done( i, WHE_OK );
    }
    expect( peers[0].most_open == 2 && !peers[1].accepted );
    play_end();
}

/* One that waits for a stream can be closed and cancelled, and the others still come. */
static void test_leaving_the_queue( void )
{
    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peers[0].settings_acked == 1 );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    fetch_start( &fetches[2], peers[0].port, &h2_plain );
    fetch_start( &fetches[3], peers[0].port, &h2_plain );
    async_cancel( &fetches[1].async );
    done( 1, WHE_CANCELLED );
    fetch_close( &fetches[2] );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    until( peers[0].last_id == 3 );
    h2_answer( &peers[0], 3, "ok" );
    done( 3, WHE_OK );
    play_end();
}

/* The limit is raised later: those that wait go at once. */
static void test_a_limit_that_is_raised( void )
{
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peers[0].settings_acked == 1 );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    fetch_start( &fetches[2], peers[0].port, &h2_plain );
    settle( &peers[0] );
    expect( peers[0].last_id == 1 );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 10 );
    until( peers[0].last_id == 5 );
    play_end();
}

/* WINHTTP_OPTION_DISABLE_STREAM_QUEUE: another connection instead, and what one peer of that place allowed is expected of the
 * next. */
static void test_no_queue( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_NO_QUEUE };

    play_begin( 3 );
    open_streams( 1, &request );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peers[0].settings_acked == 1 );
    fetch_start( &fetches[1], peers[0].port, &request );
    fetch_start( &fetches[2], peers[0].port, &request );
    until( peers[1].last_id == 1 && peers[2].last_id == 1 );
    expect( peers[0].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_send_settings( &peers[2], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    h2_answer( &peers[1], 1, "ok" );
    h2_answer( &peers[2], 1, "ok" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    done( 2, WHE_OK );
    play_end();
}

/* ---- whose connection ---- */

static void test_fresh_is_new( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_FRESH };

    play_begin( 2 );
    warm_up();
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    expect( peers[0].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* There is a limit of connections: the idle one makes way for the one that has to be new. */
static void test_an_idle_one_makes_way( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_FRESH, .conn_limit = 1 };

    play_begin( 2 );
    warm_up();
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    until( peers[0].eof || peers[0].reset );
    expect( peers[0].goaway == H2_NO_ERROR );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

static void test_a_pin( void )
{
    struct wh_exchange_query_params query = { .what = WHQ_PIN };
    struct async first, second;
    wh_id pin = 0;

    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    query.exchange = fetches[0].async.id;
    query.buffer = wh_from_ptr( &pin );
    query.size = sizeof(pin);
    expect( exchange_query( &query ) == WH_DONE && !query.error && pin );
    start_pinned( &first, peers[0].port, pin );
    until( !first.pending && peers[0].last_id == 3 );
    expect( !first.last[WHK_HEAD_SENT].error );
    async_close( &first );
    until( first.gone );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    h2_hang_up( &peers[0] );
    start_pinned( &second, peers[0].port, pin );
    until( !second.pending );
    expect( second.last[WHK_HEAD_SENT].error == WHE_STALE );
    async_close( &second );
    until( second.gone );
    play_end();
}

/* WHC_EXPIRE: those on the connection go on, later ones go elsewhere, and it ends with the last. */
static void test_expire( void )
{
    play_begin( 2 );
    open_streams( 2, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    expect( !control( &fetches[0], WHC_EXPIRE, NULL ) );
    fetch_start( &fetches[2], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    expect( !peers[0].eof );
    h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    until( peers[0].eof || peers[0].reset );
    expect( peers[0].goaway == H2_NO_ERROR );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 2, WHE_OK );
    play_end();
}

/* A tag that is required and not there means a connection of its own; where it is there, it is shared. */
static void test_tags( void )
{
    struct wh_route route = { .alpn = WH_ALPN_H2, .match_flags = WH_MATCH_TAG | WH_MATCH_REQUIRED };
    struct request request = { .route = &route };

    memcpy( route.match, red, sizeof(red) );
    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    fetch_start( &fetches[1], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    expect( !control( &fetches[1], WHC_TAG, red ) );
    fetch_start( &fetches[2], peers[0].port, &request );
    until( peers[1].last_id == 3 );
    fetch_start( &fetches[3], peers[0].port, &h2_plain );    /* any will do: the untagged one, or the other */
    until( peers[0].last_id == 3 || peers[1].last_id == 5 );
    play_end();
}

/* ---- dials ---- */

/* Nobody listens: the first one tries, the others after it, and each hears of it. */
static void test_a_burst_to_nobody( void )
{
    unsigned int i;
    uint16_t port;

    play_begin( 1 );
    port = peers[0].port;
    close( peers[0].listener );
    peers[0].listener = -1;
    for (i = 0; i < 20; i++) fetch_start( &fetches[i], port, &h2_plain );
    for (i = 0; i < 20; i++) done( i, WHE_CONNECT );
    play_end();
}

/* Connections in the background, and one request: the others serve those that come. */
static void test_background( void )
{
    struct wh_route route = { .alpn = WH_ALPN_H2, .background = 2 };
    struct request request = { .route = &route };

    play_begin( 2 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].accepted && peers[1].accepted );
    until( peers[0].last_id == 1 || peers[1].last_id == 1 );
    play_end();
}

/* ---- idle life ---- */

static void test_idle_ones_end( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 50 };
    struct wh_session_close_params close = { 0 };
    wh_id long_lived = session;

    expect( !session_open( &open ) );
    session = open.session;
    play_begin( 1 );
    warm_up();
    until( peers[0].eof || peers[0].reset );
    expect( peers[0].goaway == H2_NO_ERROR );
    play_end();
    close.session = session;
    expect( !session_close( &close ) );
    session = long_lived;
}

/* HTTP2_KEEPALIVE: asked now and then, it lives on; without an answer it is dead. */
static void test_kept_alive_ones_do_not( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 50 };
    struct wh_session_close_params close = { 0 };
    struct wh_route route = { .alpn = WH_ALPN_H2, .h2_keepalive_ms = 30 };
    struct request request = { .route = &route };
    wh_id long_lived = session;

    expect( !session_open( &open ) );
    session = open.session;
    play_begin( 1 );
    open_streams( 1, &request );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    until( peers[0].pings >= 6 || peers[0].eof );
    expect( !peers[0].eof );
    peers[0].no_ping_acks = 1;
    until( peers[0].eof || peers[0].reset );
    play_end();
    close.session = session;
    expect( !session_close( &close ) );
    session = long_lived;
}

/* A partition whose session closes: what is idle in it goes at once. */
static void test_a_partition_ends( void )
{
    struct wh_session_open_params open = { .max_idle_ms = 60000 };
    struct request request = { .route = &h2_route, .partition = 7 };
    struct wh_session_close_params close = { .partition = 7 };

    play_begin( 1 );
    open_streams( 1, &request );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    expect( !session_open( &open ) );
    close.session = open.session;
    expect( origin_idle_count() == 1 );
    expect( !session_close( &close ) );
    expect( !origin_idle_count() );
    until( peers[0].eof || peers[0].reset );
    expect( peers[0].goaway == H2_NO_ERROR );
    play_end();
}

/* The survey counts a shared connection once. */
static void test_the_survey( void )
{
    struct wh_pool_entry entries[4];
    struct wh_pool_query_params params = { .partition = 9, .entries = wh_from_ptr( entries ), .capacity = 4 };
    struct request request = { .route = &h2_route, .partition = 9 };

    play_begin( 1 );
    open_streams( 3, &request );
    expect( origin_pool_query( &params ) == WH_DONE && params.count == 1 && entries[0].count == 1 );
    play_end();
}

/* ---- pauses ---- */

static uint32_t resume( struct fetch *fetch )
{
    struct wh_exchange_resume_params params = { .exchange = fetch->async.id };
    uint32_t ret = exchange_resume( &params );

    if (ret == WH_DONE)
    {
        fetch->async.pending &= ~(1u << WHK_HEAD_SENT);
        fetch->async.last[WHK_HEAD_SENT].error = params.error;
    }
    return ret;
}

static int is_paused( struct fetch *fetch )
{
    return fetch->async.seen & (1u << WHK_PAUSE_SENDING);
}

static void test_a_pause( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_PAUSE_SENDING };

    play_begin( 1 );
    warm_up();
    fetch_start( &fetches[0], peers[0].port, &request );
    until( is_paused( &fetches[0] ) );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );    /* others are not held up */
    until( peers[0].last_id == 3 );
    expect( resume( &fetches[0] ) != WH_REFUSED );
    until( peers[0].last_id == 5 );
    h2_answer( &peers[0], 5, "ok" );
    h2_answer( &peers[0], 3, "ok" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    play_end();
}

/* The connection goes while the program looks around: it is asked again about the next one. */
static void test_a_pause_that_outlives_its_connection( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_PAUSE_SENDING };

    play_begin( 2 );
    warm_up();
    fetch_start( &fetches[0], peers[0].port, &request );
    until( is_paused( &fetches[0] ) );
    h2_send_goaway( &peers[0], 1, H2_NO_ERROR );
    until( peers[0].out_pos == peers[0].out_len );
    h2_hang_up( &peers[0] );
    fetches[0].async.seen = 0;
    expect( resume( &fetches[0] ) == WH_PENDING );
    until( is_paused( &fetches[0] ) );
    expect( resume( &fetches[0] ) != WH_REFUSED );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* ---- facts ---- */

static void test_facts( void )
{
    struct wh_stats stats;
    struct wh_times times;
    struct wh_exchange_query_params query = { .what = WHQ_STATS, .buffer = wh_from_ptr( &stats ), .size = sizeof(stats) };
    uint32_t number = 0;
    unsigned int i;

    play_begin( 1 );
    open_streams( 2, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    h2_answer( &peers[0], 3, "four" );
    for (i = 0; i < 2; i++)
    {
        done( i, WHE_OK );
        query.exchange = fetches[i].async.id;
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        expect( stats.index == i && stats.response_body == (i ? 4 : 2) && stats.request_head && stats.response_head );
        expect( !fetch_number( &fetches[i], WHQ_PROTOCOL, &number ) && number == WH_ALPN_H2 );
        expect( fetch_number( &fetches[i], WHQ_STREAM_ERROR, &number ) == WHE_STATE );
        query.what = WHQ_TIMES;
        query.buffer = wh_from_ptr( &times );
        query.size = sizeof(times);
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        expect( times.send_start && times.send_start <= times.send_end && times.receive_start <= times.receive_end );
        query.what = WHQ_STATS;
        query.buffer = wh_from_ptr( &stats );
        query.size = sizeof(stats);
    }
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_streams_above_the_limit_wait );
    run( test_leaving_the_queue );
    run( test_a_limit_that_is_raised );
    run( test_no_queue );
    run( test_fresh_is_new );
    run( test_an_idle_one_makes_way );
    run( test_a_pin );
    run( test_expire );
    run( test_tags );
    run( test_a_burst_to_nobody );
    run( test_background );
    run( test_idle_ones_end );
    run( test_kept_alive_ones_do_not );
    run( test_a_partition_ends );
    run( test_the_survey );
    run( test_a_pause );
    run( test_a_pause_that_outlives_its_connection );
    run( test_facts );
    client_end();
    return test_end( "pool_h2" );
}
