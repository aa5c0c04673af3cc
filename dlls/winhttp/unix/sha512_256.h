/*
 * SHA-512/256, which GnuTLS does not have
 */

#ifndef WH_SHA512_256_H
#define WH_SHA512_256_H

#include <stddef.h>
#include <stdint.h>

/* Stores 32 bytes. */
void sha512_256( const void *data, size_t len, uint8_t *result );

#endif /* WH_SHA512_256_H */
