/*
 * An HTTP/1.1 connection at work: one exchange at a time
 */

#ifndef WH_H1_H
#define WH_H1_H

#include "buffer.h"
#include "chunk.h"
#include "head.h"

struct conn;
struct exchange;

enum h1_result
{
    H1_WAIT,       /* nothing more can be done now */
    H1_MORE,       /* there is more, but others shall have their turn */
    H1_OVER,       /* the exchange left the connection */
    H1_MOVED,      /* the connection was dead, the exchange has gone for another one */
};

struct h1
{
    struct exchange *exchange;       /* it was begun for, borrowed; NULL: none */
    struct buffer    in;
    struct head_scan scan;
    struct head_info info;
    size_t           head_len;       /* of the complete, parsed head at the front of `in`; 0 = none */
    size_t           head_total;     /* of the heads before it */
    int              head_done;      /* the final head was taken */
    struct chunk     chunk;          /* response framing */
    uint64_t         left;           /* response body bytes to come, unless chunked */
    int              body_ended;     /* its framing has; what of it is still to be decoded may not */
    struct chunk     sent_chunk;     /* follows the framing that the application writes */
    int              sent_bad;       /* that framing is broken: never reuse */
    int              got_bytes;      /* of this response */
    int              send_broken;    /* the peer takes no more bytes */
    int              no_direct;      /* the kernel cannot store into the application's buffer */
    uint32_t         drain_left;     /* bytes of body that may still be thrown away */
    uint64_t         drain_raw_left; /* bytes that may still be read for that, framing included */
};

/* Works for the exchange as far as it goes. On the strand; the caller holds a reference on both. */
enum h1_result h1_run( struct conn *conn, struct exchange *exchange, uint64_t now_ms );

/* Throws away the rest of a body. 1: done, the connection is fit. 0: more to come. -1: close it. On the strand. */
int h1_drain( struct conn *conn );

/* Forgets everything: before the next exchange, and before the connection is freed. */
void h1_reset( struct h1 *h1 );

#endif /* WH_H1_H */
