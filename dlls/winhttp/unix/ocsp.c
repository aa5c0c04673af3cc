#if 0
#pragma makedep unix
#endif

/*
 * OCSP requests and responses: the call of the boundary
 *
 * What a response is worth is judged as that of a stapled one (tls_staple.c). Requests name certificates by SHA-1, which
 * every responder understands, and carry no nonce: RFC 5019 section 2.1.
 */

#include <string.h>
#include <time.h>

#include <gnutls/ocsp.h>

#include "ocsp.h"
#include "tls_staple.h"

/* The next certificate of the list. */
static gnutls_x509_crt_t next_cert( const uint8_t **pos, const uint8_t *end )
{
    gnutls_x509_crt_t cert;
    gnutls_datum_t der;
    uint32_t len;

    if (end - *pos < (ptrdiff_t)sizeof(len)) return NULL;
    memcpy( &len, *pos, sizeof(len) );
    *pos += sizeof(len);
    if (len > (size_t)(end - *pos) || gnutls_x509_crt_init( &cert ) < 0) return NULL;
    der.data = (unsigned char *)*pos;
    der.size = len;
    *pos += len;
    if (gnutls_x509_crt_import( cert, &der, GNUTLS_X509_FMT_DER ) >= 0) return cert;
    gnutls_x509_crt_deinit( cert );
    return NULL;
}

static enum wh_error make_request( struct wh_ocsp_params *params, gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer )
{
    enum wh_error error = WHE_INVALID;
    gnutls_ocsp_req_t request;
    gnutls_datum_t der;

    if (gnutls_ocsp_req_init( &request ) < 0) return WHE_NO_MEMORY;
    if (gnutls_ocsp_req_add_cert( request, GNUTLS_DIG_SHA1, issuer, cert ) >= 0 &&
        gnutls_ocsp_req_export( request, &der ) >= 0)
    {
        params->request_len = der.size;
        if (der.size <= params->request_size)
        {
            memcpy( wh_to_ptr( params->request ), der.data, der.size );
            error = WHE_OK;
        }
        gnutls_free( der.data );
    }
    gnutls_ocsp_req_deinit( request );
    return error;
}

/* When the answer about the certificate will be renewed. 0: it does not say. */
static uint64_t next_update( const gnutls_datum_t *der, gnutls_x509_crt_t cert )
{
    gnutls_ocsp_resp_t response;
    time_t until = -1;
    unsigned int i;

    if (gnutls_ocsp_resp_init( &response ) < 0) return 0;
    if (gnutls_ocsp_resp_import2( response, der, GNUTLS_X509_FMT_DER ) >= 0)
    {
        for (i = 0; gnutls_ocsp_resp_get_single( response, i, NULL, NULL, NULL, NULL, NULL, NULL, &until, NULL, NULL ) >= 0;
             i++)
        {
            if (gnutls_ocsp_resp_check_crt( response, i, cert ) >= 0) break;
            until = -1;
        }
    }
    gnutls_ocsp_resp_deinit( response );
    return until == (time_t)-1 ? 0 : (uint64_t)until;
}

uint32_t ocsp_call( struct wh_ocsp_params *params )
{
    const uint8_t *pos = wh_to_ptr( params->chain ), *end = pos + params->chain_len;
    gnutls_x509_crt_t cert = NULL, issuer = NULL;
    gnutls_datum_t der;

    params->error = WHE_INVALID;
    params->bits = WH_CERT_REV_FAILED;
    params->until = params->request_len = 0;
    if (!params->chain || (params->response && !params->response_len) || (!params->response && !params->request))
        return WH_REFUSED;
    if ((cert = next_cert( &pos, end )) && (issuer = next_cert( &pos, end )))
    {
        if (!params->response) params->error = make_request( params, cert, issuer );
        else
        {
            der.data = wh_to_ptr( params->response );
            der.size = params->response_len;
            params->bits = tls_staple_bits( &der, cert, issuer );
            params->until = next_update( &der, cert );
            params->error = WHE_OK;
        }
    }
    if (cert) gnutls_x509_crt_deinit( cert );
    if (issuer) gnutls_x509_crt_deinit( issuer );
    return WH_DONE;
}
