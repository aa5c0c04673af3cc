/*
 * Which proxy an application has asked for
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
#include "option.h"
#include "proxy.h"
#include "proxy_list.h"
#include "proxy_store.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/*--- the choice ----------------------------------------------------------------------------------------------------*/

static BOOL has_line_break( const WCHAR *text )
{
    return text && wcspbrk( text, L"\r\n" );
}

/* Those without a name are all alike; the first reference of each is never given back. */
static struct proxy_choice plain[] =
{
    [WINHTTP_ACCESS_TYPE_NO_PROXY]        = { .refs = 1, .access_type = WINHTTP_ACCESS_TYPE_NO_PROXY },
    [WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY] = { .refs = 1, .access_type = WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY },
};

static DWORD choose_plain( DWORD access_type, struct proxy_choice **ret )
{
    *ret = &plain[access_type];
    proxy_grab( *ret );
    return ERROR_SUCCESS;
}

static DWORD choose_named( const WCHAR *proxy, const WCHAR *bypass, struct proxy_choice **ret )
{
    size_t proxy_cch = wcslen( proxy ) + 1, bypass_cch = bypass ? wcslen( bypass ) + 1 : 0;
    struct proxy_choice *choice;
    WCHAR *text;

    if (!(choice = calloc( 1, sizeof(*choice) + (proxy_cch + bypass_cch) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    choice->refs        = 1;
    choice->access_type = WINHTTP_ACCESS_TYPE_NAMED_PROXY;
    text = (WCHAR *)(choice + 1);
    choice->proxy = memcpy( text, proxy, proxy_cch * sizeof(WCHAR) );
    if (bypass_cch) choice->bypass = memcpy( text + proxy_cch, bypass, bypass_cch * sizeof(WCHAR) );
    *ret = choice;
    return ERROR_SUCCESS;
}

/* The machine's setting for WinHTTP, as a choice of NAMED_PROXY or NO_PROXY. What is malformed counts as absent. */
static DWORD choose_default( struct proxy_choice **ret )
{
    struct proxy_settings settings = { 0 };
    DWORD err = proxy_store_machine( &settings );

    if (err && err != ERROR_FILE_NOT_FOUND) return err;
    if (!(settings.flags & WINHTTP_PROXY_TYPE_PROXY) || !settings.proxy) err = choose_plain( WINHTTP_ACCESS_TYPE_NO_PROXY, ret );
    else err = choose_named( settings.proxy, settings.bypass, ret );
    proxy_settings_free( &settings );
    return err;
}

DWORD proxy_choose( DWORD access_type, const WCHAR *proxy, const WCHAR *bypass, struct proxy_choice **ret )
{
    switch (access_type)
    {
    case WINHTTP_ACCESS_TYPE_DEFAULT_PROXY:
        return choose_default( ret );
    case WINHTTP_ACCESS_TYPE_NO_PROXY:
    case WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY:
        return choose_plain( access_type, ret );
    case WINHTTP_ACCESS_TYPE_NAMED_PROXY:
        if (!proxy || !*proxy || has_line_break( proxy ) || has_line_break( bypass ) || proxy_list_check( proxy ))
            return ERROR_INVALID_PARAMETER;
        return choose_named( proxy, bypass, ret );
    default:
        return ERROR_INVALID_PARAMETER;
    }
}

void proxy_grab( struct proxy_choice *choice )
{
    InterlockedIncrement( &choice->refs );
}

void proxy_release( struct proxy_choice *choice )
{
    if (choice && !InterlockedDecrement( &choice->refs )) free( choice );
}

struct proxy_choice *proxy_of( const struct request_options *options )
{
    struct proxy_choice *choice = *(struct proxy_choice * volatile *)&options->proxy;

    /* These are counted like others, but never go away: most handles have one, and need no lock. */
    if (choice >= plain && choice < plain + ARRAYSIZE( plain ))
    {
        proxy_grab( choice );
        return choice;
    }
    AcquireSRWLockShared( &option_text_lock );
    choice = options->proxy;
    proxy_grab( choice );
    ReleaseSRWLockShared( &option_text_lock );
    return choice;
}

/*--- options -------------------------------------------------------------------------------------------------------*/

static WCHAR *copy_global( const WCHAR *text )
{
    size_t size = (wcslen( text ) + 1) * sizeof(WCHAR);
    WCHAR *copy = GlobalAlloc( GMEM_FIXED, size );

    return copy ? memcpy( copy, text, size ) : NULL;
}

DWORD proxy_get( struct object *obj, void *value )
{
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL };
    struct proxy_choice *choice;
    DWORD err = ERROR_SUCCESS;

    if (obj) choice = proxy_of( option_options( obj ) );
    else if ((err = choose_default( &choice ))) return err;
    info.dwAccessType = choice->access_type;
    if ((choice->proxy && !(info.lpszProxy = copy_global( choice->proxy ))) ||
        (choice->bypass && !(info.lpszProxyBypass = copy_global( choice->bypass ))))
    {
        GlobalFree( info.lpszProxy );
        err = ERROR_NOT_ENOUGH_MEMORY;
    }
    else
        memcpy( value, &info, sizeof(info) );
    proxy_release( choice );
    return err;
}

static void proxy_replace( struct object *obj, struct proxy_choice *choice )
{
    struct request_options *options = option_options( obj );
    struct proxy_choice *old;

    AcquireSRWLockExclusive( &option_text_lock );
    old = options->proxy;
    options->proxy = choice;
    ReleaseSRWLockExclusive( &option_text_lock );
    proxy_release( old );
}

DWORD proxy_set( struct object *obj, const void *value )
{
    struct proxy_choice *choice;
    WINHTTP_PROXY_INFO info;
    DWORD err;

    memcpy( &info, value, sizeof(info) );
    TRACE( "%p: %lu, %s, %s\n", obj->handle, info.dwAccessType, debugstr_w( info.lpszProxy ),
           debugstr_w( info.lpszProxyBypass ) );
    if ((err = proxy_choose( info.dwAccessType, info.lpszProxy, info.lpszProxyBypass, &choice ))) return err;
    proxy_replace( obj, choice );
    return ERROR_SUCCESS;
}

/* An entry without a proxy means direct, bypassed or not. */
DWORD proxy_set_entry( struct object *obj, const void *value )
{
    static const struct { INTERNET_SCHEME id; const WCHAR *prefix; } schemes[] =
    {
        { 0,                     L"" },
        { INTERNET_SCHEME_HTTP,  L"" },
        { INTERNET_SCHEME_HTTPS, L"https://" },
        { INTERNET_SCHEME_SOCKS, L"socks4://" },    /* what SOCKS means in scripts */
    };
    WINHTTP_PROXY_RESULT_ENTRY entry;
    struct proxy_choice *choice;
    WCHAR *text, port[8] = L"";
    unsigned int i;
    size_t size;
    BOOL brackets;
    DWORD err;

    memcpy( &entry, value, sizeof(entry) );
    if (!entry.fProxy)
    {
        if ((err = proxy_choose( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, &choice ))) return err;
        proxy_replace( obj, choice );
        return ERROR_SUCCESS;
    }
    if (!entry.pwszProxy || !*entry.pwszProxy) return ERROR_INVALID_PARAMETER;
    for (i = 0; i < ARRAYSIZE( schemes ) && schemes[i].id != entry.ProxyScheme; i++) ;
    if (i == ARRAYSIZE( schemes )) return ERROR_INVALID_PARAMETER;
    if (entry.ProxyPort) swprintf( port, ARRAYSIZE( port ), L":%u", entry.ProxyPort );
    brackets = wcschr( entry.pwszProxy, ':' ) && *entry.pwszProxy != '[';    /* an address of IPv6 */

    size = wcslen( schemes[i].prefix ) + 1 + wcslen( entry.pwszProxy ) + 1 + wcslen( port ) + 1;
    if (!(text = malloc( size * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    swprintf( text, size, L"%ls%ls%ls%ls%ls", schemes[i].prefix, brackets ? L"[" : L"", entry.pwszProxy, brackets ? L"]" : L"",
              port );
    err = proxy_choose( WINHTTP_ACCESS_TYPE_NAMED_PROXY, text, NULL, &choice );
    free( text );
    if (!err) proxy_replace( obj, choice );
    return err;
}
