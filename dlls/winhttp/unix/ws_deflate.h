/*
 * permessage-deflate: the compression of WebSocket messages
 *
 * Parameters of the extension as text, and the two streams that come of them; no sockets. Called by ws_open.c, ws_send.c and
 * ws_receive.c. Source: RFC 7692. Memory: 44 KiB for a connection that receives compressed messages, 256 KiB for one that
 * sends them, less with smaller windows; each stream is made with its first message.
 */

#ifndef WH_WS_DEFLATE_H
#define WH_WS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <zlib.h>

struct ws_deflate_params
{
    int      present;                /* the extension is named */
    int      server_no_context, client_no_context;
    unsigned server_bits, client_bits;    /* *_max_window_bits: 8 to 15; 0: not named; WS_BITS_ANY: named without a value */
};
#define WS_BITS_ANY 16

/* Reads one item of a Sec-WebSocket-Extensions field: "name; parameter; parameter=value", without the comma behind it.
 * 1: it is permessage-deflate, and in *params; 0: it is another extension; -1: it is permessage-deflate with a parameter that
 * RFC 7692 does not know, or that is there twice, or with a value that is none. */
int ws_deflate_parse( struct ws_deflate_params *params, const char *text, size_t len );

/* Whether a server's answer is one to this offer (RFC 7692 section 7.1). */
int ws_deflate_answers( const struct ws_deflate_params *offer, const struct ws_deflate_params *answer );

struct ws_deflate
{
    struct ws_deflate_params params;     /* as agreed */
    z_stream  in, out;
    int       in_ready, out_ready;
    int       in_fresh;                  /* nothing was fed since the message before, or a stream, ended */
    int       in_block;                  /* a block was begun that did not end */
    int       in_tail;                   /* what the sender took off the end of the message was fed */
    unsigned char peek;                  /* a byte that did not fit: the only way to know that there is one */
    int       peeked;
    unsigned char held[4];               /* out: the last bytes of the message so far, which might be those to take off */
    unsigned int held_len;
};

#define WS_INFLATE_BAD   -1
#define WS_INFLATE_NOMEM -2

/* Decompresses: up to *len bytes of data into the room at `to`. *len becomes what was used. `last`: the message ends with
 * these bytes. *end becomes 1 when the message has ended and all of it was stored. Returns bytes stored; BAD: that is no
 * DEFLATE, or it does not end with the message. Never stores more than size, never keeps more than one byte. */
ssize_t ws_inflate( struct ws_deflate *codec, const void *data, size_t *len, int last, void *to, size_t size, int *end );

/* 1 if messages are sent compressed: zlib has no windows as small as some peers want. */
int ws_deflates( const struct ws_deflate *codec );

enum ws_deflate_mode
{
    WS_DEFLATE_ON,         /* more of the piece comes */
    WS_DEFLATE_FLUSH,      /* the piece ends; what there is of the message can be understood without more */
    WS_DEFLATE_END,        /* the message ends */
};

/* Compresses: up to *len bytes of data into the room at `to` (at least 64 bytes). *len becomes what was used. *end becomes 1
 * when all of a piece is there; until then call again with what was not used, which may be nothing. Returns bytes stored, or
 * -1 without memory. */
ssize_t ws_deflate( struct ws_deflate *codec, const void *data, size_t *len, enum ws_deflate_mode mode, void *to, size_t size,
                    int *end );

void ws_deflate_free( struct ws_deflate *codec );

#endif /* WH_WS_DEFLATE_H */
