/*
 * Fuzz target: private keys and chains of client certificates
 *
 * The first byte is the format; with its highest bit set, what follows is the chain, too.
 */

#define TEST_FATAL
#include "check_creds.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    if (!size || size > 16384) return 0;
    if (data[0] & 0x80) check_creds( data[0] & 0x7f, data + 1, size - 1, data + 1, size - 1 );
    else check_key( data[0], data + 1, size - 1 );
    return 0;
}
