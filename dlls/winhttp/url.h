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

/* Escapes an object name for a request target as WinHttpOpenRequest does: flags are WINHTTP_FLAG_ESCAPE_* of that
 * function. Adds the leading slash. *ret is given (heap_free/free by the caller), NUL-terminated, ASCII only.
 * Returns 0 or ERROR_NOT_ENOUGH_MEMORY. Spec: ES-1 to ES-6, H-8. */
DWORD url_escape_target( const WCHAR *object, DWORD flags, WCHAR **ret, DWORD *ret_cch );

/* Checks a server name as given to WinHttpConnect and gives its ASCII form without brackets in `host` (borrowed
 * buffer of host_size bytes). Returns 0 or ERROR_WINHTTP_INVALID_URL (empty, blanks, control characters, characters
 * that cannot stand in a name; too long). IDN goes through IdnToAscii. */
DWORD url_host_to_ascii( const WCHAR *name, DWORD name_cch, char *host, DWORD host_size );

#endif
