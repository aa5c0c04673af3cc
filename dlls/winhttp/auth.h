/*
 * Authentication: WinHttpQueryAuthSchemes, WinHttpSetCredentials, and the answers to challenges
 *
 * A request has a struct auth once it has credentials, or has answered a challenge. Per target, server and proxy, it says
 * with which scheme the next head answers. Basic and Digest are fields of a head. NTLM and Negotiate are handshakes of
 * several legs on one connection (the pin), which is nobody else's meanwhile and belongs to its user afterwards
 * (auth_login.h).
 *
 * Only the thread that drives the request's operations goes through a handshake; what others may look at or change
 * (credentials, the answer that is to be sent) is guarded by request->lock. Source: behaviour-concepts.md section 3,
 * windows-behaviour.md AU-1 to AU-14.
 */

#ifndef WINHTTP_AUTH_H
#define WINHTTP_AUTH_H

#include "request.h"

enum auth_next
{
    AUTH_DELIVER,    /* nothing: the response is the program's, or is looked at by others */
    AUTH_LEG,        /* the next leg carries an answer */
    AUTH_OVERFLOW,   /* the legs have to share a connection, and the response is too long to be taken away from it */
    AUTH_RESEND,     /* the program has to send again, ERROR_WINHTTP_RESEND_REQUEST: what it wrote is gone */
};

/* The final head of a response is there. *drain: what is left of the response has to be taken away, so that its connection
 * can be used again. Without lock; the caller drives the receiving operation. */
enum auth_next auth_follow( struct request *request, BOOL *drain );

/* A new send begins, after a response or without one. Without lock; the caller drives the sending operation. */
void auth_begin( struct request *request );

/* What is left of the response before has to be taken away for the next leg's sake, whatever became of it. request->lock is
 * held. */
BOOL auth_needs_drain( const struct request *request );

/* The connection that the leg was to go over is gone, before it could say a word; `again`: the leg may begin once more in any
 * case. TRUE: it may, with what is prepared now. Without lock. */
BOOL auth_lost( struct request *request, BOOL again );

/* The request goes to another server: what was for the one before is not for that. request->lock is held. */
void auth_forget_server( struct request *request );

/* A redirect that asks for Passport is a 401 for programs that have enabled it, AU-13. request->lock is held. */
void auth_map_passport( struct request *request );

void auth_free( struct request *request );

#endif /* WINHTTP_AUTH_H */
