/*
 * Routes: what the transport is told about where a request goes and what its connection must be like
 */

#ifndef WINHTTP_ROUTE_H
#define WINHTTP_ROUTE_H

#include "request.h"
#include "unixlib.h"

/* Fills a route that is all zero; it borrows from the request. request->lock is held. */
void route_fill( const struct request *request, struct wh_route *route );

#endif /* WINHTTP_ROUTE_H */
