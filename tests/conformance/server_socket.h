/*
 * Sockets of the scripted server on the loopback interface: listening, connecting, passing on
 *
 * Include winsock2.h first.
 */
#ifndef CONFORMANCE_SERVER_SOCKET_H
#define CONFORMANCE_SERVER_SOCKET_H

/* Non-blocking, on a port of its own. INVALID_SOCKET when Winsock fails. */
SOCKET loopback_listen( unsigned short *port );
/* Blocking. INVALID_SOCKET: nobody is there. */
SOCKET loopback_connect( unsigned short port );
/* A connection waits to be accepted. */
BOOL loopback_is_wanted( SOCKET listener );

/* Connects to `port` and passes bytes between there and `client`, which is non-blocking, in both directions; the `len` bytes
 * at `early` came from the client before. Returns when both sides have ended or one was reset, when go_on() says no, which
 * is asked now and then, or with a message in *error. Closes what it has opened. */
void loopback_relay( SOCKET client, const char *early, unsigned int len, unsigned short port,
                     BOOL (*go_on)( void *arg, const char **error ), void *arg, const char **error );

#endif /* CONFORMANCE_SERVER_SOCKET_H */
