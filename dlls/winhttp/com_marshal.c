/*
 * Objects that may be used in any apartment as they are
 */

#define COBJMACROS
#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>

#include "com_marshal.h"

HRESULT com_marshal_query( IUnknown **marshaler, IUnknown *outer, REFIID iid, void **obj )
{
    IUnknown *made;
    HRESULT hr;

    *obj = NULL;
    if (!*marshaler)
    {
        if (FAILED(hr = CoCreateFreeThreadedMarshaler( outer, &made ))) return hr;
        /* another thread may have been faster */
        if (InterlockedCompareExchangePointer( (void **)marshaler, made, NULL )) IUnknown_Release( made );
    }
    return IUnknown_QueryInterface( *marshaler, iid, obj );
}
