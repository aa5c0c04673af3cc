/*
 * HTTP/2 with the servers that others have written
 *
 * nginx, Apache, nghttpd, node and h2o, each where it is installed (tests/fixtures/tls/tls.sh). Rules: behaviour-concepts.md
 * section 9.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"

#define BIG     1048576
#define THREADS 4
#define ROUNDS  50

static const struct program
{
    const char  *server;
    const WCHAR *big;          /* 1 MiB, NULL: it has none */
    DWORD        echo;         /* sends back what is posted, up to so many bytes before somebody reads it; 0 = not at all */
    BOOL         trailer;      /* x-end, behind each body */
    BOOL         gzip;         /* codes for those that take it */
}
programs[] =
{
    { "nginx-h2",  L"/big", 0,     FALSE, TRUE },
    { "apache-h2", NULL,    0,     FALSE, FALSE },
    { "nghttpd",   L"/big", BIG,   TRUE, FALSE },
    { "node-h2",   L"/big", 60000, TRUE, TRUE },
    { "h2o",       L"/big", 0,     FALSE, FALSE },
};

static void check_text( const struct program *program, const struct client *client )
{
    HINTERNET request = http2_request( client, NULL, L"/", 0 );
    WCHAR text[32];
    ULONGLONG got;
    DWORD err;

    err = http2_exchange( request, NULL, 0, NULL, 0, &got );
    ok( !err && got, "error %lu, %lu bytes\n", err, (DWORD)got );
    ok( client_status( request ) == 200, "status %lu\n", client_status( request ) );
    ok( http2_used( request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n", http2_used( request ) );   /* MX-1, MX-3 */
    if (program->trailer)
    {
        err = http2_field( request, WINHTTP_QUERY_FLAG_TRAILERS, L"X-End", text, count_of( text ) );
        ok( !err, "error %lu\n", err );                                                             /* MX-13 */
    }
    WinHttpCloseHandle( request );
}

static void check_big( const struct program *program, const struct client *client )
{
    HINTERNET request = http2_request( client, NULL, program->big, 0 );
    BYTE *data = malloc( BIG + 1 );
    ULONGLONG got;
    DWORD err, i;

    err = http2_exchange( request, NULL, 0, (char *)data, BIG + 1, &got );
    for (i = 0; i < BIG && data[i] == 'n'; i++) ;
    ok( !err && got == BIG && i == BIG, "error %lu, %lu bytes, %lu right\n", err, (DWORD)got, i );
    WinHttpCloseHandle( request );
    free( data );
}

/* The program that has asked for that gets the document: neither coding nor length of what came. */
static void check_gzip( const struct program *program, const struct client *client )
{
    HINTERNET request = http2_request( client, NULL, program->big, 0 );
    BYTE *data = malloc( BIG + 1 );
    DWORD err, i, coding = WINHTTP_DECOMPRESSION_FLAG_ALL;
    WCHAR text[32];
    ULONGLONG got;

    http2_set( request, WINHTTP_OPTION_DECOMPRESSION, coding );
    err = http2_exchange( request, NULL, 0, (char *)data, BIG + 1, &got );
    for (i = 0; i < BIG && data[i] == 'n'; i++) ;
    ok( !err && got == BIG && i == BIG, "error %lu, %lu bytes, %lu right\n", err, (DWORD)got, i );
    ok( http2_used( request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n", http2_used( request ) );
    /* R-15 is about HTTP/1.1; there is no reason why it should be another here */
    err = http2_field( request, 0, L"Content-Encoding", text, count_of( text ) );
    ok( err == ERROR_WINHTTP_HEADER_NOT_FOUND, "error %lu\n", err );
    err = http2_field( request, 0, L"Content-Length", text, count_of( text ) );
    ok( err == ERROR_WINHTTP_HEADER_NOT_FOUND, "error %lu\n", err );
    if (program->trailer)
    {
        err = http2_field( request, WINHTTP_QUERY_FLAG_TRAILERS, L"X-End", text, count_of( text ) );
        ok( !err, "error %lu\n", err );                                                             /* MX-13 */
    }
    WinHttpCloseHandle( request );
    free( data );
}

static void check_echo( const struct client *client, DWORD len )
{
    HINTERNET request = http2_request( client, L"POST", L"/", 0 );
    BYTE *data = malloc( len ), *back = malloc( len + 1 );
    ULONGLONG got;
    DWORD err, i;

    for (i = 0; i < len; i++) data[i] = i % 253;
    err = http2_exchange( request, data, len, (char *)back, len + 1, &got );
    ok( !err && got == len && !memcmp( data, back, len ), "error %lu, %lu bytes\n", err, (DWORD)got );
    WinHttpCloseHandle( request );
    free( data );
    free( back );
}

struct job
{
    const struct client *client;
    DWORD good;
};

static DWORD WINAPI run( void *arg )
{
    struct job *job = arg;
    HINTERNET request;
    DWORD i, count, got;
    char buffer[8192];

    for (i = 0; i < ROUNDS; i++)
    {
        request = http2_request( job->client, NULL, L"/", 0 );
        if (WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL ))
        {
            for (got = 0;; got += count) if (!WinHttpReadData( request, buffer, sizeof(buffer), &count ) || !count) break;
            if (got && client_status( request ) == 200) job->good++;
        }
        WinHttpCloseHandle( request );
    }
    return 0;
}

static void check_threads( const struct client *client )
{
    struct job jobs[THREADS];
    HANDLE threads[THREADS];
    unsigned int i;

    for (i = 0; i < THREADS; i++)
    {
        jobs[i].client = client;
        jobs[i].good = 0;
        threads[i] = CreateThread( NULL, 0, run, &jobs[i], 0, NULL );
    }
    ok( WaitForMultipleObjects( THREADS, threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
    for (i = 0; i < THREADS; i++)
    {
        ok( jobs[i].good == ROUNDS, "thread %u: %lu of %d requests\n", i, jobs[i].good, ROUNDS );   /* MX-9 */
        CloseHandle( threads[i] );
    }
}

static void test_servers_of_other_programs(void)
{
    struct client client;
    unsigned int i;

    for (i = 0; i < count_of( programs ); i++)
    {
        if (!tls_has_server( programs[i].server ))
        {
            skip( "no server %s\n", programs[i].server );
            continue;
        }
        winetest_push_context( "%s", programs[i].server );
        if (http2_open( &client, programs[i].server, 0, NULL ))
        {
            check_text( &programs[i], &client );
            if (programs[i].big) check_big( &programs[i], &client );
            if (programs[i].gzip) check_gzip( &programs[i], &client );
            if (programs[i].echo) check_echo( &client, programs[i].echo );
            check_threads( &client );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

START_TEST(http2_servers)
{
    if (!http2_there()) return;
    test_servers_of_other_programs();
}
