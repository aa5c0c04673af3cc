/*
 * Proxy resolvers: WinHttpCreateProxyResolver, WinHttpGetProxyForUrlEx and Ex2, and their results
 *
 * Source: functions.md section 8, notifications.md sections 2 to 5. Nothing of this was observed on Windows: the checks are
 * Microsoft's documentation, and what every other handle does.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define HEAD_200 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/* A session with a recorder, a resolver, and a server with a script. */
struct fixture
{
    struct recorder *recorder;
    struct server   *server;
    HINTERNET        session, resolver;
    WCHAR            script[64];
};

#define NOTIFICATIONS ( STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) | STATUS( HANDLE_CLOSING ) )

static BOOL fixture_open( struct fixture *fixture, const struct step *steps )
{
    static unsigned int count;
    DWORD err;

    memset( fixture, 0, sizeof(*fixture) );
    fixture->recorder = recorder_create();
    fixture->server   = server_start_each( steps );
    fixture->session  = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    ok( fixture->session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    recorder_attach( fixture->recorder, fixture->session, NOTIFICATIONS );
    err = WinHttpCreateProxyResolver( fixture->session, &fixture->resolver );
    ok( !err, "WinHttpCreateProxyResolver failed with %lu\n", err );
    wsprintfW( fixture->script, L"http://localhost:%u/proxy.pac?%lu.%u", server_port( fixture->server ), GetTickCount(),
               count++ );
    return !err;
}

static void fixture_close( struct fixture *fixture )
{
    struct event event;

    if (fixture->resolver)
    {
        ok( WinHttpCloseHandle( fixture->resolver ), "error %lu\n", GetLastError() );
        recorder_wait( fixture->recorder, STATUS( HANDLE_CLOSING ), &event );
        ok( event.handle == fixture->resolver, "of another handle\n" );
        recorder_check_last( fixture->recorder, fixture->resolver );
    }
    WinHttpCloseHandle( fixture->session );
    recorder_wait( fixture->recorder, STATUS( HANDLE_CLOSING ), &event );
    server_stop( fixture->server );
}

/* Waits for the end of an operation, which must be a success. */
static BOOL complete_( int line, struct recorder *recorder, struct event *event )
{
    if (!recorder_wait_( __FILE__, line, recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), event )) return FALSE;
    if (event->status == STATUS( GETPROXYFORURL_COMPLETE )) return TRUE;
    ok_( __FILE__, line )( FALSE, "failed with error %lu\n", event->error );
    return FALSE;
}
#define complete( recorder, event ) complete_( __LINE__, recorder, event )

static DWORD start( struct fixture *fixture, const WCHAR *url )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL | WINHTTP_AUTOPROXY_NO_CACHE_SVC };

    options.lpszAutoConfigUrl = fixture->script;
    return WinHttpGetProxyForUrlEx( fixture->resolver, url, &options, (DWORD_PTR)fixture->recorder );
}

static BOOL find( struct fixture *fixture, const WCHAR *url )
{
    struct event event;
    DWORD err = start( fixture, url );

    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    if (err != ERROR_IO_PENDING || !complete( fixture->recorder, &event ))
        return FALSE;
    ok( event.handle == fixture->resolver, "of another handle\n" );
    return TRUE;
}

static void test_creation(void)
{
    HINTERNET session, connect, resolver = NULL, parent;
    DWORD err, type, size;

    session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    err = WinHttpCreateProxyResolver( session, &resolver );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "synchronous: error %lu\n", err );
    WinHttpCloseHandle( session );

    session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );
    connect = WinHttpConnect( session, L"localhost", 1, 0 );
    err = WinHttpCreateProxyResolver( NULL, &resolver );
    ok( err == ERROR_INVALID_HANDLE, "error %lu\n", err );
    err = WinHttpCreateProxyResolver( connect, &resolver );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "error %lu\n", err );
    err = WinHttpCreateProxyResolver( session, &resolver );
    ok( !err && resolver, "error %lu\n", err );

    size = sizeof(type);
    ok( WinHttpQueryOption( resolver, WINHTTP_OPTION_HANDLE_TYPE, &type, &size ), "error %lu\n", GetLastError() );
    ok( type == WINHTTP_HANDLE_TYPE_PROXY_RESOLVER, "type %lu\n", type );
    size = sizeof(parent);
    ok( WinHttpQueryOption( resolver, WINHTTP_OPTION_PARENT_HANDLE, &parent, &size ), "error %lu\n", GetLastError() );
    ok( parent == session, "another parent\n" );
    ok( WinHttpCloseHandle( resolver ), "error %lu\n", GetLastError() );
    err = WinHttpGetProxyForUrlEx( resolver, L"http://host.invalid/", NULL, 0 );
    ok( err == ERROR_INVALID_HANDLE, "closed: error %lu\n", err );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
}

static void test_arguments(void)
{
    static const struct step steps[] = { END };
    WINHTTP_AUTOPROXY_OPTIONS options = { 0 };
    WINHTTP_PROXY_RESULT result;
    struct fixture fixture;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        err = WinHttpGetProxyForUrlEx( fixture.resolver, NULL, &options, 0 );
        ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
        err = WinHttpGetProxyForUrlEx( fixture.resolver, L"http://host.invalid/", NULL, 0 );
        ok( err == ERROR_INVALID_PARAMETER, "error %lu\n", err );
        err = WinHttpGetProxyForUrlEx( fixture.resolver, L"http://host.invalid/", &options, 0 );
        ok( err == ERROR_INVALID_PARAMETER, "no flags: error %lu\n", err );
        options.dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL;
        err = WinHttpGetProxyForUrlEx( fixture.resolver, L"http://host.invalid/", &options, 0 );
        ok( err == ERROR_INVALID_PARAMETER, "no script: error %lu\n", err );
        options.lpszAutoConfigUrl = fixture.script;
        err = WinHttpGetProxyForUrlEx( NULL, L"http://host.invalid/", &options, 0 );
        ok( err == ERROR_INVALID_HANDLE, "error %lu\n", err );
        err = WinHttpGetProxyForUrlEx( fixture.session, L"http://host.invalid/", &options, 0 );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "error %lu\n", err );
        err = WinHttpGetProxyResult( fixture.session, &result );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "error %lu\n", err );
        err = WinHttpGetProxyResult( fixture.resolver, &result );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "before any: error %lu\n", err );
        ok( !recorder_count( fixture.recorder, NULL, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) ),
            "something was completed\n" );
    }
    fixture_close( &fixture );
}

static void check_entry_( int line, const WINHTTP_PROXY_RESULT_ENTRY *entry, INTERNET_SCHEME scheme, const WCHAR *proxy,
                          INTERNET_PORT port )
{
    ok_( __FILE__, line )( entry->fProxy == (proxy != NULL), "fProxy %d\n", entry->fProxy );
    if (!proxy || !entry->fProxy)
    {
        ok_( __FILE__, line )( !entry->fBypass, "bypassed\n" );
        return;
    }
    ok_( __FILE__, line )( entry->ProxyScheme == scheme, "scheme %d\n", entry->ProxyScheme );
    ok_( __FILE__, line )( entry->pwszProxy && !lstrcmpW( entry->pwszProxy, proxy ), "proxy %ls\n",
                           entry->pwszProxy ? entry->pwszProxy : L"(none)" );
    ok_( __FILE__, line )( entry->ProxyPort == port, "port %u\n", entry->ProxyPort );
}
#define check_entry( entry, scheme, proxy, port ) check_entry_( __LINE__, entry, scheme, proxy, port )

static void test_result_has_the_entries_in_order(void)
{
    static const struct step steps[] =
    {
        HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) {\n"
                    " return 'PROXY one.' + host + ':81; PROXY two:82; DIRECT'; }" ), END
    };
    WINHTTP_PROXY_RESULT_EX result_ex;
    WINHTTP_PROXY_RESULT result;
    struct fixture fixture;
    DWORD err;

    if (fixture_open( &fixture, steps ) && find( &fixture, L"http://host.invalid/" ))
    {
        memset( &result, 0x55, sizeof(result) );
        err = WinHttpGetProxyResult( fixture.resolver, &result );
        ok( !err && result.cEntries == 3, "error %lu, %lu entries\n", err, result.cEntries );
        if (!err && result.cEntries == 3)
        {
            check_entry( &result.pEntries[0], INTERNET_SCHEME_HTTP, L"one.host.invalid", 81 );
            check_entry( &result.pEntries[1], INTERNET_SCHEME_HTTP, L"two", 82 );
            check_entry( &result.pEntries[2], 0, NULL, 0 );
        }
        if (!err) WinHttpFreeProxyResult( &result );

        memset( &result_ex, 0x55, sizeof(result_ex) );
        err = WinHttpGetProxyResultEx( fixture.resolver, &result_ex );
        ok( !err && result_ex.cEntries == 3, "error %lu, %lu entries\n", err, result_ex.cEntries );
        if (!err) WinHttpFreeProxyResultEx( &result_ex );
    }
    fixture_close( &fixture );
}

static void test_direct_and_repeated_use(void)
{
    static const struct step steps[] =
    {
        HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) { return host == 'near' ? 'DIRECT' : 'PROXY p:1'; }" ), END
    };
    WINHTTP_PROXY_RESULT result;
    struct fixture fixture;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        if (find( &fixture, L"http://near/" ))
        {
            err = WinHttpGetProxyResult( fixture.resolver, &result );
            ok( !err && result.cEntries == 1, "error %lu, %lu entries\n", err, result.cEntries );
            if (!err) check_entry( &result.pEntries[0], 0, NULL, 0 );
            if (!err) WinHttpFreeProxyResult( &result );
        }
        if (find( &fixture, L"http://far.invalid/" ))
        {
            err = WinHttpGetProxyResult( fixture.resolver, &result );
            ok( !err && result.cEntries == 1, "error %lu, %lu entries\n", err, result.cEntries );
            if (!err) check_entry( &result.pEntries[0], INTERNET_SCHEME_HTTP, L"p", 1 );
            if (!err) WinHttpFreeProxyResult( &result );
        }
    }
    fixture_close( &fixture );
}

/* The context is the call's, not what the resolver has from its session: the completion comes to another recorder. */
static void test_ex2_and_the_context_of_the_call(void)
{
    static const struct step steps[] =
        { HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) { return 'PROXY p:1'; }" ), END };
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL };
    struct recorder *recorder = recorder_create();
    WINHTTP_PROXY_RESULT result;
    struct fixture fixture;
    struct event event;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        options.lpszAutoConfigUrl = fixture.script;
        err = WinHttpGetProxyForUrlEx2( fixture.resolver, L"http://host.invalid/", &options, 0, NULL, (DWORD_PTR)recorder );
        ok( err == ERROR_IO_PENDING, "error %lu\n", err );
        if (complete( recorder, &event ))
        {
            ok( event.handle == fixture.resolver, "of another handle\n" );
            err = WinHttpGetProxyResult( fixture.resolver, &result );
            ok( !err && result.cEntries == 1, "error %lu\n", err );
            if (!err) WinHttpFreeProxyResult( &result );
        }
        ok( !recorder_count( fixture.recorder, NULL, STATUS( GETPROXYFORURL_COMPLETE ) ), "completed twice\n" );
        ok( WinHttpCloseHandle( fixture.resolver ), "error %lu\n", GetLastError() );    /* which context it has then is open */
        fixture.resolver = NULL;
    }
    fixture_close( &fixture );
}

static void test_failure_is_completed_with_its_error(void)
{
    static const struct step steps[] =
        { HEAD, SEND( "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" ), END };
    WINHTTP_PROXY_RESULT result;
    struct fixture fixture;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        err = start( &fixture, L"http://host.invalid/" );
        ok( err == ERROR_IO_PENDING, "error %lu\n", err );
        if (err == ERROR_IO_PENDING)
            recorder_failed( fixture.recorder, API_GET_PROXY_FOR_URL, ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT );
        err = WinHttpGetProxyResult( fixture.resolver, &result );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE, "error %lu\n", err );
    }
    fixture_close( &fixture );
}

static void test_one_operation_at_a_time(void)
{
    static const struct step steps[] =
    {
        HEAD, SIGNAL, HOLD, SEND( HEAD_200 "function FindProxyForURL(url, host) { return 'PROXY p:1'; }" ), END
    };
    struct fixture fixture;
    struct event event;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        err = start( &fixture, L"http://one.invalid/" );
        ok( err == ERROR_IO_PENDING, "error %lu\n", err );
        ok( server_wait( fixture.server ), "nobody fetches the script\n" );
        err = start( &fixture, L"http://two.invalid/" );
        ok( err && err != ERROR_IO_PENDING, "a second operation: error %lu\n", err );    /* which error is not documented */
        server_go( fixture.server );
        complete( fixture.recorder, &event );
        ok( recorder_count( fixture.recorder, NULL, STATUS( REQUEST_ERROR ) ) == 0, "it was completed as well\n" );
    }
    fixture_close( &fixture );
}

/* Closes the resolver, whose operation must end with one completion, and the handle at once after it. */
static void close_and_check( struct fixture *fixture )
{
    HINTERNET resolver = fixture->resolver;
    struct event event;
    ULONGLONG begin = GetTickCount64();

    ok( WinHttpCloseHandle( resolver ), "error %lu\n", GetLastError() );
    fixture->resolver = NULL;
    if (recorder_wait( fixture->recorder, STATUS( REQUEST_ERROR ), &event ))
    {
        ok( event.result == API_GET_PROXY_FOR_URL && event.error == ERROR_WINHTTP_OPERATION_CANCELLED,
            "operation %lu, error %lu\n", (DWORD)event.result, event.error );
    }
    recorder_wait( fixture->recorder, STATUS( HANDLE_CLOSING ), &event );
    ok( event.handle == resolver, "of another handle\n" );
    trace( "closed after %lu ms\n", (DWORD)milliseconds_since( begin ) );
    recorder_check_last( fixture->recorder, resolver );
}

static void test_closing_ends_a_fetch(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, GONE, END };
    struct fixture fixture;
    DWORD err;

    if (fixture_open( &fixture, steps ))
    {
        err = start( &fixture, L"http://host.invalid/" );
        ok( err == ERROR_IO_PENDING, "error %lu\n", err );
        ok( server_wait( fixture.server ), "nobody fetches the script\n" );
        close_and_check( &fixture );
    }
    fixture_close( &fixture );
}

/* Nothing shows from outside that the script runs: it is closed at several moments, of which the last ones surely are within. */
static void test_closing_ends_an_endless_script(void)
{
    static const struct step steps[] =
    {
        HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) {\n"
                    "  for (;;) try { while (true) url += ''; } catch (e) { } }" ), SIGNAL, END
    };
    static const DWORD moments[] = { 0, 20, 200, 500 };
    struct fixture fixture;
    unsigned int i;
    DWORD err;

    for (i = 0; i < count_of( moments ); i++)
    {
        if (fixture_open( &fixture, steps ))
        {
            err = start( &fixture, L"http://endless/" );
            ok( err == ERROR_IO_PENDING, "error %lu\n", err );
            ok( server_wait( fixture.server ), "nobody fetches the script\n" );
            Sleep( moments[i] );
            close_and_check( &fixture );
        }
        fixture_close( &fixture );
    }
}

static HINTERNET closed_in_callback;

static void close_resolver( struct recorder *recorder, const struct event *event )
{
    (void)recorder;
    if (event->status != STATUS( GETPROXYFORURL_COMPLETE )) return;
    closed_in_callback = event->handle;
    ok( WinHttpCloseHandle( event->handle ), "error %lu\n", GetLastError() );
}

static void test_closing_in_the_completion(void)
{
    static const struct step steps[] =
        { HEAD, SEND( HEAD_200 "function FindProxyForURL(url, host) { return 'PROXY p:1'; }" ), END };
    struct fixture fixture;
    struct event event;

    if (fixture_open( &fixture, steps ))
    {
        fixture.recorder->hook = close_resolver;
        find( &fixture, L"http://host.invalid/" );
        recorder_wait( fixture.recorder, STATUS( HANDLE_CLOSING ), &event );
        ok( event.handle == closed_in_callback, "of another handle\n" );
        recorder_check_last( fixture.recorder, fixture.resolver );
        fixture.recorder->hook = NULL;
        fixture.resolver = NULL;
    }
    fixture_close( &fixture );
}

START_TEST( proxy_resolver )
{
    test_creation();
    test_arguments();
    test_result_has_the_entries_in_order();
    test_direct_and_repeated_use();
    test_ex2_and_the_context_of_the_call();
    test_failure_is_completed_with_its_error();
    test_one_operation_at_a_time();
    test_closing_ends_a_fetch();
    test_closing_ends_an_endless_script();
    test_closing_in_the_completion();
}
