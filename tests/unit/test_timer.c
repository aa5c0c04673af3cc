/*
 * The deadline heap: order, lazy re-arming, places; time is a parameter
 */

#include "hooks.h"
#include "test.h"
#include "unix/timer.h"

#define MANY 500

static void expect_order( const struct timers *timers )
{
    unsigned int i;

    for (i = 0; i < timers->count; i++)
    {
        expect( timers->heap[i]->index == i );
        if (i) expect( timers->heap[(i - 1) / 2]->armed <= timers->heap[i]->armed );
    }
}

static void move( struct timers *timers, struct timer *timer, uint64_t when )
{
    timer->when = when;
    if (when < timer->armed) timers_arm( timers, timer, when );    /* as engine_set_timer does */
}

static void test_expires_in_order( void )
{
    static const unsigned int whens[] = { 50, 10, 40, 10, 30, 20 };
    struct timer timer[6], *expired;
    struct timers timers = { 0 };
    unsigned int i, last = 0;

    expect( timers_next( &timers ) == TIMER_NEVER && !timers_expire( &timers, ~(uint64_t)0 - 1 ) );
    for (i = 0; i < 6; i++)
    {
        timer_init( &timer[i], NULL );
        expect( !timers_own( &timers, &timer[i] ) );
        move( &timers, &timer[i], whens[i] );
        expect_order( &timers );
    }
    expect( timers_next( &timers ) == 10 );
    expect( !timers_expire( &timers, 9 ) );
    for (i = 0; (expired = timers_expire( &timers, 45 )); i++)
    {
        expect( expired->when >= last && expired->armed == TIMER_NEVER );
        last = (unsigned int)expired->when;
        expect_order( &timers );
    }
    expect( i == 5 && timers_next( &timers ) == 50 );
    for (i = 0; i < 6; i++) timers_drop( &timers, &timer[i] );
    expect( !timers.count && !timers.owned );
    timers_free( &timers );
}

static void test_a_later_deadline_leaves_the_heap_alone( void )
{
    struct timers timers = { 0 };
    struct timer timer;

    timer_init( &timer, NULL );
    expect( !timers_own( &timers, &timer ) );
    move( &timers, &timer, 10 );
    move( &timers, &timer, 100 );
    expect( timers_next( &timers ) == 10 );               /* the heap looks at the old time ... */
    expect( !timers_expire( &timers, 50 ) );
    expect( timers_next( &timers ) == 100 );              /* ... and puts the timer back */
    move( &timers, &timer, 20 );
    expect( timers_next( &timers ) == 20 );
    move( &timers, &timer, TIMER_NEVER );
    expect( !timers_expire( &timers, 1000 ) && !timers.count );
    timers_drop( &timers, &timer );
    timers_free( &timers );
}

static void test_dropped_timers_are_not_seen( void )
{
    struct timer timer[3];
    struct timers timers = { 0 };
    int i;

    for (i = 0; i < 3; i++)
    {
        timer_init( &timer[i], NULL );
        expect( !timers_own( &timers, &timer[i] ) );
        move( &timers, &timer[i], 10 + i );
    }
    timers_drop( &timers, &timer[0] );
    timers_drop( &timers, &timer[0] );    /* harmless */
    expect( timers_expire( &timers, 100 ) == &timer[1] );
    timers_drop( &timers, &timer[2] );
    expect( !timers_expire( &timers, 100 ) );
    timers_drop( &timers, &timer[1] );
    expect( !timers.owned );
    timers_free( &timers );
}

/* Only getting a place can fail: a deadline that was promised is kept. */
static void test_without_memory_there_is_no_place( void )
{
    static struct timer timer[200];
    struct timers timers = { 0 };
    unsigned int i, owned = 0;

    timer_init( &timer[0], NULL );
    hooks_fail( HOOK_ALLOC, 1, 1, 0 );
    expect( timers_own( &timers, &timer[0] ) == -1 && !timer[0].owned );
    hooks_reset();
    hooks_fail( HOOK_ALLOC, 2, 1, 0 );
    for (i = 0; i < 200; i++)
    {
        timer_init( &timer[i], NULL );
        if (timers_own( &timers, &timer[i] )) break;
        owned++;
    }
    expect( owned && owned < 200 );
    for (i = 0; i < owned; i++) move( &timers, &timer[i], 1000 - i );
    expect( timers.count == owned && timers_next( &timers ) == 1000 - owned + 1 );
    expect_order( &timers );
    hooks_reset();
    timers_free( &timers );
}

static void test_random_moves_keep_every_deadline( void )
{
    static struct timer timer[MANY];
    struct timers timers = { 0 };
    struct timer *expired;
    uint64_t now = 0;
    unsigned int i, round;

    srand( 1 );
    for (i = 0; i < MANY; i++)
    {
        timer_init( &timer[i], NULL );
        expect( !timers_own( &timers, &timer[i] ) );
    }
    for (round = 0; round < 2000; round++)
    {
        i = rand() % MANY;
        move( &timers, &timer[i], rand() % 4 ? now + 1 + rand() % 100 : TIMER_NEVER );
        if (round % 8) continue;
        now += rand() % 5;
        while ((expired = timers_expire( &timers, now )))
        {
            expect( expired->when <= now );
            expired->when = TIMER_NEVER;
        }
        for (i = 0; i < MANY; i++) expect( timer[i].when > now );
        expect_order( &timers );
    }
    timers_free( &timers );
}

int main( void )
{
    run( test_expires_in_order );
    run( test_a_later_deadline_leaves_the_heap_alone );
    run( test_dropped_timers_are_not_seen );
    run( test_without_memory_there_is_no_place );
    run( test_random_moves_keep_every_deadline );
    return test_end( "timer" );
}
