#if 0
#pragma makedep unix
#endif

/*
 * Input buffers
 */

#include "block.h"
#include "buffer.h"
#include "hooks.h"

static void give_back( char *data, size_t size )
{
    if (size == BUFFER_SIZE) block_put( data );
    else wh_free( data );
}

int buffer_room( struct buffer *buffer )
{
    char *data;

    if (!buffer->data)
    {
        if (!(buffer->data = block_get())) return -1;
        buffer->size = BUFFER_SIZE;
        buffer->start = buffer->end = 0;
        return 0;
    }
    if (buffer->end < buffer->size) return 0;
    if (buffer->start)
    {
        memmove( buffer->data, buffer_head( buffer ), buffer_len( buffer ) );
        buffer->end -= buffer->start;
        buffer->start = 0;
        return 0;
    }
    if (!(data = wh_malloc( buffer->size * 2 ))) return -1;
    memcpy( data, buffer->data, buffer->end );
    give_back( buffer->data, buffer->size );
    buffer->data = data;
    buffer->size *= 2;
    return 0;
}

void buffer_consume( struct buffer *buffer, size_t count )
{
    buffer->start += count;
    if (buffer->start == buffer->end) buffer_release( buffer );
}

void buffer_release( struct buffer *buffer )
{
    if (!buffer->data) return;
    give_back( buffer->data, buffer->size );
    buffer->data = NULL;
    buffer->size = buffer->start = buffer->end = 0;
}

void buffer_shutdown( void )
{
    block_shutdown();
}
