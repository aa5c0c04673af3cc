#if 0
#pragma makedep unix
#endif

/*
 * Sessions: what one WinHttpOpen adds to the process-wide pool
 */

#include "hooks.h"
#include "object.h"
#include "origin.h"
#include "session.h"

#define MAX_IDLE_MS 60000      /* behaviour-concepts section 6 */

struct session
{
    struct object obj;
    uint32_t      max_idle_ms;
};

static void session_destroy( struct object *obj )
{
    wh_free( obj );
}

uint32_t session_open( struct wh_session_open_params *params )
{
    struct session *session;

    params->session = 0;
    if (!(session = wh_calloc( 1, sizeof(*session) ))) return WH_REFUSED;
    object_init( &session->obj, OBJECT_SESSION, session_destroy );
    session->max_idle_ms = params->max_idle_ms ? params->max_idle_ms : MAX_IDLE_MS;
    if (!object_add( &session->obj )) params->session = session->obj.id;
    object_release( &session->obj );
    return params->session ? WH_DONE : WH_REFUSED;
}

uint32_t session_close( struct wh_session_close_params *params )
{
    struct object *obj = object_from_id( params->session, OBJECT_SESSION );

    if (!obj) return WH_REFUSED;
    object_remove( obj );
    object_release( obj );
    if (params->partition) origin_close_partition( params->partition );
    if (params->identity_count) origin_close_identities( wh_to_ptr( params->identities ), params->identity_count );
    return WH_DONE;
}

enum wh_error session_idle_ms( wh_id id, uint32_t *max_idle_ms )
{
    struct object *obj = object_from_id( id, OBJECT_SESSION );

    if (!obj) return WHE_INVALID;
    *max_idle_ms = ((struct session *)obj)->max_idle_ms;
    object_release( obj );
    return WHE_OK;
}
