#if 0
#pragma makedep unix
#endif

/*
 * Strands: serial execution without a lock per object
 *
 * IDLE -> RUNNING        a caller runs it inline
 * IDLE -> QUEUED         it waits in the ready queue, which holds a reference on the owner
 * QUEUED -> RUNNING      taken from the queue, or stolen by an inline caller (the queue's entry then finds it is not
 *                        QUEUED any more and only drops its reference)
 * RUNNING -> RERUN       somebody asked while it ran
 * RUNNING -> IDLE        done
 *
 * A stolen entry stays linked in the queue, so `queued` entries are told apart by the state alone; a strand is linked at
 * most once because LINKED is kept beside the state.
 */

#include <sched.h>

#include "engine.h"
#include "strand.h"

enum strand_state { STRAND_IDLE, STRAND_QUEUED, STRAND_RUNNING, STRAND_RERUN, STRAND_STATE_MASK = 3 };

#define STRAND_LINKED 4    /* in the ready queue, whatever the state */

void strand_init( struct strand *strand, struct object *owner, int (*run)( struct object * ) )
{
    strand->state = STRAND_IDLE;
    strand->next = NULL;
    strand->waiter = NULL;
    strand->owner = owner;
    strand->run = run;
}

static int strand_swap( struct strand *strand, int *seen, int state )
{
    return __atomic_compare_exchange_n( &strand->state, seen, state, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE );
}

/* RUNNING or RERUN is ours: to QUEUED, for the engine to run later. */
static void strand_requeue( struct strand *strand )
{
    int seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );

    while (!strand_swap( strand, &seen, STRAND_QUEUED | STRAND_LINKED )) ;
    if (seen & STRAND_LINKED) return;    /* an entry is still there and will serve */
    object_ref( strand->owner );
    engine_push_ready( strand );
}

/* RUNNING is ours. Runs until nobody asks any more; a strand that always has more goes through the queue. */
static void strand_go( struct strand *strand )
{
    int seen, more, rounds = 0;

    for (;;)
    {
        more = strand->run( strand->owner );
        if (more || ++rounds == 16)
        {
            strand_requeue( strand );
            return;
        }
        seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );
        for (;;)
        {
            int rerun = (seen & STRAND_STATE_MASK) == STRAND_RERUN;

            if (strand_swap( strand, &seen, (rerun ? STRAND_RUNNING : STRAND_IDLE) | (seen & STRAND_LINKED) ))
            {
                if (!rerun) return;
                break;
            }
        }
    }
}

/* IDLE or QUEUED -> RUNNING: 1. RUNNING -> RERUN (if `rerun`): 0. */
static int strand_take( struct strand *strand, int rerun )
{
    int seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );

    for (;;)
    {
        int linked = seen & STRAND_LINKED;

        switch (seen & STRAND_STATE_MASK)
        {
        case STRAND_IDLE:
        case STRAND_QUEUED:
            if (strand_swap( strand, &seen, STRAND_RUNNING | linked )) return 1;
            break;
        default:
            if (!rerun || (seen & STRAND_STATE_MASK) == STRAND_RERUN) return 0;
            if (strand_swap( strand, &seen, STRAND_RERUN | linked )) return 0;
            break;
        }
    }
}

void strand_run( struct strand *strand )
{
    if (strand_take( strand, 1 )) strand_go( strand );
}

void strand_schedule( struct strand *strand )
{
    int seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );

    for (;;)
    {
        int linked = seen & STRAND_LINKED;

        switch (seen & STRAND_STATE_MASK)
        {
        case STRAND_IDLE:
            if (!strand_swap( strand, &seen, STRAND_QUEUED | STRAND_LINKED )) break;
            if (linked) return;
            object_ref( strand->owner );
            engine_push_ready( strand );
            return;
        case STRAND_RUNNING:
            if (strand_swap( strand, &seen, STRAND_RERUN | linked )) return;
            break;
        default:
            return;
        }
    }
}

void strand_run_queued( struct strand *strand )
{
    struct object *owner = strand->owner;
    int seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );

    for (;;)
    {
        int queued = (seen & STRAND_STATE_MASK) == STRAND_QUEUED;

        if (strand_swap( strand, &seen, queued ? STRAND_RUNNING : seen & STRAND_STATE_MASK ))
        {
            if (queued) strand_go( strand );
            break;
        }
    }
    object_release( owner );
}

void strand_enter( struct strand *strand )
{
    int seen;

    for (;;)
    {
        seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );
        switch (seen & STRAND_STATE_MASK)
        {
        case STRAND_IDLE:
            if (strand_swap( strand, &seen, STRAND_RUNNING | (seen & STRAND_LINKED) )) return;
            break;
        case STRAND_QUEUED:    /* the run that was due happens in strand_leave */
            if (strand_swap( strand, &seen, STRAND_RERUN | (seen & STRAND_LINKED) )) return;
            break;
        default:
            sched_yield();
            break;
        }
    }
}

void strand_leave( struct strand *strand )
{
    int seen = __atomic_load_n( &strand->state, __ATOMIC_ACQUIRE );

    for (;;)
    {
        int rerun = (seen & STRAND_STATE_MASK) == STRAND_RERUN;

        if (strand_swap( strand, &seen, (rerun ? STRAND_RUNNING : STRAND_IDLE) | (seen & STRAND_LINKED) ))
        {
            if (rerun) strand_go( strand );
            return;
        }
    }
}
