/*
 * Revocation: OCSP and CRLs, fetched over our own engine, for requests with WINHTTP_ENABLE_SSL_REVOCATION
 *
 * OCSP goes first: its answers are small. The Unix side makes its requests and understands its responses; CRLs are
 * crypt32's. Sources: RFC 6960, RFC 5280 sections 4.2.1.13, 4.2.2.1 and 5, RFC 6960 appendix A.1 (HTTP).
 *
 * A certificate that names no place to ask at is one of which nothing can be told: whoever asks for revocation checks
 * shall not get a silent yes.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "distrust.h"
#include "revocation.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_OCSP         65536           /* bytes of a response, which is some kilobytes at most in practice */
#define MAX_CRL          (16 << 20)      /* the largest public ones have about 10 MiB */
#define STEP_MS          10000           /* of resolving, connecting, and between two arrivals of bytes */
#define FETCH_MS         20000           /* of the whole: the handshake waits */
#define VERDICT_MS       40000           /* of all that one chain asks for: nothing is begun after that */
#define MAX_URLS         4               /* per certificate and kind: an issuer could name thousands */
#define LIFE_MS          3600000         /* of what does not say how long it is good */
#define FAILED_MS        10000           /* before the same is asked for again in vain */
#define VERDICTS         64
#define CRLS             16

/*--- time ----------------------------------------------------------------------------------------------------------*/

static UINT64 from_filetime( const FILETIME *time )
{
    return (UINT64)time->dwHighDateTime << 32 | time->dwLowDateTime;
}

static UINT64 now_ticks( void )
{
    FILETIME time;

    GetSystemTimeAsFileTime( &time );
    return from_filetime( &time );
}

#define TICKS_PER_MS   10000ull
#define UNIX_EPOCH     116444736000000000ull     /* 1970 in FILETIME's ticks */

/*--- what was found out before -------------------------------------------------------------------------------------*/

struct verdict
{
    BYTE   cert[SHA1_SIZE], issuer[SHA1_SIZE];
    DWORD  bits;
    UINT64 until;            /* 0 = free */
};

struct crl
{
    WCHAR             *url;
    const CRL_CONTEXT *context;      /* its signature is checked with each use: the URL says nothing of the issuer */
    UINT64             until;
};

static SRWLOCK lock = SRWLOCK_INIT;
static struct verdict verdicts[VERDICTS];
static struct crl crls[CRLS];
static unsigned int next_verdict, next_crl;

static BOOL verdict_known( const struct verdict *key, BOOL failures, DWORD *bits )
{
    UINT64 now = now_ticks();
    BOOL ret = FALSE;
    unsigned int i;

    AcquireSRWLockShared( &lock );
    for (i = 0; i < VERDICTS && !ret; i++)
    {
        if (verdicts[i].until <= now || memcmp( verdicts[i].cert, key->cert, SHA1_SIZE ) ||
            memcmp( verdicts[i].issuer, key->issuer, SHA1_SIZE )) continue;
        *bits = verdicts[i].bits;
        ret = failures || *bits != WH_CERT_REV_FAILED;
    }
    ReleaseSRWLockShared( &lock );
    return ret;
}

static void verdict_keep( const struct verdict *verdict )
{
    AcquireSRWLockExclusive( &lock );
    verdicts[next_verdict++ % VERDICTS] = *verdict;
    ReleaseSRWLockExclusive( &lock );
}

/* A CRL from that URL, given, or NULL. */
static const CRL_CONTEXT *crl_known( const WCHAR *url )
{
    const CRL_CONTEXT *ret = NULL;
    UINT64 now = now_ticks();
    unsigned int i;

    AcquireSRWLockShared( &lock );
    for (i = 0; i < CRLS && !ret; i++)
        if (crls[i].until > now && !wcscmp( crls[i].url, url )) ret = crypt32.pCertDuplicateCRLContext( crls[i].context );
    ReleaseSRWLockShared( &lock );
    return ret;
}

static void crl_keep( const WCHAR *url, const CRL_CONTEXT *context, UINT64 until )
{
    struct crl old, crl = { wcsdup( url ), crypt32.pCertDuplicateCRLContext( context ), until };

    AcquireSRWLockExclusive( &lock );
    old = crls[next_crl % CRLS];
    if (crl.url) crls[next_crl++ % CRLS] = crl;
    else old = crl;
    ReleaseSRWLockExclusive( &lock );
    if (old.context) crypt32.pCertFreeCRLContext( old.context );
    free( old.url );
}

void revocation_free( void )
{
    unsigned int i;

    for (i = 0; i < CRLS; i++)
    {
        if (crls[i].context) crypt32.pCertFreeCRLContext( crls[i].context );
        free( crls[i].url );
    }
    memset( crls, 0, sizeof(crls) );
}

/*--- fetching ------------------------------------------------------------------------------------------------------*/

struct bytes
{
    BYTE *data;
    DWORD len;
};

/* FALSE: too much, too slow, or broken. */
static BOOL read_body( HINTERNET request, DWORD limit, struct bytes *body )
{
    ULONGLONG end = GetTickCount64() + FETCH_MS;
    DWORD size = 0, read;
    BYTE *data;

    for (;;)
    {
        if (body->len == size)
        {
            size = size ? size * 2 : 16384;
            if (!(data = realloc( body->data, size ))) return FALSE;
            body->data = data;
        }
        if (!WinHttpReadData( request, body->data + body->len, size - body->len, &read )) return FALSE;
        if (!read) return body->len != 0;
        body->len += read;
        if (body->len > limit || GetTickCount64() >= end) return FALSE;
    }
}

static BOOL exchange( HINTERNET request, const struct bytes *post, DWORD limit, struct bytes *body )
{
    static const WCHAR type[] = L"Content-Type: application/ocsp-request";
    DWORD status = 0, size = sizeof(status), features = WINHTTP_DISABLE_REDIRECTS | WINHTTP_DISABLE_COOKIES |
                                                        WINHTTP_DISABLE_AUTHENTICATION;

    /* Elsewhere could be https, whose certificate would have to be judged first. */
    if (!WinHttpSetOption( request, WINHTTP_OPTION_DISABLE_FEATURE, &features, sizeof(features) )) return FALSE;
    if (!WinHttpSendRequest( request, post->len ? type : NULL, post->len ? ~0u : 0, post->data, post->len, post->len, 0 ) ||
        !WinHttpReceiveResponse( request, NULL ) ||
        !WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL ))
        return FALSE;
    return status == HTTP_STATUS_OK && read_body( request, limit, body );
}

/* GET, or POST of a request for OCSP. *body is the caller's to free, whatever this says. */
static BOOL fetch( const WCHAR *url, const struct bytes *post, DWORD limit, struct bytes *body )
{
    URL_COMPONENTS parts = { .dwStructSize = sizeof(parts), .dwHostNameLength = 1, .dwUrlPathLength = 1 };
    HINTERNET session = NULL, connect = NULL, request = NULL;
    WCHAR host[256];
    BOOL ret = FALSE;

    body->data = NULL;
    body->len  = 0;
    if (!WinHttpCrackUrl( url, 0, 0, &parts ) || parts.nScheme != INTERNET_SCHEME_HTTP ||
        parts.dwHostNameLength >= ARRAYSIZE( host )) return FALSE;
    memcpy( host, parts.lpszHostName, parts.dwHostNameLength * sizeof(WCHAR) );
    host[parts.dwHostNameLength] = 0;

    if ((session = WinHttpOpen( L"Microsoft-CryptoAPI/10.0", WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, NULL, NULL, 0 )) &&
        WinHttpSetTimeouts( session, STEP_MS, STEP_MS, STEP_MS, STEP_MS ) &&
        (connect = WinHttpConnect( session, host, parts.nPort, 0 )) &&
        (request = WinHttpOpenRequest( connect, post->len ? L"POST" : NULL, parts.lpszUrlPath, NULL, NULL, NULL,
                                       WINHTTP_FLAG_ESCAPE_DISABLE )))
        ret = exchange( request, post, limit, body );
    TRACE( "%s: %s, %lu bytes\n", debugstr_w( url ), ret ? "there" : "not there", body->len );
    if (request) WinHttpCloseHandle( request );
    if (connect) WinHttpCloseHandle( connect );
    if (session) WinHttpCloseHandle( session );
    return ret;
}

/*--- where to ask --------------------------------------------------------------------------------------------------*/

struct place             /* a certificate in its chain */
{
    const CERT_CONTEXT *cert, *issuer;
    BOOL                is_leaf;
    ULONGLONG           end;         /* GetTickCount64: then nothing more is fetched */
};

static BOOL has_time( const struct place *place )
{
    return GetTickCount64() < place->end;
}

/* An extension as crypt32 decodes it, to be freed with LocalFree; NULL if it is not there. */
static void *decode_extension( const CERT_CONTEXT *cert, const char *oid, const char *type )
{
    const CERT_EXTENSION *ext = crypt32.pCertFindExtension( oid, cert->pCertInfo->cExtension, cert->pCertInfo->rgExtension );
    void *info = NULL;
    DWORD size;

    if (ext && !crypt32.pCryptDecodeObjectEx( X509_ASN_ENCODING, type, ext->Value.pbData, ext->Value.cbData,
                                              CRYPT_DECODE_ALLOC_FLAG, NULL, &info, &size )) info = NULL;
    return info;
}

static BOOL is_http( const CERT_ALT_NAME_ENTRY *entry )
{
    return entry->dwAltNameChoice == CERT_ALT_NAME_URL && !_wcsnicmp( entry->pwszURL, L"http://", 7 );
}

/* Borrowed from `info`. */
static unsigned int ocsp_urls( const CERT_AUTHORITY_INFO_ACCESS *info, const WCHAR **urls )
{
    unsigned int count = 0;
    DWORD i;

    for (i = 0; info && i < info->cAccDescr && count < MAX_URLS; i++)
        if (!strcmp( info->rgAccDescr[i].pszAccessMethod, szOID_PKIX_OCSP ) && is_http( &info->rgAccDescr[i].AccessLocation ))
            urls[count++] = info->rgAccDescr[i].AccessLocation.pwszURL;
    return count;
}

/* Points that cover some reasons only, or whose CRLs others issue, are left out: they cannot say that all is well. */
static unsigned int crl_urls( const CRL_DIST_POINTS_INFO *info, const WCHAR **urls )
{
    unsigned int count = 0;
    DWORD i, j;

    for (i = 0; info && i < info->cDistPoint; i++)
    {
        const CRL_DIST_POINT *point = &info->rgDistPoint[i];
        const CERT_ALT_NAME_INFO *names = &point->DistPointName.FullName;

        if (point->DistPointName.dwDistPointNameChoice != CRL_DIST_POINT_FULL_NAME || point->ReasonFlags.cbData ||
            point->CRLIssuer.cAltEntry) continue;
        for (j = 0; j < names->cAltEntry && count < MAX_URLS; j++)
            if (is_http( &names->rgAltEntry[j] )) urls[count++] = names->rgAltEntry[j].pwszURL;
    }
    return count;
}

/*--- OCSP ----------------------------------------------------------------------------------------------------------*/

static DWORD ask_responder( const WCHAR *url, struct wh_ocsp_params *params, UINT64 *until )
{
    const struct bytes post = { wh_to_ptr( params->request ), params->request_len };
    DWORD bits = WH_CERT_REV_FAILED;
    struct bytes body;

    if (fetch( url, &post, MAX_OCSP, &body ))
    {
        params->response     = wh_from_ptr( body.data );
        params->response_len = body.len;
        if (wh_ocsp( params ) == WH_DONE && !params->error) bits = params->bits;
        *until = params->until ? UNIX_EPOCH + params->until * 1000 * TICKS_PER_MS : now_ticks() + LIFE_MS * TICKS_PER_MS;
    }
    free( body.data );
    return bits;
}

static DWORD ask_ocsp( const struct place *place, UINT64 *until )
{
    CERT_AUTHORITY_INFO_ACCESS *info;
    struct wh_ocsp_params params = { 0 };
    const CERT_CONTEXT *certs[] = { place->cert, place->issuer };
    const WCHAR *urls[MAX_URLS];
    DWORD bits = WH_CERT_REV_FAILED, len;
    BYTE request[512], *pair = NULL;
    unsigned int i, count;

    info = decode_extension( place->cert, szOID_AUTHORITY_INFO_ACCESS, X509_AUTHORITY_INFO_ACCESS );
    if ((count = ocsp_urls( info, urls )) && (pair = crypt32_list( certs, ARRAYSIZE( certs ), &len )))
    {
        params.chain        = wh_from_ptr( pair );
        params.chain_len    = len;
        params.request      = wh_from_ptr( request );
        params.request_size = sizeof(request);
        if (wh_ocsp( &params ) != WH_DONE || params.error) count = 0;
        for (i = 0; i < count && bits == WH_CERT_REV_FAILED && has_time( place ); i++)
            bits = ask_responder( urls[i], &params, until );
    }
    free( pair );
    LocalFree( info );
    return bits;
}

/*--- CRLs ----------------------------------------------------------------------------------------------------------*/

/* Whether the CRL is about certificates like this one, and all of them, as far as its extensions restrict it. */
static BOOL crl_covers( const CRL_INFO *info, const struct place *place )
{
    CRL_ISSUING_DIST_POINT *point;
    DWORD i, size;
    BOOL ret = TRUE;

    for (i = 0; i < info->cExtension && ret; i++)
    {
        const CERT_EXTENSION *ext = &info->rgExtension[i];

        if (!strcmp( ext->pszObjId, szOID_ISSUING_DIST_POINT ))
        {
            if (!crypt32.pCryptDecodeObjectEx( X509_ASN_ENCODING, X509_ISSUING_DIST_POINT, ext->Value.pbData,
                                               ext->Value.cbData, CRYPT_DECODE_ALLOC_FLAG, NULL, &point, &size )) return FALSE;
            ret = !point->fIndirectCRL && !point->OnlySomeReasonFlags.cbData &&
                  !(place->is_leaf ? point->fOnlyContainsCACerts : point->fOnlyContainsUserCerts);
            LocalFree( point );
        }
        else ret = !ext->fCritical;    /* a delta CRL's mark is critical, too */
    }
    return ret;
}

/* Whether the issuer may sign CRLs, and has signed this one, which is neither old nor from the future. */
static BOOL crl_is_good( const CRL_CONTEXT *crl, const struct place *place )
{
    const CRL_INFO *info = crl->pCrlInfo;
    const CERT_NAME_BLOB *name = &place->issuer->pCertInfo->Subject;
    UINT64 now = now_ticks(), next = from_filetime( &info->NextUpdate );
    BYTE usage[2];

    if (info->Issuer.cbData != name->cbData || memcmp( info->Issuer.pbData, name->pbData, name->cbData )) return FALSE;
    if (from_filetime( &info->ThisUpdate ) > now + 300000 * TICKS_PER_MS || (next && next < now)) return FALSE;
    if (crypt32.pCertGetIntendedKeyUsage( X509_ASN_ENCODING, place->issuer->pCertInfo, usage, sizeof(usage) ) &&
        !(usage[0] & CERT_CRL_SIGN_KEY_USAGE)) return FALSE;
    return crypt32.pCryptVerifyCertificateSignatureEx( 0, X509_ASN_ENCODING, CRYPT_VERIFY_CERT_SIGN_SUBJECT_CRL,
                                                       (void *)crl, CRYPT_VERIFY_CERT_SIGN_ISSUER_CERT,
                                                       (void *)place->issuer, 0, NULL );
}

static DWORD ask_crl( const CRL_CONTEXT *crl, const struct place *place )
{
    CRL_ENTRY *entry = NULL;

    if (!crl_is_good( crl, place ) || !crl_covers( crl->pCrlInfo, place )) return WH_CERT_REV_FAILED;
    if (!crypt32.pCertFindCertificateInCRL( place->cert, crl, 0, NULL, &entry )) return WH_CERT_REV_FAILED;
    return entry ? WH_CERT_REVOKED : 0;
}

static DWORD ask_crl_at( const WCHAR *url, const struct place *place, BOOL network, UINT64 *until )
{
    static const struct bytes nothing = { NULL, 0 };
    const CRL_CONTEXT *crl = crl_known( url );
    DWORD bits = WH_CERT_REV_FAILED;
    struct bytes body = { NULL, 0 };
    BOOL fetched = FALSE;

    if (!crl && network && has_time( place ) && fetch( url, &nothing, MAX_CRL, &body ))
    {
        crl = crypt32.pCertCreateCRLContext( X509_ASN_ENCODING, body.data, body.len );
        fetched = crl != NULL;
    }
    free( body.data );
    if (!crl) return bits;
    bits = ask_crl( crl, place );
    if (!(*until = from_filetime( &crl->pCrlInfo->NextUpdate ))) *until = now_ticks() + LIFE_MS * TICKS_PER_MS;
    if (fetched && bits != WH_CERT_REV_FAILED) crl_keep( url, crl, *until );
    crypt32.pCertFreeCRLContext( crl );
    return bits;
}

static DWORD ask_crls( const struct place *place, BOOL network, UINT64 *until )
{
    CRL_DIST_POINTS_INFO *info = decode_extension( place->cert, szOID_CRL_DIST_POINTS, X509_CRL_DIST_POINTS );
    const WCHAR *urls[MAX_URLS];
    unsigned int i, count = crl_urls( info, urls );
    DWORD bits = WH_CERT_REV_FAILED;

    for (i = 0; i < count && bits == WH_CERT_REV_FAILED; i++) bits = ask_crl_at( urls[i], place, network, until );
    LocalFree( info );
    return bits;
}

/*--- chains --------------------------------------------------------------------------------------------------------*/

static BOOL get_hash( const CERT_CONTEXT *cert, BYTE *hash )
{
    DWORD size = SHA1_SIZE;

    return crypt32.pCertGetCertificateContextProperty( cert, CERT_SHA1_HASH_PROP_ID, hash, &size );
}

static DWORD place_bits( const struct place *place, BOOL network )
{
    struct verdict verdict = { .bits = WH_CERT_REV_FAILED };
    DWORD known;

    if (!get_hash( place->cert, verdict.cert ) || !get_hash( place->issuer, verdict.issuer )) return verdict.bits;
    if (verdict_known( &verdict, network, &known )) return known;
    if (network) verdict.bits = ask_ocsp( place, &verdict.until );
    if (verdict.bits == WH_CERT_REV_FAILED) verdict.bits = ask_crls( place, network, &verdict.until );
    if (verdict.bits == WH_CERT_REV_FAILED)
    {
        if (!network) return verdict.bits;
        verdict.until = now_ticks() + FAILED_MS * TICKS_PER_MS;
    }
    verdict_keep( &verdict );
    return verdict.bits;
}

DWORD revocation_bits( const CERT_CHAIN_CONTEXT *chain, DWORD flags, BOOL offline_ok, BOOL leaf_is_good )
{
    const BOOL network = !(flags & (CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL | CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY));
    const CERT_SIMPLE_CHAIN *simple = chain ? chain->rgpChain[0] : NULL;
    struct place place = { .end = GetTickCount64() + VERDICT_MS };
    DWORD bits = simple ? 0 : WH_CERT_REV_FAILED, i;

    for (i = 0; simple && i < simple->cElement && !(bits & WH_CERT_REVOKED); i++)
    {
        if (simple->rgpElement[i]->TrustStatus.dwInfoStatus & CERT_TRUST_IS_SELF_SIGNED) break;    /* its own word */
        if (!i && leaf_is_good) continue;
        place.cert    = simple->rgpElement[i]->pCertContext;
        place.issuer  = i + 1 < simple->cElement ? simple->rgpElement[i + 1]->pCertContext : NULL;
        place.is_leaf = !i;
        bits |= place.issuer ? place_bits( &place, network ) : WH_CERT_REV_FAILED;
    }
    if (bits & WH_CERT_REVOKED) return WH_CERT_REVOKED;
    return offline_ok ? 0 : bits;
}
