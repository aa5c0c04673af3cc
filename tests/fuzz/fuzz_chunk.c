/*
 * Fuzz target: the chunk decoder
 */

#define TEST_FATAL
#include "check_chunk.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    check_chunk( (const char *)data, size );
    return 0;
}
