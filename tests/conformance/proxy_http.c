/*
 * Requests through a proxy: what goes over the wire, which requests go there, and what does not
 *
 * The scripted server is the proxy. Origins have names that no resolver knows, so whoever reaches one did not go direct.
 * Source: behaviour-concepts.md sections 4.1 to 4.3, headers.md section 6, options.md section 3.6.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "options.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static const WCHAR originW[] = L"origin.invalid";

/* A session whose proxy is the one on `port`, a connect and a request to `host`. */
static BOOL open_through( struct client *client, unsigned short port, const WCHAR *prefix, const WCHAR *bypass,
                          const WCHAR *host, unsigned short host_port, const WCHAR *verb, const WCHAR *path, DWORD flags )
{
    WCHAR proxy[64];

    memset( client, 0, sizeof(*client) );
    wsprintfW( proxy, L"%s127.0.0.1:%u", prefix, port );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, bypass, 0 );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    WinHttpSetTimeouts( client->session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    client->connect = WinHttpConnect( client->session, host, host_port, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    if (!client->connect) return FALSE;
    client->request = WinHttpOpenRequest( client->connect, verb, path, NULL, NULL, NULL, flags );
    ok( client->request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    return client->request != NULL;
}

static BOOL has_line( const char *head, const char *line )
{
    const char *p = strstr( head, line );

    return p && (p == head || p[-1] == '\n') && p[strlen( line )] == '\r';
}

static BOOL has_field( const char *head, const char *name )
{
    const char *p;

    for (p = head; (p = strstr( p, name )); p++) if (p[-1] == '\n' && p[strlen( name )] == ':') return TRUE;
    return FALSE;
}

static void test_target_is_absolute(void)
{
    static const struct { const WCHAR *verb, *path; unsigned short port; const char *line, *host; } rows[] =
    {
        { NULL,    L"/a/b?c=d", 80,   "GET http://origin.invalid/a/b?c=d HTTP/1.1",   "Host: origin.invalid" },
        { L"HEAD", NULL,        8080, "HEAD http://origin.invalid:8080/ HTTP/1.1",    "Host: origin.invalid:8080" },
        { L"POST", L"x y",      81,   "POST http://origin.invalid:81/x%20y HTTP/1.1", "Host: origin.invalid:81" },
    };
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct server *server = server_start( script );
        struct client client;
        const char *head;

        if (!server) return;
        if (open_through( &client, server_port( server ), L"", NULL, originW, rows[i].port, rows[i].verb, rows[i].path, 0 ) &&
            client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "row %u: status %lu\n", i, client_status( client.request ) );
            head = server_request( server, 0 );
            ok( has_line( head, rows[i].line ), "row %u: got %s\n", i, head );
            ok( has_line( head, rows[i].host ), "row %u: got %s\n", i, head );
            /* either: the field is not written down anywhere */
            ok( has_line( head, "Proxy-Connection: Keep-Alive" ) || has_line( head, "Connection: Keep-Alive" ),
                "row %u: got %s\n", i, head );
            ok( !has_field( head, "Proxy-Authorization" ), "row %u: got %s\n", i, head );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* The connection to the proxy is kept, and the next request goes over it. */
static void test_connection_is_kept(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_through( &client, server_port( server ), L"http=", NULL, originW, 80, NULL, L"/1", 0 ) && client_get( &client ))
    {
        WinHttpCloseHandle( client.request );
        if (client_reopen( &client, NULL, L"/2" ) && client_get( &client ))
            ok( has_line( server_request( server, 1 ), "GET http://origin.invalid/2 HTTP/1.1" ), "got %s\n",
                server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

static void test_body_goes_along(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 4 ), SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret;

    if (!server) return;
    if (open_through( &client, server_port( server ), L"", NULL, originW, 80, L"POST", L"/", 0 ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"body", 4, 4, 0 ) && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (ret) client_check_body( client.request, "hi" );
        ok( strstr( server_request( server, 0 ), "\r\n\r\nbody" ) != NULL, "got %s\n", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The option shows the URL of the origin, not the line that the proxy gets. */
static void test_url_is_the_origins(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;
    WCHAR url[64];
    DWORD size = sizeof(url);

    if (!server) return;
    if (open_through( &client, server_port( server ), L"", NULL, originW, 80, NULL, L"/x", 0 ) && client_get( &client ))
    {
        url[0] = 0;
        ok( WinHttpQueryOption( client.request, WINHTTP_OPTION_URL, url, &size ), "failed with %lu\n", GetLastError() );
        ok( !lstrcmpW( url, L"http://origin.invalid/x" ), "got %ls\n", url );
    }
    client_close( &client );
    server_stop( server );
}

/* What is in the bypass list is asked for directly: here from a server that is no proxy. */
static void test_bypass(void)
{
    static const WCHAR *const lists[] =
    {
        L"127.0.0.1", L"127.*", L"*", L"a;127.0.0.1;b", L"a 127.0.0.1", L"*.0.0.1", L"<local>;127.0.0.1",
    };
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    unsigned int i;

    for (i = 0; i < count_of( lists ); i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        if (open_through( &client, server_closed_port(), L"", lists[i], L"127.0.0.1", server_port( server ), NULL, L"/x", 0 ) &&
            client_get( &client ))
            ok( has_line( server_request( server, 0 ), "GET /x HTTP/1.1" ), "%ls: got %s\n", lists[i], server_request( server, 0 ) );
        client_close( &client );
        server_stop( server );
    }
}

static void test_local_names_bypass(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_through( &client, server_closed_port(), L"", L"<local>", L"localhost", server_port( server ), NULL, L"/x", 0 ) &&
        client_get( &client ))
        ok( has_line( server_request( server, 0 ), "GET /x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
    client_close( &client );
    server_stop( server );
}

static void test_others_do_not_bypass(void)
{
    static const WCHAR *const lists[] = { L"<local>", L"origin.example", L"invalid", L"rigin.invalid", L"*.origin.invalid" };
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    unsigned int i;

    for (i = 0; i < count_of( lists ); i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        if (open_through( &client, server_port( server ), L"", lists[i], originW, 80, NULL, L"/", 0 ) && client_get( &client ))
            ok( has_line( server_request( server, 0 ), "GET http://origin.invalid/ HTTP/1.1" ), "%ls: got %s\n", lists[i],
                server_request( server, 0 ) );
        client_close( &client );
        server_stop( server );
    }
}

/* An entry of another scheme is not for this request: it goes direct (a choice, section 4.2). */
static void test_scheme_of_entries(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *server = server_start( script ), *proxy = server_start( script );
    struct client client;
    WCHAR list[64];
    DWORD err;

    if (!server || !proxy) return;
    if (open_through( &client, server_closed_port(), L"https=", NULL, L"127.0.0.1", server_port( server ), NULL, L"/x", 0 ))
    {
        err = client_try( &client );
        ok( !err, "failed with %lu\n", err );
        if (!err) ok( has_line( server_request( server, 0 ), "GET /x HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
    }
    client_close( &client );

    /* the entry of the scheme wins over the one for all, wherever it stands */
    wsprintfW( list, L"127.0.0.1:%u;http=", server_closed_port() );
    if (open_through( &client, server_port( proxy ), list, NULL, originW, 80, NULL, L"/", 0 ) && client_get( &client ))
        ok( has_line( server_request( proxy, 0 ), "GET http://origin.invalid/ HTTP/1.1" ), "got %s\n", server_request( proxy, 0 ) );
    client_close( &client );
    server_stop( server );
    server_stop( proxy );
}

/* NAMED_PROXY knows no second server, and no direct way either. */
static void test_named_proxy_that_is_not_there(void)
{
    static const struct step script[] = { END };
    struct server *server = server_start( script ), *second = server_start( script );
    struct client client;
    WCHAR list[64];
    DWORD err;

    if (!server || !second) return;
    wsprintfW( list, L"127.0.0.1:%u;", server_closed_port() );
    if (open_through( &client, server_port( second ), list, NULL, L"127.0.0.1", server_port( server ), NULL, L"/", 0 ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CANNOT_CONNECT, "got %lu\n", err );
    }
    client_close( &client );
    ok( !server_connection_count( server ) && !server_connection_count( second ), "somebody else was asked\n" );
    server_stop( server );
    server_stop( second );
}

/* The proxy's own answers are the response of a plain request. */
static void test_answers_of_the_proxy_itself(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops" ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD len;
    BOOL is_connect = TRUE;

    if (!server) return;
    if (open_through( &client, server_port( server ), L"", NULL, originW, 80, NULL, L"/", 0 ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 502, "status %lu\n", client_status( client.request ) );
        client_check_body( client.request, "oops" );
        len = sizeof(is_connect);
        ok( WinHttpQueryOption( client.request, WINHTTP_OPTION_IS_PROXY_CONNECT_RESPONSE, &is_connect, &len ) && !is_connect,
            "got %d, error %lu\n", is_connect, GetLastError() );
    }
    client_close( &client );
    server_stop( server );
}

/* Every leg is looked at by itself. */
static void test_redirect_from_proxied_to_bypassed(void)
{
    static const struct step direct_script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *direct = server_start( direct_script ), *proxy;
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    struct client client;
    char answer[256];

    if (!direct) return;
    wsprintfA( answer, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/there\r\nContent-Length: 0\r\n\r\n", server_port( direct ) );
    script[2].data = answer;
    if (!(proxy = server_start( script ))) return;
    if (open_through( &client, server_port( proxy ), L"", L"127.0.0.1", originW, 80, NULL, L"/here", 0 ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( has_line( server_request( proxy, 0 ), "GET http://origin.invalid/here HTTP/1.1" ), "got %s\n", server_request( proxy, 0 ) );
        ok( has_line( server_request( direct, 0 ), "GET /there HTTP/1.1" ), "got %s\n", server_request( direct, 0 ) );
        ok( !has_field( server_request( direct, 0 ), "Proxy-Connection" ), "got %s\n", server_request( direct, 0 ) );
    }
    client_close( &client );
    server_stop( proxy );
    server_stop( direct );
}

static void test_redirect_from_bypassed_to_proxied(void)
{
    static const struct step direct_script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: http://other.invalid/there\r\nContent-Length: 0\r\n\r\n" ), END };
    static const struct step proxy_script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    struct server *direct = server_start( direct_script ), *proxy = server_start( proxy_script );
    struct client client;

    if (!direct || !proxy) return;
    if (open_through( &client, server_port( proxy ), L"", L"127.0.0.1", L"127.0.0.1", server_port( direct ), NULL, L"/here", 0 ) &&
        client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( has_line( server_request( direct, 0 ), "GET /here HTTP/1.1" ), "got %s\n", server_request( direct, 0 ) );
        ok( has_line( server_request( proxy, 0 ), "GET http://other.invalid/there HTTP/1.1" ), "got %s\n", server_request( proxy, 0 ) );
        ok( has_line( server_request( proxy, 0 ), "Host: other.invalid" ), "got %s\n", server_request( proxy, 0 ) );
    }
    client_close( &client );
    server_stop( proxy );
    server_stop( direct );
}

/* WINHTTP_OPTION_PROXY and _PROXY_RESULT_ENTRY of one request of a session without a proxy. */
static void test_request_with_a_proxy_of_its_own(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    WINHTTP_PROXY_RESULT_ENTRY entry = { TRUE, FALSE, INTERNET_SCHEME_HTTP, (WCHAR *)L"127.0.0.1", 0 };
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL };
    WCHAR name[32];
    int i;

    for (i = 0; i < 2; i++)
    {
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        if (client_open( &client, 80, 0, NULL, L"/" ))
        {
            WinHttpCloseHandle( client.request );
            WinHttpCloseHandle( client.connect );
            client.request = NULL;
            client.connect = WinHttpConnect( client.session, originW, 80, 0 );
            wsprintfW( name, L"127.0.0.1:%u", server_port( server ) );
            info.lpszProxy = name;
            entry.ProxyPort = server_port( server );
            if (client_reopen( &client, NULL, L"/own" ))
            {
                if (i) check_set( client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &entry, sizeof(entry), 0 );
                else check_set( client.request, WINHTTP_OPTION_PROXY, &info, sizeof(info), 0 );
                if (client_get( &client ))
                    ok( has_line( server_request( server, 0 ), "GET http://origin.invalid/own HTTP/1.1" ), "got %s\n",
                        server_request( server, 0 ) );
            }
        }
        client_close( &client );
        server_stop( server );
    }
}

/* The names that are resolved and connected to are the proxy's. */
static void test_notifications_name_the_proxy(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), END };
    static struct recorder *recorder;
    struct server *server = server_start( script );
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL };
    struct client client;
    WCHAR name[32];
    int index;

    if (!server) return;
    recorder = recorder_create();
    wsprintfW( name, L"localhost:%u", server_port( server ) );
    info.lpszProxy = name;
    if (client_open( &client, 80, 0, NULL, L"/" ))
    {
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        check_set( client.session, WINHTTP_OPTION_PROXY, &info, sizeof(info), 0 );
        client.connect = WinHttpConnect( client.session, originW, 80, 0 );
        if (client_reopen( &client, NULL, L"/" ))
        {
            recorder_attach( recorder, client.request, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
            client_get( &client );
            index = recorder_find( recorder, STATUS( RESOLVING_NAME ), 0 );
            ok( index >= 0 && !lstrcmpW( recorder->events[index].text, L"localhost" ), "got %d, %ls\n", index,
                index >= 0 ? recorder->events[index].text : L"nothing" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A header of a program goes to the proxy as it is; its Connection: close ends the connection. */
static void test_connection_close(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( OK_EMPTY ), AWAIT_EOF, END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (open_through( &client, server_port( server ), L"", NULL, originW, 80, NULL, L"/", 0 ))
    {
        ok( WinHttpAddRequestHeaders( client.request, L"Connection: close", ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "failed with %lu\n",
            GetLastError() );
        if (client_get( &client )) ok( has_line( server_request( server, 0 ), "Connection: close" ), "got %s\n", server_request( server, 0 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* What names no proxy, or names a user. */
static void test_lists_that_are_refused(void)
{
    static const WCHAR *const lists[] = { L"", L"a\r\nb", L"a\nX: y" };
    unsigned int i;

    for (i = 0; i < count_of( lists ); i++)
    {
        HINTERNET session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NAMED_PROXY, lists[i], NULL, 0 );

        ok( (!session && GetLastError() == ERROR_INVALID_PARAMETER) || broken( session && i ), "list %u: got %p, error %lu\n", i,
            session, GetLastError() );
        WinHttpCloseHandle( session );
    }
}

/* Nothing goes round a proxy that is not there, over TLS either. */
static void test_https_does_not_go_direct(void)
{
    static const struct step script[] = { END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (open_through( &client, server_closed_port(), L"", NULL, L"127.0.0.1", server_port( server ), NULL, L"/", WINHTTP_FLAG_SECURE ))
    {
        err = client_try( &client );
        ok( err != 0, "a request went round its proxy\n" );
        ok( !server_connection_count( server ), "the server was reached without the proxy\n" );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(proxy_http)
{
    test_target_is_absolute();
    test_connection_is_kept();
    test_body_goes_along();
    test_url_is_the_origins();
    test_bypass();
    test_local_names_bypass();
    test_others_do_not_bypass();
    test_scheme_of_entries();
    test_named_proxy_that_is_not_there();
    test_answers_of_the_proxy_itself();
    test_redirect_from_proxied_to_bypassed();
    test_redirect_from_bypassed_to_proxied();
    test_request_with_a_proxy_of_its_own();
    test_notifications_name_the_proxy();
    test_connection_close();
    test_lists_that_are_refused();
    test_https_does_not_go_direct();
}
