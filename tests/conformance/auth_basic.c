/*
 * Basic authentication, and what holds for credentials of every scheme: who beats whom, and who never gets them
 *
 * Rules: windows-behaviour.md AU-6, AU-8 to AU-10, AU-14; behaviour-concepts.md section 3; functions.md
 * WinHttpSetCredentials.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define BASIC_401 AUTH_401( "WWW-Authenticate: Basic realm=\"a\"\r\n" )
#define USER_PWD  "Basic dXNlcjpwd2Q="    /* user:pwd */

static void set_option_text( HINTERNET request, DWORD option, const WCHAR *text )
{
    BOOL ret = WinHttpSetOption( request, option, (void *)text, wcslen( text ) );

    ok( ret, "option %#lx: failed with %lu\n", option, GetLastError() );
}

/* AU-6, AU-14 */
static void test_a_401_is_a_response(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_401 ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( !err, "failed with %lu\n", err );                                                                   /* AU-14 */
        ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
        client_check_body( client.request, "denied" );                                                          /* AU-6 */
        ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The documentation's loop: 401, SetCredentials, the same request once more. */
static void test_credentials_after_a_401(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 6\r\n"
                            "WWW-Authenticate: Basic realm=\"a\"\r\n\r\ndenied" ),
        ACCEPT, HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        client_check_body( client.request, "denied" );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );      /* AU-8 */
            client_check_body( client.request, "ok" );
            ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

static void test_credentials_go_with_the_first_request(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( AUTH_GOOD ), HEAD, SEND( AUTH_GOOD ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        ok( !strcmp( auth_value( server, 0, "Authorization" ), USER_PWD ), "%s", server_request( server, 0 ) );    /* AU-9 */
        if (client_get( &client )) client_check_body( client.request, "ok" );
        ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
        /* they are this handle's */
        if (client_reopen( &client, L"GET", L"/" ) && client_get( &client )) client_check_body( client.request, "ok" );
        ok( !*auth_value( server, 2, "Authorization" ), "%s", server_request( server, 2 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Refused credentials are not tried again by themselves, and no call fails. */
static void test_credentials_that_are_refused(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_401 ), HEAD, SEND( BASIC_401 ), END };
    struct server *server = server_start( script );
    struct client client;
    unsigned int i;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        for (i = 0; i < 2; i++)
        {
            err = client_try( &client );
            ok( !err, "%u: failed with %lu\n", i, err );                                                        /* AU-14 */
            ok( client_status( client.request ) == 401, "%u: status %lu\n", i, client_status( client.request ) );
            client_check_body( client.request, "denied" );
            ok( !strcmp( auth_value( server, i, "Authorization" ), USER_PWD ), "%s", server_request( server, i ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* AU-10: in either order, and no way back to the options. Whether the first request carries anything is left open where
 * only the options are set. */
static void test_set_credentials_beats_the_options(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( AUTH_GOOD ), END };
    static const struct step refused[] = { ACCEPT, HEAD, SEND( BASIC_401 ), END };
    unsigned int i;

    for (i = 0; i < 4; i++)
    {
        BOOL right = i & 1, first = i & 2;
        struct server *server = server_start( right ? script : refused );
        struct client client;

        if (!server) return;
        winetest_push_context( "%s, %s", right ? "right" : "wrong", first ? "first" : "second" );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            if (first) auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, right ? L"user" : L"nobody", L"pwd" );
            set_option_text( client.request, WINHTTP_OPTION_USERNAME, right ? L"nobody" : L"user" );
            set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
            if (!first) auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, right ? L"user" : L"nobody", L"pwd" );
            if (client_get( &client ))
            {
                ok( client_status( client.request ) == (right ? 200 : 401), "status %lu\n", client_status( client.request ) ); /* AU-10 */
                ok( !strcmp( auth_value( server, 0, "Authorization" ), right ? USER_PWD : "Basic bm9ib2R5OnB3ZA==" ), "%s",
                    server_request( server, 0 ) );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Credentials of the options answer a challenge inside ReceiveResponse. */
static void test_credentials_by_options(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_401 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* The body that was given to SendRequest goes along again. */
static void test_a_given_body_is_replayed(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 5 ), SEND( BASIC_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"hello", 5, 5, 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( strstr( server_request( server, 1 ), "\r\n\r\nhello" ) != NULL, "%s", server_request( server, 1 ) );
        ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

static BOOL send_written( HINTERNET request, const char *body )
{
    DWORD count, len = strlen( body );

    return WinHttpSendRequest( request, NULL, 0, NULL, 0, len, 0 ) && WinHttpWriteData( request, body, len, &count );
}

/* One that was written is gone: the program has to write it again. */
static void test_a_written_body_is_asked_for_again(void)
{
    static const struct step script[] =
        { HEAD, BODY( 5 ), SEND( BASIC_401 ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server = server_start_each( script );    /* whether the connection is kept is not the question */
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        ret = send_written( client.request, "hello" );
        ok( ret, "failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_RESEND_REQUEST, "got %d, error %lu\n", ret, GetLastError() );
        ret = send_written( client.request, "hello" );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_abort( server );
}

/* The first of the problems that the page on WinHttpWriteData names: the answer is there before the body is out. What
 * remains of the connection is of no use; the program sends again. */
static void test_a_401_before_the_body_is_out(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, BODY( 3 ), SEND( BASIC_401 ), UNHURRIED, ACCEPT, HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD count;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 5, 0 )
            && WinHttpWriteData( client.request, "hel", 3, &count );
        ok( ret, "failed with %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( client.request, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_RESEND_REQUEST, "got %d, error %lu\n", ret, GetLastError() );
        if (send_written( client.request, "hello" ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "failed with %lu\n", GetLastError() );
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
            client_check_body( client.request, "ok" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- whom they are for ---- */

/* Another port is another server. Windows is documented to keep credentials for one request: it does not say where that
 * request may carry them. A choice, and the only safe one. */
static void test_credentials_do_not_follow_to_another_server(void)
{
    static const struct step second[] = { ACCEPT, HEAD, SEND( BASIC_401 ), END };
    struct step first[] = { ACCEPT, HEAD, SEND( NULL ), END };
    struct server *there = server_start( second ), *here;
    struct client client;
    char redirect[128];

    if (!there) return;
    sprintf( redirect, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:%u/\r\n\r\n", server_port( there ) );
    first[2].data = redirect;
    if (!(here = server_start( first ))) return;
    if (client_open( &client, server_port( here ), 0, L"GET", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client ))
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
        ok( !strcmp( auth_value( here, 0, "Authorization" ), USER_PWD ), "%s", server_request( here, 0 ) );
        ok( !*auth_value( there, 0, "Authorization" ), "%s", server_request( there, 0 ) );
    }
    client_close( &client );
    server_stop( here );
    server_stop( there );
}

/* Within the same server they do. */
static void test_credentials_follow_within_a_server(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /there\r\n\r\n" ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        ok( !strcmp( auth_value( server, 1, "Authorization" ), USER_PWD ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A server that plays the proxy gets neither the proxy's credentials nor its own for the asking. */
static void test_a_407_without_a_proxy_is_not_answered(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 407 No\r\nContent-Length: 6\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\r\ndenied" ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set_( __FILE__, __LINE__, client.request, WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "denied" );
        }
        ok( !*auth_value( server, 0, "Proxy-Authorization" ), "%s", server_request( server, 0 ) );
        ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* WINHTTP_DISABLE_AUTHENTICATION: the challenge is the program's. */
static void test_disabled(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_401 ), END };
    DWORD disable = WINHTTP_DISABLE_AUTHENTICATION;
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_DISABLE_FEATURE, &disable, sizeof(disable) );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "denied" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- asynchronous ---- */

/* The legs are the receiving operation's: one HEADERS_AVAILABLE, and no REDIRECT. */
static void test_legs_of_an_asynchronous_request(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( BASIC_401 ), HEAD, SEND( AUTH_GOOD ), SIGNAL, END };
    struct recorder *recorder = recorder_create();
    struct client client = { NULL, NULL, NULL };
    struct server *server = server_start( script );

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        set_option_text( client.request, WINHTTP_OPTION_USERNAME, L"user" );
        set_option_text( client.request, WINHTTP_OPTION_PASSWORD, L"pwd" );
        if (recorder_get( recorder, &client, NULL, NULL ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) );
            ok( recorder_count( recorder, NULL, STATUS( SENDREQUEST_COMPLETE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( SENDREQUEST_COMPLETE ) ) );
            ok( recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) == 2, "%u times\n",
                recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) );
            ok( recorder_count( recorder, NULL, STATUS( RESPONSE_RECEIVED ) ) == 2, "%u times\n",
                recorder_count( recorder, NULL, STATUS( RESPONSE_RECEIVED ) ) );
            ok( !recorder_count( recorder, NULL, STATUS( REDIRECT ) ), "REDIRECT\n" );
        }
    }
    recorder_finish( recorder, &client, server );
}

START_TEST(auth_basic)
{
    test_a_401_is_a_response();
    test_credentials_after_a_401();
    test_credentials_go_with_the_first_request();
    test_credentials_that_are_refused();
    test_set_credentials_beats_the_options();
    test_credentials_by_options();
    test_a_given_body_is_replayed();
    test_a_written_body_is_asked_for_again();
    test_a_401_before_the_body_is_out();
    test_credentials_do_not_follow_to_another_server();
    test_credentials_follow_within_a_server();
    test_a_407_without_a_proxy_is_not_answered();
    test_disabled();
    test_legs_of_an_asynchronous_request();
}
