#if 0
#pragma makedep unix
#endif

/*
 * Hashes for Digest authentication
 */

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>

#include "hash.h"
#include "sha512_256.h"

uint32_t hash_call( struct wh_hash_params *params )
{
    static const gnutls_digest_algorithm_t algorithms[] = { [WH_HASH_MD5] = GNUTLS_DIG_MD5, [WH_HASH_SHA256] = GNUTLS_DIG_SHA256 };
    int result;

    if (params->what > WH_HASH_SHA512_256 || !params->result || (params->len && !params->data)) return WH_REFUSED;
    if (params->what == WH_HASH_SHA512_256)
    {
        sha512_256( wh_to_ptr( params->data ), params->len, wh_to_ptr( params->result ) );
        params->error = WHE_OK;
        return WH_DONE;
    }
    result = gnutls_hash_fast( algorithms[params->what], wh_to_ptr( params->data ), params->len, wh_to_ptr( params->result ) );
    params->error = !result ? WHE_OK : result == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_UNSUPPORTED;
    return WH_DONE;
}
