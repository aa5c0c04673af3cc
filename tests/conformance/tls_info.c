/*
 * TLS: what a program can ask about its connection
 *
 * Rules: TL-9 to TL-16, O-24, O-34. crypt32 is loaded by hand, so that the other tests of the program do without it.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"

#define STALE 0xdeadbeef
#define BINDING_PREFIX "tls-server-end-point:"
#define BINDING_PREFIX_LEN 21

/* What the toolchain's headers have only with more of the SDK. */
struct binding        /* SEC_CHANNEL_BINDINGS */
{
    DWORD initiator_type, initiator_len, initiator_offset;
    DWORD acceptor_type, acceptor_len, acceptor_offset;
    DWORD data_len, data_offset;
};

struct bindings       /* SecPkgContext_Bindings */
{
    DWORD           len;
    struct binding *binding;
};

struct security_info  /* the start of WINHTTP_SECURITY_INFO */
{
    DWORD protocol, cipher, cipher_strength, hash, hash_strength, exchange, exchange_strength;
    BYTE  rest[680];
};

#define PROTOCOL_TLS12 0x800      /* SP_PROT_TLS1_2_CLIENT */
#define PROTOCOL_TLS13 0x2000

static HMODULE crypt32;
static BOOL (WINAPI *pCertFreeCertificateContext)( PCCERT_CONTEXT );
static void (WINAPI *pCertFreeCertificateChain)( PCCERT_CHAIN_CONTEXT );
static BOOL (WINAPI *pCertVerifyCertificateChainPolicy)( LPCSTR, PCCERT_CHAIN_CONTEXT, PCERT_CHAIN_POLICY_PARA,
                                                         PCERT_CHAIN_POLICY_STATUS );
static DWORD (WINAPI *pCertGetNameStringW)( PCCERT_CONTEXT, DWORD, DWORD, void *, LPWSTR, DWORD );
static PCCERT_CONTEXT (WINAPI *pCertEnumCertificatesInStore)( HCERTSTORE, PCCERT_CONTEXT );
static PCCERT_CONTEXT (WINAPI *pCertFindCertificateInStore)( HCERTSTORE, DWORD, DWORD, DWORD, const void *, PCCERT_CONTEXT );
static HCERTSTORE (WINAPI *pCertOpenStore)( LPCSTR, DWORD, HCRYPTPROV_LEGACY, DWORD, const void * );
static BOOL (WINAPI *pCertCloseStore)( HCERTSTORE, DWORD );

static BOOL load_crypt32(void)
{
    crypt32 = LoadLibraryA( "crypt32.dll" );
#define LOAD( name ) if (!(p##name = (void *)GetProcAddress( crypt32, #name ))) return FALSE
    LOAD( CertFreeCertificateContext );
    LOAD( CertFreeCertificateChain );
    LOAD( CertVerifyCertificateChainPolicy );
    LOAD( CertGetNameStringW );
    LOAD( CertEnumCertificatesInStore );
    LOAD( CertFindCertificateInStore );
    LOAD( CertOpenStore );
    LOAD( CertCloseStore );
#undef LOAD
    return TRUE;
}

static BOOL query( HINTERNET handle, DWORD option, void *buffer, DWORD size )
{
    DWORD len = size;

    SetLastError( STALE );
    return WinHttpQueryOption( handle, option, buffer, &len );
}

/* ---- certificates ---- */

static void check_certificate( HINTERNET request, unsigned int extra )
{
    const CERT_CONTEXT *cert = NULL, *next = NULL;
    unsigned int count = 0;
    WCHAR name[128];
    BOOL ret = query( request, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &cert, sizeof(cert) );

    ok( ret && cert, "error %lu\n", GetLastError() );                                               /* TL-9, O-23 */
    if (!ret || !cert) return;
    name[0] = 0;
    pCertGetNameStringW( cert, CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, NULL, name, count_of( name ) );
    ok( !lstrcmpW( name, tls_host() ), "it is the certificate of %ls\n", name );
    while ((next = pCertEnumCertificatesInStore( cert->hCertStore, next ))) count++;
    ok( count >= 1 + extra, "its store has %u certificates\n", count );
    pCertFreeCertificateContext( cert );
}

static void check_certificate_struct( HINTERNET request, DWORD *key_size )
{
    WINHTTP_CERTIFICATE_INFO info;
    FILETIME now;
    BOOL ret;

    memset( &info, 0xcc, sizeof(info) );
    ret = query( request, WINHTTP_OPTION_SECURITY_CERTIFICATE_STRUCT, &info, sizeof(info) );
    ok( ret, "error %lu\n", GetLastError() );                                                       /* TL-9 */
    if (!ret) return;
    GetSystemTimeAsFileTime( &now );
    ok( CompareFileTime( &info.ftStart, &now ) < 0 && CompareFileTime( &info.ftExpiry, &now ) > 0, "the dates are wrong\n" );
    ok( info.lpszSubjectInfo && wcsstr( info.lpszSubjectInfo, tls_host() ), "subject %ls\n", info.lpszSubjectInfo );
    ok( info.lpszIssuerInfo && wcsstr( info.lpszIssuerInfo, L"WinHTTP test" ), "issuer %ls\n", info.lpszIssuerInfo );
    ok( !LocalFree( info.lpszSubjectInfo ), "the subject is not for LocalFree\n" );                 /* TL-10 */
    ok( !LocalFree( info.lpszIssuerInfo ), "the issuer is not for LocalFree\n" );                   /* TL-10 */
    *key_size = info.dwKeySize;
}

/* ---- the connection ---- */

static void check_strength( HINTERNET request, DWORD protocol )
{
    struct security_info info;
    DWORD bits = 0, key_size = STALE;
    BOOL ret = query( request, WINHTTP_OPTION_SECURITY_KEY_BITNESS, &bits, sizeof(bits) );

    ok( ret && (bits == 128 || bits == 256), "got %d, error %lu, %lu bits\n", ret, GetLastError(), bits );   /* TL-9 */
    check_certificate_struct( request, &key_size );
    ok( key_size == bits, "a key size of %lu, a strength of %lu\n", key_size, bits );               /* TL-10 */
    memset( &info, 0xcc, sizeof(info) );
    ret = query( request, WINHTTP_OPTION_SECURITY_INFO, &info, sizeof(info) );
    if (!ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION ))
    {
        win_skip( "no SECURITY_INFO\n" );     /* before Windows 10 2004 */
        return;
    }
    ok( ret, "error %lu\n", GetLastError() );
    ok( info.protocol == protocol, "protocol %#lx\n", info.protocol );                              /* TL-13, O-24 */
    ok( info.cipher_strength == key_size, "strength %lu, key size %lu\n", info.cipher_strength, key_size );   /* TL-13 */
}

static void check_security_flags( HINTERNET request )
{
    DWORD flags = 0;
    BOOL ret = query( request, WINHTTP_OPTION_SECURITY_FLAGS, &flags, sizeof(flags) );

    ok( ret, "error %lu\n", GetLastError() );
    /* options.md: query-only bits, which say what there is once there is a connection; either: or only what was set */
    ok( !(flags & ~(SECURITY_FLAG_SECURE | SECURITY_FLAG_STRENGTH_STRONG)), "flags %#lx\n", flags );
}

static void check_channel_binding( HINTERNET request )
{
    struct bindings *bindings;
    struct binding *binding;
    DWORD len = 0;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryOption( request, WINHTTP_OPTION_SERVER_CBT, NULL, &len );
    if (!ret && broken( GetLastError() == ERROR_INVALID_PARAMETER )) return;
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );   /* TL-14 */
    ok( len > sizeof(*bindings) + sizeof(*binding) + BINDING_PREFIX_LEN, "%lu bytes\n", len );      /* TL-14 */
    if (len < sizeof(*bindings) || !(bindings = calloc( 1, len ))) return;
    ret = WinHttpQueryOption( request, WINHTTP_OPTION_SERVER_CBT, bindings, &len );
    ok( ret, "error %lu\n", GetLastError() );                                                       /* TL-14 */
    binding = bindings->binding;
    if (ret && binding)
    {
        ok( (char *)binding >= (char *)bindings && (char *)binding + bindings->len <= (char *)bindings + len,
            "they are not in the buffer\n" );                                                       /* TL-14 */
        ok( !binding->initiator_type && !binding->initiator_len && !binding->initiator_offset && !binding->acceptor_type
            && !binding->acceptor_len && !binding->acceptor_offset, "there are addresses\n" );      /* TL-14 */
        ok( bindings->len > sizeof(*binding) + 22, "%lu bytes of bindings\n", bindings->len );      /* TL-14 */
        ok( binding->data_offset && binding->data_len > 22, "%lu bytes at %lu\n", binding->data_len, binding->data_offset );   /* TL-15 */
        ok( !memcmp( (char *)binding + binding->data_offset, BINDING_PREFIX, BINDING_PREFIX_LEN ), "not an end point\n" );     /* TL-15 */
        /* RFC 5929: SHA-256, which is what the certificate is signed with */
        ok( binding->data_len == BINDING_PREFIX_LEN + 32, "%lu bytes\n", binding->data_len );       /* TL-15 */
    }
    free( bindings );
}

/* ---- the chain ---- */

/* Does Windows' own store know the root? Where the trust comes from another place, crypt32 need not agree. */
static BOOL is_root_in_store( const CERT_CHAIN_CONTEXT *chain )
{
    static const DWORD places[] = { CERT_SYSTEM_STORE_CURRENT_USER, CERT_SYSTEM_STORE_LOCAL_MACHINE };
    const CERT_SIMPLE_CHAIN *first = chain->cChain ? chain->rgpChain[0] : NULL;
    const CERT_CONTEXT *last, *found;
    HCERTSTORE store;
    BOOL ret = FALSE;
    unsigned int i;

    if (!first || !first->cElement) return FALSE;
    last = first->rgpElement[first->cElement - 1]->pCertContext;
    for (i = 0; i < count_of( places ) && !ret; i++)
    {
        store = pCertOpenStore( CERT_STORE_PROV_SYSTEM_W, 0, 0, places[i] | CERT_STORE_READONLY_FLAG, L"ROOT" );
        if (!store) continue;
        found = pCertFindCertificateInStore( store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, last, NULL );
        ret = found != NULL;
        if (found) pCertFreeCertificateContext( found );
        pCertCloseStore( store, 0 );
    }
    return ret;
}

static void check_policy( const CERT_CHAIN_CONTEXT *chain )
{
    SSL_EXTRA_CERT_CHAIN_POLICY_PARA ssl;
    CERT_CHAIN_POLICY_PARA para;
    CERT_CHAIN_POLICY_STATUS status;
    WCHAR host[64];
    BOOL ret;

    lstrcpynW( host, tls_host(), count_of( host ) );
    memset( &ssl, 0, sizeof(ssl) );
    ssl.cbSize = sizeof(ssl);
    ssl.dwAuthType = AUTHTYPE_SERVER;
    ssl.pwszServerName = host;
    memset( &para, 0, sizeof(para) );
    para.cbSize = sizeof(para);
    para.pvExtraPolicyPara = &ssl;
    memset( &status, 0, sizeof(status) );
    status.cbSize = sizeof(status);
    ret = pCertVerifyCertificateChainPolicy( CERT_CHAIN_POLICY_SSL, chain, &para, &status );
    ok( ret && !status.dwError, "got %d, error %#lx\n", ret, status.dwError );                      /* TL-12 */
}

static void check_chain( HINTERNET request, DWORD elements )
{
    const CERT_CHAIN_CONTEXT *chain = (void *)1;
    BOOL ret = query( request, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chain, sizeof(chain) );

    if (!ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION )) return;
    ok( ret && chain, "got %d, error %lu\n", ret, GetLastError() );                                 /* TL-11, O-25 */
    if (!ret || !chain) return;
    ok( chain->cChain >= 1 && chain->rgpChain[0]->cElement >= elements - 1, "%lu elements\n",
        chain->cChain ? chain->rgpChain[0]->cElement : 0 );
    if (is_root_in_store( chain ))
    {
        ok( !chain->TrustStatus.dwErrorStatus, "status %#lx\n", chain->TrustStatus.dwErrorStatus ); /* TL-12 */
        check_policy( chain );
    }
    else skip( "the test's root is in no store of Windows: the chain is not judged\n" );
    pCertFreeCertificateChain( chain );
}

/* ---- when ---- */

static void check_all( HINTERNET request, DWORD protocol, unsigned int extra )
{
    check_certificate( request, extra );
    check_strength( request, protocol );
    check_security_flags( request );
    check_channel_binding( request );
    check_chain( request, 2 + extra );
}

static void test_between_send_and_response(void)
{
    static const struct { const char *server; DWORD protocol; unsigned int extra; } cases[] =
    {
        { "tls12", PROTOCOL_TLS12, 0 },
        { "tls13", PROTOCOL_TLS13, 0 },
        { "chained", PROTOCOL_TLS13, 1 },
    };
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = cases[i].server };

        winetest_push_context( "%s", cases[i].server );
        if (attempt_open( &attempt ))
        {
            ret = WinHttpSendRequest( attempt.client.request, NULL, 0, NULL, 0, 0, 0 );
            ok( ret, "error %lu\n", GetLastError() );
            if (ret) check_all( attempt.client.request, cases[i].protocol, cases[i].extra );        /* TL-9, TL-11 to TL-15 */
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* Every request is given a chain of its own, also where one connection serves them all; any of them can be freed first. */
static void test_chain_is_given_again(void)
{
    struct attempt attempt = { .server = "chained" };
    const CERT_CHAIN_CONTEXT *chains[3] = { NULL };
    const CERT_CONTEXT *leaf = NULL, *first;
    unsigned int i;

    if (attempt_open( &attempt ))
    {
        attempt_send( &attempt );
        attempt_check_good( &attempt );
        ok( query( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &leaf, sizeof(leaf) ), "no certificate: error %lu\n",
            GetLastError() );
        for (i = 0; i < 2; i++)
            query( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chains[i], sizeof(chains[i]) );
        if (attempt_reopen( &attempt ))
        {
            attempt_send( &attempt );
            attempt_check_good( &attempt );
            query( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chains[2], sizeof(chains[2]) );
        }
    }
    attempt_close( &attempt );
    for (i = 0; i < count_of( chains ); i++)
    {
        ok( chains[i] != NULL || broken( !chains[i] ), "chain %u: none\n", i );    /* before Windows 10 2004 */
        if (!chains[i] || !leaf) continue;
        first = chains[i]->rgpChain[0]->rgpElement[0]->pCertContext;
        ok( first->cbCertEncoded == leaf->cbCertEncoded && !memcmp( first->pbCertEncoded, leaf->pbCertEncoded, leaf->cbCertEncoded ),
            "chain %u is another server's\n", i );                                                 /* TL-11 */
        pCertFreeCertificateChain( chains[i] );
    }
    if (leaf) pCertFreeCertificateContext( leaf );
}

/* Before there is a connection, and on other handles. */
static void test_before_sending(void)
{
    static const DWORD options[] = { WINHTTP_OPTION_SERVER_CERT_CONTEXT, WINHTTP_OPTION_SECURITY_KEY_BITNESS,
                                     WINHTTP_OPTION_SECURITY_CERTIFICATE_STRUCT };
    struct attempt attempt = { .server = "good" };
    const CERT_CHAIN_CONTEXT *chain = (void *)1;
    BYTE buffer[128];
    unsigned int i;
    BOOL ret;

    if (attempt_open( &attempt ))
    {
        for (i = 0; i < count_of( options ); i++)
        {
            ret = query( attempt.client.request, options[i], buffer, sizeof(buffer) );
            ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "option %lu: got %d, error %lu\n", options[i],
                ret, GetLastError() );
        }
        ret = query( attempt.client.session, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chain, sizeof(chain) );
        ok( !ret && (GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE
            || broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION )), "got %d, error %lu\n", ret, GetLastError() );  /* TL-11, O-25 */
        ok( chain == (void *)1, "the output was touched\n" );                                       /* TL-11 */
        ret = query( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chain, sizeof(chain) );
        ok( !ret && (GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE
            || broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION )), "got %d, error %lu\n", ret, GetLastError() );  /* TL-11 */
        ok( !chain || broken( chain == (void *)1 ), "got %p\n", chain );                            /* TL-11, LE-5 */
    }
    attempt_close( &attempt );
}

static void test_after_the_body(void)
{
    struct attempt attempt = { .server = "good" };

    if (attempt_open( &attempt ))
    {
        attempt_send( &attempt );
        if (attempt_check_good( &attempt )) check_certificate( attempt.client.request, 0 );         /* TL-16 */
    }
    attempt_close( &attempt );
}

/* ---- in the callback ---- */

struct pin
{
    HINTERNET request;
    BOOL seen, got;
    BOOL refuse;
};

/* Where programs pin certificates: nothing of the request is out, and closing the handle keeps it so. */
static void look_at_certificate( struct recorder *recorder, const struct event *event )
{
    struct pin *pin = recorder->hook_data;
    const CERT_CONTEXT *cert = NULL;

    if (event->status != STATUS( SENDING_REQUEST ) || pin->seen) return;
    pin->seen = TRUE;
    pin->got = query( event->handle, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &cert, sizeof(cert) ) && cert;
    if (cert) pCertFreeCertificateContext( cert );
    if (pin->refuse) WinHttpCloseHandle( event->handle );
}

static void test_certificate_in_sending_request(void)
{
    struct attempt attempt = { .server = "no-tickets-13" };
    struct pin pin = { NULL, FALSE, FALSE, FALSE };

    if (attempt_open( &attempt ))
    {
        attempt.recorder->hook = look_at_certificate;
        attempt.recorder->hook_data = &pin;
        attempt_send( &attempt );
        attempt.recorder->hook = NULL;
        attempt_check_good( &attempt );
        ok( pin.seen && pin.got, "no certificate in SENDING_REQUEST\n" );       /* issue: programs pin there */
    }
    attempt_close( &attempt );
}

static void test_request_closed_in_sending_request_is_not_sent(void)
{
    struct attempt attempt = { .server = "cut-none" };
    struct pin pin = { NULL, FALSE, FALSE, TRUE };
    char text[512];
    unsigned int before;

    attempt.server = "no-tickets-12";
    if (!attempt_open( &attempt ))
    {
        attempt_close( &attempt );
        return;
    }
    attempt_send( &attempt );      /* a first one, so that there is a count */
    attempt_check_good( &attempt );
    attempt_close( &attempt );
    attempt.path = L"/close";
    attempt_run( &attempt );
    tls_state( attempt.server, text, sizeof(text) );
    before = atoi( tls_value( text, "requests" ) );

    if (attempt_open( &attempt ))
    {
        attempt.recorder->hook = look_at_certificate;
        attempt.recorder->hook_data = &pin;
        attempt_send( &attempt );
        attempt.recorder->hook = NULL;
        attempt.client.request = NULL;      /* closed by the hook */
        ok( attempt.failed == CALL_SEND, "call %u failed with %lu\n", attempt.failed, attempt.error );
        ok( pin.seen && pin.got, "no certificate in SENDING_REQUEST\n" );
    }
    attempt_close( &attempt );
    if (tls_state( attempt.server, text, sizeof(text) ))
        ok( atoi( tls_value( text, "requests" ) ) == (int)before, "%d requests, %u before\n", atoi( tls_value( text, "requests" ) ),
            before );
}

START_TEST(tls_info)
{
    if (!tls_there()) return;
    if (!load_crypt32())
    {
        win_skip( "no crypt32\n" );
        return;
    }
    test_before_sending();
    test_between_send_and_response();
    test_chain_is_given_again();
    test_after_the_body();
    test_certificate_in_sending_request();
    test_request_closed_in_sending_request_is_not_sent();
}
