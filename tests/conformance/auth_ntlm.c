/*
 * NTLM against a scripted server: legs on one connection, bodies, and whose connection it is afterwards
 *
 * The server's message is made up, so it can check nothing: what counts is which message comes when, where, and with which
 * body. Rules: windows-behaviour.md AU-12; behaviour-concepts.md section 3; functions.md WinHttpWriteData.
 */
#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <sspi.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define NTLM_401 AUTH_401( "WWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: NTLM\r\n" )

static char type2_401[1024];    /* the server's message, as a response */

BOOL auth_has_ntlm(void)
{
    HMODULE module = LoadLibraryA( "secur32.dll" );
    QUERY_SECURITY_PACKAGE_INFO_FN_W query = (void *)GetProcAddress( module, "QuerySecurityPackageInfoW" );
    SecPkgInfoW *info;

    if (query && !query( (WCHAR *)L"NTLM", &info )) return TRUE;
    skip( "there is no NTLM here\n" );    /* Wine needs winbind's ntlm_auth */
    return FALSE;
}

const char *auth_ntlm_message2(void)
{
    static const BYTE message[] =
    {
        'N', 'T', 'L', 'M', 'S', 'S', 'P', 0,  2, 0, 0, 0,
        8, 0, 8, 0, 56, 0, 0, 0,                    /* target: 8 bytes at 56 */
        0x05, 0x82, 0x8a, 0xa2,                     /* Unicode, target, NTLM, sign, server, extended security, info, 128, 56 */
        1, 2, 3, 4, 5, 6, 7, 8,  0, 0, 0, 0, 0, 0, 0, 0,
        32, 0, 32, 0, 64, 0, 0, 0,                  /* target info: 32 bytes at 64 */
        10, 0, 0x39, 0x38, 0, 0, 0, 15,
        'T', 0, 'E', 0, 'S', 0, 'T', 0,
        2, 0, 8, 0, 'T', 0, 'E', 0, 'S', 0, 'T', 0,
        1, 0, 12, 0, 'S', 0, 'E', 0, 'R', 0, 'V', 0, 'E', 0, 'R', 0,
        0, 0, 0, 0
    };
    static char token[256];

    if (!token[0]) auth_base64( message, sizeof(message), token );
    return token;
}

static void make_type2(void)
{
    sprintf( type2_401, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nWWW-Authenticate: NTLM %s\r\n\r\ndenied",
             auth_ntlm_message2() );
}

/* The kind of the NTLM message in the n-th request, 0 if there is none. */
static unsigned int message_of( struct server *server, unsigned int index )
{
    const char *value = auth_value( server, index, "Authorization" );

    if (_strnicmp( value, "NTLM TlRMTVNTUAA", 16 )) return 0;    /* "NTLMSSP" */
    return value[16] == 'B' ? 1 : value[16] == 'D' ? 3 : 99;
}

static void set_ntlm( HINTERNET request )
{
    auth_set( request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
}

/* AU-12: what the program leaves of the 401 is taken away, and the connection goes on. */
static void test_unread_401( unsigned int size )
{
    static char response[11000];
    struct step script[] = { ACCEPT, HEAD, SEND( response ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server;
    struct client client;
    int at;

    at = sprintf( response, "HTTP/1.1 401 Unauthorized\r\nContent-Length: %u\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
                  "WWW-Authenticate: NTLM\r\n\r\n", size );
    memset( response + at, 'x', size );
    response[at + size] = 0;
    if (!(server = server_start( script ))) return;
    winetest_push_context( "%u bytes", size );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
        set_ntlm( client.request );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );      /* AU-12 */
            client_check_body( client.request, "ok" );
            ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

/* All legs inside one ReceiveResponse, on the connection that the challenge came on. Whether the first request carries
 * a message already differs between versions of Windows (2008 R2 does): both scripts fit. */
static void test_all_legs(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
            ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A body that was given goes along, at least with the leg that counts. */
static void test_given_body(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, BODY( 5 ), SEND( NTLM_401 ), HEAD, BODY( 5 ), SEND( type2_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server;
    struct client client;
    BOOL ret;

    if (strcmp( winetest_platform, "wine" )) return;    /* Windows may leave it out of legs that are refused anyway */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"hello", 5, 5, 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
        ok( strstr( server_request( server, 2 ), "\r\n\r\nhello" ) != NULL, "%s", server_request( server, 2 ) );
    }
    client_close( &client );
    server_stop( server );
}

static BOOL send_written( HINTERNET request, const char *body )
{
    DWORD count, len = strlen( body );
    BOOL ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, len, 0 ) && WinHttpWriteData( request, body, len, &count );

    ok( ret, "failed with %lu\n", GetLastError() );
    return ret;
}

/* A body that was written has to be written again: ERROR_WINHTTP_RESEND_REQUEST, and the next send goes on with the legs on
 * the same connection. Here the legs between take no body with them (a choice), so once is enough. */
static void test_written_body(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, BODY( 5 ), SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server;
    struct client client;
    BOOL ret;

    if (strcmp( winetest_platform, "wine" )) return;    /* a choice: see above */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_ntlm( client.request );
        if (send_written( client.request, "hello" ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( !ret && GetLastError() == ERROR_WINHTTP_RESEND_REQUEST, "got %d, error %lu\n", ret, GetLastError() );
            ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
            ok( strstr( server_request( server, 1 ), "\r\nContent-Length: 0\r\n" ) != NULL, "%s", server_request( server, 1 ) );
        }
        if (send_written( client.request, "hello" ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
            ok( strstr( server_request( server, 2 ), "\r\n\r\nhello" ) != NULL, "%s", server_request( server, 2 ) );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* The remedy that the page on WinHttpWriteData names: a HEAD that authenticates the connection, then the POST on it. */
static void test_head_before_post(void)
{
    static const char good_head[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    char type2_head[sizeof(type2_401)], first[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nWWW-Authenticate: NTLM\r\n\r\n";
    const struct step script[] =
        { ACCEPT, HEAD, SEND( first ), HEAD, SEND( type2_head ), HEAD, SEND( good_head ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server;
    struct client client;
    BOOL ret;

    strcpy( type2_head, type2_401 );
    type2_head[strlen( type2_head ) - 6] = 0;    /* no body */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"HEAD", L"/" ))
    {
        set_ntlm( client.request );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "" );
        }
        if (client_reopen( &client, L"POST", L"/" ))
        {
            set_ntlm( client.request );
            if (send_written( client.request, "hello" ))
            {
                ret = WinHttpReceiveResponse( client.request, NULL );
                ok( ret, "failed with %lu\n", GetLastError() );
                ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
                ok( strstr( server_request( server, 3 ), "\r\n\r\nhello" ) != NULL, "%s", server_request( server, 3 ) );
                ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
            }
        }
    }
    client_close( &client );
    server_stop( server );
}

/* An authenticated connection is its user's: neither another user's requests go over it, nor those of nobody, nor those of
 * another session. */
static void test_whose_connection_it_is( BOOL other_session, const WCHAR *user )
{
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, SEND( AUTH_GOOD ), UNHURRIED,
        ACCEPT, HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client, other = { NULL, NULL, NULL };
    BOOL ret;

    if (!server) return;
    winetest_push_context( "%s, %ls", other_session ? "another session" : "the same session", user ? user : L"nobody" );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
        if (other_session) ret = client_open( &other, server_port( server ), 0, L"GET", L"/" );
        else ret = client_reopen( &client, L"GET", L"/" );
        if (ret)
        {
            HINTERNET request = other_session ? other.request : client.request;

            if (user) auth_set( request, WINHTTP_AUTH_SCHEME_NTLM, user, L"pwd" );
            if (client_get( other_session ? &other : &client )) client_check_body( request, "ok" );
            ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &other );
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

/* No answer, or one that the server does not take: the last 401 is the program's. */
static void test_refused(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, SEND( NTLM_401 ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );      /* AU-14 */
            client_check_body( client.request, "denied" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* The same on a worker: one completion each. */
static void test_all_legs_asynchronously(void)
{
    const struct step script[] =
        { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( type2_401 ), HEAD, SEND( AUTH_GOOD ), END };
    struct recorder *recorder = recorder_create();
    struct client client = { NULL, NULL, NULL };
    struct server *server = server_start( script );

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        if (recorder_get( recorder, &client, NULL, NULL ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
            ok( recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) );
            ok( recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) == 3, "%u times\n",
                recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) );
        }
    }
    recorder_finish( recorder, &client, server );
}

/* A connection that goes in the middle of the legs takes them along: they begin again on another one. That is a choice; an
 * error of the connection would do, too. */
static void test_connection_lost_between_legs(void)
{
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( type2_401 ), CLOSE,
        ACCEPT, HEAD, SEND( type2_401 ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client;
    DWORD err = ~0u;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        err = client_try( &client );
        ok( !err || (err == ERROR_WINHTTP_CONNECTION_ERROR && strcmp( winetest_platform, "wine" )), "failed with %lu\n", err );
        if (!err)
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
        }
    }
    client_close( &client );
    if (err) server_abort( server );
    else server_stop( server );
}

/* A server that does not keep the connection of its own challenge can not be answered: its 401 is the program's. */
static void test_server_that_keeps_no_connection(void)
{
    static char closing[sizeof(type2_401) + 32];
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nConnection: close\r\nWWW-Authenticate: NTLM\r\n\r\ndenied" ),
        CLOSE, ACCEPT, HEAD, SEND( closing ), CLOSE, END
    };
    struct server *server;
    struct client client;
    DWORD err = ~0u;

    sprintf( closing, "%.27sConnection: close\r\n%s", type2_401, type2_401 + 27 );
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_ntlm( client.request );
        err = client_try( &client );
        ok( !err || strcmp( winetest_platform, "wine" ), "failed with %lu\n", err );    /* a choice: see above */
        if (!err) ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
        ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    if (err) server_abort( server );
    else server_stop( server );
}

/* A WebSocket is asked for by a request like others. */
static void test_web_socket(void)
{
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\nWWW-Authenticate: NTLM\r\n\r\n" ),
        CLOSE, ACCEPT, HEAD, SEND( type2_401 ), HEAD, SWITCH, GONE, END
    };
    struct server *server = server_start( script );
    struct client client;
    HINTERNET socket;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 );
        ok( ret, "failed with %lu\n", GetLastError() );
        set_ntlm( client.request );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );
            ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
            ok( message_of( server, 2 ) == 3, "%s", server_request( server, 2 ) );
            socket = WinHttpWebSocketCompleteUpgrade( client.request, 0 );
            ok( socket != NULL, "failed with %lu\n", GetLastError() );
            WinHttpCloseHandle( socket );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* 127.0.0.1 is no intranet: whoever is logged on is not told to it. */
static void test_no_default_credentials_outside_the_intranet(void)
{
    const struct step script[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
        client_check_body( client.request, "denied" );                                                          /* AU-6 */
    }
    client_close( &client );
    server_stop( server );
}

/* With AUTOLOGON_POLICY LOW they are, and HIGH keeps them back whatever the name. */
static void test_autologon_policy(void)
{
    const struct step asked[] = { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( AUTH_GOOD ), END };
    const struct step silent[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    static const DWORD policies[] = { WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH };
    unsigned int i;

    for (i = 0; i < count_of( policies ); i++)
    {
        struct server *server = server_start( i ? silent : asked );
        DWORD policy = policies[i];
        struct client client;
        BOOL ret;

        if (!server) return;
        winetest_push_context( "policy %lu", policy );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            ret = WinHttpSetOption( client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, &policy, sizeof(policy) );
            ok( ret, "failed with %lu\n", GetLastError() );
            if (client_get( &client ))
                ok( client_status( client.request ) == (i ? 401 : 200), "status %lu\n", client_status( client.request ) );
            if (!i) ok( message_of( server, 1 ) == 1, "%s", server_request( server, 1 ) );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* The name that was given to SSPI, with and without the port. */
static void test_spn(void)
{
    const struct step script[] = { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( AUTH_GOOD ), END };
    DWORD with_port, size;
    WCHAR text[64], expected[64];
    BOOL ret;

    for (with_port = 0; with_port < 2; with_port++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            size = sizeof(text);
            ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_SERVER_SPN_USED, text, &size );
            ok( !ret, "there is one already: %ls\n", text );
            set_ntlm( client.request );
            ret = WinHttpSetOption( client.request, WINHTTP_OPTION_SPN, &with_port, sizeof(with_port) );
            ok( ret, "failed with %lu\n", GetLastError() );
            if (client_get( &client ))
            {
                swprintf( expected, count_of( expected ), with_port ? L"HTTP/127.0.0.1:%u" : L"HTTP/127.0.0.1", server_port( server ) );
                size = sizeof(text);
                ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_SERVER_SPN_USED, text, &size );
                ok( ret && !wcscmp( text, expected ), "got %d, %ls, error %lu\n", ret, ret ? text : L"", GetLastError() );
            }
        }
        client_close( &client );
        server_stop( server );
    }
}

/* Where the system has no such package the challenge is the program's, and no call fails (AU-14). Credentials that fit other
 * schemes, too, answer one of those. */
static void test_without_the_package( BOOL options )
{
    const struct step silent[] = { ACCEPT, HEAD, SEND( NTLM_401 ), END };
    const struct step basic[] = { ACCEPT, HEAD, SEND( NTLM_401 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( options ? basic : silent );
    DWORD supported = 0, first, target;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        if (!options) set_ntlm( client.request );
        else
        {
            WinHttpSetOption( client.request, WINHTTP_OPTION_USERNAME, (void *)L"user", 4 );
            WinHttpSetOption( client.request, WINHTTP_OPTION_PASSWORD, (void *)L"pwd", 3 );
        }
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == (options ? 200 : 401), "status %lu\n", client_status( client.request ) );  /* AU-14 */
            if (options) ok( !strncmp( auth_value( server, 1, "Authorization" ), "Basic ", 6 ), "%s", server_request( server, 1 ) );
            else
            {
                ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
                ok( ret && (supported & WINHTTP_AUTH_SCHEME_NTLM), "got %d, %#lx\n", ret, supported );
                client_check_body( client.request, "denied" );
            }
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(auth_ntlm)
{
    make_type2();
    test_no_default_credentials_outside_the_intranet();
    if (!auth_has_ntlm())
    {
        test_without_the_package( FALSE );
        test_without_the_package( TRUE );
        return;
    }
    test_unread_401( 100 );
    test_unread_401( 10240 );
    test_all_legs();
    test_all_legs_asynchronously();
    test_connection_lost_between_legs();
    test_server_that_keeps_no_connection();
    test_given_body();
    test_written_body();
    test_head_before_post();
    test_whose_connection_it_is( FALSE, NULL );
    test_whose_connection_it_is( FALSE, L"TEST\\other" );
    test_whose_connection_it_is( TRUE, L"TEST\\user" );
    test_refused();
    test_web_socket();
    test_autologon_policy();
    test_spn();
}
