#if 0
#pragma makedep unix
#endif

/*
 * The trust list: the certificates that this host trusts
 *
 * The host's bundle holds some 140 certificates; parsing them costs 20 to 60 ms, more than everything else in a
 * program that makes one request. A chain needs one of them. So loading only undoes the base64 and finds each subject
 * name (under a millisecond); tls_verify.c asks by name and parses what it gets.
 *
 * SSL_CERT_FILE and SSL_CERT_DIR (directories of files named by hash, separated by colons) name other sources, as
 * OpenSSL and curl have it; with one of them set only what is set is read. A process with raised privileges ignores
 * them.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE      /* memmem, secure_getenv */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hooks.h"
#include "tls.h"
#include "tls_trust.h"

/* A source larger than this is not a trust list. */
#define MAX_SOURCE (16 << 20)

struct anchor
{
    gnutls_datum_t der;
    gnutls_datum_t subject;      /* the DER of the name, inside der */
    uint32_t       hash;         /* of the subject */
};

struct source                    /* the decoded certificates of one file */
{
    struct source *next;
    uint8_t        data[];
};

struct trust
{
    struct source *sources;
    struct anchor *anchors;
    size_t         count, capacity;
};

static const char * const default_files[] =
{
    "/etc/ssl/certs/ca-certificates.crt",                   /* Debian, Arch, Gentoo */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",    /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                               /* SUSE */
    "/etc/ssl/cert.pem",                                    /* Alpine, BSD */
};

/* NULL: not read, or being read. Changed under load_lock only; a list that was read stays as it is until tls_trust_free,
 * so that whoever sees it needs no lock. */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static const struct trust *trust;

static const struct trust failed;    /* in place of a list that could not be read */

static const struct trust *trust_now(void)
{
    return __atomic_load_n( &trust, __ATOMIC_ACQUIRE );
}

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

int tls_trust_names( const gnutls_datum_t *der, gnutls_datum_t *issuer, gnutls_datum_t *subject )
{
    enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30, TAG_VERSION = 0xa0 };
    const uint8_t *end = der->data + der->size, *pos, *next, *body;
    size_t len;

    if (!der_element( der->data, end, TAG_SEQUENCE, &body, &len )) return 0;        /* Certificate */
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

static enum wh_error anchor_add( struct trust *list, const uint8_t *der, size_t len )
{
    gnutls_datum_t cert = { (uint8_t *)der, len }, issuer, subject;
    struct anchor *grown;
    size_t capacity;

    if (!tls_trust_names( &cert, &issuer, &subject )) return WHE_OK;   /* one broken entry does not spoil the rest */
    if (list->count == list->capacity)
    {
        capacity = list->capacity ? list->capacity * 2 : 256;
        if (!(grown = wh_realloc( list->anchors, capacity * sizeof(*grown) ))) return WHE_NO_MEMORY;
        list->anchors = grown;
        list->capacity = capacity;
    }
    list->anchors[list->count].der = cert;
    list->anchors[list->count].subject = subject;
    list->anchors[list->count].hash = hash_bytes( subject.data, subject.size );
    list->count++;
    return WHE_OK;
}

static enum wh_error load_pem( struct trust *list, const char *text, size_t len )
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *end = text + len;
    struct source *source;
    uint8_t table[256], *out;
    enum wh_error err = WHE_OK;
    size_t got;

    if (!(source = wh_malloc( sizeof(*source) + len ))) return WHE_NO_MEMORY;
    source->next = list->sources;
    list->sources = source;
    out = source->data;
    base64_table( table );
    while (!err && (text = memmem( text, end - text, begin, sizeof(begin) - 1 )))
    {
        text += sizeof(begin) - 1;
        got = base64_decode( table, text, end, out );
        err = anchor_add( list, out, got );
        out += got;
    }
    return err;
}

/* What is not there, or not for us, adds nothing; that shows when something is to be verified. */
static enum wh_error open_error( int error )
{
    return error == EMFILE || error == ENFILE || error == ENOMEM ? WHE_NO_MEMORY : WHE_OK;
}

static enum wh_error load_file( struct trust *list, const char *path )
{
    int fd = open( path, O_RDONLY | O_CLOEXEC );
    enum wh_error err = WHE_OK;
    struct stat st;
    char *text;
    size_t len = 0;
    ssize_t got;

    if (fd == -1) return open_error( errno );
    if (!fstat( fd, &st ) && S_ISREG( st.st_mode ) && st.st_size > 0 && st.st_size <= MAX_SOURCE)
    {
        if ((text = wh_malloc( st.st_size )))
        {
            while (len < (size_t)st.st_size && (got = read( fd, text + len, st.st_size - len )) > 0) len += got;
            err = load_pem( list, text, len );
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

static enum wh_error load_directory( struct trust *list, const char *path )
{
    enum wh_error err = WHE_OK;
    struct dirent *entry;
    char name[PATH_MAX];
    DIR *dir;

    if (!(dir = opendir( path ))) return open_error( errno );
    while (!err && (entry = readdir( dir )))
    {
        if (!is_hash_name( entry->d_name )) continue;
        if ((size_t)snprintf( name, sizeof(name), "%s/%s", path, entry->d_name ) >= sizeof(name)) continue;
        err = load_file( list, name );
    }
    closedir( dir );
    return err;
}

static enum wh_error load_directories( struct trust *list, const char *dirs )
{
    enum wh_error err = WHE_OK;
    char path[PATH_MAX];
    size_t len;

    while (!err && *dirs)
    {
        len = strcspn( dirs, ":" );
        if (len && len < sizeof(path))
        {
            memcpy( path, dirs, len );
            path[len] = 0;
            err = load_directory( list, path );
        }
        dirs += len;
        dirs += strspn( dirs, ":" );
    }
    return err;
}

static enum wh_error load_sources( struct trust *list )
{
    const char *file = secure_getenv( "SSL_CERT_FILE" ), *dirs = secure_getenv( "SSL_CERT_DIR" );
    enum wh_error err = WHE_OK;
    size_t i;

    if (file || dirs)
    {
        if (file) err = load_file( list, file );
        if (!err && dirs) err = load_directories( list, dirs );
        return err;
    }
    for (i = 0; !err && !list->count && i < sizeof(default_files) / sizeof(default_files[0]); i++)
        err = load_file( list, default_files[i] );
    if (!err && !list->count) err = load_directory( list, "/etc/ssl/certs" );
    return err;
}

static void list_free( const struct trust *list )
{
    struct source *source, *next;

    if (!list || list == &failed) return;
    for (source = list->sources; source; source = next)
    {
        next = source->next;
        wh_free( source );
    }
    wh_free( list->anchors );
    wh_free( (void *)list );
}

/* Half a list would make servers fail that are fine. */
static const struct trust *list_read(void)
{
    struct trust *list = wh_calloc( 1, sizeof(*list) );

    if (list && !load_sources( list )) return list;
    list_free( list );
    return &failed;
}

enum wh_error tls_trust_load( void )
{
    const struct trust *list;

    pthread_mutex_lock( &load_lock );
    if (!(list = trust_now()) || list == &failed)
    {
        __atomic_store_n( &trust, NULL, __ATOMIC_RELEASE );
        list = list_read();
        __atomic_store_n( &trust, list, __ATOMIC_RELEASE );
    }
    pthread_mutex_unlock( &load_lock );
    return list == &failed ? WHE_NO_MEMORY : WHE_OK;
}

int tls_trust_loaded( void )
{
    return trust_now() != NULL;
}

int tls_trust_due( void )
{
    const struct trust *list = trust_now();

    return !list || list == &failed;
}

size_t tls_trust_count( void )
{
    const struct trust *list = trust_now();

    return list ? list->count : 0;
}

const gnutls_datum_t *tls_trust_next( const gnutls_datum_t *name, size_t *pos )
{
    const struct trust *list = trust_now();
    uint32_t hash = hash_bytes( name->data, name->size );
    const struct anchor *anchor;

    while (list && *pos < list->count)
    {
        anchor = &list->anchors[(*pos)++];
        if (anchor->hash == hash && tls_trust_same_name( &anchor->subject, name )) return &anchor->der;
    }
    return NULL;
}

int tls_trust_same_name( const gnutls_datum_t *a, const gnutls_datum_t *b )
{
    return a->size == b->size && !memcmp( a->data, b->data, a->size );
}

void tls_trust_free( void )
{
    pthread_mutex_lock( &load_lock );
    list_free( trust_now() );
    __atomic_store_n( &trust, NULL, __ATOMIC_RELEASE );
    pthread_mutex_unlock( &load_lock );
}
