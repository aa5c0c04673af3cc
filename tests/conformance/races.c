/*
 * Several threads at one request, or at one session's cookies
 *
 * Rules: windows-behaviour.md TH-3, CO-1, CO-3; windows-notifications.md sections 2 and 4; security.md "Callback
 * re-entrancy, close in callback". Threads with handles of their own are in threads.c.
 */
#include <stdio.h>

#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- closing, from another thread, at every step of a redirect ---- */

struct closer
{
    DWORD     status;
    LONG      after;         /* so many of them go by */
    HINTERNET request;
    HANDLE    reached, closed, gone;
};

static DWORD WINAPI closer_thread( void *arg )
{
    struct closer *closer = arg;

    if (WaitForSingleObject( closer->reached, WAIT_MS ) == WAIT_OBJECT_0) WinHttpCloseHandle( closer->request );
    SetEvent( closer->closed );
    return 0;
}

/* Two of the steps wait until the handle is closed, the others return meanwhile. */
static void closer_hook( struct recorder *recorder, const struct event *event )
{
    struct closer *closer = recorder->hook_data;

    if (event->status == STATUS( HANDLE_CLOSING )) SetEvent( closer->gone );
    if (event->status != closer->status || InterlockedDecrement( &closer->after ) != -1) return;
    SetEvent( closer->reached );
    if (event->status & (STATUS( REDIRECT ) | STATUS( SENDING_REQUEST )))
        WaitForSingleObject( closer->closed, WAIT_MS );
}

static void test_close_at_a_step( DWORD status, LONG after, BOOL unread )
{
    char moved[160];
    const struct step script[] = { HEAD, SEND( moved ), HEAD, SEND( GOOD ), LOOP };
    struct server *server = server_start_each( script );
    struct recorder *recorder = recorder_create();
    static struct closer closer;        /* a callback that comes too late still finds it */
    unsigned int started = 0, completions;
    struct client client;
    HANDLE thread;

    if (!server) return;
    sprintf( moved, "HTTP/1.1 302 Found\r\nLocation: /target\r\nContent-Length: %s",
             unread ? "9\r\n\r\nold place" : "0\r\n\r\n" );
    memset( &closer, 0, sizeof(closer) );
    closer.status  = status;
    closer.after    = after;
    closer.reached = CreateEventW( NULL, TRUE, FALSE, NULL );
    closer.closed  = CreateEventW( NULL, TRUE, FALSE, NULL );
    closer.gone    = CreateEventW( NULL, TRUE, FALSE, NULL );
    winetest_push_context( "%s %ld", status_name( status ), after );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/first" ))
    {
        closer.request = client.request;
        client.request = NULL;
        recorder->hook_data = &closer;
        recorder->hook = closer_hook;
        recorder->hook_closing = TRUE;
        thread = CreateThread( NULL, 0, closer_thread, &closer, 0, NULL );
        if (WinHttpSendRequest( closer.request, NULL, 0, NULL, 0, 0, 0 )) started++;
        recorder_wait( recorder, COMPLETIONS, NULL );
        /* FALSE if the handle was closed already */
        if (WinHttpReceiveResponse( closer.request, NULL )) started++;
        ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "the step did not come\n" );
        ok( WaitForSingleObject( closer.gone, WAIT_MS ) == WAIT_OBJECT_0, "no HANDLE_CLOSING\n" );
        completions = recorder_count( recorder, closer.request, COMPLETIONS );
        ok( completions == started, "%u completions of %u operations\n", completions, started );
        recorder_check_last( recorder, closer.request );                                        /* N-2e, TH-3 */
        recorder->hook = NULL;
        CloseHandle( thread );
    }
    winetest_pop_context();
    recorder_close( recorder, &client );
    server_abort( server );
    CloseHandle( closer.reached );
    CloseHandle( closer.closed );
    CloseHandle( closer.gone );
}

static void test_close_at_every_step_of_a_redirect(void)
{
    static const struct { DWORD status; LONG after; } steps[] =
    {
        { STATUS( SENDING_REQUEST ), 0 }, { STATUS( REQUEST_SENT ), 0 }, { STATUS( SENDREQUEST_COMPLETE ), 0 },
        { STATUS( RECEIVING_RESPONSE ), 0 }, { STATUS( RESPONSE_RECEIVED ), 0 }, { STATUS( REDIRECT ), 0 },
        { STATUS( SENDING_REQUEST ), 1 }, { STATUS( REQUEST_SENT ), 1 }, { STATUS( RECEIVING_RESPONSE ), 1 },
        { STATUS( RESPONSE_RECEIVED ), 1 }, { STATUS( HEADERS_AVAILABLE ), 0 },
    };
    unsigned int i;

    for (i = 0; i < 2 * count_of( steps ); i++)
        test_close_at_a_step( steps[i / 2].status, steps[i / 2].after, i % 2 );
}

/* ---- a synchronous request with a thread for each direction ---- */

struct upload
{
    HINTERNET request;
    unsigned int sent;
    DWORD error;
    HANDLE first;           /* the first piece is out */
};

#define UPLOAD_PIECE 100000
#define UPLOAD_COUNT 40

static DWORD WINAPI upload_thread( void *arg )
{
    static char piece[UPLOAD_PIECE];
    struct upload *upload = arg;
    DWORD count;
    unsigned int i;

    for (i = 0; i < UPLOAD_COUNT; i++)
    {
        count = 0;
        if (!WinHttpWriteData( upload->request, piece, sizeof(piece), &count )) upload->error = GetLastError();
        upload->sent += count;
        SetEvent( upload->first );
        if (upload->error) break;
    }
    return 0;
}

/* A server that answers while it still reads: the answer can be received and read while another thread goes on writing.
 * Nothing documents that for synchronous handles; a program that does it must at least not see its calls refused. */
static void test_reading_while_another_thread_writes(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, DISCARD( UPLOAD_PIECE ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nearl" ), SIGNAL,
        DISCARD( (UPLOAD_COUNT - 1) * UPLOAD_PIECE ), SEND( "y ok" ), END
    };
    struct server *server = server_start( script );
    struct upload upload = { NULL };
    struct client client;
    HANDLE thread;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, UPLOAD_COUNT * UPLOAD_PIECE, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        upload.request = client.request;
        upload.first   = CreateEventW( NULL, TRUE, FALSE, NULL );
        thread = CreateThread( NULL, 0, upload_thread, &upload, 0, NULL );
        WaitForSingleObject( upload.first, WAIT_MS );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        client_check_body( client.request, "early ok" );
        ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "writing hangs\n" );
        ok( !upload.error && upload.sent == UPLOAD_COUNT * UPLOAD_PIECE, "%u bytes, error %lu\n", upload.sent,
            upload.error );
        CloseHandle( thread );
        CloseHandle( upload.first );
    }
    client_close( &client );
    server_stop( server );
}

struct reception
{
    HINTERNET request;
    HANDLE    begun;
    BOOL      received;
    char      body[16];
    DWORD     len, error;
};

static DWORD WINAPI receive_thread( void *arg )
{
    struct reception *reception = arg;

    SetEvent( reception->begun );
    reception->received = WinHttpReceiveResponse( reception->request, NULL );
    if (!reception->received ||
        !WinHttpReadData( reception->request, reception->body, sizeof(reception->body), &reception->len ))
        reception->error = GetLastError();
    return 0;
}

/* The other way round: one thread waits for the response that comes when another one has written everything. */
static void test_writing_while_another_thread_receives(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 300 ), SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct reception reception = { NULL };
    unsigned int i, good = 0;
    char piece[100] = "";
    struct client client;
    HANDLE thread;
    DWORD count;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 300, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        reception.request = client.request;
        reception.begun   = CreateEventW( NULL, TRUE, FALSE, NULL );
        thread = CreateThread( NULL, 0, receive_thread, &reception, 0, NULL );
        WaitForSingleObject( reception.begun, WAIT_MS );
        for (i = 0; i < 3; i++)
            if (WinHttpWriteData( client.request, piece, sizeof(piece), &count ) && count == sizeof(piece)) good++;
        ok( good == 3, "%u writes, error %lu\n", good, GetLastError() );
        ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "receiving hangs\n" );
        ok( reception.received && reception.len == 2 && !memcmp( reception.body, "ok", 2 ), "%d, %lu bytes, error %lu\n",
            reception.received, reception.len, reception.error );
        CloseHandle( thread );
        CloseHandle( reception.begun );
    }
    client_close( &client );
    server_stop( server );
}

/* Closing the handle ends what both threads have under way. */
static void test_closing_ends_both_directions(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, DISCARD( UPLOAD_PIECE ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" ), SIGNAL, HOLD,
        GONE, END
    };
    struct server *server = server_start( script );
    struct reception reception = { NULL };
    struct upload upload = { NULL };
    HANDLE threads[2];
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0x7fffffff, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        upload.request  = reception.request = client.request;
        upload.first    = CreateEventW( NULL, TRUE, FALSE, NULL );
        reception.begun = CreateEventW( NULL, TRUE, FALSE, NULL );
        threads[0] = CreateThread( NULL, 0, upload_thread, &upload, 0, NULL );
        threads[1] = CreateThread( NULL, 0, receive_thread, &reception, 0, NULL );
        WaitForSingleObject( upload.first, WAIT_MS );
        WaitForSingleObject( reception.begun, WAIT_MS );
        server_wait( server );
        ret = WinHttpCloseHandle( client.request );
        ok( ret, "failed with %lu\n", GetLastError() );
        client.request = NULL;
        ok( WaitForMultipleObjects( 2, threads, TRUE, WAIT_MS ) != WAIT_TIMEOUT, "a thread hangs\n" );
        ok( reception.error == ERROR_WINHTTP_OPERATION_CANCELLED || reception.error == ERROR_INVALID_HANDLE,
            "error %lu\n", reception.error );
        /* as much as fits into the buffers of TCP has gone out, which may have been all of it */
        ok( upload.error == ERROR_WINHTTP_OPERATION_CANCELLED || upload.error == ERROR_INVALID_HANDLE
            || upload.sent == UPLOAD_COUNT * UPLOAD_PIECE, "%u bytes, error %lu\n", upload.sent, upload.error );
        server_go( server );
        CloseHandle( threads[0] );
        CloseHandle( threads[1] );
        CloseHandle( upload.first );
        CloseHandle( reception.begun );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- one session's cookies, stored and sent by many ---- */

#define THREADS 4
#define ROUNDS 25

struct job
{
    HINTERNET session;
    unsigned short port;
    unsigned int number, good;
};

static DWORD exchange( HINTERNET session, unsigned short port, const WCHAR *path, char *cookie, unsigned int size )
{
    HINTERNET connect = WinHttpConnect( session, L"127.0.0.1", port, 0 );
    HINTERNET request = WinHttpOpenRequest( connect, L"GET", path, NULL, NULL, NULL, 0 );
    WCHAR text[256] = L"";
    DWORD len = sizeof(text), status = 0, i;

    if (WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL ))
    {
        status = client_status( request );
        if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_COOKIE | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, NULL, text, &len,
                                  NULL ))
            text[0] = 0;
        for (i = 0; i + 1 < size && text[i]; i++) cookie[i] = text[i];
        cookie[i] = 0;
    }
    WinHttpCloseHandle( request );
    WinHttpCloseHandle( connect );
    return status;
}

static DWORD WINAPI cookie_thread( void *arg )
{
    struct job *job = arg;
    char cookie[256];
    unsigned int i;

    for (i = 0; i < ROUNDS; i++)
        if (exchange( job->session, job->port, L"/", cookie, sizeof(cookie) ) == 200) job->good++;
    return 0;
}

static void test_cookies_stored_at_once(void)
{
    static const struct step script[] =
    {
        HEAD, SEND( "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\nSet-Cookie: a=4\r\n"
                    "Content-Length: 0\r\n\r\n" ),
        HEAD, SEND( "HTTP/1.1 200 OK\r\nSet-Cookie: b=5; max-age=0\r\nSet-Cookie: a=4\r\nContent-Length: 0\r\n\r\n" ),
        LOOP
    };
    struct server *server = server_start_each( script );
    struct job jobs[THREADS];
    HANDLE threads[THREADS];
    char cookie[256] = "";
    HINTERNET session;
    unsigned int i;

    if (!server) return;
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < THREADS; i++)
    {
        jobs[i].session = session;
        jobs[i].port = server_port( server );
        jobs[i].good = 0;
        threads[i] = CreateThread( NULL, 0, cookie_thread, &jobs[i], 0, NULL );
    }
    ok( WaitForMultipleObjects( THREADS, threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
    for (i = 0; i < THREADS; i++)
    {
        ok( jobs[i].good == ROUNDS, "thread %u: %u of %d requests\n", i, jobs[i].good, ROUNDS );
        CloseHandle( threads[i] );
    }
    exchange( session, server_port( server ), L"/", cookie, sizeof(cookie) );
    /* each name once, whatever the order in which they came */
    ok( strstr( cookie, "a=4" ) && strstr( cookie, "c=3" ) && !strstr( cookie, "a=1" ) && !strstr( cookie, "b=5" ),
        "cookies are %s\n", cookie );                                                           /* CO-1 */
    ok( strlen( cookie ) <= strlen( "a=4; b=2; c=3" ), "cookies are %s\n", cookie );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* ---- options that change while their request is being sent ---- */

struct changes
{
    HINTERNET request;
    volatile LONG stop;
    unsigned int rounds, good;
};

static BOOL set( struct changes *changes, DWORD option, const void *value, DWORD len )
{
    return WinHttpSetOption( changes->request, option, (void *)value, len );
}

static DWORD WINAPI change_thread( void *arg )
{
    static const WCHAR *const names[] = { L"localhost", L"127.0.0.1" };
    struct changes *changes = arg;
    WCHAR url[256], user[64];
    DWORD number, size;
    BOOL on;

    while (!changes->stop)
    {
        const WCHAR *name = names[changes->rounds & 1];

        on = changes->rounds & 1;
        number = 10000 + changes->rounds % 100;
        changes->good += set( changes, WINHTTP_OPTION_RESOLUTION_HOSTNAME, name, (lstrlenW( name ) + 1) * sizeof(WCHAR) )
                         && set( changes, WINHTTP_OPTION_CONNECT_TIMEOUT, &number, sizeof(number) )
                         && set( changes, WINHTTP_OPTION_ENCODE_EXTRA, &on, sizeof(on) )
                         && set( changes, WINHTTP_OPTION_USERNAME, on ? L"a" : L"longer name", on ? 1 : 11 );
        size = sizeof(url);
        changes->good += WinHttpQueryOption( changes->request, WINHTTP_OPTION_URL, url, &size );
        size = sizeof(user);
        changes->good += WinHttpQueryOption( changes->request, WINHTTP_OPTION_USERNAME, user, &size )
                         && (!user[0] || !lstrcmpW( user, L"a" ) || !lstrcmpW( user, L"longer name" ));
        changes->good += WinHttpAddRequestHeaders( changes->request, on ? L"X-Race: 1" : L"X-Race: another one", ~0u,
                                                   WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
        changes->rounds++;
    }
    return 0;
}

/* Each request is whole, and has the one value or the other. */
static void test_options_change_during_sends(void)
{
    static const struct step script[] =
        { HEAD, SEND( "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok" ), END };
    struct server *server = server_start_each( script );
    struct changes changes = { NULL };
    struct client client;
    unsigned int i, good = 0;
    const char *head;
    HANDLE thread;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, L"/x|y", NULL, NULL, NULL,
                                             WINHTTP_FLAG_ESCAPE_DISABLE );
        changes.request = client.request;
        thread = CreateThread( NULL, 0, change_thread, &changes, 0, NULL );
        for (i = 0; i < ROUNDS; i++) if (!client_try( &client )) good++;
        ok( good == ROUNDS, "%u of %d requests\n", good, ROUNDS );
        changes.stop = TRUE;
        ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "the other thread hangs\n" );
        ok( changes.good == 4 * changes.rounds, "%u of %u calls\n", changes.good, 4 * changes.rounds );
        CloseHandle( thread );
        for (i = 0; i < ROUNDS; i++)
        {
            head = server_request( server, i );
            ok( !strncmp( head, "GET /x|y HTTP/1.1\r\n", 19 ) || !strncmp( head, "GET /x%7Cy HTTP/1.1\r\n", 21 ),
                "%s", head );
            ok( !strstr( head, "X-Race" ) || strstr( head, "\r\nX-Race: 1\r\n" )
                || strstr( head, "\r\nX-Race: another one\r\n" ), "%s", head );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST( races )
{
    test_close_at_every_step_of_a_redirect();
    test_reading_while_another_thread_writes();
    test_writing_while_another_thread_receives();
    test_closing_ends_both_directions();
    test_cookies_stored_at_once();
    test_options_change_during_sends();
}
