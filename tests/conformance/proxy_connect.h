/*
 * What the tests of tunnels share: the scripted server is the proxy, and origins have names that no resolver knows
 */
#ifndef CONFORMANCE_PROXY_CONNECT_H
#define CONFORMANCE_PROXY_CONNECT_H

#include "client.h"

#define GRANT "HTTP/1.1 200 Connection established\r\n\r\n"

/* What is 0 or NULL is the default. */
struct through
{
    const WCHAR   *prefix;       /* of the proxy in its list: L"https://"; default none */
    const WCHAR   *proxy;        /* its name; default 127.0.0.1 */
    const WCHAR   *host;         /* default origin.invalid */
    unsigned short port;         /* default 443 */
    const WCHAR   *verb, *path;
    BOOL           plain;        /* no WINHTTP_FLAG_SECURE */
    BOOL           answers;      /* RECEIVE_PROXY_CONNECT_RESPONSE */
    DWORD          open_flags;   /* of the session */
    struct recorder *recorder;   /* attached to the session */
};

/* Session, connect and request by way of the proxy on 127.0.0.1:`port`. FALSE: not so, and reported. */
BOOL through_open( struct client *client, unsigned short port, const struct through *how );
/* To the TLS server of that name (tls.h), by its right name. The proxy has to RELAY. */
BOOL through_open_tls( struct client *client, unsigned short port, const char *server, struct through how );

BOOL has_line( const char *head, const char *line );
/* "name:", as it is written. */
BOOL has_field( const char *head, const char *name );

/* Sends and receives: 0, or the error of the call that failed, which *call names. */
DWORD through_try( struct client *client, enum call *call );

#endif /* CONFORMANCE_PROXY_CONNECT_H */
