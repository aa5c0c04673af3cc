#if 0
#pragma makedep unix
#endif

/*
 * Is this the server we wanted? The trust list and the verdict on a peer's certificates
 *
 * The host's bundle holds some 140 certificates; parsing them costs 20 to 60 ms, more than everything else in a
 * program that makes one request. A chain needs one of them. So loading only undoes the base64 and finds each subject
 * name (under a millisecond), and a verification parses those whose subject is the issuer, or the subject, of a
 * certificate in the peer's chain, and hands them to GnuTLS as its whole trust list. It compares names byte by byte
 * as well, so nothing that it would have found in the full list is missing from ours.
 *
 * SSL_CERT_FILE and SSL_CERT_DIR (directories of files named by hash, separated by colons) name other sources, as
 * OpenSSL and curl have it; with one of them set only what is set is read. A process with raised privileges ignores
 * them.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE      /* memmem, secure_getenv */
#endif

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <gnutls/x509.h>

#include "tls_verify.h"
#include "hooks.h"
#include "tls.h"

/* A chain longer than GnuTLS' own limit of verification depth cannot be verified anyway. */
#define MAX_CHAIN 16

/* Trusted certificates looked at for one chain; several may share a name, dozens do not. */
#define MAX_ANCHORS 32

/* A source larger than this is not a trust list. */
#define MAX_SOURCE (16 << 20)

/* Schannel accepts RSA keys down to 1024 bits; whoever needs more finds it in a newer chain policy of Windows that
 * applies to public roots only. */
#define MIN_RSA_BITS 1024

struct anchor
{
    const uint8_t *der;
    const uint8_t *subject;      /* the DER of the name, inside der */
    uint32_t       der_len;
    uint32_t       subject_len;
    uint32_t       hash;         /* of the subject */
};

struct source                    /* the decoded certificates of one file */
{
    struct source *next;
    uint8_t        data[];
};

static const char * const default_files[] =
{
    "/etc/ssl/certs/ca-certificates.crt",                   /* Debian, Arch, Gentoo */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",    /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                               /* SUSE */
    "/etc/ssl/cert.pem",                                    /* Alpine, BSD */
};

/* Written by the loader under load_lock, then published by trust_ready and not changed until tls_trust_free. */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static int trust_ready;
static enum wh_error trust_error;
static struct source *sources;
static struct anchor *anchors;
static size_t anchor_count, anchor_capacity;

static uint32_t hash_bytes( const uint8_t *data, size_t len )   /* FNV-1a */
{
    uint32_t hash = 0x811c9dc5;

    while (len--) hash = (hash ^ *data++) * 0x01000193;
    return hash;
}

/* Steps into the DER element at `pos`: *body and *len are its contents. Returns the position behind it, or NULL. */
static const uint8_t *der_element( const uint8_t *pos, const uint8_t *end, uint8_t tag,
                                   const uint8_t **body, size_t *len )
{
    size_t length;
    unsigned int octets;

    if (end - pos < 2 || pos[0] != tag) return NULL;
    length = pos[1];
    pos += 2;
    if (length & 0x80)
    {
        octets = length & 0x7f;
        if (!octets || octets > 3 || (size_t)(end - pos) < octets) return NULL;
        for (length = 0; octets; octets--) length = length << 8 | *pos++;
    }
    if ((size_t)(end - pos) < length) return NULL;
    *body = pos;
    *len = length;
    return pos + length;
}

/* Finds issuer and subject of a certificate, whole elements. Returns 0 if it does not look like one. */
static int der_names( const uint8_t *der, size_t der_len, gnutls_datum_t *issuer, gnutls_datum_t *subject )
{
    enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30, TAG_VERSION = 0xa0 };
    const uint8_t *end = der + der_len, *pos, *next, *body;
    size_t len;

    if (!der_element( der, end, TAG_SEQUENCE, &body, &len )) return 0;        /* Certificate */
    pos = body;
    if (!der_element( pos, body + len, TAG_SEQUENCE, &body, &len )) return 0; /* TBSCertificate */
    pos = body;
    end = body + len;
    if ((next = der_element( pos, end, TAG_VERSION, &body, &len ))) pos = next;
    if (!(pos = der_element( pos, end, TAG_INTEGER, &body, &len ))) return 0;
    if (!(pos = der_element( pos, end, TAG_SEQUENCE, &body, &len ))) return 0;   /* signature algorithm */
    if (!(next = der_element( pos, end, TAG_SEQUENCE, &body, &len ))) return 0;
    issuer->data = (uint8_t *)pos;
    issuer->size = next - pos;
    if (!(pos = der_element( next, end, TAG_SEQUENCE, &body, &len ))) return 0;  /* validity */
    if (!(next = der_element( pos, end, TAG_SEQUENCE, &body, &len ))) return 0;
    subject->data = (uint8_t *)pos;
    subject->size = next - pos;
    return 1;
}

static void base64_table( uint8_t table[256] )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int i;

    memset( table, 0xff, 256 );
    for (i = 0; i < 64; i++) table[(uint8_t)digits[i]] = i;
}

/* Decodes up to the first '-' or '='; anything else that is not a digit is skipped (line ends). */
static size_t base64_decode( const uint8_t table[256], const char *text, const char *end, uint8_t *out )
{
    uint8_t *start = out, digit;
    uint32_t bits = 0;
    int count = 0;

    for (; text < end && *text != '-' && *text != '='; text++)
    {
        if ((digit = table[(uint8_t)*text]) == 0xff) continue;
        bits = bits << 6 | digit;
        if (++count < 4) continue;
        *out++ = bits >> 16;
        *out++ = bits >> 8;
        *out++ = bits;
        count = 0;
    }
    if (count >= 2) *out++ = bits >> (count == 2 ? 4 : 10);
    if (count == 3) *out++ = bits >> 2;
    return out - start;
}

static enum wh_error anchor_add( const uint8_t *der, size_t len )
{
    gnutls_datum_t issuer, subject;
    struct anchor *grown;
    size_t capacity;

    if (!der_names( der, len, &issuer, &subject )) return WHE_OK;   /* one broken entry does not spoil the rest */
    if (anchor_count == anchor_capacity)
    {
        capacity = anchor_capacity ? anchor_capacity * 2 : 256;
        if (!(grown = wh_realloc( anchors, capacity * sizeof(*anchors) ))) return WHE_NO_MEMORY;
        anchors = grown;
        anchor_capacity = capacity;
    }
    anchors[anchor_count].der = der;
    anchors[anchor_count].der_len = len;
    anchors[anchor_count].subject = subject.data;
    anchors[anchor_count].subject_len = subject.size;
    anchors[anchor_count].hash = hash_bytes( subject.data, subject.size );
    anchor_count++;
    return WHE_OK;
}

static enum wh_error load_pem( const char *text, size_t len )
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *end = text + len;
    struct source *source;
    uint8_t table[256], *out;
    enum wh_error err = WHE_OK;
    size_t got;

    if (!(source = wh_malloc( sizeof(*source) + len ))) return WHE_NO_MEMORY;
    source->next = sources;
    sources = source;
    out = source->data;
    base64_table( table );
    while (!err && (text = memmem( text, end - text, begin, sizeof(begin) - 1 )))
    {
        text += sizeof(begin) - 1;
        got = base64_decode( table, text, end, out );
        err = anchor_add( out, got );
        out += got;
    }
    return err;
}

/* A file that cannot be read adds nothing; that shows when something is to be verified. */
static enum wh_error load_file( const char *path )
{
    int fd = open( path, O_RDONLY | O_CLOEXEC );
    enum wh_error err = WHE_OK;
    struct stat st;
    char *text;
    size_t len = 0;
    ssize_t got;

    if (fd == -1) return WHE_OK;
    if (!fstat( fd, &st ) && S_ISREG( st.st_mode ) && st.st_size > 0 && st.st_size <= MAX_SOURCE)
    {
        if ((text = wh_malloc( st.st_size )))
        {
            while (len < (size_t)st.st_size && (got = read( fd, text + len, st.st_size - len )) > 0) len += got;
            err = load_pem( text, len );
            wh_free( text );
        }
        else err = WHE_NO_MEMORY;
    }
    close( fd );
    return err;
}

/* OpenSSL reads files named by the hash of their subject, 8 hexadecimal digits and a number. Other names in the same
 * directory are commonly the same certificates again. */
static int is_hash_name( const char *name )
{
    size_t digits = strspn( name, "0123456789abcdef" );

    if (digits != 8 || name[8] != '.') return 0;
    name += 9;
    return *name && !name[strspn( name, "0123456789" )];
}

static enum wh_error load_directory( const char *path )
{
    enum wh_error err = WHE_OK;
    struct dirent *entry;
    char name[PATH_MAX];
    DIR *dir;

    if (!(dir = opendir( path ))) return WHE_OK;
    while (!err && (entry = readdir( dir )))
    {
        if (!is_hash_name( entry->d_name )) continue;
        if ((size_t)snprintf( name, sizeof(name), "%s/%s", path, entry->d_name ) >= sizeof(name)) continue;
        err = load_file( name );
    }
    closedir( dir );
    return err;
}

static enum wh_error load_directories( const char *list )
{
    enum wh_error err = WHE_OK;
    char path[PATH_MAX];
    size_t len;

    while (!err && *list)
    {
        len = strcspn( list, ":" );
        if (len && len < sizeof(path))
        {
            memcpy( path, list, len );
            path[len] = 0;
            err = load_directory( path );
        }
        list += len;
        list += strspn( list, ":" );
    }
    return err;
}

static enum wh_error load_sources(void)
{
    const char *file = secure_getenv( "SSL_CERT_FILE" ), *dirs = secure_getenv( "SSL_CERT_DIR" );
    enum wh_error err = WHE_OK;
    size_t i;

    if (file || dirs)
    {
        if (file) err = load_file( file );
        if (!err && dirs) err = load_directories( dirs );
        return err;
    }
    for (i = 0; !err && !anchor_count && i < sizeof(default_files) / sizeof(default_files[0]); i++)
        err = load_file( default_files[i] );
    if (!err && !anchor_count) err = load_directory( "/etc/ssl/certs" );
    return err;
}

static void trust_clear(void)
{
    struct source *next;

    for (; sources; sources = next)
    {
        next = sources->next;
        wh_free( sources );
    }
    wh_free( anchors );
    anchors = NULL;
    anchor_count = anchor_capacity = 0;
}

enum wh_error tls_trust_load( void )
{
    enum wh_error err;

    pthread_mutex_lock( &load_lock );
    if (!trust_ready)
    {
        /* half a list would make servers fail that are fine; none fails them all, with the right error */
        if ((trust_error = load_sources())) trust_clear();
        __atomic_store_n( &trust_ready, 1, __ATOMIC_RELEASE );
    }
    err = trust_error;
    pthread_mutex_unlock( &load_lock );
    return err;
}

int tls_trust_loaded( void )
{
    return __atomic_load_n( &trust_ready, __ATOMIC_ACQUIRE );
}

size_t tls_trust_count( void )
{
    return tls_trust_loaded() ? anchor_count : 0;
}

void tls_trust_free( void )
{
    pthread_mutex_lock( &load_lock );
    trust_clear();
    __atomic_store_n( &trust_ready, 0, __ATOMIC_RELEASE );
    pthread_mutex_unlock( &load_lock );
}

/* ---- the verdict ---- */

struct status_row
{
    unsigned int status;     /* GNUTLS_CERT_* */
    uint32_t     bits;       /* WH_CERT_* */
};

static const struct status_row status_rows[] =
{
    { GNUTLS_CERT_SIGNER_NOT_FOUND,           WH_CERT_UNKNOWN_CA },
    { GNUTLS_CERT_SIGNER_NOT_CA,              WH_CERT_UNKNOWN_CA },
    { GNUTLS_CERT_EXPIRED,                    WH_CERT_DATE },
    { GNUTLS_CERT_NOT_ACTIVATED,              WH_CERT_DATE },
    { GNUTLS_CERT_PURPOSE_MISMATCH,           WH_CERT_USAGE },
    { GNUTLS_CERT_UNEXPECTED_OWNER,           WH_CERT_NAME },
    { GNUTLS_CERT_REVOKED,                    WH_CERT_REVOKED },
    { GNUTLS_CERT_SIGNATURE_FAILURE,          WH_CERT_INVALID },
    { GNUTLS_CERT_INSECURE_ALGORITHM,         WH_CERT_INVALID },
    { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, WH_CERT_INVALID },
    { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,    WH_CERT_INVALID },
};

struct ignore_row
{
    uint32_t flag;           /* WH_TLS_IGNORE_* */
    uint32_t bits;           /* WH_CERT_* */
};

static const struct ignore_row ignore_rows[] =
{
    { WH_TLS_IGNORE_UNKNOWN_CA, WH_CERT_UNKNOWN_CA },
    { WH_TLS_IGNORE_USAGE,      WH_CERT_USAGE },
    { WH_TLS_IGNORE_NAME,       WH_CERT_NAME },
    { WH_TLS_IGNORE_DATE,       WH_CERT_DATE },
};

static uint32_t bits_from_status( unsigned int status )
{
    uint32_t bits = 0;
    size_t i;

    for (i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++)
        if (status & status_rows[i].status) bits |= status_rows[i].bits;
    if (!bits && status) bits = WH_CERT_INVALID;
    return bits;
}

static uint32_t bits_ignored( uint32_t ignore )
{
    uint32_t bits = 0;
    size_t i;

    for (i = 0; i < sizeof(ignore_rows) / sizeof(ignore_rows[0]); i++)
        if (ignore & ignore_rows[i].flag) bits |= ignore_rows[i].bits;
    return bits;
}

static int certificate_import( gnutls_x509_crt_t *cert, const uint8_t *der, size_t len )
{
    gnutls_datum_t datum = { (uint8_t *)der, len };
    int ret;

    if ((ret = gnutls_x509_crt_init( cert )) < 0) return ret;
    if ((ret = gnutls_x509_crt_import( *cert, &datum, GNUTLS_X509_FMT_DER )) < 0) gnutls_x509_crt_deinit( *cert );
    return ret;
}

static int anchor_has_name( const struct anchor *anchor, const gnutls_datum_t *name, uint32_t hash )
{
    return anchor->hash == hash && anchor->subject_len == name->size
           && !memcmp( anchor->subject, name->data, name->size );
}

/* Indexes of the anchors that the chain may need: its certificates themselves, and their issuers. */
static size_t find_anchors( const gnutls_datum_t *chain, unsigned int count, size_t *found )
{
    gnutls_datum_t issuer, subject;
    uint32_t issuer_hash, subject_hash;
    size_t i, k, got = 0;
    unsigned int n;

    for (n = 0; n < count; n++)
    {
        if (!der_names( chain[n].data, chain[n].size, &issuer, &subject )) continue;
        issuer_hash = hash_bytes( issuer.data, issuer.size );
        subject_hash = hash_bytes( subject.data, subject.size );
        for (i = 0; i < anchor_count && got < MAX_ANCHORS; i++)
        {
            if (!anchor_has_name( &anchors[i], &issuer, issuer_hash )
                && !anchor_has_name( &anchors[i], &subject, subject_hash )) continue;
            for (k = 0; k < got && found[k] != i; k++);
            if (k == got) found[got++] = i;
        }
    }
    return got;
}

/* Trust in the chain, with its signatures, dates and purposes, as GNUTLS_CERT_*. Returns 0 or a GnuTLS code. */
static int chain_status( gnutls_x509_crt_t *certs, unsigned int count, const gnutls_datum_t *chain, uint32_t ignore,
                         unsigned int *status )
{
    gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (uint8_t *)GNUTLS_KP_TLS_WWW_SERVER, 0 };
    unsigned int flags = 0;
    gnutls_x509_trust_list_t list;
    gnutls_x509_crt_t anchor;
    size_t found[MAX_ANCHORS], i, got;
    int ret;

    if (ignore & WH_TLS_IGNORE_DATE)
        flags |= GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS;

    if ((ret = gnutls_x509_trust_list_init( &list, 1 )) < 0) return ret;
    got = find_anchors( chain, count, found );
    for (i = 0; i < got; i++)
    {
        /* one that GnuTLS does not like is not trusted */
        if (certificate_import( &anchor, anchors[found[i]].der, anchors[found[i]].der_len ) < 0) continue;
        if (gnutls_x509_trust_list_add_cas( list, &anchor, 1, 0 ) != 1) gnutls_x509_crt_deinit( anchor );
    }
    ret = gnutls_x509_trust_list_verify_crt2( list, certs, count, &purpose, ignore & WH_TLS_IGNORE_USAGE ? 0 : 1,
                                              flags, status, NULL );
    gnutls_x509_trust_list_deinit( list, 1 );
    return ret;
}

/* Is this very certificate in the list? Then its issuer does not matter, and it need not be a CA. */
static int is_anchor( const gnutls_datum_t *cert )
{
    gnutls_datum_t issuer, subject;
    uint32_t hash;
    size_t i;

    if (!der_names( cert->data, cert->size, &issuer, &subject )) return 0;
    hash = hash_bytes( subject.data, subject.size );
    for (i = 0; i < anchor_count; i++)
    {
        if (anchor_has_name( &anchors[i], &subject, hash ) && anchors[i].der_len == cert->size
            && !memcmp( anchors[i].der, cert->data, cert->size )) return 1;
    }
    return 0;
}

static uint32_t leaf_name_bits( gnutls_x509_crt_t leaf, const struct tls_peer_name *peer )
{
    int match;

    if (peer->address_len) match = gnutls_x509_crt_check_ip( leaf, peer->address, peer->address_len, 0 );
    else match = gnutls_x509_crt_check_hostname2( leaf, peer->name, GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES );
    return match ? 0 : WH_CERT_NAME;
}

static uint32_t leaf_date_bits( gnutls_x509_crt_t leaf )
{
    time_t now = time( NULL ), from = gnutls_x509_crt_get_activation_time( leaf );
    time_t until = gnutls_x509_crt_get_expiration_time( leaf );

    return from == (time_t)-1 || until == (time_t)-1 || now < from || now > until ? WH_CERT_DATE : 0;
}

static uint32_t leaf_usage_bits( gnutls_x509_crt_t leaf )
{
    return gnutls_x509_crt_check_key_purpose( leaf, GNUTLS_KP_TLS_WWW_SERVER, 0 ) ? 0 : WH_CERT_USAGE;
}

/* The signature of a certificate that signs itself proves nothing and is not judged. */
static uint32_t leaf_strength_bits( gnutls_x509_crt_t leaf )
{
    unsigned int bits = 0;
    int sign = gnutls_x509_crt_get_signature_algorithm( leaf );

    if (gnutls_x509_crt_get_pk_algorithm( leaf, &bits ) == GNUTLS_PK_RSA && bits < MIN_RSA_BITS)
        return WH_CERT_INVALID;
    if (gnutls_x509_crt_check_issuer( leaf, leaf )) return 0;
    if (sign < 0 || !gnutls_sign_is_secure2( sign, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS )) return WH_CERT_INVALID;
    return 0;
}

/* GnuTLS stops at the first link that it cannot follow; the leaf is judged here whatever the chain is like, so that
 * every reason is reported together. */
static uint32_t leaf_bits( gnutls_x509_crt_t leaf, const struct tls_peer_name *peer )
{
    return leaf_name_bits( leaf, peer ) | leaf_date_bits( leaf ) | leaf_usage_bits( leaf )
           | leaf_strength_bits( leaf );
}

enum wh_error tls_verify_chain( const gnutls_datum_t *chain, unsigned int count, const struct tls_peer_name *peer,
                                uint32_t ignore, uint32_t *bits )
{
    gnutls_x509_crt_t certs[MAX_CHAIN];
    unsigned int imported, status = 0;
    int ret = 0;

    *bits = 0;
    if (count > MAX_CHAIN) count = MAX_CHAIN;
    for (imported = 0; imported < count; imported++)
        if ((ret = certificate_import( &certs[imported], chain[imported].data, chain[imported].size )) < 0) break;

    if (!imported) *bits = WH_CERT_INVALID;      /* nothing that can be read as a certificate */
    else
    {
        *bits = leaf_bits( certs[0], peer );
        if (!is_anchor( &chain[0] ))
        {
            /* what follows a certificate that cannot be read is left out, and the chain is judged without it */
            if ((ret = chain_status( certs, imported, chain, ignore, &status )) < 0) *bits |= WH_CERT_INVALID;
            else *bits |= bits_from_status( status );
        }
        *bits &= ~bits_ignored( ignore );
    }
    while (imported) gnutls_x509_crt_deinit( certs[--imported] );

    if (ret == GNUTLS_E_MEMORY_ERROR) return WHE_NO_MEMORY;
    return *bits ? WHE_CERT : WHE_OK;
}
