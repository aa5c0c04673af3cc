/*
 * HTTP/1.1 chunked transfer coding, encoder
 *
 * One piece of a body becomes one chunk: a size line, the data where they lie, and what ends it. No sockets, no
 * allocation, no copies; h1_send.c writes the parts and tells how far it came. Source: RFC 9112 section 7.1.
 */

#ifndef WH_CHUNK_OUT_H
#define WH_CHUNK_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define CHUNK_OUT_FRAME 32      /* framing bytes around a piece at most: 16 digits, three CRLF, the last chunk and its CRLF */
#define CHUNK_OUT_PARTS 3

struct chunk_out
{
    char         line[20];      /* the size line; not terminated */
    unsigned int line_len;      /* 0: no data, so no line */
    const char  *tail;          /* what follows the data; static */
    unsigned int tail_len;
    uint64_t     size;          /* bytes of data */
    uint64_t     sent;          /* of line, data and tail together */
};

/* A piece of `size` bytes; 0 makes no chunk, since an empty one would end the message. `last`: the message ends here. */
void chunk_out_begin( struct chunk_out *out, uint64_t size, int last );

/* What is still to be written, in order. `data` is the whole piece. Returns how many parts there are; 0: all is out. */
unsigned int chunk_out_parts( const struct chunk_out *out, const void *data, struct iovec *parts );

/* `count` bytes of the parts went out. Returns how many of them were data. */
size_t chunk_out_sent( struct chunk_out *out, size_t count );

#endif /* WH_CHUNK_OUT_H */
