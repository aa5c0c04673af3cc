/*
 * The class WinHttp.WinHttpRequest.5.1: class factory, registration, type library
 */

#ifndef WINHTTP_COM_CLASS_H
#define WINHTTP_COM_CLASS_H

/* This DLL. */
HMODULE com_module( void );

/* The description of an interface or class from the module's type library. Given: Release. */
HRESULT com_type_info( const GUID *guid, ITypeInfo **info );

#endif /* WINHTTP_COM_CLASS_H */
