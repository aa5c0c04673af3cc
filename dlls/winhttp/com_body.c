/*
 * Bodies of the scripting object: VARIANTs to bytes, bytes to text and arrays
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <objbase.h>
#include <oleauto.h>

#include "wine/debug.h"
#include "com_body.h"
#include "com_charset.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define READ_SIZE   0x10000     /* asked of a stream at a time */
#define MAX_BYREF   8           /* VARIANTs that point to VARIANTs; the documentation allows one */

/*--- what Send gets ------------------------------------------------------------------------------------------------*/

static HRESULT append_text( const WCHAR *text, UINT cch, struct com_bytes *bytes, BOOL *add_charset )
{
    HRESULT hr;
    UINT i;
    int len;

    if (!cch) return S_OK;
    if (cch > MAXLONG || !(len = WideCharToMultiByte( CP_UTF8, 0, text, cch, NULL, 0, NULL, NULL ))) return E_OUTOFMEMORY;
    if (FAILED(hr = com_bytes_reserve( bytes, len ))) return hr;
    bytes->len += WideCharToMultiByte( CP_UTF8, 0, text, cch, (char *)bytes->data + bytes->len, len, NULL, NULL );
    for (i = 0; i < cch; i++) if (text[i] >= 0x80) *add_charset = TRUE;
    return S_OK;
}

/* A body for each kind of VARIANT; `value` may be by reference. */

static HRESULT append_nothing( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    (void)value;
    (void)bytes;
    (void)add_charset;
    return S_OK;
}

static HRESULT append_string( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    BSTR text = V_ISBYREF( value ) ? *V_BSTRREF( value ) : V_BSTR( value );

    return append_text( text, SysStringLen( text ), bytes, add_charset );
}

/* Numbers, dates, objects with a default property. */
static HRESULT append_coerced( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    VARIANT text;
    HRESULT hr;

    VariantInit( &text );
    if (FAILED(hr = VariantChangeTypeEx( &text, (VARIANT *)value, LOCALE_USER_DEFAULT, 0, VT_BSTR )))
    {
        WARN( "no text in a variant of type %#x: %#lx\n", V_VT( value ), hr );
        return hr == E_OUTOFMEMORY ? hr : E_INVALIDARG;
    }
    hr = append_string( &text, bytes, add_charset );
    VariantClear( &text );
    return hr;
}

static HRESULT append_array( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    SAFEARRAY *array = V_ISBYREF( value ) ? *V_ARRAYREF( value ) : V_ARRAY( value );
    HRESULT hr;
    void *data;

    (void)add_charset;
    if (!array || SafeArrayGetDim( array ) != 1 || SafeArrayGetElemsize( array ) != 1) return E_INVALIDARG;
    if (FAILED(hr = SafeArrayAccessData( array, &data ))) return hr;
    hr = com_bytes_append( bytes, data, array->rgsabound[0].cElements );
    SafeArrayUnaccessData( array );
    return hr;
}

static HRESULT append_stream( IStream *stream, struct com_bytes *bytes )
{
    HRESULT hr;
    ULONG read;

    for (;;)
    {
        if (FAILED(hr = com_bytes_reserve( bytes, READ_SIZE ))) return hr;
        read = 0;
        if (FAILED(hr = IStream_Read( stream, bytes->data + bytes->len, READ_SIZE, &read ))) return hr;
        if (read > READ_SIZE) return E_UNEXPECTED;
        if (!read) return S_OK;
        bytes->len += read;
    }
}

static HRESULT append_object( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    IUnknown *object = V_ISBYREF( value ) ? *V_UNKNOWNREF( value ) : V_UNKNOWN( value );
    IStream *stream;
    HRESULT hr;

    if (!object) return S_OK;        /* "Nothing" of Visual Basic */
    if (SUCCEEDED(IUnknown_QueryInterface( object, &IID_IStream, (void **)&stream )) && stream)
    {
        hr = append_stream( stream, bytes );
        IStream_Release( stream );
        return hr;
    }
    if ((V_VT( value ) & ~VT_BYREF) == VT_DISPATCH) return append_coerced( value, bytes, add_charset );
    WARN( "an object that is no stream\n" );
    return E_INVALIDARG;
}

static const struct
{
    VARTYPE type;
    HRESULT (*append)( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset );
}
kinds[] =
{
    { VT_EMPTY,          append_nothing },
    { VT_NULL,           append_nothing },
    { VT_ERROR,          append_nothing },
    { VT_BSTR,           append_string },
    { VT_UNKNOWN,        append_object },
    { VT_DISPATCH,       append_object },
    { VT_ARRAY | VT_UI1, append_array },
};

static HRESULT append_variant( const VARIANT *value, struct com_bytes *bytes, BOOL *add_charset )
{
    VARTYPE type = V_VT( value ) & ~VT_BYREF;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( kinds ); i++)
        if (kinds[i].type == type) return kinds[i].append( value, bytes, add_charset );
    if (type & ~VT_TYPEMASK) return E_INVALIDARG;      /* arrays of anything else */
    return append_coerced( value, bytes, add_charset );
}

HRESULT com_body_from_variant( const VARIANT *body, struct com_bytes *bytes, BOOL *add_charset )
{
    unsigned int depth;
    HRESULT hr;

    *add_charset = FALSE;
    for (depth = 0; body && V_VT( body ) == (VT_VARIANT | VT_BYREF); depth++)
    {
        if (depth == MAX_BYREF) return E_INVALIDARG;
        body = V_VARIANTREF( body );
    }
    if (!body) return S_OK;
    if (FAILED(hr = append_variant( body, bytes, add_charset )))
    {
        com_bytes_free( bytes );
        *add_charset = FALSE;
    }
    TRACE( "type %#x, <%Iu bytes>, %#lx\n", V_VT( body ), bytes->len, hr );
    return hr;
}

BSTR com_body_content_type( const WCHAR *set )
{
    static const WCHAR parameter[] = L"; Charset=UTF-8";
    const WCHAR *name;
    size_t cch;
    DWORD name_cch;
    BSTR ret;

    if (!set || !*set) set = L"text/plain";
    if (charset_parameter( set, &name, &name_cch )) return SysAllocString( set );
    cch = wcslen( set );
    if (cch > MAXLONG || !(ret = SysAllocStringLen( NULL, cch + ARRAYSIZE( parameter ) - 1 ))) return NULL;
    memcpy( ret, set, cch * sizeof(WCHAR) );
    memcpy( ret + cch, parameter, sizeof(parameter) );
    return ret;
}

/*--- ResponseText --------------------------------------------------------------------------------------------------*/

/* What is in fact decoded where a server names one of these: Windows' page has the same characters and more where they
 * have control characters or nothing, and that is what servers mean. */
static const struct
{
    UINT named, decoded;
}
supersets[] =
{
    { 20127, 1252 },     /* US-ASCII */
    { 28591, 1252 },     /* ISO 8859-1 */
};

/* The charset of a body, and the length of the mark at its start that is no text. */
static UINT find_charset( const BYTE *data, SIZE_T len, const WCHAR *content_type, DWORD *mark_len )
{
    UINT code_page, mark = CP_ACP;
    const WCHAR *name;
    unsigned int i;
    DWORD cch;

    *mark_len = charset_mark( data, len, &mark );
    if (!content_type || !charset_parameter( content_type, &name, &cch )) return mark;
    if (!charset_code_page( name, cch, &code_page )) return mark;
    for (i = 0; i < ARRAYSIZE( supersets ); i++) if (code_page == supersets[i].named) code_page = supersets[i].decoded;
    /* a mark in the other order than the name's is right: "utf-16" says nothing of the order */
    if (code_page == CHARSET_UTF16LE && mark == CHARSET_UTF16BE) return mark;
    if (code_page != CHARSET_UTF16LE && code_page != CHARSET_UTF16BE && !IsValidCodePage( code_page ))
    {
        WARN( "no code page %u\n", code_page );
        return mark;
    }
    if (code_page != mark) *mark_len = 0;
    return code_page;
}

static HRESULT copy_utf16( const BYTE *data, SIZE_T len, BOOL swap, BSTR *text )
{
    SIZE_T i, cch = len / sizeof(WCHAR);

    if (len % sizeof(WCHAR)) return HRESULT_FROM_WIN32( ERROR_NO_UNICODE_TRANSLATION );
    if (!(*text = SysAllocStringLen( NULL, cch ))) return E_OUTOFMEMORY;
    memcpy( *text, data, len );
    if (swap) for (i = 0; i < cch; i++) (*text)[i] = (*text)[i] << 8 | (*text)[i] >> 8;
    return S_OK;
}

static HRESULT convert( UINT code_page, const BYTE *data, int len, BSTR *text )
{
    DWORD flags = MB_ERR_INVALID_CHARS;
    int cch = MultiByteToWideChar( code_page, flags, (const char *)data, len, NULL, 0 );

    /* the stateful pages take no flags */
    if (!cch && GetLastError() == ERROR_INVALID_FLAGS)
        cch = MultiByteToWideChar( code_page, flags = 0, (const char *)data, len, NULL, 0 );
    if (!cch) return HRESULT_FROM_WIN32( ERROR_NO_UNICODE_TRANSLATION );
    if (!(*text = SysAllocStringLen( NULL, cch ))) return E_OUTOFMEMORY;
    MultiByteToWideChar( code_page, flags, (const char *)data, len, *text, cch );
    return S_OK;
}

HRESULT com_body_text( const struct com_bytes *bytes, const WCHAR *content_type, BSTR *text )
{
    const BYTE *data = bytes->data;
    SIZE_T len = bytes->len;
    UINT code_page;
    DWORD mark_len;
    HRESULT hr;

    *text = NULL;
    if (len > MAXLONG / sizeof(WCHAR)) return E_OUTOFMEMORY;    /* no BSTR is that long */
    code_page = find_charset( data, len, content_type, &mark_len );
    data += mark_len;
    len -= mark_len;
    if (!len) hr = (*text = SysAllocString( L"" )) ? S_OK : E_OUTOFMEMORY;
    else if (code_page == CHARSET_UTF16LE || code_page == CHARSET_UTF16BE)
        hr = copy_utf16( data, len, code_page == CHARSET_UTF16BE, text );
    else hr = convert( code_page, data, len, text );
    TRACE( "<%Iu bytes>, code page %u, %#lx\n", bytes->len, code_page, hr );
    return hr;
}

/*--- ResponseBody --------------------------------------------------------------------------------------------------*/

HRESULT com_body_array( const struct com_bytes *bytes, VARIANT *body )
{
    SAFEARRAY *array;

    VariantInit( body );
    if (!bytes->len) return S_OK;
    if (bytes->len > MAXLONG || !(array = SafeArrayCreateVector( VT_UI1, 0, bytes->len ))) return E_OUTOFMEMORY;
    memcpy( array->pvData, bytes->data, bytes->len );
    V_VT( body ) = VT_ARRAY | VT_UI1;
    V_ARRAY( body ) = array;
    return S_OK;
}
