#if 0
#pragma makedep unix
#endif

/*
 * The large buffers of TLS connections
 *
 * A buffer of 64 KiB saves system calls while data flows and is a waste while a connection waits; ten thousand
 * waiting connections must not own one each. So blocks live in a short process-wide list, and a connection has one
 * only while there are bytes in it. The mutex covers a few instructions, never a copy or a system call.
 */

#include "tls_buffer.h"
#include "hooks.h"

/* Blocks kept for the next borrower: more than run at the same time on any sensible number of cores. */
#define KEEP_FREE 16

/* With more blocks out than this, a connection that waits with part of a record moves it to a block of its own
 * size: thousands of peers that each stall in the middle of a record must not hold 64 KiB each. */
#define MANY_OUT 128

struct block
{
    struct block *next;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *free_list;
static unsigned int free_count, out_count;

static void *block_get(void)
{
    struct block *block;

    pthread_mutex_lock( &list_lock );
    if ((block = free_list))
    {
        free_list = block->next;
        free_count--;
    }
    out_count++;
    pthread_mutex_unlock( &list_lock );

    if (block || (block = wh_malloc( TLS_BUFFER_SIZE ))) return block;

    pthread_mutex_lock( &list_lock );
    out_count--;
    pthread_mutex_unlock( &list_lock );
    return NULL;
}

static void block_put( void *data )
{
    struct block *block = data;
    int keep;

    pthread_mutex_lock( &list_lock );
    out_count--;
    if ((keep = free_count < KEEP_FREE))
    {
        block->next = free_list;
        free_list = block;
        free_count++;
    }
    pthread_mutex_unlock( &list_lock );
    if (!keep) wh_free( block );
}

int tls_buffer_borrow( struct tls_buffer *buffer )
{
    uint32_t len = buffer->tail - buffer->head;
    uint8_t *data;

    if (buffer->size == TLS_BUFFER_SIZE)
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
        buffer->size = TLS_BUFFER_SIZE;
    }
    buffer->head = 0;
    buffer->tail = len;
    return 0;
}

void tls_buffer_park( struct tls_buffer *buffer )
{
    uint32_t len = buffer->tail - buffer->head;
    unsigned int out;
    uint8_t *data;

    if (!len) tls_buffer_drop( buffer );
    if (buffer->size != TLS_BUFFER_SIZE) return;

    pthread_mutex_lock( &list_lock );
    out = out_count;
    pthread_mutex_unlock( &list_lock );
    if (out <= MANY_OUT || len >= TLS_BUFFER_SIZE / 2 || !(data = wh_malloc( len ))) return;

    memcpy( data, buffer->data + buffer->head, len );
    block_put( buffer->data );
    buffer->data = data;
    buffer->head = 0;
    buffer->tail = buffer->size = len;
}

void tls_buffer_drop( struct tls_buffer *buffer )
{
    if (buffer->size == TLS_BUFFER_SIZE) block_put( buffer->data );
    else wh_free( buffer->data );
    buffer->data = NULL;
    buffer->head = buffer->tail = buffer->size = 0;
}

void tls_buffer_shutdown( void )
{
    struct block *block, *next;

    pthread_mutex_lock( &list_lock );
    block = free_list;
    free_list = NULL;
    free_count = 0;
    pthread_mutex_unlock( &list_lock );

    for (; block; block = next)
    {
        next = block->next;
        wh_free( block );
    }
}
