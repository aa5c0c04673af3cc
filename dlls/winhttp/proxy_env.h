/*
 * The host's proxy settings as its environment has them: http_proxy, https_proxy, all_proxy, no_proxy
 *
 * Turns them into what Windows' settings hold. WCHAR in, WCHAR out; no handles, no threads. Compiled natively for unit
 * tests, too. The rules are curl's, with these differences: a proxy without a port has its scheme's usual one, a user name
 * and a password are left out, of networks in no_proxy ("10.0.0.0/8") those of IPv4 count.
 */

#ifndef WINHTTP_PROXY_ENV_H
#define WINHTTP_PROXY_ENV_H

/* The list of proxies, as proxy_list.h reads it; given (free), NULL in *ret if there is none. Each value may be NULL; an
 * empty one, or one that cannot be read, is none. Returns 0 or ERROR_NOT_ENOUGH_MEMORY. */
DWORD proxy_env_list( const WCHAR *http, const WCHAR *https, const WCHAR *all, WCHAR **ret );

/* The same for the hosts that go past them: a name stands for all names below it, too. */
DWORD proxy_env_bypass( const WCHAR *none, WCHAR **ret );

#endif /* WINHTTP_PROXY_ENV_H */
