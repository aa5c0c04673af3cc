/*
 * Sessions: what one WinHttpOpen adds to the process-wide pool
 */

#ifndef WH_SESSION_H
#define WH_SESSION_H

#include "../unixlib.h"

/* The calls of the boundary: see unixlib.h. */
uint32_t session_open( struct wh_session_open_params *params );
uint32_t session_close( struct wh_session_close_params *params );

/* How long a connection of this session may be idle. WHE_INVALID if there is no such session. */
enum wh_error session_idle_ms( wh_id id, uint32_t *max_idle_ms );

#endif /* WH_SESSION_H */
