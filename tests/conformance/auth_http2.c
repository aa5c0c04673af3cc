/*
 * NTLM where HTTP/2 is spoken: its legs need a connection of their own, which is one of HTTP/1.1
 *
 * The server asks for it over both and lets in whoever has the legs in order on one connection of HTTP/1.1
 * (tests/fixtures/tls/serve.c). Rules: behaviour-concepts.md section 3, "HTTP/2 and multi-leg schemes".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "http2.h"
#include "auth.h"

static void check_let_in_( int line, HINTERNET request, DWORD err, const char *body )
{
    ok_( __FILE__, line )( !err, "failed with %lu\n", err );
    if (err) return;
    ok_( __FILE__, line )( client_status( request ) == 200, "status %lu\n", client_status( request ) );
    ok_( __FILE__, line )( http2_used( request ) != WINHTTP_PROTOCOL_FLAG_HTTP2, "protocol %#lx\n", http2_used( request ) );
    ok_( __FILE__, line )( strcmp( tls_value( body, "alpn" ), "h2" ), "%s\n", body );
}
#define check_let_in( request, err, body ) check_let_in_( __LINE__, request, err, body )

/* The fall-back is the request's own: others go on as they were, and the next one to the same place falls back again. */
static void test_fall_back(void)
{
    char body[1024];
    struct client client;
    unsigned int i;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        for (i = 0; i < 2; i++)
        {
            winetest_push_context( "%u", i );
            client.request = http2_request( &client, L"GET", L"/ntlm", 0 );
            auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
            err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
            check_let_in( client.request, err, body );
            WinHttpCloseHandle( client.request );

            client.request = http2_request( &client, L"GET", L"/", 0 );
            err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
            ok( !err && client_status( client.request ) == 200, "status %lu, error %lu\n", client_status( client.request ), err );
            ok( http2_used( client.request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "protocol %#lx\n", http2_used( client.request ) );
            ok( !strcmp( tls_value( body, "alpn" ), "h2" ), "%s\n", body );
            WinHttpCloseHandle( client.request );
            winetest_pop_context();
        }
        client.request = NULL;
    }
    client_close( &client );
}

/* A body that was given goes along to HTTP/1.1. */
static void test_body_goes_along(void)
{
    char body[1024];
    struct client client;
    DWORD err;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        client.request = http2_request( &client, L"POST", L"/ntlm", 0 );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
        err = http2_exchange( client.request, "hello", 5, body, sizeof(body), NULL );
        check_let_in( client.request, err, body );
    }
    client_close( &client );
}

/* The program's loop: the 401 over HTTP/2 is shown, and the next send on the handle goes by HTTP/1.1. */
static void test_credentials_after_the_401(void)
{
    char body[1024];
    struct client client;
    DWORD err, supported = 0, first, target;
    BOOL ret;

    if (http2_open( &client, "h2", 0, NULL ))
    {
        client.request = http2_request( &client, L"GET", L"/ntlm", 0 );
        err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
        ok( !err && client_status( client.request ) == 401, "status %lu, error %lu\n", client_status( client.request ), err );
        ok( http2_used( client.request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "protocol %#lx\n", http2_used( client.request ) );
        ret = WinHttpQueryAuthSchemes( client.request, &supported, &first, &target );
        ok( ret && supported == WINHTTP_AUTH_SCHEME_NTLM, "got %d, %#lx\n", ret, supported );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
        err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
        check_let_in( client.request, err, body );
    }
    client_close( &client );
}

/* A program that takes nothing but HTTP/2 gets the 401: a choice, since an error would tell it less. */
static void test_where_http2_is_required(void)
{
    char body[1024];
    struct client client;
    DWORD err;

    if (strcmp( winetest_platform, "wine" )) return;
    if (http2_open( &client, "h2", 0, NULL ))
    {
        client.request = http2_request( &client, L"GET", L"/ntlm", 0 );
        http2_set( client.request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, TRUE );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
        err = http2_exchange( client.request, NULL, 0, body, sizeof(body), NULL );
        ok( !err && client_status( client.request ) == 401, "status %lu, error %lu\n", client_status( client.request ), err );
        ok( http2_used( client.request ) == WINHTTP_PROTOCOL_FLAG_HTTP2, "protocol %#lx\n", http2_used( client.request ) );
    }
    client_close( &client );
}

/* On a worker: the legs are the receiving operation's, which completes once. */
static void test_asynchronously(void)
{
    struct recorder *recorder = recorder_create();
    struct client client;

    if (http2_open( &client, "h2", WINHTTP_FLAG_ASYNC, recorder ))
    {
        client.request = http2_request( &client, L"GET", L"/ntlm", 0 );
        auth_set( client.request, WINHTTP_AUTH_SCHEME_NTLM, L"TEST\\user", L"pwd" );
        if (recorder_get( recorder, &client, NULL, NULL ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( http2_used( client.request ) != WINHTTP_PROTOCOL_FLAG_HTTP2, "protocol %#lx\n", http2_used( client.request ) );
            ok( recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) );
            ok( recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) == 3, "%u times\n",
                recorder_count( recorder, NULL, STATUS( REQUEST_SENT ) ) );
        }
    }
    recorder_close( recorder, &client );
}

START_TEST(auth_http2)
{
    if (!http2_there() || !auth_has_ntlm()) return;
    test_fall_back();
    test_body_goes_along();
    test_credentials_after_the_401();
    test_where_http2_is_required();
    test_asynchronously();
}
