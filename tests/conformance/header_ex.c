/*
 * WinHttpAddRequestHeadersEx
 *
 * Source: headers.md section 5, functions.md section 4; the rules of adding are those of WinHttpAddRequestHeaders (HA-1 to
 * HA-14). The function came with Windows Server 2022 and Windows 11, so it is looked up.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define ADD         WINHTTP_ADDREQ_FLAG_ADD
#define IF_NEW      WINHTTP_ADDREQ_FLAG_ADD_IF_NEW
#define REPLACE     WINHTTP_ADDREQ_FLAG_REPLACE
#define COALESCE    WINHTTP_ADDREQ_FLAG_COALESCE
#define SEMICOLON   WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON
#define UNICODE_TEXT WINHTTP_EXTENDED_HEADER_FLAG_UNICODE

static DWORD (WINAPI *add_ex)( HINTERNET, DWORD, ULONGLONG, ULONGLONG, DWORD, WINHTTP_EXTENDED_HEADER * );

static DWORD add_wide( HINTERNET request, const WCHAR *name, const WCHAR *value, DWORD flags )
{
    WINHTTP_EXTENDED_HEADER header;

    header.pwszName = name;
    header.pwszValue = value;
    return add_ex( request, flags, UNICODE_TEXT, 0, 1, &header );
}

static DWORD add_bytes( HINTERNET request, const char *name, const char *value, DWORD flags )
{
    WINHTTP_EXTENDED_HEADER header;

    header.pszName = name;
    header.pszValue = value;
    return add_ex( request, flags, 0, 0, 1, &header );
}

static void check_value_( int line, HINTERNET request, const WCHAR *name, DWORD index, const WCHAR *expected )
{
    WCHAR buffer[128];
    DWORD len = sizeof(buffer);
    BOOL ret;

    ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_CUSTOM | WINHTTP_QUERY_FLAG_REQUEST_HEADERS, name, buffer, &len, &index );
    if (!expected) ok_( __FILE__, line )( !ret && GetLastError() == ERROR_WINHTTP_HEADER_NOT_FOUND, "got %d, error %lu\n", ret,
                                          GetLastError() );
    else ok_( __FILE__, line )( ret && !lstrcmpW( buffer, expected ), "got %d, \"%ls\"\n", ret, ret ? buffer : L"" );
}
#define check_value( request, name, index, expected ) check_value_( __LINE__, request, name, index, expected )

static void check_code_( int line, DWORD code, DWORD expected )
{
    ok_( __FILE__, line )( code == expected, "got %lu\n", code );
}
#define check_code( code, expected ) check_code_( __LINE__, code, expected )

static void test_modifiers(void)
{
    struct client client;
    DWORD err;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    check_code( add_wide( client.request, L"test", L"v1", ADD ), ERROR_SUCCESS );              /* HA-1 */
    check_code( add_wide( client.request, L"TEST", L"v2", ADD ), ERROR_SUCCESS );              /* HA-3 */
    check_value( client.request, L"test", 0, L"v1" );
    check_value( client.request, L"test", 1, L"v2" );
    err = add_wide( client.request, L"test", L"v9", IF_NEW );                                  /* HA-5 */
    ok( err, "it was added\n" );
    check_value( client.request, L"test", 2, NULL );
    check_code( add_wide( client.request, L"test", L"v3", REPLACE ), ERROR_SUCCESS );          /* HA-4 */
    check_value( client.request, L"test", 0, L"v3" );
    check_value( client.request, L"test", 1, L"v2" );
    check_code( add_bytes( client.request, "test", "v4", COALESCE ), ERROR_SUCCESS );          /* HA-6 */
    check_code( add_bytes( client.request, "test", "v5", SEMICOLON ), ERROR_SUCCESS );         /* HA-8 */
    check_value( client.request, L"test", 0, L"v3, v4; v5" );
    check_code( add_wide( client.request, L"test", L"v6", ADD | REPLACE ), ERROR_SUCCESS );    /* HA-9 */
    check_value( client.request, L"test", 0, L"v6" );
    check_code( add_wide( client.request, L"absent", L"v", REPLACE ), ERROR_WINHTTP_HEADER_NOT_FOUND );   /* HA-11 */
    check_code( add_wide( client.request, L"empty", L"", ADD ), ERROR_SUCCESS );               /* HA-14 */
    check_value( client.request, L"empty", 0, L"" );
    check_code( add_bytes( client.request, "empty", "", REPLACE ), ERROR_SUCCESS );            /* HA-12 */
    check_value( client.request, L"empty", 0, NULL );
    check_code( add_bytes( client.request, "blank", "  x ", ADD ), ERROR_SUCCESS );
done:
    client_close( &client );
}

static void test_several_at_once(void)
{
    WINHTTP_EXTENDED_HEADER headers[3];
    struct client client;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    headers[0].pwszName = L"One";
    headers[0].pwszValue = L"1";
    headers[1].pwszName = L"Two";
    headers[1].pwszValue = L"2: with a colon";
    headers[2].pwszName = L"One";
    headers[2].pwszValue = L"3";
    check_code( add_ex( client.request, ADD, UNICODE_TEXT, 0, 3, headers ), ERROR_SUCCESS );
    check_value( client.request, L"one", 0, L"1" );
    check_value( client.request, L"one", 1, L"3" );
    check_value( client.request, L"two", 0, L"2: with a colon" );

    /* all or nothing: a choice */
    headers[0].pwszName = L"Fresh";
    headers[2].pwszName = L"not good";
    check_code( add_ex( client.request, ADD, UNICODE_TEXT, 0, 3, headers ), ERROR_INVALID_PARAMETER );
    check_value( client.request, L"fresh", 0, NULL );
    check_value( client.request, L"two", 1, NULL );
done:
    client_close( &client );
}

/* Names without colon, and nothing that could end a line. The codes follow WinHttpAddRequestHeaders (HA-15). */
static void test_malformed(void)
{
    struct client client;

    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    check_code( add_wide( client.request, L"", L"v", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_wide( client.request, NULL, L"v", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_wide( client.request, L"a:", L"v", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_wide( client.request, L"a b", L"v", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_wide( client.request, L"a", L"v\r\nEvil: 1", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_wide( client.request, L"a", L"v\n", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_bytes( client.request, "a\r\nEvil", "v", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_bytes( client.request, "a", "v\rw", ADD ), ERROR_INVALID_PARAMETER );
    check_code( add_bytes( client.request, "a\xe9", "v", ADD ), ERROR_INVALID_PARAMETER );
    check_value( client.request, L"a", 0, NULL );
    check_value( client.request, L"Evil", 0, NULL );
done:
    client_close( &client );
}

static void test_arguments(void)
{
    WINHTTP_EXTENDED_HEADER header;
    struct client client;

    header.pwszName = L"a";
    header.pwszValue = L"b";
    check_code( add_ex( NULL, ADD, UNICODE_TEXT, 0, 1, &header ), ERROR_INVALID_HANDLE );
    if (!client_open( &client, 80, 0, L"GET", L"/" )) goto done;
    check_code( add_ex( client.session, ADD, UNICODE_TEXT, 0, 1, &header ), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    check_code( add_ex( client.connect, ADD, UNICODE_TEXT, 0, 1, &header ), ERROR_WINHTTP_INCORRECT_HANDLE_TYPE );
    check_code( add_ex( client.request, ADD, UNICODE_TEXT, 0, 1, NULL ), ERROR_INVALID_PARAMETER );
    check_code( add_ex( client.request, ADD, UNICODE_TEXT, 0, 0, &header ), ERROR_INVALID_PARAMETER );   /* a choice */
    check_code( add_ex( client.request, ADD, UNICODE_TEXT, 1, 1, &header ), ERROR_INVALID_PARAMETER );   /* reserved */
    check_code( add_ex( client.request, ADD, 2, 0, 1, &header ), ERROR_INVALID_PARAMETER );              /* a choice */
    check_value( client.request, L"a", 0, NULL );
done:
    client_close( &client );
}

/* Bytes go out as they were given, whatever the ANSI code page makes of them. */
static void test_bytes_on_the_wire(void)
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" ), END };
    struct server *server = server_start( script );
    struct client client;
    const char *head;

    if (!server) return;
    if (client_open( &client, server_port( server ), 0, L"GET", L"/" ))
    {
        check_code( add_bytes( client.request, "X-Bytes", "\xff\xfe \x81 caf\xc3\xa9", ADD ), ERROR_SUCCESS );
        check_code( add_bytes( client.request, "X-More", "\xff", ADD ), ERROR_SUCCESS );
        check_code( add_bytes( client.request, "X-More", "\xe9", COALESCE ), ERROR_SUCCESS );
        check_code( add_wide( client.request, L"X-Plain", L"text", ADD ), ERROR_SUCCESS );
        if (client_get( &client ))
        {
            head = server_request( server, 0 );
            ok( strstr( head, "\r\nX-Bytes: \xff\xfe \x81 caf\xc3\xa9\r\n" ) != NULL, "got:\n%s", head );
            ok( strstr( head, "\r\nX-More: \xff, \xe9\r\n" ) != NULL, "got:\n%s", head );
            ok( strstr( head, "\r\nX-Plain: text\r\n" ) != NULL, "got:\n%s", head );        /* HA-19 */
        }
    }
    client_close( &client );
    server_stop( server );
}

START_TEST(header_ex)
{
    add_ex = (void *)GetProcAddress( GetModuleHandleA( "winhttp.dll" ), "WinHttpAddRequestHeadersEx" );
    if (!add_ex)
    {
        win_skip( "WinHttpAddRequestHeadersEx is not there\n" );
        return;
    }
    test_modifiers();
    test_several_at_once();
    test_malformed();
    test_arguments();
    test_bytes_on_the_wire();
}
