/*
 * Unit test of client certificates in whole exchanges: a route names them, the pool keeps them apart
 *
 * The server is GnuTLS in threads. The path says what it wants of the client, and the page is the subject of the
 * certificate that it has seen.
 */

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "faults.h"
#include "keys.h"

static gnutls_certificate_credentials_t server_creds;
static const char *server_priority;
static gnutls_certificate_request_t server_wants;        /* in the handshake */

static wh_id open_id( const char *name )
{
    struct wh_creds_open_params params = { .format = WH_KEY_PKCS8 };
    gnutls_x509_privkey_t key = load_key( name );
    struct blob chain, blob;
    char file[64];

    snprintf( file, sizeof(file), "%s.pem", name );
    load_chain( file, &chain );
    make_pkcs8( key, &blob );
    gnutls_x509_privkey_deinit( key );
    params.chain = wh_from_ptr( chain.data );
    params.chain_len = chain.len;
    params.key = wh_from_ptr( blob.data );
    params.key_len = blob.len;
    expect( creds_open( &params ) == WH_DONE && !params.error );
    return params.creds;
}

static void close_id( wh_id id )
{
    struct wh_creds_close_params params = { id };

    expect( creds_close( &params ) == WH_DONE );
}

/* ---- the server ---- */

static void subject_of( gnutls_session_t tls, char *text, size_t size )
{
    const gnutls_datum_t *der;
    unsigned int count = 0;
    gnutls_x509_crt_t cert;

    snprintf( text, size, "nobody" );
    if (!(der = gnutls_certificate_get_peers( tls, &count )) || !count) return;
    gnutls_x509_crt_init( &cert );
    if (!gnutls_x509_crt_import( cert, der, GNUTLS_X509_FMT_DER )) gnutls_x509_crt_get_dn( cert, text, &size );
    gnutls_x509_crt_deinit( cert );
}

/* Wants a certificate now, and waits for it. Returns a GnuTLS code. */
static int server_ask( gnutls_session_t tls )
{
    int ret;

    gnutls_certificate_server_set_request( tls, GNUTLS_CERT_REQUEST );
    if (gnutls_protocol_get_version( tls ) == GNUTLS_TLS1_3)
        while ((ret = gnutls_reauth( tls, 0 )) < 0 && !gnutls_error_is_fatal( ret ));
    else if (!(ret = gnutls_rehandshake( tls )))
        while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret ));
    return ret;
}

static void serve( struct crowd *crowd, int fd )
{
    char head[4096], answer[512], subject[256];
    gnutls_session_t tls;
    size_t len = 0;
    ssize_t ret;

    gnutls_init( &tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_POST_HANDSHAKE_AUTH );
    gnutls_priority_set_direct( tls, server_priority, NULL );
    gnutls_credentials_set( tls, GNUTLS_CRD_CERTIFICATE, server_creds );
    gnutls_certificate_server_set_request( tls, server_wants );
    gnutls_transport_set_int( tls, fd );
    while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret ));
    while (!ret)
    {
        for (len = 0, head[0] = 0; !strstr( head, "\r\n\r\n" ); head[len += ret] = 0)
        {
            do ret = gnutls_record_recv( tls, head + len, sizeof(head) - 1 - len );
            while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
            if (ret <= 0) break;
        }
        if (ret <= 0) break;
        __atomic_add_fetch( &crowd->peer.requests, 1, __ATOMIC_SEQ_CST );
        if (strstr( head, "/private" ) && (ret = server_ask( tls ))) break;
        subject_of( tls, subject, sizeof(subject) );
        snprintf( answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%s", (unsigned int)strlen( subject ),
                  subject );
        ret = gnutls_record_send( tls, answer, strlen( answer ) ) > 0 ? 0 : -1;
    }
    if (ret < 0) gnutls_alert_send_appropriate( tls, ret );
    gnutls_deinit( tls );
}

static struct crowd crowd;

/* ---- the client ---- */

/* A GET by the route with these creds; where it failed is in *at: 1 start, 2 head. */
static uint32_t get( const char *path, wh_id creds, uint32_t flags, struct client *client, int *at )
{
    struct wh_route route = { .creds = creds, .tls_flags = flags };
    struct request request = { .scheme = WH_SCHEME_HTTPS, .host = "localhost", .route = &route };
    char head[256];
    uint32_t error;

    snprintf( head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path );
    request.head = head;
    *at = 1;
    if (!(error = client_start( client, &crowd.peer, &request )))
    {
        *at = 2;
        if (!(error = client_read_head( client, WAIT_MS, 0, 0 ))) error = client_read_all( client, 100, WAIT_MS );
    }
    return error;
}

static int got_page( const char *path, wh_id creds, uint32_t flags, const char *page )
{
    struct client client;
    int at, ok;

    ok = !get( path, creds, flags, &client, &at ) && client.body_len == strlen( page )
         && !memcmp( client.body, page, client.body_len );
    if (!ok) fprintf( stderr, "error %u, \"%.*s\"\n", client.error, (int)client.body_len, client.body );
    client_close( &client );
    return ok;
}

static const char * const priorities[2] = { "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };

static void test_connections_are_kept_apart_by_certificate(void)
{
    wh_id client = open_id( "client" ), same = open_id( "client" ), other = open_id( "rsa" );
    unsigned int before;
    int i;

    for (i = 0; i < 2; i++)
    {
        server_priority = priorities[i];
        server_wants = GNUTLS_CERT_REQUEST;
        before = peer_connections( &crowd.peer );
        expect( got_page( "/", client, 0, "CN=Test Client" ) );
        expect( got_page( "/", 0, 0, "nobody" ) );
        expect( got_page( "/", other, 0, "CN=localhost" ) );
        expect( peer_connections( &crowd.peer ) == before + 3 );
        expect( got_page( "/", other, 0, "CN=localhost" ) );
        expect( got_page( "/", same, 0, "CN=Test Client" ) );        /* another id, the same certificate */
        expect( got_page( "/", 0, 0, "nobody" ) );
        expect( peer_connections( &crowd.peer ) == before + 3 );
        origin_shutdown();
        tls_shutdown();
        crowd_settle( &crowd );
    }
    close_id( client );
    close_id( same );
    close_id( other );
}

static void test_closed_id_serves_nobody_but_its_connections_live_on(void)
{
    wh_id first = open_id( "client" ), second;
    unsigned int before = peer_connections( &crowd.peer );
    struct client client;
    int at;

    server_priority = priorities[0];
    server_wants = GNUTLS_CERT_REQUEST;
    expect( got_page( "/", first, 0, "CN=Test Client" ) );
    close_id( first );
    expect( get( "/", first, 0, &client, &at ) == WHE_INVALID && at == 1 );
    client_close( &client );
    second = open_id( "client" );
    expect( got_page( "/", second, 0, "CN=Test Client" ) );
    expect( peer_connections( &crowd.peer ) == before + 1 );
    close_id( second );
    origin_shutdown();
    crowd_settle( &crowd );
}

/* TL-17, TL-18: the request goes out, the head does not come; with a certificate the same request is answered. */
static void test_server_that_asks_for_one_page_only(void)
{
    wh_id creds = open_id( "client" );
    struct client client;
    unsigned int before;
    int i, at;

    for (i = 0; i < 2; i++)
    {
        server_priority = priorities[i];
        server_wants = GNUTLS_CERT_IGNORE;
        expect( got_page( "/public", 0, 0, "nobody" ) );
        before = crowd.peer.requests;
        expect( get( "/private", 0, 0, &client, &at ) == WHE_CERT_NEEDED && at == 2 );   /* on a connection used before */
        expect( crowd.peer.requests == before + 1 );
        client_close( &client );
        expect( got_page( "/public", creds, 0, "nobody" ) );
        expect( got_page( "/private", creds, 0, "CN=Test Client" ) );
        expect( got_page( "/private", 0, WH_TLS_NO_CLIENT_CERT, "nobody" ) );
        origin_shutdown();
        tls_shutdown();
        crowd_settle( &crowd );
    }
    close_id( creds );
}

int main(void)
{
    char chain[512], key[512], ca[512];
    int ret;

    make_certificates();
    snprintf( chain, sizeof(chain), "%s/good-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    snprintf( ca, sizeof(ca), "%s/ca.pem", certs );
    gnutls_certificate_allocate_credentials( &server_creds );
    ret = gnutls_certificate_set_x509_key_file( server_creds, chain, key, GNUTLS_X509_FMT_PEM );
    if (!expect( ret >= 0 )) return test_end( "tls_route" );
    gnutls_certificate_set_x509_trust_file( server_creds, ca, GNUTLS_X509_FMT_PEM );

    client_begin( 0 );
    crowd_start( &crowd, serve );
    run( test_connections_are_kept_apart_by_certificate );
    run( test_closed_id_serves_nobody_but_its_connections_live_on );
    run( test_server_that_asks_for_one_page_only );
    crowd_stop( &crowd );
    client_end();

    tls_shutdown();
    gnutls_certificate_free_credentials( server_creds );
    remove_certificates();
    return test_end( "tls_route" );
}
