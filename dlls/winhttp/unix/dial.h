/*
 * Dials: from a name to one connection, happy eyeballs (RFC 8305)
 *
 * A dial belongs to its origin and works for one exchange, its sponsor, or for whoever comes. It resolves, tries the
 * addresses one after the other with a stagger, and the first that connects wins.
 */

#ifndef WH_DIAL_H
#define WH_DIAL_H

#include <pthread.h>

#include "dns.h"
#include "engine.h"

#define DIAL_STAGGER_MS  250    /* RFC 8305 section 5 */
#define DIAL_FALLBACK_MS 300    /* what WINHTTP_OPTION_IPV6_FAST_FALLBACK gives the first IPv6 address at first */
#define DIAL_MAX_STEPS   (DNS_MAX_ADDRESSES + 1)    /* and it may be tried once more */

/* How to get a connection, as far as it does not separate connections. */
struct dial_plan
{
    uint32_t resolve_ms, connect_ms;                       /* 0 = no limit; connect is per address */
    uint32_t tunnel_ms;                                    /* 0 = connect_ms */
    uint32_t connect_retries;                              /* distinct addresses at most, 0 = all */
    uint32_t keepalive_ms, keepalive_interval_ms;
    uint32_t background;
    uint32_t flags;                                        /* WH_ROUTE_* */
    uint32_t h2_window, h2_window_delta;                   /* of the exchange's stream, see wh_route */
    uint32_t h2_keepalive_ms;                              /* of its connection */
    struct proxy_words *words;                             /* for the proxy that makes a tunnel; NULL = none. A reference */
    uint32_t identity;                                     /* with words: whose the connection will be */
};

/* One try. */
struct dial_step
{
    unsigned int address;        /* in the resolver's list */
    uint32_t     limit_ms;       /* for connecting, 0 = none */
    uint32_t     stagger_ms;     /* so long after it began the next one may begin */
};

struct conn;
struct origin;

struct dial
{
    struct object     obj;
    struct strand     strand;
    struct timer      timer;
    struct origin    *origin;            /* a reference */
    struct exchange  *sponsor;           /* pool lock */
    struct dial      *spare_next, *spare_prev;   /* pool lock */
    int               spare;             /* pool lock: in origin->spare */
    int               pinned;            /* pool lock: for its sponsor only; it goes on where a connection was refused */
    int               wanted, inherited; /* pool lock: it was begun for somebody, or in the background; and its sponsor came
                                          * later */
    struct dial_plan  plan;

    pthread_mutex_t   lock;              /* the fields of this block */
    struct addresses *answer;            /* the resolver's, taken over by the strand */
    enum wh_error     answer_error;
    int               answered;
    struct conn      *attempts[DIAL_MAX_STEPS];   /* connecting; references */
    unsigned int      attempt_count;     /* in use */
    unsigned int      failures;          /* since the strand looked */
    struct conn      *winner;            /* borrowed: for comparison only */
    wh_id             winner_id;
    int               dropped, over;
    int               again;             /* the last step once more */
    int               no_fast_open;      /* atomic */
    int               judging;           /* atomic: the winner asks its sponsor for a verdict, and each one to come */
    enum wh_error     error;             /* of the first attempt that failed */
    uint32_t          detail;
    int               no_way;            /* which was none: another error may take its place */

    int               begun;             /* strand from here on */
    struct addresses *addresses;
    struct dial_step  steps[DIAL_MAX_STEPS];
    unsigned int      step_count, next_step;
    uint64_t          resolve_deadline, next_try;
};

static inline struct dial *dial_from_object( struct object *obj )
{
    return (struct dial *)((char *)obj - offsetof( struct dial, obj ));
}

/* A new dial, referenced by the caller; NULL without memory. It begins when its strand runs for the first time: with no
 * lock held, by strand_run, or by strand_schedule where dials may fail one out of the other. */
struct dial *dial_create( struct origin *origin, const struct dial_plan *plan );

/* 1 if a dial begun for somebody else may as well work for an exchange with this plan: it ends when that one's would. */
int dial_fits( const struct dial *dial, const struct dial_plan *plan );

/* The tries for these addresses, in order. Returns how many (at most DIAL_MAX_STEPS). */
unsigned int dial_plan_steps( const struct dial_plan *plan, const struct addresses *addresses, struct dial_step *steps );

/* Nobody wants its connection any more. Any thread; no lock held. */
void dial_drop( struct dial *dial );

/* From an attempt's strand: 0 if its connection is not wanted any more. */
int dial_wants( struct dial *dial, struct conn *conn );

/* From an attempt's strand: it connected. 1: it is the first. 0: another one was, close. */
int dial_attempt_won( struct dial *dial, struct conn *conn );

/* From the winner's strand: it is up, and the dial over. 0: the dial was dropped before, close. */
int dial_complete( struct dial *dial );

/* From the winner's strand: its SYN had waited for the first bytes, and came to nothing. The same address is tried once
 * more without that. */
void dial_attempt_undone( struct dial *dial, struct conn *conn );

/* It has another sponsor, and its winner has something to ask. The pool lock may be held. */
void dial_ask_again( struct dial *dial );

/* From an attempt's strand: it did not connect, or (`conn` has won) its handshake failed. */
void dial_attempt_failed( struct dial *dial, struct conn *conn, enum wh_error error, uint32_t detail );

#endif /* WH_DIAL_H */
