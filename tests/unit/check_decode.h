/*
 * Checks that must hold for any bytes given to a decoder of content codings; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_DECODE_H
#define WINHTTP_CHECK_DECODE_H

#include "test.h"
#include "unix/decode.h"
#include "unixlib.h"

#define ALL_CODINGS (WHX_DECODE | WHX_DECODE_MORE)

struct decoded
{
    enum decode_result result;
    int    complete;
    size_t used, len, size;      /* what does not fit into `data` is cut off: the caller chooses size */
    char  *data;                 /* given by the caller */
};

/* "gzip, deflate" and the like; an item that this build does not know counts as other. */
static inline struct codings codings_of( const char *text )
{
    struct codings codings = { 0, 0, { 0 } };
    const char *end;

    for (;; text = end + 1)
    {
        while (*text == ' ') text++;
        for (end = text; *end && *end != ','; end++) ;
        codings_add( &codings, text, end - text );
        if (!*end) return codings;
    }
}

/* Feeds one piece with rooms of `room` bytes at a time, until nothing more can be done. Returns 0 when it is over. */
static inline int decode_piece( struct decoder *decoder, struct decoded *out, const char *in, size_t len, size_t room )
{
    size_t used, stored, made;

    for (;;)
    {
        size_t size = room < out->size - out->len ? room : out->size - out->len;
        char *place = size <= 4096 ? malloc( size ) : out->data + out->len;    /* its end is guarded where that is checked */

        out->result = decoder_run( decoder, in, len, &used, place, size, &stored, &made );
        expect( used <= len && stored <= size && made >= stored );
        expect( !(out->result && decoder_pending( decoder )) );
        if (size <= 4096)
        {
            if (stored) memcpy( out->data + out->len, place, stored );
            free( place );
        }
        out->len += stored;
        out->used += used;
        in += used;
        len -= used;
        if (out->result) return 0;
        if (out->len == out->size) return 0;                         /* enough was seen */
        if (!len && !decoder_pending( decoder )) return 1;
        expect( used || stored || made );                            /* it moves */
    }
}

/* Decodes in pieces of `piece` bytes into rooms of `room` bytes. */
static inline void decode( const struct codings *codings, struct decoded *out, const char *in, size_t len, size_t piece,
                           size_t room )
{
    struct decoder *decoder = decoder_create( codings );
    size_t at, used, stored, made;
    char byte;

    out->used = out->len = 0;
    out->result = DECODE_OK;
    expect( decoder_complete( decoder ) && !decoder_pending( decoder ) );    /* an empty body is one */
    for (at = 0; at < len; at += piece)
        if (!decode_piece( decoder, out, in + at, piece < len - at ? piece : len - at, room )) break;
    out->complete = decoder_complete( decoder );
    if (out->result)
    {
        expect( decoder_run( decoder, in, len, &used, &byte, 1, &stored, &made ) == out->result );   /* sticky */
        expect( !used && !stored && !out->complete );
    }
    decoder_free( decoder );
}

/* Whatever the pieces and rooms: the same document. Where it is corrupt some of it may have been delivered or not. */
static inline void expect_same( const struct decoded *a, const struct decoded *b )
{
    expect( a->result == b->result && a->complete == b->complete );
    if (!a->result && a->len < a->size && b->len < b->size) expect( a->used == b->used && a->len == b->len );
    expect( !memcmp( a->data, b->data, a->len < b->len ? a->len : b->len ) );
}

/* `size`: so much of the document is looked at. */
static inline void check_decode( const struct codings *codings, const char *text, size_t len, size_t size )
{
    static const struct { size_t piece, room; } ways[] = { { 1, 65536 }, { 65536, 1 }, { 1, 1 }, { 7, 3 }, { 3, 100 } };
    const char *data = guard_copy( text, len );
    char *space = malloc( 2 * size + 1 );
    struct decoded whole = { .data = space, .size = size }, other = { .data = space + size, .size = size };
    size_t i;

    decode( codings, &whole, data, len, len ? len : 1, size );
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
    {
        decode( codings, &other, data, len, ways[i].piece, ways[i].room );
        if (whole.len < size && other.len < size) expect_same( &whole, &other );
        else expect( !memcmp( whole.data, other.data, whole.len < other.len ? whole.len : other.len ) );
    }
    free( space );
}

#endif
