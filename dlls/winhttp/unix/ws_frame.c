#if 0
#pragma makedep unix
#endif

/*
 * WebSocket frames: headers, masks, what a close frame may say
 */

#include <string.h>

#include "utf8.h"
#include "ws_frame.h"

#define MASKED      0x80
#define LEN_16      126
#define LEN_64      127

static uint64_t read_be( const uint8_t *data, unsigned int count )
{
    uint64_t value = 0;

    while (count--) value = value << 8 | *data++;
    return value;
}

static void write_be( uint8_t *data, uint64_t value, unsigned int count )
{
    while (count--) *data++ = (uint8_t)(value >> (8 * count));
}

ssize_t ws_frame_parse( struct ws_frame *frame, const void *data, size_t len )
{
    static const uint16_t known = 1 << WS_CONTINUATION | 1 << WS_TEXT | 1 << WS_BINARY | 1 << WS_CLOSE | 1 << WS_PING |
                                  1 << WS_PONG;
    const uint8_t *bytes = data;

    if (!len) return PARSE_MORE;
    frame->opcode = bytes[0] & 0x0f;
    frame->bits = bytes[0] & 0xf0;
    if (!(known >> frame->opcode & 1)) return PARSE_BAD;
    if (ws_is_control( frame->opcode ) && !(frame->bits & WS_FIN)) return PARSE_BAD;
    if (len < 2) return PARSE_MORE;
    if (bytes[1] & MASKED) return PARSE_BAD;
    if ((frame->len = bytes[1]) < LEN_16) return 2;
    if (ws_is_control( frame->opcode )) return PARSE_BAD;
    if (bytes[1] == LEN_16)
    {
        if (len < 4) return PARSE_MORE;
        frame->len = read_be( bytes + 2, 2 );
        return frame->len < LEN_16 ? PARSE_BAD : 4;
    }
    if (len > 2 && bytes[2] & 0x80) return PARSE_BAD;
    if (len < 10) return PARSE_MORE;
    frame->len = read_be( bytes + 2, 8 );
    return frame->len <= UINT16_MAX ? PARSE_BAD : 10;
}

size_t ws_frame_header( uint8_t *header, unsigned int first, uint64_t len, const uint8_t mask[WS_MASK_SIZE] )
{
    size_t used = 2;

    header[0] = (uint8_t)first;
    if (len < LEN_16) header[1] = MASKED | (uint8_t)len;
    else if (len <= UINT16_MAX)
    {
        header[1] = MASKED | LEN_16;
        write_be( header + 2, len, 2 );
        used = 4;
    }
    else
    {
        header[1] = MASKED | LEN_64;
        write_be( header + 2, len, 8 );
        used = 10;
    }
    memcpy( header + used, mask, WS_MASK_SIZE );
    return used + WS_MASK_SIZE;
}

void ws_mask( void *dst, const void *src, size_t len, const uint8_t mask[WS_MASK_SIZE], uint64_t phase )
{
    const uint8_t *from = src;
    uint8_t *to = dst, turned[8];
    uint64_t key, words[4];
    unsigned int i;

    for (i = 0; i < sizeof(turned); i++) turned[i] = mask[(phase + i) % WS_MASK_SIZE];
    memcpy( &key, turned, sizeof(key) );
    for (; len >= sizeof(words); len -= sizeof(words), from += sizeof(words), to += sizeof(words))
    {
        memcpy( words, from, sizeof(words) );
        for (i = 0; i < 4; i++) words[i] ^= key;
        memcpy( to, words, sizeof(words) );
    }
    for (i = 0; i < len; i++) to[i] = from[i] ^ turned[i % WS_MASK_SIZE];
}

/* Codes that a peer may send: those that RFC 6455 and IANA's registry give to endpoints, and those of libraries, frameworks
 * and applications. */
static int code_is_sent( unsigned int code )
{
    static const struct { uint16_t first, last; } ranges[] = { { 1000, 1003 }, { 1007, 1014 }, { 3000, 4999 } };
    unsigned int i;

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return 1;
    return 0;
}

unsigned int ws_close_check( const void *data, size_t len )
{
    struct utf8 utf8 = UTF8_INIT;

    if (!len) return 0;
    if (len < 2 || !code_is_sent( (unsigned int)read_be( data, 2 ) )) return WS_CODE_PROTOCOL;
    if (!utf8_feed( &utf8, (const uint8_t *)data + 2, len - 2 ) || !utf8_whole( &utf8 )) return WS_CODE_DATA;
    return 0;
}
