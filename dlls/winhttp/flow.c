/*
 * The order of a request
 *
 * A leg is one exchange's start: head and given body go out, with a pause before the head when the program wants
 * SENDING_REQUEST. The sending operation is one leg, or two when a pooled connection turned out dead. The receiving
 * operation reads heads until the final one, and may run legs of its own: here for a dead connection; redirects and
 * authentication belong at the same place, in receive_advance.
 *
 * Every step answers either "finished" (the caller owns the completion) or "pending" (a record will come, and whoever
 * gets it goes on; the caller must not touch the operation any more). Completions of asynchronous operations:
 * operation_complete inside a call, operation_deliver on a worker.
 *
 * SENDREQUEST_COMPLETE is held, for a second at most, until the response head has arrived, so that ReceiveResponse
 * completes inside its call as Windows does. Evidence: windows-notifications.md section 3.2.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "wine/debug.h"
#include "error.h"
#include "flow.h"
#include "notify.h"
#include "route.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define HOLD_MS           1000     /* a server that waits for the completion before it answers must get it */
#define RESPONSE_MS       90000    /* receive-response limit when the option is unset, by documentation */
#define SYNC_BATCH        8

/*--- states --------------------------------------------------------------------------------------------------------*/

static const char * const flow_names[FLOW_COUNT] =
{
#define FLOW_NAME( name ) [FLOW_##name] = #name,
    FLOW_STATES( FLOW_NAME )
#undef FLOW_NAME
};

#define TO( state ) (1u << FLOW_##state)
static const unsigned int flow_next[FLOW_COUNT] =
{
    [FLOW_IDLE]    = TO( SENDING ),
    [FLOW_SENDING] = TO( BODY ) | TO( SENT ) | TO( FAILED ),
    [FLOW_BODY]    = TO( SENT ) | TO( READING ) | TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_SENT]    = TO( READING ) | TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_READING] = TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_DONE]    = TO( SENDING ),
    [FLOW_FAILED]  = TO( SENDING ),
};

/* request->lock is held. */
static void flow_enter( struct request *request, enum flow_state state )
{
    if (request->flow == state) return;
    TRACE( "%p: %s -> %s\n", request->hdr.handle, flow_names[request->flow], flow_names[state] );
    if (!(flow_next[request->flow] & (1u << state)))
        ERR( "%p: %s -> %s\n", request->hdr.handle, flow_names[request->flow], flow_names[state] );
    request->flow = state;
}

/* What a unix call or a record has said. */
struct step
{
    unsigned int  status;        /* WH_DONE or WH_PENDING */
    BOOL          paused;        /* WH_PENDING: waits for an answer to PAUSE_SENDING */
    enum wh_error error;
    DWORD         detail;
    DWORD         len;           /* heads: bytes, */
    DWORD         flags;         /* WHR_*, */
    DWORD         http_status;
    UINT64        content_len;
};

enum wh_error flow_refused( unsigned int status )
{
    static const unsigned int access_violation = 0xc0000005, guard_page = 0x80000001;

    if (status == access_violation || status == guard_page) return WHE_FAULT;
    return WHE_STATE;
}

/* An answer that is neither done nor pending is an error that is known at once. */
static void step_settle( struct step *step, unsigned int status, uint32_t error, uint32_t detail )
{
    step->status = status;
    step->error  = error;
    step->detail = detail;
    if (status == WH_DONE || status == WH_PENDING) return;
    step->status = WH_DONE;
    step->error  = flow_refused( status );
}

/* The operation, and with it the request, has failed. */
static void flow_fail( struct request *request, struct operation *op, enum wh_error error, DWORD detail )
{
    DWORD flags = error_secure_failure( error, detail );

    TRACE( "%p: %s, detail %#lx\n", request->hdr.handle, error_name( error ), detail );
    AcquireSRWLockExclusive( &request->lock );
    flow_enter( request, FLOW_FAILED );
    ReleaseSRWLockExclusive( &request->lock );

    if (flags) notify( &request->hdr, WINHTTP_CALLBACK_STATUS_SECURE_FAILURE, &flags, sizeof(flags) );
    op->error = error == WHE_FAULT ? ERROR_INVALID_PARAMETER : error_to_win32( error );
}

static uint32_t response_ms( const struct timeouts *timeouts )
{
    if (!timeout_ms( timeouts->receive )) return 0;
    if (timeouts->response == TIMEOUT_UNSET) return max( RESPONSE_MS, timeouts->receive );
    return max( timeouts->response, timeouts->receive );
}

/*--- legs ----------------------------------------------------------------------------------------------------------*/

static uint32_t leg_events( const struct object *obj )
{
    uint32_t mask = 0;

    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_RESOLVING_NAME )) mask |= 1u << WHK_RESOLVING;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_NAME_RESOLVED )) mask |= 1u << WHK_RESOLVED;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_CONNECTING_TO_SERVER )) mask |= 1u << WHK_CONNECTING;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_CONNECTED_TO_SERVER )) mask |= 1u << WHK_CONNECTED;
    return mask;
}

/* Gives up the exchange, if there is one; nothing of it is in flight. request->lock is held. */
static void leg_close( struct request *request, DWORD drain_limit )
{
    struct wh_exchange_close_params params = { request->exchange, drain_limit, 0 };

    if (!request->exchange) return;
    wh_exchange_close( &params );
    request->exchange = 0;
}

/* What is in flight ends with `error`, and the connection is dropped. request->lock is held. */
static void leg_cancel( struct request *request, enum wh_error error )
{
    struct wh_exchange_cancel_params params = { request->exchange, error, 0 };

    wh_exchange_cancel( &params );
}

/* request->lock is held. */
static struct step leg_start( struct request *request, BOOL fresh )
{
    struct wh_exchange_start_params params = { 0 };
    struct wh_route route = { 0 };
    struct step step = { .status = WH_DONE };
    char stack[2048], *head;
    unsigned int status;

    if (request->closing)
    {
        step.error = WHE_CANCELLED;
        return step;
    }
    if (!(params.session = session_transport( request->session )) ||
        !(head = request_make_head( request, stack, sizeof(stack), &request->head_len )))
    {
        step.error = WHE_NO_MEMORY;
        return step;
    }
    route_fill( request, &route );
    params.cookie     = object_cookie( &request->hdr );
    params.route      = wh_from_ptr( &route );
    params.head       = wh_from_ptr( head );
    params.head_len   = request->head_len;
    params.body       = wh_from_ptr( request->body );
    params.body_len   = request->body_len;
    params.total_len  = request->total;
    params.event_mask = leg_events( &request->hdr );
    params.resolve_ms = timeout_ms( request->options.timeouts.resolve );
    params.connect_ms = timeout_ms( request->options.timeouts.connect );
    params.send_ms    = timeout_ms( request->options.timeouts.send );
    if (!request->hdr.async) params.flags |= WHX_SYNC;
    if (request->total == WH_NO_LENGTH) params.flags |= WHX_FRAMED_BY_APP;
    else if (request->total == request->body_len) params.flags |= WHX_END;
    if (request->no_reuse) params.flags |= WHX_NO_REUSE;
    if (fresh) params.flags |= WHX_FRESH;
    if (!wcscmp( request->verb, L"HEAD" )) params.flags |= WHX_HEAD;
    if (notify_wanted( &request->hdr, WINHTTP_CALLBACK_STATUS_SENDING_REQUEST )) params.flags |= WHX_PAUSE_SENDING;

    flow_enter( request, FLOW_SENDING );
    status = wh_exchange_start( &params );
    if (head != stack) free( head );
    step_settle( &step, status, params.error, params.detail );
    if (status == WH_DONE || status == WH_PENDING) request->exchange = params.exchange;
    if (step.status == WH_PENDING)
    {
        flow_pending( request );
        step.paused = params.paused;
    }
    return step;
}

/* Answers the pause after the program was told: with the new head if it has edited the headers. */
static struct step leg_resume( struct request *request )
{
    struct wh_exchange_resume_params params = { 0 };
    struct step step = { .status = WH_PENDING };
    char stack[2048], *head = NULL;
    unsigned int status;

    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    if (!request->closing)    /* else it was cancelled, which brings the start's record */
    {
        if (request->headers_edited)
        {
            head = request_make_head( request, stack, sizeof(stack), &request->head_len );
            params.head     = wh_from_ptr( head );
            params.head_len = head ? request->head_len : 0;
            if (!head) params.verdict = WHE_NO_MEMORY;
        }
        status = wh_exchange_resume( &params );
        if (status == WH_DONE)
        {
            request->in_flight--;
            step_settle( &step, status, params.error, params.detail );
        }
        /* Refused: the connection broke during the pause, and the start's record is on its way. */
    }
    ReleaseSRWLockExclusive( &request->lock );
    if (head != stack) free( head );
    return step;
}

static BOOL verb_is_idempotent( const WCHAR *verb )
{
    static const WCHAR * const verbs[] = { L"GET", L"HEAD", L"PUT", L"DELETE", L"OPTIONS", L"TRACE" };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( verbs ); i++) if (!wcscmp( verb, verbs[i] )) return TRUE;
    return FALSE;
}

/* A pooled connection died before any byte of the response: once more on a new one, if nothing can be done twice and
 * the body is still at hand. Not while a write is under way: it belongs to this exchange, and ends with it. FALSE: the
 * error stands. */
static BOOL leg_retry( struct request *request, struct step *step )
{
    BOOL ret = FALSE;

    AcquireSRWLockExclusive( &request->lock );
    if (!request->restarted && !request->closing && !request->in_flight && request->written == request->body_len &&
        verb_is_idempotent( request->verb ))
    {
        TRACE( "%p: the pooled connection was dead\n", request->hdr.handle );
        leg_close( request, 0 );
        request->restarted = TRUE;
        *step = leg_start( request, TRUE );
        ret = TRUE;
    }
    ReleaseSRWLockExclusive( &request->lock );
    return ret;
}

/* Takes a leg from what start, resume or a record has said to its end. TRUE: the head is out, or step->error. */
static BOOL leg_advance( struct request *request, struct step *step )
{
    for (;;)
    {
        if (step->status == WH_PENDING)
        {
            if (!step->paused) return FALSE;
            notify( &request->hdr, WINHTTP_CALLBACK_STATUS_SENDING_REQUEST, NULL, 0 );
            *step = leg_resume( request );
        }
        else if (step->error != WHE_STALE || !leg_retry( request, step )) break;
    }
    return TRUE;
}

static void leg_sent( struct request *request )
{
    DWORD bytes = request->head_len + request->body_len;

    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_SENT, &bytes, sizeof(bytes) );
    AcquireSRWLockExclusive( &request->lock );
    flow_enter( request, request->written == request->total ? FLOW_SENT : FLOW_BODY );
    ReleaseSRWLockExclusive( &request->lock );
}

/*--- the sending operation -----------------------------------------------------------------------------------------*/

/* Asks for the response head on behalf of the sending operation. FALSE: there is nothing to wait for. */
static BOOL hold_start( struct request *request, struct step *step )
{
    struct wh_exchange_read_head_params params = { 0 };
    unsigned int status;
    BOOL ret = FALSE;

    if (!request->hdr.async) return FALSE;
    AcquireSRWLockExclusive( &request->lock );
    if (request->flow == FLOW_SENT && !request->receiving.queued && !request->closing)
    {
        params.exchange   = request->exchange;
        params.limit      = request->options.max_head;
        params.timeout_ms = HOLD_MS;
        params.option     = WHX_SOFT_TIMEOUT;
        status = wh_exchange_read_head( &params );
        step_settle( step, status, params.error, params.detail );
        step->len = params.len;
        if (step->status == WH_PENDING)
        {
            request->holding = TRUE;
            flow_pending( request );
        }
        ret = TRUE;
    }
    ReleaseSRWLockExclusive( &request->lock );
    return ret;
}

/* Keeps what the hold has found for ReceiveResponse. */
static void hold_result( struct request *request, const struct step *step )
{
    if (!step->error) request->head_ready = step->len;
    else if (step->error != WHE_TIMEOUT)
    {
        request->early_error  = step->error;
        request->early_detail = step->detail;
        if (request->closing) request->sending.error = error_to_win32( step->error );
    }
}

/* `held`: step is what the held read_head has brought; else the leg's. TRUE: the sending operation has its result. */
static BOOL send_advance( struct request *request, struct step *step, BOOL held )
{
    for (;;)
    {
        if (!held)
        {
            if (!leg_advance( request, step )) return FALSE;
            if (step->error)
            {
                flow_fail( request, &request->sending, step->error, step->detail );
                return TRUE;
            }
            leg_sent( request );
            request->sending.error = ERROR_SUCCESS;
            if (!hold_start( request, step )) return TRUE;
            if (step->status == WH_PENDING) return FALSE;
        }
        held = FALSE;
        if (step->error != WHE_STALE || !leg_retry( request, step )) break;
    }
    hold_result( request, step );
    return TRUE;
}

BOOL flow_send( struct request *request )
{
    struct step step;

    AcquireSRWLockExclusive( &request->lock );
    leg_close( request, request->options.max_drain );
    request->have_response = request->have_trailers = FALSE;
    request->restarted     = request->closing_told = FALSE;
    request->head_ready    = request->early_error = request->interim = request->announced = 0;
    request->written       = request->body_len;
    headers_clear( &request->response );
    headers_clear( &request->trailers );
    step = leg_start( request, FALSE );
    if (request->flow != FLOW_SENDING) flow_enter( request, FLOW_SENDING );    /* it failed before it began */
    ReleaseSRWLockExclusive( &request->lock );
    return send_advance( request, &step, FALSE );
}

/*--- the receiving operation ---------------------------------------------------------------------------------------*/

static struct step head_post( struct request *request )
{
    struct wh_exchange_read_head_params params = { 0 };
    struct step step = { .status = WH_DONE };
    unsigned int status;

    AcquireSRWLockExclusive( &request->lock );
    if (request->closing) step.error = WHE_CANCELLED;
    else if (request->early_error)
    {
        step.error  = request->early_error;
        step.detail = request->early_detail;
        request->early_error = 0;
    }
    else if (request->head_ready > request->head_size)
    {
        free( request->head_heap );
        request->head_buffer = request->head_heap = malloc( request->head_ready );
        request->head_size   = request->head_heap ? request->head_ready : 0;
        if (!request->head_heap) step.error = WHE_NO_MEMORY;
    }
    if (!step.error)
    {
        params.exchange   = request->exchange;
        params.buffer     = wh_from_ptr( request->head_buffer );
        params.size       = request->head_size;
        params.limit      = request->options.max_head;
        params.timeout_ms = response_ms( &request->options.timeouts );
        params.receive_ms = timeout_ms( request->options.timeouts.receive );
        status = wh_exchange_read_head( &params );
        step_settle( &step, status, params.error, params.detail );
        step.len         = params.len;
        step.flags       = params.flags;
        step.http_status = params.status;
        step.content_len = params.content_len;
        if (step.status == WH_PENDING) flow_pending( request );
    }
    ReleaseSRWLockExclusive( &request->lock );
    return step;
}

static void head_forget( struct request *request )
{
    free( request->head_heap );
    request->head_heap   = request->head_buffer = NULL;
    request->head_size   = request->head_ready = 0;
}

/* A head is in the buffer. TRUE: it was the final one, or an error. */
static BOOL head_take( struct request *request, const struct step *step )
{
    DWORD err, bytes = step->len, code = step->http_status;
    BOOL interim = (step->flags & WHR_INTERIM) != 0;

    AcquireSRWLockExclusive( &request->lock );
    request->head_ready    = 0;
    request->have_response = FALSE;
    err = headers_parse( &request->response, &request->status, request->head_buffer, step->len );
    if (!err && interim && ++request->interim > request->options.max_continue)
        err = ERROR_WINHTTP_INVALID_SERVER_RESPONSE;
    if (!err)
    {
        request->have_response = TRUE;
        request->content_len   = step->content_len;
        if (!interim) flow_enter( request, step->flags & WHR_END ? FLOW_DONE : FLOW_READING );
    }
    else
    {
        /* What follows on this connection cannot be trusted: it is not for the next request. */
        leg_cancel( request, WHE_PROTOCOL );
        flow_enter( request, FLOW_FAILED );
    }
    ReleaseSRWLockExclusive( &request->lock );

    request->receiving.error = err;
    if (err) return TRUE;
    if (!interim)
    {
        notify( &request->hdr, WINHTTP_CALLBACK_STATUS_RESPONSE_RECEIVED, &bytes, sizeof(bytes) );
        return TRUE;
    }
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_INTERMEDIATE_RESPONSE, &code, sizeof(code) );
    request->have_response = FALSE;    /* its headers can be asked for in the callback only */
    return FALSE;
}

enum receive_entry { RECEIVE_POST, RECEIVE_HEAD, RECEIVE_LEG };

/* `entry` says what `step` is: nothing yet, a head's, or a leg's. TRUE: the receiving operation has its result. */
static BOOL receive_advance( struct request *request, struct step *step, enum receive_entry entry )
{
    for (;;)
    {
        if (entry == RECEIVE_LEG)
        {
            if (!leg_advance( request, step )) return FALSE;
            request->resending = FALSE;
            if (step->error) break;
            leg_sent( request );
            entry = RECEIVE_POST;
        }
        if (entry == RECEIVE_POST) *step = head_post( request );
        if (step->status == WH_PENDING) return FALSE;

        entry = RECEIVE_POST;
        if (step->error == WHE_STALE)
        {
            request->resending = TRUE;
            if (leg_retry( request, step ))
            {
                entry = RECEIVE_LEG;
                continue;
            }
            request->resending = FALSE;
        }
        if (step->error) break;
        if (step->flags & WHR_TOO_SMALL) request->head_ready = step->len;
        else if (head_take( request, step ))
        {
            head_forget( request );
            return TRUE;
        }
    }
    head_forget( request );
    flow_fail( request, &request->receiving, step->error, step->detail );
    return TRUE;
}

BOOL flow_receive( struct request *request )
{
    struct step step;
    BOOL queued = FALSE;

    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_RECEIVING_RESPONSE, NULL, 0 );

    if (request->hdr.async)
    {
        AcquireSRWLockExclusive( &request->lock );
        if (request->sending.api == API_SEND_REQUEST) queued = request->receiving.queued = TRUE;
        ReleaseSRWLockExclusive( &request->lock );
    }
    return !queued && receive_advance( request, &step, RECEIVE_POST );
}

/*--- body operations -----------------------------------------------------------------------------------------------*/

void flow_body_sent( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes )
{
    AcquireSRWLockExclusive( &request->lock );
    request->written += bytes;
    if (request->flow == FLOW_BODY && request->written == request->total) flow_enter( request, FLOW_SENT );
    ReleaseSRWLockExclusive( &request->lock );

    /* The flow does not fail with the write: a server that refuses an upload may have answered before it hung up. */
    request->sending.bytes = bytes;
    request->sending.error = error == WHE_FAULT ? ERROR_INVALID_PARAMETER : error_to_win32( error );
    if (error) TRACE( "%p: %s, detail %#lx\n", request->hdr.handle, error_name( error ), detail );
}

void flow_body_read( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes, DWORD flags )
{
    struct operation *op = &request->receiving;
    BOOL tell = FALSE, end;

    op->bytes = min( bytes, 0x7fffffff );
    if (error == WHE_FAULT)
    {
        op->error = ERROR_INVALID_PARAMETER;
        return;
    }
    if (error)
    {
        flow_fail( request, op, error, detail );
        return;
    }
    op->error = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &request->lock );
    if (op->api == API_QUERY_DATA_AVAILABLE)
    {
        request->announced = op->bytes;
        end = !op->bytes;
    }
    else
    {
        request->announced -= min( request->announced, op->bytes );
        end = (flags & WHR_END) != 0;
    }
    if (end)
    {
        if (request->flow == FLOW_READING) flow_enter( request, FLOW_DONE );
        tell = request->no_reuse && !request->closing_told;
        request->closing_told = TRUE;
    }
    ReleaseSRWLockExclusive( &request->lock );

    /* Only when the request asked for it, and before the completion. Evidence: windows-notifications.md section 5. */
    if (tell)
    {
        notify( &request->hdr, WINHTTP_CALLBACK_STATUS_CLOSING_CONNECTION, NULL, 0 );
        notify( &request->hdr, WINHTTP_CALLBACK_STATUS_CONNECTION_CLOSED, NULL, 0 );
    }
}

/*--- records -------------------------------------------------------------------------------------------------------*/

static const DWORD progress[WHK_COUNT] =
{
    [WHK_RESOLVING]  = WINHTTP_CALLBACK_STATUS_RESOLVING_NAME,
    [WHK_RESOLVED]   = WINHTTP_CALLBACK_STATUS_NAME_RESOLVED,
    [WHK_CONNECTING] = WINHTTP_CALLBACK_STATUS_CONNECTING_TO_SERVER,
    [WHK_CONNECTED]  = WINHTTP_CALLBACK_STATUS_CONNECTED_TO_SERVER,
};

static void record_progress( struct request *request, const struct wh_record *record )
{
    const struct endpoint *endpoint = request->endpoint;

    if (record->kind == WHK_RESOLVING)    /* a record's text may be cut */
        notify( &request->hdr, progress[record->kind], endpoint->name, endpoint->name_cch + 1 );
    else
        notify_text( &request->hdr, progress[record->kind], record->text );
}

/* A verdict on a TLS session is asked for by nobody yet: the transport judges by itself. Refuse rather than trust. */
static void record_pause_tls( struct request *request )
{
    struct wh_exchange_resume_params params = { .exchange = request->exchange };

    ERR( "%p: no verdict\n", request->hdr.handle );
    params.verdict = WHE_CERT;
    wh_exchange_resume( &params );
}

/* Takes one record of the request's exchange. Returns the SIDE_* whose operation has its result now. */
static unsigned int flow_record( struct request *request, const struct wh_record *record )
{
    struct step step = { .status = WH_DONE };
    BOOL ours;

    /* Under the lock: the thread that starts the exchange may still be in the call that tells its id. */
    AcquireSRWLockExclusive( &request->lock );
    ours = record->exchange == request->exchange;
    if (ours && record->kind <= WHK_BODY_READ) request->in_flight--;
    ReleaseSRWLockExclusive( &request->lock );
    if (!ours) return 0;    /* of a leg that was replaced */

    if (record->kind < WHK_COUNT && progress[record->kind])
    {
        record_progress( request, record );
        return 0;
    }
    if (record->kind == WHK_PAUSE_TLS)
    {
        record_pause_tls( request );
        return 0;
    }
    if (record->kind == WHK_PAUSE_SENDING)
    {
        step.status = WH_PENDING;
        step.paused = TRUE;
    }
    else if (record->kind <= WHK_BODY_READ)
    {
        step.error       = record->error;
        step.detail      = record->detail;
        step.len         = record->bytes;
        step.flags       = record->flags;
        step.http_status = record->status;
        step.content_len = record->content_len;
    }

    switch (record->kind)
    {
    case WHK_PAUSE_SENDING:
    case WHK_HEAD_SENT:
        if (request->resending) return receive_advance( request, &step, RECEIVE_LEG ) ? SIDE_RECEIVE : 0;
        return send_advance( request, &step, FALSE ) ? SIDE_SEND : 0;

    case WHK_HEAD_READ:
        if (!request->holding) return receive_advance( request, &step, RECEIVE_HEAD ) ? SIDE_RECEIVE : 0;
        request->holding = FALSE;
        return send_advance( request, &step, TRUE ) ? SIDE_SEND : 0;

    case WHK_BODY_SENT:
        flow_body_sent( request, step.error, step.detail, record->bytes );
        return SIDE_SEND;

    case WHK_BODY_READ:
        flow_body_read( request, step.error, step.detail, record->bytes, step.flags );
        return SIDE_RECEIVE;
    }
    return 0;
}

void flow_wait( struct request *request, unsigned int side )
{
    struct wh_record records[SYNC_BATCH];
    struct wh_wait_params params = { 0 };
    unsigned int i, done = 0;

    params.records    = wh_from_ptr( records );
    params.capacity   = ARRAYSIZE( records );
    params.timeout_ms = ~0u;
    while (!(done & side))
    {
        params.exchange = request->exchange;
        params.count    = 0;
        if (wh_wait( &params ) != WH_DONE)
        {
            ERR( "%p: wait was refused\n", request->hdr.handle );
            flow_fail( request, side == SIDE_SEND ? &request->sending : &request->receiving, WHE_INTERNAL, 0 );
            break;
        }
        for (i = 0; i < params.count; i++) done |= flow_record( request, &records[i] );
    }
}

/*--- object_ops ----------------------------------------------------------------------------------------------------*/

/* ReceiveResponse was called before the send was over; now it is, and its completion was delivered. */
static void run_queued( struct request *request, DWORD send_error )
{
    struct step step;
    BOOL queued;

    AcquireSRWLockExclusive( &request->lock );
    queued = request->receiving.queued;
    request->receiving.queued = FALSE;
    ReleaseSRWLockExclusive( &request->lock );

    if (!queued) return;
    if (send_error) request->receiving.error = send_error;
    else if (!receive_advance( request, &step, RECEIVE_POST )) return;
    operation_deliver( request, &request->receiving );
}

void flow_event( struct object *obj, const struct event *event )
{
    struct request *request = request_from_object( obj );
    unsigned int done;
    DWORD api, err;

    if (event->kind == EVENT_RECORD) done = flow_record( request, &event->record );
    else done = event->kind == EVENT_SEND_DONE ? SIDE_SEND : SIDE_RECEIVE;

    if (done & SIDE_SEND)
    {
        api = request->sending.api;
        err = request->sending.error;
        operation_deliver( request, &request->sending );
        if (api == API_SEND_REQUEST) run_queued( request, err );
    }
    if (done & SIDE_RECEIVE) operation_deliver( request, &request->receiving );
}

void flow_cancel( struct object *obj )
{
    struct request *request = request_from_object( obj );

    AcquireSRWLockExclusive( &request->lock );
    request->closing = TRUE;
    if (request->in_flight) leg_cancel( request, WHE_CANCELLED );
    ReleaseSRWLockExclusive( &request->lock );
}

void flow_finish( struct object *obj )
{
    struct request *request = request_from_object( obj );

    leg_close( request, request->options.max_drain );
}
