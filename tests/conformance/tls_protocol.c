/*
 * TLS: versions, ciphers, resumption, records, and handshakes that fail
 *
 * Rules: TL-1, TL-8, TL-20, TL-21, options.md SECURE_PROTOCOLS, errors.md section 3. What a peer does wrong in the
 * handshake fails the send; what it does wrong in a body fails the read; neither is ever a short body.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"

#define BIG_SIZE   (1 << 20)
#define SMALL_SIZE 16384

#define SSL3  WINHTTP_FLAG_SECURE_PROTOCOL_SSL3
#define TLS10 WINHTTP_FLAG_SECURE_PROTOCOL_TLS1
#define TLS11 WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1
#define TLS12 WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2
#define TLS13 WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3

/* Versions that Windows can be told not to know at all. */
#define OUTDATED (SSL3 | TLS10 | TLS11)

/* ---- versions ---- */

static const struct { const char *server; DWORD versions; } version_servers[] =
{
    { "tls13",    TLS13 },
    { "tls12",    TLS12 },
    { "tls11",    TLS11 },
    { "tls10",    TLS10 },
    { "tls10-12", TLS10 | TLS11 | TLS12 },
    { "good",     TLS12 | TLS13 },
};

static const struct { DWORD bit; const char *name; } version_names[] =
{
    { TLS13, "TLS1.3" },
    { TLS12, "TLS1.2" },
    { TLS11, "TLS1.1" },
    { TLS10, "TLS1.0" },
};

/* 0 is the default: 1.2 and 1.3, as in Windows 11. */
static const DWORD version_sets[] =
{
    0, TLS10, TLS11, TLS12, TLS13, TLS12 | TLS13, TLS10 | TLS11 | TLS12, TLS11 | TLS12, TLS10 | TLS11 | TLS12 | TLS13
};

static const char *best_version( DWORD versions )
{
    unsigned int i;

    for (i = 0; i < count_of( version_names ); i++) if (versions & version_names[i].bit) return version_names[i].name;
    return NULL;
}

static void test_versions_are_those_that_were_asked_for(void)
{
    unsigned int i, j;

    for (i = 0; i < count_of( version_servers ); i++)
    {
        for (j = 0; j < count_of( version_sets ); j++)
        {
            struct attempt attempt = { .server = version_servers[i].server, .protocols = version_sets[j] };
            DWORD common = version_servers[i].versions & (version_sets[j] ? version_sets[j] : TLS12 | TLS13);

            winetest_push_context( "%s, protocols %#lx", attempt.server, attempt.protocols );
            attempt_run( &attempt );
            if (!common) attempt_check_channel( &attempt );                                         /* TL-8 */
            else if (!(common & ~OUTDATED) && attempt.failed && broken( TRUE )) attempt_check_channel( &attempt );
            else if (attempt_check_good( &attempt ))
                ok( !strcmp( tls_value( attempt.body, "version" ), best_version( common ) ), "got %s\n",
                    tls_value( attempt.body, "version" ) );
            winetest_pop_context();
        }
    }
}

/* SSL 3 is gone from the library: refused when it is set, or by every server. */
static void test_ssl3_is_never_spoken(void)
{
    static const char *const servers[] = { "good", "ssl3" };
    DWORD protocols = SSL3;
    unsigned int i;
    BOOL ret;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i] };

        winetest_push_context( "%s", servers[i] );
        if (attempt_open( &attempt ))
        {
            SetLastError( 0xdeadbeef );
            ret = WinHttpSetOption( attempt.client.session, WINHTTP_OPTION_SECURE_PROTOCOLS, &protocols, sizeof(protocols) );
            if (!ret) ok( GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_NOT_SUPPORTED, "error %lu\n",
                          GetLastError() );
            else if (attempt_reopen( &attempt ))
            {
                attempt_send( &attempt );
                ok( attempt.failed == CALL_SEND, "call %u failed\n", attempt.failed );
                if (attempt.error != ERROR_NOT_SUPPORTED) attempt_check_channel( &attempt );        /* TL-8 */
            }
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* ---- ciphers and groups ---- */

static void test_ciphers_and_groups(void)
{
    static const struct { const char *server; BOOL common; } cases[] =
    {
        { "tls12-rsa", TRUE },
        { "tls12-cbc", TRUE },
        { "tls12-aes256", TRUE },
        { "tls13-aes256", TRUE },
        { "tls13-p384", TRUE },        /* by a HelloRetryRequest */
        { "tls12-camellia", FALSE },
        { "tls13-ccm", FALSE },
        { "tls13-ffdhe", FALSE },
    };
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = cases[i].server };

        winetest_push_context( "%s", cases[i].server );
        attempt_run( &attempt );
        if (cases[i].common) attempt_check_good( &attempt );
        else attempt_check_channel( &attempt );                                                     /* TL-8 */
        winetest_pop_context();
    }
}

/* ---- handshakes that are odd and good ---- */

static void test_odd_handshakes(void)
{
    static const char *const servers[] = { "cork", "drip-13", "drip-12", "warning", "alpn", "ask-13", "ask-12",
                                           "no-tickets-13", "no-tickets-12" };
    unsigned int i;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i] };

        winetest_push_context( "%s", servers[i] );
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        winetest_pop_context();
    }
}

/* A server that takes none of the protocols offered by ALPN says so; one that is offered none has no reason to. */
static void test_alpn(void)
{
    struct attempt attempt = { .server = "alpn" };
    const char *alpn;

    attempt_run( &attempt );
    if (attempt_check_good( &attempt ))
    {
        alpn = tls_value( attempt.body, "alpn" );
        ok( !strcmp( alpn, "http/1.1" ) || !*alpn, "took %s\n", alpn );      /* either: HTTP/1.1 needs no ALPN */
        attempt.server = "alpn-other";
        if (*alpn)
        {
            attempt_run( &attempt );
            attempt_check_channel( &attempt );                                                      /* TL-8 */
        }
        else
        {
            attempt_run( &attempt );
            attempt_check_good( &attempt );
        }
    }
}

static void test_name_is_sent_and_address_is_not(void)
{
    static const struct { const WCHAR *host; const char *name; } cases[] =
    {
        { NULL, "server.winhttp.test" },
        { TLS_ADDRESS, "" },
    };
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = "good", .host = cases[i].host };

        attempt_run( &attempt );
        if (attempt_check_good( &attempt ))
            ok( !strcmp( tls_value( attempt.body, "name" ), cases[i].name ), "sent \"%s\"\n", tls_value( attempt.body, "name" ) );
    }
}

/* ---- handshakes that fail ---- */

static void test_broken_handshakes(void)
{
    static const char *const servers[] =
    {
        "plain", "garbage", "alert", "long", "mute", "cut-hello", "cut-middle-13", "cut-middle-12", "cut-first-12",
        "cut-last-12", "cut-finished-12", "reset-hello", "reset-middle"
    };
    unsigned int i;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i], .ignore = i & 1 ? IGNORE_ALL : 0 };
        char text[512];

        winetest_push_context( "%s", servers[i] );
        attempt_run( &attempt );
        attempt_check_channel( &attempt );                                                          /* TL-8 */
        if (tls_state( servers[i], text, sizeof(text) ))
            ok( !strcmp( tls_value( text, "requests" ), "0" ), "%s requests\n", tls_value( text, "requests" ) );
        winetest_pop_context();
    }
}

static void test_broken_handshakes_asynchronously(void)
{
    static const char *const servers[] = { "plain", "alert", "cut-hello", "cut-middle-13", "reset-middle" };
    unsigned int i;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i], .open_flags = WINHTTP_FLAG_ASYNC };

        winetest_push_context( "%s", servers[i] );
        if (attempt_open( &attempt ))
        {
            attempt_send_async( &attempt );
            attempt_check_channel( &attempt );                                                      /* TL-8 */
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* A server that says nothing: the handshake is bounded by a timeout. */
static void test_silent_server_times_out(void)
{
    struct attempt attempt = { .server = "silent" };

    if (attempt_open( &attempt ))
    {
        WinHttpSetTimeouts( attempt.client.request, 1000, 1000, 1000, 1000 );
        attempt_send( &attempt );
        ok( attempt.failed == CALL_SEND, "call %u failed\n", attempt.failed );
        ok( attempt.error == ERROR_WINHTTP_TIMEOUT, "error %lu\n", attempt.error );                 /* TL-8 */
    }
    attempt_close( &attempt );
}

/* ---- records ---- */

static BOOL is_pattern( const char *data, DWORD len, ULONGLONG pos )
{
    DWORD i;

    for (i = 0; i < len; i++) if (data[i] != (char)('a' + (pos + i) % 26)) return FALSE;
    return TRUE;
}

static void check_big( struct attempt *attempt, DWORD block, ULONGLONG expected )
{
    static char buffer[65536];
    ULONGLONG total = 0;
    BOOL same = TRUE;
    DWORD count = 1;

    if (!attempt_open( attempt ) || !client_get( &attempt->client )) return;
    while (count)
    {
        BOOL ret = WinHttpReadData( attempt->client.request, buffer, block, &count );

        ok( ret, "WinHttpReadData failed with %lu after %lu bytes\n", GetLastError(), (DWORD)total );
        if (!ret) break;
        same = same && is_pattern( buffer, count, total );
        total += count;
    }
    ok( total == expected, "%lu bytes\n", (DWORD)total );
    ok( same, "they are not what was sent\n" );
}

static void test_records_of_all_sizes(void)
{
    static const struct { const char *server; const WCHAR *path; DWORD block; ULONGLONG size; } cases[] =
    {
        { "tls13", L"/big", 65536, BIG_SIZE },
        { "tls12", L"/big", 65536, BIG_SIZE },
        { "tls12-cbc", L"/big", 65536, BIG_SIZE },
        { "tls12-chacha", L"/big", 65536, BIG_SIZE },
        { "tls13", L"/big", 1000, BIG_SIZE },
        { "tls12", L"/big", 1000, BIG_SIZE },
        { "tls13", L"/small-records", 65536, SMALL_SIZE },
        { "tls12", L"/small-records", 65536, SMALL_SIZE },
        { "tls12-cbc", L"/small-records", 7, SMALL_SIZE },
        { "tls13", L"/padded", 65536, BIG_SIZE },
        { "tls13", L"/padded", 100, BIG_SIZE },
        { "tls13", L"/key-update", 65536, BIG_SIZE },
    };
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = cases[i].server, .path = cases[i].path };

        winetest_push_context( "%s%ls by %lu", cases[i].server, cases[i].path, cases[i].block );
        check_big( &attempt, cases[i].block, cases[i].size );
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

static void test_large_page_in_small_steps(void)
{
    struct attempt attempt = { .server = "tls12", .path = L"/big" };
    DWORD available = 0, count = 1, len = 0;
    ULONGLONG total = 0;
    char buffer[32];
    BOOL ret;

    if (attempt_open( &attempt ) && client_get( &attempt.client ))
    {
        SetLastError( 0xdeadbeef );
        ret = WinHttpQueryHeaders( attempt.client.request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, NULL, &len, NULL );
        ok( !ret && GetLastError() == ERROR_INSUFFICIENT_BUFFER && len, "got %d, error %lu, length %lu\n", ret,
            GetLastError(), len );                                                                  /* TL-21, Q-3 */
        ret = WinHttpQueryDataAvailable( attempt.client.request, &available );
        ok( ret && available > 2014, "got %d, %lu bytes\n", ret, available );                       /* TL-20 */
        while (count && WinHttpReadData( attempt.client.request, buffer, sizeof(buffer), &count )) total += count;
        ok( !count, "reading failed with %lu\n", GetLastError() );                                  /* TL-20 */
        ok( total == BIG_SIZE && total >= available, "%lu bytes\n", (DWORD)total );                      /* TL-20 */
    }
    attempt_close( &attempt );
}

/* ---- the end of a connection ---- */

/* Without close_notify nobody knows whether all of it came: a body that ends with the connection is then an error.
 * What has an end of its own is whole. Windows takes the end of the connection for the end of the body. */
static void test_ends_of_bodies(void)
{
    static const struct { const WCHAR *path; BOOL whole, lenient; } cases[] =
    {
        { L"/whole-length", TRUE, FALSE },
        { L"/whole-chunked", TRUE, FALSE },
        { L"/whole-close", TRUE, FALSE },
        { L"/cut-length", FALSE, FALSE },
        { L"/cut-chunked", FALSE, FALSE },
        { L"/cut-close", FALSE, TRUE },
        { L"/noticed-length", FALSE, FALSE },
        { L"/noticed-chunked", FALSE, FALSE },
    };
    static const char *const servers[] = { "tls13", "tls12", "tls12-cbc" };
    unsigned int i, j;

    for (i = 0; i < count_of( cases ); i++)
    {
        for (j = 0; j < count_of( servers ); j++)
        {
            struct attempt attempt = { .server = servers[j], .path = cases[i].path };

            winetest_push_context( "%s%ls", servers[j], cases[i].path );
            attempt_run( &attempt );
            if (cases[i].whole)
            {
                attempt_check_good( &attempt );
                ok( !strcmp( attempt.body, "whole" ), "got \"%s\"\n", attempt.body );
            }
            else if (!cases[i].lenient || !broken( attempt.failed == CALL_NONE ))
            {
                ok( attempt.failed == CALL_READ || attempt.failed == CALL_RECEIVE, "call %u failed, \"%s\"\n", attempt.failed,
                    attempt.body );
                ok( attempt.error == ERROR_WINHTTP_CONNECTION_ERROR || attempt.error == ERROR_WINHTTP_INVALID_SERVER_RESPONSE
                    || attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", attempt.error );
            }
            winetest_pop_context();
        }
    }
}

/* A head that is cut off, and an alert in its place. */
static void test_ends_instead_of_responses(void)
{
    static const WCHAR *const paths[] = { L"/cut-head", L"/alert" };
    static const char *const servers[] = { "tls13", "tls12" };
    unsigned int i, j;

    for (i = 0; i < count_of( paths ); i++)
    {
        for (j = 0; j < count_of( servers ); j++)
        {
            struct attempt attempt = { .server = servers[j], .path = paths[i] };

            winetest_push_context( "%s%ls", servers[j], paths[i] );
            attempt_run( &attempt );
            ok( attempt.failed == CALL_RECEIVE, "call %u failed, status %lu\n", attempt.failed, attempt.status );
            ok( attempt.error == ERROR_WINHTTP_CONNECTION_ERROR || attempt.error == ERROR_WINHTTP_INVALID_SERVER_RESPONSE
                || attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", attempt.error );
            winetest_pop_context();
        }
    }
}

/* ---- resumption ---- */

/* Connections of one session handle, each ended by the server. */
static void check_resumption( const char *server, BOOL resumes )
{
    struct attempt attempt = { .server = server, .path = L"/close" };
    unsigned int i;

    winetest_push_context( "%s", server );
    if (attempt_open( &attempt ))
    {
        for (i = 0; i < 3; i++)
        {
            if (i && !attempt_reopen( &attempt )) break;
            attempt_send( &attempt );
            if (!attempt_check_good( &attempt )) break;
            if (i) ok( !strcmp( tls_value( attempt.body, "resumed" ), resumes ? "1" : "0" )
                       || broken( resumes ), "connection %u: resumed is %s\n", i, tls_value( attempt.body, "resumed" ) );
        }
    }
    attempt_close( &attempt );
    winetest_pop_context();
}

static void test_sessions_are_resumed(void)
{
    check_resumption( "tickets-13", TRUE );
    check_resumption( "tickets-12", TRUE );
    check_resumption( "no-tickets-13", FALSE );
    check_resumption( "no-tickets-12", FALSE );
}

/* A session of TLS 1.2 is nothing that a program gets that asks for TLS 1.3 only. */
static void test_nothing_is_resumed_across_versions(void)
{
    struct attempt loose = { .server = "good", .path = L"/close", .protocols = TLS12 };
    struct attempt strict = { .server = "good", .path = L"/close", .protocols = TLS13 };

    attempt_run( &loose );
    attempt_check_good( &loose );
    attempt_run( &strict );
    if (attempt_check_good( &strict ))
        ok( !strcmp( tls_value( strict.body, "version" ), "TLS1.3" ), "got %s\n", tls_value( strict.body, "version" ) );
}

/* ---- renegotiation without a certificate ---- */

static void test_renegotiation(void)
{
    struct attempt attempt = { .server = "tls12", .path = L"/renegotiate" };

    attempt_run( &attempt );
    attempt_check_good( &attempt );
}

/* ---- other programs as servers ---- */

static void test_servers_of_other_programs(void)
{
    static const struct { const char *server; const WCHAR *host; } cases[] =
    {
        { "nginx", NULL },
        { "nginx", L"one.nginx.test" },
        { "nginx", L"two.nginx.test" },
        { "openssl-13", NULL },
        { "openssl-12", NULL },
        { "openssl-rsa", NULL },
    };
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = cases[i].server, .host = cases[i].host };

        if (!tls_has_server( cases[i].server ))
        {
            skip( "no server %s\n", cases[i].server );
            continue;
        }
        winetest_push_context( "%s%s%ls", cases[i].server, cases[i].host ? " for " : "", cases[i].host ? cases[i].host : L"" );
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        ok( attempt.body[0], "an empty body\n" );
        winetest_pop_context();
    }
}

/* nginx chooses its certificate by the name it is asked for; the one for other names does not do. */
static void test_certificate_follows_the_name(void)
{
    struct attempt attempt = { .server = "nginx", .host = L"three.nginx.test" };

    if (!tls_has_server( "nginx" ))
    {
        skip( "no nginx\n" );
        return;
    }
    attempt_run( &attempt );
    ok( attempt.failed == CALL_SEND && attempt.error == ERROR_WINHTTP_SECURE_FAILURE, "call %u, error %lu\n", attempt.failed,
        attempt.error );
    ok( attempt.bits == FAILURE( CERT_CN_INVALID ), "bits %#lx\n", attempt.bits );
}

/* options.md SECURE_PROTOCOLS: the machine's default, until the option is set. */
static void test_default_protocols_of_the_machine(void)
{
    static const WCHAR path[] = L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\WinHttp";
    static const WCHAR name[] = L"DefaultSecureProtocols";
    DWORD old, size = sizeof(old), value = TLS12;
    BOOL had;
    HKEY key;

    if (RegCreateKeyExW( HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_QUERY_VALUE | KEY_SET_VALUE, NULL, &key, NULL ))
    {
        skip( "the machine's settings cannot be written\n" );
        return;
    }
    had = !RegQueryValueExW( key, name, NULL, NULL, (BYTE *)&old, &size );
    if (!RegSetValueExW( key, name, 0, REG_DWORD, (BYTE *)&value, sizeof(value) ))
    {
        struct attempt asked = { .server = "good", .path = L"/", .protocols = TLS13 };
        struct attempt usual = { .server = "good", .path = L"/" };

        attempt_run( &usual );
        if (attempt_check_good( &usual ))
            ok( !strcmp( tls_value( usual.body, "version" ), "TLS1.2" )
                || broken( !strcmp( tls_value( usual.body, "version" ), "TLS1.3" ) ) /* read once per process */,
                "version %s\n", tls_value( usual.body, "version" ) );
        attempt_run( &asked );
        if (attempt_check_good( &asked ))
            ok( !strcmp( tls_value( asked.body, "version" ), "TLS1.3" ), "version %s\n", tls_value( asked.body, "version" ) );
    }
    if (had) RegSetValueExW( key, name, 0, REG_DWORD, (BYTE *)&old, sizeof(old) );
    else RegDeleteValueW( key, name );
    RegCloseKey( key );
}

START_TEST(tls_protocol)
{
    if (!tls_there()) return;
    test_versions_are_those_that_were_asked_for();
    test_ssl3_is_never_spoken();
    test_ciphers_and_groups();
    test_odd_handshakes();
    test_alpn();
    test_name_is_sent_and_address_is_not();
    test_broken_handshakes();
    test_broken_handshakes_asynchronously();
    test_silent_server_times_out();
    test_records_of_all_sizes();
    test_large_page_in_small_steps();
    test_ends_of_bodies();
    test_ends_instead_of_responses();
    test_sessions_are_resumed();
    test_nothing_is_resumed_across_versions();
    test_renegotiation();
    test_servers_of_other_programs();
    test_certificate_follows_the_name();
    test_default_protocols_of_the_machine();
}
