/*
 * A hostile HTTP/2 peer: frames of every type that are malformed, or where they may not be (RFC 9113 sections 4 to 6)
 *
 * An error of the connection ends all its exchanges with WHE_PROTOCOL and a GOAWAY that says why; one of a stream ends
 * that one only.
 */

#include "h2_case.h"

#define STATUS_200 "\x88"                    /* HPACK: the static table's :status 200 */
#define OK_HEADERS RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 )

static const struct h2_case data_rows[] =
{
    { "DATA on stream 0", { RAW( DATA, 0, 0, "x" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA on an idle stream", { RAW( DATA, 0, 5, "x" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA on an idle even stream", { RAW( DATA, 0, 2, "x" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA with more padding than payload", { OK_HEADERS, RAW( DATA, H2_PADDED, 1, "\x05" "abcd" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA with as much padding as payload", { OK_HEADERS, RAW( DATA, H2_PADDED, 1, "\x04" "abc" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA padded without a length", { OK_HEADERS, RAW( DATA, H2_PADDED, 1, "" ) }, CONN_FAILS( CASE_SOME ) },
    { "DATA of nothing but padding", { OK_HEADERS, RAW( DATA, H2_PADDED, 1, "\x03" "\0\0\0" ),
      RAW( DATA, H2_END_STREAM | H2_PADDED, 1, "\x02" "body" "\0\0" ) }, FINE, .body = 4 },
    { "DATA with padding that is not zero", { OK_HEADERS, RAW( DATA, H2_END_STREAM | H2_PADDED, 1, "\x02" "body" "xy" ) },
      MAY_FAIL, .body = 4 },
    { "DATA after the stream's end", { OK_HEADERS, RAW( DATA, H2_END_STREAM, 1, "ab" ), RAW( DATA, 0, 1, "cd" ) },
      MAY_FAIL, .body = 2 },
    { "DATA that ends the stream twice", { OK_HEADERS, RAW( DATA, H2_END_STREAM, 1, "ab" ), RAW( DATA, H2_END_STREAM, 1, "" ) },
      MAY_FAIL, .body = 2 },
    { "DATA above the frame size", { OK_HEADERS, OVER( DATA, 0, 1 ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "DATA with unknown flags", { OK_HEADERS, RAW( DATA, 0xf6 & ~H2_PADDED, 1, "ab" ), RAW( DATA, H2_END_STREAM, 1, "cd" ) },
      FINE, .body = 4 },
    { "DATA with the stream's reserved bit", { OK_HEADERS, RAW( DATA, 0, 0x80000001, "ab" ),
      RAW( DATA, H2_END_STREAM, 1, "cd" ) }, FINE, .body = 4 },
    { "DATA of length 0 in between", { OK_HEADERS, RAW( DATA, 0, 1, "" ), RAW( DATA, 0, 1, "ab" ), RAW( DATA, 0, 1, "" ),
      RAW( DATA, H2_END_STREAM, 1, "" ) }, FINE, .body = 2 },
};

static const struct h2_case headers_rows[] =
{
    { "HEADERS on stream 0", { RAW( HEADERS, H2_END_HEADERS, 0, STATUS_200 ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS on an even stream", { RAW( HEADERS, H2_END_HEADERS, 2, STATUS_200 ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS on an idle stream", { RAW( HEADERS, H2_END_HEADERS, 5, STATUS_200 ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS on the highest stream", { RAW( HEADERS, H2_END_HEADERS, 0x7fffffff, STATUS_200 ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS after the stream's end", { OK_HEADERS, RAW( DATA, H2_END_STREAM, 1, "ab" ),
      RAW( HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, STATUS_200 ) }, MAY_FAIL, .body = 2 },
    { "HEADERS with more padding than payload", { RAW( HEADERS, H2_END_HEADERS | H2_PADDED, 1, "\x09" STATUS_200 ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS padded without a length", { RAW( HEADERS, H2_END_HEADERS | H2_PADDED, 1, "" ) }, CONN_FAILS( CASE_SOME ) },
    { "HEADERS with padding", { RAW( HEADERS, H2_END_HEADERS | H2_PADDED, 1, "\x03" STATUS_200 "\0\0\0" ),
      RAW( DATA, H2_END_STREAM, 1, "ab" ) }, FINE, .body = 2 },
    { "HEADERS with a priority cut short", { RAW( HEADERS, H2_END_HEADERS | H2_WITH_PRIORITY, 1, "\0\0\0" ) },
      CONN_FAILS( CASE_SOME ) },
    { "HEADERS with a priority", { RAW( HEADERS, H2_END_HEADERS | H2_WITH_PRIORITY, 1, "\0\0\0\0\x10" STATUS_200 ),
      RAW( DATA, H2_END_STREAM, 1, "ab" ) }, FINE, .body = 2 },
    /* An error of RFC 7540; RFC 9113 has no opinion any more. */
    { "HEADERS that depend on themselves", { RAW( HEADERS, H2_END_HEADERS | H2_WITH_PRIORITY, 1, "\0\0\0\x01\x10" STATUS_200 ),
      RAW( DATA, H2_END_STREAM, 1, "ab" ) }, MAY_FAIL, .body = 2 },
    { "HEADERS above the frame size", { OVER( HEADERS, H2_END_HEADERS, 1 ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "HEADERS with no fields", { RAW( HEADERS, H2_END_HEADERS, 1, "" ) }, STREAM_FAILS },
    { "HEADERS with unknown flags", { RAW( HEADERS, H2_END_HEADERS | 0xd2, 1, STATUS_200 ), RAW( DATA, H2_END_STREAM, 1, "ab" ) },
      FINE, .body = 2 },
};

static const struct h2_case continuation_rows[] =
{
    { "CONTINUATION of nothing", { RAW( CONTINUATION, H2_END_HEADERS, 1, STATUS_200 ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "CONTINUATION on stream 0", { RAW( CONTINUATION, H2_END_HEADERS, 0, STATUS_200 ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "CONTINUATION after the block's end", { OK_HEADERS, RAW( CONTINUATION, H2_END_HEADERS, 1, STATUS_200 ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "CONTINUATION on another stream", { RAW( HEADERS, 0, 1, STATUS_200 ), RAW( CONTINUATION, H2_END_HEADERS, 3, "" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "DATA inside a header block", { RAW( HEADERS, 0, 1, STATUS_200 ), RAW( DATA, 0, 1, "x" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PING inside a header block", { RAW( HEADERS, 0, 1, STATUS_200 ), RAW( PING, 0, 0, "12345678" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "RST_STREAM inside a header block", { RAW( HEADERS, 0, 1, STATUS_200 ), RAW( RST_STREAM, 0, 1, "\0\0\0\x08" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "HEADERS of another stream inside a block", { RAW( HEADERS, 0, 1, STATUS_200 ), RAW( HEADERS, H2_END_HEADERS, 3, STATUS_200 ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "an unknown frame inside a header block", { RAW( HEADERS, 0, 1, STATUS_200 ), TYPED( 0x99, 0, 1, "x" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "a block in three parts, one of them empty", { RAW( HEADERS, 0, 1, STATUS_200 "\0\x01" ), RAW( CONTINUATION, 0, 1, "" ),
      RAW( CONTINUATION, H2_END_HEADERS, 1, "a\x01" "b" ), RAW( DATA, H2_END_STREAM, 1, "ab" ) }, FINE, .body = 2 },
    /* Its zeros are no fields, either: whichever is noticed first. */
    { "CONTINUATION above the frame size", { RAW( HEADERS, 0, 1, STATUS_200 ), OVER( CONTINUATION, H2_END_HEADERS, 1 ) },
      CONN_FAILS( CASE_SOME ) },
    { "END_STREAM counts where the block ends", { RAW( HEADERS, H2_END_STREAM, 1, STATUS_200 ),
      RAW( CONTINUATION, H2_END_HEADERS, 1, "" ) }, FINE, .body = 0 },
};

static const struct h2_case hpack_rows[] =
{
    { "HPACK: index 0", { RAW( HEADERS, H2_END_HEADERS, 1, "\x80" ) }, CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: an index that is not in the table", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\xbe" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: a huge index", { RAW( HEADERS, H2_END_HEADERS, 1, "\xff\xff\xff\xff\xff\x07" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: an integer without an end", { RAW( HEADERS, H2_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: a name longer than the block", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x7f\x10" "abc" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: a value longer than the block", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x05" "b" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: a length of 2^32", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x7f\x81\xff\xff\xff\x0f" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: a block that ends in a field", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: Huffman padding of eight bits", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x82\x1f\xff" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: Huffman padding of zeros", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x81\x18" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: Huffman's end of string", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x84\xff\xff\xff\xff" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: Huffman", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\0\x01" "a\x81\x1f" ), RAW( DATA, H2_END_STREAM, 1, "ab" ) },
      FINE, .body = 2 },
    { "HPACK: the table made larger than allowed", { RAW( HEADERS, H2_END_HEADERS, 1, "\x3f\xff\xff\xff\x07" STATUS_200 ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: the table resized behind a field", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\x20" ) },
      CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: the table emptied and filled", { RAW( HEADERS, H2_END_HEADERS, 1, "\x20\x3f\x61" STATUS_200 ),
      RAW( DATA, H2_END_STREAM, 1, "ab" ) }, FINE, .body = 2 },
    { "HPACK: an entry that was emptied away", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\x40\x01" "a\x01" "b" ),
      RAW( HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\x20\xbe" ) }, CONN_FAILS( H2_COMPRESSION_ERROR ) },
    { "HPACK: an entry is there the next time", { RAW( HEADERS, H2_END_HEADERS, 1, STATUS_200 "\x40\x01" "a\x01" "b" ),
      RAW( HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\xbe" ) }, FINE, .body = 0, .trailers = "a: b\r\n" },
};

static const struct h2_case priority_rows[] =
{
    { "PRIORITY", { RAW( PRIORITY, 0, 1, "\0\0\0\x03\x10" ) }, FINE },
    { "PRIORITY of an idle stream", { RAW( PRIORITY, 0, 99, "\0\0\0\x03\x10" ) }, FINE },
    { "PRIORITY on stream 0", { RAW( PRIORITY, 0, 0, "\0\0\0\x03\x10" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PRIORITY too short", { RAW( PRIORITY, 0, 1, "\0\0\0\x03" ) }, MAY_FAIL },
    { "PRIORITY too long", { RAW( PRIORITY, 0, 1, "\0\0\0\x03\x10\x10" ) }, MAY_FAIL },
    { "PRIORITY that depends on itself", { RAW( PRIORITY, 0, 1, "\0\0\0\x01\x10" ) }, MAY_FAIL },
};

#define RST( code ) RAW( RST_STREAM, 0, 1, code )
#define RESET_BY( code ) .error = WHE_STREAM, .goaway = CASE_LIVES, .detail = code

static const struct h2_case rst_rows[] =
{
    { "RST_STREAM on stream 0", { RAW( RST_STREAM, 0, 0, "\0\0\0\x08" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "RST_STREAM on an idle stream", { RAW( RST_STREAM, 0, 5, "\0\0\0\x08" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "RST_STREAM on an idle even stream", { RAW( RST_STREAM, 0, 2, "\0\0\0\x08" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "RST_STREAM too short", { RAW( RST_STREAM, 0, 1, "\0\0\0" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "RST_STREAM too long", { RAW( RST_STREAM, 0, 1, "\0\0\0\x08\0" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "RST_STREAM: NO_ERROR before an answer", { RST( "\0\0\0\0" ) }, RESET_BY( H2_NO_ERROR ) },
    { "RST_STREAM: PROTOCOL_ERROR", { RST( "\0\0\0\x01" ) }, RESET_BY( H2_PROTOCOL_ERROR ) },
    { "RST_STREAM: INTERNAL_ERROR", { RST( "\0\0\0\x02" ) }, RESET_BY( H2_INTERNAL_ERROR ) },
    { "RST_STREAM: FLOW_CONTROL_ERROR", { RST( "\0\0\0\x03" ) }, RESET_BY( H2_FLOW_CONTROL_ERROR ) },
    { "RST_STREAM: STREAM_CLOSED", { RST( "\0\0\0\x05" ) }, RESET_BY( H2_STREAM_CLOSED ) },
    { "RST_STREAM: REFUSED_STREAM", { RST( "\0\0\0\x07" ) }, .error = WHE_UNPROCESSED, .goaway = CASE_LIVES },
    { "RST_STREAM: CANCEL", { RST( "\0\0\0\x08" ) }, RESET_BY( H2_CANCEL ) },
    { "RST_STREAM: ENHANCE_YOUR_CALM", { RST( "\0\0\0\x0b" ) }, RESET_BY( H2_ENHANCE_YOUR_CALM ) },
    { "RST_STREAM: HTTP_1_1_REQUIRED", { RST( "\0\0\0\x0d" ) }, .error = WHE_DOWNGRADE, .goaway = CASE_LIVES },
    { "RST_STREAM: a code that nobody knows", { RST( "\x12\x34\x56\x78" ) }, RESET_BY( 0x12345678 ) },
    { "RST_STREAM: a code of all ones", { RST( "\xff\xff\xff\xff" ) }, RESET_BY( 0xffffffff ) },
    { "RST_STREAM in the body", { OK_HEADERS, RAW( DATA, 0, 1, "ab" ), RST( "\0\0\0\x02" ) }, RESET_BY( H2_INTERNAL_ERROR ) },
    /* Something was processed: it cannot just be sent again. */
    { "RST_STREAM: REFUSED_STREAM behind the head", { OK_HEADERS, RST( "\0\0\0\x07" ) }, RESET_BY( H2_REFUSED_STREAM ) },
    { "RST_STREAM after the end", { OK_HEADERS, RAW( DATA, H2_END_STREAM, 1, "ab" ), RST( "\0\0\0\0" ) }, FINE, .body = 2 },
    { "RST_STREAM twice", { RST( "\0\0\0\x02" ), RST( "\0\0\0\x02" ) }, RESET_BY( H2_INTERNAL_ERROR ) },
    { "DATA after RST_STREAM", { OK_HEADERS, RST( "\0\0\0\x02" ), RAW( DATA, 0, 1, "ab" ) }, .error = WHE_STREAM,
      .detail = H2_INTERNAL_ERROR, .goaway = CASE_LIVES },
};

static const struct h2_case settings_rows[] =
{
    { "SETTINGS on a stream", { RAW( SETTINGS, 0, 1, "" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS of five bytes", { RAW( SETTINGS, 0, 0, "\0\x04\0\0\x10" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "SETTINGS: an ACK with payload", { RAW( SETTINGS, H2_ACK, 0, "\0\x04\0\0\x10\0" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "SETTINGS: three ACKs of nothing", { RAW( SETTINGS, H2_ACK, 0, "" ), RAW( SETTINGS, H2_ACK, 0, "" ),
      RAW( SETTINGS, H2_ACK, 0, "" ) }, MAY_FAIL },
    { "SETTINGS: ENABLE_PUSH 2", { RAW( SETTINGS, 0, 0, "\0\x02\0\0\0\x02" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS: ENABLE_PUSH 1 from a server", { RAW( SETTINGS, 0, 0, "\0\x02\0\0\0\x01" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS: ENABLE_PUSH 0", { RAW( SETTINGS, 0, 0, "\0\x02\0\0\0\0" ) }, FINE },
    { "SETTINGS: INITIAL_WINDOW_SIZE 2^31", { RAW( SETTINGS, 0, 0, "\0\x04\x80\0\0\0" ) },
      CONN_FAILS( H2_FLOW_CONTROL_ERROR ) },
    { "SETTINGS: INITIAL_WINDOW_SIZE 2^31-1", { RAW( SETTINGS, 0, 0, "\0\x04\x7f\xff\xff\xff" ) }, FINE },
    /* An error of the connection by RFC 9113 section 6.9.2; nghttp2 resets the streams. */
    { "SETTINGS: a stream's window beyond 2^31-1", { RAW( WINDOW_UPDATE, 0, 1, "\0\0\0\x01" ),
      RAW( SETTINGS, 0, 0, "\0\x04\x7f\xff\xff\xff" ) }, FAILS_SOMEHOW },
    { "SETTINGS: MAX_FRAME_SIZE 16383", { RAW( SETTINGS, 0, 0, "\0\x05\0\0\x3f\xff" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS: MAX_FRAME_SIZE 2^24", { RAW( SETTINGS, 0, 0, "\0\x05\x01\0\0\0" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS: MAX_FRAME_SIZE 2^24-1", { RAW( SETTINGS, 0, 0, "\0\x05\0\xff\xff\xff" ) }, FINE },
    { "SETTINGS: ENABLE_CONNECT_PROTOCOL 2", { RAW( SETTINGS, 0, 0, "\0\x08\0\0\0\x02" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "SETTINGS: ENABLE_CONNECT_PROTOCOL taken back", { RAW( SETTINGS, 0, 0, "\0\x08\0\0\0\x01" ),
      RAW( SETTINGS, 0, 0, "\0\x08\0\0\0\0" ) }, MAY_FAIL },
    { "SETTINGS: NO_RFC7540_PRIORITIES 2", { RAW( SETTINGS, 0, 0, "\0\x09\0\0\0\x02" ) }, MAY_FAIL },
    { "SETTINGS: HEADER_TABLE_SIZE 0", { RAW( SETTINGS, 0, 0, "\0\x01\0\0\0\0" ) }, FINE },
    { "SETTINGS: HEADER_TABLE_SIZE 2^32-1", { RAW( SETTINGS, 0, 0, "\0\x01\xff\xff\xff\xff" ) }, FINE },
    { "SETTINGS: one that nobody knows", { RAW( SETTINGS, 0, 0, "\xaa\xaa\x12\x34\x56\x78" ) }, FINE },
    { "SETTINGS: the same one twice", { RAW( SETTINGS, 0, 0, "\0\x04\0\0\0\0" "\0\x04\0\x01\0\0" ) }, FINE },
    { "SETTINGS: none", { RAW( SETTINGS, 0, 0, "" ) }, FINE },
    { "SETTINGS above the frame size", { OVER( SETTINGS, 0, 0 ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "PING before SETTINGS", { RAW( PING, 0, 0, "12345678" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ), .bare = 1 },
    { "HEADERS before SETTINGS", { OK_HEADERS }, CONN_FAILS( H2_PROTOCOL_ERROR ), .bare = 1 },
    { "SETTINGS: an ACK first", { RAW( SETTINGS, H2_ACK, 0, "" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ), .bare = 1 },
    { "an answer in HTTP/1.1", { BYTES( "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" ) }, CONN_FAILS( CASE_SOME ),
      .bare = 1 },
    { "the end in place of SETTINGS", { END }, .error = WHE_RESET, .goaway = CASE_BROKEN, .bare = 1 },
    { "the end in a frame's head", { BYTES( "\0\0\x08\x06" ), END }, .error = WHE_RESET, .goaway = CASE_BROKEN },
    { "the end in a frame", { HEAD( PING, 0, 0, 8 ), BYTES( "1234" ), END }, .error = WHE_RESET, .goaway = CASE_BROKEN },
    { "the end in a header block", { RAW( HEADERS, 0, 1, STATUS_200 ), END }, .error = WHE_RESET, .goaway = CASE_BROKEN },
    { "the end in a body", { OK_HEADERS, RAW( DATA, 0, 1, "abc" ), END }, .error = WHE_RESET, .goaway = CASE_BROKEN },
};

static const struct h2_case push_rows[] =
{
    { "PUSH_PROMISE", { RAW( PUSH_PROMISE, H2_END_HEADERS, 1, "\0\0\0\x02" "\x82\x86\x84\x01\x09localhost" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PUSH_PROMISE on stream 0", { RAW( PUSH_PROMISE, H2_END_HEADERS, 0, "\0\0\0\x02" "\x82\x86\x84\x01\x09localhost" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PUSH_PROMISE of an odd stream", { RAW( PUSH_PROMISE, H2_END_HEADERS, 1, "\0\0\0\x05" "\x82\x86\x84\x01\x09localhost" ) },
      CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PUSH_PROMISE too short", { RAW( PUSH_PROMISE, H2_END_HEADERS, 1, "\0\0" ) }, CONN_FAILS( CASE_SOME ) },
    { "PUSH_PROMISE without END_HEADERS", { RAW( PUSH_PROMISE, 0, 1, "\0\0\0\x02" "\x82" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
};

static const struct h2_case ping_rows[] =
{
    { "PING on a stream", { RAW( PING, 0, 1, "12345678" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "PING of seven bytes", { RAW( PING, 0, 0, "1234567" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "PING of nine bytes", { RAW( PING, 0, 0, "123456789" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "PING: an ACK of nothing", { RAW( PING, H2_ACK, 0, "12345678" ) }, FINE },
    { "PING: an ACK of the wrong size", { RAW( PING, H2_ACK, 0, "1234567" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "GOAWAY on a stream", { RAW( GOAWAY, 0, 1, "\0\0\0\x03\0\0\0\0" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "GOAWAY of seven bytes", { RAW( GOAWAY, 0, 0, "\0\0\0\x03\0\0\0" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "GOAWAY above the frame size", { OVER( GOAWAY, 0, 0 ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
};

static const struct h2_case window_rows[] =
{
    { "WINDOW_UPDATE of 0", { RAW( WINDOW_UPDATE, 0, 0, "\0\0\0\0" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "WINDOW_UPDATE of 0 with the reserved bit", { RAW( WINDOW_UPDATE, 0, 0, "\x80\0\0\0" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    /* An error of the stream, which may be taken for one of the connection. */
    { "WINDOW_UPDATE of 0 on a stream", { RAW( WINDOW_UPDATE, 0, 1, "\0\0\0\0" ) }, MAY_FAIL },
    { "WINDOW_UPDATE beyond 2^31-1", { RAW( WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff" ) }, CONN_FAILS( H2_FLOW_CONTROL_ERROR ) },
    { "WINDOW_UPDATE beyond 2^31-1 on a stream", { RAW( WINDOW_UPDATE, 0, 1, "\x7f\xff\xff\xff" ) }, .error = WHE_PROTOCOL,
      .goaway = CASE_LIVES, .rst = H2_FLOW_CONTROL_ERROR },
    { "WINDOW_UPDATE up to 2^31-1", { RAW( WINDOW_UPDATE, 0, 0, "\x7f\xff\0\0" ), RAW( WINDOW_UPDATE, 0, 1, "\x7f\xff\0\0" ) },
      FINE },
    { "WINDOW_UPDATE of three bytes", { RAW( WINDOW_UPDATE, 0, 0, "\0\0\x01" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "WINDOW_UPDATE of five bytes", { RAW( WINDOW_UPDATE, 0, 1, "\0\0\0\x01\0" ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "WINDOW_UPDATE on an idle stream", { RAW( WINDOW_UPDATE, 0, 5, "\0\0\0\x01" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "WINDOW_UPDATE on an idle even stream", { RAW( WINDOW_UPDATE, 0, 2, "\0\0\0\x01" ) }, CONN_FAILS( H2_PROTOCOL_ERROR ) },
    { "WINDOW_UPDATE after the end", { OK_HEADERS, RAW( DATA, H2_END_STREAM, 1, "ab" ), RAW( WINDOW_UPDATE, 0, 1, "\0\0\0\x01" ) },
      FINE, .body = 2 },
};

static const struct h2_case other_rows[] =
{
    { "a frame of an unknown type", { TYPED( 0x99, 0xff, 0, "whatever" ) }, FINE },
    { "a frame of an unknown type on a stream", { TYPED( 0x99, 0xff, 1, "whatever" ) }, FINE },
    { "a frame of an unknown type on an idle stream", { TYPED( 0x99, 0, 99, "whatever" ) }, FINE },
    { "a frame of an unknown type above the frame size", { { PART_OVER, 0x99, 0, 0, NULL, 0 } },
      CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
    { "ALTSVC", { TYPED( 0x0a, 0, 1, "\0\0" "h3=\":443\"" ) }, FINE },
    { "ORIGIN", { TYPED( 0x0c, 0, 0, "\0\x0fhttps://a.test/" ) }, FINE },
    /* Only clients may send it (RFC 9218); who does not know the frame ignores it. */
    { "PRIORITY_UPDATE", { TYPED( 0x10, 0, 0, "\0\0\0\x01u=1" ) }, MAY_FAIL },
    /* What is too large is refused before it is there. */
    { "a frame of 16 MiB announced", { HEAD( DATA, 0, 1, 0xffffff ) }, CONN_FAILS( H2_FRAME_SIZE_ERROR ) },
};

static void test_data( void )         { run_cases( data_rows ); }
static void test_headers( void )      { run_cases( headers_rows ); }
static void test_continuation( void ) { run_cases( continuation_rows ); }
static void test_hpack( void )        { run_cases( hpack_rows ); }
static void test_priority( void )     { run_cases( priority_rows ); }
static void test_rst( void )          { run_cases( rst_rows ); }
static void test_settings( void )     { run_cases( settings_rows ); }
static void test_push( void )         { run_cases( push_rows ); }
static void test_ping_goaway( void )  { run_cases( ping_rows ); }
static void test_window( void )       { run_cases( window_rows ); }
static void test_other( void )        { run_cases( other_rows ); }

/* The answer to a PING bears its bytes. */
static void test_a_ping_is_answered( void )
{
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_frame( &peers[0], H2_PING, 0, 0, "\x01\x02\x03\x04wxyz", 8 );
    until( peers[0].pings_acked == 1 );
    expect( !memcmp( peers[0].ping_data, "\x01\x02\x03\x04wxyz", 8 ) );
    h2_answer( &peers[0], 1, "ok" );
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error );
    play_end();
}

/* Every byte alone: nothing depends on where reads end. */
static void test_byte_by_byte( void )
{
    uint8_t *bytes;
    size_t len, i;

    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_frame( &peers[0], H2_HEADERS, H2_PADDED, 1, "\x02" STATUS_200 "\0\x01" "a\0\0", 7 );
    h2_send_frame( &peers[0], H2_CONTINUATION, H2_END_HEADERS, 1, "\x01" "b", 2 );
    h2_send_frame( &peers[0], H2_DATA, H2_PADDED, 1, "\x02" "body\0\0", 7 );
    h2_send_frame( &peers[0], H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\0\x01t\x01" "u", 5 );
    len = peers[0].out_len - peers[0].out_pos;
    if (!(bytes = malloc( len ))) abort();
    memcpy( bytes, peers[0].out + peers[0].out_pos, len );
    peers[0].out_len = peers[0].out_pos;
    for (i = 0; i < len; i++)
    {
        h2_send_bytes( &peers[0], bytes + i, 1 );
        h2_turn( &peers[0] );
        while (async_pump( 0 )) ;
    }
    free( bytes );
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error && fetches[0].body_len == 4 && !memcmp( fetches[0].body, "body", 4 ) );
    expect( strstr( fetches[0].head, "\r\na: b\r\n" ) != NULL );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_a_ping_is_answered );
    run( test_byte_by_byte );
    run( test_data );
    run( test_headers );
    run( test_continuation );
    run( test_hpack );
    run( test_priority );
    run( test_rst );
    run( test_settings );
    run( test_push );
    run( test_ping_goaway );
    run( test_window );
    run( test_other );
    client_end();
    return test_end( "h2_hostile_frames" );
}
