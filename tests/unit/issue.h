/*
 * Certificates made to order within a test, where those of tests/fixtures/make-certs are not wrong enough
 */

#ifndef WINHTTP_UNIT_ISSUE_H
#define WINHTTP_UNIT_ISSUE_H

#include <arpa/inet.h>
#include <time.h>

#include <gnutls/x509.h>

#include "test.h"

struct issued
{
    gnutls_x509_crt_t     crt;
    gnutls_x509_privkey_t key;
    gnutls_datum_t        der;
};

struct wish
{
    const char *cn;              /* without one: the subject is an organisation */
    const char *dns[3];          /* alternative names */
    size_t      dns_len;         /* of the first, the only one then, if it holds a NUL */
    const char *ip[2];
    const char *uri;
    int         ca;              /* 1: an authority, -1: not even basic constraints */
    int         path_len;        /* of an authority, + 1; 0 = no limit */
    int         no_cert_sign;    /* an authority whose key usage does not let it sign */
    const char *purpose;         /* default serverAuth for what is no authority, none for one */
    const char *permitted, *excluded;        /* name constraints, DNS */
    int         critical;        /* an extension that nobody knows */
    unsigned int rsa;            /* bits; 0 = P-256 */
    gnutls_digest_algorithm_t digest;        /* default SHA-256 */
    int         from_days, until_days;       /* default yesterday to next year */
};

#define DAY (24 * 3600)

static inline void issue_names( gnutls_x509_crt_t crt, const struct wish *wish )
{
    unsigned char address[16], raw[64] = { 0x30, wish->dns_len + 2, 0x82, wish->dns_len };
    const char *name;
    int i;

    if (wish->cn) gnutls_x509_crt_set_dn_by_oid( crt, GNUTLS_OID_X520_COMMON_NAME, 0, wish->cn, strlen( wish->cn ) );
    else gnutls_x509_crt_set_dn_by_oid( crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "Test", 4 );
    if (wish->dns_len)       /* GnuTLS would stop at the NUL */
    {
        memcpy( raw + 4, wish->dns[0], wish->dns_len );
        gnutls_x509_crt_set_extension_by_oid( crt, GNUTLS_X509EXT_OID_SAN, raw, wish->dns_len + 4, 0 );
    }
    for (i = 0; !wish->dns_len && i < 3 && (name = wish->dns[i]); i++)
        gnutls_x509_crt_set_subject_alt_name( crt, GNUTLS_SAN_DNSNAME, name, strlen( name ), GNUTLS_FSAN_APPEND );
    for (i = 0; i < 2 && (name = wish->ip[i]); i++)
    {
        int is4 = inet_pton( AF_INET, name, address ) == 1;

        if (!is4) inet_pton( AF_INET6, name, address );
        gnutls_x509_crt_set_subject_alt_name( crt, GNUTLS_SAN_IPADDRESS, address, is4 ? 4 : 16, GNUTLS_FSAN_APPEND );
    }
    if (wish->uri)
        gnutls_x509_crt_set_subject_alt_name( crt, GNUTLS_SAN_URI, wish->uri, strlen( wish->uri ), GNUTLS_FSAN_APPEND );
}

static inline void issue_constraints( gnutls_x509_crt_t crt, const struct wish *wish )
{
    gnutls_x509_name_constraints_t constraints;
    gnutls_datum_t name;

    if (wish->ca >= 0) gnutls_x509_crt_set_basic_constraints( crt, wish->ca, wish->ca ? wish->path_len - 1 : -1 );
    if (wish->ca > 0)
        gnutls_x509_crt_set_key_usage( crt, wish->no_cert_sign ? GNUTLS_KEY_CRL_SIGN
                                            : GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE );
    if (wish->purpose || wish->ca <= 0)
        gnutls_x509_crt_set_key_purpose_oid( crt, wish->purpose ? wish->purpose : GNUTLS_KP_TLS_WWW_SERVER, 0 );
    if (wish->critical) gnutls_x509_crt_set_extension_by_oid( crt, "1.2.3.4.5.6", "\x05\x00", 2, 1 );
    if (!wish->permitted && !wish->excluded) return;
    gnutls_x509_name_constraints_init( &constraints );
    if (wish->permitted)
    {
        name.data = (unsigned char *)wish->permitted;
        name.size = strlen( wish->permitted );
        gnutls_x509_name_constraints_add_permitted( constraints, GNUTLS_SAN_DNSNAME, &name );
    }
    if (wish->excluded)
    {
        name.data = (unsigned char *)wish->excluded;
        name.size = strlen( wish->excluded );
        gnutls_x509_name_constraints_add_excluded( constraints, GNUTLS_SAN_DNSNAME, &name );
    }
    gnutls_x509_crt_set_name_constraints( crt, constraints, 1 );
    gnutls_x509_name_constraints_deinit( constraints );
}

/* By `issuer`, or by itself. */
static inline void issue( struct issued *out, const struct wish *wish, const struct issued *issuer )
{
    static unsigned char serial[8];
    unsigned int bits = wish->rsa ? wish->rsa : GNUTLS_CURVE_TO_BITS( GNUTLS_ECC_CURVE_SECP256R1 );
    time_t now = time( NULL );
    int ret;

    if (!++serial[7]) serial[6]++;
    serial[0] = 0x10;
    gnutls_x509_privkey_init( &out->key );
    gnutls_x509_privkey_generate( out->key, wish->rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA, bits, 0 );
    gnutls_x509_crt_init( &out->crt );
    gnutls_x509_crt_set_version( out->crt, 3 );
    gnutls_x509_crt_set_serial( out->crt, serial, sizeof(serial) );
    gnutls_x509_crt_set_activation_time( out->crt, now + (wish->from_days ? wish->from_days : -1) * DAY );
    gnutls_x509_crt_set_expiration_time( out->crt, now + (wish->until_days ? wish->until_days : 365) * DAY );
    gnutls_x509_crt_set_key( out->crt, out->key );
    issue_names( out->crt, wish );
    issue_constraints( out->crt, wish );
    ret = gnutls_x509_crt_sign2( out->crt, issuer ? issuer->crt : out->crt, issuer ? issuer->key : out->key,
                                 wish->digest ? wish->digest : GNUTLS_DIG_SHA256, 0 );
    expect( ret >= 0 );
    expect( gnutls_x509_crt_export2( out->crt, GNUTLS_X509_FMT_DER, &out->der ) >= 0 );
}

static inline void issued_free( struct issued *issued )
{
    gnutls_x509_crt_deinit( issued->crt );
    gnutls_x509_privkey_deinit( issued->key );
    gnutls_free( issued->der.data );
}

/* Makes it the only certificate that is trusted from the next tls_trust_load on. */
static inline void issued_trust( const struct issued *issued, const char *path )
{
    FILE *file = fopen( path, "w" );
    gnutls_datum_t pem;

    gnutls_x509_crt_export2( issued->crt, GNUTLS_X509_FMT_PEM, &pem );
    if (expect( file != NULL ))
    {
        fwrite( pem.data, 1, pem.size, file );
        fclose( file );
    }
    gnutls_free( pem.data );
    setenv( "SSL_CERT_FILE", path, 1 );
    unsetenv( "SSL_CERT_DIR" );
}

#endif /* WINHTTP_UNIT_ISSUE_H */
