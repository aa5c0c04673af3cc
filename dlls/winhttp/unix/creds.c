#if 0
#pragma makedep unix
#endif

/*
 * Client certificates: a chain and its private key
 *
 * Opened by the PE side, named by routes, used by the handshakes of tls_handshake.c. Nothing in an object changes after
 * creds_open, so any number of handshakes may sign with it at the same time.
 */

#include <gnutls/crypto.h>

#include "creds.h"
#include "creds_key.h"
#include "hooks.h"
#include "object.h"

/* What a handshake message could carry (RFC 8446 section 4.4.2) is 16 MiB; no server takes that. */
#define MAX_CHAIN_LEN (256 << 10)
#define MAX_KEY_LEN   (64 << 10)

struct creds
{
    struct object    obj;
    uint8_t          print[CREDS_PRINT];
    gnutls_privkey_t key;
    unsigned int     count;
    gnutls_pcert_st  chain[CREDS_CHAIN];
};

static void creds_destroy( struct object *obj )
{
    struct creds *creds = (struct creds *)obj;

    while (creds->count) gnutls_pcert_deinit( &creds->chain[--creds->count] );
    if (creds->key) gnutls_privkey_deinit( creds->key );     /* which wipes it */
    wh_free( creds );
}

static enum wh_error read_chain( struct creds *creds, const uint8_t *data, size_t len )
{
    gnutls_datum_t der;
    uint32_t size;
    int ret;

    if (!len) return WHE_INVALID;
    if (gnutls_hash_fast( GNUTLS_DIG_SHA256, data, len, creds->print ) < 0) return WHE_INTERNAL;
    while (len)
    {
        if (len < sizeof(size) || creds->count == CREDS_CHAIN) return WHE_INVALID;
        memcpy( &size, data, sizeof(size) );
        data += sizeof(size);
        len -= sizeof(size);
        if (!size || size > len) return WHE_INVALID;
        der.data = (unsigned char *)data;
        der.size = size;
        ret = gnutls_pcert_import_x509_raw( &creds->chain[creds->count], &der, GNUTLS_X509_FMT_DER, 0 );
        if (ret < 0) return ret == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_INVALID;
        creds->count++;
        data += size;
        len -= size;
    }
    return WHE_OK;
}

/* Is it the key of the first certificate? Their ids are hashes of the public part. */
static enum wh_error check_key( const struct creds *creds )
{
    uint8_t mine[CREDS_PRINT], certs[CREDS_PRINT];
    size_t mine_len = sizeof(mine), certs_len = sizeof(certs);
    gnutls_pubkey_t pubkey;
    int ret;

    if ((ret = gnutls_pubkey_init( &pubkey )) < 0) return WHE_NO_MEMORY;
    if ((ret = gnutls_pubkey_import_privkey( pubkey, creds->key, 0, 0 )) >= 0)
        ret = gnutls_pubkey_get_key_id( pubkey, GNUTLS_KEYID_USE_SHA256, mine, &mine_len );
    gnutls_pubkey_deinit( pubkey );
    if (ret >= 0)
        ret = gnutls_pubkey_get_key_id( creds->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, certs, &certs_len );
    if (ret == GNUTLS_E_MEMORY_ERROR) return WHE_NO_MEMORY;
    return ret < 0 || mine_len != certs_len || memcmp( mine, certs, mine_len ) ? WHE_CERT_KEY : WHE_OK;
}

uint32_t creds_open( struct wh_creds_open_params *params )
{
    struct creds *creds;
    enum wh_error error;

    params->creds = 0;
    if (!params->chain || !params->key || params->chain_len > MAX_CHAIN_LEN || params->key_len > MAX_KEY_LEN)
    {
        params->error = WHE_INVALID;
        return WH_DONE;
    }
    params->error = WHE_NO_MEMORY;
    if (!(creds = wh_calloc( 1, sizeof(*creds) ))) return WH_DONE;
    object_init( &creds->obj, OBJECT_CREDS, creds_destroy );
    if (!(error = read_chain( creds, wh_to_ptr( params->chain ), params->chain_len ))
        && !(error = creds_key_read( params->format, wh_to_ptr( params->key ), params->key_len, &creds->key ))
        && !(error = check_key( creds )) && !(error = object_add( &creds->obj ))) params->creds = creds->obj.id;
    params->error = error;
    object_release( &creds->obj );
    return WH_DONE;
}

uint32_t creds_close( struct wh_creds_close_params *params )
{
    struct object *obj = object_from_id( params->creds, OBJECT_CREDS );

    if (!obj) return WH_REFUSED;
    object_remove( obj );
    object_release( obj );
    return WH_DONE;
}

struct creds *creds_from_id( wh_id id )
{
    return (struct creds *)object_from_id( id, OBJECT_CREDS );
}

struct creds *creds_ref( struct creds *creds )
{
    object_ref( &creds->obj );
    return creds;
}

void creds_release( struct creds *creds )
{
    object_release( &creds->obj );
}

const uint8_t *creds_print( const struct creds *creds )
{
    return creds->print;
}

void creds_lend( struct creds *creds, gnutls_pcert_st **chain, unsigned int *count, gnutls_privkey_t *key )
{
    *chain = creds->chain;
    *count = creds->count;
    *key = creds->key;
}

gnutls_pk_algorithm_t creds_algorithm( const struct creds *creds )
{
    return gnutls_privkey_get_pk_algorithm( creds->key, NULL );
}
