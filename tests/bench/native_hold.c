/*
 * Holds N requests of one client open at a time, measures the client at the peak, then answers all
 *
 * native_hold COUNT [timeout=SECONDS] [prefix=WINEPREFIX] -- PROGRAM ARGUMENTS... url=http://127.0.0.1:@PORT@/hold ...
 * Listens on a free port, starts the client with @PORT@ replaced, reads request heads until COUNT connections have sent
 * one, then takes threads and memory of the client, and only then answers ("ok", 200). One epoll loop, no thread.
 * Prints the client's result line with these fields added: held (requests open at the peak), peak_threads, peak_rss_kb,
 * peak_cpu (CPU seconds up to the peak), hold_seconds (start of the client to the peak), cpu_total, exit.
 * When the client does not get COUNT requests open within the timeout, the peak is taken there and the client ended.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "child.h"

#define HEAD_MAX 4096
#define CHILD_FD (-1)   /* epoll data of the client's output, the listener has its own descriptor */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/* What is known of a connection: the last four bytes of its request so far, and whether the head is complete. */
struct connection
{
    unsigned int tail;
    int          complete;
};

struct hold
{
    struct child       child;
    struct connection *connections;   /* by descriptor */
    int                max_fd;
    int                epoll;
    int                listener;
    long               wanted;
    long               held;
    int                answered;
    long               peak_threads, peak_rss_kb;
    double             started, peak_time, peak_cpu;
    char               result[1024];
};

static void watch( struct hold *hold, int fd, int data )
{
    struct epoll_event event = { .events = EPOLLIN };

    event.data.fd = data;
    epoll_ctl( hold->epoll, EPOLL_CTL_ADD, fd, &event );
}

static void take_peak( struct hold *hold )
{
    hold->peak_time = child_now() - hold->started;
    hold->peak_cpu = child_cpu( hold->child.pid );
    hold->peak_threads = child_status( hold->child.pid, "Threads:" );
    hold->peak_rss_kb = child_status( hold->child.pid, "VmRSS:" );
}

static void answer_all( struct hold *hold )
{
    int fd;

    hold->answered = 1;
    for (fd = 0; fd < hold->max_fd; fd++)
        if (hold->connections[fd].complete && send( fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL ) < 0)
            hold->connections[fd].complete = 0;   /* the client gave this one up and counts it itself */
}

static void accept_all( struct hold *hold )
{
    int fd;

    while ((fd = accept4( hold->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC )) >= 0)
    {
        if (fd >= hold->max_fd)
        {
            close( fd );
            continue;
        }
        memset( &hold->connections[fd], 0, sizeof(hold->connections[fd]) );
        watch( hold, fd, fd );
    }
}

static void read_request( struct hold *hold, int fd )
{
    struct connection *connection = &hold->connections[fd];
    char data[HEAD_MAX];
    ssize_t ret = recv( fd, data, sizeof(data), 0 ), i;

    if (ret < 0 && errno == EAGAIN) return;
    if (ret <= 0)
    {
        if (connection->complete && !hold->answered) hold->held--;
        connection->complete = 0;
        close( fd );
        return;
    }
    for (i = 0; i < ret && !connection->complete; i++)
    {
        connection->tail = connection->tail << 8 | (unsigned char)data[i];
        if (connection->tail != 0x0d0a0d0a) continue;
        connection->complete = 1;
        if (hold->answered) { if (send( fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL ) < 0) continue; }
        else hold->held++;
    }
    if (hold->held >= hold->wanted && !hold->answered)
    {
        take_peak( hold );
        answer_all( hold );
    }
}

/* Returns 0 at the end of the client's output. */
static int read_child( struct hold *hold )
{
    char line[1024];

    if (!child_fill( &hold->child )) return 0;
    while (child_line( &hold->child, line, sizeof(line) ))
    {
        if (!strcmp( line, "begin" ) || !strcmp( line, "end" )) child_go( &hold->child );
        else if (!strncmp( line, "result ", 7 )) snprintf( hold->result, sizeof(hold->result), "%s", line );
        else fprintf( stderr, "%s\n", line );
    }
    return 1;
}

/* Serves until the client's output ends or `timeout` seconds passed. Returns 0 on timeout. */
static int serve( struct hold *hold, double timeout )
{
    struct epoll_event events[256];
    double left;
    int i, count;

    while ((left = hold->started + timeout - child_now()) > 0)
    {
        count = epoll_wait( hold->epoll, events, 256, (int)(left * 1000) + 1 );
        for (i = 0; i < count; i++)
        {
            if (events[i].data.fd == CHILD_FD)
            {
                if (!read_child( hold )) return 1;
            }
            else if (events[i].data.fd == hold->listener) accept_all( hold );
            else read_request( hold, events[i].data.fd );
        }
    }
    return 0;
}

/* Copy of `arg` with @PORT@ replaced. */
static char *with_port( const char *arg, unsigned int port )
{
    const char *mark = strstr( arg, "@PORT@" );
    size_t size = strlen( arg ) + 16;
    char *copy = malloc( size );

    if (!copy) abort();
    if (mark) snprintf( copy, size, "%.*s%u%s", (int)(mark - arg), arg, port, mark + 6 );
    else snprintf( copy, size, "%s", arg );
    return copy;
}

int main( int argc, char **argv )
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof(addr);
    struct rlimit limit;
    struct rusage usage;
    struct hold hold;
    double timeout = 60;
    char **command;
    int i, j, status = 0, in_time;

    memset( &hold, 0, sizeof(hold) );
    for (i = 1; i < argc && strcmp( argv[i], "--" ); i++)
    {
        if (!strncmp( argv[i], "timeout=", 8 )) timeout = atof( argv[i] + 8 );
        else if (strncmp( argv[i], "prefix=", 7 )) hold.wanted = atol( argv[i] );
    }
    if (i + 1 >= argc || hold.wanted <= 0)
    {
        fprintf( stderr, "usage: %s COUNT [timeout=SECONDS] -- PROGRAM ARGUMENTS...\n", argv[0] );
        return 2;
    }
    signal( SIGPIPE, SIG_IGN );
    getrlimit( RLIMIT_NOFILE, &limit );
    limit.rlim_cur = limit.rlim_max;
    setrlimit( RLIMIT_NOFILE, &limit );
    hold.max_fd = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
    hold.connections = calloc( hold.max_fd, sizeof(*hold.connections) );
    hold.epoll = epoll_create1( EPOLL_CLOEXEC );
    hold.listener = socket( AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0 );
    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    if (!hold.connections || hold.epoll < 0 || bind( hold.listener, (struct sockaddr *)&addr, len ) ||
        listen( hold.listener, 16384 ) || getsockname( hold.listener, (struct sockaddr *)&addr, &len ))
    {
        perror( "native_hold" );
        return 2;
    }
    watch( &hold, hold.listener, hold.listener );

    argv += i + 1;
    argc -= i + 1;
    if (!(command = calloc( argc + 2, sizeof(*command) ))) return 2;
    for (j = 0; j < argc; j++) command[j] = with_port( argv[j], ntohs( addr.sin_port ) );
    command[argc] = (char *)"marks=1";
    hold.started = child_now();
    if (child_start( &hold.child, command )) return 2;
    watch( &hold, hold.child.out, CHILD_FD );

    in_time = serve( &hold, timeout );
    if (!hold.answered && !in_time) take_peak( &hold );
    if (!in_time) kill( hold.child.pid, SIGKILL );
    wait4( hold.child.pid, &status, 0, &usage );
    if (!hold.result[0])
        snprintf( hold.result, sizeof(hold.result), "result scenario=held count=0 bytes=0 seconds=0 errors=%ld last_error=0",
                  hold.wanted );
    printf( "%s held=%ld peak_threads=%ld peak_rss_kb=%ld peak_cpu=%.6f hold_seconds=%.6f cpu_total=%.6f exit=%d\n",
            hold.result, hold.held, hold.peak_threads, hold.peak_rss_kb, hold.peak_cpu, hold.peak_time,
            usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
            !in_time ? 124 : WIFSIGNALED( status ) ? 128 + WTERMSIG( status ) : WEXITSTATUS( status ) );
    return 0;
}
