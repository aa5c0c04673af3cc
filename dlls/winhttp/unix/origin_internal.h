/*
 * What origin.c and origin_survey.c share: the table and its lock
 */

#ifndef WH_ORIGIN_INTERNAL_H
#define WH_ORIGIN_INTERNAL_H

#include <pthread.h>

#include "origin.h"

#define ORIGIN_TABLE_SIZE 1024

extern pthread_mutex_t pool_lock;
extern struct origin *origin_table[ORIGIN_TABLE_SIZE];    /* pool lock; chained by origin->next */

/* Takes a connection out of the idle or draining list. Pool lock held. */
void origin_unlist( struct conn *conn );

#endif /* WH_ORIGIN_INTERNAL_H */
