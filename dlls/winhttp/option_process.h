/*
 * Options of the process: those of the NULL handle
 *
 * Functions of the option table, called as struct option in option.h says; obj may be NULL.
 */

#ifndef WINHTTP_OPTION_PROCESS_H
#define WINHTTP_OPTION_PROCESS_H

#include "object.h"

DWORD option_get_http_version( struct object *obj, void *value );
DWORD option_set_http_version( struct object *obj, const void *value );
DWORD option_get_thread_count( struct object *obj, void *value );
DWORD option_set_thread_count( struct object *obj, const void *value );
DWORD option_get_tracing( struct object *obj, void *value );
DWORD option_set_tracing( struct object *obj, const void *value );
DWORD option_get_extended_error( struct object *obj, void *value );

/* The value is a WINHTTP_FEATURE_* on entry and TRUE on return. How Windows wants to be asked is not published; what is
 * not supported fails, with ERROR_WINHTTP_INVALID_OPTION, so that a program sees it whichever way it looks. */
DWORD option_get_feature( struct object *obj, void *value );

/* Credentials for the whole process, and a session's or request's wish to use them: only where the machine's
 * administrator allows it, else ERROR_WINHTTP_INVALID_OPTION. Kept until authentication asks for them. */
DWORD option_set_proxy_creds( struct object *obj, const void *value );
DWORD option_set_server_creds( struct object *obj, const void *value );
DWORD option_set_global_creds( struct object *obj, const void *value );

/* The credentials that were set for the process, for servers or proxies: FALSE if there are none, if they are for another
 * host or port than this, or without memory. *scheme is WINHTTP_AUTH_SCHEME_*, 0 = any; user and password in texts[2] are
 * given. */
BOOL option_copy_creds( BOOL proxy, const char *host, INTERNET_PORT port, DWORD *scheme, WCHAR *texts[2] );

#endif /* WINHTTP_OPTION_PROCESS_H */
