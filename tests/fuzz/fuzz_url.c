/*
 * Fuzz target: URLs, request targets, server names
 *
 * The input is ISO 8859-1, so that seeds are plain text; 0xFF takes the next two bytes as one WCHAR.
 */

#define TEST_FATAL
#include "check_url.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    WCHAR text[2048];
    size_t i, cch = 0;

    for (i = 0; i < size && cch < ARRAYSIZE( text ); i++)
    {
        if (data[i] != 0xff || size - i < 3) text[cch++] = data[i];
        else
        {
            text[cch++] = data[i + 1] << 8 | data[i + 2];
            i += 2;
        }
    }
    check_url( text, cch );
    return 0;
}
