/*
 * Tests of url.c: taking URLs apart, putting them together, request targets, server names
 */

#include "check_url.h"
#include "hooks.h"

static int is_text( const WCHAR *text, DWORD cch, const WCHAR *expected )
{
    return (int)cch == lstrlenW( expected ) && !memcmp( text, expected, cch * sizeof(WCHAR) );
}

/* Reports what WinHttpCrackUrl leaves: 0 or the last error. */
static DWORD crack( const WCHAR *url, DWORD flags, URL_COMPONENTS *comps )
{
    BOOL ret;

    check_url( url, lstrlenW( url ) );
    SetLastError( 0xdeadbeef );
    ret = WinHttpCrackUrl( url, 0, flags, comps );
    expect( ret == !GetLastError() );
    return GetLastError();
}

static URL_COMPONENTS pointers(void)
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps), .dwSchemeLength = 1, .dwHostNameLength = ~0u, .nPort = 9999,
                             .dwUserNameLength = 1, .dwPasswordLength = 1, .dwUrlPathLength = 1, .dwExtraInfoLength = 1 };
    return comps;
}

struct buffers { WCHAR scheme[16], host[64], user[64], password[64], path[128], extra[128]; };

static URL_COMPONENTS in_buffers( struct buffers *b )
{
    URL_COMPONENTS comps =
    {
        .dwStructSize = sizeof(comps),
        .lpszScheme = b->scheme, .dwSchemeLength = ARRAYSIZE( b->scheme ),
        .lpszHostName = b->host, .dwHostNameLength = ARRAYSIZE( b->host ),
        .lpszUserName = b->user, .dwUserNameLength = ARRAYSIZE( b->user ),
        .lpszPassword = b->password, .dwPasswordLength = ARRAYSIZE( b->password ),
        .lpszUrlPath = b->path, .dwUrlPathLength = ARRAYSIZE( b->path ),
        .lpszExtraInfo = b->extra, .dwExtraInfoLength = ARRAYSIZE( b->extra ),
    };

    memset( b, 0xcc, sizeof(*b) );
    return comps;
}

/* CK-1 */
static void test_crack_refuses_missing_arguments(void)
{
    URL_COMPONENTS comps = pointers();

    expect( !WinHttpCrackUrl( L"http://a/", 0, 0, NULL ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( !WinHttpCrackUrl( NULL, 0, 0, &comps ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( !WinHttpCrackUrl( NULL, 5, 0, &comps ) && GetLastError() == ERROR_INVALID_PARAMETER );
    comps.dwStructSize--;
    expect( !WinHttpCrackUrl( L"http://a/", 0, 0, &comps ) && GetLastError() == ERROR_INVALID_PARAMETER );
}

/* CK-1 */
static void test_crack_takes_an_explicit_length(void)
{
    URL_COMPONENTS comps = pointers();

    expect( WinHttpCrackUrl( L"http://host/path", 13, 0, &comps ) && is_text( comps.lpszUrlPath, comps.dwUrlPathLength, L"/p" ) );
    comps = pointers();       /* a choice: nothing behind a NUL belongs to the URL */
    expect( WinHttpCrackUrl( L"http://host/p\0x", 15, 0, &comps ) && comps.dwUrlPathLength == 2 );
}

/* CK-2 */
static void test_crack_copies_and_terminates(void)
{
    struct buffers b;
    URL_COMPONENTS comps = in_buffers( &b );

    expect( !crack( L"https://bob:pw@host.example:8443/dir/p?q=1", 0, &comps ) );
    expect( is_text( b.scheme, comps.dwSchemeLength, L"https" ) && !b.scheme[5] );
    expect( is_text( b.host, comps.dwHostNameLength, L"host.example" ) && !b.host[12] );
    expect( is_text( b.user, comps.dwUserNameLength, L"bob" ) && !b.user[3] );
    expect( is_text( b.password, comps.dwPasswordLength, L"pw" ) && !b.password[2] );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/dir/p" ) && !b.path[6] );
    expect( is_text( b.extra, comps.dwExtraInfoLength, L"?q=1" ) && !b.extra[4] );
    expect( comps.nScheme == INTERNET_SCHEME_HTTPS && comps.nPort == 8443 );
}

/* CK-3 */
static void test_crack_tells_the_size_of_what_does_not_fit(void)
{
    struct buffers b;
    URL_COMPONENTS comps = in_buffers( &b );

    comps.dwSchemeLength = 1;
    comps.dwHostNameLength = 14;
    expect( crack( L"http://www.example.nl/p", 0, &comps ) == ERROR_INSUFFICIENT_BUFFER );
    expect( comps.dwSchemeLength == 5 && comps.dwHostNameLength == 15 && comps.dwUrlPathLength == 2 );
    expect( b.host[0] == 0xcccc && is_text( b.path, 2, L"/p" ) && !b.path[2] );
}

/* CK-4, CK-9, CK-18 */
static void test_crack_points_into_the_url(void)
{
    static const WCHAR url[] = L"HtTpS://user:pass@host/path?extra";
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) );
    expect( comps.lpszScheme == url && comps.dwSchemeLength == 5 );
    expect( comps.lpszUserName == url + 8 && comps.dwUserNameLength == 4 );
    expect( comps.lpszPassword == url + 13 && comps.dwPasswordLength == 4 );
    expect( comps.lpszHostName == url + 18 && comps.dwHostNameLength == 4 );
    expect( comps.lpszUrlPath == url + 22 && comps.dwUrlPathLength == 5 );
    expect( comps.lpszExtraInfo == url + 27 && comps.dwExtraInfoLength == 6 );
    expect( comps.nScheme == INTERNET_SCHEME_HTTPS && comps.nPort == 443 );
}

/* CK-5, CK-6 */
static void test_crack_absent_parts(void)
{
    static const WCHAR url[] = L"http://host";
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) );
    expect( !comps.lpszUserName && !comps.dwUserNameLength && !comps.lpszPassword && !comps.dwPasswordLength );
    expect( comps.lpszUrlPath == url + 11 && !comps.dwUrlPathLength );
    expect( comps.lpszExtraInfo == url + 11 && !comps.dwExtraInfoLength );
}

static void expect_split( const WCHAR *url, const WCHAR *path, const WCHAR *extra )
{
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) );
    expect( is_text( comps.lpszUrlPath, comps.dwUrlPathLength, path ) );
    expect( is_text( comps.lpszExtraInfo, comps.dwExtraInfoLength, extra ) );
}

/* CK-7; the fragment is extra info by functions.md section 7 */
static void test_crack_extra_info(void)
{
    expect_split( L"http://host/post?", L"/post", L"?" );
    expect_split( L"http://host/post;a", L"/post;a", L"" );
    expect_split( L"http://host/p?a?b#c", L"/p", L"?a?b#c" );
    expect_split( L"http://host?q", L"", L"?q" );
    expect_split( L"http://host/p#f?x", L"/p", L"#f?x" );
    expect_split( L"http://host#f", L"", L"#f" );
    expect_split( L"http://host/?", L"/", L"?" );
}

/* CK-8 */
static void test_crack_lone_question_mark_behind_the_host(void)
{
    static const WCHAR url[] = L"http://host?";
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) );
    expect( comps.lpszUrlPath == url + 12 && !comps.dwUrlPathLength );
    expect( comps.lpszExtraInfo == url + 12 && !comps.dwExtraInfoLength );
}

static void expect_error( const WCHAR *url, DWORD err )
{
    URL_COMPONENTS comps = pointers();

    if (!expect( crack( url, 0, &comps ) == err )) fprintf( stderr, "error %u\n", GetLastError() );
}

/* CK-10, CK-11 */
static void test_crack_broken_urls(void)
{
    expect_error( L"HTTP:host", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http:/host", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http:///path", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://:80/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://user@/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"www.host.tld", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"www", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"http", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"ftp://host/", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"httpx://host/", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect_error( L"htt\x50://host/", 0 );
    expect_error( L"htt\x170://host/", ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
}

/* security.md "URL parser differences" */
static void test_crack_refuses_ambiguous_authorities(void)
{
    expect_error( L"http://good\\@evil/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://a@b@c/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://host\tname/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://host\r\nX: y/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://[::1", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://[::1]x/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://::1/", ERROR_WINHTTP_INVALID_URL );
}

static void test_crack_keeps_brackets_of_ip6(void)
{
    URL_COMPONENTS comps = pointers();

    expect( !crack( L"http://u:p@[fe80::1]:81/x", 0, &comps ) );
    expect( is_text( comps.lpszHostName, comps.dwHostNameLength, L"[fe80::1]" ) && comps.nPort == 81 );
}

static void expect_port( const WCHAR *url, INTERNET_PORT port )
{
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) && comps.nPort == port );
}

/* CK-12 */
static void test_crack_ports(void)
{
    expect_port( L"http://host:42", 42 );
    expect_port( L"http://host:0", 0 );
    expect_port( L"http://host:80/", 80 );
    expect_port( L"https://host:443/", 443 );
    expect_port( L"http://host:", 80 );
    expect_port( L"https://host:/", 443 );
    expect_port( L"http://host:65535", 65535 );
    expect_port( L"http://host:0000000000080", 80 );
    expect_error( L"http://host:65536", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://host:99999999999999999999", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://host:-1/", ERROR_WINHTTP_INVALID_URL );
    expect_error( L"http://host:8x/", ERROR_WINHTTP_INVALID_URL );
}

/* CK-13 */
static void test_crack_looks_for_userinfo_in_the_authority_only(void)
{
    static const WCHAR url[] = L"http://example.net/path?a=me@example.com&b=y:1";
    URL_COMPONENTS comps = pointers();

    expect( !crack( url, 0, &comps ) );
    expect( !comps.lpszUserName && !comps.lpszPassword && comps.dwHostNameLength == 11 && comps.nPort == 80 );
    expect( comps.lpszUrlPath == url + 18 && comps.dwUrlPathLength == 5 && comps.lpszExtraInfo == url + 23 );
}

/* CK-14, CK-15, CK-16 */
static void test_crack_parts_not_asked_for(void)
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps), .dwUrlPathLength = 1 };

    expect( !crack( L"https://api.example.net:19133/v4/acct?x=37895", 0, &comps ) );
    expect( comps.dwUrlPathLength == 16 && !comps.lpszExtraInfo && !comps.dwExtraInfoLength );
    expect( !comps.lpszScheme && !comps.dwSchemeLength && comps.nScheme == INTERNET_SCHEME_HTTPS );
    expect( !comps.lpszUserName && !comps.dwUserNameLength && !comps.lpszHostName && !comps.dwHostNameLength );
}

/* CK-17 */
static void test_crack_refuses_a_buffer_without_size_and_changes_nothing(void)
{
    WCHAR scheme[16];
    URL_COMPONENTS comps = pointers(), before;

    comps.lpszScheme = scheme;
    comps.dwSchemeLength = 0;
    before = comps;
    expect( crack( L"http://host/", 0, &comps ) == ERROR_INVALID_PARAMETER );
    expect( !memcmp( &before, &comps, sizeof(comps) ) );
}

#define ALL_ESCAPED L"%20!%22%23$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D%7E"

/* CK-19 */
static void test_crack_decodes_behind_the_split(void)
{
    struct buffers b;
    URL_COMPONENTS comps = in_buffers( &b );

    expect( !crack( L"http://host/dir/page" ALL_ESCAPED, ICU_DECODE, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/dir/page !\"#$%&'()*+,-./:;<=>" ) );
    expect( is_text( b.extra, comps.dwExtraInfoLength, L"?@[\\]^_`{|}~" ) );
    comps = in_buffers( &b );
    expect( !crack( L"http://host/a%3Fb%23c%zz%4?d%3f", ICU_DECODE, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/a?b#c%zz%4" ) && is_text( b.extra, comps.dwExtraInfoLength, L"?d?" ) );
    comps = in_buffers( &b );
    expect( !crack( L"http://host/a%00b", ICU_DECODE, &comps ) );       /* a choice: a NUL stays escaped */
    expect( is_text( b.path, comps.dwUrlPathLength, L"/a%00b" ) );
    comps = pointers();
    expect( crack( L"http://host/", ICU_DECODE, &comps ) == ERROR_INVALID_PARAMETER );
}

/* CK-20 */
static void test_crack_escapes_the_path(void)
{
    struct buffers b;
    URL_COMPONENTS comps = in_buffers( &b );

    expect( !crack( L"http://ho st/path with spaces", ICU_ESCAPE | ICU_DECODE, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/path%20with%20spaces" ) );
    expect( is_text( b.host, comps.dwHostNameLength, L"ho st" ) );
    comps = in_buffers( &b );
    expect( !crack( L"http://host/a%20b c", ICU_ESCAPE | ICU_DECODE, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/a%20b%20c" ) );
    comps = in_buffers( &b );
    expect( !crack( L"http://host/a%20b \x20ac", ICU_ESCAPE, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/a%20b%20%E2%82%AC" ) );
}

static void test_crack_can_refuse_credentials(void)
{
    URL_COMPONENTS comps = pointers();

    expect( crack( L"http://u@host/", ICU_REJECT_USERPWD, &comps ) == ERROR_WINHTTP_INVALID_URL );
    comps = pointers();
    expect( !crack( L"http://host/u@v", ICU_REJECT_USERPWD, &comps ) );
}

static URL_COMPONENTS example(void)
{
    URL_COMPONENTS comps =
    {
        .dwStructSize = sizeof(comps), .nScheme = INTERNET_SCHEME_HTTP, .nPort = 80,
        .lpszScheme = (WCHAR *)L"http", .dwSchemeLength = 4,
        .lpszHostName = (WCHAR *)L"www.example.net", .dwHostNameLength = 15,
        .lpszUserName = (WCHAR *)L"alice", .dwUserNameLength = 5,
        .lpszPassword = (WCHAR *)L"s3cret", .dwPasswordLength = 6,
        .lpszUrlPath = (WCHAR *)L"/dir/page", .dwUrlPathLength = 9,
        .lpszExtraInfo = (WCHAR *)L"?query", .dwExtraInfoLength = 6,
    };
    return comps;
}

static DWORD create( URL_COMPONENTS *comps, DWORD flags, WCHAR *url, DWORD *cch )
{
    BOOL ret;

    SetLastError( 0xdeadbeef );
    ret = WinHttpCreateUrl( comps, flags, url, cch );
    expect( ret == !GetLastError() );
    return GetLastError();
}

static void expect_created( URL_COMPONENTS *comps, DWORD flags, const WCHAR *expected )
{
    WCHAR url[256];
    DWORD cch = ARRAYSIZE( url ), needed = 0;

    expect( !create( comps, flags, url, &cch ) && is_text( url, cch, expected ) && !url[cch] );
    expect( create( comps, flags, NULL, &needed ) == ERROR_INSUFFICIENT_BUFFER && needed == cch + 1 );      /* CU-4 */
    cch = needed - 1;
    expect( create( comps, flags, url, &cch ) == ERROR_INSUFFICIENT_BUFFER && cch == needed );
}

/* CU-1, CU-2, CU-3, CU-5 */
static void test_create_refuses_missing_arguments(void)
{
    URL_COMPONENTS comps = example();
    WCHAR url[256];
    DWORD cch = 256;

    expect( create( NULL, 0, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 256 );
    expect( create( &comps, 0, url, NULL ) == ERROR_INVALID_PARAMETER );
    expect( create( &comps, 0, NULL, &cch ) == ERROR_INVALID_PARAMETER && cch == 256 );
    memset( &comps, 0, sizeof(comps) );
    expect( create( &comps, 0, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 256 );
}

/* CU-4, CU-6 */
static void test_create_sizes(void)
{
    URL_COMPONENTS comps = example();
    WCHAR url[256];
    DWORD cch = 2;

    expect( create( &comps, 0, url, &cch ) == ERROR_INSUFFICIENT_BUFFER && cch == 51 );
    expect( !create( &comps, 0, url, &cch ) && cch == 50 );
    expect_created( &comps, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );
}

/* CU-7, CU-8, CU-9, CU-10 */
static void test_create_scheme_and_port(void)
{
    URL_COMPONENTS comps = example();

    comps.lpszScheme = NULL;
    expect_created( &comps, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );
    comps.nScheme = INTERNET_SCHEME_HTTPS;
    comps.nPort = 443;
    expect_created( &comps, 0, L"https://alice:s3cret@www.example.net/dir/page?query" );
    comps = example();
    comps.nScheme = 0;
    expect_created( &comps, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );
    comps.nScheme = INTERNET_SCHEME_HTTP;
    comps.lpszScheme = (WCHAR *)L"ftp";
    comps.dwSchemeLength = 3;
    expect_created( &comps, 0, L"ftp://alice:s3cret@www.example.net:80/dir/page?query" );
    comps = example();
    comps.nPort = 42;
    expect_created( &comps, 0, L"http://alice:s3cret@www.example.net:42/dir/page?query" );
    comps = example();
    comps.lpszScheme = NULL;
    comps.dwSchemeLength = comps.nScheme = comps.nPort = 0;
    expect_created( &comps, 0, L"http://alice:s3cret@www.example.net:0/dir/page?query" );
    comps = example();
    expect_created( &comps, ICU_INCLUDE_DEFAULT_PORT, L"http://alice:s3cret@www.example.net:80/dir/page?query" );
}

/* CU-11, CU-12, CU-13, CU-14, CU-15 */
static void test_create_user_and_password(void)
{
    URL_COMPONENTS comps = example();
    WCHAR url[256];
    DWORD cch = 256;

    comps.lpszPassword = NULL;
    expect_created( &comps, 0, L"http://alice@www.example.net/dir/page?query" );      /* the text is a choice */
    comps = example();
    comps.lpszUserName = NULL;
    expect( create( &comps, 0, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 256 );
    comps.lpszPassword = NULL;
    expect_created( &comps, 0, L"http://www.example.net/dir/page?query" );
    comps = example();
    comps.lpszPassword = (WCHAR *)L"\0\0\0\0\0";
    expect( !create( &comps, 0, url, &cch ) && cch == 50 && is_text( url, lstrlenW( url ), L"http://alice:" ) );
    comps.dwPasswordLength = 0;
    expect_created( &comps, 0, L"http://alice:@www.example.net/dir/page?query" );
    comps.lpszUserName = (WCHAR *)L"";
    comps.dwUserNameLength = 0;
    expect_created( &comps, 0, L"http://:@www.example.net/dir/page?query" );
    comps = example();
    cch = 256;
    expect( create( &comps, ICU_REJECT_USERPWD, url, &cch ) == ERROR_WINHTTP_INVALID_URL );
}

/* CU-16, CU-21 */
static void test_create_from_one_part(void)
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps) };

    comps.lpszUrlPath = (WCHAR *)L"/text=\xfb00";
    comps.dwUrlPathLength = 7;
    expect_created( &comps, 0, L"http:///text=\xfb00" );
    comps.lpszUrlPath = NULL;
    comps.lpszExtraInfo = (WCHAR *)L"?text=\xfb00";
    comps.dwExtraInfoLength = 7;
    expect_created( &comps, 0, L"http://?text=\xfb00" );
}

/* CU-17, CU-18, CU-19 */
static void test_create_escapes(void)
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps) };

    comps.lpszExtraInfo = (WCHAR *)L" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    comps.dwExtraInfoLength = 33;
    expect_created( &comps, ICU_ESCAPE, L"http://" ALL_ESCAPED );
    comps.lpszExtraInfo = (WCHAR *)L"\r\x1f \n\x7f\r\n";
    comps.dwExtraInfoLength = 7;
    expect_created( &comps, ICU_ESCAPE, L"http://%0D%1F%20%0A%7F%0D%0A" );
    comps.lpszUrlPath = comps.lpszExtraInfo;
    comps.dwUrlPathLength = 7;
    expect_created( &comps, ICU_ESCAPE, L"http://%0D%1F%20%0A%7F%0D%0A%0D%1F%20%0A%7F%0D%0A" );
}

/* A choice: the header file says no more than that authority components are escaped. */
static void test_create_escapes_the_authority(void)
{
    URL_COMPONENTS comps = example();
    WCHAR url[256];
    DWORD cch = 256;

    comps.lpszUserName = (WCHAR *)L"a@b:c";
    comps.lpszPassword = (WCHAR *)L"p/q?r%";
    expect_created( &comps, ICU_ESCAPE_AUTHORITY, L"http://a%40b%3Ac:p%2Fq%3Fr%25@www.example.net/dir/page?query" );
    expect_created( &comps, 0, L"http://a@b:c:p/q?r%@www.example.net/dir/page?query" );
    comps.lpszUserName = (WCHAR *)L"a\xe9" L"b:c";
    expect( create( &comps, ICU_ESCAPE_AUTHORITY, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 256 );
}

#define COMBINING_FLAGS (ICU_NO_ENCODE | ICU_NO_META | ICU_ENCODE_SPACES_ONLY | ICU_BROWSER_MODE | ICU_ENCODE_PERCENT)

/* A choice: these flags have no documented use in these functions. */
static void test_flags_of_combining_do_nothing(void)
{
    URL_COMPONENTS comps = example();
    struct buffers b;

    comps.lpszUrlPath = (WCHAR *)L"/a/../%<";
    comps.dwUrlPathLength = 8;
    expect_created( &comps, COMBINING_FLAGS, L"http://alice:s3cret@www.example.net/a/../%<?query" );
    expect_created( &comps, COMBINING_FLAGS | ICU_ESCAPE, L"http://alice:s3cret@www.example.net/a/../%25%3C?query" );
    comps = in_buffers( &b );
    expect( !crack( L"http://host/a/../%20 <", COMBINING_FLAGS, &comps ) );
    expect( is_text( b.path, comps.dwUrlPathLength, L"/a/../%20 <" ) );
    comps = pointers();
    expect( !crack( L"http://host/a", COMBINING_FLAGS, &comps ) );
}

/* CU-20 */
static void test_create_escapes_beyond_ascii_only_with_utf8(void)
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps), .lpszUrlPath = (WCHAR *)L"/\xfb00", .dwUrlPathLength = 2 };
    WCHAR url[64];
    DWORD cch = 64;

    expect( create( &comps, ICU_ESCAPE, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 64 );
    shim_acp = CP_UTF8;
    expect_created( &comps, ICU_ESCAPE, L"http:///%EF%AC%80" );
    shim_acp = 1252;
}

static void test_create_with_impossible_lengths_is_refused(void)
{
    URL_COMPONENTS comps = example();
    WCHAR url[64];
    DWORD cch = 64;

    comps.dwHostNameLength = ~0u;
    expect( create( &comps, 0, url, &cch ) == ERROR_INVALID_PARAMETER && cch == 64 );
}

static void expect_target_in( const WCHAR *object, DWORD flags, UINT codepage, BOOL encode_extra, const WCHAR *expected )
{
    const struct url_escape how = { flags, codepage, encode_extra };
    WCHAR *target = NULL;
    DWORD cch = 0;

    if (object) check_url( object, lstrlenW( object ) );
    expect( !url_escape_target( object, &how, &target, &cch ) && is_text( target, cch, expected ) && !target[cch] );
    free( target );
}

static void expect_target( const WCHAR *object, DWORD flags, const WCHAR *expected )
{
    expect_target_in( object, flags, CP_UTF8, FALSE, expected );
}

#define ES_OBJECT L"/x\r\n\x1f\x7f< %one?\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n"

/* ES-1 to ES-4, ES-6 */
static void test_target_escaping(void)
{
    expect_target( ES_OBJECT, 0, L"/x%0D%0A%1F%7F%3C%20%one?%1F%7F%20!%22%23$%&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D~%0D%0A" );
    expect_target( ES_OBJECT, WINHTTP_FLAG_ESCAPE_PERCENT,
                   L"/x%0D%0A%1F%7F%3C%20%25one?%1F%7F%20!%22%23$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D~%0D%0A" );
    expect_target( ES_OBJECT, WINHTTP_FLAG_ESCAPE_DISABLE,
                   L"/x\x1f\x7f<%20%one?\x1f\x7f%20!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" );
    expect_target( ES_OBJECT, WINHTTP_FLAG_ESCAPE_DISABLE_QUERY,
                   L"/x%0D%0A%1F%7F%3C%20%one?\x1f\x7f%20!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" );
}

/* ES-5; half a surrogate pair is a choice */
static void test_target_is_utf8(void)
{
    expect_target( L"\x80\x541b\x306e\x540d\x306f\x7f", 0, L"/%C2%80%E5%90%9B%E3%81%AE%E5%90%8D%E3%81%AF%7F" );
    expect_target( L"/\x80\x7f", WINHTTP_FLAG_ESCAPE_DISABLE, L"/%C2%80\x7f" );
    expect_target( L"/\xd83d\xde00\xd83d", 0, L"/%F0%9F%98%80%EF%BF%BD" );
    expect_target( L"/\xde00\xd83d?", 0, L"/%EF%BF%BD%EF%BF%BD?" );
}

/* Option 68: the bytes of the query's characters; the path stays UTF-8. */
static void test_target_query_in_a_code_page(void)
{
    expect_target_in( L"/\xe9?\xe9=1&\x20ac", 0, 1252, FALSE, L"/%C3%A9?%E9=1&%3F" );    /* the page of the shim has no euro */
    expect_target_in( L"?\xe9", WINHTTP_FLAG_ESCAPE_DISABLE, 1252, FALSE, L"/?%E9" );
    expect_target_in( L"?a\x560a", 0, 1252, FALSE, L"/?a%0A" );         /* best fit made a plain character of it */
    expect_target_in( L"?\xe9", 0, 99999, FALSE, L"/?%C3%A9" );
    expect_target_in( L"?\xd83d\xde00", 0, CP_UTF8, FALSE, L"/?%F0%9F%98%80" );
}

/* Option 138, and WINHTTP_FLAG_NULL_CODEPAGE, which is obsolete: choices */
static void test_target_options(void)
{
    expect_target_in( L"/a<b?c>d\r\n", WINHTTP_FLAG_ESCAPE_DISABLE, CP_UTF8, TRUE, L"/a%3Cb?c%3Ed%0D%0A" );
    expect_target_in( L"/a<b?c>d", WINHTTP_FLAG_ESCAPE_DISABLE_QUERY, CP_UTF8, TRUE, L"/a%3Cb?c%3Ed" );
    expect_target_in( L"/a%?%", WINHTTP_FLAG_ESCAPE_DISABLE | WINHTTP_FLAG_ESCAPE_PERCENT, CP_UTF8, TRUE, L"/a%25?%25" );
    expect_target( L"/a<\xe9?<\xe9", WINHTTP_FLAG_NULL_CODEPAGE, L"/a%3C%C3%A9?%3C%C3%A9" );
}

/* H-6, H-7, H-8 */
static void test_target_gets_its_slash(void)
{
    expect_target( NULL, 0, L"/" );
    expect_target( L"", 0, L"/" );
    expect_target( L"a/b.php", 0, L"/a/b.php" );
    expect_target( L"?q", 0, L"/?q" );
    expect_target( L"\r\n/x", WINHTTP_FLAG_ESCAPE_DISABLE, L"/x" );
}

static void expect_host( const WCHAR *name, const char *expected )
{
    char host[256];
    DWORD err;

    check_url( name, lstrlenW( name ) );
    err = url_host_to_ascii( name, lstrlenW( name ), host, sizeof(host) );
    if (!expect( err == (expected ? 0 : ERROR_WINHTTP_INVALID_URL) )) fprintf( stderr, "got %s\n", err ? "none" : host );
    if (!err && expected) expect( !strcmp( host, expected ) );
}

static void test_host_names(void)
{
    char host[256];

    expect_host( L"localhost", "localhost" );
    expect_host( L"www.Example.net.", "www.Example.net." );
    expect_host( L"a_b-c.example", "a_b-c.example" );
    expect_host( L"127.0.0.1", "127.0.0.1" );
    expect_host( L"[::1]", "::1" );
    expect_host( L"::1", "::1" );
    expect_host( L"[fe80::1%eth0]", "fe80::1%eth0" );
    expect_host( L"::ffff:1.2.3.4", "::ffff:1.2.3.4" );
    expect_host( L"b\xfc" L"cher.example", "xn--bcher-kva.example" );
    expect_host( L"B\xdc" L"CHER.example.", "xn--bcher-kva.example." );
    expect_host( L"fa\xdf.example", "xn--fa-hia.example" );                 /* not transitional: no ss */
    expect_host( L"\xff57\xff57\xff57\x3002" L"example", "www.example" );    /* wide letters and a wide dot */
    expect( url_host_to_ascii( L"localhost", 9, host, 9 ) == ERROR_WINHTTP_INVALID_URL );
    expect( !url_host_to_ascii( L"localhost", 9, host, 10 ) );
}

static void test_host_names_that_are_none(void)
{
    static const WCHAR *const names[] =
    {
        L"", L" ", L"a b", L"a\tb", L"a\r\nb", L"a/b", L"a@b", L"a?b", L"a#b", L"a\\b", L"a:80", L"a%41", L".a", L"a..b",
        L"[a]", L"[]", L"[::1", L"::1]", L"a\x7f", L"127.1", L"2130706433", L"0x7f.1", L"0x7f000001",
        L"1.2.3.4.5", L"1.2.3.256", L"1.2.3.04", L"1.2.3.4.", L"a.1",
        /* what IDNA refuses, and what its mapping would turn into something else */
        L"\xfffd", L"\xd83d", L"-\xfc", L"\x5d0" L"a1", L"a\x200d" L"b", L"\xad", L"\xff0f\xfc", L"a\xff0f" L"b", L"a\xff20" L"b",
        L"a\xff1a" L"80", L"a\xff03" L"b", L"a\xff1f", L"a\xff05" L"41", L"\xff11\xff12\xff17.0.0.1", L"\x2460.2.3.4", L"a\xfc..b",
        L"[\xfc]", L"[::\xff11]", L"\xfc:80", L"a b\xfc",
    };
    WCHAR name[300];
    char host[256];
    DWORD i;

    for (i = 0; i < ARRAYSIZE( names ); i++) expect_host( names[i], NULL );
    for (i = 0; i < ARRAYSIZE( name ); i++) name[i] = 'a';
    expect( url_host_to_ascii( name, 256, host, sizeof(host) ) == ERROR_WINHTTP_INVALID_URL );
    expect( !url_host_to_ascii( name, 255, host, sizeof(host) ) );
    expect( url_host_to_ascii( L"a\0b", 3, host, sizeof(host) ) == ERROR_WINHTTP_INVALID_URL );
    expect( url_host_to_ascii( L"\xfc\0b", 3, host, sizeof(host) ) == ERROR_WINHTTP_INVALID_URL );
    for (i = 0; i < 64; i++) name[i] = 0xfc;
    expect( url_host_to_ascii( name, 64, host, sizeof(host) ) == ERROR_WINHTTP_INVALID_URL );      /* a label of 63 at most */
    expect( url_host_to_ascii( L"\xfc", 1, host, 7 ) == ERROR_WINHTTP_INVALID_URL );
    expect( !url_host_to_ascii( L"\xfc", 1, host, 8 ) && !strcmp( host, "xn--tda" ) );
}

static void allocating_scenario( void *arg )
{
    struct buffers b;
    const struct url_escape how = { 0, 1252, FALSE };
    URL_COMPONENTS comps = in_buffers( &b );
    WCHAR *target = NULL;
    DWORD cch, err;

    (void)arg;
    err = url_escape_target( L"/a b?\xe9", &how, &target, &cch );
    expect( err == (target ? 0 : ERROR_NOT_ENOUGH_MEMORY) );
    free( target );
    if (!WinHttpCrackUrl( L"http://host/a%20b?c", 0, ICU_DECODE | ICU_ESCAPE, &comps ))
        expect( GetLastError() == ERROR_NOT_ENOUGH_MEMORY );
}

static void test_out_of_memory(void)
{
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );
}

int main(void)
{
    run( test_crack_refuses_missing_arguments );
    run( test_crack_takes_an_explicit_length );
    run( test_crack_copies_and_terminates );
    run( test_crack_tells_the_size_of_what_does_not_fit );
    run( test_crack_points_into_the_url );
    run( test_crack_absent_parts );
    run( test_crack_extra_info );
    run( test_crack_lone_question_mark_behind_the_host );
    run( test_crack_broken_urls );
    run( test_crack_refuses_ambiguous_authorities );
    run( test_crack_keeps_brackets_of_ip6 );
    run( test_crack_ports );
    run( test_crack_looks_for_userinfo_in_the_authority_only );
    run( test_crack_parts_not_asked_for );
    run( test_crack_refuses_a_buffer_without_size_and_changes_nothing );
    run( test_crack_decodes_behind_the_split );
    run( test_crack_escapes_the_path );
    run( test_crack_can_refuse_credentials );
    run( test_create_refuses_missing_arguments );
    run( test_create_sizes );
    run( test_create_scheme_and_port );
    run( test_create_user_and_password );
    run( test_create_from_one_part );
    run( test_create_escapes );
    run( test_create_escapes_the_authority );
    run( test_flags_of_combining_do_nothing );
    run( test_create_escapes_beyond_ascii_only_with_utf8 );
    run( test_create_with_impossible_lengths_is_refused );
    run( test_target_escaping );
    run( test_target_is_utf8 );
    run( test_target_query_in_a_code_page );
    run( test_target_options );
    run( test_target_gets_its_slash );
    run( test_host_names );
    run( test_host_names_that_are_none );
    run( test_out_of_memory );
    return test_end( "url" );
}
