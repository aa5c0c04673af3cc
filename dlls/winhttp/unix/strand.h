/*
 * Strands: serial execution without a lock per object
 *
 * Whatever needs exclusive use of a connection or a dial runs on its strand. A caller that finds the strand free runs
 * it on the spot; otherwise whoever runs it now runs it once more. Nobody ever waits, except in strand_enter.
 */

#ifndef WH_STRAND_H
#define WH_STRAND_H

#include "object.h"

struct strand
{
    int             state;          /* atomic: enum strand_state */
    struct strand  *next;           /* in the engine's ready queue */
    struct waiter  *waiter;         /* engine lock: the thread that waits for just this, and runs it itself */
    struct object  *owner;
    int           (*run)( struct object *owner );   /* 1: there is more to do, run me again later */
};

void strand_init( struct strand *strand, struct object *owner, int (*run)( struct object * ) );

/* Runs the strand now if nobody else does, else makes its runner go round once more. The caller holds a reference
 * on the owner. */
void strand_run( struct strand *strand );

/* Makes some thread in the wait run it. Any thread, also foreign ones. */
void strand_schedule( struct strand *strand );

/* For the engine: a strand taken from the ready queue. Gives up the queue's reference. */
void strand_run_queued( struct strand *strand );

/* Exclusive use for a few instructions, waiting for the present runner if there is one. The caller must not be on the
 * strand, and holds a reference on the owner. strand_leave makes up for runs that were asked for meanwhile. */
void strand_enter( struct strand *strand );
void strand_leave( struct strand *strand );

#endif /* WH_STRAND_H */
