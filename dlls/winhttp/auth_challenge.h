/*
 * Challenges: what WWW-Authenticate, Proxy-Authenticate and Authentication-Info say
 *
 * Bytes in, as they stood on the wire: a realm or a nonce goes back to the server exactly as it came. Knows nothing of
 * handles, threads or the boundary; compiled natively for unit tests, too. All results are borrowed from the text.
 * Source: RFC 9110 sections 5.6 and 11.
 */

#ifndef WINHTTP_AUTH_CHALLENGE_H
#define WINHTTP_AUTH_CHALLENGE_H

struct auth_span { const char *text; DWORD len; };

struct auth_challenge
{
    DWORD            flag;      /* WINHTTP_AUTH_SCHEME_*, 0 = one that is not known */
    struct auth_span scheme;
    struct auth_span token;     /* token68; NULL: there is none */
    struct auth_span params;    /* for auth_param_next; NULL: there are none */
};

struct auth_param
{
    struct auth_span name;
    struct auth_span value;     /* without its quotes; escapes are still in it, see auth_unquote */
    BOOL             quoted;
};

/* The next challenge of a field's value, from *pos on, which moves behind it. FALSE at the end. What is no challenge is
 * passed over, up to the next comma outside quotes; empty list elements are nothing. */
BOOL auth_challenge_next( const char **pos, const char *end, struct auth_challenge *challenge );

/* The same for `name = value` in a challenge's params, or in a field that has nothing else. */
BOOL auth_param_next( const char **pos, const char *end, struct auth_param *param );

/* The first parameter of that name (lower case, NUL-terminated). FALSE if there is none. */
BOOL auth_param_find( const struct auth_span *params, const char *name, struct auth_param *param );

/* The value without its escapes; stores as much as fits into size, returns the length of all. */
DWORD auth_unquote( const struct auth_param *param, char *buffer, DWORD size );

/* Case-insensitive; `text` is lower case and NUL-terminated. */
BOOL auth_span_is( const struct auth_span *span, const char *text );

#endif /* WINHTTP_AUTH_CHALLENGE_H */
