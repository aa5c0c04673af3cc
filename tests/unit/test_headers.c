/*
 * Tests of headers.c and header_add.c: parsing heads, adding by WinHTTP's rules, writing heads
 */

#include "check_headers.h"
#include "hooks.h"

#define ADD         WINHTTP_ADDREQ_FLAG_ADD
#define ADD_IF_NEW  WINHTTP_ADDREQ_FLAG_ADD_IF_NEW
#define REPLACE     WINHTTP_ADDREQ_FLAG_REPLACE
#define COMMA       WINHTTP_ADDREQ_FLAG_COALESCE_WITH_COMMA
#define SEMICOLON   WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON

static DWORD add( struct headers *list, const WCHAR *text, DWORD flags )
{
    check_add( text, lstrlenW( text ), flags );
    return headers_add( list, text, lstrlenW( text ), flags );
}

/* The list as a head with an empty request line. */
static void expect_list( const struct headers *list, const char *expected )
{
    char head[2000];
    DWORD len = headers_serialise( list, NULL, 0, head, sizeof(head) );

    check_list( list, NULL );
    if (!expect( len == strlen( expected ) + 4 && !memcmp( head + 2, expected, len - 4 ) && !memcmp( head + len - 2, "\r\n", 2 ) ))
        fprintf( stderr, "is %.*s", (int)len, head );
}

static const struct field *find( const struct headers *list, const WCHAR *name, DWORD index )
{
    return headers_find( list, name, lstrlenW( name ), index );
}

/* HA-1, HA-13, HA-14, HA-16, HA-17, HA-19 */
static void test_add_one(void)
{
    struct headers list;

    headers_init( &list );
    expect( !add( &list, L"First:one", ADD ) );
    expect( !add( &list, L"Second: \t two \t\r\n", 0 ) );
    expect( !add( &list, L"empty:", ADD ) );
    expect( !add( &list, L"Range: bytes=0-99\r\n", ADD ) );
    expect_list( &list, "First: one\r\nSecond: two\r\nempty: \r\nRange: bytes=0-99\r\n" );
    expect( find( &list, L"RANGE", 0 ) && find( &list, L"range", 0 )->value_cch == 10 );
    expect( find( &list, L"empty", 0 ) && !find( &list, L"empty", 0 )->value_cch );
    expect( !find( &list, L"rang", 0 ) && !find( &list, L"ranges", 0 ) && !find( &list, L"range", 1 ) );
    headers_clear( &list );
    expect( !list.count && !list.fields && !list.blocks && !list.text_cch );
}

/* HA-18 */
static void test_any_run_of_cr_and_lf_separates(void)
{
    struct headers list;

    headers_init( &list );
    expect( !add( &list, L"\r\n\na:1\n\rb:2\nc:3\n\n\nd:4\r\r\re:5\r\n\r\nf:6\rg:7", ADD ) );
    expect_list( &list, "a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ne: 5\r\nf: 6\r\ng: 7\r\n" );
    expect( !add( &list, L"", ADD ) && !add( &list, L"\r\n", ADD ) && list.count == 7 );      /* HA-23 */
    headers_clear( &list );
}

/* HA-15, and security.md "CRLF/NUL injection" */
static void test_malformed_lines_are_refused_and_nothing_is_added(void)
{
    static const WCHAR *const lines[] =
    {
        L":", L":b", L"cd", L" e :f", L"g : value", L"a b: c", L"a\t: c", L"\x01: c", L"a\x7f: c", L"\xe9: c", L"ok: 1\r\n:b",
        L"ok: 1\r\ncd", L"ok: 1\r\n folded", L" a: b",
    };
    struct headers list;
    DWORD i;

    headers_init( &list );
    expect( !add( &list, L"x: y", ADD ) );
    for (i = 0; i < ARRAYSIZE( lines ); i++)
    {
        expect( add( &list, lines[i], ADD ) == ERROR_INVALID_PARAMETER );
        expect( add( &list, lines[i], ADD | REPLACE ) == ERROR_INVALID_PARAMETER );
    }
    expect( headers_add( &list, L"a: b\0c", 6, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add( &list, L"a\0: c", 5, ADD ) == ERROR_INVALID_PARAMETER );
    expect( add( &list, L"a: b", 0x00100000 ) == ERROR_INVALID_PARAMETER );       /* a choice: unknown flag */
    expect_list( &list, "x: y\r\n" );
    expect( !headers_add( &list, L"a: b\r\n\0", 7, ADD ) );                       /* a choice: the length counts the NUL */
    expect_list( &list, "x: y\r\na: b\r\n" );
    headers_clear( &list );
}

/* HA-3, HA-4, HA-6, HA-7, HA-8, HA-9 */
static void test_duplicates_and_coalescing(void)
{
    struct headers list;

    headers_init( &list );
    expect( !add( &list, L"name: v1", ADD ) && !add( &list, L"NAME: v2", ADD ) );
    expect_list( &list, "name: v1\r\nNAME: v2\r\n" );
    expect( !add( &list, L"Name: v3", REPLACE ) );
    expect_list( &list, "Name: v3\r\nNAME: v2\r\n" );
    expect( !add( &list, L"name: v4", WINHTTP_ADDREQ_FLAG_COALESCE ) );
    expect( !add( &list, L"name: v5", COMMA ) );
    expect( !add( &list, L"name: v6", SEMICOLON ) );
    expect_list( &list, "Name: v3, v4, v5; v6\r\nNAME: v2\r\n" );
    expect( !add( &list, L"name: v7", ADD | REPLACE ) );
    expect_list( &list, "name: v7\r\nNAME: v2\r\n" );
    expect( !add( &list, L"name:", COMMA ) && !add( &list, L"new: n", COMMA ) );       /* both choices */
    expect_list( &list, "name: v7\r\nNAME: v2\r\nnew: n\r\n" );
    headers_clear( &list );
}

/* HA-5, HA-10, HA-11, HA-12 */
static void test_replacing_and_removing(void)
{
    struct headers list;

    headers_init( &list );
    expect( add( &list, L"a: 1", REPLACE ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( add( &list, L"a:", REPLACE ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( !add( &list, L"a: 1", ADD | REPLACE ) );
    expect( !add( &list, L"gone:", ADD | REPLACE ) );
    expect_list( &list, "a: 1\r\n" );
    expect( add( &list, L"A: 2", ADD_IF_NEW ) == ERROR_WINHTTP_HEADER_ALREADY_EXISTS );
    expect( !add( &list, L"b: 2", ADD_IF_NEW ) );
    expect( !add( &list, L"b: 3", ADD ) );
    expect( !add( &list, L"b: 4", REPLACE | 1 ) );
    expect( add( &list, L"b: 5", REPLACE | 2 ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect_list( &list, "a: 1\r\nb: 2\r\nb: 4\r\n" );
    expect( !add( &list, L"B:\r\n", REPLACE ) );
    expect_list( &list, "a: 1\r\nb: 4\r\n" );
    expect( !add( &list, L"B:", ADD | REPLACE ) );
    expect( add( &list, L"b:", REPLACE ) == ERROR_WINHTTP_HEADER_NOT_FOUND && list.count == 1 );
    headers_clear( &list );
}

static void test_a_refused_line_takes_back_the_ones_before_it(void)
{
    struct headers list;

    headers_init( &list );
    expect( !add( &list, L"a: 1\r\nb: 2\r\nc: 3", ADD ) );
    expect( add( &list, L"a: x\r\nb:\r\nd: y", REPLACE ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    expect( add( &list, L"d: x\r\ne: y\r\nb: z", ADD_IF_NEW ) == ERROR_WINHTTP_HEADER_ALREADY_EXISTS );
    expect_list( &list, "a: 1\r\nb: 2\r\nc: 3\r\n" );
    headers_clear( &list );
}

static void test_add_field(void)
{
    struct headers list;

    headers_init( &list );
    expect( !headers_add_field( &list, L"Name", 4, L" value ", 7, ADD ) );
    expect( headers_add_field( &list, L"", 0, L"v", 1, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a:", 2, L"v", 1, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a b", 3, L"v", 1, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a", 1, L"v\r\nX: y", 7, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a", 1, L"v\nX", 3, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a", 1, L"v\0X", 3, ADD ) == ERROR_INVALID_PARAMETER );
    expect( headers_add_field( &list, L"a", 1, L"v", 1, 0x00100000 ) == ERROR_INVALID_PARAMETER );
    expect( !headers_add_field( &list, L"e", 1, NULL, 0, ADD ) );
    expect_list( &list, "Name: value\r\ne: \r\n" );
    headers_clear( &list );
}

/* Replacing for ever keeps a list's memory bounded, and many headers stay right. */
static void test_long_lists(void)
{
    WCHAR text[] = L"name-0000: value";
    struct headers list;
    DWORD i, round;

    headers_init( &list );
    for (round = 0; round < 20; round++)
    {
        for (i = 0; i < 500; i++)
        {
            text[6] = '0' + i / 100;
            text[7] = '0' + i / 10 % 10;
            text[8] = '0' + i % 10;
            text[15] = 'a' + round;
            expect( !headers_add( &list, text, ARRAYSIZE( text ) - 1, ADD | REPLACE ) );
        }
        expect( list.count == 500 && list.text_cch == 500 * 18 && list.used_cch < 3 * list.text_cch + 2000 );
    }
    expect( find( &list, L"NAME-0499", 0 ) && find( &list, L"name-0499", 0 )->value[4] == 'a' + 19 );
    check_list( &list, NULL );
    headers_clear( &list );
}

static void test_tokens(void)
{
    struct headers list;

    headers_init( &list );
    expect( !add( &list, L"Connection: Keep-Alive ,upgrade\r\nConnection: close, \r\nOther: x", ADD ) );
    expect( headers_have_token( &list, L"connection", 10, L"keep-alive", 10 ) );
    expect( headers_have_token( &list, L"connection", 10, L"Upgrade", 7 ) );
    expect( headers_have_token( &list, L"connection", 10, L"CLOSE", 5 ) );
    expect( !headers_have_token( &list, L"connection", 10, L"clos", 4 ) );
    expect( !headers_have_token( &list, L"connection", 10, L"x", 1 ) );
    expect( !headers_have_token( &list, L"missing", 7, L"x", 1 ) );
    headers_clear( &list );
}

static void test_serialise_keeps_the_request_line_one_line(void)
{
    static const WCHAR line[] = L"GET /\r\nX: y\0z HTTP/1.1";
    struct headers list;
    char head[100];

    headers_init( &list );
    expect( !add( &list, L"a: b", ADD ) );
    expect( headers_serialise( &list, line, ARRAYSIZE( line ) - 1, head, sizeof(head) ) == 29 );
    expect( !memcmp( head, "GET /X: yz HTTP/1.1\r\na: b\r\n\r\n", 29 ) );
    memset( head, 'x', sizeof(head) );
    expect( headers_serialise( &list, line, ARRAYSIZE( line ) - 1, head, 28 ) == 29 && head[28] == 'x' );
    expect( headers_serialise( &list, line, ARRAYSIZE( line ) - 1, NULL, 0 ) == 29 );
    headers_clear( &list );
}

static void test_text_beyond_ascii_goes_through_the_code_page(void)
{
    struct headers list;
    WCHAR wide[8];
    char bytes[8];

    headers_init( &list );
    expect( !add( &list, L"a: \xe9\x20ac x\r\nb: \x560a", ADD ) );
    expect_list( &list, "a: \xe9? x\r\nb: ?\r\n" );       /* no line end comes out of best fit */
    shim_acp = CP_UTF8;
    expect_list( &list, "a: \xc3\xa9\xe2\x82\xac x\r\nb: \xe5\x98\x8a\r\n" );
    expect( header_text_widen( "\xe2\x82\xac!", 4, wide, 8 ) == 2 && wide[0] == 0x20ac && wide[1] == '!' );
    expect( header_text_widen( "\xe2\x82\xac!", 4, NULL, 0 ) == 2 );
    shim_acp = 1252;
    expect( header_text_widen( "ab\xe9" "d", 4, wide, 8 ) == 4 && wide[2] == 0xe9 && wide[3] == 'd' );
    expect( header_text_widen( "abcde", 5, wide, 4 ) == 5 );
    expect( header_text_narrow( L"abcd\xe9", 5, bytes, 8 ) == 5 && !memcmp( bytes, "abcd\xe9", 5 ) );
    expect( header_text_narrow( L"abcde", 5, bytes, 4 ) == 5 );
    headers_clear( &list );
}

static DWORD parse( struct headers *list, struct status_line *line, const char *head )
{
    check_parse_headers( head, strlen( head ) );
    return headers_parse( list, line, head, strlen( head ) );
}

/* */
static void test_parse_normalises(void)
{
    struct status_line line;
    struct headers list;

    headers_init( &list );
    expect( !parse( &list, &line, "HTTP/1.1  200  All  right \r\nName  :   value\t\r\nB:b\r\nc:\r\n: none\r\njunk\r\n x: y\r\n"
                                  "a b: c\r\n\r\nD: not a header\r\n" ) );
    expect( line.status == 200 && line.version_cch == 8 && !memcmp( line.version, L"HTTP/1.1", 16 ) );
    expect( line.code_cch == 3 && !memcmp( line.code, L"200", 6 ) );
    expect( line.reason_cch == 10 && !memcmp( line.reason, L"All  right", 20 ) );
    expect_list( &list, "Name: value\r\nB: b\r\nc: \r\n" );
    expect( !parse( &list, &line, "HTTP/1.0 404\r\n\r\n" ) && line.status == 404 && !line.reason_cch && !list.count );
    expect( !parse( &list, &line, "HTTP/1.0 404 \n\n" ) && !line.reason_cch );
    headers_clear( &list );
}

static void test_parse_joins_folded_lines(void)
{
    struct status_line line;
    struct headers list;

    headers_init( &list );
    expect( !parse( &list, &line, "HTTP/1.1 200 OK\r\na: 1\r\n  2 \r\n\t3\r\nb:\r\n 4\r\nc: 5\r\n \r\nd: 6\r\n\r\n" ) );
    expect_list( &list, "a: 1 2 3\r\nb: 4\r\nc: 5\r\nd: 6\r\n" );
    expect( !parse( &list, &line, "HTTP/1.1 200 OK\r\n lost: 1\r\n: lost\r\n lost: 2\r\na: b\r\n\r\n" ) );
    expect_list( &list, "a: b\r\n" );
    headers_clear( &list );
}

static void test_parse_trailers(void)
{
    struct headers list;

    headers_init( &list );
    expect( !headers_parse( &list, NULL, "A: b\r\nC: d\r\n\r\n", 14 ) );
    expect_list( &list, "A: b\r\nC: d\r\n" );
    expect( !headers_parse( &list, NULL, "A: b\r\nC: d", 10 ) );
    expect_list( &list, "A: b\r\nC: d\r\n" );
    expect( !headers_parse( &list, NULL, "\r\n", 2 ) && !list.count );
    expect( !headers_parse( &list, NULL, "", 0 ) && !list.count );
    headers_clear( &list );
}

static void test_parse_refuses_what_is_no_head(void)
{
    static const char *const heads[] =
    {
        "", "\r\n", "<html>", "HTTP/1.1\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", "HTTP/1.1 200 OK\r\na: b\r\n c\rd\r\n\r\n", "HTTP/1.1 200 OK\r",
    };
    struct status_line line;
    struct headers list;
    DWORD i;

    headers_init( &list );
    for (i = 0; i < ARRAYSIZE( heads ); i++) expect( parse( &list, &line, heads[i] ) == ERROR_WINHTTP_INVALID_SERVER_RESPONSE );
    expect( headers_parse( &list, &line, "HTTP/1.1 200 OK\r\na: \0b\r\n\r\n", 26 ) == ERROR_WINHTTP_INVALID_SERVER_RESPONSE );
    expect( !list.count && !list.blocks && !line.version );
}

static void test_parse_widens_through_the_code_page(void)
{
    struct status_line line;
    struct headers list;

    headers_init( &list );
    expect( !parse( &list, &line, "HTTP/1.1 200 OK\r\na: caf\xe9\r\n\r\n" ) && find( &list, L"a", 0 )->value[3] == 0xe9 );
    shim_acp = CP_UTF8;
    expect( !parse( &list, &line, "HTTP/1.1 200 OK\r\na: caf\xc3\xa9 \xff\r\n\r\n" ) );
    expect( find( &list, L"a", 0 )->value_cch == 6 && find( &list, L"a", 0 )->value[3] == 0xe9 );
    shim_acp = 1252;
    headers_clear( &list );
}

static int has_bytes( const struct field *field, const char *bytes )
{
    char buffer[64];
    DWORD len = header_value_bytes( field, buffer, sizeof(buffer) );

    return len == strlen( bytes ) && !memcmp( buffer, bytes, len );
}

/* No code page gives these bytes back; a list does, through every edit. */
static void test_received_bytes_are_kept(void)
{
    struct status_line line;
    struct headers list;
    DWORD i;

    headers_init( &list );
    shim_acp = CP_UTF8;
    expect( !parse( &list, &line, "HTTP/1.1 200 Na\xefve \r\nplain: x\r\na:  caf\xe9 \xff \r\n\t\xc3\xa9\r\n \r\nb: c\r\nn\xe9: d\r\n\r\n" ) );
    expect_list( &list, "plain: x\r\na: caf\xe9 \xff \xc3\xa9\r\nb: c\r\n" );      /* a name is ASCII */
    expect( line.reason_len == 5 && !memcmp( line.reason_bytes, "Na\xefve", 5 ) );
    expect( has_bytes( find( &list, L"a", 0 ), "caf\xe9 \xff \xc3\xa9" ) && find( &list, L"a", 0 )->value[3] == 0xfffd );
    expect( !find( &list, L"b", 0 )->bytes && has_bytes( find( &list, L"b", 0 ), "c" ) );
    expect( !add( &list, L"a: \xe9", COMMA ) );                 /* what was added as text is sent by the code page */
    expect( has_bytes( find( &list, L"a", 0 ), "caf\xe9 \xff \xc3\xa9, \xc3\xa9" ) );
    expect( !add( &list, L"b: \xe9", REPLACE ) && !find( &list, L"b", 0 )->bytes );
    headers_clear( &list );

    expect( !headers_parse( &list, NULL, "a: \xff\r\n", 6 ) );
    for (i = 0; i < 3000; i++) expect( !headers_add( &list, i & 1 ? L"b: 1" : L"b: 2", 4, ADD | REPLACE ) );
    expect( list.used_cch < 4000 );                            /* tidied meanwhile */
    expect_list( &list, "a: \xff\r\nb: 1\r\n" );
    shim_acp = 1252;
    expect_list( &list, "a: \xff\r\nb: 1\r\n" );
    headers_clear( &list );
}

static struct field field_of( const WCHAR *name, const WCHAR *value, const char *bytes )
{
    struct field field = { .name = name, .name_cch = lstrlenW( name ), .value = value, .value_cch = lstrlenW( value ),
                           .bytes = bytes, .bytes_len = bytes ? strlen( bytes ) : 0 };
    return field;
}

static void test_add_fields_is_all_or_nothing(void)
{
    struct field fields[3] = { field_of( L"a", L" 1 ", NULL ), field_of( L"b", L" \xfffd ", " \xff\t" ), field_of( L"c", L"", NULL ) };
    struct headers list;

    headers_init( &list );
    expect( !headers_add_fields( &list, fields, 3, ADD ) );
    expect_list( &list, "a: 1\r\nb: \xff\r\nc: \r\n" );
    expect( headers_add_fields( &list, fields, 3, ADD_IF_NEW ) == ERROR_WINHTTP_HEADER_ALREADY_EXISTS );
    fields[0] = field_of( L"b", L"2", NULL );
    fields[1] = field_of( L"b", L"?", "\xfe" );
    fields[2] = field_of( L"c:", L"3", NULL );
    expect( headers_add_fields( &list, fields, 3, COMMA ) == ERROR_INVALID_PARAMETER );
    expect_list( &list, "a: 1\r\nb: \xff\r\nc: \r\n" );
    expect( !headers_add_fields( &list, fields, 2, COMMA ) );
    expect_list( &list, "a: 1\r\nb: \xff, 2, \xfe\r\nc: \r\n" );
    expect( headers_add_fields( &list, fields, 0, ADD ) == ERROR_INVALID_PARAMETER );
    fields[0] = field_of( L"b", L"x", "x\ry" );
    expect( headers_add_fields( &list, fields, 1, ADD ) == ERROR_INVALID_PARAMETER );
    fields[0] = field_of( L"b", L"x\ny", NULL );
    expect( headers_add_fields( &list, fields, 1, ADD ) == ERROR_INVALID_PARAMETER );
    fields[0] = field_of( L"", L"x", NULL );
    expect( headers_add_fields( &list, fields, 1, ADD ) == ERROR_INVALID_PARAMETER );
    fields[0] = field_of( L"absent", L"x", NULL );
    expect( headers_add_fields( &list, fields, 1, REPLACE ) == ERROR_WINHTTP_HEADER_NOT_FOUND );
    headers_clear( &list );
}

static void test_parse_limits_the_count(void)
{
    static const char line_text[] = "HTTP/1.1 200 OK\r\n";
    char *head = malloc( sizeof(line_text) + (HEADERS_MAX_RECEIVED + 1) * 5 );
    struct status_line line;
    struct headers list;
    DWORD i, len = sizeof(line_text) - 1;

    headers_init( &list );
    memcpy( head, line_text, len );
    for (i = 0; i <= HEADERS_MAX_RECEIVED; i++, len += 5) memcpy( head + len, "a:b\r\n", 5 );
    expect( headers_parse( &list, &line, head, len ) == ERROR_WINHTTP_HEADER_COUNT_EXCEEDED && !list.count && !line.version );
    expect( !headers_parse( &list, &line, head, len - 5 ) && list.count == HEADERS_MAX_RECEIVED );
    headers_clear( &list );
    free( head );
}

/* A parsed list can be edited; the status line stays where it is. */
static void test_editing_a_response(void)
{
    struct status_line line;
    struct headers list;
    DWORD i;

    headers_init( &list );
    expect( !parse( &list, &line, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n" ) );
    expect( !add( &list, L"content-length:", REPLACE ) );
    expect_list( &list, "A: b\r\n" );
    for (i = 0; i < 1000; i++) expect( !headers_add( &list, L"A: c", 4, REPLACE ) );
    expect_list( &list, "A: c\r\n" );
    expect( !memcmp( line.version, L"HTTP/1.1", 16 ) && !memcmp( line.reason, L"OK", 4 ) );
    headers_clear( &list );
}

static void allocating_scenario( void *arg )
{
    static const char before[] = "a: 1\r\nb: 2\r\n";
    WCHAR text[1200] = L"";
    struct headers list;
    struct status_line line;
    DWORD i, err;

    (void)arg;
    for (i = 0; i < ARRAYSIZE( text ); i++) text[i] = 'x';
    headers_init( &list );
    err = headers_parse( &list, &line, "HTTP/1.1 200 OK\r\na: b\r\n\r\n", 25 );
    expect( err == (list.count ? 0 : ERROR_NOT_ENOUGH_MEMORY) );
    headers_clear( &list );

    if (headers_add( &list, L"a: 1\r\nb: 2", 10, ADD )) expect( !list.count );
    else
    {
        /* each line needs a block of its own, so that every step can fail */
        memcpy( text, L"a: ", 6 );
        memcpy( text + 1100, L"\r\nb: ", 10 );
        if (headers_add( &list, text, ARRAYSIZE( text ), COMMA ) == ERROR_NOT_ENOUGH_MEMORY) expect_list( &list, before );
        else expect( list.count == 2 && list.text_cch > 1200 );
    }
    headers_clear( &list );

    if (!headers_parse( &list, NULL, "a: \xff\r\nb: 2\r\n", 12 ))
    {
        struct field fields[2] = { field_of( L"a", L"?", "\xfe" ), { .name = L"a", .name_cch = 1, .value_cch = 1100 } };

        for (i = 0; i < ARRAYSIZE( text ); i++) text[i] = 'x';
        fields[1].value = text;
        if (headers_add_fields( &list, fields, 2, COMMA )) expect_list( &list, "a: \xff\r\nb: 2\r\n" );
        else expect( list.count == 2 && list.fields[0].bytes_len == 1106 );
    }
    headers_clear( &list );
}

static void test_out_of_memory(void)
{
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );
}

int main(void)
{
    run( test_add_one );
    run( test_any_run_of_cr_and_lf_separates );
    run( test_malformed_lines_are_refused_and_nothing_is_added );
    run( test_duplicates_and_coalescing );
    run( test_replacing_and_removing );
    run( test_a_refused_line_takes_back_the_ones_before_it );
    run( test_add_field );
    run( test_long_lists );
    run( test_tokens );
    run( test_serialise_keeps_the_request_line_one_line );
    run( test_text_beyond_ascii_goes_through_the_code_page );
    run( test_parse_normalises );
    run( test_parse_joins_folded_lines );
    run( test_parse_trailers );
    run( test_parse_refuses_what_is_no_head );
    run( test_parse_widens_through_the_code_page );
    run( test_received_bytes_are_kept );
    run( test_add_fields_is_all_or_nothing );
    run( test_parse_limits_the_count );
    run( test_editing_a_response );
    run( test_out_of_memory );
    return test_end( "headers" );
}
