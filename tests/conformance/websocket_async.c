/*
 * WebSockets: asynchronous, what is told when
 *
 * Rules: windows-notifications.md section 8, notifications.md sections 2 and 6. Where a completion must come inside the
 * call, the tables of windows-notifications.md say so.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

#define OPERATION( name ) WINHTTP_WEB_SOCKET_##name##_OPERATION

/* ---- calls, marked ---- */

static HINTERNET complete_marked( struct recorder *recorder, struct client *client )
{
    HINTERNET socket;

    recorder_call( recorder, CALL_UPGRADE );
    SetLastError( STALE );
    socket = WinHttpWebSocketCompleteUpgrade( client->request, (DWORD_PTR)recorder );
    recorder_return( recorder );
    ok( socket && !GetLastError(), "WinHttpWebSocketCompleteUpgrade: %p, error %lu\n", socket, GetLastError() );
    return socket;
}

/* The script signals when it has granted the WebSocket. */
static HINTERNET open_marked( struct recorder *recorder, struct client *client, struct server *server )
{
    if (!recorder_open( recorder, client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/chat" )) return NULL;
    ws_ask( client->request );
    if (!recorder_get( recorder, client, server, NULL )) return NULL;
    return complete_marked( recorder, client );
}

static DWORD send_data( struct recorder *recorder, HINTERNET socket, WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const void *data,
                        DWORD len )
{
    DWORD err;

    recorder_call( recorder, CALL_WS_SEND );
    err = WinHttpWebSocketSend( socket, type, (void *)data, len );
    recorder_return( recorder );
    return err;
}

/* Inside the call. */
static void check_sent_( const char *file, int line, struct recorder *recorder, HINTERNET socket,
                         WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const void *data, DWORD len )
{
    DWORD err = send_data( recorder, socket, type, data, len );
    struct event event;

    ok_( file, line )( !err, "WinHttpWebSocketSend: %lu\n", err );
    if (err || !recorder_complete_( file, line, recorder, STATUS( WRITE_COMPLETE ), &event )) return;
    ok_( file, line )( event.thread == GetCurrentThreadId() && event.handle == socket, "on thread %04lx, of %p\n", event.thread,
                       event.handle );
    ok_( file, line )( event.info_len == sizeof(WINHTTP_WEB_SOCKET_STATUS) && event.value == len && event.type == (DWORD)type,
                       "length %lu, %lu bytes, type %lu\n", event.info_len, event.value, event.type );      /* N-1r, N-8.2 */
}
#define check_sent( recorder, socket, type, data, len ) \
    check_sent_( __FILE__, __LINE__, recorder, socket, type, data, len )

static WINHTTP_WEB_SOCKET_BUFFER_TYPE untouched_type;
static DWORD untouched_count;

static void start_receive_( const char *file, int line, struct recorder *recorder, HINTERNET socket, void *buffer, DWORD size,
                            DWORD expected )
{
    DWORD err;

    untouched_count = STALE;
    untouched_type = 77;
    recorder_call( recorder, CALL_WS_RECEIVE );
    err = WinHttpWebSocketReceive( socket, buffer, size, &untouched_count, &untouched_type );
    recorder_return( recorder );
    ok_( file, line )( err == expected, "WinHttpWebSocketReceive: %lu\n", err );
    ok_( file, line )( untouched_count == STALE && untouched_type == 77, "outputs were touched\n" );        /* N-8.2 */
}
#define start_receive( recorder, socket, buffer, size, expected ) \
    start_receive_( __FILE__, __LINE__, recorder, socket, buffer, size, expected )

static void check_received_( const char *file, int line, struct recorder *recorder, HINTERNET socket, DWORD type, DWORD len )
{
    struct event event;

    if (!recorder_complete_( file, line, recorder, STATUS( READ_COMPLETE ), &event )) return;
    ok_( file, line )( event.handle == socket && event.context == (DWORD_PTR)recorder, "of %p\n", event.handle );
    ok_( file, line )( event.info_len == sizeof(WINHTTP_WEB_SOCKET_STATUS) && event.value == len && event.type == type,
                       "length %lu, %lu bytes, type %lu\n", event.info_len, event.value, event.type );      /* N-1r */
}
#define check_received( recorder, socket, type, len ) check_received_( __FILE__, __LINE__, recorder, socket, type, len )

static DWORD shut_down( struct recorder *recorder, HINTERNET socket )
{
    DWORD err;

    recorder_call( recorder, CALL_WS_SHUTDOWN );
    err = WinHttpWebSocketShutdown( socket, 1000, (void *)"reason", 6 );
    recorder_return( recorder );
    return err;
}

static DWORD start_close( struct recorder *recorder, HINTERNET socket )
{
    DWORD err;

    recorder_call( recorder, CALL_WS_CLOSE );
    err = WinHttpWebSocketClose( socket, 1000, (void *)"reason", 6 );
    recorder_return( recorder );
    return err;
}

/* A completion without payload, of Shutdown or Close. */
static void check_over_( const char *file, int line, struct recorder *recorder, HINTERNET socket, DWORD status, BOOL inside )
{
    struct event event;

    if (!recorder_complete_( file, line, recorder, status, &event )) return;
    ok_( file, line )( event.handle == socket && !event.info && !event.info_len, "of %p, payload %p, %lu\n", event.handle,
                       event.info, event.info_len );                        /* N-1r */
    if (inside) ok_( file, line )( event.thread == GetCurrentThreadId() && event.in_call, "not inside the call\n" );
}
#define check_over( recorder, socket, status, inside ) check_over_( __FILE__, __LINE__, recorder, socket, status, inside )

static void check_failed_( const char *file, int line, struct recorder *recorder, HINTERNET socket, DWORD operation, DWORD error,
                           BOOL inside )
{
    struct event event;

    if (!recorder_complete_( file, line, recorder, STATUS( REQUEST_ERROR ), &event )) return;
    ok_( file, line )( event.handle == socket, "of %p\n", event.handle );
    ok_( file, line )( event.info_len == sizeof(WINHTTP_WEB_SOCKET_ASYNC_RESULT), "length %lu\n", event.info_len );
    ok_( file, line )( !event.result && event.operation == operation && event.error == error,
                       "API %lu, operation %lu, error %lu\n", (DWORD)event.result, event.operation, event.error );  /* N-1r */
    if (inside) ok_( file, line )( event.thread == GetCurrentThreadId() && event.in_call, "not inside the call\n" );
}
#define check_failed( recorder, socket, operation, error, inside ) \
    check_failed_( __FILE__, __LINE__, recorder, socket, operation, error, inside )

static void close_socket( struct recorder *recorder, HINTERNET socket )
{
    BOOL ret;

    recorder_call( recorder, CALL_CLOSE_SOCKET );
    ret = WinHttpCloseHandle( socket );
    recorder_return( recorder );
    ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
}

/* ---- 8.1 ---- */

static void test_upgrade(void)
{
    static const struct step script[] = { OPENED, SIGNAL, GONE, END };
    static const struct expect expected[] =
    {
        { CALL_SEND, STATUS( REQUEST_ERROR ), 0 },
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        { CALL_UPGRADE, STATUS( HANDLE_CREATED ), CALLER },
        { CALL_CLOSE_REQUEST, STATUS( HANDLE_CLOSING ), 0 },
        { CALL_WS_SEND, STATUS( WRITE_COMPLETE ), CALLER },
        { CALL_CLOSE_SOCKET, STATUS( HANDLE_CLOSING ), 0 },
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL, request;
    struct client client;
    struct event event;
    DWORD size = 15;
    int index;
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );
    recorder_reset( recorder );
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE, &size, sizeof(size) );
    ok( ret, "error %lu\n", GetLastError() );
    recorder_call( recorder, CALL_SEND );
    ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
    recorder_return( recorder );
    ok( ret, "error %lu\n", GetLastError() );                               /* N-8.1, WS-23 */
    if (!ret || !recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event )) goto done;
    ok( event.error == ERROR_NOT_ENOUGH_MEMORY, "error %lu\n", event.error );
    size = 32768;
    ret = WinHttpSetOption( client.request, WINHTTP_OPTION_WEB_SOCKET_SEND_BUFFER_SIZE, &size, sizeof(size) );
    ok( ret, "error %lu\n", GetLastError() );
    if (!recorder_get( recorder, &client, server, NULL )) goto done;
    ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );
    if (!(socket = complete_marked( recorder, &client ))) goto done;

    if ((index = recorder_find( recorder, STATUS( HANDLE_CREATED ), 0 )) >= 0)
    {
        event = recorder->events[index];
        ok( event.payload == socket && event.info_len == sizeof(HINTERNET), "told of %p, length %lu\n", event.payload,
            event.info_len );
        /* Of the request: of its socket would be as good. */
        ok( event.handle == client.request || event.handle == socket, "by %p\n", event.handle );
    }
    request = client.request;
    client.request = NULL;
    recorder_call( recorder, CALL_CLOSE_REQUEST );
    ret = WinHttpCloseHandle( request );
    recorder_return( recorder );
    ok( ret, "error %lu\n", GetLastError() );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, request );
    check_sent( recorder, socket, TYPE( UTF8_MESSAGE ), "still", 5 );       /* N-8.1 */
    close_socket( recorder, socket );
    recorder_check( recorder, expected );                                   /* N-8.1 */
done:
    recorder_finish( recorder, &client, server );
}

/* Callback and context are there before HANDLE_CREATED comes, and the handle is good inside it. */
static void upgrade_hook( struct recorder *recorder, const struct event *event )
{
    DWORD_PTR *context = recorder->hook_data;
    DWORD size = sizeof(*context);
    BOOL ret;

    if (event->status != STATUS( HANDLE_CREATED )) return;
    ret = WinHttpQueryOption( event->payload, WINHTTP_OPTION_CONTEXT_VALUE, context, &size );
    ok( ret, "error %lu\n", GetLastError() );
}

static void test_handle_is_good_when_it_is_told(void)
{
    static const struct step script[] = { OPENED, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    DWORD_PTR context = 0;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );
    if (!recorder_get( recorder, &client, server, NULL )) goto done;
    recorder->hook_data = &context;
    recorder->hook = upgrade_hook;
    socket = complete_marked( recorder, &client );
    recorder->hook = NULL;
    ok( context == (DWORD_PTR)recorder, "another context\n" );
    if (socket) close_socket( recorder, socket );
done:
    recorder_finish( recorder, &client, server );
}

/* ---- 8.2 ---- */

static void test_send_shutdown_receive_close(void)
{
    static const struct step script[] =
    {
        OPENED, SIGNAL, MESSAGE( 16384 ), FRAME( FIN | OP_BINARY, "hello\0" ), FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ),
        SEND_BYTES( "\x81\x04text\x82\x06unread\x88\x04\x03\xe8" "ok" ), GONE, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static char data[8192];
    HINTERNET socket = NULL;
    struct client client;
    unsigned int before;
    char buffer[64];
    DWORD err;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    check_sent( recorder, socket, TYPE( BINARY_FRAGMENT ), data, sizeof(data) );                            /* N-8.2 */
    before = recorder->count;
    err = send_data( recorder, socket, TYPE( UTF8_FRAGMENT ), data, 1 );
    ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    err = send_data( recorder, socket, TYPE( UTF8_MESSAGE ), data, 1 );
    ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
    ok( recorder->count == before, "a refused call was told\n" );
    check_sent( recorder, socket, TYPE( BINARY_FRAGMENT ), data, sizeof(data) );
    check_sent( recorder, socket, TYPE( BINARY_MESSAGE ), NULL, 0 );
    check_sent( recorder, socket, TYPE( BINARY_MESSAGE ), "hello", 6 );
    ws_check_no_status( socket );
    err = shut_down( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_over( recorder, socket, STATUS( SHUTDOWN_COMPLETE ), TRUE );
    before = recorder_count( recorder, socket, COMPLETIONS );
    err = send_data( recorder, socket, TYPE( BINARY_MESSAGE ), data, 1 );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    err = shut_down( recorder, socket );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    ok( recorder_count( recorder, socket, COMPLETIONS ) == before, "a refused call was told\n" );

    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    check_received( recorder, socket, TYPE( UTF8_MESSAGE ), 4 );
    ok( !memcmp( buffer, "text", 4 ), "got %.4s\n", buffer );
    ws_check_no_status( socket );
    err = start_close( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_over( recorder, socket, STATUS( CLOSE_COMPLETE ), FALSE );
    ws_check_status( socket, 1000, "ok" );                                  /* N-8.2 */
    close_socket( recorder, socket );
done:
    recorder_finish( recorder, &client, server );
}

/* A message in pieces that add up, smaller than the buffer or as they come. */
static void test_pieces(void)
{
    static const struct step script[] =
    {
        OPENED, SIGNAL, SEND_BYTES( "\x82\x08" "abcdefgh" ), SEND_BYTES( "\x01\x03one" ), HOLD, SEND_BYTES( "\x00\x03two" ), HOLD,
        SEND_BYTES( "\x80\x05three" ), GONE, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    struct event event;
    char buffer[64], text[64];
    unsigned int i;
    DWORD len = 0;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    start_receive( recorder, socket, buffer, 5, 0 );
    check_received( recorder, socket, TYPE( BINARY_FRAGMENT ), 5 );         /* N-8.2 */
    start_receive( recorder, socket, buffer + 5, 5, 0 );
    check_received( recorder, socket, TYPE( BINARY_MESSAGE ), 3 );
    ok( !memcmp( buffer, "abcdefgh", 8 ), "got %.8s\n", buffer );
    for (i = 0; i < 20; i++)
    {
        start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
        if (i < 2) server_go( server );
        if (!recorder_complete( recorder, STATUS( READ_COMPLETE ), &event )) break;
        memcpy( text + len, buffer, event.value );
        len += event.value;
        if (event.type != TYPE( UTF8_FRAGMENT )) break;
    }
    ok( event.type == TYPE( UTF8_MESSAGE ), "type %lu\n", event.type );
    ok( len == 11 && !memcmp( text, "onetwothree", 11 ), "got %.*s\n", (int)len, text );
    close_socket( recorder, socket );
done:
    recorder_finish( recorder, &client, server );
}

/* ---- 8.3 to 8.6 ---- */

static void test_close_while_receiving(void)
{
    static const struct step script[] =
        { OPENED, SIGNAL, FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ), HOLD, SEND_BYTES( "\x81\x02no\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    DWORD err;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    memset( buffer, 'x', sizeof(buffer) );
    err = start_close( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_failed( recorder, socket, OPERATION( RECEIVE ), ERROR_WINHTTP_OPERATION_CANCELLED, TRUE );        /* N-8.3 */
    ws_check_no_status( socket );
    start_receive( recorder, socket, buffer, sizeof(buffer), ERROR_INVALID_OPERATION );
    err = send_data( recorder, socket, TYPE( UTF8_MESSAGE ), "x", 1 );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    err = start_close( recorder, socket );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    server_go( server );
    check_over( recorder, socket, STATUS( CLOSE_COMPLETE ), FALSE );
    ws_check_status( socket, 1000, "" );
    ok( buffer[0] == 'x', "the buffer was touched after its operation\n" );
    close_socket( recorder, socket );
    recorder_close( recorder, &client );
    ok( recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) == 4, "%u HANDLE_CLOSING\n",
        recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) );       /* N-8.3 */
    memset( &client, 0, sizeof(client) );
done:
    recorder_finish( recorder, &client, server );
}

static void test_handle_is_closed_while_closing(void)
{
    static const struct step script[] = { OPENED, SIGNAL, FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    DWORD err;
    BOOL ret;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    err = start_close( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_failed( recorder, socket, OPERATION( RECEIVE ), ERROR_WINHTTP_OPERATION_CANCELLED, TRUE );        /* N-8.4 */
    recorder_call( recorder, CALL_CLOSE_SOCKET );
    ret = WinHttpCloseHandle( socket );
    recorder_return( recorder );
    ok( ret, "error %lu\n", GetLastError() );
    check_failed( recorder, socket, OPERATION( CLOSE ), ERROR_WINHTTP_OPERATION_CANCELLED, FALSE );         /* N-8.4 */
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
    ok( !recorder_count( recorder, socket, STATUS( CLOSE_COMPLETE ) ), "CLOSE_COMPLETE came\n" );
done:
    recorder_finish( recorder, &client, server );
}

static void test_handle_is_closed_while_receiving(void)
{
    static const struct step script[] = { OPENED, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    BOOL ret;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    recorder_call( recorder, CALL_CLOSE_SOCKET );
    ret = WinHttpCloseHandle( socket );
    recorder_return( recorder );
    ok( ret, "error %lu\n", GetLastError() );
    check_failed( recorder, socket, OPERATION( RECEIVE ), ERROR_WINHTTP_OPERATION_CANCELLED, FALSE );       /* N-8.5 */
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
    ok( !recorder_count( recorder, socket, STATUS( CLOSE_COMPLETE ) ), "CLOSE_COMPLETE came\n" );           /* N-8.5 */
done:
    recorder_finish( recorder, &client, server );
}

static void test_shutdown_while_receiving(void)
{
    static const struct step script[] =
        { OPENED, SIGNAL, FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ), HOLD, SEND_BYTES( "\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HANDLE unloaded = CreateEventW( NULL, TRUE, FALSE, NULL );
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];
    DWORD err;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    ok( WinHttpSetOption( client.session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &unloaded, sizeof(unloaded) ), "error %lu\n",
        GetLastError() );
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    start_receive( recorder, socket, buffer, sizeof(buffer), ERROR_INVALID_OPERATION );                     /* N-8.6 */
    err = shut_down( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_over( recorder, socket, STATUS( SHUTDOWN_COMPLETE ), TRUE );
    ws_check_no_status( socket );
    server_go( server );
    check_received( recorder, socket, TYPE( CLOSE ), 0 );                   /* N-8.6 */
    ws_check_status( socket, 1000, "" );
    start_receive( recorder, socket, buffer, sizeof(buffer), ERROR_INVALID_OPERATION );
    err = start_close( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_over( recorder, socket, STATUS( CLOSE_COMPLETE ), TRUE );         /* N-8.6 */
    close_socket( recorder, socket );
    ok( WaitForSingleObject( unloaded, 0 ) == WAIT_TIMEOUT, "the session is open\n" );
    recorder_close( recorder, &client );
    memset( &client, 0, sizeof(client) );
    ok( !WaitForSingleObject( unloaded, PROMPT_MS ), "the session is closed\n" );                           /* N-8.6 */
    ok( recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) == 4, "%u HANDLE_CLOSING\n",
        recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) );
done:
    recorder_finish( recorder, &client, server );
    CloseHandle( unloaded );
}

/* ---- one operation per direction ---- */

/* A Send that cannot be finished yet, because the peer does not read: until it is, nothing else can be sent. A Receive can go
 * on meanwhile. */
static void test_pending_send(void)
{
    static const struct step script[] = { OPENED, SIGNAL, HOLD, SEND_BYTES( "\x81\x02hi" ), HOLD, ECHO_ALL, GONE, END };
    enum { CHUNK = 64 << 20, MOST = 4 };    /* more than what lies between two programs */
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    char *data = calloc( 1, CHUNK ), buffer[64];
    unsigned int i;
    DWORD err;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    for (i = 0; i < MOST; i++)
    {
        err = send_data( recorder, socket, TYPE( BINARY_MESSAGE ), data, CHUNK );
        ok( !err, "error %lu\n", err );
        if (err || recorder_count( recorder, socket, STATUS( WRITE_COMPLETE ) ) <= i) break;
    }
    ok( i < MOST, "all of it went out\n" );
    err = send_data( recorder, socket, TYPE( BINARY_MESSAGE ), data, 1 );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    err = shut_down( recorder, socket );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    err = start_close( recorder, socket );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
    server_go( server );
    recorder->cursor = recorder->count;    /* the script does not read: the last one stays under way */
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    check_received( recorder, socket, TYPE( UTF8_MESSAGE ), 2 );
    /* The peer's echo would need a reader; the rest is cut. */
    recorder_call( recorder, CALL_CLOSE_SOCKET );
    WinHttpCloseHandle( socket );
    recorder_return( recorder );
    check_failed( recorder, socket, OPERATION( SEND ), ERROR_WINHTTP_OPERATION_CANCELLED, FALSE );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
done:
    recorder_close( recorder, &client );
    server_abort( server );
    free( data );
}

/* ---- failures ---- */

static void check_failure( const struct step *script, DWORD expected )
{
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];

    if (!server) return;
    if ((socket = open_marked( recorder, &client, server )))
    {
        start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
        server_go( server );
        check_failed( recorder, socket, OPERATION( RECEIVE ), expected, FALSE );
        ws_check_no_status( socket );
        close_socket( recorder, socket );
    }
    recorder_finish( recorder, &client, server );
}

static void test_failures(void)
{
    static const struct step end[] = { OPENED, SIGNAL, HOLD, SHUT, GONE, END };
    static const struct step reset[] = { OPENED, SIGNAL, HOLD, RESET, END };
    static const struct step masked[] = { OPENED, SIGNAL, HOLD, SEND_BYTES( "\x81\x82\x01\x02\x03\x04\x69\x6b" ), GONE, END };
    static const struct step broken[] = { OPENED, SIGNAL, HOLD, SEND_BYTES( "\x81\x02\xc3\x28" ), GONE, END };

    check_failure( end, ERROR_WINHTTP_CONNECTION_ERROR );
    check_failure( reset, ERROR_WINHTTP_CONNECTION_ERROR );
    check_failure( masked, ERROR_WINHTTP_INVALID_SERVER_RESPONSE );
    check_failure( broken, ERROR_WINHTTP_INVALID_SERVER_RESPONSE );
}

static void test_close_fails(void)
{
    static const struct step lost[] = { OPENED, SIGNAL, FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ), SHUT, GONE, END };
    static const struct step silent[] = { OPENED, SIGNAL, FRAME( FIN | OP_CLOSING, "\x03\xe8" "reason" ), GONE, END };
    static const struct { const struct step *script; DWORD expected; } cases[] =
        { { lost, ERROR_WINHTTP_CONNECTION_ERROR }, { silent, ERROR_WINHTTP_TIMEOUT } };
    DWORD limit = 1500, err;
    struct client client;
    HINTERNET socket;
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct server *server = server_start( cases[i].script );
        struct recorder *recorder = recorder_create();

        if (!server) return;
        if ((socket = open_marked( recorder, &client, server )))
        {
            if (cases[i].script == silent)
                ok( WinHttpSetOption( socket, WINHTTP_OPTION_WEB_SOCKET_CLOSE_TIMEOUT, &limit, sizeof(limit) ), "error %lu\n",
                    GetLastError() );
            err = start_close( recorder, socket );
            ok( !err, "error %lu\n", err );
            check_failed( recorder, socket, OPERATION( CLOSE ), cases[i].expected, FALSE );
            close_socket( recorder, socket );
        }
        recorder_finish( recorder, &client, server );
    }
}

/* ---- calls and closing inside callbacks ---- */

struct reader
{
    char buffer[16];
    unsigned int messages;
    HANDLE over;
};

/* Reads the next message from the callback of the one before. */
static void reading_hook( struct recorder *recorder, const struct event *event )
{
    struct reader *reader = recorder->hook_data;
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    DWORD count, err;

    if (event->status != STATUS( READ_COMPLETE )) return;
    if (event->type == TYPE( CLOSE ))
    {
        SetEvent( reader->over );
        return;
    }
    if (event->value == 3 && !memcmp( reader->buffer, "abc", 3 )) reader->messages++;
    err = WinHttpWebSocketReceive( event->handle, reader->buffer, sizeof(reader->buffer), &count, &type );
    if (err) SetEvent( reader->over );
}

static void test_receive_inside_callback(void)
{
    static const struct step script[] = { OPENED, SIGNAL, REPEAT( "\x81\x03" "abc", 300 ), SEND_BYTES( "\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct reader reader = { { 0 }, 0, CreateEventW( NULL, TRUE, FALSE, NULL ) };
    HINTERNET socket = NULL;
    struct client client;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    recorder->hook_data = &reader;
    recorder->hook = reading_hook;
    start_receive( recorder, socket, reader.buffer, sizeof(reader.buffer), 0 );
    ok( !WaitForSingleObject( reader.over, WAIT_MS ), "no end, %u messages\n", reader.messages );
    recorder->hook = NULL;
    ok( reader.messages == 300, "%u messages\n", reader.messages );
    ws_check_status( socket, 1000, "" );
    recorder->cursor = recorder->count;
    close_socket( recorder, socket );
done:
    recorder_finish( recorder, &client, server );
    CloseHandle( reader.over );
}

/* Closes the socket inside the callback of one status. */
static void closing_hook( struct recorder *recorder, const struct event *event )
{
    DWORD *status = recorder->hook_data;

    if (event->status != *status) return;
    *status = 0;
    ok( WinHttpCloseHandle( event->status == STATUS( HANDLE_CREATED ) ? event->payload : event->handle ), "error %lu\n",
        GetLastError() );
}

static void close_inside( DWORD status )
{
    static const struct step script[] = { ACCEPT, HEAD, SWITCH_WITH( "\r\n\x81\x02hi\x88\x02\x03\xe8" ), SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    DWORD closing_status = status;
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );
    if (!recorder_get( recorder, &client, server, NULL )) goto done;
    recorder->hook_data = &closing_status;
    recorder->hook = closing_hook;
    if (!(socket = complete_marked( recorder, &client ))) goto done;

    if (status == STATUS( WRITE_COMPLETE )) send_data( recorder, socket, TYPE( UTF8_MESSAGE ), "x", 1 );
    if (status == STATUS( READ_COMPLETE )) start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    if (status == STATUS( SHUTDOWN_COMPLETE )) shut_down( recorder, socket );
    if (status == STATUS( CLOSE_COMPLETE )) start_close( recorder, socket );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    ok( !closing_status, "%s did not come\n", status_name( status ) );
    recorder_check_last( recorder, socket );
    ok( WinHttpWebSocketShutdown( socket, 1000, NULL, 0 ) == ERROR_INVALID_HANDLE, "the handle is still there\n" );
    recorder->hook = NULL;
done:
    recorder_finish( recorder, &client, server );
}

static void test_close_inside_callbacks(void)
{
    close_inside( STATUS( HANDLE_CREATED ) );
    close_inside( STATUS( WRITE_COMPLETE ) );
    close_inside( STATUS( READ_COMPLETE ) );
    close_inside( STATUS( SHUTDOWN_COMPLETE ) );
    close_inside( STATUS( CLOSE_COMPLETE ) );
}

/* The error of the Receive that Close ends comes inside Close: the handle may be closed there. Close itself then ends, too. */
static void test_close_inside_the_error(void)
{
    static const struct step script[] = { OPENED, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    DWORD status = STATUS( REQUEST_ERROR ), err;
    HINTERNET socket = NULL;
    struct client client;
    char buffer[64];

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    start_receive( recorder, socket, buffer, sizeof(buffer), 0 );
    recorder->hook_data = &status;
    recorder->hook = closing_hook;
    err = start_close( recorder, socket );
    ok( !err, "error %lu\n", err );
    check_failed( recorder, socket, OPERATION( RECEIVE ), ERROR_WINHTTP_OPERATION_CANCELLED, TRUE );
    check_failed( recorder, socket, OPERATION( CLOSE ), ERROR_WINHTTP_OPERATION_CANCELLED, FALSE );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
    recorder->hook = NULL;
done:
    recorder_finish( recorder, &client, server );
}

/* A callback of its own, and none. */
static void test_own_callback(void)
{
    static const struct step script[] = { OPENED, SIGNAL, MESSAGE( 1 ), MESSAGE( 1 ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create(), *own = recorder_create();
    HINTERNET socket = NULL;
    struct client client;
    DWORD err;

    if (!server) return;
    if (!(socket = open_marked( recorder, &client, server ))) goto done;
    recorder_attach( own, socket, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    check_sent( own, socket, TYPE( BINARY_MESSAGE ), "x", 1 );
    ok( !recorder_count( recorder, socket, ~0u ), "the request's callback was called\n" );
    ok( WinHttpSetStatusCallback( socket, NULL, 0, 0 ) == recorder_callback, "another callback was set\n" );
    err = WinHttpWebSocketSend( socket, TYPE( BINARY_MESSAGE ), (void *)"x", 1 );
    ok( !err, "error %lu\n", err );
    ok( WinHttpCloseHandle( socket ), "error %lu\n", GetLastError() );
    ok( recorder_count( own, socket, ~0u ) == 1, "%u notifications\n", recorder_count( own, socket, ~0u ) );
done:
    recorder_finish( recorder, &client, server );
}

START_TEST(websocket_async)
{
    test_upgrade();
    test_handle_is_good_when_it_is_told();
    test_send_shutdown_receive_close();
    test_pieces();
    test_close_while_receiving();
    test_handle_is_closed_while_closing();
    test_handle_is_closed_while_receiving();
    test_shutdown_while_receiving();
    test_pending_send();
    test_failures();
    test_close_fails();
    test_receive_inside_callback();
    test_close_inside_callbacks();
    test_close_inside_the_error();
    test_own_callback();
}
