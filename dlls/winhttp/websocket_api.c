/*
 * WebSockets: the exported functions
 *
 * Arguments and handles are checked here; what happens is websocket.c's. All but the first return their error instead of
 * leaving it as the last one (LE-3). Source: functions.md section 10, windows-behaviour.md WS-30 to WS-43.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "notify.h"
#include "request.h"
#include "websocket.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* A request that was sent, but whose response nobody has asked for: that is done here, WS-12. Only a synchronous one: another
 * one's head would come by a notification. */
static DWORD complete_upgrade( struct request *request, DWORD_PTR context, HINTERNET *handle )
{
    BOOL receive;
    DWORD err;

    AcquireSRWLockShared( &request->lock );
    receive = !request->hdr.async && request->websocket && request->flow == FLOW_SENT;
    ReleaseSRWLockShared( &request->lock );
    if (receive && (err = request_receive( request ))) return err;
    return websocket_open( request, context, handle );
}

HINTERNET WINAPI WinHttpWebSocketCompleteUpgrade( HINTERNET hrequest, DWORD_PTR context )
{
    HINTERNET handle = NULL, created = NULL;
    struct object *obj;
    DWORD err;

    TRACE( "%p, %#Ix\n", hrequest, context );

    if ((obj = object_enter( hrequest, OBJECT_REQUEST, &err )))
    {
        if (!(err = complete_upgrade( request_from_object( obj ), context, &created )))
        {
            handle = created;
            notify( obj, WINHTTP_CALLBACK_STATUS_HANDLE_CREATED, &created, sizeof(created) );
        }
        object_leave( obj );
    }
    TRACE( "-> %p (%lu)\n", handle, err );
    SetLastError( err );
    return handle;
}

DWORD WINAPI WinHttpWebSocketSend( HINTERNET handle, WINHTTP_WEB_SOCKET_BUFFER_TYPE type, void *buffer, DWORD size )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %u, %p, %lu\n", handle, type, buffer, size );

    if ((unsigned int)type >= WINHTTP_WEB_SOCKET_CLOSE_BUFFER_TYPE || (size && (!buffer || IsBadReadPtr( buffer, size ))))
        err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_WEBSOCKET, &err )))
    {
        err = websocket_send( websocket_from_object( obj ), type, buffer, size );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err;
}

DWORD WINAPI WinHttpWebSocketReceive( HINTERNET handle, void *buffer, DWORD size, DWORD *read,
                                      WINHTTP_WEB_SOCKET_BUFFER_TYPE *type )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %p, %p\n", handle, buffer, size, read, type );

    if (!buffer || !size || IsBadWritePtr( buffer, size )) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_WEBSOCKET, &err )))
    {
        /* An asynchronous one tells its results to the callback only. */
        if (!obj->async && (!read || !type)) err = ERROR_INVALID_PARAMETER;
        else err = websocket_receive( websocket_from_object( obj ), buffer, size, read, type );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err;
}

/* What a close frame may say. 1006 and 1015 stand for what is no close frame at all, and must not be in one (RFC 6455
 * section 7.4.1); nor must a reason without a code. */
static BOOL close_is_valid( USHORT status, const void *reason, DWORD len )
{
    if (len > WINHTTP_WEB_SOCKET_MAX_CLOSE_REASON_LENGTH || (len && (!reason || IsBadReadPtr( reason, len )))) return FALSE;
    if (status == WINHTTP_WEB_SOCKET_ABORTED_CLOSE_STATUS || status == WINHTTP_WEB_SOCKET_SECURE_HANDSHAKE_ERROR_CLOSE_STATUS)
        return FALSE;
    return status != WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS || !len;
}

DWORD WINAPI WinHttpWebSocketShutdown( HINTERNET handle, USHORT status, void *reason, DWORD len )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %u, %p, %lu\n", handle, status, reason, len );

    if (!close_is_valid( status, reason, len )) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_WEBSOCKET, &err )))
    {
        err = websocket_shutdown( websocket_from_object( obj ), status, reason, len );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err;
}

DWORD WINAPI WinHttpWebSocketClose( HINTERNET handle, USHORT status, void *reason, DWORD len )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %u, %p, %lu\n", handle, status, reason, len );

    if (!close_is_valid( status, reason, len )) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_WEBSOCKET, &err )))
    {
        err = websocket_close( websocket_from_object( obj ), status, reason, len );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err;
}

DWORD WINAPI WinHttpWebSocketQueryCloseStatus( HINTERNET handle, USHORT *status, void *reason, DWORD size,
                                               DWORD *consumed )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %p, %lu, %p\n", handle, status, reason, size, consumed );

    if (!status || !consumed || (size && !reason)) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_WEBSOCKET, &err )))
    {
        err = websocket_close_status( websocket_from_object( obj ), status, reason, size, consumed );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err;
}
