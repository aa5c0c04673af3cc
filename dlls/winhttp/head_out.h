/*
 * The head that goes out: what a leg adds to the headers of the application
 *
 * Automatic fields stand in request->headers among the application's, so that a program finds them with its queries
 * after a send; their marks (FIELD_*) tell them apart, and each leg takes them out and makes them anew.
 */

#ifndef WINHTTP_HEAD_OUT_H
#define WINHTTP_HEAD_OUT_H

#include "request.h"

/* What the transport shall decode of the response to the leg that begins (request->codings): WHX_DECODE_*. gzip and deflate
 * as WINHTTP_OPTION_DECOMPRESSION says. br and zstd only if that is on, the application's own Accept-Encoding names one of
 * them, and session_decodes_more; its header is then sent as it is. request->lock is held. Source: options.md section 3.13. */
uint32_t head_codings( const struct request *request );

/* Makes the request head for the next leg: adds the automatic headers as far as they are absent and serialises. The head
 * is in `stack` (of `size` bytes), or in memory that the caller frees. request->lock is held. Returns NULL without
 * memory. Source: headers.md section 6. */
char *head_make( struct request *request, char *stack, DWORD size, DWORD *len );

/* Overwrites such a head, in which credentials may stand, and frees it unless it is `stack`. NULL is fine. */
void head_wipe( char *head, char *stack, DWORD len );

/* Leaves the application's headers only; the values of automatic ones are overwritten. request->lock is held. Returns 0 or
 * ERROR_NOT_ENOUGH_MEMORY. */
DWORD head_strip( struct request *request );

/* A new send begins, with the headers that were added since the last one: an older Cookie header was for that one. The list
 * was stripped; request->lock is held. Source: behaviour-concepts.md section 1. */
void head_forget_cookies( struct request *request );

#endif /* WINHTTP_HEAD_OUT_H */
