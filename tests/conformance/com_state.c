/*
 * The scripting object: every member in every state
 *
 * Rules: windows-behaviour.md sections 16.1 and 16.2 (COM-10 to COM-22), structures.md section 6. Through the table of methods
 * and through IDispatch; what a failure leaves in the error object; lifetime.
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

#define REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: 12\r\n\r\nHello world!"
#define ANY   ((HRESULT)1)    /* no rule says what comes back */

static const struct step replies[] = { HEAD, SEND( REPLY ), LOOP };

/*--- one call of each member, as a row of COM-10 -------------------------------------------------------------------*/

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

static HRESULT set_header( IWinHttpRequest *request )
{
    return com_set_header( request, L"X-Header", L"value" );
}

static HRESULT remove_header( IWinHttpRequest *request )
{
    return com_set_header( request, L"X-Header", NULL );
}

static HRESULT set_no_header( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetRequestHeader( request, NULL, NULL );
}

static HRESULT set_credentials( IWinHttpRequest *request )
{
    BSTR user = SysAllocString( L"user" ), password = SysAllocString( L"password" );
    HRESULT hr = IWinHttpRequest_SetCredentials( request, user, password, HTTPREQUEST_SETCREDENTIALS_FOR_SERVER );

    SysFreeString( user );
    SysFreeString( password );
    return hr;
}

static HRESULT set_no_credentials( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetCredentials( request, NULL, NULL, 0xdeadbeef );
}

static HRESULT set_proxy( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetProxy( request, HTTPREQUEST_PROXYSETTING_DIRECT, missing(), missing() );
}

static HRESULT set_timeouts( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetTimeouts( request, 10000, 10000, 10000, 10000 );
}

static HRESULT set_logon( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetAutoLogonPolicy( request, AutoLogonPolicy_OnlyIfBypassProxy );
}

static HRESULT set_bad_logon( IWinHttpRequest *request )
{
    return IWinHttpRequest_SetAutoLogonPolicy( request, (WinHttpRequestAutoLogonPolicy)0xdeadbeef );
}

static HRESULT get_status( IWinHttpRequest *request )
{
    LONG status = 0;
    HRESULT hr = IWinHttpRequest_get_Status( request, &status );

    ok( FAILED( hr ) || status == 200, "status %ld\n", status );
    return hr;
}

static HRESULT get_no_status( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_Status( request, NULL );
}

static HRESULT check_bstr( HRESULT hr, BSTR text, const WCHAR *expected )
{
    if (SUCCEEDED( hr )) ok( text && !lstrcmpW( text, expected ), "got %ls\n", text );
    if (SUCCEEDED( hr )) SysFreeString( text );
    return hr;
}

static HRESULT get_status_text( IWinHttpRequest *request )
{
    BSTR text = NULL;
    HRESULT hr = IWinHttpRequest_get_StatusText( request, &text );

    if (SUCCEEDED( hr )) ok( SysStringLen( text ) == 2, "%u characters\n", SysStringLen( text ) );
    return check_bstr( hr, text, L"OK" );
}

static HRESULT get_no_status_text( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_StatusText( request, NULL );
}

static HRESULT get_text( IWinHttpRequest *request )
{
    BSTR text = NULL;
    HRESULT hr = IWinHttpRequest_get_ResponseText( request, &text );

    return check_bstr( hr, text, L"Hello world!" );
}

static HRESULT get_no_text( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_ResponseText( request, NULL );
}

static HRESULT get_no_body( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_ResponseBody( request, NULL );
}

static HRESULT get_body( IWinHttpRequest *request )
{
    VARIANT body;
    HRESULT hr;

    V_VT( &body ) = VT_EMPTY;
    hr = IWinHttpRequest_get_ResponseBody( request, &body );
    VariantClear( &body );
    return hr;
}

static HRESULT get_stream( IWinHttpRequest *request )
{
    VARIANT body;
    HRESULT hr;

    V_VT( &body ) = VT_EMPTY;
    hr = IWinHttpRequest_get_ResponseStream( request, &body );
    VariantClear( &body );
    return hr;
}

static HRESULT get_no_stream( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_ResponseStream( request, NULL );
}

/* The lines, in whatever order, without the status line. */
static HRESULT get_all( IWinHttpRequest *request )
{
    BSTR text = NULL;
    HRESULT hr = IWinHttpRequest_GetAllResponseHeaders( request, &text );

    if (FAILED( hr )) return hr;
    ok( wcsncmp( text, L"HTTP/", 5 ), "the status line: %ls\n", text );
    ok( wcsstr( text, L"Content-Length: 12\r\n" ) && wcsstr( text, L"Content-Type: text/plain\r\n" ), "got %ls\n", text );
    ok( !lstrcmpW( text + SysStringLen( text ) - 4, L"\r\n\r\n" ), "no blank line at the end: %ls\n", text );
    SysFreeString( text );
    return hr;
}

static HRESULT get_none( IWinHttpRequest *request )
{
    return IWinHttpRequest_GetAllResponseHeaders( request, NULL );
}

static HRESULT get_header( IWinHttpRequest *request )
{
    BSTR name = SysAllocString( L"Connection" ), value = NULL;
    HRESULT hr = IWinHttpRequest_GetResponseHeader( request, name, &value );

    SysFreeString( name );
    return check_bstr( hr, value, L"keep-alive" );                                            /* COM-36 */
}

static HRESULT get_no_header( IWinHttpRequest *request )
{
    return IWinHttpRequest_GetResponseHeader( request, NULL, NULL );
}

static HRESULT get_header_nowhere( IWinHttpRequest *request )
{
    BSTR name = SysAllocString( L"Connection" );
    HRESULT hr = IWinHttpRequest_GetResponseHeader( request, name, NULL );

    SysFreeString( name );
    return hr;
}

static HRESULT get_absent_header( IWinHttpRequest *request )
{
    BSTR name = SysAllocString( L"X-Absent" ), value = (BSTR)0x55;
    HRESULT hr = IWinHttpRequest_GetResponseHeader( request, name, &value );

    SysFreeString( name );
    return hr;
}

static HRESULT wait( IWinHttpRequest *request )
{
    VARIANT_BOOL done = VARIANT_FALSE;
    HRESULT hr = IWinHttpRequest_WaitForResponse( request, number( 10 ), &done );

    ok( FAILED( hr ) || done == VARIANT_TRUE, "WaitForResponse says %d\n", done );
    return hr;
}

static HRESULT get_option( IWinHttpRequest *request )
{
    VARIANT value;
    HRESULT hr;

    V_VT( &value ) = VT_EMPTY;
    hr = IWinHttpRequest_get_Option( request, WinHttpRequestOption_URLCodePage, &value );
    VariantClear( &value );
    return hr;
}

static HRESULT get_url( IWinHttpRequest *request )
{
    VARIANT value;
    HRESULT hr;

    V_VT( &value ) = VT_EMPTY;
    hr = IWinHttpRequest_get_Option( request, WinHttpRequestOption_URL, &value );
    VariantClear( &value );
    return hr;
}

static HRESULT put_option( IWinHttpRequest *request )
{
    return IWinHttpRequest_put_Option( request, WinHttpRequestOption_URLCodePage, number( CP_UTF8 ) );
}

static HRESULT get_option_nowhere( IWinHttpRequest *request )
{
    return IWinHttpRequest_get_Option( request, WinHttpRequestOption_URLCodePage, NULL );
}

#define BEFORE_OPEN E( 12100 )
#define BEFORE_SEND E( 12101 )
#define AFTER_SEND  E( 12102 )

/* COM-10. Those that are no rule there are choices, from the documentation: a member that needs an answer, asked without one. */
static const struct
{
    const char *name;
    HRESULT   (*call)( IWinHttpRequest *request );
    HRESULT     fresh, opened, sent;
    BOOL        choice;
} calls[] =
{
    { "SetRequestHeader",                set_header,         BEFORE_OPEN,  S_OK,         AFTER_SEND,   FALSE },
    { "SetRequestHeader without value",  remove_header,      BEFORE_OPEN,  S_OK,         ANY,          FALSE },
    { "SetRequestHeader without name",   set_no_header,      E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "SetCredentials",                  set_credentials,    BEFORE_OPEN,  S_OK,         S_OK,         FALSE },
    { "SetCredentials of nothing",       set_no_credentials, BEFORE_OPEN,  E_INVALIDARG, E_INVALIDARG, FALSE },
    { "SetProxy",                        set_proxy,          S_OK,         S_OK,         S_OK,         FALSE },
    { "SetTimeouts",                     set_timeouts,       S_OK,         S_OK,         ANY,          FALSE },
    { "SetAutoLogonPolicy",              set_logon,          S_OK,         S_OK,         S_OK,         FALSE },
    { "SetAutoLogonPolicy of nonsense",  set_bad_logon,      E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "Status",                          get_status,         BEFORE_SEND,  BEFORE_SEND,  S_OK,         FALSE },
    { "Status, NULL",                    get_no_status,      E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "StatusText",                      get_status_text,    BEFORE_SEND,  BEFORE_SEND,  S_OK,         FALSE },
    { "StatusText, NULL",                get_no_status_text, E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "ResponseText",                    get_text,           BEFORE_SEND,  BEFORE_SEND,  S_OK,         FALSE },
    { "ResponseText, NULL",              get_no_text,        E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "ResponseBody",                    get_body,           BEFORE_SEND,  BEFORE_SEND,  S_OK,         TRUE },
    { "ResponseBody, NULL",              get_no_body,        E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "ResponseStream",                  get_stream,         BEFORE_SEND,  BEFORE_SEND,  S_OK,         TRUE },
    { "ResponseStream, NULL",            get_no_stream,      E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, TRUE },
    { "GetAllResponseHeaders",           get_all,            BEFORE_SEND,  BEFORE_SEND,  S_OK,         FALSE },
    { "GetAllResponseHeaders, NULL",     get_none,           E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, FALSE },
    { "GetResponseHeader",               get_header,         BEFORE_SEND,  BEFORE_SEND,  S_OK,         FALSE },
    { "GetResponseHeader, NULL, NULL",   get_no_header,      BEFORE_SEND,  BEFORE_SEND,  E_INVALIDARG, FALSE },
    { "GetResponseHeader, NULL",         get_header_nowhere, BEFORE_SEND,  BEFORE_SEND,  E_INVALIDARG, FALSE },
    { "GetResponseHeader, absent",       get_absent_header,  BEFORE_SEND,  BEFORE_SEND,  E( 12150 ),   FALSE },
    { "WaitForResponse",                 wait,               BEFORE_SEND,  BEFORE_SEND,  S_OK,         TRUE },
    { "Option",                          get_option,         S_OK,         S_OK,         S_OK,         FALSE },
    { "Option, NULL",                    get_option_nowhere, E_INVALIDARG, E_INVALIDARG, E_INVALIDARG, TRUE },
    { "Option URL",                      get_url,            BEFORE_OPEN,  S_OK,         S_OK,         TRUE },
    { "Option =",                        put_option,         S_OK,         S_OK,         S_OK,         FALSE },
};

enum state { FRESH, OPENED, SENT };

static void check_calls_( const char *file, int line, IWinHttpRequest *request, enum state state )
{
    HRESULT hr, expected;
    unsigned int i;

    for (i = 0; i < count_of( calls ); i++)
    {
        expected = state == FRESH ? calls[i].fresh : state == OPENED ? calls[i].opened : calls[i].sent;
        winetest_set_location( file, line );
        hr = calls[i].call( request );                                                        /* COM-10 */
        if (expected == ANY) continue;
        ok_( file, line )( hr == expected || broken( calls[i].choice && FAILED( hr ) && FAILED( expected ) ),
                           "%s: %#lx, expected %#lx\n", calls[i].name, hr, expected );
    }
}
#define check_calls( request, state ) check_calls_( __FILE__, __LINE__, request, state )

static void test_states(void)
{
    struct server *server = server_start_each( replies );
    IWinHttpRequest *request;
    HRESULT hr;

    if (!server || !(request = com_create())) return;

    winetest_push_context( "fresh" );
    hr = com_send( request );
    ok( hr == BEFORE_OPEN, "Send: %#lx\n", hr );                                              /* COM-10 */
    check_calls( request, FRESH );
    hr = IWinHttpRequest_Abort( request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    check_calls( request, FRESH );
    winetest_pop_context();

    winetest_push_context( "opened" );
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    check_calls( request, OPENED );
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    check_calls( request, OPENED );
    winetest_pop_context();

    winetest_push_context( "sent" );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    check_calls( request, SENT );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );                                                     /* COM-17 */
    check_calls( request, SENT );
    winetest_pop_context();

    winetest_push_context( "opened again" );
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );                     /* COM-10: starts over */
    ok( hr == S_OK, "Open: %#lx\n", hr );
    check_calls( request, OPENED );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );                                                     /* COM-17 */
    winetest_pop_context();

    winetest_push_context( "aborted" );
    hr = IWinHttpRequest_Abort( request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == BEFORE_OPEN, "Send: %#lx\n", hr );
    check_calls( request, FRESH );
    hr = IWinHttpRequest_Abort( request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );                     /* COM-14 */
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = IWinHttpRequest_Abort( request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    check_calls( request, FRESH );
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    com_check_text( request, L"Hello world!" );
    winetest_pop_context();

    IWinHttpRequest_Release( request );
    server_stop( server );
}

/*--- the same through IDispatch ------------------------------------------------------------------------------------*/

/* One call with good arguments per member; a failure comes as an exception with the HRESULT in it. */
static const struct
{
    const WCHAR *name;
    WORD         flags;
    const char  *args;     /* see com_invoke */
    HRESULT      fresh, opened, sent;
    VARTYPE      type;     /* of the result of a success */
} members[] =
{
    { L"SetRequestHeader",      DISPATCH_METHOD,      "ss", BEFORE_OPEN, S_OK,        AFTER_SEND, VT_EMPTY },
    { L"GetResponseHeader",     DISPATCH_METHOD,      "c",  BEFORE_SEND, BEFORE_SEND, S_OK,       VT_BSTR },
    { L"GetAllResponseHeaders", DISPATCH_METHOD,      "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_BSTR },
    { L"Option",                DISPATCH_PROPERTYGET, "2",  S_OK,        S_OK,        S_OK,       VT_I4 },
    { L"Status",                DISPATCH_PROPERTYGET, "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_I4 },
    { L"StatusText",            DISPATCH_PROPERTYGET, "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_BSTR },
    { L"ResponseText",          DISPATCH_PROPERTYGET, "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_BSTR },
    { L"ResponseBody",          DISPATCH_PROPERTYGET, "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_ARRAY | VT_UI1 },
    { L"ResponseStream",        DISPATCH_PROPERTYGET, "",   BEFORE_SEND, BEFORE_SEND, S_OK,       VT_UNKNOWN },
    { L"SetProxy",              DISPATCH_METHOD,      "1",  S_OK,        S_OK,        S_OK,       VT_EMPTY },
    { L"SetCredentials",        DISPATCH_METHOD,      "ss0", BEFORE_OPEN, S_OK,       S_OK,       VT_EMPTY },
    { L"WaitForResponse",       DISPATCH_METHOD,      "9",  BEFORE_SEND, BEFORE_SEND, S_OK,       VT_BOOL },
    { L"SetTimeouts",           DISPATCH_METHOD,      "kkkk", S_OK,      S_OK,        S_OK,       VT_EMPTY },
    { L"SetAutoLogonPolicy",    DISPATCH_METHOD,      "2",  S_OK,        S_OK,        S_OK,       VT_EMPTY },
};

static void check_members( IWinHttpRequest *request, enum state state )
{
    HRESULT hr, expected;
    EXCEPINFO excep;
    VARIANT result;
    unsigned int i;

    for (i = 0; i < count_of( members ); i++)
    {
        expected = state == FRESH ? members[i].fresh : state == OPENED ? members[i].opened : members[i].sent;
        winetest_push_context( "%ls", members[i].name );
        hr = com_invoke( request, members[i].name, members[i].flags, members[i].args, &result, &excep );
        if (FAILED( expected ))
        {
            ok( hr == DISP_E_EXCEPTION, "Invoke: %#lx\n", hr );
            ok( excep.scode == expected, "scode %#lx, expected %#lx\n", excep.scode, expected );         /* COM-10 */
            ok( excep.bstrDescription && *excep.bstrDescription, "no description\n" );
            ok( excep.bstrSource && *excep.bstrSource, "no source\n" );
        }
        else
        {
            ok( hr == S_OK, "Invoke: %#lx, scode %#lx\n", hr, excep.scode );
            ok( V_VT( &result ) == members[i].type, "type %#x\n", V_VT( &result ) );
        }
        com_excep_clear( &excep );
        VariantClear( &result );
        winetest_pop_context();
    }
}

static void test_members(void)
{
    struct server *server = server_start_each( replies );
    IWinHttpRequest *request;
    EXCEPINFO excep;
    VARIANT result;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    winetest_push_context( "fresh" );
    check_members( request, FRESH );
    hr = com_invoke( request, L"Send", DISPATCH_METHOD, "", &result, &excep );
    ok( hr == DISP_E_EXCEPTION && excep.scode == BEFORE_OPEN, "Send: %#lx, %#lx\n", hr, excep.scode );
    com_excep_clear( &excep );
    winetest_pop_context();

    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    winetest_push_context( "opened" );
    check_members( request, OPENED );
    winetest_pop_context();

    hr = com_invoke( request, L"Send", DISPATCH_METHOD, "", &result, &excep );
    ok( hr == S_OK, "Send: %#lx, %#lx\n", hr, excep.scode );
    winetest_push_context( "sent" );
    check_members( request, SENT );
    winetest_pop_context();

    hr = com_invoke( request, L"Abort", DISPATCH_METHOD, "", &result, &excep );
    ok( hr == S_OK, "Abort: %#lx, %#lx\n", hr, excep.scode );
    winetest_push_context( "aborted" );
    check_members( request, FRESH );
    winetest_pop_context();
    IWinHttpRequest_Release( request );
    server_stop( server );
}

/*--- errors --------------------------------------------------------------------------------------------------------*/

static void check_error_info(void)
{
    BSTR text = NULL;
    IErrorInfo *info;
    GUID guid;
    HRESULT hr;

    hr = GetErrorInfo( 0, &info );
    ok( hr == S_OK, "no error object: %#lx\n", hr );
    if (hr != S_OK) return;
    hr = IErrorInfo_GetDescription( info, &text );
    ok( hr == S_OK && text && *text, "description: %#lx, %ls\n", hr, text );
    SysFreeString( text );
    text = NULL;
    hr = IErrorInfo_GetSource( info, &text );
    ok( hr == S_OK && text && *text, "source: %#lx, %ls\n", hr, text );
    SysFreeString( text );
    hr = IErrorInfo_GetGUID( info, &guid );
    ok( hr == S_OK && IsEqualGUID( &guid, &IID_IWinHttpRequest ), "interface: %#lx\n", hr );
    IErrorInfo_Release( info );
}

static void test_failed_send(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "garbage\r\n\r\n" ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    com_open( request, L"GET", server_closed_port(), L"/", FALSE );
    SetErrorInfo( 0, NULL );
    hr = com_send( request );
    ok( hr == E( 12029 ), "Send: %#lx\n", hr );
    check_error_info();
    ok( FAILED( get_status( request ) ), "a status without a response\n" );
    ok( FAILED( get_text( request ) ), "a text without a response\n" );
    ok( FAILED( get_body( request ) ), "a body without a response\n" );
    ok( FAILED( get_all( request ) ), "headers without a response\n" );

    com_open( request, L"GET", server_port( server ), L"/", FALSE );
    hr = com_send( request );
    ok( hr == E( 12152 ), "Send: %#lx\n", hr );                                               /* COM-15 */
    IWinHttpRequest_Release( request );
    server_stop( server );
}

/*--- asynchronous --------------------------------------------------------------------------------------------------*/

/* A response that comes in two halves: what can be asked in between. */
static void test_pending(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SIGNAL, HOLD, SEND( REPLY ), END
    };
    struct server *server = server_start( script );
    VARIANT_BOOL done = VARIANT_TRUE;
    IWinHttpRequest *request;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    com_open( request, L"GET", server_port( server ), L"/", TRUE );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );                                                     /* COM-18 */
    server_wait( server );
    hr = IWinHttpRequest_WaitForResponse( request, number( 0 ), &done );
    ok( hr == S_OK && done == VARIANT_FALSE, "WaitForResponse: %#lx, %d\n", hr, done );

    /* E_PENDING is documented for ResponseStream; for the others it is a choice */
    ok( get_stream( request ) == E_PENDING, "ResponseStream does not pend\n" );
    hr = get_body( request );
    ok( hr == E_PENDING || broken( FAILED( hr ) ), "ResponseBody: %#lx\n", hr );
    hr = get_text( request );
    ok( hr == E_PENDING || broken( FAILED( hr ) ), "ResponseText: %#lx\n", hr );
    hr = get_status( request );
    ok( hr == E_PENDING || broken( FAILED( hr ) ), "Status: %#lx\n", hr );
    hr = get_all( request );
    ok( hr == E_PENDING || broken( FAILED( hr ) ), "GetAllResponseHeaders: %#lx\n", hr );
    hr = set_header( request );
    ok( hr == AFTER_SEND, "SetRequestHeader: %#lx\n", hr );
    hr = com_send( request );       /* a choice */
    ok( FAILED( hr ), "a second Send: %#lx\n", hr );

    server_go( server );
    ok( com_wait( request ), "no response\n" );
    ok( com_wait( request ), "no response the second time\n" );
    check_calls( request, SENT );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

static void test_abort_pending(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SIGNAL, UNHURRIED, GONE, ACCEPT, HEAD, SEND( REPLY ), END
    };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    com_open( request, L"GET", server_port( server ), L"/", TRUE );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    server_wait( server );
    hr = IWinHttpRequest_Abort( request );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    check_calls( request, FRESH );                                                            /* COM-10 */
    com_open( request, L"GET", server_port( server ), L"/", FALSE );                          /* COM-14 */
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    com_check_text( request, L"Hello world!" );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

static void test_release_pending(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SIGNAL, GONE, END };
    struct server *server = server_start( script );
    IWinHttpRequest *request;
    ULONG refs;
    HRESULT hr;

    if (!server || !(request = com_create())) return;
    com_open( request, L"GET", server_port( server ), L"/", TRUE );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    server_wait( server );
    refs = IWinHttpRequest_Release( request );                                                /* COM-18: safe */
    ok( !refs, "%lu references left\n", refs );
    server_stop( server );    /* which has seen the connection go */
}

static void test_failed_async(void)
{
    IWinHttpRequest *request = com_create();
    VARIANT_BOOL done = VARIANT_FALSE;
    HRESULT hr;

    if (!request) return;
    com_open( request, L"GET", server_closed_port(), L"/", TRUE );
    hr = com_send( request );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    hr = IWinHttpRequest_WaitForResponse( request, missing(), &done );    /* reports the failure: a choice */
    ok( hr == E( 12029 ) || broken( hr == S_OK ), "WaitForResponse: %#lx\n", hr );
    ok( done == VARIANT_FALSE || broken( hr == S_OK ), "it has succeeded\n" );
    ok( FAILED( get_status( request ) ), "a status without a response\n" );
    IWinHttpRequest_Release( request );
}

/* Another thread, in the multithreaded apartment: what it gets there is a proxy, or the object. */
static DWORD WINAPI run_in_mta( void *param )
{
    static HRESULT (*const reads[])( IWinHttpRequest * ) =
        { get_status, get_status_text, get_text, get_body, get_stream, get_all, get_header, get_option, get_url };
    HRESULT hr = CoInitializeEx( NULL, COINIT_MULTITHREADED );
    struct server *server = param;
    IWinHttpRequest *request;
    unsigned int i;

    ok( hr == S_OK, "CoInitializeEx: %#lx\n", hr );
    if ((request = com_create()))
    {
        hr = com_open( request, L"GET", server_port( server ), L"/", TRUE );
        ok( hr == S_OK, "Open: %#lx\n", hr );
        hr = com_send( request );
        ok( hr == S_OK, "Send: %#lx\n", hr );
        ok( com_wait( request ), "no response\n" );
        for (i = 0; i < count_of( reads ); i++)
        {
            hr = reads[i]( request );
            ok( hr == S_OK, "read %u: %#lx\n", i, hr );
        }
        IWinHttpRequest_Release( request );
    }
    CoUninitialize();
    return 0;
}

static void test_apartments(void)
{
    struct server *server = server_start_each( replies );
    HANDLE thread;

    if (!server) return;
    thread = CreateThread( NULL, 0, run_in_mta, server, 0, NULL );
    ok( !WaitForSingleObject( thread, WAIT_MS ), "the thread does not end\n" );
    CloseHandle( thread );
    server_stop( server );
}

/*--- lifetime ------------------------------------------------------------------------------------------------------*/

static DWORD handle_count( void )
{
    DWORD count = 0;

    GetProcessHandleCount( GetCurrentProcess(), &count );
    return count;
}

static void use_object( void )
{
    IWinHttpRequest *request = com_create();
    EXCEPINFO excep;
    VARIANT result;

    if (!request) return;
    com_open( request, L"GET", 80, L"/a/path?and=more", FALSE );
    com_set_header( request, L"X-Header", L"value" );
    set_credentials( request );
    put_option( request );
    get_url( request );
    com_invoke( request, L"Option", DISPATCH_PROPERTYPUT, "0s", &result, &excep );
    com_invoke( request, L"GetResponseHeader", DISPATCH_METHOD, "s", &result, &excep );    /* fails, with a text */
    com_excep_clear( &excep );
    IWinHttpRequest_Release( request );
}

/* Objects, strings and errors of 10,000 uses: each leaked string would be 300 KiB and more, each handle 10,000. */
static void test_leaks(void)
{
    SIZE_T before, after;
    DWORD handles;
    unsigned int i;

    for (i = 0; i < 200; i++) use_object();    /* what is made once */
    before  = private_bytes();
    handles = handle_count();
    for (i = 0; i < 10000; i++) use_object();
    after = private_bytes();
    ok( after < before + 3 * 1024 * 1024, "%lu KiB more memory\n", (DWORD)((after - before) / 1024) );
    ok( handle_count() < handles + 100, "%lu handles more\n", handle_count() - handles );
}

/* The same with requests and their results, and threads. */
static void test_request_leaks(void)
{
    struct server *server = server_start_each( replies );
    IWinHttpRequest *request;
    unsigned int i, round;
    SIZE_T before = 0, after;
    DWORD handles = 0;

    if (!server || !(request = com_create())) return;
    for (round = 0; round < 2; round++)
    {
        for (i = 0; i < (round ? 1000u : 100u); i++)
        {
            com_open( request, L"POST", server_port( server ), L"/", i % 4 == 0 );
            com_set_header( request, L"X-Header", L"value" );
            com_send( request );
            com_wait( request );
            get_text( request );
            get_body( request );
            get_stream( request );
            get_all( request );
            get_absent_header( request );
            if (i % 16 == 0) IWinHttpRequest_Abort( request );
        }
        if (!round)
        {
            before  = private_bytes();
            handles = handle_count();
        }
    }
    after = private_bytes();
    ok( after < before + 3 * 1024 * 1024, "%lu KiB more memory\n", (DWORD)((after - before) / 1024) );
    ok( handle_count() < handles + 100, "%lu handles more\n", handle_count() - handles );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

START_TEST( com_state )
{
    CoInitialize( NULL );                                                                     /* TH-4 */
    test_states();
    test_members();
    test_failed_send();
    test_pending();
    test_abort_pending();
    test_release_pending();
    test_failed_async();
    test_apartments();
    test_leaks();
    test_request_leaks();
    CoUninitialize();
}
