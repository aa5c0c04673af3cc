/*
 * Proxy settings for programs: asking for them, and setting them
 *
 * Arguments, handles and memory; where the settings are is proxy_store.c's business. What the undocumented functions do
 * with arguments that no page describes is a choice. Source: functions.md section 8, windows-behaviour.md PX-1 to PX-11.
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
#include "proxy.h"
#include "proxy_list.h"
#include "proxy_plan.h"
#include "proxy_store.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* What this process has set, it sees at once. */
static DWORD stored( DWORD err )
{
    proxy_plan_forget();
    return err;
}

static BOOL done( DWORD err )
{
    SetLastError( err );
    return !err;
}

/* A copy for the caller's GlobalFree; NULL stays NULL. FALSE: no memory. */
static BOOL copy_global( const WCHAR *text, WCHAR **ret )
{
    size_t size;

    *ret = NULL;
    if (!text) return TRUE;
    size = (wcslen( text ) + 1) * sizeof(WCHAR);
    if (!(*ret = GlobalAlloc( GMEM_FIXED, size ))) return FALSE;
    memcpy( *ret, text, size );
    return TRUE;
}

/* The binary values have single bytes, and lists have lines of their own. */
static BOOL is_storable( const WCHAR *text )
{
    for (; text && *text; text++) if (*text >= 0x7f || *text < ' ') return FALSE;
    return TRUE;
}

/*--- the machine's default -----------------------------------------------------------------------------------------*/

BOOL WINAPI WinHttpGetDefaultProxyConfiguration( WINHTTP_PROXY_INFO *info )
{
    struct proxy_choice *choice;
    WINHTTP_PROXY_INFO found;
    DWORD err;

    TRACE( "%p\n", info );

    if (!info) return done( ERROR_INVALID_PARAMETER );
    if ((err = proxy_choose( WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, NULL, NULL, &choice ))) return done( err );
    found.dwAccessType = choice->access_type;
    if (!copy_global( choice->proxy, &found.lpszProxy )) err = ERROR_NOT_ENOUGH_MEMORY;
    else if (!copy_global( choice->bypass, &found.lpszProxyBypass ))
    {
        GlobalFree( found.lpszProxy );
        err = ERROR_NOT_ENOUGH_MEMORY;
    }
    else *info = found;
    proxy_release( choice );
    return done( err );
}

/* What netsh winhttp writes: the same bytes for "reset proxy" and for "set proxy". */
BOOL WINAPI WinHttpSetDefaultProxyConfiguration( WINHTTP_PROXY_INFO *info )
{
    struct proxy_settings settings = { .flags = WINHTTP_PROXY_TYPE_DIRECT };

    TRACE( "%p\n", info );

    if (!info) return done( ERROR_INVALID_PARAMETER );    /* Windows crashes, PX-2 */
    switch (info->dwAccessType)
    {
    case WINHTTP_ACCESS_TYPE_DEFAULT_PROXY:
    case WINHTTP_ACCESS_TYPE_NO_PROXY:
        break;
    case WINHTTP_ACCESS_TYPE_NAMED_PROXY:
        if (!info->lpszProxy || !*info->lpszProxy || !is_storable( info->lpszProxy ) || !is_storable( info->lpszProxyBypass ) ||
            proxy_list_check( info->lpszProxy ))
            return done( ERROR_INVALID_PARAMETER );
        settings.flags |= WINHTTP_PROXY_TYPE_PROXY;
        settings.proxy  = info->lpszProxy;
        settings.bypass = info->lpszProxyBypass;
        break;
    default:
        return done( ERROR_INVALID_PARAMETER );
    }
    return done( stored( proxy_store_set_machine( &settings ) ) );
}

/*--- the user's ----------------------------------------------------------------------------------------------------*/

static BOOL copy_if( BOOL wanted, const WCHAR *text, WCHAR **ret )
{
    return copy_global( wanted && text && *text ? text : NULL, ret );
}

BOOL WINAPI WinHttpGetIEProxyConfigForCurrentUser( WINHTTP_CURRENT_USER_IE_PROXY_CONFIG *config )
{
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG found = { 0 };
    struct proxy_settings settings = { 0 };
    DWORD err;

    TRACE( "%p\n", config );

    if (!config) return done( ERROR_INVALID_PARAMETER );
    err = proxy_store_effective( FALSE, &settings );
    if (err && err != ERROR_FILE_NOT_FOUND) return done( err );    /* none at all is no error, PX-11 */

    found.fAutoDetect = (settings.flags & WINHTTP_PROXY_TYPE_AUTO_DETECT) != 0;
    if (!copy_if( settings.flags & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL, settings.url, &found.lpszAutoConfigUrl ) ||
        !copy_if( settings.flags & WINHTTP_PROXY_TYPE_PROXY, settings.proxy, &found.lpszProxy ) ||
        !copy_if( settings.flags & WINHTTP_PROXY_TYPE_PROXY, settings.bypass, &found.lpszProxyBypass ))
    {
        GlobalFree( found.lpszAutoConfigUrl );
        GlobalFree( found.lpszProxy );
        err = ERROR_NOT_ENOUGH_MEMORY;
    }
    else
    {
        *config = found;
        err = ERROR_SUCCESS;
    }
    proxy_settings_free( &settings );
    return done( err );
}

/*--- the functions of WinINet --------------------------------------------------------------------------------------*/

/* The error of a call on a session, LE-5. */
static DWORD check_session( HINTERNET handle, BOOL arguments )
{
    struct object *session;
    DWORD err;

    if (!arguments) return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(session = object_enter( handle, OBJECT_SESSION, &err ))) return err;
    object_leave( session );
    return ERROR_SUCCESS;
}

static WCHAR *take( WCHAR **text )
{
    WCHAR *taken = *text;

    *text = NULL;
    return taken;
}

/* The texts go over to the caller, who gives them to WinHttpFreeProxySettings. */
static void hand_out( struct proxy_settings *settings, WCHAR *connection, WINHTTP_PROXY_SETTINGS *ret )
{
    memset( ret, 0, sizeof(*ret) );
    ret->dwStructSize             = sizeof(*ret);
    ret->dwFlags                  = settings->flags;
    ret->dwCurrentSettingsVersion = settings->version;
    ret->pwszConnectionName       = connection;
    ret->pwszProxy                = take( &settings->proxy );
    ret->pwszProxyBypass          = take( &settings->bypass );
    ret->pwszAutoconfigUrl        = take( &settings->url );
}

/* A connection without settings of its own has the default ones, if the caller says so. A user who has set nothing has
 * direct connections, or, if the caller says so, automatic detection. */
DWORD WINAPI WinHttpReadProxySettings( HINTERNET handle, const WCHAR *connection, BOOL fall_back, BOOL discover,
                                       DWORD *version, BOOL *is_default, WINHTTP_PROXY_SETTINGS *ret )
{
    struct proxy_settings settings = { 0 };
    WCHAR *name = NULL;
    DWORD err;
    BOOL fell_back = !connection;

    TRACE( "%p, %s, %d, %d, %p, %p, %p\n", handle, debugstr_w( connection ), fall_back, discover, version, is_default, ret );

    if ((err = check_session( handle, version && is_default && ret ))) return err;
    if (connection && !(name = wcsdup( connection ))) return ERROR_NOT_ENOUGH_MEMORY;
    err = proxy_store_user( connection, &settings );
    if (connection && err == ERROR_FILE_NOT_FOUND && fall_back)
    {
        fell_back = TRUE;
        err = proxy_store_user( NULL, &settings );
    }
    if (err == ERROR_FILE_NOT_FOUND && fell_back)
    {
        settings.flags = WINHTTP_PROXY_TYPE_DIRECT;
        if (discover) settings.flags |= WINHTTP_PROXY_TYPE_AUTO_DETECT;
        err = ERROR_SUCCESS;
    }
    if (!err)
    {
        *version    = proxy_store_version();
        *is_default = fell_back;
        hand_out( &settings, name, ret );
    }
    else free( name );
    return err;
}

/* Settings that are in force already are not written again unless the caller insists, so that nobody is told of a change
 * that is none. */
DWORD WINAPI WinHttpWriteProxySettings( HINTERNET handle, BOOL force, WINHTTP_PROXY_SETTINGS *from )
{
    struct proxy_settings now = { 0 }, settings = { 0 };
    DWORD err, version;

    TRACE( "%p, %d, %p\n", handle, force, from );

    if ((err = check_session( handle, from && from->dwStructSize == sizeof(*from) ))) return err;
    if (!is_storable( from->pwszProxy ) || !is_storable( from->pwszProxyBypass ) || !is_storable( from->pwszAutoconfigUrl ))
        return ERROR_INVALID_PARAMETER;
    if (from->pwszProxy && proxy_list_check( from->pwszProxy )) return ERROR_INVALID_PARAMETER;
    settings.flags  = from->dwFlags;
    settings.proxy  = from->pwszProxy;
    settings.bypass = from->pwszProxyBypass;
    settings.url    = from->pwszAutoconfigUrl;

    err = proxy_store_user( from->pwszConnectionName, &now );
    if (err && err != ERROR_FILE_NOT_FOUND) return err;
    if (!err && !force && proxy_settings_equal( &now, &settings ))
    {
        proxy_settings_free( &now );
        return ERROR_SUCCESS;
    }
    version = now.version;
    proxy_settings_free( &now );
    settings.version = version + 1;
    return stored( proxy_store_set_user( from->pwszConnectionName, &settings ) );
}

void WINAPI WinHttpFreeProxySettings( WINHTTP_PROXY_SETTINGS *settings )
{
    TRACE( "%p\n", settings );

    if (!settings) return;
    free( settings->pwszConnectionName );
    free( settings->pwszProxy );
    free( settings->pwszProxyBypass );
    free( settings->pwszAutoconfigUrl );
    memset( settings, 0, sizeof(*settings) );
}

DWORD WINAPI WinHttpGetProxySettingsVersion( HINTERNET handle, DWORD *version )
{
    DWORD err;

    TRACE( "%p, %p\n", handle, version );

    if (!(err = check_session( handle, version != NULL ))) *version = proxy_store_version();
    return err;
}

DWORD WINAPI WinHttpSetProxySettingsPerUser( BOOL per_user )
{
    TRACE( "%d\n", per_user );

    return stored( proxy_store_set_per_user( per_user ) );
}
