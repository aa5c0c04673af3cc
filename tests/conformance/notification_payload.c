/*
 * Status callbacks: what each notification carries
 *
 * Rules: windows-notifications.md section 1; notifications.md section 2. Lengths of texts are not established but for
 * REDIRECT (characters): on Windows any is accepted, ours are characters with the terminator.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body

static void check_nothing( const struct event *event )
{
    ok( !event->info && !event->info_len, "%s: payload %p, %lu bytes\n", status_name( event->status ), event->info,
        event->info_len );
}

static void check_text( const struct event *event )
{
    ok( event->text[0], "%s: no text\n", status_name( event->status ) );
    ok( event->info_len == (DWORD)lstrlenW( event->text ) + 1 || broken( event->info_len != 0xdeadbeef ),
        "%s: length %lu of %ls\n", status_name( event->status ), event->info_len, event->text );
}

/* The n-th notification of a status, reported if there is none. */
static const struct event *nth( struct recorder *recorder, DWORD status, unsigned int n )
{
    int at = recorder_find( recorder, status, n );

    ok( at >= 0, "no %s number %u\n", status_name( status ), n );
    return at >= 0 ? &recorder->events[at] : NULL;
}

/* A name, first in the process: all of section 3.1's first round, with payloads. */
static void test_progress(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    static const struct expect table[] =
    {
        { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER },
        { CALL_SEND, STATUS( RESOLVING_NAME ), CALLER },                                    /* N-7a */
        { CALL_SEND, STATUS( NAME_RESOLVED ), CALLER },
        { CALL_SEND, STATUS( CONNECTING_TO_SERVER ), CALLER | MANY },
        { CALL_SEND, STATUS( CONNECTED_TO_SERVER ), CALLER },                               /* N-7e */
        { CALL_SEND, STATUS( SENDING_REQUEST ), CALLER },
        { CALL_SEND, STATUS( REQUEST_SENT ), CALLER },
        { CALL_RECEIVE, STATUS( RECEIVING_RESPONSE ), CALLER },
        { CALL_RECEIVE, STATUS( RESPONSE_RECEIVED ), CALLER },
        CLOSE_ROWS
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    const struct event *event;
    unsigned int i, len = 0;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ))
    {
        HINTERNET session = client.session, connect, request;

        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.connect = WinHttpConnect( client.session, L"localhost", server_port( server ), 0 );
        recorder_reset( recorder );
        recorder_call( recorder, CALL_OPEN );
        client_reopen( &client, L"GET", L"/" );
        recorder_return( recorder );
        connect = client.connect;
        request = client.request;
        if (send_marked( recorder, &client, NULL, 0 )) receive_marked( recorder, &client );
        server_request_bytes( server, 0, &len );
        recorder_close( recorder, &client );
        recorder_check( recorder, table );

        for (i = 0; i < recorder->count; i++)
        {
            event = &recorder->events[i];
            winetest_push_context( "%s", status_name( event->status ) );
            ok( event->context == (DWORD_PTR)recorder, "wrong context\n" );
            switch (event->status)
            {
            case STATUS( HANDLE_CREATED ):                                                  /* N-1h */
                /* the documents say the parent; suites only pin that the handle answers, which both do */
                ok( event->handle == connect || event->handle == request, "reported on another handle\n" );
                ok( event->payload == request && event->info_len == sizeof(HINTERNET), "wrong payload\n" );
                break;
            case STATUS( HANDLE_CLOSING ):                                                  /* N-1i */
                ok( event->payload == event->handle && event->info_len == sizeof(HINTERNET), "wrong payload\n" );
                ok( event->handle == request || event->handle == connect || event->handle == session, "wrong handle\n" );
                break;
            case STATUS( RESOLVING_NAME ):                                                  /* N-1a */
                ok( !lstrcmpW( event->text, L"localhost" ), "name %ls\n", event->text );
                check_text( event );
                break;
            case STATUS( NAME_RESOLVED ):                                                   /* N-1b */
                check_text( event );        /* the documents say the name, others give the address */
                break;
            case STATUS( CONNECTING_TO_SERVER ):                                            /* N-1c */
                ok( !lstrcmpW( event->text, L"127.0.0.1" ) || !lstrcmpW( event->text, L"::1" ), "address %ls\n",
                    event->text );
                check_text( event );
                break;
            case STATUS( CONNECTED_TO_SERVER ):                                             /* N-1c */
                ok( !lstrcmpW( event->text, L"127.0.0.1" ), "address %ls\n", event->text );
                check_text( event );
                break;
            case STATUS( SENDING_REQUEST ):                                                 /* N-1d */
            case STATUS( RECEIVING_RESPONSE ):
                check_nothing( event );
                break;
            case STATUS( REQUEST_SENT ):                                                    /* N-1e */
                ok( event->info_len == sizeof(DWORD) && event->value == len, "%lu bytes, length %lu, sent %u\n",
                    event->value, event->info_len, len );
                break;
            case STATUS( RESPONSE_RECEIVED ):                                               /* N-1f */
                ok( event->info_len == sizeof(DWORD) && event->value >= sizeof(REPLY( "2", "" )) - 1,
                    "%lu bytes, length %lu\n", event->value, event->info_len );
                break;
            }
            winetest_pop_context();
        }
    }
    server_stop( server );
}

/* REQUEST_SENT counts the head and what was given to WinHttpSendRequest, not what comes later. */
static void test_request_sent_counts_head_and_given_body(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 7 ), SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    const struct event *event;
    struct client client;
    unsigned int len = 0;
    DWORD count;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"four", 4, 7, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        if ((event = nth( recorder, STATUS( REQUEST_SENT ), 0 )))
        {
            ret = WinHttpWriteData( client.request, "545", 3, &count );
            ok( ret, "WinHttpWriteData failed with %lu\n", GetLastError() );
            if (receive_marked( recorder, &client )) server_request_bytes( server, 0, &len );
            ok( event->value == len - 3, "%lu bytes, on the wire %u with 3 that were written\n", event->value, len ); /* N-1e */
            ok( recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) == 1, "REQUEST_SENT came again\n" );
        }
    }
    recorder_finish( recorder, &client, server );
}

static void test_completions(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( REPLY( "9", "some data" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[64];

    if (!server) return;
    if (!recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" )) goto done;
    if (!send_marked( recorder, &client, NULL, 4 )) goto done;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) goto done;
    check_nothing( &event );                                                                /* N-1m */
    ok( event.handle == client.request && event.context == (DWORD_PTR)recorder, "handle or context is another\n" );
    ok( WinHttpWriteData( client.request, "body", 4, NULL ), "failed with %lu\n", GetLastError() );
    if (!recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event )) goto done;
    ok( event.value == 4 && event.info_len == sizeof(DWORD), "%lu bytes, length %lu\n", event.value, event.info_len ); /* N-1p */
    if (!receive_marked( recorder, &client )) goto done;
    if (!recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event )) goto done;
    check_nothing( &event );                                                                /* N-1m */
    if (!query_marked( recorder, &client, &event )) goto done;
    ok( event.value == 9 && event.info_len == sizeof(DWORD), "%lu bytes, length %lu\n", event.value, event.info_len ); /* N-1n */
    memset( buffer, 0xcc, sizeof(buffer) );
    if (!read_marked( recorder, &client, buffer, 4, &event )) goto done;
    ok( event.info == buffer && event.info_len == 4, "%p, %lu bytes\n", event.info, event.info_len );                  /* N-1o */
    ok( !memcmp( buffer, "some\xcc", 5 ), "wrong data\n" );
    if (!read_marked( recorder, &client, buffer + 4, sizeof(buffer) - 4, &event )) goto done;
    ok( event.info == buffer + 4 && event.info_len == 5, "%p, %lu bytes\n", event.info, event.info_len );
    ok( !memcmp( buffer, "some data\xcc", 10 ), "wrong data\n" );
    if (!query_marked( recorder, &client, &event )) goto done;
    ok( !event.value && event.info_len == sizeof(DWORD), "%lu bytes, length %lu\n", event.value, event.info_len );     /* N-6g */
    if (!read_marked( recorder, &client, buffer, sizeof(buffer), &event )) goto done;
    ok( !event.info_len, "%lu bytes\n", event.info_len );                                   /* N-6g */
    ok( !memcmp( buffer, "some data\xcc", 10 ), "the buffer was touched\n" );
done:
    recorder_finish( recorder, &client, server );
}

static void test_end_of_connection(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    const struct event *event;
    struct client client;
    char buffer[16];

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" )
        && recorder_get( recorder, &client, NULL, L"Connection: close" )
        && read_marked( recorder, &client, buffer, sizeof(buffer), NULL ))
    {
        if ((event = nth( recorder, STATUS( CLOSING_CONNECTION ), 0 ))) check_nothing( event );     /* N-1g */
        if ((event = nth( recorder, STATUS( CONNECTION_CLOSED ), 0 ))) check_nothing( event );
    }
    recorder_finish( recorder, &client, server );
}

static void test_interim_responses(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" REPLY( "2", "ok" ) ),
        END
    };
    static const DWORD codes[] = { 103, 102 };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    const struct event *event;
    struct client client;
    unsigned int i;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client ))
    {
        for (i = 0; i < count_of( codes ); i++)
        {
            if (!(event = nth( recorder, STATUS( INTERMEDIATE_RESPONSE ), i ))) continue;
            ok( event->value == codes[i] && event->info_len == sizeof(DWORD), "code %lu, length %lu\n", event->value,
                event->info_len );                                                          /* N-1k */
        }
        ok( recorder_count( recorder, NULL, STATUS( INTERMEDIATE_RESPONSE ) ) == count_of( codes ), "%u of them\n",
            recorder_count( recorder, NULL, STATUS( INTERMEDIATE_RESPONSE ) ) );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    }
    recorder_finish( recorder, &client, server );
}

/* The target as an absolute URL, whatever form the Location had. */
static void test_redirect(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /other?q=1\r\nContent-Length: 0\r\n\r\n" ),
        HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    const struct event *event;
    struct client client;
    WCHAR url[64];

    if (!server) return;
    wsprintfW( url, L"http://127.0.0.1:%u/other?q=1", server_port( server ) );
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" )
        && send_marked( recorder, &client, NULL, 0 ) && receive_marked( recorder, &client )
        && (event = nth( recorder, STATUS( REDIRECT ), 0 )))
    {
        ok( !lstrcmpW( event->text, url ), "got %ls\n", event->text );                      /* N-1j */
        /* "character count": whether the terminator is one of them is not said */
        ok( event->info_len == (DWORD)lstrlenW( url ) + 1 || event->info_len == (DWORD)lstrlenW( url ), "length %lu\n",
            event->info_len );
    }
    recorder_finish( recorder, &client, server );
}

/* A server that does not speak TLS. Which of the codes it is depends on what the client makes of the bytes; a channel
 * error may be reported as no flag at all. */
static void test_secure_failure(void)
{
    static const struct step script[] = { ACCEPT, SEND( "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    int at;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        recorder_reset( recorder );
        if (send_marked( recorder, &client, NULL, 0 ) && recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event ))
        {
            ok( event.result == API_SEND_REQUEST, "API %lu\n", (DWORD)event.result );
            ok( event.error == ERROR_WINHTTP_SECURE_FAILURE || event.error == ERROR_WINHTTP_SECURE_CHANNEL_ERROR
                || event.error == ERROR_WINHTTP_CONNECTION_ERROR, "error %lu\n", event.error );
            at = recorder_find( recorder, STATUS( SECURE_FAILURE ), 0 );
            if (event.error == ERROR_WINHTTP_SECURE_FAILURE) ok( at >= 0, "no SECURE_FAILURE before the error\n" );
            if (at >= 0)
            {
                ok( at < recorder_find( recorder, STATUS( REQUEST_ERROR ), 0 ), "SECURE_FAILURE after the error\n" );
                event = recorder->events[at];
                ok( event.info_len == sizeof(DWORD) && (!event.value ||
                    event.value == WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR), "flags %#lx, length %lu\n",
                    event.value, event.info_len );
            }
        }
    }
    recorder_finish( recorder, &client, server );
}

START_TEST(notification_payload)
{
    test_progress();   /* first: the name must not have been resolved before */
    test_request_sent_counts_head_and_given_body();
    test_completions();
    test_end_of_connection();
    test_interim_responses();
    test_redirect();
    test_secure_failure();
}
