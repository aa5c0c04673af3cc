/*
 * WinHttpReceiveResponse: response heads, good and bad
 *
 * Rules: windows-behaviour.md section 7, S-4; security.md "Response splitting/smuggling" and "Header bomb,
 * 1xx flood"; errors.md for the codes.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- heads that must be taken ---- */

static const struct { const char *name, *reply; DWORD status; const char *body; } good_heads[] =
{
    { "usual", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },
    { "extra blanks in the status line", "HTTP/1.1  200  OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },   /* */
    { "no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },                              /* */
    { "no reason, blank", "HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nok", 404, "ok" },
    { "blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", 200, "ok" },             /* */
    { "no blank after the colon", "HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\nok", 200, "ok" },
    { "blanks and tabs around the value", "HTTP/1.1 200 OK\r\nContent-Length: \t 2 \t \r\n\r\nok", 200, "ok" },
    { "leading zeros", "HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nok", 200, "ok" },
    { "unknown status", "HTTP/1.1 299 What\r\nContent-Length: 2\r\n\r\nok", 299, "ok" },
    { "bytes above 0x7f in a value", "HTTP/1.1 200 OK\r\nX: \xe4\xf6\xfc\r\nContent-Length: 2\r\n\r\nok", 200, "ok" },
};

static void test_good_heads_are_taken(void)
{
    unsigned int i, j;

    for (i = 0; i < count_of( good_heads ); i++) for (j = 0; j < 2; j++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HOLD, END };
        struct server *server;
        struct client client;

        script[2].op = j ? STEP_DRIP : STEP_SEND;
        script[2].data = good_heads[i].reply;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s%s", good_heads[i].name, j ? ", in drips" : "" );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
        {
            ok( client_status( client.request ) == good_heads[i].status, "status %lu\n",
                client_status( client.request ) );
            client_check_body( client.request, good_heads[i].body );
        }
        server_go( server );
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- heads that must not ---- */

struct bad_head
{
    const char *name, *reply;
    unsigned int len;       /* 0: a string */
    DWORD other;            /* accepted beside ERROR_WINHTTP_INVALID_SERVER_RESPONSE */
};

#define WITH_NUL( literal ) literal, sizeof(literal) - 1

static const struct bad_head bad_heads[] =
{
    { "no status line", "hello, this is no HTTP\r\n\r\n", 0, 0 },                                           /* */
    { "body straight away", "<html>\r\n\r\n</html>", 0, 0 },                                                /* */
    { "letters for a status", "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "no status", "HTTP/1.1\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "another protocol", "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", 0, 0 },
    { "a list of lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!", 0, 0 },
    { "signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", 0, 0 },
    { "negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", 0, 0 },
    { "hexadecimal length", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", 0, 0 },
    { "junk behind the length", "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok", 0, 0 },
    { "blank in the length", "HTTP/1.1 200 OK\r\nContent-Length: 2 2\r\n\r\nok", 0, 0 },
    { "empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok", 0, 0 },
    { "length over 64 bits", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok", 0, 0 },
    { "length of 30 digits", "HTTP/1.1 200 OK\r\nContent-Length: 100000000000000000000000000002\r\n\r\nok", 0, 0 },
    { "NUL in a value", WITH_NUL( "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok" ), 0 },
    { "NUL in a name", WITH_NUL( "HTTP/1.1 200 OK\r\nX\0Y: a\r\nContent-Length: 2\r\n\r\nok" ), 0 },
    { "NUL in the status line", WITH_NUL( "HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok" ), 0 },
    { "bare CR in a value", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "blank in a name", "HTTP/1.1 200 OK\r\nContent Length: 2\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "chunked is not the last coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      0, 0 },
};

/* The error is that of ReceiveResponse or of SendRequest; the connection, which the server leaves open, is not
 * used again. */
static void test_bad_heads_are_refused(void)
{
    unsigned int i;

    for (i = 0; i < count_of( bad_heads ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), ACCEPT, HEAD, SEND( GOOD ), END };
        struct server *server;
        struct client client;
        DWORD err;

        script[2].data = bad_heads[i].reply;
        script[2].len = bad_heads[i].len;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", bad_heads[i].name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            err = client_try( &client );
            ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || (bad_heads[i].other && err == bad_heads[i].other),
                "got %lu\n", err );
            client_check_get( &client, "ok" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Two equal lengths: RFC 9112 lets a client take or refuse them; anything between would be wrong. */
static void test_equal_lengths(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok" ), HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        if (!err) client_check_body( client.request, "ok" );
        else ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "got %lu\n", err );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* A folded line is part of the value before it or an error, never a header of its own. */
static void test_folded_line_is_no_header(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nX: one\r\n Injected: yes\r\nContent-Length: 2\r\n\r\nok" ), HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;
    DWORD err, len = 0;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( !err || err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "got %lu\n", err );
        if (!err)
        {
            WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CUSTOM, L"Injected", NULL, &len, NULL );
            ok( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "the folded line became a header\n" );
            client_check_body( client.request, "ok" );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* ---- ends in the wrong place ---- */

static void test_end_of_connection_before_the_head(void)
{
    static const struct { const char *name, *data; enum step_op end; BOOL reset; } rows[] =
    {
        { "nothing", "", STEP_CLOSE, FALSE },
        { "half a status line", "HTTP/1.1 2", STEP_CLOSE, FALSE },
        { "half a head", "HTTP/1.1 200 OK\r\nContent-Le", STEP_CLOSE, FALSE },
        { "no blank line", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", STEP_CLOSE, FALSE },
        { "reset", "", STEP_RESET, TRUE },
        { "reset in a head", "HTTP/1.1 200 OK\r\n", STEP_RESET, TRUE },
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( "" ), CLOSE, END };
        struct server *server;
        struct client client;
        DWORD err;

        script[2].data = rows[i].data;
        script[3].op = rows[i].end;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", rows[i].name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            err = client_try( &client );
            /* an orderly end before the end of the head is a broken connection or a broken response: both are seen */
            ok( err == ERROR_WINHTTP_CONNECTION_ERROR || (!rows[i].reset && err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE),
                "got %lu\n", err );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- interim responses ---- */

static void test_interim_responses_are_passed_over(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, DRIP( "HTTP/1.1 100 Continue\r\n\r\n" ),
        SEND( "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" GOOD ),
        HOLD, END
    };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    static const DWORD codes[] = { 100, 103, 102 };
    struct client client = { NULL, NULL, NULL };
    DWORD len = 0;
    unsigned int i;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        WinHttpQueryHeaders( client.request, WINHTTP_QUERY_LINK, NULL, NULL, &len, NULL );
        ok( GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "a header of an interim response is in the final one\n" );
        client_check_body( client.request, "ok" );
        for (i = 0; i < count_of( codes ); i++)
        {
            int at = recorder_find( recorder, STATUS( INTERMEDIATE_RESPONSE ), i );

            ok( at >= 0 && recorder->events[at].value == codes[i] && recorder->events[at].info_len == sizeof(DWORD),
                "interim response %u: event %d, code %lu\n", i, at, at >= 0 ? recorder->events[at].value : 0 );
        }
    }
    server_go( server );
    recorder_close( recorder, &client );
    server_stop( server );
}

/* The default limit is 10 (MAX_HTTP_STATUS_CONTINUE); the code beyond it is documented nowhere, 12152 is a choice. */
static void test_flood_of_interim_responses_is_an_error(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, FLOOD( "HTTP/1.1 100 Continue\r\n\r\n", 4 << 20 ), END };
    struct server *server = server_start( script );
    struct client client;
    DWORD err;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "got %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

static void test_limit_of_interim_responses_is_an_option(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, REPEAT( "HTTP/1.1 100 Continue\r\n\r\n", 30 ), SEND( GOOD ), END };
    struct server *server = server_start( script );
    DWORD limit = 30;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        BOOL ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_HTTP_STATUS_CONTINUE, &limit, sizeof(limit) );

        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client )) client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- large heads ---- */

static char *long_line( unsigned int len )
{
    char *text = malloc( len + 1 );

    memset( text, 'v', len );
    text[len] = 0;
    return text;
}

/* One value of 60000 bytes arrives whole. */
static void test_long_header_arrives_whole(void)
{
    char *value = long_line( 60000 );
    struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nLong: " ), SEND( value ),
                             SEND( "\r\nContent-Length: 2\r\n\r\nok" ), END };
    struct server *server = server_start( script );
    WCHAR *text = malloc( 60001 * sizeof(WCHAR) );
    struct client client;
    DWORD len = 60001 * sizeof(WCHAR), i;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CUSTOM, L"Long", text, &len, NULL );
        ok( ret && len == 120000, "got %d, error %lu, %lu bytes\n", ret, GetLastError(), len );
        for (i = 0; ret && i < 60000 && text[i] == 'v'; i++) {}
        ok( !ret || i == 60000, "wrong character at %lu\n", i );
        client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
    free( text );
    free( value );
}

static void test_many_headers_arrive(void)
{
    static char fields[500 * 24];
    struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n" ), SEND( fields ),
                             SEND( "Content-Length: 2\r\n\r\nok" ), END };
    struct server *server;
    struct client client;
    WCHAR name[16], text[16], expected[16];
    unsigned int i, at = 0;
    DWORD len;
    BOOL ret = TRUE;

    for (i = 0; i < 500; i++) at += (unsigned int)sprintf( fields + at, "X-%u: %u\r\n", i, i * 3 );
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        for (i = 0; i < 500 && ret; i++)
        {
            wsprintfW( name, L"x-%u", i );
            wsprintfW( expected, L"%u", i * 3 );
            len = sizeof(text);
            ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CUSTOM, name, text, &len, NULL );
            ret = ret && !lstrcmpW( text, expected );
        }
        ok( ret, "header %u is wrong\n", i );
        client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
}

/* More than 64 KiB: the documents name two codes. No more than that much may be taken from the server. */
static void test_head_over_the_limit_is_an_error(void)
{
    static char block[4097];
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nLong: " ), FLOOD( block, 16 << 20 ), END };
    struct server *server;
    struct client client;
    DWORD err;

    memset( block, 'v', sizeof(block) - 1 );
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        err = client_try( &client );
        ok( err == ERROR_WINHTTP_HEADER_SIZE_OVERFLOW || err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE, "got %lu\n", err );
    }
    client_close( &client );
    server_stop( server );
}

static void test_limit_of_the_head_is_an_option(void)
{
    char *value = long_line( 100000 );
    struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nLong: " ), SEND( value ),
                             SEND( "\r\nContent-Length: 2\r\n\r\nok" ), END };
    struct server *server = server_start( script );
    DWORD limit = 131072;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        BOOL ret = WinHttpSetOption( client.request, WINHTTP_OPTION_MAX_RESPONSE_HEADER_SIZE, &limit, sizeof(limit) );

        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (client_get( &client )) client_check_body( client.request, "ok" );
    }
    client_close( &client );
    server_stop( server );
    free( value );
}

START_TEST(receive)
{
    test_good_heads_are_taken();
    test_bad_heads_are_refused();
    test_equal_lengths();
    test_folded_line_is_no_header();
    test_end_of_connection_before_the_head();
    test_interim_responses_are_passed_over();
    test_flood_of_interim_responses_is_an_error();
    test_limit_of_interim_responses_is_an_option();
    test_long_header_arrives_whole();
    test_many_headers_arrive();
    test_head_over_the_limit_is_an_error();
    test_limit_of_the_head_is_an_option();
}
