/*
 * Real servers and proxies for the conformance tests, and relays that record what clients say to them
 *
 * They are ordinary programs that tests/fixtures/peers.sh starts. WINHTTP_TEST_PEERS in the environment names the list that it
 * writes; without it, and where a server's program is not installed, what needs it is skipped. A line of the list is
 * "NAME ADDRESS PORT [key=value...]", so that a machine with Windows can be told of servers of the same kind, too.
 */
#ifndef CONFORMANCE_PEERS_H
#define CONFORMANCE_PEERS_H

#include "client.h"

struct peer
{
    char           name[40];
    char           address[64];
    WCHAR          host[64];      /* the address, for WinHttpConnect */
    unsigned short port;
    char           facts[1024];   /* the rest of the line */
};

/* The server of that name. FALSE: there is none, and what needs it is skipped, which this says. */
BOOL find_peer( const char *name, struct peer *peer );

/* A fact of it: the value of "key=", "" if there is none. In one of eight static buffers, used in turn. */
const char *peer_fact( const struct peer *peer, const char *key );
const WCHAR *peer_fact_w( const struct peer *peer, const char *key );

/* What clients have sent to a peer with records=FILE so far, NUL-terminated (NULs may be among it), from offset `from` on: free
 * it. Never NULL: a record that cannot be read is reported, and is empty. *len may be NULL. */
char *peer_record( const struct peer *peer, unsigned int from, unsigned int *len );
/* Its length so far. */
unsigned int peer_record_len( const struct peer *peer );

/* ---- visits: synchronous requests to a peer ---- */

#define VISIT_TLS 1      /* https */
#define VISIT_H2  2      /* and HTTP/2 is enabled */

struct visit
{
    struct client client;
    const struct peer *peer;
    const WCHAR  *host;           /* where it is not the peer's address, which is what it resolves to */
    DWORD         flags;
    BOOL          own_session;

    /* what came of the last request */
    DWORD         error;          /* of the call that failed; 0: none did */
    DWORD         status;
    char          body[4096];     /* of the response, terminated */
};

/* Connects to a peer, as `host` (NULL: by its address), and opens a request. session NULL: one of its own, without a proxy,
 * else one of the caller's. FALSE: not so, and reported, or skipped where this system resolves no name as told. Ends with
 * visit_close() in any case. */
BOOL visit_open( struct visit *visit, HINTERNET session, const struct peer *peer, const WCHAR *host, const WCHAR *verb,
                 const WCHAR *path, DWORD flags );
/* Another request on the same connect handle in place of the one before. */
BOOL visit_again( struct visit *visit, const WCHAR *verb, const WCHAR *path );
/* Sends, with `data` (NULL: none) given to WinHttpSendRequest or written by WinHttpWriteData, receives, reads the body, and
 * notes what came of it. */
void visit_send( struct visit *visit, const char *data );
void visit_write( struct visit *visit, const char *data );
void visit_close( struct visit *visit );

/* A line "name=value" of the body, "" if there is none: what the server says about the request that it has served. In one of
 * eight static buffers, used in turn. */
const char *visit_value( const struct visit *visit, const char *name );
/* The request has succeeded with this status. */
void visit_check_status_( const char *file, int line, const struct visit *visit, DWORD status );
#define visit_check_status( visit, status ) visit_check_status_( __FILE__, __LINE__, visit, status )
/* The server has let this user in, by this scheme ("Basic"). */
void visit_check_user_( const char *file, int line, const struct visit *visit, const char *user, const char *scheme );
#define visit_check_user( visit, user, scheme ) visit_check_user_( __FILE__, __LINE__, visit, user, scheme )

#endif /* CONFORMANCE_PEERS_H */
