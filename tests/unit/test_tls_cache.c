/*
 * Unit test of unix/tls_cache.c: what is handed out, how often, to whom, and until when
 */

#include <stdio.h>
#include <string.h>

#include "hooks.h"
#include "test.h"
#include "unix/hooks.h"
#include "unix/tls_cache.h"

/* The ticket that is handed out is `text`, or none if that is NULL. */
static int takes( const char *key, uint64_t now_ms, const char *text )
{
    struct tls_ticket ticket;
    int ok;

    if (!tls_cache_take( key, strlen( key ), now_ms, &ticket )) return !text;
    ok = text && ticket.len == strlen( text ) && !memcmp( ticket.data, text, ticket.len );
    wh_free( ticket.data );
    return ok;
}

static void put( const char *key, const char *text, int once, uint64_t now_ms, uint64_t expires_ms )
{
    tls_cache_put( key, strlen( key ), text, strlen( text ), once, now_ms, expires_ms, ~0ull );
}

static void test_newest_ticket_goes_out_first_and_the_last_one_stays(void)
{
    put( "a", "one", 1, 0, 100 );
    put( "a", "two", 1, 0, 100 );
    expect( tls_cache_count( "a", 1, 0 ) == 2 );
    expect( takes( "a", 0, "two" ) );
    expect( takes( "a", 0, "one" ) );
    expect( takes( "a", 0, "one" ) );
    put( "a", "three", 1, 0, 100 );
    expect( takes( "a", 0, "three" ) );
    tls_cache_clear();
}

static void test_keys_do_not_share(void)
{
    put( "a", "one", 1, 0, 100 );
    expect( takes( "b", 0, NULL ) );
    expect( takes( "aa", 0, NULL ) );
    expect( takes( "", 0, NULL ) );
    expect( takes( "a", 0, "one" ) );
    tls_cache_clear();
}

static void test_expired_ticket_is_not_handed_out(void)
{
    put( "a", "long", 1, 0, 200 );
    put( "a", "short", 1, 0, 100 );
    put( "a", "never", 1, 50, 50 );
    expect( tls_cache_count( "a", 1, 99 ) == 2 );
    expect( tls_cache_count( "a", 1, 100 ) == 1 );
    expect( takes( "a", 100, "long" ) );
    expect( takes( "a", 200, NULL ) );
    expect( takes( "a", 0, NULL ) );         /* it is gone, not hidden */
    tls_cache_clear();
}

/* ... however long the server wants it to be good. */
static void test_limit_of_the_verdict_goes_along(void)
{
    struct tls_ticket ticket;

    tls_cache_put( "a", 1, "one", 3, 1, 0, 1000, 100 );
    tls_cache_put( "a", 1, "none", 4, 1, 100, 1000, 100 );
    expect( tls_cache_count( "a", 1, 0 ) == 1 );
    expect( tls_cache_take( "a", 1, 99, &ticket ) );
    expect( ticket.len == 3 && ticket.limit_ms == 100 );
    wh_free( ticket.data );
    expect( takes( "a", 100, NULL ) );
    tls_cache_clear();
}

static void test_reusable_session_replaces_all_others(void)
{
    put( "a", "ticket", 1, 0, 100 );
    put( "a", "session", 0, 0, 100 );
    expect( tls_cache_count( "a", 1, 0 ) == 1 );
    expect( takes( "a", 0, "session" ) );
    expect( takes( "a", 0, "session" ) );
    put( "a", "ticket2", 1, 0, 100 );
    expect( tls_cache_count( "a", 1, 0 ) == 1 );
    expect( takes( "a", 0, "ticket2" ) );
    tls_cache_clear();
}

static void test_oldest_ticket_of_a_full_key_goes(void)
{
    char text[16];
    int i;

    for (i = 0; i <= TLS_CACHE_TICKETS; i++)
    {
        sprintf( text, "%d", i );
        put( "a", text, 1, 0, 100 );
    }
    expect( tls_cache_count( "a", 1, 0 ) == TLS_CACHE_TICKETS );
    for (i = TLS_CACHE_TICKETS; i > 0; i--)
    {
        sprintf( text, "%d", i );
        expect( takes( "a", 0, text ) );
    }
    expect( takes( "a", 0, "1" ) );
    tls_cache_clear();
}

static void test_least_recently_used_key_goes(void)
{
    char key[16];
    int i;

    for (i = 0; i < TLS_CACHE_KEYS; i++)
    {
        sprintf( key, "key %d", i );
        put( key, "x", 1, 0, 100 );
    }
    expect( takes( "key 0", 0, "x" ) );      /* used: now key 1 is the oldest */
    put( "one more", "x", 1, 0, 100 );
    expect( takes( "key 1", 0, NULL ) );
    expect( takes( "key 0", 0, "x" ) );
    expect( takes( "key 2", 0, "x" ) );
    expect( takes( "one more", 0, "x" ) );
    tls_cache_clear();
}

static void test_forgotten_key_has_nothing(void)
{
    put( "a", "x", 1, 0, 100 );
    put( "b", "y", 1, 0, 100 );
    tls_cache_forget( "a", 1 );
    tls_cache_forget( "never seen", 10 );
    expect( takes( "a", 0, NULL ) );
    expect( takes( "b", 0, "y" ) );
    tls_cache_clear();
    expect( takes( "b", 0, NULL ) );
}

static void test_without_memory_nothing_is_kept_or_lost(void)
{
    int nth;

    for (nth = 1; nth <= 2; nth++)
    {
        hooks_reset();
        hooks_fail( HOOK_ALLOC, nth, 1, 0 );
        put( "a", "x", 1, 0, 100 );
        hooks_reset();
        expect( takes( "a", 0, NULL ) );
    }
    put( "a", "x", 1, 0, 100 );
    hooks_fail( HOOK_ALLOC, 1, 1, 0 );
    expect( takes( "a", 0, NULL ) );
    hooks_reset();
    expect( takes( "a", 0, "x" ) );
    tls_cache_clear();
}

int main(void)
{
    run( test_newest_ticket_goes_out_first_and_the_last_one_stays );
    run( test_keys_do_not_share );
    run( test_expired_ticket_is_not_handed_out );
    run( test_limit_of_the_verdict_goes_along );
    run( test_reusable_session_replaces_all_others );
    run( test_oldest_ticket_of_a_full_key_goes );
    run( test_least_recently_used_key_goes );
    run( test_forgotten_key_has_nothing );
    run( test_without_memory_nothing_is_kept_or_lost );
    return test_end( "tls_cache" );
}
