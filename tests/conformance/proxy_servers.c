/*
 * Requests through proxies that others have written: squid, for plain http
 *
 * Each scheme of authentication, in both modes; whose connection is whose; lists of exceptions; large bodies. Tunnels are in
 * proxy_tunnels.c, other kinds of proxies in proxy_other.c. Rules: behaviour-concepts.md sections 3 and 4, options.md section
 * 3.7, windows-behaviour.md section 11. See proxy_servers.h for the peers.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>
#include <stdlib.h>

#include "wine/test.h"
#include "server.h"
#include "tls.h"
#include "peers.h"
#include "proxy_servers.h"

#define STALE 0xdeadbeef
#define MIB   1048576
#define LARGE 64             /* MiB */

/* ---- what is shared ---- */

static BOOL open_handles( struct via *via, const WCHAR *prefix, const WCHAR *host, DWORD open_flags )
{
    struct client *client = &via->client;
    DWORD on = TRUE;
    WCHAR list[128];

    memset( client, 0, sizeof(*client) );
    wsprintfW( list, L"%slocalhost:%u", prefix, via->proxy.port );
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NAMED_PROXY, list, NULL, open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    WinHttpSetTimeouts( client->session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    /* not before Windows 11; without it another test's connections may be taken, which only the tests of sharing see */
    WinHttpSetOption( client->session, WINHTTP_OPTION_DISABLE_GLOBAL_POOLING, &on, sizeof(on) );
    via->recorder = NULL;
    if (open_flags & WINHTTP_FLAG_ASYNC)
    {
        via->recorder = recorder_create();
        recorder_attach( via->recorder, client->session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    }
    client->connect = WinHttpConnect( client->session, host ? host : SERVER_NAME, via->server.port, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    return client->connect != NULL;
}

BOOL via_open( struct via *via, const char *proxy, const WCHAR *prefix, const char *server, const WCHAR *host, DWORD open_flags )
{
    memset( via, 0, sizeof(*via) );
    return find_peer( proxy, &via->proxy ) && find_peer( server, &via->server ) && open_handles( via, prefix, host, open_flags );
}

BOOL via_open_again( struct via *via, const struct via *other )
{
    memset( via, 0, sizeof(*via) );
    via->proxy = other->proxy;
    via->server = other->server;
    via->flags = other->flags;
    return open_handles( via, L"", NULL, other->recorder ? WINHTTP_FLAG_ASYNC : 0 );
}

void via_close( struct via *via )
{
    if (via->recorder) recorder_close( via->recorder, &via->client );
    else client_close( &via->client );
}

BOOL via_request( struct via *via, const WCHAR *verb, const WCHAR *path )
{
    if (via->client.request) WinHttpCloseHandle( via->client.request );
    via->path = path;
    via->client.request = WinHttpOpenRequest( via->client.connect, verb, path, NULL, NULL, NULL, via->flags );
    ok( via->client.request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    if (!via->client.request) return FALSE;
    via_set_flag( via->client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH );
    return TRUE;
}

/* The end of a call: its own result, or the completion. *len is what a read has brought. */
static DWORD end_call( struct via *via, BOOL ret, DWORD status, DWORD *len )
{
    struct event event;

    if (!ret) return GetLastError();
    if (!via->recorder) return ERROR_SUCCESS;
    if (!recorder_wait( via->recorder, status | STATUS( REQUEST_ERROR ), &event )) return WAIT_TIMEOUT;
    if (event.status == STATUS( REQUEST_ERROR )) return event.error;
    if (len) *len = event.info_len;
    return ERROR_SUCCESS;
}

static DWORD send_all( struct via *via, const char *data, BOOL written )
{
    HINTERNET request = via->client.request;
    DWORD err, count, len = data ? strlen( data ) : 0;

    err = end_call( via, WinHttpSendRequest( request, NULL, 0, written ? NULL : (void *)data, written ? 0 : len, len, 0 ),
                    STATUS( SENDREQUEST_COMPLETE ), NULL );
    if (!err && written)
        err = end_call( via, WinHttpWriteData( request, data, len, via->recorder ? NULL : &count ), STATUS( WRITE_COMPLETE ), NULL );
    return err ? err : end_call( via, WinHttpReceiveResponse( request, NULL ), STATUS( HEADERS_AVAILABLE ), NULL );
}

static DWORD read_all( struct via *via )
{
    static char piece[65536];
    DWORD err, count, room;

    for (;;)
    {
        count = 0;
        if ((err = end_call( via, WinHttpReadData( via->client.request, piece, sizeof(piece), via->recorder ? NULL : &count ),
                             STATUS( READ_COMPLETE ), &count )) || !count) return err;
        room = via->body_len < sizeof(via->body) - 1 ? sizeof(via->body) - 1 - (DWORD)via->body_len : 0;
        memcpy( via->body + via->body_len, piece, min( room, count ) );
        via->body_len += count;
    }
}

BOOL via_post( struct via *via, const char *data, BOOL written )
{
    if (via->recorder) recorder_reset( via->recorder );
    via->status = 0;
    via->body_len = 0;
    memset( via->body, 0, sizeof(via->body) );
    via->error = send_all( via, data, written );
    if (via->error) return FALSE;
    via->status = client_status( via->client.request );
    via->error = read_all( via );
    return !via->error;
}

BOOL via_send( struct via *via )
{
    return via_post( via, NULL, FALSE );
}

void via_check_status_( const char *file, int line, const struct via *via, DWORD status )
{
    ok_( file, line )( !via->error && via->status == status, "%s, %ls: error %lu, status %lu, not %lu: %.300s\n", via->proxy.name,
                       via->path, via->error, via->status, status, via->body );
}

void via_check_get_( const char *file, int line, struct via *via, const WCHAR *path )
{
    if (!via_request( via, NULL, path )) return;
    via_send( via );
    via_check_status_( file, line, via, 200 );
}

const char *via_value( const struct via *via, const char *name )
{
    return tls_value( via->body, name );
}

DWORD via_port( HINTERNET request )
{
    WINHTTP_CONNECTION_INFO info;
    DWORD size = sizeof(info);

    memset( &info, 0, sizeof(info) );
    info.cbSize = sizeof(info);
    if (!WinHttpQueryOption( request, WINHTTP_OPTION_CONNECTION_INFO, &info, &size )) return 0;
    return ntohs( ((struct sockaddr_in *)&info.LocalAddress)->sin_port );    /* in the same place for IPv6 */
}

void via_log_on( const struct via *via, DWORD scheme, const WCHAR *password )
{
    WCHAR user[128];
    BOOL ret;

    lstrcpyW( user, peer_fact_w( &via->proxy, "user" ) );
    if (scheme == WINHTTP_AUTH_SCHEME_NTLM && peer_fact( &via->proxy, "domain" )[0])
        wsprintfW( user, L"%s\\%s", peer_fact_w( &via->proxy, "domain" ), peer_fact_w( &via->proxy, "user" ) );
    if (!password) password = peer_fact_w( &via->proxy, "password" );
    SetLastError( STALE );
    ret = WinHttpSetCredentials( via->client.request, WINHTTP_AUTH_TARGET_PROXY, scheme, user, password, NULL );
    ok( ret && !GetLastError(), "got %d, error %lu\n", ret, GetLastError() );                                   /* AU-7 */
}

void via_log_on_server( const struct via *via )
{
    BOOL ret = WinHttpSetCredentials( via->client.request, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_BASIC,
                                      peer_fact_w( &via->server, "user" ), peer_fact_w( &via->server, "password" ), NULL );

    ok( ret, "failed with %lu\n", GetLastError() );
}

void via_set_options( const struct via *via, const WCHAR *password )
{
    const WCHAR *user = peer_fact_w( &via->proxy, "user" );
    BOOL ret;

    if (!password) password = peer_fact_w( &via->proxy, "password" );
    ret = WinHttpSetOption( via->client.request, WINHTTP_OPTION_PROXY_USERNAME, (void *)user, lstrlenW( user ) );
    ok( ret, "failed with %lu\n", GetLastError() );
    ret = WinHttpSetOption( via->client.request, WINHTTP_OPTION_PROXY_PASSWORD, (void *)password, lstrlenW( password ) );
    ok( ret, "failed with %lu\n", GetLastError() );
}

void via_set_flag_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value )
{
    BOOL ret = WinHttpSetOption( handle, option, &value, sizeof(value) );

    ok_( file, line )( ret, "option %lu: error %lu\n", option, GetLastError() );
}

unsigned int via_said( const struct peer *relay, unsigned int from, const char *text )
{
    unsigned int i, len, n = strlen( text ), count = 0;
    char *record = peer_record( relay, from, &len );

    for (i = 0; i + n <= len; i++) if (!memcmp( record + i, text, n )) count++;
    free( record );
    return count;
}

static BOOL file_has( const char *path, const char *text )
{
    char line[1024];
    BOOL found = FALSE;
    FILE *file = fopen( path, "r" );

    while (file && !found && fgets( line, sizeof(line), file )) found = strstr( line, text ) != NULL;
    if (file) fclose( file );
    return found;
}

/* The proxy writes its line after the client has its answer; nothing tells when. */
BOOL via_logged( const struct peer *proxy, const char *text )
{
    const char *path = peer_fact( proxy, "log" );
    ULONGLONG start = GetTickCount64();
    BOOL found;

    while (!(found = file_has( path, text )) && milliseconds_since( start ) < WAIT_MS) Sleep( 10 );
    return found;
}

/* ---- each scheme ---- */

static const struct scheme
{
    const char *proxy;
    DWORD       flag;
    DWORD       resends;     /* at most, of a body that was written, where credentials are there from the beginning */
}
schemes[] =
{
    { "squid-basic-relay",  WINHTTP_AUTH_SCHEME_BASIC,  0 },
    { "squid-digest-relay", WINHTTP_AUTH_SCHEME_DIGEST, 1 },
    { "squid-ntlm-relay",   WINHTTP_AUTH_SCHEME_NTLM,   2 },
};

static void check_challenge( struct via *via, const struct scheme *scheme )
{
    DWORD supported = STALE, first = STALE, target = STALE, code = 0, size = sizeof(code);
    BOOL ret;

    via_check_status( via, 407 );                                                                               /* AU-14 */
    ret = WinHttpQueryHeaders( via->client.request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &code, &size, NULL );
    ok( ret && code == 407, "got %d, status %lu\n", ret, code );
    ok( via->body_len > 100 && strstr( via->body, "ERR_CACHE_ACCESS_DENIED" ), "%lu bytes: %.200s\n", (DWORD)via->body_len,
        via->body );                                                                                            /* AU-6 */
    ret = WinHttpQueryAuthSchemes( via->client.request, &supported, &first, &target );
    ok( ret && supported == scheme->flag && first == scheme->flag && target == WINHTTP_AUTH_TARGET_PROXY,
        "got %d, %#lx, %#lx, target %lu\n", ret, supported, first, target );                                    /* AU-5 */
}

/* What the proxy has served, and for whom. */
static void check_served( const struct via *via, const char *path )
{
    char line[256];

    via_check_status( via, 200 );
    ok( !strcmp( via_value( via, "proxy-authorization" ), "" ), "%s came out: %s\n", via->proxy.name, via->body );
    ok( via_value( via, "via" )[0], "nothing stands between: %s\n", via->body );
    sprintf( line, "http://www.peers.test:%u%s 200 ", via->server.port, path );
    ok( via_logged( &via->proxy, line ), "no %s in the list of the proxy\n", line );
}

/* The loop of a program that is asked, and answers. */
static void check_loop( struct via *via, const struct scheme *scheme )
{
    DWORD port;

    if (!via_request( via, NULL, L"/loop" )) return;
    via_send( via );
    port = via_port( via->client.request );
    check_challenge( via, scheme );
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via, "/loop" );
    /* the page of the 407 was read, and the proxy keeps its connections: C-2 */
    ok( !port || via_port( via->client.request ) == port, "another connection\n" );
}

static void check_unread_challenge( struct via *via, const struct scheme *scheme )
{
    DWORD port, err;

    if (!via_request( via, NULL, L"/unread" )) return;
    err = send_all( via, NULL, FALSE );
    ok( !err && client_status( via->client.request ) == 407, "error %lu\n", err );
    port = via_port( via->client.request );
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via, "/unread" );                                                                             /* AU-12 */
    ok( !port || via_port( via->client.request ) == port, "another connection\n" );
}

static void check_credentials_first( struct via *via, const struct scheme *scheme )
{
    if (!via_request( via, NULL, L"/first" )) return;
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via, "/first" );                                                                              /* AU-9 */
}

static void check_options( struct via *via, const struct scheme *scheme )
{
    if (!via_request( via, NULL, L"/options" )) return;
    via_set_options( via, NULL );
    via_send( via );
    check_served( via, "/options" );

    /* WinHttpSetCredentials wins */
    if (!via_request( via, NULL, L"/both" )) return;
    via_set_options( via, L"not this one" );
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via, "/both" );                                                                               /* AU-10 */
    if (!via_request( via, NULL, L"/wrong" )) return;
    via_log_on( via, scheme->flag, L"not this one" );
    via_set_options( via, NULL );
    via_send( via );
    check_challenge( via, scheme );                                                                             /* AU-10 */
}

static void check_wrong_password( struct via *via, const struct scheme *scheme )
{
    if (!via_request( via, NULL, L"/password" )) return;
    via_log_on( via, scheme->flag, L"not this one" );
    via_send( via );
    check_challenge( via, scheme );
    via_log_on( via, scheme->flag, NULL );
    via_send( via );
    check_served( via, "/password" );
}

/* What was given to WinHttpSendRequest goes again without the program. */
static void check_given_body( struct via *via, const struct scheme *scheme )
{
    if (!via_request( via, L"POST", L"/given" )) return;
    via_log_on( via, scheme->flag, NULL );
    via_post( via, "given by the program", FALSE );
    check_served( via, "/given" );
    ok( !strcmp( via_value( via, "method" ), "POST" ) && !strcmp( via_value( via, "length" ), "20" ), "got %s\n", via->body );
}

/* What was written is gone: the program is told to send all of it again, as the documentation of WinHttpWriteData says. */
static void check_written_body( struct via *via, const struct scheme *scheme, BOOL log_on )
{
    unsigned int i, resends = 0;

    if (!via_request( via, L"POST", L"/written" )) return;
    if (log_on) via_log_on( via, scheme->flag, NULL );
    else via_set_options( via, NULL );
    for (i = 0; i < 4; i++)
    {
        via_post( via, "written by the program", TRUE );
        if (via->error != ERROR_WINHTTP_RESEND_REQUEST) break;
        resends++;
    }
    check_served( via, "/written" );
    ok( resends <= max( scheme->resends, log_on ? 0 : 1 ), "%u times again\n", resends );
    ok( !strcmp( via_value( via, "length" ), "22" ), "got %s\n", via->body );
}

static void test_schemes( DWORD open_flags )
{
    unsigned int i, from;
    struct via via;

    for (i = 0; i < count_of( schemes ); i++)
    {
        winetest_push_context( "%s, %s", schemes[i].proxy, open_flags ? "asynchronous" : "synchronous" );
        if (via_open( &via, schemes[i].proxy, L"", "squid-origin", NULL, open_flags ))
        {
            from = peer_record_len( &via.proxy );
            check_loop( &via, &schemes[i] );
            check_unread_challenge( &via, &schemes[i] );
            check_credentials_first( &via, &schemes[i] );
            check_options( &via, &schemes[i] );
            check_wrong_password( &via, &schemes[i] );
            check_given_body( &via, &schemes[i] );
            check_written_body( &via, &schemes[i], TRUE );
            check_written_body( &via, &schemes[i], FALSE );
            ok( via_said( &via.proxy, from, "\r\nProxy-Authorization: " ), "the witness has seen no credentials\n" );
            ok( !via_said( &via.proxy, from, "\r\nAuthorization: " ), "the server's credentials from nowhere\n" );
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* Who is logged on in a realm is let in without a word, also under the middle policy: it is a proxy. */
static void test_default_credentials(void)
{
    struct via via;

    if (via_open( &via, "squid-negotiate-relay", L"", "squid-origin", NULL, 0 ) && via_request( &via, L"POST", L"/logged-on" ))
    {
        DWORD supported = 0, first = 0, target = STALE;

        /* nobody under the high one */
        via_send( &via );
        via_check_status( &via, 407 );
        ok( WinHttpQueryAuthSchemes( via.client.request, &supported, &first, &target ) &&
            supported == WINHTTP_AUTH_SCHEME_NEGOTIATE && target == WINHTTP_AUTH_TARGET_PROXY, "%#lx, target %lu\n", supported, target );
        via_set_flag( via.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM );
        via_send( &via );
        check_served( &via, "/logged-on" );
        via_set_flag( via.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY );
        via_post( &via, "to be repeated", FALSE );
        check_served( &via, "/logged-on" );
    }
    via_close( &via );
}

/* Of all that are offered the program's credentials fit one, or several; which of those is a choice, but one that works. */
static void test_all_schemes(void)
{
    DWORD supported = 0, first = 0, target = 0;
    struct via via;
    unsigned int i;

    if (via_open( &via, "squid-all-relay", L"", "squid-origin", NULL, 0 ))
    {
        if (via_request( &via, NULL, L"/all" ))
        {
            via_send( &via );
            via_check_status( &via, 407 );
            ok( WinHttpQueryAuthSchemes( via.client.request, &supported, &first, &target ), "failed with %lu\n", GetLastError() );
            ok( first && (supported & first) && supported & (supported - 1), "%#lx, first %#lx\n", supported, first );   /* AU-5 */
        }
        for (i = 0; i < count_of( schemes ); i++)
        {
            if (!(supported & schemes[i].flag) || !via_request( &via, NULL, L"/all" )) continue;
            via_log_on( &via, schemes[i].flag, NULL );
            via_send( &via );
            check_served( &via, "/all" );
        }
    }
    via_close( &via );
}

/* ---- both at once ---- */

static void test_proxy_and_server(void)
{
    unsigned int i, from;
    struct via via;

    for (i = 0; i < count_of( schemes ); i++)
    {
        winetest_push_context( "%s", schemes[i].proxy );
        if (via_open( &via, schemes[i].proxy, L"", "squid-origin", NULL, 0 ) && via_request( &via, NULL, L"/secret" ))
        {
            DWORD supported = 0, first = 0, target = STALE;
            BOOL ret;

            from = peer_record_len( &via.proxy );
            via_log_on( &via, schemes[i].flag, NULL );
            via_send( &via );
            via_check_status( &via, 401 );
            ret = WinHttpQueryAuthSchemes( via.client.request, &supported, &first, &target );
            ok( ret && supported == WINHTTP_AUTH_SCHEME_BASIC && target == WINHTTP_AUTH_TARGET_SERVER, "%#lx, target %lu\n",
                supported, target );                                                                            /* AU-4 */
            ok( !via_said( &via.proxy, from, "\r\nAuthorization:" ), "the server's credentials from nowhere\n" );
            /* "must be set again before each resend" */
            via_log_on( &via, schemes[i].flag, NULL );
            via_log_on_server( &via );
            via_send( &via );
            check_served( &via, "/secret" );                                                                    /* AU-8 */
            ok( !strncmp( via_value( &via, "authorization" ), "Basic ", 6 ), "got %s\n", via.body );

            /* both from the beginning */
            if (via_request( &via, L"POST", L"/secret" ))
            {
                via_log_on( &via, schemes[i].flag, NULL );
                via_log_on_server( &via );
                via_post( &via, "once", FALSE );
                check_served( &via, "/secret" );
            }
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* ---- whose connection it is ---- */

/* One that NTLM has authenticated is its user's within its session: nobody else gets through it without a word. */
static void test_authenticated_connection_is_not_shared(void)
{
    unsigned int from;
    struct via via, other;
    DWORD port;

    if (!via_open( &via, "squid-ntlm-relay", L"", "squid-origin", NULL, 0 ) || !via_open_again( &other, &via )) return;
    if (via_request( &via, NULL, L"/mine" ))
    {
        via_log_on( &via, WINHTTP_AUTH_SCHEME_NTLM, NULL );
        via_send( &via );
        check_served( &via, "/mine" );
        port = via_port( via.client.request );

        /* the same user again: no word is lost about it, or a new handshake on whatever connection */
        from = peer_record_len( &via.proxy );
        if (via_request( &via, NULL, L"/mine-again" ))
        {
            via_log_on( &via, WINHTTP_AUTH_SCHEME_NTLM, NULL );
            via_send( &via );
            check_served( &via, "/mine-again" );
            ok( !port || via_port( via.client.request ) == port, "another connection\n" );
            ok( !via_said( &via.proxy, from, "Proxy-Authorization" ), "a new handshake on the same connection\n" );
        }
        /* another session */
        if (via_request( &other, NULL, L"/theirs" ))
        {
            via_send( &other );
            via_check_status( &other, 407 );
            ok( !port || via_port( other.client.request ) != port, "the same connection\n" );
        }
        /* another user of the same session, who is not known, and nobody */
        if (via_request( &via, NULL, L"/wrong" ))
        {
            via_log_on( &via, WINHTTP_AUTH_SCHEME_NTLM, L"not this one" );
            via_send( &via );
            via_check_status( &via, 407 );
        }
        if (via_request( &via, NULL, L"/nobody" ))
        {
            via_send( &via );
            via_check_status( &via, 407 );
        }
    }
    via_close( &via );
    via_close( &other );
}

/* Basic and Digest are of requests: the next one has no credentials of its own. */
static void test_credentials_are_of_one_request(void)
{
    unsigned int i;
    struct via via;

    for (i = 0; i < 2; i++)
    {
        if (via_open( &via, schemes[i].proxy, L"", "squid-origin", NULL, 0 ) && via_request( &via, NULL, L"/one" ))
        {
            via_log_on( &via, schemes[i].flag, NULL );
            via_send( &via );
            check_served( &via, "/one" );
            if (via_request( &via, NULL, L"/other" ))
            {
                via_send( &via );
                check_challenge( &via, &schemes[i] );
            }
        }
        via_close( &via );
    }
}

/* ---- who goes there ---- */

/* Only what the list does not except, and the proxy is not asked for the rest. */
static void test_bypass(void)
{
    static const struct { const WCHAR *bypass, *host; BOOL through; } rows[] =
    {
        { L"other.test",             L"127.0.0.1", TRUE },
        { L"127.0.0.1",              L"127.0.0.1", FALSE },
        { L"a.test;127.*",           L"127.0.0.1", FALSE },
        { L"<local>",                L"localhost", FALSE },
        { L"<local>",                L"127.0.0.1", TRUE },
        { L"LOCALHOST",              L"localhost", FALSE },
        { L"*.peers.test",           L"localhost", TRUE },
        { L"one.peers.test",         SERVER_NAME,  TRUE },
    };
    unsigned int i, from;
    struct via via;
    WCHAR list[64];

    for (i = 0; i < count_of( rows ); i++)
    {
        WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, list, (WCHAR *)rows[i].bypass };

        winetest_push_context( "%ls, but %ls", rows[i].host, rows[i].bypass );
        if (via_open( &via, "squid-relay", L"", "squid-origin", rows[i].host, 0 ))
        {
            wsprintfW( list, L"localhost:%u", via.proxy.port );
            ok( WinHttpSetOption( via.client.session, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "failed with %lu\n", GetLastError() );
            from = peer_record_len( &via.proxy );
            via_check_get( &via, L"/bypass" );
            ok( !via_value( &via, "via" )[0] == !rows[i].through, "came by %s\n", via_value( &via, "via" ) );
            ok( via_said( &via.proxy, from, "/bypass HTTP/1.1\r\n" ) == (rows[i].through ? 1 : 0), "the proxy was asked, or not\n" );
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* The proxy's own 403 is the response of a plain request. */
static void test_refused(void)
{
    struct via via;

    if (via_open( &via, "squid", L"", "squid-origin", L"refused.peers.test", 0 ) && via_request( &via, NULL, L"/" ))
    {
        via_send( &via );
        via_check_status( &via, 403 );
        ok( strstr( via.body, "ERR_ACCESS_DENIED" ) != NULL, "body %.200s\n", via.body );
    }
    via_close( &via );
}

/* One connection to the proxy serves several requests, to whichever server. */
static void test_connection_is_kept(void)
{
    struct via via;
    DWORD port;
    int i;

    if (via_open( &via, "squid", L"", "squid-origin", NULL, 0 ))
    {
        via_check_get( &via, L"/0" );
        port = via_port( via.client.request );
        for (i = 1; i < 4; i++)
        {
            via_check_get( &via, L"/next" );
            ok( !port || via_port( via.client.request ) == port, "%d: another connection\n", i );                /* C-1 */
        }
    }
    via_close( &via );
}

/* ---- bodies ---- */

static DWORD next_random( DWORD *state )
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

static void fill( BYTE *data, DWORD size, DWORD *state )
{
    DWORD i;

    for (i = 0; i < size; i += sizeof(DWORD)) *(DWORD *)(data + i) = next_random( state );
}

static BOOL put_large( struct via *via, const WCHAR *path )
{
    static BYTE data[MIB];
    DWORD i, count, state = 1;
    BOOL ret;

    if (!via_request( via, L"PUT", path )) return FALSE;
    ret = WinHttpSendRequest( via->client.request, NULL, 0, NULL, 0, LARGE * MIB, 0 );
    for (i = 0; ret && i < LARGE; i++)
    {
        fill( data, MIB, &state );
        ret = WinHttpWriteData( via->client.request, data, MIB, &count );
        ok( !ret || count == MIB, "%lu bytes\n", count );
    }
    ret = ret && WinHttpReceiveResponse( via->client.request, NULL );
    ok( ret, "failed with %lu, MiB %lu\n", GetLastError(), i );
    if (ret) ok( client_status( via->client.request ) == 201, "status %lu\n", client_status( via->client.request ) );
    return ret;
}

static void get_large( struct via *via, const WCHAR *path )
{
    static BYTE data[MIB], expected[MIB];
    DWORD i, got, count, state = 1, bad = 0;
    BOOL ret = TRUE;

    if (!via_request( via, NULL, path ) || !client_get( &via->client )) return;
    for (i = 0; ret && i <= LARGE; i++)
    {
        for (got = 0; got < MIB; got += count)
            if (!(ret = WinHttpReadData( via->client.request, data + got, MIB - got, &count )) || !count) break;
        if (i == LARGE || got < MIB) break;
        fill( expected, MIB, &state );
        if (memcmp( data, expected, MIB )) bad++;
    }
    ok( ret && i == LARGE && !got, "error %lu, %lu MiB and %lu bytes\n", GetLastError(), i, got );
    ok( !bad, "%lu MiB are not what was sent\n", bad );
}

void via_check_large( struct via *via, const WCHAR *path )
{
    if (put_large( via, path )) get_large( via, path );
    if (!via_request( via, L"DELETE", path )) return;
    via_send( via );
    via_check_status( via, 204 );
}

static void test_large_bodies(void)
{
    struct via via;

    if (via_open( &via, "squid", L"", "squid-origin", NULL, 0 )) via_check_large( &via, L"/files/plain" );
    via_close( &via );
}

/* A trailer is between neighbours: a proxy may keep it for itself, but not break the body over it. */
static void test_trailer(void)
{
    struct via via;

    if (via_open( &via, "squid", L"", "squid-origin", NULL, 0 ))
    {
        via_check_get( &via, L"/trailer" );
        ok( !strcmp( via.body, "trailer\n" ), "body %s\n", via.body );
    }
    via_close( &via );
}

START_TEST(proxy_servers)
{
    test_schemes( 0 );
    test_schemes( WINHTTP_FLAG_ASYNC );
    test_default_credentials();
    test_all_schemes();
    test_proxy_and_server();
    test_authenticated_connection_is_not_shared();
    test_credentials_are_of_one_request();
    test_bypass();
    test_refused();
    test_connection_is_kept();
    test_large_bodies();
    test_trailer();
}
