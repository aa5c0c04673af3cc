/*
 * Unit test of SOCKS proxies, versions 4a and 5, for http and https
 *
 * Source: RFC 1928, RFC 1929, the memos on SOCKS 4 and 4A.
 */

#define _GNU_SOURCE    /* memmem */
#include "proxy_peer.h"

#define PAGE "GET / HTTP/1.1"

static const enum proxy_way ways[2] = { WAY_SOCKS4, WAY_SOCKS5 };

static int logged( const char *bytes, size_t len )
{
    int found;

    pthread_mutex_lock( &proxy_lock );
    found = memmem( proxy_log, proxy_log_len, bytes, len ) != NULL;
    pthread_mutex_unlock( &proxy_lock );
    return found;
}
#define LOGGED( text ) logged( text, sizeof(text) - 1 )

static void test_http_and_https_go_through( void )
{
    struct client client;
    struct ask ask = { .scheme = 0 };
    unsigned int i, tls, bytewise;

    for (i = 0; i < 2; i++)
        for (tls = 0; tls < 2; tls++)
            for (bytewise = 0; bytewise < 2; bytewise++)
            {
                struct proxy_script script = { .way = ways[i], .tls = tls, .bytewise = bytewise };

                proxy_begin( &script );
                ask.scheme = tls ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
                expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) );
                expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) );
                expect( peer_connections( &proxy.peer ) == 1 );
                if (i) expect( LOGGED( "\5\1\0\5\1\0\3\11localhost\21\121" ) );
                else expect( LOGGED( "\4\1\21\121\0\0\0\1\0localhost\0" ) );
                proxy_end();
            }
}

/* A tunnel serves one target. */
static void test_ways_through_are_kept_apart( void )
{
    struct client client;
    struct ask ask = { .scheme = WH_SCHEME_HTTP }, other = { .scheme = WH_SCHEME_HTTP, .port = 4434 };
    unsigned int i;

    for (i = 0; i < 2; i++)
    {
        struct proxy_script script = { .way = ways[i] };

        proxy_begin( &script );
        expect( !ask_get( &client, &ask ) && !ask_get( &client, &other ) );
        expect( peer_connections( &proxy.peer ) == 2 );
        proxy_end();
    }
}

static void test_addresses_go_as_addresses( void )
{
    static const struct { enum proxy_way way; const char *host, *bytes; size_t len; } rows[] =
    {
        { WAY_SOCKS5, "127.0.0.1", "\5\1\0\1\177\0\0\1\21\121", 10 },
        { WAY_SOCKS5, "::1", "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\21\121", 22 },
        { WAY_SOCKS4, "127.0.0.1", "\4\1\21\121\177\0\0\1\0", 9 },
        { WAY_SOCKS4, "::1", "\4\1\21\121\0\0\0\1\0::1\0", 13 },     /* it has no other way to say so */
    };
    struct client client;
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct proxy_script script = { .way = rows[i].way };
        struct ask ask = { .scheme = WH_SCHEME_HTTP, .host = rows[i].host };

        proxy_begin( &script );
        expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) );
        expect( logged( rows[i].bytes, rows[i].len ) );
        proxy_end();
    }
}

static void test_login( void )
{
    static const struct { const char *login, *auth; uint32_t error; } rows[] =
    {
        { "user:pass:word", "user:pass:word", WHE_OK },
        { "user:", "user", WHE_OK },
        { "user:pass", "user:wrong", WHE_PROXY_CONNECT },
        { "user:pass", NULL, WHE_PROXY_CONNECT },
        { NULL, "user:pass", WHE_OK },                     /* offered, not asked for, not told */
    };
    static char long_login[400];
    struct client client;
    struct wh_route route;
    struct ask ask = { .route = &route, .scheme = WH_SCHEME_HTTP };
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct proxy_script script = { .way = WAY_SOCKS5, .login = rows[i].login };

        proxy_begin( &script );
        route = proxy_route( rows[i].auth );
        expect( ask_get( &client, &ask ) == rows[i].error );
        if (!rows[i].login) expect( !LOGGED( "pass" ) );
        proxy_end();
    }
    {
        struct proxy_script script = { .way = WAY_SOCKS4, .login = "user" };

        proxy_begin( &script );
        route = proxy_route( "user:pass" );
        expect( !ask_get( &client, &ask ) && is_page( &client, PAGE ) && !LOGGED( "pass" ) );
        route = proxy_route( "other" );
        route.identity = 1;
        route.partition = 1;
        expect( ask_get( &client, &ask ) == WHE_PROXY_CONNECT && client.detail == 93 );
        memset( long_login, 'x', sizeof(long_login) - 1 );
        route = proxy_route( long_login );
        route.partition = 2;
        expect( ask_get( &client, &ask ) == WHE_INVALID );
        proxy_end();
    }
}

/* A user's name may have a colon in it, where the caller says how long it is. */
static void test_a_colon_in_a_name( void )
{
    static const struct { uint32_t user_len; const char *login; } rows[] = { { 0, "\1\1a\5b:pwd" }, { 3, "\1\3a:b\3pwd" } };
    static const struct proxy_script script = { .way = WAY_SOCKS5, .login = "a:b:pwd" };
    struct ask ask = { .scheme = WH_SCHEME_HTTP };
    struct client client;
    struct wh_route route;
    unsigned int i;

    ask.route = &route;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        proxy_begin( &script );
        route = proxy_route( "a:b:pwd" );
        route.identity = 1;
        route.proxy_user_len = rows[i].user_len;
        expect( !ask_get( &client, &ask ) );
        expect( in_log( proxy_log + 4, rows[i].login ) );    /* behind the methods, in which there is a NUL */
        route.proxy_user_len = 8;
        expect( ask_get( &client, &ask ) == WHE_INVALID );
        proxy_end();
    }
}

static void test_replies_have_errors( void )
{
    static const struct { enum proxy_way way; unsigned int reply; uint32_t error; } rows[] =
    {
        { WAY_SOCKS5, 1, WHE_CONNECT }, { WAY_SOCKS5, 2, WHE_PROXY_CONNECT }, { WAY_SOCKS5, 3, WHE_CONNECT },
        { WAY_SOCKS5, 4, WHE_CONNECT }, { WAY_SOCKS5, 5, WHE_CONNECT }, { WAY_SOCKS5, 6, WHE_CONNECT },
        { WAY_SOCKS5, 7, WHE_PROXY_CONNECT }, { WAY_SOCKS5, 8, WHE_PROXY_CONNECT }, { WAY_SOCKS5, 99, WHE_PROXY_CONNECT },
        { WAY_SOCKS4, 91, WHE_CONNECT }, { WAY_SOCKS4, 92, WHE_PROXY_CONNECT }, { WAY_SOCKS4, 93, WHE_PROXY_CONNECT },
    };
    struct client client;
    struct ask ask = { .scheme = WH_SCHEME_HTTP };
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct proxy_script script = { .way = rows[i].way, .reply = rows[i].reply };

        proxy_begin( &script );
        expect( ask_get( &client, &ask ) == rows[i].error && client.detail == rows[i].reply );
        proxy_end();
    }
}

static void test_what_is_no_reply_fails( void )
{
    static const struct { enum proxy_way way; const char *raw; size_t len; uint32_t error; } rows[] =
    {
        { WAY_SOCKS5, "\5\377", 2, WHE_PROXY_CONNECT },
        { WAY_SOCKS5, "\5\1", 2, WHE_PROTOCOL },             /* GSSAPI was not offered */
        { WAY_SOCKS5, "\5\2", 2, WHE_PROTOCOL },             /* nor was a login */
        { WAY_SOCKS5, "HT", 2, WHE_PROTOCOL },
        { WAY_SOCKS5, "\5", 1, WHE_PROXY_RESET },
        { WAY_SOCKS5, "", 0, WHE_PROXY_RESET },
        { WAY_SOCKS5, "\5\0\4\0\0\1\0\0\0\0\0\0", 12, WHE_PROTOCOL },
        { WAY_SOCKS5, "\5\0\5\0\0\2\0\0\0\0\0\0", 12, WHE_PROTOCOL },
        { WAY_SOCKS5, "\5\0\5\0\0\3\377abc", 10, WHE_PROXY_RESET },
        { WAY_SOCKS4, "HTTP/1.1", 8, WHE_PROTOCOL },
        { WAY_SOCKS4, "\0\132\0\0", 4, WHE_PROXY_RESET },
    };
    struct client client;
    struct ask ask = { .scheme = WH_SCHEME_HTTP };
    unsigned int i, j;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (j = 0; j < 2; j++)
        {
            struct proxy_script script = { .way = rows[i].way, .raw = rows[i].raw, .raw_len = rows[i].len, .bytewise = j };

            proxy_begin( &script );
            expect( ask_get( &client, &ask ) == rows[i].error );
            proxy_end();
        }
}

int main(void)
{
    make_certificates();
    client_begin( 60000 );
    run( test_http_and_https_go_through );
    run( test_ways_through_are_kept_apart );
    run( test_addresses_go_as_addresses );
    run( test_login );
    run( test_a_colon_in_a_name );
    run( test_replies_have_errors );
    run( test_what_is_no_reply_fails );
    client_end();
    remove_certificates();
    return test_end( "test_proxy_socks" );
}
