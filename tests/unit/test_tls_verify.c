/*
 * Unit test of the verdict on a peer's certificates (unix/tls_verify.c), through the TLS layer, against a GnuTLS server in
 * the same process (tls_peer.h)
 */

#include <pthread.h>
#include <sys/resource.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "hooks.h"
#include "tls_peer.h"
#include "unix/block.h"
#include "unix/buffer.h"
#include "unix/tls_buffer.h"
#include "unix/tls_trust.h"
#include "unix/tls_verify.h"

/* What is done differently in each must hold in both. */
static const char * const both_versions[2] = { PRIORITY_13, PRIORITY_12 };

struct cert_case
{
    const char *cert;
    const char *host;
    uint32_t    ignore;
    uint32_t    bits;
};

#define IGNORE_ALL (WH_TLS_IGNORE_UNKNOWN_CA | WH_TLS_IGNORE_USAGE | WH_TLS_IGNORE_NAME | WH_TLS_IGNORE_DATE)
#define MANY_WRONG (WH_CERT_UNKNOWN_CA | WH_CERT_NAME | WH_CERT_DATE | WH_CERT_USAGE)

static const struct cert_case cert_cases[] =
{
    { "good",       "localhost",   0, 0 },
    { "good",       "LOCALHOST",   0, 0 },
    { "good",       "localhost.",  0, 0 },
    { "good",       "127.0.0.1",   0, 0 },
    { "good",       "::1",         0, 0 },
    { "good",       "127.0.0.2",   0, WH_CERT_NAME },
    { "good",       "::2",         0, WH_CERT_NAME },
    { "good",       "local",       0, WH_CERT_NAME },
    { "good",       "x.localhost", 0, WH_CERT_NAME },
    { "good",       "::2",         WH_TLS_IGNORE_NAME, 0 },
    { "chained",    "localhost",   0, 0 },
    { "crossed",    "localhost",   0, 0 },
    { "rsa",        "localhost",   0, 0 },
    { "wild",       "a.example.test",   0, 0 },
    { "wild",       "a.b.example.test", 0, WH_CERT_NAME },
    { "wild",       "example.test",     0, WH_CERT_NAME },
    { "expired",    "localhost",   0, WH_CERT_DATE },
    { "expired",    "localhost",   IGNORE_ALL & ~WH_TLS_IGNORE_DATE, WH_CERT_DATE },
    { "expired",    "localhost",   WH_TLS_IGNORE_DATE, 0 },
    { "notyet",     "localhost",   0, WH_CERT_DATE },
    { "notyet",     "localhost",   WH_TLS_IGNORE_DATE, 0 },
    { "wrongname",  "localhost",   0, WH_CERT_NAME },
    { "wrongname",  "localhost",   IGNORE_ALL & ~WH_TLS_IGNORE_NAME, WH_CERT_NAME },
    { "wrongname",  "localhost",   WH_TLS_IGNORE_NAME, 0 },
    { "wrongname",  "127.0.0.1",   0, WH_CERT_NAME },
    { "selfsigned", "localhost",   0, WH_CERT_UNKNOWN_CA },
    { "selfsigned", "localhost",   IGNORE_ALL & ~WH_TLS_IGNORE_UNKNOWN_CA, WH_CERT_UNKNOWN_CA },
    { "selfsigned", "localhost",   WH_TLS_IGNORE_UNKNOWN_CA, 0 },
    { "usage",      "localhost",   0, WH_CERT_USAGE },
    { "usage",      "localhost",   IGNORE_ALL & ~WH_TLS_IGNORE_USAGE, WH_CERT_USAGE },
    { "usage",      "localhost",   WH_TLS_IGNORE_USAGE, 0 },
    { "weak",       "localhost",   0, WH_CERT_INVALID },
    { "weak",       "localhost",   IGNORE_ALL, WH_CERT_INVALID },
    { "manywrong",  "localhost",   0, MANY_WRONG },
    { "manywrong",  "localhost",   WH_TLS_IGNORE_UNKNOWN_CA, MANY_WRONG & ~WH_CERT_UNKNOWN_CA },
    { "manywrong",  "localhost",   WH_TLS_IGNORE_USAGE, MANY_WRONG & ~WH_CERT_USAGE },
    { "manywrong",  "localhost",   WH_TLS_IGNORE_NAME, MANY_WRONG & ~WH_CERT_NAME },
    { "manywrong",  "localhost",   WH_TLS_IGNORE_DATE, MANY_WRONG & ~WH_CERT_DATE },
    { "manywrong",  "localhost",   IGNORE_ALL, 0 },
};

static void check_certificate( const struct cert_case *test, const char *priority )
{
    struct setup setup = plain_setup;
    struct server server;
    int ret;

    setup.cert = test->cert;
    setup.host = test->host;
    setup.flags = test->ignore;
    setup.priority = priority;
    server_open( &server, &setup );
    ret = run_handshake( &server );
    if (ret != (test->bits ? LAYER_FAILED : LAYER_OK) || (test->bits && server.client->detail != test->bits))
        fprintf( stderr, "%s for %s, ignoring %#x: %d, error %u, detail %#x, expected %#x\n", test->cert, test->host,
                 test->ignore, ret, server.client->error, server.client->detail, test->bits );
    expect( ret == (test->bits ? LAYER_FAILED : LAYER_OK) );
    if (test->bits)
    {
        expect( server.client->error == WHE_CERT );
        expect( server.client->detail == test->bits );
        expect( server.client->ops->write( server.client, "x", 1 ) == LAYER_FAILED );
        expect( server.client->ops->start( server.client ) == LAYER_FAILED );
    }
    server_close( &server );
}

static void test_each_certificate_gets_its_verdict(void)
{
    size_t i;

    for (i = 0; i < sizeof(cert_cases) / sizeof(cert_cases[0]); i++)
    {
        check_certificate( &cert_cases[i], PRIORITY_13 );
        check_certificate( &cert_cases[i], PRIORITY_12 );
    }
}

static void test_rejected_server_gets_an_alert_and_no_data(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];
    ssize_t ret;

    setup.cert = "expired";
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_FAILED );
    server_shake( &server );
    ret = gnutls_record_recv( server.session, buffer, sizeof(buffer) );
    expect( ret == GNUTLS_E_FATAL_ALERT_RECEIVED );
    expect( gnutls_alert_get( server.session ) == GNUTLS_A_CERTIFICATE_EXPIRED );
    server_close( &server );
}

static void test_names_are_sent_and_addresses_are_not(void)
{
    static const char * const hosts[] = { "localhost", "127.0.0.1", "::1" };
    struct setup setup = plain_setup;
    struct server server;
    unsigned int type;
    char name[64];
    size_t i, len;
    int ret;

    for (i = 0; i < 3; i++)
    {
        setup.host = hosts[i];
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        len = sizeof(name);
        ret = gnutls_server_name_get( server.session, name, &len, &type, 0 );
        if (i) expect( ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE );
        else expect( !ret && !strcmp( name, "localhost" ) );
        server_close( &server );
    }
}

/* Uses the trust list that the environment names, then goes back to the test's own. */
static void with_trust( const char *file, const char *dir, const struct cert_case *test )
{
    char path[512];

    tls_shutdown();
    if (file) snprintf( path, sizeof(path), "%s/%s", certs, file );
    if (file) setenv( "SSL_CERT_FILE", path, 1 );
    else unsetenv( "SSL_CERT_FILE" );
    if (dir) setenv( "SSL_CERT_DIR", dir, 1 );
    expect( tls_trust_load() == WHE_OK );
    check_certificate( test, PRIORITY_13 );

    tls_shutdown();
    unsetenv( "SSL_CERT_DIR" );
    snprintf( path, sizeof(path), "%s/ca.pem", certs );
    setenv( "SSL_CERT_FILE", path, 1 );
    expect( tls_trust_load() == WHE_OK );
}

static void test_environment_names_the_trust_list(void)
{
    static const struct cert_case good = { "good", "localhost", 0, 0 };
    static const struct cert_case unknown = { "good", "localhost", 0, WH_CERT_UNKNOWN_CA };
    static const struct cert_case self = { "selfsigned", "localhost", 0, 0 };
    static const struct cert_case self_name = { "selfsigned", "elsewhere", 0, WH_CERT_NAME };
    char dirs[600], link[600];

    snprintf( link, sizeof(link), "%s/0123abcd.0", certs );
    expect( !symlink( "ca.pem", link ) );
    with_trust( "ca.pem", NULL, &good );
    with_trust( "ca2.pem", NULL, &unknown );
    with_trust( "no such file", NULL, &unknown );
    with_trust( NULL, certs, &good );
    snprintf( dirs, sizeof(dirs), "/nowhere::%s", certs );
    with_trust( NULL, dirs, &good );
    with_trust( "selfsigned.pem", NULL, &self );
    with_trust( "selfsigned.pem", NULL, &self_name );
    with_trust( NULL, "/nowhere", &unknown );
    unlink( link );
    with_trust( NULL, certs, &unknown );         /* there is ca.pem, but no file named by a hash */
}

/* A chain that is sent with a cross certificate ends at whichever authority is trusted. */
static void test_cross_signed_chain_is_followed_both_ways(void)
{
    static const struct cert_case crossed = { "crossed", "localhost", 0, 0 };
    static const struct cert_case chained = { "chained", "localhost", 0, WH_CERT_UNKNOWN_CA };

    with_trust( "ca2.pem", NULL, &crossed );
    with_trust( "ca2.pem", NULL, &chained );
    with_trust( "ca.pem", NULL, &crossed );
}

static void test_host_trust_list_can_be_read_by_gnutls_in_full(void)
{
    static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
    gnutls_x509_trust_list_t list;
    char own[512];
    int count;

    gnutls_x509_trust_list_init( &list, 0 );
    count = gnutls_x509_trust_list_add_trust_file( list, bundle, NULL, GNUTLS_X509_FMT_PEM, 0, 0 );
    gnutls_x509_trust_list_deinit( list, 1 );
    if (count > 0)
    {
        tls_shutdown();
        setenv( "SSL_CERT_FILE", bundle, 1 );
        expect( tls_trust_load() == WHE_OK );
        expect( tls_trust_count() == (size_t)count );
        tls_shutdown();
        snprintf( own, sizeof(own), "%s/ca.pem", certs );
        setenv( "SSL_CERT_FILE", own, 1 );
        expect( tls_trust_load() == WHE_OK );
    }
}

static void test_verification_waits_for_the_trust_list(void)
{
    struct server server;
    int i, ret = LAYER_AGAIN;

    tls_trust_free();
    expect( !tls_trust_loaded() );
    server_open( &server, &plain_setup );
    for (i = 0; i < 20; i++)
    {
        ret = server.client->ops->start( server.client );
        server_shake( &server );
    }
    expect( ret == LAYER_AGAIN );
    expect( server.client->ops->wants( server.client ) == 0 );
    expect( !server.up );            /* our last word is not out before the verdict */
    expect( tls_trust_load() == WHE_OK );
    expect( run_handshake( &server ) == LAYER_OK );
    server_close( &server );
}

/* What ran out once need not be missing for the life of the process. */
static void test_trust_list_is_read_again_when_it_could_not_be_read(void)
{
    struct rlimit limit, none;
    struct server server;
    unsigned int nth;
    int ends = 0;

    for (nth = 1; nth < 20 && !ends; nth++)
    {
        tls_trust_free();
        hooks_reset();
        hooks_fail( HOOK_ALLOC, nth, 0, 0 );
        ends = tls_trust_load() == WHE_OK;
        hooks_stop();
        expect( tls_trust_loaded() );
        if (ends) break;
        expect( tls_trust_due() && !tls_trust_count() );
        server_open( &server, &plain_setup );
        expect( run_handshake( &server ) == LAYER_FAILED );
        expect( server.client->error == WHE_NO_MEMORY );     /* and nothing about the server's certificate */
        server_close( &server );
        expect( tls_trust_load() == WHE_OK );
        expect( !tls_trust_due() && tls_trust_count() == 1 );
        server_open( &server, &plain_setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_close( &server );
    }
    expect( nth > 3 && ends );

    tls_trust_free();
    getrlimit( RLIMIT_NOFILE, &limit );
    none = limit;
    none.rlim_cur = 0;                       /* no descriptor is free */
    setrlimit( RLIMIT_NOFILE, &none );
    expect( tls_trust_load() == WHE_NO_MEMORY );
    setrlimit( RLIMIT_NOFILE, &limit );
    expect( tls_trust_load() == WHE_OK && tls_trust_count() == 1 );
}

static void test_chain_and_channel_binding_are_the_servers(void)
{
    struct setup setup = plain_setup;
    uint8_t chain[8192], hash[64], expected[32];
    struct server server;
    uint32_t first;
    size_t len, i;

    setup.cert = "chained";
    for (i = 0; i < 2; i++)
    {
        setup.priority = both_versions[i];
        server_open( &server, &setup );
        expect( server.client->ops->query( server.client, WHQ_PEER_CHAIN, chain, sizeof(chain), &len ) == WHE_STATE );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( server.client->ops->query( server.client, WHQ_PEER_CHAIN, chain, 10, &len ) == WHE_INVALID );
        expect( len > 500 && len < sizeof(chain) );
        expect( server.client->ops->query( server.client, WHQ_PEER_CHAIN, chain, len, &len ) == WHE_OK );
        memcpy( &first, chain, sizeof(first) );
        expect( first + 4 < len );
        expect( chain[4] == 0x30 && chain[first + 8] == 0x30 );
        expect( server.client->ops->query( server.client, WHQ_CHANNEL_BINDING, hash, sizeof(hash), &len ) == WHE_OK );
        gnutls_hash_fast( GNUTLS_DIG_SHA256, chain + 4, first, expected );
        expect( len == 32 && !memcmp( hash, expected, 32 ) );
        expect( server.client->ops->query( server.client, WHQ_TIMES, hash, sizeof(hash), &len ) == WHE_STATE );
        server_close( &server );
    }
}

static void test_server_that_requires_a_certificate_is_cert_needed(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];

    setup.request = GNUTLS_CERT_REQUIRE;
    setup.priority = PRIORITY_12;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_FAILED );
    expect( server.client->error == WHE_CERT_NEEDED );
    server_close( &server );

    setup.priority = PRIORITY_13;          /* here the client is up before the server looks */
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( server.failed );
    expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
    expect( server.client->error == WHE_CERT_NEEDED );
    expect( server.client->detail == GNUTLS_A_CERTIFICATE_REQUIRED );
    server_close( &server );
}

int main(void)
{
    make_certificates();
    expect( tls_trust_load() == WHE_OK );
    expect( tls_trust_count() == 1 );

    run( test_each_certificate_gets_its_verdict );
    run( test_rejected_server_gets_an_alert_and_no_data );
    run( test_names_are_sent_and_addresses_are_not );
    run( test_environment_names_the_trust_list );
    run( test_cross_signed_chain_is_followed_both_ways );
    run( test_host_trust_list_can_be_read_by_gnutls_in_full );
    run( test_verification_waits_for_the_trust_list );
    run( test_trust_list_is_read_again_when_it_could_not_be_read );
    run( test_chain_and_channel_binding_are_the_servers );
    run( test_server_that_requires_a_certificate_is_cert_needed );

    tls_shutdown();
    remove_certificates();
    return test_end( "tls_verify" );
}
