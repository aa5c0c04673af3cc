/*
 * The buffers of TLS connections, borrowed while there is data in them
 */

#ifndef WH_TLS_BUFFER_H
#define WH_TLS_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/* Bytes from head to tail are valid. Starts zeroed; belongs to one connection at a time. */
struct tls_buffer
{
    uint8_t *data;       /* NULL while nothing is borrowed */
    uint32_t head;
    uint32_t tail;
    uint32_t size;       /* capacity of data */
};

static inline size_t tls_buffer_len( const struct tls_buffer *buffer )
{
    return buffer->tail - buffer->head;
}

/* Makes sure that there is a block of BLOCK_SIZE bytes (block.h) and that what is in it starts at 0.
 * Returns 0, or -1 without memory (the content is untouched). */
int tls_buffer_borrow( struct tls_buffer *buffer );

/* For a connection about to wait: gives the block back if it is empty. If it is not, and many are out, the bytes
 * move to memory of their own size; without memory for that everything stays as it was. */
void tls_buffer_park( struct tls_buffer *buffer );

/* Gives the block back, whatever is in it. */
void tls_buffer_drop( struct tls_buffer *buffer );

#endif /* WH_TLS_BUFFER_H */
