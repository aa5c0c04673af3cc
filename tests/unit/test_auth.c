/*
 * Tests of auth_challenge.c and auth_basic.c: challenges taken apart, names and passwords put together
 */

#include "check_auth.h"
#include "hooks.h"

/* What a field says, as one text: scheme(flag) then ":token" or " name=value" each. */
static const char *tell( const char *field )
{
    static char text[1024];
    size_t len = strlen( field );
    const char *copy, *pos, *end, *at;
    struct auth_challenge challenge;
    struct auth_param param;
    char value[256];
    int n = 0;

    check_auth( field, len );
    copy = pos = guard_copy( field, len );
    end = copy + len;
    text[0] = 0;
    while (auth_challenge_next( &pos, end, &challenge ))
    {
        n += snprintf( text + n, sizeof(text) - n, "%s%.*s(%u)", n ? "|" : "", (int)challenge.scheme.len,
                       challenge.scheme.text, (unsigned int)challenge.flag );
        if (challenge.token.text)
            n += snprintf( text + n, sizeof(text) - n, ":%.*s", (int)challenge.token.len, challenge.token.text );
        for (at = challenge.params.text; at && auth_param_next( &at, challenge.params.text + challenge.params.len, &param );)
        {
            DWORD count = auth_unquote( &param, value, sizeof(value) - 1 );

            value[count] = 0;
            n += snprintf( text + n, sizeof(text) - n, " %.*s=%s", (int)param.name.len, param.name.text, value );
        }
    }
    return text;
}

static void says( const char *field, const char *expected )
{
    const char *text = tell( field );

    if (!expect( !strcmp( text, expected ) )) fprintf( stderr, "  %s: got %s, not %s\n", field, text, expected );
}

static void test_one_challenge(void)
{
    says( "Basic realm=\"a\"", "Basic(1) realm=a" );
    says( "BASIC realm=a", "BASIC(1) realm=a" );
    says( "NTLM", "NTLM(2)" );
    says( "Passport1.4", "Passport1.4(4)" );
    says( "Passport1.4 realm=x,b", "Passport1.4(4) realm=x|b(0)" );
    says( "Negotiate", "Negotiate(16)" );
    says( "Negotiate YIIB==", "Negotiate(16):YIIB==" );
    says( "NTLM TlRMTVNTUAACAAAA", "NTLM(2):TlRMTVNTUAACAAAA" );
    says( "Digest realm=\"r\", nonce=\"n\",qop=\"auth,auth-int\"", "Digest(8) realm=r nonce=n qop=auth,auth-int" );
    says( "Bearer", "Bearer(0)" );
    says( "NTLMX", "NTLMX(0)" );
    says( "Basi", "Basi(0)" );
}

static void test_several_challenges(void)
{
    says( "Basic realm=\"a\", NTLM", "Basic(1) realm=a|NTLM(2)" );
    says( "NTLM, Basic realm=\"a\"", "NTLM(2)|Basic(1) realm=a" );
    says( "Negotiate,NTLM", "Negotiate(16)|NTLM(2)" );
    says( "Negotiate YII=, Basic realm=x", "Negotiate(16):YII=|Basic(1) realm=x" );
    /* RFC 9110 section 11.6.1 */
    says( "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
          "Basic(1) realm=simple|Newauth(0) realm=apps type=1 title=Login to \"apps\"" );
    says( "Bearer realm=\"a\", error=\"x\", Basic realm=b", "Bearer(0) realm=a error=x|Basic(1) realm=b" );
    says( "Digest nonce=a, Digest nonce=b", "Digest(8) nonce=a|Digest(8) nonce=b" );
}

static void test_odd_commas_and_blanks(void)
{
    says( "", "" );
    says( " , ,\t", "" );
    says( ",,Basic realm=a,,,NTLM,,", "Basic(1) realm=a|NTLM(2)" );
    says( "Basic\trealm = \"a\" ,\tcharset = UTF-8", "Basic(1) realm=a charset=UTF-8" );
    says( "Basic ,NTLM ", "Basic(1)|NTLM(2)" );
    says( "Digest realm=a,,nonce=b", "Digest(8) realm=a nonce=b" );
    says( "Basic  realm=a", "Basic(1) realm=a" );
}

static void test_what_is_no_challenge_is_passed_over(void)
{
    says( "realm=\"a, NTLM\", NTLM", "NTLM(2)" );
    says( "\"Basic\", NTLM", "NTLM(2)" );
    says( "@, NTLM", "NTLM(2)" );
    says( "Basic@x, NTLM", "NTLM(2)" );
    says( "Basic realm=\"a, NTLM", "Basic(1) realm=a, NTLM" );       /* a string that is not closed */
    says( "Basic realm=\"a\\", "Basic(1) realm=a\\" );
    says( "Basic realm=\"", "Basic(1) realm=" );
    says( "Basic realm=", "Basic(1):realm=" );                       /* a token68, by the grammar */
    says( "Basic realm=a b c=d", "Basic(1) realm=a" );
    says( "Basic \x01, NTLM", "Basic(1)|NTLM(2)" );
    says( "Basic =, NTLM", "NTLM(2)" );
}

static void test_parameters_in_quotes(void)
{
    says( "Basic realm=\"a,b=c\"", "Basic(1) realm=a,b=c" );
    says( "Basic realm=\"\\a\\\\\\\"\"", "Basic(1) realm=a\\\"" );
    says( "Basic realm=\"\"", "Basic(1) realm=" );
    says( "Basic realm=\"b\xc3\xa4r\"", "Basic(1) realm=b\xc3\xa4r" );
}

static void test_base64(void)
{
    static const struct { const char *bytes, *text; } tests[] =
    {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },     /* RFC 4648 */
        { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xef\xbe", "/+++" },
    };
    unsigned int i;
    char *text;
    BYTE *bytes;
    DWORD len;

    for (i = 0; i < ARRAYSIZE( tests ); i++)
    {
        expect( (text = auth_base64_encode( "", tests[i].bytes, strlen( tests[i].bytes ) )) && !strcmp( text, tests[i].text ) );
        free( text );
        bytes = auth_base64_decode( guard_copy( tests[i].text, strlen( tests[i].text ) ), strlen( tests[i].text ), &len );
        expect( bytes && len == strlen( tests[i].bytes ) && !memcmp( bytes, tests[i].bytes, len ) );
        free( bytes );
    }
    expect( !auth_base64_decode( "a", 1, &len ) );
    expect( !auth_base64_decode( "ab=c", 4, &len ) );
    expect( !auth_base64_decode( "ab\0c", 4, &len ) );
    expect( (bytes = auth_base64_decode( "Zg", 2, &len )) && len == 1 );    /* without its padding: taken */
    free( bytes );
}

static void basic_is( const WCHAR *user, const WCHAR *password, BOOL utf8, const char *expected )
{
    char *answer = auth_basic_answer( user, password, utf8 );

    if (expect( answer && !strcmp( answer, expected ) )) ;
    else fprintf( stderr, "  got %s, not %s\n", answer ? answer : "nothing", expected );
    free( answer );
}

static void test_basic_answers(void)
{
    basic_is( L"Aladdin", L"open sesame", FALSE, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" );    /* RFC 7617 section 2 */
    basic_is( L"user", L"pwd", FALSE, "Basic dXNlcjpwd2Q=" );                               /* AU-8 */
    basic_is( L"test", L"123\xa3", TRUE, "Basic dGVzdDoxMjPCow==" );                        /* RFC 7617 section 2.1 */
    basic_is( L"", L"", FALSE, "Basic Og==" );
    basic_is( L"user", L"", FALSE, "Basic dXNlcjo=" );
    shim_acp = 1252;
    basic_is( L"test", L"123\xa3", FALSE, "Basic dGVzdDoxMjOj" );                           /* the ANSI code page */
    basic_is( L"test", L"123\x20ac", FALSE, "Basic dGVzdDoxMjPigqw=" );                     /* not in it: UTF-8 */
    shim_acp = CP_UTF8;
    basic_is( L"test", L"123\xa3", FALSE, "Basic dGVzdDoxMjPCow==" );
    shim_acp = 1252;
}

/* Whichever allocation fails: nothing, or the whole answer, and nothing stays behind. */
static void allocating_scenario( void *arg )
{
    static const char field[] = "Digest realm=\"r\", nonce=\"n\", qop=auth, userhash=true";
    struct digest_request request = { .method = "GET", .uri = "/", .user = L"u", .password = L"p", .cnonce = "c" };
    struct auth_challenge challenge;
    struct digest digest = { 0 };
    const char *pos = field;
    char *answer;

    (void)arg;
    expect( auth_challenge_next( &pos, field + sizeof(field) - 1, &challenge ) );
    if (!digest_keep( &digest, &challenge ))
    {
        digest_note_info( &digest, "nextnonce=m", 11 );
        if ((answer = digest_answer( &digest, &request, test_hash ))) check_answer( answer );
        free( answer );
    }
    digest_free( &digest );
    answer = auth_basic_answer( L"user", L"pwd", FALSE );
    expect( !answer || !strcmp( answer, "Basic dXNlcjpwd2Q=" ) );
    free( answer );
}

static void test_without_memory(void)
{
    hooks_each_failure( HOOK_ALLOC, 0, allocating_scenario, NULL );    /* what is lost LeakSanitizer sees */
}

int main( void )
{
    run( test_one_challenge );
    run( test_several_challenges );
    run( test_odd_commas_and_blanks );
    run( test_what_is_no_challenge_is_passed_over );
    run( test_parameters_in_quotes );
    run( test_base64 );
    run( test_basic_answers );
    run( test_without_memory );
    return test_end( "auth" );
}
