/*
 * What a proxy is told, and what its failures are called
 */

#ifndef WH_PROXY_H
#define WH_PROXY_H

#include <stddef.h>

#include "../unixlib.h"

/* The words of one exchange for its proxy: they come with the exchange, go with its dial, and are part of no pool key. */
struct proxy_words
{
    int    refs;              /* atomic */
    size_t auth_len, head_len;
    size_t user_len;          /* SOCKS: so much of `auth` is the user */
    char  *auth;              /* value of Proxy-Authorization, or user:password for SOCKS */
    char  *head;              /* more field lines of CONNECT, each ended by CRLF */
    char   text[];
};

/* Copies them out of a route. WHE_INVALID: a control character, a line without a name or without its end, or a field that
 * is not a proxy's to see (Authorization, Cookie) or that the tunnel writes itself. *ret is NULL where there are none. */
enum wh_error proxy_words_create( const struct wh_route *route, struct proxy_words **ret );
struct proxy_words *proxy_words_ref( struct proxy_words *words );    /* NULL is fine */
void proxy_words_release( struct proxy_words *words );               /* the same; what was secret is wiped */
int proxy_words_equal( const struct proxy_words *one, const struct proxy_words *other );

/* Something went wrong on the way to the proxy, or within TLS with it: the error of the boundary that says so. */
enum wh_error proxy_error( enum wh_error error );

#endif /* WH_PROXY_H */
