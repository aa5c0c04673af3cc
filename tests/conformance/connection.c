/*
 * Connections: reuse, and when there is none
 *
 * Rules: windows-behaviour.md section 8 (C-1 to C-6), H-17, H-18, R-6, R-7, R-9, R-10; windows-notifications.md
 * sections 3 and 7 (the pool is the process', not the session's). A script with one ACCEPT proves reuse: the server
 * ends it when another connection comes.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( body_len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " body_len "\r\n\r\n" body
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

/* A GET on the client's request handle with that header, read to the end with one large read, handle closed. */
static BOOL exchange( struct client *client, const WCHAR *header, const char *body )
{
    char buffer[1024];
    DWORD count = 0, len = (DWORD)strlen( body );
    BOOL ret;

    if (header)
    {
        ret = WinHttpAddRequestHeaders( client->request, header, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        ok( ret, "WinHttpAddRequestHeaders failed with %lu\n", GetLastError() );
    }
    if (!client_get( client )) return FALSE;
    ret = WinHttpReadData( client->request, buffer, sizeof(buffer), &count );
    ok( ret && count == len && !memcmp( buffer, body, len ), "got %d, error %lu, %lu bytes\n", ret, GetLastError(),
        count );
    WinHttpCloseHandle( client->request );
    client->request = NULL;
    return ret;
}

/* Bodies whose end is known leave the connection usable after one read that has room for more. */
static void test_connection_is_reused(void)
{
    static const struct { const char *name, *reply, *body; } rows[] =
    {
        { "length and keep-alive", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", "abc" },
        { "length", REPLY( "3", "abc" ), "abc" },
        { "empty", REPLY( "0", "" ), "" },                                                  /* C-1, R-6 */
        { "chunked", CHUNKED, "abc" },
        { "204", "HTTP/1.1 204 No Content\r\n\r\n", "" },                                   /* */
        { "304", "HTTP/1.1 304 Not Modified\r\n\r\n", "" },                                 /* */
        { "HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", "abc" },
        { "404", "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc", "abc" },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( REPLY( "2", "ok" ) ), END };
        struct server *server;
        struct client client;

        script[2].data = rows[i].reply;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", rows[i].name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, rows[i].body ))
            client_check_get( &client, "ok" );
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Where it must not be: the server waits for the client's side to close and for a second connection. */
static void test_connection_is_not_reused(void)
{
    static const struct { const char *name; const WCHAR *header; const char *reply, *body; } rows[] =
    {
        { "response close", NULL, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "abc" },  /* */
        { "request close", L"Connection: close", REPLY( "3", "abc" ), "abc" },                                 /* C-4 */
        { "HTTP/1.0", NULL, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc" },
        { "both framings", NULL,                                                /* request smuggling: never again */
          "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc" },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), AWAIT_EOF, ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
        struct server *server;
        struct client client;

        script[2].data = rows[i].reply;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", rows[i].name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" )
            && exchange( &client, rows[i].header, rows[i].body ))
            client_check_get( &client, "ok" );                                              /* C-5 */
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

static void test_disable_keep_alive_closes(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) ), AWAIT_EOF, ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    DWORD flag = WINHTTP_DISABLE_KEEP_ALIVE;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        BOOL ret = WinHttpSetOption( client.request, WINHTTP_OPTION_DISABLE_FEATURE, &flag, sizeof(flag) );   /* C-3 */

        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (exchange( &client, NULL, "abc" ))
        {
            ok( strstr( server_request( server, 0 ), "\r\nConnection: close\r\n" ) != NULL, "%s",
                server_request( server, 0 ) );
            client_check_get( &client, "ok" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* C-4: the second request asks for the end, and still goes over the pooled connection. */
static void test_closing_request_uses_the_pooled_connection(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "0", "" ) ), HEAD, SEND( REPLY( "3", "abc" ) ), AWAIT_EOF, END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "" )
        && client_reopen( &client, L"GET", L"/" ))
        exchange( &client, L"Connection: close", "abc" );
    client_close( &client );
    server_stop( server );
}

/* C-6, H-18: a body of unknown length that nobody reads ends with the handle. */
static void test_unread_body_without_length_closes( const WCHAR *header )
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n\r\nabc" ), AWAIT_EOF, END };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        if (header) WinHttpAddRequestHeaders( client.request, header, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        if (client_get( &client ))
        {
            WinHttpCloseHandle( client.request );
            client.request = NULL;
        }
    }
    server_stop( server );   /* the session is still open */
    client_close( &client );
}

/* windows-notifications.md section 3: a small body that was not read is no obstacle, and neither is a new session. */
static void test_pool_outlives_body_and_session(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "5", "first" ) ), HEAD, SEND( REPLY( "6", "second" ) ),
        HEAD, SEND( REPLY( "5", "third" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        WinHttpCloseHandle( client.request );
        if (client_reopen( &client, L"GET", L"/" ) && client_get( &client ))
        {
            client_close( &client );
            if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
                client_check_body( client.request, "third" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* C-2: as long as a body may still be read its connection is taken; another request gets one of its own. */
static void test_an_unread_body_keeps_its_connection(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfir" ),
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;
    HINTERNET first;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        first = client.request;
        client.request = NULL;
        client_check_get( &client, "ok" );
        WinHttpCloseHandle( first );
    }
    client_close( &client );
    server_stop( server );
}

/* The key of the pool has the port: two servers never share a connection, nor do two names of one. */
static void test_targets_do_not_share_connections(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "3", "one" ) ), UNHURRIED, GONE, END };
    static const struct step names_script[] =
        { ACCEPT, HEAD, SEND( REPLY( "3", "one" ) ), ACCEPT, HEAD, SEND( REPLY( "3", "two" ) ), END };
    struct server *first = server_start( script ), *second = server_start( script );
    struct client a, b;

    if (!first || !second) return;
    if (client_open( &a, server_port( first ), 0, L"GET", L"/" ) && client_get( &a )) client_check_body( a.request, "one" );
    if (client_open( &b, server_port( second ), 0, L"GET", L"/" ) && client_get( &b )) client_check_body( b.request, "one" );
    ok( server_connection_count( first ) == 1, "%u connections\n", server_connection_count( first ) );
    ok( server_connection_count( second ) == 1, "%u connections\n", server_connection_count( second ) );
    client_close( &a );
    client_close( &b );
    server_abort( first );    /* the pool may hold them: no end of theirs to wait for */
    server_abort( second );

    if (!(first = server_start( names_script ))) return;
    if (client_open( &a, server_port( first ), 0, L"GET", L"/" ) && client_get( &a ))
    {
        client_check_body( a.request, "one" );
        WinHttpCloseHandle( a.request );
        WinHttpCloseHandle( a.connect );
        a.connect = WinHttpConnect( a.session, L"localhost", server_port( first ), 0 );
        a.request = NULL;
        client_check_get( &a, "two" );
    }
    client_close( &a );
    server_stop( first );
}

/* ---- connections that died in the pool ---- */

/* The server closes after the first exchange; the next GET finds out and goes over a fresh connection. */
static void test_stale_connection_is_replaced( enum step_op end )
{
    struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) ), HOLD, CLOSE, SIGNAL,
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server;
    struct client client;

    script[4].op = end;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "abc" ))
    {
        server_go( server );
        if (server_wait( server )) client_check_get( &client, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* The connection dies only when the second request is on it: the request is sent again, once. */
static void test_request_on_a_dying_connection_is_repeated(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) ), HEAD, RESET, ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "abc" ))
        client_check_get( &client, "ok" );
    client_close( &client );
    server_stop( server );
}

/* A POST that may have been carried out must not be sent twice. */
static void test_post_on_a_dying_connection_is_not_repeated(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) ), HEAD, BODY( 4 ), RESET, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err = 0;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "abc" )
        && client_reopen( &client, L"POST", L"/" ))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"body", 4, 4, 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        if (!ret) err = GetLastError();
        ok( !ret && err == ERROR_WINHTTP_CONNECTION_ERROR, "got %d, error %lu\n", ret, err );
        ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A fresh connection that dies is an error at once, for GET too: nothing to be gained by a repetition. */
static void test_fresh_connection_is_not_repeated(void)
{
    static const struct step script[] = { ACCEPT, HEAD, RESET, END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_CONNECTION_ERROR, "got %lu\n", err );
        ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Poisoning: bytes that arrive before anything was asked mark the connection dead. */
static void test_early_bytes_on_an_idle_connection(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) ), HOLD, SEND( REPLY( "4", "evil" ) ), SIGNAL,
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "abc" ))
    {
        server_go( server );
        if (server_wait( server )) client_check_get( &client, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* The same, with the extra bytes in the segment of the first response. */
static void test_bytes_behind_the_body_are_not_the_next_response(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "3", "abc" ) REPLY( "4", "evil" ) ),
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && exchange( &client, NULL, "abc" ))
        client_check_get( &client, "ok" );
    client_close( &client );
    server_stop( server );
}

START_TEST(connection)
{
    test_connection_is_reused();
    test_connection_is_not_reused();
    test_disable_keep_alive_closes();
    test_closing_request_uses_the_pooled_connection();
    test_unread_body_without_length_closes( NULL );
    test_unread_body_without_length_closes( L"Connection: close" );
    test_pool_outlives_body_and_session();
    test_an_unread_body_keeps_its_connection();
    test_targets_do_not_share_connections();
    test_stale_connection_is_replaced( STEP_CLOSE );
    test_stale_connection_is_replaced( STEP_RESET );
    test_request_on_a_dying_connection_is_repeated();
    test_post_on_a_dying_connection_is_not_repeated();
    test_fresh_connection_is_not_repeated();
    test_early_bytes_on_an_idle_connection();
    test_bytes_behind_the_body_are_not_the_next_response();
}
