/*
 * HTTP/2: how streams and connections end (RFC 9113 sections 5.4, 6.8 and 8.7): GOAWAY, cuts, refusals, cancelling, pings
 * that nobody answers, and what of it can be sent again
 */

#include "h2_client.h"

static void settle( struct h2_peer *peer )
{
    uint32_t acked = peer->pings_acked;

    h2_send_frame( peer, H2_PING, 0, 0, "settled!", 8 );
    until( peer->pings_acked > acked || peer->eof || peer->reset );
}

static void done( unsigned int index, uint32_t error )
{
    until( fetches[index].state == FETCH_DONE );
    expect( fetches[index].error == error );
    if (fetches[index].error != error) fprintf( stderr, "    fetch %u: error %u, detail %u\n", index, fetches[index].error,
                                                fetches[index].detail );
}

/* Of one that came to a connection which was there already, and has seen no byte of an answer: either. */
static void done_cut( unsigned int index )
{
    until( fetches[index].state == FETCH_DONE );
    done( index, fetches[index].error == WHE_STALE ? WHE_STALE : WHE_RESET );
}

static void open_three( void )
{
    open_streams( 3, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    until( peers[0].settings_acked == 1 );
}

/* ---- GOAWAY ---- */

/* What is above the last stream was not processed; what is below is delivered; the next request goes elsewhere. */
static void test_goaway( void )
{
    play_begin( 2 );
    open_three();
    h2_send_goaway( &peers[0], 3, H2_NO_ERROR );
    done( 2, WHE_UNPROCESSED );
    fetch_start( &fetches[3], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 3, WHE_OK );
    h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    expect( !peers[0].eof );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    until( peers[0].eof || peers[0].reset );
    expect( fetches[0].body_len == 2 && fetches[1].body_len == 2 );
    play_end();
}

/* The polite form: a first GOAWAY that names no stream, and the true one later. */
static void test_goaway_in_two_steps( void )
{
    play_begin( 2 );
    open_three();
    h2_send_goaway( &peers[0], 0x7fffffff, H2_NO_ERROR );
    settle( &peers[0] );
    fetch_start( &fetches[3], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 );
    expect( peers[0].last_id == 5 );
    h2_send_goaway( &peers[0], 1, H2_NO_ERROR );
    done( 1, WHE_UNPROCESSED );
    done( 2, WHE_UNPROCESSED );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    until( peers[0].eof || peers[0].reset );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 3, WHE_OK );
    play_end();
}

/* Nothing was processed at all, and the connection ends in the same moment. */
static void test_goaway_of_everything( void )
{
    play_begin( 1 );
    open_three();
    h2_send_goaway( &peers[0], 0, H2_NO_ERROR );
    until( peers[0].out_pos == peers[0].out_len );
    h2_hang_up( &peers[0] );
    done( 0, WHE_UNPROCESSED );
    done( 1, WHE_UNPROCESSED );
    done( 2, WHE_UNPROCESSED );
    play_end();
}

/* With an error: the streams below may have been processed, and are lost when the connection ends. */
static void test_goaway_with_an_error( void )
{
    play_begin( 1 );
    open_three();
    h2_send_fields( &peers[0], 1, ":status=200", 0 );
    until( fetches[0].status == 200 );
    h2_send_goaway( &peers[0], 3, H2_ENHANCE_YOUR_CALM );
    until( peers[0].out_pos == peers[0].out_len );
    h2_hang_up( &peers[0] );
    done( 0, WHE_RESET );
    done( 1, WHE_RESET );
    done( 2, WHE_UNPROCESSED );
    play_end();
}

/* Those that wait for a stream are not lost with the connection: they go over the next one. */
static void test_goaway_with_a_queue( void )
{
    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peers[0].settings_acked == 1 );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    fetch_start( &fetches[2], peers[0].port, &h2_plain );
    settle( &peers[0] );
    h2_send_goaway( &peers[0], 1, H2_NO_ERROR );
    until( peers[1].last_id == 3 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    h2_answer( &peers[1], 3, "ok" );
    done( 1, WHE_OK );
    done( 2, WHE_OK );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* An idle connection that is told to go, goes, and nobody notices. */
static void test_goaway_while_idle( void )
{
    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    h2_send_goaway( &peers[0], 1, H2_NO_ERROR );
    until( peers[0].eof || peers[0].reset );
    fetch_start( &fetches[0], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* ---- cuts ---- */

static void test_a_cut_ends_all_streams( void )
{
    play_begin( 1 );
    open_three();
    h2_send_fields( &peers[0], 1, ":status=200", 0 );
    h2_send_data( &peers[0], 1, "some", 4, 0 );
    h2_send_fields( &peers[0], 3, ":status=200|content-length=10", 0 );
    h2_send_data( &peers[0], 3, "some", 4, 0 );
    until( fetches[0].body_len == 4 && fetches[1].body_len == 4 );
    h2_hang_up( &peers[0] );
    done( 0, WHE_RESET );
    done( 1, WHE_RESET );
    done_cut( 2 );
    play_end();
}

/* What came whole before the cut is delivered, even if nobody has read it yet. */
static void test_a_cut_behind_an_answer( void )
{
    play_begin( 1 );
    fetches[0].hold = FETCH_NO_HEAD;
    open_three();
    h2_answer( &peers[0], 1, "ok" );
    settle( &peers[0] );
    h2_hang_up( &peers[0] );
    done_cut( 1 );
    done_cut( 2 );
    fetches[0].hold = 0;
    done( 0, WHE_OK );
    expect( fetches[0].body_len == 2 );
    play_end();
}

/* A connection that was used before and dies before any byte of the answer: the request may go over another one. */
static void test_a_cut_of_a_used_connection( void )
{
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    until( peers[0].last_id == 3 );
    h2_hang_up( &peers[0] );
    done( 1, WHE_STALE );
    play_end();
}

/* While idle: the next request has a connection of its own, and no error. */
static void test_a_cut_while_idle( void )
{
    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    settle( &peers[0] );
    h2_hang_up( &peers[0] );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 || fetches[1].state == FETCH_DONE );
    if (fetches[1].state == FETCH_DONE) expect( fetches[1].error == WHE_STALE );    /* it was asked before it was looked at */
    else
    {
        h2_send_settings( &peers[1], NULL, 0 );
        h2_answer( &peers[1], 1, "ok" );
        done( 1, WHE_OK );
    }
    play_end();
}

/* ---- one of many ---- */

static void test_cancel_of_one( void )
{
    play_begin( 1 );
    open_three();
    async_cancel( &fetches[1].async );
    done( 1, WHE_CANCELLED );
    until( peers[0].streams[1].rst == H2_CANCEL );
    h2_answer( &peers[0], 3, "late" );
    h2_answer( &peers[0], 1, "ok" );
    h2_answer( &peers[0], 5, "ok" );
    done( 0, WHE_OK );
    done( 2, WHE_OK );
    expect( peers[0].goaway == H2_NONE && peers[0].streams[0].rst == H2_NONE && peers[0].streams[2].rst == H2_NONE );
    play_end();
}

/* In the middle of its body, with a read under way. */
static void test_close_of_one( void )
{
    play_begin( 1 );
    open_three();
    h2_send_fields( &peers[0], 3, ":status=200", 0 );
    h2_send_data( &peers[0], 3, "some", 4, 0 );
    until( fetches[1].body_len == 4 );
    fetch_close( &fetches[1] );
    until( peers[0].streams[1].rst == H2_CANCEL );
    h2_answer( &peers[0], 1, "ok" );
    h2_answer( &peers[0], 5, "ok" );
    done( 0, WHE_OK );
    done( 2, WHE_OK );
    expect( peers[0].accepted == 1 && peers[0].goaway == H2_NONE );
    play_end();
}

/* Nothing is reset that has ended. */
static void test_close_of_one_that_has_ended( void )
{
    play_begin( 1 );
    open_three();
    h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    fetch_close( &fetches[1] );
    settle( &peers[0] );
    expect( peers[0].streams[1].rst == H2_NONE );
    h2_answer( &peers[0], 1, "ok" );
    h2_answer( &peers[0], 5, "ok" );
    done( 0, WHE_OK );
    done( 2, WHE_OK );
    play_end();
}

/* Content-Length is complete, END_STREAM comes later: the body ends at once, unless the program wants the stream's end. */
static void test_the_end_of_a_body( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_STREAM_END };
    struct h2_peer *peer = &peers[0];
    char trailers[100];

    play_begin( 1 );
    open_streams( 1, NULL );
    fetch_start( &fetches[1], peer->port, &request );
    until( peer->last_id == 3 );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=200|content-length=4", 0 );
    h2_send_fields( peer, 3, ":status=200|content-length=4", 0 );
    h2_send_data( peer, 1, "body", 4, 0 );
    h2_send_data( peer, 3, "body", 4, 0 );
    done( 0, WHE_OK );
    expect( fetches[0].body_len == 4 && fetches[0].content_len == 4 );
    until( fetches[1].body_len == 4 );
    expect( fetches[1].state == FETCH_BODY );
    h2_send_fields( peer, 3, "t=u", H2_END_STREAM );
    done( 1, WHE_OK );
    expect( fetches[1].body_len == 4 );
    expect( !fetch_trailers( &fetches[1], trailers, sizeof(trailers) ) && !strcmp( trailers, "t: u\r\n" ) );
    play_end();
}

/* ---- pings ---- */

/* An idle connection is kept by pings, as long as they are answered. */
static void test_pings_are_answered( void )
{
    struct wh_route route = { .alpn = WH_ALPN_H2, .h2_keepalive_ms = 50 };
    struct request request = { .route = &route };

    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].last_id == 1 );
    h2_send_settings( &peers[0], NULL, 0 );
    until( peers[0].pings >= 2 );                 /* in the middle of a request */
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    fetch_close( &fetches[0] );
    until( peers[0].pings >= 4 );                 /* and between two */
    expect( peers[0].goaway == H2_NONE && !peers[0].eof );
    play_end();
}

static void test_pings_are_not_answered( void )
{
    struct wh_route route = { .alpn = WH_ALPN_H2, .h2_keepalive_ms = 50 };
    struct request request = { .route = &route };

    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].last_id == 1 );
    h2_send_settings( &peers[0], NULL, 0 );
    settle( &peers[0] );
    peers[0].no_ping_acks = 1;
    done( 0, WHE_RESET );
    until( peers[0].eof || peers[0].reset );
    expect( peers[0].pings );
    play_end();
}

/* ---- versions ---- */

static const char upgrade_head[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/* A server that does not offer extended CONNECT (RFC 8441): the WebSocket has to go over HTTP/1.1. Nobody asks it before
 * its SETTINGS are there. */
static void test_no_websocket( void )
{
    struct request request = { .route = &h2_route, .head = upgrade_head, .flags = WHX_WEBSOCKET };

    play_begin( 1 );
    open_streams( 1, NULL );
    fetch_start( &fetches[1], peers[0].port, &request );
    settle( &peers[0] );
    expect( peers[0].last_id == 1 );
    play_end();

    play_begin( 1 );
    open_streams( 1, NULL );
    fetch_start( &fetches[1], peers[0].port, &request );
    h2_send_settings( &peers[0], NULL, 0 );
    done( 1, WHE_DOWNGRADE );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    expect( peers[0].last_id == 1 );
    play_end();
}

/* One that does is asked as RFC 8441 says. */
static void test_a_websocket_is_asked_for( void )
{
    struct request request = { .route = &h2_route, .head = upgrade_head, .flags = WHX_WEBSOCKET };
    struct h2_stream *stream = &peers[0].streams[0];

    play_begin( 1 );
    fetches[0].hold = FETCH_NO_BODY;
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].accepted );
    h2_send_setting( &peers[0], H2_ENABLE_CONNECT_PROTOCOL, 1 );
    until( peers[0].last_id == 1 );
    expect( !strcmp( stream->method, "CONNECT" ) && !strcmp( stream->protocol, "websocket" ) );
    expect( !strcmp( stream->path, "/ws" ) && !strcmp( stream->authority, "localhost" ) );
    expect( !strcmp( stream->scheme, "http" ) && !stream->end );
    expect( strstr( stream->fields, "sec-websocket-version: 13\n" ) && !strstr( stream->fields, "sec-websocket-key" ) );
    h2_send_fields( &peers[0], 1, ":status=200|x=y", 0 );
    until( fetches[0].status );
    expect( fetches[0].status == 101 && strstr( fetches[0].head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" ) );
    play_end();
}

/* A refusal is a response like another. */
static void test_a_websocket_is_refused( void )
{
    struct request request = { .route = &h2_route, .head = upgrade_head, .flags = WHX_WEBSOCKET };

    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].accepted );
    h2_send_setting( &peers[0], H2_ENABLE_CONNECT_PROTOCOL, 1 );
    until( peers[0].last_id == 1 );
    h2_send_fields( &peers[0], 1, ":status=403", 0 );
    h2_send_data( &peers[0], 1, "no", 2, H2_END_STREAM );
    done( 0, WHE_OK );
    expect( fetches[0].status == 403 && fetches[0].body_len == 2 );
    play_end();
}

/* ---- the pool ---- */

/* Requests that come before the connection is up share it, too. */
static void test_a_burst_shares_a_connection( void )
{
    unsigned int i;

    play_begin( 2 );
    for (i = 0; i < 60; i++) fetch_start( &fetches[i], peers[0].port, &h2_plain );
    until( peers[0].open == 60 );
    h2_send_settings( &peers[0], NULL, 0 );
    for (i = 0; i < 60; i++) h2_answer( &peers[0], 2 * (59 - i) + 1, "ok" );
    for (i = 0; i < 60; i++) done( i, WHE_OK );
    expect( !peers[1].accepted );
    play_end();
}

/* WHX_NO_REUSE: its connection serves nobody afterwards, but those that are on it are not disturbed. */
static void test_no_reuse( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_NO_REUSE };

    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    fetch_start( &fetches[1], peers[0].port, &request );
    until( peers[0].last_id == 3 || peers[1].last_id == 1 );
    if (peers[1].last_id)
    {
        h2_send_settings( &peers[1], NULL, 0 );
        h2_answer( &peers[1], 1, "ok" );
    }
    else h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    fetch_close( &fetches[1] );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    play_end();
}

/* The peer's settings are acknowledged, its ENABLE_PUSH is never 1, and a bound for heads is announced. */
static void test_what_the_client_announces( void )
{
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    until( peers[0].settings_acked == 1 );
    expect( peers[0].settings[H2_ENABLE_PUSH] == 0 );
    expect( peers[0].settings[H2_MAX_HEADER_LIST_SIZE] != H2_NONE && peers[0].settings[H2_MAX_HEADER_LIST_SIZE] >= 65536 );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_what_the_client_announces );
    run( test_goaway );
    run( test_goaway_in_two_steps );
    run( test_goaway_of_everything );
    run( test_goaway_with_an_error );
    run( test_goaway_with_a_queue );
    run( test_goaway_while_idle );
    run( test_a_cut_ends_all_streams );
    run( test_a_cut_behind_an_answer );
    run( test_a_cut_of_a_used_connection );
    run( test_a_cut_while_idle );
    run( test_cancel_of_one );
    run( test_close_of_one );
    run( test_close_of_one_that_has_ended );
    run( test_the_end_of_a_body );
    run( test_pings_are_answered );
    run( test_pings_are_not_answered );
    run( test_no_websocket );
    run( test_a_websocket_is_asked_for );
    run( test_a_websocket_is_refused );
    run( test_a_burst_shares_a_connection );
    run( test_no_reuse );
    client_end();
    return test_end( "h2_ends" );
}
