/*
 * Fuzz target: lists of proxies, answers of scripts, bypass lists, variables of the environment, binary settings
 *
 * The whole input is a value of the registry; as ISO 8859-1, up to its first NUL, it is each of the texts, too.
 */

#define TEST_FATAL
#include "check_proxy.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    WCHAR text[2048];
    size_t i;

    check_proxy_blob( data, size );
    for (i = 0; i < size && i < ARRAYSIZE( text ) - 1; i++) text[i] = data[i];
    text[i] = 0;
    check_proxy_text( text );
    return 0;
}
