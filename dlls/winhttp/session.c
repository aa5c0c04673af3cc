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
#include <winnls.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth_login.h"
#include "notify.h"
#include "proxy.h"
#include "request.h"
#include "session.h"
#include "transport.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* What requests start with. Source: options.md section 2; connect_retries to max_drain are Microsoft's documentation. */
static const struct request_options initial_options =
{
    .timeouts             = { 0, 60000, 30000, 30000, TIMEOUT_UNSET },
    .connect_retries      = 5,
    .redirect_policy      = WINHTTP_OPTION_REDIRECT_POLICY_DEFAULT,
    .max_redirects        = 10,
    .max_continue         = 10,
    .max_head             = 65536,
    .max_drain            = 1048576,
    .ws_receive_buffer    = 32768,
    .ws_send_buffer       = 32768,
    .ws_close_ms          = 10000,
    .priority_hint        = 2,                /* SocketPriorityHintNormal */
    .h2_transfer_encoding = TRUE,
};

static volatile LONG last_partition;

/*--- session -------------------------------------------------------------------------------------------------------*/

static void session_destroy( struct object *obj )
{
    struct session *session = (struct session *)obj;
    struct wh_session_close_params params = { .session = session->id, .partition = session->partition };
    uint32_t *identities = auth_identities( session, &params.identity_count );

    TRACE( "%p\n", session );
    params.identities = wh_from_ptr( identities );
    if (params.session) wh_session_close( &params );
    free( identities );
    /* No callback of this session, or of any handle below it, can come any more. */
    if (session->unload_event) SetEvent( session->unload_event );
    option_text_free( &session->agent );
    cookies_clear( &session->cookies );
    auth_identities_free( session );
    free( session );
}

static const struct object_ops session_ops = { .destroy = session_destroy };

void session_leave_pool( struct session *session )
{
    LONG64 own;

    session->own_pool = TRUE;
    if (session->partition) return;
    /* Of two threads that come here at once, one gives the number. */
    own = (ULONG)InterlockedIncrement( &last_partition );
    InterlockedCompareExchange64( (LONG64 *)&session->partition, own, 0 );
}

wh_id session_transport( struct session *session )
{
    struct wh_session_open_params open = { .max_idle_ms = session->idle_ms };
    struct wh_session_close_params close = { .partition = 0 };
    wh_id id;

    if ((id = InterlockedCompareExchange64( &session->id, 0, 0 ))) return id;
    if (wh_session_open( &open ) != WH_DONE) return 0;
    if (!(id = InterlockedCompareExchange64( &session->id, open.session, 0 ))) return open.session;
    close.session = open.session;    /* another request was first */
    wh_session_close( &close );
    return id;
}

/* A connect keeps a reference; one that is gone may have left the transport's half, and connections in the pool. */
BOOL session_has_children( struct session *session )
{
    return session->hdr.refs > 1 || InterlockedCompareExchange64( &session->id, 0, 0 );
}

#define SETTINGS_KEY L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\WinHttp"

/* The machine may have other defaults. Source: options.md section 3.9. */
static DWORD default_protocols( DWORD flags )
{
    DWORD protocols = 0, size = sizeof(protocols);

    if (!RegGetValueW( HKEY_LOCAL_MACHINE, SETTINGS_KEY, L"DefaultSecureProtocols", RRF_RT_REG_DWORD, NULL, &protocols,
                       &size ))
        protocols &= SECURE_PROTOCOLS_KNOWN;
    if ((flags & WINHTTP_FLAG_SECURE_DEFAULTS) == WINHTTP_FLAG_SECURE_DEFAULTS) protocols &= SECURE_PROTOCOLS_MODERN;
    return protocols ? protocols : SECURE_PROTOCOLS_MODERN;
}

DWORD session_protocols( struct session *session )
{
    /* Not in WinHttpOpen: the question goes to the Wine server, and many sessions never need TLS. */
    if (session->secure_protocols == PROTOCOLS_UNSET)
        InterlockedCompareExchange( &session->secure_protocols, default_protocols( session->flags ), PROTOCOLS_UNSET );
    return session->secure_protocols;
}

static BOOL setting_is_on( HKEY root, const WCHAR *name )
{
    DWORD value = 0, size = sizeof(value);

    return !RegGetValueW( root, SETTINGS_KEY, name, RRF_RT_REG_DWORD, NULL, &value, &size ) && value;
}

BOOL session_decodes_more( struct session *session )
{
    static const WCHAR name[] = L"DecodeBrotliAndZstd";

    if (!session->decodes_more)
    {
        BOOL on = setting_is_on( HKEY_CURRENT_USER, name ) || setting_is_on( HKEY_LOCAL_MACHINE, name );

        InterlockedCompareExchange( &session->decodes_more, on ? 2 : 1, 0 );
    }
    return session->decodes_more == 2;
}

/* `proxy` is given. */
static DWORD session_open( const WCHAR *agent, struct proxy_choice *proxy, DWORD flags, struct session **ret )
{
    struct session *session;
    DWORD err;

    if ((err = transport_attach()) || !(session = calloc( 1, sizeof(*session) )))
    {
        proxy_release( proxy );
        return err ? err : ERROR_NOT_ENOUGH_MEMORY;
    }
    object_init( &session->hdr, OBJECT_SESSION, &session_ops, NULL );
    session->hdr.async        = (flags & WINHTTP_FLAG_ASYNC) != 0;
    session->flags            = flags;
    session->defaults         = initial_options;
    session->defaults.proxy   = proxy;
    session->secure_protocols = PROTOCOLS_UNSET;
    session->max_conns        = WINHTTP_CONNS_PER_SERVER_UNLIMITED;
    session->max_conns_1_0    = WINHTTP_CONNS_PER_SERVER_UNLIMITED;
    session->codepage         = CP_UTF8;

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
    struct proxy_choice *choice;
    HINTERNET handle = NULL;
    DWORD err;

    TRACE( "%s, %lu, %s, %s, %#lx\n", debugstr_w( agent ), access_type, debugstr_w( proxy ), debugstr_w( bypass ),
           flags );

    /* The upper bit of SECURE_DEFAULTS means nothing alone. */
    if ((flags & ~WINHTTP_FLAG_SECURE_DEFAULTS) || ((flags & WINHTTP_FLAG_SECURE_DEFAULTS) && !(flags & WINHTTP_FLAG_ASYNC)))
        err = ERROR_INVALID_PARAMETER;
    else if (!(err = proxy_choose( access_type, proxy, bypass, &choice )) &&
             !(err = session_open( agent, choice, flags, &session )))
        handle = session->hdr.handle;

    TRACE( "-> %p (%lu)\n", handle, err );
    SetLastError( err );
    return handle;
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
        previous = notify_set_target( obj, callback, mask );
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
