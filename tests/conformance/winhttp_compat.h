/*
 * What the conformance tests need and older public headers lack
 *
 * Constants newer than the toolchain's winhttp.h, each guarded, and prototypes of functions that are newer than its
 * import library: those are found with GetProcAddress, so that the program also starts on an older Windows.
 */
#ifndef CONFORMANCE_WINHTTP_COMPAT_H
#define CONFORMANCE_WINHTTP_COMPAT_H

#ifndef WINHTTP_OPTION_SECURITY_INFO
#define WINHTTP_OPTION_SECURITY_INFO 151
#endif
#ifndef WINHTTP_QUERY_FLAG_TRAILERS
#define WINHTTP_QUERY_FLAG_TRAILERS 0x02000000
#endif
#ifndef WINHTTP_QUERY_FLAG_WIRE_ENCODING
#define WINHTTP_QUERY_FLAG_WIRE_ENCODING 0x01000000
#endif
#ifndef WINHTTP_QUERY_FLAG_NUMBER64
#define WINHTTP_QUERY_FLAG_NUMBER64 0x08000000
#endif
#ifndef WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER
#define WINHTTP_READ_DATA_EX_FLAG_FILL_BUFFER 0x1
#endif
#ifndef WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON
#define WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON 0x01000000
#endif

typedef DWORD (WINAPI *read_data_ex_fn)( HINTERNET, void *, DWORD, DWORD *, ULONGLONG, DWORD, void * );

#endif /* CONFORMANCE_WINHTTP_COMPAT_H */
