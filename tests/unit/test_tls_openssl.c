/*
 * Unit test of the TLS layer against another library than its own: OpenSSL's s_server, asked by its standard input to
 * want a client certificate within the session (TLS 1.2: renegotiation; TLS 1.3: after the handshake)
 */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hooks.h"
#include "keys.h"
#include "tls_peer.h"

#define PATIENCE_MS 20000        /* for anything that s_server does; it takes milliseconds */

/* ---- a socket as a layer ---- */

struct wire
{
    struct layer layer;
    int          fd;
    unsigned int wants;
};

static ssize_t wire_result( struct wire *wire, ssize_t ret, unsigned int want )
{
    wire->wants = want;
    if (ret >= 0) return ret;
    if (errno == EAGAIN) return LAYER_AGAIN;
    wire->layer.error = WHE_RESET;
    wire->layer.detail = errno;
    return LAYER_FAILED;
}

static ssize_t wire_read( struct layer *layer, void *buffer, size_t size )
{
    struct wire *wire = (struct wire *)layer;
    ssize_t ret = recv( wire->fd, buffer, size, MSG_DONTWAIT );

    return wire_result( wire, ret, LAYER_WANT_READ );
}

static ssize_t wire_write( struct layer *layer, const void *data, size_t size )
{
    struct wire *wire = (struct wire *)layer;
    ssize_t ret = send( wire->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL );

    return wire_result( wire, ret, LAYER_WANT_WRITE );
}

static unsigned int wire_wants( const struct layer *layer ) { return ((const struct wire *)layer)->wants; }
static void wire_close( struct layer *layer ) { close( ((struct wire *)layer)->fd ); }

static const struct layer_ops wire_ops =
{
    .start = end_ok, .read = wire_read, .write = wire_write, .flush = end_ok, .wants = wire_wants,
    .pending = end_pending, .goodbye = end_goodbye, .close = wire_close, .ready = end_ready, .query = end_query,
};

static int wire_wait( struct wire *wire )
{
    struct pollfd pfd = { wire->fd, wire->wants == LAYER_WANT_WRITE ? POLLOUT : POLLIN, 0 };

    return poll( &pfd, 1, PATIENCE_MS ) == 1;
}

/* ---- s_server ---- */

struct s_server
{
    pid_t pid;
    int   in, out;               /* its standard input and output */
    char  text[65536];           /* what it said */
    size_t len;
};

static void s_server_start( struct s_server *server, const char *version )
{
    char cert[512], key[512], ca[512];
    int in[2], out[2];

    memset( server, 0, sizeof(*server) );
    snprintf( cert, sizeof(cert), "%s/good.pem", certs );
    snprintf( key, sizeof(key), "%s/good.key", certs );
    snprintf( ca, sizeof(ca), "%s/ca.pem", certs );
    if (!expect( !pipe( in ) && !pipe( out ) )) return;
    if (!(server->pid = fork()))
    {
        dup2( in[0], 0 );
        dup2( out[1], 1 );
        dup2( out[1], 2 );
        close( in[1] );
        close( out[0] );
        execlp( "openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-CAfile", ca,
                "-naccept", "1", version, (char *)NULL );
        _exit( 127 );
    }
    close( in[0] );
    close( out[1] );
    server->in = in[1];
    server->out = out[0];
}

/* Waits until it says `text`. */
static int s_server_says( struct s_server *server, const char *text )
{
    struct pollfd pfd = { server->out, POLLIN, 0 };
    ssize_t got;

    while (!strstr( server->text, text ))
    {
        if (server->len + 1 >= sizeof(server->text) || poll( &pfd, 1, PATIENCE_MS ) != 1) return 0;
        got = read( server->out, server->text + server->len, sizeof(server->text) - 1 - server->len );
        if (got <= 0) return 0;
        server->text[server->len += got] = 0;
    }
    return 1;
}

static void s_server_hears( struct s_server *server, const char *line )
{
    expect( write( server->in, line, strlen( line ) ) == (ssize_t)strlen( line ) );
}

static int s_server_port( struct s_server *server )
{
    char *text;

    if (!expect( s_server_says( server, "ACCEPT 127.0.0.1:" ) ) || !expect( s_server_says( server, "\n" ) )) return 0;
    text = strstr( server->text, "ACCEPT 127.0.0.1:" );
    while (!strchr( text, '\n' ) && s_server_says( server, "\n\n" ));
    return atoi( text + 17 );
}

static void s_server_stop( struct s_server *server )
{
    int status;

    close( server->in );
    close( server->out );
    kill( server->pid, SIGTERM );
    waitpid( server->pid, &status, 0 );
}

/* ---- the client ---- */

static int wire_connect( int port )
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    int fd = socket( AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 );

    addr.sin_port = htons( port );
    addr.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    if (!connect( fd, (struct sockaddr *)&addr, sizeof(addr) )) return fd;
    close( fd );
    return -1;
}

static ssize_t read_some( struct wire *wire, struct layer *client, char *buffer, size_t size )
{
    ssize_t ret;

    while ((ret = client->ops->read( client, buffer, size )) == LAYER_AGAIN) if (!wire_wait( wire )) break;
    return ret;
}

struct ask_case
{
    const char *version;         /* option of s_server */
    const char *command;         /* its line: want a certificate now */
};

static const struct ask_case ask_cases[] =
{
    { "-tls1_2", "R\n" },
    { "-tls1_3", "c\n" },
};

static void ask( const struct ask_case *test, struct creds *creds )
{
    struct tls_policy policy = { .host = "localhost", .versions = WH_TLS_1_2 | WH_TLS_1_3, .creds = creds };
    struct wire wire = { { .ops = &wire_ops }, -1, 0 };
    struct s_server server;
    struct layer *client;
    enum wh_error error;
    char buffer[64];
    ssize_t ret;
    int port;

    s_server_start( &server, test->version );
    if (!(port = s_server_port( &server )) || !expect( (wire.fd = wire_connect( port )) >= 0 ))
    {
        s_server_stop( &server );
        return;
    }
    client = tls_layer_create( &wire.layer, &policy, &error );
    expect( client != NULL );
    while ((ret = client->ops->start( client )) == LAYER_AGAIN) if (!expect( wire_wait( &wire ) )) break;
    expect( ret == LAYER_OK );
    expect( client->ops->write( client, "first line\n", 11 ) == 11 );
    expect( s_server_says( &server, "first line" ) );
    expect( !strstr( server.text, "Test Client" ) );

    s_server_hears( &server, test->command );
    if (creds)
    {
        /* the answer is read while the server waits for the certificate, and by the time it speaks it has it */
        while ((ret = client->ops->read( client, buffer, sizeof(buffer) )) == LAYER_AGAIN
               && !strstr( server.text, "Test Client" ))
        {
            struct pollfd pfds[2] = { { wire.fd, POLLIN, 0 }, { server.out, POLLIN, 0 } };

            if (!expect( poll( pfds, 2, PATIENCE_MS ) > 0 )) break;
            if (pfds[1].revents)
            {
                ssize_t got = read( server.out, server.text + server.len, sizeof(server.text) - 1 - server.len );

                if (!expect( got > 0 )) break;
                server.text[server.len += got] = 0;
            }
        }
        expect( ret == LAYER_AGAIN );
        s_server_hears( &server, "answer\n" );
        expect( read_some( &wire, client, buffer, 7 ) == 7 && !memcmp( buffer, "answer\n", 7 ) );
        expect( client->ops->write( client, "second line\n", 12 ) == 12 );
        expect( s_server_says( &server, "second line" ) );
    }
    else
    {
        expect( read_some( &wire, client, buffer, sizeof(buffer) ) == LAYER_FAILED );
        expect( client->error == WHE_CERT_NEEDED );      /* TL-17 */
    }
    client->ops->close( client );
    s_server_stop( &server );
}

static void test_openssl_asks_within_the_session_and_gets_the_certificate(void)
{
    struct creds *creds = open_creds( "client", WH_KEY_PKCS8 );
    size_t i;

    for (i = 0; i < sizeof(ask_cases) / sizeof(ask_cases[0]); i++) ask( &ask_cases[i], creds );
    creds_release( creds );
}

static void test_openssl_asks_and_there_is_none(void)
{
    size_t i;

    for (i = 0; i < sizeof(ask_cases) / sizeof(ask_cases[0]); i++) ask( &ask_cases[i], NULL );
}

int main(void)
{
    signal( SIGPIPE, SIG_IGN );
    make_certificates();
    expect( tls_trust_load() == WHE_OK );
    run( test_openssl_asks_within_the_session_and_gets_the_certificate );
    run( test_openssl_asks_and_there_is_none );
    tls_shutdown();
    remove_certificates();
    return test_end( "tls_openssl" );
}
