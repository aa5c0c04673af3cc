/*
 * Response bodies: framing, reading, and bodies that break
 *
 * Rules: windows-behaviour.md sections 6 and 7 (S-7 to S-9, R-5 to R-14); security.md "Response splitting/smuggling".
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define HEAD_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* S-8: at the end both calls succeed with 0, as often as asked. */
static void check_end_( int line, HINTERNET request )
{
    unsigned int i;

    for (i = 0; i < 2; i++)
    {
        DWORD count = STALE;
        char byte;
        BOOL ret;

        SetLastError( STALE );
        ret = WinHttpQueryDataAvailable( request, &count );
        ok_( __FILE__, line )( ret && !GetLastError() && !count, "WinHttpQueryDataAvailable: %d, error %lu, %lu\n", ret,
                               GetLastError(), count );
        count = STALE;
        SetLastError( STALE );
        ret = WinHttpReadData( request, &byte, 1, &count );
        ok_( __FILE__, line )( ret && !GetLastError() && !count, "WinHttpReadData: %d, error %lu, %lu\n", ret,
                               GetLastError(), count );
    }
}
#define check_end( request ) check_end_( __LINE__, request )

struct framing
{
    const char *name;
    const WCHAR *verb;
    const char *reply, *body;
    BOOL close;             /* the end of the connection is the end of the body */
    const WCHAR *length;    /* what CONTENT_LENGTH reads, NULL: not found */
};

static const struct framing framings[] =
{
    { "length", L"GET", "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nfourteen bytes", "fourteen bytes", FALSE, L"14" },
    { "length 0", L"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", FALSE, L"0" },                 /* */
    { "close", L"GET", "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", TRUE, NULL },                      /* */
    { "close, empty", L"GET", "HTTP/1.1 200 OK\r\n\r\n", "", TRUE, NULL },
    { "HTTP/1.0", L"GET", "HTTP/1.0 200 OK\r\n\r\nold", "old", TRUE, NULL },
    { "chunked", L"GET", HEAD_CHUNKED "4\r\nWiki\r\n6\r\npedia \r\n1\r\n.\r\n0\r\n\r\n", "Wikipedia .", FALSE, NULL },
    { "chunked, empty", L"GET", HEAD_CHUNKED "0\r\n\r\n", "", FALSE, NULL },
    { "chunked, hex and zeros", L"GET", HEAD_CHUNKED "0000000A\r\n0123456789\r\nb\r\n0123456789a\r\n00\r\n\r\n",
      "01234567890123456789a", FALSE, NULL },
    { "chunked, extensions", L"GET", HEAD_CHUNKED "3;a=b\r\nabc\r\n2;q=\"x;y\"\r\nde\r\n0;last\r\n\r\n", "abcde",
      FALSE, NULL },
    { "chunked, trailers", L"GET", HEAD_CHUNKED "3\r\nabc\r\n0\r\nSum: 1\r\nMore: 2\r\n\r\n", "abc", FALSE, NULL },
    { "chunked, name in capitals", L"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      "x", FALSE, NULL },
    { "204", L"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", FALSE, NULL },                                   /* */
    { "304", L"GET", "HTTP/1.1 304 Not Modified\r\n\r\n", "", FALSE, NULL },                                 /* */
    { "304 with length", L"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", FALSE, L"5" },
    { "HEAD", L"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "", FALSE, L"100" },                /* */
    { "HEAD, chunked", L"HEAD", HEAD_CHUNKED, "", FALSE, NULL },
    { "error page", L"GET", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", "oops", FALSE, L"4" },
};

static void check_content_length( HINTERNET request, const WCHAR *expected )
{
    DWORD number = STALE, len = sizeof(number);
    WCHAR text[32];
    BOOL ret;

    if (!expected)
    {
        SetLastError( STALE );
        ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number,
                                   &len, NULL );
        ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
        ok( number == STALE, "the number was touched\n" );                                  /* */
        return;
    }
    len = sizeof(text);
    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_LENGTH, NULL, text, &len, NULL );
    ok( ret && !lstrcmpW( text, expected ), "got %d, error %lu\n", ret, GetLastError() );
}

/* Whole and one byte at a time, so that every border falls between two reads of the socket. */
static void check_framing( const struct framing *row, enum step_op send )
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), SHUT, HOLD, END };
    struct server *server;
    struct client client;

    script[2].op = send;
    script[2].data = row->reply;
    /* without `close` the connection stays open: nobody may wait for its end */
    if (!row->close) script[3].op = STEP_UNHURRIED;
    if (!(server = server_start( script ))) return;
    winetest_push_context( "%s%s", row->name, send == STEP_DRIP ? ", in drips" : "" );
    if (client_open( &client, server_port( server ), 0, row->verb, L"/" ) && client_get( &client ))
    {
        check_content_length( client.request, row->length );
        client_check_body( client.request, row->body );
        check_end( client.request );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

static void test_framings(void)
{
    unsigned int i;

    for (i = 0; i < count_of( framings ); i++)
    {
        check_framing( &framings[i], STEP_SEND );
        check_framing( &framings[i], STEP_DRIP );
    }
}

/* S-7: a read fills its buffer although the bytes come in pieces. */
static void test_read_fills_the_buffer(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" ), DRIP( "abcdefgh" ), DRIP( "ijkl" ),
        HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;
    char buffer[10];
    DWORD count = 0;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
        ok( ret && count == 10 && !memcmp( buffer, "abcdefghij", 10 ), "got %d, %lu bytes\n", ret, count );
        ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
        ok( ret && count == 2 && !memcmp( buffer, "kl", 2 ), "got %d, %lu bytes\n", ret, count );
        check_end( client.request );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* S-9: what was reported can be read. */
static void test_reported_bytes_can_be_read(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n\r\n" ), REPEAT( "12345678", 1098 ), END };
    struct server *server = server_start( script );
    struct client client;
    static char buffer[65536];
    DWORD total = 0, available, count;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        for (;;)
        {
            available = count = 0;
            ret = WinHttpQueryDataAvailable( client.request, &available );
            ok( ret && available <= sizeof(buffer), "got %d, error %lu, %lu bytes\n", ret, GetLastError(), available );
            if (!ret || !available || available > sizeof(buffer)) break;
            ret = WinHttpReadData( client.request, buffer, available, &count );
            ok( ret && count == available, "got %d, %lu of %lu bytes\n", ret, count, available );
            if (!ret || !count) break;
            total += count;
        }
        ok( total == 8784, "%lu bytes\n", total );
        check_end( client.request );
    }
    client_close( &client );
    server_stop( server );
}

/* a report stops at the end of a chunk. */
static void test_available_stops_at_the_chunk(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( HEAD_CHUNKED "46\r\n" ),
        SEND( "0123456789012345678901234567890123456789012345678901234567890123456789\r\n" ),
        SEND( "5\r\nabcde\r\n0\r\n\r\n" ), SIGNAL, HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;
    char buffer[128];
    DWORD count;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ) && server_wait( server ))
    {
        static const DWORD sizes[] = { 70, 5, 0 };
        unsigned int i;

        for (i = 0; i < count_of( sizes ); i++)
        {
            count = STALE;
            ret = WinHttpQueryDataAvailable( client.request, &count );
            ok( ret && count == sizes[i], "%u: got %d, %lu bytes, expected %lu\n", i, ret, count, sizes[i] );
            if (!ret || !count || count > sizeof(buffer)) break;
            ret = WinHttpReadData( client.request, buffer, count, &count );
            ok( ret && count == sizes[i], "%u: got %d, %lu bytes\n", i, ret, count );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

static void test_zero_sized_read(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" ), END };
    struct server *server = server_start( script );
    struct client client;
    char byte = 1;
    DWORD count = STALE;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        /* nothing asked, nothing read: that it succeeds is a choice; that no byte is lost is not */
        ret = WinHttpReadData( client.request, &byte, 0, &count );
        ok( ret ? !count : GetLastError() == ERROR_INVALID_PARAMETER, "got %d, %lu bytes, error %lu\n", ret, count,
            GetLastError() );
        ok( byte == 1, "a byte was written\n" );
        client_check_body( client.request, "abc" );
    }
    client_close( &client );
    server_stop( server );
}

/* 101 is the end of HTTP on that connection: no body, whatever the head says. */
static void test_switching_protocols_has_no_body(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n"
                            "Content-Length: 15\r\n\r\nother protocol." ), HOLD, END
    };
    struct server *server = server_start( script );
    struct client client;
    ULONGLONG number = 0;
    DWORD len = sizeof(number), count = STALE;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpAddRequestHeaders( client.request, L"Upgrade: other\r\nConnection: Upgrade", ~0u,
                                  WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 101, "status %lu\n", client_status( client.request ) );
            ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL,
                                       &number, &len, NULL );
            ok( ret && number == 15, "got %d, error %lu\n", ret, GetLastError() );
            ret = WinHttpQueryDataAvailable( client.request, &count );
            ok( ret && !count, "got %d, %lu bytes\n", ret, count );
        }
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* 64 MiB: enough that nothing holds it at once; more than 4 GiB only where time does not matter. */
static void check_large_body( const char *head, ULONGLONG count )
{
    static char block[65537];
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), REPEAT( block, 0 ), END };
    struct server *server;
    struct client client;
    ULONGLONG got;
    DWORD err;

    memset( block, 'x', sizeof(block) - 1 );
    script[2].data = head;
    script[3].count = count;
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        got = client_read( client.request, NULL, 0, &err );
        ok( !err && got == count * 65536, "error %lu after %lu MiB\n", err, (DWORD)(got >> 20) );
    }
    client_close( &client );
    server_stop( server );
}

static void test_large_bodies(void)
{
    check_large_body( "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n", 1024 );
    check_large_body( "HTTP/1.1 200 OK\r\n\r\n", 1024 );
    if (GetEnvironmentVariableA( "WINHTTP_TEST_SLOW", NULL, 0 ))
        check_large_body( "HTTP/1.1 200 OK\r\nContent-Length: 4295032832\r\n\r\n", 65537 );
    else skip( "more than 4 GiB are read only with WINHTTP_TEST_SLOW set\n" );
}

/* The number alone needs no gigabytes. */
static void test_length_over_4_gib_is_not_cut(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 4294967299\r\n\r\nabcdef" ), HOLD, END };
    struct server *server = server_start( script );
    struct client client;
    ULONGLONG number = 0;
    DWORD len = sizeof(number), count = 0;
    char buffer[6];
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER64, NULL,
                                   &number, &len, NULL );
        ok( ret && number == 4294967299ull, "got %d, error %lu\n", ret, GetLastError() );
        /* taken modulo 2^32 the body would end after three bytes */
        ret = WinHttpReadData( client.request, buffer, sizeof(buffer), &count );
        ok( ret && count == 6, "got %d, %lu bytes\n", ret, count );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
}

/* ---- bodies that break ---- */

struct broken_body
{
    const char *name, *reply;
    const char *prefix;       /* what may be read before the error */
    BOOL close;               /* the server ends the connection */
    DWORD errors[3];          /* accepted; the first one is preferred */
};

#define CUT { ERROR_WINHTTP_CONNECTION_ERROR, 0, 0 }
/* which of them is not known; none of them is success */
#define BAD_CHUNK { ERROR_WINHTTP_INVALID_SERVER_RESPONSE, ERROR_WINHTTP_CONNECTION_ERROR, \
                    ERROR_WINHTTP_CHUNKED_ENCODING_HEADER_SIZE_OVERFLOW }

static const struct broken_body broken_bodies[] =
{
    { "cut by length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc", TRUE, CUT },
    { "cut before the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "", TRUE, CUT },
    { "cut in a chunk", HEAD_CHUNKED "5\r\nabc", "abc", TRUE, CUT },
    { "cut between chunks", HEAD_CHUNKED "3\r\nabc\r\n", "abc", TRUE, CUT },
    { "cut in a chunk size", HEAD_CHUNKED "3\r\nabc\r\n1", "abc", TRUE, CUT },
    { "cut before the first chunk", HEAD_CHUNKED, "", TRUE, CUT },
    { "junk for a size", HEAD_CHUNKED "zz\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "no size", HEAD_CHUNKED "\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "negative size", HEAD_CHUNKED "-3\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "signed size", HEAD_CHUNKED "+3\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "0x size", HEAD_CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "size over 64 bits", HEAD_CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "size over 63 bits", HEAD_CHUNKED "8000000000000003\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "junk behind the size", HEAD_CHUNKED "3 x\r\nabc\r\n0\r\n\r\n", "", FALSE, BAD_CHUNK },
    { "junk behind the data", HEAD_CHUNKED "3\r\nabcXX0\r\n\r\n", "abc", FALSE, BAD_CHUNK },
};

static BOOL is_one_of( DWORD err, const DWORD *errors )
{
    unsigned int i;

    for (i = 0; i < 3; i++) if (errors[i] && err == errors[i]) return TRUE;
    return FALSE;
}

/* Each case: the error is reported, what came before may be delivered, nothing else is, and the connection is not used
 * again: the next request needs a new one although the server left this one open. */
static void test_broken_bodies_are_errors(void)
{
    unsigned int i;

    for (i = 0; i < count_of( broken_bodies ); i++)
    {
        const struct broken_body *row = &broken_bodies[i];
        struct step script[] =
            { ACCEPT, HEAD, SEND( NULL ), SHUT, ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), END };
        char buffer[64];
        struct server *server;
        struct client client;
        ULONGLONG got;
        DWORD err;

        script[2].data = row->reply;
        if (!row->close) script[3].op = STEP_UNHURRIED;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", row->name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            err = client_try( &client );
            got = 0;
            if (!err) got = client_read( client.request, buffer, sizeof(buffer), &err );
            ok( is_one_of( err, row->errors ), "got error %lu after %lu bytes\n", err, (DWORD)got );
            ok( got <= strlen( row->prefix ) && !memcmp( buffer, row->prefix, (size_t)got ), "got %lu wrong bytes\n",
                (DWORD)got );
            client_check_get( &client, "ok" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

static void test_reset_in_a_body(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" ), HOLD, RESET, END };
    static const struct step close_script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\n\r\nabc" ), HOLD, RESET, END };
    const struct step *const scripts[] = { script, close_script };
    unsigned int i;

    for (i = 0; i < count_of( scripts ); i++)
    {
        struct server *server = server_start( scripts[i] );
        struct client client;
        char buffer[16];
        DWORD err = 0;

        if (!server) return;
        if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
        {
            server_go( server );
            client_read( client.request, buffer, sizeof(buffer), &err );
            ok( err == ERROR_WINHTTP_CONNECTION_ERROR, "%u: got %lu\n", i, err );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* An extension that never ends, a chunk size line that never ends, trailers that never end. */
static void test_endless_chunk_lines_are_errors(void)
{
    static const char *const heads[] = { HEAD_CHUNKED "3;", HEAD_CHUNKED "0", HEAD_CHUNKED "0\r\nA: " };
    static char zeros[4097];
    unsigned int i;

    memset( zeros, '0', sizeof(zeros) - 1 );
    for (i = 0; i < count_of( heads ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), FLOOD( zeros, 4 << 20 ), END };
        struct server *server;
        struct client client;
        DWORD err;

        script[2].data = heads[i];
        if (!(server = server_start( script ))) return;
        if (client_open( &client, server_port( server ), 0, NULL, NULL ) && !(err = client_try( &client )))
        {
            client_read( client.request, NULL, 0, &err );
            ok( err == ERROR_WINHTTP_CHUNKED_ENCODING_HEADER_SIZE_OVERFLOW || err == ERROR_WINHTTP_HEADER_SIZE_OVERFLOW
                || err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || err == ERROR_WINHTTP_CONNECTION_ERROR,
                "%u: got %lu\n", i, err );
        }
        client_close( &client );
        server_stop( server );
    }
}

static void test_read_data_ex_returns_what_is_there(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc" ), HOLD, SEND( "def" ), END };
    /* found at run time, so that the program also starts on an older Windows */
    DWORD (WINAPI *read_ex)( HINTERNET, void *, DWORD, DWORD *, ULONGLONG, DWORD, void * ) =
        (void *)GetProcAddress( GetModuleHandleA( "winhttp.dll" ), "WinHttpReadDataEx" );
    struct server *server;
    struct client client;
    char buffer[16];
    DWORD err, count = 0;

    if (!read_ex)
    {
        win_skip( "WinHttpReadDataEx is missing\n" );
        return;
    }
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ) && client_get( &client ))
    {
        err = read_ex( client.request, buffer, sizeof(buffer), &count, 0, 0, NULL );
        ok( !err && count && count <= 3, "got %lu, %lu bytes\n", err, count );
        server_go( server );
        count = 0;
        err = read_ex( client.request, buffer, sizeof(buffer), &count, WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER, 0, NULL );
        ok( !err && count >= 3, "got %lu, %lu bytes\n", err, count );
        err = read_ex( client.request, buffer, sizeof(buffer), &count, 0, 0, NULL );
        ok( !err && !count, "got %lu, %lu bytes\n", err, count );
    }
    server_go( server );
    client_close( &client );
    server_stop( server );
    err = read_ex( NULL, buffer, 1, &count, 0, 0, NULL );
    ok( err == ERROR_INVALID_HANDLE, "got %lu\n", err );
}

struct redirect_body
{
    char text[16];
    DWORD len, err;
};

static void read_in_redirect( struct recorder *recorder, const struct event *event )
{
    struct redirect_body *body = recorder->hook_data;

    if (event->status != STATUS( REDIRECT )) return;
    body->err = WinHttpReadData( event->handle, body->text, sizeof(body->text), &body->len ) ? 0 : GetLastError();
}

/* The documents: "the application can read any data returned by the server with the redirect response". */
static void test_body_of_a_redirect_can_be_read_in_its_callback(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 5\r\n\r\nmoved" ),
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), END
    };
    struct recorder *recorder = recorder_create();
    struct server *server = server_start( script );
    struct client client = { NULL, NULL, NULL };
    struct redirect_body body = { "", 0, STALE };

    if (!server) return;
    recorder->hook_data = &body;
    recorder->hook = read_in_redirect;
    if (recorder_open( recorder, &client, server_port( server ), 0, L"GET", L"/" ) && client_get( &client ))
    {
        ok( !body.err && body.len == 5 && !memcmp( body.text, "moved", 5 ), "error %lu, %lu bytes\n", body.err, body.len );
        client_check_body( client.request, "ok" );
    }
    recorder_close( recorder, &client );
    recorder->hook = NULL;
    server_stop( server );
}

START_TEST(body)
{
    test_framings();
    test_read_fills_the_buffer();
    test_reported_bytes_can_be_read();
    test_available_stops_at_the_chunk();
    test_zero_sized_read();
    test_switching_protocols_has_no_body();
    test_large_bodies();
    test_length_over_4_gib_is_not_cut();
    test_broken_bodies_are_errors();
    test_reset_in_a_body();
    test_endless_chunk_lines_are_errors();
    test_read_data_ex_returns_what_is_there();
    test_body_of_a_redirect_can_be_read_in_its_callback();
}
