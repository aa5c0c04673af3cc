/*
 * Tests of auth_digest.c: the examples of the RFCs, and what else servers ask for
 */

#include <stdarg.h>

#include "check_auth.h"

static struct digest digest;    /* the one at work; keep() makes a new one */

static unsigned int keep( const char *field )
{
    const char *pos = field, *end = field + strlen( field );
    struct auth_challenge challenge;
    unsigned int strength;

    check_auth( field, strlen( field ) );
    digest_free( &digest );
    expect( auth_challenge_next( &pos, end, &challenge ) );
    if ((strength = digest_strength( &challenge ))) expect( !digest_keep( &digest, &challenge ) );
    return strength;
}

static struct digest_request mufasa = { .method = "GET", .uri = "/dir/index.html", .user = L"Mufasa",
                                        .password = L"Circle of Life", .cnonce = "0a4f113b" };

/* The answer has this in it. */
static int answer_has( struct digest_request *request, const char *expected )
{
    char *answer = digest_answer( &digest, request, test_hash );
    int ret = answer && strstr( answer, expected );

    if (answer) check_answer( answer );
    if (!ret) fprintf( stderr, "  %s\n  has no %s\n", answer ? answer : "no answer", expected );
    free( answer );
    return ret;
}

static const char *hex_of( enum digest_hash hash, const char *format, ... )
{
    static char hex[4][65];
    static unsigned int next;
    char text[1024];
    BYTE result[DIGEST_HASH_MAX];
    unsigned int i;
    va_list args;

    va_start( args, format );
    vsnprintf( text, sizeof(text), format, args );
    va_end( args );
    next = (next + 1) % 4;
    test_hash( hash, text, strlen( text ), result );
    for (i = 0; i < (hash == DIGEST_MD5 ? 16u : 32u); i++) sprintf( hex[next] + i * 2, "%02x", result[i] );
    return hex[next];
}

#define SHA_CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define SHA_REST "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", " \
                 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", " \
                 "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""

/* RFC 7616 section 3.9.1 */
static void test_examples_of_rfc_7616(void)
{
    struct digest_request request = mufasa;

    request.cnonce = SHA_CNONCE;
    expect( keep( "Digest algorithm=MD5, " SHA_REST ) == 1 );
    expect( answer_has( &request, "response=\"8ca523f5e9506fed4657c9700eebdbec\"" ) );
    expect( answer_has( &request, "nc=00000002" ) );
    expect( keep( "Digest algorithm=SHA-256, " SHA_REST ) == 3 );
    expect( answer_has( &request, "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"" ) );
    expect( answer_has( &request, "algorithm=SHA-256, qop=auth, nc=00000002, cnonce=\"" SHA_CNONCE "\"" ) );
    expect( answer_has( &request, "username=\"Mufasa\", realm=\"http-auth@example.org\"" ) );
    expect( answer_has( &request, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"" ) );
    expect( answer_has( &request, "uri=\"/dir/index.html\"" ) );
}

#define OLD "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", " \
            "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""

/* RFC 2617 section 3.5; RFC 2069 section 2.4 with its erratum */
static void test_examples_of_the_older_rfcs(void)
{
    struct digest_request request = mufasa;
    char *answer;

    request.password = L"Circle Of Life";
    expect( keep( OLD ", qop=\"auth,auth-int\"" ) == 1 );
    expect( answer_has( &request, "response=\"6629fae49393a05397450978507c4ef1\"" ) );
    request.password = L"CircleOfLife";
    expect( keep( OLD ) == 1 );
    expect( answer_has( &request, "response=\"1949323746fe6a43ef61f9606e7febea\"" ) );
    expect( (answer = digest_answer( &digest, &request, test_hash )) && !strstr( answer, "qop" ) &&
            !strstr( answer, "nc=" ) && !strstr( answer, "cnonce" ) && !strstr( answer, "algorithm" ) );
    free( answer );
}

static void test_session_forms(void)
{
    static const struct { const char *name; enum digest_hash hash; } rows[] =
        { { "MD5-sess", DIGEST_MD5 }, { "SHA-256-sess", DIGEST_SHA256 } };
    char field[128], expected[128];
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( rows ); i++)
    {
        sprintf( field, "Digest realm=r, nonce=n, qop=auth, algorithm=\"%s\"", rows[i].name );
        expect( keep( field ) == 2 + i * 2 );
        sprintf( expected, "response=\"%s\"",
                 hex_of( rows[i].hash, "%s:n:00000001:0a4f113b:auth:%s",
                         hex_of( rows[i].hash, "%s:n:0a4f113b", hex_of( rows[i].hash, "Mufasa:r:Circle of Life" ) ),
                         hex_of( rows[i].hash, "GET:/dir/index.html" ) ) );
        expect( answer_has( &mufasa, expected ) );
        sprintf( expected, "algorithm=%s,", rows[i].name );
        expect( answer_has( &mufasa, expected ) );
    }
    /* without a qop the answer still has to say which cnonce the session began with */
    keep( "Digest realm=r, nonce=n, algorithm=MD5-sess" );
    expect( answer_has( &mufasa, "cnonce=\"0a4f113b\"" ) );
}

static void test_auth_int(void)
{
    struct digest_request request = mufasa;
    char expected[128];

    request.method = "POST";
    keep( "Digest realm=r, nonce=n, qop=auth-int" );
    expect( !digest_answer( &digest, &request, test_hash ) );    /* the body is not at hand */
    request.body = "hello";
    request.body_len = 5;
    keep( "Digest realm=r, nonce=n, qop=\"auth-int\"" );
    sprintf( expected, "response=\"%s\"",
             hex_of( DIGEST_MD5, "%s:n:00000001:0a4f113b:auth-int:%s", hex_of( DIGEST_MD5, "Mufasa:r:Circle of Life" ),
                     hex_of( DIGEST_MD5, "POST:/dir/index.html:%s", hex_of( DIGEST_MD5, "hello" ) ) ) );
    expect( answer_has( &request, expected ) );
    expect( answer_has( &request, "qop=auth-int" ) );
    request.body_len = 0;    /* an empty one is at hand, too */
    expect( answer_has( &request, "qop=auth-int" ) );
}

/* "Jäsøn Doe" of RFC 7616 section 3.9.2, whose algorithm is not ours */
static void test_users_beyond_ascii(void)
{
    struct digest_request request = mufasa;
    char expected[128];

    request.user = L"J\xe4s\xf8n Doe";
    request.password = L"Secret, or not?";
    keep( "Digest realm=\"api@example.org\", nonce=n, qop=auth, algorithm=SHA-256, charset=UTF-8" );
    expect( answer_has( &request, "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, " ) );
    sprintf( expected, "response=\"%s\"",
             hex_of( DIGEST_SHA256, "%s:n:00000002:0a4f113b:auth:%s",
                     hex_of( DIGEST_SHA256, "J\xc3\xa4s\xc3\xb8n Doe:api@example.org:Secret, or not?" ),
                     hex_of( DIGEST_SHA256, "GET:/dir/index.html" ) ) );
    expect( answer_has( &request, expected ) );

    keep( "Digest realm=\"api@example.org\", nonce=n, qop=auth, algorithm=SHA-256, charset=UTF-8, userhash=true" );
    sprintf( expected, "username=\"%s\"", hex_of( DIGEST_SHA256, "J\xc3\xa4s\xc3\xb8n Doe:api@example.org" ) );
    expect( answer_has( &request, expected ) );
    expect( answer_has( &request, "userhash=true" ) );

    keep( "Digest realm=r, nonce=n, qop=auth" );    /* no charset: the ANSI code page, in quotes */
    expect( answer_has( &request, "username=\"J\xe4s\xf8n Doe\"" ) );
}

static void test_quotes_are_escaped(void)
{
    struct digest_request request = mufasa;

    request.user = L"DOMAIN\\us\"er";
    keep( "Digest realm=\"a\\\"b\", nonce=\"n\"" );
    expect( answer_has( &request, "username=\"DOMAIN\\\\us\\\"er\"" ) );
    expect( answer_has( &request, "realm=\"a\\\"b\"" ) );
    request.user = L"us\ner";
    expect( !digest_answer( &digest, &request, test_hash ) );
}

static void test_what_cannot_be_answered(void)
{
    expect( !keep( "Digest" ) );
    expect( !keep( "Digest realm=r" ) );
    expect( !keep( "Digest nonce=n, algorithm=SHA-512-256" ) );
    expect( !keep( "Digest nonce=n, algorithm=MD55" ) );
    expect( !keep( "Digest nonce=n, qop=auth-conf" ) );
    expect( !keep( "Digest nonce=n, qop=\"\"" ) );
    expect( keep( "Digest nonce=n, qop=\"auth-conf, auth\"" ) == 1 );
    expect( keep( "Digest nonce=n" ) == 1 );
}

static void test_stale(void)
{
    keep( "Digest nonce=n, stale=TRUE" );
    expect( digest.stale );
    keep( "Digest nonce=n, stale=\"false\"" );
    expect( !digest.stale );
    keep( "Digest nonce=n" );
    expect( !digest.stale );
}

static void test_nextnonce(void)
{
    static const char info[] = "qop=auth, nextnonce=\"next\\\"one\", rspauth=\"x\"";

    keep( OLD ", qop=auth, domain=\"/dir /x\", algorithm=MD5" );
    expect( answer_has( &mufasa, "nc=00000001" ) );
    digest_note_info( &digest, guard_copy( "rspauth=\"x\"", 11 ), 11 );
    expect( answer_has( &mufasa, "nc=00000002" ) );
    digest_note_info( &digest, guard_copy( info, sizeof(info) - 1 ), sizeof(info) - 1 );
    expect( digest.count == 0 && !strcmp( digest.nonce, "next\"one" ) && digest.nonce_len == 8 );
    expect( answer_has( &mufasa, "nonce=\"next\\\"one\"" ) );
    expect( answer_has( &mufasa, "realm=\"testrealm@host.com\"" ) );
    expect( answer_has( &mufasa, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"" ) );
    expect( !strcmp( digest.domain, "/dir /x" ) );
}

static void test_protection_space(void)
{
    keep( "Digest nonce=n" );
    expect( digest_covers( &digest, "/any", 4 ) );
    keep( "Digest nonce=n, domain=\"\"" );
    expect( digest_covers( &digest, "/any", 4 ) );
    keep( "Digest nonce=n, domain=\"/a  http://h/b http://h2\"" );
    expect( digest_covers( &digest, "/any", 4 ) );
    keep( "Digest nonce=n, domain=\"/a  http://h/b\"" );
    expect( digest_covers( &digest, "/a", 2 ) && digest_covers( &digest, "/ab", 3 ) && digest_covers( &digest, "/b/c", 4 ) );
    expect( !digest_covers( &digest, "/c", 2 ) && !digest_covers( &digest, "/", 1 ) );
}

static BOOL no_hash( enum digest_hash hash, const void *data, DWORD len, BYTE *result )
{
    (void)hash;
    (void)data;
    (void)len;
    (void)result;
    return FALSE;
}

static void test_without_the_hash_there_is_no_answer(void)
{
    keep( "Digest nonce=n, qop=auth" );
    expect( !digest_answer( &digest, &mufasa, no_hash ) );
}

int main( void )
{
    run( test_examples_of_rfc_7616 );
    run( test_examples_of_the_older_rfcs );
    run( test_session_forms );
    run( test_auth_int );
    run( test_users_beyond_ascii );
    run( test_quotes_are_escaped );
    run( test_what_cannot_be_answered );
    run( test_stale );
    run( test_nextnonce );
    run( test_protection_space );
    run( test_without_the_hash_there_is_no_answer );
    digest_free( &digest );
    return test_end( "auth_digest" );
}
