/*
 * What the files of the pool share: origin.c has those who wait and dial, origin_share.c connections with many exchanges,
 * origin_key.c the table, origin_survey.c looks at it from outside
 *
 * Everything here is called with the pool lock held, except where a comment says otherwise.
 */

#ifndef WH_ORIGIN_INTERNAL_H
#define WH_ORIGIN_INTERNAL_H

#include <pthread.h>

#include "origin.h"

#define ORIGIN_TABLE_SIZE 1024
#define MAX_PASSED        16       /* waiters looked at in search of one that a connection suits */

extern pthread_mutex_t pool_lock;
extern struct origin *origin_table[ORIGIN_TABLE_SIZE];    /* chained by origin->next */

/* What has to be done for the waiters once the pool lock is free. References. */
struct work
{
    struct dial     *dial;        /* new: let it begin */
    struct exchange *starved;     /* there is no memory for its dial */
    struct conn     *evicted;     /* idle, but of no use to those who wait: its place is */
    struct dial     *misfit;      /* the same of a spare dial */
};

/* Looks for the oldest waiter without a dial. Returns 1 if there is something to do. */
int work_find( struct origin *origin, struct work *work );

/* Without the lock: does it, and what else there is to do then: several places may be free at once. `here`: a dial may begin
 * on this thread's stack; where dials fail one out of the other it has to go through the queue. The caller holds a
 * reference on the origin. */
void work_do( struct origin *origin, struct work *work, int here );

/* Those who wait for a connection of their own, or a free one. */
void waiter_add( struct origin *origin, struct exchange *exchange );
void waiter_remove( struct origin *origin, struct exchange *exchange );

/* The one that the connection goes to; NULL = none. */
struct exchange *waiter_for( const struct conn *conn );

/* 1 if the exchange may have this connection: one that was used before, or was idle, is not for everybody. */
int origin_suits( const struct exchange *exchange, const struct conn *conn );
int origin_is_tagged( const struct conn *conn );

/* Takes the dial from an exchange that needs it no more. Somebody else's now, or returned to be dropped, with the
 * reference that the exchange held. */
struct dial *origin_unsponsor( struct origin *origin, struct exchange *exchange );

/* Without the lock: drops a dial, and gives up the reference. NULL is fine. */
void origin_drop( struct dial *dial );

/* The same with a list, linked by spare_next. */
void origin_drop_list( struct dial *list );

/* Takes a connection out of the list it is in: idle, draining or shared. */
void origin_unlist( struct conn *conn );

/* 1 if something was new. */
int origin_note_minor( struct origin *origin, unsigned int minor );
void origin_note_protocol( struct origin *origin, uint32_t speaks );

/* Connections with many exchanges. */

enum waiting { WAITING_NOT, WAITING_DIAL, WAITING_STREAM };    /* exchange->waiting: in which queue */

/* One that suits the exchange and has a stream to spare; NULL = none. */
struct conn *share_find( const struct origin *origin, const struct exchange *exchange );

/* Gives the connection to the exchange; run its strand afterwards. */
void share_link( struct conn *conn, struct exchange *exchange );

/* 1 if the exchange had better wait for a stream than dial: one of them will become free, or a dial is under way that may
 * bring as many as are wanted. */
int share_hopes( const struct origin *origin, const struct exchange *exchange );

void hoping_add( struct origin *origin, struct exchange *exchange );
void hoping_remove( struct origin *origin, struct exchange *exchange );

/* What they hope for has changed: gives them streams, lets them hope on, or makes them dial. Then work_find. */
void share_review( struct origin *origin );

/* A new connection, for that exchange (NULL = nobody's) and all others that wait and may have it. Returns a list, linked by
 * spare_next, of dials that are not needed now. */
struct dial *share_up( struct conn *conn, struct exchange *exchange );

/* One that nobody uses; NULL = none. */
struct conn *share_idle( const struct origin *origin );

/* All are used, and there may be no connection more. If none of them suits the exchange, one takes no others from now on: its
 * place is free when those that it has are over. Else the exchange would wait for ever on a busy origin. */
void share_make_way( struct origin *origin, const struct exchange *exchange );

/* When a connection that nobody uses from now on shall be closed. */
uint64_t share_idle_until( const struct conn *conn );

#endif /* WH_ORIGIN_INTERNAL_H */
