/*
 * HTTP/2: both directions at a time, and trailers
 *
 * What gRPC does: messages go back and forth while the request body is open, and the last word comes in the trailers.
 * Rules: behaviour-concepts.md sections 9, 11 and 12, headers.md section 2, options.md REQUIRE_STREAM_END, users.md ("gRPC").
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"

#define STALE    0xdeadbeef
#define PIECE    65536
#define PIECES   64
#define TRAILERS WINHTTP_QUERY_FLAG_TRAILERS

static HINTERNET open_call( const struct client *client, const WCHAR *path, DWORD flags, DWORD total )
{
    HINTERNET request = http2_request( client, L"POST", path, flags );
    BOOL ret;

    if (!request) return NULL;
    http2_set( request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, TRUE );
    WinHttpAddRequestHeaders( request, L"TE: trailers\r\nContent-Type: application/grpc", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
    ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, total, 0 );
    ok( ret, "WinHttpSendRequest failed with %lu\n", GetLastError() );
    return request;
}

static void put_( int line, HINTERNET request, const char *text, DWORD len )
{
    DWORD written = STALE;
    BOOL ret = WinHttpWriteData( request, text, len, &written );

    ok_( __FILE__, line )( ret && written == len, "got %d, error %lu, %lu of %lu bytes\n", ret, GetLastError(), written, len );
}
#define put( request, text ) put_( __LINE__, request, text, strlen( text ) )

/* Reads exactly this. */
static void take_( int line, HINTERNET request, const char *text )
{
    char buffer[256];
    DWORD len = strlen( text ), got = 0, count;

    for (; got < len; got += count)
    {
        count = 0;
        if (!WinHttpReadData( request, buffer + got, len - got, &count ) || !count) break;
    }
    ok_( __FILE__, line )( got == len && !memcmp( buffer, text, len ), "error %lu, got \"%.*s\" instead of \"%s\"\n",
                           GetLastError(), (int)got, buffer, text );
}
#define take( request, text ) take_( __LINE__, request, text )

static void check_end_( int line, HINTERNET request )
{
    DWORD count = STALE;
    WCHAR text[32];
    char c;
    BOOL ret = WinHttpReadData( request, &c, 1, &count );
    DWORD err;

    ok_( __FILE__, line )( ret && !count, "got %d, error %lu, %lu bytes\n", ret, GetLastError(), count );
    err = http2_field( request, TRAILERS, L"grpc-status", text, count_of( text ) );
    ok_( __FILE__, line )( !err && !wcscmp( text, L"0" ), "error %lu, \"%ls\"\n", err, text );      /* MX-13 */
}
#define check_end( request ) check_end_( __LINE__, request )

/* ---- one thread ---- */

/* MX-11, MX-12 */
static void test_messages_back_and_forth( DWORD flags )
{
    struct client client;
    HINTERNET request;
    unsigned int i;
    BOOL ret;

    winetest_push_context( flags ? "no length" : "known length" );
    if (http2_open( &client, "h2", 0, NULL ) && (request = open_call( &client, L"/echo", flags, flags ? 0 : 11 )))
    {
        if (flags)                                       /* before there was anything of the body, */
        {
            ret = WinHttpReceiveResponse( request, NULL );
            ok( ret, "error %lu\n", GetLastError() );                                               /* MX-11 */
            put( request, "one" );
        }
        else                                             /* or behind a part of it */
        {
            put( request, "one" );
            ret = WinHttpReceiveResponse( request, NULL );
            ok( ret, "error %lu\n", GetLastError() );                                               /* MX-11 */
        }
        ok( client_status( request ) == 200, "status %lu\n", client_status( request ) );
        take( request, "one" );                                                                     /* MX-11 */
        put( request, "two" );
        take( request, "two" );
        if (flags)
        {
            for (i = 0; i < 100; i++)
            {
                put( request, "another message" );
                take( request, "another message" );
            }
            ret = WinHttpWriteData( request, NULL, 0, NULL );
            ok( ret, "error %lu\n", GetLastError() );                                               /* MX-12 */
        }
        else
        {
            put( request, "three" );
            take( request, "three" );
        }
        check_end( request );
        ret = WinHttpWriteData( request, "x", 1, NULL );
        ok( !ret, "written after the end\n" );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
    winetest_pop_context();
}

/* Calls one after the other, and at the same time, on one connection: users.md, "second call fails". */
static void test_calls_share_a_connection(void)
{
    struct client client;
    HINTERNET calls[4];
    unsigned int i, round;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (round = 0; round < 3; round++)
        {
            for (i = 0; i < count_of( calls ); i++)
            {
                if (!(calls[i] = open_call( &client, L"/echo", WINHTTP_FLAG_AUTOMATIC_CHUNKING, 0 ))) break;
                ret = WinHttpReceiveResponse( calls[i], NULL );
                ok( ret, "error %lu\n", GetLastError() );
                ok( http2_connection( calls[i] ) == 1, "connection %lu\n", http2_connection( calls[i] ) );  /* MX-9 */
            }
            for (i = 0; i < count_of( calls ); i++) put( calls[i], "hello" );
            for (i = count_of( calls ); i--;) take( calls[i], "hello" );
            for (i = 0; i < count_of( calls ); i++)
            {
                ret = WinHttpWriteData( calls[i], NULL, 0, NULL );
                ok( ret, "error %lu\n", GetLastError() );
                check_end( calls[i] );
                WinHttpCloseHandle( calls[i] );
            }
        }
    }
    client_close( &client );
}

/* ---- two threads ---- */

static DWORD WINAPI writer( void *arg )
{
    HINTERNET request = arg;
    BYTE *piece = malloc( PIECE );
    DWORD i, j, written, err = 0;

    for (i = 0; i < PIECES && !err; i++)
    {
        for (j = 0; j < PIECE; j++) piece[j] = i + j % 251;
        if (!WinHttpWriteData( request, piece, PIECE, &written )) err = GetLastError();
        else if (written != PIECE) err = STALE;
    }
    if (!err && !WinHttpWriteData( request, NULL, 0, NULL )) err = GetLastError();
    free( piece );
    return err;
}

/* More than any window or buffer holds: it can only come to an end if both go on. */
static void test_one_thread_writes_and_one_reads(void)
{
    struct client client;
    HINTERNET request;
    DWORD err = 0, count, i, code;
    ULONGLONG got = 0;
    BYTE *data = malloc( PIECE );
    BOOL good = TRUE, ret;
    HANDLE thread;

    if (http2_open( &client, "h2", 0, NULL )
        && (request = open_call( &client, L"/echo", WINHTTP_FLAG_AUTOMATIC_CHUNKING, 0 )))
    {
        thread = CreateThread( NULL, 0, writer, request, 0, NULL );
        ret = WinHttpReceiveResponse( request, NULL );
        ok( ret, "error %lu\n", GetLastError() );                                                   /* MX-11 */
        for (count = 1; ret && !err && count; got += count)
        {
            count = 0;
            if (!WinHttpReadData( request, data, PIECE, &count )) err = GetLastError();
            for (i = 0; i < count; i++)
                good = good && data[i] == (BYTE)((got + i) / PIECE + (got + i) % PIECE % 251);
        }
        ok( !err && got == (ULONGLONG)PIECE * PIECES && good, "error %lu, %lu bytes, %s\n", err, (DWORD)got,
            good ? "right" : "wrong" );                                                             /* MX-11 */
        ok( WaitForSingleObject( thread, WAIT_MS ) == WAIT_OBJECT_0, "the writer hangs\n" );
        ok( GetExitCodeThread( thread, &code ) && !code, "the writer failed with %lu\n", code );    /* MX-11 */
        CloseHandle( thread );
        check_end( request );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
    free( data );
}

/* ---- asynchronous ---- */

/* A read that waits for what the next write will bring. */
static void test_asynchronous_call(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    char buffer[16];
    unsigned int i;
    BOOL ret;

    if (http2_open( &client, "h2", WINHTTP_FLAG_ASYNC, recorder )
        && (client.request = http2_request( &client, L"POST", L"/echo", WINHTTP_FLAG_AUTOMATIC_CHUNKING )))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "error %lu\n", GetLastError() );
        ret = ret && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event );
        if (ret)
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "error %lu\n", GetLastError() );
            ret = ret && recorder_complete( recorder, STATUS( HEADERS_AVAILABLE ), &event );        /* MX-11 */
        }
        for (i = 0; ret && i < 20; i++)
        {
            ret = WinHttpReadData( client.request, buffer, 5, NULL );
            ok( ret, "error %lu\n", GetLastError() );
            ret = ret && WinHttpWriteData( client.request, "hello", 5, NULL );
            ok( ret, "error %lu\n", GetLastError() );                                               /* MX-11 */
            if (!ret) break;
            ret = recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( READ_COMPLETE ) | STATUS( REQUEST_ERROR ), &event )
                  && recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( READ_COMPLETE ) | STATUS( REQUEST_ERROR ), &event );
            ok( !memcmp( buffer, "hello", 5 ), "got \"%.5s\"\n", buffer );
            memset( buffer, 0, sizeof(buffer) );
        }
        ok( !recorder_count( recorder, NULL, STATUS( REQUEST_ERROR ) ), "an error\n" );
        if (ret)
        {
            ret = WinHttpReadData( client.request, buffer, 5, NULL );
            ok( ret, "error %lu\n", GetLastError() );
            ret = WinHttpWriteData( client.request, NULL, 0, NULL );
            ok( ret, "error %lu\n", GetLastError() );                                               /* MX-12 */
            recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( READ_COMPLETE ) | STATUS( REQUEST_ERROR ), &event );
            recorder_wait( recorder, STATUS( WRITE_COMPLETE ) | STATUS( READ_COMPLETE ) | STATUS( REQUEST_ERROR ), &event );
            ok( !recorder_count( recorder, NULL, STATUS( REQUEST_ERROR ) ), "an error\n" );
        }
    }
    recorder_close( recorder, &client );
}

/* ---- answers before the request is over ---- */

/* The server has said all, and wants no more (END_STREAM, RST_STREAM NO_ERROR): the answer is good. */
static void test_early_answers(void)
{
    static const WCHAR *const paths[] = { L"/early", L"/early-open" };
    struct client client;
    HINTERNET request;
    char body[1024];
    unsigned int i;
    DWORD err;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < count_of( paths ); i++)
        {
            winetest_push_context( "%ls", paths[i] );
            if ((request = open_call( &client, paths[i], WINHTTP_FLAG_AUTOMATIC_CHUNKING, 0 )))
            {
                ret = WinHttpReceiveResponse( request, NULL );
                ok( ret, "error %lu\n", GetLastError() );
                if (ret) client_check_body( request, "early" );
                /* either: nobody waits for the rest */
                if (!WinHttpWriteData( request, "late", 4, NULL ))
                    ok( is_lost( GetLastError() ) || GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu\n",
                        GetLastError() );
                WinHttpCloseHandle( request );
                err = http2_get( &client, L"/", body, sizeof(body) );
                ok( !err && http2_connection_in( body ) == 1, "error %lu, \"%s\"\n", err, body );
            }
            winetest_pop_context();
        }
    }
    client_close( &client );
}

/* ---- trailers ---- */

static void test_trailers(void)
{
    struct client client;
    HINTERNET request;
    WCHAR text[256];
    DWORD err, index, size;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, L"/trailers", 0 )))
    {
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL );
        ok( ret, "error %lu\n", GetLastError() );
        err = http2_field( request, TRAILERS, L"grpc-status", text, count_of( text ) );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE || broken( err == ERROR_WINHTTP_HEADER_NOT_FOUND ), "error %lu\n", err );
        client_check_body( request, "hello" );
        err = http2_field( request, TRAILERS, L"grpc-status", text, count_of( text ) );
        ok( !err && !wcscmp( text, L"0" ), "error %lu, \"%ls\"\n", err, text );                     /* MX-13 */
        err = http2_field( request, 0, L"grpc-status", text, count_of( text ) );
        ok( err == ERROR_WINHTTP_HEADER_NOT_FOUND, "error %lu\n", err );                            /* MX-13 */
        index = 1;
        size = sizeof(text);
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CUSTOM | TRAILERS, L"X-End", text, &size, &index );
        ok( ret && !wcscmp( text, L"two" ), "got %d, error %lu\n", ret, GetLastError() );
        size = sizeof(text);
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF | TRAILERS, NULL, text, &size, NULL );
        ok( ret && !wcscmp( text, L"x-end: one\r\nx-end: two\r\ngrpc-status: 0\r\n\r\n" ), "got %d, error %lu, \"%ls\"\n", ret,
            GetLastError(), ret ? text : L"" );                                                     /* MX-13 */
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* MX-13, MX-14: behind a body whose length was announced they are there only for who waits for the stream's end. */
static void test_trailers_of_all_kinds(void)
{
    static const struct { const WCHAR *path; BOOL end; const char *body; DWORD err; } rows[] =
    {
        { L"/trailers", FALSE, "hello", 0 },
        { L"/trailers", TRUE, "hello", 0 },
        { L"/trailers-length", TRUE, "hello", 0 },
        { L"/trailers-empty", FALSE, "", 0 },
        { L"/trailers-only", FALSE, "", ERROR_WINHTTP_HEADER_NOT_FOUND },
        { L"/big/0", FALSE, "", ERROR_WINHTTP_HEADER_NOT_FOUND },
        { L"/big/3", FALSE, "abc", ERROR_WINHTTP_HEADER_NOT_FOUND },
        { L"/big/3", TRUE, "abc", ERROR_WINHTTP_HEADER_NOT_FOUND },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[64];
    WCHAR text[64];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < count_of( rows ); i++)
        {
            winetest_push_context( "%ls%s", rows[i].path, rows[i].end ? ", stream end required" : "" );
            if ((request = http2_request( &client, NULL, rows[i].path, 0 )))
            {
                if (rows[i].end) http2_set( request, WINHTTP_OPTION_REQUIRE_STREAM_END, TRUE );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                ok( !err && !strcmp( body, rows[i].body ), "error %lu, \"%s\"\n", err, body );      /* MX-14 */
                err = http2_field( request, TRAILERS, L"x-end", text, count_of( text ) );
                ok( err == rows[i].err, "error %lu\n", err );                                       /* MX-13, MX-14 */
                WinHttpCloseHandle( request );
            }
            winetest_pop_context();
        }
        /* not required: the body ends with its last byte, and trailers may or may not have come with it */
        if ((request = http2_request( &client, NULL, L"/trailers-length", 0 )))
        {
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( !err && !strcmp( body, "hello" ), "error %lu, \"%s\"\n", err, body );
            err = http2_field( request, TRAILERS, L"x-end", text, count_of( text ) );
            ok( !err || err == ERROR_WINHTTP_HEADER_NOT_FOUND, "error %lu\n", err );                /* either */
            WinHttpCloseHandle( request );
        }
        /* gRPC's answer that is all trailers comes as a head */
        if ((request = http2_request( &client, NULL, L"/trailers-only", 0 )))
        {
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( !err, "error %lu\n", err );
            err = http2_field( request, 0, L"grpc-status", text, count_of( text ) );
            ok( !err && !wcscmp( text, L"12" ), "error %lu, \"%ls\"\n", err, text );
            WinHttpCloseHandle( request );
        }
    }
    client_close( &client );
}

START_TEST(http2_duplex)
{
    if (!http2_there()) return;
    test_messages_back_and_forth( WINHTTP_FLAG_AUTOMATIC_CHUNKING );
    test_messages_back_and_forth( 0 );
    test_calls_share_a_connection();
    test_one_thread_writes_and_one_reads();
    test_asynchronous_call();
    test_early_answers();
    test_trailers();
    test_trailers_of_all_kinds();
}
