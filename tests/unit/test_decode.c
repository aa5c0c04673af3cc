/*
 * Tests of unix/decode*.c: content codings
 */

#include <malloc.h>
#include <zlib.h>

#include "check_decode.h"
#include "hooks.h"
#include "unix/hooks.h"

#define TEXT_SIZE  1410
#define GZIP_BITS  31
#define ZLIB_BITS  15
#define RAW_BITS  (-15)

static char text[TEXT_SIZE + 1];        /* what the tables below say */

static const char text_br[] =
    "\x1f\x81\x05\x00\x8c\xd4\x4e\xf7\xce\x2a\xb2\xe1\x11\x69\x80\x5d\xfd\x86\x35\x1a\x55\x20\x66\x10"
    "\xb3\x03\xc0\xc3\x33\x2f\x68\x2b\xcb\xf0\xed\xc5\x2d\xcf\x61\xbf\x5b\xb9\xe4\xd1\x2c\xd8\x07\xd3"
    "\x35\x1e\x84\xf6\xaf\x0e\x2b\x43\x67\x97\x95\xf6\xdd\xc1\xe6\x37\xaf\x9c\x4a\x3c\x78\xe1\x95\x37"
    "\xde\xf9\xe0\x93\x2f\xbe\x2f\xc0\xc0\x07\x00\x5f\xf8\xca\x37\xbe\xf3\x83\x9f\xfc\x82\x36";

static const char text_zstd[] =         /* with a check sum */
    "\x28\xb5\x2f\xfd\x04\x68\xad\x03\x00\xc2\x05\x13\x17\x80\x6d\xc6\x00\x28\xe7\x89\x7c\x76\x3b\x6a"
    "\x19\x66\xc8\x46\x01\x20\x62\xbb\x83\xce\xd2\x03\x4a\x82\x1c\x46\x41\x0c\x4a\xad\x9c\x8c\x1c\x46"
    "\x41\x0c\x0a\x88\x31\xdd\x50\x4f\xa8\xd0\xc1\x7a\xcd\xd1\x66\xb6\x50\xa5\x93\x59\x77\xb6\x22\x7d"
    "\xf9\x7a\xea\x8e\xed\x5d\xd8\xbe\x53\xee\xcb\x8f\x2e\x9c\xaf\xb9\x14\xa8\x10\xd0\xee\xff\x67\xc0"
    "\x73\xad\x01\x10\x1a\xe1\xff\xff\x77\x7c\x9d\x39\xcd\x9c\xb9\x51\xc8\x08\x58\x83\x30\x8a\x90\x22"
    "\xc8\xe7\x8c\x04\xec\x14\x3d\x59\x27\xe9";

static const char frame_zstd[] =        /* "and another frame" */
    "\x28\xb5\x2f\xfd\x00\x48\x89\x00\x00\x61\x6e\x64\x20\x61\x6e\x6f\x74\x68\x65\x72\x20\x66\x72\x61"
    "\x6d\x65";

static void make_text( void )
{
    unsigned int i;
    char *p = text;

    for (i = 0; i < 20; i++)
        p += sprintf( p, "line %u of a text that is long enough to be worth coding, more or less\n", i );
    if (p != text + TEXT_SIZE) abort();
}

/* Codes with zlib. Returns the length. */
static size_t code( int window_bits, int level, const void *data, size_t len, char *out, size_t size )
{
    z_stream stream = { 0 };
    size_t ret;

    if (deflateInit2( &stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_in   = (unsigned char *)data;
    stream.avail_in  = len;
    stream.next_out  = (unsigned char *)out;
    stream.avail_out = size;
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    ret = size - stream.avail_out;
    deflateEnd( &stream );
    return ret;
}

static int is_known( const char *name )
{
    struct codings codings = codings_of( name );

    return codings_wanted( &codings, ALL_CODINGS );
}

/* What comes out is `expected`, whole or not. */
static void expect_decoded( const char *names, const char *in, size_t len, enum decode_result result, int complete,
                            const char *expected, size_t expected_len )
{
    struct codings codings = codings_of( names );
    size_t size = expected_len + 100;
    struct decoded out = { .size = size, .data = malloc( size ) };

    if (!expect( codings_wanted( &codings, ALL_CODINGS ) )) return;
    decode( &codings, &out, in, len, len ? len : 1, size );
    if (!expect( out.result == result && out.complete == complete && out.len == expected_len &&
                 !memcmp( out.data, expected, out.len ) ))
        fprintf( stderr, "%s: %d, complete %d, %zu bytes instead of %zu\n", names, out.result, out.complete, out.len,
                 expected_len );
    free( out.data );
}

/* The same for each way of cutting it. */
static void check_whole( const char *names, const char *in, size_t len, const char *expected, size_t expected_len )
{
    struct codings codings = codings_of( names );

    expect_decoded( names, in, len, DECODE_OK, 1, expected, expected_len );
    check_decode( &codings, in, len, expected_len + 100 );
}

static void test_names_are_read( void )
{
    struct codings codings = codings_of( "" );

    expect( !codings.count && !codings.other && !codings_wanted( &codings, ALL_CODINGS ) );
    codings = codings_of( "identity" );
    expect( !codings_wanted( &codings, ALL_CODINGS ) );
    codings = codings_of( "GZip" );
    expect( codings.count == 1 && codings_wanted( &codings, WHX_DECODE_GZIP ) );
    expect( !codings_wanted( &codings, WHX_DECODE_DEFLATE ) && !codings_wanted( &codings, 0 ) );
    codings = codings_of( "x-gzip" );
    expect( codings_wanted( &codings, WHX_DECODE_GZIP ) );
    codings = codings_of( "deflate" );
    expect( codings_wanted( &codings, WHX_DECODE_DEFLATE ) && !codings_wanted( &codings, WHX_DECODE_GZIP ) );
    codings = codings_of( "identity, gzip,, identity" );
    expect( codings.count == 1 && codings_wanted( &codings, WHX_DECODE ) );
    codings = codings_of( "gzip, deflate" );
    expect( codings.count == 2 && codings_wanted( &codings, WHX_DECODE ) );
    expect( !codings_wanted( &codings, WHX_DECODE_GZIP ) );
    codings = codings_of( "br" );
    expect( !codings_wanted( &codings, WHX_DECODE ) );
    codings = codings_of( "zstd" );
    expect( !codings_wanted( &codings, WHX_DECODE ) );
}

static void test_what_is_not_known_is_left_alone( void )
{
    static const char *const names[] =
        { "compress", "gzip, compress", "compress, gzip", "gzip, gzip, gzip", "gzip;q=1", "gzipped", "gzi", "aes128gcm" };
    struct codings codings;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    {
        codings = codings_of( names[i] );
        if (!expect( !codings_wanted( &codings, ALL_CODINGS ) )) fprintf( stderr, "%s\n", names[i] );
    }
}

static const struct { const char *name; int bits; } formats[] =
    { { "gzip", GZIP_BITS }, { "deflate", ZLIB_BITS }, { "deflate", RAW_BITS } };

static void test_zlib_formats_for_every_split( void )
{
    char coded[3000];
    size_t i, len;
    int level;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
    {
        for (level = 0; level <= 9; level += 3)
        {
            len = code( formats[i].bits, level, text, TEXT_SIZE, coded, sizeof(coded) );
            check_whole( formats[i].name, coded, len, text, TEXT_SIZE );
            len = code( formats[i].bits, level, text, 1, coded, sizeof(coded) );
            check_whole( formats[i].name, coded, len, text, 1 );
            len = code( formats[i].bits, level, text, 0, coded, sizeof(coded) );
            check_whole( formats[i].name, coded, len, text, 0 );
        }
    }
}

/* A smaller window than the largest is in the first byte of a zlib stream. */
static void test_zlib_streams_of_every_window( void )
{
    char coded[3000];
    size_t len;
    int bits;

    for (bits = 9; bits <= 15; bits++)
    {
        len = code( bits, 6, text, TEXT_SIZE, coded, sizeof(coded) );
        check_whole( "deflate", coded, len, text, TEXT_SIZE );
    }
}

static void test_every_split_in_two_and_every_room( void )
{
    struct codings codings = codings_of( "gzip" );
    char coded[3000], data[2000];
    struct decoded out = { .size = sizeof(data), .data = data };
    struct decoder *decoder;
    size_t len = code( GZIP_BITS, 6, text, 300, coded, sizeof(coded) ), split, room;

    for (split = 0; split <= len; split++)
    {
        for (room = 1; room <= 301; room += room < 20 ? 1 : 40)
        {
            decoder = decoder_create( &codings );
            out.len = out.used = 0;
            if (split) expect( decode_piece( decoder, &out, coded, split, room ) );
            expect( decoder_complete( decoder ) == (!split || split == len) );
            if (split < len) expect( decode_piece( decoder, &out, coded + split, len - split, room ) );
            expect( decoder_complete( decoder ) && out.len == 300 && !memcmp( data, text, 300 ) );
            decoder_free( decoder );
        }
    }
}

static void test_br( void )
{
    size_t len;

    if (!is_known( "br" )) return;
    check_whole( "br", text_br, sizeof(text_br) - 1, text, TEXT_SIZE );
    check_whole( "br", "\x3f", 1, "", 0 );
    for (len = 1; len < sizeof(text_br) - 1; len++)
    {
        struct codings codings = codings_of( "br" );
        char data[2000];
        struct decoded out = { .size = sizeof(data), .data = data };

        decode( &codings, &out, text_br, len, len, sizeof(data) );
        expect( !out.result && !out.complete );
    }
    expect_decoded( "br", "\x3fz", 2, DECODE_BAD, 0, "", 0 );
    expect_decoded( "br", "\xff\xff\xff\xff", 4, DECODE_BAD, 0, "", 0 );
}

static void test_zstd( void )
{
    struct codings codings = codings_of( "zstd" );
    char both[400], data[2000];
    struct decoded out = { .size = sizeof(data), .data = data };
    size_t len = sizeof(text_zstd) - 1;

    if (!is_known( "zstd" )) return;
    check_whole( "zstd", text_zstd, len, text, TEXT_SIZE );
    for (len = 1; len < sizeof(text_zstd) - 1; len++)
    {
        decode( &codings, &out, text_zstd, len, len, sizeof(data) );
        expect( !out.result && !out.complete );
    }
    /* several frames; one that is to be skipped */
    memcpy( both, frame_zstd, sizeof(frame_zstd) - 1 );
    memcpy( both + sizeof(frame_zstd) - 1, "\x50\x2a\x4d\x18\x03\x00\x00\x00" "abc", 11 );
    memcpy( both + sizeof(frame_zstd) + 10, frame_zstd, sizeof(frame_zstd) - 1 );
    check_whole( "zstd", both, 2 * (sizeof(frame_zstd) - 1) + 11, "and another frameand another frame", 34 );
    memcpy( both + sizeof(frame_zstd) - 1, "junk", 4 );
    expect_decoded( "zstd", both, sizeof(frame_zstd) + 3, DECODE_BAD, 0, "and another frame", 17 );
    /* the format of version 0.5, which the library may know */
    expect_decoded( "zstd", "\x25\xb5\x2f\xfd\x04\x58\x79\x01\x00\x1f", 10, DECODE_BAD, 0, "", 0 );
    expect_decoded( "zstd", "\x50\x2a\x2f\xfd\x00", 5, DECODE_BAD, 0, "", 0 );       /* half this, half that */
    /* a window of 128 MiB */
    expect_decoded( "zstd", "\x28\xb5\x2f\xfd\x00\x88\x64\x00\x00\x01\x00\x00\x02\x00", 14, DECODE_BAD, 0, "", 0 );
}

static void test_two_layers( void )
{
    static const struct { const char *names; int first, second; } stacks[] =
        { { "gzip, gzip", GZIP_BITS, GZIP_BITS }, { "gzip, deflate", GZIP_BITS, ZLIB_BITS },
          { "deflate, gzip", RAW_BITS, GZIP_BITS } };
    char once[3000], twice[3000];
    size_t i, len, len_once;

    for (i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
    {
        len_once = code( stacks[i].first, 6, text, TEXT_SIZE, once, sizeof(once) );
        len = code( stacks[i].second, 6, once, len_once, twice, sizeof(twice) );
        check_whole( stacks[i].names, twice, len, text, TEXT_SIZE );
        len = code( stacks[i].second, 6, once, len_once - 1, twice, sizeof(twice) );
        expect_decoded( stacks[i].names, twice, len, DECODE_OK, 0, text, TEXT_SIZE );    /* the inner one is cut off */
        memset( once + len_once, 'x', 20 );
        len = code( stacks[i].second, 6, once, len_once + 20, twice, sizeof(twice) );
        expect_decoded( stacks[i].names, twice, len, DECODE_BAD, 0, text, TEXT_SIZE );
        len = code( stacks[i].second, 6, once, 0, twice, sizeof(twice) );
        check_whole( stacks[i].names, twice, len, "", 0 );
    }
    if (!is_known( "br" )) return;
    len = code( GZIP_BITS, 6, text_br, sizeof(text_br) - 1, once, sizeof(once) );
    check_whole( "br, gzip", once, len, text, TEXT_SIZE );
}

/* A fault of the outer stream comes after what was good of the inner one. */
static void test_two_layers_deliver_what_was_good( void )
{
    char once[3000], twice[3100];
    size_t len = code( GZIP_BITS, 6, text, TEXT_SIZE, once, sizeof(once) );

    len = code( GZIP_BITS, 0, once, len, twice, sizeof(twice) );
    twice[len - 1] ^= 1;
    expect_decoded( "gzip, gzip", twice, len, DECODE_BAD, 0, text, TEXT_SIZE );
}

static unsigned int next_random( unsigned int *seed )
{
    return (*seed = *seed * 1103515245 + 12345) >> 8;
}

static void test_random_data_come_back( void )
{
    static char data[200000], coded[210000], again[200100];
    static const size_t sizes[] = { 1, 2, 3, 100, 4097, 32768, 32769, 65537, 200000 };
    struct decoded out = { .size = sizeof(again), .data = again };
    struct codings codings;
    unsigned int seed = 1, mask;
    size_t i, k, len;

    for (mask = 3; mask < 256; mask = mask * 4 + 3)      /* more and less of it can be coded shorter */
    {
        for (i = 0; i < sizeof(data); i++) data[i] = next_random( &seed ) & mask;
        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        {
            for (k = 0; k < sizeof(formats) / sizeof(formats[0]); k++)
            {
                len = code( formats[k].bits, 1 + next_random( &seed ) % 9, data, sizes[i], coded, sizeof(coded) );
                codings = codings_of( formats[k].name );
                decode( &codings, &out, coded, len, 1 + next_random( &seed ) % 20000, 1 + next_random( &seed ) % 20000 );
                expect( !out.result && out.complete && out.used == len && out.len == sizes[i] &&
                        !memcmp( again, data, sizes[i] ) );
            }
        }
    }
}

static void test_truncated_streams_are_not_complete( void )
{
    char coded[3000], data[2000];
    struct decoded out = { .size = sizeof(data), .data = data };
    struct codings codings;
    size_t i, len, cut;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
    {
        codings = codings_of( formats[i].name );
        len = code( formats[i].bits, 6, text, TEXT_SIZE, coded, sizeof(coded) );
        for (cut = 1; cut < len; cut++)
        {
            decode( &codings, &out, coded, cut, cut, sizeof(data) );
            expect( !out.result && !out.complete && out.len <= TEXT_SIZE && !memcmp( data, text, out.len ) );
        }
    }
}

/* Some bytes say nothing about the document (time, system and effort in a gzip head; padding), so it can still come out
 * whole. What never happens is that another one does. */
static void test_a_corrupt_byte_is_found( void )
{
    char coded[3000], data[2000];
    struct decoded out = { .size = sizeof(data), .data = data };
    struct codings codings;
    size_t i, len, at, found;
    unsigned int flip;

    for (i = 0; i < 2; i++)      /* a bare deflate stream has no check sum */
    {
        found = 0;
        codings = codings_of( formats[i].name );
        len = code( formats[i].bits, 6, text, 200, coded, sizeof(coded) );
        for (at = 0; at < len; at++)
        {
            for (flip = 1; flip < 256; flip++)
            {
                coded[at] ^= flip;
                decode( &codings, &out, coded, len, len, sizeof(data) );
                if (out.complete) expect( out.len == 200 && !memcmp( data, text, 200 ) );
                else found++;
                coded[at] ^= flip;
            }
        }
        /* 6 bytes of a gzip head say nothing; beyond them nearly everything counts */
        expect( found >= (len - 6) * 255 * 98 / 100 );
    }
}

static void test_gzip_members_and_what_is_none( void )
{
    char coded[3000], expected[600];
    size_t len = code( GZIP_BITS, 6, text, 200, coded, sizeof(coded) ), first = len;

    len += code( GZIP_BITS, 6, text + 200, 100, coded + len, sizeof(coded) - len );
    len += code( GZIP_BITS, 6, "", 0, coded + len, sizeof(coded) - len );
    len += code( GZIP_BITS, 6, text + 300, 300, coded + len, sizeof(coded) - len );
    memcpy( expected, text, 600 );
    check_whole( "gzip", coded, len, expected, 600 );

    expect_decoded( "gzip", coded, first + 5, DECODE_OK, 0, expected, 200 );     /* the second is cut off in its head */
    coded[first] = 'x';
    expect_decoded( "gzip", coded, first + 1, DECODE_OK, 0, expected, 200 );     /* one byte may still be anything */
    expect_decoded( "gzip", coded, first + 20, DECODE_BAD, 0, expected, 200 );
    memset( coded + first, 0, 20 );
    expect_decoded( "gzip", coded, first + 20, DECODE_BAD, 0, expected, 200 );
}

static void test_bytes_behind_a_deflate_stream_are_bad( void )
{
    char coded[3000];
    size_t i, len;

    for (i = 1; i < sizeof(formats) / sizeof(formats[0]); i++)
    {
        len = code( formats[i].bits, 6, text, 200, coded, sizeof(coded) );
        coded[len] = 0;
        expect_decoded( "deflate", coded, len + 1, DECODE_BAD, 0, text, 200 );
        len = code( formats[i].bits, 6, text, 0, coded, sizeof(coded) );
        coded[len] = 0;
        expect_decoded( "deflate", coded, len + 1, DECODE_BAD, 0, text, 0 );
    }
}

static void test_what_is_no_stream_is_bad( void )
{
    char coded[300];
    size_t len;

    expect_decoded( "gzip", "not gzip at all", 15, DECODE_BAD, 0, "", 0 );
    len = code( ZLIB_BITS, 6, text, 20, coded, sizeof(coded) );
    expect_decoded( "gzip", coded, len, DECODE_BAD, 0, "", 0 );
    len = code( GZIP_BITS, 6, text, 20, coded, sizeof(coded) );
    expect_decoded( "deflate", coded, len, DECODE_BAD, 0, "", 0 );
    expect_decoded( "deflate", "\x78\xbb\x00\x00\x00\x00", 6, DECODE_BAD, 0, "", 0 );    /* wants a dictionary */
    expect_decoded( "deflate", "\x07", 1, DECODE_OK, 0, "", 0 );
}

/* With a check sum of the head, a name, a comment and an extra field. */
static void test_a_full_gzip_head( void )
{
    char coded[3000], flags = 0x1e;
    size_t len = 0, i;
    uLong sum;

    memcpy( coded, "\x1f\x8b\x08\x1e\0\0\0\0\0\x03" "\x04\0abcd" "name\0" "comment\0", 29 );
    len = 29;
    sum = crc32( 0, (unsigned char *)coded, len );
    coded[len++] = sum & 0xff;
    coded[len++] = sum >> 8 & 0xff;
    len += code( RAW_BITS, 6, text, 200, coded + len, sizeof(coded) - len );
    sum = crc32( 0, (unsigned char *)text, 200 );
    for (i = 0; i < 4; i++) coded[len++] = sum >> (8 * i) & 0xff;
    for (i = 0; i < 4; i++) coded[len++] = 200 >> (8 * i) & 0xff;
    expect( coded[3] == flags );
    check_whole( "gzip", coded, len, text, 200 );
    coded[20] ^= 1;
    expect_decoded( "gzip", coded, len, DECODE_BAD, 0, "", 0 );
}

/* The end of a stream is seen without room for more. */
static void test_the_end_needs_no_room( void )
{
    static const char *const names[] = { "gzip", "deflate", "br", "zstd" };
    char coded[3000], data[TEXT_SIZE];
    size_t i, len, used, stored, made, tail;

    for (i = 0; i < 4; i++)
    {
        struct codings codings = codings_of( names[i] );

        if (!codings_wanted( &codings, ALL_CODINGS )) continue;
        switch (i)
        {
        case 2: memcpy( coded, text_br, len = sizeof(text_br) - 1 ); break;
        case 3: memcpy( coded, text_zstd, len = sizeof(text_zstd) - 1 ); break;
        default: len = code( formats[i].bits, 6, text, TEXT_SIZE, coded, sizeof(coded) ); break;
        }
        for (tail = 0; tail < 6; tail++)     /* the last bytes come separately */
        {
            struct decoder *decoder = decoder_create( &codings );
            unsigned int again;
            char *p;

            expect( !decoder_run( decoder, coded, len - tail, &used, data, TEXT_SIZE, &stored, &made ) );
            p = coded + used;
            if (stored < TEXT_SIZE)          /* the document itself was not whole without them */
            {
                decoder_free( decoder );
                continue;
            }
            expect( !decoder_run( decoder, p, coded + len - p, &used, NULL, 0, &stored, &made ) && !stored );
            expect( decoder_complete( decoder ) && p + used == coded + len );
            for (again = 0; again < 40; again++)
                expect( !decoder_run( decoder, NULL, 0, &used, NULL, 0, &stored, &made ) && !used && !stored );
            expect( decoder_complete( decoder ) );
            decoder_free( decoder );
        }
    }
}

/* Asking often without room or input is no error. */
static void test_asking_often_is_harmless( void )
{
    static const char *const names[] = { "gzip", "deflate", "br", "zstd" };
    char coded[3000], data[TEXT_SIZE];
    size_t i, len, half, used, stored, made, got;
    unsigned int again;

    for (i = 0; i < 4; i++)
    {
        struct codings codings = codings_of( names[i] );
        struct decoder *decoder;

        if (!codings_wanted( &codings, ALL_CODINGS )) continue;
        switch (i)
        {
        case 2: memcpy( coded, text_br, len = sizeof(text_br) - 1 ); break;
        case 3: memcpy( coded, text_zstd, len = sizeof(text_zstd) - 1 ); break;
        default: len = code( formats[i].bits, 6, text, TEXT_SIZE, coded, sizeof(coded) ); break;
        }
        decoder = decoder_create( &codings );
        for (got = half = 0; half < len || decoder_pending( decoder ); half += used)
        {
            for (again = 0; again < 40; again++)
                expect( !decoder_run( decoder, NULL, 0, &used, data + got, 0, &stored, &made ) && !stored );
            for (again = 0; again < 40; again++)
            {
                expect( !decoder_run( decoder, coded + half, len - half, &used, data + got, 0, &stored, &made ) );
                half += used;
            }
            expect( !decoder_run( decoder, coded + half, len - half, &used, data + got, got < TEXT_SIZE, &stored, &made ) );
            got += stored;
            if (!expect( used || stored || half == len )) break;
        }
        expect( decoder_complete( decoder ) && got == TEXT_SIZE && !memcmp( data, text, got ) );
        decoder_free( decoder );
    }
}

/*--- bombs ---------------------------------------------------------------------------------------------------------*/

#define GIB ((size_t)1 << 30)
#define MIB ((size_t)1 << 20)

static size_t heap, heap_peak;
static void *(*plain_malloc)( size_t );
static void *(*plain_calloc)( size_t, size_t );
static void (*plain_free)( void * );

static void *note( void *ptr )
{
    if (ptr) heap += malloc_usable_size( ptr );
    if (heap > heap_peak) heap_peak = heap;
    return ptr;
}

static void *noting_malloc( size_t size ) { return note( plain_malloc( size ) ); }
static void *noting_calloc( size_t count, size_t size ) { return note( plain_calloc( count, size ) ); }

static void noting_free( void *ptr )
{
    if (ptr) heap -= malloc_usable_size( ptr );
    plain_free( ptr );
}

static void count_heap( void )
{
    plain_malloc = wh_hooks.malloc;
    plain_calloc = wh_hooks.calloc;
    plain_free = wh_hooks.free;
    wh_hooks.malloc = noting_malloc;
    wh_hooks.calloc = noting_calloc;
    wh_hooks.free = noting_free;
    heap = heap_peak = 0;
}

static void count_heap_no_more( void )
{
    expect( !heap );
    wh_hooks.malloc = plain_malloc;
    wh_hooks.calloc = plain_calloc;
    wh_hooks.free = plain_free;
}

/* A gzip member of `mib` MiB of zeros. Returns its length. */
static size_t make_bomb( char *coded, size_t size, unsigned int mib )
{
    static char zeros[1 << 20];
    z_stream stream = { 0 };
    unsigned int i;

    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = size;
    if (deflateInit2( &stream, 1, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    for (i = 0; i < mib; i++)
    {
        stream.next_in  = (unsigned char *)zeros;
        stream.avail_in = sizeof(zeros);
        if (deflate( &stream, Z_NO_FLUSH )) abort();
    }
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    deflateEnd( &stream );
    return size - stream.avail_out;
}

static void test_a_bomb_goes_no_faster_than_its_reader( void )
{
    size_t size = 8 * MIB, len, at = 0, total = 0, used, stored, made;
    struct codings codings = codings_of( "gzip" );
    char *coded = malloc( size ), *data = malloc( 100000 );
    struct decoder *decoder;

    len = make_bomb( coded, size, 1024 );
    count_heap();
    decoder = decoder_create( &codings );
    do
    {
        if (!expect( !decoder_run( decoder, coded + at, len - at, &used, data, 100000, &stored, &made ) )) break;
        expect( made <= 100000 );
        at += used;
        total += stored;
    } while (at < len || decoder_pending( decoder ));
    expect( total == GIB && decoder_complete( decoder ) );
    expect( heap_peak < 100000 );
    decoder_free( decoder );
    count_heap_no_more();
    free( coded );
    free( data );
}

/* 256 MiB between the layers, and nothing that a reader gets: each call ends all the same. */
static void test_a_bomb_in_two_layers( void )
{
    struct codings codings = codings_of( "gzip, gzip" );
    size_t size = 1 * MIB, len, at = 0, calls = 0, used, stored, made, total = 0, i, inner = 64 * MIB;
    char *coded = malloc( size ), *members = malloc( inner ), data[100];
    z_stream stream = { 0 };
    struct decoder *decoder;
    char member[100];

    /* nothing but empty members */
    len = code( GZIP_BITS, 9, "", 0, member, sizeof(member) );
    inner = inner / len * len;
    for (i = 0; i < inner; i += len) memcpy( members + i, member, len );
    if (deflateInit2( &stream, 9, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_in   = (unsigned char *)members;
    stream.avail_in  = inner;
    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = size;
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    len = size - stream.avail_out;
    deflateEnd( &stream );
    free( members );

    count_heap();
    decoder = decoder_create( &codings );
    do
    {
        if (!expect( !decoder_run( decoder, coded + at, len - at, &used, data, sizeof(data), &stored, &made ) )) break;
        expect( !stored && made <= DECODE_RUN + 32768 );
        at += used;
        total += made;
        calls++;
    } while (at < len || decoder_pending( decoder ));
    expect( total == inner && calls >= inner / DECODE_RUN / 2 && decoder_complete( decoder ) );
    expect( heap_peak < 200000 );
    decoder_free( decoder );
    count_heap_no_more();
    free( coded );
}

/*--- memory --------------------------------------------------------------------------------------------------------*/

static void decode_with_faults( void *arg )
{
    struct codings codings = codings_of( arg );
    char once[3000], coded[3000], data[2000];
    struct decoder *decoder;
    size_t used, stored, made, len;
    enum decode_result result;

    if (!strcmp( arg, "br" )) memcpy( coded, text_br, len = sizeof(text_br) - 1 );
    else if (strcmp( arg, "gzip, gzip" )) len = code( ZLIB_BITS, 6, text, TEXT_SIZE, coded, sizeof(coded) );
    else
    {
        len = code( GZIP_BITS, 6, text, TEXT_SIZE, once, sizeof(once) );
        len = code( GZIP_BITS, 6, once, len, coded, sizeof(coded) );
    }
    if (!(decoder = decoder_create( &codings ))) return;
    result = decoder_run( decoder, coded, len, &used, data, sizeof(data), &stored, &made );
    expect( result == DECODE_OK || result == DECODE_NO_MEMORY );
    expect( result || (stored == TEXT_SIZE && !memcmp( data, text, stored )) );
    expect( decoder_complete( decoder ) == !result );
    decoder_free( decoder );
    expect( !hooks_live() );
}

static void test_without_memory( void )
{
    static char gzip2[] = "gzip, gzip", deflate1[] = "deflate", br[] = "br";

    hooks_each_failure( HOOK_ALLOC, 0, decode_with_faults, deflate1 );
    hooks_each_failure( HOOK_ALLOC, 0, decode_with_faults, gzip2 );
    if (is_known( "br" )) hooks_each_failure( HOOK_ALLOC, 0, decode_with_faults, br );
}

int main(void)
{
    make_text();
    run( test_names_are_read );
    run( test_what_is_not_known_is_left_alone );
    run( test_zlib_formats_for_every_split );
    run( test_zlib_streams_of_every_window );
    run( test_every_split_in_two_and_every_room );
    run( test_br );
    run( test_zstd );
    run( test_two_layers );
    run( test_two_layers_deliver_what_was_good );
    run( test_random_data_come_back );
    run( test_truncated_streams_are_not_complete );
    run( test_a_corrupt_byte_is_found );
    run( test_gzip_members_and_what_is_none );
    run( test_bytes_behind_a_deflate_stream_are_bad );
    run( test_what_is_no_stream_is_bad );
    run( test_a_full_gzip_head );
    run( test_the_end_needs_no_room );
    run( test_asking_often_is_harmless );
    run( test_a_bomb_goes_no_faster_than_its_reader );
    run( test_a_bomb_in_two_layers );
    run( test_without_memory );
    return test_end( "decode" );
}
