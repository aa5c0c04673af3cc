#if 0
#pragma makedep unix
#endif

/*
 * A way through a SOCKS proxy: version 4 with names (4a), and version 5 (RFC 1928, RFC 1929)
 *
 * A step sends one message and waits for one reply. A reply is read to its last byte and not further: what follows the last
 * one is the server's, and is read by whoever is above.
 */

#include <arpa/inet.h>
#include <string.h>

#include "hooks.h"
#include "proxy.h"
#include "socks.h"

#define MESSAGE_SIZE 600     /* the longest: version 4's, with a user and a name of 255 bytes each; or user and password */
#define REPLY_SIZE   262     /* the longest: version 5's, with a name of 255 bytes */

enum socks_step
{
    SOCKS4_CONNECT,          /* each ends with the proxy's reply, or the connect timeout of the connection */
    SOCKS5_GREETING,
    SOCKS5_LOGIN,
    SOCKS5_CONNECT,
    SOCKS_UP,                /* until it is closed */
    SOCKS_FAILED,            /* for good */
};

struct socks
{
    struct layer    layer;
    enum socks_step step;
    uint32_t        port;
    size_t          user_len, password_len;
    int             has_login;
    uint8_t         message[MESSAGE_SIZE], reply[REPLY_SIZE];
    size_t          message_len, sent, reply_len;
    size_t          reply_due;       /* so many bytes are the reply, as far as it is known */
    char            user[256], password[256];
    char            host[256];
};

/* What a proxy of version 5 says about the server (RFC 1928 section 6); others are about us. */
static const uint8_t server_replies[] =
{
    1,    /* general failure: mostly the name did not resolve */
    3,    /* network unreachable */
    4,    /* host unreachable */
    5,    /* refused */
    6,    /* time to live expired */
};

static int socks_fail( struct socks *socks, enum wh_error error, uint32_t detail )
{
    socks->layer.error = error;
    socks->layer.detail = detail;
    socks->step = SOCKS_FAILED;
    return LAYER_FAILED;
}

static int socks_fail_below( struct socks *socks )
{
    return socks_fail( socks, socks->layer.below->error, socks->layer.below->detail );
}

/* ---- messages ---- */

static void put( struct socks *socks, const void *data, size_t len )
{
    memcpy( socks->message + socks->message_len, data, len );
    socks->message_len += len;
}

static void put_byte( struct socks *socks, unsigned int byte )
{
    socks->message[socks->message_len++] = byte;
}

static void put_port( struct socks *socks )
{
    put_byte( socks, socks->port >> 8 );
    put_byte( socks, socks->port & 255 );
}

static void begin( struct socks *socks, enum socks_step step, size_t reply_due )
{
    explicit_bzero( socks->message, sizeof(socks->message) );
    socks->message_len = socks->sent = socks->reply_len = 0;
    socks->reply_due = reply_due;
    socks->step = step;
}

static void begin_socks4( struct socks *socks )
{
    static const uint8_t named[4] = { 0, 0, 0, 1 };    /* an address that is none: a name follows */
    uint8_t address[4];
    int is_name = inet_pton( AF_INET, socks->host, address ) != 1;

    begin( socks, SOCKS4_CONNECT, 8 );
    put_byte( socks, 4 );
    put_byte( socks, 1 );
    put_port( socks );
    put( socks, is_name ? named : address, 4 );
    put( socks, socks->user, socks->user_len + 1 );
    if (is_name) put( socks, socks->host, strlen( socks->host ) + 1 );
}

static void begin_greeting( struct socks *socks )
{
    begin( socks, SOCKS5_GREETING, 2 );
    put_byte( socks, 5 );
    put_byte( socks, socks->has_login ? 2 : 1 );
    put_byte( socks, 0 );
    if (socks->has_login) put_byte( socks, 2 );
}

static void begin_login( struct socks *socks )
{
    begin( socks, SOCKS5_LOGIN, 2 );
    put_byte( socks, 1 );
    put_byte( socks, socks->user_len );
    put( socks, socks->user, socks->user_len );
    put_byte( socks, socks->password_len );
    put( socks, socks->password, socks->password_len );
}

static void begin_connect( struct socks *socks )
{
    uint8_t address[16];

    begin( socks, SOCKS5_CONNECT, 5 );
    put_byte( socks, 5 );
    put_byte( socks, 1 );
    put_byte( socks, 0 );
    if (inet_pton( AF_INET, socks->host, address ) == 1)
    {
        put_byte( socks, 1 );
        put( socks, address, 4 );
    }
    else if (inet_pton( AF_INET6, socks->host, address ) == 1)
    {
        put_byte( socks, 4 );
        put( socks, address, 16 );
    }
    else
    {
        put_byte( socks, 3 );
        put_byte( socks, strlen( socks->host ) );
        put( socks, socks->host, strlen( socks->host ) );
    }
    put_port( socks );
}

/* ---- replies ---- */

static int socks_up( struct socks *socks )
{
    begin( socks, SOCKS_UP, 0 );
    explicit_bzero( socks->password, sizeof(socks->password) );
    return LAYER_OK;
}

static int take_socks4( struct socks *socks )
{
    if (socks->reply[0]) return socks_fail( socks, WHE_PROTOCOL, 0 );
    if (socks->reply[1] == 90) return socks_up( socks );
    return socks_fail( socks, socks->reply[1] == 91 ? WHE_CONNECT : WHE_PROXY_CONNECT, socks->reply[1] );
}

static int take_greeting( struct socks *socks )
{
    if (socks->reply[0] != 5) return socks_fail( socks, WHE_PROTOCOL, 0 );
    if (!socks->reply[1]) begin_connect( socks );
    else if (socks->reply[1] == 2 && socks->has_login) begin_login( socks );
    else if (socks->reply[1] == 255) return socks_fail( socks, WHE_PROXY_CONNECT, 255 );
    else return socks_fail( socks, WHE_PROTOCOL, 0 );    /* a method that was not offered */
    return LAYER_OK;
}

static int take_login( struct socks *socks )
{
    if (socks->reply[0] != 1) return socks_fail( socks, WHE_PROTOCOL, 0 );
    if (socks->reply[1]) return socks_fail( socks, WHE_PROXY_CONNECT, socks->reply[1] );
    begin_connect( socks );
    return LAYER_OK;
}

/* Twice: with the fifth byte it is known how many come. */
static int take_connect( struct socks *socks )
{
    const uint8_t *reply = socks->reply;
    size_t i, len;

    if (reply[0] != 5) return socks_fail( socks, WHE_PROTOCOL, 0 );
    if (reply[1])
    {
        for (i = 0; i < sizeof(server_replies) && server_replies[i] != reply[1]; i++) ;
        return socks_fail( socks, i < sizeof(server_replies) ? WHE_CONNECT : WHE_PROXY_CONNECT, reply[1] );
    }
    switch (reply[3])
    {
    case 1: len = 4 + 4 + 2; break;
    case 3: len = 4 + 1 + reply[4] + 2; break;
    case 4: len = 4 + 16 + 2; break;
    default: return socks_fail( socks, WHE_PROTOCOL, 0 );
    }
    if (socks->reply_len == len) return socks_up( socks );
    socks->reply_due = len;
    return LAYER_OK;
}

static int (*const takers[])( struct socks *socks ) =
{
    [SOCKS4_CONNECT]  = take_socks4,
    [SOCKS5_GREETING] = take_greeting,
    [SOCKS5_LOGIN]    = take_login,
    [SOCKS5_CONNECT]  = take_connect,
};

/* ---- the layer ---- */

static int socks_send( struct socks *socks )
{
    struct layer *below = socks->layer.below;
    ssize_t count;
    int ret;

    while (socks->sent < socks->message_len)
    {
        count = below->ops->write( below, socks->message + socks->sent, socks->message_len - socks->sent );
        if (count == LAYER_AGAIN) return LAYER_AGAIN;
        if (count < 0) return socks_fail_below( socks );
        socks->sent += count;
    }
    return (ret = below->ops->flush( below )) == LAYER_FAILED ? socks_fail_below( socks ) : ret;
}

static int socks_start( struct layer *layer )
{
    struct socks *socks = (struct socks *)layer;
    ssize_t count;
    int ret;

    while (socks->step < SOCKS_UP)
    {
        if ((ret = socks_send( socks ))) return ret;
        while (socks->reply_len < socks->reply_due)
        {
            count = layer->below->ops->read( layer->below, socks->reply + socks->reply_len,
                                             socks->reply_due - socks->reply_len );
            if (count == LAYER_AGAIN) return LAYER_AGAIN;
            if (count < 0) return socks_fail_below( socks );
            if (!count) return socks_fail( socks, WHE_RESET, 0 );
            socks->reply_len += count;
        }
        if ((ret = takers[socks->step]( socks ))) return ret;
    }
    return socks->step == SOCKS_UP ? LAYER_OK : LAYER_FAILED;
}

/* A failure below is told as it is, and sticks there: not always, see layer.h on WHE_FAULT. */
static ssize_t socks_result( struct layer *layer, ssize_t result )
{
    if (result == LAYER_FAILED)
    {
        layer->error = layer->below->error;
        layer->detail = layer->below->detail;
    }
    return result;
}

static ssize_t socks_read( struct layer *layer, void *buffer, size_t size )
{
    struct socks *socks = (struct socks *)layer;

    if (socks->step == SOCKS_FAILED) return LAYER_FAILED;
    if (socks->step != SOCKS_UP) return socks_fail( socks, WHE_STATE, 0 );
    return socks_result( layer, layer->below->ops->read( layer->below, buffer, size ) );
}

static ssize_t socks_write( struct layer *layer, const void *data, size_t size )
{
    struct socks *socks = (struct socks *)layer;

    if (socks->step == SOCKS_FAILED) return LAYER_FAILED;
    if (socks->step != SOCKS_UP) return socks_fail( socks, WHE_STATE, 0 );
    return socks_result( layer, layer->below->ops->write( layer->below, data, size ) );
}

static int socks_flush( struct layer *layer )
{
    return socks_result( layer, layer->below->ops->flush( layer->below ) );
}

static unsigned int socks_wants( const struct layer *layer )
{
    return layer->below->ops->wants( layer->below );
}

static size_t socks_pending( const struct layer *layer )
{
    return layer->below->ops->pending( layer->below );
}

static void socks_goodbye( struct layer *layer )
{
    layer->below->ops->goodbye( layer->below );
}

static void socks_close( struct layer *layer )
{
    layer->below->ops->close( layer->below );
    explicit_bzero( layer, sizeof(struct socks) );
    wh_free( layer );
}

static void socks_ready( struct layer *layer, unsigned int what, int hangup )
{
    layer->below->ops->ready( layer->below, what, hangup );
}

static int socks_gather( struct layer *layer, size_t size )
{
    return layer_gather( layer->below, size );
}

static enum wh_error socks_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    return layer->below->ops->query( layer->below, what, buffer, size, len );
}

static const struct layer_ops socks_ops =
{
    .start   = socks_start,
    .read    = socks_read,
    .write   = socks_write,
    .flush   = socks_flush,
    .wants   = socks_wants,
    .pending = socks_pending,
    .goodbye = socks_goodbye,
    .close   = socks_close,
    .ready   = socks_ready,
    .gather  = socks_gather,
    .query   = socks_query,
};

/* 0: too long. */
static int set_login( struct socks *socks, const struct proxy_words *words )
{
    if (!words || !words->auth_len) return 1;
    socks->has_login = 1;
    socks->user_len = words->user_len;
    socks->password_len = words->auth_len > words->user_len ? words->auth_len - words->user_len - 1 : 0;
    if (socks->user_len > 255 || socks->password_len > 255) return 0;
    memcpy( socks->user, words->auth, socks->user_len );
    memcpy( socks->password, words->auth + words->auth_len - socks->password_len, socks->password_len );
    return 1;
}

struct layer *socks_layer_create( struct layer *below, uint32_t kind, const char *host, uint32_t port,
                                  const struct proxy_words *words, enum wh_error *error )
{
    struct socks *socks = wh_calloc( 1, sizeof(*socks) );

    *error = WHE_NO_MEMORY;
    if (socks)
    {
        socks->layer.ops = &socks_ops;
        socks->layer.below = below;
        socks->port = port;
        strcpy( socks->host, host );    /* at most 255 bytes: origin_get checks */
        if (set_login( socks, words ))
        {
            *error = WHE_OK;
            if (kind == WH_PROXY_SOCKS4) begin_socks4( socks );
            else begin_greeting( socks );
            return &socks->layer;
        }
        *error = WHE_INVALID;
        explicit_bzero( socks, sizeof(*socks) );
        wh_free( socks );
    }
    below->ops->close( below );
    return NULL;
}
