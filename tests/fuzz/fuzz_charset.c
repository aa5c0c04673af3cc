/*
 * Fuzz target: the charset of a Content-Type
 *
 * The input is ISO 8859-1, up to a NUL.
 */

#define TEST_FATAL
#include "check_charset.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    WCHAR text[512];
    size_t i;

    for (i = 0; i < size && i < ARRAYSIZE( text ) - 1 && data[i]; i++) text[i] = data[i];
    text[i] = 0;
    check_charset( guard_copy( text, (i + 1) * sizeof(WCHAR) ) );
    return 0;
}
