/*
 * Authentication: WinHttpQueryAuthSchemes, WinHttpSetCredentials, and the answers to challenges
 *
 * Choices where the spec is silent: of several schemes that the credentials fit the strongest is answered, in the order of
 * `order`; one that the server refuses is not followed by a weaker one. A program that has added an Authorization field of
 * its own authenticates by itself, unless it has called WinHttpSetCredentials, too. Credentials of the options USERNAME and
 * PASSWORD are forgotten when a redirect leads to another server.
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
#include "auth_basic.h"
#include "auth_handshake.h"
#include "auth_hash.h"
#include "auth_head.h"
#include "auth_offer.h"
#include "leg.h"
#include "option_connection.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- state ---------------------------------------------------------------------------------------------------------*/

void auth_wipe_text( char **text )
{
    if (*text) auth_wipe( *text, strlen( *text ) );
    *text = NULL;
}

struct auth_sspi *auth_target_clear( struct auth_target *target )
{
    struct auth_sspi *sspi = target->sspi;

    target->sspi   = NULL;
    target->scheme = 0;
    target->tried  = FALSE;
    auth_wipe_text( &target->answer );
    auth_login_free( &target->login );
    digest_free( &target->digest );
    return sspi;
}

const struct proxy_hop *auth_http_proxy( const struct request *request )
{
    const struct proxy_hop *hop = proxy_plan_hop( request );

    return hop && (hop->kind == WH_PROXY_HTTP || hop->kind == WH_PROXY_HTTPS) ? hop : NULL;
}

BOOL auth_completes( const struct auth *auth )
{
    DWORD i;

    for (i = 0; i < AUTH_TARGETS; i++)
        if (auth->targets[i].sspi && auth_sspi_is_complete( auth->targets[i].sspi )) return TRUE;
    return FALSE;
}

void auth_free( struct request *request )
{
    struct auth *auth = request->auth;
    DWORD i;

    if (!auth) return;
    for (i = 0; i < AUTH_TARGETS; i++)
    {
        auth_sspi_free( auth_target_clear( &auth->targets[i] ) );
        auth_login_free( &auth->targets[i].own );
    }
    free( auth );
    request->auth = NULL;
}

/* request->lock is held. */
static struct auth *auth_get( struct request *request )
{
    if (!request->auth) request->auth = calloc( 1, sizeof(*request->auth) );
    return request->auth;
}

void auth_forget_server( struct request *request )
{
    struct request_options *options = &request->options;
    struct auth *auth = request->auth;
    struct auth_target *target;

    AcquireSRWLockExclusive( &option_text_lock );
    option_text_free( &options->user );
    option_text_free( &options->password );
    ReleaseSRWLockExclusive( &option_text_lock );
    if (!auth) return;
    target = &auth->targets[WINHTTP_AUTH_TARGET_SERVER];
    auth_login_free( &target->own );
    /* The final head that has led away has ended its handshake. */
    auth_sspi_free( auth_target_clear( target ) );
    auth->pin = 0;
    auth->handshake = 0;
}

/*--- the two functions ---------------------------------------------------------------------------------------------*/

static DWORD query_schemes( struct request *request, DWORD *supported, DWORD *first, DWORD *target )
{
    struct auth_offer offer = { 0 };
    DWORD err, which;

    AcquireSRWLockShared( &request->lock );
    if (!auth_offer_target( request, &which )) err = ERROR_INVALID_OPERATION;
    else if (!(err = auth_offer_read( request, which, &offer )) && !offer.supported) err = ERROR_INVALID_OPERATION;
    ReleaseSRWLockShared( &request->lock );
    if (!err)
    {
        *supported = offer.supported;
        *first     = offer.first;
        *target    = which;
    }
    auth_offer_free( &offer );
    return err;
}

BOOL WINAPI WinHttpQueryAuthSchemes( HINTERNET handle, DWORD *supported, DWORD *first, DWORD *target )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %p, %p, %p\n", handle, supported, first, target );

    if (!supported || !first || !target) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = query_schemes( request_from_object( obj ), supported, first, target );
        object_leave( obj );
    }
    SetLastError( err );
    return !err;
}

/* No user is the user who is logged on; Basic and Digest cannot send a password that nobody knows. AU-7. */
static BOOL check_credentials( DWORD target, DWORD scheme, const WCHAR *user, const WCHAR *password )
{
    if (target > WINHTTP_AUTH_TARGET_PROXY || (user && !password)) return FALSE;
    switch (scheme)
    {
    case WINHTTP_AUTH_SCHEME_BASIC:
    case WINHTTP_AUTH_SCHEME_DIGEST:
        return user != NULL;
    case WINHTTP_AUTH_SCHEME_NTLM:
    case WINHTTP_AUTH_SCHEME_PASSPORT:
    case WINHTTP_AUTH_SCHEME_NEGOTIATE:
        return TRUE;
    default:
        return FALSE;
    }
}

static DWORD set_credentials( struct request *request, DWORD target, DWORD scheme, const WCHAR *user,
                              const WCHAR *password )
{
    DWORD err = ERROR_NOT_ENOUGH_MEMORY;
    struct auth *auth;

    AcquireSRWLockExclusive( &request->lock );
    if ((auth = auth_get( request )) && !(err = auth_login_set( &auth->targets[target].own, scheme, user, password )))
        auth->targets[target].changed = TRUE;
    ReleaseSRWLockExclusive( &request->lock );
    return err;
}

BOOL WINAPI WinHttpSetCredentials( HINTERNET handle, DWORD target, DWORD scheme, const WCHAR *user,
                                   const WCHAR *password, void *params )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %lu, %#lx, %s, %p, %p\n", handle, target, scheme, user ? "<user>" : "(null)", password, params );

    if (!check_credentials( target, scheme, user, password )) err = object_refuse( handle, ERROR_INVALID_PARAMETER );
    else if ((obj = object_enter( handle, OBJECT_REQUEST, &err )))
    {
        err = set_credentials( request_from_object( obj ), target, scheme, user, password );
        object_leave( obj );
    }
    SetLastError( err );
    return !err;
}

/*--- answers -------------------------------------------------------------------------------------------------------*/

static const DWORD order[] =
{
    WINHTTP_AUTH_SCHEME_NEGOTIATE, WINHTTP_AUTH_SCHEME_NTLM, WINHTTP_AUTH_SCHEME_DIGEST, WINHTTP_AUTH_SCHEME_BASIC
};

/* What Negotiate settles on cannot be told beforehand: without Kerberos there is none of it. */
DWORD auth_disabled_schemes( const struct session *session )
{
    static const struct { DWORD flag, scheme; } flags[] =
    {
        { WINHTTP_PROXY_DISABLE_SCHEME_BASIC,     WINHTTP_AUTH_SCHEME_BASIC },
        { WINHTTP_PROXY_DISABLE_SCHEME_DIGEST,    WINHTTP_AUTH_SCHEME_DIGEST },
        { WINHTTP_PROXY_DISABLE_SCHEME_NTLM,      WINHTTP_AUTH_SCHEME_NTLM },
        { WINHTTP_PROXY_DISABLE_SCHEME_KERBEROS,  WINHTTP_AUTH_SCHEME_NEGOTIATE },
        { WINHTTP_PROXY_DISABLE_SCHEME_NEGOTIATE, WINHTTP_AUTH_SCHEME_NEGOTIATE },
    };
    DWORD i, schemes = 0;

    for (i = 0; i < ARRAYSIZE( flags ); i++) if (session->no_proxy_auth & flags[i].flag) schemes |= flags[i].scheme;
    return schemes;
}

/* Whether a challenge is one that may be answered at all. request->lock is held. */
static BOOL may_answer( const struct request *request, DWORD which )
{
    static const struct { const WCHAR *name; DWORD cch; } names[] =
        { { NAME( L"Authorization" ) }, { NAME( L"Proxy-Authorization" ) } };
    const struct auth *auth = request->auth;
    const struct field *field;

    if (request->options.disabled & WINHTTP_DISABLE_AUTHENTICATION) return FALSE;
    if (auth && auth->legs >= AUTH_MAX_LEGS) return FALSE;
    field = headers_find( &request->headers, names[which].name, names[which].cch, 0 );
    if (field && !(field->flags & FIELD_AUTOMATIC) && !(auth && auth->targets[which].own.schemes)) return FALSE;
    if (which == WINHTTP_AUTH_TARGET_SERVER) return TRUE;
    /* A server that says 407 is no proxy: neither one that is spoken to directly, nor one at the end of a tunnel. */
    return auth_http_proxy( request ) && (proxy_plan_is_absolute( request ) || (request->head_flags & WHR_FROM_PROXY));
}

static const struct auth_token *offered_token( const struct auth_offer *offer, DWORD scheme )
{
    const struct auth_token *token = scheme == WINHTTP_AUTH_SCHEME_NTLM ? &offer->ntlm : &offer->negotiate;

    return token->data ? token : NULL;
}

/* request->lock is held. */
static BOOL answer_digest( struct request *request, DWORD which, struct auth_offer *offer )
{
    struct auth_target *target = &request->auth->targets[which];
    BOOL tunnel = which == WINHTTP_AUTH_TARGET_PROXY && !proxy_plan_is_absolute( request );

    if (!offer->strength) return FALSE;
    if (offer->digest.auth_int && !offer->digest.auth && !tunnel && !auth_has_body( request )) return FALSE;
    if (target->scheme == WINHTTP_AUTH_SCHEME_DIGEST && target->tried && !offer->digest.stale) return FALSE;
    digest_free( &target->digest );
    target->digest = offer->digest;
    memset( &offer->digest, 0, sizeof(offer->digest) );
    target->tried  = TRUE;
    target->scheme = WINHTTP_AUTH_SCHEME_DIGEST;
    return TRUE;
}

/* The same answer is not given twice. request->lock is held. */
static BOOL answer_basic( struct auth_target *target, BOOL utf8 )
{
    char *answer = auth_basic_answer( target->login.user, target->login.password, utf8 );
    BOOL again = answer && target->scheme == WINHTTP_AUTH_SCHEME_BASIC && target->answer &&
                 !strcmp( answer, target->answer );

    if (!answer || again)
    {
        auth_wipe_text( &answer );
        return FALSE;
    }
    auth_wipe_text( &target->answer );
    target->answer = answer;
    target->utf8   = utf8;
    target->scheme = WINHTTP_AUTH_SCHEME_BASIC;
    return TRUE;
}

/* The schemes that could answer. target->login is who answers. request->lock is held. */
static DWORD find_candidates( struct request *request, DWORD which, const struct auth_offer *offer )
{
    struct auth_target *target = &request->auth->targets[which];
    struct auth_login login = { 0 };
    DWORD schemes;

    if (auth_login_find( request, which, &target->own, offer->supported, &login )) return 0;
    auth_login_free( &target->login );
    target->login = login;
    schemes = login.schemes & offer->supported;
    if (!login.user) schemes &= AUTH_SSPI_SCHEMES;
    if (which == WINHTTP_AUTH_TARGET_PROXY) schemes &= ~auth_disabled_schemes( request->session );
    if (request->options.protocol_required && request->options.http_protocols) schemes &= ~AUTH_SSPI_SCHEMES;
    return schemes;
}

enum answer { ANSWER_NONE, ANSWER_READY, ANSWER_OVERFLOW };

/* Prepares what the next head says to the challenges: nothing, if there is nothing new to say. `begin`: the response is one
 * that the program has seen, and the message is that of a new send. Without lock. */
static enum answer answer( struct request *request, DWORD which, struct auth_offer *offer, BOOL begin )
{
    struct auth_target *target = &request->auth->targets[which];
    const struct auth_token *token = NULL;
    struct auth_sspi *refused = NULL;
    struct auth_handshake handshake;
    DWORD i, schemes = 0, running;
    BOOL ready = FALSE;

    AcquireSRWLockExclusive( &request->lock );
    auth_handshake_gather( request, which, &handshake );
    /* The pool will do: nothing has begun on that connection, unless it is one that a proxy still has to open. */
    if (begin && (request->auth->spoilt || !(request->head_flags & WHR_FROM_PROXY))) handshake.pin = 0;
    running = target->sspi ? target->scheme & AUTH_SSPI_SCHEMES : 0;
    if (running) token = offered_token( offer, running );
    if (token && handshake.overflow && !auth_sspi_is_complete( target->sspi ))
    {
        ReleaseSRWLockExclusive( &request->lock );
        return ANSWER_OVERFLOW;
    }
    /* A handshake goes on where it began. One that has nothing to go on with was refused. */
    if (running && (!token || !handshake.pin || auth_sspi_is_complete( target->sspi )))
    {
        refused = auth_target_clear( target );
        request->auth->spoilt = TRUE;
    }
    else if (!running) schemes = find_candidates( request, which, offer );
    ReleaseSRWLockExclusive( &request->lock );

    if (refused) auth_sspi_free( refused );
    else if (running)
    {
        ready = auth_handshake_step( request, which, running, &handshake, token->data, token->len );
        return ready ? ANSWER_READY : ANSWER_NONE;
    }
    for (i = 0; !ready && i < ARRAYSIZE( order ); i++)
    {
        if (!(schemes & order[i])) continue;
        if (order[i] & AUTH_SSPI_SCHEMES)
        {
            ready = auth_handshake_begin( request, which, order[i], &handshake );
            continue;
        }
        AcquireSRWLockExclusive( &request->lock );
        if (order[i] == WINHTTP_AUTH_SCHEME_DIGEST) ready = answer_digest( request, which, offer );
        else ready = answer_basic( target, offer->basic_utf8 );
        if (ready) request->auth->pin = request->head_flags & WHR_FROM_PROXY ? handshake.pin : 0;
        ReleaseSRWLockExclusive( &request->lock );
        if (!ready && target->scheme == order[i]) break;    /* refused: a weaker one would only tell more */
    }
    return ready ? ANSWER_READY : ANSWER_NONE;
}

/*--- what follows --------------------------------------------------------------------------------------------------*/

/* Framing that the program has made itself: a leg without its body would need another. */
static BOOL has_own_framing( const struct request *request )
{
    static const struct { const WCHAR *name; DWORD cch; } names[] =
        { { NAME( L"Content-Length" ) }, { NAME( L"Transfer-Encoding" ) } };
    const struct field *field;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( names ); i++)
        if ((field = headers_find( &request->headers, names[i].name, names[i].cch, 0 )) && !(field->flags & FIELD_AUTOMATIC))
            return TRUE;
    return FALSE;
}

/* What was written by WinHttpWriteData is gone. The legs of a handshake that are refused anyway go without it; for the last
 * one, and for all others, it has to come from the program again. request->lock is held. */
static enum auth_next next_leg( struct request *request, DWORD which )
{
    struct auth *auth = request->auth;
    const struct auth_target *target = &auth->targets[which];

    if (!request->in_flight && !request->sending.api)
    {
        if (!auth->no_body && leg_can_repeat_body( request )) return AUTH_LEG;
        if ((target->scheme & AUTH_SSPI_SCHEMES) && !auth_sspi_is_complete( target->sspi ) && !has_own_framing( request ))
        {
            auth->no_body     = TRUE;
            request->body     = NULL;
            request->body_len = 0;
            request->total    = request->written = 0;
            request->chunked  = FALSE;
            return AUTH_LEG;
        }
    }
    auth->resend = TRUE;
    return AUTH_RESEND;
}

/* A server whose rspauth is wrong does not know the password, and hears no more of it before it asks again. The response is
 * the program's all the same: that of a server that proves nothing is, too. */
static void note_info( struct request *request, struct auth_target *target, const WCHAR *name, DWORD cch )
{
    const struct field *field = headers_find( &request->response, name, cch, 0 );
    DWORD len;
    char *text;

    if (target->scheme != WINHTTP_AUTH_SCHEME_DIGEST) return;
    target->tried = FALSE;
    if (!field || !(len = header_value_bytes( field, NULL, 0 )) || !(text = malloc( len ))) return;
    header_value_bytes( field, text, len );
    if (!digest_note_info( &target->digest, text, len ))
    {
        WARN( "%p: rspauth is not right\n", request->hdr.handle );
        target->scheme = 0;
    }
    free( text );
}

/* A response that is no challenge: what was answered was taken, or was not asked for. A handshake's last word from the server
 * is looked at, but the connection is what it is: an error in it can no longer keep anything back. Without lock. */
static enum auth_next settle( struct request *request )
{
    struct auth *auth = request->auth;
    struct auth_sspi *sspi[AUTH_TARGETS] = { NULL };
    struct auth_offer offer = { 0 };
    const struct auth_token *token = NULL;
    DWORD i, scheme;
    BOOL no_body;
    char *rest = NULL;

    AcquireSRWLockExclusive( &request->lock );
    note_info( request, &auth->targets[WINHTTP_AUTH_TARGET_SERVER], NAME( L"Authentication-Info" ) );
    note_info( request, &auth->targets[WINHTTP_AUTH_TARGET_PROXY], NAME( L"Proxy-Authentication-Info" ) );
    scheme = auth->targets[WINHTTP_AUTH_TARGET_SERVER].scheme;
    for (i = 0; i < AUTH_TARGETS; i++)
        if (auth->targets[i].scheme & AUTH_SSPI_SCHEMES) sspi[i] = auth_target_clear( &auth->targets[i] );
    if (sspi[WINHTTP_AUTH_TARGET_SERVER] && !auth_offer_read( request, WINHTTP_AUTH_TARGET_SERVER, &offer ))
        token = offered_token( &offer, scheme );
    auth->pin = 0;
    auth->handshake = 0;
    no_body = auth->no_body;
    auth->no_body = FALSE;
    if (no_body) auth->resend = TRUE;
    ReleaseSRWLockExclusive( &request->lock );

    if (token && !auth_sspi_is_complete( sspi[WINHTTP_AUTH_TARGET_SERVER] ) &&
        !auth_sspi_step( sspi[WINHTTP_AUTH_TARGET_SERVER], token->data, token->len, NULL, 0, &rest ))
        WARN( "%p: the server's last token is not right\n", request->hdr.handle );
    auth_wipe_text( &rest );
    for (i = 0; i < AUTH_TARGETS; i++) auth_sspi_free( sspi[i] );
    auth_offer_free( &offer );
    return no_body ? AUTH_RESEND : AUTH_DELIVER;
}

/* No answer, or none any more. The next send begins anew, and a connection in the middle of a handshake is nobody's.
 * Without lock. */
static void give_up( struct request *request )
{
    struct auth_sspi *sspi[AUTH_TARGETS];
    struct auth *auth = request->auth;
    DWORD i;

    AcquireSRWLockExclusive( &request->lock );
    if (auth->handshake && !auth_completes( auth )) connection_expire( request );
    for (i = 0; i < AUTH_TARGETS; i++)
    {
        sspi[i] = auth->targets[i].sspi;
        auth->targets[i].sspi = NULL;
        if (auth->targets[i].scheme & AUTH_SSPI_SCHEMES) auth->targets[i].scheme = 0;
    }
    auth->pin = 0;
    auth->handshake = 0;
    auth->no_body = FALSE;
    ReleaseSRWLockExclusive( &request->lock );
    for (i = 0; i < AUTH_TARGETS; i++) auth_sspi_free( sspi[i] );
}

/* The answer is there. Without lock. */
static enum auth_next go_on( struct request *request, DWORD which )
{
    struct auth *auth = request->auth;
    enum auth_next next;

    AcquireSRWLockExclusive( &request->lock );
    auth->legs++;
    next = next_leg( request, which );
    ReleaseSRWLockExclusive( &request->lock );
    TRACE( "%p: scheme %#lx, leg %u%s\n", request->hdr.handle, auth->targets[which].scheme, auth->legs,
           next == AUTH_RESEND ? ", for the next send" : "" );
    return next;
}

/* The server has spoken, so the proxy has let the request pass: its handshake is over, and its last message is not for the
 * next head. Returns what is to be ended. request->lock is held. */
static struct auth_sspi *settle_proxy( struct request *request )
{
    struct auth *auth = request->auth;
    struct auth_target *proxy = &auth->targets[WINHTTP_AUTH_TARGET_PROXY];

    if (!(proxy->scheme & AUTH_SSPI_SCHEMES)) return NULL;
    if (!auth->targets[WINHTTP_AUTH_TARGET_SERVER].sspi)
    {
        auth->pin = 0;
        auth->handshake = 0;
    }
    return auth_target_clear( proxy );
}

enum auth_next auth_follow( struct request *request, BOOL *drain )
{
    enum answer found = ANSWER_NONE;
    struct auth_offer offer = { 0 };
    struct auth_sspi *passed = NULL;
    BOOL challenge, may = FALSE;
    DWORD which = 0;

    AcquireSRWLockExclusive( &request->lock );
    challenge = auth_offer_target( request, &which );
    if (challenge) may = may_answer( request, which ) && auth_get( request ) && !auth_offer_read( request, which, &offer );
    if (challenge && which == WINHTTP_AUTH_TARGET_SERVER && request->auth) passed = settle_proxy( request );
    *drain = !leg_owes_body( request );    /* or else the connection has to go */
    ReleaseSRWLockExclusive( &request->lock );
    auth_sspi_free( passed );
    if (!request->auth) return AUTH_DELIVER;
    if (!challenge) return settle( request );

    if (may) found = answer( request, which, &offer, FALSE );
    auth_offer_free( &offer );
    if (found == ANSWER_READY) return go_on( request, which );
    give_up( request );
    return found == ANSWER_OVERFLOW ? AUTH_OVERFLOW : AUTH_DELIVER;
}

BOOL auth_needs_drain( const struct request *request )
{
    return request->auth && request->auth->resend && request->auth->pin;
}

/* The answers are still those of whom the program names. request->lock is held. */
static BOOL is_current( const struct request *request, DWORD which )
{
    const struct auth_target *target = &request->auth->targets[which];
    struct auth_login login = { 0 };
    BOOL ret = !auth_login_find( request, which, &target->own, target->scheme, &login ) && login.user && target->login.user &&
               !wcscmp( login.user, target->login.user ) && !wcscmp( login.password, target->login.password );

    auth_login_free( &login );
    return ret;
}

/* What goes with the first head: Basic always, Digest where a nonce is known, the answer to a challenge that the program was
 * given and has set credentials for. NTLM and Negotiate wait for their challenge: the connection may have been authenticated
 * already. request->lock is held. Returns whether there is such a challenge. */
static BOOL begin_target( struct request *request, DWORD which, BOOL challenge )
{
    struct auth_target *target = &request->auth->targets[which];

    if (target->scheme && !is_current( request, which )) target->scheme = 0;
    if (which == WINHTTP_AUTH_TARGET_PROXY && (target->own.schemes & auth_disabled_schemes( request->session ))) return FALSE;
    if (target->own.schemes == WINHTTP_AUTH_SCHEME_BASIC)
    {
        auth_wipe_text( &target->answer );
        target->answer = auth_basic_answer( target->own.user, target->own.password, target->utf8 );
        target->scheme = WINHTTP_AUTH_SCHEME_BASIC;
        return FALSE;
    }
    return challenge && target->own.schemes && may_answer( request, which );
}

void auth_begin( struct request *request )
{
    struct auth_sspi *sspi[AUTH_TARGETS] = { NULL };
    struct auth_offer offer = { 0 };
    struct auth_target *target;
    struct auth *auth;
    BOOL challenge, resend, ready = FALSE;
    DWORD i, which = 0;

    AcquireSRWLockExclusive( &request->lock );
    if (!(auth = request->auth))
    {
        ReleaseSRWLockExclusive( &request->lock );
        return;
    }
    resend = auth->resend;
    challenge = auth_offer_target( request, &which );
    auth->resend = auth->no_body = FALSE;
    if (!resend) auth->legs = 0;
    for (i = 0; i < AUTH_TARGETS; i++)
    {
        target = &auth->targets[i];
        if (target->changed || (!resend && (target->scheme & AUTH_SSPI_SCHEMES))) sspi[i] = auth_target_clear( target );
        if (!resend) target->tried = FALSE;
        if (target->changed || !resend) ready |= begin_target( request, i, challenge && which == i );
        target->changed = FALSE;
    }
    if (!auth->targets[0].sspi && !auth->targets[1].sspi)
    {
        auth->pin = challenge && !auth->spoilt && (request->head_flags & WHR_FROM_PROXY) ? auth_handshake_pin( request ) : 0;
        auth->handshake = 0;
    }
    if (ready && auth_offer_read( request, which, &offer )) ready = FALSE;
    ReleaseSRWLockExclusive( &request->lock );

    for (i = 0; i < AUTH_TARGETS; i++) auth_sspi_free( sspi[i] );
    if (ready && answer( request, which, &offer, TRUE ) == ANSWER_READY) auth->legs++;
    auth->spoilt = FALSE;
    auth_offer_free( &offer );
}

void auth_map_passport( struct request *request )
{
    struct auth_offer offer = { 0 };

    if (request->head_flags & WHR_FROM_PROXY) return;    /* which speaks for no server */
    if (request->status.status != HTTP_STATUS_REDIRECT || !(request->session->passport & WINHTTP_ENABLE_PASSPORT_AUTH)) return;
    if (!auth_offer_read( request, WINHTTP_AUTH_TARGET_SERVER, &offer ) && (offer.supported & WINHTTP_AUTH_SCHEME_PASSPORT))
    {
        request->status.status   = HTTP_STATUS_DENIED;
        request->status.code     = L"401";
        request->status.code_cch = 3;
    }
    auth_offer_free( &offer );
}
