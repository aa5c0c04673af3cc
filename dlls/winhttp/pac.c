/*
 * Proxy scripts: a script that can be asked about URLs, from any thread, within limits
 *
 * A script may be endless, and an engine may have no way to interrupt it. So its thread is stopped where the code of the engine
 * itself runs: there it holds no lock of the process, since heap, loader and COM are other modules. It is ended there (also
 * where it has used up its stack, pac_guard.c), and
 * what the engine has allocated is lost, with a reference on this module that the engine's pointers need. A thread that is
 * in a helper function, that is, in the system's resolver, ends itself when that returns.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <psapi.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "pac.h"
#include "pac_engine.h"
#include "pac_guard.h"
#include "pac_text.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define RUN_MS     60000            /* behaviour-concepts.md section 4.6 */
#define LOOK_MS    20               /* how often whoever waits looks at the script, and whether it is still to wait */
#define MAX_MEMORY (512u << 20)     /* that the process may grow by meanwhile; a choice. What other threads allocate counts,
                                     * too: nobody can tell, and only a script that takes long is concerned */
#define IDLE_MS    10000
#define STOP_TRIES 1000             /* to meet the engine's own code: some, in practice */

struct runner                       /* a thread with an engine */
{
    LONG          refs;             /* the pac, the thread, whoever waits */
    struct pac   *pac;              /* referenced */
    HANDLE        thread;
    volatile LONG stop;
    struct pac_engine * volatile engine;
    struct pac_guard guard;         /* of the thread */
    CONDITION_VARIABLE ready, done; /* with the pac's lock */
    BOOL          asked, answered;  /* under it */
    WCHAR        *url, *host;       /* the question */
    WCHAR        *answer;
    DWORD         err;
};

struct pac
{
    LONG           refs;
    WCHAR         *script;
    SRWLOCK        lock;
    CONDITION_VARIABLE turn;        /* one question at a time */
    BOOL           taken;
    struct runner *runner;
};

/*--- the thread ----------------------------------------------------------------------------------------------------*/

static void runner_release( struct runner *runner )
{
    if (InterlockedDecrement( &runner->refs )) return;
    if (runner->thread) CloseHandle( runner->thread );
    free( runner->url );
    free( runner->answer );
    pac_release( runner->pac );
    free( runner );
}

/* FALSE: none has come for some time, or none is wanted any more; the pac has forgotten the runner. */
static BOOL await_question( struct runner *runner )
{
    struct pac *pac = runner->pac;
    BOOL ret, known = FALSE;

    AcquireSRWLockExclusive( &pac->lock );
    while (!runner->asked && !runner->stop && SleepConditionVariableSRW( &runner->ready, &pac->lock, IDLE_MS, 0 )) ;
    ret = runner->asked && !runner->stop;
    runner->asked = FALSE;
    if (!ret && (known = pac->runner == runner)) pac->runner = NULL;
    ReleaseSRWLockExclusive( &pac->lock );
    if (known) runner_release( runner );
    return ret;
}

static void give_answer( struct runner *runner )
{
    AcquireSRWLockExclusive( &runner->pac->lock );
    runner->answered = TRUE;
    ReleaseSRWLockExclusive( &runner->pac->lock );
    WakeConditionVariable( &runner->done );
}

static DWORD CALLBACK runner_proc( void *arg )
{
    struct runner *runner = arg;
    BOOL com = SUCCEEDED( CoInitializeEx( NULL, COINIT_APARTMENTTHREADED ) );
    DWORD load_err = ERROR_SUCCESS;
    struct pac_engine *engine;
    HMODULE module = NULL;

    TRACE( "%p\n", runner );
    pac_guard_enter( &runner->guard, &runner->engine );
    while (await_question( runner ))
    {
        if (!runner->engine && !load_err)
            load_err = pac_engine_create( runner->pac->script, &runner->stop, &runner->engine );
        if (!(runner->err = load_err))
            runner->err = pac_engine_find( runner->engine, runner->url, runner->host, &runner->answer );
        give_answer( runner );
    }

    TRACE( "%p is idle\n", runner );
    engine = InterlockedExchangePointer( (void **)&runner->engine, NULL );
    pac_engine_free( engine );
    pac_guard_leave( &runner->guard );
    if (com) CoUninitialize();
    runner_release( runner );
    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (const WCHAR *)runner_proc, &module );
    FreeLibraryAndExitThread( module, 0 );
}

static struct runner *runner_start( struct pac *pac )
{
    struct runner *runner;
    HMODULE module;

    if (!(runner = calloc( 1, sizeof(*runner) ))) return NULL;
    runner->refs = 1;
    runner->pac  = pac;
    pac_grab( pac );
    if (GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)runner_proc, &module ))
    {
        runner->refs++;
        if ((runner->thread = CreateThread( NULL, 0, runner_proc, runner, 0, NULL ))) return runner;
        runner->refs--;
        FreeLibrary( module );
    }
    runner_release( runner );
    return NULL;
}

/*--- a thread that takes too long ----------------------------------------------------------------------------------*/

static ULONG_PTR context_pc( const CONTEXT *context )
{
#if defined(__x86_64__)
    return context->Rip;
#elif defined(__aarch64__)
    return context->Pc;
#else
    return context->Eip;
#endif
}

/* Ends the thread if it is in the engine's own code. */
static BOOL end_in_engine( struct runner *runner )
{
    CONTEXT context = { .ContextFlags = CONTEXT_CONTROL };
    struct pac_engine *engine;
    BOOL ret = FALSE;

    if (SuspendThread( runner->thread ) == ~0u) return FALSE;
    /* The context is there once the thread has really stopped: it cannot free its engine any more. No allocation, no trace
     * until it is gone or goes on. */
    if (GetThreadContext( runner->thread, &context ) && (engine = runner->engine) &&
        pac_engine_owns( engine, context_pc( &context ) ))
        ret = TerminateThread( runner->thread, 0 );
    if (!ret) ResumeThread( runner->thread );
    return ret;
}

static BOOL wait_answer( struct runner *runner, DWORD timeout_ms )
{
    struct pac *pac = runner->pac;
    BOOL ret;

    AcquireSRWLockExclusive( &pac->lock );
    while (!runner->answered && SleepConditionVariableSRW( &runner->done, &pac->lock, timeout_ms, 0 )) ;
    ret = runner->answered;
    ReleaseSRWLockExclusive( &pac->lock );
    return ret;
}

/* Its script has used up the stack, see pac_guard.c: it will not answer. */
static BOOL has_ended( const struct runner *runner )
{
    return !WaitForSingleObject( runner->thread, 0 );
}

/* Nobody wants the answer any more. The pac has forgotten the runner. */
static void runner_stop( struct runner *runner )
{
    struct pac_engine *engine;
    unsigned int i;

    if (has_ended( runner )) return;
    if ((engine = runner->engine)) pac_engine_interrupt( engine );    /* it is not freed before it sees `stop` */
    AcquireSRWLockExclusive( &runner->pac->lock );
    runner->stop = 1;
    ReleaseSRWLockExclusive( &runner->pac->lock );
    for (i = 0; i < STOP_TRIES; i++)
    {
        if (wait_answer( runner, i < 20 ? 0 : 1 ) || has_ended( runner )) break;
        if (!end_in_engine( runner )) continue;
        pac_guard_forget( &runner->guard );
        WARN( "%p: the script was ended after %u tries\n", runner, i + 1 );
        return;
    }
    WakeConditionVariable( &runner->ready );    /* it may be through with the script: then it ends by itself */
}

/*--- questions -----------------------------------------------------------------------------------------------------*/

static SIZE_T memory_used(void)
{
    PROCESS_MEMORY_COUNTERS counters = { .cb = sizeof(counters) };

    return K32GetProcessMemoryInfo( GetCurrentProcess(), &counters, sizeof(counters) ) ? counters.PagefileUsage : 0;
}

static DWORD remaining( ULONGLONG end )
{
    ULONGLONG now = GetTickCount64();

    return now < end ? end - now : 0;
}

static BOOL is_set( HANDLE event )
{
    return event && !WaitForSingleObject( event, 0 );
}

/* 0, WAIT_TIMEOUT or ERROR_WINHTTP_OPERATION_CANCELLED. */
static DWORD await_answer( struct runner *runner, HANDLE cancel, ULONGLONG end )
{
    SIZE_T used = 0, now;

    while (!wait_answer( runner, LOOK_MS ))
    {
        if (is_set( cancel )) return ERROR_WINHTTP_OPERATION_CANCELLED;
        /* It may have answered just before. */
        if (has_ended( runner )) return wait_answer( runner, 0 ) ? 0 : WAIT_TIMEOUT;
        now = memory_used();
        if (!used) used = now;
        if (remaining( end ) && (now < used || now - used < MAX_MEMORY)) continue;
        WARN( "the script takes too much\n" );
        return WAIT_TIMEOUT;
    }
    return 0;
}

/* The same. */
static DWORD take_turn( struct pac *pac, HANDLE cancel, ULONGLONG end )
{
    DWORD err = 0;

    AcquireSRWLockExclusive( &pac->lock );
    while (pac->taken && !err)
    {
        if (SleepConditionVariableSRW( &pac->turn, &pac->lock, LOOK_MS, 0 ) || !pac->taken) continue;
        if (is_set( cancel )) err = ERROR_WINHTTP_OPERATION_CANCELLED;
        else if (!remaining( end )) err = WAIT_TIMEOUT;
    }
    if (!err) pac->taken = TRUE;
    ReleaseSRWLockExclusive( &pac->lock );
    return err;
}

static void give_turn( struct pac *pac )
{
    AcquireSRWLockExclusive( &pac->lock );
    pac->taken = FALSE;
    ReleaseSRWLockExclusive( &pac->lock );
    WakeConditionVariable( &pac->turn );
}

/* The runner, with a reference, and the question in it; the caller has the turn. */
static struct runner *put_question( struct pac *pac, WCHAR *url, WCHAR *host )
{
    struct runner *runner;

    AcquireSRWLockExclusive( &pac->lock );
    if ((runner = pac->runner) || (runner = pac->runner = runner_start( pac )))
    {
        InterlockedIncrement( &runner->refs );
        runner->asked    = TRUE;
        runner->answered = FALSE;
        runner->url      = url;
        runner->host     = host;
    }
    ReleaseSRWLockExclusive( &pac->lock );
    if (runner) WakeConditionVariable( &runner->ready );
    return runner;
}

/* After the answer came. */
static DWORD take_answer( struct runner *runner, WCHAR **answer )
{
    DWORD err = runner->err;

    *answer = runner->answer;
    runner->answer = NULL;
    free( runner->url );
    runner->url = NULL;
    return err;
}

static void forget_runner( struct pac *pac, struct runner *runner )
{
    AcquireSRWLockExclusive( &pac->lock );
    pac->runner = NULL;
    ReleaseSRWLockExclusive( &pac->lock );
    runner_stop( runner );
    runner_release( runner );
}

/* The caller has the turn. `url` is given. */
static DWORD ask( struct pac *pac, WCHAR *url, WCHAR *host, HANDLE cancel, ULONGLONG end, WCHAR **answer )
{
    struct runner *runner = put_question( pac, url, host );
    DWORD err;

    if (!runner)
    {
        free( url );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    if (!(err = await_answer( runner, cancel, end ))) err = take_answer( runner, answer );
    else
    {
        forget_runner( pac, runner );
        if (err == WAIT_TIMEOUT) err = ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR;
    }
    runner_release( runner );
    return err;
}

DWORD pac_find( struct pac *pac, const WCHAR *url, BOOL lower_host, HANDLE cancel, WCHAR **answer )
{
    ULONGLONG end = GetTickCount64() + RUN_MS;
    WCHAR *view, *host;
    DWORD err;

    if ((err = pac_view( url, lower_host, &view, &host ))) return err;
    if ((err = take_turn( pac, cancel, end )))
    {
        free( view );
        return err == WAIT_TIMEOUT ? ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR : err;
    }
    err = ask( pac, view, host, cancel, end, answer );
    give_turn( pac );
    TRACE( "%s: %lu, %s\n", debugstr_w( url ), err, err ? "" : debugstr_w( *answer ) );
    return err;
}

/*--- the script ----------------------------------------------------------------------------------------------------*/

struct pac *pac_create( WCHAR *script )
{
    struct pac *pac;

    if (!(pac = calloc( 1, sizeof(*pac) ))) return NULL;
    pac->refs   = 1;
    pac->script = script;
    return pac;
}

void pac_grab( struct pac *pac )
{
    InterlockedIncrement( &pac->refs );
}

void pac_release( struct pac *pac )
{
    if (!pac || InterlockedDecrement( &pac->refs )) return;
    free( pac->script );
    free( pac );
}
