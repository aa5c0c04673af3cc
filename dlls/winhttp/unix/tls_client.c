#if 0
#pragma makedep unix
#endif

/*
 * A server that asks who we are: the client certificate, and what the server makes of it
 *
 * One callback serves all sessions; the struct tls knows what to answer. GnuTLS' own choice would keep a certificate back
 * whose issuer the server did not name; Windows sends what the program chose.
 */

#include "creds.h"
#include "hooks.h"
#include "log.h"
#include "tls_internal.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

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

/* ... and one whose certificate they do not accept (RFC 8446 section 6.2). */
static const gnutls_alert_description_t turned_down[] =
{
    GNUTLS_A_BAD_CERTIFICATE,
    GNUTLS_A_UNSUPPORTED_CERTIFICATE,
    GNUTLS_A_CERTIFICATE_REVOKED,
    GNUTLS_A_CERTIFICATE_EXPIRED,
    GNUTLS_A_CERTIFICATE_UNKNOWN,
    GNUTLS_A_UNKNOWN_CA,
    GNUTLS_A_ACCESS_DENIED,
    GNUTLS_A_CERTIFICATE_REQUIRED,
};

static int is_one_of( const gnutls_alert_description_t *alerts, size_t count, gnutls_alert_description_t alert )
{
    while (count) if (alerts[--count] == alert) return 1;
    return 0;
}

enum wh_error tls_client_error( const struct tls *tls, gnutls_alert_description_t alert )
{
    if (tls->cert_sent) return is_one_of( turned_down, ARRAY_SIZE( turned_down ), alert ) ? WHE_CERT_REFUSED : WHE_TLS;
    if (alert == GNUTLS_A_CERTIFICATE_REQUIRED) return WHE_CERT_NEEDED;
    if (!tls->refused && !tls->asked) return WHE_TLS;
    return is_one_of( turned_away, ARRAY_SIZE( turned_away ), alert ) ? WHE_CERT_NEEDED : WHE_TLS;
}

/* The names that came last count: a second request may be for another authority's certificate. */
static int keep_issuers( struct tls *tls, const gnutls_datum_t *issuers, int count )
{
    size_t needed = 1;       /* an empty list is one, too */
    uint8_t *out;
    uint32_t len;
    int i;

    for (i = 0; i < count; i++) needed += sizeof(len) + issuers[i].size;
    wh_free( tls->issuers );
    tls->issuers_len = needed - 1;
    if (!(out = tls->issuers = wh_malloc( needed )))
    {
        tls->no_memory = 1;
        return GNUTLS_E_MEMORY_ERROR;
    }
    for (i = 0; i < count; i++)
    {
        len = issuers[i].size;
        memcpy( out, &len, sizeof(len) );
        memcpy( out + sizeof(len), issuers[i].data, len );
        out += sizeof(len) + len;
    }
    tls->asked = 1;
    return 0;
}

static int takes_key( const struct tls *tls, const gnutls_pk_algorithm_t *algorithms, int count )
{
    gnutls_pk_algorithm_t mine = creds_algorithm( tls->creds );
    int i;

    /* an RSA key can sign either way */
    for (i = 0; i < count; i++)
        if (algorithms[i] == mine || (mine == GNUTLS_PK_RSA && algorithms[i] == GNUTLS_PK_RSA_PSS)) return 1;
    return !count;
}

int tls_client_certificate( gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                            const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
                            unsigned int *chain_len, gnutls_privkey_t *key )
{
    struct tls *tls = gnutls_session_get_ptr( session );
    int ret;

    *chain = NULL;
    *chain_len = 0;
    *key = NULL;
    if ((ret = keep_issuers( tls, issuers, issuer_count )) < 0) return ret;

    if (tls->creds && takes_key( tls, algorithms, algorithm_count ))
    {
        creds_lend( tls->creds, chain, chain_len, key );
        tls->cert_sent = 1;
    }
    else if (tls->renewal && !tls->creds && !(tls->flags & WH_TLS_NO_CLIENT_CERT))
    {
        /* it is for the sake of this very request that the server asks: the program shall choose, and send again */
        tls->cert_missing = 1;
        ret = GNUTLS_E_CERTIFICATE_REQUIRED;
    }
    LOG( LOG_TRACE, "tls %s: asked for a certificate, %d issuers named; %s", tls_peer_text( tls ), issuer_count,
         tls->cert_missing ? "there is none" : *chain_len ? "sent" : "none is sent" );
    return ret;
}

enum wh_error tls_client_issuers( const struct tls *tls, void *buffer, size_t size, size_t *len )
{
    *len = 0;
    if (!tls->asked) return WHE_STATE;
    *len = tls->issuers_len;
    if (size < *len) return WHE_INVALID;
    if (*len) memcpy( buffer, tls->issuers, *len );
    return WHE_OK;
}
