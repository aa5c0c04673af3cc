/*
 * The program of the conformance tests: one row per test file
 *
 * Not in the SOURCES of Makefile.in: a Wine tree generates this file from them, and our build adds it.
 * Each row is the START_TEST of the file of that name.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define STANDALONE
#include "wine/test.h"

#define TESTS(X) \
    X( absent ) \
    X( auth ) \
    X( auth_basic ) \
    X( auth_digest ) \
    X( auth_http2 ) \
    X( auth_ntlm ) \
    X( auth_options ) \
    X( auth_pac ) \
    X( auth_proxy ) \
    X( auth_scope ) \
    X( auth_servers ) \
    X( auth_upload ) \
    X( auth_users ) \
    X( body ) \
    X( chunked ) \
    X( client ) \
    X( closing ) \
    X( closing_callback ) \
    X( com_body ) \
    X( com_certificate ) \
    X( com_client ) \
    X( com_dispatch ) \
    X( com_events ) \
    X( com_option ) \
    X( com_request ) \
    X( com_script ) \
    X( com_sink ) \
    X( com_state ) \
    X( com_stream ) \
    X( connection ) \
    X( continue ) \
    X( cookie ) \
    X( create_url ) \
    X( decompression ) \
    X( exports ) \
    X( handles ) \
    X( header_default ) \
    X( header_ex ) \
    X( headers ) \
    X( http2 ) \
    X( http2_duplex ) \
    X( http2_error ) \
    X( http2_servers ) \
    X( http2_share ) \
    X( legs ) \
    X( lifetime ) \
    X( notification ) \
    X( notification_order ) \
    X( notification_payload ) \
    X( option_proxy ) \
    X( option_table ) \
    X( option_values ) \
    X( options ) \
    X( pac ) \
    X( pac_fetch ) \
    X( pac_hostile ) \
    X( pac_options ) \
    X( pac_threads ) \
    X( pac_time ) \
    X( peers ) \
    X( pool ) \
    X( programs ) \
    X( proxy_automatic ) \
    X( proxy_connect ) \
    X( proxy_http ) \
    X( proxy_other ) \
    X( proxy_refused ) \
    X( proxy_resolver ) \
    X( proxy_secure ) \
    X( proxy_servers ) \
    X( proxy_settings ) \
    X( proxy_socks ) \
    X( proxy_tunnels ) \
    X( proxy_watch ) \
    X( query ) \
    X( query_ex ) \
    X( races ) \
    X( receive ) \
    X( redirect ) \
    X( redirect_callback ) \
    X( redirect_carry ) \
    X( resend ) \
    X( security ) \
    X( send ) \
    X( server ) \
    X( server_socket ) \
    X( threads ) \
    X( time ) \
    X( timeout ) \
    X( tls ) \
    X( tls_client ) \
    X( tls_info ) \
    X( tls_protocol ) \
    X( tls_revocation ) \
    X( tls_stores ) \
    X( tls_verify ) \
    X( trailers ) \
    X( unload ) \
    X( url ) \
    X( websocket ) \
    X( websocket_async ) \
    X( websocket_close ) \
    X( websocket_data ) \
    X( websocket_peer ) \
    X( websocket_real ) \
    X( websocket_threads ) \
    X( wpad ) \
    X( wpad_network )

#define DECLARE(name) extern void func_##name( void );
TESTS( DECLARE )

#define ROW(name) { #name, func_##name },
const struct test winetest_testlist[] =
{
    TESTS( ROW )
    { NULL, NULL }
};
