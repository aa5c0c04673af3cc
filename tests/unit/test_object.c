/*
 * The table of ids: stale ids miss, slots are used again, references
 */

#include <pthread.h>

#include "hooks.h"
#include "test.h"
#include "unix/object.h"

static unsigned int destroyed;

static void destroy( struct object *obj )
{
    __atomic_add_fetch( &destroyed, 1, __ATOMIC_SEQ_CST );
    free( obj );
}

static struct object *create( enum object_type type )
{
    struct object *obj = calloc( 1, sizeof(*obj) );

    object_init( obj, type, destroy );
    return obj;
}

static void test_stale_ids_miss( void )
{
    struct object *first = create( OBJECT_SESSION ), *second = create( OBJECT_SESSION ), *found;
    wh_id id;

    destroyed = 0;
    expect( !object_add( first ) && first->id );
    id = first->id;
    expect( object_count( OBJECT_SESSION ) == 1 );
    expect( (found = object_from_id( id, OBJECT_SESSION )) == first );
    object_release( found );
    expect( !object_from_id( id, OBJECT_CONN ) );
    expect( !object_from_id( 0, OBJECT_SESSION ) && !object_from_id( ~(wh_id)0, OBJECT_SESSION ) );

    object_remove( first );
    object_remove( first );    /* harmless */
    expect( !object_from_id( id, OBJECT_SESSION ) && !destroyed );

    expect( !object_add( second ) );
    expect( (uint32_t)second->id == (uint32_t)id && second->id != id );    /* the slot, with another generation */
    expect( !object_from_id( id, OBJECT_SESSION ) );
    object_remove( first );    /* the slot is somebody else's now */
    expect( (found = object_from_id( second->id, OBJECT_SESSION )) == second );
    object_release( found );
    object_release( first );
    expect( destroyed == 1 );
    object_remove( second );
    object_release( second );
    expect( destroyed == 2 && !object_count( OBJECT_SESSION ) );
}

static void test_the_table_outlives_the_creator( void )
{
    struct object *obj = create( OBJECT_CONN );
    wh_id id;

    destroyed = 0;
    expect( !object_add( obj ) );
    id = obj->id;
    object_release( obj );
    expect( !destroyed );
    obj = object_from_id( id, OBJECT_CONN );
    object_remove( obj );
    expect( !destroyed );
    object_release( obj );
    expect( destroyed == 1 );
}

static void test_no_reference_after_the_last( void )
{
    struct object obj;

    object_init( &obj, OBJECT_CONN, destroy );
    expect( object_try_ref( &obj ) == &obj && obj.refs == 2 );
    obj.refs = 0;
    expect( !object_try_ref( &obj ) && !obj.refs );
}

static void test_growing_without_memory_leaves_it_out( void )
{
    static struct object *objs[500];
    unsigned int i, count;

    hooks_reset();
    hooks_fail( HOOK_ALLOC, 2, 1, 0 );
    for (count = 0; count < 500; count++)
    {
        objs[count] = create( OBJECT_DIAL );
        if (!object_add( objs[count] )) continue;
        expect( !objs[count]->id );
        object_release( objs[count] );
        break;
    }
    expect( count && count < 500 && object_count( OBJECT_DIAL ) == count );
    hooks_reset();
    for (i = 0; i < count; i++)
    {
        object_remove( objs[i] );
        object_release( objs[i] );
    }
    expect( !object_count( OBJECT_DIAL ) );
}

/* Look-ups race with removals: each finds the whole object or nothing. */

static wh_id shared_id;
static int stop;

static void *look_up( void *arg )
{
    struct object *obj;

    (void)arg;
    while (!__atomic_load_n( &stop, __ATOMIC_SEQ_CST ))
    {
        wh_id id = __atomic_load_n( &shared_id, __ATOMIC_SEQ_CST );

        if (!(obj = object_from_id( id, OBJECT_SESSION ))) continue;
        expect( obj->id == id );
        object_release( obj );
    }
    return NULL;
}

static void test_look_ups_race_with_removals( void )
{
    pthread_t threads[2];
    unsigned int i;

    destroyed = 0;
    stop = 0;
    for (i = 0; i < 2; i++) pthread_create( &threads[i], NULL, look_up, NULL );
    for (i = 0; i < 2000; i++)
    {
        struct object *obj = create( OBJECT_SESSION );

        expect( !object_add( obj ) );
        __atomic_store_n( &shared_id, obj->id, __ATOMIC_SEQ_CST );
        object_remove( obj );
        object_release( obj );
    }
    __atomic_store_n( &stop, 1, __ATOMIC_SEQ_CST );
    for (i = 0; i < 2; i++) pthread_join( threads[i], NULL );
    expect( destroyed == 2000 );
}

int main( void )
{
    run( test_stale_ids_miss );
    run( test_the_table_outlives_the_creator );
    run( test_no_reference_after_the_last );
    run( test_growing_without_memory_leaves_it_out );
    run( test_look_ups_race_with_removals );
    return test_end( "object" );
}
