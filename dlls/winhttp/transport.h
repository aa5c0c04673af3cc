/*
 * The way to the Unix side: one typed function per call of unixlib.h
 *
 * Nobody else issues unix calls. Each function answers WH_DONE, WH_PENDING or WH_REFUSED as unixlib.h says; any other
 * value is the exception that a store into an application's buffer raised (STATUS_ACCESS_VIOLATION and the like).
 * Call transport_attach before anything else.
 */

#ifndef WINHTTP_TRANSPORT_H
#define WINHTTP_TRANSPORT_H

#include "unixlib.h"

typedef LONG (WINAPI *transport_dispatcher)( UINT64 library, unsigned int code, void *params );

extern transport_dispatcher transport_dispatch;
extern UINT64               transport_library;

/* Finds the Unix side and starts it, once per process; cheap after that. Any thread. Returns 0, or
 * ERROR_WINHTTP_INTERNAL_ERROR when there is none (real Windows, a missing file, another ABI). */
DWORD transport_attach( void );

/* The module goes away: all handles are closed and no worker runs. */
void transport_detach( void );

/* WH_FEATURE_*, valid after transport_attach. */
DWORD transport_features( void );

/* The number of the last batch that the wait had handed out when this module was attached. */
DWORD transport_batches( void );

#define TRANSPORT_CALL( name ) \
    static inline unsigned int wh_##name( struct wh_##name##_params *params ) \
    { \
        return transport_dispatch( transport_library, wh_call_##name, params ); \
    }

TRANSPORT_CALL( session_open )
TRANSPORT_CALL( session_close )
TRANSPORT_CALL( creds_open )
TRANSPORT_CALL( creds_close )
TRANSPORT_CALL( exchange_start )
TRANSPORT_CALL( exchange_send )
TRANSPORT_CALL( exchange_read_head )
TRANSPORT_CALL( exchange_read_body )
TRANSPORT_CALL( exchange_resume )
TRANSPORT_CALL( exchange_query )
TRANSPORT_CALL( exchange_control )
TRANSPORT_CALL( exchange_cancel )
TRANSPORT_CALL( exchange_close )
TRANSPORT_CALL( pool_query )
TRANSPORT_CALL( domain )
TRANSPORT_CALL( ocsp )
TRANSPORT_CALL( links )
TRANSPORT_CALL( hash )
TRANSPORT_CALL( wait )
TRANSPORT_CALL( wake )

#endif /* WINHTTP_TRANSPORT_H */
