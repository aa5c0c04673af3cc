/*
 * Operations, threads and handles at the edges: what must end ends once, whoever blocks, breaks or closes
 *
 * Rules: windows-behaviour.md section 18 (LE-5) and 19; notifications.md sections 1 and 7; functions.md section 1;
 * options.md REQUEST_TIMES.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

/* ---- the order of checks ---- */

static BOOL bad_connect( HINTERNET h )       { return WinHttpConnect( h, NULL, 80, 0 ) != NULL; }
static BOOL bad_add_headers( HINTERNET h )   { return WinHttpAddRequestHeaders( h, NULL, 4, 0 ); }
static BOOL bad_add_length( HINTERNET h )    { return WinHttpAddRequestHeaders( h, L"a: b", 0, 0 ); }
static BOOL bad_query_headers( HINTERNET h ) { return WinHttpQueryHeaders( h, WINHTTP_QUERY_VERSION, NULL, NULL, NULL, NULL ); }
static BOOL bad_write( HINTERNET h )         { return WinHttpWriteData( h, NULL, 4, NULL ); }
static BOOL bad_read( HINTERNET h )          { return WinHttpReadData( h, NULL, 4, NULL ); }
static BOOL bad_timeouts( HINTERNET h )      { return WinHttpSetTimeouts( h, -2, 0, 0, 0 ); }

/* A handle that is none comes first, then the arguments, then the kind of the handle, then the state, LE-5 (derived from
 * single rules: a choice where Windows is not known to agree). */
static void test_arguments_come_before_the_kind_of_handle(void)
{
    static const struct
    {
        const char *name;
        BOOL (*call)( HINTERNET handle );
    } calls[] =
    {
        { "Connect without a name",            bad_connect },
        { "AddRequestHeaders without a text",  bad_add_headers },
        { "AddRequestHeaders with length 0",   bad_add_length },
        { "QueryHeaders without a size",       bad_query_headers },
        { "WriteData without data",            bad_write },
        { "ReadData without a buffer",         bad_read },
        { "SetTimeouts out of range",          bad_timeouts },
    };
    HINTERNET handles[3];
    struct client client;
    unsigned int i, j;
    BOOL ret;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        handles[0] = client.session;
        handles[1] = client.connect;
        handles[2] = client.request;
        for (i = 0; i < count_of( calls ); i++)
        {
            SetLastError( STALE );
            ret = calls[i].call( NULL );
            ok( !ret && GetLastError() == ERROR_INVALID_HANDLE, "%s, no handle: got %d, error %lu\n", calls[i].name, ret,
                GetLastError() );
            for (j = 0; j < count_of( handles ); j++)
            {
                SetLastError( STALE );
                ret = calls[i].call( handles[j] );
                ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "%s, handle %u: got %d, error %lu\n", calls[i].name,
                    j, ret, GetLastError() );
            }
        }
    }
    client_close( &client );
}

/* ---- two operations on one dead connection ---- */

/* A pooled connection dies while a write is under way and the response is awaited. Repeating the request on another
 * connection would take the exchange away from under the write: both operations must end, each once. */
static void test_connection_dies_under_write_and_receive(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), HEAD, SIGNAL, HOLD, RESET, END };
    static char block[64 << 20];    /* more than any socket takes */
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    unsigned int i, writes = 0, receives = 0;
    struct client client;
    struct event event;
    char buffer[8];
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    ok( WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    ok( WinHttpReadData( client.request, buffer, sizeof(buffer), NULL ), "failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( READ_COMPLETE ), &event )) goto done;
    WinHttpCloseHandle( client.request );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );

    client.request = WinHttpOpenRequest( client.connect, L"PUT", L"/", NULL, NULL, NULL, 0 );
    ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, sizeof(block), 0 ), "failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event ) || !server_wait( server )) goto done;
    ret = WinHttpWriteData( client.request, block, sizeof(block), NULL );
    ok( ret, "WinHttpWriteData failed with %lu\n", GetLastError() );
    ret = WinHttpReceiveResponse( client.request, NULL );
    ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
    server_go( server );
    for (i = 0; i < 2; i++)
    {
        if (!recorder_wait( recorder, COMPLETIONS, &event )) break;
        ok( event.status == STATUS( REQUEST_ERROR ), "got %s\n", status_name( event.status ) );
        if (event.result == API_WRITE_DATA) writes++;
        if (event.result == API_RECEIVE_RESPONSE) receives++;
    }
    ok( writes == 1 && receives == 1, "%u writes and %u receives ended\n", writes, receives );
done:
    server_go( server );
    recorder_close( recorder, &client );
    server_stop( server );
}

/* ---- a synchronous handle closed from elsewhere ---- */

static DWORD WINAPI close_thread( void *arg )
{
    return WinHttpCloseHandle( arg );
}

/* Documented as not allowed; what it must not do is hang or crash: the call that blocks ends as a cancelled one. */
static void test_sync_handle_closed_by_another_thread(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    ULONGLONG start = GetTickCount64();
    HINTERNET request;
    struct client client;
    HANDLE thread;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        server_wait( server );
        thread = CreateThread( NULL, 0, close_thread, client.request, 0, NULL );
        request = client.request;
        client.request = NULL;
        SetLastError( STALE );
        ret = WinHttpReceiveResponse( request, NULL );
        /* the close may have been the first of the two */
        ok( !ret && (GetLastError() == ERROR_WINHTTP_OPERATION_CANCELLED || GetLastError() == ERROR_INVALID_HANDLE),
            "got %d, error %lu\n", ret, GetLastError() );
        ok( milliseconds_since( start ) < WAIT_MS / 2, "took %lu ms\n", (DWORD)milliseconds_since( start ) );
        WaitForSingleObject( thread, WAIT_MS );
        CloseHandle( thread );
        recorder_check_last( recorder, request );
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

/* ---- threads ---- */

#define BLOCKED 24    /* more than there would ever be threads for short callbacks */

static struct
{
    LONG inside, met, late;
    HANDLE all_inside, all_out;
} meeting;

/* Returns only when as many callbacks have come as there are requests: each of them blocks a thread. */
static void CALLBACK meeting_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)context; (void)info; (void)len;
    if (status == STATUS( SENDREQUEST_COMPLETE )) WinHttpReceiveResponse( handle, NULL );
    if (status != STATUS( HEADERS_AVAILABLE ) && status != STATUS( REQUEST_ERROR )) return;
    if (InterlockedIncrement( &meeting.inside ) == BLOCKED) SetEvent( meeting.all_inside );
    if (WaitForSingleObject( meeting.all_inside, WAIT_MS )) InterlockedIncrement( &meeting.late );
    if (InterlockedIncrement( &meeting.met ) == BLOCKED) SetEvent( meeting.all_out );
}

/* Callbacks that wait for the callbacks of other requests, before one of them has returned. */
static void test_blocked_callbacks_hold_nobody_up(void)
{
    struct server *server = server_start_crowd( BLOCKED, REPLY( "2", "ok" ) );
    HINTERNET session, connect, requests[BLOCKED];
    unsigned int i;

    if (!server) return;
    memset( &meeting, 0, sizeof(meeting) );
    meeting.all_inside = CreateEventW( NULL, TRUE, FALSE, NULL );
    meeting.all_out    = CreateEventW( NULL, TRUE, FALSE, NULL );
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetStatusCallback( session, meeting_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", server_port( server ), 0 );
    for (i = 0; i < BLOCKED; i++)
    {
        requests[i] = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );
        ok( WinHttpSendRequest( requests[i], NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
    }
    server_wait( server );
    server_go( server );
    ok( !WaitForSingleObject( meeting.all_out, 2 * WAIT_MS ), "%ld of %d callbacks came\n", meeting.inside, BLOCKED );
    ok( !meeting.late, "%ld callbacks waited in vain\n", meeting.late );
    for (i = 0; i < BLOCKED; i++) WinHttpCloseHandle( requests[i] );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
    server_abort( server );
    /* the events stay: a late callback may still set them */
}

#define LANES 64
#define LAPS 1500
#define FEW_THREADS 16

static struct
{
    HINTERNET connect;
    LONG started, over, failed;
    DWORD_PTR api;                   /* of the last one that failed: which call, and why */
    DWORD error;
    HANDLE all_over;
    volatile LONG threads[32];
} race;

static void race_failed( DWORD_PTR api, DWORD error )
{
    race.api = api;
    race.error = error;
    InterlockedIncrement( &race.failed );
}

static void race_start(void)
{
    HINTERNET request;

    if (InterlockedIncrement( &race.started ) > LAPS) return;
    request = WinHttpOpenRequest( race.connect, NULL, NULL, NULL, NULL, NULL, 0 );
    if (!WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 1 )) race_failed( API_SEND_REQUEST, GetLastError() );
}

static void race_note_thread(void)
{
    LONG id = GetCurrentThreadId(), seen;
    unsigned int i;

    for (i = 0; i < count_of( race.threads ); i++)
    {
        seen = InterlockedCompareExchange( &race.threads[i], id, 0 );
        if (!seen || seen == id) return;
    }
}

static void CALLBACK race_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)len;
    if (!context) return;
    race_note_thread();
    switch (status)
    {
    case STATUS( SENDREQUEST_COMPLETE ):
        if (!WinHttpReceiveResponse( handle, NULL )) race_failed( API_RECEIVE_RESPONSE, GetLastError() );
        break;
    case STATUS( REQUEST_ERROR ):
        race_failed( ((WINHTTP_ASYNC_RESULT *)info)->dwResult, ((WINHTTP_ASYNC_RESULT *)info)->dwError );
        /* fall through */
    case STATUS( HEADERS_AVAILABLE ):
        WinHttpCloseHandle( handle );
        race_start();
        break;
    case STATUS( HANDLE_CLOSING ):
        if (InterlockedIncrement( &race.over ) == LAPS) SetEvent( race.all_over );
        break;
    }
}

/* Callbacks that return at once are run by few threads, however many requests are in flight. The number is a choice of
 * this implementation; Windows' is not documented. */
static void test_short_callbacks_need_few_threads(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "0", "" ) ), LOOP };
    struct server *server = server_start_each( script );
    SYSTEM_INFO info;
    HINTERNET session;
    unsigned int i, threads;

    if (!server) return;
    memset( &race, 0, sizeof(race) );
    GetSystemInfo( &info );
    race.all_over = CreateEventW( NULL, TRUE, FALSE, NULL );
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetStatusCallback( session, race_callback,
                              WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS | WINHTTP_CALLBACK_FLAG_HANDLES, 0 );
    race.connect = WinHttpConnect( session, L"127.0.0.1", server_port( server ), 0 );
    for (i = 0; i < LANES; i++) race_start();
    ok( !WaitForSingleObject( race.all_over, 3 * WAIT_MS ), "%ld of %d requests are over\n", race.over, LAPS );
    ok( !race.failed, "%ld requests failed, the last in API %lu with %lu\n", race.failed, (DWORD)race.api, race.error );
    for (threads = 0; threads < count_of( race.threads ) && race.threads[threads]; threads++) ;
    trace( "%u threads ran callbacks, %lu processors\n", threads, info.dwNumberOfProcessors );
    /* two where the machine has time, some more where callbacks seem to be stuck since it has not */
    if (!strcmp( winetest_platform, "wine" ))
        ok( threads <= FEW_THREADS + 1 /* this one */, "%u threads ran callbacks\n", threads );
    WinHttpCloseHandle( race.connect );
    WinHttpCloseHandle( session );
    server_abort( server );
}

/* ---- times ---- */

/* Every phase that happened has its time, in the unit of the performance counter and in order. */
static void test_request_times_cover_the_exchange(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY( "6", "answer" ) ), END };
    static const struct { unsigned int index; const char *name; } order[] =
    {
        { 2,  "ConnectionAcquireStart" },
        { 7,  "ConnectionEstablishmentStart" },
        { 8,  "ConnectionEstablishmentEnd" },
        { 17, "SendRequestStart" },
        { 20, "SendRequestHeadersEnd" },
        { 21, "SendRequestEnd" },
        { 22, "ReceiveResponseStart" },
        { 25, "ReceiveResponseHeadersEnd" },
        { 27, "ReceiveResponseEnd" },
    };
    struct server *server = server_start( script );
    struct { ULONG count; ULONGLONG times[64]; } result;
    DWORD size = sizeof(result), error;
    LARGE_INTEGER before, after;
    ULONGLONG last;
    struct client client;
    char body[16];
    unsigned int i;
    BOOL ret;

    if (!server) return;
    QueryPerformanceCounter( &before );
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"body", 4, 4, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        ok( WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
        ok( client_read( client.request, body, sizeof(body), &error ) == 6, "error %lu\n", error );
        QueryPerformanceCounter( &after );

        memset( &result, 0xcc, sizeof(result) );
        result.count = 36;
        SetLastError( STALE );
        ret = WinHttpQueryOption( client.request, 142 /* WINHTTP_OPTION_REQUEST_TIMES */, &result, &size );
        if (!ret && GetLastError() == ERROR_INVALID_PARAMETER) win_skip( "REQUEST_TIMES is not known\n" );
        else
        {
            ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );
            ok( result.count == 36, "%lu entries\n", result.count );
            last = 1;    /* 0 is for what did not happen */
            for (i = 0; i < count_of( order ); i++)
            {
                ok( result.times[order[i].index] >= last, "%s: %llu after %llu\n", order[i].name,
                    result.times[order[i].index], last );
                if (result.times[order[i].index]) last = result.times[order[i].index];
            }
            ok( last - result.times[2] <= (ULONGLONG)(after.QuadPart - before.QuadPart),
                "%llu ticks for an exchange of at most %lld\n", last - result.times[2], after.QuadPart - before.QuadPart );
            ok( !result.times[9] && !result.times[28], "a time of what did not happen\n" );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(lifetime)
{
    test_arguments_come_before_the_kind_of_handle();
    test_connection_dies_under_write_and_receive();
    test_sync_handle_closed_by_another_thread();
    test_short_callbacks_need_few_threads();    /* before the next one, whose threads stay for a while */
    test_blocked_callbacks_hold_nobody_up();
    test_request_times_cover_the_exchange();
}
