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

#endif /* WH_H1_INTERNAL_H */
