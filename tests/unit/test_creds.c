/*
 * Unit test of client certificates (unix/creds.c, unix/creds_key.c): forms of keys, chains, ids
 */

#include "check_creds.h"
#include "hooks.h"
#include "keys.h"
#include "unix/object.h"

struct key_case
{
    const char *name;        /* for what goes wrong */
    uint32_t    format;
    struct blob blob;
};

#define ECDSA_P256 0x32534345
#define ECDH_P256  0x324b4345
#define CALG_SIGN  0x2400
#define CALG_KEYX  0xa400

/* The key of rsa.pem in each form, then that of client.pem, P-256. */
#define RSA_CASES 5
static struct key_case cases[] =
{
    { "RSAPRIVATE",     WH_KEY_RSA_BCRYPT, { { 0 }, 0 } },
    { "RSAFULLPRIVATE", WH_KEY_RSA_BCRYPT, { { 0 }, 0 } },
    { "CAPI, signing",  WH_KEY_RSA_CAPI,   { { 0 }, 0 } },
    { "CAPI, exchange", WH_KEY_RSA_CAPI,   { { 0 }, 0 } },
    { "PKCS #8, RSA",   WH_KEY_PKCS8,      { { 0 }, 0 } },
    { "ECDSA",          WH_KEY_ECC_BCRYPT, { { 0 }, 0 } },
    { "ECDH",           WH_KEY_ECC_BCRYPT, { { 0 }, 0 } },
    { "PKCS #8, ECC",   WH_KEY_PKCS8,      { { 0 }, 0 } },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static struct blob rsa_chain, client_chain;

static void make_cases(void)
{
    gnutls_x509_privkey_t rsa = load_key( "rsa" ), client = load_key( "client" );

    make_rsa_bcrypt( rsa, RSA_PRIVATE, &cases[0].blob );
    make_rsa_bcrypt( rsa, RSA_FULL_PRIVATE, &cases[1].blob );
    make_rsa_capi( rsa, CALG_SIGN, &cases[2].blob );
    make_rsa_capi( rsa, CALG_KEYX, &cases[3].blob );
    make_pkcs8( rsa, &cases[4].blob );
    make_ecc_bcrypt( client, ECDSA_P256, 32, &cases[5].blob );
    make_ecc_bcrypt( client, ECDH_P256, 32, &cases[6].blob );
    make_pkcs8( client, &cases[7].blob );
    gnutls_x509_privkey_deinit( rsa );
    gnutls_x509_privkey_deinit( client );
    load_chain( "rsa.pem", &rsa_chain );
    load_chain( "client.pem", &client_chain );
}

static const struct blob *chain_of( size_t i ) { return i < RSA_CASES ? &rsa_chain : &client_chain; }

static enum wh_error open_case( size_t i, const struct blob *chain )
{
    return check_creds( cases[i].format, chain->data, chain->len, cases[i].blob.data, cases[i].blob.len );
}

static void test_every_form_of_a_key_is_read_and_fits_its_certificate(void)
{
    size_t i;

    for (i = 0; i < CASES; i++)
    {
        if (!expect( !check_key( cases[i].format, cases[i].blob.data, cases[i].blob.len ) )
            || !expect( !open_case( i, chain_of( i ) ) )) fprintf( stderr, "%s\n", cases[i].name );
        expect( open_case( i, i < RSA_CASES ? &client_chain : &rsa_chain ) == WHE_CERT_KEY );
    }
}

static void test_larger_curves_are_read(void)
{
    static const struct { gnutls_ecc_curve_t curve; uint32_t magic, len; } curves[] =
    {
        { GNUTLS_ECC_CURVE_SECP384R1, 0x34534345, 48 },
        { GNUTLS_ECC_CURVE_SECP384R1, 0x344b4345, 48 },
        { GNUTLS_ECC_CURVE_SECP521R1, 0x36534345, 66 },
        { GNUTLS_ECC_CURVE_SECP521R1, 0x364b4345, 66 },
    };
    gnutls_x509_privkey_t key;
    struct blob blob;
    size_t i;

    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
    {
        gnutls_x509_privkey_init( &key );
        gnutls_x509_privkey_generate( key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS( curves[i].curve ), 0 );
        make_ecc_bcrypt( key, curves[i].magic, curves[i].len, &blob );
        expect( !check_key( WH_KEY_ECC_BCRYPT, blob.data, blob.len ) );
        gnutls_x509_privkey_deinit( key );
    }
}

/* Each form carries its length more than once: nothing may be missing, nothing may follow. */
static void test_key_of_any_other_length_is_no_key(void)
{
    struct blob blob;
    size_t i, len;

    for (i = 0; i < CASES; i++)
    {
        for (len = 0; len < cases[i].blob.len; len++)
            if (!expect( check_key( cases[i].format, cases[i].blob.data, len ) == WHE_CERT_KEY ))
                fprintf( stderr, "%s, %u bytes\n", cases[i].name, (unsigned int)len );
        if (cases[i].format == WH_KEY_PKCS8) continue;       /* GnuTLS reads the first element */
        blob = cases[i].blob;
        blob.data[blob.len++] = 0;
        expect( check_key( cases[i].format, blob.data, blob.len ) == WHE_CERT_KEY );
    }
}

/* A number that was changed belongs to no key, or to another one; in no case is it this certificate's. What is not read
 * (the parts of an RSA key that follow from others) makes no difference. */
static void test_changed_key_is_not_the_certificates(void)
{
    struct blob blob;
    size_t i, at;

    for (i = 0; i < CASES; i++)
    {
        if (cases[i].format == WH_KEY_PKCS8) continue;
        for (at = cases[i].format == WH_KEY_ECC_BCRYPT ? 8 : 24; at < cases[i].blob.len; at += 37)
        {
            enum wh_error error;

            blob = cases[i].blob;
            blob.data[at] ^= 0x10;
            check_key( cases[i].format, blob.data, blob.len );
            error = check_creds( cases[i].format, chain_of( i )->data, chain_of( i )->len, blob.data, blob.len );
            expect( error == WHE_CERT_KEY || (cases[i].format == WH_KEY_RSA_BCRYPT && at >= 24 + 3 + 512 && !error)
                    || (cases[i].format == WH_KEY_RSA_CAPI && at >= 20 + 512 && !error) );
        }
    }
}

static void test_public_and_weak_keys_are_no_keys(void)
{
    static const uint32_t zero_primes[] = { RSA_PRIVATE, 512, 1, 64, 1, 1 };
    struct blob blob = { { 0 }, 0 };
    uint32_t magic;

    blob = cases[0].blob;
    magic = 0x31415352;                  /* BCRYPT_RSAPUBLIC_MAGIC */
    memcpy( blob.data, &magic, 4 );
    expect( check_key( WH_KEY_RSA_BCRYPT, blob.data, blob.len ) == WHE_CERT_KEY );
    blob = cases[5].blob;
    magic = 0x31534345;                  /* BCRYPT_ECDSA_PUBLIC_P256_MAGIC */
    memcpy( blob.data, &magic, 4 );
    expect( check_key( WH_KEY_ECC_BCRYPT, blob.data, blob.len ) == WHE_CERT_KEY );
    blob = cases[2].blob;
    blob.data[0] = 6;                    /* PUBLICKEYBLOB */
    expect( check_key( WH_KEY_RSA_CAPI, blob.data, blob.len ) == WHE_CERT_KEY );

    memset( &blob, 0, sizeof(blob) );
    memcpy( blob.data, zero_primes, sizeof(zero_primes) );
    blob.len = sizeof(zero_primes) + 1 + 64 + 2;
    expect( check_key( WH_KEY_RSA_BCRYPT, blob.data, blob.len ) == WHE_CERT_KEY );
    memset( blob.data + sizeof(zero_primes), 1, 1 + 64 + 2 );        /* primes of one */
    expect( check_key( WH_KEY_RSA_BCRYPT, blob.data, blob.len ) == WHE_CERT_KEY );
}

static void test_unknown_format_and_broken_chain_are_invalid(void)
{
    static const uint32_t formats[] = { 0, WH_KEY_PKCS8 + 1, ~0u };
    struct blob chain;
    uint32_t len;
    size_t i;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        expect( check_creds( formats[i], client_chain.data, client_chain.len, cases[5].blob.data, cases[5].blob.len )
                == WHE_INVALID );
    for (i = 0; i < client_chain.len; i++)
        expect( check_creds( WH_KEY_ECC_BCRYPT, client_chain.data, i, cases[5].blob.data, cases[5].blob.len )
                == WHE_INVALID );
    chain = client_chain;
    len = ~0u;
    memcpy( chain.data, &len, 4 );
    expect( open_case( 5, &chain ) == WHE_INVALID );
    len = 0;
    memcpy( chain.data, &len, 4 );
    expect( open_case( 5, &chain ) == WHE_INVALID );
    chain = client_chain;
    chain.data[chain.len++] = 0;
    expect( open_case( 5, &chain ) == WHE_INVALID );
    for (chain.len = 0, i = 0; i <= CREDS_CHAIN; i++, chain.len += client_chain.len)
        memcpy( chain.data + chain.len, client_chain.data, client_chain.len );
    expect( open_case( 5, &chain ) == WHE_INVALID );
    chain.len -= client_chain.len;
    expect( open_case( 5, &chain ) == WHE_OK );
}

static wh_id open_id( size_t i )
{
    struct wh_creds_open_params params = { .chain = wh_from_ptr( chain_of( i )->data ), .chain_len = chain_of( i )->len,
                                           .key = wh_from_ptr( cases[i].blob.data ), .key_len = cases[i].blob.len,
                                           .format = cases[i].format };

    expect( creds_open( &params ) == WH_DONE && !params.error );
    return params.creds;
}

static void test_object_outlives_its_id_and_equal_chains_have_equal_prints(void)
{
    wh_id first = open_id( 5 ), second = open_id( 7 ), other = open_id( 0 );
    struct creds *a = creds_from_id( first ), *b = creds_from_id( second ), *c = creds_from_id( other );
    struct wh_creds_close_params params = { first };
    gnutls_pcert_st *chain;
    gnutls_privkey_t key;
    unsigned int count;

    expect( a && b && c && first != second );
    expect( !memcmp( creds_print( a ), creds_print( b ), CREDS_PRINT ) );
    expect( memcmp( creds_print( a ), creds_print( c ), CREDS_PRINT ) );
    expect( creds_algorithm( a ) == GNUTLS_PK_ECDSA && creds_algorithm( c ) == GNUTLS_PK_RSA );
    expect( creds_close( &params ) == WH_DONE );
    expect( !creds_from_id( first ) );
    expect( creds_close( &params ) == WH_REFUSED );
    creds_lend( a, &chain, &count, &key );
    expect( count == 1 && chain && key );
    creds_release( a );
    creds_release( b );
    creds_release( c );
    params.creds = second;
    expect( creds_close( &params ) == WH_DONE );
    params.creds = other;
    expect( creds_close( &params ) == WH_DONE );
    expect( !object_count( OBJECT_CREDS ) );
}

static void test_running_out_of_memory_is_reported(void)
{
    size_t i;
    int n;

    for (i = 0; i < CASES; i++)
        for (n = 1; n < 4; n++)
        {
            struct wh_creds_open_params params = { .chain = wh_from_ptr( chain_of( i )->data ),
                                                   .chain_len = chain_of( i )->len, .key = wh_from_ptr( cases[i].blob.data ),
                                                   .key_len = cases[i].blob.len, .format = cases[i].format };
            struct wh_creds_close_params gone;

            hooks_fail( HOOK_ALLOC, n, 1, 0 );
            expect( creds_open( &params ) == WH_DONE );
            hooks_reset();
            expect( params.error == (params.creds ? WHE_OK : WHE_NO_MEMORY) );
            if (n == 1) expect( params.error );
            gone.creds = params.creds;
            if (params.creds) creds_close( &gone );
        }
    expect( !object_count( OBJECT_CREDS ) );
}

int main(void)
{
    make_certificates();
    make_cases();
    run( test_every_form_of_a_key_is_read_and_fits_its_certificate );
    run( test_larger_curves_are_read );
    run( test_key_of_any_other_length_is_no_key );
    run( test_changed_key_is_not_the_certificates );
    run( test_public_and_weak_keys_are_no_keys );
    run( test_unknown_format_and_broken_chain_are_invalid );
    run( test_object_outlives_its_id_and_equal_chains_have_equal_prints );
    run( test_running_out_of_memory_is_reported );
    remove_certificates();
    return test_end( "creds" );
}
