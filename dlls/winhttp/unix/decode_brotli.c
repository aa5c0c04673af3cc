#if 0
#pragma makedep unix
#endif

/*
 * Content codings: br, with brotli's decoder
 *
 * Only the windows of RFC 7932 are taken (16 MiB at most); the library has to be told of larger ones.
 */

#ifdef HAVE_BROTLI

#include <brotli/decode.h>

#include "decode.h"
#include "hooks.h"

static void *brotli_alloc( void *opaque, size_t size )
{
    (void)opaque;
    return wh_malloc( size );
}

static void brotli_free( void *opaque, void *ptr )
{
    (void)opaque;
    wh_free( ptr );
}

static int brotli_begin( struct decode_layer *layer )
{
    layer->state = BrotliDecoderCreateInstance( brotli_alloc, brotli_free, NULL );
    return layer->state ? 0 : -1;
}

static void brotli_end( struct decode_layer *layer )
{
    BrotliDecoderDestroyInstance( layer->state );
    layer->state = NULL;
}

/* The codes of failed allocations are a range. */
static int is_alloc_error( BrotliDecoderErrorCode code )
{
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static enum decode_result brotli_run( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                                      char *out, size_t size, size_t *stored )
{
    const uint8_t *next_in = (const uint8_t *)in;
    uint8_t *next_out = (uint8_t *)out;
    size_t in_left = len, out_left = size;
    BrotliDecoderResult result;

    if (layer->ended) return len ? DECODE_BAD : DECODE_OK;
    result = BrotliDecoderDecompressStream( layer->state, &in_left, &next_in, &out_left, &next_out, NULL );
    *used   = len - in_left;
    *stored = size - out_left;
    if (result == BROTLI_DECODER_RESULT_ERROR)
        return is_alloc_error( BrotliDecoderGetErrorCode( layer->state ) ) ? DECODE_NO_MEMORY : DECODE_BAD;
    layer->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    return layer->ended && in_left ? DECODE_BAD : DECODE_OK;
}

const struct coder coder_brotli = { brotli_begin, brotli_run, brotli_end };

#endif /* HAVE_BROTLI */
