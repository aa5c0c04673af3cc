/*
 * Hashes for authentication, by the library that the transport has
 */

#ifndef WINHTTP_AUTH_HASH_H
#define WINHTTP_AUTH_HASH_H

#include "auth_digest.h"

/* Stores the hash of the bytes. FALSE without memory, or where this system forbids it: MD5, as a rule. A digest_hash_func. */
BOOL auth_hash( enum digest_hash hash, const void *data, DWORD len, BYTE *result );

/* This system has it. */
BOOL auth_has_hash( enum digest_hash hash );

#endif /* WINHTTP_AUTH_HASH_H */
