/*
 * Proxy resolvers, and the functions that ask about the proxies of a URL
 *
 * Source: functions.md section 8, windows-behaviour.md sections 14.3 and 14.4.
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
#include "autoproxy.h"
#include "notify.h"
#include "proxy_resolver.h"
#include "proxy_store.h"
#include "session.h"
#include "wpad.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define MAX_SERVERS 32     /* of an answer: nobody tries as many */

struct found               /* what an operation has found out */
{
    struct proxy_server *servers;
    DWORD                count;
    BOOL                 direct, bypass;
};

struct proxy_resolver
{
    struct object    hdr;
    SRWLOCK          lock;
    BOOL             busy, closing;
    struct autoproxy question;          /* of the operation that is under way; its cancel event is the resolver's */
    WCHAR           *url, *config_url;  /* of the last one; borrowed by the question */
    BOOL             has_result;
    struct found     result;
    BOOL             has_settings;
    struct proxy_settings settings;     /* see proxy_settings_ex.c */
};

/*--- answers -------------------------------------------------------------------------------------------------------*/

static DWORD take_servers( const struct autoproxy_answer *answer, const WCHAR *url, struct found *found )
{
    if (!(found->servers = malloc( MAX_SERVERS * sizeof(*found->servers) ))) return ERROR_NOT_ENOUGH_MEMORY;
    found->count = autoproxy_servers( answer, url, found->servers, MAX_SERVERS, &found->direct, &found->bypass );
    return ERROR_SUCCESS;
}

static WCHAR *copy_global( const WCHAR *text )
{
    size_t size = (wcslen( text ) + 1) * sizeof(WCHAR);
    WCHAR *copy = GlobalAlloc( GMEM_FIXED, size );

    return copy ? memcpy( copy, text, size ) : NULL;
}

#define SERVER_CCH (PROXY_HOST_MAX + 32)     /* "https://[host]:65535;" */

/* As WINHTTP_PROXY_INFO names it; FALSE: requests with such a list cannot go through one of this kind. */
static BOOL server_text( const struct proxy_server *server, WCHAR *text )
{
    BOOL brackets = wcschr( server->host, ':' ) != NULL;

    if (server->kind != PROXY_HTTP && server->kind != PROXY_HTTPS) return FALSE;
    swprintf( text, SERVER_CCH, L"%ls%ls%ls%ls:%u", server->kind == PROXY_HTTPS ? L"https://" : L"", brackets ? L"[" : L"",
              server->host, brackets ? L"]" : L"", server->port );
    return TRUE;
}

/* What goes through other kinds of proxies only must not go direct behind the back of whoever wrote the script; a choice. */
static DWORD make_list( const struct found *found, WINHTTP_PROXY_INFO *info )
{
    WCHAR text[SERVER_CCH], *list;
    DWORD i;

    info->dwAccessType = WINHTTP_ACCESS_TYPE_NO_PROXY;
    if (!found->count) return ERROR_SUCCESS;
    if (!(list = GlobalAlloc( GMEM_FIXED, found->count * SERVER_CCH * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    *list = 0;
    for (i = 0; i < found->count; i++)
    {
        if (!server_text( &found->servers[i], text )) continue;
        if (*list) wcscat( list, L";" );
        wcscat( list, text );
    }
    if (*list)
    {
        info->dwAccessType = WINHTTP_ACCESS_TYPE_NAMED_PROXY;
        info->lpszProxy    = list;
        return ERROR_SUCCESS;
    }
    GlobalFree( list );
    return found->direct ? ERROR_SUCCESS : ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
}

/* A list of the settings goes out as it is, with its exceptions. */
static DWORD copy_list( const struct autoproxy_answer *answer, WINHTTP_PROXY_INFO *info )
{
    WINHTTP_PROXY_INFO copy = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, copy_global( answer->proxy ), NULL };

    if (answer->bypass) copy.lpszProxyBypass = copy_global( answer->bypass );
    if (copy.lpszProxy && (copy.lpszProxyBypass || !answer->bypass))
    {
        *info = copy;
        return ERROR_SUCCESS;
    }
    GlobalFree( copy.lpszProxy );
    GlobalFree( copy.lpszProxyBypass );
    return ERROR_NOT_ENOUGH_MEMORY;
}

static DWORD make_info( const struct autoproxy_answer *answer, const WCHAR *url, WINHTTP_PROXY_INFO *info )
{
    struct found found = { NULL };
    DWORD err;

    if (answer->proxy) return copy_list( answer, info );
    if (!(err = take_servers( answer, url, &found ))) err = make_list( &found, info );
    free( found.servers );
    return err;
}

/*--- synchronous ---------------------------------------------------------------------------------------------------*/

static void set_question( struct autoproxy *question, const struct session *session, const WINHTTP_AUTOPROXY_OPTIONS *options )
{
    question->flags          = options->dwFlags;
    question->detect_flags   = options->dwAutoDetectFlags;
    question->fetch.timeouts = session->defaults.timeouts;
    question->fetch.logon    = options->fAutoLogonIfChallenged;
}

static DWORD get_proxy( const struct session *session, const WCHAR *url, const WINHTTP_AUTOPROXY_OPTIONS *options,
                        WINHTTP_PROXY_INFO *info )
{
    struct autoproxy question = { .url = url, .config_url = options->lpszAutoConfigUrl };
    WINHTTP_PROXY_INFO found = { 0 };
    struct autoproxy_answer answer;
    DWORD err;

    set_question( &question, session, options );
    if ((err = autoproxy_find( &question, &answer ))) return err;
    if (!(err = make_info( &answer, url, &found ))) *info = found;
    autoproxy_answer_free( &answer );
    return err;
}

BOOL WINAPI WinHttpGetProxyForUrl( HINTERNET handle, const WCHAR *url, WINHTTP_AUTOPROXY_OPTIONS *options,
                                   WINHTTP_PROXY_INFO *info )
{
    struct object *session;
    DWORD err;

    TRACE( "%p, %s, %p, %p\n", handle, debugstr_w( url ), options, info );

    if ((err = info ? autoproxy_check( url, options ) : ERROR_INVALID_PARAMETER)) err = object_refuse( handle, err );
    else if ((session = object_enter( handle, OBJECT_SESSION, &err )))
    {
        err = get_proxy( (struct session *)session, url, options, info );
        object_leave( session );
    }
    TRACE( "-> %lu\n", err );
    SetLastError( err );
    return !err;
}

BOOL WINAPI WinHttpDetectAutoProxyConfigUrl( DWORD flags, WCHAR **url )
{
    WCHAR *found;
    DWORD err;

    TRACE( "%#lx, %p\n", flags, url );

    if (!flags || !url) err = ERROR_INVALID_PARAMETER;
    else
    {
        *url = NULL;
        if (!(err = wpad_detect( flags, NULL, &found )))
        {
            if (!(*url = copy_global( found ))) err = ERROR_NOT_ENOUGH_MEMORY;
            free( found );
        }
    }
    SetLastError( err );
    return !err;
}

DWORD WINAPI WinHttpResetAutoProxy( HINTERNET handle, DWORD flags )
{
    struct object *session;
    DWORD err;

    TRACE( "%p, %#lx\n", handle, flags );

    if (!(session = object_enter( handle, OBJECT_SESSION, &err ))) return err;
    autoproxy_reset( flags );
    object_leave( session );
    return ERROR_SUCCESS;
}

/*--- operations of resolvers ---------------------------------------------------------------------------------------*/

static void resolver_cancel( struct object *obj )
{
    struct proxy_resolver *resolver = (struct proxy_resolver *)obj;

    AcquireSRWLockExclusive( &resolver->lock );
    resolver->closing = TRUE;
    ReleaseSRWLockExclusive( &resolver->lock );
    autoproxy_cancel( &resolver->question );
}

static void resolver_destroy( struct object *obj )
{
    struct proxy_resolver *resolver = (struct proxy_resolver *)obj;

    if (resolver->question.cancel) CloseHandle( resolver->question.cancel );
    free( resolver->url );
    free( resolver->config_url );
    free( resolver->result.servers );
    proxy_settings_free( &resolver->settings );
    free( resolver );
}

static const struct object_ops resolver_ops = { .cancel = resolver_cancel, .destroy = resolver_destroy };

struct operation_start
{
    struct proxy_resolver *resolver;
    DWORD                  api, status;
    resolver_work          work;
    void                  *data;
};

static DWORD CALLBACK resolver_proc( void *arg )
{
    struct operation_start start = *(struct operation_start *)arg;
    struct proxy_resolver *resolver = start.resolver;
    WINHTTP_ASYNC_RESULT result = { start.api, 0 };
    HMODULE module = NULL;

    free( arg );
    result.dwError = start.work( resolver, start.data );
    AcquireSRWLockExclusive( &resolver->lock );
    if (resolver->closing) result.dwError = ERROR_WINHTTP_OPERATION_CANCELLED;
    resolver->busy = FALSE;
    ReleaseSRWLockExclusive( &resolver->lock );

    if (result.dwError) notify( &resolver->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, &result, sizeof(result) );
    else notify( &resolver->hdr, start.status, NULL, 0 );
    object_leave( &resolver->hdr );
    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (const WCHAR *)resolver_proc, &module );
    FreeLibraryAndExitThread( module, 0 );
}

/* Claims the resolver. */
static DWORD resolver_claim( struct proxy_resolver *resolver )
{
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &resolver->lock );
    if (resolver->closing) err = ERROR_WINHTTP_OPERATION_CANCELLED;
    else if (resolver->busy) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else resolver->busy = TRUE;
    ReleaseSRWLockExclusive( &resolver->lock );
    return err;
}

static void resolver_unclaim( struct proxy_resolver *resolver )
{
    AcquireSRWLockExclusive( &resolver->lock );
    resolver->busy = FALSE;
    ReleaseSRWLockExclusive( &resolver->lock );
}

/* The resolver is claimed, and stays so only if this returns ERROR_IO_PENDING. */
static DWORD resolver_launch( struct proxy_resolver *resolver, DWORD api, DWORD status, DWORD_PTR context, resolver_work work,
                              void *data )
{
    struct operation_start *start = malloc( sizeof(*start) );
    HANDLE thread = NULL;
    HMODULE module;

    if (start && GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)resolver_proc, &module ))
    {
        start->resolver = resolver;
        start->api      = api;
        start->status   = status;
        start->work     = work;
        start->data     = data;
        if (context) resolver->hdr.context = context;
        object_use( &resolver->hdr );
        if ((thread = CreateThread( NULL, 0, resolver_proc, start, 0, NULL )))
        {
            CloseHandle( thread );
            return ERROR_IO_PENDING;
        }
        object_leave( &resolver->hdr );
        FreeLibrary( module );
    }
    free( start );
    resolver_unclaim( resolver );
    return ERROR_NOT_ENOUGH_MEMORY;
}

DWORD resolver_start( struct proxy_resolver *resolver, DWORD api, DWORD status, DWORD_PTR context, resolver_work work,
                      void *data )
{
    DWORD err = resolver_claim( resolver );

    return err ? err : resolver_launch( resolver, api, status, context, work, data );
}

/*--- settings, for proxy_settings_ex.c -----------------------------------------------------------------------------*/

void resolver_keep_settings( struct proxy_resolver *resolver, struct proxy_settings *settings )
{
    struct proxy_settings old;

    AcquireSRWLockExclusive( &resolver->lock );
    old = resolver->settings;
    resolver->settings     = *settings;
    resolver->has_settings = TRUE;
    ReleaseSRWLockExclusive( &resolver->lock );
    proxy_settings_free( &old );
}

DWORD resolver_copy_settings( struct proxy_resolver *resolver, struct proxy_settings *copy )
{
    DWORD err;

    AcquireSRWLockShared( &resolver->lock );
    if (!resolver->has_settings) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else err = proxy_settings_copy( copy, &resolver->settings );
    ReleaseSRWLockShared( &resolver->lock );
    return err;
}

/*--- WinHttpGetProxyForUrlEx ---------------------------------------------------------------------------------------*/

static DWORD find_proxies( struct proxy_resolver *resolver, void *data UNUSED )
{
    struct autoproxy_answer answer;
    struct found found = { NULL }, old = { NULL };
    DWORD err;

    if (!(err = autoproxy_find( &resolver->question, &answer )))
    {
        err = take_servers( &answer, resolver->url, &found );
        autoproxy_answer_free( &answer );
    }
    if (err) return err;
    AcquireSRWLockExclusive( &resolver->lock );
    old = resolver->result;
    resolver->result     = found;
    resolver->has_result = TRUE;
    ReleaseSRWLockExclusive( &resolver->lock );
    free( old.servers );
    return ERROR_SUCCESS;
}

/* The resolver is claimed. */
static DWORD keep_question( struct proxy_resolver *resolver, const WCHAR *url, const WINHTTP_AUTOPROXY_OPTIONS *options )
{
    const WCHAR *config_url = options->dwFlags & WINHTTP_AUTOPROXY_CONFIG_URL ? options->lpszAutoConfigUrl : L"";

    free( resolver->url );
    free( resolver->config_url );
    resolver->url        = wcsdup( url );
    resolver->config_url = wcsdup( config_url );
    resolver->question.url        = resolver->url;
    resolver->question.config_url = resolver->config_url;
    set_question( &resolver->question, (struct session *)resolver->hdr.parent, options );
    AcquireSRWLockExclusive( &resolver->lock );
    resolver->has_result = FALSE;
    ReleaseSRWLockExclusive( &resolver->lock );
    return resolver->url && resolver->config_url ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

static DWORD start_find( struct proxy_resolver *resolver, const WCHAR *url, const WINHTTP_AUTOPROXY_OPTIONS *options,
                         DWORD_PTR context )
{
    DWORD err;

    if ((err = resolver_claim( resolver ))) return err;
    if (!(err = keep_question( resolver, url, options )))
        return resolver_launch( resolver, API_GET_PROXY_FOR_URL, WINHTTP_CALLBACK_STATUS_GETPROXYFORURL_COMPLETE, context,
                                find_proxies, NULL );
    resolver_unclaim( resolver );
    return err;
}

/* The selection of an interface is opaque, and nothing here makes one: without it this is WinHttpGetProxyForUrlEx. */
DWORD WINAPI WinHttpGetProxyForUrlEx2( HINTERNET handle, const WCHAR *url, WINHTTP_AUTOPROXY_OPTIONS *options,
                                       DWORD selection_size, BYTE *selection, DWORD_PTR context )
{
    struct object *resolver;
    DWORD err;

    TRACE( "%p, %s, %p, %lu, %p, %#Ix\n", handle, debugstr_w( url ), options, selection_size, selection, context );

    if (!(err = autoproxy_check( url, options )) && selection_size && !selection) err = ERROR_INVALID_PARAMETER;
    if (err) return object_refuse( handle, err );
    if (!(resolver = object_enter( handle, OBJECT_PROXY_RESOLVER, &err ))) return err;
    err = start_find( (struct proxy_resolver *)resolver, url, options, context );
    object_leave( resolver );
    return err;
}

DWORD WINAPI WinHttpGetProxyForUrlEx( HINTERNET handle, const WCHAR *url, WINHTTP_AUTOPROXY_OPTIONS *options,
                                      DWORD_PTR context )
{
    return WinHttpGetProxyForUrlEx2( handle, url, options, 0, NULL, context );
}

static DWORD resolver_open( struct session *session, struct proxy_resolver **ret )
{
    struct proxy_resolver *resolver;
    DWORD err = ERROR_NOT_ENOUGH_MEMORY;

    if (!session->hdr.async) return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;    /* as documented: not "state" */
    if (!(resolver = calloc( 1, sizeof(*resolver) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &resolver->hdr, OBJECT_PROXY_RESOLVER, &resolver_ops, &session->hdr );
    if ((resolver->question.cancel = CreateEventW( NULL, TRUE, FALSE, NULL )) && !(err = object_open( &resolver->hdr )))
        *ret = resolver;
    else
        object_release( &resolver->hdr );
    return err;
}

DWORD WINAPI WinHttpCreateProxyResolver( HINTERNET handle, HINTERNET *ret )
{
    struct proxy_resolver *resolver;
    struct object *session;
    HINTERNET created;
    DWORD err;

    TRACE( "%p, %p\n", handle, ret );

    if (!ret) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(session = object_enter( handle, OBJECT_SESSION, &err ))) return err;
    if (!(err = resolver_open( (struct session *)session, &resolver )))
    {
        *ret = created = resolver->hdr.handle;
        notify( session, WINHTTP_CALLBACK_STATUS_HANDLE_CREATED, &created, sizeof(created) );
    }
    object_leave( session );
    TRACE( "-> %lu\n", err );
    return err;
}

/*--- results -------------------------------------------------------------------------------------------------------*/

static const INTERNET_SCHEME kind_schemes[] =
{
    [PROXY_HTTP]   = INTERNET_SCHEME_HTTP,
    [PROXY_HTTPS]  = INTERNET_SCHEME_HTTPS,
    [PROXY_SOCKS4] = INTERNET_SCHEME_SOCKS,
    [PROXY_SOCKS5] = INTERNET_SCHEME_SOCKS,
};

static void free_entries( WINHTTP_PROXY_RESULT_ENTRY *entries, DWORD count )
{
    DWORD i;

    for (i = 0; entries && i < count; i++) free( entries[i].pwszProxy );
    free( entries );
}

/* A copy, in the order in which they are to be tried; going direct is an entry without a proxy. */
static DWORD copy_entries( const struct found *found, WINHTTP_PROXY_RESULT_ENTRY **ret, DWORD *count )
{
    WINHTTP_PROXY_RESULT_ENTRY *entries;
    DWORD i;

    if (!(entries = calloc( found->count + 1, sizeof(*entries) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < found->count; i++)
    {
        entries[i].fProxy      = TRUE;
        entries[i].ProxyScheme = kind_schemes[found->servers[i].kind];
        entries[i].ProxyPort   = found->servers[i].port;
        if ((entries[i].pwszProxy = wcsdup( found->servers[i].host ))) continue;
        free_entries( entries, i );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    if (found->direct) entries[i++].fBypass = found->bypass;
    *ret = entries;
    *count = i;
    return ERROR_SUCCESS;
}

static DWORD get_result( HINTERNET handle, WINHTTP_PROXY_RESULT_ENTRY **entries, DWORD *count )
{
    struct proxy_resolver *resolver;
    struct object *obj;
    DWORD err;

    if (!(obj = object_enter( handle, OBJECT_PROXY_RESOLVER, &err ))) return err;
    resolver = (struct proxy_resolver *)obj;
    AcquireSRWLockShared( &resolver->lock );
    if (!resolver->has_result) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else err = copy_entries( &resolver->result, entries, count );
    ReleaseSRWLockShared( &resolver->lock );
    object_leave( obj );
    return err;
}

DWORD WINAPI WinHttpGetProxyResult( HINTERNET handle, WINHTTP_PROXY_RESULT *result )
{
    WINHTTP_PROXY_RESULT found = { 0 };
    DWORD err;

    TRACE( "%p, %p\n", handle, result );

    if (!result) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(err = get_result( handle, &found.pEntries, &found.cEntries ))) *result = found;
    return err;
}

DWORD WINAPI WinHttpGetProxyResultEx( HINTERNET handle, WINHTTP_PROXY_RESULT_EX *result )
{
    WINHTTP_PROXY_RESULT_EX found = { 0 };
    DWORD err;

    TRACE( "%p, %p\n", handle, result );

    if (!result) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(err = get_result( handle, &found.pEntries, &found.cEntries ))) *result = found;
    return err;
}

void WINAPI WinHttpFreeProxyResult( WINHTTP_PROXY_RESULT *result )
{
    TRACE( "%p\n", result );

    if (!result) return;
    free_entries( result->pEntries, result->cEntries );
    memset( result, 0, sizeof(*result) );
}

void WINAPI WinHttpFreeProxyResultEx( WINHTTP_PROXY_RESULT_EX *result )
{
    TRACE( "%p\n", result );

    if (!result) return;
    free_entries( result->pEntries, result->cEntries );
    memset( result, 0, sizeof(*result) );
}
