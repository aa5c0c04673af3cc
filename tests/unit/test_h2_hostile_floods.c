/*
 * A hostile HTTP/2 peer: much of everything (security.md, the rows of h2)
 *
 * Floods of frames that cost their sender nothing, header bombs, windows that nobody opens. Whatever comes of them, it
 * comes soon, costs little memory, and each exchange ends once.
 */

#include "h2_case.h"

#define MIB (1024 * 1024)

/* ---- frames that mean nothing ---- */

struct flood
{
    const char *name;
    struct part first;           /* once */
    struct part each;            /* again and again */
    uint32_t    count;           /* at most so often */
    uint32_t    must_end;        /* the client may not stand for it */
    uint32_t    deaf;            /* the peer reads nothing meanwhile */
    struct part second;          /* once, behind first */
};

#define OK_HEADERS RAW( HEADERS, H2_END_HEADERS, 1, "\x88" )
#define NOTHING    { PART_NONE, 0, 0, 0, NULL, 0 }

static const struct flood floods[] =
{
    /* Answers pile up at the client's end: they must not do so without a bound. 20 MB of frames are more than both sockets
     * take of answers. */
    { "PINGs whose answers nobody reads", NOTHING, RAW( PING, 0, 0, "12345678" ), 1200000, .must_end = 1, .deaf = 1 },
    { "SETTINGS whose answers nobody reads", NOTHING, RAW( SETTINGS, 0, 0, "" ), 2200000, .must_end = 1, .deaf = 1 },
    { "large SETTINGS whose answers nobody reads", NOTHING, RAW( SETTINGS, 0, 0, "\0\x04\0\x01\0\0" "\0\x04\0\0\xff\xff"
      "\0\x04\0\x01\0\0" "\0\x04\0\0\xff\xff" ), 600000, .must_end = 1, .deaf = 1 },
    /* The peer reads the answers: that costs it as much. Whether that is too much is the client's affair. */
    { "PINGs", NOTHING, RAW( PING, 0, 0, "12345678" ), .count = 20000 },
    { "SETTINGS", NOTHING, RAW( SETTINGS, 0, 0, "\0\x04\0\x01\0\0" ), .count = 20000 },
    { "ACKs of PINGs that were never sent", NOTHING, RAW( PING, H2_ACK, 0, "12345678" ), .count = 50000 },
    { "empty DATA", OK_HEADERS, RAW( DATA, 0, 1, "" ), 100000, .must_end = 1 },
    { "DATA of padding", OK_HEADERS, RAW( DATA, H2_PADDED, 1, "\x01\0" ), .count = 50000 },
    { "empty CONTINUATION", RAW( HEADERS, 0, 1, "\x88" ), RAW( CONTINUATION, 0, 1, "" ), 100000, .must_end = 1 },
    { "CONTINUATION with a byte", RAW( HEADERS, 0, 1, "\x88" ), RAW( CONTINUATION, 0, 1, "\x90" ), 100000, .must_end = 1 },
    { "CONTINUATION in the trailers", OK_HEADERS, RAW( CONTINUATION, 0, 1, "" ), 100000, .must_end = 1,
      .second = RAW( HEADERS, H2_END_STREAM, 1, "\x90" ) },
    { "CONTINUATION with long fields", RAW( HEADERS, 0, 1, "\x88" ), ZEROS( CONTINUATION, 0, 1, 16384 ), 1000, .must_end = 1 },
    { "interim heads", NOTHING, RAW( HEADERS, H2_END_HEADERS, 1, "\x08\x03" "103" ), .count = 100000 },
    { "interim heads without a reader", NOTHING, RAW( HEADERS, H2_END_HEADERS, 3, "\x08\x03" "103" ), .count = 100000 },
    { "RST_STREAM of a closed stream", RAW( RST_STREAM, 0, 1, "\0\0\0\x02" ), RAW( RST_STREAM, 0, 1, "\0\0\0\x02" ), .count = 100000 },
    { "HEADERS of a closed stream", RAW( RST_STREAM, 0, 1, "\0\0\0\x02" ), RAW( HEADERS, H2_END_HEADERS, 1, "\x88" ), .count = 100000 },
    { "WINDOW_UPDATE", NOTHING, RAW( WINDOW_UPDATE, 0, 1, "\0\0\0\x01" ), .count = 100000 },
    { "WINDOW_UPDATE of the connection", NOTHING, RAW( WINDOW_UPDATE, 0, 0, "\0\0\0\x01" ), .count = 100000 },
    { "PRIORITY", NOTHING, RAW( PRIORITY, 0, 1, "\0\0\0\x03\x10" ), .count = 100000 },
    { "PRIORITY of idle streams", NOTHING, RAW( PRIORITY, 0, 0x7ffffff1, "\0\0\0\x03\x10" ), .count = 100000 },
    { "frames of an unknown type", NOTHING, TYPED( 0x99, 0, 0, "" ), .count = 100000 },
    { "ALTSVC", NOTHING, TYPED( 0x0a, 0, 0, "\0\x03" "a.b" "h3" ), .count = 100000 },
    { "GOAWAY", NOTHING, RAW( GOAWAY, 0, 0, "\x7f\xff\xff\xff" "\0\0\0\0" ), .count = 100000 },
};

static int has_failed( void )
{
    return fetches[0].state == FETCH_DONE && fetches[0].error == WHE_PROTOCOL;
}

/* Sends frames until the client has had enough. Returns whether it has. */
static int flood_client( struct h2_peer *peer, const struct flood *flood )
{
    uint64_t limit = engine_now_ms() + patience_ms();
    uint32_t sent = 0, i;

    send_part( peer, &flood->first );
    send_part( peer, &flood->second );
    while (sent < flood->count && peer->goaway == H2_NONE && !peer->eof && !peer->reset && hold_that( engine_now_ms() < limit ))
    {
        for (i = 0; i < 500 && sent < flood->count; i++, sent++) send_part( peer, &flood->each );
        while (peer->out_pos < peer->out_len && !peer->reset && !has_failed() && engine_now_ms() < limit) turn();
        if (has_failed()) return 1;
    }
    turn();
    return has_failed();
}

static void run_flood( const struct flood *flood )
{
    struct h2_peer *peer = &peers[0];
    int size = 4096;

    case_name = flood->name;
    play_begin( 1 );
    if (flood->deaf) setsockopt( peer->listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size) );
    fetches[1].hold = FETCH_NO_HEAD;
    open_streams( 2, NULL );
    h2_send_settings( peer, NULL, 0 );
    until( peer->settings_acked == 1 );
    peer->paused = flood->deaf;
    if (flood_client( peer, flood ) || flood->must_end)
    {
        peer->paused = 0;
        fetches[1].hold = 0;
        until( fetches[0].state == FETCH_DONE && fetches[1].state == FETCH_DONE );
        hold_that( fetches[0].error == WHE_PROTOCOL && fetches[1].error == WHE_PROTOCOL );
        until( peer->eof || peer->reset );
        /* What it says cannot reach one that does not listen. */
        if (!flood->deaf) hold_that( peer->goaway == H2_ENHANCE_YOUR_CALM || peer->goaway == H2_PROTOCOL_ERROR );
    }
    else
    {
        fetches[1].hold = 0;
        if (fetches[0].state != FETCH_DONE && !peer->streams[0].closed) h2_answer( peer, 1, "ok" );
        until( fetches[0].state == FETCH_DONE );
        if (!peer->streams[1].closed) h2_answer( peer, 3, "ok" );
        until( fetches[1].state == FETCH_DONE );
        hold_that( !fetches[1].error || fetches[1].error == WHE_PROTOCOL || fetches[1].error == WHE_HEAD_SIZE );
    }
    play_end();
    case_name = "";
}

static void test_floods( void )
{
    const char *only = getenv( "WH_TEST_CASE" );
    unsigned int i;

    for (i = 0; i < sizeof(floods) / sizeof(floods[0]); i++)
        if (!only || !strcmp( only, floods[i].name )) run_flood( &floods[i] );
}

/* ---- heads that are too large ---- */

struct bomb
{
    const char *name;
    size_t      (*make)( uint8_t *block );
    int         trailers;
};

#define BOMB_SIZE (2 * MIB)

static size_t block_of_one_value( uint8_t *block )
{
    size_t len = 0;

    block[len++] = 0x88;
    block[len++] = 0;
    block[len++] = 1;
    block[len++] = 'a';
    len += hpack_int( block + len, 0, 7, MIB );
    memset( block + len, 'x', MIB );
    return len + MIB;
}

static size_t block_of_one_name( uint8_t *block )
{
    size_t len = 0;

    block[len++] = 0x88;
    block[len++] = 0;
    len += hpack_int( block + len, 0, 7, MIB );
    memset( block + len, 'x', MIB );
    len += MIB;
    block[len++] = 1;
    block[len++] = 'v';
    return len;
}

static size_t block_of_many_fields( uint8_t *block )
{
    size_t len = 0, i;

    block[len++] = 0x88;
    for (i = 0; i < 20000; i++) len += hpack_field( block + len, "a", 1, "b", 1 );
    return len;
}

static size_t block_of_empty_values( uint8_t *block )
{
    size_t len = 0;

    block[len++] = 0x88;
    memset( block + len, 0x90, 40000 );          /* accept-encoding: gzip, deflate; a byte each */
    return len + 40000;
}

/* An entry that fills the table, named again and again by one byte: 16 KiB of block are 64 MiB of fields. */
static size_t block_of_one_entry( uint8_t *block )
{
    size_t len = 0;

    block[len++] = 0x88;
    block[len++] = 0x40;
    block[len++] = 1;
    block[len++] = 'a';
    len += hpack_int( block + len, 0, 7, 4000 );
    memset( block + len, 'x', 4000 );
    len += 4000;
    memset( block + len, 0xbe, 16000 );
    return len + 16000;
}

/* The same in trailers. */
static size_t trailers_of_one_entry( uint8_t *block )
{
    size_t len = block_of_one_entry( block );

    memmove( block, block + 1, len - 1 );
    return len - 1;
}

static const struct bomb bombs[] =
{
    { "a value of a MiB", block_of_one_value, 0 },
    { "a name of a MiB", block_of_one_name, 0 },
    { "20000 fields", block_of_many_fields, 0 },
    { "40000 fields of a byte each", block_of_empty_values, 0 },
    { "16000 times an entry of 4000 bytes", block_of_one_entry, 0 },
    { "trailers: 16000 times an entry of 4000 bytes", trailers_of_one_entry, 1 },
};

static void run_bomb( const struct bomb *bomb, uint8_t *block )
{
    struct h2_peer *peer = &peers[0];

    case_name = bomb->name;
    play_begin( 1 );
    fetches[0].hold = FETCH_NO_BODY;
    open_streams( 2, NULL );
    h2_send_settings( peer, NULL, 0 );
    if (bomb->trailers)
    {
        h2_send_fields( peer, 1, ":status=200", 0 );
        h2_send_data( peer, 1, "ab", 2, 0 );
        until( fetches[0].status );
    }
    fetches[0].hold = 0;
    h2_send_block( peer, 1, block, bomb->make( block ), bomb->trailers ? H2_END_STREAM : 0 );
    until( fetches[0].state == FETCH_DONE );
    hold_that( fetches[0].error == WHE_PROTOCOL || fetches[0].error == WHE_HEAD_SIZE );
    /* It is best to lose only the stream, but a table that could not be kept costs the connection. */
    if (fetches[1].state != FETCH_DONE && peer->goaway == H2_NONE) h2_answer( peer, 3, "ok" );
    until( fetches[1].state == FETCH_DONE );
    hold_that( !fetches[1].error || fetches[1].error == WHE_PROTOCOL );
    play_end();
    case_name = "";
}

static void test_bombs( void )
{
    uint8_t *block = malloc( BOMB_SIZE );
    unsigned int i;

    for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) run_bomb( &bombs[i], block );
    free( block );
}

/* What the limit allows goes through: a field of 60000 bytes in four frames. */
static void test_a_large_head( void )
{
    uint8_t *block = malloc( BOMB_SIZE );
    size_t len = 0;

    block[len++] = 0x88;
    block[len++] = 0;
    block[len++] = 1;
    block[len++] = 'a';
    len += hpack_int( block + len, 0, 7, 60000 );
    memset( block + len, 'x', 60000 );
    len += 60000;
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_block( &peers[0], 1, block, len, H2_END_STREAM );
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error && strlen( fetches[0].head ) > 60000 );
    play_end();
    free( block );
}

/* ---- more DATA than was allowed ---- */

static void test_a_stream_window_that_is_overrun( void )
{
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    fetches[0].hold = FETCH_NO_BODY;
    open_streams( 2, NULL );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=200", 0 );
    until( fetches[0].status == 200 );
    while (h2_room( peer, 1 ))
    {
        h2_send_body( peer, 1, h2_room( peer, 1 ), 0 );
        until( peer->out_pos == peer->out_len );
        h2_send_frame( peer, H2_PING, 0, 0, "12345678", 8 );
        until( peer->pings_acked == peer->counts[H2_PING] && peer->pings_acked );
        if (!expect( peer->sent < 64 * MIB )) break;
    }
    h2_send_data( peer, 1, "x", 1, 0 );
    until( peer->streams[0].rst != H2_NONE || peer->goaway != H2_NONE );
    expect( peer->streams[0].rst == H2_FLOW_CONTROL_ERROR || peer->goaway == H2_FLOW_CONTROL_ERROR );
    fetches[0].hold = 0;
    until( fetches[0].state == FETCH_DONE );
    expect( fetches[0].error == WHE_PROTOCOL );
    if (peer->goaway == H2_NONE) h2_answer( peer, 3, "ok" );
    until( fetches[1].state == FETCH_DONE );
    expect( fetches[1].error == (peer->goaway == H2_NONE ? WHE_OK : WHE_PROTOCOL) );
    play_end();
}

/* ---- windows that nobody opens ---- */

/* Uploads that get no window run out of time each for itself. */
static void test_an_upload_without_a_window( void )
{
    struct request upload = { .route = &h2_route, .head = "POST /0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
                              .total_len = 1000 };
    struct wh_exchange_send_params send = { .len = 1000, .timeout_ms = 100 };
    struct h2_peer *peer = &peers[0];
    static char data[1000];

    play_begin( 1 );
    open_streams( 2, NULL );
    h2_send_setting( peer, H2_INITIAL_WINDOW_SIZE, 0 );
    until( peer->settings_acked == 1 );
    fetches[2].hold = FETCH_NO_HEAD;
    fetch_start( &fetches[2], peer->port, &upload );
    until( peer->last_id == 5 && !(fetches[2].async.pending & (1u << WHK_HEAD_SENT)) );
    send.exchange = fetches[2].async.id;
    send.data = wh_from_ptr( data );
    fetches[2].async.pending |= 1u << WHK_BODY_SENT;
    expect( exchange_send( &send ) == WH_PENDING );
    until( !fetch_sending( &fetches[2] ) );
    expect( fetch_sent( &fetches[2] ) == WHE_TIMEOUT );
    expect( !peer->streams[2].body );
    fetch_close( &fetches[2] );
    until( peer->streams[2].rst != H2_NONE );
    h2_answer( peer, 1, "ok" );
    h2_answer( peer, 3, "ok" );
    until( fetches[0].state == FETCH_DONE && fetches[1].state == FETCH_DONE );
    expect( !fetches[0].error && !fetches[1].error );
    play_end();
}

/* Answers that never come, never go on: the limits of time are each stream's own. */
static void test_streams_that_stall( void )
{
    struct h2_peer *peer = &peers[0];

    play_begin( 1 );
    fetches[0].head_ms = fetches[1].read_ms = 100;
    open_streams( 3, NULL );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 3, ":status=200|content-length=100", 0 );
    h2_send_data( peer, 3, "ab", 2, 0 );
    until( fetches[0].state == FETCH_DONE && fetches[1].state == FETCH_DONE );
    expect( fetches[0].error == WHE_TIMEOUT && !fetches[0].status );
    expect( fetches[1].error == WHE_TIMEOUT && fetches[1].body_len == 2 );
    until( peer->streams[0].rst == H2_CANCEL && peer->streams[1].rst == H2_CANCEL );
    h2_answer( peer, 5, "ok" );
    until( fetches[2].state == FETCH_DONE );
    expect( !fetches[2].error && peer->goaway == H2_NONE );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_a_large_head );
    run( test_bombs );
    run( test_a_stream_window_that_is_overrun );
    run( test_an_upload_without_a_window );
    run( test_streams_that_stall );
    run( test_floods );
    client_end();
    return test_end( "h2_hostile_floods" );
}
