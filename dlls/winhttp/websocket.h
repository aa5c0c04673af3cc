/*
 * struct websocket: one WebSocket, from WinHttpWebSocketCompleteUpgrade to its handle's end
 *
 * It takes the exchange over from the request that was upgraded, which stays its parent and can still be asked about the
 * response and the connection. What a call may do, and in which order things happen, is websocket.c's business; arguments
 * and handles are checked in websocket_api.c. Source: functions.md section 10, windows-notifications.md section 8.
 */

#ifndef WINHTTP_WEBSOCKET_H
#define WINHTTP_WEBSOCKET_H

#include "drive.h"
#include "operation.h"

struct request;

#define WEB_SOCKET_CODE_SIZE 2    /* of a close frame's data, before the reason */

/* Whom the transport's read under way is for. */
enum ws_reader
{
    READER_NONE,
    READER_RECEIVE,
    READER_GONE,         /* a Receive that Close has ended: its record is still to come */
    READER_CLOSE,        /* Close waits for the peer's close frame */
};

/* What has become of Close; there is one in the life of a WebSocket. */
enum ws_close
{
    CLOSE_NONE,
    CLOSE_STARTED,       /* a Receive is being ended, the close frame is being sent */
    CLOSE_WAITING,       /* for the end of the read before its own, or for the peer's close */
};

struct websocket
{
    struct object    hdr;            /* its parent is the request */
    SRWLOCK          lock;           /* guards all of the rest; never held across a callback */
    wh_id            exchange;
    unsigned int     in_flight;      /* its operations whose record has not come yet */
    BOOL             closing;        /* the handle was closed */
    BOOL             attended;       /* a worker stays, to answer pings when nothing else is under way */
    struct operation sending;        /* Send, Shutdown or Close */
    struct operation receiving;      /* Receive */
    struct drive     drive;          /* synchronous: those that wait for them */
    DWORD            send_ms;        /* the request's option */
    DWORD            close_ms;       /* WINHTTP_OPTION_WEB_SOCKET_CLOSE_TIMEOUT */

    DWORD            unfinished;     /* WHX_WS_TEXT or WHX_WS_BINARY: a message of this kind goes on; 0 = none does */
    BOOL             shut;           /* our close frame is on its way, or out: nothing can be sent behind it */
    BYTE             frame[WEB_SOCKET_CODE_SIZE + WINHTTP_WEB_SOCKET_MAX_CLOSE_REASON_LENGTH];    /* lent with it */

    enum ws_reader   reader;
    enum ws_close    close;
    DWORD            close_since;    /* GetTickCount when Close was called */
    enum wh_error    close_error;    /* how sending the close frame for Close went */

    BOOL             peer_closed;    /* the peer's close frame was taken: */
    USHORT           peer_status;
    DWORD            peer_reason_len;
    BYTE             peer_reason[WINHTTP_WEB_SOCKET_MAX_CLOSE_REASON_LENGTH];
};

static inline struct websocket *websocket_from_object( struct object *obj )
{
    return (struct websocket *)obj;
}

/* Makes a WebSocket of a request that was answered with 101; context 0: the request's. Returns 0,
 * ERROR_WINHTTP_INCORRECT_HANDLE_STATE, ERROR_WINHTTP_OPERATION_CANCELLED, ERROR_NOT_ENOUGH_MEMORY. */
DWORD websocket_open( struct request *request, DWORD_PTR context, HINTERNET *handle );

/* The calls behind the exports, arguments checked. An asynchronous one that was started returns 0, and its completion comes
 * inside the call or on a worker. ERROR_INVALID_OPERATION: the direction is busy, or over. websocket_send: `type` is one of
 * the four of messages; ERROR_INVALID_PARAMETER: another kind of message is unfinished. */
DWORD websocket_send( struct websocket *ws, WINHTTP_WEB_SOCKET_BUFFER_TYPE type, const void *data, DWORD len );
DWORD websocket_receive( struct websocket *ws, void *buffer, DWORD size, DWORD *read, WINHTTP_WEB_SOCKET_BUFFER_TYPE *type );
DWORD websocket_shutdown( struct websocket *ws, USHORT status, const void *reason, DWORD reason_len );
DWORD websocket_close( struct websocket *ws, USHORT status, const void *reason, DWORD reason_len );

/* What the peer's close frame has said. The reason is stored as far as there is room, *reason_len is its length. Returns 0,
 * ERROR_INVALID_OPERATION (it has not come: nothing is stored) or ERROR_INSUFFICIENT_BUFFER. */
DWORD websocket_close_status( struct websocket *ws, USHORT *status, void *reason, DWORD size, DWORD *reason_len );

/* A ping after so much silence. */
void websocket_keepalive( struct websocket *ws, DWORD interval_ms );

#endif /* WINHTTP_WEBSOCKET_H */
