/*
 * Routes: what the transport is told about where a request goes and what its connection must be like
 */

#ifndef WINHTTP_ROUTE_H
#define WINHTTP_ROUTE_H

#include "request.h"
#include "unixlib.h"

/* Whether a request could be sent at all by what its options say: 0 or ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH (only protocols
 * may be used that are not there, or that cannot carry this request). request->lock is held. */
DWORD route_check( const struct request *request );

/* Fills a route that is all zero; it borrows from the request. alpn stays 0 where route_check would say MISMATCH.
 * request->lock is held. */
void route_fill( const struct request *request, struct wh_route *route );

#endif /* WINHTTP_ROUTE_H */
