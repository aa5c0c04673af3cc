/*
 * Proxy scripts: those that are kept, and those that are being fetched
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "pac.h"
#include "pac_cache.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define SCRIPTS   8            /* that are kept: one per network, in practice */
#define SCRIPT_MS 900000       /* for how long; a choice */
#define LOOK_MS   20           /* how often whoever waits for another thread looks whether it is still to wait */

struct kept_script
{
    WCHAR      *url;
    struct pac *pac;
    ULONGLONG   until;
};

struct shared_fetch            /* on the heap: whoever waits for it may be the last to look at it */
{
    struct shared_fetch *next;
    const WCHAR         *url;      /* of the thread that fetches; valid while the fetch is in the list */
    unsigned int         users;    /* that thread, and those that wait */
    BOOL                 over;
    DWORD                err;
    struct pac          *pac;      /* with a reference of the fetch's own */
};

static SRWLOCK lock = SRWLOCK_INIT;    /* of all below */
static CONDITION_VARIABLE fetch_over = CONDITION_VARIABLE_INIT;
static struct kept_script scripts[SCRIPTS];
static unsigned int next_script;
static struct shared_fetch *fetches;
static unsigned int generation;        /* what began in an earlier one is not kept */

/*--- scripts that are kept -----------------------------------------------------------------------------------------*/

static void script_clear( struct kept_script *script )
{
    free( script->url );
    pac_release( script->pac );
    memset( script, 0, sizeof(*script) );
}

/* With a reference, or NULL. The lock is held. */
static struct pac *script_known( const WCHAR *url )
{
    ULONGLONG now = GetTickCount64();
    unsigned int i;

    for (i = 0; i < SCRIPTS; i++)
    {
        if (!scripts[i].url || now >= scripts[i].until || wcscmp( scripts[i].url, url )) continue;
        pac_grab( scripts[i].pac );
        return scripts[i].pac;
    }
    return NULL;
}

/* In the place of an older one of that URL, or of the oldest, which the caller clears without the lock. The lock is held. */
static struct kept_script script_keep( const WCHAR *url, struct pac *pac )
{
    struct kept_script script = { wcsdup( url ), pac, GetTickCount64() + SCRIPT_MS }, old = { NULL, NULL, 0 };
    unsigned int i;

    if (!script.url) return old;
    pac_grab( pac );
    for (i = 0; i < SCRIPTS && (!scripts[i].url || wcscmp( scripts[i].url, url )); i++) ;
    if (i == SCRIPTS) i = next_script++ % SCRIPTS;
    old = scripts[i];
    scripts[i] = script;
    return old;
}

/*--- fetches -------------------------------------------------------------------------------------------------------*/

/* With a reference. */
static DWORD fetch_now( struct pac_fetch *fetch, struct pac **pac )
{
    WCHAR *text;
    DWORD err;

    *pac = NULL;
    if ((err = pac_fetch( fetch, &text ))) return err;
    if ((*pac = pac_create( text ))) return ERROR_SUCCESS;
    free( text );
    return ERROR_NOT_ENOUGH_MEMORY;
}

static struct shared_fetch *fetch_find( const WCHAR *url )
{
    struct shared_fetch *shared;

    for (shared = fetches; shared && wcscmp( shared->url, url ); shared = shared->next) ;
    return shared;
}

/* If it is in the list. The lock is held. */
static void fetch_unlink( const struct shared_fetch *shared )
{
    struct shared_fetch **link;

    for (link = &fetches; *link && *link != shared; link = &(*link)->next) ;
    if (*link) *link = shared->next;
}

/* The lock is held; FALSE: another one still uses it. */
static BOOL fetch_leave( struct shared_fetch *shared )
{
    return !--shared->users;
}

static void fetch_free( struct shared_fetch *shared )
{
    pac_release( shared->pac );
    free( shared );
}

static BOOL is_set( HANDLE event )
{
    return event && !WaitForSingleObject( event, 0 );
}

/* What another thread's fetch has brought. The lock is held, and released. */
static DWORD fetch_await( struct shared_fetch *shared, HANDLE cancel, struct pac **pac )
{
    BOOL cancelled = FALSE, last;
    DWORD err;

    shared->users++;
    while (!shared->over && !cancelled)
    {
        if (SleepConditionVariableSRW( &fetch_over, &lock, LOOK_MS, 0 )) continue;
        cancelled = is_set( cancel );
    }
    err = cancelled ? ERROR_WINHTTP_OPERATION_CANCELLED : shared->err;
    *pac = err ? NULL : shared->pac;
    if (*pac) pac_grab( *pac );
    last = fetch_leave( shared );
    ReleaseSRWLockExclusive( &lock );
    if (last) fetch_free( shared );
    return err;
}

/* Fetches for all that come meanwhile. The lock is held, and released. */
static DWORD fetch_for_all( struct pac_fetch *fetch, BOOL fresh, struct pac **pac )
{
    struct shared_fetch *shared = calloc( 1, sizeof(*shared) );
    struct kept_script old = { NULL, NULL, 0 };
    unsigned int begun = generation;
    DWORD err;
    BOOL last;

    if (shared)
    {
        shared->url   = fetch->url;
        shared->users = 1;
        if (!fresh)    /* a fresh one is not for those who came before: they have their own */
        {
            shared->next = fetches;
            fetches = shared;
        }
    }
    ReleaseSRWLockExclusive( &lock );
    if (!shared) return ERROR_NOT_ENOUGH_MEMORY;

    if (!(err = fetch_now( fetch, pac ))) pac_grab( shared->pac = *pac );
    AcquireSRWLockExclusive( &lock );
    shared->err  = err;
    shared->over = TRUE;
    fetch_unlink( shared );
    if (!err && begun == generation) old = script_keep( fetch->url, *pac );
    last = fetch_leave( shared );
    ReleaseSRWLockExclusive( &lock );
    WakeAllConditionVariable( &fetch_over );
    script_clear( &old );
    if (last) fetch_free( shared );
    return err;
}

DWORD pac_cache_get( struct pac_fetch *fetch, BOOL fresh, HANDLE cancel, struct pac **pac )
{
    struct shared_fetch *shared;
    DWORD err;

    if (fetch->logon) return fetch_now( fetch, pac );
    for (;;)
    {
        AcquireSRWLockExclusive( &lock );
        if (!fresh && (*pac = script_known( fetch->url )))
        {
            ReleaseSRWLockExclusive( &lock );
            return ERROR_SUCCESS;
        }
        if (fresh || !(shared = fetch_find( fetch->url ))) return fetch_for_all( fetch, fresh, pac );
        TRACE( "another thread fetches %s\n", debugstr_w( fetch->url ) );
        err = fetch_await( shared, cancel, pac );
        /* It may be the other one that was cancelled. */
        if (err != ERROR_WINHTTP_OPERATION_CANCELLED || is_set( cancel )) return err;
    }
}

void pac_cache_forget(void)
{
    struct kept_script old[SCRIPTS];
    unsigned int i;

    AcquireSRWLockExclusive( &lock );
    memcpy( old, scripts, sizeof(old) );
    memset( scripts, 0, sizeof(scripts) );
    fetches = NULL;    /* they end for those that wait already */
    generation++;
    ReleaseSRWLockExclusive( &lock );
    for (i = 0; i < SCRIPTS; i++) script_clear( &old[i] );
}
