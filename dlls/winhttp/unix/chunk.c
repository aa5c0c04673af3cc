#if 0
#pragma makedep unix
#endif

/*
 * HTTP/1.1 chunked transfer coding, decoder
 *
 * A byte-driven state machine for the framing; data pass in spans. Strict: every line of the framing ends
 * in CRLF, since a lone LF or CR is where two readers begin to disagree about where the message ends.
 * Tolerated: blanks after the size, which old servers use to pad it.
 */

#include "chunk.h"

enum chunk_state
{
    CHUNK_ST_SIZE_FIRST,     /* the first hex digit of a size must come; 0, so that CHUNK_INIT starts here */
    CHUNK_ST_SIZE,
    CHUNK_ST_PAD,            /* blanks after the size: an extension or the end of the line must follow */
    CHUNK_ST_EXT,
    CHUNK_ST_SIZE_LF,
    CHUNK_ST_DATA,
    CHUNK_ST_DATA_CR,        /* the data are complete, their CRLF must follow */
    CHUNK_ST_DATA_LF,
    CHUNK_ST_TRAILER_FIRST,  /* at the beginning of a trailer line */
    CHUNK_ST_TRAILER,
    CHUNK_ST_TRAILER_LF,
    CHUNK_ST_LAST_LF,        /* CR of the empty line that ends the message */
    CHUNK_ST_DONE,
    CHUNK_ST_BAD,
    CHUNK_ST_TOO_LONG,
};

static int hex_value( char c )
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Inside a line nothing below a blank may stand but the tab. */
static int is_line_char( char c )
{
    return (unsigned char)c >= ' ' || c == '\t';
}

static enum chunk_state add_digit( struct chunk *chunk, int digit )
{
    if (digit < 0 || chunk->size > (uint64_t)INT64_MAX >> 4) return CHUNK_ST_BAD;
    chunk->size = chunk->size << 4 | (unsigned int)digit;
    return CHUNK_ST_SIZE;
}

static enum chunk_state after_size( char c )
{
    if (c == '\r') return CHUNK_ST_SIZE_LF;
    if (c == ';') return CHUNK_ST_EXT;
    return c == ' ' || c == '\t' ? CHUNK_ST_PAD : CHUNK_ST_BAD;
}

static enum chunk_state trailer_char( char c )
{
    return is_line_char( c ) ? CHUNK_ST_TRAILER : CHUNK_ST_BAD;
}

static enum chunk_state end_size_line( struct chunk *chunk )
{
    chunk->line_len = 0;
    if (!chunk->size) return CHUNK_ST_TRAILER_FIRST;
    chunk->left = chunk->size;
    chunk->size = 0;
    return CHUNK_ST_DATA;
}

/* One byte of framing. */
static enum chunk_state step( struct chunk *chunk, char c )
{
    switch (chunk->state)
    {
    case CHUNK_ST_SIZE_FIRST:    return add_digit( chunk, hex_value( c ) );
    case CHUNK_ST_SIZE:          return hex_value( c ) >= 0 ? add_digit( chunk, hex_value( c ) ) : after_size( c );
    case CHUNK_ST_PAD:           return after_size( c );
    case CHUNK_ST_EXT:           return c == '\r' ? CHUNK_ST_SIZE_LF : is_line_char( c ) ? CHUNK_ST_EXT : CHUNK_ST_BAD;
    case CHUNK_ST_SIZE_LF:       return c == '\n' ? end_size_line( chunk ) : CHUNK_ST_BAD;
    case CHUNK_ST_DATA_CR:       return c == '\r' ? CHUNK_ST_DATA_LF : CHUNK_ST_BAD;
    case CHUNK_ST_DATA_LF:       return c == '\n' ? CHUNK_ST_SIZE_FIRST : CHUNK_ST_BAD;
    case CHUNK_ST_TRAILER_FIRST: return c == '\r' ? CHUNK_ST_LAST_LF : trailer_char( c );
    case CHUNK_ST_TRAILER:       return c == '\r' ? CHUNK_ST_TRAILER_LF : trailer_char( c );
    case CHUNK_ST_TRAILER_LF:    return c == '\n' ? CHUNK_ST_TRAILER_FIRST : CHUNK_ST_BAD;
    case CHUNK_ST_LAST_LF:       return c == '\n' ? CHUNK_ST_DONE : CHUNK_ST_BAD;
    default:                     return CHUNK_ST_BAD;
    }
}

/* Counts the byte against the limit of what it is part of. */
static enum chunk_state count_byte( struct chunk *chunk )
{
    if (chunk->state <= CHUNK_ST_SIZE_LF && ++chunk->line_len > CHUNK_MAX_LINE) return CHUNK_ST_TOO_LONG;
    if (chunk->state >= CHUNK_ST_TRAILER_FIRST && ++chunk->trailer_len > CHUNK_MAX_TRAILER) return CHUNK_ST_BAD;
    return chunk->state;
}

enum chunk_result chunk_feed( struct chunk *chunk, const char *in, size_t len, size_t *used,
                              const char **data, size_t *data_len )
{
    const char *p = in, *end = in + len;

    *data = NULL;
    *data_len = 0;
    while (p < end && chunk->state < CHUNK_ST_DONE)
    {
        if (chunk->state == CHUNK_ST_DATA)
        {
            *data = p;
            *data_len = (uint64_t)(end - p) < chunk->left ? (size_t)(end - p) : (size_t)chunk->left;
            chunk_skip( chunk, *data_len );
            *used = p - in + *data_len;
            return CHUNK_DATA;
        }
        if ((chunk->state = count_byte( chunk )) < CHUNK_ST_DONE) chunk->state = step( chunk, *p++ );
    }
    *used = p - in;
    switch (chunk->state)
    {
    case CHUNK_ST_DONE:     return CHUNK_DONE;
    case CHUNK_ST_BAD:      return CHUNK_BAD;
    case CHUNK_ST_TOO_LONG: return CHUNK_TOO_LONG;
    default:                return CHUNK_MORE;
    }
}

void chunk_skip( struct chunk *chunk, uint64_t count )
{
    if (chunk->state == CHUNK_ST_DATA && !(chunk->left -= count)) chunk->state = CHUNK_ST_DATA_CR;
}

int chunk_in_trailer( const struct chunk *chunk )
{
    return chunk->state >= CHUNK_ST_TRAILER_FIRST && chunk->state < CHUNK_ST_DONE;
}
