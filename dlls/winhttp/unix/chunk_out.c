#if 0
#pragma makedep unix
#endif

/*
 * HTTP/1.1 chunked transfer coding, encoder
 */

#include <inttypes.h>
#include <stdio.h>

#include "chunk_out.h"

/* What ends a piece, by whether there was data and whether it is the last one. */
static const char *const tails[2][2] = { { "", "0\r\n\r\n" }, { "\r\n", "\r\n0\r\n\r\n" } };
static const unsigned char tail_lens[2][2] = { { 0, 5 }, { 2, 7 } };

void chunk_out_begin( struct chunk_out *out, uint64_t size, int last )
{
    out->line_len = size ? snprintf( out->line, sizeof(out->line), "%" PRIx64 "\r\n", size ) : 0;
    out->tail = tails[!!size][!!last];
    out->tail_len = tail_lens[!!size][!!last];
    out->size = size;
    out->sent = 0;
}

unsigned int chunk_out_parts( const struct chunk_out *out, const void *data, struct iovec *parts )
{
    const struct { const char *start; uint64_t len; } whole[CHUNK_OUT_PARTS] =
        { { out->line, out->line_len }, { data, out->size }, { out->tail, out->tail_len } };
    uint64_t skip = out->sent;
    unsigned int i, count = 0;

    for (i = 0; i < CHUNK_OUT_PARTS; i++)
    {
        if (skip >= whole[i].len)
        {
            skip -= whole[i].len;
            continue;
        }
        parts[count].iov_base = (char *)whole[i].start + skip;
        parts[count++].iov_len = whole[i].len - skip;
        skip = 0;
    }
    return count;
}

/* Data bytes among the first `sent` bytes. */
static uint64_t data_before( const struct chunk_out *out, uint64_t sent )
{
    if (sent <= out->line_len) return 0;
    sent -= out->line_len;
    return sent < out->size ? sent : out->size;
}

size_t chunk_out_sent( struct chunk_out *out, size_t count )
{
    uint64_t before = data_before( out, out->sent );

    out->sent += count;
    return data_before( out, out->sent ) - before;
}
