#if 0
#pragma makedep unix
#endif

/*
 * TLS over another layer, with GnuTLS
 *
 * GnuTLS does handshakes, alerts, tickets and key updates, over pull and push functions that work on two buffers;
 * after the handshake, records of application data are opened and sealed by tls_record.c. Both sides count records,
 * so the sequence numbers are lent to GnuTLS around everything it does after the handshake (lend_keys, return_keys).
 *
 * A server's wish for a client certificate is answered with none; if it then breaks the handshake off, that is
 * WHE_CERT_NEEDED. A server's wish to renegotiate is refused. Reading and writing fail separately: a server that
 * answers early and stops listening must still be heard.
 *
 * No setting here is process-wide: the same GnuTLS may serve Wine's own TLS in this process.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "hooks.h"
#include "log.h"
#include "tls.h"
#include "tls_buffer.h"
#include "tls_cache.h"
#include "tls_facts.h"
#include "tls_policy.h"
#include "tls_record.h"
#include "tls_verify.h"

/* Records without payload that a server may send in a row: a few tickets and alerts. More is a server that keeps us
 * busy for nothing. */
#define MAX_IDLE_RECORDS 32

/* RFC 8446 section 5.5: AES-GCM keys seal at most 2^24.5 records. */
#define REKEY_RECORDS (1u << 24)

/* How long what a server hands out is used: RFC 8446 section 4.6.1 and RFC 5246 section F.1.4 have the upper limits.
 * A TLS 1.2 server that names none (session ids, or a hint of 0) gets two hours. */
#define LIFETIME_TLS13   (7 * 24 * 3600)
#define LIFETIME_TLS12   (24 * 3600)
#define LIFETIME_DEFAULT (2 * 3600)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum tls_state
{
    TLS_BELOW,        /* the layer below is not up; ended by its start(), the dial's deadline covers it */
    TLS_HANDSHAKE,    /* ended by the peer's messages, the dial's deadline covers it */
    TLS_VERIFY,       /* the peer's chain is to be judged; waits for the trust list at most */
    TLS_UP,
    TLS_FAILED,       /* sticky */
};

struct tls
{
    struct layer         layer;
    gnutls_session_t     session;
    enum tls_state       state;
    struct tls_buffer    in;             /* as it came from below */
    struct tls_buffer    out;            /* as it goes down */
    struct tls_buffer    plain;          /* opened, but more than the reader had room for */
    struct tls_keys      reader, writer;
    size_t               feed;           /* bytes of `in` that GnuTLS may take, while feeding */
    size_t               record_max;     /* payload of one record to send */
    uint32_t             ignore;         /* WH_TLS_IGNORE_* */
    uint32_t             alpn;           /* WH_ALPN_* chosen */
    uint32_t             lifetime;       /* of the last ticket, seconds */
    unsigned int         idle_records;   /* records without payload since the last one with */
    enum wh_error        write_error;    /* sticky, of the sending direction */
    uint32_t             write_detail;
    unsigned int         feeding : 1;        /* GnuTLS gets `feed` bytes and no more */
    unsigned int         eof : 1;            /* the layer below ended */
    unsigned int         closed : 1;         /* close_notify was received */
    unsigned int         blocked : 1;        /* what is in `out` did not fit below */
    unsigned int         push_full : 1;      /* `out` did not take what GnuTLS had */
    unsigned int         no_memory : 1;      /* within pull or push */
    unsigned int         ticket : 1;         /* TLS 1.2: came with this handshake */
    unsigned int         offered : 1;        /* resumption was tried */
    unsigned int         refused : 1;        /* a renegotiation */
    unsigned int         update_asked : 1;   /* the peer wants us to change our keys too */
    struct tls_peer_name peer;
    size_t               key_len;
    uint8_t             *key;            /* of the cache; host and key live behind the struct */
};

struct code_row
{
    int           code;       /* GNUTLS_E_* */
    enum wh_error error;
};

static const struct code_row code_rows[] =     /* what is not here is WHE_TLS */
{
    { GNUTLS_E_MEMORY_ERROR,          WHE_NO_MEMORY },
    { GNUTLS_E_PREMATURE_TERMINATION, WHE_RESET },
    { GNUTLS_E_CERTIFICATE_REQUIRED,  WHE_CERT_NEEDED },
};

/* How servers turn away a client without a certificate, apart from certificate_required. */
static const gnutls_alert_description_t turned_away[] =
{
    GNUTLS_A_HANDSHAKE_FAILURE,
    GNUTLS_A_SSL3_NO_CERTIFICATE,
    GNUTLS_A_BAD_CERTIFICATE,
    GNUTLS_A_CERTIFICATE_UNKNOWN,
    GNUTLS_A_ACCESS_DENIED,
    GNUTLS_A_NO_RENEGOTIATION,
    GNUTLS_A_DECODE_ERROR,           /* GnuTLS' own servers */
};

struct alert_row
{
    uint32_t                   bits;     /* WH_CERT_* */
    gnutls_alert_description_t alert;
};

static const struct alert_row alert_rows[] =   /* what we tell a server whose certificate was not accepted */
{
    { WH_CERT_UNKNOWN_CA, GNUTLS_A_UNKNOWN_CA },
    { WH_CERT_DATE,       GNUTLS_A_CERTIFICATE_EXPIRED },
    { ~0u,                GNUTLS_A_BAD_CERTIFICATE },
};

static struct tls *tls_from_layer( struct layer *layer ) { return (struct tls *)layer; }

static uint64_t now_ms(void)     /* tickets age while the machine sleeps */
{
    struct timespec ts;

    clock_gettime( CLOCK_BOOTTIME, &ts );
    return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* ---- failing ---- */

static int fail( struct tls *tls, enum wh_error error, uint32_t detail )
{
    if (tls->state != TLS_FAILED)
    {
        LOG( LOG_WARN, "tls %s: error %u, detail %#x", tls->peer.name ? tls->peer.name : "(address)", error, detail );
        tls->layer.error = error;
        tls->layer.detail = detail;
        tls->state = TLS_FAILED;
    }
    return LAYER_FAILED;
}

static int fail_below( struct tls *tls )
{
    return fail( tls, tls->layer.below->error, tls->layer.below->detail );
}

/* The peer broke the session off. */
static int fail_alert( struct tls *tls )
{
    gnutls_alert_description_t alert = gnutls_alert_get( tls->session );
    enum wh_error error = alert == GNUTLS_A_CERTIFICATE_REQUIRED ? WHE_CERT_NEEDED : WHE_TLS;
    size_t i;

    if (tls->refused || gnutls_certificate_client_get_request_status( tls->session ))
        for (i = 0; i < ARRAY_SIZE( turned_away ); i++)
            if (turned_away[i] == alert) error = WHE_CERT_NEEDED;
    return fail( tls, error, alert );
}

static int fail_code( struct tls *tls, int code )
{
    enum wh_error error = WHE_TLS;
    size_t i;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;     /* by pull, which knows better */
    if (tls->no_memory) return fail( tls, WHE_NO_MEMORY, 0 );
    if (tls->eof) code = GNUTLS_E_PREMATURE_TERMINATION;
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) return fail_alert( tls );
    for (i = 0; i < ARRAY_SIZE( code_rows ); i++)
        if (code_rows[i].code == code) error = code_rows[i].error;
    return fail( tls, error, code );
}

/* ---- below ---- */

/* Fetches what is there. 1: more than before, 0: the end, or LAYER_AGAIN, LAYER_FAILED. */
static int fill( struct tls *tls )
{
    struct layer *below = tls->layer.below;
    ssize_t got;

    if (tls->eof) return 0;
    if (tls_buffer_borrow( &tls->in ))
    {
        tls->no_memory = 1;
        return fail( tls, WHE_NO_MEMORY, 0 );
    }
    got = below->ops->read( below, tls->in.data + tls->in.tail, tls->in.size - tls->in.tail );
    if (got > 0)
    {
        tls->in.tail += got;
        return 1;
    }
    tls_buffer_park( &tls->in );
    if (!got) tls->eof = 1;
    if (got == LAYER_FAILED) return fail_below( tls );
    return got;
}

static int write_failed( struct tls *tls, enum wh_error error, uint32_t detail )
{
    tls->write_error = error;
    tls->write_detail = detail;
    tls_buffer_drop( &tls->out );
    return LAYER_FAILED;
}

/* Sends what is in `out`. LAYER_OK when it is empty. */
static int send_out( struct tls *tls )
{
    struct layer *below = tls->layer.below;
    ssize_t sent;
    int ret;

    if (tls->write_error) return LAYER_FAILED;
    while (tls_buffer_len( &tls->out ))
    {
        sent = below->ops->write( below, tls->out.data + tls->out.head, tls_buffer_len( &tls->out ) );
        if (sent == LAYER_FAILED) return write_failed( tls, below->error, below->detail );
        if ((tls->blocked = sent == LAYER_AGAIN)) return LAYER_AGAIN;
        tls->out.head += sent;
    }
    tls->blocked = 0;
    tls_buffer_drop( &tls->out );
    if ((ret = below->ops->flush( below )) == LAYER_FAILED) return write_failed( tls, below->error, below->detail );
    return ret;
}

static ssize_t pull( gnutls_transport_ptr_t ptr, void *data, size_t size )
{
    struct tls *tls = ptr;
    size_t len = tls_buffer_len( &tls->in );
    int got;

    if (tls->feeding && len > tls->feed) len = tls->feed;
    if (!len)
    {
        got = tls->feeding ? LAYER_AGAIN : fill( tls );
        if (!got) return 0;
        if (got < 0)
        {
            gnutls_transport_set_errno( tls->session, got == LAYER_AGAIN ? EAGAIN : EIO );
            return -1;
        }
        len = tls_buffer_len( &tls->in );
    }
    if (len > size) len = size;
    memcpy( data, tls->in.data + tls->in.head, len );
    tls->in.head += len;
    if (tls->feeding) tls->feed -= len;
    return len;
}

/* Asked by GnuTLS only where it would wait, which it must not. */
static int pull_timeout( gnutls_transport_ptr_t ptr, unsigned int ms )
{
    struct tls *tls = ptr;

    (void)ms;
    return tls_buffer_len( &tls->in ) != 0;
}

/* Collects, so that one flight of records is one system call. */
static ssize_t push( gnutls_transport_ptr_t ptr, const void *data, size_t size )
{
    struct tls *tls = ptr;
    size_t room;

    if (tls_buffer_borrow( &tls->out ))
    {
        tls->no_memory = 1;
        gnutls_transport_set_errno( tls->session, ENOMEM );
        return -1;
    }
    if (!(room = tls->out.size - tls->out.tail))
    {
        tls->push_full = 1;
        gnutls_transport_set_errno( tls->session, EAGAIN );
        return -1;
    }
    if (size > room) size = room;
    memcpy( tls->out.data + tls->out.tail, data, size );
    tls->out.tail += size;
    return size;
}

/* ---- GnuTLS after the handshake ---- */

static void lend_keys( struct tls *tls )
{
    tls_keys_lend( &tls->reader, tls->session, 1 );
    tls_keys_lend( &tls->writer, tls->session, 0 );
}

static int return_keys( struct tls *tls )
{
    int ret = tls_keys_return( &tls->reader, tls->session, 1 );

    return ret < 0 ? ret : tls_keys_return( &tls->writer, tls->session, 0 );
}

/* Best effort: a peer that does not hear it learns from the end of the connection. */
static void send_alert( struct tls *tls, gnutls_alert_level_t level, gnutls_alert_description_t alert )
{
    lend_keys( tls );
    gnutls_alert_send( tls->session, level, alert );
    return_keys( tls );
    send_out( tls );
}

static int update_keys( struct tls *tls )
{
    int ret;

    tls->update_asked = 0;
    lend_keys( tls );
    ret = gnutls_session_key_update( tls->session, 0 );
    if (ret >= 0) ret = return_keys( tls );
    return ret;
}

/* ---- resumption ---- */

static void keep_session( struct tls *tls, int once, uint32_t lifetime )
{
    gnutls_datum_t data;
    uint64_t now = now_ms();

    /* packing a session copies the peer's chain; with the row full the ticket would only replace an equal one */
    if (!tls->key_len) return;
    if (once && tls_cache_count( tls->key, tls->key_len, now ) >= TLS_CACHE_TICKETS) return;
    if (gnutls_session_get_data2( tls->session, &data ) < 0) return;
    tls_cache_put( tls->key, tls->key_len, data.data, data.size, once, now, now + lifetime * 1000ull );
    gnutls_memset( data.data, 0, data.size );
    gnutls_free( data.data );
}

static void offer_session( struct tls *tls )
{
    struct tls_ticket ticket;

    if (!tls->key_len || !tls_cache_take( tls->key, tls->key_len, now_ms(), &ticket )) return;
    if (gnutls_session_set_data( tls->session, ticket.data, ticket.len ) >= 0) tls->offered = 1;
    gnutls_memset( ticket.data, 0, ticket.len );
    wh_free( ticket.data );
}

static uint32_t ticket_lifetime( uint32_t seconds, uint32_t limit )
{
    return seconds < limit ? seconds : limit;
}

static int is_tls13( const struct tls *tls )
{
    return gnutls_protocol_get_version( tls->session ) == GNUTLS_TLS1_3;
}

/* TLS 1.2 and older: one session per key, used by many connections. */
static void keep_handshake( struct tls *tls )
{
    if (is_tls13( tls ) || (gnutls_session_is_resumed( tls->session ) && !tls->ticket)) return;
    keep_session( tls, 0, ticket_lifetime( tls->lifetime ? tls->lifetime : LIFETIME_DEFAULT, LIFETIME_TLS12 ) );
}

static void note_ticket( struct tls *tls, const uint8_t *body, size_t len )
{
    if (len < 4) return;
    tls->lifetime = (uint32_t)body[0] << 24 | body[1] << 16 | body[2] << 8 | body[3];
    tls->ticket = 1;
}

/* TLS 1.2: a ticket is part of the handshake. */
static int on_ticket( gnutls_session_t session, unsigned int type, unsigned int when, unsigned int incoming,
                      const gnutls_datum_t *body )
{
    (void)type;
    (void)when;
    if (incoming) note_ticket( gnutls_session_get_ptr( session ), body->data, body->size );
    return 0;
}

/* TLS 1.3: tickets and key updates come among the data, and GnuTLS calls no hook for them; so what it is about to
 * handle is looked at here. A message that is spread over records may be missed: then a ticket is not kept, or our
 * own keys stay as they are, which the peer cannot tell from our having nothing to say. */
static void note_messages( struct tls *tls, const uint8_t *data, size_t len )
{
    size_t size;

    while (len >= 4 && (size = data[1] << 16 | data[2] << 8 | data[3]) <= len - 4)
    {
        if (data[0] == GNUTLS_HANDSHAKE_NEW_SESSION_TICKET) note_ticket( tls, data + 4, size );
        if (data[0] == GNUTLS_HANDSHAKE_KEY_UPDATE && size == 1 && data[4]) tls->update_asked = 1;
        data += 4 + size;
        len -= 4 + size;
    }
}

/* ---- start ---- */

static int handshake( struct tls *tls )
{
    int ret, sent;

    for (;;)
    {
        tls->push_full = 0;
        ret = gnutls_handshake( tls->session );
        if (ret == GNUTLS_E_SUCCESS) return LAYER_OK;
        if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
        {
            if ((sent = send_out( tls )) == LAYER_FAILED) return fail( tls, tls->write_error, tls->write_detail );
            if (sent == LAYER_AGAIN || !tls->push_full) return LAYER_AGAIN;
        }
        else if (gnutls_error_is_fatal( ret ) || ++tls->idle_records > MAX_IDLE_RECORDS) break;
    }
    if (tls->offered) tls_cache_forget( tls->key, tls->key_len );
    if (tls->state != TLS_FAILED && !tls->eof && ret != GNUTLS_E_FATAL_ALERT_RECEIVED)
    {
        gnutls_alert_send_appropriate( tls->session, ret );
        send_out( tls );
    }
    return fail_code( tls, ret );
}

static gnutls_alert_description_t alert_from_bits( uint32_t bits )
{
    size_t i = 0;

    while (!(alert_rows[i].bits & bits)) i++;
    return alert_rows[i].alert;
}

static int verify( struct tls *tls )
{
    const gnutls_datum_t *chain;
    unsigned int count = 0;
    enum wh_error error;
    uint32_t bits;

    if (gnutls_session_is_resumed( tls->session )) return LAYER_OK;   /* judged when it began, under the same key */
    if (!tls_trust_loaded()) return LAYER_AGAIN;

    chain = gnutls_certificate_get_peers( tls->session, &count );
    if (!chain) count = 0;
    error = tls_verify_chain( chain, count, &tls->peer, tls->ignore, &bits );
    if (!error) return LAYER_OK;
    if (error == WHE_CERT) send_alert( tls, GNUTLS_AL_FATAL, alert_from_bits( bits ) );
    return fail( tls, error, bits );
}

static uint32_t chosen_alpn( gnutls_session_t session )
{
    gnutls_datum_t name;

    if (gnutls_alpn_get_selected_protocol( session, &name ) < 0) return 0;
    if (name.size == 2 && !memcmp( name.data, "h2", 2 )) return WH_ALPN_H2;
    return name.size == 8 && !memcmp( name.data, "http/1.1", 8 ) ? WH_ALPN_H1 : 0;
}

static int come_up( struct tls *tls )
{
    int ret;

    if ((ret = tls_keys_load( &tls->reader, tls->session, 1 )) < 0
        || (ret = tls_keys_load( &tls->writer, tls->session, 0 )) < 0) return fail_code( tls, ret );
    tls->record_max = gnutls_record_get_max_size( tls->session );
    if (tls->record_max > TLS_RECORD_PLAIN) tls->record_max = TLS_RECORD_PLAIN;
    tls->alpn = chosen_alpn( tls->session );
    tls->idle_records = 0;
    keep_handshake( tls );
    tls->ticket = 0;
    tls_buffer_park( &tls->in );
    return LAYER_OK;
}

static int tls_start( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );
    int ret;

    if (tls->state == TLS_BELOW)
    {
        if ((ret = layer->below->ops->start( layer->below )) == LAYER_FAILED) return fail_below( tls );
        if (ret) return ret;
        tls->state = TLS_HANDSHAKE;
    }
    if (tls->state == TLS_HANDSHAKE)
    {
        if ((ret = handshake( tls ))) return ret;
        tls->state = TLS_VERIFY;
    }
    if (tls->state == TLS_VERIFY)
    {
        if ((ret = verify( tls )) || (ret = come_up( tls ))) return ret;
        LOG( LOG_TRACE, "tls %s: up, %s%s", tls->peer.name ? tls->peer.name : "(address)",
             gnutls_ciphersuite_get( tls->session ),
             gnutls_session_is_resumed( tls->session ) ? ", resumed" : "" );
        tls->state = TLS_UP;
    }
    return tls->state == TLS_UP ? LAYER_OK : LAYER_FAILED;
}

/* ---- read ---- */

static int no_payload( struct tls *tls )
{
    if (++tls->idle_records <= MAX_IDLE_RECORDS) return 0;
    return fail( tls, WHE_TLS, GNUTLS_E_TOO_MANY_EMPTY_PACKETS );
}

/* Once is answered; a server that insists is cut off. */
static int refuse_renegotiation( struct tls *tls )
{
    if (tls->refused) return fail( tls, WHE_TLS, GNUTLS_E_REHANDSHAKE );
    tls->refused = 1;
    send_alert( tls, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION );
    return no_payload( tls );
}

static ssize_t received( struct tls *tls, int ret )
{
    if (ret > 0)
    {
        tls->idle_records = 0;
        return ret;
    }
    if (!ret) tls->closed = 1;
    if (!ret || ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED) return no_payload( tls );
    if (ret == GNUTLS_E_REHANDSHAKE) return refuse_renegotiation( tls );
    if (!gnutls_error_is_fatal( ret )) return no_payload( tls );      /* a warning */
    return fail_code( tls, ret );
}

/* Gives one record to GnuTLS. Returns payload bytes, 0 or LAYER_FAILED. */
static ssize_t feed_record( struct tls *tls, size_t record_len, void *buffer, size_t size )
{
    uint32_t end;
    ssize_t ret;
    int err;

    if (record_len > tls_buffer_len( &tls->in )) record_len = tls_buffer_len( &tls->in );
    end = tls->in.head + record_len;
    tls->feed = record_len;
    tls->feeding = 1;
    lend_keys( tls );
    ret = gnutls_record_recv( tls->session, buffer, size );
    err = return_keys( tls );
    tls->feeding = 0;
    tls->in.head = end;
    if (ret >= 0 && err < 0) ret = err;

    if (tls->ticket) keep_session( tls, 1, ticket_lifetime( tls->lifetime, LIFETIME_TLS13 ) );
    tls->ticket = 0;
    return received( tls, ret );
}

/* Opens one record of application data, into `buffer` if it fits. Returns payload bytes stored in `buffer` (the rest
 * is in `plain`), 0, or LAYER_FAILED. */
static ssize_t open_record( struct tls *tls, size_t record_len, uint8_t *buffer, size_t size )
{
    const uint8_t *record = tls->in.data + tls->in.head;
    uint8_t *dest = buffer;
    enum tls_content type;
    size_t len;
    int ret;

    if (tls_record_room( &tls->reader, record_len ) > size)
    {
        if (tls_buffer_borrow( &tls->plain )) return fail( tls, WHE_NO_MEMORY, 0 );
        dest = tls->plain.data;
    }
    if ((ret = tls_record_open( &tls->reader, record, record_len, dest, &len, &type )) < 0)
    {
        send_alert( tls, GNUTLS_AL_FATAL, GNUTLS_A_BAD_RECORD_MAC );
        return fail_code( tls, ret );
    }
    if (type != TLS_CONTENT_DATA)
    {
        if (type == TLS_CONTENT_HANDSHAKE && tls->reader.tls13) note_messages( tls, dest, len );
        tls_buffer_park( &tls->plain );
        return feed_record( tls, record_len, buffer, size );
    }
    tls->in.head += record_len;
    if (!len) return no_payload( tls );
    tls->idle_records = 0;
    if (dest == buffer) return len;
    tls->plain.tail = len;
    return 0;
}

static size_t take_plain( struct tls *tls, uint8_t *buffer, size_t size )
{
    size_t len = tls_buffer_len( &tls->plain );

    if (len > size) len = size;
    memcpy( buffer, tls->plain.data + tls->plain.head, len );
    tls->plain.head += len;
    if (!tls_buffer_len( &tls->plain )) tls_buffer_drop( &tls->plain );
    return len;
}

/* Length of the record at the head of `in` if there is something to do with it, else 0. One whose length is beyond
 * all limits counts as there: GnuTLS shall name the error. */
static size_t next_record( const struct tls *tls )
{
    size_t have = tls_buffer_len( &tls->in );
    size_t len = have ? tls_record_size( tls->in.data + tls->in.head, have ) : 0;

    return len <= have || len > TLS_RECORD_HEADER + TLS_RECORD_WIRE ? len : 0;
}

static ssize_t tls_read( struct layer *layer, void *buffer, size_t size )
{
    struct tls *tls = tls_from_layer( layer );
    uint8_t *out = buffer;
    size_t got = 0, len;
    ssize_t ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    if (tls->state != TLS_UP) return fail( tls, WHE_STATE, 0 );

    while (got < size)
    {
        if (tls_buffer_len( &tls->plain ))
        {
            got += take_plain( tls, out + got, size - got );
            continue;
        }
        if (tls->closed) break;
        if (gnutls_record_check_pending( tls->session ))
            ret = received( tls, gnutls_record_recv( tls->session, out + got, size - got ) );
        else if ((len = next_record( tls )))
        {
            if (!tls->reader.cipher || len > TLS_RECORD_HEADER + TLS_RECORD_WIRE)
                ret = feed_record( tls, len, out + got, size - got );
            else if (got && tls_record_room( &tls->reader, len ) > size - got)
                break;      /* straight into the next buffer rather than by way of `plain` */
            else
                ret = open_record( tls, len, out + got, size - got );
        }
        else
        {
            if (got) break;
            if (tls_buffer_len( &tls->out )) send_out( tls );     /* its failure is the writer's */
            if ((ret = fill( tls )) == LAYER_AGAIN) return LAYER_AGAIN;
            if (!ret) ret = fail_code( tls, GNUTLS_E_PREMATURE_TERMINATION );
            else if (ret > 0) ret = 0;
        }
        if (ret < 0)
        {
            if (got) break;      /* it is told next time */
            return LAYER_FAILED;
        }
        got += ret;
    }
    if (!tls_buffer_len( &tls->in )) tls_buffer_drop( &tls->in );
    return got;
}

/* ---- write ---- */

static ssize_t fail_write( struct tls *tls )
{
    tls->layer.error = tls->write_error;
    tls->layer.detail = tls->write_detail;
    return LAYER_FAILED;
}

/* Seals one record behind what is in `out`, where there is room for it. Returns payload bytes, or LAYER_FAILED. */
static ssize_t seal_record( struct tls *tls, const uint8_t *data, size_t len )
{
    ssize_t ret;
    size_t size;

    if (!tls->writer.cipher) ret = gnutls_record_send( tls->session, data, len );
    else if ((ret = tls_record_seal( &tls->writer, data, len, tls->out.data + tls->out.tail, &size )) >= 0)
    {
        tls->out.tail += size;
        return len;
    }
    if (ret > 0) return ret;
    return write_failed( tls, tls->no_memory ? WHE_NO_MEMORY : WHE_TLS, ret );
}

/* Bytes a record may take beyond its payload, whoever makes it: header, IV, MAC and padding of a CBC cipher. */
#define SEAL_EXTRA 128

/* Seals what fits into `out`. Returns payload bytes taken, or LAYER_FAILED. */
static ssize_t seal_batch( struct tls *tls, const uint8_t *data, size_t size )
{
    size_t taken = 0, len;
    ssize_t ret;

    if (tls_buffer_borrow( &tls->out )) return write_failed( tls, WHE_NO_MEMORY, 0 );
    while (taken < size)
    {
        len = size - taken < tls->record_max ? size - taken : tls->record_max;
        if (tls->out.size - tls->out.tail < len + SEAL_EXTRA) break;
        if ((ret = seal_record( tls, data + taken, len )) < 0) return ret;
        taken += ret;
    }
    return taken;
}

static int keys_are_due( const struct tls *tls )
{
    return tls->update_asked || (tls->writer.tls13 && tls->writer.seq >= REKEY_RECORDS);
}

static ssize_t tls_write( struct layer *layer, const void *data, size_t size )
{
    struct tls *tls = tls_from_layer( layer );
    size_t taken = 0;
    ssize_t ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    if (tls->state != TLS_UP) return fail( tls, WHE_STATE, 0 );
    if (tls->blocked && (ret = send_out( tls )) == LAYER_AGAIN) return LAYER_AGAIN;

    while (!tls->write_error && taken < size)
    {
        if (keys_are_due( tls ) && (ret = update_keys( tls )) < 0) write_failed( tls, WHE_TLS, ret );
        else if ((ret = seal_batch( tls, (const uint8_t *)data + taken, size - taken )) >= 0)
        {
            taken += ret;
            if (send_out( tls ) == LAYER_AGAIN) break;
        }
    }
    return tls->write_error ? fail_write( tls ) : (ssize_t)taken;
}

static int tls_flush( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );
    int ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    ret = send_out( tls );
    return ret == LAYER_FAILED ? fail_write( tls ) : ret;
}

/* ---- the rest of the contract ---- */

static unsigned int tls_wants( const struct layer *layer )
{
    const struct tls *tls = (const struct tls *)layer;

    if (tls->state == TLS_VERIFY) return 0;
    return layer->below->ops->wants( layer->below );
}

static size_t tls_pending( const struct layer *layer )
{
    const struct tls *tls = (const struct tls *)layer;
    size_t len, sum = tls_buffer_len( &tls->plain );

    if (tls->state != TLS_UP || tls->closed) return sum;
    sum += gnutls_record_check_pending( tls->session );
    if ((len = next_record( tls )) && (len = tls_record_room( &tls->reader, len )))
        sum += tls->reader.tls13 && len > 1 ? len - 1 : len;
    return sum;
}

static void tls_goodbye( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );

    if (tls->state == TLS_UP && !tls->write_error)
    {
        lend_keys( tls );
        gnutls_bye( tls->session, GNUTLS_SHUT_WR );
        return_keys( tls );
        send_out( tls );
    }
    layer->below->ops->goodbye( layer->below );
}

static void tls_free( struct tls *tls )
{
    tls_buffer_drop( &tls->in );
    tls_buffer_drop( &tls->out );
    tls_buffer_drop( &tls->plain );
    tls_keys_free( &tls->reader );
    tls_keys_free( &tls->writer );
    if (tls->session) gnutls_deinit( tls->session );
    wh_free( tls );
}

static void tls_close( struct layer *layer )
{
    layer->below->ops->close( layer->below );
    tls_free( tls_from_layer( layer ) );
}

static void tls_ready( struct layer *layer, unsigned int what, int hangup )
{
    layer->below->ops->ready( layer->below, what & ~LAYER_GREEDY, hangup );    /* a record may be less than asked for */
}

static enum wh_error tls_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    struct tls *tls = tls_from_layer( layer );
    enum wh_error err = WHE_STATE;

    if (tls->state == TLS_UP) err = tls_facts_query( tls->session, what, buffer, size, len );
    return err == WHE_STATE ? layer->below->ops->query( layer->below, what, buffer, size, len ) : err;
}

static const struct layer_ops tls_ops =
{
    .start   = tls_start,
    .read    = tls_read,
    .write   = tls_write,
    .flush   = tls_flush,
    .wants   = tls_wants,
    .pending = tls_pending,
    .goodbye = tls_goodbye,
    .close   = tls_close,
    .ready   = tls_ready,
    .query   = tls_query,
};

/* ---- creation ---- */

static int set_alpn( gnutls_session_t session, uint32_t alpn )
{
    gnutls_datum_t names[2];
    unsigned int count = 0;

    if (alpn & WH_ALPN_H2)
    {
        names[count].data = (unsigned char *)"h2";
        names[count++].size = 2;
    }
    if (alpn & WH_ALPN_H1)
    {
        names[count].data = (unsigned char *)"http/1.1";
        names[count++].size = 8;
    }
    return count ? gnutls_alpn_set_protocols( session, names, count, 0 ) : 0;
}

static int session_init( struct tls *tls, const struct tls_settings *settings, uint32_t alpn )
{
    /* one key share is enough: servers take X25519 or ask again; no OCSP staple is used yet, so none is asked for */
    unsigned int flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_KEY_SHARE_TOP
                         | GNUTLS_NO_EXTENSIONS;
    int ret;

    if ((ret = gnutls_init( &tls->session, flags )) < 0)
    {
        tls->session = NULL;
        return ret;
    }
    gnutls_session_set_ptr( tls->session, tls );
    gnutls_transport_set_ptr( tls->session, tls );
    gnutls_transport_set_pull_function( tls->session, pull );
    gnutls_transport_set_pull_timeout_function( tls->session, pull_timeout );
    gnutls_transport_set_push_function( tls->session, push );
    gnutls_handshake_set_hook_function( tls->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST,
                                        on_ticket );

    if ((ret = gnutls_priority_set( tls->session, settings->priority )) < 0) return ret;
    if ((ret = gnutls_credentials_set( tls->session, GNUTLS_CRD_CERTIFICATE, settings->credentials )) < 0) return ret;
    if (tls->peer.name && (ret = gnutls_server_name_set( tls->session, GNUTLS_NAME_DNS, tls->peer.name,
                                                         strlen( tls->peer.name ) )) < 0) return ret;
    return set_alpn( tls->session, alpn );
}

/* An IP literal is checked against the addresses of a certificate and is not sent as a name (RFC 6066 section 3). */
static void set_peer( struct tls *tls, char *host )
{
    size_t len = strlen( host );

    if (inet_pton( AF_INET, host, tls->peer.address ) == 1) tls->peer.address_len = 4;
    else if (inet_pton( AF_INET6, host, tls->peer.address ) == 1) tls->peer.address_len = 16;
    else
    {
        if (len && host[len - 1] == '.') host[len - 1] = 0;   /* the DNS' root belongs to no certificate */
        tls->peer.name = host;
    }
}

static struct tls *tls_alloc( struct layer *below, const struct tls_policy *policy )
{
    size_t host_size = strlen( policy->host ) + 1;
    struct tls *tls;
    char *host;

    if (!(tls = wh_calloc( 1, sizeof(*tls) + host_size + policy->cache_key_len ))) return NULL;
    tls->layer.ops = &tls_ops;
    tls->layer.below = below;
    tls->ignore = policy->ignore;
    host = (char *)(tls + 1);
    memcpy( host, policy->host, host_size );
    set_peer( tls, host );
    tls->key = (uint8_t *)host + host_size;
    tls->key_len = policy->cache_key_len;
    if (tls->key_len) memcpy( tls->key, policy->cache_key, tls->key_len );
    return tls;
}

struct layer *tls_layer_create( struct layer *below, const struct tls_policy *policy, enum wh_error *error )
{
    struct tls_settings settings;
    struct tls *tls = NULL;
    int ret;

    if (!(*error = tls_settings_get( policy->versions, &settings )))
    {
        if (!(tls = tls_alloc( below, policy ))) *error = WHE_NO_MEMORY;
        else if ((ret = session_init( tls, &settings, policy->alpn )) < 0)
            *error = ret == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_TLS;
    }
    if (*error)
    {
        if (tls) tls_free( tls );
        below->ops->close( below );
        return NULL;
    }
    offer_session( tls );
    return &tls->layer;
}

uint32_t tls_layer_alpn( const struct layer *layer )
{
    return ((const struct tls *)layer)->alpn;
}

void tls_shutdown( void )
{
    tls_cache_clear();
    tls_trust_free();
    tls_buffer_shutdown();
    tls_settings_free();
}
