/*
 * Redirects: what callbacks see, and what they may do
 *
 * Rules: windows-notifications.md section 4, notifications.md section 5 "Redirect", behaviour-concepts.md section 2. Where
 * a redirect leads is in redirect.c.
 */
#include <stdio.h>

#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef

#define MOVED( headers, len, body ) \
    "HTTP/1.1 302 Found\r\nLocation: /target\r\n" headers "Content-Length: " len "\r\n\r\n" body
#define DONE "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"

static const struct step same_connection[] =
{
    ACCEPT, HEAD, SEND( MOVED( "Set-Cookie: a=b\r\n", "5", "moved" ) ), HEAD, SEND( DONE ), END
};
static const struct step new_connection[] =
{
    ACCEPT, HEAD, SEND( MOVED( "Connection: close\r\n", "0", "" ) ), ACCEPT, HEAD, SEND( DONE ), END
};

/* Section 4: all inside the calls, one RECEIVING_RESPONSE and RESPONSE_RECEIVED for each leg. */
static void test_sync_sequence(void)
{
    static const struct expect table[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, CALLER ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( same_connection );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/start" ) &&
        send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client ))
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    recorder_close( recorder, &client );
    recorder_check( recorder, table );                                      /* N-4 */
    server_stop( server );
}

/* The same where the first connection cannot be used again: CLOSING_CONNECTION and CONNECTION_CLOSED have no pinned
 * place, so they are not asked for. */
static void test_sync_sequence_with_a_new_connection(void)
{
    static const struct expect table[] =
    {
        CONNECT_ROWS( CALL_SEND, CALLER ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        CONNECT_ROWS( CALL_RECEIVE, CALLER ),
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
    };
    struct server *server = server_start( new_connection );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        recorder_reset( recorder );
        recorder_attach( recorder, client.request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS
                         & ~(STATUS( CLOSING_CONNECTION ) | STATUS( CONNECTION_CLOSED )) );
        if (send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client ))
            recorder_check( recorder, table );                              /* N-4 */
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

/* Section 4: up to REDIRECT on the caller's thread, from the second answer on elsewhere; one SENDREQUEST_COMPLETE, one
 * HEADERS_AVAILABLE. */
static void test_async_sequence(void)
{
    static const struct expect same[] =
    {
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), 0 },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), OTHER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), OTHER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), OTHER },
    };
    static const struct expect fresh[] =
    {
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        CONNECT_ROWS( CALL_RECEIVE, 0 ),
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), 0 },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), OTHER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), OTHER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), OTHER },
    };
    unsigned int i;

    for (i = 0; i < 2; i++)
    {
        struct server *server = server_start( i ? new_connection : same_connection );
        struct recorder *recorder = recorder_create();
        struct client client;

        if (!server) return;
        if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/start" ))
        {
            recorder_attach( recorder, client.request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS
                             & ~(STATUS( CLOSING_CONNECTION ) | STATUS( CONNECTION_CLOSED )) );
            if (send_marked( recorder, &client, NULL, 0 ) &&
                recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
            {
                recorder_reset( recorder );
                if (receive_marked( recorder, &client ) &&
                    recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL ))
                {
                    if (i) recorder_check( recorder, fresh );               /* N-4 */
                    else recorder_check( recorder, same );                  /* N-4 */
                    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
                    ok( !recorder_count( recorder, NULL, STATUS( SENDREQUEST_COMPLETE ) ),
                        "two SENDREQUEST_COMPLETE\n" );                     /* N-4 */
                }
            }
        }
        recorder_close( recorder, &client );
        server_stop( server );
    }
}

/* The payload: the new absolute URL, on the request handle. */
static void test_payload(void)
{
    struct server *server = server_start( same_connection );
    struct recorder *recorder = recorder_create();
    const struct event *event;
    struct client client;
    WCHAR expected[64];
    DWORD len;
    int index;

    if (!server) return;
    wsprintfW( expected, L"http://127.0.0.1:%u/target", server_port( server ) );
    len = lstrlenW( expected );
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/start?q" ) &&
        send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client ))
    {
        index = recorder_find( recorder, STATUS( REDIRECT ), 0 );
        ok( index >= 0 && recorder_count( recorder, NULL, STATUS( REDIRECT ) ) == 1, "%u REDIRECT\n",
            recorder_count( recorder, NULL, STATUS( REDIRECT ) ) );
        if (index >= 0)
        {
            event = &recorder->events[index];
            ok( event->handle == client.request && event->context == (DWORD_PTR)recorder, "wrong handle or context\n" );
            ok( !lstrcmpW( event->text, expected ), "URL %ls\n", event->text );
            /* a count of characters: whether the terminator is among them is not pinned */
            ok( event->info_len == len || event->info_len == len + 1, "length %lu\n", event->info_len );
        }
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

/* ---- what a callback may do ---- */

struct seen
{
    DWORD status;           /* of the response, in the callback */
    WCHAR cookie[32];
    BOOL  added, removed;
    DWORD count;
};

static void editing_hook( struct recorder *recorder, const struct event *event )
{
    struct seen *seen = recorder->hook_data;
    DWORD size = sizeof(seen->cookie);

    if (event->status != STATUS( REDIRECT )) return;
    seen->count++;
    seen->status = client_status( event->handle );
    if (!WinHttpQueryHeaders( event->handle, WINHTTP_QUERY_SET_COOKIE, NULL, seen->cookie, &size, NULL ))
        seen->cookie[0] = 0;
    seen->added = WinHttpAddRequestHeaders( event->handle, L"X-Hop: 2", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
    seen->removed = WinHttpAddRequestHeaders( event->handle, L"X-First:", ~0u, WINHTTP_ADDREQ_FLAG_REPLACE );
}

/* The response of the redirect can be read in it, and the headers of the next leg be changed. */
static void test_editing_headers( DWORD open_flags )
{
    struct server *server = server_start( same_connection );
    struct recorder *recorder = recorder_create();
    static const WCHAR headers[] = L"X-First: 1\r\nX-Both: 1";
    struct seen seen = { 0 };
    struct client client;
    const char *request;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), open_flags, L"GET", L"/start" ))
    {
        recorder->hook_data = &seen;
        recorder->hook = editing_hook;
        if (open_flags ? recorder_get( recorder, &client, NULL, headers )
                       : send_marked( recorder, &client, headers, 0 ) && receive_marked( recorder, &client ))
        {
            ok( seen.count == 1 && seen.status == 302, "%lu callbacks, status %lu\n", seen.count, seen.status );
            ok( !lstrcmpW( seen.cookie, L"a=b" ), "Set-Cookie is %ls\n", seen.cookie );
            ok( seen.added && seen.removed, "added %d, removed %d\n", seen.added, seen.removed );
            request = server_request( server, 0 );
            ok( strstr( request, "\r\nX-First: 1\r\n" ) && strstr( request, "\r\nX-Both: 1\r\n" ), "%s", request );
            request = server_request( server, 1 );
            ok( !strstr( request, "X-First" ) && strstr( request, "\r\nX-Both: 1\r\n" )
                && strstr( request, "\r\nX-Hop: 2\r\n" ), "%s", request );
        }
        recorder->hook = NULL;
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

struct closing
{
    HINTERNET request;
    BOOL      closed;
    HANDLE    done;
};

static void closing_hook( struct recorder *recorder, const struct event *event )
{
    struct closing *closing = recorder->hook_data;

    if (event->status != STATUS( REDIRECT )) return;
    closing->closed = WinHttpCloseHandle( closing->request );
    SetEvent( closing->done );
}

/* Closing the handle stops it: nothing is sent any more, and HANDLE_CLOSING is the last word. */
static void test_closing_the_handle( DWORD open_flags )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( MOVED( "Connection: close\r\n", "0", "" ) ), END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct closing closing = { NULL, FALSE, NULL };
    struct client client;
    DWORD err;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), open_flags, L"GET", L"/start" ))
    {
        closing.request = client.request;
        closing.done = CreateEventW( NULL, TRUE, FALSE, NULL );
        ret = send_marked( recorder, &client, NULL, 0 )
              && (!open_flags || recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ));
        recorder->hook_data = &closing;
        recorder->hook = closing_hook;
        if (ret)
        {
            SetLastError( STALE );
            ret = WinHttpReceiveResponse( client.request, NULL );
            err = GetLastError();
            if (!open_flags) ok( !ret && err != STALE, "%d, error %lu\n", ret, err );
            /* whether an asynchronous call that was cancelled inside itself returns TRUE is not pinned */
            if (!ret) ok( err == ERROR_WINHTTP_OPERATION_CANCELLED || err == ERROR_INVALID_HANDLE
                          || broken( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE ), "error %lu\n", err );
            ok( WaitForSingleObject( closing.done, WAIT_MS ) == WAIT_OBJECT_0, "no REDIRECT came\n" );
            ok( closing.closed, "closing failed\n" );
            if (closing.closed)
            {
                client.request = NULL;
                recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
            }
            recorder_check_last( recorder, closing.request );
            ok( !recorder_count( recorder, closing.request, STATUS( HEADERS_AVAILABLE ) ), "it went on\n" );
            ok( recorder_count( recorder, closing.request, STATUS( SENDING_REQUEST ) ) == 1, "a second request was sent\n" );
            ok( server_request_count( server ) == 1, "%u requests\n", server_request_count( server ) );
        }
        recorder->hook = NULL;
    }
    recorder_close( recorder, &client );
    CloseHandle( closing.done );
    server_stop( server );
}

/* ---- failures ---- */

/* A redirect that fails ends the receive with one REQUEST_ERROR, and was not told of. */
static void check_async_failure( const char *answer, const DWORD *limit, DWORD expected, unsigned int redirects )
{
    const struct step script[] = { HEAD, SEND( answer ), LOOP };
    struct server *server = server_start_each( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/start" ))
    {
        if (limit)
            WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_HTTP_AUTOMATIC_REDIRECTS, (void *)limit, sizeof(*limit) );
        if (send_marked( recorder, &client, NULL, 0 ) &&
            recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
        {
            BOOL ret = WinHttpReceiveResponse( client.request, NULL );
            unsigned int count;

            ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
            if (recorder_wait( recorder, COMPLETIONS, &event ))
            {
                ok( event.status == STATUS( REQUEST_ERROR ), "got %s\n", status_name( event.status ) );
                ok( event.result == API_RECEIVE_RESPONSE && event.error == expected, "API %lu, error %lu\n",
                    (DWORD)event.result, event.error );
            }
            count = recorder_count( recorder, NULL, STATUS( REDIRECT ) );
            ok( count == redirects || broken( count + 1 == redirects ), "%u REDIRECT\n", count );
        }
    }
    recorder_close( recorder, &client );
    recorder_check_last( recorder, client.request );
    ok( recorder_count( recorder, NULL, STATUS( REQUEST_ERROR ) ) == 1, "%u errors\n",
        recorder_count( recorder, NULL, STATUS( REQUEST_ERROR ) ) );
    server_abort( server );
}

static void test_async_failures(void)
{
    static const DWORD two = 2;

    check_async_failure( "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", NULL,
                         ERROR_WINHTTP_HEADER_NOT_FOUND, 0 );               /* N-9c */
    check_async_failure( "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n", &two,
                         ERROR_WINHTTP_REDIRECT_FAILED, 2 );                /* N-9d, RD-6 */
}

START_TEST( redirect_callback )
{
    test_sync_sequence();
    test_sync_sequence_with_a_new_connection();
    test_async_sequence();
    test_payload();
    test_editing_headers( 0 );
    test_editing_headers( WINHTTP_FLAG_ASYNC );
    test_closing_the_handle( 0 );
    test_closing_the_handle( WINHTTP_FLAG_ASYNC );
    test_async_failures();
}
