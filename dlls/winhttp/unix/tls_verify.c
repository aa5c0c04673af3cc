#if 0
#pragma makedep unix
#endif

/*
 * Is this the server we wanted? The verdict on a peer's certificates
 *
 * A verification parses those certificates of the trust list (tls_trust.c) whose subject is the issuer, or the subject, of
 * a certificate in the peer's chain, and hands them to GnuTLS as its whole trust list. It compares names byte by byte
 * as well, so nothing that it would have found in the full list is missing from ours.
 *
 * GnuTLS judges links: signatures, dates, purposes, basic and name constraints, path lengths. It stops at one that it
 * cannot follow, so a chain without a trusted end is judged a second time as if its own end were trusted, and the leaf
 * apart from all others: every reason is reported, and leave to ignore one of them is not leave to ignore the rest.
 */

#include <string.h>
#include <time.h>

#include <gnutls/x509.h>

#include "hooks.h"
#include "tls.h"
#include "tls_staple.h"
#include "tls_trust.h"
#include "tls_verify.h"

/* A chain longer than GnuTLS' own limit of verification depth cannot be verified anyway. */
#define MAX_CHAIN 16

/* Trusted certificates looked at for one chain; several may share a name, dozens do not. */
#define MAX_ANCHORS 32

/* Schannel accepts RSA keys down to 1024 bits; whoever needs more finds it in a newer chain policy of Windows that
 * applies to public roots only. */
#define MIN_RSA_BITS 1024

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

/* What is left of them once some are ignored. */
static uint32_t bits_told( uint32_t bits, uint32_t flags )
{
    bits &= ~bits_ignored( flags );
    if (bits & CERT_WEAK_SIGNATURE) bits |= WH_CERT_INVALID;
    return bits & ~CERT_WEAK_SIGNATURE;
}

static int certificate_import( gnutls_x509_crt_t *cert, const gnutls_datum_t *der )
{
    int ret;

    if ((ret = gnutls_x509_crt_init( cert )) < 0) return ret;
    if ((ret = gnutls_x509_crt_import( *cert, der, GNUTLS_X509_FMT_DER )) < 0) gnutls_x509_crt_deinit( *cert );
    return ret;
}

/* Is this very certificate in the list? Then its issuer does not matter, and it need not be a CA. */
static int is_anchor( const gnutls_datum_t *cert )
{
    gnutls_datum_t issuer, subject;
    const gnutls_datum_t *anchor;
    size_t pos = 0;

    if (!tls_trust_names( cert, &issuer, &subject )) return 0;
    while ((anchor = tls_trust_next( &subject, &pos )))
        if (anchor->size == cert->size && !memcmp( anchor->data, cert->data, cert->size )) return 1;
    return 0;
}

/* From the leaf up, as far as certificates came along; servers send them in any order, and some that do not belong. */
static void find_path( struct chain *chain )
{
    gnutls_datum_t issuer, subject, next_issuer, next_subject;
    unsigned int i, used = 1;

    chain->path[0] = 0;
    chain->path_count = 1;
    if (!tls_trust_names( &chain->der[0], &issuer, &subject )) return;
    while (!tls_trust_same_name( &issuer, &subject ))
    {
        for (i = 1; i < chain->count; i++)
            if (!(used & 1u << i) && tls_trust_names( &chain->der[i], &next_issuer, &next_subject )
                && tls_trust_same_name( &next_subject, &issuer )) break;
        if (i == chain->count) break;
        used |= 1u << i;
        chain->path[chain->path_count++] = i;
        issuer = next_issuer;
        subject = next_subject;
    }
}

/* Adds the anchors of a name to the `got` in found[] that are there. Returns how many there are now. */
static unsigned int add_anchors( const gnutls_datum_t *name, const gnutls_datum_t **found, unsigned int got )
{
    const gnutls_datum_t *anchor;
    unsigned int i;
    size_t pos = 0;

    while (got < MAX_ANCHORS && (anchor = tls_trust_next( name, &pos )))
    {
        for (i = 0; i < got && found[i] != anchor; i++);
        if (i == got) found[got++] = anchor;
    }
    return got;
}

/* The anchors that a chain may need: its certificates themselves, and their issuers. */
static unsigned int find_anchors( const gnutls_datum_t *der, unsigned int count, const gnutls_datum_t **found )
{
    gnutls_datum_t issuer, subject;
    unsigned int i, got = 0;

    for (i = 0; i < count; i++)
    {
        if (!tls_trust_names( &der[i], &issuer, &subject )) continue;
        got = add_anchors( &issuer, found, got );
        got = add_anchors( &subject, found, got );
    }
    return got;
}

unsigned int tls_trust_anchors( const gnutls_datum_t *der, unsigned int count, gnutls_datum_t *found )
{
    const gnutls_datum_t *anchors[MAX_ANCHORS];
    unsigned int i, got = find_anchors( der, count, anchors );

    if (got > TLS_ANCHORS) got = TLS_ANCHORS;
    for (i = 0; i < got; i++) found[i] = *anchors[i];
    return got;
}

static int list_add( gnutls_x509_trust_list_t list, const gnutls_datum_t *der )
{
    gnutls_x509_crt_t anchor;
    int ret;

    /* one that GnuTLS does not like is not trusted */
    if ((ret = certificate_import( &anchor, der )) < 0) return ret == GNUTLS_E_MEMORY_ERROR ? ret : 0;
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
    const gnutls_datum_t *found[MAX_ANCHORS];
    unsigned int i, got;
    int ret;

    if ((ret = gnutls_x509_trust_list_init( &list, 1 )) < 0) return ret;
    got = find_anchors( chain->der, chain->count, found );
    for (i = 0; !ret && i < got; i++) ret = list_add( list, found[i] );
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
    if (!(ret = list_add( list, top ))) ret = list_judge( list, certs, i, flags, bits );
    gnutls_x509_trust_list_deinit( list, 1 );
    *bits &= ~WH_CERT_UNKNOWN_CA;
    return ret;
}

/* Does the path end with a certificate that vouches for itself, and that nobody has told us to trust? */
static int ends_untrusted( const struct chain *chain )
{
    const gnutls_datum_t *top = &chain->der[chain->path[chain->path_count - 1]];
    gnutls_datum_t issuer, subject;

    return tls_trust_names( top, &issuer, &subject ) && tls_trust_same_name( &issuer, &subject ) && !is_anchor( top );
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
    const gnutls_datum_t *anchor;
    size_t pos = 0;

    if (!tls_trust_names( der, &issuer_name, &subject )) return 0;
    while ((anchor = tls_trust_next( &issuer_name, &pos )))
    {
        if (certificate_import( issuer, anchor ) < 0) continue;
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
    *bits = bits_told( *bits, flags );
    return 0;
}

/* Reads as many as there can be in a chain. What follows one that cannot be read is left out. Returns 0 or a GnuTLS code. */
static int import_chain( struct chain *chain, const gnutls_datum_t *der, unsigned int count )
{
    int ret = 0;

    if (count > MAX_CHAIN) count = MAX_CHAIN;
    chain->der = der;
    for (chain->count = 0; chain->count < count; chain->count++)
        if ((ret = certificate_import( &chain->certs[chain->count], &der[chain->count] )) < 0) break;
    return ret < 0 ? ret : 0;
}

static void free_chain( struct chain *chain )
{
    while (chain->count) gnutls_x509_crt_deinit( chain->certs[--chain->count] );
}

enum wh_error tls_verify_chain( const gnutls_datum_t *der, const gnutls_datum_t *staples, unsigned int count,
                                const struct tls_peer_name *peer, uint32_t flags, uint32_t *bits )
{
    struct chain chain;
    int ret = 0;

    *bits = 0;
    if (tls_trust_due()) return WHE_NO_MEMORY;       /* it was not read whole; whoever connects next has it read again */
    ret = import_chain( &chain, der, count );
    if (!chain.count) *bits = WH_CERT_INVALID;       /* nothing that can be read as a certificate */
    else if (ret != GNUTLS_E_MEMORY_ERROR) ret = judge( &chain, staples, peer, flags, bits );
    free_chain( &chain );

    if (ret == GNUTLS_E_MEMORY_ERROR) return WHE_NO_MEMORY;
    return *bits ? WHE_CERT : WHE_OK;
}

/* ---- the links of a chain that others have found ---- */

/* Cuts a list of the boundary into its certificates. Returns how many, at most MAX_CHAIN; 0 if it is broken, or longer. */
static unsigned int read_list( const uint8_t *pos, size_t len, gnutls_datum_t *der )
{
    unsigned int count;
    uint32_t size;

    for (count = 0; len; count++)
    {
        if (count == MAX_CHAIN || len < sizeof(size)) return 0;
        memcpy( &size, pos, sizeof(size) );
        len -= sizeof(size);
        if (!size || size > len) return 0;
        der[count].data = (unsigned char *)pos + sizeof(size);
        der[count].size = size;
        pos += sizeof(size) + size;
        len -= size;
    }
    return count;
}

/* Every link counts here: where GnuTLS does not find the way from one certificate to the next there is none. */
static int judge_links( struct chain *chain, uint32_t flags, uint32_t *bits )
{
    gnutls_x509_trust_list_t list;
    int ret;

    if (chain->count < 2) return 0;
    for (chain->path_count = 0; chain->path_count < chain->count; chain->path_count++)
        chain->path[chain->path_count] = chain->path_count;
    if ((ret = gnutls_x509_trust_list_init( &list, 1 )) < 0) return ret;
    if (!(ret = list_add( list, &chain->der[chain->count - 1] )))
        ret = list_judge( list, chain->certs, chain->count, flags, bits );
    gnutls_x509_trust_list_deinit( list, 1 );
    if (*bits & WH_CERT_UNKNOWN_CA) *bits = (*bits & ~WH_CERT_UNKNOWN_CA) | WH_CERT_INVALID;
    *bits = bits_told( *bits | path_key_bits( chain ), flags );
    return ret;
}

uint32_t links_call( struct wh_links_params *params )
{
    gnutls_datum_t der[MAX_CHAIN];
    struct chain chain;
    unsigned int count;
    int ret;

    params->bits = 0;
    params->error = WHE_INVALID;
    if (!params->chain) return WH_REFUSED;
    if (!(count = read_list( wh_to_ptr( params->chain ), params->chain_len, der ))) return WH_DONE;
    if (!(ret = import_chain( &chain, der, count ))) ret = judge_links( &chain, params->tls_flags, &params->bits );
    free_chain( &chain );
    if (ret == GNUTLS_E_MEMORY_ERROR) params->error = WHE_NO_MEMORY;
    else if (ret >= 0) params->error = WHE_OK;
    return WH_DONE;
}
