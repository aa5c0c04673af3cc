/*
 * Real servers and proxies for the conformance tests, and relays that record what clients say to them
 *
 * They are ordinary programs that tests/fixtures/peers.sh starts. WINHTTP_TEST_PEERS in the environment names the list that it
 * writes; without it, and where a server's program is not installed, what needs it is skipped. A line of the list is
 * "NAME ADDRESS PORT [key=value...]", so that a machine with Windows can be told of servers of the same kind, too.
 */
#ifndef CONFORMANCE_PEERS_H
#define CONFORMANCE_PEERS_H

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

#endif /* CONFORMANCE_PEERS_H */
