/*
 * Unit test of verdicts that fall outside the TLS layer, and of revocation by stapled OCSP responses (unix/tls_handshake.c,
 * unix/tls_staple.c), against a GnuTLS server in the same process (tls_peer.h)
 */

#include "hooks.h"
#include "tls_peer.h"

/* What is done differently in each must hold in both. */
static const char * const both_versions[2] = { PRIORITY_13, PRIORITY_12 };

/* ---- the pause ---- */

struct judge_case
{
    const char    *cert, *host;
    uint32_t       flags;
    enum tls_judge judge;
    int            waits;
    uint32_t       bits;         /* found here */
};

static const struct judge_case judge_cases[] =
{
    { "good",       "localhost", 0, WH_JUDGE_HERE,   0, 0 },
    { "good",       "localhost", 0, WH_JUDGE_DOUBT,  0, 0 },
    { "good",       "localhost", 0, WH_JUDGE_ALWAYS, 1, 0 },
    { "selfsigned", "localhost", 0, WH_JUDGE_HERE,   0, WH_CERT_UNKNOWN_CA },
    { "selfsigned", "localhost", 0, WH_JUDGE_DOUBT,  1, WH_CERT_UNKNOWN_CA },
    { "selfsigned", "localhost", 0, WH_JUDGE_ALWAYS, 1, WH_CERT_UNKNOWN_CA },
    { "selfsigned", "localhost", WH_TLS_IGNORE_UNKNOWN_CA, WH_JUDGE_DOUBT,  0, 0 },
    { "selfsigned", "localhost", WH_TLS_IGNORE_UNKNOWN_CA, WH_JUDGE_ALWAYS, 1, 0 },
    { "selfsigned", "elsewhere", 0, WH_JUDGE_DOUBT,  0, WH_CERT_UNKNOWN_CA | WH_CERT_NAME },
    { "selfsigned", "elsewhere", 0, WH_JUDGE_ALWAYS, 1, WH_CERT_UNKNOWN_CA | WH_CERT_NAME },
    { "expired",    "localhost", 0, WH_JUDGE_DOUBT,  0, WH_CERT_DATE },
    { "expired",    "localhost", 0, WH_JUDGE_ALWAYS, 1, WH_CERT_DATE },
    { "good",       "localhost", WH_TLS_CHECK_REVOCATION, WH_JUDGE_HERE,   0, WH_CERT_REV_FAILED },
    { "good",       "localhost", WH_TLS_CHECK_REVOCATION, WH_JUDGE_DOUBT,  1, WH_CERT_REV_FAILED },
    { "good",       "localhost", WH_TLS_CHECK_REVOCATION, WH_JUDGE_ALWAYS, 1, WH_CERT_REV_FAILED },
};

static void judged( const struct judge_case *test, const char *priority, enum wh_error verdict, uint32_t verdict_bits )
{
    struct setup setup = plain_setup;
    struct server server;
    uint8_t chain[4096];
    uint32_t bits = 0;
    size_t len;
    int ret, i;

    setup.cert = test->cert;
    setup.host = test->host;
    setup.flags = test->flags;
    setup.judge = test->judge;
    setup.priority = priority;
    server_open( &server, &setup );
    for (i = 0; i < 40; i++)
    {
        if ((ret = server.client->ops->start( server.client )) != LAYER_AGAIN) break;
        server_shake( &server );
    }
    if (!test->waits)
    {
        expect( ret == (test->bits ? LAYER_FAILED : LAYER_OK) );
        expect( !tls_layer_judging( server.client, &bits ) );
        expect( server.client->detail == test->bits );
        tls_layer_verdict( server.client, WHE_OK, 0 );       /* nobody asked: it must not cure anything */
        expect( server.client->ops->start( server.client ) == ret );
        server_close( &server );
        return;
    }

    expect( ret == LAYER_AGAIN );
    expect( tls_layer_judging( server.client, &bits ) );
    expect( bits == test->bits );
    expect( server.client->ops->wants( server.client ) == 0 );
    if (priority == both_versions[0]) expect( !server.up );      /* our last word is not out before the verdict */
    expect( server.client->ops->query( server.client, WHQ_PEER_CHAIN, chain, sizeof(chain), &len ) == WHE_OK );
    facts_of( &server );

    tls_layer_verdict( server.client, verdict, verdict_bits );
    tls_layer_verdict( server.client, verdict ? WHE_OK : WHE_CERT, 0 );      /* the first one counts */
    expect( !tls_layer_judging( server.client, &bits ) );
    expect( run_handshake( &server ) == (verdict ? LAYER_FAILED : LAYER_OK) );
    if (!verdict)
    {
        expect( server.up );
        expect( client_says( &server, "hello" ) && server_hears( &server, "hello" ) );
    }
    else
    {
        expect( server.client->error == verdict && server.client->detail == verdict_bits );
        server_shake( &server );
        expect( gnutls_record_recv( server.session, chain, sizeof(chain) ) == GNUTLS_E_FATAL_ALERT_RECEIVED
                || verdict != WHE_CERT );
        if (verdict_bits == WH_CERT_REVOKED) expect( gnutls_alert_get( server.session ) == GNUTLS_A_CERTIFICATE_REVOKED );
    }
    server_close( &server );
}

static void test_outside_judge_is_asked_when_it_should_be_and_obeyed(void)
{
    size_t i, k;

    for (i = 0; i < sizeof(judge_cases) / sizeof(judge_cases[0]); i++)
        for (k = 0; k < 2; k++)
        {
            judged( &judge_cases[i], both_versions[k], WHE_OK, 0 );
            judged( &judge_cases[i], both_versions[k], WHE_CERT, WH_CERT_REVOKED );
            judged( &judge_cases[i], both_versions[k], WHE_CANCELLED, 0 );
        }
}

/* Writing and reading have to wait, and closing needs no verdict. */
static void test_nothing_passes_while_judging(void)
{
    struct setup setup = plain_setup;
    struct server server;
    uint32_t bits;
    char buffer[4];
    int i;

    setup.judge = WH_JUDGE_ALWAYS;
    server_open( &server, &setup );
    for (i = 0; i < 20; i++)
    {
        server.client->ops->start( server.client );
        server_shake( &server );
    }
    expect( tls_layer_judging( server.client, &bits ) );
    server_close( &server );

    server_open( &server, &setup );
    for (i = 0; i < 20; i++)
    {
        server.client->ops->start( server.client );
        server_shake( &server );
    }
    expect( server.client->ops->write( server.client, "x", 1 ) == LAYER_FAILED );
    expect( server.client->ops->read( server.client, buffer, 4 ) == LAYER_FAILED );
    expect( server.client->error == WHE_STATE );
    tls_layer_verdict( server.client, WHE_OK, 0 );
    expect( server.client->ops->start( server.client ) == LAYER_FAILED );
    server_close( &server );
}

static void test_judged_session_is_resumed_without_asking_again(void)
{
    struct setup setup = plain_setup;
    struct server server;
    uint32_t bits;
    int i, k;

    for (i = 0; i < 2; i++)
    {
        setup.judge = WH_JUDGE_ALWAYS;
        setup.priority = both_versions[i];
        setup.key = i ? "judged 1.2" : "judged 1.3";
        gnutls_session_ticket_key_generate( &setup.ticket_key );
        for (k = 0; k < 2; k++)
        {
            server_open( &server, &setup );
            if (run_handshake( &server ) == LAYER_AGAIN)
            {
                expect( !k && tls_layer_judging( server.client, &bits ) );
                tls_layer_verdict( server.client, WHE_OK, 0 );
                expect( run_handshake( &server ) == LAYER_OK );
            }
            else expect( k == 1 );
            server_send( &server, "data" );
            expect( reads_text( &server, "data" ) );
            expect( facts_of( &server ).resumed == (unsigned int)k );
            server_close( &server );
        }
        gnutls_free( setup.ticket_key.data );
    }
}

/* ---- revocation ---- */

/* Makes an OCSP response about certificate `name`, which `ca` issued: `state` is a line's first letter in the index of
 * openssl's authority (V, R), signed by `signer`. `more`: options. */
static gnutls_datum_t respond( const char *name, const char *ca, const char *signer, char state, const char *more )
{
    gnutls_datum_t response = { 0 };
    char command[4096], path[512];

    snprintf( command, sizeof(command),
              "cd '%s' && exec >ocsp.log 2>&1 && serial=$(openssl x509 -in %s.pem -noout -serial) && "
              "printf '%c\\t350101000000Z\\t%s\\t%%s\\tunknown\\t/CN=x\\n' \"${serial#serial=}\" > ocsp.txt && "
              ": > ocsp.txt.attr && "
              "openssl ocsp -issuer %s.pem -cert %s.pem -no_nonce -reqout ocsp.req && "
              "openssl ocsp -index ocsp.txt -CA %s.pem -rsigner %s.pem -rkey %s.key -reqin ocsp.req -respout ocsp.der %s",
              certs, name, state, state == 'R' ? "200101000000Z" : "", ca, name, ca, signer, signer, more );
    expect( !system( command ) );
    snprintf( path, sizeof(path), "%s/ocsp.der", certs );
    expect( !gnutls_load_file( path, &response ) );
    unlink( path );
    return response;
}

struct staple_case
{
    const char *what, *name, *ca, *signer;
    char        state;
    const char *more;
    uint32_t    bits;            /* of the connection to good.pem */
};

static const struct staple_case staple_cases[] =
{
    { "good",                    "good",      "ca",  "ca",     'V', "-ndays 7", 0 },
    { "revoked",                 "good",      "ca",  "ca",     'R', "-ndays 7", WH_CERT_REVOKED },
    { "good, no end named",      "good",      "ca",  "ca",     'V', "", 0 },
    { "about another",           "wrongname", "ca",  "ca",     'V', "-ndays 7", WH_CERT_REV_FAILED },
    { "by another authority",    "good",      "ca",  "ca2",    'V', "-ndays 7", WH_CERT_REV_FAILED },
    { "by another, revoked",     "good",      "ca",  "ca2",    'R', "-ndays 7", WH_CERT_REV_FAILED },
    { "by who may not",          "good",      "ca",  "client", 'V', "-ndays 7", WH_CERT_REV_FAILED },
};

static void check_staple( const struct staple_case *test, const gnutls_datum_t *staple, const char *priority )
{
    struct setup setup = plain_setup;
    struct server server;
    uint8_t der[8192];
    size_t len;
    int ret;

    setup.priority = priority;
    setup.flags = WH_TLS_CHECK_REVOCATION;
    setup.staple = *staple;
    server_open( &server, &setup );
    ret = run_handshake( &server );
    expect( ret == (test->bits ? LAYER_FAILED : LAYER_OK) );
    if (server.client->detail != test->bits) fprintf( stderr, "%s: %#x\n", test->what, server.client->detail );
    expect( server.client->detail == test->bits );
    if (test->bits) expect( server.client->error == WHE_CERT );
    else
    {
        expect( server.client->ops->query( server.client, WHQ_OCSP_STAPLE, der, 5, &len ) == WHE_INVALID );
        expect( len == staple->size );
        expect( server.client->ops->query( server.client, WHQ_OCSP_STAPLE, der, sizeof(der), &len ) == WHE_OK );
        expect( len == staple->size && !memcmp( der, staple->data, len ) );
    }
    server_close( &server );
}

static void test_stapled_response_says_whether_it_is_revoked(void)
{
    gnutls_datum_t staple;
    size_t i;

    for (i = 0; i < sizeof(staple_cases) / sizeof(staple_cases[0]); i++)
    {
        const struct staple_case *test = &staple_cases[i];

        staple = respond( test->name, test->ca, test->signer, test->state, test->more );
        check_staple( test, &staple, PRIORITY_13 );
        check_staple( test, &staple, PRIORITY_12 );
        gnutls_free( staple.data );
    }
}

static void test_broken_response_is_none(void)
{
    static const struct staple_case broken = { .what = "broken", .bits = WH_CERT_REV_FAILED };
    gnutls_datum_t staple = respond( "good", "ca", "ca", 'V', "-ndays 7" );

    staple.data[staple.size - 1] ^= 1;
    check_staple( &broken, &staple, PRIORITY_13 );
    staple.data[staple.size - 1] ^= 1;
    staple.size--;
    check_staple( &broken, &staple, PRIORITY_13 );
    staple.size = 3;
    check_staple( &broken, &staple, PRIORITY_13 );
    gnutls_free( staple.data );
}

/* Nobody asked: a server may send it, or not. */
static void test_without_the_flag_no_response_is_asked_for_or_looked_at(void)
{
    struct setup setup = plain_setup;
    struct server server;
    uint8_t der[8192];
    size_t len;
    int i;

    setup.staple = respond( "good", "ca", "ca", 'R', "-ndays 7" );
    for (i = 0; i < 2; i++)
    {
        setup.priority = both_versions[i];
        server_open( &server, &setup );
        expect( run_handshake( &server ) == LAYER_OK );
        expect( !(gnutls_session_get_flags( server.session ) & GNUTLS_SFLAGS_CLI_REQUESTED_OCSP) );
        expect( server.client->ops->query( server.client, WHQ_OCSP_STAPLE, der, sizeof(der), &len ) == WHE_STATE );
        server_close( &server );
    }
    gnutls_free( setup.staple.data );
}

/* The leaf is good, but nobody vouches for the authority in between. */
static void test_intermediate_authority_is_looked_at_too(void)
{
    gnutls_datum_t staple = respond( "chained", "inter", "inter", 'V', "-ndays 7" );
    struct setup setup = plain_setup;
    struct server server;
    uint32_t bits;

    setup.cert = "chained";
    setup.flags = WH_TLS_CHECK_REVOCATION;
    setup.staple = staple;
    setup.judge = WH_JUDGE_DOUBT;
    server_open( &server, &setup );
    expect( run_handshake( &server ) == LAYER_AGAIN );
    expect( tls_layer_judging( server.client, &bits ) && bits == WH_CERT_REV_FAILED );
    server_close( &server );
    gnutls_free( staple.data );
}

int main(void)
{
    make_certificates();
    expect( tls_trust_load() == WHE_OK );

    run( test_outside_judge_is_asked_when_it_should_be_and_obeyed );
    run( test_nothing_passes_while_judging );
    run( test_judged_session_is_resumed_without_asking_again );
    run( test_stapled_response_says_whether_it_is_revoked );
    run( test_broken_response_is_none );
    run( test_without_the_flag_no_response_is_asked_for_or_looked_at );
    run( test_intermediate_authority_is_looked_at_too );

    tls_shutdown();
    remove_certificates();
    return test_end( "tls_judge" );
}
