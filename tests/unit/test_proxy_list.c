/*
 * Tests of proxy_list.c: which servers a list names, and which hosts go past them
 */

#include "test.h"
#include "win_shim.h"
#include "proxy_list.h"

static const char *kind_name( enum proxy_server_kind kind )
{
    static const char *const names[] = { "http", "https", "socks4", "socks5" };

    return names[kind];
}

/* "kind host port" of each server, apart by commas. */
static BOOL servers_are( const struct proxy_server *servers, DWORD count, const char *expected )
{
    char text[1024] = "", host[PROXY_HOST_MAX];
    DWORD i, j;

    for (i = 0; i < count; i++)
    {
        for (j = 0; (host[j] = (char)servers[i].host[j]); j++) ;
        snprintf( text + strlen( text ), sizeof(text) - strlen( text ), "%s%s %s %u", i ? "," : "", kind_name( servers[i].kind ),
                  host, servers[i].port );
    }
    if (!strcmp( text, expected )) return TRUE;
    fprintf( stderr, "got \"%s\"\n", text );
    return FALSE;
}

static BOOL finds( const WCHAR *list, const WCHAR *scheme, const char *expected )
{
    struct proxy_server servers[8];

    return servers_are( servers, proxy_list_find( list, scheme, servers, ARRAYSIZE( servers ) ), expected );
}

static void test_lists(void)
{
    static const struct { const WCHAR *list, *scheme; const char *servers; } rows[] =
    {
        { L"proxy", L"http", "http proxy 80" },
        { L"proxy:8080", L"https", "http proxy 8080" },
        { L"http=a:81", L"http", "http a 81" },
        { L"http=a:81", L"https", "" },
        { L"http=a:81;https=b:82", L"https", "http b 82" },
        { L"HTTP=a:81 HTTPS=b:82", L"https", "http b 82" },
        { L"http=a;b", L"https", "http b 80" },
        { L"http=a;b", L"http", "http a 80" },
        { L"a:1;b:2\tc:3\r\nd:4", L"http", "http a 1,http b 2,http c 3,http d 4" },
        { L"http://a:8080/", L"http", "http a 8080" },
        { L"https://a", L"http", "https a 443" },
        { L"https=https://a:8443", L"https", "https a 8443" },
        { L"http=http://a", L"http", "http a 80" },
        { L"[::1]:3128", L"http", "http ::1 3128" },
        { L"[fe80::1]", L"http", "http fe80::1 80" },
        { L"::1", L"http", "http ::1 80" },
        { L"socks=a:1080", L"http", "" },
        { L"socks4://a:1080;b", L"http", "socks4 a 1080,http b 80" },
        { L"https=socks5://a", L"https", "socks5 a 1080" },
        { L"quic://a:1080;://b;c", L"http", "http b 80,http c 80" },
        { L"ftp=a:21;gopher=b", L"http", "" },
        { L";; ;", L"http", "" },
        { L"", L"http", "" },
        { L"user@a:80;b", L"http", "http b 80" },
        { L"a:0;a:65536;a:x;a:;:80;b:65535", L"http", "http b 65535" },
        { L"[::1;a/b;c", L"http", "http c 80" },
        { L"[::1]x;c", L"http", "http c 80" },
        { L"=a", L"http", "http a 80" },
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
        if (!expect( finds( rows[i].list, rows[i].scheme, rows[i].servers ) )) fprintf( stderr, "row %u\n", i );
}

static void test_more_servers_than_asked_for(void)
{
    struct proxy_server servers[2];

    memset( servers, 0x55, sizeof(servers) );
    expect( proxy_list_find( L"a b c", L"http", servers, 1 ) == 3 );
    expect( servers_are( servers, 1, "http a 80" ) );
    expect( servers[1].port == 0x5555 );
    expect( proxy_list_find( L"a b c", L"http", NULL, 0 ) == 3 );
}

static void test_a_name_that_is_too_long(void)
{
    WCHAR list[400];
    unsigned int i;

    for (i = 0; i < 256; i++) list[i] = 'a';
    list[i] = 0;
    expect( finds( list, L"http", "" ) );
    list[255] = ';';
    list[256] = 0;
    expect( proxy_list_find( list, L"http", NULL, 0 ) == 1 );
}

static void test_what_a_list_may_not_hold(void)
{
    expect( !proxy_list_check( L"" ) );
    expect( !proxy_list_check( L"a:80;http=b;https=https://c:1/;socks=d:1080 [::1]:80;ftp=x" ) );
    expect( proxy_list_check( L"user:pass@a:80" ) == ERROR_INVALID_PARAMETER );
    expect( proxy_list_check( L"a;http=http://user@b" ) == ERROR_INVALID_PARAMETER );
    expect( proxy_list_check( L"a:99999" ) == ERROR_INVALID_PARAMETER );
    expect( proxy_list_check( L"a\x01" ) == ERROR_INVALID_PARAMETER );
    expect( proxy_list_check( L"http=" ) == ERROR_INVALID_PARAMETER );
}

static BOOL answers( const WCHAR *answer, const char *expected, BOOL expected_direct )
{
    struct proxy_server servers[8];
    BOOL direct;
    DWORD count = proxy_script_find( answer, servers, ARRAYSIZE( servers ), &direct );

    return servers_are( servers, count, expected ) && direct == expected_direct;
}

/* PX-36 */
static void test_answers_of_scripts(void)
{
    expect( answers( L"PROXY a:8080", "http a 8080", FALSE ) );
    expect( answers( L"DIRECT", "", TRUE ) );
    expect( answers( L" proxy a ; direct; PROXY b", "http a 80", TRUE ) );
    expect( answers( L"PROXY a:1;PROXY b:2 ;\tSOCKS c", "http a 1,http b 2,socks4 c 1080", FALSE ) );
    expect( answers( L"SOCKS5 a:1;HTTPS b;HTTP c;SOCKS4 d", "socks5 a 1,https b 443,http c 80,socks4 d 1080", FALSE ) );
    expect( answers( L"QUIC a:1; PROXY b", "http b 80", FALSE ) );
    expect( answers( L"PROXY", "", FALSE ) );
    expect( answers( L"PROXY ;PROXY a b;PROXY u@c;PROXY d:x", "", FALSE ) );
    expect( answers( L"PROXY [::1]:80", "http ::1 80", FALSE ) );
    expect( answers( L"", "", FALSE ) );
    expect( answers( L";;", "", FALSE ) );
}

static BOOL bypassed( const WCHAR *bypass, const WCHAR *scheme, const WCHAR *host, INTERNET_PORT port )
{
    return proxy_bypass_match( bypass, scheme, host, lstrlenW( host ), port );
}

static void test_bypass(void)
{
    static const struct { const WCHAR *bypass, *scheme, *host; INTERNET_PORT port; BOOL past; } rows[] =
    {
        { L"host.test", L"http", L"host.test", 80, TRUE },
        { L"HOST.test", L"http", L"host.TEST", 80, TRUE },
        { L"host.test", L"http", L"xhost.test", 80, FALSE },
        { L"host.test", L"http", L"host.test.", 80, FALSE },
        { L"*.test", L"http", L"a.b.test", 80, TRUE },
        { L"*.test", L"http", L"test", 80, FALSE },
        { L"*test", L"http", L"test", 80, TRUE },
        { L"10.*", L"http", L"10.1.2.3", 80, TRUE },
        { L"1*0.*.3", L"http", L"110.7.7.3", 80, TRUE },
        { L"1*0.*.3", L"http", L"110.7.7.4", 80, FALSE },
        { L"*", L"https", L"anything", 1, TRUE },
        { L"**", L"https", L"anything", 1, TRUE },
        { L"<local>", L"http", L"intranet", 80, TRUE },
        { L"<LOCAL>", L"http", L"localhost", 80, TRUE },
        { L"<local>", L"http", L"a.b", 80, FALSE },
        { L"<local>", L"http", L"[::1]", 80, FALSE },
        { L"<-loopback>", L"http", L"localhost", 80, FALSE },
        { L"a;b c", L"http", L"c", 80, TRUE },
        { L"a:8080", L"http", L"a", 8080, TRUE },
        { L"a:8080", L"http", L"a", 80, FALSE },
        { L"https://a", L"https", L"a", 443, TRUE },
        { L"https://a", L"http", L"a", 80, FALSE },
        { L"http://*.test:81", L"http", L"x.test", 81, TRUE },
        { L"[::1]", L"http", L"[::1]", 80, TRUE },
        { L"::1", L"http", L"[::1]", 80, TRUE },
        { L"[::1]:81", L"http", L"::1", 81, TRUE },
        { L"[::1]:81", L"http", L"::1", 80, FALSE },
        { L"a:x", L"http", L"a", 80, FALSE },
        { L"", L"http", L"a", 80, FALSE },
        { NULL, L"http", L"a", 80, FALSE },
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
        if (!expect( bypassed( rows[i].bypass, rows[i].scheme, rows[i].host, rows[i].port ) == rows[i].past ))
            fprintf( stderr, "row %u\n", i );
}

/* A pattern that makes a careless matcher try everything. */
static void test_a_pattern_of_many_stars(void)
{
    WCHAR bypass[128], host[4000];
    unsigned int i;

    for (i = 0; i < 120; i++) bypass[i] = i % 2 ? '*' : 'a';
    bypass[i++] = 'b';
    bypass[i] = 0;
    for (i = 0; i < ARRAYSIZE( host ); i++) host[i] = 'a';
    expect( !proxy_bypass_match( bypass, L"http", host, ARRAYSIZE( host ), 80 ) );
}

int main(void)
{
    run( test_lists );
    run( test_more_servers_than_asked_for );
    run( test_a_name_that_is_too_long );
    run( test_what_a_list_may_not_hold );
    run( test_answers_of_scripts );
    run( test_bypass );
    run( test_a_pattern_of_many_stars );
    return test_end( "proxy_list" );
}
