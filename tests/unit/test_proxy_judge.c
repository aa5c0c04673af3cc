/*
 * Unit test of the verdict on proxies that are spoken to over TLS, where the PE side has the last word
 *
 * The same question is asked twice on the way to a TLS server: about the proxy, then about the server. Neither answer is
 * taken for the other, and what is known of the proxy is told only where it is asked for as the proxy's.
 */

#include "proxy_peer.h"

#define MAX_QUESTIONS 4

struct question
{
    uint32_t flags, detail;
    uint32_t of_server, of_proxy;    /* errors of asking for the peer's chain */
};

struct judged
{
    struct client   client;
    struct question questions[MAX_QUESTIONS];
    unsigned int    count;
    uint32_t        verdicts[MAX_QUESTIONS];     /* WHE_*, in order */
};

static void answer( struct judged *judged, const struct wh_record *record )
{
    struct wh_exchange_resume_params params = { .exchange = judged->client.id, .conn = record->bytes };
    struct question *question = &judged->questions[judged->count];

    if (!record->bytes) return;
    if (!expect( judged->count < MAX_QUESTIONS )) return;
    question->flags     = record->flags;
    question->detail    = record->detail;
    question->of_server = fact_error( &judged->client, WHQ_PEER_CHAIN );
    question->of_proxy  = fact_error( &judged->client, WHQ_PEER_CHAIN | WHQ_OF_PROXY );
    params.verdict      = judged->verdicts[judged->count++];
    params.bits         = params.verdict ? WH_CERT_REVOKED : 0;
    expect( exchange_resume( &params ) == WH_PENDING );
}

/* As ask_start, with answers. */
static uint32_t start( struct judged *judged, const struct ask *ask )
{
    struct wh_wait_params wait = { .capacity = 1, .timeout_ms = WAIT_MS };
    struct wh_exchange_start_params params;
    struct wh_record record;
    struct wh_route route;
    uint32_t ret;

    ask_params( ask, &route, &params );
    params.flags |= WHX_SYNC;
    memset( &judged->client, 0, offsetof( struct client, head ) );
    judged->client.head_len = judged->client.body_len = judged->client.events = 0;
    judged->count = 0;
    ret = exchange_start( &params );
    judged->client.id = params.exchange;
    if (ret != WH_PENDING) return judged->client.error = ret == WH_DONE ? params.error : WHE_INVALID;
    wait.exchange = params.exchange;
    wait.records = wh_from_ptr( &record );
    for (;;)
    {
        if (!expect( !engine_wait( &wait ) && wait.count )) return WHE_INTERNAL;
        if (record.kind == WHK_PAUSE_TLS) answer( judged, &record );
        if (record.kind == WHK_HEAD_SENT) break;
    }
    judged->client.detail = record.detail;
    return judged->client.error = record.error;
}

static void test_both_are_asked_about( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1 };
    struct judged judged = { .verdicts = { WHE_OK, WHE_OK } };
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.judge = WH_JUDGE_ALWAYS;
    expect( !start( &judged, &ask ) && judged.count == 2 );
    expect( judged.questions[0].flags == WHR_FROM_PROXY && judged.questions[0].of_server == WHE_STATE );
    expect( !judged.questions[0].of_proxy );
    expect( !judged.questions[1].flags && !judged.questions[1].of_server && judged.questions[1].of_proxy == WHE_STATE );
    expect( fact_error( &judged.client, WHQ_PEER_CHAIN | WHQ_OF_PROXY ) == WHE_STATE );
    expect( !ask_finish( &judged.client ) && is_page( &judged.client, "GET / HTTP/1.1" ) );
    client_close( &judged.client );
    proxy_end();
}

/* A proxy that is not accepted has seen nothing, and it is not the server that was not accepted. */
static void test_a_proxy_that_is_not_accepted( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1 };
    struct judged judged = { .verdicts = { WHE_CERT } };
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.judge = WH_JUDGE_ALWAYS;
    expect( start( &judged, &ask ) == WHE_PROXY_CERT && judged.client.detail == WH_CERT_REVOKED && judged.count == 1 );
    expect( fact_error( &judged.client, WHQ_PEER_CHAIN ) == WHE_STATE && !proxy_log_len );
    client_close( &judged.client );
    proxy_end();
}

/* The stores may know an authority that the host does not. What a program ignores is not what the stores know. */
static void test_doubts_about_a_proxy( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .answers = { GRANT }, .tls = 1, .proxy_cert = "selfsigned" };
    struct judged judged = { .verdicts = { WHE_OK } };
    struct wh_route route;
    struct ask ask = { .route = &route };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.judge = WH_JUDGE_DOUBT;
    route.tls_flags = WH_TLS_IGNORE_ANY;
    expect( !start( &judged, &ask ) && judged.count == 1 );
    expect( judged.questions[0].flags == WHR_FROM_PROXY && judged.questions[0].detail == WH_CERT_UNKNOWN_CA );
    expect( !ask_finish( &judged.client ) );
    client_close( &judged.client );
    proxy_end();
}

/* Where nothing else is spoken over TLS. */
static void test_plain_requests( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .proxy_cert = "selfsigned" };
    struct judged judged = { .verdicts = { WHE_CERT, WHE_OK } };
    struct wh_route route;
    struct ask ask = { .route = &route, .scheme = WH_SCHEME_HTTP };

    ask.head = "GET http://localhost:4433/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    proxy_begin( &script );
    route = proxy_route( NULL );
    expect( start( &judged, &ask ) == WHE_PROXY_CERT && !judged.count && judged.client.detail == WH_CERT_UNKNOWN_CA );
    client_close( &judged.client );
    route.judge = WH_JUDGE_DOUBT;
    expect( start( &judged, &ask ) == WHE_PROXY_CERT && judged.count == 1 );
    client_close( &judged.client );
    judged.verdicts[0] = WHE_OK;
    expect( !start( &judged, &ask ) && judged.count == 1 && judged.questions[0].flags == WHR_FROM_PROXY );
    expect( !ask_finish( &judged.client ) && is_page( &judged.client, "GET http://localhost:4433/x HTTP/1.1" ) );
    client_close( &judged.client );
    proxy_end();
}

/* Accepted under one key is not accepted under another: the connection is not shared, nor is its session. */
static void test_a_verdict_counts_under_its_key( void )
{
    static const struct proxy_script script = { .way = WAY_HTTPS, .proxy_cert = "selfsigned" };
    struct judged judged = { .verdicts = { WHE_OK } };
    struct wh_route route;
    struct ask ask = { .route = &route, .scheme = WH_SCHEME_HTTP };

    proxy_begin( &script );
    route = proxy_route( NULL );
    route.judge = WH_JUDGE_DOUBT;
    expect( !start( &judged, &ask ) && judged.count == 1 && !ask_finish( &judged.client ) );
    client_close( &judged.client );
    expect( !start( &judged, &ask ) && !judged.count && !ask_finish( &judged.client ) );
    client_close( &judged.client );
    route.judge_key[1] = 1;
    judged.verdicts[0] = WHE_CERT;
    expect( start( &judged, &ask ) == WHE_PROXY_CERT && judged.count == 1 );
    client_close( &judged.client );
    proxy_end();
}

int main(void)
{
    make_certificates();
    client_begin( 60000 );
    run( test_both_are_asked_about );
    run( test_a_proxy_that_is_not_accepted );
    run( test_doubts_about_a_proxy );
    run( test_plain_requests );
    run( test_a_verdict_counts_under_its_key );
    client_end();
    remove_certificates();
    return test_end( "test_proxy_judge" );
}
