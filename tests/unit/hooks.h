/*
 * Fault injection: makes the Nth allocation or system call of the code under test fail
 *
 * A scenario is run once with nothing failing, hooks_count() tells how many calls it made, then it runs once for each
 * of them failing, alone and together with all later ones (hooks_each_failure does that). Thread-safe. The table of
 * unix/hooks.h is in hooks.c; it also counts what is allocated and not freed.
 */

#ifndef WINHTTP_UNIT_HOOKS_H
#define WINHTTP_UNIT_HOOKS_H

#define HOOK_CALLS( X ) \
    X( ALLOC )       /* malloc, calloc and realloc, counted together */ \
    X( SOCKET )      \
    X( CONNECT )     \
    X( RECV )        \
    X( SEND )        /* send and sendmsg */ \
    X( GETSOCKOPT )  \
    X( SETSOCKOPT )  /* setsockopt and ioctl */ \
    X( GETSOCKNAME ) \
    X( EPOLL )       /* epoll_create1 and epoll_ctl */ \
    X( EPOLL_WAIT )  \
    X( EVENTFD )     \
    X( RESOLVE )     /* getaddrinfo */ \
    X( THREAD )      /* pthread_create */

#define X( name ) HOOK_##name,
enum hook { HOOK_CALLS( X ) HOOK_COUNT };
#undef X

extern const char *const hook_names[HOOK_COUNT];

/* What each call can plausibly fail with, and has to be survived. */
struct hook_error
{
    enum hook   hook;
    int         error;
    const char *name;
};
extern const struct hook_error hook_errors[];
extern const unsigned int hook_error_count;

/* Counts start at zero again and nothing fails. */
void hooks_reset( void );

/* Nothing fails from now on; the counts stay. */
void hooks_stop( void );

/* From now on the nth call (1 is the next one) fails, with `all` every later one, too. The error is the errno to
 * leave, for RESOLVE the EAI_ code, for THREAD the returned code; ALLOC returns NULL. EAGAIN of RECV and SEND is as
 * the kernel does it: when the descriptor is ready after all, epoll says so again. */
void hooks_fail( enum hook hook, unsigned int nth, int all, int error );

/* The same for all system calls counted together; where the call cannot fail with `error`, it fails with the first
 * of its own in hook_errors. */
void hooks_fail_syscall( unsigned int nth, int error );

/* From now on one call in `rate` fails, with one of its errors; which ones depends on `seed` and on the order of the
 * calls. */
void hooks_fail_sometimes( unsigned int seed, unsigned int rate );

/* Calls since the last reset. */
unsigned int hooks_count( enum hook hook );

/* If set, called for each call that is made to fail, in its thread. `error` is what it fails with, -1: no memory. */
extern void (*hooks_told)( enum hook hook, int error );

/* Calls that were made to fail since the last reset. */
unsigned int hooks_failed( void );

/* Allocations that were not freed yet; not touched by hooks_reset(). */
long hooks_live( void );

/* Runs the scenario as above for one hook. It returns nothing: it checks itself, with whatever fails. */
void hooks_each_failure( enum hook hook, int error, void (*scenario)( void *arg ), void *arg );

#endif
