/*
 * Proxy lists and bypass lists as Windows' programs and settings write them
 *
 * WCHAR in, WCHAR out; no handles, no threads. Compiled natively for unit tests, too. Source: behaviour-concepts.md
 * sections 4.2 and 4.3, windows-behaviour.md PX-36.
 */

#ifndef WINHTTP_PROXY_LIST_H
#define WINHTTP_PROXY_LIST_H

#define PROXY_HOST_MAX 256

enum proxy_server_kind
{
    PROXY_HTTP,              /* requests in absolute form, CONNECT for https */
    PROXY_HTTPS,             /* the same within TLS */
    PROXY_SOCKS4,            /* scripts name these, and lists as "socks4://server" */
    PROXY_SOCKS5,
};

struct proxy_server
{
    enum proxy_server_kind kind;
    INTERNET_PORT          port;
    WCHAR                  host[PROXY_HOST_MAX];    /* NUL-terminated, without brackets around an IPv6 address */
};

/* 0, or ERROR_INVALID_PARAMETER: an entry carries user information, a port that is none, or a control character. Entries of
 * unknown kinds are no error: Windows' settings may hold those of other programs. */
DWORD proxy_list_check( const WCHAR *list );

/* The servers for requests of a scheme ("http" or "https"), in the order of the list: those of entries for just that
 * scheme, else those without a scheme. Stores at most `max`; returns how many there are, 0: such requests go direct. */
DWORD proxy_list_find( const WCHAR *list, const WCHAR *scheme, struct proxy_server *servers, DWORD max );

/* The same of a script's answer: "PROXY a:80; SOCKS5 b; DIRECT". Stops at DIRECT, and sets *direct then. */
DWORD proxy_script_find( const WCHAR *answer, struct proxy_server *servers, DWORD max, BOOL *direct );

/* Whether a request to `host` (as the program wrote it; brackets around an IPv6 address do not matter) goes past the proxies.
 * Entries: [scheme://]host[:port] with '*' for any characters, and <local> for names without a dot. */
BOOL proxy_bypass_match( const WCHAR *bypass, const WCHAR *scheme, const WCHAR *host, DWORD host_cch, INTERNET_PORT port );

#endif /* WINHTTP_PROXY_LIST_H */
