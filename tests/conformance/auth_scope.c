/*
 * What a credential must not reach: every byte that each peer got is read
 *
 * Relays in front of Apache (tests/fixtures/peers/apache.sh, tests/fixtures/relay.c) write down what clients say to servers and
 * proxies, those with TLS what was inside it. Each test makes a credential do its work at the place that it is for, which is
 * seen there, and then looks for it everywhere else. The law is security.md: "Redirect credential leak", "Proxy auth leak",
 * "Connection-pool confusion", "Cookie scoping", "TLS verification", "PAC script"; behaviour-concepts.md sections 2, 3, 15.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdlib.h>

#include "wine/test.h"
#include "auth.h"
#include "peers.h"

#define HOST L"www.peers.test"

/* ---- witnesses ---- */

struct witness
{
    struct peer  peer;
    unsigned int from;       /* what came before is of no interest */
};

static BOOL witness_find( struct witness *witness, const char *name )
{
    if (!find_peer( name, &witness->peer )) return FALSE;
    witness->from = peer_record_len( &witness->peer );
    return TRUE;
}

static void witness_reset( struct witness *witness )
{
    witness->from = peer_record_len( &witness->peer );
}

/* How often a text has come since, in any case of its letters. */
static unsigned int heard( const struct witness *witness, const char *text )
{
    unsigned int len, i, count = 0, text_len = strlen( text );
    char *record = peer_record( &witness->peer, witness->from, &len );

    for (i = 0; i + text_len <= len; i++) count += !_strnicmp( record + i, text, text_len );
    free( record );
    return count;
}

#define MUST( witness, text ) must_( __LINE__, witness, text )
static void must_( int line, const struct witness *witness, const char *text )
{
    unsigned int count = heard( witness, text );

    ok_( __FILE__, line )( count, "%s has not heard \"%s\"\n", witness->peer.name, text );
}

#define MUST_TIMES( witness, text, times ) must_times_( __LINE__, witness, text, times )
static void must_times_( int line, const struct witness *witness, const char *text, unsigned int times )
{
    unsigned int count = heard( witness, text );

    ok_( __FILE__, line )( count == times, "%s has heard \"%s\" %u times\n", witness->peer.name, text, count );
}

/* Not a byte. */
#define MUST_NOTHING( witness ) must_nothing_( __LINE__, witness )
static void must_nothing_( int line, const struct witness *witness )
{
    unsigned int count = peer_record_len( &witness->peer ) - witness->from;

    ok_( __FILE__, line )( !count, "%s has heard %u bytes\n", witness->peer.name, count );
}

#define MUST_NOT( witness, text ) must_not_( __LINE__, witness, text, FALSE )
/* Where Windows documents or may do otherwise, and the law here is stricter. */
#define CHOOSE_NOT( witness, text ) must_not_( __LINE__, witness, text, TRUE )
static void must_not_( int line, const struct witness *witness, const char *text, BOOL choice )
{
    unsigned int count = heard( witness, text );

    if (choice && strcmp( winetest_platform, "wine" )) return;
    ok_( __FILE__, line )( !count, "%s has heard \"%s\"\n", witness->peer.name, text );
}

/* The three forms in which a name and a password can be seen. */
static void check_unheard_( int line, const struct witness *witness, const char *user, const char *password, BOOL choice )
{
    char pair[128], coded[256];

    sprintf( pair, "%s:%s", user, password );
    auth_base64( pair, strlen( pair ), coded );
    must_not_( line, witness, password, choice );
    must_not_( line, witness, coded, choice );
}
#define check_unheard( witness, user, password ) check_unheard_( __LINE__, witness, user, password, FALSE )
#define choose_unheard( witness, user, password ) check_unheard_( __LINE__, witness, user, password, TRUE )

static const char *basic_of( const char *user, const char *password )
{
    static char field[256];
    char pair[128];

    sprintf( pair, "%s:%s", user, password );
    strcpy( field, "Basic " );
    auth_base64( pair, strlen( pair ), field + 6 );
    return field;
}

static const char *user_of( const struct witness *witness, BOOL proxy )
{
    return peer_fact( &witness->peer, proxy ? "proxy_user" : "user" );
}

static const char *password_of( const struct witness *witness, BOOL proxy )
{
    return peer_fact( &witness->peer, proxy ? "proxy_password" : "password" );
}

static void set_basic( const struct visit *visit, DWORD target )
{
    const BOOL proxy = target == WINHTTP_AUTH_TARGET_PROXY;

    auth_set_( __FILE__, __LINE__, visit->client.request, target, WINHTTP_AUTH_SCHEME_BASIC,
               peer_fact_w( visit->peer, proxy ? "proxy_user" : "user" ),
               peer_fact_w( visit->peer, proxy ? "proxy_password" : "password" ) );
}

static void set_dword( HINTERNET handle, DWORD option, DWORD value )
{
    ok( WinHttpSetOption( handle, option, &value, sizeof(value) ), "option %lu: error %lu\n", option, GetLastError() );
}

static void add_field( const struct visit *visit, const WCHAR *field )
{
    ok( WinHttpAddRequestHeaders( visit->client.request, field, ~0u, WINHTTP_ADDREQ_FLAG_ADD ), "error %lu\n", GetLastError() );
}

/* ---- redirects ---- */

/* A place of the first that leads to a place of the second. */
static void redirect_path( WCHAR *path, const WCHAR *below, const WCHAR *scheme, const WCHAR *host, const struct witness *to,
                           const WCHAR *place )
{
    wsprintfW( path, L"%s/redirect?%s://%s:%u%s", below, scheme, host, to->peer.port, place );
}

/* What the server asked for and what the program gave along of itself stay at the first, on a change of port, of host and of
 * scheme; it stays with the request where nothing of these changes. "Redirect credential leak". */
static void test_redirect_takes_no_credentials_along(void)
{
    static const struct row
    {
        const char  *from, *to;
        const WCHAR *scheme, *host;
        DWORD        flags;
        BOOL         same;
    }
    rows[] =
    {
        { "apache-relay",     "apache-relay",      L"http",  L"127.0.0.1", 0, TRUE },
        { "apache-relay",     "apache-idle-relay", L"http",  L"127.0.0.1", 0, FALSE },             /* another port */
        { "apache-relay",     "apache-relay",      L"http",  L"localhost", 0, FALSE },             /* another host */
        { "apache-relay",     "apache-tls-relay",  L"https", L"127.0.0.1", 0, FALSE },             /* another scheme, and port */
        { "apache-tls-relay", "apache-tls-idle-relay", L"https", L"127.0.0.1", VISIT_TLS, FALSE },
    };
    struct witness from, to;
    struct visit visit;
    const char *basic;
    WCHAR path[256];
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        if (!witness_find( &from, rows[i].from ) || !witness_find( &to, rows[i].to )) continue;
        winetest_push_context( "row %u", i );
        basic = basic_of( user_of( &from, FALSE ), password_of( &from, FALSE ) );
        redirect_path( path, L"/basic", rows[i].scheme, rows[i].host, &to, L"/basic" );
        if (visit_open( &visit, NULL, &from.peer, NULL, NULL, path, rows[i].flags ))
        {
            set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
            visit_send( &visit, NULL );
            MUST( &from, basic );                                                                               /* AU-9 */
            MUST( &to, "GET /basic HTTP" );
            if (rows[i].same)
            {
                visit_check_user( &visit, user_of( &from, FALSE ), "Basic" );
                MUST_TIMES( &to, basic, 2 );
            }
            else if (!strcmp( winetest_platform, "wine" ))
            {
                visit_check_status( &visit, 401 );
                MUST_TIMES( &from, basic, 1 );
                if (strcmp( rows[i].from, rows[i].to )) MUST_NOT( &to, "Authorization" );
            }
        }
        visit_close( &visit );

        /* fields of the program: Windows documents that they travel, as a hazard */
        witness_reset( &from );
        witness_reset( &to );
        redirect_path( path, L"", rows[i].scheme, rows[i].host, &to, L"/open" );
        if (visit_open( &visit, NULL, &from.peer, NULL, NULL, path, rows[i].flags ))
        {
            add_field( &visit, L"Authorization: Bearer program-secret\r\nProxy-Authorization: Bearer program-proxy-secret\r\n"
                       "Cookie: program=cookie-secret" );
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            MUST( &from, "Authorization: Bearer program-secret" );
            MUST( &from, "Cookie: program=cookie-secret" );
            MUST( &to, "GET /open HTTP" );
            if (!rows[i].same && strcmp( rows[i].from, rows[i].to ))
            {
                CHOOSE_NOT( &to, "program-secret" );
                CHOOSE_NOT( &to, "program-proxy-secret" );
                CHOOSE_NOT( &to, "cookie-secret" );
            }
            else if (!rows[i].same && !strcmp( winetest_platform, "wine" ))
                MUST_TIMES( &to, "program-secret", 1 );
        }
        visit_close( &visit );
        winetest_pop_context();
    }
}

/* The other schemes: a target that asks, too, gets no answer. */
static void test_redirect_takes_no_handshake_along(void)
{
    static const struct row
    {
        DWORD        flag;
        const WCHAR *place;
        const char  *answer, *fact;
    }
    rows[] =
    {
        { WINHTTP_AUTH_SCHEME_DIGEST,    L"/digest",    "Authorization: Digest ",    "user" },
        { WINHTTP_AUTH_SCHEME_NEGOTIATE, L"/negotiate", "Authorization: Negotiate ", "negotiate" },
        { WINHTTP_AUTH_SCHEME_NTLM,      L"/ntlm",      "Authorization: NTLM ",      "ntlm" },
    };
    WCHAR path[256], user[64], password[64];
    struct witness from, to;
    struct visit visit;
    struct peer kdc;
    unsigned int i;

    for (i = 0; i < count_of( rows ); i++)
    {
        if (!witness_find( &from, "apache-relay" ) || !witness_find( &to, "apache-idle-relay" )) return;
        if (!peer_fact( &from.peer, rows[i].fact )[0]) continue;
        winetest_push_context( "%ls", rows[i].place );
        lstrcpyW( user, peer_fact_w( &from.peer, "user" ) );
        lstrcpyW( password, peer_fact_w( &from.peer, "password" ) );
        if (rows[i].flag == WINHTTP_AUTH_SCHEME_NTLM)
        {
            wsprintfW( user, L"%s\\%s", peer_fact_w( &from.peer, "ntlm" ), peer_fact_w( &from.peer, "user" ) );
            lstrcpyW( password, peer_fact_w( &from.peer, "ntlm_password" ) );
        }
        if (rows[i].flag == WINHTTP_AUTH_SCHEME_NEGOTIATE && find_peer( "kdc", &kdc ))
        {
            wsprintfW( user, L"%s\\%s", peer_fact_w( &kdc, "realm" ), peer_fact_w( &kdc, "user" ) );
            lstrcpyW( password, peer_fact_w( &kdc, "password" ) );
        }
        redirect_path( path, rows[i].place, L"http", L"127.0.0.1", &to, rows[i].place );
        if (visit_open( &visit, NULL, &from.peer, HOST, NULL, path, 0 ))
        {
            auth_set( visit.client.request, rows[i].flag, user, password );
            visit_send( &visit, NULL );
            MUST( &from, rows[i].answer );
            MUST( &to, "GET /" );
            CHOOSE_NOT( &to, "Authorization" );
            if (!strcmp( winetest_platform, "wine" )) visit_check_status( &visit, 401 );
        }
        visit_close( &visit );
        winetest_pop_context();
    }
}

/* Nothing at all goes from https to http unless the program wants that; and if it does, neither a credential nor the referer of
 * the protected place (RFC 9110 10.1.3) does. */
static void test_redirect_to_a_lesser_scheme(void)
{
    struct witness from, to;
    struct visit visit;
    WCHAR path[256];

    if (!witness_find( &from, "apache-tls-relay" ) || !witness_find( &to, "apache-relay" )) return;
    redirect_path( path, L"/basic", L"http", L"127.0.0.1", &to, L"/open?by=default" );
    if (visit_open( &visit, NULL, &from.peer, NULL, NULL, path, VISIT_TLS ))
    {
        set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
        visit_send( &visit, NULL );
        ok( visit.error == ERROR_WINHTTP_REDIRECT_FAILED || visit.status == 302, "error %lu, status %lu\n", visit.error,
            visit.status );
        MUST( &from, "GET /basic/redirect" );
        MUST_NOTHING( &to );
    }
    visit_close( &visit );

    if (visit_open( &visit, NULL, &from.peer, NULL, NULL, L"/open", VISIT_TLS ))
    {
        set_dword( visit.client.session, WINHTTP_OPTION_REDIRECT_POLICY, WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS );   /* RD-8 */
        redirect_path( path, L"/basic", L"http", L"127.0.0.1", &to, L"/open?by=wish" );
        if (visit_again( &visit, NULL, path ))
        {
            set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
            add_field( &visit, L"Referer: https://127.0.0.1/referer-secret" );
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            MUST( &from, "referer-secret" );
            MUST( &to, "GET /open?by=wish HTTP" );
            CHOOSE_NOT( &to, "Authorization" );
            choose_unheard( &to, user_of( &from, FALSE ), password_of( &from, FALSE ) );
            CHOOSE_NOT( &to, "referer-secret" );
        }
    }
    visit_close( &visit );
}

/* A Location with user and password: neither is told to anybody. A choice. */
static void test_userinfo_of_a_location(void)
{
    struct witness from, to;
    struct visit visit;
    WCHAR path[256];

    if (!witness_find( &from, "apache-relay" ) || !witness_find( &to, "apache-idle-relay" )) return;
    redirect_path( path, L"", L"http", L"tester:open-secret@127.0.0.1", &to, L"/basic" );
    if (visit_open( &visit, NULL, &from.peer, NULL, NULL, path, 0 ))
    {
        visit_send( &visit, NULL );
        if (!strcmp( winetest_platform, "wine" )) visit_check_status( &visit, 401 );
        if (!visit.error) MUST( &to, "GET /basic HTTP" );
        CHOOSE_NOT( &to, "Authorization" );
        choose_unheard( &to, "tester", "open-secret" );
    }
    visit_close( &visit );
}

/* ---- cookies ---- */

/* A cookie is for its host: not for another one, and not for another session. CO-1 */
static void test_cookie_stays_with_host_and_session(void)
{
    struct witness from, to;
    struct visit visit;
    WCHAR path[256];

    if (!witness_find( &from, "apache-relay" ) || !witness_find( &to, "apache-idle-relay" )) return;
    if (visit_open( &visit, NULL, &from.peer, NULL, NULL, L"/cookie", 0 ))
    {
        visit_send( &visit, NULL );
        visit_check_status( &visit, 200 );
        if (visit_again( &visit, NULL, L"/open" )) visit_send( &visit, NULL );
        MUST_TIMES( &from, "witness=cookie-secret", 1 );
        redirect_path( path, L"", L"http", L"localhost", &to, L"/open" );
        if (visit_again( &visit, NULL, path )) visit_send( &visit, NULL );
        MUST( &to, "GET /open HTTP" );
        MUST_NOT( &to, "cookie-secret" );                                                                       /* CO-1 */
    }
    visit_close( &visit );
    witness_reset( &from );
    if (visit_open( &visit, NULL, &from.peer, NULL, NULL, L"/open", 0 ))
    {
        visit_send( &visit, NULL );
        MUST( &from, "GET /open HTTP" );
        MUST_NOT( &from, "cookie-secret" );                                                                     /* CO-1 */
    }
    visit_close( &visit );
}

/* ---- requests and sessions ---- */

/* Credentials last for one request handle: not for the next one on the same connection, nor for another session. */
static void test_credentials_are_a_requests_own(void)
{
    struct visit visit, other;
    struct witness witness;
    const char *basic;

    if (!witness_find( &witness, "apache-relay" )) return;
    basic = basic_of( user_of( &witness, FALSE ), password_of( &witness, FALSE ) );
    if (visit_open( &visit, NULL, &witness.peer, NULL, NULL, L"/basic", 0 ))
    {
        set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
        visit_send( &visit, NULL );
        visit_check_user( &visit, user_of( &witness, FALSE ), "Basic" );
        MUST( &witness, basic );
        witness_reset( &witness );
        if (visit_again( &visit, NULL, L"/basic" )) visit_send( &visit, NULL );
        visit_check_status( &visit, 401 );
        if (visit_open( &other, NULL, &witness.peer, NULL, NULL, L"/basic", 0 )) visit_send( &other, NULL );
        visit_check_status( &other, 401 );
        visit_close( &other );
        MUST_TIMES( &witness, "GET /basic HTTP", 2 );
        MUST_NOT( &witness, "Authorization" );
    }
    visit_close( &visit );
}

/* Who is logged on is told to nobody that the policy excludes: not even a first token goes out. options.md 77 */
static void test_policy_keeps_the_logged_on_user_back(void)
{
    static const struct row
    {
        const WCHAR *host;
        DWORD        policy;
        BOOL         told;
    }
    rows[] =
    {
        { L"localhost", WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, TRUE },
        { HOST, WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW, TRUE },
        { HOST, WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, FALSE },
        { NULL, WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, FALSE },
        { HOST, WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH, FALSE },
        { HOST, WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, FALSE },
    };
    struct witness witness, to;
    struct visit visit;
    WCHAR path[256];
    unsigned int i;

    if (!witness_find( &witness, "apache-relay" ) || !witness_find( &to, "apache-idle-relay" )) return;
    if (!peer_fact( &witness.peer, "negotiate" )[0]) return;
    for (i = 0; i < count_of( rows ); i++)
    {
        winetest_push_context( "%ls, policy %lu", rows[i].host ? rows[i].host : L"address", rows[i].policy );
        witness_reset( &witness );
        if (visit_open( &visit, NULL, &witness.peer, rows[i].host, NULL, L"/negotiate", 0 ))
        {
            set_dword( visit.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, rows[i].policy );
            visit_send( &visit, NULL );
            visit_check_status( &visit, rows[i].told ? 200 : 401 );
            if (rows[i].told) MUST( &witness, "Authorization: Negotiate " );
            else MUST_NOT( &witness, "Authorization" );
            MUST_NOT( &witness, "tester" );    /* a Kerberos ticket does not say it in the clear */
        }
        visit_close( &visit );
        winetest_pop_context();
    }

    /* from the intranet to a place outside of it */
    witness_reset( &witness );
    redirect_path( path, L"/negotiate", L"http", L"127.0.0.1", &to, L"/negotiate" );
    if (visit_open( &visit, NULL, &witness.peer, L"localhost", NULL, path, 0 ))
    {
        visit_send( &visit, NULL );
        visit_check_status( &visit, 401 );
        MUST( &witness, "Authorization: Negotiate " );
        MUST( &to, "GET /negotiate HTTP" );
        MUST_NOT( &to, "Authorization" );
    }
    visit_close( &visit );

    /* DISABLE_AUTHENTICATION */
    witness_reset( &witness );
    if (visit_open( &visit, NULL, &witness.peer, L"localhost", NULL, L"/negotiate", 0 ))
    {
        set_dword( visit.client.request, WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_DISABLE_AUTHENTICATION );      /* O-12 */
        visit_send( &visit, NULL );
        visit_check_status( &visit, 401 );
        MUST( &witness, "GET /negotiate HTTP" );
        MUST_NOT( &witness, "Authorization" );
    }
    visit_close( &visit );
}

/* A server whose certificate is not good gets no byte of the request. "TLS verification" */
static void test_bad_certificate_gets_nothing(void)
{
    struct witness witness;
    struct visit visit;

    if (!witness_find( &witness, "apache-tls-relay" )) return;
    if (visit_open( &visit, NULL, &witness.peer, L"www.elsewhere.test", L"POST", L"/basic", VISIT_TLS ))
    {
        set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
        visit_send( &visit, "body" );
        ok( visit.error == ERROR_WINHTTP_SECURE_FAILURE, "error %lu\n", visit.error );
        MUST_NOTHING( &witness );
    }
    visit_close( &visit );
}

/* ---- proxies ---- */

static void set_proxy( const struct visit *visit, const struct witness *proxy, const WCHAR *bypass )
{
    WCHAR name[80];
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, name, (WCHAR *)bypass };

    wsprintfW( name, L"%s:%u", proxy->peer.host, proxy->peer.port );
    ok( WinHttpSetOption( visit->client.request, WINHTTP_OPTION_PROXY, &info, sizeof(info) ), "error %lu\n", GetLastError() );
}

static void set_proxy_login( const struct visit *visit, const struct witness *proxy )
{
    auth_set_( __FILE__, __LINE__, visit->client.request, WINHTTP_AUTH_TARGET_PROXY, WINHTTP_AUTH_SCHEME_BASIC,
               peer_fact_w( &proxy->peer, "proxy_user" ), peer_fact_w( &proxy->peer, "proxy_password" ) );
}

/* Through a tunnel each gets its own: the proxy neither a field of the request nor the server's credentials, the server none of
 * the proxy's, and another server behind the same proxy none of the first one's. "Proxy auth leak" */
static void test_tunnel(void)
{
    struct witness proxy, server, other;
    struct visit visit, second;

    if (!witness_find( &proxy, "apache-proxy-relay" ) || !witness_find( &server, "apache-tls-relay" )
        || !witness_find( &other, "apache-tls-idle-relay" )) return;
    if (!visit_open( &visit, NULL, &server.peer, NULL, NULL, L"/basic", VISIT_TLS )) goto done;
    set_proxy( &visit, &proxy, NULL );
    set_proxy_login( &visit, &proxy );
    set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
    add_field( &visit, L"Cookie: program=cookie-secret\r\nX-Program: program-secret" );
    visit_send( &visit, NULL );
    visit_check_user( &visit, user_of( &server, FALSE ), "Basic" );
    MUST( &proxy, "CONNECT 127.0.0.1:" );
    MUST( &proxy, "\r\nProxy-Authorization: Basic " );
    MUST_NOT( &proxy, "\r\nAuthorization" );
    MUST_NOT( &proxy, "Cookie" );
    MUST_NOT( &proxy, "program-secret" );
    MUST_NOT( &proxy, "/basic" );
    check_unheard( &proxy, user_of( &server, FALSE ), password_of( &server, FALSE ) );
    MUST( &server, "GET /basic HTTP" );
    MUST( &server, basic_of( user_of( &server, FALSE ), password_of( &server, FALSE ) ) );
    MUST( &server, "cookie-secret" );
    MUST_NOT( &server, "Proxy-Authorization" );
    check_unheard( &server, user_of( &proxy, TRUE ), password_of( &proxy, TRUE ) );

    witness_reset( &server );
    if (visit_open( &second, visit.client.session, &other.peer, NULL, NULL, L"/basic", VISIT_TLS ))
    {
        set_proxy( &second, &proxy, NULL );
        set_proxy_login( &second, &proxy );
        visit_send( &second, NULL );
        visit_check_status( &second, 401 );
        MUST( &other, "GET /basic HTTP" );
        MUST_NOT( &other, "Authorization" );
        MUST_NOTHING( &server );
        check_unheard( &other, user_of( &server, FALSE ), password_of( &server, FALSE ) );
    }
    visit_close( &second );
done:
    visit_close( &visit );
}

/* Nobody who has no credentials for the proxy uses a tunnel that others' have opened; and the refused CONNECT tells the server
 * nothing. */
static void test_tunnel_is_its_users(void)
{
    struct witness proxy, server;
    struct visit visit;

    if (!witness_find( &proxy, "apache-proxy-relay" ) || !witness_find( &server, "apache-tls-relay" )) return;
    if (visit_open( &visit, NULL, &server.peer, NULL, NULL, L"/open", VISIT_TLS ))
    {
        set_proxy( &visit, &proxy, NULL );
        set_proxy_login( &visit, &proxy );
        visit_send( &visit, NULL );
        visit_check_status( &visit, 200 );
        MUST( &server, "GET /open HTTP" );
        witness_reset( &server );
        witness_reset( &proxy );
        if (visit_again( &visit, NULL, L"/basic" ))
        {
            set_proxy( &visit, &proxy, NULL );
            set_basic( &visit, WINHTTP_AUTH_TARGET_SERVER );
            visit_send( &visit, NULL );
            /* a tunnel that is there may serve the session that has opened it: a choice */
            if (!strcmp( winetest_platform, "wine" ))
            {
                visit_check_status( &visit, 407 );
                MUST( &proxy, "CONNECT 127.0.0.1:" );
                MUST_NOTHING( &server );
            }
            MUST_NOT( &proxy, "Authorization" );
            check_unheard( &proxy, user_of( &server, FALSE ), password_of( &server, FALSE ) );
        }
    }
    visit_close( &visit );
}

/* Without a tunnel the proxy sees the request, and keeps what is its own. A server that is reached past the proxy gets nothing
 * that was for the proxy. */
static void test_forwarding_proxy(void)
{
    struct witness proxy, server;
    struct visit visit;

    if (!witness_find( &proxy, "apache-proxy-relay" ) || !witness_find( &server, "apache-relay" )) return;
    if (visit_open( &visit, NULL, &server.peer, NULL, NULL, L"/open", 0 ))
    {
        set_proxy( &visit, &proxy, NULL );
        set_proxy_login( &visit, &proxy );
        visit_send( &visit, NULL );
        visit_check_status( &visit, 200 );
        MUST( &proxy, "GET http://127.0.0.1:" );
        MUST( &proxy, "\r\nProxy-Authorization: Basic " );
        MUST( &server, "GET /open HTTP" );
        witness_reset( &server );
        witness_reset( &proxy );
        if (visit_again( &visit, NULL, L"/open?past" ))
        {
            set_proxy( &visit, &proxy, L"127.0.0.1" );
            set_proxy_login( &visit, &proxy );
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            MUST( &server, "GET /open?past HTTP" );
            MUST_NOT( &server, "Proxy-Authorization" );
            check_unheard( &server, user_of( &proxy, TRUE ), password_of( &proxy, TRUE ) );
            MUST_NOTHING( &proxy );
        }
    }
    visit_close( &visit );
}

/* Who is logged on is told to a proxy unless the policy is HIGH, and with that not to the server. */
static void test_logged_on_user_and_proxy(void)
{
    struct witness proxy, server;
    struct visit visit;
    WCHAR path[16] = L"/open";

    if (!witness_find( &proxy, "apache-gss-proxy-relay" ) || !witness_find( &server, "apache-tls-relay" )) return;
    if (visit_open( &visit, NULL, &server.peer, NULL, NULL, path, VISIT_TLS ))
    {
        set_proxy( &visit, &proxy, NULL );
        set_dword( visit.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH );
        visit_send( &visit, NULL );
        visit_check_status( &visit, 407 );
        MUST( &proxy, "CONNECT 127.0.0.1:" );
        MUST_NOT( &proxy, "Authorization" );
        MUST_NOTHING( &server );

        witness_reset( &proxy );
        if (visit_again( &visit, NULL, path ))
        {
            set_proxy( &visit, &proxy, NULL );
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            MUST( &proxy, "\r\nProxy-Authorization: Negotiate " );
            MUST( &server, "GET /open HTTP" );
            MUST_NOT( &server, "Authorization" );
        }
    }
    visit_close( &visit );

    /* a proxy on this machine is not told by those who want that; who else Windows names to it is its own */
    witness_reset( &proxy );
    witness_reset( &server );
    if (strcmp( winetest_platform, "wine" )) return;
    if (visit_open( &visit, NULL, &server.peer, NULL, NULL, path, VISIT_TLS ))
    {
        set_dword( visit.client.session, WINHTTP_OPTION_DISABLE_PROXY_AUTH_SCHEMES, WINHTTP_PROXY_DISABLE_AUTH_LOCAL_SERVICE );
        set_proxy( &visit, &proxy, NULL );
        visit_send( &visit, NULL );
        visit_check_status( &visit, 407 );
        MUST( &proxy, "CONNECT 127.0.0.1:" );
        MUST_NOT( &proxy, "Authorization" );
        MUST_NOTHING( &server );
    }
    visit_close( &visit );
}

/* ---- scripts ---- */

/* A server of scripts gets no credential that nobody has offered it, no cookie of the session, and nothing of the URL that the
 * script is asked about. "PAC script" */
static void test_fetching_a_script(void)
{
    WINHTTP_AUTOPROXY_OPTIONS options = { 0 };
    static const WCHAR *const places[] = { L"/basic", L"/negotiate", L"/ntlm", L"/several" };
    WINHTTP_PROXY_INFO info;
    struct witness witness;
    struct visit visit;
    WCHAR url[128];
    unsigned int i;
    char place[32];
    DWORD err;
    BOOL ret;

    if (!witness_find( &witness, "apache-relay" )) return;
    if (!visit_open( &visit, NULL, &witness.peer, L"localhost", NULL, L"/cookie", 0 )) goto done;
    visit_send( &visit, NULL );
    visit_check_status( &visit, 200 );
    for (i = 0; i < count_of( places ); i++)
    {
        if (i && !peer_fact( &witness.peer, i == 2 ? "ntlm" : "negotiate" )[0]) continue;
        winetest_push_context( "%ls", places[i] );
        witness_reset( &witness );
        wsprintfW( url, L"http://localhost:%u%s", witness.peer.port, places[i] );
        options.dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL;
        options.lpszAutoConfigUrl = url;
        memset( &info, 0, sizeof(info) );
        ret = WinHttpGetProxyForUrl( visit.client.session, L"https://user-secret:url-secret@www.peers.test/path-secret?query-secret",
                                     &options, &info );
        err = GetLastError();
        ok( !ret, "succeeded\n" );
        ok( err == ERROR_WINHTTP_LOGIN_FAILURE || err == ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT
            || err == ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR, "error %lu\n", err );
        sprintf( place, "GET %ls HTTP", places[i] );
        MUST( &witness, place );
        MUST_NOT( &witness, "Authorization" );
        MUST_NOT( &witness, "secret" );    /* of the URL, and the cookie's */
        if (ret) GlobalFree( info.lpszProxy );
        winetest_pop_context();
    }
done:
    visit_close( &visit );
}

START_TEST(auth_scope)
{
    struct peer peer;

    if (!find_peer( "apache-relay", &peer )) return;
    test_redirect_takes_no_credentials_along();
    test_redirect_takes_no_handshake_along();
    test_redirect_to_a_lesser_scheme();
    test_userinfo_of_a_location();
    test_cookie_stays_with_host_and_session();
    test_credentials_are_a_requests_own();
    test_policy_keeps_the_logged_on_user_back();
    test_bad_certificate_gets_nothing();
    test_tunnel();
    test_tunnel_is_its_users();
    test_forwarding_proxy();
    test_logged_on_user_and_proxy();
    test_fetching_a_script();
}
