/*
 * Body bytes from a protocol's framing to the reader: as they are, or decoded
 *
 * A protocol (h1.c, h2.c) finds the framed bytes of a body and keeps those that were not taken; this gives them to the read
 * that is under way. Decoding goes straight into the reader's buffer. What a query (a read of size 0) has to be told is
 * decoded ahead, one block at most, which the next read gets first; nothing else is ever decoded that nobody has asked for.
 *
 *     if (intake_begin( exchange, &codings, status ))      at the final head, if a body follows
 *         op->flags |= WHR_DECODED, op->content_len = WH_NO_LENGTH;
 *     ...
 *     for each read, while it is active:
 *         switch (intake_take( exchange, op, data, len, last, &used ))
 *         INTAKE_MORE    all of it was used: go on with what follows in the stream; if there is nothing (len was 0), wait
 *         INTAKE_BUSY    others shall have their turn; then call again with the rest, without waiting for more of the stream
 *         INTAKE_ENOUGH  finish the read with WHE_OK. If `used` was not 0, calling again with what follows first can only
 *                        turn it into INTAKE_END, which saves the reader a read
 *         INTAKE_END     the body is complete: finish the read with WHR_END
 *         INTAKE_FAILED  the exchange fails with exchange->intake.error
 *
 * On the strand of the connection; the connection is not free before INTAKE_END, though the framing may have ended.
 */

#ifndef WH_INTAKE_H
#define WH_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "../unixlib.h"
#include "decode.h"

struct exchange;
struct op;

struct intake                    /* of an exchange; all zero: bytes go as they are */
{
    int             coded;       /* intake_begin has said so */
    struct codings  codings;
    struct decoder *decoder;     /* NULL: no byte has come yet, or the body is over */
    char           *ahead;       /* a block: decoded bytes that no read has taken yet are start..end; NULL = none */
    uint32_t        ahead_start, ahead_end;
    enum wh_error   error;       /* what the read after the good bytes fails with; sticky */
    size_t          work;        /* bytes since others had their turn */
};

enum intake_result { INTAKE_MORE, INTAKE_BUSY, INTAKE_ENOUGH, INTAKE_END, INTAKE_FAILED };

/* The final head has come, and a body follows. Returns 1 if it will be decoded: the exchange asks for that, and the codings
 * are such. A part of a document (206) is not decoded: it need not begin where its stream does. */
int intake_begin( struct exchange *exchange, const struct codings *codings, unsigned int status );

/* `data`, `len`: framed bytes that are there now, 0 = none; `last`: the framing ends behind them. *used: how many of them
 * were taken, in any case. Counts stats.response_body and response_coded, and times.decoding. */
enum intake_result intake_take( struct exchange *exchange, struct op *op, const char *data, size_t len, int last,
                                size_t *used );

/* Frees what it holds: the exchange is over. Called twice does nothing. */
void intake_release( struct intake *intake );

#endif /* WH_INTAKE_H */
