#if 0
#pragma makedep unix
#endif

/*
 * Dials: from a name to one connection, happy eyeballs (RFC 8305)
 *
 * The strand starts attempts; each attempt is a connection with a strand of its own, which reports by dial_attempt_*. The
 * lock guards what both sides touch. No lock is held while another strand is run.
 */

#include <errno.h>
#include <stdio.h>

#include "conn.h"
#include "dial.h"
#include "exchange.h"
#include "hooks.h"
#include "log.h"
#include "origin.h"
#include "proxy.h"

static void dial_destroy( struct object *obj )
{
    struct dial *dial = dial_from_object( obj );

    engine_drop_timer( &dial->timer );
    addresses_release( dial->answer );
    addresses_release( dial->addresses );
    if (dial->origin) origin_release( dial->origin );
    proxy_words_release( dial->plan.words );
    pthread_mutex_destroy( &dial->lock );
    wh_free( dial );
}

static int dial_run( struct object *obj );

struct dial *dial_create( struct origin *origin, const struct dial_plan *plan )
{
    struct dial *dial = wh_calloc( 1, sizeof(*dial) );

    if (!dial) return NULL;
    object_init( &dial->obj, OBJECT_DIAL, dial_destroy );
    strand_init( &dial->strand, &dial->obj, dial_run );
    pthread_mutex_init( &dial->lock, NULL );
    dial->plan = *plan;
    proxy_words_ref( plan->words );
    if (!engine_own_timer( &dial->timer, &dial->strand ) && !object_add( &dial->obj ))
    {
        dial->origin = origin;
        return dial;
    }
    object_release( &dial->obj );
    return NULL;
}

int dial_fits( const struct dial *dial, const struct dial_plan *plan )
{
    const uint32_t flags = WH_ROUTE_IPV6_FALLBACK | WH_ROUTE_NO_DNS_CACHE;

    return dial->plan.resolve_ms == plan->resolve_ms && dial->plan.connect_ms == plan->connect_ms &&
           dial->plan.tunnel_ms == plan->tunnel_ms &&
           dial->plan.connect_retries == plan->connect_retries && !((dial->plan.flags ^ plan->flags) & flags) &&
           dial->plan.identity == plan->identity && proxy_words_equal( dial->plan.words, plan->words );
}

/* The resolver's answer, on a job thread. */
static void dial_resolved( wh_id id, struct addresses *addresses, enum wh_error error )
{
    struct object *obj = object_from_id( id, OBJECT_DIAL );
    struct dial *dial;

    if (!obj) return;
    dial = dial_from_object( obj );
    pthread_mutex_lock( &dial->lock );
    dial->answered = 1;
    dial->answer = addresses ? addresses_ref( addresses ) : NULL;
    dial->answer_error = error;
    pthread_mutex_unlock( &dial->lock );
    strand_schedule( &dial->strand );
    object_release( obj );
}

static void sponsor_progress( struct dial *dial, enum wh_kind kind, const char *text, size_t time_field )
{
    struct exchange *sponsor = origin_sponsor( dial );

    if (!sponsor) return;
    exchange_progress( sponsor, kind, text );
    exchange_mark_time( sponsor, time_field );
    object_release( &sponsor->obj );
}

/* It ends without a connection. */
static void dial_fail( struct dial *dial, enum wh_error error, uint32_t detail )
{
    int over;

    pthread_mutex_lock( &dial->lock );
    over = dial->over;
    dial->over = 1;
    pthread_mutex_unlock( &dial->lock );
    if (over) return;
    LOG( LOG_TRACE, "dial " OBJECT_FMT ": failed, error %u (%u)", OBJECT_ARG( &dial->obj ), error, detail );
    object_remove( &dial->obj );
    origin_dial_failed( dial, error, detail );
}

/* The first run: asks for the addresses. 0: it has failed. */
static int dial_begin( struct dial *dial )
{
    struct origin *origin = dial->origin;
    enum wh_error error;

    dial->begun = 1;
    sponsor_progress( dial, WHK_RESOLVING, origin->connect_host, offsetof( struct wh_times, resolve_start ) );
    if ((dial->answer = dns_known( origin->connect_host, origin->family, !(dial->plan.flags & WH_ROUTE_NO_DNS_CACHE) )))
        dial->answered = 1;
    else
    {
        dial->resolve_deadline = dial->plan.resolve_ms ? engine_now_ms() + dial->plan.resolve_ms : TIMER_NEVER;
        if ((error = dns_ask( origin->connect_host, origin->family, dial->obj.id, dial_resolved )))
        {
            dial_fail( dial, origin_way_error( origin, error ), 0 );
            return 0;
        }
    }
    return 1;
}

/* Attempts that have lost: each closes itself on its own strand. Takes over the list. */
static void dial_dismiss( struct conn **attempts, unsigned int count )
{
    unsigned int i;

    for (i = 0; i < count; i++)
    {
        strand_run( &attempts[i]->strand );
        object_release( &attempts[i]->obj );
    }
}

/* Lock held: all attempts, with their references. */
static unsigned int dial_take_attempts( struct dial *dial, struct conn **attempts )
{
    unsigned int i, count = dial->attempt_count;

    for (i = 0; i < count; i++) attempts[i] = dial->attempts[i];
    dial->attempt_count = 0;
    return count;
}

/* Lets the one that connected first look around. */
static void dial_run_winner( struct dial *dial )
{
    struct object *winner;
    wh_id id;

    pthread_mutex_lock( &dial->lock );
    id = dial->winner_id;
    pthread_mutex_unlock( &dial->lock );
    if (!id || !(winner = object_from_id( id, OBJECT_CONN ))) return;
    strand_run( &conn_from_object( winner )->strand );
    object_release( winner );
}

void dial_drop( struct dial *dial )
{
    struct conn *attempts[DIAL_MAX_STEPS];
    unsigned int count;

    pthread_mutex_lock( &dial->lock );
    dial->dropped = 1;
    count = dial_take_attempts( dial, attempts );
    pthread_mutex_unlock( &dial->lock );
    dial_fail( dial, WHE_CANCELLED, 0 );
    dial_dismiss( attempts, count );
    dial_run_winner( dial );    /* it shakes hands */
}

void dial_ask_again( struct dial *dial )
{
    strand_schedule( &dial->strand );
}

int dial_wants( struct dial *dial, struct conn *conn )
{
    int wants;

    pthread_mutex_lock( &dial->lock );
    wants = !dial->dropped && (!dial->winner || dial->winner == conn);
    pthread_mutex_unlock( &dial->lock );
    return wants;
}

int dial_attempt_won( struct dial *dial, struct conn *conn )
{
    struct conn *attempts[DIAL_MAX_STEPS];
    unsigned int count = 0;
    int won;

    pthread_mutex_lock( &dial->lock );
    if ((won = !dial->dropped && !dial->winner))
    {
        dial->winner = conn;
        dial->winner_id = conn->obj.id;
        count = dial_take_attempts( dial, attempts );
    }
    pthread_mutex_unlock( &dial->lock );
    if (won) engine_set_timer( &dial->timer, TIMER_NEVER );
    dial_dismiss( attempts, count );    /* the winner is among them: its strand runs, so it goes round once more */
    return won;
}

int dial_complete( struct dial *dial )
{
    int over;

    pthread_mutex_lock( &dial->lock );
    over = dial->over;
    dial->over = 1;
    pthread_mutex_unlock( &dial->lock );
    return !over;
}

/* What the sponsor's program may ask about failures. */
static void count_failure( struct dial *dial )
{
    struct exchange *sponsor = origin_sponsor( dial );

    if (!sponsor) return;
    exchange_count_failure( sponsor );
    object_release( &sponsor->obj );
}

void dial_attempt_undone( struct dial *dial, struct conn *conn )
{
    pthread_mutex_lock( &dial->lock );
    if (dial->winner == conn)
    {
        dial->winner = NULL;
        dial->winner_id = 0;
        dial->again = 1;
    }
    pthread_mutex_unlock( &dial->lock );
    __atomic_store_n( &dial->no_fast_open, 1, __ATOMIC_RELAXED );
    strand_run( &dial->strand );
}

void dial_attempt_failed( struct dial *dial, struct conn *conn, enum wh_error error, uint32_t detail )
{
    struct conn *gone = NULL;
    unsigned int i;
    int over;

    pthread_mutex_lock( &dial->lock );
    over = dial->winner == conn;
    for (i = 0; i < dial->attempt_count; i++)
    {
        if (dial->attempts[i] != conn) continue;
        gone = conn;
        dial->attempts[i] = dial->attempts[--dial->attempt_count];
        break;
    }
    if (!dial->error || dial->no_way)
    {
        dial->error = error;
        dial->detail = detail;
        dial->no_way = 0;
    }
    dial->failures++;
    pthread_mutex_unlock( &dial->lock );
    if (gone) count_failure( dial );
    if (over) dial_fail( dial, error, detail );
    else strand_run( &dial->strand );
    if (gone) object_release( &gone->obj );
}

/* The order of WINHTTP_OPTION_IPV6_FAST_FALLBACK (options.md section 3.10): the first IPv6 address with little time, the
 * first IPv4 address, the former again, then the rest as always. */
unsigned int dial_plan_steps( const struct dial_plan *plan, const struct addresses *addresses, struct dial_step *steps )
{
    unsigned int limit = plan->connect_retries, distinct = 0, count = 0, i, six = ~0u, four = ~0u;

    if (!limit || limit > addresses->count) limit = addresses->count;
    for (i = addresses->count; i--;)
    {
        if (addresses->list[i].any.sa_family == AF_INET6) six = i;
        else four = i;
    }
    if ((plan->flags & WH_ROUTE_IPV6_FALLBACK) && six != ~0u && four != ~0u && limit > 1)
    {
        const struct dial_step first[] =
        {
            { six, plan->connect_ms && plan->connect_ms < DIAL_FALLBACK_MS ? plan->connect_ms : DIAL_FALLBACK_MS,
              DIAL_FALLBACK_MS },
            { four, plan->connect_ms, DIAL_STAGGER_MS },
            { six, plan->connect_ms, DIAL_STAGGER_MS },
        };

        memcpy( steps, first, sizeof(first) );
        count = 3;
        distinct = 2;
    }
    else six = four = ~0u;
    for (i = 0; i < addresses->count && distinct < limit; i++)
    {
        const struct dial_step step = { i, plan->connect_ms, DIAL_STAGGER_MS };

        if (i == six || i == four) continue;
        steps[count++] = step;
        distinct++;
    }
    return count;
}

/* This host has no way to such addresses (mostly IPv6): what another one says is worth more. */
static int is_no_way( int err )
{
    return err == ENETUNREACH || err == EHOSTUNREACH || err == EADDRNOTAVAIL || err == EAFNOSUPPORT;
}

/* The next address. 0 if it could not even begin. */
static int dial_try( struct dial *dial )
{
    const struct dial_step *step = &dial->steps[dial->next_step++];
    union address address = dial->addresses->list[step->address];
    char text[WH_RECORD_TEXT];
    enum wh_error error = WHE_OK;
    uint32_t detail = 0;
    uint64_t now = engine_now_ms();
    struct conn *conn;

    if (address.any.sa_family == AF_INET6) address.v6.sin6_port = htons( dial->origin->port );
    else address.v4.sin_port = htons( dial->origin->port );
    address_text( &address, text, sizeof(text) );
    LOG( LOG_TRACE, "dial " OBJECT_FMT ": connecting to %s port %u", OBJECT_ARG( &dial->obj ), text, dial->origin->port );
    sponsor_progress( dial, WHK_CONNECTING, text, offsetof( struct wh_times, connect_start ) );

    conn = conn_create( dial, dial->origin, &address, step->limit_ms ? now + step->limit_ms : TIMER_NEVER,
                        &error, &detail );
    pthread_mutex_lock( &dial->lock );
    if (conn)
    {
        dial->attempts[dial->attempt_count++] = conn;
        object_ref( &conn->obj );
    }
    else if (!dial->error)
    {
        dial->error = origin_way_error( dial->origin, error );
        dial->detail = detail;
        dial->no_way = error == WHE_CONNECT && is_no_way( detail );
    }
    pthread_mutex_unlock( &dial->lock );
    if (!conn)
    {
        count_failure( dial );
        return 0;
    }
    dial->next_try = now + step->stagger_ms;
    conn_launch( conn );
    object_release( &conn->obj );
    return 1;
}

/* An attempt that began while another one won, or while the dial was dropped. */
static void dial_dismiss_late( struct dial *dial )
{
    struct conn *attempts[DIAL_MAX_STEPS];
    unsigned int count;

    pthread_mutex_lock( &dial->lock );
    count = dial_take_attempts( dial, attempts );
    pthread_mutex_unlock( &dial->lock );
    dial_dismiss( attempts, count );
}

/* The resolver's part. 1: the addresses are there. */
static int dial_check_answer( struct dial *dial )
{
    struct addresses *addresses;
    enum wh_error error;
    char text[WH_RECORD_TEXT];
    int answered;

    if (dial->addresses) return 1;
    pthread_mutex_lock( &dial->lock );
    answered = dial->answered;
    addresses = dial->answer;
    error = dial->answer_error;
    dial->answer = NULL;
    pthread_mutex_unlock( &dial->lock );
    if (!answered)
    {
        if (engine_now_ms() >= dial->resolve_deadline)
            dial_fail( dial, origin_way_error( dial->origin, WHE_TIMEOUT ), 0 );
        else engine_set_timer( &dial->timer, dial->resolve_deadline );
        return 0;
    }
    if (!addresses)
    {
        dial_fail( dial, origin_way_error( dial->origin, error ), 0 );
        return 0;
    }
    dial->addresses = addresses;
    dial->step_count = dial_plan_steps( &dial->plan, addresses, dial->steps );
    address_text( &addresses->list[0], text, sizeof(text) );
    sponsor_progress( dial, WHK_RESOLVED, text, offsetof( struct wh_times, resolve_end ) );
    return 1;
}

static int dial_run( struct object *obj )
{
    struct dial *dial = dial_from_object( obj );
    enum wh_error error;
    uint32_t detail;
    unsigned int attempts, failures;
    int done, again;

    for (;;)
    {
        pthread_mutex_lock( &dial->lock );
        done = dial->over || dial->dropped || dial->winner;
        pthread_mutex_unlock( &dial->lock );
        if (done)
        {
            engine_set_timer( &dial->timer, TIMER_NEVER );
            dial_dismiss_late( dial );
            if (__atomic_load_n( &dial->judging, __ATOMIC_RELAXED )) dial_run_winner( dial );
            return 0;
        }
        if (!dial->begun && !dial_begin( dial )) return 0;
        if (!dial_check_answer( dial )) return 0;

        pthread_mutex_lock( &dial->lock );
        done = dial->winner != NULL;
        attempts = dial->attempt_count;
        failures = dial->failures;
        dial->failures = 0;
        error = dial->error;
        detail = dial->detail;
        again = dial->again;
        dial->again = 0;
        pthread_mutex_unlock( &dial->lock );
        if (done) continue;
        if (again) dial->next_step--;
        if (dial->next_step == dial->step_count)
        {
            if (!attempts) dial_fail( dial, error, detail );
            return 0;
        }
        if (attempts && !failures && engine_now_ms() < dial->next_try)
        {
            engine_set_timer( &dial->timer, dial->next_try );
            return 0;
        }
        dial_try( dial );
    }
}
