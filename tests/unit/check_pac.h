/*
 * What must hold for every input of pac_text.c and wpad_name.c; shared by unit test and fuzzer
 */

#ifndef CHECK_PAC_H
#define CHECK_PAC_H

#include <arpa/inet.h>

#include "test.h"
#include "win_shim.h"
#include "pac_text.h"
#include "url.h"
#include "wpad_name.h"

#undef malloc      /* the memory of the tests themselves does not fail */

#define PAC_MATCH_MAX 128

static inline BOOL check_pac_same( const WCHAR *a, const WCHAR *b )
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

/* The C library knows the same addresses, but for scopes. */
static inline void check_pac_address( const WCHAR *text, DWORD cch )
{
    struct pac_address address;
    BYTE bytes[16];
    char narrow[64];
    BOOL good = pac_address_parse( guard_copy( text, cch * sizeof(WCHAR) ), cch, &address ), known;
    DWORD i;

    for (i = 0; i < cch; i++) if (!text[i] || text[i] > 0x7f || text[i] == '%') break;
    if (i < cch || cch >= sizeof(narrow)) return;
    for (i = 0; i < cch; i++) narrow[i] = text[i];
    narrow[cch] = 0;
    known = inet_pton( AF_INET, narrow, bytes ) == 1;
    expect( known == (good && !address.is_ip6) );
    if (known) expect( !memcmp( bytes, address.bytes, 4 ) );
    known = inet_pton( AF_INET6, narrow, bytes ) == 1;
    expect( known == (good && address.is_ip6) );
    if (known) expect( !memcmp( bytes, address.bytes, 16 ) );
}

/* By the definition: row by row, which lengths of the pattern fit so far. */
static inline BOOL check_pac_slow_match( const WCHAR *text, DWORD text_cch, const WCHAR *pattern, DWORD cch )
{
    BYTE fits[2][PAC_MATCH_MAX + 1] = { { 0 } };
    BYTE *row = fits[0], *next = fits[1], *swap;
    DWORD i, j;

    row[0] = 1;
    for (j = 0; j < cch; j++) row[j + 1] = row[j] && pattern[j] == '*';
    for (i = 0; i < text_cch; i++)
    {
        next[0] = 0;
        for (j = 0; j < cch; j++)
            next[j + 1] = pattern[j] == '*' ? next[j] || row[j + 1] : row[j] && (pattern[j] == '?' || pattern[j] == text[i]);
        swap = row;
        row = next;
        next = swap;
    }
    return row[cch];
}

static inline void check_pac_match( const WCHAR *text, const WCHAR *pattern )
{
    BOOL matches = pac_match( text, pattern );
    DWORD text_cch = wcslen( text ), cch = wcslen( pattern );

    if (text_cch > PAC_MATCH_MAX || cch > PAC_MATCH_MAX) return;
    expect( matches == check_pac_slow_match( text, text_cch, pattern, cch ) );
}

/* What is sorted is sorted, and no longer than it was. */
static inline void check_pac_sort( const WCHAR *list )
{
    WCHAR *sorted, *again;

    expect( !pac_sort( list, &sorted ) );
    expect( wcslen( sorted ) <= wcslen( list ) );
    expect( !pac_sort( sorted, &again ) && check_pac_same( sorted, again ) );
    free( sorted );
    free( again );
}

static inline void check_pac_nets( const WCHAR *address, const WCHAR *pattern, const WCHAR *mask )
{
    static const WCHAR all[] = L"255.255.255.255", none[] = L"0.0.0.0";
    struct pac_address parsed;
    BOOL is_ip4 = pac_address_parse( address, wcslen( address ), &parsed ) && !parsed.is_ip6;

    if (pac_in_net( address, pattern, mask )) expect( is_ip4 );
    expect( pac_in_net( address, address, all ) == is_ip4 );
    expect( pac_in_net( address, none, none ) == is_ip4 );
    if (pac_in_prefix( address, wcslen( address ), pattern )) expect( pac_address_parse( address, wcslen( address ), &parsed ) );
}

/* No secrets: neither user information nor a fragment, and of https only the place. */
static inline void check_pac_view( const WCHAR *text, BOOL lower )
{
    WCHAR *view, *host;
    struct url url, seen;
    DWORD i, err = pac_view( text, lower, &view, &host );

    expect( !err || err == ERROR_WINHTTP_INVALID_URL || err == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    if (err) return;
    expect( !url_parse( &url, text, wcslen( text ) ) && !url_parse( &seen, view, wcslen( view ) ) );
    expect( seen.scheme_id == url.scheme_id && seen.port == url.port && seen.host.cch == url.host.cch );
    expect( !seen.user.cch && !seen.password.cch && *host );
    for (i = 0; i < seen.scheme.cch; i++) expect( view[i] >= 'a' && view[i] <= 'z' );
    for (i = 0; view[i]; i++) expect( view[i] != '#' );
    if (url.scheme_id == INTERNET_SCHEME_HTTPS) expect( seen.path.cch + seen.extra.cch == 1 );
    else expect( wcslen( view ) <= wcslen( text ) );
    for (i = 0; host[i]; i++) expect( !lower || host[i] < 'A' || host[i] > 'Z' );
    free( view );
}

/* Domains that are asked have at least two labels, are no address, and get shorter up to one that is not asked. */
static inline void check_pac_domain( const WCHAR *domain )
{
    struct pac_address address;
    const WCHAR *above;

    for (; domain && wpad_is_owned( domain ); domain = above)
    {
        above = wpad_above( domain );
        expect( above && above > domain && above[-1] == '.' );
        expect( wcslen( domain ) <= 247 && !pac_address_parse( domain, wcslen( domain ), &address ) );
    }
}

/* Three NUL-terminated texts, in any of the parts that a script or a network can give them. */
static inline void check_pac( const WCHAR *first, const WCHAR *second, const WCHAR *third )
{
    check_pac_address( first, wcslen( first ) );
    check_pac_match( first, second );
    check_pac_sort( first );
    check_pac_nets( first, second, third );
    check_pac_view( first, FALSE );
    check_pac_view( first, TRUE );
    check_pac_domain( first );
}

#endif /* CHECK_PAC_H */
