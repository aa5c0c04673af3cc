/*
 * Many requests of two users at once over NTLM: each is answered as its own user's, on connections that are reused
 *
 * The server here is one that remembers: a connection is its user's from the third message on, as with real servers, and
 * every answer names that user. A request without credentials must never find itself on such a connection. Rules:
 * behaviour-concepts.md section 3; security.md "Connection-pool confusion".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "client.h"
#include "auth.h"

#define THREADS  8
#define REQUESTS 40    /* each */

/* ---- the server ---- */

struct crowd
{
    SOCKET listener;
    HANDLE thread;
    unsigned short port;
    volatile LONG connections, handshakes, running, broken;
};

/* What a connection knows. */
struct guest
{
    struct crowd *crowd;
    SOCKET socket;
    char user[32];
    BOOL challenged;
};

static int value_of( char c )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr( digits, c ) : NULL;

    return p ? p - digits : -1;
}

static unsigned int decode( const char *text, BYTE *bytes, unsigned int size )
{
    unsigned int bits = 0, count = 0, i;
    int value;

    for (i = 0; (value = value_of( text[i] )) >= 0 && count < size; i++)
    {
        bits = bits << 6 | value;
        if (i % 4) bytes[count++] = bits >> (6 - i % 4 * 2) & 255;
    }
    return count;
}

/* The user's name in the third message, in ASCII. */
static void take_user( struct guest *guest, const BYTE *message, unsigned int len )
{
    unsigned int i, size, at;

    guest->user[0] = 0;
    if (len < 44) return;
    size = message[36] | message[37] << 8;
    at   = message[40] | message[41] << 8 | message[42] << 16;
    if (size / 2 >= sizeof(guest->user) || at > len || size > len - at) return;
    for (i = 0; i < size / 2; i++) guest->user[i] = message[at + i * 2];
    guest->user[i] = 0;
}

static void answer( struct guest *guest, const char *status, const char *field, const char *body )
{
    char text[1024];

    sprintf( text, "HTTP/1.1 %s\r\nContent-Length: %u\r\n%s\r\n%s", status, (unsigned int)strlen( body ), field, body );
    send( guest->socket, text, strlen( text ), 0 );
}

static void take_request( struct guest *guest, const char *head )
{
    static const char name[] = "\r\nAuthorization: NTLM ";
    const char *field = strstr( head, name );
    BYTE message[2048];
    char line[512];
    unsigned int len;

    if (!field)
    {
        if (guest->user[0]) answer( guest, "200 OK", "", guest->user );
        else answer( guest, "401 Unauthorized", "WWW-Authenticate: NTLM\r\n", "denied" );
        return;
    }
    len = decode( field + sizeof(name) - 1, message, sizeof(message) );
    guest->user[0] = 0;
    if (len > 8 && message[8] == 3 && guest->challenged)
    {
        take_user( guest, message, len );
        guest->challenged = FALSE;
        InterlockedIncrement( &guest->crowd->handshakes );
        answer( guest, "200 OK", "", guest->user );
        return;
    }
    if (len <= 8 || message[8] != 1 || guest->challenged) InterlockedIncrement( &guest->crowd->broken );
    guest->challenged = TRUE;
    sprintf( line, "WWW-Authenticate: NTLM %s\r\n", auth_ntlm_message2() );
    answer( guest, "401 Unauthorized", line, "denied" );
}

static DWORD WINAPI serve( void *arg )
{
    struct guest *guest = arg;
    char head[8192], *end;
    int got, used = 0;

    while ((got = recv( guest->socket, head + used, sizeof(head) - 1 - used, 0 )) > 0)
    {
        used += got;
        head[used] = 0;
        while ((end = strstr( head, "\r\n\r\n" )))
        {
            end[2] = 0;
            take_request( guest, head );
            used -= end + 4 - head;
            memmove( head, end + 4, used + 1 );
        }
    }
    closesocket( guest->socket );
    InterlockedDecrement( &guest->crowd->running );
    free( guest );
    return 0;
}

static DWORD WINAPI crowd_accept( void *arg )
{
    struct crowd *crowd = arg;
    struct guest *guest;
    HANDLE thread;
    SOCKET socket;

    while ((socket = accept( crowd->listener, NULL, NULL )) != INVALID_SOCKET)
    {
        if (!(guest = calloc( 1, sizeof(*guest) ))) break;
        guest->crowd  = crowd;
        guest->socket = socket;
        InterlockedIncrement( &crowd->connections );
        InterlockedIncrement( &crowd->running );
        if (!(thread = CreateThread( NULL, 0, serve, guest, 0, NULL ))) break;
        CloseHandle( thread );
    }
    return 0;
}

static struct crowd *crowd_start(void)
{
    struct crowd *crowd = calloc( 1, sizeof(*crowd) );    /* stays: connections may outlive the test */
    struct sockaddr_in address = { 0 };
    int len = sizeof(address);
    WSADATA data;

    auth_ntlm_message2();    /* made before there are threads */
    WSAStartup( MAKEWORD( 2, 2 ), &data );
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
    crowd->listener = socket( AF_INET, SOCK_STREAM, 0 );
    if (bind( crowd->listener, (struct sockaddr *)&address, len ) || listen( crowd->listener, SOMAXCONN ) ||
        getsockname( crowd->listener, (struct sockaddr *)&address, &len ))
    {
        ok( FALSE, "no server: %d\n", WSAGetLastError() );
        return NULL;
    }
    crowd->port   = ntohs( address.sin_port );
    crowd->thread = CreateThread( NULL, 0, crowd_accept, crowd, 0, NULL );
    return crowd;
}

static void crowd_stop( struct crowd *crowd )
{
    closesocket( crowd->listener );
    WaitForSingleObject( crowd->thread, WAIT_MS );
    CloseHandle( crowd->thread );
}

/* ---- the clients ---- */

struct party
{
    struct crowd *crowd;
    HINTERNET sessions[2];
    volatile LONG next, right, wrong, failed;
};

static HINTERNET open_session(void)
{
    HINTERNET session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );

    WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    return session;
}

/* The answer to one request, "" if it is a 401; FALSE if a call failed. */
static BOOL ask( HINTERNET connect, const char *user, char *body, DWORD size )
{
    HINTERNET request = WinHttpOpenRequest( connect, NULL, L"/", NULL, NULL, NULL, 0 );
    WCHAR name[32];
    DWORD err = 0;
    BOOL ret;

    body[0] = 0;
    swprintf( name, count_of( name ), L"TEST\\%hs", user );
    ret = request && (!*user || WinHttpSetCredentials( request, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_NTLM, name,
                                                       L"pwd", NULL )) &&
          WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL );
    if (ret)
    {
        ULONGLONG len = client_read( request, body, size - 1, &err );

        body[err ? 0 : len] = 0;
        if (client_status( request ) == 401) body[0] = 0;
        else if (client_status( request ) != 200) err = 1;
    }
    if (request) WinHttpCloseHandle( request );
    return ret && !err;
}

static DWORD WINAPI take_part( void *arg )
{
    static const char * const users[] = { "one", "two", "" };
    struct party *party = arg;
    HINTERNET connects[2];
    unsigned int i, number;
    char body[64];

    for (i = 0; i < 2; i++) connects[i] = WinHttpConnect( party->sessions[i], L"127.0.0.1", party->crowd->port, 0 );
    for (i = 0; i < REQUESTS; i++)
    {
        number = InterlockedIncrement( &party->next );
        if (!ask( connects[number / 7 % 2], users[number % 3], body, sizeof(body) )) InterlockedIncrement( &party->failed );
        else if (strcmp( body, users[number % 3] )) InterlockedIncrement( &party->wrong );
        else InterlockedIncrement( &party->right );
    }
    for (i = 0; i < 2; i++) WinHttpCloseHandle( connects[i] );
    return 0;
}

static void test_two_users_at_once(void)
{
    struct party party = { 0 };
    HANDLE threads[THREADS];
    unsigned int i;

    if (!(party.crowd = crowd_start())) return;
    for (i = 0; i < 2; i++) party.sessions[i] = open_session();
    for (i = 0; i < THREADS; i++) threads[i] = CreateThread( NULL, 0, take_part, &party, 0, NULL );
    ok( WaitForMultipleObjects( THREADS, threads, TRUE, 10 * WAIT_MS ) < WAIT_OBJECT_0 + THREADS, "not all are through\n" );
    for (i = 0; i < THREADS; i++) CloseHandle( threads[i] );
    ok( !party.failed, "%ld failed\n", party.failed );
    ok( !party.wrong, "%ld of the wrong user\n", party.wrong );
    ok( party.right == THREADS * REQUESTS, "%ld right answers\n", party.right );
    ok( !party.crowd->broken, "%ld messages out of order\n", party.crowd->broken );
    /* reused, but never across sessions: at least one for each user and session, and nowhere near one for each request */
    ok( party.crowd->handshakes >= 4 && party.crowd->handshakes < THREADS * REQUESTS / 2, "%ld handshakes\n",
        party.crowd->handshakes );
    for (i = 0; i < 2; i++) WinHttpCloseHandle( party.sessions[i] );
    crowd_stop( party.crowd );
}

/* ---- the same, asynchronously, and with fewer connections than there are requests ---- */

#define AT_ONCE     60
#define CONNECTIONS 4

struct guest_call
{
    struct throng *throng;
    HINTERNET request;
    const char *user;
    unsigned int len;
    char body[64];
};

struct throng
{
    volatile LONG left, right, wrong, failed;
    HANDLE over;
    struct guest_call calls[AT_ONCE];
};

static void call_over( struct guest_call *call, volatile LONG *result )
{
    InterlockedIncrement( result );
    if (!InterlockedDecrement( &call->throng->left )) SetEvent( call->throng->over );
}

static void read_more( struct guest_call *call )
{
    if (!WinHttpReadData( call->request, call->body + call->len, sizeof(call->body) - 1 - call->len, NULL ))
        call_over( call, &call->throng->failed );
}

static void call_read( struct guest_call *call, unsigned int len )
{
    DWORD status = client_status( call->request );

    call->len += len;
    if (len && call->len < sizeof(call->body) - 1)
    {
        read_more( call );
        return;
    }
    call->body[call->len] = 0;
    if (status == 401) call->body[0] = 0;
    call_over( call, strcmp( call->body, call->user ) ? &call->throng->wrong : &call->throng->right );
}

static void CALLBACK on_status( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    struct guest_call *call = (struct guest_call *)context;

    (void)info;
    if (!call || handle != call->request) return;
    if (status == STATUS( SENDREQUEST_COMPLETE ))
    {
        if (!WinHttpReceiveResponse( handle, NULL )) call_over( call, &call->throng->failed );
    }
    else if (status == STATUS( HEADERS_AVAILABLE )) read_more( call );
    else if (status == STATUS( READ_COMPLETE )) call_read( call, len );
    else if (status == STATUS( REQUEST_ERROR )) call_over( call, &call->throng->failed );
}

/* A session has fewer connections than it has requests that want one: what is one user's has to make way for the others, but
 * no handshake for those that wait, or none would come to its end. */
static void test_two_users_asynchronously(void)
{
    static const char * const users[] = { "one", "two", "" };
    struct throng *throng = calloc( 1, sizeof(*throng) );    /* stays: a callback that comes late must find it */
    HINTERNET session, connect;
    DWORD limit = CONNECTIONS;
    struct crowd *crowd;
    unsigned int i;
    WCHAR name[32];
    BOOL ret;

    if (!throng || !(crowd = crowd_start())) return;
    throng->left = AT_ONCE;
    throng->over = CreateEventW( NULL, TRUE, FALSE, NULL );
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    WinHttpSetTimeouts( session, 10 * WAIT_MS, 10 * WAIT_MS, 10 * WAIT_MS, 10 * WAIT_MS );
    WinHttpSetOption( session, WINHTTP_OPTION_MAX_CONNS_PER_SERVER, &limit, sizeof(limit) );
    WinHttpSetStatusCallback( session, on_status, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
    connect = WinHttpConnect( session, L"127.0.0.1", crowd->port, 0 );
    for (i = 0; i < AT_ONCE; i++)
    {
        struct guest_call *call = &throng->calls[i];

        call->throng  = throng;
        call->user    = users[i % 3];
        call->request = WinHttpOpenRequest( connect, NULL, L"/", NULL, NULL, NULL, 0 );
        swprintf( name, count_of( name ), L"TEST\\%hs", call->user );
        ret = !*call->user || WinHttpSetCredentials( call->request, WINHTTP_AUTH_TARGET_SERVER, WINHTTP_AUTH_SCHEME_NTLM, name,
                                                     L"pwd", NULL );
        if (!ret || !WinHttpSendRequest( call->request, NULL, 0, NULL, 0, 0, (DWORD_PTR)call )) call_over( call, &throng->failed );
    }
    ok( !WaitForSingleObject( throng->over, 10 * WAIT_MS ), "%ld of %u are not through\n", throng->left, AT_ONCE );
    ok( !throng->failed, "%ld failed\n", throng->failed );
    ok( !throng->wrong, "%ld of the wrong user\n", throng->wrong );
    ok( throng->right == AT_ONCE, "%ld right answers\n", throng->right );
    ok( !crowd->broken, "%ld messages out of order\n", crowd->broken );
    ok( crowd->handshakes >= 2, "%ld handshakes\n", crowd->handshakes );
    for (i = 0; i < AT_ONCE; i++) WinHttpCloseHandle( throng->calls[i].request );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
    crowd_stop( crowd );
}

START_TEST(auth_users)
{
    if (!auth_has_ntlm()) return;
    test_two_users_at_once();
    test_two_users_asynchronously();
}
