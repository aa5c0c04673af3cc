/*
 * The resolver: literals, one question for many askers, the cache, failures
 */

#include <arpa/inet.h>
#include <errno.h>
#include <semaphore.h>

#include "client.h"
#include "unix/dns.h"

/* What the host's resolver says: `answer`, comma-separated addresses, or an EAI_ code. */
static const char *answer;
static int answer_error, answer_held;
static unsigned int questions_asked;     /* atomic */
static int last_family, last_flags;
static sem_t held, asked;

/* freeaddrinfo of the libc frees what the libc made: numeric look-ups, chained. */
static int fake_getaddrinfo( const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **info )
{
    struct addrinfo numeric = *hints, **tail = info;
    char text[512], *address, *next;

    if (hints->ai_flags & AI_NUMERICHOST) return getaddrinfo( host, service, hints, info );
    last_family = hints->ai_family;
    last_flags = hints->ai_flags;
    __atomic_add_fetch( &questions_asked, 1, __ATOMIC_SEQ_CST );
    sem_post( &asked );
    if (answer_held) sem_wait( &held );
    *info = NULL;
    if (answer_error) return answer_error;
    numeric.ai_flags = AI_NUMERICHOST;
    snprintf( text, sizeof(text), "%s", answer );
    for (address = strtok_r( text, ",", &next ); address; address = strtok_r( NULL, ",", &next ))
    {
        if (getaddrinfo( address, NULL, &numeric, tail )) abort();
        while (*tail) tail = &(*tail)->ai_next;
    }
    return 0;
}

struct asked
{
    sem_t              done;
    unsigned int       times;         /* atomic */
    enum wh_error      error;
    struct addresses  *addresses;
};

static struct asked askers[8];

static void on_done( wh_id id, struct addresses *addresses, enum wh_error error )
{
    struct asked *asker = &askers[id];

    __atomic_add_fetch( &asker->times, 1, __ATOMIC_SEQ_CST );
    asker->error = error;
    asker->addresses = addresses ? addresses_ref( addresses ) : NULL;
    sem_post( &asker->done );
}

static int bounded_wait( sem_t *sem )
{
    struct timespec until;
    int ret;

    clock_gettime( CLOCK_REALTIME, &until );
    until.tv_sec += WAIT_MS / 1000;
    while ((ret = sem_timedwait( sem, &until )) && errno == EINTR) ;
    return !ret;
}

static void begin( const char *text, int error, int hold )
{
    unsigned int i;

    dns_shutdown();
    answer = text;
    answer_error = error;
    answer_held = hold;
    questions_asked = 0;
    sem_init( &held, 0, 0 );
    sem_init( &asked, 0, 0 );
    for (i = 0; i < 8; i++)
    {
        memset( &askers[i], 0, sizeof(askers[i]) );
        sem_init( &askers[i].done, 0, 0 );
    }
    wh_hooks.getaddrinfo = fake_getaddrinfo;
}

static void end( void )
{
    unsigned int i;

    for (i = 0; i < 8; i++) addresses_release( askers[i].addresses );
    dns_shutdown();
}

static void expect_address( const struct addresses *addresses, unsigned int index, const char *text )
{
    char found[64];

    if (!expect( addresses && index < addresses->count )) return;
    address_text( &addresses->list[index], found, sizeof(found) );
    expect( !strcmp( found, text ) );
}

static void test_literals_need_no_question( void )
{
    static const char *const literals[] = { "127.0.0.1", "::1", "10.1.2.3", "fe80::1" };
    struct addresses *addresses;
    unsigned int i;

    begin( "", EAI_NONAME, 0 );
    for (i = 0; i < 4; i++)
    {
        addresses = dns_known( literals[i], 0, 1 );
        expect_address( addresses, 0, literals[i] );
        addresses_release( addresses );
    }
    expect( !dns_known( "127.0.0.1", 6, 1 ) );    /* not of that family */
    expect( !dns_known( "1.2.3.4.5", 0, 1 ) && !dns_known( "a.b", 0, 1 ) );
    expect( !questions_asked );
    end();
}

static void test_many_askers_share_one_question( void )
{
    unsigned int i;

    begin( "10.0.0.1", 0, 1 );
    expect( !dns_ask( "name.test", 0, 0, on_done ) );
    expect( bounded_wait( &asked ) );    /* the question is with the resolver */
    for (i = 1; i < 6; i++) expect( !dns_ask( i & 1 ? "NAME.test" : "name.test", 0, i, on_done ) );
    sem_post( &held );
    for (i = 0; i < 6; i++)
    {
        expect( bounded_wait( &askers[i].done ) );
        expect( !askers[i].error && askers[i].times == 1 );
        expect_address( askers[i].addresses, 0, "10.0.0.1" );
    }
    expect( questions_asked == 1 );
    end();
}

static void test_families_are_different_questions( void )
{
    begin( "10.0.0.1", 0, 1 );
    expect( !dns_ask( "name.test", 4, 0, on_done ) );
    expect( bounded_wait( &asked ) && last_family == AF_INET );
    expect( !dns_ask( "name.test", 0, 1, on_done ) );
    expect( bounded_wait( &asked ) && last_family == AF_UNSPEC );
    sem_post( &held );
    sem_post( &held );
    expect( bounded_wait( &askers[0].done ) && bounded_wait( &askers[1].done ) );
    expect( questions_asked == 2 );
    end();
}

static void test_answers_are_kept( void )
{
    struct addresses *addresses;

    begin( "10.0.0.1,10.0.0.2", 0, 0 );
    expect( !dns_known( "name.test", 0, 1 ) );
    expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
    addresses = dns_known( "Name.Test", 0, 1 );
    expect_address( addresses, 1, "10.0.0.2" );
    addresses_release( addresses );
    expect( !dns_known( "name.test", 0, 0 ) );    /* who does not want the cache asks */
    expect( !dns_known( "name.test", 4, 1 ) && !dns_known( "name.tes", 0, 1 ) );
    dns_shutdown();
    expect( !dns_known( "name.test", 0, 1 ) );
    end();
}

/* Who passes the cache by brings a newer answer for the others. */
static void test_a_newer_answer_takes_the_place_of_the_older( void )
{
    struct addresses *addresses;

    begin( "10.0.0.1", 0, 0 );
    expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
    answer = "10.0.0.9";
    expect( !dns_ask( "name.test", 0, 1, on_done ) && bounded_wait( &askers[1].done ) );
    addresses = dns_known( "name.test", 0, 1 );
    expect_address( addresses, 0, "10.0.0.9" );
    addresses_release( addresses );
    end();
}

static void test_failures_are_told_and_not_kept( void )
{
    static const struct { int eai; enum wh_error error; unsigned int questions; } cases[] =
    {
        { EAI_NONAME, WHE_NAME, 2 },    /* once more without AI_ADDRCONFIG */
        { EAI_AGAIN, WHE_NAME, 2 },
        { EAI_MEMORY, WHE_NO_MEMORY, 1 },
    };
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        begin( "10.0.0.1", cases[i].eai, 0 );
        expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
        expect( askers[0].error == cases[i].error && !askers[0].addresses && questions_asked == cases[i].questions );
        answer_error = 0;
        expect( !dns_known( "name.test", 0, 1 ) );
        expect( !dns_ask( "name.test", 0, 1, on_done ) && bounded_wait( &askers[1].done ) );
        expect( !askers[1].error );
        expect_address( askers[1].addresses, 0, "10.0.0.1" );
        end();
    }
}

static void test_families_are_interleaved( void )
{
    static const char *const order[] = { "2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "2001:db8::3" };
    unsigned int i;

    begin( "2001:db8::1,2001:db8::2,2001:db8::3,10.0.0.1,10.0.0.2", 0, 0 );
    expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
    expect( askers[0].addresses && askers[0].addresses->count == 5 );
    for (i = 0; i < 5; i++) expect_address( askers[0].addresses, i, order[i] );
    end();
}

static void test_a_long_list_is_cut( void )
{
    static char list[40 * 12];
    unsigned int i;
    size_t len = 0;

    for (i = 0; i < 40; i++) len += sprintf( list + len, "%s10.0.0.%u", i ? "," : "", i + 1 );
    begin( list, 0, 0 );
    expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
    expect( askers[0].addresses && askers[0].addresses->count == DNS_MAX_ADDRESSES );
    expect_address( askers[0].addresses, 0, "10.0.0.1" );
    end();
}

static void test_no_thread_and_no_memory_are_errors( void )
{
    unsigned int nth;

    begin( "10.0.0.1", 0, 0 );
    for (nth = 1; nth <= 2; nth++)    /* the asker, the question */
    {
        hooks_fail( HOOK_ALLOC, nth, 0, 0 );
        expect( dns_ask( "name.test", 0, 0, on_done ) == WHE_NO_MEMORY );
        hooks_reset();
    }
    expect( !askers[0].times && !questions_asked );

    hooks_fail( HOOK_ALLOC, 3, 1, 0 );    /* the answer */
    expect( !dns_ask( "name.test", 0, 0, on_done ) && bounded_wait( &askers[0].done ) );
    hooks_reset();
    expect( askers[0].error == WHE_NO_MEMORY && askers[0].times == 1 );
    end();
}

int main( void )
{
    if (engine_start()) return 1;
    run( test_literals_need_no_question );
    run( test_many_askers_share_one_question );
    run( test_families_are_different_questions );
    run( test_answers_are_kept );
    run( test_a_newer_answer_takes_the_place_of_the_older );
    run( test_failures_are_told_and_not_kept );
    run( test_families_are_interleaved );
    run( test_a_long_list_is_cut );
    run( test_no_thread_and_no_memory_are_errors );
    engine_stop();
    return test_end( "dns" );
}
