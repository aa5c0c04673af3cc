/*
 * The transport as a whole, without Wine: exchanges against a scripted peer
 */

#include <errno.h>
#include <poll.h>

#include "client.h"

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
    expect( peer_connections( &peer ) == 1 );
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
    expect( peer_connections( &peer ) == 1 );
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
    if (peer_connections( peer ) == 1)    /* the poison comes after the answer, before the next request */
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
    if (arg && peer_read_head( peer, fd, head, sizeof(head) ) && peer_connections( peer ) > 1) peer_send( fd, "HTTP/1.1 200 OK\r\n" );
}

static void test_dead_pooled_connection_is_replaced( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_one_answer_then_stale, NULL );
    expect( !client_get( &client, &peer, &plain ) );
    while (peer_connections( &peer ) < 1) ;
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
    expect( peer_connections( &peer ) == 2 );
    expect_clean();
    peer_stop( &peer );
}

/* One byte of the response is enough: the request was heard. */
static void script_one_answer_then_a_byte( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    if (peer_read_head( peer, fd, head, sizeof(head) )) peer_send( fd, "H" );
    if (arg) peer_wait_eof( fd );
}

static void test_a_byte_of_the_response_is_not_stale( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_one_answer_then_a_byte, NULL );
    expect( !client_get( &client, &peer, &plain ) );
    expect( client_get( &client, &peer, &plain ) == WHE_RESET );
    expect_clean();
    peer_stop( &peer );

    peer_start( &peer, script_one_answer_then_a_byte, "and waits" );
    expect( !client_get( &client, &peer, &plain ) );
    expect( !client_start( &client, &peer, &plain ) );
    expect( client_read_head( &client, 100, 0, 0 ) == WHE_TIMEOUT );
    client_close( &client );
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
    expect( peer_connections( &peer ) == 1 );
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

/* A byte now and then: each in time, all of them never. */
static void script_drip( struct peer *peer, int fd, void *arg )
{
    const struct { const char *text; unsigned int pause_ms; } *drip = arg;
    const char *byte = drip->text;
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    while (send( fd, byte, 1, MSG_NOSIGNAL ) == 1)
    {
        poll( NULL, 0, drip->pause_ms );
        if (*++byte) continue;
        byte--;
    }
}

static void test_drips_do_not_put_off_the_limit_of_the_whole_head( void )
{
    static const struct { const char *text; unsigned int pause_ms; } drip = { "HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyy", 10 };
    struct client client;
    struct peer peer;
    uint64_t began;

    peer_start( &peer, script_drip, &drip );
    expect( !client_start( &client, &peer, &plain ) );
    began = engine_now_ms();
    expect( client_read_head( &client, 200, 0, 0 ) == WHE_TIMEOUT );
    expect( engine_now_ms() - began >= 190 && engine_now_ms() - began < WAIT_MS );
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

/* Operations that come at the wrong time. */

static void test_a_second_final_head_is_refused( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world" );
    expect( !client_start( &client, &peer, &plain ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    expect( client_read_head( &client, WAIT_MS, 0, 0 ) == WHE_STATE );
    expect( !client_read_all( &client, 100, WAIT_MS ) && client.body_len == 11 );
    expect( client_read_head( &client, WAIT_MS, 0, 0 ) == WHE_STATE );
    expect( !client_read_all( &client, 100, WAIT_MS ) && !client.body_len );    /* the end, as often as asked */
    expect( client_send( &client, "x", 1, 0 ) == WHE_STATE );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void script_answer_early( struct peer *peer, int fd, void *arg )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, arg );
    peer_wait_eof( fd );
}

/* The answer is whole, the request is not: it may go on, and the connection is never kept half-way. */
static void test_an_early_answer_leaves_the_request_unfinished( void )
{
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\n\r\n", .body = "12345", .body_len = 5, .total_len = 10 };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer_early, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( !client_start( &client, &peer, &post ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    expect( !client_read_all( &client, 100, WAIT_MS ) && client.body_len == 2 );
    expect( !client_read_all( &client, 100, WAIT_MS ) && !client.body_len );
    expect( !origin_idle_count() );
    expect( !client_send( &client, "67890", 5, 0 ) );
    expect( origin_idle_count() == 1 );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

static void test_bytes_beyond_the_message_spoil_the_connection( void )
{
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\n\r\n", .body = "1234567", .body_len = 7, .total_len = 5 };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer_early, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( !client_get( &client, &peer, &post ) );
    expect( !origin_idle_count() );
    expect_clean();
    peer_stop( &peer );
}

static int stall_over;

/* A large body of unknown length that ends with the start: nothing counts as sent before it is. */
static void script_answer_and_stall( struct peer *peer, int fd, void *arg )
{
    char head[4096];
    int small = 4096;

    setsockopt( fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small) );
    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, arg );
    while (!__atomic_load_n( &stall_over, __ATOMIC_SEQ_CST )) sched_yield();    /* takes nothing of the body meanwhile */
}

static void test_an_answer_in_the_middle_of_a_body_of_unknown_length( void )
{
    static char data[8 << 20];
    struct request post = { .head = "POST / HTTP/1.1\r\nHost: x\r\n\r\n", .body = data, .body_len = sizeof(data),
                            .total_len = WH_NO_LENGTH, .flags = WHX_END };
    static struct async async;
    struct peer peer;

    __atomic_store_n( &stall_over, 0, __ATOMIC_SEQ_CST );
    peer_start( &peer, script_answer_and_stall, (void *)"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( async_start( &async, peer.port, &post ) == WH_PENDING );
    async_read_head( &async, 0 );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    async_read_body( &async );
    expect( !async_wait( &async, WHK_BODY_READ ) && async.last[WHK_BODY_READ].bytes == 2 );
    expect( !origin_idle_count() );
    async_close( &async );
    async_wait_gone( &async );
    expect( async.last[WHK_HEAD_SENT].error == WHE_CANCELLED );
    expect( !origin_idle_count() );
    expect_clean();
    __atomic_store_n( &stall_over, 1, __ATOMIC_SEQ_CST );
    peer_stop( &peer );
}

/* A pause that is cancelled while it is being answered: one end of the start, whichever way. */
static void test_resume_after_cancel( void )
{
    struct request pause = { .flags = WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { .verdict = 0 };
    struct async async;
    struct peer peer;
    int fetched;

    peer_start( &peer, script_silent, NULL );
    for (fetched = 0; fetched < 2; fetched++)
    {
        expect( async_start( &async, peer.port, &pause ) == WH_PENDING );
        while (!(async.seen & (1u << WHK_PAUSE_SENDING)) && expect( async_pump( WAIT_MS ) )) ;
        async_cancel( &async );
        if (fetched) expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CANCELLED );
        resume.exchange = async.id;
        expect( exchange_resume( &resume ) == (fetched ? WH_REFUSED : WH_PENDING) );
        expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CANCELLED );
        async_close( &async );
        async_wait_gone( &async );
        expect_clean();
    }
    peer_stop( &peer );
}

/* A pause asks for no memory when it is due, so it cannot get lost. */
static void test_a_pause_needs_no_memory( void )
{
    struct request pause = { .flags = WHX_PAUSE_SENDING };
    struct async async;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    expect( async_start( &async, peer.port, &pause ) == WH_PENDING );
    hooks_fail( HOOK_ALLOC, 1, 1, 0 );
    while (!(async.seen & (1u << WHK_PAUSE_SENDING)) && expect( async_pump( WAIT_MS ) )) ;
    hooks_reset();
    async_close( &async );
    async_wait_gone( &async );
    expect( async.last[WHK_HEAD_SENT].error == WHE_CANCELLED );
    expect_clean();
    peer_stop( &peer );
}

/* A synchronous caller whose exchange is closed between its call and its wait still hears of it. */
static void test_close_before_the_wait_is_heard( void )
{
    struct wh_exchange_read_head_params params = { .size = 0 };
    struct wh_exchange_close_params close = { .drain_limit = 0 };
    struct wh_wait_params wait = { .capacity = 1 };
    struct wh_record record;
    struct client client;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    expect( !client_start( &client, &peer, &plain ) );
    params.exchange = close.exchange = wait.exchange = client.id;
    wait.records = wh_from_ptr( &record );
    expect( exchange_read_head( &params ) == WH_PENDING );
    expect( exchange_close( &close ) == WH_DONE );
    expect( exchange_close( &close ) == WH_REFUSED );
    expect( exchange_read_head( &params ) == WH_REFUSED );
    expect( engine_wait( &wait ) == WH_DONE && wait.count == 1 );
    expect( record.kind == WHK_HEAD_READ && record.error == WHE_CANCELLED );
    expect( engine_wait( &wait ) == WH_REFUSED );    /* the id went with the record */
    expect_clean();
    peer_stop( &peer );
}

static void script_endless_chunks( struct peer *peer, int fd, void *arg )
{
    char head[4096], chunk[3000];
    int len;

    (void)arg;
    if (!peer_read_head( peer, fd, head, sizeof(head) )) return;
    peer_send( fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" );
    len = sprintf( chunk, "1;%02000d\r\nx\r\n", 0 );
    while (send( fd, chunk, len, MSG_NOSIGNAL ) == len) ;
}

static void test_draining_is_bounded_by_what_is_read( void )
{
    struct client client;
    struct peer peer;
    uint64_t until;

    peer_start( &peer, script_endless_chunks, NULL );
    expect( !client_start( &client, &peer, &plain ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
    client_close( &client );    /* 64 KiB of one-byte chunks would be 130 MB */
    for (until = engine_now_ms() + 1000; object_count( OBJECT_CONN ) && engine_now_ms() < until;) async_pump( 5 );
    expect( !object_count( OBJECT_CONN ) );
    expect_clean();
    peer_stop( &peer );
}

int main( void )
{
    client_begin( 0 );

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
    run( test_a_byte_of_the_response_is_not_stale );
    run( test_unread_body_is_drained );
    run( test_deadlines );
    run( test_drips_do_not_put_off_the_limit_of_the_whole_head );
    run( test_head_limit );
    run( test_uploads );
    run( test_framing_by_the_application_is_followed );
    run( test_answer_before_the_body_is_out );
    run( test_pause_and_resume_with_another_head );
    run( test_progress_comes_in_order );
    run( test_refused_and_unknown );
    run( test_bad_arguments_are_refused );
    run( test_a_second_final_head_is_refused );
    run( test_an_early_answer_leaves_the_request_unfinished );
    run( test_bytes_beyond_the_message_spoil_the_connection );
    run( test_an_answer_in_the_middle_of_a_body_of_unknown_length );
    run( test_resume_after_cancel );
    run( test_a_pause_needs_no_memory );
    run( test_close_before_the_wait_is_heard );
    run( test_draining_is_bounded_by_what_is_read );

    client_end();
    return test_end( "exchange" );
}
