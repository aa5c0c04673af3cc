/*
 * Deadlines: a heap with lazy re-arming
 *
 * Activity moves a field, not the heap: a timer whose deadline was moved out is found by the heap at its old time and
 * put back. So a connection that is used all the time costs the heap nothing. The heap belongs to the engine lock.
 */

#ifndef WH_TIMER_H
#define WH_TIMER_H

#include <stdint.h>

#define TIMER_NEVER (~(uint64_t)0)

struct strand;

struct timer
{
    uint64_t       when;         /* atomic: the deadline in ms of the engine's clock */
    uint64_t       armed;        /* atomic, written under the lock: the heap looks at it then; TIMER_NEVER: not in it */
    unsigned int   index;        /* in the heap */
    int            owned;        /* has its place */
    struct strand *strand;       /* scheduled when the deadline has passed; compares `when` with the clock itself */
};

struct timers
{
    struct timer **heap;
    unsigned int   count, size;
    unsigned int   owned;        /* timers that exist: there is room for all of them, so arming one cannot fail */
};

void timer_init( struct timer *timer, struct strand *strand );

/* Makes sure of a place for the timer, until timers_drop. Lock held. 0, or -1 without memory. */
int timers_own( struct timers *timers, struct timer *timer );

/* Takes the timer out and gives up its place: nobody looks at it any more. Lock held. Harmless without a place. */
void timers_drop( struct timers *timers, struct timer *timer );

/* Puts a timer that has a place into the heap, or to an earlier place there. Lock held. */
void timers_arm( struct timers *timers, struct timer *timer, uint64_t when );

/* Takes a timer out. Lock held. */
void timers_disarm( struct timers *timers, struct timer *timer );

/* The next time the heap wants to be looked at; TIMER_NEVER if it is empty. Lock held. */
uint64_t timers_next( const struct timers *timers );

/* Takes out one timer whose deadline has passed at now_ms; NULL when there is none left. Lock held. */
struct timer *timers_expire( struct timers *timers, uint64_t now_ms );

void timers_free( struct timers *timers );

#endif /* WH_TIMER_H */
