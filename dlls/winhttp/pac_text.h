/*
 * Proxy scripts: helper functions that work on texts alone, and what a script gets to see of a URL
 *
 * WCHAR in, WCHAR out; no names are resolved here. Compiled natively for unit tests, too. Source: behaviour-concepts.md
 * sections 4.6 and 4.7, windows-behaviour.md PX-37 to PX-39.
 */

#ifndef WINHTTP_PAC_TEXT_H
#define WINHTTP_PAC_TEXT_H

struct pac_address
{
    BYTE bytes[16];      /* in network order; four of them without is_ip6 */
    BOOL is_ip6;
};

/* An address as four decimal numbers, or of IPv6 (RFC 4291, a scope "%n" may follow and is ignored; no brackets). All cch
 * characters must belong to it. */
BOOL pac_address_parse( const WCHAR *text, DWORD cch, struct pac_address *address );

/* isInNet once its host is an address: both are IPv4, and equal where the mask has ones. FALSE if one of the three is no
 * IPv4 address. */
BOOL pac_in_net( const WCHAR *address, const WCHAR *pattern, const WCHAR *mask );

/* isInNetEx of one address of cch characters: prefix is "198.95.0.0/16" or "3ffe:8311:ffff::/48". FALSE if it is neither, or of
 * the other family. */
BOOL pac_in_prefix( const WCHAR *address, DWORD cch, const WCHAR *prefix );

/* sortIpAddressList: addresses separated by semicolons, blanks around them allowed; IPv6 first, each family in numeric order,
 * each as it was written. *ret is given (free): "" for an empty list, and for one in which something is no address. Returns 0
 * or ERROR_NOT_ENOUGH_MEMORY. */
DWORD pac_sort( const WCHAR *list, WCHAR **ret );

/* shExpMatch: '*' for any characters, '?' for one; case counts. The time is linear in each of the two texts, whatever the
 * pattern: no script can make it run away. */
BOOL pac_match( const WCHAR *text, const WCHAR *pattern );

/* What FindProxyForURL gets: the URL with its scheme in lower case, without user information and fragment, for https without
 * path and query, too; the host without brackets. The host's case is kept unless `lower_host`. *view and *host are given
 * together: free( *view ) frees both. Returns 0, ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_INVALID_URL or
 * ERROR_NOT_ENOUGH_MEMORY. */
DWORD pac_view( const WCHAR *url, BOOL lower_host, WCHAR **view, WCHAR **host );

#endif /* WINHTTP_PAC_TEXT_H */
