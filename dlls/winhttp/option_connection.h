/*
 * Options about the connection that serves a request
 *
 * Functions of the option table, called as struct option in option.h says. Without a connection they answer
 * ERROR_WINHTTP_INCORRECT_HANDLE_STATE.
 */

#ifndef WINHTTP_OPTION_CONNECTION_H
#define WINHTTP_OPTION_CONNECTION_H

#include "request.h"

#define TCP_INFO_V0_SIZE 88
#define TCP_INFO_V1_SIZE 136
#define TCP_INFO_V2_SIZE 152

DWORD option_get_connection( struct object *obj, void *value );
DWORD option_get_protocol_used( struct object *obj, void *value );
DWORD option_get_times( struct object *obj, void *value );
DWORD option_get_stats( struct object *obj, void *value );
DWORD option_get_tcp_info_v0( struct object *obj, void *value );
DWORD option_get_tcp_info_v1( struct object *obj, void *value );
DWORD option_get_tcp_info_v2( struct object *obj, void *value );
DWORD option_get_stream_error( struct object *obj, void *value );
DWORD option_get_quic_stats( struct object *obj, void *buffer, DWORD *size );

/* SecPkgContext_Bindings, SEC_CHANNEL_BINDINGS and "tls-server-end-point:" with the hash in one buffer, TL-14, TL-15. */
DWORD option_get_channel_binding( struct object *obj, void *buffer, DWORD *size );

/* The tag of the connection. One that is set before the request has an exchange is put on the connection it gets; that is
 * connection_apply_tag, to be called with request->lock held when an exchange was started. */
DWORD option_get_tag( struct object *obj, void *value );
DWORD option_set_tag( struct object *obj, const void *value );
void connection_apply_tag( struct request *request );

/* The connection that the exchange has, or gets, serves nobody after it. request->lock is held. */
void connection_expire( struct request *request );

/* Only while the request is sending or receiving. */
DWORD option_set_expire( struct object *obj, const void *buffer, DWORD len );

#endif /* WINHTTP_OPTION_CONNECTION_H */
