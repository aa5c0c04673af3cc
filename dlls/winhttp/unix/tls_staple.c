#if 0
#pragma makedep unix
#endif

/*
 * Was this certificate revoked? What the server's stapled OCSP response says
 *
 * Called by tls_verify.c, only where revocation is to be checked. Source: RFC 6960 section 3.2.
 */

#include <time.h>

#include <gnutls/ocsp.h>

#include "tls_staple.h"

/* Clocks differ; responders sign with theirs. */
#define SKEW 300

/* A response that does not say how long it is good for is taken to be good for this long. */
#define LIFE (3 * 24 * 3600)

/* The answer about `cert`, if there is one. */
static int find_answer( gnutls_ocsp_resp_t response, gnutls_x509_crt_t cert, unsigned int *status )
{
    time_t now = time( NULL ), from, until;
    unsigned int i;

    for (i = 0; gnutls_ocsp_resp_get_single( response, i, NULL, NULL, NULL, NULL, status, &from, &until, NULL, NULL ) >= 0;
         i++)
    {
        if (gnutls_ocsp_resp_check_crt( response, i, cert ) < 0) continue;
        if (from == (time_t)-1 || from > now + SKEW) return 0;
        return now < SKEW + (until == (time_t)-1 ? from + LIFE : until);
    }
    return 0;
}

uint32_t tls_staple_bits( const gnutls_datum_t *der, gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer )
{
    unsigned int status, reasons = 0;
    uint32_t bits = WH_CERT_REV_FAILED;
    gnutls_ocsp_resp_t response;

    if (!der->size || gnutls_ocsp_resp_init( &response ) < 0) return bits;
    if (gnutls_ocsp_resp_import2( response, der, GNUTLS_X509_FMT_DER ) >= 0
        && gnutls_ocsp_resp_get_status( response ) == GNUTLS_OCSP_RESP_SUCCESSFUL
        && gnutls_ocsp_resp_verify_direct( response, issuer, &reasons, 0 ) >= 0 && !reasons
        && find_answer( response, cert, &status ))
    {
        if (status == GNUTLS_OCSP_CERT_GOOD) bits = 0;
        if (status == GNUTLS_OCSP_CERT_REVOKED) bits = WH_CERT_REVOKED;
    }
    gnutls_ocsp_resp_deinit( response );
    return bits;
}
