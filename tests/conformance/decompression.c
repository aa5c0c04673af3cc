/*
 * Content codings: WINHTTP_OPTION_DECOMPRESSION
 *
 * Rules: windows-behaviour.md R-15; options.md section 3.13, behaviour-concepts.md section 8. Which error a broken stream
 * gives, what "deflate" may be, and what becomes of several gzip members is not documented: what this suite demands there
 * is a choice, and anything else is accepted from Windows.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef
#define SETTINGS L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\WinHttp"

#define DOCUMENT "0 times: what a body says is not what its coding says. 1 times: what a body says is not what its coding says. " \
                 "2 times: what a body says is not what its coding says. 3 times: what a body says is not what its coding says. "

/* DOCUMENT, coded by zlib 1.2.13, brotli 1.0.9 and zstd 1.5.4 */
#define GZIP \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x33\x50\x28\xc9\xcc\x4d\x2d\xb6\x52\x28\xcf\x48\x2c\x51" \
    "\x48\x54\x48\xca\x4f\xa9\x54\x28\x4e\xac\x2c\x56\xc8\x2c\x56\xc8\xcb\x2f\x81\x88\x67\x96\x14\x2b" \
    "\x24\xe7\xa7\x64\xe6\xa5\x83\xe5\xf4\x14\x0c\xc9\xd3\x66\x44\x9e\x36\x63\xf2\xb4\x01\x00\x92\xf6" \
    "\x6b\xca\xdc\x00\x00\x00"

#define ZLIB \
    "\x78\xda\x33\x50\x28\xc9\xcc\x4d\x2d\xb6\x52\x28\xcf\x48\x2c\x51\x48\x54\x48\xca\x4f\xa9\x54\x28" \
    "\x4e\xac\x2c\x56\xc8\x2c\x56\xc8\xcb\x2f\x81\x88\x67\x96\x14\x2b\x24\xe7\xa7\x64\xe6\xa5\x83\xe5" \
    "\xf4\x14\x0c\xc9\xd3\x66\x44\x9e\x36\x63\xf2\xb4\x01\x00\xf8\x8e\x4c\x8f"

#define RAW \
    "\x33\x50\x28\xc9\xcc\x4d\x2d\xb6\x52\x28\xcf\x48\x2c\x51\x48\x54\x48\xca\x4f\xa9\x54\x28\x4e\xac" \
    "\x2c\x56\xc8\x2c\x56\xc8\xcb\x2f\x81\x88\x67\x96\x14\x2b\x24\xe7\xa7\x64\xe6\xa5\x83\xe5\xf4\x14" \
    "\x0c\xc9\xd3\x66\x44\x9e\x36\x63\xf2\xb4\x01\x00"

#define GZIP_LARGE \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xda\x8f\x6f\x0f\x07" \
    "\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\xfc\x18\xcd\x2a\xc8\xb3\xe0\x93\x04\x00"

#define GZIP_TWICE \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x93\xef\xe6\x60\x00\x01\x26\x66\xe3\x00\x8d\x93\x67\x7c" \
    "\x75\xb7\x05\x69\x9c\xf7\xd0\x09\xf4\x08\xf1\x38\xe5\xbf\x32\x44\xc3\x6f\x8d\x4e\xd8\x09\x20\x3a" \
    "\xad\xdf\xd8\x91\x3e\x4d\x44\x5b\xe5\xf9\xf2\x94\x67\x4b\x9b\x9f\x7e\x11\xe1\x39\x79\x39\xcd\x65" \
    "\x9e\x59\xf2\xa7\x2d\x8c\x0c\x93\xbe\x65\x9f\xba\x03\x34\x05\x00\xd7\xfd\x54\xb9\x4e\x00\x00\x00"

#define BROTLI \
    "\x1f\xdb\x00\x60\x04\xe2\x6c\xa9\x5e\x48\x06\x4d\xab\x82\x29\x3e\x3c\xa7\x1c\x00\x86\x1e\x86\x85" \
    "\x35\xbf\xda\x61\x03\x0e\x03\xbd\x81\x3f\x8a\xec\x64\x46\x90\x92\xb8\x4e\xbf\x7d\x17\xdc\xdc\xa7" \
    "\xe8\x6c\xf3\x20\x58\x0f\xe0\x80\x00"

#define ZSTD \
    "\x28\xb5\x2f\xfd\x04\x68\xed\x01\x00\xf2\xc2\x0a\x11\xb0\xeb\x87\x99\x96\x70\x71\x4c\xab\x93\xd4" \
    "\xd2\x76\x37\xe6\x11\x01\x64\x08\x03\xd5\x12\xe9\xf1\x37\x57\x9b\x9f\xfe\xc3\xfb\x21\x35\x46\x2f" \
    "\x2e\xe7\xf2\xc4\x72\x1d\x02\x05\x00\x03\xa7\x0c\x9c\x77\x5a\x9d\xf1\x53\x20\xec\x30\x9f\xf7\x6c" \
    "\x07\x83"

#define LARGE 300000    /* GZIP_LARGE is so many x */

/* ---- answers ---- */

enum framing { LENGTH, CHUNKED, CLOSED, BYTEWISE, CHUNKED_BYTEWISE };

struct reply
{
    char         data[4096];
    unsigned int len;
};

static void add( struct reply *reply, const void *data, unsigned int len )
{
    if (reply->len + len > sizeof(reply->data)) return;
    memcpy( reply->data + reply->len, data, len );
    reply->len += len;
}

/* An answer with these field lines (each with its CRLF) and this body. Chunks are of 20 bytes. */
static void make_reply( struct reply *reply, enum framing framing, const char *status, const char *fields, const char *body,
                        unsigned int len )
{
    unsigned int at, count;
    char line[64];

    reply->len = 0;
    add( reply, line, sprintf( line, "HTTP/1.1 %s\r\nX-Stays: yes\r\n", status ) );
    add( reply, fields, (unsigned int)strlen( fields ) );
    switch (framing)
    {
    case CHUNKED:
    case CHUNKED_BYTEWISE:
        add( reply, "Transfer-Encoding: chunked\r\n\r\n", 30 );
        for (at = 0; at < len; at += count)
        {
            count = len - at < 20 ? len - at : 20;
            add( reply, line, sprintf( line, "%x\r\n", count ) );
            add( reply, body + at, count );
            add( reply, "\r\n", 2 );
        }
        add( reply, "0\r\n\r\n", 5 );
        break;
    case CLOSED:
        add( reply, "Connection: close\r\n\r\n", 21 );
        add( reply, body, len );
        break;
    default:
        add( reply, line, sprintf( line, "Content-Length: %u\r\n\r\n", len ) );
        add( reply, body, len );
        break;
    }
}

static void fill_step( struct step *step, const struct reply *reply, enum framing framing )
{
    step->op   = framing == BYTEWISE || framing == CHUNKED_BYTEWISE ? STEP_DRIP : STEP_SEND;
    step->data = reply->data;
    step->len  = reply->len;
}

/* ---- the client ---- */

static BOOL set_decompression( HINTERNET handle, DWORD flags )
{
    BOOL ret = WinHttpSetOption( handle, WINHTTP_OPTION_DECOMPRESSION, &flags, sizeof(flags) );

    ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
    return ret;
}

/* A client whose requests are decoded. */
static BOOL open_decoding( struct client *client, struct server *server, DWORD open_flags )
{
    return client_open( client, server_port( server ), open_flags, L"GET", L"/" ) &&
           set_decompression( client->request, WINHTTP_DECOMPRESSION_FLAG_ALL );
}

static BOOL has_header( HINTERNET request, DWORD level )
{
    WCHAR text[256];
    DWORD len = sizeof(text);

    return WinHttpQueryHeaders( request, level, NULL, text, &len, NULL );
}

/* Neither of the two says anything about the body that the program gets: they are gone, also from the raw headers. */
static void check_hidden_( int line, HINTERNET request )
{
    static const DWORD raw[] = { WINHTTP_QUERY_RAW_HEADERS_CRLF, WINHTTP_QUERY_RAW_HEADERS };
    DWORD number = STALE, len = sizeof(number);
    unsigned int i, k;
    WCHAR text[1024];
    BOOL ret;

    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL, &number, &len, NULL );
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "length: got %d, error %lu\n", ret,
                           GetLastError() );                                                     /* */
    ok_( __FILE__, line )( number == STALE, "the number was touched\n" );                        /* */
    len = sizeof(text);
    SetLastError( STALE );
    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CONTENT_ENCODING, NULL, text, &len, NULL );
    ok_( __FILE__, line )( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "coding: got %d, error %lu\n", ret,
                           GetLastError() );
    for (i = 0; i < count_of( raw ); i++)
    {
        len = sizeof(text);
        ret = WinHttpQueryHeaders( request, raw[i], NULL, text, &len, NULL );
        ok_( __FILE__, line )( ret, "failed with %lu\n", GetLastError() );
        if (!ret) continue;
        for (k = 0; k < len / sizeof(WCHAR); k++) if (!text[k]) text[k] = '\n';
        ok_( __FILE__, line )( !wcsstr( text, L"Content-" ), "got %ls\n", text );
        ok_( __FILE__, line )( wcsstr( text, L"X-Stays: yes" ) != NULL, "got %ls\n", text );
    }
}
#define check_hidden( request ) check_hidden_( __LINE__, request )

/* The request names these codings, once; NULL: none. */
static void check_accepted_( int line, const char *request, const char *expected )
{
    const char *field = strstr( request, "\r\nAccept-Encoding: " );
    size_t len = expected ? strlen( expected ) : 0;

    if (!expected)
    {
        ok_( __FILE__, line )( !field, "%s", request );
        return;
    }
    ok_( __FILE__, line )( field && !strncmp( field + 19, expected, len ) && field[19 + len] == '\r', "no %s in %s", expected,
                           request );
    if (field) ok_( __FILE__, line )( !strstr( field + 2, "\r\nAccept-Encoding:" ), "twice: %s", request );
}
#define check_accepted( request, expected ) check_accepted_( __LINE__, request, expected )

/* ---- decoding ---- */

struct coded
{
    const char  *name;
    const char  *fields;
    const char  *body;
    unsigned int len;
    BOOL         choice;    /* Windows may see it otherwise */
};

#define CODED( name, fields, literal, choice ) { name, fields, literal, sizeof(literal) - 1, choice }

static const struct coded coded_bodies[] =
{
    CODED( "gzip", "Content-Encoding: gzip\r\n", GZIP, FALSE ),
    CODED( "in capitals", "CONTENT-ENCODING: GZIP\r\n", GZIP, TRUE ),
    CODED( "x-gzip", "Content-Encoding: x-gzip\r\n", GZIP, TRUE ),
    CODED( "deflate with its wrapper", "Content-Encoding: deflate\r\n", ZLIB, TRUE ),
    CODED( "deflate without one", "Content-Encoding: deflate\r\n", RAW, TRUE ),
    CODED( "two layers", "Content-Encoding: gzip, gzip\r\n", GZIP_TWICE, TRUE ),
};

/* */
static void test_bodies_are_decoded( const struct coded *coded, enum framing framing )
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END, END };
    struct server *server;
    struct client client;
    struct reply reply;
    char buffer[1024];
    ULONGLONG got;
    DWORD err, available;
    BOOL ret, right;

    make_reply( &reply, framing, "200 OK", coded->fields, coded->body, coded->len );
    fill_step( &script[2], &reply, framing );
    if (framing == CLOSED) script[3].op = STEP_CLOSE;
    if (!(server = server_start( script ))) return;
    winetest_push_context( "%s, framing %u", coded->name, framing );
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        WinHttpCloseHandle( client.request );
        set_decompression( client.session, WINHTTP_DECOMPRESSION_FLAG_ALL );
        if (client_reopen( &client, L"GET", L"/" ) && client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            got = client_read( client.request, buffer, sizeof(buffer), &err );
            right = !err && got == sizeof(DOCUMENT) - 1 && !memcmp( buffer, DOCUMENT, sizeof(DOCUMENT) - 1 );
            ok( right || broken( coded->choice ), "error %lu after %lu bytes\n", err, (DWORD)got );
            if (right)
            {
                check_hidden( client.request );
                available = STALE;
                ret = WinHttpQueryDataAvailable( client.request, &available );
                ok( ret && !available, "got %d, error %lu, %lu bytes\n", ret, GetLastError(), available );
            }
        }
        check_accepted( server_request( server, 0 ), "gzip, deflate" );
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

/* Much more than one buffer, from few bytes; read in pieces of every kind. */
static void test_a_large_body(void)
{
    static const DWORD sizes[] = { 1000, 4096, 65536, LARGE, LARGE + 1 };
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    char *buffer = malloc( LARGE + 1 );
    struct server *server;
    struct client client;
    struct reply reply;
    DWORD count, total, x;
    unsigned int i;
    BOOL ret, ask;

    make_reply( &reply, CHUNKED, "200 OK", "Content-Encoding: gzip\r\n", GZIP_LARGE, sizeof(GZIP_LARGE) - 1 );
    fill_step( &script[2], &reply, CHUNKED );
    for (i = 0; i < 2 * count_of( sizes ); i++)
    {
        if (!(server = server_start( script ))) break;
        winetest_push_context( "%u", i );
        ask = i & 1;
        if (open_decoding( &client, server, 0 ) && client_get( &client ))
        {
            for (total = 0;; total += count)
            {
                DWORD available = STALE;

                if (ask)
                {
                    ret = WinHttpQueryDataAvailable( client.request, &available );
                    ok( ret && available <= LARGE - total, "got %d, error %lu, %lu bytes\n", ret, GetLastError(), available );
                }
                count = 0;
                ret = WinHttpReadData( client.request, buffer, sizes[i / 2], &count );
                ok( ret, "failed with %lu after %lu bytes\n", GetLastError(), total );
                if (ask && sizes[i / 2] >= available) ok( count >= available, "%lu of %lu bytes\n", count, available );
                if (ask) ok( !available == !count, "%lu bytes were announced, %lu came\n", available, count );
                if (!ret || !count) break;
                for (x = 0; x < count && buffer[x] == 'x'; x++) ;
                ok( x == count, "another byte after %lu\n", total + x );
            }
            ok( total == LARGE, "%lu bytes\n", total );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
    free( buffer );
}

/* The connection is as good as before. */
static void test_the_connection_is_kept(void)
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( NULL ), HEAD, SEND( NULL ), HEAD, SEND( NULL ), END };
    static const enum framing framings[] = { LENGTH, CHUNKED, BYTEWISE, CHUNKED_BYTEWISE };
    struct reply replies[count_of( framings )];
    struct server *server;
    struct client client;
    unsigned int i;

    for (i = 0; i < count_of( framings ); i++)
    {
        make_reply( &replies[i], framings[i], "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
        fill_step( &script[2 + 2 * i], &replies[i], framings[i] );
    }
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, NULL, NULL ))
    {
        set_decompression( client.session, WINHTTP_DECOMPRESSION_FLAG_ALL );
        for (i = 0; i < count_of( framings ); i++) client_check_get( &client, DOCUMENT );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- what is left alone ---- */

/* The body as it came, its headers too, and nothing is asked for that was not. */
static void test_bodies_that_stay_as_they_are(void)
{
    static const struct
    {
        const char  *name;
        DWORD        flags;
        const char  *fields;
        const char  *accepted;
        const WCHAR *coding;      /* NULL: not there */
    }
    cases[] =
    {
        { "no decompression", 0, "Content-Encoding: gzip\r\n", NULL, L"gzip" },
        { "a coding that nobody knows", WINHTTP_DECOMPRESSION_FLAG_ALL, "Content-Encoding: x-test\r\n", "gzip, deflate", L"x-test" },
        { "a coding that was not asked for", WINHTTP_DECOMPRESSION_FLAG_DEFLATE, "Content-Encoding: gzip\r\n", "deflate", L"gzip" },
        { "not coded", WINHTTP_DECOMPRESSION_FLAG_ALL, "", "gzip, deflate", NULL },
    };
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    DWORD err, number, len;
    struct server *server;
    struct client client;
    struct reply reply;
    char buffer[1024];
    WCHAR text[64];
    ULONGLONG got;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( cases ); i++)
    {
        make_reply( &reply, LENGTH, "200 OK", cases[i].fields, GZIP, sizeof(GZIP) - 1 );
        fill_step( &script[2], &reply, LENGTH );
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%s", cases[i].name );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            if (cases[i].flags) set_decompression( client.request, cases[i].flags );
            if (client_get( &client ))
            {
                len = sizeof(number);
                number = STALE;
                ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL,
                                           &number, &len, NULL );
                ok( ret && number == sizeof(GZIP) - 1, "got %d, error %lu, length %lu\n", ret, GetLastError(), number );
                len = sizeof(text);
                ret = WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_ENCODING, NULL, text, &len, NULL );
                if (cases[i].coding) ok( ret && !lstrcmpW( text, cases[i].coding ), "got %d, error %lu\n", ret, GetLastError() );
                else ok( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret, GetLastError() );
                got = client_read( client.request, buffer, sizeof(buffer), &err );
                ok( !err && got == sizeof(GZIP) - 1 && !memcmp( buffer, GZIP, sizeof(GZIP) - 1 ), "error %lu, %lu bytes\n", err,
                    (DWORD)got );
            }
            check_accepted( server_request( server, 0 ), cases[i].accepted );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Nothing to decode, and no error. */
static void test_no_body(void)
{
    static const struct { const WCHAR *verb; const char *answer; BOOL coding_stays; } cases[] =
    {
        { L"HEAD", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n", TRUE },
        { L"GET", "HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n", TRUE },
        { L"GET", "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", TRUE },
        { L"GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", TRUE },
        { L"GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FALSE },
    };
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" ), END };
    DWORD available, number, len;
    struct server *server;
    struct client client;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( cases ); i++)
    {
        script[2].data = cases[i].answer;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%u", i );
        if (client_open( &client, server_port( server ), 0, cases[i].verb, L"/" ) &&
            set_decompression( client.request, WINHTTP_DECOMPRESSION_FLAG_ALL ) && client_get( &client ))
        {
            available = STALE;
            ret = WinHttpQueryDataAvailable( client.request, &available );
            ok( ret && !available, "got %d, error %lu, %lu bytes\n", ret, GetLastError(), available );
            client_check_body( client.request, "" );
            /* headers as they came where nothing is decoded: a choice */
            if (cases[i].coding_stays)
                ok( has_header( client.request, WINHTTP_QUERY_CONTENT_ENCODING ) || broken( TRUE ), "the coding is gone\n" );
            len = sizeof(number);
            if (!i) ok( WinHttpQueryHeaders( client.request, WINHTTP_QUERY_CONTENT_LENGTH | WINHTTP_QUERY_FLAG_NUMBER, NULL,
                                             &number, &len, NULL ) || broken( TRUE ), "the length is gone\n" );
            client_check_get( &client, "ok" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- Accept-Encoding ---- */

/* What the option says replaces what the program says. */
static void test_accepted_codings(void)
{
    static const struct { DWORD flags; const char *expected; } cases[] =
    {
        { WINHTTP_DECOMPRESSION_FLAG_ALL, "gzip, deflate" }, { WINHTTP_DECOMPRESSION_FLAG_GZIP, "gzip" },
        { WINHTTP_DECOMPRESSION_FLAG_DEFLATE, "deflate" }, { 0, "x-test, br" },
    };
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server;
    struct client client;
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%u", i );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
        {
            WinHttpAddRequestHeaders( client.request, L"Accept-Encoding: x-test, br", ~0u, WINHTTP_ADDREQ_FLAG_ADD );
            set_decompression( client.request, cases[i].flags );
            if (client_get( &client ))
                ok( has_header( client.request, WINHTTP_QUERY_ACCEPT_ENCODING | WINHTTP_QUERY_FLAG_REQUEST_HEADERS ) ||
                    broken( TRUE ), "it cannot be queried\n" );
            check_accepted( server_request( server, 0 ), cases[i].expected );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Each leg says it once; the body of the redirect is thrown away, the last one decoded. */
static void test_a_redirect(void)
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( NULL ), END };
    struct reply first, second;
    struct server *server;
    struct client client;

    make_reply( &first, LENGTH, "302 Found", "Location: /there\r\nContent-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
    make_reply( &second, CHUNKED, "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
    fill_step( &script[2], &first, LENGTH );
    fill_step( &script[4], &second, CHUNKED );
    if (!(server = server_start( script ))) return;
    if (open_decoding( &client, server, 0 ) && client_get( &client ))
    {
        client_check_body( client.request, DOCUMENT );
        check_hidden( client.request );
        check_accepted( server_request( server, 0 ), "gzip, deflate" );
        check_accepted( server_request( server, 1 ), "gzip, deflate" );
    }
    client_close( &client );
    server_stop( server );
}

/* An extension, off by default; Windows replaces the program's header. */
static void test_br_and_zstd_by_opt_in(void)
{
    static const struct { const WCHAR *header; const char *accepted, *fields, *body; unsigned int len; BOOL opt_in; } cases[] =
    {
        { L"Accept-Encoding: gzip, br;q=0.5", "gzip, br;q=0.5", "Content-Encoding: br\r\n", BROTLI, sizeof(BROTLI) - 1, TRUE },
        { L"Accept-Encoding: zstd", "zstd", "Content-Encoding: zstd\r\n", ZSTD, sizeof(ZSTD) - 1, TRUE },
        { L"Accept-Encoding: gzip, BR", "gzip, BR", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1, TRUE },
        { L"Accept-Encoding: brr, xbr", "gzip, deflate", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1, TRUE },
        { L"Accept-Encoding: br", "gzip, deflate", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1, FALSE },
    };
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    struct server *server;
    struct client client;
    struct reply reply;
    char buffer[1024];
    const char *request;
    DWORD err, on = 1;
    ULONGLONG got;
    unsigned int i;
    HKEY key;

    if (RegCreateKeyExW( HKEY_CURRENT_USER, SETTINGS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL ))
    {
        skip( "the registry cannot be written to\n" );
        return;
    }
    for (i = 0; i < count_of( cases ); i++)
    {
        if (cases[i].opt_in) RegSetValueExW( key, L"DecodeBrotliAndZstd", 0, REG_DWORD, (BYTE *)&on, sizeof(on) );
        else RegDeleteValueW( key, L"DecodeBrotliAndZstd" );
        make_reply( &reply, LENGTH, "200 OK", cases[i].fields, cases[i].body, cases[i].len );
        fill_step( &script[2], &reply, LENGTH );
        if (!(server = server_start( script ))) break;
        winetest_push_context( "%u", i );
        if (open_decoding( &client, server, 0 ) &&
            WinHttpAddRequestHeaders( client.request, cases[i].header, ~0u, WINHTTP_ADDREQ_FLAG_ADD ) && client_get( &client ))
        {
            request = server_request( server, 0 );
            if (broken( strcmp( cases[i].accepted, "gzip, deflate" ) && strstr( request, ": gzip, deflate\r\n" ) ))
                win_skip( "br and zstd are not decoded\n" );
            else
            {
                check_accepted( request, cases[i].accepted );
                got = client_read( client.request, buffer, sizeof(buffer), &err );
                ok( !err && got == sizeof(DOCUMENT) - 1 && !memcmp( buffer, DOCUMENT, sizeof(DOCUMENT) - 1 ), "error %lu, %lu bytes\n",
                    err, (DWORD)got );
                check_hidden( client.request );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
    RegDeleteValueW( key, L"DecodeBrotliAndZstd" );
    RegCloseKey( key );
}

/* ---- streams that are broken ---- */

/* What was good is delivered first, then the read that meets the fault fails. The code is a choice. */
static void test_broken_streams(void)
{
    static char corrupt[] = GZIP, extra[] = GZIP "more";
    static const struct { const char *name, *body; unsigned int len; } cases[] =
    {
        { "cut off", GZIP, sizeof(GZIP) - 4 }, { "the check sum is wrong", corrupt, sizeof(GZIP) - 1 },
        { "something behind the end", extra, sizeof(extra) - 1 }, { "no gzip at all", DOCUMENT, 40 },
    };
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    struct server *server;
    struct client client;
    struct reply reply;
    char buffer[1024];
    ULONGLONG got;
    unsigned int i;
    DWORD err;

    corrupt[sizeof(GZIP) - 7] ^= 1;
    for (i = 0; i < 2 * count_of( cases ); i++)
    {
        make_reply( &reply, i & 1 ? CHUNKED : LENGTH, "200 OK", "Content-Encoding: gzip\r\n", cases[i / 2].body, cases[i / 2].len );
        fill_step( &script[2], &reply, LENGTH );
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%u: %s", i, cases[i / 2].name );
        if (open_decoding( &client, server, 0 ) && client_get( &client ))
        {
            got = client_read( client.request, buffer, sizeof(buffer), &err );
            ok( err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || broken( TRUE ), "error %lu\n", err );
            ok( got == (i / 2 == 3 ? 0 : sizeof(DOCUMENT) - 1) || broken( TRUE ), "%lu bytes\n", (DWORD)got );
            ok( !memcmp( buffer, DOCUMENT, (size_t)(got < sizeof(DOCUMENT) - 1 ? got : sizeof(DOCUMENT) - 1) ) || broken( TRUE ),
                "other bytes\n" );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* ---- asynchronous ---- */

static void test_asynchronous( enum framing framing )
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct recorder *recorder = recorder_create();
    char buffer[1024], all[1024];
    struct server *server;
    struct client client;
    struct event event;
    struct reply reply;
    DWORD total = 0;

    make_reply( &reply, framing, "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
    fill_step( &script[2], &reply, framing );
    if (!(server = server_start( script ))) return;
    winetest_push_context( "framing %u", framing );
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ) &&
        set_decompression( client.request, WINHTTP_DECOMPRESSION_FLAG_ALL ) && recorder_get( recorder, &client, NULL, NULL ))
    {
        check_hidden( client.request );
        for (;;)
        {
            if (!query_marked( recorder, &client, &event )) break;
            if (!event.value) break;
            if (!read_marked( recorder, &client, buffer, 50, &event )) break;
            ok( event.info_len && event.info_len <= 50 && total + event.info_len < sizeof(all), "%lu bytes\n", event.info_len );
            if (!event.info_len || event.info_len > sizeof(all) - total) break;
            memcpy( all + total, buffer, event.info_len );
            total += event.info_len;
        }
        ok( total == sizeof(DOCUMENT) - 1 && !memcmp( all, DOCUMENT, total ), "%lu bytes\n", total );
        if (read_marked( recorder, &client, buffer, 50, &event )) ok( !event.info_len, "%lu bytes\n", event.info_len );
        WinHttpCloseHandle( client.request );
        client.request = NULL;
        /* and the connection is free */
        if (client_reopen( &client, L"GET", L"/again" )) recorder_get( recorder, &client, NULL, NULL );
    }
    client_close( &client );
    server_stop( server );
    winetest_pop_context();
}

static void test_asynchronous_error(void)
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    struct recorder *recorder = recorder_create();
    struct server *server;
    struct client client;
    struct event event;
    struct reply reply;
    char buffer[1024];
    unsigned int i;

    make_reply( &reply, LENGTH, "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 4 );
    fill_step( &script[2], &reply, LENGTH );
    if (!(server = server_start( script ))) return;
    if (recorder_open( recorder, &client, server_port( server ), WINHTTP_FLAG_ASYNC, L"GET", L"/" ) &&
        set_decompression( client.request, WINHTTP_DECOMPRESSION_FLAG_ALL ) && recorder_get( recorder, &client, NULL, NULL ))
    {
        for (i = 0; i < 3; i++)    /* the good bytes, which may come in two reads, then the error */
        {
            SetLastError( STALE );
            if (!WinHttpReadData( client.request, buffer, sizeof(buffer), NULL ))
            {
                ok( GetLastError() == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || broken( TRUE ), "error %lu\n", GetLastError() );
                break;
            }
            if (!recorder_wait( recorder, STATUS( READ_COMPLETE ) | STATUS( REQUEST_ERROR ), &event )) break;
            if (event.status != STATUS( REQUEST_ERROR ))
            {
                ok( event.info_len || broken( TRUE ), "an end instead of an error\n" );
                continue;
            }
            ok( event.result == API_READ_DATA, "got %lu\n", (DWORD)event.result );
            ok( event.error == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || broken( TRUE ), "error %lu\n", event.error );
            break;
        }
        ok( i > 0 && i < 3, "%u reads succeeded\n", i );
    }
    client_close( &client );
    server_stop( server );
}

/* ---- WinHttpReadDataEx ---- */

static void test_read_data_ex(void)
{
    DWORD (WINAPI *read_ex)( HINTERNET, LPVOID, DWORD, LPDWORD, ULONGLONG, DWORD, PVOID ) =
        (void *)GetProcAddress( GetModuleHandleA( "winhttp.dll" ), "WinHttpReadDataEx" );
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    DWORD count, total, err = 0;
    struct server *server;
    struct client client;
    struct reply reply;
    char buffer[1024];
    unsigned int fill;

    if (!read_ex)
    {
        win_skip( "WinHttpReadDataEx is missing\n" );
        return;
    }
    make_reply( &reply, CHUNKED_BYTEWISE, "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
    fill_step( &script[2], &reply, CHUNKED_BYTEWISE );
    for (fill = 0; fill < 2; fill++)
    {
        if (!(server = server_start( script ))) return;
        if (open_decoding( &client, server, 0 ) && client_get( &client ))
        {
            for (total = 0;; total += count)
            {
                count = 0;
                err = read_ex( client.request, buffer + total, 100, &count, fill ? WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER : 0, 0,
                               NULL );
                if (err || !count || total + count > sizeof(buffer) - 100) break;
                if (fill && total < 200) ok( count == 100, "%lu bytes\n", count );
            }
            ok( !err && total == sizeof(DOCUMENT) - 1 && !memcmp( buffer, DOCUMENT, total ), "error %lu, %lu bytes\n", err, total );
        }
        client_close( &client );
        server_stop( server );
    }
}

/* ---- numbers ---- */

static void test_statistics(void)
{
    struct step script[] = { ACCEPT, HEAD, SEND( NULL ), END };
    WINHTTP_REQUEST_STATS stats;
    struct server *server;
    struct client client;
    struct reply reply;
    DWORD len = sizeof(stats);
    BOOL ret;

    make_reply( &reply, LENGTH, "200 OK", "Content-Encoding: gzip\r\n", GZIP, sizeof(GZIP) - 1 );
    fill_step( &script[2], &reply, LENGTH );
    if (!(server = server_start( script ))) return;
    if (open_decoding( &client, server, 0 ) && client_get( &client ))
    {
        client_check_body( client.request, DOCUMENT );
        memset( &stats, 0, sizeof(stats) );
        stats.cStats = WinHttpRequestStatLast;
        ret = WinHttpQueryOption( client.request, WINHTTP_OPTION_REQUEST_STATS, &stats, &len );
        if (!ret) win_skip( "WINHTTP_OPTION_REQUEST_STATS: %lu\n", GetLastError() );
        else
        {
            /* which is which is not documented beyond the names */
            ok( stats.rgullStats[WinHttpResponseBodySize] == sizeof(DOCUMENT) - 1 || broken( TRUE ), "%lu bytes\n",
                (DWORD)stats.rgullStats[WinHttpResponseBodySize] );
            ok( stats.rgullStats[WinHttpResponseBodyCompressedSize] == sizeof(GZIP) - 1 || broken( TRUE ), "%lu bytes\n",
                (DWORD)stats.rgullStats[WinHttpResponseBodyCompressedSize] );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* Windows 8.1 and newer. */
static BOOL decompression_exists(void)
{
    HINTERNET session = WinHttpOpen( L"winhttp test", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    DWORD flags = WINHTTP_DECOMPRESSION_FLAG_ALL;
    BOOL ret = WinHttpSetOption( session, WINHTTP_OPTION_DECOMPRESSION, &flags, sizeof(flags) );

    WinHttpCloseHandle( session );
    return ret;
}

START_TEST(decompression)
{
    unsigned int i;

    if (!decompression_exists())
    {
        win_skip( "there is no decompression\n" );
        return;
    }
    for (i = 0; i < count_of( coded_bodies ); i++)
    {
        test_bodies_are_decoded( &coded_bodies[i], LENGTH );
        test_bodies_are_decoded( &coded_bodies[i], CHUNKED );
        test_bodies_are_decoded( &coded_bodies[i], CLOSED );
        test_bodies_are_decoded( &coded_bodies[i], BYTEWISE );
        test_bodies_are_decoded( &coded_bodies[i], CHUNKED_BYTEWISE );
    }
    test_a_large_body();
    test_the_connection_is_kept();
    test_bodies_that_stay_as_they_are();
    test_no_body();
    test_accepted_codings();
    test_a_redirect();
    test_br_and_zstd_by_opt_in();
    test_broken_streams();
    test_asynchronous( LENGTH );
    test_asynchronous( CHUNKED );
    test_asynchronous( BYTEWISE );
    test_asynchronous( CHUNKED_BYTEWISE );
    test_asynchronous_error();
    test_read_data_ex();
    test_statistics();
}
