#if 0
#pragma makedep unix
#endif

/*
 * Readiness of descriptors: epoll, edge-triggered
 */

#include <errno.h>

#include "error.h"
#include "hooks.h"
#include "layer.h"
#include "loop.h"

static int epoll_fd = -1, wake_fd = -1;

enum wh_error loop_open( void )
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 0 };   /* id 0 is nobody's: the wake */
    enum wh_error error;

    if ((epoll_fd = sys_epoll_create( EPOLL_CLOEXEC )) != -1 &&
        (wake_fd = sys_eventfd( 0, EFD_CLOEXEC | EFD_NONBLOCK )) != -1 &&
        !sys_epoll_ctl( epoll_fd, EPOLL_CTL_ADD, wake_fd, &event ))
        return WHE_OK;
    error = error_from_errno( ERROR_OF_SOCKET, errno );
    loop_close();
    return error;
}

void loop_close( void )
{
    if (epoll_fd != -1) close( epoll_fd );
    if (wake_fd != -1) close( wake_fd );
    epoll_fd = wake_fd = -1;
}

enum wh_error loop_add( int fd, wh_id id )
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = id };

    if (!sys_epoll_ctl( epoll_fd, EPOLL_CTL_ADD, fd, &event )) return WHE_OK;
    return error_from_errno( ERROR_OF_SOCKET, errno );
}

int loop_wait( struct loop_event *events, int timeout_ms )
{
    struct epoll_event ready[LOOP_BATCH];
    int i, count, stored = 0;

    count = sys_epoll_wait( epoll_fd, ready, LOOP_BATCH, timeout_ms );
    for (i = 0; i < count; i++)
    {
        uint32_t bits = ready[i].events;

        if (!ready[i].data.u64) continue;    /* edge-triggered: the counter need not be read for the next kick to show */
        events[stored].id = ready[i].data.u64;
        events[stored].hangup = !!(bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
        events[stored].ready = (bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? LAYER_WANT_READ : 0) |
                               (bits & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? LAYER_WANT_WRITE : 0);
        stored++;
    }
    return stored;
}

void loop_kick( void )
{
    uint64_t one = 1;

    /* The counter overflows after 2^64 - 1 kicks; no other failure is possible on an open eventfd. */
    if (write( wake_fd, &one, sizeof(one) ) != sizeof(one)) return;
}
