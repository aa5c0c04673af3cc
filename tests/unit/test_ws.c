/*
 * WebSocket over a scripted stream, what the Autobahn cases do not show: operations and their rules, back-pressure,
 * keep-alive, discarding, ends
 */

#include "ws_deflate.h"
#include "ws_script.h"

static struct bytes wire;
static char place[1 << 20];

/* An open WebSocket; the server's bytes are added to later by server_says. */
static void open_with( const char *head, const char *answer, uint32_t ahead )
{
    uint32_t error;

    memset( &ws_script, 0, sizeof(ws_script) );
    bytes_free( &wire );
    bytes_add( &wire, answer, strlen( answer ) );
    ws_script.data = wire.data;
    ws_script.size = ws_script.arrived = wire.len;
    ws_script.room = ~(size_t)0;
    expect( ws_start( head, answer, ahead, &error ) );
}

static void open_plain( uint32_t ahead )
{
    open_with( WS_TEST_HEAD( "" ), WS_TEST_ANSWER( "" ), ahead );
}

static void server_says( const char *words )
{
    bytes_words( &wire, words );
    ws_script.data = wire.data;
    ws_script.size = wire.len;
    ws_arrive( 0 );
}

static void finish_all( void )
{
    ws_end();
    bytes_free( &ws_script.out );
    bytes_free( &wire );
}

/* What the client has sent since the last look. */
static int client_said( const char *words )
{
    struct ws_list list = { 0 }, expected = { 0 };
    struct ws_reader reader = { .inflates = 0 };
    struct bytes bytes = { 0 };
    size_t at = 0;
    int same;

    same = read_frames( &reader, ws_script.out.data, ws_script.out.len, &list ) == ws_script.out.len;
    bytes_words( &bytes, words );
    while (at < bytes.len)
    {
        struct ws_frame frame;

        at += ws_frame_parse( &frame, bytes.data + at, bytes.len - at );
        list_add( &expected, frame.opcode, bytes.data + at, frame.len );
        at += frame.len;
    }
    same = same && list_equal( &list, 0xffff, &expected );
    ws_script.out.len = 0;
    bytes_free( &bytes );
    list_free( &list );
    list_free( &expected );
    return same;
}

struct read_result { uint32_t ret, error, flags; uint64_t bytes; };

static struct read_result read_now( uint32_t size )
{
    struct wh_exchange_read_body_params read = { .exchange = ws_id, .buffer = wh_from_ptr( place ), .size = size };
    struct read_result result;

    result.ret = exchange_read_body( &read );
    result.error = read.error;
    result.flags = read.flags;
    result.bytes = read.bytes;
    return result;
}

static int read_is( uint32_t size, const char *data, uint32_t flags )
{
    struct read_result result = read_now( size );

    return result.ret == WH_DONE && !result.error && result.flags == flags && result.bytes == strlen( data ) &&
           !memcmp( place, data, result.bytes );
}

static int fetched( uint32_t kind, uint32_t error, uint64_t bytes, uint32_t flags )
{
    struct wh_record record;

    return ws_fetch( kind, &record ) && record.error == error && record.bytes == bytes && record.flags == flags;
}

static void test_reads_give_pieces_of_one_message(void)
{
    open_plain( 0 );
    server_says( "82:8*61 81:'xy' 02:'ab' 80:'c' 82:" );
    expect( read_is( 4, "aaaa", WHR_WS_BINARY | WHR_WS_MORE ) );      /* WS-33 */
    expect( read_is( 4, "aaaa", WHR_WS_BINARY ) );
    expect( read_is( 100, "xy", WHR_WS_TEXT ) );
    expect( read_is( 3, "abc", WHR_WS_BINARY ) );
    expect( read_is( 100, "", WHR_WS_BINARY ) );
    expect( read_now( 100 ).ret == WH_PENDING );
    server_says( "01:'part'" );
    expect( fetched( WHK_BODY_READ, WHE_OK, 4, WHR_WS_TEXT | WHR_WS_MORE ) );    /* what is there, and no waiting */
    expect( read_now( 100 ).ret == WH_PENDING );
    server_says( "00: 00:" );
    expect( !fetched( WHK_BODY_READ, 0, 0, 0 ) );                     /* empty parts are nothing to tell of */
    server_says( "80:" );
    expect( fetched( WHK_BODY_READ, WHE_OK, 0, WHR_WS_TEXT ) );
    expect( read_now( 0 ).ret == WH_PENDING );                        /* size 0 takes what is empty, and says that there is more */
    server_says( "82: 82:'z'" );
    expect( fetched( WHK_BODY_READ, WHE_OK, 0, WHR_WS_BINARY ) );
    expect( read_is( 0, "", WHR_WS_BINARY | WHR_WS_MORE ) );
    expect( read_is( 1, "z", WHR_WS_BINARY ) );
    finish_all();
}

static void test_sends_follow_the_rules(void)
{
    char reason[126];

    memset( reason, 'r', sizeof(reason) );
    reason[0] = 3;
    reason[1] = (char)0xe8;
    open_plain( 0 );
    expect( ws_send_now( "a", 1, 0 ) == WHE_INVALID );
    expect( ws_send_now( "a", 1, WHX_END ) == WHE_INVALID );
    expect( ws_send_now( "a", 1, WHX_WS_TEXT | WHX_WS_BINARY ) == WHE_INVALID );
    expect( ws_send_now( "a", 1, WHX_WS_TEXT | WHX_END ) == WHE_INVALID );
    expect( !ws_send_now( "a", 1, WHX_WS_BINARY | WHX_WS_MORE ) );
    expect( ws_send_now( "b", 1, WHX_WS_TEXT ) == WHE_INVALID );                  /* N 8.2 */
    expect( ws_send_now( "b", 1, WHX_WS_TEXT | WHX_WS_MORE ) == WHE_INVALID );
    expect( !ws_send_now( "b", 1, WHX_WS_BINARY | WHX_WS_MORE ) );
    expect( !ws_send_now( NULL, 0, WHX_WS_BINARY ) );
    expect( !ws_send_now( NULL, 0, WHX_WS_TEXT ) );
    expect( client_said( "82:'ab' 81:" ) );
    expect( ws_send_now( reason, 1, WHX_WS_CLOSE ) == WHE_INVALID );
    expect( ws_send_now( reason, 126, WHX_WS_CLOSE ) == WHE_INVALID );
    expect( ws_send_now( reason, 125, WHX_WS_CLOSE | WHX_WS_MORE ) == WHE_INVALID );
    expect( !ws_send_now( reason, 125, WHX_WS_CLOSE ) );
    expect( client_said( "88:03e8,123*72" ) );
    expect( ws_send_now( "a", 1, WHX_WS_TEXT ) == WHE_STATE );
    expect( ws_send_now( reason, 2, WHX_WS_CLOSE ) == WHE_STATE );
    server_says( "81:'still' 89:'ping' 88:03e8" );
    expect( read_is( 100, "still", WHR_WS_TEXT ) );                               /* receiving goes on */
    expect( client_said( "" ) );                                                  /* but no pong behind our close */
    expect( read_is( 100, "", WHR_WS_CLOSE ) );
    expect( read_is( 100, "", WHR_WS_CLOSE ) );                                   /* as often as asked */
    expect( ws_send_now( "a", 1, WHX_WS_TEXT ) == WHE_STATE );
    finish_all();
}

static void test_sends_of_messages_on_http_are_refused(void)
{
    struct ws_play play = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody" };
    struct wh_exchange_read_body_params read = { .buffer = wh_from_ptr( place ), .size = 100 };
    uint32_t error;

    memset( &ws_script, 0, sizeof(ws_script) );
    ws_script.data = (const uint8_t *)play.answer;
    ws_script.size = ws_script.arrived = strlen( play.answer );
    ws_script.room = ~(size_t)0;
    ws_start( WS_TEST_HEAD( "" ), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", 0, &error );
    expect( !error );                                                             /* an ordinary response */
    expect( ws_send_now( "a", 1, WHX_WS_TEXT ) == WHE_STATE );
    expect( ws_control_now( WHC_WS_KEEPALIVE, 1000 ) == WHE_STATE );
    read.exchange = ws_id;
    expect( exchange_read_body( &read ) == WH_DONE && !read.error && read.bytes == 4 && read.flags == WHR_END );
    finish_all();
}

static void test_close_is_known_once_a_read_told_of_it(void)
{
    struct bytes close = { 0 };

    open_plain( 0 );
    server_says( "81:'a' 88:0fa1,'why'" );
    expect( ws_query_close( &close ) == WHE_STATE );
    expect( read_is( 100, "a", WHR_WS_TEXT ) );
    expect( ws_query_close( &close ) == WHE_STATE );
    expect( read_is( 100, "", WHR_WS_CLOSE ) );
    expect( !ws_query_close( &close ) && close.len == 5 && !memcmp( close.data, "\x0f\xa1why", 5 ) );
    expect( client_said( "" ) );                                                  /* the answer is the program's */
    expect( !ws_send_now( "b", 1, WHX_WS_TEXT ) );                                /* which may say something before it */
    expect( !ws_send_now( "\x03\xe9", 2, WHX_WS_CLOSE ) );
    expect( client_said( "81:'b' 88:03e9" ) );
    bytes_free( &close );
    finish_all();
}

static void test_closing_the_exchange_answers_the_peer(void)
{
    static const struct { const char *wire, *answer; } cases[] =
    {
        { "88:0fa1,'why'", "88:0fa1" }, { "88:", "88:" }, { "81:'a' 88:03e8", "88:03e8" }, { "81:'a'", "" }, { "81:'a' 93:", "" },
    };
    struct wh_exchange_close_params params = { .drain_limit = 65536 };
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        open_plain( 0 );
        server_says( cases[i].wire );
        params.exchange = ws_id;
        expect( exchange_close( &params ) == WH_DONE );
        expect( client_said( cases[i].answer ) );
        expect( (ws_conn->state == CONN_UP) == (cases[i].answer[0] != 0) );       /* it waits for the peer's end, or not */
        ws_script.eof = 1;
        conn_ready( ws_conn, LAYER_WANT_READ, 0, NULL );
        expect( ws_conn->state == CONN_CLOSED );
        origin_shutdown();
        object_release( &ws_conn->obj );
        bytes_free( &ws_script.out );
        bytes_free( &wire );
    }
}

static void test_pings_are_answered_without_a_reader(void)
{
    open_plain( 1000 );
    server_says( "82:500*61 89:'one'" );
    expect( client_said( "8a:'one'" ) );
    server_says( "02:300*62 89:'two' 80:100*62" );
    expect( client_said( "8a:'two'" ) );
    expect( read_now( 2000 ).bytes == 500 && read_now( 2000 ).bytes == 400 && place[399] == 'b' );
    finish_all();
}

static void test_nothing_is_read_beyond_the_limit(void)
{
    unsigned int i;
    uint64_t got = 0;
    size_t limit;

    open_plain( 1000 );
    limit = ws_script.position + 1000;
    for (i = 0; i < 20; i++) bytes_words( &wire, "82:98*61" );
    server_says( "89:'late'" );
    expect( ws_script.position == limit );
    ws_arrive( 0 );
    expect( ws_script.position == limit && client_said( "" ) );
    for (i = 0; i < 20; i++)
    {
        struct read_result result = read_now( 50 );    /* in two pieces */

        got += result.bytes;
        expect( result.ret == WH_DONE && result.bytes == 50 && result.flags == (WHR_WS_BINARY | WHR_WS_MORE) );
        result = read_now( 50 );
        expect( result.ret == WH_DONE && result.bytes == 48 && result.flags == WHR_WS_BINARY );
        got += result.bytes;
        expect( ws_script.position <= limit + got + (i + 1) * 2 + BUFFER_SIZE );
    }
    expect( read_now( 50 ).ret == WH_PENDING );
    expect( client_said( "8a:'late'" ) );
    finish_all();
}

static void test_discarding_brings_the_close(void)
{
    open_plain( 0 );
    server_says( "82:'unread' 02:'open" "'" );
    expect( read_is( 3, "unr", WHR_WS_BINARY | WHR_WS_MORE ) );
    expect( !ws_control_now( WHC_WS_DISCARD, 0 ) );
    expect( read_now( 100 ).ret == WH_PENDING );
    server_says( "80:'more' 81:ff 89:'p' 82:65536*61" );     /* what nobody reads need not be text */
    expect( client_said( "8a:'p'" ) );
    expect( !fetched( WHK_BODY_READ, 0, 0, 0 ) );
    server_says( "88:03e8" );
    expect( fetched( WHK_BODY_READ, WHE_OK, 0, WHR_WS_CLOSE ) );
    finish_all();

    open_plain( 0 );
    expect( read_now( 100 ).ret == WH_PENDING );
    expect( !ws_control_now( WHC_WS_DISCARD, 0 ) );
    expect( fetched( WHK_BODY_READ, WHE_CANCELLED, 0, 0 ) );
    server_says( "82:'a' 93:" );                             /* the protocol still counts */
    expect( read_now( 100 ).error == WHE_PROTOCOL );
    expect( client_said( "88:03ea" ) );
    finish_all();
}

static void test_the_cookie_of_records_changes(void)
{
    struct wh_exchange_control_params control = { .what = WHC_COOKIE, .cookie = 77 };
    struct wh_record record;

    open_plain( 0 );
    control.exchange = ws_id;
    expect( exchange_control( &control ) == WH_DONE && !control.error );
    expect( read_now( 100 ).ret == WH_PENDING );
    server_says( "81:'a'" );
    expect( ws_fetch( WHK_BODY_READ, &record ) && record.cookie == 77 );
    finish_all();
}

static void test_a_stream_that_takes_little(void)
{
    struct wh_record record;
    unsigned int i;
    uint32_t error;

    for (i = 0; i < (int)sizeof(place); i++) place[i] = (char)(i * 7);
    open_plain( 0 );
    ws_script.room = 0;
    expect( ws_post_send( place, 100000, WHX_WS_BINARY, &error ) == WH_PENDING );
    server_says( "89:'1' 89:'2' 89:'3'" );                   /* inside our frame there is no place for pongs */
    for (i = 0; !ws_fetch( WHK_BODY_SENT, &record ) && i < 200000; i++)
    {
        ws_script.room = 1 + i % 1000;
        conn_ready( ws_conn, LAYER_WANT_WRITE, 0, NULL );
    }
    expect( i < 200000 && !record.error && record.bytes == 100000 );
    ws_script.room = ~(size_t)0;
    conn_ready( ws_conn, LAYER_WANT_WRITE, 0, NULL );
    {
        struct ws_list list = { 0 };
        struct ws_reader reader = { .inflates = 0 };

        expect( read_frames( &reader, ws_script.out.data, ws_script.out.len, &list ) == ws_script.out.len );
        expect( list.count == 2 && reader.frames == 1 && list.items[0].data.len == 100000 );
        expect( !memcmp( list.items[0].data.data, place, 100000 ) );
        expect( list.items[1].opcode == WS_PONG && list.items[1].data.len == 1 && list.items[1].data.data[0] == '3' );
        list_free( &list );
    }
    finish_all();
}

static void test_small_messages_are_one_write(void)
{
    unsigned int before;

    open_plain( 0 );
    before = ws_script.writes;
    expect( !ws_send_now( "hello", 5, WHX_WS_TEXT ) && ws_script.writes == before + 1 );
    expect( !ws_send_now( place, 60000, WHX_WS_BINARY ) && ws_script.writes == before + 2 );
    server_says( "89:'p'" );
    expect( ws_script.writes == before + 3 );
    finish_all();
}

static void test_a_flood_of_pings_costs_no_memory(void)
{
    struct bytes flood = { 0 };
    struct ws_list list = { 0 };
    struct ws_reader reader = { .inflates = 0 };
    unsigned int i, blocks;

    open_plain( 0 );
    ws_script.room = 0;
    for (i = 0; i < 100000; i++) bytes_frame( &wire, 0x89, &i, sizeof(i) );
    server_says( "" );
    for (i = 0; i < 100 && ws_script.position < ws_script.size; i++) ws_arrive( 0 );
    expect( ws_script.position == ws_script.size );
    blocks = block_out();
    expect( blocks <= 1 );
    ws_script.room = ~(size_t)0;
    conn_ready( ws_conn, LAYER_WANT_WRITE, 0, NULL );
    expect( ws_script.out.len < 10000 );
    expect( read_frames( &reader, ws_script.out.data, ws_script.out.len, &list ) == ws_script.out.len );
    i = 99999;
    expect( list.count > 1 && !memcmp( list.items[list.count - 1].data.data, &i, sizeof(i) ) );    /* the latest */
    expect( !block_out() );
    list_free( &list );
    bytes_free( &flood );
    finish_all();
}

static void test_masks_differ(void)
{
    unsigned int i, equal = 0;

    open_plain( 0 );
    for (i = 0; i < 200; i++) expect( !ws_send_now( "x", 1, WHX_WS_BINARY ) );
    expect( ws_script.out.len == 200 * 7 );
    for (i = 1; i < 200; i++) equal += !memcmp( ws_script.out.data + 7 * i + 2, ws_script.out.data + 7 * i - 5, 4 );
    expect( !equal );    /* 200 in 2^32 */
    finish_all();
}

/* Ends. */

static void test_ends_without_a_close(void)
{
    static const struct { const char *wire; int reset; uint64_t bytes; uint32_t flags; } cases[] =
    {
        { "", 0, 0, 0 },
        { "", 1, 0, 0 },
        { "81:'abc'", 0, 3, WHR_WS_TEXT },
        { "01:'abc'", 0, 3, WHR_WS_TEXT | WHR_WS_MORE },
        { "=8205616263", 0, 3, WHR_WS_BINARY | WHR_WS_MORE },       /* in the middle of a frame */
        { "81:'abc' =82", 1, 3, WHR_WS_TEXT },
        { "=897d6162", 0, 0, 0 },
    };
    unsigned int i, waits;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (waits = 0; waits < 2; waits++)
        {
            struct wh_record record = { .error = WHE_INTERNAL };
            struct read_result result;

            open_plain( 0 );
            if (waits) expect( read_now( 100 ).ret == WH_PENDING );
            if (cases[i].reset) ws_script.reset = 1;
            else ws_script.eof = 1;
            server_says( cases[i].wire );
            if (waits)
            {
                expect( ws_fetch( WHK_BODY_READ, &record ) );
                result.error = record.error;
                result.bytes = record.bytes;
                result.flags = record.flags;
            }
            else
            {
                result = read_now( 100 );
                expect( result.ret == WH_DONE );
            }
            expect( result.error == (cases[i].bytes ? WHE_OK : WHE_RESET) && result.bytes == cases[i].bytes );
            expect( result.flags == cases[i].flags );
            result = read_now( 100 );
            expect( result.ret == WH_DONE && result.error == WHE_RESET );
            expect( ws_send_now( "a", 1, WHX_WS_TEXT ) == WHE_RESET );
            finish_all();
        }
}

static void test_a_violation_waits_for_the_reader(void)
{
    open_plain( 0 );
    server_says( "81:'good' 93:'bad'" );
    expect( client_said( "" ) );
    expect( !ws_send_now( "answer", 6, WHX_WS_TEXT ) );
    expect( client_said( "81:'answer'" ) );
    expect( read_is( 100, "good", WHR_WS_TEXT ) );
    expect( read_now( 100 ).error == WHE_PROTOCOL );
    expect( client_said( "88:03ea" ) );
    expect( ws_send_now( "more", 4, WHX_WS_TEXT ) == WHE_PROTOCOL );
    finish_all();

    open_plain( 0 );
    server_says( "93:'bad'" );                               /* with nothing before it, nobody has to come */
    expect( client_said( "88:03ea" ) );
    expect( ws_send_now( "more", 4, WHX_WS_TEXT ) == WHE_PROTOCOL );
    finish_all();
}

static void test_our_close_to_a_peer_that_is_gone_is_no_error(void)
{
    open_plain( 0 );
    ws_script.eof = 1;
    server_says( "88:03e8" );
    expect( read_is( 100, "", WHR_WS_CLOSE ) );
    expect( !ws_send_now( "\x03\xe8", 2, WHX_WS_CLOSE ) );
    finish_all();
}

static void test_cancel_ends_both_operations(void)
{
    struct wh_exchange_cancel_params cancel = { .error = 0 };
    uint32_t error;

    open_plain( 0 );
    ws_script.room = 10;
    expect( ws_post_send( place, 1000, WHX_WS_BINARY, &error ) == WH_PENDING );
    expect( read_now( 100 ).ret == WH_PENDING );
    cancel.exchange = ws_id;
    expect( exchange_cancel( &cancel ) == WH_DONE );
    expect( fetched( WHK_BODY_READ, WHE_CANCELLED, 0, 0 ) );
    expect( fetched( WHK_BODY_SENT, WHE_CANCELLED, 2, 0 ) );    /* what had gone out behind the header of 8 bytes */
    finish_all();
}

/* Time, which is a parameter of ws_run. */

static uint64_t turn( uint64_t now_ms, enum ws_result expected )
{
    struct exchange *exchange = exchange_from_id( ws_id );
    uint64_t deadline = 0;

    strand_enter( &ws_conn->strand );
    expect( ws_run( exchange, ws_conn->layer, now_ms, &deadline ) == expected );
    strand_leave( &ws_conn->strand );
    object_release( &exchange->obj );
    return deadline;
}

static void test_keepalive(void)
{
    uint64_t now, due;

    open_plain( 1000 );
    expect( !ws_control_now( WHC_WS_KEEPALIVE, 15000 ) );
    now = engine_now_ms();
    due = turn( now, WS_WAIT );
    expect( due <= now + 15000 && due + 1000 > now + 15000 );
    expect( client_said( "" ) );
    expect( turn( due, WS_WAIT ) == due + 15000 );
    expect( ws_script.out.len == 10 );                       /* a ping of four bytes */
    expect( ws_script.out.data[0] == 0x89 );
    ws_script.out.len = 0;

    bytes_words( &wire, "8a:'x'" );                          /* any byte is an answer */
    ws_script.data = wire.data;
    ws_script.size = ws_script.arrived = wire.len;
    expect( turn( due + 14000, WS_WAIT ) == due + 29000 );
    due += 29000;

    bytes_words( &wire, "82:2000*61" );                      /* nobody reads: silence says nothing */
    ws_script.data = wire.data;
    ws_script.size = ws_script.arrived = wire.len;
    due = turn( due - 1, WS_WAIT );
    due = turn( due, WS_WAIT );
    due = turn( due, WS_WAIT );
    due = turn( due, WS_WAIT );
    expect( !ws_script.out.len );
    expect( read_now( 4000 ).ret == WH_DONE );
    due = turn( due, WS_WAIT );                              /* the read was at the real time, long before */
    expect( ws_script.out.len == 10 );
    turn( due, WS_OVER );                                    /* and silence again */
    expect( read_now( 100 ).error == WHE_TIMEOUT );
    strand_run( &ws_conn->strand );
    finish_all();
}

static void test_keepalive_can_be_turned_off(void)
{
    uint64_t now = engine_now_ms();

    open_plain( 0 );
    expect( !ws_control_now( WHC_WS_KEEPALIVE, 15000 ) );
    expect( !ws_control_now( WHC_WS_KEEPALIVE, 0 ) );
    expect( turn( now + 1000000, WS_WAIT ) == TIMER_NEVER );
    expect( client_said( "" ) );
    finish_all();
}

/* Behind a frame that may not be nothing is read until the reader has what came before it: that is no silence of the peer's. */
static void test_keepalive_leaves_a_violation_to_the_reader(void)
{
    uint64_t due;
    int i;

    open_plain( 0 );
    expect( !ws_control_now( WHC_WS_KEEPALIVE, 15000 ) );
    server_says( "82:'data' 83:'bad'" );
    due = turn( engine_now_ms(), WS_WAIT );
    for (i = 0; i < 3; i++) due = turn( due, WS_WAIT );
    expect( !ws_script.out.len );
    expect( read_is( 100, "data", WHR_WS_BINARY ) );
    strand_run( &ws_conn->strand );
    expect( read_now( 100 ).error == WHE_PROTOCOL );
    finish_all();
}

static void test_operations_run_out_of_time(void)
{
    struct wh_exchange_send_params send = { .data = wh_from_ptr( place ), .len = 1000, .flags = WHX_WS_BINARY, .timeout_ms = 5000 };
    struct wh_exchange_read_body_params read = { .buffer = wh_from_ptr( place ), .size = 100, .timeout_ms = 7000 };
    uint64_t now = engine_now_ms(), due;

    open_plain( 0 );
    ws_script.room = 10;
    send.exchange = ws_id;
    expect( exchange_send( &send ) == WH_PENDING );
    due = turn( now, WS_WAIT );
    expect( due >= now + 5000 && due < now + 6000 );
    turn( due, WS_OVER );
    expect( fetched( WHK_BODY_SENT, WHE_TIMEOUT, 2, 0 ) );
    finish_all();

    open_plain( 0 );
    read.exchange = ws_id;
    expect( exchange_read_body( &read ) == WH_PENDING );
    due = turn( now, WS_WAIT );
    expect( due >= now + 7000 && due < now + 8000 );
    turn( due, WS_OVER );
    expect( fetched( WHK_BODY_READ, WHE_TIMEOUT, 0, 0 ) );
    finish_all();
}

/* A reader that was just served comes back: what it will want is not read in advance at once, but soon. */
static void test_reads_ahead_after_a_while(void)
{
    size_t position;
    uint64_t now, due;

    open_plain( 0 );
    bytes_words( &wire, "82:200000*61" );
    server_says( "89:'p'" );
    while (ws_script.position + 100000 < ws_script.size) expect( read_now( 50000 ).ret == WH_DONE );
    position = ws_script.position;
    now = engine_now_ms();
    due = turn( now, WS_WAIT );                              /* a turn without a reader reads ahead */
    expect( ws_script.position > position && due == TIMER_NEVER );
    finish_all();
}

static void test_compressed_fragments_can_be_understood_at_once(void)
{
    static const char *const parts[] = { "first part ", "", "second part, second part ", "end" };
    struct ws_list list = { 0 };
    struct ws_reader reader = { .inflates = 1 };
    unsigned int i;

    open_with( WS_TEST_HEAD( "Sec-WebSocket-Extensions: permessage-deflate\r\n" ),
               WS_TEST_ANSWER( "Sec-WebSocket-Extensions: permessage-deflate\r\n" ), 0 );
    if (inflateInit2( &reader.inflate, -15 )) abort();
    for (i = 0; i < 4; i++)
    {
        size_t before = ws_script.out.len;

        expect( !ws_send_now( parts[i], strlen( parts[i] ), WHX_WS_TEXT | (i < 3 ? WHX_WS_MORE : 0) ) );
        expect( (ws_script.out.len > before) == (parts[i][0] != 0) );
    }
    expect( !ws_send_now( NULL, 0, WHX_WS_BINARY | WHX_WS_MORE ) && !ws_send_now( NULL, 0, WHX_WS_BINARY ) );
    expect( read_frames( &reader, ws_script.out.data, ws_script.out.len, &list ) == ws_script.out.len );
    expect( list.count == 2 && list.items[0].data.len == 39 );
    expect( !memcmp( list.items[0].data.data, "first part second part, second part end", 39 ) );
    expect( list.items[1].opcode == WS_BINARY && !list.items[1].data.len );
    list_free( &list );
    inflateEnd( &reader.inflate );
    finish_all();
}

/* Bytes of a zip bomb stay compressed until somebody reads them. */
static void test_a_bomb_is_bounded_by_its_reader(void)
{
    static uint8_t packed[70000];
    struct ws_deflate codec = { .params = { .present = 1 } };
    struct read_result result;
    size_t used, total, len;
    ssize_t count;
    uint64_t got = 0;
    long live;
    int end;

    memset( place, 0, sizeof(place) );
    for (total = 0, len = 0; total < 60; total++)            /* 60 MiB of zeros */
    {
        used = sizeof(place);
        count = ws_deflate( &codec, place, &used, total == 59 ? WS_DEFLATE_END : WS_DEFLATE_ON, packed + len, sizeof(packed) - len, &end );
        expect( used == sizeof(place) );
        len += count;
    }
    expect( end );
    ws_deflate_free( &codec );
    open_with( WS_TEST_HEAD( "Sec-WebSocket-Extensions: permessage-deflate\r\n" ),
               WS_TEST_ANSWER( "Sec-WebSocket-Extensions: permessage-deflate\r\n" ), 100000 );
    live = hooks_live();
    bytes_frame( &wire, 0xc2, packed, len );
    server_says( "" );
    expect( ws_script.position == ws_script.size );
    do
    {
        result = read_now( 1000000 );
        expect( result.ret == WH_DONE && !result.error && result.bytes <= 1000000 );
        got += result.bytes;
        expect( hooks_live() <= live + 10 );                 /* a stream's own few pieces */
    } while (result.flags & WHR_WS_MORE);
    expect( got == 60ull << 20 );
    finish_all();
}

int main(void)
{
    client_begin( 0 );
    run( test_reads_give_pieces_of_one_message );
    run( test_sends_follow_the_rules );
    run( test_sends_of_messages_on_http_are_refused );
    run( test_close_is_known_once_a_read_told_of_it );
    run( test_closing_the_exchange_answers_the_peer );
    run( test_pings_are_answered_without_a_reader );
    run( test_nothing_is_read_beyond_the_limit );
    run( test_discarding_brings_the_close );
    run( test_the_cookie_of_records_changes );
    run( test_a_stream_that_takes_little );
    run( test_small_messages_are_one_write );
    run( test_a_flood_of_pings_costs_no_memory );
    run( test_masks_differ );
    run( test_ends_without_a_close );
    run( test_a_violation_waits_for_the_reader );
    run( test_our_close_to_a_peer_that_is_gone_is_no_error );
    run( test_cancel_ends_both_operations );
    run( test_keepalive );
    run( test_keepalive_can_be_turned_off );
    run( test_keepalive_leaves_a_violation_to_the_reader );
    run( test_operations_run_out_of_time );
    run( test_reads_ahead_after_a_while );
    run( test_compressed_fragments_can_be_understood_at_once );
    run( test_a_bomb_is_bounded_by_its_reader );
    client_end();
    return test_end( "ws" );
}
