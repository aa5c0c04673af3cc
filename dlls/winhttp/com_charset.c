/*
 * Names of charsets: from a Content-Type to a code page
 *
 * Numbers are those of Microsoft's list "Code Page Identifiers", but for pages that only MLang converts (the EUC and HZ
 * forms above 50000): there stands the page of the same characters that MultiByteToWideChar knows. Names are those of
 * the IANA registry and those that servers write instead.
 *
 * UTF-7 is missing on purpose: no server sends it, and an attacker who can name a charset could hide a script in it.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#endif

#include "com_charset.h"

#define MAX_DIGITS 5

struct charset
{
    const char *name;
    UINT        code_page;
};

static const struct charset charsets[] =    /* by code page */
{
    { "x-sjis",            932 },
    { "shift_jis",         932 },
    { "shift-jis",         932 },
    { "sjis",              932 },
    { "ms_kanji",          932 },
    { "windows-31j",       932 },
    { "gb2312",            936 },
    { "gb_2312-80",        936 },
    { "gbk",               936 },
    { "x-gbk",             936 },
    { "chinese",           936 },
    { "ks_c_5601-1987",    949 },
    { "ksc5601",           949 },
    { "euc-kr",            949 },
    { "korean",            949 },
    { "big5",              950 },
    { "big5-hkscs",        950 },
    { "x-x-big5",          950 },
    { "utf-16",            CHARSET_UTF16LE },
    { "utf-16le",          CHARSET_UTF16LE },
    { "unicode",           CHARSET_UTF16LE },
    { "utf-16be",          CHARSET_UTF16BE },
    { "macintosh",         10000 },
    { "x-mac-cyrillic",    10007 },
    { "us-ascii",          20127 },
    { "ascii",             20127 },
    { "koi8-r",            20866 },
    { "koi8",              20866 },
    { "euc-jp",            20932 },
    { "x-euc-jp",          20932 },
    { "koi8-u",            21866 },
    { "latin1",            28591 },
    { "l1",                28591 },
    { "iso-8859-8-i",      28598 },
    { "tis-620",           874 },
    { "iso-2022-jp",       50220 },
    { "iso-2022-kr",       50225 },
    { "gb18030",           54936 },
    { "utf-8",             65001 },
    { "utf8",              65001 },
    { "unicode-1-1-utf-8", 65001 },
};

/* A prefix and a number: the code page is the number and `base`. */
static const struct
{
    const char *prefix;
    UINT        base, lowest, highest;
}
families[] =
{
    { "windows-",  0,     37, 65001 },
    { "x-cp",      0,     37, 65001 },
    { "cp",        0,     37, 65001 },
    { "ibm",       0,     37, 65001 },
    { "iso-8859-", 28590, 1,  15 },
    { "iso_8859-", 28590, 1,  15 },
    { "iso8859-",  28590, 1,  15 },
};

static const UINT no_charsets[] = { 42 /* symbols */, 65000 /* UTF-7 */ };

static WCHAR ascii_lower( WCHAR c )
{
    return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/* Whether the first characters of a name are `text`; their number, else 0. */
static DWORD starts_with( const WCHAR *name, DWORD cch, const char *text )
{
    DWORD i;

    for (i = 0; text[i]; i++) if (i == cch || ascii_lower( name[i] ) != (unsigned char)text[i]) return 0;
    return i;
}

static BOOL parse_number( const WCHAR *digits, DWORD cch, UINT *number )
{
    DWORD i;

    if (!cch || cch > MAX_DIGITS) return FALSE;
    for (i = *number = 0; i < cch; i++)
    {
        if (digits[i] < '0' || digits[i] > '9') return FALSE;
        *number = *number * 10 + digits[i] - '0';
    }
    return TRUE;
}

static BOOL family_code_page( const WCHAR *name, DWORD cch, UINT *code_page )
{
    UINT number;
    DWORD i, len;

    for (i = 0; i < ARRAYSIZE( families ); i++)
    {
        if (!(len = starts_with( name, cch, families[i].prefix ))) continue;
        if (!parse_number( name + len, cch - len, &number )) continue;
        if (number < families[i].lowest || number > families[i].highest) return FALSE;
        *code_page = families[i].base + number;
        if (*code_page == 28601) *code_page = 874;      /* Thai: TIS 620 and a no-break space */
        for (i = 0; i < ARRAYSIZE( no_charsets ); i++) if (*code_page == no_charsets[i]) return FALSE;
        return TRUE;
    }
    return FALSE;
}

BOOL charset_code_page( const WCHAR *name, DWORD cch, UINT *code_page )
{
    DWORD i;

    for (i = 0; i < ARRAYSIZE( charsets ); i++)
    {
        if (!cch || starts_with( name, cch, charsets[i].name ) != cch) continue;
        *code_page = charsets[i].code_page;
        return TRUE;
    }
    return family_code_page( name, cch, code_page );
}

/*--- Content-Type --------------------------------------------------------------------------------------------------*/

static const WCHAR *skip_blanks( const WCHAR *pos )
{
    while (*pos == ' ' || *pos == '\t') pos++;
    return pos;
}

/* To the next semicolon that is not inside of a quoted string, or to the end. */
static const WCHAR *next_parameter( const WCHAR *pos )
{
    BOOL quoted = FALSE;

    for (; *pos && (quoted || *pos != ';'); pos++)
    {
        if (*pos == '"') quoted = !quoted;
        else if (quoted && *pos == '\\' && pos[1]) pos++;
    }
    return pos;
}

/* Where a value ends: at its own quote, else at the end of the parameter, without the blanks there. Single quotes are no
 * quotes in HTTP, but some servers think so. */
static const WCHAR *value_end( const WCHAR **start )
{
    const WCHAR *pos = *start, *end;

    if (*pos == '"' || *pos == '\'')
    {
        for (end = ++*start; *end && *end != *pos; end++) { }
        return end;
    }
    for (end = pos; *end && *end != ';' && *end != ',' && *end != ' ' && *end != '\t'; end++) { }
    return end;
}

BOOL charset_parameter( const WCHAR *content_type, const WCHAR **name, DWORD *cch )
{
    static const char keyword[] = "charset";
    const WCHAR *pos = next_parameter( content_type );

    while (*pos)
    {
        pos = skip_blanks( pos + 1 );
        if (starts_with( pos, sizeof(keyword) - 1, keyword ))
        {
            const WCHAR *value = skip_blanks( pos + sizeof(keyword) - 1 );

            if (*value == '=')
            {
                *name = skip_blanks( value + 1 );
                *cch = value_end( name ) - *name;
                return *cch != 0;
            }
        }
        pos = next_parameter( pos );
    }
    return FALSE;
}

/*--- byte order marks ----------------------------------------------------------------------------------------------*/

static const struct
{
    BYTE  bytes[3];
    DWORD len;
    UINT  code_page;
}
marks[] =
{
    { { 0xef, 0xbb, 0xbf }, 3, 65001 },
    { { 0xff, 0xfe },       2, CHARSET_UTF16LE },
    { { 0xfe, 0xff },       2, CHARSET_UTF16BE },
};

DWORD charset_mark( const BYTE *data, size_t len, UINT *code_page )
{
    DWORD i;

    for (i = 0; i < ARRAYSIZE( marks ); i++)
    {
        if (len < marks[i].len || memcmp( data, marks[i].bytes, marks[i].len )) continue;
        *code_page = marks[i].code_page;
        return marks[i].len;
    }
    return 0;
}
