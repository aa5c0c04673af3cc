/*
 * The other end of a WebSocket: what the scripted server needs to be one
 *
 * Frames are written by hand in scripts; here is what a script cannot write down: the answer to a key, and reading the
 * client's masked frames.
 */
#ifndef CONFORMANCE_WEBSOCKET_PEER_H
#define CONFORMANCE_WEBSOCKET_PEER_H

#define ACCEPT_SIZE 29      /* 28 characters and NUL */

/* How bytes come and go. Both return FALSE after a failure, which they have reported; receive() fills the whole buffer. */
struct peer_io
{
    BOOL (*receive)( void *arg, char *buffer, unsigned int size );
    BOOL (*transmit)( void *arg, const char *data, unsigned int len );
    BOOL (*fail)( void *arg, const char *text );        /* reports, returns FALSE */
    void *arg;
};

/* The value of Sec-WebSocket-Accept for the key in a request head; FALSE: there is none, or not exactly one. */
BOOL peer_accept_value( const char *head, char value[ACCEPT_SIZE] );

/* Sends the head of a 101 that grants what `head` asks for, up to Sec-WebSocket-Accept, and `rest` (more fields, the empty
 * line, what comes behind it) in one piece. */
BOOL peer_switch( const struct peer_io *io, const char *head, const char *rest, unsigned int rest_len );

/* Reads one frame, which must be masked and have this first byte and payload. */
BOOL peer_expect( const struct peer_io *io, unsigned char first, const char *payload, unsigned int len );

/* Reads data frames until a message has ended, which must have `count` bytes; pongs in between are forgotten. */
BOOL peer_take( const struct peer_io *io, ULONGLONG count );

/* Sends each data frame back, answers pings and the close frame, which ends it. */
BOOL peer_echo( const struct peer_io *io );

#endif /* CONFORMANCE_WEBSOCKET_PEER_H */
