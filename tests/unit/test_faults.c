/*
 * Whatever fails: exchanges over plain HTTP with every allocation and every system call failing in turn
 *
 * The scenarios only act and count what went well; what must hold is checked by the driver in faults.h and by
 * client.h, which sees that each operation ends exactly once and in time.
 */

#include "faults.h"

#define HEAD( line ) line " HTTP/1.1\r\nHost: localhost\r\n"
#define GET( path ) HEAD( "GET " path ) "\r\n"

static struct client client;    /* too large for a stack */

/* One name is unknown, without asking anybody; the others are as usual. */
static int (*usual_getaddrinfo)( const char *, const char *, const struct addrinfo *, struct addrinfo ** );

static int loopback_getaddrinfo( const char *node, const char *service, const struct addrinfo *hints,
                                 struct addrinfo **result )
{
    int ret = usual_getaddrinfo( strcmp( node, "unknown.invalid" ) ? node : "localhost", service, hints, result );

    if (ret || strcmp( node, "unknown.invalid" )) return ret;
    freeaddrinfo( *result );
    return EAI_NONAME;
}

static unsigned int get_of( struct crowd *crowd, const char *head, uint32_t flags, uint32_t events )
{
    const struct request request = { .head = head, .flags = flags, .event_mask = events };

    return !client_get( &client, &crowd->peer, &request );
}

/* Asynchronous: the exchange up to the end of the body. */
static unsigned int async_of( struct crowd *crowd, struct async *async, const struct request *request )
{
    return !async_get( async, crowd->peer.port, request );
}

static unsigned int sync_get( struct crowd *crowd )
{
    return get_of( crowd, GET( "/ok" ), 0, ~0u ) + get_of( crowd, GET( "/chunked" ), 0, 0 ) +
           get_of( crowd, GET( "/end" ), 0, 0 ) + get_of( crowd, GET( "/interim" ), 0, 0 );
}

static unsigned int async_gets( struct crowd *crowd )
{
    static const struct request requests[] =
    {
        { .head = GET( "/ok" ), .event_mask = ~0u }, { .head = GET( "/chunked" ) }, { .head = GET( "/large" ) },
        { .head = GET( "/half" ) }, { .head = GET( "/ok" ), .flags = WHX_FRESH | WHX_NO_REUSE },
    };
    static struct async async;
    unsigned int i, good = 0;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) good += async_of( crowd, &async, &requests[i] );
    return good;
}

/* One connection, one request after the other; the server closes it in between, too. */
static unsigned int keep_alive( struct crowd *crowd )
{
    unsigned int good = 0, i;

    for (i = 0; i < 3; i++) good += get_of( crowd, GET( "/ok" ), 0, 0 );
    good += get_of( crowd, GET( "/half" ), 0, 0 );
    good += get_of( crowd, GET( "/ok" ), 0, 0 );
    return good;
}

static unsigned int post( struct crowd *crowd )
{
    static char body[30000];
    static const struct request whole = { .head = HEAD( "POST /post" ) "Content-Length: 30000\r\n\r\n", .body = body,
                                          .body_len = sizeof(body) };
    static const struct request pieces = { .head = HEAD( "POST /post" ) "Content-Length: 30000\r\n\r\n", .body = body,
                                           .body_len = 10000, .total_len = sizeof(body) };
    unsigned int good = !client_get( &client, &crowd->peer, &whole );

    if (!client_start( &client, &crowd->peer, &pieces ) && !client_send( &client, body, 5000, 0 ) &&
        !client_send( &client, body, 15000, 0 ) && !client_read_head( &client, WAIT_MS, 0, 0 ))
        good += !client_read_all( &client, 1000, WAIT_MS );
    client_close( &client );
    return good;
}

/* Framed by the program, then by the transport. */
static unsigned int chunked_upload( struct crowd *crowd )
{
    static const char head[] = HEAD( "POST /upload" ) "Transfer-Encoding: chunked\r\n\r\n";
    static const struct request request = { .head = head, .flags = WHX_FRAMED_BY_APP, .total_len = WH_NO_LENGTH };
    static const struct request framed = { .head = head, .flags = WHX_CHUNKED, .total_len = WH_NO_LENGTH };
    unsigned int good = 0;

    if (!client_start( &client, &crowd->peer, &request ) && !client_send( &client, "4\r\nbody\r\n", 9, 0 ) &&
        !client_send( &client, "0\r\n\r\n", 5, 0 ) && !client_read_head( &client, WAIT_MS, 0, 0 ))
        good += !client_read_all( &client, 1000, WAIT_MS );
    client_close( &client );
    if (!client_start( &client, &crowd->peer, &framed ) && !client_send( &client, "body", 4, 0 ) &&
        !client_send( &client, "", 0, WHX_END ) && !client_read_head( &client, WAIT_MS, 0, 0 ))
        good += !client_read_all( &client, 1000, WAIT_MS );
    client_close( &client );
    return good;
}

/* As a redirect goes: the first answer's body stays unread, the next request names the host another way. */
static unsigned int redirect( struct crowd *crowd )
{
    static const struct request first = { .head = GET( "/moved" ) }, second = { .head = GET( "/ok" ), .host = "localhost" };
    unsigned int good = 0;

    if (!client_start( &client, &crowd->peer, &first ))
        good += !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 302;
    client_close( &client );
    good += !client_get( &client, &crowd->peer, &second );
    return good;
}

/* A body that nobody reads: drained if it is short, dropped if it is long. */
static unsigned int unread_bodies( struct crowd *crowd )
{
    static const struct request drained = { .head = GET( "/large" ) }, endless = { .head = GET( "/end" ) };
    static struct async async;
    unsigned int good = 0;

    async_start( &async, crowd->peer.port, &drained );
    if (!async_wait( &async, WHK_HEAD_SENT ) && async.id)
    {
        async_read_head( &async, 0 );
        good += !async_wait( &async, WHK_HEAD_READ );
    }
    async_close( &async );
    async_wait_gone( &async );
    if (!client_start( &client, &crowd->peer, &endless )) good += !client_read_head( &client, WAIT_MS, 0, 0 );
    client_close( &client );
    return good + get_of( crowd, GET( "/ok" ), 0, 0 );
}

/* Cancelled and closed in each phase: while it starts, waits for a head, waits for a body; and closed only. */
static unsigned int cancelled( struct crowd *crowd )
{
    static const struct request silent = { .head = GET( "/silent" ), .host = "localhost", .event_mask = ~0u };
    static struct async async;
    unsigned int phase;

    for (phase = 0; phase < 4; phase++)
    {
        async_start( &async, crowd->peer.port, &silent );
        if (phase > 1 && !async_wait( &async, WHK_HEAD_SENT ) && async.id) async_read_head( &async, 0 );
        if (async.id && (phase & 1)) async_cancel( &async );
        async_close( &async );
        async_wait_gone( &async );
    }
    return 0;
}

static unsigned int timed_out( struct crowd *crowd )
{
    static const struct request silent = { .head = GET( "/silent" ), .connect_ms = 5000, .send_ms = 5000 };
    static struct async async;
    unsigned int good = 0;

    async_start( &async, crowd->peer.port, &silent );
    if (!async_wait( &async, WHK_HEAD_SENT ) && async.id)
    {
        async_read_head( &async, 2 );
        good += async_wait( &async, WHK_HEAD_READ ) == WHE_TIMEOUT;
    }
    async_close( &async );
    async_wait_gone( &async );
    if (!client_start( &client, &crowd->peer, &silent )) good += client_read_head( &client, 2, 0, 0 ) == WHE_TIMEOUT;
    client_close( &client );
    return good;
}

#define BATCH 6

/* Starts all at once and takes what comes, one of them being given up on the way. */
static unsigned int batch_of( struct crowd *crowd, const struct request *request )
{
    static struct async async[BATCH];
    unsigned int i, good = 0;

    for (i = 0; i < BATCH; i++) async_start( &async[i], crowd->peer.port, request );
    async_close( &async[BATCH - 1] );
    for (i = 0; i < BATCH - 1; i++)
        if (!async_wait( &async[i], WHK_HEAD_SENT ) && async[i].id) async_read_head( &async[i], 0 );
    for (i = 0; i < BATCH - 1; i++)
    {
        if (!async_wait( &async[i], WHK_HEAD_READ ) && (async[i].seen & (1u << WHK_HEAD_READ))) async_read_body( &async[i] );
        async_wait( &async[i], WHK_BODY_READ );
        async_close( &async[i] );
    }
    for (i = 0; i < BATCH; i++)
    {
        async_wait_gone( &async[i] );
        good += i < BATCH - 1 && !async[i].last[WHK_HEAD_SENT].error && !async[i].last[WHK_HEAD_READ].error;
    }
    return good;
}

static unsigned int batch( struct crowd *crowd )
{
    static const struct request request = { .head = GET( "/ok" ) };

    return batch_of( crowd, &request );
}

/* Waiters in line for the only connection there may be: each exchange has to end before the next gets it, whichever
 * that is. */
static unsigned int limited( struct crowd *crowd )
{
    static const struct request one = { .head = GET( "/ok" ), .conn_limit = 1 };
    static struct async async[BATCH];
    unsigned int i, left = BATCH, good = 0, served[BATCH] = { 0 };

    for (i = 0; i < BATCH; i++) async_start( &async[i], crowd->peer.port, &one );
    if (async[3].id) async_cancel( &async[3] );
    while (left)
    {
        for (i = 0; i < BATCH && (served[i] || (async[i].pending & (1u << WHK_HEAD_SENT))); i++);
        if (i == BATCH)
        {
            if (!expect( async_pump( WAIT_MS ) )) break;
            continue;
        }
        served[i] = 1;
        left--;
        if (!async[i].last[WHK_HEAD_SENT].error && async[i].id)
        {
            async_read_head( &async[i], 0 );
            good += !async_wait( &async[i], WHK_HEAD_READ );
        }
        async_close( &async[i] );
        async_wait_gone( &async[i] );
    }
    for (i = 0; i < BATCH; i++) if (!served[i]) async_close( &async[i] );
    for (i = 0; i < BATCH; i++) if (!served[i]) async_wait_gone( &async[i] );
    return good;
}

/* The name has two addresses, the first of which nobody listens at; two ask for it at once. */
static unsigned int names( struct crowd *crowd )
{
    static const struct request request = { .head = GET( "/ok" ), .host = "localhost", .event_mask = ~0u };
    static const struct request unknown = { .head = GET( "/ok" ), .host = "unknown.invalid" };
    static struct async async[2], nobody;
    unsigned int i, good = 0;

    async_start( &nobody, crowd->peer.port, &unknown );
    for (i = 0; i < 2; i++) async_start( &async[i], crowd->peer.port, &request );
    for (i = 0; i < 2; i++)
    {
        good += !async_wait( &async[i], WHK_HEAD_SENT ) && !async[i].last[WHK_HEAD_SENT].error;
        async_close( &async[i] );
        async_wait_gone( &async[i] );
    }
    good += async_wait( &nobody, WHK_HEAD_SENT ) == WHE_NAME;
    async_close( &nobody );
    async_wait_gone( &nobody );
    return good;
}

/* The head is written anew during the pause, and what can be asked is asked. */
static unsigned int paused( struct crowd *crowd )
{
    static const struct request request = { .head = GET( "/silent" ), .flags = WHX_PAUSE_SENDING, .event_mask = ~0u };
    static const char head[] = GET( "/chunked" );
    struct wh_exchange_resume_params resume = { .head = wh_from_ptr( head ), .head_len = sizeof(head) - 1 };
    struct wh_connection_facts facts;
    struct wh_exchange_query_params query = { .buffer = wh_from_ptr( &facts ), .size = sizeof(facts),
                                              .what = WHQ_CONNECTION };
    static struct async async;
    unsigned int good = 0;
    uint32_t ret;

    async_start( &async, crowd->peer.port, &request );
    while (async.pending && !(async.seen & (1u << WHK_PAUSE_SENDING)))
        if (!expect( async_pump( WAIT_MS ) )) break;
    if (async.pending)
    {
        resume.exchange = query.exchange = async.id;
        exchange_query( &query );
        if ((ret = exchange_resume( &resume )) == WH_DONE)
        {
            async.pending = 0;
            async.last[WHK_HEAD_SENT].error = resume.error;
        }
        else expect( ret == WH_PENDING );
    }
    if (!async_wait( &async, WHK_HEAD_SENT ) && async.id)
    {
        async_read_head( &async, 0 );
        good += !async_wait( &async, WHK_HEAD_READ );
    }
    async_close( &async );
    async_wait_gone( &async );
    return good;
}

/* The ground itself: epoll and its companions are made and given back. */
static unsigned int engine( struct crowd *crowd )
{
    unsigned int good = 0;

    engine_stop();
    if (!engine_start()) good = get_of( crowd, GET( "/ok" ), 0, 0 );
    hooks_stop();
    expect( !engine_start() );    /* again, or for the first time */
    expect( get_of( crowd, GET( "/ok" ), 0, 0 ) );    /* with all its tables */
    return good;
}

static struct crowd crowd;

#define TEST( name, scenario ) static void test_##name( void ) { run_faults( #name, scenario, &crowd ); }
TEST( get_survives_every_failure, sync_get )
TEST( asynchronous_get_survives_every_failure, async_gets )
TEST( kept_connections_survive_every_failure, keep_alive )
TEST( post_survives_every_failure, post )
TEST( chunked_upload_survives_every_failure, chunked_upload )
TEST( redirect_survives_every_failure, redirect )
TEST( unread_bodies_survive_every_failure, unread_bodies )
TEST( cancel_survives_every_failure, cancelled )
TEST( timeout_survives_every_failure, timed_out )
TEST( batch_survives_every_failure, batch )
TEST( waiters_survive_every_failure, limited )
TEST( names_survive_every_failure, names )
TEST( pause_survives_every_failure, paused )
TEST( engine_survives_every_failure, engine )

int main( void )
{
    usual_getaddrinfo = wh_hooks.getaddrinfo;
    wh_hooks.getaddrinfo = loopback_getaddrinfo;
    client_begin( 0 );
    crowd_start( &crowd, NULL );
    run( test_get_survives_every_failure );
    run( test_asynchronous_get_survives_every_failure );
    run( test_kept_connections_survive_every_failure );
    run( test_post_survives_every_failure );
    run( test_chunked_upload_survives_every_failure );
    run( test_redirect_survives_every_failure );
    run( test_unread_bodies_survive_every_failure );
    run( test_cancel_survives_every_failure );
    run( test_timeout_survives_every_failure );
    run( test_batch_survives_every_failure );
    run( test_waiters_survive_every_failure );
    run( test_names_survive_every_failure );
    run( test_pause_survives_every_failure );
    run( test_engine_survives_every_failure );
    crowd_stop( &crowd );
    client_end();
    return test_end( "faults" );
}
