/*
 * Domain names: IDNA and the public suffix list
 */

#ifndef WH_DOMAIN_H
#define WH_DOMAIN_H

#include "../unixlib.h"

/* The call of the boundary: see unixlib.h. Any thread. */
uint32_t domain_call( struct wh_domain_params *params );

#endif /* WH_DOMAIN_H */
