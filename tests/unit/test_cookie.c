/*
 * Tests of cookie.c: what is stored, and what is sent where and when
 */

#include "check_cookie.h"
#include "hooks.h"

#define SECOND 10000000ull
#define DAY    (86400 * SECOND)

static struct cookies store;
static ULONGLONG now = COOKIE_NOW;
static cookie_suffix_test suffix_test;

/* "https://host/path" */
static struct cookie_place place_of( const WCHAR *url )
{
    struct cookie_place place;
    DWORD i;

    memset( &place, 0, sizeof(place) );
    place.secure = url[4] == 's';
    place.host = url + 7 + place.secure;
    for (i = 0; place.host[i] && place.host[i] != '/'; i++) ;
    place.host_cch = i;
    place.path = place.host + i;
    place.path_cch = lstrlenW( place.path );
    return place;
}

static DWORD set( const WCHAR *url, const WCHAR *text )
{
    struct cookie_place place = place_of( url );
    DWORD cch = lstrlenW( text );

    return cookies_set( &store, &place, guard_copy( text, cch * sizeof(WCHAR) ), cch, now, suffix_test );
}

static BOOL sends( const WCHAR *url, const WCHAR *expected )
{
    struct cookie_place place = place_of( url );
    WCHAR text[512];
    DWORD cch = cookies_get( &store, &place, now, text, ARRAYSIZE( text ) );

    check_cookies_get( &store, &place, now );
    return cch == (DWORD)lstrlenW( expected ) && !memcmp( text, expected, cch * sizeof(WCHAR) );
}

static void clear(void)
{
    cookies_clear( &store );
    expect( !store.count && !store.list );
}

/* CO-2 */
static void test_blanks_around_name_and_value_go(void)
{
    expect( !set( L"http://a.test/", L" name = value " ) );
    expect( sends( L"http://a.test/", L"name=value" ) );
    expect( !set( L"http://a.test/", L"\tname\t=\t\tb c \t; path=/" ) );
    expect( sends( L"http://a.test/", L"name=b c" ) );
    clear();
}

/* CO-3 */
static void test_names_are_case_sensitive(void)
{
    expect( !set( L"http://a.test/", L"name=value" ) );
    expect( !set( L"http://a.test/", L"NAME=value" ) );
    expect( sends( L"http://a.test/", L"NAME=value; name=value" ) );
    clear();
}

/* CO-4; that storing again makes it the newest is a choice */
static void test_newest_comes_first(void)
{
    expect( !set( L"http://a.test/", L"a=1" ) );
    expect( !set( L"http://a.test/", L"b=2" ) );
    expect( !set( L"http://a.test/", L"c=3" ) );
    expect( sends( L"http://a.test/", L"c=3; b=2; a=1" ) );
    expect( !set( L"http://a.test/", L"a=4" ) );
    expect( sends( L"http://a.test/", L"a=4; c=3; b=2" ) );
    clear();
}

static void test_identity_is_name_domain_and_path(void)
{
    expect( !set( L"http://a.test/x/y", L"n=1" ) );
    expect( !set( L"http://a.test/x/y", L"n=2; path=/" ) );
    expect( set( L"http://a.test/x/y", L"n=3; domain=test.a.test" ) == ERROR_INVALID_DATA );
    expect( !set( L"http://b.a.test/x/y", L"n=4; domain=a.test; path=/x" ) );      /* replaces the first: same domain */
    expect( store.count == 2 );
    expect( sends( L"http://a.test/x/", L"n=4; n=2" ) );
    expect( sends( L"http://a.test/y", L"n=2" ) );
    clear();
}

static void test_value_is_kept_as_it_is(void)
{
    expect( !set( L"http://a.test/", L"a=\"b, c\"; path=/" ) );
    expect( !set( L"http://a.test/", L"d=e=f==" ) );
    expect( !set( L"http://a.test/", L"g=" ) );
    expect( !set( L"http://a.test/", L"h=\xe4\x20ac" ) );
    expect( sends( L"http://a.test/", L"h=\xe4\x20ac; g=; d=e=f==; a=\"b, c\"" ) );
    clear();
}

static void test_what_is_no_cookie(void)
{
    static const WCHAR * const texts[] = { L"", L"a", L"=b", L" = b", L";", L"; path=/", L"a; b=c", L"a=b\x01", L"a=b\r",
                                           L"a=b; path=/\n", L"a\x7f=b" };
    static const struct cookie_place place = { L"a.test", 6, L"/", 1, FALSE }, nowhere = { L"", 0, L"/", 1, FALSE };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( texts ); i++) expect( set( L"http://a.test/", texts[i] ) == ERROR_INVALID_DATA );
    expect( cookies_set( &store, &place, L"a=b\0c", 5, now, NULL ) == ERROR_INVALID_DATA );
    expect( cookies_set( &store, &nowhere, L"a=b", 3, now, NULL ) == ERROR_INVALID_DATA );
    expect( !store.count );
    clear();
}

/* CO-7 */
static void test_attributes_are_read_leniently(void)
{
    static const WCHAR * const texts[] =
    {
        L"a=b;path=/p", L"a=b; PATH = /p", L"a=b ;\tPath\t=\t/p ;", L"a=b; path=/p; ", L"a=b;;;path=/p;;", L"a=b; path=/q; path=/p",
        L"a=b; HttpOnly; path=/p", L"a=b; HttpOnly=1; path=/p", L"a=b; SameSite=Strict; unknown; path=/p", L"a=b; path=/p; secured",
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( texts ); i++)
    {
        expect( !set( L"http://a.test/", texts[i] ) );
        expect( sends( L"http://a.test/p", L"a=b" ) );
        expect( sends( L"http://a.test/q", L"" ) );
        clear();
    }
}

/* CO-5, RFC 6265 section 5.1.4 */
static void test_default_path(void)
{
    static const struct { const WCHAR *url, *for_url, *not_for; } tests[] =
    {
        { L"http://a.test",          L"http://a.test/x",       NULL },
        { L"http://a.test/",         L"http://a.test/x",       NULL },
        { L"http://a.test/c",        L"http://a.test/c2",      NULL },
        { L"http://a.test/d/",       L"http://a.test/d",       L"http://a.test/de" },
        { L"http://a.test/d/e",      L"http://a.test/d/f",     L"http://a.test/" },
        { L"http://a.test/d?x=/y/z", L"http://a.test/",        NULL },
        { L"http://a.test/d/e?/f/g", L"http://a.test/d?/q",    L"http://a.test/?/d/" },
        { L"http://a.test*",         L"http://a.test*",        NULL },
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
    {
        expect( !set( tests[i].url, L"a=b" ) );
        expect( sends( tests[i].for_url, L"a=b" ) );
        if (tests[i].not_for) expect( sends( tests[i].not_for, L"" ) );
        clear();
    }
    /* a path that is none counts as absent */
    expect( !set( L"http://a.test/d/e", L"a=b; path=p" ) && sends( L"http://a.test/d", L"a=b" ) );
    clear();
    expect( !set( L"http://a.test/d/e", L"a=b; path=/p; path=" ) && sends( L"http://a.test/d", L"a=b" ) );
    clear();
}

/* CO-9 */
static void test_path_is_a_prefix_of_whole_segments(void)
{
    expect( !set( L"http://a.test/p4", L"a=b; path=/p5" ) );
    expect( sends( L"http://a.test/p5", L"a=b" ) );
    expect( sends( L"http://a.test/p5?x", L"a=b" ) );
    expect( sends( L"http://a.test/p5/x", L"a=b" ) );
    expect( sends( L"http://a.test/p4", L"" ) );
    expect( sends( L"http://a.test/p55", L"" ) );
    expect( sends( L"http://a.test/P5", L"" ) );
    expect( sends( L"http://a.test/", L"" ) );
    expect( !set( L"http://a.test/", L"c=d; path=/p5/" ) );
    expect( sends( L"http://a.test/p5/", L"c=d; a=b" ) );
    expect( sends( L"http://a.test/p5", L"a=b" ) );
    clear();
}

/* security.md: domains match on label boundaries */
static void test_domains(void)
{
    expect( !set( L"http://www.a.test/", L"host=1" ) );
    expect( !set( L"http://www.a.test/", L"own=1; domain=WWW.a.test" ) );
    expect( !set( L"http://www.a.test/", L"above=1; domain=.a.test" ) );
    expect( sends( L"http://www.a.test/", L"above=1; own=1; host=1" ) );
    expect( sends( L"http://WWW.A.TEST/", L"above=1; own=1; host=1" ) );
    expect( sends( L"http://x.www.a.test/", L"above=1; own=1" ) );
    expect( sends( L"http://a.test/", L"above=1" ) );
    expect( sends( L"http://b.a.test/", L"above=1" ) );
    expect( sends( L"http://ba.test/", L"" ) );
    expect( sends( L"http://test/", L"" ) );
    expect( sends( L"http://a.test.b/", L"" ) );
    expect( sends( L"http://www.a.tes/", L"" ) );
    expect( sends( L"http:///", L"" ) );
    clear();
}

static void test_domains_that_are_not_the_hosts(void)
{
    static const WCHAR * const domains[] = { L"b.test", L"x.www.a.test", L"ww.a.test", L"w.a.test", L"test", L".test", L"..test",
                                             L"a.test.", L"www.a.test:80", L"a%2etest", L".", L"..", L"*", L"a test", L"127.0.0.1",
                                             L"b\xfc" L"cher.example", L"\x4e2d" };
    WCHAR text[64];
    DWORD i;

    for (i = 0; i < ARRAYSIZE( domains ); i++)
    {
        memcpy( text, L"a=b; domain=", 24 );
        memcpy( text + 12, domains[i], (lstrlenW( domains[i] ) + 1) * sizeof(WCHAR) );
        expect( set( L"http://www.a.test/", text ) == ERROR_INVALID_DATA );
    }
    /* the last one counts; an empty one counts as absent */
    expect( set( L"http://www.a.test/", L"a=b; domain=a.test; domain=b.test" ) == ERROR_INVALID_DATA );
    expect( !set( L"http://www.a.test/", L"a=b; domain=b.test; domain=a.test" ) );
    expect( sends( L"http://a.test/", L"a=b" ) );
    expect( !set( L"http://www.a.test/", L"c=d; domain=" ) );
    expect( sends( L"http://a.test/", L"a=b" ) );
    expect( sends( L"http://www.a.test/", L"c=d; a=b" ) );
    clear();
}

static void test_domain_beyond_ascii(void)
{
    expect( !set( L"http://www.xn--bcher-kva.example/", L"a=b; domain=b\xfc" L"cher.example" ) );
    expect( sends( L"http://xn--bcher-kva.example/", L"a=b" ) );
    clear();
}

/* CO-8 */
static void test_a_name_without_a_dot_is_its_own_domain_only(void)
{
    expect( !set( L"http://localhost/", L"a=b; Domain = localhost" ) );
    expect( sends( L"http://localhost/", L"a=b" ) );
    expect( sends( L"http://x.localhost/", L"" ) );
    expect( set( L"http://x.localhost/", L"a=b; domain=localhost" ) == ERROR_INVALID_DATA );
    clear();
}

static void test_addresses_match_themselves_only(void)
{
    expect( !set( L"http://127.0.0.1/", L"a=b" ) );
    expect( !set( L"http://127.0.0.1/", L"c=d; domain=127.0.0.1" ) );
    expect( set( L"http://127.0.0.1/", L"e=f; domain=0.0.1" ) == ERROR_INVALID_DATA );
    expect( set( L"http://127.0.0.1/", L"e=f; domain=1" ) == ERROR_INVALID_DATA );
    expect( sends( L"http://127.0.0.1/", L"c=d; a=b" ) );
    expect( sends( L"http://x.127.0.0.1/", L"" ) );
    expect( !set( L"http://::1/", L"g=h; domain=::1" ) );
    expect( !set( L"http://::1/", L"i=j; domain=[::1]" ) );
    expect( sends( L"http://::1/", L"i=j; g=h" ) );
    expect( sends( L"http://fe80::1/", L"" ) );
    clear();
}

static BOOL test_suffix( const WCHAR *domain, DWORD cch )
{
    return cch == 7 && !memcmp( domain, L"co.test", 14 );
}

/* security.md "Cookie scoping" */
static void test_public_suffixes(void)
{
    suffix_test = test_suffix;
    expect( set( L"http://a.co.test/", L"a=b; domain=CO.test" ) == ERROR_INVALID_DATA );
    expect( set( L"http://a.co.test/", L"a=b; domain=test" ) == ERROR_INVALID_DATA );
    expect( !set( L"http://b.a.co.test/", L"a=b; domain=a.co.test" ) );
    expect( sends( L"http://a.co.test/", L"a=b" ) );
    expect( !set( L"http://co.test/", L"c=d; domain=co.test" ) );      /* for the host alone */
    expect( sends( L"http://co.test/", L"c=d" ) );
    expect( sends( L"http://a.co.test/", L"a=b" ) );
    suffix_test = NULL;
    clear();
}

static void test_secure_is_for_tls_only(void)
{
    expect( !set( L"https://a.test/", L"a=b; SECURE" ) );
    expect( !set( L"https://a.test/", L"c=d" ) );
    expect( sends( L"https://a.test/", L"c=d; a=b" ) );
    expect( sends( L"http://a.test/", L"c=d" ) );
    expect( set( L"http://a.test/", L"e=f; secure" ) == ERROR_INVALID_DATA );

    /* nor does one without TLS take its place, be it for a part of the site */
    expect( set( L"http://a.test/", L"a=x" ) == ERROR_INVALID_DATA );
    expect( set( L"http://a.test/", L"a=x; max-age=0" ) == ERROR_INVALID_DATA );
    expect( set( L"http://a.test/", L"a=x; path=/p" ) == ERROR_INVALID_DATA );
    expect( set( L"http://b.a.test/", L"a=x; domain=a.test" ) == ERROR_INVALID_DATA );
    expect( !set( L"http://b.a.test/", L"g=h; domain=a.test" ) );
    expect( !set( L"http://ba.test/", L"a=x" ) );
    expect( sends( L"https://a.test/p", L"g=h; c=d; a=b" ) );
    expect( !set( L"https://a.test/", L"a=x" ) );                       /* with TLS it does */
    expect( sends( L"http://a.test/", L"a=x; g=h; c=d" ) );
    clear();
}

static void test_prefixes_of_names(void)
{
    static const WCHAR * const refused[] = { L"__Secure-a=b", L"__secure-a=b", L"__Host-a=b; path=/", L"__Host-a=b; secure",
                                             L"__Host-a=b; secure; path=/p", L"__Host-a=b; secure; path=/; domain=a.test",
                                             L"__HOST-a=b" };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( refused ); i++) expect( set( L"https://a.test/", refused[i] ) == ERROR_INVALID_DATA );
    expect( set( L"http://a.test/", L"__Secure-a=b; secure" ) == ERROR_INVALID_DATA );
    expect( !set( L"https://a.test/d/e", L"__Secure-a=b; secure" ) );
    expect( !set( L"https://a.test/d/e", L"__Host-a=b; secure; path=/" ) );
    expect( sends( L"https://a.test/d", L"__Host-a=b; __Secure-a=b" ) );
    expect( sends( L"https://a.test/", L"__Host-a=b" ) );
    clear();
}

/* CO-10 */
static void test_expired_cookies_are_not_sent(void)
{
    expect( !set( L"http://a.test/", L"a=b; expires=Mon, 01 Jan 2018 00:00:01 GMT" ) );
    expect( sends( L"http://a.test/", L"a=b" ) );
    now += SECOND;
    expect( sends( L"http://a.test/", L"" ) );
    expect( !set( L"http://a.test/", L"a=b; expires=Mon, 01 Jan 2018 00:00:00 GMT" ) );
    expect( sends( L"http://a.test/", L"" ) && !store.count );
    now = COOKIE_NOW;

    expect( !set( L"http://a.test/", L"a=b" ) );                        /* until the session ends */
    now += 36500 * DAY;
    expect( sends( L"http://a.test/", L"a=b" ) );
    expect( !set( L"http://a.test/", L"a=; expires=Thu, 01-Jan-1970 00:00:00 GMT" ) );
    expect( sends( L"http://a.test/", L"" ) && !store.count );
    now = COOKIE_NOW;
    clear();
}

static void test_max_age(void)
{
    expect( !set( L"http://a.test/", L"a=b; max-age=10" ) );
    now += 9 * SECOND;
    expect( sends( L"http://a.test/", L"a=b" ) );
    now += SECOND;
    expect( sends( L"http://a.test/", L"" ) );
    now = COOKIE_NOW;

    expect( !set( L"http://a.test/", L"a=b" ) );
    expect( !set( L"http://a.test/", L"a=c; max-age=0" ) && !store.count );
    expect( !set( L"http://a.test/", L"a=b" ) );
    expect( !set( L"http://a.test/", L"a=c; max-age=-1" ) && !store.count );

    /* before Expires, in either order */
    expect( !set( L"http://a.test/", L"a=b; max-age=10; expires=Thu, 01 Jan 1970 00:00:00 GMT" ) );
    expect( !set( L"http://a.test/", L"c=d; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=10" ) );
    expect( !set( L"http://a.test/", L"e=f; max-age=0; expires=Fri, 01 Jan 2100 00:00:00 GMT" ) );
    expect( sends( L"http://a.test/", L"c=d; a=b" ) );
    clear();

    /* no number: as if it were not there; a number beyond all bounds: for ever */
    expect( !set( L"http://a.test/", L"a=b; max-age=" ) );
    expect( !set( L"http://a.test/", L"c=d; max-age=-" ) );
    expect( !set( L"http://a.test/", L"e=f; max-age=0x" ) );
    expect( !set( L"http://a.test/", L"g=h; max-age=+0" ) );
    expect( !set( L"http://a.test/", L"i=j; max-age=99999999999999999999999999999999" ) );
    expect( !set( L"http://a.test/", L"k=l; max-age=18446744073709551616" ) );
    now += 300 * 365 * DAY;
    expect( sends( L"http://a.test/", L"k=l; i=j; g=h; e=f; c=d; a=b" ) );
    now = COOKIE_NOW;
    clear();
}

/* Moments as seconds since 1970, 0: no date. RFC 6265 section 5.1.1. */
static void test_dates(void)
{
    static const struct { const WCHAR *text; ULONGLONG unix_time; } tests[] =
    {
        { L"Wed, 09 Jun 2021 10:18:14 GMT",    1623233894 },
        { L"Wednesday, 09-Jun-21 10:18:14 GMT", 1623233894 },
        { L"Wed Jun  9 10:18:14 2021",         1623233894 },
        { L"Wed, 9-JUN-2021 10:18:14 UTC",     1623233894 },
        { L"9 june 2021 10:18:14 PST+5",       1623233894 },
        { L"2021 9 Jun 10:18:14",              1623233894 },
        { L"10:18:14 Jun/9/2021",              1623233894 },
        { L"9 Jun 2021 10:18:14.999",          1623233894 },
        { L"9 Jun 2021 1:2:3",                 1623200523 },
        { L"09x Junix 2021y 10:18:14z",        1623233894 },
        { L"31 Dec 69 23:59:59",               3155759999 },
        { L"1 Jan 70 00:00:01",                1 },
        { L"29 Feb 2000 00:00:00",             951782400 },
        { L"29 Feb 2024 12:00:00",             1709208000 },
        { L"31 Dec 9999 23:59:59",             253402300799 },
        { L"1 Mar 2000 00:00:00",              951868800 },
        { L"1 Mar 2100 00:00:00",              4107542400 },
        { L"",                                 0 },
        { L"0",                                0 },
        { L"tomorrow",                         0 },
        { L"9 Jun 2021",                       0 },
        { L"9 Jun 10:18:14",                   0 },
        { L"Jun 2021 10:18:14",                0 },
        { L"9 2021 10:18:14",                  0 },
        { L"29 Feb 2023 00:00:00",             0 },
        { L"29 Feb 2100 00:00:00",             0 },
        { L"31 Apr 2021 00:00:00",             0 },
        { L"32 Jan 2021 00:00:00",             0 },
        { L"0 Jan 2021 00:00:00",              0 },
        { L"9 Jun 2021 24:00:00",              0 },
        { L"9 Jun 2021 23:60:00",              0 },
        { L"9 Jun 2021 23:59:60",              0 },
        { L"9 Jun 2021 23:59",                 0 },
        { L"9 Jun 2021 123:59:59",             0 },
        { L"9 Jun 1600 00:00:00",              0 },
        { L"9 Jun 20210 00:00:00",             0 },
        { L"9 Jun 1 00:00:00",                 0 },
    };
    WCHAR text[96];
    ULONGLONG time;
    DWORD i;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
    {
        memcpy( text, L"a=b; expires=", 26 );
        memcpy( text + 13, tests[i].text, (lstrlenW( tests[i].text ) + 1) * sizeof(WCHAR) );
        time = 116444736000000000ull + tests[i].unix_time * SECOND;
        now = tests[i].unix_time ? time - 1 : COOKIE_NOW;
        if (!expect( !set( L"http://a.test/", text ) && sends( L"http://a.test/", L"a=b" ) ))
            fprintf( stderr, "  row %u\n", (unsigned int)i );
        now = tests[i].unix_time ? time : ~0ull - 1;
        if (!expect( sends( L"http://a.test/", tests[i].unix_time ? L"" : L"a=b" ) ))
            fprintf( stderr, "  row %u\n", (unsigned int)i );
        clear();
    }
    now = COOKIE_NOW;
    /* the year 1601 is long ago, and the first moment of all */
    expect( !set( L"http://a.test/", L"a=b; expires=1 Jan 1601 00:00:00" ) && !store.count );
    clear();
}

static void test_lengths(void)
{
    WCHAR text[COOKIE_TEXT_MAX + COOKIE_ATTR_MAX + 64];
    struct cookie_place place = place_of( L"http://a.test/" );
    DWORD i, cch;

    for (i = 0; i < ARRAYSIZE( text ); i++) text[i] = 'x';
    text[9] = '=';
    expect( cookies_set( &store, &place, text, COOKIE_TEXT_MAX + 2, now, NULL ) == ERROR_INVALID_DATA );
    expect( !cookies_set( &store, &place, text, COOKIE_TEXT_MAX + 1, now, NULL ) );
    expect( cookies_get( &store, &place, now, NULL, 0 ) == COOKIE_TEXT_MAX + 1 );
    expect( cookies_get( &store, &place, now, text, COOKIE_TEXT_MAX ) == COOKIE_TEXT_MAX + 1 );
    clear();

    /* an attribute that is too long is not there */
    memcpy( text, L"a=b; path=/", 22 );
    cch = 10 + COOKIE_ATTR_MAX;
    expect( !cookies_set( &store, &place, text, cch + 1, now, NULL ) && sends( L"http://a.test/", L"a=b" ) );
    clear();
    expect( !cookies_set( &store, &place, text, cch, now, NULL ) && sends( L"http://a.test/", L"" ) && store.count == 1 );
    clear();
}

/* Nobody can make the store hold long paths by asking for them: not in an attribute, not by what was requested. */
static void test_a_long_default_path_is_no_place_for_a_cookie(void)
{
    WCHAR path[COOKIE_ATTR_MAX + 2];
    struct cookie_place place = place_of( L"http://a.test/" );
    DWORD i;

    for (i = 0; i < ARRAYSIZE( path ); i++) path[i] = i && i + 1 < ARRAYSIZE( path ) ? 'p' : '/';
    path[COOKIE_ATTR_MAX] = '/';
    place.path = path;
    place.path_cch = COOKIE_ATTR_MAX + 1;    /* the slash at the end is not part of the directory */
    expect( !cookies_set( &store, &place, L"a=b", 3, now, NULL ) && store.count == 1 );
    clear();
    path[COOKIE_ATTR_MAX] = 'p';
    place.path_cch = COOKIE_ATTR_MAX + 2;
    expect( cookies_set( &store, &place, L"a=b", 3, now, NULL ) == ERROR_INVALID_DATA && !store.count );
    expect( !cookies_set( &store, &place, L"a=b; path=/", 11, now, NULL ) && store.count == 1 );
    clear();
}

static void set_numbered( const char *form, unsigned int number, const WCHAR *url )
{
    WCHAR text[64];
    char bytes[64];
    int i = 0;

    snprintf( bytes, sizeof(bytes), form, number );
    do text[i] = bytes[i]; while (bytes[i++]);
    expect( !set( url, text ) );
}

static void test_the_oldest_of_a_domain_makes_room(void)
{
    unsigned int i;

    expect( !set( L"http://b.test/", L"other=1" ) );
    for (i = 0; i < COOKIES_DOMAIN_MAX; i++) set_numbered( "n%u=v; path=/only/for/this", i, L"http://a.test/" );
    expect( !set( L"http://a.test/", L"n0=again; path=/" ) );           /* another path: another cookie */
    expect( store.count == COOKIES_DOMAIN_MAX + 1 );
    expect( sends( L"http://a.test/", L"n0=again" ) );
    expect( sends( L"http://b.test/", L"other=1" ) );
    expect( !set( L"http://a.test/", L"n5=changed; path=/only/for/this" ) );        /* takes its own place */
    expect( !set( L"http://a.test/", L"n1=v; path=/other" ) );          /* n1 of the first path goes, n0 went before */
    expect( store.count == COOKIES_DOMAIN_MAX + 1 );
    expect( !set( L"http://a.test/", L"n2=now; path=/only/for/this; max-age=0" ) );
    expect( store.count == COOKIES_DOMAIN_MAX );
    clear();
}

static void test_expired_ones_make_room_first(void)
{
    unsigned int i;

    expect( !set( L"http://a.test/", L"old=1; path=/" ) );
    for (i = 1; i < COOKIES_DOMAIN_MAX; i++) set_numbered( "n%u=v; path=/p; max-age=5", i, L"http://a.test/" );
    now += 5 * SECOND;
    expect( !set( L"http://a.test/", L"new=1; path=/" ) );
    expect( store.count == 2 && sends( L"http://a.test/", L"new=1; old=1" ) );
    now = COOKIE_NOW;
    clear();
}

static void test_the_oldest_of_all_makes_room(void)
{
    static const WCHAR form[] = L"http://host-00000.test/";
    WCHAR url[ARRAYSIZE( form )];
    unsigned int i, j, number;

    memcpy( url, form, sizeof(form) );
    for (i = 0; i <= COOKIES_MAX; i++)
    {
        for (number = i, j = 0; j < 5; j++, number /= 10) url[16 - j] = '0' + number % 10;
        expect( !set( url, L"a=b" ) );
    }
    expect( store.count == COOKIES_MAX );
    expect( sends( L"http://host-00000.test/", L"" ) );
    expect( sends( L"http://host-00001.test/", L"a=b" ) );
    expect( sends( L"http://host-03000.test/", L"a=b" ) );
    clear();
}

/* Whatever was there before stays. */
static void allocating_scenario( void *arg )
{
    DWORD err, count;

    (void)arg;
    err = set( L"http://a.test/", L"a=b" );
    expect( !err || err == ERROR_NOT_ENOUGH_MEMORY );
    count = store.count;
    expect( count == !err );
    err = set( L"http://a.test/", L"a=c; path=/" );
    expect( !err || err == ERROR_NOT_ENOUGH_MEMORY );
    if (err) expect( store.count == count && sends( L"http://a.test/", count ? L"a=b" : L"" ) );
    else expect( store.count == 1 && sends( L"http://a.test/", L"a=c" ) );
    clear();
}

static void test_out_of_memory(void)
{
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );
}

static void test_every_cut_of_a_long_text(void)
{
    static const WCHAR text[] = L" __Host-n = v ; Domain = a.host.test ; Expires = Wed, 09-Jun-2021 10:18:14 GMT ; max-age = -0 ;"
                                L" PATH = /dir ; secure ; httponly ; ";
    DWORD from, cch = ARRAYSIZE( text ) - 1;

    for (from = 0; from < cch; from++)
    {
        check_set_cookie( &store, text, from, TRUE );
        check_set_cookie( &store, text + from, cch - from, FALSE );
    }
    clear();
}

int main(void)
{
    cookies_init( &store );
    run( test_blanks_around_name_and_value_go );
    run( test_names_are_case_sensitive );
    run( test_newest_comes_first );
    run( test_identity_is_name_domain_and_path );
    run( test_value_is_kept_as_it_is );
    run( test_what_is_no_cookie );
    run( test_attributes_are_read_leniently );
    run( test_default_path );
    run( test_path_is_a_prefix_of_whole_segments );
    run( test_domains );
    run( test_domains_that_are_not_the_hosts );
    run( test_domain_beyond_ascii );
    run( test_a_name_without_a_dot_is_its_own_domain_only );
    run( test_addresses_match_themselves_only );
    run( test_public_suffixes );
    run( test_secure_is_for_tls_only );
    run( test_prefixes_of_names );
    run( test_expired_cookies_are_not_sent );
    run( test_max_age );
    run( test_dates );
    run( test_lengths );
    run( test_a_long_default_path_is_no_place_for_a_cookie );
    run( test_the_oldest_of_a_domain_makes_room );
    run( test_expired_ones_make_room_first );
    run( test_the_oldest_of_all_makes_room );
    run( test_out_of_memory );
    run( test_every_cut_of_a_long_text );
    return test_end( "cookie" );
}
