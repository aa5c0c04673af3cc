/*
 * Checks that must hold for any bytes given to the chunk decoder; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_CHUNK_H
#define WINHTTP_CHECK_CHUNK_H

#include "test.h"
#include "unix/chunk.h"

struct decoded
{
    enum chunk_result result;    /* CHUNK_MORE: the input ended first */
    size_t used, body_len, trailer_len;
    char  *body, *trailer;       /* given by the caller, as large as the input */
};

/* Feeds one piece; the result tells whether another may follow. */
static inline int decode_piece( struct chunk *chunk, struct decoded *out, const char *in, size_t len )
{
    const char *data;
    size_t used, data_len, trailer;
    unsigned int before;

    do
    {
        before = chunk->trailer_len;
        out->result = chunk_feed( chunk, in, len, &used, &data, &data_len );
        expect( used <= len );
        expect( (out->result == CHUNK_DATA) == (data_len != 0) );
        if (data_len)
        {
            expect( data >= in && data + data_len == in + used );
            memcpy( out->body + out->body_len, data, data_len );
            out->body_len += data_len;
        }
        trailer = chunk->trailer_len - before;
        if (out->result != CHUNK_BAD)
        {
            expect( trailer <= used );
            memcpy( out->trailer + out->trailer_len, in + used - trailer, trailer );
            out->trailer_len += trailer;
        }
        out->used += used;
        in += used;
        len -= used;
    } while (out->result == CHUNK_DATA);
    if (out->result == CHUNK_MORE) expect( !len );
    return out->result == CHUNK_MORE;
}

/* Decodes in pieces of `piece` bytes after a first one of `first`. */
static inline void decode( struct decoded *out, const char *in, size_t len, size_t first, size_t piece )
{
    struct chunk chunk = CHUNK_INIT;
    const char *data;
    size_t used, data_len, at = first < len ? first : len;

    out->used = out->body_len = out->trailer_len = 0;
    if (decode_piece( &chunk, out, in, at ))
    {
        for (; at < len; at += piece)
            if (!decode_piece( &chunk, out, in + at, piece < len - at ? piece : len - at )) break;
    }
    if (out->result == CHUNK_MORE) return;
    expect( chunk_feed( &chunk, "0\r\n\r\n", 5, &used, &data, &data_len ) == out->result && !used );   /* sticky */
    expect( !chunk_data_left( &chunk ) );
}

static inline void expect_same( const struct decoded *a, const struct decoded *b )
{
    expect( a->result == b->result );
    expect( a->used == b->used );
    expect( a->body_len == b->body_len && !memcmp( a->body, b->body, a->body_len ) );
    if (a->result != CHUNK_BAD)
        expect( a->trailer_len == b->trailer_len && !memcmp( a->trailer, b->trailer, a->trailer_len ) );
}

static inline void check_chunk( const char *text, size_t len )
{
    const char *data = guard_copy( text, len );
    char *space = malloc( 4 * len + 1 );
    struct decoded whole = { .body = space, .trailer = space + len };
    struct decoded other = { .body = space + 2 * len, .trailer = space + 3 * len };
    size_t split;

    decode( &whole, data, len, len, 1 );
    decode( &other, data, len, 0, 1 );
    expect_same( &whole, &other );
    for (split = 1; split < len && split < 300; split++)
    {
        decode( &other, data, len, split, len );
        expect_same( &whole, &other );
    }
    free( space );
}

#endif
