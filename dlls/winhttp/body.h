/*
 * Bodies: WinHttpWriteData, WinHttpQueryDataAvailable, WinHttpReadData, WinHttpReadDataEx
 */

#ifndef WINHTTP_BODY_H
#define WINHTTP_BODY_H

#include "request.h"

/* A leg of the receiving operation is out, or has failed with that operation's error: a write that an asynchronous program has
 * begun meanwhile goes on, or ends with the same error. It is its worker's to complete. Without lock. */
void body_unpark( struct request *request );

#endif /* WINHTTP_BODY_H */
