/*
 * The order of a request: send, pauses, response heads, retries; and how operations end
 *
 * flow.c is the only file that knows it. request.c and body.c claim an operation, start it here or at the transport, and
 * finish it here; records of the Unix side come in through the request's events (asynchronous) or flow_wait.
 */

#ifndef WINHTTP_FLOW_H
#define WINHTTP_FLOW_H

#include "request.h"

#define SIDE_SEND    1
#define SIDE_RECEIVE 2

#define STATES( a ) (1u << FLOW_##a)

/* Claims one direction for an API call. Returns 0, or ERROR_WINHTTP_INCORRECT_HANDLE_STATE (another operation is under
 * way, or the flow is in none of `states`), ERROR_WINHTTP_OPERATION_CANCELLED, ERROR_NOT_ENOUGH_MEMORY.
 * After 0 the operation ends with flow_end (synchronous) or flow_complete (asynchronous), or flow_drop. */
DWORD flow_claim( struct request *request, struct operation *op, DWORD api, unsigned int states );

/* The call turned out to be wrong before anything started: as if the operation had not been claimed. */
void flow_drop( struct request *request, struct operation *op );

/* Ends a synchronous operation; returns its error. */
DWORD flow_end( struct request *request, struct operation *op );

/* Delivers the completion of an asynchronous operation inside the call that started it, or, at the limit of nesting or if
 * `defer`, from a worker. Returns 0 or ERROR_IO_PENDING. */
DWORD flow_complete( struct request *request, struct operation *op, BOOL defer );

/* Sends: state IDLE, SENT, READING, DONE or FAILED, `sending` claimed as API_SEND_REQUEST, body and total are set.
 * Returns TRUE when the operation has its result; FALSE: a record will bring it. */
BOOL flow_send( struct request *request );

/* Receives the response head, `receiving` claimed as API_RECEIVE_RESPONSE. As flow_send. */
BOOL flow_receive( struct request *request );

/* Synchronous: drives the engine until the operation of `side` has its result. */
void flow_wait( struct request *request, unsigned int side );

/* Wraps up body operations that finished inline or by record: sets the operation's result. */
void flow_body_sent( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes );
void flow_body_read( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes, DWORD flags );

/* What a unix call's answer means beside WH_DONE and WH_PENDING. */
enum wh_error flow_refused( unsigned int status );

/* Counts an operation of the exchange that is pending; request->lock is held. */
static inline void flow_pending( struct request *request ) { request->in_flight++; }

/* object_ops of requests. */
void flow_cancel( struct object *obj );
void flow_finish( struct object *obj );
void flow_event( struct object *obj, const struct event *event );

#endif /* WINHTTP_FLOW_H */
