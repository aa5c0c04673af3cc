/*
 * HTTP/2 from the side of the program: pauses before the head, heads that do not fit, limits, facts
 */

#include "h2_client.h"

static const char new_head[] = "GET /new HTTP/1.1\r\nHost: localhost\r\nX-New: 1\r\n\r\n";

static void done( unsigned int index, uint32_t error )
{
    until( fetches[index].state == FETCH_DONE );
    expect( fetches[index].error == error );
    if (fetches[index].error != error) fprintf( stderr, "    fetch %u: error %u, detail %u\n", index, fetches[index].error,
                                                fetches[index].detail );
}

static int is_paused( const struct fetch *fetch )
{
    return (fetch->async.seen & (1u << WHK_PAUSE_SENDING)) != 0;
}

static uint32_t resume( struct fetch *fetch, const char *head, uint32_t verdict )
{
    struct wh_exchange_resume_params params = { .exchange = fetch->async.id, .verdict = verdict };
    struct wh_record *last = &fetch->async.last[WHK_HEAD_SENT];
    uint32_t ret;

    if (head)
    {
        params.head = wh_from_ptr( head );
        params.head_len = (uint32_t)strlen( head );
    }
    fetch->async.pending |= 1u << WHK_HEAD_SENT;
    if ((ret = exchange_resume( &params )) == WH_PENDING) return ret;
    fetch->async.pending &= ~(1u << WHK_HEAD_SENT);
    memset( last, 0, sizeof(*last) );
    last->error = ret == WH_DONE ? params.error : WHE_INVALID;
    last->detail = params.detail;
    return ret;
}

/* Each of several requests pauses by itself; one gets a new head, one is refused, one goes on as it was. */
static void test_pauses( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_PAUSE_SENDING };
    struct h2_peer *peer = &peers[0];
    unsigned int i;

    play_begin( 1 );
    for (i = 0; i < 4; i++)
    {
        request.head = target_heads[i];
        fetch_start( &fetches[i], peer->port, &request );
        fetches[i].async.pending |= 1u << WHK_HEAD_SENT;    /* also where the pause came at once */
    }
    for (i = 0; i < 4; i++) until( is_paused( &fetches[i] ) );
    expect( !peer->last_id );
    resume( &fetches[1], new_head, 0 );
    until( peer->last_id == 1 );
    expect( !strcmp( peer->streams[0].path, "/new" ) && !strcmp( peer->streams[0].fields, "x-new: 1\n" ) );
    resume( &fetches[2], NULL, WHE_CANCELLED );
    done( 2, WHE_CANCELLED );
    resume( &fetches[0], NULL, 0 );
    until( h2_find( peer, "/0" ) == 3 );
    h2_send_settings( peer, NULL, 0 );
    h2_answer( peer, 1, "ok" );
    h2_answer( peer, 3, "ok" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    fetch_close( &fetches[3] );                   /* in its pause */
    expect( peer->last_id == 3 && peer->accepted == 1 );
    play_end();
}

/* The connection goes while the program is asked: nothing was sent, so it is asked again on the next one. */
static void test_a_cut_in_a_pause( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_PAUSE_SENDING };

    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    fetch_start( &fetches[1], peers[0].port, &request );
    fetches[1].async.pending |= 1u << WHK_HEAD_SENT;
    until( is_paused( &fetches[1] ) );
    h2_hang_up( &peers[0] );
    done( 0, WHE_RESET );
    fetches[1].async.seen = 0;
    resume( &fetches[1], NULL, 0 );
    until( is_paused( &fetches[1] ) );
    until( peers[1].accepted );
    resume( &fetches[1], NULL, 0 );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 1, WHE_OK );
    play_end();
}

/* The program's limit for heads, interim ones among them. */
static void test_the_limit_of_a_head( void )
{
    struct h2_peer *peer = &peers[0];
    char fields[4000];

    play_begin( 1 );
    fetches[0].head_limit = 1000;
    fetches[1].head_limit = 4000;
    open_streams( 3, NULL );
    h2_send_settings( peer, NULL, 0 );
    strcpy( fields, ":status=200|a=" );
    memset( fields + strlen( fields ), 'x', 2000 );
    fields[2014] = 0;
    h2_send_fields( peer, 1, fields, H2_END_STREAM );
    h2_send_fields( peer, 3, fields, H2_END_STREAM );
    done( 0, WHE_HEAD_SIZE );
    done( 1, WHE_OK );
    h2_answer( peer, 5, "ok" );
    done( 2, WHE_OK );
    play_end();
}

/* Heads that come before anybody reads: as many bytes as the start has said, or 256 KiB. */
static void test_the_limit_of_heads_that_nobody_has_asked_for( void )
{
    struct request request = { .route = &h2_route, .head_limit = 1 << 20 };
    struct h2_peer *peer = &peers[0];
    unsigned int i, j;
    char fields[4000];

    play_begin( 1 );
    fetches[0].hold = fetches[1].hold = FETCH_NO_HEAD;
    fetches[0].head_limit = fetches[1].head_limit = 1 << 20;
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 && !peer->block_stream );
    fetch_start( &fetches[1], peer->port, &h2_plain );
    until( peer->last_id == 3 && !peer->block_stream );
    fetch_start( &fetches[2], peer->port, &h2_plain );
    until( peer->last_id == 5 && !peer->block_stream );
    h2_send_settings( peer, NULL, 0 );
    strcpy( fields, ":status=103|a=" );
    memset( fields + strlen( fields ), 'x', 3900 );
    fields[3914] = 0;
    for (i = 0; i < 2; i++)
    {
        for (j = 0; j < 80; j++) h2_send_fields( peer, 1 + 2 * i, fields, 0 );
        h2_send_fields( peer, 1 + 2 * i, ":status=200", H2_END_STREAM );
    }
    h2_answer( peer, 5, "ok" );
    done( 2, WHE_OK );                       /* all of that was there before */
    fetches[0].hold = fetches[1].hold = 0;
    done( 0, WHE_OK );
    expect( fetches[0].interims == 80 );
    done( 1, WHE_HEAD_SIZE );
    play_end();
}

/* A buffer that is too small takes nothing, and says what is needed. */
static void test_a_head_that_does_not_fit( void )
{
    struct wh_exchange_read_head_params params = { .size = 0 };
    struct h2_peer *peer = &peers[0];
    struct async *async = &fetches[0].async;

    play_begin( 1 );
    fetches[0].hold = FETCH_NO_HEAD;
    open_streams( 1, NULL );
    h2_send_settings( peer, NULL, 0 );
    h2_send_fields( peer, 1, ":status=200|a=b", H2_END_STREAM );
    until( !(async->pending & (1u << WHK_HEAD_SENT)) );
    params.exchange = async->id;
    async->pending |= 1u << WHK_HEAD_READ;
    if (exchange_read_head( &params ) == WH_DONE)
    {
        async->pending &= ~(1u << WHK_HEAD_READ);
        async->last[WHK_HEAD_READ].flags = params.flags;
        async->last[WHK_HEAD_READ].bytes = params.len;
    }
    until( !(async->pending & (1u << WHK_HEAD_READ)) );
    expect( async->last[WHK_HEAD_READ].flags & WHR_TOO_SMALL );
    expect( async->last[WHK_HEAD_READ].bytes == strlen( "HTTP/1.1 200 OK\r\na: b\r\n\r\n" ) );
    fetches[0].hold = 0;
    done( 0, WHE_OK );
    expect( !strcmp( fetches[0].head, "HTTP/1.1 200 OK\r\na: b\r\n\r\n" ) );
    play_end();
}

/* What a program can ask: which protocol, how many requests came before, how much was moved. */
static void test_facts( void )
{
    struct wh_stats stats;
    struct wh_exchange_query_params query = { .buffer = wh_from_ptr( &stats ), .size = sizeof(stats), .what = WHQ_STATS };
    struct h2_peer *peer = &peers[0];
    uint32_t number = 0;

    play_begin( 1 );
    open_streams( 2, NULL );
    h2_send_settings( peer, NULL, 0 );
    h2_answer( peer, 1, "first" );
    h2_answer( peer, 3, "second" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    expect( !fetch_number( &fetches[0], WHQ_PROTOCOL, &number ) && number == WH_ALPN_H2 );
    expect( fetch_number( &fetches[0], WHQ_STREAM_ERROR, &number ) == WHE_STATE );
    query.exchange = fetches[1].async.id;
    expect( exchange_query( &query ) == WH_DONE && !query.error );
    expect( stats.index == 1 && stats.response_body == 6 && !stats.request_body );
    expect( stats.request_head == strlen( target_heads[1] ) && stats.response_head == strlen( fetches[1].head ) );
    play_end();
}

/* The exchange's connection is to serve nobody afterwards: those that are on it are not disturbed, the next has another. */
static void test_expire( void )
{
    struct wh_exchange_control_params control = { .what = WHC_EXPIRE };

    play_begin( 2 );
    open_streams( 2, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    control.exchange = fetches[0].async.id;
    expect( exchange_control( &control ) == WH_DONE && !control.error );
    fetch_start( &fetches[2], peers[0].port, &h2_plain );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    done( 2, WHE_OK );
    h2_answer( &peers[0], 3, "ok" );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    until( peers[0].eof || peers[0].reset );
    play_end();
}

/* WHX_FRESH gets a connection of its own, though there is one. */
static void test_fresh( void )
{
    struct request request = { .route = &h2_route, .flags = WHX_FRESH };

    play_begin( 2 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    fetch_start( &fetches[1], peers[0].port, &request );
    until( peers[1].last_id == 1 );
    h2_send_settings( &peers[1], NULL, 0 );
    h2_answer( &peers[1], 1, "ok" );
    h2_answer( &peers[0], 1, "ok" );
    done( 0, WHE_OK );
    done( 1, WHE_OK );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_pauses );
    run( test_a_cut_in_a_pause );
    run( test_the_limit_of_a_head );
    run( test_the_limit_of_heads_that_nobody_has_asked_for );
    run( test_a_head_that_does_not_fit );
    run( test_facts );
    run( test_expire );
    run( test_fresh );
    client_end();
    return test_end( "h2_moments" );
}
