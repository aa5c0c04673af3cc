/*
 * HTTP/2: windows, limits and bodies in both directions (RFC 9113 sections 5.2 and 6.9), against a scripted peer that
 * counts (h2_peer.h): it complains of every byte and stream that was not allowed
 */

#include "h2_client.h"

#define MIB (1024 * 1024)

static char pattern[MIB];            /* bytes whose sum shows that none was lost or doubled */

static uint32_t sum_of( const char *data, size_t len )
{
    uint32_t sum = 0;
    size_t i;

    for (i = 0; i < len; i++) sum += (uint8_t)data[i];
    return sum;
}

/* Sends `left` bytes on a stream as the client allows; the last frame ends the stream. Returns what is left. */
static uint64_t feed( struct h2_peer *peer, uint32_t stream, uint64_t left )
{
    uint64_t room;
    uint32_t len;

    while (left && (room = h2_room( peer, stream )) && peer->out_len - peer->out_pos < 4 * MIB)
    {
        len = room < H2_FRAME_LIMIT ? (uint32_t)room : H2_FRAME_LIMIT;
        if (len > left) len = (uint32_t)left;
        left -= len;
        h2_send_data( peer, stream, pattern, len, left ? 0 : H2_END_STREAM );
    }
    return left;
}

/* Everything that the peer has sent so far is known to the client, and what it had to say to it is here. */
static void settle( struct h2_peer *peer )
{
    uint32_t acked = peer->pings_acked;

    h2_send_frame( peer, H2_PING, 0, 0, "settled!", 8 );
    until( peer->pings_acked > acked || peer->eof || peer->reset );
}

static void done( unsigned int index, uint64_t body_len )
{
    until( fetches[index].state == FETCH_DONE );
    expect( !fetches[index].error && fetches[index].status == 200 && fetches[index].body_len == body_len );
    if (fetches[index].error) fprintf( stderr, "    fetch %u: error %u, detail %u\n", index, fetches[index].error,
                                       fetches[index].detail );
}

/* ---- uploads ---- */

static const char post_head[] = "POST /up HTTP/1.1\r\nHost: localhost\r\n\r\n";

#define UP 3     /* the stream of the upload */

/* A connection whose initial window is known to the client, and an upload on it. */
static void open_upload( struct request *request, const char *body, size_t len, uint32_t window )
{
    memset( request, 0, sizeof(*request) );
    request->route = &h2_route;
    request->head = post_head;
    request->body = body;
    request->body_len = len;
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_INITIAL_WINDOW_SIZE, window );
    until( peers[0].settings_acked == 1 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, 2 );
    fetch_close( &fetches[0] );
    fetch_start( &fetches[0], peers[0].port, request );
    until( peers[0].last_id == UP );
}

/* A window of one byte, opened by one byte each time. */
static void test_an_upload_by_single_bytes( void )
{
    struct h2_stream *stream = h2_stream( &peers[0], UP );
    struct request request;
    unsigned int i;

    open_upload( &request, pattern, 100, 1 );
    for (i = 1; i <= 100; i++)
    {
        until( stream->body == i );
        expect( stream->end == (i == 100) );
        if (i < 100) h2_send_window( &peers[0], UP, 1 );
    }
    expect( stream->sum == sum_of( pattern, 100 ) );
    h2_answer( &peers[0], UP, "ok" );
    done( 0, 2 );
    play_end();
}

/* The initial window goes to 0 in the middle, below what was used, and comes back. */
static void test_an_initial_window_that_shrinks( void )
{
    struct h2_stream *stream = h2_stream( &peers[0], UP );
    struct request request;

    open_upload( &request, pattern, 300000, 100000 );
    h2_send_window( &peers[0], 0, MIB );
    until( stream->body == 100000 );
    h2_send_setting( &peers[0], H2_INITIAL_WINDOW_SIZE, 0 );
    settle( &peers[0] );
    expect( stream->window == -100000 );
    h2_send_window( &peers[0], UP, 100000 );
    settle( &peers[0] );
    expect( stream->body == 100000 );
    h2_send_window( &peers[0], UP, 5 );
    until( stream->body == 100005 );
    h2_send_setting( &peers[0], H2_INITIAL_WINDOW_SIZE, 1000 );
    until( stream->body == 101005 );
    h2_send_setting( &peers[0], H2_INITIAL_WINDOW_SIZE, 0x10000000 );
    until( stream->end );
    expect( stream->body == 300000 && stream->sum == sum_of( pattern, 300000 ) );
    h2_answer( &peers[0], UP, "ok" );
    done( 0, 2 );
    play_end();
}

/* The connection's window is the narrow one, for two uploads: both get on. */
static void test_uploads_share_the_connection_window( void )
{
    struct h2_peer *peer = &peers[0];
    struct h2_stream *one = h2_stream( peer, UP ), *two = h2_stream( peer, UP + 2 );
    struct request second = { .route = &h2_route, .head = "POST /up2 HTTP/1.1\r\nHost: x\r\n\r\n", .body = pattern,
                              .body_len = 500000 };
    struct request request;
    unsigned int rounds = 0;

    open_upload( &request, pattern, 500000, MIB );
    fetch_start( &fetches[1], peer->port, &second );
    while ((!one->end || !two->end) && expect( rounds++ < 1000 ))
    {
        until( peer->window <= 0 || (one->end && two->end) );
        /* The first had a start of 65535 bytes; from then on nobody gets everything. */
        if (rounds == 40) expect( two->body >= 100000 && one->body >= 165535 );
        h2_send_window( peer, 0, 10000 );
        settle( peer );
    }
    expect( one->sum == sum_of( pattern, 500000 ) && two->sum == sum_of( pattern, 500000 ) );
    h2_answer( peer, UP, "ok" );
    h2_answer( peer, UP + 2, "ok" );
    done( 0, 2 );
    done( 1, 2 );
    play_end();
}

/* An upload that waits for its window does not hold up requests beside it. */
static void test_a_stuck_upload_holds_nobody( void )
{
    struct h2_peer *peer = &peers[0];
    struct request request;

    open_upload( &request, pattern, MIB, 0 );
    fetch_start( &fetches[1], peer->port, &h2_plain );
    until( peer->last_id == UP + 2 );
    h2_answer( peer, UP + 2, "ok" );
    done( 1, 2 );
    expect( !h2_stream( peer, UP )->body );
    h2_send_window( peer, 0, 2 * MIB );
    h2_send_window( peer, UP, 2 * MIB );
    until( h2_stream( peer, UP )->end );
    expect( h2_stream( peer, UP )->sum == sum_of( pattern, MIB ) );
    h2_answer( peer, UP, "ok" );
    done( 0, 2 );
    play_end();
}

/* A server may open its windows as often as it likes, as long as something comes: both of them for each 4 KiB (as Go's
 * does), which is eight frames for each of ours. */
static void test_windows_that_open_in_small_steps( void )
{
    struct request request = { .route = &h2_route, .head = post_head, .flags = WHX_CHUNKED, .total_len = WH_NO_LENGTH };
    struct h2_peer *peer = &peers[0];
    struct h2_stream *stream = &peer->streams[0];
    uint64_t told = 0;
    unsigned int i;

    play_begin( 1 );
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 );
    h2_send_setting( peer, H2_INITIAL_WINDOW_SIZE, MIB );
    h2_send_window( peer, 0, MIB );
    for (i = 0; i < 32 && fetches[0].state != FETCH_DONE; i++)
    {
        fetch_send( &fetches[0], pattern, MIB, i == 31 ? WHX_END : 0 );
        while (fetch_sending( &fetches[0] ) || told + 4096 <= stream->body)
        {
            turn();
            for (; told + 4096 <= stream->body; told += 4096)
            {
                h2_send_window( peer, 0, 4096 );
                h2_send_window( peer, 1, 4096 );
            }
        }
        expect( !fetch_sent( &fetches[0] ) );
    }
    until( stream->end );
    expect( stream->body == 32 * MIB && peer->goaway == H2_NONE );
    h2_answer( peer, 1, "ok" );
    done( 0, 2 );
    play_end();
}

/* An empty send with WHX_END ends the stream; with a length that is known, its last byte does. */
static void test_the_end_of_an_upload( void )
{
    struct request open = { .route = &h2_route, .head = post_head, .flags = WHX_CHUNKED, .total_len = WH_NO_LENGTH };
    struct request known = { .route = &h2_route, .head = post_head, .total_len = 6 };
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    fetch_start( &fetches[0], peer->port, &open );
    until( peer->last_id == 1 );
    h2_send_settings( peer, NULL, 0 );
    fetch_send( &fetches[0], "abc", 3, 0 );
    until( !fetch_sending( &fetches[0] ) && peer->streams[0].body == 3 );
    expect( !fetch_sent( &fetches[0] ) && !peer->streams[0].end );
    fetch_send( &fetches[0], NULL, 0, WHX_END );
    until( !fetch_sending( &fetches[0] ) && peer->streams[0].end );
    expect( !fetch_sent( &fetches[0] ) && peer->streams[0].body == 3 );
    /* Its chunks are HTTP/1.1's business. */
    expect( !peer->streams[0].fields || !strstr( peer->streams[0].fields, "chunked" ) );
    h2_answer( peer, 1, "ok" );
    done( 0, 2 );

    fetches[1].hold = FETCH_NO_HEAD;
    fetch_start( &fetches[1], peer->port, &known );
    until( peer->last_id == 3 && !(fetches[1].async.pending & (1u << WHK_HEAD_SENT)) );
    fetch_send( &fetches[1], "abc", 3, 0 );
    until( !fetch_sending( &fetches[1] ) );
    settle( peer );
    expect( peer->streams[1].body == 3 && !peer->streams[1].end );
    fetch_send( &fetches[1], "def", 3, 0 );
    until( !fetch_sending( &fetches[1] ) && peer->streams[1].end );
    h2_answer( peer, 3, "ok" );
    fetches[1].hold = 0;
    done( 1, 2 );
    play_end();
}

/* A request's head that takes many frames. nghttp2, which reads it here, takes no field of more than 64 KiB. */
static void test_a_large_request_head( void )
{
    struct request request = { .route = &h2_route };
    char *head = malloc( 300000 );
    size_t len, i;

    len = sprintf( head, "GET / HTTP/1.1\r\nHost: x\r\n" );
    for (i = 0; i < 5; i++)
    {
        len += sprintf( head + len, "x-large: " );
        memset( head + len, 'x', 50000 );
        len += 50000;
        len += sprintf( head + len, "\r\n" );
    }
    strcpy( head + len, "\r\n" );
    request.head = head;
    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( peers[0].streams[0].end );
    expect( peers[0].streams[0].fields && strlen( peers[0].streams[0].fields ) > 250000 );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, 2 );
    play_end();
    free( head );
}

/* ---- full duplex ---- */

/* Messages go both ways while both bodies are open, and trailers end it. */
static void test_an_echo( void )
{
    struct request request = { .route = &h2_route, .head = post_head, .flags = WHX_CHUNKED, .total_len = WH_NO_LENGTH };
    struct h2_peer *peer = &peers[0];
    char message[100], trailers[100];
    unsigned int i;

    play_begin( 1 );
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=200", 0 );
    until( fetches[0].status == 200 );
    for (i = 1; i <= 50; i++)
    {
        memset( message, i, sizeof(message) );
        fetch_send( &fetches[0], message, sizeof(message), 0 );
        until( !fetch_sending( &fetches[0] ) && peer->streams[0].body == 100 * i );
        expect( !fetch_sent( &fetches[0] ) );
        h2_send_data( peer, 1, message, sizeof(message), 0 );
        until( fetches[0].body_len == 100 * i );
        expect( !memcmp( fetches[0].body, message, sizeof(message) ) );
    }
    fetch_send( &fetches[0], "end", 3, WHX_END );
    until( peer->streams[0].end );
    h2_send_fields( peer, 1, "grpc-status=0", H2_END_STREAM );
    done( 0, 5000 );
    expect( !fetch_trailers( &fetches[0], trailers, sizeof(trailers) ) && !strcmp( trailers, "grpc-status: 0\r\n" ) );
    play_end();
}

/* An answer that ends before the request has, and the request to stop: it is delivered, and sends fail from then on. */
static void test_an_early_answer( void )
{
    struct h2_peer *peer = &peers[0];
    struct request request = { .route = &h2_route, .head = post_head, .total_len = MIB };

    play_begin( 1 );
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 );
    h2_send_settings( peer, NULL, 0 );
    fetch_send( &fetches[0], pattern, MIB, 0 );
    until( peer->streams[0].body == 65535 );
    h2_send_fields( peer, 1, ":status=413", 0 );
    h2_send_data( peer, 1, "too much", 8, H2_END_STREAM );
    h2_send_rst( peer, 1, H2_NO_ERROR );
    until( fetches[0].state == FETCH_DONE && !fetch_sending( &fetches[0] ) );
    expect( !fetches[0].error && fetches[0].status == 413 && fetches[0].body_len == 8 );
    expect( fetch_sent( &fetches[0] ) == WHE_RESET );
    fetch_send( &fetches[0], "more", 4, 0 );
    until( !fetch_sending( &fetches[0] ) );
    expect( fetch_sent( &fetches[0] ) == WHE_RESET );
    fetch_start( &fetches[1], peer->port, &h2_plain );
    until( peer->last_id == 3 );
    h2_answer( peer, 3, "ok" );
    done( 1, 2 );
    play_end();
}

/* The same, and the program has read nothing of the answer yet when the reset comes. */
static void test_an_early_answer_is_kept( void )
{
    struct h2_peer *peer = &peers[0];
    struct request request = { .route = &h2_route, .head = post_head, .total_len = MIB };

    play_begin( 1 );
    fetches[0].hold = FETCH_NO_HEAD;
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 && !(fetches[0].async.pending & (1u << WHK_HEAD_SENT)) );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=413", 0 );
    h2_send_data( peer, 1, "too much", 8, H2_END_STREAM );
    h2_send_rst( peer, 1, H2_NO_ERROR );
    settle( peer );
    fetches[0].hold = 0;
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error && fetches[0].status == 413 && fetches[0].body_len == 8 );
    play_end();
}

/* ---- downloads ---- */

/* Thirty downloads at a time over one connection: all bytes, in order. */
static void test_interleaved_downloads( void )
{
    struct h2_peer *peer = &peers[0];
    uint64_t left[30];
    unsigned int i, open = 30;

    play_begin( 1 );
    for (i = 0; i < 30; i++) fetch_start( &fetches[i], peer->port, &h2_plain );
    until( peer->open == 30 );
    h2_send_settings( peer, NULL, 0 );
    for (i = 0; i < 30; i++)
    {
        left[i] = 300000 + i;
        h2_send_fields( peer, 2 * i + 1, ":status=200", 0 );
    }
    while (open)
    {
        for (open = i = 0; i < 30; i++)
            if (left[i])
            {
                uint64_t now = left[i] < 3000 ? left[i] : 3000, rest = left[i] - now;

                if (h2_room( peer, 2 * i + 1 ) >= now)
                {
                    h2_send_data( peer, 2 * i + 1, pattern, (uint32_t)now, rest ? 0 : H2_END_STREAM );
                    left[i] = rest;
                }
                open++;
            }
        turn();
    }
    for (i = 0; i < 30; i++) done( i, 300000 + i );
    expect( peer->accepted == 1 );
    play_end();
}

/* A reader that takes nothing: what it is sent is bounded, and others get everything. */
static void test_a_stalled_reader_holds_nobody( void )
{
    struct h2_peer *peer = &peers[0];
    uint64_t left = 8 * MIB, stalled;
    unsigned int i;

    play_begin( 1 );
    for (i = 0; i < 5; i++) fetches[i].hold = FETCH_NO_BODY;
    open_streams( 6, NULL );
    h2_send_settings( peer, NULL, 0 );
    for (i = 0; i < 6; i++) h2_send_fields( peer, 2 * i + 1, ":status=200", 0 );
    for (i = 0; i < 5; i++)
    {
        do
        {
            stalled = peer->streams[i].sent;
            feed( peer, 2 * i + 1, 64 * MIB );
            until( peer->out_pos == peer->out_len );
            settle( peer );
        } while (peer->streams[i].sent != stalled && expect( peer->streams[i].sent <= 16 * MIB ));
        /* The stream's own window holds it, not the connection's. */
        expect( stalled >= 65535 );
    }
    while (left)
    {
        stalled = left;
        left = feed( peer, 11, left );
        until( h2_room( peer, 11 ) || !left );
        if (left == stalled && !h2_room( peer, 11 )) break;
    }
    done( 5, 8 * MIB );
    /* And it can still be read. */
    fetches[0].hold = 0;
    stalled = peer->streams[0].sent;
    until( fetches[0].body_len >= stalled - 1 );
    until( h2_room( peer, 1 ) );
    h2_send_data( peer, 1, "", 0, H2_END_STREAM );
    done( 0, peer->streams[0].sent );
    play_end();
}

/* Reads of one byte. */
static void test_small_reads( void )
{
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    fetches[0].size = 1;
    open_streams( 1, NULL );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=200|content-length=1000", 0 );
    h2_send_data( peer, 1, pattern, 500, 0 );
    h2_send_data( peer, 1, pattern + 500, 500, H2_END_STREAM );
    done( 0, 1000 );
    expect( fetches[0].sum == sum_of( pattern, 1000 ) );
    play_end();
}

/* On a long way (the client's SETTINGS are acknowledged after 100 ms only), whoever reads as fast as it comes is given more
 * at a time. */
static void test_windows_grow( void )
{
    struct h2_peer *peer = &peers[0];
    uint64_t left = 64 * MIB, start, room, first, most = 0;

    play_begin( 1 );
    open_streams( 1, NULL );
    peer->no_ping_acks = 1;
    for (start = engine_now_ms(); engine_now_ms() < start + 100;) turn();
    h2_send_settings( peer, NULL, 0 );
    settle( peer );
    h2_send_fields( peer, 1, ":status=200", 0 );
    first = h2_room( peer, 1 );
    while (left)
    {
        if ((room = h2_room( peer, 1 )) > most) most = room;
        left = feed( peer, 1, left );
        until( peer->out_pos == peer->out_len );
        settle( peer );
        if (left) until( h2_room( peer, 1 ) );
        if (!expect( h2_room( peer, 1 ) || !left )) break;
    }
    done( 0, 64 * MIB );
    expect( most >= 4 * first );
    expect( most <= 32 * MIB );
    play_end();
}

/* HTTP2_RECEIVE_WINDOW: the window is what the program says, and opens in steps of what it says. */
static void test_a_window_of_the_program( void )
{
    struct wh_route route = { .alpn = WH_ALPN_H2, .h2_window = 100000, .h2_window_delta = 30000 };
    struct request request = { .route = &route };
    struct h2_peer *peer = &peers[0];
    uint64_t left = MIB;

    play_begin( 1 );
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 );
    h2_send_settings( peer, NULL, 0 );
    settle( peer );
    expect( 65535 + peer->conn_updated >= 100000 );
    expect( h2_room( peer, 1 ) == 100000 );
    h2_send_fields( peer, 1, ":status=200", 0 );
    while (left)
    {
        expect( h2_room( peer, 1 ) <= 100000 );
        left = feed( peer, 1, left );
        until( peer->out_pos == peer->out_len );
        settle( peer );
        until( h2_room( peer, 1 ) || !left );
    }
    done( 0, MIB );
    expect( peer->streams[0].updates >= 2 && peer->streams[0].updates <= MIB / 30000 + 2 );
    play_end();
}

/* What a closed exchange leaves behind is taken off the connection's window, again and again. */
static void test_bodies_that_nobody_wants( void )
{
    struct h2_peer *peer = &peers[0];
    uint64_t left = 2 * MIB;
    uint32_t i, id;

    play_begin( 1 );
    for (i = 0; i < 50; i++)
    {
        fetches[0].hold = FETCH_NO_BODY;
        fetch_start( &fetches[0], peer->port, &h2_plain );
        until( peer->last_id == 2 * i + 1 );
        id = peer->last_id;
        if (!i) h2_send_settings( peer, NULL, 0 );
        h2_send_fields( peer, id, ":status=200", 0 );
        h2_send_body( peer, id, 100000, 0 );
        until( fetches[0].status == 200 );
        fetch_close( &fetches[0] );
        until( peer->streams[i].rst == H2_CANCEL );
        h2_send_body( peer, id, h2_room( peer, id ) < 100000 ? h2_room( peer, id ) : 100000, 0 );    /* too late, but allowed */
        settle( peer );
        if (!expect( 65535 + peer->conn_updated - peer->sent >= 32768 )) break;
    }
    fetch_start( &fetches[0], peer->port, &h2_plain );
    until( peer->last_id == 101 );
    h2_send_fields( peer, 101, ":status=200", 0 );
    while (left)
    {
        left = feed( peer, 101, left );
        until( h2_room( peer, 101 ) || !left );
        if (!expect( h2_room( peer, 101 ) || !left )) break;
    }
    done( 0, 2 * MIB );
    expect( peer->accepted == 1 );
    play_end();
}

/* A head for a stream that was cancelled still belongs to the connection's compression state. */
static void test_a_head_that_nobody_wants( void )
{
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    open_streams( 2, NULL );
    h2_send_settings( peer, NULL, 0 );
    settle( peer );
    fetch_close( &fetches[0] );
    until( peer->streams[0].rst == H2_CANCEL );
    h2_send_frame( peer, H2_HEADERS, H2_END_HEADERS, 1, "\x88\x40\x01" "a\x05" "value", 10 );
    h2_send_frame( peer, H2_DATA, H2_END_STREAM, 1, "late", 4 );
    h2_send_frame( peer, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3, "\x88\xbe", 2 );
    until( fetches[1].state == FETCH_DONE );
    expect( !fetches[1].error && strstr( fetches[1].head, "\r\na: value\r\n" ) );
    expect( peer->goaway == H2_NONE );
    play_end();
}

/* ---- how many streams ---- */

static void test_one_stream_at_a_time( void )
{
    struct h2_peer *peer = &peers[0];
    unsigned int i;

    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peer->settings_acked == 1 );
    for (i = 1; i < 6; i++) fetch_start( &fetches[i], peer->port, &h2_plain );
    for (i = 0; i < 6; i++)
    {
        until( peer->last_id == 2 * i + 1 );
        settle( peer );
        expect( peer->open == 1 );
        h2_answer( peer, 2 * i + 1, "ok" );
    }
    for (i = 0; i < 6; i++) done( i, 2 );
    expect( peer->most_open == 1 && peer->accepted == 1 );
    play_end();
}

/* A limit of 0 lets nobody in until it is lifted; a change is heeded by those that wait. */
static void test_a_limit_that_changes( void )
{
    struct h2_peer *peer = &peers[0];
    unsigned int i;

    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 0 );
    until( peer->settings_acked == 1 );
    for (i = 1; i < 8; i++) fetch_start( &fetches[i], peer->port, &h2_plain );
    settle( peer );
    expect( peer->last_id == 1 );
    h2_answer( peer, 1, "ok" );
    done( 0, 2 );
    settle( peer );
    expect( peer->last_id == 1 && peer->goaway == H2_NONE && !peer->eof );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 3 );
    until( peer->last_id == 7 );
    settle( peer );
    expect( peer->open == 3 );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peer->settings_acked == 3 );
    h2_answer( peer, 3, "ok" );
    h2_answer( peer, 5, "ok" );
    done( 1, 2 );
    done( 2, 2 );
    settle( peer );
    expect( peer->last_id == 7 );                   /* one is still open */
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 100 );
    until( peer->last_id == 15 );
    for (i = 3; i < 8; i++) h2_answer( peer, 2 * i + 1, "ok" );
    for (i = 3; i < 8; i++) done( i, 2 );
    expect( peer->accepted == 1 );
    play_end();
}

/* WHX_NO_QUEUE: no waiting, another connection. */
static void test_another_connection_instead_of_a_queue( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_NO_QUEUE };

    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_setting( &peers[0], H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peers[0].settings_acked == 1 );
    fetch_start( &fetches[1], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 1, 2 );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, 2 );
    play_end();
}

/* Whoever gives up while it waits for a stream costs nobody anything. */
static void test_giving_up_in_the_queue( void )
{
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, 1 );
    until( peer->settings_acked == 1 );
    fetch_start( &fetches[1], peer->port, &h2_plain );
    fetch_start( &fetches[2], peer->port, &h2_plain );
    settle( peer );
    fetch_close( &fetches[1] );
    h2_answer( peer, 1, "ok" );
    done( 0, 2 );
    until( peer->last_id == 3 );
    h2_answer( peer, 3, "ok" );
    done( 2, 2 );
    expect( peer->accepted == 1 );
    play_end();
}

int main( void )
{
    size_t i;

    for (i = 0; i < sizeof(pattern); i++) pattern[i] = (char)(i * 7 + i / 251);
    client_begin( 60000 );
    run( test_an_upload_by_single_bytes );
    run( test_an_initial_window_that_shrinks );
    run( test_uploads_share_the_connection_window );
    run( test_a_stuck_upload_holds_nobody );
    run( test_windows_that_open_in_small_steps );
    run( test_the_end_of_an_upload );
    run( test_a_large_request_head );
    run( test_an_echo );
    run( test_an_early_answer );
    run( test_an_early_answer_is_kept );
    run( test_interleaved_downloads );
    run( test_a_stalled_reader_holds_nobody );
    run( test_small_reads );
    run( test_windows_grow );
    run( test_a_window_of_the_program );
    run( test_bodies_that_nobody_wants );
    run( test_a_head_that_nobody_wants );
    run( test_one_stream_at_a_time );
    run( test_a_limit_that_changes );
    run( test_another_connection_instead_of_a_queue );
    run( test_giving_up_in_the_queue );
    client_end();
    return test_end( "h2_flow" );
}
