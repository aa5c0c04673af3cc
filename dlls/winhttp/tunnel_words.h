/*
 * What a request says to a proxy that makes a way through for it, beside where that shall lead
 */

#ifndef WINHTTP_TUNNEL_WORDS_H
#define WINHTTP_TUNNEL_WORDS_H

#include "auth_login.h"
#include "request.h"
#include "unixlib.h"

struct tunnel_words
{
    char    *auth;        /* value of Proxy-Authorization, or user and password for SOCKS; NULL: none */
    char    *head;        /* field lines of CONNECT; NULL: none */
    uint32_t user_len;    /* SOCKS: bytes of the user in `auth` */
};

/* All zero means nothing to say. Makes what does not come from a challenge; `own` is what WinHttpSetCredentials has said of the
 * proxy, or NULL. What there is no memory for is not said. request->lock is held. */
void tunnel_words_fill( const struct request *request, const struct auth_login *own, struct tunnel_words *words );
void tunnel_words_lend( const struct tunnel_words *words, struct wh_route *route );    /* until the exchange has begun */
void tunnel_words_free( struct tunnel_words *words );

/* The field of that name that the program has added itself: it is the proxy's, and goes to no server behind it. NULL: none.
 * request->lock is held. */
const struct field *tunnel_words_field( const struct request *request );

/* Whoever opens this way may be known to the proxy from then on. request->lock is held. */
BOOL tunnel_words_needed( const struct request *request );

#endif /* WINHTTP_TUNNEL_WORDS_H */
