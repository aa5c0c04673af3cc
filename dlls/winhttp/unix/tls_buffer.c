#if 0
#pragma makedep unix
#endif

/*
 * The buffers of TLS connections, borrowed while there is data in them
 *
 * A buffer is a block of block.c while data flows, and may be a piece of memory just large enough while its
 * connection waits in the middle of a record.
 */

#include "block.h"
#include "hooks.h"
#include "tls_buffer.h"

/* With more blocks out than this, a connection that waits with part of a record moves it to memory of its own
 * size: thousands of peers that each stall in the middle of a record must not hold 64 KiB each. */
#define MANY_OUT 128

int tls_buffer_borrow( struct tls_buffer *buffer )
{
    uint32_t len = buffer->tail - buffer->head;
    uint8_t *data;

    if (buffer->size == BLOCK_SIZE)
    {
        if (buffer->head && len) memmove( buffer->data, buffer->data + buffer->head, len );
    }
    else
    {
        if (!(data = block_get())) return -1;
        if (buffer->data)
        {
            memcpy( data, buffer->data + buffer->head, len );
            wh_free( buffer->data );
        }
        buffer->data = data;
        buffer->size = BLOCK_SIZE;
    }
    buffer->head = 0;
    buffer->tail = len;
    return 0;
}

void tls_buffer_park( struct tls_buffer *buffer )
{
    uint32_t len = buffer->tail - buffer->head;
    uint8_t *data;

    if (!len) tls_buffer_drop( buffer );
    if (buffer->size != BLOCK_SIZE) return;
    if (block_out() <= MANY_OUT || len >= BLOCK_SIZE / 2 || !(data = wh_malloc( len ))) return;

    memcpy( data, buffer->data + buffer->head, len );
    block_put( buffer->data );
    buffer->data = data;
    buffer->head = 0;
    buffer->tail = buffer->size = len;
}

void tls_buffer_drop( struct tls_buffer *buffer )
{
    if (buffer->size == BLOCK_SIZE) block_put( buffer->data );
    else wh_free( buffer->data );
    buffer->data = NULL;
    buffer->head = buffer->tail = buffer->size = 0;
}
