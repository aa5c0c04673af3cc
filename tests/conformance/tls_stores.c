/*
 * TLS: the stores of Windows have the last word
 *
 * Certificates of the fixture's servers are put into stores of the user, and taken out again: CA helps to find a chain,
 * TrustedPeople trusts a certificate itself, Disallowed rules one out whoever vouches for it. ROOT is not written to
 * without the user's consent on Windows; there the test needs its root in the machine's store and a program that may
 * write to it, else it is skipped. Rules: behaviour-concepts.md section 5, options.md 3.8, Microsoft's documentation of the
 * system stores. See tls.h for the servers.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"

#define CA      FAILURE( INVALID_CA )
#define NAME    FAILURE( CERT_CN_INVALID )
#define DATE    FAILURE( CERT_DATE_INVALID )
#define INVALID FAILURE( INVALID_CERT )

#define FUNCS(X) \
    X( CertAddCertificateContextToStore ) \
    X( CertCloseStore ) \
    X( CertDeleteCertificateFromStore ) \
    X( CertEnumCertificatesInStore ) \
    X( CertFindCertificateInStore ) \
    X( CertFreeCertificateChain ) \
    X( CertFreeCertificateContext ) \
    X( CertGetCertificateContextProperty ) \
    X( CertOpenStore )

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

/* ---- certificates and stores ---- */

/* What a server shows; it is asked with everything ignored. The other certificates it sends are in the context's store. */
static const CERT_CONTEXT *certificate_of( const char *server )
{
    struct attempt attempt = { .server = server, .ignore = IGNORE_ALL };
    const CERT_CONTEXT *cert = NULL;
    DWORD size = sizeof(cert);

    if (attempt_open( &attempt ))
    {
        attempt_send( &attempt );
        attempt_check_good( &attempt );
        if (!WinHttpQueryOption( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &cert, &size )) cert = NULL;
        ok( cert != NULL, "no certificate of %s: error %lu\n", server, GetLastError() );
    }
    attempt_close( &attempt );
    return cert;
}

/* One of those that came with a certificate and is its issuer. */
static const CERT_CONTEXT *issuer_of( const CERT_CONTEXT *cert )
{
    const CERT_NAME_BLOB *wanted = &cert->pCertInfo->Issuer, *name;
    const CERT_CONTEXT *found = NULL;

    while ((found = pCertEnumCertificatesInStore( cert->hCertStore, found )))
    {
        name = &found->pCertInfo->Subject;
        if (name->cbData == wanted->cbData && !memcmp( name->pbData, wanted->pbData, name->cbData )) break;
    }
    ok( found != NULL, "the issuer was not sent\n" );
    return found;
}

struct addition
{
    DWORD               location;
    const WCHAR        *name;        /* of the store; NULL: nothing was added */
    const CERT_CONTEXT *cert;
};

/* The store is closed at once: what is in it counts, not what a program holds open. */
static BOOL add( struct addition *addition, DWORD location, const WCHAR *name, const CERT_CONTEXT *cert )
{
    HCERTSTORE store = pCertOpenStore( CERT_STORE_PROV_SYSTEM_W, 0, 0, location, name );
    BOOL ret = FALSE;

    if (store)
    {
        ret = pCertAddCertificateContextToStore( store, cert, CERT_STORE_ADD_REPLACE_EXISTING, NULL );
        if (!pCertCloseStore( store, 0 )) ret = FALSE;
    }
    if (!ret) skip( "the store %ls cannot be written: error %lu\n", name, GetLastError() );
    addition->location = location;
    addition->name = ret ? name : NULL;
    addition->cert = cert;
    return ret;
}

/* Through crypt32; and from the registry, since Wine's crypt32 leaves there what was deleted. */
static void take_back( const struct addition *addition )
{
    HKEY root = addition->location == CERT_SYSTEM_STORE_CURRENT_USER ? HKEY_CURRENT_USER : HKEY_LOCAL_MACHINE;
    DWORD i, len, size;
    const CERT_CONTEXT *cert;
    WCHAR path[256];
    HCERTSTORE store;
    BYTE hash[20];

    if (!addition->name) return;
    store = pCertOpenStore( CERT_STORE_PROV_SYSTEM_W, 0, 0, addition->location, addition->name );
    cert = pCertFindCertificateInStore( store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, addition->cert, NULL );
    ok( cert && pCertDeleteCertificateFromStore( cert ), "a certificate stays in the store %ls: error %lu\n", addition->name,
        GetLastError() );
    pCertCloseStore( store, 0 );

    size = sizeof(hash);
    if (!pCertGetCertificateContextProperty( addition->cert, CERT_SHA1_HASH_PROP_ID, hash, &size )) return;
    len = wsprintfW( path, L"Software\\Microsoft\\SystemCertificates\\%s\\Certificates\\", addition->name );
    for (i = 0; i < sizeof(hash); i++) len += wsprintfW( path + len, L"%02X", hash[i] );
    RegDeleteKeyW( root, path );
}

/* ---- attempts ---- */

/* On a connection of its own, which nobody has judged before. */
static void attempt_alone( struct attempt *attempt )
{
    BOOL own = TRUE;

    if (attempt_open( attempt ))
    {
        if (!WinHttpSetOption( attempt->client.session, WINHTTP_OPTION_DISABLE_GLOBAL_POOLING, &own, sizeof(own) ))
            win_skip( "no DISABLE_GLOBAL_POOLING: error %lu\n", GetLastError() );
        if (attempt->open_flags & WINHTTP_FLAG_ASYNC) attempt_send_async( attempt );
        else attempt_send( attempt );
    }
    attempt_close( attempt );
}

static void try_server( struct attempt *attempt, const char *server, DWORD ignore )
{
    memset( attempt, 0, sizeof(*attempt) );
    attempt->server = server;
    attempt->ignore = ignore;
    attempt_alone( attempt );
}

static void check_refused_( int line, const struct attempt *attempt, DWORD bits )
{
    ok_( __FILE__, line )( attempt->failed == CALL_SEND && attempt->error == ERROR_WINHTTP_SECURE_FAILURE,
                           "call %u failed with %lu\n", attempt->failed, attempt->error );              /* TL-8 */
    ok_( __FILE__, line )( attempt->bits == bits && attempt->notices == 1, "bits %#lx, expected %#lx, %u notices\n",
                           attempt->bits, bits, attempt->notices );
}
#define check_refused( attempt, bits ) check_refused_( __LINE__, attempt, bits )

/* What was put into a store, or taken out, need not count for the very next connection. */
static void await_( int line, struct attempt *attempt, const char *server, DWORD ignore, BOOL accepted )
{
    ULONGLONG end = GetTickCount64() + WAIT_MS;

    do try_server( attempt, server, ignore );
    while ((attempt->failed == CALL_NONE) != accepted && GetTickCount64() < end);
    ok_( __FILE__, line )( (attempt->failed == CALL_NONE) == accepted, "%s: error %lu, bits %#lx\n", server, attempt->error,
                           attempt->bits );
}
#define await( attempt, server, ignore, accepted ) await_( __LINE__, attempt, server, ignore, accepted )

/* ---- tests ---- */

/* Both kinds of handles: the verdict is found on the caller's thread or on another one. */
static void test_a_root_of_the_store_is_trusted(void)
{
    const CERT_CONTEXT *leaf, *root;
    struct addition addition = { 0 };
    struct attempt attempt;

    try_server( &attempt, "unknown-ca-sent", 0 );
    check_refused( &attempt, CA );
    if (!(leaf = certificate_of( "unknown-ca-sent" ))) return;
    if ((root = issuer_of( leaf )) && add( &addition, CERT_SYSTEM_STORE_LOCAL_MACHINE, L"ROOT", root ))
    {
        await( &attempt, "unknown-ca-sent", 0, TRUE );
        attempt_check_good( &attempt );
        await( &attempt, "unknown-ca", 0, TRUE );     /* the root is not sent here, and found in the store */
        await( &attempt, "unknown-short", 0, TRUE );  /* whatever the numbers in its signature happen to be */

        memset( &attempt, 0, sizeof(attempt) );
        attempt.server = "unknown-ca-sent";
        attempt.open_flags = WINHTTP_FLAG_ASYNC;
        attempt_alone( &attempt );
        ok( attempt.failed == CALL_NONE && !attempt.notices, "error %lu, bits %#lx\n", attempt.error, attempt.bits );

        /* nothing else is cured by that */
        try_server( &attempt, "unknown-wrong-name", IGNORE_CA );
        check_refused( &attempt, NAME );
        try_server( &attempt, "unknown-expired", IGNORE_CA );
        check_refused( &attempt, DATE );
        try_server( &attempt, "self-signed", 0 );
        check_refused( &attempt, CA );
    }
    take_back( &addition );
    if (root) pCertFreeCertificateContext( root );
    pCertFreeCertificateContext( leaf );
}

/* A server that does not send its intermediate: the store has it, and the root. */
/* A proxy that is spoken to over TLS is judged as a server is, and by nothing that a program ignores of servers: a choice where
 * no document says either. errors.md 12188. */
static void test_the_stores_judge_proxies(void)
{
    const CERT_CONTEXT *leaf, *root = NULL;
    struct addition addition = { 0 };
    struct attempt attempt = { .server = "good", .proxy = "unknown-ca-sent", .ignore = IGNORE_ALL };
    ULONGLONG end;

    attempt_alone( &attempt );
    ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY, "error %lu\n", attempt.error );
    ok( attempt.bits == CA && attempt.notices == 1, "bits %#lx, %u notices\n", attempt.bits, attempt.notices );
    if (!(leaf = certificate_of( "unknown-ca-sent" ))) return;
    if ((root = issuer_of( leaf )) && add( &addition, CERT_SYSTEM_STORE_LOCAL_MACHINE, L"ROOT", root ))
    {
        attempt.ignore = 0;
        for (end = GetTickCount64() + WAIT_MS; attempt.failed != CALL_NONE && GetTickCount64() < end;) attempt_alone( &attempt );
        attempt_check_good( &attempt );
        ok( !strcmp( tls_value( attempt.body, "server" ), "good" ), "got %s\n", attempt.body );

        /* both in one connection, one after the other */
        attempt.server = "unknown-ca";
        attempt_alone( &attempt );
        attempt_check_good( &attempt );

        /* nothing else is cured by that */
        attempt.proxy = "unknown-wrong-name";
        attempt.ignore = IGNORE_ALL;
        attempt_alone( &attempt );
        ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY && (attempt.bits & NAME), "error %lu, bits %#lx\n",
            attempt.error, attempt.bits );
    }
    take_back( &addition );
    if (root) pCertFreeCertificateContext( root );
    pCertFreeCertificateContext( leaf );
}

static void test_the_store_of_intermediates_completes_a_chain(void)
{
    const CERT_CONTEXT *leaf, *issuer = NULL, *root = NULL;
    struct addition inter = { 0 }, top = { 0 };
    struct attempt attempt;

    try_server( &attempt, "chained-missing", 0 );
    check_refused( &attempt, CA );
    if (!(leaf = certificate_of( "chained-root" ))) return;
    if ((issuer = issuer_of( leaf )) && (root = issuer_of( issuer )) &&
        add( &top, CERT_SYSTEM_STORE_LOCAL_MACHINE, L"ROOT", root ))
    {
        if (add( &inter, CERT_SYSTEM_STORE_CURRENT_USER, L"CA", issuer ))
        {
            await( &attempt, "chained-missing", 0, TRUE );
            attempt_check_good( &attempt );
        }
        take_back( &inter );
    }
    take_back( &top );
    if (root) pCertFreeCertificateContext( root );
    if (issuer) pCertFreeCertificateContext( issuer );
    pCertFreeCertificateContext( leaf );
}

static void test_a_trusted_person_needs_no_root(void)
{
    const CERT_CONTEXT *leaf = certificate_of( "self-signed" ), *expired = certificate_of( "self-signed-expired" );
    struct addition addition = { 0 }, other = { 0 };
    struct attempt attempt;

    try_server( &attempt, "self-signed", 0 );
    check_refused( &attempt, CA );
    if (leaf && expired && add( &addition, CERT_SYSTEM_STORE_CURRENT_USER, L"TrustedPeople", leaf ))
    {
        await( &attempt, "self-signed", 0, TRUE );
        attempt_check_good( &attempt );
        try_server( &attempt, "self-signed-ca", 0 );    /* another certificate */
        check_refused( &attempt, CA );
        if (add( &other, CERT_SYSTEM_STORE_CURRENT_USER, L"TrustedPeople", expired ))
        {
            try_server( &attempt, "self-signed-expired", IGNORE_CA );
            check_refused( &attempt, DATE );
        }
        take_back( &other );
    }
    take_back( &addition );
    if (leaf) pCertFreeCertificateContext( leaf );
    if (expired) pCertFreeCertificateContext( expired );
}

/* The certificate itself, whoever trusts its authority; what is ignored does not help. */
static void test_a_disallowed_certificate_is_refused(void)
{
    const CERT_CONTEXT *leaf = certificate_of( "good" );
    struct addition addition = { 0 };
    struct attempt attempt;

    try_server( &attempt, "good", 0 );
    attempt_check_good( &attempt );
    if (leaf && add( &addition, CERT_SYSTEM_STORE_CURRENT_USER, L"Disallowed", leaf ))
    {
        await( &attempt, "good", 0, FALSE );
        /* either: an authority that is not trusted (errors.md), or something that cannot be ignored */
        ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE && !(attempt.bits & ~(INVALID | CA)) && attempt.bits,
            "error %lu, bits %#lx\n", attempt.error, attempt.bits );
        try_server( &attempt, "good", IGNORE_ALL );
        ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE || broken( attempt.failed == CALL_NONE ), "error %lu, bits %#lx\n",
            attempt.error, attempt.bits );    /* a choice: who rules a certificate out wants no exceptions */
        try_server( &attempt, "p384", 0 );
        attempt_check_good( &attempt );
    }
    take_back( &addition );
    await( &attempt, "good", 0, TRUE );
    if (leaf) pCertFreeCertificateContext( leaf );
}

/* An authority in the middle of a chain, and one at its end. */
static void test_a_disallowed_authority_is_refused(void)
{
    const CERT_CONTEXT *leaf = certificate_of( "chained-root" ), *issuer = NULL, *root = NULL;
    struct addition addition = { 0 };
    struct attempt attempt;

    if (!leaf) return;
    if ((issuer = issuer_of( leaf )) && add( &addition, CERT_SYSTEM_STORE_CURRENT_USER, L"Disallowed", issuer ))
    {
        await( &attempt, "chained", 0, FALSE );
        ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", attempt.error );
        await( &attempt, "chained-astray", 0, FALSE );    /* another one of that name does not help */
        try_server( &attempt, "good", 0 );
        attempt_check_good( &attempt );
    }
    take_back( &addition );
    addition.name = NULL;
    if (issuer && (root = issuer_of( issuer )) && add( &addition, CERT_SYSTEM_STORE_CURRENT_USER, L"Disallowed", root ))
    {
        await( &attempt, "chained", 0, FALSE );
        await( &attempt, "good", 0, FALSE );          /* the root is not sent */
        await( &attempt, "good-astray", 0, FALSE );   /* what is sent instead has only its name */
        ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", attempt.error );
    }
    take_back( &addition );
    await( &attempt, "chained", 0, TRUE );
    if (root) pCertFreeCertificateContext( root );
    if (issuer) pCertFreeCertificateContext( issuer );
    pCertFreeCertificateContext( leaf );
}

/* It is ruled out while a connection to it is kept, and sessions to be resumed: they were judged before. That another one
 * was ruled out all the time must not matter. */
static void test_a_disallowed_certificate_loses_its_connections(void)
{
    const CERT_CONTEXT *leaf = certificate_of( "good" ), *other = certificate_of( "p384" );
    struct addition first = { 0 }, second = { 0 };
    struct attempt attempt;

    if (leaf && other && add( &first, CERT_SYSTEM_STORE_CURRENT_USER, L"Disallowed", other ))
    {
        await( &attempt, "p384", 0, FALSE );
        memset( &attempt, 0, sizeof(attempt) );
        attempt.server = "good";
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        if (add( &second, CERT_SYSTEM_STORE_CURRENT_USER, L"Disallowed", leaf ))
        {
            await( &attempt, "good", 0, FALSE );
            memset( &attempt, 0, sizeof(attempt) );
            attempt.server = "good";
            attempt_run( &attempt );
            ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE || broken( attempt.failed == CALL_NONE ),    /* a choice */
                "call %u failed, error %lu, bits %#lx\n", attempt.failed, attempt.error, attempt.bits );
        }
        take_back( &second );
    }
    take_back( &first );
    await( &attempt, "good", 0, TRUE );
    if (leaf) pCertFreeCertificateContext( leaf );
    if (other) pCertFreeCertificateContext( other );
}

/* Without a chain there is none to show, and what only a chain could cure is not cured. */
static void test_no_chain_is_built_when_that_is_disabled(void)
{
    struct attempt attempt = { .server = "good" };
    const CERT_CHAIN_CONTEXT *chain = (void *)1;
    DWORD size = sizeof(chain);
    BOOL yes = TRUE, ret;

    if (attempt_open( &attempt ))
    {
        ret = WinHttpSetOption( attempt.client.session, WINHTTP_OPTION_DISABLE_CERT_CHAIN_BUILDING, &yes, sizeof(yes) );
        if (!ret) win_skip( "no DISABLE_CERT_CHAIN_BUILDING: error %lu\n", GetLastError() );
        else
        {
            attempt_send( &attempt );
            attempt_check_good( &attempt );
            ret = WinHttpQueryOption( attempt.client.request, WINHTTP_OPTION_SERVER_CERT_CHAIN_CONTEXT, &chain, &size );
            ok( !ret || broken( chain != NULL ), "there is a chain\n" );    /* a choice */
            ok( ret || GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu\n", GetLastError() );
            if (ret && chain) pCertFreeCertificateChain( chain );
            else ok( !chain, "the pointer is %p\n", chain );
        }
    }
    attempt_close( &attempt );
}

START_TEST(tls_stores)
{
    if (!tls_there()) return;
    if (!load_crypt32())
    {
        win_skip( "no crypt32\n" );
        return;
    }
    test_a_root_of_the_store_is_trusted();
    test_the_stores_judge_proxies();
    test_the_store_of_intermediates_completes_a_chain();
    test_a_trusted_person_needs_no_root();
    test_a_disallowed_certificate_is_refused();
    test_a_disallowed_authority_is_refused();
    test_a_disallowed_certificate_loses_its_connections();
    test_no_chain_is_built_when_that_is_disabled();
}
