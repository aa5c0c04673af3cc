/*
 * Completion workers
 *
 * One lock guards all queues: it is taken once per batch and twice per object that has events, never across a callback
 * or a unix call. Whoever takes an object off the ready list runs its events until the queue is empty; events that
 * arrive meanwhile are appended by others.
 *
 * Callbacks may block. So a worker that is about to run some makes sure that another one sits in the wait, or, with
 * work left on the ready list, is awake: the number grows to the soft limit, and beyond it only while all are stuck in
 * callbacks. A worker leaves after ten idle seconds; the last one only when no asynchronous operation is under way.
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
#define HARD_LIMIT   16
#define IDLE_MS      10000     /* how long a worker waits for something to do */
#define WATCH_MS     50        /* how often an idle worker looks for work that a blocked one has left */
#define STUCK_MS     100       /* a callback that takes longer counts as blocked */

struct worker
{
    struct event *spare;           /* a batch can always be taken in */
    unsigned int  spares;
    DWORD         busy_since;      /* GetTickCount when it began to run events, 0 = in the wait */
};

static SRWLOCK lock = SRWLOCK_INIT;            /* all below */
static struct object *ready_first, *ready_last;
static unsigned int ready_count;
static struct worker *workers[HARD_LIMIT];
static LONG worker_count;                      /* written under the lock, read without */
static unsigned int waiting;                   /* workers in the wait, or on their way into it */
static unsigned int waiting_long;              /* those of them that would not look around for long */
static BOOL wake_sent;                         /* and nobody has come back from the wait since */
static unsigned int limit;

static LONG operations;                        /* asynchronous ones under way */

static unsigned int soft_limit(void)
{
    SYSTEM_INFO info;

    if (!limit)
    {
        GetSystemInfo( &info );
        limit = min( info.dwNumberOfProcessors + 2, HARD_LIMIT );
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

/* Starts one more worker; lock held. It counts as waiting from now on. */
static BOOL worker_start(void)
{
    struct worker *worker;
    HMODULE module;
    HANDLE thread;
    unsigned int i;

    for (i = 0; i < HARD_LIMIT && workers[i]; i++) ;
    if (i == HARD_LIMIT) return FALSE;
    if (!(worker = calloc( 1, sizeof(*worker) ))) return FALSE;
    if (!GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)worker_proc, &module ))
    {
        free( worker );
        return FALSE;
    }
    if (!(thread = CreateThread( NULL, 0, worker_proc, worker, 0, NULL )))
    {
        ERR( "no thread (%lu)\n", GetLastError() );
        FreeLibrary( module );
        free( worker );
        return FALSE;
    }
    CloseHandle( thread );
    workers[i] = worker;
    worker_count++;
    waiting++;
    return TRUE;
}

/* Callbacks are about to run, and nobody is left in the wait: is it time for one more? Lock held. */
static BOOL need_worker( const struct worker *self )
{
    DWORD now;
    unsigned int i;

    if (waiting) return FALSE;
    if ((unsigned int)worker_count < soft_limit()) return TRUE;
    now = GetTickCount();
    for (i = 0; i < HARD_LIMIT; i++)
        if (workers[i] && workers[i] != self && (!workers[i]->busy_since || now - workers[i]->busy_since < STUCK_MS))
            return FALSE;
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

/* Spreads a batch over the objects' queues. Each event holds a use of its object. */
static void spread( struct worker *worker, const struct wh_record *records, unsigned int count )
{
    struct object *objects[BATCH];
    struct event *event;
    unsigned int i;

    for (i = 0; i < count; i++)
        if (!(objects[i] = object_enter_cookie( records[i].cookie )))
            TRACE( "record %u of a finished object\n", records[i].kind );

    AcquireSRWLockExclusive( &lock );
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

static void run_ready( struct worker *worker )
{
    struct object *obj;
    BOOL wake;

    AcquireSRWLockExclusive( &lock );
    worker->busy_since = GetTickCount() | 1;
    while ((obj = ready_pop()))
    {
        if (!obj->non_blocking && need_worker( worker )) worker_start();
        if ((wake = !obj->non_blocking && need_wake())) wake_sent = TRUE;
        ReleaseSRWLockExclusive( &lock );

        if (wake) wake_worker();
        run_object( worker, obj );

        AcquireSRWLockExclusive( &lock );
        worker->busy_since = GetTickCount() | 1;
    }
    worker->busy_since = 0;
    waiting++;
    ReleaseSRWLockExclusive( &lock );
}

static DWORD CALLBACK worker_proc( void *arg )
{
    struct wh_record records[BATCH];
    struct worker *worker = arg;
    struct wh_wait_params params = { 0 };
    struct event *event;
    HMODULE module = NULL;
    DWORD idle = 0, start;
    unsigned int i;
    BOOL quit = FALSE, watch;

    TRACE( "started\n" );
    params.records = wh_from_ptr( records );
    while (!quit)
    {
        params.capacity = spare_fill( worker );

        AcquireSRWLockExclusive( &lock );
        watch = (unsigned int)worker_count > waiting;    /* somebody is out in callbacks */
        if (!watch) waiting_long++;
        ReleaseSRWLockExclusive( &lock );

        start = GetTickCount();
        params.timeout_ms = watch ? WATCH_MS : IDLE_MS - min( idle, IDLE_MS - 1 );
        params.count = 0;
        if (wh_wait( &params ) != WH_DONE) ERR( "wait was refused\n" );
        if (params.count) spread( worker, records, params.count );
        idle = params.count ? 0 : idle + (GetTickCount() - start);

        AcquireSRWLockExclusive( &lock );
        waiting--;
        if (!watch) waiting_long--;
        wake_sent = FALSE;
        if (!ready_count && idle >= IDLE_MS)
        {
            worker_count--;
            MemoryBarrier();
            /* worker_operation_begin counts its operation before it looks for a worker. */
            quit = worker_count > 0 || !*(volatile LONG *)&operations;
            if (!quit)
            {
                worker_count++;
                idle = 0;
            }
        }
        if (quit) for (i = 0; i < HARD_LIMIT; i++) if (workers[i] == worker) workers[i] = NULL;
        ReleaseSRWLockExclusive( &lock );

        if (!quit) run_ready( worker );
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
    if (*(volatile LONG *)&worker_count) return ERROR_SUCCESS;

    AcquireSRWLockExclusive( &lock );
    if (!worker_count && !worker_start()) err = ERROR_NOT_ENOUGH_MEMORY;
    ReleaseSRWLockExclusive( &lock );
    if (err) InterlockedDecrement( &operations );
    return err;
}

void worker_operation_end(void)
{
    InterlockedDecrement( &operations );
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

void worker_set_limit( DWORD count )
{
    AcquireSRWLockExclusive( &lock );
    limit = min( count, HARD_LIMIT );
    ReleaseSRWLockExclusive( &lock );
}
