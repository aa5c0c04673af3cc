/*
 * The transport as a whole, without Wine: exchanges against a scripted peer
 */

#include <errno.h>

#include "buffer.h"
#include "dns.h"
#include "engine.h"
#include "exchange.h"
#include "origin.h"
#include "session.h"
#include "tls.h"

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
};

static const char get_head[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static uint32_t wait_for( struct client *client, uint32_t kind, struct wh_record *record )
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

static uint32_t client_start( struct client *client, const struct peer *peer, const struct request *request )
{
    const char *host = request->host ? request->host : "127.0.0.1";
    struct wh_route route = { .host = wh_from_ptr( host ), .host_len = (uint32_t)strlen( host ), .port = peer->port,
                              .scheme = WH_SCHEME_HTTP, .conn_limit = request->conn_limit,
                              .partition = request->partition };
    struct wh_exchange_start_params params = { .session = session, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( request->head ? request->head : get_head ),
        .head_len = (uint32_t)strlen( request->head ? request->head : get_head ),
        .body = wh_from_ptr( request->body ), .body_len = (uint32_t)request->body_len,
        .total_len = request->total_len ? request->total_len : request->body_len,
        .flags = WHX_SYNC | request->flags, .event_mask = request->event_mask,
        .send_ms = request->send_ms ? request->send_ms : WAIT_MS, .connect_ms = request->connect_ms };
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

static uint32_t client_send( struct client *client, const char *data, size_t len, uint32_t flags )
{
    struct wh_exchange_send_params params = { .exchange = client->id, .data = wh_from_ptr( data ), .len = (uint32_t)len,
                                              .flags = flags, .timeout_ms = WAIT_MS };
    struct wh_record record;
    uint32_t ret = exchange_send( &params );

    if (ret == WH_REFUSED) return client->error = WHE_INVALID;
    return client->error = ret == WH_DONE ? params.error : wait_for( client, WHK_BODY_SENT, &record );
}

static uint32_t client_read_head( struct client *client, uint32_t timeout_ms, uint32_t limit, uint32_t option )
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
static uint32_t client_read_all( struct client *client, uint32_t piece, uint32_t timeout_ms )
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

static void client_close( struct client *client )
{
    struct wh_exchange_close_params params = { .exchange = client->id, .drain_limit = 65536 };

    if (client->id) expect( exchange_close( &params ) == WH_DONE );
    client->id = 0;
}

/* A whole GET; returns the first error. */
static uint32_t client_get( struct client *client, const struct peer *peer, const struct request *request )
{
    uint32_t error;

    if (!(error = client_start( client, peer, request )) && !(error = client_read_head( client, WAIT_MS, 0, 0 )))
        error = client_read_all( client, 100, WAIT_MS );
    client_close( client );
    return error;
}

static const struct request plain;

/* Everything that was made is gone, but idle connections. */
static void expect_clean( void )
{
    origin_shutdown();
    expect( !object_count( OBJECT_EXCHANGE ) );
    expect( !object_count( OBJECT_CONN ) );
    expect( !object_count( OBJECT_DIAL ) );
}

/* Scripts: answer each request of a connection with `arg`. */

static void script_answer( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    while (peer_read_head( peer, fd, head, sizeof(head) )) peer_send( fd, arg );
}

static void script_answer_and_end( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (peer_read_head( peer, fd, head, sizeof(head) )) peer_send( fd, arg );
}

static void script_bytewise( struct peer *peer, int fd, void *arg )
{
    const char *text;
    char head[4096];

    while (peer_read_head( peer, fd, head, sizeof(head) ))
        for (text = arg; *text; text++) peer_send_bytes( fd, text, 1 );
}

static void script_reset( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, arg );
    peer_reset( fd );
}

static void script_silent( struct peer *peer, int fd, void *arg )
{
    (void)peer;
    (void)arg;
    peer_wait_eof( fd );
}

static void test_content_length_body( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world" );
    expect( !client_get( &client, &peer, &plain ) );
    expect( client.status == 200 && client.content_len == 11 );
    expect( client.body_len == 11 && !memcmp( client.body, "hello world", 11 ) );
    expect_clean();
    peer_stop( &peer );
}

static void test_connection_is_reused( void )
{
    struct client client;
    struct peer peer;
    int i;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    for (i = 0; i < 5; i++) expect( !client_get( &client, &peer, &plain ) );
    expect( peer.connections == 1 );
    expect( origin_idle_count() == 1 );
    expect_clean();
    peer_stop( &peer );
}

static void test_chunked_body_with_trailers( void )
{
    struct wh_exchange_query_params query = { .what = WHQ_TRAILERS };
    struct client client;
    struct peer peer;
    char trailers[64];

    peer_start( &peer, script_bytewise, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n" );
    expect( !client_start( &client, &peer, &plain ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    expect( !client_read_all( &client, 4, WAIT_MS ) );
    expect( client.body_len == 11 && !memcmp( client.body, "hello world", 11 ) );
    query.exchange = client.id;
    query.buffer = wh_from_ptr( trailers );
    query.size = sizeof(trailers);
    expect( !exchange_query( &query ) && !query.error );
    expect( query.len == 10 && !memcmp( trailers, "X-Sum: 1\r\n", 10 ) );
    client_close( &client );
    expect( !client_get( &client, &peer, &plain ) );
    expect( peer.connections == 1 );
    expect_clean();
    peer_stop( &peer );
}

static void test_body_ends_with_the_connection( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer_and_end, "HTTP/1.1 200 OK\r\n\r\nhello" );
    expect( !client_get( &client, &peer, &plain ) );
    expect( client.body_len == 5 && client.content_len == WH_NO_LENGTH );
    expect_clean();
    peer_stop( &peer );
}

static void test_no_body_for_head_204_304( void )
{
    static const char *const answers[] =
    {
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
    };
    struct request head = { .flags = WHX_HEAD };
    struct client client;
    struct peer peer;
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        peer_start( &peer, script_answer, (void *)answers[i] );
        expect( !client_start( &client, &peer, i == 2 ? &head : &plain ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && (client.flags & WHR_END) );
        expect( !client_read_all( &client, 100, WAIT_MS ) && !client.body_len );
        client_close( &client );
        expect( origin_idle_count() == 1 );
        expect_clean();
        peer_stop( &peer );
    }
}

static void test_interim_heads_come_one_by_one( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" );
    expect( !client_start( &client, &peer, &plain ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 100 && (client.flags & WHR_INTERIM) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 103 && (client.flags & WHR_INTERIM) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 200 && !(client.flags & WHR_INTERIM) );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_bad_peers_get_precise_errors( void )
{
    static const struct { const char *answer; uint32_t error; int reset; } cases[] =
    {
        { "", WHE_RESET, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Le", WHE_RESET, 0 },
        { "hello\r\n\r\n", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", WHE_RESET, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", WHE_RESET, 1 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", WHE_RESET, 0 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", WHE_PROTOCOL, 0 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", WHE_PROTOCOL, 0 },
    };
    struct client client;
    struct peer peer;
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        peer_start( &peer, cases[i].reset ? script_reset : script_answer_and_end, (void *)cases[i].answer );
        if (!expect( client_get( &client, &peer, &plain ) == cases[i].error ))
            fprintf( stderr, "case %u: error %u\n", i, client.error );
        expect( !origin_idle_count() );
        expect_clean();
        peer_stop( &peer );
    }
}

static void test_ambiguous_responses_are_not_reused( void )
{
    static const char *const answers[] =
    {
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    };
    struct client client;
    struct peer peer;
    unsigned int i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
    {
        peer_start( &peer, script_answer, (void *)answers[i] );
        expect( !client_get( &client, &peer, &plain ) );
        expect( client.body_len == 2 && !memcmp( client.body, "ok", 2 ) );
        if (!expect( !origin_idle_count() )) fprintf( stderr, "case %u\n", i );
        expect_clean();
        peer_stop( &peer );
    }
}

static void script_early_bytes( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    if (peer->connections == 1)    /* the poison comes after the answer, before the next request */
    {
        while (!__atomic_load_n( (int *)arg, __ATOMIC_SEQ_CST )) ;
        peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" );
        __atomic_store_n( (int *)arg, 2, __ATOMIC_SEQ_CST );
    }
    peer_wait_eof( fd );
}

static void test_bytes_on_an_idle_connection_kill_it( void )
{
    struct client client;
    struct peer peer;
    int i, poison = 0;

    peer_start( &peer, script_early_bytes, &poison );
    for (i = 0; i < 2; i++)
    {
        expect( !client_get( &client, &peer, &plain ) );
        expect( client.body_len == 2 && !memcmp( client.body, "ok", 2 ) );
        if (i) break;
        expect( origin_idle_count() == 1 );
        __atomic_store_n( &poison, 1, __ATOMIC_SEQ_CST );
        while (__atomic_load_n( &poison, __ATOMIC_SEQ_CST ) != 2) ;
    }
    expect_clean();
    peer_stop( &peer );
}

static void script_one_answer_then_stale( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    /* The second request of the first connection is read but not answered. */
    if (arg && peer_read_head( peer, fd, head, sizeof(head) ) && peer->connections > 1) peer_send( fd, "HTTP/1.1 200 OK\r\n" );
}

static void test_dead_pooled_connection_is_replaced( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_one_answer_then_stale, NULL );
    expect( !client_get( &client, &peer, &plain ) );
    while (__atomic_load_n( &peer.connections, __ATOMIC_SEQ_CST ) < 1) ;
    peer_stop( &peer );    /* the peer's end is closed for sure */
    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( !client_get( &client, &peer, &plain ) );
    expect_clean();
    peer_stop( &peer );
}

static void test_unanswered_pooled_connection_is_stale( void )
{
    struct request fresh = { .flags = WHX_FRESH };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_one_answer_then_stale, "" );
    expect( !client_get( &client, &peer, &plain ) );
    expect( client_get( &client, &peer, &plain ) == WHE_STALE );
    expect( !client_get( &client, &peer, &fresh ) );
    expect( peer.connections == 2 );
    expect_clean();
    peer_stop( &peer );
}

static void test_unread_body_is_drained( void )
{
    struct client client;
    struct peer peer;
    int i;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789" );
    for (i = 0; i < 3; i++)
    {
        expect( !client_start( &client, &peer, &plain ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
        client_close( &client );
    }
    expect( peer.connections == 1 );
    expect_clean();
    peer_stop( &peer );
}

static void test_deadlines( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    expect( !client_start( &client, &peer, &plain ) );
    expect( client_read_head( &client, 30, 0, WHX_SOFT_TIMEOUT ) == WHE_TIMEOUT );    /* the exchange lives on */
    expect( client_read_head( &client, 30, 0, 0 ) == WHE_TIMEOUT );
    expect( client_read_head( &client, WAIT_MS, 0, 0 ) == WHE_TIMEOUT );              /* it is over */
    client_close( &client );
    expect_clean();
    peer_stop( &peer );

    peer_start( &peer, script_bytewise, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello" );
    expect( !client_start( &client, &peer, &plain ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    expect( client_read_all( &client, 20, 30 ) == WHE_TIMEOUT );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_head_limit( void )
{
    static char answer[8000];
    struct client client;
    struct peer peer;

    strcpy( answer, "HTTP/1.1 200 OK\r\nX: " );
    memset( answer + strlen( answer ), 'x', sizeof(answer) - 32 );
    strcat( answer, "\r\n\r\n" );
    peer_start( &peer, script_answer, answer );
    expect( !client_start( &client, &peer, &plain ) );
    expect( client_read_head( &client, WAIT_MS, 4000, 0 ) == WHE_HEAD_SIZE );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void script_count_body( struct peer *peer, int fd, void *arg )
{
    static char data[1 << 20];
    char head[4096], answer[100], length[32];
    size_t len = *(size_t *)arg;

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    if (!peer_read( fd, data, len )) return;
    sprintf( length, "%zu", len );
    sprintf( answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen( length ), length );
    peer_send( fd, answer );
    peer_wait_eof( fd );
}

static void test_uploads( void )
{
    static char data[1 << 20];
    size_t sizes[] = { 1, 100, 16384, 65536, sizeof(data) }, half;
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\n\r\n" };
    struct client client;
    struct peer peer;
    unsigned int i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    {
        post.body = data;
        post.body_len = post.total_len = sizes[i];
        peer_start( &peer, script_count_body, &sizes[i] );
        expect( !client_get( &client, &peer, &post ) );
        expect( origin_idle_count() == 1 );

        half = sizes[i] / 2;
        post.body_len = half;
        post.partition = 1;
        expect_clean();
        expect( !client_start( &client, &peer, &post ) );
        expect( !client_send( &client, data, sizes[i] - half, 0 ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 200 );
        expect( !client_read_all( &client, 100, WAIT_MS ) );
        client_close( &client );
        post.partition = 0;
        expect( origin_idle_count() == 1 );
        expect_clean();
        peer_stop( &peer );
    }
}

static void test_framing_by_the_application_is_followed( void )
{
    static const char *const bodies[] = { "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n" };
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                            .flags = WHX_FRAMED_BY_APP, .total_len = WH_NO_LENGTH };
    struct client client;
    struct peer peer;
    size_t len;
    int i;

    for (i = 0; i < 2; i++)
    {
        len = strlen( bodies[i] );
        peer_start( &peer, script_count_body, &len );
        expect( !client_start( &client, &peer, &post ) );
        expect( !client_send( &client, bodies[i], len, 0 ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 200 );
        expect( !client_read_all( &client, 100, WAIT_MS ) );
        client_close( &client );
        expect( origin_idle_count() == (i == 0) );    /* a message without its end leaves no fit connection */
        expect_clean();
        peer_stop( &peer );
    }
}

static void script_refuse_upload( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    (void)arg;
    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" );
    shutdown( fd, SHUT_WR );
    peer_read( fd, head, 100 );
    peer_reset( fd );
}

static void test_answer_before_the_body_is_out( void )
{
    static char data[8 << 20];
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\n\r\n", .body = data, .body_len = sizeof(data) };
    struct client client;
    struct peer peer;
    uint32_t error;

    peer_start( &peer, script_refuse_upload, NULL );
    error = client_start( &client, &peer, &post );
    expect( !error );
    if (!error) expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 413 );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_pause_and_resume_with_another_head( void )
{
    static const char other[] = "GET /other HTTP/1.1\r\nHost: x\r\n\r\n";
    struct request pause = { .flags = WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { .head = wh_from_ptr( other ), .head_len = sizeof(other) - 1 };
    struct client client;
    struct wh_record record;
    struct peer peer;
    uint32_t ret;
    int i;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    for (i = 0; i < 2; i++)    /* on a new connection, then on a pooled one */
    {
        expect( !client_start( &client, &peer, &pause ) );
        expect( client.paused );
        resume.exchange = client.id;
        ret = exchange_resume( &resume );
        expect( ret != WH_REFUSED && !(ret == WH_DONE ? resume.error : wait_for( &client, WHK_HEAD_SENT, &record )) );
        expect( exchange_resume( &resume ) == WH_REFUSED );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 200 );
        client_close( &client );
    }
    expect( !client_start( &client, &peer, &pause ) );
    resume.exchange = client.id;
    resume.verdict = WHE_CERT;
    ret = exchange_resume( &resume );
    expect( (ret == WH_DONE ? resume.error : wait_for( &client, WHK_HEAD_SENT, &record )) == WHE_CERT );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_progress_comes_in_order( void )
{
    struct request wanted = { .event_mask = ~0u, .host = "localhost" };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( !client_start( &client, &peer, &wanted ) );
    expect( client.events == (1u << WHK_RESOLVING | 1u << WHK_RESOLVED | 1u << WHK_CONNECTING | 1u << WHK_CONNECTED) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    client_close( &client );
    client.events = 0;
    expect( !client_start( &client, &peer, &wanted ) );
    expect( !client.events );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_refused_and_unknown( void )
{
    struct request nowhere = { .host = "does.not.exist.invalid" };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    peer_stop( &peer );
    expect( client_start( &client, &peer, &plain ) == WHE_CONNECT );
    client_close( &client );
    expect( client_start( &client, &peer, &nowhere ) == WHE_NAME );
    client_close( &client );
    expect_clean();
}

static void test_bad_arguments_are_refused( void )
{
    struct wh_route route = { .host = wh_from_ptr( "x" ), .host_len = 1, .port = 80, .scheme = 7 };
    struct wh_exchange_start_params start = { .session = session };
    struct wh_exchange_read_body_params read = { .exchange = 12345 };
    struct wh_exchange_close_params close = { .exchange = (wh_id)1 << 40 };
    struct wh_wait_params wait = { .exchange = 99 };

    expect( exchange_start( &start ) == WH_REFUSED );
    start.route = wh_from_ptr( &route );
    start.head = wh_from_ptr( get_head );
    start.head_len = 10;
    expect( exchange_start( &start ) == WH_DONE && start.error == WHE_INVALID && !start.exchange );
    expect( exchange_read_body( &read ) == WH_REFUSED );
    expect( exchange_close( &close ) == WH_REFUSED );
    expect( engine_wait( &wait ) == WH_REFUSED );
    expect_clean();
}

/* Asynchronous: many exchanges, several workers. */

#define MANY 300

struct many
{
    struct peer     *peer;
    unsigned int     started, finished, errors, closed, cancel_every;
    wh_id            ids[MANY];
    unsigned int     pending[MANY];     /* operations without a completion */
    char             heads[MANY][100];
};

/* The head of an exchange was read, or only its size is known: go on until it is closed. */
static void many_head( struct many *many, unsigned int index, uint32_t error, uint32_t flags )
{
    struct wh_exchange_close_params close = { .exchange = many->ids[index], .drain_limit = 1000 };
    struct wh_exchange_read_head_params head = { .exchange = many->ids[index],
        .buffer = wh_from_ptr( many->heads[index] ), .size = sizeof(many->heads[index]) };

    if (!error && (flags & WHR_TOO_SMALL))
    {
        __atomic_add_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        if (exchange_read_head( &head ) == WH_PENDING) return;
        __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        error = head.error;
    }
    if (error) __atomic_add_fetch( &many->errors, 1, __ATOMIC_SEQ_CST );
    if (exchange_close( &close ) == WH_DONE) __atomic_add_fetch( &many->finished, 1, __ATOMIC_SEQ_CST );
}

static void many_start( struct many *many, unsigned int index )
{
    struct wh_route route = { .host = wh_from_ptr( "127.0.0.1" ), .host_len = 9, .port = many->peer->port,
                              .scheme = WH_SCHEME_HTTP, .conn_limit = 20 };
    struct wh_exchange_start_params params = { .session = session, .cookie = index, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( get_head ), .head_len = sizeof(get_head) - 1 };
    struct wh_exchange_read_head_params head = { .timeout_ms = WAIT_MS };

    __atomic_add_fetch( &many->pending[index], 2, __ATOMIC_SEQ_CST );
    if (exchange_start( &params ) != WH_PENDING) __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
    head.exchange = many->ids[index] = params.exchange;
    if (exchange_read_head( &head ) != WH_PENDING)
    {
        __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        many_head( many, index, head.error, head.flags );
    }
    else if (many->cancel_every && !(index % many->cancel_every))
    {
        struct wh_exchange_cancel_params cancel = { .exchange = params.exchange };

        exchange_cancel( &cancel );
    }
}

static void *many_worker( void *arg )
{
    struct wh_record records[16];
    struct wh_wait_params wait = { .records = wh_from_ptr( records ), .capacity = 16, .timeout_ms = 50 };
    struct many *many = arg;
    uint32_t i;

    while (__atomic_load_n( &many->finished, __ATOMIC_SEQ_CST ) < MANY)
    {
        if (engine_wait( &wait )) break;
        for (i = 0; i < wait.count; i++)
        {
            unsigned int index = (unsigned int)records[i].cookie;

            if (records[i].kind == WHK_GONE)
            {
                __atomic_add_fetch( &many->finished, 1, __ATOMIC_SEQ_CST );
                continue;
            }
            __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
            if (records[i].kind == WHK_HEAD_READ) many_head( many, index, records[i].error, records[i].flags );
            else if (records[i].error) __atomic_add_fetch( &many->errors, 1, __ATOMIC_SEQ_CST );
        }
    }
    return NULL;
}

static void *answer_thread( void *arg )
{
    struct { struct peer *peer; int fd; } *job = arg;

    script_answer( job->peer, job->fd, (void *)"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    close( job->fd );
    free( job );
    return NULL;
}

static void script_answer_threaded( struct peer *peer, int fd, void *arg )
{
    struct { struct peer *peer; int fd; } *job = malloc( sizeof(*job) );
    pthread_t thread;

    (void)arg;
    job->peer = peer;
    job->fd = dup( fd );
    pthread_create( &thread, NULL, answer_thread, job );
    pthread_detach( thread );
}

static void run_many( unsigned int cancel_every )
{
    struct many many = { .cancel_every = cancel_every };
    pthread_t workers[4];
    struct peer peer;
    unsigned int i;

    peer_start( &peer, script_answer_threaded, NULL );
    many.peer = &peer;
    for (i = 0; i < 4; i++) pthread_create( &workers[i], NULL, many_worker, &many );
    for (i = 0; i < MANY; i++) many_start( &many, i );
    for (i = 0; i < 4; i++) pthread_join( workers[i], NULL );
    expect( many.finished == MANY );
    for (i = 0; i < MANY; i++) expect( !many.pending[i] );
    if (!cancel_every) expect( !many.errors );
    expect( peer.connections <= 20 + (cancel_every ? MANY / cancel_every + 1 : 0) );
    expect_clean();
    peer_stop( &peer );
}

static void test_many_exchanges_complete_once_each( void )
{
    run_many( 0 );
}

static void test_cancelled_exchanges_complete_once_each( void )
{
    run_many( 3 );
}

/* Synchronous callers on several threads share the wait. */

static void *sync_thread( void *arg )
{
    struct peer *peer = arg;
    struct client *client = malloc( sizeof(*client) );
    int i;

    for (i = 0; i < 50; i++) expect( !client_get( client, peer, &plain ) && client->body_len == 2 );
    free( client );
    return NULL;
}

static void test_synchronous_threads_share_the_wait( void )
{
    pthread_t threads[6];
    struct peer peer;
    unsigned int i;

    peer_start( &peer, script_answer_threaded, NULL );
    for (i = 0; i < 6; i++) pthread_create( &threads[i], NULL, sync_thread, &peer );
    for (i = 0; i < 6; i++) pthread_join( threads[i], NULL );
    expect( peer.connections <= 12 );    /* a dial that its thread needed no more may have ended in the pool */
    expect_clean();
    peer_stop( &peer );
}

/* Closing from another thread ends a blocked caller. */

static void *close_thread( void *arg )
{
    struct wh_exchange_close_params params = { .exchange = *(wh_id *)arg };

    exchange_close( &params );
    return NULL;
}

static void test_close_ends_a_blocked_reader( void )
{
    struct client client;
    pthread_t thread;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    expect( !client_start( &client, &peer, &plain ) );
    pthread_create( &thread, NULL, close_thread, &client.id );
    expect( client_read_head( &client, WAIT_MS, 0, 0 ) != 0 );    /* CANCELLED, or refused when the close was first */
    expect( client.error == WHE_CANCELLED || client.error == WHE_INVALID );
    pthread_join( thread, NULL );
    expect_clean();
    peer_stop( &peer );
}

static void test_interrupted_system_calls_are_repeated( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    hooks_fail( HOOK_RECV, 1, 0, EINTR );
    hooks_fail( HOOK_SEND, 1, 0, EINTR );
    expect( !client_get( &client, &peer, &plain ) );
    hooks_reset();
    expect_clean();
    peer_stop( &peer );
}

/* Whatever fails, the exchange ends with an error or well, and nothing is left. */

static void fault_scenario( void *arg )
{
    struct request wanted = { .event_mask = ~0u, .connect_ms = 5000 };
    struct client client;

    client_get( &client, arg, &wanted );
    client_get( &client, arg, &wanted );
    expect_clean();
}

static void test_every_failure_is_survived( void )
{
    static const struct { enum hook hook; int error; } hooks[] =
    {
        { HOOK_ALLOC, 0 }, { HOOK_SOCKET, 24 }, { HOOK_CONNECT, 111 }, { HOOK_RECV, 104 }, { HOOK_SEND, 32 },
        { HOOK_EPOLL, 12 }, { HOOK_RECV, 14 },
    };
    struct peer peer;
    unsigned int i;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n" );
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        hooks_each_failure( hooks[i].hook, hooks[i].error, fault_scenario, &peer );
    peer_stop( &peer );
}

int main( void )
{
    struct wh_session_open_params open = { 0 };
    struct wh_session_close_params close;

    if (engine_start() || session_open( &open )) return 1;
    session = open.session;

    run( test_content_length_body );
    run( test_connection_is_reused );
    run( test_chunked_body_with_trailers );
    run( test_body_ends_with_the_connection );
    run( test_no_body_for_head_204_304 );
    run( test_interim_heads_come_one_by_one );
    run( test_bad_peers_get_precise_errors );
    run( test_ambiguous_responses_are_not_reused );
    run( test_bytes_on_an_idle_connection_kill_it );
    run( test_dead_pooled_connection_is_replaced );
    run( test_unanswered_pooled_connection_is_stale );
    run( test_unread_body_is_drained );
    run( test_deadlines );
    run( test_head_limit );
    run( test_uploads );
    run( test_framing_by_the_application_is_followed );
    run( test_answer_before_the_body_is_out );
    run( test_pause_and_resume_with_another_head );
    run( test_progress_comes_in_order );
    run( test_refused_and_unknown );
    run( test_bad_arguments_are_refused );
    run( test_many_exchanges_complete_once_each );
    run( test_cancelled_exchanges_complete_once_each );
    run( test_synchronous_threads_share_the_wait );
    run( test_close_ends_a_blocked_reader );
    run( test_interrupted_system_calls_are_repeated );
    run( test_every_failure_is_survived );

    close.session = session;
    expect( !session_close( &close ) );
    dns_shutdown();
    buffer_shutdown();
    engine_stop();
    return test_end( "exchange" );
}
