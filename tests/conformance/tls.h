/*
 * The TLS servers of the conformance tests
 *
 * They are a program of their own (tests/fixtures/tls), since a server needs certificates that a test program cannot
 * make. WINHTTP_TEST_TLS in the environment names the list that it writes (servers.txt); without it the tests of TLS
 * are skipped. Its roots have to be trusted: by SSL_CERT_FILE on Linux, by the store of trusted roots on Windows.
 */
#ifndef CONFORMANCE_TLS_H
#define CONFORMANCE_TLS_H

#include "client.h"

#define FAILURE( name ) WINHTTP_CALLBACK_STATUS_FLAG_##name
#define FAILURE_CHANNEL FAILURE( SECURITY_CHANNEL_ERROR )

#define IGNORE_CA    SECURITY_FLAG_IGNORE_UNKNOWN_CA
#define IGNORE_USAGE SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE
#define IGNORE_NAME  SECURITY_FLAG_IGNORE_CERT_CN_INVALID
#define IGNORE_DATE  SECURITY_FLAG_IGNORE_CERT_DATE_INVALID
#define IGNORE_ALL   (IGNORE_CA | IGNORE_USAGE | IGNORE_NAME | IGNORE_DATE)

#define TLS_ADDRESS L"#"      /* as a host: the servers' address */

/* TRUE if there are servers; else the test is skipped, and this says so. */
BOOL tls_there(void);
/* Rows that need what is not written yet are run, too: WINHTTP_TEST_TLS_ALL is set, to anything. */
BOOL tls_all(void);
/* Is there a server of that name? Those of other programs come only where these are installed. */
BOOL tls_has_server( const char *name );
/* Its port; 0, reported, if there is none. */
unsigned short tls_port( const char *name );
/* A file of the list, NULL if there is none. */
const char *tls_file( const char *name );
const WCHAR *tls_host(void);         /* the name in most certificates */
const WCHAR *tls_address(void);

/* One attempt. What is 0 or NULL is the default. */
struct attempt
{
    const char  *server;
    const WCHAR *host;           /* default tls_host(); TLS_ADDRESS is the address */
    const WCHAR *path;           /* default / */
    DWORD        ignore;         /* SECURITY_FLAGS */
    DWORD        protocols;      /* SECURE_PROTOCOLS */
    BOOL         revocation;     /* ENABLE_SSL_REVOCATION */
    DWORD        open_flags;
    const char  *proxy;          /* a server through which it goes, by CONNECT within TLS; default none */

    /* what came of it */
    struct client    client;
    struct recorder *recorder;
    enum call    failed;         /* CALL_NONE: nothing did */
    DWORD        error;
    DWORD        bits;           /* of SECURE_FAILURE */
    unsigned int notices;        /* how often that came */
    DWORD        status;
    char         body[2048];     /* of the response, terminated */
};

/* Opens session, connection and request with the attempt's options; no resolver is asked, whatever the host is.
 * FALSE: not so, and reported. Ends with attempt_close() in any case. */
BOOL attempt_open( struct attempt *attempt );
/* Another request on the same handles. */
BOOL attempt_reopen( struct attempt *attempt );
/* Synchronous: sends, receives, reads the body, and notes what came of it. */
void attempt_send( struct attempt *attempt );
/* Asynchronous: sends, and waits for the end of that. */
void attempt_send_async( struct attempt *attempt );
void attempt_close( struct attempt *attempt );
/* All of them. */
void attempt_run( struct attempt *attempt );

/* The request was answered by the server with 200. */
BOOL attempt_check_good_( const char *file, int line, const struct attempt *attempt );
#define attempt_check_good( attempt ) attempt_check_good_( __FILE__, __LINE__, attempt )
/* The send failed as a failed handshake does, TL-8: no request, and if there was a notice, it is of the channel. */
void attempt_check_channel_( const char *file, int line, const struct attempt *attempt );
#define attempt_check_channel( attempt ) attempt_check_channel_( __FILE__, __LINE__, attempt )

/* A value of a text of lines "name=value", "" if there is none; overwritten by the next call. */
const char *tls_value( const char *text, const char *name );
/* What the server has seen, as such a text: its latest connection is over then. FALSE: it could not be asked. */
BOOL tls_state( const char *server, char *text, DWORD size );

#endif /* CONFORMANCE_TLS_H */
