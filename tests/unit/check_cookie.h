/*
 * Checks that must hold for anything a server sends as Set-Cookie; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_COOKIE_H
#define WINHTTP_CHECK_COOKIE_H

#include "test.h"
#include "win_shim.h"
#include "cookie.h"

#undef malloc      /* the memory of the tests themselves does not fail */

#define COOKIE_NOW 131592384000000000ull       /* 1 January 2018, 0:00 UTC */

/* What is sent to a place: pairs with a name, apart by "; ", without what could end a line or a pair; and the store says
 * the same length with and without room. */
static inline void check_cookies_get( const struct cookies *cookies, const struct cookie_place *place, ULONGLONG now )
{
    DWORD i, cch = cookies_get( cookies, place, now, NULL, 0 ), equals = 0;
    WCHAR *text = malloc( (cch + 1) * sizeof(WCHAR) );

    text[cch] = 0x1234;
    expect( cookies_get( cookies, place, now, text, cch ) == cch && text[cch] == 0x1234 );
    for (i = 0; i < cch; i++)
    {
        expect( text[i] >= ' ' || text[i] == '\t' );
        if (text[i] == '=' && i) equals++;
        if (text[i] != ';') continue;
        expect( equals && i + 2 < cch && text[i + 1] == ' ' && text[i + 2] != '=' );
        equals = 0;
    }
    expect( !cch || (equals && text[0] != '=' && text[0] != ';') );
    free( text );
}

/* A cookie for one host never shows up at another that is not below it. */
static inline void check_set_cookie( struct cookies *cookies, const WCHAR *source, DWORD cch, BOOL secure )
{
    static const struct cookie_place stranger = { L"evil.test", 9, L"/", 1, TRUE };
    static const struct cookie_place longer = { L"xa.host.test", 12, L"/dir/page", 9, TRUE };
    static const struct cookie_place below = { L"b.a.host.test", 13, L"/dir/page", 9, TRUE };
    static const struct cookie_place plain = { L"a.host.test", 11, L"/dir/page", 9, FALSE };
    const struct cookie_place place = { L"a.host.test", 11, L"/dir/page?q", 11, secure };
    const WCHAR *text = guard_copy( source, cch * sizeof(WCHAR) );
    DWORD before = cookies->count, err;
    ULONGLONG now = COOKIE_NOW;

    err = cookies_set( cookies, &place, text, cch, now, NULL );
    expect( !err || err == ERROR_INVALID_DATA || err == ERROR_NOT_ENOUGH_MEMORY );
    if (err) expect( cookies->count == before );
    expect( cookies->count <= before + 1 && cookies->count <= COOKIES_DOMAIN_MAX * 3 );
    check_cookies_get( cookies, &place, now );
    check_cookies_get( cookies, &below, now );
    check_cookies_get( cookies, &longer, now );
    expect( !cookies_get( cookies, &stranger, now, NULL, 0 ) );
    expect( cookies_get( cookies, &plain, now, NULL, 0 ) <= cookies_get( cookies, &place, now, NULL, 0 ) || !secure );
    expect( cookies_get( cookies, &place, ~0ull, NULL, 0 ) == 0 );       /* all things end */
}

#endif
