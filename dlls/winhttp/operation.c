/*
 * Operations: what an API call has under way on a request
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "notify.h"
#include "operation.h"
#include "request.h"

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
    else
    {
        op->api    = api;
        op->queued = 0;
        op->buffer = NULL;
        op->error  = op->bytes = 0;
    }
    ReleaseSRWLockExclusive( &request->lock );

    if (err || !request->hdr.async) return err;
    if ((err = worker_operation_begin())) op->api = 0;
    else object_use( &request->hdr );
    return err;
}

/* What the operation has left in its fields is there before the next claim sees them free. */
static void release( struct operation *op )
{
    InterlockedExchange( (LONG *)&op->api, 0 );
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

void operation_drop( struct request *request, struct operation *op )
{
    release( op );
    if (!request->hdr.async) return;
    worker_operation_end();
    object_leave( &request->hdr );
}

enum payload { PAYLOAD_NONE, PAYLOAD_COUNT, PAYLOAD_BUFFER };

static const struct { DWORD status; enum payload payload; } completions[] =
{
    [API_RECEIVE_RESPONSE]     = { WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE,    PAYLOAD_NONE },
    [API_QUERY_DATA_AVAILABLE] = { WINHTTP_CALLBACK_STATUS_DATA_AVAILABLE,       PAYLOAD_COUNT },
    [API_READ_DATA]            = { WINHTTP_CALLBACK_STATUS_READ_COMPLETE,        PAYLOAD_BUFFER },
    [API_WRITE_DATA]           = { WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE,       PAYLOAD_COUNT },
    [API_SEND_REQUEST]         = { WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE, PAYLOAD_NONE },
};

void operation_deliver( struct request *request, struct operation *op )
{
    DWORD api = op->api, bytes = op->bytes, err = op->error;
    WINHTTP_ASYNC_RESULT result = { api, err };
    void *buffer = op->buffer;

    release( op );

    if (err)
        notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, &result, sizeof(result) );
    else if (completions[api].payload == PAYLOAD_BUFFER)
        notify( &request->hdr, completions[api].status, buffer, bytes );
    else if (completions[api].payload == PAYLOAD_COUNT)
        notify( &request->hdr, completions[api].status, &bytes, sizeof(bytes) );
    else
        notify( &request->hdr, completions[api].status, NULL, 0 );

    worker_operation_end();
    object_leave( &request->hdr );
}

static void post( struct request *request, struct operation *op, enum event_kind kind )
{
    op->deferred.kind = kind;
    object_use( &request->hdr );
    worker_post( &request->hdr, &op->deferred );
}

void operation_continue( struct request *request, struct operation *op )
{
    post( request, op, EVENT_FOLLOW );
}

DWORD operation_complete( struct request *request, struct operation *op, BOOL defer )
{
    if (!defer && notify_may_nest())
    {
        operation_deliver( request, op );
        return ERROR_SUCCESS;
    }
    post( request, op, op == &request->sending ? EVENT_SEND_DONE : EVENT_RECEIVE_DONE );
    return ERROR_IO_PENDING;
}
