/*
 * Options of requests that are more than a field
 *
 * Functions of the option table, called as struct option in option.h says.
 */

#ifndef WINHTTP_OPTION_REQUEST_H
#define WINHTTP_OPTION_REQUEST_H

#include "object.h"

DWORD option_get_url( struct object *obj, void *buffer, DWORD *size );
DWORD option_get_passport( struct object *obj, void *buffer, DWORD *size );
DWORD option_get_priority_status( struct object *obj, void *value );
DWORD option_get_is_connect_response( struct object *obj, void *value );

DWORD option_set_response( struct object *obj, const void *value );    /* of sessions, too, as the next one */
DWORD option_set_enabled( struct object *obj, const void *value );
DWORD option_set_disabled( struct object *obj, const void *value );
DWORD option_set_upgrade( struct object *obj, const void *buffer, DWORD len );
DWORD option_set_resolve_host( struct object *obj, const void *buffer, DWORD len );
DWORD option_set_encode_extra( struct object *obj, const void *value );    /* of sessions, too */
DWORD option_set_match( struct object *obj, const void *value );

#endif /* WINHTTP_OPTION_REQUEST_H */
