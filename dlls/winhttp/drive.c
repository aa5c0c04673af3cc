/*
 * Synchronous waiting: the threads that wait for operations of one exchange
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "drive.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define BATCH 8    /* records fetched at once */

void drive_init( struct drive *drive, const struct drive_ops *ops, struct object *obj, SRWLOCK *lock, const wh_id *exchange )
{
    drive->ops      = ops;
    drive->obj      = obj;
    drive->lock     = lock;
    drive->exchange = exchange;
    InitializeConditionVariable( &drive->driven );
}

/* Waits for records, once. Returns the SIDE_* that have their result now. */
static unsigned int drive_once( struct drive *drive, wh_id exchange, unsigned int side )
{
    struct wh_record records[BATCH];
    struct wh_wait_params params = { .exchange = exchange };
    unsigned int i, done = 0;

    params.records    = wh_from_ptr( records );
    params.capacity   = ARRAYSIZE( records );
    params.timeout_ms = ~0u;
    if (wh_wait( &params ) != WH_DONE)
    {
        ERR( "%p: wait was refused\n", drive->obj->handle );
        drive->ops->refused( drive->obj, side );
        return side;
    }
    for (i = 0; i < params.count; i++) done |= drive->ops->record( drive->obj, &records[i] );
    return done;
}

void drive_wait( struct drive *drive, unsigned int side )
{
    DWORD self = GetCurrentThreadId(), outer;
    unsigned int done;
    wh_id exchange;

    AcquireSRWLockExclusive( drive->lock );
    while (!(drive->finished & side))
    {
        if (drive->driver && drive->driver != self)
        {
            drive->passengers++;
            SleepConditionVariableSRW( &drive->driven, drive->lock, INFINITE, 0 );
            drive->passengers--;
            continue;
        }
        outer = drive->driver;    /* this thread itself, if a callback has called again */
        drive->driver = self;
        exchange = *drive->exchange;
        ReleaseSRWLockExclusive( drive->lock );

        done = drive_once( drive, exchange, side );

        AcquireSRWLockExclusive( drive->lock );
        drive->finished |= done;
        drive->driver = outer;
        if (drive->passengers) WakeAllConditionVariable( &drive->driven );
    }
    drive->finished &= ~side;
    ReleaseSRWLockExclusive( drive->lock );
}
