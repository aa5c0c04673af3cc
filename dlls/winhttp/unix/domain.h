/*
 * Domain names: IDNA and the public suffix list
 */

#ifndef WH_DOMAIN_H
#define WH_DOMAIN_H

#include "../unixlib.h"

/* The call of the boundary, see unixlib.h; always WH_DONE, with params->error:
 * INVALID for an empty or overlong name, a NUL in it, and what IDNA 2008 refuses; NO_MEMORY; UNSUPPORTED for a question
 * that is not known, and for suffixes where there is no list. `len` is the length needed, also where `size` is less.
 * Suffixes by the rules of publicsuffix.org: a name that no rule matches is a suffix if it has no dot.
 * Any thread; the first question about suffixes reads the list. */
uint32_t domain_call( struct wh_domain_params *params );

#endif /* WH_DOMAIN_H */
