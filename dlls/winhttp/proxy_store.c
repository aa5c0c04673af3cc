/*
 * Where proxy settings are kept: the registry of the machine and of the user, and the host's environment
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "proxy_blob.h"
#include "proxy_env.h"
#include "proxy_store.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define CONNECTIONS INTERNET_SETTINGS L"\\Connections"
#define POLICIES    L"Software\\Policies\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"

#define PROXY_TYPES (WINHTTP_PROXY_TYPE_PROXY | WINHTTP_PROXY_TYPE_AUTO_PROXY_URL | WINHTTP_PROXY_TYPE_AUTO_DETECT)

static const WCHAR machine_value[] = L"WinHttpSettings";
static const WCHAR user_value[] = L"DefaultConnectionSettings", saved_value[] = L"SavedLegacySettings";
static const WCHAR per_user_value[] = L"ProxySettingsPerUser";
static const REGSAM views[] = { KEY_WOW64_64KEY, KEY_WOW64_32KEY };

/*--- settings ------------------------------------------------------------------------------------------------------*/

void proxy_settings_free( struct proxy_settings *settings )
{
    free( settings->proxy );
    free( settings->bypass );
    free( settings->url );
    memset( settings, 0, sizeof(*settings) );
}

static BOOL copy_text( WCHAR **to, const WCHAR *from )
{
    *to = from ? wcsdup( from ) : NULL;
    return *to || !from;
}

DWORD proxy_settings_copy( struct proxy_settings *to, const struct proxy_settings *from )
{
    memset( to, 0, sizeof(*to) );
    if (!copy_text( &to->proxy, from->proxy ) || !copy_text( &to->bypass, from->bypass ) || !copy_text( &to->url, from->url ))
    {
        proxy_settings_free( to );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    to->flags   = from->flags;
    to->version = from->version;
    return ERROR_SUCCESS;
}

static BOOL same_text( const WCHAR *a, const WCHAR *b )
{
    return !wcscmp( a ? a : L"", b ? b : L"" );
}

BOOL proxy_settings_equal( const struct proxy_settings *a, const struct proxy_settings *b )
{
    return a->flags == b->flags && same_text( a->proxy, b->proxy ) && same_text( a->bypass, b->bypass ) &&
           same_text( a->url, b->url );
}

/*--- the registry --------------------------------------------------------------------------------------------------*/

/* A value of any length, in memory that is given (free): texts are terminated. 0, ERROR_FILE_NOT_FOUND (also another type
 * than wanted) or ERROR_NOT_ENOUGH_MEMORY. */
static DWORD read_value( HKEY key, const WCHAR *name, DWORD wanted, void **ret, DWORD *ret_size )
{
    DWORD type, size = 0, err;
    BYTE *data = NULL, *grown;

    for (;;)    /* it may grow meanwhile */
    {
        DWORD room = size;

        err = RegQueryValueExW( key, name, NULL, &type, data, &size );
        if ((err && err != ERROR_MORE_DATA) || (!err && type != wanted))
        {
            free( data );
            return ERROR_FILE_NOT_FOUND;
        }
        if (!err && data) break;
        if (!err && !size) size = sizeof(WCHAR);
        size = max( size, room );
        if (!(grown = realloc( data, size + sizeof(WCHAR) )))
        {
            free( data );
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        data = grown;
    }
    memset( data + size, 0, sizeof(WCHAR) );
    *ret = data;
    *ret_size = size;
    return ERROR_SUCCESS;
}

static BOOL read_number( HKEY key, const WCHAR *name, DWORD *number )
{
    DWORD type, size = sizeof(*number);

    return !RegQueryValueExW( key, name, NULL, &type, (BYTE *)number, &size ) && type == REG_DWORD && size == sizeof(*number);
}

/* A text that is not empty replaces the one that is there. FALSE: there is none, or no memory for it. */
static BOOL read_text( HKEY key, const WCHAR *name, WCHAR **text )
{
    void *data;
    DWORD size;

    if (read_value( key, name, REG_SZ, &data, &size )) return FALSE;
    if (!*(WCHAR *)data)
    {
        free( data );
        return FALSE;
    }
    free( *text );
    *text = data;
    return TRUE;
}

/*--- binary values -------------------------------------------------------------------------------------------------*/

static DWORD widen( const struct proxy_text *text, WCHAR **ret )
{
    int cch;

    if (!text->len) return ERROR_SUCCESS;
    if (!(*ret = malloc( (text->len + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    cch = MultiByteToWideChar( CP_ACP, 0, text->at, text->len, *ret, text->len );
    (*ret)[cch] = 0;
    return ERROR_SUCCESS;
}

static DWORD read_blob( HKEY key, const WCHAR *name, struct proxy_settings *settings )
{
    struct proxy_blob blob;
    DWORD err, size;
    void *data;

    if ((err = read_value( key, name, REG_BINARY, &data, &size ))) return err;
    if (!proxy_blob_read( data, size, &blob ))
    {
        WARN( "%s is malformed\n", debugstr_w( name ) );
        err = ERROR_FILE_NOT_FOUND;
    }
    else if ((err = widen( &blob.proxy, &settings->proxy )) || (err = widen( &blob.bypass, &settings->bypass )) ||
             (err = widen( &blob.url, &settings->url )))
        proxy_settings_free( settings );
    else
    {
        settings->flags   = blob.flags;
        settings->version = blob.counter;
    }
    free( data );
    return err;
}

/* Texts are ASCII: what they are in the code page, too. */
static DWORD narrow( const WCHAR *text, struct proxy_text *ret )
{
    char *copy;
    DWORD i;

    ret->at  = NULL;
    ret->len = text ? wcslen( text ) : 0;
    if (!ret->len) return ERROR_SUCCESS;
    if (!(copy = malloc( ret->len ))) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < ret->len; i++) copy[i] = text[i];
    ret->at = copy;
    return ERROR_SUCCESS;
}

static DWORD make_blob( DWORD version, const struct proxy_settings *settings, void **ret, DWORD *ret_size )
{
    struct proxy_blob blob = { version, settings->version, settings->flags, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
    DWORD err;

    if (!(err = narrow( settings->proxy, &blob.proxy )) && !(err = narrow( settings->bypass, &blob.bypass )) &&
        !(err = narrow( settings->url, &blob.url )))
    {
        *ret_size = proxy_blob_write( &blob, NULL, 0 );
        if ((*ret = malloc( *ret_size ))) proxy_blob_write( &blob, *ret, *ret_size );
        else err = ERROR_NOT_ENOUGH_MEMORY;
    }
    free( (void *)blob.proxy.at );
    free( (void *)blob.bypass.at );
    free( (void *)blob.url.at );
    return err;
}

static DWORD write_blob( HKEY root, REGSAM view, const WCHAR *name, const void *data, DWORD size )
{
    HKEY key;
    DWORD err;

    if ((err = RegCreateKeyExW( root, CONNECTIONS, 0, NULL, 0, KEY_SET_VALUE | view, NULL, &key, NULL ))) return err;
    err = RegSetValueExW( key, name, 0, REG_BINARY, data, size );
    RegCloseKey( key );
    return err;
}

/*--- the machine ---------------------------------------------------------------------------------------------------*/

DWORD proxy_store_machine( struct proxy_settings *settings )
{
    REGSAM ours = sizeof(void *) == 8 ? KEY_WOW64_64KEY : KEY_WOW64_32KEY, other = ours ^ (KEY_WOW64_64KEY | KEY_WOW64_32KEY);
    DWORD err, i;
    HKEY key;

    for (i = 0; i < 2; i++)
    {
        err = RegOpenKeyExW( HKEY_LOCAL_MACHINE, CONNECTIONS, 0, KEY_QUERY_VALUE | (i ? other : ours), &key );
        if (!err)
        {
            err = read_blob( key, machine_value, settings );
            RegCloseKey( key );
        }
        if (!err || err == ERROR_NOT_ENOUGH_MEMORY) return err;
    }
    return ERROR_FILE_NOT_FOUND;
}

DWORD proxy_store_set_machine( const struct proxy_settings *settings )
{
    DWORD err, size, i;
    void *data;

    if ((err = make_blob( PROXY_BLOB_MACHINE, settings, &data, &size ))) return err;
    for (i = 0; i < ARRAYSIZE( views ) && !err; i++)
        err = write_blob( HKEY_LOCAL_MACHINE, views[i], machine_value, data, size );
    free( data );
    return err;
}

/*--- the user ------------------------------------------------------------------------------------------------------*/

/* Policies are the same for 32-bit programs: Windows shares their key between the views, Wine has two of them. */
static HKEY user_root(void)
{
    DWORD value, per_user = 1;
    HKEY key;

    if (!RegOpenKeyExW( HKEY_LOCAL_MACHINE, POLICIES, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key ))
    {
        if (read_number( key, per_user_value, &value )) per_user = value;
        RegCloseKey( key );
    }
    return per_user ? HKEY_CURRENT_USER : HKEY_LOCAL_MACHINE;
}

/* TRUE: there are such values. */
static BOOL read_plain( HKEY root, struct proxy_settings *settings )
{
    BOOL found = FALSE;
    DWORD enabled;
    HKEY key;

    if (RegOpenKeyExW( root, INTERNET_SETTINGS, 0, KEY_QUERY_VALUE, &key )) return FALSE;
    if (read_number( key, L"ProxyEnable", &enabled ))
    {
        found = TRUE;
        settings->flags &= ~WINHTTP_PROXY_TYPE_PROXY;
        if (enabled)
        {
            read_text( key, L"ProxyServer", &settings->proxy );
            read_text( key, L"ProxyOverride", &settings->bypass );
            if (settings->proxy) settings->flags |= WINHTTP_PROXY_TYPE_PROXY;    /* if only that of the binary value */
        }
    }
    if (read_text( key, L"AutoConfigURL", &settings->url ))
    {
        found = TRUE;
        settings->flags |= WINHTTP_PROXY_TYPE_AUTO_PROXY_URL;
    }
    RegCloseKey( key );
    if (found) settings->flags |= WINHTTP_PROXY_TYPE_DIRECT;
    return found;
}

DWORD proxy_store_user( const WCHAR *connection, struct proxy_settings *settings )
{
    HKEY key, root = user_root();
    DWORD err = ERROR_FILE_NOT_FOUND;

    if (!RegOpenKeyExW( root, CONNECTIONS, 0, KEY_QUERY_VALUE, &key ))
    {
        err = read_blob( key, connection ? connection : user_value, settings );
        RegCloseKey( key );
    }
    if (err != ERROR_NOT_ENOUGH_MEMORY && !connection && read_plain( root, settings )) err = ERROR_SUCCESS;
    return err;
}

static DWORD write_text( HKEY key, const WCHAR *name, const WCHAR *text )
{
    DWORD err;

    if (text && *text) return RegSetValueExW( key, name, 0, REG_SZ, (const BYTE *)text, (wcslen( text ) + 1) * sizeof(WCHAR) );
    err = RegDeleteValueW( key, name );
    return err == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : err;
}

static DWORD write_plain( HKEY root, const struct proxy_settings *settings )
{
    DWORD err, enabled = (settings->flags & WINHTTP_PROXY_TYPE_PROXY) != 0;
    HKEY key;

    if ((err = RegCreateKeyExW( root, INTERNET_SETTINGS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL ))) return err;
    if (!(err = RegSetValueExW( key, L"ProxyEnable", 0, REG_DWORD, (const BYTE *)&enabled, sizeof(enabled) )) &&
        !(err = write_text( key, L"ProxyServer", settings->proxy )) &&
        !(err = write_text( key, L"ProxyOverride", settings->bypass )))
        err = write_text( key, L"AutoConfigURL", settings->flags & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL ? settings->url : NULL );
    RegCloseKey( key );
    return err;
}

DWORD proxy_store_set_user( const WCHAR *connection, const struct proxy_settings *settings )
{
    HKEY root = user_root();
    DWORD err, size;
    void *data;

    if ((err = make_blob( PROXY_BLOB_USER, settings, &data, &size ))) return err;
    err = write_blob( root, 0, connection ? connection : user_value, data, size );
    if (!err && !connection) err = write_blob( root, 0, saved_value, data, size );
    free( data );
    if (!err && !connection) err = write_plain( root, settings );
    return err;
}

DWORD proxy_store_set_per_user( BOOL per_user )
{
    DWORD err, value = per_user != 0;
    HKEY key;

    if ((err = RegCreateKeyExW( HKEY_LOCAL_MACHINE, POLICIES, 0, NULL, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &key,
                                NULL ))) return err;
    err = RegSetValueExW( key, per_user_value, 0, REG_DWORD, (const BYTE *)&value, sizeof(value) );
    RegCloseKey( key );
    return err;
}

/*--- the host ------------------------------------------------------------------------------------------------------*/

/* Given (free); NULL if there is none. */
static WCHAR *read_variable( const WCHAR *name )
{
    DWORD cch = GetEnvironmentVariableW( name, NULL, 0 ), got;
    WCHAR *text;

    if (!cch || !(text = malloc( cch * sizeof(WCHAR) ))) return NULL;
    got = GetEnvironmentVariableW( name, text, cch );
    if (got && got < cch) return text;
    free( text );
    return NULL;
}

DWORD proxy_store_host( struct proxy_settings *settings )
{
    WCHAR *http = NULL, *https = read_variable( L"https_proxy" ), *all = read_variable( L"all_proxy" ), *none;
    DWORD err;

    if (!GetEnvironmentVariableW( L"REQUEST_METHOD", NULL, 0 )) http = read_variable( L"http_proxy" );
    none = read_variable( L"no_proxy" );
    if (!(err = proxy_env_list( http, https, all, &settings->proxy )) && !settings->proxy) err = ERROR_FILE_NOT_FOUND;
    if (!err) err = proxy_env_bypass( none, &settings->bypass );
    if (err) proxy_settings_free( settings );
    else settings->flags = WINHTTP_PROXY_TYPE_DIRECT | WINHTTP_PROXY_TYPE_PROXY;
    free( http );
    free( https );
    free( all );
    free( none );
    return err;
}

DWORD proxy_store_effective( BOOL machine, struct proxy_settings *settings )
{
    DWORD err = proxy_store_user( NULL, settings );

    if (err == ERROR_NOT_ENOUGH_MEMORY || (!err && (settings->flags & PROXY_TYPES))) return err;
    proxy_settings_free( settings );
    if (machine)
    {
        err = proxy_store_machine( settings );
        if (err == ERROR_NOT_ENOUGH_MEMORY || (!err && (settings->flags & PROXY_TYPES))) return err;
        proxy_settings_free( settings );
    }
    return proxy_store_host( settings );
}

/*--- changes -------------------------------------------------------------------------------------------------------*/

/* Installers write to either view of the machine's keys, and each is read where the other has nothing. */
static const struct { HKEY root; REGSAM view; const WCHAR *name; } stores[PROXY_STORE_KEYS] =
{
    { HKEY_CURRENT_USER,  0,               INTERNET_SETTINGS },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, INTERNET_SETTINGS },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, INTERNET_SETTINGS },
    { HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, POLICIES },
};

HKEY proxy_store_open( unsigned int index, DWORD *cch )
{
    WCHAR name[128], *end;
    HKEY key;

    wcscpy( name, stores[index].name );
    while (RegOpenKeyExW( stores[index].root, name, 0, KEY_NOTIFY | stores[index].view, &key ))
    {
        if (!(end = wcsrchr( name, '\\' ))) return NULL;
        *end = 0;
    }
    *cch = wcslen( name );
    return key;
}

BOOL proxy_store_is_whole( unsigned int index, DWORD cch )
{
    return cch == wcslen( stores[index].name );
}

/* When a key was last written; 0 if it is not there. */
static ULONGLONG last_write( HKEY root, REGSAM view, const WCHAR *name )
{
    FILETIME time = { 0, 0 };
    HKEY key;

    if (RegOpenKeyExW( root, name, 0, KEY_QUERY_VALUE | view, &key )) return 0;
    RegQueryInfoKeyW( key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &time );
    RegCloseKey( key );
    return (ULONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

/* Times of the last change, in units small enough to tell two calls apart; their sum moves whichever key was written. */
DWORD proxy_store_version(void)
{
    ULONGLONG sum = 0;
    unsigned int i;

    for (i = 0; i < PROXY_STORE_KEYS; i++)
        sum += last_write( stores[i].root, stores[i].view, stores[i].name ) +
               last_write( stores[i].root, stores[i].view, CONNECTIONS );
    return sum / 16;
}
