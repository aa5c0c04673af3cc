/*
 * httpget: a small curl-like client on the public WinHTTP API
 *
 * Shows what an unmodified Windows program gets: the same .exe runs on Windows, over Wine's own winhttp and over ours.
 * Synchronous by default; --async drives the same request by completions alone. The body goes to standard output or to
 * a file, everything about it (notifications with -v, the summary line, errors) to standard error.
 * Exit code: 0 when a response was received whole, whatever its status; 1 on an error, printed with number and name;
 * 2 on a wrong command line. Builds with and without -municode.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <winhttp.h>

#define BLOCK_SIZE  65536
#define HEADERS_MAX 64

/* WINHTTP_SECURITY_INFO without schannel.h: SecPkgContext_ConnectionInfo, then SecPkgContext_CipherInfo */
struct security_info
{
    DWORD protocol, cipher, cipher_bits, hash, hash_bits, exchange, exchange_bits;
    DWORD version, suite_protocol, suite, base_suite;
    WCHAR suite_name[64];
    WCHAR cipher_name[64];
    DWORD cipher_len, cipher_block_len;
    WCHAR hash_name[64];
    DWORD hash_len;
    WCHAR exchange_name[64];
    DWORD exchange_min, exchange_max;
    WCHAR certificate_name[64];
    DWORD key_type;
};

/* WINHTTP_REQUEST_TIMES, and the entries used here */
struct request_times
{
    ULONG     count;
    ULONGLONG times[64];
};

struct name
{
    DWORD       value;
    const char *name;
};

static const struct name errors[] =
{
    { 2, "ERROR_FILE_NOT_FOUND" },
    { 5, "ERROR_ACCESS_DENIED" },
    { 6, "ERROR_INVALID_HANDLE" },
    { 8, "ERROR_NOT_ENOUGH_MEMORY" },
    { 50, "ERROR_NOT_SUPPORTED" },
    { 87, "ERROR_INVALID_PARAMETER" },
    { 120, "ERROR_CALL_NOT_IMPLEMENTED" },
    { 122, "ERROR_INSUFFICIENT_BUFFER" },
    { 12001, "ERROR_WINHTTP_OUT_OF_HANDLES" },
    { 12002, "ERROR_WINHTTP_TIMEOUT" },
    { 12004, "ERROR_WINHTTP_INTERNAL_ERROR" },
    { 12005, "ERROR_WINHTTP_INVALID_URL" },
    { 12006, "ERROR_WINHTTP_UNRECOGNIZED_SCHEME" },
    { 12007, "ERROR_WINHTTP_NAME_NOT_RESOLVED" },
    { 12009, "ERROR_WINHTTP_INVALID_OPTION" },
    { 12011, "ERROR_WINHTTP_OPTION_NOT_SETTABLE" },
    { 12012, "ERROR_WINHTTP_SHUTDOWN" },
    { 12015, "ERROR_WINHTTP_LOGIN_FAILURE" },
    { 12017, "ERROR_WINHTTP_OPERATION_CANCELLED" },
    { 12018, "ERROR_WINHTTP_INCORRECT_HANDLE_TYPE" },
    { 12019, "ERROR_WINHTTP_INCORRECT_HANDLE_STATE" },
    { 12029, "ERROR_WINHTTP_CANNOT_CONNECT" },
    { 12030, "ERROR_WINHTTP_CONNECTION_ERROR" },
    { 12032, "ERROR_WINHTTP_RESEND_REQUEST" },
    { 12037, "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID" },
    { 12038, "ERROR_WINHTTP_SECURE_CERT_CN_INVALID" },
    { 12044, "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED" },
    { 12045, "ERROR_WINHTTP_SECURE_INVALID_CA" },
    { 12057, "ERROR_WINHTTP_SECURE_CERT_REV_FAILED" },
    { 12150, "ERROR_WINHTTP_HEADER_NOT_FOUND" },
    { 12152, "ERROR_WINHTTP_INVALID_SERVER_RESPONSE" },
    { 12153, "ERROR_WINHTTP_INVALID_HEADER" },
    { 12154, "ERROR_WINHTTP_INVALID_QUERY_REQUEST" },
    { 12155, "ERROR_WINHTTP_HEADER_ALREADY_EXISTS" },
    { 12156, "ERROR_WINHTTP_REDIRECT_FAILED" },
    { 12157, "ERROR_WINHTTP_SECURE_CHANNEL_ERROR" },
    { 12169, "ERROR_WINHTTP_SECURE_INVALID_CERT" },
    { 12170, "ERROR_WINHTTP_SECURE_CERT_REVOKED" },
    { 12175, "ERROR_WINHTTP_SECURE_FAILURE" },
    { 12176, "ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE" },
    { 12177, "ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR" },
    { 12179, "ERROR_WINHTTP_SECURE_CERT_WRONG_USAGE" },
    { 12180, "ERROR_WINHTTP_AUTODETECTION_FAILED" },
    { 12181, "ERROR_WINHTTP_HEADER_COUNT_EXCEEDED" },
    { 12182, "ERROR_WINHTTP_HEADER_SIZE_OVERFLOW" },
    { 12183, "ERROR_WINHTTP_CHUNKED_ENCODING_HEADER_SIZE_OVERFLOW" },
    { 12184, "ERROR_WINHTTP_RESPONSE_DRAIN_OVERFLOW" },
    { 12185, "ERROR_WINHTTP_CLIENT_CERT_NO_PRIVATE_KEY" },
    { 12186, "ERROR_WINHTTP_CLIENT_CERT_NO_ACCESS_PRIVATE_KEY" },
    { 12190, "ERROR_WINHTTP_HTTP_PROTOCOL_MISMATCH" },
};

static const struct name statuses[] =
{
    { WINHTTP_CALLBACK_STATUS_RESOLVING_NAME, "RESOLVING_NAME" },
    { WINHTTP_CALLBACK_STATUS_NAME_RESOLVED, "NAME_RESOLVED" },
    { WINHTTP_CALLBACK_STATUS_CONNECTING_TO_SERVER, "CONNECTING_TO_SERVER" },
    { WINHTTP_CALLBACK_STATUS_CONNECTED_TO_SERVER, "CONNECTED_TO_SERVER" },
    { WINHTTP_CALLBACK_STATUS_SENDING_REQUEST, "SENDING_REQUEST" },
    { WINHTTP_CALLBACK_STATUS_REQUEST_SENT, "REQUEST_SENT" },
    { WINHTTP_CALLBACK_STATUS_RECEIVING_RESPONSE, "RECEIVING_RESPONSE" },
    { WINHTTP_CALLBACK_STATUS_RESPONSE_RECEIVED, "RESPONSE_RECEIVED" },
    { WINHTTP_CALLBACK_STATUS_CLOSING_CONNECTION, "CLOSING_CONNECTION" },
    { WINHTTP_CALLBACK_STATUS_CONNECTION_CLOSED, "CONNECTION_CLOSED" },
    { WINHTTP_CALLBACK_STATUS_HANDLE_CREATED, "HANDLE_CREATED" },
    { WINHTTP_CALLBACK_STATUS_HANDLE_CLOSING, "HANDLE_CLOSING" },
    { WINHTTP_CALLBACK_STATUS_DETECTING_PROXY, "DETECTING_PROXY" },
    { WINHTTP_CALLBACK_STATUS_REDIRECT, "REDIRECT" },
    { WINHTTP_CALLBACK_STATUS_INTERMEDIATE_RESPONSE, "INTERMEDIATE_RESPONSE" },
    { WINHTTP_CALLBACK_STATUS_SECURE_FAILURE, "SECURE_FAILURE" },
    { WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE, "HEADERS_AVAILABLE" },
    { WINHTTP_CALLBACK_STATUS_DATA_AVAILABLE, "DATA_AVAILABLE" },
    { WINHTTP_CALLBACK_STATUS_READ_COMPLETE, "READ_COMPLETE" },
    { WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE, "WRITE_COMPLETE" },
    { WINHTTP_CALLBACK_STATUS_REQUEST_ERROR, "REQUEST_ERROR" },
    { WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE, "SENDREQUEST_COMPLETE" },
};

static const struct name tls_versions[] =
{
    { 0x80, "TLS 1.0" },
    { 0x200, "TLS 1.1" },
    { 0x800, "TLS 1.2" },
    { 0x2000, "TLS 1.3" },
};

#define STATUS_TEXT    (WINHTTP_CALLBACK_STATUS_RESOLVING_NAME | WINHTTP_CALLBACK_STATUS_NAME_RESOLVED | \
                        WINHTTP_CALLBACK_STATUS_CONNECTING_TO_SERVER | WINHTTP_CALLBACK_STATUS_CONNECTED_TO_SERVER | \
                        WINHTTP_CALLBACK_STATUS_REDIRECT)
#define STATUS_NUMBER  (WINHTTP_CALLBACK_STATUS_REQUEST_SENT | WINHTTP_CALLBACK_STATUS_RESPONSE_RECEIVED | \
                        WINHTTP_CALLBACK_STATUS_INTERMEDIATE_RESPONSE | WINHTTP_CALLBACK_STATUS_DATA_AVAILABLE | \
                        WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE | WINHTTP_CALLBACK_STATUS_SECURE_FAILURE)

/* The command line. */
static const WCHAR *option_url, *option_verb, *option_data, *option_output, *option_proxy;
static const WCHAR *option_headers[HEADERS_MAX];
static unsigned int header_count;
static int option_protocol = -1;   /* value of WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, -1 = what the DLL does by itself */
static BOOL option_include, option_insecure, option_async, option_verbose, option_silent;

/* The one request. */
static HINTERNET session, connection, request;
static HANDLE output;              /* where the body goes */
static HANDLE body_file;           /* where the request body comes from, NULL = body_data */
static char *body_data;
static ULONGLONG body_len, body_left;
static ULONGLONG received;
static char block[BLOCK_SIZE];
static WCHAR headers_text[16384];  /* all -H, CRLF separated */
static BOOL secure;
static double started;

/* How it ended; in asynchronous mode set by a callback before it sets `finished`. */
static DWORD failure;
static const char *failed_in;
static HANDLE finished;

static CRITICAL_SECTION print_lock;   /* one notification, one line */

static double now_ms( void )
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER now;

    if (!frequency.QuadPart) QueryPerformanceFrequency( &frequency );
    QueryPerformanceCounter( &now );
    return now.QuadPart * 1000.0 / frequency.QuadPart;
}

static const char *find_name( const struct name *names, size_t count, DWORD value )
{
    size_t i;

    for (i = 0; i < count; i++) if (names[i].value == value) return names[i].name;
    return "?";
}

#define NAME_OF(table, value) find_name( table, sizeof(table) / sizeof(table[0]), value )

/* Prints wide text as UTF-8 to standard error. */
static void print_wide( const WCHAR *text )
{
    char utf8[4096];

    if (!WideCharToMultiByte( CP_UTF8, 0, text, -1, utf8, sizeof(utf8), NULL, NULL )) strcpy( utf8, "(too long)" );
    fputs( utf8, stderr );
}

/* Returns 1, so that main can end with it. */
static int report_error( const char *what, DWORD error )
{
    EnterCriticalSection( &print_lock );
    fprintf( stderr, "httpget: %s failed: error %lu %s\n", what, error, NAME_OF( errors, error ) );
    fflush( stderr );
    LeaveCriticalSection( &print_lock );
    return 1;
}

static BOOL write_all( const void *data, DWORD len )
{
    DWORD written;

    while (len)
    {
        if (!WriteFile( output, data, len, &written, NULL ) || !written) return FALSE;
        data = (const char *)data + written;
        len -= written;
    }
    return TRUE;
}

/* Prints one notification: time since start, thread, object, name, payload. */
static void print_notification( HINTERNET handle, DWORD status, void *info, DWORD len )
{
    const WINHTTP_ASYNC_RESULT *result = info;

    EnterCriticalSection( &print_lock );
    fprintf( stderr, "* %9.3f ms  thread %04lx  %-10s %-21s", now_ms() - started, GetCurrentThreadId(),
             handle == session ? "session" : handle == connection || !connection ? "connection" : "request",
             NAME_OF( statuses, status ) );
    if ((status & STATUS_TEXT) && info)
    {
        fputc( ' ', stderr );
        print_wide( info );
    }
    else if ((status & STATUS_NUMBER) && info && len == sizeof(DWORD))
        fprintf( stderr, status == WINHTTP_CALLBACK_STATUS_SECURE_FAILURE ? " flags %#lx" : " %lu", *(DWORD *)info );
    else if (status == WINHTTP_CALLBACK_STATUS_READ_COMPLETE) fprintf( stderr, " %lu", len );
    else if (status == WINHTTP_CALLBACK_STATUS_REQUEST_ERROR && info)
        fprintf( stderr, " api %u error %lu %s", (unsigned int)result->dwResult, result->dwError,
                 NAME_OF( errors, result->dwError ) );
    fputc( '\n', stderr );
    fflush( stderr );
    LeaveCriticalSection( &print_lock );
}

/* Takes the next piece of the request body into `block`. Returns its length, 0 at the end or on a read error, which
 * sets `failure`. */
static DWORD next_piece( void )
{
    DWORD len = body_left < sizeof(block) ? (DWORD)body_left : (DWORD)sizeof(block), got;

    if (!len) return 0;
    if (!body_file) memcpy( block, body_data + (size_t)(body_len - body_left), len );
    else if (!ReadFile( body_file, block, len, &got, NULL ) || !got)
    {
        failure = GetLastError() ? GetLastError() : ERROR_HANDLE_EOF;   /* EOF: the file became shorter */
        failed_in = "reading the data file";
        return 0;
    }
    else len = got;
    body_left -= len;
    return len;
}

/* -i: the response head as it came, in front of the body. */
static BOOL write_head( void )
{
    DWORD size = 0, len;
    WCHAR *head;
    char *bytes;
    BOOL ret;

    if (!option_include) return TRUE;
    WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, NULL, &size, NULL );
    if (GetLastError() != ERROR_INSUFFICIENT_BUFFER || !(head = malloc( size ))) return FALSE;
    if (!(ret = WinHttpQueryHeaders( request, WINHTTP_QUERY_RAW_HEADERS_CRLF, NULL, head, &size, NULL )) ||
        !(bytes = malloc( size * 2 )))
    {
        free( head );
        return FALSE;
    }
    len = WideCharToMultiByte( CP_UTF8, 0, head, size / sizeof(WCHAR), bytes, size * 2, NULL, NULL );
    ret = write_all( bytes, len );
    free( bytes );
    free( head );
    return ret;
}

/* Records the first failure and ends the asynchronous request. */
static void finish( const char *what, DWORD error )
{
    if (what && !failed_in)
    {
        failed_in = what;
        failure = error;
    }
    SetEvent( finished );
}

/* Asynchronous: the send or a write has ended, so the next piece or the response is due. */
static void async_continue( void )
{
    DWORD len = next_piece();

    if (failed_in) finish( failed_in, failure );
    else if (len)
    {
        if (!WinHttpWriteData( request, block, len, NULL )) finish( "WinHttpWriteData", GetLastError() );
    }
    else if (!WinHttpReceiveResponse( request, NULL )) finish( "WinHttpReceiveResponse", GetLastError() );
}

/* Asynchronous: one read; its completion leads here again. */
static void async_read( void )
{
    if (!WinHttpReadData( request, block, sizeof(block), NULL )) finish( "WinHttpReadData", GetLastError() );
}

static void async_step( DWORD status, void *info, DWORD len )
{
    static const char *const apis[] =
    {
        "request", "WinHttpReceiveResponse", "WinHttpQueryDataAvailable", "WinHttpReadData", "WinHttpWriteData",
        "WinHttpSendRequest"
    };
    const WINHTTP_ASYNC_RESULT *result = info;

    switch (status)
    {
    case WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE:
    case WINHTTP_CALLBACK_STATUS_WRITE_COMPLETE:
        async_continue();
        break;
    case WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE:
        if (!write_head()) finish( "writing the head", GetLastError() );
        else async_read();
        break;
    case WINHTTP_CALLBACK_STATUS_READ_COMPLETE:
        received += len;
        if (!len) finish( NULL, 0 );
        else if (!write_all( block, len )) finish( "writing the body", GetLastError() );
        else async_read();
        break;
    case WINHTTP_CALLBACK_STATUS_REQUEST_ERROR:
        finish( apis[result->dwResult < 6 ? result->dwResult : 0], result->dwError );
        break;
    }
}

static void CALLBACK on_status( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)context;
    if (option_verbose) print_notification( handle, status, info, len );
    if (option_async) async_step( status, info, len );
}

/* Sends, writes, receives and reads in the synchronous way. */
static void run_sync( const WCHAR *headers, DWORD total )
{
    DWORD len, count;

    if (!WinHttpSendRequest( request, headers, headers ? (DWORD)-1 : 0, NULL, 0, total, 0 ))
    {
        failure = GetLastError();
        failed_in = "WinHttpSendRequest";
        return;
    }
    while ((len = next_piece()))
    {
        if (WinHttpWriteData( request, block, len, &count )) continue;
        failure = GetLastError();
        failed_in = "WinHttpWriteData";
        return;
    }
    if (failed_in) return;
    if (!WinHttpReceiveResponse( request, NULL ))
    {
        failure = GetLastError();
        failed_in = "WinHttpReceiveResponse";
        return;
    }
    if (!write_head())
    {
        failure = GetLastError();
        failed_in = "writing the head";
        return;
    }
    for (;;)
    {
        if (!WinHttpReadData( request, block, sizeof(block), &len ))
        {
            failure = GetLastError();
            failed_in = "WinHttpReadData";
            return;
        }
        if (!len) return;
        received += len;
        if (!write_all( block, len ))
        {
            failure = GetLastError();
            failed_in = "writing the body";
            return;
        }
    }
}

static void run_async( const WCHAR *headers, DWORD total )
{
    if (!WinHttpSendRequest( request, headers, headers ? (DWORD)-1 : 0, NULL, 0, total, 0 ))
        finish( "WinHttpSendRequest", GetLastError() );
    WaitForSingleObject( finished, INFINITE );
}

/* " name 1.234 ms" when both points were passed. */
static void print_phase( const struct request_times *times, const char *name, int from, int to )
{
    LARGE_INTEGER frequency;

    QueryPerformanceFrequency( &frequency );
    if (times->times[from] && times->times[to] >= times->times[from])
        fprintf( stderr, " %s %.3f ms,", name, (times->times[to] - times->times[from]) * 1000.0 / frequency.QuadPart );
}

static void print_times( void )
{
    struct request_times times;
    DWORD size = sizeof(times);
    int tls_end = 14;

    memset( &times, 0, sizeof(times) );
    times.count = 36;
    if (WinHttpQueryOption( request, WINHTTP_OPTION_REQUEST_TIMES, &times, &size ))
    {
        while (tls_end > 10 && !times.times[tls_end]) tls_end -= 2;
        print_phase( &times, "resolve", 5, 6 );
        print_phase( &times, "connect", 7, 8 );
        print_phase( &times, "tls", 9, tls_end );
        print_phase( &times, "send", 17, 21 );
        print_phase( &times, "response head", 22, 25 );
        print_phase( &times, "response", 22, 27 );
    }
    fprintf( stderr, " total %.3f ms\n", now_ms() - started );
}

static void print_tls( void )
{
    struct security_info info;
    DWORD size = sizeof(info), i;

    if (!secure) return;
    memset( &info, 0, sizeof(info) );
    if (!WinHttpQueryOption( request, WINHTTP_OPTION_SECURITY_INFO, &info, &size ))
    {
        fprintf( stderr, ", TLS (version unknown: option 151 gives error %lu)", GetLastError() );
        return;
    }
    for (i = 0; i < sizeof(tls_versions) / sizeof(tls_versions[0]); i++)
        if (info.protocol & tls_versions[i].value) fprintf( stderr, ", %s", tls_versions[i].name );
    fputc( ' ', stderr );
    info.suite_name[63] = 0;
    print_wide( info.suite_name );
}

/* The summary line: protocol, status, TLS, bytes, times. */
static void print_summary( void )
{
    WCHAR version[16], text[128];
    DWORD status = 0, used = 0, size = sizeof(status);

    WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, NULL, &status, &size, NULL );
    size = sizeof(version);
    if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_VERSION, NULL, version, &size, NULL )) lstrcpyW( version, L"HTTP/?" );
    size = sizeof(text);
    if (!WinHttpQueryHeaders( request, WINHTTP_QUERY_STATUS_TEXT, NULL, text, &size, NULL )) text[0] = 0;
    size = sizeof(used);
    if (WinHttpQueryOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_USED, &used, &size ) && used)
        lstrcpyW( version, used & 2 ? L"HTTP/3" : L"HTTP/2" );   /* the status line is made up for these */

    EnterCriticalSection( &print_lock );
    fprintf( stderr, "httpget: " );
    print_wide( version );
    fprintf( stderr, " %lu ", status );
    print_wide( text );
    print_tls();
    fprintf( stderr, ", sent %llu bytes, received %llu bytes,", body_len, received );
    print_times();
    fflush( stderr );
    LeaveCriticalSection( &print_lock );
}

/* Opens what -d names: text, or a file after '@'. Returns 0 or an error code. */
static DWORD open_body( void )
{
    LARGE_INTEGER size;
    int len;

    if (!option_data) return 0;
    if (option_data[0] == '@')
    {
        body_file = CreateFileW( option_data + 1, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL );
        if (body_file == INVALID_HANDLE_VALUE || !GetFileSizeEx( body_file, &size )) return GetLastError();
        body_len = size.QuadPart;
    }
    else
    {
        len = WideCharToMultiByte( CP_UTF8, 0, option_data, -1, NULL, 0, NULL, NULL );
        if (!(body_data = malloc( len ))) return ERROR_NOT_ENOUGH_MEMORY;
        WideCharToMultiByte( CP_UTF8, 0, option_data, -1, body_data, len, NULL, NULL );
        body_len = len - 1;
    }
    body_left = body_len;
    return 0;
}

/* Appends a line to the request headers. Returns FALSE when there is no room. */
static BOOL add_header( const WCHAR *line )
{
    size_t used = lstrlenW( headers_text );

    if (used + lstrlenW( line ) + 3 > sizeof(headers_text) / sizeof(headers_text[0])) return FALSE;
    lstrcpyW( headers_text + used, line );
    lstrcatW( headers_text, L"\r\n" );
    return TRUE;
}

/* TRUE when one of the -H lines has that name (lower case, with the colon). */
static BOOL has_header( const WCHAR *name )
{
    unsigned int i;

    for (i = 0; i < header_count; i++)
        if (!_wcsnicmp( option_headers[i], name, lstrlenW( name ) )) return TRUE;
    return FALSE;
}

/* Sets the header text and the length that WinHttpSendRequest gets. */
static DWORD make_headers( DWORD *total )
{
    WCHAR length[64];
    unsigned int i;

    for (i = 0; i < header_count; i++) if (!add_header( option_headers[i] )) return ERROR_INSUFFICIENT_BUFFER;
    if (option_data && !has_header( L"content-type:" ) &&
        !add_header( body_file ? L"Content-Type: application/octet-stream"
                               : L"Content-Type: application/x-www-form-urlencoded" )) return ERROR_INSUFFICIENT_BUFFER;
    *total = (DWORD)body_len;
    if (body_len >> 32)
    {
        /* the parameter has 32 bits; documented way for more: say so in a header, and nothing in the parameter */
        _snwprintf( length, sizeof(length) / sizeof(length[0]), L"Content-Length: %I64u", body_len );
        if (!add_header( length )) return ERROR_INSUFFICIENT_BUFFER;
        *total = WINHTTP_IGNORE_REQUEST_TOTAL_LENGTH;
    }
    return 0;
}

/* Options of the command line that become options of the request. Returns 0, or prints the error and returns 1. */
static int set_options( void )
{
    DWORD ignore = SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_CN_INVALID |
                   SECURITY_FLAG_IGNORE_CERT_DATE_INVALID | SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE;
    DWORD protocol = option_protocol;
    BOOL required = TRUE;

    if (option_insecure && secure &&
        !WinHttpSetOption( request, WINHTTP_OPTION_SECURITY_FLAGS, &ignore, sizeof(ignore) ))
        return report_error( "setting WINHTTP_OPTION_SECURITY_FLAGS", GetLastError() );
    if (option_protocol >= 0 &&
        !WinHttpSetOption( request, WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL, &protocol, sizeof(protocol) ))
        return report_error( "setting WINHTTP_OPTION_ENABLE_HTTP_PROTOCOL", GetLastError() );
    if (option_protocol > 0 &&
        !WinHttpSetOption( request, WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED, &required, sizeof(required) ))
        return report_error( "setting WINHTTP_OPTION_HTTP_PROTOCOL_REQUIRED", GetLastError() );
    return 0;
}

/* Opens the three handles for option_url. Returns 0, or prints the error and returns 1. */
static int open_handles( void )
{
    static WCHAR url[8192], host[1024], object[8192];
    URL_COMPONENTS parts;
    WCHAR *fragment;

    url[0] = 0;
    if (!wcsstr( option_url, L"://" )) lstrcpyW( url, L"http://" );
    if (lstrlenW( option_url ) + 8 > (int)(sizeof(url) / sizeof(url[0]))) return report_error( "the URL", 12005 );
    lstrcatW( url, option_url );
    if ((fragment = wcschr( url, '#' ))) *fragment = 0;   /* not sent (RFC 9110 section 7.1) */

    memset( &parts, 0, sizeof(parts) );
    parts.dwStructSize = sizeof(parts);
    parts.lpszHostName = host;
    parts.dwHostNameLength = sizeof(host) / sizeof(host[0]);
    parts.lpszUrlPath = object;
    parts.dwUrlPathLength = sizeof(object) / sizeof(object[0]);
    if (!WinHttpCrackUrl( url, 0, 0, &parts )) return report_error( "WinHttpCrackUrl", GetLastError() );
    secure = parts.nScheme == INTERNET_SCHEME_HTTPS;

    if (!(session = WinHttpOpen( L"httpget/1", option_proxy ? WINHTTP_ACCESS_TYPE_NAMED_PROXY : WINHTTP_ACCESS_TYPE_DEFAULT_PROXY,
                                 option_proxy ? option_proxy : WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS,
                                 option_async ? WINHTTP_FLAG_ASYNC : 0 )))
        return report_error( "WinHttpOpen", GetLastError() );
    if ((option_verbose || option_async) &&
        WinHttpSetStatusCallback( session, (WINHTTP_STATUS_CALLBACK)on_status, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS, 0 ) ==
        WINHTTP_INVALID_STATUS_CALLBACK)
        return report_error( "WinHttpSetStatusCallback", GetLastError() );
    if (!(connection = WinHttpConnect( session, host, parts.nPort, 0 )))
        return report_error( "WinHttpConnect", GetLastError() );
    if (!(request = WinHttpOpenRequest( connection, option_verb ? option_verb : option_data ? L"POST" : L"GET", object, NULL,
                                        WINHTTP_NO_REFERER, WINHTTP_DEFAULT_ACCEPT_TYPES, secure ? WINHTTP_FLAG_SECURE : 0 )))
        return report_error( "WinHttpOpenRequest", GetLastError() );
    return set_options();
}

static int run( void )
{
    DWORD error, total = 0;
    int ret;

    if ((error = open_body())) return report_error( "opening the data file", error );
    output = option_output ? CreateFileW( option_output, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, 0, NULL )
                           : GetStdHandle( STD_OUTPUT_HANDLE );
    if (output == INVALID_HANDLE_VALUE) return report_error( "opening the output file", GetLastError() );
    if (!(finished = CreateEventW( NULL, TRUE, FALSE, NULL ))) return report_error( "CreateEvent", GetLastError() );

    started = now_ms();
    if (!(ret = open_handles()))
    {
        if ((error = make_headers( &total )))
        {
            failed_in = "building the request headers";
            failure = error;
        }
        else (option_async ? run_async : run_sync)( headers_text[0] ? headers_text : NULL, total );
        if (failed_in) ret = report_error( failed_in, failure );
        else if (!option_silent) print_summary();
    }
    if (request) WinHttpCloseHandle( request );
    if (connection) WinHttpCloseHandle( connection );
    if (session) WinHttpCloseHandle( session );
    return ret;
}

static void usage( void )
{
    fputs( "usage: httpget [options] URL\n"
           "  -X VERB            request method (GET, or POST with -d)\n"
           "  -H \"Name: value\"   request header, repeatable\n"
           "  -d, --data TEXT    request body; @FILE sends that file\n"
           "  -o FILE            write the body to FILE instead of standard output\n"
           "  -i                 write the response head too\n"
           "  -k                 accept any certificate\n"
           "  -s                 no summary line\n"
           "  -v                 print every notification with its time and thread\n"
           "  --http1.1, --http2, --http3   that protocol and no other\n"
           "  --async            asynchronous mode\n"
           "  --proxy HOST:PORT  use that proxy\n", stderr );
}

/* Options with a value, and flags: rows of one table. */
static BOOL parse_arguments( int argc, WCHAR **argv )
{
    static const struct
    {
        const WCHAR  *name;
        const WCHAR **value;   /* takes a value */
        BOOL         *flag;    /* set to TRUE */
        int           protocol;
    }
    options[] =
    {
        { L"-X", &option_verb, NULL, -1 },
        { L"-d", &option_data, NULL, -1 },
        { L"--data", &option_data, NULL, -1 },
        { L"-o", &option_output, NULL, -1 },
        { L"--proxy", &option_proxy, NULL, -1 },
        { L"-i", NULL, &option_include, -1 },
        { L"-k", NULL, &option_insecure, -1 },
        { L"-s", NULL, &option_silent, -1 },
        { L"-v", NULL, &option_verbose, -1 },
        { L"--async", NULL, &option_async, -1 },
        { L"--http1.1", NULL, NULL, 0 },
        { L"--http2", NULL, NULL, 1 },
        { L"--http3", NULL, NULL, 2 },
    };
    const size_t count = sizeof(options) / sizeof(options[0]);
    size_t row;
    int i;

    for (i = 1; i < argc; i++)
    {
        if (!lstrcmpW( argv[i], L"-H" ))
        {
            if (++i == argc || header_count == HEADERS_MAX) return FALSE;
            option_headers[header_count++] = argv[i];
            continue;
        }
        for (row = 0; row < count && lstrcmpW( argv[i], options[row].name ); row++) continue;
        if (row == count)
        {
            if (argv[i][0] == '-' || option_url) return FALSE;
            option_url = argv[i];
        }
        else if (options[row].flag) *options[row].flag = TRUE;
        else if (!options[row].value) option_protocol = options[row].protocol;
        else if (++i == argc) return FALSE;
        else *options[row].value = argv[i];
    }
    return option_url != NULL;
}

static int run_arguments( int argc, WCHAR **argv )
{
    InitializeCriticalSection( &print_lock );
    if (parse_arguments( argc, argv )) return run();
    usage();
    return 2;
}

#ifdef UNICODE

int wmain( int argc, WCHAR **argv )
{
    return run_arguments( argc, argv );
}

#else

/* The C library has the wide arguments of a narrow program too. */
struct startup_info { int newmode; };
extern int __cdecl __wgetmainargs( int *, WCHAR ***, WCHAR ***, int, struct startup_info * );

int main( void )
{
    struct startup_info info = { 0 };
    WCHAR **argv, **env;
    int argc;

    __wgetmainargs( &argc, &argv, &env, 0, &info );
    return run_arguments( argc, argv );
}

#endif
