/*
 * Unit test of the TLS layer (unix/tls*.c), against a GnuTLS server in the same process (tls_peer.h)
 *
 * Certificates come from tests/fixtures/make-certs, or from the directory that WH_TEST_CERTS names.
 */

#include <pthread.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "hooks.h"
#include "tls_peer.h"
#include "unix/block.h"
#include "unix/buffer.h"
#include "unix/log.h"
#include "unix/tls_buffer.h"
#include "unix/tls_trust.h"
#include "unix/tls_verify.h"

/* What is done differently in each must hold in both. */
static const char * const both_versions[2] = { PRIORITY_13, PRIORITY_12 };

/* ---- versions and ciphers ---- */

struct version_case
{
    const char *priority;
    uint32_t    versions;
    uint32_t    version;
    uint32_t    suite;
    const char *cert;
    const char *name;
    uint32_t    cipher_alg, hash_alg, kx_alg;
};

#define ONLY_12 "NONE:+VERS-TLS1.2:+COMP-NULL:+CTYPE-ALL:+GROUP-ALL:+SIGN-ALL"
#define ONLY_13 "NONE:+VERS-TLS1.3:+COMP-NULL:+CTYPE-ALL:+GROUP-ALL:+SIGN-ALL:+AEAD:+ECDHE-ECDSA"
#define DEFAULT_VERSIONS (WH_TLS_1_2 | WH_TLS_1_3)

static const struct version_case version_cases[] =
{
    { ONLY_13 ":+AES-128-GCM", DEFAULT_VERSIONS, WH_TLS_1_3, 0x1301, NULL,
      "TLS_AES_128_GCM_SHA256", 0x660e, 0x800c, 0xae06 },
    { ONLY_13 ":+AES-256-GCM", DEFAULT_VERSIONS, WH_TLS_1_3, 0x1302, NULL,
      "TLS_AES_256_GCM_SHA384", 0x6610, 0x800d, 0xae06 },
    { ONLY_13 ":+CHACHA20-POLY1305", WH_TLS_1_3, WH_TLS_1_3, 0x1303, NULL,
      "TLS_CHACHA20_POLY1305_SHA256", 0, 0x800c, 0xae06 },
    { ONLY_12 ":+AEAD:+ECDHE-ECDSA:+AES-128-GCM", DEFAULT_VERSIONS, WH_TLS_1_2, 0xc02b, NULL,
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0x660e, 0x800c, 0xae06 },
    { ONLY_12 ":+AEAD:+ECDHE-RSA:+AES-256-GCM", WH_TLS_1_2, WH_TLS_1_2, 0xc030, "rsa",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0x6610, 0x800d, 0xae06 },
    { ONLY_12 ":+AEAD:+ECDHE-ECDSA:+CHACHA20-POLY1305", DEFAULT_VERSIONS, WH_TLS_1_2, 0xcca9, NULL,
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0, 0x800c, 0xae06 },
    { ONLY_12 ":+AEAD:+RSA:+AES-128-GCM", DEFAULT_VERSIONS, WH_TLS_1_2, 0x009c, "rsa",
      "TLS_RSA_WITH_AES_128_GCM_SHA256", 0x660e, 0x800c, 0xa400 },
    { ONLY_12 ":+SHA1:+ECDHE-ECDSA:+AES-128-CBC", DEFAULT_VERSIONS, WH_TLS_1_2, 0xc009, NULL,
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0x660e, 0x8004, 0xae06 },
    { ONLY_12 ":+SHA384:+ECDHE-RSA:+AES-256-CBC", DEFAULT_VERSIONS, WH_TLS_1_2, 0xc028, "rsa",
      "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 0x6610, 0x800d, 0xae06 },
    { ONLY_12 ":+SHA256:+RSA:+AES-256-CBC", DEFAULT_VERSIONS, WH_TLS_1_2, 0x003d, "rsa",
      "TLS_RSA_WITH_AES_256_CBC_SHA256", 0x6610, 0x800c, 0xa400 },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.1", WH_TLS_1_1 | WH_TLS_1_0, WH_TLS_1_1, 0, NULL, NULL, 0x660e, 0x8004, 0xae06 },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.0", WH_TLS_1_1 | WH_TLS_1_0, WH_TLS_1_0, 0, NULL, NULL, 0x660e, 0x8004, 0xae06 },
};

static uint8_t noise( size_t i ) { return i * 2654435761u >> 13; }

/* Sends `size` bytes each way in writes of `piece`, reads of `piece`. */
static void exchange_bulk( struct server *server, size_t size, size_t piece )
{
    struct layer *client = server->client;
    uint8_t *data = calloc( 1, size ), *buffer = calloc( 1, size );
    size_t sent = 0, got = 0, i;
    ssize_t ret;

    for (i = 0; i < size; i++) data[i] = noise( i );

    for (i = 0; (sent < size || got < size) && i < 100000; i++)
    {
        if (sent < size)
        {
            ret = client->ops->write( client, data + sent, size - sent < piece ? size - sent : piece );
            if (ret > 0) sent += ret;
            else if (ret != LAYER_AGAIN) break;
        }
        else client->ops->flush( client );
        while (got < size && (ret = gnutls_record_recv( server->session, buffer + got, size - got )) > 0) got += ret;
    }
    expect( sent == size && got == size );
    expect( !memcmp( data, buffer, size ) );

    memset( buffer, 0, size );
    for (sent = 0; sent < size; sent += ret)
    {
        ret = gnutls_record_send( server->session, data + sent, size - sent );
        if (ret <= 0) break;
    }
    for (got = 0; got < size; got += ret)
    {
        ret = client_read( server, buffer + got, size - got < piece ? size - got : piece );
        if (ret <= 0) break;
    }
    expect( got == size );
    expect( !memcmp( data, buffer, size ) );
    free( data );
    free( buffer );
}

static void test_every_version_and_cipher_carries_data_and_tells_its_facts(void)
{
    const struct version_case *test;
    struct wh_tls_facts facts;
    struct server server;
    struct setup setup;
    size_t i;

    for (i = 0; i < sizeof(version_cases) / sizeof(version_cases[0]); i++)
    {
        test = &version_cases[i];
        setup = plain_setup;
        setup.priority = test->priority;
        setup.versions = test->versions;
        setup.cert = test->cert;
        setup.alpn = WH_ALPN_H1 | WH_ALPN_H2;
        server_open( &server, &setup );
        if (!expect( run_handshake( &server ) == LAYER_OK ))
        {
            server_close( &server );
            continue;
        }
        expect( server.up );
        expect( tls_layer_alpn( server.client ) == WH_ALPN_H1 );
        facts = facts_of( &server );
        expect( facts.version == test->version );
        expect( facts.cipher_alg == test->cipher_alg );
        expect( facts.hash_alg == test->hash_alg );
        expect( facts.kx_alg == test->kx_alg );
        expect( facts.kx_bits == (test->kx_alg == 0xa400 ? 2048 : 255) || test->version < WH_TLS_1_2 );
        expect( !facts.resumed );
        if (test->name) expect( facts.suite == test->suite && !strcmp( facts.name, test->name ) );
        exchange_bulk( &server, 300000, 70000 );
        exchange_bulk( &server, 50001, 8192 );
        exchange_bulk( &server, 5000, 333 );
        server_close( &server );
    }
}

static void test_no_common_version_fails_with_tls(void)
{
    struct setup setup = plain_setup;
    struct server server;

    setup.versions = WH_TLS_1_3;
    setup.priority = PRIORITY_12;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_FAILED );
    expect( server.client->error == WHE_TLS );
    expect( server.client->detail == GNUTLS_A_HANDSHAKE_FAILURE );
    server_close( &server );
}

static void test_ssl3_alone_is_unsupported(void)
{
    struct tls_policy policy = { .host = "localhost", .versions = WH_TLS_SSL3 };
    struct end end;
    enum wh_error error = WHE_OK;

    memset( &end, 0, sizeof(end) );
    end.layer.ops = &end_ops;
    expect( !tls_layer_create( &end.layer, &policy, &error ) );
    expect( error == WHE_UNSUPPORTED );
    expect( end.freed == 1 );
}

/* ---- pieces ---- */

/* A handshake and some data under a script. Returns 1 if all of it worked. */
static int whole_run( const struct setup *setup, size_t *bytes )
{
    struct server server;
    char end;
    int ok;

    server_open( &server, setup );
    if ((ok = run_handshake( &server ) == LAYER_OK && server.up))
    {
        server_send( &server, "first" );
        server_send( &server, "second" );
        gnutls_bye( server.session, GNUTLS_SHUT_WR );
        ok = reads_text( &server, "firstsecond" ) && client_read( &server, &end, 1 ) == 0;
    }
    if (bytes) *bytes = server.end.position;
    server_close( &server );
    return ok;
}

static void test_input_may_be_split_anywhere(void)
{
    struct setup setup = plain_setup;
    size_t total, pos, failed, i;

    for (i = 0; i < 2; i++)
    {
        setup = plain_setup;
        setup.priority = both_versions[i];
        expect( whole_run( &setup, &total ) );
        expect( total > 600 );

        for (pos = 1, failed = 0; pos < total; pos++)
        {
            setup.script.split = pos;
            failed += !whole_run( &setup, NULL );
        }
        expect( !failed );

        setup = plain_setup;
        setup.priority = both_versions[i];
        setup.script.step = 1;
        expect( whole_run( &setup, NULL ) );
    }
}

static void test_output_may_be_taken_in_pieces(void)
{
    static const size_t rooms[] = { 1, 7, 1000, 20000 };
    struct setup setup = plain_setup;
    struct server server;
    size_t i;

    for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
    {
        setup.script.room = rooms[i];
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        exchange_bulk( &server, rooms[i] * 20 + 10, 10000 );
        server_close( &server );
    }
}

static void test_end_within_the_handshake_is_reset(void)
{
    struct setup setup = plain_setup;
    struct server server;
    size_t pos, total = 0;
    int ret;

    for (pos = 0; pos < 700; pos++)
    {
        setup.script = plain_script;
        setup.script.cut = pos;
        server_open( &server, &setup );
        ret = run_handshake( &server );
        if (ret == LAYER_OK) total++;
        else expect( ret == LAYER_FAILED && server.client->error == WHE_RESET );
        server_close( &server );

        setup.script = plain_script;
        setup.script.broken = pos;
        server_open( &server, &setup );
        ret = run_handshake( &server );
        if (ret == LAYER_OK) total++;
        else expect( server.client->error == WHE_RESET && server.client->detail == ECONNRESET );
        server_close( &server );
    }
    expect( total < pos );
}

/* No changed byte of the handshake goes unnoticed, except in what TLS itself does not protect: the versions of plain
 * records. It never gets as far as data. */
static void test_changed_byte_never_passes(void)
{
    struct setup setup;
    size_t total, pos, passed = 0, i;

    for (i = 0; i < 2; i++)
    {
        setup = plain_setup;
        setup.priority = both_versions[i];
        expect( whole_run( &setup, &total ) );
        for (pos = 0; pos < total; pos += 3)
        {
            setup.script.flip = pos;
            if (whole_run( &setup, NULL )) passed++;
        }
    }
    if (getenv( "WH_TEST_VERBOSE" )) fprintf( stderr, "%zu passed\n", passed );
    expect( passed <= 20 );
}

static void test_changed_record_is_a_tls_error_and_sticky(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[64];
    size_t i;

    for (i = 0; i < 2; i++)
    {
        setup.priority = both_versions[i];
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_AGAIN );
        server_send( &server, "intact" );
        server_send( &server, "changed" );
        server.end.to_client.data[server.end.to_client.tail - 3] ^= 1;
        expect( client_read( &server, buffer, sizeof(buffer) ) == 6 );
        expect( server.client->ops->read( server.client, buffer, sizeof(buffer) ) == LAYER_FAILED );
        expect( server.client->error == WHE_TLS );
        expect( server.client->detail == (uint32_t)GNUTLS_E_DECRYPTION_FAILED );
        expect( server.client->ops->read( server.client, buffer, sizeof(buffer) ) == LAYER_FAILED );
        expect( server.client->ops->write( server.client, "x", 1 ) == LAYER_FAILED );
        gnutls_record_recv( server.session, buffer, sizeof(buffer) );
        expect( gnutls_alert_get( server.session ) == GNUTLS_A_BAD_RECORD_MAC );
        server_close( &server );
    }
}

/* ---- ends ---- */

static void test_close_notify_is_the_end_and_silence_is_not(void)
{
    struct server server;
    char buffer[16];

    server_open( &server, &plain_setup );
    expect( run_handshake( &server ) == LAYER_OK );
    server_send( &server, "bye" );
    gnutls_bye( server.session, GNUTLS_SHUT_WR );
    expect( reads_text( &server, "bye" ) );
    expect( server.client->ops->read( server.client, buffer, 16 ) == 0 );
    expect( server.client->ops->read( server.client, buffer, 16 ) == 0 );
    server_close( &server );

    server_open( &server, &plain_setup );
    expect( run_handshake( &server ) == LAYER_OK );
    server_send( &server, "bye" );
    expect( reads_text( &server, "bye" ) );
    server.end.script.cut = server.end.position;
    expect( server.client->ops->read( server.client, buffer, 16 ) == LAYER_FAILED );
    expect( server.client->error == WHE_RESET );
    expect( server.client->detail == (uint32_t)GNUTLS_E_PREMATURE_TERMINATION );
    server_close( &server );
}

static void test_goodbye_sends_close_notify(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];
    size_t i;

    for (i = 0; i < 2; i++)
    {
        setup.priority = both_versions[i];
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( client_says( &server, "hello" ) );
        server.client->ops->goodbye( server.client );
        expect( server_hears( &server, "hello" ) );
        expect( gnutls_record_recv( server.session, buffer, sizeof(buffer) ) == 0 );
        server_close( &server );
    }
}

/* Without RFC 5746 on both sides, what follows could be another client's session. */
static void test_unsafe_renegotiation_is_refused_once_and_then_cut_off(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];

    setup.priority = PRIORITY_12 ":%DISABLE_SAFE_RENEGOTIATION";
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( gnutls_rehandshake( server.session ) >= 0 );
    expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_AGAIN );
    expect( gnutls_record_recv( server.session, buffer, sizeof(buffer) ) == GNUTLS_E_WARNING_ALERT_RECEIVED );
    expect( gnutls_alert_get( server.session ) == GNUTLS_A_NO_RENEGOTIATION );
    server_send( &server, "go on" );
    expect( reads_text( &server, "go on" ) );
    expect( client_says( &server, "yes" ) );
    expect( server_hears( &server, "yes" ) );
    expect( gnutls_rehandshake( server.session ) >= 0 );
    expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
    expect( server.client->error == WHE_TLS );
    server_close( &server );
}

static void test_keys_can_be_updated_by_the_server(void)
{
    struct server server;
    int i;

    server_open( &server, &plain_setup );
    expect( run_handshake( &server ) == LAYER_OK );
    for (i = 0; i < 3; i++)
    {
        server_send( &server, "before" );
        expect( gnutls_session_key_update( server.session, i == 1 ? 0 : GNUTLS_KU_PEER ) >= 0 );
        server_send( &server, "after" );
        expect( reads_text( &server, "beforeafter" ) );
        expect( client_says( &server, "mine" ) );
        expect( server_hears( &server, "mine" ) );
        expect( client_says( &server, "more" ) );
        expect( server_hears( &server, "more" ) );
    }
    server_close( &server );
}

static void test_flood_of_records_without_data_is_cut_off(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];
    int i;

    gnutls_session_ticket_key_generate( &setup.ticket_key );
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_OK );
    for (i = 0; i < 200; i++) gnutls_session_ticket_send( server.session, 1, 0 );
    expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
    expect( server.client->error == WHE_TLS );
    expect( server.client->detail == (uint32_t)GNUTLS_E_TOO_MANY_EMPTY_PACKETS );
    server_close( &server );
    gnutls_free( setup.ticket_key.data );
}

static void test_last_handshake_message_leaves_with_the_first_data(void)
{
    struct server server;
    int i, ret = LAYER_AGAIN;

    server_open( &server, &plain_setup );
    for (i = 0; i < 20 && ret == LAYER_AGAIN; i++)
    {
        ret = server.client->ops->start( server.client );
        server_shake( &server );
    }
    expect( ret == LAYER_OK );
    expect( server.end.writes == 1 );
    expect( client_says( &server, "hello" ) );
    expect( server.end.writes == 2 );
    server_shake( &server );
    expect( server.up );
    expect( server_hears( &server, "hello" ) );
    server_close( &server );
}

static void test_pending_counts_what_needs_no_system_call(void)
{
    struct server server;
    unsigned int reads;
    char buffer[8];

    server_open( &server, &plain_setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( client_read( &server, buffer, 1 ) == LAYER_AGAIN );
    expect( server.client->ops->pending( server.client ) == 0 );
    server_send( &server, "0123456789" );
    server_send( &server, "abcde" );
    expect( server.client->ops->read( server.client, buffer, 4 ) == 4 );
    reads = server.end.reads;
    expect( server.client->ops->pending( server.client ) == 11 );
    expect( server.client->ops->read( server.client, buffer, 6 ) == 6 );
    expect( server.client->ops->pending( server.client ) == 5 );
    expect( server.client->ops->read( server.client, buffer, 8 ) == 5 );
    expect( server.end.reads == reads );
    expect( server.client->ops->pending( server.client ) == 0 );
    server_close( &server );
}

/* ---- resumption ---- */

/* One connection; returns whether it was resumed. */
static int connect_once( const struct setup *setup )
{
    struct wh_tls_facts facts;
    struct server server;
    uint8_t chain[4096];
    size_t len;

    server_open( &server, setup );
    expect( run_handshake( &server ) == LAYER_OK );
    expect( server.up );
    server_send( &server, "data" );
    expect( reads_text( &server, "data" ) );
    expect( client_says( &server, "more" ) );
    expect( server_hears( &server, "more" ) );
    facts = facts_of( &server );
    expect( server.client->ops->query( server.client, WHQ_PEER_CHAIN, chain, sizeof(chain), &len ) == WHE_OK );
    server_close( &server );
    return facts.resumed;
}

static void test_sessions_are_resumed_under_the_same_key_only(void)
{
    struct setup setup = plain_setup;
    int i, k;

    gnutls_session_ticket_key_generate( &setup.ticket_key );
    for (i = 0; i < 2; i++)
    {
        setup.priority = both_versions[i];
        setup.key = i ? "one 1.2" : "one 1.3";
        expect( !connect_once( &setup ) );
        for (k = 0; k < 5; k++) expect( connect_once( &setup ) );
        setup.key = "another";
        expect( !connect_once( &setup ) );
        setup.key = "";
        expect( !connect_once( &setup ) );
        expect( !connect_once( &setup ) );
        tls_shutdown();                  /* drops them all */
        expect( tls_trust_load() == WHE_OK );
        setup.key = i ? "one 1.2" : "one 1.3";
        expect( !connect_once( &setup ) );
    }
    gnutls_free( setup.ticket_key.data );
}

#define THREADS 4

static void *connect_many( void *arg )
{
    const struct setup *setup = arg;
    intptr_t resumed = 0;
    int i;

    for (i = 0; i < 10; i++) resumed += connect_once( setup );
    return (void *)resumed;
}

static void test_threads_share_trust_tickets_and_buffers(void)
{
    struct setup setup[THREADS];
    pthread_t threads[THREADS];
    void *resumed;
    int i;

    for (i = 0; i < THREADS; i++)
    {
        setup[i] = plain_setup;
        setup[i].key = i & 1 ? "threads 1.2" : "threads 1.3";
        setup[i].priority = i & 1 ? PRIORITY_12 : PRIORITY_13;
        if (i < 2) gnutls_session_ticket_key_generate( &setup[i].ticket_key );
        else setup[i].ticket_key = setup[i - 2].ticket_key;
    }
    for (i = 0; i < THREADS; i++) expect( !pthread_create( &threads[i], NULL, connect_many, &setup[i] ) );
    for (i = 0; i < THREADS; i++)
    {
        pthread_join( threads[i], &resumed );
        expect( (intptr_t)resumed == 9 || (intptr_t)resumed == 10 );
    }
    for (i = 0; i < 2; i++) gnutls_free( setup[i].ticket_key.data );
}

static void test_refused_ticket_falls_back_to_a_full_handshake(void)
{
    struct setup setup = plain_setup;

    gnutls_session_ticket_key_generate( &setup.ticket_key );
    setup.key = "fall back";
    expect( !connect_once( &setup ) );
    expect( connect_once( &setup ) );
    gnutls_free( setup.ticket_key.data );
    gnutls_session_ticket_key_generate( &setup.ticket_key );
    expect( !connect_once( &setup ) );
    gnutls_free( setup.ticket_key.data );
}

static void test_failed_verification_leaves_nothing_to_resume(void)
{
    struct setup setup = plain_setup;
    struct server server;
    int i;

    gnutls_session_ticket_key_generate( &setup.ticket_key );
    setup.key = "bad";
    setup.cert = "expired";
    for (i = 0; i < 3; i++)
    {
        setup.priority = i & 1 ? PRIORITY_12 : PRIORITY_13;
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_FAILED );
        expect( server.client->error == WHE_CERT );
        server_close( &server );
    }
    gnutls_free( setup.ticket_key.data );
}

/* ---- data around the end of the handshake ---- */

/* What a server says at once (TLS 1.3: before it has our last word) waits for the verdict, and is then there. */
static void test_data_with_the_servers_last_flight_are_read_after_the_verdict(void)
{
    static const size_t steps[] = { NOWHERE, 1, 100 };
    struct setup setup = plain_setup;
    struct server server;
    uint32_t bits;
    size_t i, k;
    int n, ret, sent;

    for (i = 0; i < 2; i++)
        for (k = 0; k < 3; k++)
        {
            setup.priority = both_versions[i];
            setup.server_flags = GNUTLS_ENABLE_EARLY_START;
            setup.judge = WH_JUDGE_ALWAYS;
            setup.script.step = steps[k];
            server_open( &server, &setup );
            for (sent = n = 0, ret = LAYER_AGAIN; n < 20000 && ret == LAYER_AGAIN; n++)
            {
                if (tls_layer_judging( server.client, &bits ) && sent) break;
                ret = server.client->ops->start( server.client );
                server_shake( &server );
                if (server.up && !sent++) server_send( &server, "already" );
            }
            expect( ret == LAYER_AGAIN && tls_layer_judging( server.client, &bits ) );
            expect( sent );
            tls_layer_verdict( server.client, WHE_OK, 0 );
            expect( run_handshake( &server ) == LAYER_OK );
            expect( reads_text( &server, "already" ) );
            expect( client_says( &server, "so soon" ) );
            while (server.client->ops->flush( server.client ) == LAYER_AGAIN);
            expect( server_hears( &server, "so soon" ) );
            server_close( &server );
        }
}

/* TLS 1.2: the request goes out with our last message instead of a round trip later. */
static void test_false_start_saves_a_round_trip_where_it_is_asked_for(void)
{
    struct setup setup = plain_setup;
    struct server server;
    size_t step;
    int i, ret, early;

    for (early = 0; early < 2; early++)
        for (step = 1; step < 5000; step *= 5)
        {
            setup.priority = PRIORITY_12;
            setup.flags = early ? WH_TLS_FALSE_START : 0;
            setup.script.step = step;
            server_open( &server, &setup );
            ret = server.client->ops->start( server.client );
            server_shake( &server );             /* takes the first message, answers with all it has */
            for (i = 0; i < 5000 && ret == LAYER_AGAIN; i++) ret = server.client->ops->start( server.client );
            expect( ret == (early ? LAYER_OK : LAYER_AGAIN) );
            expect( !server.up );
            expect( !early || facts_of( &server ).false_start );
            if (early) expect( client_says( &server, "so soon" ) );
            server_shake( &server );
            expect( run_handshake( &server ) == LAYER_OK );
            expect( server.up );
            if (early) expect( server_hears( &server, "so soon" ) );
            expect( facts_of( &server ).false_start == (uint32_t)early );
            server_send( &server, "answer" );
            expect( reads_text( &server, "answer" ) );
            exchange_bulk( &server, 40000, 40000 );
            server_close( &server );
        }
}

static void test_false_started_session_is_judged_first_and_kept(void)
{
    struct setup setup = plain_setup;
    struct server server;

    setup.priority = PRIORITY_12;
    setup.flags = WH_TLS_FALSE_START;
    setup.cert = "expired";
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_FAILED );
    expect( server.client->error == WHE_CERT && server.client->detail == WH_CERT_DATE );
    server_close( &server );

    setup.cert = NULL;
    setup.key = "false start";
    gnutls_session_ticket_key_generate( &setup.ticket_key );
    expect( !connect_once( &setup ) );
    expect( connect_once( &setup ) );
    gnutls_free( setup.ticket_key.data );
}

/* Somebody in between who changes the server's last message has the request by then, encrypted, but no answer passes. */
static void test_false_start_does_not_survive_a_changed_finish(void)
{
    struct setup setup = plain_setup;
    struct server server;
    size_t last, at;
    char buffer[16];
    int i, ret;

    setup.priority = PRIORITY_12;
    setup.flags = WH_TLS_FALSE_START;
    for (i = 0; i < 3; i++)
    {
        server_open( &server, &setup );
        server.client->ops->start( server.client );
        server_shake( &server );
        while ((ret = server.client->ops->start( server.client )) == LAYER_AGAIN);
        expect( ret == LAYER_OK );
        expect( client_says( &server, "so soon" ) );
        last = server.end.to_client.tail;
        server_shake( &server );
        expect( server.up );
        at = server.end.to_client.tail - 1 - 10 * i;
        expect( at > last );
        server.end.script.flip = at;
        server_send( &server, "answer" );
        expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
        expect( server.client->error == WHE_TLS );
        server_close( &server );
    }
}

/* ---- traces ---- */

static char trace[8192];

static void keep_trace( enum log_level level, const char *line )
{
    (void)level;
    strncat( trace, line, sizeof(trace) - strlen( trace ) - 1 );
}

static void test_alerts_and_reasons_are_traced_by_name(void)
{
    struct setup setup = plain_setup;
    struct server server;
    char buffer[16];

    log_sink = keep_trace;
    log_levels = LOG_WARN | LOG_TRACE;
    setup.cert = "manywrong";
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_FAILED );
    server_close( &server );
    expect( strstr( trace, "found here: unknown-authority wrong-name wrong-date wrong-usage" ) );
    expect( strstr( trace, "sends alert 48, " ) && strstr( trace, gnutls_alert_get_name( GNUTLS_A_UNKNOWN_CA ) ) );

    trace[0] = 0;
    server_open( &server, &plain_setup );
    expect( run_handshake( &server ) == LAYER_OK );
    gnutls_alert_send( server.session, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR );
    expect( client_read( &server, buffer, sizeof(buffer) ) == LAYER_FAILED );
    expect( strstr( trace, "received alert 80, " ) && strstr( trace, gnutls_alert_get_name( GNUTLS_A_INTERNAL_ERROR ) ) );
    server_close( &server );
    log_levels = 0;
    log_sink = NULL;
}

/* ---- buffers and memory ---- */

static void test_buffers_are_given_back_and_shrink_when_many_are_out(void)
{
    struct tls_buffer first = { 0 }, buffers[200];
    uint8_t *block;
    int i;

    memset( buffers, 0, sizeof(buffers) );
    expect( !tls_buffer_borrow( &first ) );
    block = first.data;
    tls_buffer_park( &first );
    expect( !first.data );
    expect( !tls_buffer_borrow( &first ) );
    expect( first.data == block );
    memcpy( first.data, "xhello", 6 );
    first.head = 1;
    first.tail = 6;
    tls_buffer_park( &first );
    expect( first.size == BLOCK_SIZE );     /* few are out: kept for what follows */

    for (i = 0; i < 200; i++) expect( !tls_buffer_borrow( &buffers[i] ) );
    tls_buffer_park( &first );
    expect( first.size == 5 && !memcmp( first.data, "hello", 5 ) );
    expect( !tls_buffer_borrow( &first ) );
    expect( first.size == BLOCK_SIZE && tls_buffer_len( &first ) == 5 && !memcmp( first.data, "hello", 5 ) );
    for (i = 0; i < 200; i++) tls_buffer_drop( &buffers[i] );
    tls_buffer_drop( &first );
}

static void test_blocks_that_are_out_are_counted_through_growth_and_parking(void)
{
    struct tls_buffer parked = { 0 };
    struct buffer grown = { 0 };
    unsigned int out = block_out();

    expect( !buffer_room( &grown ) );
    expect( block_out() == out + 1 );
    memset( grown.data, 'x', grown.size );
    grown.end = grown.size;
    expect( !buffer_room( &grown ) );            /* full: the content moves to larger memory of its own */
    expect( grown.size == 2 * BLOCK_SIZE && grown.end == BLOCK_SIZE );
    expect( grown.data[0] == 'x' && grown.data[BLOCK_SIZE - 1] == 'x' );
    expect( block_out() == out );
    grown.end = grown.size;
    expect( !buffer_room( &grown ) && grown.size == 4 * BLOCK_SIZE );
    expect( !tls_buffer_borrow( &parked ) );
    expect( block_out() == out + 1 );
    tls_buffer_park( &parked );                  /* empty */
    expect( block_out() == out );
    buffer_release( &grown );
    expect( block_out() == out );
}

static unsigned int memory_runs, memory_failures;

/* The whole life of a connection. If something of ours had no memory, that must be what is reported: at creation, by
 * the handshake (as an unknown authority, if it was the trust list), by the write or by the read. */
static void memory_scenario( void *arg )
{
    struct server server;
    char buffer[40000];
    enum wh_error trust;
    int ok = 0;

    tls_shutdown();
    trust = tls_trust_load();
    expect( !trust || trust == WHE_NO_MEMORY );
    server_open( &server, arg );
    if (server.client)
    {
        memset( buffer, 'x', sizeof(buffer) );
        if (run_handshake( &server ) == LAYER_OK && server.up)
        {
            server_send( &server, "0123456789" );
            ok = server.client->ops->write( server.client, buffer, sizeof(buffer) ) == sizeof(buffer)
                 && server.client->ops->read( server.client, buffer, 3 ) == 3;
        }
        if (!ok) expect( server.client->error == WHE_NO_MEMORY || (trust && server.client->error == WHE_CERT) );
    }
    memory_runs++;
    memory_failures += !ok;
    server_close( &server );
}

static void test_running_out_of_memory_is_reported_and_loses_nothing(void)
{
    struct setup setup = plain_setup;

    setup.key = "memory";
    gnutls_session_ticket_key_generate( &setup.ticket_key );
    hooks_each_failure( HOOK_ALLOC, 0, memory_scenario, &setup );
    expect( memory_failures >= 8 );
    expect( memory_failures < memory_runs );
    expect( !block_out() );
    gnutls_free( setup.ticket_key.data );
    tls_shutdown();
    expect( tls_trust_load() == WHE_OK );
}

int main(void)
{
    make_certificates();
    expect( tls_trust_load() == WHE_OK );
    expect( tls_trust_count() == 1 );

    run( test_every_version_and_cipher_carries_data_and_tells_its_facts );
    run( test_no_common_version_fails_with_tls );
    run( test_ssl3_alone_is_unsupported );
    run( test_input_may_be_split_anywhere );
    run( test_output_may_be_taken_in_pieces );
    run( test_end_within_the_handshake_is_reset );
    run( test_changed_byte_never_passes );
    run( test_changed_record_is_a_tls_error_and_sticky );
    run( test_close_notify_is_the_end_and_silence_is_not );
    run( test_goodbye_sends_close_notify );
    run( test_unsafe_renegotiation_is_refused_once_and_then_cut_off );
    run( test_keys_can_be_updated_by_the_server );
    run( test_flood_of_records_without_data_is_cut_off );
    run( test_last_handshake_message_leaves_with_the_first_data );
    run( test_pending_counts_what_needs_no_system_call );
    run( test_sessions_are_resumed_under_the_same_key_only );
    run( test_threads_share_trust_tickets_and_buffers );
    run( test_refused_ticket_falls_back_to_a_full_handshake );
    run( test_failed_verification_leaves_nothing_to_resume );
    run( test_data_with_the_servers_last_flight_are_read_after_the_verdict );
    run( test_false_start_saves_a_round_trip_where_it_is_asked_for );
    run( test_false_started_session_is_judged_first_and_kept );
    run( test_false_start_does_not_survive_a_changed_finish );
    run( test_alerts_and_reasons_are_traced_by_name );
    run( test_buffers_are_given_back_and_shrink_when_many_are_out );
    run( test_blocks_that_are_out_are_counted_through_growth_and_parking );
    run( test_running_out_of_memory_is_reported_and_loses_nothing );

    tls_shutdown();
    remove_certificates();
    return test_end( "tls" );
}
