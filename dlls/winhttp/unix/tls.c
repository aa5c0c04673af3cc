#if 0
#pragma makedep unix
#endif

/*
 * TLS over another layer, with GnuTLS: the layer, and the stream of records once the session is up
 *
 * GnuTLS does handshakes, alerts, tickets and key updates, over pull and push functions that work on two buffers
 * (tls_wire.c); after the handshake (tls_handshake.c), records of application data are opened and sealed by
 * tls_record.c. Both sides count records, so the sequence numbers are lent to GnuTLS around everything it does after
 * the handshake (tls_lend_both, tls_return_both).
 *
 * A server that wants more of the session than data is tls_renew.c's. Reading and writing fail separately: a server that answers early and
 * stops listening must still be heard.
 *
 * No setting here is process-wide: the same GnuTLS may serve Wine's own TLS in this process.
 */

#include <arpa/inet.h>

#include "block.h"
#include "creds.h"
#include "hooks.h"
#include "tls.h"
#include "tls_cache.h"
#include "tls_facts.h"
#include "tls_internal.h"
#include "tls_keylog.h"
#include "tls_policy.h"
#include "tls_trust.h"

/* RFC 8446 section 5.5: AES-GCM keys seal at most 2^24.5 records. */
#define REKEY_RECORDS (1u << 24)

/* ---- read ---- */

static int no_payload( struct tls *tls )
{
    if (++tls->idle_records <= MAX_IDLE_RECORDS) return 0;
    return tls_fail( tls, WHE_TLS, GNUTLS_E_TOO_MANY_EMPTY_PACKETS );
}

static ssize_t received( struct tls *tls, int ret )
{
    if (ret > 0)
    {
        tls->idle_records = 0;
        return tls->false_start && tls_settle( tls ) ? LAYER_FAILED : ret;
    }
    if (!ret) tls->closed = 1;
    if (!ret || ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED) return no_payload( tls );
    if (ret == GNUTLS_E_REHANDSHAKE || ret == GNUTLS_E_REAUTH_REQUEST)
        return tls_renew_begin( tls, ret ) ? LAYER_FAILED : no_payload( tls );
    if (!gnutls_error_is_fatal( ret )) return no_payload( tls );      /* a warning */
    return tls_fail_code( tls, ret );
}

/* Gives one record to GnuTLS. Returns payload bytes, 0 or LAYER_FAILED. */
static ssize_t feed_record( struct tls *tls, size_t record_len, void *buffer, size_t size )
{
    uint32_t end;
    ssize_t ret;
    int err;

    if (record_len > tls_buffer_len( &tls->in )) record_len = tls_buffer_len( &tls->in );
    end = tls->in.head + record_len;
    tls->feed = record_len;
    tls->feeding = 1;
    tls_lend_both( tls );
    ret = gnutls_record_recv( tls->session, buffer, size );
    err = tls_return_both( tls );
    tls->feeding = 0;
    tls->in.head = end;
    if (ret >= 0 && err < 0) ret = err;

    tls_keep_tickets( tls );
    return received( tls, ret );
}

/* Opens one record of application data, into `buffer` if it fits. Returns payload bytes stored in `buffer` (the rest
 * is in `plain`), 0, or LAYER_FAILED. */
static ssize_t open_record( struct tls *tls, size_t record_len, uint8_t *buffer, size_t size )
{
    const uint8_t *record = tls->in.data + tls->in.head;
    uint8_t *dest = buffer;
    enum tls_content type;
    size_t len;
    int ret;

    if (tls_record_room( &tls->reader, record_len ) > size)
    {
        if (tls_buffer_borrow( &tls->plain )) return tls_fail( tls, WHE_NO_MEMORY, 0 );
        dest = tls->plain.data;
    }
    if ((ret = tls_record_open( &tls->reader, record, record_len, dest, &len, &type )) < 0)
    {
        tls_send_alert( tls, GNUTLS_AL_FATAL, GNUTLS_A_BAD_RECORD_MAC );
        return tls_fail_code( tls, ret );
    }
    if (type != TLS_CONTENT_DATA)
    {
        if (type == TLS_CONTENT_HANDSHAKE && tls->reader.tls13) tls_note_messages( tls, dest, len );
        tls_buffer_park( &tls->plain );
        return feed_record( tls, record_len, buffer, size );
    }
    tls->in.head += record_len;
    if (!len) return no_payload( tls );
    tls->idle_records = 0;
    if (dest == buffer) return len;
    tls->plain.tail = len;
    return 0;
}

static size_t take_plain( struct tls *tls, uint8_t *buffer, size_t size )
{
    size_t len = tls_buffer_len( &tls->plain );

    if (len > size) len = size;
    memcpy( buffer, tls->plain.data + tls->plain.head, len );
    tls->plain.head += len;
    if (!tls_buffer_len( &tls->plain )) tls_buffer_drop( &tls->plain );
    return len;
}

/* Length of the record at the head of `in` if there is something to do with it, else 0. One whose length is beyond
 * all limits counts as there: GnuTLS shall name the error. */
static size_t next_record( const struct tls *tls )
{
    size_t have = tls_buffer_len( &tls->in );
    size_t len = have ? tls_record_size( tls->in.data + tls->in.head, have ) : 0;

    return len <= have || len > TLS_RECORD_HEADER + TLS_RECORD_WIRE ? len : 0;
}

static ssize_t tls_read( struct layer *layer, void *buffer, size_t size )
{
    struct tls *tls = tls_from_layer( layer );
    uint8_t *out = buffer;
    size_t got = 0, len;
    ssize_t ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    if (tls->state != TLS_UP) return tls_fail( tls, WHE_STATE, 0 );

    while (got < size)
    {
        if (tls_buffer_len( &tls->plain ))
        {
            got += take_plain( tls, out + got, size - got );
            continue;
        }
        if (tls->closed) break;
        if (gnutls_record_check_pending( tls->session ))
            ret = received( tls, gnutls_record_recv( tls->session, out + got, size - got ) );
        else if (tls->renewal)
        {
            if ((ret = tls_renew( tls )) == LAYER_AGAIN && !got) return LAYER_AGAIN;
            if (ret == LAYER_AGAIN) break;
        }
        else if ((len = next_record( tls )))
        {
            if (!tls->reader.cipher || len > TLS_RECORD_HEADER + TLS_RECORD_WIRE)
                ret = feed_record( tls, len, out + got, size - got );
            else if (got && tls_record_room( &tls->reader, len ) > size - got)
                break;      /* straight into the next buffer rather than by way of `plain` */
            else
                ret = open_record( tls, len, out + got, size - got );
        }
        else
        {
            if (got) break;
            if (tls_buffer_len( &tls->out )) tls_send_out( tls );     /* its failure is the writer's */
            if ((ret = tls_fill( tls )) == LAYER_AGAIN) return LAYER_AGAIN;
            if (!ret) ret = tls_fail_code( tls, GNUTLS_E_PREMATURE_TERMINATION );
            else if (ret > 0) ret = 0;
        }
        if (ret < 0)
        {
            if (got) break;      /* it is told next time */
            return LAYER_FAILED;
        }
        got += ret;
    }
    if (!tls_buffer_len( &tls->in )) tls_buffer_drop( &tls->in );
    return got;
}

/* ---- write ---- */

static ssize_t fail_write( struct tls *tls )
{
    tls->layer.error = tls->write_error;
    tls->layer.detail = tls->write_detail;
    return LAYER_FAILED;
}

static int update_keys( struct tls *tls )
{
    int ret;

    tls->update_asked = 0;
    tls_lend_both( tls );
    ret = gnutls_session_key_update( tls->session, 0 );
    if (ret >= 0) ret = tls_return_both( tls );
    return ret;
}

/* Seals one record behind what is in `out`, where there is room for it. Returns payload bytes, or LAYER_FAILED. */
static ssize_t seal_record( struct tls *tls, const uint8_t *data, size_t len )
{
    ssize_t ret;
    size_t size;

    if (!tls->writer.cipher) ret = gnutls_record_send( tls->session, data, len );
    else if ((ret = tls_record_seal( &tls->writer, data, len, tls->out.data + tls->out.tail, &size )) >= 0)
    {
        tls->out.tail += size;
        return len;
    }
    if (ret > 0) return ret;
    return tls_fail_sending( tls, tls->no_memory ? WHE_NO_MEMORY : WHE_TLS, ret );
}

/* Bytes a record may take beyond its payload, whoever makes it: header, IV, MAC and padding of a CBC cipher. */
#define SEAL_EXTRA 128

/* Seals what fits into `out`. Returns payload bytes taken, or LAYER_FAILED. */
static ssize_t seal_batch( struct tls *tls, const uint8_t *data, size_t size )
{
    size_t taken = 0, len;
    ssize_t ret;

    if (tls_buffer_borrow( &tls->out )) return tls_fail_sending( tls, WHE_NO_MEMORY, 0 );
    while (taken < size)
    {
        len = size - taken < tls->record_max ? size - taken : tls->record_max;
        if (tls->out.size - tls->out.tail < len + SEAL_EXTRA) break;
        if ((ret = seal_record( tls, data + taken, len )) < 0) return ret;
        taken += ret;
    }
    return taken;
}

static int keys_are_due( const struct tls *tls )
{
    return tls->update_asked || (tls->writer.tls13 && tls->writer.seq >= REKEY_RECORDS);
}

static ssize_t tls_write( struct layer *layer, const void *data, size_t size )
{
    struct tls *tls = tls_from_layer( layer );
    size_t taken = 0;
    ssize_t ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    if (tls->state != TLS_UP) return tls_fail( tls, WHE_STATE, 0 );
    if (tls->blocked && (ret = tls_send_out( tls )) == LAYER_AGAIN) return LAYER_AGAIN;
    if (tls->renewal && (ret = tls_renew( tls )) == LAYER_FAILED) return LAYER_FAILED;
    if (tls->renewal) return LAYER_AGAIN;        /* what may be said depends on how it ends */

    while (!tls->write_error && taken < size)
    {
        if (keys_are_due( tls ) && (ret = update_keys( tls )) < 0) tls_fail_sending( tls, WHE_TLS, ret );
        else if ((ret = seal_batch( tls, (const uint8_t *)data + taken, size - taken )) >= 0)
        {
            taken += ret;
            if (tls_send_out( tls ) == LAYER_AGAIN) break;
        }
    }
    return tls->write_error ? fail_write( tls ) : (ssize_t)taken;
}

static int tls_flush( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );
    int ret;

    if (tls->state == TLS_FAILED) return LAYER_FAILED;
    ret = tls_send_out( tls );
    return ret == LAYER_FAILED ? fail_write( tls ) : ret;
}

/* ---- the rest of the contract ---- */

static unsigned int tls_wants( const struct layer *layer )
{
    const struct tls *tls = (const struct tls *)layer;

    if (tls->state == TLS_VERIFY || tls->state == TLS_JUDGED_OUTSIDE) return 0;
    return layer->below->ops->wants( layer->below );
}

static size_t tls_pending( const struct layer *layer )
{
    const struct tls *tls = (const struct tls *)layer;
    size_t len, sum = tls_buffer_len( &tls->plain );

    if (tls->state != TLS_UP || tls->closed) return sum;
    sum += gnutls_record_check_pending( tls->session );
    if (tls->renewal) return sum;
    if ((len = next_record( tls )) && (len = tls_record_room( &tls->reader, len )))
        sum += tls->reader.tls13 && len > 1 ? len - 1 : len;
    return sum;
}

static void tls_goodbye( struct layer *layer )
{
    struct tls *tls = tls_from_layer( layer );

    if (tls->state == TLS_UP && !tls->write_error && !tls->renewal)
    {
        tls_lend_both( tls );
        gnutls_bye( tls->session, GNUTLS_SHUT_WR );
        tls_return_both( tls );
        tls_send_out( tls );
    }
    layer->below->ops->goodbye( layer->below );
}

static void tls_free( struct tls *tls )
{
    tls_buffer_drop( &tls->in );
    tls_buffer_drop( &tls->out );
    tls_buffer_drop( &tls->plain );
    tls_keys_free( &tls->reader );
    tls_keys_free( &tls->writer );
    if (tls->session) gnutls_deinit( tls->session );
    if (tls->creds) creds_release( tls->creds );
    wh_free( tls->issuers );
    wh_free( tls );
}

static void tls_close( struct layer *layer )
{
    layer->below->ops->close( layer->below );
    tls_free( tls_from_layer( layer ) );
}

static void tls_ready( struct layer *layer, unsigned int what, int hangup )
{
    layer->below->ops->ready( layer->below, what & ~LAYER_GREEDY, hangup );    /* a record may be less than asked for */
}

/* Part of a record may be here already. */
static int tls_gather( struct layer *layer, size_t size )
{
    size_t have = tls_buffer_len( &tls_from_layer( layer )->in );

    return layer_gather( layer->below, size > have ? size - have : 0 );
}

static enum wh_error tls_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    struct tls *tls = tls_from_layer( layer );
    enum wh_error err = WHE_STATE;

    if (what == WHQ_CERT_ISSUERS) return tls_client_issuers( tls, buffer, size, len );
    if (tls->known) err = tls_facts_query( tls->session, what, buffer, size, len );
    return err == WHE_STATE ? layer->below->ops->query( layer->below, what, buffer, size, len ) : err;
}

static const struct layer_ops tls_ops =
{
    .start   = tls_start,
    .read    = tls_read,
    .write   = tls_write,
    .flush   = tls_flush,
    .wants   = tls_wants,
    .pending = tls_pending,
    .goodbye = tls_goodbye,
    .close   = tls_close,
    .ready   = tls_ready,
    .gather  = tls_gather,
    .query   = tls_query,
};

/* ---- creation ---- */

/* An IP literal is checked against the addresses of a certificate and is not sent as a name (RFC 6066 section 3). */
static void set_peer( struct tls *tls, char *host )
{
    size_t len = strlen( host );

    if (inet_pton( AF_INET, host, tls->peer.address ) == 1) tls->peer.address_len = 4;
    else if (inet_pton( AF_INET6, host, tls->peer.address ) == 1) tls->peer.address_len = 16;
    else
    {
        if (len && host[len - 1] == '.') host[len - 1] = 0;   /* the DNS' root belongs to no certificate */
        tls->peer.name = host;
    }
}

static struct tls *tls_alloc( struct layer *below, const struct tls_policy *policy )
{
    size_t host_size = strlen( policy->host ) + 1;
    struct tls *tls;
    char *host;

    if (!(tls = wh_calloc( 1, sizeof(*tls) + host_size + policy->cache_key_len ))) return NULL;
    tls->layer.ops = &tls_ops;
    tls->layer.below = below;
    tls->flags = policy->flags;
    tls->judge = policy->judge;
    if (policy->creds) tls->creds = creds_ref( policy->creds );
    host = (char *)(tls + 1);
    memcpy( host, policy->host, host_size );
    set_peer( tls, host );
    tls->key = (uint8_t *)host + host_size;
    tls->key_len = policy->cache_key_len;
    if (tls->key_len) memcpy( tls->key, policy->cache_key, tls->key_len );
    return tls;
}

struct layer *tls_layer_create( struct layer *below, const struct tls_policy *policy, enum wh_error *error )
{
    struct tls *tls = tls_alloc( below, policy );

    *error = tls ? tls_session_open( tls, policy ) : WHE_NO_MEMORY;
    if (!*error) return &tls->layer;

    if (tls) tls_free( tls );
    below->ops->close( below );
    return NULL;
}

uint32_t tls_layer_alpn( const struct layer *layer )
{
    return ((const struct tls *)layer)->alpn;
}

void tls_shutdown( void )
{
    tls_cache_clear();
    tls_trust_free();
    tls_keylog_free();
    block_shutdown();
    tls_settings_free();
}
