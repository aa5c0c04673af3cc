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

/* ---- choices: what Windows does here is not known ---- */

/* A server that cannot say what only the password tells is not answered ahead any more, and gets no further use of its nonce. */
static void test_wrong_rspauth(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ),
        HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAuthentication-Info: nextnonce=\"next\", "
                    "rspauth=\"0123456789abcdef0123456789abcdef\"\r\n\r\nok" ),
        HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && is_401_then_200( &client ) && client_get( &client ))
    {
        client_check_body( client.request, "ok" );
        ok( !*auth_value( server, 2, "Authorization" ), "%s", server_request( server, 2 ) );
    }
    client_close( &client );
    server_stop( server );
}

/* A callback that edits the head makes it anew, but the answer is the same: the count has no gap. */
static void CALLBACK edit_head( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)context;
    (void)info;
    (void)len;
    if (status == WINHTTP_CALLBACK_STATUS_SENDING_REQUEST)
        WinHttpAddRequestHeaders( handle, L"X-Edit: 1", ~0u, WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE );
}

static void test_count_has_no_gaps(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\"" ) ), HEAD, SEND( AUTH_GOOD ), HEAD, SEND( AUTH_GOOD ), END
    };
    static const char * const counts[] = { "00000001", "00000002" };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;
    unsigned int i;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        WinHttpSetStatusCallback( client.request, edit_head, WINHTTP_CALLBACK_FLAG_SEND_REQUEST, 0 );
        if (is_401_then_200( &client ) && client_get( &client )) client_check_body( client.request, "ok" );
        for (i = 0; i < count_of( counts ); i++)
        {
            check_answer( server, i + 1, "GET", &answer );
            ok( !strcmp( answer.nc, counts[i] ), "%u: nc %s\n", i, answer.nc );
            ok( !strcmp( auth_value( server, i + 1, "X-Edit" ), "1" ), "%s", server_request( server, i + 1 ) );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* -sess: the session's secret stands for all answers to one challenge, RFC 7616 section 3.4.2. */
static void test_session(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"one\", qop=\"auth\", algorithm=MD5-sess" ) ), HEAD, SEND( AUTH_GOOD ),
        HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    char cnonce[256], nc[16], response[128], text[1024];
    const char *field, *secret;
    struct client client;
    unsigned int i;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && is_401_then_200( &client ) && client_get( &client ))
    {
        client_check_body( client.request, "ok" );
        auth_param( auth_value( server, 1, "Authorization" ), "cnonce", cnonce, sizeof(cnonce) );
        ok( *cnonce, "%s", server_request( server, 1 ) );
        for (i = 1; i < 3; i++)
        {
            field = auth_value( server, i, "Authorization" );
            auth_param( field, "nc", nc, sizeof(nc) );
            auth_param( field, "response", response, sizeof(response) );
            sprintf( text, "%s:one:%s", md5( "user:realm:pwd" ), cnonce );
            secret = md5( text );
            auth_param( field, "cnonce", cnonce, sizeof(cnonce) );
            sprintf( text, "%s:one:%s:%s:auth:%s", secret, nc, cnonce, md5( "GET:/" ) );
            ok( !strcmp( response, md5( text ) ), "%u: %s is not right\n", i, field );
        }
    }
    client_close( &client );
    server_stop( server );
}

/* The strongest of several in one field; SHA-512-256 is an answer of 64 digits, right or wrong (the unit tests know). */
static void test_strongest_of_one_field(void)
{
    static const struct step script[] =
    {
        ACCEPT, HEAD, SEND( DIGEST_401( "nonce=\"a\", qop=\"auth\", Digest realm=\"realm\", nonce=\"b\", qop=\"auth\", "
                                        "algorithm=SHA-512-256, Basic realm=\"x\", Digest realm=\"realm\", nonce=\"c\", "
                                        "qop=\"auth\", algorithm=SHA-256" ) ),
        HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    char nonce[16], response[128], algorithm[32];
    struct client client;
    const char *field;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && is_401_then_200( &client ))
    {
        field = auth_value( server, 1, "Authorization" );
        auth_param( field, "nonce", nonce, sizeof(nonce) );
        auth_param( field, "algorithm", algorithm, sizeof(algorithm) );
        auth_param( field, "response", response, sizeof(response) );
        ok( !strcmp( nonce, "b" ) && !strcmp( algorithm, "SHA-512-256" ) && strlen( response ) == 64, "got %s\n", field );
    }
    client_close( &client );
    server_stop( server );
}

/* auth-int is about the body: one that is to be written is not there yet, so the challenge is the program's. */
static void test_auth_int(void)
{
    static const struct step given[] =
    {
        ACCEPT, HEAD, BODY( 5 ), SEND( DIGEST_401( "nonce=\"one\", qop=\"auth-int\"" ) ), HEAD, BODY( 5 ), SEND( AUTH_GOOD ), END
    };
    static const struct step written[] =
        { ACCEPT, HEAD, BODY( 5 ), SEND( DIGEST_401( "nonce=\"one\", qop=\"auth-int\"" ) ), END };
    unsigned int i;
    DWORD count;
    BOOL ret;

    for (i = 0; i < 2; i++)
    {
        struct server *server = server_start( i ? written : given );
        char qop[16], response[128], text[1024];
        struct client client;

        if (!server) return;
        winetest_push_context( i ? "written" : "given" );
        if (client_open( &client, server_port( server ), 0, L"POST", L"/" ))
        {
            auth_set( client.request, WINHTTP_AUTH_SCHEME_DIGEST, L"user", L"pwd" );
            if (i) ret = WinHttpSendRequest( client.request, NULL, 0, NULL, 0, 5, 0 ) &&
                         WinHttpWriteData( client.request, "hello", 5, &count );
            else ret = WinHttpSendRequest( client.request, NULL, 0, (void *)"hello", 5, 5, 0 );
            ok( ret && WinHttpReceiveResponse( client.request, NULL ), "failed with %lu\n", GetLastError() );
            ok( client_status( client.request ) == (i ? 401 : 200), "status %lu\n", client_status( client.request ) );
            if (!i)
            {
                char cnonce[256];
                const char *field = auth_value( server, 1, "Authorization" ), *message;

                auth_param( field, "qop", qop, sizeof(qop) );
                auth_param( field, "cnonce", cnonce, sizeof(cnonce) );
                auth_param( field, "response", response, sizeof(response) );
                sprintf( text, "POST:/:%s", md5( "hello" ) );
                message = md5( text );
                sprintf( text, "%s:one:00000001:%s:auth-int:%s", md5( "user:realm:pwd" ), cnonce, message );
                ok( !strcmp( qop, "auth-int" ) && !strcmp( response, md5( text ) ), "%s is not right\n", field );
            }
        }
        client_close( &client );
        server_stop( server );
        winetest_pop_context();
    }
}

/* As many challenges as a head can hold: none is answered twice, and it takes no time to speak of. */
static void test_flood_of_challenges(void)
{
    const struct step script[] =
    {
        ACCEPT, HEAD, SEND( "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n" ),
        REPEAT( "WWW-Authenticate: Digest realm=\"realm\", nonce=\"n\", qop=\"auth-x\", Bearer a, Unknown b=c, @\r\n", 500 ),
        SEND( "WWW-Authenticate: Digest realm=\"realm\", nonce=\"one\", qop=\"auth\"\r\n\r\n" ), HEAD, SEND( AUTH_GOOD ), END
    };
    struct server *server = server_start( script );
    struct answer answer;
    struct client client;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ) && is_401_then_200( &client ))
    {
        check_answer( server, 1, "GET", &answer );
        ok( !strcmp( answer.nonce, "one" ), "nonce %s\n", answer.nonce );
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
    if (strcmp( winetest_platform, "wine" )) return;
    test_wrong_rspauth();
    test_count_has_no_gaps();
    test_session();
    test_strongest_of_one_field();
    test_auth_int();
    test_flood_of_challenges();
}
