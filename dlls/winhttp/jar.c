/*
 * The cookie jar: the session's cookies at work on its requests
 *
 * Source: behaviour-concepts.md section 1, windows-behaviour.md CO-1, CO-12. Lock order: request, then jar.
 */

#include <stdarg.h>
#include <stdlib.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "cookie.h"
#include "hostname.h"
#include "jar.h"

#define NAME( text ) text, ARRAYSIZE( text ) - 1

static ULONGLONG utc_now(void)
{
    FILETIME now;

    GetSystemTimeAsFileTime( &now );
    return (ULONGLONG)now.dwHighDateTime << 32 | now.dwLowDateTime;
}

static struct cookie_place place_of( const struct request *request )
{
    const struct endpoint *endpoint = request->endpoint;
    struct cookie_place place = { endpoint->host, endpoint->host_cch, request->target, request->target_cch,
                                  request->secure };

    if (place.host_cch && place.host[0] == '[')
    {
        place.host++;
        place.host_cch -= 2;
    }
    return place;
}

void jar_store( struct request *request )
{
    struct session *session = request->session;
    const struct field *field;
    struct cookie_place place;
    DWORD i;

    if (!headers_find( &request->response, NAME( L"Set-Cookie" ), 0 )) return;
    if (request->options.disabled & WINHTTP_DISABLE_COOKIES) return;
    place = place_of( request );
    AcquireSRWLockExclusive( &session->cookie_lock );
    for (i = 0; (field = headers_find( &request->response, NAME( L"Set-Cookie" ), i )); i++)
        cookies_set( &session->cookies, &place, field->value, field->value_cch, utc_now(), hostname_is_public_suffix );
    ReleaseSRWLockExclusive( &session->cookie_lock );
}

DWORD jar_get( struct request *request, WCHAR **text, DWORD *cch )
{
    struct session *session = request->session;
    struct cookie_place place;
    DWORD err = ERROR_SUCCESS;
    ULONGLONG now;

    *text = NULL;
    *cch  = 0;
    AcquireSRWLockShared( &session->cookie_lock );
    if (session->cookies.count)
    {
        place = place_of( request );
        now   = utc_now();
        *cch  = cookies_get( &session->cookies, &place, now, NULL, 0 );
        if (*cch && !(*text = malloc( *cch * sizeof(WCHAR) ))) err = ERROR_NOT_ENOUGH_MEMORY;
        if (*text) cookies_get( &session->cookies, &place, now, *text, *cch );
    }
    ReleaseSRWLockShared( &session->cookie_lock );
    return err;
}
