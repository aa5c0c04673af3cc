/*
 * Digest authentication: RFC 7616, and servers of the time of RFC 2617 and 2069
 *
 * Bytes in, bytes out. Knows nothing of handles, threads or the boundary; compiled natively for unit tests, too. Hashes
 * and random numbers are the caller's.
 */

#ifndef WINHTTP_AUTH_DIGEST_H
#define WINHTTP_AUTH_DIGEST_H

#include "auth_challenge.h"

#define DIGEST_HASH_MAX  32                             /* bytes */
#define DIGEST_HEX_SIZE  (DIGEST_HASH_MAX * 2 + 1)      /* in hex, with a NUL */

enum digest_hash { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256 };

/* Stores the hash of the bytes: 16 bytes of MD5, 32 of the others. FALSE without memory, or where the system has no such hash (MD5 in a
 * FIPS mode). */
typedef BOOL (*digest_hash_func)( enum digest_hash hash, const void *data, DWORD len, BYTE *result );

/* What is kept of a challenge, and of the answers to it. All zero is none. */
struct digest
{
    char            *text;       /* one block: the next four, each with a NUL behind it */
    const char      *realm, *nonce, *opaque, *domain;    /* opaque, domain: NULL if there was none */
    DWORD            realm_len, nonce_len, opaque_len;
    enum digest_hash hash;
    BOOL             named;      /* the challenge has named its algorithm: so does the answer */
    BOOL             session;    /* -sess */
    BOOL             auth, auth_int;    /* qop; none of them: as RFC 2069 has it */
    BOOL             userhash, utf8, stale;
    DWORD            count;      /* answers with this nonce */
    char            *cnonce;     /* -sess: that of the first answer to the challenge; */
    char             secret[DIGEST_HEX_SIZE];      /* -sess: what stands for the password since then; "" = not yet */
    char             mutual[DIGEST_HEX_SIZE];      /* what a server that knows the password says to the last answer; "" = unknown */
};

/* Whether a Digest challenge can be answered: 0 = not (no nonce, an algorithm or a qop that is not known), else the more
 * the stronger. */
unsigned int digest_strength( const struct auth_challenge *challenge );

/* Keeps the challenge, whose strength is not 0. Returns 0 or ERROR_NOT_ENOUGH_MEMORY, and nothing has changed. */
DWORD digest_keep( struct digest *digest, const struct auth_challenge *challenge );
void digest_free( struct digest *digest );    /* and wipes it */

/* An Authentication-Info field, the answer to the last answer: its nextnonce, if there is one, is the nonce from now on.
 * Without memory the old one stays, which the server will call stale. FALSE: its rspauth is wrong, so it is from somebody who
 * does not know the password; the nonce is of no use any more, and nothing else has changed. */
BOOL digest_note_info( struct digest *digest, const char *info, DWORD len );

/* Whether a path is in the protection space that the challenge has named, as far as it is on this server. */
BOOL digest_covers( const struct digest *digest, const char *path, DWORD len );

struct digest_request
{
    const char  *method, *uri;       /* as in the request line; NUL-terminated */
    const WCHAR *user, *password;
    const void  *body;               /* the whole of it; NULL: it is not at hand, and qop is auth */
    DWORD        body_len;
    const char  *cnonce;             /* letters and digits, new ones for each answer; with -sess the first ones are kept */
};

/* "Digest ..." for the request, NUL-terminated, given; counts up. NULL without memory, without the hash, or where the server
 * wants auth-int and the body is not at hand. */
char *digest_answer( struct digest *digest, const struct digest_request *request, digest_hash_func hash );

#endif /* WINHTTP_AUTH_DIGEST_H */
