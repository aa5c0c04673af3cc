/*
 * A way through a SOCKS proxy: version 4 with names (4a), and version 5 (RFC 1928, RFC 1929)
 */

#ifndef WH_SOCKS_H
#define WH_SOCKS_H

#include "layer.h"

struct proxy_words;

/* Over `below`, which is up, and which it owns from now on (also when this fails: NULL with *error set). `kind` is
 * WH_PROXY_SOCKS4 or WH_PROXY_SOCKS5; the proxy resolves `host`, an address literal goes as an address. The words' auth is
 * user, colon, password; version 4 knows the user only.
 *
 * start() ends with WHE_CONNECT if the proxy is fine but cannot reach the server, with WHE_PROXY_CONNECT if it does not
 * want to serve us; `detail` is its reply. WHE_INVALID: user or password are longer than 255 bytes. */
struct layer *socks_layer_create( struct layer *below, uint32_t kind, const char *host, uint32_t port,
                                  const struct proxy_words *words, enum wh_error *error );

#endif /* WH_SOCKS_H */
