/*
 * Redirects: what goes along to the new place, and what must not
 *
 * Rules: windows-behaviour.md RD-5, behaviour-concepts.md section 2, options.md 3.5, security.md "Redirect credential
 * leak".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "redirect.h"

#define STALE 0xdeadbeef

/* ---- bodies ---- */

/* The first server answers without reading the body and closes; the optional data go out again. */
static void test_optional_data_are_sent_again(void)
{
    static const char page[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct step last[] =
    {
        ACCEPT, HEAD, BODY( 9 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n" ), SEND( page ), END
    };
    static const char * const lines[] = { "307 Temporary Redirect", "308 Permanent Redirect" };
    unsigned int i;

    for (i = 0; i < count_of( lines ); i++)
    {
        char answer[TEXT_SIZE], data[] = "some data", buffer[256];
        const struct step first[] = { ANSWER( answer ), GONE, END };
        struct server *server = server_start( first ), *target = server_start( last );
        DWORD available = 0, count = 0;
        struct client client;
        BOOL ret;

        if (!server || !target) return;
        snprintf( answer, sizeof(answer), CLOSED( "%s", LOCATION( "http://127.0.0.1:%u/target" ), "0", "" ),
                  lines[i], server_port( target ) );
        if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
        {
            ret = WinHttpSendRequest( client.request, NULL, 0, data, 9, 9, 0 );
            ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );              /* RD-5 */
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) ); /* RD-5 */
            check_request( target, 0, "POST /target HTTP/1.1\r\n" );                            /* RD-5 */
            ok( strstr( server_request( target, 0 ), "\r\n\r\nsome data" ) != NULL, "%s", server_request( target, 0 ) );
            check_target( &client, target, L"/target" );
            ret = WinHttpQueryDataAvailable( client.request, &available );
            ok( ret && available == 128, "%d, %lu available\n", ret, available );               /* RD-5 */
            ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
            ok( ret && count == 128 && !memcmp( buffer, page, 128 ), "%d, %lu read\n", ret, count );  /* RD-5 */
        }
        client_close( &client );
        server_stop( server );
        server_stop( target );
    }
}

/* What the application wrote piece by piece cannot be repeated, and is not needed when the verb becomes GET. */
static void test_written_data(void)
{
    static const struct step repeat[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "307 Temporary Redirect", LOCATION( "/target" ), "0", "" ) ),
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "200 OK", "", "4", "done" ) ), END
    };
    static const struct step forget[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "303 See Other", LOCATION( "/target" ), "0", "" ) ), DONE
    };
    struct server *server;
    struct client client;
    const char *request;
    DWORD i, count, err;
    BOOL ret;

    if (!(server = server_start( repeat ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        for (i = 0; i < 2; i++)
        {
            ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, 0 );
            ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
            ret = WinHttpWriteData( client.request, "data", 4, &count );
            ok( ret && count == 4, "%d, error %lu\n", ret, GetLastError() );
            SetLastError( STALE );
            ret = WinHttpReceiveResponse( client.request, NULL );
            err = GetLastError();
            if (!i) ok( !ret && err == ERROR_WINHTTP_RESEND_REQUEST, "%d, error %lu\n", ret, err );
            else ok( ret, "WinHttpReceiveResponse failed with %lu\n", err );
        }
        /* at the new place: documented is only that the program sends again on this handle */
        request = server_request( server, 1 );
        ok( !strncmp( request, "POST /target HTTP", 17 ) || broken( !strncmp( request, "POST /start HTTP", 16 ) ),
            "%s", request );
        ok( strstr( request, "\r\n\r\ndata" ) != NULL, "%s", request );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );

    if (!(server = server_start( forget ))) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 4, 0 )
              && WinHttpWriteData( client.request, "data", 4, &count )
              && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_request( server, 1, "GET /target HTTP/1.1\r\n" );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );
}

#define FORTY "0123456789012345678901234567890123456789"

/* The body of the 3xx is read and thrown away, so that the connection serves again. */
static void test_body_of_the_redirect_is_drained(void)
{
    static const struct step length[] =
    {
        ACCEPT, HEAD, SEND( KEPT( "302 Found", LOCATION( "/target" ), "40000", "" ) ), REPEAT( FORTY "0123456789", 800 ),
        HEAD, SEND( KEPT( "200 OK", "", "4", "done" ) ), END
    };
    static const struct step chunks[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /target\r\nTransfer-Encoding: chunked\r\n\r\n" ),
        REPEAT( "a\r\n0123456789\r\n", 400 ), SEND( "0\r\n\r\n" ),
        HEAD, SEND( KEPT( "200 OK", "", "4", "done" ) ), END
    };
    const struct step * const scripts[] = { length, chunks };
    unsigned int i;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );
        struct client client;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ) && client_get( &client ))
        {
            check_request( server, 1, "GET /target HTTP/1.1\r\n" );
            client_check_body( client.request, "done" );
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* Beyond the limit of the drain the connection is given up instead. */
static void test_large_body_is_not_drained(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( KEPT( "302 Found", LOCATION( "/target" ), "1000000", "0123456789" ) ), UNHURRIED, DONE
    };
    struct server *server = server_start( script );
    DWORD limit = 1000;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/start" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_RESPONSE_DRAIN_SIZE, &limit, sizeof(limit) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client ))
        {
            client_check_body( client.request, "done" );
            ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* ---- what must not go along ---- */

/* "\r\nName:" among the headers of request n. */
static BOOL has_header( struct server *server, unsigned int n, const char *name )
{
    char text[64];

    snprintf( text, sizeof(text), "\r\n%s:", name );
    return strstr( server_request( server, n ), text ) != NULL;
}

static const WCHAR secrets[] =
    L"Authorization: Basic dTpw\r\nCookie: a=b\r\nProxy-Authorization: Basic dTpw\r\nX-Mine: 1";

/* Windows documents that what the application added travels on to any place, as a hazard that it should mind; that it is
 * dropped when scheme, host or port change is our choice (security.md). */
static void check_secrets( struct server *server, unsigned int n, BOOL expected )
{
    static const char * const names[] = { "Authorization", "Cookie", "Proxy-Authorization" };
    unsigned int i;

    for (i = 0; i < count_of( names ); i++)
    {
        BOOL has = has_header( server, n, names[i] );

        ok( has == expected || broken( has ) || broken( i == 2 ), "%s %s\n", names[i], has ? "was sent" : "is missing" );
    }
    ok( has_header( server, n, "X-Mine" ), "the other header is missing:\n%s", server_request( server, n ) );
}

static void test_credentials_stay_with_their_origin(void)
{
    char name[TEXT_SIZE], port[TEXT_SIZE], host[64];
    const struct step other[] = { DONE };
    const struct step script[] = { FOUND( "/same" ), ANSWER( name ), ANSWER( port ), END };
    struct server *target = server_start( other ), *server = server_start( script );
    struct client client;

    if (!server || !target) return;
    found( name, "http://localhost:%u/name", server_port( server ) );
    found( port, "http://localhost:%u/port", server_port( target ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpAddRequestHeaders( client.request, secrets, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        if (client_get( &client ))
        {
            check_secrets( server, 0, TRUE );
            check_secrets( server, 1, TRUE );       /* the same origin */
            check_secrets( server, 2, FALSE );      /* another host */
            check_secrets( target, 0, FALSE );      /* another port, once gone it stays away */
            snprintf( host, sizeof(host), "\r\nHost: localhost:%u\r\n", server_port( target ) );
            ok( strstr( server_request( target, 0 ), host ) != NULL, "%s", server_request( target, 0 ) );
            client_check_body( client.request, "done" );
        }
    }
    client_close( &client );
    server_stop( server );
    server_stop( target );
}

static void test_another_port_is_another_origin(void)
{
    char answer[TEXT_SIZE];
    const struct step other[] = { DONE };
    const struct step script[] = { ANSWER( answer ), END };
    struct server *target = server_start( other ), *server = server_start( script );
    struct client client;

    if (!server || !target) return;
    snprintf( answer, sizeof(answer), CLOSED( "307 Temporary Redirect", LOCATION( "http://127.0.0.1:%u/" ), "0", "" ),
              server_port( target ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpAddRequestHeaders( client.request, secrets, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        if (client_get( &client )) check_secrets( target, 0, FALSE );
    }
    client_close( &client );
    server_stop( server );
    server_stop( target );
}

/* User and password in a Location: not shown to the server as part of the host, nor used (a choice), nor accepted when
 * the application has said so. */
static void test_credentials_in_a_location(void)
{
    char answer[TEXT_SIZE];
    const struct step script[] = { ANSWER( answer ), DONE };
    const struct step refused[] = { HEAD, SEND( answer ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD on = 1, err;
    BOOL ret;

    if (!server) return;
    found( answer, "http://u:pw@127.0.0.1:%u/x", server_port( server ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        check_request( server, 1, "GET /x HTTP/1.1\r\n" );
        ok( !strstr( server_request( server, 1 ), "pw@" ), "%s", server_request( server, 1 ) );
        ok( !has_header( server, 1, "Authorization" ) || broken( 1 ), "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );

    if (!(server = server_start_each( refused ))) return;
    found( answer, "http://u:pw@127.0.0.1:%u/x", server_port( server ) );
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_REJECT_USERPWD_IN_URL, &on, sizeof(on) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_INVALID_URL || broken( err ), "error %lu\n", err );
    }
    client_close( &client );
    server_abort( server );
}

/* The handle keeps the verb and place of the last leg; a new send starts from there. */
static void test_sending_again(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 4 ), SEND( CLOSED( "302 Found", LOCATION( "/target" ), "0", "" ) ),
        ANSWER( CLOSED( "200 OK", "", "0", "" ) ), DONE
    };
    struct server *server = server_start( script );
    struct client client;
    char data[] = "data";
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/start" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, data, 4, 4, 0 )
              && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        check_request( server, 1, "GET /target HTTP/1.1\r\n" );
        ret = client_get( &client );
        if (ret) ok( !strncmp( server_request( server, 2 ), "GET /target HTTP", 16 )            /* a choice */
                     || broken( !strncmp( server_request( server, 2 ), "POST /", 6 ) ), "%s",
                     server_request( server, 2 ) );
        client_check_body( client.request, "done" );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST( redirect_carry )
{
    test_optional_data_are_sent_again();
    test_written_data();
    test_body_of_the_redirect_is_drained();
    test_large_body_is_not_drained();
    test_credentials_stay_with_their_origin();
    test_another_port_is_another_origin();
    test_credentials_in_a_location();
    test_sending_again();
}
