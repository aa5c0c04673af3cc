/*
 * Origins: the process-wide pool, by route
 *
 * An origin is everything that requests to one place share: idle connections, dials under way, exchanges that wait. Two
 * routes are the same origin only if each field that a connection depends on is equal, TLS policy and partition included.
 * One lock, the pool lock, guards all origins; it is held for a few instructions only.
 */

#ifndef WH_ORIGIN_H
#define WH_ORIGIN_H

#include "../unixlib.h"

struct conn;
struct creds;
struct dial;
struct exchange;

#define ORIGIN_BACKGROUND 64          /* connections that one exchange opens in parallel at most */

struct origin
{
    struct origin   *next;            /* in the table */
    int              refs;            /* pool lock */
    struct conn     *idle;            /* most recently used first */
    struct conn     *draining;        /* throwing away the rest of a body */
    struct conn     *up;              /* all that are up, whatever they do */
    unsigned int     up_count;
    struct conn     *shared;          /* HTTP/2: those that take more exchanges, or would if they were not full */
    struct exchange *first_hoping, *last_hoping;    /* wait for a stream, or to hear what the peer of a dial speaks */
    unsigned int     hoping;
    int              doubt;           /* the last dial failed, and nobody hopes for the next one */
    uint32_t         speaks;          /* atomic: WH_ALPN_* of its last connection; 0 = not known */
    unsigned int     stream_max;      /* of its last HTTP/2 connection */
    struct dial     *spare;           /* dials that work for nobody yet */
    struct exchange *first_waiter, *last_waiter;
    struct exchange *first_undialed;  /* from here on waiters have no dial of their own */
    unsigned int     takers;          /* waiters that take any free connection, though they have a dial */
    unsigned int     conns;           /* connections and dials that exist */
    int              evicting;        /* an idle one is about to be closed for a waiter */
    int              leaving;         /* a shared one that is used takes no more exchanges, for a waiter's sake */
    uint32_t         conn_limit, conn_limit_1_0;    /* 0 = none */
    int              is_1_0;          /* atomic: its last response was HTTP/1.0 */

    uint64_t         partition;
    uint32_t         target_port;     /* of the URL */
    uint32_t         port;            /* to connect to */
    uint32_t         family, if_index, fast_open;
    uint32_t         proxy_kind;      /* WH_PROXY_*; `connect_host` and `port` are the proxy's then */
    int              tunnel;          /* the proxy makes a way through to the server */
    uint32_t         tls;             /* 0: plain */
    uint32_t         tls_versions, tls_flags, alpn, judge;
    struct creds    *creds;           /* a reference; NULL = none */
    const char      *host;            /* name for TLS; NUL-terminated */
    const char      *connect_host;    /* name to resolve */
    uint32_t         max_idle_ms;     /* atomic: the last route that named it counts */
    uint32_t         key_len;
    uint64_t         hash;
    char             key[];           /* fixed part, then the names with their NULs */
};

/* The origin of a route, with a reference. */
enum wh_error origin_get( const struct wh_route *route, uint32_t max_idle_ms, struct origin **ret );
struct origin *origin_ref( struct origin *origin );
void origin_release( struct origin *origin );

/* How long its connections may be idle. */
uint32_t origin_idle_ms( const struct origin *origin );

/* 1 if its next connection may be HTTP/2. */
int origin_may_share( const struct origin *origin );

/* The error of what is on the way to the first hop: of the proxy, if there is one. */
enum wh_error origin_way_error( const struct origin *origin, enum wh_error error );

/* Finds a connection for a new exchange, or makes it wait for one. */
void origin_request( struct exchange *exchange );

/* Takes an exchange that gives up out of the queue. 1: it was there, and nobody else will touch it. */
int origin_leave( struct exchange *exchange );

/* A new connection is up: for the exchange its dial works for, else the oldest waiter, else idle. On its strand. */
void origin_conn_up( struct conn *conn, struct dial *dial );

/* An exchange is over and left its connection fit for the next: the oldest waiter, else idle. On its strand. */
void origin_conn_free( struct conn *conn );

/* The exchange left, but a body is still to be thrown away. On its strand. */
void origin_conn_draining( struct conn *conn );
int origin_conn_drains( struct conn *conn );    /* it is there now */

/* The connection is about to be closed: nobody finds it any more. Returns 0 if an exchange got hold of it first (only
 * possible for one that was idle). On its strand. */
int origin_conn_retire( struct conn *conn );

/* A dial ended without a connection. Its exchange takes one that has become idle meanwhile, or fails. */
void origin_dial_failed( struct dial *dial, enum wh_error error, uint32_t detail );

/* The exchange a dial works for, with a reference; NULL if nobody waits for it. */
struct exchange *origin_sponsor( struct dial *dial );

/* The same for a dial whose winner asks for a verdict: its strand is run again when it gets another sponsor. */
struct exchange *origin_judge( struct dial *dial );

/* The exchange of a connection that is up, with a reference, or NULL; and whether it is draining. */
struct exchange *origin_conn_exchange( struct conn *conn, int *draining );

/* 1 if the connection has an exchange. */
int origin_conn_busy( struct conn *conn );

/* The version of a response from there: limits depend on it. */
void origin_note_version( struct origin *origin, unsigned int minor );

/* HTTP/2. */

/* On the strand: takes the exchanges that were given to the connection since, linked by wait_next. Each comes with the
 * link's reference; whoever ends its stay gives that up after origin_stream_free. */
struct exchange *origin_conn_arrivals( struct conn *conn );
int origin_conn_has_arrivals( const struct conn *conn );

/* The peer allows so many streams at a time. */
void origin_conn_streams( struct conn *conn, uint32_t max );

/* An exchange leaves the connection: the next one gets its stream. On its strand. Returns 1 if that was the last one and
 * no other will come. */
int origin_stream_free( struct conn *conn, struct exchange *exchange );

/* The connection takes no more exchanges than it has. */
void origin_conn_leave( struct conn *conn );

/* The connection is dead, whoever is still on it. On its strand. */
void origin_conn_gone( struct conn *conn );

/* The connection of this exchange, or the one it will get, takes no others (HTTP/1.1 sees to that when it is over). */
void origin_expire( struct exchange *exchange );

/* The exchange's connection, or the one it will get, carries the tag from now on. */
void origin_tag( struct exchange *exchange, const uint8_t *tag );

/* The tag of a connection. */
void origin_conn_tag( struct conn *conn, uint8_t *tag );

/* A refused connection: the dial that shall go on with it, with a reference, or NULL. On its strand. */
struct dial *origin_conn_revival( struct conn *conn );

/* Unlinks a connection from its exchange. On its strand. Drops the connection's reference on the exchange. */
void origin_conn_unlink( struct conn *conn );

/* The call of the boundary: see unixlib.h. */
uint32_t origin_pool_query( struct wh_pool_query_params *params );

/* Nobody uses the partition any more: closes what is idle or draining in it. */
void origin_close_partition( uint64_t partition );

/* The same for the connections of these identities. */
void origin_close_identities( const uint32_t *identities, uint32_t count );

/* Idle connections of the whole pool (tests), and closing them all (tests). */
unsigned int origin_idle_count( void );
void origin_shutdown( void );

#endif /* WH_ORIGIN_H */
