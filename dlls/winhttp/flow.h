/*
 * The order of a request: send, pauses, response heads, retries
 *
 * flow.c is the only file that knows it. request.c and body.c claim an operation (operation.h) and start it here or at the
 * transport; records of the Unix side come in through the request's events (asynchronous) or flow_wait.
 */

#ifndef WINHTTP_FLOW_H
#define WINHTTP_FLOW_H

#include "request.h"

#define STATES( a ) (1u << FLOW_##a)

/* Sends: any state but SENDING, `sending` claimed as API_SEND_REQUEST, the message, proxies or plan_later, and drain_wanted
 * are set.
 * Returns TRUE when the operation has its result; FALSE: a record will bring it. */
BOOL flow_send( struct request *request );

/* Receives the response head, `receiving` claimed as API_RECEIVE_RESPONSE. As flow_send. */
BOOL flow_receive( struct request *request );

/* Synchronous: until the operation of `side` has its result. See drive.h. */
static inline void flow_wait( struct request *request, unsigned int side ) { drive_wait( &request->drive, side ); }

/* Wraps up body operations that finished inline or by record: sets the operation's result. */
void flow_body_sent( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes );
void flow_body_read( struct request *request, enum wh_error error, DWORD detail, UINT64 bytes, DWORD flags );

/* Changes the state; the move must be legal. request->lock is held. */
void flow_enter( struct request *request, enum flow_state state );

/* What a unix call's answer means beside WH_DONE and WH_PENDING. */
enum wh_error flow_refused( unsigned int status );

/* Counts an operation of the exchange that is pending; request->lock is held. */
static inline void flow_pending( struct request *request ) { request->in_flight++; }

extern const struct drive_ops flow_drive_ops;

/* object_ops of requests. */
void flow_cancel( struct object *obj );
void flow_finish( struct object *obj );
void flow_event( struct object *obj, const struct event *event );

#endif /* WINHTTP_FLOW_H */
