/*
 * Options of sessions that are more than a field
 *
 * Source: options.md sections 3.9 and 3.10.
 */

#include <stdarg.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "option_session.h"
#include "session.h"

#define RESOLVER_FLAGS        0x0f    /* WINHTTP_RESOLVER_CACHE_CONFIG_FLAG_* */
#define DEFAULT_LIMIT         2       /* what a limit of 0 connections means */

static struct session *session_from_object( struct object *obj )
{
    return (struct session *)obj;
}

DWORD option_get_parent( struct object *obj, void *value )
{
    HINTERNET handle = obj->parent ? obj->parent->handle : NULL;

    memcpy( value, &handle, sizeof(handle) );
    return ERROR_SUCCESS;
}

/* A limit takes the session out of the process-wide pool. */
static DWORD set_limit( struct session *session, DWORD *field, const void *value )
{
    DWORD limit;

    memcpy( &limit, value, sizeof(limit) );
    *field = limit ? limit : DEFAULT_LIMIT;
    session_leave_pool( session );
    return ERROR_SUCCESS;
}

DWORD option_set_max_conns( struct object *obj, const void *value )
{
    return set_limit( session_from_object( obj ), &session_from_object( obj )->max_conns, value );
}

DWORD option_set_max_conns_1_0( struct object *obj, const void *value )
{
    return set_limit( session_from_object( obj ), &session_from_object( obj )->max_conns_1_0, value );
}

DWORD option_set_secure_protocols( struct object *obj, const void *value )
{
    struct session *session = session_from_object( obj );
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    if (number & ~SECURE_PROTOCOLS_KNOWN) return ERROR_INVALID_PARAMETER;
    if ((session->flags & WINHTTP_FLAG_SECURE_DEFAULTS) == WINHTTP_FLAG_SECURE_DEFAULTS &&
        (number & ~SECURE_PROTOCOLS_MODERN)) return ERROR_ACCESS_DENIED;
    session->secure_protocols = number;
    return ERROR_SUCCESS;
}

/* There is no way back: connections of the session's own pool are known to nobody else. */
DWORD option_set_own_pool( struct object *obj, const void *value )
{
    BOOL own;

    memcpy( &own, value, sizeof(own) );
    if (own) session_leave_pool( session_from_object( obj ) );
    return ERROR_SUCCESS;
}

DWORD option_set_resolver( struct object *obj, const void *value )
{
    WINHTTP_RESOLVER_CACHE_CONFIG config;

    memcpy( &config, value, sizeof(config) );
    if ((DWORD)config.SecureDnsSetting >= WinHttpSecureDnsSettingMax ||
        (config.ullFlags & ~(UINT64)RESOLVER_FLAGS)) return ERROR_INVALID_PARAMETER;
    session_from_object( obj )->resolver = config;
    return ERROR_SUCCESS;
}

DWORD option_set_failed_retries( struct object *obj, const void *value )
{
    struct session *session = session_from_object( obj );
    DWORD numbers[2];

    memcpy( numbers, value, sizeof(numbers) );
    if (numbers[1] & ~WINHTTP_CONNECTION_RETRY_CONDITION_MASK) return ERROR_INVALID_PARAMETER;
    if (session_has_children( session )) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    session->failed_retries.max        = numbers[0];
    session->failed_retries.conditions = numbers[1];
    return ERROR_SUCCESS;
}

/* An idle life of its own needs a pool of its own. */
DWORD option_set_idle( struct object *obj, const void *value )
{
    struct session *session = session_from_object( obj );

    if (session_has_children( session )) return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    memcpy( &session->idle_ms, value, sizeof(session->idle_ms) );
    session_leave_pool( session );
    return ERROR_SUCCESS;
}
