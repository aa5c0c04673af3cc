/*
 * How many bytes a connection waits for; time is a parameter
 */

#include "hooks.h"
#include "test.h"
#include "unix/gather.h"

#define PLENTY ((uint64_t)1 << 40)

/* A run in which `came` bytes were read and `want` more are waited for; what it waits for afterwards. */
static size_t turn( struct gather *gather, int readable, size_t came, uint64_t want, uint64_t now_us )
{
    gather_begin( gather, readable, now_us );
    gather->came = came;
    gather->want = want;
    return gather_end( gather, now_us );
}

/* Bytes come at `rate` for each microsecond until it has been looked at; returns the time. */
static uint64_t arrive( struct gather *gather, size_t rate, uint64_t now_us, uint64_t until_us )
{
    size_t there = 0;

    for (; now_us < until_us; now_us += 10)
    {
        int readable = (there += rate * 10) >= gather->asked;

        if (!readable && (!gather->until_us || now_us < gather->until_us)) continue;
        turn( gather, readable, there, PLENTY, now_us );
        there = 0;
    }
    return now_us;
}

static void test_begins_with_the_next_byte( void )
{
    struct gather gather = { 0 };

    expect( !turn( &gather, 1, 65536, PLENTY, 1000000 ) );
    expect( !turn( &gather, 0, 0, PLENTY, 1000100 ) && !gather.until_us && !gather_cares( &gather ) );
}

static void test_bytes_that_come_fast_are_gathered( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );    /* a gigabyte each second */

    expect( gather.size == GATHER_MOST && gather.asked == GATHER_MOST );
    expect( gather.until_us > now && gather.until_us <= now + GATHER_US );
}

static void test_as_many_as_come_in_half_a_millisecond( void )
{
    struct gather gather = { 0 };

    arrive( &gather, 100, 1000000, 1100000 );
    expect( gather.asked >= 45000 && gather.asked <= 55000 );
}

static void test_bytes_that_come_slowly_are_not( void )
{
    struct gather gather = { 0 };

    arrive( &gather, 10, 1000000, 2000000 );
    expect( !gather.size && !gather.asked && !gather.until_us );
}

static void test_fast_ones_that_become_slow_are_not_for_long( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );

    arrive( &gather, 10, now, now + 100000 );
    expect( !gather.size && !gather.asked );
}

static void test_a_pause_ends_it( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );
    uint64_t until = gather.until_us;

    expect( !gather_begin( &gather, 0, now ) );
    gather.want = PLENTY;
    expect( gather_end( &gather, now ) == GATHER_MOST && gather.until_us == until );    /* somebody else's run moves nothing */
    expect( !gather_begin( &gather, 1, until ) );     /* as many as were asked for are there: it is not late */
    expect( gather_begin( &gather, 0, until ) );
    gather.want = PLENTY;
    expect( !gather_end( &gather, until ) && !gather.until_us );
    expect( !turn( &gather, 1, 65536, PLENTY, until + 10 ) );    /* to be shown again */
}

static void test_never_for_more_than_is_sure_to_come( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );

    expect( turn( &gather, 1, 1000, 40000, now ) == 40000 );
    expect( !turn( &gather, 1, 1000, GATHER_LEAST - 1, now ) && !gather.until_us );
    expect( turn( &gather, 0, 0, GATHER_LEAST, now ) == GATHER_LEAST );
}

static void test_not_while_something_else_is_waited_for( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );

    expect( !turn( &gather, 0, 0, 0, now ) && !gather.until_us && !gather.asked );
    expect( turn( &gather, 0, 0, PLENTY, now ) == GATHER_MOST );    /* how fast they come is still known */
}

static void test_nobody_waits_for_nothing( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );

    expect( turn( &gather, 1, 65536, GATHER_NOBODY, now ) == GATHER_MOST && !gather.until_us );
    expect( turn( &gather, 0, 0, PLENTY, now + 500 ) == GATHER_MOST && gather.until_us == now + 500 + GATHER_US );
}

static void test_a_run_that_did_not_wait_counts( void )
{
    struct gather gather = { 0 };
    unsigned int i;

    for (i = 0; i < 20; i++)    /* gather_end is not called: there is more to do */
    {
        gather_begin( &gather, 1, 0 );
        gather.came = 60000;
    }
    expect( gather_cares( &gather ) && gather.counted == 19 * 60000 );
}

static void test_a_layer_that_cannot( void )
{
    struct gather gather = { 0 };
    uint64_t now = arrive( &gather, 1000, 1000000, 1020000 );

    gather_refused( &gather );
    expect( !gather.asked && !gather.until_us );
    gather_stays( &gather, now );
    expect( gather.asked && gather.until_us == now + GATHER_US );
}

int main( void )
{
    run( test_begins_with_the_next_byte );
    run( test_bytes_that_come_fast_are_gathered );
    run( test_as_many_as_come_in_half_a_millisecond );
    run( test_bytes_that_come_slowly_are_not );
    run( test_fast_ones_that_become_slow_are_not_for_long );
    run( test_a_pause_ends_it );
    run( test_never_for_more_than_is_sure_to_come );
    run( test_not_while_something_else_is_waited_for );
    run( test_nobody_waits_for_nothing );
    run( test_a_run_that_did_not_wait_counts );
    run( test_a_layer_that_cannot );
    return test_end( "gather" );
}
