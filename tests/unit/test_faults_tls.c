/*
 * Whatever fails: exchanges over TLS with every allocation and every system call failing in turn
 *
 * As test_faults.c. GnuTLS' own memory does not go through the hooks; what is ours does: records, sessions that are
 * kept, the trust list, the verdict.
 */

#include <gnutls/gnutls.h>

#include "certs.h"
#include "faults.h"

#define HEAD( line ) line " HTTP/1.1\r\nHost: localhost\r\n"
#define GET( path ) HEAD( "GET " path ) "\r\n"

static gnutls_certificate_credentials_t creds;
static gnutls_datum_t ticket_key;

/* Reads up to the empty line. The path's first letter, 0 at the end. */
static char tls_request( gnutls_session_t tls )
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
        if (strstr( head, "\r\n\r\n" )) return head[5];    /* behind "GET /" */
    }
    return 0;
}

static int tls_answer( gnutls_session_t tls, char path )
{
    static const char large[] = "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
    static const char page[40000];
    size_t len, done = 0;
    ssize_t ret;

    if (path == 's') return 0;
    if (path != 'l') return gnutls_record_send( tls, crowd_ok, sizeof(crowd_ok) - 1 ) > 0;
    if (gnutls_record_send( tls, large, sizeof(large) - 1 ) <= 0) return 0;
    for (len = sizeof(page); done < len; done += ret)
        if ((ret = gnutls_record_send( tls, page + done, len - done )) <= 0) return 0;
    return 1;
}

static void tls_serve( struct crowd *crowd, int fd )
{
    gnutls_session_t tls;
    char path;
    int ret;

    (void)crowd;
    gnutls_init( &tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL );
    gnutls_set_default_priority( tls );
    gnutls_credentials_set( tls, GNUTLS_CRD_CERTIFICATE, creds );
    gnutls_session_ticket_enable_server( tls, &ticket_key );
    gnutls_transport_set_int( tls, fd );
    while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret ));
    if (!ret) while ((path = tls_request( tls )) && tls_answer( tls, path ));
    gnutls_deinit( tls );
}

/* The second request on the same connection, the third on a new one that resumes the session. */
static unsigned int tls_gets( struct crowd *crowd )
{
    static const struct request requests[] =
    {
        { .head = GET( "/ok" ), .scheme = WH_SCHEME_HTTPS, .event_mask = ~0u },
        { .head = GET( "/large" ), .scheme = WH_SCHEME_HTTPS },
        { .head = GET( "/ok" ), .scheme = WH_SCHEME_HTTPS, .flags = WHX_FRESH, .host = "localhost" },
    };
    static struct async async;
    unsigned int i, good = 0;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        good += !async_get( &async, crowd->peer.port, &requests[i] );
    return good;
}

/* Closed while it connects and shakes hands, and when the server ends the stream without an answer. */
static unsigned int tls_closed( struct crowd *crowd )
{
    static const struct request silent = { .head = GET( "/silent" ), .scheme = WH_SCHEME_HTTPS };
    static struct async async;
    unsigned int good = 0;

    async_start( &async, crowd->peer.port, &silent );
    async_close( &async );
    async_wait_gone( &async );
    async_start( &async, crowd->peer.port, &silent );
    if (!async_wait( &async, WHK_HEAD_SENT ) && async.id)
    {
        async_read_head( &async, 0 );
        good += async_wait( &async, WHK_HEAD_READ ) == WHE_RESET;
    }
    async_close( &async );
    async_wait_gone( &async );
    return good;
}

static struct crowd crowd;

static void test_tls_get_survives_every_failure( void ) { run_faults( "tls get", tls_gets, &crowd ); }
static void test_tls_close_survives_every_failure( void ) { run_faults( "tls close", tls_closed, &crowd ); }

int main( void )
{
    char chain[512], key[512];
    int ret;

    make_certificates();
    snprintf( chain, sizeof(chain), "%s/good-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    gnutls_certificate_allocate_credentials( &creds );
    ret = gnutls_certificate_set_x509_key_file( creds, chain, key, GNUTLS_X509_FMT_PEM );
    if (!expect( ret >= 0 )) return test_end( "faults_tls" );
    gnutls_session_ticket_key_generate( &ticket_key );

    client_begin( 0 );
    crowd_start( &crowd, tls_serve );
    run( test_tls_get_survives_every_failure );
    run( test_tls_close_survives_every_failure );
    crowd_stop( &crowd );
    client_end();

    gnutls_certificate_free_credentials( creds );
    gnutls_free( ticket_key.data );
    remove_certificates();
    return test_end( "faults_tls" );
}
