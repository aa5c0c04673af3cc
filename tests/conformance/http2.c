/*
 * HTTP/2: when it is spoken, what is sent, what the response looks like
 *
 * Rules: behaviour-concepts.md section 9, options.md section 3.11, headers.md sections 2 and 6. What is marked there as not
 * confirmed is a choice, and said to be one. Sharing of connections is in http2_share.c, full duplex and trailers in
 * http2_duplex.c, streams that end badly in http2_error.c, other programs as servers in http2_servers.c.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"

#define STALE 0xdeadbeef

#define PROTOCOLS WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL
#define REQUIRED  WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED

/* ---- for all tests of HTTP/2 ---- */

/* Those of the present session in the order in which they were seen: the server counts all that it ever had. */
static DWORD connections[256];

BOOL http2_there(void)
{
    HINTERNET session;
    DWORD flags = WINHTTP_PROTOCOL_FLAG_HTTP2;
    BOOL ret;

    if (!tls_there()) return FALSE;
    session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    ret = WinHttpSetOption( session, PROTOCOLS, &flags, sizeof(flags) );
    if (!ret) win_skip( "HTTP/2 cannot be enabled: error %lu\n", GetLastError() );
    WinHttpCloseHandle( session );
    return ret;
}

BOOL http2_open( struct client *client, const char *server, DWORD open_flags, struct recorder *recorder )
{
    unsigned short port = tls_port( server );
    BOOL own = TRUE;

    memset( client, 0, sizeof(*client) );
    memset( connections, 0, sizeof(connections) );
    if (!port) return FALSE;
    client->session = WinHttpOpen( L"conformance", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, open_flags );
    ok( client->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    if (!client->session) return FALSE;
    WinHttpSetTimeouts( client->session, WAIT_MS, WAIT_MS, WAIT_MS, WAIT_MS );
    http2_set( client->session, PROTOCOLS, WINHTTP_PROTOCOL_FLAG_HTTP2 );
    /* Windows before 22H2 has no such option; there, connections of earlier tests may be used */
    if (!WinHttpSetOption( client->session, WINHTTP_OPTION_DISABLE_GLOBAL_POOLING, &own, sizeof(own) ))
        win_skip( "no DISABLE_GLOBAL_POOLING: error %lu\n", GetLastError() );
    if (recorder) recorder_attach( recorder, client->session, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS );
    client->connect = WinHttpConnect( client->session, tls_host(), port, 0 );
    ok( client->connect != NULL, "WinHttpConnect failed with %lu\n", GetLastError() );
    return client->connect != NULL;
}

HINTERNET http2_request( const struct client *client, const WCHAR *verb, const WCHAR *path, DWORD flags )
{
    const WCHAR *address = tls_address();
    HINTERNET request = WinHttpOpenRequest( client->connect, verb, path, NULL, NULL, NULL, flags | WINHTTP_FLAG_SECURE );

    ok( request != NULL, "WinHttpOpenRequest failed with %lu\n", GetLastError() );
    if (request && !WinHttpSetOption( request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, (void *)address,
                                      (lstrlenW( address ) + 1) * sizeof(WCHAR) ))
        win_skip( "no RESOLUTION_HOSTNAME: error %lu\n", GetLastError() );
    return request;
}

HINTERNET http2_token_request( const struct client *client, const WCHAR *verb, const WCHAR *path, DWORD flags )
{
    static LONG count;
    WCHAR full[128];

    wsprintfW( full, L"%s%08x%08x%x", path, GetTickCount(), GetCurrentProcessId(), InterlockedIncrement( &count ) );
    return http2_request( client, verb, full, flags );
}

DWORD http2_exchange( HINTERNET request, const void *data, DWORD len, char *body, DWORD size, ULONGLONG *got )
{
    ULONGLONG count;
    DWORD err;

    if (body) body[0] = 0;
    if (got) *got = 0;
    if (!WinHttpSendRequest( request, NULL, 0, (void *)data, len, len, 0 )) return GetLastError();
    if (!WinHttpReceiveResponse( request, NULL )) return GetLastError();
    count = client_read( request, body, size ? size - 1 : 0, &err );
    if (body) body[count < size - 1 ? count : size - 1] = 0;
    if (got) *got = count;
    return err;
}

DWORD http2_get( const struct client *client, const WCHAR *path, char *body, DWORD size )
{
    HINTERNET request = http2_request( client, L"GET", path, 0 );
    DWORD err = STALE;

    if (request) err = http2_exchange( request, NULL, 0, body, size, NULL );
    WinHttpCloseHandle( request );
    return err;
}

DWORD http2_used( HINTERNET request )
{
    DWORD used = ~0u, size = sizeof(used);

    WinHttpQueryOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &used, &size );
    return used;
}

static DWORD connection_index( DWORD number )
{
    unsigned int i;

    if (!number) return 0;
    for (i = 0; i < count_of( connections ); i++)
    {
        if (!connections[i]) connections[i] = number;
        if (connections[i] == number) return i + 1;
    }
    return ~0u;
}

DWORD http2_connection( HINTERNET request )
{
    WCHAR value[16];

    if (http2_field( request, 0, L"X-Connection", value, count_of( value ) )) return 0;
    return connection_index( wcstoul( value, NULL, 10 ) );
}

DWORD http2_connection_in( const char *body )
{
    return connection_index( http2_number( body, "connection" ) );
}

DWORD http2_number( const char *body, const char *name )
{
    return strtoul( tls_value( body, name ), NULL, 10 );
}

DWORD http2_field( HINTERNET request, DWORD flags, const WCHAR *name, WCHAR *value, DWORD cch )
{
    DWORD size = cch * sizeof(WCHAR);

    value[0] = 0;
    return WinHttpQueryHeaders( request, WINHTTP_QUERY_CUSTOM | flags, name, value, &size, NULL ) ? 0 : GetLastError();
}

void http2_set_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value )
{
    BOOL ret = WinHttpSetOption( handle, option, &value, sizeof(value) );

    ok_( file, line )( ret, "option %lu: error %lu\n", option, GetLastError() );
}

/* ---- when it is spoken ---- */

static void check_spoken_( int line, HINTERNET request, const char *body, BOOL h2 )
{
    DWORD used = http2_used( request );
    const char *alpn = tls_value( body, "alpn" );

    ok_( __FILE__, line )( client_status( request ) == 200, "status %lu\n", client_status( request ) );
    ok_( __FILE__, line )( used == (h2 ? WINHTTP_PROTOCOL_FLAG_HTTP2 : 0), "used %#lx\n", used );         /* MX-3 */
    if (h2) ok_( __FILE__, line )( !strcmp( alpn, "h2" ), "the server speaks \"%s\"\n", alpn );           /* MX-1 */
    else ok_( __FILE__, line )( !strcmp( alpn, "http/1.1" ) || !*alpn, "the server speaks \"%s\"\n", alpn );
}
#define check_spoken( request, body, h2 ) check_spoken_( __LINE__, request, body, h2 )

enum setting { SET_NOTHING, SET_SESSION, SET_REQUEST, SET_BACK };

/* MX-1, MX-2 */
static void test_spoken_where_it_is_enabled_and_offered(void)
{
    static const struct { const char *server; enum setting setting; BOOL h2; } rows[] =
    {
        { "h2", SET_NOTHING, FALSE },
        { "h2", SET_SESSION, TRUE },
        { "h2", SET_REQUEST, TRUE },
        { "h2", SET_BACK,    FALSE },
        { "h2-only", SET_SESSION, TRUE },
        { "h2-tls12", SET_SESSION, TRUE },
        { "good", SET_SESSION, FALSE },       /* a server that knows no ALPN */
        { "alpn", SET_SESSION, FALSE },       /* one that chooses HTTP/1.1 */
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%s, setting %u", rows[i].server, rows[i].setting );
        if (http2_open( &client, rows[i].server, 0, NULL ))
        {
            if (rows[i].setting != SET_SESSION && rows[i].setting != SET_BACK) http2_set( client.session, PROTOCOLS, 0 );
            if ((request = http2_request( &client, NULL, NULL, 0 )))
            {
                if (rows[i].setting == SET_REQUEST) http2_set( request, PROTOCOLS, WINHTTP_PROTOCOL_FLAG_HTTP2 );
                if (rows[i].setting == SET_BACK) http2_set( request, PROTOCOLS, 0 );
                ok( !http2_used( request ), "used %#lx before the send\n", http2_used( request ) );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                ok( !err, "error %lu\n", err );
                if (!err) check_spoken( request, body, rows[i].h2 );
                WinHttpCloseHandle( request );
            }
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* A protocol that nobody has offered is no protocol. */
static void test_unknown_protocol_of_the_server(void)
{
    struct client client;
    DWORD err;

    if (http2_open( &client, "alpn-other", 0, NULL ))
    {
        err = http2_get( &client, L"/", NULL, 0 );
        ok( err == ERROR_WINHTTP_SECURE_FAILURE || err == ERROR_WINHTTP_CONNECTION_ERROR
            || err == ERROR_WINHTTP_CANNOT_CONNECT, "error %lu\n", err );                           /* TL-8 */
    }
    client_close( &client );
}

static void test_required_protocol(void)
{
    static const struct { const char *server; DWORD err; } rows[] =
    {
        { "h2", 0 },
        { "h2-only", 0 },
        { "good", ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH },
        { "alpn", ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH },
        { "alpn-other", ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%s", rows[i].server );
        if (http2_open( &client, rows[i].server, 0, NULL ) && (request = http2_request( &client, NULL, NULL, 0 )))
        {
            http2_set( request, REQUIRED, TRUE );
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            /* where no ALPN was agreed upon, Windows may find the connection at fault */
            ok( err == rows[i].err || broken( rows[i].err && (is_lost( err ) || err == ERROR_WINHTTP_SECURE_FAILURE) ),
                "error %lu\n", err );                                                               /* MX-4 */
            if (!err) check_spoken( request, body, TRUE );
            WinHttpCloseHandle( request );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* Nothing is sent at all. */
static void test_required_protocol_without_tls(void)
{
    struct client client;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        http2_set( client.session, REQUIRED, TRUE );
        client.request = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH, "error %lu\n", err );                      /* MX-4 */
    }
    client_close( &client );
}

/* ---- what needs HTTP/1.1 ---- */

/* MX-5 */
static void test_transfer_encoding_of_the_program(void)
{
    static const WCHAR field[] = L"Transfer-Encoding: chunked\r\n";
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;
    BOOL ret;

    for (i = 0; i < 2; i++)
    {
        winetest_push_context( i ? "with the send" : "before" );
        if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, L"GET", L"/close", 0 )))
        {
            if (!i) WinHttpAddRequestHeaders( request, field, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
            http2_set( request, REQUIRED, TRUE );
            SetLastError( STALE );
            ret = WinHttpSendRequest( request, i ? field : NULL, i ? ~0u : 0, NULL, 0, 0, 0 );
            err = GetLastError();
            ok( !ret && err == ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH, "got %d, error %lu\n", ret, err );   /* MX-5 */
            WinHttpCloseHandle( request );
        }
        client_close( &client );

        /* not required: the request goes over HTTP/1.1, which Windows does not always get right */
        if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, L"GET", L"/close", 0 )))
        {
            WinHttpAddRequestHeaders( request, field, ~0u, WINHTTP_ADDREQ_FLAG_ADD );
            err = http2_exchange( request, "0\r\n\r\n", 5, body, sizeof(body), NULL );
            ok( !err || broken( err == ERROR_INVALID_PARAMETER || is_lost( err ) ), "error %lu\n", err );
            if (!err) check_spoken( request, body, FALSE );                                         /* MX-5 */
            WinHttpCloseHandle( request );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

static void test_automatic_chunking_goes_over_http2(void)
{
    struct client client;
    HINTERNET request;
    char body[256];
    DWORD err;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL )
        && (request = http2_request( &client, L"POST", L"/sum", WINHTTP_FLAG_AUTOMATIC_CHUNKING )))
    {
        http2_set( request, REQUIRED, TRUE );
        ret = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "error %lu\n", GetLastError() );                                                   /* MX-5 */
        ret = WinHttpWriteData( request, "chunk", 5, &err );
        ok( ret, "error %lu\n", GetLastError() );
        ret = WinHttpWriteData( request, "ed", 2, &err );
        ok( ret, "error %lu\n", GetLastError() );
        ret = WinHttpWriteData( request, NULL, 0, &err );
        ok( ret, "error %lu\n", GetLastError() );
        ret = WinHttpReceiveResponse( request, NULL );
        ok( ret, "error %lu\n", GetLastError() );
        body[client_read( request, body, sizeof(body) - 1, &err )] = 0;
        ok( http2_number( body, "bytes" ) == 7, "got \"%s\"\n", body );
        ok( http2_used( request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n", http2_used( request ) );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* A choice: Windows does not tell what it makes of an HTTP/1.0 request, and of one that asks for another protocol. */
static void test_what_http2_cannot_say(void)
{
    static const struct { const WCHAR *version, *fields; } rows[] =
    {
        { L"HTTP/1.0", NULL },
        { NULL, L"Connection: Upgrade\r\nUpgrade: something\r\n" },
    };
    struct client client;
    unsigned int i;
    char body[1024];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "row %u", i );
        if (http2_open( &client, "h2", 0, NULL ))
        {
            HINTERNET usual = http2_request( &client, NULL, NULL, 0 ), request;

            request = WinHttpOpenRequest( client.connect, NULL, NULL, rows[i].version, NULL, NULL, WINHTTP_FLAG_SECURE );
            WinHttpSetOption( request, WINHTTP_OPTION_RESOLUTION_HOSTNAME, (void *)tls_address(),
                              (lstrlenW( tls_address() ) + 1) * sizeof(WCHAR) );
            if (rows[i].fields) WinHttpAddRequestHeaders( request, rows[i].fields, ~0u, WINHTTP_ADDREQ_FLAG_ADD |
                                                          WINHTTP_ADDREQ_FLAG_REPLACE );
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( !err, "error %lu\n", err );
            if (!err && !broken( http2_used( request ) != 0 )) check_spoken( request, body, FALSE );
            WinHttpCloseHandle( request );

            err = http2_exchange( usual, NULL, 0, body, sizeof(body), NULL );
            ok( !err, "error %lu\n", err );
            if (!err) check_spoken( usual, body, TRUE );     /* it is a matter of the request */
            WinHttpCloseHandle( usual );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* ---- what is sent ---- */

static BOOL has_line( const char *body, const char *line )
{
    const char *pos = body;
    size_t len = strlen( line );

    for (; (pos = strstr( pos, line )); pos++)
        if ((pos == body || pos[-1] == '\n') && (pos[len] == '\n' || line[len - 1] == ':')) return TRUE;
    return FALSE;
}

static void check_names_are_lower_case( const char *body )
{
    const char *pos = body;
    BOOL name = TRUE;

    for (; *pos; pos++)
    {
        if (*pos == '\n') name = TRUE;
        else if (*pos == ':' && pos > body && pos[-1] != '\n') name = FALSE;
        ok( !name || *pos < 'A' || *pos > 'Z', "an upper-case letter in a name: \"%.20s\"\n", pos );
    }
}

/* MX-7 */
static void test_fields_on_the_wire(void)
{
    static const char *const gone[] = { "connection:", "keep-alive:", "proxy-connection:", "transfer-encoding:", "upgrade:",
                                        "host:", "content-length:" };
    struct client client;
    HINTERNET request;
    char body[4096], line[128];
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, L"GET", L"/headers?a=B", 0 )))
    {
        WinHttpAddRequestHeaders( request, L"X-Custom-Name: Some Value\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
                                  L"Proxy-Connection: keep-alive\r\nAuthorization: Basic YTpi\r\n", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
        err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
        ok( !err, "error %lu\n", err );
        check_names_are_lower_case( body );                                                         /* MX-7 */
        ok( has_line( body, ":method: GET" ), "got \"%s\"\n", body );
        ok( has_line( body, ":scheme: https" ), "got \"%s\"\n", body );
        ok( has_line( body, ":path: /headers?a=B" ), "got \"%s\"\n", body );
        sprintf( line, ":authority: %ls:%u", tls_host(), tls_port( "h2" ) );
        ok( has_line( body, line ), "no %s in \"%s\"\n", line, body );                              /* MX-7 */
        ok( has_line( body, "x-custom-name: Some Value" ), "got \"%s\"\n", body );
        ok( has_line( body, "te: trailers" ), "got \"%s\"\n", body );
        ok( has_line( body, "authorization: Basic YTpi" ), "got \"%s\"\n", body );
        ok( has_line( body, "user-agent: conformance" ), "got \"%s\"\n", body );
        for (i = 0; i < count_of( gone ); i++)
            ok( !has_line( body, gone[i] ), "%s in \"%s\"\n", gone[i], body );                      /* MX-7 */
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* Host is the program's, and nothing else says who is asked. */
static void test_host_of_the_program(void)
{
    struct client client;
    HINTERNET request;
    char body[4096];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, L"GET", L"/headers", 0 )))
    {
        WinHttpAddRequestHeaders( request, L"Host: other.test:99\r\nConnection: close", ~0u, WINHTTP_ADDREQ_FLAG_ADD |
                                  WINHTTP_ADDREQ_FLAG_REPLACE );
        err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
        ok( !err, "error %lu\n", err );
        ok( has_line( body, ":authority: other.test:99" ), "got \"%s\"\n", body );                  /* MX-7 */
        ok( !has_line( body, "host:" ) && !has_line( body, "connection:" ), "got \"%s\"\n", body ); /* MX-7 */
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

static void add_field( struct recorder *recorder, const struct event *event )
{
    if (event->status != STATUS( SENDING_REQUEST )) return;
    ok( WinHttpAddRequestHeaders( event->handle, L"X-Late: yes", ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "error %lu\n", GetLastError() );
    recorder->hook_data = recorder;
}

/* What is told is told as over HTTP/1.1; a field that is added in SENDING_REQUEST goes along. */
static void test_notifications(void)
{
    static const DWORD mask = STATUS( CONNECTING_TO_SERVER ) | STATUS( CONNECTED_TO_SERVER ) | STATUS( SENDING_REQUEST )
        | STATUS( REQUEST_SENT ) | STATUS( RECEIVING_RESPONSE ) | STATUS( RESPONSE_RECEIVED ) | STATUS( CLOSING_CONNECTION )
        | STATUS( CONNECTION_CLOSED ) | STATUS( REDIRECT ) | STATUS( REQUEST_ERROR );
    static const DWORD due[] = { STATUS( CONNECTING_TO_SERVER ), STATUS( CONNECTED_TO_SERVER ), STATUS( SENDING_REQUEST ),
                                 STATUS( REQUEST_SENT ), STATUS( RECEIVING_RESPONSE ), STATUS( RESPONSE_RECEIVED ) };
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    unsigned int round, i;
    char body[4096];
    DWORD err;

    recorder->hook = add_field;
    if (http2_open( &client, "h2", 0, recorder ))
    {
        for (round = 0; round < 2; round++)    /* a new connection, and one that is there */
        {
            winetest_push_context( "round %u", round );
            recorder_reset( recorder );
            recorder->hook_data = NULL;
            err = http2_get( &client, L"/headers", body, sizeof(body) );
            ok( !err && has_line( body, "x-late: yes" ), "error %lu, \"%s\"\n", err, body );
            ok( recorder->hook_data != NULL, "no SENDING_REQUEST\n" );
            for (i = round ? 2 : 0; i < count_of( due ); i++)
                if (recorder_wait( recorder, mask, &event ))
                    ok( event.status == due[i], "%s instead of %s\n", status_name( event.status ), status_name( due[i] ) );
            ok( recorder_count( recorder, NULL, mask ) == count_of( due ) - (round ? 2 : 0), "%u notifications\n",
                recorder_count( recorder, NULL, mask ) );
            winetest_pop_context();
        }
    }
    recorder_close( recorder, &client );
}

static void test_bodies_are_sent(void)
{
    static const DWORD sizes[] = { 0, 1, 16384, 65535, 65536, 1000000 };
    struct client client;
    HINTERNET request;
    unsigned int i, j;
    char body[256], *data = malloc( sizes[count_of( sizes ) - 1] );
    DWORD sum = 0;
    DWORD err;

    memset( data, 3, sizes[count_of( sizes ) - 1] );
    for (i = 0; i < count_of( sizes ); i++)
    {
        winetest_push_context( "%lu bytes", sizes[i] );
        if (http2_open( &client, "h2", 0, NULL ))
        {
            for (j = 0; j < 3; j++)    /* at once; one byte and the rest; in pieces */
            {
                DWORD first = j ? j == 1 ? sizes[i] != 0 : 0 : sizes[i], pos, len, written;

                if (!(request = http2_request( &client, L"POST", L"/sum", 0 ))) break;
                err = WinHttpSendRequest( request, NULL, 0, first ? data : NULL, first, sizes[i], 0 ) ? 0 : GetLastError();
                for (pos = first; !err && pos < sizes[i]; pos += len)
                {
                    len = j == 2 && sizes[i] - pos > 30000 ? 30000 : sizes[i] - pos;
                    written = STALE;
                    if (!WinHttpWriteData( request, data + pos, len, &written )) err = GetLastError();
                    else ok( written == len, "wrote %lu of %lu\n", written, len );
                }
                ok( !err, "way %u: error %lu\n", j, err );
                if (!err && !WinHttpReceiveResponse( request, NULL )) err = GetLastError();
                ok( !err, "way %u: error %lu\n", j, err );
                body[err ? 0 : client_read( request, body, sizeof(body) - 1, &err )] = 0;
                sum = sizes[i] * 3;
                ok( http2_number( body, "bytes" ) == sizes[i] && http2_number( body, "sum" ) == sum, "way %u: got \"%s\"\n",
                    j, body );
                WinHttpCloseHandle( request );
            }
        }
        client_close( &client );
        winetest_pop_context();
    }
    free( data );
}

/* ---- the response ---- */

static void test_response_head(void)
{
    struct client client;
    HINTERNET request;
    WCHAR text[2048];
    DWORD err, size;
    char body[1024];
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, NULL, 0 )))
    {
        err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
        ok( !err, "error %lu\n", err );

        size = sizeof(text);
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, text, &size, NULL );
        ok( ret, "error %lu\n", GetLastError() );
        if (!ret) text[0] = 0;
        /* the version in the first line is made up, headers.md section 2 */
        ok( !wcsncmp( text, L"HTTP/1.1 200", 12 ) || broken( !wcsncmp( text, L"HTTP/2", 6 ) ), "got %ls\n", text );   /* MX-8 */
        ok( wcsstr( text, L"\r\nx-stream: 1\r\n" ) != NULL, "got %ls\n", text );                    /* MX-8 */
        ok( !wcsstr( text, L":status" ), "got %ls\n", text );                                       /* MX-8 */
        ok( size > 8 && !wcscmp( text + size / sizeof(WCHAR) - 4, L"\r\n\r\n" ), "got %ls\n", text );

        size = sizeof(text);
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_VERSION, NULL, text, &size, NULL );
        ok( ret && (!wcscmp( text, L"HTTP/1.1" ) || broken( !wcsncmp( text, L"HTTP/2", 6 ) )), "got %d, %ls\n", ret, text );
        size = sizeof(text);
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_TEXT, NULL, text, &size, NULL );
        /* either: there is no such text in HTTP/2 */
        ok( ret ? !wcscmp( text, L"OK" ) || !text[0] : GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, %ls\n", ret,
            text );
        ok( !http2_field( request, 0, L"X-STREAM", text, count_of( text ) ), "not found\n" );
        ok( !wcscmp( text, L"1" ), "got %ls\n", text );
        ok( !http2_field( request, 0, L"Content-Type", text, count_of( text ) ) && !wcscmp( text, L"text/plain" ), "got %ls\n",
            text );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

static void test_responses_without_a_body(void)
{
    static const struct { const WCHAR *verb, *path; DWORD status; } rows[] =
    {
        { L"HEAD", L"/", 200 },
        { L"HEAD", L"/big/100", 200 },
        { L"GET", L"/big/0", 200 },
        { L"GET", L"/empty", 204 },
        { L"GET", L"/unknown", 404 },
    };
    struct client client;
    HINTERNET request;
    ULONGLONG got;
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < count_of( rows ); i++)
        {
            winetest_push_context( "%ls %ls", rows[i].verb, rows[i].path );
            if ((request = http2_request( &client, rows[i].verb, rows[i].path, 0 )))
            {
                err = http2_exchange( request, NULL, 0, NULL, 0, &got );
                ok( !err, "error %lu\n", err );
                ok( !got, "%lu bytes\n", (DWORD)got );
                ok( client_status( request ) == rows[i].status, "status %lu\n", client_status( request ) );
                ok( http2_connection( request ) == 1, "connection %lu\n", http2_connection( request ) );    /* MX-9 */
                WinHttpCloseHandle( request );
            }
            winetest_pop_context();
        }
    }
    client_close( &client );
}

static void test_bodies_are_received(void)
{
    static const WCHAR *const paths[] = { L"/big/1", L"/big/16384", L"/big/65536", L"/big/1000000", L"/big/10000000" };
    struct client client;
    HINTERNET request;
    unsigned int i, j;
    DWORD err, count, due, size = 100000;
    BYTE *data = malloc( size );
    ULONGLONG got;
    BOOL good;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < count_of( paths ); i++)
        {
            winetest_push_context( "%ls", paths[i] );
            if ((request = http2_request( &client, NULL, paths[i], 0 )))
            {
                err = WinHttpSendRequest( request, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( request, NULL )
                      ? 0 : GetLastError();
                for (got = 0, good = TRUE; !err; got += count)
                {
                    count = 0;
                    if (!WinHttpReadData( request, data, size, &count )) err = GetLastError();
                    if (!count) break;
                    for (j = 0; j < count; j++) good = good && data[j] == 'a' + (got + j) % 26;
                }
                due = wcstoul( paths[i] + 5, NULL, 10 );
                ok( !err && got == due && good, "error %lu, %lu of %lu bytes, %s\n", err, (DWORD)got, due, good ? "right" : "wrong" );
                WinHttpCloseHandle( request );
            }
            winetest_pop_context();
        }
    }
    client_close( &client );
    free( data );
}

/* From one connection to another, and back to HTTP/1.1. */
static void test_redirects(void)
{
    static const struct { const char *server; BOOL h2; } rows[] = { { "h2-two", TRUE }, { "alpn", FALSE } };
    struct client client;
    HINTERNET request;
    unsigned int i;
    WCHAR path[32];
    char body[1024];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%s", rows[i].server );
        if (http2_open( &client, "h2", 0, NULL ))
        {
            wsprintfW( path, L"/to/%u", tls_port( rows[i].server ) );
            if ((request = http2_request( &client, NULL, path, 0 )))
            {
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                ok( !err, "error %lu\n", err );
                ok( !strcmp( tls_value( body, "server" ), rows[i].server ), "got \"%s\"\n", body );
                if (!err) check_spoken( request, body, rows[i].h2 );
                WinHttpCloseHandle( request );
            }
        }
        client_close( &client );
        winetest_pop_context();
    }
}

static void test_cookies(void)
{
    struct client client;
    char body[4096];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        err = http2_get( &client, L"/cookie", body, sizeof(body) );
        ok( !err && !strcmp( body, "cookies" ), "error %lu, \"%s\"\n", err, body );
        err = http2_get( &client, L"/headers", body, sizeof(body) );
        /* HTTP/2 lets each have a field of its own */
        ok( !err && strstr( body, "cookie: " ) && strstr( body, "a=1" ) && strstr( body, "b=2" ), "error %lu, \"%s\"\n", err,
            body );
    }
    client_close( &client );
}

START_TEST(http2)
{
    if (!http2_there()) return;
    test_spoken_where_it_is_enabled_and_offered();
    test_unknown_protocol_of_the_server();
    test_required_protocol();
    test_required_protocol_without_tls();
    test_transfer_encoding_of_the_program();
    test_automatic_chunking_goes_over_http2();
    test_what_http2_cannot_say();
    test_fields_on_the_wire();
    test_host_of_the_program();
    test_notifications();
    test_bodies_are_sent();
    test_response_head();
    test_responses_without_a_body();
    test_bodies_are_received();
    test_redirects();
    test_cookies();
}
