/*
 * Proxy scripts: helper functions that work on texts alone, and what a script gets to see of a URL
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
#include <winhttp.h>
#endif

#include "pac_text.h"
#include "url.h"

/*--- addresses -----------------------------------------------------------------------------------------------------*/

static int hex_digit( WCHAR c )
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four decimal numbers, none with a leading zero: some would read that as octal. */
static BOOL parse_ip4( const WCHAR *p, const WCHAR *end, BYTE *bytes )
{
    const WCHAR *start;
    DWORD value;
    int i;

    for (i = 0; i < 4; i++)
    {
        if (i && (p == end || *p++ != '.')) return FALSE;
        for (start = p, value = 0; p < end && *p >= '0' && *p <= '9' && p - start < 3; p++) value = value * 10 + *p - '0';
        if (p == start || value > 255 || (*start == '0' && p - start > 1)) return FALSE;
        bytes[i] = value;
    }
    return p == end;
}

/* Groups up to the end or to "::", as bytes; -1: something else stands there. *end_of is where it stopped. */
static int parse_groups( const WCHAR *p, const WCHAR *end, BYTE *bytes, const WCHAR **end_of )
{
    int count = 0, digits, value;

    for (;;)
    {
        const WCHAR *start = p;

        for (value = digits = 0; p < end && hex_digit( *p ) >= 0 && digits < 5; p++, digits++)
            value = value * 16 + hex_digit( *p );
        if (p < end && *p == '.')    /* the last four bytes as an address of IPv4 */
        {
            if (count > 12 || !parse_ip4( start, end, bytes + count )) return -1;
            *end_of = end;
            return count + 4;
        }
        if (!digits || digits > 4 || count > 14) return -1;
        bytes[count++] = value >> 8;
        bytes[count++] = value & 0xff;
        *end_of = p;
        if (p == end || (*p == ':' && end - p >= 2 && p[1] == ':')) return count;
        if (*p++ != ':') return -1;
    }
}

static BOOL parse_ip6( const WCHAR *p, const WCHAR *end, BYTE *bytes )
{
    BYTE head[16], tail[16];
    const WCHAR *scope;
    int count = 0, rest = 0;

    for (scope = p; scope < end && *scope != '%'; scope++) ;
    if (scope < end && scope + 1 == end) return FALSE;
    end = scope;

    memset( bytes, 0, 16 );
    if (end - p < 2) return FALSE;
    if ((p[0] != ':' || p[1] != ':') && (count = parse_groups( p, end, head, &p )) < 0) return FALSE;
    if (p == end)
    {
        memcpy( bytes, head, count );
        return count == 16;
    }
    if (end - p < 2 || p[0] != ':' || p[1] != ':') return FALSE;
    p += 2;
    if (p < end && ((rest = parse_groups( p, end, tail, &p )) < 0 || p != end)) return FALSE;
    if (count + rest > 14) return FALSE;
    memcpy( bytes, head, count );
    memcpy( bytes + 16 - rest, tail, rest );
    return TRUE;
}

BOOL pac_address_parse( const WCHAR *text, DWORD cch, struct pac_address *address )
{
    address->is_ip6 = FALSE;
    if (parse_ip4( text, text + cch, address->bytes )) return TRUE;
    address->is_ip6 = TRUE;
    return parse_ip6( text, text + cch, address->bytes );
}

static BOOL parse_ip4_text( const WCHAR *text, BYTE *bytes )
{
    return parse_ip4( text, text + wcslen( text ), bytes );
}

BOOL pac_in_net( const WCHAR *address, const WCHAR *pattern, const WCHAR *mask )
{
    BYTE a[4], p[4], m[4];
    int i;

    if (!parse_ip4_text( address, a ) || !parse_ip4_text( pattern, p ) || !parse_ip4_text( mask, m )) return FALSE;
    for (i = 0; i < 4; i++) if ((a[i] ^ p[i]) & m[i]) return FALSE;
    return TRUE;
}

/* address/length; FALSE: it is malformed. */
static BOOL parse_prefix( const WCHAR *prefix, struct pac_address *net, DWORD *bits )
{
    const WCHAR *slash, *p;

    for (slash = prefix; *slash && *slash != '/'; slash++) ;
    if (!*slash || !pac_address_parse( prefix, slash - prefix, net )) return FALSE;
    for (*bits = 0, p = slash + 1; *p >= '0' && *p <= '9' && p - slash <= 3; p++) *bits = *bits * 10 + *p - '0';
    return p > slash + 1 && !*p && *bits <= (net->is_ip6 ? 128u : 32u);
}

BOOL pac_in_prefix( const WCHAR *address, DWORD cch, const WCHAR *prefix )
{
    struct pac_address a, net;
    DWORD bits, whole;

    if (!pac_address_parse( address, cch, &a ) || !parse_prefix( prefix, &net, &bits ) || a.is_ip6 != net.is_ip6) return FALSE;
    whole = bits / 8;
    if (memcmp( a.bytes, net.bytes, whole )) return FALSE;
    return !(bits % 8) || !((a.bytes[whole] ^ net.bytes[whole]) >> (8 - bits % 8));
}

/*--- sorted lists --------------------------------------------------------------------------------------------------*/

struct item
{
    struct pac_address address;
    const WCHAR       *text;
    DWORD              cch;
};

static BOOL is_blank( WCHAR c ) { return c == ' ' || c == '\t'; }

/* The next item of a list; FALSE at its end. *bad: it is no address. */
static BOOL next_item( const WCHAR **list, struct item *item, BOOL *bad )
{
    const WCHAR *p = *list, *end;

    while (is_blank( *p ) || *p == ';') p++;
    if (!*p) return FALSE;
    for (end = p; *end && *end != ';'; end++) ;
    *list = end;
    while (is_blank( end[-1] )) end--;
    item->text = p;
    item->cch  = end - p;
    if (!pac_address_parse( p, end - p, &item->address )) *bad = TRUE;
    return TRUE;
}

/* qsort's order is not stable: of equal ones that goes first which was written first. */
static int compare_items( const void *left, const void *right )
{
    const struct item *l = left, *r = right;
    int diff;

    if (l->address.is_ip6 != r->address.is_ip6) return l->address.is_ip6 ? -1 : 1;
    if ((diff = memcmp( l->address.bytes, r->address.bytes, l->address.is_ip6 ? 16 : 4 ))) return diff;
    return l->text < r->text ? -1 : l->text > r->text;
}

DWORD pac_sort( const WCHAR *list, WCHAR **ret )
{
    struct item item, *items;
    DWORD count = 0, i;
    const WCHAR *p = list;
    BOOL bad = FALSE;
    WCHAR *out;

    while (next_item( &p, &item, &bad )) count++;
    if (bad) count = 0;
    items = malloc( (count + 1) * sizeof(*items) );
    *ret  = malloc( (wcslen( list ) + 1) * sizeof(WCHAR) );
    if (!items || !*ret)
    {
        free( items );
        free( *ret );
        *ret = NULL;
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    for (i = 0, p = list; i < count; i++) next_item( &p, &items[i], &bad );
    qsort( items, count, sizeof(*items), compare_items );
    for (i = 0, out = *ret; i < count; i++)
    {
        if (i) *out++ = ';';
        memcpy( out, items[i].text, items[i].cch * sizeof(WCHAR) );
        out += items[i].cch;
    }
    *out = 0;
    free( items );
    return 0;
}

/*--- patterns ------------------------------------------------------------------------------------------------------*/

/* Going back to the last star is enough: whatever an earlier one could take, this one can. */
BOOL pac_match( const WCHAR *text, const WCHAR *pattern )
{
    const WCHAR *star = NULL, *back = NULL;

    while (*text)
    {
        if (*pattern == '*')
        {
            star = ++pattern;
            back = text;
        }
        else if (*pattern == '?' || *pattern == *text) pattern++, text++;
        else if (star)
        {
            pattern = star;
            text = ++back;
        }
        else return FALSE;
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/*--- what a script sees --------------------------------------------------------------------------------------------*/

static WCHAR lower( WCHAR c ) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

static WCHAR *append( WCHAR *out, const WCHAR *text, const WCHAR *end, BOOL to_lower )
{
    while (text < end)
    {
        *out++ = to_lower ? lower( *text ) : *text;
        text++;
    }
    return out;
}

DWORD pac_view( const WCHAR *text, BOOL lower_host, WCHAR **view, WCHAR **host )
{
    const WCHAR *end = text + wcslen( text ), *name, *name_end, *port, *tail;
    struct url url;
    DWORD err, bracket;    /* around a literal of IPv6, at either end */
    WCHAR *out;

    if ((err = url_parse( &url, text, end - text ))) return err;
    name = url.host.text;
    name_end = name + url.host.cch;
    bracket = url.host.cch >= 2 && *name == '[';
    if (url.host.cch <= 2 * bracket) return ERROR_WINHTTP_INVALID_URL;
    for (port = name_end; port < end && *port != '/' && *port != '?' && *port != '#'; port++) ;
    for (tail = port; tail < end && *tail != '#'; tail++) ;

    if (!(out = malloc( ((end - text) + url.host.cch + 4) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    *view = out;
    out = append( out, url.scheme.text, url.scheme.text + url.scheme.cch, TRUE );
    *out++ = ':';
    *out++ = '/';
    *out++ = '/';
    out = append( out, name, name_end, lower_host );
    out = append( out, name_end, port, FALSE );
    if (url.scheme_id == INTERNET_SCHEME_HTTPS)
    {
        tail = port;
        *out++ = '/';
    }
    out = append( out, port, tail, FALSE );
    *out++ = 0;

    *host = out;
    out = append( out, name + bracket, name_end - bracket, lower_host );
    *out = 0;
    return 0;
}
