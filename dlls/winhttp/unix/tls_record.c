#if 0
#pragma makedep unix
#endif

/*
 * Application records of TLS 1.2 and 1.3 with an AEAD cipher
 *
 * The same arrangement as kernel TLS: the library agrees on keys and lends them (gnutls_record_get_state), and gets
 * the sequence number back when a record of another type has to be handled. Called by tls.c only.
 * Source: RFC 5246 section 6.2.3.3, RFC 5288, RFC 7905, RFC 8446 section 5.
 */

#include "tls_record.h"

#include <string.h>

#define TAG_LEN   16
#define NONCE_LEN 12

struct record_cipher
{
    gnutls_cipher_algorithm_t cipher;
    int                       explicit_nonce;    /* in TLS 1.2 */
};

static const struct record_cipher record_ciphers[] =
{
    { GNUTLS_CIPHER_AES_128_GCM,       1 },
    { GNUTLS_CIPHER_AES_256_GCM,       1 },
    { GNUTLS_CIPHER_CHACHA20_POLY1305, 0 },
};

static uint64_t get_be64( const uint8_t *data )
{
    uint64_t value = 0;
    int i;

    for (i = 0; i < 8; i++) value = value << 8 | data[i];
    return value;
}

static void put_be64( uint8_t *data, uint64_t value )
{
    int i;

    for (i = 7; i >= 0; i--, value >>= 8) data[i] = value;
}

static void put_header( uint8_t *data, size_t len )
{
    data[0] = TLS_CONTENT_DATA;
    data[1] = 3;
    data[2] = 3;
    data[3] = len >> 8;
    data[4] = len;
}

/* RFC 8446 section 5.3 and RFC 7905 section 2: the number, padded to the left, XORed with the IV. */
static void nonce_from_seq( const struct tls_keys *keys, uint8_t nonce[NONCE_LEN] )
{
    uint8_t seq[8];
    int i;

    put_be64( seq, keys->seq );
    memcpy( nonce, keys->iv, NONCE_LEN );
    for (i = 0; i < 8; i++) nonce[4 + i] ^= seq[i];
}

/* RFC 5288 section 3: four bytes of the IV, then what the record carries. */
static void nonce_explicit( const struct tls_keys *keys, const uint8_t *carried, uint8_t nonce[NONCE_LEN] )
{
    memcpy( nonce, keys->iv, 4 );
    memcpy( nonce + 4, carried, 8 );
}

/* RFC 5246 section 6.2.3.3: number, type, version, length of the payload. */
static void aad_tls12( const struct tls_keys *keys, size_t len, uint8_t aad[13] )
{
    put_be64( aad, keys->seq );
    put_header( aad + 8, len );
}

static const struct record_cipher *find_cipher( gnutls_cipher_algorithm_t cipher )
{
    size_t i;

    for (i = 0; i < sizeof(record_ciphers) / sizeof(record_ciphers[0]); i++)
        if (record_ciphers[i].cipher == cipher) return &record_ciphers[i];
    return NULL;
}

size_t tls_record_size( const uint8_t *data, size_t len )
{
    if (len < TLS_RECORD_HEADER) return 0;
    return TLS_RECORD_HEADER + (data[3] << 8 | data[4]);
}

int tls_keys_load( struct tls_keys *keys, gnutls_session_t session, int read )
{
    const struct record_cipher *row = find_cipher( gnutls_cipher_get( session ) );
    gnutls_protocol_t version = gnutls_protocol_get_version( session );
    gnutls_datum_t mac, iv, key;
    uint8_t seq[8];
    int ret;

    tls_keys_free( keys );
    if (!row || (version != GNUTLS_TLS1_2 && version != GNUTLS_TLS1_3)) return 0;

    if ((ret = gnutls_record_get_state( session, read, &mac, &iv, &key, seq )) < 0) return ret;
    keys->tls13 = version == GNUTLS_TLS1_3;
    keys->explicit_nonce = !keys->tls13 && row->explicit_nonce;
    if (iv.size > NONCE_LEN || iv.size < (keys->explicit_nonce ? 4 : NONCE_LEN)) return 0;

    if ((ret = gnutls_aead_cipher_init( &keys->cipher, row->cipher, &key )) < 0)
    {
        keys->cipher = NULL;
        return ret;
    }
    memcpy( keys->iv, iv.data, iv.size );
    keys->seq = get_be64( seq );
    return 0;
}

void tls_keys_lend( const struct tls_keys *keys, gnutls_session_t session, int read )
{
    uint8_t seq[8];

    if (!keys->cipher) return;
    put_be64( seq, keys->seq );
    gnutls_record_set_state( session, read, seq );   /* fails only before the handshake, when there are no keys */
}

int tls_keys_return( struct tls_keys *keys, gnutls_session_t session, int read )
{
    gnutls_datum_t mac, iv, key;
    uint8_t seq[8];
    int ret;

    if (!keys->cipher) return 0;
    if ((ret = gnutls_record_get_state( session, read, &mac, &iv, &key, seq )) < 0) return ret;

    /* a key update changes the IV as well; equal IVs of different keys have a probability of 2^-96 */
    if (memcmp( keys->iv, iv.data, iv.size )) return tls_keys_load( keys, session, read );
    keys->seq = get_be64( seq );
    return 0;
}

void tls_keys_free( struct tls_keys *keys )
{
    if (keys->cipher) gnutls_aead_cipher_deinit( keys->cipher );
    gnutls_memset( keys, 0, sizeof(*keys) );
}

size_t tls_record_room( const struct tls_keys *keys, size_t size )
{
    size_t extra = TLS_RECORD_HEADER + TAG_LEN + (keys->explicit_nonce ? 8 : 0);

    return size > extra ? size - extra : 0;
}

static int open_tls13( struct tls_keys *keys, const uint8_t *record, size_t size, uint8_t *plain, size_t *len,
                       enum tls_content *type )
{
    uint8_t nonce[NONCE_LEN];
    size_t got = size - TLS_RECORD_HEADER;
    int ret;

    if (record[0] != TLS_CONTENT_DATA)     /* a compatibility CCS, or nonsense: not encrypted, not counted */
    {
        *type = record[0];
        return 0;
    }
    if (got > TLS_RECORD_PLAIN + 256) return GNUTLS_E_RECORD_OVERFLOW;

    nonce_from_seq( keys, nonce );
    if ((ret = gnutls_aead_cipher_decrypt( keys->cipher, nonce, NONCE_LEN, record, TLS_RECORD_HEADER, TAG_LEN,
                                           record + TLS_RECORD_HEADER, size - TLS_RECORD_HEADER,
                                           plain, &got )) < 0) return ret;

    while (got && !plain[got - 1]) got--;  /* padding */
    if (!got) return GNUTLS_E_UNEXPECTED_PACKET;
    if (--got > TLS_RECORD_PLAIN) return GNUTLS_E_RECORD_OVERFLOW;
    *len = got;
    if ((*type = plain[got]) == TLS_CONTENT_DATA) keys->seq++;
    return 0;
}

static int open_tls12( struct tls_keys *keys, const uint8_t *record, size_t size, uint8_t *plain, size_t *len,
                       enum tls_content *type )
{
    const uint8_t *body = record + TLS_RECORD_HEADER;
    size_t body_len = size - TLS_RECORD_HEADER, got;
    uint8_t nonce[NONCE_LEN], aad[13];
    int ret;

    if ((*type = record[0]) != TLS_CONTENT_DATA) return 0;

    if (keys->explicit_nonce)
    {
        if (body_len < 8) return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
        nonce_explicit( keys, body, nonce );
        body += 8;
        body_len -= 8;
    }
    else nonce_from_seq( keys, nonce );

    if (body_len < TAG_LEN) return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
    got = body_len - TAG_LEN;
    if (got > TLS_RECORD_PLAIN) return GNUTLS_E_RECORD_OVERFLOW;
    aad_tls12( keys, got, aad );
    if ((ret = gnutls_aead_cipher_decrypt( keys->cipher, nonce, NONCE_LEN, aad, sizeof(aad), TAG_LEN,
                                           body, body_len, plain, &got )) < 0) return ret;
    *len = got;
    keys->seq++;
    return 0;
}

int tls_record_open( struct tls_keys *keys, const uint8_t *record, size_t size, uint8_t *plain, size_t *len,
                     enum tls_content *type )
{
    *len = 0;
    if (size < TLS_RECORD_HEADER) return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
    if (keys->tls13) return open_tls13( keys, record, size, plain, len, type );
    return open_tls12( keys, record, size, plain, len, type );
}

int tls_record_seal( struct tls_keys *keys, const uint8_t *plain, size_t len, uint8_t *out, size_t *size )
{
    uint8_t nonce[NONCE_LEN], aad[13], *body = out + TLS_RECORD_HEADER;
    size_t room = len + TAG_LEN;
    int ret;

    if (keys->tls13)
    {
        /* the type byte goes behind the payload, so the payload is gathered here and sealed where it lies */
        memcpy( body, plain, len );
        body[len] = TLS_CONTENT_DATA;
        nonce_from_seq( keys, nonce );
        put_header( out, ++room );
        ret = gnutls_aead_cipher_encrypt( keys->cipher, nonce, NONCE_LEN, out, TLS_RECORD_HEADER, TAG_LEN,
                                          body, len + 1, body, &room );
    }
    else
    {
        if (keys->explicit_nonce)
        {
            put_be64( body, keys->seq );   /* any value not used before will do; the number is one */
            nonce_explicit( keys, body, nonce );
            body += 8;
        }
        else nonce_from_seq( keys, nonce );
        aad_tls12( keys, len, aad );
        put_header( out, body + room - out - TLS_RECORD_HEADER );
        ret = gnutls_aead_cipher_encrypt( keys->cipher, nonce, NONCE_LEN, aad, sizeof(aad), TAG_LEN,
                                          plain, len, body, &room );
    }
    if (ret < 0) return ret;
    *size = body + room - out;
    keys->seq++;
    return 0;
}
