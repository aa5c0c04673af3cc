/*
 * Tests of unix/intake.c: body bytes on their way to the reader, by themselves and over HTTP/1.1 connections
 */

#include <zlib.h>

#include "block.h"
#include "client.h"

#define GZIP_BITS 31

static char document[300000], coded[310000];
static size_t coded_len;

/* Text that can be coded shorter; `len` of it in `coded`. */
static void code( size_t len )
{
    z_stream stream = { 0 };
    size_t i;

    for (i = 0; i < len; i++) document[i] = 'a' + (i * i / 7 + i / 100) % 17;
    if (deflateInit2( &stream, 6, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_in   = (unsigned char *)document;
    stream.avail_in  = len;
    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = sizeof(coded);
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    coded_len = sizeof(coded) - stream.avail_out;
    deflateEnd( &stream );
}

/*--- by itself -----------------------------------------------------------------------------------------------------*/

static char buffer[300100];

static struct op read_op( size_t size, size_t min )
{
    struct op op = { .data = buffer, .size = size, .min = min ? min : 1 };

    return op;
}

static void begin( struct exchange *exchange, const char *name )
{
    struct codings codings = { 0, 0, { 0 } };

    memset( exchange, 0, sizeof(*exchange) );
    exchange->flags = WHX_DECODE;
    if (name) codings_add( &codings, name, strlen( name ) );
    expect( intake_begin( exchange, &codings, 200 ) == (name != NULL) );
}

static void test_what_is_decoded( void )
{
    struct codings none = { 0, 0, { 0 } }, gzip = none;
    struct exchange exchange;

    codings_add( &gzip, "gzip", 4 );
    memset( &exchange, 0, sizeof(exchange) );
    expect( !intake_begin( &exchange, &gzip, 200 ) && !exchange.intake.coded );      /* nobody has asked for it */
    exchange.flags = WHX_DECODE_DEFLATE;
    expect( !intake_begin( &exchange, &gzip, 200 ) );
    exchange.flags = WHX_DECODE;
    expect( !intake_begin( &exchange, &none, 200 ) );
    expect( !intake_begin( &exchange, &gzip, 206 ) );
    expect( intake_begin( &exchange, &gzip, 404 ) && exchange.intake.coded );
}

static void test_plain_bytes( void )
{
    struct exchange exchange;
    struct op op = read_op( 10, 4 );
    size_t used;

    begin( &exchange, NULL );
    expect( intake_take( &exchange, &op, NULL, 0, 0, &used ) == INTAKE_MORE && !used );
    expect( intake_take( &exchange, &op, "abc", 3, 0, &used ) == INTAKE_MORE && used == 3 );
    expect( intake_take( &exchange, &op, NULL, 0, 0, &used ) == INTAKE_MORE );       /* less than min */
    expect( intake_take( &exchange, &op, "de", 2, 0, &used ) == INTAKE_MORE && used == 2 );
    expect( intake_take( &exchange, &op, NULL, 0, 0, &used ) == INTAKE_ENOUGH );
    op = read_op( 3, 3 );
    expect( intake_take( &exchange, &op, "fghi", 4, 0, &used ) == INTAKE_ENOUGH && used == 3 && op.done == 3 );
    expect( intake_take( &exchange, &op, "i", 1, 0, &used ) == INTAKE_ENOUGH && !used );
    op = read_op( 0, 1 );
    expect( intake_take( &exchange, &op, NULL, 0, 0, &used ) == INTAKE_MORE );
    expect( intake_take( &exchange, &op, "ij", 2, 1, &used ) == INTAKE_ENOUGH && !used && op.done == 2 );
    op = read_op( 2, 1 );
    expect( intake_take( &exchange, &op, "ij", 2, 1, &used ) == INTAKE_END && used == 2 && op.done == 2 );
    op = read_op( 0, 1 );
    expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_END && !op.done );
    expect( exchange.stats.response_body == 10 && exchange.stats.response_coded == 10 );
}

/* A body that is fed in pieces of `piece`, read with reads of `size`, with a query before each if `ask`. */
static void take_all( size_t len, size_t piece, size_t size, int ask )
{
    size_t at = 0, total = 0, used, given;
    enum intake_result result = INTAKE_MORE;
    struct exchange exchange;
    struct op op;
    int asking = ask;

    begin( &exchange, "gzip" );
    op = read_op( ask ? 0 : size, ask ? 1 : size );
    for (given = 0; result != INTAKE_END;)
    {
        result = intake_take( &exchange, &op, coded + at, given, at + given == coded_len, &used );
        at += used;
        given -= used;
        if (!expect( result != INTAKE_FAILED && op.done <= (op.size ? op.size : BLOCK_SIZE) )) break;
        if (result == INTAKE_ENOUGH && used && at < coded_len) continue;    /* it cannot hurt */
        if (result == INTAKE_ENOUGH || result == INTAKE_END)
        {
            if (!asking)
            {
                expect( !memcmp( buffer, document + total, op.done ) );
                total += op.done;
            }
            else expect( op.done || result == INTAKE_END );
            asking = ask && !asking;
            op = read_op( asking ? 0 : size, asking ? 1 : ask ? 1 : size );
        }
        if (result == INTAKE_MORE)
        {
            if (!expect( !given && (at < coded_len) )) break;
            given = piece < coded_len - at ? piece : coded_len - at;
        }
    }
    expect( total == len && at == coded_len );
    expect( exchange.stats.response_body == len && exchange.stats.response_coded == coded_len );
    expect( !exchange.intake.decoder && !exchange.intake.ahead );     /* nothing is kept behind the end */
    intake_release( &exchange.intake );
}

static void test_coded_bytes_for_pieces_reads_and_queries( void )
{
    static const size_t sizes[] = { 1, 2, 100, 3000, 300000 };
    size_t i, k;

    code( 3000 );
    for (i = 0; i < 5; i++)
    {
        for (k = 0; k < 5; k++)
        {
            take_all( 3000, sizes[i], sizes[k], 0 );
            take_all( 3000, sizes[i], sizes[k], 1 );
        }
    }
    code( 300000 );
    for (i = 3; i < 5; i++)
    {
        for (k = 2; k < 5; k++)
        {
            take_all( 300000, sizes[i], sizes[k], 0 );
            take_all( 300000, sizes[i], sizes[k], 1 );
        }
    }
    expect( !block_out() );
}

static void test_an_empty_body_is_whole( void )
{
    struct exchange exchange;
    struct op op = read_op( 0, 1 );
    size_t used;

    begin( &exchange, "gzip" );
    expect( intake_take( &exchange, &op, NULL, 0, 0, &used ) == INTAKE_MORE );
    expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_END && !op.done );
    begin( &exchange, "deflate" );
    op = read_op( 10, 10 );
    expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_END && !op.done );
}

/* Good bytes are delivered before the error, to a read and to a query. */
static void test_good_bytes_come_before_the_error( void )
{
    struct exchange exchange;
    struct op op;
    size_t used;
    int way;

    code( 1000 );
    for (way = 0; way < 2; way++)
    {
        size_t len = way ? coded_len - 1 : coded_len;    /* corrupt, or cut off */

        if (!way) coded[coded_len - 1] ^= 1;
        begin( &exchange, "gzip" );
        op = read_op( 2000, 2000 );
        expect( intake_take( &exchange, &op, coded, len, 1, &used ) == INTAKE_ENOUGH );
        expect( op.done == 1000 && !memcmp( buffer, document, 1000 ) && exchange.intake.error == WHE_CODING );
        expect( intake_take( &exchange, &op, coded + used, len - used, 1, &used ) == INTAKE_ENOUGH && !used );
        op = read_op( 2000, 2000 );
        expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_FAILED && !op.done );
        op = read_op( 0, 1 );
        expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_FAILED && !op.done );
        intake_release( &exchange.intake );

        begin( &exchange, "gzip" );
        op = read_op( 0, 1 );
        expect( intake_take( &exchange, &op, coded, len, 1, &used ) == INTAKE_ENOUGH && op.done == 1000 );
        op = read_op( 600, 1 );
        expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_ENOUGH && op.done == 600 );
        op = read_op( 600, 600 );
        expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_ENOUGH && op.done == 400 );
        op = read_op( 600, 1 );
        expect( intake_take( &exchange, &op, NULL, 0, 1, &used ) == INTAKE_FAILED && !op.done );
        intake_release( &exchange.intake );
    }
    expect( !block_out() );
}

/* A query decodes one block ahead, and others have their turn while much is made. */
static void test_work_is_bounded( void )
{
    static char large[4 << 20];
    unsigned int busy = 0, calls = 0;
    enum intake_result result;
    size_t at = 0, used, i;
    struct exchange exchange;
    struct op op = read_op( 0, 1 );
    z_stream stream = { 0 };

    if (deflateInit2( &stream, 9, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_in   = (unsigned char *)large;
    stream.avail_in  = sizeof(large);
    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = sizeof(coded);
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    coded_len = sizeof(coded) - stream.avail_out;
    deflateEnd( &stream );
    memset( large, 1, sizeof(large) );

    begin( &exchange, "gzip" );
    expect( intake_take( &exchange, &op, coded, coded_len, 1, &used ) == INTAKE_ENOUGH );
    expect( op.done == BLOCK_SIZE && used < coded_len );
    at += used;
    expect( intake_take( &exchange, &op, coded + at, coded_len - at, 1, &used ) == INTAKE_ENOUGH && !used );
    op = read_op( sizeof(large), sizeof(large) );
    op.data = large;
    do
    {
        result = intake_take( &exchange, &op, coded + at, coded_len - at, 1, &used );
        at += used;
        calls++;
        if (result == INTAKE_BUSY) busy++;
    } while (result == INTAKE_BUSY && calls < 100);
    expect( result == INTAKE_END && op.done == sizeof(large) && at == coded_len );
    expect( busy >= 3 && busy <= 5 );
    expect( exchange.times.decoding );
    for (i = 0; i < sizeof(large) && !large[i]; i++) ;
    expect( i == sizeof(large) );
    expect( !block_out() );
}

static void take_with_faults( void *arg )
{
    struct exchange exchange;
    struct op op = read_op( arg ? 0 : 1000, 1 );
    enum intake_result result;
    long live = hooks_live();
    size_t used;

    begin( &exchange, "gzip" );
    result = intake_take( &exchange, &op, coded, coded_len, 1, &used );
    if (exchange.intake.error) expect( result == INTAKE_FAILED && exchange.intake.error == WHE_NO_MEMORY );
    else expect( result == (arg ? INTAKE_ENOUGH : INTAKE_END) && op.done == 1000 );
    intake_release( &exchange.intake );
    block_shutdown();
    expect( hooks_live() <= live );
}

static void test_without_memory( void )
{
    code( 1000 );
    hooks_each_failure( HOOK_ALLOC, 0, take_with_faults, NULL );
    hooks_each_failure( HOOK_ALLOC, 0, take_with_faults, document );
}

/*--- over connections ----------------------------------------------------------------------------------------------*/

struct answer
{
    const char *head;
    size_t      body_len;        /* of `coded` */
    unsigned int chunk;          /* body in chunks of so many bytes, 0 = as it is */
    unsigned int pieces;         /* sent in system calls of so many bytes, 0 = at once */
    const char *trailers;
    int         end;             /* the connection ends behind it */
};

static void send_pieces( int fd, const char *data, size_t len, unsigned int piece )
{
    size_t at, count;

    for (at = 0; at < len; at += count)
    {
        count = piece && piece < len - at ? piece : len - at;
        peer_send_bytes( fd, data + at, count );
    }
}

static void script_coded( struct peer *peer, int fd, void *arg )
{
    const struct answer *answer = arg;
    char head[4096], line[32];
    size_t at, count;

    while (peer_read_head( peer, fd, head, sizeof(head) ))
    {
        peer_send( fd, answer->head );
        if (!answer->chunk)
        {
            snprintf( line, sizeof(line), answer->end ? "\r\n" : "Content-Length: %zu\r\n\r\n", answer->body_len );
            peer_send( fd, line );
            send_pieces( fd, coded, answer->body_len, answer->pieces );
        }
        else
        {
            peer_send( fd, "Transfer-Encoding: chunked\r\n\r\n" );
            for (at = 0; at < answer->body_len; at += count)
            {
                count = answer->chunk < answer->body_len - at ? answer->chunk : answer->body_len - at;
                snprintf( line, sizeof(line), "%zx\r\n", count );
                send_pieces( fd, line, strlen( line ), answer->pieces );
                send_pieces( fd, coded + at, count, answer->pieces );
                send_pieces( fd, "\r\n", 2, answer->pieces );
            }
            snprintf( line, sizeof(line), "0\r\n" );
            send_pieces( fd, line, strlen( line ), answer->pieces );
            if (answer->trailers) peer_send( fd, answer->trailers );
            send_pieces( fd, "\r\n", 2, answer->pieces );
        }
        if (answer->end) return;
    }
}

#define CODED "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"

static const struct request decoding = { .flags = WHX_DECODE };

/* Two requests over one connection, read in pieces; the second tells that the first was read to its end. */
static void get_twice( const struct answer *answer, uint32_t piece, size_t len )
{
    struct client *client = malloc( sizeof(*client) );
    struct peer peer;
    int i;

    peer_start( &peer, script_coded, answer );
    for (i = 0; i < 2; i++)
    {
        expect( !client_start( client, &peer, &decoding ) );
        expect( !client_read_head( client, WAIT_MS, 0, 0 ) );
        expect( client->status == 200 && client->content_len == WH_NO_LENGTH );
        expect( (client->flags & (WHR_DECODED | WHR_END)) == WHR_DECODED );
        expect( !client_read_all( client, piece, WAIT_MS ) );
        expect( client->body_len == len && !memcmp( client->body, document, len ) );
        client_close( client );
    }
    expect( peer_connections( &peer ) == (answer->end ? 2 : 1) );
    expect_clean();
    peer_stop( &peer );
    free( client );
}

static void test_bodies_of_each_framing( void )
{
    static const struct answer answers[] =
    {
        { .head = CODED }, { .head = CODED, .pieces = 1 }, { .head = CODED, .chunk = 1 }, { .head = CODED, .chunk = 100 },
        { .head = CODED, .chunk = 77, .pieces = 1 }, { .head = CODED, .chunk = 100000 },
        { .head = CODED, .chunk = 50, .trailers = "X-Sum: 1\r\n" },
        { .head = "HTTP/1.0 200 OK\r\nContent-Encoding: x-gzip\r\n", .end = 1 },
        { .head = "HTTP/1.0 200 OK\r\nContent-Encoding: GZIP\r\n", .end = 1, .pieces = 1 },
        { .head = "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding:\r\nContent-Encoding: gzip\r\n" },
    };
    struct answer answer;
    size_t i;

    code( 2000 );
    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
    {
        answer = answers[i];
        answer.body_len = coded_len;
        get_twice( &answer, 2000, 2000 );
        get_twice( &answer, 4000, 2000 );
        get_twice( &answer, 7, 2000 );
    }
}

/* client_read_all keeps 64 KiB */
static void test_a_large_body_into_small_and_large_reads( void )
{
    struct answer answer = { .head = CODED, .chunk = 5000 };

    code( 60000 );
    answer.body_len = coded_len;
    get_twice( &answer, 5000, 60000 );
    get_twice( &answer, 100, 60000 );
    answer.chunk = 0;
    get_twice( &answer, 5000, 60000 );
}

/* Neither decoded nor without its length. */
static void test_bodies_that_stay_as_they_are( void )
{
    static const struct { const char *head; uint32_t flags; } cases[] =
    {
        { CODED, 0 }, { CODED, WHX_DECODE_DEFLATE }, { "HTTP/1.1 206 Partial\r\nContent-Encoding: gzip\r\n", WHX_DECODE },
        { "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, sdch\r\n", WHX_DECODE },
        { "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Encoding: gzip\r\n", WHX_DECODE },
        { "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n", WHX_DECODE },
        { "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n", WHX_DECODE },
        { "HTTP/1.1 200 OK\r\nX-Content-Encoding: gzip\r\n", WHX_DECODE }, { "HTTP/1.1 200 OK\r\n", WHX_DECODE },
    };
    struct client client;
    struct answer answer;
    struct peer peer;
    size_t i;

    code( 2000 );
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        struct request request = { .flags = cases[i].flags };

        answer = (struct answer){ .head = cases[i].head, .body_len = coded_len };
        peer_start( &peer, script_coded, &answer );
        expect( !client_start( &client, &peer, &request ) );
        expect( !client_read_head( &client, WAIT_MS, 0, 0 ) );
        expect( client.content_len == coded_len && !(client.flags & WHR_DECODED) );
        expect( !client_read_all( &client, 4000, WAIT_MS ) );
        expect( client.body_len == coded_len && !memcmp( client.body, coded, coded_len ) );
        client_close( &client );
        expect_clean();
        peer_stop( &peer );
    }
}

static void test_nothing_to_decode( void )
{
    static const struct { const char *answer; uint32_t flags; } cases[] =
    {
        { CODED "Content-Length: 100\r\n\r\n", WHX_HEAD }, { CODED "Content-Length: 0\r\n\r\n", 0 },
        { "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", 0 },
        { "HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n", 0 },
        { CODED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0 },
    };
    struct client client;
    struct peer peer;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
        struct request request = { .flags = WHX_DECODE | cases[i].flags };

        peer_start( &peer, script_answer, cases[i].answer );
        expect( !client_get( &client, &peer, &request ) && !client.body_len );
        expect( !(client.flags & WHR_DECODED) == (i < 4) );
        expect( !client_get( &client, &peer, &request ) );
        expect( peer_connections( &peer ) == 1 );
        expect_clean();
        peer_stop( &peer );
    }
}

static uint32_t read_some( struct client *client, uint32_t size, uint32_t min )
{
    struct wh_exchange_read_body_params params = { .exchange = client->id, .buffer = wh_from_ptr( size ? client->body : NULL ),
                                                   .size = size, .min = min, .timeout_ms = WAIT_MS };
    struct wh_record record;
    uint32_t ret = exchange_read_body( &params );

    client->error = params.error;
    if (ret == WH_PENDING)
    {
        client->error = wait_for( client, WHK_BODY_READ, &record );
        params.bytes = record.bytes;
        params.flags = record.flags;
    }
    client->flags = params.flags;
    client->body_len = params.bytes;
    return client->error;
}

/* The good bytes with success, then CODING, and the connection is gone. */
static void test_corrupt_and_truncated_bodies( void )
{
    struct client client;
    struct answer answer;
    struct peer peer;
    int way, ask;

    for (way = 0; way < 4; way++)
    {
        for (ask = 0; ask < 2; ask++)
        {
            code( 2000 );
            answer = (struct answer){ .head = CODED, .body_len = coded_len, .chunk = way & 1 ? 500 : 0 };
            if (way & 2) coded[coded_len - 5] ^= 1;     /* the check sum */
            else answer.body_len -= 3;
            peer_start( &peer, script_coded, &answer );
            expect( !client_start( &client, &peer, &decoding ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
            if (ask) expect( !read_some( &client, 0, 1 ) && client.body_len && client.body_len <= 2000 );
            expect( !read_some( &client, 4000, 4000 ) && client.body_len == 2000 && !(client.flags & WHR_END) );
            expect( !memcmp( client.body, document, 2000 ) );
            expect( read_some( &client, ask ? 0 : 4000, 1 ) == WHE_CODING && !client.body_len );
            expect( read_some( &client, 4000, 1 ) == WHE_CODING );
            client_close( &client );
            expect( !origin_idle_count() );
            expect_clean();
            peer_stop( &peer );
        }
    }
}

/* A connection that breaks in the middle is what it always was. */
static void test_a_broken_connection( void )
{
    static const char cut[] = CODED "Content-Length: 100\r\n\r\n\x1f\x8b\x08";
    struct client client;
    struct peer peer;

    peer_start( &peer, script_answer_and_end, cut );
    expect( client_get( &client, &peer, &decoding ) == WHE_RESET );
    expect_clean();
    peer_stop( &peer );
}

/* The framing has ended, and much is still to be decoded: the reader gets all of it. */
static void test_a_reader_that_is_slower_than_the_framing( void )
{
    static char zeros[500000];
    struct answer answer = { .head = CODED, .chunk = 100 };
    struct client client;
    z_stream stream = { 0 };
    struct peer peer;
    uint64_t total;
    int ask, asking;

    if (deflateInit2( &stream, 9, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY )) abort();
    stream.next_in   = (unsigned char *)zeros;
    stream.avail_in  = sizeof(zeros);
    stream.next_out  = (unsigned char *)coded;
    stream.avail_out = sizeof(coded);
    if (deflate( &stream, Z_FINISH ) != Z_STREAM_END) abort();
    answer.body_len = coded_len = sizeof(coded) - stream.avail_out;
    deflateEnd( &stream );
    peer_start( &peer, script_coded, &answer );
    for (ask = 0; ask < 2; ask++)
    {
        expect( !client_start( &client, &peer, &decoding ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
        for (total = 0, asking = ask;; asking = ask && !asking)
        {
            if (!expect( !read_some( &client, asking ? 0 : 1000, 1 ) )) break;
            if (!asking) total += client.body_len;
            if (!client.body_len) break;
        }
        expect( total == sizeof(zeros) );
        client_close( &client );
    }
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    peer_stop( &peer );
}

/* What is left of a body that nobody reads is thrown away as it came, not decoded. */
static void test_a_body_that_is_not_read( void )
{
    struct client client;
    struct answer answer = { .head = CODED };
    struct peer peer;
    uint64_t until;
    int read;

    code( 2000 );
    answer.body_len = coded_len;
    peer_start( &peer, script_coded, &answer );
    for (read = 0; read < 3; read++)
    {
        expect( !client_start( &client, &peer, &decoding ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
        if (read) expect( !read_some( &client, read == 1 ? 0 : 10, 1 ) && client.body_len );
        client_close( &client );
        for (until = engine_now_ms() + WAIT_MS; !origin_idle_count() && expect( engine_now_ms() < until );)    /* it drains */
            async_pump( 5 );
    }
    expect( !client_get( &client, &peer, &decoding ) && client.body_len == 2000 );
    expect( peer_connections( &peer ) == 1 );
    expect_clean();
    expect( !block_out() );
    peer_stop( &peer );
}

static void test_trailers_and_numbers( void )
{
    struct answer answer = { .head = CODED, .chunk = 100, .trailers = "X-Sum: 1\r\nX-More: 2\r\n" };
    struct wh_exchange_query_params query = { .what = WHQ_TRAILERS };
    struct client client;
    struct wh_stats stats;
    char trailers[64];
    struct peer peer;

    code( 2000 );
    answer.body_len = coded_len;
    peer_start( &peer, script_coded, &answer );
    expect( !client_start( &client, &peer, &decoding ) && !client_read_head( &client, WAIT_MS, 0, 0 ) );
    query.exchange = client.id;
    query.buffer = wh_from_ptr( trailers );
    query.size = sizeof(trailers);
    expect( !exchange_query( &query ) && query.error == WHE_STATE );
    expect( !read_some( &client, 1999, 1999 ) && !(client.flags & WHR_END) );
    expect( !exchange_query( &query ) && query.error == WHE_STATE );    /* the last byte was not read */
    expect( !read_some( &client, 1, 1 ) );
    if (!(client.flags & WHR_END)) expect( !read_some( &client, 1, 1 ) && !client.body_len );
    expect( !exchange_query( &query ) && !query.error && query.len == 21 );
    expect( !memcmp( trailers, "X-Sum: 1\r\nX-More: 2\r\n", 21 ) );
    query.what = WHQ_STATS;
    query.buffer = wh_from_ptr( &stats );
    query.size = sizeof(stats);
    expect( !exchange_query( &query ) && !query.error );
    expect( stats.response_body == 2000 && stats.response_coded == coded_len );
    client_close( &client );
    expect_clean();
    peer_stop( &peer );
}

/* Whatever fails, a body is either whole and right, or an error. */
static void get_with_faults( void *arg )
{
    struct client client;
    uint32_t error = client_get( &client, arg, &decoding );

    if (!error) expect( client.body_len == 2000 && !memcmp( client.body, document, 2000 ) );
    else expect( hooks_failed() );
    origin_shutdown();
}

static void test_a_whole_get_without_memory( void )
{
    struct answer answer = { .head = CODED, .chunk = 100 };
    struct peer peer;

    code( 2000 );
    answer.body_len = coded_len;
    peer_start( &peer, script_coded, &answer );
    hooks_each_failure( HOOK_ALLOC, 0, get_with_faults, &peer );
    expect_clean();
    expect( !block_out() );
    peer_stop( &peer );
}

int main(void)
{
    client_begin( 0 );

    run( test_what_is_decoded );
    run( test_plain_bytes );
    run( test_coded_bytes_for_pieces_reads_and_queries );
    run( test_an_empty_body_is_whole );
    run( test_good_bytes_come_before_the_error );
    run( test_work_is_bounded );
    run( test_without_memory );
    run( test_bodies_of_each_framing );
    run( test_a_large_body_into_small_and_large_reads );
    run( test_bodies_that_stay_as_they_are );
    run( test_nothing_to_decode );
    run( test_corrupt_and_truncated_bodies );
    run( test_a_broken_connection );
    run( test_a_reader_that_is_slower_than_the_framing );
    run( test_a_body_that_is_not_read );
    run( test_trailers_and_numbers );
    run( test_a_whole_get_without_memory );

    client_end();
    return test_end( "intake" );
}
