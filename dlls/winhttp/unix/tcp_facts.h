/*
 * What the kernel knows of a TCP socket
 */

#ifndef WH_TCP_FACTS_H
#define WH_TCP_FACTS_H

#include "../unixlib.h"

/* Fills in all but age_ms. WHE_STATE if the kernel does not tell. */
enum wh_error tcp_facts_get( int fd, struct wh_tcp_facts *facts );

/* 1 if the peer took the data that went with the SYN (TCP Fast Open). */
int tcp_facts_syn_data( int fd );

#endif /* WH_TCP_FACTS_H */
