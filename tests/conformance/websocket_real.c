/*
 * WebSockets with the server that others have written: node's ws package (tests/fixtures/tls/ws_node.js)
 *
 * Over TCP, over TLS and over HTTP/2 (RFC 8441). That a request which enables HTTP/2 becomes a WebSocket of HTTP/2 where the
 * server allows it, and one of HTTP/1.1 where it does not, is a choice: Microsoft says nothing of it. So is permessage-deflate
 * (RFC 7692) where the program's own header offers it.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"
#include "websocket.h"

#define MIB     1048576
#define SOCKETS 8
#define ROUNDS  200
#define OFFER   L"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

static const struct row
{
    const char *server;
    BOOL        secure;
    DWORD       enabled;       /* WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL */
    DWORD       used;
    const char *facts;         /* what the server sees */
}
rows[] =
{
    { "node-ws",    FALSE, 0,                           0,                           "http=1.1\n" },
    { "node-wss",   TRUE,  0,                           0,                           "http=1.1\n" },
    { "node-ws-h2", TRUE,  0,                           0,                           "http=1.1\n" },
    { "node-ws-h2", TRUE,  WINHTTP_PROTOCOL_FLAG_HTTP2, WINHTTP_PROTOCOL_FLAG_HTTP2, "http=2.0\n" },
    { "node-ws-no", TRUE,  WINHTTP_PROTOCOL_FLAG_HTTP2, 0,                           "http=1.1\n" },
};

/* ---- one WebSocket ---- */

static HINTERNET open_request( const struct client *client, const struct row *row, const WCHAR *path )
{
    const WCHAR *address = tls_address();
    HINTERNET request = WinHttpOpenRequest( client->connect, NULL, path, NULL, NULL, NULL, row->secure ? WINHTTP_FLAG_SECURE : 0 );

    ok( request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    if (!request) return NULL;
    if (!WinHttpSetOption( request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, (void *)address,
                           (lstrlenW( address ) + 1) * sizeof(WCHAR) ))
        win_skip( "no RESOLUTION_HOSTNAME: error %lu\n", GetLastError() );
    http2_set( request, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, row->enabled );
    ws_ask( request );
    return request;
}

/* On the client's session; the request is closed with the client, or by the next call. NULL: there is none, and reported. */
static HINTERNET open_socket( struct client *client, const struct row *row, const WCHAR *path, const WCHAR *headers )
{
    DWORD used;

    WinHttpCloseHandle( client->request );
    if (!(client->request = open_request( client, row, path ))) return NULL;
    if (headers) ok( WinHttpAddRequestHeaders( client->request, headers, -1, WINHTTP_ADDREQ_FLAG_ADD ), "error %lu\n", GetLastError() );
    if (!client_get( client )) return NULL;
    used = http2_used( client->request );
    ok( client_status( client->request ) == 101, "status %lu\n", client_status( client->request ) );
    ok( used == row->used || broken( !used ), "used %#lx\n", used );
    return client_status( client->request ) == 101 ? ws_complete( client ) : NULL;
}

/* All of the next message in pieces of `step`: 0 or the error. A close frame is one without bytes. */
static DWORD take( HINTERNET socket, char *data, DWORD room, DWORD step, DWORD *len, WINHTTP_WEB_SOCKET_BUFFER_TYPE *type )
{
    DWORD err, count;

    *len = 0;
    do
    {
        if (*len == room) return ERROR_INSUFFICIENT_BUFFER;
        if ((err = WinHttpWebSocketReceive( socket, data + *len, min( step, room - *len ), &count, type ))) return err;
        *len += count;
    } while (*type == TYPE( BINARY_FRAGMENT ) || *type == TYPE( UTF8_FRAGMENT ));
    return 0;
}

static void fill( char *data, DWORD len, DWORD seed )
{
    DWORD i;

    for (i = 0; i < len; i++)
    {
        seed = seed * 1664525 + 1013904223;
        data[i] = (char)(seed >> 24);
    }
}

/* The message comes back. */
static void check_echo_( const char *file, int line, HINTERNET socket, WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const char *data, DWORD len,
                         DWORD step )
{
    char *back = malloc( len + 1 );
    WINHTTP_WEB_SOCKET_BUFFER_TYPE got_type = 77;
    DWORD err, got = 0;

    err = WinHttpWebSocketSend( socket, type, (void *)data, len );
    ok_( file, line )( !err, "WinHttpWebSocketSend: %lu\n", err );
    if (!err) err = take( socket, back, len + 1, step, &got, &got_type );
    ok_( file, line )( !err && got_type == type && got == len && !memcmp( back, data, len ), "error %lu, type %u, %lu of %lu bytes\n",
                       err, got_type, got, len );
    free( back );
}
#define check_echo( socket, type, data, len, step ) check_echo_( __FILE__, __LINE__, socket, type, data, len, step )

/* The server's next text. */
static BOOL take_text( HINTERNET socket, char *text, DWORD size )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    DWORD err, len;

    err = take( socket, text, size - 1, size - 1, &len, &type );
    text[err ? 0 : len] = 0;
    ok( !err && type == TYPE( UTF8_MESSAGE ), "error %lu, type %u\n", err, type );
    return !err;
}

static void end_socket( HINTERNET socket )
{
    ws_check_close( socket, 0 );
    ws_check_status( socket, 1000, "" );
    ok( WinHttpCloseHandle( socket ), "error %lu\n", GetLastError() );
}

/* ---- the tests: each for each server ---- */

static void test_facts( struct client *client, const struct row *row )
{
    HINTERNET socket = open_socket( client, row, L"/facts", L"Sec-WebSocket-Protocol: chat, talk\r\n" );
    WCHAR protocol[16] = { 0 };
    char text[256];

    if (!socket) return;
    ok( !http2_field( client->request, 0, L"Sec-WebSocket-Protocol", protocol, count_of( protocol ) ) && !lstrcmpW( protocol, L"chat" ),
        "protocol %ls\n", protocol );
    if (take_text( socket, text, sizeof(text) ))
    {
        ok( strstr( text, row->facts ) != NULL || broken( row->used != 0 ), "facts: %s\n", text );
        ok( strstr( text, "protocol=chat\n" ) != NULL, "facts: %s\n", text );
        ok( strstr( text, "extensions=\n" ) != NULL, "facts: %s\n", text );
    }
    end_socket( socket );
}

/* RFC 6455 section 5.2: lengths of each form. */
static void check_sizes( HINTERNET socket )
{
    static const DWORD sizes[] = { 0, 1, 125, 126, 65535, 65536, 200000, MIB };
    char *data = malloc( MIB );
    unsigned int i;

    fill( data, MIB, 1 );
    for (i = 0; i < count_of( sizes ); i++) check_echo( socket, TYPE( BINARY_MESSAGE ), data, sizes[i], MIB );
    check_echo( socket, TYPE( BINARY_MESSAGE ), data, 10000, 7 );
    memset( data, 'x', MIB );
    check_echo( socket, TYPE( BINARY_MESSAGE ), data, MIB, 32768 );
    check_echo( socket, TYPE( UTF8_MESSAGE ), data, MIB, 999 );
    check_echo( socket, TYPE( UTF8_MESSAGE ), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, 1 );    /* characters in parts */
    free( data );
}

static void test_echo( struct client *client, const struct row *row )
{
    HINTERNET socket = open_socket( client, row, L"/", NULL );

    if (!socket) return;
    check_sizes( socket );
    end_socket( socket );
}

static void test_fragments( struct client *client, const struct row *row )
{
    HINTERNET socket = open_socket( client, row, L"/pieces", NULL );
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    static char data[10000], back[10001];
    DWORD err, len;

    if (!socket) return;
    fill( data, sizeof(data), 2 );
    ws_check_send( socket, TYPE( BINARY_FRAGMENT ), data, 3000, 0 );
    ws_check_send( socket, TYPE( BINARY_FRAGMENT ), NULL, 0, 0 );
    ws_check_send( socket, TYPE( BINARY_FRAGMENT ), data + 3000, 7000, 0 );
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), NULL, 0, 0 );
    err = take( socket, back, sizeof(back), 700, &len, &type );
    ok( !err && type == TYPE( BINARY_MESSAGE ) && len == sizeof(data) && !memcmp( data, back, len ), "error %lu, type %u, %lu bytes\n",
        err, type, len );
    ws_check_send( socket, TYPE( UTF8_FRAGMENT ), "\xe2\x82", 2, 0 );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "\xac", 1, 0 );
    err = take( socket, back, sizeof(back), sizeof(back), &len, &type );
    ok( !err && type == TYPE( UTF8_MESSAGE ) && len == 3 && !memcmp( back, "\xe2\x82\xac", 3 ), "error %lu, type %u, %lu bytes\n",
        err, type, len );
    end_socket( socket );
}

static void test_closing( struct client *client, const struct row *row )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = 77;
    HINTERNET socket;
    DWORD err, len;
    char data[16];

    if (!(socket = open_socket( client, row, L"/close", NULL ))) return;    /* the server first */
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "3001 bye", 8, 0 );
    err = take( socket, data, sizeof(data), sizeof(data), &len, &type );
    ok( !err && type == TYPE( CLOSE ) && !len, "error %lu, type %u, %lu bytes\n", err, type, len );
    ws_check_status( socket, 3001, "bye" );
    ws_check_close( socket, 0 );
    WinHttpCloseHandle( socket );

    if (!(socket = open_socket( client, row, L"/", NULL ))) return;         /* we first; it says the same */
    err = WinHttpWebSocketClose( socket, 4000, (void *)"done", 4 );
    ok( !err, "error %lu\n", err );
    ws_check_status( socket, 4000, "done" );
    WinHttpCloseHandle( socket );

    if (!(socket = open_socket( client, row, L"/", NULL ))) return;         /* in two steps, with an answer unread */
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "one", 3, 0 );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "two", 3, 0 );
    err = WinHttpWebSocketShutdown( socket, 1000, NULL, 0 );
    ok( !err, "error %lu\n", err );
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "one" );
    end_socket( socket );

    if (!(socket = open_socket( client, row, L"/abort", NULL ))) return;
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "x", 1, 0 );
    ws_check_receive_error( socket, ERROR_WINHTTP_CONNECTION_ERROR );
    WinHttpCloseHandle( socket );

    if (!(socket = open_socket( client, row, L"/", NULL ))) return;         /* given up */
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "x", 1, 0 );
    ok( WinHttpCloseHandle( socket ), "error %lu\n", GetLastError() );
}

/* A server drops who does not answer its pings. A program that only sends must not be dropped for that: a choice, Microsoft does
 * not say so. The messages are spread over a time, since nobody can know when a ping has come. */
static void test_pings_while_sending( struct client *client, const struct row *row )
{
    HINTERNET socket = open_socket( client, row, L"/ping", NULL );
    char text[16];
    DWORD i;

    if (!socket) return;
    for (i = 0; i < 50; i++)
    {
        ws_check_send( socket, TYPE( UTF8_MESSAGE ), "x", 1, 0 );
        Sleep( 10 );
    }
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "how many", 8, 0 );
    if (take_text( socket, text, sizeof(text) )) ok( atoi( text ) > 0 || broken( !atoi( text ) ), "%s answers\n", text );
    end_socket( socket );
}

/* ---- compression ---- */

static void test_deflate( struct client *client, const struct row *row )
{
    static const WCHAR *const offers[] =
    {
        OFFER,
        L"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
        L"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9; client_max_window_bits=9\r\n",
    };
    HINTERNET socket;
    char text[256];
    unsigned int i;

    if (!strcmp( winetest_platform, "windows" ))
    {
        win_skip( "permessage-deflate\n" );
        return;
    }
    for (i = 0; i < count_of( offers ); i++)
    {
        winetest_push_context( "offer %u", i );
        if ((socket = open_socket( client, row, L"/facts", offers[i] )))
        {
            take_text( socket, text, sizeof(text) );
            ok( strstr( text, "extensions=permessage-deflate\ncompressed" ) || strstr( text, "extensions=permessage-deflate\nprotocol" ),
                "facts: %s\n", text );
            ok( strstr( text, "compressed=0\n" ) != NULL, "facts: %s\n", text );
            ws_check_send( socket, TYPE( UTF8_MESSAGE ), "compressed", 10, 0 );
            take_text( socket, text, sizeof(text) );
            ok( strstr( text, "compressed=1\n" ) != NULL, "facts: %s\n", text );
            end_socket( socket );
        }
        if ((socket = open_socket( client, row, L"/", offers[i] )))
        {
            check_sizes( socket );
            end_socket( socket );
        }
        test_fragments( client, row );
        winetest_pop_context();
    }
}

/* ---- many at a time ---- */

static void test_several( struct client *client, const struct row *row )
{
    HINTERNET sockets[SOCKETS], requests[SOCKETS] = { NULL };
    unsigned int i, round;
    char text[16];

    for (i = 0; i < SOCKETS; i++)
    {
        if (!(sockets[i] = open_socket( client, row, L"/", NULL ))) break;
        requests[i] = client->request;
        client->request = NULL;
    }
    ok( i == SOCKETS, "%u WebSockets\n", i );
    for (round = 0; i == SOCKETS && round < 3; round++)
    {
        for (i = 0; i < SOCKETS; i++) ws_check_send( sockets[i], TYPE( UTF8_MESSAGE ), text, sprintf( text, "%u %u", i, round ), 0 );
        for (i = SOCKETS; i--; )
        {
            sprintf( text, "%u %u", i, round );
            ws_check_receive_( __FILE__, __LINE__, sockets[i], 16, TYPE( UTF8_MESSAGE ), text, (DWORD)strlen( text ) );
        }
        i = SOCKETS;
    }
    while (i--)
    {
        end_socket( sockets[i] );
        WinHttpCloseHandle( requests[i] );
    }
}

struct sender
{
    HINTERNET socket;
    DWORD err;
};

static DWORD round_size( DWORD round )
{
    return round * 997 % 40000;
}

static DWORD WINAPI send_all( void *arg )
{
    static char data[40000];
    struct sender *sender = arg;
    DWORD i;

    for (i = 0; i < ROUNDS && !sender->err; i++)
    {
        memset( data, i, round_size( i ) );
        sender->err = WinHttpWebSocketSend( sender->socket, TYPE( BINARY_MESSAGE ), data, round_size( i ) );
    }
    return 0;
}

/* One thread sends, the other receives what comes back. */
static void test_two_threads( struct client *client, const struct row *row )
{
    struct sender sender = { open_socket( client, row, L"/", NULL ), 0 };
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    DWORD err = 0, i, k, len;
    static char data[40001];
    HANDLE thread;

    if (!sender.socket) return;
    thread = CreateThread( NULL, 0, send_all, &sender, 0, NULL );
    for (i = 0; i < ROUNDS; i++)
    {
        if ((err = take( sender.socket, data, sizeof(data), sizeof(data), &len, &type )) || len != round_size( i )) break;
        for (k = 0; k < len && data[k] == (char)i; k++) ;
        if (k < len || type != TYPE( BINARY_MESSAGE )) break;
    }
    ok( i == ROUNDS && !err, "message %lu: error %lu\n", i, err );
    ok( !WaitForSingleObject( thread, WAIT_MS ), "the sender does not end\n" );
    CloseHandle( thread );
    ok( !sender.err, "sending: error %lu\n", sender.err );
    end_socket( sender.socket );
}

/* ---- asynchronous ---- */

static BOOL wait_for( struct recorder *recorder, DWORD err, DWORD status, struct event *event )
{
    ok( !err, "error %lu\n", err );
    return !err && recorder_complete( recorder, status, event );
}

static void test_async( struct client *client, const struct row *row, struct recorder *recorder )
{
    char *data = malloc( MIB ), *back = malloc( MIB + 1 );
    HINTERNET socket = NULL;
    struct event event;
    DWORD len = 0;

    if (!(client->request = open_request( client, row, L"/" ))) goto done;
    if (!recorder_get( recorder, client, NULL, NULL )) goto done;
    if (!(socket = ws_complete( client ))) goto done;
    fill( data, MIB, 3 );
    /* Both at once: a server that sends back what has come cannot take more than that before somebody reads. */
    ok( !WinHttpWebSocketReceive( socket, back, MIB + 1, NULL, NULL ), "WinHttpWebSocketReceive failed\n" );
    ok( !WinHttpWebSocketSend( socket, TYPE( BINARY_MESSAGE ), data, MIB ), "WinHttpWebSocketSend failed\n" );
    for (;;)
    {
        if (!recorder_wait( recorder, COMPLETIONS, &event )) break;
        ok( event.status == STATUS( READ_COMPLETE ) || event.status == STATUS( WRITE_COMPLETE ), "%s, error %lu\n",
            status_name( event.status ), event.error );
        if (event.status == STATUS( REQUEST_ERROR )) break;
        if (event.status != STATUS( READ_COMPLETE )) continue;
        len += event.value;
        if (event.type != TYPE( BINARY_FRAGMENT )) break;
        ok( !WinHttpWebSocketReceive( socket, back + len, MIB + 1 - len, NULL, NULL ), "WinHttpWebSocketReceive failed\n" );
    }
    ok( len == MIB && event.type == TYPE( BINARY_MESSAGE ) && !memcmp( data, back, MIB ), "%lu bytes, type %lu\n", len, event.type );
    ok( recorder_count( recorder, socket, STATUS( WRITE_COMPLETE ) ) == 1, "not written\n" );
    wait_for( recorder, WinHttpWebSocketClose( socket, 1000, NULL, 0 ), STATUS( CLOSE_COMPLETE ), &event );
    ws_check_status( socket, 1000, "" );
done:
    if (socket) WinHttpCloseHandle( socket );
    free( data );
    free( back );
}

/* The same for a program that has nothing under way at all; again a choice. Threads of the library that have nothing to do may
 * leave after a time, but not while there is a WebSocket. */
static void test_ping_while_idle( struct client *client, const struct row *row, struct recorder *recorder )
{
    HINTERNET socket = NULL;
    struct event event;
    char text[16] = "";

    WinHttpCloseHandle( client->request );
    if (!(client->request = open_request( client, row, L"/ping" ))) return;
    if (!recorder_get( recorder, client, NULL, NULL )) return;
    if (!(socket = ws_complete( client ))) return;
    if (!wait_for( recorder, WinHttpWebSocketSend( socket, TYPE( UTF8_MESSAGE ), (void *)"later", 5 ), STATUS( WRITE_COMPLETE ), &event ))
        goto done;
    Sleep( 13000 );    /* as long as it takes until the ping has come */
    if (!wait_for( recorder, WinHttpWebSocketSend( socket, TYPE( UTF8_MESSAGE ), (void *)"how many", 8 ), STATUS( WRITE_COMPLETE ), &event ))
        goto done;
    if (!wait_for( recorder, WinHttpWebSocketReceive( socket, text, sizeof(text) - 1, NULL, NULL ), STATUS( READ_COMPLETE ), &event ))
        goto done;
    ok( !strcmp( text, "1" ) || broken( !strcmp( text, "0" ) ), "%s answers\n", text );
done:
    WinHttpCloseHandle( socket );
}

/* ---- all of them ---- */

static void (*const tests[])( struct client *client, const struct row *row ) =
    { test_facts, test_echo, test_fragments, test_closing, test_pings_while_sending, test_deflate, test_several,
      test_two_threads };

static void run_sync( const struct row *row )
{
    struct client client;
    unsigned int i;

    if (http2_open( &client, row->server, 0, NULL ))
        for (i = 0; i < count_of( tests ); i++) tests[i]( &client, row );
    client_close( &client );
}

static void run_async( const struct row *row )
{
    struct recorder *recorder = recorder_create();
    struct client client;

    if (http2_open( &client, row->server, WINHTTP_FLAG_ASYNC, recorder ))
    {
        test_async( &client, row, recorder );
        if (row == rows) test_ping_while_idle( &client, row, recorder );    /* takes its time; the transport does not matter */
    }
    recorder_close( recorder, &client );
}

static void for_each_row( void (*run)( const struct row *row ) )
{
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        if (!tls_has_server( rows[i].server ))
        {
            skip( "no server %s: node or its ws package is not installed\n", rows[i].server );
            continue;
        }
        winetest_push_context( "%s, %#lx", rows[i].server, rows[i].enabled );
        run( &rows[i] );
        winetest_pop_context();
    }
}

START_TEST(websocket_real)
{
    if (!http2_there()) return;
    for_each_row( run_sync );
    for_each_row( run_async );    /* behind them: the library's threads would do for synchronous calls what these have to do */
}
