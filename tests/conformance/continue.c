/*
 * Answers that come before the request is through: interim responses, early responses
 *
 * Rules: behaviour-concepts.md sections 6 (one operation per direction) and 11; windows-notifications.md section 6;
 * windows-behaviour.md S-23. Limits and floods of interim responses are in receive.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Expect is the application's: it goes out, and the body may go with it or wait for the 100. */
static void test_expect_is_sent(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 100 Continue\r\n\r\n" ), BODY( 4 ), SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, L"Expect: 100-continue", ~0u, (void *)"body", 4, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        if (ret) client_check_body( client.request, "ok" );
        ok( strstr( server_request( server, 0 ), "\r\nExpect: 100-continue\r\n" ) != NULL, "%s",
            server_request( server, 0 ) );
        ok( strstr( server_request( server, 0 ), "\r\n\r\nbody" ) != NULL, "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A library that never heard of it does not ask for it. */
static void test_expect_is_not_added(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 5000 ), SEND( GOOD ), END };
    static char body[5000];
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    memset( body, 'x', sizeof(body) );
    if (client_open( &client, server_port( server ), 0, L"PUT", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, body, sizeof(body), sizeof(body), 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "ok" );
        ok( !strstr( server_request( server, 0 ), "Expect" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The interim responses of an asynchronous exchange, between RECEIVING_RESPONSE and RESPONSE_RECEIVED. */
static void test_interim_responses_are_told_of(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" GOOD ),
        SIGNAL, END
    };
    struct recorder *recorder = recorder_create();
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    int receiving, first, second, received;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ) &&
        recorder_get( recorder, &client, server, NULL ))
    {
        receiving = recorder_find( recorder, STATUS( RECEIVING_RESPONSE ), 0 );
        first     = recorder_find( recorder, STATUS( INTERMEDIATE_RESPONSE ), 0 );
        second    = recorder_find( recorder, STATUS( INTERMEDIATE_RESPONSE ), 1 );
        received  = recorder_find( recorder, STATUS( RESPONSE_RECEIVED ), 0 );
        ok( receiving >= 0 && receiving < first && first < second && second < received, "order: %d, %d, %d, %d\n",
            receiving, first, second, received );
        if (first >= 0 && second >= 0)
            ok( recorder->events[first].value == 103 && recorder->events[second].value == 102, "codes %lu, %lu\n",
                recorder->events[first].value, recorder->events[second].value );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    }
    recorder_finish( recorder, &client, server );
}

/* The final response comes while body bytes are owed: it is received at once, and what is owed can be written after it
 * (documented for automatic chunks; for an announced length it is a choice, and Windows may refuse it). */
static void test_response_before_the_body_is_through(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 2 ), SEND( GOOD ), BODY( 2 ), HEAD, SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD count = STALE;
    BOOL ret, written = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"bo", 2, 4, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret)
        {
            client_check_body( client.request, "ok" );
            written = WinHttpWriteData( client.request, "dy", 2, &count );
            ok( written || broken( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE ), "failed with %lu\n",
                GetLastError() );
            if (written)
            {
                ok( count == 2, "%lu bytes\n", count );
                client_check_get( &client, "ok" );    /* the message is whole: the connection can be used */
                ok( strstr( server_request( server, 0 ), "\r\n\r\nbody" ) != NULL, "%s", server_request( server, 0 ) );
            }
        }
    }
    client_close( &client );
    if (written) server_stop( server );
    else server_abort( server );
}

/* And when it never is, the connection does not serve another request. */
static void test_body_that_is_never_through(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 2 ), SEND( GOOD ), UNHURRIED, GONE, ACCEPT, HEAD, SEND( GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"bo", 2, 4, 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "ok" );
        WinHttpCloseHandle( client.request );
        client.request = NULL;
        client_check_get( &client, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* One operation of each direction at a time: the response is waited for while the body is written. Known of newer
 * Windows over HTTP/2; that HTTP/1.1 does the same is a choice. */
static void test_receiving_and_writing_at_once(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 8 ), SEND( GOOD ), END };
    struct recorder *recorder = recorder_create();
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    BOOL ret = FALSE;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ) &&
        send_marked( recorder, &client, NULL, 8 ) && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ) &&
        receive_marked( recorder, &client ))
    {
        ret = WinHttpWriteData( client.request, "some", 4, NULL );
        ok( ret || broken( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE ), "failed with %lu\n", GetLastError() );
        if (ret && recorder_complete( recorder, STATUS( WRITE_COMPLETE ), NULL ))
        {
            ret = WinHttpWriteData( client.request, "data", 4, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            /* the answer may be faster than the news of the write */
            recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( HEADERS_AVAILABLE ), NULL );
            recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( HEADERS_AVAILABLE ), NULL );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        }
    }
    recorder_close( recorder, &client );
    ok( !ret || recorder_count( recorder, NULL, STATUS( WRITE_COMPLETE ) ) == 2, "%u writes completed\n",
        recorder_count( recorder, NULL, STATUS( WRITE_COMPLETE ) ) );
    if (ret) server_stop( server );
    else server_abort( server );
}

START_TEST(continue)
{
    test_expect_is_sent();
    test_expect_is_not_added();
    test_interim_responses_are_told_of();
    test_response_before_the_body_is_through();
    test_body_that_is_never_through();
    test_receiving_and_writing_at_once();
}
