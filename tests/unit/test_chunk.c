/*
 * Tests of unix/chunk.c: the chunked transfer coding
 */

#include "check_chunk.h"

static void expect_decoded( const char *in, size_t len, enum chunk_result result, size_t used, const char *body,
                            const char *trailer )
{
    char space[2][1000];
    struct decoded out = { .body = space[0], .trailer = space[1] };

    check_chunk( in, len );
    decode( &out, in, len, len, 1 );
    if (!expect( out.result == result && out.used == used )) fprintf( stderr, "%d %zu for %s\n", out.result, out.used, in );
    expect( out.body_len == strlen( body ) && !memcmp( out.body, body, out.body_len ) );
    if (trailer) expect( out.trailer_len == strlen( trailer ) && !memcmp( out.trailer, trailer, out.trailer_len ) );
}
#define EXPECT_DONE( in, body, trailer ) expect_decoded( in, sizeof(in) - 1, CHUNK_DONE, sizeof(in) - 1, body, trailer )
#define EXPECT_BAD( in, body ) expect_decoded( in, sizeof(in) - 1, CHUNK_BAD, sizeof(in) - 1, body, NULL )

/* */
static void test_bodies_are_joined_for_every_split(void)
{
    EXPECT_DONE( "0\r\n\r\n", "", "\r\n" );
    EXPECT_DONE( "5\r\nhello\r\n0\r\n\r\n", "hello", "\r\n" );
    EXPECT_DONE( "1\r\nh\r\n4\r\nello\r\n00\r\n\r\n", "hello", "\r\n" );
    EXPECT_DONE( "00000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello", "\r\n" );
    EXPECT_DONE( "A\r\n0123456789\r\nb\r\n01234567890\r\n0\r\n\r\n", "012345678901234567890", "\r\n" );
}

static void test_extensions_and_padding_are_skipped(void)
{
    EXPECT_DONE( "5;name=value\r\nhello\r\n0;x\r\n\r\n", "hello", "\r\n" );
    EXPECT_DONE( "5;a=\"b c\";\t\xff\r\nhello\r\n0\r\n\r\n", "hello", "\r\n" );
    EXPECT_DONE( "5  \r\nhello\r\n0 \t;x\r\n\r\n", "hello", "\r\n" );
}

static void test_trailer_bytes_are_countable(void)
{
    EXPECT_DONE( "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "x", "A: b\r\nC: d\r\n\r\n" );
}

static void test_bytes_behind_the_end_are_not_taken(void)
{
    expect_decoded( "0\r\n\r\nHTTP/1.1", 13, CHUNK_DONE, 5, "", "\r\n" );
    expect_decoded( "1\r\nx\r\n0\r\nA: b\r\n\r\n1\r\n", 20, CHUNK_DONE, 17, "x", NULL );
}

static void test_cut_input_asks_for_more(void)
{
    static const char in[] = "5;e=1\r\nhello\r\n0\r\nA: b\r\n\r\n";
    char space[2][100];
    struct decoded out = { .body = space[0], .trailer = space[1] };
    size_t len;

    for (len = 0; len < sizeof(in) - 1; len++)
    {
        decode( &out, in, len, len, 1 );
        expect( out.result == CHUNK_MORE && out.used == len );
    }
}

static void test_junk_in_the_framing_is_bad(void)
{
    EXPECT_BAD( "\r", "" );
    EXPECT_BAD( " ", "" );
    EXPECT_BAD( "+", "" );
    EXPECT_BAD( "-", "" );
    EXPECT_BAD( ";", "" );
    EXPECT_BAD( "g", "" );
    EXPECT_BAD( "0x", "" );
    EXPECT_BAD( "5_", "" );
    EXPECT_BAD( "5 5", "" );
    EXPECT_BAD( "5\n", "" );                 /* a lone LF */
    EXPECT_BAD( "5;a\n", "" );
    EXPECT_BAD( "5;a\0", "" );
    EXPECT_BAD( "5\rh", "" );                /* a lone CR */
    EXPECT_BAD( "5;a\r\r", "" );
    EXPECT_BAD( "5\r\nhellox", "hello" );    /* data longer than their size */
    EXPECT_BAD( "5\r\nhello\n", "hello" );
    EXPECT_BAD( "5\r\nhello\rx", "hello" );
    EXPECT_BAD( "0\r\n\n", "" );
    EXPECT_BAD( "0\r\nA: b\n", "" );
    EXPECT_BAD( "0\r\nA: b\rc", "" );
    EXPECT_BAD( "0\r\nA: b\0", "" );
    EXPECT_BAD( "0\r\n\rx", "" );
}

static void test_size_overflow_is_bad(void)
{
    EXPECT_BAD( "8000000000000000", "" );
    EXPECT_BAD( "ffffffffffffffff", "" );
    EXPECT_BAD( "10000000000000005", "" );
    EXPECT_BAD( "00ffffffffffffffff", "" );
}

static void test_the_largest_size_is_accepted(void)
{
    struct chunk chunk = CHUNK_INIT;
    const char *data;
    size_t used, data_len;

    expect( chunk_feed( &chunk, "7fffffffffffffff\r\n", 18, &used, &data, &data_len ) == CHUNK_MORE && used == 18 );
    expect( chunk_data_left( &chunk ) == INT64_MAX );
    chunk_skip( &chunk, INT64_MAX - 1 );
    expect( chunk_feed( &chunk, "x\r\n0\r\n\r\n", 8, &used, &data, &data_len ) == CHUNK_DATA && data_len == 1 );
    expect( chunk_feed( &chunk, "\r\n0\r\n\r\n", 7, &used, &data, &data_len ) == CHUNK_DONE && used == 7 );
}

static void test_skip_to_the_end_of_a_chunk(void)
{
    struct chunk chunk = CHUNK_INIT;
    const char *data;
    size_t used, data_len;

    expect( chunk_data_left( &chunk ) == 0 );
    expect( chunk_feed( &chunk, "1", 1, &used, &data, &data_len ) == CHUNK_MORE );
    expect( chunk_data_left( &chunk ) == 0 );         /* the size is not complete */
    expect( chunk_feed( &chunk, "0\r\n", 3, &used, &data, &data_len ) == CHUNK_MORE );
    expect( chunk_data_left( &chunk ) == 16 );
    chunk_skip( &chunk, 16 );
    expect( chunk_data_left( &chunk ) == 0 && !chunk_in_trailer( &chunk ) );
    expect( chunk_feed( &chunk, "\r\n0\r\n", 5, &used, &data, &data_len ) == CHUNK_MORE );
    expect( chunk_in_trailer( &chunk ) );
    chunk_skip( &chunk, 0 );
    expect( chunk_feed( &chunk, "\r\n", 2, &used, &data, &data_len ) == CHUNK_DONE );
    expect( !chunk_in_trailer( &chunk ) );
}

static void test_a_line_without_an_end_is_too_long(void)
{
    struct chunk chunk = CHUNK_INIT;
    char line[CHUNK_MAX_LINE + 1];
    const char *data;
    size_t used, data_len;

    memset( line, 'x', sizeof(line) );
    line[0] = '5';
    line[1] = ';';
    expect( chunk_feed( &chunk, line, CHUNK_MAX_LINE, &used, &data, &data_len ) == CHUNK_MORE && used == CHUNK_MAX_LINE );
    expect( chunk_feed( &chunk, "x", 1, &used, &data, &data_len ) == CHUNK_TOO_LONG );
    expect( chunk_feed( &chunk, "\r\n", 2, &used, &data, &data_len ) == CHUNK_TOO_LONG && !used );
    check_chunk( line, sizeof(line) );
    memset( line, '0', sizeof(line) );
    check_chunk( line, sizeof(line) );
}

static void test_a_trailer_over_its_limit_is_bad(void)
{
    struct chunk chunk = CHUNK_INIT;
    const char *data;
    size_t used, data_len;
    unsigned int i;

    expect( chunk_feed( &chunk, "0\r\n", 3, &used, &data, &data_len ) == CHUNK_MORE );
    for (i = 0; i < CHUNK_MAX_TRAILER / 4; i++)
        expect( chunk_feed( &chunk, "a:\r\n", 4, &used, &data, &data_len ) == CHUNK_MORE );
    expect( chunk_feed( &chunk, "a", 1, &used, &data, &data_len ) == CHUNK_BAD );
}

int main(void)
{
    run( test_bodies_are_joined_for_every_split );
    run( test_extensions_and_padding_are_skipped );
    run( test_trailer_bytes_are_countable );
    run( test_bytes_behind_the_end_are_not_taken );
    run( test_cut_input_asks_for_more );
    run( test_junk_in_the_framing_is_bad );
    run( test_size_overflow_is_bad );
    run( test_the_largest_size_is_accepted );
    run( test_skip_to_the_end_of_a_chunk );
    run( test_a_line_without_an_end_is_too_long );
    run( test_a_trailer_over_its_limit_is_bad );
    return test_end( "chunk" );
}
