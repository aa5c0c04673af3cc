/*
 * Upload sink: reads request bodies as fast as the machine allows, and answers with the number of bytes received
 *
 * native_sink [cert=FILE key=FILE] listens on two free ports of 127.0.0.1 (plain, TLS), prints "plain PORT" and, with a
 * certificate, "tls PORT", and serves until it or its parent is ended. nginx discards a body in 4 KiB pieces and would be
 * what an upload benchmark measures. A plain body is thrown away inside the kernel (MSG_TRUNC), a TLS body is decrypted
 * into one buffer. One thread per connection; HTTP/1.1 with Content-Length, keep-alive.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gnutls_dl.h"

#define BLOCK_SIZE (256 * 1024)

struct peer
{
    int              fd;
    gnutls_session_t tls;   /* NULL on a plain connection */
    char            *block;
};

static gnutls_certificate_credentials_t credentials;
static gnutls_datum_t ticket_key;

static ssize_t peer_read( struct peer *peer, void *buffer, size_t size )
{
    ssize_t ret;

    if (!peer->tls) return recv( peer->fd, buffer, size, 0 );
    do ret = p_gnutls_record_recv( peer->tls, buffer, size ); while (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_AGAIN);
    return ret;
}

static ssize_t peer_discard( struct peer *peer, uint64_t left )
{
    size_t size = left < BLOCK_SIZE ? left : BLOCK_SIZE;

    return peer->tls ? peer_read( peer, peer->block, size ) : recv( peer->fd, NULL, size, MSG_TRUNC );
}

static int peer_write( struct peer *peer, const char *data, size_t len )
{
    ssize_t ret = peer->tls ? p_gnutls_record_send( peer->tls, data, len ) : send( peer->fd, data, len, MSG_NOSIGNAL );

    return ret == (ssize_t)len;
}

/* Reads one request and answers it. Returns 0 when the connection is of no more use. */
static int peer_serve( struct peer *peer )
{
    char head[8192], answer[256], body[32];
    size_t len = 0, head_len;
    uint64_t length = 0, got;
    char *end, *line;
    ssize_t ret;

    for (;;)
    {
        if (len == sizeof(head) - 1) return 0;
        if ((ret = peer_read( peer, head + len, sizeof(head) - 1 - len )) <= 0) return 0;
        len += ret;
        head[len] = 0;
        if ((end = strstr( head, "\r\n\r\n" ))) break;
    }
    head_len = end + 4 - head;
    for (line = head; line < end; line = strstr( line, "\r\n" ) + 2)
        if (!strncasecmp( line, "Content-Length:", 15 )) length = strtoull( line + 15, NULL, 10 );
    for (got = len - head_len; got < length; got += ret)
        if ((ret = peer_discard( peer, length - got )) <= 0) return 0;

    snprintf( body, sizeof(body), "%llu\n", (unsigned long long)got );
    snprintf( answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %u\r\n\r\n%s",
              (unsigned int)strlen( body ), body );
    return peer_write( peer, answer, strlen( answer ) );
}

static int peer_handshake( struct peer *peer )
{
    int ret;

    if (p_gnutls_init( &peer->tls, GNUTLS_SERVER )) return 0;
    p_gnutls_set_default_priority( peer->tls );
    p_gnutls_credentials_set( peer->tls, GNUTLS_CRD_CERTIFICATE, credentials );
    p_gnutls_session_ticket_enable_server( peer->tls, &ticket_key );
    p_gnutls_transport_set_int2( peer->tls, peer->fd, peer->fd );
    while ((ret = p_gnutls_handshake( peer->tls )) < 0)
        if (ret != GNUTLS_E_INTERRUPTED && ret != GNUTLS_E_AGAIN) return 0;
    return 1;
}

struct arrival
{
    int fd;
    int tls;
};

static void *peer_main( void *arg )
{
    struct arrival *arrival = arg;
    struct peer peer = { arrival->fd, NULL, NULL };
    int use_tls = arrival->tls, on = 1;

    free( arrival );
    setsockopt( peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
    if ((peer.block = malloc( BLOCK_SIZE )) && (!use_tls || peer_handshake( &peer )))
        while (peer_serve( &peer )) continue;
    if (peer.tls) p_gnutls_deinit( peer.tls );
    free( peer.block );
    close( peer.fd );
    return NULL;
}

struct listener
{
    int fd;
    int tls;
};

static void *listener_main( void *arg )
{
    struct listener *listener = arg;
    struct arrival *arrival;
    pthread_t thread;
    int fd;

    while ((fd = accept4( listener->fd, NULL, NULL, SOCK_CLOEXEC )) >= 0)
    {
        if (!(arrival = malloc( sizeof(*arrival) ))) abort();
        arrival->fd = fd;
        arrival->tls = listener->tls;
        if (pthread_create( &thread, NULL, peer_main, arrival )) abort();
        pthread_detach( thread );
    }
    return NULL;
}

/* Listens on a free port and prints it. */
static void listener_start( struct listener *listener, const char *name, int use_tls )
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof(addr);
    pthread_t thread;

    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    listener->tls = use_tls;
    listener->fd = socket( AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 );
    if (listener->fd < 0 || bind( listener->fd, (struct sockaddr *)&addr, len ) || listen( listener->fd, 1024 ) ||
        getsockname( listener->fd, (struct sockaddr *)&addr, &len ) ||
        pthread_create( &thread, NULL, listener_main, listener ))
    {
        perror( "native_sink" );
        exit( 1 );
    }
    printf( "%s %u\n", name, ntohs( addr.sin_port ) );
    fflush( stdout );
}

int main( int argc, char **argv )
{
    static struct listener plain, tls;
    const char *cert = NULL, *key = NULL;
    int i;

    signal( SIGPIPE, SIG_IGN );
    prctl( PR_SET_PDEATHSIG, SIGTERM );
    for (i = 1; i < argc; i++)
    {
        if (!strncmp( argv[i], "cert=", 5 )) cert = argv[i] + 5;
        else if (!strncmp( argv[i], "key=", 4 )) key = argv[i] + 4;
    }
    listener_start( &plain, "plain", 0 );
    if (cert && key)
    {
        if (!gnutls_load() || p_gnutls_certificate_allocate_credentials( &credentials ) ||
            p_gnutls_session_ticket_key_generate( &ticket_key ) ||
            p_gnutls_certificate_set_x509_key_file( credentials, cert, key, GNUTLS_X509_FMT_PEM ) < 0)
        {
            fprintf( stderr, "native_sink: no GnuTLS, or no usable certificate\n" );
            return 1;
        }
        listener_start( &tls, "tls", 1 );
    }
    for (;;) pause();
}
