/*
 * Is the certificate for this name or address?
 */

#ifndef WH_TLS_NAME_H
#define WH_TLS_NAME_H

#include <stdint.h>

#include <gnutls/x509.h>

/* Whom we wanted to talk to. */
struct tls_peer_name
{
    const char *name;        /* host name in ASCII, without a trailing dot; NULL if it is an address */
    uint8_t     address[16]; /* network order */
    uint32_t    address_len; /* 4 or 16; 0 if it is a name */
};

/* 1 if one of the certificate's names is `peer`. Names are compared without regard to case, in ASCII: an international
 * name is punycode on both sides. A wildcard is the whole first label and stands for exactly one. The subject's common
 * name counts only for names, and only if the certificate has no alternative names at all. */
int tls_name_matches( gnutls_x509_crt_t cert, const struct tls_peer_name *peer );

#endif /* WH_TLS_NAME_H */
