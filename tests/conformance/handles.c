/*
 * Handles: life, kinds, and every function on a bad one
 *
 * Rules: windows-behaviour.md section 1 (H-1 to H-16), LE-5; functions.md section 1 "Handle checks".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef

static void test_open_variants(void)
{
    static const struct { const WCHAR *agent; DWORD type; const WCHAR *proxy, *bypass; DWORD flags; } rows[] =
    {
        { L"agent", WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, NULL, NULL, 0 },                     /* H-1 */
        { NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 },
        { L"", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 },
        { L"agent", WINHTTP_ACCESS_TYPE_DEFAULT_PROXY, L"name", L"other", 0 },              /* H-2 */
        { L"agent", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        HINTERNET session;
        BOOL ret;

        SetLastError( STALE );
        session = WinHttpOpen( rows[i].agent, rows[i].type, rows[i].proxy, rows[i].bypass, rows[i].flags );
        ok( session && !GetLastError(), "%u: got %p, error %lu\n", i, session, GetLastError() );
        SetLastError( STALE );
        ret = WinHttpCloseHandle( session );                                                /* H-10 */
        ok( ret && !GetLastError(), "%u: got %d, error %lu\n", i, ret, GetLastError() );
    }
}

static void test_connect_and_open_request(void)
{
    HINTERNET session, connect, request;

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    SetLastError( STALE );
    connect = WinHttpConnect( session, NULL, 80, 0 );                                       /* H-3 */
    ok( !connect && GetLastError() == ERROR_INVALID_PARAMETER, "got %p, error %lu\n", connect, GetLastError() );

    SetLastError( STALE );
    connect = WinHttpConnect( session, L"does.not.exist.invalid", 80, 0 );                  /* H-4 */
    ok( connect && !GetLastError(), "got %p, error %lu\n", connect, GetLastError() );

    SetLastError( STALE );
    request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, 0 );               /* H-6 */
    ok( request && !GetLastError(), "got %p, error %lu\n", request, GetLastError() );
    WinHttpCloseHandle( request );
    SetLastError( STALE );
    request = WinHttpOpenRequest( connect, L"", L"", L"", NULL, NULL, 0 );                  /* H-7 */
    ok( request && !GetLastError(), "got %p, error %lu\n", request, GetLastError() );
    WinHttpCloseHandle( request );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

/* The verb is readable at once, without the request-header flag. */
static void test_verb_is_readable( void )
{
    struct client client;
    WCHAR verb[16];
    DWORD len = sizeof(verb);
    BOOL ret;

    if (client_open( &client, 80, 0, L"POST", L"/" ))
    {
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_REQUEST_METHOD, NULL, verb, &len, NULL );   /* H-9 */
        ok( ret && len == 8 && !lstrcmpW( verb, L"POST" ), "got %d, error %lu, length %lu\n", ret, GetLastError(),
            len );
    }
    client_close( &client );
}

static void check_alive( HINTERNET request )
{
    DWORD_PTR value = 1;
    DWORD len = sizeof(value);
    BOOL ret = WinHttpQueryOption( request, WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );

    ok( ret, "the request does not answer, error %lu\n", GetLastError() );
}

/* H-10, H-11: any order of closing is legal. */
static void test_children_survive_their_parents(void)
{
    static const unsigned int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 1, 0 } };
    unsigned int i, j;

    for (i = 0; i < count_of( orders ); i++)
    {
        HINTERNET handles[3];   /* session, connect, request */
        BOOL open = TRUE;
        struct client client;

        if (client_open( &client, 80, 0, NULL, NULL ))
        {
            handles[0] = client.session;
            handles[1] = client.connect;
            handles[2] = client.request;
            for (j = 0; j < 3; j++)
            {
                BOOL ret;

                if (open) check_alive( client.request );
                SetLastError( STALE );
                ret = WinHttpCloseHandle( handles[orders[i][j]] );
                ok( ret && !GetLastError(), "order %u, handle %u: got %d, error %lu\n", i, orders[i][j], ret,
                    GetLastError() );
                if (orders[i][j] == 2) open = FALSE;
            }
        }
        else client_close( &client );
    }
}

/* A request is usable although its parents are closed. */
static void test_request_works_after_its_parents_closed(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.connect );
        WinHttpCloseHandle( client.session );
        client.connect = client.session = NULL;
        if (client_get( &client )) client_check_body( client.request, "abc" );              /* H-11, TH-3 */
    }
    client_close( &client );
    server_stop( server );
}

/* ---- every function on a bad handle ---- */

enum kind { SESSION = 1, CONNECT = 2, REQUEST = 4 };

static BOOL call_connect( HINTERNET h )     { return WinHttpConnect( h, L"h", 80, 0 ) != NULL; }
static BOOL call_open( HINTERNET h )        { return WinHttpOpenRequest( h, NULL, NULL, NULL, NULL, NULL, 0 ) != NULL; }
static BOOL call_send( HINTERNET h )        { return WinHttpSendRequest( h, NULL, 0, NULL, 0, 0, 0 ); }
static BOOL call_receive( HINTERNET h )     { return WinHttpReceiveResponse( h, NULL ); }
static BOOL call_close( HINTERNET h )       { return WinHttpCloseHandle( h ); }
static BOOL call_timeouts( HINTERNET h )    { return WinHttpSetTimeouts( h, 1, 1, 1, 1 ); }
static BOOL call_add( HINTERNET h )         { return WinHttpAddRequestHeaders( h, L"a: b", ~0u, 0 ); }

static BOOL call_available( HINTERNET h )
{
    DWORD count = STALE;
    BOOL ret = WinHttpQueryDataAvailable( h, &count );

    ok( count == STALE, "the count was touched\n" );                                        /* H-13, LE-6 */
    return ret;
}

static BOOL call_read( HINTERNET h )
{
    char buffer[4] = { 1 };
    DWORD count = STALE;
    BOOL ret = WinHttpReadData( h, buffer, sizeof(buffer), &count );

    ok( buffer[0] == 1, "the buffer was touched\n" );
    return ret;
}

static BOOL call_write( HINTERNET h )
{
    DWORD count = STALE;

    return WinHttpWriteData( h, "abcd", 4, &count );
}

static BOOL call_query_headers( HINTERNET h )
{
    WCHAR buffer[8];
    DWORD len = sizeof(buffer);

    return WinHttpQueryHeaders( h, WINHTTP_QUERY_REQUEST_METHOD, NULL, buffer, &len, NULL );
}

static BOOL call_query_option( HINTERNET h )
{
    DWORD_PTR value;
    DWORD len = sizeof(value);

    return WinHttpQueryOption( h, WINHTTP_OPTION_CONTEXT_VALUE, &value, &len );
}

static BOOL call_set_option( HINTERNET h )
{
    DWORD_PTR value = 0;

    return WinHttpSetOption( h, WINHTTP_OPTION_CONTEXT_VALUE, &value, sizeof(value) );
}

static BOOL call_callback( HINTERNET h )
{
    return WinHttpSetStatusCallback( h, NULL, 0, 0 ) != WINHTTP_INVALID_STATUS_CALLBACK;
}

static BOOL call_credentials( HINTERNET h )
{
    return WinHttpSetCredentials( h, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_BASIC, L"u", L"p", NULL );
}

static BOOL call_schemes( HINTERNET h )
{
    DWORD a = STALE, b = STALE, c = STALE;
    BOOL ret = WinHttpQueryAuthSchemes( h, &a, &b, &c );

    ok( a == STALE && b == STALE && c == STALE, "the outputs were touched\n" );             /* H-14 */
    return ret;
}

static BOOL call_schemes_null( HINTERNET h ) { return WinHttpQueryAuthSchemes( h, NULL, NULL, NULL ); }
static BOOL call_proxy_null( HINTERNET h )   { return WinHttpGetProxyForUrl( h, NULL, NULL, NULL ); }

static const struct
{
    const char *name;
    BOOL (*call)( HINTERNET handle );
    unsigned int kinds;               /* the kinds that are right */
}
functions[] =
{
    { "Connect",            call_connect,       SESSION },
    { "OpenRequest",        call_open,          CONNECT },
    { "SendRequest",        call_send,          REQUEST },
    { "ReceiveResponse",    call_receive,       REQUEST },
    { "QueryDataAvailable", call_available,     REQUEST },
    { "ReadData",           call_read,          REQUEST },
    { "WriteData",          call_write,         REQUEST },
    { "AddRequestHeaders",  call_add,           REQUEST },
    { "QueryHeaders",       call_query_headers, REQUEST },
    { "SetTimeouts",        call_timeouts,      SESSION | REQUEST },
    { "SetCredentials",     call_credentials,   REQUEST },
    { "QueryAuthSchemes",   call_schemes,       REQUEST },
    { "QueryAuthSchemes with NULLs", call_schemes_null, SESSION | CONNECT | REQUEST },
    { "GetProxyForUrl with NULLs",   call_proxy_null,   SESSION | CONNECT | REQUEST },
    { "QueryOption",        call_query_option,  SESSION | CONNECT | REQUEST },
    { "SetOption",          call_set_option,    SESSION | CONNECT | REQUEST },
    { "SetStatusCallback",  call_callback,      SESSION | CONNECT | REQUEST },
    { "CloseHandle",        call_close,         SESSION | CONNECT | REQUEST },
};

static void check_call_( int line, unsigned int i, HINTERNET handle, const char *what, DWORD error )
{
    BOOL ret;

    SetLastError( STALE );
    ret = functions[i].call( handle );                                                     /* LE-4 */
    ok_( __FILE__, line )( !ret && GetLastError() == error, "%s on %s: got %d, error %lu\n", functions[i].name, what,
                           ret, GetLastError() );
}
#define check_call( i, handle, what, error ) check_call_( __LINE__, i, handle, what, error )

static void test_functions_reject_bad_handles(void)
{
    HINTERNET closed_session, closed_connect, closed_request;
    struct client client;
    unsigned int i;
    int local;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    closed_request = client.request;
    closed_connect = client.connect;
    closed_session = client.session;
    client_close( &client );

    for (i = 0; i < count_of( functions ); i++)
    {
        check_call( i, NULL, "NULL", ERROR_INVALID_HANDLE );                                /* H-14 */
        check_call( i, closed_session, "a closed session", ERROR_INVALID_HANDLE );          /* H-13 */
        check_call( i, closed_connect, "a closed connect handle", ERROR_INVALID_HANDLE );
        check_call( i, closed_request, "a closed request", ERROR_INVALID_HANDLE );
        check_call( i, (HINTERNET)(LONG_PTR)-1, "-1", ERROR_INVALID_HANDLE );
        check_call( i, (HINTERNET)0x1234567, "a number", ERROR_INVALID_HANDLE );
        check_call( i, (HINTERNET)&local, "an address", ERROR_INVALID_HANDLE );
    }
    return;
done:
    client_close( &client );
}

/* A stale handle must not reach the next tenant of its slot. */
static void test_closed_handles_stay_dead(void)
{
    HINTERNET old[8], fresh[8];
    unsigned int i;

    for (i = 0; i < count_of( old ); i++) old[i] = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < count_of( old ); i++) WinHttpCloseHandle( old[i] );
    for (i = 0; i < count_of( fresh ); i++) fresh[i] = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    for (i = 0; i < count_of( fresh ); i++)
        ok( call_query_option( fresh[i] ), "a fresh handle does not answer, error %lu\n", GetLastError() );
    for (i = 0; i < count_of( old ); i++)
    {
        unsigned int j;
        BOOL reused = FALSE;

        /* the values themselves may come again on Windows; then there is nothing to see */
        for (j = 0; j < count_of( fresh ); j++) if (fresh[j] == old[i]) reused = TRUE;
        if (reused) continue;
        SetLastError( STALE );
        ok( !call_query_option( old[i] ) && GetLastError() == ERROR_INVALID_HANDLE, "a closed handle answers, error %lu\n",
            GetLastError() );
    }
    for (i = 0; i < count_of( fresh ); i++) WinHttpCloseHandle( fresh[i] );
}

static void test_functions_reject_wrong_kinds(void)
{
    struct client client;
    unsigned int i;

    if (!client_open( &client, 80, 0, NULL, NULL )) goto done;
    for (i = 0; i < count_of( functions ); i++)
    {
        DWORD error = ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;

        if (!(functions[i].kinds & SESSION)) check_call( i, client.session, "a session", error );
        if (!(functions[i].kinds & CONNECT)) check_call( i, client.connect, "a connect handle", error );
        if (!(functions[i].kinds & REQUEST)) check_call( i, client.request, "a request", error );
    }
done:
    client_close( &client );
}

static void test_second_close_fails(void)
{
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    BOOL ret = WinHttpCloseHandle( session );

    ok( ret, "got error %lu\n", GetLastError() );
    SetLastError( STALE );
    ret = WinHttpCloseHandle( session );
    ok( !ret && GetLastError() == ERROR_INVALID_HANDLE, "got %d, error %lu\n", ret, GetLastError() );
}

/* ---- last error ---- */

static void check_zero_( int line, BOOL ret, const char *name )
{
    DWORD err = GetLastError();

    ok_( __FILE__, line )( ret && !err, "%s: got %d, last error %lu\n", name, ret, err );    /* LE-1 */
    SetLastError( STALE );
}
#define check_zero( call, name ) check_zero_( __LINE__, (call) != 0, name )

/* One exchange with every function that takes part in it; each finds another error behind. */
static void test_success_stores_no_error(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 4 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" ), END };
    struct server *server = server_start( script );
    HINTERNET session, connect, request;
    DWORD number, count, len;
    DWORD_PTR context = 1;
    WCHAR text[256];
    char buffer[8];

    if (!server) return;
    SetLastError( STALE );
    check_zero( session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 ), "Open" );
    check_zero( WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS ), "SetTimeouts" );
    check_zero( !WinHttpSetStatusCallback( session, NULL, 0, 0 ), "SetStatusCallback" );              /* N-2c */
    check_zero( WinHttpSetOption( session, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof(context) ), "SetOption" );
    len = sizeof(context);
    check_zero( WinHttpQueryOption( session, WINHTTP_OPTION_CONTEXT_VALUE, &context, &len ), "QueryOption" );
    check_zero( connect = WinHttpConnect( session, L"127.0.0.1", server_port( server ), 0 ), "Connect" );
    check_zero( request = WinHttpOpenRequest( connect, L"POST", NULL, NULL, NULL, NULL, 0 ), "OpenRequest" );
    check_zero( WinHttpAddRequestHeaders( request, L"X-Name: value", ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "AddRequestHeaders" );
    check_zero( WinHttpSendRequest( request, NULL, 0, NULL, 0, 4, 0 ), "SendRequest" );
    check_zero( WinHttpWriteData( request, "body", 4, &count ), "WriteData" );
    check_zero( WinHttpReceiveResponse( request, NULL ), "ReceiveResponse" );
    len = sizeof(number);
    check_zero( WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &len,
                                     NULL ), "QueryHeaders" );                                        /* LE-2 */
    len = sizeof(text);
    check_zero( WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, text, &len, NULL ), "QueryHeaders" );
    check_zero( WinHttpQueryDataAvailable( request, &count ), "QueryDataAvailable" );
    check_zero( WinHttpReadData( request, buffer, sizeof(buffer), &count ), "ReadData" );
    check_zero( WinHttpQueryDataAvailable( request, &count ), "QueryDataAvailable at the end" );
    check_zero( WinHttpReadData( request, buffer, sizeof(buffer), &count ), "ReadData at the end" );
    check_zero( WinHttpCloseHandle( request ), "CloseHandle" );
    check_zero( WinHttpCloseHandle( connect ), "CloseHandle" );
    check_zero( WinHttpCloseHandle( session ), "CloseHandle" );
    server_stop( server );
}

/* ---- states ---- */

static void test_calls_out_of_order(void)
{
    struct client client;
    char buffer[4];
    DWORD count;
    BOOL ret;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    SetLastError( STALE );
    ret = WinHttpReceiveResponse( client.request, NULL );
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    count = STALE;
    SetLastError( STALE );
    ret = WinHttpQueryDataAvailable( client.request, &count );                              /* S-5, N-9f */
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    ok( count == STALE, "the count was touched\n" );
    SetLastError( STALE );
    ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
    SetLastError( STALE );
    ret = WinHttpWriteData( client.request, buffer, sizeof(buffer), &count );
    ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "got %d, error %lu\n", ret, GetLastError() );
done:
    client_close( &client );
}

/* H-15, S-12, TH-1: one handle, three exchanges; the body of the first is not read. */
static void test_request_handle_is_reusable(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" ),
        HEAD, SEND( "HTTP/1.1 201 OK\r\nContent-Length: 6\r\n\r\nsecond" ),
        HEAD, SEND( "HTTP/1.1 202 OK\r\nContent-Length: 5\r\n\r\nthird" ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        if (client_get( &client ) && client_get( &client ))
        {
            ok( client_status( client.request ) == 201, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "second" );
            if (client_get( &client )) client_check_body( client.request, "third" );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(handles)
{
    test_open_variants();
    test_connect_and_open_request();
    test_verb_is_readable();
    test_children_survive_their_parents();
    test_request_works_after_its_parents_closed();
    test_functions_reject_bad_handles();
    test_closed_handles_stay_dead();
    test_functions_reject_wrong_kinds();
    test_second_close_fails();
    test_success_stores_no_error();
    test_calls_out_of_order();
    test_request_handle_is_reusable();
}
