/*
 * Redirects: which responses are followed, where to, and what becomes of verb, body and headers
 *
 * No handles, no counting, no order: flow.c asks here and acts. Compiled natively for unit tests, too.
 * Spec: behaviour-concepts.md section 2, windows-behaviour RD-3, RD-5, RD-7, security.md "Redirect credential leak".
 */

#ifndef WINHTTP_REDIRECT_H
#define WINHTTP_REDIRECT_H

#include "headers.h"
#include "url.h"

struct redirect
{
    WCHAR      *text;          /* the new URL: absolute, ASCII, NUL-terminated; no user-info, no fragment, the port only
                                * if it is not the scheme's. For the notification and WINHTTP_OPTION_URL */
    DWORD       cch;
    struct url  url;           /* of text; path and extra together are the request target: the rest of text */
    BOOL        new_origin;    /* scheme, host or port differ from the old URL's */
};

/* A response with this status and a Location is followed; policy and features are the caller's business. */
BOOL redirect_status( DWORD status );

/* The next leg is a GET without a body, whatever the verb was: 303 of all but GET and HEAD, 300 to 302 of POST. */
BOOL redirect_to_get( DWORD status, const WCHAR *verb );

/* Where `location` (the field's value) leads from the absolute URL `base`, by RFC 3986 section 5.2. `policy` is
 * WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP or _ALWAYS; the caller does not come here under _NEVER.
 * reject_userpwd is WINHTTP_OPTION_REJECT_USERPWD_IN_URL: without it user and password are dropped, never used.
 * On success redirect->text is given (redirect_free); after an error there is nothing to free.
 * Returns 0, ERROR_WINHTTP_REDIRECT_FAILED (policy), ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_INVALID_URL (also
 * for control characters and for hosts that url_host_to_ascii refuses), ERROR_NOT_ENOUGH_MEMORY. */
DWORD redirect_resolve( struct redirect *redirect, const WCHAR *base, DWORD base_cch, const WCHAR *location,
                        DWORD location_cch, DWORD policy, BOOL reject_userpwd );
void redirect_free( struct redirect *redirect );

/* Takes out of a request's headers what must not go along: credentials and Host to a new origin, what describes the body
 * when there is none any more, the referer from https to http. To be called before the REDIRECT notification, so that what
 * the application adds in it stays; fields that are generated for each leg are generated again after it. Cannot fail. */
void redirect_edit_headers( struct headers *headers, BOOL new_origin, BOOL to_get, BOOL to_http );

#endif
