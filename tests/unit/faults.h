/*
 * Scenarios with every failure: the driver, and a server that they share
 *
 * A scenario is a whole little story of exchanges that ends with everything closed. It is run undisturbed, then once
 * for each call it makes with that call failing, for each plausible error. Each run must come to its end, in bounded
 * time, with one record per operation (async_record sees to that), and leave no allocation, object or descriptor. Where
 * the failure is one that a program must not notice (EINTR), the run must also do what the undisturbed one did.
 */

#ifndef WINHTTP_UNIT_FAULTS_H
#define WINHTTP_UNIT_FAULTS_H

#include <dirent.h>
#include <errno.h>

#include "client.h"

/* ---- the server: a thread per connection, the path says what it does ---- */

struct crowd
{
    struct peer     peer;
    void          (*serve)( struct crowd *crowd, int fd );     /* a connection, to its end */
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    unsigned int    threads;
};

struct crowd_guest { struct crowd *crowd; int fd; };

/* Reads a request and its body, if it has one. Returns the path's first letter, 0 at the end of the stream. */
static inline char crowd_request( struct peer *peer, int fd )
{
    char head[4096], body[4096], *text;
    size_t len = 0, part;
    int chunks;

    if (!peer_read_head( peer, fd, head, sizeof(head) )) return 0;
    if ((text = strstr( head, "Content-Length: " ))) len = strtoul( text + 16, NULL, 10 );
    chunks = strstr( head, "Transfer-Encoding: chunked" ) != NULL;
    for (; len; len -= part)
    {
        part = len < sizeof(body) ? len : sizeof(body);
        if (!peer_read( fd, body, part )) return 0;
    }
    if (chunks && !peer_read_head( peer, fd, head, sizeof(head) )) return 0;    /* 0 CRLF CRLF ends the chunks, too */
    text = strchr( head, '/' );
    return chunks ? 'u' : text && text[1] ? text[1] : 'o';
}

static const char crowd_ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* One answer. Returns 0 when the connection ends with it. */
static inline int crowd_answer( int fd, char path )
{
    static char page[40000];
    char head[100];

    switch (path)
    {
    case 'c': peer_send( fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n" ); return 1;
    case 'i': peer_send( fd, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" ); peer_send( fd, crowd_ok ); return 1;
    case 'm': peer_send( fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 5\r\n\r\nmoved" ); return 1;
    case 's': peer_wait_eof( fd ); return 0;
    case 'e': peer_send( fd, "HTTP/1.1 200 OK\r\n\r\nto the end" ); return 0;
    case 'h': peer_send( fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it" ); peer_reset( fd ); return 0;
    case 'l':
        snprintf( head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", (unsigned int)sizeof(page) );
        peer_send( fd, head );
        peer_send_bytes( fd, page, sizeof(page) );
        return 1;
    default: peer_send( fd, crowd_ok ); return 1;
    }
}

static void crowd_serve( struct crowd *crowd, int fd )
{
    char path;

    while ((path = crowd_request( &crowd->peer, fd )) && crowd_answer( fd, path ));
}

static void *crowd_thread( void *arg )
{
    struct crowd_guest *guest = arg;
    struct crowd *crowd = guest->crowd;

    crowd->serve( crowd, guest->fd );
    close( guest->fd );
    free( guest );
    pthread_mutex_lock( &crowd->lock );
    crowd->threads--;
    pthread_cond_signal( &crowd->changed );
    pthread_mutex_unlock( &crowd->lock );
    return NULL;
}

static void crowd_script( struct peer *peer, int fd, void *arg )
{
    struct crowd *crowd = arg;
    struct crowd_guest *guest = malloc( sizeof(*guest) );
    pthread_t thread;

    (void)peer;
    guest->crowd = crowd;
    guest->fd = dup( fd );
    pthread_mutex_lock( &crowd->lock );
    crowd->threads++;
    pthread_mutex_unlock( &crowd->lock );
    if (pthread_create( &thread, NULL, crowd_thread, guest )) abort();
    pthread_detach( thread );
}

/* Waits for the threads: their connections have ended, or end now. */
static inline void crowd_settle( struct crowd *crowd )
{
    pthread_mutex_lock( &crowd->lock );
    while (crowd->threads) pthread_cond_wait( &crowd->changed, &crowd->lock );
    pthread_mutex_unlock( &crowd->lock );
}

/* NULL: plain HTTP as above. */
static inline void crowd_start( struct crowd *crowd, void (*serve)( struct crowd *crowd, int fd ) )
{
    crowd->serve = serve ? serve : crowd_serve;
    pthread_mutex_init( &crowd->lock, NULL );
    pthread_cond_init( &crowd->changed, NULL );
    crowd->threads = 0;
    peer_start( &crowd->peer, crowd_script, crowd );
}

static inline void crowd_stop( struct crowd *crowd )
{
    peer_stop( &crowd->peer );
    crowd_settle( crowd );
}

/* ---- the driver ---- */

/* Returns how many things went well: what it counts is its own business, as long as it is the same each time. */
typedef unsigned int (*scenario)( struct crowd *crowd );

#define RUN_MAX_MS (WAIT_MS / 2)    /* of one run: what waits for a record that never comes takes WAIT_MS */

static inline unsigned int descriptor_count( void )
{
    DIR *dir = opendir( "/proc/self/fd" );
    unsigned int count = 0;

    while (readdir( dir )) count++;
    closedir( dir );
    return count;
}

/* The program must not notice these. */
static inline int is_transparent( const struct hook_error *error )
{
    return error->error == EINTR || error->hook == HOOK_SETSOCKOPT ||
           ((error->hook == HOOK_RECV || error->hook == HOOK_SEND) && error->error == EAGAIN);
}

/* Caches give back what they hold. */
static inline void empty_caches( void )
{
    dns_shutdown();
    buffer_shutdown();
    tls_shutdown();
}

static inline void settle( struct crowd *crowd )
{
    hooks_reset();
    expect_clean();
    crowd_settle( crowd );
    empty_caches();
}

struct balance { long allocations; unsigned int descriptors; };

/* A resolver's thread may still be giving back what it had, and the server has its descriptors, too: they are waited
 * for, but not for ever. */
static inline void await_balance( const struct balance *start )
{
    uint64_t until = engine_now_ms() + WAIT_MS;
    struct balance now;

    for (;;)
    {
        now.allocations = hooks_live();
        now.descriptors = descriptor_count();
        if ((now.allocations == start->allocations && now.descriptors == start->descriptors) || engine_now_ms() >= until)
            break;
        async_pump( 1 );
        empty_caches();    /* a thread may have come too late with an answer */
    }
    expect( now.allocations == start->allocations );
    expect( now.descriptors == start->descriptors );
}

/* What there is when nothing goes on: the same twice, with time in between for threads to end what they do. */
static inline struct balance balance_now( void )
{
    struct balance before, after = { -1, 0 };

    do
    {
        before = after;
        async_pump( 50 );
        empty_caches();
        after.allocations = hooks_live();
        after.descriptors = descriptor_count();
    }
    while (before.allocations != after.allocations || before.descriptors != after.descriptors);
    return after;
}

/* Runs once with what was armed; returns 0 if nothing was left to fail. */
static inline int run_once( scenario story, struct crowd *crowd, const struct balance *start, unsigned int *result )
{
    uint64_t begin = engine_now_ms();
    unsigned int failed;

    *result = story( crowd );
    failed = hooks_failed();
    expect( engine_now_ms() - begin < RUN_MAX_MS );
    settle( crowd );
    if (start) await_balance( start );
    return failed != 0;
}

/* Large scenarios make hundreds of calls of one kind. Each of the first is made to fail, then every eighth or so:
 * far in, the same few lines call again and again. */
static inline unsigned int next_call( unsigned int nth )
{
    return nth < 40 ? nth + 1 : nth + nth / 8;
}

static inline void run_faults( const char *name, scenario story, struct crowd *crowd )
{
    unsigned int i, nth, all, result, failures = test_failures, runs = 0;
    uint64_t begin = engine_now_ms();
    unsigned int expected;
    struct balance start;

    settle( crowd );
    run_once( story, crowd, NULL, &expected );    /* tables grow to their size once */
    start = balance_now();
    run_once( story, crowd, &start, &result );
    expect( result == expected );
    for (i = 0; i < hook_error_count; i++)
    {
        const struct hook_error *error = &hook_errors[i];

        for (all = 0; all < 2; all++)
        {
            if (all && is_transparent( error )) break;    /* an EINTR that never ends is not of this world */
            for (nth = 1; ; nth = next_call( nth ))
            {
                int hit;

                hooks_reset();
                hooks_fail( error->hook, nth, all, error->error );
                hit = run_once( story, crowd, &start, &result );
                runs++;
                if (!hit || is_transparent( error )) expect( result == expected );
                if (test_failures != failures)
                {
                    fprintf( stderr, "  in %s, %s %u%s failing with %s: %u, undisturbed %u; %ld allocations, %u descriptors left\n",
                             name, hook_names[error->hook], nth, all ? " and all later" : "", error->name, result,
                             expected, hooks_live() - start.allocations, descriptor_count() - start.descriptors );
                    failures = test_failures;
                    start = balance_now();
                }
                if (!hit) break;
            }
        }
    }
    if (getenv( "WH_TEST_VERBOSE" )) fprintf( stderr, "%s: %u runs, %u ms\n", name, runs, (unsigned int)(engine_now_ms() - begin) );
}

#endif /* WINHTTP_UNIT_FAULTS_H */
