/*
 * TLS: revocation, where a program asks for it
 *
 * Whether a revoked certificate is found out is a matter of rows in tls_verify.c. Here: what happens when it cannot be told,
 * and that nobody is asked without a program's wish. Rules: options.md 3.4 and 3.8, behaviour-concepts.md section 5. See
 * tls.h for the servers.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "tls.h"

#define LOST    FAILURE( CERT_REV_FAILED )
#define REVOKED FAILURE( CERT_REVOKED )

#ifndef WINHTTP_OPTION_IGNORE_CERT_REVOCATION_OFFLINE
#define WINHTTP_OPTION_IGNORE_CERT_REVOCATION_OFFLINE 155
#endif

static void check_refused_( int line, const struct attempt *attempt, DWORD bits )
{
    ok_( __FILE__, line )( attempt->failed == CALL_SEND && attempt->error == ERROR_WINHTTP_SECURE_FAILURE,
                           "call %u failed with %lu\n", attempt->failed, attempt->error );              /* TL-8 */
    ok_( __FILE__, line )( attempt->bits == bits && attempt->notices == 1, "bits %#lx, expected %#lx, %u notices\n",
                           attempt->bits, bits, attempt->notices );
}
#define check_refused( attempt, bits ) check_refused_( __LINE__, attempt, bits )

static void test_nothing_is_checked_by_default(void)
{
    static const char *const servers[] = { "crl-revoked", "crl-lost", "ocsp-revoked", "staple-revoked" };
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

/* A connection that was accepted without a check is none for a request that wants one. */
static void test_a_check_does_not_use_an_unchecked_connection(void)
{
    struct attempt attempt = { .server = "crl-revoked" };

    if (attempt_open( &attempt ))
    {
        attempt_send( &attempt );
        attempt_check_good( &attempt );
        attempt.revocation = TRUE;
        recorder_reset( attempt.recorder );
        if (attempt_reopen( &attempt ))
        {
            attempt_send( &attempt );
            check_refused( &attempt, REVOKED );
        }
    }
    attempt_close( &attempt );
}

/* Nor is one that was accepted because nobody could be asked. */
static void test_an_unchecked_connection_is_not_for_who_insists(void)
{
    struct attempt attempt = { .server = "crl-lost", .revocation = TRUE };
    BOOL yes = TRUE;

    if (attempt_open( &attempt ))
    {
        if (!WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_IGNORE_CERT_REVOCATION_OFFLINE, &yes, sizeof(yes) ))
            win_skip( "no IGNORE_CERT_REVOCATION_OFFLINE: error %lu\n", GetLastError() );
        else
        {
            attempt_send( &attempt );
            attempt_check_good( &attempt );
            recorder_reset( attempt.recorder );
            if (attempt_reopen( &attempt ))
            {
                attempt_send( &attempt );
                check_refused( &attempt, LOST );
            }
        }
    }
    attempt_close( &attempt );
}

static const struct
{
    const char *server;
    DWORD       bits, offline_bits;      /* refused with these; when being offline is to be ignored */
}
rows[] =
{
    { "crl-lost",    LOST,    0 },
    { "crl-revoked", REVOKED, REVOKED },
    { "crl-good",    0,       0 },
    { "good",        LOST,    0 },       /* a choice: what names no place to ask at cannot be told, either */
};

static void test_what_cannot_be_told(void)
{
    BOOL yes = TRUE, ret, offline;
    unsigned int i;
    DWORD bits;

    for (i = 0; i < count_of( rows ); i++)
    {
        for (offline = FALSE; offline <= TRUE; offline++)
        {
            struct attempt attempt = { .server = rows[i].server, .revocation = TRUE };

            winetest_push_context( "%s, %d", rows[i].server, offline );
            if (attempt_open( &attempt ))
            {
                ret = TRUE;
                if (offline)
                    ret = WinHttpSetOption( attempt.client.request, WINHTTP_OPTION_IGNORE_CERT_REVOCATION_OFFLINE, &yes,
                                            sizeof(yes) );
                if (!ret) win_skip( "no IGNORE_CERT_REVOCATION_OFFLINE: error %lu\n", GetLastError() );
                else
                {
                    attempt_send( &attempt );
                    bits = offline ? rows[i].offline_bits : rows[i].bits;
                    if (bits) check_refused( &attempt, bits );
                    else attempt_check_good( &attempt );
                }
            }
            attempt_close( &attempt );
            winetest_pop_context();
        }
    }
}

/* The flags that ignore other faults do not help. */
static void test_ignoring_faults_is_not_ignoring_revocation(void)
{
    struct attempt attempt = { .server = "ocsp-revoked", .revocation = TRUE, .ignore = IGNORE_ALL };

    attempt_run( &attempt );
    check_refused( &attempt, REVOKED );
}

START_TEST(tls_revocation)
{
    if (!tls_there()) return;
    test_nothing_is_checked_by_default();
    test_a_check_does_not_use_an_unchecked_connection();
    test_an_unchecked_connection_is_not_for_who_insists();
    test_what_cannot_be_told();
    test_ignoring_faults_is_not_ignoring_revocation();
}
