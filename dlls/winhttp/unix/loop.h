/*
 * Readiness of descriptors: epoll, edge-triggered, and one descriptor to wake the thread that sleeps in it
 *
 * The one file to swap for io_uring or kqueue.
 */

#ifndef WH_LOOP_H
#define WH_LOOP_H

#include "../unixlib.h"

#define LOOP_BATCH 128

struct loop_event
{
    wh_id        id;
    unsigned int ready;      /* LAYER_WANT_* */
    int          hangup;     /* the peer ended or broke it */
};

enum wh_error loop_open( void );
void loop_close( void );

/* Reports readiness of fd under this id from now on, until the descriptor is closed. */
enum wh_error loop_add( int fd, wh_id id );

/* Sleeps until something is ready, at most timeout_ms (-1: no limit), or until loop_kick. Returns how many events
 * were stored (at most LOOP_BATCH). A signal ends it early with 0. */
int loop_wait( struct loop_event *events, int timeout_ms );

/* Makes the thread in loop_wait, or the next one, return. Any thread. */
void loop_kick( void );

#endif /* WH_LOOP_H */
