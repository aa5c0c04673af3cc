/*
 * The other end of a WebSocket: what the scripted server needs to be one
 *
 * See websocket_peer.h. START_TEST checks it with the examples of RFC 6455.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>

#include "wine/test.h"
#include "websocket_peer.h"

#define SHA1_SIZE  20
#define KEY_LEN    24

/* ---- the handshake ---- */

static BOOL sha1( const char *data, unsigned int len, BYTE hash[SHA1_SIZE] )
{
    HCRYPTPROV provider;
    HCRYPTHASH handle;
    DWORD size = SHA1_SIZE;
    BOOL ret = FALSE;

    if (!CryptAcquireContextW( &provider, NULL, NULL, PROV_RSA_FULL, CRYPT_VERIFYCONTEXT )) return FALSE;
    if (CryptCreateHash( provider, CALG_SHA1, 0, 0, &handle ))
    {
        ret = CryptHashData( handle, (const BYTE *)data, len, 0 ) && CryptGetHashParam( handle, HP_HASHVAL, hash, &size, 0 );
        CryptDestroyHash( handle );
    }
    CryptReleaseContext( provider, 0 );
    return ret;
}

static void encode( const BYTE *data, unsigned int len, char *text )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned int i, bits;

    for (i = 0; i < len; i += 3)
    {
        bits = data[i] << 16 | (i + 1 < len ? data[i + 1] << 8 : 0) | (i + 2 < len ? data[i + 2] : 0);
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *text++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    *text = 0;
}

BOOL peer_accept_value( const char *head, char value[ACCEPT_SIZE] )
{
    static const char name[] = "\r\nSec-WebSocket-Key: ", guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = strstr( head, name ), *end;
    char text[KEY_LEN + sizeof(guid)];
    BYTE hash[SHA1_SIZE];

    if (!key || strstr( key + 1, name )) return FALSE;
    key += sizeof(name) - 1;
    if (!(end = strstr( key, "\r\n" )) || end - key != KEY_LEN) return FALSE;
    memcpy( text, key, KEY_LEN );
    memcpy( text + KEY_LEN, guid, sizeof(guid) - 1 );
    if (!sha1( text, KEY_LEN + sizeof(guid) - 1, hash )) return FALSE;
    encode( hash, SHA1_SIZE, value );
    return TRUE;
}

BOOL peer_switch( const struct peer_io *io, const char *head, const char *rest, unsigned int rest_len )
{
    static const char start[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: ";
    char accept[ACCEPT_SIZE], *text;
    unsigned int len = sizeof(start) - 1 + ACCEPT_SIZE - 1 + 2;
    BOOL ret;

    if (!peer_accept_value( head, accept )) return io->fail( io->arg, "the request has not one key of 24 characters" );
    if (!(text = malloc( len + rest_len + 1 ))) return io->fail( io->arg, "out of memory" );
    sprintf( text, "%s%s\r\n", start, accept );
    memcpy( text + len, rest, rest_len );
    ret = io->transmit( io->arg, text, len + rest_len );
    free( text );
    return ret;
}

/* ---- frames ---- */

struct frame
{
    unsigned char first;        /* FIN, reserved bits, opcode */
    ULONGLONG len;
    unsigned char mask[4];
};

static BOOL read_header( const struct peer_io *io, struct frame *frame )
{
    unsigned char bytes[8];
    unsigned int i, count;

    if (!io->receive( io->arg, (char *)bytes, 2 )) return FALSE;
    frame->first = bytes[0];
    if (!(bytes[1] & 0x80)) return io->fail( io->arg, "a frame without a mask" );
    frame->len = bytes[1] & 0x7f;
    count = frame->len == 126 ? 2 : frame->len == 127 ? 8 : 0;
    if (count)
    {
        if (!io->receive( io->arg, (char *)bytes, count )) return FALSE;
        for (frame->len = i = 0; i < count; i++) frame->len = frame->len << 8 | bytes[i];
        if (frame->len < (count == 2 ? 126 : 65536)) return io->fail( io->arg, "a length that is not in its shortest form" );
    }
    return io->receive( io->arg, (char *)frame->mask, sizeof(frame->mask) );
}

/* The next piece of a payload, unmasked; `at` is where in the frame it begins. */
static BOOL read_piece( const struct peer_io *io, const struct frame *frame, ULONGLONG at, char *buffer, unsigned int len )
{
    unsigned int i;

    if (!io->receive( io->arg, buffer, len )) return FALSE;
    for (i = 0; i < len; i++) buffer[i] ^= frame->mask[(at + i) & 3];
    return TRUE;
}

BOOL peer_expect( const struct peer_io *io, unsigned char first, const char *payload, unsigned int len )
{
    struct frame frame;
    char text[160], *data;
    BOOL same;

    if (!read_header( io, &frame )) return FALSE;
    if (frame.first != first || frame.len != len)
    {
        sprintf( text, "a frame %02x of %u bytes instead of %02x of %u", frame.first, (unsigned int)frame.len, first, len );
        return io->fail( io->arg, text );
    }
    if (!(data = malloc( len + 1 ))) return io->fail( io->arg, "out of memory" );
    if (!read_piece( io, &frame, 0, data, len ))
    {
        free( data );
        return FALSE;
    }
    same = !memcmp( data, payload, len );
    free( data );
    return same ? TRUE : io->fail( io->arg, "a frame with another payload" );
}

BOOL peer_take( const struct peer_io *io, ULONGLONG count )
{
    static const unsigned char fin = 0x80, pong = 0x0a, control = 0x08;
    ULONGLONG got = 0, at;
    struct frame frame;
    char buffer[4096];

    for (;;)
    {
        if (!read_header( io, &frame )) return FALSE;
        if ((frame.first & control) && (frame.first & 0x0f) != pong) return io->fail( io->arg, "a control frame instead of data" );
        for (at = 0; at < frame.len; )
        {
            unsigned int len = frame.len - at < sizeof(buffer) ? (unsigned int)(frame.len - at) : sizeof(buffer);

            if (!read_piece( io, &frame, at, buffer, len )) return FALSE;
            at += len;
        }
        if (frame.first & control) continue;
        got += frame.len;
        if (frame.first & fin) break;
    }
    return got == count ? TRUE : io->fail( io->arg, "a message of another length" );
}

static unsigned int make_header( const struct frame *frame, unsigned char first, char *header )
{
    unsigned int i, count = frame->len < 126 ? 0 : frame->len < 65536 ? 2 : 8;

    header[0] = (char)first;
    header[1] = (char)(count == 0 ? frame->len : count == 2 ? 126 : 127);
    for (i = 0; i < count; i++) header[2 + i] = (char)(frame->len >> 8 * (count - 1 - i));
    return 2 + count;
}

BOOL peer_echo( const struct peer_io *io )
{
    static const unsigned char opcode = 0x0f, op_close = 8, op_ping = 9, op_pong = 10;
    unsigned char kind, first;
    struct frame frame;
    char buffer[16384];
    unsigned int len;
    ULONGLONG at;

    do
    {
        if (!read_header( io, &frame )) return FALSE;
        kind = frame.first & opcode;
        first = kind == op_ping ? 0x80 | op_pong : frame.first;
        len = make_header( &frame, first, buffer );
        if (kind != op_pong && !io->transmit( io->arg, buffer, len )) return FALSE;
        for (at = 0; at < frame.len; at += len)
        {
            len = frame.len - at < sizeof(buffer) ? (unsigned int)(frame.len - at) : sizeof(buffer);
            if (!read_piece( io, &frame, at, buffer, len )) return FALSE;
            if (kind != op_pong && !io->transmit( io->arg, buffer, len )) return FALSE;
        }
    } while (kind != op_close);
    return TRUE;
}

/* ---- itself ---- */

struct memory
{
    const char *in;
    unsigned int left, out_len;
    char out[256];
    char text[160];
};

static BOOL memory_receive( void *arg, char *buffer, unsigned int size )
{
    struct memory *memory = arg;

    if (size > memory->left) return FALSE;
    memcpy( buffer, memory->in, size );
    memory->in += size;
    memory->left -= size;
    return TRUE;
}

static BOOL memory_transmit( void *arg, const char *data, unsigned int len )
{
    struct memory *memory = arg;

    if (len > sizeof(memory->out) - memory->out_len) return FALSE;
    memcpy( memory->out + memory->out_len, data, len );
    memory->out_len += len;
    return TRUE;
}

static BOOL memory_fail( void *arg, const char *text )
{
    struct memory *memory = arg;

    lstrcpynA( memory->text, text, sizeof(memory->text) );
    return FALSE;
}

static void test_key_has_the_accept_value_of_the_rfc(void)
{
    static const char head[] = "GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char value[ACCEPT_SIZE];
    BOOL ret = peer_accept_value( head, value );

    ok( ret && !strcmp( value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ), "got %d, %s\n", ret, ret ? value : "" );
    ok( !peer_accept_value( "GET / HTTP/1.1\r\n\r\n", value ), "no key passes\n" );
    ok( !peer_accept_value( "\r\nSec-WebSocket-Key: short==\r\n\r\n", value ), "a short key passes\n" );
}

static void test_masked_frame_is_read(void)
{
    static const char hello[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    struct memory memory = { 0 };
    struct peer_io io = { memory_receive, memory_transmit, memory_fail, &memory };

    memory.in = hello;
    memory.left = sizeof(hello) - 1;
    ok( peer_expect( &io, 0x81, "Hello", 5 ), "refused: %s\n", memory.text );
    memory.in = hello;
    memory.left = sizeof(hello) - 1;
    ok( !peer_expect( &io, 0x81, "hello", 5 ), "another payload passes\n" );
    memory.in = hello;
    memory.left = sizeof(hello) - 1;
    ok( !peer_expect( &io, 0x82, "Hello", 5 ), "another opcode passes\n" );
    memory.in = "\x81\x05Hello";
    memory.left = 7;
    ok( !peer_expect( &io, 0x81, "Hello", 5 ), "a frame without a mask passes\n" );
}

static void test_echo_sends_back_what_came(void)
{
    static const char sent[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" "\x88\x82\x01\x01\x01\x01\x02\xe9";
    static const char expected[] = "\x81\x05Hello\x88\x02\x03\xe8";
    struct memory memory = { 0 };
    struct peer_io io = { memory_receive, memory_transmit, memory_fail, &memory };

    memory.in = sent;
    memory.left = sizeof(sent) - 1;
    ok( peer_echo( &io ), "failed: %s\n", memory.text );
    ok( memory.out_len == sizeof(expected) - 1 && !memcmp( memory.out, expected, memory.out_len ), "%u other bytes\n",
        memory.out_len );
}

START_TEST(websocket_peer)
{
    test_key_has_the_accept_value_of_the_rfc();
    test_masked_frame_is_read();
    test_echo_sends_back_what_came();
}
