/*
 * The scripting object: IWinHttpRequest
 *
 * A session for its life, so that cookies and connections go from one request to the next; a request handle for each
 * Send. Open makes the first one, for the headers that SetRequestHeader checks with it. Three states, by what there is:
 *
 *   fresh    no URL        created, or after Abort
 *   opened   a URL
 *   sent     a URL and an exchange
 *
 * The object is made for one apartment, and may still be called by several threads where that apartment is the
 * multithreaded one: `lock` guards its fields, and nothing foreign is called with it. Never held: during a Send or a wait.
 * Spec: structures.md sections 5 and 6, windows-behaviour.md section 16.
 */

#ifndef WINHTTP_COM_REQUEST_H
#define WINHTTP_COM_REQUEST_H

#include "com_option.h"

struct com_events;
struct com_exchange;

struct com_header { BSTR name, value; };

struct com_request
{
    IWinHttpRequest     IWinHttpRequest_iface;
    ISupportErrorInfo   ISupportErrorInfo_iface;
    IProvideClassInfo   IProvideClassInfo_iface;
    LONG                refs;
    IUnknown           *marshaler;   /* see com_marshal.h */
    struct com_events  *events;
    CRITICAL_SECTION    lock;
    struct com_settings settings;

    HINTERNET           session;     /* from the first Open on */
    BSTR                verb, url;   /* of Open */
    BOOL                async;
    BOOL                secure;      /* the URL is https */
    HINTERNET           request;     /* not sent yet; NULL behind a Send */
    struct com_header  *headers;     /* those of the program, one of each name */
    unsigned int        header_count;
    struct com_exchange *exchange;   /* of the last Send */
};

static inline struct com_request *request_from_IWinHttpRequest( IWinHttpRequest *iface )
{
    return CONTAINING_RECORD( iface, struct com_request, IWinHttpRequest_iface );
}

/* A new object. Returns S_OK, E_NOINTERFACE, E_OUTOFMEMORY. */
HRESULT com_request_create( REFIID iid, void **object );

/* IDispatch, see com_dispatch.c: parts of the object's table of methods. */
HRESULT WINAPI com_dispatch_GetTypeInfoCount( IWinHttpRequest *iface, UINT *count );
HRESULT WINAPI com_dispatch_GetTypeInfo( IWinHttpRequest *iface, UINT index, LCID lcid, ITypeInfo **info );
HRESULT WINAPI com_dispatch_GetIDsOfNames( IWinHttpRequest *iface, REFIID iid, LPOLESTR *names, UINT count, LCID lcid,
                                           DISPID *ids );
HRESULT WINAPI com_dispatch_Invoke( IWinHttpRequest *iface, DISPID id, REFIID iid, LCID lcid, WORD flags,
                                    DISPPARAMS *params, VARIANT *result, EXCEPINFO *excep, UINT *arg_err );

#endif /* WINHTTP_COM_REQUEST_H */
