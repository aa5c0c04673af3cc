/*
 * What must hold for any bytes that creds_open is given, used by test_creds.c and fuzz_creds.c
 */

#ifndef WINHTTP_UNIT_CHECK_CREDS_H
#define WINHTTP_UNIT_CHECK_CREDS_H

#include "test.h"
#include "unix/creds.h"
#include "unix/creds_key.h"

/* A key is read, or it is not, the same each time, and what is read can sign. Returns the error. */
static inline enum wh_error check_key( uint32_t format, const void *data, size_t len )
{
    static const gnutls_datum_t message = { (unsigned char *)"message", 7 };
    const void *copy = guard_copy( data, len );
    gnutls_privkey_t key = NULL;
    gnutls_datum_t signature;
    enum wh_error error;
    int ret;

    error = creds_key_read( format, copy, len, &key );
    expect( !error == !!key );
    if (format < WH_KEY_RSA_BCRYPT || format > WH_KEY_PKCS8) expect( error == WHE_INVALID );
    else expect( !error || error == WHE_CERT_KEY );
    if (key)
    {
        ret = gnutls_privkey_sign_data( key, GNUTLS_DIG_SHA256, 0, &message, &signature );
        if (ret >= 0) gnutls_free( signature.data );
        gnutls_privkey_deinit( key );
    }
    return error;
}

/* Returns the error; an id that came is closed again. */
static inline enum wh_error check_creds( uint32_t format, const void *chain, uint32_t chain_len, const void *key,
                                         uint32_t key_len )
{
    struct wh_creds_open_params params = { .chain = wh_from_ptr( guard_copy( chain, chain_len ) ), .key = wh_from_ptr( key ) };
    struct wh_creds_close_params gone;

    params.chain_len = chain_len;
    params.key_len = key_len;
    params.format = format;
    expect( creds_open( &params ) == WH_DONE );
    expect( !params.error == !!params.creds );
    gone.creds = params.creds;
    expect( creds_close( &gone ) == (params.error ? WH_REFUSED : WH_DONE) );
    expect( creds_close( &gone ) == WH_REFUSED );
    return params.error;
}

#endif /* WINHTTP_UNIT_CHECK_CREDS_H */
