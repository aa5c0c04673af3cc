/*
 * Tests of pac_text.c and wpad_name.c: addresses, patterns and URLs of proxy scripts; domains that may be asked for one
 */

#include "test.h"
#include "hooks.h"
#include "win_shim.h"
#include "pac_text.h"
#include "wpad_name.h"
#include "check_pac.h"

static BOOL same( const WCHAR *a, const WCHAR *b )
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

/* At the end of readable memory, without a terminator. */
static BOOL parses( const WCHAR *text, struct pac_address *address )
{
    size_t cch = wcslen( text );

    return pac_address_parse( guard_copy( text, cch * sizeof(WCHAR) ), cch, address );
}

static void test_addresses(void)
{
    static const struct { const WCHAR *text; const char *bytes; } good[] =
    {
        { L"::",                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
        { L"::1",                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" },
        { L"1::",                    "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
        { L"1:2:3:4:5:6:7:8",        "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\10" },
        { L"FE80::abCD%eth0",        "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\xab\xcd" },
        { L"::ffff:1.2.3.4",         "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4" },
        { L"1:2:3:4:5:6:9.8.7.6",    "\0\1\0\2\0\3\0\4\0\5\0\6\11\10\7\6" },
        { L"1:2:3:4:5:6:7::",        "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0" },
        { L"::2:3:4:5:6:7:8",        "\0\0\0\2\0\3\0\4\0\5\0\6\0\7\0\10" },
    };
    static const WCHAR *const bad[] =
    {
        L"", L":", L":::", L"1", L"1:", L":1", L"1:2:3:4:5:6:7", L"1:2:3:4:5:6:7:8:9", L"1::2::3", L"12345::", L"::g", L"::1%",
        L"1:2:3:4:5:6:7:1.2.3.4", L"::1.2.3", L"::1.2.3.4.5", L"::1.2.3.256", L"1:2:3:4::5:6:7:8", L"[::1]", L"1.2.3", L"1.2.3.4.",
        L"01.2.3.4", L"1.2.3.256", L"1.2.3.1000", L"1..2.3", L"0x1.2.3.4", L" 1.2.3.4", L"1.2.3.4 ", L"a.b.c.d",
    };
    struct pac_address address;
    unsigned int i;

    expect( parses( L"1.20.255.0", &address ) && !address.is_ip6 && !memcmp( address.bytes, "\1\24\377\0", 4 ) );
    for (i = 0; i < ARRAYSIZE( good ); i++)
        if (!expect( parses( good[i].text, &address ) && address.is_ip6 && !memcmp( address.bytes, good[i].bytes, 16 ) ))
            fprintf( stderr, "row %u\n", i );
    for (i = 0; i < ARRAYSIZE( bad ); i++)
        if (!expect( !parses( bad[i], &address ) )) fprintf( stderr, "bad row %u\n", i );
}

static BOOL in_prefix( const WCHAR *address, const WCHAR *prefix )
{
    return pac_in_prefix( address, wcslen( address ), prefix );
}

static void test_networks(void)
{
    expect( pac_in_net( L"198.95.249.79", L"198.95.249.79", L"255.255.255.255" ) );
    expect( !pac_in_net( L"198.95.249.78", L"198.95.249.79", L"255.255.255.255" ) );
    expect( pac_in_net( L"198.95.1.2", L"198.95.0.0", L"255.255.0.0" ) );
    expect( pac_in_net( L"1.2.3.4", L"9.9.9.9", L"0.0.0.0" ) );
    expect( !pac_in_net( L"::1", L"198.95.0.0", L"255.255.0.0" ) );
    expect( !pac_in_net( L"198.95.1.2", L"198.95", L"255.255.0.0" ) );
    expect( !pac_in_net( L"198.95.1.2", L"198.95.0.0", L"16" ) );

    expect( in_prefix( L"198.95.3.4", L"198.95.0.0/16" ) && !in_prefix( L"198.94.3.4", L"198.95.0.0/16" ) );
    expect( in_prefix( L"198.95.3.4", L"198.95.3.5/31" ) && !in_prefix( L"198.95.3.4", L"198.95.3.6/31" ) );
    expect( in_prefix( L"1.2.3.4", L"0.0.0.0/0" ) && in_prefix( L"1.2.3.4", L"1.2.3.4/32" ) );
    expect( in_prefix( L"3ffe:8311:ffff::1", L"3ffe:8311:ffff::/48" ) && !in_prefix( L"3ffe:8311:fffe::1", L"3ffe:8311:ffff::/48" ) );
    expect( in_prefix( L"::1", L"::1/128" ) && !in_prefix( L"::1", L"::2/128" ) );
    expect( !in_prefix( L"::1", L"0.0.0.0/0" ) && !in_prefix( L"1.2.3.4", L"::/0" ) );
    expect( !in_prefix( L"1.2.3.4", L"1.2.3.4" ) && !in_prefix( L"1.2.3.4", L"1.2.3.4/" ) && !in_prefix( L"1.2.3.4", L"1.2.3.4/33" ) );
    expect( !in_prefix( L"1.2.3.4", L"1.2.3.4/8x" ) && !in_prefix( L"::1", L"::1/129" ) && !in_prefix( L"::1", L"::1/99999999999" ) );
}

static void expect_sorted( const WCHAR *list, const WCHAR *expected )
{
    WCHAR *sorted = NULL;

    expect( !pac_sort( list, &sorted ) && same( sorted, expected ) );
    free( sorted );
}

static void test_sorting(void)
{
    expect_sorted( L"", L"" );
    expect_sorted( L";;", L"" );
    expect_sorted( L"10.2.3.9;2001:4898::fc14;::1;127.0.0.1;::9", L"::1;::9;2001:4898::fc14;10.2.3.9;127.0.0.1" );
    expect_sorted( L" 9.1.1.1 ; 10.1.1.1;", L"9.1.1.1;10.1.1.1" );
    expect_sorted( L"fe80::1%3;FE80::1;fe80::1%2", L"fe80::1%3;FE80::1;fe80::1%2" );
    expect_sorted( L"1.2.3.4;no address", L"" );
}

static void test_patterns(void)
{
    static WCHAR many[401], text[201];
    unsigned int i;

    expect( pac_match( L"", L"" ) && pac_match( L"", L"*" ) && pac_match( L"", L"***" ) && !pac_match( L"", L"?" ) );
    expect( pac_match( L"http://a/b", L"*/a/*" ) && !pac_match( L"http://a/b", L"*/c/*" ) );
    expect( pac_match( L"abc", L"a?c" ) && !pac_match( L"ac", L"a?c" ) && !pac_match( L"ABC", L"abc" ) );
    expect( pac_match( L"a.b", L"a.b" ) && !pac_match( L"axb", L"a.b" ) && pac_match( L"a[b]*", L"a[b]*" ) );
    expect( pac_match( L"aab", L"*ab" ) && pac_match( L"abab", L"*ab" ) && !pac_match( L"aba", L"*ab" ) );
    for (i = 0; i < 200; i++) many[2 * i] = '*', many[2 * i + 1] = text[i] = 'a';
    many[399] = 'b';
    expect( !pac_match( text, many ) );    /* in time */
}

static void expect_view( const WCHAR *url, BOOL lower, const WCHAR *view, const WCHAR *host )
{
    WCHAR *got_view = NULL, *got_host;

    if (!expect( !pac_view( url, lower, &got_view, &got_host ) )) return;
    expect( same( got_view, view ) );
    expect( same( got_host, host ) );
    free( got_view );
}

static void test_what_scripts_see(void)
{
    WCHAR *view, *host;

    expect_view( L"http://host/path?query#end", FALSE, L"http://host/path?query", L"host" );
    expect_view( L"HTTP://Host.TLD:81/Path", FALSE, L"http://Host.TLD:81/Path", L"Host.TLD" );
    expect_view( L"HTTP://Host.TLD:81/Path", TRUE, L"http://host.tld:81/Path", L"host.tld" );
    expect_view( L"http://user:secret@host", FALSE, L"http://host", L"host" );
    expect_view( L"http://host?a/b", FALSE, L"http://host?a/b", L"host" );
    expect_view( L"https://user:secret@Host:8443/path?query", FALSE, L"https://Host:8443/", L"Host" );
    expect_view( L"https://host", FALSE, L"https://host/", L"host" );
    expect_view( L"HTTPS://HOST#x", TRUE, L"https://host/", L"host" );
    expect_view( L"http://[FE80::1]:81/", TRUE, L"http://[fe80::1]:81/", L"fe80::1" );
    expect( pac_view( L"http:", FALSE, &view, &host ) == ERROR_WINHTTP_INVALID_URL );
    expect( pac_view( L"http:///path", FALSE, &view, &host ) == ERROR_WINHTTP_INVALID_URL );
    expect( pac_view( L"http://[]:8/", FALSE, &view, &host ) == ERROR_WINHTTP_INVALID_URL );
    expect( pac_view( L"ftp://host/", FALSE, &view, &host ) == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    expect( pac_view( L"", FALSE, &view, &host ) == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
}

static void test_domains_that_may_be_asked(void)
{
    const WCHAR *domain = L"a.b.example.co.uk";
    unsigned int asked = 0;

    expect( wpad_is_owned( L"example.com" ) && wpad_is_owned( L"corp.example.com" ) && wpad_is_owned( L"Example.CO.uk" ) );
    expect( !wpad_is_owned( L"com" ) && !wpad_is_owned( L"co.uk" ) && !wpad_is_owned( L"lan" ) && !wpad_is_owned( L"" ) );
    expect( !wpad_is_owned( L".example.com" ) && !wpad_is_owned( L"example..com" ) && !wpad_is_owned( L"example.com." ) );
    expect( !wpad_is_owned( L"10.0.0.1" ) && !wpad_is_owned( L"ex_ample.com" ) && !wpad_is_owned( L"a/b.example.com" ) );
    for (; domain && wpad_is_owned( domain ); domain = wpad_above( domain )) asked++;
    expect( asked == 3 && domain && same( domain, L"co.uk" ) );
    expect( !wpad_above( L"com" ) );
}

/* What the fuzzer checks, for pairs and triples of all that is here: each text, and each with one character less. */
static void test_all_inputs_keep_the_rules(void)
{
    static const WCHAR *const texts[] =
    {
        L"", L"*", L"?*a", L"10.1.2.3", L"255.255.0.0", L"10.1.2.0/24", L"::1", L"fe80::1%eth0", L"3ffe:8311:ffff::/48",
        L"1:2:3:4:5:6:9.8.7.6", L" ::9 ; 9.1.1.1;::1;", L"http://u:p@host:81/a?b#c", L"HTTPS://[FE80::1]/x", L"http:///", L"https://h",
        L"a.b.example.co.uk", L"wpad..com", L"10.0.0.1.com",
    };
    WCHAR text[64];
    unsigned int i, j, k, cut;

    for (i = 0; i < ARRAYSIZE( texts ); i++)
        for (cut = 0; cut <= wcslen( texts[i] ); cut++)
        {
            memcpy( text, texts[i], (wcslen( texts[i] ) + 1) * sizeof(WCHAR) );
            text[wcslen( text ) - cut] = 0;
            for (j = 0; j < ARRAYSIZE( texts ); j++)
                for (k = 0; k < 2; k++) check_pac( text, texts[j], texts[k ? 4 : j] );
        }
}

int main(void)
{
    run( test_all_inputs_keep_the_rules );
    run( test_addresses );
    run( test_networks );
    run( test_sorting );
    run( test_patterns );
    run( test_what_scripts_see );
    run( test_domains_that_may_be_asked );
    return test_end( "pac" );
}
