/*
 * Inconvenient moments: answers before the request is out, a peer that ends or speaks while the program is asked, a dial
 * dropped while its attempt is given to the loop
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "client.h"
#include "tcp.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static int stage;         /* atomic: so far the test lets the peer go on */

static void set_stage( int value )
{
    __atomic_store_n( &stage, value, __ATOMIC_SEQ_CST );
}

static void await_stage( int value )
{
    uint64_t until = engine_now_ms() + WAIT_MS;

    while (__atomic_load_n( &stage, __ATOMIC_SEQ_CST ) < value && expect( engine_now_ms() < until )) sched_yield();
}

/* ---- answers before the request is out ---- */

#define LARGE (32 * 1024 * 1024)    /* more than any socket buffers take */

static char *large_head( void )
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ", end[] = "\r\n\r\n";
    char *head = malloc( LARGE + 1 );

    memset( head, 'x', LARGE );
    memcpy( head, begin, sizeof(begin) - 1 );
    memcpy( head + LARGE - sizeof(end) + 1, end, sizeof(end) );
    return head;
}

/* Reads a little, says that this is too much, and leaves: what is unread resets the connection. */
static void script_too_large( struct peer *peer, int fd, void *arg )
{
    char some[1000];

    (void)peer;
    peer_read( fd, some, sizeof(some) );
    peer_send( fd, arg );
}

static void test_an_answer_in_the_middle_of_the_head( void )
{
    static const char refusal[] = "HTTP/1.1 431 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
    char *head = large_head();
    struct request request = { .head = head };
    struct client client;
    struct peer peer;

    peer_start( &peer, script_too_large, refusal );
    expect( !client_start( &client, &peer, &request ) );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && client.status == 431 );
    expect( !client_read_all( &client, 100, WAIT_MS ) && client.body_len == 2 );
    client_close( &client );
    expect( !origin_idle_count() );
    expect_clean();
    peer_stop( &peer );
    free( head );
}

/* Answers after the first bytes of a body, goes on with its answer when told to, and takes the rest of the body then. */
static void script_duplex( struct peer *peer, int fd, void *arg )
{
    char head[4096], some[65536];
    size_t left = sizeof("2000000\r\n") - 1 + LARGE + sizeof("\r\n0\r\n\r\n") - 1;
    ssize_t count;

    (void)arg;
    peer_read_head( peer, fd, head, sizeof(head) );
    peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none" );
    await_stage( 1 );
    peer_send( fd, "two" );
    await_stage( 2 );
    for (; left; left -= count)
        if ((count = recv( fd, some, left < sizeof(some) ? left : sizeof(some), 0 )) <= 0) return;
    peer_read_head( peer, fd, head, sizeof(head) );
    peer_send( fd, answer );
    peer_wait_eof( fd );
}

static void test_a_response_is_read_while_chunks_are_stuck( void )
{
    struct request request = { .head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", .flags = WHX_CHUNKED,
                               .total_len = WH_NO_LENGTH };
    struct wh_exchange_send_params send = { .len = LARGE, .flags = WHX_END };
    char *data = calloc( 1, LARGE );
    struct async async;
    struct peer peer;

    set_stage( 0 );
    peer_start( &peer, script_duplex, NULL );
    async_start( &async, peer.port, &request );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    send.exchange = async.id;
    send.data = wh_from_ptr( data );
    async.pending |= 1u << WHK_BODY_SENT;
    expect( exchange_send( &send ) == WH_PENDING );
    async_read_head( &async, WAIT_MS );
    expect( !async_wait( &async, WHK_HEAD_READ ) && async.last[WHK_HEAD_READ].status == 200 );
    async_read_body( &async );
    expect( !async_wait( &async, WHK_BODY_READ ) && async.last[WHK_BODY_READ].bytes == 3 );
    set_stage( 1 );
    async_read_body( &async );
    expect( !async_wait( &async, WHK_BODY_READ ) && async.last[WHK_BODY_READ].bytes == 3 );
    expect( async.pending == 1u << WHK_BODY_SENT );    /* all of the answer is there, and the upload goes on */
    set_stage( 2 );
    expect( !async_wait( &async, WHK_BODY_SENT ) && async.last[WHK_BODY_SENT].bytes == LARGE );
    async_close( &async );
    async_wait_gone( &async );
    expect( origin_idle_count() == 1 );                /* both went whole: it serves the next one */
    expect( !async_get( &async, peer.port, &plain ) );
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    peer_stop( &peer );
    free( data );
}

/* Cancelled in the middle of a chunk: no operation is lost, nothing is reused. */
static void test_cancel_while_chunks_are_stuck( void )
{
    struct request request = { .head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", .flags = WHX_CHUNKED,
                               .total_len = WH_NO_LENGTH };
    struct wh_exchange_send_params send = { .len = LARGE, .flags = WHX_END };
    char *data = calloc( 1, LARGE );
    struct async async;
    struct peer peer;

    set_stage( 0 );
    peer_start( &peer, script_duplex, NULL );
    async_start( &async, peer.port, &request );
    expect( !async_wait( &async, WHK_HEAD_SENT ) );
    send.exchange = async.id;
    send.data = wh_from_ptr( data );
    async.pending |= 1u << WHK_BODY_SENT;
    expect( exchange_send( &send ) == WH_PENDING );
    async_read_head( &async, WAIT_MS );
    expect( !async_wait( &async, WHK_HEAD_READ ) );
    async_cancel( &async );
    expect( async_wait( &async, WHK_BODY_SENT ) == WHE_CANCELLED );
    expect( async.last[WHK_BODY_SENT].bytes < LARGE );
    async_close( &async );
    async_wait_gone( &async );
    set_stage( 2 );
    expect_clean();
    peer_stop( &peer );
    free( data );
}

/* ---- while the program is asked ---- */

static int ends;          /* before the peer starts */

/* The first connection serves one request, then speaks without being asked, or ends; the next ones behave. */
static void script_during_the_pause( struct peer *peer, int fd, void *arg )
{
    char head[4096], body[5];

    if (peer_connections( peer ) > 1)
    {
        while (peer_read_head( peer, fd, head, sizeof(head) ))
        {
            if (strstr( head, "POST" ) && (!peer_read( fd, body, 5 ) || memcmp( body, "hello", 5 ))) break;
            peer_send( fd, strstr( head, "/other" ) ? arg : answer );
        }
        return;
    }
    peer_read_head( peer, fd, head, sizeof(head) );
    peer_send( fd, answer );
    await_stage( 1 );
    if (ends) return;
    peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison" );
    peer_wait_eof( fd );
}

/* Until the other end of the exchange's connection has done something. */
static void await_input( wh_id id )
{
    struct object *obj = object_from_id( id, OBJECT_EXCHANGE );
    struct conn *conn = obj ? exchange_conn( exchange_from_object( obj ) ) : NULL;
    struct pollfd entry = { .events = POLLIN };

    if (expect( conn != NULL ))
    {
        entry.fd = tcp_layer_fd( conn->layer );
        expect( poll( &entry, 1, WAIT_MS ) == 1 );
        object_release( &conn->obj );
    }
    if (obj) object_release( obj );
}

static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

static void test_bytes_or_an_end_during_a_pause_move_the_request( void )
{
    static const char other[] = "POST /other HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
    struct request pause = { .head = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", .body = "hello", .body_len = 5,
                             .flags = WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { .head = wh_from_ptr( other ), .head_len = sizeof(other) - 1 };
    struct wh_record record;
    struct client client;
    struct peer peer;
    uint32_t ret;

    for (ends = 0; ends < 2; ends++)
    {
        set_stage( 0 );
        peer_start( &peer, script_during_the_pause, good );
        expect( !client_get( &client, &peer, &plain ) );
        expect( !client_start( &client, &peer, &pause ) && client.paused );
        set_stage( 1 );
        await_input( client.id );
        resume.exchange = client.id;
        client.paused = 0;
        expect( exchange_resume( &resume ) == WH_PENDING );    /* a POST, too: nothing of it was sent */
        expect( !wait_for( &client, WHK_HEAD_SENT, &record ) && client.paused );
        ret = exchange_resume( &resume );
        expect( ret != WH_REFUSED && !(ret == WH_DONE ? resume.error : wait_for( &client, WHK_HEAD_SENT, &record )) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
        expect( client.body_len == 4 && !memcmp( client.body, "good", 4 ) );
        client_close( &client );
        expect( peer_connections( &peer ) == 2 );
        expect_clean();
        peer_stop( &peer );
    }
}

/* A program that wanted this connection and no other hears of it. */
static void test_a_pinned_request_does_not_move( void )
{
    struct wh_route route = { .port = 0 };
    struct wh_exchange_query_params query = { .what = WHQ_PIN, .size = sizeof(wh_id) };
    struct wh_exchange_start_params start = { .session = session, .head = wh_from_ptr( get_head ),
        .head_len = sizeof(get_head) - 1, .flags = WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { 0 };
    struct client client;
    struct async async;
    struct peer peer;
    wh_id pin = 0;

    set_stage( 0 );
    peer_start( &peer, script_during_the_pause, good );
    expect( !client_start( &client, &peer, &plain ) );
    query.exchange = client.id;
    query.buffer = wh_from_ptr( &pin );
    expect( exchange_query( &query ) == WH_DONE && pin );
    expect( !client_read_head( &client, WAIT_MS, 0, 0 ) && !client_read_all( &client, 100, WAIT_MS ) );
    client_close( &client );

    memset( &async, 0, sizeof(async) );
    route = request_route( &plain, peer.port );
    start.route = wh_from_ptr( &route );
    start.cookie = wh_from_ptr( &async );
    start.pin = pin;
    async.pending = 1u << WHK_HEAD_SENT;
    expect( exchange_start( &start ) == WH_PENDING && start.paused );
    async.id = resume.exchange = start.exchange;
    set_stage( 1 );
    await_input( async.id );
    if (exchange_resume( &resume ) == WH_DONE)
    {
        async.pending = 0;
        async.last[WHK_HEAD_SENT].error = resume.error;
    }
    expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_STALE );
    async_close( &async );
    async_wait_gone( &async );
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    peer_stop( &peer );
}

/* ---- between a socket and the loop ---- */

static struct wh_exchange_start_params dropped_start;
static int dropping;               /* its exchange is cancelled while its connection is given to the loop */
static int closed_too_soon;

static int dropping_epoll_ctl( int epoll, int op, int fd, struct epoll_event *event )
{
    struct wh_exchange_cancel_params cancel = { .exchange = dropped_start.exchange };

    if (op == EPOLL_CTL_ADD && dropping)
    {
        dropping = 0;
        expect( exchange_cancel( &cancel ) == WH_DONE );
        if (fcntl( fd, F_GETFD ) == -1) closed_too_soon = 1;    /* by now the number may be somebody else's */
    }
    return epoll_ctl( epoll, op, fd, event );
}

static void test_a_dial_dropped_while_the_loop_takes_its_socket( void )
{
    int (*real)( int, int, int, struct epoll_event * ) = wh_hooks.epoll_ctl;
    struct wh_exchange_start_params *start = &dropped_start;
    struct request request = { .host = "localhost" };
    struct wh_route route;
    struct async async;
    struct peer peer;

    dns_shutdown();
    peer_start( &peer, script_answer, answer );
    wh_hooks.epoll_ctl = dropping_epoll_ctl;
    memset( &async, 0, sizeof(async) );
    memset( start, 0, sizeof(*start) );
    route = request_route( &request, peer.port );
    start->session = session;
    start->route = wh_from_ptr( &route );
    start->cookie = wh_from_ptr( &async );
    start->head = wh_from_ptr( get_head );
    start->head_len = sizeof(get_head) - 1;
    dropping = 1;
    async.pending = 1u << WHK_HEAD_SENT;
    if (exchange_start( start ) == WH_DONE)    /* the name was there at once */
    {
        async.pending = 0;
        async.last[WHK_HEAD_SENT].error = start->error;
    }
    async.id = start->exchange;
    expect( async_wait( &async, WHK_HEAD_SENT ) == WHE_CANCELLED );
    expect( !dropping && !closed_too_soon );
    async_close( &async );
    async_wait_gone( &async );
    wh_hooks.epoll_ctl = real;
    expect_clean();
    peer_stop( &peer );
}

int main( void )
{
    client_begin( 0 );
    run( test_an_answer_in_the_middle_of_the_head );
    run( test_a_response_is_read_while_chunks_are_stuck );
    run( test_cancel_while_chunks_are_stuck );
    run( test_bytes_or_an_end_during_a_pause_move_the_request );
    run( test_a_pinned_request_does_not_move );
    run( test_a_dial_dropped_while_the_loop_takes_its_socket );
    client_end();
    return test_end( "moments" );
}
