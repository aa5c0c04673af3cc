/*
 * What a 401 or 407 offers
 */

#ifndef WINHTTP_AUTH_OFFER_H
#define WINHTTP_AUTH_OFFER_H

#include "auth_digest.h"
#include "request.h"

struct auth_token { BYTE *data; DWORD len; };    /* given; data NULL = none */

struct auth_offer
{
    DWORD             supported, first;    /* WINHTTP_AUTH_SCHEME_*: those that are known, in order of the fields */
    BOOL              basic_utf8;
    unsigned int      strength;            /* of the Digest challenge that is kept; 0 = there is none that can be answered */
    struct digest     digest;
    struct auth_token ntlm, negotiate;
};

/* WINHTTP_AUTH_TARGET_* that the present response speaks for; FALSE: it is no challenge. request->lock is held. */
BOOL auth_offer_target( const struct request *request, DWORD *target );

/* The challenges of the present response; `offer` is all zero, and freed in any case. Returns 0 or
 * ERROR_NOT_ENOUGH_MEMORY. request->lock is held. */
DWORD auth_offer_read( const struct request *request, DWORD target, struct auth_offer *offer );
void auth_offer_free( struct auth_offer *offer );

#endif /* WINHTTP_AUTH_OFFER_H */
