/*
 * A scripted HTTP/2 server for the tests of the transport: frames written byte by byte, and a strict reader
 *
 * The peer has no thread: h2_turn does what can be done without waiting, so that one test function plays both sides (see
 * h2_client.h). What is sent is queued, never refused: a peer may say whatever it likes. What arrives is checked against
 * RFC 9113 and RFC 7541 as an unforgiving server would: preface, sizes, order of frames, states of streams, windows, the
 * number of streams, fields. h2_complain reports at once, and counts.
 * Speaks over plain TCP with prior knowledge: routes with WH_SCHEME_HTTP and WH_ALPN_H2 alone.
 */

#ifndef WINHTTP_UNIT_H2_PEER_H
#define WINHTTP_UNIT_H2_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum h2_type
{
    H2_DATA, H2_HEADERS, H2_PRIORITY, H2_RST_STREAM, H2_SETTINGS, H2_PUSH_PROMISE, H2_PING, H2_GOAWAY, H2_WINDOW_UPDATE,
    H2_CONTINUATION, H2_TYPE_COUNT
};

#define H2_ACK          0x01
#define H2_END_STREAM   0x01
#define H2_END_HEADERS  0x04
#define H2_PADDED       0x08
#define H2_WITH_PRIORITY 0x20

enum h2_code
{
    H2_NO_ERROR, H2_PROTOCOL_ERROR, H2_INTERNAL_ERROR, H2_FLOW_CONTROL_ERROR, H2_SETTINGS_TIMEOUT, H2_STREAM_CLOSED,
    H2_FRAME_SIZE_ERROR, H2_REFUSED_STREAM, H2_CANCEL, H2_COMPRESSION_ERROR, H2_CONNECT_ERROR, H2_ENHANCE_YOUR_CALM,
    H2_INADEQUATE_SECURITY, H2_HTTP_1_1_REQUIRED
};

#define H2_NONE 0xffffffffu     /* no such code was sent */

enum h2_setting
{
    H2_HEADER_TABLE_SIZE = 1, H2_ENABLE_PUSH, H2_MAX_CONCURRENT_STREAMS, H2_INITIAL_WINDOW_SIZE, H2_MAX_FRAME_SIZE,
    H2_MAX_HEADER_LIST_SIZE, H2_ENABLE_CONNECT_PROTOCOL = 8, H2_SETTING_COUNT = 10
};

#define H2_FRAME_HEAD   9
#define H2_FRAME_LIMIT  16384       /* we never allow more, so no frame may be larger */
#define H2_STREAMS      2048        /* of a connection, that is ids up to 4095 */
#define H2_PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* What the client did on a stream. */
struct h2_stream
{
    uint32_t blocks;                /* header blocks: 1 = request, 2 = and trailers */
    uint32_t end;                   /* END_STREAM came */
    uint32_t rst;                   /* code of its RST_STREAM, or H2_NONE */
    uint32_t closed;                /* we have reset it, or ended it and it has ended */
    uint32_t ours_ended;            /* we have sent END_STREAM */
    char     method[16], path[64], authority[64], scheme[8], protocol[16];
    char    *fields;                /* "name: value\n" of all that are not pseudo-fields, in order */
    uint64_t body;                  /* bytes of DATA */
    uint32_t sum;                   /* of the bytes of DATA */
    int64_t  window;                /* what it may still send */
    uint64_t sent;                  /* what we have sent of the window that it gives us */
    uint64_t updates, updated;      /* WINDOW_UPDATE frames, and the sum of what they add */
    uint32_t smallest, largest;     /* of them */
};

struct h2_peer
{
    int                  listener, fd;         /* fd -1: nobody has connected yet, or it is closed */
    uint16_t             port;
    uint32_t             accepted;
    uint32_t             eof, reset;           /* the client ended, broke its connection */
    nghttp2_hd_inflater *inflater;
    uint8_t             *out;                  /* queued for the client */
    size_t               out_pos, out_len, out_size;
    uint8_t              in[H2_FRAME_HEAD + H2_FRAME_LIMIT + 64];
    size_t               in_len;
    uint32_t             preface;              /* it is read */
    uint32_t             paused;               /* the socket is not read */
    uint32_t             frames, counts[H2_TYPE_COUNT + 1];    /* of frames read; the last one: other types */
    uint32_t             settings[H2_SETTING_COUNT];           /* the client's; 0xffffffff = never said */
    uint32_t             settings_sent, settings_acked;
    uint32_t             acks_owed;            /* the first frame is our SETTINGS, so answers wait for it */
    uint32_t             ours[32][3];          /* ring: initial window, stream limit, table size by SETTINGS frame sent */
    int64_t              initial, limit;       /* as the client has acknowledged */
    uint32_t             pings_acked, pings;   /* answers to ours; the client's own */
    uint8_t              ping_data[8];         /* of the last one of either kind */
    uint32_t             no_ping_acks;         /* do not answer pings */
    uint32_t             goaway, goaway_last;  /* code of its GOAWAY, or H2_NONE */
    char                 goaway_text[128];
    int64_t              window;               /* what it may still send on the connection */
    uint64_t             sent;                 /* what we have sent of the window that it gives us */
    uint64_t             conn_updates, conn_updated;
    uint32_t             last_id;              /* highest stream that it opened */
    uint32_t             open, most_open;      /* streams now, at most */
    uint32_t             block_stream;         /* a header block without its end is under way */
    uint8_t             *block;
    size_t               block_len;
    uint32_t             block_end;            /* END_STREAM belongs to it */
    uint32_t             complaints;
    struct h2_stream     streams[H2_STREAMS];
};

static inline void h2_complain( struct h2_peer *peer, const char *what, uint32_t value )
{
    if (!peer->complaints++) fprintf( stderr, "h2_peer: the client breaks the protocol: %s (%u)\n", what, value );
}

/* ---- writing ---- */

static inline void h2_send_bytes( struct h2_peer *peer, const void *data, size_t len )
{
    if (peer->out_pos == peer->out_len) peer->out_pos = peer->out_len = 0;
    if (peer->out_len + len > peer->out_size)
    {
        while (peer->out_size < peer->out_len + len) peer->out_size = peer->out_size ? peer->out_size * 2 : 4096;
        if (!(peer->out = realloc( peer->out, peer->out_size ))) abort();
    }
    if (len) memcpy( peer->out + peer->out_len, data, len );
    peer->out_len += len;
}

/* The nine bytes; `stream` may have its reserved bit set. */
static inline void h2_send_frame_head( struct h2_peer *peer, uint32_t len, uint8_t type, uint8_t flags, uint32_t stream )
{
    uint8_t head[H2_FRAME_HEAD] = { len >> 16, len >> 8, len, type, flags, stream >> 24, stream >> 16, stream >> 8, stream };

    h2_send_bytes( peer, head, sizeof(head) );
}

static inline struct h2_stream *h2_stream( struct h2_peer *peer, uint32_t id )
{
    static struct h2_stream none;

    if (!(id & 1) || id / 2 >= H2_STREAMS)
    {
        memset( &none, 0, sizeof(none) );
        return &none;
    }
    return &peer->streams[id / 2];
}

static inline void h2_close_stream( struct h2_peer *peer, struct h2_stream *stream )
{
    if (stream->closed || !stream->blocks) return;
    stream->closed = 1;
    peer->open--;
}

static inline void h2_put32( uint8_t *to, uint32_t value )
{
    to[0] = value >> 24;
    to[1] = value >> 16;
    to[2] = value >> 8;
    to[3] = value;
}

static inline uint32_t h2_get32( const uint8_t *from )
{
    return (uint32_t)from[0] << 24 | from[1] << 16 | from[2] << 8 | from[3];
}

/* What the client has to go by once it has acknowledged this frame. */
static inline void h2_note_settings( struct h2_peer *peer, const uint8_t *payload, uint32_t len )
{
    uint32_t *next = peer->ours[(peer->settings_sent + 1) % 32], *last = peer->ours[peer->settings_sent % 32], i;

    if (!peer->settings_sent)
    {
        last[0] = 65535;
        last[1] = H2_NONE;
        last[2] = 4096;
    }
    memcpy( next, last, sizeof(peer->ours[0]) );
    peer->settings_sent++;
    for (i = 0; payload && i + 6 <= len; i += 6)
    {
        uint32_t what = payload[i] << 8 | payload[i + 1], value = h2_get32( payload + i + 2 );

        if (what == H2_INITIAL_WINDOW_SIZE) next[0] = value;
        if (what == H2_MAX_CONCURRENT_STREAMS) next[1] = value;
        if (what == H2_HEADER_TABLE_SIZE) next[2] = value;
    }
}

/* A whole frame. What it does to windows and states is noted, whether or not the peer may send it. */
static inline void h2_send_frame( struct h2_peer *peer, uint8_t type, uint8_t flags, uint32_t stream, const void *data,
                                  uint32_t len )
{
    struct h2_stream *s = h2_stream( peer, stream );

    h2_send_frame_head( peer, len, type, flags, stream );
    h2_send_bytes( peer, data, len );
    if (type == H2_SETTINGS && !(flags & H2_ACK) && !stream) h2_note_settings( peer, data, len );
    if (peer->acks_owed && peer->settings_sent)
        for (; peer->acks_owed; peer->acks_owed--) h2_send_frame_head( peer, 0, H2_SETTINGS, H2_ACK, 0 );
    if (type == H2_RST_STREAM) h2_close_stream( peer, s );
    if (type == H2_DATA)
    {
        peer->sent += len;
        s->sent += len;
    }
    if ((type == H2_DATA || type == H2_HEADERS) && (flags & H2_END_STREAM))
    {
        s->ours_ended = 1;
        if (s->end) h2_close_stream( peer, s );
    }
}

/* At most H2_SETTING_COUNT of them. */
static inline void h2_send_settings( struct h2_peer *peer, const uint32_t pairs[][2], unsigned int count )
{
    uint8_t payload[6 * H2_SETTING_COUNT] = { 0 };
    unsigned int i;

    for (i = 0; i < count; i++)
    {
        payload[6 * i] = 0;
        payload[6 * i + 1] = pairs[i][0];
        h2_put32( payload + 6 * i + 2, pairs[i][1] );
    }
    h2_send_frame( peer, H2_SETTINGS, 0, 0, payload, 6 * i );
}

static inline void h2_send_setting( struct h2_peer *peer, uint32_t id, uint32_t value )
{
    uint32_t pair[1][2] = { { id, value } };

    h2_send_settings( peer, (const uint32_t (*)[2])pair, 1 );
}

static inline void h2_send_code( struct h2_peer *peer, uint8_t type, uint32_t stream, uint32_t value )
{
    uint8_t payload[4];

    h2_put32( payload, value );
    h2_send_frame( peer, type, 0, stream, payload, 4 );
}

static inline void h2_send_rst( struct h2_peer *peer, uint32_t stream, uint32_t code )
{
    h2_send_code( peer, H2_RST_STREAM, stream, code );
}

static inline void h2_send_window( struct h2_peer *peer, uint32_t stream, uint32_t add )
{
    if (stream) h2_stream( peer, stream )->window += add;
    else peer->window += add;
    h2_send_code( peer, H2_WINDOW_UPDATE, stream, add );
}

static inline void h2_send_goaway( struct h2_peer *peer, uint32_t last, uint32_t code )
{
    uint8_t payload[8];

    h2_put32( payload, last );
    h2_put32( payload + 4, code );
    h2_send_frame( peer, H2_GOAWAY, 0, 0, payload, 8 );
}

static inline void h2_send_data( struct h2_peer *peer, uint32_t stream, const void *data, uint32_t len, uint8_t flags )
{
    h2_send_frame( peer, H2_DATA, flags, stream, data, len );
}

/* What the client allows us to send on a stream now. */
static inline uint64_t h2_room( struct h2_peer *peer, uint32_t stream )
{
    struct h2_stream *s = h2_stream( peer, stream );
    uint64_t initial = peer->settings[H2_INITIAL_WINDOW_SIZE] == H2_NONE ? 65535 : peer->settings[H2_INITIAL_WINDOW_SIZE];
    int64_t room = initial + s->updated - s->sent, all = 65535 + peer->conn_updated - peer->sent;

    if (all < room) room = all;
    return room > 0 ? room : 0;
}

/* `len` bytes of DATA in frames of the usual size, the last one with `flags`. */
static inline void h2_send_body( struct h2_peer *peer, uint32_t stream, uint64_t len, uint8_t flags )
{
    static const uint8_t zeros[H2_FRAME_LIMIT];
    uint32_t part;

    do
    {
        part = len < H2_FRAME_LIMIT ? (uint32_t)len : H2_FRAME_LIMIT;
        len -= part;
        h2_send_data( peer, stream, zeros, part, len ? 0 : flags );
    } while (len);
}

/* ---- HPACK, by hand: literals only ---- */

static inline size_t hpack_int( uint8_t *to, uint8_t first, unsigned int bits, uint64_t value )
{
    uint32_t top = (1u << bits) - 1;
    size_t len = 0;

    if (value < top)
    {
        to[0] = first | (uint8_t)value;
        return 1;
    }
    to[len++] = first | (uint8_t)top;
    for (value -= top; value >= 128; value >>= 7) to[len++] = 0x80 | (value & 127);
    to[len++] = (uint8_t)value;
    return len;
}

/* A field with a new name, not indexed. `to` has room for both and 24 bytes. */
static inline size_t hpack_field( uint8_t *to, const char *name, size_t name_len, const char *value, size_t value_len )
{
    size_t len = 0;

    to[len++] = 0;
    len += hpack_int( to + len, 0, 7, name_len );
    memcpy( to + len, name, name_len );
    len += name_len;
    len += hpack_int( to + len, 0, 7, value_len );
    memcpy( to + len, value, value_len );
    return len + value_len;
}

/* Fields as text, "name=value|name=value", which may hold any byte but '|' (and '=' in names only). `to` has room for 24
 * bytes more per field. */
static inline size_t hpack_fields( uint8_t *to, const char *text, size_t text_len )
{
    const char *end = text + text_len, *next, *value;
    size_t len = 0;

    for (; text < end; text = next + 1)
    {
        if (!(next = memchr( text, '|', end - text ))) next = end;
        if (!(value = memchr( text, '=', next - text ))) abort();
        len += hpack_field( to + len, text, value - text, value + 1, next - value - 1 );
    }
    return len;
}

/* A header block of literals in one HEADERS frame, or in as many as it takes. */
static inline void h2_send_block( struct h2_peer *peer, uint32_t stream, const uint8_t *block, size_t len, uint8_t flags )
{
    size_t part = len < H2_FRAME_LIMIT ? len : H2_FRAME_LIMIT;
    uint8_t type = H2_HEADERS;

    for (;;)
    {
        if (part == len) flags |= H2_END_HEADERS;
        h2_send_frame( peer, type, flags, stream, block, (uint32_t)part );
        block += part;
        if (!(len -= part)) break;
        part = len < H2_FRAME_LIMIT ? len : H2_FRAME_LIMIT;
        type = H2_CONTINUATION;
        flags = 0;
    }
}

static inline void h2_send_fields_n( struct h2_peer *peer, uint32_t stream, const char *text, size_t len, uint8_t flags )
{
    uint8_t *block = malloc( len * 13 + 64 );      /* a field has two bytes of text at least, with its '|' */
    size_t size;

    if (!block) abort();
    size = hpack_fields( block, text, len );
    h2_send_block( peer, stream, block, size, flags );
    free( block );
}

static inline void h2_send_fields( struct h2_peer *peer, uint32_t stream, const char *text, uint8_t flags )
{
    h2_send_fields_n( peer, stream, text, strlen( text ), flags );
}

/* A whole answer. */
static inline void h2_answer( struct h2_peer *peer, uint32_t stream, const char *body )
{
    h2_send_fields( peer, stream, ":status=200", 0 );
    h2_send_data( peer, stream, body, (uint32_t)strlen( body ), H2_END_STREAM );
}

/* ---- reading ---- */

static inline void h2_copy_name( char *to, size_t size, const nghttp2_nv *nv )
{
    size_t len = nv->valuelen < size - 1 ? nv->valuelen : size - 1;

    memcpy( to, nv->value, len );
    to[len] = 0;
}

static inline int h2_is( const nghttp2_nv *nv, const char *name )
{
    return nv->namelen == strlen( name ) && !memcmp( nv->name, name, nv->namelen );
}

/* One field of a request: what RFC 9113 section 8.2 and 8.3.1 demand. */
static inline void h2_field( struct h2_peer *peer, struct h2_stream *stream, const nghttp2_nv *nv, uint32_t id )
{
    static const char *const forbidden[] = { "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
                                             "host" };
    size_t len = stream->fields ? strlen( stream->fields ) : 0;
    unsigned int i;

    if (nv->name[0] == ':')
    {
        if (stream->blocks || len) h2_complain( peer, "a pseudo-field in trailers, or after other fields", id );
        if (h2_is( nv, ":method" )) h2_copy_name( stream->method, sizeof(stream->method), nv );
        else if (h2_is( nv, ":path" )) h2_copy_name( stream->path, sizeof(stream->path), nv );
        else if (h2_is( nv, ":authority" )) h2_copy_name( stream->authority, sizeof(stream->authority), nv );
        else if (h2_is( nv, ":scheme" )) h2_copy_name( stream->scheme, sizeof(stream->scheme), nv );
        else if (h2_is( nv, ":protocol" )) h2_copy_name( stream->protocol, sizeof(stream->protocol), nv );
        else h2_complain( peer, "an unknown pseudo-field", id );
        return;
    }
    for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        if (h2_is( nv, forbidden[i] )) h2_complain( peer, forbidden[i], id );
    if (h2_is( nv, "te" ) && !(nv->valuelen == 8 && !memcmp( nv->value, "trailers", 8 ))) h2_complain( peer, "te", id );
    for (i = 0; i < nv->namelen; i++)
        if (nv->name[i] <= ' ' || nv->name[i] >= 0x7f || (nv->name[i] >= 'A' && nv->name[i] <= 'Z'))
            h2_complain( peer, "a byte in a name", nv->name[i] );
    for (i = 0; i < nv->valuelen; i++)
        if (!nv->value[i] || nv->value[i] == '\r' || nv->value[i] == '\n') h2_complain( peer, "a byte in a value", id );
    if (!(stream->fields = realloc( stream->fields, len + nv->namelen + nv->valuelen + 4 ))) abort();
    memcpy( stream->fields + len, nv->name, nv->namelen );
    len += nv->namelen;
    memcpy( stream->fields + len, ": ", 2 );
    len += 2;
    memcpy( stream->fields + len, nv->value, nv->valuelen );
    len += nv->valuelen;
    memcpy( stream->fields + len, "\n", 2 );
}

static inline void h2_read_block( struct h2_peer *peer )
{
    struct h2_stream *stream = h2_stream( peer, peer->block_stream );
    const uint8_t *pos = peer->block;
    size_t left = peer->block_len;
    uint32_t id = peer->block_stream;

    for (;;)
    {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2( peer->inflater, &nv, &flags, pos, left, 1 );

        if (used < 0)
        {
            h2_complain( peer, "a header block that cannot be read", id );
            break;
        }
        pos += used;
        left -= used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) h2_field( peer, stream, &nv, id );
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
        {
            nghttp2_hd_inflate_end_headers( peer->inflater );
            break;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !left) break;
    }
    if (!stream->blocks)
    {
        if (strcmp( stream->method, "CONNECT" ) || stream->protocol[0])
        {
            if (!stream->method[0] || !stream->path[0] || !stream->scheme[0]) h2_complain( peer, "pseudo-fields", id );
        }
        else if (!stream->authority[0] || stream->path[0] || stream->scheme[0]) h2_complain( peer, "pseudo-fields", id );
    }
    else if (!peer->block_end) h2_complain( peer, "trailers without END_STREAM", id );
    stream->blocks++;
    if (peer->block_end) stream->end = 1;
    if (stream->end && stream->ours_ended) h2_close_stream( peer, stream );
    peer->block_stream = 0;
    peer->block_len = 0;
}

/* The highest of the limits that the client may go by: the last that it has acknowledged, and those sent since. */
static inline uint32_t h2_stream_limit( const struct h2_peer *peer )
{
    uint32_t i, limit = peer->limit;

    for (i = peer->settings_acked; i < peer->settings_sent; i++)
        if (peer->ours[(i + 1) % 32][1] > limit) limit = peer->ours[(i + 1) % 32][1];
    return limit;
}

static inline void h2_read_headers( struct h2_peer *peer, uint8_t flags, uint32_t id, const uint8_t *data, uint32_t len )
{
    struct h2_stream *stream = h2_stream( peer, id );
    uint32_t skip = 0, pad = 0;

    if (!(id & 1)) h2_complain( peer, "HEADERS on an even stream, or on none", id );
    if (id / 2 >= H2_STREAMS) return h2_complain( peer, "more streams than this test can count", id );
    if (flags & H2_PADDED) pad = data[skip++];
    if (flags & H2_WITH_PRIORITY) skip += 5;
    if (skip + pad > len) return h2_complain( peer, "HEADERS that are too short", len );
    if (!stream->blocks)
    {
        if (id <= peer->last_id) h2_complain( peer, "stream ids that do not grow", id );
        peer->last_id = id;
        stream->rst = H2_NONE;
        stream->window += peer->initial;
        stream->smallest = H2_NONE;
        if (++peer->open > peer->most_open) peer->most_open = peer->open;
        if (peer->open > h2_stream_limit( peer )) h2_complain( peer, "more streams at a time than allowed", peer->open );
    }
    else if (stream->end || (stream->rst != H2_NONE)) h2_complain( peer, "HEADERS on a stream that it has ended", id );
    peer->block_stream = id;
    peer->block_end = flags & H2_END_STREAM;
    len -= skip + pad;
    if (!(peer->block = realloc( peer->block, len + 1 ))) abort();
    memcpy( peer->block, data + skip, len );
    peer->block_len = len;
    if (flags & H2_END_HEADERS) h2_read_block( peer );
}

static inline void h2_read_continuation( struct h2_peer *peer, uint8_t flags, uint32_t id, const uint8_t *data, uint32_t len )
{
    if (!peer->block_stream || id != peer->block_stream) return h2_complain( peer, "a CONTINUATION of nothing", id );
    if (!(peer->block = realloc( peer->block, peer->block_len + len + 1 ))) abort();
    memcpy( peer->block + peer->block_len, data, len );
    peer->block_len += len;
    if (flags & H2_END_HEADERS) h2_read_block( peer );
}

static inline void h2_read_data( struct h2_peer *peer, uint8_t flags, uint32_t id, const uint8_t *data, uint32_t len )
{
    struct h2_stream *stream = h2_stream( peer, id );
    uint32_t skip = 0, pad = 0, i;

    if (!stream->blocks || stream->end || stream->rst != H2_NONE) h2_complain( peer, "DATA on a stream that is not open", id );
    if (flags & H2_PADDED) pad = data[skip++];
    if (skip + pad > len) return h2_complain( peer, "DATA that is too short", len );
    stream->window -= len;
    peer->window -= len;
    if (len && stream->window < 0) h2_complain( peer, "more DATA than the stream's window allows", id );
    if (len && peer->window < 0) h2_complain( peer, "more DATA than the connection's window allows", id );
    for (i = skip; i < len - pad; i++) stream->sum += data[i];
    stream->body += len - skip - pad;
    if (flags & H2_END_STREAM)
    {
        stream->end = 1;
        if (stream->ours_ended) h2_close_stream( peer, stream );
    }
}

static inline void h2_read_settings( struct h2_peer *peer, uint8_t flags, uint32_t id, const uint8_t *data, uint32_t len )
{
    const uint32_t *ours;
    uint32_t i;

    if (id || len % 6 || ((flags & H2_ACK) && len)) h2_complain( peer, "SETTINGS", len );
    if (flags & H2_ACK)
    {
        if (peer->settings_acked == peer->settings_sent) return h2_complain( peer, "an ACK too many", peer->settings_acked );
        ours = peer->ours[++peer->settings_acked % 32];
        for (i = 0; i < H2_STREAMS; i++)
            if (peer->streams[i].blocks) peer->streams[i].window += (int64_t)ours[0] - peer->initial;
        peer->initial = ours[0];
        peer->limit = ours[1];
        nghttp2_hd_inflate_change_table_size( peer->inflater, ours[2] < 65536 ? ours[2] : 65536 );
        return;
    }
    for (i = 0; i + 6 <= len; i += 6)
    {
        uint32_t what = data[i] << 8 | data[i + 1], value = h2_get32( data + i + 2 );

        if (what < H2_SETTING_COUNT) peer->settings[what] = value;
        if (what == H2_ENABLE_PUSH && value > 1) h2_complain( peer, "ENABLE_PUSH", value );
        if (what == H2_INITIAL_WINDOW_SIZE && value > 0x7fffffff) h2_complain( peer, "INITIAL_WINDOW_SIZE", value );
        if (what == H2_MAX_FRAME_SIZE && (value < 16384 || value > 16777215)) h2_complain( peer, "MAX_FRAME_SIZE", value );
    }
    if (peer->settings_sent) h2_send_frame( peer, H2_SETTINGS, H2_ACK, 0, NULL, 0 );
    else peer->acks_owed++;
}

static inline void h2_read_window( struct h2_peer *peer, uint32_t id, const uint8_t *data, uint32_t len )
{
    struct h2_stream *stream = h2_stream( peer, id );
    uint32_t add = len == 4 ? h2_get32( data ) & 0x7fffffff : 0;

    if (!add) return h2_complain( peer, "WINDOW_UPDATE", len );
    if (!id)
    {
        peer->conn_updates++;
        peer->conn_updated += add;
        return;
    }
    if (!stream->blocks) h2_complain( peer, "WINDOW_UPDATE on an idle stream", id );
    stream->updates++;
    stream->updated += add;
    if (add < stream->smallest) stream->smallest = add;
    if (add > stream->largest) stream->largest = add;
}

static inline void h2_read_frame( struct h2_peer *peer, uint8_t type, uint8_t flags, uint32_t id, const uint8_t *data,
                                  uint32_t len )
{
    struct h2_stream *stream = h2_stream( peer, id );

    if (!peer->frames++ && (type != H2_SETTINGS || (flags & H2_ACK))) h2_complain( peer, "no SETTINGS first", type );
    peer->counts[type < H2_TYPE_COUNT ? type : H2_TYPE_COUNT]++;
    if (peer->block_stream && type != H2_CONTINUATION) h2_complain( peer, "a frame inside a header block", type );
    switch (type)
    {
    case H2_DATA: h2_read_data( peer, flags, id, data, len ); break;
    case H2_HEADERS: h2_read_headers( peer, flags, id, data, len ); break;
    case H2_PRIORITY: if (!id || len != 5) h2_complain( peer, "PRIORITY", len ); break;
    case H2_RST_STREAM:
        if (!stream->blocks || len != 4) return h2_complain( peer, "RST_STREAM of an idle stream, or of a wrong size", id );
        if (stream->rst == H2_NONE) stream->rst = h2_get32( data );
        h2_close_stream( peer, stream );
        break;
    case H2_SETTINGS: h2_read_settings( peer, flags, id, data, len ); break;
    case H2_PUSH_PROMISE: h2_complain( peer, "PUSH_PROMISE from a client", id ); break;
    case H2_PING:
        if (id || len != 8) return h2_complain( peer, "PING", len );
        memcpy( peer->ping_data, data, 8 );
        if (flags & H2_ACK) peer->pings_acked++;
        else
        {
            peer->pings++;
            if (!peer->no_ping_acks) h2_send_frame( peer, H2_PING, H2_ACK, 0, data, 8 );
        }
        break;
    case H2_GOAWAY:
        if (id || len < 8) return h2_complain( peer, "GOAWAY", len );
        peer->goaway_last = h2_get32( data );
        peer->goaway = h2_get32( data + 4 );
        if ((len -= 8) >= sizeof(peer->goaway_text)) len = sizeof(peer->goaway_text) - 1;
        memcpy( peer->goaway_text, data + 8, len );
        peer->goaway_text[len] = 0;
        break;
    case H2_WINDOW_UPDATE: h2_read_window( peer, id, data, len ); break;
    case H2_CONTINUATION: h2_read_continuation( peer, flags, id, data, len ); break;
    }
}

/* Takes the whole frames out of what was read. */
static inline void h2_read_frames( struct h2_peer *peer )
{
    const uint8_t *pos = peer->in, *end = peer->in + peer->in_len;
    uint32_t len;

    if (!peer->preface)
    {
        len = sizeof(H2_PREFACE) - 1;
        if (peer->in_len < len) return;
        if (memcmp( pos, H2_PREFACE, len )) h2_complain( peer, "no preface", 0 );
        peer->preface = 1;
        pos += len;
    }
    while (end - pos >= H2_FRAME_HEAD)
    {
        if ((len = pos[0] << 16 | pos[1] << 8 | pos[2]) > H2_FRAME_LIMIT)
        {
            h2_complain( peer, "a frame that is too large", len );
            pos = end;
            break;
        }
        if ((size_t)(end - pos) < H2_FRAME_HEAD + len) break;
        h2_read_frame( peer, pos[3], pos[4], h2_get32( pos + 5 ) & 0x7fffffff, pos + H2_FRAME_HEAD, len );
        pos += H2_FRAME_HEAD + len;
    }
    peer->in_len = end - pos;
    memmove( peer->in, pos, peer->in_len );
}

/* ---- life ---- */

static inline void h2_peer_init( struct h2_peer *peer )
{
    memset( peer, 0, sizeof(*peer) );
    peer->fd = -1;
    peer->window = peer->initial = 65535;
    peer->limit = peer->goaway = H2_NONE;
    memset( peer->settings, 0xff, sizeof(peer->settings) );
    if (nghttp2_hd_inflate_new( &peer->inflater )) abort();
}

static inline void h2_listen( struct h2_peer *peer )
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl( INADDR_LOOPBACK ) } };
    socklen_t len = sizeof(addr);

    h2_peer_init( peer );
    if ((peer->listener = socket( AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0 )) == -1 ||
        bind( peer->listener, (struct sockaddr *)&addr, sizeof(addr) ) || listen( peer->listener, 64 ) ||
        getsockname( peer->listener, (struct sockaddr *)&addr, &len ))
        abort();
    peer->port = ntohs( addr.sin_port );
}

/* A peer for the next connection to the same port. */
static inline void h2_listen_too( struct h2_peer *peer, const struct h2_peer *other )
{
    h2_peer_init( peer );
    if ((peer->listener = dup( other->listener )) == -1) abort();
    peer->port = other->port;
}

static inline void h2_hang_up( struct h2_peer *peer )
{
    if (peer->fd != -1) close( peer->fd );
    peer->fd = -1;
}

/* Whoever is not accepted yet is refused. */
static inline void h2_peer_stop( struct h2_peer *peer )
{
    unsigned int i;

    h2_hang_up( peer );
    if (peer->listener != -1) close( peer->listener );
    nghttp2_hd_inflate_del( peer->inflater );
    for (i = 0; i < H2_STREAMS; i++) free( peer->streams[i].fields );
    free( peer->out );
    free( peer->block );
}

/* Accepts, writes, reads: whatever can be done now. Returns whether anything was. */
static inline int h2_turn( struct h2_peer *peer )
{
    int on = 1, moved = 0;
    ssize_t count;

    if (peer->fd == -1)
    {
        if (peer->accepted || (peer->fd = accept( peer->listener, NULL, NULL )) == -1) return 0;
        fcntl( peer->fd, F_SETFL, O_NONBLOCK );
        setsockopt( peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
        peer->accepted++;
        moved = 1;
    }
    while (peer->out_pos < peer->out_len &&
           (count = send( peer->fd, peer->out + peer->out_pos, peer->out_len - peer->out_pos, MSG_NOSIGNAL )) > 0)
    {
        peer->out_pos += count;
        moved = 1;
    }
    while (!peer->paused && !peer->eof && !peer->reset)
    {
        count = recv( peer->fd, peer->in + peer->in_len, sizeof(peer->in) - peer->in_len, 0 );
        if (count == -1 && errno == EAGAIN) break;
        moved = 1;
        if (count < 0) peer->reset = 1;
        else if (!count) peer->eof = 1;
        else
        {
            peer->in_len += count;
            h2_read_frames( peer );
        }
    }
    return moved;
}

/* The id of the stream that asks for `path`, 0 if there is none. */
static inline uint32_t h2_find( const struct h2_peer *peer, const char *path )
{
    uint32_t i;

    for (i = 0; i <= peer->last_id / 2; i++)
        if (peer->streams[i].blocks && !strcmp( peer->streams[i].path, path )) return i * 2 + 1;
    return 0;
}

#endif /* WINHTTP_UNIT_H2_PEER_H */
