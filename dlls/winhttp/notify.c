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

/* How deep completions nest before one is queued: Windows 7 and later. Source: windows-notifications.md section 6. */
#define NEST_LIMIT 3

static DWORD nest_slot = TLS_OUT_OF_INDEXES;    /* this thread's depth */

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
#undef NAME
};

static const char *status_name( DWORD status )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( names ); i++) if (names[i].status == status) return names[i].name;
    return wine_dbg_sprintf( "%#lx", status );
}

void notify( struct object *obj, DWORD status, void *info, DWORD len )
{
    WINHTTP_STATUS_CALLBACK callback = obj->callback;    /* another thread may replace it any time */

    if (!callback || !(obj->mask & status)) return;
    TRACE( "%p: %s, %p, %lu\n", obj->handle, status_name( status ), info, len );
    callback( obj->handle, obj->context, status, info, len );
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

BOOL notify_nest(void)
{
    ULONG_PTR depth = (ULONG_PTR)TlsGetValue( nest_slot );

    if (depth >= NEST_LIMIT) return FALSE;
    TlsSetValue( nest_slot, (void *)(depth + 1) );
    return TRUE;
}

void notify_unnest(void)
{
    TlsSetValue( nest_slot, (void *)((ULONG_PTR)TlsGetValue( nest_slot ) - 1) );
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
