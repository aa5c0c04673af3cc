/*
 * Proxy scripts: a thread whose script recurses until there is no stack left
 *
 * Where the stack ends is hardly ever in the engine's own code: it calls the heap, which holds a lock there, so the thread
 * must not end at that place. It goes on in single steps, on what the system leaves for handlers, until it is back in the
 * engine: there it holds no lock of the process. A call that needs more than that ends in the system's own way.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>

#include "wine/debug.h"
#include "pac_engine.h"
#include "pac_guard.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define HANDLER_STACK 65536     /* bytes that are left for it, where the system lets one choose */

#if defined(__x86_64__) || defined(__i386__)

#define TRAP_FLAG 0x100

static SRWLOCK lock = SRWLOCK_INIT;
static struct pac_guard *guards;

static ULONG_PTR context_pc( const CONTEXT *context )
{
#ifdef __x86_64__
    return context->Rip;
#else
    return context->Eip;
#endif
}

static struct pac_guard *guard_of_thread(void)
{
    struct pac_guard *guard;
    DWORD thread = GetCurrentThreadId();

    AcquireSRWLockShared( &lock );
    for (guard = guards; guard && guard->thread != thread; guard = guard->next) ;
    ReleaseSRWLockShared( &lock );
    return guard;
}

/* No trace in here: it would need stack, too. */
static LONG CALLBACK handle( EXCEPTION_POINTERS *pointers )
{
    const DWORD code = pointers->ExceptionRecord->ExceptionCode;
    struct pac_engine *engine;
    struct pac_guard *guard;

    if (code != EXCEPTION_STACK_OVERFLOW && code != EXCEPTION_SINGLE_STEP) return EXCEPTION_CONTINUE_SEARCH;
    if (!(guard = guard_of_thread()) || !(engine = *guard->engine)) return EXCEPTION_CONTINUE_SEARCH;
    if (code == EXCEPTION_SINGLE_STEP && !guard->leaving) return EXCEPTION_CONTINUE_SEARCH;
    guard->leaving = TRUE;
    if (pac_engine_owns( engine, context_pc( pointers->ContextRecord ) ))
    {
        pac_guard_forget( guard );
        TerminateThread( GetCurrentThread(), 0 );
    }
    pointers->ContextRecord->EFlags |= TRAP_FLAG;
    return EXCEPTION_CONTINUE_EXECUTION;
}

void pac_guard_enter( struct pac_guard *guard, struct pac_engine * volatile *engine )
{
    ULONG size = HANDLER_STACK;

    guard->thread  = GetCurrentThreadId();
    guard->engine  = engine;
    guard->leaving = FALSE;
    if (!SetThreadStackGuarantee( &size )) TRACE( "error %lu\n", GetLastError() );
    AcquireSRWLockExclusive( &lock );
    guard->next = guards;
    guards = guard;
    ReleaseSRWLockExclusive( &lock );
    guard->handler = AddVectoredExceptionHandler( TRUE, handle );
}

void pac_guard_leave( struct pac_guard *guard )
{
    pac_guard_forget( guard );
    if (guard->handler) RemoveVectoredExceptionHandler( guard->handler );
}

/* The handler stays, with the reference on the module that the thread had: this runs in it, too. */
void pac_guard_forget( struct pac_guard *guard )
{
    struct pac_guard **link;

    AcquireSRWLockExclusive( &lock );
    for (link = &guards; *link && *link != guard; link = &(*link)->next) ;
    if (*link) *link = guard->next;
    ReleaseSRWLockExclusive( &lock );
}

#else    /* other processors step otherwise: there the system ends what has no stack left */

void pac_guard_enter( struct pac_guard *guard, struct pac_engine * volatile *engine )
{
    guard->engine = engine;
}

void pac_guard_leave( struct pac_guard *guard )
{
    guard->engine = NULL;
}

void pac_guard_forget( struct pac_guard *guard )
{
    guard->engine = NULL;
}

#endif
