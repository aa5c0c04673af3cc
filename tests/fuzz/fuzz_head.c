/*
 * Fuzz target: response heads
 */

#define TEST_FATAL
#include "check_head.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    check_head( (const char *)data, size );
    return 0;
}
