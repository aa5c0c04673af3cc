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
 *
 * GnuTLS judges links: signatures, dates, purposes, basic and name constraints, path lengths. It stops at one that it
 * cannot follow, so a chain without a trusted end is judged a second time as if its own end were trusted, and the leaf
 * apart from all others: every reason is reported, and leave to ignore one of them is not leave to ignore the rest.
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

#include "hooks.h"
#include "tls.h"
#include "tls_staple.h"
#include "tls_verify.h"

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

/* Beside WH_CERT_*: told to nobody as such, but may be ignored by itself. */
#define CERT_WEAK_SIGNATURE 0x00010000

struct status_row
{
    unsigned int status;     /* GNUTLS_CERT_* */
    uint32_t     bits;       /* WH_CERT_* */
};

static const struct status_row status_rows[] =
{
    { GNUTLS_CERT_SIGNER_NOT_FOUND,           WH_CERT_UNKNOWN_CA },
    { GNUTLS_CERT_EXPIRED,                    WH_CERT_DATE },
    { GNUTLS_CERT_NOT_ACTIVATED,              WH_CERT_DATE },
    { GNUTLS_CERT_PURPOSE_MISMATCH,           WH_CERT_USAGE },
    { GNUTLS_CERT_UNEXPECTED_OWNER,           WH_CERT_NAME },
    { GNUTLS_CERT_REVOKED,                    WH_CERT_REVOKED },
    { GNUTLS_CERT_INSECURE_ALGORITHM,         CERT_WEAK_SIGNATURE },
    { GNUTLS_CERT_SIGNER_NOT_CA,              WH_CERT_INVALID },
    { GNUTLS_CERT_SIGNATURE_FAILURE,          WH_CERT_INVALID },
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
    { WH_TLS_IGNORE_UNKNOWN_CA,     WH_CERT_UNKNOWN_CA },
    { WH_TLS_IGNORE_USAGE,          WH_CERT_USAGE },
    { WH_TLS_IGNORE_NAME,           WH_CERT_NAME },
    { WH_TLS_IGNORE_DATE,           WH_CERT_DATE },
    { WH_TLS_IGNORE_WEAK_SIGNATURE, CERT_WEAK_SIGNATURE },
};

/* What is judged: the certificates as they came, and those of them that lead from the leaf upwards. */
struct chain
{
    const gnutls_datum_t *der;
    gnutls_x509_crt_t     certs[MAX_CHAIN];
    unsigned int          count;
    unsigned int          path[MAX_CHAIN];      /* indexes, the leaf's first */
    unsigned int          path_count;
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

static uint32_t bits_ignored( uint32_t flags )
{
    uint32_t bits = 0;
    size_t i;

    for (i = 0; i < sizeof(ignore_rows) / sizeof(ignore_rows[0]); i++)
        if (flags & ignore_rows[i].flag) bits |= ignore_rows[i].bits;
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

static int same_name( const gnutls_datum_t *a, const gnutls_datum_t *b )
{
    return a->size == b->size && !memcmp( a->data, b->data, a->size );
}

/* From the leaf up, as far as certificates came along; servers send them in any order, and some that do not belong. */
static void find_path( struct chain *chain )
{
    gnutls_datum_t issuer, subject, next_issuer, next_subject;
    unsigned int i, used = 1;

    chain->path[0] = 0;
    chain->path_count = 1;
    if (!der_names( chain->der[0].data, chain->der[0].size, &issuer, &subject )) return;
    while (!same_name( &issuer, &subject ))
    {
        for (i = 1; i < chain->count; i++)
            if (!(used & 1u << i) && der_names( chain->der[i].data, chain->der[i].size, &next_issuer, &next_subject )
                && same_name( &next_subject, &issuer )) break;
        if (i == chain->count) break;
        used |= 1u << i;
        chain->path[chain->path_count++] = i;
        issuer = next_issuer;
        subject = next_subject;
    }
}

/* Indexes of the anchors that the chain may need: its certificates themselves, and their issuers. */
static size_t find_anchors( const struct chain *chain, size_t *found )
{
    gnutls_datum_t issuer, subject;
    uint32_t issuer_hash, subject_hash;
    size_t i, k, got = 0;
    unsigned int n;

    for (n = 0; n < chain->count; n++)
    {
        if (!der_names( chain->der[n].data, chain->der[n].size, &issuer, &subject )) continue;
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

unsigned int tls_trust_anchors( const gnutls_datum_t *der, unsigned int count, gnutls_datum_t *found )
{
    struct chain chain = { .der = der, .count = count };
    size_t indexes[MAX_ANCHORS];
    unsigned int i, got = find_anchors( &chain, indexes );

    if (got > TLS_ANCHORS) got = TLS_ANCHORS;
    for (i = 0; i < got; i++)
    {
        found[i].data = (uint8_t *)anchors[indexes[i]].der;
        found[i].size = anchors[indexes[i]].der_len;
    }
    return got;
}

static int list_add( gnutls_x509_trust_list_t list, const uint8_t *der, size_t len )
{
    gnutls_x509_crt_t anchor;
    int ret;

    /* one that GnuTLS does not like is not trusted */
    if ((ret = certificate_import( &anchor, der, len )) < 0) return ret == GNUTLS_E_MEMORY_ERROR ? ret : 0;
    if (gnutls_x509_trust_list_add_cas( list, &anchor, 1, 0 ) != 1) gnutls_x509_crt_deinit( anchor );
    return 0;
}

/* The links up to an anchor in `list`, as WH_CERT_*. Returns 0 or a GnuTLS code. */
static int list_judge( gnutls_x509_trust_list_t list, gnutls_x509_crt_t *certs, unsigned int count, uint32_t flags,
                       uint32_t *bits )
{
    gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (uint8_t *)GNUTLS_KP_TLS_WWW_SERVER, 0 };
    unsigned int verify_flags = 0, status = 0;
    int ret;

    if (flags & WH_TLS_IGNORE_DATE)
        verify_flags |= GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS;
    if (flags & WH_TLS_IGNORE_WEAK_SIGNATURE)
        verify_flags |= GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1;
    ret = gnutls_x509_trust_list_verify_crt2( list, certs, count, &purpose, flags & WH_TLS_IGNORE_USAGE ? 0 : 1,
                                              verify_flags, &status, NULL );
    *bits = bits_from_status( status );
    return ret;
}

static int chain_trust( struct chain *chain, uint32_t flags, uint32_t *bits )
{
    gnutls_x509_trust_list_t list;
    size_t found[MAX_ANCHORS], i, got;
    int ret;

    if ((ret = gnutls_x509_trust_list_init( &list, 1 )) < 0) return ret;
    got = find_anchors( chain, found );
    for (i = 0; !ret && i < got; i++) ret = list_add( list, anchors[found[i]].der, anchors[found[i]].der_len );
    if (!ret) ret = list_judge( list, chain->certs, chain->count, flags, bits );
    gnutls_x509_trust_list_deinit( list, 1 );
    return ret;
}

/* The links of the path alone, as if where it ends were trusted. */
static int path_links( struct chain *chain, uint32_t flags, uint32_t *bits )
{
    gnutls_x509_crt_t certs[MAX_CHAIN];
    gnutls_x509_trust_list_t list;
    const gnutls_datum_t *top = &chain->der[chain->path[chain->path_count - 1]];
    unsigned int i;
    int ret;

    if ((ret = gnutls_x509_trust_list_init( &list, 1 )) < 0) return ret;
    for (i = 0; i < chain->path_count; i++) certs[i] = chain->certs[chain->path[i]];
    if (!(ret = list_add( list, top->data, top->size ))) ret = list_judge( list, certs, i, flags, bits );
    gnutls_x509_trust_list_deinit( list, 1 );
    *bits &= ~WH_CERT_UNKNOWN_CA;
    return ret;
}

/* Does the path end with a certificate that vouches for itself, and that nobody has told us to trust? */
static int ends_untrusted( const struct chain *chain )
{
    const gnutls_datum_t *top = &chain->der[chain->path[chain->path_count - 1]];
    gnutls_datum_t issuer, subject;

    return der_names( top->data, top->size, &issuer, &subject ) && same_name( &issuer, &subject ) && !is_anchor( top );
}

static int links_bits( struct chain *chain, uint32_t flags, uint32_t *bits )
{
    uint32_t more = 0;
    int ret;

    *bits = 0;
    if ((ret = chain_trust( chain, flags, bits )) < 0) return ret;
    /* GnuTLS may say of such an end that it is no CA, or where the list knows its name, that its signature is wrong. */
    if ((*bits & WH_CERT_INVALID) && ends_untrusted( chain ))
        *bits = (*bits & ~WH_CERT_INVALID) | WH_CERT_UNKNOWN_CA;
    if (!(*bits & WH_CERT_UNKNOWN_CA) || chain->path_count < 2) return 0;
    ret = path_links( chain, flags, &more );
    *bits |= more;
    return ret;
}

/* ---- one certificate ---- */

static uint32_t date_bits( gnutls_x509_crt_t cert )
{
    time_t now = time( NULL ), from = gnutls_x509_crt_get_activation_time( cert );
    time_t until = gnutls_x509_crt_get_expiration_time( cert );

    return from == (time_t)-1 || until == (time_t)-1 || now < from || now > until ? WH_CERT_DATE : 0;
}

static uint32_t key_bits( gnutls_x509_crt_t cert )
{
    unsigned int bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm( cert, &bits );

    if (algorithm < 0) return WH_CERT_INVALID;
    return (algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS) && bits < MIN_RSA_BITS ? WH_CERT_INVALID : 0;
}

/* The signature of a certificate that signs itself proves nothing and is not judged. */
static uint32_t signature_bits( gnutls_x509_crt_t cert )
{
    int sign = gnutls_x509_crt_get_signature_algorithm( cert );

    if (gnutls_x509_crt_check_issuer( cert, cert )) return 0;
    if (sign < 0 || sign == GNUTLS_SIGN_UNKNOWN) return WH_CERT_INVALID;
    return gnutls_sign_is_secure2( sign, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS ) ? 0 : CERT_WEAK_SIGNATURE;
}

/* What GnuTLS would not come to when it cannot follow the links. */
static uint32_t leaf_bits( gnutls_x509_crt_t leaf, const struct tls_peer_name *peer )
{
    uint32_t bits = date_bits( leaf ) | key_bits( leaf ) | signature_bits( leaf );

    if (!tls_name_matches( leaf, peer )) bits |= WH_CERT_NAME;
    if (!gnutls_x509_crt_check_key_purpose( leaf, GNUTLS_KP_TLS_WWW_SERVER, 0 )) bits |= WH_CERT_USAGE;
    return bits;
}

static uint32_t path_key_bits( const struct chain *chain )
{
    uint32_t bits = 0;
    unsigned int i;

    for (i = 1; i < chain->path_count; i++) bits |= key_bits( chain->certs[chain->path[i]] );
    return bits;
}

/* ---- revocation ---- */

/* The anchor that issued the end of the path, for the caller to free. */
static int import_issuer( gnutls_x509_crt_t cert, const gnutls_datum_t *der, gnutls_x509_crt_t *issuer )
{
    gnutls_datum_t issuer_name, subject;
    uint32_t hash;
    size_t i;

    if (!der_names( der->data, der->size, &issuer_name, &subject )) return 0;
    hash = hash_bytes( issuer_name.data, issuer_name.size );
    for (i = 0; i < anchor_count; i++)
    {
        if (!anchor_has_name( &anchors[i], &issuer_name, hash )) continue;
        if (certificate_import( issuer, anchors[i].der, anchors[i].der_len ) < 0) continue;
        if (gnutls_x509_crt_check_issuer( cert, *issuer )) return 1;
        gnutls_x509_crt_deinit( *issuer );
    }
    return 0;
}

/* Of each certificate in the path, but not of the root: nobody could revoke that. */
static uint32_t revocation_bits( const struct chain *chain, const gnutls_datum_t *staples )
{
    static const gnutls_datum_t none;
    const gnutls_datum_t *staple;
    gnutls_x509_crt_t cert, issuer;
    uint32_t bits = 0;
    unsigned int i, k;

    for (i = 0; i < chain->path_count; i++)
    {
        k = chain->path[i];
        cert = chain->certs[k];
        staple = staples ? &staples[k] : &none;
        if (is_anchor( &chain->der[k] ) || gnutls_x509_crt_check_issuer( cert, cert )) break;
        if (i + 1 < chain->path_count)
            bits |= tls_staple_bits( staple, cert, chain->certs[chain->path[i + 1]] );
        else if (import_issuer( cert, &chain->der[k], &issuer ))
        {
            bits |= tls_staple_bits( staple, cert, issuer );
            gnutls_x509_crt_deinit( issuer );
        }
        else bits |= WH_CERT_REV_FAILED;
    }
    return bits;
}

/* ---- all of it ---- */

static int judge( struct chain *chain, const gnutls_datum_t *staples, const struct tls_peer_name *peer, uint32_t flags,
                  uint32_t *bits )
{
    uint32_t links;
    int ret;

    *bits = leaf_bits( chain->certs[0], peer );
    if (!is_anchor( &chain->der[0] ))
    {
        find_path( chain );
        if ((ret = links_bits( chain, flags, &links )) < 0)
        {
            *bits |= WH_CERT_INVALID;
            return ret;
        }
        *bits |= links | path_key_bits( chain );
        if (flags & WH_TLS_CHECK_REVOCATION) *bits |= revocation_bits( chain, staples );
    }
    *bits &= ~bits_ignored( flags );
    if (*bits & CERT_WEAK_SIGNATURE) *bits |= WH_CERT_INVALID;
    *bits &= ~CERT_WEAK_SIGNATURE;
    return 0;
}

enum wh_error tls_verify_chain( const gnutls_datum_t *der, const gnutls_datum_t *staples, unsigned int count,
                                const struct tls_peer_name *peer, uint32_t flags, uint32_t *bits )
{
    struct chain chain;
    int ret = 0;

    *bits = 0;
    if (count > MAX_CHAIN) count = MAX_CHAIN;
    chain.der = der;

    /* what follows a certificate that cannot be read is left out, and the chain is judged without it */
    for (chain.count = 0; chain.count < count; chain.count++)
    {
        ret = certificate_import( &chain.certs[chain.count], der[chain.count].data, der[chain.count].size );
        if (ret < 0) break;
    }
    if (!chain.count) *bits = WH_CERT_INVALID;       /* nothing that can be read as a certificate */
    else if (ret != GNUTLS_E_MEMORY_ERROR) ret = judge( &chain, staples, peer, flags, bits );
    while (chain.count) gnutls_x509_crt_deinit( chain.certs[--chain.count] );

    if (ret == GNUTLS_E_MEMORY_ERROR) return WHE_NO_MEMORY;
    return *bits ? WHE_CERT : WHE_OK;
}
