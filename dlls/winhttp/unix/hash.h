/*
 * Hashes for Digest authentication
 */

#ifndef WH_HASH_H
#define WH_HASH_H

#include "../unixlib.h"

/* The call of the boundary: see unixlib.h. */
uint32_t hash_call( struct wh_hash_params *params );

#endif /* WH_HASH_H */
