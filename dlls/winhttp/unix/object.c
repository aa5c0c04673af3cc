#if 0
#pragma makedep unix
#endif

/*
 * Objects with ids: slot and generation
 *
 * A free slot keeps the generation that its next tenant gets. Slots are never given back: the table is as large as the
 * most objects that ever lived together, 16 bytes each.
 */

#include <pthread.h>

#include "hooks.h"
#include "object.h"

struct slot
{
    struct object *obj;            /* NULL: free */
    uint32_t       generation;
    uint32_t       next_free;      /* slot + 1, 0 = none */
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;
static uint32_t slot_count, slot_size, free_slots;
static unsigned int counts[OBJECT_DIAL + 1];

void object_init( struct object *obj, enum object_type type, void (*destroy)( struct object * ) )
{
    obj->refs = 1;
    obj->type = type;
    obj->id = 0;
    obj->destroy = destroy;
}

enum wh_error object_add( struct object *obj )
{
    enum wh_error error = WHE_OK;
    uint32_t index;

    pthread_mutex_lock( &table_lock );
    if (free_slots)
    {
        index = free_slots - 1;
        free_slots = slots[index].next_free;
    }
    else if (slot_count < slot_size) index = slot_count++;
    else
    {
        uint32_t size = slot_size ? slot_size * 2 : 64;
        struct slot *grown = wh_realloc( slots, size * sizeof(*slots) );

        if (!grown) error = WHE_NO_MEMORY;
        else
        {
            memset( grown + slot_size, 0, (size - slot_size) * sizeof(*slots) );
            slots = grown;
            slot_size = size;
        }
        index = slot_count;
        if (!error) slot_count++;
    }
    if (!error)
    {
        if (!++slots[index].generation) slots[index].generation = 1;
        slots[index].obj = obj;
        obj->id = (wh_id)index | (wh_id)slots[index].generation << 32;
        object_ref( obj );
        counts[obj->type]++;
    }
    pthread_mutex_unlock( &table_lock );
    return error;
}

void object_remove( struct object *obj )
{
    uint32_t index;
    int held = 0;

    pthread_mutex_lock( &table_lock );
    index = (uint32_t)obj->id;
    if (obj->id && index < slot_count && slots[index].obj == obj)
    {
        slots[index].obj = NULL;
        slots[index].next_free = free_slots;
        free_slots = index + 1;
        counts[obj->type]--;
        held = 1;
    }
    pthread_mutex_unlock( &table_lock );
    if (held) object_release( obj );
}

struct object *object_from_id( wh_id id, enum object_type type )
{
    uint32_t index = (uint32_t)id;
    struct object *obj = NULL;

    pthread_mutex_lock( &table_lock );
    if (index < slot_count && slots[index].obj && slots[index].generation == (uint32_t)(id >> 32) &&
        slots[index].obj->type == type)
        obj = object_ref( slots[index].obj );
    pthread_mutex_unlock( &table_lock );
    return obj;
}

struct object *object_ref( struct object *obj )
{
    __atomic_add_fetch( &obj->refs, 1, __ATOMIC_RELAXED );
    return obj;
}

struct object *object_try_ref( struct object *obj )
{
    int refs = __atomic_load_n( &obj->refs, __ATOMIC_RELAXED );

    do if (!refs) return NULL;
    while (!__atomic_compare_exchange_n( &obj->refs, &refs, refs + 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED ));
    return obj;
}

void object_release( struct object *obj )
{
    if (!__atomic_sub_fetch( &obj->refs, 1, __ATOMIC_ACQ_REL )) obj->destroy( obj );
}

unsigned int object_count( enum object_type type )
{
    return __atomic_load_n( &counts[type], __ATOMIC_RELAXED );
}
