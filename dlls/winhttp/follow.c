/*
 * What follows a final response head: it is the program's, or the request goes on
 *
 * Source: behaviour-concepts.md section 2, windows-behaviour.md RD-1 to RD-8, windows-notifications.md section 4. The
 * rules of redirects are redirect.c's; here are limits, state and the order of things.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth.h"
#include "client_cert.h"
#include "follow.h"
#include "head_out.h"
#include "notify.h"
#include "redirect.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define NAME( text ) text, ARRAYSIZE( text ) - 1

#define HTTP_STATUS_MISDIRECTED 421    /* RFC 9110 section 15.5.20; in no public header */

/* 304 and others that are no redirects never come here. request->lock is held. */
static BOOL is_redirect( const struct request *request )
{
    if (!redirect_status( request->status.status ) || (request->head_flags & WHR_FROM_PROXY)) return FALSE;
    return request->options.redirect_policy != WINHTTP_OPTION_REDIRECT_POLICY_NEVER &&
           !(request->options.disabled & WINHTTP_DISABLE_REDIRECTS);
}

/* Where Location leads. A limit that is reached is found before anything is told. request->lock is held. */
static DWORD redirect_find( struct request *request, struct redirect *redirect )
{
    const struct field *location = headers_find( &request->response, NAME( L"Location" ), 0 );
    DWORD err, cch;
    WCHAR *url;

    if (!location) return ERROR_WINHTTP_HEADER_NOT_FOUND;
    if (request->redirects >= request->options.max_redirects) return ERROR_WINHTTP_REDIRECT_FAILED;
    if (!(url = request_url( request, &cch ))) return ERROR_NOT_ENOUGH_MEMORY;
    err = redirect_resolve( redirect, url, cch, location->value, location->value_cch,
                            request->options.redirect_policy, request->options.reject_userpwd );
    free( url );
    return err;
}

/* The server that the new URL names; *moved is NULL if it is the present one. request->lock is held. */
static DWORD redirect_endpoint( const struct request *request, const struct url_span *host, struct endpoint **moved )
{
    const struct endpoint *now = request->endpoint;
    DWORD err;

    *moved = NULL;
    if (host->cch == now->host_cch && !_wcsnicmp( host->text, now->host, host->cch )) return ERROR_SUCCESS;
    if (!(*moved = calloc( 1, sizeof(**moved) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (!(err = endpoint_init( *moved, host->text, host->cch ))) return ERROR_SUCCESS;
    endpoint_free( *moved );
    free( *moved );
    return err;
}

/* What is sent next, once nothing can fail any more. request->lock is held. */
static void redirect_commit( struct request *request, const struct redirect *redirect, struct endpoint *moved,
                             BOOL to_get )
{
    const BOOL was_secure = request->secure;

    request->redirects++;
    free( request->object );    /* the new target is none that was opened */
    request->object = NULL;
    request->secure = redirect->url.scheme_id == INTERNET_SCHEME_HTTPS;
    request->port   = redirect->url.port;
    if (moved)
    {
        if (request->moved) endpoint_free( request->moved );
        free( request->moved );
        request->endpoint = request->moved = moved;
    }
    if (redirect->new_origin)
    {
        request->h1_only = FALSE;
        auth_forget_server( request );    /* before the callback, which may set others */
    }
    redirect_edit_headers( &request->headers, redirect->new_origin, to_get, was_secure && !request->secure );
}

/* Makes the request what the new URL asks for: all or nothing. request->lock is held. */
static DWORD redirect_apply( struct request *request, const struct redirect *redirect, BOOL to_get )
{
    struct endpoint *moved;
    DWORD err;

    if ((err = redirect_endpoint( request, &redirect->url.host, &moved ))) return err;
    if (!(err = head_strip( request )))
        err = request_set_line( request, to_get ? L"GET" : request->verb, redirect->url.path.text, NULL );
    if (!err) redirect_commit( request, redirect, moved, to_get );
    else if (moved)
    {
        endpoint_free( moved );
        free( moved );
    }
    return err;
}

/* Whether the body can go along; to_get leaves it behind. A body that WinHttpWriteData has sent, or still sends, has to
 * come from the program again, on the same handle: the request is at its new place. request->lock is held. */
static DWORD redirect_body( struct request *request, BOOL to_get )
{
    if (request->in_flight || request->sending.api) return ERROR_WINHTTP_RESEND_REQUEST;
    if (!to_get) return leg_can_repeat_body( request ) ? ERROR_SUCCESS : ERROR_WINHTTP_RESEND_REQUEST;
    return ERROR_SUCCESS;
}

/* request->lock is held. The message of the next leg has no body. */
static void redirect_drop_body( struct request *request )
{
    request->body     = NULL;
    request->body_len = 0;
    request->total    = request->written = 0;
    request->chunked  = FALSE;
}

/* The callback may edit headers, look at the response, or close the handle. A synchronous one may also read the body: its
 * reads end inside it. Those of an asynchronous one would not. */
static void redirect_tell( struct request *request, const struct redirect *redirect )
{
    struct operation saved;

    if (!request->hdr.async) operation_lend( &request->receiving, &saved );
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REDIRECT, redirect->text, redirect->cch + 1 );
    if (!request->hdr.async) operation_take_back( &request->receiving, &saved );
}

static enum follow follow_redirect( struct request *request, BOOL *drain, DWORD *err )
{
    struct redirect redirect;
    struct proxy_plan proxies;
    BOOL to_get, found, later;

    AcquireSRWLockExclusive( &request->lock );
    to_get = redirect_to_get( request->status.status, request->verb );
    if ((found = !(*err = redirect_find( request, &redirect )))) *err = redirect_apply( request, &redirect, to_get );
    if (!*err) *err = request_check_target( request );
    ReleaseSRWLockExclusive( &request->lock );

    if (!*err)
    {
        TRACE( "%p: to %s\n", request->hdr.handle, debugstr_w( redirect.text ) );
        if (redirect.new_origin) client_cert_forget( &request->options );    /* the callback may set another one */
        redirect_tell( request, &redirect );
        *drain = !redirect.new_origin;
    }
    later = request->hdr.async && proxy_plan_may_block( request );
    if (!*err && (later || !(*err = proxy_plan_make( request, &proxies ))))
    {
        AcquireSRWLockExclusive( &request->lock );
        request->plan_later = later;
        if (!later) proxy_plan_use( request, &proxies );
        if (!(*err = redirect_body( request, to_get )) && to_get)
        {
            *drain = *drain && !leg_owes_body( request );    /* forgotten with the body */
            redirect_drop_body( request );
        }
        ReleaseSRWLockExclusive( &request->lock );
    }
    if (found) redirect_free( &redirect );
    return *err ? FOLLOW_FAIL : FOLLOW_LEG;
}

/* Answers that say that the same request may fare better on another connection. */
static unsigned int retry_status( const struct request *request )
{
    if (request->status.status == HTTP_STATUS_REQUEST_TIMEOUT) return LEG_RETRY_STATUS;
    if (request->status.status == HTTP_STATUS_MISDIRECTED && (request->head_flags & WHR_H2)) return LEG_RETRY_MISDIRECTED;
    return 0;
}

enum follow follow_head( struct request *request, struct step *step, BOOL *drain, DWORD *err )
{
    unsigned int retry = retry_status( request );
    BOOL redirect;

    if (retry && leg_retry( request, step, retry )) return FOLLOW_RETRY;

    AcquireSRWLockExclusive( &request->lock );
    auth_map_passport( request );
    ReleaseSRWLockExclusive( &request->lock );
    switch (auth_follow( request, drain ))
    {
    case AUTH_DELIVER:
        break;
    case AUTH_LEG:
        return FOLLOW_LEG;
    case AUTH_OVERFLOW:
        *err = ERROR_WINHTTP_RESPONSE_DRAIN_OVERFLOW;
        return FOLLOW_FAIL;
    case AUTH_RESEND:
        *err = ERROR_WINHTTP_RESEND_REQUEST;
        return FOLLOW_FAIL;
    }

    AcquireSRWLockShared( &request->lock );
    redirect = is_redirect( request );
    ReleaseSRWLockShared( &request->lock );
    return redirect ? follow_redirect( request, drain, err ) : FOLLOW_DELIVER;
}
