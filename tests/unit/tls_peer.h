/*
 * A TLS connection in one process, for test_tls.c: the layer under test, and a GnuTLS server at its other end
 *
 * They talk over two byte queues. The client's end of them is a layer that can hand bytes out in pieces, stop or break
 * at any position, change a byte, and take only so much at a time.
 */

#ifndef WINHTTP_UNIT_TLS_PEER_H
#define WINHTTP_UNIT_TLS_PEER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "certs.h"
#include "test.h"
#include "unix/creds.h"
#include "unix/tls.h"

#define PRIORITY_12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define PRIORITY_13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* ---- a queue of bytes ---- */

struct queue
{
    uint8_t *data;
    size_t   head, tail, size;
};

static void queue_put( struct queue *queue, const void *data, size_t len )
{
    if (queue->tail + len > queue->size)
    {
        queue->size = (queue->tail + len) * 2;
        queue->data = realloc( queue->data, queue->size );
    }
    memcpy( queue->data + queue->tail, data, len );
    queue->tail += len;
}

static size_t queue_take( struct queue *queue, void *data, size_t size )
{
    size_t len = queue->tail - queue->head;

    if (len > size) len = size;
    if (len) memcpy( data, queue->data + queue->head, len );
    queue->head += len;
    return len;
}

/* ---- the client's lower layer ---- */

#define NOWHERE (~(size_t)0)

struct script
{
    size_t step;         /* bytes per read at most */
    size_t split;        /* position in the stream that no read crosses; LAYER_AGAIN once there */
    size_t cut;          /* position at which the stream ends */
    size_t broken;       /* position at which reading fails */
    size_t flip;         /* position of a byte that arrives changed */
    size_t room;         /* bytes per write at most, every second write blocks; 0 = no limit */
};

static const struct script plain_script = { NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, 0 };

struct end
{
    struct layer  layer;
    struct script script;
    struct queue  to_client, to_server;
    size_t        position;      /* bytes read so far */
    unsigned int  reads, writes, wants;
    int           was_split, was_blocked, freed;
};

static ssize_t end_read( struct layer *layer, void *buffer, size_t size )
{
    struct end *end = (struct end *)layer;
    const struct script *script = &end->script;
    size_t len;

    end->reads++;
    end->wants = LAYER_WANT_READ;
    if (end->position == script->cut) return 0;
    if (end->position == script->broken)
    {
        layer->error = WHE_RESET;
        layer->detail = ECONNRESET;
        return LAYER_FAILED;
    }
    if (end->position == script->split && !end->was_split)
    {
        end->was_split = 1;
        return LAYER_AGAIN;
    }
    if (size > script->step) size = script->step;
    if (end->position < script->split && size > script->split - end->position) size = script->split - end->position;
    if (end->position < script->cut && size > script->cut - end->position) size = script->cut - end->position;
    if (end->position < script->broken && size > script->broken - end->position)
        size = script->broken - end->position;
    if (!(len = queue_take( &end->to_client, buffer, size ))) return LAYER_AGAIN;
    if (script->flip - end->position < len) ((uint8_t *)buffer)[script->flip - end->position] ^= 0x40;
    end->position += len;
    return len;
}

static ssize_t end_write( struct layer *layer, const void *data, size_t size )
{
    struct end *end = (struct end *)layer;

    end->writes++;
    end->wants = LAYER_WANT_WRITE;
    if (end->script.room)
    {
        if ((end->was_blocked = !end->was_blocked)) return LAYER_AGAIN;
        if (size > end->script.room) size = end->script.room;
    }
    queue_put( &end->to_server, data, size );
    return size;
}

static int end_ok( struct layer *layer ) { (void)layer; return LAYER_OK; }
static unsigned int end_wants( const struct layer *layer ) { return ((const struct end *)layer)->wants; }
static size_t end_pending( const struct layer *layer ) { (void)layer; return 0; }
static void end_goodbye( struct layer *layer ) { (void)layer; }
static void end_close( struct layer *layer ) { ((struct end *)layer)->freed++; }
static void end_ready( struct layer *layer, unsigned int what, int hangup )
{
    (void)layer;
    (void)what;
    (void)hangup;
}

static enum wh_error end_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)layer;
    (void)what;
    (void)buffer;
    (void)size;
    *len = 0;
    return WHE_STATE;
}

static const struct layer_ops end_ops =
{
    .start = end_ok, .read = end_read, .write = end_write, .flush = end_ok, .wants = end_wants,
    .pending = end_pending, .goodbye = end_goodbye, .close = end_close, .ready = end_ready, .query = end_query,
};

/* ---- the server ---- */

struct server
{
    struct end                       end;        /* the client's side of the wire */
    struct layer                    *client;
    gnutls_session_t                 session;
    gnutls_certificate_credentials_t creds;
    int                              up;
    int                              failed;     /* code of its handshake */
    int                              asking;     /* 1: renegotiates, 2: authenticates after the handshake */
    gnutls_datum_t                   staple;
};

struct setup
{
    const char    *cert;             /* default good */
    const char    *priority;         /* default TLS 1.3 */
    const char    *host;             /* default localhost */
    uint32_t       versions;         /* default 1.2 and 1.3 */
    uint32_t       flags;            /* of the route */
    uint32_t       alpn;
    enum tls_judge judge;
    struct creds  *creds;
    const char    *key;              /* of the cache, default none */
    gnutls_certificate_request_t request;    /* for the client's certificate */
    const char    *client_ca;        /* authority for clients that the server names and trusts */
    unsigned int   server_flags;     /* for gnutls_init */
    gnutls_datum_t ticket_key;       /* with one: tickets */
    gnutls_datum_t staple;           /* with one: OCSP */
    const gnutls_x509_crt_t *chain;  /* instead of `cert` */
    unsigned int   chain_count;
    gnutls_x509_privkey_t    chain_key;
    struct script  script;
};

static const struct setup plain_setup = { .script = { NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, 0 } };

static ssize_t server_pull( gnutls_transport_ptr_t ptr, void *data, size_t size )
{
    struct server *server = ptr;
    size_t len = queue_take( &server->end.to_server, data, size );

    if (len) return len;
    gnutls_transport_set_errno( server->session, EAGAIN );
    return -1;
}

static ssize_t server_push( gnutls_transport_ptr_t ptr, const void *data, size_t size )
{
    struct server *server = ptr;

    queue_put( &server->end.to_client, data, size );
    return size;
}

static int server_timeout( gnutls_transport_ptr_t ptr, unsigned int ms )
{
    struct server *server = ptr;

    (void)ms;
    return server->end.to_server.tail > server->end.to_server.head;
}

static int server_staple( gnutls_session_t session, void *ptr, gnutls_datum_t *response )
{
    struct server *server = ptr;

    (void)session;
    if (!server->staple.size) return GNUTLS_E_NO_CERTIFICATE_STATUS;
    response->data = gnutls_malloc( response->size = server->staple.size );
    memcpy( response->data, server->staple.data, response->size );
    return 0;
}

static void server_certificate( struct server *server, const struct setup *setup )
{
    const char *name = setup->cert ? setup->cert : "good";
    char chain_file[512], key_file[512];
    int ret;

    gnutls_certificate_allocate_credentials( &server->creds );
    gnutls_certificate_set_flags( server->creds, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH );
    snprintf( chain_file, sizeof(chain_file), "%s/%s-chain.pem", certs, name );
    snprintf( key_file, sizeof(key_file), "%s/%s.key", certs, name );
    if (setup->chain)
        ret = gnutls_certificate_set_x509_key( server->creds, (gnutls_x509_crt_t *)setup->chain, setup->chain_count,
                                               setup->chain_key );
    else ret = gnutls_certificate_set_x509_key_file( server->creds, chain_file, key_file, GNUTLS_X509_FMT_PEM );
    expect( ret >= 0 );
    server->staple = setup->staple;
    gnutls_certificate_set_ocsp_status_request_function( server->creds, server_staple, server );
    if (!setup->client_ca) return;
    snprintf( chain_file, sizeof(chain_file), "%s/%s.pem", certs, setup->client_ca );
    expect( gnutls_certificate_set_x509_trust_file( server->creds, chain_file, GNUTLS_X509_FMT_PEM ) == 1 );
}

static inline void server_open( struct server *server, const struct setup *setup )
{
    const char *key = setup->key ? setup->key : "";
    gnutls_datum_t alpn = { (unsigned char *)"http/1.1", 8 };
    struct tls_policy policy = { .host = setup->host ? setup->host : "localhost", .flags = setup->flags };
    enum wh_error error;
    int ret;

    memset( server, 0, sizeof(*server) );
    server->end.layer.ops = &end_ops;
    server->end.script = setup->script;

    server_certificate( server, setup );
    gnutls_init( &server->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | setup->server_flags );
    ret = gnutls_priority_set_direct( server->session, setup->priority ? setup->priority : PRIORITY_13, NULL );
    expect( ret >= 0 );
    gnutls_credentials_set( server->session, GNUTLS_CRD_CERTIFICATE, server->creds );
    gnutls_transport_set_ptr( server->session, server );
    gnutls_transport_set_pull_function( server->session, server_pull );
    gnutls_transport_set_pull_timeout_function( server->session, server_timeout );
    gnutls_transport_set_push_function( server->session, server_push );
    gnutls_alpn_set_protocols( server->session, &alpn, 1, 0 );
    gnutls_certificate_server_set_request( server->session, setup->request );
    if (setup->ticket_key.size) gnutls_session_ticket_enable_server( server->session, &setup->ticket_key );

    policy.versions = setup->versions ? setup->versions : WH_TLS_1_2 | WH_TLS_1_3;
    policy.alpn = setup->alpn;
    policy.judge = setup->judge;
    policy.creds = setup->creds;
    policy.cache_key = key;
    policy.cache_key_len = strlen( key );
    server->client = tls_layer_create( &server->end.layer, &policy, &error );
    expect( server->client || error );
}

static inline void server_close( struct server *server )
{
    if (server->client) server->client->ops->close( server->client );
    expect( server->end.freed == 1 );
    gnutls_deinit( server->session );
    gnutls_certificate_free_credentials( server->creds );
    free( server->end.to_client.data );
    free( server->end.to_server.data );
}

static void server_shake( struct server *server )
{
    int ret;

    if (server->up || server->failed) return;
    ret = gnutls_handshake( server->session );
    if (!ret) server->up = 1;
    else if (gnutls_error_is_fatal( ret ))
    {
        server->failed = ret;
        gnutls_alert_send_appropriate( server->session, ret );
    }
}

/* Runs both sides until the client is up or failed, or nothing moves any more. */
static inline int run_handshake( struct server *server )
{
    struct layer *client = server->client;
    int ret = LAYER_AGAIN, i;

    for (i = 0; i < 200000 && ret == LAYER_AGAIN; i++)
    {
        ret = client->ops->start( client );
        server_shake( server );
    }
    if (ret == LAYER_FAILED && getenv( "WH_TEST_VERBOSE" ))
        fprintf( stderr, "handshake: error %u, detail %d, server %d\n", client->error, (int)client->detail,
                 server->failed );
    if (ret == LAYER_OK)
    {
        client->ops->flush( client );
        while (client->ops->flush( client ) == LAYER_AGAIN);
        server_shake( server );
    }
    return ret;
}

static inline void server_send( struct server *server, const char *text )
{
    ssize_t ret = gnutls_record_send( server->session, text, strlen( text ) );

    expect( ret == (ssize_t)strlen( text ) );
}

/* Reads until there is `want` bytes, the end, or nothing moves. */
static ssize_t client_read( struct server *server, void *buffer, size_t want )
{
    struct layer *client = server->client;
    size_t got = 0;
    ssize_t ret;
    int idle = 0;

    while (got < want && idle < 3)
    {
        ret = client->ops->read( client, (char *)buffer + got, want - got );
        if (ret == LAYER_AGAIN) idle++;
        else if (ret <= 0) return got ? (ssize_t)got : ret;
        else got += ret, idle = 0;
    }
    return got ? (ssize_t)got : LAYER_AGAIN;
}

static inline int reads_text( struct server *server, const char *text )
{
    char buffer[256];
    ssize_t len = client_read( server, buffer, strlen( text ) );

    return len == (ssize_t)strlen( text ) && !memcmp( buffer, text, len );
}

static inline int server_hears( struct server *server, const char *text )
{
    char buffer[256];
    ssize_t len;
    int i;

    for (i = 0; i < 3; i++)      /* a record without data counts as nothing, too */
        if ((len = gnutls_record_recv( server->session, buffer, sizeof(buffer) )) != GNUTLS_E_AGAIN) break;
    return len == (ssize_t)strlen( text ) && !memcmp( buffer, text, len );
}

static inline int client_says( struct server *server, const char *text )
{
    return server->client->ops->write( server->client, text, strlen( text ) ) == (ssize_t)strlen( text );
}

static inline struct wh_tls_facts facts_of( struct server *server )
{
    struct wh_tls_facts facts;
    size_t len;

    memset( &facts, 0, sizeof(facts) );
    expect( server->client->ops->query( server->client, WHQ_TLS, &facts, sizeof(facts), &len ) == WHE_OK );
    expect( len == sizeof(facts) );
    return facts;
}

#endif
