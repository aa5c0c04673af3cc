#if 0
#pragma makedep unix
#endif

/*
 * Content codings: the table, and what is common to all of them
 *
 * Two layers have a small piece of memory between them. The inner one is emptied before the outer one makes more, so that
 * nothing is made that nobody takes.
 */

#include <strings.h>

#include "../unixlib.h"
#include "decode.h"
#include "hooks.h"

#define MIDDLE_SIZE 16384

static const struct row
{
    const char         *name;
    uint32_t            flag;        /* WHX_DECODE_*: what allows it */
    const struct coder *coder;
}
rows[] =
{
    { "gzip",     WHX_DECODE_GZIP,    &coder_gzip },
    { "x-gzip",   WHX_DECODE_GZIP,    &coder_gzip },      /* RFC 9110 8.4.1.3 */
    { "deflate",  WHX_DECODE_DEFLATE, &coder_deflate },
#ifdef HAVE_BROTLI
    { "br",       WHX_DECODE_MORE,    &coder_brotli },
#endif
#ifdef HAVE_ZSTD
    { "zstd",     WHX_DECODE_MORE,    &coder_zstd },
#endif
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void codings_add( struct codings *codings, const char *item, size_t len )
{
    static const char identity[] = "identity";
    unsigned int i;

    if (!len || (len == sizeof(identity) - 1 && !strncasecmp( item, identity, len ))) return;
    for (i = 0; i < ROW_COUNT && codings->count < DECODE_LAYERS; i++)
    {
        if (strlen( rows[i].name ) != len || strncasecmp( item, rows[i].name, len )) continue;
        codings->rows[codings->count++] = i;
        return;
    }
    codings->other = 1;
}

int codings_wanted( const struct codings *codings, uint32_t flags )
{
    unsigned int i;

    if (codings->other || !codings->count) return 0;
    for (i = 0; i < codings->count; i++) if (!(rows[codings->rows[i]].flag & flags)) return 0;
    return 1;
}

struct decoder
{
    struct decode_layer layers[DECODE_LAYERS];    /* the first takes the bytes as they came: it was named last */
    unsigned int        count;
    enum decode_result  result;                   /* sticky */
    enum decode_result  outer;                    /* of the first of two layers; counts when `middle` is empty */
    size_t              middle_start, middle_end;
    char                middle[];                 /* with two layers */
};

struct decoder *decoder_create( const struct codings *codings )
{
    struct decoder *decoder;
    unsigned int i;

    if (!(decoder = wh_malloc( sizeof(*decoder) + (codings->count > 1 ? MIDDLE_SIZE : 0) ))) return NULL;
    memset( decoder, 0, sizeof(*decoder) );
    decoder->count = codings->count;
    for (i = 0; i < codings->count; i++)
        decoder->layers[i].coder = rows[codings->rows[codings->count - 1 - i]].coder;
    return decoder;
}

void decoder_free( struct decoder *decoder )
{
    unsigned int i;

    if (!decoder) return;
    for (i = 0; i < decoder->count; i++)
        if (decoder->layers[i].state) decoder->layers[i].coder->end( &decoder->layers[i] );
    wh_free( decoder );
}

/* No coder is called when nothing can come of it: the one of zstd counts such calls, and takes them for an error. */
static enum decode_result layer_run( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                                     char *out, size_t size, size_t *stored )
{
    enum decode_result result;
    char nothing;

    *used = *stored = 0;
    if (!len && !layer->full) return DECODE_OK;
    if (!size && layer->stuck) return DECODE_OK;
    if (!layer->state && layer->coder->begin( layer )) return DECODE_NO_MEMORY;
    result = layer->coder->run( layer, in, len, used, size ? out : &nothing, size, stored );
    layer->full = !layer->ended && *stored == size;
    layer->stuck = !size && !*used;
    if (!result && len && size && !*used && !*stored) return DECODE_BAD;    /* no coder does that; nobody shall wait for it */
    return result;
}

static enum decode_result two_layers_run( struct decoder *decoder, const char *in, size_t len, size_t *used,
                                          char *out, size_t size, size_t *stored, size_t *made )
{
    struct decode_layer *outer = &decoder->layers[0], *inner = &decoder->layers[1];
    enum decode_result result;
    size_t taken, given;

    for (;;)
    {
        result = layer_run( inner, decoder->middle + decoder->middle_start, decoder->middle_end - decoder->middle_start,
                            &taken, out + *stored, size - *stored, &given );
        decoder->middle_start += taken;
        *stored += given;
        *made += given;
        if (result) return result;
        if (decoder->middle_start < decoder->middle_end || inner->full) return DECODE_OK;    /* there is no more room */

        if (decoder->outer) return decoder->outer;
        if (*made >= DECODE_RUN) return DECODE_OK;
        decoder->outer = layer_run( outer, in + *used, len - *used, &taken, decoder->middle, MIDDLE_SIZE, &given );
        decoder->middle_start = 0;
        decoder->middle_end = given;
        *used += taken;
        *made += given;
        if (!taken && !given && !decoder->outer) return DECODE_OK;
    }
}

enum decode_result decoder_run( struct decoder *decoder, const char *in, size_t len, size_t *used,
                                char *out, size_t size, size_t *stored, size_t *made )
{
    *used = *stored = *made = 0;
    if (decoder->result) return decoder->result;
    if (size > DECODE_RUN) size = DECODE_RUN;
    if (decoder->count == 1)
    {
        decoder->result = layer_run( &decoder->layers[0], in, len, used, out, size, stored );
        *made = *stored;
    }
    else decoder->result = two_layers_run( decoder, in, len, used, out, size, stored, made );
    return decoder->result;
}

int decoder_pending( const struct decoder *decoder )
{
    return !decoder->result && (decoder->layers[0].full || decoder->layers[1].full || decoder->outer ||
                                decoder->middle_start < decoder->middle_end);
}

static int layer_complete( const struct decode_layer *layer )
{
    return !layer->state || layer->ended;
}

int decoder_complete( const struct decoder *decoder )
{
    return !decoder->result && !decoder_pending( decoder ) && layer_complete( &decoder->layers[0] ) &&
           layer_complete( &decoder->layers[1] );
}
