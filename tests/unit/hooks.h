/*
 * Fault injection: makes the Nth allocation or system call of the code under test fail
 *
 * A scenario is run once with nothing failing, hooks_count() tells how many calls it made, then it runs once for each
 * of them failing, alone and together with all later ones (hooks_each_failure does that). Thread-safe.
 */

#ifndef WINHTTP_UNIT_HOOKS_H
#define WINHTTP_UNIT_HOOKS_H

#define HOOK_CALLS( X ) \
    X( ALLOC )      /* malloc, calloc and realloc, counted together */ \
    X( SOCKET )     \
    X( CONNECT )    \
    X( RECV )       \
    X( SEND )       /* send and sendmsg */ \
    X( GETSOCKOPT ) \
    X( EPOLL )      /* epoll_create1 and epoll_ctl */ \
    X( EVENTFD )    \
    X( RESOLVE )    /* getaddrinfo */ \
    X( THREAD )     /* pthread_create */

#define X( name ) HOOK_##name,
enum hook { HOOK_CALLS( X ) HOOK_COUNT };
#undef X

/* Counts start at zero again and nothing fails. */
void hooks_reset( void );

/* From now on the nth call (1 is the next one) fails, with `all` every later one, too. The error is the errno to
 * leave, for RESOLVE the EAI_ code, for THREAD the returned code; ALLOC returns NULL. */
void hooks_fail( enum hook hook, unsigned int nth, int all, int error );

/* Calls since the last reset. */
unsigned int hooks_count( enum hook hook );

/* Runs the scenario as above for one hook. It returns nothing: it checks itself, with whatever fails. */
void hooks_each_failure( enum hook hook, int error, void (*scenario)( void *arg ), void *arg );

#endif
