/*
 * HTTP/2 heads: from the text of a request to fields, from the fields of a response to text
 *
 * Pure: no sockets, no session, no exchange. Called by h2.c and h2_stream.c. nghttp2's own rules about messages are
 * switched off, because one of them is an option of WinHTTP; all of RFC 9113 section 8 that a client has to check about
 * fields is checked here, and what cannot be said in text (CR, LF, NUL) never gets into it.
 * Source: RFC 9113 section 8, RFC 8441; behaviour-concepts.md section 9.
 */

#ifndef WH_H2_HEAD_H
#define WH_H2_HEAD_H

#include <stddef.h>
#include <nghttp2/nghttp2.h>

/* ---- requests ---- */

#define H2_REQUEST_EXTRA 5     /* pseudo-fields, at most */

/* How many fields the head may become, at most. */
size_t h2_request_room( const char *head, size_t len );

/* The fields of a request head (text, with its empty line) for a URL of that scheme. `websocket`: as RFC 8441 asks for one.
 * `names` has room for len bytes and gets the names in small letters; the fields point into it and into the head, and
 * nothing is copied otherwise. Secrets are marked as not to be indexed.
 * Returns the count, or 0 for a head that cannot be sent: no request line, no host, a byte that no field may have. */
size_t h2_request_fields( const char *head, size_t len, const char *scheme, int websocket, nghttp2_nv *fields,
                          char *names );

/* The value of the first field of that name (small letters); NULL if there is none. */
const char *h2_request_value( const char *head, size_t len, const char *name, size_t *value_len );

/* ---- responses ---- */

/* One header block on its way into text. */
struct h2_block
{
    char        *text;           /* owned */
    size_t       len, size;
    size_t       limit;          /* of len */
    int          trailers;       /* no status line, no empty line */
    int          te_ok;          /* Transfer-Encoding is no error */
    const char  *accept;         /* not NULL: 200 answers an extended CONNECT, and becomes the 101 of RFC 6455 with this
                                  * value of Sec-WebSocket-Accept; borrowed */
    unsigned int status;         /* 0 until :status has come */
    int          regular;        /* a field that is not a pseudo-field has come */
};

enum h2_block_result { H2_BLOCK_OK, H2_BLOCK_BAD, H2_BLOCK_LARGE, H2_BLOCK_NO_MEMORY };

/* Begins a block. The text of an earlier one must have been taken or freed. */
void h2_block_begin( struct h2_block *block, int trailers, int te_ok, size_t limit );

/* A field. BAD: it must not stand here, or like this. */
enum h2_block_result h2_block_field( struct h2_block *block, const char *name, size_t name_len,
                                     const char *value, size_t value_len );

/* The block is complete. */
enum h2_block_result h2_block_end( struct h2_block *block );

void h2_block_free( struct h2_block *block );

/* The words for a status: HTTP/2 has none. */
const char *h2_reason( unsigned int status );

#endif /* WH_H2_HEAD_H */
