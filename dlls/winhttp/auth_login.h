/*
 * Who a request is: the credentials that may answer a challenge, and the identity of its connections
 *
 * Source: behaviour-concepts.md section 3, options.md section 3.7.
 */

#ifndef WINHTTP_AUTH_LOGIN_H
#define WINHTTP_AUTH_LOGIN_H

#include "request.h"

/* Those whose legs authenticate a connection, not a request. */
#define AUTH_SSPI_SCHEMES (WINHTTP_AUTH_SCHEME_NTLM | WINHTTP_AUTH_SCHEME_NEGOTIATE)

struct auth_login
{
    DWORD  schemes;       /* WINHTTP_AUTH_SCHEME_* that it may answer; 0: there is nobody */
    WCHAR *user, *password;    /* given; user NULL: whoever is logged on */
};

/* Who answers one of the schemes that are `offered`. `own` is what WinHttpSetCredentials has said; `schemes` is one, or 0 and
 * it has said nothing. Copied into `login`, which is all zero, or else, in this order: the options USERNAME and PASSWORD or
 * their proxy twins; whoever is logged on, where AUTOLOGON_POLICY allows that and a scheme can; what was set for the whole
 * process. The policy holds for a program that has asked for whoever is logged on by WinHttpSetCredentials, too. Returns 0 or
 * ERROR_NOT_ENOUGH_MEMORY. request->lock is held. Free in any case. */
DWORD auth_login_find( const struct request *request, DWORD target, const struct auth_login *own, DWORD offered,
                       struct auth_login *login );
DWORD auth_login_set( struct auth_login *login, DWORD scheme, const WCHAR *user, const WCHAR *password );
void auth_login_free( struct auth_login *login );    /* and wipes it */

/* The number of connections that were authenticated for these logins at the request's present place, one per target, within
 * its session: 0 if there is none yet, or without memory. `make`: there is one from now on. request->lock is held. */
uint32_t auth_identity( const struct request *request, const struct auth_login logins[2], BOOL make );

/* A number that no other connection has. */
uint32_t auth_identity_new( void );

/* The session has authenticated connections: only then it is worth while to ask auth_identity. */
static inline BOOL auth_has_identities( const struct session *session ) { return session->identities != NULL; }

/* All numbers of the session: given (free); NULL, and 0 of them, without one, or without memory: such connections end by
 * their idle time then. */
uint32_t *auth_identities( const struct session *session, uint32_t *count );
void auth_identities_free( struct session *session );

#endif /* WINHTTP_AUTH_LOGIN_H */
