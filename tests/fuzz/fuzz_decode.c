/*
 * Fuzz target: the decoders of content codings
 *
 * The first byte chooses the codings.
 */

#define TEST_FATAL
#include "check_decode.h"

#define LOOK_AT 65536        /* of a document: bombs are another test's */

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    static const char *const choices[] = { "gzip", "deflate", "br", "zstd", "gzip, gzip", "deflate, gzip", "gzip, br", "br, zstd" };
    struct codings codings;

    if (!size || size > GUARD_SIZE) return 0;
    codings = codings_of( choices[data[0] % (sizeof(choices) / sizeof(choices[0]))] );
    if (codings_wanted( &codings, ALL_CODINGS )) check_decode( &codings, (const char *)data + 1, size - 1, LOOK_AT );
    return 0;
}
