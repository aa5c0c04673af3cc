/*
 * WebSocket echo: the server of the WebSocket rows, and their floor, a client over a raw socket
 *
 * native_ws server           listens on a free port of 127.0.0.1, prints "plain PORT", and sends back what comes, unmasked,
 *                            until it or its parent is ended. One thread per connection.
 * native_ws SCENARIO ...     options as in bench.h; url=http://ADDRESS:PORT/. nothing; ws-echo: messages of `bytes` bytes, one
 *                            after the other; ws-message: the same, with its bytes counted
 * Blocking calls, no check of anything: what any WebSocket library does on top is its price. A frame is masked in place, as
 * each client has to.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

#define FRAME_MAX  (16 * 1024 * 1024)
#define BUFFER     (256 * 1024)

/* Input of one side of a connection. */
struct input
{
    int      fd;
    char     data[BUFFER];
    size_t   start, end;
};

/* At least `len` bytes at its front, len <= BUFFER. 0 at the end of the stream. */
static int need( struct input *input, size_t len )
{
    ssize_t got;

    if (input->start + len > BUFFER)
    {
        memmove( input->data, input->data + input->start, input->end - input->start );
        input->end -= input->start;
        input->start = 0;
    }
    while (input->end - input->start < len)
    {
        if ((got = recv( input->fd, input->data + input->end, BUFFER - input->end, 0 )) <= 0) return 0;
        input->end += got;
    }
    return 1;
}

static int take( struct input *input, char *to, size_t len )
{
    size_t there = input->end - input->start;
    ssize_t got;

    if (there > len) there = len;
    memcpy( to, input->data + input->start, there );
    if ((input->start += there) == input->end) input->start = input->end = 0;
    for (to += there, len -= there; len; to += got, len -= got)
        if ((got = recv( input->fd, to, len, MSG_WAITALL )) <= 0) return 0;
    return 1;
}

static int send_all( int fd, struct iovec *parts, int count )
{
    struct msghdr msg = { .msg_iov = parts, .msg_iovlen = count };
    ssize_t sent;

    while (msg.msg_iovlen)
    {
        if ((sent = sendmsg( fd, &msg, MSG_NOSIGNAL )) < 0) return 0;
        for (; msg.msg_iovlen && (size_t)sent >= msg.msg_iov->iov_len; msg.msg_iov++, msg.msg_iovlen--)
            sent -= msg.msg_iov->iov_len;
        if (!msg.msg_iovlen) break;
        msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + sent;
        msg.msg_iov->iov_len -= sent;
    }
    return 1;
}

static void mask( char *data, size_t len, const unsigned char key[4] )
{
    uint64_t wide;
    uint32_t half;
    size_t i;

    memcpy( &half, key, 4 );
    wide = (uint64_t)half << 32 | half;
    for (i = 0; i + 8 <= len; i += 8)
    {
        uint64_t word;

        memcpy( &word, data + i, 8 );
        word ^= wide;
        memcpy( data + i, &word, 8 );
    }
    for (; i < len; i++) data[i] ^= key[i & 3];
}

static size_t frame_head( unsigned char *head, unsigned int opcode, size_t len, const unsigned char *key )
{
    size_t used = 2;
    int i;

    head[0] = 0x80 | opcode;
    head[1] = key ? 0x80 : 0;
    if (len < 126) head[1] |= len;
    else
    {
        int bytes = len < 65536 ? 2 : 8;

        head[1] |= bytes == 2 ? 126 : 127;
        for (i = bytes - 1; i >= 0; i--) head[used++] = (unsigned char)((uint64_t)len >> (8 * i));
    }
    if (key) memcpy( head + used, key, 4 );
    return used + (key ? 4 : 0);
}

/* One frame into `data`; its length and opcode. 0: the connection is of no more use. */
static int read_frame( struct input *input, char *data, uint64_t *len, unsigned int *opcode )
{
    unsigned char head[2], wide[8], key[4];
    unsigned int i, bytes;

    if (!need( input, 2 ) || !take( input, (char *)head, 2 )) return 0;
    *opcode = head[0] & 15;
    *len = head[1] & 127;
    bytes = *len == 126 ? 2 : *len == 127 ? 8 : 0;
    if (bytes)
    {
        if (!take( input, (char *)wide, bytes )) return 0;
        for (i = 0, *len = 0; i < bytes; i++) *len = *len << 8 | wide[i];
    }
    if (*len > FRAME_MAX) return 0;
    if ((head[1] & 128) && !take( input, (char *)key, 4 )) return 0;
    if (!take( input, data, *len )) return 0;
    if (head[1] & 128) mask( data, *len, key );
    return 1;
}

/*--- server --------------------------------------------------------------------------------------------------------*/

static int (*hash_fast)( int, const void *, size_t, void * );    /* gnutls_hash_fast */

static void accept_key( const char *key, size_t len, char *text )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char hash[21] = { 0 };
    char both[128];
    unsigned int i;

    memcpy( both, key, len );
    memcpy( both + len, guid, sizeof(guid) - 1 );
    hash_fast( 3, both, len + sizeof(guid) - 1, hash );    /* GNUTLS_DIG_SHA1 */
    for (i = 0; i < 21; i += 3)
    {
        unsigned int word = hash[i] << 16 | hash[i + 1] << 8 | hash[i + 2];

        *text++ = digits[word >> 18];
        *text++ = digits[word >> 12 & 63];
        *text++ = digits[word >> 6 & 63];
        *text++ = digits[word & 63];
    }
    text[-1] = '=';
    *text = 0;
}

static int serve_upgrade( struct input *input )
{
    char answer[256], accepted[32], *end, *key;
    struct iovec part = { answer, 0 };

    for (;;)
    {
        input->data[input->end < BUFFER ? input->end : BUFFER - 1] = 0;
        if ((end = strstr( input->data, "\r\n\r\n" ))) break;
        if (!need( input, input->end - input->start + 1 )) return 0;
    }
    if (!(key = strcasestr( input->data, "\r\nSec-WebSocket-Key: " ))) return 0;
    key += 21;
    accept_key( key, strcspn( key, "\r" ) < 64 ? strcspn( key, "\r" ) : 0, accepted );
    part.iov_len = snprintf( answer, sizeof(answer), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accepted );
    input->start = end + 4 - input->data;
    if (input->start == input->end) input->start = input->end = 0;
    return send_all( input->fd, &part, 1 );
}

static void *serve( void *arg )
{
    struct input *input = arg;
    char *data = malloc( FRAME_MAX );
    unsigned char head[16];
    struct iovec parts[2];
    unsigned int opcode;
    uint64_t len;

    if (data && serve_upgrade( input ))
    {
        while (read_frame( input, data, &len, &opcode ))
        {
            parts[0].iov_base = head;
            parts[0].iov_len = frame_head( head, opcode, len, NULL );
            parts[1].iov_base = data;
            parts[1].iov_len = len;
            if (!send_all( input->fd, parts, 2 ) || opcode == 8) break;
        }
    }
    free( data );
    close( input->fd );
    free( input );
    return NULL;
}

static int run_server( void )
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof(addr);
    int listener, fd, on = 1;
    void *lib;

    signal( SIGPIPE, SIG_IGN );
    prctl( PR_SET_PDEATHSIG, SIGTERM );
    if (!(lib = dlopen( "libgnutls.so.30", RTLD_NOW )) || !(*(void **)&hash_fast = dlsym( lib, "gnutls_hash_fast" )))
    {
        fprintf( stderr, "native_ws: no GnuTLS\n" );
        return 1;
    }
    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    listener = socket( AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 );
    if (listener < 0 || bind( listener, (struct sockaddr *)&addr, len ) || listen( listener, 128 ) ||
        getsockname( listener, (struct sockaddr *)&addr, &len ))
    {
        perror( "native_ws" );
        return 1;
    }
    printf( "plain %u\n", ntohs( addr.sin_port ) );
    fflush( stdout );
    while ((fd = accept4( listener, NULL, NULL, SOCK_CLOEXEC )) >= 0)
    {
        struct input *input = calloc( 1, sizeof(*input) );
        pthread_t thread;

        if (!input) abort();
        input->fd = fd;
        setsockopt( fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
        if (pthread_create( &thread, NULL, serve, input )) abort();
        pthread_detach( thread );
    }
    return 0;
}

/*--- client --------------------------------------------------------------------------------------------------------*/

static struct bench_options opts;
static struct bench_result result;
static struct bench_times times;
static struct input link_in;

static int client_connect( void )
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    struct sockaddr_in addr = { .sin_family = AF_INET };
    struct iovec part = { (char *)head, sizeof(head) - 1 };
    unsigned int port;
    char host[64], *end;
    int on = 1;

    if (!opts.url || sscanf( opts.url, "http://%63[0-9.]:%u", host, &port ) != 2) return 0;
    addr.sin_port = htons( port );
    if (!inet_aton( host, &addr.sin_addr )) return 0;
    link_in.fd = socket( AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 );
    if (link_in.fd < 0 || connect( link_in.fd, (struct sockaddr *)&addr, sizeof(addr) )) return 0;
    setsockopt( link_in.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on) );
    if (!send_all( link_in.fd, &part, 1 )) return 0;
    while (!(end = memmem( link_in.data, link_in.end, "\r\n\r\n", 4 )))
        if (!need( &link_in, link_in.end + 1 )) return 0;
    link_in.start = end + 4 - link_in.data;
    if (link_in.start == link_in.end) link_in.start = link_in.end = 0;
    return 1;
}

/* One message there and back. */
static int round_trip( char *data, char *copy )
{
    static const unsigned char key[4] = { 0x12, 0x34, 0x56, 0x78 };
    unsigned char head[16];
    struct iovec parts[2];
    unsigned int opcode;
    uint64_t len;

    memcpy( copy, data, opts.bytes );    /* a client must leave the caller's data alone */
    mask( copy, opts.bytes, key );
    parts[0].iov_base = head;
    parts[0].iov_len = frame_head( head, 2, opts.bytes, key );
    parts[1].iov_base = copy;
    parts[1].iov_len = opts.bytes;
    return send_all( link_in.fd, parts, 2 ) && read_frame( &link_in, data, &len, &opcode ) && len == opts.bytes;
}

static int run_client( void )
{
    char *data, *copy;
    double begin, now, end;

    if (!strcmp( opts.scenario, "nothing" ))
    {
        bench_mark( &opts, "begin" );
        bench_mark( &opts, "end" );
        return bench_report( &opts, &result, NULL );
    }
    if (strncmp( opts.scenario, "ws-", 3 )) return 2;
    if (!opts.bytes || opts.bytes > FRAME_MAX || !client_connect() || !(data = calloc( 1, FRAME_MAX )) ||
        !(copy = malloc( opts.bytes ))) return 2;
    if (!round_trip( data, copy )) return 2;
    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (now < end && !result.errors)
    {
        double start = now;

        if (!round_trip( data, copy )) result.errors++;
        else result.count++;
        now = bench_now();
        bench_time_add( &times, now - start );
    }
    result.seconds = now - begin;
    result.bytes = result.count * opts.bytes;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, &times );
}

int main( int argc, char **argv )
{
    if (argc > 1 && !strcmp( argv[1], "server" )) return run_server();
    bench_parse( &opts, argc, argv );
    return run_client();
}
