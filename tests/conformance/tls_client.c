/*
 * TLS: certificates of clients
 *
 * Rules: TL-3, TL-17 to TL-19, options.md CLIENT_CERT_CONTEXT and CLIENT_CERT_ISSUER_LIST, windows-notifications.md
 * section 9. The certificates are files of the servers' list, PKCS #12.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "http2.h"

#define STALE 0xdeadbeef

static BOOL (WINAPI *pCertFreeCertificateContext)( PCCERT_CONTEXT );
static PCCERT_CONTEXT (WINAPI *pCertEnumCertificatesInStore)( HCERTSTORE, PCCERT_CONTEXT );
static PCCERT_CONTEXT (WINAPI *pCertDuplicateCertificateContext)( PCCERT_CONTEXT );
static BOOL (WINAPI *pCertCloseStore)( HCERTSTORE, DWORD );
static HCERTSTORE (WINAPI *pPFXImportCertStore)( CRYPT_DATA_BLOB *, LPCWSTR, DWORD );

static BOOL load_crypt32(void)
{
    HMODULE module = LoadLibraryA( "crypt32.dll" );

#define LOAD( name ) if (!(p##name = (void *)GetProcAddress( module, #name ))) return FALSE
    LOAD( CertFreeCertificateContext );
    LOAD( CertEnumCertificatesInStore );
    LOAD( CertDuplicateCertificateContext );
    LOAD( CertCloseStore );
    LOAD( PFXImportCertStore );
#undef LOAD
    return TRUE;
}

/* ---- without a certificate ---- */

/* The server lets clients in that have none; the program may also say that it has none. */
static void test_optional_certificate(void)
{
    static const char *const servers[] = { "ask-13", "ask-12" };
    unsigned int i, set;
    BOOL ret;

    for (i = 0; i < count_of( servers ); i++)
    {
        for (set = 0; set < 2; set++)
        {
            struct attempt attempt = { .server = servers[i] };

            winetest_push_context( "%s, %s", servers[i], set ? "none" : "nothing set" );
            if (attempt_open( &attempt ))
            {
                if (set)
                {
                    ret = WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT,
                                            WINHTTP_NO_CLIENT_CERT_CONTEXT, 0 );
                    ok( ret, "error %lu\n", GetLastError() );                                       /* TL-3 */
                }
                attempt_send( &attempt );
                /* Windows stops and lets the program choose, unless it has chosen to have none */
                if (!set && attempt.failed != CALL_NONE && broken( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED ))
                    ok( attempt.failed == CALL_SEND || attempt.failed == CALL_RECEIVE, "in call %u\n", attempt.failed );
                else if (attempt_check_good( &attempt ))
                    ok( !strcmp( tls_value( attempt.body, "client" ), "none" ), "the server knows %s\n",
                        tls_value( attempt.body, "client" ) );
            }
            attempt_close( &attempt );
            winetest_pop_context();
        }
    }
}

/* The server demands one: 12044 from the send or, where the client is done before the server has looked, the receive. */
static void test_demanded_certificate_is_needed(void)
{
    static const char *const servers[] = { "demand-13", "demand-12" };
    unsigned int i;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i] };

        winetest_push_context( "%s", servers[i] );
        attempt_run( &attempt );
        ok( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, "call %u failed with %lu\n", attempt.failed, attempt.error );
        ok( attempt.failed == CALL_SEND || attempt.failed == CALL_RECEIVE, "call %u failed\n", attempt.failed );
        ok( !attempt.notices, "%u notices, bits %#lx\n", attempt.notices, attempt.bits );
        winetest_pop_context();
    }
}

/* Asked for after the request, for one path only: by a second handshake, or after the first one of TLS 1.3. */
static const char *const later_servers[] = { "later-12", "later-13" };

static void test_certificate_for_one_path(void)
{
    unsigned int i;

    for (i = 0; i < count_of( later_servers ); i++)
    {
        struct attempt attempt = { .server = later_servers[i], .path = L"/client" };

        winetest_push_context( "%s", attempt.server );
        attempt_run( &attempt );
        ok( attempt.failed == CALL_RECEIVE || broken( attempt.failed == CALL_SEND ), "call %u failed\n", attempt.failed );
        ok( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED
            || broken( attempt.error == ERROR_WINHTTP_SECURE_FAILURE ), "error %lu\n", attempt.error );      /* TL-17 */
        attempt.path = L"/";
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        winetest_pop_context();
    }
}

static void test_issuers_are_listed(void)
{
    struct attempt attempt = { .server = "demand-12" };
    struct { CERT_NAME_BLOB *names; DWORD count; } *issuers = NULL;     /* SecPkgContext_IssuerListInfoEx */
    DWORD len = sizeof(issuers);
    BOOL ret;

    if (attempt_open( &attempt ))
    {
        attempt_send( &attempt );
        ok( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, "error %lu\n", attempt.error );
        ret = WinHttpQueryOption( attempt.client.request, WINHTTP_OPTION_CLIENT_CERT_ISSUER_LIST, &issuers, &len );
        ok( ret && issuers, "error %lu\n", GetLastError() );
        if (ret && issuers)
        {
            ok( issuers->count >= 2, "%lu issuers\n", issuers->count );     /* the fixture's authorities */
            ok( issuers->count && issuers->names[0].cbData > 2 && issuers->names[0].pbData[0] == 0x30, "not a name\n" );
            GlobalFree( issuers );
        }
    }
    attempt_close( &attempt );
}

/* ---- with a certificate ---- */

static const CERT_CONTEXT *load_certificate( const char *name )
{
    const char *path = tls_file( name );
    const CERT_CONTEXT *cert = NULL;
    CRYPT_DATA_BLOB blob = { 0, NULL };
    BYTE data[16384];
    HCERTSTORE store;
    FILE *file;

    if (!path || !(file = fopen( path, "rb" )))
    {
        skip( "no file for %s\n", name );
        return NULL;
    }
    blob.cbData = (DWORD)fread( data, 1, sizeof(data), file );
    blob.pbData = data;
    fclose( file );
    store = pPFXImportCertStore( &blob, L"winhttp", CRYPT_EXPORTABLE );
    if (!store)
    {
        skip( "%s cannot be imported: error %lu\n", name, GetLastError() );
        return NULL;
    }
    if ((cert = pCertEnumCertificatesInStore( store, NULL ))) cert = pCertDuplicateCertificateContext( cert );
    pCertCloseStore( store, 0 );
    ok( cert != NULL, "%s holds no certificate\n", name );
    return cert;
}

/* The context is freed as soon as it is set. */
static BOOL set_certificate( HINTERNET request, const char *name )
{
    const CERT_CONTEXT *cert = load_certificate( name );
    BOOL ret;

    if (!cert) return FALSE;
    ret = WinHttpSetOption( request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, (void *)cert, sizeof(*cert) );
    ok( ret, "error %lu\n", GetLastError() );                                                       /* TL-18 */
    pCertFreeCertificateContext( cert );                                                            /* TL-18 */
    return ret;
}

static const struct
{
    const char *server;
    const WCHAR *path;
    const char *certificate;
    const char *subject;     /* what the server sees; NULL: it turns it down */
}
certificate_rows[] =
{
    { "ask-13",    L"/",       "client",         "WinHTTP test client" },
    { "ask-12",    L"/",       "client",         "WinHTTP test client" },
    { "demand-13", L"/",       "client",         "WinHTTP test client" },
    { "demand-12", L"/",       "client",         "WinHTTP test client" },
    { "demand-13", L"/",       "client-p256",    "WinHTTP test client P-256" },
    { "demand-12", L"/",       "client-p256",    "WinHTTP test client P-256" },
    { "later-12",  L"/client", "client",         "WinHTTP test client" },
    { "later-13",  L"/client", "client",         "WinHTTP test client" },
    { "demand-13", L"/",       "client-expired", NULL },
    { "demand-12", L"/",       "client-expired", NULL },
    { "demand-12", L"/",       "client-unknown", NULL },
    { "later-12",  L"/client", "client-expired", NULL },
};

static void check_turned_down( const struct attempt *attempt )
{
    ok( attempt->failed == CALL_RECEIVE || attempt->failed == CALL_SEND, "call %u failed\n", attempt->failed );
    ok( attempt->error == ERROR_WINHTTP_SECURE_FAILURE || attempt->error == (DWORD)SEC_E_CERT_EXPIRED, "error %lu\n",
        attempt->error );                                                                           /* TL-19 */
}

static void test_certificates(void)
{
    unsigned int i;

    for (i = 0; i < count_of( certificate_rows ); i++)
    {
        struct attempt attempt = { .server = certificate_rows[i].server, .path = certificate_rows[i].path };

        winetest_push_context( "%s, %s", attempt.server, certificate_rows[i].certificate );
        if (attempt_open( &attempt ) && set_certificate( attempt.client.request, certificate_rows[i].certificate ))
        {
            attempt_send( &attempt );
            if (!certificate_rows[i].subject) check_turned_down( &attempt );
            else if (attempt_check_good( &attempt ))
                ok( !strcmp( tls_value( attempt.body, "client" ), certificate_rows[i].subject ), "the server knows %s\n",
                    tls_value( attempt.body, "client" ) );
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* First without, then on the same handle with one. */
static void test_certificate_is_set_and_the_request_sent_again(void)
{
    unsigned int i;

    for (i = 0; i < count_of( certificate_rows ); i++)
    {
        struct attempt attempt = { .server = certificate_rows[i].server, .path = certificate_rows[i].path };

        /* who is only asked gets by without one */
        if (!certificate_rows[i].subject || !strncmp( attempt.server, "ask", 3 )) continue;
        winetest_push_context( "%s, %s", attempt.server, certificate_rows[i].certificate );
        if (attempt_open( &attempt ))
        {
            attempt_send( &attempt );
            ok( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, "error %lu\n", attempt.error );   /* TL-17 */
            if (set_certificate( attempt.client.request, certificate_rows[i].certificate ))
            {
                recorder_reset( attempt.recorder );
                attempt_send( &attempt );
                attempt_check_good( &attempt );                                                     /* TL-18 */
            }
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* A connection that was opened with a certificate is nobody's who has none. */
static void test_certificate_is_not_reused_without(void)
{
    struct attempt attempt = { .server = "ask-13" };

    if (attempt_open( &attempt ) && set_certificate( attempt.client.request, "client" ))
    {
        attempt_send( &attempt );
        attempt_check_good( &attempt );
        if (attempt_reopen( &attempt ))
        {
            WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, WINHTTP_NO_CLIENT_CERT_CONTEXT, 0 );
            attempt_send( &attempt );
            if (attempt_check_good( &attempt ))
                ok( !strcmp( tls_value( attempt.body, "client" ), "none" ), "the server knows %s\n",
                    tls_value( attempt.body, "client" ) );
        }
    }
    attempt_close( &attempt );
}

/* security.md: who the program is, is for the server that it was told to. Windows documents nothing; a choice. */
static void test_certificate_stays_with_its_origin(void)
{
    struct attempt attempt = { .server = "ask-13" };
    WCHAR path[32];

    swprintf( path, count_of( path ), L"/to/%u", tls_port( "ask-12" ) );
    attempt.path = path;
    if (attempt_open( &attempt ) && set_certificate( attempt.client.request, "client" ))
    {
        attempt_send( &attempt );
        if (attempt_check_good( &attempt ))
        {
            ok( !strcmp( tls_value( attempt.body, "server" ), "ask-12" ), "answered by %s\n",
                tls_value( attempt.body, "server" ) );
            ok( !strcmp( tls_value( attempt.body, "client" ), "none" )
                || broken( !strcmp( tls_value( attempt.body, "client" ), "WinHTTP test client" ) ), "the server knows %s\n",
                tls_value( attempt.body, "client" ) );
        }
    }
    attempt_close( &attempt );
}

/* HTTP/2 is for requests without a certificate, unless the session says otherwise. */
static void test_certificate_and_http2(void)
{
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    if (!http2_there()) return;
    for (i = 0; i < 4; i++)
    {
        winetest_push_context( "%s%s", i & 1 ? "allowed" : "not allowed", i & 2 ? ", required" : "" );
        if (http2_open( &client, "h2-ask", 0, NULL ))
        {
            if (i & 1) http2_set( client.session, WINHTTP_OPTION_ENABLE_HTTP2_PLUS_CLIENT_CERT, TRUE );
            if ((request = http2_request( &client, NULL, NULL, 0 )) && set_certificate( request, "client" ))
            {
                if (i & 2) http2_set( request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, TRUE );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                if (i == 2) ok( err == ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH, "error %lu\n", err );   /* MX-4, MX-6 */
                else
                {
                    ok( !err, "error %lu\n", err );
                    ok( !strcmp( tls_value( body, "client" ), "WinHTTP test client" ), "got \"%s\"\n", body );
                    ok( http2_used( request ) == (i & 1), "used %#lx\n", http2_used( request ) );   /* MX-6 */
                }
                WinHttpCloseHandle( request );
            }
        }
        client_close( &client );
        winetest_pop_context();
    }
}

START_TEST(tls_client)
{
    if (!tls_there()) return;
    test_optional_certificate();
    test_demanded_certificate_is_needed();
    test_certificate_for_one_path();
    test_issuers_are_listed();
    if (!load_crypt32())
    {
        win_skip( "no crypt32\n" );
        return;
    }
    test_certificates();
    test_certificate_is_set_and_the_request_sent_again();
    test_certificate_is_not_reused_without();
    test_certificate_stays_with_its_origin();
    test_certificate_and_http2();
}
