/*
 * Was this certificate revoked? What the server's stapled OCSP response says
 */

#ifndef WH_TLS_STAPLE_H
#define WH_TLS_STAPLE_H

#include <gnutls/x509.h>

#include "../unixlib.h"

/* What the OCSP response `der` says of `cert`, which `issuer` issued: 0 (it is good), WH_CERT_REVOKED, or
 * WH_CERT_REV_FAILED: the response is none, is not signed by who may speak for the issuer, is about something else, is
 * older than it says or from the future, or does not know. An empty `der` is no response. */
uint32_t tls_staple_bits( const gnutls_datum_t *der, gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer );

#endif /* WH_TLS_STAPLE_H */
