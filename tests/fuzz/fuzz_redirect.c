/*
 * Fuzz target: Location
 *
 * The first line of the input is the current URL, the rest a Location. The first byte of all may be 'U': the code page
 * is UTF-8 then, and the rest is widened through it; otherwise the input is ISO 8859-1.
 */

#define TEST_FATAL
#include "check_redirect.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    WCHAR text[4096];
    DWORD base_cch, cch;
    BOOL utf8 = size && data[0] == 'U';

    shim_acp = utf8 ? CP_UTF8 : 1252;
    if (size > ARRAYSIZE( text )) return 0;
    cch = header_text_widen( (const char *)data + utf8, size - utf8, text, ARRAYSIZE( text ) );
    if (cch > ARRAYSIZE( text )) return 0;
    for (base_cch = 0; base_cch < cch && text[base_cch] != '\n'; base_cch++) ;
    if (base_cch == cch) return 0;
    check_redirect( text, base_cch, text + base_cch + 1, cch - base_cch - 1 );
    return 0;
}
