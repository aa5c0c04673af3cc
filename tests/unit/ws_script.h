/*
 * WebSockets over a scripted stream, for unit tests and the fuzz target
 *
 * ws_play runs one WebSocket from its upgrade to its end without a socket and without a thread: the server's bytes are given,
 * as is how they arrive; the program reads whatever comes, echoes messages if it is told to, and answers a close. What it
 * saw and what it sent come back as lists of frames, read by a decoder that is stricter than any server.
 */

#ifndef WINHTTP_UNIT_WS_SCRIPT_H
#define WINHTTP_UNIT_WS_SCRIPT_H

#include <errno.h>
#include <zlib.h>

#include "client.h"
#include "ws.h"
#include "ws_frame.h"

/* Bytes that grow. */

struct bytes
{
    uint8_t *data;
    size_t   len, size;
};

static inline void bytes_add( struct bytes *bytes, const void *data, size_t len )
{
    if (bytes->len + len > bytes->size && !(bytes->data = realloc( bytes->data, bytes->size = 2 * (bytes->len + len) + 64 )))
        abort();
    if (len) memcpy( bytes->data + bytes->len, data, len );
    bytes->len += len;
}

static inline void bytes_fill( struct bytes *bytes, uint8_t byte, size_t count )
{
    while (count--) bytes_add( bytes, &byte, 1 );
}

static inline void bytes_free( struct bytes *bytes )
{
    free( bytes->data );
    memset( bytes, 0, sizeof(*bytes) );
}

/* A frame as a server sends it. */
static inline void bytes_frame( struct bytes *bytes, unsigned int first, const void *data, size_t len )
{
    uint8_t header[10] = { (uint8_t)first };
    unsigned int i, used = 2;

    if (len < 126) header[1] = (uint8_t)len;
    else if (len <= 0xffff)
    {
        header[1] = 126;
        header[2] = (uint8_t)(len >> 8);
        header[3] = (uint8_t)len;
        used = 4;
    }
    else
    {
        header[1] = 127;
        for (i = 0; i < 8; i++) header[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        used = 10;
    }
    bytes_add( bytes, header, used );
    bytes_add( bytes, data, len );
}

/* Frames, or messages, in a row. */

struct ws_item
{
    unsigned int opcode;
    struct bytes data;
};

struct ws_list
{
    struct ws_item *items;
    unsigned int    count, size;
};

static inline struct ws_item *list_add( struct ws_list *list, unsigned int opcode, const void *data, size_t len )
{
    struct ws_item *item;

    if (list->count == list->size &&
        !(list->items = realloc( list->items, (list->size = 2 * list->size + 8) * sizeof(*list->items) ))) abort();
    item = &list->items[list->count++];
    memset( item, 0, sizeof(*item) );
    item->opcode = opcode;
    bytes_add( &item->data, data, len );
    return item;
}

static inline void list_free( struct ws_list *list )
{
    unsigned int i;

    for (i = 0; i < list->count; i++) bytes_free( &list->items[i].data );
    free( list->items );
    memset( list, 0, sizeof(*list) );
}

/* Frames in words: "81:'Hello' 89:00ff,3*61 =8003": first byte and payload of each frame, in which pieces of text, hex digits
 * and repeated bytes follow one another; "=" and bytes that are no right frame. */
static inline void bytes_words( struct bytes *bytes, const char *words )
{
    struct bytes payload = { 0 };
    unsigned int first, value, count;
    int used, raw;

    for (;;)
    {
        while (*words == ' ') words++;
        if (!*words) break;
        first = 0;
        if ((raw = *words == '=')) words++;
        else
        {
            if (sscanf( words, "%2x:%n", &first, &used ) != 1) abort();
            words += used;
        }
        payload.len = 0;
        while (*words && *words != ' ')
        {
            if (*words == '\'')
            {
                const char *end = strchr( words + 1, '\'' );

                bytes_add( &payload, words + 1, end - words - 1 );
                words = end + 1;
            }
            else if (*words == ',') words++;
            else if (sscanf( words, "%u*%2x%n", &count, &value, &used ) == 2)
            {
                bytes_fill( &payload, (uint8_t)value, count );
                words += used;
            }
            else
            {
                uint8_t byte;

                if (sscanf( words, "%2x", &value ) != 1) abort();
                byte = (uint8_t)value;
                bytes_add( &payload, &byte, 1 );
                words += 2;
            }
        }
        if (raw) bytes_add( bytes, payload.data, payload.len );
        else bytes_frame( bytes, first, payload.data, payload.len );
    }
    bytes_free( &payload );
}

/* What a client has sent, by the book: every frame masked, lengths as short as can be, messages whole. Returns the bytes that
 * were read: all of them, or those before an unfinished frame. */
struct ws_reader
{
    z_stream inflate;
    int      inflates, no_context;
    unsigned int frames;         /* of data */
    int      zero_masks;
};

static inline void reader_inflate( struct ws_reader *reader, struct bytes *message )
{
    static const uint8_t tail[4] = { 0, 0, 0xff, 0xff };
    struct bytes out = { 0 };
    uint8_t piece[4096];

    bytes_add( message, tail, sizeof(tail) );
    reader->inflate.next_in = message->data;
    reader->inflate.avail_in = (uInt)message->len;
    do
    {
        reader->inflate.next_out = piece;
        reader->inflate.avail_out = sizeof(piece);
        if (!expect( inflate( &reader->inflate, Z_SYNC_FLUSH ) == Z_OK || !reader->inflate.avail_in )) break;
        bytes_add( &out, piece, sizeof(piece) - reader->inflate.avail_out );
    } while (!reader->inflate.avail_out || reader->inflate.avail_in);
    if (reader->no_context) inflateReset( &reader->inflate );
    bytes_free( message );
    *message = out;
}

static inline size_t read_frames( struct ws_reader *reader, const uint8_t *data, size_t len, struct ws_list *list )
{
    struct ws_item *open = NULL;
    unsigned int opcode, i, compressed = 0;
    size_t at = 0, begin = 0, header, size, j;
    int closed = 0;

    while (len - at >= 2)
    {
        header = (data[at + 1] & 0x7f) == 126 ? 8 : (data[at + 1] & 0x7f) == 127 ? 14 : 6;
        if (len - at < header) break;
        size = data[at + 1] & 0x7f;
        if (size >= 126)
        {
            unsigned int bytes = size == 126 ? 2 : 8;

            for (size = 0, i = 0; i < bytes; i++) size = size << 8 | data[at + 2 + i];
            expect( size >= (bytes == 2 ? 126 : 65536) );
        }
        expect( data[at + 1] & 0x80 );
        if (len - at - header < size) break;
        opcode = data[at] & 0x0f;
        expect( !closed );                            /* nothing behind a close */
        if (!memcmp( data + at + header - 4, "\0\0\0", 4 )) reader->zero_masks++;
        if (opcode >= 8)
        {
            struct ws_item *item = list_add( list, opcode, data + at + header, size );

            expect( (data[at] & 0xf0) == 0x80 && size <= 125 );
            for (j = 0; j < size; j++) item->data.data[j] ^= data[at + header - 4 + j % 4];
            if (opcode == WS_CLOSE) closed = 1;
            if (open) open = &list->items[begin];     /* it may have moved */
        }
        else
        {
            size_t old;

            reader->frames++;
            if (!expect( !opcode == !!open )) return at;
            if (!open)
            {
                begin = list->count;
                open = list_add( list, opcode, NULL, 0 );
                compressed = data[at] & WS_RSV1;
                expect( !compressed || reader->inflates );
                expect( !(data[at] & 0x30) );
            }
            else expect( !(data[at] & 0x70) );
            old = open->data.len;
            bytes_add( &open->data, data + at + header, size );
            for (j = 0; j < size; j++) open->data.data[old + j] ^= data[at + header - 4 + j % 4];
            if (data[at] & 0x80)
            {
                if (compressed) reader_inflate( reader, &open->data );
                open = NULL;
            }
        }
        at += header + size;
    }
    if (open) list->count = (unsigned int)begin;      /* its rest never came */
    return at;
}

/* The stream. */

struct ws_script
{
    struct layer  layer;
    const uint8_t *data;         /* the server's */
    size_t        size, position, arrived;
    size_t        read_max;      /* bytes that one read gives at most, 0 = any */
    int           eof, reset;    /* what follows them */
    struct bytes  out;           /* the client's */
    size_t        room;          /* bytes that may still be written */
    unsigned int  reads, writes;
    int           flush_again;   /* so many flushes are not done at once */
};

static struct ws_script ws_script;

static int ws_script_start( struct layer *layer ) { (void)layer; return LAYER_OK; }
static size_t ws_script_pending( const struct layer *layer ) { (void)layer; return 0; }
static void ws_script_goodbye( struct layer *layer ) { (void)layer; }
static void ws_script_close( struct layer *layer ) { (void)layer; }
static void ws_script_ready( struct layer *layer, unsigned int what, int hangup ) { (void)layer; (void)what; (void)hangup; }

static int ws_script_flush( struct layer *layer )
{
    (void)layer;
    return ws_script.flush_again && ws_script.flush_again-- ? LAYER_AGAIN : LAYER_OK;
}

static unsigned int ws_script_wants( const struct layer *layer )
{
    (void)layer;
    return (ws_script.position == ws_script.arrived ? LAYER_WANT_READ : 0) | (ws_script.room ? 0 : LAYER_WANT_WRITE);
}

static ssize_t ws_script_read( struct layer *layer, void *buffer, size_t size )
{
    size_t count = ws_script.arrived - ws_script.position;

    expect( size );
    ws_script.reads++;
    if (!count && ws_script.position == ws_script.size && ws_script.reset)
    {
        layer->error = WHE_RESET;
        return LAYER_FAILED;
    }
    if (!count) return ws_script.position == ws_script.size && ws_script.eof ? 0 : LAYER_AGAIN;
    if (count > size) count = size;
    if (ws_script.read_max && count > ws_script.read_max) count = ws_script.read_max;
    memcpy( buffer, ws_script.data + ws_script.position, count );
    ws_script.position += count;
    return count;
}

static ssize_t ws_script_write( struct layer *layer, const void *data, size_t size )
{
    (void)layer;
    expect( size );
    if (!ws_script.room) return LAYER_AGAIN;
    if (size > ws_script.room) size = ws_script.room;
    if (ws_script.room != ~(size_t)0) ws_script.room -= size;
    ws_script.writes++;
    bytes_add( &ws_script.out, data, size );
    return size;
}

static enum wh_error ws_script_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)layer;
    (void)what;
    (void)buffer;
    (void)size;
    (void)len;
    return WHE_STATE;
}

static const struct layer_ops ws_script_ops =
{
    .start = ws_script_start, .read = ws_script_read, .write = ws_script_write, .flush = ws_script_flush,
    .wants = ws_script_wants, .pending = ws_script_pending, .goodbye = ws_script_goodbye, .close = ws_script_close,
    .ready = ws_script_ready, .query = ws_script_query,
};

static inline int ws_begun_connect( int fd, const struct sockaddr *addr, socklen_t len )
{
    (void)fd;
    (void)addr;
    (void)len;
    errno = EINPROGRESS;
    return -1;
}

/* A connection in the pool that talks to the script. Referenced. */
static inline struct conn *ws_connection( struct wh_route *route )
{
    union address address = { .v4 = { .sin_family = AF_INET, .sin_port = 80 } };
    int (*connect_hook)( int, const struct sockaddr *, socklen_t ) = wh_hooks.connect;
    struct dial_plan plan = { 0 };
    struct origin *origin;
    struct dial *dial;
    struct conn *conn;
    uint32_t detail;
    enum wh_error error;

    wh_hooks.connect = ws_begun_connect;
    if (origin_get( route, 60000, &origin ) || !(dial = dial_create( origin_ref( origin ), &plan )) ||
        !(conn = conn_create( dial, origin, &address, TIMER_NEVER, &error, &detail ))) abort();
    wh_hooks.connect = connect_hook;
    conn->layer->ops->close( conn->layer );
    conn->layer = &ws_script.layer;
    ws_script.layer.ops = &ws_script_ops;
    conn->dial = NULL;
    conn->state = CONN_UP;
    conn->deadline_ms = engine_now_ms() + 60000;
    object_remove( &dial->obj );
    object_release( &dial->obj );    /* the connection's */
    object_release( &dial->obj );
    strand_enter( &conn->strand );
    origin_conn_free( conn );
    conn->was_idle = 0;    /* as a new one: the script's bytes come after the request */
    strand_leave( &conn->strand );
    origin_release( origin );
    return conn;
}

/* The program. */

#define WS_TEST_KEY    "dGhlIHNhbXBsZSBub25jZQ=="         /* of RFC 6455 section 1.3 */
#define WS_TEST_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define WS_TEST_HEAD( fields ) "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: " WS_TEST_KEY "\r\nSec-WebSocket-Version: 13\r\n" fields "\r\n"
#define WS_TEST_ANSWER( fields ) "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: " WS_TEST_ACCEPT "\r\n" fields "\r\n"

struct ws_play
{
    /* in */
    const char    *head, *answer;        /* NULL: the plain ones */
    const uint8_t *wire;                 /* the server's frames */
    size_t         len;
    size_t         first, step;          /* so many bytes arrive with the answer, then so many at a time (0 = all) */
    size_t         read_max;
    size_t         buffer;               /* the program's */
    int            echo, eof, reset;
    uint32_t       ahead;

    /* out */
    struct ws_list got;                  /* messages that the program has read */
    struct bytes   partial;              /* of the one that did not end */
    struct ws_list sent;                 /* messages and control frames of the client */
    struct ws_reader reader;
    uint32_t       error, detail;        /* what a read failed with */
    int            closed;               /* a read told of a close */
    unsigned int   close_code;           /* its code */
    struct bytes   close_reason;
    unsigned int   pieces;               /* reads that gave something */
    int            lost;                 /* it went on when nothing could come: a completion was lost */
};

static struct conn *ws_conn;
static wh_id ws_id;

/* The record of an operation, if it is there. Two of different kinds may be under way. */
static inline int ws_fetch( uint32_t kind, struct wh_record *record )
{
    static struct wh_record kept[WHK_COUNT];
    static int have[WHK_COUNT];
    struct wh_record next;
    struct wh_wait_params wait = { .exchange = ws_id, .records = wh_from_ptr( &next ), .capacity = 1 };

    do
    {
        wait.count = 0;
        if (engine_wait( &wait ) != WH_DONE) break;    /* it is closed, and nothing was under way */
        if (!wait.count) continue;
        expect( !have[next.kind] );
        kept[next.kind] = next;
        have[next.kind] = 1;
    } while (wait.count);
    if (!have[kind]) return 0;
    *record = kept[kind];
    have[kind] = 0;
    return 1;
}

/* The upgrade. 0: it failed, with *error. */
static inline int ws_start( const char *head, const char *answer, uint32_t ahead, uint32_t *error )
{
    static char text[8192];
    struct wh_route route = { .host_len = 9, .port = 80, .scheme = WH_SCHEME_HTTP };
    struct wh_exchange_start_params start = { .session = session, .flags = WHX_SYNC | WHX_WEBSOCKET | WHX_END,
        .head = wh_from_ptr( head ), .head_len = (uint32_t)strlen( head ), .ws_ahead = ahead };
    struct wh_exchange_read_head_params read_head = { .buffer = wh_from_ptr( text ), .size = sizeof(text) };
    uint32_t ret;

    route.host = wh_from_ptr( "localhost" );
    start.route = wh_from_ptr( &route );
    ws_conn = ws_connection( &route );
    ret = exchange_start( &start );
    ws_id = start.exchange;
    expect( ret == WH_DONE && !start.error );
    bytes_free( &ws_script.out );
    read_head.exchange = ws_id;
    ret = exchange_read_head( &read_head );
    expect( ret == WH_DONE );
    *error = read_head.error;
    if (!*error)
    {
        expect( read_head.len == strlen( answer ) && !memcmp( text, answer, read_head.len ) );
        expect( !(read_head.flags & WHR_END) );
    }
    return !*error;
}

static inline void ws_end( void )
{
    struct wh_exchange_close_params close = { .exchange = ws_id };
    struct wh_record record;

    expect( exchange_close( &close ) != WH_REFUSED );
    ws_script.eof = 1;
    ws_script.position = ws_script.arrived = ws_script.size;
    conn_ready( ws_conn, LAYER_WANT_READ, 0, NULL );     /* it may linger */
    ws_fetch( WHK_BODY_READ, &record );
    ws_fetch( WHK_BODY_SENT, &record );
    origin_shutdown();
    object_release( &ws_conn->obj );
    expect( !object_count( OBJECT_CONN ) && !object_count( OBJECT_EXCHANGE ) && !object_count( OBJECT_DIAL ) );
}

static inline uint32_t ws_post_send( const void *data, size_t len, uint32_t flags, uint32_t *error )
{
    struct wh_exchange_send_params send = { .exchange = ws_id, .data = wh_from_ptr( data ), .len = (uint32_t)len,
                                            .flags = flags };
    uint32_t ret = exchange_send( &send );

    *error = send.error;
    return ret;
}

/* A send that needs nothing but turns, since the stream takes everything. */
static inline uint32_t ws_send_now( const void *data, size_t len, uint32_t flags )
{
    struct wh_record record = { .error = WHE_INTERNAL };
    unsigned int turns;
    uint32_t error;

    if (ws_post_send( data, len, flags, &error ) == WH_DONE) return error;
    for (turns = 0; turns < 1000 && !ws_fetch( WHK_BODY_SENT, &record ); turns++) conn_ready( ws_conn, 0, 0, NULL );
    expect( turns < 1000 );
    return record.error;
}

static inline uint32_t ws_control_now( uint32_t what, uint32_t number )
{
    struct wh_exchange_control_params control = { .exchange = ws_id, .what = what, .number = number };

    expect( exchange_control( &control ) == WH_DONE );
    return control.error;
}

static inline uint32_t ws_query_close( struct bytes *close )
{
    uint8_t data[WS_CONTROL_MAX];
    struct wh_exchange_query_params query = { .exchange = ws_id, .buffer = wh_from_ptr( data ), .what = WHQ_WS_CLOSE,
                                              .size = sizeof(data) };

    expect( exchange_query( &query ) == WH_DONE );
    if (!query.error) bytes_add( close, data, query.len );
    return query.error;
}

/* More of the server's bytes, if there are any. 0: there are none. */
static inline int ws_arrive( size_t count )
{
    size_t left = ws_script.size - ws_script.arrived;

    ws_script.arrived += !count || count > left ? left : count;
    conn_ready( ws_conn, LAYER_WANT_READ, 0, NULL );
    return left != 0;
}

/* The result of a read. 1: another one may follow. */
static inline int ws_read_done( struct ws_play *play, char *data, uint32_t error, uint64_t bytes, uint32_t flags )
{
    unsigned int opcode = flags & WHR_WS_TEXT ? WS_TEXT : WS_BINARY;

    if (error)
    {
        play->error = error;
        return 0;
    }
    if (flags & WHR_WS_CLOSE)
    {
        struct bytes close = { 0 };

        expect( !bytes && flags == WHR_WS_CLOSE && !ws_query_close( &close ) && close.len >= 2 );
        play->closed = 1;
        play->close_code = close.data[0] << 8 | close.data[1];
        bytes_add( &play->close_reason, close.data + 2, close.len - 2 );
        ws_send_now( close.data, play->close_code == WS_CODE_NONE ? 0 : close.len, WHX_WS_CLOSE );
        bytes_free( &close );
        return 0;
    }
    expect( !(flags & WHR_WS_TEXT) != !(flags & WHR_WS_BINARY) );
    expect( bytes <= play->buffer && (bytes || !(flags & WHR_WS_MORE)) );
    play->pieces++;
    bytes_add( &play->partial, data, bytes );
    if (flags & WHR_WS_MORE) return 1;
    list_add( &play->got, opcode, play->partial.data, play->partial.len );
    if (play->echo) ws_send_now( play->partial.data, play->partial.len, opcode == WS_TEXT ? WHX_WS_TEXT : WHX_WS_BINARY );
    play->partial.len = 0;
    return 1;
}

static inline void ws_play( struct ws_play *play )
{
    struct ws_play out = *play;
    const char *head = play->head ? play->head : WS_TEST_HEAD( "" ), *answer = play->answer ? play->answer : WS_TEST_ANSWER( "" );
    struct wh_exchange_read_body_params read = { .size = (uint32_t)play->buffer };
    struct bytes wire = { 0 };
    struct wh_record record;
    char *data = malloc( play->buffer );
    int go_on;

    memset( &out.got, 0, sizeof(out) - offsetof( struct ws_play, got ) );
    out.reader = play->reader;
    *play = out;
    bytes_add( &wire, answer, strlen( answer ) );
    bytes_add( &wire, play->wire, play->len );
    memset( &ws_script, 0, sizeof(ws_script) );
    ws_script.data = wire.data;
    ws_script.size = wire.len;
    ws_script.read_max = play->read_max;
    ws_script.room = ~(size_t)0;
    ws_script.arrived = strlen( answer ) + play->first;
    if (ws_script.arrived > wire.len) ws_script.arrived = wire.len;
    ws_script.eof = play->eof;
    ws_script.reset = play->reset;

    go_on = ws_start( head, answer, play->ahead, &play->error );
    read.exchange = ws_id;
    while (go_on)
    {
        read.buffer = wh_from_ptr( data );
        if (exchange_read_body( &read ) == WH_PENDING)
        {
            unsigned int turns = 0;

            while (!ws_fetch( WHK_BODY_READ, &record ) && turns < 1000) turns = ws_arrive( play->step ) ? 0 : turns + 1;
            if (turns == 1000)    /* nothing more can come */
            {
                play->lost = 1;
                break;
            }
            read.error = record.error;
            read.detail = record.detail;
            read.bytes = record.bytes;
            read.flags = record.flags;
        }
        play->detail = read.detail;
        go_on = ws_read_done( play, data, read.error, read.bytes, read.flags );
    }
    read_frames( &play->reader, ws_script.out.data, ws_script.out.len, &play->sent );
    ws_end();
    bytes_free( &ws_script.out );
    bytes_free( &wire );
    free( data );
}

static inline void ws_play_free( struct ws_play *play )
{
    list_free( &play->got );
    list_free( &play->sent );
    bytes_free( &play->partial );
    bytes_free( &play->close_reason );
}

/* The items with one of these opcodes (1 << opcode) are as many as these messages, and the same. */
static inline int list_equal( const struct ws_list *list, unsigned int opcodes, const struct ws_list *other )
{
    unsigned int i, j = 0;

    for (i = 0; i < list->count; i++)
    {
        const struct ws_item *item = &list->items[i], *same;

        if (!(opcodes >> item->opcode & 1)) continue;
        while (j < other->count && !(opcodes >> other->items[j].opcode & 1)) j++;
        if (j == other->count) return 0;
        same = &other->items[j++];
        if (item->opcode != same->opcode || item->data.len != same->data.len ||
            (item->data.len && memcmp( item->data.data, same->data.data, item->data.len ))) return 0;
    }
    while (j < other->count) if (opcodes >> other->items[j++].opcode & 1) return 0;
    return 1;
}

#endif /* WINHTTP_UNIT_WS_SCRIPT_H */
