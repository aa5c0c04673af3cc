/*
 * Exports that are known by name only: each answers ERROR_CALL_NOT_IMPLEMENTED
 *
 * Not a test for Windows, where these do something. On i386 a name with the wrong number of arguments does not link,
 * and the 11 whose arguments are not known are not there. Prints a line per function that answers otherwise.
 */

#include <windows.h>
#include <stdio.h>

#define KNOWN(X) \
    X( DWORD, Private1, (void *, void *, void *, void *, void *), (0, 0, 0, 0, 0) ) \
    X( void,  SvchostPushServiceGlobals, (void *), (0) ) \
    X( void,  WinHttpAutoProxySvcMain, (void *, void *), (0, 0) ) \
    X( void,  WinHttpConnectionFreeNameList, (void *), (0) ) \
    X( void,  WinHttpConnectionFreeProxyInfo, (void *), (0) ) \
    X( void,  WinHttpConnectionFreeProxyList, (void *), (0) ) \
    X( DWORD, WinHttpConnectionGetNameList, (void *), (0) ) \
    X( DWORD, WinHttpConnectionGetProxyInfo, (void *, void *, void *), (0, 0, 0) ) \
    X( DWORD, WinHttpConnectionGetProxyList, (void *, void *), (0, 0) ) \
    X( DWORD, WinHttpGetProxyForUrlHvsi, \
       (void *, void *, void *, void *, void *, void *, void *, void *, void *), (0, 0, 0, 0, 0, 0, 0, 0, 0) ) \
    X( DWORD, WinHttpGetTunnelSocket, (void *, void *, void *, void *), (0, 0, 0, 0) ) \
    X( DWORD, WinHttpPacJsWorkerMain, (void *, void *), (0, 0) ) \
    X( DWORD, WinHttpProbeConnectivity, (void *, void *, void *, void *, void *, void *), (0, 0, 0, 0, 0, 0) ) \
    X( DWORD, WinHttpReadProxySettingsHvsi, \
       (void *, void *, void *, void *, void *, void *, void *, void *), (0, 0, 0, 0, 0, 0, 0, 0) ) \
    X( DWORD, WinHttpSaveProxyCredentials, (void *, void *, void *, void *), (0, 0, 0, 0) )

#ifdef _WIN64
#define UNKNOWN(X) \
    X( DWORD, WinHttpConnectionDeletePolicyEntriesByAppSid, (void), () ) \
    X( DWORD, WinHttpConnectionOnlyConvert, (void), () ) \
    X( DWORD, WinHttpConnectionOnlyReceive, (void), () ) \
    X( DWORD, WinHttpConnectionOnlySend, (void), () ) \
    X( DWORD, WinHttpCreateProxyList, (void), () ) \
    X( DWORD, WinHttpCreateProxyManager, (void), () ) \
    X( DWORD, WinHttpCreateProxyResult, (void), () ) \
    X( DWORD, WinHttpCreateUiCompatibleProxyString, (void), () ) \
    X( DWORD, WinHttpRefreshProxySettings, (void), () ) \
    X( DWORD, WinHttpResolverGetProxyForUrl, (void), () ) \
    X( DWORD, WinHttpSetSecureLegacyServersAppCompat, (void), () )
#else
#define UNKNOWN(X)
#endif

#define DECLARE( type, name, parameters, arguments )  DECLSPEC_IMPORT type WINAPI name parameters;
KNOWN( DECLARE )
UNKNOWN( DECLARE )

static int failures;

static void check( const char *name )
{
    if (GetLastError() == ERROR_CALL_NOT_IMPLEMENTED) return;
    printf( "FAIL: %s leaves %lu\n", name, GetLastError() );
    failures++;
}

#define CALL( type, name, parameters, arguments )  SetLastError( 0 ); name arguments; check( #name );

int main(void)
{
    KNOWN( CALL )
    UNKNOWN( CALL )
    return failures;
}
