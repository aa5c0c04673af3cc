/*
 * Sockets of the scripted server on the loopback interface
 *
 * See server_socket.h. A relay is two pipes; each has a buffer of its own, so that neither side waits for the other.
 */
#define FD_SETSIZE 16
#include <winsock2.h>
#include <windows.h>

#include "wine/test.h"
#include "server.h"
#include "server_socket.h"

#define SLICE_MS 20      /* how soon go_on is asked again */

static void set_loopback( struct sockaddr_in *addr, unsigned short port )
{
    memset( addr, 0, sizeof(*addr) );
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    addr->sin_port = htons( port );
}

SOCKET loopback_listen( unsigned short *port )
{
    struct sockaddr_in addr;
    int len = sizeof(addr);
    u_long nonblocking = 1;
    SOCKET sock;
    WSADATA data;

    if (WSAStartup( MAKEWORD( 2, 2 ), &data )) return INVALID_SOCKET;
    set_loopback( &addr, 0 );
    sock = socket( AF_INET, SOCK_STREAM, 0 );
    if (sock == INVALID_SOCKET || bind( sock, (struct sockaddr *)&addr, sizeof(addr) )
        || listen( sock, SOMAXCONN ) || getsockname( sock, (struct sockaddr *)&addr, &len ))
    {
        if (sock != INVALID_SOCKET) closesocket( sock );
        return INVALID_SOCKET;
    }
    ioctlsocket( sock, FIONBIO, &nonblocking );
    *port = ntohs( addr.sin_port );
    return sock;
}

SOCKET loopback_connect( unsigned short port )
{
    SOCKET sock = socket( AF_INET, SOCK_STREAM, 0 );
    struct sockaddr_in addr;

    set_loopback( &addr, port );
    if (!connect( sock, (struct sockaddr *)&addr, sizeof(addr) )) return sock;
    closesocket( sock );
    return INVALID_SOCKET;
}

/* A bound socket that does not listen refuses, and nobody else can get its port while it lives: it is never closed. */
unsigned short server_closed_port( void )
{
    struct sockaddr_in addr;
    int len = sizeof(addr);
    WSADATA data;
    SOCKET sock;

    WSAStartup( MAKEWORD( 2, 2 ), &data );
    set_loopback( &addr, 0 );
    sock = socket( AF_INET, SOCK_STREAM, 0 );
    if (bind( sock, (struct sockaddr *)&addr, sizeof(addr) )) return 1;
    if (getsockname( sock, (struct sockaddr *)&addr, &len )) return 1;
    return ntohs( addr.sin_port );
}

BOOL loopback_is_wanted( SOCKET listener )
{
    struct timeval now = { 0, 0 };
    fd_set reads;

    FD_ZERO( &reads );
    FD_SET( listener, &reads );
    return select( 0, &reads, NULL, NULL, &now ) > 0;
}

/* ---- relays ---- */

struct pipe
{
    SOCKET       from, to;
    BOOL         ended;              /* nothing more comes */
    unsigned int len;
    char         data[16384];
};

/* FALSE: one of the two is gone. */
static BOOL pump( struct pipe *pipe, const fd_set *reads, const fd_set *writes )
{
    int ret;

    if (!pipe->len && !pipe->ended && FD_ISSET( pipe->from, reads ))
    {
        ret = recv( pipe->from, pipe->data, sizeof(pipe->data), 0 );
        if (ret < 0) return WSAGetLastError() == WSAEWOULDBLOCK;
        if (ret) pipe->len = (unsigned int)ret;
        else
        {
            pipe->ended = TRUE;
            shutdown( pipe->to, SD_SEND );
        }
    }
    if (pipe->len && FD_ISSET( pipe->to, writes ))
    {
        ret = send( pipe->to, pipe->data, (int)pipe->len, 0 );
        if (ret < 0) return WSAGetLastError() == WSAEWOULDBLOCK;
        pipe->len -= (unsigned int)ret;
        memmove( pipe->data, pipe->data + ret, pipe->len );
    }
    return TRUE;
}

static void watch( const struct pipe *pipe, fd_set *reads, fd_set *writes )
{
    if (pipe->len) FD_SET( pipe->to, writes );
    else if (!pipe->ended) FD_SET( pipe->from, reads );
}

static void run( struct pipe pipes[2], BOOL (*go_on)( void *arg, const char **error ), void *arg, const char **error )
{
    while (!pipes[0].ended || !pipes[1].ended || pipes[0].len || pipes[1].len)
    {
        struct timeval slice = { 0, SLICE_MS * 1000 };
        fd_set reads, writes;

        FD_ZERO( &reads );
        FD_ZERO( &writes );
        watch( &pipes[0], &reads, &writes );
        watch( &pipes[1], &reads, &writes );
        if (select( 0, &reads, &writes, NULL, &slice ) < 0)
        {
            *error = "select failed";
            return;
        }
        if (!pump( &pipes[0], &reads, &writes ) || !pump( &pipes[1], &reads, &writes )) return;
        if (!go_on( arg, error )) return;
    }
}

void loopback_relay( SOCKET client, const char *early, unsigned int len, unsigned short port,
                     BOOL (*go_on)( void *arg, const char **error ), void *arg, const char **error )
{
    struct pipe *pipes = calloc( 2, sizeof(*pipes) );
    SOCKET target = loopback_connect( port );
    u_long nonblocking = 1;

    if (!pipes || len > sizeof(pipes->data)) *error = "no memory for a relay";
    else if (target == INVALID_SOCKET) *error = "nobody is there to relay to";
    else
    {
        ioctlsocket( target, FIONBIO, &nonblocking );
        pipes[0].from = pipes[1].to = client;
        pipes[0].to = pipes[1].from = target;
        pipes[0].len = len;
        memcpy( pipes[0].data, early, len );
        run( pipes, go_on, arg, error );
    }
    if (target != INVALID_SOCKET) closesocket( target );
    free( pipes );
}

/* ---- the relay itself ---- */

static unsigned int read_all( SOCKET sock, char *buffer, unsigned int size )
{
    unsigned int len = 0;
    int ret;

    while (len < size && (ret = recv( sock, buffer + len, (int)(size - len), 0 )) > 0) len += (unsigned int)ret;
    return len;
}

static void test_a_relay_passes_on_and_back(void)
{
    static const struct step behind[] = { ACCEPT, HEAD, SEND( "pong" ), END };
    static const struct step front[] = { ACCEPT, TAKE_BYTES( 2 ), HEAD, RELAY, END };
    struct server *target = server_start( behind ), *server = server_start( front );
    char text[128], buffer[16];
    unsigned int len;
    SOCKET sock;

    if (!target || !server) return;
    sock = loopback_connect( server_port( server ) );
    ok( sock != INVALID_SOCKET, "connect failed with %d\n", WSAGetLastError() );
    /* the bytes behind the blank line go along */
    len = sprintf( text, "abCONNECT [::1]:%u HTTP/1.1\r\n\r\nPING\r\n\r\n", server_port( target ) );
    send( sock, text, (int)len, 0 );
    len = read_all( sock, buffer, sizeof(buffer) );
    ok( len == 4 && !memcmp( buffer, "pong", 4 ), "got %u bytes\n", len );
    closesocket( sock );
    ok( !strcmp( server_request( server, 0 ), "ab" ), "recorded %s\n", server_request( server, 0 ) );
    ok( !strcmp( server_request( target, 0 ), "PING\r\n\r\n" ), "recorded %s\n", server_request( target, 0 ) );
    server_stop( server );
    server_stop( target );
}

static void test_a_relay_ends_when_the_test_says_so(void)
{
    static const struct step behind[] = { ACCEPT, AWAIT_EOF, END };
    static const struct step front[] = { ACCEPT, HEAD, RELAY, END };
    struct server *target = server_start( behind ), *server = server_start( front );
    char text[64], byte;
    SOCKET sock;

    if (!target || !server) return;
    sock = loopback_connect( server_port( server ) );
    send( sock, text, sprintf( text, "CONNECT x:%u HTTP/1.1\r\n\r\n", server_port( target ) ), 0 );
    server_go( server );
    ok( recv( sock, &byte, 1, 0 ) <= 0, "a byte came from nowhere\n" );
    closesocket( sock );
    server_stop( server );
    server_stop( target );
}

START_TEST(server_socket)
{
    test_a_relay_passes_on_and_back();
    test_a_relay_ends_when_the_test_says_so();
}
