/*
 * Status callbacks
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "notify.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* How deep completions nest before one is queued: Windows 7 and later. Source: windows-notifications.md section 6. That
 * the callback counts from which a worker started is a choice: three on one stack, whoever runs them. */
#define NEST_LIMIT 3

static DWORD nest_slot = TLS_OUT_OF_INDEXES;    /* how many callbacks are on this thread's stack */

static SRWLOCK set_lock = SRWLOCK_INIT;         /* one thread at a time changes a target */

/* For traces. */
static const struct { DWORD status; const char *name; } names[] =
{
#define NAME( status ) { WINHTTP_CALLBACK_STATUS_##status, #status }
    NAME( RESOLVING_NAME ),
    NAME( NAME_RESOLVED ),
    NAME( CONNECTING_TO_SERVER ),
    NAME( CONNECTED_TO_SERVER ),
    NAME( SENDING_REQUEST ),
    NAME( REQUEST_SENT ),
    NAME( RECEIVING_RESPONSE ),
    NAME( RESPONSE_RECEIVED ),
    NAME( CLOSING_CONNECTION ),
    NAME( CONNECTION_CLOSED ),
    NAME( HANDLE_CREATED ),
    NAME( HANDLE_CLOSING ),
    NAME( REDIRECT ),
    NAME( INTERMEDIATE_RESPONSE ),
    NAME( SECURE_FAILURE ),
    NAME( HEADERS_AVAILABLE ),
    NAME( DATA_AVAILABLE ),
    NAME( READ_COMPLETE ),
    NAME( WRITE_COMPLETE ),
    NAME( REQUEST_ERROR ),
    NAME( SENDREQUEST_COMPLETE ),
    NAME( CLOSE_COMPLETE ),
    NAME( SHUTDOWN_COMPLETE ),
#undef NAME
};

static const char *status_name( DWORD status )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( names ); i++) if (names[i].status == status) return names[i].name;
    return wine_dbg_sprintf( "%#lx", status );
}

/* Without a lock, since every notification reads it: again, if it was changed meanwhile. */
struct notify_target notify_target( const struct object *obj )
{
    const volatile struct object *fields = obj;
    struct notify_target target;
    LONG version;

    for (;;)
    {
        if (!((version = fields->target_version) & 1))
        {
            __atomic_thread_fence( __ATOMIC_ACQUIRE );
            target.callback = fields->callback;
            target.mask     = fields->mask;
            __atomic_thread_fence( __ATOMIC_ACQUIRE );
            if (fields->target_version == version) return target;
        }
        else SwitchToThread();    /* two stores away, unless that thread was interrupted */
    }
}

WINHTTP_STATUS_CALLBACK notify_set_target( struct object *obj, WINHTTP_STATUS_CALLBACK callback, DWORD mask )
{
    WINHTTP_STATUS_CALLBACK previous;

    AcquireSRWLockExclusive( &set_lock );
    InterlockedIncrement( &obj->target_version );
    previous = InterlockedExchangePointer( (void **)&obj->callback, callback );
    obj->mask = mask;
    InterlockedIncrement( &obj->target_version );
    ReleaseSRWLockExclusive( &set_lock );
    return previous;
}

void notify( struct object *obj, DWORD status, void *info, DWORD len )
{
    struct notify_target target = notify_target( obj );
    ULONG_PTR depth;

    if (!target.callback || !(target.mask & status)) return;
    TRACE( "%p: %s, %p, %lu\n", obj->handle, status_name( status ), info, len );
    depth = (ULONG_PTR)TlsGetValue( nest_slot );
    TlsSetValue( nest_slot, (void *)(depth + 1) );
    target.callback( obj->handle, obj->context, status, info, len );
    TlsSetValue( nest_slot, (void *)depth );
    TRACE( "%p: %s returned\n", obj->handle, status_name( status ) );
}

void notify_text( struct object *obj, DWORD status, const char *text )
{
    WCHAR buffer[WH_RECORD_TEXT];
    DWORD i;

    if (!notify_wanted( obj, status )) return;
    for (i = 0; i < ARRAYSIZE( buffer ) - 1 && text[i]; i++) buffer[i] = (unsigned char)text[i];
    buffer[i] = 0;
    notify( obj, status, buffer, i + 1 );
}

BOOL notify_may_nest(void)
{
    return (ULONG_PTR)TlsGetValue( nest_slot ) < NEST_LIMIT;
}

BOOL notify_startup(void)
{
    nest_slot = TlsAlloc();
    return nest_slot != TLS_OUT_OF_INDEXES;
}

void notify_shutdown(void)
{
    TlsFree( nest_slot );
}
