/*
 * A hostile HTTP/2 peer: well-made frames that are no proper responses (RFC 9113 section 8)
 *
 * A malformed message is an error of its stream: the client resets it, the program gets WHE_PROTOCOL, the connection
 * goes on.
 */

#include "h2_case.h"

#define STATUS ":status=200"
#define FINAL  FIELDS( 0, 1, STATUS )
#define LAST   H2_END_STREAM
#define BODY( flags, text ) RAW( DATA, flags, 1, text )

static const char head_0[] = "HEAD /0 HTTP/1.1\r\nHost: localhost\r\n\r\n";

static const struct h2_case status_rows[] =
{
    { "no :status", { FIELDS( LAST, 1, "a=b" ) }, STREAM_FAILS },
    { "two :status", { FIELDS( LAST, 1, STATUS "|" STATUS ) }, STREAM_FAILS },
    { ":status of letters", { FIELDS( LAST, 1, ":status=abc" ) }, STREAM_FAILS },
    { ":status of two digits", { FIELDS( LAST, 1, ":status=20" ) }, STREAM_FAILS },
    { ":status of four digits", { FIELDS( LAST, 1, ":status=2000" ) }, STREAM_FAILS },
    { ":status with a sign", { FIELDS( LAST, 1, ":status=+20" ) }, STREAM_FAILS },
    { ":status with a space before", { FIELDS( LAST, 1, ":status= 200" ) }, STREAM_FAILS },
    { ":status with a space behind", { FIELDS( LAST, 1, ":status=200 " ) }, STREAM_FAILS },
    { ":status with a phrase", { FIELDS( LAST, 1, ":status=200 OK" ) }, STREAM_FAILS },
    { ":status empty", { FIELDS( LAST, 1, ":status=" ) }, STREAM_FAILS },
    { ":status 000", { FIELDS( LAST, 1, ":status=000" ) }, STREAM_FAILS },
    { ":status 099", { FIELDS( LAST, 1, ":status=099" ) }, STREAM_FAILS },
    /* Servers use numbers up to 999; so does the HTTP/1.1 side. */
    { ":status 999", { FIELDS( LAST, 1, ":status=999" ) }, FINE },
    { ":status 101", { FIELDS( 0, 1, ":status=101" ) }, STREAM_FAILS },
    { ":status 101 at the end", { FIELDS( LAST, 1, ":status=101" ) }, STREAM_FAILS },
    { ":path in a response", { FIELDS( LAST, 1, STATUS "|:path=/" ) }, STREAM_FAILS },
    { ":method in a response", { FIELDS( LAST, 1, ":method=GET|" STATUS ) }, STREAM_FAILS },
    { ":scheme in a response", { FIELDS( LAST, 1, STATUS "|:scheme=http" ) }, STREAM_FAILS },
    { ":authority in a response", { FIELDS( LAST, 1, STATUS "|:authority=a" ) }, STREAM_FAILS },
    { ":protocol in a response", { FIELDS( LAST, 1, STATUS "|:protocol=websocket" ) }, STREAM_FAILS },
    { "an unknown pseudo-field", { FIELDS( LAST, 1, STATUS "|:x=y" ) }, STREAM_FAILS },
    { "a name that is a colon", { FIELDS( LAST, 1, STATUS "|:=y" ) }, STREAM_FAILS },
    { ":status after another field", { FIELDS( LAST, 1, "a=b|" STATUS ) }, STREAM_FAILS },
    { "a second :status after another field", { FIELDS( LAST, 1, STATUS "|a=b|" STATUS ) }, STREAM_FAILS },
    { ":Status", { FIELDS( LAST, 1, ":Status=200" ) }, STREAM_FAILS },
};

static const struct h2_case field_rows[] =
{
    { "a name in upper case", { FIELDS( LAST, 1, STATUS "|Server=x" ) }, STREAM_FAILS },
    { "one letter in upper case", { FIELDS( LAST, 1, STATUS "|serveR=x" ) }, STREAM_FAILS },
    { "connection", { FIELDS( LAST, 1, STATUS "|connection=close" ) }, STREAM_FAILS },
    { "keep-alive", { FIELDS( LAST, 1, STATUS "|keep-alive=timeout" ) }, STREAM_FAILS },
    { "proxy-connection", { FIELDS( LAST, 1, STATUS "|proxy-connection=close" ) }, STREAM_FAILS },
    { "upgrade", { FIELDS( LAST, 1, STATUS "|upgrade=h2c" ) }, STREAM_FAILS },
    { "transfer-encoding", { FIELDS( LAST, 1, STATUS "|transfer-encoding=chunked" ) }, STREAM_FAILS },
    /* options.md HTTP2_PLUS_TRANSFER_ENCODING; it says nothing about how the body is framed. */
    { "transfer-encoding where it is allowed", { FIELDS( 0, 1, STATUS "|transfer-encoding=chunked" ), BODY( LAST, "2\r\nab\r\n" ) },
      FINE, .body = 7, .flags = WHX_TE_OK },
    { "transfer-encoding with a name in upper case", { FIELDS( LAST, 1, STATUS "|Transfer-Encoding=chunked" ) }, STREAM_FAILS,
      .flags = WHX_TE_OK },
    { "connection where transfer-encoding is allowed", { FIELDS( LAST, 1, STATUS "|connection=close" ) }, STREAM_FAILS,
      .flags = WHX_TE_OK },
    { "an empty name", { FIELDS( LAST, 1, STATUS "|=x" ) }, STREAM_FAILS },
    { "a name with a space", { FIELDS( LAST, 1, STATUS "|a b=x" ) }, STREAM_FAILS },
    { "a name with a colon", { FIELDS( LAST, 1, STATUS "|a:b=x" ) }, STREAM_FAILS },
    { "a name with a space at its end", { FIELDS( LAST, 1, STATUS "|a =x" ) }, STREAM_FAILS },
    { "a name with a line", { FIELDS( LAST, 1, STATUS "|a\r\nb=x" ) }, STREAM_FAILS },
    { "a name with NUL", { FIELDS( LAST, 1, STATUS "|a\0b=x" ) }, STREAM_FAILS },
    { "a name beyond ASCII", { FIELDS( LAST, 1, STATUS "|a\xe4=x" ) }, STREAM_FAILS },
    { "a name with DEL", { FIELDS( LAST, 1, STATUS "|a\x7f=x" ) }, STREAM_FAILS },
    { "a value with CR", { FIELDS( LAST, 1, STATUS "|a=x\ry" ) }, STREAM_FAILS },
    { "a value with LF", { FIELDS( LAST, 1, STATUS "|a=x\ny" ) }, STREAM_FAILS },
    { "a value with a line", { FIELDS( LAST, 1, STATUS "|a=x\r\nset-cookie: y" ) }, STREAM_FAILS },
    { "a value with a head's end", { FIELDS( LAST, 1, STATUS "|a=x\r\n\r\nbody" ) }, STREAM_FAILS },
    { "a value with NUL", { FIELDS( LAST, 1, STATUS "|a=x\0y" ) }, STREAM_FAILS },
    { "a value that is NUL", { FIELDS( LAST, 1, STATUS "|a=\0" ) }, STREAM_FAILS },
    { "a value with another control byte", { FIELDS( LAST, 1, STATUS "|a=x\x01y" ) }, MAY_FAIL },
    { "a value with a space before it", { FIELDS( LAST, 1, STATUS "|a= x" ) }, MAY_FAIL },
    { "a value with a space behind it", { FIELDS( LAST, 1, STATUS "|a=x " ) }, MAY_FAIL },
    { "a value with a tab", { FIELDS( LAST, 1, STATUS "|a=x\ty" ) }, FINE },
    { "a value beyond ASCII", { FIELDS( LAST, 1, STATUS "|a=\xe4\xff" ) }, FINE },
    { "an empty value", { FIELDS( LAST, 1, STATUS "|a=" ) }, FINE },
    { "cookies in parts", { FIELDS( LAST, 1, STATUS "|set-cookie=a=b|set-cookie=c=d" ) }, FINE },
};

static const struct h2_case length_rows[] =
{
    { "content-length that is right", { FIELDS( 0, 1, STATUS "|content-length=2" ), BODY( LAST, "ab" ) }, FINE, .body = 2 },
    { "content-length 0", { FIELDS( LAST, 1, STATUS "|content-length=0" ) }, FINE },
    { "content-length 0, and an empty DATA", { FIELDS( 0, 1, STATUS "|content-length=0" ), BODY( LAST, "" ) }, FINE },
    { "more than content-length", { FIELDS( 0, 1, STATUS "|content-length=2" ), BODY( LAST, "abc" ) }, .error = WHE_PROTOCOL,
      .goaway = CASE_LIVES },
    { "more than content-length 0", { FIELDS( 0, 1, STATUS "|content-length=0" ), BODY( LAST, "a" ) }, .error = WHE_PROTOCOL,
      .goaway = CASE_LIVES },
    { "less than content-length", { FIELDS( 0, 1, STATUS "|content-length=3" ), BODY( LAST, "ab" ) }, .error = WHE_PROTOCOL,
      .goaway = CASE_LIVES },
    { "content-length and no body", { FIELDS( LAST, 1, STATUS "|content-length=3" ) }, .error = WHE_PROTOCOL,
      .goaway = CASE_LIVES },
    { "less than content-length, ended by trailers", { FIELDS( 0, 1, STATUS "|content-length=3" ), BODY( 0, "ab" ),
      FIELDS( LAST, 1, "t=u" ) }, .error = WHE_PROTOCOL, .goaway = CASE_LIVES },
    /* HTTP/1.1 lets equal ones pass (RFC 9110 section 8.6); nobody has to. */
    { "content-length twice the same", { FIELDS( 0, 1, STATUS "|content-length=2|content-length=2" ), BODY( LAST, "ab" ) },
      MAY_FAIL, .body = 2 },
    { "content-lengths that differ", { FIELDS( 0, 1, STATUS "|content-length=2|content-length=3" ) }, STREAM_FAILS },
    { "content-length -1", { FIELDS( 0, 1, STATUS "|content-length=-1" ) }, STREAM_FAILS },
    { "content-length +5", { FIELDS( 0, 1, STATUS "|content-length=+5" ) }, STREAM_FAILS },
    { "content-length 0x5", { FIELDS( 0, 1, STATUS "|content-length=0x5" ) }, STREAM_FAILS },
    { "content-length 5 x", { FIELDS( 0, 1, STATUS "|content-length=5 x" ) }, STREAM_FAILS },
    { "content-length with differing parts", { FIELDS( 0, 1, STATUS "|content-length=2, 3" ) }, STREAM_FAILS },
    { "content-length empty", { FIELDS( 0, 1, STATUS "|content-length=" ) }, STREAM_FAILS },
    { "content-length of letters", { FIELDS( 0, 1, STATUS "|content-length=ab" ) }, STREAM_FAILS },
    { "content-length 2^64", { FIELDS( 0, 1, STATUS "|content-length=18446744073709551616" ) }, STREAM_FAILS },
    { "content-length 2^64+2", { FIELDS( 0, 1, STATUS "|content-length=18446744073709551618" ), BODY( LAST, "ab" ) },
      STREAM_FAILS, },
    { "content-length of a hundred digits", { FIELDS( 0, 1, STATUS "|content-length=99999999999999999999999999999999999999999"
      "99999999999999999999999999999999999999999999999999999999999" ) }, STREAM_FAILS },
};

static const struct h2_case body_rows[] =
{
    { "HEAD with a length", { FIELDS( LAST, 1, STATUS "|content-length=5" ) }, FINE, .head = head_0, .flags = WHX_HEAD },
    { "HEAD ended by an empty DATA", { FIELDS( 0, 1, STATUS "|content-length=5" ), BODY( LAST, "" ) }, FINE, .head = head_0,
      .flags = WHX_HEAD },
    { "HEAD with a body", { FIELDS( 0, 1, STATUS ), BODY( LAST, "ab" ) }, MAY_FAIL,
      .head = head_0, .flags = WHX_HEAD },
    { "204", { FIELDS( LAST, 1, ":status=204" ) }, FINE },
    { "204 ended by an empty DATA", { FIELDS( 0, 1, ":status=204" ), BODY( LAST, "" ) }, FINE },
    { "204 with a body", { FIELDS( 0, 1, ":status=204" ), BODY( LAST, "ab" ) }, MAY_FAIL },
    { "304 with a length", { FIELDS( LAST, 1, ":status=304|content-length=5" ) }, FINE },
    { "304 with a body", { FIELDS( 0, 1, ":status=304|content-length=2" ), BODY( LAST, "ab" ) }, MAY_FAIL },
    /* For nghttp2 an error of the connection. */
    { "DATA before a head", { BODY( LAST, "ab" ) }, FAILS_SOMEHOW },
    { "an empty DATA before a head", { BODY( 0, "" ), FINAL, BODY( LAST, "ab" ) }, FAILS_SOMEHOW },
    { "DATA behind an interim head", { FIELDS( 0, 1, ":status=100" ), BODY( LAST, "ab" ) }, STREAM_FAILS },
    { "a body without an announced length", { FINAL, BODY( 0, "ab" ), BODY( LAST, "cd" ) }, FINE, .body = 4 },
};

static const struct h2_case trailer_rows[] =
{
    { "trailers", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "x-sum=12|x-more=" ) }, FINE, .body = 2,
      .trailers = "x-sum: 12\r\nx-more: \r\n" },
    { "trailers without a body", { FINAL, FIELDS( LAST, 1, "grpc-status=5" ) }, FINE, .trailers = "grpc-status: 5\r\n" },
    { "empty trailers", { FINAL, BODY( 0, "ab" ), RAW( HEADERS, LAST | H2_END_HEADERS, 1, "" ) }, FINE, .body = 2 },
    { "trailers with :status", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, STATUS ) }, STREAM_FAILS },
    { "trailers with :status behind a field", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "a=b|" STATUS ) }, STREAM_FAILS },
    { "trailers with :path", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, ":path=/" ) }, STREAM_FAILS },
    { "trailers without END_STREAM", { FINAL, BODY( 0, "ab" ), FIELDS( 0, 1, "a=b" ) }, STREAM_FAILS },
    { "a second final head", { FINAL, FIELDS( 0, 1, STATUS ) }, STREAM_FAILS },
    { "an interim head behind the final one", { FINAL, FIELDS( 0, 1, ":status=103" ) }, STREAM_FAILS },
    { "trailers in upper case", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "A=b" ) }, STREAM_FAILS },
    { "trailers with connection", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "connection=close" ) }, STREAM_FAILS },
    { "trailers with a line in a value", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "a=b\r\nc: d" ) }, STREAM_FAILS },
    { "trailers with transfer-encoding", { FINAL, BODY( 0, "ab" ), FIELDS( LAST, 1, "transfer-encoding=chunked" ) }, STREAM_FAILS },
};

#define INTERIM FIELDS( 0, 1, ":status=103" )

static const struct h2_case interim_rows[] =
{
    { "100, then 200", { FIELDS( 0, 1, ":status=100" ), FINAL, BODY( LAST, "ab" ) }, FINE, .body = 2, .interims = 1 },
    { "103 with fields, then 200", { FIELDS( 0, 1, ":status=103|link=</a>" ), FINAL, BODY( LAST, "ab" ) }, FINE, .body = 2,
      .interims = 1 },
    { "199, then 200", { FIELDS( 0, 1, ":status=199" ), FINAL, BODY( LAST, "ab" ) }, FINE, .body = 2, .interims = 1 },
    { "100 that ends the stream", { FIELDS( LAST, 1, ":status=100" ) }, STREAM_FAILS },
    { "an interim head with content-length", { FIELDS( 0, 1, ":status=103|content-length=5" ), FINAL, BODY( LAST, "ab" ) },
      MAY_FAIL, .body = 2 },
    { "an interim head with a line in a value", { FIELDS( 0, 1, ":status=103|a=b\r\nc: d" ) }, STREAM_FAILS },
    /* How many are too many is counted above the transport. */
    { "eleven interim heads", { INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM, INTERIM,
      FINAL, BODY( LAST, "ab" ) }, FINE, .body = 2, .interims = 11 },
};

static void test_status( void )   { run_cases( status_rows ); }
static void test_fields( void )   { run_cases( field_rows ); }
static void test_lengths( void )  { run_cases( length_rows ); }
static void test_bodies( void )   { run_cases( body_rows ); }
static void test_trailers( void ) { run_cases( trailer_rows ); }
static void test_interims( void ) { run_cases( interim_rows ); }

/* The head that the program gets: a status line, the fields in their order, an empty line, nothing else. */
static void test_the_head_as_text( void )
{
    play_begin( 1 );
    open_streams( 1, NULL );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_send_fields( &peers[0], 1, ":status=404|server=x|set-cookie=a=b; path=/|a=|set-cookie=c", H2_END_STREAM );
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error && fetches[0].status == 404 );
    expect( !strcmp( fetches[0].head, "HTTP/1.1 404 Not Found\r\nserver: x\r\nset-cookie: a=b; path=/\r\na: \r\nset-cookie: c\r\n\r\n" ) );
    play_end();
}

/* And the request that the peer gets; what names the connection stays at home (h2_peer.h complains of those). */
static void test_the_request( void )
{
    struct request request = { .route = &h2_route, .body = "hello", .body_len = 5, .head =
        "POST /a%20b?c=d HTTP/1.1\r\nHost: Other.Example:81\r\nConnection: close, X-Hop\r\nKeep-Alive: 5\r\n"
        "Proxy-Connection: close\r\nUpgrade: h2c\r\nX-Hop: gone\r\nTE: gzip, trailers\r\nX-One: 1\r\nCookie: a=b; c=d\r\n"
        "X-Empty:\r\nContent-Length: 5\r\nx-one: 2\r\n\r\n" };
    struct h2_stream *stream = &peers[0].streams[0];

    play_begin( 1 );
    fetch_start( &fetches[0], peers[0].port, &request );
    until( stream->end );
    expect( !strcmp( stream->method, "POST" ) && !strcmp( stream->scheme, "http" ) );
    expect( !strcmp( stream->path, "/a%20b?c=d" ) && !strcmp( stream->authority, "Other.Example:81" ) );
    expect( stream->body == 5 );
    expect( strstr( stream->fields, "x-one: 1\n" ) && strstr( stream->fields, "x-one: 2\n" ) );
    expect( strstr( stream->fields, "x-empty: \n" ) && strstr( stream->fields, "content-length: 5\n" ) );
    expect( strstr( stream->fields, "cookie: " ) != NULL );
    expect( !strstr( stream->fields, "x-hop" ) );
    h2_send_settings( &peers[0], NULL, 0 );
    h2_answer( &peers[0], 1, "ok" );
    until( fetches[0].state == FETCH_DONE );
    expect( !fetches[0].error );
    play_end();
}

int main( void )
{
    client_begin( 60000 );
    run( test_the_head_as_text );
    run( test_the_request );
    run( test_status );
    run( test_fields );
    run( test_lengths );
    run( test_bodies );
    run( test_trailers );
    run( test_interims );
    client_end();
    return test_end( "h2_hostile_messages" );
}
