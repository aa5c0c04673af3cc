#if 0
#pragma makedep unix
#endif

/*
 * What a proxy is told, and what its failures are called
 *
 * Source: security.md (rows on CONNECT: nothing of the server's goes to the proxy), errors.md 12187 and 12188.
 */

#include <string.h>
#include <strings.h>

#include "hooks.h"
#include "proxy.h"

/* Fields that are the server's, or say where the message ends, or are written by tunnel.c. */
static const char *const refused_fields[] =
{
    "authorization", "connection", "content-length", "cookie", "host", "proxy-authorization", "proxy-connection",
    "transfer-encoding", "upgrade"
};

struct proxy_error_row
{
    enum wh_error from, to;
};

static const struct proxy_error_row proxy_errors[] =
{
    { WHE_NAME,         WHE_PROXY_NAME },
    { WHE_CONNECT,      WHE_PROXY_CONNECT },
    { WHE_TIMEOUT,      WHE_PROXY_TIMEOUT },
    { WHE_RESET,        WHE_PROXY_RESET },
    { WHE_TLS,          WHE_PROXY_TLS },
    { WHE_MISMATCH,     WHE_PROXY_TLS },
    { WHE_CERT,         WHE_PROXY_CERT },
    { WHE_CERT_REFUSED, WHE_PROXY_CERT_NEEDED },
    { WHE_CERT_NEEDED,  WHE_PROXY_CERT_NEEDED },
};

enum wh_error proxy_error( enum wh_error error )
{
    size_t i;

    for (i = 0; i < sizeof(proxy_errors) / sizeof(proxy_errors[0]); i++)
        if (proxy_errors[i].from == error) return proxy_errors[i].to;
    return error;
}

static int has_control( const char *text, size_t len )
{
    for (; len; len--, text++) if ((unsigned char)*text < ' ' && *text != '\t') return 1;
    return 0;
}

/* A character of a field's name (RFC 9110 section 5.6.2). */
static int is_token( char c )
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr( "!#$%&'*+-.^_`|~", c ));
}

static int line_ok( const char *line, size_t len )
{
    size_t i, name_len = 0;

    while (name_len < len && is_token( line[name_len] )) name_len++;
    if (!name_len || name_len == len || line[name_len] != ':' || has_control( line, len )) return 0;
    for (i = 0; i < sizeof(refused_fields) / sizeof(refused_fields[0]); i++)
        if (strlen( refused_fields[i] ) == name_len && !strncasecmp( refused_fields[i], line, name_len )) return 0;
    return 1;
}

static int head_ok( const char *head, size_t len )
{
    const char *end = head + len, *lf;

    for (; head < end; head = lf + 1)
    {
        if (!(lf = memchr( head, '\n', end - head )) || lf == head || lf[-1] != '\r') return 0;
        if (!line_ok( head, lf - 1 - head )) return 0;
    }
    return 1;
}

static size_t user_len( const struct wh_route *route, const char *auth )
{
    const char *colon;

    if (route->proxy_user_len) return route->proxy_user_len;
    colon = route->proxy_auth_len ? memchr( auth, ':', route->proxy_auth_len ) : NULL;
    return colon ? (size_t)(colon - auth) : route->proxy_auth_len;
}

enum wh_error proxy_words_create( const struct wh_route *route, struct proxy_words **ret )
{
    const char *auth = wh_to_ptr( route->proxy_auth ), *head = wh_to_ptr( route->proxy_head );
    struct proxy_words *words;

    *ret = NULL;
    if (!route->proxy_auth_len && !route->proxy_head_len) return WHE_OK;
    if ((route->proxy_auth_len && !auth) || (route->proxy_head_len && !head)) return WHE_INVALID;
    if (route->proxy_user_len > route->proxy_auth_len) return WHE_INVALID;
    if (has_control( auth, route->proxy_auth_len ) || !head_ok( head, route->proxy_head_len )) return WHE_INVALID;
    if (!(words = wh_calloc( 1, sizeof(*words) + route->proxy_auth_len + (size_t)route->proxy_head_len )))
        return WHE_NO_MEMORY;
    words->refs = 1;
    words->auth = words->text;
    words->auth_len = route->proxy_auth_len;
    words->user_len = user_len( route, auth );
    words->head = words->text + words->auth_len;
    words->head_len = route->proxy_head_len;
    if (words->auth_len) memcpy( words->auth, auth, words->auth_len );
    if (words->head_len) memcpy( words->head, head, words->head_len );
    *ret = words;
    return WHE_OK;
}

struct proxy_words *proxy_words_ref( struct proxy_words *words )
{
    if (words) __atomic_add_fetch( &words->refs, 1, __ATOMIC_RELAXED );
    return words;
}

void proxy_words_release( struct proxy_words *words )
{
    if (!words || __atomic_sub_fetch( &words->refs, 1, __ATOMIC_ACQ_REL )) return;
    explicit_bzero( words->text, words->auth_len );
    wh_free( words );
}

int proxy_words_equal( const struct proxy_words *one, const struct proxy_words *other )
{
    if (one == other) return 1;
    if (!one || !other) return 0;
    return one->auth_len == other->auth_len && one->head_len == other->head_len && one->user_len == other->user_len &&
           !memcmp( one->text, other->text, one->auth_len + one->head_len );
}
