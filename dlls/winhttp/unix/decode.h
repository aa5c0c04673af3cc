/*
 * Content codings: bytes as a server has coded them in, bytes of the document out
 *
 * No sockets, no exchanges, no knowledge of framing; any split of the input and any size of the output gives the same
 * bytes. intake.c is the only user. Each coding is a row of the table in decode.c; those of libraries that the build does
 * not have are no rows, and bodies under them are delivered as they are.
 * Source: RFC 9110 section 8.4, RFC 1950 to 1952, RFC 7932, RFC 8878 and 9659; behaviour-concepts.md section 8,
 * security.md (bombs, trailing garbage, stacked codings).
 */

#ifndef WH_DECODE_H
#define WH_DECODE_H

#include <stddef.h>
#include <stdint.h>

#define DECODE_LAYERS 2          /* "gzip, gzip" exists, of servers behind servers; more of them only multiply a bomb */

/* What Content-Encoding names, in the order in which it was done. All zero: nothing. */
struct codings
{
    unsigned char count;
    unsigned char other;         /* one that is not known, or one too many */
    unsigned char rows[DECODE_LAYERS];
};

/* One item of Content-Encoding, without the blanks around it. An empty item and "identity" count as none. */
void codings_add( struct codings *codings, const char *item, size_t len );

/* 1 if there is something to decode, all of it is known, and `flags` (WHX_DECODE_*) allow each. */
int codings_wanted( const struct codings *codings, uint32_t flags );

enum decode_result
{
    DECODE_OK,           /* went as far as input, room or patience (DECODE_RUN) allow */
    DECODE_BAD,          /* the stream is corrupt, or something follows its end; sticky */
    DECODE_NO_MEMORY,    /* sticky */
};

#define DECODE_RUN (1024 * 1024)    /* bytes that one call makes at most, also those between two layers */

struct decoder;

/* NULL without memory. The codings must be wanted ones. What it takes is bounded: 32 KiB of history for gzip and deflate,
 * 8 MiB for zstd, 16 MiB for br, and 16 KiB between two layers. */
struct decoder *decoder_create( const struct codings *codings );
void decoder_free( struct decoder *decoder );      /* NULL is fine */

/* Takes input, gives output. *used and *stored are set in any case: what came before a BAD is good. *made is how many
 * bytes were made, at least *stored. Without room (size 0; out may be NULL) it goes on as far as that needs none: the end
 * of a stream often stands behind its last byte. */
enum decode_result decoder_run( struct decoder *decoder, const char *in, size_t len, size_t *used,
                                char *out, size_t size, size_t *stored, size_t *made );

/* 1 if there may be more output without more input: the room, or the patience, was what ended the last run. */
int decoder_pending( const struct decoder *decoder );

/* 1 if it can end here: every stream is complete and nothing of it is held back; or no byte has come at all. */
int decoder_complete( const struct decoder *decoder );

/* What a coding consists of; decode.c calls these. */
struct decode_layer
{
    const struct coder *coder;
    void         *state;         /* NULL: no byte has come yet */
    unsigned char ended;         /* at the end of a stream; in gzip and zstd another one may follow */
    unsigned char full;          /* the output was filled to the last byte: there may be more */
    unsigned char stuck;         /* without room nothing more can be done */
};

struct coder
{
    int                (*begin)( struct decode_layer *layer );       /* 0, or -1 without memory; sets state */
    enum decode_result (*run)( struct decode_layer *layer, const char *in, size_t len, size_t *used,
                               char *out, size_t size, size_t *stored );    /* sets ended */
    void               (*end)( struct decode_layer *layer );
};

extern const struct coder coder_gzip, coder_deflate;                  /* decode_zlib.c */
extern const struct coder coder_brotli;                               /* decode_brotli.c */
extern const struct coder coder_zstd;                                 /* decode_zstd.c */

#endif /* WH_DECODE_H */
