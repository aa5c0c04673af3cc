#if 0
#pragma makedep unix
#endif

/*
 * The door: Wine's unix call tables
 *
 * The only file that knows of Wine. Both tables are one, because every params struct has the same layout for all callers.
 * What is to be traced the PE side has asked Wine; the lines are written here.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE      /* syscall */
#endif

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "creds.h"
#include "domain.h"
#include "engine.h"
#include "exchange.h"
#include "hash.h"
#include "log.h"
#include "ocsp.h"
#include "origin.h"
#include "session.h"
#include "tls_verify.h"

typedef int32_t (*unixlib_entry)( void *args );

/* One line as Wine prints them, in one write. Wine's own functions for it changed their calling convention between 8.0 and
 * 10.0, which no one can ask them; and they may be called on Wine's threads only. The number is the Unix thread's. */
static void log_to_stderr( enum log_level level, const char *line )
{
    static const char * const classes[] = { [LOG_ERR] = "err", [LOG_WARN] = "warn", [LOG_TRACE] = "trace",
                                            [LOG_DATA] = "trace" };
    char text[700];
    int len;

    len = snprintf( text, sizeof(text), "%04lx:%s:%s:unix %s\n", (unsigned long)syscall( SYS_gettid ), classes[level],
                    level == LOG_DATA ? "winhttp_data" : "winhttp_net", line );
    if (len >= (int)sizeof(text)) len = sizeof(text) - 1;
    if (write( 2, text, len ) == -1) return;    /* nobody to tell */
}

static void log_start( unsigned int levels )
{
    if (!levels || log_sink) return;
    log_sink = log_to_stderr;
    log_levels = levels;
}

static int32_t entry_attach( void *args )
{
    struct wh_attach_params *params = args;

    if (params->abi != WH_ABI) return WH_REFUSED;
    log_start( params->log_level );
    if (engine_start()) return WH_REFUSED;
    params->features = WH_FEATURE_TLS | WH_FEATURE_H2 | WH_FEATURE_TUNNEL;
    params->batch = engine_batches();
    return WH_DONE;
}

/* Nothing is torn down: the library stays loaded (-z nodelete), and with it the pool for the next user. */
static int32_t entry_detach( void *args ) { (void)args; return WH_DONE; }

static int32_t entry_session_open( void *args ) { return session_open( args ); }
static int32_t entry_session_close( void *args ) { return session_close( args ); }
static int32_t entry_creds_open( void *args ) { return creds_open( args ); }
static int32_t entry_creds_close( void *args ) { return creds_close( args ); }
static int32_t entry_exchange_start( void *args ) { return exchange_start( args ); }
static int32_t entry_exchange_send( void *args ) { return exchange_send( args ); }
static int32_t entry_exchange_read_head( void *args ) { return exchange_read_head( args ); }
static int32_t entry_exchange_read_body( void *args ) { return exchange_read_body( args ); }
static int32_t entry_exchange_resume( void *args ) { return exchange_resume( args ); }
static int32_t entry_exchange_query( void *args ) { return exchange_query( args ); }
static int32_t entry_exchange_control( void *args ) { return exchange_control( args ); }
static int32_t entry_exchange_cancel( void *args ) { return exchange_cancel( args ); }
static int32_t entry_exchange_close( void *args ) { return exchange_close( args ); }
static int32_t entry_pool_query( void *args ) { return origin_pool_query( args ); }
static int32_t entry_domain( void *args ) { return domain_call( args ); }
static int32_t entry_ocsp( void *args ) { return ocsp_call( args ); }
static int32_t entry_links( void *args ) { return links_call( args ); }
static int32_t entry_hash( void *args ) { return hash_call( args ); }
static int32_t entry_wait( void *args ) { return engine_wait( args ); }
static int32_t entry_wake( void *args ) { return engine_wake( args ); }

#define CALLS \
{ \
    [wh_call_attach]             = entry_attach, \
    [wh_call_detach]             = entry_detach, \
    [wh_call_session_open]       = entry_session_open, \
    [wh_call_session_close]      = entry_session_close, \
    [wh_call_creds_open]         = entry_creds_open, \
    [wh_call_creds_close]        = entry_creds_close, \
    [wh_call_exchange_start]     = entry_exchange_start, \
    [wh_call_exchange_send]      = entry_exchange_send, \
    [wh_call_exchange_read_head] = entry_exchange_read_head, \
    [wh_call_exchange_read_body] = entry_exchange_read_body, \
    [wh_call_exchange_resume]    = entry_exchange_resume, \
    [wh_call_exchange_query]     = entry_exchange_query, \
    [wh_call_exchange_control]   = entry_exchange_control, \
    [wh_call_exchange_cancel]    = entry_exchange_cancel, \
    [wh_call_exchange_close]     = entry_exchange_close, \
    [wh_call_pool_query]         = entry_pool_query, \
    [wh_call_domain]             = entry_domain, \
    [wh_call_ocsp]               = entry_ocsp, \
    [wh_call_links]              = entry_links, \
    [wh_call_hash]               = entry_hash, \
    [wh_call_wait]               = entry_wait, \
    [wh_call_wake]               = entry_wake, \
}

__attribute__((visibility( "default" ))) const unixlib_entry __wine_unix_call_funcs[wh_call_count] = CALLS;
__attribute__((visibility( "default" ))) const unixlib_entry __wine_unix_call_wow64_funcs[wh_call_count] = CALLS;
