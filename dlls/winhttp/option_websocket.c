/*
 * Options of WebSockets that are more than a field
 *
 * Source: options.md section 3.12, windows-behaviour.md WS-20 to WS-24.
 */

#include <stdarg.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "option_websocket.h"
#include "request.h"
#include "websocket.h"

DWORD option_set_ws_close_timeout( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    if (obj->type == OBJECT_REQUEST) request_from_object( obj )->options.ws_close_ms = number;
    else websocket_from_object( obj )->close_ms = number;
    return ERROR_SUCCESS;
}

DWORD option_set_ws_keepalive( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    websocket_keepalive( websocket_from_object( obj ), number );
    return ERROR_SUCCESS;
}
