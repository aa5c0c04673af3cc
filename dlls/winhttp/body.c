/*
 * Bodies: WinHttpWriteData, WinHttpQueryDataAvailable, WinHttpReadData, WinHttpReadDataEx
 *
 * The application's buffer goes to the transport as it is; nothing is copied here. Source: functions.md section 3,
 * windows-behaviour.md S-5 to S-11, windows-notifications.md section 6.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "body.h"
#include "flow.h"
#include "leg.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_READ 0x7fffffff

/*--- WinHttpWriteData ----------------------------------------------------------------------------------------------*/

/* TRUE: the operation has its result. */
static BOOL write_post( struct request *request, const void *data, DWORD len )
{
    struct wh_exchange_send_params params = { 0 };
    unsigned int status;

    AcquireSRWLockExclusive( &request->lock );
    if (request->flow == FLOW_SENDING)    /* a leg that begins again in ReceiveResponse: it goes on from there */
    {
        request->parked      = TRUE;
        request->parked_data = data;
        request->parked_len  = len;
        ReleaseSRWLockExclusive( &request->lock );
        return FALSE;
    }
    request->ending   = !len;
    params.exchange   = request->exchange;
    params.data       = wh_from_ptr( data );
    params.len        = len;
    params.timeout_ms = timeout_ms( request->options.timeouts.send );
    if (!len || (request->total != WH_NO_LENGTH && request->written + len == request->total)) params.flags = WHX_END;
    status = request->closing ? WH_DONE : wh_exchange_send( &params );
    if (status == WH_PENDING) flow_pending( request );
    else if (request->closing) params.error = WHE_CANCELLED;
    else if (status != WH_DONE) params.error = flow_refused( status );
    ReleaseSRWLockExclusive( &request->lock );

    if (status == WH_PENDING) return FALSE;
    flow_body_sent( request, params.error, params.detail, params.sent );
    return TRUE;
}

/* Writing nothing ends a body that is chunked automatically; else there is nothing to send and nothing to wait for. TRUE:
 * the operation has its result. */
static BOOL write_start( struct request *request, const void *data, DWORD len )
{
    if (!len && (!request->chunked || request->ended)) return TRUE;
    return write_post( request, data, len );
}

void body_unpark( struct request *request )
{
    BOOL parked, failed;

    AcquireSRWLockExclusive( &request->lock );
    parked = request->parked;
    failed = request->flow == FLOW_FAILED;
    request->parked = FALSE;
    ReleaseSRWLockExclusive( &request->lock );

    if (!parked) return;
    if (failed) request->sending.error = request->receiving.error;
    else if (!write_post( request, request->parked_data, request->parked_len )) return;
    operation_complete( &request->sending, TRUE );
}

/* What can still be written, the response may be there already. request->sending is claimed, which keeps it that way. */
static DWORD write_check( struct request *request, DWORD len )
{
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockShared( &request->lock );
    if (!leg_owes_body( request ))
    {
        /* More than was announced, S-6; after the response there is nothing to write to. */
        if (request->flow != FLOW_SENT) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
        else if (len) err = ERROR_INVALID_PARAMETER;
    }
    else if (request->total != WH_NO_LENGTH && len > request->total - request->written) err = ERROR_INVALID_PARAMETER;
    ReleaseSRWLockShared( &request->lock );
    return err;
}

static DWORD body_write( struct request *request, const void *data, DWORD len, DWORD *written )
{
    unsigned int states = STATES( BODY ) | STATES( SENT ) | STATES( READING ) | STATES( DONE );
    struct operation *op = &request->sending;
    DWORD err;

    if (len && IsBadReadPtr( data, len )) return ERROR_INVALID_PARAMETER;
    if (request->hdr.async) states |= STATES( SENDING );
    if ((err = operation_claim( request, op, API_WRITE_DATA, states ))) return err;
    if ((err = write_check( request, len )))
    {
        operation_drop( op );
        return err;
    }

    if (!request->hdr.async)
    {
        if (!write_start( request, data, len )) flow_wait( request, SIDE_SEND );
        if (!op->error && written) *written = op->bytes;
        return operation_end( op );
    }
    if (!write_start( request, data, len )) return ERROR_SUCCESS;
    if (!op->error && written) *written = op->bytes;
    operation_complete( op, FALSE );
    return ERROR_SUCCESS;
}

BOOL WINAPI WinHttpWriteData( HINTERNET handle, LPCVOID data, DWORD len, LPDWORD written )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %p\n", handle, data, len, written );

    if (len && !data) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = body_write( request_from_object( obj ), data, len, written );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    SetLastError( err );
    return !err;
}

/*--- reading -------------------------------------------------------------------------------------------------------*/

/* size 0 with min 1 asks how much is there. TRUE: the operation has its result. */
static BOOL read_start( struct request *request, void *buffer, DWORD size, DWORD min )
{
    struct wh_exchange_read_body_params params = { 0 };
    unsigned int status;

    AcquireSRWLockExclusive( &request->lock );
    params.exchange   = request->exchange;
    params.buffer     = wh_from_ptr( buffer );
    params.size       = size;
    params.min        = min;
    params.timeout_ms = timeout_ms( request->options.timeouts.receive );
    if (request->flow == FLOW_DONE)    /* the end, as often as asked, S-8 */
    {
        status = WH_DONE;
        params.flags = WHR_END;
    }
    else if (request->closing)
    {
        status = WH_DONE;
        params.error = WHE_CANCELLED;
    }
    else if ((status = wh_exchange_read_body( &params )) == WH_PENDING) flow_pending( request );
    else if (status != WH_DONE) params.error = flow_refused( status );
    ReleaseSRWLockExclusive( &request->lock );

    if (status == WH_PENDING) return FALSE;
    flow_body_read( request, params.error, params.detail, params.bytes, params.flags );
    return TRUE;
}

/* The common end of the reading calls, `finished` as read_start says. */
static DWORD read_end( struct request *request, BOOL finished, DWORD *ret )
{
    struct operation *op = &request->receiving;

    if (!request->hdr.async)
    {
        if (!finished) flow_wait( request, SIDE_RECEIVE );
        if (!op->error && ret) *ret = op->bytes;
        return operation_end( op );
    }
    if (!finished) return ERROR_IO_PENDING;
    /* Also when only the callback has to wait. */
    if (!op->error && ret) *ret = op->bytes;
    return operation_complete( op, FALSE );
}

static DWORD body_query( struct request *request, DWORD *available )
{
    struct operation *op = &request->receiving;
    BOOL finished = TRUE;
    DWORD err;

    if ((err = operation_claim( request, op, API_QUERY_DATA_AVAILABLE, STATES( READING ) | STATES( DONE ) ))) return err;
    /* What was announced stands until it was read. */
    if (request->announced) op->bytes = request->announced;
    else finished = read_start( request, NULL, 0, 1 );
    return read_end( request, finished, available );
}

static DWORD body_read( struct request *request, void *buffer, DWORD size, DWORD *read, BOOL fill )
{
    struct operation *op = &request->receiving;
    BOOL finished = TRUE;
    DWORD err;

    size = min( size, MAX_READ );
    if (size && IsBadWritePtr( buffer, size )) return ERROR_INVALID_PARAMETER;
    if ((err = operation_claim( request, op, API_READ_DATA, STATES( READING ) | STATES( DONE ) ))) return err;
    op->buffer = buffer;
    if (size) finished = read_start( request, buffer, size, fill ? size : 1 );
    return read_end( request, finished, read );
}

BOOL WINAPI WinHttpQueryDataAvailable( HINTERNET handle, LPDWORD available )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p\n", handle, available );

    if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = body_query( request_from_object( obj ), available );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    SetLastError( err );
    return !err || err == ERROR_IO_PENDING;
}

BOOL WINAPI WinHttpReadData( HINTERNET handle, LPVOID buffer, DWORD size, LPDWORD read )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %p\n", handle, buffer, size, read );

    if (size && !buffer) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = body_read( request_from_object( obj ), buffer, size, read, TRUE );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    SetLastError( err );
    return !err || err == ERROR_IO_PENDING;
}

/* What a started asynchronous read returns is not documented: ERROR_SUCCESS, like the WebSocket functions, so that a
 * program that takes any other code for a failure works. */
DWORD WINAPI WinHttpReadDataEx( HINTERNET handle, void *buffer, DWORD size, DWORD *read, ULONGLONG flags,
                                DWORD property_size, void *property )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %lu, %p, %#I64x, %lu, %p\n", handle, buffer, size, read, flags, property_size, property );

    if ((size && !buffer) || (flags & ~WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER) || property_size || property)
        err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = body_read( request_from_object( obj ), buffer, size, read,
                         (flags & WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER) != 0 );
        object_leave( obj );
    }
    TRACE( "%p: -> %lu\n", handle, err );
    return err == ERROR_IO_PENDING ? ERROR_SUCCESS : err;
}
