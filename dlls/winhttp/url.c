/*
 * URLs: WinHttpCrackUrl, WinHttpCreateUrl, request targets and server names
 *
 * There is one parser, url_parse. What it takes for the host is what is connected to, shown to the application and
 * compared for redirects; a URL that other parsers read differently (a backslash, a second '@', a control character or
 * junk in the authority) is refused. Escaping works from bit sets, one per use, since the uses differ in '%' and '~'.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>
#include "wine/debug.h"
WINE_DEFAULT_DEBUG_CHANNEL(winhttp);
#endif

#include "hostname.h"
#include "url.h"

#define URL_MAX_CCH  0x10000000      /* three times that in bytes is still a DWORD */
#define HOST_MAX_LEN 255             /* RFC 1035 */

/* Sets of ASCII characters to escape. */
#define BIT( c ) (1u << ((c) & 31))
#define UNSAFE_SPACE (BIT( ' ' ) | BIT( '"' ) | BIT( '#' ) | BIT( '<' ) | BIT( '>' ))
#define UNSAFE_UPPER (BIT( '[' ) | BIT( '\\' ) | BIT( ']' ) | BIT( '^' ))
#define UNSAFE_LOWER (BIT( '`' ) | BIT( '{' ) | BIT( '|' ) | BIT( '}' ) | BIT( 0x7f ))

/* CU-17 */
static const DWORD unsafe_url[4] = { ~0u, UNSAFE_SPACE | BIT( '%' ), UNSAFE_UPPER, UNSAFE_LOWER | BIT( '~' ) };
/* ES-1, and escaping a URL that is taken apart */
static const DWORD unsafe_target[4] = { ~0u, UNSAFE_SPACE, UNSAFE_UPPER, UNSAFE_LOWER };
/* ES-2 */
static const DWORD unsafe_percent[4] = { ~0u, UNSAFE_SPACE | BIT( '%' ), UNSAFE_UPPER, UNSAFE_LOWER };
/* ES-3: only what would end the request line's second word; line ends are dropped before */
static const DWORD unsafe_raw[4] = { 0, BIT( ' ' ), 0, 0 };
/* ICU_ESCAPE_AUTHORITY: what would end the user name or the password, too */
static const DWORD unsafe_user[4] = { ~0u, UNSAFE_SPACE | BIT( '%' ) | BIT( '/' ) | BIT( ':' ) | BIT( '?' ),
                                      UNSAFE_UPPER | BIT( '@' ), UNSAFE_LOWER | BIT( '~' ) };

static const struct scheme
{
    const WCHAR    *name;
    DWORD           name_cch;
    INTERNET_SCHEME id;
    INTERNET_PORT   port;
}
schemes[] =
{
    { L"http",  4, INTERNET_SCHEME_HTTP,  INTERNET_DEFAULT_HTTP_PORT },
    { L"https", 5, INTERNET_SCHEME_HTTPS, INTERNET_DEFAULT_HTTPS_PORT },
};

static const struct scheme *scheme_by_name( const WCHAR *name, DWORD name_cch )
{
    DWORD i, j;

    for (i = 0; i < ARRAYSIZE( schemes ); i++)
    {
        if (schemes[i].name_cch != name_cch) continue;
        for (j = 0; j < name_cch && (name[j] | 0x20) == schemes[i].name[j] && name[j] < 0x80; j++) ;
        if (j == name_cch) return &schemes[i];
    }
    return NULL;
}

static const struct scheme *scheme_by_id( INTERNET_SCHEME id )
{
    DWORD i;

    for (i = 0; i < ARRAYSIZE( schemes ); i++) if (schemes[i].id == id) return &schemes[i];
    return NULL;
}

static void set_span( struct url_span *span, const WCHAR *start, const WCHAR *end )
{
    span->text = start;
    span->cch = end - start;
}

static BOOL is_digit( WCHAR c )
{
    return c >= '0' && c <= '9';
}

/* An empty port is the default one (CK-12). */
static DWORD parse_port( struct url *url, const WCHAR *text, const WCHAR *end )
{
    DWORD port = 0;

    if (text == end) return 0;
    for (; text < end; text++)
    {
        if (!is_digit( *text )) return ERROR_WINHTTP_INVALID_URL;
        port = port * 10 + *text - '0';
        if (port > 65535) return ERROR_WINHTTP_INVALID_URL;
    }
    url->port = port;
    url->port_given = TRUE;
    return 0;
}

static DWORD parse_host( struct url *url, const WCHAR *text, const WCHAR *end )
{
    const WCHAR *p = text;

    if (p < end && *p == '[')
    {
        while (p < end && *p != ']') p++;
        if (p++ == end) return ERROR_WINHTTP_INVALID_URL;
    }
    else while (p < end && *p != ':') p++;

    set_span( &url->host, text, p );
    if (!url->host.cch) return ERROR_WINHTTP_INVALID_URL;
    if (p == end) return 0;
    if (*p != ':') return ERROR_WINHTTP_INVALID_URL;
    return parse_port( url, p + 1, end );
}

static void parse_userinfo( struct url *url, const WCHAR *text, const WCHAR *end )
{
    const WCHAR *p = text;

    while (p < end && *p != ':') p++;
    set_span( &url->user, text, p );
    if (p < end) set_span( &url->password, p + 1, end );
}

/* Leaves *text at the end of the authority. */
static DWORD parse_authority( struct url *url, const WCHAR **text, const WCHAR *end )
{
    const WCHAR *p, *start = *text, *at = NULL;

    for (p = start; p < end && *p != '/' && *p != '?' && *p != '#'; p++)
    {
        if (*p < ' ' || *p == '\\' || *p == 0x7f || (*p == '@' && at)) return ERROR_WINHTTP_INVALID_URL;
        if (*p == '@') at = p;
    }
    *text = p;
    if (at)
    {
        parse_userinfo( url, start, at );
        start = at + 1;
    }
    return parse_host( url, start, p );
}

static void parse_path( struct url *url, const WCHAR *text, const WCHAR *end )
{
    const WCHAR *p = text;

    if (p == end - 1 && *p == '?') p = text = end;          /* CK-8 */
    while (p < end && *p != '?' && *p != '#') p++;
    set_span( &url->path, text, p );
    set_span( &url->extra, p, end );
}

DWORD url_parse( struct url *url, const WCHAR *text, DWORD url_cch )
{
    const WCHAR *p = text, *end = text + url_cch;
    const struct scheme *scheme;
    DWORD err;

    memset( url, 0, sizeof(*url) );
    while (p < end && *p != ':') p++;
    if (p == end || !(scheme = scheme_by_name( text, p - text ))) return ERROR_WINHTTP_UNRECOGNIZED_SCHEME;
    set_span( &url->scheme, text, p++ );
    url->scheme_id = scheme->id;
    url->port = scheme->port;

    if (end - p < 2 || p[0] != '/' || p[1] != '/') return ERROR_WINHTTP_INVALID_URL;
    p += 2;
    if ((err = parse_authority( url, &p, end ))) return err;
    parse_path( url, p, end );
    return 0;
}

static BOOL is_unsafe( const DWORD *unsafe, WCHAR c )
{
    return unsafe[c >> 5] & BIT( c );
}

/* The UTF-8 form of the character at text[*index], which is above U+007F; half a surrogate pair is U+FFFD. */
static DWORD utf8_char( const WCHAR *text, DWORD cch, DWORD *index, unsigned char *bytes )
{
    DWORD c = text[*index], count, i;

    if (c >= 0xd800 && c < 0xdc00 && *index + 1 < cch && text[*index + 1] >= 0xdc00 && text[*index + 1] < 0xe000)
        c = 0x10000 + ((c - 0xd800) << 10) + text[++*index] - 0xdc00;
    else if (c >= 0xd800 && c < 0xe000) c = 0xfffd;

    count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (i = count; --i; c >>= 6) bytes[i] = 0x80 | (c & 0x3f);
    bytes[0] = (0xf00 >> count & 0xff) | c;
    return count;
}

static WCHAR *put_escape( WCHAR *dst, unsigned char byte )
{
    static const char hex[] = "0123456789ABCDEF";

    *dst++ = '%';
    *dst++ = hex[byte >> 4];
    *dst++ = hex[byte & 15];
    return dst;
}

/* Escapes text by a set; all beyond ASCII becomes escaped UTF-8. Returns the length, stores if dst is not NULL. */
static DWORD escape_text( const WCHAR *text, DWORD cch, const DWORD *unsafe, WCHAR *dst )
{
    unsigned char bytes[4];
    WCHAR *start = dst;
    DWORD i, j, count, len = 0;

    for (i = 0; i < cch; i++)
    {
        if (text[i] < 0x80 && !is_unsafe( unsafe, text[i] ))
        {
            len++;
            if (start) *dst++ = text[i];
            continue;
        }
        bytes[0] = text[i];
        count = text[i] < 0x80 ? 1 : utf8_char( text, cch, &i, bytes );
        len += count * 3;
        for (j = 0; start && j < count; j++) dst = put_escape( dst, bytes[j] );
    }
    return len;
}

static int hex_value( WCHAR c )
{
    if (is_digit( c )) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character that an escape stands for, 0 if there is no escape. A NUL stays escaped, since a program that takes
 * the text for terminated would see less than was checked. */
static WCHAR escaped_char( const WCHAR *text, DWORD cch )
{
    int high, low;

    if (cch < 3 || text[0] != '%' || (high = hex_value( text[1] )) < 0 || (low = hex_value( text[2] )) < 0) return 0;
    return high << 4 | low;
}

static DWORD decode_text( const WCHAR *text, DWORD cch, WCHAR *dst )
{
    DWORD i, len = 0;
    WCHAR c;

    for (i = 0; i < cch; i++, len++)
    {
        if ((c = escaped_char( text + i, cch - i ))) i += 2;
        else c = text[i];
        if (dst) dst[len] = c;
    }
    return len;
}

/* The components as WinHttpCrackUrl and WinHttpCreateUrl see them. */
enum component { COMP_SCHEME, COMP_HOST, COMP_USER, COMP_PASSWORD, COMP_PATH, COMP_EXTRA, COMP_COUNT };

static const struct
{
    size_t text, cch, span;
}
component_rows[COMP_COUNT] =
{
#define ROW( text, cch, span ) \
    { offsetof( URL_COMPONENTS, text ), offsetof( URL_COMPONENTS, cch ), offsetof( struct url, span ) }
    [COMP_SCHEME]   = ROW( lpszScheme, dwSchemeLength, scheme ),
    [COMP_HOST]     = ROW( lpszHostName, dwHostNameLength, host ),
    [COMP_USER]     = ROW( lpszUserName, dwUserNameLength, user ),
    [COMP_PASSWORD] = ROW( lpszPassword, dwPasswordLength, password ),
    [COMP_PATH]     = ROW( lpszUrlPath, dwUrlPathLength, path ),
    [COMP_EXTRA]    = ROW( lpszExtraInfo, dwExtraInfoLength, extra ),
#undef ROW
};

static WCHAR **component_text( URL_COMPONENTS *comps, enum component i )
{
    return (WCHAR **)((char *)comps + component_rows[i].text);
}

static DWORD *component_cch( URL_COMPONENTS *comps, enum component i )
{
    return (DWORD *)((char *)comps + component_rows[i].cch);
}

static const struct url_span *component_span( const struct url *url, enum component i )
{
    return (const struct url_span *)((const char *)url + component_rows[i].span);
}

/* A buffer needs a size (CK-17), and text that changes needs a buffer (CK-19). The flags that winhttp.h names for combining
 * URLs (ICU_NO_ENCODE, NO_META, ENCODE_SPACES_ONLY, BROWSER_MODE, ENCODE_PERCENT) ask for nothing here: no function
 * of this API combines. Unknown flags were never refused. */
static BOOL check_components( URL_COMPONENTS *comps, DWORD flags )
{
    enum component i;

    for (i = 0; i < COMP_COUNT; i++)
    {
        if (*component_text( comps, i ) && !*component_cch( comps, i )) return FALSE;
        if (!(flags & (ICU_DECODE | ICU_ESCAPE))) continue;
        if (!*component_text( comps, i ) && *component_cch( comps, i )) return FALSE;
    }
    return TRUE;
}

/* Path and extra info with the changes that the flags ask for. With both flags the text is decoded first: what was
 * escaped already is not escaped twice (CK-20). *ret is given. */
static DWORD convert_span( const struct url_span *span, DWORD flags, WCHAR **ret, DWORD *ret_cch )
{
    const DWORD *unsafe = flags & ICU_DECODE ? unsafe_percent : unsafe_target;
    WCHAR *text, *escaped;
    DWORD cch;

    if (!(text = malloc( (span->cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (flags & ICU_DECODE) cch = decode_text( span->text, span->cch, text );
    else memcpy( text, span->text, (cch = span->cch) * sizeof(WCHAR) );
    if (flags & ICU_ESCAPE)
    {
        *ret_cch = escape_text( text, cch, unsafe, NULL );
        if ((escaped = malloc( (*ret_cch + 1) * sizeof(WCHAR) ))) escape_text( text, cch, unsafe, escaped );
        free( text );
        *ret = escaped;
        return escaped ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    }
    *ret = text;
    *ret_cch = cch;
    return 0;
}

static DWORD copy_component( const struct url_span *span, WCHAR *buffer, DWORD *cch )
{
    if (*cch <= span->cch)
    {
        *cch = span->cch + 1;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (span->cch) memcpy( buffer, span->text, span->cch * sizeof(WCHAR) );
    buffer[span->cch] = 0;
    *cch = span->cch;
    return 0;
}

static void point_component( const struct url_span *span, WCHAR **text, DWORD *cch )
{
    *text = (WCHAR *)span->text;
    *cch = span->cch;
}

/* The first error wins, but every component gets its text or its size (CK-3). */
static DWORD store_components( const struct url *url, URL_COMPONENTS *comps )
{
    DWORD err, ret = 0;
    enum component i;

    for (i = 0; i < COMP_COUNT; i++)
    {
        if (!*component_cch( comps, i )) continue;
        if (*component_text( comps, i ))
        {
            err = copy_component( component_span( url, i ), *component_text( comps, i ), component_cch( comps, i ) );
            if (!ret) ret = err;
        }
        else point_component( component_span( url, i ), component_text( comps, i ), component_cch( comps, i ) );
    }
    comps->nScheme = url->scheme_id;
    comps->nPort = url->port;
    return ret;
}

static DWORD crack_converted( struct url *url, DWORD flags, URL_COMPONENTS *comps )
{
    WCHAR *path = NULL, *extra = NULL;
    DWORD err;

    if (!(err = convert_span( &url->path, flags, &path, &url->path.cch )) &&
        !(err = convert_span( &url->extra, flags, &extra, &url->extra.cch )))
    {
        url->path.text = path;
        url->extra.text = extra;
        err = store_components( url, comps );
    }
    free( path );
    free( extra );
    return err;
}

/* An explicit length may count the terminator; nothing behind a NUL is part of a URL. */
static DWORD bounded_length( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch && text[i]; i++) ;
    return i;
}

static DWORD crack( const WCHAR *text, DWORD cch, DWORD flags, URL_COMPONENTS *comps )
{
    struct url url;
    DWORD err;

    if (!text || !comps || comps->dwStructSize != sizeof(*comps)) return ERROR_INVALID_PARAMETER;
    if (!check_components( comps, flags )) return ERROR_INVALID_PARAMETER;
    cch = cch ? bounded_length( text, cch ) : (DWORD)wcslen( text );
    if (cch > URL_MAX_CCH) return ERROR_NOT_ENOUGH_MEMORY;
    if ((err = url_parse( &url, text, cch ))) return err;
    if (url.user.text && (flags & ICU_REJECT_USERPWD)) return ERROR_WINHTTP_INVALID_URL;

    if (!comps->lpszExtraInfo && !comps->dwExtraInfoLength) url.path.cch += url.extra.cch;     /* CK-14 */
    if (flags & (ICU_DECODE | ICU_ESCAPE)) return crack_converted( &url, flags, comps );
    return store_components( &url, comps );
}

BOOL WINAPI WinHttpCrackUrl( LPCWSTR url, DWORD url_cch, DWORD flags, LPURL_COMPONENTS comps )
{
    DWORD err;

    /* not the text: it may hold a password */
    TRACE( "%p <%lu>, %#lx, %p\n", url, url_cch, flags, comps );

    err = crack( url, url_cch, flags, comps );
    SetLastError( err );
    return !err;
}

/* A URL being put together: counts in a first pass (dst NULL), stores in a second one. */
struct url_writer
{
    WCHAR    *dst;
    ULONGLONG cch;
};

static void write_text( struct url_writer *writer, const WCHAR *text, DWORD cch )
{
    if (writer->dst && cch) memcpy( writer->dst + writer->cch, text, cch * sizeof(WCHAR) );
    writer->cch += cch;
}

static void write_port( struct url_writer *writer, INTERNET_PORT port )
{
    WCHAR text[6], *p = text + ARRAYSIZE( text );

    do *--p = '0' + port % 10; while ((port /= 10));
    *--p = ':';
    write_text( writer, p, text + ARRAYSIZE( text ) - p );
}

/* unsafe NULL: as it is */
static void write_span( struct url_writer *writer, const struct url_span *span, const DWORD *unsafe )
{
    if (!unsafe) write_text( writer, span->text, span->cch );
    else writer->cch += escape_text( span->text, span->cch, unsafe, writer->dst ? writer->dst + writer->cch : NULL );
}

/* A host is never escaped: no name can have an escape in it. */
static void write_url( struct url_writer *writer, const struct url *url, DWORD flags )
{
    const DWORD *unsafe = flags & ICU_ESCAPE ? unsafe_url : NULL;
    const DWORD *unsafe_name = flags & ICU_ESCAPE_AUTHORITY ? unsafe_user : NULL;

    write_span( writer, &url->scheme, NULL );
    write_text( writer, L"://", 3 );
    if (url->user.text)
    {
        write_span( writer, &url->user, unsafe_name );
        if (url->password.text) write_text( writer, L":", 1 );
        if (url->password.text) write_span( writer, &url->password, unsafe_name );
        write_text( writer, L"@", 1 );
    }
    if (url->host.text)
    {
        write_span( writer, &url->host, NULL );
        if (url->port_given) write_port( writer, url->port );
    }
    write_span( writer, &url->path, unsafe );
    write_span( writer, &url->extra, unsafe );
}

/* A length of 0 with a pointer means a terminated string, any other length counts whatever it covers (CU-14). */
static BOOL read_component( const URL_COMPONENTS *comps, enum component i, struct url_span *span )
{
    span->text = *(WCHAR * const *)((const char *)comps + component_rows[i].text);
    span->cch = *(const DWORD *)((const char *)comps + component_rows[i].cch);
    if (!span->text) span->cch = 0;
    else if (!span->cch) span->cch = wcslen( span->text );
    return span->cch <= URL_MAX_CCH / 8;
}

static BOOL is_ascii( const struct url_span *span )
{
    DWORD i;

    for (i = 0; i < span->cch; i++) if (span->text[i] >= 0x80) return FALSE;
    return TRUE;
}

/* CU-20; the authority by the same rule */
static BOOL can_escape( const struct url *url, DWORD flags )
{
    if (GetACP() == CP_UTF8) return TRUE;
    if ((flags & ICU_ESCAPE) && (!is_ascii( &url->path ) || !is_ascii( &url->extra ))) return FALSE;
    return !(flags & ICU_ESCAPE_AUTHORITY) || (is_ascii( &url->user ) && is_ascii( &url->password ));
}

static DWORD read_components( const URL_COMPONENTS *comps, DWORD flags, struct url *url )
{
    const struct scheme *scheme;
    enum component i;

    memset( url, 0, sizeof(*url) );
    for (i = 0; i < COMP_COUNT; i++)
        if (!read_component( comps, i, (struct url_span *)component_span( url, i ) )) return ERROR_INVALID_PARAMETER;

    if (url->password.text && !url->user.text) return ERROR_INVALID_PARAMETER;
    if (url->user.text && (flags & ICU_REJECT_USERPWD)) return ERROR_WINHTTP_INVALID_URL;
    if (!can_escape( url, flags )) return ERROR_INVALID_PARAMETER;

    if (url->scheme.text) scheme = scheme_by_name( url->scheme.text, url->scheme.cch );
    else
    {
        scheme = scheme_by_id( comps->nScheme ? comps->nScheme : INTERNET_SCHEME_HTTP );
        if (!scheme) return ERROR_INVALID_PARAMETER;
        url->scheme.text = scheme->name;
        url->scheme.cch = scheme->name_cch;
    }
    url->port = comps->nPort;
    url->port_given = !scheme || scheme->port != comps->nPort || (flags & ICU_INCLUDE_DEFAULT_PORT);
    return 0;
}

static DWORD create( const URL_COMPONENTS *comps, DWORD flags, WCHAR *text, DWORD *cch )
{
    struct url_writer writer = { NULL, 0 };
    struct url url;
    DWORD err;

    if (!comps || comps->dwStructSize != sizeof(*comps) || !cch) return ERROR_INVALID_PARAMETER;
    if ((err = read_components( comps, flags, &url ))) return err;

    write_url( &writer, &url, flags );
    if (*cch <= writer.cch)
    {
        *cch = writer.cch + 1;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (!text) return ERROR_INVALID_PARAMETER;      /* CU-5 */

    writer.dst = text;
    writer.cch = 0;
    write_url( &writer, &url, flags );
    text[writer.cch] = 0;
    *cch = writer.cch;
    return 0;
}

BOOL WINAPI WinHttpCreateUrl( LPURL_COMPONENTS comps, DWORD flags, LPWSTR url, LPDWORD url_cch )
{
    DWORD err;

    TRACE( "%p, %#lx, %p, %p\n", comps, flags, url, url_cch );

    err = create( comps, flags, url, url_cch );
    SetLastError( err );
    return !err;
}

/* Without escaping a line end cannot be kept, since it would end the request line (ES-3). */
static DWORD drop_line_ends( WCHAR *text, DWORD cch )
{
    DWORD i, len = 0;

    for (i = 0; i < cch; i++) if (text[i] != '\r' && text[i] != '\n') text[len++] = text[i];
    return len;
}

/* A part of an object name on its way into a request target. */
struct target_part
{
    const WCHAR *text;
    DWORD        cch;
    const DWORD *unsafe;
    UINT         codepage;           /* of the bytes that are escaped */
};

/* The length of the characters beyond ASCII that text begins with. */
static DWORD other_run( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch && text[i] >= 0x80; i++) ;
    return i;
}

/* A stretch beyond ASCII as bytes of the part's code page, each escaped: best fit can give plain '/' or '&', which the
 * program did not write. 0 if it cannot be converted. */
static DWORD escape_bytes( const struct target_part *part, const WCHAR *text, DWORD cch, WCHAR *dst )
{
    DWORD len, i;
    char *bytes;

    if (part->codepage == CP_UTF8) return escape_text( text, cch, part->unsafe, dst );
    len = WideCharToMultiByte( part->codepage, 0, text, cch, NULL, 0, NULL, NULL );
    if (!len || !dst) return len * 3;
    if ((bytes = malloc( len )))
    {
        WideCharToMultiByte( part->codepage, 0, text, cch, bytes, len, NULL, NULL );
        for (i = 0; i < len; i++) dst = put_escape( dst, bytes[i] );
        free( bytes );
    }
    return bytes ? len * 3 : 0;
}

/* Length of a part in the target; stores if dst is not NULL. FALSE if a character has no bytes there, or without memory. */
static BOOL put_part( const struct target_part *part, WCHAR *dst, DWORD *len )
{
    DWORD i, run, count;

    for (i = *len = 0; i < part->cch; i += run, *len += count)
    {
        if ((run = other_run( part->text + i, part->cch - i )))
        {
            if (!(count = escape_bytes( part, part->text + i, run, dst ? dst + *len : NULL ))) return FALSE;
            continue;
        }
        while (i + run < part->cch && part->text[i + run] < 0x80) run++;
        count = escape_text( part->text + i, run, part->unsafe, dst ? dst + *len : NULL );
    }
    return TRUE;
}

/* *ret is given. */
static DWORD put_target( const struct target_part *path, const struct target_part *extra, WCHAR **ret, DWORD *ret_cch )
{
    DWORD slash = !path->cch || path->text[0] != '/', path_cch, extra_cch;
    WCHAR *target;

    if (!put_part( path, NULL, &path_cch ) || !put_part( extra, NULL, &extra_cch )) return ERROR_INVALID_PARAMETER;
    if (!(target = malloc( (slash + path_cch + extra_cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (slash) target[0] = '/';
    if (!put_part( path, target + slash, &path_cch ) ||
        !put_part( extra, target + slash + path_cch, &extra_cch ))
    {
        free( target );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    *ret = target;
    *ret_cch = slash + path_cch + extra_cch;
    target[*ret_cch] = 0;
    return 0;
}

DWORD url_escape_target( const WCHAR *object, const struct url_escape *how, WCHAR **ret, DWORD *ret_cch )
{
    const DWORD *unsafe = how->flags & WINHTTP_FLAG_ESCAPE_PERCENT ? unsafe_percent : unsafe_target;
    BOOL raw_path = (how->flags & WINHTTP_FLAG_ESCAPE_DISABLE) && !how->encode_extra;
    BOOL raw_extra = raw_path || ((how->flags & WINHTTP_FLAG_ESCAPE_DISABLE_QUERY) && !how->encode_extra);
    struct target_part path = { NULL, 0, raw_path ? unsafe_raw : unsafe, CP_UTF8 };
    struct target_part extra = { NULL, 0, raw_extra ? unsafe_raw : unsafe, how->codepage };
    DWORD cch = object ? wcslen( object ) : 0, err;
    WCHAR *copy = NULL;

    if (cch > URL_MAX_CCH) return ERROR_NOT_ENOUGH_MEMORY;
    while (path.cch < cch && object[path.cch] != '?') path.cch++;
    path.text = object;
    extra.text = object + path.cch;
    extra.cch = cch - path.cch;
    if (cch && raw_extra)
    {
        if (!(copy = malloc( cch * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
        memcpy( copy, object, cch * sizeof(WCHAR) );
        path.text = copy;
        extra.text = copy + path.cch;
        extra.cch = drop_line_ends( copy + path.cch, extra.cch );
        if (raw_path) path.cch = drop_line_ends( copy, path.cch );
    }

    err = put_target( &path, &extra, ret, ret_cch );
    if (err == ERROR_INVALID_PARAMETER && extra.codepage != CP_UTF8)
    {
        extra.codepage = CP_UTF8;        /* an unknown code page: the option takes any number */
        err = put_target( &path, &extra, ret, ret_cch );
    }
    free( copy );
    return err;
}

static BOOL is_ip6_char( WCHAR c )
{
    return hex_value( c ) >= 0 || c == ':' || c == '.';
}

/* Enough to keep other things out; the resolver decides whether it is an address. A zone may follow. */
static BOOL is_ip6_literal( const WCHAR *name, DWORD cch )
{
    DWORD i, colons = 0;

    for (i = 0; i < cch && is_ip6_char( name[i] ); i++) colons += name[i] == ':';
    if (i < cch && name[i] == '%' && i + 1 < cch)
        for (i++; i < cch && (is_digit( name[i] ) || hex_value( name[i] ) >= 0 || (name[i] | 0x20) >= 'a'); i++)
            if (name[i] >= 0x7f || (name[i] | 0x20) > 'z') return FALSE;
    return i == cch && colons >= 2;
}

static BOOL is_name_char( char c )
{
    return is_digit( c ) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.';
}

/* Four numbers up to 255 without leading zeros: the forms with fewer parts, other bases or large numbers are read
 * differently by different resolvers and filters. */
static BOOL is_ip4_literal( const char *host )
{
    unsigned int part, value, digits;

    for (part = 0; part < 4; part++)
    {
        for (value = digits = 0; is_digit( *host ) && digits < 4; host++, digits++) value = value * 10 + *host - '0';
        if (!digits || digits > 3 || value > 255 || (digits > 1 && host[-(int)digits] == '0')) return FALSE;
        if (part < 3 && *host++ != '.') return FALSE;
    }
    return !*host;
}

/* A name whose last label is a number is meant as an address. */
static BOOL ends_in_number( const char *host, DWORD len )
{
    const char *label, *p, *end = host + len;

    if (len && end[-1] == '.') end--;
    for (label = end; label > host && label[-1] != '.'; label--) ;
    if (end - label > 1 && label[0] == '0' && (label[1] | 0x20) == 'x') return TRUE;
    for (p = label; p < end && is_digit( *p ); p++) ;
    return p == end && p > label;
}

static BOOL check_name( const char *host, DWORD len )
{
    DWORD i;

    if (!len || len > HOST_MAX_LEN || host[0] == '.') return FALSE;
    for (i = 0; i < len; i++)
    {
        if (!is_name_char( host[i] )) return FALSE;
        if (i && host[i] == '.' && host[i - 1] == '.') return FALSE;
    }
    return !ends_in_number( host, len ) || is_ip4_literal( host );
}

/* The ASCII form of a name beyond ASCII. The mapping makes a digit of a wide digit: what becomes an address by it is
 * refused, as whoever looked at the name before saw none. */
static DWORD convert_name( const struct url_span *name, char *host, DWORD host_size )
{
    DWORD err = hostname_to_ascii( name->text, name->cch, host, host_size );

    if (!err && ends_in_number( host, strlen( host ) )) err = ERROR_WINHTTP_INVALID_URL;
    return err;
}

DWORD url_host_to_ascii( const WCHAR *name, DWORD name_cch, char *host, DWORD host_size )
{
    struct url_span span;
    BOOL bracketed;
    DWORD i, err;

    bracketed = name_cch > 2 && name[0] == '[' && name[name_cch - 1] == ']';
    span.text = bracketed ? name + 1 : name;
    span.cch = bracketed ? name_cch - 2 : name_cch;
    if (!span.cch || span.cch > HOST_MAX_LEN || host_size < 2) return ERROR_WINHTTP_INVALID_URL;
    if (!is_ascii( &span ))
    {
        if (bracketed) return ERROR_WINHTTP_INVALID_URL;
        if ((err = convert_name( &span, host, host_size ))) return err;
        return check_name( host, strlen( host ) ) ? 0 : ERROR_WINHTTP_INVALID_URL;
    }
    if (span.cch >= host_size) return ERROR_WINHTTP_INVALID_URL;
    for (i = 0; i < span.cch; i++) host[i] = span.text[i];
    host[i] = 0;
    if (is_ip6_literal( span.text, span.cch )) return 0;
    return !bracketed && check_name( host, span.cch ) ? 0 : ERROR_WINHTTP_INVALID_URL;
}
