/*
 * Sessions and connects
 *
 * No I/O here: a connect records its target, nothing more. Source: functions.md section 3, windows-behaviour.md H-1 to
 * H-5 and TI-1 to TI-13.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winreg.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "wine/debug.h"
#include "notify.h"
#include "request.h"
#include "session.h"
#include "transport.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* Microsoft's documentation of the options; the rest of struct defaults likewise. */
static const struct defaults initial_defaults =
{
    .timeouts        = { 0, 60000, 30000, 30000, TIMEOUT_UNSET },
    .connect_retries = 5,
    .redirect_policy = WINHTTP_OPTION_REDIRECT_POLICY_DEFAULT,
    .max_redirects   = 10,
    .max_continue    = 10,
    .max_head        = 65536,
    .max_drain       = 1048576,
};

static volatile LONG last_partition;

/*--- session -------------------------------------------------------------------------------------------------------*/

static void session_destroy( struct object *obj )
{
    struct session *session = (struct session *)obj;
    struct wh_session_close_params params = { session->id };

    TRACE( "%p\n", session );
    if (params.session) wh_session_close( &params );
    /* No callback of this session, or of any handle below it, can come any more. */
    if (session->unload_event) SetEvent( session->unload_event );
    option_text_free( &session->agent );
    free( session );
}

static const struct object_ops session_ops = { .destroy = session_destroy };

void session_leave_pool( struct session *session )
{
    session->own_pool = TRUE;
    if (!session->partition) session->partition = InterlockedIncrement( &last_partition );
}

wh_id session_transport( struct session *session )
{
    struct wh_session_open_params open = { 0 };
    struct wh_session_close_params close;
    wh_id id;

    if ((id = InterlockedCompareExchange64( &session->id, 0, 0 ))) return id;
    if (wh_session_open( &open ) != WH_DONE) return 0;
    if (!(id = InterlockedCompareExchange64( &session->id, open.session, 0 ))) return open.session;
    close.session = open.session;    /* another request was first */
    wh_session_close( &close );
    return id;
}

static DWORD session_open( const WCHAR *agent, DWORD access_type, DWORD flags, struct session **ret )
{
    struct session *session;
    DWORD err;

    if ((err = transport_attach())) return err;
    if (!(session = calloc( 1, sizeof(*session) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &session->hdr, OBJECT_SESSION, &session_ops, NULL );
    session->hdr.async        = (flags & WINHTTP_FLAG_ASYNC) != 0;
    session->flags            = flags;
    session->access_type      = access_type;
    session->defaults         = initial_defaults;
    session->secure_protocols = WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3;
    session->max_conns        = WINHTTP_CONNS_PER_SERVER_UNLIMITED;
    session->max_conns_1_0    = WINHTTP_CONNS_PER_SERVER_UNLIMITED;

    if ((agent && (err = option_text_set( &session->agent, agent, wcslen( agent ) ))) ||
        (err = object_open( &session->hdr )))
    {
        object_release( &session->hdr );
        return err;
    }
    *ret = session;
    return ERROR_SUCCESS;
}

HINTERNET WINAPI WinHttpOpen( LPCWSTR agent, DWORD access_type, LPCWSTR proxy, LPCWSTR bypass, DWORD flags )
{
    struct session *session = NULL;
    HINTERNET handle = NULL;
    DWORD err = ERROR_SUCCESS;

    TRACE( "%s, %lu, %s, %s, %#lx\n", debugstr_w( agent ), access_type, debugstr_w( proxy ), debugstr_w( bypass ),
           flags );

    if (flags & ~WINHTTP_FLAG_SECURE_DEFAULTS) err = ERROR_INVALID_PARAMETER;
    else if (access_type != WINHTTP_ACCESS_TYPE_DEFAULT_PROXY && access_type != WINHTTP_ACCESS_TYPE_NO_PROXY &&
             access_type != WINHTTP_ACCESS_TYPE_NAMED_PROXY && access_type != WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY)
        err = ERROR_INVALID_PARAMETER;
    else if (access_type == WINHTTP_ACCESS_TYPE_NAMED_PROXY && (!proxy || !*proxy)) err = ERROR_INVALID_PARAMETER;
    /* The upper bit of SECURE_DEFAULTS means nothing alone. */
    else if ((flags & WINHTTP_FLAG_SECURE_DEFAULTS) && !(flags & WINHTTP_FLAG_ASYNC)) err = ERROR_INVALID_PARAMETER;
    else if (!(err = session_open( agent, access_type, flags, &session ))) handle = session->hdr.handle;

    TRACE( "-> %p (%lu)\n", handle, err );
    SetLastError( err );
    return handle;
}

/*--- proxies: the seam ---------------------------------------------------------------------------------------------*/

/* The machine's setting for WinHTTP names a proxy? Layout of the value: behaviour-concepts.md section 4.4. */
static BOOL machine_has_proxy(void)
{
    DWORD data[64], size = sizeof(data), type;
    LSTATUS status;

    status = RegGetValueW( HKEY_LOCAL_MACHINE,
                           L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\Connections",
                           L"WinHttpSettings", RRF_RT_REG_BINARY, &type, data, &size );
    if (status == ERROR_MORE_DATA) return TRUE;      /* longer than any value without a proxy */
    return !status && size >= 16 && (data[2] & 2) && data[3];
}

/* The user's settings name a proxy or a script? */
static BOOL user_has_proxy(void)
{
    static const WCHAR key[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings";
    DWORD enabled = 0, size = sizeof(enabled);

    if (!RegGetValueW( HKEY_CURRENT_USER, key, L"ProxyEnable", RRF_RT_REG_DWORD, NULL, &enabled, &size ) && enabled)
        return TRUE;
    size = 0;
    return !RegGetValueW( HKEY_CURRENT_USER, key, L"AutoConfigURL", RRF_RT_REG_SZ, NULL, NULL, &size ) &&
           size > sizeof(WCHAR);
}

BOOL session_needs_proxy( const struct session *session )
{
    static volatile LONG machine = -1, user = -1;    /* asked once; two threads find the same */

    if (session->access_type == WINHTTP_ACCESS_TYPE_NO_PROXY) return FALSE;
    if (session->access_type == WINHTTP_ACCESS_TYPE_NAMED_PROXY) return TRUE;
    if (machine < 0) machine = machine_has_proxy();
    if (session->access_type == WINHTTP_ACCESS_TYPE_DEFAULT_PROXY) return machine;
    if (user < 0) user = user_has_proxy();
    return machine || user;
}

/*--- connect -------------------------------------------------------------------------------------------------------*/

DWORD endpoint_init( struct endpoint *endpoint, const WCHAR *name, DWORD cch )
{
    DWORD i, err;
    BOOL brackets;

    if ((err = url_host_to_ascii( name, cch, endpoint->ascii, sizeof(endpoint->ascii) ))) return err;
    endpoint->ascii_len = strlen( endpoint->ascii );
    endpoint->name_cch  = cch;
    brackets = strchr( endpoint->ascii, ':' ) != NULL;

    if (!(endpoint->name = malloc( (cch + 1 + endpoint->ascii_len + 3) * sizeof(WCHAR) )))
        return ERROR_NOT_ENOUGH_MEMORY;
    memcpy( endpoint->name, name, cch * sizeof(WCHAR) );
    endpoint->name[cch] = 0;
    endpoint->host = endpoint->name + cch + 1;
    if (brackets) endpoint->host[endpoint->host_cch++] = '[';
    for (i = 0; i < endpoint->ascii_len; i++) endpoint->host[endpoint->host_cch++] = (unsigned char)endpoint->ascii[i];
    if (brackets) endpoint->host[endpoint->host_cch++] = ']';
    endpoint->host[endpoint->host_cch] = 0;
    return ERROR_SUCCESS;
}

void endpoint_free( struct endpoint *endpoint )
{
    free( endpoint->name );
}

static void connect_destroy( struct object *obj )
{
    struct connect *connect = (struct connect *)obj;

    endpoint_free( &connect->endpoint );
    free( connect );
}

static const struct object_ops connect_ops = { .destroy = connect_destroy };

static DWORD connect_open( struct session *session, const WCHAR *name, INTERNET_PORT port, struct connect **ret )
{
    struct connect *connect;
    DWORD err;

    if (!(connect = calloc( 1, sizeof(*connect) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &connect->hdr, OBJECT_CONNECT, &connect_ops, &session->hdr );
    connect->port = port;
    if ((err = endpoint_init( &connect->endpoint, name, wcslen( name ) )) || (err = object_open( &connect->hdr )))
        object_release( &connect->hdr );
    else
        *ret = connect;
    return err;
}

HINTERNET WINAPI WinHttpConnect( HINTERNET hsession, LPCWSTR server, INTERNET_PORT port, DWORD reserved )
{
    struct connect *connect;
    struct object *session;
    HINTERNET handle = NULL;
    DWORD err;

    TRACE( "%p, %s, %u, %#lx\n", hsession, debugstr_w( server ), port, reserved );

    if (!server || reserved) err = object_refuse( hsession, ERROR_INVALID_PARAMETER );
    else if ((session = object_enter( hsession, OBJECT_SESSION, &err )))
    {
        if (!(err = connect_open( (struct session *)session, server, port, &connect )))
        {
            handle = connect->hdr.handle;
            notify( session, WINHTTP_CALLBACK_STATUS_HANDLE_CREATED, &handle, sizeof(handle) );
        }
        object_leave( session );
    }
    TRACE( "-> %p (%lu)\n", handle, err );
    SetLastError( err );
    return handle;
}

/*--- any handle ----------------------------------------------------------------------------------------------------*/

BOOL WINAPI WinHttpCloseHandle( HINTERNET handle )
{
    DWORD err;

    TRACE( "%p\n", handle );

    err = object_close( handle );
    SetLastError( err );
    return !err;
}

WINHTTP_STATUS_CALLBACK WINAPI WinHttpSetStatusCallback( HINTERNET handle, WINHTTP_STATUS_CALLBACK callback,
                                                         DWORD mask, DWORD_PTR reserved )
{
    WINHTTP_STATUS_CALLBACK previous = WINHTTP_INVALID_STATUS_CALLBACK;
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %#lx, %#Ix\n", handle, callback, mask, reserved );

    if ((obj = object_enter( handle, OBJECT_NONE, &err )))
    {
        obj->mask = mask;
        previous = InterlockedExchangePointer( (void **)&obj->callback, callback );
        object_leave( obj );
        err = ERROR_SUCCESS;
    }
    SetLastError( err );
    return previous;
}

BOOL WINAPI WinHttpSetTimeouts( HINTERNET handle, int resolve, int connect, int send, int receive )
{
    struct timeouts *timeouts = NULL;
    struct object *obj;
    DWORD err;

    TRACE( "%p, %d, %d, %d, %d\n", handle, resolve, connect, send, receive );

    if ((obj = object_enter( handle, OBJECT_NONE, &err )))
    {
        if (obj->type == OBJECT_SESSION) timeouts = &((struct session *)obj)->defaults.timeouts;
        if (obj->type == OBJECT_REQUEST) timeouts = &((struct request *)obj)->options.timeouts;

        /* The range comes before the kind of handle, TI-1. */
        if (resolve < -1 || connect < -1 || send < -1 || receive < -1) err = ERROR_INVALID_PARAMETER;
        else if (!timeouts) err = ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;
        else
        {
            timeouts->resolve = resolve;
            timeouts->connect = connect;
            timeouts->send    = send;
            timeouts->receive = receive;
            err = ERROR_SUCCESS;
        }
        object_leave( obj );
    }
    SetLastError( err );
    return !err;
}
