/*
 * What heads and routes say about who the request is
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#include <ntsecapi.h>

#include "auth_basic.h"
#include "auth_hash.h"
#include "auth_head.h"
#include "auth_state.h"
#include "leg.h"
#include "transport.h"
#include "tunnel_words.h"

#define CNONCE_SIZE 16    /* bytes */

/*--- what a head says ----------------------------------------------------------------------------------------------*/

BOOL auth_has_body( const struct request *request )
{
    return leg_can_repeat_body( request ) && request->total == request->body_len;
}

/* A verb or a target, which are ASCII. Given. */
static char *narrow( const WCHAR *text )
{
    DWORD i, cch = wcslen( text );
    char *bytes = malloc( cch + 1 );

    for (i = 0; bytes && i <= cch; i++) bytes[i] = text[i];
    return bytes;
}

/* `empty`: the message is none of the request, and has no body. */
static char *digest_field( struct request *request, struct auth_target *target, const char *method, const char *uri, BOOL empty )
{
    struct digest_request digest = { .method = method, .uri = uri, .user = target->login.user,
                                     .password = target->login.password };
    BYTE random[CNONCE_SIZE];
    char *cnonce, *answer;

    if (!RtlGenRandom( random, sizeof(random) ) || !(cnonce = auth_base64_encode( "", random, sizeof(random) ))) return NULL;
    digest.cnonce = cnonce;
    if (empty) digest.body = "";
    else if (auth_has_body( request ))
    {
        digest.body     = request->body ? request->body : "";
        digest.body_len = request->body_len;
    }
    answer = digest_answer( &target->digest, &digest, auth_hash );
    free( cnonce );
    return answer;
}

/* An answer to a challenge of this send; to one of an earlier send only where the server wants that. What a proxy calls its
 * domain is nothing: it is always all of it (RFC 7616 section 3.3). */
static BOOL digest_may_speak( const struct request *request, DWORD which )
{
    const struct auth_target *target = &request->auth->targets[which];
    char *path;
    BOOL ret;

    if (target->tried || which == WINHTTP_AUTH_TARGET_PROXY) return TRUE;
    if (!(path = narrow( request->target ))) return FALSE;
    ret = digest_covers( &target->digest, path, strlen( path ) );
    free( path );
    return ret;
}

/* For the request itself. Kept for the leg: a server may want the count without gaps. */
static char *digest_for_request( struct request *request, struct auth_target *target )
{
    char *method = narrow( request->verb ), *uri = narrow( request->target );

    if (!request->exchange || !target->answer)
    {
        auth_wipe_text( &target->answer );
        if (method && uri) target->answer = digest_field( request, target, method, uri, FALSE );
    }
    free( method );
    free( uri );
    return target->answer ? strdup( target->answer ) : NULL;
}

/* `tunnel` is what CONNECT names, NULL for the request itself. request->lock is held. */
static char *make_field( struct request *request, DWORD which, const char *tunnel )
{
    struct auth_target *target = &request->auth->targets[which];

    if (which == WINHTTP_AUTH_TARGET_PROXY && (auth_disabled_schemes( request->session ) & target->scheme)) return NULL;
    if (target->scheme != WINHTTP_AUTH_SCHEME_DIGEST) return target->answer ? strdup( target->answer ) : NULL;
    if (!digest_may_speak( request, which )) return NULL;
    if (tunnel) return digest_field( request, target, "CONNECT", tunnel, TRUE );
    return digest_for_request( request, target );
}

char *auth_field( struct request *request, DWORD which )
{
    if (!request->auth || !request->auth->targets[which].scheme) return NULL;
    /* What is for the proxy goes to no server: in a tunnel the CONNECT has said it. */
    if (which == WINHTTP_AUTH_TARGET_PROXY && !proxy_plan_is_absolute( request )) return NULL;
    return make_field( request, which, NULL );
}

/* What answers a challenge of the proxy, for CONNECT. Given; NULL: nothing does. */
static char *tunnel_field( struct request *request )
{
    struct auth *auth = request->auth;
    const DWORD which = WINHTTP_AUTH_TARGET_PROXY;
    char uri[280], *p;

    if (!auth->targets[which].scheme || !proxy_plan_is_tunnel( request )) return NULL;
    snprintf( uri, sizeof(uri), strchr( request->endpoint->ascii, ':' ) ? "[%s]:%u" : "%s:%u", request->endpoint->ascii,
              request->port );
    for (p = uri; *p; p++) if (*p >= 'A' && *p <= 'Z') *p += 'a' - 'A';    /* as CONNECT has it: the pool knows one spelling */
    return make_field( request, which, uri );
}

/* Who the request is at its present place, whether it was asked or not. */
static void find_logins( const struct request *request, struct auth_login logins[AUTH_TARGETS] )
{
    DWORD i;

    memset( logins, 0, AUTH_TARGETS * sizeof(*logins) );
    for (i = 0; i < AUTH_TARGETS; i++)
        auth_login_find( request, i, request->auth ? &request->auth->targets[i].own : NULL, AUTH_SSPI_SCHEMES, &logins[i] );
}

static uint32_t find_identity( const struct request *request, BOOL make )
{
    struct auth_login logins[AUTH_TARGETS];
    uint32_t number;
    DWORD i;

    find_logins( request, logins );
    number = auth_identity( request, logins, make );
    for (i = 0; i < AUTH_TARGETS; i++) auth_login_free( &logins[i] );
    return number;
}

void auth_fill_route( struct request *request, struct wh_route *route, struct tunnel_words *words )
{
    struct auth *auth = request->auth;

    if (auth) words->auth = tunnel_field( request );
    tunnel_words_fill( request, auth ? &auth->targets[WINHTTP_AUTH_TARGET_PROXY].own : NULL, words );
    tunnel_words_lend( words, route );
    if (auth && auth->handshake) route->identity = auth_completes( auth ) ? find_identity( request, TRUE ) : auth->handshake;
    else if (auth_has_identities( request->session )) route->identity = find_identity( request, FALSE );
    if (auth && auth->handshake && !route->identity) route->identity = auth->handshake;    /* without memory: nobody's */
    /* A tunnel that credentials have opened is their user's, and is asked for without them where that cannot be kept. */
    if (route->proxy_auth_len && !route->identity && !(route->identity = find_identity( request, TRUE )))
        route->proxy_auth = route->proxy_auth_len = route->proxy_user_len = 0;
}

wh_id auth_pin( const struct request *request )
{
    return request->auth ? request->auth->pin : 0;
}
