/*
 * The scripting object: its options
 *
 * Rules: windows-behaviour.md section 16.4 (COM-40 to COM-44), structures.md section 5, errors.md section 3. What each option
 * does shows in the request that the server gets, or in the result of Send.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"
#include "com_dispatch.h"
#include "tls.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static HRESULT put_number( IWinHttpRequest *request, WinHttpRequestOption option, VARTYPE type, LONG number )
{
    VARIANT value;

    V_VT( &value ) = type;
    V_I4( &value ) = number;
    if (type == VT_BOOL) V_BOOL( &value ) = number ? VARIANT_TRUE : VARIANT_FALSE;
    if (type == VT_R8) V_R8( &value ) = number;
    return IWinHttpRequest_put_Option( request, option, value );
}

static HRESULT put_text( IWinHttpRequest *request, WinHttpRequestOption option, const WCHAR *text )
{
    VARIANT value;
    HRESULT hr;

    variant_string( &value, text );
    hr = IWinHttpRequest_put_Option( request, option, value );
    VariantClear( &value );
    return hr;
}

/* A numeric option, 0xdeadbeef if it is none. */
static LONG get_number( IWinHttpRequest *request, WinHttpRequestOption option )
{
    VARIANT value;
    HRESULT hr;

    V_VT( &value ) = 0xdead;                                                                  /* COM-40 */
    hr = IWinHttpRequest_get_Option( request, option, &value );
    ok( hr == S_OK, "option %u: %#lx\n", option, hr );
    if (hr == S_OK && V_VT( &value ) == VT_BOOL) return V_BOOL( &value );
    if (hr == S_OK && V_VT( &value ) == VT_I4) return V_I4( &value );
    VariantClear( &value );
    return 0xdeadbeef;
}

static void check_text( IWinHttpRequest *request, WinHttpRequestOption option, const WCHAR *expected )
{
    VARIANT value;
    HRESULT hr;

    V_VT( &value ) = VT_EMPTY;
    hr = IWinHttpRequest_get_Option( request, option, &value );
    ok( hr == S_OK && V_VT( &value ) == VT_BSTR, "option %u: %#lx, type %#x\n", option, hr, V_VT( &value ) );
    if (hr == S_OK && V_VT( &value ) == VT_BSTR)
        ok( !lstrcmpW( V_BSTR( &value ), expected ), "option %u: %ls\n", option, V_BSTR( &value ) );
    VariantClear( &value );
}

/*--- values --------------------------------------------------------------------------------------------------------*/

/* Defaults of the documentation; those it contradicts itself about, or that depend on the release, are not checked. */
static const struct
{
    WinHttpRequestOption option;
    VARTYPE type;
    BOOL    known;
    LONG    initial;
} options[] =
{
    { WinHttpRequestOption_UserAgentString,                  VT_BSTR, FALSE, 0 },             /* COM-44: 0 to 19 */
    { WinHttpRequestOption_URLCodePage,                      VT_I4,   TRUE,  CP_UTF8 },       /* COM-43 */
    { WinHttpRequestOption_EscapePercentInURL,               VT_BOOL, FALSE, 0 },
    { WinHttpRequestOption_SslErrorIgnoreFlags,              VT_I4,   TRUE,  0 },             /* COM-41 */
    { WinHttpRequestOption_EnableRedirects,                  VT_BOOL, TRUE,  VARIANT_TRUE },
    { WinHttpRequestOption_UrlEscapeDisable,                 VT_BOOL, FALSE, 0 },
    { WinHttpRequestOption_UrlEscapeDisableQuery,            VT_BOOL, FALSE, 0 },
    { WinHttpRequestOption_SecureProtocols,                  VT_I4,   FALSE, 0 },
    { WinHttpRequestOption_EnableTracing,                    VT_BOOL, TRUE,  VARIANT_FALSE },
    { WinHttpRequestOption_RevertImpersonationOverSsl,       VT_BOOL, TRUE,  VARIANT_TRUE },
    { WinHttpRequestOption_EnableHttpsToHttpRedirects,       VT_BOOL, TRUE,  VARIANT_FALSE },
    { WinHttpRequestOption_EnablePassportAuthentication,     VT_BOOL, TRUE,  VARIANT_FALSE },
    { WinHttpRequestOption_MaxAutomaticRedirects,            VT_I4,   TRUE,  10 },
    { WinHttpRequestOption_MaxResponseHeaderSize,            VT_I4,   TRUE,  64 * 1024 },
    { WinHttpRequestOption_MaxResponseDrainSize,             VT_I4,   TRUE,  1024 * 1024 },
    { WinHttpRequestOption_EnableHttp1_1,                    VT_BOOL, TRUE,  VARIANT_TRUE },
    { WinHttpRequestOption_EnableCertificateRevocationCheck, VT_BOOL, TRUE,  VARIANT_FALSE },
    { WinHttpRequestOption_RejectUserpwd,                    VT_BOOL, FALSE, 0 },
};

static void test_values(void)
{
    IWinHttpRequest *request = com_create();
    VARIANT value;
    unsigned int i;
    HRESULT hr;

    if (!request) return;
    for (i = 0; i < count_of( options ); i++)
    {
        winetest_push_context( "option %u", options[i].option );
        V_VT( &value ) = 0xdead;
        hr = IWinHttpRequest_get_Option( request, options[i].option, &value );
        ok( hr == S_OK && V_VT( &value ) == options[i].type, "got %#lx, type %#x\n", hr, V_VT( &value ) );
        if (options[i].known)
            ok( get_number( request, options[i].option ) == options[i].initial, "default %ld\n",
                get_number( request, options[i].option ) );
        if (options[i].type == VT_BOOL && options[i].option != WinHttpRequestOption_EnableTracing)
        {
            hr = put_number( request, options[i].option, VT_BOOL, TRUE );
            ok( hr == S_OK && get_number( request, options[i].option ) == VARIANT_TRUE, "TRUE: %#lx\n", hr );
            hr = put_number( request, options[i].option, VT_BOOL, FALSE );
            ok( hr == S_OK && get_number( request, options[i].option ) == VARIANT_FALSE, "FALSE: %#lx\n", hr );
            hr = put_number( request, options[i].option, VT_I4, 1 );      /* what scripts write */
            ok( hr == S_OK && get_number( request, options[i].option ) == VARIANT_TRUE, "1: %#lx\n", hr );
        }
        if (hr == S_OK) VariantClear( &value );
        winetest_pop_context();
    }
    check_text( request, WinHttpRequestOption_UserAgentString, L"Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)" );
    hr = put_text( request, WinHttpRequestOption_UserAgentString, L"me" );
    ok( hr == S_OK, "UserAgentString: %#lx\n", hr );
    check_text( request, WinHttpRequestOption_UserAgentString, L"me" );
    hr = put_number( request, WinHttpRequestOption_MaxAutomaticRedirects, VT_I4, 3 );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_MaxAutomaticRedirects ) == 3, "redirects: %#lx\n", hr );
    IWinHttpRequest_Release( request );
}

static void test_ssl_flags(void)
{
    static const LONG good[] = { 0x100, 0x200, 0x1000, 0x2000, 0x3300, 0 }, bad[] = { 0x321, 0x123, 1, 0x4000, 0x10000 };
    IWinHttpRequest *request = com_create();
    unsigned int i;
    HRESULT hr;

    if (!request) return;
    ok( !get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ), "not 0\n" );        /* COM-41 */
    for (i = 0; i < count_of( good ); i++)
    {
        hr = put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, i % 2 ? VT_UI4 : VT_I4, good[i] );   /* COM-41 */
        ok( hr == S_OK, "%#lx: %#lx\n", good[i], hr );
        ok( get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ) == good[i], "not %#lx\n", good[i] );
    }
    put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_I4, 0x200 );
    for (i = 0; i < count_of( bad ); i++)
    {
        hr = put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_UI4, bad[i] );   /* COM-41 */
        ok( hr == E_INVALIDARG, "%#lx: %#lx\n", bad[i], hr );
    }
    ok( get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ) == 0x200, "changed by a failure\n" );   /* COM-42 */
    IWinHttpRequest_Release( request );
}

static void test_survival(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request = com_create();
    HRESULT hr;

    if (!server || !request) return;
    put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_I4, 0x300 );            /* COM-42 */
    put_text( request, WinHttpRequestOption_UserAgentString, L"survivor" );
    com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ) == 0x300, "lost by Open\n" );    /* COM-42 */
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    ok( get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ) == 0x300, "lost by Send\n" );    /* COM-42 */
    hr = put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_I4, 0x100 );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_SslErrorIgnoreFlags ) == 0x100, "after Send: %#lx\n", hr );
    ok( strstr( server_request( server, 0 ), "User-Agent: survivor\r\n" ) != NULL, "got %s\n", server_request( server, 0 ) );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

static void test_code_page(void)
{
    IWinHttpRequest *request = com_create();
    VARIANT value, inner;
    HRESULT hr;

    if (!request) return;
    ok( get_number( request, WinHttpRequestOption_URLCodePage ) == CP_UTF8, "not UTF-8\n" );   /* COM-43 */
    hr = put_number( request, WinHttpRequestOption_URLCodePage, VT_UI4, CP_ACP );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_URLCodePage ) == CP_ACP, "CP_ACP: %#lx\n", hr );   /* COM-43 */
    hr = put_text( request, WinHttpRequestOption_URLCodePage, L"utf-8" );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_URLCodePage ) == CP_UTF8, "utf-8: %#lx\n", hr );   /* COM-43 */
    hr = put_number( request, WinHttpRequestOption_URLCodePage, VT_I4, 1252 );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_URLCodePage ) == 1252, "1252: %#lx\n", hr );       /* COM-43 */
    hr = put_text( request, WinHttpRequestOption_URLCodePage, L"UTF-8" );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_URLCodePage ) == CP_UTF8, "UTF-8: %#lx\n", hr );   /* COM-43 */

    V_VT( &inner ) = VT_I2;
    V_I2( &inner ) = 1252;
    V_VT( &value ) = VT_BYREF | VT_VARIANT;         /* as scripts pass variables */
    V_VARIANTREF( &value ) = &inner;
    hr = IWinHttpRequest_put_Option( request, WinHttpRequestOption_URLCodePage, value );
    ok( hr == S_OK && get_number( request, WinHttpRequestOption_URLCodePage ) == 1252, "by reference: %#lx\n", hr );
    hr = put_text( request, WinHttpRequestOption_URLCodePage, L"no charset at all" );
    ok( FAILED( hr ), "nonsense: %#lx\n", hr );
    IWinHttpRequest_Release( request );
}

static void test_bad_options(void)
{
    static const LONG unknown[] = { -1, 20, 1000 };
    IWinHttpRequest *request = com_create();
    VARIANT value;
    unsigned int i;
    HRESULT hr;

    if (!request) return;
    for (i = 0; i < count_of( unknown ); i++)
    {
        hr = put_number( request, unknown[i], VT_I4, 1 );
        ok( hr == E_INVALIDARG, "put %ld: %#lx\n", unknown[i], hr );
        hr = IWinHttpRequest_get_Option( request, unknown[i], &value );
        ok( hr == E_INVALIDARG, "get %ld: %#lx\n", unknown[i], hr );
    }
    hr = put_text( request, WinHttpRequestOption_URL, L"http://127.0.0.1/" );
    ok( FAILED( hr ), "URL can be set: %#lx\n", hr );
    hr = IWinHttpRequest_get_Option( request, WinHttpRequestOption_SelectCertificate, &value );
    ok( FAILED( hr ), "SelectCertificate can be read: %#lx\n", hr );
    hr = put_text( request, WinHttpRequestOption_EnableRedirects, L"neither" );
    ok( FAILED( hr ), "EnableRedirects = neither: %#lx\n", hr );
    hr = put_text( request, WinHttpRequestOption_MaxResponseHeaderSize, L"large" );
    ok( FAILED( hr ), "MaxResponseHeaderSize = large: %#lx\n", hr );
    hr = put_text( request, WinHttpRequestOption_UserAgentString, L"me\r\nX-Smuggled: y" );    /* a choice */
    ok( FAILED( hr ) || broken( hr == S_OK ), "a line break in UserAgentString: %#lx\n", hr );
    IWinHttpRequest_Release( request );
}

/*--- effects -------------------------------------------------------------------------------------------------------*/

static HRESULT open_and_send( IWinHttpRequest *request, unsigned short port, const WCHAR *path )
{
    HRESULT hr = com_open( request, L"GET", port, path, FALSE );

    return FAILED( hr ) ? hr : com_send( request );
}

static void test_request_line(void)
{
    static const struct step script[] = { HEAD, SEND( REPLY ), LOOP };
    static const struct { WinHttpRequestOption option; BOOL on; const WCHAR *path; const char *line; } rows[] =
    {
        { WinHttpRequestOption_EnableHttp1_1, FALSE, L"/", "GET / HTTP/1.0\r\n" },
        { WinHttpRequestOption_EnableHttp1_1, TRUE, L"/", "GET / HTTP/1.1\r\n" },
        { WinHttpRequestOption_EscapePercentInURL, TRUE, L"/a%20b", "GET /a%2520b HTTP/1.1\r\n" },
        { WinHttpRequestOption_EscapePercentInURL, FALSE, L"/a%20b", "GET /a%20b HTTP/1.1\r\n" },
    };
    IWinHttpRequest *request;
    struct server *server;
    unsigned int i;
    HRESULT hr;

    for (i = 0; i < count_of( rows ); i++)
    {
        if (!(server = server_start_each( script ))) return;
        if ((request = com_create()))
        {
            put_number( request, rows[i].option, VT_BOOL, rows[i].on );
            hr = open_and_send( request, server_port( server ), rows[i].path );
            ok( hr == S_OK, "row %u: %#lx\n", i, hr );
            ok( !strncmp( server_request( server, 0 ), rows[i].line, strlen( rows[i].line ) ), "row %u: %s\n", i,
                server_request( server, 0 ) );
            IWinHttpRequest_Release( request );
        }
        server_stop( server );
    }
}

static void test_redirect_options(void)
{
    static const char *first = "HTTP/1.1 302 Found\r\nLocation: /there?x\r\nContent-Length: 0\r\n\r\n";
    const struct step followed[] = { ACCEPT, HEAD, SEND( first ), HEAD, SEND( REPLY ), END };
    const struct step kept[] = { ACCEPT, HEAD, SEND( first ), END };
    struct server *server = server_start( followed );
    IWinHttpRequest *request = com_create();
    WCHAR url[64];
    HRESULT hr;

    if (!server || !request) return;
    com_open( request, L"GET", server_port( server ), L"/here", FALSE );
    wsprintfW( url, L"http://127.0.0.1:%u/here", server_port( server ) );
    check_text( request, WinHttpRequestOption_URL, url );
    hr = com_send( request );
    ok( hr == S_OK && com_status( request ) == 200, "Send: %#lx, %ld\n", hr, com_status( request ) );
    wsprintfW( url, L"http://127.0.0.1:%u/there?x", server_port( server ) );
    check_text( request, WinHttpRequestOption_URL, url );
    server_stop( server );

    if ((server = server_start( kept )))
    {
        put_number( request, WinHttpRequestOption_EnableRedirects, VT_BOOL, FALSE );
        hr = open_and_send( request, server_port( server ), L"/here" );
        ok( hr == S_OK && com_status( request ) == 302, "Send: %#lx, %ld\n", hr, com_status( request ) );
        server_stop( server );
    }
    if ((server = server_start( kept )))
    {
        put_number( request, WinHttpRequestOption_EnableRedirects, VT_BOOL, TRUE );
        put_number( request, WinHttpRequestOption_MaxAutomaticRedirects, VT_I4, 0 );
        hr = open_and_send( request, server_port( server ), L"/here" );
        ok( hr == E( 12156 ) || broken( hr == S_OK ), "no redirect allowed: %#lx\n", hr );
        server_stop( server );
    }
    IWinHttpRequest_Release( request );
}

static void test_header_size(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n" ), FLOOD( "X-Filler: 0123456789012345678901234567890123456789\r\n", 16 << 20 ), END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request = com_create();
    HRESULT hr;

    if (!server || !request) return;
    put_number( request, WinHttpRequestOption_MaxResponseHeaderSize, VT_I4, 2048 );
    hr = open_and_send( request, server_port( server ), L"/" );
    ok( hr == E( 12182 ) || hr == E( 12152 ), "Send: %#lx\n", hr );      /* either: errors.md 12182 */
    IWinHttpRequest_Release( request );
    server_stop( server );
}

static void test_url_password(void)
{
    IWinHttpRequest *request = com_create();
    BSTR verb = SysAllocString( L"GET" ), url = SysAllocString( L"http://user:secret@127.0.0.1/" );
    VARIANT async;
    HRESULT hr;

    variant_missing( &async );
    if (request)
    {
        put_number( request, WinHttpRequestOption_RejectUserpwd, VT_BOOL, TRUE );
        hr = IWinHttpRequest_Open( request, verb, url, async );
        if (hr == S_OK) hr = com_send( request );        /* where it is refused is not documented */
        ok( hr == E( 12005 ), "with a password: %#lx\n", hr );
        put_number( request, WinHttpRequestOption_RejectUserpwd, VT_BOOL, FALSE );
        hr = IWinHttpRequest_Open( request, verb, url, async );
        ok( hr == S_OK, "with a password: %#lx\n", hr );
        IWinHttpRequest_Release( request );
    }
    SysFreeString( verb );
    SysFreeString( url );
}

/* The object gives an error of its own for each reason: errors.md section 3. */
static HRESULT send_secure( IWinHttpRequest *request, const char *name )
{
    BSTR verb = SysAllocString( L"GET" ), url;
    VARIANT async;
    WCHAR text[128];
    HRESULT hr;

    wsprintfW( text, L"https://%s:%u/", tls_address(), tls_port( name ) );
    url = SysAllocString( text );
    variant_missing( &async );
    hr = IWinHttpRequest_Open( request, verb, url, async );
    ok( hr == S_OK, "%s: Open: %#lx\n", name, hr );
    if (SUCCEEDED( hr )) hr = com_send( request );
    SysFreeString( verb );
    SysFreeString( url );
    return hr;
}

static void test_certificates(void)
{
    static const struct { const char *server; HRESULT hr; LONG ignore; } rows[] =
    {
        { "unknown-ca",  E( 12045 ), SslErrorFlag_UnknownCA },
        { "expired",     E( 12037 ), SslErrorFlag_CertDateInvalid },
    };
    IWinHttpRequest *request;
    unsigned int i;
    HRESULT hr;

    if (!tls_there() || !(request = com_create())) return;
    hr = send_secure( request, "good" );
    ok( hr == S_OK && com_status( request ) == 200, "good: %#lx\n", hr );                     /* COM-19 */
    for (i = 0; i < count_of( rows ); i++)
    {
        hr = send_secure( request, rows[i].server );
        ok( hr == rows[i].hr, "%s: %#lx\n", rows[i].server, hr );
        put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_I4, rows[i].ignore );
        hr = send_secure( request, rows[i].server );
        ok( hr == S_OK, "%s, ignored: %#lx\n", rows[i].server, hr );                          /* COM-41 */
        put_number( request, WinHttpRequestOption_SslErrorIgnoreFlags, VT_I4, 0 );
        hr = send_secure( request, rows[i].server );
        ok( hr == rows[i].hr, "%s, no longer ignored: %#lx\n", rows[i].server, hr );
    }
    put_number( request, WinHttpRequestOption_SecureProtocols, VT_I4, 0 );
    hr = send_secure( request, "good" );
    ok( FAILED( hr ), "no TLS version at all: %#lx\n", hr );
    put_number( request, WinHttpRequestOption_SecureProtocols, VT_I4, SecureProtocol_TLS1_2 );
    hr = send_secure( request, "good" );
    ok( hr == S_OK, "TLS 1.2: %#lx\n", hr );
    IWinHttpRequest_Release( request );
}

static void test_client_certificate(void)
{
    static const struct { const WCHAR *text; BOOL good; } rows[] =
    {
        { L"subject", TRUE }, { L"", TRUE }, { L"CURRENT_USER\\MY\\subject", TRUE }, { L"LOCAL_MACHINE\\My\\", TRUE },
        { L"local_machine\\Other\\a subject", TRUE },
    };
    IWinHttpRequest *request = com_create();
    unsigned int i;
    BSTR text;
    HRESULT hr;

    if (!request) return;
    com_open( request, L"GET", 80, L"/", FALSE );
    for (i = 0; i < count_of( rows ); i++)
    {
        text = SysAllocString( rows[i].text );
        hr = IWinHttpRequest_SetClientCertificate( request, text );
        ok( hr == S_OK || broken( FAILED( hr ) ), "%ls: %#lx\n", rows[i].text, hr );    /* it may look at once */
        SysFreeString( text );
    }
    text = SysAllocString( L"NOWHERE\\MY\\subject" );
    hr = IWinHttpRequest_SetClientCertificate( request, text );
    ok( FAILED( hr ), "an unknown location: %#lx\n", hr );
    SysFreeString( text );
    if (tls_there())
    {
        text = SysAllocString( L"CURRENT_USER\\MY\\there is no such certificate" );
        hr = IWinHttpRequest_SetClientCertificate( request, text );
        if (SUCCEEDED( hr )) hr = send_secure( request, "good" );
        ok( FAILED( hr ) || broken( hr == S_OK ), "a certificate that there is not: %#lx\n", hr );    /* a choice: not silently */
        SysFreeString( text );
    }
    IWinHttpRequest_Release( request );
}

START_TEST( com_option )
{
    CoInitialize( NULL );
    test_values();
    test_ssl_flags();
    test_survival();
    test_code_page();
    test_bad_options();
    test_request_line();
    test_redirect_options();
    test_header_size();
    test_url_password();
    test_certificates();
    test_client_certificate();
    CoUninitialize();
}
