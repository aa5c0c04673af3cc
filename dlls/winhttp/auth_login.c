/*
 * Who a request is: the credentials that may answer a challenge, and the identity of its connections
 *
 * A server that has authenticated a connection by NTLM or Negotiate takes whatever comes on it for that user's. Such a
 * connection carries a number; the numbers are a session's own, one for each server and user, and never used again. What is
 * compared is a hash: no password is kept for it.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>

#include "auth_basic.h"
#include "auth_login.h"
#include "option_process.h"
#include "proxy.h"
#include "proxy_list.h"
#include "proxy_plan.h"
#include "transport.h"
#include "tunnel_words.h"

#define ANY_SCHEME (AUTH_SSPI_SCHEMES | WINHTTP_AUTH_SCHEME_BASIC | WINHTTP_AUTH_SCHEME_DIGEST)

/*--- logins --------------------------------------------------------------------------------------------------------*/

void auth_login_free( struct auth_login *login )
{
    if (login->password) auth_wipe( (char *)login->password, wcslen( login->password ) * sizeof(WCHAR) );
    free( login->user );
    memset( login, 0, sizeof(*login) );
}

/* An option's text has no NUL; one that was never set is empty. Given. */
static WCHAR *copy_text( const struct option_text *text )
{
    WCHAR *copy = malloc( (text->cch + 1) * sizeof(WCHAR) );

    if (!copy) return NULL;
    if (text->cch) memcpy( copy, text->text, text->cch * sizeof(WCHAR) );
    copy[text->cch] = 0;
    return copy;
}

DWORD auth_login_set( struct auth_login *login, DWORD scheme, const WCHAR *user, const WCHAR *password )
{
    struct auth_login set = { .schemes = scheme };

    if (user && (!(set.user = wcsdup( user )) || !(set.password = wcsdup( password ? password : L"" ))))
    {
        auth_login_free( &set );
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    auth_login_free( login );
    *login = set;
    return ERROR_SUCCESS;
}

/* A name without a dot, or one that goes past the proxies. An address is neither: an IPv6 literal has no dots either. */
static BOOL is_intranet( const struct request *request )
{
    const struct endpoint *endpoint = request->endpoint;
    struct proxy_choice *choice;
    BOOL ret;

    if (endpoint->host[0] == '[') return FALSE;
    if (!wmemchr( endpoint->host, '.', endpoint->host_cch )) return TRUE;
    choice = proxy_of( &request->options );
    ret = choice->bypass && proxy_bypass_match( choice->bypass, request->secure ? L"https" : L"http", endpoint->host,
                                                endpoint->host_cch, request->port );
    proxy_release( choice );
    return ret;
}

/* This host itself, by name or address. */
static BOOL is_local( const struct proxy_hop *hop )
{
    return !_stricmp( hop->host, "localhost" ) || !strncmp( hop->host, "127.", 4 ) || !strcmp( hop->host, "::1" );
}

/* WINHTTP_PROXY_DISABLE_AUTH_LOCAL_SERVICE: a proxy on this host, which anybody may have started, is not told. On Windows it
 * is the machine's account that answers instead; here there is none. */
static BOOL is_kept_from_proxy( const struct request *request )
{
    const struct proxy_hop *hop = proxy_plan_hop( request );

    return (request->session->no_proxy_auth & WINHTTP_PROXY_DISABLE_AUTH_LOCAL_SERVICE) && hop && is_local( hop );
}

/* Whether the one who is logged on may be told. HIGH keeps that from everybody; where the documents limit it to servers that
 * are named by name, the other way to read them would tell more, not less. */
static BOOL may_log_on( const struct request *request, DWORD target )
{
    if (target == WINHTTP_AUTH_TARGET_PROXY && is_kept_from_proxy( request )) return FALSE;
    switch (request->options.autologon)
    {
    case WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW:
        return TRUE;
    case WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM:
        return target == WINHTTP_AUTH_TARGET_PROXY || is_intranet( request );
    case WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY:
        return target == WINHTTP_AUTH_TARGET_PROXY;
    default:
        return FALSE;
    }
}

DWORD auth_login_find( const struct request *request, DWORD target, const struct auth_login *own, DWORD offered,
                       struct auth_login *login )
{
    const struct request_options *options = &request->options;
    const BOOL proxy = target == WINHTTP_AUTH_TARGET_PROXY;
    const struct option_text *user = proxy ? &options->proxy_user : &options->user;
    const struct option_text *password = proxy ? &options->proxy_password : &options->password;
    DWORD err = ERROR_SUCCESS, scheme;
    WCHAR *names[2];

    if (own && own->schemes)
    {
        if (!own->user && !may_log_on( request, target )) return ERROR_SUCCESS;
        return auth_login_set( login, own->schemes, own->user, own->password );
    }

    AcquireSRWLockShared( &option_text_lock );
    if (user->text)
    {
        login->schemes  = ANY_SCHEME;
        login->user     = copy_text( user );
        login->password = copy_text( password );
        if (!login->user || !login->password) err = ERROR_NOT_ENOUGH_MEMORY;
    }
    ReleaseSRWLockShared( &option_text_lock );
    if (err) auth_login_free( login );
    if (err || login->schemes) return err;

    if ((offered & AUTH_SSPI_SCHEMES) && may_log_on( request, target )) return auth_login_set( login, AUTH_SSPI_SCHEMES, NULL, NULL );
    if (!proxy && !options->global_creds) return ERROR_SUCCESS;
    if (!option_copy_creds( proxy, request->endpoint->ascii, request->port, &scheme, names )) return ERROR_SUCCESS;
    login->schemes  = scheme ? scheme : ANY_SCHEME;
    login->user     = names[0];
    login->password = names[1];
    return ERROR_SUCCESS;
}

/*--- identities ----------------------------------------------------------------------------------------------------*/

#define KEY_SIZE       32     /* SHA-256 */
#define MAX_IDENTITIES 1024   /* of a session: one that goes leaves connections behind that end by their idle time */

struct auth_identity
{
    struct auth_identity *next;
    uint32_t              number;
    BYTE                  key[KEY_SIZE];
};

static volatile LONG last_identity;

uint32_t auth_identity_new( void )
{
    uint32_t number;

    while (!(number = InterlockedIncrement( &last_identity ) & ~WH_IDENTITY_HANDSHAKE)) ;
    return number;
}

/* A thread may act for somebody else. Workers never do, whoever has made the asynchronous call. */
static LUID logon_id( BOOL async )
{
    TOKEN_STATISTICS stats = { 0 };
    HANDLE token;
    DWORD size;

    if ((!async && OpenThreadToken( GetCurrentThread(), TOKEN_QUERY, TRUE, &token )) ||
        OpenProcessToken( GetCurrentProcess(), TOKEN_QUERY, &token ))
    {
        if (!GetTokenInformation( token, TokenStatistics, &stats, sizeof(stats), &size )) memset( &stats, 0, sizeof(stats) );
        CloseHandle( token );
    }
    return stats.AuthenticationId;
}

struct key_part { const void *data; DWORD len; };

static BOOL hash_parts( const struct key_part *parts, unsigned int count, BYTE *key )
{
    struct wh_hash_params params = { .what = WH_HASH_SHA256, .result = wh_from_ptr( key ) };
    char *text, *pos;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count; i++) params.len += sizeof(DWORD) + parts[i].len;
    if (!(text = pos = malloc( params.len ))) return FALSE;
    for (i = 0; i < count; i++)
    {
        memcpy( pos, &parts[i].len, sizeof(DWORD) );    /* so that no two lists look alike */
        memcpy( pos + sizeof(DWORD), parts[i].data, parts[i].len );
        pos += sizeof(DWORD) + parts[i].len;
    }
    params.data = wh_from_ptr( text );
    ret = wh_hash( &params ) == WH_DONE && !params.error;
    auth_wipe( text, params.len );
    return ret;
}

/* A tunnel is its user's by whatever scheme the proxy was told who that is: what goes through it says nothing to the proxy
 * any more. */
static BOOL make_key( const struct request *request, const struct auth_login logins[2], BYTE *key )
{
    const DWORD place = request->port << 1 | !!request->secure;
    const LUID luid = logon_id( request->hdr.async );
    const struct proxy_hop *hop = proxy_plan_hop( request );
    const BOOL tunnel = tunnel_words_needed( request );
    const struct field *field = proxy_plan_is_tunnel( request ) ? tunnel_words_field( request ) : NULL;
    struct key_part parts[2 + 2 * 2 + 2];
    unsigned int i, n = 0;

    parts[n++] = (struct key_part){ request->endpoint->ascii, request->endpoint->ascii_len };
    parts[n++] = (struct key_part){ &place, sizeof(place) };
    for (i = 0; i < 2; i++)
    {
        const struct auth_login *login = &logins[i];
        const BOOL counts = (login->schemes & AUTH_SSPI_SCHEMES) || (i == WINHTTP_AUTH_TARGET_PROXY && tunnel);

        if (!counts || !login->schemes) parts[n++] = (struct key_part){ NULL, 0 };
        else if (!login->user) parts[n++] = (struct key_part){ &luid, sizeof(luid) };
        else
        {
            parts[n++] = (struct key_part){ login->user, wcslen( login->user ) * sizeof(WCHAR) };
            parts[n++] = (struct key_part){ login->password, wcslen( login->password ) * sizeof(WCHAR) };
        }
    }
    parts[n++] = (struct key_part){ hop ? hop->host : NULL, hop ? hop->host_len : 0 };
    if (field) parts[n++] = (struct key_part){ field->value, field->value_cch * sizeof(WCHAR) };
    return hash_parts( parts, n, key );
}

/* The identity of that key goes to the front. With too many the last one goes, and the one before is the last. */
static struct auth_identity *take_identity( struct session *session, const BYTE *key )
{
    struct auth_identity **link = &session->identities, *identity;
    unsigned int count = 0;

    while ((identity = *link) && memcmp( identity->key, key, KEY_SIZE ))
    {
        if (++count < MAX_IDENTITIES) link = &identity->next;
        else
        {
            *link = identity->next;
            free( identity );
        }
    }
    if (!identity) return NULL;
    *link = identity->next;
    identity->next = session->identities;
    session->identities = identity;
    return identity;
}

uint32_t auth_identity( const struct request *request, const struct auth_login logins[2], BOOL make )
{
    struct session *session = request->session;
    struct auth_identity *identity;
    BYTE key[KEY_SIZE];
    uint32_t number = 0;

    if (!make_key( request, logins, key )) return 0;
    AcquireSRWLockExclusive( &session->identity_lock );
    if (!(identity = take_identity( session, key )) && make && (identity = malloc( sizeof(*identity) )))
    {
        memcpy( identity->key, key, sizeof(key) );
        identity->number = auth_identity_new();
        identity->next = session->identities;
        session->identities = identity;
    }
    if (identity) number = identity->number;
    ReleaseSRWLockExclusive( &session->identity_lock );
    return number;
}

uint32_t *auth_identities( const struct session *session, uint32_t *count )
{
    const struct auth_identity *identity;
    uint32_t *numbers, i = 0;

    for (*count = 0, identity = session->identities; identity; identity = identity->next) ++*count;
    if (!*count) return NULL;
    if (!(numbers = malloc( *count * sizeof(*numbers) ))) *count = 0;
    for (identity = session->identities; numbers && identity; identity = identity->next) numbers[i++] = identity->number;
    return numbers;
}

void auth_identities_free( struct session *session )
{
    struct auth_identity *identity, *next;

    for (identity = session->identities; identity; identity = next)
    {
        next = identity->next;
        free( identity );
    }
}
