/*
 * Operations: what an API call has under way on a request, from its claim to its completion
 *
 * A request has two, one per direction. An operation that was claimed ends exactly once: a synchronous one with
 * operation_end, an asynchronous one with operation_complete inside the call that started it, or with operation_deliver
 * on a worker. In between, an asynchronous one is a user of the request and keeps a worker.
 */

#ifndef WINHTTP_OPERATION_H
#define WINHTTP_OPERATION_H

#include "worker.h"

struct request;

/* One per direction: the API call that is under way, synchronous or not. */
struct operation
{
    DWORD  api;              /* API_*, 0 = none */
    DWORD  queued;           /* ReceiveResponse called while send number `queued` is under way; 0 = not so */
    DWORD  lent_to;          /* thread that may claim it in between, see operation_lend; 0 = none */
    void  *buffer;           /* lent by the application */
    DWORD  error;            /* the result: a Win32 code, */
    DWORD  bytes;            /* and what the completion reports */
    struct event deferred;   /* its delivery by a worker */
};

/* Claims one direction for an API call. Returns 0, or ERROR_WINHTTP_INCORRECT_HANDLE_STATE (another operation is under
 * way, or the flow is in none of `states`), ERROR_WINHTTP_OPERATION_CANCELLED, ERROR_NOT_ENOUGH_MEMORY.
 * After 0 the operation ends with operation_end (synchronous) or operation_complete (asynchronous), or
 * operation_drop. */
DWORD operation_claim( struct request *request, struct operation *op, DWORD api, unsigned int states );

/* The call turned out to be wrong before anything started: as if the operation had not been claimed. */
void operation_drop( struct request *request, struct operation *op );

/* Ends a synchronous operation; returns its error. */
DWORD operation_end( struct operation *op );

/* Delivers the completion of an asynchronous operation inside the call that started it, or, at the limit of nesting or if
 * `defer`, from a worker. Returns 0 or ERROR_IO_PENDING. */
DWORD operation_complete( struct request *request, struct operation *op, BOOL defer );

/* A callback within a synchronous operation may run others of the same direction, on its own thread. They are over when it
 * returns: operation_take_back makes *op what it was. A new send cannot begin meanwhile. */
void operation_lend( struct operation *op, struct operation *saved );
void operation_take_back( struct operation *op, const struct operation *saved );

/* The rest of an asynchronous operation is done by a worker: EVENT_FOLLOW. */
void operation_continue( struct request *request, struct operation *op );

/* On a worker: delivers the completion and drops the operation's use of the request. The callback may start the next
 * operation, so this one is released before. The caller is a user of the request, too. */
void operation_deliver( struct request *request, struct operation *op );

#endif /* WINHTTP_OPERATION_H */
