/*
 * The handful of Windows that the pure PE modules need, for native builds
 *
 * url.c, hostname.c, time.c, headers.c, header_add.c and header_query.c (and others that know nothing of handles and
 * threads) compile natively with -DWINHTTP_NATIVE -DWH_HOOKS -fshort-wchar. Types have Windows' sizes, so DWORD is
 * `unsigned int` here and `unsigned long` there. Allocations go through the hooks, so that tests can make them fail.
 * The ANSI code page is the test's choice (shim_acp): any single-byte page acts as ISO 8859-1, 65001 is UTF-8.
 */

#ifndef WINHTTP_WIN_SHIM_H
#define WINHTTP_WIN_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unix/hooks.h"

#if __SIZEOF_WCHAR_T__ != 2
#error "this needs -fshort-wchar"
#endif

#define malloc( size )       wh_hooks.malloc( size )
#define realloc( ptr, size ) wh_hooks.realloc( ptr, size )

typedef int BOOL;
typedef wchar_t WCHAR;
typedef unsigned char BYTE;
typedef unsigned short WORD;
typedef unsigned int DWORD, UINT;
typedef unsigned long long ULONGLONG;
typedef uintptr_t ULONG_PTR;
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR;
typedef DWORD *LPDWORD;
typedef WORD INTERNET_PORT;
typedef int INTERNET_SCHEME;

#define TRUE 1
#define FALSE 0
#define WINAPI
#define ARRAYSIZE( array ) (sizeof(array) / sizeof((array)[0]))
#define wcslen( str ) ((size_t)lstrlenW( str ))      /* the C library's has another wchar_t */
#define TRACE( ... ) do { } while (0)

typedef struct { WORD wYear, wMonth, wDayOfWeek, wDay, wHour, wMinute, wSecond, wMilliseconds; } SYSTEMTIME;

typedef struct
{
    DWORD           dwStructSize;
    LPWSTR          lpszScheme;
    DWORD           dwSchemeLength;
    INTERNET_SCHEME nScheme;
    LPWSTR          lpszHostName;
    DWORD           dwHostNameLength;
    INTERNET_PORT   nPort;
    LPWSTR          lpszUserName;
    DWORD           dwUserNameLength;
    LPWSTR          lpszPassword;
    DWORD           dwPasswordLength;
    LPWSTR          lpszUrlPath;
    DWORD           dwUrlPathLength;
    LPWSTR          lpszExtraInfo;
    DWORD           dwExtraInfoLength;
} URL_COMPONENTS, *LPURL_COMPONENTS;

#define ERROR_NOT_ENOUGH_MEMORY               8
#define ERROR_INVALID_DATA                    13
#define ERROR_INVALID_PARAMETER               87
#define ERROR_INSUFFICIENT_BUFFER             122
#define ERROR_WINHTTP_INTERNAL_ERROR          12004
#define ERROR_WINHTTP_INVALID_URL             12005
#define ERROR_WINHTTP_UNRECOGNIZED_SCHEME     12006
#define ERROR_WINHTTP_HEADER_NOT_FOUND        12150
#define ERROR_WINHTTP_INVALID_SERVER_RESPONSE 12152
#define ERROR_WINHTTP_INVALID_QUERY_REQUEST   12154
#define ERROR_WINHTTP_HEADER_ALREADY_EXISTS   12155
#define ERROR_WINHTTP_HEADER_COUNT_EXCEEDED   12181
#define ERROR_WINHTTP_REDIRECT_FAILED         12156

#define CP_ACP  0
#define CP_UTF8 65001

#define INTERNET_DEFAULT_HTTP_PORT  80
#define INTERNET_DEFAULT_HTTPS_PORT 443
#define INTERNET_SCHEME_HTTP        1
#define INTERNET_SCHEME_HTTPS       2

#define ICU_ESCAPE               0x80000000
#define ICU_DECODE               0x10000000
#define ICU_REJECT_USERPWD       0x00004000
#define ICU_ESCAPE_AUTHORITY     0x00002000
#define ICU_ENCODE_PERCENT       0x00001000
#define ICU_BROWSER_MODE         0x02000000
#define ICU_ENCODE_SPACES_ONLY   0x04000000
#define ICU_NO_META              0x08000000
#define ICU_NO_ENCODE            0x20000000
#define ICU_INCLUDE_DEFAULT_PORT 0x00008000

#define WINHTTP_FLAG_ESCAPE_PERCENT       0x00000004
#define WINHTTP_FLAG_NULL_CODEPAGE        0x00000008
#define WINHTTP_FLAG_ESCAPE_DISABLE       0x00000040
#define WINHTTP_FLAG_ESCAPE_DISABLE_QUERY 0x00000080

#define WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP 1
#define WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS                 2

#define WINHTTP_ADDREQ_INDEX_MASK                   0x0000ffff
#define WINHTTP_ADDREQ_FLAG_ADD_IF_NEW              0x10000000
#define WINHTTP_ADDREQ_FLAG_ADD                     0x20000000
#define WINHTTP_ADDREQ_FLAG_COALESCE_WITH_COMMA     0x40000000
#define WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON 0x01000000
#define WINHTTP_ADDREQ_FLAG_COALESCE                WINHTTP_ADDREQ_FLAG_COALESCE_WITH_COMMA
#define WINHTTP_ADDREQ_FLAG_REPLACE                 0x80000000

#define WINHTTP_QUERY_CUSTOM               65535
#define WINHTTP_QUERY_FLAG_REQUEST_HEADERS 0x80000000
#define WINHTTP_QUERY_FLAG_SYSTEMTIME      0x40000000
#define WINHTTP_QUERY_FLAG_NUMBER          0x20000000
#define WINHTTP_QUERY_FLAG_NUMBER64        0x08000000
#define WINHTTP_QUERY_FLAG_TRAILERS        0x02000000
#define WINHTTP_QUERY_FLAG_WIRE_ENCODING   0x01000000

enum
{
    WINHTTP_QUERY_MIME_VERSION, WINHTTP_QUERY_CONTENT_TYPE, WINHTTP_QUERY_CONTENT_TRANSFER_ENCODING,
    WINHTTP_QUERY_CONTENT_ID, WINHTTP_QUERY_CONTENT_DESCRIPTION, WINHTTP_QUERY_CONTENT_LENGTH,
    WINHTTP_QUERY_CONTENT_LANGUAGE, WINHTTP_QUERY_ALLOW, WINHTTP_QUERY_PUBLIC, WINHTTP_QUERY_DATE,
    WINHTTP_QUERY_EXPIRES, WINHTTP_QUERY_LAST_MODIFIED, WINHTTP_QUERY_MESSAGE_ID, WINHTTP_QUERY_URI,
    WINHTTP_QUERY_DERIVED_FROM, WINHTTP_QUERY_COST, WINHTTP_QUERY_LINK, WINHTTP_QUERY_PRAGMA, WINHTTP_QUERY_VERSION,
    WINHTTP_QUERY_STATUS_CODE, WINHTTP_QUERY_STATUS_TEXT, WINHTTP_QUERY_RAW_HEADERS, WINHTTP_QUERY_RAW_HEADERS_CRLF,
    WINHTTP_QUERY_CONNECTION, WINHTTP_QUERY_ACCEPT, WINHTTP_QUERY_ACCEPT_CHARSET, WINHTTP_QUERY_ACCEPT_ENCODING,
    WINHTTP_QUERY_ACCEPT_LANGUAGE, WINHTTP_QUERY_AUTHORIZATION, WINHTTP_QUERY_CONTENT_ENCODING,
    WINHTTP_QUERY_FORWARDED, WINHTTP_QUERY_FROM, WINHTTP_QUERY_IF_MODIFIED_SINCE, WINHTTP_QUERY_LOCATION,
    WINHTTP_QUERY_ORIG_URI, WINHTTP_QUERY_REFERER, WINHTTP_QUERY_RETRY_AFTER, WINHTTP_QUERY_SERVER,
    WINHTTP_QUERY_TITLE, WINHTTP_QUERY_USER_AGENT, WINHTTP_QUERY_WWW_AUTHENTICATE, WINHTTP_QUERY_PROXY_AUTHENTICATE,
    WINHTTP_QUERY_ACCEPT_RANGES, WINHTTP_QUERY_SET_COOKIE, WINHTTP_QUERY_COOKIE, WINHTTP_QUERY_REQUEST_METHOD,
    WINHTTP_QUERY_REFRESH, WINHTTP_QUERY_CONTENT_DISPOSITION, WINHTTP_QUERY_AGE, WINHTTP_QUERY_CACHE_CONTROL,
    WINHTTP_QUERY_CONTENT_BASE, WINHTTP_QUERY_CONTENT_LOCATION, WINHTTP_QUERY_CONTENT_MD5, WINHTTP_QUERY_CONTENT_RANGE,
    WINHTTP_QUERY_ETAG, WINHTTP_QUERY_HOST, WINHTTP_QUERY_IF_MATCH, WINHTTP_QUERY_IF_NONE_MATCH, WINHTTP_QUERY_IF_RANGE,
    WINHTTP_QUERY_IF_UNMODIFIED_SINCE, WINHTTP_QUERY_MAX_FORWARDS, WINHTTP_QUERY_PROXY_AUTHORIZATION,
    WINHTTP_QUERY_RANGE, WINHTTP_QUERY_TRANSFER_ENCODING, WINHTTP_QUERY_UPGRADE, WINHTTP_QUERY_VARY, WINHTTP_QUERY_VIA,
    WINHTTP_QUERY_WARNING, WINHTTP_QUERY_EXPECT, WINHTTP_QUERY_PROXY_CONNECTION, WINHTTP_QUERY_UNLESS_MODIFIED_SINCE,
    WINHTTP_QUERY_PROXY_SUPPORT = 75, WINHTTP_QUERY_AUTHENTICATION_INFO, WINHTTP_QUERY_PASSPORT_URLS,
    WINHTTP_QUERY_PASSPORT_CONFIG, WINHTTP_QUERY_MAX = WINHTTP_QUERY_PASSPORT_CONFIG
};

extern UINT shim_acp;            /* starts as 1252 */
extern DWORD shim_last_error;

UINT GetACP( void );
void SetLastError( DWORD error );
DWORD GetLastError( void );
int lstrlenW( const WCHAR *str );
int MultiByteToWideChar( UINT codepage, DWORD flags, const char *src, int src_len, WCHAR *dst, int dst_cch );
int WideCharToMultiByte( UINT codepage, DWORD flags, const WCHAR *src, int src_cch, char *dst, int dst_size,
                         const char *def, BOOL *used );

BOOL WinHttpCrackUrl( LPCWSTR url, DWORD url_cch, DWORD flags, LPURL_COMPONENTS comps );
BOOL WinHttpCreateUrl( LPURL_COMPONENTS comps, DWORD flags, LPWSTR url, LPDWORD url_cch );
BOOL WinHttpTimeFromSystemTime( const SYSTEMTIME *time, LPWSTR text );
BOOL WinHttpTimeToSystemTime( LPCWSTR text, SYSTEMTIME *time );

#endif
