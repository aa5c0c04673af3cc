/*
 * The scripting object: arguments, headers, texts
 *
 * Rules: windows-behaviour.md section 16.2 (COM-11 to COM-16, COM-20 to COM-22), structures.md section 6, headers.md section
 * 6, errors.md. What can be called when is com_state.c's.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: 12\r\n\r\nHello world!"

static const struct step replies[] = { HEAD, SEND( REPLY ), LOOP };

static VARIANT missing( void )
{
    VARIANT var;

    variant_missing( &var );
    return var;
}

static VARIANT number( LONG value )
{
    VARIANT var;

    V_VT( &var ) = VT_I4;
    V_I4( &var ) = value;
    return var;
}

/*--- arguments of Open and others ----------------------------------------------------------------------------------*/

static HRESULT open_text( IWinHttpRequest *request, const WCHAR *verb, const WCHAR *url, VARIANT async )
{
    BSTR verb_bstr = SysAllocString( verb ), url_bstr = SysAllocString( url );
    HRESULT hr = IWinHttpRequest_Open( request, verb_bstr, url_bstr, async );

    SysFreeString( verb_bstr );
    SysFreeString( url_bstr );
    return hr;
}

static void check_bad_opens( IWinHttpRequest *request )
{
    VARIANT async = missing();
    HRESULT hr;

    hr = open_text( request, NULL, NULL, async );                                             /* COM-11 */
    ok( hr == E_INVALIDARG, "no verb, no URL: %#lx\n", hr );
    hr = open_text( request, L"GET", NULL, async );
    ok( hr == E_INVALIDARG, "no URL: %#lx\n", hr );
    hr = open_text( request, NULL, L"http://127.0.0.1/", async );
    ok( hr == E_INVALIDARG, "no verb: %#lx\n", hr );
    V_VT( &async ) = VT_BOOL;
    V_BOOL( &async ) = VARIANT_FALSE;
    hr = open_text( request, NULL, NULL, async );
    ok( hr == E_INVALIDARG, "no verb, no URL: %#lx\n", hr );
    hr = open_text( request, L"GET", L"127.0.0.1", async );                                   /* COM-12 */
    ok( hr == E( 12006 ), "no scheme: %#lx\n", hr );
    hr = open_text( request, L"Nonsense", L"unknown://127.0.0.1/", async );
    ok( hr == E( 12006 ), "unknown scheme: %#lx\n", hr );
}

static void test_open_arguments(void)
{
    struct server *server = server_start_each( replies );
    IWinHttpRequest *request;
    VARIANT async;
    WCHAR url[64];
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    wsprintfW( url, L"http://127.0.0.1:%u/", server_port( server ) );

    check_bad_opens( request );
    hr = com_send( request );
    ok( hr == E( 12100 ), "Send: %#lx\n", hr );
    async = missing();
    hr = open_text( request, L"GET", url, async );                                            /* COM-14, COM-13 */
    ok( hr == S_OK, "Open: %#lx\n", hr );
    V_ERROR( &async ) = E_FAIL;
    hr = open_text( request, L"GET", url, async );                                            /* COM-13 */
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    com_check_text( request, L"Hello world!" );      /* so it was synchronous */
    check_bad_opens( request );                                                               /* COM-11: after a Send, too */

    async = number( 1 );
    hr = open_text( request, L"GET", url, async );                                            /* COM-13, COM-18 */
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    ok( com_wait( request ), "no response\n" );                                               /* COM-18 */
    com_check_text( request, L"Hello world!" );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

static void test_set_arguments(void)
{
    IWinHttpRequest *request = com_create();
    BSTR text = SysAllocString( L"text" );
    VARIANT var;
    HRESULT hr;

    if (!request) goto done;
    hr = com_open( request, L"GET", 80, L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );

    hr = IWinHttpRequest_SetCredentials( request, text, text, 2 );                            /* COM-20 */
    ok( hr == E_INVALIDARG, "flags 2: %#lx\n", hr );
    hr = IWinHttpRequest_SetCredentials( request, NULL, text, HTTPREQUEST_SETCREDENTIALS_FOR_SERVER );
    ok( hr == E_INVALIDARG, "no user: %#lx\n", hr );
    hr = IWinHttpRequest_SetCredentials( request, text, NULL, HTTPREQUEST_SETCREDENTIALS_FOR_SERVER );
    ok( hr == E_INVALIDARG, "no password: %#lx\n", hr );
    hr = IWinHttpRequest_SetCredentials( request, text, text, HTTPREQUEST_SETCREDENTIALS_FOR_SERVER );
    ok( hr == S_OK, "for the server: %#lx\n", hr );
    hr = IWinHttpRequest_SetCredentials( request, text, text, HTTPREQUEST_SETCREDENTIALS_FOR_PROXY );
    ok( hr == S_OK, "for the proxy: %#lx\n", hr );

    hr = IWinHttpRequest_SetProxy( request, HTTPREQUEST_PROXYSETTING_PROXY, missing(), missing() );      /* COM-21 */
    ok( hr == S_OK, "a proxy without a name: %#lx\n", hr );
    V_VT( &var )   = VT_BSTR;
    V_BSTR( &var ) = text;
    hr = IWinHttpRequest_SetProxy( request, HTTPREQUEST_PROXYSETTING_PROXY, var, missing() );
    ok( hr == S_OK, "a proxy: %#lx\n", hr );
    hr = IWinHttpRequest_SetProxy( request, HTTPREQUEST_PROXYSETTING_DIRECT, var, var );
    ok( hr == S_OK, "none: %#lx\n", hr );
    hr = IWinHttpRequest_SetProxy( request, HTTPREQUEST_PROXYSETTING_PRECONFIG, missing(), missing() );
    ok( hr == S_OK, "the default one: %#lx\n", hr );
    hr = IWinHttpRequest_SetProxy( request, 0xdeadbeef, missing(), missing() );
    ok( hr == E_INVALIDARG, "nonsense: %#lx\n", hr );

    for (hr = S_OK, V_I4( &var ) = 0; V_I4( &var ) < 3; V_I4( &var )++)                       /* COM-22 */
    {
        hr = IWinHttpRequest_SetAutoLogonPolicy( request, (WinHttpRequestAutoLogonPolicy)V_I4( &var ) );
        ok( hr == S_OK, "policy %ld: %#lx\n", V_I4( &var ), hr );
    }
    hr = IWinHttpRequest_SetAutoLogonPolicy( request, (WinHttpRequestAutoLogonPolicy)3 );
    ok( hr == E_INVALIDARG, "policy 3: %#lx\n", hr );

    hr = IWinHttpRequest_SetTimeouts( request, -1, 0, 1, 2 );      /* documented: -1 is no limit */
    ok( hr == S_OK, "-1: %#lx\n", hr );
    hr = IWinHttpRequest_SetTimeouts( request, -2, 0, 0, 0 );
    ok( hr == E_INVALIDARG || broken( FAILED( hr ) ), "-2: %#lx\n", hr );
    IWinHttpRequest_Release( request );
done:
    SysFreeString( text );
}

static void test_wait_arguments(void)
{
    struct server *server = server_start_each( replies );
    IWinHttpRequest *request;
    VARIANT_BOOL done;
    VARIANT seconds, inner;
    HRESULT hr;

    if (!server || !(request = com_get( server ))) return;
    done = VARIANT_FALSE;
    hr = IWinHttpRequest_WaitForResponse( request, number( -1 ), &done );    /* no limit */
    ok( hr == S_OK && done == VARIANT_TRUE, "-1: %#lx, %d\n", hr, done );
    done = VARIANT_FALSE;
    hr = IWinHttpRequest_WaitForResponse( request, missing(), &done );
    ok( hr == S_OK && done == VARIANT_TRUE, "missing: %#lx, %d\n", hr, done );
    inner = number( 5 );
    V_VT( &seconds ) = VT_BYREF | VT_VARIANT;
    V_VARIANTREF( &seconds ) = &inner;
    done = VARIANT_FALSE;
    hr = IWinHttpRequest_WaitForResponse( request, seconds, &done );
    ok( hr == S_OK && done == VARIANT_TRUE, "by reference: %#lx, %d\n", hr, done );
    V_VT( &seconds ) = VT_R8;
    V_R8( &seconds ) = 1.5;
    done = VARIANT_FALSE;
    hr = IWinHttpRequest_WaitForResponse( request, seconds, &done );
    ok( hr == S_OK && done == VARIANT_TRUE, "1.5: %#lx, %d\n", hr, done );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

/*--- headers -------------------------------------------------------------------------------------------------------*/

static BOOL has_line( const char *head, const char *line )
{
    const char *found = strstr( head, line );

    return found && found != head && found[-1] == '\n' && found[strlen( line )] == '\r';
}

static void test_headers(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( REPLY ), HEAD, SEND( REPLY ), HEAD, SEND( REPLY ), END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    const char *head;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    com_open( request, L"GET", server_port( server ), L"/one", FALSE );
    com_set_header( request, L"X-First", L"1" );
    com_set_header( request, L"X-First", L"2" );
    com_set_header( request, L"X-Second", L"3" );
    com_set_header( request, L"X-Third", L"4" );
    hr = com_set_header( request, L"X-Third", NULL );                                         /* COM-10: removes */
    ok( hr == S_OK, "removing: %#lx\n", hr );
    hr = com_set_header( request, L"X-Never", NULL );
    ok( hr == S_OK, "removing what is not there: %#lx\n", hr );
    hr = com_set_header( request, L"X-Two\r\nX-Lines", L"x" );                                /* a choice */
    ok( FAILED( hr ), "a line break in a name: %#lx\n", hr );
    hr = com_set_header( request, L"X-Lines", L"x\r\nX-Smuggled: y" );                        /* a choice */
    ok( FAILED( hr ) || broken( hr == S_OK ), "a line break in a value: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    head = server_request( server, 0 );
    ok( !strncmp( head, "GET /one HTTP/1.1\r\n", 19 ), "got %s\n", head );
    ok( has_line( head, "Accept: */*" ), "no Accept in %s\n", head );                         /* headers.md section 6 */
    ok( has_line( head, "User-Agent: Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)" ), "got %s\n", head );
    ok( has_line( head, "X-First: 2" ) && !strstr( head, "X-First: 1" ), "not replaced: %s\n", head );
    ok( has_line( head, "X-Second: 3" ), "lost: %s\n", head );
    ok( !strstr( head, "X-Third" ), "not removed: %s\n", head );
    ok( !strstr( head, "X-Smuggled" ) || broken( 1 ), "a header smuggled in: %s\n", head );

    hr = com_send( request );       /* the same once more: COM-17 */
    ok( hr == S_OK, "Send: %#lx\n", hr );
    head = server_request( server, 1 );
    ok( has_line( head, "X-First: 2" ) && has_line( head, "X-Second: 3" ), "the headers are gone: %s\n", head );

    com_open( request, L"GET", server_port( server ), L"/two", FALSE );
    com_set_header( request, L"Accept", L"text/html" );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    head = server_request( server, 2 );
    ok( !strstr( head, "X-First" ), "a header of the request before: %s\n", head );
    ok( has_line( head, "Accept: text/html" ) && !strstr( head, "*/*" ), "Accept is not the program's: %s\n", head );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

/*--- statuses and texts --------------------------------------------------------------------------------------------*/

static void test_denied(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Unheard-Of realm=\"x\"\r\nContent-Length: 7\r\n\r\nDenied!" ),
        END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;

    if (!server || !(request = com_get( server ))) return;                                    /* COM-16 */
    ok( com_status( request ) == 401, "status %ld\n", com_status( request ) );
    com_check_text( request, L"Denied!" );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

/* Programs look WinHTTP's texts up in the module: errors.md. */
static void test_message_table(void)
{
    static const DWORD codes[] = { 12001, 12002, 12007, 12029, 12044, 12057, 12100, 12103, 12150, 12152, 12175, 12186 };
    HMODULE module = GetModuleHandleW( L"winhttp.dll" );
    WCHAR text[512];
    unsigned int i;
    DWORD cch;

    for (i = 0; i < count_of( codes ); i++)
    {
        text[0] = 0;
        cch = FormatMessageW( FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_IGNORE_INSERTS, module, codes[i], 0, text,
                              count_of( text ), NULL );
        ok( cch > 2 && !lstrcmpW( text + cch - 2, L"\r\n" ), "%lu: no text, error %lu\n", codes[i], GetLastError() );
    }
    ok( !FormatMessageW( FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_IGNORE_INSERTS, module, 11999, 0, text,
                         count_of( text ), NULL ), "a text for an error that there is not\n" );
}

START_TEST( com_request )
{
    CoInitialize( NULL );
    test_open_arguments();
    test_set_arguments();
    test_wait_arguments();
    test_headers();
    test_denied();
    test_message_table();
    CoUninitialize();
}
