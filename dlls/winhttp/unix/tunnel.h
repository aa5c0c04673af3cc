/*
 * A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6)
 */

#ifndef WH_TUNNEL_H
#define WH_TUNNEL_H

#include "layer.h"

struct proxy_words;

#define TUNNEL_HEAD_MAX 65536    /* bytes of all heads of one answer: as much as a response may have */

/* Over `below`, which is up, and which it owns from now on (also when this fails: NULL with *error set). `host` is without
 * brackets. start() asks, and returns LAYER_OK once the proxy has answered: tunnel_layer_refused says how. */
struct layer *tunnel_layer_create( struct layer *below, const char *host, uint32_t port, const struct proxy_words *words,
                                   enum wh_error *error );

/* After start: the status of its answer if the proxy did not grant it, else 0. What is read is then its answer, from the
 * first byte of the head on, and nothing can be written. */
int tunnel_layer_refused( const struct layer *layer );

/* Asks once more on the same connection, once the answer was read to its end. WHE_OK: start again. WHE_STALE: bytes came
 * behind that answer, or the proxy has ended the connection; the layer has not changed. */
enum wh_error tunnel_layer_again( struct layer *layer, const char *host, uint32_t port, const struct proxy_words *words );

#endif /* WH_TUNNEL_H */
