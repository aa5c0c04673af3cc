/*
 * Checks that must hold for any text given to header lists and queries; shared by the unit tests and the fuzz target
 */

#ifndef WINHTTP_CHECK_HEADERS_H
#define WINHTTP_CHECK_HEADERS_H

#include "test.h"
#include "win_shim.h"
#include "header_query.h"

#undef malloc      /* the memory of the tests themselves does not fail */

static inline int is_clean( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (!text[i] || text[i] == '\r' || text[i] == '\n') return 0;
    return 1;
}

/* *ret is given; the length. */
static inline DWORD serialise( const struct headers *list, char **ret )
{
    static const WCHAR line[] = L"GET /\r\nX: y HTTP/1.1";       /* a line that must stay one line */
    DWORD len = headers_serialise( list, line, ARRAYSIZE( line ) - 1, NULL, 0 );

    *ret = malloc( len );
    expect( headers_serialise( list, line, ARRAYSIZE( line ) - 1, *ret, len ) == len );
    return len;
}

/* The head has as many lines as there are fields, and its end where it should be. */
static inline void check_serialised( const struct headers *list )
{
    char *head;
    DWORD i, lines = 0, len = serialise( list, &head );

    for (i = 0; i < len; i++)
    {
        expect( head[i] );
        if (head[i] == '\n') expect( i && head[i - 1] == '\r' );
        if (head[i] == '\r') expect( i + 1 < len && head[i + 1] == '\n' );
        lines += head[i] == '\n';
    }
    expect( lines == list->count + 2 );
    expect( len >= 4 && !memcmp( head + len - 4, "\r\n\r\n", 4 ) );
    free( head );
}

static inline void check_raw_queries( const struct header_source *source )
{
    static const DWORD levels[] = { WINHTTP_QUERY_RAW_HEADERS, WINHTTP_QUERY_RAW_HEADERS_CRLF };
    DWORD i, size, needed;
    WCHAR *buffer;

    for (i = 0; i < ARRAYSIZE( levels ); i++)
    {
        needed = 0;
        if (header_query( source, levels[i], NULL, NULL, &needed, NULL ) != ERROR_INSUFFICIENT_BUFFER)
        {
            expect( !source->list->count && !source->line && !source->is_request );
            continue;
        }
        buffer = malloc( needed );
        size = needed - 2;
        expect( header_query( source, levels[i], NULL, buffer, &size, NULL ) == ERROR_INSUFFICIENT_BUFFER && size == needed );
        expect( !header_query( source, levels[i], NULL, buffer, &size, NULL ) );
        expect( size == needed - 2 && !buffer[size / 2] );
        if (levels[i] == WINHTTP_QUERY_RAW_HEADERS) expect( size && !buffer[size / 2 - 1] );
        else expect( size >= 4 && buffer[size / 2 - 1] == '\n' && buffer[size / 2 - 2] == '\r' && lstrlenW( buffer ) == (int)size / 2 );
        free( buffer );
    }
}

/* As bytes: the lengths, and the head's own bytes behind the first line. */
static inline void check_wire_queries( const struct header_source *source )
{
    DWORD level = WINHTTP_QUERY_RAW_HEADERS_CRLF | WINHTTP_QUERY_FLAG_WIRE_ENCODING, needed = 0, size, head_len, i;
    char *buffer, *head, *at;

    if (header_query( source, level, NULL, NULL, &needed, NULL ) != ERROR_INSUFFICIENT_BUFFER)
    {
        expect( !source->list->count && !source->line && !source->is_request );
        return;
    }
    buffer = malloc( needed );
    size = needed - 1;
    expect( header_query( source, level, NULL, buffer, &size, NULL ) == ERROR_INSUFFICIENT_BUFFER && size == needed );
    expect( !header_query( source, level, NULL, buffer, &size, NULL ) && size == needed - 1 && !buffer[size] );
    head_len = serialise( source->list, &head );
    for (at = head, i = 0; *at++ != '\n'; i++) ;
    head_len -= at - head;
    expect( head_len <= size && !memcmp( buffer + size - head_len, at, head_len ) );
    free( head );
    free( buffer );

    level = WINHTTP_QUERY_RAW_HEADERS | WINHTTP_QUERY_FLAG_WIRE_ENCODING;
    needed = 0;
    expect( header_query( source, level, NULL, NULL, &needed, NULL ) == ERROR_INSUFFICIENT_BUFFER );
    buffer = malloc( needed );
    size = needed;
    expect( !header_query( source, level, NULL, buffer, &size, NULL ) && size == needed - 1 );
    expect( !buffer[size] && (!source->list->count || !buffer[size - 1]) );
    free( buffer );
}

static inline void check_pairs( const struct header_source *source, DWORD flags )
{
    DWORD level = WINHTTP_QUERY_RAW_HEADERS | flags, size = 0, count = 0;
    void *headers = NULL, *buffer;

    if (!source->list->count) return;
    expect( header_query_ex( source, level, 0, NULL, NULL, NULL, &size, &headers, &count ) == ERROR_INSUFFICIENT_BUFFER );
    buffer = malloc( size );
    expect( !header_query_ex( source, level, 0, NULL, NULL, buffer, &size, &headers, &count ) );
    expect( headers == buffer && count == source->list->count );
    free( buffer );
}

static inline void check_list( const struct headers *list, const struct status_line *line )
{
    struct header_source source = { list, line, L"GET", L"/x", L"HTTP/1.1", FALSE };
    DWORD i, text_cch = 0;

    for (i = 0; i < list->count; i++)
    {
        expect( list->fields[i].name_cch && is_clean( list->fields[i].name, list->fields[i].name_cch ) );
        expect( is_clean( list->fields[i].value, list->fields[i].value_cch ) );
        expect( headers_find( list, list->fields[i].name, list->fields[i].name_cch, 0 ) != NULL );
        text_cch += headers_line_cch( &list->fields[i] );
    }
    for (i = 0; i < list->count; i++)
    {
        if (!list->fields[i].bytes) continue;
        expect( list->fields[i].bytes_len && !memchr( list->fields[i].bytes, '\r', list->fields[i].bytes_len ) );
        expect( !memchr( list->fields[i].bytes, '\n', list->fields[i].bytes_len ) );
        expect( !memchr( list->fields[i].bytes, 0, list->fields[i].bytes_len ) );
    }
    expect( text_cch == list->text_cch && text_cch <= list->used_cch );
    check_serialised( list );
    check_raw_queries( &source );
    check_wire_queries( &source );
    check_pairs( &source, 0 );
    check_pairs( &source, WINHTTP_QUERY_FLAG_WIRE_ENCODING );
    source.is_request = TRUE;
    check_raw_queries( &source );
}

static inline int same_value( const struct field *a, const struct field *b )
{
    DWORD len = header_value_bytes( a, NULL, 0 );
    char *bytes = malloc( 2 * len + 1 );
    int same = header_value_bytes( b, NULL, 0 ) == len;

    header_value_bytes( a, bytes, len );
    if (same) header_value_bytes( b, bytes + len, len );
    same = same && !memcmp( bytes, bytes + len, len );
    free( bytes );
    return same;
}

/* What was parsed and written reads back the same, to the byte. */
static inline void check_reparse( const struct headers *list )
{
    struct headers again;
    char *head;
    DWORD i, len = serialise( list, &head ), line_len;

    headers_init( &again );
    for (line_len = 0; head[line_len] != '\n'; line_len++) ;
    line_len++;
    expect( !headers_parse( &again, NULL, head + line_len, len - line_len ) );
    expect( again.count == list->count );
    for (i = 0; i < list->count && i < again.count; i++)
    {
        expect( again.fields[i].name_cch == list->fields[i].name_cch );
        expect( again.fields[i].value_cch == list->fields[i].value_cch );
        expect( same_value( &again.fields[i], &list->fields[i] ) );
    }
    headers_clear( &again );
    free( head );
}

static inline void check_parse_headers( const char *text, DWORD len )
{
    const char *data = guard_copy( text, len );
    struct status_line line;
    struct headers list;
    DWORD err;

    headers_init( &list );
    if (!(err = headers_parse( &list, &line, data, len )))
    {
        expect( line.status >= 100 && line.status <= 999 && line.code_cch == 3 );
        check_list( &list, &line );
        check_reparse( &list );
    }
    else expect( (err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || err == ERROR_WINHTTP_HEADER_COUNT_EXCEEDED) && !list.count );
    if (!(err = headers_parse( &list, NULL, data, len ))) check_list( &list, NULL );
    else expect( (err == ERROR_WINHTTP_INVALID_SERVER_RESPONSE || err == ERROR_WINHTTP_HEADER_COUNT_EXCEEDED) && !list.count );
    headers_clear( &list );
}

/* Adds to a list that has something: all or nothing. */
static inline void check_add( const WCHAR *source, DWORD cch, DWORD flags )
{
    static const struct field raw = { .name = L"r", .name_cch = 1, .value = L"?", .value_cch = 1, .bytes = "\xe9\xff", .bytes_len = 2 };
    const WCHAR *text = guard_copy( source, cch * sizeof(WCHAR) );
    struct headers list;
    char *before, *after;
    DWORD before_len, after_len;

    headers_init( &list );
    expect( !headers_add( &list, L"a: 1\r\nB: 2\r\na: 3", 16, WINHTTP_ADDREQ_FLAG_ADD ) );
    expect( !headers_add_fields( &list, &raw, 1, WINHTTP_ADDREQ_FLAG_ADD ) );
    before_len = serialise( &list, &before );
    if (headers_add( &list, text, cch, flags ))
    {
        after_len = serialise( &list, &after );
        expect( before_len == after_len && !memcmp( before, after, after_len ) );
        free( after );
    }
    free( before );
    check_list( &list, NULL );
    headers_clear( &list );
}

#endif
