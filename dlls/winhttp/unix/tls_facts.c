#if 0
#pragma makedep unix
#endif

/*
 * What a TLS session can tell about itself: suite and version in Windows' terms, the peer's chain, channel binding
 *
 * One table has everything that is known of a cipher suite; GnuTLS' IANA name is its key. Called by tls.c.
 * Source: the IANA registry "TLS Cipher Suites"; ALG_IDs of wincrypt.h; RFC 5929 section 4.
 */

#include <string.h>

#include <gnutls/abstract.h>

#include "tls.h"
#include "tls_facts.h"
#include "tls_verify.h"

enum alg_id
{
    ALG_NONE      = 0,
    ALG_AES_128   = 0x660e,
    ALG_AES_256   = 0x6610,
    ALG_SHA1      = 0x8004,
    ALG_SHA_256   = 0x800c,
    ALG_SHA_384   = 0x800d,
    ALG_RSA_KEYX  = 0xa400,
    ALG_DH_EPHEM  = 0xaa02,
    ALG_ECDH_EPHEM = 0xae06,
};

struct suite
{
    const char *name;
    uint16_t    number;
    uint16_t    cipher_bits;
    uint32_t    cipher_alg;
    uint32_t    hash_alg;
    uint16_t    hash_bits;
    uint32_t    kx_alg;
};

/* ChaCha20 has no ALG_ID. In TLS 1.3 the key exchange is not part of the suite and is always (EC)DHE here. */
static const struct suite suites[] =
{
    { "TLS_AES_128_GCM_SHA256",                        0x1301, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_AES_256_GCM_SHA384",                        0x1302, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_ECDH_EPHEM },
    { "TLS_CHACHA20_POLY1305_SHA256",                  0x1303, 256, ALG_NONE,    ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       0xc02b, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       0xc02c, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9, 256, ALG_NONE,    ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",          0xc009, 128, ALG_AES_128, ALG_SHA1,    160, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",          0xc00a, 256, ALG_AES_256, ALG_SHA1,    160, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",       0xc023, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",       0xc024, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",         0xc02f, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",         0xc030, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",   0xcca8, 256, ALG_NONE,    ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",            0xc013, 128, ALG_AES_128, ALG_SHA1,    160, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",            0xc014, 256, ALG_AES_256, ALG_SHA1,    160, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",         0xc027, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_ECDH_EPHEM },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",         0xc028, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_ECDH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",           0x009e, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",           0x009f, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",     0xccaa, 256, ALG_NONE,    ALG_SHA_256, 256, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",              0x0033, 128, ALG_AES_128, ALG_SHA1,    160, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",              0x0039, 256, ALG_AES_256, ALG_SHA1,    160, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",           0x0067, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_DH_EPHEM },
    { "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",           0x006b, 256, ALG_AES_256, ALG_SHA_256, 256, ALG_DH_EPHEM },
    { "TLS_RSA_WITH_AES_128_GCM_SHA256",               0x009c, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_RSA_KEYX },
    { "TLS_RSA_WITH_AES_256_GCM_SHA384",               0x009d, 256, ALG_AES_256, ALG_SHA_384, 384, ALG_RSA_KEYX },
    { "TLS_RSA_WITH_AES_128_CBC_SHA",                  0x002f, 128, ALG_AES_128, ALG_SHA1,    160, ALG_RSA_KEYX },
    { "TLS_RSA_WITH_AES_256_CBC_SHA",                  0x0035, 256, ALG_AES_256, ALG_SHA1,    160, ALG_RSA_KEYX },
    { "TLS_RSA_WITH_AES_128_CBC_SHA256",               0x003c, 128, ALG_AES_128, ALG_SHA_256, 256, ALG_RSA_KEYX },
    { "TLS_RSA_WITH_AES_256_CBC_SHA256",               0x003d, 256, ALG_AES_256, ALG_SHA_256, 256, ALG_RSA_KEYX },
};

struct version_row
{
    gnutls_protocol_t version;
    uint32_t          bit;         /* WH_TLS_* */
};

static const struct version_row version_rows[] =
{
    { GNUTLS_TLS1_0, WH_TLS_1_0 },
    { GNUTLS_TLS1_1, WH_TLS_1_1 },
    { GNUTLS_TLS1_2, WH_TLS_1_2 },
    { GNUTLS_TLS1_3, WH_TLS_1_3 },
};

struct group_row
{
    gnutls_group_t group;
    uint32_t       bits;
};

static const struct group_row group_rows[] =
{
    { GNUTLS_GROUP_X25519,    255 },
    { GNUTLS_GROUP_SECP256R1, 256 },
    { GNUTLS_GROUP_SECP384R1, 384 },
    { GNUTLS_GROUP_SECP521R1, 521 },
};

static const struct suite *find_suite( const char *name )
{
    size_t i;

    for (i = 0; name && i < sizeof(suites) / sizeof(suites[0]); i++)
        if (!strcmp( suites[i].name, name )) return &suites[i];
    return NULL;
}

static uint32_t version_bit( gnutls_session_t session )
{
    gnutls_protocol_t version = gnutls_protocol_get_version( session );
    size_t i;

    for (i = 0; i < sizeof(version_rows) / sizeof(version_rows[0]); i++)
        if (version_rows[i].version == version) return version_rows[i].bit;
    return 0;
}

/* Size of the key that was agreed with, or of the server's RSA key where that carries the secret. */
static uint32_t kx_bits( gnutls_session_t session, uint32_t kx_alg )
{
    gnutls_group_t group = gnutls_group_get( session );
    const gnutls_datum_t *peer;
    unsigned int count, bits = 0;
    gnutls_pcert_st pcert;
    size_t i;
    int dh;

    for (i = 0; i < sizeof(group_rows) / sizeof(group_rows[0]); i++)
        if (group_rows[i].group == group) return group_rows[i].bits;
    if (kx_alg == ALG_DH_EPHEM) return (dh = gnutls_dh_get_prime_bits( session )) > 0 ? dh : 0;
    if (kx_alg != ALG_RSA_KEYX || !(peer = gnutls_certificate_get_peers( session, &count )) || !count) return 0;

    if (gnutls_pcert_import_x509_raw( &pcert, peer, GNUTLS_X509_FMT_DER, 0 ) < 0) return 0;
    gnutls_pubkey_get_pk_algorithm( pcert.pubkey, &bits );
    gnutls_pcert_deinit( &pcert );
    return bits;
}

static enum wh_error query_tls( gnutls_session_t session, void *buffer, size_t size, size_t *len )
{
    const char *name = gnutls_ciphersuite_get( session );
    const struct suite *suite = find_suite( name );
    struct wh_tls_facts facts;

    *len = sizeof(facts);
    if (size < sizeof(facts)) return WHE_INVALID;

    memset( &facts, 0, sizeof(facts) );
    facts.version = version_bit( session );
    facts.resumed = !!gnutls_session_is_resumed( session );
    facts.false_start = !!(gnutls_session_get_flags( session ) & GNUTLS_SFLAGS_FALSE_START);
    if (name) strncpy( facts.name, name, sizeof(facts.name) - 1 );
    if (suite)
    {
        facts.cipher_alg = suite->cipher_alg;
        facts.cipher_bits = suite->cipher_bits;
        facts.hash_alg = suite->hash_alg;
        facts.hash_bits = suite->hash_bits;
        facts.kx_alg = suite->kx_alg;
        facts.kx_bits = kx_bits( session, suite->kx_alg );
        facts.suite = suite->number;
    }
    memcpy( buffer, &facts, sizeof(facts) );
    return WHE_OK;
}

static enum wh_error store_list( const gnutls_datum_t *list, unsigned int count, void *buffer, size_t size, size_t *len )
{
    uint8_t *out = buffer;
    uint32_t cert_len;
    size_t needed = 0;
    unsigned int i;

    for (i = 0; i < count; i++) needed += sizeof(cert_len) + list[i].size;
    *len = needed;
    if (size < needed) return WHE_INVALID;

    for (i = 0; i < count; i++)
    {
        cert_len = list[i].size;
        memcpy( out, &cert_len, sizeof(cert_len) );
        memcpy( out + sizeof(cert_len), list[i].data, cert_len );
        out += sizeof(cert_len) + cert_len;
    }
    return WHE_OK;
}

static enum wh_error query_chain( gnutls_session_t session, void *buffer, size_t size, size_t *len )
{
    const gnutls_datum_t *peer;
    unsigned int count;

    if (!(peer = gnutls_certificate_get_peers( session, &count )) || !count) return WHE_STATE;
    return store_list( peer, count, buffer, size, len );
}

static enum wh_error query_anchors( gnutls_session_t session, void *buffer, size_t size, size_t *len )
{
    gnutls_datum_t found[TLS_ANCHORS];
    const gnutls_datum_t *peer;
    unsigned int count;

    if (!(peer = gnutls_certificate_get_peers( session, &count )) || !count || !tls_trust_loaded()) return WHE_STATE;
    return store_list( found, tls_trust_anchors( peer, count, found ), buffer, size, len );
}

static enum wh_error query_binding( gnutls_session_t session, void *buffer, size_t size, size_t *len )
{
    enum wh_error err = WHE_OK;
    gnutls_datum_t hash;

    if (gnutls_session_channel_binding( session, GNUTLS_CB_TLS_SERVER_END_POINT, &hash ) < 0) return WHE_STATE;

    *len = hash.size;
    if (size < hash.size) err = WHE_INVALID;
    else memcpy( buffer, hash.data, hash.size );
    gnutls_free( hash.data );
    return err;
}

static enum wh_error query_staple( gnutls_session_t session, void *buffer, size_t size, size_t *len )
{
    gnutls_datum_t staple;

    if (gnutls_ocsp_status_request_get2( session, 0, &staple ) < 0 || !staple.size) return WHE_STATE;
    *len = staple.size;
    if (size < staple.size) return WHE_INVALID;
    memcpy( buffer, staple.data, staple.size );
    return WHE_OK;
}

enum wh_error tls_facts_query( gnutls_session_t session, unsigned int what, void *buffer, size_t size, size_t *len )
{
    *len = 0;
    switch (what)
    {
    case WHQ_TLS:             return query_tls( session, buffer, size, len );
    case WHQ_PEER_CHAIN:      return query_chain( session, buffer, size, len );
    case WHQ_CHANNEL_BINDING: return query_binding( session, buffer, size, len );
    case WHQ_OCSP_STAPLE:     return query_staple( session, buffer, size, len );
    case WHQ_ANCHORS:         return query_anchors( session, buffer, size, len );
    default:                  return WHE_STATE;
    }
}
