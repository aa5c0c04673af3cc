#if 0
#pragma makedep unix
#endif

/*
 * From a new TLS session to one that is up: settings, handshake, verdict, resumption
 *
 * A server's wish for a client certificate is answered with none; if it then breaks the handshake off, that is
 * WHE_CERT_NEEDED. What a server hands out for later connections is kept here too, though with TLS 1.3 it comes among
 * the data.
 */

#include <time.h>

#include "hooks.h"
#include "log.h"
#include "tls.h"
#include "tls_cache.h"
#include "tls_internal.h"
#include "tls_policy.h"

/* How long what a server hands out is used: RFC 8446 section 4.6.1 and RFC 5246 section F.1.4 have the upper limits.
 * A TLS 1.2 server that names none (session ids, or a hint of 0) gets two hours. */
#define LIFETIME_TLS13   (7 * 24 * 3600)
#define LIFETIME_TLS12   (24 * 3600)
#define LIFETIME_DEFAULT (2 * 3600)

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
    gnutls_transport_set_pull_function( tls->session, tls_pull );
    gnutls_transport_set_pull_timeout_function( tls->session, tls_pull_timeout );
    gnutls_transport_set_push_function( tls->session, tls_push );
    gnutls_handshake_set_hook_function( tls->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST,
                                        on_ticket );

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
    if ((ret = session_init( tls, &settings, policy->alpn )) < 0)
        return ret == GNUTLS_E_MEMORY_ERROR ? WHE_NO_MEMORY : WHE_TLS;
    offer_session( tls );
    return WHE_OK;
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
            if ((sent = tls_send_out( tls )) == LAYER_FAILED)
                return tls_fail( tls, tls->write_error, tls->write_detail );
            if (sent == LAYER_AGAIN || !tls->push_full) return LAYER_AGAIN;
        }
        else if (gnutls_error_is_fatal( ret ) || ++tls->idle_records > MAX_IDLE_RECORDS) break;
    }
    if (tls->offered) tls_cache_forget( tls->key, tls->key_len );
    if (tls->state != TLS_FAILED && !tls->eof && ret != GNUTLS_E_FATAL_ALERT_RECEIVED)
    {
        gnutls_alert_send_appropriate( tls->session, ret );
        tls_send_out( tls );
    }
    return tls_fail_code( tls, ret );
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
    error = tls_verify_chain( chain, count, &tls->peer, tls->flags, &bits );
    if (!error) return LAYER_OK;
    if (error == WHE_CERT) tls_send_alert( tls, GNUTLS_AL_FATAL, alert_from_bits( bits ) );
    return tls_fail( tls, error, bits );
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
        || (ret = tls_keys_load( &tls->writer, tls->session, 0 )) < 0) return tls_fail_code( tls, ret );
    tls->record_max = gnutls_record_get_max_size( tls->session );
    if (tls->record_max > TLS_RECORD_PLAIN) tls->record_max = TLS_RECORD_PLAIN;
    tls->alpn = chosen_alpn( tls->session );
    tls->idle_records = 0;
    keep_handshake( tls );
    tls->ticket = 0;
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
