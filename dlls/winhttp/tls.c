/*
 * What TLS knows about a request's connection
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "crypt32.h"
#include "peer_chain.h"
#include "request.h"
#include "tls.h"
#include "transport.h"
#include "verdict.h"

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

/* How strong the session is, in the bits of the days of export ciphers. Those of the ignored checks are the program's. */
DWORD tls_get_security_flags( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    DWORD flags = request->options.security_flags;
    struct wh_tls_facts facts;

    if (!get_facts( request, &facts ))
    {
        flags |= SECURITY_FLAG_SECURE;
        if (facts.cipher_bits >= 128) flags |= SECURITY_FLAG_STRENGTH_STRONG;
        else flags |= facts.cipher_bits >= 56 ? SECURITY_FLAG_STRENGTH_MEDIUM : SECURITY_FLAG_STRENGTH_WEAK;
    }
    memcpy( value, &flags, sizeof(flags) );
    return ERROR_SUCCESS;
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

DWORD tls_query_certs( struct request *request, unsigned int what, BYTE **certs, DWORD *len )
{
    struct wh_exchange_query_params params = { 0 };
    DWORD err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    BYTE *data;

    if (!request->secure && !(what & WHQ_OF_PROXY)) return err;
    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    params.what     = what;
    if (request->exchange && wh_exchange_query( &params ) == WH_DONE && params.len)
    {
        err = ERROR_NOT_ENOUGH_MEMORY;
        if ((data = malloc( params.len )))
        {
            params.buffer = wh_from_ptr( data );
            params.size   = params.len;
            err = wh_exchange_query( &params ) != WH_DONE || params.error ? ERROR_WINHTTP_INCORRECT_HANDLE_STATE : 0;
            *certs = data;
            *len   = params.len;
            if (err) free( data );
        }
    }
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

static DWORD get_leaf( struct request *request, const CERT_CONTEXT **leaf )
{
    BYTE *chain;
    DWORD err, len;

    *leaf = NULL;
    if ((err = tls_query_certs( request, WHQ_PEER_CHAIN, &chain, &len ))) return err;
    if (crypt32_load()) *leaf = crypt32_leaf( chain, len );
    free( chain );
    return *leaf ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

DWORD tls_get_cert_context( struct object *obj, void *value )
{
    const CERT_CONTEXT *leaf;
    DWORD err = get_leaf( request_from_object( obj ), &leaf );

    if (!err) memcpy( value, &leaf, sizeof(leaf) );
    return err;
}

/* The connection that the request has, or has had; 0 = none. */
static wh_id connection_of( struct request *request )
{
    wh_id conn = 0;
    struct wh_exchange_query_params params = { .buffer = wh_from_ptr( &conn ), .what = WHQ_PIN, .size = sizeof(conn) };

    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    if (!request->exchange || wh_exchange_query( &params ) != WH_DONE || params.error) conn = 0;
    ReleaseSRWLockExclusive( &request->lock );
    return conn;
}

DWORD tls_get_cert_chain( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    DWORD err = ERROR_SUCCESS, flags = verdict_chain_flags( request );
    const CERT_CHAIN_CONTEXT *chain = NULL;
    const CERT_CONTEXT *leaf;
    wh_id conn = 0;

    if (!request->secure || request->session->no_chain_building)    /* there is none to show */
        err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else if (!(chain = peer_chain_find( conn = connection_of( request ), flags )) && !(err = get_leaf( request, &leaf )))
    {
        if (connection_of( request ) != conn) conn = 0;    /* the request has moved on meanwhile: whose leaf it is, who knows */
        err = peer_chain_build( conn, flags, leaf, &chain );
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
