/*
 * Proxy scripts: names and this machine's own addresses, through Winsock
 *
 * These may take as long as the system's resolver; whoever cannot wait calls them on a thread of its own. Loads Winsock at
 * the first use.
 */

#ifndef WINHTTP_PAC_DNS_H
#define WINHTTP_PAC_DNS_H

#define PAC_DNS_LIST_CCH 1024      /* room for a list: some twenty addresses */

/* The addresses of a name, separated by semicolons, in `list` of PAC_DNS_LIST_CCH characters: the first one of IPv4, or with
 * `all` those of both families. FALSE, and "": there are none. */
BOOL pac_dns_resolve( const WCHAR *name, BOOL all, WCHAR *list );

/* This machine's: the one of IPv4 that connections to elsewhere come from ("127.0.0.1" if there is none), or with `all` each
 * of an adapter that is up, but for loopback ("" if there is none). */
void pac_dns_local( BOOL all, WCHAR *list );

#endif /* WINHTTP_PAC_DNS_H */
