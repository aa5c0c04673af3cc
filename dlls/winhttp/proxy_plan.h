/*
 * Proxy plans: the servers through which one request may go to its present place, in the order in which they are tried
 *
 * Made from the choice of the request's options (proxy.h) before its first leg, and again after a redirect. NAMED_PROXY has
 * one server at most, and nothing after it; AUTOMATIC_PROXY goes on with the next one, or direct, when one cannot be
 * reached. Those are remembered, and come last for some minutes. Source: behaviour-concepts.md sections 4.1 to 4.5.
 */

#ifndef WINHTTP_PROXY_PLAN_H
#define WINHTTP_PROXY_PLAN_H

#include <stdint.h>

struct request;
struct session;

struct proxy_hop
{
    uint32_t      kind;         /* WH_PROXY_*; NONE is direct */
    INTERNET_PORT port;
    DWORD         host_len;
    char          host[256];    /* ASCII, without brackets, NUL-terminated */
};

struct proxy_plan
{
    struct proxy_hop *hops;     /* NULL: direct, and that is all */
    DWORD             count;
    DWORD             at;       /* which one the present leg takes */
    DWORD             failures; /* of proxies that could not be reached */
    ULONGLONG         start, end;    /* of finding it out, for AUTOMATIC_PROXY; ticks of the performance counter */
};

/* Makes the plan for where the request goes now; *plan is overwritten, and not the request's own. May block: scripts are
 * asked here. No lock is held. Returns 0, ERROR_NOT_ENOUGH_MEMORY, what proxy_auto_find says, or
 * ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR: the transport cannot go through a proxy of this kind. */
DWORD proxy_plan_make( struct request *request, struct proxy_plan *plan );
void proxy_plan_free( struct proxy_plan *plan );

/* Whether that would ask a script: asynchronous calls leave it to a worker. No lock is held. */
BOOL proxy_plan_may_block( const struct request *request );

/* Puts it in the place of the request's own. request->lock is held. */
void proxy_plan_use( struct request *request, struct proxy_plan *plan );

/* The proxy of the present leg, NULL if it goes direct. request->lock is held. */
const struct proxy_hop *proxy_plan_hop( const struct request *request );

/* The present leg sends a target in absolute form: it is for the proxy itself to read. request->lock is held. */
BOOL proxy_plan_is_absolute( const struct request *request );

/* The present leg asks a proxy that speaks HTTP for a tunnel. request->lock is held. */
BOOL proxy_plan_is_tunnel( const struct request *request );

/* The present proxy could not be reached: goes on to what is tried next. FALSE: there is nothing. request->lock is held. */
BOOL proxy_plan_next( struct request *request );

/* The settings have changed, or the module goes: what is kept of them is dropped. */
void proxy_plan_forget( void );

/* What scripts say about a URL. `sources` are WINHTTP_PROXY_TYPE_AUTO_DETECT and _AUTO_PROXY_URL, the latter with
 * `script_url`; *answer is given (free): "PROXY a:80; DIRECT", as proxy_script_find reads it. May block; no lock is held.
 * Returns 0, ERROR_WINHTTP_AUTODETECTION_FAILED (no script was found), ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT (there is
 * one, but not from here): the other settings count. Any other error is the request's. */
DWORD proxy_auto_find( struct session *session, DWORD sources, const WCHAR *script_url, const WCHAR *url, WCHAR **answer );

#endif /* WINHTTP_PROXY_PLAN_H */
