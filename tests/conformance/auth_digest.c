/*
 * Digest authentication against a server that checks every answer
 *
 * The test is the server's judge: it takes the Authorization field apart and hashes for itself, with CryptoAPI. What Windows'
 * own package can do counts here: MD5; the rest has its proof in the unit tests, by the RFCs' examples. Rules:
 * behaviour-concepts.md section 3; RFC 7616.
 */
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "auth.h"

#define DIGEST_401( params ) AUTH_401( "WWW-Authenticate: Digest realm=\"realm\", " params "\r\n" )

/* 32 hex digits in a static buffer, one of eight. */
static const char *md5( const char *text )
{
    static char hex[8][33];
    static unsigned int next;
    HCRYPTPROV provider;
    HCRYPTHASH hash;
    BYTE bytes[16] = { 0 };
    DWORD i, len = sizeof(bytes);

    next = (next + 1) % count_of( hex );
    if (CryptAcquireContextW( &provider, NULL, NULL, PROV_RSA_FULL, CRYPT_VERIFYCONTEXT ))
    {
        if (CryptCreateHash( provider, CALG_MD5, 0, 0, &hash ))
        {
            CryptHashData( hash, (const BYTE *)text, strlen( text ), 0 );
            CryptGetHashParam( hash, HP_HASHVAL, bytes, &len, 0 );
            CryptDestroyHash( hash );
        }
        CryptReleaseContext( provider, 0 );
    }
    for (i = 0; i < sizeof(bytes); i++) sprintf( hex[next] + i * 2, "%02x", bytes[i] );
    return hex[next];
}

struct answer
{
    char nonce[128], uri[128], nc[16], cnonce[256], qop[16], response[128], opaque[128], username[64], realm[64];
};

/* The n-th request answers with these credentials, and rightly. */
static void check_answer_( int line, struct server *server, unsigned int index, const char *method, struct answer *answer )
{
    const char *field = auth_value( server, index, "Authorization" );
    char text[1024];
    const char *secret, *message;

    memset( answer, 0, sizeof(*answer) );
    ok_( __FILE__, line )( !_strnicmp( field, "Digest ", 7 ), "%u: got %s\n", index, field );
    if (_strnicmp( field, "Digest ", 7 )) return;
    field += 7;
    auth_param( field, "username", answer->username, sizeof(answer->username) );
    auth_param( field, "realm", answer->realm, sizeof(answer->realm) );
    auth_param( field, "nonce", answer->nonce, sizeof(answer->nonce) );
    auth_param( field, "uri", answer->uri, sizeof(answer->uri) );
    auth_param( field, "nc", answer->nc, sizeof(answer->nc) );
    auth_param( field, "cnonce", answer->cnonce, sizeof(answer->cnonce) );
    auth_param( field, "qop", answer->qop, sizeof(answer->qop) );
    auth_param( field, "response", answer->response, sizeof(answer->response) );
    auth_param( field, "opaque", answer->opaque, sizeof(answer->opaque) );
    ok_( __FILE__, line )( !strcmp( answer->username, "user" ), "user %s\n", answer->username );
    ok_( __FILE__, line )( !strcmp( answer->realm, "realm" ), "realm %s\n", answer->realm );

    sprintf( text, "user:realm:pwd" );
    secret = md5( text );
    sprintf( text, "%s:%s", method, answer->uri );
    message = md5( text );
    if (answer->qop[0])
        sprintf( text, "%s:%s:%s:%s:%s:%s", secret, answer->nonce, answer->nc, answer->cnonce, answer->qop, message );
    else
        sprintf( text, "%s:%s:%s", secret, answer->nonce, message );
    ok_( __FILE__, line )( !strcmp( answer->response, md5( text ) ), "%u: %s is not right\n", index, field );
}
#define check_answer( server, index, method, answer ) check_answer_( __LINE__, server, index, method, answer )

static BOOL is_401_then_200( struct client *client )
{
    if (!client_get( client )) return FALSE;
    ok( client_status( client->request ) == 401, "status %lu\n", client_status( client->request ) );
    auth_set( client->request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
    if (!client_get( client )) return FALSE;
    ok( client_status( client->request ) == 200, "status %lu\n", client_status( client->request ) );
    client_check_body( client->request, "ok" );
    return TRUE;
}

/* The program's loop: 401, credentials, 200. */
static void test_after_a_401(void)
{
    static const struct { const char *response, *qop; } rows[] =
    {
        { DIGEST_401( "nonce=\"one\", qop=\"auth\", opaque=\"op\", algorithm=MD5" ), "auth" },
        { DIGEST_401( "nonce=\"one\", qop=\"auth,auth-int\", opaque=\"op\"" ), "auth" },
        { DIGEST_401( "nonce=\"one\", opaque=\"op\"" ), "" },    /* RFC 2069 */
    };
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        struct step script[] = { ACCEPT, HEAD, SEND( NULL ), HEAD, SEND( AUTH_GOOD ), END };
        struct answer answer;
        struct server *server;
        struct client client;

        script[2].data = rows[i].response;
        if (!(server = server_start( script ))) return;
        winetest_push_context( "%u", i );
        if (client_open( &client, server_port( server ), 0, L"GET", L"/dir/index.html?a=b" ) && is_401_then_200( &client ))
        {
            check_answer( server, 1, "GET", &answer );
            ok( !strcmp( answer.nonce, "one" ), "nonce %s\n", answer.nonce );
            ok( !strcmp( answer.uri, "/dir/index.html?a=b" ), "uri %s\n", answer.uri );
            ok( !strcmp( answer.opaque, "op" ), "opaque %s\n", answer.opaque );
            ok( !strcmp( answer.qop, rows[i].qop ), "qop %s\n", answer.qop );
            if (*rows[i].qop) ok( !strcmp( answer.nc, "00000001" ) && answer.cnonce[0], "nc %s, cnonce %s\n", answer.nc, answer.cnonce );
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* Credentials that were set before are no answer until there is a question. */
static void test_never_before_the_challenge(void)
{
    static const struct step script[] =
        { ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ), HEAD, SEND( AUTH_GOOD ), END };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "ok" );
            ok( !*auth_value( server, 0, "Authorization" ), "%s", server_request( server, 0 ) );
            check_answer( server, 1, "GET", &answer );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A stale nonce is replaced with the same credentials, without a word to the program. */
static void test_stale(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ),
        HEAD, SEND( DIGEST_401( "nonce=\"two\", qop=\"auth\", stale=true" ) ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            check_answer( server, 1, "GET", &answer );
            ok( !strcmp( answer.nonce, "one" ), "nonce %s\n", answer.nonce );
            check_answer( server, 2, "GET", &answer );
            ok( !strcmp( answer.nonce, "two" ), "nonce %s\n", answer.nonce );
            ok( !strcmp( answer.nc, "00000001" ), "nc %s\n", answer.nc );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* An answer that is refused is not given again, and is no error. */
static void test_refused(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ),
        HEAD, SEND( DIGEST_401( "nonce=\"two\", qop=\"auth\"" ) ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );      /* AU-14 */
            client_check_body( client.request, "denied" );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* A server that calls every answer stale gets some, not any number. How many is a choice. */
static void test_stale_for_ever(void)
{
    static const struct step script[] =
        { HEAD, SEND( DIGEST_401( "nonce=\"n\", qop=\"auth\", stale=true" ) ), LOOP };
    struct server *server = server_start_each( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 401, "status %lu\n", client_status( client.request ) );
            client_check_body( client.request, "denied" );
            ok( server_request_count( server ) < 20, "%u requests\n", server_request_count( server ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* What the handle has learned it uses again: the count goes up, or the new nonce is taken. A client that waits for the next
 * challenge instead is right, too, but these servers would hang. */
static void test_the_nonce_is_used_again(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ), HEAD, SEND( AUTH_GOOD ),
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAuthentication-Info: nextnonce=\"next\"\r\n\r\nok" ),
        HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server;
    struct answer answer;
    struct client client;

    if (strcmp( winetest_platform, "wine" )) return;    /* a choice: see above */
    if (!(server = server_start( script ))) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && is_401_then_200( &client ) && client_get( &client ))
    {
        client_check_body( client.request, "ok" );
        check_answer( server, 2, "GET", &answer );
        ok( !strcmp( answer.nonce, "one" ) && !strcmp( answer.nc, "00000002" ), "nonce %s, nc %s\n", answer.nonce, answer.nc );
        if (client_get( &client )) client_check_body( client.request, "ok" );
        check_answer( server, 3, "GET", &answer );
        ok( !strcmp( answer.nonce, "next" ) && !strcmp( answer.nc, "00000001" ), "nonce %s, nc %s\n", answer.nonce, answer.nc );
    }
    client_close( &client );
    server_stop( server );
}

/* Of several Digest challenges one that can be answered; a scheme that is offered beside it is not the one that was set. */
static void test_several_challenges(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( AUTH_401( "WWW-Authenticate: Digest realm=\"realm\", nonce=\"x\", qop=\"auth\", algorithm=UNKNOWN\r\n"
                                      "WWW-Authenticate: Basic realm=\"realm\"\r\n"
                                      "WWW-Authenticate: Digest realm=\"realm\", nonce=\"one\", qop=\"auth\", algorithm=MD5\r\n" ) ),
        HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        if (client_get( &client ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            check_answer( server, 1, "GET", &answer );
            ok( !strcmp( answer.nonce, "one" ), "nonce %s\n", answer.nonce );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* The verb counts, and the body that was given goes along again. */
static void test_post(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, BODY( 5 ), SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;
    BOOL ret;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
    {
        auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
        ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"hello", 5, 5, 0 )
            && WinHttpReceiveResponse( client.request, NULL );
        ok( ret, "failed with %lu\n", GetLastError() );
        ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
        check_answer( server, 1, "POST", &answer );
        ok( strstr( server_request( server, 1 ), "\r\n\r\nhello" ) != NULL, "%s", server_request( server, 1 ) );
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(auth_digest)
{
    test_after_a_401();
    test_never_before_the_challenge();
    test_stale();
    test_refused();
    test_stale_for_ever();
    test_the_nonce_is_used_again();
    test_several_challenges();
    test_post();
}
