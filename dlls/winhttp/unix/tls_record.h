/*
 * Application records of TLS 1.2 and 1.3 with an AEAD cipher
 *
 * GnuTLS does the handshake and everything that is not application data. What is, is opened and sealed here with the
 * keys of the session, straight from the receive buffer into the reader's memory and from the writer's memory into
 * the send buffer: its record layer would copy every byte three times and allocate four blocks per record.
 */

#ifndef WH_TLS_RECORD_H
#define WH_TLS_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>

#define TLS_RECORD_HEADER 5
#define TLS_RECORD_PLAIN  16384                        /* payload of one record at most (RFC 8446, 5.1) */
#define TLS_RECORD_WIRE   (TLS_RECORD_PLAIN + 2048)    /* what the length field may say (RFC 5246, 6.2.3) */
#define TLS_RECORD_EXTRA  (TLS_RECORD_HEADER + 8 + 16 + 1)   /* bytes that sealing adds at most */

enum tls_content
{
    TLS_CONTENT_CCS       = 20,
    TLS_CONTENT_ALERT     = 21,
    TLS_CONTENT_HANDSHAKE = 22,
    TLS_CONTENT_DATA      = 23,
};

/* One direction of a session. Zeroed: not in use. */
struct tls_keys
{
    gnutls_aead_cipher_hd_t cipher;     /* NULL: this direction goes through GnuTLS' own record functions */
    uint64_t                seq;        /* of the next record */
    uint8_t                 iv[12];
    uint8_t                 tls13;
    uint8_t                 explicit_nonce;   /* TLS 1.2 with GCM: 8 bytes of nonce travel in each record */
};

/* Bytes of the record at `data` including its header, or 0 if `len` does not hold its header yet.
 * More than TLS_RECORD_HEADER + TLS_RECORD_WIRE is a protocol error, which GnuTLS will name. */
size_t tls_record_size( const uint8_t *data, size_t len );

/* Takes over one direction of a session whose handshake is over (read: 1 or 0), or follows a change of its keys.
 * Returns 0 also when the session's cipher is not for us: then keys->cipher is NULL. Else a GnuTLS code. */
int tls_keys_load( struct tls_keys *keys, gnutls_session_t session, int read );

/* Tells GnuTLS the sequence number, before it handles a record of this direction. */
void tls_keys_lend( const struct tls_keys *keys, gnutls_session_t session, int read );

/* After GnuTLS handled records of this direction: takes the number back, and the keys if they were changed. */
int tls_keys_return( struct tls_keys *keys, gnutls_session_t session, int read );

void tls_keys_free( struct tls_keys *keys );

/* Payload bytes of a record of `size` bytes, counting what opening needs room for; 0 if it is too short. */
size_t tls_record_room( const struct tls_keys *keys, size_t size );

/* Opens the complete record of `size` bytes at `record` into `plain` (tls_record_room bytes). *len is the payload's
 * length and *type its content type. With a type other than DATA the sequence number has not moved: the record is
 * for GnuTLS, and is still as it came. Returns 0 or a GnuTLS code. */
int tls_record_open( struct tls_keys *keys, const uint8_t *record, size_t size, uint8_t *plain, size_t *len,
                     enum tls_content *type );

/* Seals `len` (1 to TLS_RECORD_PLAIN) bytes of `plain` into a record at `out`, which has room for
 * len + TLS_RECORD_EXTRA bytes. *size is the length of the record. Returns 0 or a GnuTLS code. */
int tls_record_seal( struct tls_keys *keys, const uint8_t *plain, size_t len, uint8_t *out, size_t *size );

#endif /* WH_TLS_RECORD_H */
