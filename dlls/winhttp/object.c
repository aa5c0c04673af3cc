/*
 * Objects and handles
 *
 * A slot of the handle table holds the generation, the closed bit and the number of users in one 64-bit word: a lookup
 * is one compare-and-swap and takes no lock. Slots are never freed, so that a lookup may race with anything. A free
 * slot waits in a queue behind others before it is used again: a stale handle then meets another generation.
 *
 * A handle is an odd 31-bit number, generation << 20 | slot << 2 | 1: never a valid pointer, never 0 or -1.
 */

#include <stdarg.h>
#include <stdlib.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "object.h"
#include "notify.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define CHUNK_BITS   8
#define CHUNK_SLOTS  (1u << CHUNK_BITS)
#define CHUNK_COUNT  1024                       /* 262144 handles */
#define SLOT_MASK    (CHUNK_SLOTS * CHUNK_COUNT - 1)
#define GEN_MASK     0x7ffu
#define GEN_ALL      0xffffffff00000000ull     /* in the state */
#define MIN_FREE     64                         /* with 2047 generations: 131000 opens before a handle comes again */

#define STATE_CLOSED ((LONG64)0x80000000)
#define STATE_USERS  ((LONG64)0x7fffffff)

struct slot
{
    volatile LONG64 state;       /* generation << 32 | closed | users */
    union
    {
        struct object *object;
        DWORD          next;     /* free: the next free slot */
    } u;
};

static struct slot * volatile chunks[CHUNK_COUNT];

static SRWLOCK table_lock = SRWLOCK_INIT;       /* the rest */
static DWORD   slot_count, free_count, free_first, free_last;

static inline DWORD state_generation( LONG64 state )
{
    return (ULONG64)state >> 32;
}

static inline struct slot *slot_get( DWORD index )
{
    struct slot *chunk = chunks[index >> CHUNK_BITS];

    return chunk ? &chunk[index & (CHUNK_SLOTS - 1)] : NULL;
}

/* Takes a slot out of the queue or makes new ones; table_lock held. */
static struct slot *slot_take( DWORD *index )
{
    struct slot *chunk, *slot;
    DWORD i;

    if (free_count <= MIN_FREE && slot_count < CHUNK_SLOTS * CHUNK_COUNT &&
        (chunk = calloc( CHUNK_SLOTS, sizeof(*chunk) )))
    {
        InterlockedExchangePointer( (void **)&chunks[slot_count >> CHUNK_BITS], chunk );
        for (i = 0; i < CHUNK_SLOTS; i++)
        {
            if (free_count++) slot_get( free_last )->u.next = slot_count;
            else free_first = slot_count;
            free_last = slot_count++;
        }
    }
    if (!free_count) return NULL;
    *index = free_first;
    slot = slot_get( free_first );
    free_first = slot->u.next;
    free_count--;
    return slot;
}

static void slot_give( DWORD index )
{
    struct slot *slot = slot_get( index );

    AcquireSRWLockExclusive( &table_lock );
    slot->u.next = 0;
    if (free_count++) slot_get( free_last )->u.next = index;
    else free_first = index;
    free_last = index;
    ReleaseSRWLockExclusive( &table_lock );
}

void object_init( struct object *obj, enum object_type type, const struct object_ops *ops, struct object *parent )
{
    struct notify_target target;

    obj->type = type;
    obj->ops  = ops;
    obj->refs = 1;
    if (!parent) return;
    target = notify_target( parent );
    obj->callback     = target.callback;
    obj->mask         = target.mask;
    obj->context      = parent->context;
    obj->async        = parent->async;
    obj->non_blocking = parent->non_blocking;
    obj->parent       = parent;
    object_grab( parent );
}

DWORD object_open( struct object *obj )
{
    struct slot *slot;
    DWORD index, generation;

    AcquireSRWLockExclusive( &table_lock );
    slot = slot_take( &index );
    ReleaseSRWLockExclusive( &table_lock );
    if (!slot) return ERROR_NOT_ENOUGH_MEMORY;

    generation = state_generation( slot->state ) + 1;
    if (!(generation & GEN_MASK)) generation++;
    obj->slot       = index;
    obj->generation = generation;
    obj->handle     = (HINTERNET)(ULONG_PTR)((generation & GEN_MASK) << 20 | index << 2 | 1);
    slot->u.object  = obj;
    InterlockedExchange64( &slot->state, (LONG64)generation << 32 | 1 );
    return ERROR_SUCCESS;
}

/* One more user of a slot whose state passes (state & mask) == wanted, and that has a user already. */
static struct object *slot_enter( DWORD index, LONG64 mask, LONG64 wanted )
{
    struct slot *slot = slot_get( index );
    LONG64 state, prev;

    if (!slot) return NULL;
    for (state = slot->state; (state & mask) == wanted && (state & STATE_USERS); state = prev)
        if ((prev = InterlockedCompareExchange64( &slot->state, state + 1, state )) == state) return slot->u.object;
    return NULL;
}

struct object *object_enter( HINTERNET handle, enum object_type type, DWORD *err )
{
    ULONG_PTR value = (ULONG_PTR)handle;
    struct object *obj = NULL;
    DWORD generation = (value >> 20) & GEN_MASK;

    *err = ERROR_INVALID_HANDLE;
    if (value <= 0x7fffffff && (value & 3) == 1 && generation)
        obj = slot_enter( (value >> 2) & SLOT_MASK, (LONG64)GEN_MASK << 32 | STATE_CLOSED, (LONG64)generation << 32 );
    if (!obj || !type || obj->type == type) return obj;
    object_leave( obj );
    *err = ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;
    return NULL;
}

DWORD object_refuse( HINTERNET handle, DWORD err )
{
    struct object *obj;
    DWORD handle_err;

    if (!(obj = object_enter( handle, OBJECT_NONE, &handle_err ))) return handle_err;
    object_leave( obj );
    return err;
}

wh_u64 object_cookie( const struct object *obj )
{
    return (wh_u64)obj->generation << 32 | obj->slot;
}

struct object *object_enter_cookie( wh_u64 cookie )
{
    return slot_enter( cookie & SLOT_MASK, (LONG64)GEN_ALL, cookie & GEN_ALL );
}

void object_use( struct object *obj )
{
    InterlockedIncrement64( &slot_get( obj->slot )->state );
}

void object_leave( struct object *obj )
{
    DWORD index = obj->slot;
    HINTERNET handle = obj->handle;

    if (InterlockedDecrement64( &slot_get( index )->state ) & STATE_USERS) return;

    TRACE( "%p is gone\n", handle );
    if (obj->ops->finish) obj->ops->finish( obj );
    notify( obj, WINHTTP_CALLBACK_STATUS_HANDLE_CLOSING, &handle, sizeof(handle) );
    slot_give( index );
    object_release( obj );
}

DWORD object_close( HINTERNET handle )
{
    struct object *obj;
    struct slot *slot;
    LONG64 state;
    DWORD err;

    if (!(obj = object_enter( handle, OBJECT_NONE, &err ))) return err;
    slot = slot_get( obj->slot );
    do
    {
        state = slot->state;
        if (state & STATE_CLOSED)    /* another thread was faster */
        {
            object_leave( obj );
            return ERROR_INVALID_HANDLE;
        }
    } while (InterlockedCompareExchange64( &slot->state, state | STATE_CLOSED, state ) != state);

    if (obj->ops->cancel) obj->ops->cancel( obj );
    object_leave( obj );    /* the handle's own use, */
    object_leave( obj );    /* and ours */
    return ERROR_SUCCESS;
}

void object_grab( struct object *obj )
{
    InterlockedIncrement( &obj->refs );
}

void object_release( struct object *obj )
{
    struct object *parent;

    /* A chain of parents, not a recursion. */
    while (obj && !InterlockedDecrement( &obj->refs ))
    {
        parent = obj->parent;
        obj->ops->destroy( obj );
        obj = parent;
    }
}
