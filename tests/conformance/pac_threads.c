/*
 * Proxy scripts that many ask at once, are reset meanwhile, or are given up at every moment
 *
 * Source: functions.md section 8, behaviour-concepts.md section 4.6, notifications.md sections 2 to 5.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "pac_client.h"

#define THREADS 64
#define SCRIPT  "function FindProxyForURL(url, host) { return 'PROXY ' + host + ':1'; }"

struct crowd
{
    HINTERNET     session;
    WCHAR         script[64];
    volatile LONG begun, good;
    volatile LONG errors[2];     /* UNABLE_TO_DOWNLOAD_SCRIPT, others */
    HANDLE        all_begun;
};

struct asker { struct crowd *crowd; unsigned int number; HANDLE thread; };

static DWORD CALLBACK ask( void *arg )
{
    struct asker *asker = arg;
    struct crowd *crowd = asker->crowd;
    WCHAR url[64], expected[64], text[64];
    DWORD err;

    wsprintfW( url, L"http://host%u/", asker->number );
    wsprintfW( expected, L"host%u:1", asker->number );
    if (InterlockedIncrement( &crowd->begun ) == THREADS) SetEvent( crowd->all_begun );
    err = pac_text( crowd->session, url, 0, crowd->script, text, count_of( text ) );
    if (!err && !lstrcmpW( text, expected )) InterlockedIncrement( &crowd->good );
    else InterlockedIncrement( &crowd->errors[err != ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT] );
    return 0;
}

static void crowd_start( struct crowd *crowd, struct asker *askers, struct server *server )
{
    unsigned int i;

    memset( crowd, 0, sizeof(*crowd) );
    crowd->session   = pac_session();
    crowd->all_begun = CreateEventW( NULL, TRUE, FALSE, NULL );
    pac_make_url( server, crowd->script );
    for (i = 0; i < THREADS; i++)
    {
        askers[i].crowd  = crowd;
        askers[i].number = i;
        askers[i].thread = CreateThread( NULL, 0, ask, &askers[i], 0, NULL );
        ok( askers[i].thread != NULL, "error %lu\n", GetLastError() );
    }
    ok( !WaitForSingleObject( crowd->all_begun, WAIT_MS ), "not all threads have begun\n" );
}

static void crowd_end( struct crowd *crowd, struct asker *askers )
{
    unsigned int i;

    for (i = 0; i < THREADS; i++)
    {
        ok( !WaitForSingleObject( askers[i].thread, 3 * WAIT_MS ), "%u does not end\n", i );
        CloseHandle( askers[i].thread );
    }
    CloseHandle( crowd->all_begun );
    WinHttpCloseHandle( crowd->session );
}

static void test_many_ask_and_one_fetches(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, HOLD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    struct asker askers[THREADS];
    struct crowd crowd;

    crowd_start( &crowd, askers, server );
    ok( server_wait( server ), "nobody fetches the script\n" );
    server_go( server );
    crowd_end( &crowd, askers );
    ok( crowd.good == THREADS, "%ld answers, %ld without a script, %ld other errors\n", crowd.good, crowd.errors[0],
        crowd.errors[1] );
    /* Windows' service may be asked before it has heard of the first one */
    ok( server_request_count( server ) == 1 || broken( server_request_count( server ) > 1 ), "%u requests\n",
        server_request_count( server ) );
    server_stop( server );
}

static void test_many_ask_for_what_is_not_there(void)
{
    static const struct step steps[] =
        { HEAD, SEND( "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start_each( steps );
    struct asker askers[THREADS];
    struct crowd crowd;

    crowd_start( &crowd, askers, server );
    crowd_end( &crowd, askers );
    ok( crowd.errors[0] == THREADS, "%ld answers, %ld without a script, %ld other errors\n", crowd.good, crowd.errors[0],
        crowd.errors[1] );
    server_stop( server );
}

/* What began before a reset is for those who asked before it, and is not kept. */
static void test_reset_during_a_fetch(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, HOLD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    struct asker asker = { NULL, 0, NULL };
    struct crowd crowd = { 0 };
    WCHAR text[64];
    DWORD err;

    crowd.session = pac_session();
    pac_make_url( server, crowd.script );
    asker.crowd  = &crowd;
    asker.thread = CreateThread( NULL, 0, ask, &asker, 0, NULL );
    ok( server_wait( server ), "nobody fetches the script\n" );
    err = WinHttpResetAutoProxy( crowd.session, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
    ok( !err, "error %lu\n", err );
    server_go( server );
    ok( !WaitForSingleObject( asker.thread, WAIT_MS ), "it does not end\n" );
    ok( crowd.good == 1, "%ld answers\n", crowd.good );
    server_go( server );    /* the next one's wait, whenever it comes */
    err = pac_text( crowd.session, L"http://later/", 0, crowd.script, text, count_of( text ) );
    ok( !err && !lstrcmpW( text, L"later:1" ), "error %lu, %ls\n", err, text );
    /* Windows does nothing where there was another reset in the last half minute */
    ok( server_request_count( server ) == 2 || broken( server_request_count( server ) == 1 ), "%u requests\n",
        server_request_count( server ) );
    CloseHandle( asker.thread );
    WinHttpCloseHandle( crowd.session );
    if (server_request_count( server ) == 2) server_stop( server );
    else server_abort( server );
}

/* ---- asynchronous ---- */

#define RESOLVERS 16

static HINTERNET open_async( struct recorder *recorder )
{
    HINTERNET session = WinHttpOpen( L"winetest", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC );

    ok( session != NULL, "WinHttpOpen failed with %lu\n", GetLastError() );
    recorder_attach( recorder, session, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) | STATUS( HANDLE_CLOSING ) );
    return session;
}

static DWORD start( HINTERNET resolver, struct recorder *recorder, const WCHAR *url, const WCHAR *script )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { .dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL };

    options.lpszAutoConfigUrl = script;
    return WinHttpGetProxyForUrlEx( resolver, url, &options, (DWORD_PTR)recorder );
}

static void test_many_resolvers_at_once(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, HOLD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    struct recorder *recorder = recorder_create();
    HINTERNET session = open_async( recorder ), resolvers[RESOLVERS];
    WINHTTP_PROXY_RESULT result;
    WCHAR script[64], url[64], name[64];
    struct event event;
    unsigned int i;
    DWORD err;

    pac_make_url( server, script );
    for (i = 0; i < RESOLVERS; i++)
    {
        err = WinHttpCreateProxyResolver( session, &resolvers[i] );
        ok( !err, "%u: error %lu\n", i, err );
        wsprintfW( url, L"http://name%u/", i );
        err = start( resolvers[i], recorder, url, script );
        ok( err == ERROR_IO_PENDING, "%u: error %lu\n", i, err );
    }
    ok( server_wait( server ), "nobody fetches the script\n" );
    server_go( server );
    for (i = 0; i < RESOLVERS; i++)
        if (recorder_wait( recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
            ok( event.status == STATUS( GETPROXYFORURL_COMPLETE ), "%u: error %lu\n", i, event.error );
    for (i = 0; i < RESOLVERS; i++)
    {
        ok( recorder_count( recorder, resolvers[i], STATUS( GETPROXYFORURL_COMPLETE ) ) == 1, "%u: not one completion\n", i );
        err = WinHttpGetProxyResult( resolvers[i], &result );
        ok( !err && result.cEntries == 1, "%u: error %lu\n", i, err );
        wsprintfW( name, L"name%u", i );
        if (!err && result.cEntries == 1)
            ok( result.pEntries->fProxy && !lstrcmpW( result.pEntries->pwszProxy, name ) && result.pEntries->ProxyPort == 1,
                "%u: %ls\n", i, result.pEntries->pwszProxy );
        if (!err)
        {
            WinHttpFreeProxyResult( &result );
            ok( !result.cEntries && !result.pEntries, "something is left of it\n" );    /* a choice, so that twice is harmless */
            WinHttpFreeProxyResult( &result );
        }
        ok( WinHttpCloseHandle( resolvers[i] ), "%u: error %lu\n", i, GetLastError() );
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
        recorder_check_last( recorder, resolvers[i] );
    }
    ok( server_request_count( server ) == 1 || broken( server_request_count( server ) > 1 ), "%u requests\n",
        server_request_count( server ) );
    WinHttpCloseHandle( session );
    server_stop( server );
}

/* The one whose fetch the others wait for is closed: they get their answers all the same. */
static void test_the_one_that_fetches_is_closed(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, HOLD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    struct recorder *first_recorder = recorder_create(), *recorder = recorder_create();
    HINTERNET first_session = open_async( first_recorder ), session = open_async( recorder ), first, second;
    WCHAR script[64];
    struct event event;
    DWORD err;

    pac_make_url( server, script );
    err = WinHttpCreateProxyResolver( first_session, &first );
    ok( !err, "error %lu\n", err );
    err = WinHttpCreateProxyResolver( session, &second );
    ok( !err, "error %lu\n", err );
    err = start( first, first_recorder, L"http://one/", script );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    ok( server_wait( server ), "nobody fetches the script\n" );
    err = start( second, recorder, L"http://two/", script );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );

    ok( WinHttpCloseHandle( first ), "error %lu\n", GetLastError() );
    recorder_failed( first_recorder, API_GET_PROXY_FOR_URL, ERROR_WINHTTP_OPERATION_CANCELLED );
    recorder_wait( first_recorder, STATUS( HANDLE_CLOSING ), &event );
    recorder_check_last( first_recorder, first );
    server_go( server );    /* the abandoned one's wait, */
    server_go( server );    /* and that of the fetch which follows it */
    if (recorder_wait( recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
        ok( event.status == STATUS( GETPROXYFORURL_COMPLETE ), "error %lu\n", event.error );
    ok( WinHttpCloseHandle( second ), "error %lu\n", GetLastError() );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
    WinHttpCloseHandle( first_session );
    WinHttpCloseHandle( session );
    server_abort( server );    /* what became of the abandoned connection does not matter */
}

/* Closed while it waits for another one's fetch. */
static void test_one_that_waits_is_closed(void)
{
    static const struct step steps[] = { HEAD, SIGNAL, HOLD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    struct recorder *recorder = recorder_create(), *second_recorder = recorder_create();
    HINTERNET session = open_async( recorder ), second_session = open_async( second_recorder ), first, second;
    WCHAR script[64];
    struct event event;
    DWORD err;

    pac_make_url( server, script );
    WinHttpCreateProxyResolver( session, &first );
    WinHttpCreateProxyResolver( second_session, &second );
    err = start( first, recorder, L"http://one/", script );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    ok( server_wait( server ), "nobody fetches the script\n" );
    err = start( second, second_recorder, L"http://two/", script );
    ok( err == ERROR_IO_PENDING, "error %lu\n", err );
    ok( WinHttpCloseHandle( second ), "error %lu\n", GetLastError() );
    recorder_failed( second_recorder, API_GET_PROXY_FOR_URL, ERROR_WINHTTP_OPERATION_CANCELLED );
    recorder_wait( second_recorder, STATUS( HANDLE_CLOSING ), &event );
    recorder_check_last( second_recorder, second );
    server_go( server );
    if (recorder_wait( recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ))
        ok( event.status == STATUS( GETPROXYFORURL_COMPLETE ), "error %lu\n", event.error );
    ok( WinHttpCloseHandle( first ), "error %lu\n", GetLastError() );
    recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
    WinHttpCloseHandle( second_session );
    WinHttpCloseHandle( session );
    server_abort( server );
}

/* At whatever moment the handle is closed: one completion (a success may have been on its way), then HANDLE_CLOSING. The
 * number of turns before it stands for the moment; none of them has to meet a certain one. */
static void test_closing_at_any_moment(void)
{
    static const struct step steps[] = { HEAD, SEND( PAC_200 SCRIPT ), END };
    struct server *server = server_start_each( steps );
    unsigned int i, turns, cancelled = 0;

    for (i = 0; i < 48; i++)
    {
        struct recorder *recorder = recorder_create();
        HINTERNET session = open_async( recorder ), resolver;
        WCHAR script[64];
        struct event event;
        DWORD err;

        pac_make_url( server, script );
        err = WinHttpCreateProxyResolver( session, &resolver );
        ok( !err, "error %lu\n", err );
        err = start( resolver, recorder, L"http://name/", script );
        ok( err == ERROR_IO_PENDING, "error %lu\n", err );
        for (turns = i * i * 4; turns--;) SwitchToThread();
        ok( WinHttpCloseHandle( resolver ), "error %lu\n", GetLastError() );
        if (recorder_wait( recorder, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ), &event ) &&
            event.status == STATUS( REQUEST_ERROR ))
        {
            cancelled++;
            ok( event.result == API_GET_PROXY_FOR_URL && event.error == ERROR_WINHTTP_OPERATION_CANCELLED,
                "%u: operation %lu, error %lu\n", i, (DWORD)event.result, event.error );
        }
        recorder_wait( recorder, STATUS( HANDLE_CLOSING ), &event );
        ok( recorder_count( recorder, resolver, STATUS( GETPROXYFORURL_COMPLETE ) | STATUS( REQUEST_ERROR ) ) == 1,
            "%u: not one completion\n", i );
        recorder_check_last( recorder, resolver );
        WinHttpCloseHandle( session );
    }
    trace( "%u of 48 were cancelled\n", cancelled );
    server_abort( server );
}

START_TEST( pac_threads )
{
    test_many_ask_and_one_fetches();
    test_many_ask_for_what_is_not_there();
    test_reset_during_a_fetch();
    test_many_resolvers_at_once();
    test_the_one_that_fetches_is_closed();
    test_one_that_waits_is_closed();
    test_closing_at_any_moment();
}
