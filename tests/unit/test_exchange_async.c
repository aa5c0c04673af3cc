/*
 * Exchanges under load and under failure: asynchronous, from many threads, with every allocation and system call
 * failing in turn, cancelled and closed at random moments
 */

#include <errno.h>

#include "client.h"

/* Asynchronous: many exchanges, several workers. */

#define MANY 300

struct many
{
    struct peer     *peer;
    unsigned int     started, finished, errors, closed, cancel_every;
    wh_id            ids[MANY];
    unsigned int     pending[MANY];     /* operations without a completion */
    char             heads[MANY][100];
};

/* The head of an exchange was read, or only its size is known: go on until it is closed. */
static void many_head( struct many *many, unsigned int index, uint32_t error, uint32_t flags )
{
    struct wh_exchange_close_params close = { .exchange = many->ids[index], .drain_limit = 1000 };
    struct wh_exchange_read_head_params head = { .exchange = many->ids[index],
        .buffer = wh_from_ptr( many->heads[index] ), .size = sizeof(many->heads[index]) };

    if (!error && (flags & WHR_TOO_SMALL))
    {
        __atomic_add_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        if (exchange_read_head( &head ) == WH_PENDING) return;
        __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        error = head.error;
    }
    if (error) __atomic_add_fetch( &many->errors, 1, __ATOMIC_SEQ_CST );
    if (exchange_close( &close ) == WH_DONE) __atomic_add_fetch( &many->finished, 1, __ATOMIC_SEQ_CST );
}

static void many_start( struct many *many, unsigned int index )
{
    struct wh_route route = { .host = wh_from_ptr( "127.0.0.1" ), .host_len = 9, .port = many->peer->port,
                              .scheme = WH_SCHEME_HTTP, .conn_limit = 20 };
    struct wh_exchange_start_params params = { .session = session, .cookie = index, .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( get_head ), .head_len = sizeof(get_head) - 1 };
    struct wh_exchange_read_head_params head = { .timeout_ms = WAIT_MS };

    __atomic_add_fetch( &many->pending[index], 2, __ATOMIC_SEQ_CST );
    if (exchange_start( &params ) != WH_PENDING) __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
    head.exchange = many->ids[index] = params.exchange;
    if (exchange_read_head( &head ) != WH_PENDING)
    {
        __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
        many_head( many, index, head.error, head.flags );
    }
    else if (many->cancel_every && !(index % many->cancel_every))
    {
        struct wh_exchange_cancel_params cancel = { .exchange = params.exchange };

        exchange_cancel( &cancel );
    }
}

static void *many_worker( void *arg )
{
    struct wh_record records[16];
    struct wh_wait_params wait = { .records = wh_from_ptr( records ), .capacity = 16, .timeout_ms = 50 };
    struct many *many = arg;
    uint32_t i;

    while (__atomic_load_n( &many->finished, __ATOMIC_SEQ_CST ) < MANY)
    {
        if (engine_wait( &wait )) break;
        for (i = 0; i < wait.count; i++)
        {
            unsigned int index = (unsigned int)records[i].cookie;

            if (records[i].kind == WHK_GONE)
            {
                __atomic_add_fetch( &many->finished, 1, __ATOMIC_SEQ_CST );
                continue;
            }
            __atomic_sub_fetch( &many->pending[index], 1, __ATOMIC_SEQ_CST );
            if (records[i].kind == WHK_HEAD_READ) many_head( many, index, records[i].error, records[i].flags );
            else if (records[i].error) __atomic_add_fetch( &many->errors, 1, __ATOMIC_SEQ_CST );
        }
    }
    return NULL;
}

static void *answer_thread( void *arg )
{
    struct { struct peer *peer; int fd; } *job = arg;

    script_answer( job->peer, job->fd, (void *)"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    close( job->fd );
    free( job );
    return NULL;
}

static void script_answer_threaded( struct peer *peer, int fd, void *arg )
{
    struct { struct peer *peer; int fd; } *job = malloc( sizeof(*job) );
    pthread_t thread;

    (void)arg;
    job->peer = peer;
    job->fd = dup( fd );
    pthread_create( &thread, NULL, answer_thread, job );
    pthread_detach( thread );
}

static void run_many( unsigned int cancel_every )
{
    struct many many = { .cancel_every = cancel_every };
    pthread_t workers[4];
    static struct peer peer;    /* the threads of the script may still be on their way out afterwards */
    unsigned int i;

    peer_start( &peer, script_answer_threaded, NULL );
    many.peer = &peer;
    for (i = 0; i < 4; i++) pthread_create( &workers[i], NULL, many_worker, &many );
    for (i = 0; i < MANY; i++) many_start( &many, i );
    for (i = 0; i < 4; i++) pthread_join( workers[i], NULL );
    expect( many.finished == MANY );
    for (i = 0; i < MANY; i++) expect( !many.pending[i] );
    if (!cancel_every) expect( !many.errors );
    expect( peer_connections( &peer ) <= (cancel_every ? MANY : 20) );    /* a cancelled exchange costs its connection */
    expect_clean();
    peer_stop( &peer );
}

static void test_many_exchanges_complete_once_each( void )
{
    run_many( 0 );
}

static void test_cancelled_exchanges_complete_once_each( void )
{
    run_many( 3 );
}

/* Synchronous callers on several threads share the wait. */

static void *sync_thread( void *arg )
{
    struct peer *peer = arg;
    struct client *client = malloc( sizeof(*client) );
    int i;

    for (i = 0; i < 50; i++) expect( !client_get( client, peer, &plain ) && client->body_len == 2 );
    free( client );
    return NULL;
}

static void test_synchronous_threads_share_the_wait( void )
{
    pthread_t threads[6];
    static struct peer peer;    /* the threads of the script may still be on their way out afterwards */
    unsigned int i;

    peer_start( &peer, script_answer_threaded, NULL );
    for (i = 0; i < 6; i++) pthread_create( &threads[i], NULL, sync_thread, &peer );
    for (i = 0; i < 6; i++) pthread_join( threads[i], NULL );
    expect( peer_connections( &peer ) <= 30 );    /* of 300 requests; a dial that its thread needed no more may end in the pool */
    expect_clean();
    peer_stop( &peer );
}

/* Closing from another thread ends a blocked caller. */

static void *close_thread( void *arg )
{
    struct wh_exchange_close_params params = { .exchange = *(wh_id *)arg };

    exchange_close( &params );
    return NULL;
}

static void test_close_ends_a_blocked_reader( void )
{
    struct client client;
    pthread_t thread;
    struct peer peer;

    peer_start( &peer, script_silent, NULL );
    expect( !client_start( &client, &peer, &plain ) );
    pthread_create( &thread, NULL, close_thread, &client.id );
    expect( client_read_head( &client, WAIT_MS, 0, 0 ) != 0 );    /* CANCELLED, or refused when the close was first */
    expect( client.error == WHE_CANCELLED || client.error == WHE_INVALID );
    pthread_join( thread, NULL );
    expect_clean();
    peer_stop( &peer );
}

static void test_interrupted_system_calls_are_repeated( void )
{
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    hooks_fail( HOOK_RECV, 1, 0, EINTR );
    hooks_fail( HOOK_SEND, 1, 0, EINTR );
    expect( !client_get( &client, &peer, &plain ) );
    hooks_reset();
    expect_clean();
    peer_stop( &peer );
}

/* Whatever fails, the exchange ends with an error or well, and nothing is left. */

static void fault_scenario( void *arg )
{
    struct request wanted = { .event_mask = ~0u, .connect_ms = 5000 };
    struct client client;

    client_get( &client, arg, &wanted );
    client_get( &client, arg, &wanted );
    expect_clean();
}

static void test_every_failure_is_survived( void )
{
    static const struct { enum hook hook; int error; } hooks[] =
    {
        { HOOK_ALLOC, 0 }, { HOOK_SOCKET, 24 }, { HOOK_CONNECT, 111 }, { HOOK_RECV, 104 }, { HOOK_SEND, 32 },
        { HOOK_EPOLL, 12 }, { HOOK_RECV, 14 },
    };
    struct peer peer;
    unsigned int i;

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n" );
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        hooks_each_failure( hooks[i].hook, hooks[i].error, fault_scenario, &peer );
    peer_stop( &peer );
}

/* Asynchronous faults: each operation completes exactly once and GONE comes last (async_record checks that). */

static void async_fault_scenario( void *arg )
{
    const struct request wanted = { .event_mask = ~0u, .flags = WHX_PAUSE_SENDING };
    struct wh_exchange_resume_params resume = { .verdict = 0 };
    const struct peer *peer = arg;
    static struct async async[3];
    unsigned int i;
    uint32_t ret;

    for (i = 0; i < 3; i++) async_start( &async[i], peer->port, i == 2 ? &wanted : &plain );
    for (i = 0; i < 3; i++)
    {
        while (i == 2 && async[i].pending && !(async[i].seen & (1u << WHK_PAUSE_SENDING)))
            if (!expect( async_pump( WAIT_MS ) )) break;
        if (i == 2 && async[i].pending)
        {
            resume.exchange = async[i].id;
            ret = exchange_resume( &resume );
            if (ret == WH_DONE) async[i].pending = 0;
            else expect( ret == WH_PENDING );
        }
        if (!async_wait( &async[i], WHK_HEAD_SENT ) && async[i].id)
        {
            async_read_head( &async[i], 5000 );
            if (!async_wait( &async[i], WHK_HEAD_READ ) && i) async_read_body( &async[i] );
        }
    }
    for (i = 0; i < 3; i++) async_close( &async[i] );
    for (i = 0; i < 3; i++) async_wait_gone( &async[i] );
    expect_clean();
}

static void test_every_failure_is_survived_asynchronously( void )
{
    static const struct { enum hook hook; int error; } hooks[] =
    {
        { HOOK_ALLOC, 0 }, { HOOK_SOCKET, EMFILE }, { HOOK_CONNECT, ECONNREFUSED }, { HOOK_RECV, ECONNRESET },
        { HOOK_SEND, EPIPE }, { HOOK_EPOLL, ENOMEM }, { HOOK_GETSOCKOPT, EBADF },
    };
    static struct peer peer;    /* the threads of the script may still be on their way out afterwards */
    unsigned int i;

    peer_start( &peer, script_answer_threaded, NULL );
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        hooks_each_failure( hooks[i].hook, hooks[i].error, async_fault_scenario, &peer );
    peer_stop( &peer );
}

/* Closing and cancelling at any moment. */

#define STRESS_THREADS 3
#define STRESS_ROUNDS  150

/* A peer whose connections answer, stall, reset or break off, by turns. */
static void *moody_thread( void *arg )
{
    struct { struct peer *peer; int fd; } *job = arg;
    unsigned int seed = (unsigned int)job->fd * 7919 + peer_connections( job->peer );
    char head[4096];

    while (peer_read_head( job->peer, job->fd, head, sizeof(head) ))
    {
        unsigned int mood = rand_r( &seed ) % 10;

        if (mood == 0) peer_reset( job->fd );
        if (mood <= 1) break;
        if (mood == 2) peer_send( job->fd, "HTTP/1.1 200 OK\r\nContent-Len" );
        if (mood == 3) peer_send( job->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbut" );
        if (mood <= 3)
        {
            peer_wait_eof( job->fd );
            break;
        }
        if (mood == 4) peer_send( job->fd, "HTTP/1.1 100 Continue\r\n\r\n" );
        peer_send( job->fd, mood == 5 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" :
                   mood == 6 ? "HTTP/1.1 204 No\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
        if (mood == 7) break;
    }
    close( job->fd );
    free( job );
    return NULL;
}

static void script_moody( struct peer *peer, int fd, void *arg )
{
    struct { struct peer *peer; int fd; } *job = malloc( sizeof(*job) );
    pthread_t thread;

    (void)arg;
    job->peer = peer;
    job->fd = dup( fd );
    pthread_create( &thread, NULL, moody_thread, job );
    pthread_detach( thread );
}

struct stress { const struct peer *peer; unsigned int seed; };

static int stress_stop;

static void *stress_pump( void *arg )
{
    (void)arg;
    while (!__atomic_load_n( &stress_stop, __ATOMIC_SEQ_CST )) async_pump( 10 );
    return NULL;
}

static void *stress_thread( void *arg )
{
    const struct stress *stress = arg;
    unsigned int seed = stress->seed, round, spin, pending;
    struct async *async = calloc( STRESS_ROUNDS, sizeof(*async) );
    uint64_t until;

    for (round = 0; round < STRESS_ROUNDS; round++)
    {
        struct request request = { .conn_limit = rand_r( &seed ) % 3 ? 4 : 0, .event_mask = rand_r( &seed ) % 2 ? ~0u : 0,
                                   .flags = rand_r( &seed ) % 4 ? 0 : WHX_FRESH };

        async_start( &async[round], stress->peer->port, &request );
        for (spin = rand_r( &seed ) % 40; spin; spin--) sched_yield();
        if (rand_r( &seed ) % 4) async_read_head( &async[round], 1000 );
        for (spin = rand_r( &seed ) % 40; spin; spin--) sched_yield();
        if (!(rand_r( &seed ) % 3)) async_cancel( &async[round] );
        pending = __atomic_load_n( &async[round].pending, __ATOMIC_SEQ_CST );
        if (rand_r( &seed ) % 4 && !(pending & (1u << WHK_HEAD_READ))) async_read_body( &async[round] );
        for (spin = rand_r( &seed ) % 20; spin; spin--) sched_yield();
        async_close( &async[round] );
    }
    until = engine_now_ms() + WAIT_MS;
    for (round = 0; round < STRESS_ROUNDS; round++)
        while (!__atomic_load_n( &async[round].gone, __ATOMIC_SEQ_CST ) && expect( engine_now_ms() < until ))
            async_pump( 5 );
    return async;    /* freed when no pump can hold its records any more */
}

static void test_random_cancels_and_closes( void )
{
    struct stress stress[STRESS_THREADS];
    pthread_t threads[STRESS_THREADS], pump;
    void *asyncs[STRESS_THREADS];
    unsigned int round;
    static struct peer peer;    /* the threads of the script may still be on their way out afterwards */
    unsigned int i;

    peer_start( &peer, script_moody, NULL );
    async_unordered = 1;
    stress_stop = 0;
    pthread_create( &pump, NULL, stress_pump, NULL );
    for (i = 0; i < STRESS_THREADS; i++)
    {
        stress[i].peer = &peer;
        stress[i].seed = i + 1;
        pthread_create( &threads[i], NULL, stress_thread, &stress[i] );
    }
    for (i = 0; i < STRESS_THREADS; i++) pthread_join( threads[i], &asyncs[i] );
    __atomic_store_n( &stress_stop, 1, __ATOMIC_SEQ_CST );
    pthread_join( pump, NULL );
    async_unordered = 0;
    for (i = 0; i < STRESS_THREADS; i++)
    {
        for (round = 0; round < STRESS_ROUNDS; round++) expect( !((struct async *)asyncs[i])[round].pending );
        free( asyncs[i] );
    }
    expect_clean();
    peer_stop( &peer );
}

int main( void )
{
    client_begin( 0 );

    run( test_many_exchanges_complete_once_each );
    run( test_cancelled_exchanges_complete_once_each );
    run( test_synchronous_threads_share_the_wait );
    run( test_close_ends_a_blocked_reader );
    run( test_interrupted_system_calls_are_repeated );
    run( test_every_failure_is_survived );
    run( test_every_failure_is_survived_asynchronously );
    run( test_random_cancels_and_closes );

    client_end();
    return test_end( "exchange_async" );
}
