/*
 * Automatic proxies: from a URL and a program's options to an answer
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "autoproxy.h"
#include "pac.h"
#include "pac_cache.h"
#include "proxy_plan.h"
#include "proxy_store.h"
#include "session.h"
#include "url.h"
#include "wpad.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

void autoproxy_reset( DWORD flags )
{
    if (flags & (WINHTTP_RESET_STATE | WINHTTP_RESET_SWPAD_CURRENT_NETWORK | WINHTTP_RESET_SWPAD_ALL |
                 WINHTTP_RESET_NOTIFY_NETWORK_CHANGED)) wpad_forget();
    if (flags & (WINHTTP_RESET_STATE | WINHTTP_RESET_SCRIPT_CACHE | WINHTTP_RESET_NOTIFY_NETWORK_CHANGED)) pac_cache_forget();
}

/*--- sources -------------------------------------------------------------------------------------------------------*/

/* The host's case is lowered on request, unless it is to be kept on request: PX-38, PX-39. */
static BOOL lowers_host( DWORD flags )
{
    return (flags & WINHTTP_AUTOPROXY_HOST_LOWERCASE) && !(flags & WINHTTP_AUTOPROXY_HOST_KEEPCASE);
}

/* *none: there was no script to ask. */
static DWORD ask_script( struct autoproxy *question, const WCHAR *url, struct autoproxy_answer *answer, BOOL *none )
{
    const BOOL fresh = (question->flags & (WINHTTP_AUTOPROXY_NO_CACHE_CLIENT | WINHTTP_AUTOPROXY_NO_CACHE_SVC)) != 0;
    struct pac *pac;
    DWORD err;

    *none = FALSE;
    question->fetch.url = url;
    if ((err = pac_cache_get( &question->fetch, fresh, question->cancel, &pac )))
    {
        *none = TRUE;
        return err;
    }
    err = pac_find( pac, question->url, lowers_host( question->flags ), question->cancel, &answer->script );
    pac_release( pac );
    return err;
}

static DWORD ask_network( struct autoproxy *question, struct autoproxy_answer *answer, BOOL *none )
{
    WCHAR *url;
    DWORD err;

    *none = TRUE;
    if ((err = wpad_find( question->detect_flags, question->cancel, &url ))) return err;
    err = ask_script( question, url, answer, none );
    free( url );
    return err;
}

static DWORD ask_program( struct autoproxy *question, struct autoproxy_answer *answer, BOOL *none )
{
    return ask_script( question, question->config_url, answer, none );
}

static DWORD ask_user_script( struct autoproxy *question, struct autoproxy_answer *answer, BOOL *none )
{
    struct proxy_settings settings = { 0 };
    DWORD err;

    *none = TRUE;
    err = proxy_store_effective( FALSE, &settings );
    if (err && err != ERROR_FILE_NOT_FOUND) return err;
    err = ERROR_WINHTTP_AUTODETECTION_FAILED;    /* a user without a script says nothing: what the other sources said stands */
    if ((settings.flags & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL) && settings.url)
        err = ask_script( question, settings.url, answer, none );
    proxy_settings_free( &settings );
    return err;
}

/* That there are none is an answer, too: PX-40. */
static DWORD ask_user_list( struct autoproxy *question UNUSED, struct autoproxy_answer *answer, BOOL *none )
{
    struct proxy_settings settings = { 0 };
    DWORD err = proxy_store_effective( FALSE, &settings );

    *none = FALSE;
    if (err == ERROR_FILE_NOT_FOUND) return ERROR_SUCCESS;
    if (err) return err;
    if ((settings.flags & WINHTTP_PROXY_TYPE_PROXY) && settings.proxy)
    {
        answer->proxy  = settings.proxy;
        answer->bypass = settings.bypass;
        settings.proxy = settings.bypass = NULL;
    }
    proxy_settings_free( &settings );
    return ERROR_SUCCESS;
}

static const struct source
{
    DWORD   flag;
    DWORD (*ask)( struct autoproxy *question, struct autoproxy_answer *answer, BOOL *none );
}
sources[] =    /* in order */
{
    { WINHTTP_AUTOPROXY_AUTO_DETECT,      ask_network },
    { WINHTTP_AUTOPROXY_CONFIG_URL,       ask_program },
    { WINHTTP_AUTOPROXY_ALLOW_AUTOCONFIG, ask_user_script },
    { WINHTTP_AUTOPROXY_ALLOW_STATIC,     ask_user_list },
};

/*--- questions -----------------------------------------------------------------------------------------------------*/

DWORD autoproxy_check( const WCHAR *url, const WINHTTP_AUTOPROXY_OPTIONS *options )
{
    DWORD flags;

    if (!url || !*url || !options) return ERROR_INVALID_PARAMETER;
    flags = options->dwFlags;
    if (!(flags & (WINHTTP_AUTOPROXY_AUTO_DETECT | WINHTTP_AUTOPROXY_CONFIG_URL))) return ERROR_INVALID_PARAMETER;
    if ((flags & WINHTTP_AUTOPROXY_AUTO_DETECT) && !options->dwAutoDetectFlags) return ERROR_INVALID_PARAMETER;
    if ((flags & WINHTTP_AUTOPROXY_CONFIG_URL) && !options->lpszAutoConfigUrl) return ERROR_INVALID_PARAMETER;
    return ERROR_SUCCESS;
}

/* Whether a script can be asked about it at all; before anything is fetched. */
static DWORD check_url( const WCHAR *text )
{
    struct url url;
    DWORD err = url_parse( &url, text, wcslen( text ) );

    return err ? err : url.host.cch ? ERROR_SUCCESS : ERROR_WINHTTP_INVALID_URL;
}

DWORD autoproxy_find( struct autoproxy *question, struct autoproxy_answer *answer )
{
    DWORD err, first = ERROR_SUCCESS;
    unsigned int i;
    BOOL none;

    memset( answer, 0, sizeof(*answer) );
    if ((err = check_url( question->url ))) return err;
    for (i = 0; i < ARRAYSIZE( sources ); i++)
    {
        if (!(question->flags & sources[i].flag)) continue;
        err = sources[i].ask( question, answer, &none );
        if (!err || !none || err == ERROR_WINHTTP_OPERATION_CANCELLED) return err;
        TRACE( "source %u: %lu\n", i, err );
        /* A script that is there but cannot be had says more than that detection found nothing. */
        if (!first || first == ERROR_WINHTTP_AUTODETECTION_FAILED) first = err;
    }
    return first;
}

void autoproxy_cancel( struct autoproxy *question )
{
    if (question->cancel) SetEvent( question->cancel );
    pac_fetch_cancel( &question->fetch );
}

void autoproxy_answer_free( struct autoproxy_answer *answer )
{
    free( answer->script );
    free( answer->proxy );
    free( answer->bypass );
    memset( answer, 0, sizeof(*answer) );
}

DWORD autoproxy_servers( const struct autoproxy_answer *answer, const WCHAR *text, struct proxy_server *servers, DWORD max,
                         BOOL *direct, BOOL *bypass )
{
    const WCHAR *scheme;
    struct url url;
    DWORD count;

    *direct = *bypass = FALSE;
    if (answer->script) count = proxy_script_find( answer->script, servers, max, direct );
    else if (!answer->proxy || url_parse( &url, text, wcslen( text ) )) count = 0;
    else
    {
        scheme = url.scheme_id == INTERNET_SCHEME_HTTPS ? L"https" : L"http";
        *bypass = proxy_bypass_match( answer->bypass, scheme, url.host.text, url.host.cch, url.port );
        count = *bypass ? 0 : proxy_list_find( answer->proxy, scheme, servers, max );
    }
    if (!count) *direct = TRUE;
    return min( count, max );
}

/*--- requests with automatic settings ------------------------------------------------------------------------------*/

DWORD proxy_auto_find( struct session *session, DWORD types, const WCHAR *script_url, const WCHAR *url, WCHAR **answer )
{
    struct autoproxy question = { .url = url, .config_url = script_url };
    struct autoproxy_answer found;
    DWORD err;

    if (types & WINHTTP_PROXY_TYPE_AUTO_DETECT) question.flags |= WINHTTP_AUTOPROXY_AUTO_DETECT;
    if (types & WINHTTP_PROXY_TYPE_AUTO_PROXY_URL) question.flags |= WINHTTP_AUTOPROXY_CONFIG_URL;
    question.detect_flags   = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    question.fetch.timeouts = session->defaults.timeouts;
    *answer = NULL;
    if (!(err = autoproxy_find( &question, &found )))
    {
        *answer = found.script;
        found.script = NULL;
    }
    autoproxy_answer_free( &found );
    return err;
}
