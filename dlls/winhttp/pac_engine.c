/*
 * Proxy scripts: one script in the system's JScript engine
 *
 * The engine asks its site for a security manager before it creates an object, and is told no to everything. What helper
 * functions need of the world are the methods of one object, the table below.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define COBJMACROS
#define CONST_VTABLE
#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <oleauto.h>
#include <activscp.h>
#include <objsafe.h>
#include <servprov.h>
#include <urlmon.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "pac_dns.h"
#include "pac_engine.h"
#include "pac_prelude.h"
#include "pac_text.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

static const GUID clsid_jscript = { 0xf414c260, 0x6ac0, 0x11cf, { 0xb6, 0xd1, 0x00, 0xaa, 0x00, 0xbb, 0xbb, 0x58 } };

/* The interface has two forms, by the size of pointers; import libraries lack both. */
#ifdef _WIN64
static const GUID iid_parse = { 0xc7ef7658, 0xe1ee, 0x480e, { 0x97, 0xea, 0xd5, 0x2c, 0xb4, 0xd7, 0x6d, 0x17 } };
#else
static const GUID iid_parse = { 0xbb1a2ae2, 0xa4f9, 0x11cf, { 0x8f, 0x20, 0x00, 0x80, 0x5f, 0x2c, 0xd0, 0x64 } };
#endif
static const GUID iid_property = { 0x4954e0d0, 0xfbc7, 0x11d1, { 0x84, 0x10, 0x00, 0x60, 0x08, 0xc3, 0xfb, 0xfc } };

struct pac_engine
{
    IActiveScriptSite            site;
    IServiceProvider             provider;
    IInternetHostSecurityManager security;
    IDispatch                    host;

    IActiveScript               *script;
    IActiveScriptParse          *parse;
    IDispatch                   *global;
    DISPID                       find;        /* the function to call */
    const volatile LONG         *stop;
    ULONG_PTR                    code;        /* the engine's module */
    SIZE_T                       code_size;
};

/* The four live as long as the engine, which releases them before it is freed. */
#define NO_COUNT( type, name ) \
    static ULONG STDMETHODCALLTYPE name##_AddRef( type *iface UNUSED ) { return 2; } \
    static ULONG STDMETHODCALLTYPE name##_Release( type *iface UNUSED ) { return 1; }

static HRESULT hand_out( const void *iface, void **out )
{
    *out = (void *)iface;
    return S_OK;
}

/*--- the object of the helper functions ----------------------------------------------------------------------------*/

static HRESULT return_text( VARIANT *ret, const WCHAR *text )
{
    V_VT( ret ) = VT_BSTR;
    return (V_BSTR( ret ) = SysAllocString( text )) ? S_OK : E_OUTOFMEMORY;
}

static HRESULT return_bool( VARIANT *ret, BOOL value )
{
    V_VT( ret )   = VT_BOOL;
    V_BOOL( ret ) = value ? VARIANT_TRUE : VARIANT_FALSE;
    return S_OK;
}

static HRESULT host_resolve( const WCHAR **args, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];

    pac_dns_resolve( args[0], FALSE, list );
    return return_text( ret, list );
}

static HRESULT host_resolve_ex( const WCHAR **args, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];

    pac_dns_resolve( args[0], TRUE, list );
    return return_text( ret, list );
}

static HRESULT host_local( const WCHAR **args UNUSED, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];

    pac_dns_local( FALSE, list );
    return return_text( ret, list );
}

static HRESULT host_local_ex( const WCHAR **args UNUSED, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];

    pac_dns_local( TRUE, list );
    return return_text( ret, list );
}

static HRESULT host_in_net( const WCHAR **args, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];
    struct pac_address address;

    if (pac_address_parse( args[0], wcslen( args[0] ), &address )) wcscpy( list, L"" );
    else if (!pac_dns_resolve( args[0], FALSE, list )) return return_bool( ret, FALSE );
    return return_bool( ret, pac_in_net( *list ? list : args[0], args[1], args[2] ) );
}

/* Of a name, any of its addresses; of a list, any of it. */
static HRESULT host_in_prefix( const WCHAR **args, VARIANT *ret )
{
    WCHAR list[PAC_DNS_LIST_CCH];
    const WCHAR *p = args[0], *end;
    struct pac_address address;
    BOOL found = FALSE;

    if (!wcschr( p, ';' ) && !pac_address_parse( p, wcslen( p ), &address ))
    {
        pac_dns_resolve( p, TRUE, list );
        p = list;
    }
    for (;; p = end + 1)
    {
        for (end = p; *end && *end != ';'; end++) ;
        found = found || pac_in_prefix( p, end - p, args[1] );
        if (!*end) return return_bool( ret, found );
    }
}

static HRESULT host_sort( const WCHAR **args, VARIANT *ret )
{
    HRESULT hr = E_OUTOFMEMORY;
    WCHAR *sorted;

    if (!pac_sort( args[0], &sorted )) hr = return_text( ret, sorted );
    free( sorted );
    return hr;
}

static HRESULT host_match( const WCHAR **args, VARIANT *ret )
{
    return return_bool( ret, pac_match( args[0], args[1] ) );
}

/* Nobody is there to see it but whoever debugs. */
static HRESULT host_alert( const WCHAR **args, VARIANT *ret )
{
    TRACE( "the script says %s\n", debugstr_w( args[0] ) );
    V_VT( ret ) = VT_EMPTY;
    return S_OK;
}

#define MAX_ARGS 3

static const struct method
{
    const WCHAR *name;
    UINT         args;
    HRESULT    (*call)( const WCHAR **args, VARIANT *ret );
}
methods[] =     /* DISPIDs are indices + 1 */
{
    { L"alert",     1, host_alert },
    { L"inNet",     3, host_in_net },
    { L"inPrefix",  2, host_in_prefix },
    { L"local",     0, host_local },
    { L"localEx",   0, host_local_ex },
    { L"match",     2, host_match },
    { L"resolve",   1, host_resolve },
    { L"resolveEx", 1, host_resolve_ex },
    { L"sort",      1, host_sort },
};

static struct pac_engine *engine_from_host( IDispatch *iface )
{
    return CONTAINING_RECORD( iface, struct pac_engine, host );
}

static HRESULT STDMETHODCALLTYPE host_QueryInterface( IDispatch *iface, REFIID iid, void **out )
{
    if (IsEqualGUID( iid, &IID_IUnknown ) || IsEqualGUID( iid, &IID_IDispatch )) return hand_out( iface, out );
    *out = NULL;
    return E_NOINTERFACE;
}

NO_COUNT( IDispatch, host )

static HRESULT STDMETHODCALLTYPE host_GetTypeInfoCount( IDispatch *iface UNUSED, UINT *count )
{
    *count = 0;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE host_GetTypeInfo( IDispatch *iface UNUSED, UINT index UNUSED, LCID lcid UNUSED,
                                                   ITypeInfo **info )
{
    *info = NULL;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE host_GetIDsOfNames( IDispatch *iface UNUSED, REFIID iid UNUSED,
                                                     LPOLESTR *names, UINT count, LCID lcid UNUSED,
                                                     DISPID *ids )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( methods ); i++)
    {
        if (!count || wcscmp( methods[i].name, names[0] )) continue;
        ids[0] = i + 1;
        return count == 1 ? S_OK : DISP_E_UNKNOWNNAME;
    }
    if (count) ids[0] = DISPID_UNKNOWN;
    return DISP_E_UNKNOWNNAME;
}

/* The prelude passes strings only; a script that calls by itself must do so, too. */
static HRESULT STDMETHODCALLTYPE host_Invoke( IDispatch *iface, DISPID id, REFIID iid UNUSED, LCID lcid UNUSED,
                                              WORD flags, DISPPARAMS *params, VARIANT *result,
                                              EXCEPINFO *exception UNUSED, UINT *bad UNUSED )
{
    struct pac_engine *engine = engine_from_host( iface );
    const WCHAR *args[MAX_ARGS];
    const struct method *method;
    VARIANT value;
    HRESULT hr;
    UINT i;

    if (id < 1 || id > (DISPID)ARRAYSIZE( methods )) return DISP_E_MEMBERNOTFOUND;
    method = &methods[id - 1];
    if (!(flags & DISPATCH_METHOD)) return DISP_E_MEMBERNOTFOUND;
    if (params->cArgs != method->args) return DISP_E_BADPARAMCOUNT;
    for (i = 0; i < method->args; i++)
    {
        const VARIANT *arg = &params->rgvarg[method->args - 1 - i];

        if (V_VT( arg ) != VT_BSTR) return DISP_E_TYPEMISMATCH;
        args[i] = V_BSTR( arg ) ? V_BSTR( arg ) : L"";
    }
    VariantInit( &value );
    hr = method->call( args, &value );
    /* Nobody waits any more, and an exception could be caught. What the engine has is lost with its thread. */
    if (*engine->stop) ExitThread( 0 );
    if (FAILED( hr )) return hr;
    if (result) *result = value;
    else VariantClear( &value );
    return S_OK;
}

static const IDispatchVtbl host_vtbl =
{
    host_QueryInterface,
    host_AddRef,
    host_Release,
    host_GetTypeInfoCount,
    host_GetTypeInfo,
    host_GetIDsOfNames,
    host_Invoke,
};

/*--- the security manager ------------------------------------------------------------------------------------------*/

static HRESULT STDMETHODCALLTYPE security_QueryInterface( IInternetHostSecurityManager *iface, REFIID iid,
                                                          void **out )
{
    if (IsEqualGUID( iid, &IID_IUnknown ) || IsEqualGUID( iid, &IID_IInternetHostSecurityManager ))
        return hand_out( iface, out );
    *out = NULL;
    return E_NOINTERFACE;
}

NO_COUNT( IInternetHostSecurityManager, security )

static HRESULT STDMETHODCALLTYPE security_GetSecurityId( IInternetHostSecurityManager *iface UNUSED,
                                                         BYTE *id UNUSED, DWORD *size UNUSED,
                                                         DWORD_PTR reserved UNUSED )
{
    return E_FAIL;
}

static HRESULT STDMETHODCALLTYPE security_ProcessUrlAction( IInternetHostSecurityManager *iface UNUSED,
                                                            DWORD action, BYTE *policy, DWORD policy_size,
                                                            BYTE *context UNUSED, DWORD context_size UNUSED,
                                                            DWORD flags UNUSED, DWORD reserved UNUSED )
{
    const DWORD answer = URLPOLICY_DISALLOW;

    TRACE( "action %#lx refused\n", action );
    if (policy && policy_size >= sizeof(answer)) memcpy( policy, &answer, sizeof(answer) );
    return S_FALSE;
}

static HRESULT STDMETHODCALLTYPE security_QueryCustomPolicy( IInternetHostSecurityManager *iface UNUSED,
                                                             REFGUID key, BYTE **policy, DWORD *policy_size,
                                                             BYTE *context UNUSED, DWORD context_size UNUSED,
                                                             DWORD reserved UNUSED )
{
    const DWORD answer = URLPOLICY_DISALLOW;

    TRACE( "%s refused\n", wine_dbgstr_guid( key ) );
    if (!(*policy = CoTaskMemAlloc( sizeof(answer) ))) return E_OUTOFMEMORY;
    memcpy( *policy, &answer, sizeof(answer) );
    *policy_size = sizeof(answer);
    return S_OK;
}

static const IInternetHostSecurityManagerVtbl security_vtbl =
{
    security_QueryInterface,
    security_AddRef,
    security_Release,
    security_GetSecurityId,
    security_ProcessUrlAction,
    security_QueryCustomPolicy,
};

static HRESULT STDMETHODCALLTYPE provider_QueryInterface( IServiceProvider *iface, REFIID iid, void **out )
{
    struct pac_engine *engine = CONTAINING_RECORD( iface, struct pac_engine, provider );

    return IActiveScriptSite_QueryInterface( &engine->site, iid, out );
}

NO_COUNT( IServiceProvider, provider )

/* SID_SInternetHostSecurityManager is the interface's id. */
static HRESULT STDMETHODCALLTYPE provider_QueryService( IServiceProvider *iface, REFGUID service, REFIID iid,
                                                        void **out )
{
    struct pac_engine *engine = CONTAINING_RECORD( iface, struct pac_engine, provider );

    if (IsEqualGUID( service, &IID_IInternetHostSecurityManager ))
        return IInternetHostSecurityManager_QueryInterface( &engine->security, iid, out );
    *out = NULL;
    return E_NOINTERFACE;
}

static const IServiceProviderVtbl provider_vtbl =
{
    provider_QueryInterface,
    provider_AddRef,
    provider_Release,
    provider_QueryService,
};

/*--- the site ------------------------------------------------------------------------------------------------------*/

static HRESULT STDMETHODCALLTYPE site_QueryInterface( IActiveScriptSite *iface, REFIID iid, void **out )
{
    struct pac_engine *engine = CONTAINING_RECORD( iface, struct pac_engine, site );

    if (IsEqualGUID( iid, &IID_IUnknown ) || IsEqualGUID( iid, &IID_IActiveScriptSite )) return hand_out( iface, out );
    if (IsEqualGUID( iid, &IID_IServiceProvider )) return hand_out( &engine->provider, out );
    *out = NULL;
    return E_NOINTERFACE;
}

NO_COUNT( IActiveScriptSite, site )

static HRESULT STDMETHODCALLTYPE site_GetLCID( IActiveScriptSite *iface UNUSED, LCID *lcid UNUSED )
{
    return E_NOTIMPL;    /* the user's */
}

static HRESULT STDMETHODCALLTYPE site_GetItemInfo( IActiveScriptSite *iface, LPCOLESTR name, DWORD mask,
                                                   IUnknown **item, ITypeInfo **info )
{
    struct pac_engine *engine = CONTAINING_RECORD( iface, struct pac_engine, site );

    if (item) *item = NULL;
    if (info) *info = NULL;
    if (wcscmp( name, PAC_HOST_OBJECT )) return TYPE_E_ELEMENTNOTFOUND;
    if (item && (mask & SCRIPTINFO_IUNKNOWN)) *item = (IUnknown *)&engine->host;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE site_GetDocVersionString( IActiveScriptSite *iface UNUSED, BSTR *version )
{
    *version = NULL;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE site_OnScriptTerminate( IActiveScriptSite *iface UNUSED,
                                                         const VARIANT *result UNUSED,
                                                         const EXCEPINFO *exception UNUSED )
{
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE site_OnStateChange( IActiveScriptSite *iface UNUSED, SCRIPTSTATE state UNUSED )
{
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE site_OnScriptError( IActiveScriptSite *iface UNUSED,
                                                     IActiveScriptError *error )
{
    EXCEPINFO info = { 0 };
    ULONG line = 0;
    LONG column = 0;
    DWORD cookie;

    if (FAILED( IActiveScriptError_GetExceptionInfo( error, &info ) )) return S_OK;
    IActiveScriptError_GetSourcePosition( error, &cookie, &line, &column );
    WARN( "line %lu, column %ld: %#lx, %s\n", line + 1, column + 1, info.scode, debugstr_w( info.bstrDescription ) );
    SysFreeString( info.bstrSource );
    SysFreeString( info.bstrDescription );
    SysFreeString( info.bstrHelpFile );
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE site_OnEnterScript( IActiveScriptSite *iface UNUSED )
{
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE site_OnLeaveScript( IActiveScriptSite *iface UNUSED )
{
    return S_OK;
}

static const IActiveScriptSiteVtbl site_vtbl =
{
    site_QueryInterface,
    site_AddRef,
    site_Release,
    site_GetLCID,
    site_GetItemInfo,
    site_GetDocVersionString,
    site_OnScriptTerminate,
    site_OnStateChange,
    site_OnScriptError,
    site_OnEnterScript,
    site_OnLeaveScript,
};

/*--- the engine ----------------------------------------------------------------------------------------------------*/

/* Without its safety options the engine would not ask for permission: then there is no engine. */
static BOOL make_safe( IActiveScript *script )
{
    const DWORD options = INTERFACESAFE_FOR_UNTRUSTED_DATA | INTERFACE_USES_DISPEX | INTERFACE_USES_SECURITY_MANAGER;
    IObjectSafety *safety;
    HRESULT hr;

    if (FAILED( IActiveScript_QueryInterface( script, &IID_IObjectSafety, (void **)&safety ) )) return FALSE;
    hr = IObjectSafety_SetInterfaceSafetyOptions( safety, &iid_parse, options, options );
    IObjectSafety_Release( safety );
    return SUCCEEDED( hr );
}

/* JSON and the like; an engine that does not know how to is asked for nothing else. */
static void set_version( IActiveScript *script )
{
    IActiveScriptProperty *property;
    VARIANT version;

    if (FAILED( IActiveScript_QueryInterface( script, &iid_property, (void **)&property ) )) return;
    V_VT( &version ) = VT_I4;
    V_I4( &version ) = SCRIPTLANGUAGEVERSION_5_8;
    if (FAILED( IActiveScriptProperty_SetProperty( property, SCRIPTPROP_INVOKEVERSIONING, NULL, &version ) ))
        TRACE( "the engine has one version only\n" );
    IActiveScriptProperty_Release( property );
}

/* The module that its methods are in. */
static void find_code( struct pac_engine *engine )
{
    const DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    const IMAGE_NT_HEADERS *nt;
    HMODULE module;

    if (!GetModuleHandleExW( flags, (const WCHAR *)engine->script->lpVtbl->Clone, &module )) return;
    nt = (const IMAGE_NT_HEADERS *)((const BYTE *)module + ((const IMAGE_DOS_HEADER *)module)->e_lfanew);
    engine->code      = (ULONG_PTR)module;
    engine->code_size = nt->OptionalHeader.SizeOfImage;
}

static HRESULT start( struct pac_engine *engine )
{
    HRESULT hr;

    hr = CoCreateInstance( &clsid_jscript, NULL, CLSCTX_INPROC_SERVER, &IID_IActiveScript, (void **)&engine->script );
    if (FAILED( hr )) return hr;
    find_code( engine );
    if (!make_safe( engine->script )) return E_FAIL;
    set_version( engine->script );
    if (FAILED( hr = IActiveScript_QueryInterface( engine->script, &iid_parse, (void **)&engine->parse ) )) return hr;
    if (FAILED( hr = engine->parse->lpVtbl->InitNew( engine->parse ) )) return hr;
    if (FAILED( hr = IActiveScript_SetScriptSite( engine->script, &engine->site ) )) return hr;
    if (FAILED( hr = IActiveScript_AddNamedItem( engine->script, PAC_HOST_OBJECT, SCRIPTITEM_ISVISIBLE ) )) return hr;
    if (FAILED( hr = IActiveScript_SetScriptState( engine->script, SCRIPTSTATE_STARTED ) )) return hr;
    return IActiveScript_GetScriptDispatch( engine->script, NULL, &engine->global );
}

static HRESULT run( struct pac_engine *engine, const WCHAR *text )
{
    return engine->parse->lpVtbl->ParseScriptText( engine->parse, text, NULL, NULL, NULL, 0, 0, SCRIPTTEXT_ISVISIBLE, NULL,
                                                   NULL );
}

static BOOL find_function( struct pac_engine *engine, const WCHAR *name )
{
    LPOLESTR names[] = { (LPOLESTR)name };

    return SUCCEEDED( IDispatch_GetIDsOfNames( engine->global, &IID_NULL, names, 1, LOCALE_USER_DEFAULT, &engine->find ) );
}

DWORD pac_engine_create( const WCHAR *script, const volatile LONG *stop, struct pac_engine * volatile *ret )
{
    struct pac_engine *engine;
    HRESULT hr;

    *ret = NULL;
    if (!(engine = calloc( 1, sizeof(*engine) ))) return ERROR_NOT_ENOUGH_MEMORY;
    engine->site.lpVtbl     = &site_vtbl;
    engine->provider.lpVtbl = &provider_vtbl;
    engine->security.lpVtbl = &security_vtbl;
    engine->host.lpVtbl     = &host_vtbl;
    engine->stop            = stop;
    if (FAILED( hr = start( engine ) ) || FAILED( hr = run( engine, pac_prelude ) ))
    {
        ERR( "no JScript engine: %#lx\n", hr );
        pac_engine_free( engine );
        return hr == E_OUTOFMEMORY ? ERROR_NOT_ENOUGH_MEMORY : ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
    }
    InterlockedExchangePointer( (void **)ret, engine );
    hr = run( engine, script );
    if (SUCCEEDED( hr ) && (find_function( engine, L"FindProxyForURLEx" ) || find_function( engine, L"FindProxyForURL" )))
        return ERROR_SUCCESS;
    WARN( "%#lx\n", hr );
    return hr == E_OUTOFMEMORY ? ERROR_NOT_ENOUGH_MEMORY : ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT;
}

void pac_engine_free( struct pac_engine *engine )
{
    if (!engine) return;
    if (engine->global) IDispatch_Release( engine->global );
    if (engine->script) IActiveScript_Close( engine->script );
    if (engine->parse) engine->parse->lpVtbl->Release( engine->parse );
    if (engine->script) IActiveScript_Release( engine->script );
    free( engine );
}

static DWORD take_answer( VARIANT *value, WCHAR **answer )
{
    switch (V_VT( value ))
    {
    case VT_EMPTY:
    case VT_NULL:
        *answer = wcsdup( L"" );
        break;
    case VT_BSTR:
        *answer = wcsdup( V_BSTR( value ) ? V_BSTR( value ) : L"" );
        break;
    default:
        WARN( "the script's answer is of type %#x\n", V_VT( value ) );
        return ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR;
    }
    return *answer ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

DWORD pac_engine_find( struct pac_engine *engine, const WCHAR *url, const WCHAR *host, WCHAR **answer )
{
    VARIANT args[2], value;
    DISPPARAMS params = { args, NULL, 2, 0 };
    DWORD err = ERROR_NOT_ENOUGH_MEMORY;
    HRESULT hr;

    VariantInit( &value );
    V_VT( &args[0] ) = V_VT( &args[1] ) = VT_BSTR;
    V_BSTR( &args[0] ) = SysAllocString( host );    /* the last one first */
    V_BSTR( &args[1] ) = SysAllocString( url );
    if (V_BSTR( &args[0] ) && V_BSTR( &args[1] ))
    {
        hr = IDispatch_Invoke( engine->global, engine->find, &IID_NULL, LOCALE_USER_DEFAULT, DISPATCH_METHOD, &params,
                               &value, NULL, NULL );
        if (SUCCEEDED( hr )) err = take_answer( &value, answer );
        else if (hr != E_OUTOFMEMORY)
        {
            WARN( "%#lx\n", hr );
            err = ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR;
        }
    }
    VariantClear( &value );
    SysFreeString( V_BSTR( &args[0] ) );
    SysFreeString( V_BSTR( &args[1] ) );
    return err;
}

void pac_engine_interrupt( struct pac_engine *engine )
{
    HRESULT hr = IActiveScript_InterruptScriptThread( engine->script, SCRIPTTHREADID_BASE, NULL, 0 );

    TRACE( "%#lx\n", hr );
}

BOOL pac_engine_owns( struct pac_engine *engine, ULONG_PTR address )
{
    return address >= engine->code && address - engine->code < engine->code_size;
}
