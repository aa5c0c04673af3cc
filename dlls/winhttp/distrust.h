/*
 * The Disallowed store: certificates that users and administrators have ruled out
 *
 * Read straight from the registry: nearly always it is empty, and then no request has to pay for crypt32.
 */

#ifndef WINHTTP_DISTRUST_H
#define WINHTTP_DISTRUST_H

#define SHA1_SIZE 20

/* Whether there are any. Looks at the registry at most every DISTRUST_MS; what was added is seen after that. */
#define DISTRUST_MS 100
BOOL distrust_any( void );

/* Whether the certificate with this SHA-1 hash is one. */
BOOL distrust_has( const BYTE *hash );

/* Changes with the list. */
DWORD distrust_generation( void );

void distrust_free( void );    /* module end */

#endif /* WINHTTP_DISTRUST_H */
