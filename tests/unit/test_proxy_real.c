/*
 * Unit test against proxies that others wrote: squid and microsocks, as ordinary processes, where they are installed
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "proxy_peer.h"

#define PATIENCE_MS 20000

static struct crowd server;              /* behind the proxy, and not the proxy itself */
static char dir[64];
static unsigned int skipped;

static void server_serve( struct crowd *crowd, int fd )
{
    struct wire socket_wire = { fd, NULL, NULL };

    (void)crowd;
    serve_beyond( &socket_wire );
}

static uint16_t free_port( void )
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl( INADDR_LOOPBACK ) } };
    socklen_t len = sizeof(addr);
    int fd = socket( AF_INET, SOCK_STREAM, 0 );

    if (bind( fd, (struct sockaddr *)&addr, sizeof(addr) ) || getsockname( fd, (struct sockaddr *)&addr, &len )) abort();
    close( fd );
    return ntohs( addr.sin_port );
}

static pid_t spawn( const char *const *args )
{
    pid_t pid = fork();

    if (!pid)
    {
        int null = open( "/dev/null", O_RDWR );

        dup2( null, 0 );
        dup2( null, 1 );
        dup2( null, 2 );
        execvp( args[0], (char *const *)args );
        _exit( 127 );
    }
    return pid;
}

/* 1 once something listens there; 0 if the process ended instead. */
static int await_listener( uint16_t port, pid_t pid )
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons( port ), .sin_addr = { htonl( INADDR_LOOPBACK ) } };
    uint64_t until = engine_now_ms() + PATIENCE_MS;
    int fd, ret, status;

    while (engine_now_ms() < until)
    {
        fd = socket( AF_INET, SOCK_STREAM, 0 );
        ret = connect( fd, (struct sockaddr *)&addr, sizeof(addr) );
        close( fd );
        if (!ret) return 1;
        if (waitpid( pid, &status, WNOHANG ) == pid) return 0;
        async_pump( 20 );
    }
    return 0;
}

static void end_process( pid_t pid )
{
    int status;

    kill( pid, SIGKILL );
    waitpid( pid, &status, 0 );
}

static const char *find_program( const char *const *paths )
{
    for (; *paths; paths++) if (!access( *paths, X_OK )) return *paths;
    return NULL;
}

static void skip( const char *name )
{
    printf( "test_proxy_real: SKIPPED, there is no %s\n", name );
    skipped++;
}

static struct wh_route real_route( uint32_t kind, uint16_t port, const char *auth )
{
    struct wh_route route = { .proxy_kind = kind, .proxy_port = port, .alpn = WH_ALPN_H1 };

    route.proxy_host = wh_from_ptr( "127.0.0.1" );
    route.proxy_host_len = 9;
    route.proxy_auth = wh_from_ptr( auth );
    route.proxy_auth_len = auth ? strlen( auth ) : 0;
    return route;
}

static void check_get( const struct wh_route *route, uint32_t scheme, const char *head, const char *page )
{
    struct client client;
    struct ask ask = { .route = route, .scheme = scheme, .port = server.peer.port, .host = "127.0.0.1", .head = head };

    expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && is_page( &client, page ) );
    client_close( &client );
}

static void test_microsocks( void )
{
    static const char *const paths[] = { "/usr/bin/microsocks", "/usr/local/bin/microsocks", NULL };
    const char *program = find_program( paths ), *args[12] = { program, "-i", "127.0.0.1", "-p" };
    struct wh_route route;
    struct client client;
    char port_text[8];
    unsigned int login;
    uint16_t port;
    pid_t pid;

    if (!program)
    {
        skip( "microsocks" );
        return;
    }
    for (login = 0; login < 2; login++)
    {
        port = free_port();
        snprintf( port_text, sizeof(port_text), "%u", port );
        args[4] = port_text;
        args[5] = login ? "-u" : NULL;
        args[6] = "joe";
        args[7] = "-P";
        args[8] = "secret";
        args[9] = NULL;
        pid = spawn( args );
        if (expect( await_listener( port, pid ) ))
        {
            struct ask dead = { .route = &route, .scheme = WH_SCHEME_HTTP, .port = 1, .host = "127.0.0.1" };

            route = real_route( WH_PROXY_SOCKS5, port, login ? "joe:secret" : NULL );
            for (proxy_script.tls = 0; proxy_script.tls < 2; proxy_script.tls++)
                check_get( &route, proxy_script.tls ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP, get_head, "GET / HTTP/1.1" );
            expect( ask_get( &client, &dead ) == WHE_CONNECT );
            if (login)
            {
                route = real_route( WH_PROXY_SOCKS5, port, "joe:wrong" );
                dead.port = server.peer.port + 1u;
                expect( ask_get( &client, &dead ) == WHE_PROXY_CONNECT );
            }
        }
        origin_shutdown();
        end_process( pid );
    }
}

static int write_config( char *path, uint16_t port, uint16_t tls_port )
{
    FILE *file;

    sprintf( path, "%s/squid.conf", dir );
    if (!(file = fopen( path, "w" ))) return 0;
    fprintf( file, "http_port 127.0.0.1:%u\n", port );
    if (tls_port) fprintf( file, "https_port 127.0.0.1:%u tls-cert=%s/good.pem tls-key=%s/good.key\n", tls_port, certs, certs );
    fprintf( file, "pid_filename none\ncache_log %s/cache.log\naccess_log none\ncache deny all\ncoredump_dir %s\n"
             "shutdown_lifetime 0 seconds\npinger_enable off\nworkers 1\n"
             "acl joe url_regex .\nauth_param basic program %s/auth\nauth_param basic children 1\n"
             "auth_param basic realm test\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n",
             dir, dir, dir );
    fclose( file );
    sprintf( path, "%s/auth", dir );
    if (!(file = fopen( path, "w" ))) return 0;
    fprintf( file, "#!/bin/sh\nwhile read -r user password; do\n  [ \"$user $password\" = 'joe secret' ] && echo OK || echo ERR\ndone\n" );
    fclose( file );
    chmod( path, 0755 );
    sprintf( path, "%s/squid.conf", dir );
    return 1;
}

static void test_squid( void )
{
    static const char *const paths[] = { "/usr/sbin/squid", "/usr/local/sbin/squid", NULL };
    static const char joe[] = "Basic am9lOnNlY3JldA==";
    const char *program = find_program( paths ), *args[8] = { program, "-N", "-f" };
    uint16_t ports[2];
    char path[128];
    unsigned int i, tls = 1;
    pid_t pid;
    int up = 0;

    if (!program)
    {
        skip( "squid" );
        return;
    }
    for (; !up; tls--)    /* Debian's plain squid has no TLS */
    {
        ports[0] = free_port();
        ports[1] = free_port();
        if (!expect( write_config( path, ports[0], tls ? ports[1] : 0 ) )) return;
        args[3] = path;
        args[4] = NULL;
        pid = spawn( args );
        up = await_listener( ports[tls], pid );
        if (up || !tls) break;
    }
    if (!up)    /* it wants shared memory, which not every container has */
    {
        skip( "squid that starts" );
        return;
    }
    if (!tls) skip( "squid with TLS" );
    for (i = 0; i <= tls; i++)
    {
        uint32_t kind = i ? WH_PROXY_HTTPS : WH_PROXY_HTTP;
        struct wh_route route = real_route( kind, ports[i], NULL );
        struct ask ask = { .route = &route, .port = server.peer.port, .host = "127.0.0.1" };
        struct client client;
        char head[256];

        proxy_script.tls = 1;
        expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && client.status == 407 &&
                (client.flags & WHR_FROM_PROXY) && client.body_len );
        ask.pin = pin_of( &client );
        client_close( &client );
        route = real_route( kind, ports[i], joe );
        if (client.flags & WHR_CLOSE) ask.pin = 0;
        expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && is_page( &client, "GET / HTTP/1.1" ) );
        client_close( &client );

        proxy_script.tls = 0;
        snprintf( head, sizeof(head), "GET http://127.0.0.1:%u/x HTTP/1.1\r\nHost: 127.0.0.1\r\nProxy-Authorization: %s\r\n\r\n",
                  server.peer.port, joe );
        check_get( &route, WH_SCHEME_HTTP, head, "GET /x HTTP/1.1" );
        expect( !in_log( server_log, "am9lOnNlY3JldA" ) );

        ask.pin = 0;
        ask.port = 1;                                  /* nobody listens there: squid says so */
        expect( !ask_start( &client, &ask ) && !ask_finish( &client ) && client.status >= 500 &&
                (client.flags & WHR_FROM_PROXY) );
        client_close( &client );
        origin_shutdown();
    }
    end_process( pid );
}

static void remove_dir( void )
{
    static const char *const names[] = { "squid.conf", "auth", "cache.log" };
    char path[128];
    unsigned int i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    {
        snprintf( path, sizeof(path), "%s/%s", dir, names[i] );
        unlink( path );
    }
    rmdir( dir );
}

int main(void)
{
    make_certificates();
    strcpy( dir, "/tmp/winhttp-proxy-XXXXXX" );
    if (!mkdtemp( dir )) abort();
    chmod( dir, 0777 );                                /* squid gives up being root */
    client_begin( 60000 );
    server_creds = load_server( "good" );
    crowd_start( &server, server_serve );
    run( test_microsocks );
    run( test_squid );
    expect_clean();
    crowd_stop( &server );
    gnutls_certificate_free_credentials( server_creds );
    tls_shutdown();
    client_end();
    remove_dir();
    remove_certificates();
    return test_end( "test_proxy_real" );
}
