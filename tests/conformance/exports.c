/*
 * What winhttp.dll exports, and how functions that nothing else here calls treat wrong arguments
 *
 * The names are those of Windows 11 24H2. All are looked up at run time, so the program also starts where the newer
 * ones are missing. Undocumented ones are looked up but never called: nobody outside knows what they would do.
 * Arguments are checked only where no network, no service and no setting of the machine has a say.
 */

#include <stdarg.h>
#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define STALE 0xdeadbeef

/* Since Windows XP (ALWAYS), since a later version (LATER), or known by name only: then the arguments, which a 32-bit
 * function has to pop, are not known either, and only the 64-bit DLL is looked at (NAME). */
enum since { ALWAYS, LATER, NAME };

static const struct
{
    const char *name;
    enum since since;
}
exports[] =
{
    { "DllCanUnloadNow",                              ALWAYS },
    { "DllGetClassObject",                            ALWAYS },
    { "Private1",                                     LATER },
    { "SvchostPushServiceGlobals",                    LATER },
    { "WinHttpAddRequestHeaders",                     ALWAYS },
    { "WinHttpAddRequestHeadersEx",                   LATER },
    { "WinHttpAutoProxySvcMain",                      LATER },
    { "WinHttpCheckPlatform",                         ALWAYS },
    { "WinHttpCloseHandle",                           ALWAYS },
    { "WinHttpConnect",                               ALWAYS },
    { "WinHttpConnectionDeletePolicyEntries",         LATER },
    { "WinHttpConnectionDeletePolicyEntriesByAppSid", NAME },
    { "WinHttpConnectionDeleteProxyInfo",             LATER },
    { "WinHttpConnectionFreeNameList",                LATER },
    { "WinHttpConnectionFreeProxyInfo",               LATER },
    { "WinHttpConnectionFreeProxyList",               LATER },
    { "WinHttpConnectionGetNameList",                 LATER },
    { "WinHttpConnectionGetProxyInfo",                LATER },
    { "WinHttpConnectionGetProxyList",                LATER },
    { "WinHttpConnectionOnlyConvert",                 NAME },
    { "WinHttpConnectionOnlyReceive",                 NAME },
    { "WinHttpConnectionOnlySend",                    NAME },
    { "WinHttpConnectionSetPolicyEntries",            LATER },
    { "WinHttpConnectionSetProxyInfo",                LATER },
    { "WinHttpConnectionUpdateIfIndexTable",          LATER },
    { "WinHttpCrackUrl",                              ALWAYS },
    { "WinHttpCreateProxyList",                       NAME },
    { "WinHttpCreateProxyManager",                    NAME },
    { "WinHttpCreateProxyResolver",                   LATER },
    { "WinHttpCreateProxyResult",                     NAME },
    { "WinHttpCreateUiCompatibleProxyString",         NAME },
    { "WinHttpCreateUrl",                             ALWAYS },
    { "WinHttpDetectAutoProxyConfigUrl",              ALWAYS },
    { "WinHttpFreeProxyResult",                       LATER },
    { "WinHttpFreeProxyResultEx",                     LATER },
    { "WinHttpFreeProxySettings",                     LATER },
    { "WinHttpFreeProxySettingsEx",                   LATER },
    { "WinHttpFreeQueryConnectionGroupResult",        LATER },
    { "WinHttpGetDefaultProxyConfiguration",          ALWAYS },
    { "WinHttpGetIEProxyConfigForCurrentUser",        ALWAYS },
    { "WinHttpGetProxyForUrl",                        ALWAYS },
    { "WinHttpGetProxyForUrlEx",                      LATER },
    { "WinHttpGetProxyForUrlEx2",                     LATER },
    { "WinHttpGetProxyForUrlHvsi",                    LATER },
    { "WinHttpGetProxyResult",                        LATER },
    { "WinHttpGetProxyResultEx",                      LATER },
    { "WinHttpGetProxySettingsEx",                    LATER },
    { "WinHttpGetProxySettingsResultEx",              LATER },
    { "WinHttpGetProxySettingsVersion",               LATER },
    { "WinHttpGetTunnelSocket",                       LATER },
    { "WinHttpOpen",                                  ALWAYS },
    { "WinHttpOpenRequest",                           ALWAYS },
    { "WinHttpPacJsWorkerMain",                       LATER },
    { "WinHttpProbeConnectivity",                     LATER },
    { "WinHttpProtocolCompleteUpgrade",               LATER },
    { "WinHttpProtocolReceive",                       LATER },
    { "WinHttpProtocolSend",                          LATER },
    { "WinHttpQueryAuthSchemes",                      ALWAYS },
    { "WinHttpQueryConnectionGroup",                  LATER },
    { "WinHttpQueryDataAvailable",                    ALWAYS },
    { "WinHttpQueryHeaders",                          ALWAYS },
    { "WinHttpQueryHeadersEx",                        LATER },
    { "WinHttpQueryOption",                           ALWAYS },
    { "WinHttpReadData",                              ALWAYS },
    { "WinHttpReadDataEx",                            LATER },
    { "WinHttpReadProxySettings",                     LATER },
    { "WinHttpReadProxySettingsHvsi",                 LATER },
    { "WinHttpReceiveResponse",                       ALWAYS },
    { "WinHttpRefreshProxySettings",                  NAME },
    { "WinHttpRegisterProxyChangeNotification",       LATER },
    { "WinHttpResetAutoProxy",                        LATER },
    { "WinHttpResolverGetProxyForUrl",                NAME },
    { "WinHttpSaveProxyCredentials",                  LATER },
    { "WinHttpSendRequest",                           ALWAYS },
    { "WinHttpSetCredentials",                        ALWAYS },
    { "WinHttpSetDefaultProxyConfiguration",          ALWAYS },
    { "WinHttpSetOption",                             ALWAYS },
    { "WinHttpSetProxySettingsPerUser",               LATER },
    { "WinHttpSetSecureLegacyServersAppCompat",       NAME },
    { "WinHttpSetStatusCallback",                     ALWAYS },
    { "WinHttpSetTimeouts",                           ALWAYS },
    { "WinHttpTimeFromSystemTime",                    ALWAYS },
    { "WinHttpTimeToSystemTime",                      ALWAYS },
    { "WinHttpUnregisterProxyChangeNotification",     LATER },
    { "WinHttpWebSocketClose",                        LATER },
    { "WinHttpWebSocketCompleteUpgrade",              LATER },
    { "WinHttpWebSocketQueryCloseStatus",             LATER },
    { "WinHttpWebSocketReceive",                      LATER },
    { "WinHttpWebSocketSend",                         LATER },
    { "WinHttpWebSocketShutdown",                     LATER },
    { "WinHttpWriteData",                             ALWAYS },
    { "WinHttpWriteProxySettings",                    LATER },
};

static HMODULE module;

/* NULL, with a note in the log, if this Windows or this Wine does not have the function: test_every_name_is_exported
 * says whether that is right. */
static void *find( const char *name )
{
    void *function = (void *)GetProcAddress( module, name );

    if (!function) skip( "%s is missing\n", name );
    return function;
}

static void test_every_name_is_exported(void)
{
    unsigned int i;
    BOOL found;

    for (i = 0; i < count_of( exports ); i++)
    {
        if (exports[i].since == NAME && sizeof(void *) == 4) continue;
        found = GetProcAddress( module, exports[i].name ) != NULL;
        ok( found || broken( exports[i].since != ALWAYS /* Windows before 11 24H2 */ ), "%s is not exported\n",
            exports[i].name );
    }
}

static void test_names_of_the_header_that_are_not_exported(void)
{
    ok( !GetProcAddress( module, "WinHttpIsHostInProxyBypassList" ), "WinHttpIsHostInProxyBypassList is exported\n" );
    ok( !GetProcAddress( module, "WinHttpQueryAuthParams" ), "WinHttpQueryAuthParams is exported\n" );
}

static void test_com_entry_points(void)
{
    static const GUID no_class = { 0x5e0a4d21, 0x7c1f, 0x4d0e, { 0x9a, 0x31, 0x42, 0x5b, 0x86, 0xd7, 0x0c, 0x14 } };
    static const GUID class_factory = { 0x00000001, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
    HRESULT (WINAPI *get_class)( REFCLSID, REFIID, void ** ) = (void *)GetProcAddress( module, "DllGetClassObject" );
    HRESULT (WINAPI *can_unload)(void) = (void *)GetProcAddress( module, "DllCanUnloadNow" );
    void *object = (void *)1;
    HRESULT hr;

    if (!get_class || !can_unload)
    {
        ok( 0, "the COM entry points are missing\n" );
        return;
    }
    hr = get_class( &no_class, &class_factory, &object );
    ok( hr == CLASS_E_CLASSNOTAVAILABLE, "got %#lx\n", hr );
    hr = can_unload();
    ok( hr == S_FALSE, "got %#lx\n", hr );
}

/* One function with a handle that is wrong: a handle of the kind it wants never is. */

static DWORD last_error( BOOL ret ) { return ret ? ERROR_SUCCESS : GetLastError(); }

static DWORD call_resolver( void *function, HINTERNET handle )
{
    HINTERNET resolver = (HINTERNET)STALE;

    return ((DWORD (WINAPI *)( HINTERNET, HINTERNET * ))function)( handle, &resolver );
}

static DWORD call_reset( void *function, HINTERNET handle )
{
    return ((DWORD (WINAPI *)( HINTERNET, DWORD ))function)( handle, WINHTTP_RESET_ALL | WINHTTP_RESET_OUT_OF_PROC );
}

static DWORD call_for_url( void *function, HINTERNET handle )
{
    WINHTTP_AUTOPROXY_OPTIONS options = { WINHTTP_AUTOPROXY_CONFIG_URL, 0, L"http://127.0.0.1/", NULL, 0, FALSE };

    return ((DWORD (WINAPI *)( HINTERNET, const WCHAR *, WINHTTP_AUTOPROXY_OPTIONS *, DWORD_PTR ))function)
           ( handle, L"http://127.0.0.1/", &options, 0 );
}

static DWORD call_result( void *function, HINTERNET handle )
{
    WINHTTP_PROXY_RESULT result = { 0, NULL };

    return ((DWORD (WINAPI *)( HINTERNET, WINHTTP_PROXY_RESULT * ))function)( handle, &result );
}

static DWORD call_upgrade( void *function, HINTERNET handle )
{
    HINTERNET socket = ((HINTERNET (WINAPI *)( HINTERNET, DWORD_PTR ))function)( handle, 0 );

    return last_error( socket != NULL );
}

static DWORD call_send( void *function, HINTERNET handle )
{
    char data[4] = "abc";

    return ((DWORD (WINAPI *)( HINTERNET, WINHTTP_WEB_SOCKET_BUFFER_TYPE, void *, DWORD ))function)
           ( handle, WINHTTP_WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE, data, 3 );
}

static DWORD call_receive( void *function, HINTERNET handle )
{
    WINHTTP_WEB_SOCKET_BUFFER_TYPE type = WINHTTP_WEB_SOCKET_CLOSE_BUFFER_TYPE;
    DWORD read = STALE, err;
    char buffer[4];

    err = ((DWORD (WINAPI *)( HINTERNET, void *, DWORD, DWORD *, WINHTTP_WEB_SOCKET_BUFFER_TYPE * ))function)
          ( handle, buffer, sizeof(buffer), &read, &type );
    ok( read == STALE && type == WINHTTP_WEB_SOCKET_CLOSE_BUFFER_TYPE, "the outputs were touched\n" );   /* LE-6 */
    return err;
}

static DWORD call_close( void *function, HINTERNET handle )
{
    return ((DWORD (WINAPI *)( HINTERNET, USHORT, void *, DWORD ))function)
           ( handle, WINHTTP_WEB_SOCKET_SUCCESS_CLOSE_STATUS, NULL, 0 );
}

static DWORD call_status( void *function, HINTERNET handle )
{
    DWORD consumed = STALE, err;
    USHORT status = 1;
    char reason[8];

    err = ((DWORD (WINAPI *)( HINTERNET, USHORT *, void *, DWORD, DWORD * ))function)
          ( handle, &status, reason, sizeof(reason), &consumed );
    ok( consumed == STALE && status == 1, "the outputs were touched\n" );                                /* LE-6 */
    return err;
}

static DWORD call_group( void *function, HINTERNET handle )
{
    WINHTTP_QUERY_CONNECTION_GROUP_RESULT *result = NULL;

    return ((DWORD (WINAPI *)( HINTERNET, const GUID *, ULONGLONG, WINHTTP_QUERY_CONNECTION_GROUP_RESULT ** ))function)
           ( handle, NULL, 0, &result );
}

/* The functions that take a handle and are not among those of handles.c. */
static const struct
{
    const char *name;
    DWORD (*call)( void *function, HINTERNET handle );
    unsigned int wrong_kind;           /* WINHTTP_HANDLE_TYPE_* that is not right */
}
functions[] =
{
    { "WinHttpCreateProxyResolver",       call_resolver, WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpResetAutoProxy",            call_reset,    WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpGetProxyForUrlEx",          call_for_url,  WINHTTP_HANDLE_TYPE_SESSION },
    { "WinHttpGetProxyResult",            call_result,   WINHTTP_HANDLE_TYPE_SESSION },
    { "WinHttpWebSocketCompleteUpgrade",  call_upgrade,  WINHTTP_HANDLE_TYPE_SESSION },
    { "WinHttpWebSocketSend",             call_send,     WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpWebSocketReceive",          call_receive,  WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpWebSocketShutdown",         call_close,    WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpWebSocketClose",            call_close,    WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpWebSocketQueryCloseStatus", call_status,   WINHTTP_HANDLE_TYPE_REQUEST },
    { "WinHttpQueryConnectionGroup",      call_group,    WINHTTP_HANDLE_TYPE_SESSION },
};

static void test_handles_are_checked(void)
{
    struct client client;
    HINTERNET wrong, closed;
    unsigned int i;
    void *function;
    DWORD err;

    if (!client_open( &client, 80, 0, NULL, NULL ))
    {
        client_close( &client );
        return;
    }
    /* nothing is opened after it, so that its number is not given out again */
    closed = WinHttpOpenRequest( client.connect, NULL, NULL, NULL, NULL, NULL, 0 );
    ok( closed != NULL, "WinHttpOpenRequest failed: %lu\n", GetLastError() );
    WinHttpCloseHandle( closed );

    for (i = 0; i < count_of( functions ); i++)
    {
        if (!(function = find( functions[i].name ))) continue;
        wrong = functions[i].wrong_kind == WINHTTP_HANDLE_TYPE_SESSION ? client.session : client.request;
        SetLastError( STALE );
        err = functions[i].call( function, NULL );
        ok( err == ERROR_INVALID_HANDLE, "%s of NULL: got %lu\n", functions[i].name, err );              /* H-14 */
        SetLastError( STALE );
        err = functions[i].call( function, closed );
        ok( err == ERROR_INVALID_HANDLE, "%s of a closed handle: got %lu\n", functions[i].name, err );   /* H-13 */
        SetLastError( STALE );
        err = functions[i].call( function, wrong );
        ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "%s of another kind: got %lu\n", functions[i].name, err );
    }
    client_close( &client );
}

/* Documented for WinHttpCreateProxyResolver: a synchronous session is the wrong kind, not the wrong state. */
static void test_resolvers_are_asynchronous(void)
{
    void *function = find( "WinHttpCreateProxyResolver" );
    HINTERNET session;
    DWORD err;

    if (!function) return;
    session = WinHttpOpen( L"test", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    ok( session != NULL, "WinHttpOpen failed: %lu\n", GetLastError() );
    err = call_resolver( function, session );
    ok( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE, "got %lu\n", err );
    WinHttpCloseHandle( session );
}

#define fails( call, error ) fails_( __LINE__, (SetLastError( STALE ), (call)), #call, error )
static void fails_( int line, BOOL ret, const char *what, DWORD error )
{
    DWORD err = GetLastError();

    ok_( __FILE__, line )( !ret && err == error, "%s: got %d, error %lu\n", what, ret, err );            /* LE-4 */
}

static void test_auth_schemes_need_a_challenge(void)
{
    DWORD supported = STALE, first = STALE, target = STALE;
    struct client client;
    BOOL ret;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        fails( WinHttpQueryAuthSchemes( client.request, &supported, &first, &target ), ERROR_INVALID_OPERATION );   /* AU-1 */

        SetLastError( STALE );
        ret = WinHttpQueryAuthSchemes( client.request, &supported, NULL, &target );                      /* AU-2 */
        ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_INVALID_OPERATION),
            "got %d, error %lu\n", ret, GetLastError() );
        ok( supported == STALE && first == STALE && target == STALE, "the outputs were touched\n" );
    }
    client_close( &client );
}

static void test_credentials_of_schemes_that_need_them(void)
{
    const DWORD server = WINHTTP_AUTH_TARGET_SERVER;
    struct client client;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        HINTERNET request = client.request;

        /* AU-7 */
        fails( WinHttpSetCredentials( request, server, WINHTTP_AUTH_SCHEME_BASIC, NULL, NULL, NULL ), ERROR_INVALID_PARAMETER );
        fails( WinHttpSetCredentials( request, server, WINHTTP_AUTH_SCHEME_DIGEST, NULL, NULL, NULL ), ERROR_INVALID_PARAMETER );
        fails( WinHttpSetCredentials( request, server, WINHTTP_AUTH_SCHEME_BASIC, L"user", NULL, NULL ),
               ERROR_INVALID_PARAMETER );
        fails( WinHttpSetCredentials( request, server, WINHTTP_AUTH_SCHEME_BASIC, NULL, L"password", NULL ),
               ERROR_INVALID_PARAMETER );
    }
    client_close( &client );
}

static void test_default_proxy_is_checked(void)
{
    WCHAR proxy[] = L"proxy.example", bypass[] = L"<local>", umlaut[] = { 'p', 0xfc, 0 };
    WINHTTP_PROXY_INFO info;
    BOOL ret;

    info.dwAccessType = 0xdeadbeef;
    info.lpszProxy = NULL;
    info.lpszProxyBypass = NULL;
    fails( WinHttpSetDefaultProxyConfiguration( &info ), ERROR_INVALID_PARAMETER );                      /* PX-3 */

    info.dwAccessType = WINHTTP_ACCESS_TYPE_NAMED_PROXY;
    fails( WinHttpSetDefaultProxyConfiguration( &info ), ERROR_INVALID_PARAMETER );                      /* PX-4 */
    info.lpszProxyBypass = bypass;
    fails( WinHttpSetDefaultProxyConfiguration( &info ), ERROR_INVALID_PARAMETER );                      /* PX-4 */

    info.lpszProxy = umlaut;
    SetLastError( STALE );
    ret = WinHttpSetDefaultProxyConfiguration( &info );                                                  /* PX-5 */
    ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_ACCESS_DENIED),
        "got %d, error %lu\n", ret, GetLastError() );
    info.lpszProxy = proxy;
    info.lpszProxyBypass = umlaut;
    SetLastError( STALE );
    ret = WinHttpSetDefaultProxyConfiguration( &info );
    ok( !ret && (GetLastError() == ERROR_INVALID_PARAMETER || GetLastError() == ERROR_ACCESS_DENIED),
        "got %d, error %lu\n", ret, GetLastError() );
}

static void test_proxy_discovery_is_checked(void)
{
    WCHAR *url = (WCHAR *)(DWORD_PTR)STALE;

    fails( WinHttpGetIEProxyConfigForCurrentUser( NULL ), ERROR_INVALID_PARAMETER );                     /* PX-10 */
    fails( WinHttpDetectAutoProxyConfigUrl( 0, NULL ), ERROR_INVALID_PARAMETER );                        /* PX-20 */
    fails( WinHttpDetectAutoProxyConfigUrl( 0, &url ), ERROR_INVALID_PARAMETER );                        /* PX-20 */
    fails( WinHttpDetectAutoProxyConfigUrl( WINHTTP_AUTO_DETECT_TYPE_DNS_A, NULL ), ERROR_INVALID_PARAMETER );   /* PX-20 */
    ok( url == (WCHAR *)(DWORD_PTR)STALE, "the output was touched\n" );                                  /* LE-6 */
}

static void test_proxy_for_url_is_checked(void)
{
    static const struct
    {
        WINHTTP_AUTOPROXY_OPTIONS options;
        const WCHAR *url;
    }
    tests[] =
    {
        { { WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTO_DETECT_TYPE_DNS_A, NULL, NULL, 0, FALSE }, NULL },      /* PX-30 */
        { { WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTO_DETECT_TYPE_DNS_A, NULL, NULL, 0, FALSE }, L"" },       /* PX-30 */
        { { 0, 0, NULL, NULL, 0, FALSE }, L"http://127.0.0.1/" },                                               /* PX-31 */
        { { WINHTTP_AUTOPROXY_AUTO_DETECT, 0, NULL, NULL, 0, FALSE }, L"http://127.0.0.1/" },                   /* PX-31 */
        { { WINHTTP_AUTOPROXY_CONFIG_URL, 0, NULL, NULL, 0, FALSE }, L"http://127.0.0.1/" },                    /* PX-31 */
        { { WINHTTP_AUTOPROXY_CONFIG_URL | WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTO_DETECT_TYPE_DNS_A, NULL, NULL, 0,
            FALSE }, L"http://127.0.0.1/" },                                                                    /* PX-31 */
    };
    WINHTTP_AUTOPROXY_OPTIONS options = { WINHTTP_AUTOPROXY_CONFIG_URL, 0, L"http://127.0.0.1/", NULL, 0, FALSE };
    WINHTTP_PROXY_INFO info;
    HINTERNET session;
    unsigned int i;
    BOOL ret;

    session = WinHttpOpen( L"test", WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 );
    ok( session != NULL, "WinHttpOpen failed: %lu\n", GetLastError() );
    fails( WinHttpGetProxyForUrl( NULL, L"http://127.0.0.1/", &options, &info ), ERROR_INVALID_HANDLE );        /* PX-30 */
    fails( WinHttpGetProxyForUrl( session, L"http://127.0.0.1/", NULL, &info ), ERROR_INVALID_PARAMETER );      /* PX-30 */
    fails( WinHttpGetProxyForUrl( session, L"http://127.0.0.1/", &options, NULL ), ERROR_INVALID_PARAMETER );   /* PX-30 */
    for (i = 0; i < count_of( tests ); i++)
    {
        options = tests[i].options;
        SetLastError( STALE );
        ret = WinHttpGetProxyForUrl( session, tests[i].url, &options, &info );
        ok( !ret && GetLastError() == ERROR_INVALID_PARAMETER, "%u: got %d, error %lu\n", i, ret, GetLastError() );
    }
    WinHttpCloseHandle( session );
}

START_TEST( exports )
{
    module = GetModuleHandleA( "winhttp.dll" );
    test_every_name_is_exported();
    test_names_of_the_header_that_are_not_exported();
    test_com_entry_points();
    test_handles_are_checked();
    test_resolvers_are_asynchronous();
    test_auth_schemes_need_a_challenge();
    test_credentials_of_schemes_that_need_them();
    test_default_proxy_is_checked();
    test_proxy_discovery_is_checked();
    test_proxy_for_url_is_checked();
}
