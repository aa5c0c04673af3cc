/*
 * An HTTP/2 connection at work: many exchanges at a time
 *
 * conn.c calls this where ALPN, or prior knowledge, says HTTP/2. All of it is on the connection's strand.
 */

#ifndef WH_H2_H
#define WH_H2_H

#include <stdint.h>

#include "../unixlib.h"

struct conn;
struct dial_plan;
struct h2;

#define H2_STREAMS_ASSUMED 100     /* streams at a time, until the peer's SETTINGS say how many */

/* Makes the session; nothing is written yet. `plan` is that of the exchange the connection was made for. WHE_NO_MEMORY
 * leaves the connection as it is. */
enum wh_error h2_open( struct conn *conn, const struct dial_plan *plan );

/* The loop reported something, or somebody wants it to look. */
void h2_ready( struct h2 *h2 );

/* Works for all its exchanges as far as it goes, also after the connection was closed: what had come before is still
 * theirs. Closes the connection when it is over, dead, or idle for too long. 1: there is more to do. */
int h2_run( struct conn *conn, uint64_t now_ms );

/* While the connection waits for many bytes (gather.h) the peer is not told of each window at once; now it has to be. 1: h2_run
 * has more to do. */
int h2_tell( struct conn *conn );

/* GOAWAY, in one attempt; the connection is about to be closed. */
void h2_goodbye( struct conn *conn );

/* The layer is gone: the session goes, too. What it has for its exchanges stays. Called twice does nothing. */
void h2_stop( struct conn *conn );

void h2_free( struct h2 *h2 );

#endif /* WH_H2_H */
