/*
 * HTTP/2 and limits: of connections, of streams, of time before a request has left, of memory for bodies that wait
 */

#include "h2_client.h"

static void done( unsigned int index, uint32_t error )
{
    until( fetches[index].state == FETCH_DONE );
    expect( fetches[index].error == error );
    if (fetches[index].error != error) fprintf( stderr, "    fetch %u: error %u, detail %u\n", index, fetches[index].error,
                                                fetches[index].detail );
}

static void settle( struct h2_peer *peer )
{
    uint32_t acked = peer->pings_acked;

    h2_send_frame( peer, H2_PING, 0, 0, "settled!", 8 );
    until( peer->pings_acked > acked || peer->eof || peer->reset );
}

/* ---- connections ---- */

/* Who is not to queue, where there may be no other connection: it gets its stream once the peer says how many there are. */
static void test_no_queue_beside_a_limit_of_connections( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_NO_QUEUE, .conn_limit = 1 };

    play_begin( 2 );
    open_streams( 1, &request );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );    /* so the next one is expected to allow one */
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    h2_hang_up( &peers[0] );
    fetch_start( &fetches[1], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    fetch_start( &fetches[2], peers[0].port, &request );
    fetch_start( &fetches[3], peers[0].port, &request );
    h2_send_setting( &peers[1], H2_MAX_CONCURRENT_STREAMS, 2 );
    until( peers[1].last_id == 3 );
    settle( &peers[1] );
    expect( peers[1].last_id == 3 );
    h2_answer( &peers[1], 1, "ok" );                         /* the last one has to wait: the program wants it so */
    until( peers[1].last_id == 5 );
    h2_answer( &peers[1], 3, "ok" );
    h2_answer( &peers[1], 5, "ok" );
    done( 1, WHE_OK );
    done( 2, WHE_OK );
    done( 3, WHE_OK );
    play_end();
}

/* A request that needs a new connection is not passed for ever where there may be one only, and that is never idle. */
static void test_fresh_beside_a_limit_of_connections( void )
{
    struct request plain = { .route = &h2_route, .conn_limit = 1 };
    struct request fresh = { .route = &h2_route, .conn_limit = 1, .flags = WHX_FRESH };

    play_begin( 2 );
    open_streams( 1, &plain );
    h2_send_settings( &peers[0], NULL, 0 );
    settle( &peers[0] );
    fetch_start( &fetches[1], peers[0].port, &fresh );
    settle( &peers[0] );
    fetch_start( &fetches[2], peers[0].port, &plain );       /* comes later, and goes later */
    settle( &peers[0] );
    expect( peers[0].last_id == 1 && !peers[1].accepted );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    until( peers[0].eof || peers[0].reset );
    until( peers[1].last_id == 3 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    h2_answer( &peers[1], 3, "ok" );
    done( 1, WHE_OK );
    done( 2, WHE_OK );
    play_end();
}

/* ---- streams ---- */

/* SETTINGS that are there before the requests: those above the limit wait in the pool, and no time runs for them. */
static void test_a_small_limit_from_the_first_moment( void )
{
    struct request request = { .route = &h2_route, .send_ms = 1000 };
    uint64_t begin;
    unsigned int i;

    play_begin( 1 );
    for (i = 0; i < 4; i++)
    {
        fetches[i].head_ms = i ? 1000 : 0;
        fetch_start( &fetches[i], peers[0].port, &request );
    }
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );    /* leaves as soon as there is a connection */
    until( peers[0].last_id == 1 );
    settle( &peers[0] );
    if (peers[0].last_id == 1)     /* else they were faster than the SETTINGS, and nothing is to be seen */
    {
        begin = engine_now_ms();
        until( engine_now_ms() > begin + 1500 );
        for (i = 1; i < 4; i++) expect( fetches[i].state == FETCH_STARTING );
        for (i = 0; i < 4; i++)
        {
            until( peers[0].last_id == 2 * i + 1 );
            h2_answer( &peers[0], 2 * i + 1, "ok" );
            done( i, WHE_OK );
        }
        expect( peers[0].most_open == 1 );
    }
    play_end();
}

/* A peer that never says what it can: a WebSocket cannot be asked for, and the time for sending it ends. */
static void test_no_settings_for_a_websocket( void )
{
    static const char head[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    struct request request = { .route = &h2_route, .head = head, .flags = WHX_WEBSOCKET, .send_ms = 100 };

    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &h2_plain );
    until( peers[0].last_id == 1 );
    fetch_start( &fetches[1], peers[0].port, &request );
    done( 1, WHE_TIMEOUT );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* ---- heads ---- */

/* A head that is too large, and goes on: the next request does not wait behind it, nor end with what becomes of it. One whose
 * end is there costs no connection. */
static void test_nobody_waits_behind_a_refused_head( void )
{
    static uint8_t block[1 + 2 + 1 + 1 + 100] = "\x88\0\x01" "a" "\x64";    /* :status 200, a: 100 bytes */
    unsigned int whole;

    memset( block + 5, 'x', 100 );
    for (whole = 0; whole < 2; whole++)
    {
        play_begin( 2 );
        fetches[0].head_limit = 50;
        open_streams( 1, NULL );
        h2_send_settings( &peers[0], NULL, 0 );
        h2_send_frame( &peers[0], H2_HEADERS, whole ? H2_END_HEADERS : 0, 1, block, sizeof(block) );
        done( 0, WHE_HEAD_SIZE );
        fetch_start( &fetches[1], peers[0].port, &h2_plain );
        if (whole) until( peers[0].last_id == 3 );
        else
        {
            until( peers[1].last_id == 1 );
            h2_send_settings( &peers[1], NULL, 0 );
        }
        h2_answer( &peers[!whole], whole ? 3 : 1, "ok" );
        done( 1, WHE_OK );
        play_end();
    }
}

/* ---- what happened while nobody looked ---- */

/* A program that drives nothing for a while, with a response that is not read to its end: the next request does not go to a
 * connection that has ended meanwhile. */
static void test_a_cut_beside_a_held_response( void )
{
    uint64_t begin;

    play_begin( 2 );
    fetches[0].hold = FETCH_NO_BODY;
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200", 0 );
    until( fetches[0].status == 200 );
    h2_hang_up( &peers[0] );
    begin = engine_now_ms();
    while (engine_now_ms() <= begin + 200) ;                 /* nobody is in the engine */
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 || fetches[1].state == FETCH_DONE );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 1, WHE_OK );
    fetches[0].hold = 0;
    done( 0, WHE_RESET );
    play_end();
}

/* A program without threads in the engine that closes a request with an unread body: the peer hears of it at once, and
 * nothing of what it has sent meanwhile is in the way of the next request. */
static void test_closing_an_unread_body_alone( void )
{
    struct peer peer = { .port = 0 };
    uint64_t limit = engine_now_ms() + WAIT_MS;
    struct client client;

    play_begin( 1 );
    peer.port = peers[0].port;
    expect( !client_start( &client, &peer, &h2_plain ) );
    while (peers[0].last_id != 1 && expect( engine_now_ms() < limit )) h2_turn( &peers[0] );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200", 0 );
    h2_send_body( &peers[0], 1, h2_room( &peers[0], 1 ), 0 );
    while (h2_turn( &peers[0] )) ;
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    client_close( &client );
    while (peers[0].streams[0].rst == H2_NONE && expect( engine_now_ms() < limit )) h2_turn( &peers[0] );
    expect( peers[0].streams[0].rst == H2_CANCEL );
    while (peers[0].out_pos < peers[0].out_len && h2_turn( &peers[0] )) ;
    fetch_start( &fetches[0], peers[0].port, &h2_plain );
    until( peers[0].last_id == 3 );
    h2_answer( &peers[0], 3, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* ---- bodies ---- */

/* The response has come to its end for the program, the request has not: trailers that come now would come too late. */
static void test_late_trailers( void )
{
    struct request request = { .route = &h2_route, .total_len = WH_NO_LENGTH, .flags = WHX_CHUNKED,
                               .head = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n" };
    char text[100];

    play_begin( 1 );
    open_streams( 1, &request );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-length=2", 0 );
    h2_send_data( &peers[0], 1, "ok", 2, 0 );
    done( 0, WHE_OK );
    expect( !fetch_trailers( &fetches[0], text, sizeof(text) ) && !text[0] );
    h2_send_fields( &peers[0], 1, "x-late=1", H2_END_STREAM );
    settle( &peers[0] );
    expect( !fetch_trailers( &fetches[0], text, sizeof(text) ) && !text[0] );
    fetch_send( &fetches[0], "rest", 4, WHX_END );
    until( !fetch_sending( &fetches[0] ) );
    expect( !fetch_sent( &fetches[0] ) );
    play_end();
}

#define MANY 24

/* What the peer may send on all streams: the window of the connection is for what is on its way only. */
static uint64_t promised( void )
{
    uint64_t sum = 0;
    unsigned int i;

    for (i = 0; i < MANY; i++)
        sum += peers[0].settings[H2_INITIAL_WINDOW_SIZE] + peers[0].streams[i].updated - peers[0].streams[i].sent;
    return sum;
}

/* Uses up the window of a stream, once there is one. */
static void fill( unsigned int index )
{
    uint64_t room;

    until( (room = h2_room( &peers[0], 2 * index + 1 )) );
    h2_send_body( &peers[0], 2 * index + 1, room, 0 );
    until( peers[0].out_pos == peers[0].out_len );
}

/* Streams that are read fast get large windows, but not all of them: what they could make us hold has a bound. And each goes
 * on to its end. */
static void test_the_sum_of_windows( void )
{
    uint64_t most = 0, begin;
    unsigned int i, round;

    play_begin( 1 );
    open_streams( 8, NULL );
    peers[0].no_ping_acks = 1;
    for (begin = engine_now_ms(); engine_now_ms() < begin + 300;) turn();    /* a long way: windows want to grow */
    for (i = 8; i < MANY; i++)
    {
        fetch_start( &fetches[i], peers[0].port, &h2_plain );
        until( peers[0].last_id == 2 * i + 1 );
    }
    h2_send_settings( &peers[0], NULL, 0 );
    for (i = 0; i < MANY; i++) h2_send_fields( &peers[0], 2 * i + 1, ":status=200", 0 );
    for (round = 0; round < 6; round++)
        for (i = 0; i < MANY; i++)
        {
            fill( i );
            if (promised() > most) most = promised();
        }
    for (i = MANY; i < MANY + 8; i++)                        /* more streams: those that are there make room for them */
    {
        fetch_start( &fetches[i], peers[0].port, &h2_plain );
        until( peers[0].last_id == 2 * i + 1 );
    }
    for (round = 0; round < 2; round++)
        for (i = 0; i < MANY; i++) fill( i );
    expect( promised() + 8 * 256 * 1024 <= 64 * 1024 * 1024 );
    for (i = MANY; i < MANY + 8; i++) h2_answer( &peers[0], 2 * i + 1, "ok" );
    for (i = MANY; i < MANY + 8; i++) done( i, WHE_OK );
    for (i = 0; i < MANY; i++) h2_send_data( &peers[0], 2 * i + 1, NULL, 0, H2_END_STREAM );
    for (i = 0; i < MANY; i++) done( i, WHE_OK );
    expect( most <= 64 * 1024 * 1024 );
    expect( most > MANY * 256 * 1024 );                      /* some have grown, or this shows nothing */
    for (i = 0; i < MANY; i++) expect( fetches[i].body_len == peers[0].streams[i].sent );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_no_queue_beside_a_limit_of_connections );
    run( test_fresh_beside_a_limit_of_connections );
    run( test_a_small_limit_from_the_first_moment );
    run( test_no_settings_for_a_websocket );
    run( test_nobody_waits_behind_a_refused_head );
    run( test_a_cut_beside_a_held_response );
    run( test_closing_an_unread_body_alone );
    run( test_late_trailers );
    run( test_the_sum_of_windows );
    client_end();
    return test_end( "h2_limits" );
}
