/*
 * Status callbacks
 *
 * A callback runs on the thread that calls notify, without any lock, and may do anything, closing its handle included.
 * The caller is a user of the object, so that HANDLE_CLOSING cannot overtake it. Sequences and payloads:
 * windows-notifications.md.
 */

#ifndef WINHTTP_NOTIFY_H
#define WINHTTP_NOTIFY_H

#include "object.h"

/* Callback and mask of an object change together: whoever reads one of them for a decision takes both from here. */
struct notify_target
{
    WINHTTP_STATUS_CALLBACK callback;
    DWORD                   mask;
};

struct notify_target notify_target( const struct object *obj );

/* Returns the callback that was set before. Notifications that have begun may still go to it. */
WINHTTP_STATUS_CALLBACK notify_set_target( struct object *obj, WINHTTP_STATUS_CALLBACK callback, DWORD mask );

/* Worth preparing it? A hint: the callback may change meanwhile. */
static inline BOOL notify_wanted( const struct object *obj, DWORD status )
{
    return obj->callback && (obj->mask & status);
}

/* Delivers one notification if it is wanted. `info` is borrowed by the application for the callback. */
void notify( struct object *obj, DWORD status, void *info, DWORD len );

/* The same with a text: converted from the Unix side's bytes; the length is in characters with the terminator. */
void notify_text( struct object *obj, DWORD status, const char *text );

/* A completion that is delivered inside the call that started the operation nests callbacks on the thread's stack.
 * FALSE at the limit: the completion must come from a worker instead. */
BOOL notify_may_nest( void );

/* Process start and end. */
BOOL notify_startup( void );
void notify_shutdown( void );

#endif /* WINHTTP_NOTIFY_H */
