/*
 * WebSocket: messages over a byte stream that was HTTP until its 101
 *
 * A struct ws belongs to an exchange (exchange->ws) from the response head that grants it until the exchange is
 * destroyed; the strand of the exchange's connection owns it, except for what a comment gives to others. It runs over a
 * struct layer: a connection's own after HTTP/1.1, a stream of HTTP/2 (RFC 8441) wrapped as one. The stream is borrowed
 * for each call; no call blocks.
 *
 * Who runs the exchange's protocol does this:
 *   final head 101 of a WHX_WEBSOCKET exchange   ws_open, before the head is handed out; ws_feed with what came behind it
 *   each run of the strand from then on          ws_run, instead of whatever else works for the exchange's operations
 *   the exchange is being closed                 ws_leave
 *
 * Sources: RFC 6455; RFC 7692 (permessage-deflate); windows-behaviour section 15; unixlib.h for the operations.
 */

#ifndef WH_WS_H
#define WH_WS_H

#include <stddef.h>
#include <stdint.h>

#include "layer.h"

struct exchange;
struct ws;

enum ws_result
{
    WS_WAIT,       /* nothing more can be done now */
    WS_MORE,       /* there is more, but others shall have their turn */
    WS_OVER,       /* the exchange needs the stream no more: both have said that they close, or exchange_fail was called.
                    * The caller takes the exchange off its connection; see ws_lingers */
};

#define WS_ACCEPT_SIZE 29      /* 28 characters of base64 and NUL */

/* The value of Sec-WebSocket-Accept for a key. 0, or -1: no memory, or no SHA-1 in this system's GnuTLS. */
int ws_accept_key( const char *key, size_t len, char accept[WS_ACCEPT_SIZE] );

/* Checks the final head (text, len bytes, status 101, lines ended by CRLF or LF, with the empty line) against the head that
 * the exchange has sent, and makes exchange->ws. WHE_PROTOCOL: the server does not grant what was asked for: Upgrade,
 * Connection or Sec-WebSocket-Accept are not right, a protocol or an extension was not offered, or contradicts itself.
 * WHE_NO_MEMORY. Source: RFC 6455 section 4.1, RFC 7692 section 7.1. */
enum wh_error ws_open( struct exchange *exchange, const char *answer, size_t len );

/* Bytes that came behind the head; copied. Before the first ws_run. WHE_OK or WHE_NO_MEMORY. */
enum wh_error ws_feed( struct ws *ws, const char *data, size_t len );

/* Works for the exchange's operations, and answers the peer, as far as it goes. Reads also without a reader, until
 * ws_ahead bytes wait for one. *deadline: when it wants to run again at the latest, in ms; TIMER_NEVER: when the stream is
 * ready, or something is posted. */
enum ws_result ws_run( struct exchange *exchange, struct layer *stream, uint64_t now_ms, uint64_t *deadline );

/* The exchange is being closed: answers the peer's close if that is owed, in one attempt. Its operations must have been
 * finished by the caller. */
void ws_leave( struct ws *ws, struct layer *stream );

/* After WS_OVER or ws_leave. 1: a close frame of ours went out. The peer ends the stream then; until it does (2 s at most)
 * its bytes should be read and thrown away, or a reset could overtake our frame. 0: the stream can be cut at once. */
int ws_lingers( const struct ws *ws );

/* The peer's close frame, once a read has told of it: any thread. *data is valid as long as the exchange: code in network
 * order and reason. WHE_STATE before that. */
enum wh_error ws_peer_close( struct ws *ws, const void **data, size_t *len );

/* A read after the end is told of the close: any thread. */
void ws_tell_close( struct ws *ws );

/* WHC_WS_*: on the strand, or with the strand entered; run the strand afterwards. */
void ws_set_keepalive( struct ws *ws, uint32_t interval_ms, uint64_t now_ms );
void ws_discard( struct ws *ws, struct exchange *exchange );

/* NULL is fine. */
void ws_free( struct ws *ws );

#endif /* WH_WS_H */
