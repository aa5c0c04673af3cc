/*
 * Host names: what only the Unix side knows about them
 */

#ifndef WINHTTP_HOSTNAME_H
#define WINHTTP_HOSTNAME_H

/* The ASCII form of a name of any characters (IDNA 2008, UTS 46 non-transitional), NUL-terminated, in `ascii` of `size`
 * bytes. It is not checked beyond that: see url_host_to_ascii, which is what programs' names go through.
 * Returns 0, ERROR_WINHTTP_INVALID_URL (no name, or no room for it) or ERROR_NOT_ENOUGH_MEMORY. */
DWORD hostname_to_ascii( const WCHAR *name, DWORD name_cch, char *ascii, DWORD size );

/* Whether no cookie may be set for `domain` (ASCII, without a leading dot): TRUE for a public suffix. Without a list, and
 * for what is no name, every name without a dot is one. Has the type of cookie_suffix_test. */
BOOL hostname_is_public_suffix( const WCHAR *domain, DWORD cch );

#endif /* WINHTTP_HOSTNAME_H */
