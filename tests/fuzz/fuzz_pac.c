/*
 * Fuzz target: what proxy scripts give to their helper functions, and URLs on their way to a script
 *
 * The input is ISO 8859-1; line feeds divide it into up to three texts. 0xFF takes the next two bytes as one WCHAR.
 */

#define TEST_FATAL
#include "check_pac.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    WCHAR text[2048], *texts[3] = { text, NULL, NULL };
    size_t i, cch = 0;
    unsigned int count = 1;

    for (i = 0; i < size && cch < ARRAYSIZE( text ) - 1; i++)
    {
        if (data[i] == 0xff && size - i >= 3)
        {
            text[cch++] = data[i + 1] << 8 | data[i + 2];
            i += 2;
        }
        else if (data[i] == '\n' && count < 3)
        {
            text[cch++] = 0;
            texts[count++] = text + cch;
        }
        else text[cch++] = data[i];
    }
    text[cch] = 0;
    for (; count < 3; count++) texts[count] = text + cch;
    check_pac( texts[0], texts[1], texts[2] );
    check_pac_match( texts[1], texts[2] );
    return 0;
}
