/*
 * Content codings over HTTP/2: bodies that are decoded on their way, however they are cut into frames and reads
 */

#include <zlib.h>

#include "block.h"
#include "h2_client.h"

#define GZIP_BITS 31
#define ZEROS     (32 * 1024 * 1024)

static char document[200000], coded[220000];
static uint32_t document_sum, coded_len;

static void code( uint32_t len, int zeros )
{
    z_stream stream = { 0 };
    uint32_t i, left;

    document_sum = 0;
    for (i = 0; i < sizeof(document); i++) document[i] = zeros ? 0 : 'a' + (i * i / 7 + i / 100) % 17;
    for (i = 0; !zeros && i < len; i++) document_sum += (uint8_t)document[i];
    if (deflateInit2( &stream, 6, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = sizeof(coded);
    for (left = len; left; left -= i)
    {
        i = left < sizeof(document) ? left : sizeof(document);
        stream.next_in  = (unsigned char *)document;
        stream.avail_in = i;
        if (deflate( &stream, i == left ? Z_FINISH : Z_NO_FLUSH ) != (i == left ? Z_STREAM_END : Z_OK)) abort();
    }
    coded_len = sizeof(coded) - stream.avail_out;
    deflateEnd( &stream );
}

static const struct request decoding = { .route = &h2_route, .flags = WHX_DECODE };

static void done( unsigned int index, uint32_t error )
{
    until( fetches[index].state == FETCH_DONE );
    hold_that( fetches[index].error == error );
    if (fetches[index].error != error) fprintf( stderr, "    fetch %u: error %u, detail %u\n", index, fetches[index].error,
                                                fetches[index].detail );
}

/* `len` bytes of `coded` from `start` on, as DATA frames of `piece`. */
static void send_coded( uint32_t stream, uint32_t start, uint32_t len, uint32_t piece, uint8_t flags )
{
    uint32_t part;

    for (; len; start += part, len -= part)
    {
        part = len < piece ? len : piece;
        h2_send_data( &peers[0], stream, coded + start, part, part == len ? flags : 0 );
    }
}

static uint32_t posted_read( struct fetch *fetch, uint32_t size, uint32_t min )
{
    struct wh_exchange_read_body_params params = { .exchange = fetch->async.id, .buffer = wh_from_ptr( fetch->body ),
                                                   .size = size, .min = min };
    struct wh_record *last = &fetch->async.last[WHK_BODY_READ];
    uint32_t ret;

    fetch->async.pending |= 1u << WHK_BODY_READ;
    if ((ret = exchange_read_body( &params )) == WH_PENDING) return ret;
    fetch->async.pending &= ~(1u << WHK_BODY_READ);
    memset( last, 0, sizeof(*last) );
    last->error = ret == WH_DONE ? params.error : WHE_INVALID;
    last->flags = params.flags;
    last->bytes = params.bytes;
    return ret;
}

static int is_reading( const struct fetch *fetch ) { return !!(fetch->async.pending & (1u << WHK_BODY_READ)); }

/* Frames of any size, reads of any size, with a reader that waits for the bytes and with one that comes later. */
static void test_pieces_and_reads( void )
{
    static const uint32_t pieces[] = { 1, 10, 1000, 16384 }, sizes[] = { 1, 7, 1000, BODY_SIZE };
    unsigned int i, k, late;
    char fields[100];

    for (late = 0; late < 2; late++)
        for (i = 0; i < 4; i++)
            for (k = 0; k < 4; k++)
            {
                code( i && k ? 50000 : 2000, 0 );
                play_begin( 1 );
                fetches[0].size = sizes[k];
                fetches[0].hold = late ? FETCH_NO_BODY : 0;
                open_streams( 1, &decoding );
                h2_send_settings( &peers[0], NULL, 0 );
                snprintf( fields, sizeof(fields), ":status=200|content-encoding=gzip|content-length=%u", coded_len );
                h2_send_fields( &peers[0], 1, i % 2 ? fields : ":status=200|content-encoding=gzip", 0 );
                send_coded( 1, 0, coded_len, pieces[i], H2_END_STREAM );
                until( fetches[0].status == 200 );
                if (late) until( peers[0].out_pos == peers[0].out_len );
                fetches[0].hold = 0;
                done( 0, WHE_OK );
                expect( fetches[0].flags & WHR_DECODED && fetches[0].content_len == WH_NO_LENGTH );
                expect( fetches[0].body_len == (i && k ? 50000 : 2000) && fetches[0].sum == document_sum );
                play_end();
            }
}

/* A query tells what can be read without waiting; it decodes ahead, and never more than a block. */
static void test_queries( void )
{
    struct fetch *fetch = &fetches[0];
    uint32_t total = 0, sum = 0, told, i, queries;

    code( 200000, 0 );
    play_begin( 1 );
    fetch->hold = FETCH_NO_BODY;
    open_streams( 1, &decoding );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-encoding=gzip", 0 );
    until( fetch->status == 200 );
    expect( posted_read( fetch, 0, 1 ) == WH_PENDING );      /* nothing is there: it waits */
    send_coded( 1, 0, 5, 5, 0 );                             /* half a header of gzip is nothing to read either */
    until( peers[0].out_pos == peers[0].out_len );
    for (i = 0; i < 20; i++) turn();
    expect( is_reading( fetch ) );
    send_coded( 1, 5, coded_len - 5, 3000, H2_END_STREAM );
    for (queries = 0; total < 200000 && queries < 10000; queries++)
    {
        until( !is_reading( fetch ) );
        expect( !fetch->async.last[WHK_BODY_READ].error );
        told = (uint32_t)fetch->async.last[WHK_BODY_READ].bytes;
        if (!expect( told && told <= BLOCK_SIZE )) break;
        if (told > BODY_SIZE) told = BODY_SIZE;
        expect( posted_read( fetch, told, told ) == WH_DONE );     /* without waiting, as was told */
        expect( fetch->async.last[WHK_BODY_READ].bytes == told );
        for (i = 0; i < told; i++) sum += (uint8_t)fetch->body[i];
        total += told;
        if (fetch->async.last[WHK_BODY_READ].flags & WHR_END) break;
        posted_read( fetch, 0, 1 );
    }
    expect( total == 200000 && sum == document_sum );
    until( !is_reading( fetch ) );
    posted_read( fetch, 0, 1 );                              /* and at the end: nothing, as often as asked */
    until( !is_reading( fetch ) );
    expect( !fetch->async.last[WHK_BODY_READ].error && !fetch->async.last[WHK_BODY_READ].bytes );
    expect( fetch->async.last[WHK_BODY_READ].flags & WHR_END );
    play_end();
}

static const struct row
{
    const char *name, *fields;
    int         cut;             /* bytes of the coded document that are missing */
    int         extra;           /* bytes behind it */
    int         corrupt;         /* a byte of it is changed */
    uint32_t    flags;           /* WHX_* */
    uint32_t    error;
    int         whole;           /* the whole document comes first */
    const char *trailers;
    int         end_apart;       /* END_STREAM on an empty DATA frame */
}
rows[] =
{
    { "whole",           ":status=200|content-encoding=gzip", .whole = 1 },
    { "x-gzip",          ":status=200|content-encoding=X-GZip", .whole = 1 },
    { "end apart",       ":status=200|content-encoding=gzip", .whole = 1, .end_apart = 1 },
    { "trailers",        ":status=200|content-encoding=gzip", .whole = 1, .trailers = "x-sum=1" },
    { "until its end",   ":status=200|content-encoding=gzip", .whole = 1, .flags = WHX_STREAM_END, .trailers = "x-sum=1" },
    { "error status",    ":status=404|content-encoding=gzip", .whole = 1 },
    { "cut in the sum",  ":status=200|content-encoding=gzip", .cut = 3, .error = WHE_CODING, .whole = 1 },
    { "cut in the data", ":status=200|content-encoding=gzip", .cut = 100, .error = WHE_CODING },
    { "cut, end apart",  ":status=200|content-encoding=gzip", .cut = 100, .error = WHE_CODING, .end_apart = 1 },
    { "cut, trailers",   ":status=200|content-encoding=gzip", .cut = 100, .error = WHE_CODING, .trailers = "x-sum=1" },
    { "more behind it",  ":status=200|content-encoding=gzip", .extra = 10, .error = WHE_CODING, .whole = 1 },
    { "corrupt",         ":status=200|content-encoding=gzip", .corrupt = 1, .error = WHE_CODING },
    { "not it",          ":status=200|content-encoding=deflate", .error = WHE_CODING },
};

static void run_row( const struct row *row, uint32_t piece, uint32_t size, int late )
{
    uint32_t len = coded_len - row->cut + row->extra, sum;
    char text[100];

    case_name = row->name;
    play_begin( 1 );
    fetches[0].size = size;
    fetches[0].hold = late ? FETCH_NO_BODY : 0;
    {
        struct request request = decoding;

        request.flags |= row->flags;
        open_streams( 1, &request );
    }
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    until( peers[0].last_id == 3 );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, row->fields, 0 );
    if (row->corrupt) coded[coded_len / 2] ^= 0x55;
    memset( coded + coded_len, '!', 10 );
    send_coded( 1, 0, len, piece, row->end_apart || row->trailers ? 0 : H2_END_STREAM );
    if (row->end_apart) h2_send_data( &peers[0], 1, NULL, 0, H2_END_STREAM );
    if (row->trailers) h2_send_fields( &peers[0], 1, row->trailers, H2_END_STREAM );
    if (row->corrupt) coded[coded_len / 2] ^= 0x55;
    until( fetches[0].status );
    if (late)
    {
        until( peers[0].out_pos == peers[0].out_len );
        fetches[0].hold = 0;
    }
    done( 0, row->error );
    sum = fetches[0].sum;
    if (row->whole) hold_that( fetches[0].body_len == 50000 && sum == document_sum );
    else hold_that( fetches[0].body_len < 50000 );
    if (row->trailers && !row->error)
        hold_that( !fetch_trailers( &fetches[0], text, sizeof(text) ) && !strcmp( text, "x-sum: 1\r\n" ) );
    h2_answer( &peers[0], 3, "ok" );      /* it is that stream's business only */
    done( 1, WHE_OK );
    hold_that( peers[0].goaway == H2_NONE );
    play_end();
    case_name = "";
}

static void test_ends( void )
{
    unsigned int i;

    code( 50000, 0 );
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        run_row( &rows[i], 16384, BODY_SIZE, 0 );
        run_row( &rows[i], 16384, 1000, 1 );
        run_row( &rows[i], 100, 50000, 0 );
        run_row( &rows[i], 100, 777, 1 );
    }
}

/* Nothing is there to be decoded: that is an empty body, not a broken one. */
static void test_no_body( void )
{
    static const struct { const char *fields; uint8_t flags; uint32_t flag; int data; } nothing[] =
    {
        { ":status=200|content-encoding=gzip", H2_END_STREAM, 0, 0 },
        { ":status=200|content-encoding=gzip", 0, 0, 1 },
        { ":status=200|content-encoding=gzip|content-length=0", 0, 0, 1 },
        { ":status=200|content-encoding=gzip|content-length=0", H2_END_STREAM, 0, 0 },
        { ":status=200|content-encoding=gzip|content-length=1000", H2_END_STREAM, WHX_HEAD, 0 },
        { ":status=200|content-encoding=gzip", 0, WHX_HEAD, 1 },
        { ":status=204|content-encoding=gzip", H2_END_STREAM, 0, 0 },
        { ":status=304|content-encoding=gzip|content-length=1000", H2_END_STREAM, 0, 0 },
    };
    struct request request = decoding;
    unsigned int i;

    for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
    {
        case_name = nothing[i].fields;
        play_begin( 1 );
        request.flags = WHX_DECODE | nothing[i].flag;
        open_streams( 1, &request );
        h2_send_settings( &peers[0], NULL, 0 );
        h2_send_fields( &peers[0], 1, nothing[i].fields, nothing[i].flags );
        if (nothing[i].data) h2_send_data( &peers[0], 1, NULL, 0, H2_END_STREAM );
        done( 0, WHE_OK );
        hold_that( !fetches[0].body_len );
        play_end();
        case_name = "";
    }
}

/* The length is that of the coded bytes; what does not keep to it is no answer. */
static void test_lengths( void )
{
    char fields[100];
    int off;

    code( 50000, 0 );
    for (off = -1; off < 2; off += 2)
    {
        play_begin( 1 );
        open_streams( 1, &decoding );
        h2_send_settings( &peers[0], NULL, 0 );
        snprintf( fields, sizeof(fields), ":status=200|content-encoding=gzip|content-length=%u", coded_len + off );
        h2_send_fields( &peers[0], 1, fields, 0 );
        send_coded( 1, 0, coded_len, 5000, H2_END_STREAM );
        done( 0, WHE_PROTOCOL );
        play_end();
    }
}

/* The connection ends in the middle: what came is delivered, then that is said. */
static void test_a_cut( void )
{
    play_begin( 1 );
    code( 50000, 0 );
    fetches[0].hold = FETCH_NO_BODY;
    open_streams( 1, &decoding );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-encoding=gzip", 0 );
    send_coded( 1, 0, coded_len / 2, 5000, 0 );
    until( fetches[0].status == 200 && peers[0].out_pos == peers[0].out_len );
    h2_hang_up( &peers[0] );
    fetches[0].hold = 0;
    done( 0, WHE_RESET );
    expect( fetches[0].body_len && fetches[0].body_len < 50000 );
    play_end();
}

/* A little that becomes much: one large read takes a while, and the other streams go on meanwhile. */
static void test_a_bomb_holds_nobody( void )
{
    static char large[ZEROS];
    struct wh_exchange_read_body_params params = { .buffer = wh_from_ptr( large ), .size = ZEROS, .min = ZEROS };
    struct fetch *fetch = &fetches[0];

    code( ZEROS, 1 );
    play_begin( 1 );
    fetch->hold = FETCH_NO_BODY;
    open_streams( 1, &decoding );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-encoding=gzip", 0 );
    send_coded( 1, 0, coded_len, 16384, H2_END_STREAM );
    until( fetch->status == 200 && peers[0].out_pos == peers[0].out_len );
    fetch_start( &fetches[1], peers[0].port, &h2_plain );
    until( peers[0].last_id == 3 );
    params.exchange = fetch->async.id;
    fetch->async.pending |= 1u << WHK_BODY_READ;
    /* The call does not decode all of it while everybody else waits. */
    if (!expect( exchange_read_body( &params ) == WH_PENDING )) fetch->async.pending &= ~(1u << WHK_BODY_READ);
    h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    until( !is_reading( fetch ) );
    expect( !fetch->async.last[WHK_BODY_READ].error && fetch->async.last[WHK_BODY_READ].bytes == ZEROS );
    play_end();
}

/* The same on a connection that has ended behind it: all of it is there, and is delivered. */
static void test_a_bomb_behind_which_all_ends( void )
{
    static char large[ZEROS];
    struct wh_exchange_read_body_params params = { .buffer = wh_from_ptr( large ), .size = ZEROS, .min = ZEROS };
    struct fetch *fetch = &fetches[0];

    code( ZEROS, 1 );
    play_begin( 1 );
    fetch->hold = FETCH_NO_BODY;
    open_streams( 1, &decoding );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-encoding=gzip", 0 );
    send_coded( 1, 0, coded_len, 16384, H2_END_STREAM );
    until( fetch->status == 200 && peers[0].out_pos == peers[0].out_len );
    h2_hang_up( &peers[0] );
    params.exchange = fetch->async.id;
    fetch->async.pending |= 1u << WHK_BODY_READ;
    if (!expect( exchange_read_body( &params ) == WH_PENDING )) fetch->async.pending &= ~(1u << WHK_BODY_READ);
    until( !is_reading( fetch ) );
    expect( !fetch->async.last[WHK_BODY_READ].error && fetch->async.last[WHK_BODY_READ].bytes == ZEROS );
    play_end();
}

/* The same, given up in the middle. */
static void test_a_bomb_is_closed( void )
{
    static char large[ZEROS];
    struct wh_exchange_read_body_params params = { .buffer = wh_from_ptr( large ), .size = ZEROS, .min = ZEROS };
    struct fetch *fetch = &fetches[0];

    code( ZEROS, 1 );
    play_begin( 1 );
    fetch->hold = FETCH_NO_BODY;
    open_streams( 2, &decoding );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=200|content-encoding=gzip", 0 );
    send_coded( 1, 0, coded_len, 16384, H2_END_STREAM );
    until( fetch->status == 200 && peers[0].out_pos == peers[0].out_len );
    params.exchange = fetch->async.id;
    fetch->async.pending |= 1u << WHK_BODY_READ;
    if (!expect( exchange_read_body( &params ) == WH_PENDING )) fetch->async.pending &= ~(1u << WHK_BODY_READ);
    fetch_close( fetch );
    h2_answer( &peers[0], 3, "ok" );
    done( 1, WHE_OK );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_pieces_and_reads );
    run( test_queries );
    run( test_ends );
    run( test_no_body );
    run( test_lengths );
    run( test_a_cut );
    run( test_a_bomb_holds_nobody );
    run( test_a_bomb_behind_which_all_ends );
    run( test_a_bomb_is_closed );
    client_end();
    return test_end( "h2_decode" );
}
