/*
 * TLS: the options, and the way to the servers of the tests
 *
 * Rules: windows-behaviour.md section 13. See tls.h for the servers; certificates are in tls_verify.c, versions, ciphers and
 * broken handshakes in tls_protocol.c, what a program can ask in tls_info.c, certificates of clients in tls_client.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "tls.h"

#define MAX_ENTRIES 256
#define STALE 0xdeadbeef

struct entry
{
    char           name[40];
    unsigned short port;          /* 0: a file */
    char           path[MAX_PATH];
};

static struct
{
    BOOL           read;
    WCHAR          address[64], host[64];
    unsigned short state_port;
    struct entry   entries[MAX_ENTRIES];
    unsigned int   count;
} list;

/* ---- the list ---- */

static void read_line( const char *line )
{
    struct entry *entry = &list.entries[list.count];
    char text[64];
    int port;

    if (sscanf( line, "address %63s", text ) == 1) MultiByteToWideChar( CP_ACP, 0, text, -1, list.address, 64 );
    else if (sscanf( line, "host %63s", text ) == 1) MultiByteToWideChar( CP_ACP, 0, text, -1, list.host, 64 );
    else if (sscanf( line, "state %d", &port ) == 1) list.state_port = port;
    else if (list.count == MAX_ENTRIES) return;
    else if (sscanf( line, "server %39s %d", entry->name, &port ) == 2)
    {
        entry->port = port;
        list.count++;
    }
    else if (sscanf( line, "file %39s %259s", entry->name, entry->path ) == 2) list.count++;
}

static void read_list(void)
{
    char path[MAX_PATH], line[1024];
    FILE *file;

    list.read = TRUE;
    if (!GetEnvironmentVariableA( "WINHTTP_TEST_TLS", path, sizeof(path) )) return;
    file = fopen( path, "r" );
    ok( file != NULL, "WINHTTP_TEST_TLS names %s, which cannot be read\n", path );
    if (!file) return;
    while (fgets( line, sizeof(line), file )) read_line( line );
    fclose( file );
    ok( list.count && list.state_port && list.host[0] && list.address[0], "%s is no list of servers\n", path );
}

BOOL tls_there(void)
{
    if (!list.read) read_list();
    if (!list.count) skip( "no TLS servers: WINHTTP_TEST_TLS is not set (see tests/fixtures/tls)\n" );
    return list.count != 0;
}

BOOL tls_all(void)
{
    return GetEnvironmentVariableA( "WINHTTP_TEST_TLS_ALL", NULL, 0 ) != 0;
}

static const struct entry *find( const char *name, BOOL server )
{
    unsigned int i;

    for (i = 0; i < list.count; i++)
        if (!strcmp( list.entries[i].name, name ) && !list.entries[i].port == !server) return &list.entries[i];
    return NULL;
}

BOOL tls_has_server( const char *name )
{
    return find( name, TRUE ) != NULL;
}

unsigned short tls_port( const char *name )
{
    const struct entry *entry = find( name, TRUE );

    ok( entry != NULL, "there is no server %s\n", name );
    return entry ? entry->port : 0;
}

const char *tls_file( const char *name )
{
    const struct entry *entry = find( name, FALSE );

    return entry ? entry->path : NULL;
}

const WCHAR *tls_host(void)
{
    return list.host;
}

const WCHAR *tls_address(void)
{
    return list.address;
}

/* ---- attempts ---- */

/* Names lead to the servers' address without a resolver. */
static BOOL set_resolution( HINTERNET request )
{
    BOOL ret = WinHttpSetOption( request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, list.address,
                                 (lstrlenW( list.address ) + 1) * sizeof(WCHAR) );

    if (!ret) win_skip( "no RESOLUTION_HOSTNAME: error %lu\n", GetLastError() );
    return ret;
}

BOOL attempt_reopen( struct attempt *attempt )
{
    DWORD revocation = WINHTTP_ENABLE_SSL_REVOCATION;
    BOOL ret;

    if (attempt->client.request) WinHttpCloseHandle( attempt->client.request );
    attempt->client.request = WinHttpOpenRequest( attempt->client.connect, L"GET", attempt->path ? attempt->path : L"/", NULL,
                                                  NULL, NULL, WINHTTP_FLAG_SECURE );
    ok( attempt->client.request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    if (!attempt->client.request) return FALSE;
    if (attempt->ignore)
    {
        ret = WinHttpSetOption( attempt->client.request, WINHTTP_OPTION_SECURITY_FLAGS, &attempt->ignore, sizeof(DWORD) );
        ok( ret, "SECURITY_FLAGS %#lx: error %lu\n", attempt->ignore, GetLastError() );
    }
    if (attempt->revocation)
    {
        ret = WinHttpSetOption( attempt->client.request, WINHTTP_OPTION_ENABLE_FEATURE, &revocation, sizeof(revocation) );
        ok( ret, "ENABLE_SSL_REVOCATION: error %lu\n", GetLastError() );
    }
    if (attempt->proxy || (attempt->host && !lstrcmpW( attempt->host, TLS_ADDRESS ))) return TRUE;
    return set_resolution( attempt->client.request );
}

BOOL attempt_open( struct attempt *attempt )
{
    static struct recorder *recorder;     /* one after the other uses it */
    const WCHAR *host = attempt->host ? attempt->host : list.host;
    unsigned short port = tls_port( attempt->server );
    WCHAR proxy[96];
    HINTERNET session;
    BOOL ret;

    memset( &attempt->client, 0, sizeof(attempt->client) );
    attempt->failed = CALL_NONE;
    attempt->error = attempt->bits = attempt->notices = attempt->status = 0;
    attempt->body[0] = 0;
    if (!recorder) recorder = recorder_create();
    recorder_reset( recorder );
    attempt->recorder = recorder;
    if (!port) return FALSE;

    if (attempt->proxy) wsprintfW( proxy, L"https://%s:%u", list.address, tls_port( attempt->proxy ) );
    attempt->client.session = session = WinHttpOpen( L"conformance", attempt->proxy ? WINHTTP_ACCESS_TYPE_NAMED_PROXY
                                                     : WINHTTP_ACCESS_TYPE_NO_PROXY, attempt->proxy ? proxy : NULL, NULL,
                                                     attempt->open_flags );
    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!session) return FALSE;
    WinHttpSetTimeouts( session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    if (attempt->protocols)
    {
        ret = WinHttpSetOption( session, WINHTTP_OPTION_SECURE_PROTOCOLS, &attempt->protocols, sizeof(DWORD) );   /* TL-1 */
        ok( ret, "SECURE_PROTOCOLS %#lx: error %lu\n", attempt->protocols, GetLastError() );
    }
    recorder_attach( recorder, session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    attempt->client.connect = WinHttpConnect( session, lstrcmpW( host, TLS_ADDRESS ) ? host : list.address, port, 0 );
    ok( attempt->client.connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    return attempt->client.connect && attempt_reopen( attempt );
}

static void note_failure( struct attempt *attempt, enum call call, DWORD error )
{
    attempt->failed = call;
    attempt->error = error;
}

/* Of this request only: another one's end may come late. */
static void note_notices( struct attempt *attempt )
{
    const struct event *event;
    unsigned int i;

    attempt->bits = attempt->notices = 0;
    EnterCriticalSection( &attempt->recorder->lock );
    for (i = 0; i < attempt->recorder->count; i++)
    {
        event = &attempt->recorder->events[i];
        if (event->status != STATUS( SECURE_FAILURE ) || event->handle != attempt->client.request) continue;
        ok( event->info_len == sizeof(DWORD), "SECURE_FAILURE with %lu bytes\n", event->info_len );
        attempt->bits = event->value;
        attempt->notices++;
    }
    LeaveCriticalSection( &attempt->recorder->lock );
}

void attempt_send( struct attempt *attempt )
{
    DWORD err;
    ULONGLONG len;

    attempt->failed = CALL_NONE;
    attempt->error = 0;
    attempt->body[0] = 0;
    attempt->status = 0;
    SetLastError( STALE );
    if (!WinHttpSendRequest( attempt->client.request, NULL, 0, NULL, 0, 0, 0 ))
        note_failure( attempt, CALL_SEND, GetLastError() );
    else if (!WinHttpReceiveResponse( attempt->client.request, NULL ))
        note_failure( attempt, CALL_RECEIVE, GetLastError() );
    else
    {
        attempt->status = client_status( attempt->client.request );
        len = client_read( attempt->client.request, attempt->body, sizeof(attempt->body) - 1, &err );
        attempt->body[len < sizeof(attempt->body) - 1 ? len : sizeof(attempt->body) - 1] = 0;
        if (err) note_failure( attempt, CALL_READ, err );
    }
    note_notices( attempt );
}

void attempt_send_async( struct attempt *attempt )
{
    struct event event;

    SetLastError( STALE );
    if (!WinHttpSendRequest( attempt->client.request, NULL, 0, NULL, 0, 0, 0 ))
        note_failure( attempt, CALL_SEND, GetLastError() );
    else if (!recorder_wait( attempt->recorder, STATUS( SENDREQUEST_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
        note_failure( attempt, CALL_SEND, STALE );
    else if (event.status == STATUS( REQUEST_ERROR ))
    {
        ok( event.result == API_SEND_REQUEST, "error of call %lu\n", (DWORD)event.result );
        note_failure( attempt, CALL_SEND, event.error );
    }
    note_notices( attempt );
}

void attempt_close( struct attempt *attempt )
{
    /* nothing of an earlier attempt may come into the next one's record */
    if (attempt->open_flags & WINHTTP_FLAG_ASYNC) recorder_close( attempt->recorder, &attempt->client );
    else client_close( &attempt->client );
}

void attempt_run( struct attempt *attempt )
{
    if (attempt_open( attempt )) attempt_send( attempt );
    else note_failure( attempt, CALL_OPEN, STALE );
    attempt_close( attempt );
}

BOOL attempt_check_good_( const char *file, int line, const struct attempt *attempt )
{
    BOOL good = attempt->failed == CALL_NONE && attempt->status == 200 && !attempt->notices;

    ok_( file, line )( good, "call %u failed with %lu, status %lu, %u notices, bits %#lx\n", attempt->failed, attempt->error,
                       attempt->status, attempt->notices, attempt->bits );
    return good;
}

void attempt_check_channel_( const char *file, int line, const struct attempt *attempt )
{
    DWORD err = attempt->error;

    ok_( file, line )( attempt->failed == CALL_SEND, "failed in call %u with %lu\n", attempt->failed, err );
    /* TL-8; 12030 where the peer went away, errors.md section 3 */
    ok_( file, line )( err == ERROR_WINHTTP_SECURE_FAILURE || err == ERROR_WINHTTP_CONNECTION_ERROR
                       || err == ERROR_WINHTTP_CANNOT_CONNECT || err == (DWORD)SEC_E_ILLEGAL_MESSAGE, "error %lu\n", err );
    if (err == ERROR_WINHTTP_SECURE_FAILURE)
        ok_( file, line )( attempt->notices == 1, "%u notices\n", attempt->notices );
    if (attempt->notices)
        ok_( file, line )( attempt->bits == FAILURE_CHANNEL || !attempt->bits, "bits %#lx\n", attempt->bits );
}

const char *tls_value( const char *text, const char *name )
{
    static char value[256];
    size_t len = strlen( name ), got;

    for (; text; text = strchr( text, '\n' ) ? strchr( text, '\n' ) + 1 : NULL)
    {
        if (strncmp( text, name, len ) || text[len] != '=') continue;
        text += len + 1;
        got = strcspn( text, "\n" );
        if (got >= sizeof(value)) got = sizeof(value) - 1;
        memcpy( value, text, got );
        value[got] = 0;
        return value;
    }
    return "";
}

BOOL tls_state( const char *server, char *text, DWORD size )
{
    WCHAR path[64];
    struct client client;
    ULONGLONG len = 0;
    DWORD err = STALE;

    wsprintfW( path, L"/state/%S", server );
    client.request = NULL;
    client.session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    client.connect = WinHttpConnect( client.session, list.address, list.state_port, 0 );
    if (client.connect) client.request = WinHttpOpenRequest( client.connect, L"GET", path, NULL, NULL, NULL, 0 );
    if (client.request && !(err = client_try( &client ))) len = client_read( client.request, text, size - 1, &err );
    text[len < size ? len : 0] = 0;
    client_close( &client );
    ok( !err, "the servers cannot be asked: error %lu\n", err );
    ok( err || !strcmp( tls_value( text, "over" ), "1" ), "a connection to %s does not end\n", server );
    return !err;
}

/* ---- tests ---- */

static void test_protocols_are_of_the_session(void)
{
    DWORD value = WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2;
    struct client client;
    BOOL ret;

    if (client_open( &client, 443, 0, NULL, NULL ))
    {
        ret = WinHttpSetOption( client.session, WINHTTP_OPTION_SECURE_PROTOCOLS, &value, sizeof(value) );
        ok( ret, "error %lu\n", GetLastError() );                                                   /* TL-1 */
        SetLastError( STALE );
        ret = WinHttpSetOption( client.connect, WINHTTP_OPTION_SECURE_PROTOCOLS, &value, sizeof(value) );
        ok( !ret && GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %d, error %lu\n", ret, GetLastError() );   /* TL-1 */
    }
    client_close( &client );
}

/* A request without WINHTTP_FLAG_SECURE is plain HTTP, whatever the port is for. */
static void test_plain_request_to_a_tls_port(void)
{
    struct client client = { NULL, NULL, NULL };
    DWORD err = STALE;

    if (!tls_has_server( "nginx" ))
    {
        skip( "no nginx, which would answer a plain request\n" );
        return;
    }
    client.session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    client.connect = WinHttpConnect( client.session, list.address, tls_port( "nginx" ), 0 );
    if (client.connect) client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
    if (client.request) err = client_try( &client );
    ok( !err, "error %lu\n", err );                                                                 /* TL-2 */
    ok( client_status( client.request ) == 400, "status %lu\n", client_status( client.request ) );
    client_close( &client );
}

/* Later settings of the flags replace earlier ones, also in what they do. */
static void test_last_flags_count(void)
{
    struct attempt attempt = { .server = "expired", .ignore = IGNORE_DATE };
    DWORD flags = 0;
    BOOL ret;

    if (attempt_open( &attempt ))
    {
        ret = WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_SECURITY_FLAGS, &flags, sizeof(flags) );
        ok( ret, "error %lu\n", GetLastError() );                                                   /* TL-5 */
        attempt_send( &attempt );
        ok( attempt.failed == CALL_SEND && attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "call %u, error %lu\n",
            attempt.failed, attempt.error );                                                        /* TL-7 */
        flags = IGNORE_DATE;
        ret = WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_SECURITY_FLAGS, &flags, sizeof(flags) );
        ok( ret, "error %lu\n", GetLastError() );
        recorder_reset( attempt.recorder );
        attempt_send( &attempt );
        attempt_check_good( &attempt );                                                             /* TL-7 */
    }
    attempt_close( &attempt );
}

START_TEST(tls)
{
    test_protocols_are_of_the_session();
    if (!tls_there()) return;
    test_plain_request_to_a_tls_port();
    test_last_flags_count();
}
