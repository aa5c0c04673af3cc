/*
 * Synchronous waiting: the threads that wait for operations of one exchange
 *
 * Two threads, one for each direction, may wait at once: one drives the engine for both, the other sleeps, and drives on
 * when the first has what it wants. So notifications of one direction may come on the thread of the other.
 */

#ifndef WINHTTP_DRIVE_H
#define WINHTTP_DRIVE_H

#include "object.h"

#define SIDE_SEND    1
#define SIDE_RECEIVE 2

struct drive_ops
{
    /* Takes a record of the exchange. Returns the SIDE_* whose operation has its result now. */
    unsigned int (*record)( struct object *obj, const struct wh_record *record );
    void (*refused)( struct object *obj, unsigned int side );    /* no wait: an internal error is the operation's result */
};

struct drive
{
    const struct drive_ops *ops;
    struct object   *obj;            /* whose operations they are */
    SRWLOCK         *lock;           /* its own: guards the rest, and */
    const wh_id     *exchange;       /* what is waited for */
    DWORD            driver;         /* thread that waits for records, 0 = none; */
    DWORD            passengers;     /* those that sleep on `driven` meanwhile */
    CONDITION_VARIABLE driven;
    unsigned int     finished;       /* SIDE_* whose operation has its result, and whose thread has not seen it yet */
};

/* `drive` is all zero. */
void drive_init( struct drive *drive, const struct drive_ops *ops, struct object *obj, SRWLOCK *lock, const wh_id *exchange );

/* Until the operation of `side` has its result. Not under the lock. */
void drive_wait( struct drive *drive, unsigned int side );

#endif /* WINHTTP_DRIVE_H */
