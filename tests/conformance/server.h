/*
 * Scripted loopback server of the conformance tests
 *
 * A test writes down what its peer does as a table of steps; a thread of the test program plays it on 127.0.0.1, on a
 * port of its own. Every step has a bound (SERVER_TIMEOUT_MS), so a client that does not do its part ends the script
 * with a message instead of a hang. A client that opens a second connection while the script waits for data on the
 * first one ends the script at once: reuse of connections is checked by every script that has one ACCEPT.
 *
 * Rules: the table and its data are borrowed until server_stop(). All functions belong to the test's thread.
 */
#ifndef CONFORMANCE_SERVER_H
#define CONFORMANCE_SERVER_H

#define SERVER_TIMEOUT_MS 20000

enum step_op
{
    STEP_END,        /* the script is over; the connection is closed in an orderly way */
    STEP_ACCEPT,     /* waits for the next connection; the one before is closed after that, not earlier */
    STEP_HEAD,       /* reads a request up to its blank line and records it */
    STEP_BYTES,      /* reads count bytes that are no head, into a record of their own */
    STEP_BODY,       /* reads count body bytes, appended to the record */
    STEP_UNTIL,      /* reads body bytes until the last ones are data; appended to the record */
    STEP_DISCARD,    /* reads and forgets count bytes */
    STEP_SEND,       /* sends data; len 0 means a string */
    STEP_DRIP,       /* sends data one byte per system call, so that every split of it occurs */
    STEP_REPEAT,     /* sends data count times */
    STEP_FLOOD,      /* sends data until the client closes or resets; fails if it takes more than count bytes */
    STEP_SHUT,       /* sends FIN, keeps reading */
    STEP_RESET,      /* resets the connection */
    STEP_CLOSE,      /* closes the connection */
    STEP_EOF,        /* the client must close its side, without another byte */
    STEP_GONE,       /* the client must close or reset; bytes before that are forgotten */
    STEP_RELAY,      /* passes bytes on to 127.0.0.1, and back: to port count, 0 is the one that the last CONNECT names;
                      * until both sides have ended, or server_go(); the connection is closed then */
    STEP_SIGNAL,     /* lets server_wait() return */
    STEP_WAIT,       /* waits for server_go() */
    STEP_SWITCH,     /* grants the WebSocket that the last HEAD has asked for: a 101 up to its accept value, then data */
    STEP_FRAME,      /* reads a frame of a WebSocket, which must have the first byte count and the payload data */
    STEP_MESSAGE,    /* reads frames until a message has ended, which must have count bytes */
    STEP_ECHO,       /* sends each frame back, until the client's close frame was */
    STEP_UNHURRIED,  /* from here on a second connection is no error (it stays in the backlog) */
    STEP_LOOP        /* back to the first step; an end of connection in the next HEAD is the end of the script */
};

struct step
{
    enum step_op op;
    const char *data;
    unsigned int len;
    ULONGLONG count;
};

/* a step in a table */
#define ACCEPT              { STEP_ACCEPT, NULL, 0, 0 }
#define HEAD                { STEP_HEAD, NULL, 0, 0 }
#define TAKE_BYTES( n )     { STEP_BYTES, NULL, 0, n }
#define BODY( n )           { STEP_BODY, NULL, 0, n }
#define UNTIL( text )       { STEP_UNTIL, text, 0, 0 }
#define DISCARD( n )        { STEP_DISCARD, NULL, 0, n }
#define SEND( text )        { STEP_SEND, text, 0, 0 }
#define SEND_BYTES( literal ) { STEP_SEND, literal, sizeof(literal) - 1, 0 }   /* NULs allowed */
#define DRIP( text )        { STEP_DRIP, text, 0, 0 }
#define REPEAT( text, n )   { STEP_REPEAT, text, 0, n }
#define FLOOD( text, n )    { STEP_FLOOD, text, 0, n }
#define SHUT                { STEP_SHUT, NULL, 0, 0 }
#define RESET               { STEP_RESET, NULL, 0, 0 }
#define CLOSE               { STEP_CLOSE, NULL, 0, 0 }
#define AWAIT_EOF           { STEP_EOF, NULL, 0, 0 }
#define GONE                { STEP_GONE, NULL, 0, 0 }
#define RELAY               { STEP_RELAY, NULL, 0, 0 }
#define RELAY_TO( port )    { STEP_RELAY, NULL, 0, port }
#define SIGNAL              { STEP_SIGNAL, NULL, 0, 0 }
#define HOLD                { STEP_WAIT, NULL, 0, 0 }
#define SWITCH              { STEP_SWITCH, "\r\n", 2, 0 }
#define SWITCH_WITH( literal ) { STEP_SWITCH, literal, sizeof(literal) - 1, 0 }    /* fields, empty line, frames */
#define FRAME( first, literal ) { STEP_FRAME, literal, sizeof(literal) - 1, first }
#define MESSAGE( n )        { STEP_MESSAGE, NULL, 0, n }
#define ECHO_ALL            { STEP_ECHO, NULL, 0, 0 }
#define UNHURRIED           { STEP_UNHURRIED, NULL, 0, 0 }
#define LOOP                { STEP_LOOP, NULL, 0, 0 }
#define END                 { STEP_END, NULL, 0, 0 }

struct server;

/* Starts a server that plays the script once. NULL when Winsock fails; the failure is reported. */
struct server *server_start( const struct step *script );
/* A server that plays the script once per connection, each on a thread of its own; the script has no STEP_ACCEPT. */
struct server *server_start_each( const struct step *script );
/* A server that lets `count` requests arrive, each on a connection of its own, and answers none until server_go(). */
struct server *server_start_crowd( unsigned int count, const char *response );

unsigned short server_port( const struct server *server );
/* A port of 127.0.0.1 on which nobody listens. */
unsigned short server_closed_port( void );

/* Waits for a STEP_SIGNAL. FALSE when the script failed or took too long. */
BOOL server_wait( struct server *server );
/* Lets one STEP_WAIT pass. */
void server_go( struct server *server );

/* The n-th request as it was on the wire, terminated, body bytes behind the blank line; waits for it. "" if none
 * came. Borrowed until server_stop(). The second form also gives the bytes (NULs may be among them). */
const char *server_request( struct server *server, unsigned int index );
const char *server_request_bytes( struct server *server, unsigned int index, unsigned int *len );
/* Bytes of the body of request n that are recorded so far. */
unsigned int server_body_len( struct server *server, unsigned int index );
unsigned int server_request_count( struct server *server );
/* Connections accepted so far, and those in the backlog that nobody asked for. */
unsigned int server_connection_count( struct server *server );
/* Requests a crowd has received. */
unsigned int server_crowd_count( struct server *server );

/* Ends the server. A script that is not through gets some seconds, then it is a failure of the test that says in
 * which step it stuck. Connections nobody accepted are a failure too. */
void server_stop_( const char *file, int line, struct server *server );
#define server_stop( server ) server_stop_( __FILE__, __LINE__, server )
/* Ends the server whatever its state, without a verdict: for tests that have failed already. */
void server_abort( struct server *server );

#endif /* CONFORMANCE_SERVER_H */
