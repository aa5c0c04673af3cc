#if 0
#pragma makedep unix
#endif

/*
 * Domain names: IDNA and the public suffix list
 */

#include "domain.h"

uint32_t domain_call( struct wh_domain_params *params )
{
    params->len = params->result = 0;
    params->error = WHE_UNSUPPORTED;
    return WH_DONE;
}
