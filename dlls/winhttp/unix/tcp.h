/*
 * The lowest layer: a TCP socket
 */

#ifndef WH_TCP_H
#define WH_TCP_H

#include "dns.h"
#include "layer.h"

struct tcp_options
{
    uint32_t keepalive_ms;              /* 0 = off */
    uint32_t keepalive_interval_ms;     /* 0 = the system's */
    uint32_t if_index;                  /* go out by this interface, 0 = any */
    int      fast_open;                 /* if the peer's cookie is known: connect with the first write */
};

/* A non-blocking socket that has begun to connect. NULL with *error set. start() tells when it is up. */
struct layer *tcp_layer_create( const union address *address, const struct tcp_options *options,
                                enum wh_error *error, uint32_t *detail );

int tcp_layer_fd( const struct layer *layer );

/* 1 if the SYN waits for the first write: the layer is up, but nothing is known of the peer yet. */
int tcp_layer_deferred( const struct layer *layer );

/* 1 if the peer took what was in the SYN. */
int tcp_layer_fast_opened( const struct layer *layer );

#endif /* WH_TCP_H */
