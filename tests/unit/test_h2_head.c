/*
 * Unit test of HTTP/2 heads: text to fields, fields to text (RFC 9113 section 8, RFC 8441)
 */

#include "check_h2_head.h"
#include "hooks.h"

/* ---- requests ---- */

/* The fields of a head as lines "name: value", those that are not to be indexed with a '!' in front; "" if it is refused.
 * The head lies before a page that cannot be read. */
static const char *fields_of( const char *head, int websocket )
{
    static char text[65536];
    size_t len = strlen( head ), i, count, pos = 0, room = h2_request_room( head, len );
    const char *copy = guard_copy( head, len );
    nghttp2_nv *fields = malloc( room * sizeof(*fields) );
    char *names = malloc( len ? len : 1 );

    count = h2_request_fields( copy, len, "https", websocket, fields, names );
    expect( count <= room );
    text[0] = 0;
    for (i = 0; i < count; i++)
        pos += snprintf( text + pos, sizeof(text) - pos, "%s%.*s: %.*s\n", fields[i].flags & NGHTTP2_NV_FLAG_NO_INDEX ? "!" : "",
                         (int)fields[i].namelen, (const char *)fields[i].name, (int)fields[i].valuelen,
                         (const char *)fields[i].value );
    free( fields );
    free( names );
    return text;
}

#define PSEUDO ":method: GET\n:scheme: https\n:authority: h\n:path: /\n"

static void test_a_request_becomes_fields( void )
{
    expect( !strcmp( fields_of( "GET /a?b=c HTTP/1.1\r\nAccept: x\r\nHost: example.org:8443\r\nUser-Agent:  me \t\r\n\r\n", 0 ),
                     ":method: GET\n:scheme: https\n:authority: example.org:8443\n:path: /a?b=c\naccept: x\nuser-agent: me\n" ) );
    expect( !strcmp( fields_of( "OPTIONS * HTTP/1.1\r\nHost: h\r\nX-Empty:\r\n\r\n", 0 ),
                     ":method: OPTIONS\n:scheme: https\n:authority: h\n:path: *\nx-empty: \n" ) );
}

/* RFC 9113 section 8.2.2: what belongs to a connection of HTTP/1.1 is not sent, nor what Connection names. */
static void test_connection_fields_are_dropped( void )
{
    expect( !strcmp( fields_of( "GET / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n"
                                "Transfer-Encoding: chunked\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nHost: other\r\n\r\n", 0 ), PSEUDO ) );
    expect( !strcmp( fields_of( "GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nX-Two: 2\r\nConnection: close , X-TWO,,\r\n"
                                "x-three: 3\r\nConnection: x-one\r\n\r\n", 0 ), PSEUDO "x-three: 3\n" ) );
    expect( !strcmp( fields_of( "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n", 0 ), PSEUDO "te: trailers\n" ) );
    expect( !strcmp( fields_of( "GET / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers\r\n\r\n", 0 ), PSEUDO ) );
}

static void test_secrets_are_not_indexed( void )
{
    expect( !strcmp( fields_of( "GET / HTTP/1.1\r\nHost: h\r\nCOOKIE: a=b\r\nAuthorization: Basic x\r\n"
                                "Proxy-Authorization: y\r\nCookies: z\r\n\r\n", 0 ),
                     PSEUDO "!cookie: a=b\n!authorization: Basic x\n!proxy-authorization: y\ncookies: z\n" ) );
}

static void test_bad_requests_are_refused( void )
{
    static const char *const bad[] =
    {
        "", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", "GET\r\nHost: h\r\n\r\n", "GET /\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET  HTTP/1.1\r\nHost: h\r\n\r\n", " / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\x01\r\n\r\n",
    };
    unsigned int i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!expect( !*fields_of( bad[i], 0 ) )) fprintf( stderr, "    %u\n", i );
}

/* RFC 8441 section 5: CONNECT with a protocol, and nothing of the handshake that HTTP/1.1 needs. */
static void test_a_websocket_request( void )
{
    expect( !strcmp( fields_of( "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Protocol: a, b\r\n\r\n", 1 ),
                     ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:authority: h\n:path: /chat\n"
                     "sec-websocket-version: 13\nsec-websocket-protocol: a, b\n" ) );
}

static void test_values_are_found( void )
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key:  abc \r\n\r\n";
    size_t len = 0;
    const char *value = h2_request_value( head, strlen( head ), "sec-websocket-key", &len );

    expect( value && len == 3 && !memcmp( value, "abc", 3 ) );
    expect( !h2_request_value( head, strlen( head ), "sec-websocket", &len ) );
}

/* ---- responses ---- */

struct field { const char *name, *value; };

#define OK  H2_BLOCK_OK
#define BAD H2_BLOCK_BAD

/* Blocks: fields, and how that of the last one, or the end of the block, goes. */
static const struct row
{
    struct field         fields[5];
    enum h2_block_result result;
    const char          *text;
    int                  trailers, te_ok;
} rows[] =
{
    { { { ":status", "200" } }, OK, "HTTP/1.1 200 OK\r\n\r\n", 0, 0 },
    { { { ":status", "200" }, { "a", "b" }, { "c", "" } }, OK, "HTTP/1.1 200 OK\r\na: b\r\nc: \r\n\r\n", 0, 0 },
    { { { ":status", "103" }, { "link", "x" } }, OK, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", 0, 0 },
    { { { ":status", "299" } }, OK, "HTTP/1.1 299 \r\n\r\n", 0, 0 },
    { { { ":status", "200" }, { "set-cookie", "a" }, { "set-cookie", "b" } }, OK,
      "HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n", 0, 0 },
    { { { "a", "b" } }, BAD, NULL, 0, 0 },
    { { { "a", "b" }, { ":status", "200" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "a", "b" }, { ":status", "200" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { ":status", "200" } }, BAD, NULL, 0, 0 },
    { { { ":status", "20" } }, BAD, NULL, 0, 0 },
    { { { ":status", "2000" } }, BAD, NULL, 0, 0 },
    { { { ":status", "2x0" } }, BAD, NULL, 0, 0 },
    { { { ":status", "099" } }, BAD, NULL, 0, 0 },
    { { { ":status", "101" } }, BAD, NULL, 0, 0 },
    { { { ":status", "" } }, BAD, NULL, 0, 0 },
    { { { ":path", "/" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "A", "b" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "", "b" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "a b", "c" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "a\r\nb", "c" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "a", "b\r\nc: d" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "a", "b\n" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "connection", "close" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "keep-alive", "5" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "upgrade", "x" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "proxy-connection", "x" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "transfer-encoding", "chunked" } }, BAD, NULL, 0, 0 },
    { { { ":status", "200" }, { "transfer-encoding", "chunked" } }, OK,
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 0, 1 },
    { { { ":status", "200" }, { "connection", "close" } }, BAD, NULL, 0, 1 },
    { { { "x-sum", "1" }, { "y", "" } }, OK, "x-sum: 1\r\ny: \r\n", 1, 0 },
    { { { ":status", "200" } }, BAD, NULL, 1, 0 },
    { { { "x", "1" }, { ":path", "/" } }, BAD, NULL, 1, 0 },
};

static enum h2_block_result feed_row( struct h2_block *block, const struct row *row )
{
    enum h2_block_result result = OK;
    unsigned int i;

    for (i = 0; i < 5 && row->fields[i].name && !result; i++)
    {
        const char *value = row->fields[i].value;

        result = h2_block_field( block, row->fields[i].name, strlen( row->fields[i].name ),
                                 guard_copy( value, strlen( value ) ), strlen( value ) );
    }
    return result ? result : h2_block_end( block );
}

static void test_blocks( void )
{
    struct h2_block block;
    unsigned int i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        h2_block_begin( &block, rows[i].trailers, rows[i].te_ok, 65536 );
        if (!expect( feed_row( &block, &rows[i] ) == rows[i].result )) fprintf( stderr, "    row %u\n", i );
        else if (!rows[i].result)
        {
            expect( block.len == strlen( rows[i].text ) && !memcmp( block.text, rows[i].text, block.len ) );
            check_block( &block );
        }
        h2_block_free( &block );
    }
}

static void test_nul_never_gets_into_the_text( void )
{
    struct h2_block block;

    h2_block_begin( &block, 0, 0, 65536 );
    expect( h2_block_field( &block, ":status", 7, "200", 3 ) == OK );
    expect( h2_block_field( &block, "a\0b", 3, "c", 1 ) == BAD );
    expect( h2_block_field( &block, "a", 1, "c\0d", 3 ) == BAD );
    h2_block_free( &block );
}

/* Every limit: what fits is taken to the last byte, what does not is not stored. */
static void test_limits( void )
{
    static const struct row row = { { { ":status", "200" }, { "name", "value" } }, OK, NULL, 0, 0 };
    static const char text[] = "HTTP/1.1 200 OK\r\nname: value\r\n\r\n";
    struct h2_block block;
    size_t limit;

    for (limit = 0; limit <= sizeof(text); limit++)
    {
        h2_block_begin( &block, 0, 0, limit );
        expect( feed_row( &block, &row ) == (limit < sizeof(text) - 1 ? H2_BLOCK_LARGE : OK) );
        expect( block.len <= limit );
        h2_block_free( &block );
    }
    h2_block_begin( &block, 0, 0, 100 );
    expect( h2_block_field( &block, ":status", 7, "200", 3 ) == OK );
    expect( h2_block_field( &block, "a", 1, guard_copy( text, 0 ), 0 ) == OK );
    h2_block_free( &block );
}

static void test_a_granted_websocket( void )
{
    struct h2_block block;
    static const char text[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: key\r\nsec-websocket-protocol: a\r\n\r\n";

    h2_block_begin( &block, 0, 0, 65536 );
    block.accept = "key";
    expect( h2_block_field( &block, ":status", 7, "200", 3 ) == OK );
    expect( h2_block_field( &block, "sec-websocket-protocol", 22, "a", 1 ) == OK );
    expect( h2_block_end( &block ) == OK && block.status == 101 );
    expect( block.len == strlen( text ) && !memcmp( block.text, text, block.len ) );
    h2_block_free( &block );

    h2_block_begin( &block, 0, 0, 65536 );
    block.accept = "key";
    expect( h2_block_field( &block, ":status", 7, "403", 3 ) == OK && h2_block_end( &block ) == OK );
    expect( block.status == 403 && !memcmp( block.text, "HTTP/1.1 403 Forbidden\r\n\r\n", block.len ) );
    h2_block_free( &block );
}

static void test_without_memory( void )
{
    static const struct row row = { { { ":status", "200" }, { "name", "value" } }, OK, NULL, 0, 0 };
    struct h2_block block;

    hooks_fail( HOOK_ALLOC, 1, 0, 0 );
    h2_block_begin( &block, 0, 0, 65536 );
    expect( feed_row( &block, &row ) == H2_BLOCK_NO_MEMORY );
    hooks_reset();
    h2_block_free( &block );
}

int main( void )
{
    run( test_a_request_becomes_fields );
    run( test_connection_fields_are_dropped );
    run( test_secrets_are_not_indexed );
    run( test_bad_requests_are_refused );
    run( test_a_websocket_request );
    run( test_values_are_found );
    run( test_blocks );
    run( test_nul_never_gets_into_the_text );
    run( test_limits );
    run( test_a_granted_websocket );
    run( test_without_memory );
    return test_end( "h2_head" );
}
