/*
 * Benchmark client over the Unix side alone: what the transport costs without Wine and the PE side
 *
 * Scenarios and options as in bench.h: get-async (conc requests in flight; with bytes=N bodies of that size) and get-sync,
 * download (one caller, one request after the other). One thread starts the requests and then fetches records as a
 * completion worker does. A native program, so that profilers (callgrind, perf) and strace see all of it; not a row of
 * tools/bench. The CA comes from SSL_CERT_FILE.
 */

#include "bench.h"
#include "unix/engine.h"
#include "unix/exchange.h"
#include "unix/session.h"

#define BATCH 64

struct slot
{
    wh_id    exchange;      /* 0: between two requests */
    char    *buffer;
    uint64_t received;
    char     head[2048];
};

static struct bench_options opts;
static struct bench_result result;
static struct bench_times times;

static wh_id session;
static char host[256], request[1024];
static struct wh_route route;
static struct slot *slots;
static uint64_t budget;             /* requests that may still be started */
static uint32_t active;             /* slots with one */
static double batch_end;

static void fail( uint32_t error )
{
    result.errors++;
    result.last_error = error;
}

/* scheme://host:port/path, as the driver gives it */
static int parse_url( const char *url )
{
    const char *begin, *colon, *path;

    if (!url || !(begin = strstr( url, "://" )) || !(colon = strchr( begin + 3, ':' )) || !(path = strchr( colon, '/' )))
        return 0;
    snprintf( host, sizeof(host), "%.*s", (int)(colon - begin - 3), begin + 3 );
    snprintf( request, sizeof(request), "GET %s HTTP/1.1\r\nConnection: Keep-Alive\r\nUser-Agent: bench/1\r\nHost: %.*s\r\n\r\n",
              path, (int)(path - begin - 3), begin + 3 );
    route.scheme = url[4] == 's' ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    route.host = wh_from_ptr( host );
    route.host_len = (uint32_t)strlen( host );
    route.port = (uint32_t)atoi( colon + 1 );
    route.tls_versions = WH_TLS_1_2 | WH_TLS_1_3;
    route.alpn = opts.h2 ? WH_ALPN_H1 | WH_ALPN_H2 : WH_ALPN_H1;
    return 1;
}

/* ---- one request of a slot: each step returns 1 if it has ended, 0 if its record follows ---- */

static void slot_close( struct slot *slot )
{
    struct wh_exchange_close_params params = { .exchange = slot->exchange };

    exchange_close( &params );
    slot->exchange = 0;
}

static int slot_done( struct slot *slot, uint32_t error, int right )
{
    result.bytes += slot->received;
    if (right) result.count++;
    else fail( error );
    slot_close( slot );
    return 1;
}

static int body_part( struct slot *slot, uint32_t error, uint64_t bytes, uint32_t flags, int *over )
{
    slot->received += bytes;
    *over = error || (flags & WHR_END) || !bytes;
    return *over ? slot_done( slot, error, !error && slot->received == opts.expect ) : 0;
}

static int read_body( struct slot *slot )
{
    int over = 0;

    while (!over)
    {
        struct wh_exchange_read_body_params params = { .exchange = slot->exchange, .buffer = wh_from_ptr( slot->buffer ),
                                                       .size = opts.block, .min = opts.block, .timeout_ms = 30000 };

        switch (exchange_read_body( &params ))
        {
        case WH_PENDING: return 0;
        case WH_DONE:    body_part( slot, params.error, params.bytes, params.flags, &over ); break;
        default:         return slot_done( slot, WHE_INVALID, 0 );
        }
    }
    return 1;
}

static int head_read( struct slot *slot, uint32_t error, uint32_t status, uint32_t flags )
{
    if (error || status != 200 || (opts.h2 && !(flags & WHR_H2)) || (flags & WHR_END)) return slot_done( slot, error, 0 );
    return read_body( slot );
}

static int read_head( struct slot *slot )
{
    struct wh_exchange_read_head_params params = { .exchange = slot->exchange, .buffer = wh_from_ptr( slot->head ),
                                                   .size = sizeof(slot->head), .timeout_ms = 30000 };

    switch (exchange_read_head( &params ))
    {
    case WH_PENDING: return 0;
    case WH_DONE:    return head_read( slot, params.error, params.status, params.flags );
    default:         return slot_done( slot, WHE_INVALID, 0 );
    }
}

static int start( struct slot *slot, uint32_t sync )
{
    struct wh_exchange_start_params params = { .session = session, .cookie = wh_from_ptr( slot ), .route = wh_from_ptr( &route ),
        .head = wh_from_ptr( request ), .head_len = (uint32_t)strlen( request ), .flags = sync ? WHX_SYNC : 0,
        .resolve_ms = 30000, .connect_ms = 30000, .send_ms = 30000 };
    uint32_t ret = exchange_start( &params );

    slot->exchange = params.exchange;
    slot->received = 0;
    if (ret == WH_PENDING) return 0;
    if (ret == WH_DONE && !params.error) return read_head( slot );
    return slot_done( slot, params.error, 0 );
}

/* Goes on with what a record says. */
static int go_on( struct slot *slot, const struct wh_record *record )
{
    int over;

    switch (record->kind)
    {
    case WHK_HEAD_SENT:
        return record->error ? slot_done( slot, record->error, 0 ) : read_head( slot );
    case WHK_HEAD_READ:
        return head_read( slot, record->error, record->status, record->flags );
    case WHK_BODY_READ:
        body_part( slot, record->error, record->bytes, record->flags, &over );
        return over ? 1 : read_body( slot );
    }
    return 0;
}

/* ---- many at a time ---- */

static void slot_next( struct slot *slot )
{
    while (budget && result.errors < 100 && bench_now() < batch_end)
    {
        budget--;
        if (!start( slot, 0 ))
        {
            active++;
            return;
        }
    }
}

static void run_batch( uint64_t count, double seconds )
{
    struct wh_record records[BATCH];
    uint32_t i;

    budget = count;
    batch_end = bench_now() + seconds;
    for (i = 0; i < opts.conc; i++) slot_next( &slots[i] );
    while (active)
    {
        struct wh_wait_params params = { .records = wh_from_ptr( records ), .capacity = BATCH, .timeout_ms = 30000 };

        if (engine_wait( &params ) || !params.count) exit( 2 );    /* a completion is lost */
        for (i = 0; i < params.count; i++)
        {
            struct slot *slot = wh_to_ptr( records[i].cookie );

            if (records[i].exchange != slot->exchange || !go_on( slot, &records[i] )) continue;
            active--;
            slot_next( slot );
        }
    }
}

static int run_async( void )
{
    double begin;

    if (opts.bytes) opts.expect = opts.bytes;
    if (!opts.bytes) run_batch( opts.conc, 60 );
    result.count = result.bytes = 0;
    bench_mark( &opts, "begin" );
    begin = bench_now();
    run_batch( opts.count, opts.seconds );
    result.seconds = bench_now() - begin;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, NULL );
}

/* ---- one caller ---- */

static void get_sync( struct slot *slot )
{
    struct wh_record record;
    int over = start( slot, 1 );

    while (!over)
    {
        struct wh_wait_params params = { .exchange = slot->exchange, .records = wh_from_ptr( &record ), .capacity = 1,
                                         .timeout_ms = 30000 };

        if (engine_wait( &params ) || !params.count) exit( 2 );
        over = go_on( slot, &record );
    }
}

static int run_sync( void )
{
    double begin, now, end;

    if (opts.bytes) opts.expect = opts.bytes;
    if (!opts.bytes) get_sync( slots );
    else if (opts.count == ~(uint64_t)0) opts.count = 1;
    result.count = result.bytes = 0;
    bench_mark( &opts, "begin" );
    begin = now = bench_now();
    end = begin + opts.seconds;
    while (result.count + result.errors < opts.count && now < end && result.errors < 100)
    {
        double since = now;

        get_sync( slots );
        now = bench_now();
        bench_time_add( &times, now - since );
    }
    result.seconds = now - begin;
    bench_mark( &opts, "end" );
    return bench_report( &opts, &result, &times );
}

int main( int argc, char **argv )
{
    struct wh_session_open_params open = { 0 };
    uint32_t i;

    bench_parse( &opts, argc, argv );
    if (!parse_url( opts.url )) return 2;
    if (engine_start() || session_open( &open )) return 2;
    session = open.session;
    if (!(slots = calloc( opts.conc, sizeof(*slots) ))) return 2;
    for (i = 0; i < opts.conc; i++)
    {
        if (!(slots[i].buffer = malloc( opts.block ))) return 2;
        memset( slots[i].buffer, 'x', opts.block );
    }
    if (!strcmp( opts.scenario, "get-async" )) return run_async();
    if (!strcmp( opts.scenario, "get-sync" ) || !strcmp( opts.scenario, "download" )) return run_sync();
    return 2;
}
