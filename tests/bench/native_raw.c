/*
 * Benchmark client over raw sockets: the floor that no HTTP client can be below
 *
 * Scenarios and options as in bench.h. Blocking send and recv of fixed text, no parsing beyond the end of the head and
 * Content-Length, no certificate check. TLS through lib=gnutls (default) or lib=openssl, both loaded at run time;
 * sessions are resumed. Scenarios: nothing, first, get-sync, connect, download, upload; get-async over epoll, plain only.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "gnutls_dl.h"

static struct bench_options opts;
static struct bench_result result;
static struct bench_times times;

static struct sockaddr_in server;
static int use_tls;
static char host[128], path[1024];

struct link
{
    int   fd;
    void *tls;    /* session of the TLS library */
};

/* One TLS library. read and write return bytes, 0 at the end, -1 on failure. */
struct tls_library
{
    const char *name;
    int       (*load)( void );
    int       (*start)( struct link *link );
    ssize_t   (*read)( struct link *link, void *buffer, size_t size );
    ssize_t   (*write)( struct link *link, const void *data, size_t len );
    void      (*end)( struct link *link );   /* keeps the session for the next start */
};

/* GnuTLS */

static gnutls_certificate_credentials_t gnutls_creds;
static gnutls_datum_t gnutls_ticket;

static int gnutls_floor_load( void )
{
    return gnutls_load() && !p_gnutls_certificate_allocate_credentials( &gnutls_creds );
}

static int gnutls_floor_start( struct link *link )
{
    gnutls_session_t session;
    int ret;

    if (p_gnutls_init( &session, GNUTLS_CLIENT )) return 0;
    link->tls = session;
    p_gnutls_set_default_priority( session );
    p_gnutls_credentials_set( session, GNUTLS_CRD_CERTIFICATE, gnutls_creds );
    p_gnutls_transport_set_int2( session, link->fd, link->fd );
    if (gnutls_ticket.data) p_gnutls_session_set_data( session, gnutls_ticket.data, gnutls_ticket.size );
    while ((ret = p_gnutls_handshake( session )) < 0)
        if (ret != GNUTLS_E_AGAIN && ret != GNUTLS_E_INTERRUPTED) return 0;
    return 1;
}

static ssize_t gnutls_floor_read( struct link *link, void *buffer, size_t size )
{
    ssize_t ret;

    do ret = p_gnutls_record_recv( link->tls, buffer, size ); while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
    return ret;
}

static ssize_t gnutls_floor_write( struct link *link, const void *data, size_t len )
{
    return p_gnutls_record_send( link->tls, data, len );
}

static void gnutls_floor_end( struct link *link )
{
    /* the old data stays allocated: a few hundred bytes per connection of a short-lived program */
    p_gnutls_session_get_data2( link->tls, &gnutls_ticket );
    p_gnutls_deinit( link->tls );
}

/* OpenSSL 3, by its ABI: no header needed */

static void *(*ssl_client_method)( void );
static void *(*ssl_ctx_new)( void * );
static void *(*ssl_new)( void * );
static int   (*ssl_set_fd)( void *, int );
static int   (*ssl_connect)( void * );
static int   (*ssl_read)( void *, void *, int );
static int   (*ssl_write)( void *, const void *, int );
static void *(*ssl_get1_session)( void * );
static int   (*ssl_set_session)( void *, void * );
static void  (*ssl_session_free)( void * );
static int   (*ssl_shutdown)( void * );
static void  (*ssl_free)( void * );
static void *ssl_ctx, *ssl_session;

static int openssl_floor_load( void )
{
    static const struct
    {
        const char *name;
        void      **func;
    }
    funcs[] =
    {
        { "TLS_client_method", (void **)&ssl_client_method },
        { "SSL_CTX_new", (void **)&ssl_ctx_new },
        { "SSL_new", (void **)&ssl_new },
        { "SSL_set_fd", (void **)&ssl_set_fd },
        { "SSL_connect", (void **)&ssl_connect },
        { "SSL_read", (void **)&ssl_read },
        { "SSL_write", (void **)&ssl_write },
        { "SSL_get1_session", (void **)&ssl_get1_session },
        { "SSL_set_session", (void **)&ssl_set_session },
        { "SSL_SESSION_free", (void **)&ssl_session_free },
        { "SSL_shutdown", (void **)&ssl_shutdown },
        { "SSL_free", (void **)&ssl_free },
    };
    void *lib = dlopen( "libssl.so.3", RTLD_NOW );
    unsigned int i;

    for (i = 0; lib && i < sizeof(funcs) / sizeof(funcs[0]); i++)
        if (!(*funcs[i].func = dlsym( lib, funcs[i].name ))) return 0;
    return lib && (ssl_ctx = ssl_ctx_new( ssl_client_method() ));
}

static int openssl_floor_start( struct link *link )
{
    if (!(link->tls = ssl_new( ssl_ctx ))) return 0;
    if (ssl_session) ssl_set_session( link->tls, ssl_session );
    return ssl_set_fd( link->tls, link->fd ) == 1 && ssl_connect( link->tls ) == 1;
}

static ssize_t openssl_floor_read( struct link *link, void *buffer, size_t size )
{
    return ssl_read( link->tls, buffer, (int)size );
}

static ssize_t openssl_floor_write( struct link *link, const void *data, size_t len )
{
    return ssl_write( link->tls, data, (int)len );
}

static void openssl_floor_end( struct link *link )
{
    if (ssl_session) ssl_session_free( ssl_session );
    ssl_session = ssl_get1_session( link->tls );
    ssl_shutdown( link->tls );   /* a session whose connection ended without it is not resumable */
    ssl_free( link->tls );
}

static const struct tls_library libraries[] =
{
    { "gnutls", gnutls_floor_load, gnutls_floor_start, gnutls_floor_read, gnutls_floor_write, gnutls_floor_end },
    { "openssl", openssl_floor_load, openssl_floor_start, openssl_floor_read, openssl_floor_write, openssl_floor_end },
};

static const struct tls_library *tls;

static int link_open( struct link *link )
{
    int on = 1;

    link->tls = NULL;
    if ((link->fd = socket( AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 )) < 0) return 0;
    setsockopt( link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
    if (connect( link->fd, (struct sockaddr *)&server, sizeof(server) )) return 0;
    return !use_tls || tls->start( link );
}

static void link_close( struct link *link )
{
    if (link->tls) tls->end( link );
    close( link->fd );
}

static ssize_t link_read( struct link *link, void *buffer, size_t size )
{
    return use_tls ? tls->read( link, buffer, size ) : recv( link->fd, buffer, size, 0 );
}

/* For the middle of a body: whole blocks cost the fewest wake-ups. */
static ssize_t link_read_full( struct link *link, void *buffer, size_t size )
{
    return use_tls ? tls->read( link, buffer, size ) : recv( link->fd, buffer, size, MSG_WAITALL );
}

/* Returns 1 when all was written. */
static int link_write( struct link *link, const char *data, size_t len )
{
    ssize_t ret;

    while (len)
    {
        ret = use_tls ? tls->write( link, data, len ) : send( link->fd, data, len, MSG_NOSIGNAL );
        if (ret <= 0) return 0;
        data += ret;
        len -= ret;
    }
    return 1;
}

/* Reads one response; the head must fit `size`. The first bytes of the body stay in `buffer`, which is then NUL
 * terminated when the body is short. Returns the length of the body, or -1 on any failure or another status than 200. */
static int64_t read_response( struct link *link, char *buffer, size_t size, char **body )
{
    size_t len = 0, head_len;
    char *end, *field;
    uint64_t length, got;
    ssize_t ret;

    for (;;)
    {
        if ((ret = link_read( link, buffer + len, size - 1 - len )) <= 0) return -1;
        len += ret;
        buffer[len] = 0;
        if ((end = strstr( buffer, "\r\n\r\n" ))) break;
        if (len == size - 1) return -1;
    }
    head_len = end + 4 - buffer;
    if (strncmp( buffer, "HTTP/1.1 200 ", 13 ) || !(field = strcasestr( buffer, "\r\nContent-Length:" ))) return -1;
    length = strtoull( field + 17, NULL, 10 );
    got = len - head_len;
    *body = buffer + head_len;
    if (got < length && head_len + length < size)   /* a short body is kept whole */
    {
        while (got < length)
        {
            if ((ret = link_read( link, buffer + len, size - 1 - len )) <= 0) return -1;
            len += ret;
            got += ret;
        }
        buffer[len] = 0;
    }
    while (got < length)
    {
        if ((ret = link_read_full( link, buffer, length - got < size ? length - got : size )) <= 0) return -1;
        got += ret;
    }
    return got == length ? (int64_t)got : -1;
}

static size_t make_head( char *head, size_t size, const char *verb, const char *more )
{
    return snprintf( head, size, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", verb, path, host, more );
}

static void account( int64_t got, uint64_t expected )
{
    if (got < 0 || (uint64_t)got != expected) result.errors++;
    else result.count++;
    if (got > 0) result.bytes += got;
}

/* Room for a response head even when the block that is measured is smaller. */
static char *buffer_alloc( size_t *size )
{
    char *buffer;

    *size = opts.block < 4096 ? 4096 : opts.block;
    if (!(buffer = malloc( *size + 1 ))) abort();
    memset( buffer, 'x', *size );
    return buffer;
}

/* GETs on one connection, or a new one for each. */
static int run_gets( uint64_t count, uint64_t expected, int fresh, int warm_up )
{
    double begin, now, end, start;
    char head[1536], *body, *buffer;
    struct link link;
    size_t size, len = make_head( head, sizeof(head), "GET", fresh ? "Connection: close\r\n" : "" );
    int64_t got = 0;
    int open = 0;

    buffer = buffer_alloc( &size );
    if (warm_up)
    {
        if (!link_open( &link ) || !link_write( &link, head, len ) || read_response( &link, buffer, size, &body ) < 0) return 2;
        open = !fresh;
        if (fresh) link_close( &link );
    }
    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (count && now < end && result.errors < 100)
    {
        start = now;
        if (!open) open = link_open( &link );
        got = open && link_write( &link, head, len ) ? read_response( &link, buffer, size, &body ) : -1;
        account( got, expected );
        if (open && (fresh || got < 0))
        {
            link_close( &link );
            open = 0;
        }
        now = bench_now();
        bench_time_add( &times, now - start );
        count--;
    }
    result.seconds = now - begin;
    bench_mark( &opts, "end" );
    free( buffer );
    return bench_report( &opts, &result, expected == opts.expect ? &times : NULL );
}

static int run_nothing( void )
{
    bench_mark( &opts, "begin" );
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

static int run_first( void )    { return run_gets( 1, opts.expect, 0, 0 ); }
static int run_get_sync( void ) { return run_gets( opts.count, opts.expect, 0, 1 ); }
static int run_connect( void )  { return run_gets( opts.count, opts.expect, 1, 1 ); }

static int run_download( void )
{
    return run_gets( opts.count == ~(uint64_t)0 ? 1 : opts.count, opts.bytes, 0, 0 );
}

static int run_upload( void )
{
    char head[1536], more[64], expected[32], *buffer, answer[1024], *body = answer;
    uint64_t left = opts.bytes;
    struct link link;
    size_t size, len;
    double begin;
    int ret;

    snprintf( expected, sizeof(expected), "%llu\n", (unsigned long long)opts.bytes );
    snprintf( more, sizeof(more), "Content-Length: %llu\r\n", (unsigned long long)opts.bytes );
    make_head( head, sizeof(head), "PUT", more );
    buffer = buffer_alloc( &size );
    bench_mark( &opts, "begin" );
    begin = bench_now();
    ret = link_open( &link ) && link_write( &link, head, strlen( head ) );
    while (ret && left)
    {
        len = left < opts.block ? left : opts.block;
        if ((ret = link_write( &link, buffer, len ))) left -= len;
    }
    ret = ret && read_response( &link, answer, sizeof(answer), &body ) > 0 && !strcmp( body, expected );
    result.seconds = bench_now() - begin;
    result.bytes = opts.bytes - left;
    result.count = ret;
    result.errors = !ret;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

/* Sends the request on all connections, then again on each that has answered, until `end`; returns when all are idle.
 * A response arrives whole here: it is one small segment. */
static void run_round( int epoll, const int *fds, const char *head, size_t len, uint64_t count, double end )
{
    struct epoll_event events[256];
    unsigned int i, active = 0;
    char buffer[4096], *body;
    ssize_t got;
    int n;

    for (i = 0; i < opts.conc && count; i++, count--)
        if (send( fds[i], head, len, MSG_NOSIGNAL ) == (ssize_t)len) active++;
    while (active)
    {
        n = epoll_wait( epoll, events, 256, 10000 );
        if (n <= 0) break;
        while (n--)
        {
            int fd = events[n].data.fd;

            got = recv( fd, buffer, sizeof(buffer) - 1, 0 );
            buffer[got > 0 ? got : 0] = 0;
            body = strstr( buffer, "\r\n\r\n" );
            account( body && !strncmp( buffer, "HTTP/1.1 200 ", 13 ) ? buffer + got - (body + 4) : -1, opts.expect );
            if (!count || bench_now() >= end || !body || send( fd, head, len, MSG_NOSIGNAL ) != (ssize_t)len) active--;
            else count--;
        }
    }
    result.errors += active;
}

static int run_get_async( void )
{
    int epoll = epoll_create1( EPOLL_CLOEXEC ), *fds = calloc( opts.conc, sizeof(*fds) );
    size_t len;
    struct epoll_event event = { .events = EPOLLIN };
    char head[1536];
    struct link link;
    unsigned int i;
    double begin;

    if (use_tls || !fds) return 2;
    len = make_head( head, sizeof(head), "GET", "" );
    for (i = 0; i < opts.conc; i++)
    {
        if (!link_open( &link )) return 2;
        event.data.fd = fds[i] = link.fd;
        epoll_ctl( epoll, EPOLL_CTL_ADD, link.fd, &event );
    }
    run_round( epoll, fds, head, len, opts.conc, bench_now() + 60 );
    result.count = result.bytes = 0;
    bench_mark( &opts, "begin" );
    begin = bench_now();
    run_round( epoll, fds, head, len, opts.count, begin + opts.seconds );
    result.seconds = bench_now() - begin;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

/* http[s]://A.B.C.D:PORT/PATH; returns 0 for anything else. */
static int parse_url( const char *url )
{
    unsigned int port;
    const char *rest;

    if (!url) return 0;
    use_tls = !strncmp( url, "https://", 8 );
    rest = strstr( url, "://" );
    if (!rest || sscanf( rest + 3, "%127[0-9.]:%u%1023s", host, &port, path ) != 3) return 0;
    server.sin_family = AF_INET;
    server.sin_port = htons( port );
    return inet_aton( host, &server.sin_addr );
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
    { "download", run_download },
    { "upload", run_upload },
    { "connect", run_connect },
};

int main( int argc, char **argv )
{
    const char *lib;
    unsigned int i;

    bench_parse( &opts, argc, argv );
    lib = opts.lib ? opts.lib : "gnutls";
    if (strcmp( opts.scenario, "nothing" ) && !parse_url( opts.url ))
    {
        fprintf( stderr, "native_raw: url=http[s]://ADDRESS:PORT/PATH is needed\n" );
        return 2;
    }
    for (i = 0; use_tls && i < sizeof(libraries) / sizeof(libraries[0]); i++)
        if (!strcmp( libraries[i].name, lib )) tls = &libraries[i];
    if (use_tls && (!tls || !tls->load()))
    {
        fprintf( stderr, "native_raw: no TLS library %s\n", lib );
        return 2;
    }
    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (!strcmp( scenarios[i].name, opts.scenario )) return scenarios[i].run();
    fprintf( stderr, "native_raw: no scenario %s\n", opts.scenario );
    return 2;
}
