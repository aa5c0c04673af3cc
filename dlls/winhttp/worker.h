/*
 * Completion workers: the threads of asynchronous handles
 *
 * Started with the first asynchronous operation; by synchronous programs only for a WebSocket, which the peer may ask
 * something while the program is in no call, and for connections that have to be looked after when it has left. A worker
 * fetches records of the Unix side in batches, puts each into its object's queue, and then runs the queues: events of one
 * object in order and on one thread at a time, different objects on as many workers as are free.
 */

#ifndef WINHTTP_WORKER_H
#define WINHTTP_WORKER_H

#include "object.h"

enum event_kind
{
    EVENT_RECORD,            /* a record of the Unix side */
    EVENT_SEND_DONE,         /* the operation of the sending side has its result: deliver it */
    EVENT_RECEIVE_DONE,      /* the same for the receiving side */
    EVENT_FOLLOW,            /* an operation goes on: the receiving one to its next leg, the sending one to its first */
};

struct event
{
    struct event    *next;
    enum event_kind  kind;
    BOOL             pooled;     /* worker.c's own */
    struct wh_record record;     /* EVENT_RECORD */
};

/* An asynchronous operation begins: makes sure that a worker runs until worker_operation_end. Call before the Unix side
 * hears of it. Returns 0 or ERROR_NOT_ENOUGH_MEMORY (then there is no operation). */
DWORD worker_operation_begin( void );
void worker_operation_end( void );

/* The transport has something to finish in the next seconds for which no operation stands: makes sure that a worker is
 * there. Without memory for one it is finished during the next call. */
void worker_attend( void );

/* Puts an event into the queue of an object; `event` is lent until its handler runs. The caller is a user of the object,
 * and hands one use over: it is left after the event. */
void worker_post( struct object *obj, struct event *event );

/* WINHTTP_OPTION_WORKER_THREAD_COUNT; 0 = the default. FALSE: it was set before, or is in use. */
BOOL worker_set_limit( DWORD count );

#endif /* WINHTTP_WORKER_H */
