/*
 * Authentication against servers that others have written: Apache with mod_auth_basic, mod_auth_digest and mod_auth_gssapi,
 * over a Kerberos realm and over gss-ntlmssp
 *
 * The servers are those of tests/fixtures/peers/apache.sh, which say in their answers whom they have let in, by which scheme,
 * and from which port they were asked. Rules: windows-behaviour.md section 11; behaviour-concepts.md section 3; functions.md
 * WinHttpWriteData and WinHttpSetCredentials. What a credential must not reach is in auth_scope.c.
 */
#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <sspi.h>
#include <winhttp.h>

#include "wine/test.h"
#include "auth.h"
#include "peers.h"

#define HOST L"www.peers.test"    /* no name of an intranet, so that nobody is logged on unasked; it resolves to the peer */

static const struct way
{
    const char *peer;
    DWORD       flags;
}
ways[] =
{
    { "apache-relay", 0 },
    { "apache-tls", VISIT_TLS },
    { "apache-h2", VISIT_TLS | VISIT_H2 },
};

static struct scheme
{
    DWORD        flag;
    const WCHAR *path;
    const char  *type;          /* as the server calls it */
    const WCHAR *package;       /* of SSPI, NULL: none is needed */
    const char  *fact;          /* of the peer: it can do this */
    char         name[64];      /* as the server calls the user */
    WCHAR        user[64], password[64];
    DWORD        resends;       /* at most, of a body that was written */
}
schemes[] =
{
    { WINHTTP_AUTH_SCHEME_BASIC,     L"/basic",     "Basic",     NULL,         "user",      "", L"", L"", 1 },
    { WINHTTP_AUTH_SCHEME_DIGEST,    L"/digest",    "Digest",    NULL,         "user",      "", L"", L"", 1 },
    { WINHTTP_AUTH_SCHEME_NEGOTIATE, L"/negotiate", "Negotiate", L"Kerberos",  "negotiate", "", L"", L"", 1 },
    { WINHTTP_AUTH_SCHEME_NTLM,      L"/ntlm",      "NTLM",      L"NTLM",      "ntlm",      "", L"", L"", 2 },
};

static BOOL has_package( const WCHAR *name )
{
    HMODULE module = LoadLibraryA( "secur32.dll" );
    QUERY_SECURITY_PACKAGE_INFO_FN_W query_info = (void *)GetProcAddress( module, "QuerySecurityPackageInfoW" );
    SecPkgInfoW *info;

    return query_info && !query_info( (WCHAR *)name, &info );
}

/* Fills in who may do what. FALSE: this scheme cannot be tried. */
static BOOL prepare( struct scheme *scheme, const struct peer *peer )
{
    struct peer kdc;

    if (!peer_fact( peer, scheme->fact )[0])
    {
        skip( "%s does not do %s\n", peer->name, scheme->type );
        return FALSE;
    }
    if (scheme->package && !has_package( scheme->package ))
    {
        skip( "this system has no package %ls\n", scheme->package );
        return FALSE;
    }
    lstrcpyW( scheme->user, peer_fact_w( peer, "user" ) );
    lstrcpyW( scheme->password, peer_fact_w( peer, "password" ) );
    strcpy( scheme->name, peer_fact( peer, "user" ) );
    if (scheme->flag == WINHTTP_AUTH_SCHEME_NTLM)
    {
        wsprintfW( scheme->user, L"%s\\%s", peer_fact_w( peer, "ntlm" ), peer_fact_w( peer, "user" ) );
        lstrcpyW( scheme->password, peer_fact_w( peer, "ntlm_password" ) );
        sprintf( scheme->name, "%s\\%s", peer_fact( peer, "ntlm" ), peer_fact( peer, "user" ) );
    }
    if (scheme->flag == WINHTTP_AUTH_SCHEME_NEGOTIATE)
    {
        if (!find_peer( "kdc", &kdc )) return FALSE;
        wsprintfW( scheme->user, L"%s\\%s", peer_fact_w( &kdc, "realm" ), peer_fact_w( &kdc, "user" ) );
        lstrcpyW( scheme->password, peer_fact_w( &kdc, "password" ) );
        sprintf( scheme->name, "%s@%s", peer_fact( &kdc, "user" ), peer_fact( &kdc, "realm" ) );
    }
    return TRUE;
}

static void set_login_of( HINTERNET request, const struct scheme *scheme )
{
    auth_set( request, scheme->flag, scheme->user, scheme->password );
}

static void set_login( const struct visit *visit, const struct scheme *scheme )
{
    set_login_of( visit->client.request, scheme );
}

/* ---- each scheme on each way ---- */

/* The loop of a program that knows nothing of its server. */
static void check_loop( struct visit *visit, const struct scheme *scheme )
{
    DWORD supported = 0, first = 0, target = ~0u;
    BOOL ret;

    visit_send( visit, NULL );
    visit_check_status( visit, 401 );                                                                           /* AU-6 */
    ok( strstr( visit->body, "401" ) != NULL, "body %s\n", visit->body );
    ret = WinHttpQueryAuthSchemes( visit->client.request, &supported, &first, &target );
    ok( ret, "failed with %lu\n", GetLastError() );
    ok( (supported & scheme->flag) && target == WINHTTP_AUTH_TARGET_SERVER, "%#lx, target %lu\n", supported, target );   /* AU-4 */
    /* mod_auth_gssapi offers Negotiate before NTLM */
    ok( first == (scheme->flag == WINHTTP_AUTH_SCHEME_NTLM ? WINHTTP_AUTH_SCHEME_NEGOTIATE : scheme->flag), "first %#lx\n",
        first );                                                                                                /* AU-5 */
    set_login( visit, scheme );
    visit_send( visit, NULL );                                                                                  /* AU-8 */
    visit_check_user( visit, scheme->name, scheme->type );
}

/* A second send on the same handle keeps the credentials. */
static void check_known_credentials( struct visit *visit, const struct scheme *scheme )
{
    if (!visit_again( visit, NULL, scheme->path )) return;
    set_login( visit, scheme );
    visit_send( visit, NULL );
    visit_check_user( visit, scheme->name, scheme->type );                                                      /* AU-9 */
    visit_send( visit, NULL );
    visit_check_user( visit, scheme->name, scheme->type );
}

/* The right ones do it on the same handle. */
static void check_wrong_password( struct visit *visit, const struct scheme *scheme )
{
    if (!visit_again( visit, NULL, scheme->path )) return;
    auth_set( visit->client.request, scheme->flag, scheme->user, L"not this one" );
    visit_send( visit, NULL );
    visit_check_status( visit, 401 );                                                                           /* AU-14 */
    set_login( visit, scheme );
    visit_send( visit, NULL );
    visit_check_user( visit, scheme->name, scheme->type );
}

static void check_given_body( struct visit *visit, const struct scheme *scheme )
{
    if (!visit_again( visit, L"POST", scheme->path )) return;
    set_login( visit, scheme );
    visit_send( visit, "given" );
    visit_check_user( visit, scheme->name, scheme->type );
    ok( !strcmp( visit_value( visit, "body" ), "given" ), "body %s\n", visit_value( visit, "body" ) );
    ok( !strcmp( visit_value( visit, "method" ), "POST" ), "method %s\n", visit_value( visit, "method" ) );
}

/* ERROR_WINHTTP_RESEND_REQUEST: the program sends and writes again. How often, is up to the library, within bounds. */
static void check_written_body( struct visit *visit, const struct scheme *scheme )
{
    DWORD resends;

    if (!visit_again( visit, L"POST", scheme->path )) return;
    set_login( visit, scheme );
    for (resends = 0; resends < 4; resends++)
    {
        visit_write( visit, "written" );
        if (visit->error != ERROR_WINHTTP_RESEND_REQUEST) break;
    }
    visit_check_user( visit, scheme->name, scheme->type );
    ok( !strcmp( visit_value( visit, "body" ), "written" ), "body %s\n", visit_value( visit, "body" ) );
    ok( resends <= scheme->resends, "%lu resends\n", resends );
    /* AU-9: a body that goes with its credentials at once is not asked for twice */
    if (scheme->flag == WINHTTP_AUTH_SCHEME_BASIC) ok( !resends, "%lu resends\n", resends );
}

static void test_scheme( const struct way *way, struct scheme *scheme )
{
    struct visit visit;
    struct peer peer;

    if (!find_peer( way->peer, &peer ) || !prepare( scheme, &peer )) return;
    winetest_push_context( "%s, %s", way->peer, scheme->type );
    if (visit_open( &visit, NULL, &peer, HOST, NULL, scheme->path, way->flags ))
    {
        check_loop( &visit, scheme );
        check_known_credentials( &visit, scheme );
        check_wrong_password( &visit, scheme );
        check_given_body( &visit, scheme );
        check_written_body( &visit, scheme );
    }
    visit_close( &visit );
    winetest_pop_context();
}

/* ---- several schemes ---- */

/* Negotiate and Basic: the program names the one that it wants. */
static void test_program_chooses_among_several( void )
{
    struct scheme basic = schemes[0];
    DWORD supported, first, target;
    struct visit visit;
    struct peer peer;

    if (!find_peer( "apache", &peer ) || !peer_fact( &peer, "negotiate" )[0]) return;
    if (visit_open( &visit, NULL, &peer, HOST, NULL, L"/several", 0 ))
    {
        visit_send( &visit, NULL );
        visit_check_status( &visit, 401 );
        ok( WinHttpQueryAuthSchemes( visit.client.request, &supported, &first, &target ), "failed with %lu\n", GetLastError() );
        ok( supported == (WINHTTP_AUTH_SCHEME_NEGOTIATE | WINHTTP_AUTH_SCHEME_BASIC), "supported %#lx\n", supported );
        ok( first == WINHTTP_AUTH_SCHEME_NEGOTIATE, "first %#lx\n", first );                                    /* AU-5 */
        ok( target == WINHTTP_AUTH_TARGET_SERVER, "target %lu\n", target );
        if (prepare( &schemes[2], &peer ))
        {
            set_login( &visit, &schemes[2] );
            visit_send( &visit, NULL );
            visit_check_user( &visit, schemes[2].name, "Negotiate" );
        }
        /* the server asks the realm about a password that comes with Basic, and this is not one of the realm's */
        if (visit_again( &visit, NULL, L"/several" ) && prepare( &basic, &peer ))
        {
            set_login( &visit, &basic );
            visit_send( &visit, NULL );
            visit_check_status( &visit, 401 );                                                                  /* AU-14 */
        }
    }
    visit_close( &visit );
}

/* ---- Digest ---- */

/* The value of a parameter in a field of the response. */
static void response_param( const struct visit *visit, const WCHAR *field, const char *name, char *value, unsigned int size )
{
    WCHAR text[1024];
    char bytes[1024];
    DWORD len = sizeof(text);

    value[0] = 0;
    if (!WinHttpQueryHeaders( visit->client.request, WINHTTP_QUERY_CUSTOM, field, text, &len, NULL )) return;
    WideCharToMultiByte( CP_ACP, 0, text, -1, bytes, sizeof(bytes), NULL, NULL );
    auth_param( bytes, name, value, size );
}

/* The parameter of the last Authorization field that the relay has seen from `from` on; how many requests these were. */
static unsigned int sent_param( const struct peer *peer, unsigned int from, const char *name, char *value, unsigned int size )
{
    char *record = peer_record( peer, from, NULL ), *pos, *last = NULL;
    unsigned int count = 0;

    for (pos = record; (pos = strstr( pos, "\r\n\r\n" )); pos += 4) count++;
    for (pos = record; (pos = strstr( pos, "\r\nAuthorization: Digest " )); pos += 2) last = pos;
    value[0] = 0;
    if (last)
    {
        last += 2;
        last[strcspn( last, "\r\n" )] = 0;
        auth_param( last, name, value, size );
    }
    free( record );
    return count;
}

/* RFC 7616 3.5: the next request takes the nonce that the server has given for it, if it says anything unasked. That it does
 * is a choice. A nonce that has become old is answered with stale=true, and the same credentials do it with the new one. */
static void test_digest_nonces( void )
{
    char next[128], sent[128], count[16];
    struct scheme *scheme = &schemes[1];
    unsigned int from, requests;
    struct visit visit;
    struct peer peer;

    if (!find_peer( "apache-relay", &peer ) || !prepare( scheme, &peer )) return;
    if (visit_open( &visit, NULL, &peer, HOST, NULL, L"/digest-short", 0 ))
    {
        set_login( &visit, scheme );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Digest" );
        response_param( &visit, L"Authentication-Info", "nextnonce", next, sizeof(next) );
        ok( next[0], "no nextnonce\n" );

        from = peer_record_len( &peer );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Digest" );
        requests = sent_param( &peer, from, "nonce", sent, sizeof(sent) );
        if (!strcmp( winetest_platform, "wine" ))
        {
            ok( requests == 1, "%u requests\n", requests );
            ok( !strcmp( sent, next ), "nonce %s, not %s\n", sent, next );
            sent_param( &peer, from, "nc", count, sizeof(count) );
            ok( !strcmp( count, "00000001" ), "nc %s\n", count );
        }

        /* The clock of the server has seconds; this is no wait for anybody, but what the nonce's life is about. */
        Sleep( 2500 );
        from = peer_record_len( &peer );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Digest" );
        requests = sent_param( &peer, from, "nonce", sent, sizeof(sent) );
        ok( requests == 2 || (requests == 1 && strcmp( winetest_platform, "wine" )), "%u requests\n", requests );
    }
    visit_close( &visit );
}

/* One nonce for several requests: they count. */
static void test_digest_counts( void )
{
    struct scheme *scheme = &schemes[1];
    char value[128], nonce[128];
    unsigned int from, requests;
    struct visit visit;
    struct peer peer;

    if (!find_peer( "apache-relay", &peer ) || !prepare( scheme, &peer )) return;
    if (visit_open( &visit, NULL, &peer, HOST, NULL, scheme->path, 0 ))
    {
        set_login( &visit, scheme );
        from = peer_record_len( &peer );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Digest" );
        requests = sent_param( &peer, from, "nonce", nonce, sizeof(nonce) );
        ok( requests == 2, "%u requests\n", requests );    /* behaviour-concepts.md 3: Digest never goes before its challenge */
        sent_param( &peer, from, "qop", value, sizeof(value) );
        ok( !strcmp( value, "auth" ), "qop %s\n", value );
        sent_param( &peer, from, "uri", value, sizeof(value) );
        ok( !strcmp( value, "/digest" ), "uri %s\n", value );
        sent_param( &peer, from, "nc", value, sizeof(value) );
        ok( !strcmp( value, "00000001" ), "nc %s\n", value );

        from = peer_record_len( &peer );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Digest" );
        requests = sent_param( &peer, from, "nonce", value, sizeof(value) );
        if (!strcmp( winetest_platform, "wine" ))    /* that the second send knows the nonce is a choice */
        {
            ok( requests == 1 && !strcmp( value, nonce ), "%u requests, nonce %s, not %s\n", requests, value, nonce );
            sent_param( &peer, from, "nc", value, sizeof(value) );
            ok( !strcmp( value, "00000002" ), "nc %s\n", value );
        }
    }
    visit_close( &visit );
}

/* ---- who is logged on ---- */

/* AUTOLOGON_POLICY, options.md 3.7. HIGH with localhost is left out: Windows documents that it means names of machines. */
static const struct logon
{
    const WCHAR *host;       /* NULL: the address */
    DWORD        policy;     /* ~0u: the default */
    const WCHAR *bypass;     /* of a proxy that the request goes past */
    DWORD        status;
}
logons[] =
{
    { L"localhost",      ~0u, NULL, 200 },                                           /* MEDIUM: a name without a dot */
    { L"localhost",      WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, NULL, 200 },
    { HOST,              ~0u, NULL, 401 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, NULL, 401 },
    { NULL,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, NULL, 401 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM, L"*.peers.test", 200 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,    NULL, 200 },
    { L"localhost",      WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,    NULL, 200 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,   NULL, 401 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,   L"*.peers.test", 401 },
    { HOST,              WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, NULL, 401 },
    { L"localhost",      WINHTTP_AUTOLOGON_SECURITY_LEVEL_PROXY_ONLY, NULL, 401 },
};

static void check_logon( const struct peer *peer, const struct logon *logon, DWORD flags, const char *name )
{
    WINHTTP_PROXY_INFO proxy = { WINHTTP_ACCESS_TYPE_NAMED_PROXY, (WCHAR *)L"127.0.0.1:9", (WCHAR *)logon->bypass };
    DWORD policy = logon->policy;
    struct visit visit;

    winetest_push_context( "%s, %ls, policy %ld, bypass %ls", peer->name, logon->host ? logon->host : L"address", policy,
                           logon->bypass ? logon->bypass : L"none" );
    if (visit_open( &visit, NULL, peer, logon->host, NULL, L"/negotiate", flags ))
    {
        if (logon->bypass)
            ok( WinHttpSetOption( visit.client.request, WINHTTP_OPTION_PROXY, &proxy, sizeof(proxy) ), "error %lu\n", GetLastError() );
        if (policy != ~0u)
            ok( WinHttpSetOption( visit.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, &policy, sizeof(policy) ), "error %lu\n",
                GetLastError() );
        visit_send( &visit, NULL );
        visit_check_status( &visit, logon->status );
        if (logon->status == 200) visit_check_user( &visit, name, "Negotiate" );
    }
    visit_close( &visit );
    winetest_pop_context();
}

static void test_logged_on_user( void )
{
    struct scheme *scheme = &schemes[2];
    struct peer peer;
    unsigned int i;

    if (!find_peer( "apache", &peer ) || !prepare( scheme, &peer )) return;
    for (i = 0; i < count_of( logons ); i++) check_logon( &peer, &logons[i], 0, scheme->name );
    if (!find_peer( "apache-tls", &peer )) return;
    for (i = 0; i < count_of( logons ); i += 5) check_logon( &peer, &logons[i], VISIT_TLS, scheme->name );
}

/* By no name at all, which is documented to be the user who is logged on. That the policy counts for that, too, is a choice.
 * And with bodies. */
static void test_logged_on_user_by_request( void )
{
    struct scheme *scheme = &schemes[2];
    DWORD size, policy = WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW;
    struct visit visit;
    struct peer peer;
    WCHAR spn[64];

    if (!find_peer( "apache", &peer ) || !prepare( scheme, &peer )) return;
    if (visit_open( &visit, NULL, &peer, HOST, NULL, L"/negotiate", 0 ))
    {
        auth_set( visit.client.request, WINHTTP_AUTH_SCHEME_NEGOTIATE, NULL, NULL );                            /* AU-7 */
        visit_send( &visit, NULL );
        visit_check_status( &visit, strcmp( winetest_platform, "wine" ) && visit.status == 200 ? 200 : 401 );
        WinHttpSetOption( visit.client.request, WINHTTP_OPTION_AUTOLOGON_POLICY, &policy, sizeof(policy) );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Negotiate" );
        size = sizeof(spn);
        if (WinHttpQueryOption( visit.client.request, WINHTTP_OPTION_SERVER_SPN_USED, spn, &size ))
            ok( !lstrcmpiW( spn, L"HTTP/www.peers.test" ), "SPN %ls\n", spn );
        else ok( strcmp( winetest_platform, "wine" ), "failed with %lu\n", GetLastError() );
    }
    visit_close( &visit );
    if (visit_open( &visit, NULL, &peer, L"localhost", L"POST", L"/negotiate", 0 ))
    {
        visit_send( &visit, "given" );
        visit_check_user( &visit, scheme->name, "Negotiate" );
        ok( !strcmp( visit_value( &visit, "body" ), "given" ), "body %s\n", visit_value( &visit, "body" ) );
    }
    if (visit_again( &visit, L"POST", L"/negotiate" ))
    {
        visit_write( &visit, "written" );
        if (visit.error == ERROR_WINHTTP_RESEND_REQUEST) visit_write( &visit, "written" );
        visit_check_user( &visit, scheme->name, "Negotiate" );
        ok( !strcmp( visit_value( &visit, "body" ), "written" ), "body %s\n", visit_value( &visit, "body" ) );
    }
    visit_close( &visit );
}

/* Somebody else, by name. Wine keeps the ticket of whom a program names last as that of the user who is logged on, so the
 * latter is named last. */
static void test_kerberos_by_name( void )
{
    struct scheme another = schemes[2];
    struct scheme *scheme = &schemes[2];
    struct peer peer, kdc;
    struct visit visit;

    if (!find_peer( "apache", &peer ) || !find_peer( "kdc", &kdc ) || !prepare( scheme, &peer )) return;
    wsprintfW( another.user, L"%s\\%s", peer_fact_w( &kdc, "realm" ), peer_fact_w( &kdc, "other" ) );
    lstrcpyW( another.password, peer_fact_w( &kdc, "other_password" ) );
    sprintf( another.name, "%s@%s", peer_fact( &kdc, "other" ), peer_fact( &kdc, "realm" ) );
    if (visit_open( &visit, NULL, &peer, HOST, NULL, L"/negotiate", 0 ))
    {
        set_login( &visit, &another );
        visit_send( &visit, NULL );
        visit_check_user( &visit, another.name, "Negotiate" );
        set_login( &visit, scheme );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, "Negotiate" );
    }
    visit_close( &visit );
}

/* ---- connections ---- */

static unsigned int port_of( const struct visit *visit )
{
    unsigned int port = 0;

    sscanf( visit_value( visit, "port" ), "%u", &port );
    return port;
}

/* A connection that NTLM has authenticated is used again for the same user of the same session, and for nobody else. */
static void test_whose_connection( const struct way *way )
{
    struct scheme *scheme = &schemes[3], other;
    unsigned int port, another;
    struct visit visit, second;
    struct peer peer;

    if (!find_peer( way->peer, &peer ) || !prepare( scheme, &peer )) return;
    other = *scheme;
    wsprintfW( other.user, L"%s\\%s", peer_fact_w( &peer, "ntlm" ), peer_fact_w( &peer, "ntlm_other" ) );
    sprintf( other.name, "%s\\%s", peer_fact( &peer, "ntlm" ), peer_fact( &peer, "ntlm_other" ) );
    winetest_push_context( "%s", way->peer );
    if (visit_open( &visit, NULL, &peer, HOST, NULL, scheme->path, way->flags ))
    {
        set_login( &visit, scheme );
        visit_send( &visit, NULL );
        visit_check_user( &visit, scheme->name, scheme->type );
        port = port_of( &visit );
        ok( port, "the server says %s\n", visit.body );
        if (visit_again( &visit, NULL, scheme->path ))
        {
            set_login( &visit, scheme );
            visit_send( &visit, NULL );
            visit_check_user( &visit, scheme->name, scheme->type );
            ok( port_of( &visit ) == port, "port %u after %u\n", port_of( &visit ), port );
        }
        if (visit_again( &visit, NULL, scheme->path ))    /* nobody */
        {
            visit_send( &visit, NULL );
            visit_check_status( &visit, 401 );
        }
        if (visit_again( &visit, NULL, L"/open" ))
        {
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            ok( !visit_value( &visit, "user" )[0], "the server says %s\n", visit.body );
            ok( port_of( &visit ) != port, "port %u\n", port );
        }
        if (visit_again( &visit, NULL, scheme->path ))
        {
            set_login( &visit, &other );
            visit_send( &visit, NULL );
            visit_check_user( &visit, other.name, scheme->type );
            another = port_of( &visit );
            ok( another && another != port, "port %u\n", another );
            if (visit_open( &second, NULL, &peer, HOST, NULL, scheme->path, way->flags ))
            {
                set_login( &second, scheme );
                visit_send( &second, NULL );
                visit_check_user( &second, scheme->name, scheme->type );
                ok( port_of( &second ) && port_of( &second ) != port && port_of( &second ) != another, "port %u\n",
                    port_of( &second ) );
            }
            visit_close( &second );
        }
    }
    visit_close( &visit );
    winetest_pop_context();
}

/* The remedy for bodies that are written: a HEAD authenticates the connection, and the POST goes over it. functions.md
 * WinHttpWriteData. */
static void test_head_before_post( const struct way *way, const WCHAR *path, struct scheme *scheme )
{
    struct visit visit;
    struct peer peer;

    if (!find_peer( way->peer, &peer ) || !prepare( scheme, &peer )) return;
    winetest_push_context( "%s, %ls", way->peer, path );
    if (visit_open( &visit, NULL, &peer, HOST, L"HEAD", path, way->flags ))
    {
        set_login( &visit, scheme );
        visit_send( &visit, NULL );
        visit_check_status( &visit, 200 );
        if (visit_again( &visit, L"POST", path ))
        {
            set_login( &visit, scheme );
            visit_write( &visit, "written" );
            visit_check_user( &visit, scheme->name, scheme->type );
            ok( !strcmp( visit_value( &visit, "body" ), "written" ), "body %s\n", visit_value( &visit, "body" ) );
        }
    }
    visit_close( &visit );
    winetest_pop_context();
}

/* behaviour-concepts.md 3: a challenge of these schemes over HTTP/2 is answered over HTTP/1.1, on a connection of its own, and
 * the next request begins with HTTP/2 again. */
static void test_fall_back_from_http2( struct scheme *scheme )
{
    DWORD used, size = sizeof(used);
    struct visit visit;
    struct peer peer;

    if (!find_peer( "apache-h2", &peer ) || !prepare( scheme, &peer )) return;
    winetest_push_context( "%s", scheme->type );
    if (visit_open( &visit, NULL, &peer, HOST, NULL, L"/open", VISIT_TLS | VISIT_H2 ))
    {
        visit_send( &visit, NULL );
        visit_check_status( &visit, 200 );
        ok( !strcmp( visit_value( &visit, "protocol" ), "HTTP/2.0" ), "%s\n", visit_value( &visit, "protocol" ) );
        if (visit_again( &visit, NULL, scheme->path ))
        {
            set_login( &visit, scheme );
            visit_send( &visit, NULL );
            visit_check_user( &visit, scheme->name, scheme->type );
            ok( !strcmp( visit_value( &visit, "protocol" ), "HTTP/1.1" ), "%s\n", visit_value( &visit, "protocol" ) );
            used = ~0u;
            ok( WinHttpQueryOption( visit.client.request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &used, &size ) && !used,
                "used %#lx\n", used );                                                                         /* MX-3 */
        }
        if (visit_again( &visit, NULL, L"/open" ))
        {
            visit_send( &visit, NULL );
            visit_check_status( &visit, 200 );
            ok( !strcmp( visit_value( &visit, "protocol" ), "HTTP/2.0" ), "%s\n", visit_value( &visit, "protocol" ) );
            ok( !visit_value( &visit, "user" )[0], "the server says %s\n", visit.body );
        }
    }
    visit_close( &visit );
    winetest_pop_context();
}

/* ---- at the same time ---- */

#define ROUNDS 12

struct user
{
    const struct peer   *peer;
    HINTERNET            session;
    const struct scheme *scheme;    /* NULL: nobody, at a place for everybody */
    unsigned int         good, taken_for_another;
};

static DWORD WINAPI visit_often( void *arg )
{
    struct user *user = arg;
    const char *name = user->scheme ? user->scheme->name : "";
    struct visit visit;
    unsigned int i;

    if (!visit_open( &visit, user->session, user->peer, NULL, NULL, user->scheme ? user->scheme->path : L"/open", 0 )) return 0;
    for (i = 0; i < ROUNDS; i++)
    {
        if (i && !visit_again( &visit, NULL, user->scheme ? user->scheme->path : L"/open" )) break;
        if (user->scheme) WinHttpSetCredentials( visit.client.request, WINHTTP_AUTH_TARGET_SERVER, user->scheme->flag,
                                                 user->scheme->user, user->scheme->password, NULL );
        visit_send( &visit, NULL );
        if (visit.status != 200) continue;
        if (strcmp( visit_value( &visit, "user" ), name )) user->taken_for_another++;
        else user->good++;
    }
    visit_close( &visit );
    return 0;
}

/* Two users, nobody, and the first one's twin in another session, all at one server: none is ever taken for another. */
static void test_users_at_the_same_time( void )
{
    struct scheme first = schemes[3], second;
    struct user users[4] = { { NULL, NULL, NULL, 0, 0 } };
    HANDLE threads[count_of( users )];
    HINTERNET sessions[2];
    struct peer peer;
    unsigned int i;

    if (!find_peer( "apache", &peer ) || !prepare( &first, &peer )) return;
    second = first;
    wsprintfW( second.user, L"%s\\%s", peer_fact_w( &peer, "ntlm" ), peer_fact_w( &peer, "ntlm_other" ) );
    sprintf( second.name, "%s\\%s", peer_fact( &peer, "ntlm" ), peer_fact( &peer, "ntlm_other" ) );
    for (i = 0; i < count_of( sessions ); i++)
        sessions[i] = WinHttpOpen( L"peers", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    users[0].scheme = users[3].scheme = &first;
    users[1].scheme = &second;
    for (i = 0; i < count_of( users ); i++)
    {
        users[i].peer = &peer;
        users[i].session = sessions[i == 3];
        threads[i] = CreateThread( NULL, 0, visit_often, &users[i], 0, NULL );
    }
    ok( WaitForMultipleObjects( count_of( users ), threads, TRUE, 3 * WAIT_MS ) != WAIT_TIMEOUT, "the threads hang\n" );
    for (i = 0; i < count_of( users ); i++)
    {
        ok( users[i].good == ROUNDS && !users[i].taken_for_another, "user %u: %u good, %u taken for another\n", i, users[i].good,
            users[i].taken_for_another );
        CloseHandle( threads[i] );
    }
    for (i = 0; i < count_of( sessions ); i++) WinHttpCloseHandle( sessions[i] );
}

/* The same handshakes on threads of the library: one completion each, whatever the legs. */
static void test_asynchronously( struct scheme *scheme )
{
    struct recorder *recorder = recorder_create();
    char buffer[1024];
    struct client client = { NULL, NULL, NULL };
    struct event event;
    struct visit visit;
    struct peer peer;

    if (!find_peer( "apache", &peer ) || !prepare( scheme, &peer )) return;
    winetest_push_context( "%s", scheme->type );
    if (recorder_open( recorder, &client, peer.port, WINHTTP_FLAG_ASYNC, L"GET", scheme->path ))
    {
        set_login_of( client.request, scheme );
        if (recorder_get( recorder, &client, NULL, NULL ))
        {
            ok( client_status( client.request ) == 200, "status %lu\n", client_status( client.request ) );
            ok( recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( HEADERS_AVAILABLE ) ) );
            ok( recorder_count( recorder, NULL, STATUS( SENDREQUEST_COMPLETE ) ) == 1, "%u times\n",
                recorder_count( recorder, NULL, STATUS( SENDREQUEST_COMPLETE ) ) );
            memset( &visit, 0, sizeof(visit) );
            if (read_marked( recorder, &client, buffer, sizeof(buffer) - 1, &event ))
            {
                memcpy( visit.body, buffer, min( event.info_len, sizeof(visit.body) - 1 ) );
                ok( !strcmp( visit_value( &visit, "user" ), scheme->name ), "the server says %s\n", visit.body );
            }
        }
    }
    recorder_close( recorder, &client );
    winetest_pop_context();
}

START_TEST(auth_servers)
{
    unsigned int i, j;
    struct peer peer;

    if (!find_peer( "apache", &peer )) return;
    test_logged_on_user();
    test_logged_on_user_by_request();
    for (i = 0; i < count_of( ways ); i++)
        for (j = 0; j < count_of( schemes ); j++) test_scheme( &ways[i], &schemes[j] );
    test_program_chooses_among_several();
    test_kerberos_by_name();
    test_digest_nonces();
    test_digest_counts();
    for (i = 0; i < 2; i++)
    {
        test_whose_connection( &ways[i] );
        test_head_before_post( &ways[i], L"/ntlm", &schemes[3] );
        test_head_before_post( &ways[i], L"/bound", &schemes[2] );
    }
    test_fall_back_from_http2( &schemes[2] );
    test_fall_back_from_http2( &schemes[3] );
    test_users_at_the_same_time();
    /* by address, for which Windows asks the realm nothing: Kerberos is left out there */
    for (i = 0; i < count_of( schemes ); i++)
        if (i != 2 || !strcmp( winetest_platform, "wine" )) test_asynchronously( &schemes[i] );
}
