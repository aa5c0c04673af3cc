/*
 * What the tests of WebSockets share
 *
 * Needs server.h and client.h. Functions are inline because not every test file uses all of them.
 */
#ifndef CONFORMANCE_WEBSOCKET_H
#define CONFORMANCE_WEBSOCKET_H

#define TYPE( name ) WINHTTP_WEB_SOCKET_##name##_BUFFER_TYPE
#define STALE 0xdeadbeef

/* First bytes of frames. */
#define FIN    0x80
#define OP_CONTINUATION 0x00
#define OP_TEXT   0x01
#define OP_BINARY 0x02
#define OP_CLOSING 0x08
#define OP_PING   0x09
#define OP_PONG   0x0a

/* A connection that becomes a WebSocket. */
#define OPENED ACCEPT, HEAD, SWITCH
/* Both say 1000 and nothing more; the client first. */
#define GOODBYE FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SEND_BYTES( "\x88\x02\x03\xe8" ), GONE, END

/* The request shall become a WebSocket. */
static inline void ws_ask( HINTERNET request )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetOption( request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 );
    ok( ret && !GetLastError(), "UPGRADE_TO_WEB_SOCKET: %d, error %lu\n", ret, GetLastError() );             /* WS-1 */
}

static inline HINTERNET ws_complete( struct client *client )
{
    HINTERNET socket;

    SetLastError( STALE );
    socket = WinHttpWebSocketCompleteUpgrade( client->request, 0 );
    ok( socket && !GetLastError(), "WinHttpWebSocketCompleteUpgrade: %p, error %lu\n", socket, GetLastError() );
    return socket;
}

/* Synchronous, on a client that is open. Reports what fails. */
static inline HINTERNET ws_upgrade( struct client *client )
{
    ws_ask( client->request );
    if (!client_get( client )) return NULL;
    ok( client_status( client->request ) == 101, "status %lu\n", client_status( client->request ) );
    return ws_complete( client );
}

static inline HINTERNET ws_open( struct client *client, struct server *server )
{
    if (!client_open( client, server_port( server ), 0, L"GET", L"/chat" )) return NULL;
    return ws_upgrade( client );
}

/* One message or piece of one, as it is expected. */
static inline void ws_check_receive_( const char *file, int line, HINTERNET socket, DWORD size,
                                      WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const char *data, DWORD len )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE got_type = 77;
    DWORD got = STALE, err;
    char buffer[512];

    err = WinHttpWebSocketReceive( socket, buffer, size, &got, &got_type );
    ok_( file, line )( !err, "WinHttpWebSocketReceive: %lu\n", err );
    if (err) return;
    ok_( file, line )( got == len && !memcmp( buffer, data, len ), "%lu bytes, \"%.*s\"\n", got, (int)got, buffer );
    ok_( file, line )( got_type == type, "type %u instead of %u\n", got_type, type );
}
#define ws_check_receive( socket, size, type, text ) \
    ws_check_receive_( __FILE__, __LINE__, socket, size, type, text, sizeof(text) - 1 )

static inline void ws_check_receive_error_( const char *file, int line, HINTERNET socket, DWORD expected )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    char buffer[64];
    DWORD got, err;

    err = WinHttpWebSocketReceive( socket, buffer, sizeof(buffer), &got, &type );
    ok_( file, line )( err == expected, "WinHttpWebSocketReceive: %lu\n", err );
}
#define ws_check_receive_error( socket, expected ) ws_check_receive_error_( __FILE__, __LINE__, socket, expected )

static inline void ws_check_send_( const char *file, int line, HINTERNET socket, WINHTTP_WEB_SOCKET_BUFFER_TYPE type,
                                   const void *data, DWORD len, DWORD expected )
{
    DWORD err = WinHttpWebSocketSend( socket, type, (void *)data, len );

    ok_( file, line )( err == expected, "WinHttpWebSocketSend: %lu\n", err );                                /* LE-3 */
}
#define ws_check_send( socket, type, data, len, expected ) \
    ws_check_send_( __FILE__, __LINE__, socket, type, data, len, expected )

/* What the peer has said. */
static inline void ws_check_status_( const char *file, int line, HINTERNET socket, USHORT expected, const char *reason )
{
    USHORT status = 77;
    char buffer[128];
    DWORD len = STALE, err, expected_len = (DWORD)strlen( reason );

    err = WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, sizeof(buffer), &len );
    ok_( file, line )( !err, "WinHttpWebSocketQueryCloseStatus: %lu\n", err );
    if (err) return;
    ok_( file, line )( status == expected, "status %u\n", status );
    ok_( file, line )( len == expected_len && !memcmp( buffer, reason, len ), "reason of %lu bytes\n", len );
}
#define ws_check_status( socket, expected, reason ) ws_check_status_( __FILE__, __LINE__, socket, expected, reason )

static inline void ws_check_no_status_( const char *file, int line, HINTERNET socket )
{
    USHORT status = 77;
    DWORD len = STALE, err;
    char buffer[4] = "abc";

    err = WinHttpWebSocketQueryCloseStatus( socket, &status, buffer, sizeof(buffer), &len );
    ok_( file, line )( err == ERROR_INVALID_OPERATION, "WinHttpWebSocketQueryCloseStatus: %lu\n", err );
    ok_( file, line )( status == 77 && len == STALE && !strcmp( buffer, "abc" ), "outputs were touched\n" );
}
#define ws_check_no_status( socket ) ws_check_no_status_( __FILE__, __LINE__, socket )

/* Synchronous: the client closes with 1000 and no reason. */
static inline void ws_check_close_( const char *file, int line, HINTERNET socket, DWORD expected )
{
    DWORD err = WinHttpWebSocketClose( socket, 1000, NULL, 0 );

    ok_( file, line )( err == expected, "WinHttpWebSocketClose: %lu\n", err );
}
#define ws_check_close( socket, expected ) ws_check_close_( __FILE__, __LINE__, socket, expected )

/* The end of most tests: everything is closed, and the script is over. */
static inline void ws_finish_( const char *file, int line, struct client *client, HINTERNET socket, struct server *server )
{
    if (socket) ok_( file, line )( WinHttpCloseHandle( socket ), "closing the socket failed with %lu\n", GetLastError() );
    client_close( client );
    server_stop_( file, line, server );
}
#define ws_finish( client, socket, server ) ws_finish_( __FILE__, __LINE__, client, socket, server )

#endif /* CONFORMANCE_WEBSOCKET_H */
