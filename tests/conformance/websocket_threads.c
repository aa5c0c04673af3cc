/*
 * WebSockets: calls on two threads
 *
 * Rules: functions.md sections 1 and 10 (one operation per direction), windows-notifications.md section 8.3 for the
 * Receive that Close ends.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "websocket.h"

#define MESSAGES 500

struct reader
{
    HINTERNET socket;
    HANDLE thread;
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    DWORD count, err, messages;
    char buffer[64];
};

static DWORD WINAPI one_message_thread( void *arg )
{
    struct reader *reader = arg;

    reader->err = WinHttpWebSocketReceive( reader->socket, reader->buffer, sizeof(reader->buffer), &reader->count, &reader->type );
    return 0;
}

/* Messages that say their number, until the close frame. */
static DWORD WINAPI all_messages_thread( void *arg )
{
    struct reader *reader = arg;
    DWORD number;

    for (;;)
    {
        one_message_thread( reader );
        if (reader->err || reader->type != TYPE( BINARY_MESSAGE )) return 0;
        memcpy( &number, reader->buffer, sizeof(number) );
        if (reader->count == sizeof(number) && number == reader->messages) reader->messages++;
    }
}

static void reader_start( struct reader *reader, HINTERNET socket, LPTHREAD_START_ROUTINE proc )
{
    memset( reader, 0, sizeof(*reader) );
    reader->socket = socket;
    reader->thread = CreateThread( NULL, 0, proc, reader, 0, NULL );
}

static void reader_join( struct reader *reader )
{
    ok( !WaitForSingleObject( reader->thread, WAIT_MS ), "the reader does not end\n" );
    CloseHandle( reader->thread );
}

/* One thread waits for what the other asks for. */
static void test_send_while_receiving(void)
{
    static const struct step script[] =
        { OPENED, SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ), SIGNAL, FRAME( FIN | OP_TEXT, "ask" ), SEND_BYTES( "\x81\x06" "answer" ),
          GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct reader reader;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    reader_start( &reader, socket, one_message_thread );
    server_wait( server );    /* the reader has answered a ping: it is in its call */
    ws_check_send( socket, TYPE( UTF8_MESSAGE ), "ask", 3, 0 );
    reader_join( &reader );
    ok( !reader.err && reader.type == TYPE( UTF8_MESSAGE ) && reader.count == 6, "error %lu, type %u, %lu bytes\n", reader.err,
        reader.type, reader.count );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

static void test_many_messages_both_ways(void)
{
    static const struct step script[] = { OPENED, ECHO_ALL, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct reader reader;
    struct client client;
    DWORD i, err;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    reader_start( &reader, socket, all_messages_thread );
    for (i = 0; i < MESSAGES; i++)
    {
        err = WinHttpWebSocketSend( socket, TYPE( BINARY_MESSAGE ), &i, sizeof(i) );
        if (err) break;
    }
    ok( i == MESSAGES, "message %lu: error %lu\n", i, err );
    err = WinHttpWebSocketShutdown( socket, 1000, NULL, 0 );
    ok( !err, "error %lu\n", err );
    reader_join( &reader );
    ok( !reader.err && reader.type == TYPE( CLOSE ), "error %lu, type %u\n", reader.err, reader.type );
    ok( reader.messages == MESSAGES, "%lu messages in order\n", reader.messages );
    ws_check_close( socket, 0 );
done:
    ws_finish( &client, socket, server );
}

/* Close ends the other thread's Receive, and goes on. */
static void test_close_while_receiving(void)
{
    static const struct step script[] = { OPENED, SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ), SIGNAL, GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct reader reader;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    reader_start( &reader, socket, one_message_thread );
    server_wait( server );
    ws_check_close( socket, 0 );
    reader_join( &reader );
    ok( reader.err == ERROR_WINHTTP_OPERATION_CANCELLED, "error %lu\n", reader.err );                       /* N-8.3 */
    ws_check_status( socket, 1000, "" );
done:
    ws_finish( &client, socket, server );
}

static void test_second_receive_is_refused(void)
{
    static const struct step script[] = { OPENED, SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ), SIGNAL, GOODBYE };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct reader reader;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    reader_start( &reader, socket, one_message_thread );
    server_wait( server );
    ws_check_receive_error( socket, ERROR_INVALID_OPERATION );
    ws_check_close( socket, 0 );
    reader_join( &reader );
done:
    ws_finish( &client, socket, server );
}

/* Documented for asynchronous handles only; that a synchronous call ends in the same way is a choice. */
static void test_handle_is_closed_while_receiving(void)
{
    static const struct step script[] = { OPENED, SEND_BYTES( "\x89\x00" ), FRAME( FIN | OP_PONG, "" ), SIGNAL, GONE, END };
    struct server *server = server_start( script );
    HINTERNET socket = NULL;
    struct reader reader;
    struct client client;

    if (!server) return;
    if (!(socket = ws_open( &client, server ))) goto done;
    reader_start( &reader, socket, one_message_thread );
    server_wait( server );
    ok( WinHttpCloseHandle( socket ), "error %lu\n", GetLastError() );
    socket = NULL;
    reader_join( &reader );
    ok( reader.err == ERROR_WINHTTP_OPERATION_CANCELLED, "error %lu\n", reader.err );
done:
    ws_finish( &client, socket, server );
}

/* ---- asynchronous: Close on one thread, the callbacks that read on another ---- */

struct stream
{
    char buffer[16];
    volatile LONG started;      /* Receives that were accepted */
};

static void receive_next( struct recorder *recorder, HINTERNET socket )
{
    struct stream *stream = recorder->hook_data;
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    DWORD count, err;

    InterlockedIncrement( &stream->started );
    err = WinHttpWebSocketReceive( socket, stream->buffer, sizeof(stream->buffer), &count, &type );
    if (!err) return;
    InterlockedDecrement( &stream->started );
    ok( err == ERROR_INVALID_OPERATION, "error %lu\n", err );
}

static void stream_hook( struct recorder *recorder, const struct event *event )
{
    if (event->status == STATUS( READ_COMPLETE )) receive_next( recorder, event->handle );
}

static unsigned int ended_receives( struct recorder *recorder, HINTERNET socket )
{
    unsigned int i, count = recorder_count( recorder, socket, STATUS( READ_COMPLETE ) );

    for (i = 0; i < recorder->count; i++)
        if (recorder->events[i].handle == socket && recorder->events[i].status == STATUS( REQUEST_ERROR ))
        {
            ok( recorder->events[i].operation == WINHTTP_WEB_SOCKET_RECEIVE_OPERATION
                && recorder->events[i].error == ERROR_WINHTTP_OPERATION_CANCELLED, "operation %lu, error %lu\n",
                recorder->events[i].operation, recorder->events[i].error );
            count++;
        }
    return count;
}

/* Close comes at any moment of a stream of messages. Each Receive that was accepted has one completion, whichever thread it
 * comes on, and Close has its own after them. */
static void close_in_a_stream( unsigned int messages )
{
    static const struct step script[] =
        { OPENED, SIGNAL, REPEAT( "\x81\x03" "abc", 400 ), FRAME( FIN | OP_CLOSING, "\x03\xe8" ), SEND_BYTES( "\x88\x02\x03\xe8" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct stream stream = { { 0 }, 0 };
    HINTERNET socket = NULL;
    struct client client;
    struct event event;
    unsigned int ended;
    DWORD err;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/chat" )) goto done;
    ws_ask( client.request );
    if (!recorder_get( recorder, &client, server, NULL )) goto done;
    socket = WinHttpWebSocketCompleteUpgrade( client.request, (DWORD_PTR)recorder );
    ok( socket != NULL, "error %lu\n", GetLastError() );
    if (!socket) goto done;
    recorder->hook_data = &stream;
    recorder->hook = stream_hook;
    receive_next( recorder, socket );
    while (messages--) recorder_wait( recorder, STATUS( READ_COMPLETE ), NULL );
    err = WinHttpWebSocketClose( socket, 1000, NULL, 0 );
    ok( !err, "error %lu\n", err );
    recorder_wait( recorder, STATUS( CLOSE_COMPLETE ), &event );
    ws_check_status( socket, 1000, "" );
    ok( WinHttpCloseHandle( socket ), "error %lu\n", GetLastError() );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
    recorder_check_last( recorder, socket );
    recorder->hook = NULL;
    ended = ended_receives( recorder, socket );    /* no callback runs any more */
    ok( ended == (unsigned int)stream.started, "%ld Receives, %u completions\n", stream.started, ended );
done:
    recorder_finish( recorder, &client, server );
}

static void test_close_in_a_stream(void)
{
    unsigned int messages;

    for (messages = 0; messages < 200; messages += 13) close_in_a_stream( messages );
}

START_TEST(websocket_threads)
{
    test_send_while_receiving();
    test_many_messages_both_ways();
    test_close_while_receiving();
    test_second_receive_is_refused();
    test_handle_is_closed_while_receiving();
    test_close_in_a_stream();
}
