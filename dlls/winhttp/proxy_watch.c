/*
 * Telling programs that proxy settings have changed
 *
 * One thread per process watches the registry while somebody is registered. What is told is a change of what is in force:
 * the keys hold other things, too. A callback runs on that thread, without a lock; unregistering waits for the callback that
 * runs, unless it is that callback which unregisters. Source: functions.md section 8; waiting is a choice, no page tells.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "proxy_store.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

struct registration
{
    struct registration          *next;
    WINHTTP_PROXY_CHANGE_CALLBACK callback;
    void                         *context;
    ULONGLONG                     flags;
    unsigned int                  told;       /* the round that it was told in */
    DWORD                         thread;     /* on which its callback runs, 0 = none; */
    BOOL                          gone;       /* that callback has unregistered it */
};

struct watched_key
{
    HKEY   key;                               /* NULL: not watched */
    DWORD  cch;                               /* which one it is, see proxy_store_open */
    HANDLE event;
};

struct watcher                                /* the thread's own, but for stop */
{
    HANDLE                stop;               /* nobody is registered any more, or there is another thread */
    HMODULE               module;
    struct proxy_settings user, machine;      /* what was in force */
    struct watched_key    keys[PROXY_STORE_KEYS];
};

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE callback_over = CONDITION_VARIABLE_INIT;
static struct registration *registrations;
static HANDLE stop_event;                     /* of the thread that watches, NULL if there is none */
static unsigned int round_number;

/*--- the thread ----------------------------------------------------------------------------------------------------*/

static void read_settings( struct proxy_settings *user, struct proxy_settings *machine )
{
    memset( user, 0, sizeof(*user) );
    memset( machine, 0, sizeof(*machine) );
    proxy_store_effective( FALSE, user );     /* none at all: all zero */
    proxy_store_machine( machine );
}

static BOOL have_changed( struct watcher *watcher )
{
    struct proxy_settings user, machine;
    BOOL ret;

    read_settings( &user, &machine );
    ret = !proxy_settings_equal( &user, &watcher->user ) || !proxy_settings_equal( &machine, &watcher->machine );
    proxy_settings_free( &watcher->user );
    proxy_settings_free( &watcher->machine );
    watcher->user    = user;
    watcher->machine = machine;
    return ret;
}

/* Everybody who is registered now, once; callbacks may change the list. */
static void tell_all(void)
{
    struct registration *registration;
    unsigned int number;

    AcquireSRWLockExclusive( &lock );
    number = ++round_number;
    for (;;)
    {
        for (registration = registrations; registration && registration->told == number; registration = registration->next) ;
        if (!registration) break;
        registration->told   = number;
        registration->thread = GetCurrentThreadId();
        ReleaseSRWLockExclusive( &lock );
        TRACE( "%p\n", registration );
        registration->callback( registration->flags, registration->context );
        AcquireSRWLockExclusive( &lock );
        registration->thread = 0;
        if (registration->gone) free( registration );
        else WakeAllConditionVariable( &callback_over );
    }
    ReleaseSRWLockExclusive( &lock );
}

/* All below the key itself, but of one above it only what comes and goes: much else may be kept there. */
static BOOL watch_key( const struct watched_key *watched, unsigned int index )
{
    BOOL whole = proxy_store_is_whole( index, watched->cch );
    DWORD filter = REG_NOTIFY_CHANGE_NAME | (whole ? REG_NOTIFY_CHANGE_LAST_SET : 0);

    return !RegNotifyChangeKeyValue( watched->key, whole, filter, watched->event, TRUE );
}

/* The nearest key there is: one that was made while the one above it was not watched yet must not be missed. */
static void watch_nearest( struct watched_key *watched, unsigned int index )
{
    DWORD cch;
    HKEY key;

    while ((key = proxy_store_open( index, &cch )))
    {
        if (watched->key && cch == watched->cch)
        {
            RegCloseKey( key );    /* the one that is watched */
            return;
        }
        if (watched->key) RegCloseKey( watched->key );
        watched->key = key;
        watched->cch = cch;
        if (!watch_key( watched, index )) break;
    }
    WARN( "key %u of the settings is not watched\n", index );
}

/* After its event, which came once. A key that was deleted cannot be watched any more. */
static void watch_again( struct watched_key *watched, unsigned int index )
{
    if (watched->key && !watch_key( watched, index ))
    {
        RegCloseKey( watched->key );
        watched->key = NULL;
    }
    watch_nearest( watched, index );
}

static DWORD WINAPI watch_proc( void *arg )
{
    struct watcher *watcher = arg;
    HANDLE events[1 + PROXY_STORE_KEYS] = { watcher->stop };
    unsigned int numbers[PROXY_STORE_KEYS];
    HMODULE module = watcher->module;
    DWORD i, count = 1, index;

    for (i = 0; i < PROXY_STORE_KEYS; i++)
    {
        if (!(watcher->keys[i].event = CreateEventW( NULL, FALSE, FALSE, NULL ))) continue;
        watch_nearest( &watcher->keys[i], i );
        numbers[count - 1] = i;
        events[count++] = watcher->keys[i].event;
    }
    /* Between the first look and the watch something may have changed. */
    if (have_changed( watcher )) tell_all();

    while ((index = WaitForMultipleObjects( count, events, FALSE, INFINITE )) != WAIT_OBJECT_0)
    {
        if (index >= WAIT_OBJECT_0 + count) break;
        i = numbers[index - WAIT_OBJECT_0 - 1];
        watch_again( &watcher->keys[i], i );
        if (have_changed( watcher )) tell_all();
    }

    for (i = 0; i < count; i++) CloseHandle( events[i] );
    for (i = 0; i < PROXY_STORE_KEYS; i++) if (watcher->keys[i].key) RegCloseKey( watcher->keys[i].key );
    proxy_settings_free( &watcher->user );
    proxy_settings_free( &watcher->machine );
    free( watcher );
    FreeLibraryAndExitThread( module, 0 );
    return 0;
}

/* The lock is held. */
static DWORD start_thread(void)
{
    struct watcher *watcher;
    HANDLE thread = NULL;

    if (!(watcher = calloc( 1, sizeof(*watcher) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if ((watcher->stop = CreateEventW( NULL, TRUE, FALSE, NULL )) &&
        GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)watch_proc, &watcher->module ))
    {
        read_settings( &watcher->user, &watcher->machine );
        thread = CreateThread( NULL, 0, watch_proc, watcher, 0, NULL );
    }
    if (thread)
    {
        stop_event = watcher->stop;    /* the thread closes it, but not before it was set */
        CloseHandle( thread );
        return ERROR_SUCCESS;
    }
    if (watcher->module) FreeLibrary( watcher->module );
    if (watcher->stop) CloseHandle( watcher->stop );
    proxy_settings_free( &watcher->user );
    proxy_settings_free( &watcher->machine );
    free( watcher );
    return ERROR_NOT_ENOUGH_MEMORY;
}

/*--- registering ---------------------------------------------------------------------------------------------------*/

DWORD WINAPI WinHttpRegisterProxyChangeNotification( ULONGLONG flags, WINHTTP_PROXY_CHANGE_CALLBACK callback,
                                                     void *context, WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE *ret )
{
    struct registration *registration;
    DWORD err = ERROR_SUCCESS;

    TRACE( "%s, %p, %p, %p\n", wine_dbgstr_longlong( flags ), callback, context, ret );

    if (flags != WINHTTP_PROXY_NOTIFY_CHANGE || !callback || !ret) return ERROR_INVALID_PARAMETER;
    if (!(registration = calloc( 1, sizeof(*registration) ))) return ERROR_NOT_ENOUGH_MEMORY;
    registration->callback = callback;
    registration->context  = context;
    registration->flags    = flags;

    AcquireSRWLockExclusive( &lock );
    registration->told = round_number;    /* a round that is under way is about changes from before */
    if (!stop_event) err = start_thread();
    if (!err)
    {
        registration->next = registrations;
        registrations = registration;
    }
    ReleaseSRWLockExclusive( &lock );
    if (err) free( registration );
    else *ret = registration;
    return err;
}

DWORD WINAPI WinHttpUnregisterProxyChangeNotification( WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE handle )
{
    struct registration **link, *registration = NULL;

    TRACE( "%p\n", handle );

    if (!handle) return ERROR_INVALID_PARAMETER;
    AcquireSRWLockExclusive( &lock );
    for (link = &registrations; *link && *link != handle; link = &(*link)->next) ;
    if ((registration = *link))
    {
        *link = registration->next;
        if (!registrations)
        {
            SetEvent( stop_event );
            stop_event = NULL;
        }
        if (registration->thread == GetCurrentThreadId()) registration->gone = TRUE;
        else
        {
            while (registration->thread) SleepConditionVariableSRW( &callback_over, &lock, INFINITE, 0 );
            free( registration );
        }
    }
    ReleaseSRWLockExclusive( &lock );
    return registration ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
}
