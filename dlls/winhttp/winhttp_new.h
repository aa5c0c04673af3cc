/*
 * Constants, structures and prototypes that are newer than the toolchain's winhttp.h
 *
 * Values and layouts are those of the Windows SDK. Each is guarded, so that a newer toolchain header wins. Include
 * <winhttp.h> first. The guards of the structures are constants that came with them.
 */

#ifndef WINHTTP_NEW_H
#define WINHTTP_NEW_H

#ifndef WINHTTP_FLAG_SECURE_DEFAULTS
#define WINHTTP_FLAG_SECURE_DEFAULTS                0x30000000   /* holds WINHTTP_FLAG_ASYNC */
#endif
#ifndef WINHTTP_FLAG_AUTOMATIC_CHUNKING
#define WINHTTP_FLAG_AUTOMATIC_CHUNKING             0x00000200
#endif

#ifndef WINHTTP_HANDLE_TYPE_PROXY_RESOLVER
#define WINHTTP_HANDLE_TYPE_PROXY_RESOLVER          4
#endif
#ifndef WINHTTP_HANDLE_TYPE_WEBSOCKET
#define WINHTTP_HANDLE_TYPE_WEBSOCKET               5
#endif
#ifndef WINHTTP_HANDLE_TYPE_PROTOCOL
#define WINHTTP_HANDLE_TYPE_PROTOCOL                6
#endif

#ifndef WINHTTP_OPTION_PROXY_DISABLE_SERVICE_CALLS
#define WINHTTP_OPTION_PROXY_DISABLE_SERVICE_CALLS  137
#endif
#ifndef WINHTTP_OPTION_SECURITY_INFO
#define WINHTTP_OPTION_SECURITY_INFO                151
#endif
#ifndef WINHTTP_OPTION_DISABLE_GLOBAL_POOLING
#define WINHTTP_OPTION_DISABLE_GLOBAL_POOLING       195
#endif

#ifndef WINHTTP_PROTOCOL_FLAG_HTTP2
#define WINHTTP_PROTOCOL_FLAG_HTTP2                 0x1
#endif
#ifndef WINHTTP_PROTOCOL_FLAG_HTTP3
#define WINHTTP_PROTOCOL_FLAG_HTTP3                 0x2
#endif

#ifndef WINHTTP_QUERY_FLAG_NUMBER64
#define WINHTTP_QUERY_FLAG_NUMBER64                 0x08000000
#endif
#ifndef WINHTTP_QUERY_FLAG_TRAILERS
#define WINHTTP_QUERY_FLAG_TRAILERS                 0x02000000
#endif
#ifndef WINHTTP_QUERY_FLAG_WIRE_ENCODING
#define WINHTTP_QUERY_FLAG_WIRE_ENCODING            0x01000000
#endif

#ifndef WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER
#define WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER       1ull
#endif

#ifndef WINHTTP_EXTENDED_HEADER_FLAG_UNICODE
#define WINHTTP_EXTENDED_HEADER_FLAG_UNICODE        0x00000001

typedef struct _WINHTTP_EXTENDED_HEADER
{
    union { PCWSTR pwszName; PCSTR pszName; };
    union { PCWSTR pwszValue; PCSTR pszValue; };
} WINHTTP_EXTENDED_HEADER, *PWINHTTP_EXTENDED_HEADER;

typedef union _WINHTTP_HEADER_NAME
{
    PCWSTR pwszName;
    PCSTR pszName;
} WINHTTP_HEADER_NAME, *PWINHTTP_HEADER_NAME;

DWORD WINAPI WinHttpAddRequestHeadersEx( HINTERNET, DWORD, ULONGLONG, ULONGLONG, DWORD, WINHTTP_EXTENDED_HEADER * );
DWORD WINAPI WinHttpQueryHeadersEx( HINTERNET, DWORD, ULONGLONG, UINT, DWORD *, WINHTTP_HEADER_NAME *, void *, DWORD *,
                                    WINHTTP_EXTENDED_HEADER **, DWORD * );
DWORD WINAPI WinHttpReadDataEx( HINTERNET, void *, DWORD, DWORD *, ULONGLONG, DWORD, void * );
#endif

#endif /* WINHTTP_NEW_H */
