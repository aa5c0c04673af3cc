/*
 * The scripting object in the conformance tests: making one, opening, sending, and what comes back
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <initguid.h>
#include <winhttp.h>
#include <psapi.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"

IWinHttpRequest *com_create( void )
{
    IWinHttpRequest *request = NULL;
    CLSID clsid;
    HRESULT hr;

    hr = CLSIDFromProgID( L"WinHttp.WinHttpRequest.5.1", &clsid );
    ok( hr == S_OK, "CLSIDFromProgID: %#lx\n", hr );
    if (FAILED(hr)) return NULL;
    hr = CoCreateInstance( &clsid, NULL, CLSCTX_INPROC_SERVER, &IID_IWinHttpRequest, (void **)&request );
    ok( hr == S_OK, "CoCreateInstance: %#lx\n", hr );
    return request;
}

void variant_missing( VARIANT *var )
{
    V_VT( var ) = VT_ERROR;
    V_ERROR( var ) = DISP_E_PARAMNOTFOUND;
}

void variant_string( VARIANT *var, const WCHAR *text )
{
    V_VT( var ) = VT_BSTR;
    V_BSTR( var ) = SysAllocString( text );
}

void variant_bytes( VARIANT *var, const void *data, ULONG len )
{
    SAFEARRAY *array = SafeArrayCreateVector( VT_UI1, 0, len );

    memcpy( array->pvData, data, len );
    V_VT( var ) = VT_ARRAY | VT_UI1;
    V_ARRAY( var ) = array;
}

HRESULT com_open( IWinHttpRequest *request, const WCHAR *verb, unsigned short port, const WCHAR *path, BOOL async )
{
    BSTR method = SysAllocString( verb ), url;
    WCHAR text[256];
    VARIANT flag;
    HRESULT hr;

    wsprintfW( text, L"http://127.0.0.1:%u%s", port, path );
    url = SysAllocString( text );
    V_VT( &flag ) = VT_BOOL;
    V_BOOL( &flag ) = async ? VARIANT_TRUE : VARIANT_FALSE;
    IWinHttpRequest_SetTimeouts( request, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    hr = IWinHttpRequest_Open( request, method, url, flag );
    SysFreeString( method );
    SysFreeString( url );
    return hr;
}

HRESULT com_send( IWinHttpRequest *request )
{
    VARIANT body;

    variant_missing( &body );
    return IWinHttpRequest_Send( request, body );
}

HRESULT com_set_header( IWinHttpRequest *request, const WCHAR *name, const WCHAR *value )
{
    BSTR name_bstr = SysAllocString( name ), value_bstr = SysAllocString( value );
    HRESULT hr = IWinHttpRequest_SetRequestHeader( request, name_bstr, value_bstr );

    SysFreeString( name_bstr );
    SysFreeString( value_bstr );
    return hr;
}

IWinHttpRequest *com_get( struct server *server )
{
    IWinHttpRequest *request = com_create();
    HRESULT hr;

    if (!request) return NULL;
    hr = com_open( request, L"GET", server_port( server ), L"/", FALSE );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    if (SUCCEEDED(hr))
    {
        hr = com_send( request );
        ok( hr == S_OK, "Send: %#lx\n", hr );
    }
    if (SUCCEEDED(hr)) return request;
    IWinHttpRequest_Release( request );
    return NULL;
}

LONG com_status( IWinHttpRequest *request )
{
    LONG status = 0;

    return SUCCEEDED(IWinHttpRequest_get_Status( request, &status )) ? status : 0;
}

void com_check_text_( const char *file, int line, IWinHttpRequest *request, const WCHAR *text, UINT cch )
{
    BSTR got = NULL;
    HRESULT hr = IWinHttpRequest_get_ResponseText( request, &got );

    winetest_set_location( file, line );
    winetest_ok( hr == S_OK, "ResponseText: %#lx\n", hr );
    winetest_ok( got && SysStringLen( got ) == cch && !memcmp( got, text, cch * sizeof(WCHAR) ),
                 "got %u characters %ls\n", SysStringLen( got ), got );
    SysFreeString( got );
}

BOOL com_wait( IWinHttpRequest *request )
{
    VARIANT_BOOL done = VARIANT_FALSE;
    VARIANT seconds;
    HRESULT hr;

    V_VT( &seconds ) = VT_I4;
    V_I4( &seconds ) = WAIT_MS / 1000;
    hr = IWinHttpRequest_WaitForResponse( request, seconds, &done );
    return hr == S_OK && done == VARIANT_TRUE;
}

IStream *com_stream( IWinHttpRequest *request )
{
    IStream *stream = NULL;
    VARIANT body;
    HRESULT hr;

    V_VT( &body ) = VT_ERROR;
    hr = IWinHttpRequest_get_ResponseStream( request, &body );
    ok( hr == S_OK, "ResponseStream: %#lx\n", hr );
    if (FAILED(hr)) return NULL;
    ok( V_VT( &body ) == VT_UNKNOWN, "type %#x\n", V_VT( &body ) );       /* COM-32 */
    if (V_VT( &body ) != VT_UNKNOWN) return NULL;
    hr = IUnknown_QueryInterface( V_UNKNOWN( &body ), &IID_IStream, (void **)&stream );
    ok( hr == S_OK, "IStream: %#lx\n", hr );
    ok( (void *)stream == (void *)V_UNKNOWN( &body ), "another pointer\n" );      /* COM-32 */
    VariantClear( &body );
    return stream;
}

SIZE_T private_bytes( void )
{
    PROCESS_MEMORY_COUNTERS counters = { .cb = sizeof(counters) };

    return K32GetProcessMemoryInfo( GetCurrentProcess(), &counters, sizeof(counters) ) ? counters.PagefileUsage : 0;
}

/* The helpers themselves: one whole exchange. */
START_TEST( com_client )
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello world!" ), END
    };
    struct server *server;
    IWinHttpRequest *request;

    CoInitialize( NULL );
    if ((server = server_start( script )))
    {
        if ((request = com_get( server )))
        {
            ok( com_status( request ) == 200, "status %ld\n", com_status( request ) );
            com_check_text( request, L"Hello world!" );                           /* COM-30 */
            ok( com_wait( request ), "a synchronous request is not done\n" );
            IWinHttpRequest_Release( request );
            server_stop( server );
        }
        else server_abort( server );
    }
    CoUninitialize();
}
