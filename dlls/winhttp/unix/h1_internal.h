/*
 * What the two halves of an HTTP/1.1 connection share: h1.c receives, h1_send.c sends
 */

#ifndef WH_H1_INTERNAL_H
#define WH_H1_INTERNAL_H

#include "conn.h"
#include "exchange.h"

#define RUN_MAX (1024 * 1024)    /* bytes one run moves before others have their turn */

/* More input behind what is there: > 0 bytes, 0 at the end of the stream, LAYER_AGAIN or LAYER_FAILED. */
ssize_t h1_input( struct conn *conn );

/* The exchange is over with an error, its connection, too. An end before any byte of the response on a connection that
 * was used before is STALE instead of RESET. Returns H1_OVER. */
enum h1_result h1_fail( struct conn *conn, struct exchange *exchange, enum wh_error error, uint32_t detail );

/* Goes on with an active start or send. */
enum h1_result h1_send( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms );

/* The deadlines of an operation: they run from the moment the strand sees it first. */
static inline void op_see( struct op *op, uint64_t now_ms )
{
    if (op->step_at) return;
    op->total_at = op->total_ms ? now_ms + op->total_ms : TIMER_NEVER;
    op->step_at = op->step_ms ? now_ms + op->step_ms : TIMER_NEVER;
}

static inline void op_moved( struct op *op, uint64_t now_ms )
{
    if (op->step_ms) op->step_at = now_ms + op->step_ms;
}

static inline uint64_t op_deadline( const struct op *op )
{
    return op->total_at < op->step_at ? op->total_at : op->step_at;
}

#endif /* WH_H1_INTERNAL_H */
