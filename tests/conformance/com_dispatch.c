/*
 * The scripting object: its class, its interfaces, IDispatch
 *
 * Rules: windows-behaviour.md sections 16.1 and 16.5 (COM-1 to COM-3, COM-50 to COM-68), structures.md section 5.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <olectl.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"
#include "com_dispatch.h"

#define OPTION 6

/*--- calls that the tests of the object share, com_dispatch.h ------------------------------------------------------*/

static void make_arg( VARIANT *arg, char kind )
{
    switch (kind)
    {
    case 's': variant_string( arg, L"text" ); break;
    case 'c': variant_string( arg, L"Connection" ); break;
    case 'e': V_VT( arg ) = VT_EMPTY; break;
    case 'm': variant_missing( arg ); break;
    default:
        V_VT( arg ) = VT_I4;
        V_I4( arg ) = kind == 'k' ? 10000 : kind - '0';
        break;
    }
}

HRESULT com_invoke( IWinHttpRequest *request, const WCHAR *name, WORD flags, const char *args, VARIANT *result,
                    EXCEPINFO *excep )
{
    DISPID id, put = DISPID_PROPERTYPUT;
    unsigned int i, count = (unsigned int)strlen( args );
    DISPPARAMS params = { NULL, NULL, count, 0 };
    WCHAR *names[] = { (WCHAR *)name };
    VARIANT values[8];
    HRESULT hr;

    if (result) V_VT( result ) = VT_EMPTY;
    if (excep) memset( excep, 0, sizeof(*excep) );
    hr = IWinHttpRequest_GetIDsOfNames( request, &IID_NULL, names, 1, LOCALE_NEUTRAL, &id );
    if (FAILED( hr )) return hr;

    params.rgvarg = values;
    for (i = 0; i < count; i++) make_arg( &values[count - 1 - i], args[i] );
    if (flags & DISPATCH_PROPERTYPUT)
    {
        params.cNamedArgs = 1;
        params.rgdispidNamedArgs = &put;
    }
    hr = IWinHttpRequest_Invoke( request, id, &IID_NULL, LOCALE_NEUTRAL, flags, &params, result, excep, NULL );
    for (i = 0; i < count; i++) VariantClear( &values[i] );
    return hr;
}

void com_excep_clear( EXCEPINFO *excep )
{
    SysFreeString( excep->bstrSource );
    SysFreeString( excep->bstrDescription );
    SysFreeString( excep->bstrHelpFile );
    memset( excep, 0, sizeof(*excep) );
}

/*--- class ---------------------------------------------------------------------------------------------------------*/

static const GUID clsid_expected = { 0x2087c2f4, 0x2cef, 0x4953, { 0xa8, 0xab, 0x66, 0x77, 0x9b, 0x67, 0x04, 0x95 } };
static const GUID iid_old = { 0x06f29373, 0x5c5a, 0x4b54, { 0xb0, 0x25, 0x6e, 0xf1, 0xbf, 0x8a, 0xbf, 0x0e } };

static void test_class(void)
{
    IUnknown *unknown, *identity;
    IWinHttpRequest *request;
    IDispatch *dispatch;
    BSTR verb, url;
    VARIANT async;
    CLSID clsid;
    HRESULT hr;

    hr = CLSIDFromProgID( L"WinHttp.WinHttpRequest.5.1", &clsid );                            /* COM-1 */
    ok( hr == S_OK && IsEqualGUID( &clsid, &clsid_expected ), "CLSIDFromProgID: %#lx\n", hr );
    if (FAILED( hr )) return;

    hr = CoCreateInstance( &clsid, NULL, CLSCTX_INPROC_SERVER, &IID_IUnknown, (void **)&unknown );    /* COM-1 */
    ok( hr == S_OK, "CoCreateInstance: %#lx\n", hr );
    if (FAILED( hr )) return;
    hr = IUnknown_QueryInterface( unknown, &IID_IDispatch, (void **)&dispatch );              /* COM-1 */
    ok( hr == S_OK, "IDispatch: %#lx\n", hr );
    IDispatch_Release( dispatch );
    hr = IUnknown_QueryInterface( unknown, &IID_IWinHttpRequest, (void **)&request );
    ok( hr == S_OK, "IWinHttpRequest: %#lx\n", hr );
    hr = IWinHttpRequest_QueryInterface( request, &IID_IUnknown, (void **)&identity );
    ok( hr == S_OK && identity == unknown, "another identity: %#lx\n", hr );
    IUnknown_Release( identity );
    IWinHttpRequest_Release( request );

    request = (IWinHttpRequest *)unknown;                                                     /* COM-2 */
    verb = SysAllocString( L"GET" );
    url  = SysAllocString( L"http://127.0.0.1/" );
    variant_missing( &async );
    hr = IWinHttpRequest_Open( request, verb, url, async );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    SysFreeString( verb );
    SysFreeString( url );
    ok( !IUnknown_Release( unknown ), "references are left\n" );

    hr = CoCreateInstance( &clsid, NULL, CLSCTX_INPROC_SERVER, &IID_IWinHttpRequest, (void **)&request );   /* COM-1 */
    ok( hr == S_OK, "CoCreateInstance: %#lx\n", hr );
    if (SUCCEEDED( hr )) IWinHttpRequest_Release( request );
    hr = CoCreateInstance( &clsid, NULL, CLSCTX_INPROC_SERVER, &IID_IStream, (void **)&unknown );
    ok( hr == E_NOINTERFACE && !unknown, "IStream: %#lx\n", hr );
}

/* The other interfaces: documented, or what hosts ask for. */
static void test_interfaces(void)
{
    static const struct { const char *name; const IID *iid; BOOL choice; } interfaces[] =
    {
        { "IConnectionPointContainer",  &IID_IConnectionPointContainer, FALSE },
        { "ISupportErrorInfo",          &IID_ISupportErrorInfo,         TRUE },
        { "IProvideClassInfo",          &IID_IProvideClassInfo,         TRUE },
        { "IWinHttpRequest as it was",  &iid_old,                       TRUE },
    };
    IWinHttpRequest *request = com_create();
    ISupportErrorInfo *errors;
    IUnknown *unknown, *identity, *original;
    unsigned int i;
    HRESULT hr;

    if (!request) return;
    IWinHttpRequest_QueryInterface( request, &IID_IUnknown, (void **)&original );
    for (i = 0; i < count_of( interfaces ); i++)
    {
        hr = IWinHttpRequest_QueryInterface( request, interfaces[i].iid, (void **)&unknown );
        ok( hr == S_OK || broken( interfaces[i].choice && hr == E_NOINTERFACE ), "%s: %#lx\n", interfaces[i].name, hr );
        if (hr != S_OK) continue;
        hr = IUnknown_QueryInterface( unknown, &IID_IUnknown, (void **)&identity );
        ok( hr == S_OK && identity == original, "%s: another identity, %#lx\n", interfaces[i].name, hr );
        IUnknown_Release( identity );
        IUnknown_Release( unknown );
    }
    hr = IWinHttpRequest_QueryInterface( request, &IID_IStream, (void **)&unknown );
    ok( hr == E_NOINTERFACE && !unknown, "IStream: %#lx\n", hr );

    if (SUCCEEDED( IWinHttpRequest_QueryInterface( request, &IID_ISupportErrorInfo, (void **)&errors ) ))
    {
        hr = ISupportErrorInfo_InterfaceSupportsErrorInfo( errors, &IID_IWinHttpRequest );
        ok( hr == S_OK, "IWinHttpRequest: %#lx\n", hr );
        hr = ISupportErrorInfo_InterfaceSupportsErrorInfo( errors, &IID_IStream );
        ok( hr == S_FALSE, "IStream: %#lx\n", hr );
        ISupportErrorInfo_Release( errors );
    }
    IUnknown_Release( original );
    ok( !IWinHttpRequest_Release( request ), "references are left\n" );
}

static void test_class_factory(void)
{
    HRESULT (WINAPI *get_class)( REFCLSID, REFIID, void ** );
    HRESULT (WINAPI *can_unload)( void );
    HMODULE module = LoadLibraryW( L"winhttp.dll" );
    IWinHttpRequest *request, *outer;
    IClassFactory *factory;
    IUnknown *unknown;
    HRESULT hr;

    get_class  = (void *)GetProcAddress( module, "DllGetClassObject" );
    can_unload = (void *)GetProcAddress( module, "DllCanUnloadNow" );
    ok( get_class && can_unload, "exports are missing\n" );
    if (!get_class || !can_unload) return;

    hr = get_class( &clsid_expected, &IID_IClassFactory, (void **)&factory );
    ok( hr == S_OK, "DllGetClassObject: %#lx\n", hr );
    if (FAILED( hr )) return;
    hr = IClassFactory_CreateInstance( factory, NULL, &IID_IWinHttpRequest, (void **)&request );
    ok( hr == S_OK, "CreateInstance: %#lx\n", hr );
    if (FAILED( hr )) return;
    if ((outer = com_create()))
    {
        unknown = (IUnknown *)0x55;
        hr = IClassFactory_CreateInstance( factory, (IUnknown *)outer, &IID_IUnknown, (void **)&unknown );
        ok( hr == CLASS_E_NOAGGREGATION, "aggregation: %#lx\n", hr );
        IWinHttpRequest_Release( outer );
    }
    IWinHttpRequest_Release( request );
    hr = IClassFactory_LockServer( factory, TRUE );
    ok( hr == S_OK, "LockServer: %#lx\n", hr );
    hr = IClassFactory_LockServer( factory, FALSE );
    ok( hr == S_OK, "LockServer: %#lx\n", hr );
    IClassFactory_Release( factory );

    hr = get_class( &IID_IStream, &IID_IClassFactory, (void **)&unknown );
    ok( hr == CLASS_E_CLASSNOTAVAILABLE, "another class: %#lx\n", hr );
    hr = get_class( &clsid_expected, &IID_IStream, (void **)&unknown );
    ok( hr == E_NOINTERFACE, "another interface: %#lx\n", hr );
    ok( can_unload() == S_FALSE, "it would go\n" );        /* functions.md "COM exports" */
}

/*--- names and types -----------------------------------------------------------------------------------------------*/

static const struct { const WCHAR *name; DISPID id; } names[] =
{
    { L"Open", 1 }, { L"SetRequestHeader", 2 }, { L"GetResponseHeader", 3 }, { L"GetAllResponseHeaders", 4 }, { L"Send", 5 },
    { L"Option", 6 }, { L"Status", 7 }, { L"StatusText", 8 }, { L"ResponseText", 9 }, { L"ResponseBody", 10 },
    { L"ResponseStream", 11 }, { L"Abort", 12 }, { L"SetProxy", 13 }, { L"SetCredentials", 14 }, { L"WaitForResponse", 15 },
    { L"SetTimeouts", 16 }, { L"SetClientCertificate", 17 }, { L"SetAutoLogonPolicy", 18 }, { L"oPeN", 1 }, { L"STATUS", 7 },
};

static void test_names(void)
{
    WCHAR *texts[] = { (WCHAR *)L"Open", (WCHAR *)L"Url", (WCHAR *)L"method", (WCHAR *)L"Async" };
    WCHAR *wrong[] = { (WCHAR *)L"Nonsense" };
    IWinHttpRequest *request = com_create();
    unsigned int i;
    DISPID ids[4];
    WCHAR *text;
    HRESULT hr;

    if (!request) return;
    for (i = 0; i < count_of( names ); i++)
    {
        text = (WCHAR *)names[i].name;
        ids[0] = 0xdeadbeef;
        hr = IWinHttpRequest_GetIDsOfNames( request, &IID_NULL, &text, 1, 0x0409, ids );      /* COM-3 */
        ok( hr == S_OK && ids[0] == names[i].id, "%ls: %#lx, %ld\n", names[i].name, hr, ids[0] );
    }
    hr = IWinHttpRequest_GetIDsOfNames( request, &IID_NULL, wrong, 1, 0x0409, ids );
    ok( hr == DISP_E_UNKNOWNNAME && ids[0] == DISPID_UNKNOWN, "an unknown name: %#lx, %ld\n", hr, ids[0] );

    hr = IWinHttpRequest_GetIDsOfNames( request, &IID_NULL, texts, 4, 0x0409, ids );
    ok( hr == S_OK, "arguments by name: %#lx\n", hr );
    ok( ids[0] == 1 && ids[1] == 1 && ids[2] == 0 && ids[3] == 2, "got %ld, %ld, %ld, %ld\n", ids[0], ids[1], ids[2], ids[3] );
    texts[2] = (WCHAR *)L"Nonsense";
    hr = IWinHttpRequest_GetIDsOfNames( request, &IID_NULL, texts, 4, 0x0409, ids );
    ok( hr == DISP_E_UNKNOWNNAME && ids[2] == DISPID_UNKNOWN, "a wrong argument: %#lx, %ld\n", hr, ids[2] );
    IWinHttpRequest_Release( request );
}

/* The description in the type library agrees with what the object does. */
static void check_type( ITypeInfo *info )
{
    TYPEATTR *attr;
    FUNCDESC *func;
    BSTR name;
    HRESULT hr;
    unsigned int i, j, found = 0, count;

    hr = ITypeInfo_GetTypeAttr( info, &attr );
    ok( hr == S_OK, "GetTypeAttr: %#lx\n", hr );
    ok( IsEqualGUID( &attr->guid, &IID_IWinHttpRequest ), "another interface\n" );
    ok( attr->typekind == TKIND_DISPATCH && (attr->wTypeFlags & TYPEFLAG_FDUAL), "kind %d, flags %#x\n", attr->typekind,
        attr->wTypeFlags );
    for (i = 0; i < attr->cFuncs; i++)
    {
        if (FAILED( ITypeInfo_GetFuncDesc( info, i, &func ) )) continue;
        if (SUCCEEDED( ITypeInfo_GetNames( info, func->memid, &name, 1, &count ) ))
        {
            for (j = 0; j < count_of( names ) - 2; j++)
                if (!lstrcmpW( names[j].name, name ) && names[j].id == func->memid) found++;
            SysFreeString( name );
        }
        ITypeInfo_ReleaseFuncDesc( info, func );
    }
    ok( found == 19, "%u members\n", found );      /* Option counts twice */
    ITypeInfo_ReleaseTypeAttr( info, attr );
}

static void test_type_info(void)
{
    IWinHttpRequest *request = com_create();
    IProvideClassInfo *provide;
    ITypeInfo *info, *again;
    TYPEATTR *attr;
    UINT count = 0;
    HRESULT hr;

    if (!request) return;
    hr = IWinHttpRequest_GetTypeInfoCount( request, &count );
    ok( hr == S_OK && count == 1, "GetTypeInfoCount: %#lx, %u\n", hr, count );
    hr = IWinHttpRequest_GetTypeInfo( request, 0, 0x0409, &info );
    ok( hr == S_OK, "GetTypeInfo: %#lx\n", hr );
    if (SUCCEEDED( hr ))
    {
        check_type( info );
        ITypeInfo_Release( info );
    }
    hr = IWinHttpRequest_GetTypeInfo( request, 1, 0x0409, &again );
    ok( hr == DISP_E_BADINDEX, "GetTypeInfo( 1 ): %#lx\n", hr );

    if (SUCCEEDED( IWinHttpRequest_QueryInterface( request, &IID_IProvideClassInfo, (void **)&provide ) ))
    {
        hr = IProvideClassInfo_GetClassInfo( provide, &info );
        ok( hr == S_OK, "GetClassInfo: %#lx\n", hr );
        if (SUCCEEDED( hr ))
        {
            ITypeInfo_GetTypeAttr( info, &attr );
            ok( attr->typekind == TKIND_COCLASS && IsEqualGUID( &attr->guid, &clsid_expected ), "kind %d\n", attr->typekind );
            ok( attr->cImplTypes == 2, "%u interfaces\n", attr->cImplTypes );
            ITypeInfo_ReleaseTypeAttr( info, attr );
            ITypeInfo_Release( info );
        }
        IProvideClassInfo_Release( provide );
    }
    IWinHttpRequest_Release( request );
}

/* As Visual Basic and the like find it. */
static void test_type_library(void)
{
    static const GUID *guids[] = { &IID_IWinHttpRequest, &IID_IWinHttpRequestEvents, &clsid_expected };
    ITypeLib *library;
    ITypeInfo *info;
    TLIBATTR *attr;
    unsigned int i;
    HRESULT hr;

    hr = LoadRegTypeLib( &LIBID_WinHttp, 5, 1, 0, &library );
    ok( hr == S_OK, "LoadRegTypeLib: %#lx\n", hr );
    if (FAILED( hr )) return;
    hr = ITypeLib_GetLibAttr( library, &attr );
    ok( hr == S_OK && attr->wMajorVerNum == 5 && attr->wMinorVerNum == 1, "version: %#lx\n", hr );
    ITypeLib_ReleaseTLibAttr( library, attr );
    for (i = 0; i < count_of( guids ); i++)
    {
        hr = ITypeLib_GetTypeInfoOfGuid( library, guids[i], &info );
        ok( hr == S_OK, "type %u: %#lx\n", i, hr );
        if (SUCCEEDED( hr )) ITypeInfo_Release( info );
    }
    ITypeLib_Release( library );
}

/*--- Option through Invoke -----------------------------------------------------------------------------------------*/

#define GARBAGE 0xdead    /* no type at all */

/* Arguments as in rgvarg, backwards. The result is garbage on entry unless it is NULL. */
static HRESULT invoke_raw( IWinHttpRequest *request, DISPID id, const IID *iid, WORD flags, VARIANT *args, UINT count,
                           VARIANT *result )
{
    DISPPARAMS params = { args, NULL, count, 0 };
    UINT arg_err = 0;
    EXCEPINFO excep;
    HRESULT hr;

    if (result)
    {
        memset( result, 0xfe, sizeof(*result) );
        V_VT( result ) = GARBAGE;                                                             /* COM-63 */
    }
    memset( &excep, 0, sizeof(excep) );
    hr = IWinHttpRequest_Invoke( request, id, iid, 0x0409, flags, &params, result, &excep, &arg_err );
    com_excep_clear( &excep );
    return hr;
}

static void set_number( VARIANT *arg, VARTYPE type, LONG value )
{
    V_VT( arg ) = type;
    if (type == VT_R8) V_R8( arg ) = value;
    else V_I4( arg ) = value;
}

static LONG code_page( IWinHttpRequest *request )
{
    VARIANT value;
    HRESULT hr;

    V_VT( &value ) = GARBAGE;
    hr = IWinHttpRequest_get_Option( request, WinHttpRequestOption_URLCodePage, &value );
    ok( hr == S_OK && V_VT( &value ) == VT_I4, "Option: %#lx, type %#x\n", hr, V_VT( &value ) );        /* COM-40 */
    return V_I4( &value );
}

static void test_option_get( IWinHttpRequest *request )
{
    static const struct { WORD flags; BOOL wanted; VARTYPE type; const char *rule; } rows[] =
    {
        { DISPATCH_PROPERTYGET,                   TRUE,  VT_I4,    "COM-50" },
        { DISPATCH_PROPERTYGET,                   FALSE, 0,        "COM-51" },
        { DISPATCH_METHOD,                        TRUE,  VT_I4,    "COM-52" },
        { DISPATCH_METHOD | DISPATCH_PROPERTYGET, TRUE,  VT_I4,    "COM-53" },
        { DISPATCH_METHOD | DISPATCH_PROPERTYGET, FALSE, 0,        "COM-53" },
        { 0,                                      TRUE,  VT_EMPTY, "COM-54" },
        { 0,                                      FALSE, 0,        "COM-55" },
    };
    static const VARTYPE types[] = { VT_I4, VT_R8, VT_UI4 };
    VARIANT arg, result;
    unsigned int i, j;
    HRESULT hr;

    /* COM-50, COM-51, COM-52, COM-53, COM-54, COM-55, COM-63 */
    for (i = 0; i < count_of( rows ); i++)
    {
        for (j = 0; j < count_of( types ); j++)
        {
            winetest_push_context( "%s, type %u", rows[i].rule, types[j] );
            set_number( &arg, types[j], WinHttpRequestOption_URLCodePage );
            hr = invoke_raw( request, OPTION, &IID_NULL, rows[i].flags, &arg, 1, rows[i].wanted ? &result : NULL );
            ok( hr == S_OK, "got %#lx\n", hr );
            if (rows[i].wanted) ok( V_VT( &result ) == rows[i].type, "type %#x\n", V_VT( &result ) );
            if (rows[i].wanted && rows[i].type == VT_I4) ok( V_I4( &result ) == CP_UTF8, "value %ld\n", V_I4( &result ) );
            winetest_pop_context();
        }
    }
}

static void test_option_put( IWinHttpRequest *request )
{
    VARIANT args[3], result;
    HRESULT hr;

    /* COM-56: a method of two arguments does nothing */
    V_VT( &args[0] ) = VT_I4;
    V_I4( &args[0] ) = 1252;
    set_number( &args[1], VT_R8, WinHttpRequestOption_URLCodePage );
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_METHOD, args, 2, NULL );
    ok( hr == S_OK, "METHOD: %#lx\n", hr );                                                   /* COM-56 */
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_METHOD, args, 2, &result );
    ok( hr == S_OK, "METHOD: %#lx\n", hr );                                                   /* COM-56 */
    VariantClear( V_VT( &result ) == GARBAGE ? &args[2] : &result );
    ok( code_page( request ) == CP_UTF8, "METHOD: %ld\n", code_page( request ) );             /* COM-56 */
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_METHOD | DISPATCH_PROPERTYPUT, args, 2, NULL );
    ok( hr == S_OK, "METHOD, PROPERTYPUT: %#lx\n", hr );                                      /* COM-57 */
    ok( code_page( request ) == CP_UTF8, "METHOD, PROPERTYPUT: %ld\n", code_page( request ) );    /* COM-57 */

    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYPUT, args, 2, NULL );       /* COM-58 */
    ok( hr == S_OK, "PROPERTYPUT: %#lx\n", hr );
    ok( code_page( request ) == 1252, "PROPERTYPUT: %ld\n", code_page( request ) );           /* COM-58 */
    variant_string( &args[0], L"utf-8" );
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYPUT, args, 2, &result );    /* COM-58 */
    ok( hr == S_OK, "PROPERTYPUT of a text: %#lx\n", hr );
    ok( code_page( request ) == CP_UTF8, "PROPERTYPUT of a text: %ld\n", code_page( request ) );
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYPUT, args, 1, &result );    /* COM-59 */
    ok( hr == DISP_E_TYPEMISMATCH, "no number: %#lx\n", hr );
    V_VT( &args[2] ) = VT_EMPTY;
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYPUT, args, 3, &result );    /* COM-60 */
    ok( hr == S_OK, "one too many: %#lx\n", hr );
    VariantClear( &args[0] );
    set_number( &args[0], VT_I4, CP_UTF8 );
    IWinHttpRequest_put_Option( request, WinHttpRequestOption_URLCodePage, args[0] );
}

static void test_option_errors( IWinHttpRequest *request )
{
    VARIANT args[2], result;
    DISPPARAMS params = { args, NULL, 1, 0 };
    HRESULT hr;

    set_number( &args[0], VT_I4, WinHttpRequestOption_URLCodePage );
    V_VT( &args[1] ) = VT_EMPTY;
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYGET, args, 2, NULL );       /* COM-61 */
    ok( hr == S_OK, "one too many: %#lx\n", hr );
    hr = invoke_raw( request, OPTION, &IID_NULL, DISPATCH_PROPERTYGET, args, 0, NULL );       /* COM-62 */
    ok( hr == DISP_E_PARAMNOTFOUND, "none: %#lx\n", hr );
    hr = invoke_raw( request, OPTION, &IID_IUnknown, DISPATCH_PROPERTYGET, args, 1, &result );    /* COM-64 */
    ok( hr == DISP_E_UNKNOWNINTERFACE, "an interface: %#lx\n", hr );
    hr = invoke_raw( request, OPTION, &IID_IUnknown, DISPATCH_PROPERTYPUT, args, 2, NULL );   /* COM-64 */
    ok( hr == DISP_E_UNKNOWNINTERFACE, "an interface: %#lx\n", hr );
    hr = invoke_raw( request, 255, &IID_IUnknown, DISPATCH_PROPERTYPUT, args, 2, NULL );      /* COM-64: before anything */
    ok( hr == DISP_E_UNKNOWNINTERFACE, "an interface and an unknown member: %#lx\n", hr );
    hr = invoke_raw( request, 255, &IID_NULL, DISPATCH_PROPERTYGET, args, 1, &result );       /* COM-65 */
    ok( hr == DISP_E_MEMBERNOTFOUND, "an unknown member: %#lx\n", hr );
    hr = IWinHttpRequest_Invoke( request, OPTION, &IID_NULL, 0x0409, DISPATCH_PROPERTYGET, &params, &result, NULL, NULL );
    ok( hr == S_OK && V_VT( &result ) == VT_I4, "no error pointers: %#lx\n", hr );            /* COM-66 */
    V_VT( &args[0] ) = VT_EMPTY;
    params.cArgs = 0;
    hr = IWinHttpRequest_Invoke( request, OPTION, &IID_NULL, 0x0409, DISPATCH_PROPERTYGET, &params, NULL, NULL, NULL );
    ok( hr == DISP_E_PARAMNOTFOUND, "no error pointers, no argument: %#lx\n", hr );           /* COM-66, COM-62 */
}

static void test_option(void)
{
    IWinHttpRequest *request = com_create();

    if (!request) return;
    test_option_get( request );
    test_option_put( request );
    test_option_errors( request );
    IWinHttpRequest_Release( request );
}

/*--- other members through Invoke ----------------------------------------------------------------------------------*/

static void test_methods(void)
{
    IWinHttpRequest *request = com_create();
    VARIANT arg, result;
    EXCEPINFO excep;
    HRESULT hr;

    if (!request) return;
    set_number( &arg, VT_I4, 2 );
    hr = invoke_raw( request, 18, &IID_NULL, DISPATCH_METHOD, &arg, 1, &result );             /* COM-68 */
    ok( hr == S_OK, "SetAutoLogonPolicy: %#lx\n", hr );
    ok( V_VT( &result ) == VT_EMPTY || broken( V_VT( &result ) == GARBAGE ), "type %#x\n", V_VT( &result ) );

    /* the flags that script hosts pass */
    hr = com_invoke( request, L"Status", DISPATCH_METHOD | DISPATCH_PROPERTYGET, "", &result, &excep );
    ok( hr == DISP_E_EXCEPTION && excep.scode == E( 12101 ), "Status: %#lx, %#lx\n", hr, excep.scode );
    com_excep_clear( &excep );
    hr = com_invoke( request, L"Status", DISPATCH_METHOD, "", &result, &excep );
    ok( hr == DISP_E_EXCEPTION || broken( hr == DISP_E_MEMBERNOTFOUND ), "Status as a method: %#lx\n", hr );
    com_excep_clear( &excep );
    hr = com_invoke( request, L"Status", DISPATCH_PROPERTYPUT, "1", &result, &excep );
    ok( FAILED( hr ) && hr != DISP_E_EXCEPTION, "Status = 1: %#lx\n", hr );
    hr = com_invoke( request, L"Abort", DISPATCH_METHOD | DISPATCH_PROPERTYGET, "", NULL, NULL );
    ok( hr == S_OK, "Abort: %#lx\n", hr );
    hr = com_invoke( request, L"Send", DISPATCH_METHOD, "", NULL, NULL );
    ok( FAILED( hr ), "Send: %#lx\n", hr );

    hr = com_invoke( request, L"SetRequestHeader", DISPATCH_METHOD, "s", &result, &excep );
    ok( hr == DISP_E_BADPARAMCOUNT || broken( FAILED( hr ) ), "too few: %#lx\n", hr );
    com_excep_clear( &excep );
    hr = com_invoke( request, L"SetRequestHeader", DISPATCH_METHOD, "sss", &result, &excep );
    ok( hr == DISP_E_BADPARAMCOUNT || broken( FAILED( hr ) ), "too many: %#lx\n", hr );
    com_excep_clear( &excep );
    hr = com_invoke( request, L"SetTimeouts", DISPATCH_METHOD, "11s1", &result, &excep );
    ok( hr == DISP_E_TYPEMISMATCH || broken( FAILED( hr ) ), "no number: %#lx\n", hr );
    com_excep_clear( &excep );
    IWinHttpRequest_Release( request );
}

/* Open by name: Url, Method. */
static void test_named(void)
{
    DISPID ids[3] = { 1, 0, 2 };
    IWinHttpRequest *request = com_create();
    VARIANT args[3], value;
    DISPPARAMS params = { args, ids, 2, 2 };
    HRESULT hr;

    if (!request) return;
    variant_string( &args[0], L"http://127.0.0.1/named" );
    variant_string( &args[1], L"GET" );
    hr = IWinHttpRequest_Invoke( request, 1, &IID_NULL, 0x0409, DISPATCH_METHOD, &params, NULL, NULL, NULL );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    V_VT( &value ) = VT_EMPTY;
    hr = IWinHttpRequest_get_Option( request, WinHttpRequestOption_URL, &value );
    ok( hr == S_OK && V_VT( &value ) == VT_BSTR && !lstrcmpW( V_BSTR( &value ), L"http://127.0.0.1/named" ), "URL: %#lx\n", hr );
    VariantClear( &value );

    /* one by name, the other by place */
    IWinHttpRequest_Abort( request );
    params.cNamedArgs = 1;
    hr = IWinHttpRequest_Invoke( request, 1, &IID_NULL, 0x0409, DISPATCH_METHOD, &params, NULL, NULL, NULL );
    ok( hr == S_OK, "Open: %#lx\n", hr );
    ids[0] = 17;
    hr = IWinHttpRequest_Invoke( request, 1, &IID_NULL, 0x0409, DISPATCH_METHOD, &params, NULL, NULL, NULL );
    ok( FAILED( hr ), "an argument that there is not: %#lx\n", hr );
    VariantClear( &args[0] );
    VariantClear( &args[1] );
    IWinHttpRequest_Release( request );
}

/* Scripts pass variables by reference, numbers as text and the other way round. The arguments stay the caller's. */
static void test_coercion(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    IWinHttpRequest *request = com_create();
    VARIANT args[4], inner, result;
    const char *head;
    HRESULT hr;

    if (!server || !request) return;
    com_open( request, L"GET", server_port( server ), L"/", FALSE );

    V_VT( &inner ) = VT_I4;
    V_I4( &inner ) = 42;
    V_VT( &args[0] ) = VT_BYREF | VT_VARIANT;      /* the value, */
    V_VARIANTREF( &args[0] ) = &inner;
    variant_string( &args[1], L"X-Number" );        /* of this header */
    hr = invoke_raw( request, 2, &IID_NULL, DISPATCH_METHOD, args, 2, &result );
    ok( hr == S_OK, "SetRequestHeader: %#lx\n", hr );
    ok( V_VT( &inner ) == VT_I4 && V_I4( &inner ) == 42, "the argument has changed\n" );
    VariantClear( &args[1] );

    variant_string( &args[0], L"20000" );           /* SetTimeouts of texts */
    variant_string( &args[1], L"20000" );
    set_number( &args[2], VT_R8, 20000 );
    V_VT( &args[3] ) = VT_I2;
    V_I2( &args[3] ) = 20000;
    hr = invoke_raw( request, 16, &IID_NULL, DISPATCH_METHOD, args, 4, &result );
    ok( hr == S_OK, "SetTimeouts: %#lx\n", hr );
    VariantClear( &args[0] );
    VariantClear( &args[1] );

    hr = com_invoke( request, L"Send", DISPATCH_METHOD, "m", NULL, NULL );
    ok( hr == S_OK, "Send: %#lx\n", hr );
    head = server_request( server, 0 );
    ok( strstr( head, "X-Number: 42\r\n" ) != NULL, "got %s\n", head );
    IWinHttpRequest_Release( request );
    server_stop( server );
}

START_TEST( com_dispatch )
{
    CoInitialize( NULL );
    test_class();
    test_interfaces();
    test_class_factory();
    test_names();
    test_type_info();
    test_type_library();
    test_option();
    test_methods();
    test_named();
    test_coercion();
    CoUninitialize();
}
