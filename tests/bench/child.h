/*
 * A measured child process: start, its output line by line, its figures seen from outside
 *
 * Used by native_run.c and native_hold.c; header-only because each of them is built from one source file.
 * Figures come from the kernel, not from the client, so that a Wine process with all its threads is measured exactly
 * like a native one. Linux only.
 */

#ifndef CHILD_H
#define CHILD_H

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child
{
    pid_t  pid;
    int    in;           /* write end of its standard input */
    int    out;          /* read end of its standard output */
    size_t len;
    char   text[8192];   /* what it wrote and child_line() has not handed out */
};

static inline double child_now( void )
{
    struct timespec now;

    clock_gettime( CLOCK_MONOTONIC, &now );
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Starts argv[0] (looked up in PATH) with pipes as standard streams; standard error stays. Returns 0 or -1. */
static inline int child_start( struct child *child, char **argv )
{
    int in[2], out[2];

    memset( child, 0, sizeof(*child) );
    if (pipe2( in, O_CLOEXEC ) || pipe2( out, O_CLOEXEC )) return -1;
    if ((child->pid = fork()) < 0) return -1;
    if (!child->pid)
    {
        dup2( in[0], 0 );
        dup2( out[1], 1 );
        execvp( argv[0], argv );
        fprintf( stderr, "%s: %s\n", argv[0], strerror( errno ) );
        _exit( 127 );
    }
    close( in[0] );
    close( out[1] );
    child->in = in[1];
    child->out = out[0];
    return 0;
}

/* Reads what is there. Returns 0 at the end of the output, 1 otherwise. Text that does not fit is dropped. */
static inline int child_fill( struct child *child )
{
    ssize_t ret;

    if (child->len == sizeof(child->text) - 1) child->len = 0;
    ret = read( child->out, child->text + child->len, sizeof(child->text) - 1 - child->len );
    if (ret <= 0) return 0;
    child->len += ret;
    return 1;
}

/* Takes one line out of what was read, without its line end. Returns 0 when there is no whole line. */
static inline int child_line( struct child *child, char *line, size_t size )
{
    char *end = memchr( child->text, '\n', child->len );
    size_t len, copy;

    if (!end) return 0;
    len = end - child->text;
    copy = len && end[-1] == '\r' ? len - 1 : len;   /* a Windows program's standard output is in text mode */
    if (copy >= size) copy = size - 1;
    memcpy( line, child->text, copy );
    line[copy] = 0;
    child->len -= len + 1;
    memmove( child->text, end + 1, child->len );
    return 1;
}

static inline void child_go( struct child *child )
{
    if (write( child->in, "\n", 1 ) != 1) return;   /* it died; its end of output tells */
}

/* CPU seconds of all threads of a process, ended ones included; 0 when there is no such process. */
static inline double child_cpu( pid_t pid )
{
    struct timespec used;
    clockid_t clock;

    if (!pid || clock_getcpuclockid( pid, &clock ) || clock_gettime( clock, &used )) return 0;
    return used.tv_sec + used.tv_nsec / 1e9;
}

/* Number after `name` ("Threads:", "VmRSS:") in /proc/PID/status, 0 when there is none. */
static inline long child_status( pid_t pid, const char *name )
{
    char path[64], line[256];
    long value = 0;
    FILE *file;

    snprintf( path, sizeof(path), "/proc/%d/status", (int)pid );
    if (!(file = fopen( path, "r" ))) return 0;
    while (fgets( line, sizeof(line), file ))
        if (!strncmp( line, name, strlen( name ) )) value = atol( line + strlen( name ) );
    fclose( file );
    return value;
}

/* Process of the wineserver that serves `prefix`, 0 when there is none. It sits in a directory named after the prefix'
 * device and inode, which tells it from the servers of other prefixes. */
static inline pid_t child_wineserver( const char *prefix )
{
    char name[64], path[300], target[512];
    struct dirent *entry;
    struct stat st;
    pid_t found = 0;
    const char *base;
    ssize_t len;
    DIR *proc;

    if (!prefix || stat( prefix, &st )) return 0;
    snprintf( name, sizeof(name), "server-%llx-%llx", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino );
    if (!(proc = opendir( "/proc" ))) return 0;
    while (!found && (entry = readdir( proc )))
    {
        if (!isdigit( (unsigned char)entry->d_name[0] )) continue;
        snprintf( path, sizeof(path), "/proc/%s/cwd", entry->d_name );
        if ((len = readlink( path, target, sizeof(target) - 1 )) <= 0) continue;
        target[len] = 0;
        base = strrchr( target, '/' );
        if (base && !strcmp( base + 1, name )) found = atoi( entry->d_name );
    }
    closedir( proc );
    return found;
}

#endif
