/*
 * crypt32: loaded at its first use, and certificates brought to it
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>

#include "crypt32.h"

#define UNUSED __attribute__((unused))

struct crypt32 crypt32;

static INIT_ONCE crypt32_once = INIT_ONCE_STATIC_INIT;

static BOOL WINAPI load( INIT_ONCE *once UNUSED, void *param UNUSED, void **context UNUSED )
{
    HMODULE module = LoadLibraryW( L"crypt32.dll" );
    BOOL ret = module != NULL;

#define CRYPT32_FUNC( name ) ret = ret && (crypt32.p##name = (void *)GetProcAddress( module, #name ));
    CRYPT32_FUNCS( CRYPT32_FUNC )
#undef CRYPT32_FUNC
    return ret;
}

BOOL crypt32_load( void )
{
    return InitOnceExecuteOnce( &crypt32_once, load, NULL, NULL );
}

const BYTE *crypt32_next( const BYTE **pos, const BYTE *end, DWORD *len )
{
    const BYTE *der = *pos + sizeof(uint32_t);
    uint32_t count;

    if (end - *pos < (ptrdiff_t)sizeof(count)) return NULL;
    memcpy( &count, *pos, sizeof(count) );
    if (!count || count > (size_t)(end - der)) return NULL;
    *pos = der + count;
    *len = count;
    return der;
}

BYTE *crypt32_list( const CERT_CONTEXT * const *certs, DWORD count, DWORD *len )
{
    BYTE *data, *pos;
    uint32_t size;
    DWORD i;

    for (i = 0, *len = 0; i < count; i++) *len += sizeof(size) + certs[i]->cbCertEncoded;
    if (!(data = pos = malloc( *len ))) return NULL;
    for (i = 0; i < count; i++)
    {
        size = certs[i]->cbCertEncoded;
        memcpy( pos, &size, sizeof(size) );
        memcpy( pos + sizeof(size), certs[i]->pbCertEncoded, size );
        pos += sizeof(size) + size;
    }
    return data;
}

void crypt32_add( HCERTSTORE store, const BYTE *certs, DWORD len )
{
    const BYTE *pos = certs, *der;
    DWORD count;

    while ((der = crypt32_next( &pos, certs + len, &count )))
        crypt32.pCertAddEncodedCertificateToStore( store, X509_ASN_ENCODING, der, count, CERT_STORE_ADD_ALWAYS, NULL );
}

const CERT_CONTEXT *crypt32_leaf( const BYTE *chain, DWORD len )
{
    const BYTE *pos = chain, *der;
    const CERT_CONTEXT *leaf = NULL;
    HCERTSTORE store;
    DWORD count;

    if (!(store = crypt32.pCertOpenStore( CERT_STORE_PROV_MEMORY, 0, 0, CERT_STORE_CREATE_NEW_FLAG, NULL ))) return NULL;
    if ((der = crypt32_next( &pos, chain + len, &count )) &&
        crypt32.pCertAddEncodedCertificateToStore( store, X509_ASN_ENCODING, der, count, CERT_STORE_ADD_ALWAYS, &leaf ))
        crypt32_add( store, pos, chain + len - pos );
    crypt32.pCertCloseStore( store, 0 );    /* the leaf keeps it */
    return leaf;
}

/* A user's stores show what the machine's have, too, but for MY. Wine's crypt32 makes no exception. Source: Microsoft's
 * documentation of system store locations. */
HCERTSTORE crypt32_system_store( DWORD location, const WCHAR *name )
{
    BOOL alone = location == CERT_SYSTEM_STORE_CURRENT_USER && !_wcsicmp( name, L"MY" );

    return crypt32.pCertOpenStore( alone ? CERT_STORE_PROV_SYSTEM_REGISTRY_W : CERT_STORE_PROV_SYSTEM_W, 0, 0,
                                   location | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG, name );
}
