/*
 * Completion workers
 *
 * One lock guards all queues: it is taken once per batch and twice per object that has events, never across a callback,
 * a unix call or the start of a thread. Whoever takes an object off the ready list runs its events until the queue is
 * empty; events that arrive meanwhile are appended by others.
 *
 * One thread is enough while callbacks are short: two would only pass the work to and fro. But callbacks may block, even
 * until another request has its own callback. So the last worker that is not out in callbacks is the guard. It fetches
 * records, and leaves them to the others as long as one of them gets on; it goes out itself only when all are stuck or
 * do not keep up, and when it leaves another guard behind. With callbacks that return the number stays at two; up to
 * the limit it grows when they are slow, and beyond it only while all are stuck. A worker leaves after ten idle seconds,
 * one beyond the limit after one; the last one only when no asynchronous operation is under way.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "transport.h"
#include "worker.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define BATCH        64        /* records fetched at once: 8 KiB of stack */
#define BUSY_LIMIT   16        /* workers for callbacks that are slow, whatever the processors and the program say, */
#define HARD_LIMIT   256       /* and for such as block: a program may wait in each for another request's */
#define IDLE_MS      10000     /* how long a worker waits for something to do, */
#define SURPLUS_MS   1000      /* and one that was started because the others were stuck */
#define ATTEND_MS    5000      /* how long one stays after worker_attend; what it is for is given up after 2000 */
#define LOOK_MS      20        /* how often a worker in the wait looks for work that a stuck one has left, */
#define LOOK_FOR_MS  1000      /* and for how long after the last batch; then it has to be woken */
#define SLOW_MS      20        /* callbacks that take longer get help, up to the limit; ticks may be 16 ms apart */
#define STUCK_MS     100       /* a callback that takes longer counts as blocked beyond the limit, too */

struct worker
{
    struct event *spare;           /* a batch can always be taken in */
    unsigned int  spares;
    BOOL          out;             /* runs events; else in the wait, or on its way */
    DWORD         out_since;       /* GetTickCount when it came out of the wait, */
    DWORD         run_since;       /* and when it took its present object */
};

static SRWLOCK start_lock = SRWLOCK_INIT;      /* one thread is started at a time; taken before `lock` */
static volatile LONG starting;                 /* counted in worker_count, but not yet known to run */

static SRWLOCK lock = SRWLOCK_INIT;            /* all below */
static struct object *ready_first, *ready_last;
static unsigned int ready_count;
static struct worker *workers[HARD_LIMIT];
static LONG worker_count;                      /* written under the lock, read without */
static unsigned int waiting;                   /* workers in the wait, or on their way into it */
static unsigned int waiting_long;              /* those of them that would not look around for long */
static DWORD last_batch;                       /* GetTickCount when a worker last came back with records */
static BOOL wake_sent;                         /* and nobody has come back from the wait since */
static unsigned int limit;
static DWORD batch_taken;                      /* the last batch whose records are in the queues */
static BOOL batch_known;                       /* batch_taken has its start value */
static unsigned int batch_waiters;
static CONDITION_VARIABLE batch_order = CONDITION_VARIABLE_INIT;

static LONG operations;                        /* asynchronous ones under way */
static volatile LONG attended;                 /* GetTickCount of the last worker_attend */

static unsigned int soft_limit(void)
{
    SYSTEM_INFO info;

    if (!limit)
    {
        GetSystemInfo( &info );
        limit = min( info.dwNumberOfProcessors + 1, BUSY_LIMIT );
    }
    return limit;
}

/*--- queues; lock held ---------------------------------------------------------------------------------------------*/

static void ready_push( struct object *obj )
{
    obj->events.next_ready = NULL;
    if (ready_last) ready_last->events.next_ready = obj;
    else ready_first = obj;
    ready_last = obj;
    ready_count++;
}

static struct object *ready_pop(void)
{
    struct object *obj = ready_first;

    if (!obj) return NULL;
    if (!(ready_first = obj->events.next_ready)) ready_last = NULL;
    ready_count--;
    return obj;
}

static void queue_append( struct object *obj, struct event *event )
{
    struct event_queue *queue = &obj->events;

    event->next = NULL;
    if (queue->first) queue->last->next = event;
    else queue->first = event;
    queue->last = event;
    if (queue->running) return;
    queue->running = TRUE;
    ready_push( obj );
}

/* Work is left on the ready list, and no waiting worker would look at it soon? */
static BOOL need_wake(void)
{
    return ready_count && waiting && waiting_long == waiting && !wake_sent;
}

/* Not under the lock. */
static void wake_worker(void)
{
    struct wh_wake_params params = { 1, 0 };

    wh_wake( &params );
}

/*--- threads -------------------------------------------------------------------------------------------------------*/

static DWORD CALLBACK worker_proc( void *arg );

/* Enters a new worker in the table, as one on its way into the wait; NULL at the limit or without memory. */
static struct worker *worker_enter(void)
{
    struct worker *worker = calloc( 1, sizeof(*worker) );
    unsigned int i;

    if (!worker) return NULL;
    AcquireSRWLockExclusive( &lock );
    for (i = 0; i < HARD_LIMIT && workers[i]; i++) ;
    if (i < HARD_LIMIT)
    {
        workers[i] = worker;
        worker_count++;
        waiting++;
    }
    ReleaseSRWLockExclusive( &lock );
    if (i < HARD_LIMIT) return worker;
    free( worker );
    return NULL;
}

/* The worker is in the wait, as far as the counts know, and does not come back from it; lock held. */
static void worker_remove( struct worker *worker )
{
    unsigned int i;

    for (i = 0; i < HARD_LIMIT; i++) if (workers[i] == worker) workers[i] = NULL;
    worker_count--;
}

/* start_lock held: whoever sees the worker in the counts before its thread exists can wait for that. */
static BOOL worker_start(void)
{
    struct worker *worker;
    HMODULE module = NULL;
    HANDLE thread = NULL;

    InterlockedIncrement( &starting );
    if ((worker = worker_enter()))
    {
        if (GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)worker_proc, &module ))
            thread = CreateThread( NULL, 0, worker_proc, worker, 0, NULL );
        if (!thread)
        {
            ERR( "no thread (%lu)\n", GetLastError() );
            AcquireSRWLockExclusive( &lock );
            worker_remove( worker );
            waiting--;
            ReleaseSRWLockExclusive( &lock );
            free( worker );
            if (module) FreeLibrary( module );
        }
        else CloseHandle( thread );
    }
    InterlockedDecrement( &starting );
    return thread != NULL;
}

/* Nobody is left in the wait: starts a guard, unless somebody has come back meanwhile. Not under the lock. */
static void worker_start_guard(void)
{
    BOOL needed;

    AcquireSRWLockExclusive( &start_lock );
    AcquireSRWLockShared( &lock );
    needed = !waiting;
    ReleaseSRWLockShared( &lock );
    if (needed) worker_start();
    ReleaseSRWLockExclusive( &start_lock );
}

/* Nobody else is left in the wait. May this worker run callbacks, and leave the wait to one that it starts, or does one
 * of the others get on? That one takes what is ready before it waits. Lock held. */
static BOOL may_go_out( const struct worker *self )
{
    BOOL below = (unsigned int)worker_count < soft_limit();
    DWORD now, limit_ms = below ? SLOW_MS : STUCK_MS;
    unsigned int i;

    if (worker_count == 1) return TRUE;
    now = GetTickCount();
    for (i = 0; i < HARD_LIMIT; i++)
    {
        if (!workers[i] || workers[i] == self || !workers[i]->out) continue;
        if (now - workers[i]->run_since >= limit_ms) continue;
        if (below && now - workers[i]->out_since >= limit_ms) continue;    /* gets on, but does not keep up */
        return FALSE;
    }
    return TRUE;
}

static void spare_put( struct worker *worker, struct event *event )
{
    if (worker->spares >= 2 * BATCH)
    {
        free( event );
        return;
    }
    event->next = worker->spare;
    worker->spare = event;
    worker->spares++;
}

/* How many records may be fetched; at least 1. */
static unsigned int spare_fill( struct worker *worker )
{
    struct event *event;

    while (worker->spares < BATCH)
    {
        if ((event = malloc( sizeof(*event) ))) spare_put( worker, event );
        else if (worker->spares) break;
        else Sleep( 10 );    /* completions must not be lost: somebody will free memory */
    }
    return min( worker->spares, BATCH );
}

/* Two workers may hold batches with records of one object: the earlier batch goes into the queues first. Its worker is
 * on its way, nothing can hold it up. Lock held. */
static void await_turn( DWORD batch )
{
    if (!batch_known)
    {
        batch_taken = transport_batches();
        batch_known = TRUE;
    }
    while (batch_taken != batch - 1)
    {
        batch_waiters++;
        SleepConditionVariableSRW( &batch_order, &lock, INFINITE, 0 );
        batch_waiters--;
    }
}

/* Spreads a batch over the objects' queues. Each event holds a use of its object. */
static void spread( struct worker *worker, const struct wh_record *records, unsigned int count, DWORD batch )
{
    struct object *objects[BATCH];
    struct event *event;
    unsigned int i;

    for (i = 0; i < count; i++)
        if (!(objects[i] = object_enter_cookie( records[i].cookie )))
            TRACE( "record %u of a finished object\n", records[i].kind );

    AcquireSRWLockExclusive( &lock );
    await_turn( batch );
    for (i = 0; i < count; i++)
    {
        if (!objects[i]) continue;
        event = worker->spare;
        worker->spare = event->next;
        worker->spares--;
        event->kind   = EVENT_RECORD;
        event->pooled = TRUE;
        event->record = records[i];
        queue_append( objects[i], event );
    }
    batch_taken = batch;
    if (batch_waiters) WakeAllConditionVariable( &batch_order );
    ReleaseSRWLockExclusive( &lock );
}

/* Runs the events of one object. Each event holds a use, so the object stays until the last one is left, and that
 * happens after the queue was seen to be empty. */
static void run_object( struct worker *worker, struct object *obj )
{
    struct event *event, *next;

    AcquireSRWLockExclusive( &lock );
    event = obj->events.first;
    obj->events.first = NULL;
    ReleaseSRWLockExclusive( &lock );

    for (; event; event = next)
    {
        BOOL pooled = event->pooled;    /* another kind may be posted again by its handler */

        next = event->next;
        obj->ops->event( obj, event );
        if (pooled) spare_put( worker, event );
        if (!next)
        {
            AcquireSRWLockExclusive( &lock );
            if (!obj->events.first) obj->events.running = FALSE;
            else ready_push( obj );     /* behind the others */
            ReleaseSRWLockExclusive( &lock );
        }
        object_leave( obj );
    }
}

/* Lock held on entry and on return, not meanwhile. */
static void run_ready( struct worker *worker )
{
    struct object *obj;
    BOOL guard, wake;

    while ((obj = ready_first))
    {
        guard = !obj->non_blocking && !waiting;
        if (guard && !may_go_out( worker )) break;
        ready_pop();
        if (!worker->out) worker->out_since = GetTickCount();
        worker->run_since = GetTickCount();
        worker->out = TRUE;
        if ((wake = !obj->non_blocking && need_wake())) wake_sent = TRUE;
        ReleaseSRWLockExclusive( &lock );

        if (guard) worker_start_guard();
        if (wake) wake_worker();
        run_object( worker, obj );

        AcquireSRWLockExclusive( &lock );
    }
    worker->out = FALSE;
}

/* One wait, and what it brings goes into the queues. Returns FALSE if that was nothing. */
static BOOL fetch( struct worker *worker, struct wh_record *records, DWORD idle )
{
    struct wh_wait_params params = { 0 };
    BOOL look;

    params.records  = wh_from_ptr( records );
    params.capacity = spare_fill( worker );

    AcquireSRWLockExclusive( &lock );
    look = (unsigned int)worker_count > waiting || (worker_count > 1 && GetTickCount() - last_batch < LOOK_FOR_MS);
    if (!look) waiting_long++;
    ReleaseSRWLockExclusive( &lock );

    params.timeout_ms = look ? LOOK_MS : IDLE_MS - min( idle, IDLE_MS - 1 );
    if (wh_wait( &params ) != WH_DONE) ERR( "wait was refused\n" );
    if (params.count) spread( worker, records, params.count, params.batch );

    AcquireSRWLockExclusive( &lock );
    if (!look) waiting_long--;
    if (params.count) last_batch = GetTickCount();
    ReleaseSRWLockExclusive( &lock );
    return params.count != 0;
}

/* Ten seconds without anything to do: the last worker stays while operations are under way. Lock held. */
static BOOL worker_may_quit( struct worker *worker )
{
    worker_remove( worker );
    MemoryBarrier();
    /* worker_operation_begin counts its operation before it looks for a worker; worker_attend has noted the time by then. */
    if (worker_count > 0 || (!*(volatile LONG *)&operations && GetTickCount() - attended >= ATTEND_MS)) return TRUE;
    workers[0] = worker;    /* it was the only one */
    worker_count++;
    return FALSE;
}

static DWORD CALLBACK worker_proc( void *arg )
{
    struct wh_record records[BATCH];
    struct worker *worker = arg;
    struct event *event;
    HMODULE module = NULL;
    DWORD idle = 0, start, patience;
    BOOL quit = FALSE;

    TRACE( "started\n" );
    while (!quit)
    {
        start = GetTickCount();
        if (fetch( worker, records, idle )) idle = 0;
        else idle += GetTickCount() - start;

        AcquireSRWLockExclusive( &lock );
        waiting--;
        wake_sent = FALSE;
        if (ready_count) idle = 0;
        run_ready( worker );
        patience = (unsigned int)worker_count > soft_limit() ? SURPLUS_MS : IDLE_MS;
        if (idle >= patience && !(quit = worker_may_quit( worker ))) idle = 0;
        if (!quit) waiting++;
        ReleaseSRWLockExclusive( &lock );
    }

    while ((event = worker->spare))
    {
        worker->spare = event->next;
        free( event );
    }
    free( worker );
    TRACE( "idle\n" );
    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (const WCHAR *)worker_proc, &module );
    FreeLibraryAndExitThread( module, 0 );
}

/*--- for the rest of the module ------------------------------------------------------------------------------------*/

DWORD worker_operation_begin(void)
{
    DWORD err = ERROR_SUCCESS;

    InterlockedIncrement( &operations );
    if (*(volatile LONG *)&worker_count > starting) return ERROR_SUCCESS;

    AcquireSRWLockExclusive( &start_lock );
    if (!*(volatile LONG *)&worker_count && !worker_start()) err = ERROR_NOT_ENOUGH_MEMORY;
    ReleaseSRWLockExclusive( &start_lock );
    if (err) InterlockedDecrement( &operations );
    return err;
}

void worker_operation_end(void)
{
    InterlockedDecrement( &operations );
}

void worker_attend(void)
{
    InterlockedExchange( &attended, GetTickCount() );
    if (!worker_operation_begin()) worker_operation_end();
}

void worker_post( struct object *obj, struct event *event )
{
    BOOL wake;

    event->pooled = FALSE;
    AcquireSRWLockExclusive( &lock );
    queue_append( obj, event );
    /* A worker that is out looks at the ready list before it waits again, but may be stuck in a callback until then. */
    wake = waiting == (unsigned int)worker_count || (!obj->non_blocking && need_wake());
    if (wake) wake_sent = TRUE;
    ReleaseSRWLockExclusive( &lock );
    if (wake) wake_worker();
}

BOOL worker_set_limit( DWORD count )
{
    BOOL ret;

    AcquireSRWLockExclusive( &lock );
    if ((ret = !limit && !worker_count))
    {
        limit = min( count, BUSY_LIMIT );
        soft_limit();    /* 0 is a choice, too */
    }
    ReleaseSRWLockExclusive( &lock );
    return ret;
}
