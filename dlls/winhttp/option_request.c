/*
 * Options of requests that are more than a field
 *
 * What can be asked about a request's connection is in option_connection.c, about TLS in tls.c.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "client_cert.h"
#include "option.h"
#include "option_request.h"
#include "proxy.h"
#include "request.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define PRIORITY_NORMAL 2    /* SocketPriorityHintNormal */

/*--- the whole -----------------------------------------------------------------------------------------------------*/

void request_options_copy( struct request_options *to, const struct request_options *from )
{
    *to = *from;
    to->proxy = proxy_of( from );
}

void request_options_free( struct request_options *options )
{
    struct option_text * const texts[] = { &options->user, &options->password, &options->proxy_user,
                                           &options->proxy_password, &options->server_spn, &options->proxy_spn,
                                           &options->annotation };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( texts ); i++) option_text_free( texts[i] );
    free( options->resolve_host );
    client_cert_free( options );
    proxy_release( options->proxy );
}

/*--- set -----------------------------------------------------------------------------------------------------------*/

/* Never below the receive timeout, TI-11. */
DWORD option_set_response( struct object *obj, const void *value )
{
    struct timeouts *timeouts = &option_options( obj )->timeouts;
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    timeouts->response = max( number, timeouts->receive );
    return ERROR_SUCCESS;
}

/* Each kind of handle has one bit, and 0 is not a value: O-16. */
DWORD option_set_enabled( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    if (obj->type == OBJECT_SESSION)
    {
        if (number != WINHTTP_ENABLE_SSL_REVERT_IMPERSONATION) return ERROR_INVALID_PARAMETER;
        ((struct session *)obj)->enabled = number;
    }
    else
    {
        if (number != WINHTTP_ENABLE_SSL_REVOCATION) return ERROR_INVALID_PARAMETER;
        request_from_object( obj )->options.enabled = number;
    }
    return ERROR_SUCCESS;
}

/* Bits add up over calls; unknown ones are accepted, O-12. */
DWORD option_set_disabled( struct object *obj, const void *value )
{
    DWORD number;

    memcpy( &number, value, sizeof(number) );
    request_from_object( obj )->options.disabled |= number;
    return ERROR_SUCCESS;
}

DWORD option_set_upgrade( struct object *obj, const void *buffer UNUSED, DWORD len UNUSED )
{
    request_from_object( obj )->options.upgrade = TRUE;
    return ERROR_SUCCESS;
}

/* Nothing, or an empty name: the server's own name again. */
DWORD option_set_resolve_host( struct object *obj, const void *buffer, DWORD len )
{
    struct request *request = request_from_object( obj );
    char host[256], *copy = NULL, *old;
    const WCHAR *name = buffer;
    DWORD cch = 0, err = ERROR_SUCCESS;

    if (len % sizeof(WCHAR)) return ERROR_INVALID_PARAMETER;
    while (cch < len / sizeof(WCHAR) && name[cch]) cch++;
    if (cch && (err = url_host_to_ascii( name, cch, host, sizeof(host) )))
        return err == ERROR_WINHTTP_INVALID_URL ? ERROR_INVALID_PARAMETER : err;
    if (cch && !(copy = strdup( host ))) return ERROR_NOT_ENOUGH_MEMORY;
    AcquireSRWLockExclusive( &request->lock );    /* a leg that starts takes it along as it stands */
    old = request->options.resolve_host;
    request->options.resolve_host = copy;
    ReleaseSRWLockExclusive( &request->lock );
    free( old );
    return ERROR_SUCCESS;
}

/* A session's is for requests that are opened later. */
DWORD option_set_encode_extra( struct object *obj, const void *value )
{
    struct request *request;
    DWORD err;
    BOOL on;

    memcpy( &on, value, sizeof(on) );
    if (obj->type != OBJECT_REQUEST)
    {
        option_options( obj )->encode_extra = on;
        return ERROR_SUCCESS;
    }
    request = request_from_object( obj );
    AcquireSRWLockExclusive( &request->lock );
    request->options.encode_extra = on;
    err = request_escape_again( request );
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

DWORD option_set_match( struct object *obj, const void *value )
{
    struct request *request = request_from_object( obj );
    WINHTTP_MATCH_CONNECTION_GUID match;

    memcpy( &match, value, sizeof(match) );
    if (match.ullFlags & ~(UINT64)WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION)
        return ERROR_INVALID_PARAMETER;
    AcquireSRWLockExclusive( &request->lock );
    request->options.match     = match;
    request->options.has_match = TRUE;
    ReleaseSRWLockExclusive( &request->lock );
    return ERROR_SUCCESS;
}

/*--- query ---------------------------------------------------------------------------------------------------------*/

DWORD option_get_url( struct object *obj, void *buffer, DWORD *size )
{
    struct request *request = request_from_object( obj );
    DWORD cch, err = ERROR_NOT_ENOUGH_MEMORY;
    WCHAR *url;

    AcquireSRWLockShared( &request->lock );    /* a redirect changes it */
    url = request_url( request, &cch );
    ReleaseSRWLockShared( &request->lock );
    if (url) err = option_return_text( url, cch, buffer, size );
    free( url );
    return err;
}

/* Texts of a Passport challenge, which is never taken up: no request is in that state. */
DWORD option_get_passport( struct object *obj UNUSED, void *buffer UNUSED, DWORD *size UNUSED )
{
    return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
}

/* Hints are kept without effect, so what is in effect is this. */
DWORD option_get_priority_status( struct object *obj UNUSED, void *value )
{
    static const DWORD normal = PRIORITY_NORMAL;

    memcpy( value, &normal, sizeof(normal) );
    return ERROR_SUCCESS;
}

/* A session has no response. */
DWORD option_get_is_connect_response( struct object *obj, void *value )
{
    struct request *request = request_from_object( obj );
    BOOL ret = FALSE;

    if (obj->type == OBJECT_REQUEST)
    {
        AcquireSRWLockShared( &request->lock );
        ret = request->have_response && (request->head_flags & WHR_FROM_PROXY);
        ReleaseSRWLockShared( &request->lock );
    }
    memcpy( value, &ret, sizeof(ret) );
    return ERROR_SUCCESS;
}
