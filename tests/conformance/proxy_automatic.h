/*
 * The user's proxy settings as tests of automatic proxies change them
 */
#ifndef CONFORMANCE_PROXY_AUTOMATIC_H
#define CONFORMANCE_PROXY_AUTOMATIC_H

struct client;
struct server;

/* Keeps what the user has set, and sets nothing. FALSE: that cannot be done here, and the tests are skipped, which this says.
 * automatic_end() puts it back, after TRUE only. */
BOOL automatic_begin(void);
void automatic_end(void);

/* Settings that name a script, and the server that hands it out once: stop it at the end. NULL: reported. */
struct server *automatic_script( const char *text );

/* A session of AUTOMATIC_PROXY with connect handle and request. */
BOOL automatic_open( struct client *client, const WCHAR *host, unsigned short port, const WCHAR *verb, DWORD open_flags );

#endif /* CONFORMANCE_PROXY_AUTOMATIC_H */
