/*
 * Uploads by WinHttpWriteData that are challenged
 *
 * The page on that function names two problems: a server that closes before the whole body is out, and NTLM's legs, which
 * need one connection; and a remedy: a HEAD that authenticates the connection, then the POST on it. Rules: functions.md
 * WinHttpWriteData, behaviour-concepts.md section 3. Which legs take a body along, and that so many sends are enough, is a
 * choice: such tests run here only.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define NTLM_401 AUTH_401( "WWW-Authenticate: NTLM\r\n" )
#define NTLM_401_CLOSING AUTH_401( "Connection: close\r\nWWW-Authenticate: NTLM\r\n" )

static char type2_401[1024], type2_head[1024];    /* the second with the response to a HEAD */

static void make_type2(void)
{
    sprintf( type2_head, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nWWW-Authenticate: NTLM %s\r\n\r\n",
             auth_ntlm_message2() );
    sprintf( type2_401, "%sdenied", type2_head );
}

static unsigned int message_of( struct server *server, unsigned int index )
{
    const char *value = auth_value( server, index, "Authorization" );

    if (_strnicmp( value, "NTLM TlRMTVNTUAA", 16 )) return 0;
    return value[16] == 'B' ? 1 : value[16] == 'D' ? 3 : 99;
}

/* The leg carries this message, and this body or none. */
static void check_leg_( int line, struct server *server, unsigned int index, unsigned int message, const char *body )
{
    const char *text = server_request( server, index ), *found = strstr( text, "\r\n\r\n" );

    ok_( __FILE__, line )( message_of( server, index ) == message, "%u: message %u in %s", index, message_of( server, index ), text );
    ok_( __FILE__, line )( found && !strcmp( found + 4, body ), "%u: the body is not \"%s\" in %s", index, body, text );
    ok_( __FILE__, line )( strstr( text, *body ? "\r\nContent-Length: 5\r\n" : "\r\nContent-Length: 0\r\n" ) != NULL, "%u: %s", index, text );
}
#define check_leg( server, index, message, body ) check_leg_( __LINE__, server, index, message, body )

static void set_ntlm( HINTERNET request )
{
    auth_set( request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
}

/* ---- synchronous ---- */

static BOOL write_( int line, HINTERNET request, const char *data, DWORD total )
{
    DWORD count, len = strlen( data );
    BOOL ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, total, 0 ) && WinHttpWriteData( request, data, len, &count );

    ok_( __FILE__, line )( ret, "failed with %lu\n", GetLastError() );
    return ret;
}
#define write( request, data, total ) write_( __LINE__, request, data, total )

/* The answer is there, and the connection gone, before the body is out: the program is told to send again, and the legs go
 * on on a new connection. */
static void test_server_that_closes_early(void)
{
    const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 3 ), SEND( NTLM_401_CLOSING ), SHUT, UNHURRIED,
        ACCEPT, HEAD, SEND( type2_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END
    };
    struct server *server;
    struct client client;
    BOOL ret;

    if (strcmp( winetest_platform, "wine" )) return;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        if (write( client.request, "hel", 5 ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( !ret && GetLastError() == ERROR_WINHTTP_RESEND_REQUEST, "got %d, error %lu\n", ret, GetLastError() );
        }
        if (write( client.request, "hello", 5 ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            check_leg( server, 1, 1, "" );
            check_leg( server, 2, 3, "hello" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A server that resets without a word has said nothing that could be answered: that is an error of the connection, not a
 * request to send again. The end of the upload may be what fails, or the response. */
static void test_server_that_resets_early(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 3 ), RESET, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        if (write( client.request, "hel", 5 ))
        {
            err = WinHttpReceiveResponse( client.request, NULL ) ? 0 : GetLastError();
            ok( err == ERROR_WINHTTP_CONNECTION_ERROR, "error %lu\n", err );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- asynchronous ---- */

static BOOL write_async( struct recorder *recorder, struct client *client, const char *data, DWORD total )
{
    struct event event;

    if (!send_marked( recorder, client, NULL, total )) return FALSE;
    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) return FALSE;
    recorder_call( recorder, CALL_WRITE );
    ok( WinHttpWriteData( client->request, data, strlen( data ), NULL ), "failed with %lu\n", GetLastError() );
    recorder_return( recorder );
    return recorder_complete( recorder, STATUS( WRITE_COMPLETE ), &event );
}

static void test_asynchronous_upload(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, BODY( 5 ), SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct recorder *recorder = recorder_create();
    struct client client = { NULL, NULL, NULL };
    struct server *server;
    struct event event;

    if (strcmp( winetest_platform, "wine" )) return;
    if (!(server = server_start( script ))) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        if (write_async( recorder, &client, "hello", 5 ) && receive_marked( recorder, &client ))
            recorder_failed( recorder, API_RECEIVE_RESPONSE, ERROR_WINHTTP_RESEND_REQUEST );
        if (write_async( recorder, &client, "hello", 5 ) && receive_marked( recorder, &client ) &&
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            check_leg( server, 0, 0, "hello" );
            check_leg( server, 1, 1, "" );
            check_leg( server, 2, 3, "hello" );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
    }
    recorder_finish( recorder, &client, server );
}

static void test_asynchronous_server_that_closes_early(void)
{
    const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 3 ), SEND( NTLM_401_CLOSING ), SHUT, UNHURRIED,
        ACCEPT, HEAD, SEND( type2_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END
    };
    struct recorder *recorder = recorder_create();
    struct client client = { NULL, NULL, NULL };
    struct server *server;
    struct event event;

    if (strcmp( winetest_platform, "wine" )) return;
    if (!(server = server_start( script ))) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        if (write_async( recorder, &client, "hel", 5 ) && receive_marked( recorder, &client ))
            recorder_failed( recorder, API_RECEIVE_RESPONSE, ERROR_WINHTTP_RESEND_REQUEST );
        if (write_async( recorder, &client, "hello", 5 ) && receive_marked( recorder, &client ) &&
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            check_leg( server, 2, 3, "hello" );
        }
    }
    recorder_finish( recorder, &client, server );
}

/* The remedy on a worker: HEAD, then POST, one connection, and no leg with the body more than once. */
static void test_asynchronous_head_before_post(void)
{
    static const char first[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nWWW-Authenticate: NTLM\r\n\r\n";
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( first ), HEAD, SEND( type2_head ), HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" ),
        HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END
    };
    struct recorder *recorder = recorder_create();
    struct client client = { NULL, NULL, NULL };
    struct server *server = server_start( script );
    struct event event;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"HEAD", L"/" ))
    {
        set_ntlm( client.request );
        if (recorder_get( recorder, &client, NULL, NULL ))
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        if (client_reopen( &client, L"POST", L"/" ))
        {
            set_ntlm( client.request );
            recorder_reset( recorder );
            if (write_async( recorder, &client, "hello", 5 ) && receive_marked( recorder, &client ) &&
                recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event ))
            {
                ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
                check_leg( server, 3, 0, "hello" );
                ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
            }
        }
    }
    recorder_finish( recorder, &client, server );
}

START_TEST(auth_upload)
{
    if (!auth_has_ntlm()) return;
    make_type2();
    test_server_that_closes_early();
    test_server_that_resets_early();
    test_asynchronous_upload();
    test_asynchronous_server_that_closes_early();
    test_asynchronous_head_before_post();
}
