/*
 * TLS over another layer, with GnuTLS
 *
 * Knows policy, verification, resumption and facts; knows nothing of HTTP, pools or strands.
 *
 * The parts: tls.c is the layer and the stream of records; tls_handshake.c brings a session up and keeps what resumes
 * it; tls_wire.c lies between GnuTLS and the layer below; tls_internal.h is what these three share. tls_policy.c has
 * versions and ciphers; tls_record.c seals and opens application records without GnuTLS' record layer; tls_buffer.c
 * lends the buffers; tls_trust.c has the trust list, tls_verify.c the verdict; tls_cache.c keeps what resumption needs;
 * tls_facts.c answers queries.
 */

#ifndef WH_TLS_H
#define WH_TLS_H

#include "layer.h"

struct creds;

struct tls_policy
{
    const char   *host;          /* SNI (not for an IP literal) and the name or address to check; copied */
    uint32_t      versions;      /* WH_TLS_*; what the library cannot do is left out, nothing left is WHE_UNSUPPORTED */
    uint32_t      flags;         /* wh_route.tls_flags */
    uint32_t      alpn;          /* WH_ALPN_* */
    enum tls_judge judge;        /* a function of the cache key: a resumed session is not judged again */
    struct creds *creds;         /* client certificate, NULL = none; the layer takes a reference */
    const void   *cache_key;     /* sessions are resumed only under an equal key: the whole pool key; copied */
    size_t        cache_key_len; /* 0: nothing is resumed or kept */
};

/* Loads the host's trust list once per process. Blocks for the read of one file (about a millisecond): call it on
 * a job thread. Later calls do nothing, unless the ones before ended with WHE_NO_MEMORY: then they try again. */
enum wh_error tls_trust_load( void );

/* 1 while there is something for tls_trust_load to do. */
int tls_trust_due( void );

/* 1 once tls_trust_load has ended, well or not (then verifications fail with WHE_NO_MEMORY). Until then the start of a tls
 * layer that has come to verification returns LAYER_AGAIN with wants() == 0; call start again afterwards. */
int tls_trust_loaded( void );

/* A client session over `below`, which it owns from now on (also when this fails). NULL with *error set. The handshake
 * verifies the peer (WHE_CERT with WH_CERT_* in detail, WHE_CERT_NEEDED, WHE_CERT_REFUSED with the alert, or WHE_TLS with
 * the alert, a small number, or the library's code, negative); no application byte can be written before that.
 *
 * A server may ask for a client certificate later, too (TLS 1.2: by secure renegotiation): the policy's creds are sent;
 * without any, and without WH_TLS_NO_CLIENT_CERT, that is WHE_CERT_NEEDED. WHQ_CERT_ISSUERS can be queried from the first
 * such wish on, also once the layer has failed.
 *
 * When start returns LAYER_OK the client's last handshake message may still sit in the layer, so that it leaves
 * together with the first application bytes, in one system call. Whoever has nothing to write then calls flush.
 *
 * pending() counts whole records that have arrived; one that turns out to carry a session ticket is counted too, so
 * a read after a non-zero pending() may still be LAYER_AGAIN.
 *
 * An end of the stream without close_notify is LAYER_FAILED with WHE_RESET and detail
 * (uint32_t)GNUTLS_E_PREMATURE_TERMINATION. */
struct layer *tls_layer_create( struct layer *below, const struct tls_policy *policy, enum wh_error *error );

/* The wait for a verdict from outside: start returned LAYER_AGAIN with wants() == 0, and this says 1. *bits holds
 * WH_CERT_* for what speaks against the peer so far. Its chain and facts can be queried, nothing can be read or written. */
int tls_layer_judging( const struct layer *layer, uint32_t *bits );

/* The verdict, once while judging: WHE_OK accepts the peer, whatever was found; else the layer fails with `error` and
 * `bits` as detail, and the peer gets an alert. Takes effect with the next start. On the strand of the layer's owner. */
void tls_layer_verdict( struct layer *layer, enum wh_error error, uint32_t bits );

#define TLS_ALPN_OTHER 0x80000000    /* one that nobody has offered */

/* The ALPN protocol the peer chose: WH_ALPN_*, 0 = none. */
uint32_t tls_layer_alpn( const struct layer *layer );

/* Frees caches and the trust list (process end in tests). No layer may exist. Everything may be used again after. */
void tls_shutdown( void );

#endif /* WH_TLS_H */
