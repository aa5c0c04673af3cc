/*
 * A WebSocket server on a socket, for the tests of the transport: frames by hand, or an echo; and a synchronous program at
 * the other end
 */

#ifndef WINHTTP_UNIT_WS_PEER_H
#define WINHTTP_UNIT_WS_PEER_H

#include "faults.h"
#include "ws_script.h"

#define WS_UPGRADE WS_TEST_HEAD( "" )

/* Reads the request and grants it. 0: it did not come. */
static inline int ws_peer_upgrade( struct peer *peer, int fd )
{
    char head[4096];

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return 0;
    peer_send( fd, WS_TEST_ANSWER( "" ) );
    return 1;
}

static inline void ws_peer_frame( int fd, unsigned int first, const void *data, size_t len )
{
    struct bytes frame = { 0 };

    bytes_frame( &frame, first, data, len );
    peer_send_bytes( fd, (const char *)frame.data, frame.len );
    bytes_free( &frame );
}

static inline void ws_peer_words( int fd, const char *words )
{
    struct bytes frames = { 0 };

    bytes_words( &frames, words );
    peer_send_bytes( fd, (const char *)frames.data, frames.len );
    bytes_free( &frames );
}

/* A frame of the client: its first byte, payload in *data. -1: the stream ended. */
static inline int ws_peer_read( int fd, struct bytes *data )
{
    uint8_t head[14];
    size_t more, len, i;

    data->len = 0;
    if (!peer_read( fd, (char *)head, 2 )) return -1;
    if (!expect( head[1] & 0x80 )) return -1;
    more = (head[1] & 0x7f) == 126 ? 2 : (head[1] & 0x7f) == 127 ? 8 : 0;
    if (!peer_read( fd, (char *)head + 2, more + 4 )) return -1;
    for (i = 0, len = more ? 0 : head[1] & 0x7f; i < more; i++) len = len << 8 | head[2 + i];
    if (len > data->size && !(data->data = realloc( data->data, data->size = len ))) abort();
    if (len && !peer_read( fd, (char *)data->data, len )) return -1;
    data->len = len;
    ws_mask( data->data, data->data, len, head + 2 + more, 0 );
    return head[0];
}

/* Reads until the client's close frame, or the end. */
static inline void ws_peer_wait_close( int fd )
{
    struct bytes data = { 0 };
    int first;

    while ((first = ws_peer_read( fd, &data )) != -1 && (first & 0x0f) != WS_CLOSE) ;
    bytes_free( &data );
}

/* Sends data frames back as they are until a close, which it answers; then it ends the stream. */
static inline void ws_peer_echo( struct peer *peer, int fd )
{
    struct bytes data = { 0 };
    int first;

    if (!ws_peer_upgrade( peer, fd )) return;
    while ((first = ws_peer_read( fd, &data )) != -1)
    {
        if ((first & 0x0f) == WS_PONG) continue;
        ws_peer_frame( fd, first, data.data, data.len );
        if ((first & 0x0f) == WS_CLOSE) break;
    }
    bytes_free( &data );
}

/* The program. */

static struct client client;    /* too large for a stack */

static inline uint32_t send_message( wh_id id, const void *data, size_t len, uint32_t flags )
{
    struct wh_exchange_send_params send = { .exchange = id, .data = wh_from_ptr( data ), .len = (uint32_t)len, .flags = flags,
                                            .timeout_ms = WAIT_MS };
    struct client *self = &client;
    struct wh_record record;
    uint32_t ret;

    self->id = id;
    if ((ret = exchange_send( &send )) == WH_REFUSED) return WHE_INVALID;
    return ret == WH_DONE ? send.error : wait_for( self, WHK_BODY_SENT, &record );
}

static inline uint32_t read_message( wh_id id, void *data, uint32_t size, uint64_t *bytes, uint32_t *flags )
{
    struct wh_exchange_read_body_params read = { .exchange = id, .buffer = wh_from_ptr( data ), .size = size,
                                                 .timeout_ms = WAIT_MS };
    struct wh_record record;
    uint32_t ret;

    client.id = id;
    *bytes = 0;
    *flags = 0;
    if ((ret = exchange_read_body( &read )) == WH_REFUSED) return WHE_INVALID;
    if (ret == WH_PENDING)
    {
        read.error = wait_for( &client, WHK_BODY_READ, &record );
        read.bytes = record.bytes;
        read.flags = record.flags;
    }
    *bytes = read.bytes;
    *flags = read.flags;
    return read.error;
}

/* The upgrade; `like` (NULL: plain) says where to. */
static inline uint32_t open_websocket( struct peer *peer, const struct request *like )
{
    struct request request = like ? *like : plain;
    uint32_t error;

    request.head = WS_UPGRADE;
    request.flags |= WHX_WEBSOCKET | WHX_FRESH;
    if (!(error = client_start( &client, peer, &request ))) error = client_read_head( &client, WAIT_MS, 0, 0 );
    return error;
}

/* Our close, and the peer's: 1 if both went well. */
static inline int close_websocket( wh_id id )
{
    char data[1000];
    uint64_t bytes;
    uint32_t flags, error;

    if (send_message( id, "\x03\xe8" "bye", 5, WHX_WS_CLOSE )) return 0;
    while (!(error = read_message( id, data, sizeof(data), &bytes, &flags )) && !(flags & WHR_WS_CLOSE)) ;
    return !error;
}

static inline char *large( size_t len )
{
    char *data = malloc( len );
    uint32_t seed = 7;
    size_t i;

    for (i = 0; i < len; i++) data[i] = (char)((seed = seed * 1103515245 + 12345) >> 16);
    return data;
}

static inline void echo_all_sizes( void )
{
    static const size_t sizes[] = { 0, 1, 125, 126, 16384, 65535, 65536, 1 << 20, 5000000 };
    unsigned int i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    {
        char *data = large( sizes[i] ), *back = malloc( sizes[i] + 1 );
        uint64_t got = 0, bytes;
        uint32_t flags = WHR_WS_MORE;

        /* the peer reads a frame before it answers, so nothing is in the way */
        expect( !send_message( client.id, data, sizes[i], WHX_WS_BINARY ) );
        while (flags & WHR_WS_MORE)
        {
            if (!expect( !read_message( client.id, back + got, (uint32_t)(sizes[i] - got + 1), &bytes, &flags ) )) break;
            got += bytes;
        }
        expect( got == sizes[i] && flags == WHR_WS_BINARY && !memcmp( back, data, got ) );
        free( data );
        free( back );
    }
}

/* For run_faults: what one WebSocket can do, counted. */
static inline unsigned int websocket_story( struct crowd *crowd, const struct request *like )
{
    static char data[50000], back[50000];
    unsigned int good = 0;
    uint64_t bytes, got = 0;
    uint32_t flags = WHR_WS_MORE;

    if (!open_websocket( &crowd->peer, like ))
    {
        good++;
        if (!send_message( client.id, "hello", 5, WHX_WS_TEXT ) && !read_message( client.id, back, sizeof(back), &bytes, &flags ))
            good += bytes == 5 && flags == WHR_WS_TEXT && !memcmp( back, "hello", 5 );
        if (!send_message( client.id, data, sizeof(data), WHX_WS_BINARY ))
            for (flags = WHR_WS_MORE; flags & WHR_WS_MORE; got += bytes)
                if (read_message( client.id, back, sizeof(back), &bytes, &flags )) break;
        good += got == sizeof(data);
        good += close_websocket( client.id );
    }
    client_close( &client );
    return good;
}

#endif /* WINHTTP_UNIT_WS_PEER_H */
