/*
 * A peer that answers when the test lets it, for the tests of the pool
 */

#ifndef WINHTTP_UNIT_GATE_H
#define WINHTTP_UNIT_GATE_H

#include "client.h"

#define POOL 300

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char *gate_answer = answer;      /* before the peer starts */

/* Each connection has a thread, which answers one request per permit; without permits it waits. */
struct gate
{
    pthread_mutex_t lock;
    pthread_cond_t  cond;
    unsigned int    permits, waiting;
    char            order[64];       /* the targets of the requests as they came */
    unsigned int    count;
    int             open, cut;       /* everything is answered; connections end instead */
    int             fds[POOL];       /* of the connections, -1 once closed */
    unsigned int    fd_count, threads;
};

static struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static inline void gate_init( void )
{
    pthread_mutex_lock( &gate.lock );
    gate.permits = gate.waiting = gate.count = gate.open = gate.cut = gate.fd_count = 0;
    pthread_mutex_unlock( &gate.lock );
}

static inline void gate_permit( unsigned int count )
{
    pthread_mutex_lock( &gate.lock );
    gate.permits += count;
    pthread_cond_broadcast( &gate.cond );
    pthread_mutex_unlock( &gate.lock );
}

static inline void gate_open( int cut )
{
    pthread_mutex_lock( &gate.lock );
    gate.open = 1;
    gate.cut = cut;
    pthread_cond_broadcast( &gate.cond );
    pthread_mutex_unlock( &gate.lock );
}

/* Until so many requests wait for a permit. */
static inline void gate_await( unsigned int count )
{
    uint64_t until = engine_now_ms() + WAIT_MS;
    unsigned int waiting;

    do
    {
        async_pump( 1 );
        pthread_mutex_lock( &gate.lock );
        waiting = gate.waiting;
        pthread_mutex_unlock( &gate.lock );
    } while (waiting < count && expect( engine_now_ms() < until ));
}

/* Ends the first POOL connections. */
static inline void gate_end_connections( void )
{
    unsigned int i;

    pthread_mutex_lock( &gate.lock );
    for (i = 0; i < gate.fd_count; i++)
        if (gate.fds[i] != -1) shutdown( gate.fds[i], SHUT_RDWR );
    pthread_mutex_unlock( &gate.lock );
}

struct served { struct peer *peer; int fd; unsigned int index; };

static inline void *serve_thread( void *arg )
{
    struct served *served = arg;
    char head[4096];
    int cut = 0;

    while (!cut && peer_read_head( served->peer, served->fd, head, sizeof(head) ))
    {
        pthread_mutex_lock( &gate.lock );
        if (gate.count < sizeof(gate.order)) gate.order[gate.count++] = head[5];
        gate.waiting++;
        while (!gate.permits && !gate.open) pthread_cond_wait( &gate.cond, &gate.lock );
        if (gate.permits) gate.permits--;
        gate.waiting--;
        cut = gate.cut;
        pthread_mutex_unlock( &gate.lock );
        if (!cut) peer_send( served->fd, gate_answer );
    }
    pthread_mutex_lock( &gate.lock );
    if (served->index < POOL) gate.fds[served->index] = -1;
    close( served->fd );
    gate.threads--;
    pthread_cond_broadcast( &gate.cond );
    pthread_mutex_unlock( &gate.lock );
    free( served );
    return NULL;
}

static inline void script_gated( struct peer *peer, int fd, void *arg )
{
    struct served *served = malloc( sizeof(*served) );
    pthread_t thread;

    (void)arg;
    served->peer = peer;
    served->fd = dup( fd );
    pthread_mutex_lock( &gate.lock );
    gate.threads++;
    if ((served->index = gate.fd_count) < POOL) gate.fds[gate.fd_count++] = served->fd;
    pthread_mutex_unlock( &gate.lock );
    pthread_create( &thread, NULL, serve_thread, served );
    pthread_detach( thread );
}

static inline void gated_stop( struct peer *peer )
{
    peer_stop( peer );
    gate_open( 1 );
    pthread_mutex_lock( &gate.lock );
    while (gate.threads) pthread_cond_wait( &gate.cond, &gate.lock );    /* our ends are closed, so theirs end, too */
    pthread_mutex_unlock( &gate.lock );
}

static const char *const heads[] = { "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /4 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /5 HTTP/1.1\r\nHost: x\r\n\r\n" };

/* Finishes an exchange whose answer is on its way. */
static inline void finish( struct async *async )
{
    if (!async_wait( async, WHK_HEAD_SENT ))
    {
        async_read_head( async, 0 );
        expect( !async_wait( async, WHK_HEAD_READ ) );
        async_read_body( async );
        expect( !async_wait( async, WHK_BODY_READ ) );
    }
    async_close( async );
    async_wait_gone( async );
}

#endif /* WINHTTP_UNIT_GATE_H */
