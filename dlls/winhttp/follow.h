/*
 * What follows a final response head: it is the program's, or the request goes on
 *
 * The one place where that is decided: a 408 or 421 that may be tried again, redirects, challenges of servers and proxies.
 */

#ifndef WINHTTP_FOLLOW_H
#define WINHTTP_FOLLOW_H

#include "leg.h"

enum follow
{
    FOLLOW_DELIVER,    /* nothing: the response is the program's */
    FOLLOW_LEG,        /* the request was changed to what it is to be next: leg_begin, with `drain` if the body is unread */
    FOLLOW_RETRY,      /* the same leg has begun once more: *step is its step */
    FOLLOW_FAIL,       /* the receiving operation fails with *err */
};

/* The final head was delivered (RESPONSE_RECEIVED). Delivers REDIRECT. Without lock; the caller drives the receiving
 * operation. */
enum follow follow_head( struct request *request, struct step *step, BOOL *drain, DWORD *err );

#endif /* WINHTTP_FOLLOW_H */
