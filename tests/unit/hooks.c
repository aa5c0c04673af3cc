/*
 * Fault injection: the table of unix/hooks.h with a counter in front of each call
 *
 * Linked to every unit test, fuzz target and native benchmark, and to the winhttp.so of the tests that inject faults
 * under Wine. Nothing fails until somebody asks for it.
 */

#include <errno.h>
#include <stdint.h>

#include "unix/hooks.h"
#include "hooks.h"

#ifndef WH_HOOKS
#error "native tests are compiled with -DWH_HOOKS"
#endif

#define X( name ) [HOOK_##name] = #name,
const char *const hook_names[HOOK_COUNT] = { HOOK_CALLS( X ) };
#undef X

#define ROW( hook, error ) { HOOK_##hook, error, #error }
const struct hook_error hook_errors[] =
{
    { HOOK_ALLOC, 0, "NULL" },
    ROW( SOCKET, EMFILE ), ROW( SOCKET, ENFILE ), ROW( SOCKET, ENOMEM ), ROW( SOCKET, EAFNOSUPPORT ),
    ROW( CONNECT, ECONNREFUSED ), ROW( CONNECT, ENETUNREACH ), ROW( CONNECT, EADDRNOTAVAIL ), ROW( CONNECT, ENOMEM ),
    ROW( RECV, ECONNRESET ), ROW( RECV, EINTR ), ROW( RECV, EAGAIN ), ROW( RECV, ENOMEM ), ROW( RECV, EFAULT ),
    ROW( RECV, ETIMEDOUT ),
    ROW( SEND, EPIPE ), ROW( SEND, ECONNRESET ), ROW( SEND, EINTR ), ROW( SEND, EAGAIN ), ROW( SEND, ENOBUFS ),
    ROW( GETSOCKOPT, ENOBUFS ), ROW( SETSOCKOPT, ENOMEM ), ROW( GETSOCKNAME, ENOBUFS ),
    ROW( EPOLL, ENOMEM ), ROW( EPOLL, ENOSPC ), ROW( EPOLL_WAIT, EINTR ), ROW( EVENTFD, EMFILE ),
    ROW( RESOLVE, EAI_MEMORY ), ROW( RESOLVE, EAI_AGAIN ), ROW( THREAD, EAGAIN ),
};
#undef ROW
const unsigned int hook_error_count = sizeof(hook_errors) / sizeof(hook_errors[0]);

static struct hook_state
{
    unsigned int count, nth, all;     /* nth 0: nothing fails */
    int          error;
}
states[HOOK_COUNT];

static unsigned int syscall_count, syscall_nth;     /* of all but ALLOC */
static int syscall_error;
static unsigned int dice_count, dice_seed, dice_rate;
static unsigned int failed_count;
void (*hooks_told)( enum hook hook, int error );
static long live;

/* The kernel says EAGAIN only to what is not ready, and tells when it is. So that it tells, what epoll knows of each
 * descriptor is kept here. */
#define WATCHED 1024
static struct watched { int epfd; struct epoll_event event; } watched[WATCHED];

static void watch_again( int fd )
{
    struct epoll_event event;

    if ((unsigned int)fd >= WATCHED || !watched[fd].epfd) return;
    event = watched[fd].event;
    epoll_ctl( watched[fd].epfd - 1, EPOLL_CTL_MOD, fd, &event );
}

/* What a test sets, a job thread may be reading. */
static unsigned int get( const unsigned int *value ) { return __atomic_load_n( value, __ATOMIC_SEQ_CST ); }
static void put( unsigned int *value, unsigned int to ) { __atomic_store_n( value, to, __ATOMIC_SEQ_CST ); }

static unsigned int next( unsigned int *count )
{
    return __atomic_add_fetch( count, 1, __ATOMIC_SEQ_CST );
}

/* The nth plausible error of a hook, counted round; with `error`, that one if it is plausible, else the first. */
static int error_of( enum hook hook, unsigned int nth, int error )
{
    unsigned int i, count = 0;
    int errors[16];

    for (i = 0; i < hook_error_count; i++)
    {
        if (hook_errors[i].hook != hook || count == sizeof(errors) / sizeof(errors[0])) continue;
        if (error && hook_errors[i].error == error) return error;
        errors[count++] = hook_errors[i].error;
    }
    return count ? errors[nth % count] : EIO;
}

/* A number that depends on nothing but the seed and the place in the order of calls. */
static unsigned int dice( void )
{
    uint64_t x = ((uint64_t)dice_seed << 32 | next( &dice_count )) * 0x9e3779b97f4a7c15ull;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (unsigned int)(x >> 32);
}

/* 0, or the error that this call has to fail with; -1 for an allocation. */
static int choose( enum hook hook )
{
    struct hook_state *state = &states[hook];
    unsigned int count = next( &state->count ), nth = get( &state->nth ), rate = get( &dice_rate ), throw;

    if (nth && (count == nth || (count > nth && get( &state->all )))) return hook == HOOK_ALLOC ? -1 : state->error;
    if (hook != HOOK_ALLOC && (nth = get( &syscall_nth )) && next( &syscall_count ) == nth)
        return error_of( hook, 0, syscall_error );
    if (rate && !((throw = dice()) % rate)) return hook == HOOK_ALLOC ? -1 : error_of( hook, throw / rate, 0 );
    return 0;
}

static int verdict( enum hook hook )
{
    int error = choose( hook );

    if (!error) return 0;
    next( &failed_count );
    if (hooks_told) hooks_told( hook, error );
    return error;
}

/* 1 if this call has to fail; its error is in errno then. */
static int fails( enum hook hook )
{
    int error = verdict( hook );

    if (!error) return 0;
    if (error != -1) errno = error;
    return 1;
}

/* The same for a call on a descriptor that can be not ready. */
static int fails_on( enum hook hook, int fd )
{
    if (!fails( hook )) return 0;
    if (errno == EAGAIN)
    {
        watch_again( fd );
        errno = EAGAIN;
    }
    return 1;
}

static void *born( void *ptr )
{
    if (ptr) __atomic_add_fetch( &live, 1, __ATOMIC_SEQ_CST );
    return ptr;
}

static void *hook_malloc( size_t size )
{
    return fails( HOOK_ALLOC ) ? NULL : born( malloc( size ) );
}

static void *hook_calloc( size_t count, size_t size )
{
    return fails( HOOK_ALLOC ) ? NULL : born( calloc( count, size ) );
}

static void *hook_realloc( void *ptr, size_t size )
{
    void *ret;

    if (fails( HOOK_ALLOC )) return NULL;
    ret = realloc( ptr, size );
    return ptr ? ret : born( ret );
}

static void hook_free( void *ptr )
{
    if (ptr) __atomic_sub_fetch( &live, 1, __ATOMIC_SEQ_CST );
    free( ptr );
}

static int hook_socket( int domain, int type, int protocol )
{
    return fails( HOOK_SOCKET ) ? -1 : socket( domain, type, protocol );
}

static int hook_connect( int fd, const struct sockaddr *addr, socklen_t len )
{
    return fails( HOOK_CONNECT ) ? -1 : connect( fd, addr, len );
}

static ssize_t hook_recv( int fd, void *buffer, size_t size, int flags )
{
    return fails_on( HOOK_RECV, fd ) ? -1 : recv( fd, buffer, size, flags );
}

static ssize_t hook_send( int fd, const void *data, size_t len, int flags )
{
    return fails_on( HOOK_SEND, fd ) ? -1 : send( fd, data, len, flags );
}

static ssize_t hook_sendmsg( int fd, const struct msghdr *msg, int flags )
{
    return fails_on( HOOK_SEND, fd ) ? -1 : sendmsg( fd, msg, flags );
}

static int hook_getsockopt( int fd, int level, int name, void *value, socklen_t *len )
{
    return fails( HOOK_GETSOCKOPT ) ? -1 : getsockopt( fd, level, name, value, len );
}

static int hook_setsockopt( int fd, int level, int name, const void *value, socklen_t len )
{
    return fails( HOOK_SETSOCKOPT ) ? -1 : setsockopt( fd, level, name, value, len );
}

static int hook_getsockname( int fd, struct sockaddr *addr, socklen_t *len )
{
    return fails( HOOK_GETSOCKNAME ) ? -1 : getsockname( fd, addr, len );
}

static int hook_ioctl( int fd, unsigned long request, int *value )
{
    return fails( HOOK_SETSOCKOPT ) ? -1 : ioctl( fd, request, value );
}

static int hook_epoll_ctl( int epfd, int op, int fd, struct epoll_event *event )
{
    if (fails( HOOK_EPOLL )) return -1;
    if (op != EPOLL_CTL_DEL && (unsigned int)fd < WATCHED)
    {
        watched[fd].epfd = epfd + 1;
        watched[fd].event = *event;
    }
    return epoll_ctl( epfd, op, fd, event );
}

static int hook_epoll_create1( int flags )
{
    return fails( HOOK_EPOLL ) ? -1 : epoll_create1( flags );
}

static int hook_epoll_wait( int epfd, struct epoll_event *events, int count, int timeout )
{
    return fails( HOOK_EPOLL_WAIT ) ? -1 : epoll_wait( epfd, events, count, timeout );
}

static int hook_eventfd( unsigned int value, int flags )
{
    return fails( HOOK_EVENTFD ) ? -1 : eventfd( value, flags );
}

/* These two return their error. */

static int hook_getaddrinfo( const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **result )
{
    int error = verdict( HOOK_RESOLVE );

    return error ? error : getaddrinfo( node, service, hints, result );
}

static int hook_pthread_create( pthread_t *thread, const pthread_attr_t *attr, void *(*start)( void * ), void *arg )
{
    int error = verdict( HOOK_THREAD );

    return error ? error : pthread_create( thread, attr, start, arg );
}

struct wh_hooks wh_hooks =
{
    .malloc         = hook_malloc,
    .calloc         = hook_calloc,
    .realloc        = hook_realloc,
    .free           = hook_free,
    .socket         = hook_socket,
    .connect        = hook_connect,
    .recv           = hook_recv,
    .send           = hook_send,
    .sendmsg        = hook_sendmsg,
    .getsockopt     = hook_getsockopt,
    .setsockopt     = hook_setsockopt,
    .getsockname    = hook_getsockname,
    .ioctl          = hook_ioctl,
    .epoll_ctl      = hook_epoll_ctl,
    .epoll_create1  = hook_epoll_create1,
    .epoll_wait     = hook_epoll_wait,
    .eventfd        = hook_eventfd,
    .getaddrinfo    = hook_getaddrinfo,
    .pthread_create = hook_pthread_create,
};

void hooks_stop( void )
{
    unsigned int i;

    for (i = 0; i < HOOK_COUNT; i++) put( &states[i].nth, 0 );
    put( &syscall_nth, 0 );
    put( &dice_rate, 0 );
}

void hooks_reset( void )
{
    unsigned int i;

    hooks_stop();
    for (i = 0; i < HOOK_COUNT; i++) put( &states[i].count, 0 );
    put( &failed_count, 0 );
}

void hooks_fail( enum hook hook, unsigned int nth, int all, int error )
{
    states[hook].error = error;
    put( &states[hook].all, all );
    put( &states[hook].nth, nth ? get( &states[hook].count ) + nth : 0 );
}

void hooks_fail_syscall( unsigned int nth, int error )
{
    syscall_error = error;
    put( &syscall_count, 0 );
    put( &syscall_nth, nth );
}

void hooks_fail_sometimes( unsigned int seed, unsigned int rate )
{
    dice_seed = seed;
    put( &dice_count, 0 );
    put( &dice_rate, rate );
}

unsigned int hooks_count( enum hook hook )
{
    return get( &states[hook].count );
}

unsigned int hooks_failed( void )
{
    return get( &failed_count );
}

long hooks_live( void )
{
    return __atomic_load_n( &live, __ATOMIC_SEQ_CST );
}

void hooks_each_failure( enum hook hook, int error, void (*scenario)( void *arg ), void *arg )
{
    unsigned int count, nth;
    int all;

    hooks_reset();
    scenario( arg );
    count = hooks_count( hook );
    for (all = 0; all < 2; all++)
    {
        for (nth = 1; nth <= count; nth++)
        {
            hooks_reset();
            hooks_fail( hook, nth, all, error );
            scenario( arg );
        }
    }
    hooks_reset();
}
