/*
 * Tests of unix/domain.c and hostname.c: IDNA and the public suffix list
 */

#include "test.h"
#include "hooks.h"
#include "domain.h"
#include "win_shim.h"
#include "hostname.h"

#undef malloc

static struct wh_domain_params ask( uint32_t what, const char *name, size_t len, char *ascii, uint32_t size )
{
    const char *text = guard_copy( name, len );
    struct wh_domain_params params = { wh_from_ptr( text ), wh_from_ptr( ascii ), len, size, what, 77, 77, 77 };

    expect( domain_call( &params ) == WH_DONE );
    return params;
}

static void expect_ascii( const char *name, const char *expected )
{
    char ascii[300];
    struct wh_domain_params params = ask( WHD_TO_ASCII, name, strlen( name ), ascii, sizeof(ascii) );

    if (!expected) expect( params.error == WHE_INVALID && !params.len );
    else if (!expect( !params.error && params.len == strlen( expected ) && !memcmp( ascii, expected, params.len ) ))
        fprintf( stderr, "error %u, is %.*s\n", params.error, (int)params.len, ascii );
}

static void test_names_become_ascii(void)
{
    static const char *const rows[][2] =
    {
        { "localhost", "localhost" },
        { "WWW.Example.COM", "www.example.com" },
        { "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
        { "B\xc3\x9c" "CHER.example", "xn--bcher-kva.example" },
        { "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" },        /* composed first */
        { "fa\xc3\x9f.de", "xn--fa-hia.de" },                              /* UTS 46 non-transitional */
        { "\xe4\xbe\x8b\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--fsq.xn--zckzah" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "_dmarc.\xc3\xbc.de", "_dmarc.xn--tda.de" },
        { "\xc3\xbc.de.", "xn--tda.de." },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) expect_ascii( rows[i][0], rows[i][1] );
}

static void test_names_that_are_none(void)
{
    static const char *const names[] =
    {
        "\xff", "\xc3", "\xef\xbf\xbd", "-\xc3\xbc", "\xc3\xbc-", "ab--\xc3\xbc", "\xd7\x90" "a1", "a\xe2\x80\x8d" "b", "\xc2\xad",
        "\xf0\x9f\x98\x80.example",      /* IDNA 2008 knows no emoji */
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) expect_ascii( names[i], NULL );
}

static void test_lengths(void)
{
    struct wh_domain_params params;
    char name[2000], ascii[300];
    size_t i;

    params = ask( WHD_TO_ASCII, "", 0, ascii, sizeof(ascii) );
    expect( params.error == WHE_INVALID );
    params = ask( WHD_TO_ASCII, "a\0\xc3\xbc", 4, ascii, sizeof(ascii) );
    expect( params.error == WHE_INVALID );
    memset( name, 'a', sizeof(name) );
    params = ask( WHD_TO_ASCII, name, 1025, ascii, sizeof(ascii) );
    expect( params.error == WHE_INVALID );
    params = ask( WHD_TO_ASCII, name, 64, ascii, sizeof(ascii) );
    expect( params.error == WHE_INVALID );
    params = ask( WHD_TO_ASCII, name, 63, ascii, sizeof(ascii) );
    expect( !params.error && params.len == 63 );
    for (i = 15; i < 1024; i += 16) name[i] = '.';
    params = ask( WHD_TO_ASCII, name, 320, ascii, sizeof(ascii) );
    expect( params.error == WHE_INVALID );
    params = ask( WHD_TO_ASCII, name, 240, ascii, sizeof(ascii) );
    expect( !params.error && params.len == 240 );

    memset( ascii, 0x55, sizeof(ascii) );
    params = ask( WHD_TO_ASCII, "\xc3\xbc", 2, ascii, 6 );
    expect( !params.error && params.len == 7 && ascii[0] == 0x55 );      /* told, not stored */
    params = ask( WHD_TO_ASCII, "\xc3\xbc", 2, ascii, 7 );
    expect( !params.error && params.len == 7 && !memcmp( ascii, "xn--tda\x55", 8 ) );
    params = ask( 77, "a", 1, ascii, 7 );
    expect( params.error == WHE_UNSUPPORTED );
}

static void expect_suffix( const char *name, int expected )
{
    struct wh_domain_params params = ask( WHD_PUBLIC_SUFFIX, name, strlen( name ), NULL, 0 );

    if (!expect( !params.error && params.result == (uint32_t)expected )) fprintf( stderr, "%s\n", name );
}

/* Names whose place in the list does not change. */
static void test_public_suffixes(void)
{
    expect_suffix( "com", 1 );
    expect_suffix( "CO.UK", 1 );
    expect_suffix( "com.", 1 );
    expect_suffix( "example.com", 0 );
    expect_suffix( "example.co.uk", 0 );
    expect_suffix( "kawasaki.jp", 1 );             /* *.kawasaki.jp */
    expect_suffix( "any.kawasaki.jp", 1 );
    expect_suffix( "city.kawasaki.jp", 0 );        /* !city.kawasaki.jp */
    expect_suffix( "xn--p1ai", 1 );
    expect_suffix( "github.io", 1 );               /* the private part of the list counts: cookies must not cross */
    expect_suffix( "localhost", 1 );
    expect_suffix( "a.nosuchtld", 0 );
    expect( ask( WHD_PUBLIC_SUFFIX, ".", 1, NULL, 0 ).error == WHE_INVALID );
    expect( ask( WHD_PUBLIC_SUFFIX, ".com", 4, NULL, 0 ).error == WHE_INVALID );
    expect( ask( WHD_PUBLIC_SUFFIX, "com..", 5, NULL, 0 ).error == WHE_INVALID );
}

static void test_host_names_of_windows_programs(void)
{
    WCHAR name[600];
    char ascii[64];
    DWORD i;

    expect( !hostname_to_ascii( L"b\xfc" L"cher.example", 14, ascii, sizeof(ascii) ) && !strcmp( ascii, "xn--bcher-kva.example" ) );
    expect( hostname_to_ascii( L"b\xfc" L"cher.example", 14, ascii, 21 ) == ERROR_WINHTTP_INVALID_URL );
    expect( !hostname_to_ascii( L"b\xfc" L"cher.example", 14, ascii, 22 ) );
    expect( hostname_to_ascii( L"", 0, ascii, sizeof(ascii) ) == ERROR_WINHTTP_INVALID_URL );
    expect( hostname_to_ascii( L"a", 1, ascii, 0 ) == ERROR_WINHTTP_INVALID_URL );
    expect( hostname_to_ascii( L"\xd800", 1, ascii, sizeof(ascii) ) == ERROR_WINHTTP_INVALID_URL );
    for (i = 0; i < ARRAYSIZE( name ); i++) name[i] = 'a';
    expect( hostname_to_ascii( name, 600, ascii, sizeof(ascii) ) == ERROR_WINHTTP_INVALID_URL );
    expect( hostname_is_public_suffix( L"co.uk", 5 ) && hostname_is_public_suffix( L"com", 3 ) );
    expect( !hostname_is_public_suffix( L"example.com", 11 ) && hostname_is_public_suffix( L"", 0 ) );
    expect( !hostname_is_public_suffix( L".com", 4 ) );       /* no name, and it has a dot */
}

int main(void)
{
    run( test_names_become_ascii );
    run( test_names_that_are_none );
    run( test_lengths );
    run( test_public_suffixes );
    run( test_host_names_of_windows_programs );
    return test_end( "domain" );
}
