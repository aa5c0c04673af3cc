#if 0
#pragma makedep unix
#endif

/*
 * From a new TLS session to one that is up: settings, handshake, verdict, resumption
 *
 * What a server hands out for later connections is kept here too, though with TLS 1.3 it comes among the data.
 */

#include <stdio.h>
#include <time.h>

#include "hooks.h"
#include "log.h"
#include "tls.h"
#include "tls_cache.h"
#include "tls_internal.h"
#include "tls_keylog.h"
#include "tls_policy.h"

/* OCSP responses are looked at for as many certificates; see tls_verify.c. */
#define MAX_STAPLES 16

/* How long what a server hands out is used: RFC 8446 section 4.6.1 and RFC 5246 section F.1.4 have the upper limits.
 * A TLS 1.2 server that names none (session ids, or a hint of 0) gets two hours. */
#define LIFETIME_TLS13   (7 * 24 * 3600)
#define LIFETIME_TLS12   (24 * 3600)
#define LIFETIME_DEFAULT (2 * 3600)

/* How long a verdict counts for what resumes its session, and for what resumes that: servers hand out new tickets with each,
 * and nobody would ever look at the certificate again. As long as Schannel keeps a session (its ClientCacheTime). */
#define LIFETIME_VERDICT (10 * 3600)

struct alert_row
{
    uint32_t                   bits;     /* WH_CERT_* */
    gnutls_alert_description_t alert;
};

static const struct alert_row alert_rows[] =   /* what we tell a server whose certificate was not accepted */
{
    { WH_CERT_REVOKED,    GNUTLS_A_CERTIFICATE_REVOKED },
    { WH_CERT_UNKNOWN_CA, GNUTLS_A_UNKNOWN_CA },
    { WH_CERT_DATE,       GNUTLS_A_CERTIFICATE_EXPIRED },
    { ~0u,                GNUTLS_A_BAD_CERTIFICATE },
};

struct bit_name
{
    uint32_t    bit;
    const char *name;
};

static const struct bit_name bit_names[] =     /* for traces */
{
    { WH_CERT_REV_FAILED, " revocation-unknown" },
    { WH_CERT_INVALID,    " invalid" },
    { WH_CERT_REVOKED,    " revoked" },
    { WH_CERT_UNKNOWN_CA, " unknown-authority" },
    { WH_CERT_NAME,       " wrong-name" },
    { WH_CERT_DATE,       " wrong-date" },
    { WH_CERT_USAGE,      " wrong-usage" },
};

/* What an outside judge may know better. */
#define DOUBTS (WH_CERT_UNKNOWN_CA | WH_CERT_REV_FAILED)

static uint64_t now_ms(void)     /* tickets age while the machine sleeps */
{
    struct timespec ts;

    clock_gettime( CLOCK_BOOTTIME, &ts );
    return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
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
    tls_cache_put( tls->key, tls->key_len, data.data, data.size, once, now, now + lifetime * 1000ull, tls->limit_ms );
    gnutls_memset( data.data, 0, data.size );
    gnutls_free( data.data );
}

static void offer_session( struct tls *tls )
{
    struct tls_ticket ticket;

    if (!tls->key_len || !tls_cache_take( tls->key, tls->key_len, now_ms(), &ticket )) return;
    if (gnutls_session_set_data( tls->session, ticket.data, ticket.len ) >= 0) tls->offered = 1;
    tls->limit_ms = ticket.limit_ms;
    gnutls_memset( ticket.data, 0, ticket.len );
    wh_free( ticket.data );
}

/* The certificate was judged, or is about to be: not longer than it is good for, if anybody cares. */
static void limit_sessions( struct tls *tls )
{
    time_t now = time( NULL ), until = gnutls_certificate_expiration_time_peers( tls->session );
    uint64_t seconds = LIFETIME_VERDICT;

    if (!(tls->flags & WH_TLS_IGNORE_DATE) && until != (time_t)-1)
    {
        if (until <= now) seconds = 0;
        else if ((uint64_t)(until - now) < seconds) seconds = until - now;
    }
    tls->limit_ms = now_ms() + seconds * 1000;
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

void tls_note_messages( struct tls *tls, const uint8_t *data, size_t len )
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

void tls_keep_tickets( struct tls *tls )
{
    if (tls->ticket) keep_session( tls, 1, ticket_lifetime( tls->lifetime, LIFETIME_TLS13 ) );
    tls->ticket = 0;
}

/* ---- the session ---- */

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
    /* one key share is enough: servers take X25519 or ask again */
    unsigned int flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_KEY_SHARE_TOP
                         | GNUTLS_NO_EXTENSIONS | GNUTLS_POST_HANDSHAKE_AUTH;
    int ret;

    if (tls->flags & WH_TLS_FALSE_START) flags |= GNUTLS_ENABLE_FALSE_START;
    if ((ret = gnutls_init( &tls->session, flags )) < 0)
    {
        tls->session = NULL;
        return ret;
    }
    gnutls_session_set_ptr( tls->session, tls );
    gnutls_transport_set_ptr( tls->session, tls );
    gnutls_transport_set_pull_function( tls->session, tls_pull );
    gnutls_transport_set_pull_timeout_function( tls->session, tls_pull_timeout );
    gnutls_transport_set_push_function( tls->session, tls_push );
    gnutls_handshake_set_hook_function( tls->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST,
                                        on_ticket );
    tls_keylog( tls->session );

    /* a kilobyte or two of each handshake: only where somebody looks at it */
    if (tls->flags & WH_TLS_CHECK_REVOCATION
        && (ret = gnutls_ocsp_status_request_enable_client( tls->session, NULL, 0, NULL )) < 0) return ret;
    if ((ret = gnutls_priority_set( tls->session, settings->priority )) < 0) return ret;
    if ((ret = gnutls_credentials_set( tls->session, GNUTLS_CRD_CERTIFICATE, settings->credentials )) < 0) return ret;
    if (tls->peer.name && (ret = gnutls_server_name_set( tls->session, GNUTLS_NAME_DNS, tls->peer.name,
                                                         strlen( tls->peer.name ) )) < 0) return ret;
    return set_alpn( tls->session, alpn );
}

enum wh_error tls_session_open( struct tls *tls, const struct tls_policy *policy )
{
    struct tls_settings settings;
    enum wh_error error;
    int ret;

    if ((error = tls_settings_get( policy->versions, &settings ))) return error;
    tls->alpn = policy->alpn;
    if ((ret = session_init( tls, &settings, policy->alpn )) < 0)
        return ret == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_TLS;
    offer_session( tls );
    return WHE_OK;
}

/* ---- start ---- */

/* An alert that says what GnuTLS did not like. */
static void send_alert_for( struct tls *tls, int code )
{
    int level, alert = gnutls_error_to_alert( code, &level );

    if (alert < 0) return;
    if (tls->cert_missing) alert = GNUTLS_A_USER_CANCELED;
    tls_send_alert( tls, level, alert );
}

int tls_handshake( struct tls *tls )
{
    int ret, sent;

    for (;;)
    {
        tls->push_full = tls->fed = tls->dry = 0;
        ret = gnutls_handshake( tls->session );
        if (ret == GNUTLS_E_SUCCESS || (ret == GNUTLS_E_GOT_APPLICATION_DATA && tls->renewal)) return ret;
        if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
        {
            if ((sent = tls_send_out( tls )) == LAYER_FAILED)
                return tls_fail( tls, tls->write_error, tls->write_detail );
            /* Between the records of one message it says AGAIN with input left, of which no event would tell. */
            if (sent == LAYER_AGAIN || (!tls->push_full && (tls->dry || !tls->fed))) return LAYER_AGAIN;
        }
        else if (gnutls_error_is_fatal( ret ) || ++tls->idle_records > MAX_IDLE_RECORDS) break;
    }
    if (tls->offered) tls_cache_forget( tls->key, tls->key_len );
    if (tls->state != TLS_FAILED && !tls->eof && ret != GNUTLS_E_FATAL_ALERT_RECEIVED)
        send_alert_for( tls, ret );
    return tls_fail_code( tls, ret );
}

static gnutls_alert_description_t alert_from_bits( uint32_t bits )
{
    size_t i = 0;

    while (!(alert_rows[i].bits & bits)) i++;
    return alert_rows[i].alert;
}

static void trace_bits( const struct tls *tls, uint32_t bits, const char *whose )
{
    char text[160] = "";
    size_t i, len = 0;

    if (!(log_levels & LOG_WARN)) return;
    for (i = 0; i < sizeof(bit_names) / sizeof(bit_names[0]); i++)
        if (bits & bit_names[i].bit) len += snprintf( text + len, sizeof(text) - len, "%s", bit_names[i].name );
    log_write( LOG_WARN, "tls %s: the certificate, as %s:%s", tls_peer_text( tls ), whose, len ? text : " good" );
}

static int reject( struct tls *tls, enum wh_error error, uint32_t bits )
{
    if (error == WHE_CERT) tls_send_alert( tls, GNUTLS_AL_FATAL, alert_from_bits( bits ) );
    return tls_fail( tls, error, bits );
}

static unsigned int get_staples( struct tls *tls, gnutls_datum_t *staples )
{
    unsigned int i, got = 0;

    for (i = 0; i < MAX_STAPLES; i++)
    {
        staples[i].size = 0;
        if (tls->flags & WH_TLS_CHECK_REVOCATION && gnutls_ocsp_status_request_get2( tls->session, i, &staples[i] ) >= 0)
            got++;
        else staples[i].size = 0;
    }
    return got;
}

/* LAYER_OK, LAYER_FAILED, or LAYER_AGAIN: the trust list, or a verdict from outside, is still to come. */
static int verify( struct tls *tls )
{
    gnutls_datum_t staples[MAX_STAPLES];
    const gnutls_datum_t *chain;
    unsigned int count = 0;
    enum wh_error error;

    if (gnutls_session_is_resumed( tls->session )) return LAYER_OK;   /* judged when it began, under the same key */
    if (!tls_trust_loaded()) return LAYER_AGAIN;

    limit_sessions( tls );
    if (!(chain = gnutls_certificate_get_peers( tls->session, &count ))) count = 0;
    if (count > MAX_STAPLES) count = MAX_STAPLES;
    error = tls_verify_chain( chain, get_staples( tls, staples ) ? staples : NULL, count, &tls->peer, tls->flags,
                              &tls->bits );
    if (error && error != WHE_CERT) return reject( tls, error, 0 );
    if (tls->bits || tls->judge == WH_JUDGE_ALWAYS) trace_bits( tls, tls->bits, "found here" );
    if (count && (tls->judge == WH_JUDGE_ALWAYS
                  || (error && tls->judge == WH_JUDGE_DOUBT && !(tls->bits & ~DOUBTS))))
    {
        tls->state = TLS_JUDGED_OUTSIDE;
        return LAYER_AGAIN;
    }
    return error ? reject( tls, error, tls->bits ) : LAYER_OK;
}

static int apply_verdict( struct tls *tls )
{
    if (!tls->judged) return LAYER_AGAIN;
    trace_bits( tls, tls->verdict ? tls->verdict_bits : 0, "judged outside" );
    return tls->verdict ? reject( tls, tls->verdict, tls->verdict_bits ) : LAYER_OK;
}

int tls_layer_judging( const struct layer *layer, uint32_t *bits )
{
    const struct tls *tls = (const struct tls *)layer;

    *bits = tls->bits;
    return tls->state == TLS_JUDGED_OUTSIDE && !tls->judged;
}

void tls_layer_verdict( struct layer *layer, enum wh_error error, uint32_t bits )
{
    struct tls *tls = tls_from_layer( layer );

    if (tls->state != TLS_JUDGED_OUTSIDE || tls->judged) return;     /* the layer failed, or was closed, meanwhile */
    tls->judged = 1;
    tls->verdict = error;
    tls->verdict_bits = bits;
}

static uint32_t chosen_alpn( gnutls_session_t session )
{
    gnutls_datum_t name;

    if (gnutls_alpn_get_selected_protocol( session, &name ) < 0) return 0;
    if (name.size == 2 && !memcmp( name.data, "h2", 2 )) return WH_ALPN_H2;
    return name.size == 8 && !memcmp( name.data, "http/1.1", 8 ) ? WH_ALPN_H1 : TLS_ALPN_OTHER;
}

int tls_settle( struct tls *tls )
{
    int ret;

    tls->false_start = 0;
    if ((ret = tls_keys_load( &tls->reader, tls->session, 1 )) < 0
        || (ret = tls_keys_load( &tls->writer, tls->session, 0 )) < 0) return tls_fail_code( tls, ret );
    keep_handshake( tls );
    tls->ticket = 0;
    return LAYER_OK;
}

static int come_up( struct tls *tls )
{
    /* after a false start the keys to read with are not in force yet: all goes through GnuTLS until they are */
    tls->false_start = !!(gnutls_session_get_flags( tls->session ) & GNUTLS_SFLAGS_FALSE_START);
    if (!tls->false_start && tls_settle( tls )) return LAYER_FAILED;
    tls->record_max = gnutls_record_get_max_size( tls->session );
    if (tls->record_max > TLS_RECORD_PLAIN) tls->record_max = TLS_RECORD_PLAIN;
    tls->alpn = chosen_alpn( tls->session );
    tls->idle_records = 0;
    tls_buffer_park( &tls->in );
    return LAYER_OK;
}

int tls_start( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );
    int ret;

    if (tls->state == TLS_BELOW)
    {
        if ((ret = layer->below->ops->start( layer->below )) == LAYER_FAILED) return tls_fail_below( tls );
        if (ret) return ret;
        tls->state = TLS_HANDSHAKE;
    }
    if (tls->state == TLS_HANDSHAKE)
    {
        if ((ret = tls_handshake( tls ))) return ret;
        tls->known = 1;
        tls->state = TLS_VERIFY;
    }
    if (tls->state == TLS_VERIFY || tls->state == TLS_JUDGED_OUTSIDE)
    {
        ret = tls->state == TLS_VERIFY ? verify( tls ) : apply_verdict( tls );
        if (ret || (ret = come_up( tls ))) return ret;
        LOG( LOG_TRACE, "tls %s: up, %s%s%s", tls_peer_text( tls ), gnutls_ciphersuite_get( tls->session ),
             gnutls_session_is_resumed( tls->session ) ? ", resumed" : "", tls->false_start ? ", false start" : "" );
        tls->state = TLS_UP;
    }
    return tls->state == TLS_UP ? LAYER_OK : LAYER_FAILED;
}
