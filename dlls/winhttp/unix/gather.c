#if 0
#pragma makedep unix
#endif

/*
 * When a connection whose bytes come fast waits for more than the next one
 */

#include "gather.h"

#define COUNT_US 16000    /* beside GATHER_PROOF: the rate is looked at so often */
#define SHARE_US 500      /* what comes in so long is waited for */

int gather_begin( struct gather *gather, int readable, uint64_t now_us )
{
    gather->want = 0;
    if (gather->came)    /* it did not wait after that run */
    {
        gather->counted += gather->came;
        gather->came = 0;
        gather->until_us = 0;
    }
    if (!gather->until_us || readable || now_us < gather->until_us) return 0;
    gather->size = gather->counted = 0;
    gather->since_us = now_us;
    gather->until_us = 0;
    return 1;
}

/* How fast they come. */
static void rate( struct gather *gather, uint64_t now_us )
{
    uint64_t passed = now_us - gather->since_us, most;

    if (gather->counted >= GATHER_PROOF || passed >= COUNT_US)
    {
        most = (uint64_t)gather->counted * SHARE_US / (passed ? passed : 1);
        if (most < GATHER_LEAST) most = gather->size = 0;
        if (most > GATHER_MOST) most = GATHER_MOST;
        if (!gather->size && most) gather->size = GATHER_LEAST;
        gather->most = most;
        gather->counted = 0;
        gather->since_us = now_us;
    }
    if (gather->size > gather->most) gather->size = gather->most;
}

size_t gather_end( struct gather *gather, uint64_t now_us )
{
    int cares = gather_cares( gather );
    size_t size;

    if (gather->until_us && gather->came)
    {
        if (gather->came >= gather->asked) gather->size *= 2;
        gather->until_us = 0;
    }
    gather->counted += gather->came;
    gather->came = 0;
    if (cares) rate( gather, now_us );
    if (gather->want == GATHER_NOBODY)    /* whoever comes next finds what is there, and waits for the rest */
    {
        gather->until_us = 0;
        return gather->asked;
    }
    size = gather->want < gather->size ? (size_t)gather->want : gather->size;
    if (size < GATHER_LEAST) size = 0;
    if (!size) gather->until_us = 0;
    else if (!gather->until_us) gather->until_us = now_us + GATHER_US;
    return gather->asked = size;
}

void gather_refused( struct gather *gather )
{
    gather->asked = 0;
    gather->until_us = 0;
}

void gather_stays( struct gather *gather, uint64_t now_us )
{
    gather->asked = 1;
    gather->until_us = now_us + GATHER_US;
}
