/*
 * Operations: what an API call has under way on a request or a WebSocket, from its claim to its completion
 *
 * Both have two, one per direction. An operation that was claimed ends exactly once: a synchronous one with
 * operation_end, an asynchronous one with operation_complete inside the call that started it, or with operation_deliver
 * on a worker. In between, an asynchronous one is a user of its object and keeps a worker.
 */

#ifndef WINHTTP_OPERATION_H
#define WINHTTP_OPERATION_H

#include "worker.h"

struct request;

/* What an operation does: API_* of a request, or this with a WINHTTP_WEB_SOCKET_OPERATION. */
#define OPERATION_WEB_SOCKET 0x10

/* One per direction: the API call that is under way, synchronous or not. */
struct operation
{
    struct object  *owner;   /* the object that it is a part of */
    enum event_kind done;    /* what a worker is told that delivers it */
    DWORD  api;              /* see above, 0 = none */
    DWORD  queued;           /* ReceiveResponse called while send number `queued` is under way; 0 = not so */
    DWORD  lent_to;          /* thread that may claim it in between, see operation_lend; 0 = none */
    void  *buffer;           /* lent by the application */
    DWORD  error;            /* the result: a Win32 code, */
    DWORD  bytes;            /* and what the completion reports; */
    DWORD  type;             /* of a WebSocket's bytes: WINHTTP_WEB_SOCKET_BUFFER_TYPE */
    struct event deferred;   /* its delivery by a worker */
};

/* `done` is EVENT_SEND_DONE or EVENT_RECEIVE_DONE; the operation is all zero. */
void operation_init( struct operation *op, struct object *owner, enum event_kind done );

/* Claims one direction of a request for an API call. Returns 0, or ERROR_WINHTTP_INCORRECT_HANDLE_STATE (another operation
 * is under way, or the flow is in none of `states`), ERROR_WINHTTP_OPERATION_CANCELLED, ERROR_NOT_ENOUGH_MEMORY.
 * After 0 the operation ends with operation_end (synchronous) or operation_complete (asynchronous), or
 * operation_drop. */
DWORD operation_claim( struct request *request, struct operation *op, DWORD api, unsigned int states );

/* The two halves of a claim: taking the operation, which is free, under its owner's lock; and, without that, whatever else an
 * asynchronous one needs. Returns 0, or ERROR_NOT_ENOUGH_MEMORY, and it is free again. */
void operation_take( struct operation *op, DWORD api );
DWORD operation_announce( struct operation *op );

/* The call turned out to be wrong before anything started: as if the operation had not been claimed. */
void operation_drop( struct operation *op );

/* Ends a synchronous operation; returns its error. */
DWORD operation_end( struct operation *op );

/* Delivers the completion of an asynchronous operation inside the call that started it, or, at the limit of nesting or if
 * `defer`, from a worker. Returns 0 or ERROR_IO_PENDING. */
DWORD operation_complete( struct operation *op, BOOL defer );

/* A callback within a synchronous operation may run others of the same direction, on its own thread. They are over when it
 * returns: operation_take_back makes *op what it was. A new send cannot begin meanwhile. */
void operation_lend( struct operation *op, struct operation *saved );
void operation_take_back( struct operation *op, const struct operation *saved );

/* The rest of an asynchronous operation is done by a worker: EVENT_FOLLOW, with op->deferred as the event. */
void operation_continue( struct operation *op );

/* On a worker: delivers the completion and drops the operation's use of its object. The callback may start the next
 * operation, so this one is released before. The caller is a user of the object, too. */
void operation_deliver( struct operation *op );

#endif /* WINHTTP_OPERATION_H */
