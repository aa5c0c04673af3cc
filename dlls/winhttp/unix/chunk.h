/*
 * HTTP/1.1 chunked transfer coding, decoder
 *
 * Bytes in, spans of body bytes out; no sockets, no allocation, no copies. Called by h1.c for responses, and to
 * follow the framing that an application wrote into its request body.
 * Source: RFC 9112 section 7.1. Limits: chunk sizes up to 2^63-1; CHUNK_MAX_LINE bytes of size and extensions,
 * CHUNK_MAX_TRAILER bytes of trailer section.
 */

#ifndef WH_CHUNK_H
#define WH_CHUNK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHUNK_MAX_LINE    4096     /* an extension of any use is far shorter; the attack is a line without an end */
#define CHUNK_MAX_TRAILER 65536    /* as the default limit of a head */

enum chunk_result
{
    CHUNK_MORE,          /* all input used, or a span of data was cut off: feed more */
    CHUNK_DATA,          /* a span of body bytes: data, data_len; feed the rest of the input again */
    CHUNK_DONE,          /* the last chunk and the trailer section are complete; the rest of the input is not ours */
    CHUNK_BAD,           /* broken framing; sticky */
    CHUNK_TOO_LONG,      /* a chunk-size line over its limit; sticky */
};

struct chunk
{
    uint64_t     left;           /* bytes of the current chunk's data still to come */
    unsigned int state;
    unsigned int line_len;       /* bytes of the current line so far */
    unsigned int trailer_len;    /* bytes of the trailer section so far */
    uint64_t     size;           /* the size being read; `left` stays 0 until its line is complete */
};
#define CHUNK_INIT { 0, 0, 0, 0, 0 }

/* Takes input up to the next event. *used: bytes consumed. With CHUNK_DATA: data and data_len are set (inside `in`),
 * counted in *used. Trailer lines are not kept here: while chunk_in_trailer() is true before and after the call, the
 * consumed bytes are trailer bytes, which the caller may collect. When the trailer section begins or ends within one
 * call, the last (trailer_len after - trailer_len before) of the consumed bytes belong to it, the empty line at its end
 * included; without any trailer field these are just CRLF. Any split of the input gives the same spans
 * joined together. */
enum chunk_result chunk_feed( struct chunk *chunk, const char *in, size_t len, size_t *used,
                              const char **data, size_t *data_len );

/* Data bytes that are sure to come next (0 between chunks): the caller may read so many straight into place and then
 * tell chunk_skip. */
static inline uint64_t chunk_data_left( const struct chunk *chunk ) { return chunk->left; }
void chunk_skip( struct chunk *chunk, uint64_t count );

/* 1 once the last chunk's line was read and the trailer section is being read. */
int chunk_in_trailer( const struct chunk *chunk );

#endif /* WH_CHUNK_H */
