/*
 * OCSP requests and responses: the call of the boundary
 */

#ifndef WH_OCSP_H
#define WH_OCSP_H

#include "../unixlib.h"

/* See unixlib.h. Any thread; no network. */
uint32_t ocsp_call( struct wh_ocsp_params *params );

#endif /* WH_OCSP_H */
