/*
 * Redirects: which responses are followed, where to, and what becomes of verb, body and headers
 *
 * A reference is taken apart as RFC 3986 section 5.2 says, put together with the base, and the result goes through the
 * one parser, url_parse, so that what is connected to, shown and compared is the same. Strict: "http:x" is not relative.
 *
 * Choices where the spec is silent: user and password in a Location are dropped and never used as credentials; so is a
 * fragment, since it is no part of what is asked for; hosts appear in their ASCII form.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>
#endif

#include "redirect.h"

#define LOCATION_MAX_CCH 0x100000    /* each of base and Location: no sum below leaves a DWORD */
#define PORT_MAX_CCH     6           /* ":65535" */
#define HOST_SIZE        256

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- which responses -----------------------------------------------------------------------------------------------*/

enum verb_rule { VERB_STAYS, POST_BECOMES_GET, ALL_BECOME_GET };

static const struct
{
    DWORD          status;
    enum verb_rule rule;
}
statuses[] =
{
    { 300, POST_BECOMES_GET },
    { 301, POST_BECOMES_GET },
    { 302, POST_BECOMES_GET },
    { 303, ALL_BECOME_GET },
    { 307, VERB_STAYS },
    { 308, VERB_STAYS },
};

BOOL redirect_status( DWORD status )
{
    DWORD i;

    for (i = 0; i < ARRAYSIZE( statuses ); i++) if (statuses[i].status == status) return TRUE;
    return FALSE;
}

/* Verbs are case-sensitive: WinHttpOpenRequest sends them as given. */
static BOOL same_verb( const WCHAR *verb, const WCHAR *name )
{
    while (*verb && *verb == *name) verb++, name++;
    return *verb == *name;
}

BOOL redirect_to_get( DWORD status, const WCHAR *verb )
{
    DWORD i;

    for (i = 0; i < ARRAYSIZE( statuses ); i++)
    {
        if (statuses[i].status != status) continue;
        if (statuses[i].rule == POST_BECOMES_GET) return same_verb( verb, L"POST" );
        if (statuses[i].rule == ALL_BECOME_GET) return !same_verb( verb, L"GET" ) && !same_verb( verb, L"HEAD" );
    }
    return FALSE;
}

/*--- Location ------------------------------------------------------------------------------------------------------*/

static BOOL has_controls( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (text[i] < ' ' || text[i] == 0x7f) return TRUE;
    return FALSE;
}

static BOOL is_ascii( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (text[i] >= 0x80) return FALSE;
    return TRUE;
}

/* The bytes that the text came from, given; NULL if they are not found again. */
static DWORD received_bytes( const WCHAR *text, DWORD cch, char **ret, DWORD *ret_len )
{
    DWORD len = header_text_narrow( text, cch, NULL, 0 );
    char *bytes = malloc( len + 1 );
    WCHAR *again = malloc( (cch + 1) * sizeof(WCHAR) );
    BOOL same;

    *ret = NULL;
    if (!bytes || !again)
    {
        free( bytes );
        free( again );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    header_text_narrow( text, cch, bytes, len );
    same = header_text_widen( bytes, len, again, cch ) == cch && !memcmp( again, text, cch * sizeof(WCHAR) );
    free( again );
    if (same)
    {
        *ret = bytes;
        *ret_len = len;
    }
    else free( bytes );
    return 0;
}

/* Reads bytes as UTF-8 into `text`; returns its length, 0 if they are something else or the text would be longer. */
static DWORD read_utf8( const char *bytes, DWORD len, WCHAR *text, DWORD size_cch )
{
    int i, count = MultiByteToWideChar( CP_UTF8, 0, bytes, len, NULL, 0 );

    if (count <= 0 || (DWORD)count > size_cch) return 0;
    MultiByteToWideChar( CP_UTF8, 0, bytes, len, text, count );
    for (i = 0; i < count; i++) if (text[i] == 0xfffd) return 0;
    return count;
}

/* Header text was widened through the code page, but what servers put into a Location beyond ASCII is UTF-8: reads it
 * as that where it is that, so that it is escaped as the server meant it and a name can be converted. *ret is given. */
static DWORD location_text( const WCHAR *text, DWORD cch, WCHAR **ret, DWORD *ret_cch )
{
    char *bytes = NULL;
    DWORD len, err;

    if (!(*ret = malloc( (cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (!is_ascii( text, cch ))
    {
        if ((err = received_bytes( text, cch, &bytes, &len )))
        {
            free( *ret );
            return err;
        }
        if (bytes && (*ret_cch = read_utf8( bytes, len, *ret, cch )))
        {
            free( bytes );
            return 0;
        }
        free( bytes );
    }
    if (cch) memcpy( *ret, text, cch * sizeof(WCHAR) );
    *ret_cch = cch;
    return 0;
}

/* A reference taken apart. The fragment is gone; path.text is never NULL, the others are where they are absent. */
struct reference
{
    struct url_span scheme, authority, path, query;     /* the authority with its slashes, the query with its '?' */
};

static BOOL is_letter( WCHAR c )
{
    return c < 0x80 && (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static BOOL is_scheme_char( WCHAR c )
{
    return is_letter( c ) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static void set_span( struct url_span *span, const WCHAR *start, const WCHAR *end )
{
    span->text = start;
    span->cch = end - start;
}

static void split_reference( struct reference *ref, const WCHAR *text, DWORD cch )
{
    const WCHAR *p, *end = text;

    memset( ref, 0, sizeof(*ref) );
    while (end < text + cch && *end != '#') end++;

    for (p = text; p < end && is_scheme_char( *p ); p++) ;
    if (p < end && *p == ':' && is_letter( *text ))
    {
        set_span( &ref->scheme, text, p );
        text = p + 1;
    }
    p = text;
    if (end - p >= 2 && p[0] == '/' && p[1] == '/')
    {
        for (p += 2; p < end && *p != '/' && *p != '?'; p++) ;
        set_span( &ref->authority, text, p );
        text = p;
    }
    while (p < end && *p != '?') p++;
    set_span( &ref->path, text, p );
    if (p < end) set_span( &ref->query, p, end );
}

/*--- the new URL ---------------------------------------------------------------------------------------------------*/

static WCHAR *put( WCHAR *dst, const WCHAR *text, DWORD cch )
{
    if (cch) memcpy( dst, text, cch * sizeof(WCHAR) );
    return dst + cch;
}

static WCHAR *put_span( WCHAR *dst, const struct url_span *span )
{
    return put( dst, span->text, span->cch );
}

static BOOL is_segment( const WCHAR *start, const WCHAR *end, const WCHAR *name )
{
    while (start < end && *name && *start == *name) start++, name++;
    return start == end && !*name;
}

/* RFC 3986 section 5.2.4, in place, for a path that begins with a slash; returns the new length, at least 1. */
static DWORD remove_dots( WCHAR *path, DWORD cch )
{
    const WCHAR *src = path, *end = path + cch, *segment;
    WCHAR *dst = path;
    BOOL dots;

    while (src < end)
    {
        for (segment = ++src; src < end && *src != '/'; src++) ;
        dots = is_segment( segment, src, L"." );
        if (is_segment( segment, src, L".." ))
        {
            dots = TRUE;
            while (dst > path && *--dst != '/') ;
        }
        if (!dots)
        {
            *dst++ = '/';
            memmove( dst, segment, (src - segment) * sizeof(WCHAR) );
            dst += src - segment;
        }
        else if (src == end) *dst++ = '/';
    }
    return dst - path;
}

/* The path of the target, RFC 3986 section 5.2.2 and 5.2.3. */
static WCHAR *put_path( WCHAR *dst, const struct reference *base, const struct reference *ref )
{
    BOOL own_authority = ref->scheme.text || ref->authority.text;
    const struct url_span *path = own_authority || ref->path.cch ? &ref->path : &base->path;
    WCHAR *start = dst;
    DWORD dir = 0;

    if (!own_authority && path == &ref->path && path->text[0] != '/')
    {
        for (dir = base->path.cch; dir && base->path.text[dir - 1] != '/'; dir--) ;
        dst = put( dst, base->path.text, dir );
    }
    if (dst == start && (!path->cch || path->text[0] != '/')) *dst++ = '/';
    dst = put_span( dst, path );
    return start + remove_dots( start, dst - start );
}

/* Scheme, authority, path and query of the target, in `text`, which has room for both URLs and a slash. */
static DWORD put_target( WCHAR *text, const struct reference *base, const struct reference *ref )
{
    BOOL own_authority = ref->scheme.text || ref->authority.text, keep_query = !own_authority && !ref->path.cch;
    WCHAR *dst = text;

    dst = put_span( dst, ref->scheme.text ? &ref->scheme : &base->scheme );
    *dst++ = ':';
    dst = put_span( dst, own_authority ? &ref->authority : &base->authority );
    /* Without an authority there is nothing to go to, and no path that would put one there. */
    if (own_authority && !ref->authority.text) return dst - text;
    dst = put_path( dst, base, ref );
    dst = put_span( dst, ref->query.text || !keep_query ? &ref->query : &base->query );
    return dst - text;
}

static DWORD put_number( WCHAR *dst, DWORD value )
{
    WCHAR digits[PORT_MAX_CCH];
    DWORD i = PORT_MAX_CCH;

    do digits[--i] = '0' + value % 10; while (value /= 10);
    put( dst, digits + i, PORT_MAX_CCH - i );
    return PORT_MAX_CCH - i;
}

static INTERNET_PORT default_port( INTERNET_SCHEME scheme )
{
    return scheme == INTERNET_SCHEME_HTTPS ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
}

/* Makes the text: scheme, host, port if needed, escaped target. `url` was parsed from terminated text. */
static DWORD make_text( struct redirect *redirect, const struct url *url, const char *host )
{
    static const WCHAR * const schemes[] = { L"http://", L"https://" };
    static const struct url_escape escape = { 0, CP_UTF8, FALSE };
    const WCHAR *scheme = schemes[url->scheme_id == INTERNET_SCHEME_HTTPS];
    BOOL brackets = url->host.text[0] == '[';
    DWORD err, target_cch, i;
    WCHAR *target, *p;

    if ((err = url_escape_target( url->path.text, &escape, &target, &target_cch ))) return err;
    redirect->text = p = malloc( (8 + HOST_SIZE + 2 + PORT_MAX_CCH + target_cch + 1) * sizeof(WCHAR) );
    if (p)
    {
        p = put( p, scheme, wcslen( scheme ) );
        if (brackets) *p++ = '[';
        for (i = 0; host[i]; i++) *p++ = (unsigned char)host[i];
        if (brackets) *p++ = ']';
        if (url->port != default_port( url->scheme_id ))
        {
            *p++ = ':';
            p += put_number( p, url->port );
        }
        p = put( p, target, target_cch );
        *p = 0;
        redirect->cch = p - redirect->text;
    }
    free( target );
    return p ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

static BOOL same_host( const char *a, const char *b )
{
    while (*a && (*a == *b || (is_letter( *a ) && (*a | 0x20) == (*b | 0x20)))) a++, b++;
    return *a == *b;
}

/* `text` is the target, unescaped and terminated; what it is is checked here. */
static DWORD check_target( struct redirect *redirect, const struct url *base, const WCHAR *text, DWORD cch,
                           DWORD policy, BOOL reject_userpwd )
{
    char host[HOST_SIZE], base_host[HOST_SIZE];
    struct url url;
    DWORD err;

    if ((err = url_parse( &url, text, cch ))) return err;
    if (reject_userpwd && url_has_credentials( &url )) return ERROR_WINHTTP_INVALID_URL;
    if ((err = url_host_to_ascii( url.host.text, url.host.cch, host, sizeof(host) ))) return err;
    if ((err = url_host_to_ascii( base->host.text, base->host.cch, base_host, sizeof(base_host) ))) return err;
    if (policy != WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS && base->scheme_id == INTERNET_SCHEME_HTTPS &&
        url.scheme_id != INTERNET_SCHEME_HTTPS)
        return ERROR_WINHTTP_REDIRECT_FAILED;

    redirect->new_origin = url.scheme_id != base->scheme_id || url.port != base->port || !same_host( host, base_host );
    if ((err = make_text( redirect, &url, host ))) return err;
    /* Can only fail if the text is not what it was made from. */
    if ((err = url_parse( &redirect->url, redirect->text, redirect->cch ))) redirect_free( redirect );
    return err;
}

static void trim( const WCHAR **text, DWORD *cch )
{
    while (*cch && (**text == ' ' || **text == '\t'))
    {
        (*text)++;
        (*cch)--;
    }
    while (*cch && ((*text)[*cch - 1] == ' ' || (*text)[*cch - 1] == '\t')) (*cch)--;
}

DWORD redirect_resolve( struct redirect *redirect, const WCHAR *base, DWORD base_cch, const WCHAR *location,
                        DWORD location_cch, DWORD policy, BOOL reject_userpwd )
{
    struct reference base_ref, ref;
    WCHAR *wanted, *target;
    struct url base_url;
    DWORD err, cch;

    memset( redirect, 0, sizeof(*redirect) );
    trim( &location, &location_cch );
    if (base_cch > LOCATION_MAX_CCH || location_cch > LOCATION_MAX_CCH) return ERROR_WINHTTP_INVALID_URL;
    if (has_controls( base, base_cch ) || has_controls( location, location_cch )) return ERROR_WINHTTP_INVALID_URL;
    if ((err = url_parse( &base_url, base, base_cch ))) return err;
    if ((err = location_text( location, location_cch, &wanted, &cch ))) return err;

    split_reference( &base_ref, base, base_cch );
    split_reference( &ref, wanted, cch );
    if (!(target = malloc( (base_cch + cch + 3) * sizeof(WCHAR) ))) err = ERROR_NOT_ENOUGH_MEMORY;
    else
    {
        cch = put_target( target, &base_ref, &ref );
        target[cch] = 0;
        err = check_target( redirect, &base_url, target, cch, policy, reject_userpwd );
    }
    free( target );
    free( wanted );
    return err;
}

void redirect_free( struct redirect *redirect )
{
    free( redirect->text );
    memset( redirect, 0, sizeof(*redirect) );
}

/*--- headers -------------------------------------------------------------------------------------------------------*/

enum edit_when { WITH_ORIGIN, WITH_BODY, WITH_TLS };

/* Credentials stay with the origin: Windows documents that it lets those of the application travel, as a hazard;
 * security.md does not. The Host of one server is wrong at any other. What describes a body goes with it; Content-Type
 * stays, as on Windows. Where one came from over TLS is not told without it, RFC 9110 10.1.3: also a choice. */
static const struct
{
    const WCHAR   *name;
    DWORD          name_cch;
    enum edit_when when;
}
edits[] =
{
    { NAME( L"Authorization" ),       WITH_ORIGIN },
    { NAME( L"Content-Length" ),      WITH_BODY },
    { NAME( L"Cookie" ),              WITH_ORIGIN },
    { NAME( L"Expect" ),              WITH_BODY },
    { NAME( L"Host" ),                WITH_ORIGIN },
    { NAME( L"Proxy-Authorization" ), WITH_ORIGIN },
    { NAME( L"Referer" ),             WITH_TLS },
    { NAME( L"Trailer" ),             WITH_BODY },
    { NAME( L"Transfer-Encoding" ),   WITH_BODY },
};

void redirect_edit_headers( struct headers *headers, BOOL new_origin, BOOL to_get, BOOL to_http )
{
    const BOOL gone[] = { [WITH_ORIGIN] = new_origin, [WITH_BODY] = to_get, [WITH_TLS] = to_http };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( edits ); i++)
        if (gone[edits[i].when]) headers_remove_all( headers, edits[i].name, edits[i].name_cch );
}
