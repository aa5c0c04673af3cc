/*
 * The connection of a fuzz target: a layer that gives the input in pieces, and nothing now and then
 *
 * The target has CHOOSE_EOF, CHOOSE_RESET and CHOOSE_LARGE among its choices (script.choice), and says how it writes.
 */

#ifndef WINHTTP_SCRIPT_LAYER_H
#define WINHTTP_SCRIPT_LAYER_H

#include <errno.h>

#include "client.h"

struct script
{
    struct layer   layer;
    const uint8_t *data;
    size_t         size, position;
    unsigned int   choice, seed;
    int            blocked;
};

static struct script script;

static unsigned int next_random( void )
{
    script.seed = script.seed * 1103515245 + 12345;
    return script.seed >> 16;
}

static ssize_t script_write( struct layer *layer, const void *data, size_t size );    /* the target's own */

static int script_start( struct layer *layer ) { (void)layer; return LAYER_OK; }
static int script_flush( struct layer *layer ) { (void)layer; return LAYER_OK; }
static unsigned int script_wants( const struct layer *layer ) { (void)layer; return LAYER_WANT_READ; }
static size_t script_pending( const struct layer *layer ) { (void)layer; return 0; }
static void script_goodbye( struct layer *layer ) { (void)layer; }
static void script_close( struct layer *layer ) { (void)layer; }
static void script_ready( struct layer *layer, unsigned int what, int hangup ) { (void)layer; (void)what; (void)hangup; }

static ssize_t script_read( struct layer *layer, void *buffer, size_t size )
{
    size_t count = 1 + (script.choice & CHOOSE_LARGE ? next_random() : next_random() % 16);

    /* Nothing comes before the request is there, and now and then nothing comes. */
    if (!script.blocked && (script.blocked = next_random() % 3)) return LAYER_AGAIN;
    script.blocked = 0;
    if (script.position == script.size)
    {
        if (script.choice & CHOOSE_EOF) return 0;
        if (!(script.choice & CHOOSE_RESET)) return LAYER_AGAIN;
        layer->error = WHE_RESET;
        return LAYER_FAILED;
    }
    if (count > size) count = size;
    if (count > script.size - script.position) count = script.size - script.position;
    memcpy( buffer, script.data + script.position, count );
    script.position += count;
    return count;
}

static enum wh_error script_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)layer;
    (void)what;
    (void)buffer;
    (void)size;
    (void)len;
    return WHE_STATE;
}

static const struct layer_ops script_ops =
{
    .start = script_start, .read = script_read, .write = script_write, .flush = script_flush, .wants = script_wants,
    .pending = script_pending, .goodbye = script_goodbye, .close = script_close, .ready = script_ready,
    .query = script_query,
};

static int begun_connect( int fd, const struct sockaddr *addr, socklen_t len )
{
    (void)fd;
    (void)addr;
    (void)len;
    errno = EINPROGRESS;
    return -1;
}

#endif
