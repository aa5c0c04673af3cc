/*
 * Many requests and many threads
 *
 * Rules: windows-behaviour.md section 19 (TH-1 to TH-3); security.md "One blocked thread per request in flight".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body
#define CROWD 500

/* ---- threads with handles of their own ---- */

#define THREADS 8
#define ROUNDS 20

struct job
{
    unsigned short port;
    HINTERNET session;      /* NULL: one of its own */
    LONG good;
};

static DWORD WINAPI job_thread( void *arg )
{
    struct job *job = arg;
    HINTERNET session = job->session, connect, request;
    unsigned int i;

    if (!session) session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < ROUNDS; i++)
    {
        char buffer[16];
        DWORD count = 0;

        connect = WinHttpConnect( session, L"127.0.0.1", job->port, 0 );
        request = WinHttpOpenRequest( connect, L"GET", L"/", NULL, NULL, NULL, 0 );
        if (WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL )
            && WinHttpReadData( request, buffer, sizeof(buffer), &count ) && count == 6
            && !memcmp( buffer, "thread", 6 )) job->good++;
        WinHttpCloseHandle( request );
        WinHttpCloseHandle( connect );
    }
    if (!job->session) WinHttpCloseHandle( session );
    return 0;
}

static void test_threads_at_once( BOOL one_session )
{
    static const struct step script[] = { HEAD, SEND( REPLY( "6", "thread" ) ), LOOP };
    struct server *server = server_start_each( script );
    HINTERNET session = NULL;
    HANDLE threads[THREADS];
    struct job jobs[THREADS];
    unsigned int i;

    if (!server) return;
    if (one_session) session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < THREADS; i++)
    {
        jobs[i].port = server_port( server );
        jobs[i].session = session;
        jobs[i].good = 0;
        threads[i] = CreateThread( NULL, 0, job_thread, &jobs[i], 0, NULL );
    }
    ok( WaitForMultipleObjects( THREADS, threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
    for (i = 0; i < THREADS; i++)
    {
        ok( jobs[i].good == ROUNDS, "thread %u: %ld of %d requests\n", i, jobs[i].good, ROUNDS );
        CloseHandle( threads[i] );
    }
    if (session) WinHttpCloseHandle( session );
    server_stop( server );
}

/* One thread makes handles, another one closes the others' parents: TH-3. */
static DWORD WINAPI churn_thread( void *arg )
{
    LONG *stop = arg;
    unsigned int count = 0;

    while (!*(volatile LONG *)stop)
    {
        HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        HINTERNET connect = WinHttpConnect( session, L"127.0.0.1", 80, 0 );
        HINTERNET request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );

        WinHttpCloseHandle( session );
        WinHttpCloseHandle( connect );
        WinHttpCloseHandle( request );
        count++;
    }
    return count;
}

static void test_handles_come_and_go(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "6", "thread" ) ), LOOP };
    struct server *server = server_start_each( script );
    HANDLE churners[2], thread;
    struct job job;
    LONG stop = 0;
    DWORD count;
    unsigned int i;

    if (!server) return;
    for (i = 0; i < 2; i++) churners[i] = CreateThread( NULL, 0, churn_thread, &stop, 0, NULL );
    job.port = server_port( server );
    job.session = NULL;
    job.good = 0;
    thread = CreateThread( NULL, 0, job_thread, &job, 0, NULL );
    ok( !WaitForSingleObject( thread, 3 * WAIT_MS ), "the thread hangs\n" );
    stop = 1;
    for (i = 0; i < 2; i++)
    {
        ok( !WaitForSingleObject( churners[i], WAIT_MS ), "a thread hangs\n" );
        GetExitCodeThread( churners[i], &count );
        ok( count > 0, "no handle was made\n" );
        CloseHandle( churners[i] );
    }
    ok( job.good == ROUNDS, "%ld of %d requests\n", job.good, ROUNDS );
    CloseHandle( thread );
    server_stop( server );
}

/* ---- a crowd ---- */

struct crowd
{
    LONG done, failed, closed;
    LONG completions[CROWD];
    HINTERNET requests[CROWD];
    HANDLE all_done, all_closed;
};

static struct crowd crowd;

static void CALLBACK crowd_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    DWORD index = (DWORD)context - 1;
    BOOL over = FALSE;

    (void)info; (void)len;
    if (!context || index >= CROWD) return;
    switch (status)
    {
    case STATUS( SENDREQUEST_COMPLETE ):
        if (!WinHttpReceiveResponse( handle, NULL )) over = TRUE;
        break;
    case STATUS( HEADERS_AVAILABLE ):
        over = TRUE;
        if (client_status( handle ) != 200) InterlockedIncrement( &crowd.failed );
        break;
    case STATUS( REQUEST_ERROR ):
        over = TRUE;
        InterlockedIncrement( &crowd.failed );
        break;
    case STATUS( HANDLE_CLOSING ):
        if (InterlockedIncrement( &crowd.closed ) == CROWD) SetEvent( crowd.all_closed );
        break;
    }
    if (!over) return;
    InterlockedIncrement( &crowd.completions[index] );
    if (InterlockedIncrement( &crowd.done ) == CROWD) SetEvent( crowd.all_done );
}

/* All requests are with the server before it answers the first one; with close_early none is ever answered. */
static void test_crowd( BOOL close_early )
{
    struct server *server = server_start_crowd( CROWD, REPLY( "2", "ok" ) );
    HINTERNET session, connect;
    unsigned int i, started = 0, twice = 0;

    if (!server) return;
    memset( &crowd, 0, sizeof(crowd) );
    crowd.all_done = CreateEventW( NULL, TRUE, FALSE, NULL );
    crowd.all_closed = CreateEventW( NULL, TRUE, FALSE, NULL );
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetTimeouts( session, 3 * WAIT_MS, 3 * WAIT_MS, 3 * WAIT_MS, 3 * WAIT_MS );
    WinHttpSetStatusCallback( session, crowd_callback,
                              WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS | WINHTTP_CALLBACK_FLAG_HANDLES, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", server_port( server ), 0 );
    for (i = 0; i < CROWD; i++)
    {
        crowd.requests[i] = WinHttpOpenRequest( connect, L"GET", L"/", NULL, NULL, NULL, 0 );
        if (WinHttpSendRequest( crowd.requests[i], NULL, 0, NULL, 0, 0, i + 1 )) started++;
    }
    ok( started == CROWD, "%u of %u requests were started\n", started, CROWD );
    server_wait( server );
    ok( server_crowd_count( server ) == CROWD, "the server has %u of %u requests\n", server_crowd_count( server ), CROWD );
    if (!close_early)
    {
        server_go( server );
        ok( !WaitForSingleObject( crowd.all_done, 2 * WAIT_MS ), "%ld of %u requests ended\n", crowd.done, CROWD );
        ok( !crowd.failed, "%ld requests failed\n", crowd.failed );
    }
    for (i = 0; i < CROWD; i++) WinHttpCloseHandle( crowd.requests[i] );
    ok( !WaitForSingleObject( crowd.all_closed, WAIT_MS ), "%ld of %u HANDLE_CLOSING\n", crowd.closed, CROWD );
    for (i = 0; i < CROWD; i++) if (crowd.completions[i] > 1) twice++;
    ok( !twice, "%u requests ended twice\n", twice );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
    server_abort( server );
    /* the events stay: a late callback may still set them */
}

/* ---- one session, many threads ---- */

#define STORM_THREADS 6
#define STORM_EACH 60

struct storm_request
{
    LONG sent, ended, closed, late;
};

static struct
{
    HINTERNET connect;
    LONG closed;
    HANDLE all_closed;
    struct storm_request requests[STORM_THREADS * STORM_EACH];
}
storm;

static void CALLBACK storm_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    struct storm_request *request = (struct storm_request *)context;

    (void)handle; (void)info; (void)len;
    if (!request) return;
    if (request->closed) InterlockedIncrement( &request->late );
    if (status & COMPLETIONS) InterlockedIncrement( &request->ended );
    if (status != STATUS( HANDLE_CLOSING )) return;
    InterlockedIncrement( &request->closed );
    if (InterlockedIncrement( &storm.closed ) == count_of( storm.requests )) SetEvent( storm.all_closed );
}

/* Sends and closes: at once, a little later, or only when the next one was sent, so that all phases are met. */
static DWORD WINAPI storm_thread( void *arg )
{
    struct storm_request *request = arg;
    HINTERNET handle, previous = NULL;
    unsigned int i, j;

    for (i = 0; i < STORM_EACH; i++, request++)
    {
        handle = WinHttpOpenRequest( storm.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        if (WinHttpSendRequest( handle, NULL, 0, NULL, 0, 0, (DWORD_PTR)request )) request->sent = 1;
        if (previous) WinHttpCloseHandle( previous );
        previous = NULL;
        if (i % 3 == 2) previous = handle;
        else
        {
            for (j = 0; j < (i % 3) * 20; j++) SwitchToThread();
            WinHttpCloseHandle( handle );
        }
    }
    if (previous) WinHttpCloseHandle( previous );
    return 0;
}

/* Whatever was under way: each operation that was started ends once, each handle goes once, and nothing follows. */
static void test_threads_send_and_close( void )
{
    struct server *server = server_start_crowd( count_of( storm.requests ), NULL );
    HANDLE threads[STORM_THREADS];
    unsigned int i, sent = 0, wrong = 0, late = 0;
    HINTERNET session;

    if (!server) return;
    memset( &storm, 0, sizeof(storm) );
    storm.all_closed = CreateEventW( NULL, TRUE, FALSE, NULL );
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetStatusCallback( session, storm_callback, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS, 0 );
    storm.connect = WinHttpConnect( session, L"127.0.0.1", server_port( server ), 0 );
    for (i = 0; i < STORM_THREADS; i++)
        threads[i] = CreateThread( NULL, 0, storm_thread, &storm.requests[i * STORM_EACH], 0, NULL );
    ok( WaitForMultipleObjects( STORM_THREADS, threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
    ok( !WaitForSingleObject( storm.all_closed, WAIT_MS ), "%ld of %u handles went\n", storm.closed,
        (unsigned int)count_of( storm.requests ) );
    for (i = 0; i < count_of( storm.requests ); i++)
    {
        const struct storm_request *request = &storm.requests[i];

        sent += request->sent;
        late += request->late;
        if (request->ended != request->sent || request->closed != 1) wrong++;
    }
    ok( sent == count_of( storm.requests ), "%u requests were sent\n", sent );
    ok( !wrong, "%u requests did not end once\n", wrong );                                  /* N-2e, TH-3 */
    ok( !late, "%u notifications after HANDLE_CLOSING\n", late );                           /* N-1i */
    for (i = 0; i < STORM_THREADS; i++) CloseHandle( threads[i] );
    WinHttpCloseHandle( storm.connect );
    WinHttpCloseHandle( session );
    server_abort( server );
    /* the event stays: a late callback may still set it */
}

/* ---- one request, many threads ---- */

struct onlooker
{
    HINTERNET request;
    volatile LONG stop;
    LONG rounds, failed;
};

/* Asks and sets what may be asked and set while a body is read. */
static DWORD WINAPI onlooker_thread( void *arg )
{
    struct onlooker *onlooker = arg;
    DWORD timeout = WAIT_MS, len, status;
    WCHAR text[256];

    do
    {
        len = sizeof(status);
        if (!WinHttpQueryHeaders( onlooker->request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status,
                                  &len, NULL ) || status != 200) InterlockedIncrement( &onlooker->failed );
        len = sizeof(text);
        if (!WinHttpQueryHeaders( onlooker->request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, text, &len, NULL ))
            InterlockedIncrement( &onlooker->failed );
        len = sizeof(text);
        if (!WinHttpQueryOption( onlooker->request, WINHTTP_OPTION_URL, text, &len )) InterlockedIncrement( &onlooker->failed );
        if (!WinHttpSetOption( onlooker->request, WINHTTP_OPTION_RECEIVE_TIMEOUT, &timeout, sizeof(timeout) ))
            InterlockedIncrement( &onlooker->failed );
        if (!WinHttpAddRequestHeaders( onlooker->request, L"X-Onlooker: yes", ~0u,
                                       WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE ))
            InterlockedIncrement( &onlooker->failed );
        InterlockedIncrement( &onlooker->rounds );
    } while (!onlooker->stop);
    return 0;
}

static void test_onlookers_while_a_body_is_read( void )
{
    static char block[8192];
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 8191000\r\n\r\n" ), REPEAT( block, 1000 ), END };
    struct server *server;
    struct onlooker onlooker = { NULL, 0, 0, 0 };
    struct client client;
    HANDLE threads[3];
    ULONGLONG total;
    unsigned int i;
    DWORD error;

    memset( block, 'x', sizeof(block) - 1 );
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        onlooker.request = client.request;
        for (i = 0; i < count_of( threads ); i++) threads[i] = CreateThread( NULL, 0, onlooker_thread, &onlooker, 0, NULL );
        total = client_read( client.request, NULL, 0, &error );
        onlooker.stop = 1;
        ok( !error && total == 8191000, "%lu bytes, error %lu\n", (DWORD)total, error );
        ok( WaitForMultipleObjects( count_of( threads ), threads, TRUE, WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
        ok( onlooker.rounds >= (LONG)count_of( threads ) && !onlooker.failed, "%ld rounds, %ld calls failed\n",
            onlooker.rounds, onlooker.failed );
        for (i = 0; i < count_of( threads ); i++) CloseHandle( threads[i] );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(threads)
{
    test_threads_at_once( FALSE );
    test_threads_at_once( TRUE );
    test_handles_come_and_go();
    test_crowd( FALSE );
    test_crowd( TRUE );
    test_threads_send_and_close();
    test_onlookers_while_a_body_is_read();
}
