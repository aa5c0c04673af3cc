/*
 * Many requests, many threads, and the end of the process
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

/* ---- the end ---- */

#define CHILD_EXIT 77
#define CHILD_REQUESTS 20

/* In the child: requests in every phase, then the end of the process without a single CloseHandle. */
static void CALLBACK child_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)context; (void)info; (void)len;
    if (status == STATUS( SENDREQUEST_COMPLETE )) WinHttpReceiveResponse( handle, NULL );
}

static void run_child( unsigned short port )
{
    HINTERNET session, connect, request, early;
    unsigned int i;
    HANDLE event;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetStatusCallback( session, child_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", port, 0 );
    for (i = 0; i < CHILD_REQUESTS; i++)
    {
        request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );
        WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 1 );
    }
    /* the parent sets it when all requests have arrived */
    event = OpenEventW( SYNCHRONIZE, FALSE, L"winhttp_conformance_exit" );
    WaitForSingleObject( event, WAIT_MS );
    early = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );
    WinHttpSendRequest( early, NULL, 0, NULL, 0, 0, 1 );
    ExitProcess( CHILD_EXIT );
}

static void test_process_ends_with_requests_in_flight( const char *program )
{
    struct server *server = server_start_crowd( CHILD_REQUESTS, NULL );
    HANDLE event = CreateEventW( NULL, TRUE, FALSE, L"winhttp_conformance_exit" );
    PROCESS_INFORMATION process;
    STARTUPINFOA startup;
    char command[MAX_PATH + 64];
    DWORD code = 0;
    BOOL ret;

    if (!server) return;
    memset( &startup, 0, sizeof(startup) );
    startup.cb = sizeof(startup);
    snprintf( command, sizeof(command), "\"%s\" threads exit %u", program, server_port( server ) );
    ret = CreateProcessA( NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process );
    ok( ret, "CreateProcess failed with %lu\n", GetLastError() );
    if (ret)
    {
        server_wait( server );
        ok( server_crowd_count( server ) == CHILD_REQUESTS, "the server has %u requests\n", server_crowd_count( server ) );
        SetEvent( event );
        ret = !WaitForSingleObject( process.hProcess, WAIT_MS );
        ok( ret, "the process does not end\n" );
        if (!ret) TerminateProcess( process.hProcess, 1 );
        GetExitCodeProcess( process.hProcess, &code );
        ok( code == CHILD_EXIT, "exit code %#lx\n", code );
        CloseHandle( process.hThread );
        CloseHandle( process.hProcess );
    }
    CloseHandle( event );
    server_abort( server );
}

/* The file a module names need not be what was loaded: Wine keeps a file of its own in the prefix in place of each
 * library it finds elsewhere. */
static BOOL same_image( HMODULE a, HMODULE b )
{
    const IMAGE_NT_HEADERS *left = (const IMAGE_NT_HEADERS *)((char *)a + ((IMAGE_DOS_HEADER *)a)->e_lfanew);
    const IMAGE_NT_HEADERS *right = (const IMAGE_NT_HEADERS *)((char *)b + ((IMAGE_DOS_HEADER *)b)->e_lfanew);

    return left->FileHeader.TimeDateStamp == right->FileHeader.TimeDateStamp
        && left->OptionalHeader.SizeOfImage == right->OptionalHeader.SizeOfImage
        && left->OptionalHeader.CheckSum == right->OptionalHeader.CheckSum;
}

/* A second copy of the library, loaded, used and unloaded while idle. The program itself is linked to the library, so
 * only a copy under another name can go; where such a copy does not load (it has a Unix side of its own name) there is
 * nothing to test. */
static void test_unload_while_idle(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "2", "ok" ) ), LOOP };
    typedef HINTERNET (WINAPI *open_fn)( const WCHAR *, DWORD, const WCHAR *, const WCHAR *, DWORD );
    typedef HINTERNET (WINAPI *connect_fn)( HINTERNET, const WCHAR *, INTERNET_PORT, DWORD );
    typedef HINTERNET (WINAPI *request_fn)( HINTERNET, const WCHAR *, const WCHAR *, const WCHAR *, const WCHAR *,
                                            const WCHAR **, DWORD );
    typedef BOOL (WINAPI *send_fn)( HINTERNET, const WCHAR *, DWORD, void *, DWORD, DWORD, DWORD_PTR );
    typedef BOOL (WINAPI *receive_fn)( HINTERNET, void * );
    typedef BOOL (WINAPI *close_fn)( HINTERNET );
    WCHAR source[MAX_PATH], directory[MAX_PATH], copy[MAX_PATH + 32];
    struct server *server;
    unsigned int i;

    if (!GetModuleFileNameW( GetModuleHandleW( L"winhttp.dll" ), source, MAX_PATH )
        || !GetTempPathW( MAX_PATH, directory )) return;
    wsprintfW( copy, L"%s\\winhttp_copy.dll", directory );
    if (!CopyFileW( source, copy, FALSE ))
    {
        skip( "the library cannot be copied, error %lu\n", GetLastError() );
        return;
    }
    if (!(server = server_start_each( script ))) return;
    for (i = 0; i < 3; i++)
    {
        HMODULE module = LoadLibraryW( copy );
        open_fn open;
        HINTERNET session = NULL, connect, request;

        if (module && same_image( module, GetModuleHandleW( L"winhttp.dll" ) ) && (open = (open_fn)(void *)GetProcAddress( module, "WinHttpOpen" )))
            session = open( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        if (!session)
        {
            skip( "no copy of the library that is in use can be loaded\n" );
            if (module) FreeLibrary( module );
            break;
        }
        ok( module != GetModuleHandleW( L"winhttp.dll" ), "the copy is the library itself\n" );
        connect = ((connect_fn)(void *)GetProcAddress( module, "WinHttpConnect" ))( session, L"127.0.0.1",
                                                                                    server_port( server ), 0 );
        request = ((request_fn)(void *)GetProcAddress( module, "WinHttpOpenRequest" ))( connect, NULL, NULL, NULL, NULL,
                                                                                        NULL, 0 );
        ok( ((send_fn)(void *)GetProcAddress( module, "WinHttpSendRequest" ))( request, NULL, 0, NULL, 0, 0, 0 ),
            "the send failed with %lu\n", GetLastError() );
        ok( ((receive_fn)(void *)GetProcAddress( module, "WinHttpReceiveResponse" ))( request, NULL ),
            "the receive failed with %lu\n", GetLastError() );
        ((close_fn)(void *)GetProcAddress( module, "WinHttpCloseHandle" ))( request );
        ((close_fn)(void *)GetProcAddress( module, "WinHttpCloseHandle" ))( connect );
        ((close_fn)(void *)GetProcAddress( module, "WinHttpCloseHandle" ))( session );
        ok( FreeLibrary( module ), "FreeLibrary failed with %lu\n", GetLastError() );
    }
    server_stop( server );
    DeleteFileW( copy );
}

START_TEST(threads)
{
    char **argv;
    int argc = winetest_get_mainargs( &argv );

    if (argc >= 4 && !strcmp( argv[2], "exit" ))
    {
        run_child( (unsigned short)atoi( argv[3] ) );
        return;
    }
    test_threads_at_once( FALSE );
    test_threads_at_once( TRUE );
    test_handles_come_and_go();
    test_crowd( FALSE );
    test_crowd( TRUE );
    test_process_ends_with_requests_in_flight( argv[0] );
    test_unload_while_idle();
}
