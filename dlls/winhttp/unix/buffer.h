/*
 * Input buffers: one piece of memory with a used part, borrowed while there is something in it
 *
 * A connection that waits holds no buffer. Buffers of the common size come from block.c.
 */

#ifndef WH_BUFFER_H
#define WH_BUFFER_H

#include <stddef.h>

#include "block.h"

#define BUFFER_SIZE BLOCK_SIZE     /* the common size */

struct buffer
{
    char   *data;              /* NULL: nothing borrowed */
    size_t  size, start, end;  /* bytes start..end are used */
};

/* NULL while nothing is borrowed. */
static inline char *buffer_head( struct buffer *buffer )
{
    return buffer->start ? buffer->data + buffer->start : buffer->data;
}

static inline size_t buffer_len( const struct buffer *buffer ) { return buffer->end - buffer->start; }

/* Makes room for at least one byte behind `end`: borrows, moves the used part to the front, or grows. 0, or -1 without
 * memory (the content stays). */
int buffer_room( struct buffer *buffer );

/* Takes `count` bytes from the front; an empty buffer is given back. */
void buffer_consume( struct buffer *buffer, size_t count );

/* Gives it back whatever is in it. */
void buffer_release( struct buffer *buffer );

/* Frees the blocks kept for the next borrower (tests). */
void buffer_shutdown( void );

#endif /* WH_BUFFER_H */
