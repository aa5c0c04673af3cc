/*
 * Connections: from the first SYN to the last byte
 *
 * A connection is created by a dial, connects, shakes hands, and then serves one exchange after the other, waiting in its
 * origin's pool in between. Its strand owns everything here but what a comment gives to the pool lock.
 */

#ifndef WH_CONN_H
#define WH_CONN_H

#include "dns.h"
#include "engine.h"
#include "gather.h"
#include "h1.h"
#include "h2.h"
#include "layer.h"

struct dial;
struct origin;

#define CONN_STATES(X) \
    X( CONNECTING )     /* ends with the socket's answer or the connect timeout */ \
    X( HANDSHAKE )      /* ends with the layer's start or the connect timeout */ \
    X( JUDGING )        /* the PE side looks at the peer's certificate: ends with its verdict, which no deadline here
                         * hurries, or when the dial is dropped; without a sponsor to ask, after the idle timeout */ \
    X( UP )             /* serving, draining, or idle until the idle timeout */ \
    X( CLOSED )         /* no layer any more */

enum conn_state
{
#define CONN_STATE_MEMBER( name ) CONN_##name,
    CONN_STATES( CONN_STATE_MEMBER )
#undef CONN_STATE_MEMBER
};

/* Which layer is on top. */
enum conn_stage
{
    STAGE_TCP,
    STAGE_PROXY_TLS,         /* TLS with an HTTPS proxy */
    STAGE_TUNNEL,            /* CONNECT, or SOCKS */
    STAGE_TLS,               /* TLS with the server */
};

#define CONN_KEPT 6      /* facts that outlive the layer */

struct conn_fact
{
    void            *data;
    size_t           len;
};

struct conn
{
    struct object    obj;
    struct strand    strand;
    struct timer     timer;
    enum conn_state  state;
    unsigned int     ready;           /* atomic: LAYER_WANT_* and CONN_* since the last run */
    struct layer    *layer;
    enum conn_stage  stage;
    int              refused;         /* the status with which the proxy did not make a tunnel: its answer is there to be
                                       * read; 0 = it did. The strand's, but it changes only where nobody else finds the
                                       * connection */
    int              revived;         /* it was refused before, and is asking again, or was let through then */
    struct dial     *revival;         /* pool lock: it goes on with a refused one; a reference */
    struct origin   *origin;
    struct dial     *dial;            /* until up */
    union address    address;
    uint64_t         deadline_ms;     /* of connecting or of the handshake; when idle, of that */

    struct exchange *exchange;        /* pool lock: a reference; HTTP/1.1 */
    struct conn     *pool_next, *pool_prev;   /* pool lock */
    int              idle, draining;  /* pool lock: which list it is in */
    int              counted;         /* pool lock: in origin->conns and origin->up */
    int              evicted;         /* pool lock: it is what origin->evicting is about */
    int              leaving;         /* pool lock: it is what origin->leaving is about */
    struct conn     *up_next, *up_prev;       /* pool lock */
    uint8_t          tag[WH_TAG_SIZE];        /* pool lock; all zero: none */
    uint32_t         identity;                /* pool lock: whose it is, see struct wh_route; 0 = nobody's */

    int              patient;         /* this run may sleep for bytes */
    struct gather    gather;          /* how many of them it waits for */
    int              was_idle;        /* pool lock: it has been in the pool; who knows what the peer did meanwhile */
    int              unwanted;        /* never again: bytes came while it was idle, or its place is needed */
    uint32_t         served;          /* exchanges before the present one */
    struct h1        h1;
    struct h2       *h2;              /* NULL: HTTP/1.1. Set before it is up, and stays */
    uint32_t         protocol;        /* WH_ALPN_*, once it is up */
    struct exchange *attention;       /* atomic: those of its exchanges that want something, newest first; references */
    struct exchange *arrivals, **arrivals_tail;   /* pool lock: given to it, not seen yet; linked by wait_next */
    unsigned int     users;           /* pool lock: exchanges it has */
    unsigned int     linked;          /* pool lock: and had */
    unsigned int     stream_max;      /* pool lock: as many at a time */
    unsigned int     stream_sure;     /* pool lock: for those that are not to queue: what the last peer there allowed, until
                                       * this one has said it */
    int              shared;          /* pool lock: in origin->shared, that is, it takes more */
    int              kept_alive;      /* HTTP/2: it is asked now and then, and has no idle time */
    int              deferred;        /* its SYN waited for the first write */
    int              fast_open;       /* and the peer took what was in it */
    int              tls_resumed, tls_false_start;
    wh_id            asked;           /* JUDGING: the exchange whose program was asked for a verdict */
    uint32_t         bits;            /* JUDGING: WH_CERT_* found so far */
    struct conn_fact facts[CONN_KEPT];    /* kept when the layer goes, see conn.c */
};

#define CONN_HANGUP   8
#define CONN_PATIENT  LAYER_PATIENT
#define CONN_UNWANTED 32

static inline struct conn *conn_from_object( struct object *obj )
{
    return (struct conn *)((char *)obj - offsetof( struct conn, obj ));
}

/* A connection that has begun to connect; NULL with *error set. `address` with the port in it. */
struct conn *conn_create( struct dial *dial, struct origin *origin, const union address *address, uint64_t deadline_ms,
                          enum wh_error *error, uint32_t *detail );

/* Lets the loop and its strand at it. From now on the dial gets dial_attempt_failed or dial_attempt_won. */
void conn_launch( struct conn *conn );

/* The loop's report. Runs the strand here, or hands it to the thread that waits for it. */
void conn_ready( struct conn *conn, unsigned int ready, int hangup, const struct waiter *self );

/* An exchange was linked to it (under the pool lock): go. */
void conn_serve( struct conn *conn );

/* An exchange of a connection that is shared wants something: the strand will look at it. Run that afterwards. */
void conn_attend( struct conn *conn, struct exchange *exchange );

/* On the strand: takes the list of those, oldest first, linked by attend_next, with its references. */
struct exchange *conn_attention( struct conn *conn );

/* For a synchronous caller that waits for nothing but bytes from here: lets the read sleep a little. */
void conn_linger( struct conn *conn );

/* Makes it look at its socket even though the loop may not have reported anything: before an idle one is used. */
void conn_force( struct conn *conn );

/* It was taken out of the idle list to make room for another one: close it. */
void conn_evict( struct conn *conn );

/* Its layer has failed: with what, and if that was TLS with a proxy, whose it was. */
enum wh_error conn_layer_error( const struct conn *conn );

/* On the strand: the exchange is over. Unlinks and detaches it, and puts the connection where it belongs. */
enum conn_fate { CONN_KEEP, CONN_DRAIN, CONN_CLOSE };
void conn_end_exchange( struct conn *conn, struct exchange *exchange, enum conn_fate fate );

/* On the strand: ends our side as politely as can be; close it then. */
void conn_goodbye( struct conn *conn );

/* On the strand: close for good. */
void conn_close( struct conn *conn );

/* On the strand: nobody needs it any more; tells the peer and closes. */
void conn_part( struct conn *conn );

/* The verdict on its peer: WHE_OK, or what the handshake fails with. 0: it waits for none. Takes the strand. */
int conn_verdict( struct conn *conn, enum wh_error error, uint32_t bits );

/* Facts of its layers; takes the strand. */
enum wh_error conn_query( struct conn *conn, unsigned int what, void *buffer, size_t size, size_t *len );

#endif /* WH_CONN_H */
