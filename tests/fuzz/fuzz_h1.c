/*
 * Fuzz target: an HTTP/1.1 connection over a scripted layer
 *
 * The first bytes of the input choose how the rest, the server's bytes, arrives and how the program reads. Whatever they
 * are: no crash, no endless work, the body is what the framing says, and only a connection whose response could be read
 * in one way and ended exactly where the bytes so far end goes back into the pool.
 */

#define TEST_FATAL
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

enum { CHOOSE_HEAD = 1, CHOOSE_EOF = 2, CHOOSE_RESET = 4, CHOOSE_LARGE = 8, CHOOSE_AVAILABLE = 16, CHOOSE_LEAVE = 32,
       CHOOSE_POST = 64 };

#include "script_layer.h"

#define CONTROL 2    /* bytes of choices */

static char body[1 << 20];
static size_t body_len;

static ssize_t script_write( struct layer *layer, const void *data, size_t size )
{
    (void)layer;
    (void)data;
    return size;
}

static const struct wh_route route = { .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };

/* A connection in the pool that talks to the script. Referenced. */
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
    conn->layer->ops->close( conn->layer );
    conn->layer = &script.layer;
    script.layer.ops = &script_ops;
    conn->dial = NULL;
    conn->state = CONN_UP;
    conn->deadline_ms = engine_now_ms() + 60000;
    object_remove( &dial->obj );
    object_release( &dial->obj );    /* the connection's */
    object_release( &dial->obj );
    strand_enter( &conn->strand );
    origin_conn_free( conn );
    conn->was_idle = 0;    /* as a new one: the script's bytes come after the request */
    strand_leave( &conn->strand );
    origin_release( origin );
    return conn;
}

/* Lets bytes come until the operation of this kind has ended. 0 if they do not suffice. */
static int finish( wh_id id, struct conn *conn, uint32_t kind, struct wh_record *record )
{
    struct wh_wait_params wait = { .exchange = id, .records = wh_from_ptr( record ), .capacity = 1, .timeout_ms = 0 };
    size_t steps, before;

    for (steps = 0; steps < 64; steps++)
    {
        before = script.position;
        conn_ready( conn, LAYER_WANT_READ, 0, NULL );
        if (script.position != before) steps = 0;    /* it can go on like this only as long as there is input */
        expect( engine_wait( &wait ) == WH_DONE );
        if (wait.count)
        {
            expect( record->kind == kind );
            return 1;
        }
    }
    return 0;
}

/* What the bytes behind the head say, by a decoder of its own that sees them at once. */
static void check_body( const struct head_info *info, size_t head_end, int ended )
{
    size_t rest = script.size - head_end, used, len, expected = 0, position = head_end;
    static char decoded[sizeof(body)];
    struct chunk chunk = CHUNK_INIT;
    enum chunk_result result;
    const char *span;

    switch (info->body)
    {
    case HEAD_BODY_NONE:
        expect( !body_len );
        break;
    case HEAD_BODY_LENGTH:
        expect( body_len <= info->content_len && (!ended || body_len == info->content_len) );
        /* fall through */
    case HEAD_BODY_CLOSE:
        expect( body_len <= rest && !memcmp( body, script.data + head_end, body_len ) );
        break;
    case HEAD_BODY_CHUNKED:
        do
        {
            result = chunk_feed( &chunk, (const char *)script.data + position, script.size - position, &used,
                                 &span, &len );
            position += used;
            if (result != CHUNK_DATA) continue;
            memcpy( decoded + expected, span, len );
            expected += len;
        } while (result == CHUNK_DATA);
        expect( body_len <= expected + (result == CHUNK_MORE ? rest : 0) );
        expect( !memcmp( body, decoded, body_len < expected ? body_len : expected ) );
        if (ended) expect( result == CHUNK_DONE && body_len == expected );
        break;
    }
}

static void check_reuse( const struct head_info *info, size_t head_end )
{
    struct chunk chunk = CHUNK_INIT;
    enum chunk_result result;
    size_t used, len, end = head_end;
    const char *span;

    expect( info->keep_alive && !info->ambiguous && info->body != HEAD_BODY_CLOSE && info->status != 101 );
    if (info->body == HEAD_BODY_LENGTH) end += info->content_len;
    else if (info->body == HEAD_BODY_CHUNKED)
    {
        do
        {
            result = chunk_feed( &chunk, (const char *)script.data + end, script.size - end, &used, &span, &len );
            end += used;
        } while (result == CHUNK_DATA);
        expect( result == CHUNK_DONE );
    }
    expect( script.position == end );
}

/* One exchange; returns where its final head ended and whether the body did. */
static int exchange_once( struct conn *conn, struct head_info *info, size_t *head_end, int *ended )
{
    static const char head_text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static char head[65536], place[32768];
    struct wh_route named = route;
    struct wh_exchange_start_params start = { .session = session, .route = wh_from_ptr( &named ),
        .head = wh_from_ptr( head_text ), .head_len = sizeof(head_text) - 1, .flags = WHX_SYNC };
    struct wh_exchange_read_head_params read_head = { .buffer = wh_from_ptr( head ), .size = sizeof(head) };
    struct wh_exchange_read_body_params read_body = { .buffer = wh_from_ptr( place ) };
    struct wh_exchange_close_params close = { .drain_limit = 65536 };
    struct wh_record record;
    uint32_t status, flags = 0, error, count;
    int got_head = 0;

    named.host = wh_from_ptr( "localhost" );
    if (script.choice & CHOOSE_HEAD) start.flags |= WHX_HEAD;
    if (exchange_start( &start ) != WH_DONE) abort();    /* the layer takes everything */
    expect( !start.error && start.exchange );
    close.exchange = read_head.exchange = read_body.exchange = start.exchange;
    *head_end = 0;
    *ended = 0;

    do    /* heads */
    {
        if ((status = exchange_read_head( &read_head )) == WH_PENDING)
        {
            if (!finish( start.exchange, conn, WHK_HEAD_READ, &record )) goto done;
            read_head.error = record.error;
            read_head.len = (uint32_t)record.bytes;
            read_head.flags = record.flags;
        }
        if (read_head.error) goto done;
        expect( !memcmp( head, script.data + *head_end, read_head.len ) );
        *head_end += read_head.len;
    } while (read_head.flags & WHR_INTERIM);
    got_head = 1;
    expect( head_parse( info, head, read_head.len, script.choice & CHOOSE_HEAD ) == (ssize_t)read_head.len );
    flags = read_head.flags;
    if (script.choice & CHOOSE_LEAVE) goto done;    /* the rest is drained */

    while (!(flags & WHR_END))    /* body */
    {
        read_body.size = script.choice & CHOOSE_LARGE ? sizeof(place) : 1 + next_random() % 50;
        read_body.min = next_random() % 3 ? 0 : read_body.size;
        if (script.choice & CHOOSE_AVAILABLE && next_random() % 2) read_body.size = read_body.min = 0;
        if ((status = exchange_read_body( &read_body )) == WH_PENDING)
        {
            if (!finish( start.exchange, conn, WHK_BODY_READ, &record )) goto done;
            read_body.error = record.error;
            read_body.bytes = record.bytes;
            read_body.flags = record.flags;
        }
        error = read_body.error;
        count = (uint32_t)read_body.bytes;
        flags = read_body.flags;
        if (read_body.size)
        {
            expect( count <= read_body.size && body_len + count <= sizeof(body) );
            memcpy( body + body_len, place, count );
            body_len += count;
        }
        if (error) goto done;
        expect( count || (flags & WHR_END) );
    }
    *ended = 1;

done:
    exchange_close( &close );
    for (;;)    /* a pending operation's record */
    {
        struct wh_wait_params wait = { .exchange = start.exchange, .records = wh_from_ptr( &record ), .capacity = 1 };

        if (engine_wait( &wait ) != WH_DONE || !wait.count) break;
    }
    return got_head;
}

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    struct head_info info;
    struct conn *conn;
    unsigned int steps;
    size_t head_end;
    int ended;

    if (!session)
    {
        client_begin( 0 );
        wh_hooks.connect = begun_connect;
    }
    if (size < CONTROL || size > sizeof(body) / 2) return 0;
    memset( &script, 0, sizeof(script) );
    script.choice = data[0];
    script.seed = data[1] * 2654435761u;
    script.blocked = 1;
    script.data = data + CONTROL;
    script.size = size - CONTROL;
    body_len = 0;

    conn = connection();
    if (exchange_once( conn, &info, &head_end, &ended ))
    {
        check_body( &info, head_end, ended );
        for (steps = 0; steps < 64 && conn->draining; steps++) conn_ready( conn, LAYER_WANT_READ, 0, NULL );
        if (origin_idle_count()) check_reuse( &info, head_end );
    }
    else expect( !origin_idle_count() );    /* no answer, no reuse */
    origin_shutdown();
    object_release( &conn->obj );
    expect( !object_count( OBJECT_CONN ) && !object_count( OBJECT_EXCHANGE ) && !object_count( OBJECT_DIAL ) );
    return 0;
}
