/*
 * A WebSocket on a stream of HTTP/2 (RFC 8441): the bytes of RFC 6455 in DATA, END_STREAM and RST_STREAM as its ends
 *
 * Both sides are played here (h2_client.h). What a message is, ws.c's own tests know; this is about the stream.
 */

#include "h2_client.h"

static const char upgrade_head[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static const struct request websocket = { .route = &h2_route, .head = upgrade_head, .flags = WHX_WEBSOCKET };

static void settle( struct h2_peer *peer )
{
    uint32_t acked = peer->pings_acked;

    h2_send_frame( peer, H2_PING, 0, 0, "settled!", 8 );
    until( peer->pings_acked > acked || peer->eof || peer->reset );
}

/* Fetch 0 has a WebSocket on stream 1. */
static void open_websocket( void )
{
    play_begin( 1 );
    fetches[0].hold = FETCH_NO_BODY;
    fetch_start( &fetches[0], peers[0].port, &websocket );
    until( peers[0].accepted );
    h2_send_setting( &peers[0], H2_ENABLE_CONNECT_PROTOCOL, 1 );
    until( peers[0].last_id == 1 );
    h2_send_fields( &peers[0], 1, ":status=200", 0 );
    until( fetches[0].status );
    expect( fetches[0].status == 101 );
}

/* A read; its record, or what the call said, is in async.last. */
static const struct wh_record *read_message( struct fetch *fetch )
{
    fetch_read_body( fetch );
    until( !(fetch->async.pending & (1u << WHK_BODY_READ)) );
    fetch->state = FETCH_HEAD;    /* h2_client.h is not to read on */
    return &fetch->async.last[WHK_BODY_READ];
}

static void send_message( struct fetch *fetch, const void *data, uint32_t len, uint32_t flags )
{
    fetch_send( fetch, data, len, flags );
    until( !fetch_sending( fetch ) );
    expect( !fetch_sent( fetch ) );
}

static void test_messages( void )
{
    const struct wh_record *record;

    open_websocket();
    send_message( &fetches[0], "hello", 5, WHX_WS_TEXT );
    settle( &peers[0] );
    expect( peers[0].streams[0].body == 2 + 4 + 5 && !peers[0].streams[0].end );
    h2_send_data( &peers[0], 1, "\x81\x02o", 3, 0 );    /* frames of the two need not agree */
    h2_send_data( &peers[0], 1, "k", 1, 0 );
    record = read_message( &fetches[0] );
    expect( !record->error && record->bytes && (record->flags & WHR_WS_TEXT) );
    if (record->bytes == 1) record = read_message( &fetches[0] );
    expect( fetches[0].body[record->bytes - 1] == 'k' && !(record->flags & WHR_WS_MORE) );
    play_end();
}

/* A message larger than both windows; a plain request goes beside it. */
static void test_a_large_message( void )
{
    static char data[1000000];
    struct h2_peer *peer = &peers[0];

    open_websocket();
    fetch_send( &fetches[0], data, sizeof(data), WHX_WS_BINARY );
    fetch_start( &fetches[1], peer->port, &h2_plain );
    until( peer->last_id == 3 );
    h2_answer( peer, 3, "ok" );
    until( fetches[1].state == FETCH_DONE );
    expect( !fetches[1].error && fetch_sending( &fetches[0] ) );
    while (fetch_sending( &fetches[0] ))
    {
        if (!peer->streams[0].window) h2_send_window( peer, 1, 50000 );
        if (!peer->window) h2_send_window( peer, 0, 50000 );
        turn();
    }
    expect( !fetch_sent( &fetches[0] ) );
    settle( peer );
    expect( peer->streams[0].body == sizeof(data) + 10 + 4 );
    play_end();
}

/* Both say that they close, and the stream ends as it should: END_STREAM, no reset. */
static void test_the_end( void )
{
    const struct wh_record *record;
    struct h2_peer *peer = &peers[0];

    open_websocket();
    h2_send_data( peer, 1, "\x88\x02\x03\xe8", 4, 0 );
    record = read_message( &fetches[0] );
    expect( !record->error && (record->flags & WHR_WS_CLOSE) );
    send_message( &fetches[0], "\x03\xe8", 2, WHX_WS_CLOSE );
    until( peer->streams[0].end );
    h2_send_data( peer, 1, "", 0, H2_END_STREAM );
    fetch_close( &fetches[0] );
    settle( peer );
    expect( peer->streams[0].rst == H2_NONE && peer->streams[0].body == 2 + 4 + 2 );
    fetch_start( &fetches[0], peer->port, &h2_plain );    /* the connection stays */
    until( peer->last_id == 3 );
    play_end();
}

/* The program gives it up: RFC 8441 section 5, RST_STREAM with CANCEL. */
static void test_giving_up( void )
{
    open_websocket();
    fetch_close( &fetches[0] );
    until( peers[0].streams[0].rst == H2_CANCEL );
    settle( &peers[0] );
    expect( !peers[0].eof );
    play_end();
}

/* The peer resets the stream, or the connection breaks. */
static void test_a_broken_end( void )
{
    const struct wh_record *record;

    open_websocket();
    h2_send_data( &peers[0], 1, "\x81\x02ok", 4, 0 );
    h2_send_rst( &peers[0], 1, H2_CANCEL );
    record = read_message( &fetches[0] );
    expect( !record->error && record->bytes == 2 );
    record = read_message( &fetches[0] );
    expect( record->error == WHE_STREAM );
    play_end();

    open_websocket();
    h2_hang_up( &peers[0] );
    record = read_message( &fetches[0] );
    expect( record->error == WHE_RESET );
    play_end();
}

/* Only 200 grants it. */
static void test_what_grants( void )
{
    static const struct { const char *fields; uint32_t status, error; } rows[] =
    {
        { ":status=204", 204, 0 },
        { ":status=200|sec-websocket-protocol=chat", 0, WHE_PROTOCOL },    /* nobody has offered it */
        { ":status=101", 0, WHE_PROTOCOL },
    };
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        play_begin( 1 );
        fetch_start( &fetches[0], peers[0].port, &websocket );
        until( peers[0].accepted );
        h2_send_setting( &peers[0], H2_ENABLE_CONNECT_PROTOCOL, 1 );
        until( peers[0].last_id == 1 );
        h2_send_fields( &peers[0], 1, rows[i].fields, rows[i].status ? H2_END_STREAM : 0 );
        until( fetches[0].state == FETCH_DONE );
        expect( fetches[0].error == rows[i].error && fetches[0].status == rows[i].status );
        if (rows[i].error) until( peers[0].streams[0].rst != H2_NONE );
        play_end();
    }
}

int main( void )
{
    client_begin( 60000 );
    run( test_messages );
    run( test_a_large_message );
    run( test_the_end );
    run( test_giving_up );
    run( test_a_broken_end );
    run( test_what_grants );
    client_end();
    return test_end( "h2_ws" );
}
