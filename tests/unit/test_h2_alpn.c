/*
 * Which protocol a TLS connection speaks: what the route allows, what the server chooses, and how a burst of requests gets
 * its connections where that is not known yet
 *
 * The server is GnuTLS in threads; over h2 it is nghttp2's. It chooses of `server_names`, in any version of TLS.
 */

#include <gnutls/gnutls.h>

#include "certs.h"
#include "faults.h"
#include "h2_server.h"

static gnutls_certificate_credentials_t server_creds;
static const char *server_priority;
static const char *server_names[2];          /* NULL: it knows nothing of ALPN */
static unsigned int server_flags;            /* GNUTLS_ALPN_MANDATORY */
static struct crowd crowd;

/* ---- the server ---- */

static ssize_t tls_read( gnutls_session_t tls, void *data, size_t size )
{
    ssize_t ret;

    do ret = gnutls_record_recv( tls, data, size );
    while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
    return ret;
}

static void serve_h1( gnutls_session_t tls )
{
    char head[4096];
    size_t len;
    ssize_t ret;

    for (;;)
    {
        for (len = 0, head[0] = 0; !strstr( head, "\r\n\r\n" ); head[len += ret] = 0)
            if ((ret = tls_read( tls, head + len, sizeof(head) - 1 - len )) <= 0) return;
        if (gnutls_record_send( tls, crowd_ok, strlen( crowd_ok ) ) <= 0) return;
    }
}

static ssize_t carry_in( void *carrier, void *data, size_t size ) { return tls_read( carrier, data, size ); }
static ssize_t carry_out( void *carrier, const void *data, size_t size ) { return gnutls_record_send( carrier, data, size ); }

static void serve_h2( gnutls_session_t tls )
{
    struct h2_server server = { .recv = carry_in, .send = carry_out, .carrier = tls, .body_len = 2 };

    h2_serve( &server );
}

static void serve( struct crowd *guests, int fd )
{
    gnutls_datum_t names[2], chosen;
    gnutls_session_t tls;
    unsigned int count;
    int ret;

    (void)guests;
    gnutls_init( &tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL );
    gnutls_priority_set_direct( tls, server_priority, NULL );
    gnutls_credentials_set( tls, GNUTLS_CRD_CERTIFICATE, server_creds );
    for (count = 0; count < 2 && server_names[count]; count++)
    {
        names[count].data = (unsigned char *)server_names[count];
        names[count].size = strlen( server_names[count] );
    }
    if (count) gnutls_alpn_set_protocols( tls, names, count, server_flags | GNUTLS_ALPN_SERVER_PRECEDENCE );
    gnutls_transport_set_int( tls, fd );
    while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret ));
    if (ret < 0) gnutls_alert_send_appropriate( tls, ret );
    else if (!gnutls_alpn_get_selected_protocol( tls, &chosen ) && chosen.size == 2) serve_h2( tls );
    else serve_h1( tls );
    gnutls_deinit( tls );
}

/* ---- the client ---- */

/* A GET; what it went over is in *protocol. */
static uint32_t get( uint32_t alpn, uint32_t *protocol )
{
    struct wh_route route = { .alpn = alpn };
    struct request request = { .scheme = WH_SCHEME_HTTPS, .host = "localhost", .route = &route };
    struct wh_exchange_query_params query = { .what = WHQ_PROTOCOL, .buffer = wh_from_ptr( protocol ), .size = 4 };
    struct client client;
    uint32_t error;

    *protocol = 0;
    if (!(error = client_start( &client, &crowd.peer, &request )) &&
        !(error = client_read_head( &client, WAIT_MS, 0, 0 )) &&
        !(error = client_read_all( &client, 100, WAIT_MS )))
    {
        query.exchange = client.id;
        expect( exchange_query( &query ) == WH_DONE && !query.error );
        expect( !!(client.flags & WHR_H2) == (*protocol == WH_ALPN_H2) );
        expect( client.status == 200 && client.body_len == 2 );
    }
    client_close( &client );
    return error;
}

static void end_of_test( void )
{
    expect_clean();
    tls_shutdown();
    crowd_settle( &crowd );
}

static const char *const priorities[2] = { "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };

/* What the route allows, what the server knows, what comes of it. */
static const struct row
{
    uint32_t     alpn;
    const char  *names[2];
    unsigned int flags;
    uint32_t     error, protocol;
} rows[] =
{
    { WH_ALPN_H1 | WH_ALPN_H2, { "h2", "http/1.1" }, 0, WHE_OK, WH_ALPN_H2 },
    { WH_ALPN_H1 | WH_ALPN_H2, { "http/1.1", "h2" }, 0, WHE_OK, WH_ALPN_H1 },
    { WH_ALPN_H1 | WH_ALPN_H2, { "http/1.1", NULL }, 0, WHE_OK, WH_ALPN_H1 },
    { WH_ALPN_H1 | WH_ALPN_H2, { NULL, NULL }, 0, WHE_OK, WH_ALPN_H1 },
    { WH_ALPN_H1 | WH_ALPN_H2, { "h3", NULL }, 0, WHE_OK, WH_ALPN_H1 },
    { WH_ALPN_H1 | WH_ALPN_H2, { "h3", NULL }, GNUTLS_ALPN_MANDATORY, WHE_TLS, 0 },
    { WH_ALPN_H1, { "h2", "http/1.1" }, 0, WHE_OK, WH_ALPN_H1 },
    { 0, { "h2", "http/1.1" }, 0, WHE_OK, WH_ALPN_H1 },
    { WH_ALPN_H2, { "h2", "http/1.1" }, 0, WHE_OK, WH_ALPN_H2 },
    { WH_ALPN_H2, { "http/1.1", NULL }, 0, WHE_MISMATCH, 0 },
    { WH_ALPN_H2, { "http/1.1", NULL }, GNUTLS_ALPN_MANDATORY, WHE_MISMATCH, 0 },
    { WH_ALPN_H2, { NULL, NULL }, 0, WHE_MISMATCH, 0 },
};

static void test_what_is_spoken( void )
{
    uint32_t protocol, error;
    unsigned int i, j;

    for (j = 0; j < 2; j++)
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        {
            server_priority = priorities[j];
            memcpy( server_names, rows[i].names, sizeof(server_names) );
            server_flags = rows[i].flags;
            error = get( rows[i].alpn, &protocol );
            if (!expect( error == rows[i].error && protocol == rows[i].protocol ))
                fprintf( stderr, "    row %u with %s: error %u, protocol %u\n", i, priorities[j], error, protocol );
            end_of_test();
        }
}

static unsigned int burst( unsigned int count, uint32_t alpn )
{
    struct wh_route route = { .alpn = alpn };
    struct request request = { .scheme = WH_SCHEME_HTTPS, .host = "localhost", .route = &route };
    unsigned int before = peer_connections( &crowd.peer ), i;
    static struct async asyncs[32];

    for (i = 0; i < count; i++) async_start( &asyncs[i], crowd.peer.port, &request );
    for (i = 0; i < count; i++)
    {
        expect( !async_wait( &asyncs[i], WHK_HEAD_SENT ) );
        async_read_head( &asyncs[i], 0 );
    }
    for (i = 0; i < count; i++) expect( !async_wait( &asyncs[i], WHK_HEAD_READ ) && asyncs[i].last[WHK_HEAD_READ].status == 200 );
    for (i = 0; i < count; i++) async_close( &asyncs[i] );
    for (i = 0; i < count; i++) async_wait_gone( &asyncs[i] );
    return peer_connections( &crowd.peer ) - before;
}

/* One connection for all; or, where that cannot be, one for each, and from then on without asking first. */
static void test_bursts( void )
{
    uint32_t protocol;

    server_priority = priorities[0];
    server_flags = 0;
    server_names[0] = "h2";
    server_names[1] = "http/1.1";
    expect( burst( 32, WH_ALPN_H1 | WH_ALPN_H2 ) == 1 );
    end_of_test();
    server_names[0] = "http/1.1";
    server_names[1] = NULL;
    expect( burst( 8, WH_ALPN_H1 | WH_ALPN_H2 ) == 8 );
    end_of_test();
    expect( burst( 8, WH_ALPN_H1 | WH_ALPN_H2 ) == 8 );    /* the origin is gone, what it spoke is known */
    end_of_test();
    server_names[0] = "h2";    /* the server has learnt */
    expect( burst( 8, WH_ALPN_H1 | WH_ALPN_H2 ) <= 8 );
    expect( !get( WH_ALPN_H1 | WH_ALPN_H2, &protocol ) && protocol == WH_ALPN_H2 );
    end_of_test();
}

int main( void )
{
    char chain[512], key[512];

    make_certificates();
    snprintf( chain, sizeof(chain), "%s/good-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    gnutls_certificate_allocate_credentials( &server_creds );
    if (!expect( gnutls_certificate_set_x509_key_file( server_creds, chain, key, GNUTLS_X509_FMT_PEM ) >= 0 ))
        return test_end( "h2_alpn" );
    client_begin( 60000 );
    crowd_start( &crowd, serve );
    run( test_bursts );    /* first: what a place spoke last is remembered */
    run( test_what_is_spoken );
    crowd_stop( &crowd );
    client_end();
    tls_shutdown();
    gnutls_certificate_free_credentials( server_creds );
    remove_certificates();
    return test_end( "h2_alpn" );
}
