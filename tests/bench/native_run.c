/*
 * Runs one benchmark client and measures it from outside
 *
 * native_run [timeout=SECONDS] [prefix=WINEPREFIX] -- PROGRAM ARGUMENTS...
 * Starts the client with marks=1 added, takes CPU time at its "begin" and "end" marks (bench.h), and prints its result
 * line with these fields added:
 *   cpu          CPU seconds of the client between the marks, all threads
 *   server_cpu   the same for the wineserver of WINEPREFIX, 0 without one
 *   threads      threads of the client at "end"
 *   rss_kb       resident memory at "end"
 *   wall         seconds from start to exit of the whole process
 *   cpu_total    CPU seconds of the whole process, start-up included
 *   exit         exit code, 128 + signal, or "timeout"
 * A client that dies or hangs yields a line with count=0 and errors=1.
 */

#define _GNU_SOURCE
#include "child.h"

struct figures
{
    double cpu_begin, cpu_end;
    double server_begin, server_end;
    long   threads, rss_kb;
    char   result[1024];
};

/* Acts on one line of the client. */
static void handle_line( struct child *child, pid_t server, const char *line, struct figures *figures )
{
    if (!strcmp( line, "begin" ))
    {
        figures->server_begin = child_cpu( server );
        figures->cpu_begin = child_cpu( child->pid );
        child_go( child );
    }
    else if (!strcmp( line, "end" ))
    {
        figures->cpu_end = child_cpu( child->pid );
        figures->server_end = child_cpu( server );
        figures->threads = child_status( child->pid, "Threads:" );
        figures->rss_kb = child_status( child->pid, "VmRSS:" );
        child_go( child );
    }
    else if (!strncmp( line, "result ", 7 )) snprintf( figures->result, sizeof(figures->result), "%s", line );
    else fprintf( stderr, "%s\n", line );
}

int main( int argc, char **argv )
{
    double started, deadline, timeout = 60, left = 0, wall;
    const char *prefix = NULL;
    struct figures figures;
    struct child child;
    struct rusage usage;
    struct pollfd event;
    char line[1024], outcome[32];
    char **command;
    int i, status = 0;
    pid_t server;

    for (i = 1; i < argc && strcmp( argv[i], "--" ); i++)
    {
        if (!strncmp( argv[i], "timeout=", 8 )) timeout = atof( argv[i] + 8 );
        else if (!strncmp( argv[i], "prefix=", 7 )) prefix = argv[i] + 7;
        else break;
    }
    if (i + 1 >= argc || strcmp( argv[i], "--" ))
    {
        fprintf( stderr, "usage: %s [timeout=SECONDS] [prefix=WINEPREFIX] -- PROGRAM ARGUMENTS...\n", argv[0] );
        return 2;
    }
    argv += i + 1;
    argc -= i + 1;
    if (!(command = calloc( argc + 2, sizeof(*command) ))) return 2;
    memcpy( command, argv, argc * sizeof(*command) );
    command[argc] = (char *)"marks=1";

    signal( SIGPIPE, SIG_IGN );
    memset( &figures, 0, sizeof(figures) );
    server = child_wineserver( prefix );
    started = child_now();
    deadline = started + timeout;
    if (child_start( &child, command ))
    {
        perror( command[0] );
        return 2;
    }
    event.fd = child.out;
    event.events = POLLIN;
    while ((left = deadline - child_now()) > 0)
    {
        if (poll( &event, 1, (int)(left * 1000) + 1 ) <= 0) continue;
        if (!child_fill( &child )) break;
        while (child_line( &child, line, sizeof(line) )) handle_line( &child, server, line, &figures );
    }
    if (left <= 0) kill( child.pid, SIGKILL );
    wait4( child.pid, &status, 0, &usage );
    wall = child_now() - started;

    if (left <= 0) snprintf( outcome, sizeof(outcome), "timeout" );
    else snprintf( outcome, sizeof(outcome), "%d", WIFSIGNALED( status ) ? 128 + WTERMSIG( status ) : WEXITSTATUS( status ) );
    if (!figures.result[0])
        snprintf( figures.result, sizeof(figures.result), "result scenario=? count=0 bytes=0 seconds=0 errors=1 last_error=0" );
    printf( "%s cpu=%.6f server_cpu=%.6f threads=%ld rss_kb=%ld wall=%.6f cpu_total=%.6f exit=%s\n", figures.result,
            figures.cpu_end - figures.cpu_begin, figures.server_end - figures.server_begin, figures.threads,
            figures.rss_kb, wall, usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
            (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6, outcome );
    free( command );
    return 0;
}
