#if 0
#pragma makedep unix
#endif

/*
 * Is the certificate for this name or address?
 *
 * Our own comparison instead of gnutls_x509_crt_check_hostname2, which falls back to the common name beside alternative
 * names of other kinds. An address is never looked for in the common name. Called by tls_verify.c.
 * Source: RFC 6125; behaviour-concepts 5: "SAN then CN, wildcard one label; IP literals against IP SANs".
 */

#include <string.h>
#include <strings.h>

#include "tls_name.h"

#define MAX_NAME 256             /* a host name has at most 253 bytes; what is longer is none */

/* `name` as it stands in a certificate: len bytes, maybe with a trailing dot. */
static int same_host( const char *name, size_t len, const char *host )
{
    size_t host_len = strlen( host );
    const char *rest;

    if (len && name[len - 1] == '.') len--;
    if (memchr( name, 0, len )) return 0;        /* "good.example\0.evil.example" */
    if (len < 2 || name[0] != '*' || name[1] != '.') return len == host_len && !strncasecmp( name, host, len );

    /* "*.example.com": the label it stands for is not empty, and what follows has more than one, so that nobody has a
     * whole top-level domain */
    if (!memchr( name + 2, '.', len - 2 )) return 0;
    if (!(rest = strchr( host, '.' )) || rest == host) return 0;
    return len - 1 == strlen( rest ) && !strncasecmp( name + 1, rest, len - 1 );
}

/* The last common name is the most specific one. */
static int common_name_matches( gnutls_x509_crt_t cert, const char *host )
{
    size_t len = 0, last_len = 0;
    char name[MAX_NAME], last[MAX_NAME];
    unsigned int i;
    int ret;

    for (i = 0;; i++)
    {
        len = sizeof(name);
        ret = gnutls_x509_crt_get_dn_by_oid( cert, GNUTLS_OID_X520_COMMON_NAME, i, 0, name, &len );
        if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER) continue;
        if (ret < 0) break;
        memcpy( last, name, len );
        last_len = len;
    }
    return last_len && same_host( last, last_len, host );
}

int tls_name_matches( gnutls_x509_crt_t cert, const struct tls_peer_name *peer )
{
    unsigned int i;
    char name[MAX_NAME];
    size_t len;
    int ret;

    for (i = 0;; i++)
    {
        len = sizeof(name);
        ret = gnutls_x509_crt_get_subject_alt_name( cert, i, name, &len, NULL );
        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
        if (ret == GNUTLS_SAN_DNSNAME && !peer->address_len && same_host( name, len, peer->name )) return 1;
        if (ret == GNUTLS_SAN_IPADDRESS && peer->address_len && len == peer->address_len
            && !memcmp( name, peer->address, len )) return 1;
        if (ret < 0 && ret != GNUTLS_E_SHORT_MEMORY_BUFFER) return 0;      /* names that cannot be read */
    }
    return !i && !peer->address_len && common_name_matches( cert, peer->name );
}
