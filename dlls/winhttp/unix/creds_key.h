/*
 * Private keys in the forms in which Windows hands them out
 */

#ifndef WH_CREDS_KEY_H
#define WH_CREDS_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/abstract.h>

#include "../unixlib.h"

/* Makes a key of the `len` bytes at `data` (borrowed, no alignment asked for), which are in `format` (WH_KEY_*), and checks
 * that its parts belong together. The caller frees *key with gnutls_privkey_deinit, which wipes it. On failure *key is
 * NULL. WHE_INVALID: no such format. WHE_CERT_KEY: not a key in that format, down to the last byte, or not one that TLS
 * can use (RSA of 512 to 16384 bits with an exponent of up to 32; P-256, P-384, P-521; in PKCS #8 also what else GnuTLS
 * knows). WHE_NO_MEMORY. Thread-safe. */
enum wh_error creds_key_read( uint32_t format, const void *data, size_t len, gnutls_privkey_t *key );

#endif /* WH_CREDS_KEY_H */
