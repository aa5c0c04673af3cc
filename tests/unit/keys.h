/*
 * Private keys of the tests' certificates in the forms in which Windows hands them out
 */

#ifndef WINHTTP_UNIT_KEYS_H
#define WINHTTP_UNIT_KEYS_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "certs.h"
#include "test.h"
#include "unix/creds.h"
#include "unixlib.h"

struct blob
{
    uint8_t  data[16384];
    uint32_t len;
};

static inline void blob_u32( struct blob *blob, uint32_t value )
{
    memcpy( blob->data + blob->len, &value, sizeof(value) );
    blob->len += sizeof(value);
}

/* A number of `len` bytes, with the zeros in front that it needs; `turned`: little-endian. */
static inline void blob_number( struct blob *blob, const gnutls_datum_t *number, uint32_t len, int turned )
{
    uint8_t *out = blob->data + blob->len;
    uint32_t i, size = number->size, from = 0;

    while (size > len && !number->data[from]) from++, size--;
    expect( size <= len );
    memset( out, 0, len );
    for (i = 0; i < size; i++) out[turned ? size - 1 - i : len - size + i] = number->data[from + i];
    blob->len += len;
}

static inline gnutls_x509_privkey_t load_key( const char *name )
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t pem = { 0 };
    char path[512];

    snprintf( path, sizeof(path), "%s/%s.key", certs, name );
    gnutls_x509_privkey_init( &key );
    expect( !gnutls_load_file( path, &pem ) );
    expect( !gnutls_x509_privkey_import2( key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0 ) );
    gnutls_free( pem.data );
    return key;
}

/* The certificates of a file, as unixlib.h has them. */
static inline void load_chain( const char *file, struct blob *blob )
{
    gnutls_datum_t pem = { 0 }, der;
    gnutls_x509_crt_t *list;
    unsigned int count, i;
    char path[512];

    snprintf( path, sizeof(path), "%s/%s", certs, file );
    expect( !gnutls_load_file( path, &pem ) );
    expect( gnutls_x509_crt_list_import2( &list, &count, &pem, GNUTLS_X509_FMT_PEM, 0 ) >= 0 );
    blob->len = 0;
    for (i = 0; i < count; i++)
    {
        gnutls_x509_crt_export2( list[i], GNUTLS_X509_FMT_DER, &der );
        blob_u32( blob, der.size );
        memcpy( blob->data + blob->len, der.data, der.size );
        blob->len += der.size;
        gnutls_free( der.data );
        gnutls_x509_crt_deinit( list[i] );
    }
    gnutls_free( list );
    gnutls_free( pem.data );
}

#define RSA_PRIVATE      0x32415352
#define RSA_FULL_PRIVATE 0x33415352

static inline void make_rsa_bcrypt( gnutls_x509_privkey_t key, uint32_t magic, struct blob *blob )
{
    gnutls_datum_t m, e, d, p, q, u, e1, e2;
    uint32_t len, half;

    expect( !gnutls_x509_privkey_export_rsa_raw2( key, &m, &e, &d, &p, &q, &u, &e1, &e2 ) );
    len = m.size - !m.data[0];
    half = len / 2;
    blob->len = 0;
    blob_u32( blob, magic );
    blob_u32( blob, len * 8 );
    blob_u32( blob, 3 );
    blob_u32( blob, len );
    blob_u32( blob, half );
    blob_u32( blob, half );
    blob_number( blob, &e, 3, 0 );
    blob_number( blob, &m, len, 0 );
    blob_number( blob, &p, half, 0 );
    blob_number( blob, &q, half, 0 );
    if (magic == RSA_FULL_PRIVATE)
    {
        blob_number( blob, &e1, half, 0 );
        blob_number( blob, &e2, half, 0 );
        blob_number( blob, &u, half, 0 );
        blob_number( blob, &d, len, 0 );
    }
    gnutls_free( m.data ), gnutls_free( e.data ), gnutls_free( d.data ), gnutls_free( p.data );
    gnutls_free( q.data ), gnutls_free( u.data ), gnutls_free( e1.data ), gnutls_free( e2.data );
}

static inline void make_rsa_capi( gnutls_x509_privkey_t key, uint32_t alg, struct blob *blob )
{
    gnutls_datum_t m, e, d, p, q, u, e1, e2;
    uint32_t len, half;

    expect( !gnutls_x509_privkey_export_rsa_raw2( key, &m, &e, &d, &p, &q, &u, &e1, &e2 ) );
    len = m.size - !m.data[0];
    half = len / 2;
    blob->len = 0;
    blob_u32( blob, 0x00000207 );        /* PRIVATEKEYBLOB, CUR_BLOB_VERSION */
    blob_u32( blob, alg );
    blob_u32( blob, RSA_PRIVATE );
    blob_u32( blob, len * 8 );
    blob_number( blob, &e, 4, 1 );
    blob_number( blob, &m, len, 1 );
    blob_number( blob, &p, half, 1 );
    blob_number( blob, &q, half, 1 );
    blob_number( blob, &e1, half, 1 );
    blob_number( blob, &e2, half, 1 );
    blob_number( blob, &u, half, 1 );
    blob_number( blob, &d, len, 1 );
    gnutls_free( m.data ), gnutls_free( e.data ), gnutls_free( d.data ), gnutls_free( p.data );
    gnutls_free( q.data ), gnutls_free( u.data ), gnutls_free( e1.data ), gnutls_free( e2.data );
}

static inline void make_ecc_bcrypt( gnutls_x509_privkey_t key, uint32_t magic, uint32_t len, struct blob *blob )
{
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x, y, k;

    expect( !gnutls_x509_privkey_export_ecc_raw( key, &curve, &x, &y, &k ) );
    blob->len = 0;
    blob_u32( blob, magic );
    blob_u32( blob, len );
    blob_number( blob, &x, len, 0 );
    blob_number( blob, &y, len, 0 );
    blob_number( blob, &k, len, 0 );
    gnutls_free( x.data ), gnutls_free( y.data ), gnutls_free( k.data );
}

static inline void make_pkcs8( gnutls_x509_privkey_t key, struct blob *blob )
{
    size_t size = sizeof(blob->data);

    expect( !gnutls_x509_privkey_export_pkcs8( key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, blob->data, &size ) );
    blob->len = size;
}

/* The credentials of one of the certificates, with a reference; their id is closed again. */
static inline struct creds *open_creds( const char *name, uint32_t format )
{
    struct wh_creds_open_params params = { 0 };
    struct wh_creds_close_params gone;
    gnutls_x509_privkey_t key = load_key( name );
    struct blob chain, blob;
    struct creds *creds;
    char file[64];

    snprintf( file, sizeof(file), "%s.pem", name );
    load_chain( file, &chain );
    if (format == WH_KEY_RSA_BCRYPT) make_rsa_bcrypt( key, RSA_FULL_PRIVATE, &blob );
    else make_pkcs8( key, &blob );
    gnutls_x509_privkey_deinit( key );
    params.chain = wh_from_ptr( chain.data );
    params.chain_len = chain.len;
    params.key = wh_from_ptr( blob.data );
    params.key_len = blob.len;
    params.format = format;
    expect( creds_open( &params ) == WH_DONE && !params.error );
    creds = creds_from_id( params.creds );
    gone.creds = params.creds;
    expect( creds_close( &gone ) == WH_DONE );
    return creds;
}

#endif /* WINHTTP_UNIT_KEYS_H */
