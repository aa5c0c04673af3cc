/*
 * One Send of the scripting object
 *
 * Nothing here that a program could not do: the module's own functions, in their synchronous form.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <winhttp.h>

#include "httprequest.h"

#include "wine/debug.h"
#include "com_class.h"
#include "com_error.h"
#include "com_events.h"
#include "com_exchange.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED    __attribute__((unused))
#define READ_SIZE 65536

/* Why a certificate was refused: programs of the object get one error, where those of the API get flags. Several may be
 * set; the order is a choice: what is worst and what cannot be ignored first. Source: errors.md section 3. */
static const struct { DWORD flag, err; } secure_errors[] =
{
    { WINHTTP_CALLBACK_STATUS_FLAG_CERT_REVOKED,           ERROR_WINHTTP_SECURE_CERT_REVOKED },
    { WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT,           ERROR_WINHTTP_SECURE_INVALID_CERT },
    { WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CA,             ERROR_WINHTTP_SECURE_INVALID_CA },
    { WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID,        ERROR_WINHTTP_SECURE_CERT_CN_INVALID },
    { WINHTTP_CALLBACK_STATUS_FLAG_CERT_DATE_INVALID,      ERROR_WINHTTP_SECURE_CERT_DATE_INVALID },
    { WINHTTP_CALLBACK_STATUS_FLAG_CERT_WRONG_USAGE,       ERROR_WINHTTP_SECURE_CERT_WRONG_USAGE },
    { WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED,        ERROR_WINHTTP_SECURE_CERT_REV_FAILED },
    { WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR, ERROR_WINHTTP_SECURE_CHANNEL_ERROR },
};

static void CALLBACK secure_failure( HINTERNET handle UNUSED, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    struct com_exchange *exchange = (struct com_exchange *)context;

    /* a synchronous request's notifications come on the thread that runs it */
    if (status == WINHTTP_CALLBACK_STATUS_SECURE_FAILURE && len >= sizeof(DWORD))
        memcpy( &exchange->secure_failure, info, sizeof(DWORD) );
}

static DWORD refine_error( const struct com_exchange *exchange, DWORD err )
{
    unsigned int i;

    if (err != ERROR_WINHTTP_SECURE_FAILURE) return err;
    for (i = 0; i < ARRAYSIZE( secure_errors ); i++)
        if (exchange->secure_failure & secure_errors[i].flag) return secure_errors[i].err;
    return err;
}

/*--- life ----------------------------------------------------------------------------------------------------------*/

static BSTR copy_text( BSTR text )
{
    return text ? SysAllocStringLen( text, SysStringLen( text ) ) : NULL;
}

static void forget( BSTR text )
{
    if (text) SecureZeroMemory( text, SysStringByteLen( text ) );
    SysFreeString( text );
}

HRESULT com_exchange_create( HINTERNET request, struct com_bytes *sent, const struct com_credentials *credentials,
                             struct com_events *events, struct com_exchange **ret )
{
    struct com_exchange *exchange = calloc( 1, sizeof(*exchange) );
    DWORD_PTR context = (DWORD_PTR)exchange;
    unsigned int i;

    if (!exchange || !(exchange->done = CreateEventW( NULL, TRUE, FALSE, NULL )))
    {
        WinHttpCloseHandle( request );
        free( exchange );
        return E_OUTOFMEMORY;
    }
    exchange->refs    = 1;
    exchange->request = request;
    exchange->sent    = *sent;
    memset( sent, 0, sizeof(*sent) );
    exchange->events  = events;
    com_events_addref( events );
    exchange->number  = com_events_begin( events );
    InitializeSRWLock( &exchange->lock );

    for (i = 0; i < ARRAYSIZE( exchange->credentials ); i++)
    {
        exchange->credentials[i].user     = copy_text( credentials[i].user );
        exchange->credentials[i].password = copy_text( credentials[i].password );
    }
    if (!WinHttpSetOption( request, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof(context) ) ||
        WinHttpSetStatusCallback( request, secure_failure, WINHTTP_CALLBACK_FLAG_SECURE_FAILURE, 0 ) ==
        WINHTTP_INVALID_STATUS_CALLBACK)
    {
        com_exchange_release( exchange );
        return HRESULT_FROM_WIN32( GetLastError() );
    }
    *ret = exchange;
    return S_OK;
}

void com_exchange_addref( struct com_exchange *exchange )
{
    InterlockedIncrement( &exchange->refs );
}

void com_exchange_release( struct com_exchange *exchange )
{
    unsigned int i;

    if (InterlockedDecrement( &exchange->refs )) return;

    if (exchange->request) WinHttpCloseHandle( exchange->request );
    for (i = 0; i < ARRAYSIZE( exchange->credentials ); i++)
    {
        forget( exchange->credentials[i].user );
        forget( exchange->credentials[i].password );
    }
    com_events_release( exchange->events );
    com_bytes_free( &exchange->sent );
    com_bytes_free( &exchange->received );
    SysFreeString( exchange->content_type );
    CloseHandle( exchange->done );
    free( exchange );
}

void com_exchange_cancel( struct com_exchange *exchange )
{
    HINTERNET request;

    AcquireSRWLockExclusive( &exchange->lock );
    exchange->cancelled = TRUE;
    ReleaseSRWLockExclusive( &exchange->lock );

    request = InterlockedExchangePointer( &exchange->request, NULL );
    if (request) WinHttpCloseHandle( request );
}

enum com_exchange_state com_exchange_query( struct com_exchange *exchange, HRESULT *result )
{
    enum com_exchange_state state;

    AcquireSRWLockShared( &exchange->lock );
    state   = exchange->state;
    *result = exchange->result;
    ReleaseSRWLockShared( &exchange->lock );
    return state;
}

/* The one place where the state changes. A cancelled run has failed, whatever it thinks. Returns the result. */
static HRESULT enter_state( struct com_exchange *exchange, enum com_exchange_state state, HRESULT result )
{
    AcquireSRWLockExclusive( &exchange->lock );
    if (exchange->cancelled)
    {
        state  = EXCHANGE_FAILED;
        result = HRESULT_FROM_WIN32( ERROR_WINHTTP_OPERATION_CANCELLED );
    }
    exchange->state  = state;
    exchange->result = result;
    ReleaseSRWLockExclusive( &exchange->lock );
    return result;
}

/*--- the run -------------------------------------------------------------------------------------------------------*/

static DWORD send_and_receive( struct com_exchange *exchange )
{
    if (exchange->sent.len > MAXDWORD) return ERROR_INVALID_PARAMETER;
    if (!WinHttpSendRequest( exchange->request, NULL, 0, exchange->sent.data, (DWORD)exchange->sent.len,
                             (DWORD)exchange->sent.len, (DWORD_PTR)exchange ) ||
        !WinHttpReceiveResponse( exchange->request, NULL )) return GetLastError();
    return ERROR_SUCCESS;
}

static DWORD query_status( HINTERNET request )
{
    DWORD status = 0, size = sizeof(status);

    WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL );
    return status;
}

/* In the order of preference that the documentation gives. */
static DWORD choose_scheme( DWORD supported )
{
    static const DWORD schemes[] = { WINHTTP_AUTH_SCHEME_NEGOTIATE, WINHTTP_AUTH_SCHEME_NTLM, WINHTTP_AUTH_SCHEME_PASSPORT,
                                     WINHTTP_AUTH_SCHEME_DIGEST, WINHTTP_AUTH_SCHEME_BASIC };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( schemes ); i++) if (supported & schemes[i]) return schemes[i];
    return 0;
}

/* The answer asks for credentials, and the program has given some for that target which were not tried yet: *again says
 * that the request is to be sent once more. Server and proxy may both ask, so this comes at most twice. */
static DWORD answer_challenge( struct com_exchange *exchange, BOOL *again )
{
    DWORD status = query_status( exchange->request ), supported, first, target, scheme;
    struct com_credentials *credentials;

    *again = FALSE;
    if (status == HTTP_STATUS_DENIED) credentials = &exchange->credentials[HTTPREQUEST_SETCREDENTIALS_FOR_SERVER];
    else if (status == HTTP_STATUS_PROXY_AUTH_REQ) credentials = &exchange->credentials[HTTPREQUEST_SETCREDENTIALS_FOR_PROXY];
    else return ERROR_SUCCESS;
    if (!credentials->user) return ERROR_SUCCESS;

    if (!WinHttpQueryAuthSchemes( exchange->request, &supported, &first, &target )) return GetLastError();
    if (!(scheme = choose_scheme( supported ))) return ERROR_SUCCESS;
    if (!WinHttpSetCredentials( exchange->request, target, scheme, credentials->user, credentials->password, NULL ))
        return GetLastError();
    forget( credentials->user );
    forget( credentials->password );
    credentials->user = credentials->password = NULL;
    *again = TRUE;
    return ERROR_SUCCESS;
}

static DWORD get_response( struct com_exchange *exchange )
{
    BOOL again;
    DWORD err;

    do
    {
        if ((err = send_and_receive( exchange ))) return err;
        if ((err = answer_challenge( exchange, &again ))) return err;
    } while (again);
    return ERROR_SUCCESS;
}

static DWORD read_body( struct com_exchange *exchange )
{
    struct com_bytes *bytes = &exchange->received;
    DWORD count;

    for (;;)
    {
        if (FAILED( com_bytes_reserve( bytes, READ_SIZE ) )) return ERROR_NOT_ENOUGH_MEMORY;
        if (!WinHttpReadData( exchange->request, bytes->data + bytes->len, READ_SIZE, &count )) return GetLastError();
        if (!count) return ERROR_SUCCESS;
        com_events_fire_data( exchange->events, exchange->number, bytes->data + bytes->len, count );
        bytes->len += count;
    }
}

static BSTR query_content_type( HINTERNET request )
{
    DWORD size = 0;
    BSTR text;

    if (WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_TYPE, NULL, NULL, &size, NULL ) ||
        GetLastError() != ERROR_INSUFFICIENT_BUFFER) return NULL;
    if (!(text = SysAllocStringLen( NULL, size / sizeof(WCHAR) - 1 ))) return NULL;
    if (WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_TYPE, NULL, text, &size, NULL )) return text;
    SysFreeString( text );
    return NULL;
}

static HRESULT run( struct com_exchange *exchange )
{
    HRESULT hr;
    DWORD err;

    if ((err = get_response( exchange ))) return com_error_hresult( refine_error( exchange, err ) );

    AcquireSRWLockExclusive( &exchange->lock );
    exchange->content_type = query_content_type( exchange->request );
    ReleaseSRWLockExclusive( &exchange->lock );
    if (FAILED( hr = enter_state( exchange, EXCHANGE_HEAD, S_OK ) )) return hr;
    com_events_fire_start( exchange->events, exchange->number, (LONG)query_status( exchange->request ),
                           exchange->content_type );
    return com_error_hresult( read_body( exchange ) );
}

HRESULT com_exchange_run( struct com_exchange *exchange )
{
    HRESULT hr;
    BSTR text;

    exchange->thread = GetCurrentThreadId();
    hr = run( exchange );
    hr = enter_state( exchange, FAILED( hr ) ? EXCHANGE_FAILED : EXCHANGE_DONE, hr );
    TRACE( "%p: %#lx, %lu bytes\n", exchange, hr, (unsigned long)exchange->received.len );
    if (SUCCEEDED( hr )) com_events_fire_finished( exchange->events, exchange->number );
    else
    {
        text = com_error_text( hr );
        com_events_fire_error( exchange->events, exchange->number, hr, text );
        SysFreeString( text );
    }
    com_bytes_free( &exchange->sent );
    SetEvent( exchange->done );
    return hr;
}

/* Sinks outside of single-threaded apartments are called on this thread. */
static DWORD WINAPI exchange_thread( void *param )
{
    struct com_exchange *exchange = param;
    HRESULT hr = CoInitializeEx( NULL, COINIT_MULTITHREADED );

    com_exchange_run( exchange );
    com_exchange_release( exchange );
    if (SUCCEEDED( hr )) CoUninitialize();
    FreeLibraryAndExitThread( com_module(), 0 );
}

HRESULT com_exchange_start( struct com_exchange *exchange )
{
    HMODULE module;
    HANDLE thread;

    /* the thread's own: the last handle may be closed, and the module unloaded, before it is through */
    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)exchange_thread, &module );
    com_exchange_addref( exchange );
    if ((thread = CreateThread( NULL, 0, exchange_thread, exchange, 0, NULL )))
    {
        CloseHandle( thread );
        return S_OK;
    }
    enter_state( exchange, EXCHANGE_FAILED, E_OUTOFMEMORY );
    SetEvent( exchange->done );
    com_exchange_release( exchange );
    FreeLibrary( module );
    return E_OUTOFMEMORY;
}
