/*
 * Routes: from options of session and request to struct wh_route
 *
 * The one place where an option's value becomes a connection's property. Source: options.md section 3.10.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "winhttp_new.h"
#include "route.h"
#include "transport.h"

void route_fill( const struct request *request, struct wh_route *route )
{
    const struct session *session = request->session;
    const struct endpoint *endpoint = request->endpoint;

    route->partition       = session->partition;
    route->host            = wh_from_ptr( endpoint->ascii );
    route->host_len        = endpoint->ascii_len;
    route->port            = request->port;
    route->scheme          = request->secure ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    route->proxy_kind      = WH_PROXY_NONE;
    route->tls_versions    = session->secure_protocols;
    route->tls_flags       = request->options.security_flags;
    route->alpn            = WH_ALPN_H1;
    if ((request->options.http_protocols & WINHTTP_PROTOCOL_FLAG_HTTP2) && (transport_features() & WH_FEATURE_H2))
        route->alpn |= WH_ALPN_H2;
    route->conn_limit      = session->max_conns == WINHTTP_CONNS_PER_SERVER_UNLIMITED ? 0 : session->max_conns;
    route->connect_retries = request->options.connect_retries;
}
