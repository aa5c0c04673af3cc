/*
 * Tunnels: what a proxy is asked, what a granted tunnel is, and what is no answer
 *
 * Source: headers.md section 6, notifications.md "Proxy", security.md (rows on CONNECT, pools, injection), RFC 9110 section
 * 9.3.6. Refusals are in proxy_refused.c, proxies that are spoken to over TLS in proxy_secure.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "proxy_connect.h"
#include "tls.h"

static const WCHAR originW[] = L"origin.invalid";

BOOL through_open( struct client *client, unsigned short port, const struct through *how )
{
    BOOL on = TRUE;
    WCHAR proxy[64];

    memset( client, 0, sizeof(*client) );
    wsprintfW( proxy, L"%s%s:%u", how->prefix ? how->prefix : L"", how->proxy ? how->proxy : L"127.0.0.1", port );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, NULL, how->open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    WinHttpSetTimeouts( client->session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    if (how->answers)
        ok( WinHttpSetOption( client->session, WINHTTP_OPTION_RECEIVE_PROXY_CONNECT_RESPONSE, &on, sizeof(on) ),
            "failed with %lu\n", GetLastError() );
    if (how->recorder) recorder_attach( how->recorder, client->session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    client->connect = WinHttpConnect( client->session, how->host ? how->host : originW,
                                      how->port ? how->port : how->plain ? 80 : 443, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    if (!client->connect) return FALSE;
    client->request = WinHttpOpenRequest( client->connect, how->verb, how->path ? how->path : L"/", NULL, NULL, NULL,
                                          how->plain ? 0 : WINHTTP_FLAG_SECURE );
    ok( client->request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    return client->request != NULL;
}

BOOL through_open_tls( struct client *client, unsigned short port, const char *server, struct through how )
{
    how.host = tls_host();
    how.port = tls_port( server );
    return through_open( client, port, &how );
}

BOOL has_line( const char *head, const char *line )
{
    const char *p = head;
    size_t len = strlen( line );

    while ((p = strstr( p, line )))
    {
        if ((p == head || p[-1] == '\n') && p[len] == '\r') return TRUE;
        p++;
    }
    return FALSE;
}

BOOL has_field( const char *head, const char *name )
{
    const char *p;

    for (p = head; (p = strstr( p, name )); p++) if (p > head && p[-1] == '\n' && p[strlen( name )] == ':') return TRUE;
    return FALSE;
}

DWORD through_try( struct client *client, enum call *call )
{
    *call = CALL_SEND;
    if (!WinHttpSendRequest( client->request, NULL, 0, NULL, 0, 0, 0 )) return GetLastError();
    *call = CALL_RECEIVE;
    if (!WinHttpReceiveResponse( client->request, NULL )) return GetLastError();
    *call = CALL_NONE;
    return 0;
}

/* Another request of the session, over TLS. */
static BOOL reopen( struct client *client, const WCHAR *path )
{
    if (client->request) WinHttpCloseHandle( client->request );
    client->request = WinHttpOpenRequest( client->connect, NULL, path, NULL, NULL, NULL, WINHTTP_FLAG_SECURE );
    ok( client->request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    return client->request != NULL;
}

static void check_tls_page_( int line, struct client *client, const char *server )
{
    char page[2048];
    DWORD err;
    ULONGLONG len;

    ok_( __FILE__, line )( client_status( client->request ) == 200, "status %lu\n", client_status( client->request ) );
    len = client_read( client->request, page, sizeof(page) - 1, &err );
    page[len < sizeof(page) ? len : 0] = 0;
    ok_( __FILE__, line )( !err && !strcmp( tls_value( page, "server" ), server ), "error %lu, page %s\n", err, page );
}
#define check_tls_page( client, server ) check_tls_page_( __LINE__, client, server )

/* ---- what the proxy is asked ---- */

/* Lines that CONNECT may have beside the first one and Host: headers.md section 6 names User-Agent and the two ways to keep a
 * connection; the last two were seen of older releases and do no harm. */
static const char *const allowed_lines[] =
{
    "User-Agent: conformance", "Proxy-Connection: Keep-Alive", "Connection: Keep-Alive", "Content-Length: 0",
    "Pragma: no-cache",
};

static void check_connect_lines( const char *head )
{
    const char *line, *end;
    unsigned int i;

    for (line = strstr( head, "\r\n" ); line && strncmp( line, "\r\n\r\n", 4 ); line = end)
    {
        line += 2;
        if (!(end = strstr( line, "\r\n" ))) break;
        if (!strncmp( line, "Host: ", 6 )) continue;
        for (i = 0; i < count_of( allowed_lines ); i++)
            if ((size_t)(end - line) == strlen( allowed_lines[i] ) && !strncmp( line, allowed_lines[i], end - line )) break;
        ok( i < count_of( allowed_lines ), "\"%.*s\" is none of the proxy's business\n", (int)(end - line), line );
    }
}

/* security.md: CONNECT carries Host, User-Agent, proxy headers and Proxy-Authorization only. */
static void test_connect_is_about_the_way_only(void)
{
    static const struct { const WCHAR *host; unsigned short port; const char *line, *host_line; } rows[] =
    {
        { L"origin.invalid", 443,  "CONNECT origin.invalid:443 HTTP/1.1",  "Host: origin.invalid:443" },
        { L"origin.invalid", 8443, "CONNECT origin.invalid:8443 HTTP/1.1", "Host: origin.invalid:8443" },
        { L"192.0.2.7",      443,  "CONNECT 192.0.2.7:443 HTTP/1.1",       "Host: 192.0.2.7:443" },
        { L"[2001:db8::7]",  443,  "CONNECT [2001:db8::7]:443 HTTP/1.1",   "Host: [2001:db8::7]:443" },
    };
    static const WCHAR fields[] = L"Cookie: a=b\r\nX-Own: secret\r\nAuthorization: Basic c2VjcmV0\r\nReferer: http://a/\r\n"
                                  L"Accept: text/plain\r\nExpect: 100-continue";
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" ), END };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct through how = { .host = rows[i].host, .port = rows[i].port, .path = L"/secret?path" };
        struct server *server = server_start( script );
        struct client client;
        const char *head;
        enum call call;

        if (!server) return;
        winetest_push_context( "%ls", rows[i].host );
        if (through_open( &client, server_port( server ), &how ))
        {
            ok( WinHttpAddRequestHeaders( client.request, fields, ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "failed with %lu\n",
                GetLastError() );
            ok( WinHttpSetCredentials( client.request, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_BASIC, L"user", L"pwd",
                                       NULL ), "failed with %lu\n", GetLastError() );
            ok( through_try( &client, &call ) == ERROR_WINHTTP_CANNOT_CONNECT, "got error %lu\n", GetLastError() );
            head = server_request( server, 0 );
            ok( has_line( head, rows[i].line ), "got %s\n", head );
            ok( has_line( head, rows[i].host_line ), "got %s\n", head );
            ok( has_line( head, "User-Agent: conformance" ), "got %s\n", head );
            ok( has_line( head, "Proxy-Connection: Keep-Alive" ) || has_line( head, "Connection: Keep-Alive" ), "got %s\n",
                head );
            ok( !strstr( head, "secret" ) && !strstr( head, "c2VjcmV0" ), "got %s\n", head );
            check_connect_lines( head );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Field names and lines must come from here only, whatever a program puts into names, agents and users: nothing may reach a
 * proxy that was not asked for. Each of these either fails or is harmless. */
static void test_nothing_can_be_injected(void)
{
    static const WCHAR *const hosts[] =
    {
        L"a\r\nX-Evil: 1", L"a b", L"a\tb", L"a HTTP/1.1\r\nX-Evil: 1\r\n\r\n", L"a/b", L"a?b", L"a#b", L"a@evil.invalid",
        L"evil.invalid:80", L"a\\b", L"[::1", L"::1]", L"[::1]:80", L"a\x7f", L"a%0d%0aX-Evil", L"a\x00ad" L"b\r\n",
    };
    static const struct step script[] = { HEAD, SEND( "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" ), LOOP };
    struct server *server = server_start_each( script );
    unsigned int i, count;
    const char *head;

    if (!server) return;
    for (i = 0; i < count_of( hosts ); i++)
    {
        HINTERNET session, connect, request = NULL;
        WCHAR proxy[32];
        DWORD err = 0;

        wsprintfW( proxy, L"127.0.0.1:%u", server_port( server ) );
        session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, NULL, 0 );
        WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
        if (!(connect = WinHttpConnect( session, hosts[i], 443, 0 ))) err = GetLastError();
        else if (!(request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE )) ||
                 !WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) || !WinHttpReceiveResponse( request, NULL ))
            err = GetLastError();
        ok( err != 0, "host %u: it worked\n", i );
        WinHttpCloseHandle( request );
        WinHttpCloseHandle( connect );
        WinHttpCloseHandle( session );
    }
    count = server_request_count( server );
    for (i = 0; i < count; i++)
    {
        head = server_request( server, i );
        ok( !has_field( head, "X-Evil" ), "got %s\n", head );
        ok( !strncmp( head, "CONNECT ", 8 ) && !strncmp( head + 8 + strcspn( head + 8, " \r\n" ), " HTTP/1.1\r\n", 11 ), "got %s\n",
            head );
        check_connect_lines( head );
    }
    server_stop( server );
}

/* What a program calls itself cannot become a field: refused, or left out. */
static void test_an_agent_with_lines(void)
{
    static const struct step script[] = { HEAD, SEND( "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" ), LOOP };
    struct server *server = server_start_each( script );
    HINTERNET session, connect = NULL, request = NULL;
    WCHAR proxy[32];
    BOOL ret = FALSE;

    if (!server) return;
    wsprintfW( proxy, L"127.0.0.1:%u", server_port( server ) );
    if ((session = WinHttpOpen( L"a\r\nX-Evil: 1", WINHTTP_ACCESS_TYPE_NAMED_PROXY, proxy, NULL, 0 )) &&
        (connect = WinHttpConnect( session, originW, 443, 0 )) &&
        (request = WinHttpOpenRequest( connect, NULL, NULL, NULL, NULL, NULL, WINHTTP_FLAG_SECURE )))
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 );
    ok( !ret, "it worked\n" );
    WinHttpCloseHandle( request );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
    if (server_request_count( server ))
        ok( !has_field( server_request( server, 0 ), "X-Evil" ), "got %s\n", server_request( server, 0 ) );
    server_stop( server );
}

/* ---- a tunnel that was granted ---- */

/* The server's certificate is judged by its name, its page comes through, and the request in the tunnel is one for a server. */
static void test_requests_go_through(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( GRANT ), RELAY, END };
    struct server *server;
    struct client client;

    if (!tls_there() || !(server = server_start( script ))) return;
    if (through_open_tls( &client, server_port( server ), "good", (struct through){ 0 } ) && client_get( &client ))
    {
        check_tls_page( &client, "good" );
        /* the next one goes through the same tunnel: one CONNECT, one connection */
        if (reopen( &client, L"/close" ) && client_get( &client )) check_tls_page( &client, "good" );
    }
    client_close( &client );
    ok( server_request_count( server ) == 1, "%u times CONNECT\n", server_request_count( server ) );
    server_stop( server );
}

/* security.md, pools: a tunnel serves one target. */
static void test_a_tunnel_serves_one_target(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( GRANT ), UNHURRIED, RELAY, ACCEPT, HEAD, SEND( GRANT ), RELAY, END };
    struct server *server;
    struct client client;
    char line[128];

    if (!tls_there() || !(server = server_start( script ))) return;
    if (through_open_tls( &client, server_port( server ), "good", (struct through){ .path = L"/close" } ) && client_get( &client ))
    {
        check_tls_page( &client, "good" );
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        client.request = NULL;
        client.connect = WinHttpConnect( client.session, tls_host(), tls_port( "rsa" ), 0 );
        if (reopen( &client, L"/close" ) && client_get( &client )) check_tls_page( &client, "rsa" );
        sprintf( line, "CONNECT %ls:%u HTTP/1.1", tls_host(), tls_port( "rsa" ) );
        ok( has_line( server_request( server, 1 ), line ), "got %s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A granting answer has no body, whatever its fields say (RFC 9110 section 9.3.6), and its fields are nobody's. */
static void test_answers_that_grant(void)
{
    static const struct { const char *answer; BOOL drip; } rows[] =
    {
        { "HTTP/1.0 200 OK\r\n\r\n", FALSE },
        { "HTTP/1.1 200\r\n\r\n", FALSE },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", FALSE },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: proxy=1\r\n\r\n", FALSE },
        { "HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\n\r\n", TRUE },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", FALSE },
        { "HTTP/1.1 102 Wait\r\nX: y\r\n\r\nHTTP/1.1 103 Wait\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", TRUE },
    };
    unsigned int i;

    if (!tls_there()) return;
    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] =
        {
            ACCEPT, HEAD, { rows[i].drip ? STEP_DRIP : STEP_SEND, rows[i].answer, 0, 0 }, RELAY, END
        };
        struct server *server = server_start( script );
        struct client client;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open_tls( &client, server_port( server ), "good", (struct through){ .path = L"/close" } ) &&
            client_get( &client ))
        {
            check_tls_page( &client, "good" );
            ok( !WinHttpQueryHeaders( client.request, WINHTTP_QUERY_SET_COOKIE, NULL, NULL, &(DWORD){ 0 }, NULL ) &&
                GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "the proxy's cookie is the server's, error %lu\n",
                GetLastError() );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* What comes right behind the answer is the tunnel's: here it is no TLS, and no request is ever sent. */
static void test_bytes_behind_the_answer(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( GRANT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" ), UNHURRIED, GONE, END };
    struct server *server = server_start( script );
    struct client client;
    enum call call;
    DWORD err;

    if (!server) return;
    if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
    {
        err = through_try( &client, &call );
        ok( call == CALL_SEND, "failed in call %u\n", call );
        ok( err == ERROR_WINHTTP_SECURE_FAILURE || err == ERROR_WINHTTP_CONNECTION_ERROR ||
            err == (DWORD)SEC_E_ILLEGAL_MESSAGE || err == (DWORD)SEC_E_INVALID_TOKEN, "got error %lu\n", err );    /* TL-8 */
    }
    client_close( &client );
    server_stop( server );
}

/* ---- what is no answer ---- */

/* Each fails the send: without an answer there is no tunnel, and nothing that a program could be given. The codes are a
 * choice where two are named: which one comes first depends on who looks first. */
static void test_what_is_no_answer(void)
{
    static const struct { const char *text; enum step_op then; DWORD error, either; } rows[] =
    {
        { "", STEP_CLOSE, ERROR_WINHTTP_CONNECTION_ERROR, ERROR_WINHTTP_CANNOT_CONNECT },
        { "", STEP_RESET, ERROR_WINHTTP_CONNECTION_ERROR, ERROR_WINHTTP_CANNOT_CONNECT },
        { "HTTP/1.1 200 OK\r\nX: ", STEP_CLOSE, ERROR_WINHTTP_CONNECTION_ERROR, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },
        { "HTTP/1.1 100 Continue\r\n\r\n", STEP_CLOSE, ERROR_WINHTTP_CONNECTION_ERROR, ERROR_WINHTTP_INVALID_SERVER_RESPONSE },
        { "connected\r\n\r\n", STEP_GONE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE, 0 },
        { "HTTP/1.1 2x0 OK\r\n\r\n", STEP_GONE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE, 0 },
        { "HTTP/1.1 99 OK\r\n\r\n", STEP_GONE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE, 0 },
        { "HTTP/2.0 200 OK\r\n\r\n", STEP_GONE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE, 0 },
        { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", STEP_GONE,
          ERROR_WINHTTP_INVALID_SERVER_RESPONSE, ERROR_WINHTTP_CANNOT_CONNECT },
        { "HTTP/1.1 200 OK\rX: y\r\n\r\n", STEP_GONE, ERROR_WINHTTP_INVALID_SERVER_RESPONSE, 0 },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] = { ACCEPT, HEAD, { STEP_SEND, rows[i].text, 0, 0 }, UNHURRIED, { rows[i].then, NULL, 0, 0 }, END };
        struct server *server = server_start( script );
        struct client client;
        enum call call;
        DWORD err;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
        {
            err = through_try( &client, &call );
            ok( err == rows[i].error || (rows[i].either && err == rows[i].either), "got error %lu in call %u\n", err, call );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* security.md, header bombs: the heads of an answer have one limit, and informational ones another. */
static void test_answers_without_measure(void)
{
    static const struct { const char *start, *more; unsigned int times; } rows[] =
    {
        { "HTTP/1.1 200 OK\r\nX: ", "y", 65536 },
        { "HTTP/1.1 200 OK\r\n", "X: y\r\n", 16384 },
        { "", "HTTP/1.1 100 Continue\r\n\r\n", 4096 },
    };
    char *more = malloc( 4096 * 26 + 1 );
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] =
            { ACCEPT, HEAD, { STEP_SEND, rows[i].start, 0, 0 }, UNHURRIED, FLOOD( more, 64 << 20 ), END };
        unsigned int k, len = (unsigned int)strlen( rows[i].more );
        struct server *server;
        struct client client;
        enum call call;
        DWORD err;

        for (k = 0; k < rows[i].times; k++) memcpy( more + k * len, rows[i].more, len );
        more[k * len] = 0;
        if (!(server = server_start( script ))) break;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
        {
            err = through_try( &client, &call );
            ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || err == ERROR_WINHTTP_HEADER_SIZE_OVERFLOW ||
                err == ERROR_WINHTTP_HEADER_COUNT_EXCEEDED, "got error %lu in call %u\n", err, call );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
    free( more );
}

/* ---- times ---- */

/* A proxy that takes the connection and says nothing: asking for a tunnel is a part of connecting, and its answer is received.
 * Either limit ends it. */
static void test_a_silent_proxy(void)
{
    static const struct { const char *said; DWORD option; } rows[] =
    {
        { "", WINHTTP_OPTION_RECEIVE_TIMEOUT },
        { "", WINHTTP_OPTION_CONNECT_TIMEOUT },
        { "HTTP/1.1 200 OK\r\n", WINHTTP_OPTION_RECEIVE_TIMEOUT },
    };
    DWORD limit = 300;
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        const struct step script[] = { ACCEPT, HEAD, { STEP_SEND, rows[i].said, 0, 0 }, UNHURRIED, GONE, END };
        struct server *server = server_start( script );
        struct client client;
        enum call call;
        DWORD err;

        if (!server) return;
        winetest_push_context( "row %u", i );
        if (through_open( &client, server_port( server ), &(struct through){ 0 } ))
        {
            ok( WinHttpSetOption( client.request, rows[i].option, &limit, sizeof(limit) ), "failed with %lu\n", GetLastError() );
            err = through_try( &client, &call );
            ok( err == ERROR_WINHTTP_TIMEOUT && call == CALL_SEND, "got error %lu in call %u\n", err, call );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* The handle is closed while the proxy has not answered: cancelled, and HANDLE_CLOSING is the last that is heard of it. */
static void test_close_while_the_proxy_is_asked(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, UNHURRIED, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    struct through how = { .open_flags = WINHTTP_FLAG_ASYNC, .recorder = recorder };
    struct client client;
    HINTERNET request;

    if (!server) return;
    if (through_open( &client, server_port( server ), &how ))
    {
        ok( WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 ), "failed with %lu\n", GetLastError() );
        ok( server_wait( server ), "the proxy was not asked\n" );
        request = client.request;
        client.request = NULL;
        WinHttpCloseHandle( request );
        recorder_failed( recorder, API_SEND_REQUEST, ERROR_WINHTTP_OPERATION_CANCELLED );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
        recorder_check_last( recorder, request );
    }
    recorder_close( recorder, &client );
    server_stop( server );
}

static void close_in_callback( struct recorder *recorder, const struct event *event )
{
    DWORD *when = recorder->hook_data;

    if (event->status != *when) return;
    *when = 0;
    WinHttpCloseHandle( event->handle );
}

static void test_close_in_each_callback_on_the_way(void)
{
    static const DWORD statuses[] =
        { STATUS( RESOLVING_NAME ), STATUS( NAME_RESOLVED ), STATUS( CONNECTING_TO_SERVER ), STATUS( CONNECTED_TO_SERVER ) };
    static const struct step script[] = { HEAD, GONE, LOOP };
    unsigned int i;

    for (i = 0; i < count_of( statuses ); i++)
    {
        struct server *server = server_start_each( script );
        struct recorder *recorder = recorder_create();
        struct through how = { .open_flags = WINHTTP_FLAG_ASYNC, .recorder = recorder, .proxy = L"localhost" };
        DWORD when = statuses[i];
        struct client client;
        HINTERNET request;

        if (!server) return;
        winetest_push_context( "%s", status_name( statuses[i] ) );
        recorder->hook = close_in_callback;
        recorder->hook_data = &when;
        if (through_open( &client, server_port( server ), &how ))
        {
            request = client.request;
            ok( WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) || GetLastError() == ERROR_WINHTTP_OPERATION_CANCELLED,
                "failed with %lu\n", GetLastError() );
            client.request = NULL;
            recorder_wait( recorder, STATUS( HANDLE_CLOSING ), NULL );
            ok( !recorder_count( recorder, request, STATUS( SENDREQUEST_COMPLETE ) ), "it was sent\n" );
            recorder_check_last( recorder, request );
        }
        recorder->hook = NULL;
        recorder_close( recorder, &client );
        server_abort( server );
        winetest_pop_context();
    }
}

/* ---- from one way to another ---- */

/* A plain request to the proxy itself leads to one that needs a tunnel. */
static void test_redirect_from_http_to_https(void)
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), UNHURRIED, ACCEPT, HEAD, SEND( GRANT ), RELAY, END };
    char answer[256], line[128];
    struct server *server;
    struct client client;

    if (!tls_there()) return;
    sprintf( answer, "HTTP/1.1 302 Found\r\nLocation: https://%ls:%u/close\r\nContent-Length: 0\r\n\r\n", tls_host(),
             tls_port( "good" ) );
    script[2].data = answer;
    if (!(server = server_start( script ))) return;
    if (through_open( &client, server_port( server ), &(struct through){ .plain = TRUE } ) && client_get( &client ))
    {
        check_tls_page( &client, "good" );
        ok( has_line( server_request( server, 0 ), "GET http://origin.invalid/ HTTP/1.1" ), "got %s\n", server_request( server, 0 ) );
        sprintf( line, "CONNECT %ls:%u HTTP/1.1", tls_host(), tls_port( "good" ) );
        ok( has_line( server_request( server, 1 ), line ), "got %s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* And back, where the program allows it: the request is read by the proxy again, and has nothing of the tunnel's. */
static void test_redirect_from_https_to_http(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( GRANT ), UNHURRIED, RELAY, ACCEPT, HEAD,
        SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" ), END
    };
    DWORD policy = WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS;
    struct server *server;
    struct client client;
    BOOL ret;

    if (!tls_there() || !(server = server_start( script ))) return;
    if (through_open_tls( &client, server_port( server ), "good", (struct through){ .path = L"/down" } ))
    {
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_REDIRECT_POLICY, &policy, sizeof(policy) );
        ok( ret, "failed with %lu\n", GetLastError() );
        if (client_get( &client )) client_check_body( client.request, "hi" );
        ok( has_line( server_request( server, 1 ), "GET http://plain.invalid/ HTTP/1.1" ), "got %s\n", server_request( server, 1 ) );
        ok( has_line( server_request( server, 1 ), "Host: plain.invalid" ), "got %s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A tunnel that has died since the last request is no reason to fail. */
static void test_a_tunnel_that_has_died(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( GRANT ), RELAY, SIGNAL, ACCEPT, HEAD, SEND( GRANT ), RELAY, END };
    struct server *server;
    struct client client;

    if (!tls_there() || !(server = server_start( script ))) return;
    if (through_open_tls( &client, server_port( server ), "good", (struct through){ 0 } ) && client_get( &client ))
    {
        check_tls_page( &client, "good" );
        server_go( server );
        ok( server_wait( server ), "the tunnel did not end\n" );
        if (reopen( &client, L"/close" ) && client_get( &client )) check_tls_page( &client, "good" );
    }
    client_close( &client );
    ok( server_request_count( server ) == 2, "%u times CONNECT\n", server_request_count( server ) );
    server_stop( server );
}

/* A WebSocket is none of a proxy's messages: it gets a tunnel, in the clear. */
static void test_a_websocket_has_a_tunnel(void)
{
    static const struct step behind[] = { ACCEPT, HEAD, SWITCH, UNHURRIED, GONE, END };
    struct step script[] = { ACCEPT, HEAD, SEND( GRANT ), { STEP_RELAY, NULL, 0, 0 }, END };
    struct server *origin = server_start( behind ), *server;
    HINTERNET socket = NULL;
    struct client client;

    if (!origin) return;
    script[3].count = server_port( origin );
    if (!(server = server_start( script ))) return;
    if (through_open( &client, server_port( server ), &(struct through){ .plain = TRUE, .path = L"/ws" } ))
    {
        ok( WinHttpSetOption( client.request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 ), "failed with %lu\n",
            GetLastError() );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );
            socket = WinHttpWebSocketCompleteUpgrade( client.request, 0 );
            ok( socket != NULL, "failed with %lu\n", GetLastError() );
            ok( has_line( server_request( server, 0 ), "CONNECT origin.invalid:80 HTTP/1.1" ), "got %s\n",
                server_request( server, 0 ) );
            ok( has_line( server_request( origin, 0 ), "GET /ws HTTP/1.1" ), "got %s\n", server_request( origin, 0 ) );
        }
    }
    WinHttpCloseHandle( socket );
    client_close( &client );
    server_stop( server );
    server_stop( origin );
}

START_TEST(proxy_connect)
{
    test_connect_is_about_the_way_only();
    test_nothing_can_be_injected();
    test_an_agent_with_lines();
    test_requests_go_through();
    test_a_tunnel_serves_one_target();
    test_answers_that_grant();
    test_bytes_behind_the_answer();
    test_what_is_no_answer();
    test_answers_without_measure();
    test_a_silent_proxy();
    test_close_while_the_proxy_is_asked();
    test_close_in_each_callback_on_the_way();
    test_redirect_from_http_to_https();
    test_redirect_from_https_to_http();
    test_a_tunnel_that_has_died();
    test_a_websocket_has_a_tunnel();
}
