/*
 * Checks that must hold for any bytes given to head_scan and head_parse; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_HEAD_H
#define WINHTTP_CHECK_HEAD_H

#include "test.h"
#include "unix/head.h"

/* The rules of head_scan, said once more as plainly as possible. */
static inline ssize_t naive_head_scan( const char *data, size_t len )
{
    size_t i;

    for (i = 0; i < len; i++)
    {
        if (i < 5 && data[i] != "HTTP/"[i]) return PARSE_BAD;
        if (!data[i]) return PARSE_BAD;
        if (i && data[i - 1] == '\r' && data[i] != '\n') return PARSE_BAD;
        if (data[i] != '\n') continue;
        if (i && data[i - 1] == '\n') return i + 1;
        if (i > 1 && data[i - 1] == '\r' && data[i - 2] == '\n') return i + 1;
    }
    return PARSE_MORE;
}

/* Scans in pieces that end at the given places; stops at the first answer. */
static inline ssize_t scan_split( const char *data, size_t len, size_t split )
{
    struct head_scan scan = HEAD_SCAN_INIT;
    ssize_t ret = head_scan( &scan, data, split );

    return ret ? ret : head_scan( &scan, data, len );
}

static inline ssize_t scan_bytewise( const char *data, size_t len )
{
    struct head_scan scan = HEAD_SCAN_INIT;
    ssize_t ret = PARSE_MORE;
    size_t i;

    for (i = 1; i <= len && ret == PARSE_MORE; i++) ret = head_scan( &scan, data, i );
    return ret;
}

static inline void check_head_info( const char *data, size_t len, int head_request )
{
    struct head_info info;
    ssize_t ret = head_parse( &info, data, len, head_request );

    expect( ret == PARSE_BAD || (ret > 0 && (size_t)ret <= len) );
    if (ret == PARSE_BAD) return;
    expect( info.status >= 100 && info.status <= 999 && info.minor <= 9 );
    expect( info.body != HEAD_BODY_LENGTH || info.content_len <= INT64_MAX );
    expect( info.body != HEAD_BODY_CHUNKED || info.content_len == ~(uint64_t)0 );
    expect( !info.keep_alive || (!info.ambiguous && info.body != HEAD_BODY_CLOSE) );
    expect( !head_request || info.body == HEAD_BODY_NONE );
}

static inline void check_head( const char *text, size_t len )
{
    const char *data = guard_copy( text, len );
    struct head_scan scan = HEAD_SCAN_INIT;
    ssize_t ret = head_scan( &scan, data, len );
    struct head_info info;
    size_t split;

    expect( ret == naive_head_scan( data, len ) );
    expect( head_scan( &scan, data, len ) == ret );                 /* an answer is sticky */
    expect( scan_bytewise( data, len ) == ret );
    for (split = 0; split <= len && split < 300; split++) expect( scan_split( data, len, split ) == ret );

    check_head_info( data, len, 0 );
    check_head_info( data, len, 1 );
    if (ret <= 0) return;
    data = guard_copy( text, ret );
    check_head_info( data, ret, 0 );
    ret = head_parse( &info, data, ret, 0 );                        /* both agree where the head ends */
    expect( ret == PARSE_BAD || ret == naive_head_scan( data, ret ) );
}

#endif
