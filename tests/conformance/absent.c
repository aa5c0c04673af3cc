/*
 * A synchronous program that is in no call: what its peers see meanwhile
 *
 * Windows works on connections in threads of its own, so a peer that asks is answered, and one that is left is let go, while
 * the program does something else. In each test the program's thread waits for nothing but the peer's word that it was so.
 * Rules: functions.md section 10 (pings), behaviour-concepts.md section 12 (bodies that nobody reads).
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

#define PART "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"

/* The rest of the body never comes, and nobody is there to wait for it. */
static void test_unread_body_is_given_up(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PART ), GONE, SIGNAL, END };
    struct server *server = server_start( script );
    struct client client;
    char buffer[4];
    DWORD count = 0;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( WinHttpReadData( client.request, buffer, sizeof(buffer), &count ) && count == 4, "%lu bytes, error %lu\n", count,
            GetLastError() );
    }
    client_close( &client );
    ok( server_wait( server ), "the connection stays\n" );
    server_stop( server );
}

/* The same with a body that is too long to be thrown away: the connection ends with the handle. */
static void test_long_body_is_given_up(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" ), SEND( "part" ), GONE, SIGNAL, END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" )) client_get( &client );
    client_close( &client );
    ok( server_wait( server ), "the connection stays\n" );
    server_stop( server );
}

/* The rest of the body comes while the program is away: it is taken, and the connection serves the next request. */
static void test_rest_of_a_body_is_taken(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( PART ), HOLD, REPEAT( "12345678", 12 ), SIGNAL,
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext" ), HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        WinHttpCloseHandle( client.request );
        client.request = NULL;
        server_go( server );
        ok( server_wait( server ), "the rest was not sent\n" );
        client_check_get( &client, "next" );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

static void test_pings_are_answered(void)
{
    static const struct step script[] =
    {
        OPENED, SIGNAL, HOLD, SEND_BYTES( "\x89\x02hi" ), FRAME( FIN | OP_PONG, "hi" ), SIGNAL,
        FRAME( FIN | OP_TEXT, "text" ), SEND_BYTES( "\x81\x05""reply" ), SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ),
        SIGNAL, GOODBYE
    };
    struct server *server = server_start( script );
    struct client client;
    HINTERNET socket;

    if (!server) return;
    if ((socket = ws_open( &client, server )) && server_wait( server ))
    {
        server_go( server );
        ok( server_wait( server ), "no answer to a ping\n" );
        ws_check_send( socket, TYPE( UTF8_MESSAGE ), "text", 4, ERROR_SUCCESS );
        ok( server_wait( server ), "no answer after a message\n" );
        ws_check_receive( socket, 64, TYPE( UTF8_MESSAGE ), "reply" );
        ws_check_close( socket, ERROR_SUCCESS );
    }
    ws_finish( &client, socket, server );
}

/* Many calls, and each finds the socket as it should be, whoever has looked after it before. */
static void test_calls_come_back(void)
{
    static const struct step script[] = { OPENED, ECHO_ALL, GONE, END };
    struct server *server = server_start( script );
    struct client client;
    HINTERNET socket;
    unsigned int i;

    if (!server) return;
    if ((socket = ws_open( &client, server )))
    {
        for (i = 0; i < 200; i++)
        {
            ws_check_send( socket, TYPE( BINARY_MESSAGE ), "echo", 4, ERROR_SUCCESS );
            ws_check_receive( socket, 64, TYPE( BINARY_MESSAGE ), "echo" );
            if (!(i % 50)) Sleep( 30 );    /* away for a while, so that somebody else has the socket; nothing waits for it */
        }
        ws_check_close( socket, ERROR_SUCCESS );
    }
    ws_finish( &client, socket, server );
}

START_TEST(absent)
{
    test_unread_body_is_given_up();
    test_long_body_is_given_up();
    test_rest_of_a_body_is_taken();
    test_pings_are_answered();
    test_calls_come_back();
}
