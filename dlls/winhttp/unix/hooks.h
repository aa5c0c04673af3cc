/*
 * Memory and system calls of the Unix side
 *
 * In winhttp.so these are the libc's own functions. A build with WH_HOOKS (the native test library) sends them
 * through a table, so that a test can make the Nth one fail and count what lives. Only calls whose failure is our
 * business are here.
 */

#ifndef WH_HOOKS_H
#define WH_HOOKS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netdb.h>
#include <pthread.h>

#ifdef WH_HOOKS

struct wh_hooks
{
    void   *(*malloc)( size_t );
    void   *(*calloc)( size_t, size_t );
    void   *(*realloc)( void *, size_t );
    void    (*free)( void * );
    int     (*socket)( int, int, int );
    int     (*connect)( int, const struct sockaddr *, socklen_t );
    ssize_t (*recv)( int, void *, size_t, int );
    ssize_t (*send)( int, const void *, size_t, int );
    ssize_t (*sendmsg)( int, const struct msghdr *, int );
    int     (*getsockopt)( int, int, int, void *, socklen_t * );
    int     (*setsockopt)( int, int, int, const void *, socklen_t );
    int     (*getsockname)( int, struct sockaddr *, socklen_t * );
    int     (*ioctl)( int, unsigned long, int * );
    int     (*epoll_ctl)( int, int, int, struct epoll_event * );
    int     (*epoll_create1)( int );
    int     (*epoll_wait)( int, struct epoll_event *, int, int );
    int     (*eventfd)( unsigned int, int );
    int     (*getaddrinfo)( const char *, const char *, const struct addrinfo *, struct addrinfo ** );
    int     (*pthread_create)( pthread_t *, const pthread_attr_t *, void *(*)( void * ), void * );
};
extern struct wh_hooks wh_hooks;     /* defined by tests/unit/hooks.c, calls the libc unless told to fail */

#define wh_malloc        wh_hooks.malloc
#define wh_calloc        wh_hooks.calloc
#define wh_realloc       wh_hooks.realloc
#define wh_free          wh_hooks.free
#define sys_socket       wh_hooks.socket
#define sys_connect      wh_hooks.connect
#define sys_recv         wh_hooks.recv
#define sys_send         wh_hooks.send
#define sys_sendmsg      wh_hooks.sendmsg
#define sys_getsockopt   wh_hooks.getsockopt
#define sys_setsockopt   wh_hooks.setsockopt
#define sys_getsockname  wh_hooks.getsockname
#define sys_ioctl        wh_hooks.ioctl
#define sys_epoll_ctl    wh_hooks.epoll_ctl
#define sys_epoll_create wh_hooks.epoll_create1
#define sys_epoll_wait   wh_hooks.epoll_wait
#define sys_eventfd      wh_hooks.eventfd
#define sys_getaddrinfo  wh_hooks.getaddrinfo
#define sys_pthread_create wh_hooks.pthread_create

#else

#define wh_malloc        malloc
#define wh_calloc        calloc
#define wh_realloc       realloc
#define wh_free          free
#define sys_socket       socket
#define sys_connect      connect
#define sys_recv         recv
#define sys_send         send
#define sys_sendmsg      sendmsg
#define sys_getsockopt   getsockopt
#define sys_setsockopt   setsockopt
#define sys_getsockname  getsockname
#define sys_ioctl        ioctl
#define sys_epoll_ctl    epoll_ctl
#define sys_epoll_create epoll_create1
#define sys_epoll_wait   epoll_wait
#define sys_eventfd      eventfd
#define sys_getaddrinfo  getaddrinfo
#define sys_pthread_create pthread_create

#endif

#endif /* WH_HOOKS_H */
