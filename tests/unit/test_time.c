/*
 * Tests of time.c: HTTP dates
 */

#include "test.h"
#include "win_shim.h"
#include "http_time.h"

static BOOL parse( const WCHAR *text, SYSTEMTIME *time )
{
    DWORD cch = lstrlenW( text );

    memset( time, 0xcc, sizeof(*time) );
    return time_parse( time, guard_copy( text, cch * sizeof(WCHAR) ), cch );
}

static void expect_time( const WCHAR *text, WORD year, WORD month, WORD week_day, WORD day, WORD hour, WORD minute, WORD second )
{
    SYSTEMTIME time;

    if (!expect( parse( text, &time ) )) return;
    expect( time.wYear == year && time.wMonth == month && time.wDayOfWeek == week_day && time.wDay == day );
    expect( time.wHour == hour && time.wMinute == minute && time.wSecond == second && !time.wMilliseconds );
}

static void expect_no_time( const WCHAR *text )
{
    SYSTEMTIME time;

    expect( !parse( text, &time ) && time.wYear == 0xcccc );
}

/* D-1 */
static void test_from_system_time(void)
{
    SYSTEMTIME time = { 2017, 3, 2, 14, 9, 8, 7, 6 };
    WCHAR text[TIME_TEXT_CCH];

    SetLastError( 1 );
    expect( !WinHttpTimeFromSystemTime( NULL, text ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( !WinHttpTimeFromSystemTime( &time, NULL ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( WinHttpTimeFromSystemTime( &time, text ) && !GetLastError() );
    expect( !memcmp( text, L"Tue, 14 Mar 2017 09:08:07 GMT", 60 ) );
    time.wYear = 30827;
    expect( time_print( &time, text ) == 30 && !text[30] );
}

/* a choice: a structure that is no time is an invalid parameter */
static void test_from_broken_system_time(void)
{
    static const SYSTEMTIME times[] =
    {
        { 2017, 0, 2, 14, 9, 8, 7, 0 }, { 2017, 13, 2, 14, 9, 8, 7, 0 }, { 2017, 3, 7, 14, 9, 8, 7, 0 }, { 2017, 3, 2, 0, 9, 8, 7, 0 },
        { 2017, 3, 2, 32, 9, 8, 7, 0 }, { 2017, 3, 2, 14, 24, 8, 7, 0 }, { 2017, 3, 2, 14, 9, 60, 7, 0 }, { 2017, 3, 2, 14, 9, 8, 60, 0 },
    };
    WCHAR text[TIME_TEXT_CCH];
    DWORD i;

    for (i = 0; i < ARRAYSIZE( times ); i++)
        expect( !WinHttpTimeFromSystemTime( &times[i], text ) && GetLastError() == ERROR_INVALID_PARAMETER );
}

/* D-2, D-3 */
static void test_to_system_time(void)
{
    SYSTEMTIME time;

    SetLastError( 1 );
    expect( !WinHttpTimeToSystemTime( NULL, &time ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( !WinHttpTimeToSystemTime( L"x", NULL ) && GetLastError() == ERROR_INVALID_PARAMETER );
    expect( WinHttpTimeToSystemTime( L"Tue, 14 Mar 2017 09:08:07 GMT\n", &time ) && !GetLastError() );
    expect( time.wHour == 9 );
    expect( !WinHttpTimeToSystemTime( L"x", &time ) && GetLastError() == ERROR_WINHTTP_INTERNAL_ERROR );     /* a choice */
}

/* D-3 */
static void test_fixed_and_loose_form(void)
{
    expect_time( L"Tue, 14 Mar 2017 09:08:07 GMT\n", 2017, 3, 2, 14, 9, 8, 7 );
    expect_time( L" tue 14 mar 2017 09 08 07\n", 2017, 3, 2, 14, 9, 8, 7 );
}

/* RFC 2616 section 3.3.1, and what cookies bring */
static void test_other_forms(void)
{
    expect_time( L"Sunday, 06-Nov-94 08:49:37 GMT", 1994, 11, 0, 6, 8, 49, 37 );
    expect_time( L"Sun Nov  6 08:49:37 1994", 1994, 11, 0, 6, 8, 49, 37 );
    expect_time( L"Sun Nov  6 08:49 1994", 1994, 11, 0, 6, 8, 49, 0 );
    expect_time( L"Sun, 06 November 1994 08:49:37 UTC", 1994, 11, 0, 6, 8, 49, 37 );
    expect_time( L"06-Nov-69 08:49:37 GMT", 2069, 11, 3, 6, 8, 49, 37 );
    expect_time( L"06-Nov-70 08:49:37 GMT", 1970, 11, 5, 6, 8, 49, 37 );
    expect_time( L"6 Nov 1994", 1994, 11, 0, 6, 0, 0, 0 );
    expect_time( L"Nov 6 1994", 1994, 11, 0, 6, 0, 0, 0 );
    expect_time( L"29 Feb 2000 23:59:60 GMT", 2000, 2, 2, 29, 23, 59, 59 );
    expect_time( L"31 Dec 9999 23:59:59 +0000", 9999, 12, 5, 31, 23, 59, 59 );
}

static void test_what_is_no_date(void)
{
    expect_no_time( L"" );
    expect_no_time( L"0" );
    expect_no_time( L"-1" );
    expect_no_time( L"Tue" );
    expect_no_time( L"14 Mar" );
    expect_no_time( L"Mar" );
    expect_no_time( L"14 3 2017 09:08:07" );
    expect_no_time( L"32 Jan 2017 09:08:07" );
    expect_no_time( L"0 Jan 2017 09:08:07" );
    expect_no_time( L"29 Feb 1900 09:08:07" );
    expect_no_time( L"30 Feb 2000 09:08:07" );
    expect_no_time( L"1 Jan 1600 09:08:07" );
    expect_no_time( L"1 Jan 99999 09:08:07" );
    expect_no_time( L"1 Jan 123456 09:08:07" );
    expect_no_time( L"1 Jan 2017 24:08:07" );
    expect_no_time( L"1 Jan 2017 09:60:07" );
    expect_no_time( L"1 Jan 2017 09:08:61" );
    expect_no_time( L"1 Jan 2017 09:08:07 +0100" );      /* better none than a wrong one */
    expect_no_time( L"1 Jan 2017 09:08:07 PST" );
    expect_no_time( L"1 Jan 2017 09:08:07 1 2" );
    expect_no_time( L"1 Jan 2017 09" );
    expect_no_time( L"words that are no date at all" );
}

static void test_every_day_reads_back(void)
{
    SYSTEMTIME time = { 1999, 12, 5, 31, 1, 2, 3, 0 }, back;
    WCHAR text[TIME_TEXT_CCH];
    unsigned int day, week_day = 5;

    for (day = 1; day <= 365 * 8; day++)
    {
        time.wDayOfWeek = week_day++ % 7;
        time_print( &time, text );
        expect( parse( text, &back ) && !memcmp( &time, &back, sizeof(time) ) );
        time.wDay++;
        time_print( &time, text );
        if (time.wDay <= 31 && parse( text, &back )) continue;
        time.wDay = 1;
        if (++time.wMonth == 13)
        {
            time.wMonth = 1;
            time.wYear++;
        }
    }
    expect( time.wYear == 2007 );
}

int main(void)
{
    run( test_from_system_time );
    run( test_from_broken_system_time );
    run( test_to_system_time );
    run( test_fixed_and_loose_form );
    run( test_other_forms );
    run( test_what_is_no_date );
    run( test_every_day_reads_back );
    return test_end( "time" );
}
