/*
 * Whose a connection is: identities of routes, and pins
 */

#include "gate.h"

static wh_id pin_of( const struct client *client )
{
    wh_id pin = 0;
    struct wh_exchange_query_params params = { .exchange = client->id, .what = WHQ_PIN, .buffer = wh_from_ptr( &pin ),
                                               .size = sizeof(pin) };

    expect( exchange_query( &params ) == WH_DONE && !params.error );
    return pin;
}

/* A whole GET; the connection that it went over, 0 if it failed. */
static wh_id get( const struct peer *peer, uint32_t identity, wh_id pin )
{
    struct wh_route route = { .identity = identity };
    struct request request = { .route = &route, .pin = pin };
    struct client client;
    wh_id ret = 0;

    if (!client_start( &client, peer, &request ) && !client_read_head( &client, WAIT_MS, 0, 0 ) &&
        !client_read_all( &client, 100, WAIT_MS ))
        ret = pin_of( &client );
    client_close( &client );
    return ret;
}

static void test_a_connection_stays_with_its_identity( void )
{
    struct peer peer;
    wh_id nobodys, first, second;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );

    expect( (nobodys = get( &peer, 0, 0 )) );
    expect( get( &peer, 0, 0 ) == nobodys );
    expect( (first = get( &peer, 7, 0 )) == nobodys );    /* taken over: it was nobody's */
    expect( (second = get( &peer, 8, 0 )) && second != first );
    expect( (nobodys = get( &peer, 0, 0 )) && nobodys != first && nobodys != second );
    expect( peer_connections( &peer ) == 3 && origin_idle_count() == 3 );

    /* Its own goes before one that is nobody's, though that was used last. */
    expect( get( &peer, 7, 0 ) == first );
    expect( get( &peer, 0, 0 ) == nobodys );
    expect( get( &peer, 8, 0 ) == second );
    expect( peer_connections( &peer ) == 3 );
    expect_clean();
    gated_stop( &peer );
}

/* A handshake holds on to its connection, which changes hands with it. */
static void test_a_pin_is_kept_whatever_the_identity( void )
{
    struct peer peer;
    wh_id pin;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );

    expect( (pin = get( &peer, 0, 0 )) );
    expect( get( &peer, 100, pin ) == pin );
    expect( get( &peer, 0, 0 ) != pin );      /* nobody gets in between */
    expect( get( &peer, 7, 0 ) != pin );
    expect( get( &peer, 7, pin ) == pin );
    expect( get( &peer, 7, 0 ) == pin );
    expect( get( &peer, 100, 0 ) != pin );
    expect_clean();
    gated_stop( &peer );
}

static void test_a_pin_that_is_gone_is_stale( void )
{
    struct request request = { .pin = 0 };
    struct client client;
    struct peer peer;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( (request.pin = get( &peer, 0, 0 )) );
    origin_shutdown();
    expect( client_start( &client, &peer, &request ) == WHE_STALE );
    client_close( &client );
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    gated_stop( &peer );
}

/* A session takes along what is its users', and nothing else. */
static void test_connections_of_identities_are_closed( void )
{
    uint32_t identities[] = { 7, 8 };
    struct wh_session_open_params open = { .max_idle_ms = 1000 };
    struct wh_session_close_params close = { .identities = wh_from_ptr( identities ), .identity_count = 2 };
    struct peer peer;
    wh_id nobodys = 0, others = 0;

    gate_init();
    gate_open( 0 );
    peer_start( &peer, script_gated, NULL );
    expect( get( &peer, 7, 0 ) && get( &peer, 8, 0 ) && (others = get( &peer, 9, 0 )) && (nobodys = get( &peer, 0, 0 )) );
    expect( origin_idle_count() == 4 );
    expect( session_open( &open ) == WH_DONE );
    close.session = open.session;
    expect( session_close( &close ) == WH_DONE );
    expect( origin_idle_count() == 2 );
    expect( get( &peer, 9, 0 ) == others && get( &peer, 0, 0 ) == nobodys );
    expect_clean();
    gated_stop( &peer );
}

int main( void )
{
    client_begin( 0 );
    run( test_a_connection_stays_with_its_identity );
    run( test_a_pin_is_kept_whatever_the_identity );
    run( test_a_pin_that_is_gone_is_stale );
    run( test_connections_of_identities_are_closed );
    client_end();
    return test_end( "identity" );
}
