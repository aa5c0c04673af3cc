/*
 * Options of the process: those of the NULL handle
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "error.h"
#include "option.h"
#include "option_process.h"
#include "worker.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

static volatile LONG http_minor = 1;    /* WINHTTP_OPTION_HTTP_VERSION: 1.0 or 1.1 */
static volatile LONG tracing;           /* kept: traces are Wine's debug channels */

BOOL option_http_1_0(void)
{
    return !http_minor;
}

DWORD option_get_http_version( struct object *obj UNUSED, void *value )
{
    HTTP_VERSION_INFO info = { 1, http_minor };

    memcpy( value, &info, sizeof(info) );
    return ERROR_SUCCESS;
}

DWORD option_set_http_version( struct object *obj UNUSED, const void *value )
{
    HTTP_VERSION_INFO info;

    memcpy( &info, value, sizeof(info) );
    if (info.dwMajorVersion != 1 || info.dwMinorVersion > 1) return ERROR_INVALID_PARAMETER;
    http_minor = info.dwMinorVersion;
    return ERROR_SUCCESS;
}

/* 0 whatever was set: evidence windows-behaviour.md O-11. */
DWORD option_get_thread_count( struct object *obj UNUSED, void *value )
{
    memset( value, 0, sizeof(DWORD) );
    return ERROR_SUCCESS;
}

/* Once, and before the first asynchronous operation. The code is a choice. */
DWORD option_set_thread_count( struct object *obj UNUSED, const void *value )
{
    DWORD count;

    memcpy( &count, value, sizeof(count) );
    return worker_set_limit( count ) ? ERROR_SUCCESS : ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
}

DWORD option_get_tracing( struct object *obj UNUSED, void *value )
{
    BOOL on = tracing;

    memcpy( value, &on, sizeof(on) );
    return ERROR_SUCCESS;
}

DWORD option_set_tracing( struct object *obj UNUSED, const void *value )
{
    BOOL on;

    memcpy( &on, value, sizeof(on) );
    tracing = on;
    return ERROR_SUCCESS;
}

DWORD option_get_extended_error( struct object *obj UNUSED, void *value )
{
    DWORD code = error_extended();

    memcpy( value, &code, sizeof(code) );
    return ERROR_SUCCESS;
}

/*--- features ------------------------------------------------------------------------------------------------------*/

/* WINHTTP_FEATURE_* of what this module does; an option that is only kept is no feature. Sorted. */
static const BYTE features[] =
{
    WINHTTP_FEATURE_DISABLE_STREAM_QUEUE,
    WINHTTP_FEATURE_IPV6_FAST_FALLBACK,
    WINHTTP_FEATURE_CONNECTION_STATS_V0,
    WINHTTP_FEATURE_REQUEST_TIMES,
    WINHTTP_FEATURE_EXPIRE_CONNECTION,
    WINHTTP_FEATURE_DISABLE_SECURE_PROTOCOL_FALLBACK,    /* there never is one */
    WINHTTP_FEATURE_HTTP_PROTOCOL_REQUIRED,
    WINHTTP_FEATURE_REQUEST_STATS,
    WINHTTP_FEATURE_SERVER_CERT_CHAIN_CONTEXT,
    WINHTTP_FEATURE_CONNECTION_STATS_V1,
    WINHTTP_FEATURE_SECURITY_INFO,
    WINHTTP_FEATURE_TCP_KEEPALIVE,
    WINHTTP_FEATURE_TCP_FAST_OPEN,
    WINHTTP_FEATURE_TLS_FALSE_START,
    WINHTTP_FEATURE_IGNORE_CERT_REVOCATION_OFFLINE,
    WINHTTP_FEATURE_STREAM_ERROR_CODE,
    WINHTTP_FEATURE_REQUIRE_STREAM_END,
    WINHTTP_FEATURE_ENABLE_HTTP2_PLUS_CLIENT_CERT,
    WINHTTP_FEATURE_FAILED_CONNECTION_RETRIES,
    WINHTTP_FEATURE_HTTP2_KEEPALIVE,
    WINHTTP_FEATURE_RESOLUTION_HOSTNAME,
    WINHTTP_FEATURE_HTTP2_PLUS_TRANSFER_ENCODING,
    WINHTTP_FEATURE_DISABLE_CERT_CHAIN_BUILDING,
    WINHTTP_FEATURE_BACKGROUND_CONNECTIONS,
    WINHTTP_FEATURE_FIRST_AVAILABLE_CONNECTION,
    WINHTTP_FEATURE_CONNECTION_GUID,
    WINHTTP_FEATURE_MATCH_CONNECTION_GUID,
    WINHTTP_FEATURE_HTTP2_RECEIVE_WINDOW,
    WINHTTP_FEATURE_IS_FEATURE_SUPPORTED,
    WINHTTP_FEATURE_ADD_REQUEST_HEADERS_EX,
    WINHTTP_FEATURE_SET_PROXY_SETINGS_PER_USER,
    WINHTTP_FEATURE_READ_DATA_EX,
    WINHTTP_FEATURE_QUERY_HEADERS_EX,
    WINHTTP_FEATURE_QUERY_CONNECTION_GROUP,
    WINHTTP_FEATURE_FREE_QUERY_CONNECTION_GROUP_RESULT,
    WINHTTP_FEATURE_SECURITY_FLAG_IGNORE_ALL_CERT_ERRORS,
    WINHTTP_FEATURE_FLAG_SECURE_DEFAULTS,
    WINHTTP_FEATURE_EXTENDED_HEADER_FLAG_UNICODE,
    WINHTTP_FEATURE_QUERY_FLAG_TRAILERS,
    WINHTTP_FEATURE_QUERY_FLAG_WIRE_ENCODING,
    WINHTTP_FEATURE_RESOLVER_CACHE_CONFIG_FLAG_BYPASS_CACHE,
    WINHTTP_FEATURE_FLAG_AUTOMATIC_CHUNKING,
    WINHTTP_FEATURE_QUERY_CONNECTION_GROUP_FLAG_INSECURE,
    WINHTTP_FEATURE_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION,
    WINHTTP_FEATURE_QUERY_EX_ALL_HEADERS,
    WINHTTP_FEATURE_READ_DATA_EX_FLAG_FILL_BUFFER,
    WINHTTP_FEATURE_DISABLE_PROXY_AUTH_SCHEMES,
    WINHTTP_FEATURE_DISABLE_GLOBAL_POOLING,
    WINHTTP_FEATURE_GET_PROXY_SETTINGS_EX,
    WINHTTP_FEATURE_URL_INCLUDE_DEFAULT_PORT,
    WINHTTP_FEATURE_CONNECTION_STATS_V2,
    WINHTTP_FEATURE_DISABLE_AIA_FLAG,
};

DWORD option_get_feature( struct object *obj UNUSED, void *value )
{
    static const BOOL yes = TRUE;
    unsigned int i;
    DWORD id;

    memcpy( &id, value, sizeof(id) );
    for (i = 0; i < ARRAYSIZE( features ); i++)
    {
        if (features[i] != id) continue;
        memcpy( value, &yes, sizeof(yes) );
        return ERROR_SUCCESS;
    }
    return ERROR_WINHTTP_INVALID_OPTION;
}

/*--- credentials of the process ------------------------------------------------------------------------------------*/

static WINHTTP_CREDS_EX *proxy_creds, *server_creds;    /* under option_text_lock; texts behind the struct */

/* Source: options.md section 3.7. */
static BOOL creds_are_shared(void)
{
    DWORD shared = 0, size = sizeof(shared);

    return !RegGetValueW( HKEY_LOCAL_MACHINE, L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings",
                          L"ShareCredsWithWinHttp", RRF_RT_REG_DWORD, NULL, &shared, &size ) && shared;
}

static char *take_text( char **pos, const char *text )
{
    char *start = *pos;

    if (!text) return NULL;
    strcpy( start, text );
    *pos += strlen( text ) + 1;
    return start;
}

static DWORD set_creds( WINHTTP_CREDS_EX **field, const void *value )
{
    WINHTTP_CREDS_EX creds, *copy, *old;
    char ** const texts[] = { &creds.lpszUserName, &creds.lpszPassword, &creds.lpszRealm, &creds.lpszHostName,
                              &creds.lpszUrl };
    size_t size = sizeof(creds);
    unsigned int i;
    char *pos;

    if (!creds_are_shared()) return ERROR_WINHTTP_INVALID_OPTION;
    memcpy( &creds, value, sizeof(creds) );
    if (!creds.lpszUserName || !creds.lpszPassword) return ERROR_INVALID_PARAMETER;
    for (i = 0; i < ARRAYSIZE( texts ); i++) if (*texts[i]) size += strlen( *texts[i] ) + 1;
    if (!(copy = malloc( size ))) return ERROR_NOT_ENOUGH_MEMORY;
    pos = (char *)(copy + 1);
    for (i = 0; i < ARRAYSIZE( texts ); i++) *texts[i] = take_text( &pos, *texts[i] );
    *copy = creds;

    AcquireSRWLockExclusive( &option_text_lock );
    old = *field;
    *field = copy;
    ReleaseSRWLockExclusive( &option_text_lock );
    if (old) SecureZeroMemory( old->lpszPassword, strlen( old->lpszPassword ) );
    free( old );
    return ERROR_SUCCESS;
}

DWORD option_set_proxy_creds( struct object *obj UNUSED, const void *value )
{
    return set_creds( &proxy_creds, value );
}

DWORD option_set_server_creds( struct object *obj UNUSED, const void *value )
{
    return set_creds( &server_creds, value );
}

DWORD option_set_global_creds( struct object *obj, const void *value )
{
    if (!creds_are_shared()) return ERROR_WINHTTP_INVALID_OPTION;
    memcpy( &option_options( obj )->global_creds, value, sizeof(BOOL) );
    return ERROR_SUCCESS;
}

static WCHAR *widen( const char *text )
{
    int cch = MultiByteToWideChar( CP_ACP, 0, text, -1, NULL, 0 );
    WCHAR *ret = malloc( cch * sizeof(WCHAR) );

    if (ret) MultiByteToWideChar( CP_ACP, 0, text, -1, ret, cch );
    return ret;
}

BOOL option_copy_creds( BOOL proxy, const char *host, INTERNET_PORT port, DWORD *scheme, WCHAR *texts[2] )
{
    const WINHTTP_CREDS_EX *creds;
    BOOL ret = FALSE;

    AcquireSRWLockShared( &option_text_lock );
    creds = proxy ? proxy_creds : server_creds;
    if (creds && (proxy || ((!creds->lpszHostName || !*creds->lpszHostName || !_stricmp( creds->lpszHostName, host )) &&
                            (!creds->dwPort || creds->dwPort == port))))
    {
        *scheme  = creds->dwAuthScheme;
        texts[0] = widen( creds->lpszUserName );
        texts[1] = widen( creds->lpszPassword );
        if (!(ret = texts[0] && texts[1]))
        {
            free( texts[0] );
            free( texts[1] );
        }
    }
    ReleaseSRWLockShared( &option_text_lock );
    return ret;
}
