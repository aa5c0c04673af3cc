/*
 * WebSockets: messages, synchronous
 *
 * Rules: windows-behaviour.md section 15.3, windows-notifications.md section 8.7, RFC 6455 sections 5 and 8. What a peer
 * does wrong ends the WebSocket with ERROR_WINHTTP_INVALID_SERVER_RESPONSE (functions.md section 10).
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

/* ---- arguments ---- */

static void test_arguments(void)
{
    static const struct step script[] = { OPENED, MESSAGE( 256 ), GOODBYE };
    struct server *server = server_start( script );
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    HINTERNET socket = NULL;
    struct client client;
    char data[256] = { 0 };
    DWORD count = STALE;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), NULL, 1, ERROR_INVALID_PARAMETER );                      /* WS-30, N-8.7 */
    ws_check_send( socket, TYPE( CLOSE ), data, 1, ERROR_INVALID_PARAMETER );
    ws_check_send( socket, 5, data, 1, ERROR_INVALID_PARAMETER );
    ws_check_send( NULL, TYPE( BINARY_MESSAGE ), data, 1, ERROR_INVALID_HANDLE );
    ws_check_send( client.request, TYPE( BINARY_MESSAGE ), data, 1, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), data, sizeof(data), 0 );                                 /* WS-30 */
#define REFUSED( buffer, size, read, kind ) \
    ok( WinHttpWebSocketReceive( socket, buffer, size, read, kind ) == ERROR_INVALID_PARAMETER, "not refused\n" )
    REFUSED( NULL, 0, NULL, NULL );                                         /* WS-31 */
    REFUSED( data, 0, NULL, NULL );
    REFUSED( NULL, 1, NULL, NULL );
    REFUSED( NULL, 0, &count, &type );                                      /* N-8.7 */
    REFUSED( data, 0, &count, &type );
    REFUSED( NULL, 1, &count, &type );
#undef REFUSED
    ok( count == STALE && type == 77, "outputs were touched\n" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* ---- receiving ---- */

static void test_receive(void)
{
    static const struct step script[] =
        { OPENED, SEND_BYTES( "\x81\x05hello" ), SEND_BYTES( "\x82\x08" "abcdefgh" ), SEND_BYTES( "\x81\x00" ), SEND_BYTES( "\x82\x00" ),
          GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "hello" );          /* WS-32 */
    ws_check_receive( socket, 4, TYPE( BINARY_FRAGMENT ), "abcd" );         /* WS-33, N-8.7 */
    ws_check_receive( socket, 4, TYPE( BINARY_MESSAGE ), "efgh" );
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "" );
    ws_check_receive( socket, 16, TYPE( BINARY_MESSAGE ), "" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* A message as its pieces come, whatever they are: they add up, and the type says where it ends. */
static DWORD read_message( HINTERNET socket, char *data, DWORD room, DWORD step, WINHTTP_WEB_SOCKET_BUFFER_TYPE message,
                           WINHTTP_WEB_SOCKET_BUFFER_TYPE fragment, DWORD *err )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    DWORD len = 0, count;

    for (;;)
    {
        count = STALE;
        *err = WinHttpWebSocketReceive( socket, data + len, min( step, room - len ), &count, &type );
        if (*err) return len;
        len += count;
        if (type == message) return len;
        ok( type == fragment, "type %u\n", type );
        if (type != fragment || len == room) return len;
    }
}

static void check_message( HINTERNET socket, DWORD step, BOOL text, const char *expected )
{
    char data[512];
    DWORD err, len;

    len = read_message( socket, data, sizeof(data), step, text ? TYPE( UTF8_MESSAGE ) : TYPE( BINARY_MESSAGE ),
                        text ? TYPE( UTF8_FRAGMENT ) : TYPE( BINARY_FRAGMENT ), &err );
    ok( !err, "error %lu\n", err );
    ok( len == strlen( expected ) && !memcmp( data, expected, len ), "got \"%.*s\"\n", (int)len, data );
}

/* Frames on the wire are not what the program reads; control frames may stand between them. */
static void test_fragments(void)
{
    static const struct step script[] =
    {
        OPENED,
        SEND_BYTES( "\x01\x03one\x80\x03two" ),
        SEND_BYTES( "\x02\x03one\x89\x04ping\x00\x03two\x00\x00\x80\x00" ), FRAME( FIN | OP_PONG, "ping" ),
        DRIP( "\x01\x03" "abc\x8a\x01x\x80\x03" "def" ),
        GOODBYE
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    check_message( socket, 64, TRUE, "onetwo" );                            /* WS-33 */
    check_message( socket, 64, FALSE, "onetwo" );
    check_message( socket, 2, TRUE, "abcdef" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* The answer is the ping's payload; it goes out while the program waits for something else. */
static void test_pings_are_answered(void)
{
    static const struct step script[] =
    {
        OPENED, SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ), SEND_BYTES( "\x89\x05" "a\0b\r\n" ), FRAME( FIN | OP_PONG, "a\0b\r\n" ),
        SEND_BYTES( "\x82\x01z" ), GOODBYE
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_receive( socket, 16, TYPE( BINARY_MESSAGE ), "z" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* Characters of two to four bytes, cut anywhere. */
static void test_text_is_utf8(void)
{
#define WORDS "\xc3\xa4" "\xe2\x82\xac" "\xf0\x9f\x98\x80" "\xf4\x8f\xbf\xbf"
    static const struct step script[] =
        { OPENED, DRIP( "\x81\x0d" WORDS ), SEND_BYTES( "\x01\x01\xe2\x00\x01\x82\x80\x01\xac" ), GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    check_message( socket, 3, TRUE, WORDS );
    check_message( socket, 64, TRUE, "\xe2\x82\xac" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
#undef WORDS
}

/* ---- sending ---- */

static void test_send(void)
{
    static const struct step script[] =
    {
        OPENED, FRAME( FIN | OP_TEXT, "text" ), FRAME( FIN | OP_BINARY, "a\0b" ), FRAME( FIN | OP_BINARY, "" ),
        FRAME( OP_TEXT, "one" ), FRAME( OP_CONTINUATION, "two" ), FRAME( FIN | OP_CONTINUATION, "three" ),
        FRAME( OP_BINARY, "four" ), FRAME( FIN | OP_CONTINUATION, "" ), FRAME( FIN | OP_TEXT, "five" ), GOODBYE
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "text", 4, 0 );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), "a\0b", 3, 0 );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), NULL, 0, 0 );

    ws_check_send( socket, TYPE( UTF8_FRAGMENT ), "one", 3, 0 );
    ws_check_send( socket, TYPE( BINARY_FRAGMENT ), "x", 1, ERROR_INVALID_PARAMETER );                      /* N-8.2 */
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), "x", 1, ERROR_INVALID_PARAMETER );
    ws_check_send( socket, TYPE( UTF8_FRAGMENT ), "two", 3, 0 );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "three", 5, 0 );

    ws_check_send( socket, TYPE( BINARY_FRAGMENT ), "four", 4, 0 );
    ws_check_send( socket, TYPE( UTF8_FRAGMENT ), "x", 1, ERROR_INVALID_PARAMETER );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "x", 1, ERROR_INVALID_PARAMETER );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), NULL, 0, 0 );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "five", 4, 0 );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* Each form of a length, there and back. */
static void test_lengths(void)
{
    static const DWORD lengths[] = { 1, 125, 126, 127, 65535, 65536, 70000, 1 << 20 };
    static const struct step script[] = { OPENED, ECHO_ALL, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    char *sent, *got;
    unsigned int i;
    DWORD len, err;

    if (!server) return;
    sent = malloc( 1 << 20 );
    got = malloc( 1 << 20 );
    for (i = 0; i < 1 << 20; i++) sent[i] = (char)(i * 7 + i / 251);
    if (!(socket = ws_open( &client, server ))) goto done;
    for (i = 0; i < count_of( lengths ); i++)
    {
        ws_check_send( socket, TYPE( BINARY_MESSAGE ), sent, lengths[i], 0 );
        len = read_message( socket, got, lengths[i], i & 1 ? lengths[i] : 1000, TYPE( BINARY_MESSAGE ), TYPE( BINARY_FRAGMENT ),
                            &err );
        ok( !err && len == lengths[i], "%lu: error %lu, %lu bytes\n", lengths[i], err, len );
        ok( !memcmp( sent, got, len ), "%lu: other bytes came back\n", lengths[i] );
        if (err) break;
    }
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
    free( sent );
    free( got );
}

/* ---- peers that break the rules ---- */

static const struct { const char *name, *data; unsigned int len; BOOL first; } faults[] =
{
#define FAULT( name, bytes ) { name, bytes, sizeof(bytes) - 1, FALSE }
#define AFTER( name, bytes ) { name, bytes, sizeof(bytes) - 1, TRUE }    /* a message is good: "ok" */
    FAULT( "a masked frame",                 "\x81\x82\x01\x02\x03\x04\x69\x6b" ),
    FAULT( "reserved bit 1",                 "\xc1\x02hi" ),
    FAULT( "reserved bit 2",                 "\xa1\x02hi" ),
    FAULT( "reserved bit 3",                 "\x91\x02hi" ),
    FAULT( "opcode 3",                       "\x83\x02hi" ),
    FAULT( "opcode 7",                       "\x87\x02hi" ),
    FAULT( "opcode 11",                      "\x8b\x02hi" ),
    FAULT( "opcode 15",                      "\x8f\x02hi" ),
    FAULT( "a ping in fragments",            "\x09\x02hi" ),
    FAULT( "a ping of 126 bytes",            "\x89\x7e\x00\x7e" ),
    FAULT( "a close frame of one byte",      "\x88\x01\x03" ),
    FAULT( "a close frame of 126 bytes",     "\x88\x7e\x00\x7e" ),
    FAULT( "close code 999",                 "\x88\x02\x03\xe7" ),
    FAULT( "close code 1005",                "\x88\x02\x03\xed" ),
    FAULT( "a close reason that is not UTF-8", "\x88\x04\x03\xe8\xc3\x28" ),
    FAULT( "a length of 63 bits and more",   "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x01" ),
    AFTER( "a continuation of nothing",      "\x81\x02ok\x80\x02hi" ),
    AFTER( "text that is not UTF-8",         "\x81\x02ok\x81\x02\xc3\x28" ),
    AFTER( "a surrogate",                    "\x81\x02ok\x81\x03\xed\xa0\x80" ),
    AFTER( "text that ends in a character",  "\x81\x02ok\x81\x02\xe2\x82" ),
#undef FAULT
#undef AFTER
};

static void check_fault( unsigned int i )
{
    const struct step script[] = { OPENED, { STEP_SEND, faults[i].data, faults[i].len, 0 }, GONE, END };
    struct server *server = server_start( script );
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    DWORD count, err;

    if (!server) return;
    if ((socket = ws_open( &client, server )))
    {
        if (faults[i].first) ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "ok" );
        err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
        ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "%s: error %lu\n", faults[i].name, err );
        err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
        ok( err != 0, "%s: it goes on\n", faults[i].name );
    }
    ws_finish( &client, socket, server );
}

static void test_faults(void)
{
    unsigned int i;

    for (i = 0; i < count_of( faults ); i++) check_fault( i );
}

/* A message may begin only when the one before has ended. Its beginning is good, and may be given out. */
static void test_message_within_a_message(void)
{
    static const struct step script[] = { OPENED, SEND_BYTES( "\x01\x02hi\x81\x02no" ), GONE, END };
    struct server *server = server_start( script );
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    DWORD count, err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
    if (!err)
    {
        ok( type == TYPE( UTF8_FRAGMENT ) && count == 2, "type %u, %lu bytes\n", type, count );
        err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
    }
    ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "error %lu\n", err );
done:
    ws_finish( &client, socket, server );
}

/* The connection ends without a close frame: in an orderly way, in the middle of a frame, or by a reset. What came before
 * can be read. */
static void test_abrupt_end(void)
{
    static const struct step orderly[] = { OPENED, SEND_BYTES( "\x81\x02ok" ), SHUT, GONE, END };
    static const struct step cut[] = { OPENED, SEND_BYTES( "\x81\x02ok\x81\x05hel" ), SHUT, GONE, END };
    static const struct step reset[] = { OPENED, SEND_BYTES( "\x81\x02ok" ), HOLD, RESET, END };
    static const struct step * const scripts[] = { orderly, cut, reset };
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    struct client client;
    HINTERNET socket;
    char buffer[64];
    unsigned int i;
    DWORD count, err;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );

        if (!server) return;
        if ((socket = ws_open( &client, server )))
        {
            ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "ok" );
            if (scripts[i] == reset) server_go( server );
            err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
            if (!err && scripts[i] == cut)    /* what there is of the message, at the end of the buffer or not */
            {
                ok( type == TYPE( UTF8_FRAGMENT ), "type %u\n", type );
                err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &count, &type );
            }
            ok( err == ERROR_WINHTTP_CONNECTION_ERROR, "%u: error %lu\n", i, err );
            ws_check_no_status( socket );
        }
        ws_finish( &client, socket, server );
    }
}

START_TEST(websocket_data)
{
    test_arguments();
    test_receive();
    test_fragments();
    test_pings_are_answered();
    test_text_is_utf8();
    test_send();
    test_lengths();
    test_faults();
    test_message_within_a_message();
    test_abrupt_end();
}
