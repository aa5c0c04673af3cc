/*
 * The pause of a handshake until the program's side has judged the server's certificate
 *
 * Real handshakes with servers in this process: `unknown` has a certificate that nobody here vouches for, `good` one of an
 * authority that is trusted.
 */

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "certs.h"
#include "client.h"

#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct server
{
    struct peer                      peer;
    gnutls_certificate_credentials_t creds;
    unsigned int                     heads, threads;     /* atomic: requests that arrived; connections at work */
};

struct served { struct server *server; int fd; };

static struct server unknown, good;

/* ---- the server: a thread per connection ---- */

static int read_request( gnutls_session_t tls )
{
    char head[2048];
    size_t len = 0;
    ssize_t ret;

    while (len + 1 < sizeof(head))
    {
        ret = gnutls_record_recv( tls, head + len, sizeof(head) - 1 - len );
        if (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_AGAIN) continue;
        if (ret <= 0) return 0;
        head[len += ret] = 0;
        if (strstr( head, "\r\n\r\n" )) return 1;
    }
    return 0;
}

static void *serve_thread( void *arg )
{
    struct served *served = arg;
    struct server *server = served->server;
    gnutls_session_t tls;
    int ret;

    gnutls_init( &tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS );
    gnutls_set_default_priority( tls );
    gnutls_credentials_set( tls, GNUTLS_CRD_CERTIFICATE, server->creds );
    gnutls_transport_set_int( tls, served->fd );
    while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret )) ;
    while (!ret && read_request( tls ))
    {
        __atomic_add_fetch( &server->heads, 1, __ATOMIC_SEQ_CST );
        if (gnutls_record_send( tls, PAGE, sizeof(PAGE) - 1 ) <= 0) break;
    }
    gnutls_deinit( tls );
    close( served->fd );
    free( served );
    __atomic_sub_fetch( &server->threads, 1, __ATOMIC_SEQ_CST );
    return NULL;
}

static void script_tls( struct peer *peer, int fd, void *arg )
{
    struct served *served = malloc( sizeof(*served) );
    pthread_t thread;

    (void)peer;
    served->server = arg;
    served->fd = dup( fd );
    __atomic_add_fetch( &served->server->threads, 1, __ATOMIC_SEQ_CST );
    pthread_create( &thread, NULL, serve_thread, served );
    pthread_detach( thread );
}

static int server_start( struct server *server, const char *name )
{
    char chain[512], key[512];

    snprintf( chain, sizeof(chain), "%s/%s-chain.pem", certs, name );
    snprintf( key, sizeof(key), "%s/%s.key", certs, name );
    gnutls_certificate_allocate_credentials( &server->creds );
    if (!expect( gnutls_certificate_set_x509_key_file( server->creds, chain, key, GNUTLS_X509_FMT_PEM ) >= 0 )) return 0;
    peer_start( &server->peer, script_tls, server );
    return 1;
}

static void server_stop( struct server *server )
{
    peer_stop( &server->peer );
    while (__atomic_load_n( &server->threads, __ATOMIC_SEQ_CST )) sched_yield();    /* our ends are closed */
    gnutls_certificate_free_credentials( server->creds );
}

static unsigned int heads( const struct server *server )
{
    return __atomic_load_n( &server->heads, __ATOMIC_SEQ_CST );
}

/* ---- the client ---- */

#define HAS( async, kind ) ((async)->seen & (1u << (kind)))

/* Pumps until there is a question. */
static int await_question( struct async *async )
{
    while (!HAS( async, WHK_PAUSE_TLS ))
        if (!expect( async_pump( WAIT_MS ) )) return 0;
    return expect( async->last[WHK_PAUSE_TLS].bytes != 0 );
}

static uint32_t verdict_on( wh_id exchange, wh_id conn, enum wh_error error, uint32_t bits )
{
    struct wh_exchange_resume_params params = { .exchange = exchange, .conn = conn, .verdict = error, .bits = bits };

    return exchange_resume( &params );
}

static uint32_t verdict( struct async *async, enum wh_error error, uint32_t bits )
{
    return verdict_on( async->id, async->last[WHK_PAUSE_TLS].bytes, error, bits );
}

static uint32_t query( wh_id exchange, uint32_t what, void *buffer, uint32_t size, uint32_t *len )
{
    struct wh_exchange_query_params params = { .exchange = exchange, .what = what, .buffer = wh_from_ptr( buffer ),
                                               .size = size };

    expect( exchange_query( &params ) == WH_DONE );
    *len = params.len;
    return params.error;
}

/* The leaf that can be asked about is the server's. */
static int shows_chain_of( wh_id exchange, const struct server *server )
{
    static uint8_t chain[16384];
    gnutls_datum_t leaf;
    uint32_t len, count;

    if (query( exchange, WHQ_PEER_CHAIN, chain, sizeof(chain), &len ) || len < sizeof(count)) return 0;
    memcpy( &count, chain, sizeof(count) );
    return !gnutls_certificate_get_crt_raw( server->creds, 0, 0, &leaf ) && leaf.size == count &&
           !memcmp( leaf.data, chain + sizeof(count), count );
}

/* The rest of an exchange whose head is out, or will be. */
static void finish( struct async *async )
{
    if (expect( !async_wait( async, WHK_HEAD_SENT ) ))
    {
        async_read_head( async, 0 );
        expect( !async_wait( async, WHK_HEAD_READ ) );
        async_read_body( async );
        expect( !async_wait( async, WHK_BODY_READ ) );
    }
    async_close( async );
    async_wait_gone( async );
}

static struct request secure_request( const struct wh_route *route )
{
    struct request request = { .scheme = WH_SCHEME_HTTPS, .route = route };

    return request;
}

static const struct wh_route doubt = { .judge = WH_JUDGE_DOUBT }, always = { .judge = WH_JUDGE_ALWAYS };

static void test_an_accepted_connection_carries_its_request( void )
{
    struct request request = secure_request( &doubt );
    struct wh_tls_facts facts;
    struct async async;
    unsigned int before = heads( &unknown );
    uint32_t len;

    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &async ))
    {
        expect( async.last[WHK_PAUSE_TLS].detail == WH_CERT_UNKNOWN_CA );
        expect( shows_chain_of( async.id, &unknown ) );
        expect( !query( async.id, WHQ_TLS, &facts, sizeof(facts), &len ) && facts.cipher_bits >= 128 );
        expect( heads( &unknown ) == before );
        expect( verdict_on( async.id, async.last[WHK_PAUSE_TLS].bytes + 1, WHE_OK, 0 ) == WH_REFUSED );
        expect( verdict( &async, WHE_OK, 0 ) == WH_PENDING );
        expect( verdict( &async, WHE_OK, 0 ) == WH_REFUSED );    /* once */
    }
    finish( &async );
    expect( heads( &unknown ) == before + 1 );

    /* The connection was judged: it serves the next one without a question. */
    expect( !async_get( &async, unknown.peer.port, &request ) );
    expect( !HAS( &async, WHK_PAUSE_TLS ) );
    expect_clean();
}

static void test_a_refused_connection_fails_its_request( void )
{
    struct request request = secure_request( &doubt );
    struct async async;
    unsigned int before = heads( &unknown );

    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &async ))
        expect( verdict( &async, WHE_CERT, WH_CERT_UNKNOWN_CA | WH_CERT_REVOKED ) == WH_PENDING );
    expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CERT );
    expect( async.last[WHK_HEAD_SENT].detail == (WH_CERT_UNKNOWN_CA | WH_CERT_REVOKED) );
    expect( shows_chain_of( async.id, &unknown ) );    /* programs ask when they are told of the failure */
    expect( heads( &unknown ) == before );
    async_close( &async );
    async_wait_gone( &async );
    expect_clean();
}

static void test_a_failure_that_is_not_asked_about_shows_its_chain( void )
{
    struct request request = { .scheme = WH_SCHEME_HTTPS };
    struct async async;

    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CERT );
    expect( async.last[WHK_HEAD_SENT].detail == WH_CERT_UNKNOWN_CA && !HAS( &async, WHK_PAUSE_TLS ) );
    expect( shows_chain_of( async.id, &unknown ) );
    async_close( &async );
    async_wait_gone( &async );
    expect_clean();
}

static void test_a_good_certificate_is_asked_about_only_always( void )
{
    struct request doubts = secure_request( &doubt ), asks = secure_request( &always );
    struct async async;

    expect( !async_get( &async, good.peer.port, &doubts ) );
    expect( !HAS( &async, WHK_PAUSE_TLS ) );

    /* The pooled connection was judged by less. */
    expect( async_start( &async, good.peer.port, &asks ) == WH_PENDING );
    if (await_question( &async ))
    {
        expect( !async.last[WHK_PAUSE_TLS].detail );
        expect( verdict( &async, WHE_OK, 0 ) == WH_PENDING );
    }
    finish( &async );
    expect_clean();
}

static void test_an_exchange_may_go_during_the_pause( void )
{
    struct request request = secure_request( &doubt );
    struct async async;
    wh_id conn;
    int cancel;

    for (cancel = 0; cancel < 2; cancel++)
    {
        expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
        if (!await_question( &async )) return;
        conn = async.last[WHK_PAUSE_TLS].bytes;
        if (cancel)
        {
            async_cancel( &async );
            expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CANCELLED );
            expect( verdict_on( async.id, conn, WHE_OK, 0 ) == WH_REFUSED );
        }
        async_close( &async );
        async_wait_gone( &async );
        expect( verdict_on( async.id, conn, WHE_OK, 0 ) == WH_REFUSED );
        expect_clean();
    }
}

static void test_the_next_waiter_is_asked( void )
{
    struct wh_route route = { .judge = WH_JUDGE_DOUBT, .conn_limit = 1 };
    struct request request = secure_request( &route );
    struct async first, second;
    wh_id conn;

    expect( async_start( &first, unknown.peer.port, &request ) == WH_PENDING );
    expect( async_start( &second, unknown.peer.port, &request ) == WH_PENDING );
    if (!await_question( &first )) return;
    conn = first.last[WHK_PAUSE_TLS].bytes;
    expect( !HAS( &second, WHK_PAUSE_TLS ) );
    expect( verdict_on( second.id, conn, WHE_OK, 0 ) == WH_REFUSED );    /* nobody has asked it */
    async_cancel( &first );
    expect( async_wait( &first, WHK_HEAD_SENT ) == WHE_CANCELLED );

    if (await_question( &second ))
    {
        expect( second.last[WHK_PAUSE_TLS].bytes == conn );
        expect( shows_chain_of( second.id, &unknown ) );
        expect( verdict( &second, WHE_OK, 0 ) == WH_PENDING );
    }
    finish( &second );
    async_close( &first );
    async_wait_gone( &first );
    expect_clean();
}

static void test_the_connect_timeout_does_not_run_meanwhile( void )
{
    struct request request = secure_request( &doubt );
    struct async async;
    uint64_t until;

    request.connect_ms = request.send_ms = 1000;
    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &async ))
    {
        for (until = engine_now_ms() + 1500; engine_now_ms() < until;) expect( !async_pump( 100 ) );
        expect( verdict( &async, WHE_OK, 0 ) == WH_PENDING );
    }
    finish( &async );
    expect_clean();
}

static void test_both_pauses_follow_one_another( void )
{
    struct request request = secure_request( &doubt );
    struct wh_exchange_resume_params resume = { 0 };
    struct async async;

    request.flags = WHX_PAUSE_SENDING;
    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &async ))
    {
        resume.exchange = async.id;
        expect( exchange_resume( &resume ) == WH_REFUSED );    /* it is not there yet */
        expect( verdict( &async, WHE_OK, 0 ) == WH_PENDING );
        while (!HAS( &async, WHK_PAUSE_SENDING ) && expect( async_pump( WAIT_MS ) )) ;
        expect( shows_chain_of( async.id, &unknown ) );
        async.pending &= ~(1u << WHK_HEAD_SENT);
        if (exchange_resume( &resume ) == WH_PENDING) async.pending |= 1u << WHK_HEAD_SENT;
        else expect( !resume.error );
    }
    finish( &async );
    expect_clean();
}

static void test_a_synchronous_caller_is_asked_in_its_wait( void )
{
    struct request request = secure_request( &doubt );
    struct wh_route route = request_route( &request, unknown.peer.port );
    struct wh_exchange_start_params start = { .session = session, .route = wh_from_ptr( &route ), .flags = WHX_SYNC,
        .head = wh_from_ptr( get_head ), .head_len = sizeof(get_head) - 1, .send_ms = WAIT_MS };
    struct wh_exchange_close_params close = { 0 };
    struct wh_wait_params wait = { .capacity = 1, .timeout_ms = WAIT_MS };
    struct wh_record record = { 0 };

    expect( exchange_start( &start ) == WH_PENDING );
    wait.exchange = close.exchange = start.exchange;
    wait.records = wh_from_ptr( &record );
    expect( !engine_wait( &wait ) && wait.count == 1 && record.kind == WHK_PAUSE_TLS );
    expect( shows_chain_of( start.exchange, &unknown ) );
    expect( verdict_on( start.exchange, record.bytes, WHE_OK, 0 ) == WH_PENDING );
    expect( !engine_wait( &wait ) && wait.count == 1 && record.kind == WHK_HEAD_SENT && !record.error );
    expect( exchange_close( &close ) == WH_DONE );
    expect_clean();
}

/* The first exchange opens two connections; the one that works for nobody asks nobody. */
static void test_a_spare_connection_asks_when_it_is_wanted( void )
{
    struct wh_route route = { .judge = WH_JUDGE_DOUBT, .background = 2 };
    struct request request = secure_request( &route );
    unsigned int before = peer_connections( &unknown.peer );
    struct async first, second;

    expect( async_start( &first, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &first )) expect( verdict( &first, WHE_OK, 0 ) == WH_PENDING );
    expect( !async_wait( &first, WHK_HEAD_SENT ) );    /* it keeps its connection */
    while (peer_connections( &unknown.peer ) < before + 2) async_pump( 10 );

    expect( async_start( &second, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &second ))
    {
        expect( second.last[WHK_PAUSE_TLS].bytes != first.last[WHK_PAUSE_TLS].bytes );
        expect( verdict( &second, WHE_OK, 0 ) == WH_PENDING );
    }
    finish( &second );
    finish( &first );
    expect( peer_connections( &unknown.peer ) == before + 2 );
    expect_clean();
}

static void test_a_spare_connection_does_not_wait_for_ever( void )
{
    struct wh_route route = { .judge = WH_JUDGE_DOUBT, .background = 2, .conn_limit = 2 };
    struct request request = secure_request( &route );
    struct wh_session_open_params open = { .max_idle_ms = 100 };
    struct wh_session_close_params close = { 0 };
    wh_id normal = session;
    struct async async;
    uint64_t until = engine_now_ms() + WAIT_MS;

    expect( !session_open( &open ) );
    close.session = session = open.session;
    expect( async_start( &async, unknown.peer.port, &request ) == WH_PENDING );
    if (await_question( &async )) expect( verdict( &async, WHE_OK, 0 ) == WH_PENDING );
    finish( &async );
    while (object_count( OBJECT_CONN ) && expect( engine_now_ms() < until )) async_pump( 20 );
    expect( !object_count( OBJECT_DIAL ) );
    session = normal;
    expect( !session_close( &close ) );
    expect_clean();
}

static void test_a_route_names_a_judge_that_exists( void )
{
    struct wh_route route = { .judge = WH_JUDGE_ALWAYS + 1 };
    struct request request = secure_request( &route );
    struct async async;

    expect( async_start( &async, unknown.peer.port, &request ) == WH_DONE );
    expect( async.last[WHK_HEAD_SENT].error == WHE_INVALID );
}

int main( void )
{
    make_certificates();
    client_begin( 0 );
    if (server_start( &unknown, "selfsigned" ) && server_start( &good, "good" ))
    {
        run( test_an_accepted_connection_carries_its_request );
        run( test_a_refused_connection_fails_its_request );
        run( test_a_failure_that_is_not_asked_about_shows_its_chain );
        run( test_a_good_certificate_is_asked_about_only_always );
        run( test_an_exchange_may_go_during_the_pause );
        run( test_the_next_waiter_is_asked );
        run( test_the_connect_timeout_does_not_run_meanwhile );
        run( test_both_pauses_follow_one_another );
        run( test_a_synchronous_caller_is_asked_in_its_wait );
        run( test_a_spare_connection_asks_when_it_is_wanted );
        run( test_a_spare_connection_does_not_wait_for_ever );
        run( test_a_route_names_a_judge_that_exists );
        server_stop( &unknown );
        server_stop( &good );
    }
    client_end();
    tls_shutdown();
    remove_certificates();
    return test_end( "pause" );
}
