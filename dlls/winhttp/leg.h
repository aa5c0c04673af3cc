/*
 * Legs: the exchanges that one request consists of
 *
 * A leg takes the connection of the leg before it, if that can be had cheaply, and sends head and given body: with a
 * pause before the head when the program wants SENDING_REQUEST, and once more when a pooled connection turned out dead.
 * It belongs to the sending operation, or (request->receiving_leg) to the receiving one: redirects, retries.
 */

#ifndef WINHTTP_LEG_H
#define WINHTTP_LEG_H

#include "request.h"

/* What a unix call or a record has said. */
struct step
{
    unsigned int  status;        /* WH_DONE or WH_PENDING */
    BOOL          paused;        /* WH_PENDING: waits for an answer to PAUSE_SENDING */
    enum wh_error error;
    DWORD         detail;
    DWORD         len;           /* bytes: of a head, or of a body that is thrown away; */
    DWORD         flags;         /* WHR_*, */
    DWORD         http_status;
    UINT64        content_len;
};

/* An answer that is neither done nor pending is an error that is known at once. */
void step_settle( struct step *step, unsigned int status, uint32_t error, uint32_t detail );

/* Begins a leg in place of the one before. `drain`: a response is unread; if its connection can be used again, the rest is
 * taken away first, up to the option MAX_RESPONSE_DRAIN_SIZE; when there is more, or it does not come, the leg gets
 * another connection. `fresh` asks for a new one in any case. request->lock is held; nothing is in flight. */
struct step leg_begin( struct request *request, BOOL drain, BOOL fresh );

/* Takes a leg from what begin or a record has said to its end. FALSE: a record will come. TRUE: the head is out
 * (REQUEST_SENT was delivered), or step->error. */
BOOL leg_advance( struct request *request, struct step *step );

/* The exchange has failed with step->error, or was answered with 408 (LEG_RETRY_STATUS) or, over HTTP/2, with 421
 * (LEG_RETRY_MISDIRECTED): begins the leg again where that is allowed. FALSE: the answer stands, or the error in *step, which
 * becomes MISMATCH if only a protocol would have helped that the program does not allow. */
#define LEG_RETRY_STATUS      WHE_COUNT
#define LEG_RETRY_MISDIRECTED (WHE_COUNT + 1)
BOOL leg_retry( struct request *request, struct step *step, unsigned int error );

/* Gives up the exchange, if there is one; nothing of it is in flight. request->lock is held. */
void leg_close( struct request *request, DWORD drain_limit );

/* What is in flight ends with `error`, and the connection is dropped. request->lock is held. */
void leg_cancel( struct request *request, enum wh_error error );

/* The present leg goes, or went, over HTTP/2. request->lock is held. */
BOOL leg_is_h2( const struct request *request );

/* The program owes body bytes, as far as we can know: an end that its own framing marks is not seen here. */
BOOL leg_owes_body( const struct request *request );

/* The whole body is at hand: given to WinHttpSendRequest, and still lent. */
BOOL leg_can_repeat_body( const struct request *request );

#endif /* WINHTTP_LEG_H */
