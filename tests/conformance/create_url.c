/*
 * WinHttpCreateUrl
 *
 * Rules: windows-behaviour.md section 2.1 (CU-1 to CU-21). Nothing here opens a handle.
 */
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"

#define count_of( array ) (sizeof(array) / sizeof((array)[0]))

/* what is untouched stays so */
#define STALE 0xdeadbeef

static WCHAR schemeW[] = L"http", hostW[] = L"www.example.net", userW[] = L"alice", passW[] = L"s3cret";
static WCHAR pathW[] = L"/dir/page", extraW[] = L"?query", emptyW[] = L"";

/* the reference example of the rules */
static void fill_example( URL_COMPONENTS *uc )
{
    memset( uc, 0, sizeof(*uc) );
    uc->dwStructSize = sizeof(*uc);
    uc->lpszScheme = schemeW;
    uc->dwSchemeLength = lstrlenW( schemeW );
    uc->nScheme = INTERNET_SCHEME_HTTP;
    uc->lpszHostName = hostW;
    uc->dwHostNameLength = lstrlenW( hostW );
    uc->nPort = 80;
    uc->lpszUserName = userW;
    uc->dwUserNameLength = lstrlenW( userW );
    uc->lpszPassword = passW;
    uc->dwPasswordLength = lstrlenW( passW );
    uc->lpszUrlPath = pathW;
    uc->dwUrlPathLength = lstrlenW( pathW );
    uc->lpszExtraInfo = extraW;
    uc->dwExtraInfoLength = lstrlenW( extraW );
}

static void check_create_( int line, URL_COMPONENTS *uc, DWORD flags, const WCHAR *expected )
{
    WCHAR buffer[256];
    DWORD len = count_of( buffer );
    BOOL ret;

    buffer[0] = 0;
    SetLastError( STALE );
    ret = WinHttpCreateUrl( uc, flags, buffer, &len );
    ok_( __FILE__, line )( ret, "WinHttpCreateUrl failed with %lu\n", GetLastError() );
    ok_( __FILE__, line )( !ret || !GetLastError(), "last error is %lu\n", GetLastError() );   /* CU-6, LE-1 */
    ok_( __FILE__, line )( !lstrcmpW( buffer, expected ), "got %ls\n", buffer );
    ok_( __FILE__, line )( len == (DWORD)lstrlenW( expected ), "length %lu\n", len );
}
#define check_create( uc, flags, expected ) check_create_( __LINE__, uc, flags, expected )

static void check_create_error_( int line, URL_COMPONENTS *uc, DWORD flags, DWORD error )
{
    WCHAR buffer[256];
    DWORD len = count_of( buffer );
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpCreateUrl( uc, flags, buffer, &len );
    ok_( __FILE__, line )( !ret && GetLastError() == error, "got %d, error %lu\n", ret, GetLastError() );
    ok_( __FILE__, line )( len == count_of( buffer ), "length changed to %lu\n", len );
}
#define check_create_error( uc, flags, error ) check_create_error_( __LINE__, uc, flags, error )

static void test_create_rejects_bad_arguments(void)
{
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    BOOL ret;

    check_create_error( NULL, 0, ERROR_INVALID_PARAMETER );   /* CU-1 */
    memset( &uc, 0, sizeof(uc) );
    check_create_error( &uc, 0, ERROR_INVALID_PARAMETER );    /* CU-2 */

    fill_example( &uc );
    SetLastError( STALE );
    ret = WinHttpCreateUrl( &uc, 0, buffer, NULL );           /* CU-3 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
}

static void test_create_reports_the_size_it_needs(void)
{
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    DWORD len;
    BOOL ret;

    fill_example( &uc );
    len = 0;
    SetLastError( STALE );
    ret = WinHttpCreateUrl( &uc, 0, NULL, &len );             /* CU-4 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );
    ok( len == 51, "length %lu\n", len );

    len = 2;
    SetLastError( STALE );
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );           /* CU-4 */
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );
    ok( len == 51, "length %lu\n", len );

    len = 50;
    /* the terminator must fit too; that it is counted here as in the answer is a choice */
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "got %d, error %lu\n", ret, GetLastError() );
    ok( len == 51, "length %lu\n", len );

    len = 51;
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( ret && len == 50, "got %d, length %lu\n", ret, len );

    len = 256;
    SetLastError( STALE );
    ret = WinHttpCreateUrl( &uc, 0, NULL, &len );             /* CU-5 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    ok( len == 256, "length %lu\n", len );
}

static void test_create_scheme_and_port(void)
{
    URL_COMPONENTS uc;

    fill_example( &uc );
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );      /* CU-6 */

    uc.lpszScheme = NULL;                                                               /* CU-7 */
    uc.dwSchemeLength = 77;
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );

    fill_example( &uc );
    uc.lpszScheme = (WCHAR *)L"ftp";                                                    /* CU-8 */
    uc.dwSchemeLength = 3;
    check_create( &uc, 0, L"ftp://alice:s3cret@www.example.net:80/dir/page?query" );

    fill_example( &uc );
    uc.nScheme = 0;                                                                     /* CU-8 */
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net/dir/page?query" );

    fill_example( &uc );
    uc.nPort = 42;                                                                      /* CU-9 */
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net:42/dir/page?query" );
    uc.lpszScheme = NULL;
    uc.dwSchemeLength = 0;
    uc.nScheme = INTERNET_SCHEME_HTTPS;
    uc.nPort = 443;
    check_create( &uc, 0, L"https://alice:s3cret@www.example.net/dir/page?query" );
    uc.nPort = 80;
    check_create( &uc, 0, L"https://alice:s3cret@www.example.net:80/dir/page?query" );

    fill_example( &uc );
    uc.lpszScheme = NULL;                                                               /* CU-10 */
    uc.dwSchemeLength = 0;
    uc.nScheme = 0;
    uc.nPort = 0;
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net:0/dir/page?query" );
}

static void test_create_user_info(void)
{
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    DWORD len;
    BOOL ret;

    fill_example( &uc );
    uc.lpszPassword = NULL;                                                             /* CU-11: the text is open */
    len = count_of( buffer );
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( ret, "failed with %lu\n", GetLastError() );

    fill_example( &uc );
    uc.lpszUserName = NULL;                                                             /* CU-12 */
    check_create_error( &uc, 0, ERROR_INVALID_PARAMETER );

    fill_example( &uc );
    uc.lpszUserName = emptyW;                                                           /* CU-12 */
    uc.dwUserNameLength = 0;
    len = count_of( buffer );
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( ret, "failed with %lu\n", GetLastError() );

    fill_example( &uc );
    uc.lpszUserName = uc.lpszPassword = NULL;                                           /* CU-13 */
    uc.dwUserNameLength = uc.dwPasswordLength = 0;
    check_create( &uc, 0, L"http://www.example.net/dir/page?query" );

    fill_example( &uc );
    uc.lpszPassword = emptyW;                                                           /* CU-15 */
    uc.dwPasswordLength = 0;
    check_create( &uc, 0, L"http://alice:@www.example.net/dir/page?query" );
    uc.lpszUserName = emptyW;
    uc.dwUserNameLength = 0;
    check_create( &uc, 0, L"http://:@www.example.net/dir/page?query" );
}

static void test_create_trusts_lengths(void)
{
    static WCHAR blankW[16];   /* an empty string with room for the lengths that are claimed */
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    DWORD len;
    BOOL ret;

    fill_example( &uc );
    uc.lpszPassword = blankW;                                                           /* CU-14 */
    len = count_of( buffer );
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( ret && len == 50, "got %d, length %lu\n", ret, len );
    ok( !lstrcmpW( buffer, L"http://alice:" ), "got %ls\n", buffer );

    uc.lpszUserName = blankW;                                                           /* CU-14 */
    len = count_of( buffer );
    ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
    ok( ret && len == 50, "got %d, length %lu\n", ret, len );
    ok( !lstrcmpW( buffer, L"http://" ), "got %ls\n", buffer );

    fill_example( &uc );
    uc.dwExtraInfoLength = 2;
    check_create( &uc, 0, L"http://alice:s3cret@www.example.net/dir/page?q" );
}

static void test_create_single_parts(void)
{
    URL_COMPONENTS uc;

    memset( &uc, 0, sizeof(uc) );
    uc.dwStructSize = sizeof(uc);
    uc.lpszUrlPath = pathW;                                                             /* CU-16 */
    uc.dwUrlPathLength = lstrlenW( pathW );
    check_create( &uc, 0, L"http:///dir/page" );

    memset( &uc, 0, sizeof(uc) );
    uc.dwStructSize = sizeof(uc);
    uc.lpszExtraInfo = extraW;                                                          /* CU-16 */
    uc.dwExtraInfoLength = lstrlenW( extraW );
    check_create( &uc, 0, L"http://?query" );
}

static void test_create_escapes_path_and_extra_info(void)
{
    static WCHAR vectorW[] = L" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    static WCHAR controlsW[] = L"\r\x1f \n\x7f\r\n";
    URL_COMPONENTS uc;

    memset( &uc, 0, sizeof(uc) );
    uc.dwStructSize = sizeof(uc);
    uc.lpszExtraInfo = vectorW;
    uc.dwExtraInfoLength = lstrlenW( vectorW );
    ok( uc.dwExtraInfoLength == 33, "the vector has %lu characters\n", uc.dwExtraInfoLength );
    /* CU-17, CU-18 */
    check_create( &uc, ICU_ESCAPE, L"http://%20!%22%23$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D%7E" );

    uc.lpszExtraInfo = controlsW;
    uc.dwExtraInfoLength = lstrlenW( controlsW );
    check_create( &uc, ICU_ESCAPE, L"http://%0D%1F%20%0A%7F%0D%0A" );                   /* CU-19 */

    uc.lpszExtraInfo = NULL;
    uc.dwExtraInfoLength = 0;
    uc.lpszUrlPath = controlsW;
    uc.dwUrlPathLength = lstrlenW( controlsW );
    check_create( &uc, ICU_ESCAPE, L"http://%0D%1F%20%0A%7F%0D%0A" );                   /* CU-19 */
}

static void test_create_non_ascii(void)
{
    static WCHAR ligatureW[] = L"?text=\xfb00", ligature_pathW[] = L"/text=\xfb00";
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    DWORD len = count_of( buffer );
    BOOL ret;

    memset( &uc, 0, sizeof(uc) );
    uc.dwStructSize = sizeof(uc);
    uc.lpszExtraInfo = ligatureW;
    uc.dwExtraInfoLength = lstrlenW( ligatureW );
    check_create( &uc, 0, L"http://?text=\xfb00" );                                     /* CU-21 */
    SetLastError( STALE );
    ret = WinHttpCreateUrl( &uc, ICU_ESCAPE, buffer, &len );                            /* CU-20 */
    if (GetACP() == CP_UTF8) ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    else ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );

    uc.lpszExtraInfo = NULL;
    uc.dwExtraInfoLength = 0;
    uc.lpszUrlPath = ligature_pathW;
    uc.dwUrlPathLength = lstrlenW( ligature_pathW );
    check_create( &uc, 0, L"http:///text=\xfb00" );                                     /* CU-21 */
    if (GetACP() != CP_UTF8) check_create_error( &uc, ICU_ESCAPE, ERROR_INVALID_PARAMETER );
}

/* Documented for this function, where the rules have no example. */
static void test_create_flags(void)
{
    URL_COMPONENTS uc;

    fill_example( &uc );
    check_create_error( &uc, ICU_REJECT_USERPWD, ERROR_WINHTTP_INVALID_URL );
    uc.lpszPassword = NULL;
    uc.dwPasswordLength = 0;
    check_create_error( &uc, ICU_REJECT_USERPWD, ERROR_WINHTTP_INVALID_URL );
    uc.lpszUserName = NULL;
    uc.dwUserNameLength = 0;
    check_create( &uc, ICU_REJECT_USERPWD, L"http://www.example.net/dir/page?query" );

    /* A flag of the newest header file. Older systems ignore it, as all flags they do not know. */
    if (LOBYTE( LOWORD( GetVersion() ) ) >= 10)
    {
        WCHAR buffer[256];
        DWORD len = count_of( buffer );
        BOOL ret;

        ret = WinHttpCreateUrl( &uc, ICU_INCLUDE_DEFAULT_PORT, buffer, &len );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( !lstrcmpW( buffer, L"http://www.example.net:80/dir/page?query" )
            || broken( !lstrcmpW( buffer, L"http://www.example.net/dir/page?query" ) ) /* before feature 80 */,
            "got %ls\n", buffer );
    }
}

/* The flags for combining URLs have no documented use here; that they change nothing is a choice. */
static void test_create_ignores_flags_of_combining(void)
{
    static WCHAR dotsW[] = L"/a/../<";
    DWORD flags = ICU_NO_ENCODE | ICU_NO_META | ICU_ENCODE_SPACES_ONLY | ICU_BROWSER_MODE | ICU_ENCODE_PERCENT;
    URL_COMPONENTS uc;

    fill_example( &uc );
    uc.lpszUrlPath = dotsW;
    uc.dwUrlPathLength = lstrlenW( dotsW );
    check_create( &uc, flags, L"http://alice:s3cret@www.example.net/a/../<?query" );
}

/* A size that no URL has must not be added up to a small one. */
static void test_create_refuses_impossible_lengths(void)
{
    URL_COMPONENTS uc;

    fill_example( &uc );
    uc.dwHostNameLength = 0xfffffff0;
    check_create_error( &uc, 0, ERROR_INVALID_PARAMETER );      /* the code is a choice */
}

/* Cracking what was created gives the parts back. */
static void test_create_and_crack_agree(void)
{
    static const WCHAR *const urls[] =
    {
        L"http://alice:s3cret@www.example.net/dir/page?query", L"https://h/", L"http://h:42/a?b", L"http://[::1]:8080/x",
        L"https://u:@h/", L"http://h?x=y",
    };
    URL_COMPONENTS uc;
    WCHAR buffer[256];
    unsigned int i;
    DWORD len;
    BOOL ret;

    for (i = 0; i < count_of( urls ); i++)
    {
        memset( &uc, 0, sizeof(uc) );
        uc.dwStructSize = sizeof(uc);
        uc.dwSchemeLength = uc.dwHostNameLength = uc.dwUserNameLength = uc.dwPasswordLength = 1;
        uc.dwUrlPathLength = uc.dwExtraInfoLength = 1;
        ret = WinHttpCrackUrl( urls[i], 0, 0, &uc );
        ok( ret, "%ls: failed with %lu\n", urls[i], GetLastError() );
        /* a length of 0 with a pointer means a terminated string, which a part of a URL is not */
        if (!uc.dwPasswordLength && uc.lpszPassword) uc.lpszPassword = emptyW;
        if (!uc.dwUrlPathLength) uc.lpszUrlPath = NULL;
        if (!uc.dwExtraInfoLength) uc.lpszExtraInfo = NULL;
        len = count_of( buffer );
        ret = WinHttpCreateUrl( &uc, 0, buffer, &len );
        ok( ret && !lstrcmpW( buffer, urls[i] ), "%ls: got %d, %ls\n", urls[i], ret, buffer );
    }
}

START_TEST(create_url)
{
    test_create_rejects_bad_arguments();
    test_create_reports_the_size_it_needs();
    test_create_scheme_and_port();
    test_create_user_info();
    test_create_trusts_lengths();
    test_create_single_parts();
    test_create_escapes_path_and_extra_info();
    test_create_non_ascii();
    test_create_flags();
    test_create_ignores_flags_of_combining();
    test_create_refuses_impossible_lengths();
    test_create_and_crack_agree();
}
