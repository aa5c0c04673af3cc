#if 0
#pragma makedep unix
#endif

/*
 * Content codings: gzip and deflate, with zlib
 *
 * A gzip body may consist of several members; zlib checks the sum and the length of each, and the sum of a member's head.
 * "deflate" is by its definition a zlib stream (RFC 1950), yet some servers send the bare deflate stream (RFC 1951). The
 * first two bytes tell: a bare stream that begins like a zlib stream would begin with a stored block whose padding is not
 * zero, which no encoder writes, and pass a check sum of five bits by chance.
 */

#include <zlib.h>

#include "decode.h"
#include "hooks.h"

#define WINDOW_BITS  15              /* 32 KiB, the largest that either format has */
#define WINDOW_GZIP  (16 + WINDOW_BITS)
#define PIECE_MAX    (1u << 30)      /* zlib counts in 32 bits */

struct zlib_state
{
    z_stream      stream;
    int           begun;
    unsigned char head[2];           /* deflate: the bytes that tell what it is */
    unsigned int  head_len, head_used;
};

static void *zlib_alloc( void *opaque, unsigned int items, unsigned int size )
{
    (void)opaque;
    return wh_malloc( (size_t)items * size );    /* some structures of a few KiB, and the window */
}

static void zlib_free( void *opaque, void *ptr )
{
    (void)opaque;
    wh_free( ptr );
}

static int state_begin( struct decode_layer *layer )
{
    struct zlib_state *state;

    if (!(state = wh_calloc( 1, sizeof(*state) ))) return -1;
    state->stream.zalloc = zlib_alloc;
    state->stream.zfree  = zlib_free;
    layer->state = state;
    return 0;
}

static void state_end( struct decode_layer *layer )
{
    struct zlib_state *state = layer->state;

    if (state->begun) inflateEnd( &state->stream );
    wh_free( state );
    layer->state = NULL;
}

/* One call of zlib; the stream's fields say what was done. */
static enum decode_result inflate_piece( struct decode_layer *layer, const void *in, size_t len, size_t *used,
                                         char *out, size_t size, size_t *stored )
{
    z_stream *stream = &((struct zlib_state *)layer->state)->stream;
    unsigned int in_len = len < PIECE_MAX ? (unsigned int)len : PIECE_MAX;
    unsigned int out_len = size < PIECE_MAX ? (unsigned int)size : PIECE_MAX;
    int ret;

    stream->next_in   = (unsigned char *)in;    /* zlib does not write there; its field is const only by a macro */
    stream->avail_in  = in_len;
    stream->next_out  = (unsigned char *)out;
    stream->avail_out = out_len;
    ret = inflate( stream, Z_NO_FLUSH );
    *used   += in_len - stream->avail_in;
    *stored += out_len - stream->avail_out;
    switch (ret)
    {
    case Z_STREAM_END: layer->ended = 1; return DECODE_OK;
    case Z_OK:
    case Z_BUF_ERROR:  return DECODE_OK;        /* it wants more input, or room */
    case Z_MEM_ERROR:  return DECODE_NO_MEMORY;
    default:           return DECODE_BAD;       /* also Z_NEED_DICT: nobody has agreed on a dictionary */
    }
}

static enum decode_result gzip_run( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                                    char *out, size_t size, size_t *stored )
{
    struct zlib_state *state = layer->state;
    enum decode_result result;

    if (!state->begun && inflateInit2( &state->stream, WINDOW_GZIP )) return DECODE_NO_MEMORY;
    state->begun = 1;
    do
    {
        if (layer->ended)
        {
            if (*used == len) return DECODE_OK;
            inflateReset( &state->stream );     /* the next member; whatever is none is an error there */
            layer->ended = 0;
        }
        result = inflate_piece( layer, in + *used, len - *used, used, out + *stored, size - *stored, stored );
    } while (!result && layer->ended);
    return result;
}

static int is_zlib_head( const unsigned char *head )
{
    return (head[0] & 0x0f) == Z_DEFLATED && head[0] >> 4 <= WINDOW_BITS - 8 && !((head[0] << 8 | head[1]) % 31);
}

static enum decode_result deflate_run( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                                       char *out, size_t size, size_t *stored )
{
    struct zlib_state *state = layer->state;
    enum decode_result result;
    size_t head_used;

    while (!state->begun && state->head_len < sizeof(state->head))
    {
        if (*used == len) return DECODE_OK;
        state->head[state->head_len++] = in[(*used)++];
    }
    if (!state->begun && inflateInit2( &state->stream, is_zlib_head( state->head ) ? WINDOW_BITS : -WINDOW_BITS ))
        return DECODE_NO_MEMORY;
    state->begun = 1;
    while (state->head_used < state->head_len)
    {
        if (layer->ended) return DECODE_BAD;
        head_used = 0;
        result = inflate_piece( layer, state->head + state->head_used, state->head_len - state->head_used, &head_used,
                                out + *stored, size - *stored, stored );
        if (result) return result;
        if (!head_used) return DECODE_OK;       /* no room */
        state->head_used += head_used;
    }
    if (layer->ended) return *used < len ? DECODE_BAD : DECODE_OK;
    result = inflate_piece( layer, in + *used, len - *used, used, out + *stored, size - *stored, stored );
    if (!result && layer->ended && *used < len) return DECODE_BAD;
    return result;
}

const struct coder coder_gzip    = { state_begin, gzip_run, state_end };
const struct coder coder_deflate = { state_begin, deflate_run, state_end };
