#if 0
#pragma makedep unix
#endif

/*
 * A server that wants more of a session that is up: renegotiation in TLS 1.2, proof of who we are in TLS 1.3
 *
 * Both are how servers ask for a client certificate once they know what is requested. A TLS 1.2 handshake within the
 * session changes the keys, so that until it is over the records of both directions go through GnuTLS, which holds the
 * writer back and hands out data that come in between.
 */

#include "log.h"
#include "tls_internal.h"

/* What a server may want of one connection. Each time costs us a signature; more is a server that keeps us busy. */
#define MAX_RENEWALS 8

/* Once is answered; a server that insists is cut off. */
static int refuse( struct tls *tls )
{
    if (tls->refused) return tls_fail( tls, WHE_TLS, GNUTLS_E_REHANDSHAKE );
    tls->refused = 1;
    tls_send_alert( tls, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION );
    return LAYER_OK;
}

int tls_renew_begin( struct tls *tls, int code )
{
    /* without RFC 5746 the other end may be somebody else's session, continued with ours */
    if (code == GNUTLS_E_REHANDSHAKE && !gnutls_safe_renegotiation_status( tls->session )) return refuse( tls );
    if (++tls->renewals > MAX_RENEWALS) return tls_fail( tls, WHE_TLS, code );

    LOG( LOG_TRACE, "tls %s: the server asks for %s", tls_peer_text( tls ),
         code == GNUTLS_E_REHANDSHAKE ? "a new handshake" : "a certificate" );
    if (code == GNUTLS_E_REHANDSHAKE)
    {
        tls_lend_both( tls );
        tls_keys_free( &tls->reader );
        tls_keys_free( &tls->writer );
        tls->renewal = TLS_RENEGOTIATING;
    }
    else tls->renewal = TLS_PROVING;
    return LAYER_OK;
}

static int renegotiate( struct tls *tls )
{
    int ret = tls_handshake( tls );

    if (ret == GNUTLS_E_GOT_APPLICATION_DATA) return LAYER_OK;
    if (ret) return ret;
    if ((ret = tls_keys_load( &tls->reader, tls->session, 1 )) < 0
        || (ret = tls_keys_load( &tls->writer, tls->session, 0 )) < 0) return tls_fail_code( tls, ret );
    tls->ticket = 0;         /* one for who we are now; the connection of a route has its own already */
    tls->renewal = TLS_SETTLED;
    return LAYER_OK;
}

static int prove( struct tls *tls )
{
    int ret, err;

    do
    {
        tls->push_full = 0;
        tls_lend_both( tls );
        ret = gnutls_reauth( tls->session, 0 );
        err = tls_return_both( tls );
        if (ret >= 0 && err < 0) ret = err;
        if (ret == GNUTLS_E_GOT_APPLICATION_DATA) return LAYER_OK;
        if (ret < 0 && ret != GNUTLS_E_AGAIN && ret != GNUTLS_E_INTERRUPTED) return tls_fail_code( tls, ret );
        if (tls_send_out( tls ) == LAYER_FAILED) break;      /* its failure is the writer's */
    } while (ret < 0 && tls->push_full);

    if (ret < 0) return LAYER_AGAIN;
    tls->renewal = TLS_SETTLED;
    return LAYER_OK;
}

int tls_renew( struct tls *tls )
{
    if (tls->renewal == TLS_RENEGOTIATING) return renegotiate( tls );
    return tls->renewal == TLS_PROVING ? prove( tls ) : LAYER_OK;
}
