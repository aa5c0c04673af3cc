/*
 * Proxy scripts: from where they are to a text
 *
 * By a session of this DLL, which goes direct: where the proxies are is what shall be found out.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "com_charset.h"
#include "pac_fetch.h"
#include "url.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_SCRIPT (1 << 20)     /* bytes; behaviour-concepts.md section 4.6 */
#define FETCH_MS   60000         /* of the whole, when every phase is within its own limit; less if the phases' sum is */
#define LATIN_1    28591

/*--- text ----------------------------------------------------------------------------------------------------------*/

/* NULL: no memory, or with MB_ERR_INVALID_CHARS another charset. *cch is without the terminator. */
static WCHAR *convert( UINT code_page, DWORD flags, const BYTE *data, DWORD len, DWORD *cch )
{
    WCHAR *text;

    *cch = len ? MultiByteToWideChar( code_page, flags, (const char *)data, len, NULL, 0 ) : 0;
    if ((len && !*cch) || !(text = malloc( (*cch + 1) * sizeof(WCHAR) ))) return NULL;
    MultiByteToWideChar( code_page, flags, (const char *)data, len, text, *cch );
    text[*cch] = 0;
    return text;
}

static WCHAR *convert_utf16( const BYTE *data, DWORD len, BOOL swap, DWORD *cch )
{
    WCHAR *text = malloc( (len / 2 + 1) * sizeof(WCHAR) );
    DWORD i;

    if (!text) return NULL;
    for (i = 0; i < len / 2; i++) text[i] = data[2 * i + swap] | data[2 * i + !swap] << 8;
    text[i] = 0;
    *cch = i;
    return text;
}

/* A byte order mark goes before what the server says, and without either it is UTF-8 if it can be, else Latin-1.
 * NULL: no memory, since Latin-1 takes any bytes. */
static WCHAR *script_text( const BYTE *data, DWORD len, const WCHAR *type, DWORD *cch )
{
    UINT code_page;
    DWORD mark = charset_mark( data, len, &code_page ), name_cch;
    const WCHAR *name;
    WCHAR *text;

    if (mark || (charset_parameter( type, &name, &name_cch ) && charset_code_page( name, name_cch, &code_page )))
    {
        if (code_page == CHARSET_UTF16LE || code_page == CHARSET_UTF16BE)
            return convert_utf16( data + mark, len - mark, code_page == CHARSET_UTF16BE, cch );
        if ((text = convert( code_page, 0, data + mark, len - mark, cch ))) return text;
    }
    if ((text = convert( CP_UTF8, MB_ERR_INVALID_CHARS, data, len, cch ))) return text;
    return convert( LATIN_1, 0, data, len, cch );
}

/*--- the exchange --------------------------------------------------------------------------------------------------*/

/* Types of other kinds of files that are known to be used for settings. Any other may be a script: servers say "text/plain"
 * and worse, and many say nothing. */
static BOOL is_other_type( const WCHAR *type )
{
    static const WCHAR * const others[] = { L"application/x-internet-signup", L"text/vbscript" };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( others ); i++)
    {
        size_t cch = wcslen( others[i] );

        if (!_wcsnicmp( type, others[i], cch ) && (!type[cch] || type[cch] == ';' || type[cch] == ' ')) return TRUE;
    }
    return FALSE;
}

struct bytes
{
    BYTE *data;
    DWORD len;
};

/* FALSE: too much, too slow, or broken. What is there is read, no more: a read of more would wait for a server that sends a
 * byte now and then, each in time. */
static BOOL read_script( HINTERNET request, struct bytes *body, ULONGLONG end )
{
    DWORD size = 0, there, read;
    BYTE *data;

    for (;;)
    {
        if (!WinHttpQueryDataAvailable( request, &there )) return FALSE;
        if (!there) return TRUE;
        if (there > MAX_SCRIPT - body->len || GetTickCount64() >= end) return FALSE;
        if (there > size - body->len)
        {
            size = max( size * 2, body->len + there );
            if (!(data = realloc( body->data, size ))) return FALSE;
            body->data = data;
        }
        if (!WinHttpReadData( request, body->data + body->len, there, &read )) return FALSE;
        body->len += read;
    }
}

static DWORD query_status( HINTERNET request )
{
    DWORD status = 0, size = sizeof(status);

    WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL );
    return status;
}

static DWORD take_script( HINTERNET request, ULONGLONG end, WCHAR **script )
{
    struct bytes body = { NULL, 0 };
    WCHAR type[256];
    DWORD size = sizeof(type), cch, err = ERROR_SUCCESS;

    if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_TYPE, NULL, type, &size, NULL )) *type = 0;
    if (is_other_type( type )) return ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE;
    if (!read_script( request, &body, end )) err = ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT;
    else if (!(*script = script_text( body.data, body.len, type, &cch ))) err = ERROR_NOT_ENOUGH_MEMORY;
    else if (wcslen( *script ) != cch)    /* a NUL is no part of a text, and would hide the rest of it */
    {
        free( *script );
        err = ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE;
    }
    free( body.data );
    return err;
}

static BOOL same_span( const struct url_span *a, const struct url_span *b )
{
    return a->cch == b->cch && !_wcsnicmp( a->text, b->text, a->cch );
}

/* The user's credentials are for the server that the program, or the network, has named: not for one to which that one sends
 * the fetch. */
static void CALLBACK follow( HINTERNET request, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    const struct pac_fetch *fetch = (const struct pac_fetch *)context;
    DWORD policy = WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH;
    struct url from, to;

    if (status != WINHTTP_CALLBACK_STATUS_REDIRECT || !len) return;
    if (!url_parse( &from, fetch->url, wcslen( fetch->url ) ) && !url_parse( &to, info, len - 1 ) &&
        from.scheme_id == to.scheme_id && from.port == to.port && same_span( &from.host, &to.host )) return;
    WinHttpSetOption( request, WINHTTP_OPTION_AUTOLOGON_POLICY, &policy, sizeof(policy) );
}

static DWORD set_options( const struct pac_fetch *fetch, HINTERNET request )
{
    DWORD policy = WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, features = WINHTTP_DISABLE_COOKIES;

    if (!fetch->logon) features |= WINHTTP_DISABLE_AUTHENTICATION;
    if (WinHttpSetStatusCallback( request, follow, WINHTTP_CALLBACK_FLAG_REDIRECT, 0 ) == WINHTTP_INVALID_STATUS_CALLBACK ||
        !WinHttpSetOption( request, WINHTTP_OPTION_DISABLE_FEATURE, &features, sizeof(features) ) ||
        (fetch->logon && !WinHttpSetOption( request, WINHTTP_OPTION_AUTOLOGON_POLICY, &policy, sizeof(policy) )) ||
        !WinHttpSetTimeouts( request, fetch->timeouts.resolve, fetch->timeouts.connect, fetch->timeouts.send,
                             fetch->timeouts.receive )) return GetLastError();
    return ERROR_SUCCESS;
}

/* The sum of the phases, where none is endless: as long as Windows' service is waited for. */
static DWORD whole_ms( const struct timeouts *timeouts )
{
    const DWORD phases[] = { timeouts->resolve, timeouts->connect, timeouts->send, timeouts->receive };
    DWORD sum = 0;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( phases ); i++)
    {
        if (!phases[i] || phases[i] > FETCH_MS) return FETCH_MS;
        sum += phases[i];
    }
    return min( sum, FETCH_MS );
}

static DWORD run( const struct pac_fetch *fetch, HINTERNET request, WCHAR **script )
{
    ULONGLONG end = GetTickCount64() + whole_ms( &fetch->timeouts );
    DWORD status, err;

    if ((err = set_options( fetch, request ))) return err;
    if (!WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, (DWORD_PTR)fetch ) || !WinHttpReceiveResponse( request, NULL ))
    {
        WARN( "%s: error %lu\n", debugstr_w( fetch->url ), GetLastError() );
        return ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT;
    }
    status = query_status( request );
    if (status == HTTP_STATUS_DENIED) return ERROR_WINHTTP_LOGIN_FAILURE;
    if (status == HTTP_STATUS_OK) return take_script( request, end, script );
    WARN( "%s: status %lu\n", debugstr_w( fetch->url ), status );
    return ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT;
}

/*--- who may end it ------------------------------------------------------------------------------------------------*/

static BOOL enter( struct pac_fetch *fetch, HINTERNET request )
{
    BOOL ret;

    AcquireSRWLockExclusive( &fetch->lock );
    if ((ret = !fetch->cancelled)) fetch->request = request;
    ReleaseSRWLockExclusive( &fetch->lock );
    return ret;
}

/* What is left to close: nothing once it was cancelled. */
static HINTERNET leave( struct pac_fetch *fetch )
{
    HINTERNET request;

    AcquireSRWLockExclusive( &fetch->lock );
    request = fetch->request;
    fetch->request = NULL;
    ReleaseSRWLockExclusive( &fetch->lock );
    return request;
}

void pac_fetch_cancel( struct pac_fetch *fetch )
{
    HINTERNET request;

    AcquireSRWLockExclusive( &fetch->lock );
    fetch->cancelled = TRUE;
    request = fetch->request;
    fetch->request = NULL;
    ReleaseSRWLockExclusive( &fetch->lock );
    if (request) WinHttpCloseHandle( request );
}

static DWORD open_connect( const struct url *url, HINTERNET *session, HINTERNET *connect )
{
    WCHAR host[256];

    if (!url->host.cch || url->host.cch >= ARRAYSIZE( host )) return ERROR_WINHTTP_INVALID_URL;
    memcpy( host, url->host.text, url->host.cch * sizeof(WCHAR) );
    host[url->host.cch] = 0;
    if (!(*session = WinHttpOpen( L"WinHttp-Autoproxy-Service/5.1", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 )) ||
        !(*connect = WinHttpConnect( *session, host, url->port, 0 ))) return GetLastError();
    return ERROR_SUCCESS;
}

/* The target is what stands behind the host, up to a fragment; given. */
static WCHAR *make_target( const struct url *url )
{
    const WCHAR *extra = url->extra.cch ? url->extra.text : L"";
    size_t extra_cch = url->extra.cch;
    WCHAR *target;
    DWORD i;

    for (i = 0; i < extra_cch && extra[i] != '#'; i++) ;
    extra_cch = i;
    if (!(target = malloc( (url->path.cch + extra_cch + 1) * sizeof(WCHAR) ))) return NULL;
    if (url->path.cch) memcpy( target, url->path.text, url->path.cch * sizeof(WCHAR) );
    memcpy( target + url->path.cch, extra, extra_cch * sizeof(WCHAR) );
    target[url->path.cch + extra_cch] = 0;
    return target;
}

DWORD pac_fetch( struct pac_fetch *fetch, WCHAR **script )
{
    HINTERNET session = NULL, connect = NULL, request;
    struct url url;
    WCHAR *target;
    DWORD err;

    if ((err = url_parse( &url, fetch->url, wcslen( fetch->url ) ))) return err;
    if (!(target = make_target( &url ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (!(err = open_connect( &url, &session, &connect )))
    {
        request = WinHttpOpenRequest( connect, NULL, target, NULL, NULL, NULL,
                                      url.scheme_id == INTERNET_SCHEME_HTTPS ? WINHTTP_FLAG_SECURE : 0 );
        if (!request) err = GetLastError();
        else if (!enter( fetch, request )) WinHttpCloseHandle( request );
        else
        {
            err = run( fetch, request, script );
            if ((request = leave( fetch ))) WinHttpCloseHandle( request );
        }
    }
    if (fetch->cancelled)
    {
        if (!err) free( *script );
        err = ERROR_WINHTTP_OPERATION_CANCELLED;
    }
    TRACE( "%s: %lu\n", debugstr_w( fetch->url ), err );
    if (connect) WinHttpCloseHandle( connect );
    if (session) WinHttpCloseHandle( session );
    free( target );
    return err;
}
