/*
 * HTTP/2 over TLS with real servers: nginx, Apache, nghttpd, node and h2o, as ordinary processes on loopback
 *
 * tests/fixtures/tls/tls.sh starts those that are installed; the others are skipped, which shows in the count.
 */

#include <sys/stat.h>

#include "certs.h"
#include "h2_client.h"

#define LARGE    (10 * 1024 * 1024)
#define PARALLEL 100
#define UPLOAD   (1024 * 1024)

struct server
{
    const char *name;
    const char *small;           /* an answer of some bytes */
    const char *large;           /* one of large_len bytes */
    uint32_t    large_len;
    int         echoes;          /* sends back what is posted to / */
    int         stores;          /* keeps what is put below /dav */
    const char *trailers;        /* of every answer */
    uint16_t    port;            /* 0: it is not installed */
};

static struct server servers[] =
{
    { "nginx-h2", "/index.html", "/large", LARGE, 0, 1, "", 0 },
    { "apache-h2", "/index.html", "/large", LARGE, 0, 1, "", 0 },
    { "nghttpd", "/index.html", "/large", LARGE, 1, 0, "x-end: nghttpd\r\n", 0 },
    { "node-h2", "/", "/big", 1024 * 1024, 1, 0, "x-end: node\r\n", 0 },
    { "h2o", "/index.html", "/large", LARGE, 0, 0, "", 0 },
};

#define SERVERS (sizeof(servers) / sizeof(servers[0]))

static const char *const installed_as[SERVERS] = { "nginx", "apache2", "nghttpd", "node", "h2o" };

static const struct wh_route tls_route = { .alpn = WH_ALPN_H2 | WH_ALPN_H1 };
static uint32_t file_sum;

static int script( const char *verb )
{
    const char *top = getenv( "SRCDIR" );
    char command[1024];

    snprintf( command, sizeof(command), "sh '%s/tests/fixtures/tls/tls.sh' %s '%s'", top ? top : ".", verb, certs );
    return system( command );
}

static int is_installed( const char *name )
{
    char command[256];

    snprintf( command, sizeof(command), "PATH=$PATH:/usr/sbin:/sbin command -v %s > /dev/null", name );
    return !system( command );
}

/* The ports that the script tells; /large is ours. */
static void read_servers( void )
{
    char path[600], line[200], name[64];
    unsigned int i, port;
    FILE *file;

    snprintf( path, sizeof(path), "%s/servers.txt", certs );
    if (!(file = fopen( path, "r" ))) return;
    while (fgets( line, sizeof(line), file ))
    {
        if (sscanf( line, "server %63s %u", name, &port ) != 2) continue;
        for (i = 0; i < SERVERS; i++) if (!strcmp( servers[i].name, name )) servers[i].port = port;
    }
    fclose( file );
}

static void write_large( void )
{
    char path[600], *data = malloc( LARGE );
    uint32_t i, number = 1;
    FILE *file;

    for (i = 0; i < LARGE; i++)
    {
        number = number * 1103515245 + 12345;
        data[i] = number >> 16;
        file_sum += (uint8_t)data[i];
    }
    snprintf( path, sizeof(path), "%s/www/large", certs );
    if (expect( (file = fopen( path, "w" )) != NULL ))
    {
        expect( fwrite( data, 1, LARGE, file ) == LARGE );
        fclose( file );
        chmod( path, 0644 );
    }
    free( data );
}

static void start_get( unsigned int index, const struct server *server, const char *path )
{
    struct request request = { .route = &tls_route, .scheme = WH_SCHEME_HTTPS };
    char head[200];

    snprintf( head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUser-Agent: unit\r\n\r\n", path, server->port );
    request.head = head;
    fetch_start( &fetches[index], server->port, &request );
}

static void expect_done( unsigned int index )
{
    until( fetches[index].state == FETCH_DONE );
    expect( !fetches[index].error && fetches[index].status == 200 );
    if (fetches[index].error || fetches[index].status != 200)
        fprintf( stderr, "    %s: fetch %u: error %u, detail %u, status %u\n", case_name, index, fetches[index].error,
                 fetches[index].detail, fetches[index].status );
}

static void end_server( void )
{
    unsigned int i;

    for (i = 0; i < fetch_count; i++) fetch_close( &fetches[i] );
    fetch_count = 0;
    expect_clean();
}

static void get( const struct server *server )
{
    char trailers[200];
    uint32_t protocol = 0;

    start_get( 0, server, server->small );
    expect_done( 0 );
    expect( fetches[0].body_len > 0 );
    expect( !fetch_number( &fetches[0], WHQ_PROTOCOL, &protocol ) && protocol == WH_ALPN_H2 );
    fetch_trailers( &fetches[0], trailers, sizeof(trailers) );
    expect( !strcmp( trailers, server->trailers ) );
    end_server();
}

/* All of them over one connection, one after the other and all at a time. */
static void get_many( const struct server *server )
{
    unsigned int i;

    for (i = 0; i < PARALLEL; i++) start_get( i, server, server->small );
    for (i = 0; i < PARALLEL; i++) expect_done( i );
    expect( object_count( OBJECT_CONN ) == 1 );
    for (i = 0; i < PARALLEL; i++) fetch_close( &fetches[i] );
    for (i = 0; i < 20; i++)
    {
        start_get( 0, server, server->small );
        expect_done( 0 );
        fetch_close( &fetches[0] );
    }
    expect( object_count( OBJECT_CONN ) == 1 );
    end_server();
}

static void get_large( const struct server *server )
{
    uint32_t sum = server->large_len == LARGE ? file_sum : server->large_len * 'n';
    unsigned int i;

    for (i = 0; i < 8; i++) start_get( i, server, server->large );
    for (i = 0; i < 8; i++)
    {
        expect_done( i );
        expect( fetches[i].body_len == server->large_len && fetches[i].sum == sum );
    }
    expect( object_count( OBJECT_CONN ) == 1 );
    end_server();
}

/* Some that are closed in the middle, some that stall: the others get all of it. */
static void get_disturbed( const struct server *server )
{
    unsigned int i;

    for (i = 0; i < 12; i++)
    {
        if (i % 3 == 1) fetches[i].hold = FETCH_NO_BODY;
        start_get( i, server, server->large );
    }
    for (i = 0; i < 12; i += 3)
    {
        until( fetches[i].body_len > 100000 );
        fetch_close( &fetches[i] );
    }
    for (i = 2; i < 12; i += 3)
    {
        expect_done( i );
        expect( fetches[i].body_len == server->large_len );
    }
    for (i = 1; i < 12; i += 3)
    {
        fetches[i].hold = 0;
        expect_done( i );
        expect( fetches[i].body_len == server->large_len );
    }
    expect( object_count( OBJECT_CONN ) == 1 );
    end_server();
}

static char upload[UPLOAD];
static uint32_t upload_sum;

/* Four bodies at a time go out while they come back: of a length that is known, and in pieces of an unknown one. */
static void post( const struct server *server )
{
    struct request request = { .route = &tls_route, .scheme = WH_SCHEME_HTTPS };
    unsigned int i;

    if (!server->echoes) return;
    for (i = 0; i < 4; i++)
    {
        request.head = i % 2 ? "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n" :
                               "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n";
        request.total_len = i % 2 ? WH_NO_LENGTH : UPLOAD;
        request.flags = i % 2 ? WHX_CHUNKED : 0;
        fetch_start( &fetches[i], server->port, &request );
    }
    for (i = 0; i < 4; i++)
    {
        until( !(fetches[i].async.pending & (1u << WHK_HEAD_SENT)) );
        fetch_send( &fetches[i], upload, UPLOAD / 2, 0 );
    }
    for (i = 0; i < 4; i++)
    {
        until( !fetch_sending( &fetches[i] ) );
        expect( !fetch_sent( &fetches[i] ) );
        fetch_send( &fetches[i], upload + UPLOAD / 2, UPLOAD / 2, WHX_END );
    }
    for (i = 0; i < 4; i++)
    {
        expect_done( i );
        expect( fetches[i].body_len == UPLOAD && fetches[i].sum == upload_sum );
    }
    end_server();
}

/* The whole body with the head, ten at a time; then it is there. */
static void put( const struct server *server )
{
    struct request request = { .route = &tls_route, .scheme = WH_SCHEME_HTTPS, .body = upload, .body_len = UPLOAD };
    char head[200], path[100];
    unsigned int i;

    if (!server->stores) return;
    for (i = 0; i < 10; i++)
    {
        snprintf( head, sizeof(head), "PUT /dav/%s%u HTTP/1.1\r\nHost: localhost\r\nContent-Length: %u\r\n\r\n", server->name, i,
                  UPLOAD );
        request.head = head;
        fetch_start( &fetches[i], server->port, &request );
    }
    for (i = 0; i < 10; i++)
    {
        until( fetches[i].state == FETCH_DONE );
        expect( !fetches[i].error && (fetches[i].status == 201 || fetches[i].status == 204) );
        fetch_close( &fetches[i] );
        snprintf( path, sizeof(path), "/dav/%s%u", server->name, i );
        start_get( i, server, path );
        expect_done( i );
        expect( fetches[i].body_len == UPLOAD && fetches[i].sum == upload_sum );
    }
    end_server();
}

/* With what the servers have made; remove_certificates() knows of files only. */
static void remove_files( void )
{
    char command[1024];

    if (!certs[0] || getenv( "WH_TEST_CERTS" )) return;
    snprintf( command, sizeof(command), "rm -rf '%s/www' '%s/nginx'", certs, certs );
    expect( !system( command ) );
    remove_certificates();
}

int main( void )
{
    static void (*const tests[])( const struct server *server ) = { get, get_many, get_large, get_disturbed, post, put };
    unsigned int i, j, skipped = 0;

    for (i = 0; i < UPLOAD; i++) upload_sum += (uint8_t)(upload[i] = i * 31 + i / 1000);
    make_certificates();
    if (!expect( !script( "h2" ) )) return test_end( "h2_real" );
    read_servers();
    write_large();
    client_begin( 60000 );
    for (i = 0; i < SERVERS; i++)
    {
        case_name = servers[i].name;
        if (getenv( "WH_TEST_CASE" ) && strcmp( getenv( "WH_TEST_CASE" ), case_name )) continue;
        if (servers[i].port)
            for (j = 0; j < sizeof(tests) / sizeof(tests[0]); j++, test_count++) tests[j]( &servers[i] );
        else
        {
            /* Apache may be there without its HTTP/2. */
            expect( !is_installed( installed_as[i] ) || !strcmp( installed_as[i], "apache2" ) );
            printf( "skipped: %s is not installed\n", installed_as[i] );
            skipped++;
        }
    }
    client_end();
    expect( !script( "stop" ) );
    remove_files();
    printf( "h2_real: %u passed, %u failed, %u skipped\n", test_count - (test_failures < test_count ? test_failures : test_count),
            test_failures, skipped );
    return test_failures != 0;
}
