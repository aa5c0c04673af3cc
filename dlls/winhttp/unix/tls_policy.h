/*
 * What all sessions of one policy share: versions and ciphers for GnuTLS
 */

#ifndef WH_TLS_POLICY_H
#define WH_TLS_POLICY_H

#include <stdint.h>

#include <gnutls/gnutls.h>

#include "../unixlib.h"

struct tls_settings          /* lent until tls_settings_free */
{
    gnutls_priority_t                priority;
    gnutls_certificate_credentials_t credentials;    /* asks tls_client_certificate for what a server is to get */
};

/* The settings for a set of WH_TLS_*, made at their first use. Versions that the library cannot do are left out;
 * nothing left is WHE_UNSUPPORTED. WHE_NO_MEMORY. Thread-safe. */
enum wh_error tls_settings_get( uint32_t versions, struct tls_settings *settings );

/* No session may exist. */
void tls_settings_free( void );

#endif /* WH_TLS_POLICY_H */
