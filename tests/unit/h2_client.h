/*
 * Exchanges over HTTP/2 in tests that play both sides
 *
 * A fetch goes through an exchange on its own: start, heads, body to the end, as far as the test lets it (`hold`). turn()
 * lets the peers, the engine and the fetches do what they can; until( condition ) turns until the condition holds, at
 * most WAIT_MS. Records are checked by async_record (client.h): each operation ends once.
 */

#ifndef WINHTTP_UNIT_H2_CLIENT_H
#define WINHTTP_UNIT_H2_CLIENT_H

#include "client.h"
#include "h2_peer.h"

enum fetch_state
{
    FETCH_NONE,
    FETCH_STARTING,      /* until HEAD_SENT */
    FETCH_HEAD,          /* a head is being read */
    FETCH_BODY,          /* the body is being read */
    FETCH_DONE,          /* `error` says how it ended */
};

#define FETCH_NO_HEAD  1     /* hold: do not ask for the head */
#define FETCH_NO_BODY  2     /* hold: do not ask for the body */

#define BODY_SIZE 65536

struct fetch
{
    struct async     async;          /* must be the first: records carry its address */
    enum fetch_state state;
    uint32_t         hold;           /* FETCH_NO_* */
    uint32_t         size;           /* of the reads, 0 = BODY_SIZE */
    uint32_t         head_ms, read_ms, head_limit;   /* limits of the operations */
    uint32_t         error, detail;
    uint32_t         status, flags;  /* of the final head */
    uint32_t         interims, interim;  /* how many, the last one's status */
    uint64_t         content_len, body_len, sent;
    uint32_t         sum;            /* of the body's bytes */
    char             head[70000];    /* the final one, NUL-terminated */
    char             body[BODY_SIZE];/* the last read's */
};

#define FETCHES 128
static struct fetch fetches[FETCHES];
static unsigned int fetch_count;     /* those that turn() looks after */
static struct h2_peer peers[3];
static unsigned int peer_count;

static const struct wh_route h2_route = { .alpn = WH_ALPN_H2 };
static const struct request h2_plain = { .route = &h2_route };

static const char *const targets[] = { "/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7" };
static const char *const target_heads[] = { "GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /3 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /5 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /6 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /7 HTTP/1.1\r\nHost: localhost\r\n\r\n" };

static inline void fetch_end( struct fetch *fetch, const struct wh_record *record )
{
    fetch->state = FETCH_DONE;
    fetch->error = record->error;
    fetch->detail = record->detail;
}

static inline void fetch_read_head( struct fetch *fetch )
{
    struct wh_exchange_read_head_params params = { .exchange = fetch->async.id, .buffer = wh_from_ptr( fetch->head ),
        .size = sizeof(fetch->head) - 1, .limit = fetch->head_limit, .timeout_ms = fetch->head_ms };
    struct wh_record *last = &fetch->async.last[WHK_HEAD_READ];
    uint32_t ret;

    fetch->state = FETCH_HEAD;
    fetch->async.pending |= 1u << WHK_HEAD_READ;
    if ((ret = exchange_read_head( &params )) == WH_PENDING) return;
    fetch->async.pending &= ~(1u << WHK_HEAD_READ);
    memset( last, 0, sizeof(*last) );
    last->error = ret == WH_DONE ? params.error : WHE_INVALID;
    last->detail = params.detail;
    last->flags = params.flags;
    last->status = params.status;
    last->bytes = params.len;
    last->content_len = params.content_len;
}

static inline void fetch_read_body( struct fetch *fetch )
{
    struct wh_exchange_read_body_params params = { .exchange = fetch->async.id, .buffer = wh_from_ptr( fetch->body ),
        .size = fetch->size ? fetch->size : BODY_SIZE, .timeout_ms = fetch->read_ms };
    struct wh_record *last = &fetch->async.last[WHK_BODY_READ];
    uint32_t ret;

    fetch->state = FETCH_BODY;
    fetch->async.pending |= 1u << WHK_BODY_READ;
    if ((ret = exchange_read_body( &params )) == WH_PENDING) return;
    fetch->async.pending &= ~(1u << WHK_BODY_READ);
    memset( last, 0, sizeof(*last) );
    last->error = ret == WH_DONE ? params.error : WHE_INVALID;
    last->detail = params.detail;
    last->flags = params.flags;
    last->bytes = params.bytes;
}

/* One step, if one can be made. */
static inline int fetch_turn( struct fetch *fetch )
{
    struct async *async = &fetch->async;
    const struct wh_record *record;
    uint64_t i;

    switch (fetch->state)
    {
    case FETCH_STARTING:
        if (async->pending & (1u << WHK_HEAD_SENT)) return 0;
        if (async->last[WHK_HEAD_SENT].error) fetch_end( fetch, &async->last[WHK_HEAD_SENT] );
        else if (fetch->hold & FETCH_NO_HEAD) return 0;
        else fetch_read_head( fetch );
        return 1;
    case FETCH_HEAD:
        record = &async->last[WHK_HEAD_READ];
        if (async->pending & (1u << WHK_HEAD_READ)) return 0;
        if (record->error) fetch_end( fetch, record );
        else if (record->flags & WHR_INTERIM)
        {
            fetch->interims++;
            fetch->interim = record->status;
            fetch_read_head( fetch );
        }
        else if (!fetch->status)
        {
            fetch->head[record->bytes] = 0;
            fetch->status = record->status;
            fetch->flags = record->flags;
            fetch->content_len = record->content_len;
            expect( record->flags & WHR_H2 );
            if (record->flags & WHR_END) fetch_end( fetch, record );
            else if (!(fetch->hold & FETCH_NO_BODY)) fetch_read_body( fetch );
        }
        else if (fetch->hold & FETCH_NO_BODY) return 0;
        else fetch_read_body( fetch );
        return 1;
    case FETCH_BODY:
        record = &async->last[WHK_BODY_READ];
        if (async->pending & (1u << WHK_BODY_READ)) return 0;
        for (i = 0; i < record->bytes; i++) fetch->sum += (uint8_t)fetch->body[i];
        fetch->body_len += record->bytes;
        if (record->error || (record->flags & WHR_END) || !record->bytes) fetch_end( fetch, record );
        else if (fetch->hold & FETCH_NO_BODY) fetch->state = FETCH_HEAD;
        else fetch_read_body( fetch );
        return 1;
    default:
        return 0;
    }
}

static inline void fetch_start( struct fetch *fetch, uint16_t port, const struct request *request )
{
    uint32_t hold = fetch->hold, size = fetch->size, head_ms = fetch->head_ms, read_ms = fetch->read_ms,
             head_limit = fetch->head_limit, ret;

    memset( fetch, 0, offsetof( struct fetch, head ) );
    fetch->hold = hold;
    fetch->size = size;
    fetch->head_ms = head_ms;
    fetch->read_ms = read_ms;
    fetch->head_limit = head_limit;
    fetch->state = FETCH_STARTING;
    ret = async_start( &fetch->async, port, request );
    expect( ret != WH_REFUSED );
    if (fetch - fetches >= (ptrdiff_t)fetch_count) fetch_count = fetch - fetches + 1;
}

/* A send; its end is in async.last[WHK_BODY_SENT], once WHK_BODY_SENT is not pending any more. */
static inline void fetch_send( struct fetch *fetch, const void *data, uint32_t len, uint32_t flags )
{
    struct wh_exchange_send_params params = { .exchange = fetch->async.id, .data = wh_from_ptr( data ), .len = len,
                                              .flags = flags };
    struct wh_record *last = &fetch->async.last[WHK_BODY_SENT];
    uint32_t ret;

    fetch->async.pending |= 1u << WHK_BODY_SENT;
    if ((ret = exchange_send( &params )) == WH_PENDING) return;
    fetch->async.pending &= ~(1u << WHK_BODY_SENT);
    memset( last, 0, sizeof(*last) );
    last->error = ret == WH_DONE ? params.error : WHE_INVALID;
    last->detail = params.detail;
    last->bytes = params.sent;
}

static inline int fetch_sending( const struct fetch *fetch )
{
    return (fetch->async.pending & (1u << WHK_BODY_SENT)) != 0;
}

static inline uint32_t fetch_sent( const struct fetch *fetch )
{
    return fetch->async.last[WHK_BODY_SENT].error;
}

/* One round for everybody; waits a moment if nobody has anything to do. */
static inline void turn( void )
{
    unsigned int i;
    int moved = 0;

    for (i = 0; i < peer_count; i++) moved |= h2_turn( &peers[i] );
    for (i = 0; i < fetch_count; i++) moved |= fetch_turn( &fetches[i] );
    if (async_pump( 0 )) moved = 1;
    if (!moved) async_pump( 1 );
}

static inline uint64_t patience_ms( void )
{
    const char *given = getenv( "WH_TEST_PATIENCE_MS" );

    return given ? (uint64_t)atoi( given ) : WAIT_MS;
}

/* The name of the case in a table that runs, for the messages. */
static const char *case_name = "";

static inline int holds( int ok, const char *what, const char *file, int line )
{
    if (!ok) fprintf( stderr, "in %s: ", case_name );
    return test_expect( ok, what, file, line );
}
#define hold_that( what ) holds( (what) != 0, #what, __FILE__, __LINE__ )

#define until( what ) \
    do \
    { \
        uint64_t limit_ = engine_now_ms() + patience_ms(); \
        while (!(what) && holds( engine_now_ms() < limit_, #what, __FILE__, __LINE__ )) turn(); \
    } while (0)

static inline uint32_t fetch_trailers( struct fetch *fetch, char *text, uint32_t size )
{
    struct wh_exchange_query_params params = { .exchange = fetch->async.id, .buffer = wh_from_ptr( text ), .size = size - 1,
                                               .what = WHQ_TRAILERS };

    expect( exchange_query( &params ) == WH_DONE );
    text[params.error ? 0 : params.len] = 0;
    return params.error;
}

static inline uint32_t fetch_number( struct fetch *fetch, enum wh_query what, uint32_t *number )
{
    struct wh_exchange_query_params params = { .exchange = fetch->async.id, .buffer = wh_from_ptr( number ), .size = 4,
                                               .what = what };

    expect( exchange_query( &params ) == WH_DONE );
    return params.error;
}

static inline void fetch_close( struct fetch *fetch )
{
    if (fetch->state == FETCH_NONE) return;
    fetch->state = FETCH_NONE;
    async_close( &fetch->async );
    until( fetch->async.gone );
    expect( !fetch->async.pending );
    fetch->hold = fetch->size = fetch->head_ms = fetch->read_ms = fetch->head_limit = 0;
}

/* Begin and end of a test: `count` peers on one port. */

static inline void play_begin( unsigned int count )
{
    unsigned int i;

    fetch_count = 0;
    h2_listen( &peers[0] );
    for (i = 1; i < count; i++) h2_listen_too( &peers[i], &peers[0] );
    peer_count = count;
}

/* Nothing is left, and the client has kept to the protocol. */
static inline void play_end( void )
{
    unsigned int i;

    for (i = 0; i < fetch_count; i++) fetch_close( &fetches[i] );
    origin_shutdown();
    for (i = 0; i < 3 && object_count( OBJECT_CONN ); i++) turn();
    expect_clean();
    for (i = 0; i < peer_count; i++)
    {
        hold_that( !peers[i].complaints );
        h2_peer_stop( &peers[i] );
    }
    peer_count = fetch_count = 0;
}

/* Fetches 0 to count - 1 get their streams from peer 0, in this order: ids 1, 3, ... The peer says `settings` first. */
static inline void open_streams( unsigned int count, const struct request *request )
{
    struct request targeted = request ? *request : h2_plain;
    unsigned int i;

    for (i = 0; i < count; i++)
    {
        if (!request || !request->head) targeted.head = target_heads[i];
        fetch_start( &fetches[i], peers[0].port, &targeted );
        until( peers[0].last_id == 2 * i + 1 && !peers[0].block_stream );
    }
}

#endif /* WINHTTP_UNIT_H2_CLIENT_H */
