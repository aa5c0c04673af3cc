/*
 * Status callbacks: in which order and on which thread
 *
 * Rules: windows-notifications.md sections 2 to 7 and 9; notifications.md sections 4 and 5. The tables list what each call
 * gives; CALLER means inside the call on its thread. A server never waits here for something that a client may do only
 * after the answer: whether SENDREQUEST_COMPLETE comes before the response when the whole body went out with SendRequest
 * is not pinned.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

/* ---- synchronous ---- */

/* Section 3.1: three rounds, the body is never read, the last round is in a new session. */
static void test_sync_sequence(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "one" ) ), HEAD, SEND( REPLY( "3", "two" ) ), HEAD, SEND( REPLY( "5", "three" ) ),
        END
    };
    static const struct expect first[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, CALLER ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_CLOSE_REQUEST, STATUS( HANDLE_CLOSING ), CALLER },
    };
    static const struct expect second[] =
    {
        { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER },
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    static const struct expect third[] =
    {
        OPEN_ROWS,
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL ret;

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    recorder_call( recorder, CALL_CLOSE_REQUEST );
    ret = WinHttpCloseHandle( client.request );
    recorder_return( recorder );
    ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );
    recorder_check( recorder, first );                                      /* N-3.1 */

    recorder_reset( recorder );
    recorder_call( recorder, CALL_OPEN );
    client_reopen( &client, L"GET", L"/" );
    recorder_return( recorder );
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, second );                                     /* N-3a, N-2f */

    recorder_reset( recorder );
    if (!recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 ) || !receive_marked( recorder, &client )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, third );                                      /* N-3b */
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* No completion is delivered in a synchronous session, whatever is called. */
static void test_sync_gets_no_completions(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY( "2", "ok" ) ), RESET, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    DWORD count = 0;
    char buffer[8];

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"POST", L"/" )
        && send_marked( recorder, &client, NULL, 4 ))
    {
        ok( WinHttpWriteData( client.request, "body", 4, &count ), "WinHttpWriteData failed with %lu\n", GetLastError() );
        if (receive_marked( recorder, &client ))
        {
            WinHttpQueryDataAvailable( client.request, &count );
            WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
        }
        WinHttpReceiveResponse( client.request, NULL );
        ok( !recorder_count( recorder, NULL, COMPLETIONS ), "%u completions\n",
            recorder_count( recorder, NULL, COMPLETIONS ) );                                /* N-2a, TH-1 */
    }
    recorder_finish( recorder, &client, server );
}

/* ---- asynchronous ---- */

static void test_async_sequence(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "9", "some data" ) ), SIGNAL, HEAD, SEND( REPLY( "2", "ok" ) ), SIGNAL, END };
    static const struct expect first[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), OTHER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        { CALL_QUERY, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_QUERY, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_QUERY, STATUS( DATA_AVAILABLE ), 0 },
        { CALL_READ, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_READ, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_READ, STATUS( READ_COMPLETE ), 0 },
        CLOSE_ROWS
    };
    static const struct expect second[] =                                   /* section 7: the same TCP connection */
    {
        OPEN_ROWS,
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[1024];

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    /* the answer is in the socket: ReceiveResponse has nothing to wait for */
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    ok( !event.info && !event.info_len, "HEADERS_AVAILABLE has a payload\n" );
    ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );

    if (!query_marked( recorder, &client, &event )) goto done;
    ok( event.value == 9 && event.info_len == sizeof(DWORD), "%lu bytes, length %lu\n", event.value, event.info_len );

    if (!read_marked( recorder, &client, buffer, sizeof(buffer), &event )) goto done;
    ok( event.info == buffer && event.info_len == 9, "%p, %lu bytes\n", event.info, event.info_len );
    ok( !memcmp( buffer, "some data", 9 ), "wrong data\n" );
    recorder_close( recorder, &client );
    recorder_check( recorder, first );                                      /* N-3.2 */

    recorder_reset( recorder );
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    recorder_close( recorder, &client );
    recorder_check( recorder, second );                                     /* N-3b, N-7b */
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* Section 5: the request says close. */
static void test_async_connection_close_sequence(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "9", "some data" ) ), SIGNAL, GONE, END };
    static const struct expect table[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), CALLER },
        { CALL_RECEIVE, STATUS( REQUEST_ERROR ), CALLER },
        { CALL_QUERY, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_QUERY, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_QUERY, STATUS( DATA_AVAILABLE ), 0 },
        { CALL_READ, STATUS( RECEIVING_RESPONSE ), OPT },
        { CALL_READ, STATUS( RESPONSE_RECEIVED ), OPT },
        { CALL_READ, STATUS( CLOSING_CONNECTION ), 0 },
        { CALL_READ, STATUS( CONNECTION_CLOSED ), 0 },
        { CALL_READ, STATUS( READ_COMPLETE ), 0 },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[1024];

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )) goto done;
    if (!send_marked( recorder, &client, L"Connection: close", 0 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    if (!server_wait( server ) || !receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;

    receive_marked( recorder, &client );                                     /* again: a state error in a callback */
    if (!recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event )) goto done;
    ok( event.result == API_RECEIVE_RESPONSE && event.error == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "API %lu, error %lu\n",
        (DWORD)event.result, event.error );
    ok( event.info_len == sizeof(WINHTTP_ASYNC_RESULT), "length %lu\n", event.info_len );

    if (!query_marked( recorder, &client, &event )) goto done;
    if (!read_marked( recorder, &client, buffer, sizeof(buffer), &event )) goto done;
    ok( event.info_len == 9, "%lu bytes\n", event.info_len );
    recorder_close( recorder, &client );
    recorder_check( recorder, table );                                       /* N-5a, N-5b, N-5c */
    server_stop( server );
    return;

done:
    client_close( &client );
    server_abort( server );
}

/* A response that says close gives neither CLOSING_CONNECTION nor CONNECTION_CLOSED (section 2). */
static void test_async_response_close_is_silent(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" ), SIGNAL, GONE, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[16];

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 )
        && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )
        && receive_marked( recorder, &client )
        && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
    {
        ok( WinHttpReadData( client.request, buffer, sizeof(buffer), NULL ), "failed with %lu\n", GetLastError() );
        recorder_complete( recorder, STATUS( READ_COMPLETE ), &event );
        ok( !recorder_count( recorder, NULL, STATUS( CLOSING_CONNECTION ) | STATUS( CONNECTION_CLOSED ) ),  /* N-2h */
            "the end of the connection was reported\n" );
    }
    recorder_finish( recorder, &client, server );
}

/* ---- connections that stay (section 7) ---- */

/* What one exchange in a session of its own gives, up to the read that takes the whole body. */
#define EXCHANGE_ROWS \
    { CALL_SEND, STATUS( SENDING_REQUEST ), 0 }, \
    { CALL_SEND, STATUS( REQUEST_SENT ), 0 }, \
    { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), 0 }, \
    { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), OPT }, \
    { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), OPT }, \
    { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), 0 }, \
    { CALL_READ, STATUS( RECEIVING_RESPONSE ), OPT }, \
    { CALL_READ, STATUS( RESPONSE_RECEIVED ), OPT }, \
    { CALL_READ, STATUS( READ_COMPLETE ), 0 }, \
    CLOSE_ROWS

static const struct expect fresh_connection[] = { OPEN_ROWS, CONNECT_ROWS( CALL_SEND, 0 ), EXCHANGE_ROWS };
static const struct expect same_connection[] = { OPEN_ROWS, EXCHANGE_ROWS };

/* The script has one ACCEPT: a second connection fails it. */
static void test_connection_stays(void)
{
    static const struct step script[] =
    {
        ACCEPT,
        HEAD, SEND( "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1" ), SIGNAL,
        HEAD, SEND( "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\n123\r\n0\r\n\r\n" ), SIGNAL,
        HEAD, SEND( REPLY( "9", "123456789" ) ), SIGNAL,
        HEAD, SEND( "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast" ), SIGNAL,
        GONE, END
    };
    static const DWORD lengths[] = { 1, 3, 9, 4 };
    struct server *server = server_start( script );
    char buffer[1024];
    unsigned int i;

    if (!server) return;
    for (i = 0; i < count_of( lengths ); i++)
    {
        struct recorder *recorder = recorder_create();
        struct client client;
        struct event event;
        BOOL good;

        winetest_push_context( "%u", i );
        good = recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
            && recorder_get( recorder, &client, server, NULL )
            && read_marked( recorder, &client, buffer, sizeof(buffer), &event );
        if (good) ok( event.info_len == lengths[i], "%lu bytes\n", event.info_len );        /* N-7c */
        recorder_close( recorder, &client );
        if (good && !i) recorder_check( recorder, fresh_connection );                       /* N-7a */
        else if (good) recorder_check( recorder, same_connection );                         /* N-7b, N-7d */
        winetest_pop_context();
    }
    server_stop( server );
}

/* An empty body needs no read; a request that asks for the end takes a pooled connection, too, and ends it. */
static void test_sync_connection_stays(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "0", "" ) ), HEAD, SEND( REPLY( "2", "ok" ) ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client ))
    {
        ret = WinHttpCloseHandle( client.request );
        ok( ret, "WinHttpCloseHandle failed with %lu\n", GetLastError() );
        recorder_reset( recorder );    /* the handle's value may come again */
        client_reopen( &client, L"GET", L"/" );
        if (send_marked( recorder, &client, L"Connection: close", 0 ) && receive_marked( recorder, &client ))
            client_check_body( client.request, "ok" );
        ok( strstr( server_request( server, 1 ), "\r\nConnection: close\r\n" ) != NULL, "%s", server_request( server, 1 ) );
        ok( !recorder_count( recorder, NULL, STATUS( CONNECTING_TO_SERVER ) ), "another connection\n" );  /* N-7f */
    }
    recorder_finish( recorder, &client, server );
}

/* A request that asks for the end, a response without a length that nobody reads: the client closes. */
static void test_sync_close_without_length(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n\r\n" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )
        && send_marked( recorder, &client, L"Connection: close", 0 )) receive_marked( recorder, &client );
    recorder_finish( recorder, &client, server );                                           /* N-7f, H-18 */
}

/* ---- more than one head ---- */

static void test_interim_responses_come_between(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" REPLY( "2", "ok" ) ),
        END
    };
    static const struct expect table[] =
    {
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( INTERMEDIATE_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( INTERMEDIATE_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL good;

    if (!server) return;
    good = recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 );
    recorder_reset( recorder );
    good = good && receive_marked( recorder, &client );
    recorder_close( recorder, &client );
    if (good) recorder_check( recorder, table );
    server_stop( server );
}

/* Section 4: the same connection takes the second request; which thread does it is pinned for the first leg only. */
static void test_redirect( DWORD open_flags )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" ), SIGNAL,
        HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    static const struct expect sync[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, CALLER ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        { CALL_RECEIVE, STATUS( RESOLVING_NAME ), OPT | CALLER },
        { CALL_RECEIVE, STATUS( NAME_RESOLVED ), OPT | CALLER },
        { CALL_RECEIVE, STATUS( CONNECTING_TO_SERVER ), OPT | CALLER },
        { CALL_RECEIVE, STATUS( CONNECTED_TO_SERVER ), OPT | CALLER },
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    static const struct expect async[] =
    {
        OPEN_ROWS,
        CONNECT_ROWS( CALL_SEND, 0 ),
        { CALL_SEND, STATUS( SENDING_REQUEST ), 0 },
        { CALL_SEND, STATUS( REQUEST_SENT ), 0 },
        { CALL_SEND, STATUS( SENDREQUEST_COMPLETE ), OTHER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        { CALL_RECEIVE, STATUS( REDIRECT ), CALLER },
        { CALL_RECEIVE, STATUS( RESOLVING_NAME ), OPT },
        { CALL_RECEIVE, STATUS( NAME_RESOLVED ), OPT },
        { CALL_RECEIVE, STATUS( CONNECTING_TO_SERVER ), OPT },
        { CALL_RECEIVE, STATUS( CONNECTED_TO_SERVER ), OPT },
        { CALL_RECEIVE, STATUS( SENDING_REQUEST ), 0 },
        { CALL_RECEIVE, STATUS( REQUEST_SENT ), 0 },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), OTHER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), OTHER },
        { CALL_RECEIVE, STATUS( HEADERS_AVAILABLE ), OTHER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL good;

    if (!server) return;
    good = recorder_open( recorder, &client, server_port( server ), open_flags, L"GET", L"/" );
    if (good && open_flags) good = recorder_get( recorder, &client, server, NULL );
    else if (good) good = send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client );
    if (good) ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    recorder_close( recorder, &client );
    if (good && open_flags) recorder_check( recorder, async );                              /* N-4 */
    else if (good) recorder_check( recorder, sync );
    server_stop( server );
}

/* ---- failures (section 9) ---- */

/* What comes before the end of a send that fails: nothing that says a request went out. */
static void check_no_request( struct recorder *recorder )
{
    static const DWORD later = STATUS( CONNECTED_TO_SERVER ) | STATUS( SENDING_REQUEST ) | STATUS( REQUEST_SENT )
        | STATUS( RECEIVING_RESPONSE ) | STATUS( RESPONSE_RECEIVED ) | STATUS( SENDREQUEST_COMPLETE );

    ok( !recorder_count( recorder, NULL, later ), "%u notifications of a request that was not sent\n",
        recorder_count( recorder, NULL, later ) );
}

static void test_sync_failures(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;
    BOOL ret;

    if (recorder_open( recorder, &client, server_closed_port(), 0, L"GET", L"/" ))
    {
        SetLastError( 0xdeadbeef );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_WINHTTP_CANNOT_CONNECT, "got %d, error %lu\n", ret, GetLastError() );  /* N-9a */
        ok( recorder_count( recorder, NULL, STATUS( CONNECTING_TO_SERVER ) ) >= 1, "no CONNECTING_TO_SERVER\n" );
        check_no_request( recorder );
    }
    recorder_close( recorder, &client );

    recorder = recorder_create();
    if (recorder_open( recorder, &client, 80, 0, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        recorder_reset( recorder );    /* the handles' values may come again */
        client.connect = WinHttpConnect( client.session, L"does.not.exist.invalid", 80, 0 );
        client_reopen( &client, L"GET", L"/" );
        SetLastError( 0xdeadbeef );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( !ret && GetLastError() == ERROR_WINHTTP_NAME_NOT_RESOLVED, "got %d, error %lu\n", ret, GetLastError() );
        SetLastError( 0xdeadbeef );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret,
            GetLastError() );                                                               /* N-9b */
        ok( recorder_count( recorder, NULL, STATUS( RESOLVING_NAME ) ) == 1, "%u RESOLVING_NAME\n",
            recorder_count( recorder, NULL, STATUS( RESOLVING_NAME ) ) );
        ok( !recorder_count( recorder, NULL, STATUS( CONNECTING_TO_SERVER ) ), "connecting to nowhere\n" );
        check_no_request( recorder );
        SetLastError( 0xdeadbeef );
        ret = WinHttpQueryDataAvailable( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    }
    recorder_close( recorder, &client );
}

static void test_async_failures_end_once(void)
{
    static const struct expect table[] =
    {
        OPEN_ROWS,
        { CALL_SEND, STATUS( RESOLVING_NAME ), OPT },
        { CALL_SEND, STATUS( NAME_RESOLVED ), OPT },
        { CALL_SEND, STATUS( CONNECTING_TO_SERVER ), MANY },
        { CALL_SEND, STATUS( REQUEST_ERROR ), OTHER },
        CLOSE_ROWS
    };
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    BOOL good;

    good = recorder_open( recorder, &client, server_closed_port(), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 )
        && recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event );
    if (good) ok( event.result == API_SEND_REQUEST && event.error == ERROR_WINHTTP_CANNOT_CONNECT, "API %lu, error %lu\n",
                  (DWORD)event.result, event.error );                                       /* N-9c */
    recorder_close( recorder, &client );
    if (good) recorder_check( recorder, table );
}

START_TEST(notification_order)
{
    test_sync_sequence();
    test_sync_gets_no_completions();
    test_async_sequence();
    test_async_connection_close_sequence();
    test_async_response_close_is_silent();
    test_connection_stays();
    test_sync_connection_stays();
    test_sync_close_without_length();
    test_interim_responses_come_between();
    test_redirect( 0 );
    test_redirect( WINHTTP_FLAG_ASYNC );
    test_sync_failures();
    test_async_failures_end_once();
}
