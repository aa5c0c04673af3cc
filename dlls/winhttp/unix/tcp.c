#if 0
#pragma makedep unix
#endif

/*
 * The lowest layer: a TCP socket
 *
 * Remembers what the loop reported, so that a read that can only give EAGAIN costs no system call: a short read drained
 * the socket, and its next byte comes with a new edge. The end of the stream may have come in the same edge as the last
 * bytes, so after a hangup the socket counts as readable until it says so itself.
 *
 * A synchronous caller that has nothing else to do may be patient: its read then sleeps in recv itself, which saves the
 * way through epoll (measured: a tenth of a small GET on loopback).
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "error.h"
#include "engine.h"
#include "gather.h"
#include "hooks.h"
#include "tcp.h"
#include "tcp_facts.h"

struct tcp
{
    struct layer layer;
    int          fd;
    union address peer;
    int          connected, deferred;
    uint64_t     connected_us;
    int          readable, writable, hangup;
    int          patient;             /* a read may sleep */
    int          greedy;              /* and wait for all of its bytes */
    int          blocking;            /* the socket is: without MSG_DONTWAIT it sleeps, at most PATIENCE_MS */
    int          low;                 /* SO_RCVLOWAT: it is readable once so many bytes are there */
};

/* Long enough for an answer from nearby, short enough that whoever needs the strand meanwhile can wait for it. */
#define PATIENCE_MS 20

static struct tcp *tcp_from_layer( struct layer *layer ) { return (struct tcp *)layer; }

static int tcp_fail( struct tcp *tcp, enum error_of of, int err )
{
    tcp->layer.error = error_from_errno( of, err );
    tcp->layer.detail = err;
    return LAYER_FAILED;
}

static int tcp_start( struct layer *layer )
{
    struct tcp *tcp = tcp_from_layer( layer );
    socklen_t len = sizeof(int);
    int err = 0;

    if (tcp->connected) return LAYER_OK;
    if (!tcp->writable) return LAYER_AGAIN;
    if (tcp->hangup && sys_getsockopt( tcp->fd, SOL_SOCKET, SO_ERROR, &err, &len )) err = errno;
    if (err) return tcp_fail( tcp, ERROR_OF_CONNECT, err );
    tcp->connected = 1;
    tcp->connected_us = engine_now_us();
    return LAYER_OK;
}

/* 0: a read may sleep now. */
static int make_blocking( struct tcp *tcp )
{
    struct timeval patience = { 0, PATIENCE_MS * 1000 };
    int off = 0;

    if (tcp->blocking) return 0;
    if (sys_setsockopt( tcp->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience) ) || sys_ioctl( tcp->fd, FIONBIO, &off ))
        return -1;
    tcp->blocking = 1;
    return 0;
}

static int tcp_gather( struct layer *layer, size_t size )
{
    struct tcp *tcp = tcp_from_layer( layer );
    int low = size > GATHER_MOST ? GATHER_MOST : size > 1 ? (int)size : 1;

    /* Less than could be asked for does as well, unless it is much less. */
    if ((low < tcp->low || low * 2 / 3 > tcp->low) && !sys_setsockopt( tcp->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low) ))
        tcp->low = low;
    return tcp->low > 1;
}

/* recv would take what is there and then wait for as many bytes as the socket gathers on top of it; poll counts those that
 * are there. Bytes that come too slowly are not waited for any longer. */
static void await_gathered( struct tcp *tcp )
{
    struct pollfd fd = { tcp->fd, POLLIN, 0 };

    if (tcp->low > 1 && !poll( &fd, 1, GATHER_US / 1000 )) tcp_gather( &tcp->layer, 0 );
}

static ssize_t tcp_read( struct layer *layer, void *buffer, size_t size )
{
    struct tcp *tcp = tcp_from_layer( layer );
    int flags = MSG_DONTWAIT;
    ssize_t count;
    int err;

    if (!tcp->readable)
    {
        if (!tcp->patient || make_blocking( tcp )) return LAYER_AGAIN;
        tcp->patient = 0;
        await_gathered( tcp );
        flags = tcp->low > 1 ? MSG_DONTWAIT : tcp->greedy ? MSG_WAITALL : 0;
    }
    do
    {
        count = sys_recv( tcp->fd, buffer, size, flags );
        err = errno;
    } while (count == -1 && err == EINTR);

    if (count == -1)
    {
        if (err == EAGAIN || err == EWOULDBLOCK)
        {
            tcp->readable = 0;
            return LAYER_AGAIN;
        }
        return tcp_fail( tcp, ERROR_OF_RECV, err );
    }
    if ((size_t)count < size && !tcp->hangup) tcp->readable = 0;
    return count;
}

/* What send and sendmsg said about `size` bytes. */
static ssize_t tcp_sent( struct tcp *tcp, ssize_t count, size_t size, int err )
{
    if (count == -1)
    {
        if (err == EAGAIN || err == EWOULDBLOCK)
        {
            tcp->writable = 0;
            return LAYER_AGAIN;
        }
        return tcp_fail( tcp, ERROR_OF_SEND, err );
    }
    if ((size_t)count < size) tcp->writable = 0;
    return count;
}

static ssize_t tcp_write( struct layer *layer, const void *data, size_t size )
{
    struct tcp *tcp = tcp_from_layer( layer );
    ssize_t count;
    int err;

    if (!tcp->writable) return LAYER_AGAIN;
    do
    {
        count = sys_send( tcp->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT );
        err = errno;
    } while (count == -1 && err == EINTR);
    return tcp_sent( tcp, count, size, err );
}

static ssize_t tcp_writev( struct layer *layer, const struct iovec *parts, unsigned int count )
{
    struct tcp *tcp = tcp_from_layer( layer );
    struct msghdr msg = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };
    size_t size = 0;
    unsigned int i;
    ssize_t sent;
    int err;

    if (!tcp->writable) return LAYER_AGAIN;
    for (i = 0; i < count; i++) size += parts[i].iov_len;
    do
    {
        sent = sys_sendmsg( tcp->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT );
        err = errno;
    } while (sent == -1 && err == EINTR);
    return tcp_sent( tcp, sent, size, err );
}

static int tcp_flush( struct layer *layer )
{
    (void)layer;
    return LAYER_OK;
}

static unsigned int tcp_wants( const struct layer *layer )
{
    const struct tcp *tcp = (const struct tcp *)layer;

    return (tcp->readable ? 0 : LAYER_WANT_READ) | (tcp->writable ? 0 : LAYER_WANT_WRITE);
}

static size_t tcp_pending( const struct layer *layer )
{
    (void)layer;
    return 0;
}

static void tcp_goodbye( struct layer *layer )
{
    shutdown( tcp_from_layer( layer )->fd, SHUT_WR );    /* closing may come much later */
}

static void tcp_close( struct layer *layer )
{
    struct tcp *tcp = tcp_from_layer( layer );

    close( tcp->fd );
    wh_free( tcp );
}

static void tcp_ready( struct layer *layer, unsigned int what, int hangup )
{
    struct tcp *tcp = tcp_from_layer( layer );

    if (what & LAYER_WANT_READ) tcp->readable = 1;
    if (what & LAYER_WANT_WRITE) tcp->writable = 1;
    if (hangup) tcp->hangup = 1;
    tcp->patient = !!(what & LAYER_PATIENT);
    tcp->greedy = !!(what & LAYER_GREEDY);
}

/* Linux' numbers of address families to Windows'; the rest of a sockaddr_in(6) is laid out alike. */
static void store_address( uint8_t *dst, const union address *address )
{
    uint16_t family = address->any.sa_family == AF_INET6 ? 23 : 2;

    memset( dst, 0, WH_SOCKADDR_SIZE );
    memcpy( dst, address, address_len( address ) );
    memcpy( dst, &family, sizeof(family) );
}

static enum wh_error query_tcp( struct tcp *tcp, void *buffer, size_t size, size_t *len )
{
    struct wh_tcp_facts facts;
    enum wh_error error;

    *len = sizeof(facts);
    if (size < sizeof(facts)) return WHE_INVALID;
    if ((error = tcp_facts_get( tcp->fd, &facts ))) return error;
    if (tcp->connected_us) facts.age_ms = (engine_now_us() - tcp->connected_us) / 1000;
    memcpy( buffer, &facts, sizeof(facts) );
    return WHE_OK;
}

static enum wh_error tcp_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    struct tcp *tcp = tcp_from_layer( layer );
    struct wh_connection_facts facts;
    union address local;
    socklen_t len_local = sizeof(local);

    if (what == WHQ_TCP) return query_tcp( tcp, buffer, size, len );
    if (what != WHQ_CONNECTION) return WHE_STATE;
    *len = sizeof(facts);
    if (size < sizeof(facts)) return WHE_INVALID;
    if (sys_getsockname( tcp->fd, &local.any, &len_local )) return WHE_STATE;
    store_address( facts.local, &local );
    store_address( facts.remote, &tcp->peer );
    memcpy( buffer, &facts, sizeof(facts) );
    return WHE_OK;
}

static const struct layer_ops tcp_ops =
{
    .start   = tcp_start,
    .read    = tcp_read,
    .write   = tcp_write,
    .writev  = tcp_writev,
    .flush   = tcp_flush,
    .wants   = tcp_wants,
    .pending = tcp_pending,
    .goodbye = tcp_goodbye,
    .close   = tcp_close,
    .ready   = tcp_ready,
    .gather  = tcp_gather,
    .query   = tcp_query,
};

static void set_options( int fd, const struct tcp_options *options )
{
    int on = 1, idle, interval;

    /* None of these is worth failing for: without them the connection works, only less well. */
    sys_setsockopt( fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
    if (options->keepalive_ms)
    {
        idle = (options->keepalive_ms + 999) / 1000;
        interval = (options->keepalive_interval_ms + 999) / 1000;
        sys_setsockopt( fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on) );
        sys_setsockopt( fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle) );
        if (interval) sys_setsockopt( fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval) );
    }
    if (options->fast_open) sys_setsockopt( fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on) );
}

/* Sends it out by one interface; a link-local address means one anyway. */
static enum wh_error bind_interface( int fd, union address *address, uint32_t if_index, uint32_t *detail )
{
    int index = (int)if_index, err;

    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL( &address->v6.sin6_addr ) &&
        !address->v6.sin6_scope_id)
        address->v6.sin6_scope_id = if_index;
    if (!sys_setsockopt( fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index) )) return WHE_OK;
    *detail = err = errno;
    return err == EPERM || err == ENOPROTOOPT ? WHE_UNSUPPORTED : WHE_CONNECT;    /* before Linux 5.7 it is a privilege */
}

struct layer *tcp_layer_create( const union address *address, const struct tcp_options *options,
                                enum wh_error *error, uint32_t *detail )
{
    struct tcp *tcp;
    int err;

    if (!(tcp = wh_calloc( 1, sizeof(*tcp) )))
    {
        *error = WHE_NO_MEMORY;
        return NULL;
    }
    tcp->layer.ops = &tcp_ops;
    tcp->peer = *address;
    tcp->low = 1;
    if ((tcp->fd = sys_socket( address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0 )) == -1)
    {
        *error = error_from_errno( ERROR_OF_SOCKET, *detail = errno );
        wh_free( tcp );
        return NULL;
    }
    set_options( tcp->fd, options );
    if (options->if_index && (*error = bind_interface( tcp->fd, &tcp->peer, options->if_index, detail )))
    {
        tcp_close( &tcp->layer );
        return NULL;
    }
    if (!sys_connect( tcp->fd, &tcp->peer.any, address_len( &tcp->peer ) ))
    {
        tcp->writable = 1;    /* a local peer; or the SYN waits */
        tcp->deferred = options->fast_open;
    }
    else if ((err = errno) != EINPROGRESS && err != EINTR)
    {
        *error = error_from_errno( ERROR_OF_CONNECT, *detail = err );
        tcp_close( &tcp->layer );
        return NULL;
    }
    return &tcp->layer;
}

int tcp_layer_fd( const struct layer *layer )
{
    return ((const struct tcp *)layer)->fd;
}

int tcp_layer_deferred( const struct layer *layer )
{
    return ((const struct tcp *)layer)->deferred;
}

int tcp_layer_fast_opened( const struct layer *layer )
{
    const struct tcp *tcp = (const struct tcp *)layer;

    return tcp->deferred && tcp_facts_syn_data( tcp->fd );
}
