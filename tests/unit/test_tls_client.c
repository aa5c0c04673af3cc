/*
 * Unit test of client certificates in the TLS layer (unix/tls_client.c, unix/tls_renew.c), against a GnuTLS server in the
 * same process (tls_peer.h): in the handshake, and asked for within a session
 */

#include "hooks.h"
#include "keys.h"
#include "tls_peer.h"
#include "unix/object.h"

/* What is done differently in each must hold in both. */
static const char * const both_versions[2] = { PRIORITY_13, PRIORITY_12 };

static struct creds *ecc, *rsa;      /* client.pem, and rsa.pem, which is for servers only */

/* 1 if the server has seen the certificate of these creds. */
static int server_knows( struct server *server, struct creds *creds )
{
    const gnutls_datum_t *der;
    unsigned int count = 0, unused;
    gnutls_pcert_st *chain;
    gnutls_privkey_t key;

    if (!(der = gnutls_certificate_get_peers( server->session, &count )) || !count) return 0;
    creds_lend( creds, &chain, &unused, &key );
    return der->size == chain->cert.size && !memcmp( der->data, chain->cert.data, der->size );
}

/* ---- within a session ---- */

/* The server wants a certificate now. */
static void server_ask( struct server *server, gnutls_certificate_request_t request )
{
    gnutls_certificate_server_set_request( server->session, request );
    if (gnutls_protocol_get_version( server->session ) == GNUTLS_TLS1_3) server->asking = 2;
    else
    {
        expect( gnutls_rehandshake( server->session ) >= 0 );
        server->asking = 1;
    }
}

/* Runs both sides, the client by `step`, until the server has what it wanted, or one of them failed. */
static int run_asking( struct server *server, int (*step)( struct server *server ) )
{
    int ret = LAYER_AGAIN, code, i;

    for (i = 0; i < 10000 && server->asking && ret != LAYER_FAILED; i++)
    {
        code = server->asking == 2 ? gnutls_reauth( server->session, 0 ) : gnutls_handshake( server->session );
        if (!code) server->asking = 0;
        else if (gnutls_error_is_fatal( code ))
        {
            server->failed = code;
            gnutls_alert_send_appropriate( server->session, code );
            server->asking = 0;
        }
        ret = step( server );
    }
    expect( !server->asking || ret == LAYER_FAILED );
    return ret;
}

static int step_read( struct server *server )
{
    char buffer[16];
    ssize_t ret = server->client->ops->read( server->client, buffer, sizeof(buffer) );

    expect( ret < 0 );
    return ret;
}

/* A client that has something to say drives it, too, and says it afterwards. */
static int step_write( struct server *server )
{
    ssize_t ret = server->client->ops->write( server->client, "said", 4 );

    if (ret == LAYER_AGAIN) return step_read( server );
    if (ret == 4) server->failed = 4;
    return ret == LAYER_FAILED ? LAYER_FAILED : LAYER_OK;
}

static void carries_data( struct server *server )
{
    server_send( server, "from the server" );
    expect( reads_text( server, "from the server" ) );
    expect( client_says( server, "from the client" ) );
    expect( server_hears( server, "from the client" ) );
}

static struct setup asking_setup( int i )
{
    struct setup setup = plain_setup;

    setup.priority = both_versions[i];
    setup.server_flags = GNUTLS_POST_HANDSHAKE_AUTH;
    setup.client_ca = "ca";
    return setup;
}

/* ---- in the handshake ---- */

static void test_certificate_is_sent_when_the_server_asks(void)
{
    struct setup setup;
    struct server server;
    int i, k;

    for (i = 0; i < 2; i++)
        for (k = 0; k < 2; k++)
        {
            setup = asking_setup( i );
            setup.request = GNUTLS_CERT_REQUIRE;
            setup.creds = k ? rsa : ecc;
            server_open( &server, &setup );
            expect( run_handshake( &server ) == LAYER_OK );
            expect( server.up && server_knows( &server, setup.creds ) );
            carries_data( &server );
            server_close( &server );

            setup.request = GNUTLS_CERT_IGNORE;
            server_open( &server, &setup );
            expect( run_handshake( &server ) == LAYER_OK );
            expect( !server_knows( &server, setup.creds ) );
            server_close( &server );
        }
}

/* Windows sends what the program chose; which issuers the server names is the program's to look at. */
static void test_certificate_of_an_issuer_that_was_not_named_is_sent(void)
{
    struct setup setup = asking_setup( 0 );
    struct server server;

    setup.request = GNUTLS_CERT_REQUEST;
    setup.client_ca = "ca2";
    setup.creds = ecc;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( server_knows( &server, ecc ) );
    server_close( &server );
}

static void test_key_of_a_kind_that_the_server_cannot_use_is_not_sent(void)
{
    struct setup setup = asking_setup( 1 );
    struct server server;

    setup.priority = PRIORITY_12 ":-SIGN-ALL:+SIGN-RSA-SHA256";
    setup.cert = "rsa";
    setup.request = GNUTLS_CERT_REQUEST;
    setup.creds = ecc;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( !server_knows( &server, ecc ) );
    carries_data( &server );
    server_close( &server );
}

static void test_issuers_are_told_after_the_request(void)
{
    gnutls_datum_t pem = { 0 }, der = { 0 };
    gnutls_x509_crt_t ca;
    struct server server;
    uint8_t list[4096];
    char path[512];
    uint32_t first;
    size_t len;
    int i;

    snprintf( path, sizeof(path), "%s/ca.pem", certs );
    expect( !gnutls_load_file( path, &pem ) );
    gnutls_x509_crt_init( &ca );
    expect( !gnutls_x509_crt_import( ca, &pem, GNUTLS_X509_FMT_PEM ) );
    expect( !gnutls_x509_crt_get_raw_dn( ca, &der ) );
    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( server.client->ops->query( server.client, WHQ_CERT_ISSUERS, list, sizeof(list), &len ) == WHE_STATE );
        server_close( &server );

        setup.request = GNUTLS_CERT_REQUIRE;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == (i ? LAYER_FAILED : LAYER_OK) );
        if (!i) expect( client_read( &server, list, 1 ) == LAYER_FAILED );
        expect( server.client->error == WHE_CERT_NEEDED );
        expect( server.client->ops->query( server.client, WHQ_CERT_ISSUERS, list, 3, &len ) == WHE_INVALID );
        expect( server.client->ops->query( server.client, WHQ_CERT_ISSUERS, list, len, &len ) == WHE_OK );
        memcpy( &first, list, sizeof(first) );
        expect( len == der.size + sizeof(first) && first == der.size );
        expect( len > sizeof(first) && !memcmp( list + sizeof(first), der.data, der.size ) );
        server_close( &server );

        setup.client_ca = NULL;          /* asked, and nobody named */
        setup.request = GNUTLS_CERT_REQUEST;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( server.client->ops->query( server.client, WHQ_CERT_ISSUERS, list, 0, &len ) == WHE_OK && !len );
        server_close( &server );
    }
    gnutls_free( pem.data );
    gnutls_free( der.data );
    gnutls_x509_crt_deinit( ca );
}

static const gnutls_alert_description_t refusals[] =
{
    GNUTLS_A_BAD_CERTIFICATE, GNUTLS_A_UNSUPPORTED_CERTIFICATE, GNUTLS_A_CERTIFICATE_REVOKED,
    GNUTLS_A_CERTIFICATE_EXPIRED, GNUTLS_A_CERTIFICATE_UNKNOWN, GNUTLS_A_UNKNOWN_CA, GNUTLS_A_ACCESS_DENIED,
    GNUTLS_A_CERTIFICATE_REQUIRED,
};

static void test_refused_certificate_is_its_own_error(void)
{
    struct server server;
    char buffer[16];
    size_t i;
    int v, with;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        for (v = 0; v < 2; v++)
            for (with = 0; with < 2; with++)
            {
                struct setup setup = asking_setup( v );

                setup.request = GNUTLS_CERT_REQUEST;
                setup.creds = with ? ecc : NULL;
                server_open( &server, &setup );
                expect( run_handshake( &server ) == LAYER_OK );
                gnutls_alert_send( server.session, GNUTLS_AL_FATAL, refusals[i] );
                expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
                expect( server.client->detail == refusals[i] );
                if (with) expect( server.client->error == WHE_CERT_REFUSED );
                else expect( server.client->error == WHE_CERT_NEEDED || server.client->error == WHE_TLS );
                server_close( &server );
            }
}

static void test_other_alerts_are_not_about_the_certificate(void)
{
    struct server server;
    char buffer[16];
    int v;

    for (v = 0; v < 2; v++)
    {
        struct setup setup = asking_setup( v );

        setup.request = GNUTLS_CERT_REQUEST;
        setup.creds = ecc;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        gnutls_alert_send( server.session, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR );
        expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
        expect( server.client->error == WHE_TLS && server.client->detail == GNUTLS_A_INTERNAL_ERROR );
        server_close( &server );
    }
}

static void test_server_asks_within_the_session_and_gets_it(void)
{
    struct server server;
    int i, k;

    for (i = 0; i < 2; i++)
        for (k = 0; k < 2; k++)
        {
            struct setup setup = asking_setup( i );

            setup.creds = k ? rsa : ecc;
            server_open( &server, &setup );
            expect( run_handshake( &server ) == LAYER_OK );
            carries_data( &server );
            expect( !server_knows( &server, setup.creds ) );
            server_ask( &server, GNUTLS_CERT_REQUIRE );
            expect( run_asking( &server, step_read ) == LAYER_AGAIN );
            expect( !server.failed && server_knows( &server, setup.creds ) );
            carries_data( &server );
            server_close( &server );
        }
}

/* Bytes of every size, so that every message is split somewhere. */
static void test_asking_survives_any_split_of_the_input(void)
{
    struct server server;
    size_t step;
    int i;

    for (i = 0; i < 2; i++)
        for (step = 1; step < 300; step += 1 + step / 4)
        {
            struct setup setup = asking_setup( i );

            setup.creds = ecc;
            setup.script.step = step;
            setup.script.room = step;
            server_open( &server, &setup );
            expect( run_handshake( &server ) == LAYER_OK );
            server_ask( &server, GNUTLS_CERT_REQUIRE );
            expect( run_asking( &server, step_read ) == LAYER_AGAIN );
            expect( server_knows( &server, ecc ) );
            server_send( &server, "after" );
            expect( reads_text( &server, "after" ) );
            server_close( &server );
        }
}

/* TL-17: a server that asks for one page only, and there is no certificate: the exchange ends, the program chooses. */
static void test_asked_within_the_session_without_certificate_is_cert_needed(void)
{
    struct server server;
    uint8_t list[4096];
    size_t len;
    int i;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_ask( &server, GNUTLS_CERT_REQUEST );
        expect( run_asking( &server, step_read ) == LAYER_FAILED );
        expect( server.client->error == WHE_CERT_NEEDED );
        expect( server.client->ops->query( server.client, WHQ_CERT_ISSUERS, list, sizeof(list), &len ) == WHE_OK );
        expect( len > 4 );
        server_close( &server );
    }
}

/* WINHTTP_NO_CLIENT_CERT_CONTEXT: it is the server's turn to decide. */
static void test_program_that_wants_none_goes_on_without(void)
{
    struct server server;
    int i;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        setup.flags = WH_TLS_NO_CLIENT_CERT;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_ask( &server, GNUTLS_CERT_REQUEST );
        expect( run_asking( &server, step_read ) == LAYER_AGAIN );
        expect( !server.failed );
        carries_data( &server );
        server_close( &server );

        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_ask( &server, GNUTLS_CERT_REQUIRE );
        run_asking( &server, step_read );
        expect( server.failed );
        while (server.client->error == WHE_OK && step_read( &server ) == LAYER_AGAIN && server.end.to_client.head
               < server.end.to_client.tail);
        expect( step_read( &server ) == LAYER_FAILED );
        expect( server.client->error == WHE_CERT_NEEDED );
        server_close( &server );
    }
}

static void test_writer_waits_for_the_renegotiation_and_drives_it(void)
{
    struct server server;
    char buffer[16];
    int i;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );
        int ret;

        setup.creds = ecc;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_ask( &server, GNUTLS_CERT_REQUIRE );
        if (server.asking == 2) gnutls_reauth( server.session, 0 );
        expect( server.client->ops->read( server.client, buffer, sizeof(buffer) ) == LAYER_AGAIN );
        ret = run_asking( &server, step_write );
        expect( ret == LAYER_OK || ret == LAYER_AGAIN );
        expect( server_knows( &server, ecc ) );
        if (server.failed == 4) expect( server_hears( &server, "said" ) );
        carries_data( &server );
        server_close( &server );
    }
}

/* What was on its way when the server asked comes first, and is not lost. */
static void test_data_before_the_request_are_read_first(void)
{
    struct server server;
    int i;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        setup.creds = ecc;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        server_send( &server, "early" );
        server_ask( &server, GNUTLS_CERT_REQUIRE );
        if (server.asking == 2) gnutls_reauth( server.session, 0 );
        expect( reads_text( &server, "early" ) );
        expect( run_asking( &server, step_read ) == LAYER_AGAIN );
        expect( server_knows( &server, ecc ) );
        carries_data( &server );
        server_close( &server );
    }
}

static void test_server_may_ask_more_than_once_but_not_for_ever(void)
{
    struct server server;
    int i, k, ret;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        setup.creds = ecc;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        for (k = 0; k < 50; k++)
        {
            server_ask( &server, GNUTLS_CERT_REQUIRE );
            if ((ret = run_asking( &server, step_read )) == LAYER_FAILED) break;
            expect( server_knows( &server, ecc ) );
            carries_data( &server );
        }
        expect( k >= 2 && k < 20 );
        expect( server.client->error == WHE_TLS );
        server_close( &server );
    }
}

/* The other end of a renegotiated session must be the one that was judged. */
static void test_server_cannot_become_another_one(void)
{
    struct setup setup = asking_setup( 1 );
    gnutls_certificate_credentials_t other;
    char chain[512], key[512];
    struct server server;

    gnutls_certificate_allocate_credentials( &other );
    snprintf( chain, sizeof(chain), "%s/chained-chain.pem", certs );
    snprintf( key, sizeof(key), "%s/chained.key", certs );
    expect( gnutls_certificate_set_x509_key_file( other, chain, key, GNUTLS_X509_FMT_PEM ) >= 0 );
    setup.creds = ecc;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    gnutls_credentials_set( server.session, GNUTLS_CRD_CERTIFICATE, other );
    server_ask( &server, GNUTLS_CERT_REQUEST );
    expect( run_asking( &server, step_read ) == LAYER_FAILED );
    expect( server.client->error == WHE_TLS );
    expect( !server_knows( &server, ecc ) );
    server_close( &server );
    gnutls_certificate_free_credentials( other );
}

static void test_session_with_a_certificate_is_resumed_with_it(void)
{
    struct server server;
    struct wh_tls_facts facts;
    int i, k;

    for (i = 0; i < 2; i++)
    {
        struct setup setup = asking_setup( i );

        setup.request = GNUTLS_CERT_REQUIRE;
        setup.creds = ecc;
        setup.key = i ? "client 1.2" : "client 1.3";
        gnutls_session_ticket_key_generate( &setup.ticket_key );
        for (k = 0; k < 2; k++)
        {
            server_open( &server, &setup );
            expect( run_handshake( &server ) == LAYER_OK );
            carries_data( &server );
            facts = facts_of( &server );
            expect( facts.resumed == (unsigned int)k );
            expect( server_knows( &server, ecc ) );
            server_close( &server );
        }
        gnutls_free( setup.ticket_key.data );
    }
}

static void test_running_out_of_memory_for_the_issuers_is_reported(void)
{
    struct server server;
    unsigned int n, failed = 0;
    int i;

    for (i = 0; i < 2; i++)
        for (n = 1; n < 12; n++)
        {
            struct setup setup = asking_setup( i );

            setup.request = GNUTLS_CERT_REQUEST;
            setup.creds = ecc;
            hooks_fail( HOOK_ALLOC, n, 1, 0 );
            server_open( &server, &setup );
            if (server.client && run_handshake( &server ) == LAYER_FAILED)
            {
                expect( server.client->error == WHE_NO_MEMORY );
                failed++;
            }
            hooks_reset();
            server_close( &server );
        }
    expect( failed >= 2 );
}

int main(void)
{
    make_certificates();
    expect( tls_trust_load() == WHE_OK );
    ecc = open_creds( "client", WH_KEY_PKCS8 );
    rsa = open_creds( "rsa", WH_KEY_RSA_BCRYPT );

    run( test_certificate_is_sent_when_the_server_asks );
    run( test_certificate_of_an_issuer_that_was_not_named_is_sent );
    run( test_key_of_a_kind_that_the_server_cannot_use_is_not_sent );
    run( test_issuers_are_told_after_the_request );
    run( test_refused_certificate_is_its_own_error );
    run( test_other_alerts_are_not_about_the_certificate );
    run( test_server_asks_within_the_session_and_gets_it );
    run( test_asking_survives_any_split_of_the_input );
    run( test_asked_within_the_session_without_certificate_is_cert_needed );
    run( test_program_that_wants_none_goes_on_without );
    run( test_writer_waits_for_the_renegotiation_and_drives_it );
    run( test_data_before_the_request_are_read_first );
    run( test_server_may_ask_more_than_once_but_not_for_ever );
    run( test_server_cannot_become_another_one );
    run( test_session_with_a_certificate_is_resumed_with_it );
    run( test_running_out_of_memory_for_the_issuers_is_reported );

    creds_release( ecc );
    creds_release( rsa );
    tls_shutdown();
    remove_certificates();
    return test_end( "tls_client" );
}
