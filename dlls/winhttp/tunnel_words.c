/*
 * What a request says to a proxy that makes a way through for it, beside where that shall lead
 *
 * CONNECT carries the session's User-Agent and what is for the proxy, nothing of the server's: headers.md section 6,
 * security.md (rows on CONNECT). SOCKS knows no challenges: user and password go along from the start, in the clear, so only
 * those are used that may answer Basic as well. Both are choices where the spec is silent.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "auth_basic.h"
#include "option.h"
#include "tunnel_words.h"

#define NAME( text ) text, ARRAYSIZE( text ) - 1

const struct field *tunnel_words_field( const struct request *request )
{
    const struct field *field = headers_find( &request->headers, NAME( L"Proxy-Authorization" ), 0 );

    return field && !(field->flags & FIELD_AUTOMATIC) ? field : NULL;
}

BOOL tunnel_words_needed( const struct request *request )
{
    return proxy_plan_hop( request ) && !proxy_plan_is_absolute( request );
}

/* Given. */
static char *field_value( const struct field *field )
{
    DWORD len = header_value_bytes( field, NULL, 0 );
    char *value = malloc( len + 1 );

    if (!value) return NULL;
    header_value_bytes( field, value, len );
    value[len] = 0;
    return value;
}

/* Without it there is no line. Given. */
static char *agent_line( const struct request *request )
{
    static const char name[] = "User-Agent: ";
    const struct option_text *agent = &request->session->agent;
    const DWORD name_len = sizeof(name) - 1;
    char *line = NULL;
    DWORD len;

    AcquireSRWLockShared( &option_text_lock );
    if (agent->text)
    {
        len = header_text_narrow( agent->text, agent->cch, NULL, 0 );
        if ((line = malloc( name_len + len + 3 )))
        {
            memcpy( line, name, name_len );
            header_text_narrow( agent->text, agent->cch, line + name_len, len );
            memcpy( line + name_len + len, "\r\n", 3 );
        }
    }
    ReleaseSRWLockShared( &option_text_lock );
    return line;
}

/* RFC 1929 has no charset: UTF-8, as SOCKS servers of today read it. */
static void fill_login( const struct request *request, const struct auth_login *own, struct tunnel_words *words )
{
    char *user = NULL, *password = NULL;
    struct auth_login login = { 0 };
    DWORD user_len, password_len;

    if (request->session->no_proxy_auth & WINHTTP_PROXY_DISABLE_SCHEME_BASIC) return;
    if (!auth_login_find( request, WINHTTP_AUTH_TARGET_PROXY, own, WINHTTP_AUTH_SCHEME_BASIC, &login ) && login.user && *login.user &&
        (login.schemes & WINHTTP_AUTH_SCHEME_BASIC) && (user = auth_text_bytes( login.user, TRUE, &user_len )) &&
        (password = auth_text_bytes( login.password, TRUE, &password_len )) &&
        (words->auth = malloc( user_len + 1 + password_len + 1 )))
    {
        memcpy( words->auth, user, user_len );
        words->auth[user_len] = ':';
        memcpy( words->auth + user_len + 1, password, password_len + 1 );
        words->user_len = user_len;
    }
    if (password) auth_wipe( password, password_len );
    free( user );
    auth_login_free( &login );
}

void tunnel_words_fill( const struct request *request, const struct auth_login *own, struct tunnel_words *words )
{
    const struct field *field = tunnel_words_field( request );

    if (!tunnel_words_needed( request )) return;
    if (!proxy_plan_is_tunnel( request )) fill_login( request, own, words );
    else
    {
        words->head = agent_line( request );
        if (!words->auth && field) words->auth = field_value( field );
    }
}

void tunnel_words_lend( const struct tunnel_words *words, struct wh_route *route )
{
    route->proxy_auth     = wh_from_ptr( words->auth );
    route->proxy_auth_len = words->auth ? strlen( words->auth ) : 0;
    route->proxy_user_len = words->auth ? words->user_len : 0;
    route->proxy_head     = wh_from_ptr( words->head );
    route->proxy_head_len = words->head ? strlen( words->head ) : 0;
}

void tunnel_words_free( struct tunnel_words *words )
{
    if (words->auth) auth_wipe( words->auth, strlen( words->auth ) );
    free( words->head );
    memset( words, 0, sizeof(*words) );
}
