/*
 * Strands and the wait together: waiters and posters lose nothing, and nothing runs twice at once
 */

#include <pthread.h>

#include "hooks.h"
#include "test.h"
#include "unix/engine.h"

#define STRANDS 16
#define POSTERS 4
#define WAITERS 4
#define POSTS   3000

/* The model: `asked` counts demands, a run takes note of all demands made before it began. */
struct model
{
    struct object obj;
    struct strand strand;
    unsigned int  asked;         /* atomic */
    unsigned int  seen;          /* the strand's alone; a run without exclusion shows as a data race and as a wrong sum */
    unsigned int  runs;          /* the strand's */
    unsigned int  seen_outside;  /* atomic: a copy for whoever waits for the end */
    int           inside;        /* the strand's */
    unsigned int  more;          /* the strand's: runs that want to be run again */
};

static struct model models[STRANDS];

static void model_destroy( struct object *obj ) { (void)obj; }

static int model_run( struct object *obj )
{
    struct model *model = (struct model *)obj;

    expect( !model->inside++ );
    model->runs++;
    model->seen = __atomic_load_n( &model->asked, __ATOMIC_SEQ_CST );
    __atomic_store_n( &model->seen_outside, model->seen, __ATOMIC_SEQ_CST );
    model->inside--;
    if (model->runs % 7) return 0;
    model->more++;
    return 1;
}

static void models_init( void )
{
    unsigned int i;

    for (i = 0; i < STRANDS; i++)
    {
        memset( &models[i], 0, sizeof(models[i]) );
        object_init( &models[i].obj, OBJECT_SESSION, model_destroy );
        strand_init( &models[i].strand, &models[i].obj, model_run );
    }
}

static int models_done( unsigned int each )
{
    unsigned int i;

    for (i = 0; i < STRANDS; i++)
        if (__atomic_load_n( &models[i].seen_outside, __ATOMIC_SEQ_CST ) != each) return 0;
    return 1;
}

static int stop_waiting;

static void *waiter_thread( void *arg )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = 20000 };

    (void)arg;
    while (!__atomic_load_n( &stop_waiting, __ATOMIC_SEQ_CST ))
    {
        expect( engine_wait( &wait ) == WH_DONE && !wait.count );
    }
    return NULL;
}

static void *poster_thread( void *arg )
{
    unsigned int seed = (unsigned int)(uintptr_t)arg, i;

    for (i = 0; i < POSTS * STRANDS; i++)
    {
        struct model *model = &models[i % STRANDS];

        __atomic_add_fetch( &model->asked, 1, __ATOMIC_SEQ_CST );
        switch (rand_r( &seed ) % 8)
        {
        case 0:
            strand_run( &model->strand );
            break;
        case 1:
            strand_enter( &model->strand );
            expect( !model->inside );
            model->seen = model->seen;    /* exclusive: no race with the runs */
            strand_leave( &model->strand );
            strand_schedule( &model->strand );
            break;
        default:
            strand_schedule( &model->strand );
            break;
        }
    }
    return NULL;
}

static void wake_all( void )
{
    struct wh_wake_params wake = { WAITERS, 0 };

    __atomic_store_n( &stop_waiting, 1, __ATOMIC_SEQ_CST );
    engine_wake( &wake );
}

static void test_waiters_and_posters_lose_nothing( void )
{
    pthread_t waiters[WAITERS], posters[POSTERS];
    uint64_t until;
    unsigned int i;

    models_init();
    stop_waiting = 0;
    for (i = 0; i < WAITERS; i++) pthread_create( &waiters[i], NULL, waiter_thread, NULL );
    for (i = 0; i < POSTERS; i++) pthread_create( &posters[i], NULL, poster_thread, (void *)(uintptr_t)(i + 1) );
    for (i = 0; i < POSTERS; i++) pthread_join( posters[i], NULL );

    /* From here on only the waiters can run what is still due. */
    until = engine_now_ms() + 20000;
    while (!models_done( POSTS * POSTERS ) && engine_now_ms() < until) sched_yield();
    expect( models_done( POSTS * POSTERS ) );
    wake_all();
    for (i = 0; i < WAITERS; i++) pthread_join( waiters[i], NULL );
    for (i = 0; i < STRANDS; i++)
    {
        expect( models[i].seen == POSTS * POSTERS );
        expect( models[i].obj.refs == 1 );    /* every entry of the queue gave up its reference */
    }
}

struct again
{
    struct object obj;
    struct strand strand;
    int           runs;
};

static int again_run( struct object *obj )
{
    struct again *again = (struct again *)obj;

    if (++again->runs < 3)
    {
        strand_run( &again->strand );         /* not recursion: one more round */
        strand_schedule( &again->strand );    /* asked twice is still one round */
    }
    return 0;
}

static void test_a_schedule_during_a_run_goes_round_again( void )
{
    struct again again = { .runs = 0 };

    object_init( &again.obj, OBJECT_SESSION, model_destroy );
    strand_init( &again.strand, &again.obj, again_run );
    strand_run( &again.strand );
    expect( again.runs == 3 && again.obj.refs == 1 );
}

/* A strand that never ends its work goes through the queue, so that others have their turn. */

static int endless_run( struct object *obj )
{
    ((struct again *)obj)->runs++;
    return 1;
}

static void test_endless_work_is_bounded( void )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = 0 };
    struct again again = { .runs = 0 };

    object_init( &again.obj, OBJECT_SESSION, model_destroy );
    strand_init( &again.strand, &again.obj, endless_run );
    strand_run( &again.strand );
    expect( again.runs == 1 && again.obj.refs == 2 );    /* it waits in the queue now */
    again.strand.run = again_run;
    again.runs = 2;
    expect( engine_wait( &wait ) == WH_DONE );
    expect( again.runs == 3 && again.obj.refs == 1 );
}

static void test_a_stolen_entry_serves_once( void )
{
    struct wh_record record;
    struct wh_wait_params wait = { .records = wh_from_ptr( &record ), .capacity = 1, .timeout_ms = 0 };
    struct again again = { .runs = 5 };

    object_init( &again.obj, OBJECT_SESSION, model_destroy );
    strand_init( &again.strand, &again.obj, again_run );
    strand_schedule( &again.strand );
    strand_run( &again.strand );         /* takes it out of the queue's hands */
    expect( again.runs == 6 );
    strand_schedule( &again.strand );    /* the entry that is still linked serves */
    strand_schedule( &again.strand );
    expect( engine_wait( &wait ) == WH_DONE );
    expect( again.runs == 7 && again.obj.refs == 1 );
}

int main( void )
{
    if (engine_start()) return 1;
    run( test_a_schedule_during_a_run_goes_round_again );
    run( test_endless_work_is_bounded );
    run( test_a_stolen_entry_serves_once );
    run( test_waiters_and_posters_lose_nothing );
    engine_stop();
    return test_end( "strand" );
}
