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

static inline BOOL notify_wanted( const struct object *obj, DWORD status )
{
    return obj->callback && (obj->mask & status);
}

/* Delivers one notification if it is wanted. `info` is borrowed by the application for the callback. */
void notify( struct object *obj, DWORD status, void *info, DWORD len );

/* The same with a text: converted from the Unix side's bytes; the length is in characters with the terminator. */
void notify_text( struct object *obj, DWORD status, const char *text );

/* A completion that is delivered inside the call that started the operation nests callbacks on the thread's stack.
 * notify_nest is FALSE at the limit: the completion must come from a worker instead. Otherwise notify_unnest follows. */
BOOL notify_nest( void );
void notify_unnest( void );

/* Process start and end. */
BOOL notify_startup( void );
void notify_shutdown( void );

#endif /* WINHTTP_NOTIFY_H */
