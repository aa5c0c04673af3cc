/*
 * Handshakes of NTLM and Negotiate: their legs share a connection
 *
 * Only the thread that drives the request's operations goes through one; nothing here but gather is called under a lock.
 */

#ifndef WINHTTP_AUTH_HANDSHAKE_H
#define WINHTTP_AUTH_HANDSHAKE_H

#include "auth_state.h"

#define AUTH_SPN_CCH 300

struct auth_handshake         /* what the next leg needs */
{
    WCHAR spn[AUTH_SPN_CCH];
    BYTE  binding[64];
    DWORD binding_len;
    wh_id pin;
    BOOL  overflow;           /* there would be a pin, were the rest of the response not too long to be taken away */
};

/* The connection of the present response, where it can carry the next leg, too; 0 = none. request->lock is held. */
wh_id auth_handshake_pin( const struct request *request );

/* From the present response and its connection. request->lock is held. */
void auth_handshake_gather( struct request *request, DWORD target, struct auth_handshake *handshake );

/* Begins one with the login of the target; the next head has its first message. FALSE: this system cannot, or has no
 * credentials. */
BOOL auth_handshake_begin( struct request *request, DWORD target, DWORD scheme, const struct auth_handshake *handshake );

/* The answer to the server's message is in the next head. FALSE: there is none. */
BOOL auth_handshake_step( struct request *request, DWORD target, DWORD scheme, const struct auth_handshake *handshake,
                          const BYTE *token, DWORD token_len );

#endif /* WINHTTP_AUTH_HANDSHAKE_H */
