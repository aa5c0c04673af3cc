/*
 * Routes: from options of session and request to struct wh_route
 *
 * The one place where an option's value becomes a connection's property. Source: options.md sections 3.10 and 3.11,
 * behaviour-concepts.md section 9.
 */

#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "route.h"
#include "transport.h"
#include "verdict.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/* What HTTP/2 has no way to say, or must not be used for. A request that the module itself makes a WebSocket of is none of
 * these: whether the server can do that over HTTP/2 only the transport finds out, and says so. request->lock is held. */
static BOOL needs_http_1( const struct request *request )
{
    const struct request_options *options = &request->options;

    if (request->h1_only || !wcscmp( request->version, L"HTTP/1.0" )) return TRUE;
    /* A certificate of ours names us on a connection that other requests would share. */
    if (options->client_cert && !request->session->h2_client_cert) return TRUE;
    /* Framing that the program has made, or asks for by itself. */
    if (!request->auto_chunked && headers_find( &request->headers, NAME( L"Transfer-Encoding" ), 0 )) return TRUE;
    return !options->upgrade && headers_have_token( &request->headers, NAME( L"Connection" ), NAME( L"Upgrade" ) );
}

/* WINHTTP_PROTOCOL_FLAG_* that this build and this request can use: HTTP/2 over TLS only, as on Windows. */
static DWORD usable_protocols( const struct request *request )
{
    DWORD protocols = 0;

    if (request->secure && (transport_features() & WH_FEATURE_H2) && !needs_http_1( request ))
        protocols |= WINHTTP_PROTOCOL_FLAG_HTTP2;
    return protocols & request->options.http_protocols;
}

/* WH_ALPN_* that may be used; 0: the program allows none that can be. A request that requires, but enables nothing, requires
 * nothing: HTTP/1.1 cannot be switched off. */
static uint32_t allowed_alpn( const struct request *request )
{
    const struct request_options *options = &request->options;
    uint32_t alpn = 0;

    if (usable_protocols( request ) & WINHTTP_PROTOCOL_FLAG_HTTP2) alpn |= WH_ALPN_H2;
    if (!options->protocol_required || !options->http_protocols) alpn |= WH_ALPN_H1;
    return alpn;
}

DWORD route_check( const struct request *request )
{
    return allowed_alpn( request ) ? ERROR_SUCCESS : ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH;
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

/* How the connection behaves if it turns out to speak HTTP/2. */
static void fill_h2( const struct request *request, struct wh_route *route )
{
    route->h2_window       = request->options.h2_window.ulStreamWindow;
    route->h2_window_delta = request->options.h2_window.ulStreamWindowUpdateDelta;
    route->h2_keepalive_ms = request->session->h2_keepalive_ms;
}

static void fill_tls( const struct request *request, struct wh_route *route )
{
    const struct request_options *options = &request->options;

    if (!request->secure && route->proxy_kind != WH_PROXY_HTTPS) return;    /* which is spoken to over TLS, whatever is asked */
    route->tls_versions = session_protocols( request->session );
    if (options->enabled & WINHTTP_ENABLE_SSL_REVOCATION)
    {
        route->tls_flags |= WH_TLS_CHECK_REVOCATION;
        if (options->revocation_offline_ok) route->tls_flags |= WH_TLS_REVOCATION_OFFLINE_OK;
    }
    if (request->session->false_start) route->tls_flags |= WH_TLS_FALSE_START;
    route->judge = verdict_judge( request, route->judge_key );
    if (!request->secure) return;
    route->tls_flags |= options->security_flags;
    if (options->no_client_cert) route->tls_flags |= WH_TLS_NO_CLIENT_CERT;
    AcquireSRWLockShared( &option_text_lock );
    route->creds = options->client_creds;
    ReleaseSRWLockShared( &option_text_lock );
}

/* Asking for a tunnel is a part of connecting, and its answer is one that is received: the shorter limit counts. */
static uint32_t tunnel_ms( const struct timeouts *timeouts )
{
    uint32_t connect_ms = timeout_ms( timeouts->connect ), receive_ms = timeout_ms( timeouts->receive );

    return connect_ms && (!receive_ms || connect_ms < receive_ms) ? connect_ms : receive_ms;
}

void route_fill( const struct request *request, struct wh_route *route )
{
    const struct session *session = request->session;
    const struct endpoint *endpoint = request->endpoint;
    const struct request_options *options = &request->options;
    const struct proxy_hop *hop = proxy_plan_hop( request );

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
    if (hop)
    {
        route->proxy_kind     = hop->kind;
        route->proxy_host     = wh_from_ptr( hop->host );
        route->proxy_host_len = hop->host_len;
        route->proxy_port     = hop->port;
        route->tunnel_ms      = tunnel_ms( &options->timeouts );
    }
    fill_tls( request, route );
    route->alpn             = allowed_alpn( request );
    if (route->alpn & WH_ALPN_H2) fill_h2( request, route );
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
