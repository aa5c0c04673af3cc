/*
 * The client side of the conformance tests
 *
 * See client.h. START_TEST checks the recorder with made-up events: a comparison that cannot fail proves nothing.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

static DWORD depth_tls = TLS_OUT_OF_INDEXES;
static const WCHAR loopbackW[] = L"127.0.0.1";

ULONGLONG milliseconds_since( ULONGLONG start )
{
    return GetTickCount64() - start;
}

/* ---- handles ---- */

static void set_bounds( HINTERNET session )
{
    BOOL ret = WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );

    ok( ret, "WinHttpSetTimeouts failed with %lu\n", GetLastError() );
}

BOOL client_reopen( struct client *client, const WCHAR *verb, const WCHAR *path )
{
    client->request = WinHttpOpenRequest( client->connect, verb, path, NULL, NULL, NULL, 0 );
    ok( client->request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    return client->request != NULL;
}

BOOL client_open( struct client *client, unsigned short port, DWORD open_flags, const WCHAR *verb, const WCHAR *path )
{
    memset( client, 0, sizeof(*client) );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    set_bounds( client->session );
    client->connect = WinHttpConnect( client->session, loopbackW, port, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    if (!client->connect) return FALSE;
    return client_reopen( client, verb, path );
}

void client_close( struct client *client )
{
    if (client->request) WinHttpCloseHandle( client->request );
    if (client->connect) WinHttpCloseHandle( client->connect );
    if (client->session) WinHttpCloseHandle( client->session );
    memset( client, 0, sizeof(*client) );
}

DWORD client_try( struct client *client )
{
    if (!WinHttpSendRequest( client->request, NULL, 0, NULL, 0, 0, 0 )) return GetLastError();
    if (!WinHttpReceiveResponse( client->request, NULL )) return GetLastError();
    return 0;
}

BOOL client_get( struct client *client )
{
    BOOL ret = WinHttpSendRequest( client->request, NULL, 0, NULL, 0, 0, 0 );

    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    if (!ret) return FALSE;
    ret = WinHttpReceiveResponse( client->request, NULL );
    ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
    return ret;
}

ULONGLONG client_read( HINTERNET request, char *buffer, DWORD size, DWORD *err )
{
    static char trash[65536];
    ULONGLONG total = 0;

    *err = 0;
    for (;;)
    {
        char *at = total < size ? buffer + total : trash;
        DWORD room = total < size ? size - (DWORD)total : sizeof(trash);
        DWORD count = 0;

        if (!WinHttpReadData( request, at, room, &count ))
        {
            *err = GetLastError();
            break;
        }
        if (!count) break;
        total += count;
    }
    return total;
}

void client_check_body_( const char *file, int line, HINTERNET request, const char *expected )
{
    char buffer[4096];
    DWORD err, len = (DWORD)strlen( expected );
    ULONGLONG got = client_read( request, buffer, sizeof(buffer), &err );

    ok_( file, line )( !err, "reading failed with %lu after %lu bytes\n", err, (DWORD)got );
    ok_( file, line )( got == len && !memcmp( buffer, expected, len ), "got %lu bytes \"%.*s\", expected \"%s\"\n",
                       (DWORD)got, (int)(got < 200 ? got : 200), buffer, expected );
}

DWORD client_status( HINTERNET request )
{
    DWORD status = 0, len = sizeof(status);

    WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &len, NULL );
    return status;
}

void client_check_get_( const char *file, int line, struct client *client, const char *body )
{
    DWORD err;

    if (client->request) WinHttpCloseHandle( client->request );
    if (!client_reopen( client, L"GET", L"/again" )) return;
    err = client_try( client );
    ok_( file, line )( !err, "a good request failed with %lu\n", err );
    if (err) return;
    ok_( file, line )( client_status( client->request ) == 200, "status %lu\n", client_status( client->request ) );
    client_check_body_( file, line, client->request, body );
}

/* ---- the recorder ---- */

static const struct { DWORD status; const char *name; } status_names[] =
{
    { STATUS( RESOLVING_NAME ),        "RESOLVING_NAME" },
    { STATUS( NAME_RESOLVED ),         "NAME_RESOLVED" },
    { STATUS( CONNECTING_TO_SERVER ),  "CONNECTING_TO_SERVER" },
    { STATUS( CONNECTED_TO_SERVER ),   "CONNECTED_TO_SERVER" },
    { STATUS( SENDING_REQUEST ),       "SENDING_REQUEST" },
    { STATUS( REQUEST_SENT ),          "REQUEST_SENT" },
    { STATUS( RECEIVING_RESPONSE ),    "RECEIVING_RESPONSE" },
    { STATUS( RESPONSE_RECEIVED ),     "RESPONSE_RECEIVED" },
    { STATUS( CLOSING_CONNECTION ),    "CLOSING_CONNECTION" },
    { STATUS( CONNECTION_CLOSED ),     "CONNECTION_CLOSED" },
    { STATUS( HANDLE_CREATED ),        "HANDLE_CREATED" },
    { STATUS( HANDLE_CLOSING ),        "HANDLE_CLOSING" },
    { STATUS( REDIRECT ),              "REDIRECT" },
    { STATUS( INTERMEDIATE_RESPONSE ), "INTERMEDIATE_RESPONSE" },
    { STATUS( SECURE_FAILURE ),        "SECURE_FAILURE" },
    { STATUS( HEADERS_AVAILABLE ),     "HEADERS_AVAILABLE" },
    { STATUS( DATA_AVAILABLE ),        "DATA_AVAILABLE" },
    { STATUS( READ_COMPLETE ),         "READ_COMPLETE" },
    { STATUS( WRITE_COMPLETE ),        "WRITE_COMPLETE" },
    { STATUS( REQUEST_ERROR ),         "REQUEST_ERROR" },
    { STATUS( SENDREQUEST_COMPLETE ),  "SENDREQUEST_COMPLETE" },
    { STATUS( CLOSE_COMPLETE ),        "CLOSE_COMPLETE" },
    { STATUS( SHUTDOWN_COMPLETE ),     "SHUTDOWN_COMPLETE" }
};

static const char *const call_names[] =
{
    [CALL_NONE] = "no call", [CALL_CONNECT] = "Connect", [CALL_OPEN] = "OpenRequest", [CALL_SEND] = "SendRequest",
    [CALL_RECEIVE] = "ReceiveResponse", [CALL_QUERY] = "QueryDataAvailable", [CALL_READ] = "ReadData",
    [CALL_WRITE] = "WriteData", [CALL_UPGRADE] = "CompleteUpgrade", [CALL_WS_SEND] = "WebSocketSend",
    [CALL_WS_RECEIVE] = "WebSocketReceive", [CALL_WS_SHUTDOWN] = "WebSocketShutdown", [CALL_WS_CLOSE] = "WebSocketClose",
    [CALL_CLOSE_SOCKET] = "CloseHandle(socket)", [CALL_CLOSE_REQUEST] = "CloseHandle(request)",
    [CALL_CLOSE_CONNECT] = "CloseHandle(connect)", [CALL_CLOSE_SESSION] = "CloseHandle(session)"
};

const char *status_name( DWORD status )
{
    unsigned int i;

    for (i = 0; i < count_of( status_names ); i++)
        if (status_names[i].status == status) return status_names[i].name;
    return "unknown status";
}

struct recorder *recorder_create(void)
{
    struct recorder *recorder = calloc( 1, sizeof(*recorder) );

    if (!recorder) ExitProcess( 255 );
    if (depth_tls == TLS_OUT_OF_INDEXES) depth_tls = TlsAlloc();
    InitializeCriticalSection( &recorder->lock );
    InitializeConditionVariable( &recorder->changed );
    return recorder;
}

static const DWORD string_statuses = STATUS( RESOLVING_NAME ) | STATUS( NAME_RESOLVED )
    | STATUS( CONNECTING_TO_SERVER ) | STATUS( CONNECTED_TO_SERVER ) | STATUS( REDIRECT );
static const DWORD dword_statuses = STATUS( REQUEST_SENT ) | STATUS( RESPONSE_RECEIVED )
    | STATUS( INTERMEDIATE_RESPONSE ) | STATUS( SECURE_FAILURE ) | STATUS( DATA_AVAILABLE ) | STATUS( WRITE_COMPLETE );

/* The same of a request's read can have the bytes that were read. */
static void copy_message( struct event *event )
{
    const WINHTTP_WEB_SOCKET_STATUS *message = event->info;

    if (event->info_len != sizeof(*message)) return;
    event->value = message->dwBytesTransferred;
    event->type = message->eBufferType;
}

static void copy_payload( struct event *event )
{
    if (!event->info) return;
    if (event->status & (STATUS( READ_COMPLETE ) | STATUS( WRITE_COMPLETE ))) copy_message( event );
    if (event->status & string_statuses) lstrcpynW( event->text, event->info, count_of( event->text ) );
    else if (event->status & dword_statuses)
    {
        if (event->info_len >= sizeof(DWORD)) event->value = *(const DWORD *)event->info;
    }
    else if (event->status & (STATUS( HANDLE_CREATED ) | STATUS( HANDLE_CLOSING )))
        event->payload = *(const HINTERNET *)event->info;
    else if (event->status == STATUS( REQUEST_ERROR ))
    {
        if (event->info_len == sizeof(WINHTTP_WEB_SOCKET_ASYNC_RESULT))
            event->operation = ((const WINHTTP_WEB_SOCKET_ASYNC_RESULT *)event->info)->Operation;
        event->result = ((const WINHTTP_ASYNC_RESULT *)event->info)->dwResult;
        event->error = ((const WINHTTP_ASYNC_RESULT *)event->info)->dwError;
    }
}

static void record( struct recorder *recorder, const struct event *event )
{
    EnterCriticalSection( &recorder->lock );
    if (recorder->count < MAX_EVENTS)
    {
        recorder->events[recorder->count] = *event;
        recorder->events[recorder->count].call = recorder->call;
        recorder->events[recorder->count].in_call = recorder->in_call;
        recorder->count++;
    }
    LeaveCriticalSection( &recorder->lock );
    WakeAllConditionVariable( &recorder->changed );
}

void CALLBACK recorder_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD info_len )
{
    struct recorder *recorder = (struct recorder *)context;
    void (*hook)( struct recorder *recorder, const struct event *event );
    DWORD depth = PtrToUlong( TlsGetValue( depth_tls ) );
    struct event event;

    if (!recorder) return;
    memset( &event, 0, sizeof(event) );
    event.status = status;
    event.handle = handle;
    event.context = context;
    event.thread = GetCurrentThreadId();
    event.depth = depth;
    event.info = info;
    event.info_len = info_len;
    copy_payload( &event );

    record( recorder, &event );
    hook = recorder->hook;      /* the test may take it away at any time */
    if (!hook || (status == STATUS( HANDLE_CLOSING ) && !recorder->hook_closing)) return;
    TlsSetValue( depth_tls, ULongToPtr( depth + 1 ) );
    hook( recorder, &event );
    TlsSetValue( depth_tls, ULongToPtr( depth ) );
}

void recorder_attach( struct recorder *recorder, HINTERNET handle, DWORD mask )
{
    WINHTTP_STATUS_CALLBACK previous;
    DWORD_PTR context = (DWORD_PTR)recorder;
    BOOL ret;

    previous = WinHttpSetStatusCallback( handle, recorder_callback, mask, 0 );
    ok( previous != WINHTTP_INVALID_STATUS_CALLBACK, "WinHttpSetStatusCallback failed with %lu\n", GetLastError() );
    ret = WinHttpSetOption( handle, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof(context) );
    ok( ret, "setting the context failed with %lu\n", GetLastError() );
}

void recorder_call( struct recorder *recorder, enum call call )
{
    EnterCriticalSection( &recorder->lock );
    recorder->call = call;
    recorder->in_call = TRUE;
    LeaveCriticalSection( &recorder->lock );
}

void recorder_return( struct recorder *recorder )
{
    DWORD err = GetLastError();

    EnterCriticalSection( &recorder->lock );
    recorder->in_call = FALSE;
    LeaveCriticalSection( &recorder->lock );
    SetLastError( err );
}

BOOL recorder_open( struct recorder *recorder, struct client *client, unsigned short port, DWORD open_flags,
                    const WCHAR *verb, const WCHAR *path )
{
    memset( client, 0, sizeof(*client) );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    set_bounds( client->session );
    recorder_attach( recorder, client->session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );

    recorder_call( recorder, CALL_CONNECT );
    client->connect = WinHttpConnect( client->session, loopbackW, port, 0 );
    recorder_return( recorder );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    if (!client->connect) return FALSE;

    recorder_call( recorder, CALL_OPEN );
    client_reopen( client, verb, path );
    recorder_return( recorder );
    return client->request != NULL;
}

static void close_marked( struct recorder *recorder, HINTERNET handle, enum call call )
{
    ULONGLONG end = GetTickCount64() + PROMPT_MS, now;
    BOOL ret;

    if (!handle) return;
    recorder_call( recorder, call );
    ret = WinHttpCloseHandle( handle );
    recorder_return( recorder );
    ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );

    EnterCriticalSection( &recorder->lock );
    while (!recorder_count( recorder, handle, STATUS( HANDLE_CLOSING ) ) && (now = GetTickCount64()) < end)
        SleepConditionVariableCS( &recorder->changed, &recorder->lock, (DWORD)(end - now) );
    LeaveCriticalSection( &recorder->lock );
    ok( recorder_count( recorder, handle, STATUS( HANDLE_CLOSING ) ) == 1, "%s: %u HANDLE_CLOSING\n",
        call_names[call], recorder_count( recorder, handle, STATUS( HANDLE_CLOSING ) ) );
}

void recorder_close( struct recorder *recorder, struct client *client )
{
    close_marked( recorder, client->request, CALL_CLOSE_REQUEST );
    close_marked( recorder, client->connect, CALL_CLOSE_CONNECT );
    close_marked( recorder, client->session, CALL_CLOSE_SESSION );
}

void recorder_finish_( const char *file, int line, struct recorder *recorder, struct client *client,
                       struct server *server )
{
    recorder_close( recorder, client );
    server_stop_( file, line, server );
}

static BOOL wait_event( struct recorder *recorder, DWORD mask, struct event *event, DWORD timeout )
{
    ULONGLONG end = GetTickCount64() + timeout, now;
    BOOL found = FALSE;

    EnterCriticalSection( &recorder->lock );
    for (;;)
    {
        while (recorder->cursor < recorder->count && !found)
        {
            found = (recorder->events[recorder->cursor].status & mask) != 0;
            recorder->cursor++;
        }
        if (found || (now = GetTickCount64()) >= end) break;
        SleepConditionVariableCS( &recorder->changed, &recorder->lock, (DWORD)(end - now) );
    }
    if (found && event) *event = recorder->events[recorder->cursor - 1];
    LeaveCriticalSection( &recorder->lock );
    return found;
}

BOOL recorder_wait_( const char *file, int line, struct recorder *recorder, DWORD mask, struct event *event )
{
    BOOL found = wait_event( recorder, mask, event, WAIT_MS );

    ok_( file, line )( found, "no notification of mask %08lx (first %s) came\n", mask,
                       status_name( mask & (0 - mask) ) );
    return found;
}

BOOL recorder_complete_( const char *file, int line, struct recorder *recorder, DWORD status, struct event *event )
{
    struct event mine;

    if (!event) event = &mine;
    if (!recorder_wait_( file, line, recorder, COMPLETIONS, event )) return FALSE;
    ok_( file, line )( event->status == status, "expected %s, got %s (API %lu, error %lu)\n", status_name( status ),
                       status_name( event->status ), (DWORD)event->result, event->error );
    return event->status == status;
}

unsigned int recorder_count( struct recorder *recorder, HINTERNET handle, DWORD mask )
{
    unsigned int i, count = 0;

    EnterCriticalSection( &recorder->lock );
    for (i = 0; i < recorder->count; i++)
        if ((recorder->events[i].status & mask) && (!handle || recorder->events[i].handle == handle)) count++;
    LeaveCriticalSection( &recorder->lock );
    return count;
}

int recorder_find( struct recorder *recorder, DWORD mask, unsigned int n )
{
    int i, found = -1;

    EnterCriticalSection( &recorder->lock );
    for (i = 0; i < (int)recorder->count && found < 0; i++)
        if ((recorder->events[i].status & mask) && !n--) found = i;
    LeaveCriticalSection( &recorder->lock );
    return found;
}

void recorder_check_last_( const char *file, int line, struct recorder *recorder, HINTERNET handle )
{
    unsigned int i, closings = 0, after = 0;

    EnterCriticalSection( &recorder->lock );
    for (i = 0; i < recorder->count; i++)
    {
        if (recorder->events[i].handle != handle) continue;
        if (recorder->events[i].status == STATUS( HANDLE_CLOSING )) closings++;
        else if (closings) after++;
    }
    LeaveCriticalSection( &recorder->lock );
    ok_( file, line )( closings == 1, "%u HANDLE_CLOSING\n", closings );
    ok_( file, line )( !after, "%u notifications after HANDLE_CLOSING\n", after );
}

void recorder_reset( struct recorder *recorder )
{
    EnterCriticalSection( &recorder->lock );
    recorder->count = recorder->cursor = 0;
    LeaveCriticalSection( &recorder->lock );
}

static BOOL matches( const struct event *event, const struct expect *row )
{
    return event->status == row->status && event->call == row->call;
}

static BOOL thread_matches( const struct event *event, const struct expect *row )
{
    BOOL caller = event->thread == GetCurrentThreadId();

    if ((row->flags & CALLER) && !(caller && event->in_call)) return FALSE;
    return !((row->flags & OTHER) && caller);
}

/* Walks both lists; an optional row that does not match is passed over, a row marked MANY stays current. */
static unsigned int compare( const char *file, int line, struct recorder *recorder, const struct expect *table,
                             unsigned int count, BOOL report )
{
    unsigned int i, row = 0, bad = 0;
    BOOL repeated = FALSE;

    for (i = 0; i < recorder->count; i++)
    {
        const struct event *event = &recorder->events[i];
        unsigned int next = row;

        if (repeated && matches( event, &table[row - 1] )) continue;
        while (next < count && !matches( event, &table[next] ) && (table[next].flags & OPT)) next++;
        if (next == count || !matches( event, &table[next] ))
        {
            bad++;
            if (report) ok_( file, line )( 0, "%s gave %s, expected %s\n", call_names[event->call],
                                           status_name( event->status ),
                                           row < count ? status_name( table[row].status ) : "nothing more" );
            continue;
        }
        if (!thread_matches( event, &table[next] ))
        {
            bad++;
            if (report) ok_( file, line )( 0, "%s: %s came %s\n", call_names[event->call],
                                           status_name( event->status ),
                                           event->thread == GetCurrentThreadId() ? "on the caller's thread or too late"
                                                                                 : "on another thread" );
        }
        repeated = (table[next].flags & MANY) != 0;
        row = next + 1;
    }
    for (; row < count; row++)
    {
        if (table[row].flags & OPT) continue;
        bad++;
        if (report) ok_( file, line )( 0, "%s did not give %s\n", call_names[table[row].call],
                                       status_name( table[row].status ) );
    }
    return bad;
}

unsigned int recorder_check_( const char *file, int line, struct recorder *recorder, const struct expect *table,
                              unsigned int count )
{
    unsigned int bad;

    EnterCriticalSection( &recorder->lock );
    bad = compare( file, line, recorder, table, count, TRUE );
    LeaveCriticalSection( &recorder->lock );
    ok_( file, line )( !bad, "%u deviations from the expected notifications\n", bad );
    return bad;
}

BOOL send_marked( struct recorder *recorder, struct client *client, const WCHAR *headers, DWORD total )
{
    BOOL ret;

    recorder_call( recorder, CALL_SEND );
    SetLastError( 0xdeadbeef );
    ret = WinHttpSendRequest( client->request, headers, headers ? ~0u : 0, NULL, 0, total, 0 );
    recorder_return( recorder );
    ok( ret && !GetLastError(), "WinHttpSendRequest: %d, error %lu\n", ret, GetLastError() );
    return ret;
}

BOOL receive_marked( struct recorder *recorder, struct client *client )
{
    BOOL ret;

    recorder_call( recorder, CALL_RECEIVE );
    SetLastError( 0xdeadbeef );
    ret = WinHttpReceiveResponse( client->request, NULL );
    recorder_return( recorder );
    ok( ret && !GetLastError(), "WinHttpReceiveResponse: %d, error %lu\n", ret, GetLastError() );
    return ret;
}

/* Completed inside the call: last error 0 and on the caller's thread; else 997 and on another. */
static BOOL data_call_returned( const char *file, int line, struct recorder *recorder, const char *name, BOOL ret,
                                DWORD status, struct event *event )
{
    DWORD err = GetLastError();
    struct event mine;
    BOOL inside;

    if (!event) event = &mine;
    recorder_return( recorder );
    ok_( file, line )( ret, "%s failed with %lu\n", name, err );
    if (!ret || !recorder_complete_( file, line, recorder, status, event )) return FALSE;
    inside = event->thread == GetCurrentThreadId();
    ok_( file, line )( err == (inside ? ERROR_SUCCESS : ERROR_IO_PENDING), "%s came on %s thread with last error %lu\n",
                       status_name( status ), inside ? "the caller's" : "another", err );     /* N-2b */
    return TRUE;
}

BOOL query_marked_( const char *file, int line, struct recorder *recorder, struct client *client, struct event *event )
{
    BOOL ret;

    recorder_call( recorder, CALL_QUERY );
    SetLastError( 0xdeadbeef );
    ret = WinHttpQueryDataAvailable( client->request, NULL );               /* S-24 */
    return data_call_returned( file, line, recorder, "WinHttpQueryDataAvailable", ret, STATUS( DATA_AVAILABLE ), event );
}

BOOL read_marked_( const char *file, int line, struct recorder *recorder, struct client *client, void *buffer, DWORD size,
                   struct event *event )
{
    BOOL ret;

    recorder_call( recorder, CALL_READ );
    SetLastError( 0xdeadbeef );
    ret = WinHttpReadData( client->request, buffer, size, NULL );           /* S-24 */
    return data_call_returned( file, line, recorder, "WinHttpReadData", ret, STATUS( READ_COMPLETE ), event );
}

BOOL recorder_get( struct recorder *recorder, struct client *client, struct server *server, const WCHAR *headers )
{
    return send_marked( recorder, client, headers, 0 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL )
        && (!server || server_wait( server ))
        && receive_marked( recorder, client )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL );
}

void recorder_failed_( const char *file, int line, struct recorder *recorder, DWORD_PTR api, DWORD error )
{
    struct event event;

    if (!recorder_complete_( file, line, recorder, STATUS( REQUEST_ERROR ), &event )) return;
    ok_( file, line )( event.result == api && event.error == error, "API %lu, error %lu\n",
                       (DWORD)event.result, event.error );
    ok_( file, line )( event.info_len == sizeof(WINHTTP_ASYNC_RESULT), "length %lu\n",
                       event.info_len );                                    /* N-1q, N-9c */
}

BOOL recorder_start_receive( struct recorder *recorder, struct client *client, unsigned short port )
{
    struct event event;
    BOOL ret;

    if (!recorder_open( recorder, client, port, WINHTTP_FLAG_ASYNC, L"POST", L"/" )
        || !send_marked( recorder, client, NULL, 1 )
        || !recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) return FALSE;
    recorder_call( recorder, CALL_WRITE );
    ret = WinHttpWriteData( client->request, "x", 1, NULL );
    recorder_return( recorder );
    ok( ret, "WinHttpWriteData failed with %lu\n", GetLastError() );
    if (!ret || !recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event )) return FALSE;
    ok( event.value == 1 && event.info_len == sizeof(DWORD), "%lu bytes written, length %lu\n", event.value, event.info_len );
    return receive_marked( recorder, client );
}

/* ---- the recorder itself ---- */

static void make_events( struct recorder *recorder, const DWORD *statuses, unsigned int count )
{
    unsigned int i;

    recorder_reset( recorder );
    recorder_call( recorder, CALL_SEND );
    for (i = 0; i < count; i++) recorder_callback( (HINTERNET)1, (DWORD_PTR)recorder, statuses[i], NULL, 0 );
    recorder_return( recorder );
}

static unsigned int count_deviations( struct recorder *recorder, const struct expect *table, unsigned int count )
{
    return compare( __FILE__, __LINE__, recorder, table, count, FALSE );
}

static void test_comparison_sees_deviations(void)
{
    static const struct expect table[] =
    {
        { CALL_SEND, STATUS( RESOLVING_NAME ), OPT },
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER }
    };
    static const DWORD full[] = { STATUS( RESOLVING_NAME ), STATUS( SENDING_REQUEST ), STATUS( REQUEST_SENT ) };
    static const DWORD brief[] = { STATUS( SENDING_REQUEST ), STATUS( REQUEST_SENT ) };
    static const DWORD swapped[] = { STATUS( REQUEST_SENT ), STATUS( SENDING_REQUEST ) };
    static const DWORD cut[] = { STATUS( SENDING_REQUEST ) };
    struct recorder *recorder = recorder_create();

    make_events( recorder, full, count_of( full ) );
    recorder_check( recorder, table );
    make_events( recorder, brief, count_of( brief ) );
    recorder_check( recorder, table );
    make_events( recorder, swapped, count_of( swapped ) );
    ok( count_deviations( recorder, table, count_of( table ) ) != 0, "a wrong order passes\n" );
    make_events( recorder, cut, count_of( cut ) );
    ok( count_deviations( recorder, table, count_of( table ) ) == 1, "a missing notification passes\n" );
    make_events( recorder, brief, count_of( brief ) );
    recorder->events[1].thread++;
    ok( count_deviations( recorder, table, count_of( table ) ) == 1, "a wrong thread passes\n" );
    free( recorder );
}

static void test_wait_moves_past_what_it_found(void)
{
    static const DWORD statuses[] = { STATUS( SENDING_REQUEST ), STATUS( REQUEST_SENT ), STATUS( SENDING_REQUEST ) };
    struct recorder *recorder = recorder_create();
    struct event event;

    make_events( recorder, statuses, count_of( statuses ) );
    ok( recorder_wait( recorder, STATUS( REQUEST_SENT ), &event ), "not found\n" );
    ok( event.status == STATUS( REQUEST_SENT ), "got %s\n", status_name( event.status ) );
    ok( recorder_wait( recorder, STATUS( SENDING_REQUEST ), &event ), "the second one was not found\n" );
    ok( !wait_event( recorder, STATUS( SENDING_REQUEST ), &event, 0 ), "one event was found twice\n" );
    ok( recorder_count( recorder, NULL, STATUS( SENDING_REQUEST ) ) == 2, "wrong count\n" );
    free( recorder );
}

START_TEST(client)
{
    test_comparison_sees_deviations();
    test_wait_moves_past_what_it_found();
}
