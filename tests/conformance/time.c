/*
 * WinHttpTimeFromSystemTime, WinHttpTimeToSystemTime, WinHttpCheckPlatform
 *
 * Rules: windows-behaviour.md section 17 (D-1 to D-3).
 */
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"

#define count_of( array ) (sizeof(array) / sizeof((array)[0]))
#define STALE 0xdeadbeef

static const SYSTEMTIME momentW = { 2017, 3, 2, 14, 9, 8, 7, 0 };

static void test_time_is_written_in_the_fixed_form(void)
{
    WCHAR buffer[WINHTTP_TIME_FORMAT_BUFSIZE / sizeof(WCHAR) + 1];
    BOOL ret;

    memset( buffer, 0x55, sizeof(buffer) );
    SetLastError( STALE );
    ret = WinHttpTimeFromSystemTime( &momentW, buffer );    /* D-1 */
    ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
    ok( !lstrcmpW( buffer, L"Tue, 14 Mar 2017 09:08:07 GMT" ), "got %ls\n", buffer );
    ok( buffer[count_of( buffer ) - 1] == 0x5555, "written behind WINHTTP_TIME_FORMAT_BUFSIZE\n" );

    SetLastError( STALE );
    ret = WinHttpTimeFromSystemTime( NULL, buffer );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpTimeFromSystemTime( &momentW, NULL );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
}

static void test_time_forms_are_read(void)
{
    static const WCHAR *const forms[] =
    {
        L"Tue, 14 Mar 2017 09:08:07 GMT\n",     /* D-3 */
        L" tue 14 mar 2017 09 08 07\n",         /* D-3 */
        L"Tue, 14 Mar 2017 09:08:07 GMT",
        /* RFC 2616 section 3.3.1 obliges every reader of HTTP dates to accept these; that Windows does is a choice */
        L"Tuesday, 14-Mar-17 09:08:07 GMT",
        L"Tue Mar 14 09:08:07 2017",
    };
    unsigned int i;

    for (i = 0; i < count_of( forms ); i++)
    {
        SYSTEMTIME st;
        BOOL ret;

        memset( &st, 0x55, sizeof(st) );
        SetLastError( STALE );
        ret = WinHttpTimeToSystemTime( forms[i], &st );     /* D-2 */
        ok( ret && !GetLastError(), "%u: got %d, error %lu\n", i, ret, GetLastError() );
        ok( !memcmp( &st, &momentW, sizeof(st) ), "%u: got %u-%u-%u (%u) %u:%u:%u.%u\n", i, st.wYear, st.wMonth,
            st.wDay, st.wDayOfWeek, st.wHour, st.wMinute, st.wSecond, st.wMilliseconds );
    }
}

static void test_time_rejects_null(void)
{
    SYSTEMTIME st;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpTimeToSystemTime( NULL, &st );             /* D-2 */
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpTimeToSystemTime( L"Tue, 14 Mar 2017 09:08:07 GMT", NULL );
    ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
}

static void test_time_survives_a_round_trip(void)
{
    /* ends of the day, of months, of leap years */
    static const SYSTEMTIME moments[] =
    {
        { 1970, 1, 4, 1, 0, 0, 0, 0 }, { 2000, 2, 2, 29, 23, 59, 59, 0 }, { 2038, 1, 2, 19, 3, 14, 8, 0 },
        { 1999, 12, 5, 31, 23, 59, 59, 0 }, { 9999, 12, 5, 31, 12, 0, 0, 0 },
    };
    unsigned int i;

    for (i = 0; i < count_of( moments ); i++)
    {
        WCHAR buffer[WINHTTP_TIME_FORMAT_BUFSIZE / sizeof(WCHAR)];
        SYSTEMTIME st;
        BOOL ret;

        ret = WinHttpTimeFromSystemTime( &moments[i], buffer );
        ok( ret, "%u: failed with %lu\n", i, GetLastError() );
        ret = WinHttpTimeToSystemTime( buffer, &st );
        ok( ret, "%u: failed with %lu\n", i, GetLastError() );
        ok( !memcmp( &st, &moments[i], sizeof(st) ), "%u: %ls reads differently\n", i, buffer );
    }
}

static void test_platform_is_supported(void)
{
    ok( WinHttpCheckPlatform(), "the platform is not supported\n" );
}

START_TEST(time)
{
    test_time_is_written_in_the_fixed_form();
    test_time_forms_are_read();
    test_time_rejects_null();
    test_time_survives_a_round_trip();
    test_platform_is_supported();
}
