/*
 * WinHttpQueryHeaders(Ex): what a query asks for and how its answer is laid out
 */

#ifndef WINHTTP_HEADER_QUERY_H
#define WINHTTP_HEADER_QUERY_H

#include "headers.h"

/* What a query looks at; the caller (the exported functions, with request->lock held) chooses request or response. */
struct header_source
{
    const struct headers     *list;
    const struct status_line *line;      /* response: the status line; request: NULL */
    const WCHAR              *verb;      /* request method, NUL-terminated */
    const WCHAR              *target;    /* request target, NUL-terminated */
    const WCHAR              *version;   /* "HTTP/1.1", NUL-terminated */
    BOOL                      is_request;
};

/* The whole of WinHttpQueryHeaders after the handle and state checks; `level` with its modifiers. Returns a Win32 code.
 * Spec: headers.md sections 1 and 2, windows-behaviour. */
DWORD header_query( const struct header_source *source, DWORD level, const WCHAR *name,
                    void *buffer, DWORD *size, DWORD *index );

/* The whole of WinHttpQueryHeadersEx after the handle and state checks. Spec: headers.md section 3. */
DWORD header_query_ex( const struct header_source *source, DWORD level, UINT codepage, DWORD *index,
                       const void *name /* WINHTTP_HEADER_NAME */, void *buffer, DWORD *size,
                       void **headers /* WINHTTP_EXTENDED_HEADER[] */, DWORD *count );

#endif
