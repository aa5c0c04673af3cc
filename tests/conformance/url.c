/*
 * WinHttpCrackUrl
 *
 * Rules: windows-behaviour.md section 2.2 (CK-1 to CK-20). Nothing here opens a handle.
 */
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"

#define count_of( array ) (sizeof(array) / sizeof((array)[0]))

/* what is untouched stays so */
#define STALE 0xdeadbeef

static WCHAR hostW[] = L"www.example.net", userW[] = L"alice", passW[] = L"s3cret";
static WCHAR pathW[] = L"/dir/page", extraW[] = L"?query";

/* Every component is asked for as a pointer into the URL. -1 as offset: the pointer must be NULL. */
struct crack_row
{
    const WCHAR *url;
    DWORD error;
    INTERNET_SCHEME scheme;
    INTERNET_PORT port;
    int host, host_len, user, user_len, pass, pass_len, path, path_len, extra, extra_len;
};

#define BAD( bad_url, bad_error ) { .url = bad_url, .error = bad_error }

static const struct crack_row crack_rows[] =
{
    /* CK-4 */
    { L"http://alice:s3cret@www.example.net/dir/page?query", 0, INTERNET_SCHEME_HTTP, 80,
      20, 15, 7, 5, 13, 6, 35, 9, 44, 6 },
    /* CK-5, CK-6 */
    { L"http://www.example.net", 0, INTERNET_SCHEME_HTTP, 80, 7, 15, -1, 0, -1, 0, 22, 0, 22, 0 },
    { L"http://www.example.net/", 0, INTERNET_SCHEME_HTTP, 80, 7, 15, -1, 0, -1, 0, 22, 1, 23, 0 },
    { L"http://alice@www.example.net/", 0, INTERNET_SCHEME_HTTP, 80, 13, 15, 7, 5, -1, 0, 28, 1, 29, 0 },
    /* CK-7 */
    { L"http://h/post?", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 8, 5, 13, 1 },
    { L"http://h/post;a", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 8, 7, 15, 0 },
    { L"http://h/a?b?c", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 8, 2, 10, 4 },
    /* CK-8 */
    { L"http://host?", 0, INTERNET_SCHEME_HTTP, 80, 7, 4, -1, 0, -1, 0, 12, 0, 12, 0 },
    /* CK-9 */
    { L"HtTpS://h/", 0, INTERNET_SCHEME_HTTPS, 443, 8, 1, -1, 0, -1, 0, 9, 1, 10, 0 },
    /* CK-10 */
    BAD( L"HTTP:www.example.net", ERROR_WINHTTP_INVALID_URL ),
    BAD( L"http:/www.example.net", ERROR_WINHTTP_INVALID_URL ),
    BAD( L"http://", ERROR_WINHTTP_INVALID_URL ),
    /* CK-11 */
    BAD( L"www.example.net", ERROR_WINHTTP_UNRECOGNIZED_SCHEME ),
    BAD( L"www", ERROR_WINHTTP_UNRECOGNIZED_SCHEME ),
    BAD( L"http", ERROR_WINHTTP_UNRECOGNIZED_SCHEME ),
    BAD( L"", ERROR_WINHTTP_UNRECOGNIZED_SCHEME ),
    BAD( L"ftp://h/", ERROR_WINHTTP_UNRECOGNIZED_SCHEME ),
    /* CK-12 */
    { L"http://h:42/", 0, INTERNET_SCHEME_HTTP, 42, 7, 1, -1, 0, -1, 0, 11, 1, 12, 0 },
    { L"http://h:0/", 0, INTERNET_SCHEME_HTTP, 0, 7, 1, -1, 0, -1, 0, 10, 1, 11, 0 },
    { L"http://h:80/", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 11, 1, 12, 0 },
    { L"https://h:443/", 0, INTERNET_SCHEME_HTTPS, 443, 8, 1, -1, 0, -1, 0, 13, 1, 14, 0 },
    { L"http://h:65535/", 0, INTERNET_SCHEME_HTTP, 65535, 7, 1, -1, 0, -1, 0, 14, 1, 15, 0 },
    { L"http://h:", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 9, 0, 9, 0 },
    { L"https://h:/", 0, INTERNET_SCHEME_HTTPS, 443, 8, 1, -1, 0, -1, 0, 10, 1, 11, 0 },
    BAD( L"http://h:65536", ERROR_WINHTTP_INVALID_URL ),
    BAD( L"http://h:99999999999999999999/", ERROR_WINHTTP_INVALID_URL ),
    /* CK-13 */
    { L"http://example.net/path?a=me@example.com&b=y", 0, INTERNET_SCHEME_HTTP, 80,
      7, 11, -1, 0, -1, 0, 18, 5, 23, 21 },
    { L"http://h?x=a:b", 0, INTERNET_SCHEME_HTTP, 80, 7, 1, -1, 0, -1, 0, 8, 0, 8, 6 },
};

static void check_part_( int line, const struct crack_row *row, const char *name, const WCHAR *text, DWORD len,
                         int offset, int expected_len )
{
    ok_( __FILE__, line )( (int)len == expected_len, "%ls: %s has length %lu, not %d\n", row->url, name, len,
                           expected_len );
    if (offset < 0) ok_( __FILE__, line )( !text, "%ls: %s is not NULL\n", row->url, name );
    else ok_( __FILE__, line )( text == row->url + offset, "%ls: %s is at %d, not %d\n", row->url, name,
                                text ? (int)(text - row->url) : -1, offset );
}
#define check_part( row, name, text, len, offset, expected_len ) \
    check_part_( __LINE__, row, name, text, len, offset, expected_len )

static void ask_for_pointers( URL_COMPONENTS *uc, DWORD len )
{
    memset( uc, 0, sizeof(*uc) );
    uc->dwStructSize = sizeof(*uc);
    uc->dwSchemeLength = uc->dwHostNameLength = uc->dwUserNameLength = uc->dwPasswordLength = len;
    uc->dwUrlPathLength = uc->dwExtraInfoLength = len;
    uc->nPort = 0x5555;
}

static void check_crack_row( const struct crack_row *row, DWORD request_len )
{
    URL_COMPONENTS uc;
    BOOL ret;

    ask_for_pointers( &uc, request_len );
    SetLastError( STALE );
    ret = WinHttpCrackUrl( row->url, 0, 0, &uc );
    if (row->error)
    {
        ok( !ret && GetLastError() == row->error, "%ls: got %d, error %lu\n", row->url, ret, GetLastError() );
        return;
    }
    ok( ret, "%ls: failed with %lu\n", row->url, GetLastError() );
    if (!ret) return;
    ok( !GetLastError(), "%ls: last error %lu\n", row->url, GetLastError() );
    ok( uc.nScheme == row->scheme, "%ls: scheme %d\n", row->url, uc.nScheme );
    ok( uc.nPort == row->port, "%ls: port %u\n", row->url, uc.nPort );
    check_part( row, "scheme", uc.lpszScheme, uc.dwSchemeLength, 0, row->scheme == INTERNET_SCHEME_HTTP ? 4 : 5 );
    check_part( row, "host", uc.lpszHostName, uc.dwHostNameLength, row->host, row->host_len );
    check_part( row, "user", uc.lpszUserName, uc.dwUserNameLength, row->user, row->user_len );
    check_part( row, "password", uc.lpszPassword, uc.dwPasswordLength, row->pass, row->pass_len );
    check_part( row, "path", uc.lpszUrlPath, uc.dwUrlPathLength, row->path, row->path_len );
    check_part( row, "extra", uc.lpszExtraInfo, uc.dwExtraInfoLength, row->extra, row->extra_len );
}

static void test_crack_into_pointers(void)
{
    unsigned int i;

    for (i = 0; i < count_of( crack_rows ); i++)
    {
        check_crack_row( &crack_rows[i], 1 );
        check_crack_row( &crack_rows[i], ~0u );   /* CK-18 */
    }
}

static void test_crack_honours_the_given_length(void)
{
    static const WCHAR urlW[] = L"http://h/path?extra";
    URL_COMPONENTS uc;
    BOOL ret;

    ask_for_pointers( &uc, 1 );
    ret = WinHttpCrackUrl( urlW, 11, 0, &uc );   /* "http://h/pa" */
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( uc.dwUrlPathLength == 3, "path length %lu\n", uc.dwUrlPathLength );
    ok( !uc.dwExtraInfoLength, "extra length %lu\n", uc.dwExtraInfoLength );
}

static void test_crack_rejects_null(void)
{
    URL_COMPONENTS uc;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpCrackUrl( L"http://h/", 0, 0, NULL );   /* CK-1 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    ask_for_pointers( &uc, 1 );
    SetLastError( STALE );
    ret = WinHttpCrackUrl( NULL, 0, 0, &uc );            /* CK-1 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
}

struct copies
{
    URL_COMPONENTS uc;
    WCHAR scheme[32], host[64], user[32], pass[32], path[64], extra[64];
};

static void ask_for_copies( struct copies *copies )
{
    URL_COMPONENTS *uc = &copies->uc;

    memset( copies, 0x55, sizeof(*copies) );
    memset( uc, 0, sizeof(*uc) );
    uc->dwStructSize = sizeof(*uc);
    uc->lpszScheme = copies->scheme;      uc->dwSchemeLength = count_of( copies->scheme );
    uc->lpszHostName = copies->host;      uc->dwHostNameLength = count_of( copies->host );
    uc->lpszUserName = copies->user;      uc->dwUserNameLength = count_of( copies->user );
    uc->lpszPassword = copies->pass;      uc->dwPasswordLength = count_of( copies->pass );
    uc->lpszUrlPath = copies->path;       uc->dwUrlPathLength = count_of( copies->path );
    uc->lpszExtraInfo = copies->extra;    uc->dwExtraInfoLength = count_of( copies->extra );
}

static void test_crack_into_buffers(void)
{
    struct copies c;
    BOOL ret;

    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://alice:s3cret@www.example.net:42/dir/page?query", 0, 0, &c.uc );   /* CK-2 */
    ok( ret, "failed with %lu\n", GetLastError() );
    if (!ret) return;
    ok( !lstrcmpW( c.scheme, L"http" ) && c.uc.dwSchemeLength == 4, "scheme, %lu\n", c.uc.dwSchemeLength );
    ok( !lstrcmpW( c.host, hostW ) && c.uc.dwHostNameLength == 15, "host, %lu\n", c.uc.dwHostNameLength );
    ok( !lstrcmpW( c.user, userW ) && c.uc.dwUserNameLength == 5, "user, %lu\n", c.uc.dwUserNameLength );
    ok( !lstrcmpW( c.pass, passW ) && c.uc.dwPasswordLength == 6, "password, %lu\n", c.uc.dwPasswordLength );
    ok( !lstrcmpW( c.path, pathW ) && c.uc.dwUrlPathLength == 9, "path, %lu\n", c.uc.dwUrlPathLength );
    ok( !lstrcmpW( c.extra, extraW ) && c.uc.dwExtraInfoLength == 6, "extra, %lu\n", c.uc.dwExtraInfoLength );
    ok( c.uc.nScheme == INTERNET_SCHEME_HTTP && c.uc.nPort == 42, "scheme %d, port %u\n", c.uc.nScheme, c.uc.nPort );
    ok( c.uc.lpszHostName == c.host, "the host pointer changed\n" );
}

static void test_crack_reports_each_small_buffer(void)
{
    struct copies c;
    BOOL ret;

    ask_for_copies( &c );
    c.uc.dwSchemeLength = 1;
    c.uc.dwHostNameLength = 14;
    SetLastError( STALE );
    ret = WinHttpCrackUrl( L"http://www.sample.org/path", 0, 0, &c.uc );   /* CK-3, the host has 14 characters */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );
    ok( c.uc.dwSchemeLength == 5, "scheme needs %lu\n", c.uc.dwSchemeLength );
    ok( c.uc.dwHostNameLength == 15, "host needs %lu\n", c.uc.dwHostNameLength );
    ok( c.uc.dwUrlPathLength == 5, "path length %lu\n", c.uc.dwUrlPathLength );
    ok( !lstrcmpW( c.path, L"/path" ), "the path that fits was not copied\n" );

    ask_for_copies( &c );
    c.uc.dwHostNameLength = 15;                                             /* room for the terminator too */
    ret = WinHttpCrackUrl( L"http://www.sample.org/path", 0, 0, &c.uc );
    ok( ret && c.uc.dwHostNameLength == 14, "got %d, length %lu\n", ret, c.uc.dwHostNameLength );
}

static void test_crack_leaves_the_structure_of_a_bad_call_alone(void)
{
    WCHAR scheme[8];
    URL_COMPONENTS uc, before;
    BOOL ret;

    ask_for_pointers( &uc, ~0u );
    uc.lpszScheme = scheme;
    uc.dwSchemeLength = 0;
    before = uc;
    SetLastError( STALE );
    ret = WinHttpCrackUrl( L"http://h:42/path?extra", 0, 0, &uc );          /* CK-17 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    ok( !memcmp( &uc, &before, sizeof(uc) ), "the structure changed\n" );
}

static void test_crack_gives_what_was_asked_for(void)
{
    static const WCHAR urlW[] = L"https://api.example.net:19133/v4/acct?x=37895";
    static const WCHAR userinfoW[] = L"http://u:p@h/";
    URL_COMPONENTS uc;
    BOOL ret;

    ask_for_pointers( &uc, 1 );
    uc.dwExtraInfoLength = 0;
    ret = WinHttpCrackUrl( urlW, 0, 0, &uc );                               /* CK-14 */
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( uc.dwUrlPathLength == 16, "path length %lu\n", uc.dwUrlPathLength );
    ok( uc.nPort == 19133, "port %u\n", uc.nPort );

    ask_for_pointers( &uc, 1 );
    uc.dwUserNameLength = uc.dwPasswordLength = uc.dwSchemeLength = 0;
    ret = WinHttpCrackUrl( userinfoW, 0, 0, &uc );                          /* CK-15, CK-16 */
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( !uc.lpszUserName && !uc.dwUserNameLength, "user was reported\n" );
    ok( !uc.lpszPassword && !uc.dwPasswordLength, "password was reported\n" );
    ok( !uc.lpszScheme && !uc.dwSchemeLength, "scheme was reported\n" );
    ok( uc.nScheme == INTERNET_SCHEME_HTTP, "scheme %d\n", uc.nScheme );
    ok( uc.dwHostNameLength == 1 && uc.lpszHostName && uc.lpszHostName[0] == 'h', "host\n" );
}

static void test_crack_decodes_after_the_split(void)
{
    static const WCHAR urlW[] = L"http://www.example.net/dir/page%20!%22%23$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_"
                                L"%60%7B%7C%7D%7E";
    struct copies c;
    URL_COMPONENTS uc;
    BOOL ret;

    ask_for_pointers( &uc, 1 );
    SetLastError( STALE );
    ret = WinHttpCrackUrl( urlW, 0, ICU_DECODE, &uc );                      /* CK-19 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );

    ask_for_copies( &c );
    ret = WinHttpCrackUrl( urlW, 0, ICU_DECODE, &c.uc );                    /* CK-19, inverse of CU-18 */
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( !lstrcmpW( c.path, L"/dir/page !\"#$%&'()*+,-./:;<=>" ), "path %ls\n", c.path );
    ok( c.uc.dwUrlPathLength == 9 + 21, "path length %lu\n", c.uc.dwUrlPathLength );
    ok( !lstrcmpW( c.extra, L"?@[\\]^_`{|}~" ), "extra %ls\n", c.extra );
    ok( c.uc.dwExtraInfoLength == 12, "extra length %lu\n", c.uc.dwExtraInfoLength );

    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://h/a%3Fb%23c?d", 0, ICU_DECODE, &c.uc );
    ok( ret && !lstrcmpW( c.path, L"/a?b#c" ) && !lstrcmpW( c.extra, L"?d" ), "got %d, %ls %ls\n", ret, c.path, c.extra );
}

static void test_crack_escapes_the_path(void)
{
    struct copies c;
    BOOL ret;

    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://exa mple.net/path with spaces", 0, ICU_ESCAPE | ICU_DECODE, &c.uc );   /* CK-20 */
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( !lstrcmpW( c.host, L"exa mple.net" ), "host %ls\n", c.host );
    ok( !lstrcmpW( c.path, L"/path%20with%20spaces" ), "path %ls\n", c.path );
    ok( c.uc.dwUrlPathLength == 21, "path length %lu\n", c.uc.dwUrlPathLength );
}

static void test_crack_rejects_user_info_on_request(void)
{
    URL_COMPONENTS uc;
    BOOL ret;

    ask_for_pointers( &uc, 1 );
    SetLastError( STALE );
    ret = WinHttpCrackUrl( L"http://u:p@h/", 0, ICU_REJECT_USERPWD, &uc );   /* documented */
    ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_URL, "got %d, error %lu\n", ret, GetLastError() );
}

/* A URL right before an unmapped page, not terminated: not a byte behind the given length may be read. */
static void test_crack_stays_inside_the_given_length(void)
{
    static const WCHAR urlW[] = L"http://h/path?x%2";
    SYSTEM_INFO info;
    URL_COMPONENTS uc;
    DWORD old, len, chars = lstrlenW( urlW );
    WCHAR *page, *at;
    char *mem;

    GetSystemInfo( &info );
    mem = VirtualAlloc( NULL, info.dwPageSize * 2, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE );
    ok( mem != NULL, "VirtualAlloc failed\n" );
    if (!mem) return;
    VirtualProtect( mem + info.dwPageSize, info.dwPageSize, PAGE_NOACCESS, &old );
    page = (WCHAR *)(mem + info.dwPageSize);
    for (len = 1; len <= chars; len++)
    {
        at = page - len;
        memcpy( at, urlW, len * sizeof(WCHAR) );
        ask_for_pointers( &uc, 1 );
        /* at least "http://h" is a URL, anything shorter is an error; the point is not to crash */
        ok( WinHttpCrackUrl( at, len, 0, &uc ) == (len >= 8), "%lu characters: wrong result\n", len );
    }
    VirtualFree( mem, 0, MEM_RELEASE );
}

/* What other parsers read differently must not be read at all: the host that a program checks is the host that is
 * connected to. Windows' own answers to these are not known; that they are no URLs is a choice. */
static void test_crack_refuses_ambiguous_authorities(void)
{
    static const WCHAR *const urls[] =
    {
        L"http://good.example\\@evil.example/", L"http://good.example\\.evil.example/", L"http://a@b@c/",
        L"http://h\t/", L"http://h\r\n.example/", L"http://h:80:80/", L"http://h:8a/", L"http://h:+80/", L"http://[::1/",
        L"http://[::1]x/", L"http://@/", L"http://u:p@/", L"http://:80/", L"http:///path",
    };
    URL_COMPONENTS uc;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( urls ); i++)
    {
        ask_for_pointers( &uc, 1 );
        SetLastError( STALE );
        ret = WinHttpCrackUrl( urls[i], 0, 0, &uc );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_URL, "%ls: got %d, error %lu\n", urls[i], ret, GetLastError() );
    }
}

static void test_crack_flags(void)
{
    static const WCHAR *const with_userinfo[] = { L"http://u:p@h/", L"http://u@h/", L"http://:@h/" };
    DWORD flags = ICU_NO_ENCODE | ICU_NO_META | ICU_ENCODE_SPACES_ONLY | ICU_BROWSER_MODE | ICU_ENCODE_PERCENT;
    URL_COMPONENTS uc;
    struct copies c;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( with_userinfo ); i++)
    {
        ask_for_pointers( &uc, 1 );
        SetLastError( STALE );
        ret = WinHttpCrackUrl( with_userinfo[i], 0, ICU_REJECT_USERPWD, &uc );      /* documented */
        ok( !ret && GetLastError() == ERROR_WINHTTP_INVALID_URL, "%ls: got %d, error %lu\n", with_userinfo[i], ret,
            GetLastError() );
    }
    ask_for_pointers( &uc, 1 );
    ret = WinHttpCrackUrl( L"http://h/u@v?w:x@y", 0, ICU_REJECT_USERPWD, &uc );     /* CK-13 */
    ok( ret, "failed with %lu\n", GetLastError() );

    /* The flags for combining URLs have no documented use here; that they change nothing is a choice. */
    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://h/a/../%20 <?%3c", 0, flags, &c.uc );
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( !lstrcmpW( c.path, L"/a/../%20 <" ), "path %ls\n", c.path );
    ok( !lstrcmpW( c.extra, L"?%3c" ), "extra %ls\n", c.extra );

    /* An escape that is none stays as it is. */
    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://h/%zz%4?%", 0, ICU_DECODE, &c.uc );
    ok( ret && !lstrcmpW( c.path, L"/%zz%4" ) && !lstrcmpW( c.extra, L"?%" ), "got %d, %ls %ls\n", ret, c.path, c.extra );

    ask_for_pointers( &uc, 1 );
    SetLastError( STALE );
    ret = WinHttpCrackUrl( L"http://h/a b", 0, ICU_ESCAPE, &uc );                   /* needs buffers, as CK-19 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    ask_for_copies( &c );
    ret = WinHttpCrackUrl( L"http://h/a b?c d", 0, ICU_ESCAPE, &c.uc );
    ok( ret && !lstrcmpW( c.path, L"/a%20b" ), "got %d, %ls\n", ret, c.path );
}

START_TEST(url)
{
    test_crack_into_pointers();
    test_crack_honours_the_given_length();
    test_crack_rejects_null();
    test_crack_into_buffers();
    test_crack_reports_each_small_buffer();
    test_crack_leaves_the_structure_of_a_bad_call_alone();
    test_crack_gives_what_was_asked_for();
    test_crack_decodes_after_the_split();
    test_crack_escapes_the_path();
    test_crack_rejects_user_info_on_request();
    test_crack_stays_inside_the_given_length();
    test_crack_refuses_ambiguous_authorities();
    test_crack_flags();
}
