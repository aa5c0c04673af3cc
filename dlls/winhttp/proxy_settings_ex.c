/*
 * Extended proxy settings: WinHttpGetProxySettingsEx, an operation of a proxy resolver
 *
 * What subsystems of Windows (WSL, WSA, the XBox's) get to copy into their own settings: what is in force here, each proxy
 * and each exception for itself. The kinds differ in what a Windows service knows of their networks, which there is none of
 * here; flags and names in the parameters are "to be determined" by their documentation, and change nothing.
 * Source: functions.md section 8, structures.md.
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
#include "object.h"
#include "proxy_list.h"
#include "proxy_resolver.h"
#include "proxy_store.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

static BOOL is_known( DWORD type )
{
    return type == WinHttpProxySettingsTypeWsl || type == WinHttpProxySettingsTypeWsa || type == WinHttpProxySettingsTypeXBox;
}

static DWORD read_settings( struct proxy_resolver *resolver, void *data )
{
    struct proxy_settings settings = { 0 };
    DWORD err = proxy_store_effective( TRUE, &settings );

    TRACE( "%p: %p, error %lu\n", resolver, data, err );
    if (err == ERROR_FILE_NOT_FOUND)
    {
        settings.flags = WINHTTP_PROXY_TYPE_DIRECT;
        err = ERROR_SUCCESS;
    }
    if (!err) resolver_keep_settings( resolver, &settings );
    return err;
}

DWORD WINAPI WinHttpGetProxySettingsEx( HINTERNET handle, WINHTTP_PROXY_SETTINGS_TYPE type,
                                        WINHTTP_PROXY_SETTINGS_PARAM *param, DWORD_PTR context )
{
    struct object *resolver;
    DWORD err;

    TRACE( "%p, %u, %p, %#Ix\n", handle, type, param, context );

    if (!is_known( type )) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(resolver = object_enter( handle, OBJECT_PROXY_RESOLVER, &err ))) return err;
    err = resolver_start( (struct proxy_resolver *)resolver, API_GET_PROXY_SETTINGS,
                          WINHTTP_CALLBACK_STATUS_GETPROXYSETTINGS_COMPLETE, context, read_settings, NULL );
    object_leave( resolver );
    return err;
}

/*--- the result ----------------------------------------------------------------------------------------------------*/

/* The first proxy for a scheme, as "host:port"; NULL in *ret if there is none that speaks HTTP. */
static DWORD copy_server( const WCHAR *list, const WCHAR *scheme, PCWSTR *ret )
{
    struct proxy_server server;
    WCHAR text[PROXY_HOST_MAX + 32];
    BOOL brackets;

    if (!proxy_list_find( list, scheme, &server, 1 ) || server.kind > PROXY_HTTPS) return ERROR_SUCCESS;
    brackets = wcschr( server.host, ':' ) != NULL;
    swprintf( text, ARRAYSIZE( text ), L"%ls%ls%ls%ls:%u", server.kind == PROXY_HTTPS ? L"https://" : L"", brackets ? L"[" : L"",
              server.host, brackets ? L"]" : L"", server.port );
    return (*ret = wcsdup( text )) ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

static void free_members( WINHTTP_PROXY_SETTINGS_EX *settings )
{
    DWORD i;

    for (i = 0; i < settings->cProxyBypasses; i++) free( (void *)settings->rgpcwszProxyBypasses[i] );
    free( settings->rgpcwszProxyBypasses );
    free( (void *)settings->pcwszAutoconfigUrl );
    free( (void *)settings->pcwszProxy );
    free( (void *)settings->pcwszSecureProxy );
    free( (void *)settings->pcwszConnectionName );
    memset( settings, 0, sizeof(*settings) );
}

static DWORD copy_bypasses( const WCHAR *list, WINHTTP_PROXY_SETTINGS_EX *ret )
{
    static const WCHAR separators[] = L"; \t\r\n";
    DWORD max = wcslen( list ) / 2 + 1;    /* entries of one character */
    size_t cch;
    WCHAR *copy;

    if (!(ret->rgpcwszProxyBypasses = calloc( max, sizeof(*ret->rgpcwszProxyBypasses) ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (;; list += cch)
    {
        list += wcsspn( list, separators );
        if (!(cch = wcscspn( list, separators ))) return ERROR_SUCCESS;
        if (!(copy = malloc( (cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
        memcpy( copy, list, cch * sizeof(WCHAR) );
        copy[cch] = 0;
        ret->rgpcwszProxyBypasses[ret->cProxyBypasses++] = copy;
    }
}

static DWORD make_result( const struct proxy_settings *settings, WINHTTP_PROXY_SETTINGS_EX *ret )
{
    DWORD err = ERROR_SUCCESS;

    ret->ullGenerationId = proxy_store_version();
    ret->ullFlags        = settings->flags;
    if ((settings->flags & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL) && settings->url &&
        !(ret->pcwszAutoconfigUrl = wcsdup( settings->url )))
        err = ERROR_NOT_ENOUGH_MEMORY;
    if (!err && (settings->flags & WINHTTP_PROXY_TYPE_PROXY) && settings->proxy &&
        !(err = copy_server( settings->proxy, L"http", &ret->pcwszProxy )) &&
        !(err = copy_server( settings->proxy, L"https", &ret->pcwszSecureProxy )) && settings->bypass)
        err = copy_bypasses( settings->bypass, ret );
    if (err) free_members( ret );
    return err;
}

DWORD WINAPI WinHttpGetProxySettingsResultEx( HINTERNET handle, void *result )
{
    WINHTTP_PROXY_SETTINGS_EX found = { 0 };
    struct proxy_settings settings = { 0 };
    struct object *resolver;
    DWORD err;

    TRACE( "%p, %p\n", handle, result );

    if (!result) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(resolver = object_enter( handle, OBJECT_PROXY_RESOLVER, &err ))) return err;
    if (!(err = resolver_copy_settings( (struct proxy_resolver *)resolver, &settings )))
    {
        if (!(err = make_result( &settings, &found ))) *(WINHTTP_PROXY_SETTINGS_EX *)result = found;
        proxy_settings_free( &settings );
    }
    object_leave( resolver );
    return err;
}

DWORD WINAPI WinHttpFreeProxySettingsEx( WINHTTP_PROXY_SETTINGS_TYPE type, void *settings )
{
    TRACE( "%u, %p\n", type, settings );

    if (!is_known( type ) || !settings) return ERROR_INVALID_PARAMETER;
    free_members( settings );
    return ERROR_SUCCESS;
}
