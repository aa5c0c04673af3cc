/*
 * URLs: the one parser for WinHttpCrackUrl, redirects and connect targets, and the escaping of request targets
 *
 * WCHAR in, WCHAR out; no handles, no threads. Compiled natively for unit tests, too.
 */

#ifndef WINHTTP_URL_H
#define WINHTTP_URL_H

struct url_span { const WCHAR *text; DWORD cch; };   /* borrowed from the parsed text; text may be NULL = absent */

struct url
{
    struct url_span scheme, user, password, host, path, extra;   /* an IPv6 host keeps its brackets */
    INTERNET_SCHEME scheme_id;
    INTERNET_PORT   port;            /* explicit, or the scheme's default */
    BOOL            port_given;
};

/* Splits an absolute http(s) URL of url_cch WCHARs. Returns 0, ERROR_WINHTTP_UNRECOGNIZED_SCHEME or
 * ERROR_WINHTTP_INVALID_URL. Spec: windows-behaviour CK-5 to CK-13. */
DWORD url_parse( struct url *url, const WCHAR *text, DWORD url_cch );

/* "user:password@", even an empty one: what WINHTTP_OPTION_REJECT_USERPWD_IN_URL refuses with
 * ERROR_WINHTTP_INVALID_URL. */
static inline BOOL url_has_credentials( const struct url *url ) { return url->user.text != NULL; }

/* How an object name becomes a request target. */
struct url_escape
{
    DWORD flags;             /* of WinHttpOpenRequest; those of WINHTTP_FLAG_ESCAPE_* count. WINHTTP_FLAG_NULL_CODEPAGE has
                              * no effect, as since Windows 7 */
    UINT  codepage;          /* WINHTTP_OPTION_CODEPAGE: of the bytes that characters beyond U+007F become behind the first
                              * '?'; one that does not exist acts as CP_UTF8. The path is UTF-8 always */
    BOOL  encode_extra;      /* WINHTTP_OPTION_ENCODE_EXTRA: path and query are escaped whatever ESCAPE_DISABLE(_QUERY) say.
                              * A choice; the documentation says only that both are percent-encoded */
};

/* Escapes an object name as WinHttpOpenRequest does, and adds the leading slash. *ret is given (free), NUL-terminated,
 * ASCII only. Returns 0 or ERROR_NOT_ENOUGH_MEMORY. Spec: ES-1 to ES-6, H-8, options.md 68 and 138. */
DWORD url_escape_target( const WCHAR *object, const struct url_escape *how, WCHAR **ret, DWORD *ret_cch );

/* Checks a server name as given to WinHttpConnect, or found in a URL, and gives its ASCII form without brackets in `host`
 * (borrowed buffer of host_size bytes). A name beyond ASCII goes through hostname_to_ascii. Returns 0,
 * ERROR_NOT_ENOUGH_MEMORY or ERROR_WINHTTP_INVALID_URL: empty, too long, blanks, control characters, characters that
 * cannot stand in a name, no IDN, addresses in other forms than four decimal numbers or RFC 4291. */
DWORD url_host_to_ascii( const WCHAR *name, DWORD name_cch, char *host, DWORD host_size );

#endif
