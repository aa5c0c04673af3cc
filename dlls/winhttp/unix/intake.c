#if 0
#pragma makedep unix
#endif

/*
 * Body bytes from a protocol's framing to the reader
 *
 * A read gets first what was decoded ahead, then what can be decoded into its buffer. An error is kept until a read would
 * get nothing before it: good bytes are delivered first.
 */

#include "block.h"
#include "exchange.h"
#include "hooks.h"
#include "intake.h"
#include "log.h"

static size_t ahead_len( const struct intake *intake )
{
    return intake->ahead ? intake->ahead_end - intake->ahead_start : 0;
}

static void ahead_drop( struct intake *intake )
{
    if (intake->ahead) block_put( intake->ahead );
    intake->ahead = NULL;
    intake->ahead_start = intake->ahead_end = 0;
}

void intake_release( struct intake *intake )
{
    decoder_free( intake->decoder );
    intake->decoder = NULL;
    ahead_drop( intake );
}

int intake_begin( struct exchange *exchange, const struct codings *codings, unsigned int status )
{
    if (status == 206 || !codings_wanted( codings, exchange->flags )) return 0;
    exchange->intake.coded = 1;
    exchange->intake.codings = *codings;
    return 1;
}

static void give( struct exchange *exchange, struct op *op, const char *data, size_t count )
{
    memcpy( op->data + op->done, data, count );
    op->done += count;
    exchange->stats.response_body += count;
}

static void give_ahead( struct exchange *exchange, struct op *op )
{
    struct intake *intake = &exchange->intake;
    size_t count = ahead_len( intake );

    if (!count) return;
    if (count > op->size - op->done) count = op->size - op->done;
    give( exchange, op, intake->ahead + intake->ahead_start, count );
    intake->ahead_start += count;
    if (!ahead_len( intake )) ahead_drop( intake );
}

static enum intake_result take_plain( struct exchange *exchange, struct op *op, const char *data, size_t len, int last,
                                      size_t *used )
{
    if (!len && last) return INTAKE_END;
    if (!op->size)
    {
        op->done = len;
        return len ? INTAKE_ENOUGH : INTAKE_MORE;
    }
    *used = len < op->size - op->done ? len : op->size - op->done;
    if (*used) give( exchange, op, data, *used );
    exchange->stats.response_coded += *used;
    if (last && *used == len) return INTAKE_END;
    if (op->done == op->size || (!len && op->done >= op->min)) return INTAKE_ENOUGH;
    return INTAKE_MORE;
}

/* Decodes into the read's buffer, or ahead for a query. */
static void decode_some( struct exchange *exchange, struct op *op, const char *data, size_t len, int last, size_t *used )
{
    struct intake *intake = &exchange->intake;
    enum decode_result result;
    size_t stored, made;
    uint64_t since;

    if (!intake->decoder && !len) return;       /* no byte has come yet */
    if ((!intake->decoder && !(intake->decoder = decoder_create( &intake->codings ))) ||
        (!op->size && !(intake->ahead = block_get())))
    {
        intake->error = WHE_NO_MEMORY;
        return;
    }
    since = engine_now_us();
    if (op->size)
    {
        result = decoder_run( intake->decoder, data, len, used, op->data + op->done, op->size - op->done, &stored, &made );
        op->done += stored;
        exchange->stats.response_body += stored;
    }
    else
    {
        result = decoder_run( intake->decoder, data, len, used, intake->ahead, BLOCK_SIZE, &stored, &made );
        intake->ahead_end = stored;
        if (!stored) ahead_drop( intake );
    }
    exchange->times.decoding += engine_now_us() - since;
    exchange->stats.response_coded += *used;
    intake->work += *used + made;
    if (result == DECODE_NO_MEMORY) intake->error = WHE_NO_MEMORY;
    else if (result == DECODE_BAD) intake->error = WHE_CODING;
    else if (last && *used == len && !decoder_pending( intake->decoder ) && !decoder_complete( intake->decoder ))
        intake->error = WHE_CODING;             /* the framing has ended before the stream */
    if (intake->error == WHE_CODING)
        LOG( LOG_WARN, "exchange " OBJECT_FMT ": the coded body is %s", OBJECT_ARG( &exchange->obj ),
             result ? "corrupt" : "cut off" );
}

static int is_over( const struct intake *intake )
{
    return !intake->error && !intake->ahead && (!intake->decoder || decoder_complete( intake->decoder ));
}

static enum intake_result take_coded( struct exchange *exchange, struct op *op, const char *data, size_t len, int last,
                                      size_t *used )
{
    struct intake *intake = &exchange->intake;

    if (op->size) give_ahead( exchange, op );
    if (!intake->ahead && !intake->error) decode_some( exchange, op, data, len, last, used );
    if (!op->size) op->done = ahead_len( intake );

    if (last && *used == len && is_over( intake ))
    {
        intake_release( intake );
        return INTAKE_END;
    }
    if (op->done && (intake->error || !op->size || op->done == op->size))
    {
        intake->work = 0;
        return INTAKE_ENOUGH;
    }
    if (intake->error)
    {
        intake_release( intake );
        return INTAKE_FAILED;
    }
    if (*used < len || (intake->decoder && decoder_pending( intake->decoder )) || intake->work >= DECODE_RUN)
    {
        intake->work = 0;
        return INTAKE_BUSY;
    }
    return op->size && !len && op->done >= op->min ? INTAKE_ENOUGH : INTAKE_MORE;
}

enum intake_result intake_take( struct exchange *exchange, struct op *op, const char *data, size_t len, int last,
                                size_t *used )
{
    *used = 0;
    return exchange->intake.coded ? take_coded( exchange, op, data, len, last, used )
                                  : take_plain( exchange, op, data, len, last, used );
}
