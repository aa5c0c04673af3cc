/*
 * WebSockets: the way to one, and its options
 *
 * Rules: windows-behaviour.md sections 15.1 and 15.2, functions.md section 10, options.md 3.12. Messages are in
 * websocket_data.c, the end in websocket_close.c, notifications in websocket_async.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

#define OF_REQUEST WINHTTP_QUERY_FLAG_REQUEST_HEADERS

/* ---- headers ---- */

static BOOL query( HINTERNET handle, DWORD info, const WCHAR *name, WCHAR *buffer, DWORD cch )
{
    DWORD size = cch * sizeof(WCHAR);

    buffer[0] = 0;
    SetLastError( STALE );
    return WinHttpQueryHeaders( handle, info, name, buffer, &size, NULL );
}

static void check_query_error_( const char *file, int line, HINTERNET handle, DWORD info, const WCHAR *name, DWORD expected )
{
    WCHAR buffer[256];
    BOOL ret = query( handle, info, name, buffer, count_of( buffer ) );

    ok_( file, line )( !ret && GetLastError() == expected, "got %d, error %lu\n", ret, GetLastError() );
}
#define check_query_error( handle, info, name, expected ) \
    check_query_error_( __FILE__, __LINE__, handle, info, name, expected )

static void check_query_( const char *file, int line, HINTERNET handle, DWORD info, const WCHAR *name, const WCHAR *expected )
{
    WCHAR buffer[256];
    BOOL ret = query( handle, info, name, buffer, count_of( buffer ) );

    ok_( file, line )( ret, "WinHttpQueryHeaders failed with %lu\n", GetLastError() );
    ok_( file, line )( !lstrcmpiW( buffer, expected ), "got %ls\n", buffer );
}
#define check_query( handle, info, name, expected ) check_query_( __FILE__, __LINE__, handle, info, name, expected )

/* How often a line of the head begins with that; *value is what follows the last one. */
static unsigned int count_fields( const char *head, const char *name, const char **value )
{
    unsigned int count = 0;
    const char *line;

    for (line = head; (line = strstr( line, "\r\n" )); )
    {
        line += 2;
        if (_strnicmp( line, name, strlen( name ) )) continue;
        *value = line + strlen( name );
        count++;
    }
    return count;
}

static void check_field( const char *head, const char *name, const char *expected )
{
    const char *value = "";
    unsigned int count = count_fields( head, name, &value );
    size_t len = strlen( expected );

    ok( count == 1 && !_strnicmp( value, expected, len ) && !strncmp( value + len, "\r\n", 2 ), "%s %u times:\n%s", name,
        count, head );
}

/* The key of a request head, "" if there is none. */
static const char *key_of( const char *head )
{
    const char *value = "";

    count_fields( head, "Sec-WebSocket-Key: ", &value );
    return value;
}

static void check_request_on_the_wire( const char *head )
{
    const char *value = "";

    ok( !strncmp( head, "GET /chat HTTP/1.1\r\n", 20 ), "%s", head );
    check_field( head, "Connection: ", "Upgrade" );                         /* WS-3 */
    check_field( head, "Upgrade: ", "websocket" );
    check_field( head, "Sec-WebSocket-Version: ", "13" );
    ok( count_fields( head, "Sec-WebSocket-Key: ", &value ) == 1, "%s", head );
    ok( strcspn( value, "\r" ) == 24 && !strncmp( value + 22, "==", 2 ), "no 16 bytes in base64:\n%s", head );
    ok( count_fields( head, "Host: ", &value ) == 1, "%s", head );
    ok( !count_fields( head, "Content-Length: ", &value ), "%s", head );
    ok( strlen( head ) < 256, "a request of %u bytes\n", (unsigned int)strlen( head ) );
}

static void test_upgrade(void)
{
    static const struct step script[] = { OPENED, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL, again;
    struct client client;
    DWORD number, size;
    WCHAR key[64];
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );                                               /* WS-1 */
    check_query_error( client.request, WINHTTP_QUERY_CUSTOM | OF_REQUEST, L"Sec-WebSocket-Key",
                       ERROR_WINHTTP_HEADER_NOT_FOUND );                    /* WS-2 */
    check_query_error( client.request, WINHTTP_QUERY_CUSTOM | OF_REQUEST, L"Sec-WebSocket-Version",
                       ERROR_WINHTTP_HEADER_NOT_FOUND );
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    if (!ret) goto done;
    check_query( client.request, WINHTTP_QUERY_CUSTOM | OF_REQUEST, L"Sec-WebSocket-Version", L"13" );      /* WS-2 */
    ok( query( client.request, WINHTTP_QUERY_CUSTOM | OF_REQUEST, L"Sec-WebSocket-Key", key, count_of( key ) )
        && lstrlenW( key ) == 24, "no key, error %lu\n", GetLastError() );
    check_request_on_the_wire( server_request( server, 0 ) );
    check_query_error( client.request, WINHTTP_QUERY_UPGRADE, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_STATE ); /* WS-4 */
    ok( !WinHttpWebSocketCompleteUpgrade( client.connect, 0 ) && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE,
        "error %lu\n", GetLastError() );

    ret = WinHttpReceiveResponse( client.request, NULL );
    ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
    if (!ret) goto done;
    ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );          /* WS-5 */
    check_query( client.request, WINHTTP_QUERY_UPGRADE, NULL, L"websocket" );
    check_query( client.request, WINHTTP_QUERY_CONNECTION, NULL, L"Upgrade" );
    ok( query( client.request, WINHTTP_QUERY_CUSTOM, L"Sec-WebSocket-Accept", key, count_of( key ) ), "no accept value\n" );
    size = sizeof(number);
    ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size,
                               NULL );
    ok( !ret, "a length of %lu\n", number );                                /* WS-7 */
    number = STALE;
    ret = WinHttpQueryDataAvailable( client.request, &number );
    ok( ret && !number, "%d, %lu bytes, error %lu\n", ret, number, GetLastError() );                        /* WS-6 */

    if (!(socket = ws_complete( &client ))) goto done;
    ok( socket != client.request && socket != client.connect && socket != client.session, "an old handle\n" );    /* WS-8 */
    check_query( client.request, WINHTTP_QUERY_UPGRADE, NULL, L"websocket" );                               /* WS-10 */
    check_query( client.request, WINHTTP_QUERY_CONNECTION, NULL, L"Upgrade" );
    ok( query( client.request, WINHTTP_QUERY_CUSTOM, L"Sec-WebSocket-Accept", key, count_of( key ) ), "no accept value\n" );
    check_query_error( socket, WINHTTP_QUERY_STATUS_CODE, NULL, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );      /* WS-11, Q-21 */
    check_query_error( socket, WINHTTP_QUERY_CUSTOM | OF_REQUEST, L"Upgrade", ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );

    /* The response has become one WebSocket. That it does not become another one is a choice, and so is the error: either. */
    SetLastError( STALE );
    again = WinHttpWebSocketCompleteUpgrade( client.request, 0 );
    ok( again ? again != socket : GetLastError() && GetLastError() != STALE, "%p, error %lu\n", again, GetLastError() );
    if (again) WinHttpCloseHandle( again );
done:
    ws_finish( &client, socket, server );
}

/* A length in a 101 is what the header says, and means nothing. */
static void test_length_in_a_101(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SWITCH_WITH( "Content-Length: 7\r\n\r\n\x81\x02hi" ), GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    DWORD number = 0, size = sizeof(number);
    struct client client;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    ws_ask( client.request );
    if (!client_get( &client )) goto done;
    ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &size,
                               NULL );
    ok( ret && number == 7, "%d, %lu\n", ret, number );                     /* WS-7 */
    if (!(socket = ws_complete( &client ))) goto done;
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "hi" );             /* WS-9 */
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* What comes with the head, in one piece with it or one byte at a time, is the WebSocket's. */
static void test_frames_behind_the_head(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SWITCH_WITH( "\r\n\x81\x02hi\x82\x03" "abc\x88\x04\x03\xe9" "ok" ), FRAME( FIN | OP_CLOSING, "\x03\xe8" ), GONE,
          END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "hi" );             /* WS-9 */
    ws_check_receive( socket, 16, TYPE( BINARY_MESSAGE ), "abc" );
    ws_check_receive( socket, 16, TYPE( CLOSE ), "" );
    ws_check_status( socket, 1001, "ok" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* A second send is a second connection with a key of its own, and the two sockets live side by side. */
static void test_second_send(void)
{
    static const struct step script[] = { HEAD, SWITCH, ECHO_ALL, GONE, END };
    struct server *server = server_start_each( script );
    HINTERNET first = NULL, second = NULL;
    DWORD_PTR context = 0x1234, got = 0;
    DWORD size = sizeof(got);
    struct client client;
    char key[24];
    BOOL ret;

    if (!server) return;
    if (!(first = ws_open( &client, server ))) goto done;
    memcpy( key, key_of( server_request( server, 0 ) ), sizeof(key) );
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, context );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );      /* WS-12 */
    if (!ret) goto done;
    second = ws_complete( &client );
    ok( second && second != first, "the same handle\n" );
    ok( strcspn( key_of( server_request( server, 1 ) ), "\r" ) == 24, "%s", server_request( server, 1 ) );
    ok( memcmp( key, key_of( server_request( server, 1 ) ), sizeof(key) ), "the same key\n" );
    ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );

    ws_check_send( first, TYPE( UTF8_MESSAGE ), "one", 3, 0 );
    ws_check_send( second, TYPE( UTF8_MESSAGE ), "two", 3, 0 );
    ws_check_receive( first, 16, TYPE( UTF8_MESSAGE ), "one" );
    ws_check_receive( second, 16, TYPE( UTF8_MESSAGE ), "two" );

    ok( WinHttpCloseHandle( client.connect ), "error %lu\n", GetLastError() );                              /* WS-13, H-12 */
    client.connect = NULL;
    ok( WinHttpCloseHandle( second ), "error %lu\n", GetLastError() );
    ws_check_send( first, TYPE( BINARY_MESSAGE ), "more", 4, 0 );
    ws_check_receive( first, 16, TYPE( BINARY_MESSAGE ), "more" );
    ok( WinHttpCloseHandle( first ), "error %lu\n", GetLastError() );
    first = second = NULL;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONTEXT_VALUE, &got, &size );
    ok( ret && got == context, "%d, %lx\n", ret, (DWORD)got );
    ok( WinHttpCloseHandle( client.session ), "error %lu\n", GetLastError() );
    client.session = NULL;
    ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONTEXT_VALUE, &got, &size );
    ok( ret && got == context, "%d, %lx\n", ret, (DWORD)got );
done:
    client_close( &client );
    if (first) WinHttpCloseHandle( first );
    if (second) WinHttpCloseHandle( second );
    server_abort( server );    /* sockets that are closed without a close frame end its script early */
}

/* The socket is as good as before when everything above it is closed. */
static void test_socket_outlives_its_parents(void)
{
    static const struct step script[] = { OPENED, FRAME( FIN | OP_TEXT, "still" ), SEND_BYTES( "\x81\x04here" ), GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    client_close( &client );
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "still", 5, 0 );           /* H-12 */
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "here" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* ---- answers that are no WebSocket ---- */

static void test_other_status(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nplain" ), GONE, END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    ws_ask( client.request );
    if (!client_get( &client )) goto done;
    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    SetLastError( STALE );
    ok( !WinHttpWebSocketCompleteUpgrade( client.request, 0 ), "a handle\n" );
    /* The documentation does not say which; a choice. */
    ok( GetLastError() && GetLastError() != STALE, "error %lu\n", GetLastError() );
    client_check_body( client.request, "plain" );
done:
    client_close( &client );
    server_stop( server );
}

static void test_request_that_did_not_ask(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" ), GONE, END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, NULL, NULL )) goto done;
    ok( !WinHttpWebSocketCompleteUpgrade( client.request, 0 ), "a handle before the send\n" );
    if (!client_get( &client )) goto done;
    ok( !WinHttpWebSocketCompleteUpgrade( client.request, 0 ), "a handle\n" );
done:
    client_close( &client );
    server_stop( server );
}

#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\n"

/* Heads that do not grant what was asked for; the accept value of the second is that of RFC 6455's example. */
static void test_wrong_answers(void)
{
    static const char *const heads[] =
    {
        SWITCHED "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        SWITCHED "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    };
    unsigned int i;

    for (i = 0; i < count_of( heads ); i++)
    {
        const struct step script[] = { ACCEPT, HEAD, SEND( heads[i] ), GONE, END };
        struct server *server = server_start( script );
        struct client client;
        DWORD err = 0;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, NULL, NULL ))
        {
            ws_ask( client.request );
            err = client_try( &client );
            ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "%u: error %lu\n", i, err );
            if (!err) ok( !WinHttpWebSocketCompleteUpgrade( client.request, 0 ), "%u: a handle\n", i );
        }
        client_close( &client );
        server_stop( server );
    }
}

static void test_connection_that_ends_before_the_answer(void)
{
    static const struct step script[] = { ACCEPT, HEAD, CLOSE, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        ws_ask( client.request );
        err = client_try( &client );
        /* CONNECTION_ERROR, or INVALID_SERVER_RESPONSE where the end counts as an empty head: either. */
        ok( err == ERROR_WINHTTP_CONNECTION_ERROR || err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "error %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- what the request takes along ---- */

/* Each leg asks anew. */
static void test_redirect_before_the_upgrade(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" ),
        OPENED, SEND_BYTES( "\x81\x02hi" ), GOODBYE
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    const char *second;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    second = server_request( server, 1 );
    ok( !strncmp( second, "GET /there HTTP/1.1\r\n", 21 ), "%s", second );
    check_field( second, "Connection: ", "Upgrade" );
    check_field( second, "Upgrade: ", "websocket" );
    check_field( second, "Sec-WebSocket-Version: ", "13" );
    ok( strncmp( key_of( server_request( server, 0 ) ), key_of( second ), 24 ), "the same key\n" );
    ws_check_receive( socket, 16, TYPE( UTF8_MESSAGE ), "hi" );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

static void test_cookies(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nSet-Cookie: one=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" ),
        ACCEPT, HEAD, SWITCH_WITH( "Set-Cookie: two=2\r\n\r\n" ),
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" ), GONE, END
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    const char *value = "";

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/chat" ) || !client_get( &client )) goto done;
    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, L"GET", L"/chat" ) || !(socket = ws_upgrade( &client ))) goto done;
    check_field( server_request( server, 1 ), "Cookie: ", "one=1" );
    WinHttpCloseHandle( socket );
    socket = NULL;
    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, L"GET", L"/chat" ) || !client_get( &client )) goto done;
    ok( count_fields( server_request( server, 2 ), "Cookie: ", &value ) == 1 && strstr( value, "one=1" ) && strstr( value, "two=2" ),
        "%s", server_request( server, 2 ) );
done:
    ws_finish( &client, socket, server );
}

/* Protocols and extensions are the program's business. */
static void test_own_headers(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SWITCH_WITH( "Sec-WebSocket-Protocol: chat\r\n\r\n" ), GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/chat" )) goto done;
    ok( WinHttpAddRequestHeaders( client.request, L"Sec-WebSocket-Protocol: talk, chat\r\nX-Mine: 1", ~0u,
                                  WINHTTP_ADDREQ_FLAG_ADD ), "error %lu\n", GetLastError() );
    if (!(socket = ws_upgrade( &client ))) goto done;
    check_field( server_request( server, 0 ), "Sec-WebSocket-Protocol: ", "talk, chat" );
    check_field( server_request( server, 0 ), "X-Mine: ", "1" );
    check_query( client.request, WINHTTP_QUERY_CUSTOM, L"Sec-WebSocket-Protocol", L"chat" );
done:
    ws_finish( &client, socket, server );
}

/* The connection belongs to the WebSocket: none is taken from the pool for it, and none goes back. */
static void test_connections_are_not_shared(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), UNHURRIED,
        OPENED, FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SEND_BYTES( "\x88\x02\x03\xe8" ),
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" ), GONE, END
    };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/first" ) || !client_get( &client )) goto done;
    client_check_body( client.request, "" );
    WinHttpCloseHandle( client.request );
    if (!client_reopen( &client, L"GET", L"/chat" ) || !(socket = ws_upgrade( &client ))) goto done;
    ws_check_close( socket, 0 );
    WinHttpCloseHandle( socket );
    socket = NULL;
    WinHttpCloseHandle( client.request );
    /* The first connection would do, but the script has closed it. */
    if (!client_reopen( &client, L"GET", L"/last" )) goto done;
    client_get( &client );
    ok( server_connection_count( server ) == 3, "%u connections\n", server_connection_count( server ) );
done:
    ws_finish( &client, socket, server );
}

/* ---- wss ---- */

static DWORD WINAPI first_byte_thread( void *arg )
{
    SOCKET listener = *(SOCKET *)arg, sock;
    struct timeval limit = { WAIT_MS / 1000, 0 };
    fd_set reads;
    char byte = 0;

    FD_ZERO( &reads );
    FD_SET( listener, &reads );
    if (select( 0, &reads, NULL, NULL, &limit ) <= 0) return 0;
    if ((sock = accept( listener, NULL, NULL )) == INVALID_SOCKET) return 0;
    recv( sock, &byte, 1, 0 );
    closesocket( sock );
    return (DWORD)byte;
}

/* Port 0 means 443 for a secure one. Whether that port can be listened on depends on the machine; the URL says it anyway. */
static void test_default_port_of_wss(void)
{
    static const BYTE handshake_record = 22;
    struct sockaddr_in addr = { 0 };
    struct client client = { 0 };
    DWORD byte = 0, size;
    HANDLE thread = NULL;
    WCHAR url[64];
    WSADATA data;
    SOCKET sock;

    WSAStartup( MAKEWORD( 2, 2 ), &data );
    sock = socket( AF_INET, SOCK_STREAM, 0 );
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    addr.sin_port = htons( 443 );
    if (!bind( sock, (struct sockaddr *)&addr, sizeof(addr) ) && !listen( sock, 1 ))
        thread = CreateThread( NULL, 0, first_byte_thread, &sock, 0, NULL );
    else skip( "port 443 is not ours: error %d\n", WSAGetLastError() );

    if (client_open( &client, 0, 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, L"/chat", NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        ok( client.request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
        ws_ask( client.request );
        if (thread) ok( client_try( &client ) != 0, "a handshake without a server\n" );
        size = sizeof(url);
        ok( WinHttpQueryOption( client.request, WINHTTP_OPTION_URL, url, &size ) && !lstrcmpW( url, L"https://127.0.0.1/chat" ),
            "error %lu, %ls\n", GetLastError(), url );                      /* WS-14 */
    }
    if (thread)
    {
        ok( !WaitForSingleObject( thread, WAIT_MS + PROMPT_MS ), "the listener does not end\n" );
        GetExitCodeThread( thread, &byte );
        ok( byte == handshake_record, "first byte %lu\n", byte );           /* WS-14 */
        CloseHandle( thread );
    }
    closesocket( sock );
    client_close( &client );
    WSACleanup();
}

/* ---- options ---- */

static void check_set_( const char *file, int line, HINTERNET handle, DWORD option, void *value, DWORD size, DWORD expected )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetOption( handle, option, value, size );
    ok_( file, line )( ret == !expected && GetLastError() == expected, "option %lu: %d, error %lu\n", option, ret, GetLastError() );
}
#define check_set( handle, option, value, size, expected ) check_set_( __FILE__, __LINE__, handle, option, value, size, expected )

static void check_option_error_( const char *file, int line, HINTERNET handle, DWORD option, void *value, DWORD size,
                                 DWORD expected )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryOption( handle, option, value, &size );
    ok_( file, line )( !ret && GetLastError() == expected, "option %lu: %d, error %lu\n", option, ret, GetLastError() );
}
#define check_option_error( handle, option, value, size, expected ) \
    check_option_error_( __FILE__, __LINE__, handle, option, value, size, expected )

static void test_options_of_a_socket(void)
{
    static const DWORD buffers[] = { WINHTTP_OPTION_WEB_SOCKET_RECEIVE_BUFFER_SIZE,
                                     WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE };
    static const struct step script[] = { OPENED, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL, parent = NULL;
    DWORD value[2] = { 20000, 0 }, size;
    DWORD_PTR context = 0;
    struct client client;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/chat" )) goto done;
    check_set( client.request, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, sizeof(DWORD),
               ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                       /* WS-21 */
    ws_ask( client.request );
    if (!client_get( &client )) goto done;
    SetLastError( STALE );
    socket = WinHttpWebSocketCompleteUpgrade( client.request, 0x5678 );
    ok( socket && !GetLastError(), "%p, error %lu\n", socket, GetLastError() );
    if (!socket) goto done;

    check_option_error( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, sizeof(DWORD), ERROR_INVALID_PARAMETER );
    check_option_error( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, NULL, 0, ERROR_INVALID_PARAMETER );
    check_set( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, 2, ERROR_INVALID_PARAMETER );   /* WS-21 */
    check_set( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, 8, ERROR_INVALID_PARAMETER );
    value[0] = 10000;
    check_set( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, sizeof(DWORD), ERROR_INVALID_PARAMETER );
    value[0] = 20000;
    check_set( socket, WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL, value, sizeof(DWORD), 0 );
    check_set( socket, WINHTTP_OPTION_WEB_SOCKET_CLOSE_TIMEOUT, value, sizeof(DWORD), 0 );                  /* O-29 */

    for (i = 0; i < count_of( buffers ); i++)
    {
        value[0] = 65535;
        check_option_error( socket, buffers[i], value, sizeof(DWORD), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );    /* WS-22 */
        check_set( socket, buffers[i], value, sizeof(DWORD), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
        check_option_error( client.connect, buffers[i], value, sizeof(DWORD), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    }

    size = sizeof(DWORD);
    ret = WinHttpQueryOption( socket, WINHTTP_OPTION_HANDLE_TYPE, value, &size );
    ok( ret && value[0] == WINHTTP_HANDLE_TYPE_WEBSOCKET, "%d, type %lu\n", ret, value[0] );
    size = sizeof(parent);
    ret = WinHttpQueryOption( socket, WINHTTP_OPTION_PARENT_HANDLE, &parent, &size );
    ok( ret && parent == client.request, "%d, parent %p\n", ret, parent );
    size = sizeof(context);
    ret = WinHttpQueryOption( socket, WINHTTP_OPTION_CONTEXT_VALUE, &context, &size );
    ok( ret && context == 0x5678, "%d, context %lx\n", ret, (DWORD)context );
    context = 0x9abc;
    check_set( socket, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof(context), 0 );
    context = 0;
    ret = WinHttpQueryOption( socket, WINHTTP_OPTION_CONTEXT_VALUE, &context, &size );
    ok( ret && context == 0x9abc, "%d, context %lx\n", ret, (DWORD)context );
    ok( WinHttpSetStatusCallback( socket, NULL, 0, 0 ) != WINHTTP_INVALID_STATUS_CALLBACK, "error %lu\n", GetLastError() );
done:
    ws_finish( &client, socket, server );
}

/* The size is looked at when the request is sent, and then no more. */
static void test_small_send_buffer(void)
{
    static const struct step script[] = { OPENED, MESSAGE( 256 ), GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    char data[256] = { 0 };
    DWORD size = 15;
    BOOL ret;

    if (!server) return;
    if (!client_open( &client, server_port( server ), 0, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );
    check_set( client.request, WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE, &size, sizeof(size), 0 );        /* WS-23 */
    SetLastError( STALE );
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    ok( !ret && GetLastError() == ERROR_NOT_ENOUGH_MEMORY, "%d, error %lu\n", ret, GetLastError() );        /* N-8.1 */
    size = 16;
    check_set( client.request, WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE, &size, sizeof(size), 0 );
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    ok( ret, "error %lu\n", GetLastError() );                               /* WS-23 */
    if (!ret) goto done;
    size = 15;
    check_set( client.request, WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE, &size, sizeof(size), 0 );
    ret = WinHttpReceiveResponse( client.request, NULL );
    ok( ret, "error %lu\n", GetLastError() );                               /* WS-24 */
    if (!ret || !(socket = ws_complete( &client ))) goto done;
    ws_check_send( socket, TYPE( BINARY_MESSAGE ), data, sizeof(data), 0 );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* Calls of requests are not for sockets. */
static void test_calls_of_requests(void)
{
    static const struct step script[] = { OPENED, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct client client;
    char buffer[4];
    DWORD count;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
#define WRONG( call ) \
    SetLastError( STALE ); \
    ok( !(call) && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, #call ": error %lu\n", GetLastError() )
    WRONG( WinHttpSendRequest( socket, NULL, 0, NULL, 0, 0, 0 ) );
    WRONG( WinHttpReceiveResponse( socket, NULL ) );
    WRONG( WinHttpQueryDataAvailable( socket, &count ) );
    WRONG( WinHttpReadData( socket, buffer, sizeof(buffer), &count ) );
    WRONG( WinHttpWriteData( socket, "x", 1, &count ) );
    WRONG( WinHttpAddRequestHeaders( socket, L"a: b", ~0u, WINHTTP_ADDREQ_FLAG_ADD ) );
    WRONG( WinHttpSetTimeouts( socket, 1, 1, 1, 1 ) );
    WRONG( WinHttpWebSocketCompleteUpgrade( socket, 0 ) );
#undef WRONG
done:
    ws_finish( &client, socket, server );
}

START_TEST(websocket)
{
    test_upgrade();
    test_length_in_a_101();
    test_frames_behind_the_head();
    test_second_send();
    test_socket_outlives_its_parents();
    test_other_status();
    test_request_that_did_not_ask();
    test_wrong_answers();
    test_connection_that_ends_before_the_answer();
    test_redirect_before_the_upgrade();
    test_cookies();
    test_own_headers();
    test_connections_are_not_shared();
    test_default_port_of_wss();
    test_options_of_a_socket();
    test_small_send_buffer();
    test_calls_of_requests();
}
