/*
 * When a connection whose bytes come fast waits for more than the next one
 *
 * A reader that is quicker than its peer would be woken for each segment. Measured over loopback, a wake-up costs the two
 * sides as much as the decryption of the record that it is for. So a connection in the middle of large bodies waits until
 * as many bytes are there as have come in half a millisecond so far, if that is much: GATHER_US at most; then it has to
 * show again how fast they come. It never waits for more than what is sure to come, so that the end of a body is never
 * late because of this, and for no more than the next byte while somebody waits for anything else than body bytes.
 *
 * Only arithmetic: the strand says what came, and when. conn.c uses it, h1.c and h2.c fill in `want` and `came`.
 *
 *     late = gather_begin( gather, readable, now_us )     at the beginning of a run; 1: look at the socket, whatever it says
 *     gather->want = ..., gather->came += count           in it
 *     size = gather_end( gather, now_us )                 when it is about to wait
 */

#ifndef WH_GATHER_H
#define WH_GATHER_H

#include <stddef.h>
#include <stdint.h>

#define GATHER_LEAST   (16 * 1024)           /* a record of TLS */
#define GATHER_MOST    (128 * 1024)          /* measured: more saves nothing */
#define GATHER_US      2000
#define GATHER_PROOF   (1024 * 1024)         /* how fast they come is seen by so many */
#define GATHER_NOBODY  (~(uint64_t)0)

struct gather
{
    uint64_t want;          /* bytes of body that are sure to come for readers that wait; 0: something else is waited for,
                             * too; NOBODY: nothing is, so it does not matter. 0 again with each run */
    size_t   came;          /* bytes that were read in this run */
    size_t   size;          /* how many it waits for; 0: it has to show first how fast they come */
    size_t   most;          /* how many it would wait for if that goes on well */
    size_t   asked;         /* what gather_end said last */
    uint64_t until_us;      /* the end of the wait under way; 0 = none */
    uint64_t since_us;      /* since then */
    size_t   counted;       /* so many have come */
};

/* 1 if the clock, and `want`, are worth finding out. Else now_us need not be true. */
static inline int gather_cares( const struct gather *gather )
{
    return gather->size || gather->counted + gather->came >= GATHER_PROOF;
}

/* A run begins; `readable`: as many bytes as were asked for are there, or the end. 1: the wait has taken too long. */
int gather_begin( struct gather *gather, int readable, uint64_t now_us );

/* The connection is about to wait: for how many bytes; 0 = for any. While that is not 0, until gather->until_us, unless
 * nobody waits. */
size_t gather_end( struct gather *gather, uint64_t now_us );

/* The layer does not wait, for any byte or for none. */
void gather_refused( struct gather *gather );

/* The layer could not be told that any byte is waited for again: it will be told once more. */
void gather_stays( struct gather *gather, uint64_t now_us );

#endif /* WH_GATHER_H */
