/*
 * Dials: from a name to one connection, happy eyeballs (RFC 8305)
 *
 * A dial belongs to its origin and works for one exchange, its sponsor. It resolves, tries the addresses one after the
 * other with a stagger, and the first that connects wins.
 */

#ifndef WH_DIAL_H
#define WH_DIAL_H

#include <pthread.h>

#include "dns.h"
#include "engine.h"

#define DIAL_STAGGER_MS 250     /* RFC 8305 section 5 */

struct conn;
struct origin;

struct dial
{
    struct object     obj;
    struct strand     strand;
    struct timer      timer;
    struct origin    *origin;            /* a reference */
    struct exchange  *sponsor;           /* pool lock */
    uint32_t          resolve_ms, connect_ms;

    pthread_mutex_t   lock;              /* the fields of this block */
    struct addresses *answer;            /* the resolver's, taken over by the strand */
    enum wh_error     answer_error;
    int               answered;
    struct conn      *attempts[DNS_MAX_ADDRESSES];   /* connecting; references */
    unsigned int      attempt_count;     /* in use */
    unsigned int      failures;          /* since the strand looked */
    struct conn      *winner;            /* borrowed: for comparison only */
    wh_id             winner_id;
    int               dropped, over;
    enum wh_error     error;             /* of the first attempt that failed */
    uint32_t          detail;

    int               begun;             /* strand from here on */
    struct addresses *addresses;
    unsigned int      next_address, tries;
    uint64_t          resolve_deadline, next_try;
};

static inline struct dial *dial_from_object( struct object *obj )
{
    return (struct dial *)((char *)obj - offsetof( struct dial, obj ));
}

/* A new dial, referenced by the caller; NULL without memory. It begins when its strand runs for the first time: with no
 * lock held, by strand_run, or by strand_schedule where dials may fail one out of the other. */
struct dial *dial_create( struct origin *origin, uint32_t resolve_ms, uint32_t connect_ms );

/* Nobody wants its connection any more. Any thread; no lock held. */
void dial_drop( struct dial *dial );

/* From an attempt's strand: 0 if its connection is not wanted any more. */
int dial_wants( struct dial *dial, struct conn *conn );

/* From an attempt's strand: it connected. 1: it is the first. 0: another one was, close. */
int dial_attempt_won( struct dial *dial, struct conn *conn );

/* From the winner's strand: it is up, and the dial over. 0: the dial was dropped before, close. */
int dial_complete( struct dial *dial );

/* From an attempt's strand: it did not connect, or (`conn` has won) its handshake failed. */
void dial_attempt_failed( struct dial *dial, struct conn *conn, enum wh_error error, uint32_t detail );

#endif /* WH_DIAL_H */
