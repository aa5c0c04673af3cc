/*
 * A scripted HTTP server in a thread, for the tests of the transport
 *
 * Each connection is handed to the script in turn, on the peer's one thread; the script reads and writes it with the
 * functions below and returns to end it.
 */

#ifndef WINHTTP_UNIT_PEER_H
#define WINHTTP_UNIT_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer
{
    int            listener;
    uint16_t       port;
    unsigned int   connections;         /* atomic: accepted so far */
    unsigned int   requests;            /* atomic: heads read so far */
    void         (*script)( struct peer *peer, int fd, void *arg );
    void          *arg;
    pthread_t      thread;
};

static inline void *peer_thread( void *arg )
{
    struct peer *peer = arg;
    int fd, on = 1;

    while ((fd = accept( peer->listener, NULL, NULL )) != -1)
    {
        setsockopt( fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
        __atomic_add_fetch( &peer->connections, 1, __ATOMIC_SEQ_CST );
        peer->script( peer, fd, peer->arg );
        close( fd );
    }
    return NULL;
}

static inline void peer_start( struct peer *peer, void (*script)( struct peer *peer, int fd, void *arg ), const void *arg )
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl( INADDR_LOOPBACK ) } };
    socklen_t len = sizeof(addr);

    memset( peer, 0, sizeof(*peer) );
    peer->script = script;
    peer->arg = (void *)arg;
    if ((peer->listener = socket( AF_INET, SOCK_STREAM, 0 )) == -1 ||
        bind( peer->listener, (struct sockaddr *)&addr, sizeof(addr) ) || listen( peer->listener, 1024 ) ||
        getsockname( peer->listener, (struct sockaddr *)&addr, &len ) ||
        pthread_create( &peer->thread, NULL, peer_thread, peer ))
        abort();
    peer->port = ntohs( addr.sin_port );
}

static inline unsigned int peer_connections( const struct peer *peer )
{
    return __atomic_load_n( &peer->connections, __ATOMIC_SEQ_CST );
}

/* The script must have returned, or return when its connection ends. */
static inline void peer_stop( struct peer *peer )
{
    shutdown( peer->listener, SHUT_RDWR );
    pthread_join( peer->thread, NULL );
    close( peer->listener );
}

/* Reads up to and including the empty line. Returns the length, 0 at the end of the stream. */
static inline size_t peer_read_head( struct peer *peer, int fd, char *head, size_t size )
{
    size_t len = 0;

    while (len + 1 < size && recv( fd, head + len, 1, 0 ) == 1)
    {
        head[++len] = 0;
        if (len >= 4 && !memcmp( head + len - 4, "\r\n\r\n", 4 ))
        {
            __atomic_add_fetch( &peer->requests, 1, __ATOMIC_SEQ_CST );
            return len;
        }
    }
    return 0;
}

/* Reads exactly len bytes, 0 if the stream ended before. */
static inline size_t peer_read( int fd, char *data, size_t len )
{
    size_t done = 0;
    ssize_t count;

    while (done < len && (count = recv( fd, data + done, len - done, 0 )) > 0) done += count;
    return done == len ? len : 0;
}

static inline void peer_send_bytes( int fd, const char *data, size_t len )
{
    ssize_t count;

    while (len && (count = send( fd, data, len, MSG_NOSIGNAL )) > 0)
    {
        data += count;
        len -= count;
    }
}

static inline void peer_send( int fd, const char *text )
{
    peer_send_bytes( fd, text, strlen( text ) );
}

/* Waits until the other side ends or breaks the connection. */
static inline void peer_wait_eof( int fd )
{
    char byte;

    while (recv( fd, &byte, 1, 0 ) > 0) ;
}

static inline void peer_reset( int fd )
{
    struct linger linger = { 1, 0 };

    setsockopt( fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger) );
}

#endif /* WINHTTP_UNIT_PEER_H */
