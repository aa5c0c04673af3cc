/*
 * IDispatch of the scripting object
 *
 * Own tables instead of ITypeInfo::Invoke: what Windows' object does with the flags and arguments of its option (windows-
 * behaviour COM-50 to COM-62) is not what a type library would make of it, and scripts run where no type library can be
 * loaded. Arguments are looked up by name or place, taken out of references, and coerced to what the method wants.
 */

#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <winhttp.h>

#include "httprequest.h"
#include "httprequestid.h"

#include "wine/debug.h"
#include "com_class.h"
#include "com_error.h"
#include "com_request.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED   __attribute__((unused))
#define MAX_ARGS 4

#define GET      (DISPATCH_PROPERTYGET | DISPATCH_METHOD)    /* scripts do not know which of the two it is */
#define PUT      (DISPATCH_PROPERTYPUT | DISPATCH_PROPERTYPUTREF)

/* `args` have the types of the row; those that were not given are VT_ERROR. What comes back is in *result, empty on entry. */
typedef HRESULT (*member_call)( IWinHttpRequest *iface, VARIANT *args, VARIANT *result );

struct member
{
    const WCHAR *name;
    DISPID       id;
    WORD         flags;
    unsigned int required, count;    /* arguments */
    struct { const WCHAR *name; VARTYPE type; } args[MAX_ARGS];    /* VT_VARIANT: as it comes */
    member_call  call;
};

/*--- one function per member ---------------------------------------------------------------------------------------*/

static HRESULT return_bstr( HRESULT hr, VARIANT *result )
{
    if (SUCCEEDED( hr )) V_VT( result ) = VT_BSTR;
    return hr;
}

static HRESULT call_open( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_Open( iface, V_BSTR( &args[0] ), V_BSTR( &args[1] ), args[2] );
}

static HRESULT call_set_request_header( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetRequestHeader( iface, V_BSTR( &args[0] ), V_BSTR( &args[1] ) );
}

static HRESULT call_get_response_header( IWinHttpRequest *iface, VARIANT *args, VARIANT *result )
{
    return return_bstr( IWinHttpRequest_GetResponseHeader( iface, V_BSTR( &args[0] ), &V_BSTR( result ) ), result );
}

static HRESULT call_get_all_response_headers( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    return return_bstr( IWinHttpRequest_GetAllResponseHeaders( iface, &V_BSTR( result ) ), result );
}

static HRESULT call_send( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_Send( iface, args[0] );
}

static HRESULT call_get_option( IWinHttpRequest *iface, VARIANT *args, VARIANT *result )
{
    return IWinHttpRequest_get_Option( iface, V_I4( &args[0] ), result );
}

static HRESULT call_put_option( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_put_Option( iface, V_I4( &args[0] ), args[1] );
}

static HRESULT call_status( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    HRESULT hr = IWinHttpRequest_get_Status( iface, &V_I4( result ) );

    if (SUCCEEDED( hr )) V_VT( result ) = VT_I4;
    return hr;
}

static HRESULT call_status_text( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    return return_bstr( IWinHttpRequest_get_StatusText( iface, &V_BSTR( result ) ), result );
}

static HRESULT call_response_text( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    return return_bstr( IWinHttpRequest_get_ResponseText( iface, &V_BSTR( result ) ), result );
}

static HRESULT call_response_body( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    return IWinHttpRequest_get_ResponseBody( iface, result );
}

static HRESULT call_response_stream( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result )
{
    return IWinHttpRequest_get_ResponseStream( iface, result );
}

static HRESULT call_abort( IWinHttpRequest *iface, VARIANT *args UNUSED, VARIANT *result UNUSED )
{
    return IWinHttpRequest_Abort( iface );
}

static HRESULT call_set_proxy( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetProxy( iface, V_I4( &args[0] ), args[1], args[2] );
}

static HRESULT call_set_credentials( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetCredentials( iface, V_BSTR( &args[0] ), V_BSTR( &args[1] ), V_I4( &args[2] ) );
}

static HRESULT call_wait_for_response( IWinHttpRequest *iface, VARIANT *args, VARIANT *result )
{
    HRESULT hr = IWinHttpRequest_WaitForResponse( iface, args[0], &V_BOOL( result ) );

    if (SUCCEEDED( hr )) V_VT( result ) = VT_BOOL;
    return hr;
}

static HRESULT call_set_timeouts( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetTimeouts( iface, V_I4( &args[0] ), V_I4( &args[1] ), V_I4( &args[2] ), V_I4( &args[3] ) );
}

static HRESULT call_set_client_certificate( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetClientCertificate( iface, V_BSTR( &args[0] ) );
}

static HRESULT call_set_auto_logon_policy( IWinHttpRequest *iface, VARIANT *args, VARIANT *result UNUSED )
{
    return IWinHttpRequest_SetAutoLogonPolicy( iface, V_I4( &args[0] ) );
}

/* Names of arguments are those of the type library. */
static const struct member members[] =
{
    { L"Open", DISPID_HTTPREQUEST_OPEN, GET, 2, 3,
      { { L"Method", VT_BSTR }, { L"Url", VT_BSTR }, { L"Async", VT_VARIANT } }, call_open },
    { L"SetRequestHeader", DISPID_HTTPREQUEST_SETREQUESTHEADER, GET, 2, 2,
      { { L"Header", VT_BSTR }, { L"Value", VT_BSTR } }, call_set_request_header },
    { L"GetResponseHeader", DISPID_HTTPREQUEST_GETRESPONSEHEADER, GET, 1, 1,
      { { L"Header", VT_BSTR } }, call_get_response_header },
    { L"GetAllResponseHeaders", DISPID_HTTPREQUEST_GETALLRESPONSEHEADERS, GET, 0, 0,
      { { NULL, 0 } }, call_get_all_response_headers },
    { L"Send", DISPID_HTTPREQUEST_SEND, GET, 0, 1,
      { { L"Body", VT_VARIANT } }, call_send },
    { L"Option", DISPID_HTTPREQUEST_OPTION, GET, 1, 1,
      { { L"Option", VT_I4 } }, call_get_option },
    { L"Option", DISPID_HTTPREQUEST_OPTION, PUT, 2, 2,
      { { L"Option", VT_I4 }, { L"Value", VT_VARIANT } }, call_put_option },
    { L"Status", DISPID_HTTPREQUEST_STATUS, GET, 0, 0,
      { { NULL, 0 } }, call_status },
    { L"StatusText", DISPID_HTTPREQUEST_STATUSTEXT, GET, 0, 0,
      { { NULL, 0 } }, call_status_text },
    { L"ResponseText", DISPID_HTTPREQUEST_RESPONSETEXT, GET, 0, 0,
      { { NULL, 0 } }, call_response_text },
    { L"ResponseBody", DISPID_HTTPREQUEST_RESPONSEBODY, GET, 0, 0,
      { { NULL, 0 } }, call_response_body },
    { L"ResponseStream", DISPID_HTTPREQUEST_RESPONSESTREAM, GET, 0, 0,
      { { NULL, 0 } }, call_response_stream },
    { L"Abort", DISPID_HTTPREQUEST_ABORT, GET, 0, 0,
      { { NULL, 0 } }, call_abort },
    { L"SetProxy", DISPID_HTTPREQUEST_SETPROXY, GET, 1, 3,
      { { L"ProxySetting", VT_I4 }, { L"ProxyServer", VT_VARIANT }, { L"BypassList", VT_VARIANT } }, call_set_proxy },
    { L"SetCredentials", DISPID_HTTPREQUEST_SETCREDENTIALS, GET, 3, 3,
      { { L"UserName", VT_BSTR }, { L"Password", VT_BSTR }, { L"Flags", VT_I4 } }, call_set_credentials },
    { L"WaitForResponse", DISPID_HTTPREQUEST_WAITFORRESPONSE, GET, 0, 1,
      { { L"Timeout", VT_VARIANT } }, call_wait_for_response },
    { L"SetTimeouts", DISPID_HTTPREQUEST_SETTIMEOUTS, GET, 4, 4,
      { { L"ResolveTimeout", VT_I4 }, { L"ConnectTimeout", VT_I4 }, { L"SendTimeout", VT_I4 }, { L"ReceiveTimeout", VT_I4 } },
      call_set_timeouts },
    { L"SetClientCertificate", DISPID_HTTPREQUEST_SETCLIENTCERTIFICATE, GET, 1, 1,
      { { L"ClientCertificate", VT_BSTR } }, call_set_client_certificate },
    { L"SetAutoLogonPolicy", DISPID_HTTPREQUEST_SETAUTOLOGONPOLICY, GET, 1, 1,
      { { L"AutoLogonPolicy", VT_I4 } }, call_set_auto_logon_policy },
};

/*--- arguments -----------------------------------------------------------------------------------------------------*/

/* What the caller passed, by place: NULL is not given. `arg` says where each stands in rgvarg, for error messages. */
struct given
{
    VARIANT     *args[MAX_ARGS];
    unsigned int index[MAX_ARGS];
};

static BOOL is_empty( const VARIANT *value )
{
    return V_VT( value ) == VT_EMPTY || V_VT( value ) == VT_ERROR;
}

/* Positional arguments stand in rgvarg backwards, behind the named ones. Empty ones beyond what the member takes are passed
 * over, on whichever side they are: COM-60, COM-61. */
static HRESULT take_positional( const struct member *member, const DISPPARAMS *params, unsigned int first, struct given *given )
{
    unsigned int last = params->cArgs, room = member->count, place;

    if (first && params->rgdispidNamedArgs[0] == DISPID_PROPERTYPUT) room--;    /* the value is named */
    while (last - first > room && is_empty( &params->rgvarg[last - 1] )) last--;
    while (last - first > room && is_empty( &params->rgvarg[first] )) first++;
    if (last - first > room) return DISP_E_BADPARAMCOUNT;

    for (place = 0; last > first; place++)
    {
        given->args[place]  = &params->rgvarg[--last];
        given->index[place] = last;
    }
    return S_OK;
}

/* The ids of arguments are their places; the value of a put has an id of its own. */
static HRESULT take_named( const struct member *member, const DISPPARAMS *params, struct given *given, UINT *arg_err )
{
    unsigned int i, place;

    for (i = 0; i < params->cNamedArgs; i++)
    {
        place = params->rgdispidNamedArgs[i] == DISPID_PROPERTYPUT && (member->flags & PUT) ? member->count - 1
                                                                                : (unsigned int)params->rgdispidNamedArgs[i];
        if (place >= member->count || given->args[place])
        {
            if (arg_err) *arg_err = i;
            return DISP_E_PARAMNOTFOUND;
        }
        given->args[place]  = &params->rgvarg[i];
        given->index[place] = i;
    }
    return S_OK;
}

static HRESULT find_args( const struct member *member, const DISPPARAMS *params, struct given *given, UINT *arg_err )
{
    HRESULT hr;

    memset( given, 0, sizeof(*given) );
    if (params->cNamedArgs > params->cArgs) return DISP_E_BADPARAMCOUNT;
    if (params->cArgs < member->required && member->id != DISPID_HTTPREQUEST_OPTION) return DISP_E_BADPARAMCOUNT;
    if (FAILED( hr = take_positional( member, params, params->cNamedArgs, given ) )) return hr;
    return take_named( member, params, given, arg_err );
}

/* An argument as the method wants it. A NULL BSTR stays one. */
static HRESULT coerce( VARIANT *arg, const VARIANT *value, VARTYPE type, LCID lcid )
{
    VARIANT plain;
    HRESULT hr;

    VariantInit( arg );
    if (type == VT_VARIANT)
    {
        /* as it comes, references too; what it refers to is the caller's */
        return VariantCopy( arg, (VARIANT *)value );
    }
    VariantInit( &plain );
    if (FAILED( hr = VariantCopyInd( &plain, (VARIANT *)value ) )) return hr;
    if (V_VT( &plain ) == type) *arg = plain;
    else
    {
        hr = V_VT( &plain ) == VT_NULL && type == VT_BSTR ? S_OK : VariantChangeTypeEx( arg, &plain, lcid, 0, type );
        VariantClear( &plain );
        if (V_VT( arg ) == VT_EMPTY && SUCCEEDED( hr )) V_BSTR( arg ) = NULL;    /* scripts' null is no text */
    }
    return hr;
}

static HRESULT coerce_args( const struct member *member, const struct given *given, LCID lcid, VARIANT *args, UINT *arg_err )
{
    unsigned int i;
    HRESULT hr;

    for (i = 0; i < member->count; i++)
    {
        V_VT( &args[i] )    = VT_ERROR;
        V_ERROR( &args[i] ) = DISP_E_PARAMNOTFOUND;
    }
    for (i = 0; i < member->count; i++)
    {
        if (!given->args[i])
        {
            if (i < member->required) return member->id == DISPID_HTTPREQUEST_OPTION ? DISP_E_PARAMNOTFOUND    /* COM-62 */
                                                                                     : DISP_E_PARAMNOTOPTIONAL;
        }
        else if (FAILED( hr = coerce( &args[i], given->args[i], member->args[i].type, lcid ) ))
        {
            if (arg_err) *arg_err = given->index[i];
            return hr;
        }
    }
    return S_OK;
}

/*--- IDispatch -----------------------------------------------------------------------------------------------------*/

HRESULT WINAPI com_dispatch_GetTypeInfoCount( IWinHttpRequest *iface, UINT *count )
{
    TRACE( "%p, %p\n", iface, count );

    if (!count) return E_INVALIDARG;
    *count = 1;
    return S_OK;
}

HRESULT WINAPI com_dispatch_GetTypeInfo( IWinHttpRequest *iface, UINT index, LCID lcid, ITypeInfo **info )
{
    TRACE( "%p, %u, %#lx, %p\n", iface, index, lcid, info );

    if (!info) return E_INVALIDARG;
    *info = NULL;
    if (index) return DISP_E_BADINDEX;
    return com_type_info( &IID_IWinHttpRequest, info );
}

static const struct member *find_member( DISPID id, WORD flags )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( members ); i++)
        if (members[i].id == id && (members[i].flags & flags)) return &members[i];
    return NULL;
}

static const struct member *find_name( const WCHAR *name )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( members ); i++) if (!_wcsicmp( members[i].name, name )) return &members[i];
    return NULL;
}

/* Of all members with that id, so that both forms of Option have their names. */
static DISPID find_arg_name( DISPID id, const WCHAR *name )
{
    unsigned int i, j;

    for (i = 0; i < ARRAYSIZE( members ); i++)
    {
        if (members[i].id != id) continue;
        for (j = 0; j < members[i].count; j++) if (!_wcsicmp( members[i].args[j].name, name )) return (DISPID)j;
    }
    return DISPID_UNKNOWN;
}

HRESULT WINAPI com_dispatch_GetIDsOfNames( IWinHttpRequest *iface, REFIID iid, LPOLESTR *names, UINT count, LCID lcid,
                                           DISPID *ids )
{
    const struct member *member;
    HRESULT hr = S_OK;
    UINT i;

    TRACE( "%p, %s, %p, %u, %#lx, %p\n", iface, wine_dbgstr_guid( iid ), names, count, lcid, ids );

    if (!IsEqualGUID( iid, &IID_NULL )) return DISP_E_UNKNOWNINTERFACE;
    if (!names || !count || !ids) return E_INVALIDARG;

    if (!(member = find_name( names[0] ))) hr = DISP_E_UNKNOWNNAME;
    ids[0] = member ? member->id : DISPID_UNKNOWN;
    for (i = 1; i < count; i++)
    {
        ids[i] = member ? find_arg_name( member->id, names[i] ) : DISPID_UNKNOWN;
        if (ids[i] == DISPID_UNKNOWN) hr = DISP_E_UNKNOWNNAME;
    }
    return hr;
}

/* Which member the flags mean. *idle: Option with METHOD and a value, or with no flags at all, is as Windows has it: the
 * arguments are not looked at, and nothing is done (COM-54 to COM-57). */
static const struct member *choose_member( DISPID id, WORD flags, const DISPPARAMS *params, BOOL *idle )
{
    *idle = id == DISPID_HTTPREQUEST_OPTION &&
            (!(flags & (GET | PUT)) || ((flags & DISPATCH_METHOD) && params->cArgs > 1));
    if (*idle || (flags & GET)) flags = GET;
    return find_member( id, flags );
}

HRESULT WINAPI com_dispatch_Invoke( IWinHttpRequest *iface, DISPID id, REFIID iid, LCID lcid, WORD flags,
                                    DISPPARAMS *params, VARIANT *result, EXCEPINFO *excep, UINT *arg_err )
{
    const struct member *member;
    VARIANT args[MAX_ARGS], value;
    struct given given;
    unsigned int i;
    BOOL idle;
    HRESULT hr;

    TRACE( "%p, %ld, %s, %#lx, %#x, %p, %p, %p, %p\n", iface, id, wine_dbgstr_guid( iid ), lcid, flags, params, result, excep,
           arg_err );

    if (!IsEqualGUID( iid, &IID_NULL )) return DISP_E_UNKNOWNINTERFACE;                       /* COM-64 */
    if (!params) return E_INVALIDARG;    /* Windows crashes */
    if (!(member = choose_member( id, flags, params, &idle ))) return DISP_E_MEMBERNOTFOUND;  /* COM-65 */
    if (result) VariantInit( result );                                                        /* COM-63 */
    if (idle) return S_OK;

    if (FAILED( hr = find_args( member, params, &given, arg_err ) )) return hr;
    VariantInit( &value );
    IWinHttpRequest_AddRef( iface );
    if (SUCCEEDED( hr = coerce_args( member, &given, lcid, args, arg_err ) ) &&
        FAILED( hr = member->call( iface, args, &value ) )) hr = com_error_raise( hr, excep );
    IWinHttpRequest_Release( iface );
    for (i = 0; i < member->count; i++) VariantClear( &args[i] );

    if (result) *result = value;
    else VariantClear( &value );
    return hr;
}
