/*
 * Basic authentication (RFC 7617), and the base64 that other schemes use, too
 *
 * Knows nothing of handles, threads or the boundary; compiled natively for unit tests, too.
 */

#ifndef WINHTTP_AUTH_BASIC_H
#define WINHTTP_AUTH_BASIC_H

/* Bytes of a name or password, given (free), NUL-terminated. In UTF-8, if the challenge says so; else in the ANSI code page,
 * as Windows has always done, and where that lacks a character in UTF-8, which has a chance at least. NULL without memory. */
char *auth_text_bytes( const WCHAR *text, BOOL utf8, DWORD *len );

/* "Basic ..." for a user and a password, NUL-terminated, given (wipe and free). NULL without memory. */
char *auth_basic_answer( const WCHAR *user, const WCHAR *password, BOOL utf8 );

/* prefix and the base64 of the bytes, NUL-terminated, given. NULL without memory. */
char *auth_base64_encode( const char *prefix, const void *data, DWORD len );

/* The bytes of a base64 text, given. NULL without memory, and where it is none. */
BYTE *auth_base64_decode( const char *text, DWORD len, DWORD *ret );

/* Overwrites, also what nobody looks at any more; the second form frees, too, and NULL is fine. */
void auth_zero( void *data, DWORD len );
void auth_wipe( char *text, DWORD len );

#endif /* WINHTTP_AUTH_BASIC_H */
