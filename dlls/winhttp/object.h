/*
 * Objects and handles: references, the handle table, two-phase close
 *
 * Every object starts with struct object. Two counts keep it:
 *
 *   references  keep the memory: one for the handle's life, one per child
 *   users       keep the handle's life going: the handle itself until it is closed, each API call and each callback
 *               that runs, each asynchronous operation until its completion was delivered
 *
 * Closing a handle makes it stop resolving and cancels what is in flight. When the last user leaves, HANDLE_CLOSING is
 * delivered, once and as the last callback, and the slot is free for a new handle. A stale handle misses: its
 * generation is another one.
 */

#ifndef WINHTTP_OBJECT_H
#define WINHTTP_OBJECT_H

#include "unixlib.h"

enum object_type       /* values of WINHTTP_HANDLE_TYPE_* */
{
    OBJECT_NONE    = 0,
    OBJECT_SESSION = 1,
    OBJECT_CONNECT = 2,
    OBJECT_REQUEST = 3,
    OBJECT_PROXY_RESOLVER = 4,
    OBJECT_WEBSOCKET = 5,
};

struct event;
struct object;

struct object_ops
{
    void (*cancel)( struct object *obj );    /* the handle was closed: end what is in flight; may be NULL */
    void (*finish)( struct object *obj );    /* the last user has left, HANDLE_CLOSING comes next; may be NULL */
    void (*destroy)( struct object *obj );   /* the last reference went: free everything, obj included */
    void (*event)( struct object *obj, const struct event *event );  /* on a worker, in order; may be NULL */
};

struct event_queue                           /* worker.c's, under its lock */
{
    struct event  *first, *last;
    struct object *next_ready;
    BOOL           running;                  /* queued for a worker, or a worker is at it */
};

struct object
{
    const struct object_ops *ops;
    struct object           *parent;         /* referenced; NULL for a session */
    LONG                     refs;
    enum object_type         type;
    DWORD                    slot;
    DWORD                    generation;
    HINTERNET                handle;
    WINHTTP_STATUS_CALLBACK  callback;       /* see notify_target */
    DWORD                    mask;           /* WINHTTP_CALLBACK_FLAG_* */
    LONG                     target_version; /* odd while the two are being changed */
    DWORD_PTR                context;
    BOOL                     async;          /* as the session */
    BOOL                     non_blocking;   /* the application promised that its callbacks do not block */
    struct event_queue       events;
};

/* Fills the header of a zeroed object: one reference, what children inherit, a reference on the parent. */
void object_init( struct object *obj, enum object_type type, const struct object_ops *ops, struct object *parent );

/* Gives it a handle; the handle takes over the caller's reference and is its first user. From here on other threads
 * may find it. Returns 0 or ERROR_NOT_ENOUGH_MEMORY (the reference stays the caller's). */
DWORD object_open( struct object *obj );

/* The object behind a handle, with one more user; NULL if there is none. `type` OBJECT_NONE takes any; another type
 * than asked for gives NULL, too, and *err is ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, else ERROR_INVALID_HANDLE. */
struct object *object_enter( HINTERNET handle, enum object_type type, DWORD *err );

/* The error of a call whose arguments are wrong: what is wrong with the handle comes before `err`, the kind of the handle
 * after it. Source: windows-behaviour.md LE-5. */
DWORD object_refuse( HINTERNET handle, DWORD err );

/* The number that names an object in records of the Unix side, and back: with one more user, also while it is being
 * closed; NULL once its life is over. */
wh_u64 object_cookie( const struct object *obj );
struct object *object_enter_cookie( wh_u64 cookie );

void object_use( struct object *obj );       /* one more user; the caller is one */
void object_leave( struct object *obj );     /* the last one delivers HANDLE_CLOSING; obj may be gone afterwards */

/* WinHttpCloseHandle. 0 or ERROR_INVALID_HANDLE. */
DWORD object_close( HINTERNET handle );

void object_grab( struct object *obj );      /* references: memory only */
void object_release( struct object *obj );

#endif /* WINHTTP_OBJECT_H */
