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

struct watcher                                /* the thread's own, but for stop */
{
    HANDLE                stop;               /* nobody is registered any more, or there is another thread */
    HMODULE               module;
    struct proxy_settings user, machine;      /* what was in force */
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

static void watch( HKEY key, HANDLE event )
{
    DWORD err = RegNotifyChangeKeyValue( key, TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET, event, TRUE );

    if (err) WARN( "a key of the settings is not watched: %lu\n", err );
}

static DWORD WINAPI watch_proc( void *arg )
{
    struct watcher *watcher = arg;
    HKEY keys[2] = { proxy_store_open( FALSE ), proxy_store_open( TRUE ) };
    HANDLE events[3];
    HMODULE module = watcher->module;
    DWORD i, count = 0, index, used[2];

    events[count++] = watcher->stop;
    for (i = 0; i < 2; i++)
    {
        if (!keys[i]) continue;
        if (!(events[count] = CreateEventW( NULL, FALSE, FALSE, NULL ))) continue;
        used[count - 1] = i;
        watch( keys[i], events[count++] );
    }
    /* Between the first look and the watch something may have changed. */
    if (have_changed( watcher )) tell_all();

    while ((index = WaitForMultipleObjects( count, events, FALSE, INFINITE )) != WAIT_OBJECT_0)
    {
        if (index > WAIT_OBJECT_0 + count) break;
        watch( keys[used[index - WAIT_OBJECT_0 - 1]], events[index - WAIT_OBJECT_0] );
        if (have_changed( watcher )) tell_all();
    }

    for (i = 0; i < count; i++) CloseHandle( events[i] );
    for (i = 0; i < 2; i++) if (keys[i]) RegCloseKey( keys[i] );
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
