/*
 * WebSocket frames: headers, masks, what a close frame may say
 *
 * Bytes in, facts out; no sockets, no allocation. Called by ws_receive.c and ws_send.c. Source: RFC 6455 section 5.
 */

#ifndef WH_WS_FRAME_H
#define WH_WS_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "head.h"

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_FIN   0x80
#define WS_RSV1  0x40
#define WS_RSV   0x70      /* all three */

#define WS_HEADER_MAX   14      /* of a masked frame; one that is not masked has at most 10 */
#define WS_CONTROL_MAX  125     /* payload of a control frame */
#define WS_MASK_SIZE    4

/* Codes of close frames (RFC 6455 section 7.4.1). */
#define WS_CODE_PROTOCOL  1002
#define WS_CODE_NONE      1005     /* never in a frame: there was none */
#define WS_CODE_DATA      1007     /* the data are not what the message's type says */

struct ws_frame
{
    uint8_t  opcode;
    uint8_t  bits;           /* WS_FIN, WS_RSV */
    uint64_t len;            /* of the payload */
};

static inline int ws_is_control( unsigned int opcode ) { return opcode >= WS_CLOSE; }

/* Reads the header of a frame that a server sent. Returns its length, PARSE_MORE, or PARSE_BAD, as soon as the bytes say so:
 * it is masked, its opcode is reserved, its length is above 2^63-1 or not in the shortest form; a control frame is
 * fragmented or has more than 125 bytes. What RSV bits mean is the caller's business. */
ssize_t ws_frame_parse( struct ws_frame *frame, const void *data, size_t len );

/* Writes the header of a masked frame. `first` is opcode and bits. Returns its length, up to WS_HEADER_MAX. */
size_t ws_frame_header( uint8_t *header, unsigned int first, uint64_t len, const uint8_t mask[WS_MASK_SIZE] );

/* Masks (or unmasks) len bytes of src into dst, which may be the same. `phase`: payload bytes of the frame before them. */
void ws_mask( void *dst, const void *src, size_t len, const uint8_t mask[WS_MASK_SIZE], uint64_t phase );

/* Whether the payload of a close frame from the peer is right: 0, or the code to fail with: WS_CODE_PROTOCOL (one byte, or a
 * code that may not be in a frame), WS_CODE_DATA (the reason is no UTF-8). */
unsigned int ws_close_check( const void *data, size_t len );

#endif /* WH_WS_FRAME_H */
