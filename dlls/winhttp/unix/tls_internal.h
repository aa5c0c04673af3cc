/*
 * A TLS layer from within: for tls.c (layer and records), tls_handshake.c, tls_renew.c, tls_client.c and tls_wire.c only
 *
 * Calls go down: tls.c -> tls_handshake.c, tls_renew.c -> tls_client.c -> tls_wire.c. All functions run on the strand of
 * the layer's owner.
 */

#ifndef WH_TLS_INTERNAL_H
#define WH_TLS_INTERNAL_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "layer.h"
#include "tls.h"
#include "tls_buffer.h"
#include "tls_record.h"
#include "tls_verify.h"

/* Records without payload that a server may send in a row: a few tickets and alerts. More is a server that keeps us
 * busy for nothing. */
#define MAX_IDLE_RECORDS 32

enum tls_state
{
    TLS_BELOW,        /* the layer below is not up; ended by its start(), the dial's deadline covers it */
    TLS_HANDSHAKE,    /* ended by the peer's messages, the dial's deadline covers it */
    TLS_VERIFY,       /* the peer's chain is to be judged; waits for the trust list at most */
    TLS_JUDGED_OUTSIDE,   /* ended by tls_layer_verdict, which the layer's owner sees to */
    TLS_UP,
    TLS_FAILED,       /* sticky */
};

/* A server may want more of a session that is up. Ended by the peer's messages; whoever reads or writes drives it. */
enum tls_renewal
{
    TLS_SETTLED,
    TLS_RENEGOTIATING,    /* TLS 1.2: a handshake within the session; until it is over all records go through GnuTLS */
    TLS_PROVING,          /* TLS 1.3: our certificate goes out */
};

struct tls
{
    struct layer         layer;
    gnutls_session_t     session;
    enum tls_state       state;
    enum tls_renewal     renewal;
    enum tls_judge       judge;
    uint32_t             bits;           /* WH_CERT_*: what was found, while judged outside */
    enum wh_error        verdict;        /* once `judged` */
    uint32_t             verdict_bits;
    struct creds        *creds;          /* a reference, or NULL */
    uint8_t             *issuers;        /* as WHQ_CERT_ISSUERS has them; NULL: not asked for a certificate */
    size_t               issuers_len;
    unsigned int         renewals;       /* how often the server wanted more */
    struct tls_buffer    in;             /* as it came from below */
    struct tls_buffer    out;            /* as it goes down */
    struct tls_buffer    plain;          /* opened, but more than the reader had room for */
    struct tls_keys      reader, writer;
    size_t               feed;           /* bytes of `in` that GnuTLS may take, while feeding */
    size_t               record_max;     /* payload of one record to send */
    uint32_t             flags;          /* wh_route.tls_flags */
    uint32_t             alpn;           /* WH_ALPN_* offered; once it is up, the one that was chosen */
    uint32_t             lifetime;       /* of the last ticket, seconds */
    uint64_t             limit_ms;       /* how long its verdict counts for sessions that resume it */
    unsigned int         idle_records;   /* records without payload since the last one with */
    enum wh_error        write_error;    /* sticky, of the sending direction */
    uint32_t             write_detail;
    unsigned int         feeding : 1;        /* GnuTLS gets `feed` bytes and no more */
    unsigned int         eof : 1;            /* the layer below ended */
    unsigned int         closed : 1;         /* close_notify was received */
    unsigned int         blocked : 1;        /* what is in `out` did not fit below */
    unsigned int         push_full : 1;      /* `out` did not take what GnuTLS had */
    unsigned int         fed : 1;            /* GnuTLS was given bytes, */
    unsigned int         dry : 1;            /* and asked for more than there are */
    unsigned int         no_memory : 1;      /* within pull or push */
    unsigned int         ticket : 1;         /* TLS 1.2: came with this handshake */
    unsigned int         offered : 1;        /* resumption was tried */
    unsigned int         refused : 1;        /* a renegotiation */
    unsigned int         known : 1;          /* the handshake is over: facts and certificates, also once it has failed */
    unsigned int         judged : 1;         /* outside */
    unsigned int         asked : 1;          /* for a client certificate, and issuers are known */
    unsigned int         cert_sent : 1;      /* a client certificate of ours */
    unsigned int         cert_missing : 1;   /* asked for within the session, and there is none */
    unsigned int         false_start : 1;    /* up, but the server's last message is still to come */
    unsigned int         update_asked : 1;   /* the peer wants us to change our keys too */
    struct tls_peer_name peer;
    size_t               key_len;
    uint8_t             *key;            /* of the cache; host and key live behind the struct */
};

static inline struct tls *tls_from_layer( struct layer *layer ) { return (struct tls *)layer; }

/* ---- tls_handshake.c ---- */

/* Makes tls->session as `policy` (borrowed) says, for the peer in tls->peer, and offers to resume what is kept under
 * tls->key. On failure the session may be there or not. WHE_UNSUPPORTED, WHE_NO_MEMORY, WHE_TLS. */
enum wh_error tls_session_open( struct tls *tls, const struct tls_policy *policy );

/* The layer's start: see layer.h. */
int tls_start( struct layer *layer );

/* Runs GnuTLS' handshake as far as it goes; also a second one within the session. LAYER_OK, LAYER_AGAIN, LAYER_FAILED;
 * GNUTLS_E_GOT_APPLICATION_DATA if data are to be taken from GnuTLS before it can go on. */
int tls_handshake( struct tls *tls );

/* After a false start, once the server's data show that its last message was in order: as after any other handshake.
 * Returns LAYER_OK or LAYER_FAILED. */
int tls_settle( struct tls *tls );

/* TLS 1.3: tickets and key updates come among the data, and GnuTLS calls no hook for them; so what it is about to
 * handle is looked at here. A message that is spread over records may be missed: then a ticket is not kept, or our
 * own keys stay as they are, which the peer cannot tell from our having nothing to say. */
void tls_note_messages( struct tls *tls, const uint8_t *data, size_t len );

/* After GnuTLS handled a record: keeps the session if a ticket was in it. */
void tls_keep_tickets( struct tls *tls );

/* ---- tls_renew.c ---- */

/* A GnuTLS function returned GNUTLS_E_REHANDSHAKE or GNUTLS_E_REAUTH_REQUEST. LAYER_OK: it was refused, or has begun and
 * tls->renewal says what; or LAYER_FAILED. */
int tls_renew_begin( struct tls *tls, int code );

/* Goes on with what has begun. LAYER_OK: settled, or data of the session came in between (then renewal is still set, and
 * gnutls_record_recv has them). LAYER_AGAIN, LAYER_FAILED. */
int tls_renew( struct tls *tls );

/* ---- tls_client.c ---- */

/* GnuTLS' callback for certificates: answers a server that asks for one. The session's pointer is the struct tls. */
int tls_client_certificate( gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                            const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
                            unsigned int *chain_len, gnutls_privkey_t *key );

/* WHQ_CERT_ISSUERS. */
enum wh_error tls_client_issuers( const struct tls *tls, void *buffer, size_t size, size_t *len );

/* What a fatal alert from the peer means. */
enum wh_error tls_client_error( const struct tls *tls, gnutls_alert_description_t alert );

/* ---- tls_wire.c: failing ---- */

/* The layer has failed; the first reason stays. Returns LAYER_FAILED, as all of these do. */
int tls_fail( struct tls *tls, enum wh_error error, uint32_t detail );

/* ... for the reason that the layer below gives. */
int tls_fail_below( struct tls *tls );

/* ... because a GnuTLS function returned `code`. */
int tls_fail_code( struct tls *tls, int code );

/* The sending direction alone has failed; what was to go out is dropped. The layer can still be read. */
int tls_fail_sending( struct tls *tls, enum wh_error error, uint32_t detail );

/* ---- tls_wire.c: bytes ---- */

/* Fetches into `in` what is there. 1: more than before, 0: the end, or LAYER_AGAIN, LAYER_FAILED. */
int tls_fill( struct tls *tls );

/* Sends what is in `out`. LAYER_OK when it is empty, LAYER_AGAIN, or LAYER_FAILED with tls->write_error. */
int tls_send_out( struct tls *tls );

/* GnuTLS' transport; `ptr` is the struct tls. Input comes from `in`: while feeding just `feed` bytes, else what is
 * below as well. Output collects in `out`, so that one flight of records is one system call. */
ssize_t tls_pull( gnutls_transport_ptr_t ptr, void *data, size_t size );
ssize_t tls_push( gnutls_transport_ptr_t ptr, const void *data, size_t size );

/* Asked by GnuTLS only where it would wait, which it must not. */
int tls_pull_timeout( gnutls_transport_ptr_t ptr, unsigned int ms );

/* Around what GnuTLS does after the handshake: the sequence numbers of both directions, and back with the keys if
 * they were changed. Returns 0 or a GnuTLS code. */
void tls_lend_both( struct tls *tls );
int tls_return_both( struct tls *tls );

/* For traces: whom the session is with. */
const char *tls_peer_text( const struct tls *tls );

/* Best effort: a peer that does not hear it learns from the end of the connection. */
void tls_send_alert( struct tls *tls, gnutls_alert_level_t level, gnutls_alert_description_t alert );

#endif /* WH_TLS_INTERNAL_H */
