/*
 * The pool as programs rule it: limits, expiring, tags, groups, pools of one's own, and what is told of connections
 *
 * Rules: options.md section 3.10 and 3.13, functions.md section 9, windows-behaviour.md H-17; when connections are reused
 * at all is in connection.c. Options that this Windows does not know yet are skipped. A script with one ACCEPT proves
 * that there is one connection: the server ends it when another one comes.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( body_len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " body_len "\r\n\r\n" body
#define REPLY_1_0 "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"

static const GUID red = { 0x11111111, 2, 3, { 4, 5, 6, 7, 8, 9, 10, 11 } };
static const GUID blue = { 0x22222222, 2, 3, { 4, 5, 6, 7, 8, 9, 10, 11 } };
static const GUID none;

/* Sets an option that may be newer than this Windows. */
static BOOL set_new_option_( int line, HINTERNET handle, DWORD option, const void *value, DWORD len )
{
    BOOL ret = WinHttpSetOption( handle, option, (void *)value, len );
    DWORD err = GetLastError();

    if (!ret && broken( err == ERROR_WINHTTP_INVALID_OPTION || err == ERROR_INVALID_PARAMETER ))
    {
        win_skip( "option %lu is not known here\n", option );
        return FALSE;
    }
    ok_( __FILE__, line )( ret, "option %lu failed with %lu\n", option, err );
    return ret;
}
#define set_new_option( handle, option, value, len ) set_new_option_( __LINE__, handle, option, value, len )

/* The port at our end: two requests with the same one used the same connection. */
static unsigned short local_port( HINTERNET request )
{
    WINHTTP_CONNECTION_INFO info;
    DWORD len = sizeof(info);
    BOOL ret;

    memset( &info, 0, sizeof(info) );
    info.cbSize = sizeof(info);
    ret = WinHttpQueryOption( request, WINHTTP_OPTION_CONNECTION_INFO, &info, &len );
    ok( ret, "CONNECTION_INFO failed with %lu\n", GetLastError() );
    return ret ? ((struct sockaddr_in *)&info.LocalAddress)->sin_port : 0;
}

static void close_request( struct client *client )
{
    WinHttpCloseHandle( client->request );
    client->request = NULL;
}

/* A whole GET on the client's request, or a new one; returns our port. */
static unsigned short get_port( struct client *client )
{
    unsigned short port = 0;

    if (!client->request && !client_reopen( client, L"GET", L"/" )) return 0;
    if (client_get( client ))
    {
        port = local_port( client->request );
        client_check_body( client->request, "ok" );
    }
    close_request( client );
    return port;
}

/* ---- limits ---- */

static BOOL send_async( HINTERNET request )
{
    BOOL ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 );

    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    return ret;
}

/* From SENDREQUEST_COMPLETE to the closed handle. */
static void finish_async( struct recorder *recorder, HINTERNET request )
{
    struct event event;
    BOOL ret;

    if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) return;
    ok( event.handle == request, "another request had its turn\n" );
    ret = WinHttpReceiveResponse( request, NULL );
    ok( ret, "WinHttpReceiveResponse failed with %lu\n", GetLastError() );
    if (ret) recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL );
    WinHttpCloseHandle( request );
}

/* One connection allowed: three requests go over it one after the other. */
static void test_requests_wait_for_the_only_connection(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, HOLD, SEND( REPLY( "0", "" ) ), HEAD, SEND( REPLY( "0", "" ) ), HEAD, SEND( REPLY( "0", "" ) ), END
    };
    static const WCHAR *const paths[] = { L"/0", L"/1", L"/2" };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET requests[3];
    struct client client;
    DWORD one = 1;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", paths[0] ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_MAX_CONNS_PER_SERVER, &one, sizeof(one) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        requests[0] = client.request;
        for (i = 1; i < 3; i++)
            requests[i] = WinHttpOpenRequest( client.connect, L"GET", paths[i], NULL, NULL, NULL, 0 );
        for (i = 0; i < 3; i++) send_async( requests[i] );
        server_go( server );
        for (i = 0; i < 3; i++) finish_async( recorder, requests[i] );
        client.request = NULL;
        for (i = 0; i < 3; i++)    /* in the order of asking */
            ok( server_request( server, i )[5] == '0' + (char)i, "%u: %s\n", i, server_request( server, i ) );
    }
    client_close( &client );
    server_stop( server );
}

/* Who waits can give up, and the next in the queue takes the place. */
static void test_a_waiting_request_can_be_closed(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, HOLD, SEND( REPLY( "0", "" ) ), HEAD, SEND( REPLY( "0", "" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET requests[3];
    struct client client;
    struct event event;
    DWORD one = 1;
    unsigned int i;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/0" ))
    {
        WinHttpSetOption( client.session, WINHTTP_OPTION_MAX_CONNS_PER_SERVER, &one, sizeof(one) );
        requests[0] = client.request;
        requests[1] = WinHttpOpenRequest( client.connect, L"GET", L"/1", NULL, NULL, NULL, 0 );
        requests[2] = WinHttpOpenRequest( client.connect, L"GET", L"/2", NULL, NULL, NULL, 0 );
        for (i = 0; i < 3; i++) send_async( requests[i] );
        WinHttpCloseHandle( requests[1] );
        if (recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event ))
            ok( event.handle == requests[1], "another handle was closed\n" );
        recorder_check_last( recorder, requests[1] );
        server_go( server );
        finish_async( recorder, requests[0] );
        finish_async( recorder, requests[2] );
        client.request = NULL;
        ok( server_request( server, 1 )[5] == '2', "%s\n", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* The limit for HTTP/1.0 servers counts once a server is known to be one. */
static void test_the_limit_of_1_0_servers(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY_1_0 ), HEAD, HOLD, SEND( REPLY_1_0 ), HEAD, SEND( REPLY_1_0 ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HINTERNET requests[3];
    struct client client;
    struct event event;
    char buffer[16];
    DWORD one = 1;
    unsigned int i;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_MAX_CONNS_PER_1_0_SERVER, &one, sizeof(one) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        requests[0] = client.request;
        for (i = 1; i < 3; i++) requests[i] = WinHttpOpenRequest( client.connect, L"GET", L"/", NULL, NULL, NULL, 0 );
        send_async( requests[0] );
        for (i = 0; i < 3; i++)
        {
            if (i == 1)    /* now it is known: the third waits for the second */
            {
                send_async( requests[1] );
                send_async( requests[2] );
                server_go( server );
            }
            if (!recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event )) break;
            ok( event.handle == requests[i], "%u: another request had its turn\n", i );
            WinHttpReceiveResponse( requests[i], NULL );
            recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), NULL );
            WinHttpReadData( requests[i], buffer, sizeof(buffer), NULL );
            recorder_complete( recorder, STATUS( READ_COMPLETE ), NULL );
            WinHttpCloseHandle( requests[i] );
        }
        client.request = NULL;
    }
    client_close( &client );
    server_stop( server );
}

/* ---- connections one at a time ---- */

static void test_an_expired_connection_is_closed(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), AWAIT_EOF, ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct client client;
    BOOL ret = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        SetLastError( 0xdeadbeef );
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_EXPIRE_CONNECTION, NULL, 0 );
        ok( !ret, "a request that was not sent has no connection\n" );
        /* the code is not documented: a choice */
        ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE || broken( GetLastError() != 0xdeadbeef ),
            "got %lu\n", GetLastError() );
        if (client_get( &client ))
        {
            ret = set_new_option( client.request, WINHTTP_OPTION_EXPIRE_CONNECTION, NULL, 0 );
            client_check_body( client.request, "ok" );
            close_request( &client );
            if (ret) client_check_get( &client, "ok" );
        }
    }
    client_close( &client );
    if (ret) server_stop( server );
    else server_abort( server );
}

static void check_guid( HINTERNET request, const GUID *expected )
{
    DWORD len = sizeof(GUID);
    GUID guid = blue;
    BOOL ret = WinHttpQueryOption( request, WINHTTP_OPTION_CONNECTION_GUID, &guid, &len );

    ok( ret && len == sizeof(guid) && IsEqualGUID( &guid, expected ), "got %d, error %lu, {%08lx...}\n", ret,
        GetLastError(), guid.Data1 );
}

/* A whole GET that marks its connection; returns our port, 0 if that cannot be done here. */
static unsigned short get_marked( struct client *client, const GUID *guid )
{
    unsigned short port = 0;

    if (!client->request && !client_reopen( client, L"GET", L"/" )) return 0;
    if (set_new_option( client->request, WINHTTP_OPTION_CONNECTION_GUID, guid, sizeof(*guid) ) && client_get( client ))
    {
        check_guid( client->request, guid );
        port = local_port( client->request );
        client_check_body( client->request, "ok" );
    }
    close_request( client );
    return port;
}

static unsigned short get_matching( struct client *client, const GUID *guid, ULONGLONG flags )
{
    WINHTTP_MATCH_CONNECTION_GUID match = { *guid, flags };

    if (!client_reopen( client, L"GET", L"/" )) return 0;
    set_new_option( client->request, WINHTTP_OPTION_MATCH_CONNECTION_GUID, &match, sizeof(match) );
    return get_port( client );
}

/* A request that opens a connection although there is an idle one, marked or not. */
static unsigned short get_on_a_new_one( struct client *client )
{
    static const GUID nobody = { 0x33333333, 0, 0, { 1 } };

    return get_matching( client, &nobody, WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION );
}

static void test_marked_connections(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "2", "ok" ) ), LOOP };
    struct server *server = server_start_each( script );
    WINHTTP_MATCH_CONNECTION_GUID bad = { red, 2 };
    unsigned short first, second;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && (first = get_marked( &client, &red )))
    {
        ok( get_matching( &client, &red, 0 ) == first, "the marked connection was not taken\n" );
        ok( get_matching( &client, &red, WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION ) == first,
            "the marked connection was not taken\n" );

        second = get_on_a_new_one( &client );
        ok( second && second != first, "the connection has another mark\n" );
        /* the one that is not marked was used last */
        ok( get_matching( &client, &red, 0 ) == first, "the marked connection comes first\n" );
        ok( get_matching( &client, &blue, 0 ) == second, "one without a mark will do\n" );
        ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
        ok( get_matching( &client, &blue, WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION ) != second,
            "no connection has that mark\n" );
        ok( server_connection_count( server ) == 3, "%u connections\n", server_connection_count( server ) );

        client_reopen( &client, L"GET", L"/" );
        SetLastError( 0xdeadbeef );
        ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MATCH_CONNECTION_GUID, &bad, sizeof(bad) );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "got %d, error %lu\n", ret, GetLastError() );
    }
    client_close( &client );
    server_abort( server );    /* the pool holds its connections */
}

/* ---- groups ---- */

static DWORD (WINAPI *query_group)( HINTERNET, const GUID *, ULONGLONG, PWINHTTP_QUERY_CONNECTION_GROUP_RESULT * );
static VOID (WINAPI *free_group)( WINHTTP_QUERY_CONNECTION_GROUP_RESULT * );

/* Connections of a group, ~0u if there is no such group; NULL: of all groups. */
static ULONG count_group( const WINHTTP_QUERY_CONNECTION_GROUP_RESULT *result, const GUID *guid )
{
    ULONG i, j, count = 0;
    BOOL found = FALSE;

    for (i = 0; i < result->cHosts; i++)
        for (j = 0; j < result->pHostConnectionGroups[i].cConnectionGroups; j++)
        {
            const WINHTTP_CONNECTION_GROUP *group = &result->pHostConnectionGroups[i].pConnectionGroups[j];

            if (guid && !IsEqualGUID( &group->guidGroup, guid )) continue;
            count += group->cConnections;
            found = TRUE;
        }
    return found ? count : ~0u;
}

static WINHTTP_QUERY_CONNECTION_GROUP_RESULT *get_groups( HINTERNET handle, const GUID *guid, ULONGLONG flags )
{
    WINHTTP_QUERY_CONNECTION_GROUP_RESULT *result = NULL;
    DWORD err = query_group( handle, guid, flags, &result );

    ok( !err && result, "got %lu, %p\n", err, result );
    return result;
}

static void test_connection_groups(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "2", "ok" ) ), LOOP };
    WINHTTP_QUERY_CONNECTION_GROUP_RESULT *result;
    HMODULE winhttp = GetModuleHandleA( "winhttp.dll" );
    struct server *server;
    struct client client;
    DWORD err;

    query_group = (void *)GetProcAddress( winhttp, "WinHttpQueryConnectionGroup" );
    free_group = (void *)GetProcAddress( winhttp, "WinHttpFreeQueryConnectionGroupResult" );
    if (!query_group || !free_group)
    {
        win_skip( "WinHttpQueryConnectionGroup is not there\n" );
        return;
    }
    if (!(server = server_start_each( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = query_group( NULL, NULL, 0, &result );
        ok( err == ERROR_INVALID_HANDLE, "got %lu\n", err );
        err = query_group( client.session, NULL, 0, &result );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %lu\n", err );
        err = query_group( client.request, NULL, 0, NULL );
        ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );
        err = query_group( client.request, NULL, 2, &result );
        ok( err == ERROR_INVALID_PARAMETER, "got %lu\n", err );

        if ((result = get_groups( client.request, NULL, 0 )))
        {
            ok( count_group( result, NULL ) == ~0u || !count_group( result, NULL ), "there are connections already\n" );
            free_group( result );
        }
        if (get_marked( &client, &red ) && get_on_a_new_one( &client ) && client_reopen( &client, L"GET", L"/" ))
        {
            if ((result = get_groups( client.request, NULL, 0 )))
            {
                ok( result->cHosts == 1, "%lu hosts\n", result->cHosts );
                ok( !lstrcmpW( result->pHostConnectionGroups[0].pwszHost, L"127.0.0.1" ), "got %ls\n",
                    result->pHostConnectionGroups[0].pwszHost );
                ok( count_group( result, &red ) == 1, "%lu connections\n", count_group( result, &red ) );
                ok( count_group( result, &none ) == 1, "%lu connections\n", count_group( result, &none ) );
                free_group( result );
            }
            if ((result = get_groups( client.request, &red, 0 )))
            {
                ok( count_group( result, NULL ) == 1 && count_group( result, &red ) == 1, "%lu connections\n",
                    count_group( result, NULL ) );
                free_group( result );
            }
            if ((result = get_groups( client.request, &blue, 0 )))
            {
                ok( count_group( result, &red ) == ~0u && count_group( result, &none ) == ~0u, "of another mark\n" );
                free_group( result );
            }
            if ((result = get_groups( client.connect, NULL, WINHTTP_QUERY_CONNECTION_GROUP_FLAG_INSECURE )))
            {
                ok( count_group( result, NULL ) == 2, "%lu connections\n", count_group( result, NULL ) );
                free_group( result );
            }
            if ((result = get_groups( client.connect, NULL, 0 )))    /* https is assumed */
            {
                ok( count_group( result, NULL ) == ~0u || !count_group( result, NULL ), "%lu connections\n",
                    count_group( result, NULL ) );
                free_group( result );
            }
        }
    }
    client_close( &client );
    server_abort( server );
}

/* ---- pools ---- */

/* H-17: what is in a session's own pool ends with it, and no other session finds it. */
static void test_a_pool_of_ones_own(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), HEAD, SEND( REPLY( "2", "ok" ) ), AWAIT_EOF,
        ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;
    BOOL on = TRUE, known = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" )
        && (known = set_new_option( client.session, WINHTTP_OPTION_DISABLE_GLOBAL_POOLING, &on, sizeof(on) )))
    {
        get_port( &client );
        client_check_get( &client, "ok" );
        client_close( &client );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" )) get_port( &client );
    }
    client_close( &client );
    if (known) server_stop( server );
    else server_abort( server );
}

static void test_an_own_pool_takes_nothing_from_others(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY( "2", "ok" ) ), LOOP };
    struct server *server = server_start_each( script );
    struct client shared, own;
    BOOL on = TRUE;

    if (!server) return;
    memset( &own, 0, sizeof(own) );
    if (client_open( &shared, server_port( server ), 0, L"GET", L"/" ) && get_port( &shared )
        && client_open( &own, server_port( server ), 0, L"GET", L"/" )
        && set_new_option( own.session, WINHTTP_OPTION_DISABLE_GLOBAL_POOLING, &on, sizeof(on) ))
    {
        get_port( &own );
        ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
        get_port( &shared );
        get_port( &own );
        ok( server_connection_count( server ) == 2, "%u connections\n", server_connection_count( server ) );
    }
    client_close( &shared );
    client_close( &own );
    server_abort( server );
}

static void test_background_connections(void)
{
    static const struct step script[] = { SIGNAL, HEAD, SEND( REPLY( "2", "ok" ) ), HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start_each( script );
    struct client client;
    DWORD three = 3;
    unsigned int i;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" )
        && set_new_option( client.session, WINHTTP_OPTION_BACKGROUND_CONNECTIONS, &three, sizeof(three) )
        && get_port( &client ))
    {
        for (i = 0; i < 3; i++) ok( server_wait( server ), "%u connections\n", i );
        ok( server_connection_count( server ) == 3, "%u connections\n", server_connection_count( server ) );
        get_port( &client );
        ok( server_connection_count( server ) == 3, "%u connections\n", server_connection_count( server ) );
    }
    client_close( &client );
    server_abort( server );
}

/* ---- where to, and what is known ---- */

static void test_another_name_is_resolved(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    static const WCHAR address[] = L"127.0.0.1";
    struct server *server = server_start( script );
    struct client client;
    BOOL known = FALSE;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        close_request( &client );
        WinHttpCloseHandle( client.connect );
        client.connect = WinHttpConnect( client.session, L"name.invalid", server_port( server ), 0 );
        if (client_reopen( &client, L"GET", L"/" )
            && (known = set_new_option( client.request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, address, sizeof(address) ))
            && client_get( &client ))
        {
            client_check_body( client.request, "ok" );
            ok( strstr( server_request( server, 0 ), "\r\nHost: name.invalid" ) != NULL, "%s\n",
                server_request( server, 0 ) );
        }
    }
    client_close( &client );
    if (known) server_stop( server );
    else server_abort( server );
}

/* The first fields of TCP_INFO_v0 (mstcpip.h). */
struct tcp_info
{
    ULONG     state, mss;
    ULONGLONG connection_time_ms;
    BOOLEAN   timestamps;
    ULONG     rtt_us, min_rtt_us, bytes_in_flight, cwnd, send_window, receive_window, receive_buffer;
    ULONGLONG bytes_out, bytes_in;
    ULONG     rest[6];
};

static void test_connection_stats(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), HEAD, SEND( REPLY( "2", "ok" ) ), HOLD, END };
    struct server *server = server_start( script );
    struct tcp_info info;
    struct client client;
    DWORD len = sizeof(info);
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_STATS_V0, &info, &len );
        ok( !ret, "there is no connection yet\n" );
        get_port( &client );
        if (client_reopen( &client, L"GET", L"/" ) && client_get( &client ))
        {
            memset( &info, 0, sizeof(info) );
            len = 1;
            ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_STATS_V0, &info, &len );
            if (!ret && broken( GetLastError() != ERROR_INSUFFICIENT_BUFFER )) win_skip( "no CONNECTION_STATS_V0\n" );
            else
            {
                ok( !ret && len == 88, "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
                len = sizeof(info);
                ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_CONNECTION_STATS_V0, &info, &len );
                ok( ret && len == 88, "got %d, error %lu, length %lu\n", ret, GetLastError(), len );
                ok( info.state == 4, "state %lu\n", info.state );    /* TCPSTATE_ESTABLISHED */
                ok( info.mss && info.cwnd && info.receive_buffer, "mss %lu, cwnd %lu, buffer %lu\n", info.mss, info.cwnd,
                    info.receive_buffer );
                /* all requests of the connection together */
                ok( info.bytes_in >= 2 * strlen( REPLY( "2", "ok" ) ), "%lu bytes in\n",
                    (DWORD)( info.bytes_in ) );
                ok( info.bytes_out >= strlen( server_request( server, 0 ) ) + strlen( server_request( server, 1 ) ),
                    "%lu bytes out\n", (DWORD)( info.bytes_out ) );
            }
            client_check_body( client.request, "ok" );
        }
    }
    server_go( server );    /* until now it keeps the connection open */
    client_close( &client );
    server_stop( server );
}

static BOOL get_stats( HINTERNET request, WINHTTP_REQUEST_STATS *stats )
{
    DWORD len = sizeof(*stats);
    BOOL ret;

    memset( stats, 0, sizeof(*stats) );
    stats->cStats = WinHttpRequestStatLast;
    ret = WinHttpQueryOption( request, WINHTTP_OPTION_REQUEST_STATS, stats, &len );
    ok( ret, "REQUEST_STATS failed with %lu\n", GetLastError() );
    return ret;
}

static BOOL get_times( HINTERNET request, WINHTTP_REQUEST_TIMES *times )
{
    DWORD len = sizeof(*times);
    BOOL ret;

    memset( times, 0, sizeof(*times) );
    times->cTimes = WinHttpRequestTimeLast;
    ret = WinHttpQueryOption( request, WINHTTP_OPTION_REQUEST_TIMES, times, &len );
    ok( ret, "REQUEST_TIMES failed with %lu\n", GetLastError() );
    return ret;
}

static void check_order( const WINHTTP_REQUEST_TIMES *times, const unsigned int *order, unsigned int count )
{
    unsigned int i;

    for (i = 0; i < count; i++) ok( times->rgullTimes[order[i]] != 0, "time %u is not set\n", order[i] );
    for (i = 1; i < count; i++)
        ok( times->rgullTimes[order[i - 1]] <= times->rgullTimes[order[i]], "time %u is after %u\n", order[i - 1],
            order[i] );
}

static void test_request_times_and_stats(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), HEAD, SEND( REPLY( "2", "ok" ) ), END };
    static const unsigned int fresh[] =
    {
        WinHttpConnectionAcquireStart, WinHttpConnectionEstablishmentStart, WinHttpConnectionEstablishmentEnd,
        WinHttpSendRequestStart, WinHttpSendRequestHeadersEnd, WinHttpSendRequestEnd, WinHttpReceiveResponseStart,
        WinHttpReceiveResponseHeadersEnd, WinHttpReceiveResponseEnd
    };
    struct server *server = server_start( script );
    WINHTTP_REQUEST_STATS stats;
    WINHTTP_REQUEST_TIMES times;
    struct client client;
    unsigned int i;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        for (i = 0; i < 2; i++)
        {
            if (!client.request && !client_reopen( &client, L"GET", L"/" )) break;
            if (!client_get( &client )) break;
            client_check_body( client.request, "ok" );
            if (!get_stats( client.request, &stats ) || !get_times( client.request, &times )) break;

            ok( stats.ulIndex == i, "%u: index %lu\n", i, stats.ulIndex );
            ok( !(stats.ullFlags & WINHTTP_REQUEST_STAT_FLAG_FIRST_REQUEST) == !!i, "%u: flags %#lx\n", i,
                (DWORD)( stats.ullFlags ) );
            ok( !stats.rgullStats[WinHttpConnectFailureCount], "%u: a failure\n", i );
            ok( stats.rgullStats[WinHttpRequestHeadersSize] == strlen( server_request( server, i ) ), "%u: sent %lu\n", i,
                (DWORD)( stats.rgullStats[WinHttpRequestHeadersSize] ) );
            ok( stats.rgullStats[WinHttpResponseHeadersSize] == strlen( REPLY( "2", "" ) ), "%u: head %lu\n", i,
                (DWORD)( stats.rgullStats[WinHttpResponseHeadersSize] ) );
            ok( stats.rgullStats[WinHttpResponseBodySize] == 2, "%u: body %lu\n", i,
                (DWORD)( stats.rgullStats[WinHttpResponseBodySize] ) );

            if (!i) check_order( &times, fresh, count_of( fresh ) );
            else
            {
                check_order( &times, fresh + 3, count_of( fresh ) - 3 );
                ok( !times.rgullTimes[WinHttpConnectionEstablishmentStart], "there was nothing to connect\n" );
            }
            ok( !times.rgullTimes[WinHttpTlsHandshakeClientLeg1Start], "there was no TLS\n" );
            close_request( &client );
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(pool)
{
    test_requests_wait_for_the_only_connection();
    test_a_waiting_request_can_be_closed();
    test_the_limit_of_1_0_servers();
    test_an_expired_connection_is_closed();
    test_marked_connections();
    test_connection_groups();
    test_a_pool_of_ones_own();
    test_an_own_pool_takes_nothing_from_others();
    test_background_connections();
    test_another_name_is_resolved();
    test_connection_stats();
    test_request_times_and_stats();
}
