/*
 * Unit test of connections that wait for many bytes at a time (gather.h), over TLS and real sockets
 *
 * The server is GnuTLS in threads. A body comes in bursts, and each is longer by some bytes than what is waited for can
 * divide: those have to be read although the next burst comes only once they were.
 */

#include <gnutls/gnutls.h>
#include <semaphore.h>

#include "certs.h"
#include "faults.h"

#define BURST  (4 * 1024 * 1024 + 5000)
#define BURSTS 20

static gnutls_certificate_credentials_t server_creds;
static sem_t next_burst;

/* ---- what the socket waits for ---- */

static int (*real_setsockopt)( int fd, int level, int name, const void *value, socklen_t len );
static int low, highest, refuse;     /* atomic: it does not wait for less; as SO_RCVLOWAT was set */

static int note_setsockopt( int fd, int level, int name, const void *value, socklen_t len )
{
    int size;

    if (level == SOL_SOCKET && name == SO_RCVLOWAT)
    {
        memcpy( &size, value, sizeof(size) );
        if (size == 1 && refuse > 0 && __atomic_sub_fetch( &refuse, 1, __ATOMIC_SEQ_CST ) >= 0)
        {
            errno = ENOBUFS;
            return -1;
        }
        __atomic_store_n( &low, size, __ATOMIC_SEQ_CST );
        if (size > __atomic_load_n( &highest, __ATOMIC_SEQ_CST )) __atomic_store_n( &highest, size, __ATOMIC_SEQ_CST );
    }
    return real_setsockopt( fd, level, name, value, len );
}

/* ---- the server ---- */

static int send_all( gnutls_session_t tls, const char *data, size_t len )
{
    ssize_t ret;

    for (; len; data += ret, len -= ret)
    {
        do ret = gnutls_record_send( tls, data, len < 16384 ? len : 16384 );
        while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
        if (ret <= 0) return 0;
    }
    return 1;
}

static void serve( struct crowd *crowd, int fd )
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n";
    char request[4096], text[100], *data = calloc( 1, BURST );
    gnutls_session_t tls;
    unsigned int i;
    ssize_t ret;

    gnutls_init( &tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL );
    gnutls_set_default_priority( tls );
    gnutls_credentials_set( tls, GNUTLS_CRD_CERTIFICATE, server_creds );
    gnutls_transport_set_int( tls, fd );
    while ((ret = gnutls_handshake( tls )) < 0 && !gnutls_error_is_fatal( ret ));
    while (!ret && gnutls_record_recv( tls, request, sizeof(request) ) > 0)    /* it comes in one record */
    {
        __atomic_add_fetch( &crowd->peer.requests, 1, __ATOMIC_SEQ_CST );
        snprintf( text, sizeof(text), head, BURST * BURSTS );
        if (!send_all( tls, text, strlen( text ) )) break;
        for (i = 0; i < BURSTS && send_all( tls, data, BURST ); i++)
            while (sem_wait( &next_burst )) ;
        if (i < BURSTS) break;
    }
    gnutls_deinit( tls );
    free( data );
}

static struct crowd crowd;

/* ---- the client ---- */

static const struct request https = { .scheme = WH_SCHEME_HTTPS, .host = "localhost" };

/* Counts bytes of body; whoever has a whole burst gets the next one. */
static void got( uint64_t *total, uint64_t count )
{
    if (*total / BURST < (*total + count) / BURST) sem_post( &next_burst );
    *total += count;
    expect( *total <= (uint64_t)BURST * BURSTS );
}

/* One step of reading: *end when it was the last one. Returns 0 when it goes wrong. */
static int read_part( struct client *client, uint32_t size, uint32_t min, uint64_t *total, int *end )
{
    struct wh_exchange_read_body_params params = { .exchange = client->id, .buffer = wh_from_ptr( client->body ), .size = size,
                                                   .min = min, .timeout_ms = WAIT_MS };
    struct wh_record record;
    uint32_t ret = exchange_read_body( &params );

    if (ret == WH_PENDING)
    {
        params.error = wait_for( client, WHK_BODY_READ, &record );
        params.bytes = record.bytes;
        params.flags = record.flags;
    }
    if (!expect( ret != WH_REFUSED && !params.error )) return 0;
    got( total, params.bytes );
    *end = !!(params.flags & WHR_END);
    return 1;
}

static void download( uint32_t size )
{
    struct client client;
    uint64_t total = 0;
    int end = 0;

    __atomic_store_n( &highest, 0, __ATOMIC_SEQ_CST );
    expect( !client_start( &client, &crowd.peer, &https ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
    while (!end && read_part( &client, size, 1, &total, &end )) ;
    expect( total == (uint64_t)BURST * BURSTS );
    client_close( &client );
    expect( highest > 16384 / 2 );     /* it has waited for much */
    expect( low == 1 );                /* and is as before when somebody else gets it */
}

static void test_what_comes_before_a_pause_is_read( void )
{
    unsigned int before = peer_connections( &crowd.peer );

    download( 65536 );
    download( 8192 );
    expect( peer_connections( &crowd.peer ) == before + 1 );
}

static void test_asynchronous( void )
{
    struct async async;
    uint64_t total = 0;

    __atomic_store_n( &highest, 0, __ATOMIC_SEQ_CST );
    async_start( &async, crowd.peer.port, &https );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    async_read_head( &async, 0 );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    do
    {
        async_read_body( &async );
        if (!expect( !async_wait( &async, WHK_BODY_READ ) )) break;
        got( &total, async.last[WHK_BODY_READ].bytes );
    }
    while (!(async.last[WHK_BODY_READ].flags & WHR_END));
    expect( total == (uint64_t)BURST * BURSTS );
    async_close( &async );
    expect( async_wait_gone( &async ) );
    expect( highest > 16384 / 2 && low == 1 );
}

/* The kernel does not take it back at once. */
static void test_waiting_cannot_be_undone( void )
{
    struct async async;
    uint64_t total = 0;

    async_start( &async, crowd.peer.port, &https );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    async_read_head( &async, 0 );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    do
    {
        if (low > 1) __atomic_store_n( &refuse, 3, __ATOMIC_SEQ_CST );
        async_read_body( &async );
        if (!expect( !async_wait( &async, WHK_BODY_READ ) )) break;
        got( &total, async.last[WHK_BODY_READ].bytes );
    }
    while (!(async.last[WHK_BODY_READ].flags & WHR_END));
    expect( total == (uint64_t)BURST * BURSTS );
    __atomic_store_n( &refuse, 0, __ATOMIC_SEQ_CST );
    async_close( &async );
    expect( async_wait_gone( &async ) );
}

int main(void)
{
    char chain[512], key[512];
    int ret;

    make_certificates();
    snprintf( chain, sizeof(chain), "%s/good-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    gnutls_certificate_allocate_credentials( &server_creds );
    ret = gnutls_certificate_set_x509_key_file( server_creds, chain, key, GNUTLS_X509_FMT_PEM );
    if (!expect( ret >= 0 )) return test_end( "gather_tls" );
    sem_init( &next_burst, 0, 0 );
    real_setsockopt = wh_hooks.setsockopt;
    wh_hooks.setsockopt = note_setsockopt;

    client_begin( 0 );
    crowd_start( &crowd, serve );
    run( test_what_comes_before_a_pause_is_read );
    run( test_asynchronous );
    run( test_waiting_cannot_be_undone );
    origin_shutdown();
    crowd_stop( &crowd );
    client_end();

    tls_shutdown();
    gnutls_certificate_free_credentials( server_creds );
    remove_certificates();
    return test_end( "gather_tls" );
}
