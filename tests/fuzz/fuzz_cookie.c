/*
 * Fuzz target: Set-Cookie
 *
 * Each line of the input is the value of one field, into one store; a line that begins with '!' came over TLS. ISO 8859-1,
 * so that seeds are plain text.
 */

#define TEST_FATAL
#include "check_cookie.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    struct cookies cookies;
    WCHAR text[2048];
    size_t i, cch = 0;
    BOOL secure = FALSE;

    cookies_init( &cookies );
    for (i = 0; i < size; i++)
    {
        if (data[i] == '\n')
        {
            check_set_cookie( &cookies, text, cch, secure );
            secure = FALSE;
            cch = 0;
        }
        else if (data[i] == '!' && !cch) secure = TRUE;
        else if (cch < ARRAYSIZE( text )) text[cch++] = data[i];
    }
    check_set_cookie( &cookies, text, cch, secure );
    cookies_clear( &cookies );
    return 0;
}
