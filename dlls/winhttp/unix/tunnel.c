#if 0
#pragma makedep unix
#endif

/*
 * A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6)
 *
 * The request carries what the proxy has to know and nothing of the server's. Of an answer, informational heads are
 * dropped; a 2xx opens the tunnel whatever it says of a body, and bytes behind its head are the tunnel's. Any other answer
 * stays here to be read: h1.c parses it as the response of the exchange (WHR_FROM_PROXY), and the exchange that answers it
 * asks again on this connection.
 */

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "head.h"
#include "hooks.h"
#include "proxy.h"
#include "tunnel.h"

#define TARGET_SIZE 300      /* a name of 255 bytes, brackets, a port */
#define INFORMED_MAX 10      /* informational answers: more are a flood (security.md, row on header bombs) */

enum tunnel_state
{
    TUNNEL_ASKING,           /* ends when the request is out */
    TUNNEL_WAITING,          /* ends with the proxy's head, or the connect timeout of the connection */
    TUNNEL_UP,               /* until it is closed */
    TUNNEL_REFUSED,          /* its answer is read; ends with tunnel_layer_again */
    TUNNEL_FAILED,           /* for good */
};

struct tunnel
{
    struct layer      layer;
    enum tunnel_state state;
    char             *request;
    size_t            request_len, sent;
    struct buffer     in;
    struct head_scan  scan;
    size_t            dropped;       /* bytes of informational heads, */
    unsigned int      informed;      /* and how many there were */
    int               status;        /* of the answer that has refused it */
};

static int tunnel_fail( struct tunnel *tunnel, enum wh_error error, uint32_t detail )
{
    tunnel->layer.error = error;
    tunnel->layer.detail = detail;
    tunnel->state = TUNNEL_FAILED;
    return LAYER_FAILED;
}

static int tunnel_fail_below( struct tunnel *tunnel )
{
    return tunnel_fail( tunnel, tunnel->layer.below->error, tunnel->layer.below->detail );
}

static void drop_request( struct tunnel *tunnel )
{
    if (tunnel->request) explicit_bzero( tunnel->request, tunnel->request_len );
    wh_free( tunnel->request );
    tunnel->request = NULL;
    tunnel->request_len = tunnel->sent = 0;
}

static enum wh_error set_request( struct tunnel *tunnel, const char *host, uint32_t port, const struct proxy_words *words )
{
    static const char auth_name[] = "Proxy-Authorization: ";
    char target[TARGET_SIZE];
    size_t size, len;

    snprintf( target, sizeof(target), strchr( host, ':' ) ? "[%s]:%u" : "%s:%u", host, port );
    size = 2 * TARGET_SIZE + 100 + (words ? words->auth_len + words->head_len + sizeof(auth_name) : 0);
    drop_request( tunnel );
    if (!(tunnel->request = wh_malloc( size ))) return WHE_NO_MEMORY;
    len = snprintf( tunnel->request, size, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Connection: Keep-Alive\r\n", target,
                    target );
    if (words && words->head_len)
    {
        memcpy( tunnel->request + len, words->head, words->head_len );
        len += words->head_len;
    }
    if (words && words->auth_len)
    {
        memcpy( tunnel->request + len, auth_name, sizeof(auth_name) - 1 );
        len += sizeof(auth_name) - 1;
        memcpy( tunnel->request + len, words->auth, words->auth_len );
        len += words->auth_len;
        memcpy( tunnel->request + len, "\r\n", 2 );
        len += 2;
    }
    memcpy( tunnel->request + len, "\r\n", 2 );
    tunnel->request_len = len + 2;
    return WHE_OK;
}

/* LAYER_OK: the request is out. */
static int tunnel_ask( struct tunnel *tunnel )
{
    struct layer *below = tunnel->layer.below;
    ssize_t count;
    int ret;

    while (tunnel->sent < tunnel->request_len)
    {
        count = below->ops->write( below, tunnel->request + tunnel->sent, tunnel->request_len - tunnel->sent );
        if (count == LAYER_AGAIN) return LAYER_AGAIN;
        if (count < 0) return tunnel_fail_below( tunnel );
        tunnel->sent += count;
    }
    if ((ret = below->ops->flush( below )) == LAYER_FAILED) return tunnel_fail_below( tunnel );
    if (ret) return ret;
    drop_request( tunnel );
    tunnel->state = TUNNEL_WAITING;
    return LAYER_OK;
}

/* A whole head of `len` bytes is there. 1: it was an informational one, go on. */
static int tunnel_take_head( struct tunnel *tunnel, size_t len )
{
    int status = head_status( buffer_head( &tunnel->in ), len );

    if (status == PARSE_BAD || status == 101) return tunnel_fail( tunnel, WHE_PROTOCOL, 0 );
    if (status > 299)
    {
        tunnel->status = status;
        tunnel->state = TUNNEL_REFUSED;
        return LAYER_OK;
    }
    buffer_consume( &tunnel->in, len );
    memset( &tunnel->scan, 0, sizeof(tunnel->scan) );
    tunnel->dropped += len;
    if (status < 200) return ++tunnel->informed > INFORMED_MAX ? tunnel_fail( tunnel, WHE_PROTOCOL, 0 ) : 1;
    tunnel->state = TUNNEL_UP;
    return LAYER_OK;
}

static int tunnel_hear( struct tunnel *tunnel )
{
    struct layer *below = tunnel->layer.below;
    ssize_t count;
    int ret;

    for (;;)
    {
        count = buffer_len( &tunnel->in ) ? head_scan( &tunnel->scan, buffer_head( &tunnel->in ), buffer_len( &tunnel->in ) )
                                          : PARSE_MORE;
        if (count == PARSE_BAD) return tunnel_fail( tunnel, WHE_PROTOCOL, 0 );
        if (tunnel->dropped + (count > 0 ? (size_t)count : buffer_len( &tunnel->in )) > TUNNEL_HEAD_MAX)
            return tunnel_fail( tunnel, WHE_HEAD_SIZE, 0 );
        if (count > 0)
        {
            if ((ret = tunnel_take_head( tunnel, count )) <= 0) return ret;
            continue;
        }
        if (buffer_room( &tunnel->in )) return tunnel_fail( tunnel, WHE_NO_MEMORY, 0 );
        count = below->ops->read( below, tunnel->in.data + tunnel->in.end, tunnel->in.size - tunnel->in.end );
        if (count > 0)
        {
            tunnel->in.end += count;
            continue;
        }
        if (!buffer_len( &tunnel->in )) buffer_release( &tunnel->in );
        if (count == LAYER_AGAIN) return LAYER_AGAIN;
        return count ? tunnel_fail_below( tunnel ) : tunnel_fail( tunnel, WHE_RESET, 0 );
    }
}

static int tunnel_start( struct layer *layer )
{
    struct tunnel *tunnel = (struct tunnel *)layer;
    int ret;

    if (tunnel->state == TUNNEL_ASKING && (ret = tunnel_ask( tunnel ))) return ret;
    if (tunnel->state == TUNNEL_WAITING) return tunnel_hear( tunnel );
    return tunnel->state == TUNNEL_FAILED ? LAYER_FAILED : LAYER_OK;
}

static ssize_t tunnel_read( struct layer *layer, void *buffer, size_t size )
{
    struct tunnel *tunnel = (struct tunnel *)layer;
    size_t len = buffer_len( &tunnel->in );
    ssize_t count;

    if (tunnel->state == TUNNEL_FAILED) return LAYER_FAILED;
    if (tunnel->state < TUNNEL_UP) return tunnel_fail( tunnel, WHE_STATE, 0 );
    if (len)
    {
        if (len > size) len = size;
        memcpy( buffer, buffer_head( &tunnel->in ), len );
        buffer_consume( &tunnel->in, len );
        return len;
    }
    count = layer->below->ops->read( layer->below, buffer, size );
    if (count == LAYER_FAILED)    /* not always for good: see layer.h on WHE_FAULT */
    {
        layer->error = layer->below->error;
        layer->detail = layer->below->detail;
    }
    return count;
}

static ssize_t tunnel_write( struct layer *layer, const void *data, size_t size )
{
    struct tunnel *tunnel = (struct tunnel *)layer;
    ssize_t count;

    if (tunnel->state == TUNNEL_FAILED) return LAYER_FAILED;
    if (tunnel->state != TUNNEL_UP) return tunnel_fail( tunnel, WHE_STATE, 0 );
    count = layer->below->ops->write( layer->below, data, size );
    if (count == LAYER_FAILED)    /* of this direction only: the peer may still be heard */
    {
        layer->error = layer->below->error;
        layer->detail = layer->below->detail;
    }
    return count;
}

static int tunnel_flush( struct layer *layer )
{
    int ret = layer->below->ops->flush( layer->below );

    if (ret == LAYER_FAILED)
    {
        layer->error = layer->below->error;
        layer->detail = layer->below->detail;
    }
    return ret;
}

static unsigned int tunnel_wants( const struct layer *layer )
{
    return layer->below->ops->wants( layer->below );
}

static size_t tunnel_pending( const struct layer *layer )
{
    return buffer_len( &((const struct tunnel *)layer)->in ) + layer->below->ops->pending( layer->below );
}

static void tunnel_goodbye( struct layer *layer )
{
    layer->below->ops->goodbye( layer->below );
}

static void tunnel_free( struct tunnel *tunnel )
{
    drop_request( tunnel );
    buffer_release( &tunnel->in );
    wh_free( tunnel );
}

static void tunnel_close( struct layer *layer )
{
    layer->below->ops->close( layer->below );
    tunnel_free( (struct tunnel *)layer );
}

static void tunnel_ready( struct layer *layer, unsigned int what, int hangup )
{
    layer->below->ops->ready( layer->below, what, hangup );
}

static int tunnel_gather( struct layer *layer, size_t size )
{
    return layer_gather( layer->below, size );
}

/* What is known of TLS with the proxy is nothing that a program may take for the server's. */
static enum wh_error tunnel_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    *len = 0;
    if (what != WHQ_CONNECTION && what != WHQ_TCP) return WHE_STATE;
    return layer->below->ops->query( layer->below, what, buffer, size, len );
}

static const struct layer_ops tunnel_ops =
{
    .start   = tunnel_start,
    .read    = tunnel_read,
    .write   = tunnel_write,
    .flush   = tunnel_flush,
    .wants   = tunnel_wants,
    .pending = tunnel_pending,
    .goodbye = tunnel_goodbye,
    .close   = tunnel_close,
    .ready   = tunnel_ready,
    .gather  = tunnel_gather,
    .query   = tunnel_query,
};

struct layer *tunnel_layer_create( struct layer *below, const char *host, uint32_t port, const struct proxy_words *words,
                                   enum wh_error *error )
{
    struct tunnel *tunnel = wh_calloc( 1, sizeof(*tunnel) );

    *error = WHE_NO_MEMORY;
    if (tunnel)
    {
        tunnel->layer.ops = &tunnel_ops;
        tunnel->layer.below = below;
        if (!(*error = set_request( tunnel, host, port, words ))) return &tunnel->layer;
        tunnel_free( tunnel );
    }
    below->ops->close( below );
    return NULL;
}

int tunnel_layer_refused( const struct layer *layer )
{
    const struct tunnel *tunnel = (const struct tunnel *)layer;

    return tunnel->state == TUNNEL_REFUSED ? tunnel->status : 0;
}

enum wh_error tunnel_layer_again( struct layer *layer, const char *host, uint32_t port, const struct proxy_words *words )
{
    struct tunnel *tunnel = (struct tunnel *)layer;
    enum wh_error error;
    char byte;

    if (tunnel->state != TUNNEL_REFUSED || buffer_len( &tunnel->in )) return WHE_STALE;
    layer->below->ops->ready( layer->below, LAYER_WANT_READ, 0 );
    if (layer->below->ops->read( layer->below, &byte, 1 ) != LAYER_AGAIN) return WHE_STALE;
    if ((error = set_request( tunnel, host, port, words ))) return error;
    memset( &tunnel->scan, 0, sizeof(tunnel->scan) );
    tunnel->dropped = 0;
    tunnel->informed = 0;
    tunnel->state = TUNNEL_ASKING;
    return WHE_OK;
}
