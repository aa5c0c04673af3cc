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

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/*--- the choice ----------------------------------------------------------------------------------------------------*/

static BOOL has_line_break( const WCHAR *text )
{
    return text && wcspbrk( text, L"\r\n" );
}

/* Those without a name are all alike; the first reference of each is never given back. */
static struct proxy_choice plain[] =
{
    [WINHTTP_ACCESS_TYPE_DEFAULT_PROXY]   = { .refs = 1, .access_type = WINHTTP_ACCESS_TYPE_DEFAULT_PROXY },
    [WINHTTP_ACCESS_TYPE_NO_PROXY]        = { .refs = 1, .access_type = WINHTTP_ACCESS_TYPE_NO_PROXY },
    [WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY] = { .refs = 1, .access_type = WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY },
};

DWORD proxy_choose( DWORD access_type, const WCHAR *proxy, const WCHAR *bypass, struct proxy_choice **ret )
{
    struct proxy_choice *choice;
    size_t proxy_cch, bypass_cch = 0;
    WCHAR *text;

    switch (access_type)
    {
    case WINHTTP_ACCESS_TYPE_NAMED_PROXY:
        if (!proxy || !*proxy || has_line_break( proxy ) || has_line_break( bypass )) return ERROR_INVALID_PARAMETER;
        proxy_cch = wcslen( proxy ) + 1;
        if (bypass) bypass_cch = wcslen( bypass ) + 1;
        break;
    case WINHTTP_ACCESS_TYPE_DEFAULT_PROXY:
    case WINHTTP_ACCESS_TYPE_NO_PROXY:
    case WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY:
        *ret = &plain[access_type];
        proxy_grab( *ret );
        return ERROR_SUCCESS;
    default:
        return ERROR_INVALID_PARAMETER;
    }

    if (!(choice = calloc( 1, sizeof(*choice) + (proxy_cch + bypass_cch) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    choice->refs        = 1;
    choice->access_type = access_type;
    text = (WCHAR *)(choice + 1);
    choice->proxy = memcpy( text, proxy, proxy_cch * sizeof(WCHAR) );
    if (bypass_cch) choice->bypass = memcpy( text + proxy_cch, bypass, bypass_cch * sizeof(WCHAR) );
    *ret = choice;
    return ERROR_SUCCESS;
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

    /* Those of the process are counted like others, but never go away: most handles have one, and need no lock. */
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

/*--- what the machine and the user have configured -----------------------------------------------------------------*/

/* The machine's setting for WinHTTP, as a choice of NAMED_PROXY or NO_PROXY. Single-byte texts, no terminators; what is
 * malformed counts as absent. Layout of the value: behaviour-concepts.md section 4.4. */
static DWORD read_machine( struct proxy_choice **ret )
{
    static const WCHAR key[] = L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\Connections";
    DWORD data[1024], size = sizeof(data), proxy_len, bypass_len = 0, i;
    WCHAR proxy[sizeof(data)], bypass[sizeof(data)];
    const BYTE *bytes = (const BYTE *)data;

    if (RegGetValueW( HKEY_LOCAL_MACHINE, key, L"WinHttpSettings", RRF_RT_REG_BINARY, NULL, data, &size ) ||
        size < 16 || !(data[2] & 2) || !(proxy_len = data[3]) || proxy_len > size - 16)
        return proxy_choose( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, ret );

    for (i = 0; i < proxy_len; i++) proxy[i] = bytes[16 + i];
    proxy[i] = 0;
    if (size - 16 - proxy_len >= sizeof(bypass_len)) memcpy( &bypass_len, bytes + 16 + proxy_len, sizeof(bypass_len) );
    if (bypass_len > size - 16 - proxy_len - sizeof(bypass_len)) bypass_len = 0;
    for (i = 0; i < bypass_len; i++) bypass[i] = bytes[16 + proxy_len + sizeof(bypass_len) + i];
    bypass[i] = 0;
    return proxy_choose( WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, bypass_len ? bypass : NULL, ret );
}

static BOOL machine_has_proxy(void)
{
    struct proxy_choice *choice;
    BOOL ret;

    if (read_machine( &choice )) return TRUE;    /* not known: not going direct behind the user's back */
    ret = choice->access_type == WINHTTP_ACCESS_TYPE_NAMED_PROXY;
    proxy_release( choice );
    return ret;
}

/* The user's settings name a proxy or a script? */
static BOOL user_has_proxy(void)
{
    static const WCHAR key[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings";
    DWORD enabled = 0, size = sizeof(enabled);

    if (!RegGetValueW( HKEY_CURRENT_USER, key, L"ProxyEnable", RRF_RT_REG_DWORD, NULL, &enabled, &size ) && enabled)
        return TRUE;
    size = 0;
    return !RegGetValueW( HKEY_CURRENT_USER, key, L"AutoConfigURL", RRF_RT_REG_SZ, NULL, NULL, &size ) &&
           size > sizeof(WCHAR);
}

BOOL proxy_is_needed( const struct request_options *options )
{
    static volatile LONG machine = -1, user = -1;    /* asked once; two threads find the same */
    struct proxy_choice *choice = proxy_of( options );
    DWORD type = choice->access_type;

    proxy_release( choice );
    if (type == WINHTTP_ACCESS_TYPE_NO_PROXY) return FALSE;
    if (type == WINHTTP_ACCESS_TYPE_NAMED_PROXY) return TRUE;
    if (machine < 0) machine = machine_has_proxy();
    if (type == WINHTTP_ACCESS_TYPE_DEFAULT_PROXY) return machine;
    if (user < 0) user = user_has_proxy();
    return machine || user;
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
    struct proxy_choice *choice = obj ? proxy_of( option_options( obj ) ) : NULL;
    DWORD err = ERROR_SUCCESS;

    /* DEFAULT_PROXY is for setting only: a query tells what it stands for. */
    if (!choice || choice->access_type == WINHTTP_ACCESS_TYPE_DEFAULT_PROXY)
    {
        proxy_release( choice );
        if ((err = read_machine( &choice ))) return err;
    }
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
    WINHTTP_PROXY_RESULT_ENTRY entry;
    struct proxy_choice *choice;
    const WCHAR *scheme;
    size_t size;
    WCHAR *text;
    DWORD err;

    memcpy( &entry, value, sizeof(entry) );
    if (!entry.fProxy)
    {
        if ((err = proxy_choose( WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, &choice ))) return err;
        proxy_replace( obj, choice );
        return ERROR_SUCCESS;
    }
    if (!entry.pwszProxy || !*entry.pwszProxy) return ERROR_INVALID_PARAMETER;
    if (entry.ProxyScheme == INTERNET_SCHEME_HTTPS) scheme = L"https://";
    else if (!entry.ProxyScheme || entry.ProxyScheme == INTERNET_SCHEME_HTTP) scheme = L"";
    else return ERROR_INVALID_PARAMETER;

    size = wcslen( scheme ) + wcslen( entry.pwszProxy ) + sizeof(":65535");
    if (!(text = malloc( size * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    wcscpy( text, scheme );
    wcscat( text, entry.pwszProxy );
    if (entry.ProxyPort) swprintf( text + wcslen( text ), sizeof(":65535"), L":%u", entry.ProxyPort );
    err = proxy_choose( WINHTTP_ACCESS_TYPE_NAMED_PROXY, text, NULL, &choice );
    free( text );
    if (!err) proxy_replace( obj, choice );
    return err;
}
