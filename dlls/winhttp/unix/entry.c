#if 0
#pragma makedep unix
#endif

/*
 * The door: Wine's unix call tables
 *
 * The only file that knows of Wine. Both tables are one, because every params struct has the same layout for all callers.
 * Wine's debug functions are looked up in the ntdll.so that is already in the process; without them there is no trace.
 */

#include <dlfcn.h>
#include <stdio.h>

#include "creds.h"
#include "domain.h"
#include "engine.h"
#include "exchange.h"
#include "log.h"
#include "ocsp.h"
#include "origin.h"
#include "session.h"

typedef int32_t (*unixlib_entry)( void *args );

/* As Wine lays out a debug channel: flags, then the name. */
struct debug_channel
{
    unsigned char flags;
    char          name[15];
};

static struct debug_channel net_channel = { 0xff, "winhttp_net" }, data_channel = { 0xff, "winhttp_data" };

/* Wine's debug functions are called the Windows way, on both sides. */
#ifdef __x86_64__
#define WINE_CALL __attribute__((ms_abi))
#else
#define WINE_CALL
#endif
static int (WINE_CALL *debug_header)( int cls, struct debug_channel *channel, const char *function );
static int (WINE_CALL *debug_output)( const char *text );

static void log_to_wine( enum log_level level, const char *line )
{
    /* Wine's classes: 0 fixme, 1 err, 2 warn, 3 trace */
    int cls = level == LOG_ERR ? 1 : level == LOG_WARN ? 2 : 3;
    char text[640];

    if (debug_header( cls, level == LOG_DATA ? &data_channel : &net_channel, "unix" ) == -1) return;
    snprintf( text, sizeof(text), "%s\n", line );
    debug_output( text );
}

static void log_start( unsigned int levels )
{
    void *ntdll;

    if (!levels || log_sink || !(ntdll = dlopen( "ntdll.so", RTLD_NOW | RTLD_NOLOAD ))) return;
    *(void **)&debug_header = dlsym( ntdll, "__wine_dbg_header" );
    *(void **)&debug_output = dlsym( ntdll, "__wine_dbg_output" );
    if (!debug_header || !debug_output) return;
    log_sink = log_to_wine;
    log_levels = levels;
}

static int32_t entry_attach( void *args )
{
    struct wh_attach_params *params = args;

    if (params->abi != WH_ABI) return WH_REFUSED;
    log_start( params->log_level );
    if (engine_start()) return WH_REFUSED;
    params->features = WH_FEATURE_TLS;
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
    [wh_call_wait]               = entry_wait, \
    [wh_call_wake]               = entry_wake, \
}

__attribute__((visibility( "default" ))) const unixlib_entry __wine_unix_call_funcs[wh_call_count] = CALLS;
__attribute__((visibility( "default" ))) const unixlib_entry __wine_unix_call_wow64_funcs[wh_call_count] = CALLS;
