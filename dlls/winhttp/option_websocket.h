/*
 * Options of WebSockets that are more than a field
 *
 * Functions of the option table, called as struct option in option.h says.
 */

#ifndef WINHTTP_OPTION_WEBSOCKET_H
#define WINHTTP_OPTION_WEBSOCKET_H

#include "object.h"

DWORD option_set_ws_close_timeout( struct object *obj, const void *value );    /* of requests, too: what it will have */
DWORD option_set_ws_keepalive( struct object *obj, const void *value );

#endif /* WINHTTP_OPTION_WEBSOCKET_H */
