/*
 * The verdict of the Windows stores on a server's certificate
 *
 * Source: behaviour-concepts.md section 5 (bits and flags), options.md 3.8, Microsoft's documentation of
 * CertGetCertificateChain and of the system stores. A certificate in TrustedPeople is trusted itself; it still has to carry
 * the right name and be in its time.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "crypt32.h"
#include "distrust.h"
#include "revocation.h"
#include "tls.h"
#include "transport.h"
#include "verdict.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define REMEMBERED       32          /* accepted chains, */
#define REMEMBER_MS      60000       /* for so long: a root that is taken away is gone after that */
#define REMEMBER_SIZE    32768       /* bytes of a chain; a larger one is judged each time */
#define MAX_LINKS        16          /* a longer chain the transport does not judge */

/* How a connection was asked for: what its verdict depends on beside the chain. */
struct policy
{
    char  host[256];
    DWORD tls_flags;         /* wh_route.tls_flags */
    DWORD chain_flags;
    BOOL  no_chain;          /* crypt32 builds none */
    DWORD generation;        /* of what is disallowed */
};

/*--- chains that were accepted -------------------------------------------------------------------------------------*/

struct accepted
{
    BYTE         *chain;
    DWORD         len;
    DWORD         bits;      /* that the transport had found */
    struct policy policy;
    ULONGLONG     until;
};

static SRWLOCK accepted_lock = SRWLOCK_INIT;
static struct accepted accepted[REMEMBERED];
static unsigned int accepted_next;

static BOOL remembered( const struct policy *policy, const BYTE *chain, DWORD len, DWORD bits )
{
    ULONGLONG now = GetTickCount64();
    BOOL ret = FALSE;
    unsigned int i;

    AcquireSRWLockShared( &accepted_lock );
    for (i = 0; i < REMEMBERED && !ret; i++)
    {
        const struct accepted *entry = &accepted[i];

        ret = entry->len == len && now < entry->until && entry->bits == bits &&
              !memcmp( &entry->policy, policy, sizeof(*policy) ) && !memcmp( entry->chain, chain, len );
    }
    ReleaseSRWLockShared( &accepted_lock );
    return ret;
}

/* Without memory it is not remembered. */
static void remember( const struct policy *policy, const BYTE *chain, DWORD len, DWORD bits )
{
    struct accepted *entry;
    BYTE *copy;

    if (len > REMEMBER_SIZE || !(copy = malloc( len ))) return;
    memcpy( copy, chain, len );
    AcquireSRWLockExclusive( &accepted_lock );
    entry = &accepted[accepted_next++ % REMEMBERED];
    free( entry->chain );
    entry->chain  = copy;
    entry->len    = len;
    entry->bits   = bits;
    entry->policy = *policy;
    entry->until  = GetTickCount64() + REMEMBER_MS;
    ReleaseSRWLockExclusive( &accepted_lock );
}

void verdict_free( void )
{
    unsigned int i;

    for (i = 0; i < REMEMBERED; i++) free( accepted[i].chain );
    memset( accepted, 0, sizeof(accepted) );
}

/*--- what crypt32 says ---------------------------------------------------------------------------------------------*/

static const struct { DWORD status, bits; } chain_errors[] =
{
    { CERT_TRUST_IS_NOT_TIME_VALID,                 WH_CERT_DATE },
    { CERT_TRUST_IS_NOT_TIME_NESTED,                0 },    /* obsolete: no rule any more */
    { CERT_TRUST_IS_REVOKED,                        WH_CERT_REVOKED },
    { CERT_TRUST_IS_NOT_SIGNATURE_VALID,            0 },    /* link_bits' */
    { CERT_TRUST_IS_NOT_VALID_FOR_USAGE,            WH_CERT_USAGE },
    { CERT_TRUST_IS_UNTRUSTED_ROOT,                 WH_CERT_UNKNOWN_CA },
    { CERT_TRUST_IS_CYCLIC,                         WH_CERT_UNKNOWN_CA },
    { CERT_TRUST_IS_PARTIAL_CHAIN,                  WH_CERT_UNKNOWN_CA },
    { CERT_TRUST_REVOCATION_STATUS_UNKNOWN,         0 },    /* revocation.c's, as the next one */
    { CERT_TRUST_IS_OFFLINE_REVOCATION,             0 },
};

static DWORD chain_bits( DWORD status )
{
    DWORD bits = 0;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( chain_errors ); i++)
    {
        if (status & chain_errors[i].status) bits |= chain_errors[i].bits;
        status &= ~chain_errors[i].status;
    }
    return status ? bits | WH_CERT_INVALID : bits;
}

static const struct { DWORD error, bits; } policy_errors[] =
{
    { (DWORD)CERT_E_EXPIRED,              WH_CERT_DATE },
    { (DWORD)CERT_E_VALIDITYPERIODNESTING, WH_CERT_DATE },
    { (DWORD)CERT_E_UNTRUSTEDROOT,        WH_CERT_UNKNOWN_CA },
    { (DWORD)CERT_E_CHAINING,             WH_CERT_UNKNOWN_CA },
    { (DWORD)CERT_E_WRONG_USAGE,          WH_CERT_USAGE },
    { (DWORD)CERT_E_PURPOSE,              WH_CERT_USAGE },
    { (DWORD)CERT_E_REVOKED,              WH_CERT_REVOKED },
    { (DWORD)CRYPT_E_REVOKED,             WH_CERT_REVOKED },
    { (DWORD)TRUST_E_CERT_SIGNATURE,      0 },    /* link_bits' */
};

/* A second look at the chain that crypt32 has built. The name is not looked at: the transport has, by stricter rules. */
static DWORD policy_bits( const CERT_CHAIN_CONTEXT *chain, DWORD tls_flags )
{
    SSL_EXTRA_CERT_CHAIN_POLICY_PARA ssl = { .cbSize = sizeof(ssl) };
    CERT_CHAIN_POLICY_PARA para = { .cbSize = sizeof(para), .pvExtraPolicyPara = &ssl };
    CERT_CHAIN_POLICY_STATUS status = { .cbSize = sizeof(status) };
    unsigned int i;

    ssl.dwAuthType = AUTHTYPE_SERVER;
    ssl.fdwChecks  = SECURITY_FLAG_IGNORE_CERT_CN_INVALID | (tls_flags & SECURITY_FLAG_IGNORE_ALL_CERT_ERRORS);
    if (!crypt32.pCertVerifyCertificateChainPolicy( CERT_CHAIN_POLICY_SSL, chain, &para, &status )) return WH_CERT_INVALID;
    if (!status.dwError) return 0;
    for (i = 0; i < ARRAYSIZE( policy_errors ); i++)
        if (policy_errors[i].error == status.dwError) return policy_errors[i].bits;
    return WH_CERT_INVALID;
}

/* The links of the chain that crypt32 has found, judged once more where all the others are judged. For signatures it is the
 * only judge: Wine's crypt32 takes one of ECDSA for wrong when a number in it happens to be short. */
static DWORD link_bits( const CERT_CHAIN_CONTEXT *chain, DWORD tls_flags )
{
    const CERT_SIMPLE_CHAIN *simple = chain->rgpChain[0];
    const CERT_CONTEXT *certs[MAX_LINKS];
    struct wh_links_params params = { .tls_flags = tls_flags };
    BYTE *list;
    DWORD i, len;

    if (simple->cElement > ARRAYSIZE( certs )) return WH_CERT_INVALID;
    for (i = 0; i < simple->cElement; i++) certs[i] = simple->rgpElement[i]->pCertContext;
    if (!(list = crypt32_list( certs, i, &len ))) return WH_CERT_INVALID;
    params.chain     = wh_from_ptr( list );
    params.chain_len = len;
    if (wh_links( &params ) != WH_DONE || params.error) params.bits = WH_CERT_INVALID;
    free( list );
    return params.bits;
}

/* Whether each certificate of the chain was really issued by the next one. Where the host's list vouches for the server, nobody
 * has looked at the chain of crypt32's, which a server can lead astray with another authority of the same name; and by
 * that one's key its revocation data would be signed. */
static BOOL is_sound( const CERT_CHAIN_CONTEXT *chain )
{
    return !link_bits( chain, WH_TLS_IGNORE_DATE | WH_TLS_IGNORE_USAGE | WH_TLS_IGNORE_WEAK_SIGNATURE );
}

static BOOL is_disallowed( const CERT_CONTEXT *cert )
{
    BYTE hash[SHA1_SIZE];
    DWORD size = sizeof(hash);

    if (!crypt32.pCertGetCertificateContextProperty( cert, CERT_SHA1_HASH_PROP_ID, hash, &size )) return TRUE;
    return distrust_has( hash );
}

/* One that stands in the chain. Without a sound chain nobody knows which ones the transport has used of those that the server
 * has sent, or of its own: then none of them may be disallowed. */
static DWORD distrust_bits( const CERT_CHAIN_CONTEXT *sound, const CERT_CONTEXT *leaf )
{
    const CERT_CONTEXT *cert = NULL;
    DWORD i;

    if (!distrust_any()) return 0;
    if (is_disallowed( leaf )) return WH_CERT_INVALID;
    for (i = 0; sound && i < sound->rgpChain[0]->cElement; i++)
        if (is_disallowed( sound->rgpChain[0]->rgpElement[i]->pCertContext )) return WH_CERT_INVALID;
    while (!sound && (cert = crypt32.pCertEnumCertificatesInStore( leaf->hCertStore, cert )))
    {
        if (!is_disallowed( cert )) continue;
        crypt32.pCertFreeCertificateContext( cert );
        return WH_CERT_INVALID;
    }
    return 0;
}

/* In TrustedPeople, the user's or the machine's. */
static BOOL is_trusted_itself( const CERT_CONTEXT *leaf )
{
    static const DWORD locations[] = { CERT_SYSTEM_STORE_CURRENT_USER, CERT_SYSTEM_STORE_LOCAL_MACHINE };
    const CERT_CONTEXT *found = NULL;
    HCERTSTORE store;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( locations ) && !found; i++)
    {
        if (!(store = crypt32_system_store( locations[i], L"TrustedPeople" ))) continue;
        if ((found = crypt32.pCertFindCertificateInStore( store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, leaf, NULL )))
            crypt32.pCertFreeCertificateContext( found );
        crypt32.pCertCloseStore( store, 0 );
    }
    return found != NULL;
}

/* `store`: where certificates may be found beside the engine's own stores. */
static const CERT_CHAIN_CONTEXT *build_chain( const CERT_CONTEXT *leaf, HCERTSTORE store, DWORD flags )
{
    static char server_auth[] = szOID_PKIX_KP_SERVER_AUTH;
    char *usages[] = { server_auth };
    CERT_CHAIN_PARA para = { .cbSize = sizeof(para) };
    const CERT_CHAIN_CONTEXT *chain;

    para.RequestedUsage.dwType = USAGE_MATCH_TYPE_AND;
    para.RequestedUsage.Usage.cUsageIdentifier     = ARRAYSIZE( usages );
    para.RequestedUsage.Usage.rgpszUsageIdentifier = usages;
    if (!crypt32.pCertGetCertificateChain( NULL, leaf, NULL, store, &para, flags, NULL, &chain )) return NULL;
    if (chain->cChain && chain->rgpChain[0]->cElement) return chain;
    crypt32.pCertFreeCertificateChain( chain );
    return NULL;
}

/* An engine may have read its stores long ago (Wine's does so once per process); what was added meanwhile counts, too. */
static const struct { DWORD location; const WCHAR *name; BOOL roots; } fresh_stores[] =
{
    { CERT_SYSTEM_STORE_CURRENT_USER,  L"ROOT", TRUE },
    { CERT_SYSTEM_STORE_LOCAL_MACHINE, L"ROOT", TRUE },
    { CERT_SYSTEM_STORE_CURRENT_USER,  L"CA",   FALSE },
    { CERT_SYSTEM_STORE_LOCAL_MACHINE, L"CA",   FALSE },
};

struct fresh
{
    HCERTSTORE all;          /* with what the server has sent */
    HCERTSTORE stores[ARRAYSIZE( fresh_stores )];
};

static BOOL fresh_open( struct fresh *fresh, const CERT_CONTEXT *leaf )
{
    unsigned int i;

    memset( fresh, 0, sizeof(*fresh) );
    if (!(fresh->all = crypt32.pCertOpenStore( CERT_STORE_PROV_COLLECTION, 0, 0, CERT_STORE_CREATE_NEW_FLAG, NULL )))
        return FALSE;
    crypt32.pCertAddStoreToCollection( fresh->all, leaf->hCertStore, 0, 0 );
    for (i = 0; i < ARRAYSIZE( fresh_stores ); i++)
    {
        fresh->stores[i] = crypt32_system_store( fresh_stores[i].location, fresh_stores[i].name );
        if (fresh->stores[i]) crypt32.pCertAddStoreToCollection( fresh->all, fresh->stores[i], 0, i + 1 );
    }
    return TRUE;
}

static void fresh_close( struct fresh *fresh )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( fresh_stores ); i++)
        if (fresh->stores[i]) crypt32.pCertCloseStore( fresh->stores[i], 0 );
    crypt32.pCertCloseStore( fresh->all, 0 );
}

/* Whether the certificate at the end of a chain is a root of the stores as they are now. */
static BOOL fresh_root( const struct fresh *fresh, const CERT_CHAIN_CONTEXT *chain )
{
    const CERT_SIMPLE_CHAIN *simple = chain->rgpChain[0];
    const CERT_CONTEXT *top = simple->rgpElement[simple->cElement - 1]->pCertContext, *found = NULL;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( fresh_stores ) && !found; i++)
    {
        if (!fresh_stores[i].roots || !fresh->stores[i]) continue;
        found = crypt32.pCertFindCertificateInStore( fresh->stores[i], X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, top, NULL );
    }
    if (found) crypt32.pCertFreeCertificateContext( found );
    return found != NULL;
}

/* The chain to a root that is trusted now, given, and what is wrong with it; NULL: there is none. */
static const CERT_CHAIN_CONTEXT *build_fresh_chain( const CERT_CONTEXT *leaf, DWORD flags, DWORD *bits )
{
    const CERT_CHAIN_CONTEXT *chain = NULL;
    struct fresh fresh;

    if (!fresh_open( &fresh, leaf )) return NULL;
    if ((chain = build_chain( leaf, fresh.all, flags )))
    {
        if (fresh_root( &fresh, chain )) *bits = chain_bits( chain->TrustStatus.dwErrorStatus & ~CERT_TRUST_IS_UNTRUSTED_ROOT );
        else
        {
            crypt32.pCertFreeCertificateChain( chain );
            chain = NULL;
        }
    }
    fresh_close( &fresh );
    return chain;
}

/*--- the verdict ---------------------------------------------------------------------------------------------------*/

static const struct { DWORD flag, bit; } ignored[] =
{
    { WH_TLS_IGNORE_UNKNOWN_CA, WH_CERT_UNKNOWN_CA },
    { WH_TLS_IGNORE_USAGE,      WH_CERT_USAGE },
    { WH_TLS_IGNORE_NAME,       WH_CERT_NAME },
    { WH_TLS_IGNORE_DATE,       WH_CERT_DATE },
};

static DWORD without_ignored( DWORD bits, DWORD tls_flags )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( ignored ); i++) if (tls_flags & ignored[i].flag) bits &= ~ignored[i].bit;
    return bits;
}

/* What stands against the leaf once crypt32 was asked for a chain in place of the one that the transport did not find. *chain
 * may become another one. */
static DWORD cure( const struct policy *policy, const CERT_CONTEXT *leaf, const CERT_CHAIN_CONTEXT **chain, DWORD bits )
{
    const CERT_CHAIN_CONTEXT *other;
    DWORD found, other_found;

    if (is_trusted_itself( leaf )) return bits & ~WH_CERT_UNKNOWN_CA;
    if (!*chain) return bits;
    found = chain_bits( (*chain)->TrustStatus.dwErrorStatus );
    if ((found & WH_CERT_UNKNOWN_CA) && (other = build_fresh_chain( leaf, policy->chain_flags, &other_found )))
    {
        crypt32.pCertFreeCertificateChain( *chain );
        *chain = other;
        found  = other_found;
    }
    /* The root of the other one is not known to the policy. */
    else if (!found) found = policy_bits( *chain, policy->tls_flags );
    found |= link_bits( *chain, policy->tls_flags );
    return (bits & ~WH_CERT_UNKNOWN_CA) | without_ignored( found, policy->tls_flags );
}

/* `bits` is what the transport holds against the leaf and the chain that it knows. */
static DWORD judge_leaf( const struct policy *policy, const CERT_CONTEXT *leaf, DWORD bits )
{
    const CERT_CHAIN_CONTEXT *chain = NULL, *sound;
    DWORD flags = policy->chain_flags;

    if (!policy->no_chain) chain = build_chain( leaf, leaf->hCertStore, flags );
    if (bits & WH_CERT_UNKNOWN_CA) bits = cure( policy, leaf, &chain, bits );
    sound = chain && is_sound( chain ) ? chain : NULL;
    bits |= distrust_bits( sound, leaf );
    if (policy->tls_flags & WH_TLS_CHECK_REVOCATION)
    {
        /* What nobody vouches for does not get to name places to connect to. */
        if (bits & (WH_CERT_UNKNOWN_CA | WH_CERT_INVALID)) flags |= CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY;
        bits = (bits & ~WH_CERT_REV_FAILED) |
               revocation_bits( sound, flags, (policy->tls_flags & WH_TLS_REVOCATION_OFFLINE_OK) != 0,
                                !(bits & WH_CERT_REV_FAILED) );
    }
    if (chain) crypt32.pCertFreeCertificateChain( chain );
    return bits;
}

/* Chains that end in the host's list have to be found, too. What this adds is trusted only if crypt32 does so. */
static void add_anchors( struct request *request, unsigned int whose, const CERT_CONTEXT *leaf )
{
    BYTE *anchors;
    DWORD len;

    if (tls_query_certs( request, WHQ_ANCHORS | whose, &anchors, &len )) return;    /* there may be none */
    crypt32_add( leaf->hCertStore, anchors, len );
    free( anchors );
}

/* `whose`: WHQ_OF_PROXY, or 0 for the server. */
static DWORD judge( struct request *request, unsigned int whose, const struct policy *policy, const BYTE *chain, DWORD len,
                    DWORD bits )
{
    const BOOL memory = !(policy->tls_flags & WH_TLS_CHECK_REVOCATION);    /* revocation.c has its own */
    const CERT_CONTEXT *leaf;
    DWORD ret;

    if (memory && remembered( policy, chain, len, bits )) return 0;
    if (!crypt32_load())
    {
        ERR( "there is no crypt32 to judge by\n" );
        return bits | WH_CERT_INVALID;
    }
    if (!(leaf = crypt32_leaf( chain, len ))) return bits | WH_CERT_INVALID;
    add_anchors( request, whose, leaf );
    ret = judge_leaf( policy, leaf, bits );
    crypt32.pCertFreeCertificateContext( leaf );
    if (memory && !ret) remember( policy, chain, len, bits );
    return ret;
}

DWORD verdict_chain_flags( const struct request *request )
{
    DWORD flags = request->options.chain_flags;

    if (request->options.chain_cache_only) flags |= CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL;
    return flags;
}

#define KEY_NO_CHAIN 0x00000001      /* beside the chain flags, of which there is none of that value */

enum tls_judge verdict_judge( const struct request *request, uint32_t key[2] )
{
    const BOOL no_chain = request->session->no_chain_building;

    key[0] = verdict_chain_flags( request ) | (no_chain ? KEY_NO_CHAIN : 0);
    key[1] = distrust_generation();
    if (request->options.enabled & WINHTTP_ENABLE_SSL_REVOCATION) return WH_JUDGE_ALWAYS;
    if (distrust_any()) return WH_JUDGE_ALWAYS;
    return no_chain ? WH_JUDGE_HERE : WH_JUDGE_DOUBT;
}

void verdict_give( struct request *request, const struct wh_record *record )
{
    struct wh_exchange_resume_params params = { .exchange = record->exchange, .conn = record->bytes };
    const unsigned int whose = record->flags & WHR_FROM_PROXY ? WHQ_OF_PROXY : 0;
    const struct proxy_hop *hop;
    struct policy policy;
    DWORD len, bits = record->detail;
    BYTE *chain;

    if (!record->bytes) return;    /* it is gone: there is nothing to answer */

    memset( &policy, 0, sizeof(policy) );    /* it is compared as a whole */
    AcquireSRWLockShared( &request->lock );
    hop = whose ? proxy_plan_hop( request ) : NULL;
    if (hop) memcpy( policy.host, hop->host, hop->host_len );
    else memcpy( policy.host, request->endpoint->ascii, request->endpoint->ascii_len );
    policy.tls_flags   = request->tls_flags;
    if (whose) policy.tls_flags &= ~WH_TLS_IGNORE_ANY;    /* what the program ignores is the server's */
    policy.chain_flags = request->judge_key[0] & ~KEY_NO_CHAIN;    /* as the leg began, whatever was set since */
    policy.no_chain    = (request->judge_key[0] & KEY_NO_CHAIN) != 0;
    ReleaseSRWLockShared( &request->lock );
    policy.generation  = distrust_generation();

    if (tls_query_certs( request, WHQ_PEER_CHAIN | whose, &chain, &len )) bits |= WH_CERT_INVALID;
    else
    {
        bits = judge( request, whose, &policy, chain, len, bits );
        free( chain );
    }
    TRACE( "%p: %s, %#lx became %#lx\n", request->hdr.handle, policy.host, (unsigned long)record->detail, bits );
    params.verdict = bits ? WHE_CERT : WHE_OK;
    params.bits    = bits;
    wh_exchange_resume( &params );    /* refused: the connection is gone meanwhile */
}
