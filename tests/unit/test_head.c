/*
 * Tests of unix/head.c: the end of a head, and its framing
 */

#include "check_head.h"
#include "unixlib.h"

#define OK "HTTP/1.1 200 OK\r\n"

struct head_case
{
    const char *head;
    ssize_t     ret;            /* 0: its whole length */
    unsigned    status, minor;
    enum head_body body;
    uint64_t    content_len;
    int         keep_alive, ambiguous;
};

#define NO_LEN (~(uint64_t)0)
#define BAD( head ) { head, PARSE_BAD, 0, 0, HEAD_BODY_NONE, 0, 0, 0 }

static void run_cases( const struct head_case *cases, size_t count, int head_request )
{
    struct head_info info;
    size_t i, len;
    ssize_t ret;

    for (i = 0; i < count; i++)
    {
        len = strlen( cases[i].head );
        check_head( cases[i].head, len );
        ret = head_parse( &info, cases[i].head, len, head_request );
        if (!expect( ret == (cases[i].ret ? cases[i].ret : (ssize_t)len) )) fprintf( stderr, "in %s\n", cases[i].head );
        if (ret == PARSE_BAD || cases[i].ret == PARSE_BAD) continue;
        if (expect( info.status == cases[i].status && info.minor == cases[i].minor && info.body == cases[i].body &&
                    info.content_len == cases[i].content_len && info.keep_alive == cases[i].keep_alive &&
                    info.ambiguous == cases[i].ambiguous )) continue;
        fprintf( stderr, "in %s got %u %u %u %llu %d %d\n", cases[i].head, info.status, info.minor, info.body,
                 (unsigned long long)info.content_len, info.keep_alive, info.ambiguous );
    }
}
#define RUN_CASES( cases, head_request ) run_cases( cases, sizeof(cases) / sizeof((cases)[0]), head_request )

static void test_scan_finds_the_end_for_every_split(void)
{
    static const char *const heads[] =
    {
        "", "H", "HTTP/", "HTTP/1.1 200 OK", OK, OK "\r", OK "\r\n", OK "\r\nbody", OK "A: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\nA: b\n\r\n", OK "A: b\r\n c\r\n\r\n", OK "\tx\r\n\r\n",
        "HTTP/1.1 200 a reason long enough for eight bytes at a time\r\nName: a value with a \t tab inside it\r\n\r\n",
    };
    size_t i;

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) check_head( heads[i], strlen( heads[i] ) );
}

static void test_scan_result_is_the_length_with_the_empty_line(void)
{
    struct head_scan scan = HEAD_SCAN_INIT;

    expect( head_scan( &scan, OK "\r\nbody", 23 ) == 19 );
}

/* */
static void test_scan_refuses_what_is_no_status_line(void)
{
    struct head_scan scan = HEAD_SCAN_INIT;

    expect( head_scan( &scan, "<html>", 6 ) == PARSE_BAD );
    expect( head_scan( &scan, "HTTP/1.1 200 OK\r\n\r\n", 19 ) == PARSE_BAD );    /* sticky */
    check_head( "<html>\r\n\r\n", 10 );
    check_head( "\r\nHTTP/1.1 200 OK\r\n\r\n", 21 );
    check_head( "http/1.1 200 OK\r\n\r\n", 19 );
}

static void test_scan_refuses_nul_and_bare_cr_at_every_place(void)
{
    char head[] = OK "Name: some value\r\nOther: v\r\n\r\n", broken[sizeof(head)];
    struct head_scan scan;
    size_t i, len = sizeof(head) - 1;

    for (i = 5; i < len - 2; i++)
    {
        memcpy( broken, head, len );
        broken[i] = 0;
        memset( &scan, 0, sizeof(scan) );
        expect( head_scan( &scan, broken, len ) == PARSE_BAD );
        check_head( broken, len );
        if (head[i] == '\r' || head[i + 1] == '\n' || head[i] == '\n') continue;
        broken[i] = '\r';
        memset( &scan, 0, sizeof(scan) );
        expect( head_scan( &scan, broken, len ) == PARSE_BAD );
        check_head( broken, len );
    }
}

static void test_status_line(void)
{
    static const struct head_case cases[] =
    {
        { OK "\r\n",                           0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },
        { "HTTP/1.0 404 Not Found\r\n\r\n",    0, 404, 0, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },
        { "HTTP/1.1  200  OK\r\n\r\n",         0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },    /* */
        { "HTTP/1.1 200\r\n\r\n",              0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },    /* */
        { "HTTP/1.1 200 \r\n\r\n",             0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },
        { "HTTP/1.1 999 \r\n\r\n",             0, 999, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },
        BAD( "HTTP/1.1 099 x\r\n\r\n" ), BAD( "HTTP/1.1 20 x\r\n\r\n" ), BAD( "HTTP/1.1 2000 x\r\n\r\n" ),
        BAD( "HTTP/1.1 200x\r\n\r\n" ), BAD( "HTTP/1.1 +20 x\r\n\r\n" ), BAD( "HTTP/1.1200 x\r\n\r\n" ),
        BAD( "HTTP/0.9 200 x\r\n\r\n" ), BAD( "HTTP/2.0 200 x\r\n\r\n" ), BAD( "HTTP/1.10 200 x\r\n\r\n" ),
        BAD( "HTTP/1. 200 x\r\n\r\n" ), BAD( "HTTP/ 1.1 200 x\r\n\r\n" ), BAD( "HTTP/1.1\r\n\r\n" ),
        BAD( "HTTP/1.1 \r\n200 OK\r\n\r\n" ), BAD( "HTTP/\n\n" ),
    };
    RUN_CASES( cases, 0 );
}

static void test_content_length(void)
{
    static const struct head_case cases[] =
    {
        { OK "Content-Length: 0\r\n\r\n",      0, 200, 1, HEAD_BODY_LENGTH, 0, 1, 0 },      /* */
        { OK "content-LENGTH:  42 \t\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 42, 1, 0 },
        { OK "Content-Length: 9223372036854775807\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, INT64_MAX, 1, 0 },
        { OK "Content-Length: 0005\r\n\r\n",   0, 200, 1, HEAD_BODY_LENGTH, 5, 1, 0 },
        { OK "Content-Length: 5, 5\r\n\r\n",   0, 200, 1, HEAD_BODY_LENGTH, 5, 1, 0 },
        { OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 5, 1, 0 },
        { OK "X-Content-Length: 5\r\n\r\n",    0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 0 },
        BAD( OK "Content-Length: 9223372036854775808\r\n\r\n" ),
        BAD( OK "Content-Length: 99999999999999999999999\r\n\r\n" ),
        BAD( OK "Content-Length: 18446744073709551617\r\n\r\n" ),
        BAD( OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" ),
        BAD( OK "Content-Length: 5, 6\r\n\r\n" ), BAD( OK "Content-Length: 5,\r\n\r\n" ),
        BAD( OK "Content-Length: ,5\r\n\r\n" ), BAD( OK "Content-Length:\r\n\r\n" ),
        BAD( OK "Content-Length: +5\r\n\r\n" ), BAD( OK "Content-Length: -5\r\n\r\n" ),
        BAD( OK "Content-Length: 0x5\r\n\r\n" ), BAD( OK "Content-Length: 5 5\r\n\r\n" ),
        BAD( OK "Content-Length: 5;\r\n\r\n" ), BAD( OK "Content-Length: 5\r\n 6\r\n\r\n" ),
        BAD( OK "Content-Length: \"5\"\r\n\r\n" ),
    };
    RUN_CASES( cases, 0 );
}

static void test_transfer_encoding(void)
{
    static const struct head_case cases[] =
    {
        { OK "Transfer-Encoding: chunked\r\n\r\n", 0, 200, 1, HEAD_BODY_CHUNKED, NO_LEN, 1, 0 },     /* */
        { OK "transfer-encoding:CHUNKED\r\n\r\n",  0, 200, 1, HEAD_BODY_CHUNKED, NO_LEN, 1, 0 },
        { OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0, 200, 1, HEAD_BODY_CHUNKED, NO_LEN, 0, 1 },
        { OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200, 1, HEAD_BODY_CHUNKED, NO_LEN, 0, 1 },
        { OK "Transfer-Encoding:\r\n chunked\r\n\r\n", 0, 200, 1, HEAD_BODY_CHUNKED, NO_LEN, 0, 1 },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
                                                   0, 200, 0, HEAD_BODY_CHUNKED, NO_LEN, 0, 1 },
        { OK "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 5, 0, 1 },
        BAD( OK "Transfer-Encoding: gzip, chunked\r\n\r\n" ), BAD( OK "Transfer-Encoding: chunked, gzip\r\n\r\n" ),
        BAD( OK "Transfer-Encoding: chunked, chunked\r\n\r\n" ), BAD( OK "Transfer-Encoding: xchunked\r\n\r\n" ),
        BAD( OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" ),
        BAD( OK "Transfer-Encoding: chunked;q=1\r\n\r\n" ), BAD( OK "Transfer-Encoding:\r\n\r\n" ),
        BAD( OK "Transfer-Encoding: \x0b" "chunked\r\n\r\n" ),
    };
    RUN_CASES( cases, 0 );
}

/* Only for whoever knows that it is a proxy that speaks. */
static void test_proxy_connection(void)
{
    static const struct { const char *head; int keep, proxy_keep; } rows[] =
    {
        { OK "Content-Length: 1\r\nProxy-Connection: close\r\n\r\n", 1, 0 },
        { OK "Content-Length: 1\r\nProxy-Connection: Keep-Alive\r\n\r\n", 1, 1 },
        { OK "Content-Length: 1\r\nProxy-Connection: Keep-Alive\r\nConnection: close\r\n\r\n", 0, 0 },
        { OK "Proxy-Connection: Keep-Alive\r\n\r\n", 0, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nProxy-Connection: Keep-Alive\r\n\r\n", 0, 1 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n", 1, 1 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 0, 0 },
    };
    struct head_info info;
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        expect( head_parse( &info, rows[i].head, strlen( rows[i].head ), 0 ) > 0 );
        expect( info.keep_alive == rows[i].keep && info.proxy_keep_alive == rows[i].proxy_keep );
    }
}

static void test_connection(void)
{
    static const struct head_case cases[] =
    {
        { OK "Content-Length: 1\r\nConnection: close\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 1, 0, 0 },      /* */
        { OK "Content-Length: 1\r\nConnection: Upgrade, CLOSE\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 1, 0, 0 },
        { OK "Content-Length: 1\r\nConnection: closed\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 1, 1, 0 },
        { OK "Content-Length: 1\r\nProxy-Connection: close\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 1, 1, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 0, 200, 0, HEAD_BODY_LENGTH, 1, 0, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n", 0, 200, 0, HEAD_BODY_LENGTH, 1, 1, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nProxy-Connection: Keep-Alive\r\n\r\n", 0, 200, 0, HEAD_BODY_LENGTH, 1, 0, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive, close\r\n\r\n", 0, 200, 0, HEAD_BODY_LENGTH, 1, 0, 0 },
    };
    RUN_CASES( cases, 0 );
}

static void test_no_body(void)
{
    static const struct head_case cases[] =
    {
        { "HTTP/1.1 100 Continue\r\n\r\n",     0, 100, 1, HEAD_BODY_NONE, NO_LEN, 1, 0 },
        { "HTTP/1.1 101 Up\r\nContent-Length: 5\r\n\r\n", 0, 101, 1, HEAD_BODY_NONE, 5, 0, 1 },       /* */
        { "HTTP/1.1 204 x\r\n\r\n",            0, 204, 1, HEAD_BODY_NONE, NO_LEN, 1, 0 },             /* */
        { "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", 0, 204, 1, HEAD_BODY_NONE, 0, 1, 0 },
        { "HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n", 0, 204, 1, HEAD_BODY_NONE, 7, 0, 1 },
        { "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 204, 1, HEAD_BODY_NONE, NO_LEN, 0, 1 },
        { "HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", 0, 304, 1, HEAD_BODY_NONE, 7, 1, 0 },        /* */
    };
    static const struct head_case head_cases[] =
    {
        { OK "Content-Length: 100\r\n\r\n",    0, 200, 1, HEAD_BODY_NONE, 100, 1, 0 },                /* */
        { OK "Transfer-Encoding: chunked\r\n\r\n", 0, 200, 1, HEAD_BODY_NONE, NO_LEN, 1, 0 },
        { OK "\r\n",                           0, 200, 1, HEAD_BODY_NONE, NO_LEN, 1, 0 },
    };
    RUN_CASES( cases, 0 );
    RUN_CASES( head_cases, 1 );
}

static void test_sloppy_heads_are_read_and_marked(void)
{
    static const struct head_case cases[] =
    {
        { OK "Content-Length : 3\r\n\r\n",     0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },                /* */
        { "HTTP/1.1 200 OK\nContent-Length: 3\n\n", 0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },
        { OK "Content-Length: 3\r\nX: a\r\n b\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },
        { OK "Content-Length:\r\n\t3\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },
        { OK "Content-Length: 3\r\nno colon\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },
        { OK "Content-Length: 3\r\n: no name\r\n\r\n", 0, 200, 1, HEAD_BODY_LENGTH, 3, 0, 1 },
        { OK "junk\r\n Content-Length: 3\r\n\r\n", 0, 200, 1, HEAD_BODY_CLOSE, NO_LEN, 0, 1 },
    };
    RUN_CASES( cases, 0 );
}

static void test_blanks_and_controls_in_a_name_are_bad(void)
{
    static const char *const heads[] =
    {
        OK " Content-Length: 3\r\n\r\n", OK "X Content-Length: 3\r\n\r\n", OK "Content Length: 3\r\n\r\n",
        OK "Content-Length\x01: 3\r\n\r\n", OK "X: y\r\nContent\tLength: 3\r\n\r\n", OK "\x7f: 3\r\n\r\n",
    };
    struct head_info info;
    unsigned int i;

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        expect( head_parse( &info, heads[i], strlen( heads[i] ), 0 ) == PARSE_BAD );
}

static void test_parse_without_an_end_is_bad(void)
{
    struct head_info info;

    expect( head_parse( &info, "", 0, 0 ) == PARSE_BAD );
    expect( head_parse( &info, OK, 17, 0 ) == PARSE_BAD );
    expect( head_parse( &info, OK "A: b\r\n c", 25, 0 ) == PARSE_BAD );
    expect( head_parse( &info, OK "A: b", 21, 0 ) == PARSE_BAD );
}

static void test_content_encoding(void)
{
    static const struct { const char *fields; unsigned int count, other; uint32_t flags; } cases[] =
    {
        { "", 0, 0, 0 },
        { "Content-Encoding: gzip\r\n", 1, 0, WHX_DECODE_GZIP },
        { "content-encoding:\tDeflate \r\n", 1, 0, WHX_DECODE_DEFLATE },
        { "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", 1, 0, WHX_DECODE_GZIP },
        { "Content-Encoding: gzip,,deflate\r\n", 2, 0, WHX_DECODE },
        { "Content-Encoding: gzip\r\nX: y\r\nContent-Encoding: gzip\r\n", 2, 0, WHX_DECODE_GZIP },
        { "Content-Encoding: gzip, gzip, gzip\r\n", 2, 1, 0 },
        { "Content-Encoding: x, gzip\r\n", 1, 1, 0 },
        { "Content-Encoding: gzip deflate\r\n", 0, 1, 0 },
        { "Content-Encoding:\r\n gzip\r\n", 1, 0, WHX_DECODE_GZIP },
        { "Content-Encodings: gzip\r\nX-Content-Encoding: gzip\r\n", 0, 0, 0 },
    };
    struct head_info info;
    unsigned int i;
    char head[200];
    int len;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        len = snprintf( head, sizeof(head), OK "%s\r\n", cases[i].fields );
        check_head( head, len );
        expect( head_parse( &info, head, len, 0 ) == len );
        if (!expect( info.codings.count == cases[i].count && info.codings.other == cases[i].other &&
                     codings_wanted( &info.codings, cases[i].flags ) == !!cases[i].flags ))
            fprintf( stderr, "%s%u %u\n", cases[i].fields, info.codings.count, info.codings.other );
        if (cases[i].flags) expect( !codings_wanted( &info.codings, ~cases[i].flags ) );
    }
}

int main(void)
{
    run( test_scan_finds_the_end_for_every_split );
    run( test_scan_result_is_the_length_with_the_empty_line );
    run( test_scan_refuses_what_is_no_status_line );
    run( test_scan_refuses_nul_and_bare_cr_at_every_place );
    run( test_status_line );
    run( test_content_length );
    run( test_transfer_encoding );
    run( test_connection );
    run( test_proxy_connection );
    run( test_no_body );
    run( test_sloppy_heads_are_read_and_marked );
    run( test_blanks_and_controls_in_a_name_are_bad );
    run( test_parse_without_an_end_is_bad );
    run( test_content_encoding );
    return test_end( "head" );
}
