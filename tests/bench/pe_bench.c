/*
 * Benchmark client over WinHTTP: the same program measures our DLL, Wine's own, and Windows
 *
 * Scenarios and options as in bench.h. Scenarios:
 *   nothing, first, get-sync, download, upload, connect    synchronous session, called as an ordinary program does
 *   get-async, held                                        asynchronous session, conc requests in flight, driven by the
 *                                                          callbacks alone (no thread of this program takes part)
 *   ws-echo, ws-message                                    messages of `bytes` bytes to a WebSocket and back
 *   download mode=async                                    the asynchronous path for one large body
 *   api-triple, api-crack, api-add, api-query              operations per second of functions that touch no network
 *                                                          (api-query needs url= for one request)
 * h2=1: HTTP/2 for the session. Trust in a test CA comes from the environment (SSL_CERT_FILE), or insecure=1 where the DLL has no such way.
 */

#include "bench.h"
#include <winhttp.h>

#define ERRORS_MAX 1000   /* a run that fails this often is broken; without a limit it would spin until the deadline */

static struct bench_options opts;
static struct bench_result result;
static struct bench_times times;

static HINTERNET session, connection;
static WCHAR object[2048];
static BOOL secure;

/* Books a failure; `error` 0 stands for a wrong answer (status or length). */
static void fail( DWORD error )
{
    result.errors++;
    result.last_error = error;
}

/* Opens session and connection for opts.url. A failure here ends the program: there is nothing to measure. */
static void client_open( DWORD flags )
{
    URL_COMPONENTS parts;
    WCHAR url[2048], host[256];
    DWORD h2 = WINHTTP_PROTOCOL_FLAG_HTTP2;

    memset( &parts, 0, sizeof(parts) );
    parts.dwStructSize = sizeof(parts);
    parts.lpszHostName = host;
    parts.dwHostNameLength = 256;
    parts.lpszUrlPath = object;
    parts.dwUrlPathLength = 2048;
    if (!opts.url || !MultiByteToWideChar( CP_ACP, 0, opts.url, -1, url, 2048 ) || !WinHttpCrackUrl( url, 0, 0, &parts ) ||
        !(session = WinHttpOpen( L"bench/1", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, flags )) ||
        !(connection = WinHttpConnect( session, host, parts.nPort, 0 )))
    {
        fprintf( stderr, "pe_bench: cannot open %s, error %lu\n", opts.url ? opts.url : "(no url)", GetLastError() );
        exit( 2 );
    }
    secure = parts.nScheme == INTERNET_SCHEME_HTTPS;
    if (opts.h2 && !WinHttpSetOption( session, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, &h2, sizeof(h2) ))
    {
        fprintf( stderr, "pe_bench: no HTTP/2, error %lu\n", GetLastError() );
        exit( 2 );
    }
}

static void client_close( void )
{
    WinHttpCloseHandle( connection );
    WinHttpCloseHandle( session );
}

static HINTERNET request_open( const WCHAR *verb )
{
    DWORD ignore = SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_CN_INVALID |
                   SECURITY_FLAG_IGNORE_CERT_DATE_INVALID | SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE;
    HINTERNET request = WinHttpOpenRequest( connection, verb, object, NULL, WINHTTP_NO_REFERER,
                                            WINHTTP_DEFAULT_ACCEPT_TYPES, secure ? WINHTTP_FLAG_SECURE : 0 );

    if (request && secure && opts.insecure)
        WinHttpSetOption( request, WINHTTP_OPTION_SECURITY_FLAGS, &ignore, sizeof(ignore) );
    return request;
}

static DWORD request_status( HINTERNET request )
{
    DWORD status = 0, size = sizeof(status);

    if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL ))
        return 0;
    return status;
}

static BOOL request_is_h2( HINTERNET request )
{
    DWORD used = 0, size = sizeof(used);

    return WinHttpQueryOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &used, &size ) && used == WINHTTP_PROTOCOL_FLAG_HTTP2;
}

/* Takes the whole body of an answered request into `buffer`, piece by piece. Returns FALSE when a read fails. */
static BOOL read_body( HINTERNET request, char *buffer, DWORD size, uint64_t *total )
{
    DWORD got;

    *total = 0;
    do
    {
        if (!WinHttpReadData( request, buffer, size, &got )) return FALSE;
        *total += got;
    } while (got);
    return TRUE;
}

/* One synchronous GET. `headers` may be NULL. */
static void get_sync( const WCHAR *headers, char *buffer, DWORD size, uint64_t expected )
{
    HINTERNET request = request_open( L"GET" );
    uint64_t total = 0;

    if (!request ||
        !WinHttpSendRequest( request, headers, headers ? (DWORD)-1 : 0, NULL, 0, 0, 0 ) ||
        !WinHttpReceiveResponse( request, NULL )) fail( GetLastError() );
    else if (request_status( request ) != 200) fail( 0 );
    else if (!read_body( request, buffer, size, &total )) fail( GetLastError() );
    else if (total != expected) fail( 0 );
    else result.count++;
    result.bytes += total;
    if (request) WinHttpCloseHandle( request );
}

static char *buffer_alloc( size_t size )
{
    char *buffer = malloc( size );

    if (!buffer) exit( 2 );
    memset( buffer, 'x', size );   /* pages present, content defined */
    return buffer;
}

static void run_gets( const WCHAR *headers, uint64_t count, uint64_t expected )
{
    char *buffer = buffer_alloc( opts.block );
    double begin, now, end;

    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (count && now < end && result.errors < ERRORS_MAX)
    {
        double start = now;

        get_sync( headers, buffer, opts.block, expected );
        now = bench_now();
        bench_time_add( &times, now - start );
        count--;
    }
    result.seconds = now - begin;
    bench_mark( &opts, "end" );
    client_close();
    free( buffer );
}

/* One request before the measured ones. */
static void warm( const WCHAR *headers )
{
    char buffer[1024];

    get_sync( headers, buffer, sizeof(buffer), opts.expect );
    result.count = result.bytes = 0;
}

/* Loads and initialises the library, as the native clients do here with theirs. */
static int run_nothing( void )
{
    HINTERNET handle = WinHttpOpen( L"bench/1", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );

    WinHttpCloseHandle( handle );
    bench_mark( &opts, "begin" );
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

static int run_first( void )
{
    client_open( 0 );
    run_gets( NULL, 1, opts.expect );
    return bench_report( &opts, &result, NULL );
}

static int run_get_sync( void )
{
    client_open( 0 );
    warm( NULL );
    run_gets( NULL, opts.count, opts.expect );
    return bench_report( &opts, &result, &times );
}

static int run_connect( void )
{
    client_open( 0 );
    warm( L"Connection: close\r\n" );
    run_gets( L"Connection: close\r\n", opts.count, opts.expect );
    return bench_report( &opts, &result, &times );
}

static int run_upload( void )
{
    char *buffer = buffer_alloc( opts.block ), answer[64], expected[32];
    uint64_t left = opts.bytes, total = 0;
    HINTERNET request;
    DWORD len, written;
    double begin;
    BOOL ret;

    /* the sink answers with the count it received and a line feed */
    snprintf( expected, sizeof(expected), "%llu\n", (unsigned long long)opts.bytes );
    memset( answer, 0, sizeof(answer) );
    client_open( 0 );
    bench_mark( &opts, "begin" );
    begin = bench_now();
    ret = (request = request_open( L"PUT" )) &&
          WinHttpSendRequest( request, NULL, 0, NULL, 0, (DWORD)opts.bytes, 0 );
    while (ret && left)
    {
        len = left < opts.block ? (DWORD)left : opts.block;
        written = 0;
        if (!(ret = WinHttpWriteData( request, buffer, len, &written )) || !written) break;
        left -= written;
    }
    ret = ret && !left && WinHttpReceiveResponse( request, NULL ) && read_body( request, answer, sizeof(answer) - 1, &total );
    if (!ret) fail( GetLastError() );
    else if (request_status( request ) != 200 || strcmp( answer, expected )) fail( 0 );
    else result.count++;
    result.seconds = bench_now() - begin;
    result.bytes = opts.bytes - left;
    bench_mark( &opts, "end" );
    if (request) WinHttpCloseHandle( request );
    client_close();
    free( buffer );
    return bench_report( &opts, &result, NULL );
}

/* One of the requests in flight, and after it the next on the same slot. Only one callback at a time works on a slot:
 * every completion is answered by the one call that leads to the next completion. */
struct slot
{
    HINTERNET request;
    char     *buffer;
    uint64_t  received;
};

static struct slot *slots;
static HANDLE batch_done;
static LONG active;             /* slots that still work, and the starter while it starts */
static LONG64 budget;           /* requests that may still be started */
static double batch_end;
static LONG64 ok_count, byte_count, error_count;
static volatile DWORD last_error;

static void slot_retire( void )
{
    if (!InterlockedDecrement( &active )) SetEvent( batch_done );
}

/* Starts the next request of a slot, or retires the slot when there is none left to start. */
static void slot_next( struct slot *slot )
{
    while (error_count < ERRORS_MAX && bench_now() < batch_end && InterlockedDecrement64( &budget ) >= 0)
    {
        slot->received = 0;
        if ((slot->request = request_open( L"GET" )))
        {
            if (WinHttpSendRequest( slot->request, NULL, 0, NULL, 0, 0, (DWORD_PTR)slot )) return;
            last_error = GetLastError();
            WinHttpCloseHandle( slot->request );
        }
        InterlockedIncrement64( &error_count );
    }
    slot_retire();
}

static void slot_end( struct slot *slot, DWORD error, BOOL right )
{
    HINTERNET request = slot->request;

    slot->request = NULL;
    InterlockedExchangeAdd64( &byte_count, slot->received );
    if (right) InterlockedIncrement64( &ok_count );
    else
    {
        last_error = error;
        InterlockedIncrement64( &error_count );
    }
    WinHttpCloseHandle( request );
    slot_next( slot );
}

static void CALLBACK on_status( HINTERNET handle, DWORD_PTR context, DWORD status, LPVOID info, DWORD len )
{
    struct slot *slot = (struct slot *)context;

    /* the last words of a request whose slot has moved on */
    if (!slot || handle != slot->request) return;

    switch (status)
    {
    case WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE:
        if (!WinHttpReceiveResponse( handle, NULL )) slot_end( slot, GetLastError(), FALSE );
        break;
    case WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE:
        if (request_status( handle ) != 200 || (opts.h2 && !request_is_h2( handle ))) slot_end( slot, 0, FALSE );
        else if (!WinHttpReadData( handle, slot->buffer, opts.block, NULL )) slot_end( slot, GetLastError(), FALSE );
        break;
    case WINHTTP_CALLBACK_STATUS_READ_COMPLETE:
        slot->received += len;
        if (!len) slot_end( slot, 0, slot->received == opts.expect );
        else if (!WinHttpReadData( handle, slot->buffer, opts.block, NULL )) slot_end( slot, GetLastError(), FALSE );
        break;
    case WINHTTP_CALLBACK_STATUS_REQUEST_ERROR:
        slot_end( slot, ((WINHTTP_ASYNC_RESULT *)info)->dwError, FALSE );
        break;
    }
}

static void async_open( void )
{
    DWORD i;

    client_open( WINHTTP_FLAG_ASYNC );
    if (WinHttpSetStatusCallback( connection, on_status, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 ) ==
        WINHTTP_INVALID_STATUS_CALLBACK) exit( 2 );
    batch_done = CreateEventW( NULL, FALSE, FALSE, NULL );
    if (!(slots = calloc( opts.conc, sizeof(*slots) ))) exit( 2 );
    for (i = 0; i < opts.conc; i++) slots[i].buffer = buffer_alloc( opts.block );
}

/* Runs `count` requests, at most conc at a time, or until `seconds` have passed; returns when the last has ended. */
static void run_batch( uint64_t count, double seconds )
{
    DWORD i;

    budget = count > INT64_MAX ? INT64_MAX : (LONG64)count;
    batch_end = bench_now() + seconds;
    active = opts.conc + 1;
    for (i = 0; i < opts.conc; i++) slot_next( &slots[i] );
    slot_retire();
    WaitForSingleObject( batch_done, INFINITE );
}

/* warm_up: a first round opens the connections and is not measured. */
static int run_async( uint64_t count, double seconds, BOOL warm_up )
{
    double begin;

    async_open();
    if (warm_up) run_batch( opts.conc, 60 );
    ok_count = byte_count = 0;
    bench_mark( &opts, "begin" );
    begin = bench_now();
    run_batch( count, seconds );
    result.seconds = bench_now() - begin;
    bench_mark( &opts, "end" );
    result.count = ok_count;
    result.bytes = byte_count;
    result.errors = error_count;
    result.last_error = last_error;
    client_close();
    return bench_report( &opts, &result, NULL );
}

static int run_get_async( void )
{
    if (opts.bytes) opts.expect = opts.bytes;
    return run_async( opts.count, opts.seconds, !opts.bytes );
}

static int run_held( void )
{
    return run_async( opts.conc, 600, FALSE );
}

static int run_download( void )
{
    if (!strcmp( opts.mode, "async" ))
    {
        opts.expect = opts.bytes;
        return run_async( 1, 600, FALSE );
    }
    client_open( 0 );
    run_gets( NULL, opts.count == ~(uint64_t)0 ? 1 : opts.count, opts.bytes );
    return bench_report( &opts, &result, NULL );
}

static HINTERNET ws_open( void )
{
    HINTERNET request, socket = NULL;

    if ((request = request_open( L"GET" )) && WinHttpSetOption( request, WINHTTP_OPTION_UPGRADE_TO_WEB_SOCKET, NULL, 0 ) &&
        WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL ))
        socket = WinHttpWebSocketCompleteUpgrade( request, 0 );
    if (!socket) fprintf( stderr, "pe_bench: no WebSocket, error %lu\n", GetLastError() );
    WinHttpCloseHandle( request );
    return socket;
}

static BOOL ws_round_trip( HINTERNET socket, char *data, char *buffer )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type;
    uint64_t total = 0;
    DWORD got, error;

    if ((error = WinHttpWebSocketSend( socket, WINHTTP_WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, data, (DWORD)opts.bytes )))
        fail( error );
    while (!error && total < opts.bytes)
    {
        if ((error = WinHttpWebSocketReceive( socket, buffer, opts.block, &got, &type ))) fail( error );
        else total += got;
    }
    return !error;
}

static int run_ws( void )
{
    char *data = buffer_alloc( opts.bytes + 1 ), *buffer = buffer_alloc( opts.block );
    double begin, now, end;
    HINTERNET socket;

    client_open( 0 );
    if (!(socket = ws_open()) || !ws_round_trip( socket, data, buffer )) return 2;
    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (now < end && !result.errors)
    {
        double start = now;

        if (ws_round_trip( socket, data, buffer )) result.count++;
        now = bench_now();
        bench_time_add( &times, now - start );
    }
    result.seconds = now - begin;
    result.bytes = result.count * opts.bytes;
    bench_mark( &opts, "end" );
    WinHttpCloseHandle( socket );
    client_close();
    return bench_report( &opts, &result, &times );
}

/* Functions without network: each row does one operation and says whether it worked. */

static HINTERNET api_request;

static BOOL api_triple( void )
{
    HINTERNET ses, con = NULL, req = NULL;
    BOOL ret = (ses = WinHttpOpen( L"bench/1", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 )) &&
               (con = WinHttpConnect( ses, L"localhost", 80, 0 )) &&
               (req = WinHttpOpenRequest( con, L"GET", L"/", NULL, NULL, NULL, 0 ));

    if (req) WinHttpCloseHandle( req );
    if (con) WinHttpCloseHandle( con );
    if (ses) WinHttpCloseHandle( ses );
    return ret;
}

static BOOL api_crack( void )
{
    URL_COMPONENTS parts;
    WCHAR host[256], path[1024], extra[1024];

    memset( &parts, 0, sizeof(parts) );
    parts.dwStructSize = sizeof(parts);
    parts.lpszHostName = host;
    parts.dwHostNameLength = 256;
    parts.lpszUrlPath = path;
    parts.dwUrlPathLength = 1024;
    parts.lpszExtraInfo = extra;
    parts.dwExtraInfoLength = 1024;
    return WinHttpCrackUrl( L"https://www.example.org:8443/a/longer/path/to/some/object.html?name=value&other=thing", 0, 0,
                            &parts ) && parts.nPort == 8443;
}

static BOOL api_add( void )
{
    return WinHttpAddRequestHeaders( api_request, L"X-Bench-Header: the value of a header of usual length\r\n", (DWORD)-1,
                                     WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
}

static BOOL api_query( void )
{
    WCHAR text[128];
    DWORD size = sizeof(text);

    return WinHttpQueryHeaders( api_request, WINHTTP_QUERY_CONTENT_TYPE, NULL, text, &size, NULL ) && size &&
           request_status( api_request ) == 200;
}

static const WCHAR api_headers[] =
    L"Accept-Language: en\r\nCache-Control: no-cache\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nCookie: a=b; c=d\r\n"
    L"Authorization: Basic dXNlcjpwYXNz\r\nIf-None-Match: \"0123456789\"\r\n";

static int run_api( void )
{
    static const struct
    {
        const char *name;
        BOOL      (*func)( void );
        enum { ALONE, REQUEST, RESPONSE } needs;
    }
    rows[] =
    {
        { "api-triple", api_triple, ALONE },
        { "api-crack", api_crack, ALONE },
        { "api-add", api_add, REQUEST },
        { "api-query", api_query, RESPONSE },
    };
    double begin, now, end;
    unsigned int i, row = 0;

    while (row < sizeof(rows) / sizeof(rows[0]) && strcmp( rows[row].name, opts.scenario )) row++;
    if (row == sizeof(rows) / sizeof(rows[0])) return 2;
    if (rows[row].needs != ALONE)
    {
        client_open( 0 );
        /* a request of the usual size, so that replacing has something to search */
        if (!(api_request = request_open( L"GET" )) || !WinHttpAddRequestHeaders( api_request, api_headers, (DWORD)-1,
                                                                               WINHTTP_ADDREQ_FLAG_ADD )) return 2;
    }
    if (rows[row].needs == RESPONSE && (!WinHttpSendRequest( api_request, NULL, 0, NULL, 0, 0, 0 ) ||
                                        !WinHttpReceiveResponse( api_request, NULL ))) return 2;
    if (!rows[row].func()) fail( GetLastError() );   /* once before: what the first call sets up is not measured */

    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (now < end && result.errors < ERRORS_MAX)
    {
        for (i = 0; i < 100; i++)   /* the clock costs as much as some of the functions */
        {
            if (rows[row].func()) result.count++;
            else fail( GetLastError() );
        }
        now = bench_now();
    }
    result.seconds = now - begin;
    bench_mark( &opts, "end" );
    if (api_request) WinHttpCloseHandle( api_request );
    return bench_report( &opts, &result, NULL );
}

static const struct
{
    const char *name;
    int       (*run)( void );
}
scenarios[] =
{
    { "nothing", run_nothing },
    { "first", run_first },
    { "get-sync", run_get_sync },
    { "get-async", run_get_async },
    { "held", run_held },
    { "download", run_download },
    { "upload", run_upload },
    { "connect", run_connect },
    { "ws-echo", run_ws },
    { "ws-message", run_ws },
    { "api-triple", run_api },
    { "api-crack", run_api },
    { "api-add", run_api },
    { "api-query", run_api },
};

int main( int argc, char **argv )
{
    unsigned int i;

    bench_parse( &opts, argc, argv );
    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (!strcmp( scenarios[i].name, opts.scenario )) return scenarios[i].run();
    fprintf( stderr, "pe_bench: no scenario %s\n", opts.scenario );
    return 2;
}
