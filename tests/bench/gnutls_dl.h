/*
 * GnuTLS loaded at run time, for the benchmark's raw client and its upload sink
 *
 * Loaded and not linked, so that these programs build and start on a machine without it and then only refuse TLS.
 */

#ifndef GNUTLS_DL_H
#define GNUTLS_DL_H

#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

#define GNUTLS_FUNCS(X) \
    X( gnutls_init ) X( gnutls_deinit ) X( gnutls_handshake ) X( gnutls_record_send ) X( gnutls_record_recv ) \
    X( gnutls_record_check_pending ) X( gnutls_transport_set_int2 ) X( gnutls_set_default_priority ) \
    X( gnutls_priority_set_direct ) X( gnutls_credentials_set ) X( gnutls_certificate_allocate_credentials ) \
    X( gnutls_certificate_set_x509_key_file ) X( gnutls_session_get_data2 ) X( gnutls_session_set_data ) \
    X( gnutls_session_ticket_enable_server ) X( gnutls_session_ticket_key_generate ) X( gnutls_server_name_set ) \
    X( gnutls_session_is_resumed ) X( gnutls_bye ) X( gnutls_strerror )

#define X(name) static __typeof__( name ) *p_##name;
GNUTLS_FUNCS( X )
#undef X

/* Returns 1 when the library and all functions are there. */
static inline int gnutls_load( void )
{
    void *lib = dlopen( "libgnutls.so.30", RTLD_NOW );

    if (!lib) return 0;
#define X(name) if (!(p_##name = dlsym( lib, #name ))) return 0;
    GNUTLS_FUNCS( X )
#undef X
    return 1;
}

#endif
