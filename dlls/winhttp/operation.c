/*
 * Operations: what an API call has under way on a request or a WebSocket
 *
 * Payloads of completions: notifications.md section 2, windows-notifications.md sections 1 and 8.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "notify.h"
#include "operation.h"
#include "request.h"

/*--- claims --------------------------------------------------------------------------------------------------------*/

void operation_init( struct operation *op, struct object *owner, enum event_kind done )
{
    op->owner = owner;
    op->done  = done;
}

void operation_take( struct operation *op, DWORD api )
{
    op->api    = api;
    op->queued = 0;
    op->buffer = NULL;
    op->error  = op->bytes = 0;
}

/* What the operation has left in its fields is there before the next claim sees them free. */
static void release( struct operation *op )
{
    InterlockedExchange( (LONG *)&op->api, 0 );
}

DWORD operation_announce( struct operation *op )
{
    DWORD err;

    if (!op->owner->async) return ERROR_SUCCESS;
    if ((err = worker_operation_begin())) release( op );
    else object_use( op->owner );
    return err;
}

DWORD operation_claim( struct request *request, struct operation *op, DWORD api, unsigned int states )
{
    struct operation *other = op == &request->sending ? &request->receiving : &request->sending;
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &request->lock );
    if (request->closing) err = ERROR_WINHTTP_OPERATION_CANCELLED;
    else if (op->lent_to && op->lent_to != GetCurrentThreadId()) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else if (other->lent_to && api == API_SEND_REQUEST) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else if (op->api || !(states & (1u << request->flow))) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    /* Not both directions at once while a new request begins; only an asynchronous ReceiveResponse may be called before
     * that is over. */
    else if (other->api && (api == API_SEND_REQUEST ||
                            (other->api == API_SEND_REQUEST && (!request->hdr.async || api != API_RECEIVE_RESPONSE))))
        err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else operation_take( op, api );
    ReleaseSRWLockExclusive( &request->lock );

    return err ? err : operation_announce( op );
}

void operation_lend( struct operation *op, struct operation *saved )
{
    *saved = *op;
    op->lent_to = GetCurrentThreadId();
    release( op );
}

void operation_take_back( struct operation *op, const struct operation *saved )
{
    *op = *saved;
}

DWORD operation_end( struct operation *op )
{
    DWORD err = op->error;

    release( op );
    return err;
}

void operation_drop( struct operation *op )
{
    struct object *owner = op->owner;

    release( op );
    if (!owner->async) return;
    worker_operation_end();
    object_leave( owner );
}

/*--- completions ---------------------------------------------------------------------------------------------------*/

enum payload { PAYLOAD_NONE, PAYLOAD_COUNT, PAYLOAD_BUFFER, PAYLOAD_WEB_SOCKET };

#define WEB_SOCKET( operation ) OPERATION_WEB_SOCKET | WINHTTP_WEB_SOCKET_##operation##_OPERATION

static const struct { DWORD status; enum payload payload; } completions[] =
{
    [API_RECEIVE_RESPONSE]     = { WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE,    PAYLOAD_NONE },
    [API_QUERY_DATA_AVAILABLE] = { WINHTTP_CALLBACK_STATUS_DATA_AVAILABLE,       PAYLOAD_COUNT },
    [API_READ_DATA]            = { WINHTTP_CALLBACK_STATUS_READ_COMPLETE,        PAYLOAD_BUFFER },
    [API_WRITE_DATA]           = { WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE,       PAYLOAD_COUNT },
    [API_SEND_REQUEST]         = { WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE, PAYLOAD_NONE },
    [WEB_SOCKET( SEND )]       = { WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE,       PAYLOAD_WEB_SOCKET },
    [WEB_SOCKET( RECEIVE )]    = { WINHTTP_CALLBACK_STATUS_READ_COMPLETE,        PAYLOAD_WEB_SOCKET },
    [WEB_SOCKET( CLOSE )]      = { WINHTTP_CALLBACK_STATUS_CLOSE_COMPLETE,       PAYLOAD_NONE },
    [WEB_SOCKET( SHUTDOWN )]   = { WINHTTP_CALLBACK_STATUS_SHUTDOWN_COMPLETE,    PAYLOAD_NONE },
};

static void tell_error( struct object *owner, DWORD api, DWORD err )
{
    WINHTTP_WEB_SOCKET_ASYNC_RESULT result = { { api, err }, 0 };
    DWORD len = sizeof(result.AsyncResult);

    if (api & OPERATION_WEB_SOCKET)
    {
        result.AsyncResult.dwResult = 0;
        result.Operation = api & ~OPERATION_WEB_SOCKET;
        len = sizeof(result);
    }
    notify( owner, WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, &result, len );
}

void operation_deliver( struct operation *op )
{
    struct object *owner = op->owner;
    DWORD api = op->api, bytes = op->bytes, err = op->error;
    WINHTTP_WEB_SOCKET_STATUS message = { bytes, op->type };
    void *buffer = op->buffer;

    release( op );

    if (err) tell_error( owner, api, err );
    else if (completions[api].payload == PAYLOAD_BUFFER)
        notify( owner, completions[api].status, buffer, bytes );
    else if (completions[api].payload == PAYLOAD_COUNT)
        notify( owner, completions[api].status, &bytes, sizeof(bytes) );
    else if (completions[api].payload == PAYLOAD_WEB_SOCKET)
        notify( owner, completions[api].status, &message, sizeof(message) );
    else
        notify( owner, completions[api].status, NULL, 0 );

    worker_operation_end();
    object_leave( owner );
}

static void post( struct operation *op, enum event_kind kind )
{
    op->deferred.kind = kind;
    object_use( op->owner );
    worker_post( op->owner, &op->deferred );
}

void operation_continue( struct operation *op )
{
    post( op, EVENT_FOLLOW );
}

DWORD operation_complete( struct operation *op, BOOL defer )
{
    if (!defer && notify_may_nest())
    {
        operation_deliver( op );
        return ERROR_SUCCESS;
    }
    post( op, op->done );
    return ERROR_IO_PENDING;
}
