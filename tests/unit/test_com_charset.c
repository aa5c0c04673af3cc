/*
 * Tests of com_charset.c: the charset of a Content-Type, names of charsets, byte order marks
 */

#include "check_charset.h"

/* The charset that a Content-Type names, with the last character before a guard page; "" if there is none. */
static const char *parameter( const WCHAR *field )
{
    static char text[64];
    const WCHAR *name;
    DWORD i, cch;
    WCHAR *copy = guard_copy( field, (lstrlenW( field ) + 1) * sizeof(WCHAR) );

    check_charset( copy );
    text[0] = 0;
    if (!charset_parameter( copy, &name, &cch )) return text;
    for (i = 0; i < cch && i < sizeof(text) - 1; i++) text[i] = name[i];
    text[i] = 0;
    return text;
}

#define has( field, name ) expect( !strcmp( parameter( field ), name ) )

static void test_the_parameter_is_found( void )
{
    has( L"text/html; charset=utf-8", "utf-8" );
    has( L"text/html;charset=utf-8", "utf-8" );
    has( L"text/html ; Charset = UTF-8 ", "UTF-8" );
    has( L"text/html;\tCHARSET=utf-8\t; x=y", "utf-8" );
    has( L"text/html; a=b; charset=koi8-r; c=d", "koi8-r" );
    has( L"text/html; charset=\"iso-8859-1\"", "iso-8859-1" );
    has( L"text/html; charset='utf-8'", "utf-8" );
    has( L"text/html; charset=utf-8, text/plain", "utf-8" );     /* two fields made one */
    has( L"; charset=x", "x" );
}

static void test_the_first_of_two_counts( void )
{
    has( L"text/html; charset=utf-8; charset=koi8-r", "utf-8" );
}

static void test_what_is_no_charset( void )
{
    has( L"", "" );
    has( L"text/html", "" );
    has( L"text/html; charset", "" );
    has( L"text/html; charset=", "" );
    has( L"text/html; charset=\"\"", "" );
    has( L"text/html; charset=;x=y", "" );
    has( L"text/html; charsets=utf-8", "" );
    has( L"text/html; xcharset=utf-8", "" );
    has( L"text/charset=utf-8", "" );
    has( L"charset=utf-8", "" );                /* that is the type, not a parameter */
    has( L"text/html;;;", "" );
}

/* A semicolon inside of quotes ends no parameter, so nothing behind it is taken for one. */
static void test_quoted_strings_are_skipped( void )
{
    has( L"multipart/mixed; boundary=\"x; charset=koi8-r\"; charset=utf-8", "utf-8" );
    has( L"multipart/mixed; boundary=\"x; charset=koi8-r\"", "" );
    has( L"multipart/mixed; boundary=\"\\\"; charset=koi8-r\"; charset=utf-8", "utf-8" );
    has( L"multipart/mixed; boundary=\"x; charset=utf-8", "" );       /* never closed */
    has( L"multipart/mixed; boundary=\"x\\", "" );
    has( L"text/html; charset=\"utf-8", "utf-8" );
}

static UINT code_page( const char *name )
{
    WCHAR wide[64];
    DWORD cch;
    UINT page = 0;

    for (cch = 0; name[cch]; cch++) wide[cch] = (unsigned char)name[cch];
    return charset_code_page( guard_copy( wide, cch * sizeof(WCHAR) ), cch, &page ) ? page : 0;
}

static void test_names( void )
{
    static const struct { const char *name; UINT page; } tests[] =
    {
        { "utf-8", 65001 }, { "UTF-8", 65001 }, { "utf8", 65001 }, { "Utf-8", 65001 },
        { "us-ascii", 20127 }, { "iso-8859-1", 28591 }, { "ISO_8859-1", 28591 }, { "latin1", 28591 },
        { "iso-8859-2", 28592 }, { "iso8859-5", 28595 }, { "iso-8859-15", 28605 }, { "iso-8859-11", 874 },
        { "windows-1252", 1252 }, { "Windows-1251", 1251 }, { "cp1251", 1251 }, { "x-cp1250", 1250 },
        { "ibm866", 866 }, { "cp866", 866 }, { "IBM037", 37 }, { "koi8-r", 20866 }, { "koi8-u", 21866 },
        { "shift_jis", 932 }, { "Shift_JIS", 932 }, { "windows-31j", 932 }, { "euc-jp", 20932 }, { "iso-2022-jp", 50220 },
        { "gb2312", 936 }, { "gbk", 936 }, { "gb18030", 54936 }, { "big5", 950 }, { "euc-kr", 949 },
        { "utf-16", CHARSET_UTF16LE }, { "utf-16le", CHARSET_UTF16LE }, { "UTF-16BE", CHARSET_UTF16BE },
        { "cp65001", 65001 },
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
        if (!expect( code_page( tests[i].name ) == tests[i].page ))
            fprintf( stderr, "  %s: %u\n", tests[i].name, code_page( tests[i].name ) );
}

static void test_names_that_stand_for_nothing( void )
{
    static const char * const names[] =
    {
        "", "u", "utf", "utf-", "utf-8x", "utf-88", "utf-7", "cp65000", "windows-65000", "cp42", "cp0", "cp1", "cp3", "cp",
        "windows-", "windows-1252x", "windows-00001252", "windows-99999", "iso-8859-0", "iso-8859-16", "iso-8859-99",
        "iso-8859-", "iso-8859-1x", "iso-8859", "x-user-defined", "none", "binary",
    };
    DWORD i;

    for (i = 0; i < ARRAYSIZE( names ); i++)
        if (!expect( !code_page( names[i] ) )) fprintf( stderr, "  %s: %u\n", names[i], code_page( names[i] ) );
}

/* A name is compared as characters, not as their low bytes. */
static void test_wide_characters_are_not_cut( void )
{
    static const WCHAR name[] = { 'u', 't', 'f', '-', 0x138 };
    UINT page;

    expect( !charset_code_page( name, ARRAYSIZE( name ), &page ) );
}

static DWORD mark( const char *bytes, DWORD len, UINT *page )
{
    *page = 0;
    return charset_mark( guard_copy( bytes, len ), len, page );
}

static void test_marks( void )
{
    UINT page;

    expect( mark( "\xef\xbb\xbfx", 4, &page ) == 3 && page == 65001 );
    expect( mark( "\xef\xbb\xbf", 3, &page ) == 3 && page == 65001 );
    expect( mark( "\xff\xfex", 3, &page ) == 2 && page == CHARSET_UTF16LE );
    expect( mark( "\xfe\xff", 2, &page ) == 2 && page == CHARSET_UTF16BE );
    expect( !mark( "\xef\xbb", 2, &page ) && !page );
    expect( !mark( "\xff", 1, &page ) && !page );
    expect( !mark( "", 0, &page ) && !page );
    expect( !mark( "text", 4, &page ) && !page );
}

int main( void )
{
    run( test_the_parameter_is_found );
    run( test_the_first_of_two_counts );
    run( test_what_is_no_charset );
    run( test_quoted_strings_are_skipped );
    run( test_names );
    run( test_names_that_stand_for_nothing );
    run( test_wide_characters_are_not_cut );
    run( test_marks );
    return test_end( "com_charset" );
}
