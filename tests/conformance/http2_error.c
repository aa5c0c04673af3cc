/*
 * HTTP/2: streams and connections that end badly, answers that must not be believed, requests that are sent again
 *
 * Rules: behaviour-concepts.md section 9, options.md section 3.11, errors.md, security.md (rows of HTTP/2), users.md ("GOAWAY
 * race").
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"

#define STALE 0xdeadbeef

#define STREAM_CLOSED     5
#define REFUSED_STREAM    7
#define CANCEL            8
#define HTTP_1_1_REQUIRED 13

/* WINHTTP_OPTION_STREAM_ERROR_CODE; ~0: there is none. */
static DWORD stream_error( HINTERNET request )
{
    DWORD code = STALE, size = sizeof(code);

    if (WinHttpQueryOption( request, WINHTTP_OPTION_STREAM_ERROR_CODE, &code, &size )) return code;
    ok( GetLastError() == ERROR_WINHTTP_INCORRECT_HANDLE_STATE || broken( GetLastError() != 0 ), "error %lu\n", GetLastError() );
    return ~0u;
}

/* The connection of a session is as good as before: another request goes over it. */
static void check_same_connection_( int line, const struct client *client, DWORD connection )
{
    char body[1024];
    DWORD err = http2_get( client, L"/", body, sizeof(body) );

    ok_( __FILE__, line )( !err, "error %lu\n", err );
    ok_( __FILE__, line )( http2_connection_in( body ) == connection, "connection %lu, not %lu\n",
                           http2_connection_in( body ), connection );
}
#define check_same_connection( client, connection ) check_same_connection_( __LINE__, client, connection )

/* ---- resets ---- */

static void test_reset_streams(void)
{
    static const struct { const WCHAR *path; DWORD code; BOOL body; } rows[] =
    {
        { L"/rst/1", 1, FALSE },
        { L"/rst/2", 2, FALSE },
        { L"/rst/8", CANCEL, FALSE },
        { L"/rst/11", 11, FALSE },
        { L"/rst/305419896", 0x12345678, FALSE },
        { L"/rst-body/2", 2, TRUE },
        { L"/rst-body/5", STREAM_CLOSED, TRUE },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[256];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        check_same_connection( &client, 1 );
        for (i = 0; i < count_of( rows ); i++)
        {
            winetest_push_context( "%ls", rows[i].path );
            if ((request = http2_request( &client, NULL, rows[i].path, 0 )))
            {
                ok( stream_error( request ) == ~0u, "code %#lx before the send\n", stream_error( request ) );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                ok( is_lost( err ), "error %lu\n", err );                                           /* MX-15 */
                ok( client_status( request ) == (rows[i].body ? 200 : 0), "status %lu\n", client_status( request ) );
                ok( stream_error( request ) == rows[i].code, "code %#lx\n", stream_error( request ) );  /* MX-15 */
                WinHttpCloseHandle( request );
                check_same_connection( &client, 1 );                                                /* MX-15 */
            }
            winetest_pop_context();
        }
    }
    client_close( &client );
}

/* The code is there when the completion says that the request has failed. */
static void test_reset_stream_asynchronously(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    BOOL ret;

    if (http2_open( &client, "h2", WINHTTP_FLAG_ASYNC, recorder )
        && (client.request = http2_request( &client, NULL, L"/rst/8", 0 )))
    {
        ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 0, 0 );
        ok( ret, "error %lu\n", GetLastError() );
        if (ret && recorder_complete( recorder, STATUS( SENDREQUEST_COMPLETE ), &event ))
        {
            ret = WinHttpReceiveResponse( client.request, NULL );
            ok( ret, "error %lu\n", GetLastError() );
            ret = ret && recorder_wait( recorder, COMPLETIONS, &event );
            if (ret)
            {
                ok( event.status == STATUS( REQUEST_ERROR ) && event.result == API_RECEIVE_RESPONSE && is_lost( event.error ),
                    "%s, %lu, error %lu\n", status_name( event.status ), (DWORD)event.result, event.error );   /* MX-15 */
                ok( stream_error( client.request ) == CANCEL, "code %#lx\n", stream_error( client.request ) );
            }
        }
    }
    recorder_close( recorder, &client );
}

static void test_no_code_without_a_reset(void)
{
    struct client client;
    HINTERNET request;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, NULL, 0 )))
    {
        err = http2_exchange( request, NULL, 0, NULL, 0, NULL );
        ok( !err, "error %lu\n", err );
        ok( stream_error( request ) == ~0u || broken( !stream_error( request ) ), "code %#lx\n", stream_error( request ) );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* ---- sent again ---- */

/* What the server did not look at is sent again, also a POST: RFC 9113 section 8.7. */
static void test_unprocessed_requests_are_sent_again(void)
{
    static const WCHAR *const paths[] = { L"/once/refused/", L"/once/goaway/" };
    static const struct { const WCHAR *verb; const char *body; DWORD flags; } rows[] =
    {
        { L"GET", NULL, 0 },
        { L"POST", "a body", 0 },
        { L"PATCH", NULL, 0 },
    };
    struct client client;
    HINTERNET request;
    unsigned int i, j;
    char body[1024];
    DWORD err, warm;

    for (i = 0; i < count_of( paths ); i++)
    {
        for (j = 0; j < count_of( rows ); j++)
        {
            for (warm = 0; warm < 2; warm++)
            {
                winetest_push_context( "%ls %ls, %s connection", rows[j].verb, paths[i], warm ? "used" : "new" );
                if (http2_open( &client, "h2", 0, NULL ))
                {
                    if (warm) check_same_connection( &client, 1 );
                    if ((request = http2_token_request( &client, rows[j].verb, paths[i], 0 )))
                    {
                        err = http2_exchange( request, rows[j].body, rows[j].body ? strlen( rows[j].body ) : 0, body,
                                              sizeof(body), NULL );
                        /* not confirmed for Windows, behaviour-concepts.md section 9 */
                        ok( !err || broken( is_lost( err ) ), "error %lu\n", err );                 /* MX-16 */
                        if (!err)
                        {
                            ok( client_status( request ) == 200, "status %lu\n", client_status( request ) );
                            ok( http2_used( request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n", http2_used( request ) );
                            ok( i == 0 || http2_connection( request ) == 1 + warm, "connection %lu\n", http2_connection( request ) );
                        }
                        WinHttpCloseHandle( request );
                    }
                }
                client_close( &client );
                winetest_pop_context();
            }
        }
    }
}

/* A server that refuses every stream: that ends some time. */
static void test_endless_refusal(void)
{
    struct client client;
    HINTERNET request;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, L"/rst/7", 0 )))
    {
        err = http2_exchange( request, NULL, 0, NULL, 0, NULL );
        ok( is_lost( err ), "error %lu\n", err );                                                   /* MX-16 */
        ok( stream_error( request ) == REFUSED_STREAM || broken( stream_error( request ) == ~0u ), "code %#lx\n",
            stream_error( request ) );
        WinHttpCloseHandle( request );
        check_same_connection( &client, 1 );
    }
    client_close( &client );
}

/* What WinHttpWriteData has sent is not there any more. */
static void test_unprocessed_upload_is_not_repeated(void)
{
    struct client client;
    HINTERNET request;
    DWORD err = 0, written;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_token_request( &client, L"POST", L"/once/refused/", 0 )))
    {
        if (!WinHttpSendRequest( request, NULL, 0, NULL, 0, 4, 0 )) err = GetLastError();
        if (!err && !WinHttpWriteData( request, "body", 4, &written )) err = GetLastError();
        if (!err && !WinHttpReceiveResponse( request, NULL )) err = GetLastError();
        ok( is_lost( err ) || err == ERROR_WINHTTP_RESEND_REQUEST, "error %lu\n", err );
        /* the program can, on the same handle */
        err = http2_exchange( request, "body", 4, NULL, 0, NULL );
        ok( !err, "error %lu\n", err );
        ok( client_status( request ) == 200, "status %lu\n", client_status( request ) );
        WinHttpCloseHandle( request );
    }
    client_close( &client );
}

/* HTTP_1_1_REQUIRED: the request goes there, and only this one. */
static void test_server_asks_for_http_1_1(void)
{
    static const struct { const WCHAR *verb; const char *body; BOOL required; } rows[] =
    {
        { L"GET", NULL, FALSE },
        { L"POST", "a body", FALSE },
        { L"GET", NULL, TRUE },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "row %u", i );
        if (http2_open( &client, "h2", 0, NULL ))
        {
            check_same_connection( &client, 1 );
            if ((request = http2_token_request( &client, rows[i].verb, L"/once/h1/", 0 )))
            {
                if (rows[i].required) http2_set( request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, TRUE );
                err = http2_exchange( request, rows[i].body, rows[i].body ? strlen( rows[i].body ) : 0, body, sizeof(body), NULL );
                if (rows[i].required)
                {
                    ok( err == ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH || broken( is_lost( err ) ), "error %lu\n", err );   /* MX-17 */
                    ok( stream_error( request ) == HTTP_1_1_REQUIRED || broken( stream_error( request ) == ~0u ), "code %#lx\n",
                        stream_error( request ) );
                }
                else
                {
                    ok( !err || broken( is_lost( err ) ), "error %lu\n", err );                     /* MX-17 */
                    if (!err)
                    {
                        ok( !http2_used( request ), "used %#lx\n", http2_used( request ) );         /* MX-3, MX-17 */
                        ok( !strcmp( tls_value( body, "alpn" ), "http/1.1" ), "got \"%s\"\n", body );
                        /* sent again: it stays with it */
                        err = http2_exchange( request, rows[i].body, rows[i].body ? strlen( rows[i].body ) : 0, body,
                                              sizeof(body), NULL );
                        ok( !err && !http2_used( request ), "error %lu, used %#lx\n", err, http2_used( request ) );
                    }
                }
                WinHttpCloseHandle( request );
                check_same_connection( &client, 1 );
            }
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* 421: once more on another connection; a choice, since nothing is known of Windows. */
static void test_misdirected_requests(void)
{
    static const struct { const WCHAR *verb; const char *body; DWORD late; BOOL required, delivered; } rows[] =
    {
        { L"GET", NULL, 0, FALSE, FALSE },
        { L"POST", "a body", 0, FALSE, FALSE },
        { L"GET", NULL, 0, TRUE, FALSE },
        { L"POST", NULL, 4, FALSE, TRUE },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[1024];
    DWORD err, len, written;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "row %u", i );
        if (http2_open( &client, "h2", 0, NULL ) && (request = http2_token_request( &client, rows[i].verb, L"/once/421/", 0 )))
        {
            check_same_connection( &client, 1 );
            if (rows[i].required) http2_set( request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, TRUE );
            len = rows[i].body ? strlen( rows[i].body ) : 0;
            err = 0;
            if (!WinHttpSendRequest( request, NULL, 0, (void *)rows[i].body, len, len + rows[i].late, 0 )) err = GetLastError();
            if (!err && rows[i].late && !WinHttpWriteData( request, "late", rows[i].late, &written )) err = GetLastError();
            if (!err && !WinHttpReceiveResponse( request, NULL )) err = GetLastError();
            ok( !err, "error %lu\n", err );
            if (!err)
            {
                ok( client_status( request ) == (rows[i].delivered ? 421 : 200) || broken( client_status( request ) == 421 ),
                    "status %lu\n", client_status( request ) );                                     /* MX-18 */
                body[client_read( request, body, sizeof(body) - 1, &err )] = 0;
                ok( !err, "error %lu\n", err );
                if (client_status( request ) == 200)
                    ok( http2_connection_in( body ) == 2, "connection %lu\n", http2_connection_in( body ) );
                if (rows[i].required)
                    ok( http2_used( request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "used %#lx\n", http2_used( request ) );
            }
            WinHttpCloseHandle( request );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* ---- GOAWAY ---- */

/* The answer that comes with it is whole, and the next request takes another connection. */
static void test_goaway_does_not_take_answers_away(void)
{
    struct client client;
    char body[1024];
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 1; i <= 5; i++)
        {
            err = http2_get( &client, L"/goaway", body, sizeof(body) );
            ok( !err, "error %lu\n", err );                                                         /* MX-23 */
            ok( http2_connection_in( body ) == i, "connection %lu, not %u\n", http2_connection_in( body ), i );
        }
    }
    client_close( &client );
}

/* Streams that the server still serves go on. */
static void test_goaway_lets_earlier_streams_go_on(void)
{
    struct client client;
    HINTERNET early;
    char body[1024];
    DWORD err, count;
    ULONGLONG got;

    if (http2_open( &client, "h2", 0, NULL ) && (early = http2_request( &client, NULL, L"/big/2000000", 0 )))
    {
        err = WinHttpSendRequest( early, NULL, 0, NULL, 0, 0, 0 ) && WinHttpReceiveResponse( early, NULL )
              && WinHttpReadData( early, body, 1, &count ) ? 0 : GetLastError();
        ok( !err, "error %lu\n", err );
        err = http2_get( &client, L"/goaway", body, sizeof(body) );
        ok( !err && http2_connection_in( body ) == 1, "error %lu, \"%s\"\n", err, body );    /* MX-9, MX-23 */
        err = http2_get( &client, L"/", body, sizeof(body) );
        ok( !err && http2_connection_in( body ) == 2, "error %lu, \"%s\"\n", err, body );
        got = client_read( early, NULL, 0, &err );
        ok( !err && got == 1999999, "error %lu, %lu bytes\n", err, (DWORD)got );                    /* MX-23 */
        WinHttpCloseHandle( early );
    }
    client_close( &client );
}

/* ---- connections ---- */

static void test_connection_that_breaks(void)
{
    struct client client;
    HINTERNET request;
    char body[1024];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, L"/cut", 0 )))
    {
        err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
        ok( is_lost( err ), "error %lu\n", err );
        ok( client_status( request ) == 200, "status %lu\n", client_status( request ) );
        ok( http2_connection( request ) == 1, "connection %lu\n", http2_connection( request ) );
        WinHttpCloseHandle( request );
        err = http2_get( &client, L"/", body, sizeof(body) );
        ok( !err && http2_connection_in( body ) == 2, "error %lu, \"%s\"\n", err, body );
    }
    client_close( &client );
}

/* Nobody has asked for what is pushed; our settings say so. A choice: Windows may pass over it. */
static void test_push_is_an_error(void)
{
    struct client client;
    char body[1024];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        check_same_connection( &client, 1 );    /* the settings have arrived */
        err = http2_get( &client, L"/push", body, sizeof(body) );
        ok( is_lost( err ) || broken( !err ), "error %lu\n", err );                                 /* MX-25 */
        err = http2_get( &client, L"/", body, sizeof(body) );
        ok( !err && (http2_connection_in( body ) == 2 || broken( http2_connection_in( body ) == 1 )), "error %lu, \"%s\"\n",
            err, body );
    }
    client_close( &client );
}

/* ---- time ---- */

/* The time of one request is over; the others on its connection have theirs. */
static void test_timeout_ends_one_stream(void)
{
    static const WCHAR *const paths[] = { L"/never", L"/stall", L"/stall-length" };
    struct client client;
    HINTERNET request;
    char body[1024];
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        check_same_connection( &client, 1 );
        for (i = 0; i < count_of( paths ); i++)
        {
            winetest_push_context( "%ls", paths[i] );
            if ((request = http2_request( &client, NULL, paths[i], 0 )))
            {
                http2_set( request, WINHTTP_OPTION_RECEIVE_TIMEOUT, 500 );
                http2_set( request, WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, 500 );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                ok( err == ERROR_WINHTTP_TIMEOUT, "error %lu\n", err );                             /* MX-24 */
                WinHttpCloseHandle( request );
                check_same_connection( &client, 1 );                                                /* MX-24 */
            }
            winetest_pop_context();
        }
    }
    client_close( &client );
}

/* ---- answers that must not be believed ---- */

static void test_lengths_that_are_wrong(void)
{
    struct client client;
    HINTERNET request;
    char body[1024];
    DWORD err, end;

    for (end = 0; end < 2; end++)
    {
        winetest_push_context( "stream end %s", end ? "required" : "not required" );
        if (http2_open( &client, "h2", 0, NULL ))
        {
            http2_set( client.session, WINHTTP_OPTION_REQUIRE_STREAM_END, end );
            if ((request = http2_request( &client, NULL, L"/short", 0 )))
            {
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                /* Windows may report a plain end, behaviour-concepts.md section 12 */
                ok( is_lost( err ) || broken( !err ), "error %lu, \"%s\"\n", err, body );           /* MX-25 */
                WinHttpCloseHandle( request );
            }
            if ((request = http2_request( &client, NULL, L"/extra", 0 )))
            {
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                /* either: what was announced was there, and what is behind it is nobody's; never more than that */
                ok( is_lost( err ) || (!end && !err && !strcmp( body, "hello" )) || broken( end && !err ), "error %lu, \"%s\"\n",
                    err, body );                                                                    /* MX-25 */
                WinHttpCloseHandle( request );
            }
            check_same_connection( &client, 1 );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

/* A field that HTTP/2 has no use for, yet that servers send. */
static void test_transfer_encoding_of_the_server(void)
{
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[256];
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < 3; i++)
        {
            winetest_push_context( i ? i == 1 ? "off" : "on" : "default" );
            if ((request = http2_request( &client, NULL, L"/coded", 0 )))
            {
                if (i) http2_set( request, WINHTTP_OPTION_HTTP2_PLUS_TRANSFER_ENCODING, i == 2 );
                err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
                if (i == 1) ok( is_lost( err ), "error %lu\n", err );                               /* MX-19 */
                else ok( !err && !strcmp( body, "hello" ), "error %lu, \"%s\"\n", err, body );      /* MX-19 */
                WinHttpCloseHandle( request );
            }
            winetest_pop_context();
        }
        if ((request = http2_request( &client, NULL, L"/connection", 0 )))
        {
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            ok( is_lost( err ) || broken( !err ), "error %lu\n", err );     /* RFC 9113 section 8.2.2: malformed */
            WinHttpCloseHandle( request );
        }
        check_same_connection( &client, 1 );
    }
    client_close( &client );
}

static void test_heads_have_a_limit(void)
{
    static const struct { const WCHAR *path; DWORD limit; BOOL good; } rows[] =
    {
        { L"/fields/40000", 0, TRUE },
        { L"/fields/90000", 0, FALSE },
        { L"/fields/500000", 0, FALSE },
        { L"/fields/3000", 2000, FALSE },
        { L"/fields/3000", 4000, TRUE },
    };
    struct client client;
    HINTERNET request;
    unsigned int i;
    char body[256];
    DWORD err;

    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%ls, limit %lu", rows[i].path, rows[i].limit );
        if (http2_open( &client, "h2", 0, NULL ) && (request = http2_request( &client, NULL, rows[i].path, 0 )))
        {
            if (rows[i].limit) http2_set( request, WINHTTP_OPTION_MAX_RESPONSE_HEADER_SIZE, rows[i].limit );
            err = http2_exchange( request, NULL, 0, body, sizeof(body), NULL );
            if (rows[i].good) ok( !err && !strcmp( body, "fields\n" ), "error %lu\n", err );
            else ok( is_lost( err ) || err == ERROR_WINHTTP_HEADER_SIZE_OVERFLOW, "error %lu\n", err );
            WinHttpCloseHandle( request );
            err = http2_get( &client, L"/", body, sizeof(body) );
            ok( !err, "the next request: error %lu\n", err );
        }
        client_close( &client );
        winetest_pop_context();
    }
}

static void test_interim_responses(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;
    struct event event;
    WCHAR text[64];
    char body[256];
    unsigned int i;
    DWORD err;
    BOOL ret;

    if (http2_open( &client, "h2", 0, recorder ) && (client.request = http2_request( &client, NULL, L"/interim/2", 0 )))
    {
        err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
        ok( !err && !strcmp( body, "after\n" ), "error %lu, \"%s\"\n", err, body );                 /* MX-26 */
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        ok( http2_field( client.request, 0, L"X-Early", text, count_of( text ) ) == ERROR_WINHTTP_HEADER_NOT_FOUND,
            "a field of the interim response\n" );
        for (i = 0; i < 2; i++)
        {
            ret = recorder_wait( recorder, STATUS( INTERMEDIATE_RESPONSE ), &event );
            ok( ret && event.value == 103, "value %lu\n", event.value );                            /* MX-26 */
        }
        WinHttpCloseHandle( client.request );
        client.request = NULL;
        err = http2_get( &client, L"/interim/11", body, sizeof(body) );
        ok( is_lost( err ), "error %lu\n", err );                                                   /* MX-26 */
    }
    recorder_close( recorder, &client );
}

START_TEST(http2_error)
{
    if (!http2_there()) return;
    test_reset_streams();
    test_reset_stream_asynchronously();
    test_no_code_without_a_reset();
    test_unprocessed_requests_are_sent_again();
    test_endless_refusal();
    test_unprocessed_upload_is_not_repeated();
    test_server_asks_for_http_1_1();
    test_misdirected_requests();
    test_goaway_does_not_take_answers_away();
    test_goaway_lets_earlier_streams_go_on();
    test_connection_that_breaks();
    test_push_is_an_error();
    test_timeout_ends_one_stream();
    test_lengths_that_are_wrong();
    test_transfer_encoding_of_the_server();
    test_heads_have_a_limit();
    test_interim_responses();
}
