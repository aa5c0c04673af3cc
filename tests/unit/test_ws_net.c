/*
 * WebSocket over real sockets: threads, large messages in both directions at once, ends, and every failure of memory and system
 */

#include <sched.h>

#include "faults.h"
#include "ws_peer.h"

static void script_echo( struct peer *peer, int fd, void *arg )
{
    (void)arg;
    ws_peer_echo( peer, fd );
}

static void test_echo_of_all_sizes(void)
{
    struct peer peer;

    peer_start( &peer, script_echo, NULL );
    expect( !open_websocket( &peer, NULL ) && client.status == 101 );
    echo_all_sizes();
    expect( close_websocket( client.id ) );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

/* Asynchronous operations of one WebSocket, both directions at once. */

#define FLOW (3 << 20)

static void script_flows( struct peer *peer, int fd, void *arg )
{
    char *data = large( FLOW ), block[65536];
    size_t sent = 0, got = 0, want = FLOW + 14;
    uint8_t header[10] = { 0x82, 127, 0, 0, 0, 0, 0, FLOW >> 16, 0, 0 };
    ssize_t count;

    (void)arg;
    if (!ws_peer_upgrade( peer, fd )) return;
    peer_send_bytes( fd, (const char *)header, sizeof(header) );
    while (sent < FLOW || got < want)    /* it takes and gives by turns, so that either side's buffers fill up */
    {
        if (got < want && (count = recv( fd, block, sizeof(block), MSG_DONTWAIT )) > 0) got += count;
        if (sent < FLOW && (count = send( fd, data + sent, FLOW - sent > 50000 ? 50000 : FLOW - sent,
                                          MSG_DONTWAIT | MSG_NOSIGNAL )) > 0) sent += count;
    }
    ws_peer_words( fd, "88:03e8" );
    ws_peer_wait_close( fd );
    free( data );
}

static void test_both_directions_at_once(void)
{
    const struct request request = { .head = WS_UPGRADE, .flags = WHX_WEBSOCKET | WHX_FRESH };
    static struct async async;
    char *data = large( FLOW ), *back = malloc( FLOW );
    struct wh_exchange_send_params send = { .data = wh_from_ptr( data ), .len = FLOW, .flags = WHX_WS_BINARY };
    struct wh_exchange_read_body_params read = { .buffer = wh_from_ptr( back ) };
    struct peer peer;
    uint64_t got = 0;
    int sent = 0, closed = 0;
    uint32_t ret;

    peer_start( &peer, script_flows, NULL );
    async_start( &async, peer.port, &request );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    async_read_head( &async, 0 );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    send.exchange = read.exchange = async.id;

    async.pending |= 1u << WHK_BODY_SENT;
    if (exchange_send( &send ) != WH_PENDING) async.pending &= ~(1u << WHK_BODY_SENT);
    while (!closed)
    {
        read.buffer = wh_from_ptr( back + (got < FLOW ? got : 0) );
        read.size = got < FLOW ? (uint32_t)(FLOW - got < 100000 ? FLOW - got : 100000) : 1;
        async.pending |= 1u << WHK_BODY_READ;
        if ((ret = exchange_read_body( &read )) == WH_PENDING)
        {
            expect( !async_wait( &async, WHK_BODY_READ ) );
            read.error = async.last[WHK_BODY_READ].error;
            read.bytes = async.last[WHK_BODY_READ].bytes;
            read.flags = async.last[WHK_BODY_READ].flags;
        }
        else async.pending &= ~(1u << WHK_BODY_READ);
        if (!expect( !read.error )) break;
        closed = read.flags == WHR_WS_CLOSE;
        got += read.bytes;
    }
    expect( got == FLOW && !memcmp( back, data, FLOW ) );
    sent = !async_wait( &async, WHK_BODY_SENT );
    expect( sent && (async.last[WHK_BODY_SENT].bytes == FLOW || send.sent == FLOW) );
    async_close( &async );
    async_wait_gone( &async );
    peer_stop( &peer );
    free( data );
    free( back );
    expect_clean();
}

/* Two threads: one sends, the other one reads and fetches all the records. */

#define ROUNDS 2000

static uint32_t async_send( struct async *async, const void *data, uint32_t len, uint32_t flags )
{
    struct wh_exchange_send_params send = { .exchange = async->id, .data = wh_from_ptr( data ), .len = len, .flags = flags };
    unsigned int bit = 1u << WHK_BODY_SENT;

    __atomic_or_fetch( &async->pending, bit, __ATOMIC_SEQ_CST );
    if (exchange_send( &send ) == WH_PENDING)
    {
        while (__atomic_load_n( &async->pending, __ATOMIC_SEQ_CST ) & bit) sched_yield();
        return async->last[WHK_BODY_SENT].error;
    }
    __atomic_and_fetch( &async->pending, ~bit, __ATOMIC_SEQ_CST );
    return send.error;
}

static void *sender( void *arg )
{
    unsigned int i;

    for (i = 0; i < ROUNDS; i++) if (async_send( arg, &i, sizeof(i), WHX_WS_BINARY )) return arg;
    return async_send( arg, "\x03\xe8", 2, WHX_WS_CLOSE ) ? arg : NULL;
}

static void test_a_thread_for_each_direction(void)
{
    const struct request request = { .head = WS_UPGRADE, .flags = WHX_WEBSOCKET | WHX_FRESH };
    struct wh_exchange_control_params control = { .what = WHC_WS_KEEPALIVE, .number = 15000 };
    static struct async async;
    struct peer peer;
    pthread_t thread;
    unsigned int i;
    void *failed;

    peer_start( &peer, script_echo, NULL );
    async_start( &async, peer.port, &request );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    async_read_head( &async, 0 );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    control.exchange = async.id;
    if (pthread_create( &thread, NULL, sender, &async )) abort();
    for (i = 0; i <= ROUNDS; i++)
    {
        const struct wh_record *last = &async.last[WHK_BODY_READ];

        async_read_body( &async );
        while (__atomic_load_n( &async.pending, __ATOMIC_SEQ_CST ) & 1u << WHK_BODY_READ)
            if (!expect( async_pump( WAIT_MS ) )) break;
        if (!expect( !last->error )) break;
        if (i == ROUNDS) expect( last->flags == WHR_WS_CLOSE && !last->bytes );
        else expect( last->bytes == sizeof(i) && last->flags == WHR_WS_BINARY && !memcmp( async.body, &i, sizeof(i) ) );
        if (i % 100 == 0) expect( exchange_control( &control ) == WH_DONE && (i == ROUNDS || !control.error) );
    }
    while (__atomic_load_n( &async.pending, __ATOMIC_SEQ_CST )) async_pump( 10 );
    pthread_join( thread, &failed );
    expect( !failed );
    async_close( &async );
    async_wait_gone( &async );
    peer_stop( &peer );
    expect_clean();
}

/* Another thread discards while a read waits. */

static void *discarder( void *arg )
{
    struct wh_exchange_control_params control = { .exchange = *(wh_id *)arg, .what = WHC_WS_DISCARD };

    expect( exchange_control( &control ) == WH_DONE && !control.error );
    return NULL;
}

static void script_chatter( struct peer *peer, int fd, void *arg )
{
    struct bytes data = { 0 };
    unsigned int i;

    (void)arg;
    if (!ws_peer_upgrade( peer, fd )) return;
    expect( ws_peer_read( fd, &data ) == (WS_FIN | WS_CLOSE) );
    for (i = 0; i < 1000; i++) ws_peer_words( fd, "82:3000*61" );
    ws_peer_words( fd, "88:03e8" );
    bytes_free( &data );
}

static void test_discarding_while_a_read_waits(void)
{
    struct wh_exchange_read_body_params read = { 0 };
    struct wh_record record;
    struct peer peer;
    pthread_t thread;
    char data[100];
    uint64_t bytes;
    uint32_t flags;
    wh_id id;

    peer_start( &peer, script_chatter, NULL );
    expect( !open_websocket( &peer, NULL ) );
    read.exchange = id = client.id;
    read.buffer = wh_from_ptr( data );
    read.size = sizeof(data);
    expect( exchange_read_body( &read ) == WH_PENDING );
    if (pthread_create( &thread, NULL, discarder, &id )) abort();
    expect( wait_for( &client, WHK_BODY_READ, &record ) == WHE_CANCELLED );
    pthread_join( thread, NULL );
    expect( !send_message( id, "\x03\xe8", 2, WHX_WS_CLOSE ) );
    expect( !read_message( id, data, sizeof(data), &bytes, &flags ) && flags == WHR_WS_CLOSE && !bytes );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

/* A synchronous program is not always in a call that waits, and nobody else waits for it. */

struct pinger
{
    int pings;                /* each message is answered with a ping; else pings with pongs */
    unsigned int answered;    /* atomic: pongs that came, or went */
    unsigned int messages;    /* atomic: that came */
};

static void script_pinger( struct peer *peer, int fd, void *arg )
{
    struct pinger *pinger = arg;
    struct bytes data = { 0 };
    int first;

    if (!ws_peer_upgrade( peer, fd )) return;
    while ((first = ws_peer_read( fd, &data )) != -1 && first != (WS_FIN | WS_CLOSE))
    {
        if (first == (WS_FIN | WS_BINARY)) __atomic_add_fetch( &pinger->messages, 1, __ATOMIC_SEQ_CST );
        if (pinger->pings && first == (WS_FIN | WS_BINARY)) ws_peer_frame( fd, WS_FIN | WS_PING, "p", 1 );
        if (!pinger->pings && first == (WS_FIN | WS_PING)) ws_peer_frame( fd, WS_FIN | WS_PONG, data.data, data.len );
        if (first != (pinger->pings ? WS_FIN | WS_PONG : WS_FIN | WS_PING)) continue;
        __atomic_add_fetch( &pinger->answered, 1, __ATOMIC_SEQ_CST );
    }
    ws_peer_words( fd, "88:03e8" );
    bytes_free( &data );
}

static unsigned int answers( struct pinger *pinger )
{
    return __atomic_load_n( &pinger->answered, __ATOMIC_SEQ_CST );
}

/* Sends messages, each when the peer has the one before: what is pinged or answered does not wait behind a flood. */
static void send_until_answered( struct pinger *pinger, unsigned int count, uint64_t limit_ms )
{
    unsigned int sent = __atomic_load_n( &pinger->messages, __ATOMIC_SEQ_CST );

    while (answers( pinger ) < count && engine_now_ms() < limit_ms)
    {
        if (!expect( !send_message( client.id, "x", 1, WHX_WS_BINARY ) )) break;
        sent++;
        while (__atomic_load_n( &pinger->messages, __ATOMIC_SEQ_CST ) < sent && engine_now_ms() < limit_ms) sched_yield();
    }
    expect( answers( pinger ) >= count );
}

static void test_pings_are_answered_by_who_only_sends(void)
{
    uint64_t limit = engine_now_ms() + WAIT_MS;
    struct pinger pinger = { .pings = 1 };
    struct peer peer;

    peer_start( &peer, script_pinger, &pinger );
    expect( !open_websocket( &peer, NULL ) );
    send_until_answered( &pinger, 1, limit );
    expect( close_websocket( client.id ) );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

static void test_keepalive_sees_answers_that_nobody_waited_for(void)
{
    struct wh_exchange_control_params control = { .what = WHC_WS_KEEPALIVE, .number = 500 };
    uint64_t limit = engine_now_ms() + WAIT_MS;
    struct pinger pinger = { 0 };
    unsigned int round;
    struct peer peer;

    peer_start( &peer, script_pinger, &pinger );
    expect( !open_websocket( &peer, NULL ) );
    control.exchange = client.id;
    expect( exchange_control( &control ) == WH_DONE && !control.error );
    for (round = 1; round <= 3; round++)
    {
        uint64_t now = engine_now_ms();

        while (engine_now_ms() < now + control.number) sched_yield();    /* the program does something else */
        send_until_answered( &pinger, round, limit );
    }
    control.number = 0;
    expect( exchange_control( &control ) == WH_DONE && !control.error );
    expect( close_websocket( client.id ) );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

/* Ends. */

/* What the peer saw at the end: the client's close frame, then the end of the stream, and no reset. */
struct farewell
{
    const char  *words;
    unsigned int code;
    int          end_first;       /* the peer ends its side */
    int          clean, frames;
};

static void script_farewell( struct peer *peer, int fd, void *arg )
{
    struct farewell *farewell = arg;
    struct bytes data = { 0 };
    char byte;
    int first;

    if (!ws_peer_upgrade( peer, fd )) return;
    ws_peer_words( fd, farewell->words );
    while ((first = ws_peer_read( fd, &data )) != -1 && first != (WS_FIN | WS_CLOSE)) ;
    if (first != -1 && data.len >= 2) farewell->code = data.data[0] << 8 | data.data[1];
    if (farewell->end_first) shutdown( fd, SHUT_WR );
    __atomic_store_n( &farewell->clean, recv( fd, &byte, 1, 0 ) == 0, __ATOMIC_SEQ_CST );
    bytes_free( &data );
}

static void test_farewells_reach_the_peer(void)
{
    /* bytes behind the end are on their way: closing at once would reset the connection and take our frame along */
    struct farewell cases[] =
    {
        { .words = "93:'bad' 82:60000*61", .code = 1002, .end_first = 1 },
        { .words = "81:ff 82:60000*61", .code = 1007, .end_first = 1 },
        { .words = "93:'bad'", .code = 1002 },                    /* it never ends: then we do */
        { .words = "88:0fa0 82:60000*61", .code = 4000, .end_first = 1 },
        { .words = "88:0fa0", .code = 4000 },
    };
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        unsigned int code = cases[i].code;
        struct peer peer;
        char data[1000];
        uint64_t bytes;
        uint32_t flags, error;

        cases[i].code = 0;
        peer_start( &peer, script_farewell, &cases[i] );
        expect( !open_websocket( &peer, NULL ) );
        error = read_message( client.id, data, sizeof(data), &bytes, &flags );
        if (code == 4000) expect( !error && flags == WHR_WS_CLOSE );
        else expect( error == WHE_PROTOCOL );
        client_close( &client );    /* answers a close */
        while (!__atomic_load_n( &cases[i].clean, __ATOMIC_SEQ_CST ) && object_count( OBJECT_CONN )) async_pump( 10 );
        peer_stop( &peer );
        expect( cases[i].code == code && cases[i].clean );
        expect_clean();
    }
}

static void script_mute( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    (void)arg;
    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, WS_TEST_ANSWER( "" ) );
    peer_wait_eof( fd );
}

static void test_closing_an_open_one_cuts_the_stream(void)
{
    struct peer peer;

    peer_start( &peer, script_mute, NULL );
    expect( !open_websocket( &peer, NULL ) );
    client_close( &client );
    peer_stop( &peer );             /* it waits for the end */
    expect_clean();
}

static void script_bytewise_frames( struct peer *peer, int fd, void *arg )
{
    struct bytes bytes = { 0 };
    char head[4096];
    size_t i;

    (void)arg;
    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    bytes_add( &bytes, WS_TEST_ANSWER( "" ), strlen( WS_TEST_ANSWER( "" ) ) );
    bytes_words( &bytes, "01:'Hel' 89:'p' 80:'lo' 82:300*61 88:03e8" );
    for (i = 0; i < bytes.len; i++) peer_send_bytes( fd, (const char *)bytes.data + i, 1 );
    ws_peer_wait_close( fd );
    bytes_free( &bytes );
}

static void test_everything_byte_by_byte(void)
{
    char data[1000], sum[1000];
    struct peer peer;
    uint64_t bytes;
    uint32_t flags;
    size_t len = 0;

    peer_start( &peer, script_bytewise_frames, NULL );
    expect( !open_websocket( &peer, NULL ) );
    do
    {
        if (!expect( !read_message( client.id, data, sizeof(data), &bytes, &flags ) )) break;
        memcpy( sum + len, data, bytes );
        len += bytes;
    } while (!(flags & WHR_WS_CLOSE));
    expect( len == 305 && !memcmp( sum, "Helloaaa", 8 ) );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

static void script_wrong( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, arg );
    peer_wait_eof( fd );
}

static void test_what_is_no_websocket(void)
{
    struct peer peer;

    peer_start( &peer, script_wrong, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n" );
    expect( open_websocket( &peer, NULL ) == WHE_PROTOCOL );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();

    peer_start( &peer, script_wrong, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno" );
    expect( !open_websocket( &peer, NULL ) && client.status == 403 );
    expect( !client_read_all( &client, 10, WAIT_MS ) && client.body_len == 2 && !memcmp( client.body, "no", 2 ) );
    client_close( &client );
    origin_shutdown();
    peer_stop( &peer );
    expect_clean();
}

/* Every failure. */

static void serve_websockets( struct crowd *crowd, int fd )
{
    ws_peer_echo( &crowd->peer, fd );
}

static unsigned int plain_story( struct crowd *crowd )
{
    return websocket_story( crowd, NULL );
}

static void test_websockets_survive_every_failure(void)
{
    struct crowd crowd;

    crowd_start( &crowd, serve_websockets );
    run_faults( "websocket", plain_story, &crowd );
    crowd_stop( &crowd );
}

int main(void)
{
    client_begin( 0 );
    run( test_echo_of_all_sizes );
    run( test_both_directions_at_once );
    run( test_a_thread_for_each_direction );
    run( test_discarding_while_a_read_waits );
    run( test_pings_are_answered_by_who_only_sends );
    run( test_keepalive_sees_answers_that_nobody_waited_for );
    run( test_farewells_reach_the_peer );
    run( test_closing_an_open_one_cuts_the_stream );
    run( test_everything_byte_by_byte );
    run( test_what_is_no_websocket );
    run( test_websockets_survive_every_failure );
    client_end();
    return test_end( "ws_net" );
}
