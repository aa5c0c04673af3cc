/*
 * SOCKS proxies: versions 4a and 5, and what they are told of users
 *
 * Windows' WinHTTP knows no SOCKS in lists of proxies (behaviour-concepts.md section 4.1); "socks4://" and "socks5://" are an
 * extension, and the tests are skipped where the list is not taken. Source of the messages: RFC 1928, RFC 1929, the documents
 * of SOCKS 4 and 4A.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "proxy_connect.h"
#include "tls.h"

#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

#define GRANTED_4 { STEP_SEND, "\0\x5a\0\0\0\0\0\0", 8, 0 }
#define GRANTED_5 { STEP_SEND, "\5\0\0\1\0\0\0\0\0\0", 10, 0 }
#define METHOD( n ) { STEP_SEND, "\5" n, 2, 0 }

/* A list with such a prefix is none on Windows. */
static BOOL socks_open( struct client *client, struct server *server, const WCHAR *prefix, const WCHAR *host )
{
    struct through how = { .prefix = prefix, .plain = TRUE, .host = host, .path = L"/x" };
    HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NAMED_PROXY, L"socks5://127.0.0.1:1", NULL, 0 );

    memset( client, 0, sizeof(*client) );
    if (!session)
    {
        win_skip( "no SOCKS in lists: error %lu\n", GetLastError() );
        return FALSE;
    }
    WinHttpCloseHandle( session );
    return through_open( client, server_port( server ), &how );
}

static void check_bytes_( int line, struct server *server, unsigned int index, const char *expected, unsigned int len )
{
    unsigned int have;
    const char *bytes = server_request_bytes( server, index, &have );

    ok_( __FILE__, line )( have == len && !memcmp( bytes, expected, len ), "record %u: %u bytes, not the %u expected\n", index,
                           have, len );
}
#define check_bytes( server, index, literal ) check_bytes_( __LINE__, server, index, literal, sizeof(literal) - 1 )

static void set_user( HINTERNET request, const WCHAR *user, const WCHAR *password )
{
    WinHttpSetOption( request, WINHTTP_OPTION_PROXY_USERNAME, (void *)user, lstrlenW( user ) );
    WinHttpSetOption( request, WINHTTP_OPTION_PROXY_PASSWORD, (void *)password, lstrlenW( password ) );
}

static void test_version_5(void)
{
    static const struct step script[] =
        { ACCEPT, TAKE_BYTES( 3 ), METHOD( "\0" ), TAKE_BYTES( 21 ), GRANTED_5, HEAD, SEND( PAGE ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (socks_open( &client, server, L"socks5://", NULL ) && client_get( &client ))
    {
        client_check_body( client.request, "hi" );
        check_bytes( server, 0, "\5\1\0" );
        check_bytes( server, 1, "\5\1\0\3\016origin.invalid\0\120" );
        ok( has_line( server_request( server, 2 ), "GET /x HTTP/1.1" ), "got %s\n", server_request( server, 2 ) );
        ok( has_line( server_request( server, 2 ), "Host: origin.invalid" ), "got %s\n", server_request( server, 2 ) );
        ok( !has_field( server_request( server, 2 ), "Proxy-Connection" ), "got %s\n", server_request( server, 2 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* What the program has set for the proxy goes to the proxy, a colon in it or not; to the server goes nothing of it. */
static void test_users_of_version_5(void)
{
    static const struct step script[] =
    {
        ACCEPT, TAKE_BYTES( 4 ), METHOD( "\2" ), TAKE_BYTES( 12 ), { STEP_SEND, "\1\0", 2, 0 }, TAKE_BYTES( 21 ), GRANTED_5, HEAD,
        SEND( PAGE ), END
    };
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (socks_open( &client, server, L"socks5://", NULL ))
        {
            if (i == 0) set_user( client.request, L"proxy", L"pw:d" );
            else if (i == 1) set_user( client.request, L"pr:xy", L"pw:d" );
            else ok( WinHttpSetCredentials( client.request, WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_BASIC, L"\xe4rox",
                                            L"pw:d", NULL ), "failed with %lu\n", GetLastError() );
            if (client_get( &client ))
            {
                client_check_body( client.request, "hi" );
                check_bytes( server, 0, "\5\2\0\2" );
                if (i == 0) check_bytes( server, 1, "\1\5proxy\4pw:d" );
                else if (i == 1) check_bytes( server, 1, "\1\5pr:xy\4pw:d" );
                else check_bytes( server, 1, "\1\5\xc3\xa4rox\4pw:d" );
                ok( !has_field( server_request( server, 3 ), "Proxy-Authorization" ) &&
                    !has_field( server_request( server, 3 ), "Authorization" ), "got %s\n", server_request( server, 3 ) );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* A way through is its user's: the same user's next request goes over it, another's does not. */
static void test_a_way_is_its_users(void)
{
    static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    static const struct step script[] =
    {
        ACCEPT, TAKE_BYTES( 4 ), METHOD( "\2" ), TAKE_BYTES( 12 ), { STEP_SEND, "\1\0", 2, 0 }, TAKE_BYTES( 21 ), GRANTED_5,
        HEAD, SEND( page ), HEAD, SEND( page ), UNHURRIED,
        ACCEPT, TAKE_BYTES( 4 ), METHOD( "\2" ), TAKE_BYTES( 12 ), { STEP_SEND, "\1\0", 2, 0 }, TAKE_BYTES( 21 ), GRANTED_5,
        HEAD, SEND( page ), END
    };
    static const WCHAR *const users[] = { L"one", L"one", L"two" };
    struct server *server = server_start( script );
    struct client client;
    unsigned int i;

    if (!server) return;
    if (socks_open( &client, server, L"socks5://", NULL ))
    {
        for (i = 0; i < count_of( users ); i++)
        {
            if (i) WinHttpCloseHandle( client.request );
            if (i && !client_reopen( &client, NULL, L"/x" )) break;
            set_user( client.request, users[i], L"passwd" );
            if (client_get( &client )) client_check_body( client.request, "hi" );
        }
        check_bytes( server, 1, "\1\3one\6passwd" );
        check_bytes( server, 6, "\1\3two\6passwd" );
    }
    client_close( &client );
    server_stop( server );
}

static void test_tls_by_version_5(void)
{
    struct step script[] = { ACCEPT, TAKE_BYTES( 3 ), METHOD( "\0" ), TAKE_BYTES( 0 ), GRANTED_5, RELAY_TO( 0 ), END };
    struct through how = { .prefix = L"socks5://", .path = L"/close" };
    struct server *server;
    struct client client;

    if (!tls_there()) return;
    script[3].count = 7 + lstrlenW( tls_host() );
    script[5].count = tls_port( "good" );
    if (!(server = server_start( script ))) return;
    if (socks_open( &client, server, L"socks5://", NULL ))    /* that there is such a thing */
    {
        client_close( &client );
        if (through_open_tls( &client, server_port( server ), "good", how ) && client_get( &client ))
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A password that is for NTLM is not told in the clear, nor is the server's. */
static void test_passwords_that_are_not_for_socks(void)
{
    static const struct step script[] =
        { ACCEPT, TAKE_BYTES( 3 ), METHOD( "\0" ), TAKE_BYTES( 21 ), GRANTED_5, HEAD, SEND( PAGE ), END };
    static const struct { DWORD target, scheme; } rows[] =
    {
        { WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_NTLM },
        { WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_DIGEST },
        { WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_NTLM },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (socks_open( &client, server, L"socks5://", NULL ))
        {
            ok( WinHttpSetCredentials( client.request, rows[i].target, rows[i].scheme, L"user", L"pwd", NULL ),
                "failed with %lu\n", GetLastError() );
            if (client_get( &client )) client_check_body( client.request, "hi" );
            check_bytes( server, 0, "\5\1\0" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

static void test_version_4(void)
{
    static const struct step named[] = { ACCEPT, TAKE_BYTES( 29 ), GRANTED_4, HEAD, SEND( PAGE ), END };
    static const struct step address[] = { ACCEPT, TAKE_BYTES( 9 ), GRANTED_4, HEAD, SEND( PAGE ), END };
    struct server *server = server_start( named );
    struct client client;

    if (!server) return;
    if (socks_open( &client, server, L"socks4://", NULL ))
    {
        set_user( client.request, L"proxy", L"not sent" );
        if (client_get( &client )) client_check_body( client.request, "hi" );
        check_bytes( server, 0, "\4\1\0\120\0\0\0\1proxy\0origin.invalid\0" );
    }
    client_close( &client );
    server_stop( server );

    if (!(server = server_start( address ))) return;
    if (socks_open( &client, server, L"socks4://", L"192.0.2.7" ) && client_get( &client ))
    {
        client_check_body( client.request, "hi" );
        check_bytes( server, 0, "\4\1\0\120\300\0\2\7\0" );
    }
    client_close( &client );
    server_stop( server );
}

/* Refused, out of step, or silent: none of it is a way to the server. */
static void test_what_is_no_way(void)
{
    static const struct { const WCHAR *prefix; const char *text; unsigned int len; DWORD error; } rows[] =
    {
        { L"socks5://", "\5\xff", 2, ERROR_WINHTTP_CANNOT_CONNECT },
        { L"socks5://", "\5\2", 2, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },      /* a method that was not offered */
        { L"socks5://", "HTTP/1.1 400 What?\r\n\r\n", 22, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },
        { L"socks5://", "\5", 1, ERROR_WINHTTP_TIMEOUT },
        { L"socks5://", "", 0, ERROR_WINHTTP_TIMEOUT },
        { L"socks4://", "\0\x5b\0\0\0\0\0\0", 8, ERROR_WINHTTP_CANNOT_CONNECT },
        { L"socks4://", "\0\x5d\0\0\0\0\0\0", 8, ERROR_WINHTTP_CANNOT_CONNECT },
        { L"socks4://", "\4\x5a\0\0\0\0\0\0", 8, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },
        { L"socks4://", "\0\x5a\0\0", 4, ERROR_WINHTTP_TIMEOUT },
    };
    DWORD limit = 300;
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] = { ACCEPT, { rows[i].len ? STEP_SEND : STEP_UNHURRIED, rows[i].text, rows[i].len, 0 }, UNHURRIED, GONE, END };
        struct server *server = server_start( script );
        struct client client;
        enum call call;
        DWORD err;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (socks_open( &client, server, rows[i].prefix, NULL ))
        {
            if (rows[i].error == ERROR_WINHTTP_TIMEOUT)
                ok( WinHttpSetOption( client.request, WINHTTP_OPTION_RECEIVE_TIMEOUT, &limit, sizeof(limit) ), "failed with %lu\n",
                    GetLastError() );
            err = through_try( &client, &call );
            ok( err == rows[i].error && call == CALL_SEND, "got error %lu in call %u\n", err, call );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Nothing that a user could be called makes another message of it. */
static void test_users_that_cannot_be_told(void)
{
    static const struct step script[] = { UNHURRIED, GONE, END };
    struct server *server = server_start_each( script );
    WCHAR name[300];
    struct client client;
    enum call call;
    unsigned int i;

    if (!server) return;
    for (i = 0; i < count_of( name ) - 1; i++) name[i] = 'a';
    name[i] = 0;
    for (i = 0; i < 3; i++)
    {
        if (socks_open( &client, server, i == 2 ? L"socks4://" : L"socks5://", NULL ))
        {
            set_user( client.request, i == 1 ? L"a\r\nb" : name, L"pwd" );
            ok( through_try( &client, &call ) != 0, "row %u: it worked\n", i );
        }
        client_close( &client );
    }
    ok( !server_request_count( server ), "something was sent\n" );
    server_abort( server );    /* when an unused connection ends is not the question */
}

START_TEST(proxy_socks)
{
    test_version_5();
    test_users_of_version_5();
    test_a_way_is_its_users();
    test_tls_by_version_5();
    test_passwords_that_are_not_for_socks();
    test_version_4();
    test_what_is_no_way();
    test_users_that_cannot_be_told();
}
