/*
 * WebSockets: the end, synchronous
 *
 * Rules: windows-behaviour.md section 15.4, windows-notifications.md section 8.7, functions.md section 10.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

static char long_reason[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
    "012345678901234567890123";    /* 124 */

static void test_reasons(void)
{
    static const struct step script[] =
        { OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" "shutdown" ), SEND_BYTES( "\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    DWORD err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
#define CHECK( call, expected ) err = call; ok( err == expected, #call ": %lu\n", err )
    CHECK( WinHttpWebSocketShutdown( socket, 1000, NULL, 1 ), ERROR_INVALID_PARAMETER );                    /* WS-40, N-8.7 */
    CHECK( WinHttpWebSocketShutdown( socket, 1000, long_reason, 124 ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketClose( socket, 1000, NULL, 1 ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketClose( socket, 1000, long_reason, 124 ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketShutdown( NULL, 1000, NULL, 0 ), ERROR_INVALID_HANDLE );
    CHECK( WinHttpWebSocketClose( client.request, 1000, NULL, 0 ), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    CHECK( WinHttpWebSocketShutdown( socket, 1000, (void *)"shutdown", 8 ), 0 );                            /* WS-41 */
    CHECK( WinHttpWebSocketShutdown( socket, 1000, (void *)"shutdown", 8 ), ERROR_INVALID_OPERATION );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), "x", 1, ERROR_INVALID_OPERATION );
    /* No second close frame goes out, whatever it says: the script does not take one. */
    CHECK( WinHttpWebSocketClose( socket, 1000, (void *)"close", 5 ), 0 );                                  /* WS-41 */
    ws_check_status( socket, 1000, "" );
#undef CHECK
done:
    ws_finish( &client, socket, server );
}

/* A reason of the greatest length, there and back; and none, nor a code. */
static void test_codes(void)
{
    static const struct { USHORT status; const char *reason; DWORD len; } codes[] =
    {
        { 1000, NULL, 0 }, { 1001, "away", 4 }, { 1008, long_reason, 123 }, { 3000, NULL, 0 }, { 4999, "ours", 4 }
    };
    static const struct step script[] = { OPENED, ECHO_ALL, GONE, END };
    struct client client;
    HINTERNET socket;
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( codes ); i++)
    {
        struct server *server = server_start( script );
        char reason[128];

        if (!server) return;
        if ((socket = ws_open( &client, server )))
        {
            err = WinHttpWebSocketClose( socket, codes[i].status, (void *)codes[i].reason, codes[i].len );
            ok( !err, "%u: error %lu\n", codes[i].status, err );            /* WS-40 */
            memset( reason, 0, sizeof(reason) );
            if (codes[i].len) memcpy( reason, codes[i].reason, codes[i].len );
            ws_check_status( socket, codes[i].status, reason );
        }
        ws_finish( &client, socket, server );
    }
}

/* 1005 stands for a frame without a code, 1006 and 1015 for no frame at all (RFC 6455 section 7.4.1): that the first sends
 * nothing and the others are refused is a choice. */
static void test_codes_that_are_not_sent(void)
{
    static const struct step script[] = { OPENED, FRAME( FIN | OP_CLOSING, "" ), SEND_BYTES( "\x88\x00" ), GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    DWORD err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    err = WinHttpWebSocketClose( socket, WINHTTP_WEB_SOCKET_ABORTED_CLOSE_STATUS, NULL, 0 );
    ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    err = WinHttpWebSocketClose( socket, WINHTTP_WEB_SOCKET_SECURE_HANDSHAKE_ERROR_CLOSE_STATUS, NULL, 0 );
    ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    err = WinHttpWebSocketClose( socket, WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS, (void *)"why", 3 );
    ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    err = WinHttpWebSocketClose( socket, WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS, NULL, 0 );
    ok( !err, "error %lu\n", err );
    ws_check_status( socket, WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS, "" );
done:
    ws_finish( &client, socket, server );
}

static void test_close_status(void)
{
    static const struct step script[] =
        { OPENED, SEND_BYTES( "\x88\x08\x03\xe9" "reason" ), FRAME( FIN | OP_CLOSING, "\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    USHORT status = 77;
    char buffer[128];
    DWORD len = STALE, err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_no_status( socket );                                           /* N-8.2 */
#define CHECK( call, expected ) err = call; ok( err == expected, #call ": %lu\n", err )
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, NULL, NULL, 0, NULL ), ERROR_INVALID_PARAMETER );      /* WS-42, N-8.7 */
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, NULL, buffer, 128, &len ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, NULL, 0, NULL ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, 0, NULL ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, 128, NULL ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, NULL, 1, &len ), ERROR_INVALID_PARAMETER );
    CHECK( WinHttpWebSocketQueryCloseStatus( NULL, &status, NULL, 0, &len ), ERROR_INVALID_HANDLE );
    CHECK( WinHttpWebSocketQueryCloseStatus( client.request, &status, NULL, 0, &len ), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    ok( status == 77 && len == STALE, "outputs were touched\n" );

    ws_check_receive( socket, 16, TYPE( CLOSE ), "" );
    ws_check_receive_error( socket, ERROR_INVALID_OPERATION );              /* N-8.6 */
    /* Without a buffer: how much there is. Whether that is an error is not documented: either. */
    err = WinHttpWebSocketQueryCloseStatus( socket, &status, NULL, 0, &len );
    ok( (!err || err == ERROR_INSUFFICIENT_BUFFER) && len == 6, "error %lu, %lu bytes\n", err, len );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, 5, &len ), ERROR_INSUFFICIENT_BUFFER );
    CHECK( WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, 6, &len ), 0 );
    ok( status == 1001 && len == 6 && !memcmp( buffer, "reason", 6 ), "status %u, %lu bytes\n", status, len );
    /* The peer has closed: messages could still be sent to it, but only Shutdown and Close are of use. */
    ws_check_close( socket, 0 );                                            /* N-8.6 */
    ws_check_status( socket, 1001, "reason" );
#undef CHECK
done:
    ws_finish( &client, socket, server );
}

static void test_empty_reason(void)
{
    static const struct step script[] = { OPENED, GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    USHORT status = 77;
    DWORD len = STALE, err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_close( socket, 0 );
    err = WinHttpWebSocketQueryCloseStatus( socket, &status, NULL, 0, &len );
    ok( !err && !len && status == 1000, "error %lu, status %u, %lu bytes\n", err, status, len );           /* WS-43 */
    ws_check_status( socket, 1000, "" );                                    /* WS-43 */
done:
    ws_finish( &client, socket, server );
}

/* What has not been read is thrown away, however much it is, and the peer's close is found behind it. */
#define BYTES_64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BYTES_512 BYTES_64 BYTES_64 BYTES_64 BYTES_64 BYTES_64 BYTES_64 BYTES_64 BYTES_64

static void test_close_drops_what_is_unread(void)
{
    static const struct step script[] =
    {
        OPENED, SEND_BYTES( "\x81\x05hello\x02\x7f\x00\x00\x00\x00\x00\x10\x00\x00" ), REPEAT( BYTES_512, 2048 ),
        SEND_BYTES( "\x80\x01x" ), FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SEND_BYTES( "\x81\x02no\x88\x04\x03\xea" "ok" ), GONE, END
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_close( socket, 0 );                                            /* N-8.7 */
    ws_check_status( socket, 1002, "ok" );
done:
    ws_finish( &client, socket, server );
}

/* Messages can be received after the own Shutdown. */
static void test_receive_after_shutdown(void)
{
    static const struct step script[] =
        { OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SEND_BYTES( "\x81\x04last\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    DWORD err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    err = WinHttpWebSocketShutdown( socket, 1000, NULL, 0 );
    ok( !err, "error %lu\n", err );
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "last" );           /* N-8.2 */
    ws_check_receive( socket, 16, TYPE( CLOSE ), "" );
    ws_check_status( socket, 1000, "" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* After Close nothing more can be done but to ask and to close the handle. That a second Close is none is a choice. */
static void test_calls_after_close(void)
{
    static const struct step script[] = { OPENED, GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    DWORD err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_close( socket, 0 );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "x", 1, ERROR_INVALID_OPERATION );
    ws_check_receive_error( socket, ERROR_INVALID_OPERATION );
    err = WinHttpWebSocketShutdown( socket, 1000, NULL, 0 );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    ws_check_close( socket, ERROR_INVALID_OPERATION );
    ws_check_status( socket, 1000, "" );
done:
    ws_finish( &client, socket, server );
}

/* A peer that never answers, whether it is silent or goes on talking, costs the time of the option and no more. */
static void test_close_timeout(void)
{
    static const struct step silent[] = { OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" ), GONE, END };
    static const struct step talking[] = { OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" ), FLOOD( "\x81\x02hi", ~0ull ), END };
    static const struct step * const scripts[] = { silent, talking };
    struct client client;
    DWORD limit = 1500;
    HINTERNET socket;
    ULONGLONG start;
    unsigned int i;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );

        if (!server) return;
        if ((socket = ws_open( &client, server )))
        {
            ok( WinHttpSetOption( socket, WINHTTP_OPTION_WEB_SOCKET_CLOSE_TIMEOUT, &limit, sizeof(limit) ), "error %lu\n",
                GetLastError() );
            start = GetTickCount64();
            ws_check_close( socket, ERROR_WINHTTP_TIMEOUT );
            ok( milliseconds_since( start ) >= limit - 100, "after %lu ms\n", (DWORD)milliseconds_since( start ) );
            ws_check_no_status( socket );
        }
        ws_finish( &client, socket, server );
    }
}

static void test_connection_lost_in_close(void)
{
    static const struct step script[] = { OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SHUT, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_close( socket, ERROR_WINHTTP_CONNECTION_ERROR );
    ws_check_no_status( socket );
done:
    ws_finish( &client, socket, server );
}

/* The peer has said that it closes, and its connection is gone: both have had what they wanted. */
static void test_close_after_the_peer_has_left(void)
{
    static const struct step script[] = { OPENED, SEND_BYTES( "\x88\x02\x03\xe9" ), RESET, SIGNAL, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    USHORT status;
    DWORD len, err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    server_wait( server );
    err = WinHttpWebSocketClose( socket, 1000, NULL, 0 );
    /* A reset may have taken the frame with it: either. */
    ok( !err || err == ERROR_WINHTTP_CONNECTION_ERROR, "error %lu\n", err );
    if (!err) ok( !WinHttpWebSocketQueryCloseStatus( socket, &status, NULL, 0, &len ) && status == 1001, "status %u\n", status );
done:
    ws_finish( &client, socket, server );
}

START_TEST(websocket_close)
{
    test_reasons();
    test_codes();
    test_codes_that_are_not_sent();
    test_close_status();
    test_empty_reason();
    test_close_drops_what_is_unread();
    test_receive_after_shutdown();
    test_calls_after_close();
    test_close_timeout();
    test_connection_lost_in_close();
    test_close_after_the_peer_has_left();
}
