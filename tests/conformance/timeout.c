/*
 * Timeouts: their options, and what happens when one passes
 *
 * Rules: windows-behaviour.md section 12 (TI-1 to TI-13), O-17, O-18; notifications.md section 7. About time only
 * this is asserted: not much earlier than asked for, and not as late as a hang.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define SHORT_MS 700     /* what passes unnoticed on a busy machine, and is not long to wait for */

static const DWORD options[] = { WINHTTP_OPTION_RESOLVE_TIMEOUT, WINHTTP_OPTION_CONNECT_TIMEOUT,
                                 WINHTTP_OPTION_SEND_TIMEOUT, WINHTTP_OPTION_RECEIVE_TIMEOUT };

static DWORD read_option( HINTERNET handle, DWORD option )
{
    DWORD value = STALE, len = sizeof(value);
    BOOL ret = WinHttpQueryOption( handle, option, &value, &len );

    ok( ret, "query of %lu failed with %lu\n", option, GetLastError() );
    return value;
}

static void set_option_( int line, HINTERNET handle, DWORD option, DWORD value, DWORD error )
{
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetOption( handle, option, &value, sizeof(value) );
    ok_( __FILE__, line )( ret == !error && GetLastError() == error, "option %lu: got %d, error %lu\n", option, ret,
                           GetLastError() );
}
#define set_option( handle, option, value, error ) set_option_( __LINE__, handle, option, value, error )

static void test_set_timeouts( HINTERNET handle )
{
    static const int good[][4] = { { -1, -1, -1, -1 }, { 0, 0, 0, 0 }, { 1, 2, 3, 4 }, { 0x7fffffff, 5, 6, 7 } };
    unsigned int i, j;
    BOOL ret;

    for (i = 0; i < count_of( good ); i++)                                                  /* TI-2, TI-3 */
    {
        SetLastError( STALE );
        ret = WinHttpSetTimeouts( handle, good[i][0], good[i][1], good[i][2], good[i][3] );
        ok( ret && !GetLastError(), "%u: got %d, error %lu\n", i, ret, GetLastError() );
        if (good[i][0] > 0)
            for (j = 0; j < 4; j++)
                ok( read_option( handle, options[j] ) == (DWORD)good[i][j], "%u: option %lu is %lu\n", i, options[j],
                    read_option( handle, options[j] ) );
    }
}

static void test_set_timeouts_range( HINTERNET handle )
{
    unsigned int i;
    BOOL ret;

    for (i = 0; i < 4; i++)                                                                 /* TI-1 */
    {
        int values[4] = { 10, 10, 10, 10 };

        values[i] = -2;
        SetLastError( STALE );
        ret = WinHttpSetTimeouts( handle, values[0], values[1], values[2], values[3] );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "%u: got %d, error %lu\n", i, ret, GetLastError() );
    }
}

static void test_options_take_any_value( HINTERNET handle )
{
    static const DWORD values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xbeefdead, 0xffffffff };
    unsigned int i, j;

    for (i = 0; i < count_of( options ); i++) for (j = 0; j < count_of( values ); j++)      /* TI-5 */
    {
        set_option( handle, options[i], values[j], 0 );
        ok( read_option( handle, options[i] ) == values[j], "option %lu is %#lx\n", options[i],
            read_option( handle, options[i] ) );
    }
}

static void test_connect_handle_shows_the_session( struct client *client )
{
    unsigned int i;
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpSetTimeouts( client->connect, 1, 1, 1, 1 );                                /* TI-4 */
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %d, error %lu\n", ret, GetLastError() );

    for (i = 0; i < count_of( options ); i++)
    {
        set_option( client->connect, options[i], 1, ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );  /* TI-6 */
        set_option( client->session, options[i], 4711 + i, 0 );
        ok( read_option( client->connect, options[i] ) == 4711 + i, "option %lu is %lu\n", options[i],
            read_option( client->connect, options[i] ) );                                   /* TI-7 */
    }
    set_option( client->connect, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, 1,
                ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );                                      /* TI-10, O-18 */
}

static void test_request_copies_when_opened( struct client *client )
{
    HINTERNET request;
    unsigned int i;

    for (i = 0; i < count_of( options ); i++) set_option( client->session, options[i], 100 + i, 0 );
    request = WinHttpOpenRequest( client->connect, NULL, NULL, NULL, NULL, NULL, 0 );
    for (i = 0; i < count_of( options ); i++)                                               /* TI-8 */
    {
        ok( read_option( request, options[i] ) == 100 + i, "option %lu was not copied\n", options[i] );
        set_option( client->session, options[i], 200 + i, 0 );
        ok( read_option( request, options[i] ) == 100 + i, "option %lu follows the session\n", options[i] );
        set_option( request, options[i], 300 + i, 0 );
        ok( read_option( client->session, options[i] ) == 200 + i, "the session follows option %lu\n", options[i] );
    }
    WinHttpCloseHandle( request );
}

static void test_receive_response_timeout( HINTERNET handle )
{
    static const struct { DWORD receive, set, expected; } rows[] =                          /* TI-11 */
    {
        { 60000, 30000, 60000 }, { 60000, 59999, 60000 }, { 60000, 60000, 60000 }, { 60000, 60001, 60001 },
        { 0xbeefdead, 30000, 0xbeefdead }, { 48879, 48878, 48879 }, { 48879, 48880, 48880 },
    };
    unsigned int i;

    ok( read_option( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) == ~0u, "default is %#lx\n",
        read_option( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) );                   /* TI-9 */
    for (i = 0; i < count_of( rows ); i++)
    {
        set_option( handle, WINHTTP_OPTION_RECEIVE_TIMEOUT, rows[i].receive, 0 );
        set_option( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, rows[i].set, 0 );      /* TI-10 */
        ok( read_option( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) == rows[i].expected, "%u: reads %lu\n", i,
            read_option( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) );
    }
}

static void test_option_values(void)
{
    struct client client;
    HINTERNET request;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        ok( read_option( client.connect, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) == ~0u, "wrong default\n" );   /* TI-9 */
        request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        winetest_push_context( "request" );
        test_receive_response_timeout( request );
        winetest_pop_context();
        ok( read_option( client.connect, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT ) == ~0u, "followed a request\n" ); /* TI-12 */
        WinHttpCloseHandle( request );

        winetest_push_context( "session" );
        test_set_timeouts( client.session );
        test_set_timeouts_range( client.session );
        test_options_take_any_value( client.session );
        test_receive_response_timeout( client.session );
        winetest_pop_context();
        winetest_push_context( "request" );
        test_set_timeouts( client.request );
        test_set_timeouts_range( client.request );
        test_options_take_any_value( client.request );
        winetest_pop_context();
        winetest_push_context( "connect" );
        test_set_timeouts_range( client.connect );
        test_connect_handle_shows_the_session( &client );
        winetest_pop_context();
        test_request_copies_when_opened( &client );
    }
    client_close( &client );
}

/* ---- passing ---- */

static void set_short( HINTERNET handle )
{
    BOOL ret = WinHttpSetTimeouts( handle, WAIT_MS, WAIT_MS, SHORT_MS, SHORT_MS );
    DWORD value = SHORT_MS;

    ok( ret, "WinHttpSetTimeouts failed with %lu\n", GetLastError() );
    /* the time for the head may have a limit of its own */
    ret = WinHttpSetOption( handle, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, &value, sizeof(value) );
    ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
}

static void check_timeout( ULONGLONG start, DWORD err )
{
    ULONGLONG took = milliseconds_since( start );

    ok( err == ERROR_WINHTTP_TIMEOUT, "got %lu\n", err );
    /* timers may be coarse, but not early by half nor late by the bound of a wait */
    ok( took >= SHORT_MS / 2 && took < WAIT_MS / 2, "took %lu ms\n", (DWORD)took );
}

static void test_stalled_head( const char *start_of_head )
{
    struct step script[] = { ACCEPT, HEAD, SEND( "" ), GONE, END };
    struct server *server;
    struct client client;
    ULONGLONG start;

    script[2].data = start_of_head;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_short( client.request );
        start = GetTickCount64();
        check_timeout( start, client_try( &client ) );
    }
    client_close( &client );
    server_stop( server );
}

static void test_stalled_body( const char *reply )
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), GONE, END };
    struct server *server;
    struct client client;
    char buffer[16];
    ULONGLONG start;
    DWORD err;

    script[2].data = reply;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_short( client.request );
        if (client_get( &client ))
        {
            start = GetTickCount64();
            client_read( client.request, buffer, sizeof(buffer), &err );
            check_timeout( start, err );
        }
    }
    client_close( &client );
    server_stop( server );
}

static void test_stalled_upload(void)
{
    static const struct step script[] = { ACCEPT, HEAD, HOLD, GONE, END };
    static char block[1 << 20];
    struct server *server = server_start( script );
    struct client client;
    DWORD count, err = 0;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_short( client.request );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 256u << 20, 0 );
        ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
        for (i = 0; i < 256 && ret; i++)
        {
            ret = WinHttpWriteData( client.request, block, sizeof(block), &count );
            err = GetLastError();
        }
        ok( !ret && err == ERROR_WINHTTP_TIMEOUT, "got %d, error %lu after %u MiB\n", ret, err, i );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* A server that speaks TCP and never TLS. */
static void test_stalled_handshake(void)
{
    static const struct step script[] = { ACCEPT, GONE, END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
        WinHttpSetTimeouts( client.request, WAIT_MS, SHORT_MS, SHORT_MS, SHORT_MS );
        SetLastError( STALE );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        /* which of the timers covers the handshake is not known, that one does is the point */
        ok( !ret && GetLastError() == ERROR_WINHTTP_TIMEOUT, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
    server_stop( server );
}

/* .NET's handler sets it again after the head, for the reads of the body (options.md 1.3): the new value must govern. */
static void test_receive_timeout_can_change_after_the_head(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc" ), HOLD, SEND( "def" ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_short( client.request );
        if (client_get( &client ))
        {
            set_option( client.request, WINHTTP_OPTION_RECEIVE_TIMEOUT, WAIT_MS, 0 );
            server_go( server );
            client_check_body( client.request, "abcdef" );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

static void test_async_timeout(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ))
    {
        set_short( client.request );
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 1, 0 ), "failed with %lu\n", GetLastError() );
        if (recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
        {
            ok( WinHttpWriteData( client.request, "x", 1, NULL ), "failed with %lu\n", GetLastError() );
            recorder_complete( recorder, STATUS( WRITE_COMPLETE ), NULL );
            ok( WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
            if (recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event ))
                ok( event.result == API_RECEIVE_RESPONSE && event.error == ERROR_WINHTTP_TIMEOUT, "API %lu, error %lu\n",
                    (DWORD)event.result, event.error );
        }
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

/* A connection on which a request timed out may still get its answer: it must not carry another request. */
static void test_timed_out_connection_is_not_reused(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), END
    };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_short( client.request );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_TIMEOUT, "got %lu\n", err );
        client_check_get( &client, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- one error each ---- */

/* An address that swallows connections: a listener whose queue is full. */
struct hole
{
    SOCKET listener, fill[16];
    unsigned short port;
};

static BOOL hole_open( struct hole *hole )
{
    struct sockaddr_in addr;
    int len = sizeof(addr);
    unsigned int i;
    u_long on = 1;
    WSADATA data;

    if (WSAStartup( MAKEWORD( 2, 2 ), &data )) return FALSE;
    memset( &addr, 0, sizeof(addr) );
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    hole->listener = socket( AF_INET, SOCK_STREAM, 0 );
    ok( !bind( hole->listener, (struct sockaddr *)&addr, sizeof(addr) ) && !listen( hole->listener, 1 ), "error %d\n",
        WSAGetLastError() );
    getsockname( hole->listener, (struct sockaddr *)&addr, &len );
    hole->port = ntohs( addr.sin_port );
    for (i = 0; i < count_of( hole->fill ); i++)
    {
        hole->fill[i] = socket( AF_INET, SOCK_STREAM, 0 );
        ioctlsocket( hole->fill[i], FIONBIO, &on );
        connect( hole->fill[i], (struct sockaddr *)&addr, sizeof(addr) );
    }
    return hole->port != 0;
}

static void hole_close( struct hole *hole )
{
    unsigned int i;

    for (i = 0; i < count_of( hole->fill ); i++) closesocket( hole->fill[i] );
    closesocket( hole->listener );
    WSACleanup();
}

static void test_connect_timeout(void)
{
    struct client client;
    struct hole hole;
    ULONGLONG start;
    DWORD err;
    BOOL ret;

    if (!hole_open( &hole )) return;
    if (client_open( &client, hole.port, 0, NULL, NULL ))
    {
        ret = WinHttpSetTimeouts( client.request, WAIT_MS, SHORT_MS, WAIT_MS, WAIT_MS );
        ok( ret, "WinHttpSetTimeouts failed with %lu\n", GetLastError() );
        start = GetTickCount64();
        err = client_try( &client );
        if (broken( err == ERROR_WINHTTP_CANNOT_CONNECT )) win_skip( "a full queue refuses here\n" );
        else check_timeout( start, err );
        client_close( &client );
    }
    hole_close( &hole );
}

/* Without a listener the error has its own code, and no timer has a part in it. */
static void test_refused_and_unknown_names(void)
{
    struct client client;
    DWORD err, ms = 10000;
    BOOL ret;

    if (client_open( &client, server_closed_port(), 0, NULL, NULL ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got %lu\n", err );
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_RESOLVE_TIMEOUT, &ms, sizeof(ms) );
        ok( ret, "failed with %lu\n", GetLastError() );
        client.connect = WinHttpConnect( client.session, L"name.invalid", 80, 0 );
        if (client_reopen( &client, NULL, NULL ))
        {
            err = client_try( &client );    /* TI-13 */
            ok( err == ERROR_WINHTTP_NAME_NOT_RESOLVED, "got %lu\n", err );
        }
    }
    client_close( &client );
}

/* 0 is no limit: a server that takes its time is waited for. */
static void test_no_limits(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, HOLD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct client client;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        ok( WinHttpSetTimeouts( client.request, 0, 0, 0, 0 ), "failed with %lu\n", GetLastError() );      /* TI-3 */
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        if (recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
        {
            ok( WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
            server_go( server );
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL );
        }
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

/* ---- drips ---- */

#define DRIPS   100      /* more than fit into the time: a busy machine may tell late */
#define DRIP_MS 50

/* Each byte of the head comes in time for the receive timeout, the whole head not for its own. */
static void test_a_head_that_drips(void)
{
    struct step script[2 + 1 + 2 * DRIPS + 1] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nX-Drip: " ) };
    static const struct step hold = HOLD, send = SEND( "y" ), end = END;
    struct recorder *recorder = recorder_create();
    DWORD value = 2 * SHORT_MS;
    struct server *server;
    struct client client;
    struct event event;
    unsigned int i;

    for (i = 0; i < DRIPS; i++)
    {
        script[3 + 2 * i] = hold;
        script[4 + 2 * i] = send;
    }
    script[3 + 2 * DRIPS] = end;
    if (!(server = server_start( script ))) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        set_short( client.request );
        set_option( client.request, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, value, 0 );
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        if (recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), NULL ))
        {
            ok( WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
            for (i = 0; i < DRIPS && !recorder_count( recorder, NULL, STATUS( REQUEST_ERROR ) ); i++)
            {
                server_go( server );
                Sleep( DRIP_MS );    /* the pace of the server */
            }
            ok( i < DRIPS, "%u bytes in time kept the request waiting\n", i );
            if (recorder_complete( recorder, STATUS( REQUEST_ERROR ), &event ))
                ok( event.error == ERROR_WINHTTP_TIMEOUT, "got %lu\n", event.error );
        }
    }
    recorder_close( recorder, &client );
    server_abort( server );    /* its bytes are of no use any more */
}

static DWORD WINAPI go_slowly( void *arg )
{
    unsigned int i;

    for (i = 0; i < 4; i++)
    {
        Sleep( SHORT_MS );
        server_go( arg );
    }
    return 0;
}

/* The receive timeout is between two arrivals: a body may take longer. */
static void test_a_body_that_drips(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" ), HOLD, SEND( "s" ), HOLD, SEND( "l" ),
        HOLD, SEND( "o" ), HOLD, SEND( "w!" ), END
    };
    struct server *server = server_start( script );
    DWORD value = 3 * SHORT_MS;
    struct client client;
    HANDLE thread;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_option( client.request, WINHTTP_OPTION_RECEIVE_TIMEOUT, value, 0 );
        if (client_get( &client ))
        {
            thread = CreateThread( NULL, 0, go_slowly, server, 0, NULL );
            client_check_body( client.request, "slow!" );
            WaitForSingleObject( thread, INFINITE );
            CloseHandle( thread );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(timeout)
{
    test_option_values();
    test_stalled_head( "" );
    test_stalled_head( "HTTP/1.1 200 OK\r\nContent-" );
    test_stalled_body( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" );
    test_stalled_body( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab" );
    test_stalled_body( "HTTP/1.1 200 OK\r\n\r\nab" );
    test_stalled_body( "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n" );
    test_stalled_upload();
    test_stalled_handshake();
    test_receive_timeout_can_change_after_the_head();
    test_async_timeout();
    test_timed_out_connection_is_not_reused();
    test_connect_timeout();
    test_refused_and_unknown_names();
    test_no_limits();
    test_a_head_that_drips();
    test_a_body_that_drips();
}
