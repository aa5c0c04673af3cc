/*
 * The order of a request
 *
 * The sending operation is one leg (leg.h). The receiving operation reads heads until the final one; what follows that is
 * decided by follow_head, and may be legs of its own: for redirects, for a connection that was lost.
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

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth.h"
#include "body.h"
#include "error.h"
#include "flow.h"
#include "follow.h"
#include "jar.h"
#include "leg.h"
#include "notify.h"
#include "transport.h"
#include "verdict.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define HOLD_MS           1000     /* a server that waits for the completion before it answers must get it */
#define RESPONSE_MS       90000    /* receive-response limit when the option is unset, by documentation */

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
    [FLOW_SENDING] = TO( BODY ) | TO( SENT ) | TO( FAILED ),    /* itself: a leg that begins again */
    [FLOW_BODY]    = TO( SENT ) | TO( READING ) | TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_SENT]    = TO( READING ) | TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_READING] = TO( DONE ) | TO( SENDING ) | TO( FAILED ),
    [FLOW_DONE]    = TO( SENDING ) | TO( FAILED ),              /* a redirect that is not followed */
    [FLOW_FAILED]  = TO( SENDING ),
};

void flow_enter( struct request *request, enum flow_state state )
{
    if (request->flow == state) return;
    TRACE( "%p: %s -> %s\n", request->hdr.handle, flow_names[request->flow], flow_names[state] );
    if (!(flow_next[request->flow] & (1u << state)))
        ERR( "%p: %s -> %s\n", request->hdr.handle, flow_names[request->flow], flow_names[state] );
    request->flow = state;
}

enum wh_error flow_refused( unsigned int status )
{
    static const unsigned int access_violation = 0xc0000005, guard_page = 0x80000001;

    if (status == access_violation || status == guard_page) return WHE_FAULT;
    return WHE_STATE;
}

/* The operation, and with it the request, has failed. */
static void flow_fail( struct request *request, struct operation *op, enum wh_error error, DWORD detail )
{
    DWORD flags = error_secure_failure( error, detail );

    error_note( error, detail );
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
            request->sending.error = ERROR_SUCCESS;
            if (!hold_start( request, step )) return TRUE;
            if (step->status == WH_PENDING) return FALSE;
        }
        held = FALSE;
        if (!step->error || !leg_retry( request, step, step->error )) break;
    }
    hold_result( request, step );
    return TRUE;
}

static DWORD make_plan( struct request *request )
{
    struct proxy_plan proxies;
    DWORD err;

    if (!request->plan_later) return ERROR_SUCCESS;
    err = proxy_plan_make( request, &proxies );
    AcquireSRWLockExclusive( &request->lock );
    request->plan_later = FALSE;
    if (!err) proxy_plan_use( request, &proxies );
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

/* A worker goes on where flow_send has left it. */
static BOOL send_continue( struct request *request )
{
    struct step step;
    DWORD err = make_plan( request );

    AcquireSRWLockExclusive( &request->lock );
    if (err) flow_enter( request, FLOW_FAILED );
    else step = leg_begin( request, request->drain_wanted, FALSE );
    ReleaseSRWLockExclusive( &request->lock );
    if (!err) return send_advance( request, &step, FALSE );
    request->sending.error = err;
    return TRUE;
}

BOOL flow_send( struct request *request )
{
    struct step step;
    BOOL later;

    auth_begin( request );    /* while the response before is there */
    AcquireSRWLockExclusive( &request->lock );
    if (!++request->send_number) request->send_number = 1;
    request->have_response = request->have_trailers = FALSE;
    request->closing_told  = request->receiving_leg = request->following = FALSE;
    request->head_ready    = request->early_error = request->interim = request->announced = 0;
    request->retries       = request->redirects = 0;
    headers_clear( &request->response );
    headers_clear( &request->trailers );
    if ((later = request->plan_later)) flow_enter( request, FLOW_SENDING );    /* nothing else may begin meanwhile */
    else step = leg_begin( request, request->drain_wanted, FALSE );
    ReleaseSRWLockExclusive( &request->lock );
    if (!later) return send_advance( request, &step, FALSE );
    operation_continue( &request->sending );
    return FALSE;
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

/* What says something about the coded body says nothing about the one that the program reads, R-15. */
static void head_hide_coding( struct headers *list )
{
    headers_remove_all( list, L"Content-Encoding", ARRAYSIZE( L"Content-Encoding" ) - 1 );
    headers_remove_all( list, L"Content-Length", ARRAYSIZE( L"Content-Length" ) - 1 );
}

enum head_kind { HEAD_INTERIM, HEAD_FINAL, HEAD_BAD };

/* A head is in the buffer. After HEAD_BAD the operation has its error. */
static enum head_kind head_take( struct request *request, const struct step *step )
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
        if (step->flags & WHR_DECODED) head_hide_coding( &request->response );
        if (!(step->flags & WHR_FROM_PROXY)) jar_store( request );    /* a proxy speaks for no server */
        request->have_response = TRUE;
        request->head_flags    = step->flags;
        request->content_len   = step->content_len;
        request->taken         = 0;
        /* For the request a WebSocket is a response without a body, WS-6. */
        if (request->websocket && request->status.status == HTTP_STATUS_SWITCH_PROTOCOLS) flow_enter( request, FLOW_DONE );
        else if (!interim) flow_enter( request, step->flags & WHR_END ? FLOW_DONE : FLOW_READING );
    }
    else
    {
        /* What follows on this connection cannot be trusted: it is not for the next request. */
        leg_cancel( request, WHE_PROTOCOL );
        flow_enter( request, FLOW_FAILED );
    }
    ReleaseSRWLockExclusive( &request->lock );

    request->receiving.error = err;
    if (err) return HEAD_BAD;
    if (!interim)
    {
        notify( &request->hdr, WINHTTP_CALLBACK_STATUS_RESPONSE_RECEIVED, &bytes, sizeof(bytes) );
        return HEAD_FINAL;
    }
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_INTERMEDIATE_RESPONSE, &code, sizeof(code) );
    request->have_response = FALSE;    /* its headers can be asked for in the callback only */
    return HEAD_INTERIM;
}

/* The request goes on to another place. What the program calls ReceiveResponse for is told on its own thread (`inside`
 * its call) up to here, the rest on a worker: windows-notifications.md section 4. FALSE: the leg begins there. */
static BOOL receive_follow( struct request *request, struct step *step, BOOL drain, BOOL inside )
{
    AcquireSRWLockExclusive( &request->lock );
    request->have_response = request->have_trailers = FALSE;
    request->interim       = request->announced = 0;
    request->following     = TRUE;
    request->retries       = 0;             /* each leg may meet a dead connection of its own */
    request->drain_wanted  = drain && request->flow == FLOW_READING;
    flow_enter( request, FLOW_SENDING );    /* nothing else may begin meanwhile */
    if (!inside) *step = leg_begin( request, request->drain_wanted, FALSE );
    ReleaseSRWLockExclusive( &request->lock );
    if (inside) operation_continue( &request->receiving );
    return !inside;
}

static void receive_leg_sent( struct request *request )
{
    body_unpark( request );
    if (!request->following) return;
    request->following = FALSE;
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_RECEIVING_RESPONSE, NULL, 0 );
}

static void receive_fail( struct request *request, DWORD err )
{
    AcquireSRWLockExclusive( &request->lock );
    flow_enter( request, FLOW_FAILED );
    ReleaseSRWLockExclusive( &request->lock );
    request->receiving.error = err;
    body_unpark( request );
}

enum receive_entry { RECEIVE_POST, RECEIVE_HEAD, RECEIVE_LEG };

/* `entry` says what `step` is: nothing yet, a head's, or a leg's. TRUE: the receiving operation has its result. */
static BOOL receive_advance( struct request *request, struct step *step, enum receive_entry entry, BOOL inside )
{
    BOOL drain;
    DWORD err;

    request->receiving_leg = TRUE;    /* that comes from here on */
    for (;;)
    {
        if (entry == RECEIVE_LEG)
        {
            if (!leg_advance( request, step )) return FALSE;
            if (step->error) break;
            receive_leg_sent( request );
            entry = RECEIVE_POST;
        }
        if (entry == RECEIVE_POST) *step = head_post( request );
        if (step->status == WH_PENDING) return FALSE;

        entry = RECEIVE_LEG;
        if (step->error)
        {
            if (!leg_retry( request, step, step->error )) break;
            continue;
        }
        if (step->flags & WHR_TOO_SMALL)
        {
            request->head_ready = step->len;
            entry = RECEIVE_POST;
            continue;
        }
        switch (head_take( request, step ))
        {
        case HEAD_BAD:
            head_forget( request );
            return TRUE;
        case HEAD_INTERIM:
            entry = RECEIVE_POST;
            continue;
        case HEAD_FINAL:
            break;
        }
        switch (follow_head( request, step, &drain, &err ))
        {
        case FOLLOW_DELIVER:
            head_forget( request );
            return TRUE;
        case FOLLOW_RETRY:
            break;
        case FOLLOW_LEG:
            if (!inside && (err = make_plan( request )))
            {
                head_forget( request );
                receive_fail( request, err );
                return TRUE;
            }
            if (!receive_follow( request, step, drain, inside )) return FALSE;
            break;
        case FOLLOW_FAIL:
            head_forget( request );
            receive_fail( request, err );
            return TRUE;
        }
    }
    head_forget( request );
    flow_fail( request, &request->receiving, step->error, step->detail );
    body_unpark( request );
    return TRUE;
}

/* A worker takes over after a redirect. */
static BOOL receive_continue( struct request *request )
{
    struct step step;
    DWORD err;

    if ((err = make_plan( request )))
    {
        receive_fail( request, err );
        return TRUE;
    }
    AcquireSRWLockExclusive( &request->lock );
    step = leg_begin( request, request->drain_wanted, FALSE );
    ReleaseSRWLockExclusive( &request->lock );
    return receive_advance( request, &step, RECEIVE_LEG, FALSE );
}

BOOL flow_receive( struct request *request )
{
    struct step step;
    BOOL queued = FALSE;

    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_RECEIVING_RESPONSE, NULL, 0 );

    if (request->hdr.async)
    {
        AcquireSRWLockExclusive( &request->lock );
        if (request->sending.api == API_SEND_REQUEST)
        {
            queued = TRUE;
            request->receiving.queued = request->send_number;
        }
        ReleaseSRWLockExclusive( &request->lock );
    }
    return !queued && receive_advance( request, &step, RECEIVE_POST, request->hdr.async );
}

/*--- body operations -----------------------------------------------------------------------------------------------*/

void flow_body_sent( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes )
{
    AcquireSRWLockExclusive( &request->lock );
    request->written += bytes;
    if (request->ending && !error) request->ended = TRUE;
    request->ending = FALSE;
    if (request->flow == FLOW_BODY && !leg_owes_body( request )) flow_enter( request, FLOW_SENT );
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
        request->taken += bytes;
        request->announced -= min( request->announced, op->bytes );
        end = (flags & WHR_END) != 0;
    }
    if (end)
    {
        if (request->flow == FLOW_READING) flow_enter( request, FLOW_DONE );
        /* A connection that others share does not end with this request. */
        tell = request->no_reuse && !request->closing_told && !(request->head_flags & WHR_H2);
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
    BOOL through_proxy;

    AcquireSRWLockShared( &request->lock );
    through_proxy = proxy_plan_hop( request ) != NULL;
    ReleaseSRWLockShared( &request->lock );

    if (record->kind == WHK_RESOLVING && !through_proxy)    /* a record's text may be cut */
        notify( &request->hdr, progress[record->kind], endpoint->name, endpoint->name_cch + 1 );
    else
        notify_text( &request->hdr, progress[record->kind], record->text );
}

/* A step of the leg under way. */
static unsigned int flow_leg( struct request *request, struct step *step )
{
    if (request->receiving_leg) return receive_advance( request, step, RECEIVE_LEG, FALSE ) ? SIDE_RECEIVE : 0;
    return send_advance( request, step, FALSE ) ? SIDE_SEND : 0;
}

/* Takes one record of the request's exchange. Returns the SIDE_* whose operation has its result now. */
static unsigned int flow_record( struct object *obj, const struct wh_record *record )
{
    struct request *request = request_from_object( obj );
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
        verdict_give( request, record );
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
        return flow_leg( request, &step );

    case WHK_HEAD_READ:
        if (!request->holding) return receive_advance( request, &step, RECEIVE_HEAD, FALSE ) ? SIDE_RECEIVE : 0;
        request->holding = FALSE;
        return send_advance( request, &step, TRUE ) ? SIDE_SEND : 0;

    case WHK_BODY_SENT:
        flow_body_sent( request, step.error, step.detail, record->bytes );
        return SIDE_SEND;

    case WHK_BODY_READ:
        if (request->drain) return flow_leg( request, &step );
        flow_body_read( request, step.error, step.detail, record->bytes, step.flags );
        return SIDE_RECEIVE;
    }
    return 0;
}

static void flow_refused_wait( struct object *obj, unsigned int side )
{
    struct request *request = request_from_object( obj );

    flow_fail( request, side == SIDE_SEND ? &request->sending : &request->receiving, WHE_INTERNAL, 0 );
}

const struct drive_ops flow_drive_ops = { flow_record, flow_refused_wait };

/*--- object_ops ----------------------------------------------------------------------------------------------------*/

/* ReceiveResponse was called before the send was over; now it is, and its completion was delivered. That callback may have
 * begun the next exchange: what is queued behind another send is not ours. */
static void run_queued( struct request *request, DWORD send_number, DWORD send_error )
{
    struct step step;
    BOOL queued;

    AcquireSRWLockExclusive( &request->lock );
    if ((queued = send_number && request->receiving.queued == send_number)) request->receiving.queued = 0;
    ReleaseSRWLockExclusive( &request->lock );

    if (!queued) return;
    if (send_error) request->receiving.error = send_error;
    else if (!receive_advance( request, &step, RECEIVE_POST, FALSE )) return;
    operation_deliver( &request->receiving );
}

void flow_event( struct object *obj, const struct event *event )
{
    struct request *request = request_from_object( obj );
    unsigned int done;
    DWORD api, err, number;

    if (event->kind == EVENT_RECORD) done = flow_record( obj, &event->record );
    else if (event == &request->sending.deferred && event->kind == EVENT_FOLLOW) done = send_continue( request ) ? SIDE_SEND : 0;
    else if (event->kind == EVENT_FOLLOW) done = receive_continue( request ) ? SIDE_RECEIVE : 0;
    else done = event->kind == EVENT_SEND_DONE ? SIDE_SEND : SIDE_RECEIVE;

    if (done & SIDE_SEND)
    {
        api = request->sending.api;
        err = request->sending.error;
        number = request->send_number;
        operation_deliver( &request->sending );
        if (api == API_SEND_REQUEST) run_queued( request, number, err );
    }
    if (done & SIDE_RECEIVE) operation_deliver( &request->receiving );
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
