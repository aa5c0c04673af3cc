#if 0
#pragma makedep unix
#endif

/*
 * permessage-deflate: the compression of WebSocket messages
 *
 * A message is a run of DEFLATE blocks that ends with an empty stored one, whose last four bytes are not sent. Receiving puts
 * them back. Sending holds the last four bytes of its output back until it is known whether they are the ones.
 */

#include <string.h>
#include <strings.h>

#include "hooks.h"
#include "ws_deflate.h"

#define TAIL_LEN 4
static const unsigned char tail[TAIL_LEN] = { 0x00, 0x00, 0xff, 0xff };

#define BITS_MIN 9         /* zlib's smallest window of a raw stream that it makes */
#define BITS_MAX 15

/* Parameters. */

static int is_blank( char c )
{
    return c == ' ' || c == '\t';
}

static void trim( const char **text, const char **end )
{
    while (*text < *end && is_blank( **text )) ++*text;
    while (*end > *text && is_blank( (*end)[-1] )) --*end;
}

static int text_is( const char *text, const char *end, const char *word )
{
    return (size_t)(end - text) == strlen( word ) && !strncasecmp( text, word, end - text );
}

/* 8 to 15, without a leading zero; also as a quoted string. 0: it is not. */
static unsigned int read_bits( const char *text, const char *end )
{
    if (end - text >= 2 && *text == '"' && end[-1] == '"')
    {
        text++;
        end--;
    }
    if (end - text == 1 && (*text == '8' || *text == '9')) return *text - '0';
    if (end - text == 2 && *text == '1' && text[1] >= '0' && text[1] <= '5') return 10 + text[1] - '0';
    return 0;
}

static int read_parameter( struct ws_deflate_params *params, const char *text, const char *end )
{
    const struct { const char *name; int *flag; unsigned int *bits; } known[] =
    {
        { "server_no_context_takeover", &params->server_no_context, NULL },
        { "client_no_context_takeover", &params->client_no_context, NULL },
        { "server_max_window_bits",     NULL, &params->server_bits },
        { "client_max_window_bits",     NULL, &params->client_bits },
    };
    const char *name_end = end, *value = memchr( text, '=', end - text );
    const char *value_end = end;
    unsigned int i, bits;

    if (value)
    {
        name_end = value++;
        trim( &value, &value_end );
    }
    trim( &text, &name_end );
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
    {
        if (!text_is( text, name_end, known[i].name )) continue;
        if (known[i].flag)
        {
            if (value || *known[i].flag) return -1;
            *known[i].flag = 1;
            return 0;
        }
        bits = value ? read_bits( value, value_end ) : WS_BITS_ANY;
        if (!bits || *known[i].bits) return -1;
        *known[i].bits = bits;
        return 0;
    }
    return -1;
}

int ws_deflate_parse( struct ws_deflate_params *params, const char *text, size_t len )
{
    const char *end = text + len, *item = text, *item_end, *next;

    memset( params, 0, sizeof(*params) );
    next = memchr( item, ';', end - item );
    item_end = next ? next : end;
    trim( &item, &item_end );
    if (!text_is( item, item_end, "permessage-deflate" )) return 0;
    params->present = 1;
    while (next)
    {
        item = next + 1;
        next = memchr( item, ';', end - item );
        item_end = next ? next : end;
        trim( &item, &item_end );
        if (read_parameter( params, item, item_end )) return -1;
    }
    /* "server_max_window_bits" says nothing without a number */
    return params->server_bits == WS_BITS_ANY ? -1 : 1;
}

int ws_deflate_answers( const struct ws_deflate_params *offer, const struct ws_deflate_params *answer )
{
    if (!offer->present) return 0;
    if (offer->server_no_context && !answer->server_no_context) return 0;
    if (offer->server_bits && (!answer->server_bits || answer->server_bits > offer->server_bits)) return 0;
    if (answer->client_bits == WS_BITS_ANY) return 0;
    if (answer->client_bits && !offer->client_bits) return 0;
    /* A client that names a limit for itself only tells what it will do; a larger one in the answer allows that. */
    return 1;
}

/* Streams. */

static voidpf stream_alloc( voidpf opaque, uInt items, uInt size )
{
    (void)opaque;
    return wh_calloc( items, size );
}

static void stream_free( voidpf opaque, voidpf data )
{
    (void)opaque;
    wh_free( data );
}

/* A stream ended inside a message, which the format allows (RFC 7692 section 7.2.3.4): another one follows, which may refer
 * to what came before. Streams can be two bytes long, so nothing may be copied here. */
static int inflate_go_on( struct ws_deflate *codec )
{
    codec->in_fresh = 1;
    return inflateResetKeep( &codec->in );
}

static int inflate_begin( struct ws_deflate *codec )
{
    unsigned int bits = codec->params.server_bits ? codec->params.server_bits : BITS_MAX;

    codec->in.zalloc = stream_alloc;
    codec->in.zfree = stream_free;
    if (inflateInit2( &codec->in, -(int)bits )) return WS_INFLATE_NOMEM;
    codec->in_ready = codec->in_fresh = 1;
    return 0;
}

/* Feeds the stream, and, when all of that has come out, what the sender took off the end of the message. */
static int inflate_step( struct ws_deflate *codec, int last )
{
    z_stream *stream = &codec->in;
    uInt before, room;
    int ret;

    for (;;)
    {
        before = stream->avail_in;
        room = stream->avail_out;
        ret = inflate( stream, Z_SYNC_FLUSH );
        if (before != stream->avail_in) codec->in_fresh = 0;
        if (before != stream->avail_in || room != stream->avail_out)    /* a call for nothing forgets where it is */
            codec->in_block = !(stream->data_type & 128);
        if (ret == Z_STREAM_END)
        {
            if ((ret = inflate_go_on( codec ))) return ret;
            if (stream->avail_in && stream->avail_out) continue;
        }
        if (ret == Z_BUF_ERROR) ret = Z_OK;     /* nothing to do: it wants input, or room */
        if (ret || !stream->avail_out || stream->avail_in || !last || codec->in_tail) return ret;
        codec->in_tail = 1;
        if (codec->in_fresh) return Z_OK;       /* it ended by itself */
        stream->next_in = (unsigned char *)tail;
        stream->avail_in = TAIL_LEN;
    }
}

ssize_t ws_inflate( struct ws_deflate *codec, const void *data, size_t *len, int last, void *to, size_t size, int *end )
{
    z_stream *stream = &codec->in;
    unsigned char *out = to;
    size_t given = *len < UINT32_MAX ? *len : UINT32_MAX, in_tail;
    int ret = Z_OK;

    *end = 0;
    if (!codec->in_ready && inflate_begin( codec ))
    {
        *len = 0;
        return WS_INFLATE_NOMEM;
    }
    if (given < *len) last = 0;
    *len = 0;
    if (codec->peeked && size)
    {
        *out++ = codec->peek;
        size--;
        codec->peeked = 0;
    }
    if (codec->peeked) return 0;

    if ((in_tail = codec->in_tail)) given = 0;     /* of the tail, what is left is in the stream's own fields */
    else
    {
        stream->next_in = (unsigned char *)data;
        stream->avail_in = (uInt)given;
    }
    if (size > UINT32_MAX) size = UINT32_MAX;
    stream->next_out = out;
    stream->avail_out = (uInt)size;
    if (size) ret = inflate_step( codec, last );
    out = stream->next_out;
    if (!ret && !stream->avail_out)
    {
        stream->next_out = &codec->peek;
        stream->avail_out = 1;
        ret = inflate_step( codec, last );
        codec->peeked = !stream->avail_out;
    }
    *len = codec->in_tail ? (in_tail ? 0 : given) : given - stream->avail_in;
    if (ret) return ret == Z_MEM_ERROR ? WS_INFLATE_NOMEM : WS_INFLATE_BAD;

    if (codec->in_tail && !codec->peeked && !stream->avail_in)
    {
        if (codec->in_block && !codec->in_fresh) return WS_INFLATE_BAD;
        codec->in_tail = 0;
        codec->in_fresh = 1;
        *end = 1;
        if (codec->params.server_no_context) inflateReset( stream );
    }
    return out - (unsigned char *)to;
}

int ws_deflates( const struct ws_deflate *codec )
{
    return codec->params.present && (!codec->params.client_bits || codec->params.client_bits >= BITS_MIN);
}

static int deflate_begin( struct ws_deflate *codec )
{
    unsigned int bits = codec->params.client_bits ? codec->params.client_bits : BITS_MAX;

    codec->out.zalloc = stream_alloc;
    codec->out.zfree = stream_free;
    if (deflateInit2( &codec->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -(int)bits, 8, Z_DEFAULT_STRATEGY )) return -1;
    codec->out_ready = 1;
    return 0;
}

/* The output so far but its last four bytes, which are held; what was held before is in front of it. */
static size_t hold_back( struct ws_deflate *codec, unsigned char *to, size_t len )
{
    codec->held_len = len < TAIL_LEN ? (unsigned int)len : TAIL_LEN;
    memcpy( codec->held, to + len - codec->held_len, codec->held_len );
    return len - codec->held_len;
}

ssize_t ws_deflate( struct ws_deflate *codec, const void *data, size_t *len, enum ws_deflate_mode mode, void *to, size_t size,
                    int *end )
{
    z_stream *stream = &codec->out;
    unsigned char *out = to;
    size_t given = *len, stored;

    *end = 0;
    if (!codec->out_ready && deflate_begin( codec )) return -1;
    memcpy( out, codec->held, codec->held_len );
    stream->next_in = (unsigned char *)data;
    stream->avail_in = (uInt)given;
    stream->next_out = out + codec->held_len;
    stream->avail_out = (uInt)(size - codec->held_len);
    deflate( stream, mode == WS_DEFLATE_ON ? Z_NO_FLUSH : Z_SYNC_FLUSH );    /* it cannot fail, only have nothing to do */
    *len = given - stream->avail_in;
    stored = stream->next_out - out;
    if (mode == WS_DEFLATE_ON || stream->avail_in || !stream->avail_out) return hold_back( codec, out, stored );

    *end = 1;
    codec->held_len = 0;
    if (mode == WS_DEFLATE_FLUSH) return stored;
    if (codec->params.client_no_context) deflateReset( stream );
    if (stored >= TAIL_LEN && !memcmp( out + stored - TAIL_LEN, tail, TAIL_LEN )) stored -= TAIL_LEN;
    if (stored) return stored;
    out[0] = 0;     /* nothing was there to flush: an empty block, without its tail */
    return 1;
}

void ws_deflate_free( struct ws_deflate *codec )
{
    if (codec->in_ready) inflateEnd( &codec->in );
    if (codec->out_ready) deflateEnd( &codec->out );
    codec->in_ready = codec->out_ready = 0;
}
