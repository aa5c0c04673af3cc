/*
 * The engine: threads in the wait, the ready queue, deadlines, finished operations
 *
 * There is no I/O thread. A thread in engine_wait (1) takes finished records, (2) else runs a ready strand, (3) else, if
 * nobody leads, sleeps in the loop and runs what becomes ready, (4) else sleeps until it is woken.
 */

#ifndef WH_ENGINE_H
#define WH_ENGINE_H

#include "object.h"
#include "strand.h"
#include "timer.h"

struct exchange;

/* One record to come: in a queue from the moment it is due until a wait fetches it. */
struct note
{
    struct note      *next;
    struct exchange  *exchange;
    struct wh_record *progress;      /* a progress record, owned with the note; NULL: a completion, made from its op */
    uint32_t          kind;          /* enum wh_kind */
};

struct note_queue { struct note *head, **tail; };

enum wh_error engine_start( void );        /* harmless when it runs already */
uint32_t engine_batches( void );           /* handed out so far by wait(0) */
void engine_stop( void );                  /* for tests: nobody waits, no object is alive */

uint64_t engine_now_ms( void );            /* monotonic; cheap, some milliseconds coarse */
uint64_t engine_now_us( void );            /* monotonic; exact */

/* Queues a strand (which is QUEUED, with a reference held for the queue) and wakes a thread for it if needed. */
void engine_push_ready( struct strand *strand );

/* Gives the timer of a strand its place among the deadlines, so that moving it cannot fail later. WHE_NO_MEMORY if there
 * is none. */
enum wh_error engine_own_timer( struct timer *timer, struct strand *strand );

/* Moves a deadline; TIMER_NEVER stops it. Called on the timer's strand (or before it runs for the first time). */
void engine_set_timer( struct timer *timer, uint64_t when_ms );

/* Takes the timer out for good: its memory goes away. Harmless if it never got a place. */
void engine_drop_timer( struct timer *timer );

/* Queues a note for whoever waits for its exchange. The note's exchange is referenced until it is fetched. May be called
 * with the exchange's lock held; notes posted under it are queued in the order of their reasons. */
void engine_post( struct note *note );

/* One more asynchronous exchange is alive, or one less. */
void engine_count_async( int delta );

/* Throws away what nobody will fetch (a synchronous exchange that is being closed). */
void engine_discard_notes( struct exchange *exchange );

uint32_t engine_wait( struct wh_wait_params *params );
uint32_t engine_wake( struct wh_wake_params *params );

#endif /* WH_ENGINE_H */
