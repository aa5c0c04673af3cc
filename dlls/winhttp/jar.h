/*
 * The cookie jar: the session's cookies at work on its requests
 *
 * What a cookie is and where it goes is cookie.c's; here are the session's lock, the clock, and the place a request is at.
 */

#ifndef WINHTTP_JAR_H
#define WINHTTP_JAR_H

#include "request.h"

/* Stores what the response head sets, unless the request has cookies disabled. Without memory a cookie is not stored.
 * request->lock is held. */
void jar_store( struct request *request );

/* What goes into the Cookie field of the next leg: *text is given (free), NULL if there is nothing. request->lock is held.
 * Returns 0 or ERROR_NOT_ENOUGH_MEMORY. */
DWORD jar_get( struct request *request, WCHAR **text, DWORD *cch );

#endif /* WINHTTP_JAR_H */
