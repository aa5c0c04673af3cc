#if 0
#pragma makedep unix
#endif

/*
 * The large blocks of memory that connections borrow while data flows
 *
 * One short process-wide list, the last one in the first one out: its bytes are likely still in the processor's
 * cache. The mutex covers a few instructions, never a copy or a system call.
 */

#include "block.h"
#include "hooks.h"

/* Blocks kept for the next borrower, 3 MiB: more than run at the same time on any sensible number of cores, two for
 * each connection that reads over TLS. */
#define KEEP_SPARE 48

struct block
{
    struct block *next;      /* the rest is as the last borrower left it */
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *spare_list;
static unsigned int spare_count, out_count;

void *block_get( void )
{
    struct block *block;

    pthread_mutex_lock( &list_lock );
    if ((block = spare_list))
    {
        spare_list = block->next;
        spare_count--;
    }
    out_count++;
    pthread_mutex_unlock( &list_lock );

    if (block || (block = wh_malloc( BLOCK_SIZE ))) return block;

    pthread_mutex_lock( &list_lock );
    out_count--;
    pthread_mutex_unlock( &list_lock );
    return NULL;
}

void block_put( void *data )
{
    struct block *block = data;
    int keep;

    pthread_mutex_lock( &list_lock );
    out_count--;
    if ((keep = spare_count < KEEP_SPARE))
    {
        block->next = spare_list;
        spare_list = block;
        spare_count++;
    }
    pthread_mutex_unlock( &list_lock );
    if (!keep) wh_free( block );
}

unsigned int block_out( void )
{
    unsigned int count;

    pthread_mutex_lock( &list_lock );
    count = out_count;
    pthread_mutex_unlock( &list_lock );
    return count;
}

void block_shutdown( void )
{
    struct block *block, *next;

    pthread_mutex_lock( &list_lock );
    block = spare_list;
    spare_list = NULL;
    spare_count = 0;
    pthread_mutex_unlock( &list_lock );

    for (; block; block = next)
    {
        next = block->next;
        wh_free( block );
    }
}
