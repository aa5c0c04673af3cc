/*
 * HTTP dates: WinHttpTimeFromSystemTime, WinHttpTimeToSystemTime
 *
 * A date is read as words and numbers; what stands between them only separates (windows-behaviour D-3). The place of
 * the month tells asctime's order (month, day, time, year) from the others' (day, month, year, time).
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#include "wine/debug.h"
WINE_DEFAULT_DEBUG_CHANNEL(winhttp);
#endif

#include "http_time.h"

#define NUMBERS_MAX 6        /* day, year, hour, minute, second, and an offset, which must be zero */

static const char week_days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date_reader
{
    unsigned int numbers[NUMBERS_MAX], digits[NUMBERS_MAX], count;
    unsigned int month;              /* 0 = not seen */
    BOOL         month_first;
};

static BOOL is_digit( WCHAR c )
{
    return c >= '0' && c <= '9';
}

static BOOL is_letter( WCHAR c )
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80;
}

/* Which three-letter name the word begins with: 1 for the first, 0 for none. */
static unsigned int find_name( const char *names, unsigned int count, const WCHAR *word, DWORD cch )
{
    unsigned int i, j;

    if (cch < 3) return 0;
    for (i = 0; i < count; i++)
    {
        for (j = 0; j < 3 && (word[j] | 0x20) == (names[i * 3 + j] | 0x20); j++) ;
        if (j == 3) return i + 1;
    }
    return 0;
}

static BOOL is_word( const WCHAR *word, DWORD cch, const char *name )
{
    DWORD i;

    if (cch != strlen( name )) return FALSE;
    for (i = 0; i < cch; i++) if ((word[i] | 0x20) != (name[i] | 0x20)) return FALSE;
    return TRUE;
}

/* A month, a week day or a zone that is the same everywhere; any other word makes the text something else. */
static BOOL read_word( struct date_reader *reader, const WCHAR *word, DWORD cch )
{
    unsigned int month = find_name( months, 12, word, cch );

    if (month && !reader->month)
    {
        reader->month = month;
        reader->month_first = !reader->count;
        return TRUE;
    }
    return find_name( week_days, 7, word, cch ) || is_word( word, cch, "GMT" ) || is_word( word, cch, "UTC" ) ||
           is_word( word, cch, "Z" );
}

static BOOL read_number( struct date_reader *reader, const WCHAR *text, DWORD cch )
{
    unsigned int value = 0;
    DWORD i;

    if (reader->count == NUMBERS_MAX || cch > 5) return FALSE;
    for (i = 0; i < cch; i++) value = value * 10 + text[i] - '0';
    reader->numbers[reader->count] = value;
    reader->digits[reader->count++] = cch;
    return TRUE;
}

static BOOL read_tokens( struct date_reader *reader, const WCHAR *text, const WCHAR *end )
{
    const WCHAR *start;

    while (text < end)
    {
        start = text;
        if (is_digit( *text ))
        {
            while (text < end && is_digit( *text )) text++;
            if (!read_number( reader, start, text - start )) return FALSE;
        }
        else if (is_letter( *text ))
        {
            while (text < end && is_letter( *text )) text++;
            if (!read_word( reader, start, text - start )) return FALSE;
        }
        else text++;
    }
    return TRUE;
}

/* RFC 6265: a year of two digits is one of 1970 to 2069. */
static unsigned int full_year( unsigned int year, unsigned int digits )
{
    if (digits > 2) return year;
    return year + (year < 70 ? 2000 : 1900);
}

static unsigned int days_in_month( unsigned int month, unsigned int year )
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    BOOL leap = !(year % 4) && (year % 100 || !(year % 400));

    return days[month - 1] + (month == 2 && leap);
}

/* Sakamoto's method: months count from March, so that the leap day comes last. */
static unsigned int week_day( unsigned int year, unsigned int month, unsigned int day )
{
    static const unsigned char shift[] = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 };

    if (month < 3) year--;
    return (year + year / 4 - year / 100 + year / 400 + shift[month - 1] + day) % 7;
}

BOOL time_parse( SYSTEMTIME *time, const WCHAR *text, DWORD cch )
{
    struct date_reader reader;
    const unsigned int *clock, *numbers = reader.numbers;
    unsigned int year, year_at;

    memset( &reader, 0, sizeof(reader) );
    if (!read_tokens( &reader, text, text + cch ) || !reader.month) return FALSE;
    if (reader.count != 2 && reader.count < 4) return FALSE;
    if (reader.count == NUMBERS_MAX && numbers[NUMBERS_MAX - 1]) return FALSE;

    /* asctime puts the year behind the time of day; hour and minute belong together, the second may be missing */
    year_at = !reader.month_first ? 1 : reader.count == NUMBERS_MAX ? NUMBERS_MAX - 2 : reader.count - 1;
    clock = numbers + (reader.month_first ? 1 : 2);
    year = full_year( numbers[year_at], reader.digits[year_at] );
    if (year < 1601 || year > 30827 || !numbers[0] || numbers[0] > days_in_month( reader.month, year )) return FALSE;

    if (reader.count == 2) clock = reader.numbers + 3;      /* none given, these are zero */
    else if (clock[0] > 23 || clock[1] > 59 || (reader.count > 4 && clock[2] > 60)) return FALSE;

    time->wYear = year;
    time->wMonth = reader.month;
    time->wDay = numbers[0];
    time->wDayOfWeek = week_day( year, reader.month, numbers[0] );
    time->wHour = clock[0];
    time->wMinute = clock[1];
    time->wSecond = reader.count > 4 ? clock[2] : 0;
    if (time->wSecond == 60) time->wSecond = 59;            /* SYSTEMTIME knows no leap seconds */
    time->wMilliseconds = 0;
    return TRUE;
}

static WCHAR *put_name( WCHAR *dst, const char *names, unsigned int index )
{
    unsigned int i;

    for (i = 0; i < 3; i++) *dst++ = names[index * 3 + i];
    return dst;
}

static WCHAR *put_ascii( WCHAR *dst, const char *text )
{
    while (*text) *dst++ = *text++;
    return dst;
}

static WCHAR *put_number( WCHAR *dst, unsigned int value, unsigned int digits )
{
    unsigned int i;

    for (i = digits; i--; value /= 10) dst[i] = '0' + value % 10;
    return dst + digits;
}

DWORD time_print( const SYSTEMTIME *time, WCHAR text[TIME_TEXT_CCH] )
{
    WCHAR *dst = text;

    if (time->wDayOfWeek > 6 || !time->wMonth || time->wMonth > 12 || !time->wDay || time->wDay > 31) return 0;
    if (time->wHour > 23 || time->wMinute > 59 || time->wSecond > 59) return 0;

    dst = put_ascii( put_name( dst, week_days, time->wDayOfWeek ), ", " );
    dst = put_ascii( put_number( dst, time->wDay, 2 ), " " );
    dst = put_ascii( put_name( dst, months, time->wMonth - 1 ), " " );
    dst = put_ascii( put_number( dst, time->wYear, time->wYear > 9999 ? 5 : 4 ), " " );
    dst = put_ascii( put_number( dst, time->wHour, 2 ), ":" );
    dst = put_ascii( put_number( dst, time->wMinute, 2 ), ":" );
    dst = put_ascii( put_number( dst, time->wSecond, 2 ), " GMT" );
    *dst = 0;
    return dst - text;
}

BOOL WINAPI WinHttpTimeFromSystemTime( const SYSTEMTIME *time, LPWSTR text )
{
    DWORD err = 0;

    TRACE( "%p, %p\n", time, text );

    if (!time || !text || !time_print( time, text )) err = ERROR_INVALID_PARAMETER;
    SetLastError( err );
    return !err;
}

BOOL WINAPI WinHttpTimeToSystemTime( LPCWSTR text, SYSTEMTIME *time )
{
    DWORD err = 0;

    TRACE( "%p, %p\n", text, time );

    /* Text that is no date: the only other error that the documentation names. */
    if (!text || !time) err = ERROR_INVALID_PARAMETER;
    else if (!time_parse( time, text, wcslen( text ) )) err = ERROR_WINHTTP_INTERNAL_ERROR;
    SetLastError( err );
    return !err;
}
