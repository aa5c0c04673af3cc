/*
 * Proxy scripts: weekdayRange, dateRange and timeRange, at moments that the test chooses
 *
 * The script puts another Date in the place of the engine's. Where the helper functions do not look at that one (they need
 * not) nothing can be said about moments, and the test is skipped. Source: behaviour-concepts.md section 4.7, and
 * Netscape's description of the three; that ranges may go over midnight, Sunday and New Year is a choice.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"

/* 2024-01-07 was a Sunday; months count from 0, as in JScript. Each moment is both this zone's and, for expressions with
 * GMT, Greenwich's. */
static const struct { const char *moment, *expression; BOOL expected; } rows[] =
{
    { "2024, 0, 7, 12, 0, 0",    "weekdayRange('SUN')",                   TRUE },
    { "2024, 0, 7, 12, 0, 0",    "weekdayRange('MON')",                   FALSE },
    { "2024, 0, 7, 12, 0, 0",    "weekdayRange('sun')",                   TRUE },
    { "2024, 0, 7, 0, 0, 0",     "weekdayRange('SUN', 'GMT')",            TRUE },
    { "2024, 0, 6, 23, 59, 59",  "weekdayRange('SUN', 'GMT')",            FALSE },
    { "2024, 0, 8, 12, 0, 0",    "weekdayRange('MON', 'FRI')",            TRUE },
    { "2024, 0, 12, 12, 0, 0",   "weekdayRange('MON', 'FRI')",            TRUE },
    { "2024, 0, 13, 12, 0, 0",   "weekdayRange('MON', 'FRI')",            FALSE },
    { "2024, 0, 12, 12, 0, 0",   "weekdayRange('FRI', 'MON')",            TRUE },
    { "2024, 0, 7, 12, 0, 0",    "weekdayRange('FRI', 'MON')",            TRUE },
    { "2024, 0, 8, 12, 0, 0",    "weekdayRange('FRI', 'MON')",            TRUE },
    { "2024, 0, 9, 12, 0, 0",    "weekdayRange('FRI', 'MON')",            FALSE },
    { "2024, 0, 13, 23, 59, 59", "weekdayRange('SAT', 'SUN', 'GMT')",     TRUE },
    { "2024, 0, 15, 0, 0, 0",    "weekdayRange('SAT', 'SUN', 'GMT')",     FALSE },

    { "2023, 11, 31, 23, 59, 59", "dateRange(31)",                        TRUE },
    { "2024, 0, 1, 0, 0, 0",      "dateRange(31)",                        FALSE },
    { "2024, 0, 1, 0, 0, 0",      "dateRange(1, 'GMT')",                  TRUE },
    { "2024, 5, 15, 12, 0, 0",    "dateRange(15, 20)",                    TRUE },
    { "2024, 5, 14, 23, 59, 59",  "dateRange(15, 20)",                    FALSE },
    { "2024, 5, 30, 12, 0, 0",    "dateRange(25, 5)",                     TRUE },
    { "2024, 5, 5, 12, 0, 0",     "dateRange(25, 5)",                     TRUE },
    { "2024, 5, 6, 12, 0, 0",     "dateRange(25, 5)",                     FALSE },
    { "2023, 11, 31, 12, 0, 0",   "dateRange('DEC')",                     TRUE },
    { "2023, 11, 31, 12, 0, 0",   "dateRange('DEC', 'JAN')",              TRUE },
    { "2024, 0, 31, 12, 0, 0",    "dateRange('DEC', 'JAN')",              TRUE },
    { "2024, 1, 1, 0, 0, 0",      "dateRange('DEC', 'JAN')",              FALSE },
    { "2023, 10, 30, 23, 59, 59", "dateRange('DEC', 'JAN', 'GMT')",       FALSE },
    { "2024, 5, 1, 0, 0, 0",      "dateRange('JAN', 'MAR')",              FALSE },
    { "2024, 2, 31, 23, 59, 59",  "dateRange('JAN', 'MAR')",              TRUE },
    { "2024, 5, 1, 0, 0, 0",      "dateRange(2024)",                      TRUE },
    { "2023, 11, 31, 23, 59, 59", "dateRange(2024, 'GMT')",               FALSE },
    { "2025, 0, 1, 0, 0, 0",      "dateRange(2023, 2024)",                FALSE },
    { "2023, 0, 1, 0, 0, 0",      "dateRange(2023, 2024)",                TRUE },
    { "2024, 11, 24, 0, 0, 0",    "dateRange(24, 'DEC', 2, 'JAN')",       TRUE },
    { "2024, 11, 23, 23, 59, 59", "dateRange(24, 'DEC', 2, 'JAN')",       FALSE },
    { "2025, 0, 2, 23, 59, 59",   "dateRange(24, 'DEC', 2, 'JAN')",       TRUE },
    { "2025, 0, 3, 0, 0, 0",      "dateRange(24, 'DEC', 2, 'JAN')",       FALSE },
    { "2024, 1, 29, 12, 0, 0",    "dateRange(29, 'FEB', 29, 'FEB')",      TRUE },
    { "2023, 1, 28, 12, 0, 0",    "dateRange(29, 'FEB', 29, 'FEB')",      FALSE },
    { "2024, 1, 29, 12, 0, 0",    "dateRange('JUN', 2023, 'FEB', 2024)",  TRUE },
    { "2024, 2, 1, 0, 0, 0",      "dateRange('JUN', 2023, 'FEB', 2024)",  FALSE },
    { "2023, 4, 31, 23, 59, 59",  "dateRange('JUN', 2023, 'FEB', 2024)",  FALSE },
    { "2023, 11, 31, 23, 59, 59", "dateRange(1, 'JAN', 2023, 31, 'DEC', 2023)",        TRUE },
    { "2024, 0, 1, 0, 0, 0",      "dateRange(1, 'JAN', 2023, 31, 'DEC', 2023)",        FALSE },
    { "2024, 0, 1, 0, 0, 0",      "dateRange(31, 'DEC', 2023, 1, 'JAN', 2024, 'GMT')", TRUE },
    { "2024, 0, 2, 0, 0, 0",      "dateRange(31, 'DEC', 2023, 1, 'JAN', 2024, 'GMT')", FALSE },

    { "2024, 0, 7, 12, 59, 59",   "timeRange(12)",                        TRUE },
    { "2024, 0, 7, 13, 0, 0",     "timeRange(12)",                        FALSE },
    { "2024, 0, 7, 0, 0, 0",      "timeRange(0, 'GMT')",                  TRUE },
    { "2024, 0, 7, 9, 0, 0",      "timeRange(9, 17)",                     TRUE },
    { "2024, 0, 7, 8, 59, 59",    "timeRange(9, 17)",                     FALSE },
    { "2024, 0, 7, 23, 0, 0",     "timeRange(22, 6)",                     TRUE },
    { "2024, 0, 7, 0, 0, 0",      "timeRange(22, 6)",                     TRUE },
    { "2024, 0, 7, 5, 59, 59",    "timeRange(22, 6)",                     TRUE },
    { "2024, 0, 7, 7, 0, 0",      "timeRange(22, 6)",                     FALSE },
    { "2024, 0, 7, 21, 59, 59",   "timeRange(22, 6, 'GMT')",              FALSE },
    { "2024, 0, 7, 23, 59, 59",   "timeRange(8, 24)",                     TRUE },
    { "2024, 0, 7, 7, 59, 59",    "timeRange(8, 24)",                     FALSE },
    { "2024, 0, 7, 8, 29, 59",    "timeRange(8, 30, 17, 0)",              FALSE },
    { "2024, 0, 7, 8, 30, 0",     "timeRange(8, 30, 17, 0)",              TRUE },
    { "2024, 0, 7, 17, 0, 0",     "timeRange(8, 30, 17, 0)",              TRUE },
    { "2024, 0, 7, 17, 1, 0",     "timeRange(8, 30, 17, 0)",              FALSE },
    { "2024, 0, 7, 23, 59, 58",   "timeRange(23, 59, 59, 0, 0, 1)",       FALSE },
    { "2024, 0, 7, 23, 59, 59",   "timeRange(23, 59, 59, 0, 0, 1)",       TRUE },
    { "2024, 0, 8, 0, 0, 1",      "timeRange(23, 59, 59, 0, 0, 1, 'GMT')", TRUE },
    { "2024, 0, 8, 0, 0, 2",      "timeRange(23, 59, 59, 0, 0, 1)",       FALSE },

    /* what makes no sense is in no range */
    { "2024, 0, 7, 12, 0, 0",     "weekdayRange()",                       FALSE },
    { "2024, 0, 7, 12, 0, 0",     "weekdayRange('GMT')",                  FALSE },
    { "2024, 0, 7, 12, 0, 0",     "weekdayRange('SUNDAY')",               FALSE },
    { "2024, 0, 7, 12, 0, 0",     "weekdayRange('SUN', 'SON')",           FALSE },
    { "2024, 0, 7, 12, 0, 0",     "dateRange()",                          FALSE },
    { "2024, 0, 7, 12, 0, 0",     "dateRange(0)",                         FALSE },
    { "2024, 0, 7, 12, 0, 0",     "dateRange('JAN', 7)",                  FALSE },
    { "2024, 0, 7, 12, 0, 0",     "dateRange(1, 'JAN', 2024)",            FALSE },
    { "2024, 0, 7, 12, 0, 0",     "timeRange()",                          FALSE },
    { "2024, 0, 7, 12, 0, 0",     "timeRange(0, 25)",                     FALSE },
    { "2024, 0, 7, 12, 0, 0",     "timeRange(-1, 23)",                    FALSE },
    { "2024, 0, 7, 12, 0, 0",     "timeRange(0, 0, 23, 60)",              FALSE },
    { "2024, 0, 7, 12, 0, 0",     "timeRange('noon')",                    FALSE },
};

/* The first check is whether the helpers look at the script's Date at all. */
static void make_script( char *script )
{
    unsigned int i;

    script += sprintf( script, PAC_200
        "var Real = Date, now;\n"
        "Date = function() { return new Real(now); };\n"
        "function FindProxyForURL(url, host) { return 'PROXY ' + checks[host.substring(5)]() + ':1'; }\n"
        "var checks = [ function() { now = new Real(1975, 0, 1).getTime(); return dateRange(1975); }" );
    for (i = 0; i < count_of( rows ); i++)
        script += sprintf( script, ",\nfunction() { now = %s(%s)%s; return %s; }",
                           strstr( rows[i].expression, "GMT" ) ? "Real.UTC" : "new Real", rows[i].moment,
                           strstr( rows[i].expression, "GMT" ) ? "" : ".getTime()", rows[i].expression );
    sprintf( script, " ];\n" );
}

START_TEST( pac_time )
{
    static char response[32768];
    const struct step steps[] = { HEAD, SEND( response ), END };
    HINTERNET session = pac_session();
    struct server *server;
    WCHAR script[64], url[64], text[64];
    unsigned int i;
    DWORD err;

    make_script( response );
    server = server_start_each( steps );
    pac_make_url( server, script );
    err = pac_text( session, L"http://check0/", 0, script, text, count_of( text ) );
    ok( !err, "error %lu\n", err );
    if (lstrcmpW( text, L"true:1" )) skip( "the helper functions have a clock of their own: %ls\n", text );
    else for (i = 0; i < count_of( rows ); i++)
    {
        wsprintfW( url, L"http://check%u/", i + 1 );
        err = pac_text( session, url, 0, script, text, count_of( text ) );
        ok( !err && !lstrcmpW( text, rows[i].expected ? L"true:1" : L"false:1" ), "at %s, %s: error %lu, %ls\n", rows[i].moment,
            rows[i].expression, err, text );
    }
    WinHttpCloseHandle( session );
    server_stop( server );
}
