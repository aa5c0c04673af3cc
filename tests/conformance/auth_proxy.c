/*
 * Authentication to a proxy, for requests that it forwards: who gets which credentials
 *
 * The scripted server plays the proxy; the servers that the requests are for do not exist. Rules: behaviour-concepts.md
 * section 3; options.md 193; AU-5's target.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define PROXY_407 "HTTP/1.1 407 Who?\r\nContent-Length: 6\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\ndenied"
#define SERVER_401 AUTH_401( "WWW-Authenticate: Basic realm=\"s\"\r\n" )
#define OF_PROXY  "Basic cHJveHk6cHdk"    /* proxy:pwd */
#define OF_SERVER "Basic dXNlcjpwd2Q="    /* user:pwd */

/* As client_open(), for http://server.test/ through the scripted proxy. */
static BOOL open_by_proxy( struct client *client, struct server *server )
{
    WCHAR name[64];
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, name, NULL };
    BOOL ret;

    if (!client_open( client, server_port( server ), 0, L"GET", L"/" )) return FALSE;
    WinHttpCloseHandle( client->request );
    WinHttpCloseHandle( client->connect );
    client->request = NULL;
    swprintf( name, count_of( name ), L"127.0.0.1:%u", server_port( server ) );
    ret = WinHttpSetOption( client->session, WINHTTP_OPTION_PROXY, &info, sizeof(info) );
    ok( ret, "failed with %lu\n", GetLastError() );
    client->connect = WinHttpConnect( client->session, L"server.test", 80, 0 );
    ok( client->connect != NULL, "failed with %lu\n", GetLastError() );
    return client->connect && client_reopen( client, L"GET", L"/x" );
}

static void set_for_proxy( HINTERNET request, DWORD scheme, const WCHAR *user )
{
    auth_set_( __FILE__, __LINE__, request, WINHTTP_AUTH_TARGET_PROXY, scheme, user, L"pwd" );
}

static void check_field( struct server *server, unsigned int index, const char *name, const char *expected )
{
    ok( !strcmp( auth_value( server, index, name ), expected ), "%u: %s is not \"%s\" in %s", index, name, expected,
        server_request( server, index ) );
}

/* The program's loop, as for servers. */
static void test_credentials_after_a_407(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PROXY_407 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    DWORD supported = 0, first = 0, target = 0;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (open_by_proxy( &client, server ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
        ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
        ok( ret && supported == WINHTTP_AUTH_SCHEME_BASIC && target == WINHTTP_AUTH_TARGET_PROXY, "got %d, %#lx, target %lu\n",
            ret, supported, target );                                                                           /* AU-5 */
        client_check_body( client.request, "denied" );
        set_for_proxy( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"proxy" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
        }
        check_field( server, 0, "Proxy-Authorization", "" );
        check_field( server, 1, "Proxy-Authorization", OF_PROXY );
        check_field( server, 1, "Authorization", "" );
    }
    client_close( &client );
    server_stop( server );
}

/* Both ask, and both are answered, each by its own. */
static void test_proxy_and_server(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( PROXY_407 ), HEAD, SEND( SERVER_401 ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_by_proxy( &client, server ))
    {
        WinHttpSetOption( client.request, WINHTTP_OPTION_USERNAME, (void *)L"user", 4 );
        WinHttpSetOption( client.request, WINHTTP_OPTION_PASSWORD, (void *)L"pwd", 3 );
        WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY_USERNAME, (void *)L"proxy", 5 );
        WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY_PASSWORD, (void *)L"pwd", 3 );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            check_field( server, 1, "Proxy-Authorization", OF_PROXY );
            check_field( server, 1, "Authorization", "" );
            check_field( server, 2, "Proxy-Authorization", OF_PROXY );
            check_field( server, 2, "Authorization", OF_SERVER );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* Another server behind the same proxy: the proxy's go on, the server's do not. A choice, as in auth_basic.c. */
static void test_redirect_to_another_server(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n"
                            "Location: http://other.test/\r\n\r\n" ),
        CLOSE, ACCEPT, HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_by_proxy( &client, server ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd" );
        set_for_proxy( client.request, WINHTTP_AUTH_SCHEME_BASIC, L"proxy" );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        check_field( server, 0, "Authorization", OF_SERVER );
        check_field( server, 0, "Proxy-Authorization", OF_PROXY );
        check_field( server, 1, "Authorization", "" );
        check_field( server, 1, "Proxy-Authorization", OF_PROXY );
    }
    client_close( &client );
    server_stop( server );
}

/* WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES: what is offered is offered, but not answered. New in Windows 11. */
static void test_disabled_schemes(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( PROXY_407 ), END };
    struct server *server = server_start( script );
    DWORD flags = WINHTTP_PROXY_DISABLE_SCHEME_BASIC;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (open_by_proxy( &client, server ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES, &flags, sizeof(flags) );
        ok( ret || broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION ), "failed with %lu\n", GetLastError() );
        if (ret)
        {
            WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY_USERNAME, (void *)L"proxy", 5 );
            WinHttpSetOption( client.request, WINHTTP_OPTION_PROXY_PASSWORD, (void *)L"pwd", 3 );
        }
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 407, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "denied" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A proxy's Digest is for all that goes through it: what it calls its domain is ignored (RFC 7616 section 3.3). That the
 * answer goes ahead of the second challenge is a choice. */
static void test_digest_of_a_proxy_has_no_domain(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"one\", "
                            "qop=\"auth\", domain=\"/elsewhere\"\r\n\r\n" ),
        HEAD, SEND( AUTH_GOOD ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server;
    struct client client;
    char nc[16];

    if (strcmp( winetest_platform, "wine" )) return;
    if (!(server = server_start( script ))) return;
    if (open_by_proxy( &client, server ))
    {
        set_for_proxy( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"proxy" );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        auth_param( auth_value( server, 2, "Proxy-Authorization" ), "nc", nc, sizeof(nc) );
        ok( !strcmp( nc, "00000002" ), "%s", server_request( server, 2 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* NTLM to the proxy, then a challenge of the server: the proxy's last message is not said again, it would begin anew. */
static void test_server_behind_ntlm( BOOL ntlm )
{
    char type2_407[512], type2_401[512];
    const struct step with_basic[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\nProxy-Authenticate: NTLM\r\n\r\n" ),
        HEAD, SEND( type2_407 ), HEAD, SEND( SERVER_401 ), HEAD, SEND( AUTH_GOOD ), END
    };
    const struct step with_ntlm[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\nProxy-Authenticate: NTLM\r\n\r\n" ),
        HEAD, SEND( type2_407 ), HEAD, SEND( AUTH_401( "WWW-Authenticate: NTLM\r\n" ) ),
        HEAD, SEND( type2_401 ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server;
    struct client client;

    sprintf( type2_407, "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\nProxy-Authenticate: NTLM %s\r\n\r\n", auth_ntlm_message2() );
    sprintf( type2_401, "HTTP/1.1 401 Who?\r\nContent-Length: 0\r\nWWW-Authenticate: NTLM %s\r\n\r\n", auth_ntlm_message2() );
    if (!(server = server_start( ntlm ? with_ntlm : with_basic ))) return;
    winetest_push_context( ntlm ? "NTLM" : "Basic" );
    if (open_by_proxy( &client, server ))
    {
        set_for_proxy( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\proxy" );
        if (ntlm) auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
        else
        {
            WinHttpSetOption( client.request, WINHTTP_OPTION_USERNAME, (void *)L"user", 4 );
            WinHttpSetOption( client.request, WINHTTP_OPTION_PASSWORD, (void *)L"pwd", 3 );
        }
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            ok( !strncmp( auth_value( server, 2, "Proxy-Authorization" ), "NTLM TlRMTVNTUAAD", 17 ), "%s", server_request( server, 2 ) );
            check_field( server, 2, "Authorization", "" );
            check_field( server, 3, "Proxy-Authorization", "" );
            if (!ntlm) check_field( server, 3, "Authorization", OF_SERVER );
            else
            {
                ok( !strncmp( auth_value( server, 3, "Authorization" ), "NTLM TlRMTVNTUAAB", 17 ), "%s", server_request( server, 3 ) );
                ok( !strncmp( auth_value( server, 4, "Authorization" ), "NTLM TlRMTVNTUAAD", 17 ), "%s", server_request( server, 4 ) );
                check_field( server, 4, "Proxy-Authorization", "" );
            }
            ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

START_TEST(auth_proxy)
{
    test_credentials_after_a_407();
    test_proxy_and_server();
    test_redirect_to_another_server();
    test_disabled_schemes();
    test_digest_of_a_proxy_has_no_domain();
    if (!auth_has_ntlm()) return;
    test_server_behind_ntlm( FALSE );
    test_server_behind_ntlm( TRUE );
}
