/*
 * The cookies of a session: what Set-Cookie stores and what Cookie sends
 *
 * RFC 6265 without a clock, a lock or a handle: time and place come in as parameters, and the owner's lock guards a
 * store. Compiled natively for unit tests, too. Text is the WCHARs that header_text_widen made of the received bytes;
 * what is sent is the same WCHARs again. Spec: windows-behaviour CO-1 to CO-11, security.md "Cookie scoping".
 */

#ifndef WINHTTP_COOKIE_H
#define WINHTTP_COOKIE_H

#define COOKIES_MAX        3000      /* in a store */
#define COOKIES_DOMAIN_MAX 180       /* of one domain */
#define COOKIE_TEXT_MAX    4096      /* name and value together, in WCHARs */
#define COOKIE_ATTR_MAX    1024      /* the value of one attribute; a longer one is as if it were not there. A path that
                                      * is longer without one cannot be kept: there is no cookie */

struct cookies             /* all zero is an empty store */
{
    struct cookie *list;   /* in the order of storing, the newest last */
    DWORD          count, capacity;
};

/* Where a response came from or a request goes to. */
struct cookie_place
{
    const WCHAR *host;     /* ASCII, in any case, an IPv6 address without brackets */
    DWORD        host_cch;
    const WCHAR *path;     /* of the request target: what follows a '?' is not looked at */
    DWORD        path_cch;
    BOOL         secure;   /* TLS */
};

/* TRUE: the domain (lower case, without a dot in front) is a public suffix, on which nobody may set cookies for all. */
typedef BOOL (*cookie_suffix_test)( const WCHAR *domain, DWORD cch );

void cookies_init( struct cookies *cookies );
void cookies_clear( struct cookies *cookies );          /* frees everything, the store is empty and usable again */

/* Takes the value of one Set-Cookie field. `now` is UTC in units of FILETIME. Without a test for suffixes (NULL) only
 * names without a dot count as such. A cookie replaces the one of its name, domain and path, and is then the newest;
 * one that has expired already removes it. The oldest make room when there are too many.
 * Returns 0, ERROR_INVALID_DATA (not for this place, or no cookie: ignored, nothing to report), or
 * ERROR_NOT_ENOUGH_MEMORY; the store is unchanged after an error. */
DWORD cookies_set( struct cookies *cookies, const struct cookie_place *place, const WCHAR *text, DWORD cch,
                   ULONGLONG now, cookie_suffix_test is_suffix );

/* The value of the Cookie field for a request, "name=value; name=value", newest first (CO-4). Returns the length, 0 if
 * there is no cookie for the place; stores when it fits into size_cch, else nothing of use. Not NUL-terminated.
 * With text of the application's own, it goes behind that: headers_add_field with
 * WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON joins them as CO-6 wants it. */
DWORD cookies_get( const struct cookies *cookies, const struct cookie_place *place, ULONGLONG now,
                   WCHAR *text, DWORD size_cch );

#endif
