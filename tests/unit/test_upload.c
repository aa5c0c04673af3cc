/*
 * Uploads whose framing the transport writes (WHX_CHUNKED): the encoder, then whole exchanges, over a layer that takes
 * bytes one at a time and over a socket whose peer reads them so
 */

#include <errno.h>

#include "chunk.h"
#include "chunk_out.h"
#include "client.h"

#define BODY 200000

static char body[BODY];

static void fill( void )
{
    unsigned int i;

    for (i = 0; i < BODY; i++) body[i] = (char)(i * 7 + (i >> 8));
}

/* The encoder. */

static size_t gather( const struct chunk_out *out, const void *data, char *to )
{
    struct iovec parts[CHUNK_OUT_PARTS];
    unsigned int i, count = chunk_out_parts( out, data, parts );
    size_t len = 0;

    for (i = 0; i < count; i++)
    {
        expect( parts[i].iov_len );
        memcpy( to + len, parts[i].iov_base, parts[i].iov_len );
        len += parts[i].iov_len;
    }
    return len;
}

static void test_pieces_as_chunks( void )
{
    static const struct { const char *data; int last; const char *wire; } cases[] =
    {
        { "", 0, "" },
        { "", 1, "0\r\n\r\n" },
        { "a", 0, "1\r\na\r\n" },
        { "hello, world!!!!", 0, "10\r\nhello, world!!!!\r\n" },
        { "hello", 1, "5\r\nhello\r\n0\r\n\r\n" },
    };
    struct chunk_out out;
    char wire[64];
    unsigned int i;
    size_t len;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        chunk_out_begin( &out, strlen( cases[i].data ), cases[i].last );
        len = gather( &out, cases[i].data, wire );
        expect( len == strlen( cases[i].wire ) && !memcmp( wire, cases[i].wire, len ) );
    }
}

static void test_every_split_gives_the_same_bytes( void )
{
    static const char wire[] = "11\r\nabcdefghijklmnopq\r\n0\r\n\r\n", data[] = "abcdefghijklmnopq";
    size_t total = sizeof(wire) - 1, split, len, in_data;
    struct chunk_out out;
    char rest[64];

    for (split = 0; split <= total; split++)
    {
        chunk_out_begin( &out, sizeof(data) - 1, 1 );
        in_data = chunk_out_sent( &out, split );
        expect( in_data == (split < 4 ? 0 : split - 4 < 17 ? split - 4 : 17) );
        len = gather( &out, data, rest );
        expect( len == total - split && !memcmp( rest, wire + split, len ) );
        expect( in_data + chunk_out_sent( &out, len ) == 17 );
        expect( !gather( &out, data, rest ) );
    }
}

static void test_the_largest_sizes_fit( void )
{
    struct chunk_out out;

    chunk_out_begin( &out, ~(uint64_t)0, 1 );
    expect( out.line_len == 18 && !memcmp( out.line, "ffffffffffffffff\r\n", 18 ) );
    expect( out.line_len + out.tail_len <= CHUNK_OUT_FRAME );
}

/* What a peer got: a head, then chunks. */

struct sink
{
    char         *data;
    size_t        len, size;
    unsigned int  writes;
};

static struct sink sink;

static void sink_add( const void *data, size_t len )
{
    if (sink.len + len > sink.size) sink.data = realloc( sink.data, sink.size = 2 * (sink.len + len) );
    memcpy( sink.data + sink.len, data, len );
    sink.len += len;
}

static void sink_reset( void )
{
    free( sink.data );
    memset( &sink, 0, sizeof(sink) );
}

/* The message is complete and its body the first `len` bytes of `body`; returns the chunks it came in. */
static unsigned int sink_check( size_t len )
{
    struct chunk chunk = CHUNK_INIT;
    enum chunk_result result = CHUNK_MORE;
    size_t position, got = 0, used, span_len;
    unsigned int chunks = 0;
    uint64_t left = 0;
    const char *span;

    for (position = 4; position <= sink.len && memcmp( sink.data + position - 4, "\r\n\r\n", 4 ); position++) ;
    while (position < sink.len)
    {
        result = chunk_feed( &chunk, sink.data + position, sink.len - position, &used, &span, &span_len );
        position += used;
        if (result != CHUNK_DATA) break;
        if (!left)
        {
            chunks++;
            left = span_len + chunk_data_left( &chunk );
        }
        left -= span_len;
        if (!expect( got + span_len <= len && !memcmp( body + got, span, span_len ) )) return 0;
        got += span_len;
    }
    expect( result == CHUNK_DONE && position == sink.len && got == len );
    return chunks;
}

/* A layer of the test: takes `step` bytes, then none until the next ready(). */

static struct layer layer;
static size_t layer_step;       /* 0: everything */
static int layer_blocked, layer_broken_after;

static int layer_start( struct layer *self ) { (void)self; return LAYER_OK; }
static int layer_flush( struct layer *self ) { (void)self; return LAYER_OK; }
static unsigned int layer_wants( const struct layer *self ) { (void)self; return LAYER_WANT_WRITE; }
static size_t layer_pending( const struct layer *self ) { (void)self; return 0; }
static void layer_goodbye( struct layer *self ) { (void)self; }
static void layer_close( struct layer *self ) { (void)self; }
static ssize_t layer_read( struct layer *self, void *buffer, size_t size )
{
    (void)self;
    (void)buffer;
    (void)size;
    return LAYER_AGAIN;
}

static void layer_ready( struct layer *self, unsigned int what, int hangup )
{
    (void)self;
    (void)hangup;
    if (what & LAYER_WANT_WRITE) layer_blocked = 0;
}

static enum wh_error layer_query( struct layer *self, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)self;
    (void)what;
    (void)buffer;
    (void)size;
    (void)len;
    return WHE_STATE;
}

static ssize_t layer_write( struct layer *self, const void *data, size_t size )
{
    if (layer_broken_after && sink.writes >= (unsigned int)layer_broken_after)
    {
        self->error = WHE_RESET;
        return LAYER_FAILED;
    }
    if (layer_blocked) return LAYER_AGAIN;
    if (layer_step && size > layer_step) size = layer_step;
    if (layer_step) layer_blocked = 1;
    sink_add( data, size );
    sink.writes++;
    return size;
}

static ssize_t layer_writev( struct layer *self, const struct iovec *parts, unsigned int count )
{
    static char joined[BODY + CHUNK_OUT_FRAME];
    size_t len = 0;
    unsigned int i;

    for (i = 0; i < count; len += parts[i++].iov_len) memcpy( joined + len, parts[i].iov_base, parts[i].iov_len );
    return layer_write( self, joined, len );
}

static const struct layer_ops single_ops =
{
    .start = layer_start, .read = layer_read, .write = layer_write, .flush = layer_flush, .wants = layer_wants,
    .pending = layer_pending, .goodbye = layer_goodbye, .close = layer_close, .ready = layer_ready,
    .query = layer_query,
};

static const struct layer_ops vector_ops =
{
    .start = layer_start, .read = layer_read, .write = layer_write, .writev = layer_writev, .flush = layer_flush,
    .wants = layer_wants, .pending = layer_pending, .goodbye = layer_goodbye, .close = layer_close,
    .ready = layer_ready, .query = layer_query,
};

static const struct layer_ops *const both_ops[] = { &single_ops, &vector_ops };

/* A connection in the pool over that layer. Referenced. */
static struct conn *connection( const struct layer_ops *ops )
{
    static int listener;
    union address address = { .v4 = { .sin_family = AF_INET, .sin_addr = { htonl( INADDR_LOOPBACK ) } } };
    struct wh_route route = { .host = wh_from_ptr( "localhost" ), .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    socklen_t len = sizeof(address.v4);
    struct dial_plan plan = { 0 };
    struct origin *origin;
    struct dial *dial;
    struct conn *conn;
    uint32_t detail;
    enum wh_error error;

    if (!listener && ((listener = socket( AF_INET, SOCK_STREAM, 0 )) == -1 || bind( listener, &address.any, len ) ||
                      listen( listener, 100 ))) abort();
    if (getsockname( listener, &address.any, &len )) abort();
    if (origin_get( &route, 60000, &origin ) || !(dial = dial_create( origin_ref( origin ), &plan )) ||
        !(conn = conn_create( dial, origin, &address, TIMER_NEVER, &error, &detail ))) abort();
    conn->layer->ops->close( conn->layer );
    conn->layer = &layer;
    memset( &layer, 0, sizeof(layer) );
    layer.ops = ops;
    layer_blocked = 0;
    conn->dial = NULL;
    conn->state = CONN_UP;
    conn->deadline_ms = engine_now_ms() + 60000;
    object_remove( &dial->obj );
    object_release( &dial->obj );    /* the connection's */
    object_release( &dial->obj );
    strand_enter( &conn->strand );
    origin_conn_free( conn );
    strand_leave( &conn->strand );
    origin_release( origin );
    return conn;
}

static const char post[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

static uint32_t layer_upload_start( wh_id *id, const char *data, uint32_t len, uint32_t flags )
{
    struct wh_route route = { .host = wh_from_ptr( "localhost" ), .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_exchange_start_params start = { .session = session, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( post ), .head_len = sizeof(post) - 1, .body = wh_from_ptr( data ), .body_len = len,
        .total_len = WH_NO_LENGTH, .flags = WHX_SYNC | WHX_CHUNKED | flags };
    uint32_t ret = exchange_start( &start );

    *id = start.exchange;
    if (ret == WH_DONE) expect( !start.error );
    return ret;
}

/* Lets the layer take more until the record is there. */
static uint32_t layer_finish( wh_id id, struct conn *conn, struct wh_record *record )
{
    struct wh_wait_params wait = { .exchange = id, .records = wh_from_ptr( record ), .capacity = 1, .timeout_ms = 0 };
    unsigned int i;

    for (i = 0; i < 4 * BODY; i++)
    {
        conn_ready( conn, LAYER_WANT_WRITE, 0, NULL );
        expect( engine_wait( &wait ) == WH_DONE );
        if (wait.count) return record->error;
    }
    return WHE_INTERNAL;
}

static void layer_end( wh_id id, struct conn *conn )
{
    struct wh_exchange_close_params close = { .exchange = id };

    exchange_close( &close );
    origin_shutdown();
    object_release( &conn->obj );
    expect_clean();
    sink_reset();
}

/* The body in three pieces: with the head, alone, and an empty one that ends it. */
static void upload_over_layer( const struct layer_ops *ops, size_t step, uint32_t first, uint32_t second )
{
    struct conn *conn = connection( ops );
    struct wh_exchange_send_params send = { .data = wh_from_ptr( body + first ), .len = second };
    struct wh_record record;
    wh_id id;

    layer_step = step;
    if (layer_upload_start( &id, body, first, 0 ) == WH_PENDING) expect( !layer_finish( id, conn, &record ) );
    send.exchange = id;
    if (exchange_send( &send ) == WH_PENDING)
    {
        expect( !layer_finish( id, conn, &record ) );
        send.sent = record.bytes;
    }
    expect( !send.error && send.sent == second );
    send.len = 0;
    send.flags = WHX_END;
    if (exchange_send( &send ) == WH_PENDING) expect( !layer_finish( id, conn, &record ) );
    expect( !send.error );
    expect( sink_check( first + second ) == (unsigned int)(!!first + !!second) );

    send.len = 1;    /* the message is over */
    expect( exchange_send( &send ) == WH_DONE && send.error == WHE_STATE && !send.sent );
    layer_end( id, conn );
}

static void test_a_layer_may_take_any_bytes_at_a_time( void )
{
    static const size_t steps[] = { 1, 2, 3, 7, 0 };
    static const uint32_t sizes[][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 5, 300 }, { 16000, 16384 } };
    unsigned int i, j, k;

    for (i = 0; i < 2; i++)
        for (j = 0; j < sizeof(steps) / sizeof(steps[0]); j++)
            for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
                upload_over_layer( both_ops[i], steps[j], sizes[k][0], sizes[k][1] );
    for (i = 0; i < 2; i++)
        for (k = 16370; k < 16400; k++)    /* around what is joined, and twice that */
        {
            upload_over_layer( both_ops[i], 0, 0, k );
            upload_over_layer( both_ops[i], 1000, 0, 2 * k );
        }
    for (i = 0; i < 2; i++) upload_over_layer( both_ops[i], 50000, 70000, BODY - 70000 );
}

/* A small piece costs one write, with or without its head; a large one no more than its bytes need. */
static void test_writes_are_few( void )
{
    static const struct { uint32_t len; unsigned int single, vector; } cases[] = { { 10, 1, 1 }, { 16000, 1, 1 },
                                                                                   { BODY, 3, 1 } };
    struct wh_exchange_send_params send = { .data = wh_from_ptr( body ), .flags = WHX_END };
    struct conn *conn;
    unsigned int i, j;
    wh_id id;

    layer_step = 0;
    for (i = 0; i < 2; i++)
    {
        conn = connection( both_ops[i] );
        expect( layer_upload_start( &id, body, 10, WHX_END ) == WH_DONE );
        expect( sink.writes == 1 && sink_check( 10 ) == 1 );
        layer_end( id, conn );

        for (j = 0; j < 3; j++)
        {
            conn = connection( both_ops[i] );
            expect( layer_upload_start( &id, NULL, 0, 0 ) == WH_DONE && sink.writes == 1 );
            send.exchange = id;
            send.len = cases[j].len;
            expect( exchange_send( &send ) == WH_DONE && !send.error && send.sent == cases[j].len );
            expect( sink.writes == 1 + (i ? cases[j].vector : cases[j].single) );
            expect( sink_check( cases[j].len ) == 1 );
            layer_end( id, conn );
        }
    }
}

/* Bytes of framing are none of the program's. */
static void test_sent_counts_bytes_of_the_program( void )
{
    struct wh_exchange_query_params query = { .what = WHQ_STATS };
    struct wh_exchange_send_params send = { .data = wh_from_ptr( body ), .len = 1000 };
    struct wh_stats stats;
    struct conn *conn;
    wh_id id;
    int i;

    for (i = 0; i < 2; i++)
    {
        conn = connection( both_ops[i] );
        layer_step = 0;
        expect( layer_upload_start( &id, body, 50, 0 ) == WH_DONE );
        layer_step = 100;
        layer_broken_after = (int)sink.writes + 1;
        send.exchange = query.exchange = id;
        expect( exchange_send( &send ) == WH_DONE && send.error == WHE_STALE );    /* it came out of the pool */
        expect( send.sent == 100 - 5 );    /* "3e8" and its line end */
        query.buffer = wh_from_ptr( &stats );
        query.size = sizeof(stats);
        expect( exchange_query( &query ) == WH_DONE && stats.request_body == 50 + 95 );
        layer_broken_after = 0;
        layer_end( id, conn );
    }
}

/* Over a socket. */

static void script_slow_reader( struct peer *peer, int fd, void *arg )
{
    size_t *pause = arg;
    char byte;

    (void)peer;
    while (recv( fd, &byte, 1, 0 ) == 1)
    {
        sink_add( &byte, 1 );
        if (*pause && !(sink.len % *pause)) sched_yield();
        if (sink.len >= 7 && !memcmp( sink.data + sink.len - 7, "\r\n0\r\n\r\n", 7 ))
            peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    }
}

/* Small buffers on both sides, so that the socket takes little at a time. */
static int small_socket( int domain, int type, int protocol )
{
    int fd = socket( domain, type, protocol ), size = 1;

    if (fd != -1) setsockopt( fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size) );
    return fd;
}

static void test_a_peer_that_reads_byte_by_byte( void )
{
    struct request request = { .head = post, .body = body, .total_len = WH_NO_LENGTH, .flags = WHX_CHUNKED };
    static const size_t firsts[] = { 0, 100, 40000 };
    int (*real_socket)( int, int, int ) = wh_hooks.socket;
    struct client client;
    struct peer peer;
    size_t pause = 3000;
    unsigned int i;
    int size = 1;

    wh_hooks.socket = small_socket;
    for (i = 0; i < 3; i++)
    {
        peer_start( &peer, script_slow_reader, &pause );
        setsockopt( peer.listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size) );
        request.body_len = firsts[i];
        expect( !client_start( &client, &peer, &request ) );
        expect( !client_send( &client, body + firsts[i], BODY - firsts[i], WHX_END ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 200 );
        expect( !client_read_all( &client, 100, WAIT_MS ) );
        client_close( &client );
        expect( sink_check( BODY ) == 1 + !!firsts[i] );
        expect( origin_idle_count() == 1 );    /* the message is whole */
        expect_clean();
        peer_stop( &peer );
        sink_reset();
    }
    wh_hooks.socket = real_socket;
}

static void test_a_message_without_its_end_is_not_reused( void )
{
    struct request request = { .head = post, .body = body, .body_len = 10, .total_len = WH_NO_LENGTH,
                               .flags = WHX_CHUNKED };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" );
    expect( !client_start( &client, &peer, &request ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    client_close( &client );
    expect( !origin_idle_count() );
    expect_clean();
    peer_stop( &peer );
}

static void test_a_known_length_is_not_framed( void )
{
    struct request request = { .head = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", .body = "hello", .body_len = 5,
                               .total_len = 5, .flags = WHX_CHUNKED };
    struct conn *conn;
    struct wh_route route = { .host = wh_from_ptr( "localhost" ), .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_exchange_start_params start = { .session = session, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( request.head ), .head_len = (uint32_t)strlen( request.head ),
        .body = wh_from_ptr( request.body ), .body_len = 5, .total_len = 5, .flags = WHX_SYNC | WHX_CHUNKED };

    layer_step = 0;
    conn = connection( &single_ops );
    expect( exchange_start( &start ) == WH_DONE && !start.error );
    expect( sink.len == strlen( request.head ) + 5 && !memcmp( sink.data + sink.len - 5, "hello", 5 ) );
    layer_end( start.exchange, conn );
}

static void test_a_new_head_keeps_the_framed_body( void )
{
    struct wh_route route = { .host = wh_from_ptr( "localhost" ), .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_exchange_start_params start = { .session = session, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( "POST /x HTTP/1.1\r\n\r\n" ), .head_len = 20, .body = wh_from_ptr( body ), .body_len = 10,
        .total_len = WH_NO_LENGTH, .flags = WHX_SYNC | WHX_CHUNKED | WHX_END | WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { .head = wh_from_ptr( post ), .head_len = sizeof(post) - 1 };
    struct conn *conn;

    layer_step = 0;
    conn = connection( &vector_ops );
    expect( exchange_start( &start ) == WH_PENDING && start.paused );
    resume.exchange = start.exchange;
    expect( exchange_resume( &resume ) == WH_DONE && !resume.error );
    expect( sink_check( 10 ) == 1 && !memcmp( sink.data, post, sizeof(post) - 1 ) );
    layer_end( start.exchange, conn );
}

/* Whatever fails, there is an error or the server has the whole message, and nothing is left over. */
static void fault_scenario( void *arg )
{
    struct request request = { .head = post, .body = body, .body_len = 100, .total_len = WH_NO_LENGTH,
                               .flags = WHX_CHUNKED, .event_mask = ~0u };
    struct client client;

    if (!client_start( &client, arg, &request ) && !client_send( &client, body + 100, 40000, 0 ) &&
        !client_send( &client, NULL, 0, WHX_END ) && !client_read_head( &client, WAIT_MS, 0, 0 ))
        expect( client.status == 200 );
    client_close( &client );
    expect_clean();
}

static void script_swallow_and_answer( struct peer *peer, int fd, void *arg )
{
    size_t len = 0;
    char byte, tail[7];

    (void)peer;
    (void)arg;
    while (recv( fd, &byte, 1, 0 ) == 1)
    {
        memmove( tail, tail + 1, sizeof(tail) - 1 );
        tail[sizeof(tail) - 1] = byte;
        if (++len >= sizeof(tail) && !memcmp( tail, "\r\n0\r\n\r\n", 7 ))
            peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    }
}

static void test_every_failure_is_survived( void )
{
    static const struct { enum hook hook; int error; } hooks[] =
        { { HOOK_ALLOC, 0 }, { HOOK_CONNECT, ECONNREFUSED }, { HOOK_RECV, ECONNRESET }, { HOOK_SEND, EPIPE },
          { HOOK_EPOLL, ENOMEM } };
    struct peer peer;
    unsigned int i;

    peer_start( &peer, script_swallow_and_answer, NULL );
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        hooks_each_failure( hooks[i].hook, hooks[i].error, fault_scenario, &peer );
    peer_stop( &peer );
}

int main( void )
{
    fill();
    client_begin( 0 );
    run( test_pieces_as_chunks );
    run( test_every_split_gives_the_same_bytes );
    run( test_the_largest_sizes_fit );
    run( test_a_layer_may_take_any_bytes_at_a_time );
    run( test_writes_are_few );
    run( test_sent_counts_bytes_of_the_program );
    run( test_a_peer_that_reads_byte_by_byte );
    run( test_a_message_without_its_end_is_not_reused );
    run( test_a_known_length_is_not_framed );
    run( test_a_new_head_keeps_the_framed_body );
    run( test_every_failure_is_survived );
    client_end();
    return test_end( "upload" );
}
