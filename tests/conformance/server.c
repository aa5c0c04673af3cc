/*
 * Scripted loopback server of the conformance tests
 *
 * See server.h. Sockets are non-blocking; every wait is a select() in slices, so that server_stop() can end a thread
 * that waits, and the listening socket is watched meanwhile. The thread writes down its first failure as text and
 * closes everything, so that the client's call fails soon; the test's thread reports it in server_stop(). START_TEST
 * checks the server itself with plain sockets: a broken fixture must not look like a broken library.
 */
#define FD_SETSIZE 16
#include <winsock2.h>
#include <windows.h>

#include "wine/test.h"
#include "server.h"
#include "server_socket.h"
#include "websocket_peer.h"

#define SLICE_MS        50      /* how soon a waiting thread sees that the test has given up */
#define GRACE_MS        5000    /* what a script gets after the client is through, as often as it gets on in that time */
#define MAX_REQUESTS    64
#define MAX_THREADS     256
#define MAX_HEAD        (1 << 20)

struct record
{
    char *text;
    unsigned int len, size, head_len;
};

struct server
{
    SOCKET listener;
    unsigned short port;
    const struct step *script;
    BOOL each;                        /* the script runs per connection: it has no end of its own */
    const char *response;             /* crowd only */
    unsigned int crowd_size;
    HANDLE thread, go, reached;
    volatile LONG stop, done;
    volatile LONG progress;           /* of the script: steps begun, pieces sent and received */
    CRITICAL_SECTION lock;            /* guards what follows */
    CONDITION_VARIABLE changed;
    struct record records[MAX_REQUESTS];
    unsigned int record_count, connections, crowd_count, thread_count;
    HANDLE threads[MAX_THREADS];
    unsigned int step;                /* index of the step that runs or failed */
    char error[256];
};

/* one connection and the bytes that came early */
struct link
{
    struct server *server;
    SOCKET socket;
    BOOL watch;                       /* a second connection is an error */
    BOOL looped, ended;
    struct record *record;
    char pending[65536];
    unsigned int pending_len;
};

static const char *const step_names[] =
{
    [STEP_END] = "END", [STEP_ACCEPT] = "ACCEPT", [STEP_HEAD] = "HEAD", [STEP_BODY] = "BODY",
    [STEP_UNTIL] = "UNTIL", [STEP_DISCARD] = "DISCARD", [STEP_SEND] = "SEND", [STEP_DRIP] = "DRIP",
    [STEP_REPEAT] = "REPEAT", [STEP_FLOOD] = "FLOOD", [STEP_SHUT] = "SHUT", [STEP_RESET] = "RESET",
    [STEP_CLOSE] = "CLOSE", [STEP_EOF] = "EOF", [STEP_GONE] = "GONE", [STEP_SIGNAL] = "SIGNAL",
    [STEP_SWITCH] = "SWITCH", [STEP_FRAME] = "FRAME", [STEP_MESSAGE] = "MESSAGE", [STEP_ECHO] = "ECHO",
    [STEP_BYTES] = "BYTES", [STEP_RELAY] = "RELAY", [STEP_WAIT] = "WAIT", [STEP_UNHURRIED] = "UNHURRIED", [STEP_LOOP] = "LOOP"
};

static BOOL fail( struct server *server, const char *text )
{
    EnterCriticalSection( &server->lock );
    if (!server->error[0]) snprintf( server->error, sizeof(server->error), "%s", text );
    LeaveCriticalSection( &server->lock );
    WakeAllConditionVariable( &server->changed );
    return FALSE;
}

/* Waits until the socket can be read or written. With `watch` a connection in the backlog is a failure. */
static BOOL wait_socket( struct server *server, SOCKET socket, BOOL writing, BOOL watch )
{
    ULONGLONG end = GetTickCount64() + SERVER_TIMEOUT_MS;

    while (!server->stop)
    {
        struct timeval slice = { 0, SLICE_MS * 1000 };
        fd_set reads, writes;
        int ret;

        FD_ZERO( &reads );
        FD_ZERO( &writes );
        if (writing) FD_SET( socket, &writes );
        else FD_SET( socket, &reads );
        if (watch) FD_SET( server->listener, &reads );

        ret = select( 0, &reads, &writes, NULL, &slice );
        if (ret < 0) return fail( server, "select failed" );
        if (FD_ISSET( socket, writing ? &writes : &reads )) return TRUE;
        if (ret && watch && FD_ISSET( server->listener, &reads ))
            return fail( server, "the client opened another connection instead of using this one" );
        if (GetTickCount64() > end) return fail( server, writing ? "the client does not read" : "nothing came" );
    }
    return fail( server, "given up by the test" );
}

static SOCKET accept_next( struct server *server )
{
    u_long nonblocking = 1;
    SOCKET socket;
    BOOL nodelay = TRUE;

    if (!wait_socket( server, server->listener, FALSE, FALSE )) return INVALID_SOCKET;
    if ((socket = accept( server->listener, NULL, NULL )) == INVALID_SOCKET)
    {
        fail( server, "accept failed" );
        return INVALID_SOCKET;
    }
    ioctlsocket( socket, FIONBIO, &nonblocking );
    setsockopt( socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&nodelay, sizeof(nodelay) );
    EnterCriticalSection( &server->lock );
    server->connections++;
    LeaveCriticalSection( &server->lock );
    return socket;
}

/* Bytes, 0 at the end of the connection, -1 after a failure or (quiet) a reset. */
static int receive( struct link *link, char *buffer, unsigned int size, BOOL quiet )
{
    int ret;

    if (link->pending_len)
    {
        if (size > link->pending_len) size = link->pending_len;
        memcpy( buffer, link->pending, size );
        link->pending_len -= size;
        memmove( link->pending, link->pending + size, link->pending_len );
        return (int)size;
    }
    do
    {
        if (!wait_socket( link->server, link->socket, FALSE, link->watch )) return -1;
        ret = recv( link->socket, buffer, (int)size, 0 );
    } while (ret < 0 && WSAGetLastError() == WSAEWOULDBLOCK);
    InterlockedIncrement( &link->server->progress );
    if (ret < 0 && !quiet) fail( link->server, "the client reset the connection" );
    return ret;
}

static BOOL transmit( struct link *link, const char *data, unsigned int len )
{
    while (len)
    {
        int ret;

        if (!wait_socket( link->server, link->socket, TRUE, FALSE )) return FALSE;
        ret = send( link->socket, data, (int)len, 0 );
        if (ret < 0 && WSAGetLastError() == WSAEWOULDBLOCK) continue;
        if (ret < 0) return fail( link->server, "the client is gone, send failed" );
        InterlockedIncrement( &link->server->progress );
        data += ret;
        len -= (unsigned int)ret;
    }
    return TRUE;
}

static void close_link( struct link *link )
{
    if (link->socket != INVALID_SOCKET) closesocket( link->socket );
    link->socket = INVALID_SOCKET;
    link->pending_len = 0;
}

static BOOL append( struct server *server, struct record *record, const char *data, unsigned int len )
{
    char *text;
    unsigned int size;

    if (record->len + len + 1 > record->size)
    {
        size = (record->len + len + 1) * 2;
        if (!(text = realloc( record->text, size ))) return fail( server, "out of memory" );
        record->text = text;
        record->size = size;
    }
    memcpy( record->text + record->len, data, len );
    record->len += len;
    record->text[record->len] = 0;
    return TRUE;
}

/* Reads up to the blank line into a new record, which is published when it is complete. */
static BOOL do_head( struct link *link )
{
    struct server *server = link->server;
    struct record record = { NULL, 0, 0, 0 };
    char byte[1];
    int ret;

    for (;;)
    {
        if ((ret = receive( link, byte, 1, FALSE )) <= 0)
        {
            free( record.text );
            if (!ret && link->looped && !record.len)
            {
                link->ended = TRUE;
                return TRUE;
            }
            return ret ? FALSE : fail( server, "the client closed the connection before the end of a head" );
        }
        if (!append( server, &record, byte, 1 )) return FALSE;
        if (record.len >= 4 && !memcmp( record.text + record.len - 4, "\r\n\r\n", 4 )) break;
        if (record.len > MAX_HEAD)
        {
            free( record.text );
            return fail( server, "the head has no end" );
        }
        /* one system call per byte would be slow: take what is there into the pending buffer */
        if (!link->pending_len)
        {
            ret = recv( link->socket, link->pending, sizeof(link->pending), 0 );
            if (ret > 0) link->pending_len = (unsigned int)ret;
        }
    }
    record.head_len = record.len;

    EnterCriticalSection( &server->lock );
    link->record = NULL;
    if (server->record_count < MAX_REQUESTS)
    {
        link->record = &server->records[server->record_count];
        *link->record = record;
        record.text = NULL;
    }
    server->record_count++;
    LeaveCriticalSection( &server->lock );
    free( record.text );
    WakeAllConditionVariable( &server->changed );
    return TRUE;
}

static BOOL keep( struct link *link, const char *data, unsigned int len )
{
    BOOL ret = TRUE;

    EnterCriticalSection( &link->server->lock );
    if (link->record) ret = append( link->server, link->record, data, len );
    LeaveCriticalSection( &link->server->lock );
    return ret;
}

static BOOL do_body( struct link *link, ULONGLONG count, BOOL record )
{
    char buffer[16384];

    while (count)
    {
        unsigned int size = count < sizeof(buffer) ? (unsigned int)count : sizeof(buffer);
        int ret = receive( link, buffer, size, FALSE );

        if (ret < 0) return FALSE;
        if (!ret) return fail( link->server, "the client closed the connection before the end of the body" );
        if (record && !keep( link, buffer, (unsigned int)ret )) return FALSE;
        count -= (unsigned int)ret;
    }
    return TRUE;
}

/* What is no head: `count` bytes, in a record of their own. */
static BOOL do_bytes( struct link *link, ULONGLONG count )
{
    struct server *server = link->server;

    EnterCriticalSection( &server->lock );
    link->record = server->record_count < MAX_REQUESTS ? &server->records[server->record_count] : NULL;
    LeaveCriticalSection( &server->lock );
    if (!do_body( link, count, TRUE )) return FALSE;
    EnterCriticalSection( &server->lock );
    server->record_count++;
    LeaveCriticalSection( &server->lock );
    WakeAllConditionVariable( &server->changed );
    return TRUE;
}

/* The script goes on when both sides have ended, or the test wants it to. */
static BOOL relay_goes_on( void *arg, const char **error )
{
    struct link *link = arg;
    struct server *server = link->server;

    if (server->stop) *error = "given up by the test";
    else if (link->watch && loopback_is_wanted( server->listener ))
        *error = "the client opened another connection instead of using this one";
    return !*error && WaitForSingleObject( server->go, 0 );
}

/* Passes bytes on to the port that the step names, or else the target of the last CONNECT, and back. */
static BOOL do_relay( struct link *link, ULONGLONG count )
{
    const char *line = link->record ? link->record->text : "", *end = strstr( line, " HTTP/" ), *error = NULL;
    unsigned short port = (unsigned short)count;

    while (end && end > line && end[-1] != ':') end--;
    if (!port && end) port = (unsigned short)strtoul( end, NULL, 10 );
    loopback_relay( link->socket, link->pending, link->pending_len, port, relay_goes_on, link, &error );
    close_link( link );
    return !error || fail( link->server, error );
}

static BOOL do_until( struct link *link, const char *tail )
{
    unsigned int len = (unsigned int)strlen( tail ), have = 0;
    char byte[1], last[64];
    int ret;

    if (len > sizeof(last)) return fail( link->server, "UNTIL text is too long" );
    for (;;)
    {
        if ((ret = receive( link, byte, 1, FALSE )) < 0) return FALSE;
        if (!ret) return fail( link->server, "the client closed the connection before the expected bytes" );
        if (!keep( link, byte, 1 )) return FALSE;
        if (have == len) memmove( last, last + 1, --have );
        last[have++] = byte[0];
        if (have == len && !memcmp( last, tail, len )) return TRUE;
    }
}

static BOOL do_drip( struct link *link, const char *data, unsigned int len )
{
    unsigned int i;

    for (i = 0; i < len; i++) if (!transmit( link, data + i, 1 )) return FALSE;
    return TRUE;
}

/* Sends until the client has had enough. */
static BOOL do_flood( struct link *link, const char *data, unsigned int len, ULONGLONG limit )
{
    ULONGLONG sent = 0;

    while (sent < limit)
    {
        int ret;

        if (!wait_socket( link->server, link->socket, TRUE, FALSE )) return FALSE;
        ret = send( link->socket, data, (int)len, 0 );
        if (ret < 0 && WSAGetLastError() == WSAEWOULDBLOCK) continue;
        if (ret < 0) return TRUE;
        sent += (unsigned int)ret;
    }
    return fail( link->server, "the client takes everything" );
}

static BOOL do_eof( struct link *link, BOOL strict )
{
    char buffer[4096];
    int ret;

    while ((ret = receive( link, buffer, sizeof(buffer), !strict )) > 0)
        if (strict) return fail( link->server, "the client sent more bytes than expected" );
    if (!ret) return TRUE;
    /* a reset counts as gone, a failure of our own (text is set by then) does not */
    return !strict && !link->server->error[0] && !link->server->stop;
}

/* A request on the connection before, where the script wants a new one, is a failure at once. */
static BOOL old_link_is_quiet( struct link *link )
{
    char byte;
    int ret;

    if (link->socket == INVALID_SOCKET) return TRUE;
    ret = recv( link->socket, &byte, 1, MSG_PEEK );
    if (ret > 0 || link->pending_len) return fail( link->server, "the client used the old connection again" );
    if (!ret || WSAGetLastError() != WSAEWOULDBLOCK) close_link( link );
    return TRUE;
}

static BOOL do_accept( struct link *link )
{
    ULONGLONG end = GetTickCount64() + SERVER_TIMEOUT_MS;
    struct server *server = link->server;

    while (!server->stop)
    {
        struct timeval slice = { 0, SLICE_MS * 1000 };
        fd_set reads;
        SOCKET socket;

        FD_ZERO( &reads );
        FD_SET( server->listener, &reads );
        if (link->socket != INVALID_SOCKET) FD_SET( link->socket, &reads );
        if (select( 0, &reads, NULL, NULL, &slice ) < 0) return fail( server, "select failed" );
        if (FD_ISSET( server->listener, &reads ))
        {
            if ((socket = accept_next( server )) == INVALID_SOCKET) return FALSE;
            close_link( link );
            link->socket = socket;
            return TRUE;
        }
        if (!old_link_is_quiet( link )) return FALSE;
        if (GetTickCount64() > end) return fail( server, "no connection came" );
    }
    return fail( server, "given up by the test" );
}

static BOOL do_wait( struct server *server )
{
    ULONGLONG end = GetTickCount64() + SERVER_TIMEOUT_MS;

    while (!server->stop && GetTickCount64() < end)
        if (!WaitForSingleObject( server->go, SLICE_MS )) return TRUE;
    return fail( server, "the test did not let the script go on" );
}

static BOOL do_reset( struct link *link )
{
    struct linger linger = { 1, 0 };

    setsockopt( link->socket, SOL_SOCKET, SO_LINGER, (const char *)&linger, sizeof(linger) );
    close_link( link );
    return TRUE;
}

static BOOL peer_receive( void *arg, char *buffer, unsigned int size )
{
    struct link *link = arg;
    int ret;

    for (; size; buffer += ret, size -= (unsigned int)ret)
    {
        if ((ret = receive( link, buffer, size, FALSE )) < 0) return FALSE;
        if (!ret) return fail( link->server, "the client closed the connection before the end of a frame" );
    }
    return TRUE;
}

static BOOL peer_transmit( void *arg, const char *data, unsigned int len )
{
    return transmit( arg, data, len );
}

static BOOL peer_fail( void *arg, const char *text )
{
    return fail( ((struct link *)arg)->server, text );
}

static BOOL do_websocket( struct link *link, const struct step *step, unsigned int len )
{
    const struct peer_io io = { peer_receive, peer_transmit, peer_fail, link };

    switch (step->op)
    {
    case STEP_SWITCH:  return peer_switch( &io, link->record ? link->record->text : "", step->data, len );
    case STEP_FRAME:   return peer_expect( &io, (unsigned char)step->count, step->data, len );
    case STEP_MESSAGE: return peer_take( &io, step->count );
    default:           return peer_echo( &io );
    }
}

static BOOL do_step( struct link *link, const struct step *step )
{
    unsigned int len = step->len ? step->len : step->data ? (unsigned int)strlen( step->data ) : 0;
    ULONGLONG i;

    switch (step->op)
    {
    case STEP_ACCEPT:    return do_accept( link );
    case STEP_HEAD:      return do_head( link );
    case STEP_BODY:      return do_body( link, step->count, TRUE );
    case STEP_DISCARD:   return do_body( link, step->count, FALSE );
    case STEP_BYTES:     return do_bytes( link, step->count );
    case STEP_UNTIL:     return do_until( link, step->data );
    case STEP_RELAY:     return do_relay( link, step->count );
    case STEP_SEND:      return transmit( link, step->data, len );
    case STEP_DRIP:      return do_drip( link, step->data, len );
    case STEP_FLOOD:     return do_flood( link, step->data, len, step->count );
    case STEP_SHUT:      shutdown( link->socket, SD_SEND ); return TRUE;
    case STEP_RESET:     return do_reset( link );
    case STEP_CLOSE:     close_link( link ); return TRUE;
    case STEP_EOF:       return do_eof( link, TRUE );
    case STEP_GONE:      return do_eof( link, FALSE );
    case STEP_SIGNAL:    ReleaseSemaphore( link->server->reached, 1, NULL ); return TRUE;
    case STEP_WAIT:      return do_wait( link->server );
    case STEP_UNHURRIED: link->watch = FALSE; return TRUE;
    case STEP_SWITCH:
    case STEP_FRAME:
    case STEP_MESSAGE:
    case STEP_ECHO:      return do_websocket( link, step, len );
    case STEP_REPEAT:
        for (i = 0; i < step->count; i++) if (!transmit( link, step->data, len )) return FALSE;
        return TRUE;
    case STEP_END:
    case STEP_LOOP:
        break;
    }
    return fail( link->server, "bad step" );
}

static void play( struct link *link )
{
    struct server *server = link->server;
    const struct step *step = server->script;

    while (step->op != STEP_END && !link->ended)
    {
        if (step->op == STEP_LOOP)
        {
            link->looped = TRUE;
            step = server->script;
            continue;
        }
        server->step = (unsigned int)(step - server->script);
        InterlockedIncrement( &server->progress );
        if (!do_step( link, step )) break;
        step++;
    }
    close_link( link );
}

static struct link *link_create( struct server *server, SOCKET socket )
{
    struct link *link = calloc( 1, sizeof(*link) );

    if (!link) return NULL;
    link->server = server;
    link->socket = socket;
    return link;
}

static DWORD WINAPI script_thread( void *arg )
{
    struct server *server = arg;
    struct link *link = link_create( server, INVALID_SOCKET );

    if (link)
    {
        link->watch = TRUE;
        play( link );
        free( link );
    }
    /* what is still in the backlog would wait for its timeout after a failure */
    if (server->error[0])
    {
        closesocket( server->listener );
        server->listener = INVALID_SOCKET;
    }
    server->done = 1;
    ReleaseSemaphore( server->reached, 1, NULL );
    WakeAllConditionVariable( &server->changed );
    return 0;
}

static DWORD WINAPI link_thread( void *arg )
{
    struct link *link = arg;

    play( link );
    free( link );
    return 0;
}

static DWORD WINAPI each_thread( void *arg )
{
    struct server *server = arg;

    while (!server->stop && server->thread_count < MAX_THREADS)
    {
        fd_set reads;
        struct timeval slice = { 0, SLICE_MS * 1000 };
        struct link *link;
        SOCKET socket;

        FD_ZERO( &reads );
        FD_SET( server->listener, &reads );
        if (select( 0, &reads, NULL, NULL, &slice ) <= 0) continue;
        if ((socket = accept_next( server )) == INVALID_SOCKET) break;
        if (!(link = link_create( server, socket ))) break;
        server->threads[server->thread_count] = CreateThread( NULL, 0, link_thread, link, 0, NULL );
        server->thread_count++;
    }
    if (server->thread_count == MAX_THREADS) fail( server, "more connections than there are threads for" );
    server->done = 1;
    return 0;
}

static DWORD WINAPI crowd_thread( void *arg )
{
    struct server *server = arg;
    SOCKET *sockets = calloc( server->crowd_size, sizeof(*sockets) );
    struct link *link = link_create( server, INVALID_SOCKET );
    unsigned int i, count = 0;

    while (sockets && link && count < server->crowd_size)
    {
        if ((link->socket = accept_next( server )) == INVALID_SOCKET) break;
        link->pending_len = 0;
        if (!do_head( link )) break;
        sockets[count++] = link->socket;
        EnterCriticalSection( &server->lock );
        server->crowd_count = count;
        LeaveCriticalSection( &server->lock );
    }
    ReleaseSemaphore( server->reached, 1, NULL );
    if (count == server->crowd_size && do_wait( server ))
    {
        for (i = 0; i < count; i++)
        {
            link->socket = sockets[i];
            if (server->response) transmit( link, server->response, (unsigned int)strlen( server->response ) );
        }
    }
    for (i = 0; i < count; i++) closesocket( sockets[i] );
    free( sockets );
    free( link );
    server->done = 1;
    return 0;
}

static struct server *create( const struct step *script, unsigned int crowd, const char *response,
                              LPTHREAD_START_ROUTINE func )
{
    struct server *server = calloc( 1, sizeof(*server) );

    if (!server) return NULL;
    if ((server->listener = loopback_listen( &server->port )) == INVALID_SOCKET)
    {
        ok( 0, "cannot listen on the loopback interface, error %d\n", WSAGetLastError() );
        free( server );
        return NULL;
    }
    server->script = script;
    server->each = func == each_thread;
    server->crowd_size = crowd;
    server->response = response;
    server->go = CreateSemaphoreW( NULL, 0, 1000, NULL );
    server->reached = CreateSemaphoreW( NULL, 0, 1000, NULL );
    InitializeCriticalSection( &server->lock );
    InitializeConditionVariable( &server->changed );
    server->thread = CreateThread( NULL, 0, func, server, 0, NULL );
    return server;
}

struct server *server_start( const struct step *script )
{
    return create( script, 0, NULL, script_thread );
}

struct server *server_start_each( const struct step *script )
{
    return create( script, 0, NULL, each_thread );
}

struct server *server_start_crowd( unsigned int count, const char *response )
{
    return create( NULL, count, response, crowd_thread );
}

unsigned short server_port( const struct server *server )
{
    return server->port;
}

BOOL server_wait( struct server *server )
{
    if (WaitForSingleObject( server->reached, SERVER_TIMEOUT_MS )) return FALSE;
    return !server->error[0];
}

void server_go( struct server *server )
{
    ReleaseSemaphore( server->go, 1, NULL );
}

const char *server_request_bytes( struct server *server, unsigned int index, unsigned int *len )
{
    ULONGLONG now, end = GetTickCount64() + SERVER_TIMEOUT_MS;
    const char *text = "";

    *len = 0;
    EnterCriticalSection( &server->lock );
    while (server->record_count <= index && !server->error[0] && !server->done && (now = GetTickCount64()) < end)
        SleepConditionVariableCS( &server->changed, &server->lock, (DWORD)(end - now) );
    if (server->record_count > index && index < MAX_REQUESTS)
    {
        text = server->records[index].text;
        *len = server->records[index].len;
    }
    LeaveCriticalSection( &server->lock );
    return text;
}

const char *server_request( struct server *server, unsigned int index )
{
    unsigned int len;

    return server_request_bytes( server, index, &len );
}

unsigned int server_body_len( struct server *server, unsigned int index )
{
    unsigned int len = 0;

    EnterCriticalSection( &server->lock );
    if (index < server->record_count && index < MAX_REQUESTS)
        len = server->records[index].len - server->records[index].head_len;
    LeaveCriticalSection( &server->lock );
    return len;
}

unsigned int server_request_count( struct server *server )
{
    unsigned int count;

    EnterCriticalSection( &server->lock );
    count = server->record_count;
    LeaveCriticalSection( &server->lock );
    return count;
}

unsigned int server_crowd_count( struct server *server )
{
    unsigned int count;

    EnterCriticalSection( &server->lock );
    count = server->crowd_count;
    LeaveCriticalSection( &server->lock );
    return count;
}

static unsigned int backlog_count( struct server *server )
{
    unsigned int count = 0;
    SOCKET socket;

    if (server->listener == INVALID_SOCKET || !server->done) return 0;
    while ((socket = accept( server->listener, NULL, NULL )) != INVALID_SOCKET)
    {
        count++;
        closesocket( socket );
    }
    EnterCriticalSection( &server->lock );
    server->connections += count;
    LeaveCriticalSection( &server->lock );
    return count;
}

unsigned int server_connection_count( struct server *server )
{
    unsigned int count;

    backlog_count( server );
    EnterCriticalSection( &server->lock );
    count = server->connections;
    LeaveCriticalSection( &server->lock );
    return count;
}

static void destroy( struct server *server )
{
    unsigned int i;

    server->stop = 1;
    WaitForSingleObject( server->thread, INFINITE );
    for (i = 0; i < server->thread_count; i++)
    {
        WaitForSingleObject( server->threads[i], INFINITE );
        CloseHandle( server->threads[i] );
    }
    if (server->listener != INVALID_SOCKET) closesocket( server->listener );
    for (i = 0; i < MAX_REQUESTS; i++) free( server->records[i].text );
    CloseHandle( server->thread );
    CloseHandle( server->go );
    CloseHandle( server->reached );
    DeleteCriticalSection( &server->lock );
    free( server );
    WSACleanup();
}

/* Waits for the end of a script. FALSE if it does not get on any more. */
static BOOL script_ends( struct server *server )
{
    LONG seen;

    do
    {
        seen = server->progress;
        if (!WaitForSingleObject( server->thread, GRACE_MS )) return TRUE;
    } while (server->progress != seen);
    return FALSE;
}

void server_stop_( const char *file, int line, struct server *server )
{
    BOOL stuck;
    unsigned int extra;

    if (!server) return;
    stuck = server->script && !server->each && !script_ends( server );
    ok_( file, line )( !stuck, "server: step %u (%s) does not end\n", server->step,
                       server->script ? step_names[server->script[server->step].op] : "crowd" );
    if (!stuck)
    {
        ok_( file, line )( !server->error[0], "server: step %u (%s): %s\n", server->step,
                           server->script ? step_names[server->script[server->step].op] : "crowd", server->error );
        if (!server->error[0])
        {
            extra = backlog_count( server );
            ok_( file, line )( !extra, "server: %u connections more than the script has\n", extra );
        }
    }
    destroy( server );
}

void server_abort( struct server *server )
{
    if (server) destroy( server );
}

/* ---- the server itself ---- */

static void test_script_is_played_and_recorded(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 3 ), DRIP( "pong" ), SHUT, AWAIT_EOF, END
    };
    struct server *server = server_start( script );
    char buffer[16];
    unsigned int len = 0;
    SOCKET sock;
    int ret;

    if (!server) return;
    sock = loopback_connect( server->port );
    ok( sock != INVALID_SOCKET, "connect failed with %d\n", WSAGetLastError() );
    send( sock, "PING / X\r\n\r\nabc", 15, 0 );
    while ((ret = recv( sock, buffer + len, (int)(sizeof(buffer) - len), 0 )) > 0) len += (unsigned int)ret;
    ok( len == 4 && !memcmp( buffer, "pong", 4 ), "got %u bytes\n", len );
    closesocket( sock );
    ok( !strcmp( server_request( server, 0 ), "PING / X\r\n\r\nabc" ), "recorded %s\n", server_request( server, 0 ) );
    ok( server_body_len( server, 0 ) == 3, "body of %u bytes\n", server_body_len( server, 0 ) );
    ok( server_connection_count( server ) == 1, "%u connections\n", server_connection_count( server ) );
    server_stop( server );
}

static void test_second_connection_ends_the_script(void)
{
    static const struct step script[] = { ACCEPT, HEAD, END };
    struct server *server = server_start( script );
    SOCKET first, second;
    char byte[1];

    if (!server) return;
    first = loopback_connect( server->port );
    second = loopback_connect( server->port );
    ok( first != INVALID_SOCKET && second != INVALID_SOCKET, "connect failed\n" );
    ok( recv( first, byte, 1, 0 ) <= 0, "the first connection is still served\n" );
    ok( !server_wait( server ), "the script did not fail\n" );
    ok( strstr( server->error, "another connection" ) != NULL, "wrong message: %s\n", server->error );
    closesocket( first );
    closesocket( second );
    server_abort( server );
}

static void test_reset_reaches_the_client(void)
{
    static const struct step script[] = { ACCEPT, HEAD, RESET, END };
    struct server *server = server_start( script );
    SOCKET sock;
    char byte[1];

    if (!server) return;
    sock = loopback_connect( server->port );
    send( sock, "A\r\n\r\n", 5, 0 );
    ok( recv( sock, byte, 1, 0 ) == -1, "no reset\n" );
    ok( WSAGetLastError() == WSAECONNRESET, "got error %d\n", WSAGetLastError() );
    closesocket( sock );
    server_stop( server );
}

static void test_closed_port_refuses(void)
{
    unsigned short port = server_closed_port();
    SOCKET sock = loopback_connect( port );

    ok( sock == INVALID_SOCKET, "somebody listens on port %u\n", port );
}

START_TEST(server)
{
    test_script_is_played_and_recorded();
    test_second_connection_ends_the_script();
    test_reset_reaches_the_client();
    test_closed_port_refuses();
}
