#if 0
#pragma makedep unix
#endif

/*
 * What a TLS layer's parts share: how it fails, and how bytes pass between GnuTLS, the buffers and the layer below
 *
 * Nothing here knows whether the handshake is over, but for the keys that tls_record.c shares with GnuTLS.
 */

#include <errno.h>

#include "hooks.h"
#include "log.h"
#include "tls_internal.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

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

/* ---- failing ---- */

int tls_fail( struct tls *tls, enum wh_error error, uint32_t detail )
{
    if (tls->state != TLS_FAILED)
    {
        LOG( LOG_WARN, "tls %s: error %u, detail %#x", tls_peer_text( tls ), error, detail );
        tls->layer.error = error;
        tls->layer.detail = detail;
        tls->state = TLS_FAILED;
    }
    return LAYER_FAILED;
}

int tls_fail_below( struct tls *tls )
{
    return tls_fail( tls, tls->layer.below->error, tls->layer.below->detail );
}

const char *tls_peer_text( const struct tls *tls )
{
    return tls->peer.name ? tls->peer.name : "(address)";
}

static const char *alert_text( gnutls_alert_description_t alert )
{
    const char *name = gnutls_alert_get_name( alert );

    return name ? name : "unknown";
}

/* The peer broke the session off. */
static int fail_alert( struct tls *tls )
{
    gnutls_alert_description_t alert = gnutls_alert_get( tls->session );

    LOG( LOG_WARN, "tls %s: received alert %u, %s", tls_peer_text( tls ), alert, alert_text( alert ) );
    /* who offers HTTP/1.1, too, has met a server that speaks no HTTP at all */
    if (alert == GNUTLS_A_NO_APPLICATION_PROTOCOL && tls->alpn == WH_ALPN_H2) return tls_fail( tls, WHE_MISMATCH, alert );
    return tls_fail( tls, tls_client_error( tls, alert ), alert );
}

int tls_fail_code( struct tls *tls, int code )
{
    enum wh_error error = WHE_TLS;
    size_t i;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;     /* by pull, which knows better */
    if (tls->no_memory) return tls_fail( tls, WHE_NO_MEMORY, 0 );
    if (tls->cert_missing) return tls_fail( tls, WHE_CERT_NEEDED, 0 );
    if (tls->eof) code = GNUTLS_E_PREMATURE_TERMINATION;
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) return fail_alert( tls );
    for (i = 0; i < ARRAY_SIZE( code_rows ); i++)
        if (code_rows[i].code == code) error = code_rows[i].error;
    return tls_fail( tls, error, code );
}

/* ---- below ---- */

int tls_fill( struct tls *tls )
{
    struct layer *below = tls->layer.below;
    ssize_t got;

    if (tls->eof) return 0;
    if (tls_buffer_borrow( &tls->in ))
    {
        tls->no_memory = 1;
        return tls_fail( tls, WHE_NO_MEMORY, 0 );
    }
    got = below->ops->read( below, tls->in.data + tls->in.tail, tls->in.size - tls->in.tail );
    if (got > 0)
    {
        tls->in.tail += got;
        return 1;
    }
    tls_buffer_park( &tls->in );
    if (!got) tls->eof = 1;
    if (got == LAYER_FAILED) return tls_fail_below( tls );
    return got;
}

int tls_fail_sending( struct tls *tls, enum wh_error error, uint32_t detail )
{
    tls->write_error = error;
    tls->write_detail = detail;
    tls_buffer_drop( &tls->out );
    return LAYER_FAILED;
}

int tls_send_out( struct tls *tls )
{
    struct layer *below = tls->layer.below;
    ssize_t sent;
    int ret;

    if (tls->write_error) return LAYER_FAILED;
    while (tls_buffer_len( &tls->out ))
    {
        sent = below->ops->write( below, tls->out.data + tls->out.head, tls_buffer_len( &tls->out ) );
        if (sent == LAYER_FAILED) return tls_fail_sending( tls, below->error, below->detail );
        if ((tls->blocked = sent == LAYER_AGAIN)) return LAYER_AGAIN;
        tls->out.head += sent;
    }
    tls->blocked = 0;
    tls_buffer_drop( &tls->out );
    if ((ret = below->ops->flush( below )) == LAYER_FAILED) return tls_fail_sending( tls, below->error, below->detail );
    return ret;
}

ssize_t tls_pull( gnutls_transport_ptr_t ptr, void *data, size_t size )
{
    struct tls *tls = ptr;
    size_t len = tls_buffer_len( &tls->in );
    int got;

    if (tls->feeding && len > tls->feed) len = tls->feed;
    if (!len)
    {
        got = tls->feeding ? LAYER_AGAIN : tls_fill( tls );
        if (got == LAYER_AGAIN) tls->dry = 1;
        if (!got) return 0;
        if (got < 0)
        {
            gnutls_transport_set_errno( tls->session, got == LAYER_AGAIN ? EAGAIN : EIO );
            return -1;
        }
        len = tls_buffer_len( &tls->in );
    }
    if (len > size) len = size;
    tls->fed = 1;
    memcpy( data, tls->in.data + tls->in.head, len );
    tls->in.head += len;
    if (tls->feeding) tls->feed -= len;
    return len;
}

int tls_pull_timeout( gnutls_transport_ptr_t ptr, unsigned int ms )
{
    struct tls *tls = ptr;

    (void)ms;
    return tls_buffer_len( &tls->in ) != 0;
}

ssize_t tls_push( gnutls_transport_ptr_t ptr, const void *data, size_t size )
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

void tls_lend_both( struct tls *tls )
{
    tls_keys_lend( &tls->reader, tls->session, 1 );
    tls_keys_lend( &tls->writer, tls->session, 0 );
}

int tls_return_both( struct tls *tls )
{
    int ret = tls_keys_return( &tls->reader, tls->session, 1 );

    return ret < 0 ? ret : tls_keys_return( &tls->writer, tls->session, 0 );
}

void tls_send_alert( struct tls *tls, gnutls_alert_level_t level, gnutls_alert_description_t alert )
{
    LOG( LOG_TRACE, "tls %s: sends alert %u, %s", tls_peer_text( tls ), alert, alert_text( alert ) );
    tls_lend_both( tls );
    gnutls_alert_send( tls->session, level, alert );
    tls_return_both( tls );
    tls_send_out( tls );
}
