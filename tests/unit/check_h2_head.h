/*
 * What holds for every response block, whatever its fields: shared by test_h2_head.c and fuzz_h2_head.c
 */

#ifndef WINHTTP_UNIT_CHECK_H2_HEAD_H
#define WINHTTP_UNIT_CHECK_H2_HEAD_H

#include "test.h"
#include "unix/h2_head.h"
#include "unix/head.h"

/* A block that ended well is a head as HTTP/1.1 has it: it is found to its last byte, and reads as a head, unless a length
 * or a coding in it is bad. */
static inline void check_block( const struct h2_block *block )
{
    struct head_scan scan = HEAD_SCAN_INIT;
    struct head_info info;
    size_t i;

    expect( block->len <= block->limit );
    for (i = 0; i < block->len; i++) expect( block->text[i] );
    if (block->trailers)
    {
        for (i = 0; i + 1 < block->len; i++) expect( block->text[i] != '\r' || block->text[i + 1] == '\n' );
        expect( !block->len || block->text[block->len - 1] == '\n' );
        return;
    }
    expect( head_scan( &scan, block->text, block->len ) == (ssize_t)block->len );
    if (head_parse( &info, block->text, block->len, 0 ) == PARSE_BAD) return;
    expect( info.status == block->status );
}

#endif /* WINHTTP_UNIT_CHECK_H2_HEAD_H */
