#if 0
#pragma makedep unix
#endif

/*
 * Private keys in the forms in which Windows hands them out
 *
 * Each form is cut into its numbers here, strictly: lengths that do not add up to what is there are no key. What can be
 * calculated from modulus, exponent and primes is not taken from the blob: a wrong one would make signatures that are
 * wrong, or that give the primes away.
 * Source: the structures in bcrypt.h and wincrypt.h; RFC 5208.
 */

#include <gnutls/x509.h>

#include "creds_key.h"
#include "hooks.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define MIN_RSA 64               /* bytes of a modulus: nobody takes a shorter key */
#define MAX_RSA 2048             /* a longer one would cost seconds per signature */

#define SMALL_FACTORS 1024       /* tried in vain; costs less than a millisecond per prime */

#define RSA_PRIVATE      0x32415352      /* "RSA2" */
#define RSA_FULL_PRIVATE 0x33415352      /* "RSA3" */

#define CAPI_PRIVATEKEYBLOB 7
#define CAPI_VERSION        2
#define CAPI_RSA_SIGN       0x2400
#define CAPI_RSA_KEYX       0xa400

struct rsa_numbers               /* big-endian, borrowed */
{
    gnutls_datum_t modulus, exponent, primes[2];
};

struct curve_row
{
    uint32_t           magics[2];      /* BCRYPT_ECDSA_PRIVATE_*, BCRYPT_ECDH_PRIVATE_* */
    uint32_t           len;            /* bytes of a number */
    gnutls_ecc_curve_t curve;
};

static const struct curve_row curve_rows[] =
{
    { { 0x32534345, 0x324b4345 }, 32, GNUTLS_ECC_CURVE_SECP256R1 },      /* "ECS2", "ECK2" */
    { { 0x34534345, 0x344b4345 }, 48, GNUTLS_ECC_CURVE_SECP384R1 },
    { { 0x36534345, 0x364b4345 }, 66, GNUTLS_ECC_CURVE_SECP521R1 },
};

/* What is left of a blob. */
struct blob
{
    const uint8_t *data;
    size_t         len;
};

static int take( struct blob *blob, size_t len, gnutls_datum_t *part )
{
    if (len > blob->len) return 0;
    part->data = (unsigned char *)blob->data;
    part->size = len;
    blob->data += len;
    blob->len -= len;
    return 1;
}

static int take_u32( struct blob *blob, uint32_t *value )        /* little-endian */
{
    gnutls_datum_t part;

    if (!take( blob, 4, &part )) return 0;
    *value = part.data[0] | part.data[1] << 8 | part.data[2] << 16 | (uint32_t)part.data[3] << 24;
    return 1;
}

static enum wh_error error_from( int ret )
{
    return ret == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_CERT_KEY;
}

/* GnuTLS finds out, too, that numbers do not belong together, but some of them make it lose memory, or divide by zero. So
 * the checks up to import_rsa come first. */

static int is_odd( const gnutls_datum_t *number )
{
    return number->size && number->data[number->size - 1] & 1;
}

/* Without the zeros in front. */
static gnutls_datum_t trim( gnutls_datum_t number )
{
    while (number.size && !*number.data) number.data++, number.size--;
    return number;
}

static uint32_t remainder_of( const gnutls_datum_t *number, uint64_t divisor )
{
    uint64_t rest = 0;
    size_t i;

    for (i = 0; i < number->size; i++) rest = (rest << 8 | number->data[i]) % divisor;
    return rest;
}

/* Odd, not small, and without a small factor. */
static int may_be_prime( const gnutls_datum_t *number )
{
    uint32_t divisor;

    if (!is_odd( number ) || trim( *number ).size < 4) return 0;
    for (divisor = 3; divisor < SMALL_FACTORS; divisor += 2)
        if (!remainder_of( number, divisor )) return 0;
    return 1;
}

/* modulus = a * b, with a != b */
static enum wh_error check_product( gnutls_datum_t modulus, gnutls_datum_t a, gnutls_datum_t b )
{
    uint32_t carry, i, k;
    uint8_t *product;
    int ok;

    modulus = trim( modulus );
    a = trim( a );
    b = trim( b );
    if (a.size == b.size && !memcmp( a.data, b.data, a.size )) return WHE_CERT_KEY;
    if (modulus.size > a.size + b.size || modulus.size + 1 < a.size + b.size) return WHE_CERT_KEY;
    if (!(product = wh_calloc( 1, a.size + b.size ))) return WHE_NO_MEMORY;
    for (i = a.size; i--;)
    {
        for (carry = 0, k = b.size; k--;)
        {
            carry += product[i + k + 1] + a.data[i] * b.data[k];
            product[i + k + 1] = carry;
            carry >>= 8;
        }
        product[i] = carry;
    }
    k = a.size + b.size - modulus.size;      /* 0 or 1 */
    ok = (!k || !product[0]) && !memcmp( product + k, modulus.data, modulus.size );
    wh_free( product );
    return ok ? WHE_OK : WHE_CERT_KEY;
}

/* Has the exponent an inverse, which is what the private exponent is? It has if it shares no factor with the predecessor
 * of either prime. */
static int may_be_exponent( const gnutls_datum_t *exponent, const gnutls_datum_t *prime )
{
    uint64_t a = 0, b, rest;
    size_t i;

    for (i = 0; i < exponent->size; i++)
        if ((a = a << 8 | exponent->data[i]) > 0xffffffff) return 0;     /* as in CryptoAPI: 32 bits */
    if (a < 3) return 0;
    for (b = ((uint64_t)remainder_of( prime, a ) + a - 1) % a; b; b = rest)
    {
        rest = a % b;
        a = b;
    }
    return a == 1;
}

static enum wh_error import_rsa( gnutls_privkey_t key, const struct rsa_numbers *rsa )
{
    enum wh_error error;
    int ret;

    if (!may_be_prime( &rsa->primes[0] ) || !may_be_prime( &rsa->primes[1] ) || !is_odd( &rsa->exponent )
        || !may_be_exponent( &rsa->exponent, &rsa->primes[0] )
        || !may_be_exponent( &rsa->exponent, &rsa->primes[1] )) return WHE_CERT_KEY;
    if ((error = check_product( rsa->modulus, rsa->primes[0], rsa->primes[1] ))) return error;
    ret = gnutls_privkey_import_rsa_raw( key, &rsa->modulus, &rsa->exponent, NULL, &rsa->primes[0], &rsa->primes[1],
                                         NULL, NULL, NULL );
    return ret < 0 ? error_from( ret ) : WHE_OK;
}

static enum wh_error read_rsa_bcrypt( gnutls_privkey_t key, struct blob blob )
{
    uint32_t magic, bits, exponent_len, modulus_len, prime_len[2];
    struct rsa_numbers rsa = { 0 };
    gnutls_datum_t unused;

    if (!take_u32( &blob, &magic ) || !take_u32( &blob, &bits ) || !take_u32( &blob, &exponent_len )
        || !take_u32( &blob, &modulus_len ) || !take_u32( &blob, &prime_len[0] ) || !take_u32( &blob, &prime_len[1] ))
        return WHE_CERT_KEY;
    if (magic != RSA_PRIVATE && magic != RSA_FULL_PRIVATE) return WHE_CERT_KEY;
    if (modulus_len < MIN_RSA || modulus_len > MAX_RSA || bits > modulus_len * 8 || bits + 7 < modulus_len * 8
        || exponent_len > modulus_len) return WHE_CERT_KEY;

    if (!take( &blob, exponent_len, &rsa.exponent ) || !take( &blob, modulus_len, &rsa.modulus )
        || !take( &blob, prime_len[0], &rsa.primes[0] ) || !take( &blob, prime_len[1], &rsa.primes[1] ))
        return WHE_CERT_KEY;
    if (magic == RSA_FULL_PRIVATE
        && (!take( &blob, prime_len[0], &unused ) || !take( &blob, prime_len[1], &unused )      /* exponents */
            || !take( &blob, prime_len[0], &unused )                                            /* coefficient */
            || !take( &blob, modulus_len, &unused ))) return WHE_CERT_KEY;                      /* private exponent */
    return blob.len ? WHE_CERT_KEY : import_rsa( key, &rsa );
}

static enum wh_error read_ecc_bcrypt( gnutls_privkey_t key, struct blob blob )
{
    gnutls_datum_t x, y, k;
    uint32_t magic, len;
    size_t i;
    int ret;

    if (!take_u32( &blob, &magic ) || !take_u32( &blob, &len )) return WHE_CERT_KEY;
    for (i = 0; i < ARRAY_SIZE( curve_rows ); i++)
        if (curve_rows[i].magics[0] == magic || curve_rows[i].magics[1] == magic) break;
    if (i == ARRAY_SIZE( curve_rows ) || curve_rows[i].len != len || blob.len != 3 * len) return WHE_CERT_KEY;

    take( &blob, len, &x );
    take( &blob, len, &y );
    take( &blob, len, &k );
    ret = gnutls_privkey_import_ecc_raw( key, curve_rows[i].curve, &x, &y, &k );
    return ret < 0 ? error_from( ret ) : WHE_OK;
}

/* CryptoAPI's numbers are little-endian. Moves the first `len` bytes of `blob` to `*out`, turned round. */
static void take_turned( struct blob *blob, size_t len, uint8_t **out, gnutls_datum_t *part )
{
    size_t i;

    take( blob, len, part );
    for (i = 0; i < len; i++) (*out)[i] = part->data[len - 1 - i];
    part->data = *out;
    *out += len;
}

static enum wh_error read_rsa_capi( gnutls_privkey_t key, struct blob blob )
{
    uint32_t type, alg, magic, bits;
    size_t modulus_len, prime_len, turned_len;
    uint8_t *turned, *out;
    struct rsa_numbers rsa = { 0 };
    enum wh_error error;

    if (!take_u32( &blob, &type ) || !take_u32( &blob, &alg ) || !take_u32( &blob, &magic ) || !take_u32( &blob, &bits ))
        return WHE_CERT_KEY;
    if (type != (CAPI_PRIVATEKEYBLOB | CAPI_VERSION << 8) || (alg != CAPI_RSA_KEYX && alg != CAPI_RSA_SIGN)
        || magic != RSA_PRIVATE || bits % 16 || bits / 8 < MIN_RSA || bits / 8 > MAX_RSA) return WHE_CERT_KEY;

    modulus_len = bits / 8;
    prime_len = bits / 16;
    /* what follows the primes, in this order: exponents of the primes, coefficient, private exponent */
    if (blob.len != 4 + 2 * modulus_len + 5 * prime_len) return WHE_CERT_KEY;

    turned_len = 4 + modulus_len + 2 * prime_len;
    if (!(out = turned = wh_malloc( turned_len ))) return WHE_NO_MEMORY;
    take_turned( &blob, 4, &out, &rsa.exponent );
    take_turned( &blob, modulus_len, &out, &rsa.modulus );
    take_turned( &blob, prime_len, &out, &rsa.primes[0] );
    take_turned( &blob, prime_len, &out, &rsa.primes[1] );
    error = import_rsa( key, &rsa );
    explicit_bzero( turned, turned_len );
    wh_free( turned );
    return error;
}

static enum wh_error read_pkcs8( gnutls_privkey_t key, struct blob blob )
{
    gnutls_datum_t der = { (unsigned char *)blob.data, blob.len };
    gnutls_x509_privkey_t x509;
    int ret;

    if ((ret = gnutls_x509_privkey_init( &x509 )) < 0) return error_from( ret );
    if ((ret = gnutls_x509_privkey_import_pkcs8( x509, &der, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN )) >= 0
        && (ret = gnutls_privkey_import_x509( key, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE )) >= 0) return WHE_OK;
    gnutls_x509_privkey_deinit( x509 );
    return error_from( ret );
}

static enum wh_error (* const readers[])( gnutls_privkey_t, struct blob ) =
{
    [WH_KEY_RSA_BCRYPT] = read_rsa_bcrypt,
    [WH_KEY_ECC_BCRYPT] = read_ecc_bcrypt,
    [WH_KEY_RSA_CAPI]   = read_rsa_capi,
    [WH_KEY_PKCS8]      = read_pkcs8,
};

enum wh_error creds_key_read( uint32_t format, const void *data, size_t len, gnutls_privkey_t *key )
{
    struct blob blob = { data, len };
    enum wh_error error;
    int ret;

    *key = NULL;
    if (format >= ARRAY_SIZE( readers ) || !readers[format]) return WHE_INVALID;
    if (!len) return WHE_CERT_KEY;
    if ((ret = gnutls_privkey_init( key )) < 0)
    {
        *key = NULL;
        return error_from( ret );
    }
    error = readers[format]( *key, blob );
    if (!error && (ret = gnutls_privkey_verify_params( *key )) < 0) error = error_from( ret );
    if (!error) return WHE_OK;
    gnutls_privkey_deinit( *key );
    *key = NULL;
    return error;
}
