/*
 * Options of sessions that are more than a field
 *
 * Functions of the option table, called as struct option in option.h says.
 */

#ifndef WINHTTP_OPTION_SESSION_H
#define WINHTTP_OPTION_SESSION_H

#include "object.h"

DWORD option_get_parent( struct object *obj, void *value );
DWORD option_set_max_conns( struct object *obj, const void *value );
DWORD option_set_max_conns_1_0( struct object *obj, const void *value );
DWORD option_set_secure_protocols( struct object *obj, const void *value );
DWORD option_set_own_pool( struct object *obj, const void *value );
DWORD option_set_resolver( struct object *obj, const void *value );

/* These have to come before the session's first connect: ERROR_WINHTTP_INCORRECT_HANDLE_STATE. */
DWORD option_set_failed_retries( struct object *obj, const void *value );
DWORD option_set_idle( struct object *obj, const void *value );

#endif /* WINHTTP_OPTION_SESSION_H */
