/*
 * Fuzz target: WWW-Authenticate, Proxy-Authenticate, Authentication-Info, and the base64 in them
 */

#define TEST_FATAL
#include "check_auth.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    BYTE *bytes;
    char *text;
    DWORD len;

    if (size > 65536) return 0;
    check_auth( (const char *)data, size );
    if ((bytes = auth_base64_decode( guard_copy( data, size ), size, &len )))
    {
        expect( (text = auth_base64_encode( "", bytes, len )) != NULL );
        free( text );
    }
    free( bytes );
    return 0;
}
