/*
 * SOCKS servers that others have written, and what a script's list of proxies comes to with real ones
 *
 * danted and microsocks of tests/fixtures/peers/socks.sh, squid, and a server behind them. Windows leaves SOCKS to WinINet
 * (behaviour-concepts.md section 4.1): that it works here, in scripts, in lists and as a result of them, is a choice, and is not
 * asked of Windows. Rules: behaviour-concepts.md sections 4.1, 4.2, 4.6 and 4.7.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>

#include "wine/test.h"
#include "server.h"
#include "tls.h"
#include "peers.h"
#include "proxy_automatic.h"
#include "proxy_servers.h"

static BOOL has_socks(void)
{
    if (!strcmp( winetest_platform, "wine" )) return TRUE;
    skip( "SOCKS is for Wine only\n" );
    return FALSE;
}

/* ---- one exchange ---- */

/* The handles of a session that the caller has opened. */
static void take_client( struct via *via, const struct client *client, DWORD flags )
{
    via->client = *client;
    via->recorder = NULL;
    via->flags = flags;
}

static void check_through( struct via *via, const char *request, unsigned int from, unsigned int count )
{
    unsigned int said;

    via_check_status( via, 200 );
    said = via_said( &via->proxy, from, request );
    ok( said == count, "%u of \"%s\"\n", said, request );
}

/* ---- lists and results ---- */

/* WINHTTP_PROXY_INFO's forms of a server that speaks SOCKS. */
static void test_lists(void)
{
    static const struct { const WCHAR *form, *host; const char *server; DWORD flags; } rows[] =
    {
        { L"socks5://127.0.0.1:%u", L"localhost", "squid-origin",     0 },
        { L"socks5://127.0.0.1:%u", L"localhost", "squid-origin-tls", WINHTTP_FLAG_SECURE },
        { L"socks5://127.0.0.1:%u", L"127.0.0.1", "squid-origin",     0 },
        { L"socks4://127.0.0.1:%u", L"127.0.0.1", "squid-origin",     0 },
        { L"socks4://127.0.0.1:%u", L"127.0.0.1", "squid-origin-tls", WINHTTP_FLAG_SECURE },
        { L"http=nobody.invalid:1;https=socks5://127.0.0.1:%u", L"localhost", "squid-origin-tls", WINHTTP_FLAG_SECURE },
    };
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL };
    unsigned int i, from;
    struct via via;
    WCHAR list[128];

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%ls, %ls", rows[i].form, rows[i].host );
        if (via_open( &via, "socks-relay", L"", rows[i].server, rows[i].host, 0 ))
        {
            via.flags = rows[i].flags;
            wsprintfW( list, rows[i].form, via.proxy.port );
            info.lpszProxy = list;
            ok( WinHttpSetOption( via.client.session, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "failed with %lu\n", GetLastError() );
            from = peer_record_len( &via.proxy );
            via_check_get( &via, L"/by-list" );
            ok( !via_value( &via, "via" )[0] && !via_value( &via, "proxy-authorization" )[0], "got %s\n", via.body );
            /* the server resolves names; what TLS hides it does not see */
            check_through( &via, "GET /by-list HTTP/1.1\r\n", from, rows[i].flags ? 0 : 1 );
            if (!lstrcmpW( rows[i].host, L"localhost" ) && rows[i].flags)
                ok( via_said( &via.proxy, from, "\x05\x01" ) && via_said( &via.proxy, from, "localhost" ), "not by its name\n" );
            /* one connection for both */
            from = peer_record_len( &via.proxy );
            if (via_request( &via, L"POST", L"/by-list" )) via_post( &via, "some bytes", FALSE );
            check_through( &via, "POST /by-list HTTP/1.1\r\n", from, rows[i].flags ? 0 : 1 );
            ok( !via_said( &via.proxy, from, "\x01\x7f" ) || rows[i].flags, "asked for once more\n" );
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* A proxy that a resolver has found; INTERNET_SCHEME_SOCKS is version 4, as the keyword of scripts. */
static void test_result_entry(void)
{
    WINHTTP_PROXY_RESULT_ENTRY entry = { TRUE, FALSE, INTERNET_SCHEME_SOCKS, (WCHAR *)L"127.0.0.1", 0 };
    unsigned int from;
    struct via via;

    if (via_open( &via, "socks-relay", L"", "squid-origin", L"127.0.0.1", 0 ) && via_request( &via, NULL, L"/by-entry" ))
    {
        from = peer_record_len( &via.proxy );
        entry.ProxyPort = via.proxy.port;
        ok( WinHttpSetOption( via.client.request, WINHTTP_OPTION_PROXY_RESULT_ENTRY, &entry, sizeof(entry) ), "failed with %lu\n",
            GetLastError() );
        via_send( &via );
        check_through( &via, "GET /by-entry HTTP/1.1\r\n", from, 1 );
        ok( via_said( &via.proxy, from, "\x04\x01" ) >= 1, "not by version 4\n" );
    }
    via_close( &via );
}

/* User and password of the proxy, however the program gives them; the server behind it hears nothing of it. */
static void test_user_and_password(void)
{
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL };
    struct via via;
    WCHAR list[64];
    int i;

    for (i = 0; i < 4; i++)
    {
        winetest_push_context( "%d", i );
        if (via_open( &via, "socks-user-relay", L"", "squid-origin", L"127.0.0.1", 0 ))
        {
            wsprintfW( list, L"socks5://127.0.0.1:%u", via.proxy.port );
            info.lpszProxy = list;
            ok( WinHttpSetOption( via.client.session, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "failed with %lu\n", GetLastError() );
            if (via_request( &via, NULL, L"/by-user" ))
            {
                if (i == 0) via_set_options( &via, NULL );
                if (i == 1) via_log_on( &via, WINHTTP_AUTH_SCHEME_BASIC, NULL );
                if (i == 2) via_set_options( &via, L"not this one" );
                via_send( &via );
                if (i < 2)
                {
                    via_check_status( &via, 200 );
                    ok( !via_value( &via, "proxy-authorization" )[0], "got %s\n", via.body );
                }
                else ok( via.error == ERROR_WINHTTP_CANNOT_CONNECT, "error %lu, status %lu\n", via.error, via.status );
            }
        }
        via_close( &via );
        winetest_pop_context();
    }
}

/* A server that the proxy cannot reach, and a proxy that is none. */
static void test_what_cannot_be_reached(void)
{
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, NULL, NULL };
    static const char *const proxies[] = { "socks-relay", "squid-origin" };
    struct via via;
    WCHAR list[64];
    unsigned int i;

    for (i = 0; i < count_of( proxies ); i++)
    {
        if (via_open( &via, proxies[i], L"", "squid-origin", L"127.0.0.1", 0 ))
        {
            wsprintfW( list, L"socks5://127.0.0.1:%u", via.proxy.port );
            info.lpszProxy = list;
            ok( WinHttpSetOption( via.client.session, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "failed with %lu\n", GetLastError() );
            if (!i)
            {
                WinHttpCloseHandle( via.client.connect );
                via.client.connect = WinHttpConnect( via.client.session, L"127.0.0.1", server_closed_port(), 0 );
            }
            if (via_request( &via, NULL, L"/" ))
            {
                via_send( &via );
                ok( via.error == ERROR_WINHTTP_CANNOT_CONNECT || (i && via.error == ERROR_WINHTTP_CONNECTION_ERROR) ||
                    (i && via.error == ERROR_WINHTTP_INVALID_SERVER_RESPONSE), "%s: error %lu\n", proxies[i], via.error );
            }
        }
        via_close( &via );
    }
}

/* ---- scripts ---- */

enum passes { BY_SOCKS, BY_SQUID, DIRECTLY };

/* What a script says, with the ports of a dead proxy, of the SOCKS server and of squid in this order. */
static const struct script
{
    const char *answer;
    enum passes passes;
    BOOL        socks;      /* Windows does not know it */
}
scripts[] =
{
    { "SOCKS5 127.0.0.1:#2",                            BY_SOCKS, TRUE },
    { "PROXY 127.0.0.1:#1; SOCKS5 127.0.0.1:#2",        BY_SOCKS, TRUE },
    { "SOCKS5 127.0.0.1:#1; PROXY 127.0.0.1:#3",        BY_SQUID, TRUE },
    { "PROXY 127.0.0.1:#3; DIRECT",                     BY_SQUID, FALSE },
    { "PROXY 127.0.0.1:#1; PROXY 127.0.0.1:#3",         BY_SQUID, FALSE },
    { "PROXY 127.0.0.1:#1; PROXY 127.0.0.1:#3; DIRECT", BY_SQUID, FALSE },
    { "PROXY 127.0.0.1:#1; DIRECT",                     DIRECTLY, FALSE },
    { "DIRECT",                                         DIRECTLY, FALSE },
};

/* #1 to #3 are ports. */
static void expand( char *text, const char *answer, const unsigned int ports[3] )
{
    text += sprintf( text, "function FindProxyForURL(url, host) { return '" );
    while (*answer)
    {
        if (*answer == '#')
        {
            text += sprintf( text, "%u", ports[answer[1] - '1'] );
            answer += 2;
        }
        else *text++ = *answer++;
    }
    strcpy( text, "'; }" );
}

/* For the direct way; proxies resolve names by themselves. A loopback address would not do: it has no proxy. */
static BOOL set_resolution( struct via *via )
{
    BOOL ret = WinHttpSetOption( via->client.request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, via->server.host,
                                 (lstrlenW( via->server.host ) + 1) * sizeof(WCHAR) );

    if (!ret) win_skip( "no RESOLUTION_HOSTNAME: error %lu\n", GetLastError() );
    return ret;
}

/* `socks` NULL: there is none, and the script does not need it. */
static void check_script( const struct script *script, struct via *via, const struct peer *squid, const struct peer *socks,
                          const char *verb )
{
    const unsigned int ports[] = { server_closed_port(), socks ? socks->port : 0, squid->port };
    unsigned int socks_len = socks ? peer_record_len( socks ) : 0, squid_len = peer_record_len( squid );
    struct client client;
    struct server *pac;
    char text[512];

    expand( text, script->answer, ports );
    if (!(pac = automatic_script( text ))) return;
    if (automatic_open( &client, SERVER_NAME, via->server.port, NULL, 0 ))
    {
        WCHAR verbW[8];

        take_client( via, &client, via->flags );
        MultiByteToWideChar( CP_ACP, 0, verb, -1, verbW, count_of( verbW ) );
        if (via_request( via, verbW, L"/by-script" ) && set_resolution( via ))
        {
            via_post( via, strcmp( verb, "POST" ) ? NULL : "goes along with each try", FALSE );
            via_check_status( via, 200 );
            ok( !!via_value( via, "via" )[0] == (script->passes == BY_SQUID && !via->flags), "by %s\n", via_value( via, "via" ) );
            if (socks) socks_len = peer_record_len( socks ) - socks_len;
            squid_len = peer_record_len( squid ) - squid_len;
            ok( !socks_len == (script->passes != BY_SOCKS), "SOCKS has heard %u bytes\n", socks_len );
            ok( !squid_len == (script->passes != BY_SQUID), "squid has heard %u bytes\n", squid_len );
            if (!strcmp( verb, "POST" )) ok( !strcmp( via_value( via, "length" ), "24" ), "got %s\n", via->body );
        }
        client = via->client;
    }
    client_close( &client );
    server_stop( pac );
}

static void test_scripts(void)
{
    static const char *const servers[] = { "squid-origin", "squid-origin-tls" };
    struct peer squid, socks;
    unsigned int i, j;
    struct via via;
    BOOL use_socks;

    memset( &via, 0, sizeof(via) );
    if (!find_peer( "squid-relay", &squid ) || !automatic_begin()) return;
    via.proxy = squid;
    use_socks = !strcmp( winetest_platform, "wine" ) && find_peer( "socks-relay", &socks ) && peer_fact( &socks, "names" )[0];
    if (!use_socks) skip( "no SOCKS in scripts: not on Windows, and the server has to know the names\n" );
    for (i = 0; i < count_of( scripts ); i++)
        for (j = 0; j < 3; j++)
        {
            if (scripts[i].socks && !use_socks) continue;
            if (!find_peer( servers[j == 1], &via.server )) break;
            via.flags = j == 1 ? WINHTTP_FLAG_SECURE : 0;
            winetest_push_context( "%s, %u", scripts[i].answer, j );
            check_script( &scripts[i], &via, &squid, use_socks ? &socks : NULL, j == 2 ? "POST" : "GET" );
            winetest_pop_context();
        }
    automatic_end();
}

START_TEST(proxy_other)
{
    if (has_socks())
    {
        test_lists();
        test_result_entry();
        test_user_and_password();
        test_what_cannot_be_reached();
    }
    test_scripts();
}
