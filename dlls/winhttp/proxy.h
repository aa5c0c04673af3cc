/*
 * Which proxy an application has asked for: WinHttpOpen, WINHTTP_OPTION_PROXY, WINHTTP_OPTION_PROXY_RESULT_ENTRY
 *
 * A choice never changes; setting the option puts another one in its place. Requests share their session's by counting.
 * Which servers a choice means for one request is found when its leg begins: proxy_plan.h.
 */

#ifndef WINHTTP_PROXY_H
#define WINHTTP_PROXY_H

#include "object.h"
#include "request_options.h"

struct proxy_choice
{
    LONG         refs;
    DWORD        access_type;    /* WINHTTP_ACCESS_TYPE_NO_, NAMED_ or AUTOMATIC_PROXY */
    const WCHAR *proxy;          /* list as given, behind the struct; NULL unless NAMED_PROXY */
    const WCHAR *bypass;         /* the same; may be NULL with NAMED_PROXY, too */
};

/* Makes a choice with one reference. Texts are copied, and ignored unless NAMED_PROXY (H-2). DEFAULT_PROXY is what the
 * machine's setting is now: a change of it counts for sessions that are opened later. Returns 0, ERROR_INVALID_PARAMETER
 * (unknown type; NAMED_PROXY without a proxy, with a line break, or with what proxy_list_check refuses) or
 * ERROR_NOT_ENOUGH_MEMORY. */
DWORD proxy_choose( DWORD access_type, const WCHAR *proxy, const WCHAR *bypass, struct proxy_choice **ret );
void proxy_grab( struct proxy_choice *choice );
void proxy_release( struct proxy_choice *choice );    /* NULL is nothing to release */

/* The choice of a handle, with a reference. */
struct proxy_choice *proxy_of( const struct request_options *options );

/* WINHTTP_OPTION_PROXY of sessions, of requests, and with NULL the machine's default; strings of a query are the caller's
 * (GlobalFree). Source: options.md section 3.6. */
DWORD proxy_get( struct object *obj, void *value );
DWORD proxy_set( struct object *obj, const void *value );

/* WINHTTP_OPTION_PROXY_RESULT_ENTRY: what one entry of a resolver's result says, as a choice. */
DWORD proxy_set_entry( struct object *obj, const void *value );

#endif /* WINHTTP_PROXY_H */
