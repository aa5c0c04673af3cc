/*
 * What a TLS session can tell about itself
 */

#ifndef WH_TLS_FACTS_H
#define WH_TLS_FACTS_H

#include <stddef.h>

#include <gnutls/gnutls.h>

#include "../unixlib.h"

/* Answers WHQ_TLS, WHQ_PEER_CHAIN, WHQ_CHANNEL_BINDING and WHQ_OCSP_STAPLE of a session whose handshake is over. *len is what was
 * stored or, with WHE_INVALID, what is needed. WHE_STATE: no such fact; then *len is 0. */
enum wh_error tls_facts_query( gnutls_session_t session, unsigned int what, void *buffer, size_t size, size_t *len );

#endif /* WH_TLS_FACTS_H */
