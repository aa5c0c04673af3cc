/*
 * Tests of header_query.c: WinHttpQueryHeaders and WinHttpQueryHeadersEx behind their handle checks
 */

#include "check_headers.h"
#include "hooks.h"

static const char response[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Length: 42\r\n"
    "Set-Cookie: a=1\r\n"
    "SpaceAfter  :   bad\r\n"
    "Set-Cookie: b=2\r\n"
    "Last-Modified: Tue, 14 Mar 2017 09:08:07 GMT\r\n"
    "Accept: none\r\n"
    "Big: 5000000000\r\n"
    "Caf: \xe9\r\n"
    "\r\n";

static struct headers list;
static struct status_line line;
static struct header_source source;

static void open_response( const char *head )
{
    headers_init( &list );
    expect( !headers_parse( &list, &line, head, strlen( head ) ) );
    source.list = &list;
    source.line = &line;
    source.verb = L"POST";
    source.target = L"/p?q";
    source.version = L"HTTP/1.1";
    source.is_request = FALSE;
    check_list( &list, &line );
}

static void close_response(void)
{
    headers_clear( &list );
}

/* for one query */
static void expect_text( DWORD level, const WCHAR *name, const WCHAR *expected )
{
    DWORD len = lstrlenW( expected ) * sizeof(WCHAR), size, i;
    WCHAR buffer[512];

    memset( buffer, 0xcc, sizeof(buffer) );
    size = len;
    expect( header_query( &source, level, name, buffer, &size, NULL ) == ERROR_INSUFFICIENT_BUFFER && size == len + 2 );
    for (i = 0; i < ARRAYSIZE( buffer ); i++) expect( buffer[i] == 0xcccc );
    size = 5000;
    expect( header_query( &source, level, name, NULL, &size, NULL ) == ERROR_INSUFFICIENT_BUFFER && size == len + 2 );
    expect( !header_query( &source, level, name, buffer, &size, NULL ) && size == len );
    expect( !memcmp( buffer, expected, len + 2 ) );
    memset( buffer, 0xcc, sizeof(buffer) );
    size = len + 3;
    expect( !header_query( &source, level, name, (char *)buffer + 1, &size, NULL ) && size == len );      /* unaligned */
    expect( !memcmp( (char *)buffer + 1, expected, len + 2 ) );
}

static void expect_error( DWORD level, const WCHAR *name, DWORD err )
{
    WCHAR buffer[512];
    DWORD size = sizeof(buffer), index = 0;

    memset( buffer, 0xcc, sizeof(buffer) );
    expect( header_query( &source, level, name, buffer, &size, &index ) == err );
    expect( size == sizeof(buffer) && !index && buffer[0] == 0xcccc );
}

/* */
static void test_text_queries(void)
{
    open_response( response );
    expect_text( WINHTTP_QUERY_CONTENT_LENGTH, L"ignored", L"42" );
    expect_text( WINHTTP_QUERY_SET_COOKIE, NULL, L"a=1" );
    expect_text( WINHTTP_QUERY_CUSTOM, L"spaceafter", L"bad" );
    expect_text( WINHTTP_QUERY_VERSION, NULL, L"HTTP/1.1" );
    expect_text( WINHTTP_QUERY_STATUS_CODE, NULL, L"200" );
    expect_text( WINHTTP_QUERY_STATUS_TEXT, NULL, L"OK" );
    expect_text( WINHTTP_QUERY_REQUEST_METHOD, NULL, L"POST" );                   /* H-9 */
    close_response();
}

/* */
static void test_missing_reason_is_empty_text(void)
{
    open_response( "HTTP/1.1 200\r\n\r\n" );
    expect_text( WINHTTP_QUERY_STATUS_TEXT, NULL, L"" );
    expect_text( WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, L"HTTP/1.1 200\r\n\r\n" );
    close_response();
}

/* */
static void test_index_walks_through_one_name(void)
{
    DWORD index = 0, size = 2;
    WCHAR buffer[16];

    open_response( response );
    expect( header_query( &source, WINHTTP_QUERY_SET_COOKIE, NULL, buffer, &size, &index ) == ERROR_INSUFFICIENT_BUFFER && !index );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_SET_COOKIE, NULL, buffer, &size, &index ) && index == 1 && buffer[0] == 'a' );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_CUSTOM, L"set-cookie", buffer, &size, &index ) && index == 2 && buffer[0] == 'b' );
    size = sizeof(buffer);
    expect( header_query( &source, WINHTTP_QUERY_SET_COOKIE, NULL, buffer, &size, &index ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( index == 2 && size == sizeof(buffer) );
    index = 0;
    expect( !header_query( &source, WINHTTP_QUERY_STATUS_CODE, NULL, buffer, &size, &index ) && !index );
    close_response();
}

/* */
static void test_what_is_not_there(void)
{
    DWORD i, size = 7;

    open_response( response );
    expect_error( WINHTTP_QUERY_ORIG_URI, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( header_query( &source, WINHTTP_QUERY_ORIG_URI, NULL, NULL, &size, NULL ) == ERROR_WINHTTP_HEADER_NOT_FOUND && size == 7 );
    for (i = 71; i < 75; i++) expect_error( i, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect_error( WINHTTP_QUERY_CUSTOM, L"no-such", ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect_error( WINHTTP_QUERY_CUSTOM, L"", ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect_error( WINHTTP_QUERY_CUSTOM, NULL, ERROR_INVALID_PARAMETER );
    expect_error( WINHTTP_QUERY_MAX + 1, NULL, ERROR_INVALID_PARAMETER );
    expect_error( 65534, L"Accept", ERROR_INVALID_PARAMETER );
    expect_error( 0x10000 | WINHTTP_QUERY_CUSTOM, L"Accept", ERROR_INVALID_PARAMETER );
    expect( header_query( &source, WINHTTP_QUERY_ACCEPT, NULL, NULL, NULL, NULL ) == ERROR_INVALID_PARAMETER );
    close_response();
}

/* The whole table: each level finds the header of its name. Names with other spelling than their constant are listed. */
static void test_attribute_names(void)
{
    static const struct { DWORD level; const char *name; } rows[] =
    {
        { 0, "mime-version" }, { 1, "content-type" }, { 2, "content-transfer-encoding" }, { 3, "content-id" },
        { 4, "content-description" }, { 5, "content-length" }, { 6, "content-language" }, { 7, "allow" }, { 8, "public" },
        { 9, "date" }, { 10, "expires" }, { 11, "last-modified" }, { 12, "message-id" }, { 13, "uri" }, { 14, "derived-from" },
        { 15, "cost" }, { 16, "link" }, { 17, "pragma" }, { 23, "connection" }, { 24, "accept" }, { 25, "accept-charset" },
        { 26, "accept-encoding" }, { 27, "accept-language" }, { 28, "authorization" }, { 29, "content-encoding" },
        { 30, "forwarded" }, { 31, "from" }, { 32, "if-modified-since" }, { 33, "location" }, { 34, "orig-uri" }, { 35, "referer" },
        { 36, "retry-after" }, { 37, "server" }, { 38, "title" }, { 39, "user-agent" }, { 40, "www-authenticate" },
        { 41, "proxy-authenticate" }, { 42, "accept-ranges" }, { 43, "set-cookie" }, { 44, "cookie" }, { 46, "refresh" },
        { 47, "content-disposition" }, { 48, "age" }, { 49, "cache-control" }, { 50, "content-base" }, { 51, "content-location" },
        { 52, "content-md5" }, { 53, "content-range" }, { 54, "etag" }, { 55, "host" }, { 56, "if-match" }, { 57, "if-none-match" },
        { 58, "if-range" }, { 59, "if-unmodified-since" }, { 60, "max-forwards" }, { 61, "proxy-authorization" }, { 62, "range" },
        { 63, "transfer-encoding" }, { 64, "upgrade" }, { 65, "vary" }, { 66, "via" }, { 67, "warning" }, { 68, "expect" },
        { 69, "proxy-connection" }, { 70, "unless-modified-since" }, { 75, "proxy-support" }, { 76, "authentication-info" },
        { 77, "passporturls" }, { 78, "passportconfig" },
    };
    char head[100];
    DWORD i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
    {
        sprintf( head, "HTTP/1.1 200 OK\r\n%s: yes\r\n\r\n", rows[i].name );
        open_response( head );
        expect_text( rows[i].level, NULL, L"yes" );
        close_response();
    }
}

static DWORD query_number( DWORD level, const WCHAR *name, ULONGLONG *number, DWORD *size )
{
    *number = 0x1111111111111111ull;
    return header_query( &source, level, name, number, size, NULL );
}

/* */
static void test_numbers(void)
{
    ULONGLONG number;
    DWORD size = 16;

    open_response( response );
    expect( !query_number( WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size ) );
    expect( size == 4 && number == 0x11111111000000c8ull );
    size = 16;
    expect( query_number( WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER64, NULL, &number, &size ) == ERROR_WINHTTP_INVALID_QUERY_REQUEST );
    expect( size == 16 && number == 0x1111111111111111ull );
    expect( !query_number( WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size ) && (DWORD)number == 42 );
    size = 16;
    expect( !query_number( WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL, &number, &size ) && number == 42 && size == 8 );
    size = 3;
    expect( query_number( WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size ) == ERROR_INSUFFICIENT_BUFFER && size == 4 );
    size = 4;
    expect( query_number( WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL, &number, &size ) == ERROR_INSUFFICIENT_BUFFER && size == 8 );
    expect( header_query( &source, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, NULL, &size, NULL ) == ERROR_INSUFFICIENT_BUFFER );
    size = 8;
    expect( !query_number( WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_NUMBER64, L"Big", &number, &size ) && number == 5000000000ull );
    /* choices: a number is not cut to fit, text without digits is 0 */
    expect( query_number( WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_NUMBER, L"Big", &number, &size ) == ERROR_WINHTTP_INVALID_QUERY_REQUEST );
    expect( !query_number( WINHTTP_QUERY_ACCEPT | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size ) && !(DWORD)number );
    expect_error( WINHTTP_QUERY_VERSION | WINHTTP_QUERY_FLAG_NUMBER, NULL, ERROR_WINHTTP_INVALID_QUERY_REQUEST );
    expect_error( WINHTTP_QUERY_RAW_HEADERS | WINHTTP_QUERY_FLAG_NUMBER, NULL, ERROR_WINHTTP_INVALID_QUERY_REQUEST );
    expect_error( WINHTTP_QUERY_HOST | WINHTTP_QUERY_FLAG_NUMBER, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );      /* */
    close_response();
}

static void test_dates(void)
{
    SYSTEMTIME time;
    DWORD size = sizeof(time), index = 0;

    open_response( response );
    expect( !header_query( &source, WINHTTP_QUERY_LAST_MODIFIED | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, &time, &size, &index ) );
    expect( size == 16 && index == 1 && time.wYear == 2017 && time.wMonth == 3 && time.wSecond == 7 );
    size = 15;
    expect( header_query( &source, WINHTTP_QUERY_LAST_MODIFIED | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, &time, &size, NULL )
            == ERROR_INSUFFICIENT_BUFFER && size == 16 );
    expect_error( WINHTTP_QUERY_ACCEPT | WINHTTP_QUERY_FLAG_SYSTEMTIME, NULL, ERROR_INVALID_DATA );           /* a choice */
    close_response();
}

/* */
static void test_raw_headers_crlf(void)
{
    open_response( "HTTP/1.1  200  OK\r\nName  :   value\r\nB:b\r\n\r\n" );
    expect_text( WINHTTP_QUERY_RAW_HEADERS_CRLF, L"ignored", L"HTTP/1.1 200 OK\r\nName: value\r\nB: b\r\n\r\n" );
    source.is_request = TRUE;
    expect_text( WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, L"ignored",
                 L"POST /p?q HTTP/1.1\r\nName: value\r\nB: b\r\n\r\n" );
    expect_text( WINHTTP_QUERY_VERSION | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, NULL, L"HTTP/1.1" );
    expect_error( WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
    close_response();
}

/* A raw block of an edited list, whose text no longer lies in one piece. */
static void test_raw_headers_of_an_edited_list(void)
{
    open_response( "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n" );
    expect( !headers_add( &list, L"b: long value", 13, WINHTTP_ADDREQ_FLAG_REPLACE ) );
    expect( !headers_add( &list, L"C:", 2, WINHTTP_ADDREQ_FLAG_REPLACE ) );
    expect( !headers_add( &list, L"E: 5", 4, WINHTTP_ADDREQ_FLAG_ADD ) );
    expect_text( WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, L"HTTP/1.1 200 OK\r\nA: 1\r\nb: long value\r\nD: 4\r\nE: 5\r\n\r\n" );
    close_response();
}

/* */
static void test_raw_headers_with_nuls(void)
{
    static const WCHAR expected[] = L"HTTP/1.1 200 OK\0A: 1\0B: 2\0";
    WCHAR buffer[100];
    DWORD size = sizeof(expected) - 2, index = 0;

    open_response( "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n" );
    expect( header_query( &source, WINHTTP_QUERY_RAW_HEADERS, NULL, buffer, &size, &index ) == ERROR_INSUFFICIENT_BUFFER );
    expect( size == sizeof(expected) );
    memset( buffer, 0xcc, sizeof(buffer) );
    expect( !header_query( &source, WINHTTP_QUERY_RAW_HEADERS, NULL, buffer, &size, &index ) );
    expect( size == sizeof(expected) - 2 && !index && !memcmp( buffer, expected, sizeof(expected) ) );
    expect( buffer[ARRAYSIZE( expected )] == 0xcccc );
    close_response();
}

static void test_trailers(void)
{
    headers_init( &list );
    source.list = &list;
    source.line = NULL;
    source.is_request = FALSE;
    expect_error( WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_TRAILERS, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( !headers_parse( &list, NULL, "A: b\r\n\r\n", 8 ) );
    expect_text( WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_TRAILERS, NULL, L"A: b\r\n\r\n" );
    expect_text( WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_TRAILERS, L"a", L"b" );
    expect_error( WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_WINHTTP_HEADER_NOT_FOUND );
    close_response();
}

static void test_wire_encoding(void)
{
    char buffer[64];
    DWORD size = 1;

    open_response( response );
    expect( header_query( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, L"Caf", buffer, &size, NULL )
            == ERROR_INSUFFICIENT_BUFFER && size == 2 );
    expect( !header_query( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, L"Caf", buffer, &size, NULL ) );
    expect( size == 1 && !strcmp( buffer, "\xe9" ) );
    close_response();
    open_response( "HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n" );
    size = 26;
    expect( header_query( &source, WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, NULL, &size, NULL )
            == ERROR_INSUFFICIENT_BUFFER && size == 26 );
    expect( !header_query( &source, WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, buffer, &size, NULL ) );
    expect( size == 25 && !strcmp( buffer, "HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n" ) );
    close_response();
}

/* Bytes that the code page cannot give back. */
static void test_wire_encoding_is_exact(void)
{
    static const char head[] = "HTTP/1.1 200 Na\xefve\r\nA: \xff\xfe \xe9\r\nB: c\r\nA: \xc3\xa9\r\n\r\n";
    char buffer[200];
    DWORD size = sizeof(buffer), index = 0;

    shim_acp = CP_UTF8;
    open_response( head );
    expect( !header_query( &source, WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, buffer, &size, NULL ) );
    expect( size == sizeof(head) - 1 && !strcmp( buffer, head ) );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, L"a", buffer, &size, &index ) );
    expect( size == 4 && index == 1 && !strcmp( buffer, "\xff\xfe \xe9" ) );
    size = 2;
    expect( header_query( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, L"a", buffer, &size, &index )
            == ERROR_INSUFFICIENT_BUFFER && size == 3 && index == 1 );
    expect( !header_query( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, L"a", buffer, &size, &index ) );
    expect( size == 2 && !strcmp( buffer, "\xc3\xa9" ) );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_STATUS_TEXT | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, buffer, &size, NULL ) );
    expect( size == 5 && !strcmp( buffer, "Na\xefve" ) );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, buffer, &size, NULL ) );
    expect( size == 3 && !strcmp( buffer, "200" ) );
    size = sizeof(buffer);
    expect( !header_query( &source, WINHTTP_QUERY_RAW_HEADERS | WINHTTP_QUERY_FLAG_WIRE_ENCODING, NULL, buffer, &size, NULL ) );
    expect( size == sizeof(head) - 1 - 2 - 4 && !memcmp( buffer + 19, "A: \xff\xfe \xe9\0B: c\0A: \xc3\xa9\0", 20 ) );
    expect_text( WINHTTP_QUERY_STATUS_TEXT, NULL, L"Na\xfffdve" );
    close_response();
    shim_acp = 1252;
}

union header_text { const WCHAR *wide; const char *bytes; };
struct pair { union header_text name, value; };

static void test_ex_gives_all_pairs(void)
{
    DWORD size = 0, count = 99;
    struct pair *pairs = NULL, *buffer;

    open_response( "HTTP/1.1 200 OK\r\nA: 1\r\nBee: \xe9\r\n\r\n" );
    expect( header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, 0, NULL, NULL, NULL, &size, (void **)&pairs, &count ) == ERROR_INSUFFICIENT_BUFFER );
    expect( size == 2 * sizeof(*pairs) + 2 * (2 + 2 + 4 + 2) && count == 99 && !pairs );
    buffer = malloc( size );
    expect( !header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, 0, NULL, NULL, buffer, &size, (void **)&pairs, &count ) );
    expect( count == 2 && pairs == buffer && !memcmp( pairs[0].name.wide, L"A", 4 ) && !memcmp( pairs[0].value.wide, L"1", 4 ) );
    expect( !memcmp( pairs[1].name.wide, L"Bee", 8 ) && !memcmp( pairs[1].value.wide, L"\xe9", 4 ) );
    size--;
    expect( header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, 0, NULL, NULL, buffer, &size, (void **)&pairs, &count ) == ERROR_INSUFFICIENT_BUFFER );
    size = 1000;
    free( buffer );
    buffer = malloc( size );
    expect( !header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS | WINHTTP_QUERY_FLAG_WIRE_ENCODING, 0, NULL, NULL, buffer, &size,
                              (void **)&pairs, &count ) );
    expect( size == 2 * sizeof(*pairs) + 2 + 2 + 4 + 2 && !strcmp( pairs[1].name.bytes, "Bee" ) && !strcmp( pairs[1].value.bytes, "\xe9" ) );
    /* the bytes read in another code page: E9 alone is no UTF-8; an unknown one is not refused */
    size = 1000;
    expect( !header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, CP_UTF8, NULL, NULL, buffer, &size, (void **)&pairs, &count ) );
    expect( pairs[1].value.wide[0] == 0xfffd );
    size = 1000;
    expect( !header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, 99999, NULL, NULL, buffer, &size, (void **)&pairs, &count ) );
    expect( pairs[1].value.wide[0] == 0xe9 );
    free( buffer );
    close_response();
}

static void test_ex_by_name_and_index(void)
{
    union header_text name = { .wide = L"set-COOKIE" };
    struct pair *pairs = NULL, buffer[20];
    DWORD size = sizeof(buffer), count = 0, index = 0;

    open_response( response );
    expect( !header_query_ex( &source, WINHTTP_QUERY_CUSTOM, 0, &index, &name, buffer, &size, (void **)&pairs, &count ) );
    expect( count == 1 && index == 1 && !memcmp( pairs->name.wide, L"Set-Cookie", 22 ) && !memcmp( pairs->value.wide, L"a=1", 8 ) );
    name.bytes = "Set-Cookie";
    size = sizeof(buffer);
    expect( !header_query_ex( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, 0, &index, &name, buffer, &size,
                              (void **)&pairs, &count ) );
    expect( index == 2 && !strcmp( pairs->value.bytes, "b=2" ) );
    size = sizeof(buffer);
    expect( header_query_ex( &source, WINHTTP_QUERY_SET_COOKIE, 0, &index, NULL, buffer, &size, (void **)&pairs, &count )
            == ERROR_WINHTTP_HEADER_NOT_FOUND && index == 2 && size == sizeof(buffer) );
    close_response();
}

static void test_ex_refuses_what_is_no_header(void)
{
    static const DWORD levels[] =
    {
        WINHTTP_QUERY_VERSION, WINHTTP_QUERY_STATUS_CODE, WINHTTP_QUERY_STATUS_TEXT, WINHTTP_QUERY_RAW_HEADERS_CRLF,
        WINHTTP_QUERY_RAW_HEADERS | WINHTTP_QUERY_FLAG_NUMBER, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64,
        WINHTTP_QUERY_DATE | WINHTTP_QUERY_FLAG_SYSTEMTIME, WINHTTP_QUERY_MAX + 1, WINHTTP_QUERY_CUSTOM,
    };
    union header_text name = { NULL };
    struct pair *pairs = NULL, buffer[20];
    DWORD i, size = sizeof(buffer), count = 0;

    open_response( response );
    for (i = 0; i < ARRAYSIZE( levels ); i++)
        expect( header_query_ex( &source, levels[i], 0, NULL, NULL, buffer, &size, (void **)&pairs, &count ) == ERROR_INVALID_PARAMETER );
    expect( header_query_ex( &source, WINHTTP_QUERY_CUSTOM, 0, NULL, &name, buffer, &size, (void **)&pairs, &count ) == ERROR_INVALID_PARAMETER );
    expect( header_query_ex( &source, WINHTTP_QUERY_RAW_HEADERS, 0, NULL, NULL, buffer, NULL, (void **)&pairs, &count ) == ERROR_INVALID_PARAMETER );
    expect( header_query_ex( &source, 72, 0, NULL, NULL, buffer, &size, (void **)&pairs, &count ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    close_response();
}

static void allocating_scenario( void *arg )
{
    union header_text name = { .bytes = "Caf" };
    struct pair *pairs = NULL, buffer[20];
    DWORD size = sizeof(buffer), count = 0, err;
    char raw[600];

    (void)arg;
    err = header_query_ex( &source, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_WIRE_ENCODING, 0, NULL, &name, buffer, &size,
                           (void **)&pairs, &count );
    expect( err == (count ? 0 : ERROR_NOT_ENOUGH_MEMORY) );
    size = sizeof(raw) - 1;
    err = header_query( &source, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, raw + 1, &size, NULL );      /* not aligned */
    expect( !err ? size == 2 * (sizeof(response) - 1 - 4) : err == ERROR_NOT_ENOUGH_MEMORY && size == sizeof(raw) - 1 );
}

static void test_out_of_memory(void)
{
    open_response( response );
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );
    close_response();
}

int main(void)
{
    run( test_text_queries );
    run( test_missing_reason_is_empty_text );
    run( test_index_walks_through_one_name );
    run( test_what_is_not_there );
    run( test_attribute_names );
    run( test_numbers );
    run( test_dates );
    run( test_raw_headers_crlf );
    run( test_raw_headers_of_an_edited_list );
    run( test_raw_headers_with_nuls );
    run( test_trailers );
    run( test_wire_encoding );
    run( test_wire_encoding_is_exact );
    run( test_ex_gives_all_pairs );
    run( test_ex_by_name_and_index );
    run( test_ex_refuses_what_is_no_header );
    run( test_out_of_memory );
    return test_end( "header_query" );
}
