/*
 * Fuzz target: a WebSocket over a scripted stream
 *
 * The first bytes of the input choose how the rest, the server's frames, arrives and how the program reads. Whatever they are:
 * no crash, no endless work, what the client sends is right by the book, and what the program gets depends neither on how the
 * bytes were split nor on its buffers. Without compression it is also what a decoder says that sees all the bytes at once.
 */

#define TEST_FATAL
#include "ws_script.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

enum { CHOOSE_DEFLATE = 1, CHOOSE_NO_CONTEXT = 2, CHOOSE_ECHO = 4, CHOOSE_SMALL_BUFFER = 8, CHOOSE_SMALL_AHEAD = 16,
       CHOOSE_RESET = 32, CHOOSE_WITH_HEAD = 64 };

#define CONTROL  3      /* bytes of choices */
#define SIZE_MAX_WIRE 20000

/* What the frames say. Returns the code of a violation, 1000 for a close, 0 for an end. */
static unsigned int decode( const uint8_t *data, size_t len, struct ws_list *list )
{
    struct bytes message = { 0 };
    unsigned int code = 0, kind = 0, i, opcode;
    size_t at = 0, size, header;
    struct utf8
    {
        uint32_t value;
        unsigned int left;
        uint32_t least;
    } utf8 = { 0, 0, 0 };

    while (!code && at < len)
    {
        opcode = data[at] & 0x0f;
        if ((opcode > 2 && opcode < 8) || opcode > 10 || (opcode >= 8 && !(data[at] & 0x80))) { code = 1002; break; }
        if (len - at < 2) break;
        size = data[at + 1] & 0x7f;
        header = size == 126 ? 4 : size == 127 ? 10 : 2;
        if (data[at + 1] & 0x80 || (opcode >= 8 && size > 125)) { code = 1002; break; }
        if (size == 127 && len - at > 2 && data[at + 2] & 0x80) { code = 1002; break; }
        if (len - at < header) break;
        if (header > 2)
        {
            for (size = 0, i = 2; i < header; i++) size = size << 8 | data[at + i];
            if (size < (header == 4 ? 126 : 65536)) { code = 1002; break; }
        }
        if (data[at] & 0x70 || (opcode < 8 && !opcode != !!kind)) { code = 1002; break; }
        if (opcode >= 8 && len - at - header < size) break;
        if (opcode == WS_CLOSE)
        {
            code = ws_close_check( data + at + header, size );
            if (!code) code = 1000;
            break;
        }
        if (opcode < 8)
        {
            size_t there = len - at - header < size ? len - at - header : size, j;

            if (opcode) kind = opcode;
            bytes_add( &message, data + at + header, there );
            for (j = 0; j < there && kind == WS_TEXT && !code; j++)
            {
                uint8_t byte = data[at + header + j];

                if (utf8.left)
                {
                    utf8.value = utf8.value << 6 | (byte & 0x3f);
                    if ((byte & 0xc0) != 0x80) code = 1007;
                    utf8.left--;
                    /* the range of a character shows as soon as its second byte is there */
                    if ((utf8.value << (6 * utf8.left)) + (1u << (6 * utf8.left)) - 1 < utf8.least) code = 1007;
                    if ((utf8.value << (6 * utf8.left)) > 0x10ffff) code = 1007;
                    if ((utf8.value << (6 * utf8.left)) >= 0xd800 &&
                        (utf8.value << (6 * utf8.left)) + (1u << (6 * utf8.left)) - 1 <= 0xdfff) code = 1007;
                }
                else if (byte >= 0x80)
                {
                    if (byte < 0xc2 || byte > 0xf4) code = 1007;
                    utf8.left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
                    utf8.least = byte < 0xe0 ? 0x80 : byte < 0xf0 ? 0x800 : 0x10000;
                    utf8.value = byte & (0x3f >> utf8.left);
                }
            }
            if (code || there < size) break;
            if (data[at] & 0x80)
            {
                if (kind == WS_TEXT && utf8.left) { code = 1007; break; }
                list_add( list, kind, message.data, message.len );
                message.len = 0;
                kind = 0;
            }
        }
        at += header + size;
    }
    bytes_free( &message );
    return code;
}

static int same_lists( const struct ws_list *a, const struct ws_list *b )
{
    return list_equal( a, 1 << WS_TEXT | 1 << WS_BINARY, b );
}

static void play( struct ws_play *play, unsigned int choice )
{
    static const char head[] = WS_TEST_HEAD( "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" );
    static const char plain[] = WS_TEST_ANSWER( "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" );
    static const char no_context[] = WS_TEST_ANSWER( "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                                                     "client_no_context_takeover; server_max_window_bits=9\r\n" );

    memset( &play->reader, 0, sizeof(play->reader) );
    if (choice & CHOOSE_DEFLATE)
    {
        play->head = head;
        play->answer = choice & CHOOSE_NO_CONTEXT ? no_context : plain;
        play->reader.inflates = 1;
        play->reader.no_context = !!(choice & CHOOSE_NO_CONTEXT);
        if (inflateInit2( &play->reader.inflate, -15 )) abort();
    }
    ws_play( play );
    if (choice & CHOOSE_DEFLATE) inflateEnd( &play->reader.inflate );
    expect( !play->lost );
    expect( !play->closed != !play->error );
    expect( !play->error || play->error == WHE_PROTOCOL || play->error == WHE_RESET );
}

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    struct ws_play once = { .buffer = 65536, .eof = 1 }, again;
    unsigned int choice, code;
    struct ws_list expected = { 0 };

    if (!session) client_begin( 0 );
    if (size < CONTROL || size > SIZE_MAX_WIRE) return 0;
    choice = data[0];
    once.wire = data + CONTROL;
    once.len = size - CONTROL;
    once.echo = !!(choice & CHOOSE_ECHO);
    again = once;
    once.first = once.len;
    again.eof = !(again.reset = !!(choice & CHOOSE_RESET));
    again.buffer = choice & CHOOSE_SMALL_BUFFER ? 1 + data[1] % 16 : 1000;
    again.ahead = choice & CHOOSE_SMALL_AHEAD ? 1 + data[1] : 0;
    again.step = 1 + data[2] % 64;
    again.read_max = data[2] / 64;
    again.first = choice & CHOOSE_WITH_HEAD ? data[1] : 0;

    play( &once, choice );
    play( &again, choice );
    expect( same_lists( &once.got, &again.got ) );
    expect( once.closed == again.closed && once.close_code == again.close_code && once.error == again.error );
    expect( once.detail == again.detail );
    if (once.echo) expect( same_lists( &once.got, &once.sent ) && same_lists( &again.got, &again.sent ) );
    if (!(choice & CHOOSE_DEFLATE))
    {
        code = decode( data + CONTROL, size - CONTROL, &expected );
        expect( same_lists( &once.got, &expected ) );
        expect( once.closed == (code == 1000) );
        expect( once.error == (uint32_t)(code == 1000 ? WHE_OK : code ? WHE_PROTOCOL : WHE_RESET) );
        if (code > 1000) expect( once.detail == code );
    }
    list_free( &expected );
    ws_play_free( &once );
    ws_play_free( &again );
    return 0;
}
