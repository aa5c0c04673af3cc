/*
 * Fault injection: the table of unix/hooks.h with a counter in front of each call
 *
 * Linked to every unit test, fuzz target and native benchmark. Nothing fails until a test asks for it.
 */

#include <errno.h>

#include "unix/hooks.h"
#include "hooks.h"

#ifndef WH_HOOKS
#error "native tests are compiled with -DWH_HOOKS"
#endif

static struct hook_state
{
    unsigned int count, nth;     /* nth 0: nothing fails */
    int          all, error;
}
states[HOOK_COUNT];

/* 1 if this call has to fail; its error is in errno then. */
static int fails( enum hook hook )
{
    struct hook_state *state = &states[hook];
    unsigned int count = __atomic_add_fetch( &state->count, 1, __ATOMIC_SEQ_CST );

    if (!state->nth || count < state->nth || (count > state->nth && !state->all)) return 0;
    errno = state->error;
    return 1;
}

static void *hook_malloc( size_t size )
{
    return fails( HOOK_ALLOC ) ? NULL : malloc( size );
}

static void *hook_calloc( size_t count, size_t size )
{
    return fails( HOOK_ALLOC ) ? NULL : calloc( count, size );
}

static void *hook_realloc( void *ptr, size_t size )
{
    return fails( HOOK_ALLOC ) ? NULL : realloc( ptr, size );
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
    return fails( HOOK_RECV ) ? -1 : recv( fd, buffer, size, flags );
}

static ssize_t hook_send( int fd, const void *data, size_t len, int flags )
{
    return fails( HOOK_SEND ) ? -1 : send( fd, data, len, flags );
}

static ssize_t hook_sendmsg( int fd, const struct msghdr *msg, int flags )
{
    return fails( HOOK_SEND ) ? -1 : sendmsg( fd, msg, flags );
}

static int hook_getsockopt( int fd, int level, int name, void *value, socklen_t *len )
{
    return fails( HOOK_GETSOCKOPT ) ? -1 : getsockopt( fd, level, name, value, len );
}

static int hook_epoll_ctl( int epfd, int op, int fd, struct epoll_event *event )
{
    return fails( HOOK_EPOLL ) ? -1 : epoll_ctl( epfd, op, fd, event );
}

static int hook_epoll_create1( int flags )
{
    return fails( HOOK_EPOLL ) ? -1 : epoll_create1( flags );
}

static int hook_eventfd( unsigned int value, int flags )
{
    return fails( HOOK_EVENTFD ) ? -1 : eventfd( value, flags );
}

static int hook_getaddrinfo( const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **result )
{
    return fails( HOOK_RESOLVE ) ? states[HOOK_RESOLVE].error : getaddrinfo( node, service, hints, result );
}

static int hook_pthread_create( pthread_t *thread, const pthread_attr_t *attr, void *(*start)( void * ), void *arg )
{
    return fails( HOOK_THREAD ) ? states[HOOK_THREAD].error : pthread_create( thread, attr, start, arg );
}

struct wh_hooks wh_hooks =
{
    .malloc         = hook_malloc,
    .calloc         = hook_calloc,
    .realloc        = hook_realloc,
    .socket         = hook_socket,
    .connect        = hook_connect,
    .recv           = hook_recv,
    .send           = hook_send,
    .sendmsg        = hook_sendmsg,
    .getsockopt     = hook_getsockopt,
    .epoll_ctl      = hook_epoll_ctl,
    .epoll_create1  = hook_epoll_create1,
    .eventfd        = hook_eventfd,
    .getaddrinfo    = hook_getaddrinfo,
    .pthread_create = hook_pthread_create,
};

void hooks_reset( void )
{
    memset( states, 0, sizeof(states) );
}

void hooks_fail( enum hook hook, unsigned int nth, int all, int error )
{
    states[hook].nth = nth ? states[hook].count + nth : 0;
    states[hook].all = all;
    states[hook].error = error;
}

unsigned int hooks_count( enum hook hook )
{
    return __atomic_load_n( &states[hook].count, __ATOMIC_SEQ_CST );
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
