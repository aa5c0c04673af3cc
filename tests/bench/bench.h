/*
 * What all benchmark clients share: options, clock, marks, result line
 *
 * Included by the native clients (native_curl.c, native_raw.c) and the PE client (pe_bench.c), so that scenario names,
 * options and output are the same everywhere; header-only because every client is built from one source file.
 * A client is called as PROGRAM SCENARIO [name=value]... and prints one line, "result name=value ...".
 * With marks=1 it also prints "begin" and "end" around the measured part and waits for a line on its standard input
 * after each: native_run.c takes the CPU time and the memory of the process from outside at these two points.
 */

#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif

struct bench_options
{
    const char *scenario;
    const char *url;
    const char *ca;        /* file of the CA to trust, NULL = what the system trusts */
    const char *lib;       /* shared library to measure: libcurl or TLS library */
    const char *mode;      /* variant of a scenario, each client documents its own */
    double      seconds;   /* run for that long... */
    uint64_t    count;     /* ...or until that many requests, whichever comes first */
    uint64_t    bytes;     /* body length of a transfer */
    uint64_t    expect;    /* body length that a small GET must deliver */
    uint32_t    conc;      /* requests in flight */
    uint32_t    block;     /* bytes of one read or write */
    int         insecure;  /* do not verify certificates */
    int         h2;        /* HTTP/2, all requests over one connection */
    int         marks;
};

/* Counters of one run; `errors` counts requests that failed or delivered something else than expected. */
struct bench_result
{
    uint64_t count;
    uint64_t bytes;
    uint64_t errors;
    uint32_t last_error;
    double   seconds;
};

/* Time of single operations. Past the capacity, operations are counted but not recorded. */
#define BENCH_SAMPLES 200000

struct bench_times
{
    float       *us;
    unsigned int count;
};

static inline double bench_now( void )
{
#ifdef _WIN32
    static LARGE_INTEGER frequency;
    LARGE_INTEGER now;

    if (!frequency.QuadPart) QueryPerformanceFrequency( &frequency );
    QueryPerformanceCounter( &now );
    return (double)now.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now;

    clock_gettime( CLOCK_MONOTONIC, &now );
    return now.tv_sec + now.tv_nsec / 1e9;
#endif
}

/* Number with an optional k, m or g (powers of 1024). */
static inline uint64_t bench_size( const char *text )
{
    char *end;
    uint64_t value = strtoull( text, &end, 10 );

    if (*end == 'k' || *end == 'K') return value << 10;
    if (*end == 'm' || *end == 'M') return value << 20;
    if (*end == 'g' || *end == 'G') return value << 30;
    return value;
}

/* Value of `arg` when it has the form name=value, NULL otherwise. */
static inline const char *bench_value( const char *arg, const char *name )
{
    size_t len = strlen( name );

    return !strncmp( arg, name, len ) && arg[len] == '=' ? arg + len + 1 : NULL;
}

/* Fills `opts` from the command line; an unknown option ends the program with status 2. */
static inline void bench_parse( struct bench_options *opts, int argc, char **argv )
{
    static char out[4096];
    const char *value;
    int i;

    setvbuf( stdout, out, _IOFBF, sizeof(out) );    /* a Windows CRT writes to a pipe byte by byte otherwise */
    memset( opts, 0, sizeof(*opts) );
    opts->seconds = 1;
    opts->count = ~(uint64_t)0;
    opts->conc = 1;
    opts->block = 65536;
    opts->expect = 100;
    opts->mode = "";
    if (argc < 2)
    {
        fprintf( stderr, "usage: %s SCENARIO [url=U] [seconds=S] [count=N] [conc=N] [block=SIZE] [bytes=SIZE]\n"
                 "       [expect=SIZE] [ca=FILE] [insecure=1] [h2=1] [lib=FILE] [mode=NAME] [marks=1]\n", argv[0] );
        exit( 2 );
    }
    opts->scenario = argv[1];
    for (i = 2; i < argc; i++)
    {
        if ((value = bench_value( argv[i], "url" ))) opts->url = value;
        else if ((value = bench_value( argv[i], "ca" ))) opts->ca = value;
        else if ((value = bench_value( argv[i], "lib" ))) opts->lib = value;
        else if ((value = bench_value( argv[i], "mode" ))) opts->mode = value;
        else if ((value = bench_value( argv[i], "seconds" ))) opts->seconds = atof( value );
        else if ((value = bench_value( argv[i], "count" ))) opts->count = bench_size( value );
        else if ((value = bench_value( argv[i], "bytes" ))) opts->bytes = bench_size( value );
        else if ((value = bench_value( argv[i], "expect" ))) opts->expect = bench_size( value );
        else if ((value = bench_value( argv[i], "conc" ))) opts->conc = (uint32_t)bench_size( value );
        else if ((value = bench_value( argv[i], "block" ))) opts->block = (uint32_t)bench_size( value );
        else if ((value = bench_value( argv[i], "insecure" ))) opts->insecure = atoi( value );
        else if ((value = bench_value( argv[i], "h2" ))) opts->h2 = atoi( value );
        else if ((value = bench_value( argv[i], "marks" ))) opts->marks = atoi( value );
        else
        {
            fprintf( stderr, "%s: unknown option %s\n", argv[0], argv[i] );
            exit( 2 );
        }
    }
    if (!opts->conc) opts->conc = 1;
    if (!opts->block) opts->block = 1;
}

/* Announces a point of the run to native_run.c and waits until it has taken its figures. */
static inline void bench_mark( const struct bench_options *opts, const char *name )
{
    char line[16];

    if (!opts->marks) return;
    printf( "%s\n", name );
    fflush( stdout );
    if (!fgets( line, sizeof(line), stdin )) exit( 2 );   /* native_run is gone: nobody wants the result */
}

static inline void bench_time_add( struct bench_times *times, double seconds )
{
    if (!times->us && !(times->us = malloc( BENCH_SAMPLES * sizeof(*times->us) ))) return;
    if (times->count < BENCH_SAMPLES) times->us[times->count++] = (float)(seconds * 1e6);
}

static inline int bench_compare( const void *a, const void *b )
{
    float left = *(const float *)a, right = *(const float *)b;

    return left < right ? -1 : left > right;
}

/* Prints the result line; `times` may be NULL or empty. Returns the exit code of the program: 1 when a request failed. */
static inline int bench_report( const struct bench_options *opts, const struct bench_result *result,
                                struct bench_times *times )
{
    printf( "result scenario=%s count=%llu bytes=%llu seconds=%.6f errors=%llu last_error=%u", opts->scenario,
            (unsigned long long)result->count, (unsigned long long)result->bytes, result->seconds,
            (unsigned long long)result->errors, (unsigned int)result->last_error );
    if (times && times->count)
    {
        qsort( times->us, times->count, sizeof(*times->us), bench_compare );
        printf( " min_us=%.1f p50_us=%.1f p99_us=%.1f", times->us[0], times->us[times->count / 2],
                times->us[(size_t)times->count * 99 / 100] );
    }
    printf( "\n" );
    fflush( stdout );
    return result->errors != 0;
}

#endif
