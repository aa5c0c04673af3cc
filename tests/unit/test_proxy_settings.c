/*
 * Tests of proxy_blob.c and proxy_env.c: settings as the registry and the host's environment hold them
 */

#include "check_proxy.h"

static BOOL text_is( const struct proxy_text *text, const char *expected )
{
    return text->len == strlen( expected ) && !memcmp( text->at, expected, text->len );
}

/*--- the registry --------------------------------------------------------------------------------------------------*/

#define BYTES( literal ) literal, sizeof(literal) - 1

/* Read with the last byte before a guard page. */
static BOOL blob_read( const char *data, DWORD size, struct proxy_blob *blob )
{
    check_proxy_blob( data, size );
    return proxy_blob_read( guard_copy( data, size ), size, blob );
}

static void test_blob_of_an_untouched_machine(void)
{
    struct proxy_blob blob;

    if (!expect( blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0" "\0\0\0\0" ), &blob ) )) return;
    expect( blob.version == 0x18 && !blob.counter && blob.flags == 1 );
    expect( !blob.proxy.len && !blob.bypass.len && !blob.url.len );
}

static void test_blob_with_a_proxy(void)
{
    struct proxy_blob blob;

    if (!expect( blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\7\0\0\0" "a.b:808" "\7\0\0\0" "<local>" ), &blob ) )) return;
    expect( blob.flags == 3 && text_is( &blob.proxy, "a.b:808" ) && text_is( &blob.bypass, "<local>" ) && !blob.url.len );
}

static void test_blob_of_a_newer_writer_has_a_url(void)
{
    struct proxy_blob blob;

    if (!expect( blob_read( BYTES( "\x28\0\0\0" "\5\0\0\0" "\5\0\0\0" "\0\0\0\0" "\0\0\0\0" "\4\0\0\0" "http" "\0\0\0\0\0\0\0\0" ),
                            &blob ) )) return;
    expect( blob.version == 0x28 && blob.counter == 5 && blob.flags == 5 && text_is( &blob.url, "http" ) );
}

static void test_blob_that_ends_behind_a_text(void)
{
    struct proxy_blob blob;

    if (!expect( blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\1\0\0\0" "a" ), &blob ) )) return;
    expect( text_is( &blob.proxy, "a" ) && !blob.bypass.len );
    if (!expect( blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\1\0\0\0" "a" "\1\0" ), &blob ) )) return;
    expect( text_is( &blob.proxy, "a" ) && !blob.bypass.len );
}

static void test_malformed_blobs(void)
{
    struct proxy_blob blob = { .flags = 77 };

    expect( !blob_read( "", 0, &blob ) );
    expect( !blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\1\0\0\0" "\0\0\0" ), &blob ) );
    expect( !blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\2\0\0\0" "a" ), &blob ) );
    expect( !blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\xff\xff\xff\xff" "a" ), &blob ) );
    expect( !blob_read( BYTES( "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\1\0\0\0" "a" "\1\0\0\0" ), &blob ) );
    expect( !blob_read( BYTES( "\x46\0\0\0" "\0\0\0\0" "\5\0\0\0" "\0\0\0\0" "\0\0\0\0" "\5\0\0\0" "http" ), &blob ) );
    expect( blob.flags == 77 );
}

/* netsh winhttp reset proxy and set proxy: byte for byte, since installers compare and copy them. */
static void test_what_is_written_for_the_machine(void)
{
    static const char proxy[] = "\x18\0\0\0" "\0\0\0\0" "\3\0\0\0" "\2\0\0\0" "ab" "\1\0\0\0" "c";
    static const char reset[] = "\x18\0\0\0" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0" "\0\0\0\0";
    struct proxy_blob blob = { PROXY_BLOB_MACHINE, 0, 3, { "ab", 2 }, { "c", 1 }, { "url", 3 } };
    char data[64];

    expect( proxy_blob_write( &blob, data, sizeof(data) ) == sizeof(proxy) - 1 && !memcmp( data, proxy, sizeof(proxy) - 1 ) );
    blob.flags = 1;
    blob.proxy.len = blob.bypass.len = 0;
    expect( proxy_blob_write( &blob, data, sizeof(data) ) == sizeof(reset) - 1 && !memcmp( data, reset, sizeof(reset) - 1 ) );
    memset( data, 0x55, sizeof(data) );
    expect( proxy_blob_write( &blob, data, 3 ) == sizeof(reset) - 1 && data[3] == 0x55 );
}

static void test_what_is_written_for_a_user(void)
{
    struct proxy_blob blob = { PROXY_BLOB_USER, 9, 7, { "ab", 2 }, { "c", 1 }, { "url", 3 } };
    char data[128];
    DWORD size = proxy_blob_write( &blob, data, sizeof(data) );

    expect( size == 12 + 4 + 2 + 4 + 1 + 4 + 3 + 32 );
    expect( blob_read( data, size, &blob ) );
    expect( blob.version == 0x46 && blob.counter == 9 && blob.flags == 7 && text_is( &blob.url, "url" ) );
}

/*--- the environment -----------------------------------------------------------------------------------------------*/

static BOOL same( WCHAR *got, const WCHAR *expected )
{
    DWORD i = 0;
    BOOL ret;
    const WCHAR *p;

    if (got && expected) while (got[i] && got[i] == expected[i]) i++;
    ret = got && expected ? got[i] == expected[i] : !got && !expected;

    if (!ret)
    {
        fprintf( stderr, "got " );
        for (p = got; p && *p; p++) fputc( *p, stderr );
        fprintf( stderr, "\n" );
    }
    free( got );
    return ret;
}

static void test_variables(void)
{
    static const struct { const WCHAR *http, *https, *all, *list; } rows[] =
    {
        { NULL, NULL, NULL, NULL },
        { L"", L"", L"", NULL },
        { L" ", NULL, NULL, NULL },
        { L"a", NULL, NULL, L"http=a" },
        { L"a:3128", L"b:3129", NULL, L"http=a:3128;https=b:3129" },
        { L"http://a:3128/", L"http://a:3128/", NULL, L"http=a:3128;https=a:3128" },
        { NULL, NULL, L"http://a:3128", L"http=a:3128;https=a:3128" },
        { L"b", NULL, L"a", L"http=b;https=a" },
        { L"", L"", L"a", L"http=a;https=a" },
        { NULL, L"HTTPS://a", NULL, L"https=https://a" },
        { L"http://user:pass@a:1", NULL, NULL, L"http=a:1" },
        { L"http://u@v@a:1/x@y", NULL, NULL, L"http=a:1" },
        { NULL, NULL, L"socks5h://a", L"http=socks5://a;https=socks5://a" },
        { NULL, NULL, L"socks://a:1", L"http=socks4://a:1;https=socks4://a:1" },
        { NULL, NULL, L"socks4a://[::1]:1", L"http=socks4://[::1]:1;https=socks4://[::1]:1" },
        { L"quic://a", L"b", NULL, L"https=b" },
        { L"a b", NULL, NULL, NULL },
        { L"a;b", NULL, NULL, NULL },
        { L"http://", NULL, NULL, NULL },
        { L"http://a:99999", L"b", NULL, L"https=b" },
        { L" a:1\n", NULL, NULL, L"http=a:1" },
    };
    WCHAR *list;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
    {
        expect( !proxy_env_list( rows[i].http, rows[i].https, rows[i].all, &list ) );
        if (!expect( same( list, rows[i].list ) )) fprintf( stderr, "row %u\n", i );
    }
}

static void test_no_proxy(void)
{
    static const struct { const WCHAR *none, *bypass; } rows[] =
    {
        { NULL, NULL },
        { L"", NULL },
        { L" , ,", NULL },
        { L"*", L"*;" },
        { L"a.b", L"a.b;*.a.b;" },
        { L".a.b", L"a.b;*.a.b;" },
        { L"...", NULL },
        { L"localhost,127.0.0.1,::1", L"localhost;*.localhost;127.0.0.1;::1;" },
        { L"a:80 , b", L"a:80;*.a:80;b;*.b;" },
        { L"127.0.0.1:80", L"127.0.0.1:80;" },
        { L"[::1]:80", L"[::1]:80;" },
        { L"*.a", L"*.a;" },
        { L"10.0.0.0/8,192.168.0.0/16,1.2.3.4/32", L"10.*;192.168.*;1.2.3.4;" },
        { L"10/8,192.168/16,1.2.3.255/31", L"10.*;192.168.*;1.2.3.254;1.2.3.255;" },
        { L"172.31.0.0/14,10.1.7.0/22", L"172.28.*;172.29.*;172.30.*;172.31.*;10.1.4.*;10.1.5.*;10.1.6.*;10.1.7.*;" },
        { L"a/8,10.0.0.0/,10.0.0.0/0,10.0.0.0/40,fe80::/10,10/16,1.2.3.4.5/8,256.0.0.0/8,10..0.0/8,/8,1.2.3.4/8x", NULL },
        { L"a,b,c,d,e,f,g", L"a;*.a;b;*.b;c;*.c;d;*.d;e;*.e;f;*.f;g;*.g;" },
    };
    WCHAR *bypass;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
    {
        expect( !proxy_env_bypass( rows[i].none, &bypass ) );
        if (!expect( same( bypass, rows[i].bypass ) )) fprintf( stderr, "row %u\n", i );
    }
}

static void test_bypass_of_a_domain_is_that_of_names_below_it(void)
{
    WCHAR *bypass;

    expect( !proxy_env_bypass( L"example.com,10.0.0.0/8", &bypass ) );
    expect( proxy_bypass_match( bypass, L"http", L"www.example.com", 15, 80 ) );
    expect( proxy_bypass_match( bypass, L"https", L"EXAMPLE.com", 11, 443 ) );
    expect( !proxy_bypass_match( bypass, L"http", L"notexample.com", 14, 80 ) );
    expect( proxy_bypass_match( bypass, L"http", L"10.1.2.3", 8, 80 ) );
    expect( !proxy_bypass_match( bypass, L"http", L"100.1.2.3", 9, 80 ) );
    free( bypass );
}

static void test_the_widest_network(void)
{
    WCHAR *bypass;

    expect( !proxy_env_bypass( L"255.255.255.128/25,255.255.255.255/25", &bypass ) );
    expect( proxy_bypass_match( bypass, L"http", L"255.255.255.128", 15, 80 ) );
    expect( proxy_bypass_match( bypass, L"http", L"255.255.255.255", 15, 80 ) );
    expect( !proxy_bypass_match( bypass, L"http", L"255.255.255.127", 15, 80 ) );
    free( bypass );
}

static void *no_memory( size_t size )
{
    (void)size;
    return NULL;
}

static void test_no_memory(void)
{
    void *(*real)( size_t ) = wh_hooks.malloc;
    WCHAR *text = (WCHAR *)1;

    wh_hooks.malloc = no_memory;
    expect( proxy_env_list( L"a", NULL, NULL, &text ) == ERROR_NOT_ENOUGH_MEMORY && !text );
    expect( proxy_env_bypass( L"a", &text ) == ERROR_NOT_ENOUGH_MEMORY && !text );
    wh_hooks.malloc = real;
}

static void test_all_inputs_keep_the_rules(void)
{
    static const WCHAR *const texts[] =
    {
        L"", L"a", L"http=a:1;b", L"PROXY a:1; DIRECT", L"http://u:p@[::1]:1/", L"a@@b", L"://", L"=;=", L"[", L"]:1", L"a:1:2",
        L"socks5://a b", L"*.x,10.0.0.0/8;<local>", L"/8", L".../16", L"\x100\xd800",
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( texts ); i++) check_proxy_text( texts[i] );
}

int main(void)
{
    run( test_blob_of_an_untouched_machine );
    run( test_blob_with_a_proxy );
    run( test_blob_of_a_newer_writer_has_a_url );
    run( test_blob_that_ends_behind_a_text );
    run( test_malformed_blobs );
    run( test_what_is_written_for_the_machine );
    run( test_what_is_written_for_a_user );
    run( test_variables );
    run( test_no_proxy );
    run( test_bypass_of_a_domain_is_that_of_names_below_it );
    run( test_the_widest_network );
    run( test_no_memory );
    run( test_all_inputs_keep_the_rules );
    return test_end( "proxy_settings" );
}
