/*
 * Unit test of SSLKEYLOGFILE (unix/tls_keylog.c): the file, its lines, and whether they are the session's secrets
 */

#include <sys/stat.h>

#include "hooks.h"
#include "tls_peer.h"
#include "unix/tls_keylog.h"

static char path[64];

static char *read_log(void)
{
    static char text[65536];
    FILE *file = fopen( path, "r" );
    size_t len = 0;

    if (file)
    {
        len = fread( text, 1, sizeof(text) - 1, file );
        fclose( file );
    }
    text[len] = 0;
    return text;
}

static void hex( char *out, const gnutls_datum_t *data )
{
    unsigned int i;

    for (i = 0; i < data->size; i++) sprintf( out + 2 * i, "%02x", data->data[i] );
}

static char server_secrets[8][256];
static unsigned int server_secret_count;

/* Instead of what GnuTLS does by itself: it would write to the same file. */
static int on_server_secret( gnutls_session_t session, const char *label, const gnutls_datum_t *secret )
{
    gnutls_datum_t client_random, server_random;
    char *line = server_secrets[server_secret_count];

    if (server_secret_count++ >= 8) return 0;
    gnutls_session_get_random( session, &client_random, &server_random );
    strcpy( line, label );
    strcat( line, " " );
    hex( line + strlen( line ), &client_random );
    strcat( line, " " );
    hex( line + strlen( line ), secret );
    return 0;
}

static void connect_with( const char *priority, struct server *server )
{
    struct setup setup = plain_setup;

    setup.priority = priority;
    server_open( server, &setup );
    server_secret_count = 0;
    gnutls_session_set_keylog_function( server->session, on_server_secret );
    expect( run_handshake( server ) == LAYER_OK );
    server_send( server, "data" );
    expect( reads_text( server, "data" ) );
}

static void fresh(void)
{
    tls_keylog_free();
    unlink( path );
    setenv( "SSLKEYLOGFILE", path, 1 );
}

/* What the server thinks the secret is must stand behind the label and the client's random number. */
static void test_tls12_master_secret_is_the_servers(void)
{
    gnutls_datum_t client_random, server_random, master;
    char line[256] = "CLIENT_RANDOM ";
    struct server server;

    fresh();
    connect_with( PRIORITY_12, &server );
    gnutls_session_get_random( server.session, &client_random, &server_random );
    gnutls_session_get_master_secret( server.session, &master );
    hex( line + strlen( line ), &client_random );
    strcat( line, " " );
    hex( line + strlen( line ), &master );
    strcat( line, "\n" );
    expect( !strcmp( read_log(), line ) );
    server_close( &server );
}

static void test_tls13_secrets_are_the_servers(void)
{
    static const char * const labels[] =
    {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
        "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 ",
    };
    struct server server;
    unsigned int i, k;
    char *text;

    fresh();
    connect_with( PRIORITY_13, &server );
    server_close( &server );
    text = read_log();
    for (i = 0; i < 4; i++)
    {
        for (k = 0; k < server_secret_count; k++)
            if (!strncmp( server_secrets[k], labels[i], strlen( labels[i] ) )) break;
        expect( k < server_secret_count && strstr( text, server_secrets[k] ) );
        expect( strstr( text, labels[i] ) );
    }
}

static void test_file_is_the_owners_and_is_appended_to(void)
{
    struct server server;
    struct stat st;
    size_t len;
    FILE *file;

    fresh();
    umask( 0 );
    connect_with( PRIORITY_12, &server );
    server_close( &server );
    expect( !stat( path, &st ) );
    expect( (st.st_mode & 0777) == 0600 );
    len = st.st_size;
    expect( len > 100 );
    connect_with( PRIORITY_12, &server );        /* by the same descriptor */
    server_close( &server );
    expect( !stat( path, &st ) && (size_t)st.st_size == 2 * len );

    tls_keylog_free();                           /* as another process would */
    file = fopen( path, "a" );
    fputs( "# by somebody else\n", file );
    fclose( file );
    connect_with( PRIORITY_12, &server );
    server_close( &server );
    expect( !stat( path, &st ) && (size_t)st.st_size == 3 * len + 19 );
    expect( strstr( read_log(), "# by somebody else\nCLIENT_RANDOM " ) );
}

static void test_unset_or_useless_variable_changes_nothing(void)
{
    struct server server;
    struct stat st;

    fresh();
    unsetenv( "SSLKEYLOGFILE" );
    connect_with( PRIORITY_12, &server );
    server_close( &server );
    expect( stat( path, &st ) );

    tls_keylog_free();
    setenv( "SSLKEYLOGFILE", "", 1 );
    connect_with( PRIORITY_13, &server );
    server_close( &server );

    tls_keylog_free();
    setenv( "SSLKEYLOGFILE", "/nowhere/at/all", 1 );
    connect_with( PRIORITY_13, &server );
    server_close( &server );
    expect( stat( path, &st ) );
}

int main(void)
{
    int fd;

    strcpy( path, "/tmp/winhttp-keylog-XXXXXX" );
    if ((fd = mkstemp( path )) >= 0) close( fd );
    make_certificates();
    expect( tls_trust_load() == WHE_OK );

    run( test_tls12_master_secret_is_the_servers );
    run( test_tls13_secrets_are_the_servers );
    run( test_file_is_the_owners_and_is_appended_to );
    run( test_unset_or_useless_variable_changes_nothing );

    tls_shutdown();
    unlink( path );
    remove_certificates();
    return test_end( "tls_keylog" );
}
