/*
 * Hashes for authentication, by the library that the transport has
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>

#include "auth_hash.h"
#include "transport.h"

BOOL auth_hash( enum digest_hash hash, const void *data, DWORD len, BYTE *result )
{
    static const uint32_t kinds[] =
    {
        [DIGEST_MD5]        = WH_HASH_MD5,
        [DIGEST_SHA256]     = WH_HASH_SHA256,
        [DIGEST_SHA512_256] = WH_HASH_SHA512_256,
    };
    struct wh_hash_params params = { .data = wh_from_ptr( data ), .result = wh_from_ptr( result ), .len = len,
                                     .what = kinds[hash] };

    return wh_hash( &params ) == WH_DONE && !params.error;
}

BOOL auth_has_hash( enum digest_hash hash )
{
    BYTE result[DIGEST_HASH_MAX];

    return auth_hash( hash, "", 0, result );
}
