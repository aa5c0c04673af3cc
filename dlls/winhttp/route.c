/*
 * Routes: from options of session and request to struct wh_route
 *
 * The one place where an option's value becomes a connection's property. Source: options.md section 3.10.
 */

#include <stdarg.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "proxy.h"
#include "route.h"
#include "transport.h"
#include "verdict.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

/* WINHTTP_PROTOCOL_FLAG_* that this build and this request can use. */
static DWORD usable_protocols( const struct request *request )
{
    DWORD protocols = 0;

    if (request->secure && (transport_features() & WH_FEATURE_H2)) protocols |= WINHTTP_PROTOCOL_FLAG_HTTP2;
    return protocols & request->options.http_protocols;
}

DWORD route_check( const struct request *request )
{
    const struct request_options *options = &request->options;

    if (proxy_is_needed( options ))
    {
        FIXME( "proxies are not implemented; not going direct behind the user's back\n" );
        return ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR;
    }
    if (options->protocol_required && options->http_protocols && !usable_protocols( request ))
        return ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH;
    return ERROR_SUCCESS;
}

static uint32_t limit_of( DWORD option )
{
    return option == WINHTTP_CONNS_PER_SERVER_UNLIMITED ? 0 : option;
}

static void fill_flags( const struct session *session, struct wh_route *route )
{
    if (session->fast_open) route->flags |= WH_ROUTE_TCP_FAST_OPEN;
    if (session->ipv6_fallback) route->flags |= WH_ROUTE_IPV6_FALLBACK;
    if (session->first_available) route->flags |= WH_ROUTE_FIRST_AVAILABLE;
    if (session->resolver.ullFlags & WINHTTP_RESOLVER_CACHE_CONFIG_FLAG_BYPASS_CACHE) route->flags |= WH_ROUTE_NO_DNS_CACHE;
}

/* Which of the pooled connections is wanted. */
static void fill_match( const struct request_options *options, struct wh_route *route )
{
    if (!options->has_match) return;
    route->match_flags = WH_MATCH_TAG;
    if (options->match.ullFlags & WINHTTP_MATCH_CONNECTION_GUID_FLAG_REQUIRE_MARKED_CONNECTION)
        route->match_flags |= WH_MATCH_REQUIRED;
    memcpy( route->match, &options->match.ConnectionGuid, sizeof(route->match) );
}

static void fill_tls( const struct request *request, struct wh_route *route )
{
    const struct request_options *options = &request->options;

    if (!request->secure) return;
    route->tls_flags = options->security_flags;
    if (options->enabled & WINHTTP_ENABLE_SSL_REVOCATION)
    {
        route->tls_flags |= WH_TLS_CHECK_REVOCATION;
        if (options->revocation_offline_ok) route->tls_flags |= WH_TLS_REVOCATION_OFFLINE_OK;
    }
    if (options->no_client_cert) route->tls_flags |= WH_TLS_NO_CLIENT_CERT;
    if (request->session->false_start) route->tls_flags |= WH_TLS_FALSE_START;
    route->judge = verdict_judge( request, route->judge_key );
    AcquireSRWLockShared( &option_text_lock );
    route->creds = options->client_creds;
    ReleaseSRWLockShared( &option_text_lock );
}

void route_fill( const struct request *request, struct wh_route *route )
{
    const struct session *session = request->session;
    const struct endpoint *endpoint = request->endpoint;
    const struct request_options *options = &request->options;

    route->partition        = session->partition;
    route->host             = wh_from_ptr( endpoint->ascii );
    route->host_len         = endpoint->ascii_len;
    /* Another name to resolve is for the server that the application has named, not for one it was sent on to. */
    if (!request->moved && options->resolve_host)
    {
        route->connect_host     = wh_from_ptr( options->resolve_host );
        route->connect_host_len = strlen( options->resolve_host );
    }
    route->port             = request->port;
    route->scheme           = request->secure ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    route->proxy_kind       = WH_PROXY_NONE;
    route->tls_versions     = request->secure ? session_protocols( request->session ) : 0;
    fill_tls( request, route );
    route->alpn             = WH_ALPN_H1;
    if (usable_protocols( request ) & WINHTTP_PROTOCOL_FLAG_HTTP2) route->alpn |= WH_ALPN_H2;
    route->conn_limit       = limit_of( session->max_conns );
    route->conn_limit_1_0   = limit_of( session->max_conns_1_0 );
    route->background       = session->background;
    route->if_index         = options->if_index;
    route->connect_retries  = options->connect_retries;
    if (session->keepalive.on)
    {
        route->keepalive_ms          = session->keepalive.time_ms;
        route->keepalive_interval_ms = session->keepalive.interval_ms;
    }
    fill_flags( session, route );
    fill_match( options, route );
}
