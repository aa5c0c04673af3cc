/*
 * WebSocket over TLS: a GnuTLS server that echoes; all sizes, and every failure of memory and system
 */

#include <gnutls/gnutls.h>

#include "certs.h"
#include "ws_peer.h"

static gnutls_certificate_credentials_t creds;

/* Bytes of the session come and go through a pair of sockets, so that the echo of ws_peer.h serves here, too: a thread on
 * each side of the pair. */
struct tunnel
{
    gnutls_session_t tls;
    int              net, plain;
};

/* From the session to the echo. */
static void *tunnel_in( void *arg )
{
    struct tunnel *tunnel = arg;
    char block[16384];
    ssize_t ret;

    for (;;)
    {
        ret = gnutls_record_recv( tunnel->tls, block, sizeof(block) );
        if (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_AGAIN) continue;
        if (ret <= 0) break;
        peer_send_bytes( tunnel->plain, block, ret );
    }
    shutdown( tunnel->plain, SHUT_WR );
    return NULL;
}

static void *tunnel_out( void *arg )
{
    struct tunnel *tunnel = arg;
    char block[16384];
    ssize_t count, done, ret;

    while ((count = recv( tunnel->plain, block, sizeof(block), 0 )) > 0)
        for (done = 0; done < count; done += ret)
            if ((ret = gnutls_record_send( tunnel->tls, block + done, count - done )) <= 0) goto ended;
ended:
    shutdown( tunnel->net, SHUT_RDWR );    /* the other thread's recv ends with it */
    shutdown( tunnel->plain, SHUT_RDWR );
    return NULL;
}

static void tls_echo( struct peer *peer, int fd )
{
    struct tunnel tunnel = { .net = fd };
    pthread_t in, out;
    int ends[2], ret;

    gnutls_init( &tunnel.tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL );
    gnutls_set_default_priority( tunnel.tls );
    gnutls_credentials_set( tunnel.tls, GNUTLS_CRD_CERTIFICATE, creds );
    gnutls_transport_set_int( tunnel.tls, fd );
    while ((ret = gnutls_handshake( tunnel.tls )) < 0 && !gnutls_error_is_fatal( ret )) ;
    if (!ret)
    {
        if (socketpair( AF_UNIX, SOCK_STREAM, 0, ends )) abort();
        tunnel.plain = ends[0];
        if (pthread_create( &in, NULL, tunnel_in, &tunnel ) || pthread_create( &out, NULL, tunnel_out, &tunnel )) abort();
        ws_peer_echo( peer, ends[1] );
        close( ends[1] );
        pthread_join( out, NULL );
        pthread_join( in, NULL );
        close( ends[0] );
    }
    gnutls_deinit( tunnel.tls );
}

static void script_tls( struct peer *peer, int fd, void *arg )
{
    (void)arg;
    tls_echo( peer, fd );
}

static void serve_tls( struct crowd *crowd, int fd )
{
    tls_echo( &crowd->peer, fd );
}

static const struct request secure = { .scheme = WH_SCHEME_HTTPS, .host = "localhost" };

static void test_echo_of_all_sizes(void)
{
    struct peer peer;

    peer_start( &peer, script_tls, NULL );
    expect( !open_websocket( &peer, &secure ) && client.status == 101 );
    echo_all_sizes();
    expect( close_websocket( client.id ) );
    client_close( &client );
    peer_stop( &peer );
    expect_clean();
}

static unsigned int story( struct crowd *crowd )
{
    return websocket_story( crowd, &secure );
}

static void test_websockets_survive_every_failure(void)
{
    struct crowd crowd;

    crowd_start( &crowd, serve_tls );
    run_faults( "secure websocket", story, &crowd );
    crowd_stop( &crowd );
}

int main(void)
{
    char chain[512], key[512];
    int ret;

    make_certificates();
    snprintf( chain, sizeof(chain), "%s/good-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    gnutls_certificate_allocate_credentials( &creds );
    ret = gnutls_certificate_set_x509_key_file( creds, chain, key, GNUTLS_X509_FMT_PEM );
    if (!expect( ret >= 0 )) return test_end( "ws_tls" );

    client_begin( 0 );
    run( test_echo_of_all_sizes );
    run( test_websockets_survive_every_failure );
    client_end();

    gnutls_certificate_free_credentials( creds );
    remove_certificates();
    return test_end( "ws_tls" );
}
