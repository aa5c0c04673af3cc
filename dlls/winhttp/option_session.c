/*
 * Options of the process, of sessions and of connects
 *
 * Ids, sizes and ranges: options.md section 2. Rows are sorted by id.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "option.h"
#include "session.h"
#include "worker.h"

#define SES( field )  .offset = FIELD_OFFSET( struct session, field )
#define DEF( field )  .offset = FIELD_OFFSET( struct session, defaults.field )

#define UNUSED __attribute__((unused))

#define SECURE_PROTOCOLS_KNOWN \
    (WINHTTP_FLAG_SECURE_PROTOCOL_SSL2 | WINHTTP_FLAG_SECURE_PROTOCOL_SSL3 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1 | \
     WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3)
#define SECURE_PROTOCOLS_MODERN (WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3)

/*--- the process ---------------------------------------------------------------------------------------------------*/

static volatile LONG http_minor = 1;    /* WINHTTP_OPTION_HTTP_VERSION: 1.0 or 1.1 */

BOOL option_http_1_0(void)
{
    return !http_minor;
}

static DWORD get_http_version( struct object *obj UNUSED, void *value )
{
    HTTP_VERSION_INFO info = { 1, http_minor };

    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

static DWORD set_http_version( struct object *obj UNUSED, const void *value )
{
    HTTP_VERSION_INFO info;

    memcpy( &info, value, sizeof(info) );
    if (info.dwMajorVersion != 1 || info.dwMinorVersion > 1) return ERROR_INVALID_PARAMETER;
    http_minor = info.dwMinorVersion;
    return ERROR_SUCCESS;
}

static DWORD set_thread_count( struct object *obj UNUSED, const void *value )
{
    DWORD count;

    memcpy( &count, value, sizeof(count) );
    worker_set_limit( count );
    return ERROR_SUCCESS;
}

/* 0 whatever was set: evidence windows-behaviour.md O-11. */
DWORD option_get_thread_count( struct object *obj UNUSED, void *value )
{
    memset( value, 0, sizeof(DWORD) );
    return ERROR_SUCCESS;
}

DWORD option_get_parent( struct object *obj, void *value )
{
    HINTERNET handle = obj->parent ? obj->parent->handle : NULL;

    memcpy( value, &handle, sizeof(handle) );
    return ERROR_SUCCESS;
}

static const struct option process_rows[] =
{
    OPTION( HTTP_VERSION, RW, sizeof(HTTP_VERSION_INFO), .get = get_http_version, .set = set_http_version ),
    OPTION( WORKER_THREAD_COUNT, OPT_W, sizeof(DWORD), .set = set_thread_count ),
};

/*--- sessions ------------------------------------------------------------------------------------------------------*/

static struct session *session_from_object( struct object *obj )
{
    return (struct session *)obj;
}

/* Never below the receive timeout, TI-11. */
static DWORD set_response_timeout( struct object *obj, const void *value )
{
    struct timeouts *timeouts = &session_from_object( obj )->defaults.timeouts;
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    timeouts->response = max( number, timeouts->receive );
    return ERROR_SUCCESS;
}

/* A limit takes the session out of the process-wide pool; 0 means 2. Source: options.md section 3.10. */
static DWORD set_max_conns( struct object *obj, const void *value )
{
    struct session *session = session_from_object( obj );

    memcpy( &session->max_conns, value, sizeof(DWORD) );
    if (!session->max_conns) session->max_conns = 2;
    session_leave_pool( session );
    return ERROR_SUCCESS;
}

static DWORD set_secure_protocols( struct object *obj, const void *value )
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

static DWORD set_own_pool( struct object *obj, const void *value )
{
    BOOL own;

    memcpy( &own, value, sizeof(own) );
    if (own) session_leave_pool( session_from_object( obj ) );
    return ERROR_SUCCESS;
}

static const struct option session_rows[] =
{
    OPTION( CALLBACK,                    RW, sizeof(void *), OBJ( callback ) ),
    OPTION( RESOLVE_TIMEOUT,             RW, sizeof(DWORD), DEF( timeouts.resolve ) ),
    OPTION( CONNECT_TIMEOUT,             RW, sizeof(DWORD), DEF( timeouts.connect ) ),
    OPTION( CONNECT_RETRIES,             RW, sizeof(DWORD), DEF( connect_retries ) ),
    OPTION( SEND_TIMEOUT,                RW, sizeof(DWORD), DEF( timeouts.send ) ),
    OPTION( RECEIVE_TIMEOUT,             RW, sizeof(DWORD), DEF( timeouts.receive ) ),
    OPTION( RECEIVE_RESPONSE_TIMEOUT,    RW, sizeof(DWORD), DEF( timeouts.response ),
            .set = set_response_timeout ),
    OPTION( HANDLE_TYPE,                 OPT_R, sizeof(DWORD), OBJ( type ) ),
    OPTION( PARENT_HANDLE,               OPT_R, sizeof(HINTERNET), .get = option_get_parent ),
    OPTION( USER_AGENT,                  RW | OPT_TEXT, 0, SES( agent ) ),
    OPTION( CONTEXT_VALUE,               RW, sizeof(DWORD_PTR), OBJ( context ) ),
    OPTION( HTTP_VERSION,                RW, sizeof(HTTP_VERSION_INFO), .get = get_http_version,
            .set = set_http_version ),
    OPTION( MAX_CONNS_PER_SERVER,        RW, sizeof(DWORD), SES( max_conns ), .set = set_max_conns ),
    OPTION( MAX_CONNS_PER_1_0_SERVER,    RW, sizeof(DWORD), SES( max_conns_1_0 ) ),
    OPTION( ENABLE_FEATURE,              OPT_W | OPT_SIZE_87, sizeof(DWORD), SES( enabled ),
            RANGE( WINHTTP_ENABLE_SSL_REVERT_IMPERSONATION, WINHTTP_ENABLE_SSL_REVERT_IMPERSONATION ) ),
    OPTION( WORKER_THREAD_COUNT,         OPT_R, sizeof(DWORD), .get = option_get_thread_count ),
    OPTION( SECURE_PROTOCOLS,            OPT_W, sizeof(DWORD), .set = set_secure_protocols ),
    OPTION( REDIRECT_POLICY,             RW, sizeof(DWORD), DEF( redirect_policy ),
            RANGE( 0, WINHTTP_OPTION_REDIRECT_POLICY_LAST ) ),
    OPTION( MAX_HTTP_AUTOMATIC_REDIRECTS, RW | OPT_SIZE_87, sizeof(DWORD), DEF( max_redirects ) ),
    OPTION( MAX_HTTP_STATUS_CONTINUE,    RW, sizeof(DWORD), DEF( max_continue ) ),
    OPTION( MAX_RESPONSE_HEADER_SIZE,    RW, sizeof(DWORD), DEF( max_head ) ),
    OPTION( MAX_RESPONSE_DRAIN_SIZE,     RW, sizeof(DWORD), DEF( max_drain ) ),
    OPTION( UNLOAD_NOTIFY_EVENT,         OPT_W, sizeof(HANDLE), SES( unload_event ) ),
    OPTION( ASSURED_NON_BLOCKING_CALLBACKS, OPT_W, sizeof(BOOL), OBJ( non_blocking ) ),
    OPTION( ENABLE_HTTP_PROTOCOL,        OPT_W | OPT_SIZE_87, sizeof(DWORD), DEF( http_protocols ),
            RANGE( 0, WINHTTP_PROTOCOL_FLAG_HTTP2 | WINHTTP_PROTOCOL_FLAG_HTTP3 ) ),
    OPTION( DISABLE_GLOBAL_POOLING,      OPT_W, sizeof(BOOL), .set = set_own_pool ),
};

/*--- connects ------------------------------------------------------------------------------------------------------*/

/* A connect shows its session's current timeouts and cannot change them, TI-6 and TI-7. */
static const struct option connect_rows[] =
{
    OPTION( CALLBACK,                    RW, sizeof(void *), OBJ( callback ) ),
    OPTION( RESOLVE_TIMEOUT,             OPT_R | OPT_PARENT, sizeof(DWORD), DEF( timeouts.resolve ) ),
    OPTION( CONNECT_TIMEOUT,             OPT_R | OPT_PARENT, sizeof(DWORD), DEF( timeouts.connect ) ),
    OPTION( SEND_TIMEOUT,                OPT_R | OPT_PARENT, sizeof(DWORD), DEF( timeouts.send ) ),
    OPTION( RECEIVE_TIMEOUT,             OPT_R | OPT_PARENT, sizeof(DWORD), DEF( timeouts.receive ) ),
    OPTION( RECEIVE_RESPONSE_TIMEOUT,    OPT_R | OPT_PARENT, sizeof(DWORD), DEF( timeouts.response ) ),
    OPTION( HANDLE_TYPE,                 OPT_R, sizeof(DWORD), OBJ( type ) ),
    OPTION( PARENT_HANDLE,               OPT_R, sizeof(HINTERNET), .get = option_get_parent ),
    OPTION( CONTEXT_VALUE,               RW, sizeof(DWORD_PTR), OBJ( context ) ),
    OPTION( WORKER_THREAD_COUNT,         OPT_R, sizeof(DWORD), .get = option_get_thread_count ),
};

const struct option_table process_options = { process_rows, ARRAYSIZE( process_rows ) };
const struct option_table session_options = { session_rows, ARRAYSIZE( session_rows ) };
const struct option_table connect_options = { connect_rows, ARRAYSIZE( connect_rows ) };
