/*
 * TLS: which server certificates are accepted, and what a program is told about those that are not
 *
 * Rules: errors.md section 3 and behaviour-concepts.md section 5 (bits, and which flag ignores which), TL-8. Each row is
 * a server of tests/fixtures/tls. It is tried as it is, with each SECURITY_FLAG_IGNORE_* alone, and with all four: what
 * remains has to be exactly what was not ignored.
 *
 * Where Windows is known to look away that must not be copied, or nothing is known, the row says so: a choice.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"

#define CA      FAILURE( INVALID_CA )
#define NAME    FAILURE( CERT_CN_INVALID )
#define DATE    FAILURE( CERT_DATE_INVALID )
#define USAGE   FAILURE( CERT_WRONG_USAGE )
#define INVALID FAILURE( INVALID_CERT )
#define REVOKED FAILURE( CERT_REVOKED )
#define LOST    FAILURE( CERT_REV_FAILED )

#define WEAK_SIGNATURE 0x00010000    /* SECURITY_FLAG_IGNORE_WEAK_SIGNATURE, which winhttp.h has not */

enum
{
    LENIENT  = 1,    /* Windows may accept it; a choice */
    CHANNEL  = 2     /* may also fail as a handshake does: the TLS library itself does not take it */
};

struct row
{
    const char  *server;
    const WCHAR *host;     /* NULL: the usual name */
    DWORD        bits;     /* 0: accepted */
    DWORD        may;      /* bits that may be there as well */
    unsigned int flags;
};

static const struct row rows[] =
{
    { "good",                NULL, 0, 0, 0 },
    { "good",                TLS_ADDRESS, 0, 0, 0 },
    { "good",                L"SERVER.WinHTTP.Test", 0, 0, 0 },
    { "good",                L"server.winhttp.test.", 0, NAME, LENIENT },      /* either: the same host, or another name */
    { "good",                L"x.server.winhttp.test", NAME, 0, 0 },
    { "good",                L"winhttp.test", NAME, 0, 0 },
    { "good",                L"server", NAME, 0, 0 },
    { "p384",                NULL, 0, 0, 0 },
    { "p521",                NULL, 0, 0, 0 },
    { "ed25519",             NULL, 0, 0, LENIENT | CHANNEL },                   /* Schannel does not offer it */
    { "rsa",                 NULL, 0, 0, 0 },
    { "by-rsa",              NULL, 0, 0, 0 },
    { "sha384",              NULL, 0, 0, 0 },
    { "v1",                  NULL, 0, 0, 0 },
    { "far",                 NULL, 0, 0, 0 },
    { "ca-leaf",             NULL, 0, 0, 0 },
    { "short",               NULL, 0, 0, 0 },

    { "chained",             NULL, 0, 0, 0 },
    { "chained3",            NULL, 0, 0, 0 },
    { "chained-root",        NULL, 0, 0, 0 },
    { "chained-mixed",       NULL, 0, 0, 0 },
    { "chained-surplus",     NULL, 0, 0, 0 },
    { "chained-big",         NULL, 0, 0, 0 },
    { "chained-astray",      NULL, 0, 0, 0 },
    { "good-astray",         NULL, 0, 0, 0 },
    { "chained-missing",     NULL, CA, 0, 0 },
    { "self-trusted",        NULL, 0, 0, 0 },

    { "expired",             NULL, DATE, 0, 0 },
    { "expired-just",        NULL, DATE, 0, 0 },
    { "not-yet",             NULL, DATE, 0, 0 },
    { "inverted",            NULL, DATE, 0, 0 },
    { "under-expired",       NULL, DATE, 0, 0 },
    { "under-expired-root",  NULL, DATE, 0, 0 },

    { "unknown-ca",          NULL, CA, 0, 0 },
    { "unknown-ca-sent",     NULL, CA, 0, 0 },
    { "unknown-short",       NULL, CA, 0, 0 },
    { "self-signed",         NULL, CA, 0, 0 },
    { "self-signed-ca",      NULL, CA, 0, 0 },
    /* the signature does not fit the authority of that name: a chain that ends nowhere, or a bad signature */
    { "forged-sent",         NULL, CA, INVALID, 0 },

    { "client-only",         NULL, USAGE, 0, 0 },
    { "code-signing",        NULL, USAGE, 0, 0 },
    { "under-client",        NULL, USAGE, 0, 0 },
    { "no-purpose",          NULL, 0, 0, 0 },
    { "any-purpose",         NULL, 0, 0, 0 },
    { "two-purposes",        NULL, 0, 0, 0 },

    /* none of these can be ignored: errors.md, constraint violation */
    { "under-not-ca",        NULL, INVALID, CA, 0 },
    { "under-v1",            NULL, INVALID, CA, 0 },
    { "under-no-issue",      NULL, INVALID, CA | USAGE, 0 },
    { "under-beyond",        NULL, INVALID, CA, 0 },
    { "under-permitted",     NULL, 0, 0, 0 },
    { "under-permitted",     TLS_ADDRESS, 0, INVALID, LENIENT },     /* constraints on names say nothing about addresses */
    { "under-not-permitted", L"elsewhere.test", INVALID, 0, 0 },
    { "under-excluded",      NULL, INVALID, 0, 0 },
    { "critical",            NULL, INVALID, 0, 0 },
    { "bad-signature",       NULL, INVALID, CA, CHANNEL },
    { "wrong-key",           NULL, INVALID, CA, CHANNEL },
    { "forged",              NULL, INVALID, CA, CHANNEL },
    { "twice",               NULL, INVALID, 0, CHANNEL | LENIENT },
    { "truncated",           NULL, INVALID, CA | NAME | DATE | USAGE, CHANNEL },
    { "wrong-usage",         NULL, INVALID, USAGE, CHANNEL | LENIENT },
    /* Windows judges algorithms of public roots only */
    { "sha1",                NULL, INVALID, 0, LENIENT },
    { "md5",                 NULL, INVALID, 0, LENIENT },
    { "rsa512",              NULL, INVALID, 0, CHANNEL },
    { "rsa1024",             NULL, 0, INVALID, LENIENT },            /* accepted from private roots, until it is not */

    { "wrong-name",          NULL, NAME, 0, 0 },
    { "wrong-name",          L"other.winhttp.test", 0, 0, 0 },
    { "wrong-name",          TLS_ADDRESS, NAME, 0, 0 },
    { "no-names",            NULL, NAME, 0, 0 },
    { "cn-only",             NULL, 0, 0, 0 },
    { "cn-ignored",          NULL, NAME, 0, 0 },
    { "address-in-cn",       TLS_ADDRESS, NAME, 0, LENIENT },
    { "address-as-dns",      TLS_ADDRESS, NAME, 0, LENIENT },
    { "address-only",        TLS_ADDRESS, 0, 0, 0 },
    { "address-only",        NULL, NAME, 0, 0 },
    { "address-v6",          TLS_ADDRESS, NAME, 0, 0 },
    { "address-other",       TLS_ADDRESS, NAME, 0, 0 },
    { "wild",                L"a.wild.test", 0, 0, 0 },
    { "wild",                L"A.WILD.test", 0, 0, 0 },
    { "wild",                L"a.b.wild.test", NAME, 0, 0 },
    { "wild",                L"wild.test", NAME, 0, 0 },
    { "wild",                L"awild.test", NAME, 0, 0 },
    { "wild-cn",             L"a.wild.test", 0, 0, 0 },
    { "wild-cn",             L"a.b.wild.test", NAME, 0, 0 },
    { "wild-part",           L"web.wild.test", NAME, 0, LENIENT },
    { "wild-part",           L"a.wild.test", NAME, 0, 0 },
    { "wild-inner",          L"a.b.wild.test", NAME, 0, 0 },
    { "wild-top",            L"wild.test", NAME, 0, LENIENT },
    { "wild-all",            L"wild", NAME, 0, LENIENT },
    { "wild-all",            L"a.wild.test", NAME, 0, 0 },
    { "wild-address",        TLS_ADDRESS, NAME, 0, 0 },
    { "idn",                 L"b\x00fc" L"cher.test", 0, 0, 0 },
    { "idn",                 L"xn--bcher-kva.test", 0, 0, 0 },
    { "idn",                 L"bucher.test", NAME, 0, 0 },
    { "idn-wild",            L"a.b\x00fc" L"cher.test", 0, 0, 0 },
    { "idn-wild",            L"b\x00fc" L"cher.test", NAME, 0, 0 },
    { "nul",                 NULL, NAME, INVALID, CHANNEL },
    { "many-names",          NULL, 0, 0, 0 },
    { "many-names",          L"c.test", 0, 0, 0 },
    { "many-names",          TLS_ADDRESS, NAME, 0, 0 },

    { "expired-wrong-name",  NULL, DATE | NAME, 0, 0 },
    { "expired-client-only", NULL, DATE | USAGE, 0, 0 },
    { "unknown-wrong-name",  NULL, CA | NAME, 0, 0 },
    { "unknown-expired",     NULL, CA | DATE, 0, 0 },
    { "self-signed-expired", NULL, CA | DATE, 0, 0 },
    { "all-four",            NULL, CA | NAME | DATE | USAGE, 0, 0 },
    { "weak-expired-name",   NULL, INVALID | NAME | DATE, 0, LENIENT },
    { "critical-all-four",   NULL, INVALID | CA | NAME | DATE | USAGE, 0, 0 },
};

static const struct { DWORD flag, bits; } ignores[] =
{
    { 0, 0 },
    { IGNORE_CA, CA },
    { IGNORE_NAME, NAME },
    { IGNORE_DATE, DATE },
    { IGNORE_USAGE, USAGE },
    { IGNORE_ALL, CA | NAME | DATE | USAGE },
};

/* What Windows may do with a row that is a choice of ours: take the certificate, or at least some of its faults. */
static BOOL windows_differs( const struct row *row, const struct attempt *attempt )
{
    return row->flags & LENIENT && broken( attempt->failed == CALL_NONE || !(attempt->bits & ~(row->bits | row->may)) );
}

static BOOL is_channel( const struct attempt *attempt )
{
    return attempt->bits == FAILURE_CHANNEL || !attempt->notices || !attempt->bits;
}

static void check_refused( const struct row *row, const struct attempt *attempt, DWORD bits, DWORD may )
{
    if (windows_differs( row, attempt )) return;
    ok( attempt->failed == CALL_SEND, "call %u failed, error %lu, status %lu\n", attempt->failed, attempt->error, attempt->status );
    if (attempt->failed != CALL_SEND) return;
    if (row->flags & CHANNEL && is_channel( attempt )) attempt_check_channel( attempt );
    else
    {
        ok( attempt->error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", attempt->error );
        ok( attempt->notices == 1, "%u notices\n", attempt->notices );
        ok( (attempt->bits & ~may) == bits, "bits %#lx, expected %#lx\n", attempt->bits, bits );
    }
}

static void check_row( const struct row *row, const struct attempt *attempt )
{
    DWORD ignored = 0;
    unsigned int i;

    for (i = 0; i < count_of( ignores ); i++) if (ignores[i].flag == attempt->ignore) ignored = ignores[i].bits;
    if (row->bits & ~ignored) check_refused( row, attempt, row->bits & ~ignored, row->may & ~ignored );
    else if (attempt->failed != CALL_NONE && windows_differs( row, attempt )) return;
    /* where a fault may be reported in two ways, ignoring one of them need not be enough */
    else if (attempt->failed == CALL_SEND && row->bits && row->may & ~ignored) check_refused( row, attempt, 0, row->may );
    else if (attempt_check_good( attempt ) && !row->host) /* the server has seen the name: SNI */
        ok( !strcmp( tls_value( attempt->body, "name" ), "server.winhttp.test" ), "asked for %s\n",
            tls_value( attempt->body, "name" ) );
}

static void push_row( const struct row *row, DWORD flags )
{
    winetest_push_context( "%s%s%ls, ignoring %#lx", row->server, row->host ? " for " : "", row->host ? row->host : L"", flags );
}

static void test_each_row_with_each_flag(void)
{
    unsigned int i, j;

    for (i = 0; i < count_of( rows ); i++)
    {
        for (j = 0; j < count_of( ignores ); j++)
        {
            struct attempt attempt = { .server = rows[i].server, .host = rows[i].host, .ignore = ignores[j].flag };

            push_row( &rows[i], attempt.ignore );
            attempt_run( &attempt );
            check_row( &rows[i], &attempt );
            winetest_pop_context();
        }
    }
}

/* Asynchronous: SECURE_FAILURE comes first, then REQUEST_ERROR with the same code. */
static void test_each_row_asynchronously(void)
{
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct attempt attempt = { .server = rows[i].server, .host = rows[i].host, .open_flags = WINHTTP_FLAG_ASYNC };
        int failure, error;

        push_row( &rows[i], 0 );
        if (attempt_open( &attempt ))
        {
            attempt_send_async( &attempt );
            if (rows[i].bits) check_refused( &rows[i], &attempt, rows[i].bits, rows[i].may );
            else ok( attempt.failed == CALL_NONE || windows_differs( &rows[i], &attempt ), "error %lu, bits %#lx\n",
                     attempt.error, attempt.bits );
            failure = recorder_find( attempt.recorder, STATUS( SECURE_FAILURE ), 0 );
            error = recorder_find( attempt.recorder, STATUS( REQUEST_ERROR ), 0 );
            if (attempt.notices) ok( failure < error, "SECURE_FAILURE is event %d, REQUEST_ERROR %d\n", failure, error );
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

/* Nothing of the request reaches a server that was turned down. */
static void test_no_request_to_a_refused_server(void)
{
    unsigned int i, before, after;
    char text[512];

    for (i = 0; i < count_of( rows ); i++)
    {
        struct attempt attempt = { .server = rows[i].server, .host = rows[i].host };

        if (!rows[i].bits || rows[i].flags & LENIENT) continue;
        push_row( &rows[i], 0 );
        attempt_run( &attempt );
        if (tls_state( rows[i].server, text, sizeof(text) ))
        {
            before = atoi( tls_value( text, "requests" ) );
            attempt_run( &attempt );
            tls_state( rows[i].server, text, sizeof(text) );
            after = atoi( tls_value( text, "requests" ) );
            ok( before == after, "%u requests have arrived\n", after - before );
        }
        winetest_pop_context();
    }
}

/* A flag relaxes what it says, with nothing else: also with connections and sessions that an earlier request with
 * more flags has left. security.md, first fault. */
static void test_nothing_is_reused_across_flags(void)
{
    static const struct { const char *server; DWORD ignore, bits; } cases[] =
    {
        { "tickets-self", IGNORE_CA, CA },
        { "expired", IGNORE_DATE, DATE },
        { "wrong-name", IGNORE_NAME, NAME },
        { "client-only", IGNORE_USAGE, USAGE },
        { "all-four", IGNORE_ALL, CA | NAME | DATE | USAGE },
    };
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt loose = { .server = cases[i].server, .ignore = cases[i].ignore };

        winetest_push_context( "%s", cases[i].server );
        if (attempt_open( &loose ))
        {
            attempt_send( &loose );
            attempt_check_good( &loose );
            /* the same session and server; the connection is still there */
            loose.ignore = 0;
            recorder_reset( loose.recorder );
            if (attempt_reopen( &loose ))
            {
                attempt_send( &loose );
                ok( loose.failed == CALL_SEND && loose.error == ERROR_WINHTTP_SECURE_FAILURE, "call %u failed, error %lu\n",
                    loose.failed, loose.error );
                ok( loose.bits == cases[i].bits, "bits %#lx\n", loose.bits );
            }
        }
        attempt_close( &loose );
        winetest_pop_context();
    }
}

/* Weak signatures have a flag of their own, which no other does the work of. */
static void test_weak_signature_flag(void)
{
    static const char *const servers[] = { "sha1", "md5" };
    unsigned int i;

    for (i = 0; i < count_of( servers ); i++)
    {
        struct attempt attempt = { .server = servers[i], .ignore = WEAK_SIGNATURE };

        winetest_push_context( "%s", servers[i] );
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        winetest_pop_context();
    }
}

/* Revocation is looked at only where a request asks for it; then it cannot be ignored. */
static const struct row revocation_rows[] =
{
    { "crl-good",           NULL, 0, 0, 0 },
    { "crl-revoked",        NULL, REVOKED, 0, 0 },
    { "crl-lost",           NULL, LOST, 0, 0 },
    { "ocsp-good",          NULL, 0, 0, 0 },
    { "ocsp-revoked",       NULL, REVOKED, 0, 0 },
    { "staple-good",        NULL, 0, 0, 0 },
    { "staple-revoked",     NULL, REVOKED, 0, 0 },
    { "staple-other",       NULL, REVOKED, 0, 0 },
    { "revoked-wrong-name", NULL, REVOKED | NAME, 0, 0 },
    { "good",               NULL, LOST, 0, 0 },        /* it says nowhere whom to ask */
};

static void test_revocation_is_off_by_default(void)
{
    unsigned int i;

    for (i = 0; i < count_of( revocation_rows ); i++)
    {
        const struct row *row = &revocation_rows[i];
        struct attempt attempt = { .server = row->server, .ignore = row->bits & NAME ? IGNORE_NAME : 0 };

        push_row( row, attempt.ignore );
        attempt_run( &attempt );
        attempt_check_good( &attempt );
        winetest_pop_context();
    }
}

static void test_revocation(void)
{
    unsigned int i, j;

    for (i = 0; i < count_of( revocation_rows ); i++)
    {
        for (j = 0; j < count_of( ignores ); j++)
        {
            struct attempt attempt = { .server = revocation_rows[i].server, .ignore = ignores[j].flag, .revocation = TRUE };

            push_row( &revocation_rows[i], attempt.ignore );
            attempt_run( &attempt );
            check_row( &revocation_rows[i], &attempt );
            winetest_pop_context();
        }
    }
}

/* A responder that nobody reaches may be no reason; what one has said remains one. */
static void test_unreachable_responder_can_be_ignored(void)
{
    static const struct { const char *server; DWORD bits; } cases[] = { { "crl-lost", 0 }, { "crl-revoked", REVOKED } };
    BOOL on = TRUE, ret;
    unsigned int i;

    for (i = 0; i < count_of( cases ); i++)
    {
        struct attempt attempt = { .server = cases[i].server, .revocation = TRUE };

        winetest_push_context( "%s", cases[i].server );
        if (attempt_open( &attempt ))
        {
            ret = WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_IGNORE_CERT_REVOCATION_OFFLINE, &on, sizeof(on) );
            if (!ret && broken( GetLastError() == ERROR_WINHTTP_INVALID_OPTION )) win_skip( "no such option\n" );
            else
            {
                ok( ret, "error %lu\n", GetLastError() );
                attempt_send( &attempt );
                if (!cases[i].bits) attempt_check_good( &attempt );
                else ok( attempt.error == ERROR_WINHTTP_SECURE_FAILURE && attempt.bits == cases[i].bits, "error %lu, bits %#lx\n",
                         attempt.error, attempt.bits );
            }
        }
        attempt_close( &attempt );
        winetest_pop_context();
    }
}

START_TEST(tls_verify)
{
    if (!tls_there()) return;
    test_each_row_with_each_flag();
    test_each_row_asynchronously();
    test_no_request_to_a_refused_server();
    test_nothing_is_reused_across_flags();
    test_weak_signature_flag();
    test_revocation_is_off_by_default();
    test_revocation();
    test_unreachable_responder_can_be_ignored();
}
