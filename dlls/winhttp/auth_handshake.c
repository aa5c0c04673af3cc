/*
 * Handshakes of NTLM and Negotiate: their legs share a connection
 *
 * The first message is made where there is a challenge, or a connection was lost; from then on the connection is pinned, and
 * nobody else's until the handshake is complete. Source: behaviour-concepts.md section 3, windows-behaviour.md AU-12.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "auth.h"
#include "auth_handshake.h"
#include "leg.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

static BOOL query( const struct request *request, enum wh_query what, void *buffer, DWORD size, DWORD *len )
{
    struct wh_exchange_query_params params = { .exchange = request->exchange, .buffer = wh_from_ptr( buffer ),
                                               .what = what, .size = size };

    if (!request->exchange || wh_exchange_query( &params ) != WH_DONE || params.error) return FALSE;
    *len = params.len;
    return TRUE;
}

/* The connection of the present response can carry the next leg, too. request->lock is held. */
wh_id auth_handshake_pin( const struct request *request )
{
    wh_id pin;
    DWORD len;

    if (request->no_reuse || (request->head_flags & (WHR_CLOSE | WHR_H2))) return 0;
    if (request->websocket && !request->auth->handshake) return 0;    /* a connection of its own, for this leg only */
    if (!request->auth->no_body && leg_owes_body( request )) return 0;
    return query( request, WHQ_PIN, &pin, sizeof(pin), &len ) ? pin : 0;
}

static void make_spn( const struct request *request, DWORD target, WCHAR spn[AUTH_SPN_CCH] )
{
    const struct proxy_hop *hop = target == WINHTTP_AUTH_TARGET_PROXY ? auth_http_proxy( request ) : NULL;
    const char *host = hop ? hop->host : request->endpoint->ascii;
    DWORD len = hop ? hop->host_len : request->endpoint->ascii_len, i, cch = 5;
    unsigned int port = hop ? hop->port : request->port;

    wcscpy( spn, L"HTTP/" );
    for (i = 0; i < len && cch < AUTH_SPN_CCH - 10; i++) spn[cch++] = (BYTE)host[i];
    spn[cch] = 0;
    if (request->options.spn == WINHTTP_ENABLE_SPN_SERVER_PORT) swprintf( spn + cch, AUTH_SPN_CCH - cch, L":%u", port );
}

void auth_handshake_gather( struct request *request, DWORD target, struct auth_handshake *handshake )
{
    memset( handshake, 0, sizeof(*handshake) );
    make_spn( request, target, handshake->spn );
    handshake->pin = auth_handshake_pin( request );
    if (handshake->pin && request->content_len != WH_NO_LENGTH && request->content_len > request->options.max_drain)
    {
        handshake->overflow = TRUE;
        handshake->pin      = 0;
    }
    if (target == WINHTTP_AUTH_TARGET_SERVER && request->secure &&
        !query( request, WHQ_CHANNEL_BINDING, handshake->binding, sizeof(handshake->binding), &handshake->binding_len ))
        handshake->binding_len = 0;
}

/* The answer is what the next head says. Takes `answer`. */
static void commit_handshake( struct request *request, DWORD which, DWORD scheme, const struct auth_handshake *handshake,
                              char *answer )
{
    struct auth *auth = request->auth;
    struct auth_target *target = &auth->targets[which];

    AcquireSRWLockExclusive( &request->lock );
    auth_wipe_text( &target->answer );
    target->answer   = answer;
    target->scheme   = scheme;
    auth->pin        = handshake->pin;
    if (!auth->handshake) auth->handshake = auth_identity_new() | WH_IDENTITY_HANDSHAKE;
    request->h1_only = TRUE;    /* HTTP/2 has no connection that could be one user's */
    ReleaseSRWLockExclusive( &request->lock );
}

BOOL auth_handshake_step( struct request *request, DWORD which, DWORD scheme, const struct auth_handshake *handshake,
                          const BYTE *token, DWORD token_len )
{
    struct auth_target *target = &request->auth->targets[which];
    char *answer;

    if (!auth_sspi_step( target->sspi, token, token_len, handshake->binding, handshake->binding_len, &answer ) || !answer)
        return FALSE;
    commit_handshake( request, which, scheme, handshake, answer );
    return TRUE;
}

BOOL auth_handshake_begin( struct request *request, DWORD which, DWORD scheme, const struct auth_handshake *handshake )
{
    struct auth_target *target = &request->auth->targets[which];
    struct option_text *used = which == WINHTTP_AUTH_TARGET_PROXY ? &request->options.proxy_spn : &request->options.server_spn;
    struct auth_sspi *refused;

    auth_sspi_free( target->sspi );
    target->sspi = auth_sspi_begin( scheme, target->login.user, target->login.password, handshake->spn );
    option_text_set( used, handshake->spn, wcslen( handshake->spn ) );
    if (target->sspi && auth_handshake_step( request, which, scheme, handshake, NULL, 0 )) return TRUE;
    AcquireSRWLockExclusive( &request->lock );
    refused = target->sspi;
    target->sspi   = NULL;
    target->scheme = 0;
    ReleaseSRWLockExclusive( &request->lock );
    auth_sspi_free( refused );
    return FALSE;
}

BOOL auth_lost( struct request *request, BOOL again )
{
    struct auth_handshake handshake;
    struct auth *auth;
    struct auth_target *target;
    DWORD i, which = AUTH_TARGETS, scheme = 0;
    BOOL first;

    AcquireSRWLockExclusive( &request->lock );
    auth = request->auth;
    if (!auth || !auth->pin)
    {
        ReleaseSRWLockExclusive( &request->lock );
        return FALSE;
    }
    auth->pin = 0;
    for (i = 0; i < AUTH_TARGETS; i++) if (auth->targets[i].scheme & AUTH_SSPI_SCHEMES) which = i;
    if (which < AUTH_TARGETS)
    {
        scheme = auth->targets[which].scheme;
        auth_handshake_gather( request, which, &handshake );
    }
    ReleaseSRWLockExclusive( &request->lock );

    if (which == AUTH_TARGETS) return TRUE;    /* one that a proxy has refused before: none of the request was sent */
    handshake.pin = 0;
    target = &auth->targets[which];
    first = auth_sspi_is_first( target->sspi );
    if (!again && (!first || auth_sspi_is_complete( target->sspi ))) return FALSE;
    if (++auth->legs > AUTH_MAX_LEGS) return FALSE;
    TRACE( "%p: the connection of the handshake is gone\n", request->hdr.handle );
    return first || auth_handshake_begin( request, which, scheme, &handshake );
}
