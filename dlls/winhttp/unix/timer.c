#if 0
#pragma makedep unix
#endif

/*
 * Deadlines: a binary heap by `armed`, with lazy re-arming
 *
 * `when` and `armed` are two sides of a handshake: who moves the deadline stores `when` and then looks at `armed`; who
 * takes a timer out stores `armed` and then looks at `when`. With both in sequential order at least one sees the other.
 */

#include "hooks.h"
#include "timer.h"

void timer_init( struct timer *timer, struct strand *strand )
{
    timer->when = timer->armed = TIMER_NEVER;
    timer->index = 0;
    timer->owned = 0;
    timer->strand = strand;
}

static void heap_place( struct timers *timers, struct timer *timer, unsigned int index )
{
    timers->heap[index] = timer;
    timer->index = index;
}

static void heap_up( struct timers *timers, struct timer *timer, unsigned int index )
{
    while (index && timers->heap[(index - 1) / 2]->armed > timer->armed)
    {
        heap_place( timers, timers->heap[(index - 1) / 2], index );
        index = (index - 1) / 2;
    }
    heap_place( timers, timer, index );
}

static void heap_down( struct timers *timers, struct timer *timer, unsigned int index )
{
    unsigned int child;

    while ((child = 2 * index + 1) < timers->count)
    {
        if (child + 1 < timers->count && timers->heap[child + 1]->armed < timers->heap[child]->armed) child++;
        if (timers->heap[child]->armed >= timer->armed) break;
        heap_place( timers, timers->heap[child], index );
        index = child;
    }
    heap_place( timers, timer, index );
}

static void heap_remove( struct timers *timers, struct timer *timer )
{
    struct timer *last = timers->heap[--timers->count];
    unsigned int index = timer->index;

    if (last == timer) return;
    heap_place( timers, last, index );
    heap_up( timers, last, index );
    heap_down( timers, last, last->index );
}

int timers_own( struct timers *timers, struct timer *timer )
{
    if (timers->owned == timers->size)
    {
        unsigned int size = timers->size ? timers->size * 2 : 64;
        struct timer **heap = wh_realloc( timers->heap, size * sizeof(*heap) );

        if (!heap) return -1;
        timers->heap = heap;
        timers->size = size;
    }
    timers->owned++;
    timer->owned = 1;
    return 0;
}

void timers_drop( struct timers *timers, struct timer *timer )
{
    if (!timer->owned) return;
    timers_disarm( timers, timer );
    timer->owned = 0;
    timers->owned--;
}

void timers_arm( struct timers *timers, struct timer *timer, uint64_t when )
{
    uint64_t armed = __atomic_load_n( &timer->armed, __ATOMIC_SEQ_CST );

    if (armed <= when) return;
    if (armed == TIMER_NEVER) timer->index = timers->count++;
    __atomic_store_n( &timer->armed, when, __ATOMIC_SEQ_CST );
    heap_up( timers, timer, timer->index );
}

void timers_disarm( struct timers *timers, struct timer *timer )
{
    if (timer->armed != TIMER_NEVER) heap_remove( timers, timer );
    __atomic_store_n( &timer->armed, TIMER_NEVER, __ATOMIC_SEQ_CST );
}

uint64_t timers_next( const struct timers *timers )
{
    return timers->count ? timers->heap[0]->armed : TIMER_NEVER;
}

struct timer *timers_expire( struct timers *timers, uint64_t now_ms )
{
    struct timer *timer;
    uint64_t when;

    while (timers->count && (timer = timers->heap[0])->armed <= now_ms)
    {
        timers_disarm( timers, timer );
        when = __atomic_load_n( &timer->when, __ATOMIC_SEQ_CST );
        if (when <= now_ms) return timer;
        if (when != TIMER_NEVER) timers_arm( timers, timer, when );
    }
    return NULL;
}

void timers_free( struct timers *timers )
{
    wh_free( timers->heap );
    timers->heap = NULL;
    timers->count = timers->size = timers->owned = 0;
}
