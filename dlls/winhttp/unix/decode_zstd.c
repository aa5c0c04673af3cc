#if 0
#pragma makedep unix
#endif

/*
 * Content codings: zstd, with libzstd
 *
 * A body may consist of several frames. The library may have been built with the decoders of formats older than the RFC,
 * which it chooses by a frame's first bytes; so these are looked at here first.
 * Source: RFC 8878; the limit of the window is RFC 9659's.
 */

#ifdef HAVE_ZSTD

#include <zstd.h>
#include <zstd_errors.h>

#include "decode.h"
#include "hooks.h"

#define WINDOW_LOG_MAX 23            /* 8 MiB: no sender may use more in a content coding */
#define MAGIC_LEN      4

struct zstd_state
{
    ZSTD_DCtx   *context;
    unsigned int magic_len;          /* bytes of the present frame's magic number that were taken */
    int          is_skip;            /* it is that of a frame to be skipped */
};

static int zstd_begin( struct decode_layer *layer )
{
    struct zstd_state *state = wh_calloc( 1, sizeof(*state) );

    if (!state) return -1;
    if (!(state->context = ZSTD_createDCtx()))
    {
        wh_free( state );
        return -1;
    }
    ZSTD_DCtx_setParameter( state->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX );
    layer->state = state;
    return 0;
}

static void zstd_end( struct decode_layer *layer )
{
    struct zstd_state *state = layer->state;

    ZSTD_freeDCtx( state->context );
    wh_free( state );
    layer->state = NULL;
}

/* A frame, or one that is to be skipped: sixteen of these have numbers that differ in the lowest four bits. */
static int is_magic( struct zstd_state *state, const unsigned char *data, size_t len )
{
    static const unsigned char frame[MAGIC_LEN] = { 0x28, 0xb5, 0x2f, 0xfd }, skip[MAGIC_LEN] = { 0x50, 0x2a, 0x4d, 0x18 };
    unsigned int i;

    if (!state->magic_len && len) state->is_skip = (data[0] & 0xf0) == skip[0];
    for (i = state->magic_len; i < MAGIC_LEN && i - state->magic_len < len; i++)
    {
        if (!i && state->is_skip) continue;
        if (data[i - state->magic_len] != (state->is_skip ? skip : frame)[i]) return 0;
    }
    return 1;
}

static enum decode_result zstd_run( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                                    char *out, size_t size, size_t *stored )
{
    struct zstd_state *state = layer->state;
    ZSTD_inBuffer input = { in, len, 0 };
    ZSTD_outBuffer output = { out, size, 0 };
    size_t ret, before, taken;

    do
    {
        before = input.pos + output.pos;
        taken = input.pos;
        if (layer->ended && input.pos == len) break;
        if (!is_magic( state, (const unsigned char *)in + input.pos, len - input.pos )) return DECODE_BAD;
        ret = ZSTD_decompressStream( state->context, &output, &input );
        *used   = input.pos;
        *stored = output.pos;
        if (ZSTD_isError( ret ))
            return ZSTD_getErrorCode( ret ) == ZSTD_error_memory_allocation ? DECODE_NO_MEMORY : DECODE_BAD;
        layer->ended = !ret;
        taken = input.pos - taken;
        if (layer->ended) state->magic_len = 0;
        else state->magic_len = taken < MAGIC_LEN - state->magic_len ? state->magic_len + (unsigned int)taken : MAGIC_LEN;
    } while (input.pos < len && output.pos < size && input.pos + output.pos != before);
    return DECODE_OK;
}

const struct coder coder_zstd = { zstd_begin, zstd_run, zstd_end };

#endif /* HAVE_ZSTD */
