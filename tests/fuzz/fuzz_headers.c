/*
 * Fuzz target: parsing, adding and querying headers
 *
 * The first byte chooses code page and flags; 'H' begins a seed that is a plain head. The rest is a head as it came,
 * and the same text as headers to add.
 */

#define TEST_FATAL
#include "check_headers.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    static const DWORD flags[] =
    {
        WINHTTP_ADDREQ_FLAG_ADD, WINHTTP_ADDREQ_FLAG_REPLACE, WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE,
        WINHTTP_ADDREQ_FLAG_ADD_IF_NEW, WINHTTP_ADDREQ_FLAG_COALESCE_WITH_COMMA,
        WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON, 0, WINHTTP_ADDREQ_FLAG_REPLACE | 1,
    };
    WCHAR text[4096];
    size_t i;

    if (!size) return 0;
    shim_acp = data[0] & 0x10 ? CP_UTF8 : 1252;
    check_parse_headers( (const char *)data + (data[0] != 'H'), size - (data[0] != 'H') );
    for (i = 0; i < size - 1 && i < ARRAYSIZE( text ); i++) text[i] = data[i + 1];
    check_add( text, i, flags[data[0] & 7] );
    for (i = 0; i < ARRAYSIZE( text ) && 2 * i + 3 <= size; i++) memcpy( text + i, data + 1 + 2 * i, 2 );
    check_add( text, i, flags[data[0] & 7] );
    return 0;
}
