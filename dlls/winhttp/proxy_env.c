/*
 * The host's proxy settings as its environment has them
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "proxy_env.h"
#include "proxy_list.h"

struct env_text { const WCHAR *at, *end; };

static WCHAR lower( WCHAR c ) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

static BOOL is_blank( WCHAR c ) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static BOOL text_is( const struct env_text *text, const WCHAR *word )
{
    const WCHAR *p = text->at;

    while (p < text->end && *word && lower( *p ) == *word) p++, word++;
    return p == text->end && !*word;
}

static const WCHAR *find( const struct env_text *text, WCHAR c )
{
    const WCHAR *p;

    for (p = text->at; p < text->end; p++) if (*p == c) return p;
    return NULL;
}

static WCHAR *append( WCHAR *to, const WCHAR *from, const WCHAR *end )
{
    while (from < end) *to++ = *from++;
    return to;
}

static WCHAR *append_word( WCHAR *to, const WCHAR *word )
{
    return append( to, word, word + wcslen( word ) );
}

/*--- proxies -------------------------------------------------------------------------------------------------------*/

/* What curl calls them, and what a list does. */
static const struct { const WCHAR *name, *prefix; } schemes[] =
{
    { L"http",    L"" },
    { L"https",   L"https://" },
    { L"socks",   L"socks4://" },
    { L"socks4",  L"socks4://" },
    { L"socks4a", L"socks4://" },
    { L"socks5",  L"socks5://" },
    { L"socks5h", L"socks5://" },
};

#define MAX_PREFIX 9    /* longest of the above */

/* [scheme://][user[:password]@]host[:port][/...]. FALSE: there is no proxy in it. */
static BOOL parse_proxy( const WCHAR *value, const WCHAR **prefix, struct env_text *server )
{
    struct env_text scheme;
    const WCHAR *p;
    unsigned int i;

    if (!value) return FALSE;
    while (is_blank( *value )) value++;
    server->at  = value;
    server->end = value + wcslen( value );
    while (server->end > server->at && is_blank( server->end[-1] )) server->end--;

    *prefix = L"";
    if ((p = find( server, ':' )) && server->end - p >= 3 && p[1] == '/' && p[2] == '/')
    {
        scheme.at  = server->at;
        scheme.end = p;
        for (i = 0; i < ARRAYSIZE( schemes ) && !text_is( &scheme, schemes[i].name ); i++) ;
        if (i == ARRAYSIZE( schemes )) return FALSE;
        *prefix = schemes[i].prefix;
        server->at = p + 3;
    }
    if ((p = find( server, '/' ))) server->end = p;
    while ((p = find( server, '@' ))) server->at = p + 1;
    /* A separator of lists in it would make two of it. */
    for (p = server->at; p < server->end; p++) if (is_blank( *p ) || *p == ';') return FALSE;
    return server->at < server->end;
}

/* "http=host:port", if it is one that a list can hold. */
static WCHAR *append_proxy( WCHAR *to, const WCHAR *start, const WCHAR *entry, const WCHAR *value )
{
    struct env_text server;
    const WCHAR *prefix;
    WCHAR *end = to;

    if (!parse_proxy( value, &prefix, &server )) return to;
    if (end > start) *end++ = ';';
    end = append_word( end, entry );
    end = append_word( end, prefix );
    end = append( end, server.at, server.end );
    *end = 0;
    if (!proxy_list_check( start )) return end;
    *to = 0;
    return to;
}

static BOOL is_proxy( const WCHAR *value )
{
    struct env_text server;
    const WCHAR *prefix;

    return parse_proxy( value, &prefix, &server );
}

DWORD proxy_env_list( const WCHAR *http, const WCHAR *https, const WCHAR *all, WCHAR **ret )
{
    size_t cch;
    WCHAR *list, *end;

    *ret = NULL;
    if (!is_proxy( http )) http = all;
    if (!is_proxy( https )) https = all;
    cch = (http ? wcslen( http ) : 0) + (https ? wcslen( https ) : 0) + 2 * (sizeof(";https=") + MAX_PREFIX) + 1;
    if (!(list = malloc( cch * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    *list = 0;
    end = append_proxy( list, list, L"http=", http );
    end = append_proxy( end, list, L"https=", https );
    if (end > list) *ret = list;
    else free( list );
    return 0;
}

/*--- those that go past them ---------------------------------------------------------------------------------------*/

static BOOL is_number( WCHAR c ) { return c >= '0' && c <= '9'; }

/* An IPv4 address has no names below it; one of IPv6 has colons. */
static BOOL is_address( const struct env_text *entry )
{
    const WCHAR *p, *colon = NULL;
    unsigned int dots = 0, colons = 0;

    if (*entry->at == '[') return TRUE;
    for (p = entry->at; p < entry->end; p++)
    {
        if (*p == ':' && !colons++) colon = p;
        if (!colons && !is_number( *p ) && *p != '.') return FALSE;
        dots += *p == '.';
    }
    if (colons > 1) return TRUE;
    return dots == 3 && colon != entry->at;
}

#define NETWORK_CCH (128 * 17)    /* the most patterns of one network, each "255.255.255.255;" at most */

/* "10.0.0.0/8"; numbers behind those that the bits are about may be missing. FALSE: it is none, or all of them. */
static BOOL parse_network( const struct env_text *entry, const WCHAR *slash, unsigned int *numbers, unsigned int *bits )
{
    const WCHAR *p;
    unsigned int count;

    for (*bits = 0, p = slash + 1; p < entry->end && is_number( *p ) && *bits <= 32; p++) *bits = *bits * 10 + *p - '0';
    if (p != entry->end || p == slash + 1 || !*bits || *bits > 32) return FALSE;
    memset( numbers, 0, 4 * sizeof(*numbers) );
    for (count = 0, p = entry->at; count < 4; count++, p++)
    {
        const WCHAR *start = p;

        while (p < slash && is_number( *p ) && p - start < 3) numbers[count] = numbers[count] * 10 + *p++ - '0';
        if (p == start || numbers[count] > 255) return FALSE;
        if (p == slash) return (count + 1) * 8 >= *bits;
        if (*p != '.') return FALSE;
    }
    return FALSE;
}

static WCHAR *append_number( WCHAR *to, unsigned int number )
{
    if (number >= 100) *to++ = '0' + number / 100;
    if (number >= 10) *to++ = '0' + number / 10 % 10;
    *to++ = '0' + number % 10;
    return to;
}

/* As patterns: one, or if the bits end within a number, one for each value that it may have. */
static WCHAR *append_network( WCHAR *to, const unsigned int *numbers, unsigned int bits )
{
    const unsigned int last = (bits - 1) / 8, count = 1u << (7 - (bits - 1) % 8), first = numbers[last] & ~(count - 1);
    unsigned int i, j;

    for (i = 0; i < count; i++)
    {
        for (j = 0; j < last; j++)
        {
            to = append_number( to, numbers[j] );
            *to++ = '.';
        }
        to = append_number( to, first + i );
        to = append_word( to, last < 3 ? L".*;" : L";" );
    }
    return to;
}

static WCHAR *append_bypass( WCHAR *to, struct env_text entry )
{
    const WCHAR *slash = find( &entry, '/' );
    unsigned int numbers[4], bits;

    if (slash) return parse_network( &entry, slash, numbers, &bits ) ? append_network( to, numbers, bits ) : to;
    while (entry.at < entry.end && *entry.at == '.') entry.at++;
    if (entry.at == entry.end) return to;
    to = append( to, entry.at, entry.end );
    *to++ = ';';
    if (is_address( &entry ) || *entry.at == '*') return to;
    to = append_word( to, L"*." );
    to = append( to, entry.at, entry.end );
    *to++ = ';';
    return to;
}

DWORD proxy_env_bypass( const WCHAR *none, WCHAR **ret )
{
    struct env_text entry;
    size_t networks = 0;
    const WCHAR *p;
    WCHAR *list, *end;

    *ret = NULL;
    if (!none) return 0;
    for (p = none; *p; p++) networks += *p == '/';
    /* The worst of the others is entries of one character: "a," becomes "a;*.a;". */
    if (!(end = list = malloc( (wcslen( none ) * 4 + 5 + networks * NETWORK_CCH) * sizeof(WCHAR) )))
        return ERROR_NOT_ENOUGH_MEMORY;
    while (*none)
    {
        while (*none == ',' || *none == ';' || is_blank( *none )) none++;
        entry.at = none;
        while (*none && *none != ',' && *none != ';' && !is_blank( *none )) none++;
        entry.end = none;
        if (entry.at < entry.end) end = append_bypass( end, entry );
    }
    *end = 0;
    if (end > list) *ret = list;
    else free( list );
    return 0;
}
