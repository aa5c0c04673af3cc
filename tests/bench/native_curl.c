/*
 * Benchmark client over libcurl, the yardstick
 *
 * Scenarios and options as in bench.h; lib=libcurl.so.4 (OpenSSL, the default) or lib=libcurl-gnutls.so.4. Scenarios:
 *   nothing    loads the library, initialises it, ends
 *   first      one request
 *   get-sync   one easy handle, keep-alive
 *   get-async  conc requests in flight; mode=socket (default): curl_multi_socket_action over epoll, libcurl's fastest
 *              interface; mode=poll: curl_multi_poll and curl_multi_perform
 *   held       conc requests at once, one each
 *   download   one body of `bytes` per request, CURLOPT_BUFFERSIZE = block (libcurl's limit is 512 KiB)
 *   upload     one body of `bytes` per request, CURLOPT_UPLOAD_BUFFERSIZE = block (limits 16 KiB to 2 MiB)
 *   connect    a new connection per request, TLS sessions resumed
 *   ws-echo, ws-message    messages of `bytes` bytes to a WebSocket and back (from libcurl 7.86 on, where it was built in)
 * h2=1: HTTP/2; asynchronous requests share one connection.
 * libcurl is loaded at run time and its few constants are repeated here (its ABI keeps them), so that no -dev package
 * is needed and both builds can be measured by one program.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

enum curl_option
{
    OPT_NOPROGRESS = 43, OPT_UPLOAD = 46, OPT_SSL_VERIFYPEER = 64, OPT_FRESH_CONNECT = 74, OPT_FORBID_REUSE = 75,
    OPT_CONNECT_ONLY = 141, OPT_PIPEWAIT = 237, OPT_SSL_VERIFYHOST = 81, OPT_HTTP_VERSION = 84, OPT_BUFFERSIZE = 98, OPT_NOSIGNAL = 99, OPT_UPLOAD_BUFFERSIZE = 280,
    OPT_WRITEDATA = 10001, OPT_URL = 10002, OPT_PROXY = 10004, OPT_READDATA = 10009, OPT_HTTPHEADER = 10023,
    OPT_CAINFO = 10065, OPT_CAPATH = 10097, OPT_PRIVATE = 10103, OPT_WRITEFUNCTION = 20011, OPT_READFUNCTION = 20012,
    OPT_INFILESIZE_LARGE = 30115
};

enum curl_multi_option
{
    MULTI_MAXCONNECTS = 6, MULTI_MAX_HOST_CONNECTIONS = 7, MULTI_MAX_CONCURRENT_STREAMS = 16, MULTI_SOCKETDATA = 10002, MULTI_TIMERDATA = 10005, MULTI_SOCKETFUNCTION = 20001,
    MULTI_TIMERFUNCTION = 20004
};

#define INFO_RESPONSE_CODE 0x200002
#define INFO_ACTIVESOCKET  0x50002c
#define INFO_PRIVATE       0x100015
#define HTTP_VERSION_1_1   2L
#define HTTP_VERSION_2TLS  4L
#define UNSUPPORTED_PROTOCOL 1
#define CURL_AGAIN         81
#define WS_BINARY          2
#define BUFFERSIZE_MAX     (512 * 1024)
#define POLL_IN            1
#define POLL_OUT           2
#define POLL_REMOVE        4
#define SOCKET_TIMEOUT     (-1)
#define SELECT_IN          1
#define SELECT_OUT         2
#define SELECT_ERR         4
#define MSG_DONE           1

struct curl_ws_frame
{
    int     age, flags;
    int64_t offset, bytesleft;
    size_t  len;
};

struct curl_message
{
    int   msg;
    void *easy;
    union { void *whatever; int result; } data;
};

static int   (*global_init)( long );
static void *(*easy_init)( void );
static int   (*easy_setopt)( void *, int, ... );
static int   (*easy_perform)( void * );
static int   (*easy_getinfo)( void *, int, ... );
static void  (*easy_cleanup)( void * );
static void *(*slist_append)( void *, const char * );
static void *(*multi_init)( void );
static int   (*multi_setopt)( void *, int, ... );
static int   (*multi_add_handle)( void *, void * );
static int   (*multi_remove_handle)( void *, void * );
static int   (*multi_perform)( void *, int * );
static int   (*multi_poll)( void *, void *, unsigned int, int, int * );
static int   (*multi_socket_action)( void *, int, int, int * );
static struct curl_message *(*multi_info_read)( void *, int * );
static int   (*ws_send)( void *, const void *, size_t, size_t *, int64_t, unsigned int );    /* these two may be missing */
static int   (*ws_recv)( void *, void *, size_t, size_t *, const struct curl_ws_frame ** );

static const struct
{
    const char *name;
    void      **func;
}
curl_funcs[] =
{
    { "curl_global_init", (void **)&global_init },
    { "curl_easy_init", (void **)&easy_init },
    { "curl_easy_setopt", (void **)&easy_setopt },
    { "curl_easy_perform", (void **)&easy_perform },
    { "curl_easy_getinfo", (void **)&easy_getinfo },
    { "curl_easy_cleanup", (void **)&easy_cleanup },
    { "curl_slist_append", (void **)&slist_append },
    { "curl_multi_init", (void **)&multi_init },
    { "curl_multi_setopt", (void **)&multi_setopt },
    { "curl_multi_add_handle", (void **)&multi_add_handle },
    { "curl_multi_remove_handle", (void **)&multi_remove_handle },
    { "curl_multi_perform", (void **)&multi_perform },
    { "curl_multi_poll", (void **)&multi_poll },
    { "curl_multi_socket_action", (void **)&multi_socket_action },
    { "curl_multi_info_read", (void **)&multi_info_read },
};

static struct bench_options opts;
static struct bench_result result;
static struct bench_times times;

/* One request at a time; reused for the next. */
struct transfer
{
    void    *easy;
    uint64_t received;
    uint64_t to_send;
};

static size_t take_body( char *data, size_t size, size_t count, void *arg )
{
    struct transfer *transfer = arg;

    (void)data;
    transfer->received += size * count;
    return size * count;
}

static size_t give_body( char *buffer, size_t size, size_t count, void *arg )
{
    static char data[2 * 1024 * 1024];
    struct transfer *transfer = arg;
    size_t len = size * count;

    if (len > transfer->to_send) len = transfer->to_send;
    if (len > sizeof(data)) len = sizeof(data);
    memcpy( buffer, data, len );
    transfer->to_send -= len;
    return len;
}

static void transfer_init( struct transfer *transfer )
{
    long buffer = opts.block < BUFFERSIZE_MAX ? opts.block : BUFFERSIZE_MAX;

    memset( transfer, 0, sizeof(*transfer) );
    if (!(transfer->easy = easy_init())) abort();
    easy_setopt( transfer->easy, OPT_URL, opts.url );
    easy_setopt( transfer->easy, OPT_NOSIGNAL, 1L );
    easy_setopt( transfer->easy, OPT_NOPROGRESS, 1L );
    easy_setopt( transfer->easy, OPT_PROXY, "" );
    easy_setopt( transfer->easy, OPT_HTTP_VERSION, opts.h2 ? HTTP_VERSION_2TLS : HTTP_VERSION_1_1 );
    if (opts.h2) easy_setopt( transfer->easy, OPT_PIPEWAIT, 1L );
    easy_setopt( transfer->easy, OPT_WRITEFUNCTION, take_body );
    easy_setopt( transfer->easy, OPT_WRITEDATA, transfer );
    easy_setopt( transfer->easy, OPT_PRIVATE, transfer );
    if (!strcmp( opts.scenario, "download" ) || opts.bytes) easy_setopt( transfer->easy, OPT_BUFFERSIZE, buffer );
    if (opts.ca)
    {
        /* without the built-in directory, which the GnuTLS build reads whole for every connection: 28 ms */
        easy_setopt( transfer->easy, OPT_CAINFO, opts.ca );
        easy_setopt( transfer->easy, OPT_CAPATH, NULL );
    }
    if (opts.insecure)
    {
        easy_setopt( transfer->easy, OPT_SSL_VERIFYPEER, 0L );
        easy_setopt( transfer->easy, OPT_SSL_VERIFYHOST, 0L );
    }
}

/* Books an ended request. */
static void account( struct transfer *transfer, int error, uint64_t expected )
{
    long status = 0;

    easy_getinfo( transfer->easy, INFO_RESPONSE_CODE, &status );
    if (error || status != 200 || (expected && transfer->received != expected))
    {
        result.errors++;
        result.last_error = error ? error : status;
    }
    else result.count++;
    result.bytes += transfer->received;
    transfer->received = 0;
}

static void run_easy( struct transfer *transfer, uint64_t expected, uint64_t count )
{
    double begin, now, end;

    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (count && now < end && result.errors < 100)
    {
        double start = now;

        account( transfer, easy_perform( transfer->easy ), expected );
        now = bench_now();
        bench_time_add( &times, now - start );
        count--;
    }
    result.seconds = now - begin;
    bench_mark( &opts, "end" );
}

/* One request before the measured ones: the connection is warm afterwards. */
static void warm( struct transfer *transfer )
{
    account( transfer, easy_perform( transfer->easy ), 0 );
    result.count = result.bytes = 0;
}

static int run_get_sync( void )
{
    struct transfer transfer;

    transfer_init( &transfer );
    warm( &transfer );
    run_easy( &transfer, opts.expect, opts.count );
    return bench_report( &opts, &result, &times );
}

static int run_first( void )
{
    struct transfer transfer;

    transfer_init( &transfer );
    run_easy( &transfer, opts.expect, 1 );
    return bench_report( &opts, &result, NULL );
}

static int run_nothing( void )
{
    bench_mark( &opts, "begin" );
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

static int run_connect( void )
{
    struct transfer transfer;

    transfer_init( &transfer );
    easy_setopt( transfer.easy, OPT_FRESH_CONNECT, 1L );
    easy_setopt( transfer.easy, OPT_FORBID_REUSE, 1L );
    easy_setopt( transfer.easy, OPT_HTTPHEADER, slist_append( NULL, "Connection: close" ) );
    warm( &transfer );
    run_easy( &transfer, opts.expect, opts.count );
    return bench_report( &opts, &result, &times );
}

static int run_download( void )
{
    struct transfer transfer;

    transfer_init( &transfer );
    run_easy( &transfer, opts.bytes, opts.count == ~(uint64_t)0 ? 1 : opts.count );
    return bench_report( &opts, &result, NULL );
}

static int run_upload( void )
{
    struct transfer transfer;
    char expected[32];

    /* the sink answers with the count it received and a line feed */
    snprintf( expected, sizeof(expected), "%llu\n", (unsigned long long)opts.bytes );
    transfer_init( &transfer );
    transfer.to_send = opts.bytes;
    easy_setopt( transfer.easy, OPT_UPLOAD, 1L );
    easy_setopt( transfer.easy, OPT_INFILESIZE_LARGE, (int64_t)opts.bytes );
    easy_setopt( transfer.easy, OPT_READFUNCTION, give_body );
    easy_setopt( transfer.easy, OPT_READDATA, &transfer );
    easy_setopt( transfer.easy, OPT_UPLOAD_BUFFERSIZE, (long)opts.block );
    easy_setopt( transfer.easy, OPT_HTTPHEADER, slist_append( NULL, "Expect:" ) );
    run_easy( &transfer, strlen( expected ), 1 );
    result.bytes = opts.bytes - transfer.to_send;
    return bench_report( &opts, &result, NULL );
}

/* State of the asynchronous scenarios. */
static void *multi;
static int epoll_fd;
static double timer_at;        /* 0 = no timer */
static unsigned int running;   /* requests in flight */

static int watch_socket( void *easy, int fd, int what, void *arg, void *known )
{
    struct epoll_event event = { 0 };

    (void)easy;
    (void)arg;
    (void)known;
    event.data.fd = fd;
    if (what & POLL_IN) event.events |= EPOLLIN;
    if (what & POLL_OUT) event.events |= EPOLLOUT;
    if (what == POLL_REMOVE) epoll_ctl( epoll_fd, EPOLL_CTL_DEL, fd, NULL );
    else if (epoll_ctl( epoll_fd, EPOLL_CTL_MOD, fd, &event )) epoll_ctl( epoll_fd, EPOLL_CTL_ADD, fd, &event );
    return 0;
}

static int set_timer( void *handle, long timeout_ms, void *arg )
{
    (void)handle;
    (void)arg;
    timer_at = timeout_ms < 0 ? 0 : bench_now() + timeout_ms / 1000.0;
    return 0;
}

/* Books what has ended; starts the next request on its handle while `end` has not come and *budget is left. */
static void reap( double end, uint64_t *budget, uint64_t expected )
{
    struct curl_message *message;
    struct transfer *transfer;
    double now = bench_now();
    int left;

    while ((message = multi_info_read( multi, &left )))
    {
        if (message->msg != MSG_DONE) continue;
        easy_getinfo( message->easy, INFO_PRIVATE, (char **)&transfer );
        account( transfer, message->data.result, expected );
        multi_remove_handle( multi, transfer->easy );
        if (*budget && now < end && result.errors < 1000)
        {
            --*budget;
            multi_add_handle( multi, transfer->easy );
        }
        else running--;
    }
}

static void step_socket( void )
{
    struct epoll_event events[256];
    double left = timer_at ? timer_at - bench_now() : 1;
    int i, count, still, what;

    /* a timer that is due is not worth a system call, one below a millisecond is worth a look */
    count = left <= 0 ? 0 : epoll_wait( epoll_fd, events, 256, (int)(left * 1000 + 0.999) );
    for (i = 0; i < count; i++)
    {
        what = (events[i].events & EPOLLIN ? SELECT_IN : 0) | (events[i].events & EPOLLOUT ? SELECT_OUT : 0) |
               (events[i].events & (EPOLLERR | EPOLLHUP) ? SELECT_ERR : 0);
        multi_socket_action( multi, events[i].data.fd, what, &still );
    }
    if (timer_at && bench_now() >= timer_at)
    {
        timer_at = 0;
        multi_socket_action( multi, SOCKET_TIMEOUT, 0, &still );
    }
}

static void step_poll( void )
{
    int still;

    multi_poll( multi, NULL, 0, 1000, NULL );
    multi_perform( multi, &still );
}

/* Runs `budget` requests on `conc` handles, or until `seconds` have passed. */
static void run_batch( struct transfer *transfers, uint64_t budget, double seconds, uint64_t expected )
{
    void (*step)( void ) = strcmp( opts.mode, "poll" ) ? step_socket : step_poll;
    double end = bench_now() + seconds;
    unsigned int i;
    int still;

    for (i = 0; i < opts.conc && budget; i++, budget--, running++) multi_add_handle( multi, transfers[i].easy );
    if (step == step_poll) multi_perform( multi, &still );
    while (running)
    {
        step();
        reap( end, &budget, expected );
    }
}

static struct transfer *multi_start( void )
{
    struct transfer *transfers = calloc( opts.conc, sizeof(*transfers) );
    unsigned int i;

    if (!transfers || !(multi = multi_init())) abort();
    multi_setopt( multi, MULTI_MAXCONNECTS, (long)opts.conc );
    if (opts.h2)
    {
        multi_setopt( multi, MULTI_MAX_HOST_CONNECTIONS, 1L );
        multi_setopt( multi, MULTI_MAX_CONCURRENT_STREAMS, (long)opts.conc );
    }
    if (strcmp( opts.mode, "poll" ))
    {
        epoll_fd = epoll_create1( EPOLL_CLOEXEC );
        multi_setopt( multi, MULTI_SOCKETFUNCTION, watch_socket );
        multi_setopt( multi, MULTI_TIMERFUNCTION, set_timer );
    }
    for (i = 0; i < opts.conc; i++) transfer_init( &transfers[i] );
    return transfers;
}

static int run_get_async( void )
{
    struct transfer *transfers = multi_start();
    double begin;

    if (opts.bytes) opts.expect = opts.bytes;
    else run_batch( transfers, opts.conc, 60, opts.expect );   /* opens the connections */
    result.count = result.bytes = 0;
    bench_mark( &opts, "begin" );
    begin = bench_now();
    run_batch( transfers, opts.count, opts.seconds, opts.expect );
    result.seconds = bench_now() - begin;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

static int run_held( void )
{
    struct transfer *transfers = multi_start();
    double begin;

    bench_mark( &opts, "begin" );
    begin = bench_now();
    run_batch( transfers, opts.conc, 0, opts.expect );
    result.seconds = bench_now() - begin;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

/* The functions may be there and do nothing. */
static int ws_there( void )
{
    void *easy = easy_init();
    int ret;

    if (!ws_send || !ws_recv || !easy) return 0;
    easy_setopt( easy, OPT_URL, "ws://127.0.0.1:1/" );
    ret = easy_perform( easy );
    easy_cleanup( easy );
    return ret != UNSUPPORTED_PROTOCOL;
}

/* The socket is not blocking: what libcurl leaves to its user. */
static void ws_wait( void *easy, short events )
{
    struct pollfd poll_fd = { -1, events, 0 };
    int fd = -1;

    easy_getinfo( easy, INFO_ACTIVESOCKET, &fd );
    poll_fd.fd = fd;
    poll( &poll_fd, 1, 1000 );
}

static int ws_round_trip( void *easy, char *data, char *buffer )
{
    const struct curl_ws_frame *frame;
    size_t done, count;
    int ret;

    for (done = 0; done < opts.bytes; done += count)
    {
        count = 0;
        ret = ws_send( easy, data + done, opts.bytes - done, &count, 0, WS_BINARY );
        if (ret == CURL_AGAIN) ws_wait( easy, POLLOUT );
        else if (ret) return ret;
    }
    for (done = 0; done < opts.bytes; done += count)
    {
        count = 0;
        ret = ws_recv( easy, buffer, opts.block, &count, &frame );
        if (ret == CURL_AGAIN) ws_wait( easy, POLLIN );
        else if (ret) return ret;
    }
    return 0;
}

static int run_ws( void )
{
    char url[2048], *data = calloc( 1, opts.bytes + 1 ), *buffer = malloc( opts.block );
    struct transfer transfer;
    double begin, now, end;
    int ret;

    if (!ws_send || !data || !buffer || !opts.url || strncmp( opts.url, "http", 4 )) return 2;
    snprintf( url, sizeof(url), "ws%s", opts.url + 4 );
    transfer_init( &transfer );
    easy_setopt( transfer.easy, OPT_URL, url );
    easy_setopt( transfer.easy, OPT_CONNECT_ONLY, 2L );
    if ((ret = easy_perform( transfer.easy )) || (ret = ws_round_trip( transfer.easy, data, buffer )))
    {
        fprintf( stderr, "native_curl: WebSocket, error %d\n", ret );
        return 2;
    }
    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (now < end && !result.errors)
    {
        double start = now;

        if ((ret = ws_round_trip( transfer.easy, data, buffer ))) result.errors++, result.last_error = ret;
        else result.count++;
        now = bench_now();
        bench_time_add( &times, now - start );
    }
    result.seconds = now - begin;
    result.bytes = result.count * opts.bytes;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, &times );
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
};

int main( int argc, char **argv )
{
    unsigned int i;
    void *lib;

    bench_parse( &opts, argc, argv );
    if (!(lib = dlopen( opts.lib ? opts.lib : "libcurl.so.4", RTLD_NOW )))
    {
        fprintf( stderr, "native_curl: %s\n", dlerror() );
        return 2;
    }
    for (i = 0; i < sizeof(curl_funcs) / sizeof(curl_funcs[0]); i++)
    {
        if ((*curl_funcs[i].func = dlsym( lib, curl_funcs[i].name ))) continue;
        fprintf( stderr, "native_curl: %s\n", dlerror() );
        return 2;
    }
    *(void **)&ws_send = dlsym( lib, "curl_ws_send" );
    *(void **)&ws_recv = dlsym( lib, "curl_ws_recv" );
    global_init( 3 );   /* CURL_GLOBAL_ALL */
    if (!strcmp( opts.mode, "ws" ) && !ws_there())
    {
        fprintf( stderr, "native_curl: this libcurl has no WebSocket\n" );
        return 2;
    }
    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (!strcmp( scenarios[i].name, opts.scenario )) return scenarios[i].run();
    fprintf( stderr, "native_curl: no scenario %s\n", opts.scenario );
    return 2;
}
