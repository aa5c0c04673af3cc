/*
 * Proxy plans: the servers through which one request may go to its present place
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "proxy.h"
#include "proxy_list.h"
#include "proxy_plan.h"
#include "proxy_store.h"
#include "request.h"
#include "transport.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_SERVERS 16       /* of an answer: who names more gets these */

/*--- proxies that could not be reached -----------------------------------------------------------------------------*/

#define FAILED_MS    300000  /* so long they come last; WinINet's habit is half an hour, browsers' five minutes */
#define FAILED_COUNT 16

static struct { struct proxy_hop hop; ULONGLONG until; } failed[FAILED_COUNT];
static SRWLOCK failed_lock = SRWLOCK_INIT;

static BOOL same_hop( const struct proxy_hop *a, const struct proxy_hop *b )
{
    return a->kind == b->kind && a->port == b->port && a->host_len == b->host_len && !memcmp( a->host, b->host, a->host_len );
}

static BOOL has_failed( const struct proxy_hop *hop )
{
    ULONGLONG now = GetTickCount64();
    BOOL ret = FALSE;
    unsigned int i;

    AcquireSRWLockShared( &failed_lock );
    for (i = 0; i < FAILED_COUNT && !ret; i++) ret = failed[i].until > now && same_hop( &failed[i].hop, hop );
    ReleaseSRWLockShared( &failed_lock );
    return ret;
}

/* In its own place, or in that of the one that will be forgotten first. */
static void remember_failed( const struct proxy_hop *hop )
{
    unsigned int i, place = 0;

    AcquireSRWLockExclusive( &failed_lock );
    for (i = 0; i < FAILED_COUNT; i++)
    {
        if (same_hop( &failed[i].hop, hop ))
        {
            place = i;
            break;
        }
        if (failed[i].until < failed[place].until) place = i;
    }
    failed[place].hop   = *hop;
    failed[place].until = GetTickCount64() + FAILED_MS;
    ReleaseSRWLockExclusive( &failed_lock );
}

/*--- where a request goes ------------------------------------------------------------------------------------------*/

struct target
{
    const WCHAR  *scheme;
    WCHAR        *url;       /* absolute; the host is in it */
    WCHAR        *host;      /* as the program wrote it; behind the URL */
    DWORD         host_cch;
    INTERNET_PORT port;
};

static DWORD target_init( struct request *request, struct target *target )
{
    const struct endpoint *endpoint;
    WCHAR *url, *grown;
    DWORD cch;

    AcquireSRWLockShared( &request->lock );
    endpoint = request->endpoint;
    if ((url = request_url( request, &cch )))
    {
        target->scheme   = request->secure ? L"https" : L"http";
        target->port     = request->port;
        target->host_cch = endpoint->name_cch;
        if ((grown = realloc( url, (cch + 1 + endpoint->name_cch + 1) * sizeof(WCHAR) )))
        {
            target->host = grown + cch + 1;
            memcpy( target->host, endpoint->name, endpoint->name_cch * sizeof(WCHAR) );
            target->host[endpoint->name_cch] = 0;
        }
        else free( url );
        url = grown;
    }
    ReleaseSRWLockShared( &request->lock );
    target->url = url;
    return url ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

/* Names and addresses of this host itself. */
static BOOL is_loopback( const struct target *target )
{
    static const WCHAR localhost[] = L"localhost";
    const DWORD cch = ARRAYSIZE( localhost ) - 1;
    const WCHAR *end = target->host + target->host_cch;

    if (!wcsncmp( target->host, L"127.", 4 ) && wcsspn( target->host, L"0123456789." ) == target->host_cch) return TRUE;
    if (!wcscmp( target->host, L"::1" ) || !wcscmp( target->host, L"[::1]" )) return TRUE;
    if (target->host_cch < cch || _wcsnicmp( end - cch, localhost, cch )) return FALSE;
    return target->host_cch == cch || end[-(int)cch - 1] == '.';
}

/* The user's settings, other than the lists of programs, never send requests to this host itself away, unless they say so:
 * as WinINet and browsers read them. */
static BOOL bypasses( const WCHAR *bypass, const struct target *target )
{
    if ((!bypass || !wcsstr( bypass, L"<-loopback>" )) && is_loopback( target )) return TRUE;
    return proxy_bypass_match( bypass, target->scheme, target->host, target->host_cch, target->port );
}

/*--- servers -------------------------------------------------------------------------------------------------------*/

static const uint32_t kinds[] =
{
    [PROXY_HTTP]   = WH_PROXY_HTTP,
    [PROXY_HTTPS]  = WH_PROXY_HTTPS,
    [PROXY_SOCKS4] = WH_PROXY_SOCKS4,
    [PROXY_SOCKS5] = WH_PROXY_SOCKS5,
};

/* A name that is none is left out. */
static void add_server( struct proxy_plan *plan, const struct proxy_server *server )
{
    struct proxy_hop *hop = &plan->hops[plan->count];

    memset( hop, 0, sizeof(*hop) );
    if (url_host_to_ascii( server->host, wcslen( server->host ), hop->host, sizeof(hop->host) ))
    {
        WARN( "%s is no host\n", debugstr_w( server->host ) );
        return;
    }
    hop->kind     = kinds[server->kind];
    hop->port     = server->port;
    hop->host_len = strlen( hop->host );
    plan->count++;
}

static void add_direct( struct proxy_plan *plan )
{
    memset( &plan->hops[plan->count++], 0, sizeof(*plan->hops) );
}

static DWORD make_hops( struct proxy_plan *plan, const struct proxy_server *servers, DWORD count, BOOL direct )
{
    DWORD i;

    if (!count) return ERROR_SUCCESS;
    if (!(plan->hops = malloc( (count + direct) * sizeof(*plan->hops) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < count; i++) add_server( plan, &servers[i] );
    /* Settings that name only what is no host do not say that requests should go without. */
    if (!plan->count && !direct) return ERROR_WINHTTP_NAME_NOT_RESOLVED;
    if (direct) add_direct( plan );
    return ERROR_SUCCESS;
}

/* Those that could not be reached lately go behind the others; among equals the order stays. */
static void put_failed_last( struct proxy_plan *plan )
{
    struct proxy_hop hop;
    DWORD i, left = plan->count;

    for (i = 0; left--;)
    {
        if (!has_failed( &plan->hops[i] ))
        {
            i++;
            continue;
        }
        hop = plan->hops[i];
        memmove( &plan->hops[i], &plan->hops[i + 1], (plan->count - i - 1) * sizeof(hop) );
        plan->hops[plan->count - 1] = hop;
    }
}

/*--- kinds of choices ----------------------------------------------------------------------------------------------*/

static DWORD plan_named( const struct proxy_choice *choice, const struct target *target, struct proxy_plan *plan )
{
    struct proxy_server server;

    if (proxy_bypass_match( choice->bypass, target->scheme, target->host, target->host_cch, target->port )) return ERROR_SUCCESS;
    if (!proxy_list_find( choice->proxy, target->scheme, &server, 1 )) return ERROR_SUCCESS;
    return make_hops( plan, &server, 1, FALSE );    /* the first one, and no other */
}

static DWORD plan_answer( const WCHAR *answer, struct proxy_plan *plan )
{
    struct proxy_server *servers;
    DWORD count, err;
    BOOL direct;

    if (!(servers = malloc( MAX_SERVERS * sizeof(*servers) ))) return ERROR_NOT_ENOUGH_MEMORY;
    count = proxy_script_find( answer, servers, MAX_SERVERS, &direct );
    err = make_hops( plan, servers, min( count, MAX_SERVERS ), direct );
    free( servers );
    if (!err) put_failed_last( plan );
    return err;
}

static DWORD plan_list( const struct proxy_settings *settings, const struct target *target, struct proxy_plan *plan )
{
    struct proxy_server *servers;
    DWORD count, err;

    if (bypasses( settings->bypass, target )) return ERROR_SUCCESS;
    if (!(servers = malloc( MAX_SERVERS * sizeof(*servers) ))) return ERROR_NOT_ENOUGH_MEMORY;
    count = proxy_list_find( settings->proxy, target->scheme, servers, MAX_SERVERS );
    err = make_hops( plan, servers, min( count, MAX_SERVERS ), FALSE );
    free( servers );
    if (!err) put_failed_last( plan );
    return err;
}

/* Scripts first, then the list, then nothing: the order of WinINet and of browsers. */
static DWORD plan_settings( struct session *session, const struct proxy_settings *settings, const struct target *target,
                            struct proxy_plan *plan )
{
    DWORD sources = settings->flags & WINHTTP_PROXY_TYPE_AUTO_DETECT, err;
    WCHAR *answer;

    if ((settings->flags & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL) && settings->url) sources |= WINHTTP_PROXY_TYPE_AUTO_PROXY_URL;
    if (sources && !bypasses( NULL, target ))
    {
        if (!(err = proxy_auto_find( session, sources, settings->url, target->url, &answer )))
        {
            err = plan_answer( answer, plan );
            free( answer );
            return err;
        }
        TRACE( "no script: %lu\n", err );
        if (err != ERROR_WINHTTP_AUTODETECTION_FAILED && err != ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT) return err;
    }
    if (!(settings->flags & WINHTTP_PROXY_TYPE_PROXY) || !settings->proxy) return ERROR_SUCCESS;
    return plan_list( settings, target, plan );
}

/*--- automatic settings --------------------------------------------------------------------------------------------*/

#define SETTINGS_MS 1000    /* so long they are not looked at again: a read costs as much as a small request */

struct settings_copy
{
    LONG                  refs;
    struct proxy_settings settings;
};

static struct settings_copy *latest;
static ULONGLONG latest_until;
static SRWLOCK latest_lock = SRWLOCK_INIT;

static void settings_release( struct settings_copy *copy )
{
    if (!copy || InterlockedDecrement( &copy->refs )) return;
    proxy_settings_free( &copy->settings );
    free( copy );
}

static DWORD settings_read( struct settings_copy **ret )
{
    struct settings_copy *copy, *old;
    DWORD err;

    if (!(copy = calloc( 1, sizeof(*copy) ))) return ERROR_NOT_ENOUGH_MEMORY;
    err = proxy_store_effective( TRUE, &copy->settings );
    if (err && err != ERROR_FILE_NOT_FOUND)
    {
        free( copy );
        return err;
    }
    copy->refs = 2;
    AcquireSRWLockExclusive( &latest_lock );
    old = latest;
    latest = copy;
    latest_until = GetTickCount64() + SETTINGS_MS;
    ReleaseSRWLockExclusive( &latest_lock );
    settings_release( old );
    *ret = copy;
    return ERROR_SUCCESS;
}

/* Those in force, all zero if there are none. Release them. */
static DWORD settings_get( struct settings_copy **ret )
{
    struct settings_copy *copy = NULL;

    AcquireSRWLockShared( &latest_lock );
    if (latest && GetTickCount64() < latest_until)
    {
        copy = latest;
        InterlockedIncrement( &copy->refs );
    }
    ReleaseSRWLockShared( &latest_lock );
    *ret = copy;
    return copy ? ERROR_SUCCESS : settings_read( ret );
}

void proxy_plan_forget(void)
{
    struct settings_copy *old;

    AcquireSRWLockExclusive( &latest_lock );
    old = latest;
    latest = NULL;
    ReleaseSRWLockExclusive( &latest_lock );
    settings_release( old );
}

BOOL proxy_plan_may_block( const struct request *request )
{
    struct proxy_choice *choice = proxy_of( &request->options );
    BOOL automatic = choice->access_type == WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, ret;
    struct settings_copy *copy;

    proxy_release( choice );
    if (!automatic || settings_get( &copy )) return FALSE;
    ret = (copy->settings.flags & (WINHTTP_PROXY_TYPE_AUTO_DETECT | WINHTTP_PROXY_TYPE_AUTO_PROXY_URL)) != 0;
    settings_release( copy );
    return ret;
}

static DWORD plan_automatic( struct session *session, const struct target *target, struct proxy_plan *plan )
{
    struct settings_copy *copy;
    DWORD err;

    if ((err = settings_get( &copy ))) return err;
    err = plan_settings( session, &copy->settings, target, plan );
    settings_release( copy );
    return err;
}

/*--- plans ---------------------------------------------------------------------------------------------------------*/

/* What the transport cannot do yet must not go direct. */
static BOOL is_supported( const struct request *request, const struct proxy_hop *hop )
{
    if (hop->kind == WH_PROXY_NONE) return TRUE;
    if (hop->kind == WH_PROXY_HTTP && !request->secure && !request->options.upgrade) return TRUE;
    return (transport_features() & WH_FEATURE_TUNNEL) != 0;
}

/* Takes out those that the transport cannot go through, as long as others are left: not if only direct would be. */
static DWORD check_plan( const struct request *request, struct proxy_plan *plan )
{
    DWORD i, kept = 0, proxies = 0;

    for (i = 0; i < plan->count; i++)
    {
        if (!is_supported( request, &plan->hops[i] )) continue;
        if (plan->hops[i].kind != WH_PROXY_NONE) proxies++;
        plan->hops[kept++] = plan->hops[i];
    }
    if (kept == plan->count) return ERROR_SUCCESS;
    plan->count = kept;
    FIXME( "%p: a proxy that needs a tunnel, or SOCKS\n", request->hdr.handle );
    return proxies ? ERROR_SUCCESS : ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
}

static ULONGLONG now(void)
{
    LARGE_INTEGER counter;

    QueryPerformanceCounter( &counter );
    return counter.QuadPart;
}

DWORD proxy_plan_make( struct request *request, struct proxy_plan *plan )
{
    struct proxy_choice *choice = proxy_of( &request->options );
    struct target target;
    DWORD err = ERROR_SUCCESS;

    memset( plan, 0, sizeof(*plan) );
    if (choice->access_type != WINHTTP_ACCESS_TYPE_NO_PROXY && !(err = target_init( request, &target )))
    {
        if (choice->access_type == WINHTTP_ACCESS_TYPE_NAMED_PROXY) err = plan_named( choice, &target, plan );
        else
        {
            plan->start = now();
            err = plan_automatic( request->session, &target, plan );
            plan->end = now();
        }
        if (!err) err = check_plan( request, plan );
        if (err) proxy_plan_free( plan );
        free( target.url );
    }
    proxy_release( choice );
    if (plan->count) TRACE( "%p: %lu, first %s:%u\n", request->hdr.handle, plan->count, plan->hops->host, plan->hops->port );
    return err;
}

void proxy_plan_free( struct proxy_plan *plan )
{
    free( plan->hops );
    memset( plan, 0, sizeof(*plan) );
}

void proxy_plan_use( struct request *request, struct proxy_plan *plan )
{
    proxy_plan_free( &request->proxies );
    request->proxies = *plan;
    memset( plan, 0, sizeof(*plan) );
}

const struct proxy_hop *proxy_plan_hop( const struct request *request )
{
    const struct proxy_plan *plan = &request->proxies;

    return plan->count && plan->hops[plan->at].kind != WH_PROXY_NONE ? &plan->hops[plan->at] : NULL;
}

static BOOL speaks_http( const struct proxy_hop *hop )
{
    return hop && (hop->kind == WH_PROXY_HTTP || hop->kind == WH_PROXY_HTTPS);
}

/* A WebSocket is none of a proxy's messages: it goes through a tunnel. */
BOOL proxy_plan_is_absolute( const struct request *request )
{
    return speaks_http( proxy_plan_hop( request ) ) && !request->secure && !request->websocket;
}

BOOL proxy_plan_is_tunnel( const struct request *request )
{
    return speaks_http( proxy_plan_hop( request ) ) && (request->secure || request->websocket);
}

BOOL proxy_plan_next( struct request *request )
{
    const struct proxy_hop *hop = proxy_plan_hop( request );
    struct proxy_plan *plan = &request->proxies;

    if (!hop) return FALSE;
    WARN( "%p: proxy %s:%u cannot be reached\n", request->hdr.handle, hop->host, hop->port );
    remember_failed( hop );
    plan->failures++;
    if (plan->at + 1 >= plan->count) return FALSE;
    plan->at++;
    return TRUE;
}
