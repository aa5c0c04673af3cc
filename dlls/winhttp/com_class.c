/*
 * The class WinHttp.WinHttpRequest.5.1
 *
 * COM finds it through the registry, where Wine's prefixes have it from the day they are made: WINE_REGISTRY, a registrar
 * script among the resources, says what belongs there. DllRegisterServer runs the same script.
 * Spec: structures.md section 5; functions.md "COM exports".
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <olectl.h>
#include <winhttp.h>

#include <initguid.h>
#include "httprequest.h"

#include "wine/debug.h"
#include "com_class.h"
#include "com_proxy.h"
#include "com_request.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

HMODULE com_module( void )
{
    HMODULE module;

    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (const WCHAR *)com_module, &module );
    return module;
}

/*--- the type library ----------------------------------------------------------------------------------------------*/

static ITypeLib * volatile type_library;    /* loaded at its first use */

static HRESULT load_type_library( ITypeLib **ret )
{
    WCHAR path[MAX_PATH];
    ITypeLib *library;
    HRESULT hr;

    if (!(*ret = type_library))
    {
        if (!GetModuleFileNameW( com_module(), path, ARRAYSIZE( path ) )) return TYPE_E_CANTLOADLIBRARY;
        if (FAILED( hr = LoadTypeLibEx( path, REGKIND_NONE, &library ) )) return hr;
        if ((*ret = InterlockedCompareExchangePointer( (void * volatile *)&type_library, library, NULL )))
            ITypeLib_Release( library );
        else
            *ret = library;
    }
    return S_OK;
}

HRESULT com_type_info( const GUID *guid, ITypeInfo **info )
{
    ITypeLib *library;
    HRESULT hr;

    if (FAILED( hr = load_type_library( &library ) )) return hr;
    return ITypeLib_GetTypeInfoOfGuid( library, guid, info );
}

/*--- the class factory ---------------------------------------------------------------------------------------------*/

static HRESULT WINAPI factory_QueryInterface( IClassFactory *iface, REFIID iid, void **object )
{
    if (!object) return E_POINTER;
    if (IsEqualGUID( iid, &IID_IUnknown ) || IsEqualGUID( iid, &IID_IClassFactory ))
    {
        *object = iface;
        return S_OK;
    }
    *object = NULL;
    return E_NOINTERFACE;
}

/* There is one, and it lasts as long as the module, which COM never unloads: DllCanUnloadNow. */
static ULONG WINAPI factory_AddRef( IClassFactory *iface UNUSED )
{
    return 2;
}

static ULONG WINAPI factory_Release( IClassFactory *iface UNUSED )
{
    return 1;
}

static HRESULT WINAPI factory_CreateInstance( IClassFactory *iface UNUSED, IUnknown *outer, REFIID iid, void **object )
{
    TRACE( "%p, %s, %p\n", outer, wine_dbgstr_guid( iid ), object );

    if (!object) return E_INVALIDARG;
    *object = NULL;
    if (outer) return CLASS_E_NOAGGREGATION;
    return com_request_create( iid, object );
}

static HRESULT WINAPI factory_LockServer( IClassFactory *iface UNUSED, BOOL lock )
{
    TRACE( "%d\n", lock );
    return S_OK;
}

static const IClassFactoryVtbl factory_vtbl =
{
    factory_QueryInterface,
    factory_AddRef,
    factory_Release,
    factory_CreateInstance,
    factory_LockServer
};

static IClassFactory factory = { (IClassFactoryVtbl *)&factory_vtbl };

HRESULT WINAPI DllGetClassObject( REFCLSID clsid, REFIID iid, void **object )
{
    TRACE( "%s, %s, %p\n", wine_dbgstr_guid( clsid ), wine_dbgstr_guid( iid ), object );

    if (!object) return E_INVALIDARG;
    *object = NULL;
    if (!IsEqualGUID( clsid, &CLSID_WinHttpRequest )) return CLASS_E_CLASSNOTAVAILABLE;
    if (IsEqualGUID( iid, &IID_IPSFactoryBuffer )) return IUnknown_QueryInterface( com_proxy_factory(), iid, object );
    com_proxy_register();
    return IClassFactory_QueryInterface( &factory, iid, object );
}

/* Windows' own always answers this, too. */
HRESULT WINAPI DllCanUnloadNow( void )
{
    TRACE( "\n" );
    return S_FALSE;
}

/*--- registration --------------------------------------------------------------------------------------------------*/

/* The registrar of ATL, which reads such scripts. Documented as IRegistrar; no header of the toolchain has it. */
DEFINE_GUID( CLSID_Registrar, 0x44ec053a, 0x400f, 0x11d0, 0x9d,0xcd, 0x00,0xa0,0xc9,0x03,0x91,0xd3 );
DEFINE_GUID( IID_IRegistrar, 0x44ec053b, 0x400f, 0x11d0, 0x9d,0xcd, 0x00,0xa0,0xc9,0x03,0x91,0xd3 );

#undef INTERFACE
#define INTERFACE IRegistrar
DECLARE_INTERFACE_( IRegistrar, IUnknown )
{
    STDMETHOD( QueryInterface )( THIS_ REFIID iid, void **object ) PURE;
    STDMETHOD_( ULONG, AddRef )( THIS ) PURE;
    STDMETHOD_( ULONG, Release )( THIS ) PURE;
    STDMETHOD( AddReplacement )( THIS_ const WCHAR *key, const WCHAR *item ) PURE;
    STDMETHOD( ClearReplacements )( THIS ) PURE;
    STDMETHOD( ResourceRegisterSz )( THIS_ const WCHAR *file, const WCHAR *name, const WCHAR *type ) PURE;
    STDMETHOD( ResourceUnregisterSz )( THIS_ const WCHAR *file, const WCHAR *name, const WCHAR *type ) PURE;
    STDMETHOD( FileRegister )( THIS_ const WCHAR *file ) PURE;
    STDMETHOD( FileUnregister )( THIS_ const WCHAR *file ) PURE;
    STDMETHOD( StringRegister )( THIS_ const WCHAR *script ) PURE;
    STDMETHOD( StringUnregister )( THIS_ const WCHAR *script ) PURE;
    STDMETHOD( ResourceRegister )( THIS_ const WCHAR *file, UINT id, const WCHAR *type ) PURE;
    STDMETHOD( ResourceUnregister )( THIS_ const WCHAR *file, UINT id, const WCHAR *type ) PURE;
};
#undef INTERFACE

struct registration
{
    IRegistrar *registrar;
    BOOL        remove;
    HRESULT     hr;
};

/* One script: its text is bytes, without a terminator. */
static BOOL CALLBACK run_script( HMODULE module, const WCHAR *type, WCHAR *name, LONG_PTR param )
{
    struct registration *registration = (struct registration *)param;
    IRegistrar *registrar = registration->registrar;
    HRSRC resource = FindResourceW( module, name, type );
    const char *text = resource ? LockResource( LoadResource( module, resource ) ) : NULL;
    DWORD len = resource ? SizeofResource( module, resource ) : 0;
    WCHAR *script;
    int cch;

    if (!text || !(script = calloc( len + 1, sizeof(*script) )))
    {
        registration->hr = E_OUTOFMEMORY;
        return FALSE;
    }
    cch = MultiByteToWideChar( CP_UTF8, 0, text, (int)len, script, (int)len );
    script[cch] = 0;
    registration->hr = registration->remove ? registrar->lpVtbl->StringUnregister( registrar, script )
                                            : registrar->lpVtbl->StringRegister( registrar, script );
    free( script );
    return SUCCEEDED( registration->hr );
}

static HRESULT create_registrar( IRegistrar **registrar )
{
    HRESULT (WINAPI *get_class)( REFCLSID, REFIID, void ** );
    HMODULE atl = LoadLibraryW( L"atl.dll" );    /* stays: nobody registers often */
    IClassFactory *class_factory;
    HRESULT hr;

    if (!atl || !(get_class = (void *)GetProcAddress( atl, "DllGetClassObject" )))
        return HRESULT_FROM_WIN32( ERROR_MOD_NOT_FOUND );
    if (FAILED( hr = get_class( &CLSID_Registrar, &IID_IClassFactory, (void **)&class_factory ) )) return hr;
    hr = IClassFactory_CreateInstance( class_factory, NULL, &IID_IRegistrar, (void **)registrar );
    IClassFactory_Release( class_factory );
    return hr;
}

static HRESULT run_scripts( BOOL remove )
{
    struct registration registration = { NULL, remove, E_FAIL };
    WCHAR path[MAX_PATH];

    if (!GetModuleFileNameW( com_module(), path, ARRAYSIZE( path ) )) return E_FAIL;
    if (FAILED( registration.hr = create_registrar( &registration.registrar ) )) return registration.hr;

    registration.hr = registration.registrar->lpVtbl->AddReplacement( registration.registrar, L"MODULE", path );
    if (SUCCEEDED( registration.hr ))
    {
        registration.hr = E_FAIL;    /* unless there is a script */
        EnumResourceNamesW( com_module(), L"WINE_REGISTRY", run_script, (LONG_PTR)&registration );
    }
    registration.registrar->lpVtbl->Release( registration.registrar );
    return registration.hr;
}

HRESULT WINAPI DllRegisterServer( void )
{
    HRESULT hr = run_scripts( FALSE );

    TRACE( "%#lx\n", hr );
    return FAILED( hr ) ? SELFREG_E_CLASS : S_OK;
}

HRESULT WINAPI DllUnregisterServer( void )
{
    HRESULT hr = run_scripts( TRUE );

    TRACE( "%#lx\n", hr );
    return FAILED( hr ) ? SELFREG_E_CLASS : S_OK;
}
