/*
 * Fuzz target: HTTP/2 heads, both ways
 *
 * The first byte chooses: a request's text becomes fields, or the rest, in pieces, becomes the fields of a response.
 */

#define TEST_FATAL
#include <stdlib.h>

#include "check_h2_head.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

static void request( const char *text, size_t len, int websocket )
{
    size_t room = h2_request_room( text, len ), count, i, j;
    nghttp2_nv *fields = malloc( room * sizeof(*fields) );
    char *names = malloc( len + 1 );

    count = h2_request_fields( text, len, "https", websocket, fields, names );
    expect( count <= room );
    for (i = 0; i < count; i++)
        for (j = 0; j < fields[i].valuelen; j++)
            expect( fields[i].value[j] && fields[i].value[j] != '\r' && fields[i].value[j] != '\n' );
    free( fields );
    free( names );
}

/* Names end at '=', values at '|'. */
static void response( const char *text, size_t len, int choice )
{
    const char *end = text + len, *stop, *equals;
    enum h2_block_result result = H2_BLOCK_OK;
    struct h2_block block;

    h2_block_begin( &block, choice & 2, choice & 4, choice & 8 ? 64 : 65536 );
    if (choice & 16) block.accept = "accepted";
    for (; text < end && !result; text = stop + 1)
    {
        if (!(stop = memchr( text, '|', end - text ))) stop = end;
        if (!(equals = memchr( text, '=', stop - text ))) equals = stop;
        result = h2_block_field( &block, text, equals - text, equals < stop ? equals + 1 : stop,
                                 equals < stop ? stop - equals - 1 : 0 );
    }
    if (!result) result = h2_block_end( &block );
    if (!result) check_block( &block );
    expect( block.len <= block.limit );
    h2_block_free( &block );
}

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    if (!size) return 0;
    if (data[0] & 1) request( (const char *)data + 1, size - 1, data[0] & 2 );
    else response( (const char *)data + 1, size - 1, data[0] );
    return 0;
}
