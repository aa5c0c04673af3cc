/*
 * Exchanges as programs drive them, for the tests of the transport
 *
 * `client` is a synchronous caller; `async` an asynchronous one, whose records async_pump fetches and checks: each
 * operation completes once, and nothing follows GONE. Every wait has a bound.
 */

#ifndef WINHTTP_UNIT_CLIENT_H
#define WINHTTP_UNIT_CLIENT_H

#include "buffer.h"
#include "conn.h"
#include "dial.h"
#include "dns.h"
#include "engine.h"
#include "exchange.h"
#include "origin.h"
#include "session.h"
#include "tls.h"

#include "unix/hooks.h"
#include "hooks.h"
#include "peer.h"
#include "test.h"

#define WAIT_MS 20000      /* far more than anything here takes; a lost completion shows as this */

static wh_id session;

/* One exchange as a synchronous caller drives it. */
struct client
{
    wh_id     id;
    uint32_t  error, detail, status, flags, paused;
    char      head[4096], body[65536];
    uint32_t  head_len;
    uint64_t  body_len, content_len;
    unsigned int events;           /* 1 << kind of each progress record seen */
};

struct request
{
    const char *head, *body;
    size_t      body_len;
    uint64_t    total_len;
    uint32_t    flags, event_mask, conn_limit, send_ms, connect_ms, receive_ms;
    const char *host;
    wh_u64      partition;
    uint32_t    scheme;
    const struct wh_route *route;      /* for the fields of it that are not named here */
    uint32_t    resolve_ms, head_limit;
    wh_id       pin;
};

static inline struct wh_route request_route( const struct request *request, uint16_t port )
{
    const char *host = request->host ? request->host : "127.0.0.1";
    struct wh_route route = { .port = 0 };

    if (request->route) route = *request->route;
    route.host = wh_from_ptr( host );
    route.host_len = (uint32_t)strlen( host );
    route.port = port;
    route.scheme = request->scheme ? request->scheme : WH_SCHEME_HTTP;
    route.tls_versions = WH_TLS_1_2 | WH_TLS_1_3;
    if (request->conn_limit) route.conn_limit = request->conn_limit;
    if (request->partition) route.partition = request->partition;
    return route;
}

static const char get_head[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static inline uint32_t wait_for( struct client *client, uint32_t kind, struct wh_record *record )
{
    struct wh_wait_params params = { .exchange = client->id, .records = wh_from_ptr( record ), .capacity = 1,
                                     .timeout_ms = WAIT_MS };

    for (;;)
    {
        if (engine_wait( &params ) || !params.count) return WHE_INTERNAL;
        if (record->kind == kind) return record->error;
        client->events |= 1u << record->kind;
        if (record->kind == WHK_PAUSE_SENDING && kind == WHK_HEAD_SENT)
        {
            client->paused = 1;
            return 0;
        }
    }
}

static inline uint32_t client_start( struct client *client, const struct peer *peer, const struct request *request )
{
    struct wh_route route = request_route( request, peer->port );
    struct wh_exchange_start_params params = { .session = session, .route = wh_from_ptr( &route ), .pin = request->pin,
        .head = wh_from_ptr( request->head ? request->head : get_head ),
        .head_len = (uint32_t)strlen( request->head ? request->head : get_head ),
        .body = wh_from_ptr( request->body ), .body_len = (uint32_t)request->body_len,
        .total_len = request->total_len ? request->total_len : request->body_len,
        .flags = WHX_SYNC | request->flags, .event_mask = request->event_mask,
        .send_ms = request->send_ms ? request->send_ms : WAIT_MS, .connect_ms = request->connect_ms,
        .resolve_ms = request->resolve_ms };
    struct wh_record record;
    uint32_t ret;

    memset( client, 0, offsetof( struct client, head ) );
    client->head_len = 0;
    client->body_len = 0;
    client->events = 0;
    ret = exchange_start( &params );
    client->id = params.exchange;
    client->paused = params.paused;
    if (ret == WH_REFUSED) return client->error = WHE_INVALID;
    if (ret == WH_DONE || params.paused) client->error = params.error;
    else client->error = wait_for( client, WHK_HEAD_SENT, &record );
    return client->error;
}

static inline uint32_t client_send( struct client *client, const char *data, size_t len, uint32_t flags )
{
    struct wh_exchange_send_params params = { .exchange = client->id, .data = wh_from_ptr( data ), .len = (uint32_t)len,
                                              .flags = flags, .timeout_ms = WAIT_MS };
    struct wh_record record;
    uint32_t ret = exchange_send( &params );

    if (ret == WH_REFUSED) return client->error = WHE_INVALID;
    return client->error = ret == WH_DONE ? params.error : wait_for( client, WHK_BODY_SENT, &record );
}

static inline uint32_t client_read_head( struct client *client, uint32_t timeout_ms, uint32_t limit, uint32_t option )
{
    struct wh_exchange_read_head_params params = { .exchange = client->id, .buffer = wh_from_ptr( client->head ),
        .size = sizeof(client->head), .limit = limit, .timeout_ms = timeout_ms, .option = option };
    struct wh_record record;
    uint32_t ret = exchange_read_head( &params );

    if (ret == WH_REFUSED) return client->error = WHE_INVALID;
    client->error = params.error;
    client->head_len = params.len;
    client->status = params.status;
    client->flags = params.flags;
    client->content_len = params.content_len;
    if (ret == WH_DONE) return client->error;
    client->error = wait_for( client, WHK_HEAD_READ, &record );
    client->head_len = (uint32_t)record.bytes;
    client->status = record.status;
    client->flags = record.flags;
    client->content_len = record.content_len;
    return client->error;
}

/* Reads to the end in pieces of `piece`. */
static inline uint32_t client_read_all( struct client *client, uint32_t piece, uint32_t timeout_ms )
{
    client->body_len = 0;
    for (;;)
    {
        struct wh_exchange_read_body_params params = { .exchange = client->id,
            .buffer = wh_from_ptr( client->body + client->body_len ), .size = piece, .min = piece,
            .timeout_ms = timeout_ms };
        struct wh_record record;
        uint32_t ret = exchange_read_body( &params );

        if (ret == WH_REFUSED) return client->error = WHE_INVALID;
        client->error = params.error;
        if (ret == WH_PENDING)
        {
            client->error = wait_for( client, WHK_BODY_READ, &record );
            params.bytes = record.bytes;
            params.flags = record.flags;
        }
        client->body_len += params.bytes;
        if (client->error || (params.flags & WHR_END) || !params.bytes) return client->error;
        if (client->body_len + piece > sizeof(client->body)) client->body_len = 0;
    }
}

static inline void client_close( struct client *client )
{
    struct wh_exchange_close_params params = { .exchange = client->id, .drain_limit = 65536 };

    if (client->id) expect( exchange_close( &params ) == WH_DONE );
    client->id = 0;
}

/* A whole GET; returns the first error. */
static inline uint32_t client_get( struct client *client, const struct peer *peer, const struct request *request )
{
    uint32_t error;

    if (!(error = client_start( client, peer, request )) && !(error = client_read_head( client, WAIT_MS, 0, 0 )))
        error = client_read_all( client, 100, WAIT_MS );
    client_close( client );
    return error;
}

static const struct request plain;     /* a GET */

/* Scripts: answer each request of a connection with `arg`. */

static inline void script_answer( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    while (peer_read_head( peer, fd, head, sizeof(head) )) peer_send( fd, arg );
}

static inline void script_answer_and_end( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (peer_read_head( peer, fd, head, sizeof(head) )) peer_send( fd, arg );
}

static inline void script_bytewise( struct peer *peer, int fd, void *arg )
{
    const char *text;
    char head[4096];

    while (peer_read_head( peer, fd, head, sizeof(head) ))
        for (text = arg; *text; text++) peer_send_bytes( fd, text, 1 );
}

static inline void script_reset( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, arg );
    peer_reset( fd );
}

static inline void script_silent( struct peer *peer, int fd, void *arg )
{
    (void)peer;
    (void)arg;
    peer_wait_eof( fd );
}

/* Asynchronous. */

struct async
{
    wh_id            id;
    unsigned int     pending;            /* 1 << kind of each operation without its completion */
    unsigned int     seen;               /* 1 << kind of each record */
    int              closed, gone;       /* close was called; the last record is there */
    struct wh_record last[WHK_COUNT];
    char             head[2048], body[2048];
};

static inline uint32_t async_start( struct async *async, uint16_t port, const struct request *request )
{
    struct wh_route route = request_route( request, port );
    struct wh_exchange_start_params params = { .session = session, .cookie = wh_from_ptr( async ),
        .route = wh_from_ptr( &route ), .head = wh_from_ptr( request->head ? request->head : get_head ),
        .head_len = (uint32_t)strlen( request->head ? request->head : get_head ),
        .body = wh_from_ptr( request->body ), .body_len = (uint32_t)request->body_len,
        .total_len = request->total_len ? request->total_len : request->body_len,
        .flags = request->flags, .event_mask = request->event_mask,
        .send_ms = request->send_ms, .connect_ms = request->connect_ms, .resolve_ms = request->resolve_ms,
        .head_limit = request->head_limit };
    uint32_t ret;

    memset( async, 0, sizeof(*async) );
    async->pending = 1u << WHK_HEAD_SENT;
    if ((ret = exchange_start( &params )) != WH_PENDING) async->pending = 0;
    async->id = params.exchange;
    if (ret == WH_DONE) async->last[WHK_HEAD_SENT].error = params.error;
    if (params.paused) async->seen |= 1u << WHK_PAUSE_SENDING;
    return ret;
}

static inline uint32_t async_read_head( struct async *async, uint32_t timeout_ms )
{
    struct wh_exchange_read_head_params params = { .exchange = async->id, .buffer = wh_from_ptr( async->head ),
                                                   .size = sizeof(async->head), .timeout_ms = timeout_ms };
    uint32_t ret;

    __atomic_or_fetch( &async->pending, 1u << WHK_HEAD_READ, __ATOMIC_SEQ_CST );
    if ((ret = exchange_read_head( &params )) == WH_PENDING) return ret;
    __atomic_and_fetch( &async->pending, ~(1u << WHK_HEAD_READ), __ATOMIC_SEQ_CST );
    async->last[WHK_HEAD_READ].error = ret == WH_DONE ? params.error : WHE_INVALID;
    async->last[WHK_HEAD_READ].flags = params.flags;
    async->last[WHK_HEAD_READ].status = params.status;
    return ret;
}

static inline uint32_t async_read_body( struct async *async )
{
    struct wh_exchange_read_body_params params = { .exchange = async->id, .buffer = wh_from_ptr( async->body ),
                                                   .size = sizeof(async->body) };
    uint32_t ret;

    __atomic_or_fetch( &async->pending, 1u << WHK_BODY_READ, __ATOMIC_SEQ_CST );
    if ((ret = exchange_read_body( &params )) == WH_PENDING) return ret;
    __atomic_and_fetch( &async->pending, ~(1u << WHK_BODY_READ), __ATOMIC_SEQ_CST );
    async->last[WHK_BODY_READ].error = ret == WH_DONE ? params.error : WHE_INVALID;
    async->last[WHK_BODY_READ].flags = params.flags;
    async->last[WHK_BODY_READ].bytes = params.bytes;
    return ret;
}

static inline void async_cancel( struct async *async )
{
    struct wh_exchange_cancel_params params = { .exchange = async->id };

    expect( exchange_cancel( &params ) == WH_DONE );
}

static inline void async_close( struct async *async )
{
    struct wh_exchange_close_params params = { .exchange = async->id, .drain_limit = 65536 };
    uint32_t ret;

    if (!async->id)    /* it never began */
    {
        async->gone = 1;
        return;
    }
    async->closed = 1;
    ret = exchange_close( &params );
    expect( ret != WH_REFUSED );
    if (ret == WH_DONE) __atomic_store_n( &async->gone, 1, __ATOMIC_SEQ_CST );
}

/* Several threads pump: each gets its records in order, but one may be slow to look at those it has fetched. */
static int async_unordered;

/* A record: one that was due, and none after the last. */
static inline void async_record( const struct wh_record *record )
{
    struct async *async = wh_to_ptr( record->cookie );
    unsigned int bit = 1u << record->kind;

    if (!expect( record->kind < WHK_COUNT )) return;
    expect( async_unordered || !__atomic_load_n( &async->gone, __ATOMIC_SEQ_CST ) );
    async->last[record->kind] = *record;
    if (record->kind == WHK_GONE)
    {
        expect( async->closed && !__atomic_load_n( &async->gone, __ATOMIC_SEQ_CST ) );    /* there is one GONE */
        __atomic_store_n( &async->gone, 1, __ATOMIC_SEQ_CST );
    }
    else if (record->kind < WHK_GONE)
        expect( __atomic_fetch_and( &async->pending, ~bit, __ATOMIC_SEQ_CST ) & bit );
    __atomic_or_fetch( &async->seen, bit, __ATOMIC_SEQ_CST );
}

/* Returns how many records came. */
static inline uint32_t async_pump( uint32_t timeout_ms )
{
    struct wh_record records[16];
    struct wh_wait_params wait = { .records = wh_from_ptr( records ), .capacity = 16, .timeout_ms = timeout_ms };
    uint32_t i;

    if (!expect( engine_wait( &wait ) == WH_DONE )) return 0;
    for (i = 0; i < wait.count; i++) async_record( &records[i] );
    return wait.count;
}

/* Pumps until the operation has ended. Its error; WHE_INTERNAL if nothing comes for too long. */
static inline uint32_t async_wait( struct async *async, enum wh_kind kind )
{
    while (async->pending & (1u << kind))
        if (!expect( async_pump( WAIT_MS ) )) return WHE_INTERNAL;
    return async->last[kind].error;
}

/* Pumps until it is gone; 0 if it does not go. For tests where nobody else pumps. */
static inline int async_wait_gone( struct async *async )
{
    while (!async->gone)
        if (!expect( async_pump( WAIT_MS ) )) return 0;
    return expect( !async->pending );
}

/* Everything that was made is gone, once the idle connections are closed. A dial that its exchange needed no more may
 * still be on its way. */
static inline void expect_clean( void )
{
    uint64_t until = engine_now_ms() + WAIT_MS;

    while (object_count( OBJECT_DIAL ) && engine_now_ms() < until) async_pump( 1 );
    origin_shutdown();
    expect( !object_count( OBJECT_EXCHANGE ) );
    expect( !object_count( OBJECT_CONN ) );
    expect( !object_count( OBJECT_DIAL ) );
}

/* A whole GET; returns the first error. */
static inline uint32_t async_get( struct async *async, uint16_t port, const struct request *request )
{
    uint32_t error;

    async_start( async, port, request );
    if (!(error = async_wait( async, WHK_HEAD_SENT )))
    {
        async_read_head( async, 0 );
        error = async_wait( async, WHK_HEAD_READ );
    }
    while (!error && !(async->last[WHK_HEAD_READ].flags & WHR_END))
    {
        async_read_body( async );
        error = async_wait( async, WHK_BODY_READ );
        if (async->last[WHK_BODY_READ].flags & WHR_END) break;
    }
    async_close( async );
    async_wait_gone( async );
    return error;
}

/* Begin and end of a program. */

static inline void client_begin( uint32_t max_idle_ms )
{
    struct wh_session_open_params open = { .max_idle_ms = max_idle_ms };

    if (engine_start() || session_open( &open )) abort();
    session = open.session;
}

static inline void client_end( void )
{
    struct wh_session_close_params close = { .session = session };

    expect( !session_close( &close ) );
    dns_shutdown();
    buffer_shutdown();
    engine_stop();
}

#endif /* WINHTTP_UNIT_CLIENT_H */
