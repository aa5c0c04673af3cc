/*
 * Objects with ids: slot and generation, so that a stale id misses instead of hitting the next tenant
 *
 * An id is what the PE side and the event loop hold; a reference is what code holds while it works. The table itself
 * holds one reference from object_add to object_remove.
 */

#ifndef WH_OBJECT_H
#define WH_OBJECT_H

#include "../unixlib.h"

enum object_type { OBJECT_SESSION = 1, OBJECT_EXCHANGE, OBJECT_CONN, OBJECT_CREDS, OBJECT_DIAL };

struct object
{
    int              refs;         /* atomic */
    enum object_type type;
    wh_id            id;           /* 0 while not in the table */
    void           (*destroy)( struct object *obj );   /* the last reference is gone */
};

/* The object starts with one reference, the caller's. */
void object_init( struct object *obj, enum object_type type, void (*destroy)( struct object * ) );

/* Enters it into the table, which takes a reference of its own. WHE_NO_MEMORY leaves it out. */
enum wh_error object_add( struct object *obj );

/* Takes it out of the table: the id no longer resolves. Harmless if it is not in. */
void object_remove( struct object *obj );

/* The object of that id and type with a new reference, or NULL. Any thread. */
struct object *object_from_id( wh_id id, enum object_type type );

struct object *object_ref( struct object *obj );

/* A reference unless the last one is gone already; the caller keeps the memory alive by other means. */
struct object *object_try_ref( struct object *obj );

void object_release( struct object *obj );

/* How many objects of a type are in the table. */
unsigned int object_count( enum object_type type );

/* "slot.generation" for a trace. */
#define OBJECT_FMT "%u.%u"
#define OBJECT_ARG( obj ) (unsigned int)(obj)->id, (unsigned int)((obj)->id >> 32)

#endif /* WH_OBJECT_H */
