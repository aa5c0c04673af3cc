#if 0
#pragma makedep unix
#endif

/*
 * The sending half of an HTTP/1.1 connection
 *
 * Writes the head (with a small body in it) and then the application's bytes: as they are, or, for WHX_CHUNKED, each
 * piece as one chunk. A layer that can takes the parts of a chunk in one call; for the others what surrounds the data is
 * joined with a part of it, so that neither small records nor copies of large data come of it.
 */

#include "block.h"
#include "h1_internal.h"
#include "hooks.h"
#include "log.h"

#define JOIN_SIZE 16384      /* a TLS record's worth: framing leaves together with so much of the data at most */

/* Body bytes went out: does the message end with them? */
static void h1_count_body( struct conn *conn, struct exchange *exchange, const char *data, size_t len )
{
    struct h1 *h1 = &conn->h1;

    exchange->body_sent += len;
    exchange->stats.request_body += len;
    if (exchange->flags & WHX_FRAMED_BY_APP)
    {
        while (len && !exchange->request_done && !h1->sent_bad)
        {
            const char *span;
            size_t used, span_len;

            switch (chunk_feed( &h1->sent_chunk, data, len, &used, &span, &span_len ))
            {
            case CHUNK_DONE: __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED ); break;
            case CHUNK_BAD:
            case CHUNK_TOO_LONG: h1->sent_bad = 1; break;
            default: break;
            }
            data += used;
            len -= used;
        }
        if (len) h1->sent_bad = 1;
    }
    else if (exchange->total_len != WH_NO_LENGTH && exchange->body_sent >= exchange->total_len)
    {
        __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
        if (exchange->body_sent > exchange->total_len) h1->sent_bad = 1;    /* the peer takes it for another request */
    }
}

enum send_result { SEND_WAIT, SEND_DONE, SEND_BROKEN, SEND_MORE };

/* Several parts through a layer that takes one at a time. The same bytes are offered again after LAYER_AGAIN, whatever
 * they were joined with. */
static ssize_t h1_write_parts( struct layer *layer, const struct iovec *parts, unsigned int count )
{
    size_t total = 0, len = 0, part;
    unsigned int i;
    ssize_t ret;
    char *block;

    if (layer->ops->writev) return layer->ops->writev( layer, parts, count );
    for (i = 0; i < count; i++) total += parts[i].iov_len;
    if (count == 1) return layer->ops->write( layer, parts[0].iov_base, parts[0].iov_len );
    if (parts[0].iov_len >= JOIN_SIZE && total > JOIN_SIZE + CHUNK_OUT_FRAME)    /* data; the rest of them goes with the tail */
        return layer->ops->write( layer, parts[0].iov_base, parts[0].iov_len / JOIN_SIZE * JOIN_SIZE );
    if (!(block = block_get())) return layer->ops->write( layer, parts[0].iov_base, parts[0].iov_len );

    if (total > JOIN_SIZE + CHUNK_OUT_FRAME) total = JOIN_SIZE;
    for (i = 0; len < total; i++)
    {
        part = parts[i].iov_len < total - len ? parts[i].iov_len : total - len;
        memcpy( block + len, parts[i].iov_base, part );
        len += part;
    }
    ret = layer->ops->write( layer, block, total );
    block_put( block );
    return ret;
}

/* The operation's data as one chunk; DONE: all of it was taken. */
static enum send_result h1_write_chunk( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    struct iovec parts[CHUNK_OUT_PARTS];
    unsigned int count;
    size_t moved = 0, data;
    ssize_t taken;

    if (!op->framed)
    {
        op->framed = 1;
        chunk_out_begin( &exchange->framing, op->size, !!(op->options & WHX_END) );
    }
    while ((count = chunk_out_parts( &exchange->framing, op->data, parts )))
    {
        if (moved >= RUN_MAX) return SEND_MORE;
        if ((taken = h1_write_parts( conn->layer, parts, count )) <= 0)
            return taken == LAYER_AGAIN ? SEND_WAIT : SEND_BROKEN;
        data = chunk_out_sent( &exchange->framing, taken );
        if (data) LOG_BYTES( &conn->obj, '>', op->data + op->done, data );
        op->done += data;
        exchange->stats.request_body += data;
        moved += taken;
        op_moved( op, now_ms );
    }
    return SEND_DONE;
}

static enum send_result h1_write( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    struct layer *layer = conn->layer;
    size_t moved = 0;
    ssize_t count;

    while (exchange->head_sent < exchange->head_len)
    {
        count = layer->ops->write( layer, exchange->head + exchange->head_sent,
                                   exchange->head_len - exchange->head_sent );
        if (count <= 0) return count == LAYER_AGAIN ? SEND_WAIT : SEND_BROKEN;
        LOG_BYTES( &conn->obj, '>', exchange->head + exchange->head_sent, count );
        if (!exchange->head_sent) exchange->times.send_start = engine_now_us();
        exchange->head_sent += count;
        op_moved( op, now_ms );
        if (exchange->head_sent < exchange->head_len) continue;
        exchange->times.send_head_end = engine_now_us();
        if (exchange_frames( exchange )) exchange->stats.request_body += op->done;
        else h1_count_body( conn, exchange, exchange->head + exchange->stats.request_head,
                            exchange->head_len - exchange->stats.request_head );
    }
    if (exchange_frames( exchange ))
    {
        enum send_result result = h1_write_chunk( conn, exchange, op, now_ms );

        if (result != SEND_DONE) return result;
    }
    while (op->done < op->size)
    {
        if (moved >= RUN_MAX) return SEND_MORE;
        count = layer->ops->write( layer, op->data + op->done, op->size - op->done );
        if (count <= 0) return count == LAYER_AGAIN ? SEND_WAIT : SEND_BROKEN;
        LOG_BYTES( &conn->obj, '>', op->data + op->done, count );
        h1_count_body( conn, exchange, op->data + op->done, count );
        op->done += count;
        moved += count;
        op_moved( op, now_ms );
    }
    switch (layer->ops->flush( layer ))
    {
    case LAYER_OK: return SEND_DONE;
    case LAYER_AGAIN: return SEND_WAIT;
    default: return SEND_BROKEN;
    }
}

/* The peer takes no more. It may have answered before it closed; then the answer is worth more than the error. */
static enum h1_result h1_send_broken( struct conn *conn, struct exchange *exchange, struct op *op )
{
    enum wh_error error = conn_layer_error( conn );
    uint32_t detail = conn->layer->detail;
    struct h1 *h1 = &conn->h1;

    if (error != WHE_RESET) return h1_fail( conn, exchange, error, detail );
    if (!h1->got_bytes)
    {
        conn->layer->ops->ready( conn->layer, LAYER_WANT_READ, 1 );
        while (h1_input( conn ) > 0 && head_scan( &h1->scan, buffer_head( &h1->in ), buffer_len( &h1->in ) ) == PARSE_MORE) ;
        if (!h1->got_bytes) return h1_fail( conn, exchange, error, detail );
    }
    h1->send_broken = 1;
    exchange_finish( exchange, op, op->kind == WHK_HEAD_SENT ? WHE_OK : error, detail );
    return H1_WAIT;
}

enum h1_result h1_send( struct conn *conn, struct exchange *exchange, struct op *op, uint64_t now_ms )
{
    if (op->kind == WHK_HEAD_SENT && exchange_pauses( exchange )) return H1_WAIT;
    if (conn->refused)    /* there is no way to the server: the answer to CONNECT is the response */
    {
        exchange->head_sent = exchange->head_len;
        __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
        op->done = op->size;
        exchange_finish( exchange, op, WHE_OK, 0 );
        return H1_WAIT;
    }
    if (exchange_frames( exchange ) && exchange->request_done)    /* the last chunk is out: there is no more message */
    {
        exchange_finish( exchange, op, WHE_STATE, 0 );
        return H1_WAIT;
    }
    op_see( op, now_ms );
    switch (h1_write( conn, exchange, op, now_ms ))
    {
    case SEND_DONE:
        if (op->options & WHX_END) __atomic_store_n( &exchange->request_done, 1, __ATOMIC_RELAXED );
        exchange->times.send_end = engine_now_us();
        if (exchange->reused && op->kind == WHK_HEAD_SENT) op->flags |= WHR_REUSED;
        exchange_finish( exchange, op, WHE_OK, 0 );
        return H1_WAIT;
    case SEND_MORE:
        return H1_MORE;
    case SEND_BROKEN:
        return h1_send_broken( conn, exchange, op );
    default:
        break;
    }
    if (now_ms >= op_deadline( op )) return h1_fail( conn, exchange, WHE_TIMEOUT, 0 );
    return H1_WAIT;
}

