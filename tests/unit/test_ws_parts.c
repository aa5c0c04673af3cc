/*
 * WebSocket, the parts: frames, masks, UTF-8, compression and its parameters, the opening handshake
 */

#include "utf8.h"
#include "ws_deflate.h"
#include "ws_script.h"

static void test_accept_key(void)
{
    char accept[WS_ACCEPT_SIZE];

    expect( !ws_accept_key( WS_TEST_KEY, strlen( WS_TEST_KEY ), accept ) && !strcmp( accept, WS_TEST_ACCEPT ) );
    expect( !ws_accept_key( "x3JJHMbDL1EzLkh9GBhXDw==", 24, accept ) && !strcmp( accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=" ) );
}

static void test_frame_headers_of_every_length(void)
{
    static const struct { uint64_t len; size_t header; } cases[] =
    {
        { 0, 6 }, { 1, 6 }, { 125, 6 }, { 126, 8 }, { 127, 8 }, { 65535, 8 }, { 65536, 14 }, { 0x7fffffffffffffffull, 14 },
    };
    static const uint8_t mask[WS_MASK_SIZE] = { 1, 2, 3, 4 };
    uint8_t header[WS_HEADER_MAX];
    struct ws_frame frame;
    unsigned int i;
    size_t len, part;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        len = ws_frame_header( header, WS_BINARY | WS_FIN, cases[i].len, mask );
        expect( len == cases[i].header && !memcmp( header + len - 4, mask, 4 ) && header[0] == 0x82 && header[1] & 0x80 );
        header[1] &= 0x7f;    /* as a server writes it */
        for (part = 0; part < len - 4; part++)
            expect( ws_frame_parse( &frame, guard_copy( header, part ), part ) == PARSE_MORE );
        expect( ws_frame_parse( &frame, guard_copy( header, len - 4 ), len - 4 ) == (ssize_t)len - 4 );
        expect( frame.len == cases[i].len && frame.opcode == WS_BINARY && frame.bits == WS_FIN );
    }
}

static void test_bad_headers_are_bad_at_once(void)
{
    static const struct { const char *bytes; size_t len; } cases[] =
    {
        { "\x83", 1 }, { "\x87", 1 }, { "\x8b", 1 }, { "\x8f", 1 },     /* reserved opcodes */
        { "\x09", 1 }, { "\x08", 1 }, { "\x0a", 1 },                    /* control frames in parts */
        { "\x82\x80", 2 }, { "\x81\xff", 2 },                           /* masked */
        { "\x89\x7e", 2 }, { "\x88\x7f", 2 },                           /* control frames beyond 125 bytes */
        { "\x82\x7e\x00\x7d", 4 }, { "\x82\x7f\x80", 3 }, { "\x82\x7f\0\0\0\0\0\0\xff\xff", 10 },
    };
    struct ws_frame frame;
    unsigned int i;
    size_t part;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        for (part = 0; part < cases[i].len; part++)
            expect( ws_frame_parse( &frame, guard_copy( cases[i].bytes, part ), part ) == PARSE_MORE );
        expect( ws_frame_parse( &frame, guard_copy( cases[i].bytes, part ), part ) == PARSE_BAD );
    }
}

static void test_masks_at_every_phase_and_length(void)
{
    static const uint8_t mask[WS_MASK_SIZE] = { 0x11, 0xa2, 0x33, 0xf4 };
    uint8_t from[100], to[101], back[100];
    unsigned int phase, len, i;

    for (i = 0; i < sizeof(from); i++) from[i] = (uint8_t)(i * 37);
    for (phase = 0; phase < 9; phase++)
        for (len = 0; len <= sizeof(from); len++)
        {
            to[len] = 0x55;
            ws_mask( to, from, len, mask, phase );
            for (i = 0; i < len && to[i] == (from[i] ^ mask[(phase + i) % 4]); i++) ;
            expect( i == len && to[len] == 0x55 );
            ws_mask( back, to, len, mask, phase );
            expect( !len || !memcmp( back, from, len ) );
        }
    ws_mask( from, from + 2, 98, mask, 0 );     /* down by two bytes, as compressed frames are moved */
    for (i = 0; i < 98 && from[i] == (uint8_t)((uint8_t)((i + 2) * 37) ^ mask[i % 4]); i++) ;
    expect( i == 98 );
}

/* Another way to say what is UTF-8: by what it encodes. */
static int utf8_by_value( const uint8_t *data, size_t len )
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t at = 0, size, i;
    uint32_t value;

    while (at < len)
    {
        size = data[at] < 0x80 ? 1 : (data[at] & 0xe0) == 0xc0 ? 2 : (data[at] & 0xf0) == 0xe0 ? 3 : (data[at] & 0xf8) == 0xf0 ? 4 : 0;
        if (!size || size > len - at) return 0;
        value = size == 1 ? data[at] : data[at] & (0x7f >> size);
        for (i = 1; i < size; i++)
        {
            if ((data[at + i] & 0xc0) != 0x80) return 0;
            value = value << 6 | (data[at + i] & 0x3f);
        }
        if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
        at += size;
    }
    return 1;
}

static int utf8_in_parts( const uint8_t *data, size_t len, size_t split )
{
    struct utf8 utf8 = UTF8_INIT;

    return utf8_feed( &utf8, data, split ) && utf8_feed( &utf8, data + split, len - split ) && utf8_whole( &utf8 );
}

static void test_utf8_of_four_bytes(void)
{
    static const uint8_t edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
                                     0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfe, 0xff };
    unsigned int first, second, i, j, wrong = 0;
    uint8_t data[40];

    memset( data, 'a', sizeof(data) );
    for (first = 0; first < 256; first++)
        for (second = 0; second < 256; second++)
            for (i = 0; i < sizeof(edges); i++)
                for (j = 0; j < sizeof(edges); j++)
                {
                    uint8_t four[4] = { (uint8_t)first, (uint8_t)second, edges[i], edges[j] };
                    int good = utf8_by_value( four, 4 );

                    if (utf8_in_parts( four, 4, (i + j) % 5 ) != good) wrong++;
                }
    expect( !wrong );
    for (i = 0; i + 4 <= sizeof(data); i++)    /* wherever it is in a longer text */
    {
        memcpy( data + i, "\xf0\x9f\x98\x80", 4 );
        for (j = 0; j <= sizeof(data); j++) expect( utf8_in_parts( data, sizeof(data), j ) );
        data[i + 2] = 'b';
        for (j = 0; j <= sizeof(data); j++) expect( !utf8_in_parts( data, sizeof(data), j ) );
        memset( data, 'a', sizeof(data) );
    }
}

static void test_deflate_parameters(void)
{
    static const struct { const char *text; int result; struct ws_deflate_params params; } cases[] =
    {
        { "permessage-deflate", 1, { 1, 0, 0, 0, 0 } },
        { "PerMessage-Deflate ;  Client_No_Context_Takeover", 1, { 1, 0, 1, 0, 0 } },
        { "permessage-deflate; server_no_context_takeover; client_max_window_bits", 1, { 1, 1, 0, 0, WS_BITS_ANY } },
        { "permessage-deflate; server_max_window_bits=8; client_max_window_bits=15", 1, { 1, 0, 0, 8, 15 } },
        { "permessage-deflate; server_max_window_bits=\"10\"", 1, { 1, 0, 0, 10, 0 } },
        { "x-other; permessage-deflate", 0, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate2", 0, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate;", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; unknown", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits=", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits=7", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits=16", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits=08", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; client_no_context_takeover; client_no_context_takeover", -1, { 0, 0, 0, 0, 0 } },
        { "permessage-deflate; client_no_context_takeover=1", -1, { 0, 0, 0, 0, 0 } },
    };
    struct ws_deflate_params params;
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        size_t len = strlen( cases[i].text );

        expect( ws_deflate_parse( &params, guard_copy( cases[i].text, len ), len ) == cases[i].result );
        if (cases[i].result == 1) expect( !memcmp( &params, &cases[i].params, sizeof(params) ) );
    }
}

static void test_inflate_with_every_size_of_room(void)
{
    static const char text[] = "a message that repeats itself, a message that repeats itself, a message that ends";
    struct ws_deflate codec = { .params = { .present = 1 } };
    uint8_t packed[200], out[200];
    size_t room, split, used, len, got;
    ssize_t count;
    int end;

    len = sizeof(text) - 1;
    count = ws_deflate( &codec, text, &len, WS_DEFLATE_END, packed, sizeof(packed), &end );
    expect( end && len == sizeof(text) - 1 && count > 0 );
    for (room = 1; room <= sizeof(text) + 3; room++)
        for (split = 0; split <= (size_t)count; split++)
        {
            struct ws_deflate in = { .params = { .present = 1, .server_no_context = 1 } };
            size_t at = 0, turns = 0;

            for (got = 0, end = 0; !end && turns < 1000; turns++)
            {
                size_t limit = at < split ? split : (size_t)count;
                ssize_t stored;

                used = limit - at;
                stored = ws_inflate( &in, packed + at, &used, limit == (size_t)count, out + got, room, &end );
                if (!expect( stored >= 0 && (size_t)stored <= room )) break;
                at += used;
                got += stored;
            }
            expect( end && got == sizeof(text) - 1 && !memcmp( out, text, got ) );
            ws_deflate_free( &in );
        }
    /* cut short, it does not end */
    for (split = 0; split < (size_t)count; split++)
    {
        struct ws_deflate in = { .params = { .present = 1 } };

        used = split;
        expect( ws_inflate( &in, packed, &used, 1, out, sizeof(out), &end ) == (split ? WS_INFLATE_BAD : 0) );
        ws_deflate_free( &in );
    }
    ws_deflate_free( &codec );
}

static void test_final_blocks_inside_a_message(void)
{
    /* RFC 7692 section 7.2.3.4: "Hello" in a final block, then an empty stored one without its tail; twice */
    static const uint8_t message[] = { 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00 };
    struct ws_deflate in = { .params = { .present = 1 } };
    size_t used, len;
    uint8_t out[20], two[2 * sizeof(message)];
    unsigned int i;
    int end;

    for (i = 0; i < 3; i++)
    {
        used = sizeof(message);
        expect( ws_inflate( &in, message, &used, 1, out, sizeof(out), &end ) == 5 && end && !memcmp( out, "Hello", 5 ) );
    }
    for (i = 0, len = 0; i < 2; i++, len += 7) memcpy( two + len, message, 7 );    /* one ends where the next begins */
    two[len++] = 0;
    used = len;
    expect( ws_inflate( &in, two, &used, 1, out, sizeof(out), &end ) == 10 && end && !memcmp( out, "HelloHello", 10 ) );
    used = 7;    /* nothing behind it */
    expect( ws_inflate( &in, message, &used, 1, out, sizeof(out), &end ) == 5 && end );
    ws_deflate_free( &in );
}

/* The handshake. */

static uint32_t upgrade( const char *head, const char *answer )
{
    uint32_t error;

    memset( &ws_script, 0, sizeof(ws_script) );
    ws_script.data = (const uint8_t *)answer;
    ws_script.size = ws_script.arrived = strlen( answer );
    ws_script.room = ~(size_t)0;
    ws_start( head, answer, 0, &error );
    ws_end();
    bytes_free( &ws_script.out );
    return error;
}

#define UP "Upgrade: websocket\r\n"
#define CONN "Connection: Upgrade\r\n"
#define ACC "Sec-WebSocket-Accept: " WS_TEST_ACCEPT "\r\n"
#define ANSWER( fields ) "HTTP/1.1 101 Switching Protocols\r\n" fields "\r\n"

static void test_handshake(void)
{
    static const struct { const char *offer, *answer; uint32_t error; } cases[] =
    {
        { "", ANSWER( UP CONN ACC ), WHE_OK },
        { "", ANSWER( "UPGRADE: WebSocket\r\nconnection:  keep-alive , upgrade \r\n" ACC ), WHE_OK },
        { "", ANSWER( UP "Connection: x\r\nConnection: Upgrade\r\n" ACC ), WHE_OK },
        { "", ANSWER( CONN ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN ), WHE_PROTOCOL },
        { "", ANSWER( "Upgrade: h2c\r\n" CONN ACC ), WHE_PROTOCOL },
        { "", ANSWER( "Upgrade: websocket2\r\n" CONN ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP UP CONN ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP "Connection: close\r\n" ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP "Connection: NotUpgrade\r\n" ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n" ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\n" ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN "Sec-WebSocket-Accept: \r\n" ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n" ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN ACC ACC ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN "Sec-WebSocket-Accept:\r\n s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" ), WHE_PROTOCOL },
        /* protocols */
        { "Sec-WebSocket-Protocol: chat, superchat\r\n", ANSWER( UP CONN ACC ), WHE_OK },
        { "Sec-WebSocket-Protocol: chat, superchat\r\n", ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: superchat\r\n" ), WHE_OK },
        { "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt\r\n",
          ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: mqtt\r\n" ), WHE_OK },
        { "", ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: chat\r\n" ), WHE_PROTOCOL },
        { "Sec-WebSocket-Protocol: chat\r\n", ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: Chat\r\n" ), WHE_PROTOCOL },
        { "Sec-WebSocket-Protocol: chat, mqtt\r\n", ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: chat, mqtt\r\n" ), WHE_PROTOCOL },
        { "Sec-WebSocket-Protocol: chat\r\n", ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: \r\n" ), WHE_PROTOCOL },
        { "Sec-WebSocket-Protocol: chat\r\n",
          ANSWER( UP CONN ACC "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n" ), WHE_PROTOCOL },
        /* extensions */
#define EXT "Sec-WebSocket-Extensions: "
        { "", ANSWER( UP CONN ACC EXT "permessage-deflate\r\n" ), WHE_PROTOCOL },
        { "", ANSWER( UP CONN ACC EXT "\r\n" ), WHE_OK },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC ), WHE_OK },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate\r\n" ), WHE_OK },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate, permessage-deflate\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate; foo=1\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate; client_max_window_bits=10\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate; client_max_window_bits\r\n",
          ANSWER( UP CONN ACC EXT "permessage-deflate; client_max_window_bits=10\r\n" ), WHE_OK },
        { EXT "permessage-deflate; client_max_window_bits\r\n",
          ANSWER( UP CONN ACC EXT "permessage-deflate; client_max_window_bits\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate; server_max_window_bits=10\r\n" ), WHE_OK },
        { EXT "permessage-deflate; server_max_window_bits=10\r\n",
          ANSWER( UP CONN ACC EXT "permessage-deflate; server_max_window_bits=11\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate; server_max_window_bits=10\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate; server_no_context_takeover\r\n", ANSWER( UP CONN ACC EXT "permessage-deflate\r\n" ), WHE_PROTOCOL },
        { EXT "permessage-deflate; server_max_window_bits=10, permessage-deflate\r\n",
          ANSWER( UP CONN ACC EXT "permessage-deflate\r\n" ), WHE_OK },
        { EXT "x-app; a=\"1,2\"\r\n", ANSWER( UP CONN ACC EXT "x-app\r\n" ), WHE_OK },
        { EXT "x-app\r\n", ANSWER( UP CONN ACC EXT "y-app\r\n" ), WHE_PROTOCOL },
    };
    char head[1024];
    unsigned int i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        snprintf( head, sizeof(head), WS_TEST_HEAD( "%s" ), cases[i].offer );
        if (!expect( upgrade( head, cases[i].answer ) == cases[i].error ))
            fprintf( stderr, "  offer %s, answer %s\n", cases[i].offer, cases[i].answer );
    }
}

int main(void)
{
    client_begin( 0 );
    run( test_accept_key );
    run( test_frame_headers_of_every_length );
    run( test_bad_headers_are_bad_at_once );
    run( test_masks_at_every_phase_and_length );
    run( test_utf8_of_four_bytes );
    run( test_deflate_parameters );
    run( test_inflate_with_every_size_of_room );
    run( test_final_blocks_inside_a_message );
    run( test_handshake );
    client_end();
    return test_end( "ws_parts" );
}
