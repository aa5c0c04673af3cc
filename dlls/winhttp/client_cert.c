/*
 * Client certificates: WINHTTP_OPTION_CLIENT_CERT_CONTEXT and what servers want to see
 *
 * option_text_lock guards the fields of request_options; it is not held while crypt32 or a provider works. Source:
 * options.md 3.8, windows-behaviour.md TL-3, TL-17 to TL-19; blob formats: Microsoft's documentation of CryptExportKey and
 * NCryptExportKey.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "client_cert.h"
#include "crypt32.h"
#include "error.h"
#include "transport.h"

#include <ncrypt.h>

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_CHAIN 8          /* certificates shown to a server */

/*--- private keys --------------------------------------------------------------------------------------------------*/

struct key
{
    BYTE *data;              /* ours, to be wiped */
    DWORD len;
    DWORD format;            /* WH_KEY_* */
};

static void key_wipe( struct key *key )
{
    if (key->data) SecureZeroMemory( key->data, key->len );
    free( key->data );
    key->data = NULL;
}

static DWORD export_capi_key( HCRYPTKEY handle, struct key *key )
{
    DWORD size = 0;

    if (!CryptExportKey( handle, 0, PRIVATEKEYBLOB, 0, NULL, &size )) return ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY;
    if (!(key->data = malloc( size ))) return ERROR_NOT_ENOUGH_MEMORY;
    key->len    = size;
    key->format = WH_KEY_RSA_CAPI;
    if (CryptExportKey( handle, 0, PRIVATEKEYBLOB, 0, key->data, &size ))
    {
        key->len = min( key->len, size );
        return ERROR_SUCCESS;
    }
    key_wipe( key );
    return ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY;
}

/* Which of a container's two keys is meant is not always said in a way that the provider understands: Wine's import of
 * PFX files names both. The transport sees to it that the key is the certificate's. */
static DWORD get_capi_key( HCRYPTPROV provider, DWORD spec, struct key *key )
{
    const DWORD specs[] = { spec, AT_KEYEXCHANGE, AT_SIGNATURE };
    DWORD err = ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY;
    HCRYPTKEY handle;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( specs ); i++)
    {
        if (i && spec != (AT_KEYEXCHANGE | AT_SIGNATURE)) break;
        if (!CryptGetUserKey( provider, specs[i], &handle )) continue;
        err = export_capi_key( handle, key );
        CryptDestroyKey( handle );
        if (!err) break;
    }
    return err;
}

static const struct { const WCHAR *type; DWORD format; } cng_blobs[] =
{
    { BCRYPT_RSAFULLPRIVATE_BLOB,  WH_KEY_RSA_BCRYPT },
    { BCRYPT_ECCPRIVATE_BLOB,      WH_KEY_ECC_BCRYPT },
    { L"PKCS8_PRIVATEKEY",         WH_KEY_PKCS8 },
};

static DWORD get_cng_key( NCRYPT_KEY_HANDLE handle, struct key *key )
{
    HMODULE module = LoadLibraryW( L"ncrypt.dll" );
    __typeof__( NCryptExportKey ) *pNCryptExportKey;
    DWORD err = ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY, size;
    unsigned int i;

    if (!module || !(pNCryptExportKey = (void *)GetProcAddress( module, "NCryptExportKey" ))) goto done;
    for (i = 0; i < ARRAYSIZE( cng_blobs ) && err; i++)
    {
        size = 0;
        if (pNCryptExportKey( handle, 0, cng_blobs[i].type, NULL, NULL, 0, &size, NCRYPT_SILENT_FLAG ) || !size) continue;
        if (!(key->data = malloc( size )))
        {
            err = ERROR_NOT_ENOUGH_MEMORY;
            break;
        }
        key->len    = size;
        key->format = cng_blobs[i].format;
        if (!pNCryptExportKey( handle, 0, cng_blobs[i].type, NULL, key->data, size, &size, NCRYPT_SILENT_FLAG ))
        {
            key->len = min( key->len, size );
            err = ERROR_SUCCESS;
        }
        else key_wipe( key );
    }
done:
    if (module) FreeLibrary( module );
    return err;
}

static DWORD get_key( HCRYPTPROV_OR_NCRYPT_KEY_HANDLE handle, DWORD spec, struct key *key )
{
    return spec == CERT_NCRYPT_KEY_SPEC ? get_cng_key( handle, key ) : get_capi_key( handle, spec, key );
}

static BOOL has_property( const CERT_CONTEXT *cert, DWORD id )
{
    DWORD size = 0;

    return crypt32.pCertGetCertificateContextProperty( cert, id, NULL, &size );
}

/* A key in a container of the machine's, as certificates of services have it: Wine's CryptAcquireCertificatePrivateKey looks
 * for it among the user's. FALSE: the context names none. */
static BOOL machine_key( const CERT_CONTEXT *cert, struct key *key, DWORD *err )
{
    CRYPT_KEY_PROV_INFO *info;
    HCRYPTPROV provider;
    DWORD size = 0;
    BOOL ret;

    if (!crypt32.pCertGetCertificateContextProperty( cert, CERT_KEY_PROV_INFO_PROP_ID, NULL, &size ) ||
        !(info = malloc( size ))) return FALSE;
    ret = crypt32.pCertGetCertificateContextProperty( cert, CERT_KEY_PROV_INFO_PROP_ID, info, &size ) &&
          info->dwProvType && (info->dwFlags & CRYPT_MACHINE_KEYSET);
    if (ret)
    {
        *err = ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY;
        if (CryptAcquireContextW( &provider, info->pwszContainerName, info->pwszProvName, info->dwProvType,
                                  CRYPT_MACHINE_KEYSET | CRYPT_SILENT ))
        {
            *err = get_capi_key( provider, info->dwKeySpec, key );
            CryptReleaseContext( provider, 0 );
        }
    }
    free( info );
    return ret;
}

/* The key that belongs to the context: named by it, or open in it. */
static DWORD key_of_cert( const CERT_CONTEXT *cert, struct key *key )
{
    DWORD flags = CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG | CRYPT_ACQUIRE_SILENT_FLAG;
    HCRYPTPROV_OR_NCRYPT_KEY_HANDLE handle;
    CERT_KEY_CONTEXT open;
    DWORD spec, size, err;
    BOOL ours;

    size = sizeof(open);
    if (crypt32.pCertGetCertificateContextProperty( cert, CERT_KEY_CONTEXT_PROP_ID, &open, &size ))
        return get_key( open.hCryptProv, open.dwKeySpec, key );
    size = sizeof(handle);
    if (crypt32.pCertGetCertificateContextProperty( cert, CERT_NCRYPT_KEY_HANDLE_PROP_ID, &handle, &size ))
        return get_key( handle, CERT_NCRYPT_KEY_SPEC, key );
    if (machine_key( cert, key, &err )) return err;
    if (!crypt32.pCryptAcquireCertificatePrivateKey( cert, flags, NULL, &handle, &spec, &ours ))
        return has_property( cert, CERT_KEY_PROV_INFO_PROP_ID ) ? ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY
                                                                : ERROR_WINHTTP_CLIENT_CERT_NO_PRIVATE_KEY;
    err = get_key( handle, spec, key );
    if (ours && spec != CERT_NCRYPT_KEY_SPEC) CryptReleaseContext( handle, 0 );
    else if (ours)
    {
        HMODULE module = LoadLibraryW( L"ncrypt.dll" );
        __typeof__( NCryptFreeObject ) *pNCryptFreeObject;

        if (module && (pNCryptFreeObject = (void *)GetProcAddress( module, "NCryptFreeObject" ))) pNCryptFreeObject( handle );
        if (module) FreeLibrary( module );
    }
    return err;
}

/*--- chains --------------------------------------------------------------------------------------------------------*/

struct chain
{
    const CERT_CONTEXT *certs[MAX_CHAIN];
    unsigned int        count;
};

static BOOL is_self_issued( const CERT_CONTEXT *cert )
{
    const CERT_NAME_BLOB *subject = &cert->pCertInfo->Subject, *issuer = &cert->pCertInfo->Issuer;

    return subject->cbData == issuer->cbData && !memcmp( subject->pbData, issuer->pbData, subject->cbData );
}

static BOOL has_signed( const CERT_CONTEXT *issuer, const CERT_CONTEXT *cert )
{
    return crypt32.pCryptVerifyCertificateSignatureEx( 0, X509_ASN_ENCODING, CRYPT_VERIFY_CERT_SIGN_SUBJECT_CERT,
                                                       (void *)cert, CRYPT_VERIFY_CERT_SIGN_ISSUER_CERT, (void *)issuer,
                                                       0, NULL );
}

/* The issuer in a store, given; NULL if it is not there. */
static const CERT_CONTEXT *find_issuer( HCERTSTORE store, const CERT_CONTEXT *cert )
{
    const CERT_CONTEXT *found = NULL;

    if (!store) return NULL;
    while ((found = crypt32.pCertFindCertificateInStore( store, X509_ASN_ENCODING, 0, CERT_FIND_SUBJECT_NAME,
                                                         &cert->pCertInfo->Issuer, found )))
        if (has_signed( found, cert )) break;
    return found;
}

/* Leaf first, without the root, as far as it can be found: servers may know the rest. A chain engine would do the same at
 * a price. */
static void build_chain( const CERT_CONTEXT *leaf, struct chain *chain )
{
    static const struct { DWORD location; const WCHAR *name; } places[] =
    {
        { CERT_SYSTEM_STORE_CURRENT_USER,  L"MY" },
        { CERT_SYSTEM_STORE_CURRENT_USER,  L"CA" },
        { CERT_SYSTEM_STORE_LOCAL_MACHINE, L"CA" },
    };
    HCERTSTORE stores[ARRAYSIZE( places )] = { NULL };
    const CERT_CONTEXT *issuer;
    BOOL opened = FALSE;
    unsigned int i;

    chain->certs[0] = crypt32.pCertDuplicateCertificateContext( leaf );
    chain->count = 1;
    while (chain->count < MAX_CHAIN && !is_self_issued( chain->certs[chain->count - 1] ))
    {
        issuer = find_issuer( leaf->hCertStore, chain->certs[chain->count - 1] );
        if (!issuer && !opened)
        {
            for (i = 0; i < ARRAYSIZE( places ); i++)
                stores[i] = crypt32_system_store( places[i].location, places[i].name );
            opened = TRUE;
        }
        for (i = 0; i < ARRAYSIZE( places ) && !issuer; i++)
            issuer = find_issuer( stores[i], chain->certs[chain->count - 1] );
        if (!issuer) break;
        if (is_self_issued( issuer ))
        {
            crypt32.pCertFreeCertificateContext( issuer );
            break;
        }
        chain->certs[chain->count++] = issuer;
    }
    for (i = 0; i < ARRAYSIZE( places ); i++) if (stores[i]) crypt32.pCertCloseStore( stores[i], 0 );
}

static void free_chain( struct chain *chain )
{
    while (chain->count) crypt32.pCertFreeCertificateContext( chain->certs[--chain->count] );
}

/*--- the transport's half ------------------------------------------------------------------------------------------*/

static DWORD open_creds( const CERT_CONTEXT *cert, wh_id *id )
{
    struct wh_creds_open_params params = { 0 };
    struct key key = { NULL, 0, 0 };
    struct chain chain;
    BYTE *encoded;
    DWORD err, len;

    *id = 0;
    if ((err = key_of_cert( cert, &key ))) return err;
    build_chain( cert, &chain );
    if (!(encoded = crypt32_list( chain.certs, chain.count, &len ))) err = ERROR_NOT_ENOUGH_MEMORY;
    else
    {
        params.chain     = wh_from_ptr( encoded );
        params.chain_len = len;
        params.key       = wh_from_ptr( key.data );
        params.key_len   = key.len;
        params.format    = key.format;
        if (wh_creds_open( &params ) != WH_DONE) err = ERROR_WINHTTP_INTERNAL_ERROR;
        else err = error_to_win32( params.error );
        if (!err) *id = params.creds;
    }
    free( encoded );
    free_chain( &chain );
    key_wipe( &key );
    return err;
}

static void close_creds( wh_id id )
{
    struct wh_creds_close_params params = { id };

    if (id) wh_creds_close( &params );
}

/*--- options -------------------------------------------------------------------------------------------------------*/

/* `cert` is given, or NULL; `none` says that the program wants it so. */
static void replace( struct request_options *options, const CERT_CONTEXT *cert, BOOL none )
{
    const CERT_CONTEXT *old;
    wh_id creds;

    AcquireSRWLockExclusive( &option_text_lock );
    old   = options->client_cert;
    creds = options->client_creds;
    options->client_cert    = cert;
    options->client_creds   = 0;
    options->no_client_cert = none;
    ReleaseSRWLockExclusive( &option_text_lock );
    if (old) crypt32.pCertFreeCertificateContext( old );
    close_creds( creds );
}

DWORD client_cert_set( struct object *obj, const void *buffer, DWORD len )
{
    struct request *request = request_from_object( obj );
    const CERT_CONTEXT *cert = NULL;

    if (!request->secure) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;    /* TL-3 */
    if (buffer)
    {
        if (len != sizeof(CERT_CONTEXT)) return ERROR_INSUFFICIENT_BUFFER;
        if (!crypt32_load()) return ERROR_NOT_ENOUGH_MEMORY;
        if (!(cert = crypt32.pCertDuplicateCertificateContext( buffer ))) return ERROR_INVALID_PARAMETER;
    }
    replace( &request->options, cert, !cert );
    return ERROR_SUCCESS;
}

void client_cert_forget( struct request_options *options )
{
    if (options->client_cert) replace( options, NULL, FALSE );
}

DWORD client_cert_prepare( struct request *request )
{
    struct request_options *options = &request->options;
    const CERT_CONTEXT *cert = NULL;
    wh_id id;
    DWORD err;

    if (!options->client_cert) return ERROR_SUCCESS;    /* nearly always; nobody sets it while the request is being sent */
    AcquireSRWLockShared( &option_text_lock );
    if (options->client_cert && !options->client_creds)
        cert = crypt32.pCertDuplicateCertificateContext( options->client_cert );
    ReleaseSRWLockShared( &option_text_lock );
    if (!cert) return ERROR_SUCCESS;

    if ((err = open_creds( cert, &id ))) WARN( "%p: error %lu\n", request->hdr.handle, err );
    AcquireSRWLockExclusive( &option_text_lock );
    if (options->client_cert == cert && !options->client_creds)    /* a duplicate is the same context */
    {
        options->client_creds = id;
        id = 0;
    }
    ReleaseSRWLockExclusive( &option_text_lock );
    close_creds( id );
    crypt32.pCertFreeCertificateContext( cert );
    return err;
}

void client_cert_free( struct request_options *options )
{
    if (options->client_cert) crypt32.pCertFreeCertificateContext( options->client_cert );
    close_creds( options->client_creds );
}

/* SecPkgContext_IssuerListInfoEx, which the toolchain's schannel.h hides behind sspi.h. */
struct issuer_list
{
    CERT_NAME_BLOB *issuers;
    DWORD           count;
};

static DWORD query_issuers( struct request *request, BYTE **data, DWORD *len )
{
    struct wh_exchange_query_params params = { .what = WHQ_CERT_ISSUERS };
    DWORD err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;

    *data = NULL;
    *len = 0;
    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    if (request->exchange && wh_exchange_query( &params ) == WH_DONE && params.error != WHE_STATE)
    {
        *len = params.len;
        err = ERROR_NOT_ENOUGH_MEMORY;
        if ((*data = malloc( max( params.len, 1 ) )))
        {
            params.buffer = wh_from_ptr( *data );
            params.size   = params.len;
            err = wh_exchange_query( &params ) != WH_DONE || params.error ? ERROR_WINHTTP_INCORRECT_HANDLE_STATE : 0;
        }
    }
    ReleaseSRWLockExclusive( &request->lock );
    if (err) free( *data );
    return err;
}

DWORD client_cert_get_issuers( struct object *obj, void *buffer, DWORD *size )
{
    struct request *request = request_from_object( obj );
    struct issuer_list *list;
    const BYTE *pos, *der;
    DWORD err, len, count, i;
    BYTE *data, *names;

    if (!request->secure) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    if (!buffer || *size < sizeof(list))
    {
        *size = sizeof(list);
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if ((err = query_issuers( request, &data, &len ))) return err;
    for (pos = data, i = 0; crypt32_next( &pos, data + len, &count ); i++) ;

    if ((list = GlobalAlloc( GPTR, sizeof(*list) + i * sizeof(*list->issuers) + len )))
    {
        list->count   = i;
        list->issuers = (CERT_NAME_BLOB *)(list + 1);
        names = (BYTE *)(list->issuers + i);
        for (pos = data, i = 0; (der = crypt32_next( &pos, data + len, &count )); i++)
        {
            memcpy( names, der, count );
            list->issuers[i].cbData = count;
            list->issuers[i].pbData = names;
            names += count;
        }
        memcpy( buffer, &list, sizeof(list) );
        *size = sizeof(list);
    }
    else err = ERROR_NOT_ENOUGH_MEMORY;
    free( data );
    return err;
}
