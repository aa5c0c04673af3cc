/*
 * What TLS knows about a request's connection
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "request.h"
#include "tls.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* SecPkgContext_ConnectionInfo and SecPkgContext_CipherInfo, which the toolchain's schannel.h has only in part. */
struct security_info
{
    DWORD protocol;
    DWORD cipher_alg, cipher_bits;
    DWORD hash_alg, hash_bits;
    DWORD kx_alg, kx_bits;

    DWORD version, suite_protocol, suite, base_suite;
    WCHAR suite_name[64], cipher_name[64];
    DWORD cipher_len, cipher_block_len;
    WCHAR hash_name[64];
    DWORD hash_len;
    WCHAR kx_name[64];
    DWORD kx_min_len, kx_max_len;
    WCHAR cert_name[64];
    DWORD key_type;
};
C_ASSERT( sizeof(struct security_info) == 708 );

/*--- facts ---------------------------------------------------------------------------------------------------------*/

static DWORD get_facts( struct request *request, struct wh_tls_facts *facts )
{
    struct wh_exchange_query_params params = { 0 };
    DWORD err = ERROR_SUCCESS;

    if (!request->secure) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    params.buffer   = wh_from_ptr( facts );
    params.what     = WHQ_TLS;
    params.size     = sizeof(*facts);
    if (!request->exchange || wh_exchange_query( &params ) != WH_DONE || params.error)
        err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

DWORD tls_get_key_bitness( struct object *obj, void *value )
{
    struct wh_tls_facts facts;
    DWORD err = get_facts( request_from_object( obj ), &facts );

    if (!err) memcpy( value, &facts.cipher_bits, sizeof(DWORD) );
    return err;
}

/* As Schannel spells them. */
static const struct { DWORD alg; const WCHAR *name; } alg_names[] =
{
    { CALG_AES_128, L"AES" },
    { CALG_AES_256, L"AES" },
    { CALG_3DES,    L"3DES" },
    { CALG_SHA1,    L"SHA1" },
    { CALG_SHA_256, L"SHA256" },
    { CALG_SHA_384, L"SHA384" },
    { CALG_RSA_KEYX, L"RSA" },
    { CALG_ECDH_EPHEM, L"ECDH" },
};

static void copy_alg_name( WCHAR *name, DWORD alg )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( alg_names ); i++) if (alg_names[i].alg == alg) wcscpy( name, alg_names[i].name );
}

DWORD tls_get_security_info( struct object *obj, void *value )
{
    struct security_info info = { 0 };
    struct wh_tls_facts facts;
    unsigned int i;

    if (!get_facts( request_from_object( obj ), &facts ))
    {
        info.protocol    = facts.version;      /* SP_PROT_*_CLIENT have the values of WH_TLS_* */
        info.cipher_alg  = facts.cipher_alg;
        info.cipher_bits = facts.cipher_bits;
        info.hash_alg    = facts.hash_alg;
        info.hash_bits   = facts.hash_bits;
        info.kx_alg      = facts.kx_alg;
        info.kx_bits     = facts.kx_bits;

        info.version        = 1;               /* SECPKGCONTEXT_CIPHERINFO_V1 */
        info.suite_protocol = facts.version;
        info.suite = info.base_suite = facts.suite;
        for (i = 0; i < ARRAYSIZE( info.suite_name ) - 1 && facts.name[i]; i++) info.suite_name[i] = facts.name[i];
        info.cipher_len  = facts.cipher_bits;
        info.hash_len    = facts.hash_bits;
        info.kx_min_len  = info.kx_max_len = facts.kx_bits;
        copy_alg_name( info.cipher_name, facts.cipher_alg );
        copy_alg_name( info.hash_name, facts.hash_alg );
        copy_alg_name( info.kx_name, facts.kx_alg );
    }
    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

/*--- certificates --------------------------------------------------------------------------------------------------*/

#define UNUSED __attribute__((unused))

#define CRYPT32_FUNCS(X) \
    X( CertAddEncodedCertificateToStore ) \
    X( CertCloseStore ) \
    X( CertDuplicateCertificateContext ) \
    X( CertFreeCertificateContext ) \
    X( CertGetCertificateChain ) \
    X( CertNameToStrW ) \
    X( CertOpenStore )

static struct
{
#define FUNC( name ) __typeof__( name ) *p##name;
    CRYPT32_FUNCS( FUNC )
#undef FUNC
} crypt32;

static INIT_ONCE crypt32_once = INIT_ONCE_STATIC_INIT;

/* crypt32 costs a program that does not ask milliseconds. FALSE: not there; asked again next time. */
static BOOL WINAPI load_crypt32( INIT_ONCE *once UNUSED, void *param UNUSED, void **context UNUSED )
{
    HMODULE module = LoadLibraryW( L"crypt32.dll" );
    BOOL ret = module != NULL;

#define FUNC( name ) ret = ret && (crypt32.p##name = (void *)GetProcAddress( module, #name ));
    CRYPT32_FUNCS( FUNC )
#undef FUNC
    return ret;
}

/* The server's certificates as the transport lists them, in memory that the caller frees. */
static DWORD get_chain( struct request *request, BYTE **chain, DWORD *len )
{
    struct wh_exchange_query_params params = { 0 };
    DWORD err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    BYTE *data;

    if (!request->secure) return err;
    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    params.what     = WHQ_PEER_CHAIN;
    if (request->exchange && wh_exchange_query( &params ) == WH_DONE && params.len)
    {
        err = ERROR_NOT_ENOUGH_MEMORY;
        if ((data = malloc( params.len )))
        {
            params.buffer = wh_from_ptr( data );
            params.size   = params.len;
            err = wh_exchange_query( &params ) != WH_DONE || params.error ? ERROR_WINHTTP_INCORRECT_HANDLE_STATE : 0;
            *chain = data;
            *len   = params.len;
            if (err) free( data );
        }
    }
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

static DWORD get_leaf( struct request *request, const CERT_CONTEXT **leaf )
{
    const CERT_CONTEXT **ret = leaf;
    BYTE *chain, *pos, *end;
    HCERTSTORE store;
    uint32_t count;
    DWORD err, len;

    *leaf = NULL;
    if ((err = get_chain( request, &chain, &len ))) return err;
    if (!InitOnceExecuteOnce( &crypt32_once, load_crypt32, NULL, NULL ) ||
        !(store = crypt32.pCertOpenStore( CERT_STORE_PROV_MEMORY, 0, 0, CERT_STORE_CREATE_NEW_FLAG, NULL )))
    {
        free( chain );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    end = chain + len;
    for (pos = chain; end - pos > (int)sizeof(count); pos += count)
    {
        memcpy( &count, pos, sizeof(count) );
        pos += sizeof(count);
        if (count > (DWORD)(end - pos)) break;
        if (!crypt32.pCertAddEncodedCertificateToStore( store, X509_ASN_ENCODING, pos, count, CERT_STORE_ADD_ALWAYS,
                                                        ret )) break;
        ret = NULL;    /* only the first one is wanted; the others are in its store */
    }
    crypt32.pCertCloseStore( store, 0 );    /* the leaf keeps it */
    free( chain );
    return *leaf ? ERROR_SUCCESS : ERROR_WINHTTP_INTERNAL_ERROR;
}

DWORD tls_get_cert_context( struct object *obj, void *value )
{
    const CERT_CONTEXT *leaf;
    DWORD err = get_leaf( request_from_object( obj ), &leaf );

    if (!err) memcpy( value, &leaf, sizeof(leaf) );
    return err;
}

DWORD tls_get_cert_chain( struct object *obj, void *value )
{
    CERT_CHAIN_PARA para = { .cbSize = sizeof(para) };
    const CERT_CHAIN_CONTEXT *chain = NULL;
    const CERT_CONTEXT *leaf;
    DWORD err = get_leaf( request_from_object( obj ), &leaf );

    if (!err)
    {
        if (!crypt32.pCertGetCertificateChain( NULL, leaf, NULL, leaf->hCertStore, &para, 0, NULL, &chain ))
            err = GetLastError();
        crypt32.pCertFreeCertificateContext( leaf );
    }
    memcpy( value, &chain, sizeof(chain) );    /* NULL on failure, TL-11 */
    return err;
}

static WCHAR *name_to_text( CERT_NAME_BLOB *name )
{
    DWORD format = CERT_SIMPLE_NAME_STR | CERT_NAME_STR_CRLF_FLAG;
    DWORD cch = crypt32.pCertNameToStrW( X509_ASN_ENCODING, name, format, NULL, 0 );
    WCHAR *text = LocalAlloc( 0, cch * sizeof(WCHAR) );

    if (text) crypt32.pCertNameToStrW( X509_ASN_ENCODING, name, format, text, cch );
    return text;
}

DWORD tls_get_cert_info( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    WINHTTP_CERTIFICATE_INFO info = { .dwKeySize = 0 };
    const CERT_CONTEXT *leaf;
    struct wh_tls_facts facts;
    DWORD err;

    if ((err = get_facts( request, &facts )) || (err = get_leaf( request, &leaf ))) return err;
    info.ftExpiry        = leaf->pCertInfo->NotAfter;
    info.ftStart         = leaf->pCertInfo->NotBefore;
    info.lpszSubjectInfo = name_to_text( &leaf->pCertInfo->Subject );
    info.lpszIssuerInfo  = name_to_text( &leaf->pCertInfo->Issuer );
    info.dwKeySize       = facts.cipher_bits;
    crypt32.pCertFreeCertificateContext( leaf );
    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

DWORD tls_copy_cert( const void *cert, const void **copy )
{
    if (!InitOnceExecuteOnce( &crypt32_once, load_crypt32, NULL, NULL )) return ERROR_NOT_ENOUGH_MEMORY;
    *copy = crypt32.pCertDuplicateCertificateContext( cert );
    return *copy ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
}

void tls_free_cert( const void *cert )
{
    crypt32.pCertFreeCertificateContext( cert );
}
