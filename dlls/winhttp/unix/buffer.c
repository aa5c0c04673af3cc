#if 0
#pragma makedep unix
#endif

/*
 * Input buffers
 */

#include <pthread.h>

#include "buffer.h"
#include "hooks.h"

#define SPARE_MAX 32           /* 2 MiB kept for the next borrower */

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static char *spares[SPARE_MAX];
static unsigned int spare_count;

static char *spare_take( void )
{
    char *data = NULL;

    pthread_mutex_lock( &spare_lock );
    if (spare_count) data = spares[--spare_count];
    pthread_mutex_unlock( &spare_lock );
    return data ? data : wh_malloc( BUFFER_SIZE );
}

static void spare_give( char *data )
{
    pthread_mutex_lock( &spare_lock );
    if (spare_count < SPARE_MAX)
    {
        spares[spare_count++] = data;
        data = NULL;
    }
    pthread_mutex_unlock( &spare_lock );
    wh_free( data );
}

int buffer_room( struct buffer *buffer )
{
    char *data;

    if (!buffer->data)
    {
        if (!(buffer->data = spare_take())) return -1;
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
    if (!(data = wh_realloc( buffer->data, buffer->size * 2 ))) return -1;
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
    if (buffer->size == BUFFER_SIZE) spare_give( buffer->data );
    else wh_free( buffer->data );
    buffer->data = NULL;
    buffer->size = buffer->start = buffer->end = 0;
}

void buffer_shutdown( void )
{
    while (spare_count) wh_free( spares[--spare_count] );
}
