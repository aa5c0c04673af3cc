/*
 * WebSockets: what may be under way at once, and in which order things end
 *
 * Send, Shutdown and Close use the sending direction, Receive the other one; Close uses both, one after the other: it ends
 * a Receive, sends the close frame unless Shutdown has, has messages thrown away, and reads until the peer's close frame.
 * The transport has one read under way at a time, and that of a Receive counts until its record was fetched, so Close may
 * have to wait for it (READER_GONE). Every step answers "finished" or "pending" as in flow.c.
 *
 * Receive has no limit of time: a WebSocket on which nothing happens is in order, and whether the peer is still there is
 * asked by pings (WINHTTP_OPTION_WEB_SOCKET_KEEPALIVE_INTERVAL).
 *
 * Source: functions.md section 10, windows-behaviour.md section 15, windows-notifications.md section 8.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winreg.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "error.h"
#include "leg.h"
#include "notify.h"
#include "request.h"
#include "transport.h"
#include "websocket.h"
#include "worker.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MAX_READ     0x7fffffff
#define KEEPALIVE_MS 30000            /* where the machine has no other default */

#define API( operation ) (OPERATION_WEB_SOCKET | WINHTTP_WEB_SOCKET_##operation##_OPERATION)

/*--- the transport -------------------------------------------------------------------------------------------------*/

/* ws->lock is held. */
static struct step post_send( struct websocket *ws, const void *data, DWORD len, DWORD flags, uint32_t limit_ms )
{
    struct wh_exchange_send_params params = { 0 };
    struct step step = { .status = WH_DONE, .error = WHE_CANCELLED };
    unsigned int status;

    if (ws->closing) return step;
    params.exchange   = ws->exchange;
    params.data       = wh_from_ptr( data );
    params.len        = len;
    params.flags      = flags;
    params.timeout_ms = limit_ms;
    status = wh_exchange_send( &params );
    step_settle( &step, status, params.error, params.detail );
    step.len = params.sent;
    if (step.status == WH_PENDING) ws->in_flight++;
    return step;
}

/* ws->lock is held. */
static struct step post_read( struct websocket *ws, void *buffer, DWORD size, enum ws_reader reader, uint32_t limit_ms )
{
    struct wh_exchange_read_body_params params = { 0 };
    struct step step = { .status = WH_DONE, .error = WHE_CANCELLED };
    unsigned int status;

    if (ws->closing) return step;
    params.exchange   = ws->exchange;
    params.buffer     = wh_from_ptr( buffer );
    params.size       = size;
    params.min        = 1;
    params.timeout_ms = limit_ms;
    status = wh_exchange_read_body( &params );
    step_settle( &step, status, params.error, params.detail );
    step.len   = params.bytes;
    step.flags = params.flags;
    if (step.status == WH_PENDING)
    {
        ws->reader = reader;
        ws->in_flight++;
    }
    return step;
}

/* ws->lock is held. Returns enum wh_error; STATE: the exchange is over. */
static enum wh_error control( struct websocket *ws, enum wh_control what, UINT64 cookie, DWORD number )
{
    struct wh_exchange_control_params params = { .exchange = ws->exchange, .what = what, .cookie = cookie, .number = number };

    return wh_exchange_control( &params ) == WH_DONE ? params.error : WHE_STATE;
}

static DWORD error_of( const struct websocket *ws, enum wh_error error, DWORD detail )
{
    if (!error) return ERROR_SUCCESS;
    TRACE( "%p: %s, detail %#lx\n", ws->hdr.handle, error_name( error ), detail );
    error_note( error, detail );
    return error == WHE_FAULT ? ERROR_INVALID_PARAMETER : error_to_win32( error );
}

/* The read that has just ended brought the peer's close frame. */
static void take_peer_close( struct websocket *ws )
{
    BYTE data[WEB_SOCKET_CODE_SIZE + WINHTTP_WEB_SOCKET_MAX_CLOSE_REASON_LENGTH];
    struct wh_exchange_query_params params = { .exchange = ws->exchange, .what = WHQ_WS_CLOSE, .size = sizeof(data) };

    params.buffer = wh_from_ptr( data );
    AcquireSRWLockExclusive( &ws->lock );
    ws->peer_closed = TRUE;
    ws->peer_status = WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS;
    if (wh_exchange_query( &params ) == WH_DONE && !params.error && params.len >= WEB_SOCKET_CODE_SIZE)
    {
        ws->peer_status     = data[0] << 8 | data[1];
        ws->peer_reason_len = params.len - WEB_SOCKET_CODE_SIZE;
        memcpy( ws->peer_reason, data + WEB_SOCKET_CODE_SIZE, ws->peer_reason_len );
    }
    TRACE( "%p: the peer closes with %u\n", ws->hdr.handle, ws->peer_status );
    ReleaseSRWLockExclusive( &ws->lock );
}

/*--- what the directions have brought ------------------------------------------------------------------------------*/

static WINHTTP_WEB_SOCKET_BUFFER_TYPE type_of_piece( DWORD flags )
{
    if (flags & WHR_WS_TEXT)
        return flags & WHR_WS_MORE ? WINHTTP_WEB_SOCKET_UTF8_FRAGMENT_BUFFER_TYPE : WINHTTP_WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE;
    return flags & WHR_WS_MORE ? WINHTTP_WEB_SOCKET_BINARY_FRAGMENT_BUFFER_TYPE : WINHTTP_WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE;
}

/* Receive has its result. */
static void receive_result( struct websocket *ws, const struct step *step )
{
    struct operation *op = &ws->receiving;

    op->bytes = 0;
    if ((op->error = error_of( ws, step->error, step->detail ))) return;
    if (step->flags & WHR_WS_CLOSE)
    {
        take_peer_close( ws );
        op->type = WINHTTP_WEB_SOCKET_CLOSE_BUFFER_TYPE;
        return;
    }
    op->bytes = step->len;
    op->type  = type_of_piece( step->flags );
}

/* Close has read. A read that brings no close frame, though messages are thrown away, is the end of the stream. */
static void close_result( struct websocket *ws, const struct step *step )
{
    enum wh_error error = step->error;

    if (!error && (step->flags & WHR_WS_CLOSE)) take_peer_close( ws );
    else if (!error) error = WHE_RESET;
    if (error && ws->close_error) error = ws->close_error;
    ws->sending.error = error_of( ws, error, step->detail );
}

/* What is left of the time that Close has; 0 = no limit. */
static uint32_t close_left( const struct websocket *ws )
{
    DWORD limit = timeout_ms( ws->close_ms ), spent = GetTickCount() - ws->close_since;

    if (!limit) return 0;
    return spent < limit ? limit - spent : 1;
}

/* The close frame is out, or could not be sent: what the peer has sent before may still hold its own. Goes on to wait for
 * that, if no other read is under way. TRUE: Close has its result. */
static BOOL close_advance( struct websocket *ws )
{
    struct step step = { .status = WH_PENDING };

    AcquireSRWLockExclusive( &ws->lock );
    ws->close = CLOSE_WAITING;
    if (ws->peer_closed)
    {
        ReleaseSRWLockExclusive( &ws->lock );
        ws->sending.error = ERROR_SUCCESS;
        return TRUE;
    }
    if (ws->reader == READER_NONE) step = post_read( ws, NULL, 0, READER_CLOSE, close_left( ws ) );
    ReleaseSRWLockExclusive( &ws->lock );
    if (step.status == WH_PENDING) return FALSE;
    close_result( ws, &step );
    return TRUE;
}

/* The sending direction has come so far. TRUE: its operation has its result. */
static BOOL send_result( struct websocket *ws, const struct step *step )
{
    struct operation *op = &ws->sending;

    if (op->api == API( CLOSE ))
    {
        ws->close_error = step->error;
        return close_advance( ws );
    }
    op->bytes = step->len;
    op->error = error_of( ws, step->error, step->detail );
    return TRUE;
}

/*--- records -------------------------------------------------------------------------------------------------------*/

static unsigned int read_record( struct websocket *ws, const struct step *step )
{
    unsigned int done = 0;
    enum ws_reader reader;
    BOOL waiting;

    AcquireSRWLockExclusive( &ws->lock );
    reader     = ws->reader;
    ws->reader = READER_NONE;
    waiting    = ws->close == CLOSE_WAITING;    /* if not yet, Close finds the direction free itself */
    ReleaseSRWLockExclusive( &ws->lock );

    switch (reader)
    {
    case READER_NONE:
        break;
    case READER_RECEIVE:
        receive_result( ws, step );
        done = SIDE_RECEIVE;
        break;
    case READER_GONE:
        if (!step->error && (step->flags & WHR_WS_CLOSE)) take_peer_close( ws );
        break;
    case READER_CLOSE:
        close_result( ws, step );
        return SIDE_SEND;
    }
    if (waiting && close_advance( ws )) done |= SIDE_SEND;
    return done;
}

static unsigned int websocket_record( struct object *obj, const struct wh_record *record )
{
    struct websocket *ws = websocket_from_object( obj );
    struct step step = { .status = WH_DONE };

    if (record->kind != WHK_BODY_SENT && record->kind != WHK_BODY_READ) return 0;
    step.error  = record->error;
    step.detail = record->detail;
    step.len    = record->bytes;
    step.flags  = record->flags;

    AcquireSRWLockExclusive( &ws->lock );
    ws->in_flight--;
    ReleaseSRWLockExclusive( &ws->lock );
    if (record->kind == WHK_BODY_READ) return read_record( ws, &step );
    return send_result( ws, &step ) ? SIDE_SEND : 0;
}

static void websocket_no_wait( struct object *obj, unsigned int side )
{
    struct websocket *ws = websocket_from_object( obj );

    (side == SIDE_SEND ? &ws->sending : &ws->receiving)->error = ERROR_WINHTTP_INTERNAL_ERROR;
}

static const struct drive_ops websocket_drive_ops = { websocket_record, websocket_no_wait };

static void websocket_event( struct object *obj, const struct event *event )
{
    struct websocket *ws = websocket_from_object( obj );
    unsigned int done;

    if (event->kind == EVENT_RECORD) done = websocket_record( obj, &event->record );
    else done = event->kind == EVENT_SEND_DONE ? SIDE_SEND : SIDE_RECEIVE;

    if (done & SIDE_RECEIVE) operation_deliver( &ws->receiving );
    if (done & SIDE_SEND) operation_deliver( &ws->sending );
}

/*--- the object ----------------------------------------------------------------------------------------------------*/

static void websocket_cancel( struct object *obj )
{
    struct websocket *ws = websocket_from_object( obj );
    struct wh_exchange_cancel_params params = { 0, WHE_CANCELLED, 0 };

    AcquireSRWLockExclusive( &ws->lock );
    ws->closing = TRUE;
    params.exchange = ws->exchange;
    if (ws->in_flight) wh_exchange_cancel( &params );
    ReleaseSRWLockExclusive( &ws->lock );
}

static void websocket_finish( struct object *obj )
{
    struct websocket *ws = websocket_from_object( obj );
    struct wh_exchange_close_params params = { ws->exchange, 0, 0 };

    if (ws->exchange && wh_exchange_close( &params ) == WH_DONE && params.attend) worker_attend();
    ws->exchange = 0;
}

static void websocket_destroy( struct object *obj )
{
    if (websocket_from_object( obj )->attended) worker_operation_end();
    free( obj );
}

static const struct object_ops websocket_ops =
{
    .cancel  = websocket_cancel,
    .finish  = websocket_finish,
    .destroy = websocket_destroy,
    .event   = websocket_event,
};

/* The machine may have another default. Source: options.md section 3.12. */
static DWORD default_keepalive(void)
{
    DWORD interval = 0, size = sizeof(interval);

    if (RegGetValueW( HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\WebSocket", L"KeepaliveInterval", RRF_RT_REG_DWORD, NULL,
                      &interval, &size ) || interval < WINHTTP_WEB_SOCKET_MIN_KEEPALIVE_VALUE)
        return KEEPALIVE_MS;
    return interval;
}

/* Whether the request's exchange is a WebSocket that nobody has taken yet. request->lock is held. */
static DWORD check_upgrade( const struct request *request )
{
    if (request->closing) return ERROR_WINHTTP_OPERATION_CANCELLED;
    if (!request->websocket || request->upgraded || !request->exchange || request->flow != FLOW_DONE || !request->have_response ||
        request->status.status != HTTP_STATUS_SWITCH_PROTOCOLS || request->sending.api || request->receiving.api)
        return ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    return ERROR_SUCCESS;
}

/* The exchange changes hands. Nothing of it is under way, and nothing can begin: its body has ended for the request. */
static DWORD take_over( struct websocket *ws, struct request *request, DWORD keepalive_ms )
{
    enum wh_error error;
    DWORD err;

    AcquireSRWLockExclusive( &request->lock );
    if (!(err = check_upgrade( request )))
    {
        ws->exchange = request->exchange;
        /* Of one that is over already no record will come; Receive tells what has happened to it. */
        error = control( ws, WHC_COOKIE, object_cookie( &ws->hdr ), 0 );
        if (!error) control( ws, WHC_WS_KEEPALIVE, 0, keepalive_ms );
        if (error && error != WHE_STATE)
        {
            ws->exchange = 0;
            err = ERROR_WINHTTP_INTERNAL_ERROR;
        }
        else request->upgraded = TRUE;
    }
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

DWORD websocket_open( struct request *request, DWORD_PTR context, HINTERNET *handle )
{
    DWORD err, keepalive_ms;
    struct websocket *ws;

    AcquireSRWLockShared( &request->lock );
    err = check_upgrade( request );
    ReleaseSRWLockShared( &request->lock );
    if (err) return err;
    keepalive_ms = default_keepalive();

    if (!(ws = calloc( 1, sizeof(*ws) ))) return ERROR_NOT_ENOUGH_MEMORY;
    object_init( &ws->hdr, OBJECT_WEBSOCKET, &websocket_ops, &request->hdr );
    if (context) ws->hdr.context = context;
    InitializeSRWLock( &ws->lock );
    drive_init( &ws->drive, &websocket_drive_ops, &ws->hdr, &ws->lock, &ws->exchange );
    operation_init( &ws->sending, &ws->hdr, EVENT_SEND_DONE );
    operation_init( &ws->receiving, &ws->hdr, EVENT_RECEIVE_DONE );
    ws->send_ms  = timeout_ms( request->options.timeouts.send );
    ws->close_ms = request->options.ws_close_ms;
    /* Also for a synchronous program: its peer may ask while it is in no call. */
    err = worker_operation_begin();
    ws->attended = !err;
    if (err || (err = object_open( &ws->hdr )))
    {
        object_release( &ws->hdr );
        return err;
    }
    *handle = ws->hdr.handle;
    if ((err = take_over( ws, request, keepalive_ms )))
    {
        notify_set_target( &ws->hdr, NULL, 0 );    /* nobody has heard of it */
        object_close( *handle );
    }
    return err;
}

void websocket_keepalive( struct websocket *ws, DWORD interval_ms )
{
    AcquireSRWLockExclusive( &ws->lock );
    control( ws, WHC_WS_KEEPALIVE, 0, interval_ms );    /* one that is over needs no pings */
    ReleaseSRWLockExclusive( &ws->lock );
}

/*--- the calls -----------------------------------------------------------------------------------------------------*/

/* The common end of the calls of the sending side. */
static DWORD send_end( struct websocket *ws, const struct step *step )
{
    struct operation *op = &ws->sending;
    BOOL done = step->status != WH_PENDING && send_result( ws, step );

    if (!ws->hdr.async)
    {
        if (!done) drive_wait( &ws->drive, SIDE_SEND );
        return operation_end( op );
    }
    if (done) operation_complete( op, FALSE );
    return ERROR_SUCCESS;
}

/* Claims the sending side. `kind` is that of a message, 0 = this is none. */
static DWORD send_claim( struct websocket *ws, DWORD api, DWORD kind )
{
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &ws->lock );
    if (ws->closing) err = ERROR_WINHTTP_OPERATION_CANCELLED;
    else if (ws->sending.api || ws->close != CLOSE_NONE) err = ERROR_INVALID_OPERATION;
    else if (ws->shut && api != API( CLOSE )) err = ERROR_INVALID_OPERATION;
    else if (kind && ws->unfinished && ws->unfinished != kind) err = ERROR_INVALID_PARAMETER;
    else operation_take( &ws->sending, api );
    ReleaseSRWLockExclusive( &ws->lock );
    return err ? err : operation_announce( &ws->sending );
}

static const DWORD send_flags[] =
{
    [WINHTTP_WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE]  = WHX_WS_BINARY,
    [WINHTTP_WEB_SOCKET_BINARY_FRAGMENT_BUFFER_TYPE] = WHX_WS_BINARY | WHX_WS_MORE,
    [WINHTTP_WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE]    = WHX_WS_TEXT,
    [WINHTTP_WEB_SOCKET_UTF8_FRAGMENT_BUFFER_TYPE]   = WHX_WS_TEXT | WHX_WS_MORE,
};

DWORD websocket_send( struct websocket *ws, WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const void *data, DWORD len )
{
    DWORD err, flags = send_flags[type], kind = flags & (WHX_WS_BINARY | WHX_WS_TEXT);
    struct step step;

    if ((err = send_claim( ws, API( SEND ), kind ))) return err;
    ws->sending.type = type;
    AcquireSRWLockExclusive( &ws->lock );
    ws->unfinished = flags & WHX_WS_MORE ? kind : 0;
    step = post_send( ws, data, len, flags, ws->send_ms );
    ReleaseSRWLockExclusive( &ws->lock );
    return send_end( ws, &step );
}

/* ws->lock is held. A status of 1005 stands for a close frame without one (RFC 6455 section 7.1.5). */
static struct step post_close( struct websocket *ws, USHORT status, const void *reason, DWORD reason_len, uint32_t limit_ms )
{
    DWORD len = 0;

    if (status != WINHTTP_WEB_SOCKET_EMPTY_CLOSE_STATUS)
    {
        ws->frame[len++] = status >> 8;
        ws->frame[len++] = status & 0xff;
        if (reason_len) memcpy( ws->frame + len, reason, reason_len );
        len += reason_len;
    }
    ws->shut = TRUE;
    return post_send( ws, ws->frame, len, WHX_WS_CLOSE, limit_ms );
}

DWORD websocket_shutdown( struct websocket *ws, USHORT status, const void *reason, DWORD reason_len )
{
    struct step step;
    DWORD err;

    if ((err = send_claim( ws, API( SHUTDOWN ), 0 ))) return err;
    AcquireSRWLockExclusive( &ws->lock );
    step = post_close( ws, status, reason, reason_len, ws->send_ms );
    ReleaseSRWLockExclusive( &ws->lock );
    return send_end( ws, &step );
}

/* From here on what the peer has sent, but for its close frame, is of no interest. A Receive under way ends: a synchronous one
 * by its record, on its own thread; an asynchronous one inside this call. Evidence: windows-notifications.md section 8.3. */
static void close_begin( struct websocket *ws )
{
    BOOL cancelled;

    AcquireSRWLockExclusive( &ws->lock );
    ws->close       = CLOSE_STARTED;
    ws->close_since = GetTickCount();
    if ((cancelled = ws->hdr.async && ws->reader == READER_RECEIVE))
    {
        ws->reader = READER_GONE;
        ws->receiving.error = ERROR_WINHTTP_OPERATION_CANCELLED;
    }
    control( ws, WHC_WS_DISCARD, 0, 0 );    /* in one that is over there is nothing to throw away */
    ReleaseSRWLockExclusive( &ws->lock );
    if (cancelled) operation_complete( &ws->receiving, FALSE );
}

DWORD websocket_close( struct websocket *ws, USHORT status, const void *reason, DWORD reason_len )
{
    struct step step = { .status = WH_DONE };
    DWORD err;

    if ((err = send_claim( ws, API( CLOSE ), 0 ))) return err;
    close_begin( ws );
    AcquireSRWLockExclusive( &ws->lock );
    if (!ws->shut) step = post_close( ws, status, reason, reason_len, close_left( ws ) );
    ReleaseSRWLockExclusive( &ws->lock );
    return send_end( ws, &step );
}

DWORD websocket_receive( struct websocket *ws, void *buffer, DWORD size, DWORD *read, WINHTTP_WEB_SOCKET_BUFFER_TYPE *type )
{
    struct step step = { .status = WH_DONE, .error = WHE_CANCELLED };
    struct operation *op = &ws->receiving;
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockExclusive( &ws->lock );
    if (ws->closing) err = ERROR_WINHTTP_OPERATION_CANCELLED;
    else if (op->api || ws->close != CLOSE_NONE || ws->peer_closed) err = ERROR_INVALID_OPERATION;
    else operation_take( op, API( RECEIVE ) );
    ReleaseSRWLockExclusive( &ws->lock );
    if (err || (err = operation_announce( op ))) return err;

    AcquireSRWLockExclusive( &ws->lock );
    if (ws->close == CLOSE_NONE) step = post_read( ws, buffer, min( size, MAX_READ ), READER_RECEIVE, 0 );
    ReleaseSRWLockExclusive( &ws->lock );
    if (step.status != WH_PENDING) receive_result( ws, &step );

    if (ws->hdr.async)
    {
        if (step.status != WH_PENDING) operation_complete( op, FALSE );
        return ERROR_SUCCESS;
    }
    if (step.status == WH_PENDING) drive_wait( &ws->drive, SIDE_RECEIVE );
    if (!op->error)
    {
        *read = op->bytes;
        *type = op->type;
    }
    return operation_end( op );
}

DWORD websocket_close_status( struct websocket *ws, USHORT *status, void *reason, DWORD size, DWORD *reason_len )
{
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockShared( &ws->lock );
    if (!ws->peer_closed) err = ERROR_INVALID_OPERATION;
    else
    {
        *status     = ws->peer_status;
        *reason_len = ws->peer_reason_len;
        if (size < ws->peer_reason_len) err = ERROR_INSUFFICIENT_BUFFER;
        if (size) memcpy( reason, ws->peer_reason, min( size, ws->peer_reason_len ) );
    }
    ReleaseSRWLockShared( &ws->lock );
    return err;
}
