/*
 * Discovery of proxy scripts: which domains may be asked for a host named "wpad"
 *
 * Compiled natively for unit tests, too.
 */

#ifndef WINHTTP_WPAD_NAME_H
#define WINHTTP_WPAD_NAME_H

/* Whether "wpad.<domain>" belongs to whoever owns the domain: it is a name of letters, digits, hyphens and dots below a public
 * suffix, and no address. Who registers "wpad.com" shall not be everybody's proxy, nor shall a top-level domain that is not in
 * public use today. Source: security.md (WPAD name collision). */
BOOL wpad_is_owned( const WCHAR *domain );

/* The domain above, NULL at the end. */
const WCHAR *wpad_above( const WCHAR *domain );

#endif /* WINHTTP_WPAD_NAME_H */
