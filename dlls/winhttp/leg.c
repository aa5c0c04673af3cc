/*
 * Legs: the exchanges that one request consists of
 *
 * drain -> start -> (pause -> resume) -> head out. Each step answers at once or by a record; leg_advance goes on from
 * either. Source: functions.md WinHttpSendRequest, windows-behaviour.md S-12, AU-12, behaviour-concepts.md sections 6, 9
 * and 12, options.md MAX_RESPONSE_DRAIN_SIZE and FAILED_CONNECTION_RETRIES.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth.h"
#include "auth_head.h"
#include "error.h"
#include "flow.h"
#include "head_out.h"
#include "leg.h"
#include "notify.h"
#include "option_connection.h"
#include "route.h"
#include "transport.h"
#include "tunnel_words.h"
#include "worker.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define DRAIN_MS    5000     /* for all of it: a body that takes longer costs more than a new connection */
#define DRAIN_SIZE  16384

#define MAX_UNPROCESSED 5    /* repeated by itself so often: a server that refuses every stream means it */

void step_settle( struct step *step, unsigned int status, uint32_t error, uint32_t detail )
{
    step->status = status;
    step->error  = error;
    step->detail = detail;
    if (status == WH_DONE || status == WH_PENDING) return;
    step->status = WH_DONE;
    step->error  = flow_refused( status );
}

/*--- the exchange --------------------------------------------------------------------------------------------------*/

void leg_close( struct request *request, DWORD drain_limit )
{
    struct wh_exchange_close_params params = { request->exchange, drain_limit, 0 };

    if (!request->exchange) return;
    if (!request->upgraded && wh_exchange_close( &params ) == WH_DONE && params.attend)    /* else it is the WebSocket's */
        worker_attend();
    request->exchange = 0;
    request->upgraded = FALSE;
}

void leg_cancel( struct request *request, enum wh_error error )
{
    struct wh_exchange_cancel_params params = { request->exchange, error, 0 };

    wh_exchange_cancel( &params );
}

BOOL leg_is_h2( const struct request *request )
{
    uint32_t alpn = 0;
    struct wh_exchange_query_params params = { .exchange = request->exchange, .buffer = wh_from_ptr( &alpn ),
                                               .what = WHQ_PROTOCOL, .size = sizeof(alpn) };

    if (!request->exchange || wh_exchange_query( &params ) != WH_DONE || params.error) return FALSE;
    return alpn == WH_ALPN_H2;
}

BOOL leg_owes_body( const struct request *request )
{
    return request->chunked ? !request->ended : request->written != request->total;
}

/* A body that the program frames itself counts as whole when it was given with the head: nobody else knows its end. */
BOOL leg_can_repeat_body( const struct request *request )
{
    if (request->written != request->body_len) return FALSE;
    if (request->total == WH_NO_LENGTH && !request->chunked) return request->body_len != 0;
    return !leg_owes_body( request );
}

static uint32_t leg_events( const struct object *obj )
{
    uint32_t mask = 0;

    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_RESOLVING_NAME )) mask |= 1u << WHK_RESOLVING;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_NAME_RESOLVED )) mask |= 1u << WHK_RESOLVED;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_CONNECTING_TO_SERVER )) mask |= 1u << WHK_CONNECTING;
    if (notify_wanted( obj, WINHTTP_CALLBACK_STATUS_CONNECTED_TO_SERVER )) mask |= 1u << WHK_CONNECTED;
    return mask;
}

/* A proxy that would make no tunnel speaks for itself, not for the server: what it says is the response only for a program
 * that has asked for that, and 407 for everybody, since nobody could answer it else. request->lock is not held. */
static BOOL leg_is_refused( struct request *request, DWORD *status )
{
    struct wh_exchange_query_params params = { .buffer = wh_from_ptr( status ), .what = WHQ_REFUSAL,
                                               .size = sizeof(*status) };
    BOOL ret = FALSE;

    AcquireSRWLockShared( &request->lock );
    params.exchange = request->exchange;
    if (request->exchange && proxy_plan_is_tunnel( request ) && !request->options.connect_response)
        ret = wh_exchange_query( &params ) == WH_DONE && !params.error && *status != HTTP_STATUS_PROXY_AUTH_REQ;
    ReleaseSRWLockShared( &request->lock );
    return ret;
}

/* request->lock is held. */
static uint32_t leg_flags( const struct request *request, BOOL fresh )
{
    uint32_t flags = request->codings;

    if (!request->hdr.async) flags |= WHX_SYNC;
    if (request->chunked) flags |= WHX_CHUNKED;
    else if (request->total == WH_NO_LENGTH) flags |= WHX_FRAMED_BY_APP;
    if (request->total == request->body_len || (request->chunked && request->ended)) flags |= WHX_END;
    if (request->no_reuse) flags |= WHX_NO_REUSE;
    if (fresh) flags |= WHX_FRESH;
    if (request->options.require_stream_end) flags |= WHX_STREAM_END;
    if (request->options.no_stream_queue) flags |= WHX_NO_QUEUE;
    if (request->options.h2_transfer_encoding) flags |= WHX_TE_OK;
    if (!wcscmp( request->verb, L"HEAD" )) flags |= WHX_HEAD;
    if (notify_wanted( &request->hdr, WINHTTP_CALLBACK_STATUS_SENDING_REQUEST )) flags |= WHX_PAUSE_SENDING;
    return flags;
}

/* A WebSocket has a connection of its own, unless it may be a stream of HTTP/2, or has to have one that is its user's. */
static void leg_ask_websocket( const struct request *request, const struct wh_route *route,
                               struct wh_exchange_start_params *params )
{
    params->flags   |= WHX_WEBSOCKET;
    params->ws_ahead = request->options.ws_receive_buffer;
    if (!(route->alpn & WH_ALPN_H2) && !route->identity) params->flags |= WHX_FRESH | WHX_NO_REUSE;
}

/* request->lock is held. */
static struct step leg_start( struct request *request, BOOL fresh )
{
    struct wh_exchange_start_params params = { 0 };
    struct wh_route route = { 0 };
    struct tunnel_words words = { 0 };
    struct step step = { .status = WH_DONE };
    char stack[2048], *head;
    unsigned int status;

    if (request->closing)
    {
        step.error = WHE_CANCELLED;
        return step;
    }
    request->codings = head_codings( request );    /* an edit during the pause changes it no more */
    request->websocket = request->options.upgrade;
    if (!(params.session = session_transport( request->session )) ||
        !(head = head_make( request, stack, sizeof(stack), &request->head_len )))
    {
        step.error = WHE_NO_MEMORY;
        return step;
    }
    route_fill( request, &route );
    auth_fill_route( request, &route, &words );
    params.pin = auth_pin( request );
    if (!route.alpn)    /* since the send was checked, headers or options have changed */
    {
        head_wipe( head, stack, request->head_len );
        tunnel_words_free( &words );
        step.error = WHE_MISMATCH;
        return step;
    }
    request->tls_flags = route.tls_flags;
    memcpy( request->judge_key, route.judge_key, sizeof(route.judge_key) );
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
    params.head_limit = request->options.max_head;
    params.flags      = leg_flags( request, fresh );
    if (request->websocket) leg_ask_websocket( request, &route, &params );

    status = wh_exchange_start( &params );
    head_wipe( head, stack, request->head_len );
    tunnel_words_free( &words );
    step_settle( &step, status, params.error, params.detail );
    if (status == WH_DONE || status == WH_PENDING)
    {
        request->exchange = params.exchange;
        connection_apply_tag( request );
    }
    if (step.status == WH_PENDING)
    {
        flow_pending( request );
        step.paused = params.paused;
    }
    return step;
}

/* Answers the pause after the program was told: with the new head if it has edited the headers. The start was told
 * whether the connection may be kept; an edit can take that back. With an error the exchange ends here. */
static struct step leg_resume( struct request *request, enum wh_error verdict )
{
    struct wh_exchange_resume_params params = { 0 };
    struct step step = { .status = WH_PENDING };
    char stack[2048], *head = NULL;
    BOOL no_reuse = request->no_reuse;
    unsigned int status;

    AcquireSRWLockExclusive( &request->lock );
    params.exchange = request->exchange;
    params.verdict  = verdict;
    if (!request->closing)    /* else it was cancelled, which brings the start's record */
    {
        if (request->headers_edited && !verdict)
        {
            head = head_make( request, stack, sizeof(stack), &request->head_len );
            params.head     = wh_from_ptr( head );
            params.head_len = head ? request->head_len : 0;
            if (!head) params.verdict = WHE_NO_MEMORY;
            if (request->no_reuse && !no_reuse) connection_expire( request );
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
    head_wipe( head, stack, request->head_len );
    return step;
}

/*--- what is left of the leg before --------------------------------------------------------------------------------*/

/* Whether taking the rest of the response away can make the connection free. request->lock is held. */
static BOOL drain_pays( const struct request *request )
{
    if (!request->exchange || (request->head_flags & WHR_CLOSE)) return FALSE;
    if (request->no_reuse || (request->websocket && !auth_pin( request ))) return FALSE;
    return request->content_len == WH_NO_LENGTH || request->content_len - request->taken <= request->options.max_drain;
}

/* request->lock is held. */
static struct step drain_post( struct request *request )
{
    struct wh_exchange_read_body_params params = { 0 };
    struct step step = { .status = WH_DONE };
    DWORD spent = GetTickCount() - request->drain_since;
    unsigned int status;

    params.exchange   = request->exchange;
    params.buffer     = wh_from_ptr( request->drain );
    params.size       = DRAIN_SIZE;
    params.min        = 1;    /* the time is looked at whenever something has come */
    params.timeout_ms = spent < DRAIN_MS ? DRAIN_MS - spent : 1;
    status = wh_exchange_read_body( &params );
    step_settle( &step, status, params.error, params.detail );
    step.len   = params.bytes;
    step.flags = params.flags;
    if (step.status == WH_PENDING) flow_pending( request );
    return step;
}

/* A piece was taken away: the next one, or the new leg. Errors are no errors here: the connection is dropped. */
static struct step drain_advance( struct request *request, const struct step *done )
{
    struct step step;

    AcquireSRWLockExclusive( &request->lock );
    request->drained += done->len;
    if (!done->error && done->len && !(done->flags & WHR_END) && !request->closing &&
        request->drained <= request->options.max_drain && GetTickCount() - request->drain_since < DRAIN_MS)
        step = drain_post( request );
    else
    {
        TRACE( "%p: %s bytes drained, %s\n", request->hdr.handle, wine_dbgstr_longlong( request->drained ),
               error_name( done->error ) );
        free( request->drain );
        request->drain = NULL;
        leg_close( request, 0 );    /* at the end of its body the connection is in the pool already */
        step = leg_start( request, request->fresh );
    }
    ReleaseSRWLockExclusive( &request->lock );
    return step;
}

struct step leg_begin( struct request *request, BOOL drain, BOOL fresh )
{
    flow_enter( request, FLOW_SENDING );
    request->fresh = fresh;
    /* Without memory for it nothing is drained. */
    if (drain && !request->closing && drain_pays( request ) && (request->drain = malloc( DRAIN_SIZE )))
    {
        request->drained     = 0;
        request->drain_since = GetTickCount();
        return drain_post( request );
    }

    leg_close( request, request->options.max_drain );
    return leg_start( request, fresh );
}

/*--- once more -----------------------------------------------------------------------------------------------------*/

static BOOL verb_is_idempotent( const WCHAR *verb )
{
    static const WCHAR * const verbs[] = { L"GET", L"HEAD", L"PUT", L"DELETE", L"OPTIONS", L"TRACE" };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( verbs ); i++) if (!wcscmp( verb, verbs[i] )) return TRUE;
    return FALSE;
}

/* The bit of WINHTTP_OPTION_FAILED_CONNECTION_RETRIES that an end belongs to; 0 = none. A TLS error after the head went
 * out is none of the handshake. request->lock is held. */
static DWORD retry_condition( const struct request *request, unsigned int error )
{
    if (error == LEG_RETRY_STATUS) return WINHTTP_CONNECTION_RETRY_CONDITION_408;
    if (error == WHE_STALE) return WINHTTP_CONNECTION_RETRY_CONDITION_STALE_CONNECTION;
    if (error == WHE_TLS && request->flow == FLOW_SENDING) return WINHTTP_CONNECTION_RETRY_CONDITION_SSL_HANDSHAKE;
    return 0;
}

/* Nothing of it was left to WinHttpWriteData so far. Not while a write is under way: it belongs to this exchange, and ends
 * with it. request->lock is held. */
static BOOL leg_can_begin_again( const struct request *request )
{
    return !request->closing && !request->in_flight && request->written == request->body_len;
}

/* A dead pooled connection is replaced once without being asked, if nothing can be done twice. A program that has set the
 * option takes that upon itself, as often as it says. */
static BOOL may_retry( const struct request *request, DWORD condition )
{
    const struct session *session = request->session;

    if (!condition) return FALSE;
    if (session->failed_retries.conditions & condition) return request->retries < session->failed_retries.max;
    return condition == WINHTTP_CONNECTION_RETRY_CONDITION_STALE_CONNECTION && !request->retries &&
           verb_is_idempotent( request->verb );
}

/* The server wants another protocol. A request that was sent with a body by WinHttpWriteData fails, but the next send on its
 * handle knows. FALSE: it will not get it. request->lock is held. */
static BOOL leg_downgrade( struct request *request )
{
    if (request->options.protocol_required || request->h1_only) return FALSE;
    TRACE( "%p: HTTP/1.1 from here on\n", request->hdr.handle );
    request->h1_only = TRUE;
    return TRUE;
}

/* The proxy cannot be reached, and there is another one, or another way. One that lets the connection wait may have had the
 * request. request->lock is held. */
static BOOL leg_next_proxy( struct request *request, unsigned int error )
{
    if (error == WHE_TIMEOUT)
        return request->flow == FLOW_SENDING && verb_is_idempotent( request->verb ) && proxy_plan_next( request );
    return (wh_proxy_is_useless( error ) || error == WHE_NAME || error == WHE_CONNECT) && proxy_plan_next( request );
}

/* Whether the leg begins again, and if so, whether on a connection of its own. What the server has not looked at can be sent
 * again, whatever the verb is (RFC 9113 section 8.7). A connection that is not the right one (421) is one that any other
 * HTTP/2 connection would be, too: what is left is HTTP/1.1, or, where that is not allowed, one more attempt.
 * request->lock is held. */
static BOOL leg_repeats( struct request *request, unsigned int error, BOOL *fresh )
{
    BOOL again = leg_can_begin_again( request );

    /* These know which connection will not do; the other requests of a shared one that died share the next one, too. */
    *fresh = error != WHE_UNPROCESSED && error != WHE_DOWNGRADE && (error != WHE_STALE || !leg_is_h2( request ));
    if (error == WHE_UNPROCESSED) return again && request->retries < MAX_UNPROCESSED;
    if (error == WHE_DOWNGRADE) return leg_downgrade( request ) && again;
    if (error == LEG_RETRY_MISDIRECTED)
        return again && leg_can_repeat_body( request ) && (leg_downgrade( request ) || !request->retries);
    if (again && leg_next_proxy( request, error ))
    {
        *fresh = FALSE;
        return TRUE;
    }
    return again && may_retry( request, retry_condition( request, error ) );
}

BOOL leg_retry( struct request *request, struct step *step, unsigned int error )
{
    BOOL ret, fresh, lost = error == WHE_STALE && auth_lost( request, verb_is_idempotent( request->verb ) );

    AcquireSRWLockExclusive( &request->lock );
    if ((ret = leg_repeats( request, error, &fresh ) || (lost && leg_can_begin_again( request ))))
    {
        request->retries++;
        if (error == LEG_RETRY_STATUS || error == LEG_RETRY_MISDIRECTED)
        {
            request->have_response = FALSE;
            request->following     = TRUE;
        }
        TRACE( "%p: retry %lu\n", request->hdr.handle, request->retries );
        leg_close( request, 0 );
        flow_enter( request, FLOW_SENDING );
        *step = leg_start( request, fresh );
    }
    else if (error == WHE_DOWNGRADE && request->options.protocol_required) step->error = WHE_MISMATCH;
    ReleaseSRWLockExclusive( &request->lock );
    return ret;
}

/*--- the whole leg -------------------------------------------------------------------------------------------------*/

static void leg_sent( struct request *request )
{
    UINT64 sent = (UINT64)request->head_len + request->body_len;
    DWORD bytes = min( sent, ~0u );    /* there is no more room in the notification */

    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_REQUEST_SENT, &bytes, sizeof(bytes) );
    AcquireSRWLockExclusive( &request->lock );
    flow_enter( request, leg_owes_body( request ) ? FLOW_BODY : FLOW_SENT );
    ReleaseSRWLockExclusive( &request->lock );
}

/* The pause is over as soon as the program knows. Where there is no way to the server, nothing is about to be sent. */
static struct step leg_unpause( struct request *request )
{
    DWORD status;

    if (leg_is_refused( request, &status )) return leg_resume( request, WHE_TUNNEL );
    notify( &request->hdr, WINHTTP_CALLBACK_STATUS_SENDING_REQUEST, NULL, 0 );
    return leg_resume( request, WHE_OK );
}

BOOL leg_advance( struct request *request, struct step *step )
{
    for (;;)
    {
        if (step->status == WH_PENDING)
        {
            if (!step->paused) return FALSE;
            *step = leg_unpause( request );
            continue;
        }
        if (request->drain)
        {
            *step = drain_advance( request, step );
            continue;
        }
        if (!step->error && leg_is_refused( request, &step->detail )) step->error = WHE_TUNNEL;
        if (!step->error || !leg_retry( request, step, step->error )) break;
    }
    if (!step->error) leg_sent( request );
    return TRUE;
}
