/*
 * Scripted proxies, and the servers behind them, for the tests of the transport
 *
 * A proxy is a crowd (a thread per connection) that answers each CONNECT with the next text of its list. One that grants it
 * is the server from then on: a tunnel's other end is the same socket. TLS stacks like the client's layers do: with the
 * proxy, with the server, or one within the other. All heads and bytes that a proxy sees in the clear are kept, so that
 * tests can say what it did not see.
 */

#ifndef WINHTTP_UNIT_PROXY_PEER_H
#define WINHTTP_UNIT_PROXY_PEER_H

#include <gnutls/gnutls.h>

#include "certs.h"
#include "faults.h"

#define GRANT "HTTP/1.1 200 Connection established\r\n\r\n"

/* ---- streams that stack ---- */

struct wire
{
    int              fd;
    gnutls_session_t tls;        /* NULL: the socket itself */
    struct wire     *below;
};

static ssize_t wire_recv( struct wire *wire, void *data, size_t size )
{
    ssize_t ret;

    if (!wire->tls) return recv( wire->fd, data, size, 0 );
    do ret = gnutls_record_recv( wire->tls, data, size );
    while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
    return ret;
}

static int wire_send( struct wire *wire, const void *data, size_t len )
{
    const char *text = data;
    ssize_t ret;

    for (; len; len -= ret, text += ret)
    {
        if (!wire->tls) ret = send( wire->fd, text, len, MSG_NOSIGNAL );
        else ret = gnutls_record_send( wire->tls, text, len );
        if (ret <= 0) return 0;
    }
    return 1;
}

static ssize_t wire_pull( gnutls_transport_ptr_t ptr, void *data, size_t size )
{
    return wire_recv( ptr, data, size );
}

static ssize_t wire_push( gnutls_transport_ptr_t ptr, const void *data, size_t size )
{
    return wire_send( ptr, data, size ) ? (ssize_t)size : -1;
}

static int wire_timeout( gnutls_transport_ptr_t ptr, unsigned int ms )
{
    (void)ptr;
    (void)ms;
    return 1;
}

static gnutls_certificate_credentials_t load_server( const char *name )
{
    gnutls_certificate_credentials_t creds;
    char cert[512], key[512];

    snprintf( cert, sizeof(cert), "%s/%s.pem", certs, name );
    snprintf( key, sizeof(key), "%s/%s.key", certs, name );
    gnutls_certificate_allocate_credentials( &creds );
    expect( !gnutls_certificate_set_x509_key_file( creds, cert, key, GNUTLS_X509_FMT_PEM ) );
    return creds;
}

/* TLS over another stream; 0 if the handshake failed. wire_end in any case. */
static int wire_begin( struct wire *wire, struct wire *below, gnutls_certificate_credentials_t creds, int wants_cert,
                       const char *alpn )
{
    gnutls_datum_t name = { (unsigned char *)alpn, alpn ? strlen( alpn ) : 0 };
    int ret;

    wire->fd = -1;
    wire->below = below;
    gnutls_init( &wire->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL );
    gnutls_set_default_priority( wire->tls );
    gnutls_credentials_set( wire->tls, GNUTLS_CRD_CERTIFICATE, creds );
    if (alpn) gnutls_alpn_set_protocols( wire->tls, &name, 1, 0 );
    if (wants_cert) gnutls_certificate_server_set_request( wire->tls, GNUTLS_CERT_REQUIRE );
    gnutls_transport_set_ptr( wire->tls, below );
    gnutls_transport_set_pull_function( wire->tls, wire_pull );
    gnutls_transport_set_push_function( wire->tls, wire_push );
    gnutls_transport_set_pull_timeout_function( wire->tls, wire_timeout );
    while ((ret = gnutls_handshake( wire->tls )) < 0 && !gnutls_error_is_fatal( ret )) ;
    if (ret < 0) gnutls_alert_send_appropriate( wire->tls, ret );
    return ret >= 0;
}

static void wire_end( struct wire *wire )
{
    gnutls_deinit( wire->tls );
}

/* Up to and including the empty line. Returns the length, 0 at the end of the stream. */
static size_t wire_head( struct wire *wire, char *head, size_t size )
{
    size_t len = 0;

    while (len + 1 < size && wire_recv( wire, head + len, 1 ) == 1)
    {
        head[++len] = 0;
        if (len >= 4 && !memcmp( head + len - 4, "\r\n\r\n", 4 )) return len;
    }
    return 0;
}

/* ---- the proxy ---- */

enum proxy_way { WAY_HTTP, WAY_HTTPS, WAY_SOCKS4, WAY_SOCKS5 };

struct proxy_script
{
    enum proxy_way way;
    const char    *answers[4];       /* to the CONNECTs of a connection; after the last one it waits for the end */
    size_t         split;            /* each answer in two, here; 0 = in one */
    int            bytewise;         /* each answer byte by byte */
    int            ends;             /* after its last answer it ends the connection */
    int            resets;           /* the same, rudely */
    const char    *proxy_cert;       /* HTTPS; default good */
    int            wants_cert;       /* HTTPS: of the client */
    int            tls;              /* the server speaks TLS, else HTTP in the clear */
    const char    *server_cert;      /* default good */
    void         (*serve_h2)( struct wire *wire );   /* the server speaks HTTP/2 where the client offers it */
    const char    *login;            /* SOCKS5: "user:password" that it demands */
    unsigned int   reply;            /* SOCKS: 0 = grants */
    const char    *raw;              /* SOCKS: in place of the first reply */
    size_t         raw_len;
};

static struct crowd proxy;
static struct proxy_script proxy_script;
static gnutls_certificate_credentials_t proxy_creds, server_creds;
static char proxy_log[65536];            /* what it saw in the clear */
static size_t proxy_log_len;
static pthread_mutex_t proxy_lock = PTHREAD_MUTEX_INITIALIZER;
static char server_log[65536];           /* heads that the servers behind it saw */
static size_t server_log_len;

static void log_bytes( char *log, size_t *log_len, const char *data, size_t len )
{
    pthread_mutex_lock( &proxy_lock );
    if (len > 65535 - *log_len) len = 65535 - *log_len;
    memcpy( log + *log_len, data, len );
    log[*log_len += len] = 0;
    pthread_mutex_unlock( &proxy_lock );
}

/* 1 if the text is in the log. */
static inline int in_log( const char *log, const char *text )
{
    int found;

    pthread_mutex_lock( &proxy_lock );
    found = strstr( log, text ) != NULL;
    pthread_mutex_unlock( &proxy_lock );
    return found;
}

static void send_answer( struct wire *wire, const char *answer )
{
    size_t len = strlen( answer ), i;

    if (proxy_script.bytewise)
        for (i = 0; i < len; i++) wire_send( wire, answer + i, 1 );
    else if (proxy_script.split && proxy_script.split < len)
    {
        wire_send( wire, answer, proxy_script.split );
        wire_send( wire, answer + proxy_script.split, len - proxy_script.split );
    }
    else wire_send( wire, answer, len );
}

/* Each request gets its first line as the page. */
static int serve_request( struct wire *wire, char *head )
{
    char answer[8400];

    *strchr( head, '\r' ) = 0;
    snprintf( answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%s", (unsigned int)strlen( head ), head );
    return wire_send( wire, answer, strlen( answer ) );
}

/* The server. */
static void serve_requests( struct wire *wire )
{
    char head[8192];
    size_t len;

    while ((len = wire_head( wire, head, sizeof(head) )))
    {
        __atomic_add_fetch( &proxy.peer.requests, 1, __ATOMIC_SEQ_CST );
        log_bytes( server_log, &server_log_len, head, len );
        if (!serve_request( wire, head )) break;
    }
}

static void serve_beyond( struct wire *wire )
{
    gnutls_datum_t chosen;
    struct wire tls;

    if (!proxy_script.tls) serve_requests( wire );
    else
    {
        if (wire_begin( &tls, wire, server_creds, 0, proxy_script.serve_h2 ? "h2" : NULL ))
        {
            if (!gnutls_alpn_get_selected_protocol( tls.tls, &chosen )) proxy_script.serve_h2( &tls );
            else serve_requests( &tls );
        }
        wire_end( &tls );
    }
}

static void serve_connect( struct wire *wire )
{
    char head[8192];
    unsigned int i;
    size_t len;

    for (i = 0; i < 4 && proxy_script.answers[i]; i++)
    {
        if (!(len = wire_head( wire, head, sizeof(head) ))) return;
        log_bytes( proxy_log, &proxy_log_len, head, len );
        if (strncmp( head, "CONNECT ", 8 ))
        {
            if (!serve_request( wire, head )) return;
            i--;
            continue;
        }
        send_answer( wire, proxy_script.answers[i] );
        if (strstr( proxy_script.answers[i], " 2" ) && strstr( proxy_script.answers[i], "\r\n\r\n" ) &&
            !strstr( proxy_script.answers[i], " 407 " ))    /* it grants, maybe after an informational head */
        {
            serve_beyond( wire );
            return;
        }
    }
    if (proxy_script.resets) peer_reset( wire->fd );
    else if (!proxy_script.ends) while (wire_recv( wire, head, sizeof(head) ) > 0) ;
}

static int wire_exact( struct wire *wire, void *data, size_t len )
{
    size_t done = 0;
    ssize_t ret;

    while (done < len && (ret = wire_recv( wire, (char *)data + done, len - done )) > 0) done += ret;
    if (done) log_bytes( proxy_log, &proxy_log_len, data, done );
    return done == len;
}

static void socks_send_split( struct wire *wire, const char *data, size_t len )
{
    size_t i;

    if (proxy_script.bytewise) for (i = 0; i < len; i++) wire_send( wire, data + i, 1 );
    else wire_send( wire, data, len );
}

/* Up to a NUL. */
static int wire_text( struct wire *wire, char *text, size_t size )
{
    size_t len = 0;

    while (len < size && wire_exact( wire, text + len, 1 )) if (!text[len++]) return 1;
    return 0;
}

static void serve_socks4( struct wire *wire )
{
    char request[8], user[256], host[256] = "", reply[8] = { 0, 90 };

    if (!wire_exact( wire, request, 8 ) || request[0] != 4 || !wire_text( wire, user, sizeof(user) )) return;
    if (!memcmp( request + 4, "\0\0\0\1", 4 ) && !wire_text( wire, host, sizeof(host) )) return;
    if (proxy_script.login && strcmp( proxy_script.login, user )) proxy_script.reply = 93;
    if (proxy_script.reply) reply[1] = proxy_script.reply;
    if (proxy_script.raw) socks_send_split( wire, proxy_script.raw, proxy_script.raw_len );
    else socks_send_split( wire, reply, 8 );
    if (!proxy_script.raw && reply[1] == 90) serve_beyond( wire );
}

static int socks5_login( struct wire *wire )
{
    unsigned char len;
    char version, user[256] = "", password[256] = "", both[600], reply[2] = { 1, 0 };

    if (!wire_exact( wire, &version, 1 ) || version != 1 || !wire_exact( wire, &len, 1 ) || !wire_exact( wire, user, len ) ||
        !wire_exact( wire, &len, 1 ) || !wire_exact( wire, password, len )) return 0;
    snprintf( both, sizeof(both), "%s:%s", user, password );
    if (strcmp( both, proxy_script.login )) reply[1] = 1;
    socks_send_split( wire, reply, 2 );
    return !reply[1];
}

static void serve_socks5( struct wire *wire )
{
    static const char granted[] = "\5\0\0\3\11localhost\0\120";
    unsigned char head[4], len = 0;
    char methods[256], text[258], reply[2] = { 5, 0 };

    if (!wire_exact( wire, head, 2 ) || head[0] != 5 || !wire_exact( wire, methods, head[1] )) return;
    if (proxy_script.login) reply[1] = memchr( methods, 2, head[1] ) ? 2 : (char)255;
    if (proxy_script.raw)
    {
        socks_send_split( wire, proxy_script.raw, proxy_script.raw_len );
        return;
    }
    socks_send_split( wire, reply, 2 );
    if (reply[1] == 2 && !socks5_login( wire )) return;
    if (!wire_exact( wire, head, 4 )) return;
    if (head[3] == 3 && !wire_exact( wire, &len, 1 )) return;
    if (!wire_exact( wire, text, (head[3] == 1 ? 4 : head[3] == 4 ? 16 : len) + 2 )) return;
    if (proxy_script.reply)
    {
        char refused[10] = { 5, proxy_script.reply, 0, 1 };

        socks_send_split( wire, refused, sizeof(refused) );
        return;
    }
    socks_send_split( wire, granted, sizeof(granted) - 1 );
    serve_beyond( wire );
}

static void proxy_serve( struct crowd *crowd, int fd )
{
    struct wire plain_wire = { fd, NULL, NULL }, tls;

    (void)crowd;
    switch (proxy_script.way)
    {
    case WAY_HTTP:
        serve_connect( &plain_wire );
        break;
    case WAY_HTTPS:
        if (wire_begin( &tls, &plain_wire, proxy_creds, proxy_script.wants_cert, NULL ))
        {
            if (proxy_script.answers[0]) serve_connect( &tls );
            else serve_requests( &tls );
        }
        wire_end( &tls );
        break;
    case WAY_SOCKS4:
        serve_socks4( &plain_wire );
        break;
    case WAY_SOCKS5:
        serve_socks5( &plain_wire );
        break;
    }
}

static inline void proxy_begin( const struct proxy_script *script )
{
    proxy_script = *script;
    proxy_creds = load_server( script->proxy_cert ? script->proxy_cert : "good" );
    server_creds = load_server( script->server_cert ? script->server_cert : "good" );
    proxy_log_len = server_log_len = 0;
    proxy_log[0] = server_log[0] = 0;
    crowd_start( &proxy, proxy_serve );
}

/* Closes the pool, too. */
static inline void proxy_end( void )
{
    expect_clean();
    crowd_stop( &proxy );
    gnutls_certificate_free_credentials( proxy_creds );
    gnutls_certificate_free_credentials( server_creds );
    tls_shutdown();
}

/* ---- requests through it ---- */

static uint32_t proxy_kinds[] = { WH_PROXY_HTTP, WH_PROXY_HTTPS, WH_PROXY_SOCKS4, WH_PROXY_SOCKS5 };

/* The route to localhost:`port` by the running proxy, whose name is localhost, too. */
static inline struct wh_route proxy_route( const char *auth )
{
    struct wh_route route = { .proxy_kind = proxy_kinds[proxy_script.way], .proxy_port = proxy.peer.port };

    route.proxy_host = wh_from_ptr( "localhost" );
    route.proxy_host_len = 9;
    route.family = 4;
    route.alpn = WH_ALPN_H1;
    route.proxy_auth = wh_from_ptr( auth );
    route.proxy_auth_len = auth ? strlen( auth ) : 0;
    return route;
}

struct ask
{
    const struct wh_route *route;        /* default: proxy_route( NULL ) */
    const char  *head, *body;
    const char  *host;                   /* default localhost */
    uint32_t     port;                   /* default 4433, where nobody listens: only the proxy could */
    uint32_t     scheme;                 /* default https */
    uint32_t     flags, event_mask, connect_ms;
    wh_id        pin;
    wh_u64       total_len;
};

static inline void ask_params( const struct ask *ask, struct wh_route *route, struct wh_exchange_start_params *params )
{
    const char *host = ask->host ? ask->host : "localhost", *head = ask->head ? ask->head : get_head;

    *route = ask->route ? *ask->route : proxy_route( NULL );
    route->host = wh_from_ptr( host );
    route->host_len = strlen( host );
    route->port = ask->port ? ask->port : 4433;
    route->scheme = ask->scheme ? ask->scheme : WH_SCHEME_HTTPS;
    if (!route->tls_versions) route->tls_versions = WH_TLS_1_2 | WH_TLS_1_3;
    memset( params, 0, sizeof(*params) );
    params->session = session;
    params->route = wh_from_ptr( route );
    params->pin = ask->pin;
    params->head = wh_from_ptr( head );
    params->head_len = strlen( head );
    params->body = wh_from_ptr( ask->body );
    params->body_len = ask->body ? strlen( ask->body ) : 0;
    params->total_len = ask->total_len ? ask->total_len : params->body_len;
    params->flags = ask->flags;
    params->event_mask = ask->event_mask;
    params->connect_ms = ask->connect_ms;
    params->send_ms = WAIT_MS;
}

/* As client_start. */
static inline uint32_t ask_start( struct client *client, const struct ask *ask )
{
    struct wh_exchange_start_params params;
    struct wh_record record;
    struct wh_route route;
    uint32_t ret;

    ask_params( ask, &route, &params );
    params.flags |= WHX_SYNC;
    memset( client, 0, offsetof( struct client, head ) );
    client->head_len = client->body_len = client->events = 0;
    ret = exchange_start( &params );
    client->id = params.exchange;
    client->paused = params.paused;
    if (ret == WH_REFUSED) return client->error = WHE_INVALID;
    client->detail = params.detail;
    if (ret == WH_DONE || params.paused) return client->error = params.error;
    client->error = wait_for( client, WHK_HEAD_SENT, &record );
    client->detail = record.detail;
    return client->error;
}

/* The rest of a GET. */
static inline uint32_t ask_finish( struct client *client )
{
    uint32_t error = client_read_head( client, WAIT_MS, 0, 0 );

    return error || (client->flags & WHR_END) ? error : client_read_all( client, 100, WAIT_MS );
}

static inline uint32_t ask_get( struct client *client, const struct ask *ask )
{
    uint32_t error = ask_start( client, ask );

    if (!error) error = ask_finish( client );
    client_close( client );
    return error;
}

/* The page is the request line. */
static inline int is_page( const struct client *client, const char *page )
{
    int ok = client->status == 200 && client->body_len == strlen( page ) && !memcmp( client->body, page, client->body_len );

    if (!ok) fprintf( stderr, "status %u, error %u, \"%.*s\"\n", client->status, client->error, (int)client->body_len,
                      client->body );
    return ok;
}

static inline int has_body( const struct client *client, const char *body )
{
    return client->body_len == strlen( body ) && !memcmp( client->body, body, client->body_len );
}

static inline wh_id pin_of( const struct client *client )
{
    wh_id pin = 0;
    struct wh_exchange_query_params query = { .exchange = client->id, .what = WHQ_PIN, .buffer = wh_from_ptr( &pin ),
                                              .size = sizeof(pin) };

    expect( exchange_query( &query ) == WH_DONE && !query.error );
    return pin;
}

static inline uint32_t fact_error( const struct client *client, uint32_t what )
{
    static char buffer[65536];
    struct wh_exchange_query_params query = { .exchange = client->id, .what = what, .buffer = wh_from_ptr( buffer ),
                                              .size = sizeof(buffer) };

    expect( exchange_query( &query ) == WH_DONE );
    return query.error;
}

#endif /* WINHTTP_UNIT_PROXY_PEER_H */
