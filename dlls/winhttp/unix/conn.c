#if 0
#pragma makedep unix
#endif

/*
 * Connections: from the first SYN to the last byte
 *
 * References: the id table holds one until conn_close, the pool's lists none of their own (a listed connection is in the
 * table), an exchange one while it names the connection, a dial one per attempt.
 */

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "job.h"
#include "log.h"
#include "loop.h"
#include "origin.h"
#include "proxy.h"
#include "socks.h"
#include "tcp.h"
#include "tls.h"
#include "tunnel.h"

#define HANDSHAKE_IDLE_MS 5000    /* for the next leg of somebody's handshake, which makes way for nobody */
#define DRAIN_MS 2000      /* for a body that nobody reads: longer than that, a new connection is cheaper */

static const char *const conn_state_names[] =
{
#define CONN_STATE_NAME( name ) #name,
    CONN_STATES( CONN_STATE_NAME )
#undef CONN_STATE_NAME
};

static void conn_enter( struct conn *conn, enum conn_state state )
{
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": %s -> %s", OBJECT_ARG( &conn->obj ), conn_state_names[conn->state],
         conn_state_names[state] );
    conn->state = state;
}

static void conn_drop_facts( struct conn *conn )
{
    unsigned int i;

    for (i = 0; i < CONN_KEPT; i++) wh_free( conn->facts[i].data );
}

static void conn_destroy( struct object *obj )
{
    struct conn *conn = conn_from_object( obj );

    engine_drop_timer( &conn->timer );
    if (conn->layer) conn->layer->ops->close( conn->layer );
    if (conn->dial) object_release( &conn->dial->obj );
    if (conn->revival) object_release( &conn->revival->obj );
    h1_reset( &conn->h1 );
    h2_free( conn->h2 );
    origin_release( conn->origin );
    conn_drop_facts( conn );
    wh_free( conn );
}

/* The trust list: read once, on a job thread, while connections are being made. Handshakes that come to verification
 * before it is there are looked at again afterwards. */

static pthread_mutex_t trust_lock = PTHREAD_MUTEX_INITIALIZER;
static int trust_asked;
static wh_id *trust_waiters;
static unsigned int trust_count, trust_size;

static void trust_run( struct job *job )
{
    unsigned int i, count;
    wh_id *ids;

    (void)job;
    tls_trust_load();
    pthread_mutex_lock( &trust_lock );
    ids = trust_waiters;
    count = trust_count;
    trust_waiters = NULL;
    trust_count = trust_size = 0;
    trust_asked = 0;
    pthread_mutex_unlock( &trust_lock );
    for (i = 0; i < count; i++)
    {
        struct object *obj = object_from_id( ids[i], OBJECT_CONN );

        if (!obj) continue;
        strand_schedule( &conn_from_object( obj )->strand );
        object_release( obj );
    }
    wh_free( ids );
}

static struct job trust_job = { NULL, trust_run };

static void trust_ask( void )
{
    int ask;

    pthread_mutex_lock( &trust_lock );
    ask = !trust_asked && tls_trust_due();
    if (ask) trust_asked = 1;
    pthread_mutex_unlock( &trust_lock );
    if (ask && job_submit( &trust_job )) trust_run( &trust_job );    /* no thread: then it takes our time */
}

/* 1: it is there by now, start again. 0: the strand will be scheduled. -1: without memory nobody would remember. */
static int trust_wait( struct conn *conn )
{
    wh_id *ids;
    int ret;

    pthread_mutex_lock( &trust_lock );
    if (!(ret = tls_trust_loaded()))
    {
        if (trust_count == trust_size)
        {
            ids = wh_realloc( trust_waiters, (trust_size + 16) * sizeof(*ids) );
            if (ids)
            {
                trust_waiters = ids;
                trust_size += 16;
            }
        }
        if (trust_count < trust_size) trust_waiters[trust_count++] = conn->obj.id;
        else ret = -1;
    }
    pthread_mutex_unlock( &trust_lock );
    return ret;
}

static int conn_run( struct object *obj );
static void conn_dial_failed( struct conn *conn, enum wh_error error, uint32_t detail );

struct conn *conn_create( struct dial *dial, struct origin *origin, const union address *address, uint64_t deadline_ms,
                          enum wh_error *error, uint32_t *detail )
{
    /* Only what may arrive twice goes with a SYN: the first bytes of a TLS handshake, not a request. */
    struct tcp_options options = { dial->plan.keepalive_ms, dial->plan.keepalive_interval_ms, origin->if_index,
                                   origin->fast_open && origin->tls &&
                                   !__atomic_load_n( &dial->no_fast_open, __ATOMIC_RELAXED ) };
    struct conn *conn;

    if (!(conn = wh_calloc( 1, sizeof(*conn) )))
    {
        *error = WHE_NO_MEMORY;
        return NULL;
    }
    object_init( &conn->obj, OBJECT_CONN, conn_destroy );
    strand_init( &conn->strand, &conn->obj, conn_run );
    conn->address = *address;
    conn->arrivals_tail = &conn->arrivals;
    conn->deadline_ms = deadline_ms;
    conn->origin = origin_ref( origin );
    if (!(*error = engine_own_timer( &conn->timer, &conn->strand )) &&
        (conn->layer = tcp_layer_create( address, &options, error, detail )) && !(*error = object_add( &conn->obj )))
    {
        conn->dial = dial;
        object_ref( &dial->obj );
        if (origin->tls || origin->proxy_kind == WH_PROXY_HTTPS) trust_ask();
        return conn;
    }
    object_release( &conn->obj );
    return NULL;
}

void conn_launch( struct conn *conn )
{
    enum wh_error error;

    strand_enter( &conn->strand );    /* whoever drops the dial closes the socket */
    if (conn->state == CONN_CONNECTING && (error = loop_add( tcp_layer_fd( conn->layer ), conn->obj.id )))
        conn_dial_failed( conn, error, 0 );
    strand_leave( &conn->strand );
    strand_run( &conn->strand );
}

void conn_ready( struct conn *conn, unsigned int ready, int hangup, const struct waiter *self )
{
    const struct waiter *waiter = __atomic_load_n( &conn->strand.waiter, __ATOMIC_RELAXED );

    __atomic_or_fetch( &conn->ready, ready | (hangup ? CONN_HANGUP : 0), __ATOMIC_RELEASE );
    if (waiter && waiter != self) strand_schedule( &conn->strand );
    else strand_run( &conn->strand );
}

void conn_serve( struct conn *conn )
{
    strand_run( &conn->strand );
}

void conn_attend( struct conn *conn, struct exchange *exchange )
{
    struct exchange *first;

    if (__atomic_exchange_n( &exchange->attended, 1, __ATOMIC_SEQ_CST )) return;
    object_ref( &exchange->obj );
    first = __atomic_load_n( &conn->attention, __ATOMIC_RELAXED );
    do exchange->attend_next = first;
    while (!__atomic_compare_exchange_n( &conn->attention, &first, exchange, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED ));
}

struct exchange *conn_attention( struct conn *conn )
{
    struct exchange *exchange, *next, *list = NULL;

    if (!__atomic_load_n( &conn->attention, __ATOMIC_RELAXED )) return NULL;
    for (exchange = __atomic_exchange_n( &conn->attention, NULL, __ATOMIC_ACQUIRE ); exchange; exchange = next)
    {
        next = exchange->attend_next;
        exchange->attend_next = list;
        list = exchange;
    }
    return list;
}

void conn_linger( struct conn *conn )
{
    __atomic_or_fetch( &conn->ready, CONN_PATIENT, __ATOMIC_RELEASE );
    strand_run( &conn->strand );
}

void conn_force( struct conn *conn )
{
    __atomic_or_fetch( &conn->ready, LAYER_WANT_READ, __ATOMIC_RELEASE );
    strand_run( &conn->strand );
}

void conn_evict( struct conn *conn )
{
    __atomic_or_fetch( &conn->ready, CONN_UNWANTED, __ATOMIC_RELEASE );
    strand_schedule( &conn->strand );    /* closing one may evict the next, and so on */
}

/* What programs may still ask about a connection that is gone. */
static const uint8_t kept_facts[CONN_KEPT] =
{
    WHQ_CONNECTION, WHQ_TCP, WHQ_TLS, WHQ_PEER_CHAIN, WHQ_CHANNEL_BINDING, WHQ_CERT_ISSUERS
};

/* What TLS with a proxy says is nothing about the server: only who judges the proxy can ask for it, and has to say so. */
static enum wh_error conn_fact( struct conn *conn, unsigned int what, void *buffer, size_t size, size_t *len )
{
    *len = 0;
    if (what & WHQ_OF_PROXY)
    {
        if (conn->state != CONN_JUDGING || conn->stage != STAGE_PROXY_TLS) return WHE_STATE;
        return conn->layer->ops->query( conn->layer, what & ~WHQ_OF_PROXY, buffer, size, len );
    }
    if (conn->stage != STAGE_TLS && what != WHQ_CONNECTION && what != WHQ_TCP) return WHE_STATE;
    return conn->layer->ops->query( conn->layer, what, buffer, size, len );
}

/* One that is not there, or for which there is no memory, is not there later. Asked once where it is small: some are
 * calculated from certificates. */
static void conn_keep_facts( struct conn *conn )
{
    enum wh_error error;
    char small[256];
    unsigned int i;
    size_t len;
    void *data;

    for (i = 0; i < CONN_KEPT; i++)
    {
        if (conn->facts[i].data) continue;
        error = conn_fact( conn, kept_facts[i], small, sizeof(small), &len );
        if ((error && error != WHE_INVALID) || !(data = wh_malloc( len ))) continue;
        if (!error) memcpy( data, small, len );
        else if (conn_fact( conn, kept_facts[i], data, len, &len ))
        {
            wh_free( data );
            continue;
        }
        conn->facts[i].data = data;
        conn->facts[i].len = len;
    }
}

void conn_goodbye( struct conn *conn )
{
    conn_keep_facts( conn );    /* before it looks like one that ends */
    conn->layer->ops->goodbye( conn->layer );
}

void conn_close( struct conn *conn )
{
    struct dial *dial = conn->dial;

    if (conn->state == CONN_CLOSED) return;
    if (conn->state == CONN_UP) conn_keep_facts( conn );
    conn_enter( conn, CONN_CLOSED );
    engine_set_timer( &conn->timer, TIMER_NEVER );
    h2_stop( conn );
    conn->layer->ops->close( conn->layer );
    conn->layer = NULL;
    h1_reset( &conn->h1 );
    conn->dial = NULL;
    if (dial) object_release( &dial->obj );
    object_remove( &conn->obj );
}

void conn_part( struct conn *conn )
{
    if (conn->state == CONN_UP && conn->h2) h2_goodbye( conn );
    else if (conn->state == CONN_UP) conn_goodbye( conn );
    conn_close( conn );
}

/* For how long it may be idle. A handshake that was given up leaves a connection behind that is of use to nobody. */
static uint32_t idle_ms( const struct conn *conn )
{
    uint32_t limit = origin_idle_ms( conn->origin );

    return (conn->identity & WH_IDENTITY_HANDSHAKE) && limit > HANDSHAKE_IDLE_MS ? HANDSHAKE_IDLE_MS : limit;
}

void conn_end_exchange( struct conn *conn, struct exchange *exchange, enum conn_fate fate )
{
    if (fate == CONN_CLOSE) conn_goodbye( conn );
    else
    {
        if (fate == CONN_KEEP) h1_reset( &conn->h1 );
        conn->h1.exchange = NULL;
        conn->served++;
        conn->deadline_ms = engine_now_ms() + (fate == CONN_KEEP ? idle_ms( conn ) : DRAIN_MS);
        engine_set_timer( &conn->timer, conn->deadline_ms );
    }
    origin_conn_unlink( conn );
    exchange_detach( exchange );
    switch (fate)
    {
    case CONN_KEEP:
        origin_conn_free( conn );
        break;
    case CONN_DRAIN:
        origin_conn_draining( conn );
        break;
    case CONN_CLOSE:
        origin_conn_retire( conn );
        conn_close( conn );
        break;
    }
}

/* Becoming one. */

/* The program whose request fails with a handshake may ask for the server's certificates, and whose certificate the server
 * would have liked to see. */
static void conn_show_failure( struct conn *conn )
{
    struct exchange *sponsor;

    if (conn->state == CONN_CONNECTING || conn->stage != STAGE_TLS || !(sponsor = origin_sponsor( conn->dial ))) return;
    conn_keep_facts( conn );
    exchange_show( sponsor, conn );
    object_release( &sponsor->obj );
}

/* Whose error it is. */
static enum wh_error conn_way_error( const struct conn *conn, enum wh_error error )
{
    if (conn->stage == STAGE_TLS) return error;
    if (conn->revived && error == WHE_RESET) return WHE_STALE;    /* a new one may be better */
    if (conn->stage == STAGE_TUNNEL && error == WHE_CONNECT) return error;    /* a SOCKS proxy's word */
    return origin_way_error( conn->origin, error );
}

static void conn_dial_failed( struct conn *conn, enum wh_error error, uint32_t detail )
{
    struct dial *dial = conn->dial;

    error = conn_way_error( conn, error );
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": %s, error %u (%u)", OBJECT_ARG( &conn->obj ), conn_state_names[conn->state],
         error, detail );
    conn_show_failure( conn );
    object_ref( &dial->obj );
    conn_close( conn );
    dial_attempt_failed( dial, conn, error, detail );
    object_release( &dial->obj );
}

/* What the sponsor's program may ask about times. */
static void conn_note_time( struct conn *conn, size_t field )
{
    struct exchange *sponsor = origin_sponsor( conn->dial );

    if (!sponsor) return;
    exchange_mark_time( sponsor, field );
    object_release( &sponsor->obj );
}

/* What is spoken on it. `chosen` by ALPN, 0 = it was not asked, or has no answer. */
static enum wh_error conn_agree( struct conn *conn, uint32_t chosen )
{
    const struct origin *origin = conn->origin;

    if (!origin->tls) chosen = origin->alpn == WH_ALPN_H2 ? WH_ALPN_H2 : WH_ALPN_H1;
    else if (!chosen && origin->alpn == WH_ALPN_H2) return WHE_MISMATCH;
    else if (!chosen) chosen = WH_ALPN_H1;
    else if (!(chosen & origin->alpn)) return WHE_PROTOCOL;
    conn->protocol = chosen;
    return chosen == WH_ALPN_H2 ? h2_open( conn, &conn->dial->plan ) : WHE_OK;
}

enum wh_error conn_layer_error( const struct conn *conn )
{
    enum wh_error error = conn->layer->error;

    if (conn->stage != STAGE_PROXY_TLS || error == WHE_RESET || error == WHE_TIMEOUT) return error;
    return origin_way_error( conn->origin, error );
}

static void conn_up( struct conn *conn, uint32_t chosen )
{
    struct dial *dial = conn->dial;
    enum wh_error error = WHE_OK;

    if (conn->refused) conn->protocol = WH_ALPN_H1;
    else error = conn_agree( conn, chosen );
    if (error)
    {
        conn_dial_failed( conn, error, 0 );
        return;
    }
    if (!dial_complete( dial ))
    {
        conn_close( conn );
        return;
    }
    conn_enter( conn, CONN_UP );
    conn->dial = NULL;
    if (dial->plan.identity) conn->identity = dial->plan.identity;
    engine_set_timer( &conn->timer, TIMER_NEVER );
    origin_conn_up( conn, dial );
    object_release( &dial->obj );
    if (conn->refused && !origin_conn_busy( conn )) conn->unwanted = 1;    /* nobody is there to read why */
}

/* ---- upwards, one layer on top of the other ---- */

static struct layer *push_tls( struct conn *conn, enum wh_error *error )
{
    const struct origin *origin = conn->origin;
    const struct tls_policy policy =
    {
        .host          = origin->host,
        .versions      = origin->tls_versions,
        .flags         = origin->tls_flags,
        .alpn          = origin->alpn,
        .judge         = origin->judge,
        .creds         = origin->creds,
        .cache_key     = origin->key,
        .cache_key_len = origin->key_len,
    };

    return tls_layer_create( conn->layer, &policy, error );
}

/* The route's policy, for another name, and without what the program ignores of the server's certificate. Sessions are kept
 * under a key of their own: the two peers of a route are not to be taken for one another. */
static struct layer *push_proxy_tls( struct conn *conn, enum wh_error *error )
{
    const struct origin *origin = conn->origin;
    struct tls_policy policy = { .host = origin->connect_host, .versions = origin->tls_versions,
                                 .flags = (origin->tls_flags & ~WH_TLS_IGNORE_ANY) | WH_TLS_NO_CLIENT_CERT,
                                 .alpn = WH_ALPN_H1, .judge = origin->judge };
    char key[1024];

    if (origin->key_len < sizeof(key))
    {
        key[0] = 'p';
        memcpy( key + 1, origin->key, origin->key_len );
        policy.cache_key = key;
        policy.cache_key_len = origin->key_len + 1;
    }
    return tls_layer_create( conn->layer, &policy, error );
}

static struct layer *push_tunnel( struct conn *conn, enum wh_error *error )
{
    const struct origin *origin = conn->origin;
    const struct proxy_words *words = conn->dial->plan.words;

    if (origin->proxy_kind == WH_PROXY_SOCKS4 || origin->proxy_kind == WH_PROXY_SOCKS5)
        return socks_layer_create( conn->layer, origin->proxy_kind, origin->host, origin->target_port, words, error );
    return tunnel_layer_create( conn->layer, origin->host, origin->target_port, words, error );
}

struct stage
{
    struct layer *(*push)( struct conn *conn, enum wh_error *error );   /* takes over conn->layer, also when it fails */
    size_t begin, end;       /* the times in struct wh_times */
};

static const struct stage stages[] =
{
    [STAGE_TCP]       = { NULL, offsetof( struct wh_times, connect_start ), offsetof( struct wh_times, connect_end ) },
    [STAGE_PROXY_TLS] = { push_proxy_tls, offsetof( struct wh_times, proxy_tls_start ),
                          offsetof( struct wh_times, proxy_tls_end ) },
    [STAGE_TUNNEL]    = { push_tunnel, offsetof( struct wh_times, tunnel_start ), offsetof( struct wh_times, tunnel_end ) },
    [STAGE_TLS]       = { push_tls, offsetof( struct wh_times, tls_start ), offsetof( struct wh_times, tls_end ) },
};

static int has_stage( const struct origin *origin, enum conn_stage stage )
{
    if (stage == STAGE_PROXY_TLS) return origin->proxy_kind == WH_PROXY_HTTPS;
    if (stage == STAGE_TUNNEL) return origin->tunnel;
    return stage != STAGE_TLS || origin->tls;
}

/* The top layer has something to do first: so long it may take. */
static void conn_begin_stage( struct conn *conn )
{
    uint32_t limit_ms = conn->dial->plan.connect_ms;

    if (conn->stage == STAGE_TUNNEL && conn->dial->plan.tunnel_ms) limit_ms = conn->dial->plan.tunnel_ms;
    conn->deadline_ms = limit_ms ? engine_now_ms() + limit_ms : TIMER_NEVER;
    engine_set_timer( &conn->timer, conn->deadline_ms );
    conn_note_time( conn, stages[conn->stage].begin );
    conn_enter( conn, CONN_HANDSHAKE );
}

/* There is no layer any more: the one that could not be made has taken those below along. */
static void conn_push_failed( struct conn *conn, enum wh_error error )
{
    struct dial *dial = conn->dial;

    conn_enter( conn, CONN_CLOSED );
    engine_set_timer( &conn->timer, TIMER_NEVER );
    conn->dial = NULL;
    object_remove( &conn->obj );
    dial_attempt_failed( dial, conn, error, 0 );
    object_release( &dial->obj );
}

/* The top layer is up: the next one, or it is done. */
static void conn_climb( struct conn *conn )
{
    unsigned int stage = conn->stage + 1;
    enum wh_error error;

    while (stage <= STAGE_TLS && !has_stage( conn->origin, stage )) stage++;
    if (stage > STAGE_TLS)
    {
        conn_up( conn, conn->stage == STAGE_TLS ? tls_layer_alpn( conn->layer ) : 0 );
        return;
    }
    if (!(conn->layer = stages[stage].push( conn, &error )))
    {
        conn_push_failed( conn, error );
        return;
    }
    if (conn->stage == STAGE_TCP) conn->deferred = conn->origin->fast_open && tcp_layer_deferred( conn->layer->below );
    conn->stage = stage;
    conn_begin_stage( conn );
}

/* The socket is connected: go on upwards. */
static void conn_connected( struct conn *conn )
{
    struct exchange *sponsor;
    char text[WH_RECORD_TEXT];

    if (!dial_attempt_won( conn->dial, conn ))
    {
        conn_close( conn );
        return;
    }
    if ((sponsor = origin_sponsor( conn->dial )))
    {
        address_text( &conn->address, text, sizeof(text) );
        exchange_progress( sponsor, WHK_CONNECTED, text );
        exchange_mark_time( sponsor, offsetof( struct wh_times, connect_end ) );
        object_release( &sponsor->obj );
    }
    conn_climb( conn );
}

static void conn_secured( struct conn *conn )
{
    struct wh_tls_facts facts;
    size_t len;

    if (conn->deferred) conn->fast_open = tcp_layer_fast_opened( conn->layer->below );
    if (!conn->layer->ops->query( conn->layer, WHQ_TLS, &facts, sizeof(facts), &len ))
    {
        conn->tls_resumed = facts.resumed;
        conn->tls_false_start = facts.false_start;
    }
}

/* The top layer has done what it had to do first. */
static void conn_stage_done( struct conn *conn )
{
    conn_note_time( conn, stages[conn->stage].end );
    if (conn->stage == STAGE_TLS) conn_secured( conn );
    if (conn->stage == STAGE_TUNNEL && conn->origin->proxy_kind != WH_PROXY_SOCKS4 &&
        conn->origin->proxy_kind != WH_PROXY_SOCKS5) conn->refused = tunnel_layer_refused( conn->layer );
    if (conn->refused) conn_up( conn, 0 );
    else conn_climb( conn );
}

/* UP and idle, after a refusal: somebody has an answer to it. 1: it is on its way again, as if it had just connected. */
static int conn_revive( struct conn *conn )
{
    struct origin *origin = conn->origin;
    enum wh_error error;

    if (!conn->refused || !(conn->dial = origin_conn_revival( conn ))) return 0;
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": asks its proxy again", OBJECT_ARG( &conn->obj ) );
    h1_reset( &conn->h1 );
    conn->served = 0;
    conn->was_idle = conn->refused = 0;
    conn->revived = 1;
    error = conn->unwanted ? WHE_STALE : tunnel_layer_again( conn->layer, origin->host, origin->target_port,
                                                             conn->dial->plan.words );
    conn_begin_stage( conn );
    if (error) conn_dial_failed( conn, error, 0 );
    return 1;
}

/* JUDGING. Asks the program of the exchange that the dial works for; another one, when that has left. */
static void conn_ask( struct conn *conn )
{
    struct exchange *judge = origin_judge( conn->dial );

    if (judge)
    {
        if (judge->obj.id != conn->asked) exchange_ask( judge, conn );
        conn->asked = judge->obj.id;
        conn->deadline_ms = TIMER_NEVER;
        object_release( &judge->obj );
    }
    else if (conn->deadline_ms == TIMER_NEVER)
    {
        conn->asked = 0;
        conn->deadline_ms = engine_now_ms() + origin_idle_ms( conn->origin );
    }
    else if (engine_now_ms() >= conn->deadline_ms)
    {
        conn_dial_failed( conn, WHE_TIMEOUT, 0 );
        return;
    }
    engine_set_timer( &conn->timer, conn->deadline_ms );
}

int conn_verdict( struct conn *conn, enum wh_error error, uint32_t bits )
{
    uint32_t limit_ms;
    int waits;

    strand_enter( &conn->strand );
    if ((waits = conn->state == CONN_JUDGING))
    {
        LOG( LOG_TRACE, "conn " OBJECT_FMT ": the verdict is %u (%#x)", OBJECT_ARG( &conn->obj ), error, bits );
        tls_layer_verdict( conn->layer, error, bits );
        conn->asked = 0;    /* another session of this connection is another question */
        limit_ms = conn->dial->plan.connect_ms;
        conn->deadline_ms = limit_ms ? engine_now_ms() + limit_ms : TIMER_NEVER;
        conn_enter( conn, CONN_HANDSHAKE );
    }
    strand_leave( &conn->strand );
    if (waits) strand_run( &conn->strand );
    return waits;
}

/* The layer waits, and not for its socket. 1: start it again. 0: the strand will be scheduled. -1: no memory. */
static int conn_wait_beside( struct conn *conn )
{
    if (conn->state != CONN_HANDSHAKE || (conn->stage != STAGE_TLS && conn->stage != STAGE_PROXY_TLS) ||
        !tls_layer_judging( conn->layer, &conn->bits ))
        return trust_wait( conn );
    conn->deadline_ms = TIMER_NEVER;
    conn_enter( conn, CONN_JUDGING );
    return 0;
}

/* What looked connected was only a SYN that had not left yet. Now that it has come to nothing, the same once more, the
 * ordinary way: some networks drop a SYN with data in it. 1: that is under way. */
static int conn_undone( struct conn *conn )
{
    struct dial *dial = conn->dial;

    if (!conn->deferred || conn->layer->error != WHE_RESET) return 0;
    object_ref( &dial->obj );
    conn_close( conn );
    dial_attempt_undone( dial, conn );
    object_release( &dial->obj );
    return 1;
}

/* CONNECTING, HANDSHAKE and JUDGING. 1: it got further, look again. */
static int conn_start( struct conn *conn )
{
    int ret, wait = 0;

    if (!dial_wants( conn->dial, conn ))
    {
        conn_close( conn );
        return 0;
    }
    if (conn->state == CONN_JUDGING)
    {
        conn_ask( conn );
        return 0;
    }
    do ret = conn->layer->ops->start( conn->layer );
    while (ret == LAYER_AGAIN && !conn->layer->ops->wants( conn->layer ) && (wait = conn_wait_beside( conn )) > 0);

    if (wait < 0)
    {
        conn_dial_failed( conn, WHE_NO_MEMORY, 0 );
        return 0;
    }
    switch (ret)
    {
    case LAYER_OK:
        if (conn->state == CONN_CONNECTING) conn_connected( conn );
        else conn_stage_done( conn );
        return 1;
    case LAYER_AGAIN:
        if (conn->state == CONN_JUDGING) return 1;
        if (engine_now_ms() < conn->deadline_ms) engine_set_timer( &conn->timer, conn->deadline_ms );
        else conn_dial_failed( conn, WHE_TIMEOUT, 0 );
        return 0;
    default:
        if (!conn_undone( conn )) conn_dial_failed( conn, conn->layer->error, conn->layer->detail );
        return 0;
    }
}

/* Being idle: nothing may come, and not for ever. */
static void conn_idle( struct conn *conn )
{
    char byte;
    ssize_t count = LAYER_AGAIN;

    if (!conn->unwanted && (count = conn->layer->ops->read( conn->layer, &byte, 1 )) == LAYER_AGAIN &&
        engine_now_ms() < conn->deadline_ms)
    {
        engine_set_timer( &conn->timer, conn->deadline_ms );
        if (!conn->served) conn->layer->ops->flush( conn->layer );    /* the end of a handshake; errors show later */
        return;
    }
    if (count != LAYER_AGAIN) conn->unwanted = 1;
    if (!origin_conn_retire( conn )) return;    /* in use again: h1.c sees what is the matter */
    LOG( LOG_TRACE, "conn " OBJECT_FMT ": idle, %s", OBJECT_ARG( &conn->obj ),
         count > 0 ? "unexpected bytes" : count == LAYER_AGAIN ? "its time is over" : "ended" );
    conn_part( conn );
}

static int conn_go( struct conn *conn )
{
    struct exchange *exchange;
    enum h1_result result;
    int draining;

    while (conn->state < CONN_UP)
        if (!conn_start( conn )) return 0;
    if (conn->h2) return h2_run( conn, engine_now_ms() );

    while (conn->state == CONN_UP)
    {
        conn->gather.want = 0;
        if ((exchange = origin_conn_exchange( conn, &draining )))
        {
            result = h1_run( conn, exchange, engine_now_ms() );
            if (result == H1_OVER) exchange_settle( exchange );
            object_release( &exchange->obj );
            if (result == H1_OVER || result == H1_MOVED) continue;
            return result == H1_MORE;
        }
        if (draining)
        {
            int drained = engine_now_ms() < conn->deadline_ms ? h1_drain( conn ) : -1;

            if (!drained) return 0;
            if (drained > 0)
            {
                h1_reset( &conn->h1 );
                conn->deadline_ms = engine_now_ms() + idle_ms( conn );
                engine_set_timer( &conn->timer, conn->deadline_ms );
                origin_conn_free( conn );
                continue;
            }
            origin_conn_retire( conn );
            conn_close( conn );
            return 0;
        }
        if (conn_revive( conn ))
        {
            while (conn->state < CONN_UP)
                if (!conn_start( conn )) return 0;
            if (conn->h2) return h2_run( conn, engine_now_ms() );
            continue;
        }
        conn_idle( conn );
        if (conn->state == CONN_UP && !origin_conn_busy( conn )) return 0;
    }
    return 0;
}

/* About to wait: for how much. 1: there is more to do first. */
static int conn_gather( struct conn *conn, uint64_t now_ms )
{
    struct gather *gather = &conn->gather;
    uint64_t now_us = gather_cares( gather ) ? engine_now_us() : 0;
    int asked = gather->asked != 0;
    size_t size;

    /* Measured: without TLS nothing is saved, and a synchronous read waits for all its bytes in recv. */
    if (!conn->origin->tls) return 0;
    size = gather_end( gather, now_us );
    if (gather->want != GATHER_NOBODY && (size || asked))
    {
        if (!layer_gather( conn->layer, size )) gather_refused( gather );
        else if (!size) gather_stays( gather, engine_now_us() );
    }
    now_ms += GATHER_US / 1000;
    if (gather->until_us && now_ms < conn->timer.when) engine_set_timer( &conn->timer, now_ms );
    return !gather->until_us && conn->h2 && h2_tell( conn );
}

static int conn_run( struct object *obj )
{
    struct conn *conn = conn_from_object( obj );
    unsigned int ready = __atomic_exchange_n( &conn->ready, 0, __ATOMIC_ACQUIRE );
    uint64_t now_ms = engine_now_ms();
    int more, patient;

    if (conn->state == CONN_CLOSED) return conn->h2 ? h2_run( conn, now_ms ) : 0;
    if (gather_begin( &conn->gather, !!(ready & LAYER_WANT_READ), conn->gather.until_us ? engine_now_us() : 0 ))
        ready |= LAYER_WANT_READ;
    if (ready && conn->h2) h2_ready( conn->h2 );
    if (!conn->served && !conn->h1.head_done)    /* not worth the two system calls of preparing for one read */
        ready &= ~CONN_PATIENT;
    patient = !!(ready & CONN_PATIENT);
    if (ready & CONN_UNWANTED) conn->unwanted = 1;
    if (ready) conn->layer->ops->ready( conn->layer, ready & ~(CONN_HANGUP | CONN_UNWANTED), !!(ready & CONN_HANGUP) );
    conn->patient = patient;
    more = conn_go( conn );
    if (patient && conn->state != CONN_CLOSED) conn->layer->ops->ready( conn->layer, 0, 0 );
    if (!more && conn->state == CONN_UP) more = conn_gather( conn, now_ms );
    return more;
}

static const struct conn_fact *kept_fact( const struct conn *conn, unsigned int what )
{
    unsigned int i;

    for (i = 0; i < CONN_KEPT; i++) if (kept_facts[i] == what && conn->facts[i].data) return &conn->facts[i];
    return NULL;
}

enum wh_error conn_query( struct conn *conn, unsigned int what, void *buffer, size_t size, size_t *len )
{
    enum wh_error error = WHE_STATE;
    const struct conn_fact *kept;

    *len = 0;
    strand_enter( &conn->strand );
    if (what == WHQ_REFUSAL)
    {
        if (!conn->refused) error = WHE_STATE;
        else if (size < sizeof(uint32_t)) error = WHE_INVALID;
        else
        {
            const uint32_t status = conn->refused;

            memcpy( buffer, &status, sizeof(status) );
            error = WHE_OK;
        }
        *len = sizeof(uint32_t);
    }
    else if (conn->state == CONN_UP || conn->state == CONN_JUDGING)
        error = conn_fact( conn, what, buffer, size, len );
    else if ((kept = kept_fact( conn, what )))
    {
        *len = kept->len;
        error = size < kept->len ? WHE_INVALID : WHE_OK;
        if (!error) memcpy( buffer, kept->data, kept->len );
    }
    strand_leave( &conn->strand );
    return error;
}
