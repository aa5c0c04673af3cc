/*
 * What heads and routes say about who the request is
 */

#ifndef WINHTTP_AUTH_HEAD_H
#define WINHTTP_AUTH_HEAD_H

#include "request.h"

struct tunnel_words;

/* For the route of the next leg: whose connection it is, which one it has to be, and what a proxy is told by CONNECT: `words`
 * are lent to the route, and the caller's to free. request->lock is held. */
void auth_fill_route( struct request *request, struct wh_route *route, struct tunnel_words *words );
wh_id auth_pin( const struct request *request );

/* The value of Authorization or Proxy-Authorization for the next head, NUL-terminated bytes, given (wipe); NULL: there is
 * none. A head that is made once more for the same leg says the same. request->lock is held. */
char *auth_field( struct request *request, DWORD target );

/* The body of the next leg is at hand, as qop=auth-int needs it. request->lock is held. */
BOOL auth_has_body( const struct request *request );

#endif /* WINHTTP_AUTH_HEAD_H */
