/*
 * Fuzz target: an HTTP/2 connection over a scripted layer
 *
 * The first bytes of the input choose how the rest, the server's frames, arrives, and what the program does: three
 * exchanges at a time, a GET that decodes, an upload, and one that is closed early or asks for a WebSocket. Whatever the
 * bytes are: no crash, no endless work, each operation ends once, heads read as heads, no body is longer than its length,
 * and nothing is left.
 */

#define TEST_FATAL
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

enum { CHOOSE_EOF = 1, CHOOSE_RESET = 2, CHOOSE_LARGE = 4, CHOOSE_SLOW_WRITES = 8, CHOOSE_CLOSE = 16, CHOOSE_WEBSOCKET = 32,
       CHOOSE_STREAM_END = 64, CHOOSE_QUERY = 128 };

#include "script_layer.h"

#define CONTROL   2    /* bytes of choices */
#define EXCHANGES 3

static const char upload[40000];

static ssize_t script_write( struct layer *layer, const void *data, size_t size )
{
    (void)layer;
    (void)data;
    if (!(script.choice & CHOOSE_SLOW_WRITES)) return size;
    if (!(next_random() % 3)) return LAYER_AGAIN;
    return 1 + next_random() % size;
}

static const struct wh_route route = { .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP, .alpn = WH_ALPN_H2, .conn_limit = 1 };

/* The one connection that the limit allows, up and talking to the script. Referenced. */
static struct conn *connection( void )
{
    union address address = { .v4 = { .sin_family = AF_INET, .sin_port = 80 } };
    struct wh_route named = route;
    struct dial_plan plan = { 0 };
    struct origin *origin;
    struct dial *dial;
    struct conn *conn;
    uint32_t detail;
    enum wh_error error;

    named.host = wh_from_ptr( "localhost" );
    if (origin_get( &named, 60000, &origin ) || !(dial = dial_create( origin_ref( origin ), &plan )) ||
        !(conn = conn_create( dial, origin, &address, TIMER_NEVER, &error, &detail ))) abort();
    origin->conns++;                 /* as for any dial */
    conn->layer->ops->close( conn->layer );
    conn->layer = &script.layer;
    script.layer.ops = &script_ops;
    conn->protocol = WH_ALPN_H2;
    if (h2_open( conn, &plan )) abort();
    strand_enter( &conn->strand );
    conn->dial = NULL;
    conn->state = CONN_UP;
    origin_conn_up( conn, dial );
    conn->was_idle = 0;
    strand_leave( &conn->strand );
    object_release( &dial->obj );    /* the connection's */
    object_release( &dial->obj );
    origin_release( origin );
    return conn;
}

struct slot
{
    wh_id    id;
    uint32_t pending;                /* 1 << kind */
    uint32_t over, head_done, websocket;
    uint64_t content_len, body_len, sent;
    char     head[65536], body[8192];
};
static struct slot slots[EXCHANGES];

static void got_head( struct slot *slot, uint32_t error, uint32_t len, uint32_t flags, uint64_t content_len )
{
    struct head_info info;

    slot->over = error || (flags & WHR_END);
    if (error || (flags & (WHR_INTERIM | WHR_TOO_SMALL))) return;
    expect( flags & WHR_H2 );
    expect( head_parse( &info, slot->head, len, 0 ) == (ssize_t)len );
    slot->head_done = 1;
    slot->websocket = info.status == 101;
    slot->content_len = content_len;
}

static void got_body( struct slot *slot, uint32_t error, uint64_t bytes, uint32_t flags, int query )
{
    expect( bytes <= sizeof(slot->body) || query );
    if (!query) slot->body_len += bytes;
    if (!slot->websocket && slot->content_len != WH_NO_LENGTH) expect( slot->body_len <= slot->content_len );
    slot->over = error || (flags & (WHR_END | WHR_WS_CLOSE));
    if (!error && (flags & WHR_END) && slot->content_len != WH_NO_LENGTH) expect( slot->body_len == slot->content_len );
}

static void slot_read( struct slot *slot )
{
    struct wh_exchange_read_head_params head = { .exchange = slot->id, .buffer = wh_from_ptr( slot->head ),
                                                 .size = sizeof(slot->head) };
    struct wh_exchange_read_body_params body = { .exchange = slot->id, .buffer = wh_from_ptr( slot->body ),
                                                 .size = 1 + next_random() % sizeof(slot->body) };

    if (!slot->head_done)
    {
        if (exchange_read_head( &head ) == WH_PENDING) slot->pending |= 1u << WHK_HEAD_READ;
        else got_head( slot, head.error, head.len, head.flags, head.content_len );
        return;
    }
    if (!slot->websocket && script.choice & CHOOSE_QUERY && next_random() % 2) body.size = 0;
    if (exchange_read_body( &body ) == WH_PENDING) slot->pending |= 1u << WHK_BODY_READ;
    else got_body( slot, body.error, body.bytes, body.flags, !body.size );
}

static void slot_send( struct slot *slot )
{
    struct wh_exchange_send_params send = { .exchange = slot->id, .data = wh_from_ptr( upload ),
                                            .len = next_random() % sizeof(upload), .flags = next_random() % 8 ? 0 : WHX_END };

    if (slot->websocket) send.flags = next_random() % 8 ? WHX_WS_BINARY : WHX_WS_CLOSE, send.len %= 100;
    if (exchange_send( &send ) == WH_PENDING) slot->pending |= 1u << WHK_BODY_SENT;
}

static void slot_record( struct slot *slot, const struct wh_record *record )
{
    expect( slot->pending & (1u << record->kind) );
    slot->pending &= ~(1u << record->kind);
    switch (record->kind)
    {
    case WHK_HEAD_SENT: slot->over = record->error != 0; break;
    case WHK_HEAD_READ: got_head( slot, record->error, (uint32_t)record->bytes, record->flags, record->content_len ); break;
    case WHK_BODY_READ: got_body( slot, record->error, record->bytes, record->flags, !record->bytes || record->bytes > sizeof(slot->body) ); break;
    default: break;
    }
}

static void slot_start( unsigned int index )
{
    static const char *const heads[EXCHANGES] =
    {
        "GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /1 HTTP/1.1\r\nHost: localhost\r\nConnection: x\r\nX: y\r\n\r\n",
        ("GET /2 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    };
    struct wh_route named = route;
    struct wh_exchange_start_params start = { .session = session, .cookie = index, .route = wh_from_ptr( &named ),
        .head = wh_from_ptr( heads[index] ), .head_len = (uint32_t)strlen( heads[index] ) };
    struct slot *slot = &slots[index];

    memset( slot, 0, offsetof( struct slot, head ) );
    slot->content_len = WH_NO_LENGTH;
    named.host = wh_from_ptr( "localhost" );
    if (!index) start.flags = WHX_DECODE | WHX_DECODE_MORE;
    if (index == 1) start.total_len = WH_NO_LENGTH, start.flags = WHX_CHUNKED;
    if (index == 2 && script.choice & CHOOSE_WEBSOCKET) start.flags = WHX_WEBSOCKET;
    if (script.choice & CHOOSE_STREAM_END) start.flags |= WHX_STREAM_END;
    if (exchange_start( &start ) == WH_PENDING) slot->pending = 1u << WHK_HEAD_SENT;
    else slot->over = start.error != 0;
    slot->id = start.exchange;
}

static void fetch_records( void )
{
    struct wh_record records[8];
    struct wh_wait_params wait = { .records = wh_from_ptr( records ), .capacity = 8 };
    uint32_t i;

    expect( engine_wait( &wait ) == WH_DONE );
    for (i = 0; i < wait.count; i++)
        if (records[i].kind != WHK_GONE) slot_record( &slots[records[i].cookie], &records[i] );
}

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    struct conn *conn;
    unsigned int i, steps;
    size_t before;

    if (!session)
    {
        client_begin( 60000 );
        wh_hooks.connect = begun_connect;
    }
    if (size < CONTROL || size > 1 << 20) return 0;
    memset( &script, 0, sizeof(script) );
    script.choice = data[0];
    script.seed = data[1] * 2654435761u;
    script.data = data + CONTROL;
    script.size = size - CONTROL;

    conn = connection();
    for (i = 0; i < EXCHANGES; i++) slot_start( i );
    for (steps = 0; steps < 100; steps++)
    {
        before = script.position;
        conn_ready( conn, LAYER_WANT_READ | LAYER_WANT_WRITE, 0, NULL );
        if (script.position != before) steps = 0;    /* it can go on like this only as long as there is input */
        fetch_records();
        for (i = 0; i < EXCHANGES; i++)
        {
            struct slot *slot = &slots[i];

            if (slot->over || slot->pending & (1u << WHK_HEAD_SENT)) continue;
            if (!(slot->pending & (1u << WHK_HEAD_READ | 1u << WHK_BODY_READ)) && next_random() % 4) slot_read( slot );
            if ((i == 1 || slot->websocket) && !(slot->pending & (1u << WHK_BODY_SENT)) && !(next_random() % 4)) slot_send( slot );
        }
        if (script.choice & CHOOSE_CLOSE && next_random() % 16 == 0) break;
    }
    for (i = 0; i < EXCHANGES; i++)
    {
        struct wh_exchange_close_params close = { .exchange = slots[i].id };

        exchange_close( &close );
    }
    origin_shutdown();
    for (steps = 0; steps < 20; steps++)    /* what was under way has ended; closing connections may take another turn */
    {
        fetch_records();
        origin_shutdown();
    }
    for (i = 0; i < EXCHANGES; i++) expect( !slots[i].pending );
    object_release( &conn->obj );
    expect( !object_count( OBJECT_CONN ) && !object_count( OBJECT_EXCHANGE ) && !object_count( OBJECT_DIAL ) );
    return 0;
}
