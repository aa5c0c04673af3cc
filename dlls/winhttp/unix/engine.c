#if 0
#pragma makedep unix
#endif

/*
 * The engine: threads in the wait, the ready queue, deadlines, finished operations
 *
 * Threads. At most one thread leads, that is, sleeps in the loop. A thread that waits for one synchronous exchange
 * leaves as soon as its record is there and passes the lead on to another such thread. A completion worker that leaves
 * with records is expected back soon, so it wakes nobody: the hand-over would cost more than the callbacks. Instead the
 * workers that sleep look around every SLICE_MS while the engine is busy, and take the lead if it has been given up and
 * not taken back; so a callback that blocks holds nobody up for longer than that.
 *
 * A worker of a program that has synchronous exchanges only is a caretaker: it looks after what their callers have left
 * behind, the rest of a body or an open WebSocket, and leads only while none of them is there. It leaves the lead to them for
 * a slice after each call, so that a program that calls all the time pays for no hand-over.
 *
 * A thread that is terminated in the wait leaves it by its thread-specific destructor: what it led or slept for is
 * passed on. What it was running stays half done; Windows does not promise more.
 *
 * The lock guards everything in `engine` and is never held across a system call that can block. It may be taken with an
 * exchange's lock held, never the other way round.
 */

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "conn.h"
#include "engine.h"
#include "exchange.h"
#include "futex.h"
#include "hooks.h"
#include "loop.h"

#define SLICE_MS     10      /* how long a blocking callback may hold up the others */
#define MAX_WAKES    16      /* wakes kept for workers that are on their way into the wait */
#define IDLE_SLICES  100     /* slices without any activity after which a worker sleeps without looking around */

struct waiter
{
    struct waiter   *next, *prev;    /* among the sleepers */
    struct exchange *exchange;       /* synchronous: what it waits for; NULL: a worker */
    struct conn     *conn;           /* and the connection that carries it, or NULL */
    struct strand   *mine;           /* handed over to be run by this thread */
    int              futex;          /* 0 asleep, 1 woken */
    int              sleeping;       /* in the list of sleepers */
    int              deep;           /* sleeps without slices */
};

static struct
{
    pthread_mutex_t   lock;
    int               running;
    pthread_key_t     leave_key;      /* of threads that have been in the wait */
    int               has_key;
    struct strand    *ready_head, **ready_tail;
    struct timers     timers;
    struct waiter    *leader;
    uint64_t          leader_until;   /* when the leader looks around again */
    struct waiter    *sleepers;       /* newest first */
    struct note_queue notes;          /* of asynchronous exchanges */
    unsigned int      note_count;
    uint32_t          batches;        /* of asynchronous records handed out */
    unsigned int      workers;        /* threads in wait(0) */
    unsigned int      leaves;         /* how often a worker left with records */
    unsigned int      wakes;          /* threads in wait(0) that still have to return */
    unsigned int      callers;        /* threads in wait(exchange) */
    unsigned int      calls;          /* how often one of those has left */
    unsigned int      async_count;    /* atomic: asynchronous exchanges that are alive */
} engine = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread struct waiter own;     /* this thread as a waiter; the stack would not outlive a termination */
static __thread struct waiter *self;   /* &own while this thread is in engine_wait */
static __thread int leaves_by_key;     /* it has a value under leave_key */

static void thread_exit( void *arg );

enum wh_error engine_start( void )
{
    enum wh_error error = WHE_OK;

    pthread_mutex_lock( &engine.lock );
    if (!engine.has_key) engine.has_key = !pthread_key_create( &engine.leave_key, thread_exit );
    if (!engine.running && !(error = loop_open()))
    {
        engine.ready_tail = &engine.ready_head;
        engine.notes.tail = &engine.notes.head;
        engine.running = 1;
    }
    pthread_mutex_unlock( &engine.lock );
    return error;
}

void engine_stop( void )
{
    pthread_mutex_lock( &engine.lock );
    if (engine.running)
    {
        loop_close();
        timers_free( &engine.timers );
        engine.running = 0;
    }
    pthread_mutex_unlock( &engine.lock );
}

static uint64_t clock_ns( clockid_t id )
{
    struct timespec ts;

    clock_gettime( id, &ts );
    return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint32_t engine_batches( void )
{
    uint32_t batches;

    pthread_mutex_lock( &engine.lock );
    batches = engine.batches;
    pthread_mutex_unlock( &engine.lock );
    return batches;
}

uint64_t engine_now_ms( void ) { return clock_ns( CLOCK_MONOTONIC_COARSE ) / 1000000; }
/* The clock behind QueryPerformanceCounter: programs compare. */
uint64_t engine_now_us( void ) { return clock_ns( CLOCK_MONOTONIC_RAW ) / 1000; }

/* Sleepers. Lock held. */

static void sleeper_add( struct waiter *waiter )
{
    waiter->prev = NULL;
    if ((waiter->next = engine.sleepers)) waiter->next->prev = waiter;
    engine.sleepers = waiter;
    waiter->sleeping = 1;
}

static void sleeper_remove( struct waiter *waiter )
{
    if (!waiter->sleeping) return;
    if (waiter->next) waiter->next->prev = waiter->prev;
    if (waiter->prev) waiter->prev->next = waiter->next;
    else engine.sleepers = waiter->next;
    waiter->sleeping = 0;
}

static void sleeper_wake( struct waiter *waiter )
{
    sleeper_remove( waiter );
    __atomic_store_n( &waiter->futex, 1, __ATOMIC_RELEASE );
    futex_wake_one( &waiter->futex );
}

enum sleeper_kind { SLEEPER_ANY, SLEEPER_WORKER, SLEEPER_SYNC };

static struct waiter *sleeper_find( enum sleeper_kind kind )
{
    struct waiter *waiter;

    for (waiter = engine.sleepers; waiter; waiter = waiter->next)
        if (kind == SLEEPER_ANY || (kind == SLEEPER_SYNC) == (waiter->exchange != NULL)) break;
    return waiter;
}

/* Somebody of that kind has to look around. */
static void nudge( enum sleeper_kind kind )
{
    struct waiter *waiter = sleeper_find( kind );

    if (waiter) sleeper_wake( waiter );
    else if (engine.leader && engine.leader != self &&
             (kind == SLEEPER_ANY || (kind == SLEEPER_SYNC) == (engine.leader->exchange != NULL)))
        loop_kick();
}

void engine_count_async( int delta )
{
    struct waiter *waiter;

    if (__atomic_add_fetch( &engine.async_count, delta, __ATOMIC_SEQ_CST ) != 1 || delta < 0) return;
    pthread_mutex_lock( &engine.lock );
    if (!engine.leader && (waiter = sleeper_find( SLEEPER_WORKER ))) sleeper_wake( waiter );    /* a caretaker no more */
    pthread_mutex_unlock( &engine.lock );
}

/* There are synchronous exchanges only. */
static int only_callers( void )
{
    return !__atomic_load_n( &engine.async_count, __ATOMIC_SEQ_CST );
}

/* This thread is a caretaker, and a caller is there, or has been since *calls. Lock held. */
static int caretaker_waits( unsigned int *calls )
{
    struct waiter *waiter;

    if (self->exchange || !only_callers() || (!engine.callers && *calls == engine.calls)) return 0;
    *calls = engine.calls;
    if (!engine.leader && (waiter = sleeper_find( SLEEPER_SYNC ))) sleeper_wake( waiter );
    return 1;
}

void engine_push_ready( struct strand *strand )
{
    struct waiter *waiter;

    pthread_mutex_lock( &engine.lock );
    if ((waiter = strand->waiter) && waiter != self && waiter->sleeping && !waiter->mine)
    {
        waiter->mine = strand;
        sleeper_wake( waiter );
    }
    else
    {
        strand->next = NULL;
        *engine.ready_tail = strand;
        engine.ready_tail = &strand->next;
        if (!self) nudge( SLEEPER_ANY );
    }
    pthread_mutex_unlock( &engine.lock );
}

static struct strand *ready_pop( void )
{
    struct strand *strand = engine.ready_head;

    if (strand && !(engine.ready_head = strand->next)) engine.ready_tail = &engine.ready_head;
    return strand;
}

enum wh_error engine_own_timer( struct timer *timer, struct strand *strand )
{
    int ret;

    timer_init( timer, strand );
    pthread_mutex_lock( &engine.lock );
    ret = timers_own( &engine.timers, timer );
    pthread_mutex_unlock( &engine.lock );
    return ret ? WHE_NO_MEMORY : WHE_OK;
}

void engine_set_timer( struct timer *timer, uint64_t when_ms )
{
    __atomic_store_n( &timer->when, when_ms, __ATOMIC_SEQ_CST );
    if (when_ms == TIMER_NEVER || when_ms >= __atomic_load_n( &timer->armed, __ATOMIC_SEQ_CST )) return;

    pthread_mutex_lock( &engine.lock );
    timers_arm( &engine.timers, timer, when_ms );
    if (engine.leader && engine.leader != self && when_ms < engine.leader_until) loop_kick();
    pthread_mutex_unlock( &engine.lock );
}

void engine_drop_timer( struct timer *timer )
{
    if (!timer->owned) return;
    /* Also if it is not in the heap: the leader may just have taken it out, and looks at it under the lock. */
    pthread_mutex_lock( &engine.lock );
    timers_drop( &engine.timers, timer );
    pthread_mutex_unlock( &engine.lock );
}

static void note_append( struct note_queue *queue, struct note *note )
{
    note->next = NULL;
    *queue->tail = note;
    queue->tail = &note->next;
}

void engine_post( struct note *note )
{
    struct exchange *exchange = note->exchange;
    struct waiter *waiter;

    object_ref( &exchange->obj );
    pthread_mutex_lock( &engine.lock );
    if (exchange->flags & WHX_SYNC)
    {
        note_append( &exchange->notes, note );
        if ((waiter = exchange->waiter) && waiter != self)
        {
            if (waiter->sleeping) sleeper_wake( waiter );
            else if (waiter == engine.leader) loop_kick();
        }
    }
    else
    {
        note_append( &engine.notes, note );
        engine.note_count++;
        if (!self || self->exchange) nudge( SLEEPER_WORKER );
    }
    pthread_mutex_unlock( &engine.lock );
}

static struct note *note_take( struct note_queue *queue )
{
    struct note *note = queue->head;

    if (note && !(queue->head = note->next)) queue->tail = &queue->head;
    return note;
}

void engine_discard_notes( struct exchange *exchange )
{
    struct note *note;

    for (;;)
    {
        pthread_mutex_lock( &engine.lock );
        note = note_take( &exchange->notes );
        pthread_mutex_unlock( &engine.lock );
        if (!note) break;
        exchange_fetch( note, NULL );
    }
}

/* Sleeps in the loop and runs what became ready. Lock held on entry and on return, not meanwhile. */
static void lead( uint64_t until_ms )
{
    struct loop_event events[LOOP_BATCH];
    uint64_t now = engine_now_ms(), next = timers_next( &engine.timers );
    struct timer *timer;
    struct object *obj;
    int i, count, timeout;

    if (next > until_ms) next = until_ms;
    if (next == TIMER_NEVER) timeout = -1;
    else if (next <= now) timeout = 0;
    else timeout = next - now >= INT_MAX ? INT_MAX : (int)(next - now);

    engine.leader = self;
    engine.leader_until = next;
    pthread_mutex_unlock( &engine.lock );

    count = loop_wait( events, timeout );
    for (i = 0; i < count; i++)
    {
        if (!(obj = object_from_id( events[i].id, OBJECT_CONN ))) continue;
        conn_ready( conn_from_object( obj ), events[i].ready, events[i].hangup, self );
        object_release( obj );
    }

    pthread_mutex_lock( &engine.lock );
    engine.leader = NULL;
    now = engine_now_ms();
    while ((timer = timers_expire( &engine.timers, now )))
    {
        struct strand *strand = timer->strand;

        if (!object_try_ref( strand->owner )) continue;   /* about to drop its timer, for which it needs this lock */
        pthread_mutex_unlock( &engine.lock );
        strand_run( strand );
        object_release( strand->owner );
        pthread_mutex_lock( &engine.lock );
    }
}

/* Sleeps until woken, or for a slice. Lock held on entry and on return, not meanwhile. */
static void follow( unsigned int *leaves, unsigned int *quiet, uint64_t until_ms )
{
    uint64_t sleep = TIMER_NEVER, now;

    self->futex = 0;
    if (!self->exchange)
    {
        *quiet = *leaves == engine.leaves ? *quiet + 1 : 0;
        *leaves = engine.leaves;
        self->deep = *quiet > IDLE_SLICES && engine.leader;
        if (!self->deep) sleep = SLICE_MS;
    }
    if (until_ms != TIMER_NEVER)
    {
        now = engine_now_ms();
        if (now >= until_ms) sleep = 0;    /* the clock has moved since the caller looked */
        else if (until_ms - now < sleep) sleep = until_ms - now;
    }
    sleeper_add( self );
    pthread_mutex_unlock( &engine.lock );
    futex_sleep( &self->futex, 0, sleep );
    pthread_mutex_lock( &engine.lock );
    sleeper_remove( self );
    self->deep = 0;
}

/* Before a thread leaves the wait: what it leaves behind must have somebody. Lock held. */
static void pass_on( int with_records )
{
    struct waiter *waiter;

    if (engine.ready_head) nudge( SLEEPER_ANY );
    else if (!engine.leader && (waiter = sleeper_find( SLEEPER_SYNC ))) sleeper_wake( waiter );
    else if (!engine.leader && (self->exchange || !with_records) && (waiter = sleeper_find( SLEEPER_WORKER )) &&
             (waiter->deep || !only_callers()))    /* a caretaker comes by itself after a slice */
        sleeper_wake( waiter );

    if (engine.note_count && self->exchange) nudge( SLEEPER_WORKER );
    if (!self->exchange && with_records)
    {
        engine.leaves++;
        for (waiter = engine.sleepers; waiter; waiter = waiter->next)
            if (waiter->deep)
            {
                sleeper_wake( waiter );   /* one that looks around is enough */
                break;
            }
    }
}

/* This thread is no longer in the wait. Lock held. */
static void leave( int with_records )
{
    struct waiter *waiter = self;
    struct strand *strand;

    if (waiter->exchange)
    {
        if (waiter->exchange->waiter == waiter) waiter->exchange->waiter = NULL;
        if (waiter->conn && waiter->conn->strand.waiter == waiter)
            __atomic_store_n( &waiter->conn->strand.waiter, NULL, __ATOMIC_RELAXED );
        engine.callers--;
        engine.calls++;
    }
    else engine.workers--;
    if ((strand = waiter->mine))   /* handed over after the record was there: somebody else's now */
    {
        strand->next = NULL;
        *engine.ready_tail = strand;
        engine.ready_tail = &strand->next;
    }
    pass_on( with_records );
    self = NULL;
}

/* The thread ends. If it is in the wait it was terminated there. */
static void thread_exit( void *arg )
{
    uint64_t until = engine_now_ms() + 1000;

    (void)arg;
    if (!self) return;
    while (pthread_mutex_trylock( &engine.lock ))
    {
        if (engine_now_ms() >= until) return;    /* it was terminated with the lock held: nothing can be helped */
        sched_yield();
    }
    sleeper_remove( self );
    if (engine.leader == self) engine.leader = NULL;
    leave( 0 );
    pthread_mutex_unlock( &engine.lock );
}

static uint32_t take_records( struct note_queue *queue, struct wh_record *records, uint32_t capacity, uint32_t *batch )
{
    struct note *note, *taken = NULL, **tail = &taken;
    uint32_t count = 0;

    while (count < capacity && (note = note_take( queue )))
    {
        *tail = note;
        tail = &note->next;
        count++;
    }
    *tail = NULL;
    if (queue == &engine.notes)
    {
        engine.note_count -= count;
        if (count) *batch = ++engine.batches;
    }
    pthread_mutex_unlock( &engine.lock );
    for (count = 0; taken; taken = note)
    {
        note = taken->next;
        count += exchange_fetch( taken, &records[count] );
    }
    pthread_mutex_lock( &engine.lock );
    return count;
}

uint32_t engine_wait( struct wh_wait_params *params )
{
    struct wh_record *records = wh_to_ptr( params->records );
    uint64_t until = params->timeout_ms == ~0u ? TIMER_NEVER : engine_now_ms() + params->timeout_ms;
    struct waiter *waiter = &own;
    struct conn *conn = NULL;
    struct note_queue *queue = &engine.notes;
    unsigned int leaves = 0, quiet = 0, calls;
    int lingered = 0;
    struct strand *strand;
    struct object *obj = NULL;

    params->count = params->batch = 0;
    if (!records || !params->capacity || self || !engine.running) return WH_REFUSED;
    memset( waiter, 0, sizeof(*waiter) );
    if (params->exchange)
    {
        if (!(obj = object_from_id( params->exchange, OBJECT_EXCHANGE ))) return WH_REFUSED;
        waiter->exchange = exchange_from_object( obj );
        if (!(waiter->exchange->flags & WHX_SYNC))
        {
            object_release( obj );
            return WH_REFUSED;
        }
        queue = &waiter->exchange->notes;
        if ((conn = exchange_conn( waiter->exchange )) && conn->h2)    /* it is others', too */
        {
            object_release( &conn->obj );
            conn = NULL;
        }
        waiter->conn = conn;
    }
    if (!leaves_by_key && engine.has_key) leaves_by_key = !pthread_setspecific( engine.leave_key, &engine );

    self = waiter;
    pthread_mutex_lock( &engine.lock );
    if (waiter->exchange)
    {
        waiter->exchange->waiter = waiter;
        if (conn) __atomic_store_n( &conn->strand.waiter, waiter, __ATOMIC_RELAXED );
        engine.callers++;
    }
    else engine.workers++;
    leaves = engine.leaves;
    calls = engine.calls;

    for (;;)
    {
        if ((strand = waiter->mine))
        {
            waiter->mine = NULL;
            pthread_mutex_unlock( &engine.lock );
            strand_run_queued( strand );
            pthread_mutex_lock( &engine.lock );
        }
        if (queue->head)
        {
            if ((params->count = take_records( queue, records, params->capacity, &params->batch ))) break;
            continue;
        }
        if (!waiter->exchange && engine.wakes)
        {
            engine.wakes--;
            break;
        }
        if ((strand = ready_pop()))
        {
            pthread_mutex_unlock( &engine.lock );
            strand_run_queued( strand );
            pthread_mutex_lock( &engine.lock );
            continue;
        }
        if (waiter->mine) continue;
        if (conn && !lingered && (!engine.workers || only_callers()))
        {
            lingered = 1;
            pthread_mutex_unlock( &engine.lock );
            if (exchange_only_receives( waiter->exchange )) conn_linger( conn );
            pthread_mutex_lock( &engine.lock );
            continue;
        }
        if (until != TIMER_NEVER && engine_now_ms() >= until) break;
        if (!caretaker_waits( &calls ) && !engine.leader) lead( until );
        else follow( &leaves, &quiet, until );
    }

    leave( params->count != 0 );
    params->waiting = engine.workers;
    params->backlog = engine.note_count;
    pthread_mutex_unlock( &engine.lock );
    if (conn) object_release( &conn->obj );
    if (obj) object_release( obj );
    return WH_DONE;
}

uint32_t engine_wake( struct wh_wake_params *params )
{
    uint32_t i;

    pthread_mutex_lock( &engine.lock );
    for (i = 0; i < params->count && engine.wakes < MAX_WAKES; i++)
    {
        engine.wakes++;
        nudge( SLEEPER_WORKER );
    }
    pthread_mutex_unlock( &engine.lock );
    return WH_DONE;
}
