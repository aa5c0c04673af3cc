/*
 * Tests of redirect.c: which responses are followed, where to, and what becomes of verb and headers
 */

#include "check_redirect.h"
#include "hooks.h"

static DWORD resolve_from( const WCHAR *base, const WCHAR *location, struct redirect *redirect, DWORD policy, BOOL reject )
{
    DWORD cch = lstrlenW( location );

    check_redirect( base, lstrlenW( base ), location, cch );
    return redirect_resolve( redirect, base, lstrlenW( base ), guard_copy( location, cch * sizeof(WCHAR) ), cch, policy,
                             reject );
}

/* The URL that a Location leads to, or the error in decimal: a static text. */
static const char *target_from( const WCHAR *base, const WCHAR *location )
{
    static char text[512];
    struct redirect redirect;
    DWORD i, err = resolve_from( base, location, &redirect, POLICY_SAFE, FALSE );

    if (err) snprintf( text, sizeof(text), "%u", (unsigned int)err );
    else for (i = 0; i <= redirect.cch && i < sizeof(text); i++) text[i] = redirect.text[i];
    redirect_free( &redirect );
    return text;
}

static int leads( const WCHAR *base, const WCHAR *location, const char *expected )
{
    const char *text = target_from( base, location );

    if (!strcmp( text, expected )) return 1;
    fprintf( stderr, "  got %s, not %s\n", text, expected );
    return 0;
}

/* behaviour-concepts.md section 2: 304, 305, 306 and others are the application's */
static void test_which_statuses_are_redirects(void)
{
    DWORD status;

    for (status = 0; status < 1000; status++)
        expect( redirect_status( status ) == ((status >= 300 && status <= 303) || status == 307 || status == 308) );
}

static void test_which_verbs_become_get(void)
{
    static const struct { DWORD status; BOOL post, other; } tests[] =
    {
        { 300, TRUE, FALSE }, { 301, TRUE, FALSE }, { 302, TRUE, FALSE }, { 303, TRUE, TRUE },
        { 307, FALSE, FALSE }, { 308, FALSE, FALSE }, { 200, FALSE, FALSE }, { 304, FALSE, FALSE },
    };
    static const WCHAR * const others[] = { L"PUT", L"DELETE", L"OPTIONS", L"PATCH", L"post", L"POSTS", L"POS", L"CUSTOM" };
    DWORD i, j;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
    {
        expect( !redirect_to_get( tests[i].status, L"GET" ) );
        expect( !redirect_to_get( tests[i].status, L"HEAD" ) );
        expect( redirect_to_get( tests[i].status, L"POST" ) == tests[i].post );
        for (j = 0; j < ARRAYSIZE( others ); j++) expect( redirect_to_get( tests[i].status, others[j] ) == tests[i].other );
    }
}

/* RFC 3986 section 5.4.1; fragments are dropped */
static void test_normal_examples_of_the_rfc(void)
{
    static const struct { const WCHAR *reference; const char *target; } tests[] =
    {
        { L"g:h",     "12006" },
        { L"g",       "http://a/b/c/g" },
        { L"./g",     "http://a/b/c/g" },
        { L"g/",      "http://a/b/c/g/" },
        { L"/g",      "http://a/g" },
        { L"//g",     "http://g/" },
        { L"?y",      "http://a/b/c/d;p?y" },
        { L"g?y",     "http://a/b/c/g?y" },
        { L"#s",      "http://a/b/c/d;p?q" },
        { L"g#s",     "http://a/b/c/g" },
        { L"g?y#s",   "http://a/b/c/g?y" },
        { L";x",      "http://a/b/c/;x" },
        { L"g;x",     "http://a/b/c/g;x" },
        { L"g;x?y#s", "http://a/b/c/g;x?y" },
        { L"",        "http://a/b/c/d;p?q" },
        { L".",       "http://a/b/c/" },
        { L"./",      "http://a/b/c/" },
        { L"..",      "http://a/b/" },
        { L"../",     "http://a/b/" },
        { L"../g",    "http://a/b/g" },
        { L"../..",   "http://a/" },
        { L"../../",  "http://a/" },
        { L"../../g", "http://a/g" },
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
        expect( leads( L"http://a/b/c/d;p?q", tests[i].reference, tests[i].target ) );
}

/* RFC 3986 section 5.4.2, strict */
static void test_abnormal_examples_of_the_rfc(void)
{
    static const struct { const WCHAR *reference; const char *target; } tests[] =
    {
        { L"../../../g",    "http://a/g" },
        { L"../../../../g", "http://a/g" },
        { L"/./g",          "http://a/g" },
        { L"/../g",         "http://a/g" },
        { L"g.",            "http://a/b/c/g." },
        { L".g",            "http://a/b/c/.g" },
        { L"g..",           "http://a/b/c/g.." },
        { L"..g",           "http://a/b/c/..g" },
        { L"./../g",        "http://a/b/g" },
        { L"./g/.",         "http://a/b/c/g/" },
        { L"g/./h",         "http://a/b/c/g/h" },
        { L"g/../h",        "http://a/b/c/h" },
        { L"g;x=1/./y",     "http://a/b/c/g;x=1/y" },
        { L"g;x=1/../y",    "http://a/b/c/y" },
        { L"g?y/./x",       "http://a/b/c/g?y/./x" },
        { L"g?y/../x",      "http://a/b/c/g?y/../x" },
        { L"g#s/./x",       "http://a/b/c/g" },
        { L"g#s/../x",      "http://a/b/c/g" },
        { L"http:g",        "12005" },
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
        expect( leads( L"http://a/b/c/d;p?q", tests[i].reference, tests[i].target ) );
}

/* RD-3, RD-7 */
static void test_other_references(void)
{
    expect( leads( L"http://a:8080/x?y", L"/z", "http://a:8080/z" ) );
    expect( leads( L"http://a:8080/x?y", L"page?id=1", "http://a:8080/page?id=1" ) );
    expect( leads( L"http://a", L"b", "http://a/b" ) );
    expect( leads( L"http://a?q", L"b", "http://a/b" ) );
    expect( leads( L"http://a?q", L"", "http://a/?q" ) );
    expect( leads( L"http://a/b?q", L"?", "http://a/b?" ) );
    expect( leads( L"http://a/b/?q", L"?r", "http://a/b/?r" ) );
    expect( leads( L"http://a/b", L" \tc ", "http://a/c" ) );
    expect( leads( L"http://a/b", L"//c:81?d", "http://c:81/?d" ) );
    expect( leads( L"https://a/b", L"//c:80/", "https://c:80/" ) );
    expect( leads( L"http://a/b", L"c//../d", "http://a/c/d" ) );
    expect( leads( L"http://a/b", L"//c//d", "http://c//d" ) );
    expect( leads( L"http://a/b", L"/c:d", "http://a/c:d" ) );
    expect( leads( L"http://a/b", L"c/d:e", "http://a/c/d:e" ) );
    expect( leads( L"http://a/b", L"/.//c", "http://a//c" ) );       /* a path, not a host */
    expect( leads( L"http://a/b/c", L"..//d", "http://a//d" ) );
    expect( leads( L"http://[::1]:8080/b", L"c", "http://[::1]:8080/c" ) );
    expect( leads( L"http://a/b", L"c%2F..%2f", "http://a/c%2F..%2f" ) );
}

static void test_absolute_locations(void)
{
    expect( leads( L"http://a/b", L"http://c", "http://c/" ) );
    expect( leads( L"http://a/b", L"HTTP://C/./D", "http://C/D" ) );
    expect( leads( L"http://a/b", L"https://c:443/d?e#f", "https://c/d?e" ) );
    expect( leads( L"http://a/b", L"http://c:80/", "http://c/" ) );
    expect( leads( L"http://a/b", L"http://c:443/", "http://c:443/" ) );
    expect( leads( L"http://a/b", L"http://c:00081/", "http://c:81/" ) );
    expect( leads( L"http://a/b", L"http://c:/", "http://c/" ) );
    expect( leads( L"http://a/b", L"http://[::1]:81/x", "http://[::1]:81/x" ) );
}

/* Not returned to the application, as on Windows; which error is a choice. */
static void test_other_schemes(void)
{
    static const WCHAR * const locations[] = { L"ftp://a/", L"file:///etc/passwd", L"gopher://a/", L"telnet://a", L"mailto:x",
                                               L"javascript:x", L"data:,x", L"ws://a/", L"localhost:80/x", L"httpx://a/" };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( locations ); i++) expect( leads( L"http://a/", locations[i], "12006" ) );
}

static void test_locations_that_are_no_urls(void)
{
    static const WCHAR * const locations[] =
    {
        L"http:", L"http:/a", L"http://", L"http:///a", L"//", L"///a", L"http://?", L"http://a b/", L"http://a\\b/", L"http://a%62/",
        L"http://a:b/", L"http://a:65536/", L"http://[::1/", L"http://[1.2.3.4]/", L"http://1.2.3/", L"http://0x7f.1/", L"http://a@b@c/",
        L"http://.a/", L"http://a..b/", L"//@/", L"http://\xd800/", L"a\rb", L"a\nb", L"/\x01", L"a\tb", L"\x7f",
    };
    struct redirect redirect;
    DWORD i;

    for (i = 0; i < ARRAYSIZE( locations ); i++)
        expect( leads( L"http://a/", locations[i], "12005" ) );
    expect( redirect_resolve( &redirect, L"http://a/", 9, L"b\0c", 3, POLICY_SAFE, FALSE ) == ERROR_WINHTTP_INVALID_URL );
    expect( redirect_resolve( &redirect, L"http://a/.\0/", 12, L"b", 1, POLICY_SAFE, FALSE ) == ERROR_WINHTTP_INVALID_URL );
    expect( redirect_resolve( &redirect, L"ftp://a/", 8, L"b", 1, POLICY_SAFE, FALSE ) == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
}

static void test_a_backslash_is_no_slash(void)
{
    expect( leads( L"http://a/", L"\\\\b\\c", "http://a/%5C%5Cb%5Cc" ) );
    expect( leads( L"http://a/", L"/\\b/c", "http://a/%5Cb/c" ) );
}

static void test_escaping(void)
{
    expect( leads( L"http://a/", L"/b c?d e", "http://a/b%20c?d%20e" ) );
    expect( leads( L"http://a/", L"/\"<>^`{|}", "http://a/%22%3C%3E%5E%60%7B%7C%7D" ) );
    expect( leads( L"http://a/", L"/%41%zz%", "http://a/%41%zz%" ) );
    expect( leads( L"http://a/", L"/!$&'()*+,;=:@-._~", "http://a/!$&'()*+,;=:@-._~" ) );
}

/* Received bytes are UTF-8 whatever code page they came through; what is no UTF-8 is taken as the characters it became. */
static void test_beyond_ascii(void)
{
    expect( leads( L"http://a/", L"/\xc3\xa9?\xe2\x82\xac", "http://a/%C3%A9?%E2%82%AC" ) );
    expect( leads( L"http://a/", L"/\xe9", "http://a/%C3%A9" ) );
    expect( leads( L"http://a/", L"/\x20ac", "http://a/%E2%82%AC" ) );      /* no byte of that page */
    expect( leads( L"http://a/", L"/\x560a", "http://a/%E5%98%8A" ) );      /* nor this one, whose best fit ends lines */
    expect( leads( L"http://a/", L"/\xd83d\xde00\xd83d", "http://a/%F0%9F%98%80%EF%BF%BD" ) );
    expect( leads( L"http://a/", L"http://b\xc3\xbc" L"cher.example/", "http://xn--bcher-kva.example/" ) );
    shim_acp = CP_UTF8;
    expect( leads( L"http://a/", L"/\xe9?\x20ac", "http://a/%C3%A9?%E2%82%AC" ) );
    expect( leads( L"http://a/", L"http://b\xfc" L"cher.example/", "http://xn--bcher-kva.example/" ) );
    shim_acp = 1252;
}

/* security.md: no https to http by default */
static void test_policy(void)
{
    struct redirect redirect;

    expect( resolve_from( L"https://a/", L"http://a/", &redirect, POLICY_SAFE, FALSE ) == ERROR_WINHTTP_REDIRECT_FAILED );
    expect( !redirect.text );
    expect( !resolve_from( L"https://a/", L"http://a/", &redirect, POLICY_ALWAYS, FALSE ) );
    expect( redirect.url.scheme_id == INTERNET_SCHEME_HTTP && redirect.new_origin );
    redirect_free( &redirect );
    expect( !resolve_from( L"http://a/", L"https://a/", &redirect, POLICY_SAFE, FALSE ) );
    expect( redirect.url.scheme_id == INTERNET_SCHEME_HTTPS && redirect.url.port == 443 && redirect.new_origin );
    redirect_free( &redirect );
    expect( !resolve_from( L"https://a/", L"//b/", &redirect, POLICY_SAFE, FALSE ) );
    redirect_free( &redirect );
}

static void test_credentials_in_a_location(void)
{
    struct redirect redirect;

    expect( leads( L"http://a/", L"http://u:p@b/c", "http://b/c" ) );
    expect( leads( L"http://a/", L"//u@b", "http://b/" ) );
    expect( leads( L"http://u:p@a/", L"b", "http://a/b" ) );
    expect( resolve_from( L"http://a/", L"http://u:p@b/", &redirect, POLICY_SAFE, TRUE ) == ERROR_WINHTTP_INVALID_URL );
    expect( resolve_from( L"http://a/", L"http://:@b/", &redirect, POLICY_SAFE, TRUE ) == ERROR_WINHTTP_INVALID_URL );
    expect( !resolve_from( L"http://a/", L"/u:p@b", &redirect, POLICY_SAFE, TRUE ) );
    redirect_free( &redirect );
}

static BOOL changes_origin( const WCHAR *base, const WCHAR *location )
{
    struct redirect redirect;
    BOOL changes;

    expect( !resolve_from( base, location, &redirect, POLICY_ALWAYS, FALSE ) );
    changes = redirect.new_origin;
    redirect_free( &redirect );
    return changes;
}

static void test_origins(void)
{
    expect( !changes_origin( L"http://a/", L"/b" ) );
    expect( !changes_origin( L"http://a/", L"http://A:80/" ) );
    expect( !changes_origin( L"https://a:443/", L"https://u@a/" ) );
    expect( !changes_origin( L"http://[::1]/", L"//[::1]:80/" ) );
    expect( changes_origin( L"http://a/", L"https://a/" ) );
    expect( changes_origin( L"http://a/", L"https://a:80/" ) );
    expect( changes_origin( L"http://a/", L"http://a:81/" ) );
    expect( changes_origin( L"http://a/", L"http://ab/" ) );
    expect( changes_origin( L"http://ab/", L"http://a/" ) );
    expect( changes_origin( L"http://a/", L"http://a./" ) );
    expect( changes_origin( L"http://127.0.0.1/", L"http://localhost/" ) );
}

static void test_lengths(void)
{
    enum { MAX = 0x100000 };
    WCHAR *text = calloc( MAX + 1, sizeof(WCHAR) );
    struct redirect redirect;
    DWORD i;

    for (i = 0; i <= MAX; i++) text[i] = ' ';
    text[0] = '/';
    text[MAX - 1] = text[MAX] = 'x';
    expect( redirect_resolve( &redirect, L"http://a/", 9, text, MAX + 1, POLICY_SAFE, FALSE ) == ERROR_WINHTTP_INVALID_URL );
    expect( !redirect_resolve( &redirect, L"http://a/", 9, text, MAX, POLICY_SAFE, FALSE ) );
    expect( redirect.cch == 9 + 3 * (MAX - 2) + 1 );
    redirect_free( &redirect );
    free( text );
}

static BOOL list_is( const struct headers *list, const char *expected )
{
    char text[512];
    DWORD len = headers_serialise( list, L"", 0, text, sizeof(text) );

    return len == strlen( expected ) + 4 && !memcmp( text + 2, expected, len - 4 );
}

/* security.md "Redirect credential leak" */
static void test_headers(void)
{
    static const WCHAR all[] = L"Accept: a\r\nAUTHORIZATION: b\r\nContent-Type: c\r\nContent-Length: 1\r\nCookie: d\r\nHost: e\r\n"
                               L"Proxy-Authorization: f\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTrailer: g\r\n"
                               L"cookie: h\r\nReferer: https://r/\r\nX-Y: i";
    struct headers list;
    DWORD i;

    for (i = 0; i < 5; i++)
    {
        headers_init( &list );
        expect( !headers_add( &list, all, ARRAYSIZE( all ) - 1, WINHTTP_ADDREQ_FLAG_ADD ) );
        redirect_edit_headers( &list, i & 1, i & 2, i & 4 );
        switch (i)
        {
        case 0: expect( list.count == 13 ); break;
        case 1: expect( list_is( &list, "Accept: a\r\nContent-Type: c\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"
                                        "Expect: 100-continue\r\nTrailer: g\r\nReferer: https://r/\r\nX-Y: i\r\n" ) ); break;
        case 2: expect( list_is( &list, "Accept: a\r\nAUTHORIZATION: b\r\nContent-Type: c\r\nCookie: d\r\nHost: e\r\n"
                                        "Proxy-Authorization: f\r\ncookie: h\r\nReferer: https://r/\r\nX-Y: i\r\n" ) ); break;
        case 3: expect( list_is( &list, "Accept: a\r\nContent-Type: c\r\nReferer: https://r/\r\nX-Y: i\r\n" ) ); break;
        case 4: expect( list.count == 12 && !headers_find( &list, L"Referer", 7, 0 ) ); break;
        }
        headers_clear( &list );
    }
}

static void allocating_scenario( void *arg )
{
    struct redirect redirect;
    DWORD err;

    (void)arg;
    err = redirect_resolve( &redirect, L"http://a/", 9, L"/\xc3\xa9", 3, POLICY_SAFE, FALSE );
    expect( err == (redirect.text ? 0 : ERROR_NOT_ENOUGH_MEMORY) );
    if (!err) expect( !memcmp( redirect.text, L"http://a/%C3%A9", 16 * sizeof(WCHAR) ) );
    redirect_free( &redirect );
}

static void test_out_of_memory(void)
{
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );
}

static void test_every_cut_of_a_long_location(void)
{
    static const WCHAR text[] = L" https://u:p@host.example:8443/a/./b/../c%20d e/\xc3\xa9?q=/../x y#frag ";
    static const WCHAR base[] = L"https://base:444/x/y/z?q";
    DWORD from, cch = ARRAYSIZE( text ) - 1;

    for (from = 0; from < cch; from++)
    {
        check_redirect( base, ARRAYSIZE( base ) - 1, text, from );
        check_redirect( base, ARRAYSIZE( base ) - 1, text + from, cch - from );
    }
}

int main(void)
{
    run( test_which_statuses_are_redirects );
    run( test_which_verbs_become_get );
    run( test_normal_examples_of_the_rfc );
    run( test_abnormal_examples_of_the_rfc );
    run( test_other_references );
    run( test_absolute_locations );
    run( test_other_schemes );
    run( test_locations_that_are_no_urls );
    run( test_a_backslash_is_no_slash );
    run( test_escaping );
    run( test_beyond_ascii );
    run( test_policy );
    run( test_credentials_in_a_location );
    run( test_origins );
    run( test_lengths );
    run( test_headers );
    run( test_out_of_memory );
    run( test_every_cut_of_a_long_location );
    return test_end( "redirect" );
}
