/*
 * The list of real servers, the records of relays, and visits to them
 *
 * See peers.h. START_TEST checks the witness: a relay writes down what a client has sent, all of it and nothing else. A test
 * that looks for a password in a record that stays empty would prove nothing.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>
#include <stdlib.h>

#include "wine/test.h"
#include "peers.h"

#define FACTS 8

/* ---- the list ---- */

static BOOL read_peer( const char *line, struct peer *peer )
{
    unsigned int port;
    int at = 0;

    memset( peer, 0, sizeof(*peer) );
    if (sscanf( line, "%39s %63s %u%n", peer->name, peer->address, &port, &at ) != 3) return FALSE;
    MultiByteToWideChar( CP_ACP, 0, peer->address, -1, peer->host, count_of( peer->host ) );
    peer->port = port;
    lstrcpynA( peer->facts, line + at, sizeof(peer->facts) );
    peer->facts[strcspn( peer->facts, "\r\n" )] = 0;
    return TRUE;
}

BOOL find_peer( const char *name, struct peer *peer )
{
    char path[MAX_PATH], line[1400];
    BOOL found = FALSE;
    FILE *file;

    if (!GetEnvironmentVariableA( "WINHTTP_TEST_PEERS", path, sizeof(path) ))
    {
        skip( "no servers: WINHTTP_TEST_PEERS is not set (see tests/fixtures/peers.sh)\n" );
        return FALSE;
    }
    file = fopen( path, "r" );
    ok( file != NULL, "WINHTTP_TEST_PEERS names %s, which cannot be read\n", path );
    if (!file) return FALSE;
    while (!found && fgets( line, sizeof(line), file )) found = read_peer( line, peer ) && !strcmp( peer->name, name );
    fclose( file );
    if (!found) skip( "the server %s was not started\n", name );
    return found;
}

const char *peer_fact( const struct peer *peer, const char *key )
{
    static char values[FACTS][MAX_PATH];
    static unsigned int turn;
    char *value = values[turn++ % FACTS];
    unsigned int len = strlen( key );
    const char *pos = peer->facts;

    value[0] = 0;
    while (*(pos += strspn( pos, " \t" )))
    {
        if (!strncmp( pos, key, len ) && pos[len] == '=')
        {
            pos += len + 1;
            lstrcpynA( value, pos, min( MAX_PATH, strcspn( pos, " \t" ) + 1 ) );
            break;
        }
        pos += strcspn( pos, " \t" );
    }
    return value;
}

const WCHAR *peer_fact_w( const struct peer *peer, const char *key )
{
    static WCHAR values[FACTS][MAX_PATH];
    static unsigned int turn;
    WCHAR *value = values[turn++ % FACTS];

    MultiByteToWideChar( CP_UTF8, 0, peer_fact( peer, key ), -1, value, MAX_PATH );
    return value;
}

/* ---- records ---- */

char *peer_record( const struct peer *peer, unsigned int from, unsigned int *len )
{
    const char *path = peer_fact( peer, "records" );
    FILE *file = fopen( path, "rb" );
    unsigned int count = 0;
    long size = 0;
    char *data;

    ok( file != NULL, "%s: the record %s cannot be read\n", peer->name, path );
    if (file)
    {
        fseek( file, 0, SEEK_END );
        size = ftell( file );
    }
    data = malloc( size + 1 );
    if (file && size > (long)from)
    {
        fseek( file, from, SEEK_SET );
        count = fread( data, 1, size - from, file );
    }
    if (file) fclose( file );
    data[count] = 0;
    if (len) *len = count;
    return data;
}

unsigned int peer_record_len( const struct peer *peer )
{
    unsigned int len;

    free( peer_record( peer, 0, &len ) );
    return len;
}

/* ---- visits ---- */

static BOOL open_request( struct visit *visit, const WCHAR *verb, const WCHAR *path )
{
    HINTERNET request = WinHttpOpenRequest( visit->client.connect, verb, path, NULL, NULL, NULL,
                                            visit->flags & VISIT_TLS ? WINHTTP_FLAG_SECURE : 0 );

    ok( request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    visit->client.request = request;
    if (!request) return FALSE;
    if (visit->host && !WinHttpSetOption( request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, (void *)visit->peer->host,
                                          lstrlenW( visit->peer->host ) * sizeof(WCHAR) ))
    {
        win_skip( "no RESOLUTION_HOSTNAME: error %lu\n", GetLastError() );
        return FALSE;
    }
    return TRUE;
}

BOOL visit_open( struct visit *visit, HINTERNET session, const struct peer *peer, const WCHAR *host, const WCHAR *verb,
                 const WCHAR *path, DWORD flags )
{
    DWORD protocols = WINHTTP_PROTOCOL_FLAG_HTTP2;

    memset( visit, 0, sizeof(*visit) );
    visit->peer  = peer;
    visit->host  = host;
    visit->flags = flags;
    visit->own_session = !session;
    if (!session) session = WinHttpOpen( L"peers", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    visit->client.session = session;
    if (!session) return FALSE;
    WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    if (flags & VISIT_H2) WinHttpSetOption( session, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, &protocols, sizeof(protocols) );
    visit->client.connect = WinHttpConnect( session, host ? host : peer->host, peer->port, 0 );
    ok( visit->client.connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    return visit->client.connect && open_request( visit, verb, path );
}

BOOL visit_again( struct visit *visit, const WCHAR *verb, const WCHAR *path )
{
    WinHttpCloseHandle( visit->client.request );
    return open_request( visit, verb, path );
}

static void finish( struct visit *visit, BOOL sent )
{
    DWORD got;

    visit->status  = 0;
    visit->body[0] = 0;
    visit->error   = sent && WinHttpReceiveResponse( visit->client.request, NULL ) ? 0 : GetLastError();
    if (visit->error) return;
    visit->status = client_status( visit->client.request );
    got = client_read( visit->client.request, visit->body, sizeof(visit->body) - 1, &visit->error );
    visit->body[min( got, sizeof(visit->body) - 1 )] = 0;
}

void visit_send( struct visit *visit, const char *data )
{
    DWORD len = data ? strlen( data ) : 0;

    finish( visit, WinHttpSendRequest( visit->client.request, NULL, 0, (void *)data, len, len, 0 ) );
}

/* A server that has answered already may want no more of the body: writing fails, but the answer is there. */
void visit_write( struct visit *visit, const char *data )
{
    DWORD len = strlen( data ), written;
    BOOL sent;

    sent = WinHttpSendRequest( visit->client.request, NULL, 0, NULL, 0, len, 0 );
    if (sent && !WinHttpWriteData( visit->client.request, data, len, &written ))
        ok( GetLastError() == ERROR_WINHTTP_CONNECTION_ERROR, "WinHttpWriteData failed with %lu\n", GetLastError() );
    finish( visit, sent );
}

void visit_close( struct visit *visit )
{
    if (!visit->own_session) visit->client.session = NULL;
    client_close( &visit->client );
}

const char *visit_value( const struct visit *visit, const char *name )
{
    static char values[FACTS][512];
    static unsigned int turn;
    char *value = values[turn++ % FACTS];
    unsigned int len = strlen( name );
    const char *pos;

    value[0] = 0;
    for (pos = visit->body; *pos; pos += strcspn( pos, "\n" ) + (strchr( pos, '\n' ) != NULL))
    {
        if (strncmp( pos, name, len ) || pos[len] != '=') continue;
        lstrcpynA( value, pos + len + 1, min( sizeof(values[0]), strcspn( pos + len + 1, "\n" ) + 1 ) );
        break;
    }
    return value;
}

void visit_check_status_( const char *file, int line, const struct visit *visit, DWORD status )
{
    ok_( file, line )( !visit->error && visit->status == status, "error %lu, status %lu\n", visit->error, visit->status );
}

void visit_check_user_( const char *file, int line, const struct visit *visit, const char *user, const char *scheme )
{
    visit_check_status_( file, line, visit, 200 );
    ok_( file, line )( !strcmp( visit_value( visit, "user" ), user ) && !strcmp( visit_value( visit, "type" ), scheme ),
                       "the server says %s\n", visit->body );
}

/* ---- the witness ---- */

static SOCKET connect_to( const struct peer *peer )
{
    struct sockaddr_in addr = { 0 };
    SOCKET s = socket( AF_INET, SOCK_STREAM, 0 );
    DWORD timeout = WAIT_MS;

    setsockopt( s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout) );
    addr.sin_family = AF_INET;
    addr.sin_port = htons( peer->port );
    addr.sin_addr.s_addr = inet_addr( peer->address );
    ok( !connect( s, (struct sockaddr *)&addr, sizeof(addr) ), "%s: connect failed with %d\n", peer->name, WSAGetLastError() );
    return s;
}

/* The answer of the server behind the relay shows that the relay has passed the request on, so it is in the record. */
static void test_relay_writes_down_what_a_client_sends(void)
{
    static const char request[] = "GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Witness: 7b1f\r\n\r\n";
    unsigned int before, len, got = 0;
    struct peer peer;
    char answer[8192];
    char *record;
    WSADATA data;
    SOCKET s;
    int count;

    if (!find_peer( "apache-relay", &peer )) return;
    WSAStartup( MAKEWORD( 2, 2 ), &data );
    before = peer_record_len( &peer );
    s = connect_to( &peer );
    ok( send( s, request, sizeof(request) - 1, 0 ) == sizeof(request) - 1, "send failed with %d\n", WSAGetLastError() );
    while (got < sizeof(answer) - 1 && (count = recv( s, answer + got, sizeof(answer) - 1 - got, 0 )) > 0) got += count;
    answer[got] = 0;
    ok( !strncmp( answer, "HTTP/1.1 200 ", 13 ), "got %.200s\n", answer );
    closesocket( s );
    record = peer_record( &peer, before, &len );
    ok( len == sizeof(request) - 1 && !memcmp( record, request, len ), "%u bytes, %s\n", len, record );
    free( record );
    WSACleanup();
}

/* The list's lines, with and without facts. */
static void test_facts_of_a_peer(void)
{
    struct peer peer;

    ok( read_peer( "a 127.0.0.1 81 user=u password= realm=r\n", &peer ), "not read\n" );
    ok( !strcmp( peer.name, "a" ) && peer.port == 81 && !lstrcmpW( peer.host, L"127.0.0.1" ), "%s\n", peer.name );
    ok( !strcmp( peer_fact( &peer, "user" ), "u" ), "%s\n", peer_fact( &peer, "user" ) );
    ok( !strcmp( peer_fact( &peer, "realm" ), "r" ), "%s\n", peer_fact( &peer, "realm" ) );
    ok( !strcmp( peer_fact( &peer, "password" ), "" ), "%s\n", peer_fact( &peer, "password" ) );
    ok( !strcmp( peer_fact( &peer, "name" ), "" ), "%s\n", peer_fact( &peer, "name" ) );
    ok( read_peer( "b 127.0.0.1 82\n", &peer ) && !peer_fact( &peer, "user" )[0], "%s\n", peer.facts );
    ok( !read_peer( "b 127.0.0.1\n", &peer ), "read\n" );
}

START_TEST(peers)
{
    test_facts_of_a_peer();
    test_relay_writes_down_what_a_client_sends();
}
