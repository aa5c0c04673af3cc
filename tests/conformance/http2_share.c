/*
 * HTTP/2: one connection for many requests
 *
 * Rules: behaviour-concepts.md sections 7 and 9, options.md section 3.11, users.md. The server tells in each answer which
 * connection it came over, and how many streams there were at a time.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"

#define STALE   0xdeadbeef
#define THREADS 16
#define CROWD   60

/* ---- requests that run by themselves ---- */

/* An asynchronous GET; its callback does what comes next. */
struct job
{
    HINTERNET request;
    HANDLE    over, closed;
    DWORD     error;
    char      body[512];
    DWORD     len;
};

static void job_over( struct job *job, DWORD error )
{
    job->error = error;
    job->body[job->len] = 0;
    SetEvent( job->over );
}

static void CALLBACK job_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD info_len )
{
    struct job *job = (struct job *)context;
    BOOL ret = TRUE;

    if (!job) return;
    switch (status)
    {
    case STATUS( SENDREQUEST_COMPLETE ):
        ret = WinHttpReceiveResponse( handle, NULL );
        break;
    case STATUS( READ_COMPLETE ):
        job->len += info_len;
        if (!info_len || job->len >= sizeof(job->body) - 1)
        {
            job_over( job, 0 );
            break;
        }
        /* fall through */
    case STATUS( HEADERS_AVAILABLE ):
        ret = WinHttpReadData( handle, job->body + job->len, sizeof(job->body) - 1 - job->len, NULL );
        break;
    case STATUS( REQUEST_ERROR ):
        job_over( job, ((WINHTTP_ASYNC_RESULT *)info)->dwError );
        break;
    case STATUS( HANDLE_CLOSING ):
        SetEvent( job->closed );
        break;
    }
    if (!ret) job_over( job, GetLastError() );
}

static void job_start( struct job *job, HINTERNET request )
{
    memset( job, 0, sizeof(*job) );
    job->request = request;
    job->over = CreateEventW( NULL, TRUE, FALSE, NULL );
    job->closed = CreateEventW( NULL, TRUE, FALSE, NULL );
    job->error = STALE;
    WinHttpSetStatusCallback( request, job_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS | WINHTTP_CALLBACK_FLAG_HANDLES, 0 );
    if (!WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, (DWORD_PTR)job )) job_over( job, GetLastError() );
}

static BOOL job_wait_( int line, struct job *job )
{
    DWORD ret = WaitForSingleObject( job->over, WAIT_MS );

    ok_( __FILE__, line )( ret == WAIT_OBJECT_0 && !job->error, "wait %lu, error %lu\n", ret, job->error );
    return ret == WAIT_OBJECT_0 && !job->error;
}
#define job_wait( job ) job_wait_( __LINE__, job )

static void job_end( struct job *job )
{
    WinHttpCloseHandle( job->request );
    ok( WaitForSingleObject( job->closed, WAIT_MS ) == WAIT_OBJECT_0, "no HANDLE_CLOSING\n" );
    CloseHandle( job->over );
    CloseHandle( job->closed );
}

/* The first request of a session, so that its connection is there and its limits are known. */
static void warm_up( const struct client *client, BOOL async )
{
    struct job job;
    char body[1024];
    DWORD err;

    if (!async)
    {
        err = http2_get( client, L"/", body, sizeof(body) );
        ok( !err && http2_connection_in( body ) == 1, "error %lu, \"%s\"\n", err, body );
        return;
    }
    job_start( &job, http2_request( client, NULL, NULL, 0 ) );
    if (job_wait( &job )) ok( http2_connection_in( job.body ) == 1, "got \"%s\"\n", job.body );
    job_end( &job );
}

/* A path that `count` requests meet at. */
static void meeting( WCHAR *path, unsigned int count )
{
    static LONG token;

    wsprintfW( path, L"/meet/%u/%08x%x", count, GetTickCount(), InterlockedIncrement( &token ) );
}

/* ---- sharing ---- */

struct thread_job
{
    const struct client *client;
    WCHAR path[64];
    DWORD error;
    char  body[512];
};

static DWORD WINAPI thread_get( void *arg )
{
    struct thread_job *job = arg;
    HINTERNET request = http2_request( job->client, NULL, job->path, 0 );
    DWORD count, len = 0;

    job->error = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL )
                 ? 0 : GetLastError();
    while (!job->error && len < sizeof(job->body) - 1)
    {
        if (!WinHttpReadData( request, job->body + len, sizeof(job->body) - 1 - len, &count )) job->error = GetLastError();
        else if (!count) break;
        else len += count;
    }
    job->body[len] = 0;
    WinHttpCloseHandle( request );
    return 0;
}

/* The server lets nobody go before all are there: they are under way at the same time. */
static void test_threads_share_a_connection( BOOL warm )
{
    static struct thread_job jobs[THREADS];
    HANDLE threads[THREADS];
    struct client client;
    WCHAR path[64];
    unsigned int i;

    winetest_push_context( warm ? "warm" : "cold" );
    meeting( path, THREADS );
    if (http2_open( &client, "h2", 0, NULL ))
    {
        if (warm) warm_up( &client, FALSE );
        for (i = 0; i < THREADS; i++)
        {
            jobs[i].client = &client;
            lstrcpyW( jobs[i].path, path );
            threads[i] = CreateThread( NULL, 0, thread_get, &jobs[i], 0, NULL );
        }
        ok( WaitForMultipleObjects( THREADS, threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
        for (i = 0; i < THREADS; i++)
        {
            ok( !jobs[i].error && http2_number( jobs[i].body, "met" ) == THREADS, "thread %u: error %lu, \"%s\"\n", i,
                jobs[i].error, jobs[i].body );                                                      /* MX-9 */
            /* Windows may have opened more than one before it knew that one will do */
            ok( http2_connection_in( jobs[i].body ) == 1
                || broken( !warm && http2_connection_in( jobs[i].body ) <= THREADS ),
                "thread %u: connection %lu\n", i, http2_connection_in( jobs[i].body ) );     /* MX-9 */
            CloseHandle( threads[i] );
        }
    }
    client_close( &client );
    winetest_pop_context();
}

static void test_asynchronous_requests_share_a_connection( BOOL warm )
{
    static struct job jobs[CROWD];
    struct client client;
    WCHAR path[64];
    unsigned int i;

    winetest_push_context( warm ? "warm" : "cold" );
    meeting( path, CROWD );
    if (http2_open( &client, "h2", WINHTTP_FLAG_ASYNC, NULL ))
    {
        if (warm) warm_up( &client, TRUE );
        for (i = 0; i < CROWD; i++) job_start( &jobs[i], http2_request( &client, NULL, path, 0 ) );
        for (i = 0; i < CROWD; i++)
        {
            if (job_wait( &jobs[i] ))
            {
                ok( http2_number( jobs[i].body, "met" ) == CROWD, "request %u: \"%s\"\n", i, jobs[i].body );   /* MX-9 */
                ok( http2_connection_in( jobs[i].body ) == 1
                    || broken( !warm && http2_connection_in( jobs[i].body ) <= CROWD ), "request %u: connection %lu\n", i,
                    http2_connection_in( jobs[i].body ) );                                   /* MX-9 */
            }
            job_end( &jobs[i] );
        }
    }
    client_close( &client );
    winetest_pop_context();
}

/* Sessions with the process-wide pool, which is the default, share as well. */
static void test_sessions_share_a_connection(void)
{
    DWORD h2 = WINHTTP_PROTOCOL_FLAG_HTTP2, connections[2] = { 0, 0 };
    struct client clients[2];
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    for (i = 0; i < 2; i++)
    {
        clients[i].request = NULL;
        clients[i].session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
        WinHttpSetOption( clients[i].session, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, &h2, sizeof(h2) );
        clients[i].connect = WinHttpConnect( clients[i].session, tls_host(), tls_port( "h2-tls12" ), 0 );
        if ((request = http2_request( &clients[i], NULL, NULL, 0 )))
        {
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( !err, "error %lu\n", err );
            connections[i] = http2_connection_in( body );
            WinHttpCloseHandle( request );
        }
    }
    ok( connections[0] && connections[0] == connections[1], "connections %lu and %lu\n", connections[0], connections[1] );   /* MX-9 */
    for (i = 0; i < 2; i++) client_close( &clients[i] );
}

/* A request over HTTP/1.1 does not get a connection that speaks HTTP/2, nor the other way round. */
static void test_protocols_do_not_share(void)
{
    static const DWORD h2[] = { 1, 0, 1, 0 };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < count_of( h2 ); i++)
        {
            if (!(request = http2_request( &client, NULL, NULL, 0 ))) break;
            if (!h2[i]) http2_set( request, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, 0 );
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( !err && http2_used( request ) == h2[i], "request %u: error %lu, used %#lx\n", i, err, http2_used( request ) );
            ok( http2_connection_in( body ) == (h2[i] ? 1 : 2) || broken( http2_connection_in( body ) > 2 ),
                "request %u: connection %lu\n", i, http2_connection_in( body ) );
            WinHttpCloseHandle( request );
        }
    }
    client_close( &client );
}

/* ---- limits ---- */

/* The server's limit is one or two streams: the others wait their turn. */
static void test_requests_wait_for_a_stream(void)
{
    static const char *const servers[] = { "h2-one", "h2-two" };
    static struct job jobs[10];
    struct client client;
    unsigned int i, j;
    char text[512];

    for (i = 0; i < count_of( servers ); i++)
    {
        winetest_push_context( "%s", servers[i] );
        if (http2_open( &client, servers[i], WINHTTP_FLAG_ASYNC, NULL ))
        {
            DWORD first = 0, connection;

            for (j = 0; j < count_of( jobs ); j++)
                job_start( &jobs[j], http2_request( &client, NULL, j % 2 ? L"/" : L"/headers", 0 ) );
            for (j = 0; j < count_of( jobs ); j++)
            {
                if (job_wait( &jobs[j] ))                                                           /* MX-10 */
                {
                    ok( jobs[j].len, "request %u: nothing\n", j );
                    connection = http2_connection( jobs[j].request );
                    if (!first) first = connection;
                    ok( connection == first || broken( connection > first ), "request %u: connection %lu, not %lu\n", j,
                        connection, first );                                                        /* MX-10 */
                }
                job_end( &jobs[j] );
            }
        }
        client_close( &client );
        if (tls_state( servers[i], text, sizeof(text) ))
            ok( http2_number( text, "streams" ) <= i + 1, "%lu streams at a time\n", http2_number( text, "streams" ) );
        winetest_pop_context();
    }
}

/* With DISABLE_STREAM_QUEUE they get a connection each: else this meeting would never come about. */
static void test_requests_do_not_wait_for_a_stream(void)
{
    static struct job jobs[3];
    struct client client;
    WCHAR path[64];
    unsigned int i, j;

    meeting( path, count_of( jobs ) );
    if (http2_open( &client, "h2-one", WINHTTP_FLAG_ASYNC, NULL ))
    {
        http2_set( client.session, WINHTTP_OPTION_DISABLE_STREAM_QUEUE, TRUE );
        warm_up( &client, TRUE );
        for (i = 0; i < count_of( jobs ); i++) job_start( &jobs[i], http2_request( &client, NULL, path, 0 ) );
        for (i = 0; i < count_of( jobs ); i++)
        {
            if (job_wait( &jobs[i] ))
                ok( http2_number( jobs[i].body, "met" ) == count_of( jobs ), "request %u: \"%s\"\n", i, jobs[i].body );   /* MX-10 */
            for (j = 0; j < i; j++)
                ok( http2_connection( jobs[i].request ) != http2_connection( jobs[j].request ), "requests %u and %u share\n", i, j );
        }
        for (i = 0; i < count_of( jobs ); i++) job_end( &jobs[i] );
    }
    client_close( &client );
}

/* ---- readers that stall ---- */

/* A response of 8 MB that nobody reads: the others on its connection do not notice. */
static void test_stalled_reader_holds_nobody( DWORD window )
{
    WINHTTP_HTTP2_RECEIVE_WINDOW size = { window, 0 };
    struct client client;
    HINTERNET stalled[3], request;
    DWORD err, count;
    unsigned int i;
    ULONGLONG got;
    char c;
    BOOL ret;

    winetest_push_context( "window %lu", window );
    memset( stalled, 0, sizeof(stalled) );
    if (http2_open( &client, "h2", 0, NULL ))
    {
        if (window)
        {
            ret = WinHttpSetOption( client.session, WINHTTP_OPTION_HTTP2_RECEIVE_WINDOW, &size, sizeof(size) );
            ok( ret || broken( !ret ) /* Windows 10 */, "error %lu\n", GetLastError() );            /* MX-21 */
        }
        for (i = 0; i < count_of( stalled ); i++)
        {
            stalled[i] = http2_request( &client, NULL, L"/big/8000000", 0 );
            err = WinHttpSendRequest( stalled[i], NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( stalled[i], NULL )
                  && WinHttpReadData( stalled[i], &c, 1, &count ) ? 0 : GetLastError();
            ok( !err, "error %lu\n", err );
            ok( http2_connection( stalled[i] ) == 1, "connection %lu\n", http2_connection( stalled[i] ) );
        }
        for (i = 0; i < 5; i++)
        {
            if (!(request = http2_request( &client, NULL, i % 2 ? L"/big/3000000" : L"/", 0 ))) break;
            err = http2_exchange( request, NULL, 0, NULL, 0, &got );
            ok( !err && (got == 3000000 || !(i % 2)), "request %u: error %lu, %lu bytes\n", i, err, (DWORD)got );   /* MX-22 */
            ok( http2_connection( request ) == 1, "request %u: connection %lu\n", i, http2_connection( request ) );
            WinHttpCloseHandle( request );
        }
        /* one of them goes away unread, the others get theirs */
        WinHttpCloseHandle( stalled[1] );
        stalled[1] = NULL;
        for (i = 0; i < count_of( stalled ); i += 2)
        {
            got = client_read( stalled[i], NULL, 0, &err );
            ok( !err && got == 7999999, "reader %u: error %lu, %lu bytes\n", i, err, (DWORD)got );  /* MX-22 */
        }
        err = http2_get( &client, L"/", NULL, 0 );
        ok( !err, "error %lu\n", err );
        for (i = 0; i < count_of( stalled ); i++) if (stalled[i]) WinHttpCloseHandle( stalled[i] );
    }
    client_close( &client );
    winetest_pop_context();
}

/* Closed in the middle: that is the end of one stream, and the server is told. */
static void test_closed_request_leaves_the_connection(void)
{
    static const WCHAR *const paths[] = { L"/big/8000000", L"/stall", L"/never" };
    struct client client;
    HINTERNET request;
    char body[1024];
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        warm_up( &client, FALSE );
        for (i = 0; i < count_of( paths ); i++)
        {
            winetest_push_context( "%ls", paths[i] );
            if (!(request = http2_request( &client, NULL, paths[i], 0 ))) break;
            err = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) ? 0 : GetLastError();
            if (!err && i < 2 && !WinHttpReceiveResponse( request, NULL )) err = GetLastError();
            ok( !err, "error %lu\n", err );
            WinHttpCloseHandle( request );
            err = http2_get( &client, L"/", body, sizeof(body) );
            ok( !err && http2_connection_in( body ) == 1, "error %lu, \"%s\"\n", err, body );    /* MX-9 */
            winetest_pop_context();
        }
    }
    client_close( &client );
}

/* The same for one that waits for its answer, which is told so. */
static void test_cancelled_request_leaves_the_connection(void)
{
    static const WCHAR *const paths[] = { L"/never", L"/stall" };
    struct client client;
    struct job job, other;
    unsigned int i;
    DWORD ret;

    if (http2_open( &client, "h2", WINHTTP_FLAG_ASYNC, NULL ))
    {
        warm_up( &client, TRUE );
        for (i = 0; i < count_of( paths ); i++)
        {
            winetest_push_context( "%ls", paths[i] );
            job_start( &job, http2_request( &client, NULL, paths[i], 0 ) );
            job_start( &other, http2_request( &client, NULL, L"/", 0 ) );
            if (job_wait( &other )) ok( http2_connection_in( other.body ) == 1, "got \"%s\"\n", other.body );  /* MX-22 */
            job_end( &other );
            ok( WaitForSingleObject( job.over, 0 ) == WAIT_TIMEOUT, "over with %lu\n", job.error );
            WinHttpCloseHandle( job.request );
            ok( WaitForSingleObject( job.closed, WAIT_MS ) == WAIT_OBJECT_0, "no HANDLE_CLOSING\n" );
            ret = WaitForSingleObject( job.over, 0 );
            ok( ret == WAIT_OBJECT_0 && job.error == ERROR_WINHTTP_OPERATION_CANCELLED, "wait %lu, error %lu\n", ret, job.error );
            CloseHandle( job.over );
            CloseHandle( job.closed );
            job_start( &other, http2_request( &client, NULL, L"/", 0 ) );
            if (job_wait( &other )) ok( http2_connection_in( other.body ) == 1, "got \"%s\"\n", other.body );  /* MX-9 */
            job_end( &other );
            winetest_pop_context();
        }
    }
    client_close( &client );
}

/* ---- keep-alive ---- */

/* The server answers when it has seen a PING: after five seconds of silence, the least that can be set. */
static void test_keep_alive_pings(void)
{
    struct client client;
    char body[64];
    DWORD err, ms = 4999;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_HTTP2_KEEPALIVE, &ms, sizeof(ms) );
        ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER || broken( GetLastError() != 0 )), "got %d, error %lu\n", ret,
            GetLastError() );                                                                       /* MX-20 */
        ms = 5000;
        if (WinHttpSetOption( client.session, WINHTTP_OPTION_HTTP2_KEEPALIVE, &ms, sizeof(ms) ))
        {
            err = http2_get( &client, L"/ping", body, sizeof(body) );
            ok( !err && http2_number( body, "pings" ) >= 1, "error %lu, \"%s\"\n", err, body );     /* MX-20 */
        }
        else win_skip( "no HTTP2_KEEPALIVE: error %lu\n", GetLastError() );
    }
    client_close( &client );
}

START_TEST(http2_share)
{
    if (!http2_there()) return;
    test_threads_share_a_connection( TRUE );
    test_threads_share_a_connection( FALSE );
    test_asynchronous_requests_share_a_connection( TRUE );
    test_asynchronous_requests_share_a_connection( FALSE );
    test_sessions_share_a_connection();
    test_protocols_do_not_share();
    test_requests_wait_for_a_stream();
    test_requests_do_not_wait_for_a_stream();
    test_stalled_reader_holds_nobody( 0 );
    test_stalled_reader_holds_nobody( 100000 );
    test_closed_request_leaves_the_connection();
    test_cancelled_request_leaves_the_connection();
    test_keep_alive_pings();
}
