/*
 * The wait: time-outs, wakes, deadlines, and threads that leave it in every way
 */

#include "client.h"

/* A thread that is terminated inside a system call confuses the runtimes of these. */
#ifdef __SANITIZE_THREAD__
#define NO_TERMINATION
#elif defined(__clang__)
#if __has_feature( thread_sanitizer ) || __has_feature( address_sanitizer )
#define NO_TERMINATION
#endif
#endif

static void *worker_thread( void *arg )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = *(uint32_t *)arg };

    expect( engine_wait( &wait ) == WH_DONE && !wait.count );
    return NULL;
}

/* Until `count` threads are in wait(0): what a wait that ends at once counts besides itself. */
static void await_waiting( unsigned int count )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = 0 };
    uint64_t until = engine_now_ms() + WAIT_MS;

    do
    {
        if (!expect( engine_wait( &wait ) == WH_DONE && engine_now_ms() < until )) break;
    } while (wait.waiting < count);
}

static void wake( unsigned int count )
{
    struct wh_wake_params params = { count, 0 };

    expect( engine_wake( &params ) == WH_DONE );
}

static void test_a_wait_ends_in_time( void )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = 30 };
    uint64_t began = engine_now_us();

    expect( engine_wait( &wait ) == WH_DONE && !wait.count );
    expect( engine_now_us() - began >= 20000 );    /* the clock is some milliseconds coarse */
}

static void test_many_waits_end_in_time( void )
{
    pthread_t threads[4];
    uint32_t timeout_ms = 30;
    unsigned int i;

    for (i = 0; i < 4; i++) pthread_create( &threads[i], NULL, worker_thread, &timeout_ms );
    for (i = 0; i < 4; i++) pthread_join( threads[i], NULL );
}

static void test_a_wake_ends_as_many_waits( void )
{
    pthread_t threads[4];
    uint32_t timeout_ms = ~0u;
    unsigned int i, round;

    for (round = 0; round < 50; round++)
    {
        for (i = 0; i < 4; i++) pthread_create( &threads[i], NULL, worker_thread, &timeout_ms );
        await_waiting( 4 );
        wake( 4 );
        for (i = 0; i < 4; i++) pthread_join( threads[i], NULL );
    }
}

static void test_a_wake_is_kept_for_a_worker_on_its_way( void )
{
    uint32_t timeout_ms = ~0u;
    pthread_t thread;

    wake( 1 );
    pthread_create( &thread, NULL, worker_thread, &timeout_ms );
    pthread_join( thread, NULL );
}

/* Deadlines. */

struct alarm
{
    struct object obj;
    struct strand strand;
    struct timer  timer;
    int           rung;      /* atomic */
};

static void alarm_destroy( struct object *obj ) { (void)obj; }

static int alarm_run( struct object *obj )
{
    struct alarm *alarm = (struct alarm *)obj;

    if (engine_now_ms() < alarm->timer.when) engine_set_timer( &alarm->timer, alarm->timer.when );
    else __atomic_store_n( &alarm->rung, 1, __ATOMIC_SEQ_CST );
    return 0;
}

static void alarm_init( struct alarm *alarm )
{
    memset( alarm, 0, sizeof(*alarm) );
    object_init( &alarm->obj, OBJECT_SESSION, alarm_destroy );
    strand_init( &alarm->strand, &alarm->obj, alarm_run );
    expect( !engine_own_timer( &alarm->timer, &alarm->strand ) );
}

static void pump_until_rung( struct alarm *alarm )
{
    uint64_t until = engine_now_ms() + WAIT_MS;

    while (!__atomic_load_n( &alarm->rung, __ATOMIC_SEQ_CST ) && engine_now_ms() < until) async_pump( 5 );
    expect( alarm->rung );
}

static void test_a_deadline_is_kept( void )
{
    struct alarm alarm;

    alarm_init( &alarm );
    engine_set_timer( &alarm.timer, engine_now_ms() + 20 );
    pump_until_rung( &alarm );
    engine_drop_timer( &alarm.timer );
}

/* An earlier deadline set by another thread wakes the leader that sleeps for a later one. */
static void test_an_earlier_deadline_wakes_the_leader( void )
{
    uint32_t timeout_ms = ~0u;
    struct alarm alarm;
    pthread_t thread;
    uint64_t until;

    alarm_init( &alarm );
    engine_set_timer( &alarm.timer, engine_now_ms() + 1000000 );
    pthread_create( &thread, NULL, worker_thread, &timeout_ms );
    await_waiting( 1 );
    engine_set_timer( &alarm.timer, engine_now_ms() + 10 );
    for (until = engine_now_ms() + WAIT_MS; !__atomic_load_n( &alarm.rung, __ATOMIC_SEQ_CST ) && engine_now_ms() < until;)
        sched_yield();
    expect( __atomic_load_n( &alarm.rung, __ATOMIC_SEQ_CST ) );
    wake( 1 );
    pthread_join( thread, NULL );
    engine_drop_timer( &alarm.timer );
}

/* Objects go while their deadlines pass: the leader must not look at their memory any more. */

static int stop_leading;

static void *leading_thread( void *arg )
{
    (void)arg;
    while (!__atomic_load_n( &stop_leading, __ATOMIC_SEQ_CST )) async_pump( 1 );
    return NULL;
}

static void freed_destroy( struct object *obj )
{
    engine_drop_timer( &((struct alarm *)obj)->timer );
    free( obj );
}

static void test_deadlines_of_dying_objects( void )
{
    pthread_t thread;
    unsigned int i;

    stop_leading = 0;
    pthread_create( &thread, NULL, leading_thread, NULL );
    for (i = 0; i < 3000; i++)
    {
        struct alarm *alarm = malloc( sizeof(*alarm) );

        alarm_init( alarm );
        alarm->obj.destroy = freed_destroy;
        engine_set_timer( &alarm->timer, engine_now_ms() );    /* expires while the reference is given up */
        if (i % 3) sched_yield();
        object_release( &alarm->obj );
    }
    __atomic_store_n( &stop_leading, 1, __ATOMIC_SEQ_CST );
    pthread_join( thread, NULL );
}

#ifndef NO_TERMINATION

/* A terminated leader. */

static void *doomed_thread( void *arg )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = ~0u };

    (void)arg;
    engine_wait( &wait );
    return NULL;
}

static void test_a_terminated_leader_passes_the_lead_on( void )
{
    uint32_t timeout_ms = ~0u;
    pthread_t doomed, thread;
    struct client client;
    struct peer peer;

    pthread_create( &doomed, NULL, doomed_thread, NULL );
    await_waiting( 1 );                                             /* it leads */
    pthread_create( &thread, NULL, worker_thread, &timeout_ms );    /* this one follows */
    await_waiting( 2 );
    pthread_cancel( doomed );                                       /* takes effect in the loop's system call */
    pthread_join( doomed, NULL );

    peer_start( &peer, script_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" );
    expect( !client_get( &client, &peer, &plain ) );                /* somebody leads again */
    expect_clean();
    peer_stop( &peer );
    wake( 1 );
    pthread_join( thread, NULL );
}

#endif

static void test_bad_waits_are_refused( void )
{
    struct wh_record record;
    struct wh_wait_params none = { .capacity = 1 }, zero = { .records = wh_from_ptr( &record ) };
    struct wh_wait_params stale = { .exchange = (wh_id)77 << 32, .records = wh_from_ptr( &record ), .capacity = 1 };

    expect( engine_wait( &none ) == WH_REFUSED );
    expect( engine_wait( &zero ) == WH_REFUSED );
    expect( engine_wait( &stale ) == WH_REFUSED );
}

int main( void )
{
    client_begin( 0 );
    run( test_a_wait_ends_in_time );
    run( test_many_waits_end_in_time );
    run( test_a_wake_ends_as_many_waits );
    run( test_a_wake_is_kept_for_a_worker_on_its_way );
    run( test_a_deadline_is_kept );
    run( test_an_earlier_deadline_wakes_the_leader );
    run( test_deadlines_of_dying_objects );
#ifndef NO_TERMINATION    /* it does not follow a thread that is cancelled inside its own epoll_wait */
    run( test_a_terminated_leader_passes_the_lead_on );
#endif
    run( test_bad_waits_are_refused );
    client_end();
    return test_end( "engine" );
}
