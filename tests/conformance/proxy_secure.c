/*
 * Proxies that are spoken to over TLS: who judges them, what their failures are called, what they get to see
 *
 * The servers of the TLS fixture are the proxies, too: each answers CONNECT with a way to the others. Source: errors.md 12187
 * and 12188, behaviour-concepts.md sections 4.1 and 5. That SECURITY_FLAGS excuses no proxy is a choice: no document says
 * that it does, and a program that knows of a server's certificate knows nothing of a proxy's.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "proxy_connect.h"
#include "tls.h"

static void test_a_server_behind_a_good_proxy(void)
{
    static const char *const proxies[] = { "good", "by-rsa", "tls12", "tls13", "chained", "address-only" };
    unsigned int i;

    for (i = 0; i < count_of( proxies ); i++)
    {
        struct attempt attempt = { .server = "rsa", .proxy = proxies[i] };

        winetest_push_context( "%s", proxies[i] );
        attempt_run( &attempt );
        if (attempt_check_good( &attempt ))
            ok( !strcmp( tls_value( attempt.body, "server" ), "rsa" ), "got %s\n", attempt.body );
        winetest_pop_context();
    }
}

/* Each judged by its own name and by itself. */
static void test_the_servers_flags_are_the_servers(void)
{
    struct attempt attempt = { .server = "expired", .proxy = "good", .path = L"/close" };

    attempt_run( &attempt );
    ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE && attempt.bits == FAILURE( CERT_DATE_INVALID ), "error %lu, bits %#lx\n",
        attempt.error, attempt.bits );
    attempt.ignore = IGNORE_DATE;
    attempt_run( &attempt );
    attempt_check_good( &attempt );
}

static const struct { const char *proxy; DWORD bits; BOOL revocation; } bad[] =
{
    { "expired",       FAILURE( CERT_DATE_INVALID ), FALSE },
    { "wrong-name",    FAILURE( CERT_CN_INVALID ), FALSE },
    { "address-other", FAILURE( CERT_CN_INVALID ), FALSE },
    { "self-signed",   FAILURE( INVALID_CA ), FALSE },
    { "unknown-ca",    FAILURE( INVALID_CA ), FALSE },
    { "client-only",   FAILURE( CERT_WRONG_USAGE ), FALSE },
    { "ocsp-revoked",  FAILURE( CERT_REVOKED ), TRUE },
};

static void test_a_bad_proxy_is_told_nothing(void)
{
    char before[1024], after[1024], requests[16];
    unsigned int i, ignore;

    for (i = 0; i < count_of( bad ); i++)
    {
        for (ignore = 0; ignore < 2; ignore++)
        {
            struct attempt attempt = { .server = "good", .proxy = bad[i].proxy, .ignore = ignore ? IGNORE_ALL : 0,
                                       .revocation = bad[i].revocation };

            winetest_push_context( "%s, %s", bad[i].proxy, ignore ? "ignored" : "not ignored" );
            if (!tls_state( bad[i].proxy, before, sizeof(before) )) before[0] = 0;
            strcpy( requests, tls_value( before, "requests" ) );
            attempt_run( &attempt );
            ok( attempt.failed == CALL_SEND && attempt.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY, "call %u failed with %lu\n",
                attempt.failed, attempt.error );
            ok( attempt.notices == 1 && attempt.bits == bad[i].bits, "%u notices, bits %#lx\n", attempt.notices, attempt.bits );
            if (tls_state( bad[i].proxy, after, sizeof(after) ))
                ok( !strcmp( tls_value( after, "requests" ), requests ), "it was asked: %s\n", after );
            winetest_pop_context();
        }
    }
}

/* There is no TLS at all: the same error, and what is wrong is the channel. */
static void test_a_proxy_without_tls(void)
{
    static const char *const proxies[] = { "plain", "garbage", "alert", "ssl3" };
    unsigned int i;

    for (i = 0; i < count_of( proxies ); i++)
    {
        struct attempt attempt = { .server = "good", .proxy = proxies[i] };

        winetest_push_context( "%s", proxies[i] );
        attempt_run( &attempt );
        ok( attempt.failed == CALL_SEND && attempt.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY, "call %u failed with %lu\n",
            attempt.failed, attempt.error );
        ok( attempt.notices == 1 && attempt.bits == FAILURE_CHANNEL, "%u notices, bits %#lx\n", attempt.notices, attempt.bits );
        winetest_pop_context();
    }
}

/* A certificate is for the server that it was chosen for. A proxy that insists on one gets none. */
static void test_a_proxy_that_demands_a_certificate(void)
{
    static const char *const proxies[] = { "demand-12", "demand-13" };
    unsigned int i;

    for (i = 0; i < count_of( proxies ); i++)
    {
        struct attempt attempt = { .server = "good", .proxy = proxies[i] };

        winetest_push_context( "%s", proxies[i] );
        attempt_run( &attempt );
        ok( attempt.failed == CALL_SEND, "failed in call %u\n", attempt.failed );
        ok( attempt.error == ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED_PROXY || attempt.error == ERROR_WINHTTP_SECURE_FAILURE_PROXY,
            "error %lu\n", attempt.error );    /* either: before TLS 1.3 the alert says no more than that it failed */
        winetest_pop_context();
    }
}

/* Plain requests go to the proxy itself, within TLS. What is known of that is nothing about a server. */
static void test_plain_requests(void)
{
    struct through how = { .prefix = L"https://", .proxy = tls_address(), .plain = TRUE };
    const void *cert = NULL;
    struct client client;
    char page[2048] = "";
    DWORD err, size = sizeof(cert);
    ULONGLONG len;

    if (through_open( &client, tls_port( "good" ), &how ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        len = client_read( client.request, page, sizeof(page) - 1, &err );
        page[len < sizeof(page) ? len : 0] = 0;
        ok( !err && !strcmp( tls_value( page, "server" ), "good" ), "error %lu, page %s\n", err, page );
        ok( !WinHttpQueryOption( client.request, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &cert, &size ), "it has a certificate\n" );
    }
    client_close( &client );
}

static void test_plain_requests_to_a_bad_proxy(void)
{
    struct recorder *recorder = recorder_create();
    unsigned int i;

    for (i = 0; i < count_of( bad ); i++)
    {
        struct through how = { .prefix = L"https://", .proxy = tls_address(), .plain = TRUE, .recorder = recorder };
        DWORD revocation = WINHTTP_ENABLE_SSL_REVOCATION;
        struct client client;
        enum call call;
        DWORD err;
        int index;

        winetest_push_context( "%s", bad[i].proxy );
        recorder_reset( recorder );
        if (through_open( &client, tls_port( bad[i].proxy ), &how ))
        {
            if (bad[i].revocation)
                WinHttpSetOption( client.request, WINHTTP_OPTION_ENABLE_FEATURE, &revocation, sizeof(revocation) );
            err = through_try( &client, &call );
            ok( err == ERROR_WINHTTP_SECURE_FAILURE_PROXY && call == CALL_SEND, "call %u failed with %lu\n", call, err );
            index = recorder_find( recorder, STATUS( SECURE_FAILURE ), 0 );
            ok( index >= 0 && recorder->events[index].value == bad[i].bits, "bits %#lx\n",
                index >= 0 ? recorder->events[index].value : 0 );
        }
        recorder_close( recorder, &client );
        winetest_pop_context();
    }
}

START_TEST(proxy_secure)
{
    if (!tls_there()) return;
    test_a_server_behind_a_good_proxy();
    test_the_servers_flags_are_the_servers();
    test_a_bad_proxy_is_told_nothing();
    test_a_proxy_without_tls();
    test_a_proxy_that_demands_a_certificate();
    test_plain_requests();
    test_plain_requests_to_a_bad_proxy();
}
