/*
 * What a request remembers of its authentication; shared by auth.c, auth_head.c and auth_handshake.c
 */

#ifndef WINHTTP_AUTH_STATE_H
#define WINHTTP_AUTH_STATE_H

#include "auth_digest.h"
#include "auth_login.h"
#include "auth_sspi.h"
#include "request.h"

#define AUTH_TARGETS  2
#define AUTH_MAX_LEGS 10    /* answers within one send: a server that goes on challenging means no */

struct auth_target
{
    struct auth_login  own;        /* WinHttpSetCredentials */
    BOOL               changed;    /* since the last send */
    struct auth_login  login;      /* whose answers these are */
    DWORD              scheme;     /* WINHTTP_AUTH_SCHEME_* of the next head; 0: it says nothing */
    BOOL               tried;      /* Digest: it answers a challenge of the present send */
    BOOL               utf8;       /* Basic: the server has asked for that */
    char              *answer;     /* the field; that of Digest is for one leg */
    struct digest      digest;
    struct auth_sspi  *sspi;       /* the handshake that is under way; the driving thread's */
};

struct auth
{
    struct auth_target targets[AUTH_TARGETS];    /* by WINHTTP_AUTH_TARGET_* */
    unsigned int       legs;       /* answers since the send began */
    wh_id              pin;        /* the connection that the next leg has to go over; 0 = any */
    uint32_t           handshake;  /* its identity until the handshake is complete */
    BOOL               resend;     /* the program was told to send again: the next send goes on here */
    BOOL               no_body;    /* the legs left a body behind that they do not have */
    BOOL               spoilt;     /* the connection has refused a handshake: squid lets no other one begin there */
};

/* Overwrites and frees, and leaves NULL. */
void auth_wipe_text( char **text );

/* Says nothing any more. Returns the handshake that was under way, which is the caller's to end (auth_sspi_free): none is
 * ended under a lock. NULL: there was none. request->lock is held. */
struct auth_sspi *auth_target_clear( struct auth_target *target );

/* There is an answer that completes a handshake, which makes the connection its user's. request->lock is held. */
BOOL auth_completes( const struct auth *auth );

/* The proxy of the present leg, if it is one that speaks HTTP. request->lock is held. */
const struct proxy_hop *auth_http_proxy( const struct request *request );

/* WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES as WINHTTP_AUTH_SCHEME_*. */
DWORD auth_disabled_schemes( const struct session *session );

#endif /* WINHTTP_AUTH_STATE_H */
