/*
 * SetClientCertificate of the scripting object, with servers that want to see one
 *
 * The fixture's client certificate is put into a store of the user, of the machine, or of a name that no system store has,
 * and is in no other one meanwhile; so a request that is let in proves where the object has looked. Rules: structures.md
 * section 5, options.md CLIENT_CERT_CONTEXT; Microsoft's documentation of IWinHttpRequest::SetClientCertificate. The stores
 * are left as they were. The machine's may be written to by administrators only on Windows: skipped then.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"
#include "com_client.h"

#define USER    CERT_SYSTEM_STORE_CURRENT_USER
#define MACHINE CERT_SYSTEM_STORE_LOCAL_MACHINE
#define NEEDED  E( ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED )

#define FUNCS(X) \
    X( CertAddCertificateContextToStore ) \
    X( CertCloseStore ) \
    X( CertDeleteCertificateFromStore ) \
    X( CertDuplicateCertificateContext ) \
    X( CertEnumCertificatesInStore ) \
    X( CertFindCertificateInStore ) \
    X( CertFreeCertificateContext ) \
    X( CertGetCertificateContextProperty ) \
    X( CertOpenStore ) \
    X( CertSetCertificateContextProperty ) \
    X( CryptAcquireCertificatePrivateKey ) \
    X( PFXImportCertStore )

#define FUNC( name ) static __typeof__( name ) *p##name;
FUNCS( FUNC )
#undef FUNC

static BOOL load_crypt32(void)
{
    HMODULE module = LoadLibraryA( "crypt32.dll" );

#define FUNC( name ) if (!(p##name = (void *)GetProcAddress( module, #name ))) return FALSE;
    FUNCS( FUNC )
#undef FUNC
    return TRUE;
}

/* ---- the certificate, and a key that lasts ---- */

static const WCHAR container[] = L"winhttp_test_client";

static const CERT_CONTEXT *import_certificate( const char *name )
{
    const char *path = tls_file( name );
    const CERT_CONTEXT *cert = NULL;
    CRYPT_DATA_BLOB blob = { 0, NULL };
    BYTE data[16384];
    HCERTSTORE store;
    FILE *file;

    if (!path || !(file = fopen( path, "rb" ))) return NULL;
    blob.cbData = (DWORD)fread( data, 1, sizeof(data), file );
    blob.pbData = data;
    fclose( file );
    if (!(store = pPFXImportCertStore( &blob, L"winhttp", CRYPT_EXPORTABLE ))) return NULL;
    if ((cert = pCertEnumCertificatesInStore( store, NULL ))) cert = pCertDuplicateCertificateContext( cert );
    pCertCloseStore( store, 0 );
    return cert;
}

/* The private key of the context as a blob; 0 if it cannot be had. */
static DWORD export_key( const CERT_CONTEXT *cert, BYTE *data, DWORD size )
{
    HCRYPTPROV_OR_NCRYPT_KEY_HANDLE provider;
    DWORD spec, len = 0;
    HCRYPTKEY key;
    BOOL ours;

    if (!pCryptAcquireCertificatePrivateKey( cert, CRYPT_ACQUIRE_SILENT_FLAG, NULL, &provider, &spec, &ours )) return 0;
    if (CryptGetUserKey( provider, AT_KEYEXCHANGE, &key ) || CryptGetUserKey( provider, AT_SIGNATURE, &key ))
    {
        if (CryptExportKey( key, 0, PRIVATEKEYBLOB, 0, data, &size )) len = size;
        CryptDestroyKey( key );
    }
    if (ours) CryptReleaseContext( provider, 0 );
    return len;
}

/* The key goes into a container of the test's own, and the context names that: what is written to a store keeps the name.
 * For the machine's store the container is the machine's. */
static BOOL keep_key( const CERT_CONTEXT *cert, DWORD location )
{
    DWORD flags = location == MACHINE ? CRYPT_MACHINE_KEYSET : 0, len;
    CRYPT_KEY_PROV_INFO info = { (WCHAR *)container, (WCHAR *)MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, flags, 0, NULL, AT_KEYEXCHANGE };
    HCRYPTPROV provider;
    BYTE blob[4096];
    HCRYPTKEY key;
    BOOL ret;

    if (!(len = export_key( cert, blob, sizeof(blob) ))) return FALSE;
    CryptAcquireContextW( &provider, container, info.pwszProvName, info.dwProvType, CRYPT_DELETEKEYSET | flags );
    if (!CryptAcquireContextW( &provider, container, info.pwszProvName, info.dwProvType, CRYPT_NEWKEYSET | CRYPT_SILENT | flags ))
        return FALSE;
    ret = CryptImportKey( provider, blob, len, 0, CRYPT_EXPORTABLE, &key );
    if (ret) CryptDestroyKey( key );
    CryptReleaseContext( provider, 0 );
    SecureZeroMemory( blob, sizeof(blob) );
    return ret && pCertSetCertificateContextProperty( cert, CERT_KEY_CONTEXT_PROP_ID, 0, NULL ) &&
           pCertSetCertificateContextProperty( cert, CERT_KEY_PROV_INFO_PROP_ID, 0, &info );
}

static void drop_key( DWORD location )
{
    DWORD flags = location == MACHINE ? CRYPT_MACHINE_KEYSET : 0;
    HCRYPTPROV provider;

    CryptAcquireContextW( &provider, container, MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, CRYPT_DELETEKEYSET | flags );
}

/* ---- stores ---- */

static BOOL add( const CERT_CONTEXT *cert, DWORD location, const WCHAR *name )
{
    HCERTSTORE store = pCertOpenStore( CERT_STORE_PROV_SYSTEM_W, 0, 0, location, name );
    BOOL ret = FALSE;

    if (!store) return FALSE;
    ret = pCertAddCertificateContextToStore( store, cert, CERT_STORE_ADD_REPLACE_EXISTING, NULL );
    return pCertCloseStore( store, 0 ) && ret;
}

/* Through crypt32; and from the registry, since Wine's crypt32 leaves there what was deleted. */
static void take_back( const CERT_CONTEXT *cert, DWORD location, const WCHAR *name )
{
    HCERTSTORE store = pCertOpenStore( CERT_STORE_PROV_SYSTEM_W, 0, 0, location, name );
    const CERT_CONTEXT *found;
    DWORD i, len, size;
    WCHAR path[256];
    BYTE hash[20];

    found = pCertFindCertificateInStore( store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, cert, NULL );
    ok( found && pCertDeleteCertificateFromStore( found ), "the certificate stays in %ls\n", name );
    pCertCloseStore( store, 0 );
    size = sizeof(hash);
    if (!pCertGetCertificateContextProperty( cert, CERT_SHA1_HASH_PROP_ID, hash, &size )) return;
    len = wsprintfW( path, L"Software\\Microsoft\\SystemCertificates\\%s\\Certificates\\", name );
    for (i = 0; i < sizeof(hash); i++) len += wsprintfW( path + len, L"%02X", hash[i] );
    RegDeleteKeyW( location == USER ? HKEY_CURRENT_USER : HKEY_LOCAL_MACHINE, path );
}

/* ---- requests ---- */

/* Open, SetClientCertificate unless `text` is NULL, Send; *client is what the server knows then, to be freed. */
static HRESULT ask( const char *server, const WCHAR *text, BSTR *body )
{
    BSTR verb = SysAllocString( L"GET" ), name = SysAllocString( text ), url;
    IWinHttpRequest *request = com_create();
    WCHAR address[128];
    VARIANT async;
    HRESULT hr;

    *body = NULL;
    if (!request) return E_FAIL;
    wsprintfW( address, L"https://%s:%u/", tls_address(), tls_port( server ) );
    url = SysAllocString( address );
    variant_missing( &async );
    hr = IWinHttpRequest_Open( request, verb, url, async );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    if (text)
    {
        hr = IWinHttpRequest_SetClientCertificate( request, name );
        ok( hr == S_OK, "SetClientCertificate: %#lx\n", hr );
    }
    if (SUCCEEDED( hr )) hr = com_send( request );
    if (SUCCEEDED( hr )) IWinHttpRequest_get_ResponseText( request, body );
    IWinHttpRequest_Release( request );
    SysFreeString( verb );
    SysFreeString( name );
    SysFreeString( url );
    return hr;
}

static BOOL is_known_to_server( const WCHAR *body )
{
    return body && wcsstr( body, L"client=WinHTTP test client\n" );
}

static const struct
{
    DWORD        location;    /* where the certificate is */
    const WCHAR *store;
    const WCHAR *text;
    HRESULT      hr;          /* of Send to a server that demands one */
} rows[] =
{
    { USER, L"MY", L"WinHTTP test client", S_OK },
    { USER, L"MY", L"CURRENT_USER\\MY\\WinHTTP test client", S_OK },
    { USER, L"MY", L"current_user\\my\\winhttp TEST client", S_OK },      /* names of stores know no case, nor does the search */
    { USER, L"MY", L"LOCAL_MACHINE\\MY\\WinHTTP test client", NEEDED },
    { USER, L"MY", L"CURRENT_USER\\WinHTTPTest\\WinHTTP test client", NEEDED },
    { USER, L"MY", L"there is no such certificate", NEEDED },
    { USER, L"MY", L"CURRENT_USER\\MY\\there is no such certificate", NEEDED },
    { USER, L"WinHTTPTest", L"CURRENT_USER\\WinHTTPTest\\WinHTTP test client", S_OK },
    { USER, L"WinHTTPTest", L"CURRENT_USER\\WinHTTPTest\\", S_OK },       /* the first one there */
    { USER, L"WinHTTPTest", L"WinHTTP test client", NEEDED },
    { MACHINE, L"MY", L"LOCAL_MACHINE\\MY\\WinHTTP test client", S_OK },
    { MACHINE, L"MY", L"CURRENT_USER\\MY\\WinHTTP test client", NEEDED },
};

static void test_places( const char *server )
{
    const CERT_CONTEXT *cert;
    BOOL there = FALSE;
    unsigned int i;
    HRESULT hr;
    BSTR body;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%s, %ls", server, rows[i].text );
        if (!(cert = import_certificate( "client" ))) skip( "the certificate cannot be imported: error %lu\n", GetLastError() );
        else if (!keep_key( cert, rows[i].location ) || !add( cert, rows[i].location, rows[i].store ))
            skip( "the store %ls cannot be written: error %lu\n", rows[i].store, GetLastError() );
        else there = TRUE;
        if (there)
        {
            hr = ask( server, rows[i].text, &body );
            /* either: Windows may look for the certificate only when it is asked for one, or go without */
            ok( hr == rows[i].hr || broken( FAILED( hr ) && FAILED( rows[i].hr ) ), "Send: %#lx\n", hr );
            if (SUCCEEDED( hr )) ok( is_known_to_server( body ), "the server has %ls\n", body ? body : L"nothing" );
            SysFreeString( body );
            take_back( cert, rows[i].location, rows[i].store );
        }
        if (cert)
        {
            drop_key( rows[i].location );
            pCertFreeCertificateContext( cert );
        }
        there = FALSE;
        winetest_pop_context();
    }
}

/* Without one the server that demands it says no, with the error that tells the program to set one. */
static void test_without( void )
{
    HRESULT hr;
    BSTR body;

    hr = ask( "demand-12", NULL, &body );
    ok( hr == NEEDED, "Send: %#lx\n", hr );
    SysFreeString( body );
    hr = ask( "ask-13", NULL, &body );
    ok( hr == S_OK || broken( hr == NEEDED ), "Send: %#lx\n", hr );
    if (SUCCEEDED( hr )) ok( body && wcsstr( body, L"client=none\n" ), "the server has %ls\n", body );
    SysFreeString( body );
}

/* A certificate that the server does not take is no "needed": TL-19. */
static void test_certificate_is_turned_down( void )
{
    const CERT_CONTEXT *cert = import_certificate( "client-expired" );
    HRESULT hr;
    BSTR body;

    if (!cert || !keep_key( cert, USER ) || !add( cert, USER, L"MY" )) skip( "no certificate: error %lu\n", GetLastError() );
    else
    {
        hr = ask( "demand-12", L"WinHTTP test client expired", &body );
        ok( FAILED( hr ) && hr != NEEDED, "Send: %#lx\n", hr );
        SysFreeString( body );
        take_back( cert, USER, L"MY" );
    }
    if (cert)
    {
        drop_key( USER );
        pCertFreeCertificateContext( cert );
    }
}

START_TEST( com_certificate )
{
    if (!tls_there()) return;
    if (!load_crypt32())
    {
        skip( "there is no crypt32\n" );
        return;
    }
    CoInitialize( NULL );
    test_without();
    test_places( "demand-12" );
    test_places( "demand-13" );
    test_certificate_is_turned_down();
    CoUninitialize();
}
