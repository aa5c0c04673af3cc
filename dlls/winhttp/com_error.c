/*
 * Errors of the scripting object
 *
 * Texts are in messages.mc, by WinHTTP's numbers; for all others the system's are asked.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <winhttp.h>

#include "httprequest.h"

#include "com_class.h"
#include "com_error.h"

HRESULT com_error_hresult( DWORD err )
{
    return err ? HRESULT_FROM_WIN32( err ) : S_OK;
}

BSTR com_error_text( HRESULT hr )
{
    DWORD code = HRESULT_FACILITY( hr ) == FACILITY_WIN32 ? HRESULT_CODE( hr ) : (DWORD)hr;
    WCHAR *text = NULL, number[16];
    BSTR ret;

    if (!FormatMessageW( FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_IGNORE_INSERTS,
                         com_module(), code, 0, (WCHAR *)&text, 0, NULL ) &&
        !FormatMessageW( FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                         NULL, code, 0, (WCHAR *)&text, 0, NULL ))
    {
        swprintf( number, ARRAYSIZE( number ), L"%08lx\r\n", (unsigned long)hr );
        return SysAllocString( number );
    }
    ret = SysAllocString( text );
    LocalFree( text );
    return ret;
}

/* Without memory for it the error is one without a text. */
HRESULT com_error_report( HRESULT hr )
{
    WCHAR source[] = COM_ERROR_SOURCE;    /* ICreateErrorInfo takes no constants */
    ICreateErrorInfo *create;
    IErrorInfo *info;
    BSTR text;

    if (SUCCEEDED( hr ) || FAILED( CreateErrorInfo( &create ) )) return hr;

    text = com_error_text( hr );
    ICreateErrorInfo_SetGUID( create, &IID_IWinHttpRequest );
    ICreateErrorInfo_SetSource( create, source );
    if (text) ICreateErrorInfo_SetDescription( create, text );
    SysFreeString( text );
    if (SUCCEEDED( ICreateErrorInfo_QueryInterface( create, &IID_IErrorInfo, (void **)&info ) ))
    {
        SetErrorInfo( 0, info );
        IErrorInfo_Release( info );
    }
    ICreateErrorInfo_Release( create );
    return hr;
}

HRESULT com_error_raise( HRESULT hr, EXCEPINFO *excep )
{
    IErrorInfo *info = NULL;

    if (!excep) return DISP_E_EXCEPTION;

    memset( excep, 0, sizeof(*excep) );
    excep->scode = hr;
    if (GetErrorInfo( 0, &info ) == S_OK)
    {
        IErrorInfo_GetSource( info, &excep->bstrSource );
        IErrorInfo_GetDescription( info, &excep->bstrDescription );
        IErrorInfo_Release( info );
    }
    return DISP_E_EXCEPTION;
}
