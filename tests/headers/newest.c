/*
 * A program that was written for the newest SDK
 *
 * Uses what older headers and import libraries lack: extended headers, connection groups, proxy settings, upgraded
 * connections. It is compiled as C and as C++, for both processors, against the installed files, and the 64-bit
 * program runs. There is no network in it: what it calls succeeds without one or fails as documented.
 * Prints a line per check that fails; the exit code is their number.
 */

#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>
#include <stdio.h>

static int failures;

static void check( int holds, const char *what, DWORD err )
{
    if (holds) return;
    printf( "FAIL: %s (%lu)\n", what, err );
    failures++;
}

#define CHECK( condition ) check( (condition) != 0, #condition, err )

static void CALLBACK proxy_changed( ULONGLONG flags, PVOID context )
{
    printf( "proxy settings changed, flags %#lx, context %p\n", (unsigned long)flags, context );
}

static void extended_headers( HINTERNET request )
{
    WINHTTP_EXTENDED_HEADER wide, narrow, *found = NULL;
    WINHTTP_HEADER_NAME name;
    char buffer[256];
    DWORD err, size = sizeof(buffer), count = 0, index = 0;

    wide.pwszName = L"X-Wide";
    wide.pwszValue = L"one";
    err = WinHttpAddRequestHeadersEx( request, WINHTTP_ADDREQ_FLAG_ADD, WINHTTP_EXTENDED_HEADER_FLAG_UNICODE, 0, 1, &wide );
    CHECK( err == ERROR_SUCCESS );

    narrow.pszName = "X-Narrow";
    narrow.pszValue = "two";
    err = WinHttpAddRequestHeadersEx( request, WINHTTP_ADDREQ_FLAG_ADD, 0, 0, 1, &narrow );
    CHECK( err == ERROR_SUCCESS );

    name.pwszName = L"x-narrow";
    err = WinHttpQueryHeadersEx( request, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, 0, CP_UTF8, &index,
                                 &name, buffer, &size, &found, &count );
    CHECK( err == ERROR_SUCCESS && count == 1 && found && !lstrcmpW( found->pwszValue, L"two" ) );
}

static void connection_groups( HINTERNET request )
{
    WINHTTP_QUERY_CONNECTION_GROUP_RESULT *groups = NULL;
    DWORD err;

    err = WinHttpQueryConnectionGroup( NULL, NULL, WINHTTP_QUERY_CONNECTION_GROUP_FLAG_INSECURE, &groups );
    CHECK( err == ERROR_INVALID_HANDLE && !groups );
    err = WinHttpQueryConnectionGroup( request, NULL, 0, NULL );
    CHECK( err != ERROR_SUCCESS );
    err = WinHttpQueryConnectionGroup( request, NULL, 0, &groups );
    if (err) CHECK( !groups );
    else WinHttpFreeQueryConnectionGroupResult( groups );
}

static void proxy_settings(void)
{
    WINHTTP_PROXY_SETTINGS_PARAM param;
    WINHTTP_PROXY_SETTINGS_EX settings;
    WINHTTP_PROXY_CHANGE_REGISTRATION_HANDLE registration = NULL;
    DWORD err;

    ZeroMemory( &param, sizeof(param) );
    ZeroMemory( &settings, sizeof(settings) );
    err = WinHttpGetProxySettingsEx( NULL, WinHttpProxySettingsTypeWsl, &param, 0 );
    CHECK( err == ERROR_INVALID_HANDLE );
    err = WinHttpGetProxySettingsResultEx( NULL, &settings );
    CHECK( err == ERROR_INVALID_HANDLE );
    err = WinHttpFreeProxySettingsEx( WinHttpProxySettingsTypeUnknown, &settings );
    CHECK( err != ERROR_SUCCESS );

    err = WinHttpRegisterProxyChangeNotification( 0, proxy_changed, NULL, &registration );
    CHECK( err != ERROR_SUCCESS );
    err = WinHttpRegisterProxyChangeNotification( WINHTTP_PROXY_NOTIFY_CHANGE, proxy_changed, NULL, &registration );
    if (!err) err = WinHttpUnregisterProxyChangeNotification( registration );
    else CHECK( !registration );
}

static void upgraded_connections( HINTERNET request )
{
    WINHTTP_PROTOCOL_ASYNC_RESULT result;
    char buffer[4] = { 0, 0, 0, 0 };
    DWORD err, count = 0;

    result.Operation = WINHTTP_PROTOCOL_RECEIVE_OPERATION;
    result.AsyncResult.dwError = ERROR_SUCCESS;
    err = result.AsyncResult.dwError;
    CHECK( result.Operation != WINHTTP_PROTOCOL_SEND_OPERATION );

    err = WinHttpProtocolSend( NULL, 0, buffer, sizeof(buffer) );
    CHECK( err == ERROR_INVALID_HANDLE );
    err = WinHttpProtocolReceive( request, 0, buffer, sizeof(buffer), &count );
    CHECK( err == ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    CHECK( !WinHttpProtocolCompleteUpgrade( request, 0 ) );    /* there was no answer that upgrades */
}

int main(void)
{
    HINTERNET session, connect, request;
    char buffer[4];
    DWORD err, count = 0;

    session = WinHttpOpen( L"newest", WINHTTP_ACCESS_TYPE_NO_PROXY, WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS,
                           0 );
    connect = WinHttpConnect( session, L"localhost", INTERNET_DEFAULT_PORT, 0 );
    request = WinHttpOpenRequest( connect, L"POST", L"/", NULL, WINHTTP_NO_REFERER, WINHTTP_DEFAULT_ACCEPT_TYPES,
                                  WINHTTP_FLAG_AUTOMATIC_CHUNKING );
    err = GetLastError();
    CHECK( session && connect && request );

    extended_headers( request );
    connection_groups( request );
    proxy_settings();
    upgraded_connections( request );

    err = WinHttpReadDataEx( request, buffer, sizeof(buffer), &count, WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER, 0, NULL );
    CHECK( err == ERROR_WINHTTP_INCORRECT_HANDLE_STATE );

    WinHttpCloseHandle( request );
    WinHttpCloseHandle( connect );
    WinHttpCloseHandle( session );
    return failures;
}
